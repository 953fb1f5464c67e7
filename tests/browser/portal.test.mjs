// The portal as users use it: a real browser, a real server, a letter that is read, and phones that know only the wire.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  button, card, choose, effects, entry, fill, find, go, invitation, isLive, isNow, keys, link, mark, press, says, states, tabTo, title,
} from './hands.mjs';
import { OWN } from './house.mjs';
import { openScene } from './scene.mjs';

const SELF = 'I enroll it myself, here at the portal';

let scene;
let house;

before(async () => {
  scene = await openScene();
  ({ house } = scene);
});

after(() => scene?.close());

const field = (page, label) => page.getByLabel(label, { exact: true });

const home = (page, name) => title(page, new RegExp(`^Hello, .*${name}`));

/** With the password, up to where the code is asked for; the code, as the letter has it. */
async function begin(page, { email }, password) {
  const read = await house.letters();
  await fill(page, { 'E-mail address or UPN': email, Password: password });
  await press(page, 'Continue');
  await title(page, 'Look into your mail');
  return house.code(email, read);
}

async function signIn(page, user, password = OWN) {
  const code = await begin(page, user, password);
  await fill(page, { 'The code': code });
  await press(page, 'Sign in');
}

/** Signed in for the first time. */
async function settle(page, user) {
  await signIn(page, user, await house.firstPassword(user.email));
  await fill(page, { 'Your new password': OWN });
  await press(page, 'Set the password');
  await home(page, user.name);
}

/** Somebody with a phone, signed in at a browser of their own. */
async function settled(name, options) {
  const user = await scene.resident(name, 'Phone-1');
  const page = await scene.guest(options);
  await settle(page, user);
  return { user, page };
}

async function report(page, device, reason, mode = SELF) {
  await link(card(page, device), new RegExp(`^Something happened to it ?: ${device}$`)).click();
  await choose(page, reason, mode);
}

async function reported(page, device, reason) {
  await report(page, device, reason);
  await press(page, 'Report it now');
  await says(page, 'An officer must approve it');
}

/** What an officer does with what is asked for a user. */
async function approve(user) {
  const vera = await scene.at('vera');
  await find(vera, user.name);
  await go(vera, /^Replacement of/);
  await go(vera, 'Approve');
  await press(vera, 'Approve');
  await says(vera, /^approved$/);
}

/** Enrolls a new phone with what the page shows. */
async function enroll(page, name) {
  await press(page, 'Show the code to enroll with');
  const ticket = await invitation(page, 'Enroll your new device');
  await house.phone().issue(ticket, '--name', name);
  return ticket;
}

test('a stolen phone is reported, approved, and the next one enrolled from the screen', async () => {
  const ana = await scene.resident('Ana Ruiz', 'Phone-1');
  const omar = await scene.at('omar');
  await find(omar, 'Ana Ruiz');
  await go(omar, 'First password for the portal');
  await says(omar, 'signs in once');
  await press(omar, 'Give a first password');
  const given = await omar.getByRole('region', { name: 'Read this to the user' }).locator('.code').innerText();

  const page = await scene.guest();
  await title(page, 'Sign in');
  await signIn(page, ana, given);
  await title(page, 'Set a password of your own');
  await fill(page, { 'Your new password': OWN });
  await press(page, 'Set the password');
  await home(page, 'Ana Ruiz');
  await isNow(page, 'Phone-1', 'active');

  await report(page, 'Phone-1', 'Stolen');
  for (const told of ['Phone-1', 'invalid', 'Nothing: until the new device is there', 'You can take it back until']) await says(effects(page), told);
  await press(page, 'Report it now');
  await says(page, 'awaiting approval');
  await says(page, 'OCSP says so');
  await mark(page);
  await approve(ana);
  await says(page, /^approved$/);
  await button(page, 'Show the code to enroll with').waitFor();
  await isLive(page);

  await press(page, 'Show the code to enroll with');
  await page.getByRole('img', { name: 'The invitation as a QR code' }).waitFor();
  await mark(page);
  const ticket = await invitation(page, 'Enroll your new device');
  assert.match(ticket.uri, /^msc1:\?h=localhost:/);
  await house.phone().issue(ticket, '--name', 'Phone-2');
  await says(page, /^issued$/);
  await says(entry(page, 'The new device is active'), 'Phone-2');
  await page.getByRole('region', { name: 'Enroll your new device' }).waitFor({ state: 'hidden' });
  await isLive(page);

  await go(page, 'My devices');
  await isNow(page, 'Phone-2', 'active');
  assert.equal(await card(page, 'Phone-1').count(), 0, 'it is out of the way');
  await go(page, 'What was done');
  await says(page, 'Replacement submitted');
  await says(page, 'Code sent');
});

