import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, relative } from 'node:path';
import {
  AGENCY,
  AGENTS,
  BRANCHES,
  CRM_GROUPS,
  CROWDED,
  DEMO_PASSWORD,
  DEPARTMENTS,
  type DemoEntry,
  demoEntries,
  demoHappenings,
  HAPPENINGS,
  HISTORY_DAYS,
  OFFICE_LINE,
  PENNILESS,
  PLAYED,
  SIGN_INS,
  STORIES,
} from '../../fixtures/agency.ts';
import type { Config } from '../config.ts';
import { type Corrections, effective, fieldValue } from '../domain/corrections.ts';
import { Refusal } from '../domain/fault.ts';
import { OUTCOME_LABELS, OUTCOMES, type Outcome } from '../domain/gates.ts';
import { MAIL_WEEKS_USUAL } from '../domain/report-words.ts';
import type { AgencySettings } from '../domain/settings.ts';
import { agree, formatNumber } from '../domain/text.ts';
import type { PublishedCabinet } from '../export/publish.ts';
import { newInvitation } from '../server/invitations.ts';
import { hashPassword, tokenHash } from '../server/keys.ts';
import { setGrants } from '../store/access.ts';
import {
  addEmployee,
  ensureBranch,
  ensureCabinet,
  ensureCrmGroup,
  ensureDepartment,
  findEmployees,
  listEmployees,
  resolveAgency,
} from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import { recordDays } from '../store/days.ts';
import { feedPath } from '../store/feed-address.ts';
import { hashOf } from '../store/hash.ts';
import type { Deed } from '../store/journal.ts';
import { eachListing, findListings, markListings, saveCorrections } from '../store/marks.ts';
import { type CabinetRow, listCabinets } from '../store/publishing.ts';
import { subscribe } from '../store/report-mail.ts';
import { agencyFrame, changeAgencySettings } from '../store/settings.ts';
import { acceptInvitation, listSignIns } from '../store/sign-in.ts';
import { Context } from './context.ts';
import { loadDemoAudience } from './demo-audience.ts';
import { importSource, playHistory, prepareForAll } from './demo-history.ts';
import { confirmAll, hasPauses, liveThrough } from './demo-past.ts';
import { EXIT } from './exit.ts';
import { publishWithBar } from './publishing.ts';
import { serve } from './service-commands.ts';

/**
 * The demo: the imaginary agency in a folder of its own, brought in, marked and published by the same functions that
 * serve a real one. Nothing here is shown that the program does not do.
 */

/** Boards of the demo: the four that decide the market, and two small ones that read Yandex's format. */
const DEMO_BOARDS = ['avito', 'cian', 'yandex', 'domclick', 'bn', 'move'] as const;
const SLUG = 'main';
const LISTINGS = 412;
const HOUR = 3_600_000;
const MINUTE = 60_000;

/** Where the demo's pictures are served from. */
const mediaBase = (context: Context) => context.publicUrl('/media/demo');

export interface Seeded {
  /** False when everything was there already. */
  readonly isNew: boolean;
  readonly agencyId: number;
  readonly listings: number;
  readonly cabinets: readonly CabinetRow[];
}

/**
 * Brings the imaginary agency into the base and plays its months up to now. Every step may be repeated: what a broken
 * start left behind is finished, and a second call changes nothing.
 * @param db a migrated database
 */
