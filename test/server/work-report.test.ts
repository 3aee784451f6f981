import { deflateSync } from 'node:zlib';
import { strFromU8, unzipSync } from 'fflate';
import { readXlsx } from 'hucre/xlsx';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packUnits } from '../../src/domain/day-record.ts';
import { addDays, localDay } from '../../src/domain/days.ts';
import { REACH_ALL } from '../../src/domain/rights.ts';
import { AGENCY_DEFAULTS } from '../../src/domain/settings.ts';
import type { WorkFigure } from '../../src/domain/work-report.ts';
import { workReport, workReportMembers, workTable } from '../../src/server/work-report.ts';
import { addBranch, addEmployee, resolveAgency } from '../../src/store/agencies.ts';
import { approveOnTrust, giveVerdict, type Moderator, switchOn, undoVerdict } from '../../src/store/moderation.ts';
import { addDepartment } from '../../src/store/people.ts';
import { notePending } from '../../src/store/publishing.ts';
import { playedDemo } from '../played.ts';
import { stock } from '../store/stock.ts';
import { testDatabase } from '../store/testdb.ts';
import { type Counter, counter, type Visitor } from './visitors.ts';

/** A month of moderation, played by the real functions and counted by hand beside them. */

const DAY = 86_400_000;
const MINUTE = 60_000;
const ZONE = 'Europe/Moscow';
const NOW = new Date('2026-11-21T09:00:00Z');
const TODAY = '2026-11-21';
const FIRST = '2026-10-25';
const DAYS = 28;
const LISTINGS = 60;
/** From this day on the listings of the first agent are the second one's, who works in the other branch. */
const MOVED_ON = addDays(FIRST, 14);
/** The last day that is recorded. */
const RECORDED = addDays(TODAY, -3);

interface Given {
  readonly listing: number;
  readonly kind: 'approved' | 'returned';
  readonly at: Date;
  readonly waitedMinutes: number | null;
  readonly reasons: readonly string[];
  readonly isUndone: boolean;
  readonly isCorrected: boolean;
}

let base: Awaited<ReturnType<typeof testDatabase>>;
let agencyId: number;
let branches: number[];
let agents: number[];
let listings: number[];
let cabinetId: number;
let office: Counter;
let head: Visitor;
const given: Given[] = [];
/** Since when each listing waits now. */
const pending = new Map<number, Date>();

/** mulberry32: the same month every time. */
let state = 20_261_121;
function chance(): number {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
}

const ownerAt = (listing: number, at: Date): number => {
  const [index, day] = [listings.indexOf(listing) % agents.length, localDay(at, ZONE)];
  return agents[index === 0 && day >= MOVED_ON ? 1 : index]!;
};
const branchOf = (agent: number) => branches[agents.indexOf(agent) < 1 ? 0 : 1]!;

