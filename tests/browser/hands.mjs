// What people do with a page: they find things by what they read, click and type.

import assert from 'node:assert/strict';

export const link = (within, name) => within.getByRole('link', { name });
export const button = (within, name) => within.getByRole('button', { name });
export const press = (page, name) => button(page, name).click();
export const card = (page, device) => page.getByRole('article', { name: device });
export const main = (page) => page.getByRole('main');
export const says = (within, text) => within.getByText(text).first().waitFor();
export const title = (page, name) => page.getByRole('heading', { level: 1, name }).waitFor();
export const entry = (page, name) => page.getByRole('listitem').filter({ hasText: name }).first();
export const effects = (page) => page.getByRole('region', { name: 'What will happen' });

export async function go(page, name) {
  await link(page, name).first().click();
}

export async function choose(page, ...choices) {
  for (const choice of choices) await page.getByRole('radio', { name: choice, exact: true }).check();
  await press(page, 'Continue');
}

export async function fill(page, fields) {
  for (const [label, text] of Object.entries(fields)) await page.getByLabel(label, { exact: true }).fill(text);
}

/** The user of a name, found by an operator wherever they are. */
export async function find(page, name) {
  const field = page.getByLabel('Who is it about?');
  if (!(await field.count())) await go(page, 'Overview');
  await field.fill(name);
  await press(page, 'Find');
  await title(page, name);
}

export async function isNow(page, device, state) {
  await card(page, device).locator('.tag').first().filter({ hasText: new RegExp(`^${state}$`) }).waitFor();
}

export const states = (page, device) => card(page, device).locator('.tag').allInnerTexts();

/** What the page shows of an invitation, as somebody would copy it. */
export async function invitation(page, name = 'The invitation') {
  const shown = page.getByRole('region', { name });
  const uri = shown.getByLabel('The invitation as text');
  await shown.waitFor();
  if (!(await uri.isVisible())) await shown.getByText('Show the invitation').click();
  const code = shown.locator('.code');
  return {
    uri: await uri.inputValue(),
    code: (await code.count()) ? (await code.innerText()).replaceAll(' ', '') : undefined,
  };
}

/** Marks a page: the mark is gone when it is loaded again. */
export async function mark(page) {
  await page.evaluate(() => (globalThis.isMarked = true));
}

export async function isLive(page) {
  assert.ok(await page.evaluate(() => globalThis.isMarked), 'it was not loaded again');
}

/** What a browser tells a page when another tab covers it, or no longer does. Here every tab would count as seen. */
export async function cover(page, isHidden) {
  await page.evaluate((isHidden) => {
    Object.defineProperty(document, 'hidden', { value: isHidden, configurable: true });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  }, isHidden);
}

/** Tab, until something has the focus. */
export async function tabTo(page, target) {
  for (let pressed = 0; pressed < 60; pressed++) {
    await page.keyboard.press('Tab');
    if (await target.evaluate((element) => element === document.activeElement)) return;
  }
  assert.fail(`Tab does not reach it: ${target}`);
}

export async function keys(page, target, key = 'Enter') {
  await target.first().waitFor();
  await tabTo(page, target);
  await page.keyboard.press(key);
}