export async function seedDemo(context: Context, db: Database): Promise<Seeded> {
  const agency = await resolveAgency(db, AGENCY, true);
  const photoBase = mediaBase(context);
  const entries = demoEntries(LISTINGS, { photoBase });
  const isSeeded = await isComplete(db, agency.id);
  const now = context.clock();
  const before = (hours: number) => new Date(now.getTime() - hours * HOUR);
  const options = { db, boards: context.boards, dataDir: context.config.DATA_DIR };
  if (!isSeeded) {
    await seedPeople(db, agency.id);
    await openCabinets(context, db, agency.id, (board) => board in PLAYED);
    const bar = context.progress('История: день');
    const clock = await playHistory(options, agency.id, entries, photoBase, {
      now,
      until: before(48),
      onDay: (day) => bar.at(day, HISTORY_DAYS),
    }).finally(() => bar.stop());
    await correct(db, agency.id, entries, before(48));
    await clock.goTo(before(30));
    await openCabinets(context, db, agency.id, () => true);
    await prepareForAll(options, agency.id, before(30));
    await bringAll(db, agency.id, entries, before(30));
    await liveThrough(db, agency.id, clock, now);
    await clock.goTo(now);
  } else {
    // The pictures' address is part of the listings: on another port the sources tell other addresses.
    if (!(await isPicturedAt(db, agency.id, photoBase))) await importToday(db, agency.id, entries, now);
    await confirmAll(db, agency.id, now);
  }
  // The demo's pictures are drawn by this very machine; anybody else's private address stays closed.
  const ownHost = new URL(photoBase).host;
  if ((await agencyFrame(db, agency.id)).settings.photos.ownHost !== ownHost) {
    const facts = { path: 'photos.ownHost', before: null, after: ownHost };
    const deed: Deed = { by: 'демо', action: 'settings-set', facts };
    await changeAgencySettings(db, agency.id, (own) => ({ ...own, photos: { ownHost } }), deed, now);
  }
  await letIn(db, agency.id, now);
  const cabinets = await listCabinets(db, { agencyId: agency.id });
  for (const cabinet of cabinets) await recordDays(db, cabinet, now);
  // One board tells of views and calls, the others do not: so it is in life.
  await loadDemoAudience(db, cabinets.find(({ board }) => board === DEMO_BOARDS[0])!, now);
  return {
    isNew: !isSeeded,
    agencyId: agency.id,
    listings: entries.length,
    cabinets,
  };
}

async function openCabinets(
  context: Context,
  db: Database,
  agencyId: number,
  isWanted: (board: string) => boolean,
): Promise<void> {
  for (const id of DEMO_BOARDS.filter(isWanted)) {
    const { name, family } = context.board(id);
    await ensureCabinet(db, agencyId, { board: id, slug: SLUG, name, family });
  }
}

/** What every source tells today. */
async function importToday(db: Database, agencyId: number, entries: readonly DemoEntry[], at: Date): Promise<void> {
  for (const branch of BRANCHES) {
    const told = entries.filter((entry) => entry.branch === branch).flatMap(({ today }) => today ?? []);
    await importSource(db, agencyId, branch, told, at);
  }
}

/** The whole base goes out: everything is loaded, confirmed and marked on every board. */
async function bringAll(db: Database, agencyId: number, entries: readonly DemoEntry[], at: Date): Promise<void> {
  await importToday(db, agencyId, entries, at);
  await confirmAll(db, agencyId, at);
  const known = new Map(entries.map(({ before, story }) => [before.externalId, story]));
  const ids = { first: [] as number[], second: [] as number[] };
  for await (const rows of eachListing(db, agencyId)) {
    for (const { id, externalId } of rows) {
      // The second agent comes some minutes later than the first; what was sold before does not come back.
      if (known.has(externalId)) (known.get(externalId) === 'twins' ? ids.second : ids.first).push(id);
    }
  }
  for (const { id } of await listCabinets(db, { agencyId })) {
    await markListings(db, agencyId, id, ids.first, at);
    await markListings(db, agencyId, id, ids.second, new Date(at.getTime() + 4 * MINUTE));
  }
}

/** The pauses are set last. */
async function isComplete(db: Database, agencyId: number): Promise<boolean> {
  return hasPauses(db, agencyId);
}

async function isPicturedAt(db: Database, agencyId: number, photoBase: string): Promise<boolean> {
  const pictured = demoEntries(20).find(({ today }) => today?.photos !== undefined)!;
  const [found] = await findListings(db, agencyId, pictured.before.externalId);
  return found?.values.photos?.[0]?.url.startsWith(`${photoBase}/`) === true;
}

