import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, conflicts, effective, fieldValue, withField } from '../../src/domain/corrections.ts';
import type { Listing } from '../../src/domain/listing.ts';

const source: Listing = {
  externalId: '1',
  kind: 'flat',
  deal: 'sale',
  priceKopecks: 500_00,
  floor: 0,
  boardFields: { avito: { AdStatus: 'Free' } },
};
const correction = (value: unknown, basis: unknown) => ({ value, basis, by: 'Ирина', at: '2026-11-21T09:00:00Z' });

describe('corrections', () => {
  it('lie over the source: set, changed, emptied, in a family’s own field', () => {
    const listing = effective(source, {
      priceKopecks: correction(490_00, 500_00),
      floorsTotal: correction(9, null),
      floor: correction(null, 0),
      'avito:AdStatus': correction('XL', 'Free'),
    });
    expect(listing).toEqual({
      externalId: '1',
      kind: 'flat',
      deal: 'sale',
      priceKopecks: 490_00,
      floorsTotal: 9,
      boardFields: { avito: { AdStatus: 'XL' } },
    });
    expect(source.priceKopecks).toBe(500_00);
  });

  it('are in conflict only when the source changed the very field', () => {
    const made = { priceKopecks: correction(490_00, 500_00), floor: correction(3, 0) };
    expect(conflicts(source, made)).toEqual([]);
    expect(conflicts({ ...source, priceKopecks: 510_00 }, made)).toEqual(['priceKopecks']);
    const { floor: _, ...without } = source;
    expect(conflicts(without, made)).toEqual(['floor']);
  });

  it('reads back what it set, whatever the field', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('priceKopecks', 'floor', 'description', 'avito:AdStatus', 'cian:Building/Series'),
        fc.jsonValue(),
        (field, value) => {
          expect(canonicalJson(fieldValue(withField(source, field, value), field))).toBe(canonicalJson(value));
        },
      ),
      { seed: 1 },
    );
  });

  it('tells equal values by equal text, whatever order they were built in', () => {
    expect(canonicalJson({ b: [1, { d: 2, c: undefined }], a: '0' })).toBe(canonicalJson({ a: '0', b: [1, { d: 2 }] }));
    expect(canonicalJson({ a: 0 })).not.toBe(canonicalJson({ a: false }));
    expect(canonicalJson({})).not.toBe(canonicalJson({ a: null }));
  });
});
