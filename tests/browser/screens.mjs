// Takes the pictures of the desk in docs/screens/. What differs from run to run (times, serials, codes) is written over, so that a picture
// changes when its page does.

import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { openBrowser, openHouse } from './house.mjs';
import { smaller } from './png.mjs';
import { settle } from './town.mjs';

const FOLDER = fileURLToPath(new URL('../../docs/screens/', import.meta.url));
const WIDTHS = [1280, 390];
const LARGE = 150_000;

/** The ten pages: who looks, and where it is. */
const PAGES = {
  home: { by: 'omar', at: () => '/' },
  find: { by: 'omar', at: () => '/users?q=example' },
  user: { by: 'omar', at: ({ users }) => `/users/${users.julia}` },
  'replace-why': { by: 'omar', at: ({ devices }) => `/devices/${devices.shared}/replace` },
  'replace-how': { by: 'omar', at: ({ devices }) => `/devices/${devices.shared}/replace?reason=lost` },
  'replace-effects': { by: 'omar', at: ({ devices }) => `/devices/${devices.shared}/replace?reason=lost&mode=remote` },
  requests: { by: 'vera', at: () => '/requests' },
  stock: { by: 'ines', at: () => '/stock' },
  audit: { by: 'aude', at: () => '/audit?act=submit' },
  // the last, as it changes what the others show
  request: { by: 'omar', at: ({ submitted }) => submitted },
};

/** In the page: the night of the fourth of March, and serials that count. */
function steady() {
  const night = Date.parse('2026-03-04T02:14:00Z');
  const hour = 3_600_000;
  const month = (date) => date.toLocaleString('en', { month: 'short', timeZone: 'UTC' });
  for (const time of document.querySelectorAll('time')) {
    const date = new Date(night + Math.round((Date.parse(time.dateTime) - Date.now()) / hour) * hour);
    const day = `${date.getUTCDate()} ${month(date)} ${date.getUTCFullYear()}`;
    time.textContent = time.textContent.includes(',') ? `${day}, ${date.toISOString().slice(11, 16)} UTC` : day;
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
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replace(/(?<=number \u2068?)\d+/, '41');
}

async function take(page, name, width) {
  await page.setViewportSize({ width, height: 800 });
  await page.evaluate(steady);
  const picture = smaller(await page.screenshot({ fullPage: true }));
  const file = `${name}-${width}.png`;
  await writeFile(FOLDER + file, picture);
  console.log(`${file} ${Math.ceil(picture.length / 1000)} kB${picture.length > LARGE ? ', which is large' : ''}`);
}

/** Submits the replacement that the pictures before have prepared; where it is followed. */
async function submit(page) {
  await page.getByRole('button', { name: 'Submit the replacement' }).click();
  await page.getByRole('region', { name: 'The invitation' }).waitFor();
  const { pathname, search } = new URL(page.url());
  return pathname + search;
}

async function main() {
  const house = await openHouse();
  const browser = await openBrowser();
  try {
    await mkdir(FOLDER, { recursive: true });
    const town = await settle(house);
    const tabs = {};
    for (const [name, { by, at }] of Object.entries(PAGES)) {
      tabs[by] ??= await (await browser.newContext({ ...house.as(by), locale: 'en-GB' })).newPage();
      const page = tabs[by];
      if (name === 'request') {
        await page.goto(house.desk + PAGES['replace-effects'].at(town));
        town.submitted = await submit(page);
      }
      for (const width of WIDTHS) {
        await page.goto(house.desk + at(town));
        if (name === 'request') await page.getByText('CRL number').waitFor();
        await take(page, name, width);
      }
    }
  } finally {
    await browser.close();
    await house.close();
  }
}

await main();
