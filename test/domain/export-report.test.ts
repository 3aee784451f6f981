import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OUTCOME_CODES } from '../../src/domain/day-record.ts';
import {
  dayBits,
  daysNeeded,
  NO_GROUP,
  provePeriod,
  proveSources,
  SERIES,
  type Series,
  StepCounter,
  stepsOf,
} from '../../src/domain/export-report.ts';

const period = (from: string, until: string, step: 'day' | 'week' | 'month', minShare = 50) => ({
  from,
  until,
  step,
  minShare,
});

describe('the steps of a period', () => {
  it('are weeks from Monday, cut by the ends of the period', () => {
    const steps = stepsOf(period('2026-11-04', '2026-11-20', 'week'), '2026-11-18');
    expect(steps).toEqual([
      { from: '2026-11-04', until: '2026-11-08', days: 5, isCut: true, isUnfinished: false, needed: 3 },
      { from: '2026-11-09', until: '2026-11-15', days: 7, isCut: false, isUnfinished: false, needed: 4 },
      { from: '2026-11-16', until: '2026-11-20', days: 5, isCut: true, isUnfinished: true, needed: 3 },
    ]);
  });

  it('are months of their own length', () => {
    const steps = stepsOf(period('2026-01-15', '2026-05-01', 'month', 100), '2026-12-31');
    expect(steps.map(({ from, until, days, needed }) => [from, until, days, needed])).toEqual([
      ['2026-01-15', '2026-01-31', 17, 17],
      ['2026-02-01', '2026-02-28', 28, 28],
      ['2026-03-01', '2026-03-31', 31, 31],
      ['2026-04-01', '2026-04-30', 30, 30],
      ['2026-05-01', '2026-05-01', 1, 1],
    ]);
    expect(stepsOf(period('2028-02-01', '2028-02-29', 'month'), '2028-03-01')[0]!.isCut).toBe(false);
  });

  it.each([
    [0, 7, 1],
    [1, 7, 1],
    [50, 7, 4],
    [50, 6, 3],
    [20, 30, 6],
    [100, 31, 31],
    [29, 100, 29],
  ])('%i %% of %i days are %i', (share, days, needed) => expect(daysNeeded(share, days)).toBe(needed));

  it('are refused beyond 150 days and five boards, with the reason', () => {
    expect(() => provePeriod(period('2026-06-25', '2026-11-21', 'week'))).not.toThrow();
    expect(() => provePeriod(period('2026-06-24', '2026-11-21', 'week'))).toThrow(
      'В отчёте не больше 150 дней, а с 24.06.2026 по 21.11.2026 их 151.',
    );
    expect(() => provePeriod(period('2026-11-22', '2026-11-21', 'week'))).toThrow('раньше первого');
    expect(() => provePeriod(period('2026-11-20', '2026-11-21', 'week', 101))).toThrow('от 0 до 100');
    expect(() => proveSources(5)).not.toThrow();
    expect(() => proveSources(6)).toThrow('не больше 5 досок или фидов, а выбрано 6. Уберите 1 лишнюю.');
  });
});

const CODES = [0, ...Object.values(OUTCOME_CODES)];
const STATE: Record<Series, (code: number) => boolean> = {
  marked: (code) => code !== 0,
  published: (code) => code === OUTCOME_CODES.published,
  blocked: (code) => code === OUTCOME_CODES.blocked,
  unfunded: (code) => code === OUTCOME_CODES.unfunded,
};

describe('the counts of a step', () => {
  /** Days of two feeds of one board, each a code per listing, and the group of each listing on that day. */
  const days = fc.integer({ min: 1, max: 6 }).chain((listings) =>
    fc.array(
      fc.record({
        one: fc.array(fc.constantFrom(...CODES), { minLength: listings, maxLength: listings }),
        other: fc.array(fc.constantFrom(...CODES), { minLength: listings, maxLength: listings }),
        groups: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: listings, maxLength: listings }),
      }),
      { minLength: 1, maxLength: 31 },
    ),
  );

  it('are those of a plain count, whoever moves where', () => {
    fc.assert(
      fc.property(
        days,
        fc.integer({ min: 1, max: 31 }),
        fc.boolean(),
        fc.boolean(),
        (played, needed, isTwo, isTold) => {
          const counter = new StepCounter();
          const slots = Uint32Array.from(played[0]!.one.keys());
          for (const [day, { one, other, groups: own }] of played.entries()) {
            const before = played[day - 1]?.groups;
            // Who may have moved is told, some of them twice and some who stayed; or nobody knows.
            const moved = before && isTold ? slots.filter((slot) => slot === day || before[slot] !== own[slot]) : null;
            const isSame = before !== undefined && isTold && moved!.length === 0;
            const groups = isSame ? null : { groups: Uint16Array.from(own), moved: moved && [moved, moved.slice(1)] };
            if (isTwo) {
              const bits = new Uint32Array(one.length);
              for (const feed of [one, other]) dayBits(bits, Uint8Array.from(feed), slots);
              counter.addBits(bits, groups);
            } else counter.addDay(Uint8Array.from(one), groups);
          }
          const inState = (series: Series, slot: number, isIn: (group: number) => boolean) =>
            played.filter(
              ({ one, other, groups }) =>
                isIn(groups[slot]!) && [one, ...(isTwo ? [other] : [])].some((feed) => STATE[series](feed[slot]!)),
            ).length;
          const count = (isIn: (group: number) => boolean) =>
            Object.fromEntries(
              SERIES.map((series) => [
                series,
                [...slots].filter((slot) => inState(series, slot, isIn) >= (series === 'marked' ? 1 : needed)).length,
              ]),
            );
          const { total, byGroup } = counter.counts(needed, 2);
          expect(total).toEqual(count((group) => group !== NO_GROUP));
          expect(byGroup).toEqual([1, 2].map((wanted) => count((group) => group === wanted)));
          for (const series of SERIES) {
            expect(counter.members(needed, series)).toHaveLength(total[series]);
            expect(counter.members(needed, series, 2)).toHaveLength(byGroup[1]![series]);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
