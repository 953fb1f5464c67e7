// The desk as people use it: a real browser, a real server and phones that know only the wire. Pages are left and reached by clicks alone.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import {
  button, card, choose, cover, effects, entry, fill, find, go, invitation, isLive, isNow, keys, link, main, mark, press, says, states, tabTo, title,
} from './hands.mjs';
import { openScene } from './scene.mjs';

let scene;
let house;

before(async () => {
  scene = await openScene();
  ({ house } = scene);
});

after(() => scene?.close());

const at = (...words) => scene.at(...words);
const resident = (...words) => scene.resident(...words);
const asked = (...words) => scene.asked(...words);

/** Clicks what can be done about a device, or about something on it. */
async function act(page, device, name, about = '') {
  await link(card(page, device), new RegExp(`^${name} ?: ${about}${device}$`)).click();
}

async function replace(page, device, reason, mode = 'Remotely, onto the phone') {
  await act(page, device, 'Replace');
  await choose(page, reason);
  await choose(page, mode);
}

test('a new user is issued a first phone remotely, and the desk sees it live', async () => {
  const page = await at('omar');
  await go(page, 'Find a user');
  await go(page, 'Enter a new user');
  await fill(page, { Name: 'Ana Ruiz', 'E-mail address': 'ana.ruiz@example.org' });
  await press(page, 'Enter');
  await title(page, 'Ana Ruiz');
  await says(page, 'None yet.');
  await go(page, 'Issue a device');
  await choose(page, 'mobile smart card');
  await choose(page, 'Remotely, onto the phone');
  await says(page, 'What will happen');
  await press(page, 'Request it');
  await mark(page);
  const invited = await invitation(page);
  assert.match(invited.uri, /^msc1:\?h=localhost:/);
  assert.match(invited.code, /^\d{8}$/);

  const phone = house.phone();
  await phone.issue(invited, '--name', 'Ana’s phone', '--until', 'signed');
  await says(entry(page, 'Keys made on the device'), /Signing: there/);
  await says(entry(page, 'Invitation'), 'It was used.');
  await phone.issue(invited, '--name', 'Ana’s phone');
  await says(page, /^issued$/);
  await says(entry(page, 'The new device is active'), 'Ana’s phone');
  await isLive(page);

  await go(page, 'Ana Ruiz');
  await isNow(page, 'Ana’s phone', 'active');
  assert.deepEqual(await states(page, 'Ana’s phone'), ['active', 'active', 'active', 'active']);
});

test('a lost phone is replaced, and the tablet brought up to date', async () => {
  const bruno = await resident('Bruno Keller', 'Phone-1');
  const { request } = await asked(bruno, 'mobile-app', 'self-enrollment');
  const portal = await house.signedIn(bruno.email);
  const { invitation: ticket } = await portal(`/api/requests/${request.id}/ticket`, {});
  const tablet = house.phone();
  await tablet.issue(ticket, '--kind', 'mobile-app', '--name', 'Tablet');

  const page = await at('omar');
  await find(page, 'Bruno Keller');
  await says(card(page, 'Phone-1'), /Shared with .*Tablet/);
  await replace(page, 'Phone-1', 'Lost');
  for (const told of ['Phone-1', 'invalid', /Tablet.*: Logging on, Signing/, 'It can be undone']) await says(effects(page), told);
  await press(page, 'Submit the replacement');

  await mark(page);
  await says(page, 'OCSP says so');
  await says(page, /CRL number .* says so/);
  await house.phone().issue(await invitation(page), '--name', 'Phone-2');
  await says(page, /^issued$/);
  await says(entry(page, 'Other devices brought up to date'), /Tablet.*must be synced once/);
  await tablet.sync();
  await says(entry(page, 'Other devices brought up to date'), /Tablet.*up to date/);
  await isLive(page);

  await go(page, 'Bruno Keller');
  await isNow(page, 'Phone-2', 'active');
  await isNow(page, 'Tablet', 'active');
  assert.equal(await card(page, 'Phone-1').count(), 0, 'it is out of the way');
  await page.getByText('device that has ended').click();
  await isNow(page, 'Phone-1', 'terminated');
  await says(card(page, 'Phone-1'), 'Ended: lost');
});

