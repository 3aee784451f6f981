import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatKopecks, KOPECKS_MAX } from '../../src/domain/money.ts';
import { addEmployee, changeEmployee, ensureBranch } from '../../src/store/agencies.ts';
import { openDatabase } from '../../src/store/database.ts';
import { changeAccount, listAccounts, listTransfers, openAccount, topUp } from '../../src/store/ledger.ts';
import { faultsOfMonthly, topUpMonthly } from '../../src/store/monthly.ts';
import type { MonthlyTopUp } from '../../src/store/schema.ts';
import { ledgerFaults } from './ledger-check.ts';
import { type Stock, stock } from './stock.ts';
import { testDatabase } from './testdb.ts';

const BY = { name: 'Марина Волкова' };
/** Half past midnight in Moscow, where the agency is. */
const night = (day: string) => new Date(`${day}T00:30:00+03:00`);
const START = night('2026-10-01');

let base: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  base = await testDatabase();
});
afterAll(() => base.drop());

interface Tree {
  readonly house: Stock;
  readonly agencyId: number;
  readonly agency: number;
  readonly branch: number;
  readonly irina: number;
  readonly employeeId: number;
  schedule(account: number, monthly: MonthlyTopUp | null): Promise<void>;
  balances(): Promise<number[]>;
  run(day: string): Promise<string>;
}

/** An agency, a branch and an employee, each with an empty account. */
async function tree(): Promise<Tree> {
  const house = await stock(base.db, {}, START);
  const { agencyId } = house;
  const branchId = await ensureBranch(base.db, agencyId, 'Центр');
  const employeeId = await addEmployee(base.db, agencyId, { name: 'Ирина Соколова', phones: [], branchId });
  const open = async (kind: 'agency' | 'branch' | 'employee', ownerId: number | null) =>
    (await openAccount(base.db, agencyId, { kind, ownerId }, BY, START)).id;
  const [agency, branch, irina] = [
    await open('agency', null),
    await open('branch', branchId),
    await open('employee', employeeId),
  ];
  return {
    house,
    agencyId,
    agency,
    branch,
    irina,
    employeeId,
    schedule: (account, monthly) => changeAccount(base.db, agencyId, account, { monthly }, BY, START),
    balances: async () => (await listAccounts(base.db.pool, agencyId)).map(({ balanceKopecks }) => balanceKopecks),
    async run(day) {
      const { toppedUp, short, nextAt } = await topUpMonthly(base.db, agencyId, night(day));
      return `${toppedUp} ${short} ${nextAt?.toISOString() ?? 'never'}`;
    },
  };
}

const outside = (kopecks: number, on: number): MonthlyTopUp => ({ kopecks, on, fromId: null });

