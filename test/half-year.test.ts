/**
 * The export report of a simulated half-year, every number of it computed a second way: what was published is read from
 * the XML of every edition that boards could get, what was not from the decisions kept after each run. Neither the
 * daily record nor the steps of the law are asked: days, steps, shares and moves are reckoned here once more.
 *
 * `SEED=7 npx vitest run test/half-year.test.ts` plays another half-year.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { XMLParser } from 'fast-xml-parser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listingAt } from '../fixtures/agency.ts';
import { Dice } from '../fixtures/dice.ts';
import { loadBoards } from '../src/boards/catalogue.ts';
import type { ExportReport } from '../src/contracts/export-report.ts';
import { OUTCOME_LABELS } from '../src/domain/gates.ts';
import type { Listing } from '../src/domain/listing.ts';
import { REACH_ALL } from '../src/domain/rights.ts';
import { editionFolder, editionPath } from '../src/export/edition.ts';
import { publishCabinet } from '../src/export/publish.ts';
import { exportReportChanges, exportReportMembers } from '../src/server/export-members.ts';
import { exportReport, type Reporter } from '../src/server/export-report.ts';
import {
  addEmployee,
  changeEmployee,
  ensureBranch,
  ensureCabinet,
  ensureDepartment,
  resolveAgency,
} from '../src/store/agencies.ts';
import { recordDays } from '../src/store/days.ts';
import { importListings } from '../src/store/intake.ts';
import { openAccount, topUp } from '../src/store/ledger.ts';
import { markListings, unmarkListings } from '../src/store/marks.ts';
import { addPause } from '../src/store/pauses.ts';
import { type CabinetRow, currentEdition, listCabinets } from '../src/store/publishing.ts';
import { testDatabase } from './store/testdb.ts';

const SEED = Number(process.env.SEED ?? 20261122);
const FIRST = '2026-01-20';
const DAYS = 183;
const LISTINGS = 26;
const dice = new Dice(SEED);
const boards = loadBoards();
const BY = { name: 'проверка' };

/** A day of the half-year, by its number from 0. */
const dayAt = (index: number) => new Date(Date.parse(FIRST) + index * 86_400_000).toISOString().slice(0, 10);
const at = (index: number, time: string) => new Date(`${dayAt(index)}T${time}:00+03:00`);

/** What is known of a cabinet after a run: the state of each mark by its decision, and who stands in the file. */
interface Seen {
  readonly states: ReadonlyMap<string, string>;
  /** Why it is kept off. */
  readonly words: ReadonlyMap<string, string>;
  readonly file: ReadonlySet<string>;
}
const NOTHING: Seen = { states: new Map(), words: new Map(), file: new Set() };

interface Watch {
  readonly row: CabinetRow;
  last: Seen;
  /** By day: what each listing came to. */
  readonly days: Map<string, string>[];
  /** By day: what the last run of it said of each listing that it kept off. */
  readonly said: Map<string, string>[];
}

let base: Awaited<ReturnType<typeof testDatabase>>;
let dataDir: string;
let agencyId: number;
let watches: Watch[];
let reporter: Reporter;
/** By day: whose each listing was when the day ended. */
const owners: Map<string, Owner>[] = [];
type Owner = Readonly<Record<'branch' | 'department' | 'employee', string>>;
/** Asks for one person's listings. */
let anna: number;
let unequalRuns = 0;

beforeAll(async () => {
  base = await testDatabase();
  dataDir = await mkdtemp(join(tmpdir(), 'half-year-'));
  await play();
}, 300_000);
afterAll(async () => {
  await base?.drop();
  await rm(dataDir, { recursive: true, force: true });
});

const XML = new XMLParser({ ignoreAttributes: false, parseTagValue: false, isArray: (name) => LISTS.has(name) });
const LISTS = new Set(['Ad', 'object']);

