import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Purses } from '../../src/domain/funding.ts';
import { chargeOf, refundOf, releaseOf, TRANSFER_KINDS } from '../../src/domain/ledger.ts';
import { KOPECKS_MAX } from '../../src/domain/money.ts';
import { addEmployee, ensureBranch, ensureDepartment } from '../../src/store/agencies.ts';
import { type Database, transaction } from '../../src/store/database.ts';
import {
  apply,
  changeAccount,
  correct,
  listAccounts,
  listPurses,
  listTransfers,
  move,
  type NewTransfer,
  openAccount,
  post,
  refund,
  systemAccount,
  topUp,
} from '../../src/store/ledger.ts';
import { ledgerFaults } from './ledger-check.ts';
import { type Stock, stock } from './stock.ts';
import { testDatabase } from './testdb.ts';

let base: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  base = await testDatabase();
});
afterAll(() => base.drop());

const NOW = new Date('2026-11-22T09:00:00Z');
const DAY = '2026-11-22';
const BY = { name: 'Марина Волкова' };
const command = (key: string, kopecks: number) => ({ key, kopecks, reason: 'по плану', by: BY });
const rows = async <T extends object>(sql: string, values: unknown[] = []) =>
  (await base.db.pool.query<T>(sql, values)).rows as T[];

/** An agency with two accounts: the first has `kopecks`, the second nothing. */
interface Bank {
  readonly at: Stock;
  readonly agencyId: number;
  readonly cabinetId: number;
  readonly boardId: number;
  readonly first: number;
  readonly second: number;
}

async function bank(kopecks = 1000): Promise<Bank> {
  const at = await stock(base.db, {}, NOW);
  const { agencyId } = at;
  const cabinetId = await at.cabinet();
  const boardId = await systemAccount(base.db.pool, agencyId, 'board', cabinetId);
  const { id: first } = await openAccount(base.db, agencyId, { kind: 'agency', ownerId: null }, BY, NOW);
  const branchId = await ensureBranch(base.db, agencyId, 'Центр');
  const { id: second } = await openAccount(base.db, agencyId, { kind: 'branch', ownerId: branchId }, BY, NOW);
  if (kopecks > 0) await topUp(base.db, agencyId, first, command('start', kopecks), NOW);
  return { at, agencyId, cabinetId, boardId, first, second };
}

/** Posts one transfer as a run would, from the first account to the cabinet's. */
const book = (
  { agencyId, cabinetId, boardId, first }: Bank,
  given: Pick<NewTransfer, 'id' | 'kind' | 'kopecks'> & Partial<NewTransfer>,
) =>
  transaction(base.db, (client) =>
    post(
      client,
      agencyId,
      { fromId: first, toId: boardId, day: DAY, cabinetId, basis: 'day', by: 'выгрузка', reason: 'день', ...given },
      NOW,
    ),
  );

/** Everything about an agency's money, and what else a command about money touches. */
async function stateOf(agencyId: number): Promise<unknown> {
  const [found] = await rows(
    `select (select jsonb_agg(a order by id) from account a where agency_id = $1) as accounts,
       (select jsonb_agg(s order by account_id, period) from account_spending s where agency_id = $1) as spending,
       (select jsonb_agg(t order by seq) from transfer t where agency_id = $1) as transfers,
       (select jsonb_agg(j order by id) from journal j where agency_id = $1) as journal,
       (select jsonb_agg(c.due_at order by id) from cabinet c where agency_id = $1) as due`,
    [agencyId],
  );
  return found;
}

const sums = async (agencyId: number) =>
  Object.fromEntries(
    (await listAccounts(base.db.pool, agencyId, true)).map(({ id, balanceKopecks, heldKopecks }) => [
      id,
      [balanceKopecks, heldKopecks],
    ]),
  );
const bankId = ({ agencyId }: Bank) => systemAccount(base.db.pool, agencyId, 'bank');
const spent = async ({ agencyId, first }: Bank) =>
  Object.fromEntries(
    (
      await rows<{ period: string; kopecks: number }>(
        'select period, kopecks from account_spending where agency_id = $1 and account_id = $2',
        [agencyId, first],
      )
    ).map(({ period, kopecks }) => [period, kopecks]),
  );

async function refused(agencyId: number, work: () => Promise<unknown>, expected: object): Promise<void> {
  const before = await stateOf(agencyId);
  await expect(work()).rejects.toMatchObject(expected);
  expect(await stateOf(agencyId)).toEqual(before);
  expect(await ledgerFaults(base.db, agencyId)).toEqual([]);
}