async function seedPeople(db: Database, agencyId: number): Promise<void> {
  const known = new Set((await listEmployees(db, agencyId)).map((person) => person.email));
  const branches = new Map<string, number>();
  const departments = new Map<string, number>();
  const groups = new Map<string, number>();
  for (const name of BRANCHES) branches.set(name, await ensureBranch(db, agencyId, name));
  for (const { branch, name } of DEPARTMENTS) {
    departments.set(name, await ensureDepartment(db, agencyId, branches.get(branch)!, name));
  }
  for (const name of CRM_GROUPS) groups.set(name, await ensureCrmGroup(db, agencyId, name));
  for (const agent of AGENTS) {
    if (known.has(agent.email)) continue;
    await addEmployee(db, agencyId, {
      name: agent.name,
      phones: [agent.phone],
      email: agent.email,
      branchId: branches.get(agent.branch),
      departmentId: departments.get(agent.department),
      role: agent.role,
      groupIds: agent.groups.map((name) => groups.get(name)!),
    });
  }
}

/**
 * Four people get a login and the demo's password, the way everybody gets them: by a link that opens once. Of the
 * managers one answers for the agency, the others for their branches.
 */
async function letIn(db: Database, agencyId: number, now: Date): Promise<void> {
  const known = await listSignIns(db.pool, agencyId);
  if (known.size > 0) return;
  // Whoever looks at the demo has no telephone paired with it.
  const facts = { path: 'access.secondFactor', before: 'required', after: 'offered' };
  const deed: Deed = { by: 'демо', action: 'settings-set', facts };
  const change = (own: Partial<AgencySettings>) => ({ ...own, access: { secondFactor: 'offered' as const } });
  await changeAgencySettings(db, agencyId, change, deed, now);
  const passwordHash = await hashPassword(DEMO_PASSWORD);
  for (const { login } of SIGN_INS) {
    const [person] = await findEmployees(db, agencyId, `${login}@example.ru`);
    const path = await newInvitation(db, { agencyId, employeeId: person!.id }, 'демо', now);
    await acceptInvitation(db, tokenHash(path.slice('/welcome/'.length)), { login, passwordHash }, now);
  }
  await mailReport(db, agencyId, now);
  for (const { email, role } of AGENTS) {
    if (role !== 'manager' || SIGN_INS.some(({ login }) => email.startsWith(`${login}@`))) continue;
    const [person] = await findEmployees(db, agencyId, email);
    const { id, branchId } = person!;
    const grants = [{ role, scope: 'branch' as const, branchId, departmentId: null }];
    await setGrants(db, agencyId, id, grants, { name: 'демо', person: null }, now);
  }
}

/** The manager gets the chart every Monday at nine, once somebody sets the post up. */
async function mailReport(db: Database, agencyId: number, now: Date): Promise<void> {
  const manager = AGENTS.find(
    ({ email, role }) => role === 'manager' && SIGN_INS.some(({ login }) => email.startsWith(`${login}@`)),
  )!;
  const [person] = await findEmployees(db, agencyId, manager.email);
  const { id: employeeId, name } = person!;
  const query = { step: 'week', by: 'branch' } as const;
  await subscribe(
    db,
    agencyId,
    { employeeId, query, weeks: MAIL_WEEKS_USUAL, weekday: 1, atMinute: 9 * 60 },
    name,
    now,
  );
}

/** What people put over the sources' values. */
async function correct(db: Database, agencyId: number, entries: readonly DemoEntry[], at: Date): Promise<void> {
  for (const { before, correction } of entries) {
    if (!correction) continue;
    const [row] = await findListings(db, agencyId, before.externalId);
    if (!row) throw new Error(`broken invariant: listing ${before.externalId} was imported and is not there`);
    const { field, value } = correction;
    const basis = fieldValue(row.sourceValues, field);
    const corrections: Corrections = {
      ...row.corrections,
      [field]: { value, basis, by: 'Ольга Смирнова', at: at.toISOString() },
    };
    const values = effective(row.sourceValues, corrections);
    await saveCorrections(
      db,
      row,
      { corrections, values, valuesHash: hashOf(values), wasHash: hashOf(row.values) },
      at,
    );
  }
}

