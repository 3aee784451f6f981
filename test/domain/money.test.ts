import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { formatKopecks, KOPECKS_MAX, plainRoubles, readRoubles, splitKopecks } from '../../src/domain/money.ts';

const IS_LONG = process.env.VYGRUZKA_LONG !== undefined;
if (IS_LONG) vi.setConfig({ testTimeout: 1_800_000 });
const SEED = 20261122;

const sum = fc.oneof(fc.integer({ min: 0, max: 100_000 }), fc.integer({ min: 0, max: KOPECKS_MAX }));
const anySum = fc.maxSafeInteger();
/** Everything a keyboard, a spreadsheet or an attacker puts where a sum belongs. */
const nearly = fc
  .array(
    fc.constantFrom(...'0123456789 .,-+eEx₽', 'руб', 'р.', '\u00a0', '\u202f', '\u2009', '\t', '\n', '٣', '１', '−'),
    {
      maxLength: 24,
    },
  )
  .map((parts) => parts.join(''));

describe('a sum that a person writes', () => {
  it.each([
    ['1234', 123_400],
    ['1 234,50', 123_450],
    ['1234.5', 123_450],
    ['1234,05', 123_405],
    ['0,01', 1],
    ['0', 0],
    ['007', 700],
    ['  15 ₽ ', 1500],
    ['15руб', 1500],
    ['15 РУБ.', 1500],
    ['15 р.', 1500],
    ['1\u00a0234\u202f567,89 ₽', 123_456_789],
    [`${'0'.repeat(40)}1`, 100],
    ['10 000 000 000', KOPECKS_MAX],
    ['10000000000,00', KOPECKS_MAX],
    ['9999999999,99', KOPECKS_MAX - 1],
  ])('«%s» is %i kopecks', (text, kopecks) => {
    expect(readRoubles(text)).toBe(kopecks);
  });

  it.each([
    ['', 'nothing'],
    ['₽', 'no number'],
    ['-5', 'below zero'],
    ['−5', 'below zero, as we print it'],
    ['+5', 'a sign'],
    ['1e3', 'an exponent'],
    ['0x10', 'hexadecimal'],
    ['1,234', 'three digits of kopecks: thousands, to somebody else'],
    ['1.234,50', 'points between thousands'],
    ['1,', 'a comma for nothing'],
    ['.5', 'nothing before the point'],
    ['12 34', 'a group of two'],
    ['1234 567', 'half grouped'],
    ['1  234', 'two spaces'],
    ['1\t234', 'a tab between thousands'],
    ['٣', 'a digit of another script'],
    ['１２', 'wide digits'],
    ['5 $', 'another currency'],
    ['5 ₽ ₽', 'the currency twice'],
    ['Infinity', 'a word'],
    ['10000000000,01', 'a kopeck too much'],
    ['99999999999999999999', 'more than a number holds'],
  ])('«%s» is none: %s', (text) => {
    expect(readRoubles(text)).toBeUndefined();
  });

  it('is whole kopecks within the limit or nothing, whatever is written', () => {
    fc.assert(
      fc.property(fc.oneof(nearly, fc.string({ unit: 'binary' }), fc.double().map(String)), (text) => {
        const kopecks = readRoubles(text);
        if (kopecks === undefined) return;
        expect(Number.isSafeInteger(kopecks) && kopecks >= 0 && kopecks <= KOPECKS_MAX).toBe(true);
        // The digits are those that were written, in their order: nothing was rounded or taken for something else.
        const [roubles = '', rest = ''] = text.split(/[.,](?=\d)/).map((part) => part.replace(/\D/g, ''));
        expect(BigInt(kopecks)).toBe(BigInt(roubles) * 100n + BigInt(rest.padEnd(2, '0') || '0'));
      }),
      { numRuns: IS_LONG ? 200_000 : 5000, seed: SEED },
    );
  });

  it('is read in a time that does not explode with its length', () => {
    // Spaces by the hundred thousand kept the expression busy for minutes; the test's own limit is the judge.
    expect(readRoubles(`1${' '.repeat(200_000)}₽x`)).toBeUndefined();
    expect(readRoubles(`1${' '.repeat(200_000)}₽`)).toBe(100);
    expect(readRoubles(`${'1'.repeat(200_000)}₽`)).toBeUndefined();
    expect(readRoubles(`1${' 111'.repeat(100_000)} р.`)).toBeUndefined();
  });
});

