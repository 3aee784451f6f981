import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/domain/corrections.ts';
import type { Listing } from '../../src/domain/listing.ts';
import {
  type ChosenContent,
  changesSince,
  chooseContent,
  type ModerationSettings,
  moderatable,
  moderationFor,
  readSeenToken,
  seenToken,
  type VerdictFacts,
} from '../../src/domain/moderation.ts';
import { AGENCY_DEFAULTS, type FieldPolicy } from '../../src/domain/settings.ts';

const FLAT: Listing = {
  externalId: '1042',
  kind: 'flat',
  deal: 'sale',
  description: 'Уютная квартира у метро.',
  address: 'Тула, улица Ленина, 12',
  priceKopecks: 1_000_000_000,
  areaM2: 54.3,
  floor: 3,
  contactPhones: ['+79120000014'],
  photos: [{ url: 'https://a.example/1.jpg' }, { url: 'https://a.example/2.jpg' }],
  boardFields: { avito: { AvitoId: '1', ListingFee: 'Package' } },
};

const ON: ModerationSettings = { ...AGENCY_DEFAULTS.moderation, mode: 'on' };
const KEEP: ModerationSettings = { ...ON, edit: 'keep-approved' };

const hash = (values: Partial<Listing>) => canonicalJson(moderatable(values));

let ids = 0;
function verdict(kind: VerdictFacts['kind'], values: Listing, more: Partial<VerdictFacts> = {}): VerdictFacts {
  return {
    id: ++ids,
    kind,
    content: moderatable(values),
    contentHash: hash(values),
    photoHashes: {},
    reasons: kind === 'returned' ? [{ code: 'text-poor', text: 'Дополните описание.', field: 'description' }] : null,
    note: null,
    by: 'Ирина',
    ...more,
  };
}
const approve = (values: Listing = FLAT, more: Partial<VerdictFacts> = {}) => verdict('approved', values, more);
const giveBack = (values: Listing, more: Partial<VerdictFacts> = {}) => verdict('returned', values, more);

/** The newest of the verdicts is the last one. */
function choose(
  values: Listing,
  verdicts: readonly VerdictFacts[],
  settings: ModerationSettings = ON,
  photoHashes: Record<string, string> = {},
): ChosenContent {
  const approved = verdicts.findLast(({ kind }) => kind === 'approved') ?? null;
  return chooseContent(values, approved, verdicts.at(-1) ?? null, settings, photoHashes, hash(values));
}

const withPolicy = (policy: Record<string, FieldPolicy>): ModerationSettings => ({ ...ON, policy });

describe('what a moderator looks at', () => {
  it('leaves out ids, contacts and dates', () => {
    expect(
      moderatable({
        ...FLAT,
        contactName: 'Ирина',
        contactEmail: 'a@example.ru',
        createdAt: '2026-11-01T00:00:00Z',
        updatedAt: '2026-11-02T00:00:00Z',
      }),
    ).toEqual({
      kind: 'flat',
      deal: 'sale',
      description: FLAT.description,
      address: FLAT.address,
      priceKopecks: 1_000_000_000,
      areaM2: 54.3,
      floor: 3,
      photos: FLAT.photos,
      boardFields: { avito: { ListingFee: 'Package' } },
    });
  });

  it('is the same for values that mean the same', () => {
    const one = { ...FLAT, photos: [{ url: 'a', isPlan: false }], boardFields: { avito: { AvitoId: '2' }, cian: {} } };
    const other = { ...FLAT, photos: [{ url: 'a' }], title: undefined, boardFields: undefined } as unknown as Listing;
    expect(hash(one)).toBe(hash(other));
  });
});

describe('the cabinet’s own mode', () => {
  it.each([
    [null, null, 'off', 'stop'],
    ['on', null, 'on', 'stop'],
    ['on', 'keep-approved', 'on', 'keep-approved'],
    ['off', null, 'off', 'stop'],
  ] as const)('%s, %s makes %s, %s', (moderation, edit, mode, resulting) => {
    expect(moderationFor(AGENCY_DEFAULTS, { moderation, edit })).toMatchObject({ mode, edit: resulting });
  });
});

