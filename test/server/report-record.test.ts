/** The export report of a record that is laid by hand: feeds that differ, days that are missing, listings that move. */
import { deflateSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OUTCOME_CODES as CODES, packClosing, packUnits } from '../../src/domain/day-record.ts';
import { addDays } from '../../src/domain/days.ts';
import { REACH_ALL } from '../../src/domain/rights.ts';
import {
  exportReportChangeMembers,
  exportReportChanges,
  exportReportMembers,
} from '../../src/server/export-members.ts';
import { exportReport, type Reporter } from '../../src/server/export-report.ts';
import { addEmployee, ensureBranch, ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import { testDatabase } from '../store/testdb.ts';

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

async function record(cabinetId: number, from: string, until: string, codes: readonly number[], unit = 1) {
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
        deflateSync(packUnits(Uint32Array.from(codes.map(() => unit)))),
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