describe('accounts', () => {
  it('are opened once, with the journal, and make the cabinets due', async () => {
    const at = await stock(base.db, {}, NOW);
    const cabinetId = await at.cabinet();
    await at.notDue();
    const owner = { kind: 'agency', ownerId: null } as const;
    const made = await openAccount(base.db, at.agencyId, owner, BY, NOW);
    expect(made.isNew).toBe(true);
    expect(await at.dueAt(cabinetId)).not.toBeNull();
    await at.notDue();
    expect(await openAccount(base.db, at.agencyId, owner, BY, NOW)).toEqual({ id: made.id, isNew: false });
    expect(await at.dueAt(cabinetId)).toBeNull();
    expect(await at.deeds()).toEqual([
      { action: 'account-opened', by: BY.name, listingId: null, facts: { account: made.id, ...owner } },
    ]);
    expect(await ledgerFaults(base.db, at.agencyId)).toEqual([]);
  });

  it('are listed down the tree with their names', async () => {
    const one = await bank();
    const branchId = await ensureBranch(base.db, one.agencyId, 'Центр');
    const departmentId = await ensureDepartment(base.db, one.agencyId, branchId, 'Аренда');
    const employeeId = await addEmployee(base.db, one.agencyId, {
      name: 'Ирина Соколова',
      phones: [],
      role: 'agent',
      branchId,
    });
    await openAccount(base.db, one.agencyId, { kind: 'employee', ownerId: employeeId }, BY, NOW);
    await openAccount(base.db, one.agencyId, { kind: 'department', ownerId: departmentId }, BY, NOW);
    const told = async (isAll: boolean) =>
      (await listAccounts(base.db.pool, one.agencyId, isAll)).map(({ name }) => name);
    expect(await told(false)).toEqual(['агентство', 'филиал Центр', 'отдел Аренда', 'Ирина Соколова']);
    expect((await told(true)).slice(4)).toEqual(['avito / main', 'внешний счёт']);
  });

  it('are changed with the journal and a new seal', async () => {
    const one = await bank();
    await one.at.notDue();
    const monthly = { kopecks: 500, on: 1, fromId: null };
    await changeAccount(base.db, one.agencyId, one.first, { overdraftKopecks: 300, monthly }, BY, NOW);
    await changeAccount(base.db, one.agencyId, one.first, { dayLimitKopecks: 200 }, BY, NOW);
    expect(await one.at.dueAt(one.cabinetId)).not.toBeNull();
    expect((await listAccounts(base.db.pool, one.agencyId))[0]).toMatchObject({
      balanceKopecks: 1000,
      overdraftKopecks: 300,
      availableKopecks: 1300,
      dayLimitKopecks: 200,
      monthLimitKopecks: null,
      monthly,
    });
    await changeAccount(base.db, one.agencyId, one.first, { dayLimitKopecks: null, monthly: null }, BY, NOW);
    expect((await listAccounts(base.db.pool, one.agencyId))[0]).toMatchObject({ dayLimitKopecks: null, monthly: null });
    expect((await one.at.deeds()).slice(-1)).toMatchObject([
      {
        action: 'account-changed',
        facts: { account: one.first, from: { dayLimitKopecks: 200, overdraftKopecks: 300 }, to: { monthly: null } },
      },
    ]);
    expect(await ledgerFaults(base.db, one.agencyId)).toEqual([]);
  });

  it('keep the overdraft that is in use', async () => {
    const one = await bank(100);
    await changeAccount(base.db, one.agencyId, one.first, { overdraftKopecks: 500 }, BY, NOW);
    await book(one, { id: 'a', kind: 'charge', kopecks: 250 });
    await book(one, { id: 'b', kind: 'hold', kopecks: 50 });
    const lower = (overdraftKopecks: number) =>
      changeAccount(base.db, one.agencyId, one.first, { overdraftKopecks }, BY, NOW);
    await refused(one.agencyId, () => lower(199), { name: 'Refusal', code: 'overdraft-in-use' });
    await lower(200);
    expect((await listAccounts(base.db.pool, one.agencyId))[0]).toMatchObject({ availableKopecks: 0 });
  });

  it('of others, of a cabinet and of the world outside are out of reach', async () => {
    const one = await bank();
    const other = await bank();
    const unknown = { name: 'Refusal', code: 'account-unknown', exit: 2 };
    for (const id of [one.boardId, await bankId(one), other.first, 987_654_321]) {
      for (const work of [
        () => topUp(base.db, one.agencyId, id, command('x', 5), NOW),
        () => move(base.db, one.agencyId, id, one.first, command('x', 5), NOW),
        () => move(base.db, one.agencyId, one.first, id, command('x', 5), NOW),
        () => correct(base.db, one.agencyId, id, 'to', command('x', 5), NOW),
        () => changeAccount(base.db, one.agencyId, id, { dayLimitKopecks: 5 }, BY, NOW),
      ]) {
        await expect(work()).rejects.toMatchObject(unknown);
      }
    }
    await book(other, { id: 'c', kind: 'charge', kopecks: 10 });
    await refused(one.agencyId, () => refund(base.db, one.agencyId, 'c', 'ошибка', BY, NOW), {
      code: 'charge-unknown',
    });
    // Nobody's money pays for another agency, even if a program asks for it.
    await refused(one.agencyId, () => book(one, { id: 'd', kind: 'charge', kopecks: 10, fromId: other.first }), {
      name: 'Fault',
      code: 'account-missing',
    });
    for (const { agencyId } of [one, other]) expect(await ledgerFaults(base.db, agencyId)).toEqual([]);
  });
});

