// Every page, judged by axe-core and by the browser itself: light and dark, wide and narrow, in English and in German.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { OPERATORS } from './house.mjs';
import { Judge, Watch, follow } from './judge.mjs';
import { deskPages, portalPages } from './pages.mjs';
import { become, openScene } from './scene.mjs';
import { settle, settleHard, settlePortal, settleRecoveries } from './town.mjs';

let scene;
let house;
let town;
let settled;

before(async () => {
  scene = await openScene();
  ({ house } = scene);
  const first = await settle(house);
  ({ town } = first);
  const more = await settlePortal(first);
  settled = {
    ...first,
    house,
    users: { ...first.users, ...more.users, hard: await settleHard(first) },
    requests: { ...first.requests, ...more.requests },
    recoveries: await settleRecoveries(first),
  };
  await town.portal(settled.users.emma);
  await dispute(settled.users.pia, settled.requests.disputed);
});

after(() => scene?.close());

/** A page is a user's, or somebody's who signs in now, or nobody's. */
async function arrive(context, who) {
  if (!who) return context.clearCookies();
  await become(context, house, await (typeof who === 'string' ? town.portal(who) : who()));
}

async function dispute(user, request) {
  const context = await scene.context();
  await arrive(context, user);
  const page = await context.newPage();
  await page.goto(`${house.portal}/requests/${request}/not-me`);
  await page.locator('main form button').click();
  await page.locator('.notice').waitFor();
  await context.close();
}

/** A tab that is watched, and a judge of what it shows. */
async function open(base, options) {
  const context = await scene.context(options);
  const page = await context.newPage();
  return { base, context, page, watch: await Watch.on(page), judge: await Judge.of(context, base) };
}

async function isFine(tab, where) {
  const { base, page, watch, judge } = tab;
  watch.begin();
  if (typeof where === 'function') await where(page);
  else assert.equal((await page.goto(base + where)).url(), base + where);
  assert.deepEqual(watch.faults(), []);
  assert.deepEqual([...watch.origins], [base]);
  assert.ok(watch.fetched.length <= 3, watch.fetched.join('\n'));
  const { length } = await watch.document.body();
  assert.ok(length < 60_000, `${length} bytes`);
  assert.equal(await judge.look(page), 'en');
  assert.deepEqual(await judge.violations(), { light: [], dark: [] });
  assert.deepEqual(await judge.overflow(), []);
  assert.deepEqual(await judge.unreachable(), []);
}

/** German words are longer, and all that differs. */
async function isFineInGerman(tab, where) {
  const { base, page, judge } = tab;
  if (typeof where === 'function') await where(page);
  const language = typeof where === 'function' ? await judge.look(page) : await judge.ask(base + where);
  assert.equal(language, 'de');
  assert.deepEqual(await judge.overflow(), []);
}

for (const [locale, judge] of Object.entries({ en: isFine, de: isFineInGerman })) {
  test(`every page of the desk keeps to itself, is small, fits a small phone, and is for everybody: ${locale}`, async (t) => {
    const tab = await open(house.desk, { ...house.as('eve'), locale });
    for (const [name, at] of Object.entries(deskPages(settled))) await t.test(name, () => judge(tab, at));
    await tab.context.close();
  });

  test(`so does every page of the portal: ${locale}`, async (t) => {
    const guest = await open(house.portal, { locale });
    const shown = await open(house.portal, { ...(await house.with(town.phones.get(settled.devices.shared))), locale });
    for (const [name, { by, shows, at }] of Object.entries(portalPages(settled))) {
      await t.test(name, async () => {
        const tab = shows ? shown : guest;
        await arrive(tab.context, by);
        await judge(tab, at);
      });
    }
    await guest.context.close();
    await shown.context.close();
  });
}

for (const name of Object.keys(OPERATORS)) {
  test(`nothing that is refused is offered to ${name}`, async () => {
    const context = await scene.context(house.as(name));
    const page = await context.newPage();
    await page.goto(house.desk);
    const { refused, count } = await page.evaluate(follow, `${house.desk}/`);
    assert.deepEqual(refused, []);
    assert.ok(count > 5, `${count} links`);
    await context.close();
  });
}

test('nor is it to users', async () => {
  const context = await scene.context();
  const page = await context.newPage();
  for (const [name, user] of Object.entries(settled.users)) {
    await arrive(context, user);
    await page.goto(house.portal);
    const { refused, count } = await page.evaluate(follow, `${house.portal}/`);
    assert.deepEqual(refused, []);
    assert.ok(count >= 3, `${count} links for ${name}`);
  }
  await context.close();
});