// ---------------------------------------------------------------- the command

export interface DemoOptions {
  readonly serve: boolean;
  readonly reset: boolean;
  readonly port?: number;
}

/** What marks a folder as the demo's own: only such a one is thrown away. */
const MARKER = 'demo.json';

/**
 * The command `demo`: seeds, publishes, tells what is there, and serves until it is stopped.
 * @throws Refusal `not-a-demo-folder`, `demo-running`, `port-taken`
 */
export async function runDemo(context: Context, options: DemoOptions): Promise<number> {
  const wanted = options.port ?? (process.env.PORT === undefined ? undefined : context.config.PORT);
  const { port, isOther } = options.serve
    ? await choosePort(wanted ?? context.config.PORT, wanted !== undefined, context.config.HOST)
    : { port: wanted ?? context.config.PORT, isOther: false };
  const overrides: Partial<Config> = {
    DATA_DIR: process.env.DATA_DIR ?? '.demo',
    PORT: port,
    // Never in somebody's own database.
    DATABASE_URL: undefined as never,
    LOG_LEVEL: process.env.LOG_LEVEL ?? 'warn',
  };
  const own = new Context(context.options, overrides);
  own.onServe = () => context.onServe();
  context.adopt(own);
  try {
    const { DATA_DIR } = own.config;
    if (options.reset) await reset(own);
    await claim(DATA_DIR);
    const claimedAt = performance.now();
    const db = await own.db();
    const openedAt = performance.now();
    const seeded = await seedDemo(own, db);
    const seededAt = performance.now();
    const { published, failed } = await publishWithBar(own, db, seeded.cabinets);
    if (failed[0]) throw failed[0].error;
    const doneAt = performance.now();
    const report = reportOf(own, seeded, published, {
      database: openedAt - claimedAt,
      listings: seededAt - openedAt,
      publishing: doneAt - seededAt,
      // A person waits from the moment the command was given: the clock of `performance` starts with the process.
      total: doneAt,
    });
    const tell = (url: string | null) =>
      own.print({ ...report, url }, () => greeting(own, report, url, isOther ? (wanted ?? context.config.PORT) : null));
    if (!options.serve) {
      tell(null);
      return EXIT.done;
    }
    await serve(own, port, { media: true, onListening: tell });
    return EXIT.done;
  } finally {
    await own.close();
  }
}

/** Takes the folder for the demo. @throws Refusal when something else lives there */
async function claim(dataDir: string): Promise<void> {
  const isEmpty = !existsSync(dataDir) || (await readdir(dataDir)).length === 0;
  if (!isEmpty && !(await isOurs(dataDir))) throw foreignFolder(dataDir);
  if (!isEmpty) return;
  await mkdir(dataDir, { recursive: true });
  await writeFile(join(dataDir, MARKER), `${JSON.stringify({ demo: AGENCY })}\n`);
}

async function isOurs(dataDir: string): Promise<boolean> {
  try {
    return (JSON.parse(await readFile(join(dataDir, MARKER), 'utf8')) as { demo?: unknown }).demo === AGENCY;
  } catch {
    return false;
  }
}

const foreignFolder = (dataDir: string) =>
  new Refusal(
    'not-a-demo-folder',
    `В папке ${dataDir} не демо, а что-то другое: она не тронута. Назовите другую: DATA_DIR=.demo`,
    EXIT.refused,
  );

