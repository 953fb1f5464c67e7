// A town to look at: people whose devices are in every state that a page can show.

const SERIALS = ['0A31-7701', '0A31-7702', '0A31-7703'];

/** Fills a house, and tells where each kind of page is found. */
export async function settle(house) {
  const town = new Town(house);
  const [omar, vera, ines] = ['omar', 'vera', 'ines'].map((name) => town.as(name));
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
  town.portals.delete(ana); // her session ended with the phone

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
  const david = await town.resident('David Engel');
  const unbound = await town.ask(david, 'smart-card', 'local');
  const eva = await town.resident('Eva Lindqvist');
  const bound = await town.ask(eva, 'smart-card', 'local');
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
  return { town, users: { julia, ana, bruno, carla, henk, david, eva, farid, emma }, devices: { shared, suspended }, credential, requests };
}

/** Somebody whose names are hard to set; their id. */
export async function settleHard({ town }) {
  const user = await town.resident(`Maximiliane ${'Wolkenstein'.repeat(4)}`);
  await town.phone(user, `${'محمول '.repeat(4)}<b>&`, 'PX-1');
  return user;
}

/** What is seen at the portal alone: a phone to be enrolled, a report that was taken back, one that somebody else made. */
export async function settlePortal({ town }) {
  const [omar, vera] = ['omar', 'vera'].map((name) => town.as(name));
  const nina = await town.resident('Nina Falk');
  const approved = await town.report(nina, await town.phone(nina, 'Phone', 'PX-2468'), 'damaged');
  await vera(`/api/requests/${approved}/approve`, {});
  const otto = await town.resident('Otto Lang');
  const canceled = await town.report(otto, await town.phone(otto, 'Phone', 'PX-1357'), 'lost');
  await (await town.portal(otto))(`/api/requests/${canceled}/cancel`, {});
  const pia = await town.resident('Pia Wolf');
  const target = await town.phone(pia, 'Phone', 'PX-8642');
  const { request } = await omar('/api/replacements', { target, reason: 'stolen', mode: 'remote' });
  const rosa = await town.resident('Rosa Dias');
  return { users: { nina, otto, pia, rosa }, requests: { approved, canceled, disputed: request.id } };
}

/** Keys that officers ask for, in every state; the recoveries' ids. */
export async function settleRecoveries({ town, users }) {
  const [vera, eve] = ['vera', 'eve'].map((name) => town.as(name));
  const recoveries = {};
  for (const [state, by] of [['asked', 'ines'], ['approved', 'eve'], ['refused', 'ines'], ['collected', 'eve']]) {
    recoveries[state] = await town.recovery(by, users.julia);
  }
  await vera(`/api/recoveries/${recoveries.refused}/refuse`, {});
  for (const state of ['approved', 'collected']) await vera(`/api/recoveries/${recoveries[state]}/approve`, {});
  await eve(`/api/recoveries/${recoveries.collected}/collect`, {});
  return recoveries;
}

class Town {
  constructor(house) {
    this.house = house;
    this.omar = this.as('omar');
    this.portals = new Map();
    this.phones = new Map();
    this.emails = new Map();
  }

  /** The desk's API, as one of its operators asks it. */
  as(name) {
    return (path, body) => this.house.api(name, path, body);
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
    const phone = this.house.phone();
    await phone.issue(invitation, '--name', name, '--serial', serial, '--model', 'Example 8');
    const id = await this.held(user, name);
    this.phones.set(id, phone);
    return id;
  }

  async tablet(user, name, serial) {
    const request = await this.ask(user, 'mobile-app', 'self-enrollment');
    const portal = await this.portal(user);
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
    const portal = await this.portal(user);
    return (await portal('/api/replacements', { target, reason, mode: 'self-enrollment' })).request.id;
  }

  async held(user, name) {
    const { devices } = await this.omar(`/api/users/${user}`);
    return devices.find((device) => device.name === name).id;
  }

  /** The portal's API, as one of its users asks it. */
  async portal(user) {
    if (!this.portals.has(user)) this.portals.set(user, await this.house.signedIn(this.emails.get(user)));
    return this.portals.get(user);
  }

  /** Asks for the keys of a user; the recovery's id. */
  async recovery(by, user) {
    this.recipient ??= (await this.house.certificationRequest()).replaceAll(/-----.*-----|\n/g, '');
    const because = 'She has left, and the contract is in her mail.';
    return (await this.as(by)(`/api/users/${user}/recoveries`, { because, recipient: this.recipient })).id;
  }
}
