import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MoneyMembers, MoneyReport } from '../../src/contracts/money-report.ts';
import { newInvitation } from '../../src/server/invitations.ts';
import { hasBrowser } from './browser.ts';
import { ADMIN, AGENT, Counter, type Login, MANAGER, OPENING_MS, SPECIALIST, type Visit } from './counter.ts';

/**
 * Every screen that `router.tsx` has: axe finds nothing at WCAG 2.1 A and AA, light and dark, and on a telephone the
 * page does not move sideways. `npm run screenshots` keeps the pictures.
 */

const ROOT = join(import.meta.dirname, '..', '..');
const AXE = readFileSync(join(ROOT, 'node_modules/axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'];
/** What these say hangs on the theme; the others see no colour. */
const COLOUR_RULES = ['color-contrast', 'link-in-text-block'];

const ROUTER = readFileSync(join(ROOT, 'src/web/router.tsx'), 'utf8');
const pathsBy = (word: string) =>
  [...ROUTER.matchAll(new RegExp(`\\b${word}\\(\\s*'([^']+)'`, 'g'))].map((found) => found[1]!);
const OUTSIDE = pathsBy('outside');
/** A case is shown by the screen of its queue. */
const INSIDE = [...pathsBy('screen'), '/moderation/$id'];

/** What stands for the changing part of a path: something of the demo. */
const FILLINGS: Readonly<Record<string, (counter: Counter) => Promise<string>>> = {
  '/welcome/$token': async (counter) => {
    const { demo, clock } = counter;
    const employeeId = await idOf(counter, `select id from employee where email like 'galiev@%'`);
    return newInvitation(demo.db, { agencyId: demo.agencyId, employeeId }, 'тест', clock());
  },
  '/listings/$id': async (counter) =>
    `/listings/${await idOf(counter, `select listing_id as id from mark_outcome where outcome = 'blocked' order by 1`)}`,
  '/moderation/$id': async (counter) =>
    `/moderation/${await idOf(counter, `select listing_id as id from mark_outcome where outcome = 'awaiting-moderation' order by 1`)}`,
  '/accounts/$id': async (counter) =>
    `/accounts/${await idOf(counter, `select id from account where kind = 'employee' order by 1`)}`,
  '/rules/$board/$code': async () => '/rules/cian/floors-total-missing',
  '/feeds/$id': async (counter) => `/feeds/${await idOf(counter, 'select id from cabinet order by 1')}`,
  '/settings/boards/$board': async () => '/settings/boards/cian',
  '/settings/cabinets/$id': async (counter) =>
    `/settings/cabinets/${await idOf(counter, 'select id from cabinet order by 1')}`,
};

async function idOf({ demo }: Counter, sql: string): Promise<number> {
  const { rows } = await demo.db.pool.query<{ id: number }>(sql);
  return rows[0]!.id;
}

/** What else is worth a look: another person's eyes, an open dialog, an empty answer. */
const MORE: readonly {
  readonly name: string;
  readonly as: Login;
  readonly path: string;
  readonly act?: (visit: Visit) => Promise<unknown>;
}[] = [
  { name: 'home of an agent', as: AGENT, path: '/' },
  { name: 'home of a specialist', as: SPECIALIST, path: '/' },
  { name: 'home of a manager', as: MANAGER, path: '/' },
  { name: 'home of an administrator', as: ADMIN, path: '/' },
  { name: 'keys', as: SPECIALIST, path: '/profile', act: (visit) => visit.press('?') },
  { name: 'palette', as: ADMIN, path: '/profile', act: (visit) => visit.press('mod+k') },
  {
    name: '/reports by mail, the dialog',
    as: MANAGER,
    path: '/reports',
    act: async ({ page }) => {
      await page.getByRole('button', { name: 'Присылать по почте…' }).click();
      await page.getByRole('dialog').getByLabel('Во сколько').waitFor();
    },
  },
  {
    name: '/reports by mail, what comes',
    as: MANAGER,
    path: '/reports',
    act: ({ page }) => page.getByRole('heading', { name: 'По почте' }).scrollIntoViewIfNeeded(),
  },
  {
    name: 'a row of the money',
    as: MANAGER,
    path: '/reports/money?by=employee&step=month',
    act: (visit) => visit.page.locator('tbody button').first().click(),
  },
  {
    name: 'a row of the money without a group',
    as: ADMIN,
    path: '/reports/money?by=department',
    act: openWithoutGroup,
  },
  { name: '/reports/money, calls from a file', as: ADMIN, path: '/reports/money', act: tryCalls },
  {
    name: '/reports/money, calls loaded',
    as: ADMIN,
    path: '/reports/money?by=cabinet&from=2026-11-19&until=2026-11-19',
    act: loadCalls,
  },
  { name: '/reports, chosen and opened', as: ADMIN, path: '/reports', act: chooseAndOpen },
  { name: '/reports, a strange branch', as: ADMIN, path: '/reports?branch=9999', act: takeStrangeOff },
  { name: '/reports narrowed', as: ADMIN, path: '/reports?branch=1&branch=2&step=month' },
  { name: 'owner report dialog', as: AGENT, path: '/profile', act: giveOwnerLink },
  { name: 'owner page', as: AGENT, path: '/profile', act: openOwnerPage },
  { name: 'numbers of work by branch', as: ADMIN, path: '/reports/work?by=branch' },
  { name: 'listings behind a number', as: ADMIN, path: '/reports/work', act: openReturns },
  { name: 'nothing there', as: AGENT, path: '/no-such-screen' },
];

/** As an agent does from the card. @returns the address that the owner is given */
async function giveOwnerLink(visit: Visit): Promise<string> {
  const { page } = visit;
  const id = await page.evaluate(async () => {
    const answer = await fetch('/api/v1/listings?limit=1');
    return ((await answer.json()) as { data: { id: number }[] }).data[0]!.id;
  });
  await page.goto(`/listings/${id}`);
  await visit.settled();
  await page.getByRole('button', { name: 'Отчёт собственнику' }).click();
  await page.getByRole('button', { name: 'Дать ссылку' }).click();
  return page.getByLabel('Новая ссылка').inputValue();
}

async function openOwnerPage(visit: Visit): Promise<void> {
  const { pathname } = new URL(await giveOwnerLink(visit));
  await visit.page.goto(pathname);
}

/** As far as the words about what was understood; nothing is loaded. */
async function tryCalls({ page }: Visit): Promise<void> {
  await page.getByRole('button', { name: 'Загрузить звонки…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Файл с просмотрами и звонками').waitFor();
  const text = 'Дата;Объявление;Звонки\n20.11.2026;нет-такого;3\n31.12.2026;нет-такого;1\n20.11.2026;;много\n'.concat(
    '20.11.2026;;\n'.repeat(9),
  );
  const file = { name: 'звонки.csv', mimeType: 'text/csv', buffer: Buffer.from(text) };
  await page.locator('input[type=file]').setInputFiles(file);
  await dialog.getByRole('button', { name: 'Проверить' }).click();
  await dialog.getByText('Не поняты: 11 строк.').waitFor();
  await dialog.getByRole('button', { name: 'Показать ещё 3 строки' }).click();
  await dialog.getByText(/^Строка 13: /).waitFor();
  // The keyboard stands at the first of those that came.
  expect(await page.evaluate(() => document.activeElement?.textContent)).toMatch(/^Строка 11: /);
  await dialog.getByRole('button', { name: 'Проверить' }).scrollIntoViewIfNeeded();
}

async function openWithoutGroup({ page }: Visit): Promise<void> {
  await page.getByRole('button', { name: 'без отдела' }).click();
  await page.getByRole('dialog').getByRole('row').nth(1).waitFor();
}

/** Loads for good: what waits and what fails is seen, and the number is in the report afterwards. */
async function loadCalls(visit: Visit): Promise<void> {
  const { page } = visit;
  const words = 'by=cabinet&from=2026-11-19&until=2026-11-19';
  const cabinets = await visit.ask<{ data: { id: number; name: string }[] }>('/audience');
  const report = await visit.ask<MoneyReport>(`/reports/money?${words}`);
  const { id, name } = cabinets.data
    .slice(1)
    .find((one) => report.rows.some((row) => row.id === String(one.id) && row.days))!;
  const behind = await visit.ask<MoneyMembers>(`/reports/money/members?${words}&of=${id}`);
  const listing = behind.data[0]!;
  await page.getByRole('button', { name: 'Загрузить звонки…' }).click();
  const dialog = page.getByRole('dialog');
  const text = `Дата;Объект;Звонки\n19.11.2026;#${listing.id};7531\n`;
  await dialog.getByLabel('Файл с просмотрами и звонками').waitFor();
  const file = { name: 'звонки.csv', mimeType: 'text/csv', buffer: Buffer.from(text) };
  await page.locator('input[type=file]').setInputFiles(file);
  await dialog.getByRole('combobox', { name: 'Наш номер объекта' }).waitFor();
  // Another cabinet takes the file along.
  await dialog.getByRole('combobox', { name: 'Кабинет' }).click();
  await page.getByRole('option', { name, exact: true }).click();
  await dialog.getByRole('button', { name: 'Проверить' }).click();
  const load = dialog.getByRole('button', { name: /^Загрузить 1/ });
  await load.waitFor();

  const sent = `**/api/v1/cabinets/${id}/audience?*`;
  let answer: (isFailed: boolean) => void = () => {};
  await page.route(sent, async (route) => {
    const isFailed = await new Promise<boolean>((resolve) => {
      answer = resolve;
    });
    await (isFailed ? route.abort('connectionreset') : route.continue());
  });
  await load.click();
  for (const button of ['Отмена', 'Проверить'])
    await expect.poll(() => dialog.getByRole('button', { name: button }).isDisabled()).toBe(true);
  await visit.press('esc');
  expect(await dialog.getByRole('combobox', { name: 'Кабинет' }).isDisabled()).toBe(true);
  expect(await dialog.getByText('Прочитано: 1 строка').isVisible()).toBe(true);
  answer(true);
  await dialog.getByRole('alert').waitFor();
  expect(await dialog.getByText('Прочитано: 1 строка').isVisible()).toBe(true);
  expect(await load.evaluate((button) => button === document.activeElement)).toBe(true);
  // What the browser says of the connection that was cut.
  expect(visit.faults.splice(0).filter((fault) => !fault.includes('ERR_CONNECTION_RESET'))).toEqual([]);
  await page.keyboard.press('Enter');
  await expect.poll(() => load.isDisabled()).toBe(true);
  answer(false);
  await dialog.waitFor({ state: 'detached' });
  await page.unroute(sent);
  await visit.settled();
  const after = await visit.ask<MoneyReport>(`/reports/money?${words}`);
  const row = after.rows.find((one) => one.id === String(id))!;
  const was = report.rows.find((one) => one.id === String(id))!;
  expect(row.calls! - (was.calls ?? 0)).toBe(7531 - (listing.calls ?? 0));
  const shown = await page.getByRole('row').filter({ has: page.getByRole('button', { name: row.name, exact: true }) });
  expect((await shown.innerText()).replace(/\s/g, '')).toContain(String(row.calls));
}

/** What is chosen stands in the address, and a number is asked about with the same words; «back» closes what it opened. */
async function chooseAndOpen(visit: Visit): Promise<void> {
  const { page } = visit;
  const words = () => new URL(page.url()).searchParams;
  await page.getByText('месяц', { exact: true }).click();
  await expect.poll(() => words().get('step')).toBe('month');
  await page.getByRole('button', { name: /^Филиал/ }).click();
  const branch = page.getByRole('checkbox').first();
  await branch.check();
  await expect.poll(() => words().getAll('branch').length).toBe(1);
  await page.keyboard.press('Escape');
  await visit.settled();
  const asked = page.waitForRequest((request) => request.url().includes('/reports/exports/members?'));
  await page.locator('tbody button').first().click();
  const question = new URL((await asked).url()).searchParams;
  for (const name of ['step', 'branch']) expect(question.getAll(name)).toEqual(words().getAll(name));
  await page.getByRole('dialog').getByRole('row').nth(1).waitFor();
  await page.goBack();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  expect(words().getAll('branch')).toEqual([]);
  await visit.settled();
  await page.locator('tbody button').first().click();
}

async function takeStrangeOff({ page }: Visit): Promise<void> {
  await page.getByRole('button', { name: 'Филиал: №9999' }).click();
  await page.getByRole('checkbox', { name: '№9999' }).click();
  await expect.poll(() => new URL(page.url()).search).toBe('');
}

async function openReturns({ page }: Visit): Promise<void> {
  await page.getByRole('button', { name: /: Возвраты$/ }).click();
}

describe.skipIf(!hasBrowser)('every screen', () => {
  let counter: Counter;
  const visits = new Map<Login | null, Visit>();

  beforeAll(async () => {
    counter = await Counter.open();
  }, OPENING_MS);
  afterAll(() => counter?.close());

  /** One browser for each person, so that nobody signs in again and again. */
  async function visitOf(login: Login | null): Promise<Visit> {
    const known = visits.get(login);
    if (known) return known;
    const visit = await counter.visit();
    visits.set(login, visit);
    if (login) await visit.signIn(login);
    return visit;
  }

  async function look(visit: Visit, name: string): Promise<void> {
    const { page } = visit;
    const found: string[] = [];
    try {
      await visit.picture(`${name}.light`);
      found.push(...(await axe(visit, 'light')));
      await page.emulateMedia({ colorScheme: 'dark' });
      // Colours begin to change with a frame, and on a busy machine that may be long in coming.
      await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
      await visit.settled();
      await visit.picture(`${name}.dark`);
      found.push(...(await axe(visit, 'dark', COLOUR_RULES)));
      await page.emulateMedia({ colorScheme: 'light' });
      await page.setViewportSize({ width: 390, height: 844 });
      await visit.settled();
      await visit.picture(`${name}.phone`);
      const sideways = await page.evaluate(() =>
        ['html', 'main'].filter((name) => {
          const box = document.querySelector(name);
          return box !== null && box.scrollWidth > box.clientWidth + 1;
        }),
      );
      found.push(...sideways.map((box) => `at 390 px ${box} moves sideways`));
      found.push(...(await axe(visit, 'phone')));
    } finally {
      await page.emulateMedia({ colorScheme: 'light' });
      await page.setViewportSize({ width: 1280, height: 800 });
    }
    expect([...found, ...visit.faults.splice(0)]).toEqual([]);
  }

  it('is known here', async () => {
    const { page } = await visitOf(null);
    await page.goto('/sign-in');
    const known = await page.evaluate(() =>
      Object.keys((window as unknown as { __TSR_ROUTER__: { routesByPath: object } }).__TSR_ROUTER__.routesByPath),
    );
    expect(known.sort()).toEqual(['/', ...OUTSIDE, ...INSIDE].sort());
  });

  it.each(OUTSIDE)('%s', async (path) => {
    const visit = await visitOf(null);
    await visit.page.goto(await filled(path, counter));
    await visit.settled();
    await look(visit, path);
  });

  it.each(INSIDE)('%s', async (path) => {
    const visit = await visitOf(ADMIN);
    await visit.page.goto(await filled(path, counter));
    await visit.settled();
    await look(visit, path);
  });

  it.each(MORE)('$name', async ({ name, as, path, act }) => {
    const visit = await visitOf(as);
    await visit.page.goto(path);
    await visit.settled();
    await act?.(visit);
    await visit.settled();
    await look(visit, name);
  });
});

async function filled(path: string, counter: Counter): Promise<string> {
  if (!path.includes('$')) return path;
  const fill = FILLINGS[path];
  if (!fill) throw new Error(`say in FILLINGS what stands for the changing part of ${path}`);
  return fill(counter);
}

/** What axe finds on the page as it is. */
async function axe({ page }: Visit, how: string, rules?: readonly string[]): Promise<string[]> {
  // Half a megabyte: once for a page, not for each of its looks.
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(AXE);
  const found = await page.evaluate(
    async ([tags, only]) => {
      const { axe } = window as typeof window & {
        axe: { run(context: Document, options: object): Promise<{ violations: AxeViolation[] }> };
      };
      interface AxeNode {
        target: string[];
        any: { message: string }[];
        failureSummary: string;
      }
      interface AxeViolation {
        id: string;
        nodes: AxeNode[];
      }
      const { violations } = await axe.run(document, {
        runOnly: only ? { type: 'rule', values: only } : { type: 'tag', values: tags },
        resultTypes: ['violations'],
      });
      return violations.map(({ id, nodes }) => {
        const [{ target, any, failureSummary }] = nodes as [AxeNode, ...AxeNode[]];
        return `${id} (${nodes.length}): ${target.join(' ')}: ${any[0]?.message ?? failureSummary}`;
      });
    },
    [TAGS, rules ?? null] as const,
  );
  return found.map((one) => `${how}: ${one}`);
}
