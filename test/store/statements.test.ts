import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chargeOf, refundOf, releaseOf } from '../../src/domain/ledger.ts';
import { type Grouping, Statement } from '../../src/domain/statement.ts';
import { addEmployee, changeEmployee, ensureBranch, ensureDepartment } from '../../src/store/agencies.ts';
import { transaction } from '../../src/store/database.ts';
import {
  changeAccount,
  correct,
  listAccounts,
  move,
  type NewTransfer,
  openAccount,
  post,
  systemAccount,
  topUp,
} from '../../src/store/ledger.ts';
import { listLedger, listPlacedAccounts, readStatement } from '../../src/store/statements.ts';
import { ledgerFaults } from './ledger-check.ts';
import { type Stock, stock } from './stock.ts';
import { testDatabase } from './testdb.ts';

/** One agency whose money has been through everything there is, and what can be read of it. */

const BY = { name: 'Марина Волкова' };
const on = (day: string) => new Date(`${day}T09:00:00Z`);
const key = (name: string, kopecks: number) => ({ key: name, kopecks, reason: 'по плану', by: BY });

let base: Awaited<ReturnType<typeof testDatabase>>;
let house: Stock;
let agencyId: number;
let cabinet: number;
let agency: number;
let irina: number;
let listings: number[];
let employeeId: number;

async function book(given: Pick<NewTransfer, 'id' | 'kind' | 'kopecks' | 'day'> & Partial<NewTransfer>): Promise<void> {
  const board = await systemAccount(base.db.pool, agencyId, 'board', cabinet);
  const about = { fromId: irina, toId: board, cabinetId: cabinet, listingId: listings[0]!, basis: 'day' as const };
  await transaction(base.db, (client) =>
    post(client, agencyId, { ...about, by: 'выгрузка', reason: 'день', ...given }, on(given.day)),
  );
}

beforeAll(async () => {
  base = await testDatabase();
  house = await stock(base.db, {}, on('2026-10-01'));
  ({ agencyId } = house);
  cabinet = await house.cabinet();
  const branchId = await ensureBranch(base.db, agencyId, 'Центр');
  const departmentId = await ensureDepartment(base.db, agencyId, branchId, 'Аренда');
  employeeId = await addEmployee(base.db, agencyId, {
    name: 'Ирина Соколова',
    phones: [],
    email: 'irina@example.ru',
    branchId,
    departmentId,
  });
  listings = await house.listings([{}, {}]);
  await base.db.pool.query('update listing set employee_id = $2 where id = any($1)', [listings, employeeId]);
  const open = async (kind: 'agency' | 'employee', ownerId: number | null) =>
    (await openAccount(base.db, agencyId, { kind, ownerId }, BY, on('2026-10-01'))).id;
  agency = await open('agency', null);
  irina = await open('employee', employeeId);

  await topUp(base.db, agencyId, agency, key('a', 100_000), on('2026-10-01'));
  await move(base.db, agencyId, agency, irina, key('b', 10_000), on('2026-10-02'));
  await book({ id: 'h1', kind: 'hold', kopecks: 300, day: '2026-10-31' });
  await book({ id: chargeOf('h1'), kind: 'charge', kopecks: 300, day: '2026-10-31', resolves: 'h1' });
  await book({ id: 'h2', kind: 'hold', kopecks: 500, day: '2026-11-01', listingId: listings[1]! });
  await book({
    id: releaseOf('h2'),
    kind: 'release',
    kopecks: 500,
    day: '2026-11-01',
    listingId: listings[1]!,
    resolves: 'h2',
  });
  await book({ id: 'c1', kind: 'charge', kopecks: 700, day: '2026-11-02', listingId: listings[1]! });
  // Paid back in November, for a day of October.
  const board = await systemAccount(base.db.pool, agencyId, 'board', cabinet);
  await book({
    id: refundOf(chargeOf('h1')),
    kind: 'refund',
    kopecks: 300,
    day: '2026-10-31',
    fromId: board,
    toId: irina,
    reverses: chargeOf('h1'),
  });
  await correct(base.db, agencyId, irina, 'from', key('c', 50), on('2026-11-03'));
  await book({ id: 'h3', kind: 'hold', kopecks: 40, day: '2026-11-03' });
});
afterAll(() => base.drop());