beforeAll(async () => {
  base = await testDatabase();
  const { db } = base;
  const house = await stock(
    db,
    { moderation: { ...AGENCY_DEFAULTS.moderation, mode: 'on' } },
    new Date(NOW.getTime() - 40 * DAY),
  );
  agencyId = house.agencyId;
  branches = [await addBranch(db, agencyId, { name: 'Центр', timeZone: null }, 'тест', NOW), 0];
  branches[1] = await addBranch(db, agencyId, { name: 'Юг', timeZone: null }, 'тест', NOW);
  agents = [];
  for (const [at, name] of ['Агеева', 'Борисов', 'Власова'].entries())
    agents.push(await addEmployee(db, agencyId, { name, phones: [], branchId: branches[at < 1 ? 0 : 1]! }));
  const irina: Moderator = {
    employeeId: await addEmployee(db, agencyId, { name: 'Ирина', phones: [], role: 'adSpecialist' }),
    name: 'Ирина',
  };
  cabinetId = await house.cabinet();
  listings = await house.listings(
    Array.from(
      { length: LISTINGS },
      (_, at) => ({ description: `Текст ${at}`, deal: at % 5 === 0 ? 'rent' : 'sale' }) as const,
    ),
  );
  for (const [at, id] of listings.entries()) {
    await db.pool.query('update listing set employee_id = $2 where id = $1', [id, agents[at % agents.length]]);
    await db.pool.query(
      'insert into mark (agency_id, cabinet_id, listing_id, marked_at, ordinal, board_offer_id) values ($1, $2, $3, $4, $5, $6)',
      [agencyId, cabinetId, id, new Date(NOW.getTime() - 39 * DAY), at, `b${id}`],
    );
  }
  const edit = (id: number, words: string) =>
    db.pool.query(
      `update listing set values = values || jsonb_build_object('description', $2::text), values_hash = md5($2) where id = $1`,
      [id, words],
    );
  let edits = 0;
  for (let day = 0; day < DAYS; day++) {
    const midnight = NOW.getTime() - (DAYS - 1 - day) * DAY - 9 * 3_600_000;
    if (addDays(FIRST, day) === MOVED_ON)
      await db.pool.query('update listing set employee_id = $2 where agency_id = $3 and employee_id = $1', [
        agents[0],
        agents[1],
        agencyId,
      ]);
    const moments = listings
      .filter(() => chance() < 0.35)
      .map((id) => ({ id, at: new Date(midnight + Math.floor(chance() * 8.9 * 3_600_000)) }))
      .sort((one, other) => one.at.getTime() - other.at.getTime());
    for (const { id, at } of moments) {
      const dice = chance();
      if (!pending.has(id) && dice < 0.75) {
        await edit(id, `Правка ${++edits}`);
        await notePending(db, agencyId, { since: [id], over: [] }, true, at);
        pending.set(id, at);
        continue;
      }
      if (!pending.has(id)) await edit(id, `Правка ${++edits}`);
      const kind = dice < 0.55 || dice > 0.9 ? 'approved' : 'returned';
      const reasons = kind === 'approved' ? [] : dice < 0.7 ? ['few-photos'] : ['few-photos', 'text-poor'];
      const { verdictId } = await giveVerdict(db, agencyId, { listingId: id, kind, actor: irina, reasons }, at);
      const since = pending.get(id);
      const isUndone = chance() < 0.2;
      if (isUndone) await undoVerdict(db, agencyId, verdictId, irina, new Date(at.getTime() + 5000));
      else if (kind === 'approved') pending.delete(id);
      given.push({
        listing: id,
        kind,
        at,
        waitedMinutes: since ? (at.getTime() - since.getTime()) / MINUTE : null,
        reasons,
        isUndone,
        isCorrected: false,
      });
      // What is the same cannot be decided about once more.
      await edit(id, `Правка ${++edits}`);
    }
  }
  await recordDays(db);
  // What the last run left: waiting cases, and notices of some marks.
  for (const [at, id] of listings.entries()) {
    const isWaiting = pending.has(id);
    await db.pool.query(
      `insert into mark_outcome (agency_id, cabinet_id, listing_id, outcome, judgement, input_key, content_key, since, decided_at)
       values ($1, $2, $3, $4, $5, 'i', 'c', $6, $6)`,
      [
        agencyId,
        cabinetId,
        id,
        isWaiting ? 'awaiting-moderation' : 'published',
        JSON.stringify({
          ...(isWaiting && { approval: 'awaiting' }),
          ...(at % 7 === 0 && {
            board: [{ code: 'avito/photos', field: 'photos', message: 'мало', fixedBy: 'agent' }],
          }),
          ...(at % 6 === 0 && {
            norms: [{ code: 'norm/text', field: 'description', message: 'мало', fixedBy: 'agent' }],
          }),
        }),
        new Date(NOW.getTime() - 1000),
      ],
    );
    // The first ten were confirmed lately; of those to let that is not enough.
    if (at < 10)
      await db.pool.query('update listing set fresh_at = $2 where id = $1', [id, new Date(NOW.getTime() - 5 * DAY)]);
  }
  office = await counter(db, agencyId, () => NOW);
  head = await office.come({ name: 'Глава' }, [{ role: 'manager' }]);
}, 120_000);
afterAll(async () => {
  await office?.close();
  await base?.drop();
});

/** As runs would have recorded them. */
async function recordDays(db: Awaited<ReturnType<typeof testDatabase>>['db']): Promise<void> {
  for (const [at, agent] of agents.entries())
    await db.pool.query(
      'insert into unit (agency_id, id, branch_id, department_id, employee_id) values ($1, $2, $3, null, $4)',
      [agencyId, at + 1, branchOf(agent), agent],
    );
  const outcomes = deflateSync(new Uint8Array(LISTINGS).fill(1));
  for (let day = FIRST; day <= RECORDED; day = addDays(day, 1)) {
    const noon = new Date(`${day}T09:00:00Z`);
    const units = Uint32Array.from(listings, (id) => agents.indexOf(ownerAt(id, noon)) + 1);
    await db.pool.query(
      'insert into day_record (agency_id, cabinet_id, day, outcomes, closing, units) values ($1, $2, $3, $4, $4, $5)',
      [agencyId, cabinetId, day, outcomes, deflateSync(packUnits(units))],
    );
  }
}

