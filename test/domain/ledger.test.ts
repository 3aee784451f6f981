import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ACCOUNT_KIND_LABELS,
  ACCOUNT_KINDS,
  type AccountKind,
  accountKey,
  BASES,
  BASIS_LABELS,
  billId,
  chargeOf,
  type Effect,
  effects,
  monthlyId,
  OWN_KINDS,
  type Owner,
  PAYERS,
  payerOf,
  placementId,
  promotionHoldId,
  refundOf,
  releaseOf,
  TRANSFER_KINDS,
  TRANSFER_LABELS,
} from '../../src/domain/ledger.ts';

describe('words', () => {
  it('have a label each, and no two the same', () => {
    for (const [words, labels] of [
      [ACCOUNT_KINDS, ACCOUNT_KIND_LABELS],
      [TRANSFER_KINDS, TRANSFER_LABELS],
      [BASES, BASIS_LABELS],
    ] as const) {
      expect(Object.keys(labels).sort()).toEqual([...words].sort());
      expect(new Set(Object.values(labels)).size).toBe(words.length);
    }
    // Everybody who may pay has an account of ours.
    expect([...PAYERS].sort()).toEqual([...OWN_KINDS].sort());
  });
});

const kopecks = fc.integer({ min: 1, max: 1_000_000_000_000 });
const sum = (...all: Effect[]): Effect =>
  all.reduce((one, other) => ({ balance: one.balance + other.balance, held: one.held + other.held }), {
    balance: 0,
    held: 0,
  });

describe('what a transfer does', () => {
  it.each([
    ['top-up', false, [-100, 0], [100, 0]],
    ['move', false, [-100, 0], [100, 0]],
    ['hold', false, [0, 100], [0, -100]],
    ['charge', false, [-100, 0], [100, 0]],
    ['charge', true, [-100, -100], [100, 100]],
    ['release', true, [0, -100], [0, 100]],
    ['refund', false, [-100, 0], [100, 0]],
    ['correction', false, [-100, 0], [100, 0]],
  ] as const)('%s (ends a hold: %s)', (kind, resolves, [fromBalance, fromHeld], [toBalance, toHeld]) => {
    expect(effects(kind, 100, resolves)).toEqual({
      from: { balance: fromBalance, held: fromHeld },
      to: { balance: toBalance, held: toHeld },
    });
  });

  it('cancels out between the two accounts, and no zero is below zero', () => {
    fc.assert(
      fc.property(fc.constantFrom(...TRANSFER_KINDS), kopecks, fc.boolean(), (kind, size, resolves) => {
        const { from, to } = effects(kind, size, resolves);
        expect(sum(from, to)).toEqual({ balance: 0, held: 0 });
        for (const value of [from.balance, from.held, to.balance, to.held]) expect(Object.is(value, -0)).toBe(false);
      }),
    );
  });

  it('makes a hold with its charge a direct charge, and a hold with its release nothing', () => {
    fc.assert(
      fc.property(kopecks, (size) => {
        const [hold, charge, release] = [
          effects('hold', size, false),
          effects('charge', size, true),
          effects('release', size, true),
        ];
        const direct = effects('charge', size, false);
        const back = effects('refund', size, false);
        for (const side of ['from', 'to'] as const) {
          expect(sum(hold[side], charge[side])).toEqual(direct[side]);
          expect(sum(hold[side], release[side])).toEqual({ balance: 0, held: 0 });
          // A refund goes the other way.
          expect(sum(direct[side], back[side === 'from' ? 'to' : 'from'])).toEqual({ balance: 0, held: 0 });
        }
      }),
    );
  });

  it('takes from what is available by a hold or a direct charge only as much as they say, and never twice', () => {
    const available = ({ balance, held }: Effect) => balance - held;
    expect(available(effects('hold', 70, false).from)).toBe(-70);
    expect(available(effects('charge', 70, true).from)).toBe(0);
    expect(available(effects('charge', 70, false).from)).toBe(-70);
    expect(available(effects('release', 70, true).from)).toBe(70);
  });
});

