import { describe, expect, it } from 'vitest';
import { OUTCOME_CODES } from '../../src/domain/day-record.ts';
import {
  addSums,
  figuresOf,
  kindCode,
  type MoneyDay,
  type MoneyLine,
  MoneyTally,
  type TallyOptions,
} from '../../src/domain/money-report.ts';
import { NO_KEY } from '../../src/domain/report-words.ts';
import { isWithinReach, REACH_ALL } from '../../src/domain/rights.ts';

/** Two listings of a cabinet: the first has gone from branch 1 to branch 2, the second belongs to nobody. */

const { published, paused, returned } = OUTCOME_CODES;
const FIRST = 1;
const SECOND = 2;
const NOBODY = 3;
const BRANCH: Record<number, string> = { [FIRST]: '1', [SECOND]: '2', [NOBODY]: NO_KEY };

const line = (what: MoneyLine['what'], sums: Record<number, number>, more: Partial<MoneyLine> = {}): MoneyLine => ({
  ...{ what, basis: 'day', kind: kindCode('flat'), accountId: null },
  ordinals: Int32Array.from(Object.keys(sums), Number),
  kopecks: Float64Array.from(Object.values(sums)),
  ...more,
});

const day = (given: Partial<MoneyDay>): MoneyDay => ({
  ...{ cabinetId: 7, day: '2026-11-01', closing: null, audience: null, areCallsTold: false, lines: [] },
  outcomes: Uint8Array.of(published, published),
  owners: Uint32Array.of(FIRST, NOBODY),
  kinds: Uint8Array.of(kindCode('house'), kindCode('flat')),
  ...given,
});

const told = (views: readonly (number | null)[], calls: readonly (number | null)[]) => ({
  ordinals: Int32Array.from(views.keys()),
  views: Int32Array.from(views, (count) => count ?? -1),
  calls: Int32Array.from(calls, (count) => count ?? -1),
});

function tallied(options: Partial<TallyOptions>, days: readonly (readonly [step: number, MoneyDay])[]) {
  const by = options.by ?? 'branch';
  const tally = new MoneyTally({
    ...{
      by,
      steps: 2,
      keyOfCabinet: () => 'доска',
      keyOfAccount: String,
      keyOfOwner: (owner) => BRANCH[owner] ?? NO_KEY,
    },
    ...options,
  });
  for (const [step, one] of days) tally.addDay(one, step);
  return Object.fromEntries(
    tally
      .rows()
      .map(({ key, steps }) => [
        key,
        { ...figuresOf(addSums(steps), by), steps: steps.map(({ charged, refunded }) => charged - refunded) },
      ]),
  );
}