async function statementOf(ids: readonly number[], from: string, until: string, by: Grouping | null = null) {
  const all = await listAccounts(base.db.pool, agencyId, true);
  const accounts = ids.map((id) => all.find((account) => account.id === id)!);
  const statement = new Statement(by);
  const lines: string[] = [];
  for await (const part of readStatement(base.db, agencyId, accounts, { from, until })) {
    if ('account' in part) statement.open(part.account.id, part.account.name, part.opening);
    else for (const entry of part.entries) lines.push(`${entry.id} ${statement.add(entry).balanceKopecks}`);
  }
  return { statement, lines, accounts };
}

describe('a statement', () => {
  it('has what was before, each day in its order, and what is after', async () => {
    const { statement, lines } = await statementOf([irina], '2026-11-01', '2026-11-30', 'listing');
    expect(statement.accounts()).toEqual([
      {
        accountId: irina,
        account: 'Ирина Соколова',
        openingKopecks: 10_000,
        openingHeldKopecks: 0,
        entries: 5,
        inKopecks: 0,
        outKopecks: 750,
        heldKopecks: 40,
        closingKopecks: 9250,
        closingHeldKopecks: 40,
      },
    ]);
    expect(lines).toEqual(['h2 10000', 'h2:release 10000', 'c1 9300', 'correction:c 9250', 'h3 9250']);
    expect(statement.groups().map(({ key, outKopecks, entries }) => [key, outKopecks, entries])).toEqual([
      [String(listings[1]), 700, 3],
      [String(listings[0]), 0, 1],
      [null, 50, 1],
    ]);
  });

  it('has a refund in the period of its charge', async () => {
    const { statement } = await statementOf([irina], '2026-10-01', '2026-10-31');
    expect(statement.last()).toMatchObject({ inKopecks: 10_300, outKopecks: 300, closingKopecks: 10_000 });
  });

  it('of all accounts comes to what the accounts stand at, and to nothing with the bank and the boards', async () => {
    const all = await listAccounts(base.db.pool, agencyId, true);
    const { statement } = await statementOf(
      all.map(({ id }) => id),
      '2026-10-02',
      '2027-01-01',
      'account',
    );
    expect(
      statement.accounts().map(({ closingKopecks, closingHeldKopecks }) => [closingKopecks, closingHeldKopecks]),
    ).toEqual(all.map(({ balanceKopecks, heldKopecks }) => [balanceKopecks, heldKopecks]));
    expect(statement.totals()).toMatchObject({
      openingKopecks: 0,
      openingHeldKopecks: 0,
      heldKopecks: 0,
      closingKopecks: 0,
      closingHeldKopecks: 0,
    });
    expect(statement.totals().inKopecks).toBe(statement.totals().outKopecks);
    expect(await ledgerFaults(base.db, agencyId)).toEqual([]);
  });

  it('sees one moment, and gives its connection back to whoever stops early', async () => {
    const [account] = (await listAccounts(base.db.pool, agencyId)).filter(({ id }) => id === agency);
    const period = { from: '2026-10-01', until: '2027-01-01' };
    const reading = readStatement(base.db, agencyId, [account!], period);
    const first = await reading.next();
    expect(first.value).toMatchObject({ opening: { balance: 0, held: 0 } });
    await topUp(base.db, agencyId, agency, key('meanwhile', 1), on('2026-11-05'));
    const seen = (await reading.next()).value as { entries: { id: string }[] };
    expect(seen.entries.map(({ id }) => id)).toEqual(['topup:a', 'move:b']);
    await reading.return(undefined);
    expect(base.db.pool.totalCount - base.db.pool.idleCount).toBe(0);
    expect((await base.db.pool.query('show transaction_isolation')).rows).toEqual([
      { transaction_isolation: 'read committed' },
    ]);
  });

  it('reads in batches', async () => {
    const other = await stock(base.db, {}, on('2026-10-01'));
    const { id } = await openAccount(base.db, other.agencyId, { kind: 'agency', ownerId: null }, BY, on('2026-10-01'));
    const bank = await systemAccount(base.db.pool, other.agencyId, 'bank');
    // As a run would, by the thousand; the reader does not ask who wrote them.
    await base.db.pool.query(
      `insert into transfer (agency_id, id, kind, from_id, to_id, kopecks, day, at, by, reason)
       select $1, 't' || n, 'top-up', $2, $3, n, date '2026-10-01' + n % 30, now(), 'x', 'x' from generate_series(1, 4500) n`,
      [other.agencyId, bank, id],
    );
    const statement = new Statement(null);
    const sizes: number[] = [];
    const accounts = await listAccounts(base.db.pool, other.agencyId);
    const days: string[] = [];
    for await (const part of readStatement(base.db, other.agencyId, accounts, {
      from: '2026-10-01',
      until: '2026-10-31',
    })) {
      if ('account' in part) statement.open(part.account.id, part.account.name, part.opening);
      else {
        sizes.push(part.entries.length);
        for (const entry of part.entries) {
          statement.add(entry);
          days.push(entry.day);
        }
      }
    }
    expect(sizes).toEqual([2000, 2000, 500]);
    expect(days).toEqual([...days].sort());
    expect(statement.totals()).toMatchObject({ entries: 4500, inKopecks: (4500 * 4501) / 2 });
  });
});