describe('ids', () => {
  it('are what they were: what is booked is found by them', () => {
    const day = billId(3, 14, '2026-11-22', 0);
    expect(day).toBe('day:3:14:2026-11-22:0');
    expect([chargeOf(day), releaseOf(day), refundOf(chargeOf(day))]).toEqual([
      'day:3:14:2026-11-22:0:charge',
      'day:3:14:2026-11-22:0:release',
      'day:3:14:2026-11-22:0:charge:refund',
    ]);
    expect(placementId(3, 14, '2026-11-22')).toBe('placement:3:14:2026-11-22');
    expect(promotionHoldId(9)).toBe('promotion:9');
    expect(monthlyId(5, '2026-11')).toBe('monthly:5:2026-11');
  });

  it('are never the same for two things', () => {
    const number = fc.oneof(fc.integer({ min: 1, max: 30 }), fc.maxSafeNat());
    const day = fc.constantFrom('2026-11-22', '2026-11-23', '2026-12-01');
    const thing = fc.oneof(
      fc.tuple(fc.constant('day' as const), number, number, day, fc.integer({ min: 0, max: 12 })),
      fc.tuple(fc.constant('placement' as const), number, number, day),
      fc.tuple(fc.constant('promotion' as const), number),
    );
    const nameOf = (one: typeof thing extends fc.Arbitrary<infer T> ? T : never) =>
      one[0] === 'day'
        ? billId(one[1], one[2], one[3], one[4])
        : one[0] === 'placement'
          ? placementId(one[1], one[2], one[3])
          : promotionHoldId(one[1]);
    const ends = [(id: string) => id, chargeOf, releaseOf, refundOf, (id: string) => refundOf(chargeOf(id))];
    fc.assert(
      fc.property(
        fc.tuple(thing, fc.nat(ends.length - 1)),
        fc.tuple(thing, fc.nat(ends.length - 1)),
        ([one, end], [other, otherEnd]) => {
          const isSame = JSON.stringify([one, end]) === JSON.stringify([other, otherEnd]);
          expect(ends[end]!(nameOf(one)) === ends[otherEnd]!(nameOf(other))).toBe(isSame);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('who pays', () => {
  const open = (...keys: (readonly [AccountKind, number | null])[]) =>
    new Map(keys.map(([kind, ownerId]) => [accountKey(kind, ownerId), { kind, ownerId }]));
  const all = open(['employee', 7], ['department', 5], ['branch', 3], ['agency', null]);
  const owner: Owner = { employeeId: 7, departmentId: 5, branchId: 3 };

  it.each([
    ['the employee first', all, owner, 'employee', 'employee:7'],
    ['straight from the department', all, owner, 'department', 'department:5'],
    ['straight from the branch', all, owner, 'branch', 'branch:3'],
    ['straight from the agency', all, owner, 'agency', 'agency:'],
    ['whoever is next when the employee has none', open(['branch', 3]), owner, 'employee', 'branch:3'],
    ['nobody below the first', open(['employee', 7]), owner, 'branch', undefined],
    ['not another one of the kind', open(['employee', 8], ['branch', 4]), owner, 'employee', undefined],
    ['nobody, when there is no account', open(), owner, 'employee', undefined],
    [
      'the branch of a listing without an employee',
      all,
      { employeeId: null, departmentId: null, branchId: 3 },
      'employee',
      'branch:3',
    ],
    [
      'the agency for what belongs to nobody',
      all,
      { employeeId: null, departmentId: null, branchId: null },
      'employee',
      'agency:',
    ],
    ['neither a cabinet nor the world outside', open(['board', 7], ['bank', null]), owner, 'employee', undefined],
  ] as const)('%s', (_, accounts, whose, first, expected) => {
    const found = payerOf(accounts, whose, first);
    expect(found && accountKey(found.kind, found.ownerId)).toBe(expected);
  });
});