/** The offers of a feed by a foreign parser's reading. */
function offersOf(xml: string): Set<string> {
  const feed = XML.parse(xml);
  const offers: Record<string, string>[] = feed.Ads?.Ad ?? feed.feed?.object ?? [];
  return new Set(offers.map((offer) => offer.Id ?? offer.ExternalId!));
}

async function play(): Promise<void> {
  ({ id: agencyId } = await resolveAgency(base.db, 'Полугодие', true));
  const { db } = base;
  const branches = [await ensureBranch(db, agencyId, 'Север'), await ensureBranch(db, agencyId, 'Юг')];
  const departments = [
    await ensureDepartment(db, agencyId, branches[0]!, 'Продажи'),
    await ensureDepartment(db, agencyId, branches[1]!, 'Аренда'),
  ];
  const giver = { by: 'проверка', at: at(0, '01:00') };
  const names = ['Анна', 'Борис', 'Вера', 'Глеб', 'Дина'];
  const people: { readonly id: number; readonly name: string; branch: number; department: string }[] = [];
  for (const [index, name] of names.entries()) {
    const branch = index % 2;
    const where = { branchId: branches[branch]!, departmentId: departments[branch]! };
    people.push({
      name,
      branch,
      department: ['Продажи', 'Аренда'][branch]!,
      id: await addEmployee(db, agencyId, { name, phones: [], ...where }, giver),
    });
  }
  anna = people[0]!.id;
  const shops = [
    ['avito', 'one'],
    ['avito', 'two'],
    ['cian', 'main'],
  ] as const;
  for (const [board, slug] of shops) {
    const { family } = boards.find(({ id }) => id === board)!;
    await ensureCabinet(db, agencyId, { board, slug, name: `${board} ${slug}`, family });
  }
  watches = (await listCabinets(db, { agencyId })).map((row) => ({ row, last: NOTHING, days: [], said: [] }));

  const { id: accountId } = await openAccount(db, agencyId, { kind: 'agency', ownerId: null }, BY, at(0, '01:00'));
  for (const { row } of watches)
    await db.pool.query(
      `insert into tariff (agency_id, cabinet_id, valid_from, terms, by, created_at) values ($1, $2, $3, $4, 'проверка', $5)`,
      [agencyId, row.id, dayAt(1), { lines: [{ kopecks: 1000 }], excess: null, promotion: [] }, at(0, '01:00')],
    );

  // What the source says of each listing: the values, and whose it is.
  const listings = Array.from({ length: LISTINGS }, (_, index) => ({
    values: {
      ...listingAt(1),
      externalId: `L${index}`,
      apartmentNumber: String(index + 1),
      address: `Москва, Мира ${index + 1}`,
    },
    owner: people[index % people.length]!,
    isFaulty: false,
  }));
  const bring = (when: Date) =>
    importListings(
      db,
      { agencyId, source: 'crm' },
      listings.map(({ values, owner, isFaulty }) => ({
        values: isFaulty ? faulty(values, when) : values,
        employeeId: owner.id,
      })),
      when,
    );
  await bring(at(0, '02:00'));
  const found = await db.pool.query<{ id: number; name: string }>(
    'select id, external_id as name from listing where agency_id = $1',
    [agencyId],
  );
  const idOf = new Map(found.rows.map(({ id, name }) => [name, id]));
  const some = (most: number) =>
    listings.filter(() => dice.chance(most / LISTINGS)).map(({ values }) => values.externalId);

  let tops = 0;
  for (let index = 0; index < DAYS; index++) {
    // The clockwork writes the day that is over before anybody does anything.
    for (const { row } of watches) await recordDays(db, row, at(index, '00:10'));
    const started = watches.map(({ last }) => last);
    const runs: Seen[][] = watches.map(() => []);
    const times = dice.chance(0.2) ? ['09:00', '17:00'] : ['09:00'];
    for (const time of times) {
      const when = at(index, time);
      if (index === 0 || dice.chance(0.3))
        for (const { row } of watches)
          await markListings(
            db,
            agencyId,
            row.id,
            some(index === 0 ? 18 : 4).map((name) => idOf.get(name)!),
            when,
          );
      if (dice.chance(0.2)) {
        const { row } = dice.pick(watches);
        const marked = some(2).map((name) => idOf.get(name)!);
        if (marked.length > 0) await unmarkListings(db, agencyId, row.id, marked, when);
      }
      if (dice.chance(0.25)) {
        for (const listing of listings) if (dice.chance(0.12)) listing.isFaulty = !listing.isFaulty;
        // Handed over in the source: its listings are another one's from this day on.
        if (dice.chance(0.5)) dice.pick(listings).owner = dice.pick(people);
        await bring(new Date(when.getTime() - 60_000));
      }
      if (dice.chance(0.08)) {
        const person = dice.pick(people);
        person.branch = 1 - person.branch;
        // Whoever goes to another branch leaves the department here.
        person.department = 'без отдела';
        await changeEmployee(
          db,
          agencyId,
          person.id,
          { branchId: branches[person.branch]! },
          { name: 'проверка', person: null },
          when,
        );
      }
      if (dice.chance(0.12)) {
        const until = new Date(when.getTime() + 86_400_000 * dice.int(1, 4));
        const listingId = idOf.get(dice.pick(listings).values.externalId)!;
        await addPause(db, agencyId, { listingId, from: when, until, reason: 'показ' }, 'проверка', when);
      }
      if (dice.chance(0.3))
        await topUp(
          db,
          agencyId,
          accountId,
          { key: `t${++tops}`, kopecks: dice.int(20, 160) * 1000, reason: 'проверка', by: BY },
          when,
        );
      for (const [place, watch] of watches.entries()) {
        watch.last = await run(watch, when);
        runs[place]!.push(watch.last);
      }
    }
    for (const [place, watch] of watches.entries()) {
      watch.days.push(dayOf(started[place]!, runs[place]!));
      watch.said.push(new Map(watch.last.words));
    }
    owners.push(
      new Map(
        listings.map(({ values, owner }) => [
          values.externalId,
          { branch: ['Север', 'Юг'][owner.branch]!, department: owner.department, employee: owner.name },
        ]),
      ),
    );
  }
  const end = at(DAYS, '00:10');
  for (const { row } of watches) await recordDays(db, row, end);
  reporter = {
    db,
    agencyId,
    reach: REACH_ALL,
    columns: watches.map(({ row }) => ({ id: row.id, board: row.board, boardName: row.board, title: row.slug })),
    now: end,
  };
}

