import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BASES, BASIS_LABELS, TRANSFER_KINDS, TRANSFER_LABELS } from '../../src/domain/ledger.ts';
import {
  type Entry,
  effectOn,
  GROUPING_LABELS,
  GROUPINGS,
  type Side,
  Statement,
  standingOf,
} from '../../src/domain/statement.ts';

const entry = (given: Partial<Entry> = {}): Entry => ({
  kind: 'charge',
  kopecks: 100,
  resolves: false,
  isFrom: true,
  accountId: 1,
  account: 'Ирина',
  day: '2026-11-20',
  board: 'avito',
  listingId: 7,
  externalId: 'A-7',
  employeeId: 5,
  employee: 'Ирина',
  branchId: 3,
  branch: 'Центр',
  basis: 'day',
  ...given,
});
const topUp = (kopecks: number, day = '2026-11-20') =>
  entry({
    kind: 'top-up',
    kopecks,
    day,
    isFrom: false,
    board: null,
    listingId: null,
    externalId: null,
    employeeId: null,
    employee: null,
    branchId: null,
    branch: null,
    basis: null,
  });

describe('a statement', () => {
  it('tells what there was, came, went, is held and is left', () => {
    const statement = new Statement(null);
    statement.open(1, 'Ирина', { balance: 1000, held: 50 });
    expect(statement.add(topUp(500))).toEqual({ inKopecks: 500, outKopecks: 0, heldKopecks: 0, balanceKopecks: 1500 });
    expect(statement.add(entry({ kind: 'hold', kopecks: 70 }))).toEqual({
      inKopecks: 0,
      outKopecks: 0,
      heldKopecks: 70,
      balanceKopecks: 1500,
    });
    // The hold of before is charged, the other one is freed, one charge is paid back.
    expect(statement.add(entry({ kopecks: 50, resolves: true }))).toEqual({
      inKopecks: 0,
      outKopecks: 50,
      heldKopecks: -50,
      balanceKopecks: 1450,
    });
    statement.add(entry({ kind: 'release', kopecks: 70, resolves: true }));
    statement.add(entry({ kind: 'refund', kopecks: 50, isFrom: false }));
    expect(statement.accounts()).toEqual([
      {
        accountId: 1,
        account: 'Ирина',
        openingKopecks: 1000,
        openingHeldKopecks: 50,
        entries: 5,
        inKopecks: 550,
        outKopecks: 50,
        heldKopecks: -50,
        closingKopecks: 1500,
        closingHeldKopecks: 0,
      },
    ]);
    expect(statement.last()).toEqual(statement.accounts()[0]);
  });

  it('does not take an entry of another account', () => {
    const statement = new Statement(null);
    expect(() => statement.add(entry())).toThrow('broken invariant');
    statement.open(2, 'Пётр', { balance: 0, held: 0 });
    expect(() => statement.add(entry())).toThrow('broken invariant');
  });

  it('does not tell a sum that a number does not hold', () => {
    const statement = new Statement(null);
    statement.open(1, 'Ирина', { balance: Number.MAX_SAFE_INTEGER, held: 0 });
    expect(() => statement.add(topUp(1))).toThrow('is not a sum of kopecks');
  });
});

describe('groups', () => {
  it('have a label each', () => {
    expect(Object.keys(GROUPING_LABELS).sort()).toEqual([...GROUPINGS].sort());
  });

  it.each([
    ['account', [['1', 'Ирина', 4]]],
    [
      'listing',
      [
        ['8', 'A-7', 1],
        ['7', 'A-7', 2],
        [null, null, 1],
      ],
    ],
    [
      'board',
      [
        ['cian', 'cian', 1],
        ['avito', 'avito', 2],
        [null, null, 1],
      ],
    ],
    [
      'employee',
      [
        ['5', 'Ирина', 3],
        [null, null, 1],
      ],
    ],
    [
      'branch',
      [
        ['3', 'Центр', 3],
        [null, null, 1],
      ],
    ],
    [
      'day',
      [
        ['2026-11-20', '2026-11-20', 1],
        ['2026-11-21', '2026-11-21', 3],
      ],
    ],
    [
      'basis',
      [
        ['day', BASIS_LABELS.day, 3],
        [null, null, 1],
      ],
    ],
    [
      'kind',
      [
        ['charge', TRANSFER_LABELS.charge, 3],
        ['top-up', TRANSFER_LABELS['top-up'], 1],
      ],
    ],
  ] as const)('by %s', (by, expected) => {
    const statement = new Statement(by);
    statement.open(1, 'Ирина', { balance: 0, held: 0 });
    const all = [
      topUp(1000, '2026-11-20'),
      entry({ kopecks: 60, day: '2026-11-21' }),
      entry({ kopecks: 60, day: '2026-11-21' }),
      // Another listing of the same number at its source, dearer than both.
      entry({ kopecks: 130, day: '2026-11-21', listingId: 8, board: 'cian' }),
    ];
    for (const one of all) statement.add(one);
    expect(statement.groups().map(({ key, name, entries }) => [key, name, entries])).toEqual(expected);
  });
});

