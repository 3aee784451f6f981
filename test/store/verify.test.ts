import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addDays, momentOf } from '../../src/domain/days.ts';
import { billId, chargeOf, placementId, promotionHoldId, releaseOf } from '../../src/domain/ledger.ts';
import { MONEY_TABLES, type MoneyTable } from '../../src/domain/verify.ts';
import { recordDays } from '../../src/store/days.ts';
import { type NewTransfer, openAccount, post, refund, systemAccount, topUp } from '../../src/store/ledger.ts';
import { agenciesWithMoney, type Verified, verifyMoney } from '../../src/store/verify.ts';
import { type Stock, stock } from './stock.ts';
import { testDatabase } from './testdb.ts';

let base: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  base = await testDatabase();
});
afterAll(() => base.drop());

const ZONE = 'Europe/Moscow';
const BY = { name: 'проверка' };
const FACTS = { kind: 'flat', deal: 'sale', region: null, priceKopecks: null } as const;
const TERMS = { lines: [{ kopecks: 100 }], excess: null, promotion: [{ level: 'x2', days: 7, kopecks: 5000 }] };
const on = (day: number) => `2026-11-${String(day).padStart(2, '0')}`;
/** By the clock of Moscow. */
const at = (day: number | string, hour = 0, minute = 0) =>
  momentOf(typeof day === 'number' ? on(day) : day, hour * 60 + minute, ZONE);
const rows = async <T extends object>(sql: string, values: unknown[] = []) =>
  (await base.db.pool.query<T>(sql, values)).rows as T[];

/** A cabinet that charges at 10:00, with what happens in it put down by hand. */
interface Ground {
  readonly house: Stock;
  readonly agencyId: number;
  readonly cabinetId: number;
  readonly listings: readonly number[];
  readonly accountId: number;
  readonly tariffId: number;
  became(listingId: number, outcome: string, when: Date): Promise<void>;
  bill(kind: 'hold' | 'charge', listingId: number, day: string, when: Date, ordinal?: number): Promise<string>;
  charge(holdId: string, when: Date): Promise<void>;
  release(holdId: string, when: Date): Promise<void>;
  billed(when: Date): Promise<void>;
  verify(from?: string): Promise<Verified>;
  /** «code table key» */
  found(from?: string): Promise<string[]>;
}

async function ground(listingsWanted = 3): Promise<Ground> {
  const house = await stock(base.db, {}, at(1));
  const { agencyId } = house;
  const cabinetId = await house.cabinet();
  const listings = await house.listings(Array.from({ length: listingsWanted }, () => ({})));
  await rows(`update cabinet set settings = '{"chargeAt":"10:00"}' where id = $1`, [cabinetId]);
  await rows(
    `insert into mark (agency_id, cabinet_id, listing_id, marked_at, ordinal, board_offer_id)
     select $1, $2, id, $4, place - 1, id::text from unnest($3::bigint[]) with ordinality as l(id, place)`,
    [agencyId, cabinetId, listings, at(1)],
  );
  const { id: accountId } = await openAccount(base.db, agencyId, { kind: 'agency', ownerId: null }, BY, at(1));
  const [tariff] = await rows<{ id: number }>(
    `insert into tariff (agency_id, cabinet_id, valid_from, terms, by, created_at) values ($1, $2, $3, $4, 'проверка', $5) returning id`,
    [agencyId, cabinetId, on(10), JSON.stringify(TERMS), at(9, 12)],
  );
  await topUp(
    base.db,
    agencyId,
    accountId,
    { key: `${agencyId}`, kopecks: 100_000_000, reason: 'проверка', by: BY },
    at(1),
  );
  const boardId = await systemAccount(base.db.pool, agencyId, 'board', cabinetId);
  const tariffId = tariff!.id;
  const put = (given: Partial<NewTransfer> & Pick<NewTransfer, 'id' | 'kind' | 'day'>, when: Date) =>
    post(
      base.db.pool,
      agencyId,
      {
        fromId: accountId,
        toId: boardId,
        kopecks: 100,
        cabinetId,
        basis: 'day',
        tariffId,
        facts: FACTS,
        by: 'выгрузка',
        reason: 'день размещения',
        ...given,
      },
      when,
    );
  const end = async (kind: 'charge' | 'release', holdId: string, when: Date) => {
    const [held] = await rows<{ day: string; listingId: number; kopecks: number }>(
      'select day, listing_id as "listingId", kopecks, basis, promotion_id as "promotionId" from transfer where agency_id = $1 and id = $2',
      [agencyId, holdId],
    );
    await put({ ...held!, id: kind === 'charge' ? chargeOf(holdId) : releaseOf(holdId), kind, resolves: holdId }, when);
  };
  const verify = (from?: string) => verifyMoney(base.db, agencyId, { from: from ?? null });
  return {
    house,
    agencyId,
    cabinetId,
    listings,
    accountId,
    tariffId,
    became: async (listingId, outcome, when) => {
      await rows(
        'insert into mark_transition (agency_id, cabinet_id, listing_id, at, outcome) values ($1, $2, $3, $4, $5)',
        [agencyId, cabinetId, listingId, when, outcome],
      );
    },
    bill: async (kind, listingId, day, when, ordinal = 1) => {
      const id = billId(cabinetId, listingId, day, ordinal);
      await put({ id, kind, day, listingId }, when);
      return id;
    },
    charge: (holdId, when) => end('charge', holdId, when),
    release: (holdId, when) => end('release', holdId, when),
    billed: async (when) => void (await rows('update cabinet set billed_at = $2 where id = $1', [cabinetId, when])),
    verify,
    found: async (from) => (await verify(from)).findings.map(({ code, table, key }) => `${code} ${table} ${key}`),
  };
}

