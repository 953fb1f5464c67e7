// A page, judged by axe-core and by the browser itself.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const axe = await readFile(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');

const isGrave = ({ impact }) => impact === 'serious' || impact === 'critical';

/** A tab with axe-core, before which one page after another is put: axe-core is made ready once, and not in each of them. */
export class Judge {
  constructor(page) {
    this.page = page;
  }

  static async of(context, base) {
    const page = await context.newPage();
    await page.goto(`${base}/nowhere`);
    await page.evaluate(axe);
    return new Judge(page);
  }

  /** Looks at what a tab shows; the language that it is in. */
  async look(tab) {
    return this.#put(await tab.evaluate(() => document.documentElement.outerHTML));
  }

  /** Looks at what is answered, without a tab that goes there. */
  async ask(url) {
    const answered = await this.page.evaluate(async (url) => {
      const reply = await fetch(url, { headers: { accept: 'text/html' }, redirect: 'error' });
      return reply.text();
    }, url);
    return this.#put(answered);
  }

  /** The style sheet is there already: it is the same for every page. */
  #put(html) {
    return this.page.evaluate((html) => {
      const shown = new DOMParser().parseFromString(html, 'text/html');
      for (const details of shown.querySelectorAll('details')) details.open = true;
      document.title = shown.title;
      document.documentElement.lang = shown.documentElement.lang;
      document.body.replaceWith(shown.body);
      return document.documentElement.lang;
    }, html);
  }

  /** What axe-core finds that matters. */
  async #found(options) {
    const run = { resultTypes: ['violations'], preload: false, ...options };
    const violations = await this.page.evaluate(async (run) => (await globalThis.axe.run(run)).violations, run);
    return violations.filter(isGrave).flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}: ${failureSummary}`));
  }

  /** The same, light and dark: colors change nothing but contrast. */
  async violations() {
    await this.page.setViewportSize({ width: 1280, height: 900 });
    await this.page.emulateMedia({ colorScheme: 'light' });
    const light = await this.#found();
    await this.page.emulateMedia({ colorScheme: 'dark' });
    return { light, dark: await this.#found({ runOnly: ['color-contrast'] }) };
  }

  /** What makes a page wider than a small phone; a table may be, where it scrolls by itself. */
  async overflow() {
    await this.page.setViewportSize({ width: 360, height: 740 });
    return this.page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement;
      if (scrollWidth <= clientWidth) return [];
      const escapes = (each) => !each.closest('.scroll') || getComputedStyle(each).position === 'absolute';
      const wide = [...document.querySelectorAll('body *')].filter((each) => each.getBoundingClientRect().right > clientWidth && escapes(each));
      return [`${scrollWidth} of ${clientWidth}`, ...wide.map((each) => each.outerHTML.slice(0, 100))];
    });
  }

  /** What scrolls there, and is out of reach for the keyboard. */
  unreachable() {
    return this.#found({ runOnly: ['scrollable-region-focusable'] });
  }
}

/** What a tab asks for and complains of, from one look to the next. */
export class Watch {
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

/** In a page: asks for every link that is offered, as far as they lead; the first that are refused, with where they were offered. */
export async function follow(start) {
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
    const found = isHtml ? linksOf(await reply.text(), reply.url).filter((link) => !from.has(link)) : [];
    for (const link of found) from.set(link, url);
    return found;
  };
  for (let wave = [start]; wave.length > 0; ) wave = [...new Set((await Promise.all(wave.map(visit))).flat())];
  return { refused: refused.slice(0, 8), count: from.size };
}
