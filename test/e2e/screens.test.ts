import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CabinetSumsList, ReportList } from '../../src/contracts/accounts.ts';
import type { ExportReport, Members } from '../../src/contracts/export-report.ts';
import type { MoneyMembers, MoneyReport } from '../../src/contracts/money-report.ts';
import { barWidth, NARROW_PICTURE, SERIES_LABELS } from '../../src/domain/report-words.ts';
import { newInvitation } from '../../src/server/invitations.ts';
import { hasBrowser } from './browser.ts';
import {
  ADMIN,
  AGENT,
  Counter,
  type Login,
  MANAGER,
  OPENING_MS,
  PATIENCE_MS,
  SPECIALIST,
  type Visit,
} from './counter.ts';

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
  {
    name: '/accounts/reconciliation, a file that is no report',
    as: ADMIN,
    path: '/accounts/reconciliation',
    act: giveStrangeFiles,
  },
  {
    name: '/accounts/reconciliation, a report tried',
    as: ADMIN,
    path: '/accounts/reconciliation?from=2026-11-01&until=2026-11-19',
    act: (visit) => tryReport(visit),
  },
  {
    name: '/accounts/reconciliation, a report loaded',
    as: ADMIN,
    path: '/accounts/reconciliation?from=2026-11-01&until=2026-11-19',
    act: loadReport,
  },
  { name: '/reports, chosen and opened', as: ADMIN, path: '/reports', act: chooseAndOpen },
  { name: '/reports, a strange branch', as: ADMIN, path: '/reports?branch=9999', act: takeStrangeOff },
  { name: '/reports narrowed', as: ADMIN, path: '/reports?branch=1&branch=2&step=month' },
  { name: '/reports, days that are none', as: ADMIN, path: '/reports', act: giveStrangeDays },
  { name: '/reports, why it changed', as: ADMIN, path: '/reports', act: askWhy },
  {
    name: '/reports, why it changed, twice',
    as: ADMIN,
    path: '/reports?step=month&board=avito&board=cian&board=domclick&board=yandex',
    act: askWhyTwice,
  },
  { name: '/reports, many days on a telephone', as: ADMIN, path: '/reports?step=day', act: readDays },
  {
    name: '/reports, from one to another',
    as: ADMIN,
    path: '/reports?branch=1&by=crm-group&step=month&board=avito&minShare=40',
    act: goToMoney,
  },
  { name: '/reports of a person, on a telephone', as: ADMIN, path: '/reports?by=branch', act: useTelephone },
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