/** The same numbers, counted plainly. */
function plain(from: string, until: string, isOf: (agent: number) => boolean) {
  const valid = given.filter(({ isUndone }) => !isUndone);
  const inside = valid.filter(({ at, listing }) => {
    const day = localDay(at, ZONE);
    return day >= from && day <= until && isOf(ownerAt(listing, at));
  });
  const approved = inside.filter(({ kind }) => kind === 'approved');
  const waited = approved.flatMap(({ waitedMinutes }) => waitedMinutes ?? []).sort((one, other) => one - other);
  const half = waited.length / 2;
  const returned = inside.filter(({ kind }) => kind === 'returned');
  const first = inside.filter((one) => valid.find(({ listing }) => listing === one.listing) === one);
  const queue = [...pending].filter(([listing]) => isOf(ownerAt(listing, NOW)));
  return {
    approval: {
      count: waited.length,
      medianMinutes:
        waited.length === 0
          ? null
          : Math.floor(Number.isInteger(half) ? (waited[half - 1]! + waited[half]!) / 2 : waited[Math.floor(half)]!),
      p90Minutes: waited.length === 0 ? null : Math.floor(waited.find((_, at) => at + 1 >= waited.length * 0.9)!),
      unmeasured: approved.length - waited.length,
    },
    decided: { count: inside.length, approved: approved.length, accepted: 0, trusted: 0 },
    returns: returned.length,
    fewPhotos: returned.filter(({ reasons }) => reasons.includes('few-photos')).length,
    textPoor: returned.filter(({ reasons }) => reasons.includes('text-poor')).length,
    first: { count: first.length, right: first.filter(({ kind }) => kind === 'approved').length, corrected: 0 },
    queue: queue.length,
    oldest: queue.reduce(
      (most, [, since]) => Math.max(most, Math.floor((NOW.getTime() - since.getTime()) / MINUTE)),
      0,
    ),
  };
}

const reporter = () => ({ db: base.db, agencyId, reach: REACH_ALL, now: NOW });
const code = (report: Awaited<ReturnType<typeof workReport>>['total'], of: string) =>
  report.returns.byReason.find((one) => one.code === of)?.count ?? 0;

