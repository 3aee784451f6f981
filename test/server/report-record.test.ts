/** The export report of a record that is laid by hand: feeds that differ, days that are missing, listings that move. */
import { deflateSync, inflateSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Dice } from '../../fixtures/dice.ts';
import type { ExportReport } from '../../src/contracts/export-report.ts';
import { OUTCOME_CODES as CODES, packClosing, packUnits, unpackUnits } from '../../src/domain/day-record.ts';
import { addDays } from '../../src/domain/days.ts';
import { REACH_ALL } from '../../src/domain/rights.ts';
import { exportTable } from '../../src/server/export-files.ts';
import {
  exportReportChangeMembers,
  exportReportChanges,
  exportReportMembers,
} from '../../src/server/export-members.ts';
import { exportReport, type Reporter } from '../../src/server/export-report.ts';
import { addEmployee, ensureBranch, ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import { testDatabase } from '../store/testdb.ts';
import { counter, type Visitor } from './visitors.ts';

let base: Awaited<ReturnType<typeof testDatabase>>;
let agencyId: number;
let listings: number[];
let branches: number[];
let employee: number;
let reporter: Reporter;
const NOW = new Date('2026-11-22T09:00:00Z');
const sql = async <T>(text: string, values: unknown[]) => (await base.db.pool.query(text, values)).rows as T[];

/** A feed in which both listings are marked. */
async function feed(board: string, slug: string): Promise<number> {
  const id = await ensureCabinet(base.db, agencyId, { board, slug, name: slug, family: 'avito' });
  for (const [ordinal, listingId] of listings.entries())
    await sql(
      'insert into mark (agency_id, cabinet_id, listing_id, marked_at, ordinal, board_offer_id) values ($1, $2, $3, $4, $5, $6)',
      [agencyId, id, listingId, NOW, ordinal, `L${ordinal}`],
    );
  reporter = { ...reporter, columns: [...reporter.columns, { id, board, boardName: board, title: slug }] };
  return id;
}

async function record(
  cabinetId: number,
  from: string,
  until: string,
  codes: readonly number[],
  unit: number | readonly number[] = 1,
) {
  const units = codes.map((code, at) => (typeof unit === 'number' ? unit : code === 0 ? 0 : unit[at]!));
  const bytes = Uint8Array.from(codes);
  for (let day = from; day <= until; day = addDays(day, 1))
    await sql(
      'insert into day_record (agency_id, cabinet_id, day, outcomes, closing, units) values ($1, $2, $3, $4, $5, $6)',
      [
        agencyId,
        cabinetId,
        day,
        deflateSync(bytes),
        deflateSync(packClosing({ throughId: 1, codes: bytes })),
        deflateSync(packUnits(Uint32Array.from(units))),
      ],
    );
  await sql('update cabinet set recorded_through = $3 where agency_id = $1 and id = $2', [agencyId, cabinetId, until]);
}

beforeEach(async () => {
  base = await testDatabase();
  ({ id: agencyId } = await resolveAgency(base.db, 'Запись', true));
  branches = [await ensureBranch(base.db, agencyId, 'Север'), await ensureBranch(base.db, agencyId, 'Юг')];
  employee = await addEmployee(base.db, agencyId, { name: 'Анна', phones: [], branchId: branches[0]! });
  const [source] = await sql<{ id: number }>("insert into source (agency_id, name) values ($1, 'crm') returning id", [
    agencyId,
  ]);
  listings = [];
  for (const name of ['L0', 'L1'])
    listings.push(
      (
        await sql<{ id: number }>(
          `insert into listing (agency_id, source_id, external_id, employee_id, source_values, source_hash, values, values_hash, first_seen_at, changed_at, fresh_at)
           values ($1, $2, $3, $4, $5, 'h', $5, 'h', $6, $6, $6) returning id`,
          [agencyId, source!.id, name, employee, { externalId: name, kind: 'flat', deal: 'sale', address: name }, NOW],
        )
      )[0]!.id,
    );
  for (const [at, branchId] of branches.entries())
    await sql('insert into unit (agency_id, id, branch_id, employee_id) values ($1, $2, $3, $4)', [
      agencyId,
      at + 1,
      branchId,
      at === 0 ? employee : null,
    ]);
  reporter = { db: base.db, agencyId, reach: REACH_ALL, columns: [], now: NOW };
});
afterEach(() => base?.drop());

const WEEK = { from: '2026-11-02', until: '2026-11-08', step: 'week', board: ['avito'] } as const;

describe('a board of several feeds', () => {
  it('says of each listing behind a number what the number counts', async () => {
    const [one, two] = [await feed('avito', 'one'), await feed('avito', 'two')];
    await record(one, WEEK.from, WEEK.until, [CODES.blocked, CODES['waiting-turn']]);
    await record(two, WEEK.from, WEEK.until, [CODES.published, CODES.unfunded]);
    const query = { ...WEEK, board: ['avito'] };
    const { sources } = await exportReport(reporter, query);
    expect(sources[0]!.steps[0]!.total).toEqual({ marked: 2, published: 1, blocked: 1, unfunded: 1 });
    const behind = async (series: 'blocked' | 'unfunded') =>
      (await exportReportMembers(reporter, { ...query, at: WEEK.from, source: 'board:avito', series })).data.map(
        ({ externalId, outcomes }) => [externalId, ...outcomes.map(({ label, days }) => `${label} ${days}`).sort()],
      );
    expect(await behind('blocked')).toEqual([['L0', 'в фиде 7', 'с ошибками 7']]);
    expect(await behind('unfunded')).toEqual([['L1', 'ждёт очереди 7', 'не хватает денег 7']]);
  });
});

describe('days that are missing', () => {
  it('leave a step open while a new feed waits for its first one, and what was told before is not kept', async () => {
    const [old, fresh] = [await feed('avito', 'one'), await feed('cian', 'main')];
    await record(old, '2026-11-08', '2026-11-08', [CODES.published, CODES.published]);
    await sql(
      `insert into mark_transition (agency_id, cabinet_id, listing_id, at, outcome) values ($1, $2, $3, '2026-11-08T09:00:00Z', 'published')`,
      [agencyId, fresh, listings[0]],
    );
    const query = { from: '2026-11-08', until: '2026-11-08', step: 'day', board: ['avito', 'cian'] } as const;
    const asked = { ...query, board: [...query.board] };
    const before = await exportReport(reporter, asked);
    expect(before.steps[0]).toMatchObject({ isUnfinished: true });
    expect(before.sources[1]).toMatchObject({ note: 'записи ещё нет' });
    await record(fresh, '2026-11-08', '2026-11-08', [CODES.published, 0]);
    const after = await exportReport(reporter, asked);
    expect(after.steps[0]).toMatchObject({ isUnfinished: false });
    expect(after.sources[1]!.steps[0]!.total).toMatchObject({ marked: 1, published: 1 });
  });

  it('before the record began are said to be unknown', async () => {
    const one = await feed('avito', 'one');
    await record(one, '2026-11-06', '2026-11-08', [CODES.published, CODES.published]);
    const { sources } = await exportReport(reporter, { ...WEEK, board: ['avito'] });
    expect(sources[0]).toMatchObject({ note: 'запись с 06.11.2026' });
    const later = await exportReport(reporter, { ...WEEK, from: '2026-11-06', board: ['avito'] });
    expect(later.sources[0]).toMatchObject({ note: null });
  });

  it('have no numbers, for nobody knows that they were zero; a day on which nothing was marked has zeros', async () => {
    const one = await feed('avito', 'one');
    await record(one, '2026-11-06', '2026-11-06', [CODES.published, CODES.published]);
    await record(one, '2026-11-07', '2026-11-07', [0, 0]);
    const days = { from: '2026-11-05', until: '2026-11-08', step: 'day', board: ['avito'] } as const;
    const query = { ...days, board: [...days.board] };
    const report = await exportReport(reporter, query);
    const known = report.sources[0]!.steps.map(({ total }) => total && [total.marked, total.published]);
    expect(known).toEqual([null, [2, 2], [0, 0], null]);
    expect(report.notes.join()).toContain('Прочерк: за эти дни записи нет');
    const { rows } = exportTable(report);
    expect(rows.map((row) => row.slice(5, 7))).toEqual([
      [null, null],
      [2, 2],
      [0, 0],
      [null, null],
    ]);
    // Another board's record that ends sooner, or a foreign feed of this board, takes nothing away.
    const other = await feed('cian', 'main');
    await record(other, '2026-11-06', '2026-11-06', [CODES.published, CODES.published]);
    const both = await exportReport(reporter, { ...query, board: ['avito', 'cian'] });
    expect(both.sources.map(({ steps }) => steps.map(({ total }) => total?.marked ?? null))).toEqual([
      [null, 2, 0, null],
      [null, 2, null, null],
    ]);
    const foreign = await feed('avito', 'foreign');
    await record(foreign, '2026-11-06', '2026-11-06', [0, 0]);
    const strange = reporter.columns.find(({ id }) => id === foreign)!;
    const mine = reporter.columns.filter(({ id }) => id !== foreign);
    const seen = await exportReport({ ...reporter, columns: mine, others: [strange] }, query);
    expect(seen.sources[0]!.steps.map(({ total }) => total?.marked ?? null)).toEqual([null, 2, 0, null]);
    // A step that has one recorded day has numbers.
    const week = await exportReport(reporter, { ...query, step: 'week' });
    expect(week.sources[0]!.steps[0]!.total).toMatchObject({ marked: 2 });
    expect(week.notes.join()).not.toContain('Прочерк');
  });
});

describe('the notes', () => {
  it('say whom a report is narrowed to that is not there, and which boards are left out', async () => {
    for (const board of ['avito', 'cian', 'yandex', 'domclick', 'mirkvartir', 'move'])
      await record(await feed(board, 'main'), WEEK.from, WEEK.until, [CODES.published, CODES.published]);
    const { from, until } = WEEK;
    const usual = await exportReport(reporter, { from, until });
    expect(usual.sources).toHaveLength(5);
    expect(usual.notes.join('\n')).toContain('Показаны первые 5 из 6 досок');
    expect(usual.notes.join('\n')).toContain('Остальные выбирают сами: move.');
    const chosen = await exportReport(reporter, { from, until, board: ['move'] });
    expect(chosen.notes.join('\n')).not.toContain('Показаны первые');

    const strange = await exportReport(reporter, { from, until, branch: [branches[0]!, 999], employee: [998] });
    expect(strange.notes[0]).toBe(
      'Филиала №999, сотрудника №998 в агентстве нет, или вы их не видите: в этих числах ничего такого нет.',
    );
    const alone = await exportReport(reporter, { from, until, branch: [999] });
    expect(alone.notes[0]).toContain('Филиала №999 в агентстве нет, или вы его не видите');
    // To whoever reads another branch only, this one is not there either.
    const south = { isAll: false, branchIds: [branches[1]!], departmentIds: [], employeeId: null };
    const other = await exportReport({ ...reporter, reach: south }, { from, until, branch: [branches[0]!] });
    expect(other.notes[0]).toContain(`Филиала №${branches[0]} в агентстве нет`);
    expect((await exportReport(reporter, { from, until, branch: [branches[0]!] })).notes[0]).not.toContain('нет, или');
    // One's own branch is no stranger before it has had a listing, nor is one that is called as strangers are.
    const fresh = await ensureBranch(base.db, agencyId, 'Новый');
    await sql('update branch set name = $2 where id = $1', [fresh, `№${fresh}`]);
    const own = { isAll: false, branchIds: [fresh], departmentIds: [], employeeId: null };
    for (const reach of [own, REACH_ALL]) {
      const { notes, narrowed } = await exportReport({ ...reporter, reach }, { from, until, branch: [fresh] });
      expect([notes.join().includes('нет, или'), narrowed.branch]).toEqual([false, [`№${fresh}`]]);
    }
  });

  it('say that CRM groups share people, and on which day a period begins that nobody has named', async () => {
    await record(await feed('avito', 'one'), WEEK.from, '2026-11-18', [CODES.published, CODES.published]);
    const groups = await exportReport(reporter, { by: 'crm-group', until: '2026-11-18' });
    expect(groups.notes.join('\n')).toContain('в нескольких группах CRM');
    // A Wednesday: whole weeks from a Monday, and of the last one what there is.
    expect(groups.steps.map(({ from, isCut }) => [from, isCut])).toEqual([
      ['2026-10-19', false],
      ['2026-10-26', false],
      ['2026-11-02', false],
      ['2026-11-09', false],
      ['2026-11-16', true],
    ]);
    const months = await exportReport(reporter, { step: 'month', until: '2026-11-18' });
    expect([months.from, months.steps.length]).toEqual(['2026-09-01', 3]);
    for (const until of ['2026-01-01', '2026-03-01', '2026-03-31'])
      expect((await exportReport(reporter, { step: 'month', until })).steps).toHaveLength(3);
    for (const day of ['2026-02-31', '0001-01-01'])
      await expect(exportReport(reporter, { until: day })).rejects.toMatchObject({ code: 'bad-period' });
  });
});

describe('listings that move', () => {
  it('are not told to be unmarked', async () => {
    const one = await feed('avito', 'one');
    const codes = [CODES.published, CODES.published];
    await record(one, '2026-11-02', '2026-11-08', codes, 1);
    await record(one, '2026-11-09', '2026-11-15', codes, 2);
    const query = { ...WEEK, until: '2026-11-15', board: ['avito'], at: '2026-11-09', source: 'board:avito' };
    const [north, south] = branches;
    expect(await exportReportChanges(reporter, { ...query, branch: [north!] })).toMatchObject({
      start: 2,
      difference: -2,
      reasons: [{ reason: 'moved', label: 'в другой части агентства', left: 2, came: 0 }],
    });
    expect(await exportReportChanges(reporter, { ...query, branch: [south!] })).toMatchObject({
      start: 0,
      reasons: [{ reason: 'moved', left: 0, came: 2 }],
    });
    const cell = { ...query, branch: [north!], reason: 'moved', way: 'left' as const };
    expect(await exportReportChangeMembers(reporter, cell)).toMatchObject({ total: 2 });
    expect((await exportReportChanges(reporter, query)).reasons).toEqual([]);
  });

  it('are in every CRM group of their people, counted in one reading of the days', async () => {
    const one = await feed('avito', 'one');
    await record(one, WEEK.from, WEEK.until, [CODES.published, CODES.blocked]);
    const ids = [];
    for (const name of ['Г1', 'Г2', 'Пустая'])
      ids.push(
        (
          await sql<{ id: number }>('insert into crm_group (agency_id, name) values ($1, $2) returning id', [
            agencyId,
            name,
          ])
        )[0]!.id,
      );
    for (const id of ids.slice(0, 2))
      await sql('insert into crm_group_member (agency_id, group_id, employee_id) values ($1, $2, $3)', [
        agencyId,
        id,
        employee,
      ]);
    const report = await exportReport(reporter, { ...WEEK, board: ['avito'], by: 'crm-group' });
    expect(report.groups.map(({ name }) => name)).toEqual(['Г1', 'Г2', 'вне групп']);
    const own = { marked: 2, published: 1, blocked: 1, unfunded: 0 };
    const none = { marked: 0, published: 0, blocked: 0, unfunded: 0 };
    expect(report.sources[0]!.steps[0]).toEqual({ total: own, byGroup: [own, own, none] });
  });
});

describe('whoever sees a part of the agency', () => {
  const FROM = '2026-11-02';
  const UNTIL = '2026-11-21';
  const dice = new Dice(11);

  /** Feeds of branches, and one of the agency; on every day each listing is somebody's, wherever it is marked. */
  async function laid() {
    const [north, south] = branches as [number, number];
    const west = await ensureBranch(base.db, agencyId, 'Запад');
    await sql('insert into unit (agency_id, id, branch_id) values ($1, 3, $2)', [agencyId, west]);
    const feeds = new Map<string, number>();
    for (const [name, branch] of [
      ['avito/north', north],
      ['avito/south', south],
      ['cian/south', south],
      ['domclick/agency', null],
      ['yandex/south', south],
    ] as const) {
      const [board, slug] = name.split('/') as [string, string];
      feeds.set(name, await feed(board, slug));
      await sql('update cabinet set branch_id = $2 where id = $1', [feeds.get(name), branch]);
    }
    // Nothing is on this board any more.
    await sql('update mark set is_live = false where cabinet_id = $1', [feeds.get('yandex/south')]);
    const units = [1, 2];
    const codes = [0, CODES.published, CODES.published, CODES.blocked, CODES.unfunded, CODES.paused];
    for (let day = FROM; day <= UNTIL; day = addDays(day, 1)) {
      for (const at of units.keys()) if (dice.chance(0.2)) units[at] = dice.pick([1, 2, 3]);
      for (const id of feeds.values()) {
        // A feed is recorded a little after another: in between a listing may have gone to somebody else.
        const own = units.map((unit) => (dice.chance(0.1) ? dice.pick([1, 2]) : unit));
        const outcomes = listings.map(() => dice.pick(codes));
        await record(id, day, day, outcomes, own);
      }
    }
    return { feeds, branchIds: [north, south, west] };
  }

  it('finds there what the row of that part among all has, wherever the listings were marked', async () => {
    const { feeds, branchIds } = await laid();
    const office = await counter(base.db, agencyId, () => NOW);
    try {
      const all = await office.come({ name: 'Администратор' }, [{ role: 'admin' }]);
      const heads: Visitor[] = [];
      for (const branchId of branchIds)
        heads.push(
          await office.come({ name: `Директор ${branchId}`, branchId }, [
            { role: 'manager', scope: 'branch', branchId },
          ]),
        );
      const ask = async (visitor: Visitor, words: Record<string, string>): Promise<ExportReport> => {
        const { status, body } = await visitor.get(
          `/reports/exports?${new URLSearchParams({ from: FROM, until: UNTIL, ...words })}`,
        );
        expect([status, body.detail]).toEqual([200, undefined]);
        return body;
      };
      const numbers = ({ sources }: ExportReport, at?: number) =>
        sources.map(({ title, note, steps }) => [
          title,
          note,
          steps.map(({ total, byGroup }) => (at === undefined ? total : byGroup[at])),
        ]);
      for (const [step, minShare] of [
        ['day', '100'],
        ['week', '0'],
        ['week', '40'],
        ['month', '20'],
      ] as const) {
        const words = { step, minShare };
        const board = { ...words, board: 'avito' };
        const whole = await ask(all, { ...words, by: 'branch' });
        expect(whole.groups.map(({ id }) => id).sort()).toEqual([...branchIds].sort());
        for (const [at, head] of heads.entries()) {
          const row = whole.groups.findIndex(({ id }) => id === branchIds[at]);
          const boards = (await head.get('/reports/choices')).body.boards.map(({ id }: { id: string }) => id);
          const shown = numbers(whole, row).filter((_, place) =>
            boards.includes(whole.sources[place]!.id.slice('board:'.length)),
          );
          expect(numbers(await ask(head, words))).toEqual(shown);
          expect(numbers(await ask(head, { ...words, by: 'branch' }), 0)).toEqual(shown);
          expect(numbers(await ask(head, board))).toEqual(numbers(await ask(all, { ...board, by: 'branch' }), row));
          // A board where nothing is marked now may be asked for by name: there may have been something.
          expect(numbers(await ask(head, { ...words, board: 'yandex' }))).toEqual(
            numbers(await ask(all, { ...words, board: 'yandex', by: 'branch' }), row),
          );
        }
      }

      // Each of the heads, and every board, with the listings behind a number; and not a listing of others.
      const [north] = heads as [Visitor];
      expect((await north.get('/reports/choices')).body.boards).toEqual([
        { id: 'avito', name: 'Авито' },
        { id: 'cian', name: 'Циан' },
        { id: 'domclick', name: 'Домклик' },
      ]);
      const day = await ask(north, { step: 'day', minShare: '100', board: 'cian' });
      const told: number[] = [];
      for (const [at, { total }] of day.sources[0]!.steps.entries()) {
        const cell = new URLSearchParams({
          from: FROM,
          until: UNTIL,
          step: 'day',
          minShare: '100',
          board: 'cian',
          at: day.steps[at]!.from,
          source: 'board:cian',
          series: 'marked',
        });
        const { body } = await north.get(`/reports/exports/members?${cell}`);
        expect([body.total, body.data.length]).toEqual([total!.marked, total!.marked]);
        const readings = await sql<{ units: Buffer }>(
          'select units from day_record where cabinet_id = $1 and day = $2',
          [feeds.get('cian/south'), day.steps[at]!.from],
        );
        const units = unpackUnits(inflateSync(readings[0]!.units));
        expect(body.data.map(({ id }: { id: number }) => id).sort()).toEqual(
          listings.filter((_, ordinal) => units[ordinal] === 1).sort(),
        );
        told.push(total!.marked);
      }
      expect(new Set(told).size).toBeGreaterThan(1);
      // A feed of another branch is not there by itself.
      for (const name of ['avito/south', 'cian/south']) {
        const answer = await north.get(`/reports/exports?from=${FROM}&until=${UNTIL}&cabinet=${feeds.get(name)}`);
        expect([answer.status, answer.body.code]).toEqual([404, 'source-unknown']);
      }
      expect((await ask(north, { cabinet: String(feeds.get('avito/north')) })).sources[0]!.title).toBe('Авито');
    } finally {
      await office.close();
    }
  });

  it('hears words of the past without the numbers that are not for them, and those of their own days only', async () => {
    const office = await counter(base.db, agencyId, () => NOW);
    try {
      await sql('update agency set settings = $2 where id = $1', [agencyId, { rights: { 'see-phones': 'admin' } }]);
      const boss = await office.come({ name: 'Администратор' }, [{ role: 'admin' }]);
      const north = { role: 'manager', scope: 'branch', branchId: branches[0]! } as const;
      const head = await office.come({ name: 'Борис', branchId: branches[0]! }, [north]);
      const [boris] = await sql<{ id: number }>('select id from employee where name = $1', ['Борис']);
      await sql('update listing set employee_id = $2 where id = $1', [listings[0], boris!.id]);
      await sql('insert into unit (agency_id, id, branch_id, employee_id) values ($1, 3, $2, $3)', [
        agencyId,
        branches[0],
        boris!.id,
      ]);
      const one = await feed('avito', 'one');
      const codes = [CODES.returned, CODES.published];
      await record(one, '2026-11-02', '2026-11-04', codes, 2);
      await record(one, '2026-11-05', '2026-11-08', codes, [3, 1]);
      for (const [at, reason] of [
        ['2026-11-02T09:00:00Z', 'Мало фотографий.'],
        ['2026-11-05T09:00:00Z', 'В тексте чужой номер +7 912 345-67-89.'],
      ])
        await sql(
          `insert into mark_reason (agency_id, cabinet_id, listing_id, at, outcome, reason) values ($1, $2, $3, $4, 'returned', $5)`,
          [agencyId, one, listings[0], at, reason],
        );
      const heard = async (visitor: Visitor) => {
        const words = { ...WEEK, board: 'avito', at: WEEK.from, source: 'board:avito', series: 'marked' };
        const { body } = await visitor.get(`/reports/exports/members?${new URLSearchParams(words)}`);
        return body.data.find(({ id }: { id: number }) => id === listings[0]).outcomes;
      };
      expect(await heard(boss)).toEqual([
        { label: 'возвращён', days: 7, reasons: ['Мало фотографий.', 'В тексте чужой номер +7 912 345-67-89.'] },
      ]);
      expect(await heard(head)).toEqual([
        { label: 'возвращён', days: 4, reasons: [expect.stringMatching(/^В тексте чужой номер \+7 912 •••/)] },
      ]);
    } finally {
      await office.close();
    }
  });
});