describe('commands about money', () => {
  it('move it, write it down, and let those who waited go', async () => {
    const one = await bank();
    const world = await bankId(one);
    await one.at.notDue();
    expect(await move(base.db, one.agencyId, one.first, one.second, command('a', 300), NOW)).toEqual({
      id: 'move:a',
      isNew: true,
    });
    expect(await one.at.dueAt(one.cabinetId)).not.toBeNull();
    await correct(base.db, one.agencyId, one.second, 'from', command('a', 100), NOW);
    await correct(base.db, one.agencyId, one.first, 'to', command('b', 1), NOW);
    expect(await sums(one.agencyId)).toEqual({
      [world]: [-901, 0],
      [one.boardId]: [0, 0],
      [one.first]: [701, 0],
      [one.second]: [200, 0],
    });
    expect((await one.at.deeds()).slice(2)).toEqual(
      [
        ['money-top-up', 'topup:start', 1000],
        ['money-move', 'move:a', 300],
        ['money-correction', 'correction:a', 100],
        ['money-correction', 'correction:b', 1],
      ].map(([action, transfer, kopecks]) => ({
        action,
        by: BY.name,
        listingId: null,
        facts: { transfer, kopecks, reason: 'по плану' },
      })),
    );
    // No limit counts what goes from one account of ours to another.
    expect(await spent(one)).toEqual({});
    const told = await listTransfers(base.db.pool, one.agencyId, { accountId: one.second });
    expect(told.map(({ id, kind, kopecks, day, by }) => [id, kind, kopecks, day, by])).toEqual([
      ['move:a', 'move', 300, DAY, BY.name],
      ['correction:a', 'correction', 100, DAY, BY.name],
    ]);
    expect(await ledgerFaults(base.db, one.agencyId)).toEqual([]);
  });

  it('take no sum that is none, and no account twice', async () => {
    const one = await bank();
    for (const kopecks of [0, -1, 0.5, 1e-7, Number.NaN, Number.POSITIVE_INFINITY, KOPECKS_MAX + 1, 2 ** 60]) {
      const bad = { name: 'Refusal', code: 'bad-sum', exit: 2 };
      await refused(one.agencyId, async () => topUp(base.db, one.agencyId, one.first, command('x', kopecks), NOW), bad);
      await refused(
        one.agencyId,
        async () => move(base.db, one.agencyId, one.first, one.second, command('x', kopecks), NOW),
        bad,
      );
      await refused(
        one.agencyId,
        async () => correct(base.db, one.agencyId, one.first, 'to', command('x', kopecks), NOW),
        bad,
      );
    }
    await refused(one.agencyId, async () => move(base.db, one.agencyId, one.first, one.first, command('x', 5), NOW), {
      code: 'same-account',
    });
  });

  it('are refused by the account that has too little, to the kopeck', async () => {
    const one = await bank(100);
    const short = { name: 'Refusal', code: 'account-short' };
    await refused(one.agencyId, () => move(base.db, one.agencyId, one.first, one.second, command('a', 101), NOW), {
      ...short,
      message: expect.stringMatching(/^На счёте «агентство» не хватает 0,01\s₽, чтобы взять 1,01\s₽\.$/),
    });
    await refused(one.agencyId, () => correct(base.db, one.agencyId, one.first, 'from', command('a', 101), NOW), short);
    await refused(one.agencyId, () => book(one, { id: 'a', kind: 'hold', kopecks: 101 }), short);
    await refused(one.agencyId, () => book(one, { id: 'a', kind: 'charge', kopecks: 101 }), short);
    await book(one, { id: 'a', kind: 'hold', kopecks: 60 });
    await refused(one.agencyId, () => book(one, { id: 'b', kind: 'charge', kopecks: 41 }), short);
    await book(one, { id: 'b', kind: 'charge', kopecks: 40 });
    // The refused key is free for what the account can pay.
    await book(one, { id: chargeOf('a'), kind: 'charge', kopecks: 60, resolves: 'a' });
    expect((await sums(one.agencyId))[one.first]).toEqual([0, 0]);
    expect(await ledgerFaults(base.db, one.agencyId)).toEqual([]);
  });

  it('are held against the limits of the day and the month', async () => {
    const one = await bank(100_000);
    await changeAccount(base.db, one.agencyId, one.first, { dayLimitKopecks: 100, monthLimitKopecks: 250 }, BY, NOW);
    const [nov29, nov30, dec1] = ['2026-11-29', '2026-11-30', '2026-12-01'];
    await book(one, { id: 'a', kind: 'hold', kopecks: 60, day: nov29 });
    await book(one, { id: 'b', kind: 'charge', kopecks: 40, day: nov29 });
    const day = { code: 'account-short', message: expect.stringContaining('Дневной лимит') };
    const month = { code: 'account-short', message: expect.stringContaining('Месячный лимит') };
    await refused(one.agencyId, () => book(one, { id: 'c', kind: 'charge', kopecks: 1, day: nov29 }), day);
    await book(one, { id: 'c', kind: 'charge', kopecks: 100, day: nov30 });
    await refused(one.agencyId, () => book(one, { id: 'd', kind: 'hold', kopecks: 51, day: '2026-11-28' }), month);
    await book(one, { id: 'd', kind: 'hold', kopecks: 50, day: '2026-11-28' });
    await book(one, { id: 'e', kind: 'charge', kopecks: 100, day: dec1 });
    // A hold that becomes a charge was counted when it was made.
    await book(one, { id: chargeOf('a'), kind: 'charge', kopecks: 60, day: nov29, resolves: 'a' });
    expect(await spent(one)).toEqual({
      '2026-11-28': 50,
      [nov29]: 100,
      [nov30]: 100,
      [dec1]: 100,
      '2026-11': 250,
      '2026-12': 100,
    });
    // What comes back makes room.
    await book(one, { id: releaseOf('d'), kind: 'release', kopecks: 50, day: '2026-11-28', resolves: 'd' });
    await refund(base.db, one.agencyId, 'b', 'ошибка', BY, NOW);
    expect(await spent(one)).toMatchObject({ '2026-11-28': 0, [nov29]: 60, '2026-11': 160 });
    await book(one, { id: 'f', kind: 'charge', kopecks: 40, day: nov29 });
    await refused(one.agencyId, () => book(one, { id: 'g', kind: 'charge', kopecks: 1, day: nov29 }), day);
    // A limit that was lowered below what is spent stops what is new, and nothing that gives back.
    await changeAccount(base.db, one.agencyId, one.first, { dayLimitKopecks: 10, monthLimitKopecks: 10 }, BY, NOW);
    await refund(base.db, one.agencyId, 'f', 'ошибка', BY, NOW);
    expect(await ledgerFaults(base.db, one.agencyId)).toEqual([]);
  });
});