async function reset(context: Context): Promise<void> {
  const { DATA_DIR } = context.config;
  if (!existsSync(DATA_DIR) || (await readdir(DATA_DIR)).length === 0) return;
  if (!(await isOurs(DATA_DIR))) throw foreignFolder(DATA_DIR);
  const pid = join(DATA_DIR, 'postgres', 'postmaster.pid');
  if (existsSync(pid)) {
    // Joining and leaving as the last one stops a server that a killed demo left behind.
    const twin = new Context({ ...context.options, quiet: true }, { DATA_DIR, DATABASE_URL: undefined as never });
    await twin.openAsIs();
    await twin.close();
    if (existsSync(pid)) {
      throw new Refusal(
        'demo-running',
        `Демо в папке ${DATA_DIR} ещё работает. Остановите его (Ctrl-C) и повторите.`,
        EXIT.refused,
      );
    }
  }
  await rm(DATA_DIR, { recursive: true });
}

/** The wanted port, or a free one when nobody insisted on it. */
async function choosePort(port: number, isGiven: boolean, host: string): Promise<{ port: number; isOther: boolean }> {
  const found = await tryPort(port, host);
  if (found !== undefined) return { port: found, isOther: false };
  if (isGiven) throw new Refusal('port-taken', `Порт ${port} занят. Назовите другой: demo --port 8090`, EXIT.refused);
  // A neighbour first: the pictures' addresses hold the port, and the next start should find the same one.
  for (let next = port + 1; next <= Math.min(port + 20, 65_535); next++) {
    if ((await tryPort(next, host)) !== undefined) return { port: next, isOther: true };
  }
  return { port: (await tryPort(0, host))!, isOther: true };
}

/** The port when it is free (for 0 any free one), undefined when it is taken. */
function tryPort(port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(undefined);
      else reject(error);
    });
    probe.listen(port, host, () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : port));
    });
  });
}

// ---------------------------------------------------------------- what is there

interface Seconds {
  readonly database: number;
  readonly listings: number;
  readonly publishing: number;
  readonly total: number;
}

function reportOf(context: Context, seeded: Seeded, published: readonly PublishedCabinet[], spent: Seconds) {
  const outcomes: Partial<Record<Outcome, number>> = {};
  for (const cabinet of published) {
    for (const outcome of OUTCOMES) {
      const count = cabinet.outcomes[outcome] ?? 0;
      if (count > 0) outcomes[outcome] = (outcomes[outcome] ?? 0) + count;
    }
  }
  return {
    agency: AGENCY,
    isNew: seeded.isNew,
    branches: BRANCHES.length,
    employees: AGENTS.length,
    listings: seeded.listings,
    marks: Object.values(outcomes).reduce((sum, count) => sum + count, 0),
    outcomes,
    feeds: published.map((cabinet) => ({
      board: cabinet.board,
      cabinet: cabinet.cabinet,
      edition: cabinet.edition,
      isNewEdition: cabinet.isNewEdition,
      offers: cabinet.offers,
      outcomes: cabinet.outcomes,
      url: context.publicUrl(feedPath(context.secret, seeded.cabinets.find((row) => row.id === cabinet.cabinetId)!)),
    })),
    stories: demoStories(),
    happenings: HAPPENINGS.map(({ key, title, board, outcome }) => ({
      key,
      title,
      board,
      outcome,
      listings: [...demoHappenings()].flatMap(([listing, happening]) => (happening === key ? [listing] : [])),
    })),
    /** A listing whose number differs from board to board. */
    office: demoEntries(LISTINGS).find(({ branch, story }) => branch === OFFICE_LINE.branch && story === undefined)!
      .before.externalId,
    /** A listing whose account is empty. */
    penniless: demoEntries(LISTINGS).find(
      ({ before, story }) => before.contactEmail === PENNILESS && story === undefined,
    )!.before.externalId,
    historyDays: HISTORY_DAYS,
    signIns: SIGN_INS.map(({ login, told, begins }) => ({ login, password: DEMO_PASSWORD, told, begins })),
    seconds: Object.fromEntries(
      Object.entries(spent).map(([name, ms]) => [name, Math.round((ms as number) / 100) / 10]),
    ) as unknown as Seconds,
    dataDir: context.config.DATA_DIR,
  };
}