/**
 * One listing shown from the 20th on, one that left on the 21st before the charge hour, and one with a forgiven day and
 * a promotion; a cabinet of placements; a report of the board.
 */
async function history() {
  const play = await ground();
  const { agencyId, cabinetId, listings, accountId, tariffId, house } = play;
  const [steady, leaves, third] = listings as [number, number, number];
  await play.became(steady, 'published', at(20, 8));
  await play.became(leaves, 'published', at(20, 8));
  for (const listingId of [steady, leaves])
    await play.charge(await play.bill('hold', listingId, on(20), at(20, 8)), at(20, 10));
  const held = await play.bill('hold', steady, on(21), at(21));
  await play.release(await play.bill('hold', leaves, on(21), at(21)), at(21, 9));
  await play.became(leaves, 'paused', at(21, 9));
  await play.charge(held, at(21, 10));
  await refund(base.db, agencyId, chargeOf(billId(cabinetId, leaves, on(20), 1)), 'ошибка доски', BY, at(22, 8));
  await play.bill('hold', steady, on(22), at(22));

  await play.became(third, 'published', at(21, 11));
  await play.became(third, 'unfunded', at(21, 12));
  await rows(
    `insert into waiver (agency_id, cabinet_id, listing_id, day, account_id, kopecks, reason, at) values ($1, $2, $3, $4, $5, 100, 'проверка', $6)`,
    [agencyId, cabinetId, third, on(21), accountId, at(21, 12)],
  );
  const [order] = await rows<{ id: number }>(
    `insert into promotion (agency_id, id, cabinet_id, listing_id, level, days, from_on, hold_id, kopecks, by, at)
     overriding system value values ($1, nextval('promotion_id_seq'), $2, $3, 'x2', 7, $4, 'promotion:' || currval('promotion_id_seq'), 5000, 'проверка', $5)
     returning id`,
    [agencyId, cabinetId, steady, on(21), at(20, 12)],
  );
  const boardId = await systemAccount(base.db.pool, agencyId, 'board', cabinetId);
  const promoted = {
    fromId: accountId,
    toId: boardId,
    kopecks: 5000,
    cabinetId,
    listingId: steady,
    basis: 'promotion',
    promotionId: order!.id,
    by: 'проверка',
    reason: 'x2',
  } as const;
  await post(
    base.db.pool,
    agencyId,
    { ...promoted, id: promotionHoldId(order!.id), kind: 'hold', day: on(21) },
    at(20, 12),
  );
  await play.charge(promotionHoldId(order!.id), at(21, 0));

  const cian = await house.cabinet('cian');
  await rows(
    `update cabinet set settings = '{"package":{"kind":"placements","placements":5,"from":"2026-11-01","periodDays":30,"termDays":10}}' where id = $1`,
    [cian],
  );
  await rows(
    `insert into mark (agency_id, cabinet_id, listing_id, marked_at, ordinal, board_offer_id) values ($1, $2, $3, $4, 0, 'x')`,
    [agencyId, cian, steady, at(1)],
  );
  await rows(
    `insert into placement (agency_id, cabinet_id, listing_id, from_on, until_on) values ($1, $2, $3, $4, $5)`,
    [agencyId, cian, steady, on(20), on(29)],
  );
  await rows(
    `insert into mark_transition (agency_id, cabinet_id, listing_id, at, outcome) values ($1, $2, $3, $4, 'published')`,
    [agencyId, cian, steady, at(20, 8)],
  );
  const [second] = await rows<{ id: number }>(
    `insert into tariff (agency_id, cabinet_id, valid_from, terms, by, created_at) values ($1, $2, $3, $4, 'проверка', $5) returning id`,
    [agencyId, cian, on(10), JSON.stringify(TERMS), at(9, 12)],
  );
  await post(
    base.db.pool,
    agencyId,
    {
      id: placementId(cian, steady, on(20)),
      kind: 'charge',
      fromId: accountId,
      toId: await systemAccount(base.db.pool, agencyId, 'board', cian),
      kopecks: 100,
      day: on(20),
      cabinetId: cian,
      listingId: steady,
      basis: 'placement',
      tariffId: second!.id,
      facts: FACTS,
      by: 'выгрузка',
      reason: 'размещение',
    },
    at(20, 8),
  );
  await rows('update cabinet set billed_at = $2 where agency_id = $1', [agencyId, at(22, 9)]);

  const [report] = await rows<{ id: number }>(
    `insert into board_report (agency_id, cabinet_id, name, sha256, by, at, rows, known, from_on, until_on)
     values ($1, $2, 'ноябрь.csv', 'abc', 'проверка', $3, 3, 1, $4, $5) returning id`,
    [agencyId, cabinetId, at(22), on(19), on(21)],
  );
  for (const [key, day] of [
    ['op:1', on(20)],
    ['op:2', on(21)],
  ] as const) {
    await rows(
      `insert into board_charge (agency_id, cabinet_id, key, report_id, day, board_offer_id, listing_id, service, kopecks)
       values ($1, $2, $3, $4, $5, 'a1', $6, 'показ', 90)`,
      [agencyId, cabinetId, key, report!.id, day, steady],
    );
  }
  return { ...play, steady, leaves, third, tariffId, reportId: report!.id, promotionId: order!.id, held };
}