describe('a sum that is printed', () => {
  it.each([
    [0, '0\u00a0₽', '0.00'],
    [1, '0,01\u00a0₽', '0.01'],
    [-1, '−0,01\u00a0₽', '-0.01'],
    [5000, '50\u00a0₽', '50.00'],
    [123_450, '1\u00a0234,50\u00a0₽', '1234.50'],
    [-123_456_789, '−1\u00a0234\u00a0567,89\u00a0₽', '-1234567.89'],
    [Number.MAX_SAFE_INTEGER, '90\u00a0071\u00a0992\u00a0547\u00a0409,91\u00a0₽', '90071992547409.91'],
  ])('%i is «%s» and %s', (kopecks, told, plain) => {
    expect(formatKopecks(kopecks)).toBe(told);
    expect(plainRoubles(kopecks)).toBe(plain);
  });

  it('has no minus when it is nothing', () => {
    expect(formatKopecks(-0)).toBe('0\u00a0₽');
    expect(plainRoubles(-0)).toBe('0.00');
  });

  it('is read back as it was', () => {
    fc.assert(
      fc.property(sum, (kopecks) => {
        expect(readRoubles(formatKopecks(kopecks))).toBe(kopecks);
        expect(readRoubles(plainRoubles(kopecks))).toBe(kopecks);
      }),
      { numRuns: IS_LONG ? 200_000 : 5000, seed: SEED },
    );
    fc.assert(
      fc.property(anySum, (kopecks) => {
        expect(BigInt(plainRoubles(kopecks).replace('.', ''))).toBe(BigInt(kopecks));
      }),
      { seed: SEED },
    );
  });

  it.each([0.1 + 0.2, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('%d is no sum', (kopecks) => {
    expect(() => formatKopecks(kopecks)).toThrow('broken invariant');
    expect(() => plainRoubles(kopecks)).toThrow('broken invariant');
  });
});

describe('a sum that is cut (T20)', () => {
  it.each([
    [100, [1, 1, 1], [34, 33, 33]],
    [-100, [1, 1, 1], [-34, -33, -33]],
    [2, [1, 1, 1], [1, 1, 0]],
    [10, [0, 3, 0, 1], [0, 8, 0, 2]],
    [7, [0, 0], [4, 3]],
    [5, [3], [5]],
    [0, [1, 2], [0, 0]],
    [5, [], []],
    // The larger remainder, not the larger share.
    [100, [57, 29, 14, 1], [56, 29, 14, 1]],
  ])('%i by %j is %j', (total, weights, shares) => {
    expect(splitKopecks(total, weights)).toEqual(shares);
  });

  const weights = fc.array(fc.oneof(fc.constant(0), fc.nat(1000), fc.maxSafeNat()), { minLength: 1, maxLength: 30 });

  it('neither loses nor makes a kopeck, and nobody is a whole kopeck away from their part', () => {
    fc.assert(
      fc.property(fc.oneof(fc.integer({ min: -1000, max: 1000 }), anySum), weights, (total, given) => {
        const shares = splitKopecks(total, given);
        expect(shares).toHaveLength(given.length);
        expect(shares.reduce((all, share) => all + BigInt(share), 0n)).toBe(BigInt(total));
        const all = given.reduce((sum, weight) => sum + BigInt(weight), 0n);
        const parts = all === 0n ? given.map(() => 1n) : given.map(BigInt);
        const whole = all === 0n ? BigInt(given.length) : all;
        const isFair = (share: number, part: bigint) => {
          const away = BigInt(share) * whole - BigInt(total) * part;
          return away < whole && -away < whole && !(part === 0n && share !== 0) && !Object.is(share, -0);
        };
        expect(shares.filter((share, index) => !isFair(share, parts[index]!))).toEqual([]);
      }),
      { numRuns: IS_LONG ? 1_000_000 : 10_000, seed: SEED },
    );
  });

  it('treats equals alike, gives the odd kopecks to the first of them, and cuts a debt like a sum', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), weights, (total, given) => {
        const shares = splitKopecks(total, given);
        given.forEach((weight, index) => {
          const next = given.indexOf(weight, index + 1);
          if (next < 0) return;
          expect([0, 1]).toContain(shares[index]! - shares[next]!);
        });
        expect(splitKopecks(-total, given).map((share) => 0 - share)).toEqual(shares);
      }),
      { seed: SEED },
    );
  });

  it('does not cut by what is no weight', () => {
    expect(() => splitKopecks(10, [0.5, 0.5])).toThrow();
    expect(() => splitKopecks(1.5, [1])).toThrow();
  });
});
