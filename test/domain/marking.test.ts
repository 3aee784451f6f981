import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { conditionFault, fits, MarkingConditionSchema, type MarkingFacts } from '../../src/domain/marking.ts';

const flat: MarkingFacts = { kind: 'flat', deal: 'sale', branchId: 7, priceKopecks: 500 };

describe('marking rules', () => {
  it.each([
    ['nothing is asked', {}, flat, true],
    ['one of the kinds', { kinds: ['land', 'flat'] as const }, flat, true],
    ['another kind', { kinds: ['land'] as const }, flat, false],
    ['another deal', { deals: ['rent'] as const }, flat, false],
    ['the branch', { branchIds: [7] }, flat, true],
    ['no branch', { branchIds: [7] }, { ...flat, branchId: null }, false],
    ['both prices are inside', { priceFromKopecks: 500, priceToKopecks: 500 }, flat, true],
    ['cheaper', { priceFromKopecks: 501 }, flat, false],
    ['dearer', { priceToKopecks: 499 }, flat, false],
    ['an unknown price', { priceToKopecks: 499 }, { ...flat, priceKopecks: null }, false],
    ['an unknown price that nobody asks for', {}, { ...flat, priceKopecks: null }, true],
    ['all must fit', { kinds: ['flat'] as const, deals: ['rent'] as const }, flat, false],
  ])('%s', (_, when, facts, answer) => {
    const condition = { ...when } as Parameters<typeof fits>[0];
    expect(Value.Check(MarkingConditionSchema, condition)).toBe(true);
    expect(fits(condition, facts)).toBe(answer);
  });

  it('finds a price range that nothing fits', () => {
    expect(conditionFault({ priceFromKopecks: 2, priceToKopecks: 1 })).not.toBeNull();
    expect(conditionFault({ priceFromKopecks: 1, priceToKopecks: 1 })).toBeNull();
  });
});
