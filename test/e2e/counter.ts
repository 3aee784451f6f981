/** The counter of the demo as people find it in a browser: served, with a clock that goes and runs when a test says so. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, BrowserContext, ConsoleMessage, Page, Request, Response } from 'playwright-core';
import { expect } from 'vitest';
import { DEMO_PASSWORD, SIGN_INS } from '../../fixtures/agency.ts';
import { outcomesNow } from '../../src/export/outcomes.ts';
import { publishDue } from '../../src/export/publish.ts';
import { buildApp } from '../../src/server/app.ts';
import { listCabinets } from '../../src/store/publishing.ts';
import { dueCabinets } from '../../src/store/runs.ts';
import { DEMO_NOW, type PlayedDemo, playedDemo } from '../played.ts';
import { openBrowser } from './browser.ts';

/** Who begins the day: logins of the demo. */
export const [AGENT, SPECIALIST, MANAGER, ADMIN] = ['petrov', 'smirnova', 'sokolova', 'lopatina'] as const;
export type Login = typeof AGENT | typeof SPECIALIST | typeof MANAGER | typeof ADMIN;

/** To take the whole demo in and to play it: most of a minute where nobody has done it before. */
export const OPENING_MS = 600_000;

/** The folder for pictures; undefined: none are taken. */
const PICTURES = process.env.SCREENSHOTS;

/** How long anything may take: the machine may be busy with other tests, and how fast a screen is is measured elsewhere. */
export const PATIENCE_MS = 30_000;

/** So long must nothing happen before a page is done. */
const QUIET_MS = 150;

export interface VisitOptions {
  readonly width?: number;
  readonly height?: number;
  readonly scheme?: 'light' | 'dark';
}

export class Counter {
  readonly demo: PlayedDemo;
  /** `http://localhost:41234`. */
  readonly origin: string;
  readonly #browser: Browser;
  readonly #stop: () => Promise<void>;
  readonly #visits: Visit[] = [];
  #ahead = 0;
  readonly #begun = Date.now();

  private constructor(demo: PlayedDemo, browser: Browser, origin: string, stop: () => Promise<void>) {
    this.demo = demo;
    this.origin = origin;
    this.#browser = browser;
    this.#stop = stop;
  }

  static async open(): Promise<Counter> {
    const demo = await playedDemo();
    let browser: Browser | undefined;
    try {
      browser = await openBrowser();
      // The server is there before the counter that tells it the time.
      let counter: Counter | undefined;
      const app = buildApp({
        db: demo.db,
        dataDir: demo.dataDir,
        secret: 's'.repeat(40),
        clock: () => counter?.clock() ?? new Date(DEMO_NOW),
        // Nothing is ever said at this level, unless a test is about to fail.
        logLevel: 'error',
        media: true,
      });
      const origin = await app.listen({ port: 0, host: 'localhost' });
      await warm(demo);
      counter = new Counter(demo, browser, `http://localhost:${new URL(origin).port}`, () => app.close());
      return counter;
    } catch (error) {
      await browser?.close();
      await demo.drop();
      throw error;
    }
  }

  /** It begins at the demo's moment and goes. */
  readonly clock = (): Date => new Date(Date.parse(DEMO_NOW) + this.#ahead + Date.now() - this.#begun);

  /** The clock comes round: time passes, and every cabinet that is due by then has its run. */
  async comeRound(minutes = 60): Promise<void> {
    this.#ahead += minutes * 60_000;
    const { db, dataDir, agencyId, context } = this.demo;
    // Of cabinets that cost money one is due at a time: the next one is found when it is done.
    for (let looks = 0; looks < 20; looks++) {
      const due = new Set((await dueCabinets(db, this.clock())).map(({ id }) => id));
      if (due.size === 0) return;
      for (const cabinet of (await listCabinets(db, { agencyId })).filter(({ id }) => due.has(id)))
        await publishDue(cabinet, { db, dataDir, boards: context.boards, clock: this.clock });
    }
  }

  /** Somebody opens a browser. */
  async visit({ width = 1280, height = 800, scheme = 'light' }: VisitOptions = {}): Promise<Visit> {
    const context = await this.#browser.newContext({
      baseURL: this.origin,
      viewport: { width, height },
      colorScheme: scheme,
      locale: 'ru-RU',
      // Far from the agency, where it is another day: what is shown is told in the agency's zone.
      timezoneId: 'Pacific/Honolulu',
      reducedMotion: 'reduce',
    });
    const visit = new Visit(this, context, await context.newPage());
    this.#visits.push(visit);
    return visit;
  }

  /**
   * Ends all visits of a test; `SCREENSHOTS` keeps how they ended.
   * @throws where a page asked a foreign host, broke a policy or made the server fail
   */
  async leave(name: string): Promise<void> {
    const visits = this.#visits.splice(0);
    for (const visit of visits) {
      await visit.picture(`${name} end`);
      await visit.close();
    }
    expect(visits.flatMap(({ faults }) => faults)).toEqual([]);
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.#stop();
    await this.demo.drop();
  }
}

