import { Readable } from 'node:stream';
import { deflateSync, inflateSync } from 'node:zlib';
import { readXlsx } from 'hucre/xlsx';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packUnits, unpackUnits } from '../../src/domain/day-record.ts';
import { addDays } from '../../src/domain/days.ts';
import { MONEY_GROUPINGS, NO_KEY } from '../../src/domain/report-words.ts';
import { REACH_ALL } from '../../src/domain/rights.ts';
import { Statement } from '../../src/domain/statement.ts';
import type { Reporter } from '../../src/server/export-report.ts';
import { moneyChartPng, moneyChartSvg } from '../../src/server/money-chart.ts';
import { type MoneyReport, moneyReport, moneyReportMembers, moneyTable } from '../../src/server/money-report.ts';
import { workbook } from '../../src/server/statement.ts';
import { placesOfAccounts } from '../../src/store/access.ts';
import { loadAudience } from '../../src/store/audience.ts';
import { readDay } from '../../src/store/days.ts';
import { unitOwners } from '../../src/store/export-report.ts';
import { savedOf } from '../../src/store/forecast.ts';
import { listAccounts } from '../../src/store/ledger.ts';
import { readStatement } from '../../src/store/statements.ts';
import { type PlayedDemo, playedDemo } from '../played.ts';
import { greys } from './greys.ts';
import { type Counter, counter, type Visitor } from './visitors.ts';

/** The report of the money of the demo's months against its ledger, counted in other ways. */

let demo: PlayedDemo;
let reporter: Reporter;
const PERIOD = { from: '2026-06-24', until: '2026-11-20', step: 'month' } as const;
const LAST_DAY = PERIOD.until;
const MOVED_ON = '2026-10-15';

const rows = async <T>(sql: string, values: readonly unknown[] = []) =>
  (await demo.db.pool.query(sql, [demo.agencyId, ...values])).rows as T[];

beforeAll(async () => {
  demo = await playedDemo();
  reporter = {
    db: demo.db,
    agencyId: demo.agencyId,
    reach: REACH_ALL,
    columns: demo.cabinets.map(({ id, board, slug }) => ({ id, board, boardName: board, title: `${board} ${slug}` })),
    now: demo.context.clock(),
  };
  await moveEverybody();
}, 240_000);
afterAll(() => demo?.drop());

/** From a day on each unit's listings are the next one's: whoever reads today's owners only counts the days before wrong. */
async function moveEverybody(): Promise<void> {
  const records = await rows<{ cabinetId: number; day: string; units: Buffer }>(
    'select cabinet_id as "cabinetId", day, units from day_record where agency_id = $1 and day >= $2',
    [MOVED_ON],
  );
  expect(records.length).toBeGreaterThan(30);
  const last = Math.max(...(await unitOwners(demo.db.pool, demo.agencyId, REACH_ALL)).map(({ id }) => id));
  for (const { cabinetId, day, units } of records) {
    const moved = unpackUnits(inflateSync(units)).map((unit) => (unit === 0 ? 0 : (unit % last) + 1));
    await rows('update day_record set units = $4 where agency_id = $1 and cabinet_id = $2 and day = $3', [
      cabinetId,
      day,
      deflateSync(packUnits(moved)),
    ]);
  }
}

interface Paid {
  readonly cabinetId: number;
  readonly listingId: number;
  readonly day: string;
  readonly kopecks: number;
  readonly basis: string;
  readonly payer: number;
  readonly kind: string;
}

/** Charges as they are, and what was paid back below nothing. */
const paid = () =>
  rows<Paid>(
    `select cabinet_id as "cabinetId", listing_id as "listingId", day, basis, case kind when 'charge' then kopecks else -kopecks end as kopecks,
       case kind when 'charge' then from_id else to_id end as payer, kind
     from transfer where agency_id = $1 and kind in ('charge', 'refund') and day between $2 and $3`,
    [PERIOD.from, PERIOD.until],
  );