describe('the report of work', () => {
  it.each([
    [FIRST, TODAY],
    [MOVED_ON, TODAY],
    [FIRST, addDays(MOVED_ON, -1)],
    [addDays(TODAY, -1), TODAY],
  ])('from %s to %s is a plain count of the month, whoever moved', async (from, until) => {
    const report = await workReport(reporter(), { from, until, by: 'branch' });
    const parts = [
      { figures: report.total, isOf: () => true },
      ...report.groups.map(({ id, figures }) => ({ figures, isOf: (agent: number) => branchOf(agent) === id })),
    ];
    expect(report.groups.map(({ name }) => name)).toEqual(from < MOVED_ON ? ['Центр', 'Юг'] : ['Юг']);
    for (const { figures, isOf } of parts) {
      const expected = plain(from, until, isOf);
      expect(figures.approval).toEqual(expected.approval);
      expect(figures.decided).toEqual(expected.decided);
      expect(figures.returns.count).toBe(expected.returns);
      expect(code(figures, 'few-photos')).toBe(expected.fewPhotos);
      expect(code(figures, 'text-poor')).toBe(expected.textPoor);
      expect(figures.first).toEqual(expected.first);
      expect(figures.queue).toMatchObject({
        count: expected.queue,
        oldestMinutes: expected.queue === 0 ? null : expected.oldest,
      });
    }
    expect(plain(FIRST, TODAY, () => true).approval.count).toBeGreaterThan(30);
    expect(given.filter(({ isUndone }) => isUndone).length).toBeGreaterThan(10);
  });

  it('says of how many verdicts it knows whose the listing was', async () => {
    const { owners } = await workReport(reporter(), { from: FIRST, until: TODAY });
    const valid = given.filter(({ isUndone }) => !isUndone);
    expect(owners).toEqual({
      decided: valid.length,
      recorded: valid.filter(({ at }) => localDay(at, ZONE) <= RECORDED).length,
    });
    expect(owners.recorded).toBeLessThan(owners.decided);
  });

  it('counts agents by whose it was, and opens them', async () => {
    const { agents: lines } = await workReport(reporter(), { from: FIRST, until: TODAY });
    for (const agent of agents) {
      const expected = plain(FIRST, TODAY, (id) => id === agent);
      const line = lines.find(({ id }) => id === agent)!;
      expect(line).toMatchObject({
        decided: expected.decided.count,
        returned: expected.returns,
        first: expected.first.count,
        right: expected.first.right,
      });
      const behind = await workReportMembers(reporter(), { from: FIRST, until: TODAY, figure: 'returned', agent });
      expect(behind.total).toBe(line.returned);
      const all = await workReportMembers(reporter(), { from: FIRST, until: TODAY, figure: 'decided', agent });
      expect(all.total).toBe(line.decided);
      expect(behind.data.every(({ told }) => told.startsWith('возвращён: Мало фотографий'))).toBe(true);
    }
    expect(lines.map(({ name }) => name).sort()).toEqual(['Агеева', 'Борисов', 'Власова']);
  });

  it('tells what lies unconfirmed and below the norms now', async () => {
    const { total } = await workReport(reporter(), {});
    const places = listings.map((_, at) => at);
    // Sales are believed for thirty days, lets for three: everything is forty days old but the first ten, of five.
    const stale = places.filter((at) => at >= 10 || at % 5 === 0);
    expect(total.stale).toEqual({ count: stale.length, of: LISTINGS });
    expect(total.norms).toEqual({
      photos: places.filter((at) => at % 7 === 0).length,
      texts: places.filter((at) => at % 6 === 0).length,
      of: LISTINGS,
    });
    const behind = await workReportMembers(reporter(), { figure: 'photos' });
    expect(behind.data.map(({ id }) => id)).toEqual(listings.filter((_, at) => at % 7 === 0));
    await base.db.pool.query("update listing set status = 'sold' where id = any($1)", [listings.slice(20, 30)]);
    await base.db.pool.query(
      `insert into exception (agency_id, listing_id, gate, reason, by, at, until) values ($1, $2, 'fresh', 'т', 'т', $3, $4)`,
      [agencyId, listings[30], NOW, TODAY],
    );
    expect((await workReport(reporter(), {})).total.stale).toEqual({ count: stale.length - 11, of: LISTINGS - 10 });
  });

  it('counts nobody beyond reach, and tells nothing of what is somebody else’s now', async () => {
    const reach = { isAll: false, branchIds: [branches[0]!], departmentIds: [], employeeId: null };
    const asker = { ...reporter(), reach };
    const own = await workReport(asker, { from: FIRST, until: TODAY });
    expect(own.total.returns.count).toBe(plain(FIRST, TODAY, (agent) => agent === agents[0]).returns);
    // Everything of that branch has moved away.
    expect(own.total.queue.count).toBe(0);
    expect(own.total.norms.of).toBe(0);
    const behind = await workReportMembers(asker, { from: FIRST, until: TODAY, figure: 'returned' });
    expect(behind.total).toBe(own.total.returns.count);
    for (const one of behind.data)
      expect(one).toMatchObject({ isSeen: false, title: 'теперь не в вашей части агентства', employee: null });
  });

  it('refuses what is too long, in the wrong order or still to come', async () => {
    const ask = (from: string, until: string) => workReport(reporter(), { from, until });
    await expect(ask('2026-01-01', TODAY)).rejects.toMatchObject({ code: 'period-too-long' });
    await expect(ask(TODAY, FIRST)).rejects.toMatchObject({ code: 'bad-period' });
    await expect(ask(TODAY, '2026-12-01')).rejects.toMatchObject({ code: 'bad-period' });
    await expect(workReportMembers(reporter(), { figure: 'queue', of: 1 })).rejects.toMatchObject({
      code: 'cell-unknown',
    });
  });
});

