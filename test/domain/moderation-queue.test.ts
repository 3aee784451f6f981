import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Listing } from '../../src/domain/listing.ts';
import { changeKinds, changesSince, moderatable, type VerdictFacts } from '../../src/domain/moderation.ts';
import {
  byLoss,
  dayKopecks,
  isSampled,
  lostKopecks,
  notTogether,
  passesOnTrust,
  type Waiting,
} from '../../src/domain/moderation-queue.ts';
import { type KnownPicture, photoDifference } from '../../src/domain/photo-difference.ts';
import { AGENCY_DEFAULTS } from '../../src/domain/settings.ts';
import type { TariffTerms } from '../../src/domain/tariff.ts';

const hashOf = (text: string) => createHash('sha256').update(text).digest('base64url');
const content = fc.string().map(hashOf);
const share = fc.integer({ min: 0, max: 100 });

describe('the sample of trusted agents', () => {
  it('is told by the content alone, is nothing at 0 and everything at 100', () => {
    fc.assert(
      fc.property(content, share, (hash, percent) => {
        expect(isSampled(hash, percent)).toBe(isSampled(hash, percent));
        expect(isSampled(hash, 0)).toBe(false);
        expect(isSampled(hash, 100)).toBe(true);
      }),
    );
  });

  it('only grows with its share', () => {
    fc.assert(
      fc.property(content, share, share, (hash, one, other) => {
        if (isSampled(hash, Math.min(one, other))) expect(isSampled(hash, Math.max(one, other))).toBe(true);
      }),
    );
  });

  it('is as large as it is said to be', () => {
    for (const percent of [5, 10, 50]) {
      const sampled = Array.from({ length: 20_000 }, (_, at) => hashOf(`${at}`)).filter((hash) =>
        isSampled(hash, percent),
      );
      expect(Math.abs(sampled.length / 200 - percent)).toBeLessThan(1.5);
    }
  });

  it('never passes a stranger, nor what was returned', () => {
    const trust = { employeeIds: [7], sharePercent: 20 };
    fc.assert(
      fc.property(content, (hash) => {
        expect(passesOnTrust(trust, 7, hash, null)).toBe(!isSampled(hash, 20));
        expect(passesOnTrust(trust, 7, hash, { kind: 'approved' })).toBe(!isSampled(hash, 20));
        expect(passesOnTrust(trust, 7, hash, { kind: 'returned' })).toBe(false);
        expect(passesOnTrust(trust, 8, hash, null)).toBe(false);
        expect(passesOnTrust(trust, null, hash, null)).toBe(false);
      }),
    );
  });
});

describe('the order of the queue', () => {
  const now = new Date('2026-11-21T12:00:00Z');
  const ago = (hours: number) => new Date(now.getTime() - hours * 3_600_000);
  const waiting = (listingId: number, hours: number, roubles: number): Waiting => ({
    listingId,
    since: ago(hours),
    idleKopecks: roubles * 100,
  });

  it('is by what the waiting has cost, then by how long it lasts', () => {
    const cases = [
      waiting(1, 2, 86),
      waiting(2, 40 / 60, 210),
      waiting(3, 50, 0),
      waiting(4, 51, 0),
      waiting(5, 1, 400),
    ];
    expect(cases.map((one) => lostKopecks(one, now))).toEqual([716, 583, 0, 0, 1666]);
    expect([...cases].sort(byLoss(now)).map(({ listingId }) => listingId)).toEqual([5, 1, 2, 4, 3]);
  });

  it('is one order, whatever order they come in', () => {
    const some = fc.uniqueArray(
      fc.record({
        listingId: fc.integer({ min: 1, max: 99 }),
        hours: fc.integer({ min: 0, max: 9 }),
        roubles: fc.integer({ min: 0, max: 3 }),
      }),
      {
        selector: ({ listingId }) => listingId,
      },
    );
    fc.assert(
      fc.property(some, (drawn) => {
        const cases = drawn.map(({ listingId, hours, roubles }) => waiting(listingId, hours, roubles));
        expect([...cases].reverse().sort(byLoss(now))).toEqual([...cases].sort(byLoss(now)));
      }),
    );
  });

  it('prices a day by the tariff, and a placement by its days', () => {
    const terms: TariffTerms = {
      lines: [{ kind: 'house', kopecks: 9_000 }, { kopecks: 3_000 }],
      excess: null,
      promotion: [],
    };
    const facts = { kind: 'flat', deal: 'sale', region: null, priceKopecks: null } as const;
    expect(dayKopecks(null, null, facts)).toBe(0);
    expect(dayKopecks(terms, null, facts)).toBe(3_000);
    expect(dayKopecks(terms, { kind: 'concurrent', places: 10 }, { ...facts, kind: 'house' })).toBe(9_000);
    expect(
      dayKopecks(terms, { kind: 'placements', placements: 9, from: '2026-11-01', periodDays: 30, termDays: 7 }, facts),
    ).toBe(428);
  });
});

const FLAT: Listing = {
  externalId: '1',
  kind: 'flat',
  deal: 'sale',
  priceKopecks: 1_000_000,
  description: 'Уютная квартира.',
  photos: [{ url: 'a' }, { url: 'b' }, { url: 'c', isPlan: true }],
};

function verdict(kind: VerdictFacts['kind'] = 'approved'): VerdictFacts {
  return {
    id: 1,
    kind,
    content: moderatable(FLAT),
    contentHash: 'h',
    photoHashes: { a: 'x' },
    reasons: null,
    note: null,
    by: 'Ирина',
  };
}
const since = (edit: Partial<Listing>, hashes = {}) =>
  changesSince(verdict(), moderatable({ ...FLAT, ...edit }), {}, hashes);