describe('monthly top-ups', () => {
  it('come once a month, from the day on, in the local day of the agency', async () => {
    const { house, agencyId, agency, schedule, balances, run } = await tree();
    const cabinet = await house.cabinet();
    expect(await run('2026-11-04')).toBe('0 0 never');
    await schedule(agency, outside(1000, 5));
    await house.notDue();
    expect(await run('2026-11-04')).toBe('0 0 2026-11-04T21:00:00.000Z');
    expect(await balances()).toEqual([0, 0, 0]);
    expect(await house.dueAt(cabinet)).toBeNull();

    expect(await run('2026-11-05')).toBe('1 0 2026-12-04T21:00:00.000Z');
    expect(await run('2026-11-05')).toBe('0 0 2026-12-04T21:00:00.000Z');
    expect(await run('2026-11-30')).toBe('0 0 2026-12-04T21:00:00.000Z');
    expect(await balances()).toEqual([1000, 0, 0]);
    expect(await house.dueAt(cabinet)).not.toBeNull();
    expect((await house.deeds()).at(-1)).toEqual({
      action: 'money-top-up',
      by: 'Выгрузка',
      listingId: null,
      facts: {
        transfer: `monthly:${agency}:2026-11`,
        kopecks: 1000,
        reason: 'Ежемесячное пополнение за ноябрь 2026',
      },
    });
    expect(await listTransfers(base.db.pool, agencyId)).toMatchObject([{ kind: 'top-up', day: '2026-11-05' }]);

    // Nobody ran in December and January: only the month it is now is made up for.
    expect(await run('2027-02-20')).toBe('1 0 2027-03-04T21:00:00.000Z');
    expect(await balances()).toEqual([2000, 0, 0]);
  });

  it('go down the tree in one go, however they are chained', async () => {
    const { agencyId, agency, branch, irina, schedule, balances, run } = await tree();
    // Against the order of the accounts: the agency gets from the branch, the branch from outside, Irina from the agency.
    await schedule(agency, { kopecks: 800, on: 1, fromId: branch });
    await schedule(irina, { kopecks: 300, on: 1, fromId: agency });
    await schedule(branch, outside(1000, 1));
    expect(await run('2026-11-01')).toBe('3 0 2026-11-30T21:00:00.000Z');
    expect(await balances()).toEqual([500, 200, 300]);
    expect(await ledgerFaults(base.db, agencyId)).toEqual([]);
  });

  it('wait for a source that is short, tell the managers once, and come when it has the money', async () => {
    const { house, agencyId, agency, branch, irina, schedule, balances, run } = await tree();
    await topUp(base.db, agencyId, agency, { key: 'a', kopecks: 700, reason: 'план', by: BY }, START);
    await schedule(branch, { kopecks: 500, on: 1, fromId: agency });
    await schedule(irina, { kopecks: 500, on: 1, fromId: agency });
    expect(await run('2026-11-01')).toBe('1 1 2026-10-31T21:40:00.000Z');
    expect(await run('2026-11-02')).toBe('0 1 2026-11-01T21:40:00.000Z');
    expect(await balances()).toEqual([200, 500, 0]);
    expect(await house.messages()).toEqual([
      {
        key: `monthly-short:${irina}:2026-11`,
        role: 'manager',
        employeeId: null,
        text: 'Счёт «Ирина Соколова» не получил ежемесячные 5\u00a0₽ за ноябрь 2026. На счёте «агентство» не хватает 3\u00a0₽, чтобы взять 5\u00a0₽. Появятся — перейдут сами.',
      },
    ]);
    await topUp(base.db, agencyId, agency, { key: 'b', kopecks: 300, reason: 'план', by: BY }, START);
    expect(await run('2026-11-03')).toBe('1 0 2026-11-30T21:00:00.000Z');
    expect(await balances()).toEqual([0, 500, 500]);
    expect(await house.messages()).toEqual([]);
    expect(await ledgerFaults(base.db, agencyId)).toEqual([]);
  });

  it('end with their schedule, and pass an employee by who has left', async () => {
    const { house, agencyId, agency, irina, employeeId, schedule, balances, run } = await tree();
    await schedule(irina, { kopecks: 500, on: 1, fromId: agency });
    await run('2026-11-01');
    expect((await house.messages()).length).toBe(1);
    await schedule(irina, null);
    expect(await run('2026-11-02')).toBe('0 0 never');
    expect(await house.messages()).toEqual([]);
    await schedule(irina, outside(500, 1));
    await changeEmployee(base.db, agencyId, employeeId, { isActive: false }, { name: BY.name, person: null }, START);
    expect(await run('2026-11-03')).toBe('0 0 never');
    expect(await balances()).toEqual([0, 0, 0]);
  });

  it('are made once by several processes at once, also when the sum is changed between them', async () => {
    const { agencyId, agency, branch, irina, schedule, balances } = await tree();
    await schedule(agency, outside(100_000, 1));
    await schedule(branch, { kopecks: 500, on: 1, fromId: agency });
    await schedule(irina, { kopecks: 300, on: 1, fromId: branch });
    const others = await Promise.all(
      [1, 2, 3].map(() => openDatabase({ databaseUrl: base.url, dataDir: '', poolSize: 2 })),
    );
    try {
      const done = await Promise.all([
        ...others.flatMap((db) => [0, 1].map(() => topUpMonthly(db, agencyId, night('2026-11-10')))),
        schedule(branch, { kopecks: 600, on: 1, fromId: agency }),
      ]);
      const made = done.slice(0, -1).map((one) => (one as { toppedUp: number }).toppedUp);
      expect(made.reduce((sum, count) => sum + count, 0)).toBe(3);
    } finally {
      await Promise.all(others.map((db) => db.close()));
    }
    const [left, passed, got] = await balances();
    expect(got).toBe(300);
    expect([200, 300]).toContain(passed);
    expect(left).toBe(100_000 - 300 - passed!);
    expect(await ledgerFaults(base.db, agencyId)).toEqual([]);
  });
});

it('a schedule that cannot be kept is told why, all of it together', async () => {
  const { agencyId, agency, irina } = await tree();
  const faults = (monthly: MonthlyTopUp) => faultsOfMonthly(base.db.pool, agencyId, irina, monthly);
  expect(await faults({ kopecks: 100, on: 28, fromId: agency })).toEqual([]);
  expect(await faults({ kopecks: 0, on: 29, fromId: irina })).toEqual([
    `Сумма пополнения должна быть больше нуля и не больше ${formatKopecks(KOPECKS_MAX)}.`,
    'День месяца должен быть от 1 до 28: такой есть в каждом месяце.',
    'Пополнять счёт с него самого нельзя.',
  ]);
  expect(await faults({ kopecks: 100, on: 1, fromId: 999_999 })).toEqual(['Счёта #999999, с которого пополнять, нет.']);
});