describe('what nobody looked at', () => {
  it('is no first verdict and no waiting: taken over at the start, or approved on trust', async () => {
    const { db } = base;
    const { id } = await resolveAgency(db, 'Доверчивые', true);
    const trusted = await addEmployee(db, id, { name: 'Верная', phones: [] });
    await db.pool.query('update agency set settings = $2 where id = $1', [
      id,
      JSON.stringify({ moderation: { mode: 'off', trusted: { employeeIds: [trusted], sharePercent: 0 } } }),
    ]);
    const own = await db.pool.query("insert into source (agency_id, name) values ($1, 'crm') returning id", [id]);
    const cabinet = await db.pool.query(
      "insert into cabinet (agency_id, board, slug, name, family) values ($1, 'avito', 'main', 'Авито', 'avito') returning id",
      [id],
    );
    const made: number[] = [];
    for (const at of [0, 1]) {
      const values = { externalId: `T${at}`, kind: 'flat', deal: 'sale', description: `Текст ${at}` };
      const row = await db.pool.query(
        `insert into listing (agency_id, source_id, external_id, employee_id, source_values, source_hash, values, values_hash, first_seen_at, changed_at, fresh_at)
         values ($1, $2, $3, $4, $5, 'h', $5, 'h', $6, $6, $6) returning id`,
        [id, own.rows[0].id, values.externalId, trusted, JSON.stringify(values), new Date(NOW.getTime() - DAY)],
      );
      made.push(row.rows[0].id);
      await db.pool.query(
        'insert into mark (agency_id, cabinet_id, listing_id, marked_at, ordinal, board_offer_id) values ($1, $2, $3, $4, $5, $6)',
        [id, cabinet.rows[0].id, made[at], NOW, at, `t${at}`],
      );
      await db.pool.query(
        `insert into mark_outcome (agency_id, cabinet_id, listing_id, outcome, input_key, content_key, since, decided_at)
         values ($1, $2, $3, 'published', 'i', 'h|', $4, $4)`,
        [id, cabinet.rows[0].id, made[at], NOW],
      );
    }
    const admin: Moderator = { employeeId: null, name: 'Админ' };
    const early = new Date(NOW.getTime() - 7_200_000);
    expect(await switchOn(db, id, { agency: true }, 'on', { actor: admin }, early)).toMatchObject({ accepted: 2 });
    await db.pool.query(
      `update listing set values = values || '{"description":"Новый"}', pending_since = $2 where id = $1`,
      [made[0], early],
    );
    expect(await approveOnTrust(db, id, [made[0]!], new Date(NOW.getTime() - 3_600_000))).toBe(1);
    const ask = () => workReport({ db, agencyId: id, reach: REACH_ALL, now: NOW }, {});
    expect((await ask()).total).toMatchObject({
      decided: { count: 0, accepted: 2, trusted: 1 },
      approval: { count: 0, unmeasured: 0 },
      first: { count: 0 },
    });
    // The first look comes after all of that, and holds ten seconds later.
    await db.pool.query(`update listing set values = values || '{"description":"Третий"}' where id = $1`, [made[0]]);
    await giveVerdict(
      db,
      id,
      { listingId: made[0]!, kind: 'returned', actor: admin, reasons: ['other'] },
      new Date(NOW.getTime() - 5000),
    );
    expect((await ask()).total.first.count).toBe(0);
    const later = await workReport({ db, agencyId: id, reach: REACH_ALL, now: new Date(NOW.getTime() + 60_000) }, {});
    expect(later.total).toMatchObject({ first: { count: 1, right: 0 }, returns: { count: 1 } });
  });
});