describe('choosing the content', () => {
  it('asks nobody where moderation is off', () => {
    const edited = { ...FLAT, description: 'Другое.' };
    const returned = giveBack(edited);
    expect(choose(edited, [approve(), returned], AGENCY_DEFAULTS.moderation)).toEqual({
      values: edited,
      approval: 'not-needed',
      waiting: [],
      changes: [],
    });
  });

  it('waits where nobody has looked', () => {
    expect(choose(FLAT, [])).toEqual({ values: FLAT, approval: 'awaiting', waiting: [], changes: [] });
    expect(choose(FLAT, [], KEEP).approval).toBe('awaiting');
  });

  it('lets fields pass that nobody looks at', () => {
    const values = { ...FLAT, contactPhones: ['+79990000000'], updatedAt: '2026-11-02T00:00:00Z', externalId: '7' };
    const found = choose(values, [approve()]);
    expect([found.approval, found.changes]).toEqual(['approved', []]);
    expect(found.values).toBe(values);
  });

  it('names the fields that wait', () => {
    const edited = {
      ...FLAT,
      description: 'Тёплая.',
      priceKopecks: 980_000_000,
      boardFields: { avito: { ListingFee: 'Single', AvitoId: '9' } },
    };
    const found = choose(edited, [approve()]);
    expect(found.approval).toBe('awaiting');
    expect(found.waiting).toEqual(['Описание', 'Авито: ListingFee']);
    expect(found.changes).toEqual([
      { field: 'description', label: 'Описание', before: FLAT.description, after: 'Тёплая.', passes: false },
      { field: 'priceKopecks', label: 'Цена', before: 1_000_000_000, after: 980_000_000, passes: true },
      { field: 'avito:ListingFee', label: 'Авито: ListingFee', before: 'Package', after: 'Single', passes: false },
    ]);
  });

  const cases: readonly [string, FieldPolicy | undefined, keyof Listing, unknown, unknown, boolean][] = [
    ['by default', undefined, 'areaM2', 54.3, 54.4, false],
    ['under look', 'look', 'areaM2', 54.3, 54.4, false],
    ['under pass', 'pass', 'areaM2', 54.3, 100, true],
    ['under pass, a field that appears', 'pass', 'title', undefined, 'Квартира', true],
    ['down to the very bound', { downPercent: 5 }, 'priceKopecks', 1_000_000_000, 950_000_000, true],
    ['below the bound', { downPercent: 5 }, 'priceKopecks', 1_000_000_000, 949_999_999, false],
    ['up, where only down passes', { downPercent: 5 }, 'priceKopecks', 1_000_000_000, 1_000_000_001, false],
    ['up to the bound', { upPercent: 10 }, 'priceKopecks', 1_000_000_000, 1_100_000_000, true],
    ['down, where only up passes', { upPercent: 10 }, 'priceKopecks', 1_000_000_000, 999_999_999, false],
    ['within both bounds', { downPercent: 1, upPercent: 1 }, 'areaM2', 50, 50.5, true],
    ['a field that appears under per cents', { upPercent: 1000 }, 'priceKopecks', undefined, 5, false],
    ['a field that disappears under per cents', { downPercent: 100 }, 'priceKopecks', 5, undefined, false],
    ['away from zero', { upPercent: 1000 }, 'depositKopecks', 0, 1, false],
    ['below the ground', { upPercent: 100 }, 'floor', -2, -1, true],
    ['a text under per cents', { upPercent: 1000 }, 'description', 'а', 'б', false],
  ];
  it.each(cases)('judges a change %s', (_, policy, field, before, after, passes) => {
    const of = (value: unknown) => ({ ...FLAT, [field]: value }) as Listing;
    const settings = withPolicy(policy === undefined ? {} : { [field]: policy });
    const found = choose(of(after), [approve(of(before))], settings);
    expect(found.changes).toMatchObject([{ field, before: before ?? null, after: after ?? null, passes }]);
    expect(found.approval).toBe(passes ? 'approved' : 'awaiting');
  });

  it('does not let a price creep: per cents are of the approved one', () => {
    const approved = approve();
    let price = 1_000_000_000;
    const seen: string[] = [];
    for (let step = 0; step < 4; step++) {
      price = Math.round(price * 0.98);
      seen.push(choose({ ...FLAT, priceKopecks: price }, [approved]).approval);
    }
    expect(seen).toEqual(['approved', 'approved', 'awaiting', 'awaiting']);
    // Approved anew, the way down begins anew.
    const lower = { ...FLAT, priceKopecks: price };
    expect(choose({ ...lower, priceKopecks: Math.round(price * 0.96) }, [approved, approve(lower)]).approval).toBe(
      'approved',
    );
  });

  it('approves again whatever is put back, without anybody doing anything', () => {
    const text = fc.option(fc.string({ minLength: 1, maxLength: 20 }), { nil: undefined });
    const edit = fc.record({
      title: text,
      description: text,
      priceKopecks: fc.option(fc.integer({ min: 1, max: 1e12 }), { nil: undefined }),
      hasFurniture: fc.option(fc.boolean(), { nil: undefined }),
      photos: fc.option(
        fc.array(fc.record({ url: fc.constantFrom('a', 'b', 'c', 'd') }), { minLength: 1, maxLength: 5 }),
        { nil: undefined },
      ),
      boardFields: fc.option(
        fc.record({ avito: fc.dictionary(fc.constantFrom('X', 'Y', 'AvitoId'), fc.jsonValue({ maxDepth: 1 })) }),
        { nil: undefined },
      ),
    });
    fc.assert(
      fc.property(edit, edit, fc.constantFrom('stop' as const, 'keep-approved' as const), (first, second, mode) => {
        const approvedValues = { ...FLAT, ...first } as Listing;
        const edited = { ...approvedValues, ...second } as Listing;
        const approved = approve(approvedValues);
        const settings = { ...ON, policy: {}, edit: mode };
        const isDifferent = hash(edited) !== hash(approvedValues);
        const during = choose(edited, [approved], settings);
        expect(during.approval).toBe(isDifferent ? (mode === 'stop' ? 'awaiting' : 'kept') : 'approved');
        expect(during.changes.length > 0).toBe(isDifferent);
        if (during.approval === 'kept') {
          // What is kept is what was approved, but the price and what nobody looks at.
          const { priceKopecks: _, ...kept } = moderatable(during.values);
          const { priceKopecks: __, ...was } = moderatable(approvedValues);
          expect(canonicalJson(moderatable(kept))).toBe(canonicalJson(moderatable(was)));
          expect(during.values.priceKopecks).toBe(edited.priceKopecks);
        }
        // Read anew from the database: nothing but the values is equal.
        const back = structuredClone(approvedValues);
        expect(choose(back, [approved], settings)).toMatchObject({ approval: 'approved', values: back, waiting: [] });
        expect(choose(back, [approved, giveBack(edited)], settings).approval).toBe(
          isDifferent ? 'approved' : 'returned',
        );
      }),
      { seed: 20261121, numRuns: 400 },
    );
  });

  it('a new policy un-approves nobody whose values are the approved ones', () => {
    const policies: Record<string, FieldPolicy>[] = [{}, { priceKopecks: 'look' }, { description: 'pass' }];
    for (const policy of policies) {
      expect(choose(FLAT, [approve()], withPolicy(policy)).approval).toBe('approved');
    }
  });
});

