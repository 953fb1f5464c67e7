// A town to look at: people whose devices are in every state that a page can show.

const SERIALS = ['0A31-7701', '0A31-7702', '0A31-7703'];

/** Fills a house, and tells where each kind of page is found. */
export async function settle(house) {
  const as = (name) => async (path, body) => (await house.api(name, path, body)).answer;
  const [omar, vera, ines] = [as('omar'), as('vera'), as('ines')];
  const town = new Town(house, omar);
  for (const serial of SERIALS) await ines('/api/stock', { kind: 'smart-card', serial, model: 'Example C2' });

  // a phone and a tablet that share a key
  const julia = await town.resident('Julia Okafor');
  const shared = await town.phone(julia, 'Phone', 'PX-2960');
  await town.tablet(julia, 'Tablet', 'TB-1184');

  // the same, after the phone was replaced and before the tablet has heard of it
  const ana = await town.resident('Ana Ruiz');
  const first = await town.phone(ana, 'Old phone', 'PX-4410');
  await town.tablet(ana, 'Tablet', 'TB-2207');
  const replaced = await town.replace(first, 'lost', 'Phone', 'PX-8123');

  // stolen in the night, reported by telephone
  const bruno = await town.resident('Bruno Keller');
  const stolen = await omar('/api/replacements', { target: await town.phone(bruno, 'Phone', 'PX-5093'), reason: 'stolen', mode: 'remote' });

  // reported by the user: one waits, one was rejected
  const carla = await town.resident('Carla Sanz');
  const waiting = await town.report(carla, await town.phone(carla, 'Work phone', 'PX-6120'), 'lost');
  const henk = await town.resident('Henk Visser');
  const rejected = await town.report(henk, await town.phone(henk, 'Phone', 'PX-7311'), 'lost');
  await vera(`/api/requests/${rejected}/reject`, { because: 'It was in his coat.' });

  // cards: one to be bound, one bound
  const unbound = await town.ask(await town.resident('David Engel'), 'smart-card', 'local');
  const bound = await town.ask(await town.resident('Eva Lindqvist'), 'smart-card', 'local');
  const { devices } = await ines('/api/stock');
  await ines(`/api/requests/${bound}/bind`, { device: devices.find(({ serial }) => serial === SERIALS[0]).id });

  // a stand-in, and a phone that the help desk suspended
  const farid = await town.resident('Farid Nasser');
  await town.replace(await town.phone(farid, 'Phone', 'PX-9005'), 'forgotten', 'Borrowed phone', 'PX-0001');
  const emma = await town.resident('Emma Roth');
  const suspended = await town.phone(emma, 'Phone', 'PX-3354');
  await omar(`/api/devices/${suspended}/suspend`, {});

  const { credentials } = await omar(`/api/users/${julia}`);
  const credential = credentials.find(({ slot }) => slot === 'sign').id;
  const requests = { unbound, bound, waiting, rejected, replaced, stolen: stolen.request.id };
  return { town, users: { julia, ana, bruno, farid, emma }, devices: { shared, suspended }, credential, requests };
}

/** Somebody whose names are hard to set; their id. */
export async function settleHard({ town }) {
  const user = await town.resident(`Maximiliane ${'Wolkenstein'.repeat(4)}`);
  await town.phone(user, `${'محمول '.repeat(4)}<b>&`, 'PX-1');
  return user;
}

class Town {
  constructor(house, omar) {
    this.house = house;
    this.omar = omar;
    this.portals = new Map();
    this.emails = new Map();
  }

  async resident(name) {
    const email = `${name.split(' ')[0].toLowerCase()}@example.org`;
    const { id } = await this.omar('/api/users', { name, email, upn: email });
    this.emails.set(id, email);
    return id;
  }

  async #asked(user, kind, mode) {
    return this.omar(`/api/users/${user}/initial-issuances`, { kind, mode });
  }

  async ask(user, kind, mode) {
    return (await this.#asked(user, kind, mode)).request.id;
  }

  /** A phone of theirs; its id. */
  async phone(user, name, serial) {
    const { invitation } = await this.#asked(user, 'mobile-smart-card', 'remote');
    await this.house.phone().issue(invitation, '--name', name, '--serial', serial, '--model', 'Example 8');
    return this.held(user, name);
  }

  async tablet(user, name, serial) {
    const request = await this.ask(user, 'mobile-app', 'self-enrollment');
    const portal = await this.#portal(user);
    const { invitation } = await portal(`/api/requests/${request}/ticket`, {});
    const facts = ['--kind', 'mobile-app', '--name', name, '--serial', serial, '--model', 'Example Tab'];
    await this.house.phone().issue(invitation, ...facts);
  }

  /** Replaces a device, to its end; the request's id. */
  async replace(target, reason, name, serial) {
    const { request, invitation } = await this.omar('/api/replacements', { target, reason, mode: 'remote' });
    await this.house.phone().issue(invitation, '--name', name, '--serial', serial, '--model', 'Example 9');
    return request.id;
  }

  /** A replacement that they ask for themselves; its id. */
  async report(user, target, reason) {
    const portal = await this.#portal(user);
    return (await portal('/api/replacements', { target, reason, mode: 'self-enrollment' })).request.id;
  }

  async held(user, name) {
    const { devices } = await this.omar(`/api/users/${user}`);
    return devices.find((device) => device.name === name).id;
  }

  async #portal(user) {
    if (!this.portals.has(user)) this.portals.set(user, await this.house.portal(this.emails.get(user)));
    return this.portals.get(user);
  }
}