/** The boards' rules are compiled once in a process: on a busy machine nobody's first screen has to wait for that. */
async function warm({ db, cabinets, context }: PlayedDemo): Promise<void> {
  const { rows } = await db.pool.query<{ id: number }>('select listing_id as id from mark where is_live limit 1');
  for (const cabinet of cabinets) await outcomesNow(db.pool, cabinet, context.boards, [rows[0]!.id], context.clock());
}

/** A person's browser, watched: what must never happen on any screen is written down. */
export class Visit {
  readonly page: Page;
  readonly faults: string[] = [];
  /** Answers with 4xx that a test has asked for: `POST /listings`. */
  readonly #expected: RegExp[] = [/^401 GET \/api\/v1\/session$/];
  readonly #counter: Counter;
  readonly #context: BrowserContext;
  readonly #underWay = new Set<Request>();
  #quietSince = Date.now();

  constructor(counter: Counter, context: BrowserContext, page: Page) {
    this.page = page;
    this.#counter = counter;
    this.#context = context;
    page.setDefaultTimeout(PATIENCE_MS);
    context.on('request', (request) => this.#onRequest(request));
    context.on('requestfinished', (request) => this.#onEnd(request));
    context.on('requestfailed', (request) => this.#onEnd(request));
    context.on('response', (response) => this.#onResponse(response));
    context.on('console', (message) => this.#onConsole(message));
    page.on('pageerror', (error) => void this.faults.push(`the page fell over: ${error.message}`));
    page.on('crash', () => void this.faults.push('the page crashed'));
  }

  /** A refusal that belongs to the story: `409 POST /api/v1/…`. */
  expectRefusal(what: RegExp): void {
    this.#expected.push(what);
  }

  #onRequest(request: Request): void {
    const url = request.url();
    // A new document: what the last one was still fetching ends with it, and of some of that the browser says nothing.
    if (request.isNavigationRequest() && request.frame().parentFrame() === null) this.#underWay.clear();
    if (!/^(?:data|blob|about):/.test(url) && new URL(url).origin !== this.#counter.origin)
      this.faults.push(`a foreign host was asked: ${url}`);
    // The stream of events never ends.
    if (!url.endsWith('/api/v1/events')) this.#underWay.add(request);
  }

  #onEnd(request: Request): void {
    this.#underWay.delete(request);
    this.#quietSince = Date.now();
  }

  #onResponse(response: Response): void {
    if (response.status() < 400) return;
    const said = `${response.status()} ${response.request().method()} ${new URL(response.url()).pathname}`;
    if (response.status() >= 500 || !this.#expected.some((one) => one.test(said))) this.faults.push(said);
  }

  #onConsole(message: ConsoleMessage): void {
    // The browser says of every refused request that it was refused; the answers themselves are watched above.
    if (message.type() !== 'error' || /^Failed to load resource: .* status of 4\d\d/.test(message.text())) return;
    this.faults.push(`console: ${message.text()}`);
  }

  /** Comes in by the front door and waits for the first screen of the day. Clicks are counted from here. */
  async signIn(login: Login, to = '/'): Promise<void> {
    const { page } = this;
    await page.goto(to);
    await page.getByLabel('Логин').fill(login);
    await page.getByLabel('Пароль', { exact: true }).fill(DEMO_PASSWORD);
    // By the key: a mouse left where the button was would rest on a link of the next screen and load what is behind.
    await page.getByLabel('Пароль', { exact: true }).press('Enter');
    await page.getByRole('banner').waitFor();
    await page.evaluate(() => {
      const counted = window as typeof window & { clicks: number };
      counted.clicks = 0;
      const count = ({ detail }: MouseEvent) => {
        // A button pressed by a key is clicked too, by nobody's finger.
        if (detail > 0) counted.clicks++;
      };
      document.addEventListener('click', count, true);
    });
    await this.settled();
  }

  /** How often the person has clicked since coming in. */
  clicks(): Promise<number> {
    return this.page.evaluate(() => (window as typeof window & { clicks: number }).clicks);
  }

  /** Nothing is being loaded any more: no grey bars, no movement, no requests but the stream of events. */
  async settled(): Promise<void> {
    const { page } = this;
    this.#quietSince = Date.now();
    const until = Date.now() + PATIENCE_MS;
    for (;;) {
      const busy = await page.evaluate(busyWith);
      if (busy) this.#quietSince = Date.now();
      if (!busy && this.#underWay.size === 0 && Date.now() - this.#quietSince > QUIET_MS) return;
      if (Date.now() > until) {
        const asked = [...this.#underWay].map((request) => request.url());
        throw new Error(`${page.url()} does not come to rest: ${[busy, ...asked].filter(Boolean).join(', ')}`);
      }
      await sleep(30);
    }
  }

  /** Asks the API as this person. */
  async ask<T>(path: string): Promise<T> {
    const answer = await this.page.request.get(`/api/v1${path}`);
    expect([path, answer.status()]).toEqual([path, 200]);
    return (await answer.json()) as T;
  }

  /** Presses keys as a keyboard with the Russian layout does: `a`, `shift+x`, `mod+k`, `g o`, `enter`. */
  async press(...strokes: readonly string[]): Promise<void> {
    const devtools = await this.#context.newCDPSession(this.page);
    for (const stroke of strokes.flatMap((one) => one.split(' '))) {
      const names = stroke.split('+');
      const name = names.pop()!;
      const isShift = names.includes('shift');
      const modifiers = (names.includes('mod') ? 2 : 0) + (isShift ? 8 : 0);
      const pressed = pressedOn(name, isShift);
      await devtools.send('Input.dispatchKeyEvent', {
        type: modifiers & 2 || !pressed.text ? 'rawKeyDown' : 'keyDown',
        modifiers,
        ...pressed,
        ...(modifiers & 2 ? { text: '' } : {}),
      });
      await devtools.send('Input.dispatchKeyEvent', { type: 'keyUp', modifiers, ...pressed, text: '' });
    }
    await devtools.detach();
  }

  /** Where pictures are wished for, one of the page as it is. */
  async picture(name: string): Promise<void> {
    if (!PICTURES) return;
    const file = `${name.replace(/[^\wа-яё.]+/gi, '-').replace(/^-|-$/g, '') || 'home'}.png`;
    await this.page.screenshot({ path: join(PICTURES, file) });
  }

  close(): Promise<void> {
    return this.#context.close();
  }
}

/** In the page: what is not done yet; null: nothing. */
function busyWith(): string | null {
  // A page that needs no scripts is drawn when it is there.
  if (document.getElementById('root')?.childElementCount === 0) return 'nothing is drawn';
  const waiting = document.querySelector('.mantine-Skeleton-root[data-visible], [aria-busy=true]');
  if (waiting) return `waits: ${waiting.className}`;
  const moving = document
    .getAnimations()
    // What turns for ever is no movement that ends.
    .find(({ effect, playState }) => playState === 'running' && effect?.getTiming().iterations !== Infinity);
  return moving ? `moves: ${((moving.effect as KeyframeEffect).target as Element | null)?.className}` : null;
}

const LATIN = "qwertyuiop[]asdfghjkl;'zxcvbnm,.";
const RUSSIAN = 'йцукенгшщзхъфывапролджэячсмитьбю';
const SIGNS: Readonly<Record<string, string>> = {
  '[': 'BracketLeft',
  ']': 'BracketRight',
  ';': 'Semicolon',
  "'": 'Quote',
  ',': 'Comma',
  '.': 'Period',
};
const NAMED: Readonly<Record<string, readonly [key: string, code: string, number: number]>> = {
  enter: ['Enter', 'Enter', 13],
  esc: ['Escape', 'Escape', 27],
  tab: ['Tab', 'Tab', 9],
  space: [' ', 'Space', 32],
  up: ['ArrowUp', 'ArrowUp', 38],
  down: ['ArrowDown', 'ArrowDown', 40],
  left: ['ArrowLeft', 'ArrowLeft', 37],
  right: ['ArrowRight', 'ArrowRight', 39],
};

/** What the browser is told of a key under the Russian layout. */
function pressedOn(name: string, isShift: boolean) {
  const named = NAMED[name];
  if (named) {
    const [key, code, windowsVirtualKeyCode] = named;
    return { key, code, windowsVirtualKeyCode, text: name === 'enter' ? '\r' : name === 'space' ? ' ' : '' };
  }
  if (/^\d$/.test(name))
    return { key: name, code: `Digit${name}`, windowsVirtualKeyCode: name.charCodeAt(0), text: name };
  // The stop and the comma of the Russian layout lie where others have the slash and the question mark.
  if (name === '/' || name === '?') {
    const key = name === '/' ? '.' : ',';
    return { key, code: 'Slash', windowsVirtualKeyCode: 191, text: key };
  }
  const letter = RUSSIAN[LATIN.indexOf(name)];
  if (letter === undefined) throw new Error(`there is no key ${name}`);
  const key = isShift ? letter.toUpperCase() : letter;
  const code = SIGNS[name] ?? `Key${name.toUpperCase()}`;
  return { key, code, windowsVirtualKeyCode: name.toUpperCase().charCodeAt(0), text: key };
}

/** Where a person's day begins, as the demo tells it. */
export const beginningOf = (login: Login): string => SIGN_INS.find((one) => one.login === login)!.begins;
