// A real house for a test: a data folder, its operators, a server, phones and a browser. All of it is gone afterwards.

import { execFile, spawn } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { mkdtemp, readFile, readdir } from 'node:fs/promises';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';

const run = promisify(execFile);
const built = (name) => fileURLToPath(new URL(`../../target/debug/${name}`, import.meta.url));
const REMINT = process.env.REMINT_BIN ?? built('remint');
const MOBILE_SIM = process.env.MOBILE_SIM_BIN ?? built('mobile-sim');
const PASSWORD = 'the file of an operator';
const PIN = '123456';

/** How long something that should come is waited for, in milliseconds. */
export const PATIENCE = 60_000;

/** The password that a user of a test sets. */
export const OWN = 'correct horse battery staple';

/** Who works here, and as what. */
export const OPERATORS = {
  omar: ['help-desk'],
  vera: ['validation-officer'],
  ines: ['issuance-officer'],
  aude: ['auditor'],
  eve: ['help-desk', 'validation-officer', 'issuance-officer', 'auditor'],
};

/** Ports that nobody uses at this moment; all are held until the last is known, so that they differ. */
async function freePorts(count) {
  const listeners = await Promise.all(Array.from({ length: count }, listen));
  const ports = listeners.map((listener) => listener.address().port);
  await Promise.all(listeners.map((listener) => new Promise((done) => listener.close(done))));
  return ports;
}

function listen() {
  return new Promise((done, failed) => {
    const listener = createServer().once('error', failed);
    listener.listen(0, '127.0.0.1', () => done(listener));
  });
}

class House {
  /** Removed at the very end, whatever happens: a signal, a failed test, an error of our own. */
  static #open = new Set();