/** What is wrong changes while it is wrong: no text on one day, no area on the next. */
function faulty({ areaM2, ...values }: Listing, when: Date): Listing {
  return dayOfTime(when) % 2 === 0 ? { ...values, description: '' } : values;
}

const dayOfTime = (when: Date) => Math.floor((when.getTime() - at(0, '00:00').getTime()) / 86_400_000);

async function run({ row, last }: Watch, when: Date): Promise<Seen> {
  const { db } = base;
  await publishCabinet(row, { db, boards, dataDir, clock: () => when });
  const decided = await db.pool.query<{ name: string; outcome: string; reason: string | null }>(
    `select l.external_id as name, o.outcome, o.reason from mark_outcome o join listing l on l.agency_id = o.agency_id and l.id = o.listing_id
     where o.agency_id = $1 and o.cabinet_id = $2`,
    [agencyId, row.id],
  );
  const states = new Map(decided.rows.map(({ name, outcome }) => [name, outcome]));
  const history = await db.pool.query<{ outcomes: Record<string, number> }>(
    'select outcomes from export_run where agency_id = $1 and cabinet_id = $2 order by id desc limit 1',
    [agencyId, row.id],
  );
  const sums: Record<string, number> = {};
  for (const outcome of states.values()) sums[outcome] = (sums[outcome] ?? 0) + 1;
  for (const [outcome, sum] of Object.entries(history.rows[0]!.outcomes))
    if ((sums[outcome] ?? 0) !== sum) unequalRuns++;
  const edition = await currentEdition(db, row);
  const folder = editionFolder(dataDir, agencyId, row.id);
  const file = edition ? offersOf(await readFile(editionPath(folder, edition.sha256, 'xml'), 'utf8')) : last.file;
  const words = new Map(decided.rows.flatMap(({ name, reason }) => (reason === null ? [] : [[name, reason] as const])));
  return { states, words, file };
}