type Row = Record<string, unknown>;

/** The database as somebody has it who is past all triggers and foreign keys. */
async function tamper(
  work: (query: <T extends object>(sql: string, values?: unknown[]) => Promise<T[]>) => Promise<void>,
) {
  const client = await base.db.pool.connect();
  try {
    await client.query('begin');
    await client.query('set local session_replication_role = replica');
    await work(
      async <T extends object>(sql: string, values: unknown[] = []) =>
        (await client.query<T & Row>(sql, values)).rows as T[],
    );
    await client.query('commit');
  } finally {
    client.release();
  }
}

async function replace(table: string, keys: readonly string[], was: Row, next: Row) {
  const is = keys.map((key, index) => `${key} = $${index + 1}`).join(' and ');
  await tamper(async (query) => {
    await query(
      `delete from ${table} where ${is}`,
      keys.map((key) => was[key]),
    );
    await query(
      `insert into ${table} overriding system value select * from jsonb_populate_record(null::${table}, $1)`,
      [JSON.stringify(next)],
    );
  });
}

const keyOf: Record<MoneyTable, (row: Row) => string> = {
  account: ({ id }) => `${id}`,
  account_spending: (row) => `${row.account_id}/${row.period}`,
  transfer: ({ id }) => `${id}`,
  tariff: ({ id }) => `${id}`,
  promotion: ({ id }) => `${id}`,
  waiver: (row) => `${row.cabinet_id}:${row.listing_id}:${row.day}`,
  board_charge: (row) => `${row.cabinet_id}/${row.key}`,
  board_report: ({ id }) => `${id}`,
};