describe('the same key', () => {
  it('with the same sum is the same transfer, even when the account could not pay it again', async () => {
    const one = await bank(100);
    const again = () => move(base.db, one.agencyId, one.first, one.second, command('k', 100), NOW);
    expect(await again()).toEqual({ id: 'move:k', isNew: true });
    const before = await stateOf(one.agencyId);
    expect(await again()).toEqual({ id: 'move:k', isNew: false });
    expect(await stateOf(one.agencyId)).toEqual(before);
    await book(one, { id: 'free', kind: 'hold', kopecks: 1, fromId: one.second });
    expect(await book(one, { id: 'free', kind: 'hold', kopecks: 1, fromId: one.second })).toBe(false);
    expect(await ledgerFaults(base.db, one.agencyId)).toEqual([]);
  });

  it('with anything else is a fault, loudly, and changes nothing (T15)', async () => {
    const one = await bank();
    await move(base.db, one.agencyId, one.first, one.second, command('k', 100), NOW);
    await correct(base.db, one.agencyId, one.first, 'to', command('k', 100), NOW);
    await book(one, { id: 'h', kind: 'hold', kopecks: 100 });
    const differs = { name: 'Fault', code: 'transfer-differs' };
    for (let kopecks = 1; kopecks <= 200; kopecks++) {
      if (kopecks === 100) continue;
      await expect(
        move(base.db, one.agencyId, one.first, one.second, command('k', kopecks), NOW),
      ).rejects.toMatchObject({ ...differs, message: expect.stringContaining('уже проведён иначе: перевод на 1') });
    }
    for (const work of [
      () => topUp(base.db, one.agencyId, one.first, command('start', 999), NOW),
      () => topUp(base.db, one.agencyId, one.second, command('start', 1000), NOW),
      () => move(base.db, one.agencyId, one.second, one.first, command('k', 100), NOW),
      () => correct(base.db, one.agencyId, one.first, 'from', command('k', 100), NOW),
      () => correct(base.db, one.agencyId, one.second, 'to', command('k', 100), NOW),
      () => book(one, { id: 'h', kind: 'charge', kopecks: 100 }),
      () => book(one, { id: 'h', kind: 'hold', kopecks: 101 }),
      () => book(one, { id: 'h', kind: 'hold', kopecks: 100, fromId: one.second }),
    ]) {
      await refused(one.agencyId, work, differs);
    }
  });
});

describe('holds', () => {
  it('end once, whole, and only where there is one', async () => {
    const one = await bank();
    await book(one, { id: 'a', kind: 'hold', kopecks: 100 });
    await book(one, { id: 'b', kind: 'hold', kopecks: 100 });
    await transaction(base.db, (client) =>
      post(
        client,
        one.agencyId,
        { id: 'c', kind: 'charge', fromId: one.first, toId: one.boardId, kopecks: 100, day: DAY, by: '', reason: '' },
        NOW,
      ),
    );
    const unfounded = { name: 'Fault', code: 'transfer-unfounded' };
    for (const wrong of [
      { id: 'x', kind: 'release', kopecks: 100, resolves: 'nothing' },
      { id: 'x', kind: 'charge', kopecks: 100, resolves: 'c' },
      { id: 'x', kind: 'charge', kopecks: 100, resolves: 'topup:start' },
      { id: 'x', kind: 'release', kopecks: 99, resolves: 'a' },
      { id: 'x', kind: 'charge', kopecks: 101, resolves: 'a' },
      { id: 'x', kind: 'charge', kopecks: 100, resolves: 'a', fromId: one.second },
      { id: 'x', kind: 'release', kopecks: 100, resolves: 'a', toId: one.second },
      { id: 'x', kind: 'refund', kopecks: 100, reverses: 'a', fromId: one.boardId, toId: one.first },
      { id: 'x', kind: 'refund', kopecks: 99, reverses: 'c', fromId: one.boardId, toId: one.first },
      { id: 'x', kind: 'refund', kopecks: 100, reverses: 'c' },
    ] as const) {
      await refused(one.agencyId, () => book(one, wrong), unfounded);
    }
    await book(one, { id: chargeOf('a'), kind: 'charge', kopecks: 100, resolves: 'a' });
    const differs = {
      name: 'Fault',
      code: 'transfer-differs',
      message: expect.stringContaining('уже закрыт другим переводом'),
    };
    await refused(
      one.agencyId,
      () => book(one, { id: releaseOf('a'), kind: 'release', kopecks: 100, resolves: 'a' }),
      differs,
    );
    await book(one, { id: releaseOf('b'), kind: 'release', kopecks: 100, resolves: 'b' });
    await refused(
      one.agencyId,
      () => book(one, { id: chargeOf('b'), kind: 'charge', kopecks: 100, resolves: 'b' }),
      differs,
    );
    expect((await sums(one.agencyId))[one.first]).toEqual([800, 0]);
  });
});