test('a device of one’s own signs its user in, as long as it works', async () => {
  const user = await scene.resident('Bruno Keller', 'Phone-1');
  const context = await scene.context(await house.with(user.phones[0]));
  const page = await context.newPage();
  await page.goto(house.portal);
  await says(page, 'showed the certificate of');
  await press(page, /^Sign in as Bruno Keller/);
  await home(page, 'Bruno Keller');
  await report(page, 'Phone-1', 'Lost');
  await press(page, 'Report it now');
  await title(page, 'Sign in');
  assert.equal(await button(page, /^Sign in as/).count(), 0, 'a lost phone opens nothing, and nothing stays open that it opened');
  await context.close();
  const omar = await scene.at('omar');
  await find(omar, 'Bruno Keller');
  await isNow(omar, 'Phone-1', 'invalid');
});

test('what was reported is taken back, as long as nobody has approved it', async () => {
  const { user, page } = await settled('Carla Sanz');
  const before = await states(page, 'Phone-1');
  await reported(page, 'Phone-1', 'Lost');
  await go(page, 'My devices');
  await isNow(page, 'Phone-1', 'invalid');
  await link(card(page, 'Phone-1'), 'Follow the replacement').click();
  await go(page, 'Take it back');
  await says(effects(page), 'active');
  await press(page, 'Take it back');
  await says(page, 'Canceled: everything is as it was');
  await go(page, 'My devices');
  await isNow(page, 'Phone-1', 'active');
  assert.deepEqual(await states(page, 'Phone-1'), before);

  await reported(page, 'Phone-1', 'Lost');
  await link(page, 'Take it back').waitFor();
  await approve(user);
  await link(page, 'Take it back').waitFor({ state: 'hidden' });
});

test('“this was not me” is seen at the desk, at its start and on the request', async () => {
  const user = await scene.resident('David Engel', 'Phone-1');
  const { devices } = await house.api('omar', `/api/users/${user.id}`);
  await house.api('omar', '/api/replacements', { target: devices[0].id, reason: 'stolen', mode: 'remote' });
  const page = await scene.guest();
  await settle(page, user);
  await go(page, /^Replacement of/);
  await go(page, 'This was not me');
  await says(page, 'What is suspended stays suspended');
  await press(page, 'Tell the help desk');
  await says(page, 'You said that this was not you');
  assert.equal(await link(page, 'This was not me').count(), 0, 'it is said once');

  const omar = await scene.at('omar');
  const told = omar.getByRole('alert').filter({ hasText: 'The user says: this was not me' });
  await told.getByRole('link').first().click();
  await told.waitFor();
  await says(told, 'Speak with the user');
  await go(omar, 'David Engel');
  await isNow(omar, 'Phone-1', 'invalid');
});