describe('its routes', () => {
  it('answer the report, its lists and its files, and nobody from outside', async () => {
    const answer = await head.get(`/reports/work?from=${FIRST}&until=${TODAY}&by=employee`);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual(await workReport(reporter(), { from: FIRST, until: TODAY, by: 'employee' }));
    const members = await head.get('/reports/work/members?figure=queue&bucket=3');
    expect(members.body.total).toBe(answer.body.total.queue.buckets[3]);
    const csv = await head.get(`/reports/work.csv?from=${FIRST}&until=${TODAY}&by=branch`);
    expect(csv.text.split('\r\n')).toHaveLength(1 + 2 + 1 + 1);
    const book = await office.app.inject({
      url: `/api/v1/reports/work.xlsx?from=${FIRST}&until=${TODAY}`,
      headers: head.headers,
    });
    const { sheets } = await readXlsx(book.rawPayload);
    expect(sheets.map(({ name }) => name)).toEqual([
      'Работа',
      'Возвраты по причинам',
      'Возвраты по агентам',
      'Что считается',
    ]);
    expect(sheets[0]!.rows.at(-1)!.slice(0, 1)).toEqual(['Всего']);
    expect(sheets[0]!.headerFooter?.oddHeader).toBe(
      '&LРабота 25.10.2026–21.11.2026; сделан 21.11.2026 12:00 (Europe/Moscow)',
    );
    expect((await office.app.inject('/api/v1/reports/work')).statusCode).toBe(401);
    expect((await head.get('/reports/work?from=2026-01-01')).status).toBeGreaterThanOrEqual(400);
  });

  it('files say whose numbers they are, of which days and when they were made', async () => {
    const words = `from=${FIRST}&until=${TODAY}&by=employee&branch=${branches[1]}&employee=${agents[1]}&employee=${agents[2]}`;
    const filter = 'филиал «Юг»; сотрудники Борисов, Власова';
    const { body } = await head.get(`/reports/work?${words}`);
    expect(body.narrowed).toMatchObject({ branch: ['Юг'], employee: ['Борисов', 'Власова'] });
    const [titles, ...rows] = (await head.get(`/reports/work.csv?${words}`)).text.trim().split('\r\n');
    expect(titles).toMatch(/;Сделан \(Europe\/Moscow\);Отбор$/);
    expect(rows).toHaveLength(3);
    for (const row of rows) {
      expect(row).toContain(';25.10.2026;21.11.2026;');
      expect(row.endsWith(`;21.11.2026 12:00;${filter}`) || row.endsWith(`;21.11.2026 12:00;"${filter}"`)).toBe(true);
    }
    const book = await office.app.inject({ url: `/api/v1/reports/work.xlsx?${words}`, headers: head.headers });
    const { sheets } = await readXlsx(book.rawPayload);
    for (const { name, rows } of sheets.slice(0, 3)) {
      expect([name, rows.length]).toEqual([name, expect.any(Number)]);
      expect(rows.length).toBeGreaterThan(1);
      const day = (title: string) => rows[0]!.indexOf(title);
      for (const row of rows.slice(1)) {
        expect([name, ...row.slice(-2)]).toEqual([name, '21.11.2026 12:00', filter]);
        for (const [title, is] of [
          ['С', FIRST],
          ['По', TODAY],
        ] as const)
          expect(row[day(title)]).toEqual(new Date(`${is}T00:00:00Z`));
      }
    }
    for (const { headerFooter } of sheets)
      expect(headerFooter?.oddHeader).toBe(
        `&LРабота 25.10.2026–21.11.2026; сделан 21.11.2026 12:00 (Europe/Moscow)\nОтбор: ${filter}`,
      );
  });

  it('the heading of a printed page breaks no workbook, however long it is', async () => {
    const { db } = base;
    const ids: number[] = [];
    for (let at = 0; at < 30; at++)
      ids.push(await addBranch(db, agencyId, { name: `Вклад & сыновья, ${at}`, timeZone: null }, 'тест', NOW));
    const url = `/api/v1/reports/work.xlsx?${ids.map((id) => `branch=${id}`).join('&')}`;
    const { sheets } = await readXlsx((await office.app.inject({ url, headers: head.headers })).rawPayload);
    const told = sheets[0]!.headerFooter!.oddHeader!;
    expect(told.length).toBeLessThanOrEqual(255);
    expect(told).toContain('«Вклад && сыновья, 0»');
    expect(told.slice(2).replaceAll('&&', '')).not.toContain('&');
    expect(Math.max(...told.split('\n').map((line) => line.length))).toBeLessThan(120);
    // The names are whole, and those that there is no room for are counted.
    expect(told).toMatch(/» и ещё \d+$/);
  });

  it('on paper what is the same in every line stands above the table alone', async () => {
    const url = `/api/v1/reports/work.xlsx?from=${FIRST}&until=${TODAY}&branch=${branches[1]}`;
    const { rawPayload } = await office.app.inject({ url, headers: head.headers });
    const { sheets } = await readXlsx(rawPayload);
    const reasons = sheets[1]!;
    expect(reasons.rows[0]!.slice(-2)).toEqual(['Сделан (Europe/Moscow)', 'Отбор']);
    expect(reasons.pageSetup?.printArea).toBe(`$A$1:$E$${reasons.rows.length}`);
    // A name with a blank that stands without quotes is a damaged workbook to Excel.
    const book = strFromU8(unzipSync(rawPayload)['xl/workbook.xml']!);
    expect(book).toContain(`>'Возвраты по причинам'!$A$1:$E$${reasons.rows.length}<`);
    for (const [, places] of book.matchAll(/<definedName [^>]*>([^<]*)</g))
      for (const place of places!.split(',')) expect(place).toMatch(/^'[^']+'!\$/);
  });

  it('an agent has own numbers only, a head of a department those of the department', async () => {
    const { db } = base;
    const agent = await office.come({ name: 'Новичок' });
    const none = await agent.get(`/reports/work?from=${FIRST}&until=${TODAY}`);
    expect(none.body.total).toMatchObject({ returns: { count: 0 }, queue: { count: 0 }, norms: { of: 0 } });
    const departmentId = await addDepartment(db, agencyId, { branchId: branches[1]!, name: 'Аренда' }, 'тест', NOW);
    const leader = await office.come({ name: 'Старшая' }, [{ role: 'manager', scope: 'department', departmentId }]);
    await db.pool.query('update employee set department_id = $2 where id = $1', [agents[2], departmentId]);
    const own = await leader.get(`/reports/work?from=${FIRST}&until=${TODAY}`);
    // Of the past the record knows: then nobody was in the department.
    const unrecorded = given.filter(
      ({ isUndone, at, listing, kind }) =>
        !isUndone && kind === 'returned' && localDay(at, ZONE) > RECORDED && ownerAt(listing, at) === agents[2],
    );
    expect(own.body.total.returns.count).toBe(unrecorded.length);
    expect(own.body.total.queue.count).toBe(plain(FIRST, TODAY, (id) => id === agents[2]).queue);
  });
});