describe('a refund', () => {
  it('is paid once, whole, on the day of the charge', async () => {
    const one = await bank();
    const [listingId] = (await one.at.listings([{}])) as [number];
    await book(one, { id: 'h', kind: 'hold', kopecks: 90, day: '2026-11-20', listingId });
    await book(one, {
      id: chargeOf('h'),
      kind: 'charge',
      kopecks: 90,
      day: '2026-11-20',
      listingId,
      resolves: 'h',
    });
    await one.at.notDue();
    const id = refundOf(chargeOf('h'));
    expect(await refund(base.db, one.agencyId, chargeOf('h'), 'доска не показала', BY, NOW)).toEqual({
      id,
      kopecks: 90,
    });
    expect((await listTransfers(base.db.pool, one.agencyId)).at(-1)).toMatchObject({
      id,
      kind: 'refund',
      fromId: one.boardId,
      toId: one.first,
      kopecks: 90,
      day: '2026-11-20',
      listingId,
      reverses: chargeOf('h'),
      by: BY.name,
      reason: 'доска не показала',
    });
    expect((await one.at.deeds()).at(-1)).toMatchObject({ action: 'money-refund', listingId });
    expect(await one.at.dueAt(one.cabinetId)).not.toBeNull();
    const again = () => refund(base.db, one.agencyId, chargeOf('h'), 'ещё раз', BY, NOW);
    await refused(one.agencyId, again, { name: 'Refusal', code: 'already-refunded' });
    for (const what of ['h', id, 'topup:start', 'nothing', '']) {
      await refused(one.agencyId, () => refund(base.db, one.agencyId, what, 'ошибка', BY, NOW), {
        code: 'charge-unknown',
      });
    }
    expect((await sums(one.agencyId))[one.first]).toEqual([1000, 0]);
  });

  it('of what is not over yet is refused', async () => {
    const one = await bank();
    const [listingId] = (await one.at.listings([{}])) as [number];
    await rows(
      `insert into mark (agency_id, cabinet_id, listing_id, marked_at, ordinal, board_offer_id) values ($1, $2, $3, $4, 0, 'x')`,
      [one.agencyId, one.cabinetId, listingId, NOW],
    );
    await rows(
      `insert into mark_outcome (agency_id, cabinet_id, listing_id, outcome, input_key, content_key, since, decided_at)
       values ($1, $2, $3, 'published', '', '', $4, $4)`,
      [one.agencyId, one.cabinetId, listingId, NOW],
    );
    await book(one, { id: 'yesterday', kind: 'charge', kopecks: 90, day: '2026-11-21', listingId });
    await book(one, { id: 'today', kind: 'charge', kopecks: 90, listingId });
    const back = (id: string) => refund(base.db, one.agencyId, id, 'ошибка', BY, NOW);
    await refused(one.agencyId, () => back('today'), { name: 'Refusal', code: 'still-published' });
    await back('yesterday');
    await rows(`update mark_outcome set outcome = 'paused' where agency_id = $1`, [one.agencyId]);
    await back('today');
    // Of a placement while it lasts, whatever has become of the listing.
    await rows(
      `insert into placement (agency_id, cabinet_id, listing_id, from_on, until_on) values ($1, $2, $3, '2026-11-01', $4)`,
      [one.agencyId, one.cabinetId, listingId, DAY],
    );
    const month = { kind: 'charge', kopecks: 90, day: '2026-11-01', listingId, basis: 'placement' } as const;
    await book(one, { id: 'month', ...month });
    await refused(one.agencyId, () => back('month'), { name: 'Refusal', code: 'placement-running' });
    await refund(base.db, one.agencyId, 'month', 'ошибка', BY, new Date('2026-11-23T09:00:00Z'));
    expect(await ledgerFaults(base.db, one.agencyId)).toEqual([]);
  });
});

describe('purses', () => {
  it('grant what the ledger then accepts, and no kopeck less', async () => {
    const one = await bank(1000);
    await changeAccount(
      base.db,
      one.agencyId,
      one.first,
      { overdraftKopecks: 200, dayLimitKopecks: 700, monthLimitKopecks: 900 },
      BY,
      NOW,
    );
    await book(one, { id: 'held', kind: 'hold', kopecks: 150 });
    await book(one, { id: 'charged', kind: 'charge', kopecks: 50, day: '2026-11-21' });
    const [first, second] = await listPurses(base.db.pool, one.agencyId, [DAY, '2026-12-01']);
    expect(first).toEqual({
      id: one.first,
      name: 'агентство',
      availableKopecks: 1000,
      dayLimitKopecks: 700,
      monthLimitKopecks: 900,
      spent: { [DAY]: 150, '2026-11': 200 },
    });
    expect(second).toMatchObject({ name: 'филиал Центр', availableKopecks: 0, spent: {} });
    const purses = new Purses([first!]);
    const asked = [
      [300, DAY],
      [250, DAY],
      [450, '2026-12-01'],
    ] as const;
    expect(asked.map(([kopecks, day]) => purses.take(one.first, kopecks, day))).toEqual([true, true, true]);
    expect([
      purses.take(one.first, 1, DAY),
      purses.take(one.first, 1, '2026-11-30'),
      purses.take(one.first, 1, '2026-12-01'),
    ]).toEqual([false, false, false]);
    const moved = (kopecks: number, day: string) => ({
      fromId: one.first,
      toId: one.boardId,
      kind: 'charge' as const,
      resolves: false,
      day,
      kopecks,
      count: 1,
    });
    const tried = (all: Parameters<typeof apply>[2]) =>
      transaction(base.db, (client) => apply(client, one.agencyId, all));
    const before = await stateOf(one.agencyId);
    // One more kopeck of any of them, and the ledger says which limit is in the way; nothing is changed then.
    const all = asked.map(([kopecks, day]) => moved(kopecks, day));
    expect(await tried([...all, moved(1, DAY)])).toEqual([
      { accountId: one.first, cause: 'balance', missingKopecks: 1 },
      { accountId: one.first, cause: 'day-limit', missingKopecks: 1 },
    ]);
    expect(await tried([moved(701, '2026-11-30')])).toEqual([
      { accountId: one.first, cause: 'day-limit', missingKopecks: 1 },
      { accountId: one.first, cause: 'month-limit', missingKopecks: 1 },
    ]);
    expect(await stateOf(one.agencyId)).toEqual(before);
    for (const [index, [kopecks, day]] of asked.entries()) {
      await book(one, { id: `asked ${index}`, kind: 'charge', kopecks, day });
    }
    expect((await listPurses(base.db.pool, one.agencyId, [DAY], [one.first]))[0]).toMatchObject({
      availableKopecks: 0,
      spent: { [DAY]: 700, '2026-11': 750 },
    });
    expect(await ledgerFaults(base.db, one.agencyId)).toEqual([]);
  });
});