/** The planted stories with the numbers of their listings. */
function demoStories() {
  const entries = demoEntries(LISTINGS);
  return STORIES.map(({ key, title, board, outcome, code }) => ({
    key,
    title,
    board,
    outcome,
    code,
    listings: entries.filter((entry) => entry.story === key).map(({ before }) => before.externalId),
  }));
}

type DemoReport = ReturnType<typeof reportOf>;

const count = (value: number, one: string, few: string, many: string) =>
  `${formatNumber(value)} ${agree(value, one, few, many)}`;

function greeting(context: Context, report: DemoReport, url: string | null, takenPort: number | null): string {
  const { outcomes, marks, seconds } = report;
  const told = OUTCOMES.filter((outcome) => outcomes[outcome] !== undefined)
    .sort((a, b) => outcomes[b]! - outcomes[a]!)
    .map((outcome) => `${OUTCOME_LABELS[outcome]} ${formatNumber(outcomes[outcome]!)}`);
  const share = formatNumber(Math.round(((outcomes.published ?? 0) / Math.max(marks, 1)) * 1000) / 10);
  const width = Math.max(...report.feeds.map((feed) => context.board(feed.board).name.length));
  const feeds = report.feeds.map((feed) => {
    const total = Object.values(feed.outcomes).reduce((sum, value) => sum + value, 0);
    return `    ${context.board(feed.board).name.padEnd(width)}  ${String(feed.offers).padStart(3)} из ${total}   ${feed.url}`;
  });
  const story = (key: string) => report.stories.find((candidate) => candidate.key === key)!.listings[0];
  const near = relative(process.cwd(), report.dataDir);
  const folder = near === '' || near.startsWith('..') ? report.dataDir : near;
  const command = `DATA_DIR=${folder} npm run -s vygruzka --`;
  return [
    `  Выгрузка · демо-агентство «${AGENCY}»`,
    `  ${count(report.branches, 'филиал', 'филиала', 'филиалов')}, ${count(report.employees, 'сотрудник', 'сотрудника', 'сотрудников')}, ${count(report.listings, 'объект', 'объекта', 'объектов')}; ${count(marks, 'отметка', 'отметки', 'отметок')} на ${count(report.feeds.length, 'доску', 'доски', 'досок')}: ${told.join(', ')} (в фидах ${share} %)`,
    `  ${formatNumber(HISTORY_DAYS)} дней до сегодняшнего сыграны настоящими прогонами: объекты приходили, дешевели и продавались, счета пополнялись и тратились`,
    '',
    `  Приложение: ${url === null ? 'npm run demo' : url}   пароль у всех ${DEMO_PASSWORD}`,
    ...report.signIns.map(({ login, told, begins }) => `    ${told.padEnd(13)}  ${login.padEnd(9)}  ${begins}`),
    '    Второй фактор для денег и прав в демо не требуется; в настоящем агентстве требуется.',
    '',
    '  Фиды — их забирают доски:',
    ...feeds,
    '',
    '  Попробуйте в другом окне:',
    `    ${command} explain ${story('floors-missing')} --all`,
    `    ${command} explain ${story('twins')} --board yandex`,
    `    ${command} moderation list`,
    `    ${command} rotation preview --board ${CROWDED.board}`,
    `    ${command} phone at ${report.office} --at "сб 11:00"`,
    `    ${command} check --board cian`,
    `    ${command} accounts list`,
    `    ${command} accounts forecast`,
    `    ${command} explain ${report.penniless} --board avito`,
    `    ${command} accounts verify`,
    `    ${command} report --step month --from 2026-07-01`,
    '',
    `  ${report.isNew ? 'Создано и опубликовано' : 'Всё уже было, открыто'} за ${formatNumber(seconds.total)} с (база ${formatNumber(seconds.database)}, объекты ${formatNumber(seconds.listings)}, публикация ${formatNumber(seconds.publishing)}). Данные — в ${folder}`,
    ...(takenPort === null ? [] : [`  Порт ${takenPort} занят, взят свободный.`]),
    ...(url === null ? [] : ['  Ctrl-C — остановить.']),
  ].join('\n');
}