describe('the tally of the money', () => {
  it('gives charges and days to whom the listing belonged on the day; a refund to the day it pays back', () => {
    const rows = tallied({}, [
      [0, day({ lines: [line('charge', { 0: 100, 1: 30 })] })],
      [
        1,
        day({ lines: [line('charge', { 0: 250 }), line('refund', { 0: 50 })], owners: Uint32Array.of(SECOND, NOBODY) }),
      ],
    ]);
    expect(rows['1']).toMatchObject({ spentKopecks: 100, days: 1, dayKopecks: 100, steps: [100, 0] });
    expect(rows['2']).toMatchObject({ spentKopecks: 200, chargedKopecks: 250, refundedKopecks: 50, steps: [0, 200] });
    expect(rows[NO_KEY]).toMatchObject({ spentKopecks: 30, days: 2, dayKopecks: 15 });
  });

  it('leaves out whoever is not asked for, in every grouping', () => {
    const lines = [line('charge', { 0: 100, 1: 30 }), line('waiver', { 1: 9 }, { basis: null })];
    const keyOfOwner = (owner: number) => (owner === FIRST ? '1' : null);
    for (const by of ['branch', 'board', 'cabinet', 'kind', 'basis', 'account'] as const) {
      const rows = Object.values(tallied({ by, keyOfOwner }, [[0, day({ lines })]]));
      expect([by, rows.map(({ spentKopecks, waivedKopecks }) => [spentKopecks, waivedKopecks])]).toEqual([
        by,
        [[100, 0]],
      ]);
    }
  });

  it('takes the kind by which the day was priced, for its money and for its day; else the listing’s own', () => {
    const rows = tallied({ by: 'kind' }, [
      [0, day({ lines: [line('charge', { 0: 100 }), line('charge', { 0: 500 }, { basis: 'promotion', kind: 0 })] })],
    ]);
    // The first was a flat when its day was priced and is a house now, as which its promotion counts.
    expect(rows.flat).toMatchObject({ spentKopecks: 100, days: 2 });
    expect(rows.house).toMatchObject({ spentKopecks: 500, days: 0, dayKopecks: null });
  });

  it('tells what a pause has saved from what leaving has', () => {
    const rows = tallied({}, [
      [
        0,
        day({
          closing: Uint8Array.of(paused, returned),
          lines: [line('freed', { 0: 70, 1: 20 })],
          owners: Uint32Array.of(FIRST, FIRST),
        }),
      ],
      // The mark was taken off, and stands in no record any more.
      [1, day({ closing: Uint8Array.of(0), lines: [line('freed', { 0: 5 })] })],
    ]);
    expect(rows['1']).toMatchObject({ spentKopecks: 0, savedByPausesKopecks: 70, savedByLeavingKopecks: 25 });
  });

  it('does not take for saved what was freed and paid for otherwise', () => {
    const closing = Uint8Array.of(published, paused);
    const lines = [line('freed', { 0: 3000, 1: 70 }), line('charge', { 0: 50_000 }, { basis: 'placement' })];
    const row = tallied({ by: 'board' }, [[0, day({ closing, lines })]]).доска;
    expect(row).toMatchObject({ savedByLeavingKopecks: 0, savedByPausesKopecks: 70 });
  });

  it('divides by calls only what was spent where and when calls are known', () => {
    const lines = [line('charge', { 0: 100, 1: 30 })];
    const rows = tallied({ by: 'board' }, [
      [0, day({ lines, audience: told([50, null], [2, null]), areCallsTold: true })],
      // Nobody called, and those who tell of calls told of both days around it.
      [0, day({ lines, areCallsTold: true })],
      // Only views are known of this day, and nothing of the next: its money is not divided by calls.
      [1, day({ lines, audience: told([10, 0], [null, null]) })],
      [1, day({ lines })],
    ]);
    expect(rows.доска).toMatchObject({
      spentKopecks: 520,
      views: 60,
      calls: 2,
      callKopecks: 130,
      days: 8,
      dayKopecks: 65,
    });
  });

  it('does not take what is not known for nothing', () => {
    const lines = [line('charge', { 0: 100 })];
    const row = { views: null, calls: null, callKopecks: null };
    expect(tallied({ by: 'board' }, [[0, day({ lines })]]).доска).toMatchObject(row);
    const zero = tallied({ by: 'board' }, [[0, day({ lines, audience: told([null], [0]), areCallsTold: true })]]).доска;
    expect(zero).toMatchObject({ views: null, calls: 0, callKopecks: null });
  });

  it('has no price of a day that is not recorded yet', () => {
    const rows = tallied({ by: 'board' }, [
      [0, day({ lines: [line('charge', { 0: 100 })] })],
      [1, day({ lines: [line('charge', { 0: 900 })], outcomes: null })],
    ]);
    expect(rows.доска).toMatchObject({ spentKopecks: 1000, days: 2, dayKopecks: 50 });
  });

  it('keeps counter-entries beside what was spent', () => {
    const tally = new MoneyTally({
      by: 'branch',
      steps: 1,
      keyOfCabinet: () => '',
      keyOfAccount: String,
      keyOfOwner: () => '1',
    });
    tally.addCorrection('1', 0, -500);
    const figures = () => figuresOf(tally.rows()[0]!.steps[0]!, 'branch');
    expect(figures()).toMatchObject({ spentKopecks: 0, correctedKopecks: -500, hasListings: false });
    // Charged and paid back is about a listing, though nothing was spent on it.
    tally.addDay(day({ outcomes: null, lines: [line('charge', { 0: 30 }), line('refund', { 0: 30 })] }), 0);
    expect(figures()).toMatchObject({ spentKopecks: 0, correctedKopecks: -500, hasListings: true });
  });
});

describe('a reach', () => {
  it('has what lies in its branches and departments, and what is one’s own', () => {
    const place = { branchId: 1, departmentId: 2, employeeId: 3 };
    const none = { isAll: false, branchIds: [], departmentIds: [], employeeId: null };
    expect(isWithinReach(REACH_ALL, place)).toBe(true);
    expect(isWithinReach(none, place)).toBe(false);
    expect(isWithinReach({ ...none, branchIds: [1] }, place)).toBe(true);
    expect(isWithinReach({ ...none, departmentIds: [2] }, place)).toBe(true);
    expect(isWithinReach({ ...none, employeeId: 3 }, place)).toBe(true);
    expect(isWithinReach({ ...none, branchIds: [2], employeeId: 4 }, place)).toBe(false);
    // Nobody's things are not those of somebody without an own reach.
    expect(isWithinReach(none, { branchId: null, departmentId: null, employeeId: null })).toBe(false);
  });
});