/** Another value of the column's type. */
function spoilt(type: string, value: unknown): unknown {
  if (type === 'jsonb') return { ...(value as object), spoilt: true };
  if (type === 'date') return value === null ? on(1) : addDays(value as string, 1);
  if (type.startsWith('timestamp')) return new Date(new Date((value as string) ?? 0).getTime() + 1).toISOString();
  if (type === 'text') return `${value ?? ''}x`;
  return ((value as number) ?? 0) + 1000;
}

describe('an honest history', () => {
  it('is silent, and what was looked at is counted', async () => {
    const { verify, listings } = await history();
    const { findings, checked } = await verify();
    expect(findings).toEqual([]);
    expect(checked).toMatchObject({
      accounts: 4,
      transfers: 14,
      tariffs: 2,
      promotions: 1,
      waivers: 1,
      boardReports: 1,
      boardCharges: 2,
      cabinets: 2,
      recordedDays: 0,
    });
    // Two listings on the 20th; on the 21st the steady one and the one that came later; and three days of the placement.
    expect(checked.owedDays).toBe(7);
    expect(listings).toHaveLength(3);
  });

  it('of nothing is silent too', async () => {
    const house = await stock(base.db);
    expect((await verifyMoney(base.db, house.agencyId)).findings).toEqual([]);
    expect(
      (await agenciesWithMoney(base.db)).some(({ id, name }) => id === house.agencyId && name?.startsWith('Агентство')),
    ).toBe(true);
  });
});

