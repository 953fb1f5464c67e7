// The desk as people use it: a real browser, a real server and phones that know only the wire. Pages are left and reached by clicks alone.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { openBrowser, openHouse } from './house.mjs';

let house;
let browser;
const contexts = new Map();
const tabs = new Map();

before(async () => {
  house = await openHouse();
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await house?.close();
});

/** The browser of somebody who works here: certificate, cookies and all. */
async function contextOf(name, options) {
  const key = name + JSON.stringify(options);
  if (!contexts.has(key)) {
    const context = await browser.newContext({ ...house.as(name), ...options });
    context.setDefaultTimeout(8000);
    contexts.set(key, context);
  }
  return contexts.get(key);
}

/** One more tab of theirs, on the start page. */
async function another(name, options = {}) {
  const page = await (await contextOf(name, options)).newPage();
  await page.goto(house.desk);
  return page;
}

/** Their one tab, on the start page again. */
async function at(name, options = {}) {
  const key = name + JSON.stringify(options);
  if (!tabs.has(key)) tabs.set(key, await (await contextOf(name, options)).newPage());
  await tabs.get(key).goto(house.desk);
  return tabs.get(key);
}

/** A user who is there already, with a phone if one is named. */
async function resident(name, ...phones) {
  const email = `${name.split(' ')[0].toLowerCase()}@example.org`;
  const { answer: user } = await house.api('omar', '/api/users', { name, email, upn: email });
  for (const phone of phones) {
    const { invitation } = await asked(user, 'mobile-smart-card', 'remote');
    await house.phone().issue(invitation, '--name', phone);
  }
  return user;
}

/** Asks for something for a user, as the desk's API does. */
async function asked(user, kind, mode) {
  const { answer } = await house.api('omar', `/api/users/${user.id}/initial-issuances`, { kind, mode });
  return answer;
}

const link = (within, name) => within.getByRole('link', { name });
const button = (within, name) => within.getByRole('button', { name });
const press = (page, name) => button(page, name).click();
const card = (page, device) => page.getByRole('article', { name: device });
const main = (page) => page.getByRole('main');
const says = (within, text) => within.getByText(text).first().waitFor();
const title = (page, name) => page.getByRole('heading', { level: 1, name }).waitFor();
const step = (page, name) => page.getByRole('listitem').filter({ hasText: name }).first();

async function go(page, name) {
  await link(page, name).first().click();
}

async function find(page, name) {
  const field = page.getByLabel('Who is it about?');
  if (!(await field.count())) await go(page, 'Overview');
  await field.fill(name);
  await press(page, 'Find');
  await title(page, name);
}

async function answer(page, choice) {
  await page.getByRole('radio', { name: choice, exact: true }).check();
  await press(page, 'Continue');
}

/** Clicks what can be done about a device, or about something on it. */
async function act(page, device, name, about = '') {
  await link(card(page, device), new RegExp(`^${name} ?: ${about}${device}$`)).click();
}

async function isNow(page, device, state) {
  await card(page, device).locator('.tag').first().filter({ hasText: new RegExp(`^${state}$`) }).waitFor();
}

const states = (page, device) => card(page, device).locator('.tag').allInnerTexts();

/** What the page shows of the invitation, as somebody would copy it. */
async function invitation(page) {
  const shown = page.getByRole('region', { name: 'The invitation' });
  const uri = shown.getByLabel('The invitation as text');
  if (!(await uri.isVisible())) await shown.getByText('Show the invitation').click();
  const code = shown.locator('.code');
  return {
    uri: await uri.inputValue(),
    code: (await code.count()) ? (await code.innerText()).replaceAll(' ', '') : undefined,
  };
}

/** Marks a page: the mark is gone when it is loaded again. */
async function mark(page) {
  await page.evaluate(() => (globalThis.isMarked = true));
}

async function isLive(page) {
  assert.ok(await page.evaluate(() => globalThis.isMarked), 'it was not loaded again');
}

async function replace(page, device, reason, mode = 'Remotely, onto the phone') {
  await act(page, device, 'Replace');
  await answer(page, reason);
  await answer(page, mode);
}