/** One row in every money table that is never changed. */
async function fullTables(one: Bank): Promise<void> {
  const [listingId] = (await one.at.listings([{}])) as [number];
  await rows(
    `insert into mark (agency_id, cabinet_id, listing_id, marked_at, ordinal, board_offer_id) values ($1, $2, $3, $4, 0, 'x')`,
    [one.agencyId, one.cabinetId, listingId, NOW],
  );
  const key = [one.agencyId, one.cabinetId];
  await rows(
    `insert into tariff (agency_id, cabinet_id, valid_from, terms, by, created_at) values ($1, $2, '2026-12-01', '{"lines": [{"kopecks": 100}]}', 'x', $3)`,
    [...key, NOW],
  );
  await rows(
    `insert into promotion (agency_id, cabinet_id, listing_id, level, days, from_on, kopecks, by, at) values ($1, $2, $3, 'x2', 7, '2026-12-01', 5, 'x', $4)`,
    [...key, listingId, NOW],
  );
  await rows(
    `insert into waiver (agency_id, cabinet_id, listing_id, day, kopecks, reason, at) values ($1, $2, $3, '2026-11-21', 5, 'x', $4)`,
    [...key, listingId, NOW],
  );
  await rows(
    `with r as (insert into board_report (agency_id, cabinet_id, name, sha256, by, at, rows, known) values ($1, $2, 'x.csv', 'x', 'x', $3, 1, 0) returning id)
     insert into board_charge (agency_id, cabinet_id, key, report_id, day, service, kopecks) select $1, $2, 'k', r.id, '2026-11-21', 'x', 5 from r`,
    [...key, NOW],
  );
}

const FINAL = ['transfer', 'tariff', 'promotion', 'waiver', 'board_report', 'board_charge'] as const;