/** A file that is none of ours is refused in words that say what to do; the next one is taken as if nothing had been. */
async function giveStrangeFiles(visit: Visit): Promise<void> {
  const { page } = visit;
  visit.expectRefusal(/^4\d\d POST \/api\/v1\/cabinets\/\d+\/reports(?:\/peek)?$/);
  await page.getByRole('button', { name: 'Загрузить отчёт' }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Файл отчёта о списаниях').waitFor();
  const alert = dialog.getByRole('alert');
  const check = dialog.getByRole('button', { name: 'Проверить' });
  const strange: readonly (readonly [name: string, bytes: Buffer, told: RegExp])[] = [
    ['списания.xlsx', Buffer.from('PK\x03\x04 книга', 'latin1'), /Это книга Excel или архив, .*сохраните лист как CSV/],
    [
      'снимок.png',
      Buffer.from('89504e470d0a1a0a0000000d4948445200', 'hex'),
      /Это не таблица: .*Ничего не загружено: загрузите CSV/,
    ],
    ['пусто.csv', Buffer.from(' \n'), /Файл пуст\. Ничего не загружено/],
  ];
  for (const [name, buffer, told] of strange) {
    await page.locator('input[type=file]').setInputFiles({ name, mimeType: 'text/csv', buffer });
    await expect.poll(() => alert.allInnerTexts().then((all) => all.join()), { timeout: PATIENCE_MS }).toMatch(told);
    expect(await check.isDisabled()).toBe(true);
  }
  // A table, but of something else: it is looked at, and then it is told what is missing.
  const people = Buffer.from('Имя;Город\nВера;Тула\n');
  await page.locator('input[type=file]').setInputFiles({ name: 'люди.csv', mimeType: 'text/csv', buffer: people });
  await dialog.getByRole('table', { name: 'Начало файла' }).getByText('Тула').waitFor();
  expect(await alert.count()).toBe(0);
  await check.click();
  await alert.waitFor();
  expect(await alert.innerText()).toMatch(/[Сс]умм/);
  expect(await dialog.getByRole('button', { name: /^Загрузить/ }).count()).toBe(0);
}

const REPORT = 'списания ноябрь.csv';
const REPORT_DAY = '2026-11-19';

/** A cabinet that was charged for on the day, and the listing that cost it most. */
async function chargedOn({ ask }: { readonly ask: Visit['ask'] }) {
  const words = `by=cabinet&from=${REPORT_DAY}&until=${REPORT_DAY}`;
  const report = await ask<MoneyReport>(`/reports/money?${words}`);
  const { id, name } = report.rows.find((row) => row.spentKopecks > 0)!;
  const behind = await ask<MoneyMembers>(`/reports/money/members?${words}&of=${id}`);
  return { id: Number(id), name, listing: behind.data[0]! };
}

/** The file as boards write it for a Russian Excel: what was understood is told before anything is loaded. */
async function tryReport(visit: Visit): Promise<Awaited<ReturnType<typeof chargedOn>>> {
  const { page } = visit;
  const charged = await chargedOn({ ask: (path) => visit.ask(path) });
  const { data } = await visit.ask<CabinetSumsList>('/reconciliation');
  const { name } = data.find(({ id }) => id === charged.id)!;
  await page.getByRole('table', { name: 'Кабинеты' }).getByRole('button', { name, exact: true }).click();
  await expect.poll(() => new URL(page.url()).searchParams.get('cabinet')).toBe(String(charged.id));
  await visit.settled();
  await page.getByRole('button', { name: 'Загрузить отчёт' }).first().click();
  const dialog = page.getByRole('dialog', { name: `Отчёт доски: ${name}` });
  await dialog.getByLabel('Файл отчёта о списаниях').waitFor();
  const lines = [
    'Дата;Объект;Сумма, руб.;Услуга;Номер операции',
    `19.11.2026;#${charged.listing.id};1 234,50;Публикация;op-1`,
    `19.11.2026;#${charged.listing.id};100,00;Премиум;op-2`,
    '19.11.2026;#99999999;10,00;Публикация;op-3',
    `19.11.2026;#${charged.listing.id};много;Публикация;op-4`,
    `31.12.2026;#${charged.listing.id};5,00;Публикация;op-5`,
  ];
  const file = { name: REPORT, mimeType: 'text/csv', buffer: windows1251(`${lines.join('\r\n')}\r\n`) };
  await page.locator('input[type=file]').setInputFiles(file);
  const begun = dialog.getByRole('table', { name: 'Начало файла' });
  await begun.getByText('1 234,50').waitFor();
  expect(await dialog.getByRole('combobox', { name: 'Кодировка' }).inputValue()).toBe('windows-1251');
  // What the columns mean is guessed by their names, and told above them.
  const meanings = async () =>
    (await begun.getByRole('columnheader').allInnerTexts()).map((head) => head.split('\n').at(-1));
  expect(await meanings()).toEqual(['День', 'не берётся', 'Сумма, рублей', 'Услуга', 'Номер операции']);
  // Without an advert no charge can be compared: it is said what is missing, and one more word is enough.
  visit.expectRefusal(/^400 POST \/api\/v1\/cabinets\/\d+\/reports$/);
  await dialog.getByRole('button', { name: 'Проверить' }).click();
  await dialog.getByRole('alert').getByText('объявление').waitFor();
  await dialog.getByRole('combobox', { name: 'Наш номер объекта' }).click();
  await page.getByRole('option', { name: 'Объект', exact: true }).click();
  expect((await meanings())[1]).toBe('Наш номер объекта');
  expect(await dialog.getByRole('button', { name: /^Загрузить/ }).count()).toBe(0);
  await dialog.getByRole('button', { name: 'Проверить' }).click();
  const told = dialog.getByRole('status');
  await told.waitFor();
  const words = (await told.innerText()).replaceAll(/[\u00a0\u202f]/g, ' ');
  expect(words).toMatch(/^Понято: 3 новых списания на 1 344,50 ₽, /);
  for (const part of ['Не из этого кабинета: 1.', 'Не поняты: 2 строки.', 'Строка 5: ', 'Строка 6: '])
    expect(words).toContain(part);
  expect(words).toContain('Пока ничего не загружено.');
  const { data: none } = await visit.ask<ReportList>(`/cabinets/${charged.id}/reports`);
  expect(none.filter((report) => report.name === REPORT)).toEqual([]);
  return charged;
}

/** Loads for good; the screen has it, the API says the same, and the same file again changes nothing. */
async function loadReport(visit: Visit): Promise<void> {
  const { page } = visit;
  const before = await visit.ask<CabinetSumsList>(`/reconciliation?from=${REPORT_DAY}&until=${REPORT_DAY}`);
  const { id } = await tryReport(visit);
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Загрузить 3 списания' }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.getByText(/^Загружено: 3\sсписания\sна\s1\s344,50/).waitFor();
  await visit.settled();
  const sumOf = ({ data }: CabinetSumsList) => data.find((one) => one.id === id)!.boardKopecks;
  const after = await visit.ask<CabinetSumsList>(`/reconciliation?from=${REPORT_DAY}&until=${REPORT_DAY}`);
  expect(sumOf(after) - sumOf(before)).toBe(134_450);
  const line = page.getByRole('table', { name: 'Загруженные отчёты' }).getByRole('row').filter({ hasText: REPORT });
  expect((await line.innerText()).replaceAll(/\s+/g, ' ')).toMatch(/19\.11.* 3 1 344,50 ₽ Вера Лопатина, /);
  const days = page.getByRole('table', { name: 'По дням' }).getByRole('row').filter({ hasText: '19.11' });
  expect((await days.innerText()).replaceAll(/\s+/g, ' ')).toContain('1 344,50');
  // A stranger's charge is told among what the board owes an answer for.
  await page.getByText('99999999').first().waitFor();
  expect((await visit.ask<ReportList>(`/cabinets/${id}/reports`)).data.at(-1)).toMatchObject({
    ...{ name: REPORT, from: REPORT_DAY, until: REPORT_DAY, rows: 3, kopecks: 134_450 },
  });
}

/** As boards still write it; Node reads it only. */
function windows1251(text: string): Buffer {
  const signs = new TextDecoder('windows-1251').decode(Uint8Array.from({ length: 256 }, (_, byte) => byte));
  return Buffer.from(Array.from(text, (sign) => signs.indexOf(sign)));
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

/**
 * What is no day is shown as none, and it is told once which day that is; a period by its name mends it, and the tabs
 * keep the period.
 */
async function giveStrangeDays(visit: Visit): Promise<void> {
  const { page } = visit;
  visit.expectRefusal(/^400 GET \/api\/v1\/reports\/exports$/);
  await page.goto('/reports?from=abc&until=zzz');
  const alert = page.getByRole('alert').filter({ hasText: 'не дата' });
  await alert.waitFor();
  expect(await alert.innerText()).toContain(
    'Первый день отчёта – не дата: «abc». Последний день отчёта – не дата: «zzz».',
  );
  const shown = await page.getByRole('main').innerText();
  expect(shown.split('abc').length - 1).toBe(1);
  expect(shown).not.toMatch(/Invalid|«from»|«until»/);
  const search = page.getByRole('search');
  await search.getByRole('button', { name: /^Период/ }).waitFor();
  await search.getByLabel('Быстро').first().click();
  await page.getByRole('option', { name: '4 недели' }).click();
  await page.getByRole('img', { name: 'График выгрузки' }).waitFor();
  expect(await alert.count()).toBe(0);
  const days = () => ['from', 'until'].map((name) => new URL(page.url()).searchParams.get(name));
  const mended = days();
  for (const day of mended) expect(day).toMatch(/^\d{4}-\d\d-\d\d$/);
  await page.getByRole('navigation', { name: 'Отчёты' }).getByRole('link', { name: 'Работа' }).click();
  await page.getByRole('heading', { name: /^За период / }).waitFor();
  expect(days()).toEqual(mended);
  // «Назад» twice: what was wrong is wrong again, and that is what is looked at.
  await page.goBack();
  await page.goBack();
  await alert.waitFor();
}

/** Under which name a browser keeps the picture of a report. */
async function pictureName({ page }: Visit): Promise<string> {
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Картинка' }).click();
  return (await download).suggestedFilename();
}

/** The share that was cleared comes back; a bar opens its listings, whose column names the step it tells of. */
async function askWhy(visit: Visit): Promise<void> {
  const { page } = visit;
  expect(await pictureName(visit)).toMatch(/^vygruzka_\d{4}-\d\d-\d\d_\d{4}-\d\d-\d\d\.png$/);
  const share = page.getByRole('textbox', { name: 'Мин. доля дней, %' });
  await share.fill('');
  await share.blur();
  await expect.poll(() => share.inputValue()).toBe('50');
  await page
    .getByRole('button', { name: /^[+−]\d+: почему/ })
    .first()
    .click();
  await page
    .getByRole('dialog')
    .getByRole('button', { name: /, (?:ушли|пришли)/ })
    .first()
    .click();
  await page
    .getByRole('dialog')
    .getByRole('columnheader', { name: /^Дней в шаге \d/ })
    .waitFor();
}

/**
 * What was typed about one bar's listings is not held against another's. Bars of the demo are too short to be searched,
 * so the first one's answer is made longer on its way.
 */
async function askWhyTwice(visit: Visit): Promise<void> {
  const { page } = visit;
  const dialog = page.getByRole('dialog');
  const bars = dialog.getByRole('button', { name: /, (?:ушли|пришли)/ });
  const whys = page.getByRole('button', { name: /: почему, / });
  for (let at = 0; ; at++) {
    await whys.nth(at).click();
    await dialog.getByText(/^Выгружено /).waitFor();
    if ((await bars.count()) > 1) break;
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
  }
  const members = '**/api/v1/reports/exports/changes/members?*';
  await page.route(
    members,
    async (route) => {
      const response = await route.fetch();
      const { data } = (await response.json()) as Members;
      const many = Array.from({ length: 12 }, (_, at) => ({ ...data[0]!, id: -at, isSeen: false }));
      await route.fulfill({ response, json: { total: many.length, data: many } });
    },
    { times: 1 },
  );
  const rows = dialog.getByRole('rowheader');
  await bars.nth(0).click();
  await expect.poll(() => rows.count()).toBe(12);
  await dialog.getByLabel('Найти среди показанных').fill('такого здесь нет');
  await dialog.getByText('Такого среди них нет').waitFor();
  await bars.nth(1).click();
  await expect.poll(() => rows.count()).toBe(Number((await bars.nth(1).innerText()).replaceAll(/\D/g, '')));
  expect(await dialog.getByLabel('Найти среди показанных').count()).toBe(0);
}

/** All but the breakdown goes along, through a report that does not understand it too; that one is not asked with it. */
async function goToMoney(visit: Visit): Promise<void> {
  const { page } = visit;
  const words = () => [...new URL(page.url()).searchParams].map((word) => word.join('=')).sort();
  await page.getByRole('search').getByLabel('Быстро').first().click();
  await page.getByRole('option', { name: 'прошлый месяц' }).click();
  await expect.poll(() => words().length).toBe(7);
  const kept = words().filter((word) => !word.startsWith('by='));
  const go = async (tab: string, title: string) => {
    await page.getByRole('navigation', { name: 'Отчёты' }).getByRole('link', { name: tab }).click();
    await page.getByRole('heading', { name: title, level: 1 }).waitFor();
    await visit.settled();
    expect([tab, words()]).toEqual([tab, kept]);
  };
  const asked = page.waitForRequest((request) => request.url().includes('/reports/work?'));
  await go('Работа', 'Работа с объектами');
  const question = new URL((await asked).url()).searchParams;
  for (const name of ['step', 'board', 'minShare']) expect(question.has(name)).toBe(false);
  await go('Выгрузка', 'График выгрузки');
  expect(await page.getByRole('textbox', { name: 'Мин. доля дней, %' }).inputValue()).toBe('40');
  await go('Расходы', 'Расходы');
  expect(await pictureName(visit)).toMatch(/^Расходы .+\.png$/);
}

/** The choices are folded; a number of a card opens its listings, which are searched, and so does a column of the narrow picture. */
async function useTelephone(visit: Visit): Promise<void> {
  const { page } = visit;
  await page.setViewportSize({ width: 390, height: 844 });
  await visit.settled();
  await visit.picture('/reports, folded.phone');
  await page.getByRole('button', { name: 'Отбор' }).click();
  await page.getByRole('search').waitFor();
  await visit.picture('/reports, unfolded.phone');
  await page.getByRole('button', { name: 'Отбор' }).click();
  await page.getByRole('search').waitFor({ state: 'hidden' });
  const picture = page.getByRole('img', { name: 'График выгрузки' });
  expect(await picture.getAttribute('src')).toContain('shape=narrow');
  const number = page
    .getByRole('listitem')
    .getByRole('button', { name: /отмеченные на выгрузку/ })
    .first();
  await number.evaluate((button) => button.scrollIntoView({ block: 'start' }));
  await visit.picture('/reports, cards.phone');
  await number.click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('Сейчас').first().waitFor();
  const cards = dialog.getByRole('listitem');
  const all = await cards.count();
  const name = (await cards.nth(3).getByRole('link').textContent())!;
  await dialog.getByLabel('Найти среди показанных').fill(name.split(' · ')[0]!);
  await expect.poll(() => cards.count()).toBeLessThan(all);
  expect(await cards.first().getByRole('link').textContent()).toBe(name);
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await clickColumn(visit);
}

/** The last column of the first board's published ones opens as many as it stands for. */
async function clickColumn(visit: Visit): Promise<void> {
  const { page } = visit;
  const { sources, steps } = await visit.ask<ExportReport>('/reports/exports?by=branch');
  const [{ title, steps: told }] = sources as [ExportReport['sources'][number]];
  const at = told.findLastIndex(({ total }) => total !== null && total.published > 0);
  const { width, left, right, top, head } = NARROW_PICTURE;
  const band = (width - left - right) / steps.length;
  const bar = barWidth(steps.length, NARROW_PICTURE);
  // Three bars with a tenth of one between them stand in the middle of the step; the published are the first.
  const point = { x: left + band * (at + 0.5) - bar * 1.1, y: top + head + 20 };
  const picture = page.getByRole('img', { name: 'График выгрузки' });
  await picture.scrollIntoViewIfNeeded();
  const scale = (await picture.boundingBox())!.width / width;
  await picture.click({ position: { x: point.x * scale, y: point.y * scale } });
  const dialog = page.getByRole('dialog', { name: `${title}, ${steps[at]!.label}: ${SERIES_LABELS.published}` });
  await dialog.getByRole('listitem').first().waitFor();
  const count = told[at]!.total!.published;
  expect((await dialog.getByText(/^[\d\s]+объект/).innerText()).replaceAll(/\s/g, '')).toMatch(
    new RegExp(`^${count}объект`),
  );
}

/** Of every board the newest twenty days, the others at a click, which leaves the keyboard at the first of them. */
async function readDays(visit: Visit): Promise<void> {
  const { page } = visit;
  const { sources, steps } = await visit.ask<ExportReport>('/reports/exports?step=day');
  expect(steps.length).toBeGreaterThan(20);
  const labels = steps.map(({ label }) => label).reverse();
  await page.setViewportSize({ width: 390, height: 844 });
  await visit.settled();
  const board = page.locator('main ul').filter({ has: page.getByText('отмеченные на выгрузку') });
  expect(await board.count()).toBe(sources.length);
  const cards = board.first().getByRole('listitem');
  const names = async () => (await cards.allInnerTexts()).map((text) => text.split('\n')[0]);
  expect(await names()).toEqual([...labels.slice(0, 20), `Показать ещё ${steps.length - 20}`]);
  await cards.last().scrollIntoViewIfNeeded();
  await visit.picture('/reports, many days.phone');
  await cards.last().getByRole('button').click();
  expect(await names()).toEqual(labels);
  expect(await page.evaluate(() => (document.activeElement as HTMLElement).innerText.split('\n')[0])).toBe(labels[20]);
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