  static {
    process.on('exit', () => {
      for (const house of House.#open) house.#end();
    });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));
  }

  constructor(folder, ports) {
    this.folder = folder;
    this.data = join(folder, 'data');
    const [devices, desk, portal, status] = ports;
    this.ports = { devices, desk, portal, status };
    this.desk = `https://localhost:${desk}`;
    this.portal = `https://localhost:${portal}`;
    House.#open.add(this);
  }

  static async open(operators) {
    const house = new House(await mkdtemp(join(tmpdir(), 'remint-browser-')), await freePorts(4));
    try {
      await house.#build(operators);
      await house.#serve();
    } catch (error) {
      await house.close();
      throw error;
    }
    return house;
  }

  async #build(operators) {
    const ports = Object.entries(this.ports).flatMap(([name, port]) => [`--${name}-port`, port]);
    await this.remint('init', '--host', 'localhost', '--bind', '127.0.0.1', '--organization', 'Example Org', ...ports);
    this.root = await readFile(join(this.data, 'ca', 'root.pem'));
    await Promise.all(Object.entries(operators).map((each) => this.#hire(...each)));
  }

  #hire(name, roles) {
    const each = roles.flatMap((role) => ['--role', role]);
    return this.remint('operator', 'add', name, ...each, '--out', this.#certificate(name), '--password', PASSWORD);
  }

  /** A subcommand of the server's program on this data folder; what it prints. */
  async remint(...words) {
    const commands = words.filter((word, at) => at < 2 && /^[a-z]+$/.test(word));
    const rest = words.slice(commands.length).map(String);
    const { stdout } = await run(REMINT, [...commands, '--data', this.data, ...rest]);
    return stdout;
  }

  #certificate(name) {
    return join(this.folder, `${name}.p12`);
  }

  async #serve() {
    this.server = spawn(REMINT, ['serve', '--data', this.data], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.server.stderr.setEncoding('utf8').on('data', (text) => (this.complaints = (this.complaints ?? '') + text));
    const lines = createInterface(this.server.stdout);
    await new Promise((ready, failed) => {
      lines.on('line', (line) => line === 'ready' && ready());
      this.server.once('error', failed);
      this.server.once('exit', (status) => failed(new Error(`serve ended with ${status}: ${this.complaints ?? ''}`)));
    });
  }

  /** Ends the server in good order, and removes everything. */
  async close() {
    if (this.server?.exitCode === null && this.server.signalCode === null) {
      const ended = new Promise((done) => this.server.once('exit', done));
      this.server.kill('SIGTERM');
      await Promise.race([ended, pause(5000, undefined, { ref: false })]);
    }
    this.#end();
  }

  #end() {
    this.server?.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
    House.#open.delete(this);
  }

  /** What a browser context needs to be let in as an operator. Their file brings our root along, so nothing else need be trusted. */
  as(name) {
    return { clientCertificates: [{ origin: this.desk, pfxPath: this.#certificate(name), passphrase: PASSWORD }] };
  }

  /** What a browser context needs to show the certificate of a phone. */
  async with(phone) {
    const folder = await phone.exported();
    const certificate = { origin: this.portal, certPath: join(folder, 'auth.pem'), keyPath: join(folder, 'auth.key.pem') };
    return { clientCertificates: [certificate], ignoreHTTPSErrors: true };
  }

  /** The SHA-256 of the key of our servers, as a browser is told to trust it. */
  async key() {
    const { publicKey } = new X509Certificate(await readFile(join(this.data, 'ca', 'server.pem')));
    return createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' })).digest('base64');
  }

  /** A phone that has nothing yet. */
  phone() {
    this.phones = (this.phones ?? 0) + 1;
    return new Phone(join(this.folder, `phone-${this.phones}`));
  }

  /** The desk as a program asks it; for what a test needs to be there before it begins. */
  async api(name, path, body) {
    const pfx = await readFile(this.#certificate(name));
    return (await this.#ask('desk', path, body, { pfx, passphrase: PASSWORD })).answer;
  }

  /** A user's first password, as an administrator gives it. */
  async firstPassword(login) {
    const printed = await this.remint('user', 'password', login);
    return printed.split('\n')[0].split(': ')[1];
  }

  /** A user who signs in: the portal as a program asks it, with their cookie. */
  async enter(login, password) {
    const ask = async (path, body) => {
      const { answer, cookie } = await this.#ask('portal', path, body, {}, ask.cookie);
      ask.cookie = cookie ?? ask.cookie;
      return answer;
    };
    const read = await this.letters();
    const { second_step_required: isAsked } = await ask('/api/sign-in', { login, password });
    if (isAsked) await ask('/api/sign-in/code', { code: await this.code(login, read) });
    return ask;
  }

  /** A user who has set a password of their own. */
  async signedIn(login) {
    const given = await this.firstPassword(login);
    const ask = await this.enter(login, given);
    await ask('/api/password', { current: given, new: OWN });
    return ask;
  }

  /** What an officer who recovers keys pastes, PEM; the key stays with them. */
  async certificationRequest() {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-keyout', join(this.folder, 'recovery.key')];
    const { stdout } = await run('openssl', ['req', '-new', ...key, '-subj', '/CN=recovery']);
    return stdout;
  }

  /** The names of the letters that were delivered. */
  async letters() {
    return readdir(join(this.data, 'mail')).catch(() => []);
  }

  /** The code of a letter to somebody that is none of those. */
  async code(login, read) {
    for (const end = Date.now() + PATIENCE; Date.now() < end; await pause(50)) {
      for (const name of (await this.letters()).filter((each) => each.endsWith('.eml') && !read.includes(each))) {
        const [head, body] = (await readFile(join(this.data, 'mail', name), 'utf8')).split(/\r?\n\r?\n(.*)/s);
        const text = /base64/i.test(head) ? Buffer.from(body, 'base64').toString() : body;
        const code = head.includes(login) && text.match(/^\s+(\d{6})\s*$/m)?.[1];
        if (code) return code;
      }
    }
    throw new Error(`no letter with a code has come for ${login}`);
  }

  #ask(port, path, body, credentials, cookie) {
    const headers = { 'content-type': 'application/json', ...(cookie && { cookie }) };
    const options = { port: this.ports[port], path, method: body ? 'POST' : 'GET', ca: this.root, headers, ...credentials };
    return new Promise((done, failed) => {
      const asked = request({ host: 'localhost', ...options }, async (reply) => {
        const text = (await reply.setEncoding('utf8').toArray()).join('');
        if (reply.statusCode >= 300) return failed(new Error(`${path}: ${reply.statusCode} ${text}`));
        const answer = text ? JSON.parse(text) : undefined;
        done({ answer, cookie: reply.headers['set-cookie']?.[0].split(';')[0] });
      });
      asked.once('error', failed).end(body && JSON.stringify(body));
    });
  }
}

/** A phone, a tablet or a card: the simulator as a program of its own, which knows only what a real one would. */
class Phone {
  constructor(folder) {
    this.folder = folder;
  }

  async #run(...words) {
    const { stdout } = await run(MOBILE_SIM, ['--state', this.folder, '--pin', PIN, ...words]);
    return stdout;
  }

  issue({ uri, code }, ...options) {
    return this.#run('issue', uri, ...(code ? ['--code', code] : []), ...options);
  }

  sync() {
    return this.#run('sync');
  }

  /** What it carries, as PEM files; the folder of them. */
  async exported() {
    const folder = `${this.folder}-exported`;
    await this.#run('export', folder, '--private-keys');
    return folder;
  }
}

export const openHouse = (operators = OPERATORS) => House.open(operators);

/** The first that is on the PATH: the shell has no windows to draw, and is there sooner. */
function browserOnPath() {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const files = ['chromium-headless-shell', 'chromium'].flatMap((name) => folders.map((folder) => join(folder, name)));
  const found = files.find((file) => existsSync(file));
  if (!found) throw new Error('found: no browser on the PATH, expected: chromium-headless-shell or chromium, or CHROMIUM set to one');
  return found;
}

/** A browser that trusts the servers of a house, and no others of its kind. */
export async function openBrowser(house) {
  const quiet = ['--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
  const trust = `--ignore-certificate-errors-spki-list=${await house.key()}`;
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? browserOnPath(),
    args: ['--no-sandbox', '--disable-gpu', '--in-process-gpu', '--disable-quic', trust, ...quiet],
  });
}