describe('the database itself', () => {
  let one: Bank;
  beforeAll(async () => {
    one = await bank();
    await fullTables(one);
  });

  const never = { code: '23001', message: expect.stringContaining('never changed or removed') };
  it.each(FINAL)('lets nobody change or remove a row of %s, not even its owner', async (table) => {
    const [owner] = await rows<{ isOwner: boolean }>(
      `select pg_get_userbyid(relowner) = current_user as "isOwner" from pg_class where oid = $1::regclass`,
      [table],
    );
    expect(owner).toEqual({ isOwner: true });
    const before = await rows(`select * from ${table} order by 1, 2`);
    expect(before.length).toBeGreaterThan(0);
    for (const statement of [
      `update ${table} set kopecks = 1`,
      `update ${table} set seal = 'x' where false`,
      `update ${table} set agency_id = agency_id`,
      `delete from ${table}`,
      `delete from ${table} where false`,
      `truncate ${table} cascade`,
      `truncate agency cascade`,
      `with gone as (delete from ${table} returning *) select count(*) from gone`,
      `merge into ${table} t using (select 1) s on true when matched then delete`,
      `merge into ${table} t using (select 1) s on true when matched then update set seal = 'x'`,
    ]) {
      if ((table === 'tariff' || table === 'board_report') && statement.includes('kopecks')) continue;
      await expect(rows(statement), statement).rejects.toMatchObject(never);
    }
    expect(await rows(`select * from ${table} order by 1, 2`)).toEqual(before);
  });

  it('lets no transfer be written over', async () => {
    await expect(
      rows(
        `insert into transfer (agency_id, id, kind, from_id, to_id, kopecks, day, at, by, reason)
         select agency_id, id, kind, from_id, to_id, kopecks, day, at, by, reason from transfer where agency_id = $1
         on conflict (agency_id, id) do update set kopecks = excluded.kopecks + 1`,
        [one.agencyId],
      ),
    ).rejects.toMatchObject(never);
  });

  it('keeps accounts above their limits, whoever changes them', async () => {
    const overdrawn = { code: '23514', constraint: 'account_not_overdrawn' };
    const change = (set: string, id = one.first) =>
      rows(`update account set ${set} where agency_id = $1 and id = $2`, [one.agencyId, id]);
    await expect(change('balance_kopecks = -1')).rejects.toMatchObject(overdrawn);
    await expect(change('balance_kopecks = balance_kopecks - 1001')).rejects.toMatchObject(overdrawn);
    await expect(change('held_kopecks = 1001')).rejects.toMatchObject(overdrawn);
    await expect(change('held_kopecks = -1')).rejects.toMatchObject({ constraint: 'account_holds' });
    for (const set of ['overdraft_kopecks = -1', 'day_limit_kopecks = -1', 'month_limit_kopecks = -1']) {
      await expect(change(set)).rejects.toMatchObject({ constraint: 'account_limits' });
    }
    for (const statement of ['delete from account', 'delete from account where false', 'truncate account cascade']) {
      await expect(rows(statement)).rejects.toMatchObject(never);
    }
    await expect(
      rows(`insert into account (agency_id, kind, owner_id) values ($1, 'agency', null)`, [one.agencyId]),
    ).rejects.toMatchObject({ code: '23505' });
  });

  it('takes no transfer that moves nothing or ends something twice', async () => {
    const write = (
      given: Partial<Record<'id' | 'kind' | 'from' | 'to' | 'kopecks' | 'resolves' | 'reverses', unknown>>,
    ) =>
      rows(
        `insert into transfer (agency_id, id, kind, from_id, to_id, kopecks, day, at, resolves, reverses, by, reason)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'x', 'x')`,
        [
          one.agencyId,
          given.id ?? 'w',
          given.kind ?? 'move',
          given.from ?? one.first,
          given.to ?? one.boardId,
          given.kopecks ?? 5,
          DAY,
          NOW,
          given.resolves ?? null,
          given.reverses ?? null,
        ],
      );
    const moves = { code: '23514', constraint: 'transfer_moves' };
    await expect(write({ kopecks: 0 })).rejects.toMatchObject(moves);
    await expect(write({ kopecks: -5 })).rejects.toMatchObject(moves);
    await expect(write({ to: one.first })).rejects.toMatchObject(moves);
    await expect(write({ kopecks: '0.5' })).rejects.toMatchObject({ code: '22P02' });
    await expect(write({ kopecks: '9223372036854775808' })).rejects.toMatchObject({ code: '22003' });
    await expect(write({ kind: 'release' })).rejects.toMatchObject({ constraint: 'transfer_resolves' });
    for (const kind of TRANSFER_KINDS) {
      if (kind === 'charge' || kind === 'release') continue;
      await expect(write({ kind, resolves: 'h' })).rejects.toMatchObject({ constraint: 'transfer_resolves' });
    }
    await expect(write({ id: 'topup:start' })).rejects.toMatchObject({ constraint: 'transfer_agency_id_id_pk' });

    const other = await bank();
    await book(other, { id: 'h', kind: 'hold', kopecks: 5 });
    await book(other, { id: 'h:charge', kind: 'charge', kopecks: 5, resolves: 'h' });
    await refund(base.db, other.agencyId, 'h:charge', 'ошибка', BY, NOW);
    const copy = (id: string) =>
      rows(
        `insert into transfer (agency_id, id, kind, from_id, to_id, kopecks, day, at, resolves, reverses, by, reason)
         select agency_id, id || ' again', kind, from_id, to_id, kopecks, day, at, resolves, reverses, by, reason from transfer where agency_id = $1 and id = $2`,
        [other.agencyId, id],
      );
    await expect(copy('h:charge')).rejects.toMatchObject({ constraint: 'transfer_agency_id_resolves_index' });
    await expect(copy('h:charge:refund')).rejects.toMatchObject({ constraint: 'transfer_agency_id_reverses_index' });
    for (const { agencyId } of [one, other]) expect(await ledgerFaults(base.db, agencyId)).toEqual([]);
  });

  it('seals what is written, and nobody brings a seal of their own', async () => {
    await rows(
      `insert into waiver (agency_id, cabinet_id, listing_id, day, kopecks, reason, at, seal)
       select agency_id, cabinet_id, listing_id, day + 1, kopecks, reason, at, seal from waiver where agency_id = $1`,
      [one.agencyId],
    );
    const seals = await rows<{ seal: string }>('select seal from waiver where agency_id = $1', [one.agencyId]);
    expect(new Set(seals.map(({ seal }) => seal)).size).toBe(2);
    expect(await ledgerFaults(base.db, one.agencyId)).toEqual([]);
  });

  it('finds the same seals whatever the session is set to', async () => {
    const client = await base.db.pool.connect();
    try {
      for (const setting of [
        "datestyle = 'SQL, DMY'",
        "datestyle = 'German'",
        "timezone = 'Asia/Kamchatka'",
        "intervalstyle = 'iso_8601'",
        'extra_float_digits = -15',
        "bytea_output = 'escape'",
        "client_encoding = 'WIN1251'",
        'search_path = pg_catalog, public',
      ]) {
        await client.query(`set ${setting}`);
      }
      for (const table of [...FINAL, 'account']) {
        const found = await client.query<{ good: number; all: number }>(
          `select count(*) filter (where seal = seal_of(t))::int as good, count(*)::int as all from ${table} t where agency_id = $1`,
          [one.agencyId],
        );
        expect(found.rows[0]!.all).toBeGreaterThan(0);
        expect(found.rows[0]!.good).toBe(found.rows[0]!.all);
      }
    } finally {
      client.release(true);
    }
  });
});