describe('a spoiled row is named', () => {
  let play: Awaited<ReturnType<typeof history>>;
  beforeAll(async () => {
    play = await history();
  });

  /** Which row of the agency is spoiled, where it is not any one. */
  const CHOSEN: Partial<Record<MoneyTable, string>> = {
    account: `kind = 'agency'`,
    transfer: `kind = 'charge' and resolves like 'day:%:2026-11-21:1'`,
    account_spending: 'kopecks > 0',
  };
  /** What a constraint leaves to whoever spoils; the rest is any other value. */
  const VALUES: Record<string, (row: Row) => Promise<unknown>> = {
    'transfer.kind': async () => 'release',
    'transfer.seq': async () =>
      (await rows<{ seq: number }>(`select seq from transfer where id like 'topup:%' order by seq limit 1`))[0]!.seq,
  };

  it.each(MONEY_TABLES)('%s, whatever column', async (table) => {
    const columns = await rows<{ name: string; type: string }>(
      'select column_name as name, data_type as type from information_schema.columns where table_name = $1 order by ordinal_position',
      [table],
    );
    const keys = (
      await rows<{ name: string }>(
        `select a.attname as name from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
         where i.indrelid = $1::regclass and i.indisprimary`,
        [table],
      )
    ).map(({ name }) => name);
    const [found] = await rows<{ row: Row }>(
      `select to_jsonb(t) as row from ${table} t where agency_id = $1 and ${CHOSEN[table] ?? 'true'} limit 1`,
      [play.agencyId],
    );
    const row = found!.row;
    expect(columns.length).toBeGreaterThan(3);
    const silent: string[] = [];
    for (const { name, type } of columns) {
      // A refund and nothing else pays a charge back: the table itself refuses it of this one.
      if (`${table}.${name}` === 'transfer.reverses') continue;
      const next = { ...row, [name]: await (VALUES[`${table}.${name}`]?.(row) ?? spoilt(type, row[name])) };
      expect(next[name]).not.toEqual(row[name]);
      await replace(table, keys, row, next);
      // A row may have gone to an agency that there is not.
      const agencies = new Set([play.agencyId, next.agency_id as number]);
      expect((await agenciesWithMoney(base.db)).map(({ id }) => id)).toEqual(expect.arrayContaining([...agencies]));
      const named: string[] = [];
      for (const id of agencies) {
        const { findings } = await verifyMoney(base.db, id);
        named.push(...findings.map((finding) => `${finding.table} ${finding.key}`));
      }
      if (!named.includes(`${table} ${keyOf[table](next)}`)) silent.push(name);
      await replace(table, keys, next, row);
    }
    expect(silent).toEqual([]);
    expect(await play.found()).toEqual([]);
  });

  it('with sums and days that no program would write', async () => {
    const id = chargeOf(play.held);
    const [found] = await rows<{ row: Row }>(
      'select to_jsonb(t) as row from transfer t where agency_id = $1 and id = $2',
      [play.agencyId, id],
    );
    const row = found!.row;
    for (const wild of [
      { kopecks: '9223372036854775807' },
      { day: 'infinity' },
      { day: '0044-03-15 BC' },
      { at: 'infinity' },
      { from_id: '9223372036854775807' },
      { listing_id: null },
      { cabinet_id: null },
      { cabinet_id: 999_999 },
      { basis: null },
      { facts: 'x' },
    ]) {
      await replace('transfer', ['agency_id', 'id'], row, { ...row, ...wild });
      expect(await play.found(), JSON.stringify(wild)).toContain(`seal-broken transfer ${id}`);
      await replace('transfer', ['agency_id', 'id'], row, row);
    }
    expect(await play.found()).toEqual([]);
  });

  it('with a seal of its own, by what it says', async () => {
    const broken = await history();
    const id = chargeOf(broken.held);
    const reseal = (sql: string, values: unknown[]) =>
      tamper(async (query) => {
        await query(sql, values);
        await query('update transfer t set seal = seal_of(t) where agency_id = $1', [broken.agencyId]);
        await query('update tariff t set seal = seal_of(t) where agency_id = $1', [broken.agencyId]);
      });
    await reseal('update transfer set kopecks = 99 where agency_id = $1 and id = $2', [broken.agencyId, id]);
    expect(await broken.found()).toEqual([
      `balance-differs account ${broken.accountId}`,
      `held-differs account ${broken.accountId}`,
      expect.stringContaining('balance-differs account '),
      expect.stringContaining('held-differs account '),
      `origin-differs transfer ${id}`,
    ]);
    await reseal('update transfer set kopecks = 100 where agency_id = $1 and id = $2', [broken.agencyId, id]);
    expect(await broken.found()).toEqual([]);
    await reseal('update tariff set valid_from = $2 where id = $1', [broken.tariffId, on(9)]);
    expect(await broken.found()).toEqual([`tariff-too-early tariff ${broken.tariffId}`]);
  });

  it('when it is gone', async () => {
    const broken = await history();
    const { agencyId, cabinetId, steady, held } = broken;
    await tamper(async (query) => {
      await query('delete from transfer where agency_id = $1 and (id = $2 or resolves = $2)', [agencyId, held]);
    });
    const found = await broken.found();
    expect(found).toContain(`entries-differ account ${broken.accountId}`);
    expect(found).toContain(`spending-differs account_spending ${broken.accountId}/${on(21)}`);
    expect(found).toContain(`charge-missing transfer ${billId(cabinetId, steady, on(21), 1)}`);
    expect(found.filter((one) => !/account/.test(one))).toHaveLength(1);
    await tamper(async (query) => {
      await query('delete from account where agency_id = $1 and id = $2', [agencyId, broken.accountId]);
      await query('delete from board_report where agency_id = $1', [agencyId]);
    });
    expect(await broken.found()).toEqual(
      expect.arrayContaining([
        `account-missing account ${broken.accountId}`,
        `report-missing board_report ${broken.reportId}`,
      ]),
    );
  });
});

