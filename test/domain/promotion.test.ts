import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addDays } from '../../src/domain/days.ts';
import {
  isWrittenOn,
  lastPossibleDay,
  mayOverlap,
  type PromotionFacts,
  promotionState,
} from '../../src/domain/promotion.ts';

const order = (facts: Partial<PromotionFacts> = {}): PromotionFacts => ({
  fromOn: '2026-11-10',
  days: 7,
  isFree: false,
  startedOn: null,
  releasedOn: null,
  isRefunded: false,
  ...facts,
});

describe('a promotion', () => {
  it.each<[string, Partial<PromotionFacts>, [day: string, state: string][]]>([
    [
      'waits for its listing',
      {},
      [
        ['2026-11-01', 'ordered'],
        ['2026-11-16', 'ordered'],
        ['2026-11-17', 'lapsed'],
      ],
    ],
    [
      'runs from its charge',
      { startedOn: '2026-11-14' },
      [
        ['2026-11-14', 'running'],
        ['2026-11-20', 'running'],
        ['2026-11-21', 'over'],
      ],
    ],
    [
      'costs nothing',
      { isFree: true },
      [
        ['2026-11-09', 'ordered'],
        ['2026-11-10', 'running'],
        ['2026-11-16', 'running'],
        ['2026-11-17', 'over'],
      ],
    ],
    [
      'was given up by a person',
      { releasedOn: '2026-11-16' },
      [
        ['2026-11-16', 'cancelled'],
        ['2026-12-01', 'cancelled'],
      ],
    ],
    ['was given up by the clockwork', { releasedOn: '2026-11-17' }, [['2026-11-17', 'lapsed']]],
    ['was paid back', { startedOn: '2026-11-10', isRefunded: true }, [['2026-11-11', 'cancelled']]],
  ])('%s', (_, facts, told) => {
    for (const [day, state] of told) expect([day, promotionState(order(facts), day)]).toEqual([day, state]);
  });

  const days = fc.integer({ min: 0, max: 40 }).map((n) => addDays('2026-11-01', n));
  const orders = fc
    .record({ fromOn: days, days: fc.integer({ min: 1, max: 9 }), isFree: fc.boolean(), late: fc.option(fc.nat(8)) })
    .map(({ late, ...rest }) =>
      order({ ...rest, startedOn: rest.isFree || late === null ? null : addDays(rest.fromOn, late % rest.days) }),
    );

  it('is written exactly while it runs, or waits and its day has come', () => {
    fc.assert(
      fc.property(orders, days, (facts, day) => {
        const state = promotionState(facts, day);
        const waits = state === 'ordered' && !facts.isFree && facts.startedOn === null && facts.fromOn <= day;
        expect(isWrittenOn(facts, day)).toBe(state === 'running' || waits);
        expect(isWrittenOn({ ...facts, releasedOn: day }, day)).toBe(false);
        expect(isWrittenOn({ ...facts, isRefunded: true }, day)).toBe(false);
      }),
    );
  });

  it('never shares a day with one that may not overlap, however late each begins', () => {
    const lived = fc.tuple(orders, fc.nat(8)).map(([facts, late]) => ({
      facts,
      lives:
        facts.isFree || facts.startedOn !== null
          ? facts
          : { ...facts, startedOn: addDays(facts.fromOn, late % facts.days) },
    }));
    fc.assert(
      fc.property(lived, lived, days, (one, other, day) => {
        expect(mayOverlap(one.facts, other.facts)).toBe(mayOverlap(other.facts, one.facts));
        const both = [one, other].every(({ facts, lives }) => isWrittenOn(facts, day) || isWrittenOn(lives, day));
        if (both) expect(mayOverlap(one.facts, other.facts)).toBe(true);
        if (isWrittenOn(one.lives, day)) expect(day <= lastPossibleDay(one.facts)!).toBe(true);
      }),
      { numRuns: 1000 },
    );
    expect(mayOverlap(order(), order({ releasedOn: '2026-11-11' }))).toBe(false);
    // Exact once it has begun, with room for a late beginning before.
    expect(lastPossibleDay(order())).toBe('2026-11-22');
    expect(lastPossibleDay(order({ startedOn: '2026-11-10' }))).toBe('2026-11-16');
    expect(lastPossibleDay(order({ days: 1 }))).toBe('2026-11-10');
  });
});