test('a new user is issued a first phone remotely, and the desk sees it live', async () => {
  const page = await at('omar');
  await go(page, 'Find a user');
  await go(page, 'Enter a new user');
  await page.getByLabel('Name').fill('Ana Ruiz');
  await page.getByLabel('E-mail address').fill('ana.ruiz@example.org');
  await press(page, 'Enter');
  await title(page, 'Ana Ruiz');
  await says(page, 'None yet.');
  await go(page, 'Issue a device');
  await answer(page, 'mobile smart card');
  await answer(page, 'Remotely, onto the phone');
  await says(page, 'What will happen');
  await press(page, 'Request it');
  await mark(page);
  const invited = await invitation(page);
  assert.match(invited.uri, /^msc1:\?h=localhost:/);
  assert.match(invited.code, /^\d{8}$/);

  const phone = house.phone();
  await phone.issue(invited, '--name', 'Ana’s phone', '--until', 'signed');
  await says(step(page, 'Keys made on the device'), /Signing: there/);
  await says(step(page, 'Invitation'), 'It was used.');
  await phone.issue(invited, '--name', 'Ana’s phone');
  await says(page, /^issued$/);
  await says(step(page, 'The new device is active'), 'Ana’s phone');
  await isLive(page);

  await go(page, 'Ana Ruiz');
  await isNow(page, 'Ana’s phone', 'active');
  assert.deepEqual(await states(page, 'Ana’s phone'), ['active', 'active', 'active', 'active']);
});

test('a lost phone is replaced, and the tablet brought up to date', async () => {
  const bruno = await resident('Bruno Keller', 'Phone-1');
  const { request } = await asked(bruno, 'mobile-app', 'self-enrollment');
  const portal = await house.portal(bruno.email);
  const { invitation: ticket } = await portal(`/api/requests/${request.id}/ticket`, {});
  const tablet = house.phone();
  await tablet.issue(ticket, '--kind', 'mobile-app', '--name', 'Tablet');

  const page = await at('omar');
  await find(page, 'Bruno Keller');
  await says(card(page, 'Phone-1'), /Shared with .*Tablet/);
  await replace(page, 'Phone-1', 'Lost');
  const effects = page.getByRole('region', { name: 'What will happen' });
  await says(effects, 'Phone-1');
  await says(effects, 'invalid');
  await says(effects, /Tablet.*: Logging on, Signing/);
  await says(effects, 'It can be undone');
  await press(page, 'Submit the replacement');

  await mark(page);
  await says(page, 'OCSP says so');
  await says(page, /CRL number .* says so/);
  await house.phone().issue(await invitation(page), '--name', 'Phone-2');
  await says(page, /^issued$/);
  await says(step(page, 'Other devices brought up to date'), /Tablet.*must be synced once/);
  await tablet.sync();
  await says(step(page, 'Other devices brought up to date'), /Tablet.*up to date/);
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
  await answer(omar, 'smart card');
  await answer(omar, 'At an issuance officer');
  await press(omar, 'Request it');
  await says(omar, /^approved$/);
  await mark(omar);

  const ines = await at('ines');
  await go(ines, 'Stock');
  await ines.getByLabel('Serial number').fill('0A31-7702');
  await ines.getByLabel('Model').fill('Blank card');
  await press(ines, 'Add to stock');
  await ines.getByRole('cell', { name: '0A31-7702' }).waitFor();
  await go(ines, 'Add a list');
  await ines.getByLabel('The list').fill('kind,serial\nsmart-card,0A31-7703\nsmart-card,0A31-7704');
  await press(ines, 'Add the list');
  await ines.getByRole('cell', { name: '0A31-7704' }).waitFor();

  await go(ines, 'Requests');
  const line = ines.getByRole('row').filter({ hasText: 'David Engel' });
  await go(line, /^New/);
  await go(ines, 'Bind a card');
  await ines.getByLabel('Which card?').selectOption('0A31-7703 · card');
  await press(ines, 'Continue');
  await press(ines, 'Bind');
  await says(ines, 'card bound');
  await go(ines, 'Give out a new invitation');
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
  await answer(page, 'No longer wanted');
  await says(page, 'This cannot be undone.');
  await says(page, 'Nothing: until the new device is there');
  await go(page, 'Leave everything as it is');
  await isNow(page, 'Phone-1', 'active');
  await act(page, 'Phone-1', 'Terminate');
  await answer(page, 'No longer wanted');
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
  await answer(page, 'No longer wanted');
  await says(page.getByRole('region', { name: 'What will happen' }), 'Phone-1');
  await press(page, 'Terminate for ever');
  await isNow(page, 'Phone-1', 'active');
  assert.deepEqual(await states(page, 'Phone-1'), ['active', 'active', 'active', 'active']);
});

