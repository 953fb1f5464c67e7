// A house with the browsers of those who come to it.

import { OPERATORS, PATIENCE, openBrowser, openHouse } from './house.mjs';

/** A browser carries the session of a user to the portal from now on. */
export async function become(context, house, { cookie }) {
  await context.clearCookies();
  const [name, value] = cookie.split('=');
  await context.addCookies([{ name, value, url: house.portal, httpOnly: true, secure: true, sameSite: 'Strict' }]);
}

class Scene {
  #contexts = new Map();
  #tabs = new Map();

  async close() {
    await this.browser?.close();
    await this.house?.close();
  }

  /** A browser of its own. */
  async context(options) {
    const context = await this.browser.newContext({ reducedMotion: 'reduce', ...options });
    context.setDefaultTimeout(PATIENCE);
    return context;
  }

  /** The browser of somebody who works here: certificate, cookies and all. */
  #contextOf(name, options) {
    const key = name + JSON.stringify(options);
    if (!this.#contexts.has(key)) this.#contexts.set(key, this.context({ ...this.house.as(name), ...options }));
    return this.#contexts.get(key);
  }

  /** One more tab of theirs, on the start page. */
  async another(name, options = {}) {
    const page = await (await this.#contextOf(name, options)).newPage();
    await page.goto(this.house.desk);
    return page;
  }

  /** Their one tab, on the start page again. */
  async at(name, options = {}) {
    const key = name + JSON.stringify(options);
    if (!this.#tabs.has(key)) this.#tabs.set(key, await (await this.#contextOf(name, options)).newPage());
    await this.#tabs.get(key).goto(this.house.desk);
    return this.#tabs.get(key);
  }

  /** The browser of a user, at the portal for the first time. */
  async guest(options) {
    const page = await (await this.context(options)).newPage();
    await page.goto(this.house.portal);
    return page;
  }

  /** A user who is there already, with a phone for each name. */
  async resident(name, ...phones) {
    const email = `${name.split(' ')[0].toLowerCase()}@example.org`;
    const user = await this.house.api('omar', '/api/users', { name, email, upn: email });
    const issued = [];
    for (const each of phones) {
      const { invitation } = await this.asked(user, 'mobile-smart-card', 'remote');
      const phone = this.house.phone();
      await phone.issue(invitation, '--name', each);
      issued.push(phone);
    }
    return { ...user, phones: issued };
  }

  /** Asks for something for a user, as the desk's API does. */
  async asked(user, kind, mode) {
    return this.house.api('omar', `/api/users/${user.id}/initial-issuances`, { kind, mode });
  }
}

export async function openScene(operators = OPERATORS) {
  const scene = new Scene();
  try {
    scene.house = await openHouse(operators);
    scene.browser = await openBrowser(scene.house);
  } catch (error) {
    await scene.close();
    throw error;
  }
  return scene;
}
