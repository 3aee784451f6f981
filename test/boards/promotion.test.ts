import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadBoards, readBoards } from '../../src/boards/catalogue.ts';
import { valueOf } from '../../src/boards/formats/codec.ts';
import { CODECS } from '../../src/boards/formats/index.ts';
import { schemaJudge } from '../../src/boards/formats/inspect.ts';
import { richListing, shapesOf } from '../../src/boards/formats/specimen.ts';
import { Element } from '../../src/boards/formats/xml.ts';
import { paidLevels, promotionDress, promotionKey, withPromotion } from '../../src/boards/promotion.ts';
import { FAMILIES, type Family, type Listing } from '../../src/domain/listing.ts';
import { dress } from '../../src/export/offer.ts';

const boards = loadBoards();
const boardOf = (id: string) => boards.find((board) => board.id === id)!;
const selling = boards.filter(({ promotion }) => promotion.levels.length > 0);
const flat = (family: Family, own: Record<string, unknown>): Listing => ({
  externalId: '1',
  kind: 'flat',
  deal: 'sale',
  boardFields: { [family]: own },
});
const ownOf = (family: Family, listing: Listing) => listing.boardFields?.[family];

/** All values of all paid tags that an offer has, once it was written and read. */
function paidTags(boardId: string, family: Family, listing: Listing): string[] {
  const codec = CODECS[family];
  const there = codec.read(Element.from(codec.write(listing))).listing as Listing;
  return boardOf(boardId)
    .promotion.paidFields.filter((entry) => entry.family === family)
    .flatMap(({ field, part, keeps }) => {
      const value = valueOf(there, family, `own:${field}`);
      const blocks = Array.isArray(value) ? value : value === undefined ? [] : [value];
      const inner = part === undefined ? blocks : blocks.flatMap((block) => block[part] ?? []);
      return inner.filter((one) => !keeps.includes(one)).map((one) => `${part ?? field}=${JSON.stringify(one)}`);
    });
}

test('the boards whose paid levels are known', () => {
  expect(selling.map(({ id }) => id)).toEqual(['avito', 'cian', 'domclick', 'yandex']);
  const named = (id: string) => boardOf(id).promotion.levels.map(({ code, days }) => (days ? `${code}:${days}` : code));
  expect(named('cian')).toEqual(['highlight', 'premium', 'top3']);
  expect(named('avito').slice(0, 4)).toEqual(['Highlight:7', 'XL:7', 'x2_1:1', 'x2_7:7']);
  expect(named('avito')).toHaveLength(12);
});

test('whatever a level writes and whatever costs money has a source that is proven and dated', () => {
  for (const { levels, paidFields } of boards.map(({ promotion }) => promotion)) {
    for (const { source, label } of levels) {
      expect(['official', 'vendor', 'production']).toContain(source.grade);
      expect(label).toMatch(/[а-яё]/i);
    }
    for (const { source, why } of paidFields) {
      expect(source.date).toMatch(/^20\d\d/);
      expect(why).toMatch(/[а-яё].*\.$/i);
    }
  }
  // A feed of a family may be read by any board of it.
  for (const { families, promotion } of boards)
    for (const family of families) expect(promotion.paidFields.some((entry) => entry.family === family)).toBe(true);
});

const offers = selling.flatMap((board) =>
  board.families.flatMap((family) => board.promotion.levels.map(({ code }) => [board.id, family, code] as const)),
);

describe.each(offers)('%s in the format %s: %s', (id, family, code) => {
  test('is written, read back and valid, whatever the listing says itself', () => {
    const codec = CODECS[family];
    const worn = promotionDress({ excess: null }, null, [code])!;
    const shapes = shapesOf(codec);
    const some = shapes.filter((_, index) => index % Math.ceil(shapes.length / 8) === 0);
    const rich = some.flatMap((shape) => [0, 1, 2].map((variant) => richListing(codec, shape, variant)));
    const bare: Listing[] = some.map((shape) => ({ externalId: 'A-1', ...shape }));
    const plain = withPromotion(bare[0]!, worn, boardOf(id));
    const asked = paidTags(id, family, plain);
    expect(asked).toHaveLength(1);
    expect(asked[0]).toContain(`"${code}"`);
    const all = [...rich, ...bare].map((listing) => withPromotion(listing, worn, boardOf(id)));
    for (const listing of all) {
      const tags = paidTags(id, family, listing).filter((tag) => !/ListingFee|IgnoreServicePackages/.test(tag));
      expect(tags).toEqual(asked);
      expect(codec.read(Element.from(codec.write(listing))).notUnderstood).toEqual([]);
    }
    const complete = rich.map((listing, index) => ({
      id: String(index),
      xml: codec.render(withPromotion({ ...listing, externalId: String(index) }, worn, boardOf(id))),
    }));
    const before = rich.map((listing, index) => ({
      id: String(index),
      xml: codec.render({ ...listing, externalId: String(index) }),
    }));
    const faultsOf = (offers: typeof complete) =>
      schemaJudge(family)
        .judge(offers)
        .map(({ id, code, xpath }) => `${id} ${code} ${xpath}`);
    expect(faultsOf(complete)).toEqual(faultsOf(before));
  });
});