describe('the ledger', () => {
  const ledger = async (
    id: number,
    query: Omit<Parameters<typeof listLedger>[3], 'limit'> & { limit?: number } = {},
  ) => {
    const account = (await listAccounts(base.db.pool, agencyId, true)).find((one) => one.id === id)!;
    return (await listLedger(base.db.pool, agencyId, account, { limit: 50, ...query })).map(
      ({ id: transfer, balanceKopecks, heldKopecks }) => `${transfer} ${balanceKopecks} ${heldKopecks}`,
    );
  };
  const ALL = [
    'move:b 10000 0',
    'h1 10000 300',
    'h1:charge 9700 0',
    'h2 9700 500',
    'h2:release 9700 0',
    'c1 9000 0',
    'h1:charge:refund 9300 0',
    'correction:c 9250 0',
    'h3 9250 40',
  ];

  it('tells what the account stood at after each transfer, in the order of booking', async () => {
    expect(await ledger(irina)).toEqual(ALL);
  });

  it.each([
    ['the newest', () => ({ limit: 2 }), ALL.slice(-2)],
    ['days', () => ({ from: '2026-11-01', until: '2026-11-02' }), ALL.slice(3, 6)],
    ['a listing', () => ({ listingId: listings[1]! }), ALL.slice(3, 6)],
    ['a board', () => ({ board: 'avito', limit: 1 }), ALL.slice(-1)],
    ['another board', () => ({ board: 'cian' }), []],
  ])('picks %s; the balance does not care what is left out', async (_, query, expected) => {
    expect(await ledger(irina, query())).toEqual(expected);
  });

  it('agrees with the law for every account: its last line is what the account stands at, each step is its effect', async () => {
    for (const account of await listAccounts(base.db.pool, agencyId, true)) {
      const lines = await listLedger(base.db.pool, agencyId, account, { limit: 1000 });
      expect(lines.length).toBe(account.entries);
      expect(lines.at(-1)).toMatchObject({
        balanceKopecks: account.balanceKopecks,
        heldKopecks: account.heldKopecks,
      });
      const walk = new Statement(null);
      walk.open(account.id, account.name, { balance: 0, held: 0 });
      for (const line of lines) {
        expect(walk.add(line).balanceKopecks).toBe(line.balanceKopecks);
        expect(walk.last()!.closingHeldKopecks).toBe(line.heldKopecks);
      }
    }
  });
});

it('accounts have their place and what they have spent', async () => {
  await changeAccount(base.db, agencyId, irina, { dayLimitKopecks: 5000 }, BY, on('2026-11-03'));
  const find = async (day: string) =>
    (await listPlacedAccounts(base.db.pool, agencyId, day)).find(({ id }) => id === irina)!;
  expect(await find('2026-11-03')).toMatchObject({
    name: 'Ирина Соколова',
    branch: 'Центр',
    department: 'Аренда',
    email: 'irina@example.ru',
    isActive: true,
    dayLimitKopecks: 5000,
    daySpentKopecks: 40,
    monthSpentKopecks: 740,
  });
  expect(await find('2026-10-31')).toMatchObject({ daySpentKopecks: 0, monthSpentKopecks: 0 });
  await changeEmployee(
    base.db,
    agencyId,
    employeeId,
    { isActive: false },
    { name: BY.name, person: null },
    on('2026-11-04'),
  );
  expect(await find('2026-11-04')).toMatchObject({ isActive: false });
  const placed = await listPlacedAccounts(base.db.pool, agencyId, '2026-11-03', true);
  expect(placed.map(({ kind }) => kind)).toEqual(['agency', 'employee', 'board', 'bank']);
});