test('a canceled replacement leaves everything as it was', async () => {
  await resident('Carla Sanz', 'Phone-1');
  const page = await at('omar');
  await find(page, 'Carla Sanz');
  const before = await states(page, 'Phone-1');
  await replace(page, 'Phone-1', 'Stolen');
  await press(page, 'Submit the replacement');
  await go(page, 'Carla Sanz');
  await isNow(page, 'Phone-1', 'invalid');
  assert.deepEqual(await states(page, 'Phone-1'), ['invalid', 'suspended', 'suspended', 'suspended']);
  await says(card(page, 'Phone-1'), /Held by a replacement \(.*Stolen/);
  await link(card(page, 'Phone-1'), 'Follow the replacement').click();
  await go(page, 'Cancel the request');
  await says(page, 'What will happen');
  await press(page, 'Cancel the request');
  await says(page, 'Canceled: everything is as it was');
  await go(page, 'Carla Sanz');
  await isNow(page, 'Phone-1', 'active');
  assert.deepEqual(await states(page, 'Phone-1'), before);
  assert.equal(await main(page).getByText('Under way').count(), 0);
});

test('a card comes from stock, is bound, personalized with a ticket, and active', async () => {
  await resident('David Engel');
  const omar = await at('omar');
  await find(omar, 'David Engel');
  await go(omar, 'Issue a device');
  await choose(omar, 'smart card');
  await choose(omar, 'At an issuance officer');
  await press(omar, 'Request it');
  await says(omar, /^approved$/);
  await mark(omar);

  const ines = await at('ines');
  await go(ines, 'Stock');
  await fill(ines, { 'Serial number': '0A31-7702', Model: 'Blank card' });
  await press(ines, 'Add to stock');
  await ines.getByRole('cell', { name: '0A31-7702' }).waitFor();
  await go(ines, 'Add a list');
  await fill(ines, { 'The list': 'kind,serial\nsmart-card,0A31-7703\nsmart-card,0A31-7704' });
  await press(ines, 'Add the list');
  await ines.getByRole('cell', { name: '0A31-7704' }).waitFor();

  await go(ines, 'Requests');
  await go(entry(ines, 'David Engel'), /^New/);
  await go(ines, 'Bind a card');
  await ines.getByLabel('Which card?').selectOption('0A31-7703 · card');
  await press(ines, 'Continue');
  await press(ines, 'Bind');
  await says(ines, 'card bound');
  await go(ines, 'Give out the ticket');
  await press(ines, 'Give out');
  const ticket = await invitation(ines);
  assert.equal(ticket.code, undefined, 'it goes from hand to hand');
  const issued = ['--kind', 'smart-card', '--name', 'Card'];
  const wrong = house.phone().issue(ticket, ...issued, '--serial', '0A31-7702');
  await assert.rejects(wrong, /not-available/);
  await house.phone().issue(ticket, ...issued, '--serial', '0A31-7703');
  await says(ines, /^issued$/);
  await says(omar, /^issued$/);
  await isLive(omar);
  await go(omar, 'David Engel');
  await omar.getByText('0A31-7703').first().waitFor();
  await says(omar.getByRole('article'), /^active$/);
  await go(ines, 'Stock');
  await ines.getByRole('cell', { name: '0A31-7702' }).waitFor();
  assert.equal(await ines.getByRole('cell', { name: '0A31-7703' }).count(), 0);
});

test('a device is suspended and resumed, and ended for ever', async () => {
  await resident('Emma Roth', 'Phone-1');
  const page = await at('omar');
  await find(page, 'Emma Roth');
  await act(page, 'Phone-1', 'Suspend');
  await says(page, 'It can be undone: resume.');
  await press(page, 'Suspend');
  await isNow(page, 'Phone-1', 'suspended');
  await says(card(page, 'Phone-1'), 'Suspended with its device by the help desk');
  await act(page, 'Phone-1', 'Resume');
  await press(page, 'Resume');
  await isNow(page, 'Phone-1', 'active');

  await act(page, 'Phone-1', 'Suspend this', 'Signing, ');
  await press(page, 'Suspend');
  await says(card(page, 'Phone-1'), 'Suspended by the help desk');
  assert.deepEqual((await states(page, 'Phone-1')).sort(), ['active', 'active', 'active', 'suspended']);
  await act(page, 'Phone-1', 'Resume this', 'Signing, ');
  await press(page, 'Resume');
  await isNow(page, 'Phone-1', 'active');

  await act(page, 'Phone-1', 'Terminate');
  await choose(page, 'No longer wanted');
  await says(page, 'This cannot be undone.');
  await says(page, 'Nothing: until the new device is there');
  await go(page, 'Leave everything as it is');
  await isNow(page, 'Phone-1', 'active');
  await act(page, 'Phone-1', 'Terminate');
  await choose(page, 'No longer wanted');
  await press(page, 'Terminate for ever');
  await says(page, 'None yet.');
  await page.getByText('device that has ended').click();
  await isNow(page, 'Phone-1', 'terminated');
  await says(card(page, 'Phone-1'), 'Ended: retired');
});

test('a forgotten phone has a stand-in until it is back', async () => {
  await resident('Farid Nasser', 'Phone-1');
  const page = await at('omar');
  await find(page, 'Farid Nasser');
  await replace(page, 'Phone-1', 'Forgotten');
  await press(page, 'Submit the replacement');
  await house.phone().issue(await invitation(page), '--name', 'Borrowed');
  await says(page, /^issued$/);
  await go(page, 'Farid Nasser');
  await isNow(page, 'Borrowed', 'active');
  await isNow(page, 'Phone-1', 'invalid');
  await says(card(page, 'Borrowed'), /It stands in for .*Phone-1/);
  await act(page, 'Borrowed', 'Terminate');
  await choose(page, 'No longer wanted');
  await says(effects(page), 'Phone-1');
  await press(page, 'Terminate for ever');
  await isNow(page, 'Phone-1', 'active');
  assert.deepEqual(await states(page, 'Phone-1'), ['active', 'active', 'active', 'active']);
});

async function reported(name) {
  const { email } = await resident(name, 'Phone-1');
  const portal = await house.signedIn(email);
  const { devices } = await portal('/api/me');
  const { request } = await portal('/api/replacements', { target: devices[0].id, reason: 'lost', mode: 'self-enrollment' });
  return { ticket: () => portal(`/api/requests/${request.id}/ticket`, {}) };
}

test('what a user reports is approved by an officer, and then issued by the user', async () => {
  const { ticket } = await reported('Greta Holm');
  const omar = await at('omar');
  await find(omar, 'Greta Holm');
  await isNow(omar, 'Phone-1', 'invalid');
  await link(card(omar, 'Phone-1'), 'Follow the replacement').click();
  await says(omar, 'awaiting approval');
  assert.equal(await link(omar, 'Approve').count(), 0, 'it is not theirs to approve');
  const vera = await at('vera');
  await go(vera, 'Requests');
  await go(entry(vera, 'Greta Holm'), /^Approve/);
  await press(vera, 'Approve');
  await says(vera, /^approved$/);
  await says(omar, /^approved$/);
  const { invitation: given } = await ticket();
  await house.phone().issue(given, '--name', 'Phone-2');
  await says(omar, /^issued$/);
  await go(omar, 'Greta Holm');
  await isNow(omar, 'Phone-2', 'active');
});

test('what a user reports is rejected by an officer, and their phone is good again', async () => {
  await reported('Henk Visser');
  const vera = await at('vera');
  await go(entry(vera, 'Henk Visser'), /^Replacement/);
  await go(vera, 'Reject');
  await fill(vera, { 'Why is it rejected?': 'He called: it was in his coat <b>all along</b>.' });
  await press(vera, 'Reject');
  await says(vera, /^rejected$/);
  await go(vera, 'Henk Visser');
  await isNow(vera, 'Phone-1', 'active');
});

test('an auditor searches the log, has it verified, and takes it along', async () => {
  await resident('Ida Lund', 'Phone-1');
  const page = await at('aude');
  await go(page, 'Audit log');
  await page.getByLabel('Act', { exact: true }).selectOption('Device issued');
  await press(page, 'Find');
  await page.waitForURL(/act=issue/);
  const acts = await main(page).locator('td:nth-child(3)').allInnerTexts();
  assert.ok(acts.length > 0 && acts.every((act) => act === 'Device issued'), acts.join());
  await go(page, 'Verify the log');
  await says(page, 'Nothing is wrong');
  await says(page, /Entries: .* Chains: /);
  await page.goBack();
  const [download] = await Promise.all([page.waitForEvent('download'), go(page, 'Export the log')]);
  assert.equal(download.suggestedFilename(), 'audit.jsonl');
  const lines = (await readFile(await download.path(), 'utf8')).trimEnd().split('\n');
  assert.ok(lines.map((line) => JSON.parse(line)).some((line) => JSON.stringify(line).includes('"issue"')), lines.at(-1));
});

test('who may not is told so in words, and can go back', async () => {
  await resident('Jan Novak', 'Phone-1');
  const omar = await at('omar');
  await find(omar, 'Jan Novak');
  await act(omar, 'Phone-1', 'Suspend');
  await title(omar, /Suspend/);

  // a colleague pastes the address
  const vera = await at('vera');
  await vera.goto(omar.url());
  await says(vera, 'You may not do this with your role.');
  await says(vera, 'Nothing has changed.');
  await go(vera, 'To the start');
  await title(vera, /Hello, .*vera/);
  assert.equal(await link(vera, 'Stock').count(), 0);
  await find(vera, 'Jan Novak');
  assert.equal(await link(card(vera, 'Phone-1'), /./).count(), 0, 'nothing is offered that would be refused');
});

test('a page that is no longer true changes nothing', async () => {
  await resident('Kim Sato', 'Phone-1');
  const [first, second] = [await at('omar'), await scene.another('omar')];
  for (const page of [first, second]) {
    await find(page, 'Kim Sato');
    await act(page, 'Phone-1', 'Suspend');
  }
  await press(first, 'Suspend');
  await isNow(first, 'Phone-1', 'suspended');
  await press(second, 'Suspend');
  await says(second, 'no longer in the state that this page showed');
  await says(second, 'Nothing has changed.');
  await go(second, 'Back, and look again');
  await title(second, 'Kim Sato');
  await isNow(second, 'Phone-1', 'suspended');
  await second.close();
});

test('what is over is no longer offered, on a page that lay open', async () => {
  const { invitation: invited } = await asked(await resident('Sven Dahl'), 'mobile-smart-card', 'remote');
  const page = await at('omar');
  await find(page, 'Sven Dahl');
  await go(page, /^New/);
  await link(page, 'Cancel the request').waitFor();
  await house.phone().issue(invited, '--name', 'Phone-1');
  await says(page, /^issued$/);
  for (const over of ['Cancel the request', 'Give out a new invitation']) {
    await link(page, over).waitFor({ state: 'hidden' });
  }
});

test('many tabs that follow live leave room for another, and follow again when they are looked at', async () => {
  const { invitation: invited } = await asked(await resident('Tara Singh'), 'mobile-smart-card', 'remote');
  const page = await at('omar');
  await find(page, 'Tara Singh');
  await go(page, /^New/);
  await says(page, /^approved$/);
  const tabs = [page];
  try {
    // a browser has six connections to a server that speaks HTTP/1.1
    while (tabs.length < 8) {
      await cover(tabs.at(-1), true);
      const tab = await page.context().newPage();
      tabs.push(tab);
      await tab.goto(page.url());
    }
    await house.phone().issue(invited, '--name', 'Phone-1');
    await says(tabs.at(-1), /^issued$/);
    await says(page, /^approved$/);
    await cover(page, false);
    await says(page, /^issued$/);
  } finally {
    await Promise.all(tabs.slice(1).map((tab) => tab.close()));
  }
});

/** Waits for what a page is told live, after something was done. */
async function told(page, done) {
  const network = await page.context().newCDPSession(page);
  await network.send('Network.enable');
  const message = new Promise((heard) => network.once('Network.eventSourceMessageReceived', heard));
  await done();
  await message;
  await network.detach();
}

test('an invitation that is being read stays open, whatever else is looked at in between', async () => {
  await resident('Uwe Brandt', 'Phone-1');
  const page = await at('omar');
  await find(page, 'Uwe Brandt');
  await replace(page, 'Phone-1', 'Damaged');
  await press(page, 'Submit the replacement');
  await says(page, /CRL number .* says so/);
  await invitation(page);
  await cover(page, true);
  await told(page, () => cover(page, false));
  assert.ok(await page.getByLabel('The invitation as text').isVisible());
});

/** How many replacements were submitted for the user whose page this is. */
function submitted(page) {
  return page.getByRole('listitem').filter({ hasText: 'Replacement submitted', hasNotText: 'refused' }).count();
}

test('a double click asks once, and so does the way back', async () => {
  await resident('Lea Braun', 'Phone-1');
  const page = await at('omar');
  await find(page, 'Lea Braun');
  await replace(page, 'Phone-1', 'Lost');
  await button(page, 'Submit the replacement').dblclick();
  await page.getByRole('region', { name: 'The invitation' }).waitFor();
  await page.goBack();
  await says(page, 'A replacement of this device is open already.');
  await page.goForward();
  await go(page, 'Lea Braun');
  await isNow(page, 'Phone-1', 'invalid');
  assert.equal(await submitted(page), 1);
});

test('markup in names is text', async () => {
  const name = '<img src=x onerror=alert(1)> & "Zoë" </title>';
  const page = await at('omar');
  page.once('dialog', () => assert.fail('a name was run'));
  await go(page, 'Find a user');
  await go(page, 'Enter a new user');
  await fill(page, { Name: name, 'E-mail address': 'zoe@example.org' });
  await press(page, 'Enter');
  await title(page, name);
  assert.equal(await page.title(), `${name} – Remint`);
  await go(page, 'Issue a device');
  await choose(page, 'mobile smart card');
  await choose(page, 'Remotely, onto the phone');
  await press(page, 'Request it');
  await house.phone().issue(await invitation(page), '--name', '<script>alert(2)</script>');
  await says(entry(page, 'The new device is active'), '<script>alert(2)</script>');
  await go(page, name);
  await isNow(page, '<script>alert(2)</script>', 'active');
  assert.equal(await page.locator('img, main script').count(), 0);
});

test('a wrong entry is said at the top, and what was typed is still there', async () => {
  const page = await at('omar');
  await go(page, 'Find a user');
  await go(page, 'Enter a new user');
  const typed = { Name: 'Otto Lang', 'E-mail address': 'otto@example.org', UPN: 'no upn' };
  await fill(page, typed);
  await press(page, 'Enter');
  await says(page.getByRole('alert'), /upn.*no upn/);
  for (const [field, text] of Object.entries(typed)) assert.equal(await page.getByLabel(field).inputValue(), text);
  await fill(page, { UPN: '' });
  await press(page, 'Enter');
  await title(page, 'Otto Lang');
});

test('the language changes in place', async () => {
  await resident('Pia Wolf');
  const page = await at('omar', { locale: 'en-GB' });
  await find(page, 'Pia Wolf');
  await press(page, 'Deutsch');
  await page.getByRole('heading', { name: 'Geräte' }).waitFor();
  await title(page, 'Pia Wolf');
  await press(page, 'English');
  await page.getByRole('heading', { name: 'Devices' }).waitFor();
});

test('the main job is done without a script, and once when clicked twice', async () => {
  await resident('Quentin Hall', 'Phone-1');
  const page = await at('omar', { javaScriptEnabled: false });
  await find(page, 'Quentin Hall');
  await replace(page, 'Phone-1', 'Damaged');
  await says(page, 'What will happen');
  await button(page, 'Submit the replacement').dblclick();
  await page.getByRole('region', { name: 'The invitation' }).waitFor();
  await house.phone().issue(await invitation(page), '--name', 'Phone-2');
  await says(page, /^approved$/);
  await page.reload();
  await says(page, /^issued$/);
  await go(page, 'Quentin Hall');
  await isNow(page, 'Phone-2', 'active');
  assert.equal(await submitted(page), 1);
});

test('the main job is done by the keyboard alone', async () => {
  await resident('Rosa Dias', 'Phone-1');
  const page = await at('omar');
  await tabTo(page, page.getByLabel('Who is it about?'));
  await page.keyboard.type('Rosa');
  await page.keyboard.press('Enter');
  await title(page, 'Rosa Dias');
  await keys(page, link(card(page, 'Phone-1'), /^Replace/));
  await keys(page, page.getByRole('radio', { name: 'Damaged' }), 'Space');
  for (let down = 0; down < 2; down++) await page.keyboard.press('ArrowDown');
  assert.ok(await page.getByRole('radio', { name: 'Lost' }).isChecked());
  await keys(page, button(page, 'Continue'));
  await keys(page, page.getByRole('radio', { name: 'Remotely' }), 'Space');
  await page.keyboard.press('Enter');
  await keys(page, button(page, 'Submit the replacement'), 'Space');
  await title(page, /Replacement of/);
  await keys(page, page.getByText('Show the invitation'));
  await tabTo(page, page.getByLabel('The invitation as text'));
  await house.phone().issue(await invitation(page), '--name', 'Phone-2');
  await says(page, /^issued$/);
});