/** Published: in any file that was there on the day. Else what the last run of the day said. */
function dayOf(started: Seen, runs: readonly Seen[]): Map<string, string> {
  const last = runs.at(-1) ?? started;
  const day = new Map([...last.states].filter(([, state]) => state !== 'published'));
  for (const { file } of [started, ...runs]) for (const name of file) day.set(name, 'published');
  return day;
}

const SERIES = ['marked', 'published', 'blocked', 'unfunded'] as const;
interface Asked {
  readonly from: number;
  readonly until: number;
  readonly step: 'day' | 'week' | 'month';
  readonly minShare: number;
}

/** Days by the step they belong to: of one Monday, of one month. */
function stepsOf({ from, until, step }: Asked): number[][] {
  const steps = new Map<string, number[]>();
  for (let index = from; index <= until; index++) {
    const date = new Date(Date.parse(dayAt(index)));
    const monday = index - ((date.getUTCDay() + 6) % 7);
    const key = { day: String(index), week: String(monday), month: dayAt(index).slice(0, 7) }[step];
    steps.set(key, [...(steps.get(key) ?? []), index]);
  }
  return [...steps.values()];
}

/** The numbers of one source in one step. @param isAsked by the owner of a listing on a day */
const numbers = (...asked: Parameters<typeof listingsIn>) =>
  Object.fromEntries(Object.entries(listingsIn(...asked)).map(([series, names]) => [series, names.length]));

/** The listings behind them. */
function listingsIn(
  sources: readonly Watch[],
  days: readonly number[],
  minShare: number,
  isAsked: (owner: Owner) => boolean,
) {
  const needed = minShare === 0 ? 1 : Math.ceil((days.length * minShare) / 100);
  return Object.fromEntries(
    SERIES.map((series) => {
      const names = Array.from({ length: LISTINGS }, (_, index) => `L${index}`).filter((name) => {
        const inState = days.filter((index) => {
          if (!isAsked(owners[index]!.get(name)!)) return false;
          const states = sources.map((watch) => watch.days[index]!.get(name)).filter((state) => state !== undefined);
          return series === 'marked' ? states.length > 0 : states.includes(series);
        }).length;
        return inState >= (series === 'marked' ? 1 : needed);
      });
      return [series, names];
    }),
  ) as Record<(typeof SERIES)[number], string[]>;
}

const TIMES = [
  { from: 30, until: 179, step: 'week', minShare: 50 },
  { from: 33, until: 182, step: 'month', minShare: 0 },
  { from: 1, until: 150, step: 'month', minShare: 100 },
  { from: 10, until: 159, step: 'month', minShare: 50 },
  { from: 40, until: 101, step: 'week', minShare: 0 },
  { from: 44, until: 100, step: 'week', minShare: 100 },
  { from: 60, until: 66, step: 'day', minShare: 100 },
  { from: 70, until: 92, step: 'week', minShare: 29 },
] as const satisfies readonly Asked[];