describe('photos', () => {
  const [first, second] = ['https://a.example/1.jpg', 'https://a.example/2.jpg'];
  const photos = (...urls: string[]): Listing => ({ ...FLAT, photos: urls.map((url) => ({ url })) });
  const known = approve(FLAT, { photoHashes: { [first]: 'aaa' } });

  it.each([
    ['the same bytes', { [first]: 'aaa' }, 'approved'],
    ['other bytes at a known address', { [first]: 'bbb' }, 'awaiting'],
    ['bytes that are not known any more', {}, 'approved'],
    ['bytes that nobody knew at the approval', { [first]: 'aaa', [second]: 'ccc' }, 'approved'],
    ['other bytes at an address the listing does not show', { 'https://a.example/9.jpg': 'x' }, 'approved'],
  ] as const)('%s', (_, hashes, approval) => {
    expect(choose(FLAT, [known], ON, hashes).approval).toBe(approval);
  });

  it('tells what was added, removed, moved and replaced', () => {
    const found = changesSince(
      { content: moderatable(photos('a', 'b', 'c', 'd')), photoHashes: { b: '1' } },
      moderatable(photos('b', 'a', 'e', 'd')),
      {},
      { b: '2' },
    );
    expect(found).toMatchObject([
      {
        field: 'photos',
        label: 'Фотографии',
        photos: { added: ['e'], removed: ['c'], replaced: ['b'], movedCount: 2 },
      },
    ]);
  });

  it.each([
    ['another order', photos(second, first)],
    ['one more', photos(first, second, 'https://a.example/3.jpg')],
    ['one less', photos(first)],
    ['one twice', photos(first, second, second)],
    ['none', { ...FLAT, photos: undefined } as unknown as Listing],
    ['a plan', { ...FLAT, photos: [{ url: first, isPlan: true }, { url: second }] }],
  ])('%s needs a look', (_, values) => {
    expect(choose(values, [approve()]).waiting).toEqual(['Фотографии']);
  });

  it('keeps no picture whose bytes nobody has seen', () => {
    const found = choose(FLAT, [known], KEEP, { [first]: 'bbb' });
    expect(found).toMatchObject({ approval: 'kept', waiting: ['Фотографии'] });
    expect(found.values.photos).toEqual([{ url: second }]);
    const alone = approve(photos(first), { photoHashes: { [first]: 'aaa' } });
    expect(choose(photos(first), [alone], KEEP, { [first]: 'bbb' }).values).not.toHaveProperty('photos');
  });

  it('brings a returned listing back to the queue when only the bytes were replaced', () => {
    const returned = giveBack(FLAT, { photoHashes: { [first]: 'aaa' } });
    expect(choose(FLAT, [returned], ON, { [first]: 'aaa' }).approval).toBe('returned');
    expect(choose(FLAT, [returned], ON, { [first]: 'bbb' }).approval).toBe('awaiting');
    // Approved before anybody knew the bytes, returned with them: new bytes need a look all the same.
    expect(choose(FLAT, [approve(), returned], ON, { [first]: 'bbb' }).approval).toBe('awaiting');
  });
});