describe('with the money on', () => {
  const free = promotionDress({ excess: [{ kopecks: 1 }] }, null)!;
  const tight = promotionDress({ excess: null }, { kind: 'concurrent', places: 5 })!;

  test.each<[string, Family, Record<string, unknown>, Record<string, unknown>]>([
    ['avito', 'avito', { AdStatus: 'XL', NewDevelopmentId: '7' }, { NewDevelopmentId: '7' }],
    ['avito', 'avito', { AdStatus: 'Free', ListingFee: 'Single' }, { AdStatus: 'Free', ListingFee: 'Single' }],
    ['avito', 'avito', { AuctionPrice: 100, AuctionPriceLastDate: '2026-12-01' }, {}],
    // A tag of another board goes out in nobody's file.
    ['move', 'yandex', { vas: [{ name: 'premium' }], 'domclick-tariff': 'top', quality: 'x' }, { quality: 'x' }],
    ['domclick', 'avito', { DomclickTariff: 'top', AdStatus: 'x2_1' }, {}],
    ['cian', 'cian', { 'Auction/Bet': 20 }, {}],
    [
      'cian',
      'cian',
      {
        'PublishTerms/Terms': [
          { 'Services/ServicesEnum': ['paid', 'premium'], 'ExcludedServices/ExcludedServicesEnum': ['top3'] },
          { 'Services/ServicesEnum': ['top3'], DomclickServicesEnum: 'top' },
          { IgnoreServicePackages: true },
        ],
      },
      {
        'PublishTerms/Terms': [
          { 'Services/ServicesEnum': ['paid'], 'ExcludedServices/ExcludedServicesEnum': ['top3'] },
          { IgnoreServicePackages: true },
        ],
      },
    ],
  ])('%s takes the wishes of the source out of %s %j', (id, family, told, left) => {
    expect(ownOf(family, withPromotion(flat(family, told), free, boardOf(id)))).toEqual(left);
  });

  test('what pays for a place beside the package goes only where the tariff sells such places', () => {
    const avito = (fee: string) =>
      ownOf('avito', withPromotion(flat('avito', { ListingFee: fee }), tight, boardOf('avito')));
    expect([avito('Single'), avito('PackageSingle'), avito('Package')]).toEqual([{}, {}, { ListingFee: 'Package' }]);
    const terms = flat('cian', {
      'PublishTerms/Terms': [{ IgnoreServicePackages: true }, { IgnoreServicePackages: false }],
    });
    expect(ownOf('cian', withPromotion(terms, tight, boardOf('cian')))).toEqual({
      'PublishTerms/Terms': [{ IgnoreServicePackages: false }],
    });
  });

  test('a level is not gainsaid by the listing, and several of a board stand together', () => {
    const worn = { isPackageOnly: false, levels: ['top3', 'premium'] };
    const terms = [
      {
        'Services/ServicesEnum': ['paid', 'highlight'],
        'ExcludedServices/ExcludedServicesEnum': ['premium', 'highlight'],
      },
      { 'ExcludedServices/ExcludedServicesEnum': ['top3'] },
    ];
    const told = { 'PublishTerms/Terms': terms, 'PublishTerms/PromotionType': 'noPromotion' };
    expect(ownOf('cian', withPromotion(flat('cian', told), worn, boardOf('cian')))).toEqual({
      'PublishTerms/Terms': [
        {
          'Services/ServicesEnum': ['paid', 'premium', 'top3'],
          'ExcludedServices/ExcludedServicesEnum': ['highlight'],
        },
      ],
    });
    const both = { isPackageOnly: false, levels: ['premium', 'raise'] };
    expect(ownOf('yandex', withPromotion(flat('yandex', {}), both, boardOf('yandex')))).toEqual({
      vas: [{ name: 'premium' }, { name: 'raise' }],
    });
  });

  test('a listing that asks for nothing is the same object, and none is changed in place', () => {
    const plain = flat('avito', { AvitoId: '7' });
    expect(withPromotion(plain, free, boardOf('avito'))).toBe(plain);
    const asks = flat('cian', { 'PublishTerms/Terms': [{ 'Services/ServicesEnum': ['premium', 'paid'] }] });
    const before = structuredClone(asks);
    withPromotion(asks, { isPackageOnly: true, levels: ['top3'] }, boardOf('cian'));
    expect(asks).toEqual(before);
  });

  test('whatever stands in the fields of a family, nothing is asked for and nothing breaks', () => {
    fc.assert(
      fc.property(fc.constantFrom(...FAMILIES), fc.jsonValue(), fc.jsonValue(), (family, one, other) => {
        const board = boardOf(family);
        const fields = board.promotion.paidFields.map(({ field }, index) => [field, index % 2 ? one : other]);
        const put = withPromotion(flat(family, Object.fromEntries(fields)), tight, board);
        const again = withPromotion(put, tight, board);
        expect(ownOf(family, again)).toEqual(ownOf(family, put));
        for (const { field, part, keeps } of board.promotion.paidFields) {
          const value = ownOf(family, put)?.[field];
          if (value !== undefined && part === undefined)
            expect([value].flat().every((item) => keeps.includes(item))).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});

test('without a tariff the source says what it likes', () => {
  const told = flat('avito', { AdStatus: 'XL' });
  const worn = {
    listingId: 1,
    boardOfferId: '1',
    avitoId: 5,
    firstSeenAt: new Date(0),
    phones: undefined,
    person: null,
  };
  const board = boardOf('avito');
  expect(promotionDress(null, null, [])).toBeUndefined();
  expect(ownOf('avito', dress(told, worn, board))).toEqual({ AdStatus: 'XL', AvitoId: '5' });
  expect(ownOf('avito', dress(told, { ...worn, promotion: promotionDress({ excess: null }, null) }, board))).toEqual({
    AvitoId: '5',
  });
  const bought = promotionDress({ excess: null }, null, ['x10_7']);
  expect(ownOf('avito', dress(told, { ...worn, promotion: bought }, board))).toEqual({
    AdStatus: 'x10_7',
    AvitoId: '5',
  });
});

test('the key tells apart what is dressed differently', () => {
  const keys = [
    promotionDress(null, null),
    promotionDress({ excess: null }, null),
    promotionDress({ excess: null }, { kind: 'concurrent', places: 5 }),
    promotionDress({ excess: null }, null, ['XL']),
    promotionDress({ excess: null }, null, ['XL', 'Highlight']),
  ].map(promotionKey);
  expect(new Set(keys).size).toBe(keys.length);
});

test('levels of one tag exclude each other, those of a list do not', () => {
  const avito = paidLevels(boardOf('avito'), 'avito');
  expect(avito.find(({ code }) => code === 'XL')).toMatchObject({ days: 7, needsPhotos: false });
  expect(new Set(avito.map(({ clashes }) => clashes.length))).toEqual(new Set([12]));
  for (const family of boardOf('domclick').families)
    expect(paidLevels(boardOf('domclick'), family)[0]!.clashes).toEqual(['express', 'premium', 'top']);
  expect(paidLevels(boardOf('cian'), 'cian').map(({ clashes }) => clashes)).toEqual([
    ['highlight'],
    ['premium'],
    ['top3'],
  ]);
  expect(paidLevels(boardOf('yandex'), 'yandex')[0]).toMatchObject({
    clashes: ['premium'],
    needsPhotos: true,
    days: null,
  });
  expect(paidLevels(boardOf('move'), 'yandex')).toEqual([]);
});

describe('a board’s file', () => {
  const evidence = { source: 'help', checkedOn: '2026-11-22' };
  const small = (promotion: unknown, grade = 'official') =>
    new Map([
      [
        'primer.json',
        JSON.stringify({
          id: 'primer',
          name: 'Пример',
          nameDative: 'Примеру',
          nameGenitive: 'Примера',
          family: 'cian',
          families: ['cian', 'avito'],
          status: { text: 'Жива.', ...evidence },
          sources: [{ key: 'help', title: 'Пример, справка, 2026', date: '2026', grade }],
          promotion,
        }),
      ],
    ]);
  const paid = { field: 'Auction/Bet', why: 'Ставка.', ...evidence };
  const level = (writes: unknown) => ({ code: 'top', label: 'Топ', writes, ...evidence });
  const told = (promotion: unknown, grade?: string) => {
    try {
      readBoards(small(promotion, grade));
    } catch (fault) {
      return (fault as Error).message;
    }
    return '';
  };

  test.each<[string, unknown, RegExp]>([
    ['a field nobody has', { paidFields: [{ ...paid, field: 'Bet' }] }, /paidFields\/0\/field.*нет поля «Bet»/],
    ['a part nobody has', { paidFields: [{ ...paid, field: 'PublishTerms/Terms', part: 'Top' }] }, /нет части «Top»/],
    ['a source nobody named', { paidFields: [{ ...paid, source: 'x' }] }, /нет источника «x»/],
    [
      'a format without the level',
      { levels: [level({ cian: [{ field: 'Auction/Bet', set: 1 }] })], paidFields: [paid] },
      /«avito» уровень ничего не пишет/,
    ],
    ['two ways at once', { levels: [level({ cian: [{ field: 'Auction/Bet', set: 1, add: 'x' }] })] }, /ровно одно/],
    ['a foreign format', { levels: [level({ yandex: [{ field: 'vas', add: 'x' }] })] }, /не берёт формат «yandex»/],
    [
      'a tag that a source may set',
      { levels: [level({ avito: [{ field: 'AdStatus', set: 'XL' }] })] },
      /среди paidFields этого поля нет/,
    ],
    ['the same code twice', { levels: [level({}), { ...level({}), label: 'Топ снова' }] }, /код «top» уже занят/],
    ['a word nobody knows', { levels: [], prices: [] }, /additional/],
  ])('%s is told', (_, promotion, message) => expect(told(promotion)).toMatch(message));

  test('nobody pays for hearsay', () => {
    expect(told({ levels: [level({})] }, 'low')).toMatch(/не проверен, а за уровень платят/);
  });
});