describe('a simulated half-year', () => {
  it('had everything in it that the report tells', () => {
    const all = watches.flatMap(({ days }) => days.flatMap((day) => [...day.values()]));
    for (const series of ['published', 'blocked', 'unfunded', 'paused'])
      expect(all.filter((state) => state === series).length, series).toBeGreaterThan(60);
    const moves = owners
      .slice(1)
      .filter((day, index) => [...day].some(([name, { branch }]) => owners[index]!.get(name)!.branch !== branch));
    expect(moves.length).toBeGreaterThan(8);
    expect(unequalRuns, 'runs whose history tells other sums than the decisions').toBe(0);
  });

  it.each(TIMES)('is told by the %o as the editions and runs have it', async (time) => {
    const boardIds = ['avito', 'cian'];
    const asked = { ...time, from: dayAt(time.from), until: dayAt(time.until) };
    const days = stepsOf(time);
    const of = (board: string) => watches.filter(({ row }) => row.board === board);
    const check = (report: ExportReport, sources: readonly (readonly Watch[])[], groupKey?: keyof Owner) => {
      expect(report.steps.map(({ from, days }) => [from, days])).toEqual(
        days.map((own) => [dayAt(own[0]!), own.length]),
      );
      for (const [place, own] of sources.entries())
        for (const [index, step] of report.sources[place]!.steps.entries()) {
          const place = `${report.steps[index]!.label} ${own.map(({ row }) => row.slug)}`;
          expect(step.total, place).toEqual(numbers(own, days[index]!, time.minShare, () => true));
          expect(step.byGroup, place).toEqual(
            groupKey === undefined
              ? []
              : report.groups.map(({ name }) =>
                  numbers(own, days[index]!, time.minShare, (owner) => owner[groupKey] === name),
                ),
          );
        }
    };
    check(await exportReport(reporter, { ...asked, board: boardIds }), boardIds.map(of));
    for (const by of ['branch', 'department'] as const)
      check(await exportReport(reporter, { ...asked, board: boardIds, by }), boardIds.map(of), by);
    const cabinet = watches.map(({ row }) => row.id);
    check(
      await exportReport(reporter, { ...asked, cabinet, by: 'employee' }),
      watches.map((watch) => [watch]),
      'employee',
    );

    // One person's only, wherever that was; and who they are, number by number.
    const query = { ...asked, board: ['avito'], employee: [anna] };
    const own = await exportReport(reporter, query);
    let told = 0;
    for (const [index, step] of own.sources[0]!.steps.entries()) {
      const names = listingsIn(of('avito'), days[index]!, time.minShare, ({ employee }) => employee === 'Анна');
      for (const series of SERIES) {
        expect(step.total![series]).toBe(names[series].length);
        const cell = { ...query, at: own.steps[index]!.from, source: 'board:avito', series };
        const { data } = await exportReportMembers(reporter, cell);
        expect(data.map(({ externalId }) => externalId).sort()).toEqual(names[series].sort());
        for (const { externalId, outcomes } of data)
          for (const { label, reasons } of outcomes) {
            const outcome = { [OUTCOME_LABELS.blocked]: 'blocked', [OUTCOME_LABELS.unfunded]: 'unfunded' }[label];
            if (outcome === undefined) continue;
            const said = of('avito').flatMap((watch) =>
              days[index]!.filter((day) => owners[day]!.get(externalId)!.employee === 'Анна')
                .filter((day) => watch.days[day]!.get(externalId) === outcome)
                .map((day) => watch.said[day]!.get(externalId)!),
            );
            // An account lacks another sum every day: its first one is told.
            const worded = (all: readonly string[]) =>
              new Set(outcome === 'unfunded' ? all.map((words) => words.replace(/\d/g, '')) : all);
            expect(worded(reasons)).toEqual(worded(said));
            told += reasons.length;
          }
      }
      if (index === 0) continue;
      const { difference, reasons } = await exportReportChanges(reporter, {
        ...query,
        at: own.steps[index]!.from,
        source: 'board:avito',
      });
      expect(difference).toBe(step.total!.published - own.sources[0]!.steps[index - 1]!.total!.published);
      expect(reasons.reduce((sum, { came, left }) => sum + came - left, 0)).toBe(difference);
    }
    expect(told).toBeGreaterThan(0);
  });
});