test('what is wrong is said, and opens nothing', async () => {
  const user = await scene.resident('Emma Roth', 'Phone-1');
  const given = await house.firstPassword(user.email);
  const page = await scene.guest();
  await fill(page, { 'E-mail address or UPN': user.email, Password: 'a guess' });
  await press(page, 'Continue');
  await says(page.getByRole('alert'), 'do not belong together');
  assert.equal(await field(page, 'E-mail address or UPN').inputValue(), user.email);
  assert.equal(await field(page, 'Password').inputValue(), '');

  const code = await begin(page, user, given);
  await page.goto(house.portal);
  await title(page, 'Look into your mail');
  await fill(page, { 'The code': code === '000000' ? '111111' : '000000' });
  await press(page, 'Sign in');
  await says(page.getByRole('alert'), 'not the code of the last letter');
  await fill(page, { 'The code': `${code.slice(0, 3)} ${code.slice(3)}` });
  await press(page, 'Sign in');

  await title(page, 'Set a password of your own');
  await fill(page, { 'Your new password': 'emma roth' });
  await press(page, 'Set the password');
  await says(page.getByRole('alert'), '12 to 128 characters');
  await page.goto(`${house.portal}/history`);
  await title(page, 'Set a password of your own');
  await fill(page, { 'Your new password': OWN });
  await press(page, 'Set the password');
  await home(page, 'Emma Roth');

  await go(page, 'Password');
  await fill(page, { 'Your password now': 'not this one', 'Your new password': `${OWN} again` });
  await press(page, 'Set the password');
  await says(page.getByRole('alert'), 'not your password now');
  const stranger = await scene.guest();
  await fill(stranger, { 'E-mail address or UPN': user.email, Password: given });
  await press(stranger, 'Continue');
  await says(stranger.getByRole('alert'), 'do not belong together');
});

test('who has signed out leaves nothing behind', async () => {
  const { page } = await settled('Farid Nasser');
  await go(page, 'What was done');
  await title(page, 'What was done');
  await press(page, 'Sign out');
  await title(page, 'You are signed out');
  // what was done, the devices, the password
  for (let back = 0; back < 3; back++) {
    await page.goBack();
    await title(page, 'Sign in');
    assert.equal(await page.getByText(/Farid|Phone-1|Device issued/).count(), 0);
  }
});

test('a double click reports once', async () => {
  const { user, page } = await settled('Greta Holm');
  await report(page, 'Phone-1', 'Lost');
  await button(page, 'Report it now').dblclick();
  await says(page, 'awaiting approval');
  await page.goBack();
  await says(page, 'A replacement of this device is open already.');
  const { requests } = await house.api('omar', `/api/users/${user.id}`);
  assert.equal(requests.filter(({ reason }) => reason === 'lost').length, 1, JSON.stringify(requests));
});

test('the way to the next phone needs no script', async () => {
  const { user, page } = await settled('Henk Visser', { javaScriptEnabled: false });
  await report(page, 'Phone-1', 'Stolen');
  await button(page, 'Report it now').dblclick();
  await says(page, 'awaiting approval');
  await approve(user);
  await page.reload();
  await enroll(page, 'Phone-2');
  await go(page, 'My devices');
  await isNow(page, 'Phone-2', 'active');
});

test('signing in needs no mouse', async () => {
  const user = await scene.resident('Ida Lund', 'Phone-1');
  const first = await scene.guest();
  await settle(first, user);
  await press(first, 'Sign out');
  await title(first, 'You are signed out');
  await keys(first, link(first, 'Sign in again'));
  await title(first, 'Sign in');

  // where it begins to be typed is where the focus is
  const read = await house.letters();
  await first.keyboard.type(user.email);
  await tabTo(first, field(first, 'Password'));
  await first.keyboard.type(OWN);
  await first.keyboard.press('Enter');
  await title(first, 'Look into your mail');
  await first.keyboard.type(await house.code(user.email, read));
  await first.keyboard.press('Enter');
  await home(first, 'Ida Lund');
  await keys(first, link(card(first, 'Phone-1'), /^Something happened to it/));
  await title(first, /What happened to .*Phone-1/);
});