describe('what the editions call for', () => {
  it('is found although the clock was set back: a change counts from the one before it', async () => {
    const play = await ground(2);
    const [first, second] = play.listings as [number, number];
    await play.became(first, 'published', at(20, 12));
    await play.bill('charge', first, on(20), at(20, 12));
    await play.became(second, 'published', at(19, 12));
    await play.bill('charge', second, on(20), at(20, 12));
    await play.billed(at(20, 13));
    expect(await play.found()).toEqual([]);
  });

  it('is found although a run with another clock had come further and changed nothing', async () => {
    const play = await ground(1);
    const [listingId] = play.listings as [number];
    for (const when of [at(20, 12), at(21, 9), at(20, 20)]) {
      await rows(
        `insert into export_run (agency_id, cabinet_id, fence, cause, started_at, finished_at, status) values ($1, $2, 1, 'due', $3, $3, 'done')`,
        [play.agencyId, play.cabinetId, when],
      );
    }
    await play.became(listingId, 'published', at(20, 20));
    const held = await play.bill('hold', listingId, on(21), at(21, 9));
    await play.billed(at(21, 9));
    expect(await play.found()).toEqual([]);
    await play.billed(at(21, 10));
    expect(await play.found()).toEqual([`hold-open transfer ${held}`]);
  });

  it('is told by the day’s record where the changes are forgotten, and by the changes since', async () => {
    const play = await ground(3);
    const [steady, gone, never] = play.listings as [number, number, number];
    const cabinet = { agencyId: play.agencyId, id: play.cabinetId };
    const today = 90;
    const dayOf = (index: number) => addDays(on(10), index);
    await play.became(steady, 'published', at(dayOf(0), 8));
    await play.became(gone, 'published', at(dayOf(0), 9));
    await play.became(gone, 'stale', at(dayOf(3), 12));
    await play.became(never, 'blocked', at(dayOf(60), 9));
    for (let index = 0; index <= today; index++) {
      const when = at(dayOf(index), 10);
      await play.bill('charge', steady, dayOf(index), when);
      if (index <= 3) await play.bill('charge', gone, dayOf(index), when);
    }
    await play.billed(at(dayOf(today), 11));
    expect(await play.found()).toEqual([]);
    expect((await play.verify()).checked).toMatchObject({ owedDays: today + 5, recordedDays: 0 });

    expect(await recordDays(base.db, cabinet, at(dayOf(today), 11))).toBe(today);
    const kept = await rows('select 1 from mark_transition where agency_id = $1', [play.agencyId]);
    expect(kept).toHaveLength(1);
    const before = await play.verify();
    expect(before.findings).toEqual([]);
    // Everything is known again from the day on after the one in which the oldest change that is left lies.
    expect(before.checked).toMatchObject({ recordedDays: 62, owedDays: today - 61 });

    await play.bill('charge', gone, dayOf(50), at(dayOf(50), 10));
    await play.bill('charge', never, dayOf(75), at(dayOf(75), 10));
    expect(await play.found()).toEqual([
      `not-shown transfer ${billId(play.cabinetId, never, dayOf(75), 1)}`,
      `not-shown transfer ${billId(play.cabinetId, gone, dayOf(50), 1)}`,
    ]);
    expect(await play.found(dayOf(55))).toEqual([`not-shown transfer ${billId(play.cabinetId, never, dayOf(75), 1)}`]);
    await tamper(async (query) => {
      await query('delete from transfer where agency_id = $1 and id = $2', [
        play.agencyId,
        billId(play.cabinetId, steady, dayOf(85), 1),
      ]);
    });
    expect(await play.found(dayOf(80))).toEqual(
      expect.arrayContaining([`charge-missing transfer ${billId(play.cabinetId, steady, dayOf(85), 1)}`]),
    );
  });

  it('charges of a cabinet that has never shown anything are found', async () => {
    const play = await ground(1);
    const id = await play.bill('charge', play.listings[0]!, on(20), at(20, 12));
    await play.billed(at(21, 12));
    expect(await play.found()).toEqual([`not-shown transfer ${id}`]);
  });

  it('follows the settings as the journal tells them', async () => {
    const play = await ground(1);
    const [listingId] = play.listings as [number];
    await play.became(listingId, 'published', at(20, 12));
    await play.release(await play.bill('hold', listingId, on(20), at(20, 12)), at(20, 15));
    await play.became(listingId, 'paused', at(20, 15));
    await play.billed(at(22, 12));
    const id = billId(play.cabinetId, listingId, on(20), 1);
    expect(await play.found()).toEqual([`released-though-shown transfer ${releaseOf(id)}`]);
    await rows(
      `insert into journal (agency_id, at, by, action, cabinet_id, facts) values ($1, $2, 'проверка', 'settings-set', $3, $4)`,
      [
        play.agencyId,
        at(21, 12),
        play.cabinetId,
        JSON.stringify({ path: 'chargeAt', before: '18:00', after: '10:00' }),
      ],
    );
    expect(await play.found()).toEqual([]);
  });

  it('is proved mark by mark, however many there are', async () => {
    const play = await ground(0);
    const { agencyId, cabinetId, accountId, tariffId } = play;
    const boardId = await systemAccount(base.db.pool, agencyId, 'board', cabinetId);
    const count = 2100;
    const ids = await play.house.listings([{}]).then(async ([one]) => {
      const [{ id: last }] = (await rows<{ id: number }>(
        `with made as (insert into listing (agency_id, source_id, external_id, source_values, source_hash, values, values_hash, first_seen_at, changed_at, fresh_at)
           select agency_id, source_id, external_id || '-' || n, source_values, 'h', values, 'h', first_seen_at, changed_at, fresh_at
           from listing, generate_series(2, $2::int) as n where id = $1 returning id) select max(id) as id from made`,
        [one, count],
      )) as [{ id: number }];
      expect(last).toBeGreaterThan(one!);
      return rows<{ id: number }>('select id from listing where agency_id = $1 order by id', [agencyId]);
    });
    const listings = ids.map(({ id }) => id);
    await rows(
      `insert into mark (agency_id, cabinet_id, listing_id, marked_at, ordinal, board_offer_id)
       select $1, $2, id, $4, place - 1, id::text from unnest($3::bigint[]) with ordinality as l(id, place)`,
      [agencyId, cabinetId, listings, at(1)],
    );
    await rows(
      `insert into mark_transition (agency_id, cabinet_id, listing_id, at, outcome) select $1, $2, id, $4, 'published' from unnest($3::bigint[]) as id`,
      [agencyId, cabinetId, listings, at(20, 12)],
    );
    await rows(
      `insert into transfer (agency_id, id, kind, from_id, to_id, kopecks, day, at, cabinet_id, listing_id, basis, tariff_id, facts, by, reason)
       select $1, 'day:' || $2::bigint || ':' || l || ':' || to_char(d, 'YYYY-MM-DD') || ':1', 'charge', $4, $5, 100, d::date, $6, $2, l, 'day', $7, $8, 'выгрузка', 'день'
       from unnest($3::bigint[]) as l, generate_series('2026-11-20'::date, '2026-11-21'::date, '1 day') as d`,
      [agencyId, cabinetId, listings, accountId, boardId, at(20, 12), tariffId, JSON.stringify(FACTS)],
    );
    const sum = count * 2 * 100;
    await rows(
      'update account set balance_kopecks = balance_kopecks + case id when $2 then -$4::bigint else $4 end, entries = entries + $5 where agency_id = $1 and id in ($2, $3)',
      [agencyId, accountId, boardId, sum, count * 2],
    );
    for (const [period, kopecks] of [
      [on(20), sum / 2],
      [on(21), sum / 2],
      ['2026-11', sum],
    ] as const) {
      await rows('insert into account_spending (agency_id, account_id, period, kopecks) values ($1, $2, $3, $4)', [
        agencyId,
        accountId,
        period,
        kopecks,
      ]);
    }
    await play.billed(at(21, 12));
    const { findings, checked } = await play.verify();
    expect(findings).toEqual([]);
    expect(checked).toMatchObject({ transfers: count * 2 + 1, owedDays: count * 2 });
    const odd = listings[2050]!;
    await play.became(odd, 'paused', at(22, 12));
    await play.became(listings[7]!, 'published', at(22, 12));
    await play.billed(at(22, 13));
    expect(new Set((await play.found()).map((one) => one.split(' ')[0]))).toEqual(new Set(['charge-missing']));
    expect(await play.found()).toHaveLength(count);
  });
});