describe('a returned content', () => {
  const edited: Listing = { ...FLAT, description: 'Звоните 8 912 000-00-14!' };

  it('is returned with its reasons until it changes', () => {
    const back = giveBack(edited, { note: 'Телефон стоит отдельно.' });
    expect(choose(edited, [back])).toMatchObject({
      approval: 'returned',
      returned: { by: 'Ирина', texts: ['Дополните описание.', 'Телефон стоит отдельно.'] },
    });
    const mended = { ...edited, description: 'Тёплая.' };
    const after = choose(mended, [back]);
    expect(after.approval).toBe('awaiting');
    expect(after).not.toHaveProperty('returned');
  });

  it('stops the listing, or leaves the approved content there with the reasons beside it', () => {
    const verdicts = [approve(), giveBack(edited)];
    expect(choose(edited, verdicts, ON).approval).toBe('returned');
    const kept = choose(edited, verdicts, KEEP);
    expect(kept).toMatchObject({ approval: 'kept', returned: { by: 'Ирина' } });
    expect(kept.values.description).toBe(FLAT.description);
  });

  it('that was approved before is off the boards, kept or not', () => {
    const verdicts = [approve(), giveBack(FLAT)];
    for (const settings of [ON, KEEP]) {
      expect(choose(FLAT, verdicts, settings).approval).toBe('returned');
      expect(choose(edited, verdicts, settings).approval).toBe('awaiting');
    }
    expect(choose(FLAT, [...verdicts, approve()], ON).approval).toBe('approved');
  });

  it('takes back what the policy had let pass', () => {
    const at = (percent: number): Listing => ({ ...FLAT, priceKopecks: percent * 10_000_000 });
    const verdicts = [approve(at(100)), giveBack(at(98))];
    for (const settings of [ON, KEEP]) {
      expect(choose(at(98), verdicts, settings).approval).toBe('returned');
      // Another step of the same kind needs a look now; the approved price itself does not.
      expect(choose(at(97), verdicts, settings).approval).toBe('awaiting');
      expect(choose(at(100), verdicts, settings).approval).toBe('approved');
      expect(choose(at(97), [...verdicts, approve(at(98))], settings).approval).toBe('approved');
    }
  });

  it('does not come back to the boards as the kept one with today’s price', () => {
    const cheap: Listing = { ...FLAT, priceKopecks: 500_000_000 };
    expect(choose(cheap, [approve(), giveBack(cheap)], KEEP).approval).toBe('returned');
    expect(choose({ ...cheap, description: 'Ещё правка.' }, [approve(), giveBack(cheap)], KEEP).approval).toBe(
      'awaiting',
    );
  });
});

describe('the kept content', () => {
  it('is the approved one under today’s price, phone and number', () => {
    const edited: Listing = {
      ...FLAT,
      description: 'Правка.',
      title: 'Новый заголовок',
      priceKopecks: 700_000_000,
      currency: 'USD',
      contactPhones: ['+79990000000'],
      boardFields: { avito: { AvitoId: '2', ListingFee: 'Single', Extra: 'x' } },
    };
    const { values, approval } = choose(edited, [approve()], KEEP);
    expect(approval).toBe('kept');
    expect(values).toEqual({
      ...FLAT,
      priceKopecks: 700_000_000,
      currency: 'USD',
      contactPhones: ['+79990000000'],
      boardFields: { avito: { AvitoId: '2', ListingFee: 'Package' } },
    });
  });

  it('never puts the price of a rent on a sale', () => {
    const edited: Listing = { ...FLAT, deal: 'rent', priceKopecks: 3_000_000 };
    expect(choose(edited, [approve()], KEEP).values).toEqual(FLAT);
  });
});

it('the token of what was seen reads back, and nothing else does', () => {
  const contentHash = 'uq3-Zx_0123456789';
  for (const lastVerdictId of [null, 12]) {
    expect(readSeenToken(seenToken({ contentHash, lastVerdictId }))).toEqual({ contentHash, lastVerdictId });
  }
  for (const wrong of ['', '12', '12.', '.abc', 'x.uq3-Zx_0123456789']) expect(readSeenToken(wrong)).toBeNull();
});