const sum = (all: readonly number[]) => all.reduce((one, other) => one + other, 0);

function sumsBy<T>(all: readonly T[], key: (one: T) => unknown, value: (one: T) => number): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const one of all) sums[String(key(one) ?? NO_KEY)] = (sums[String(key(one) ?? NO_KEY)] ?? 0) + value(one);
  return sums;
}

const spentOf = (report: MoneyReport) =>
  Object.fromEntries(report.rows.map(({ id, spentKopecks }) => [id, spentKopecks]));
/** Groups without any spending are rows too, where something else is told of them. */
const without0 = (sums: Record<string, number>) =>
  Object.fromEntries(Object.entries(sums).filter(([, one]) => one !== 0));

describe('the report of the money', () => {
  it('comes to one sum by whatever it is grouped, and to what accounts have in their statements', async () => {
    const all = await paid();
    const total = sum(all.map(({ kopecks }) => kopecks));
    expect(all.filter(({ kind }) => kind === 'refund').length).toBeGreaterThan(0);
    expect(all.filter(({ basis }) => basis === 'promotion').length).toBeGreaterThan(0);
    for (const by of MONEY_GROUPINGS) {
      const report = await moneyReport(reporter, { ...PERIOD, by });
      expect([by, report.totals.spentKopecks]).toEqual([by, total]);
      expect(sum(report.rows.map(({ spentKopecks }) => spentKopecks))).toBe(total);
      expect(sum(report.totals.steps)).toBe(total);
      for (const row of [...report.rows, report.totals]) {
        expect(sum(row.steps)).toBe(row.spentKopecks);
        expect(row.chargedKopecks - row.refundedKopecks).toBe(row.spentKopecks);
      }
    }
    const statement = new Statement('kind');
    const accounts = await listAccounts(demo.db.pool, demo.agencyId);
    for await (const part of readStatement(demo.db, demo.agencyId, accounts, PERIOD)) {
      if ('account' in part) statement.open(part.account.id, part.account.name, part.opening);
      else for (const entry of part.entries) statement.add(entry);
    }
    const kinds = new Map(statement.groups().map((group) => [group.key, group]));
    expect(kinds.get('charge')!.outKopecks - kinds.get('refund')!.inKopecks).toBe(total);
    const { correctedKopecks } = (await moneyReport(reporter, { ...PERIOD, by: 'branch' })).totals;
    const corrections = kinds.get('correction');
    expect(correctedKopecks).toBe((corrections?.inKopecks ?? 0) - (corrections?.outKopecks ?? 0));
    expect(correctedKopecks).not.toBe(0);
  });

  it('has what each board, cabinet, cause and payer cost', async () => {
    const all = await paid();
    const boards = new Map(demo.cabinets.map(({ id, board }) => [id, board]));
    const keys = {
      board: ({ cabinetId }: Paid) => boards.get(cabinetId),
      cabinet: ({ cabinetId }: Paid) => cabinetId,
      basis: ({ basis }: Paid) => basis,
      account: ({ payer }: Paid) => payer,
    };
    for (const [by, key] of Object.entries(keys)) {
      const report = await moneyReport(reporter, { ...PERIOD, by: by as keyof typeof keys });
      expect(without0(spentOf(report))).toEqual(without0(sumsBy(all, key, ({ kopecks }) => kopecks)));
    }
    const kinds = await rows<{ kind: string; kopecks: number }>(
      `select c.facts->>'kind' as kind, sum(c.kopecks - coalesce(r.kopecks, 0))::bigint as kopecks
       from transfer c left join transfer r on r.agency_id = c.agency_id and r.reverses = c.id
       where c.agency_id = $1 and c.kind = 'charge' and c.day between $2 and $3 and c.facts is not null group by 1`,
      [PERIOD.from, PERIOD.until],
    );
    const promoted = sum(all.filter(({ basis }) => basis === 'promotion').map(({ kopecks }) => kopecks));
    const byKind = await moneyReport(reporter, { ...PERIOD, by: 'kind' });
    expect(kinds.length).toBeGreaterThan(2);
    // The price of a promotion hangs on no facts: it stands with the kind that the listing has.
    expect(byKind.totals.spentKopecks - sum(kinds.map(({ kopecks }) => kopecks))).toBe(promoted);
  });

  it('has money and days where people were on the day, before they moved and after', async () => {
    const all = await paid();
    const owners = new Map((await unitOwners(demo.db.pool, demo.agencyId, REACH_ALL)).map((one) => [one.id, one]));
    const now = new Map(
      (
        await rows<{ id: number; branchId: number | null; employeeId: number | null; departmentId: number | null }>(
          `select l.id, coalesce(l.branch_id, e.branch_id) as "branchId", l.employee_id as "employeeId", e.department_id as "departmentId"
           from listing l left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id where l.agency_id = $1`,
        )
      ).map((row) => [row.id, row]),
    );
    const unitOn = new Map<string, number>();
    const published: { branchId: number | null; employeeId: number | null; departmentId: number | null; count: 1 }[] =
      [];
    for (const cabinet of demo.cabinets)
      for (let day: string = PERIOD.from; day <= PERIOD.until; day = addDays(day, 1))
        for (const { listingId, outcome, unitId } of (await readDay(demo.db, cabinet, day)) ?? []) {
          unitOn.set(`${cabinet.id} ${listingId} ${day}`, unitId);
          if (outcome === 'published') published.push({ ...(owners.get(unitId) ?? now.get(listingId)!), count: 1 });
        }
    const ownerOf = ({ cabinetId, listingId, day }: Paid) =>
      owners.get(unitOn.get(`${cabinetId} ${listingId} ${day}`) ?? 0) ?? now.get(listingId)!;
    for (const by of ['branch', 'department', 'employee'] as const) {
      const report = await moneyReport(reporter, { ...PERIOD, by });
      const id = { branch: 'branchId', department: 'departmentId', employee: 'employeeId' }[by] as 'branchId';
      const expected = sumsBy(
        all,
        (one) => ownerOf(one)[id],
        ({ kopecks }) => kopecks,
      );
      expect(without0(spentOf(report))).toEqual(without0(expected));
      expect(Object.keys(expected).length).toBeGreaterThan(1);
      const days = Object.fromEntries(report.rows.map((row) => [row.id, row.days!]));
      expect(without0(days)).toEqual(
        sumsBy(
          published,
          (one) => one[id],
          ({ count }) => count,
        ),
      );
      // It would be another sum by today's owners: the test could fail.
      expect(without0(spentOf(report))).not.toEqual(
        without0(
          sumsBy(
            all,
            ({ listingId }) => now.get(listingId)![id],
            ({ kopecks }) => kopecks,
          ),
        ),
      );
    }
  });

  it('tells what was saved and what nobody paid as the ledger does', async () => {
    const report = await moneyReport(reporter, { ...PERIOD, by: 'cabinet' });
    const saved = await savedOf(demo.db.pool, demo.agencyId, PERIOD);
    const { savedByPausesKopecks, savedByLeavingKopecks, waivedKopecks } = report.totals;
    expect(savedByPausesKopecks + savedByLeavingKopecks).toBe(sum(saved.map(({ kopecks }) => kopecks)));
    expect(savedByLeavingKopecks).toBeGreaterThan(0);
    const [waived] = await rows<{ kopecks: number }>(
      'select coalesce(sum(kopecks), 0)::bigint as kopecks from waiver where agency_id = $1 and day between $2 and $3',
      [PERIOD.from, PERIOD.until],
    );
    expect(waivedKopecks).toBe(waived!.kopecks);
    const perCabinet = sumsBy(
      saved,
      ({ cabinetId }) => cabinetId,
      ({ kopecks }) => kopecks,
    );
    for (const row of report.rows)
      expect(row.savedByPausesKopecks + row.savedByLeavingKopecks).toBe(perCabinet[row.id] ?? 0);
  });

  it('counts within its reader’s reach only, and adds up branch by branch', async () => {
    const all = await moneyReport(reporter, { ...PERIOD, by: 'branch' });
    for (const row of all.rows.filter(({ id }) => id !== NO_KEY)) {
      const reach = { isAll: false, branchIds: [Number(row.id)], departmentIds: [], employeeId: null };
      const own = await moneyReport({ ...reporter, reach }, { ...PERIOD, by: 'branch' });
      expect(own.rows).toEqual([row]);
      expect(own.totals.spentKopecks).toBe(row.spentKopecks);
      const chosen = await moneyReport(reporter, { ...PERIOD, by: 'board', branch: [Number(row.id)] });
      expect(chosen.totals.spentKopecks).toBe(row.spentKopecks);
    }
  });

  it('counts in cabinets of other branches what was spent on the reader’s listings, and tells those cabinets as one', async () => {
    const everybody = await moneyReport(reporter, { ...PERIOD, by: 'branch' });
    const branch = everybody.rows.find(({ id }) => id !== NO_KEY)!;
    const reach = { isAll: false, branchIds: [Number(branch.id)], departmentIds: [], employeeId: null };
    const ofBranch = { ...PERIOD, branch: [Number(branch.id)] };
    const [mine, ...foreign] = reporter.columns;
    const head: Reporter = { ...reporter, reach, columns: [mine!], others: foreign };

    expect((await moneyReport(head, { ...PERIOD, by: 'branch' })).rows).toEqual([branch]);
    const byBoard = await moneyReport(reporter, { ...ofBranch, by: 'board' });
    expect((await moneyReport(head, { ...PERIOD, by: 'board' })).rows).toEqual(byBoard.rows);

    const byCabinet = await moneyReport(reporter, { ...ofBranch, by: 'cabinet' });
    const seen = await moneyReport(head, { ...PERIOD, by: 'cabinet' });
    const [own, elsewhere] = [String(mine!.id), 'elsewhere'].map((key) => seen.rows.find(({ id }) => id === key)!);
    expect(seen.rows).toHaveLength(2);
    expect(own).toEqual(byCabinet.rows.find(({ id }) => id === own!.id));
    expect(elsewhere).toMatchObject({
      name: 'кабинеты других филиалов',
      spentKopecks: branch.spentKopecks - own!.spentKopecks,
      days: branch.days! - own!.days!,
    });
    expect(elsewhere!.spentKopecks).toBeGreaterThan(0);
    const members = await moneyReportMembers(head, { ...PERIOD, by: 'cabinet', of: 'elsewhere' }, reach);
    expect(sum(members.data.map(({ spentKopecks }) => spentKopecks))).toBe(elsewhere!.spentKopecks);

    // Such a board can be asked for; such a cabinet by itself is not there.
    const board = foreign.find((one) => one.board !== mine!.board)!;
    expect((await moneyReport(head, { ...PERIOD, board: [board.board] })).totals.spentKopecks).toBe(
      byBoard.rows.find(({ id }) => id === board.board)!.spentKopecks,
    );
    await expect(moneyReport(head, { ...PERIOD, cabinet: [foreign[0]!.id] })).rejects.toMatchObject({
      code: 'source-unknown',
    });
    // Accounts that the reader does not see have no names; what is known of calls does not hang on how it is grouped.
    const byAccount = await moneyReport(head, { ...PERIOD, by: 'account' });
    expect(byAccount.totals.spentKopecks).toBe(branch.spentKopecks);
    const places = await placesOfAccounts(demo.db.pool, demo.agencyId);
    for (const { id, name } of byAccount.rows)
      if (id === 'elsewhere') expect(name).toBe('счета, которых вы не видите');
      else expect(places.get(Number(id))?.branchId).toBe(Number(branch.id));
    expect(byAccount.rows.map(({ id }) => id)).toContain('elsewhere');
    expect(byAccount.known).toEqual(seen.known);
    // Who has nothing there is not told that there are other cabinets.
    const nobody = { isAll: false, branchIds: [], departmentIds: [], employeeId: null };
    const { rows, known } = await moneyReport({ ...head, reach: nobody }, { ...PERIOD, by: 'cabinet' });
    expect([rows, known.cabinets]).toEqual([[], 1]);
  });

  it('narrows to boards and cabinets, and to none that is not there', async () => {
    const [board] = demo.cabinets;
    const all = await moneyReport(reporter, { ...PERIOD, by: 'board' });
    const one = await moneyReport(reporter, { ...PERIOD, by: 'employee', board: [board!.board] });
    expect(one.totals.spentKopecks).toBe(all.rows.find(({ id }) => id === board!.board)!.spentKopecks);
    expect(one.totals.correctedKopecks).toBe(0);
    await expect(moneyReport(reporter, { ...PERIOD, board: ['no-such'] })).rejects.toMatchObject({
      code: 'source-unknown',
    });
    await expect(moneyReport(reporter, { ...PERIOD, cabinet: [999_999] })).rejects.toMatchObject({
      code: 'source-unknown',
    });
  });

  it('takes 150 days and not 151, and no day to come', async () => {
    expect(
      (await moneyReport(reporter, PERIOD)).steps.map(({ days }) => days).reduce((one, other) => one + other),
    ).toBe(150);
    await expect(moneyReport(reporter, { ...PERIOD, from: '2026-06-23' })).rejects.toMatchObject({
      code: 'period-too-long',
      message: expect.stringContaining('их 151'),
    });
    await expect(moneyReport(reporter, { until: '2026-02-31' })).rejects.toMatchObject({ code: 'bad-period' });
    await expect(moneyReport(reporter, { until: '2026-11-21' })).rejects.toMatchObject({ code: 'bad-period' });
  });

  it('is a table for Excel, to the kopeck', async () => {
    const report = await moneyReport(reporter, { ...PERIOD, by: 'board' });
    const { columns, rows: lines } = moneyTable(report);
    const chunks: Buffer[] = [];
    for await (const chunk of await workbook('Расходы', columns, lines)) chunks.push(Buffer.from(chunk as Uint8Array));
    const book = await readXlsx(Buffer.concat(chunks));
    const day = (text: string) => new Date(`${text}T00:00:00Z`);
    expect(book.sheets[0]!.rows.at(-1)!.slice(0, 4)).toEqual([
      ...['Всего', day(PERIOD.from), day(PERIOD.until)],
      report.totals.spentKopecks / 100,
    ]);
    expect(book.sheets[0]!.rows).toHaveLength(report.rows.length + 2);
  });

  it('is a picture whose stacks are as high as its sums, each group with a pattern, and says what it is narrowed to', async () => {
    const board = [...new Set(demo.cabinets.map((one) => one.board))].slice(0, 2);
    const report = await moneyReport(reporter, { ...PERIOD, by: 'branch', board });
    const svg = moneyChartSvg(report);
    for (const told of [
      `Отбор: доски ${board.join(', ')}`,
      ...report.rows.filter(({ spentKopecks }) => spentKopecks > 0).map(({ name }) => name),
    ])
      expect(svg).toContain(told);
    expect(moneyChartSvg(await moneyReport(reporter, { ...PERIOD, by: 'branch' }))).not.toContain('Отбор');
    // What the first group is drawn with: as many bars as steps with money, their heights in the proportion of the sums.
    const heights = [...svg.matchAll(/<path d="M[\d.]+ [\d.]+l[\d.]+ 0l0 (-[\d.]+)[^>]* fill="#2f6fb5"/g)].map(
      ([, height]) => -Number(height),
    );
    const sums = report.rows[0]!.steps.filter((kopecks) => kopecks > 0);
    const bars = heights.slice(-sums.length);
    expect(bars).toHaveLength(sums.length);
    for (const [at, kopecks] of sums.entries()) expect(bars[at]! / bars[0]!).toBeCloseTo(kopecks / sums[0]!, 1);
    expect(new Set([...svg.matchAll(/<pattern[^>]* id="([^"]+)"/g)].map(([, id]) => id)).size).toBeGreaterThanOrEqual(
      report.rows.filter(({ spentKopecks }) => spentKopecks > 0).length - 1,
    );
    const png = sharp(moneyChartPng(report, 'dark'));
    expect(await png.metadata()).toMatchObject({ width: 2200, height: 780, format: 'png' });
    // Letters of its own: the heading is there, light upon dark.
    const heading = await greys(moneyChartPng(report, 'dark'), { left: 30, top: 20, width: 600, height: 40 });
    expect(Math.max(...heading)).toBeGreaterThan(180);
    expect(heading.reduce((sum, grey) => sum + grey) / heading.length).toBeLessThan(150);
  });

  it('divides the money by the calls of the one cabinet that told them', async () => {
    const cabinet = demo.cabinets[0]!;
    const by = { name: 'проверка' };
    const marks = await rows<{ listingId: number }>(
      'select listing_id as "listingId" from mark where agency_id = $1 and cabinet_id = $2 order by 1 limit 40',
      [cabinet.id],
    );
    await rows('delete from audience_day where agency_id = $1');
    const items = marks.map(({ listingId }, line) => ({
      line,
      row: {
        ...{ day: '2026-11-10', advert: null, boardNumber: null, listingNumber: listingId },
        ...{ views: line % 2 === 0 ? line : null, calls: line % 4 },
      },
    }));
    await loadAudience(demo.db, cabinet, { name: 'проверка', items: Readable.from(items) }, by, reporter.now);
    const report = await moneyReport(reporter, { ...PERIOD, by: 'cabinet' });
    const row = report.rows.find(({ id }) => id === String(cabinet.id))!;
    expect([row.views, row.calls]).toEqual([380, 60]);
    const spent = (await paid()).filter(({ cabinetId, day }) => cabinetId === cabinet.id && day === '2026-11-10');
    expect(row.callKopecks).toBe(Math.round(sum(spent.map(({ kopecks }) => kopecks)) / 60));
    expect(row.callKopecks).toBeGreaterThan(0);
    expect(report.totals).toMatchObject({ calls: 60, callKopecks: row.callKopecks });
    expect(
      report.rows.filter(({ id }) => id !== row.id).every(({ calls, views }) => calls === null && views === null),
    ).toBe(true);
    expect(report.known).toEqual({ cabinets: demo.cabinets.length, calls: 1, views: 1 });
    expect(report.notes.join()).toContain(`Звонки известны по 1 из ${demo.cabinets.length} кабинетов`);
    for (const by of ['branch', 'employee', 'kind'] as const) {
      const other = await moneyReport(reporter, { ...PERIOD, by });
      expect([other.totals.calls, other.totals.views, other.totals.callKopecks]).toEqual([60, 380, row.callKopecks]);
      expect(sum(other.rows.map(({ calls }) => calls ?? 0))).toBe(60);
    }
    // What was paid for and by whom brings no calls.
    expect((await moneyReport(reporter, { ...PERIOD, by: 'basis' })).totals).toMatchObject({ calls: null, days: null });
  });
});

describe('its routes', () => {
  let at: Counter;
  let boss: Visitor;

  beforeAll(async () => {
    at = await counter(demo.db, demo.agencyId, () => reporter.now);
    boss = await at.come({ name: 'Директор', role: 'admin' });
  });
  afterAll(() => at?.close());

  it('answer as far as the asker sees accounts, in three shapes', async () => {
    const [branch] = await rows<{ id: number }>('select id from branch where agency_id = $1 order by id limit 1');
    const own = await at.come({ name: 'Свой', branchId: branch!.id });
    const head = await at.come({ name: 'Начальник', branchId: branch!.id }, [
      { role: 'manager', scope: 'branch', branchId: branch!.id },
    ]);
    const url = `/reports/money?from=${PERIOD.from}&until=${PERIOD.until}&by=branch`;
    const all = (await boss.get(url)).body;
    expect(all.totals.spentKopecks).toBe(sum((await paid()).map(({ kopecks }) => kopecks)));
    const some = (await head.get(url)).body;
    expect(some.rows.map(({ id }: { id: string }) => id)).toEqual([String(branch!.id)]);
    expect(some.totals.spentKopecks).toBeGreaterThan(0);
    expect(some.totals.spentKopecks).toBeLessThan(all.totals.spentKopecks);
    expect((await own.get(url)).body).toMatchObject({ rows: [], totals: { spentKopecks: 0 } });
    const members = await head.get(
      `/reports/money/members?from=${PERIOD.from}&until=${PERIOD.until}&by=branch&of=${branch!.id}`,
    );
    expect(members.body.total).toBeGreaterThan(10);
    const csv = await boss.get(url.replace('/money?', '/money.csv?'));
    expect(csv.headers['content-type']).toContain('text/csv');
    expect(csv.text.split('\r\n').at(-2)).toContain('Всего;');
    expect((await boss.get(url.replace('/money?', '/money.xlsx?'))).headers['content-type']).toContain('spreadsheetml');
    for (const kind of ['svg', 'png'])
      expect((await boss.get(url.replace('/money?', `/money.${kind}?theme=dark&`))).headers['content-type']).toContain(
        `image/${kind}`,
      );
    expect((await boss.get('/reports/money?from=2026-01-01&until=2026-11-01')).body).toMatchObject({
      code: 'period-too-long',
    });
    expect((await boss.get('/reports/money?by=colour')).status).toBe(400);
  });

  it('open every row of every breakdown by its id, listing by listing, those without a group too', async () => {
    // A listing of nobody, and of no branch with him, on a day that is not recorded: it is where it is now.
    await rows(
      `update listing set employee_id = null, branch_id = null
       where id = (select max(listing_id) from transfer where agency_id = $1 and kind = 'charge' and day = $2)`,
      [LAST_DAY],
    );
    const [corrected] = await rows<{ day: string }>(
      `select max(day) as day from transfer where agency_id = $1 and kind = 'correction' and day <= $2`,
      [LAST_DAY],
    );
    const from = [corrected!.day, addDays(LAST_DAY, -14)].sort()[0];
    const met = { withoutGroup: 0, correctionsOnly: 0 };
    for (const by of MONEY_GROUPINGS) {
      const words = `from=${from}&until=${LAST_DAY}&by=${by}`;
      const report = (await boss.get(`/reports/money?${words}`)).body as MoneyReport;
      expect(report.rows.length).toBeGreaterThan(0);
      for (const { id, spentKopecks, days, hasListings } of report.rows) {
        const { status, body } = await boss.get(`/reports/money/members?${words}&of=${encodeURIComponent(id)}`);
        expect([by, id, status, body.total > 0]).toEqual([by, id, 200, hasListings]);
        expect(body.total).toBeLessThanOrEqual(1000);
        const members = body.data as { spentKopecks: number; days: number | null }[];
        expect([by, id, sum(members.map((one) => one.spentKopecks))]).toEqual([by, id, spentKopecks]);
        if (days !== null) expect(sum(members.map((one) => one.days!))).toBe(days);
        if (id === NO_KEY && hasListings) met.withoutGroup++;
        if (!hasListings) met.correctionsOnly++;
      }
    }
    // The test could fail: such rows are among them.
    expect(met.withoutGroup).toBeGreaterThan(0);
    expect(met.correctionsOnly).toBeGreaterThan(0);
  });
});
