// Every page of the desk, judged by axe-core and by the browser itself: light and dark, wide and narrow, in English and in German.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { OPERATORS, openBrowser, openHouse } from './house.mjs';
import { settle, settleHard } from './town.mjs';

const axe = await readFile(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');

let house;
let browser;
let users;
let devices;
let credential;
let requests;

before(async () => {
  house = await openHouse();
  browser = await openBrowser();
  const settled = await settle(house);
  ({ users, devices, credential, requests } = settled);
  users.hard = await settleHard(settled);
});

after(async () => {
  await browser?.close();
  await house?.close();
});

/** The pages: where each is, or how one gets there. */
const PAGES = {
  'overview': () => '/',
  'search, empty': () => '/users',
  'search, several found': () => '/users?q=example',
  'search, nobody found': () => '/users?q=nobody',
  'new user': () => '/users/new',
  'new user, wrong': () => wrong('/users/new', { '#name': 'Otto', '#email': 'otto@example.org', '#upn': 'otto' }),
  'user, shared': () => `/users/${users.julia}`,
  'user, update and ended': () => `/users/${users.ana}`,
  'user, held': () => `/users/${users.bruno}`,
  'user, stand-in': () => `/users/${users.farid}`,
  'user, suspended': () => `/users/${users.emma}`,
  'user, hard names': () => `/users/${users.hard}`,
  'issue, kind': () => `/users/${users.julia}/issue`,
  'issue, mode': () => `/users/${users.julia}/issue?kind=smart-card`,
  'issue, check': () => `/users/${users.julia}/issue?kind=smart-card&mode=local`,
  'replace, why': () => `/devices/${devices.shared}/replace`,
  'replace, how': () => `/devices/${devices.shared}/replace?reason=lost`,
  'replace, check': () => `/devices/${devices.shared}/replace?reason=lost&mode=remote`,
  'suspend': () => `/devices/${devices.shared}/suspend`,
  'resume': () => `/devices/${devices.suspended}/resume`,
  'terminate, why': () => `/devices/${devices.shared}/terminate`,
  'terminate, check': () => `/devices/${devices.shared}/terminate?reason=stolen`,
  'suspend a credential': () => `/credentials/${credential}/suspend`,
  'requests': () => '/requests',
  'request, invited': () => `/requests/${requests.stolen}`,
  'request, waiting': () => `/requests/${requests.waiting}`,
  'request, issued': () => `/requests/${requests.replaced}`,
  'request, rejected': () => `/requests/${requests.rejected}`,
  'request, bound': () => `/requests/${requests.bound}`,
  'approve': () => `/requests/${requests.waiting}/approve`,
  'reject': () => `/requests/${requests.waiting}/reject`,
  'bind, which': () => `/requests/${requests.unbound}/bind`,
  'unbind': () => `/requests/${requests.bound}/unbind`,
  'invite': () => `/requests/${requests.stolen}/invite`,
  'cancel': () => `/requests/${requests.stolen}/cancel`,
  'invitation': () => pressed(`/requests/${requests.stolen}/invite`),
  'ticket': () => pressed(`/requests/${requests.bound}/invite`),
  'stock': () => '/stock',
  'stock, wrong': () => wrong('/stock', { '#serial': '0A31-7701' }),
  'stock, list': () => '/stock/import',
  'stock, list wrong': () => wrong('/stock/import', { '#list': 'kind,serial\nsmart-card,0A31-7701' }),
  'audit log': () => '/audit',
  'audit log, verified': () => '/audit/verify',
  'refused': () => `/devices/${devices.suspended}/suspend`,
  'nothing there': () => '/nowhere',
};

/** Fills a form in wrongly, and presses its button. */
function wrong(path, fields) {
  return async (page) => {
    await page.goto(house.desk + path);
    for (const [field, text] of Object.entries(fields)) await page.locator(field).fill(text);
    await page.locator('main form button').click();
    await page.getByRole('alert').waitFor();
  };
}

/** Presses the button of a page, and sees what comes of it. */
function pressed(path) {
  return async (page) => {
    await page.goto(house.desk + path);
    await page.locator('main form button.primary').click();
    await page.locator('.invitation').waitFor();
  };
}

async function reach(page, where) {
  if (typeof where === 'string') await page.goto(house.desk + where);
  else await where(page);
  await page.evaluate(() => {
    for (const details of document.querySelectorAll('details')) details.open = true;
  });
}

/** Colors change nothing but contrast, so dark is looked at for that alone. */
const LOOKS = [1280, 390].flatMap((width) => [
  { width, colorScheme: 'light', options: {} },
  { width, colorScheme: 'dark', options: { runOnly: ['color-contrast'] } },
]);

/** What axe-core finds on a page that matters. */
async function found(page, { width, colorScheme, options }) {
  await page.emulateMedia({ colorScheme });
  await page.setViewportSize({ width, height: 900 });
  const violations = await page.evaluate(async (options) => (await globalThis.axe.run(options)).violations, options);
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${colorScheme}, ${width}: ${id}: ${html}: ${failureSummary}`));
}

test('axe-core finds nothing serious on any page, light or dark, wide or narrow', async (t) => {
  // the policy of the pages forbids scripts of others; that they keep to it is seen below
  const context = await browser.newContext({ ...house.as('eve'), bypassCSP: true });
  const page = await context.newPage();
  for (const [name, where] of Object.entries(PAGES)) {
    await t.test(name, async () => {
      await reach(page, where());
      await page.evaluate(axe);
      const all = [];
      for (const look of LOOKS) all.push(...(await found(page, look)));
      assert.deepEqual(all, []);
    });
  }
  await context.close();
});

/** What a tab asks for and complains of, from one look to the next. */
class Watch {
  static async on(page) {
    const watch = new Watch();
    const network = await page.context().newCDPSession(page);
    await network.send('Network.enable');
    network.on('Network.requestServedFromCache', ({ requestId }) => watch.kept.add(requestId));
    network.on('Network.responseReceived', (event) => watch.#answered(event));
    page.on('console', (message) => message.type() === 'error' && watch.complaints.push(message.text()));
    page.on('pageerror', (error) => watch.complaints.push(String(error)));
    page.on('request', (request) => watch.origins.add(new URL(request.url()).origin));
    page.on('response', (response) => response.request().isNavigationRequest() && (watch.document = response));
    watch.begin();
    return watch;
  }

  begin() {
    Object.assign(this, { complaints: [], origins: new Set(), kept: new Set(), fetched: [] });
  }

  #answered({ requestId, type, response }) {
    if (type === 'Document') this.fetched = [];
    else if (response.url.startsWith('http') && !response.fromDiskCache && !this.kept.has(requestId)) this.fetched.push(response.url);
  }

  /** A browser complains of each page that is a refusal; that is no fault of the page. */
  faults() {
    const status = this.document.status();
    return this.complaints.filter((text) => status < 400 || !text.includes(`status of ${status}`));
  }
}

/** What makes a page wider than the window; a table may be, where it scrolls by itself. */
async function overflow(page) {
  await page.setViewportSize({ width: 360, height: 740 });
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const escapes = (each) => !each.closest('.scroll') || getComputedStyle(each).position === 'absolute';
    const wide = [...document.querySelectorAll('body *')].filter((each) => each.getBoundingClientRect().right > clientWidth && escapes(each));
    return [`${scrollWidth} of ${clientWidth}`, ...wide.map((each) => each.outerHTML.slice(0, 100))];
  });
}

for (const locale of ['en', 'de']) {
  test(`every page keeps to itself, is small, and fits a small phone: ${locale}`, async (t) => {
    const context = await browser.newContext({ ...house.as('eve'), locale });
    const page = await context.newPage();
    const watch = await Watch.on(page);
    await page.goto(house.desk);
    for (const [name, where] of Object.entries(PAGES)) {
      await t.test(name, async () => {
        watch.begin();
        await reach(page, where());
        assert.equal(await page.locator('html').getAttribute('lang'), locale);
        assert.deepEqual(watch.faults(), []);
        assert.deepEqual([...watch.origins], [house.desk]);
        assert.ok(watch.fetched.length <= 3, watch.fetched.join('\n'));
        const { length } = await watch.document.body();
        assert.ok(length < 60_000, `${length} bytes`);
        assert.deepEqual(await overflow(page), []);
      });
    }
    await context.close();
  });
}

/** Asks for every link that is offered, as far as they lead; the first that are refused, with where they were offered. */
async function follow(start) {
  const isPage = (url) => url.origin === location.origin && !url.pathname.startsWith('/assets/');
  const linksOf = (html, at) => {
    const links = new DOMParser().parseFromString(html, 'text/html').querySelectorAll('a[href]');
    return [...links].map((link) => new URL(link.getAttribute('href'), at)).filter(isPage).map((url) => url.href.split('#')[0]);
  };
  const refused = [];
  const from = new Map([[start, 'the start']]);
  const visit = async (url) => {
    const reply = await fetch(url, { headers: { accept: 'text/html' } });
    if (!reply.ok) refused.push(`${reply.status}: ${url} from ${from.get(url)}`);
    const isHtml = reply.ok && reply.headers.get('content-type').startsWith('text/html');
    for (const link of isHtml ? linksOf(await reply.text(), reply.url) : []) {
      if (!from.has(link)) from.set(link, url);
    }
  };
  // going through a map also comes to what is added meanwhile
  for (const url of from.keys()) await visit(url);
  return { refused: refused.slice(0, 8), count: from.size };
}

for (const name of Object.keys(OPERATORS)) {
  test(`nothing that is refused is offered to ${name}`, async () => {
    const context = await browser.newContext(house.as(name));
    const page = await context.newPage();
    await page.goto(house.desk);
    const { refused, count } = await page.evaluate(follow, `${house.desk}/`);
    assert.deepEqual(refused, []);
    assert.ok(count > 5, `${count} links`);
    await context.close();
  });
}