const side = fc
  .record({
    kind: fc.constantFrom(...TRANSFER_KINDS),
    kopecks: fc.integer({ min: 1, max: 1_000_000_000_000 }),
    isFrom: fc.boolean(),
    resolves: fc.boolean(),
  })
  .map((one): Side => ({ ...one, resolves: one.kind === 'release' || (one.kind === 'charge' && one.resolves) }));
const entries = (accountId: number) =>
  fc.array(
    fc
      .tuple(
        side,
        fc.integer({ min: 1, max: 28 }),
        fc.option(fc.constantFrom('avito', 'cian')),
        fc.option(fc.integer({ min: 1, max: 3 })),
        fc.option(fc.constantFrom(...BASES)),
      )
      .map(([one, day, board, id, basis]) =>
        entry({
          ...one,
          accountId,
          day: `2026-11-${String(day).padStart(2, '0')}`,
          board,
          listingId: id,
          employeeId: id,
          branchId: id,
          basis,
        }),
      ),
    { maxLength: 40 },
  );
const history = fc.tuple(entries(1), entries(2)).map(([a, b]) => [a, b] as const);

describe('whatever happened', () => {
  it('opening + in − out = closing, in balance and holds, by account, together and over all groups', () => {
    fc.assert(
      fc.property(history, fc.constantFrom(...GROUPINGS), fc.integer({ min: 1, max: 28 }), (both, by, first) => {
        const from = `2026-11-${String(first).padStart(2, '0')}`;
        const statement = new Statement(by);
        for (const [index, all] of both.entries()) {
          statement.open(index + 1, `счёт ${index + 1}`, standingOf(all.filter(({ day }) => day < from)));
          for (const one of all.filter(({ day }) => day >= from)) statement.add(one);
        }
        const accounts = statement.accounts();
        for (const [index, one] of accounts.entries()) {
          expect(one.openingKopecks + one.inKopecks - one.outKopecks).toBe(one.closingKopecks);
          expect(one.openingHeldKopecks + one.heldKopecks).toBe(one.closingHeldKopecks);
          // What it comes to is what everything comes to, wherever the period begins.
          const end = standingOf(both[index]!);
          expect([one.closingKopecks, one.closingHeldKopecks]).toEqual([end.balance, end.held]);
        }
        const { openingKopecks, closingKopecks, ...totals } = statement.totals();
        expect(openingKopecks + totals.inKopecks - totals.outKopecks).toBe(closingKopecks);
        const over = (of: 'entries' | 'inKopecks' | 'outKopecks' | 'heldKopecks', rows: readonly (typeof totals)[]) =>
          rows.reduce((sum, row) => sum + row[of], 0);
        for (const of of ['entries', 'inKopecks', 'outKopecks', 'heldKopecks'] as const) {
          expect(over(of, statement.groups() as never)).toBe(totals[of]);
          expect(over(of, accounts)).toBe(totals[of]);
        }
        expect(new Set(statement.groups().map(({ key }) => key)).size).toBe(statement.groups().length);
      }),
    );
  });

  it('one period ends where the next begins', () => {
    fc.assert(
      fc.property(entries(1), fc.integer({ min: 1, max: 28 }), (all, last) => {
        const until = `2026-11-${String(last).padStart(2, '0')}`;
        const before = all.filter(({ day }) => day <= until);
        const statement = new Statement(null);
        statement.open(1, 'счёт', { balance: 0, held: 0 });
        for (const one of before) statement.add(one);
        const next = standingOf(before);
        expect(statement.last()).toMatchObject({ closingKopecks: next.balance, closingHeldKopecks: next.held });
      }),
    );
  });

  it('the two sides of a transfer cancel out', () => {
    fc.assert(
      fc.property(side, (one) => {
        const both = standingOf([one, { ...one, isFrom: !one.isFrom }]);
        expect([both.balance, both.held]).toEqual([0, 0]);
        expect(effectOn(one)).toEqual(standingOf([one]));
      }),
    );
  });
});
