import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Change,
  codeOf,
  countOutcomes,
  outcomeOf,
  packClosing,
  packUnitChanges,
  packUnits,
  playDay,
  UnitMap,
  unitsOfDay,
  unpackClosing,
  unpackUnitChanges,
  unpackUnits,
} from '../../src/domain/day-record.ts';
import { OUTCOMES } from '../../src/domain/gates.ts';

describe('the codes', () => {
  it('are what they were: records of years are read with them', () => {
    expect(Object.fromEntries(OUTCOMES.map((outcome) => [outcome, codeOf(outcome)]))).toEqual({
      published: 1,
      'off-market': 2,
      'out-of-term': 3,
      stale: 4,
      blocked: 5,
      'awaiting-moderation': 6,
      returned: 7,
      paused: 8,
      duplicate: 9,
      'waiting-turn': 10,
      unfunded: 11,
    });
    for (const outcome of OUTCOMES) expect(outcomeOf(codeOf(outcome))).toBe(outcome);
    expect(outcomeOf(codeOf('unmarked'))).toBeNull();
    expect(() => outcomeOf(200)).toThrow('200');
  });
});

describe('vectors', () => {
  it('come back as they went, whatever the memory around them', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 70_000 }), { maxLength: 50 }),
        fc.array(fc.integer({ min: 0, max: 11 }), { maxLength: 50 }),
        fc.maxSafeNat(),
        fc.integer({ min: 0, max: 3 }),
        (units, codes, throughId, shift) => {
          // As inflate hands it over: somewhere inside of a bigger buffer.
          const moved = (packed: Uint8Array) => {
            const memory = new Uint8Array(packed.length + shift + 5).fill(7);
            memory.set(packed, shift);
            return memory.subarray(shift, shift + packed.length);
          };
          const packed = packUnits(Uint32Array.from(units));
          expect(packed[0]).toBe(units.some((unit) => unit > 65_535) ? 4 : 2);
          expect([...unpackUnits(moved(packed))]).toEqual(units);
          const table = Uint16Array.from({ length: 60_000 }, (_, unit) => (unit * 7) % 1000);
          expect([...new UnitMap(table).of({ whole: moved(packed), changes: null })]).toEqual(
            units.map((unit) => table[unit] ?? 0),
          );
          const closing = unpackClosing(moved(packClosing({ throughId, codes: Uint8Array.from(codes) })));
          expect([closing.throughId, [...closing.codes]]).toEqual([throughId, codes]);
        },
      ),
      { seed: 1 },
    );
  });

  it('of units come back from what changed since a whole one, longer or shorter', () => {
    const someUnits = fc.array(fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 0xffff_ffff })), {
      maxLength: 400,
    });
    fc.assert(
      fc.property(someUnits, someUnits, fc.boolean(), fc.integer({ min: 0, max: 3 }), (base, other, isNear, shift) => {
        // Near: most of it is as it was, as from day to day.
        const units = isNear ? base.map((unit, ordinal) => (ordinal % 50 === shift ? (other[0] ?? 0) : unit)) : other;
        const whole = packUnits(Uint32Array.from(base));
        const packed = packUnitChanges('2026-11-21', whole, Uint32Array.from(units));
        const memory = new Uint8Array(packed.length + shift + 5).fill(200);
        memory.set(packed, shift);
        const changes = unpackUnitChanges(memory.subarray(shift, shift + packed.length))!;
        expect(changes.baseDay).toBe('2026-11-21');
        expect(changes.ordinals).toHaveLength(units.filter((unit, ordinal) => unit !== (base[ordinal] ?? 0)).length);
        const day = { whole, changes };
        expect([...unitsOfDay(day)]).toEqual(units);
        const table = Uint16Array.from({ length: 60_000 }, (_, unit) => (unit * 7) % 1000);
        const map = new UnitMap(table);
        // The whole one is looked up once, and neither day writes into it.
        for (const _ of [1, 2]) expect([...map.of(day)]).toEqual(units.map((unit) => table[unit] ?? 0));
        expect([...map.of({ whole, changes: null })]).toEqual(base.map((unit) => table[unit] ?? 0));
      }),
      { seed: 2 },
    );
  });

  it('tell what is whole from what changed, and are not read when cut off', () => {
    const units = Uint32Array.from({ length: 300 }, (_, at) => at * 300);
    const whole = packUnits(units);
    expect(unpackUnitChanges(whole)).toBeNull();
    for (const level of [0, 1, 6, 9]) expect(unpackUnitChanges(deflateSync(whole, { level }))).toBeNull();
    const packed = packUnitChanges('2026-11-21', packUnits(new Uint32Array(0)), units);
    for (const length of [15, 100, packed.length - 1])
      expect(() => unpackUnitChanges(packed.subarray(0, length))).toThrow('Changes of units');
  });
});

describe('a day', () => {
  const play = (
    before: readonly Parameters<typeof codeOf>[0][],
    ...changes: readonly [number, Change['outcome'], 'older'?][]
  ) => {
    const { outcomes, closing } = playDay(
      Uint8Array.from(before.map(codeOf)),
      changes.map(([ordinal, outcome, older]) => ({ ordinal, outcome, isOlder: older !== undefined })),
    );
    return [[...outcomes].map(outcomeOf), [...closing].map(outcomeOf)];
  };

  it.each([
    ['it was published at its start', play(['published'], [0, 'paused']), 'published', 'paused'],
    ['it became so and was withdrawn', play(['stale'], [0, 'published'], [0, 'off-market']), 'published', 'off-market'],
    ['it never was: the last one counts', play(['stale'], [0, 'blocked'], [0, 'returned']), 'returned', 'returned'],
    ['it was, and was unmarked', play(['published'], [0, 'unmarked']), 'published', null],
    ['it never was, and was unmarked', play(['paused'], [0, 'unmarked']), null, null],
    ['nothing changed', play(['blocked']), 'blocked', 'blocked'],
    ['a late message of an earlier day', play(['published'], [0, 'paused', 'older']), 'paused', 'paused'],
    ['a late one that published', play(['paused'], [0, 'published', 'older'], [0, 'paused']), 'published', 'paused'],
    [
      'the clock was set back within it',
      play(['paused'], [0, 'blocked'], [0, 'published', 'older'], [0, 'stale']),
      'stale',
      'stale',
    ],
  ])('%s', (_, found, outcome, closing) => {
    expect(found).toEqual([[outcome], [closing]]);
  });

  it('grows with new marks and leaves gaps empty', () => {
    expect(play(['blocked'], [2, 'published'])).toEqual([
      ['blocked', null, 'published'],
      ['blocked', null, 'published'],
    ]);
  });

  it('is counted, in all or by unit', () => {
    const outcomes = Uint8Array.from([codeOf('published'), 0, codeOf('blocked'), codeOf('published')]);
    expect(countOutcomes(outcomes)).toEqual({ published: 2, blocked: 1 });
    expect(countOutcomes(outcomes, Uint16Array.from([1, 0, 1, 0]))).toEqual({ published: 1, blocked: 1 });
    // Of a mark without a unit nobody asks.
    expect(countOutcomes(outcomes, Uint16Array.from([1]))).toEqual({ published: 1 });
  });
});
