// Takes the pictures of the desk and the portal in docs/screens/, or in the folder that is named. What differs from run to run (times,
// serials, codes) is written over, so that a picture changes when its page does.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cover } from './hands.mjs';
import { smaller } from './png.mjs';
import { become, openScene } from './scene.mjs';
import { settle, settlePortal } from './town.mjs';

const FOLDER = process.argv[2] ?? fileURLToPath(new URL('../../docs/screens/', import.meta.url));
const WIDTHS = [1280, 390];
const LARGE = 150_000;
const ENGLISH = { locale: 'en-GB' };

/** The pages of the desk: who looks, and where it is. */
const DESK = {
  home: { by: 'omar', at: () => '/' },
  find: { by: 'omar', at: () => '/users?q=example' },
  user: { by: 'omar', at: ({ users }) => `/users/${users.julia}` },
  'replace-why': { by: 'omar', at: ({ devices }) => `/devices/${devices.shared}/replace` },
  'replace-how': { by: 'omar', at: ({ devices }) => `/devices/${devices.shared}/replace?reason=lost` },
  'replace-effects': { by: 'omar', at: ({ devices }) => `/devices/${devices.shared}/replace?reason=lost&mode=remote` },
  requests: { by: 'vera', at: () => '/requests' },
  stock: { by: 'ines', at: () => '/stock' },
  audit: { by: 'aude', at: () => '/audit?act=submit' },
};

/** What changes what the others show, and so comes last. */
const LAST = { request: { by: 'omar', at: submitted, shows: 'CRL number' } };

/** The pages of the portal: whose they are, and where. */
const PORTAL = {
  'portal-sign-in': { at: () => '/sign-in' },
  'portal-code': { at: () => '/sign-in/code' },
  'portal-home': { by: 'julia', at: () => '/' },
  'portal-report': { by: 'julia', at: ({ devices }) => `/devices/${devices.shared}/report` },
  'portal-check': { by: 'julia', at: ({ devices }) => `/devices/${devices.shared}/report?reason=stolen&mode=self-enrollment` },
  'portal-ticket': { by: 'nina', at: ticketed, shows: 'CRL number' },
  'portal-not-me': { by: 'pia', at: ({ requests }) => `/requests/${requests.disputed}/not-me` },
};

/** Submits the replacement that the pictures before have prepared; where it is followed. */
async function submitted(town, page) {
  await page.goto(town.house.desk + DESK['replace-effects'].at(town));
  await page.getByRole('button', { name: 'Submit the replacement' }).click();
  await page.getByRole('region', { name: 'The invitation' }).waitFor();
  return pathOf(page);
}

/** Asks for the ticket of what was approved; where it is shown. */
async function ticketed({ house, requests }, page) {
  await page.goto(`${house.portal}/requests/${requests.approved}`);
  await page.getByRole('button', { name: 'Show the code to enroll with' }).click();
  await page.getByRole('region', { name: 'Enroll your new device' }).waitFor();
  return pathOf(page);
}

function pathOf(page) {
  const { pathname, search } = new URL(page.url());
  return pathname + search;
}

/** In the page: the night of the fourth of March, serials that count, and an invitation to nothing. */
function steady() {
  const night = Date.parse('2026-03-04T02:14:00Z');
  const hour = 3_600_000;
  for (const time of document.querySelectorAll('time')) {
    const moment = new Date(night + Math.round((Date.parse(time.dateTime) - Date.now()) / hour) * hour).toISOString();
    const isToTheMinute = time.textContent.includes(':');
    time.textContent = isToTheMinute ? `${moment.slice(0, 10)} ${moment.slice(11, 16)} UTC` : moment.slice(0, 10);
  }
  const byte = (number) => (number & 255).toString(16).padStart(2, '0').toUpperCase();
  const serials = new Map();
  for (const code of document.querySelectorAll('code.serial')) {
    const { textContent: serial } = code;
    const nth = serials.get(serial) ?? serials.size + 3;
    serials.set(serial, nth);
    code.textContent = Array.from({ length: 20 }, (_, at) => byte(nth * (at + 7) * 41)).join('');
  }
  for (const code of document.querySelectorAll('p.code')) code.textContent = '4821 7730';
  for (const uri of document.querySelectorAll('textarea#uri')) {
    const made = (length) => Array.from({ length }, (_, at) => 'kT7wQe2_Lm9xRb4-'[(at * 5) % 16]).join('');
    uri.value = `msc1:?h=remint.example.org:8443&i=${made(22)}&c=${made(22)}&p=${made(43)}&x=1772849640`;
  }
  // what a scanner looks for stays; what it would read is made up
  for (const path of document.querySelectorAll('.qr path')) {
    const dots = [...path.getAttribute('d').matchAll(/M(\d+) (\d+)h(\d+)/g)].map((dot) => dot.slice(1).map(Number));
    const [[first, , size]] = dots;
    const last = Math.max(...dots.map(([x]) => x));
    const near = (x) => x < first + 8 * size;
    const far = (x) => x > last - 8 * size;
    const isCorner = ([x, y]) => (near(x) && (near(y) || far(y))) || (far(x) && near(y));
    const all = dots.filter(isCorner);
    for (let y = first; y <= last; y += size) {
      for (let x = first; x <= last; x += size) if (!isCorner([x, y]) && Math.imul(x * 1009 + y, 2_654_435_761) < 0) all.push([x, y, size]);
    }
    path.setAttribute('d', all.map(([x, y]) => `M${x} ${y}h${size}v${size}H${x}`).join(''));
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { currentNode: text } = texts;
    text.data = text.data.replace(/(?<=number \u2068?)\d+/, '41').replace(/\u2068?\d\u2069? minutes? ago/, 'just now');
  }
}

async function take(page, name, width) {
  await page.setViewportSize({ width, height: 800 });
  await cover(page, true);
  await page.evaluate(steady);
  const picture = smaller(await page.screenshot({ fullPage: true }));
  const file = `${name}-${width}.png`;
  await writeFile(join(FOLDER, file), picture);
  console.log(`${file} ${Math.ceil(picture.length / 1000)} kB${picture.length > LARGE ? ', which is large' : ''}`);
}

async function show(page, base, town, name, { at, shows }) {
  const path = await at(town, page);
  for (const width of WIDTHS) {
    await page.goto(base + path);
    if (shows) await page.getByText(shows).waitFor();
    await take(page, name, width);
  }
}

async function main() {
  const scene = await openScene();
  const { house } = scene;
  try {
    await mkdir(FOLDER, { recursive: true });
    const town = { house, ...(await settle(house)) };
    const atDesk = async ([name, page]) => show(await scene.at(page.by, ENGLISH), house.desk, town, name, page);
    for (const each of Object.entries(DESK)) await atDesk(each);
    const { users, requests } = await settlePortal(town);
    Object.assign(town.users, users);
    Object.assign(town.requests, requests);
    const guest = await scene.guest(ENGLISH);
    for (const [name, page] of Object.entries(PORTAL)) {
      if (page.by) await become(guest.context(), house, await town.town.portal(town.users[page.by]));
      await show(guest, house.portal, town, name, page);
    }
    for (const each of Object.entries(LAST)) await atDesk(each);
  } finally {
    await scene.close();
  }
}

await main();