async function reported(name) {
  const { email } = await resident(name, 'Phone-1');
  const portal = await house.portal(email);
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
  await link(vera.getByRole('row').filter({ hasText: 'Greta Holm' }), /^Approve/).click();
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
  await link(vera.getByRole('row').filter({ hasText: 'Henk Visser' }), /^Replacement/).click();
  await go(vera, 'Reject');
  await vera.getByLabel('Why is it rejected?').fill('He called: it was in his coat <b>all along</b>.');
  await press(vera, 'Reject');
  await says(vera, /^rejected$/);
  await go(vera, 'Henk Visser');
  await isNow(vera, 'Phone-1', 'active');
});

test('an auditor searches the log, has it verified, and takes it along', async () => {
  await resident('Ida Lund', 'Phone-1');
  const page = await at('aude');
  await go(page, 'Audit log');
  await page.getByLabel('Act').fill('issue');
  await press(page, 'Find');
  await page.waitForURL(/act=issue/);
  const acts = await main(page).locator('td:nth-child(3)').allInnerTexts();
  assert.ok(acts.length > 0 && acts.every((act) => act === 'Device issued'), acts.join());
  await go(page, 'Verify the log');
  await says(page, 'Nothing is wrong');
  await says(page, /entries in .* chains/);
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
  const [first, second] = [await at('omar'), await another('omar')];
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
    await link(page, over).waitFor({ state: 'hidden', timeout: 2500 });
  }
});

test('many tabs that follow live leave room for another', async () => {
  await asked(await resident('Tara Singh'), 'mobile-smart-card', 'remote');
  const page = await at('omar');
  await find(page, 'Tara Singh');
  await go(page, /^New/);
  await says(page, /^approved$/);
  const tabs = [];
  try {
    // a browser has six connections to a server that speaks HTTP/1.1
    while (tabs.length < 7) {
      const tab = await page.context().newPage();
      tabs.push(tab);
      await tab.goto(page.url(), { timeout: 4000 });
    }
  } finally {
    await Promise.all(tabs.map((tab) => tab.close()));
  }
});

/** How many replacements were submitted for the user whose page this is. */
function submitted(page) {
  return page.getByRole('row').filter({ hasText: 'Replacement submitted' }).filter({ hasText: 'done' }).count();
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
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('E-mail address').fill('zoe@example.org');
  await press(page, 'Enter');
  await title(page, name);
  assert.equal(await page.title(), `${name} – Remint`);
  await go(page, 'Issue a device');
  await answer(page, 'mobile smart card');
  await answer(page, 'Remotely, onto the phone');
  await press(page, 'Request it');
  await house.phone().issue(await invitation(page), '--name', '<script>alert(2)</script>');
  await says(step(page, 'The new device is active'), '<script>alert(2)</script>');
  await go(page, name);
  await isNow(page, '<script>alert(2)</script>', 'active');
  assert.equal(await page.locator('img, main script').count(), 0);
});

test('a wrong entry is said at the top, and what was typed is still there', async () => {
  const page = await at('omar');
  await go(page, 'Find a user');
  await go(page, 'Enter a new user');
  const typed = { Name: 'Otto Lang', 'E-mail address': 'otto@example.org', UPN: 'no upn' };
  for (const [field, text] of Object.entries(typed)) await page.getByLabel(field).fill(text);
  await press(page, 'Enter');
  await says(page.getByRole('alert'), /upn.*no upn/);
  for (const [field, text] of Object.entries(typed)) assert.equal(await page.getByLabel(field).inputValue(), text);
  await page.getByLabel('UPN').fill('');
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

/** Tab, until something has the focus. */
async function tabTo(page, target) {
  for (let pressed = 0; pressed < 60; pressed++) {
    await page.keyboard.press('Tab');
    if (await target.evaluate((element) => element === document.activeElement)) return;
  }
  assert.fail(`Tab does not reach it: ${target}`);
}

async function keys(page, target, key = 'Enter') {
  await target.first().waitFor();
  await tabTo(page, target);
  await page.keyboard.press(key);
}

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