describe('what an edit is about', () => {
  it.each([
    [{ priceKopecks: 900_000 }, ['price']],
    [{ currency: 'USD' }, ['fields']],
    [{ photos: [{ url: 'b' }, { url: 'a' }, { url: 'c', isPlan: true }] }, ['photo-order']],
    [{ photos: [{ url: 'b' }, { url: 'a' }, { url: 'c' }] }, ['photos']],
    [{ photos: [{ url: 'b' }, { url: 'a' }] }, ['photos']],
    [{ description: 'Тёплая квартира.', priceKopecks: 900_000, floor: 3 }, ['price', 'text', 'fields']],
  ] satisfies [Partial<Listing>, string[]][])('%j', (edit, kinds) => {
    expect(changeKinds(since(edit))).toEqual(kinds);
  });

  it('is the pictures where other bytes came to an address', () => {
    expect(changeKinds(since({}, { a: 'y' }))).toEqual(['photos']);
  });
});

describe('approving several together', () => {
  const settings = AGENCY_DEFAULTS.moderation;
  const ask = (edit: Partial<Listing>, last = verdict(), kind: 'price' | 'photo-order' = 'price') =>
    notTogether(kind, { approved: verdict(), last, changes: since(edit) }, settings);

  it('is for one kind of change, never for a text', () => {
    expect(ask({ priceKopecks: 950_000 })).toBeNull();
    expect(
      ask({ photos: [FLAT.photos![1]!, FLAT.photos![0]!, FLAT.photos![2]!] }, verdict(), 'photo-order'),
    ).toBeNull();
    expect(ask({ priceKopecks: 950_000 }, verdict(), 'photo-order')).toContain('Цена');
    expect(ask({ priceKopecks: 950_000, description: 'Другая.' })).toBe('изменилось не только это: Описание, Цена');
    expect(ask({ description: 'Другая.' })).toContain('Описание');
  });

  it('is not for a new listing, a large step or what was returned', () => {
    expect(notTogether('price', { approved: null, last: null, changes: [] }, settings)).toContain('новый');
    expect(ask({ priceKopecks: 899_000 })).toContain('10 %');
    expect(ask({ priceKopecks: 900_000 })).toBeNull();
    expect(ask({ priceKopecks: 950_000 }, verdict('returned'))).toContain('возвращали');
  });
});

describe('what became of the pictures', () => {
  const HASHES: Record<string, KnownPicture> = {
    a: { sha256: 'A', dhash: 'ffffffffffffffff' },
    b: { sha256: 'B', dhash: '00000000000000ff' },
    c: { sha256: 'C', dhash: '1234567890abcdef' },
    copyOfA: { sha256: 'A', dhash: 'ffffffffffffffff' },
    smallB: { sha256: 'B2', dhash: '00000000000000fe' },
    other: { sha256: 'O', dhash: '0f0f0f0f0f0f0f0f' },
  };
  const fates = (before: string, after: string, then: Record<string, string> = {}) => {
    const photos = (names: string) =>
      names
        .split(' ')
        .filter(Boolean)
        .map((url) => ({ url }));
    const found = photoDifference(photos(before), photos(after), then, (url) => HASHES[url]);
    return {
      after: found.after.map(({ fate, isMoved }) => (isMoved ? `${fate}+moved` : fate)).join(' '),
      before: found.before.map(({ fate }) => fate).join(' '),
      counts: found.counts,
    };
  };

  it.each([
    ['a b c', 'a b c', 'same same same', 'same same same'],
    ['a b c', 'b a c', 'same+moved same same', 'same same same'],
    ['a b c d', 'b c d a', 'same same same same+moved', 'same same same same'],
    ['a b', 'a b x', 'same same added', 'same same'],
    ['a b x', 'a b', 'same same', 'same same removed'],
    ['a b', 'copyOfA b', 'same-picture same', 'same-picture same'],
    ['a b', 'a smallB', 'same re-encoded', 'same re-encoded'],
    ['a b c', 'smallB a c', 're-encoded+moved same same', 'same re-encoded same'],
    ['a b', 'a other', 'same replaced', 'same replaced'],
    ['', 'a b', 'added added', ''],
  ])('«%s» → «%s»', (before, after, is, was) => {
    expect(fates(before, after)).toMatchObject({ after: is, before: was });
  });

  it('knows other bytes at the same address', () => {
    expect(fates('a b', 'a b', { a: 'was', b: 'B' })).toMatchObject({
      after: 'replaced same',
      counts: { replaced: 1 },
    });
  });

  it('counts a picture that was saved anew as nothing new', () => {
    expect(fates('a b c', 'c smallB x').counts).toEqual({ added: 1, removed: 1, replaced: 0, moved: 1, reEncoded: 1 });
  });

  it('pairs every picture with at most one of the other list', () => {
    const names = fc.array(fc.constantFrom(...Object.keys(HASHES), 'x', 'y'), { maxLength: 8 });
    fc.assert(
      fc.property(names, names, (before, after) => {
        const photos = (urls: string[]) => urls.map((url) => ({ url }));
        const found = photoDifference(photos(before), photos(after), {}, (url) => HASHES[url]);
        for (const [place, { pair, fate }] of found.after.entries()) {
          if (pair === null) expect(fate).toBe('added');
          else expect(found.before[pair]!.pair).toBe(place);
        }
        expect(after.length - before.length).toBe(found.counts.added - found.counts.removed);
      }),
    );
  });
});