describe('the state checker', () => {
  // Whoever has the server can go past the triggers. Every column is spoiled once, and every one is noticed.
  it('notices every column of every money table', async () => {
    const one = await bank();
    await fullTables(one);
    await book(one, { id: 'h', kind: 'hold', kopecks: 5 });
    await book(one, { id: 'h:charge', kind: 'charge', kopecks: 5, resolves: 'h' });
    await book(one, { id: 'open', kind: 'hold', kopecks: 5 });
    await refund(base.db, one.agencyId, 'h:charge', 'ошибка', BY, NOW);
    expect(await ledgerFaults(base.db, one.agencyId)).toEqual([]);
    const columns = await rows<{ table: string; column: string; type: string }>(
      `select table_name as table, column_name as column, data_type as type from information_schema.columns
       where table_schema = 'public' and table_name = any($1) and column_name <> 'agency_id' and is_identity = 'NO' order by 1, 2`,
      [[...FINAL, 'account', 'account_spending']],
    );
    const client = await base.db.pool.connect();
    const spoiling: Database = {
      ...base.db,
      pool: { query: client.query.bind(client) } as unknown as Database['pool'],
    };
    try {
      for (const { table, column, type } of columns) {
        const was = `t."${column}"`;
        const next =
          type === 'jsonb'
            ? `coalesce(${was}, '{}') || '{"spoiled": 1}'`
            : type === 'text'
              ? `coalesce(${was}, '') || '~'`
              : type === 'date'
                ? `coalesce(${was}, '2026-11-01') + 1`
                : type.startsWith('timestamp')
                  ? `${was} + interval '1 ms'`
                  : `coalesce(${was}, 0) + 1`;
        await client.query('begin');
        await client.query('set local session_replication_role = replica');
        const which = `select ctid from ${table} where agency_id = $1 order by 1 desc limit 1`;
        const faults = await client
          .query(`update ${table} t set "${column}" = ${next} where agency_id = $1 and ctid = (${which})`, [
            one.agencyId,
          ])
          .then(
            ({ rowCount }) => (rowCount === 1 ? ledgerFaults(spoiling, one.agencyId) : []),
            // A constraint has noticed it.
            ({ code }: { code: string }) => (code === '23514' ? [code] : Promise.reject(code)),
          );
        expect(faults, `${table}.${column}`).not.toEqual([]);
        await client.query('rollback');
      }
      for (const table of ['transfer', 'account_spending']) {
        await client.query('begin');
        await client.query('set local session_replication_role = replica');
        await client.query(`delete from ${table} where agency_id = $1`, [one.agencyId]);
        expect(await ledgerFaults(spoiling, one.agencyId), table).not.toEqual([]);
        await client.query('rollback');
      }
    } finally {
      await client.query('rollback');
      client.release();
    }
    expect(await ledgerFaults(base.db, one.agencyId)).toEqual([]);
  });
});

describe('a connection that is cut', () => {
  /** The database of somebody whose connection breaks after so many statements. */
  function cutAfter(statements: number): { readonly db: Database; readonly isCut: () => boolean } {
    let left = statements;
    const connect = async () => {
      const client = await base.db.pool.connect();
      const [{ pid }] = (await client.query('select pg_backend_pid() as pid')).rows as [{ pid: number }];
      return new Proxy(client, {
        get(target, name) {
          // The pool may not know yet that the connection is gone.
          if (name === 'release') return (error?: Error) => target.release(left <= 0 || error);
          if (name !== 'query') return Reflect.get(target, name);
          return async (...given: Parameters<typeof client.query>) => {
            const answer = await target.query(...given);
            if (--left === 0) await rows('select pg_terminate_backend($1)', [pid]);
            return answer;
          };
        },
      });
    };
    return { db: { ...base.db, pool: { connect } as unknown as Database['pool'] }, isCut: () => left <= 0 };
  }

  const commands: [string, (one: Bank, db: Database) => Promise<unknown>][] = [
    ['a top-up', (one, db) => topUp(db, one.agencyId, one.first, command('k', 70), NOW)],
    ['a move', (one, db) => move(db, one.agencyId, one.first, one.second, command('k', 70), NOW)],
    ['a correction', (one, db) => correct(db, one.agencyId, one.first, 'from', command('k', 70), NOW)],
    ['an account', (one, db) => openAccount(db, one.agencyId, { kind: 'employee', ownerId: 7 }, BY, NOW)],
    ['a change', (one, db) => changeAccount(db, one.agencyId, one.first, { overdraftKopecks: 5 }, BY, NOW)],
    ['a refund', (one, db) => refund(db, one.agencyId, 'c', 'ошибка', BY, NOW)],
    [
      'a charge',
      (one, db) =>
        transaction(db, (client) =>
          post(
            client,
            one.agencyId,
            {
              id: 'h:charge',
              kind: 'charge',
              fromId: one.first,
              toId: one.boardId,
              kopecks: 30,
              day: DAY,
              resolves: 'h',
              by: '',
              reason: '',
            },
            NOW,
          ),
        ),
    ],
  ];
  it.each(commands)('leaves nothing of %s at any statement, and the retry makes one effect', async (_, work) => {
    const one = await bank();
    await book(one, { id: 'c', kind: 'charge', kopecks: 20 });
    await book(one, { id: 'h', kind: 'hold', kopecks: 30 });
    const before = await stateOf(one.agencyId);
    let statements = 1;
    for (; ; statements++) {
      const { db, isCut } = cutAfter(statements);
      const outcome = await work(one, db).then(
        () => 'done',
        () => 'failed',
      );
      if (outcome === 'done') {
        // The last cut came after the commit: what was told to be done is done.
        expect(await stateOf(one.agencyId)).not.toEqual(before);
        expect(isCut()).toBe(true);
        break;
      }
      expect(await stateOf(one.agencyId)).toEqual(before);
    }
    expect(statements).toBeGreaterThan(4);
    expect(await ledgerFaults(base.db, one.agencyId)).toEqual([]);
    const after = await stateOf(one.agencyId);
    // A refund that was answered is told so; a change is one more change; the others are the same again.
    const again = await work(one, base.db).then(
      (answer) => answer,
      (error: { code?: string }) => error.code,
    );
    if (_ === 'a change') return;
    expect(again).toEqual(
      _ === 'a refund' ? 'already-refunded' : _ === 'a charge' ? false : expect.objectContaining({ isNew: false }),
    );
    expect(await stateOf(one.agencyId)).toEqual(after);
  });
});