/** The queue and the decisions of the demo a second way: from the outcomes, the listings and the journal alone. */
async function asCountedPlainly(
  { db, agencyId }: Awaited<ReturnType<typeof playedDemo>>,
  asker: Parameters<typeof workReport>[0],
): Promise<void> {
  const report = await workReport(asker, {});
  const { total, agents: lines, owners } = report;
  const { columns, rows: table } = workTable(report);
  const inFile = (title: string) => table.at(-1)![columns.findIndex(({ header }) => header === title)];
  expect([
    inFile('В очереди сейчас'),
    inFile('Ждут только модератора'),
    inFile('Старейший из них, мин'),
    inFile('Медиана из них, мин'),
    inFile('Держит и другое'),
    inFile('Решений модератора'),
    inFile('Принято при включении, без просмотра'),
    inFile('По доверию, без просмотра'),
  ]).toEqual([
    total.queue.count,
    total.queue.ready.count,
    total.queue.ready.oldestMinutes,
    total.queue.ready.medianMinutes,
    total.queue.stopped.count,
    total.decided.count,
    total.decided.accepted,
    total.decided.trusted,
  ]);
  const behind = async (figure: WorkFigure) => await workReportMembers(asker, { figure });
  const { rows: waiting } = await db.pool.query<{ id: number; age: number; isReady: boolean; isGone: boolean }>(
    `select l.id, floor(extract(epoch from $2::timestamptz - l.pending_since) / 60)::int as age,
       bool_or(o.outcome = 'awaiting-moderation' or o.outcome = 'published' and o.judgement->>'approval' = 'kept') as "isReady",
       l.gone_at is not null as "isGone"
     from listing l join mark m on m.listing_id = l.id and m.is_live
     join mark_outcome o on o.listing_id = l.id and o.cabinet_id = m.cabinet_id
     where l.agency_id = $1 and l.pending_since is not null group by l.agency_id, l.id order by l.id`,
    [agencyId, asker.now],
  );
  const { rows: newest } = await db.pool.query<{ id: number; kind: string }>(
    `select distinct on (listing_id) listing_id as id, kind from verdict where agency_id = $1 and undone_at is null order by listing_id, at desc`,
    [agencyId],
  );
  const answered = new Set(newest.filter(({ kind }) => kind === 'returned').map(({ id }) => id));
  const queue = waiting.filter(({ id }) => !answered.has(id));
  // Those that the source has no more wait as well, and not for the moderator alone; there are some.
  expect(new Set(queue.filter(({ isGone }) => isGone).map(({ isReady }) => isReady))).toEqual(new Set([false]));
  for (const [figure, part, told] of [
    ['queue', queue, total.queue],
    ['queue-ready', queue.filter(({ isReady }) => isReady), total.queue.ready],
    ['queue-stopped', queue.filter(({ isReady }) => !isReady), total.queue.stopped],
  ] as const) {
    const ages = part.map(({ age }) => age).sort((one, other) => one - other);
    expect(told.count, figure).toBe(part.length);
    expect(part.length, figure).toBeGreaterThan(0);
    expect(told.oldestMinutes, figure).toBe(ages.at(-1));
    expect(Math.abs(told.medianMinutes! - (ages[(ages.length - 1) >> 1]! + ages[ages.length >> 1]!) / 2)).toBeLessThan(
      2,
    );
    const { total: all, data } = await behind(figure);
    expect(all).toBe(part.length);
    expect(data.map(({ id }) => id).sort((one, other) => one - other)).toEqual(part.map(({ id }) => id));
    for (const { told: words } of data)
      if (figure === 'queue-stopped')
        expect(words).toMatch(/; держит и другое: (с ошибками|не подтверждён|не на рынке)/);
      else if (figure === 'queue-ready') expect(words).not.toContain('не на рынке');
  }
  // What a person decides has its line in the journal; what is taken over at the start has one for all.
  const { rows: decisions } = await db.pool.query<{ all: number; approved: number; returned: number }>(
    `select count(*)::int as all, count(*) filter (where j.action = 'verdict-approved')::int as approved,
       count(*) filter (where j.action = 'verdict-returned')::int as returned
     from verdict v left join journal j on j.listing_id = v.listing_id and (j.facts->>'verdictId')::bigint = v.id
       and j.action in ('verdict-approved', 'verdict-returned') where v.agency_id = $1`,
    [agencyId],
  );
  const { all, approved, returned: sentBack } = decisions[0]!;
  expect(total.decided).toEqual({
    count: approved + sentBack,
    approved,
    accepted: all - approved - sentBack,
    trusted: 0,
  });
  expect(total.decided.accepted).toBeGreaterThan(100);
  expect(total.returns.count).toBe(sentBack);
  expect(lines.reduce((sum, { decided }) => sum + decided, 0)).toBe(total.decided.count);
  expect(owners.decided).toBe(total.decided.count);
  for (const [figure, count, words] of [
    ['decided', total.decided.count, /^(одобрен|возвращён: )/],
    ['accepted', total.decided.accepted, /^принят без просмотра при включении модерации$/],
    ['trusted', 0, /./],
  ] as const) {
    const listed = await behind(figure);
    expect(listed.total, figure).toBe(count);
    expect(listed.data).toHaveLength(count);
    for (const { told } of listed.data) expect(told).toMatch(words);
  }
}

describe('the demo', () => {
  it('has something to show in every number', async () => {
    const demo = await playedDemo();
    try {
      const asker = { db: demo.db, agencyId: demo.agencyId, reach: REACH_ALL, now: demo.context.clock() };
      const { total, agents: lines } = await workReport(asker, {});
      expect(total.approval).toMatchObject({ count: 5, medianMinutes: expect.any(Number) });
      expect(total.approval.medianMinutes).toBeGreaterThan(60);
      expect(total.first).toMatchObject({ count: 10, right: 5 });
      for (const count of [
        total.returns.count,
        total.queue.count,
        total.stale.count,
        total.norms.photos,
        total.norms.texts,
        lines.length,
      ])
        expect(count).toBeGreaterThan(0);
      // The norms a second way: from the words of the blocked marks.
      const { rows } = await demo.db.pool.query<{ photos: number }>(
        `select count(distinct o.listing_id)::int as photos from mark_outcome o join mark m on m.cabinet_id = o.cabinet_id and m.listing_id = o.listing_id and m.is_live
         cross join lateral jsonb_array_elements(coalesce(o.judgement->'board', '[]') || coalesce(o.judgement->'norms', '[]')) n where n->>'field' = 'photos'`,
      );
      expect(total.norms.photos).toBe(rows[0]!.photos);
      await asCountedPlainly(demo, asker);
    } finally {
      await demo.drop();
    }
  }, 240_000);
});
