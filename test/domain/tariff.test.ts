import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addDays } from '../../src/domain/days.ts';
import { DEALS, KINDS } from '../../src/domain/listing.ts';
import {
  decidingLine,
  faultsOf,
  type PriceFacts,
  type PriceLine,
  periodsOf,
  priceOf,
  promotionPrice,
  type Tariff,
  type TariffTerms,
  tariffOf,
} from '../../src/domain/tariff.ts';

const terms = (lines: readonly PriceLine[], more: Partial<TariffTerms> = {}): TariffTerms => ({
  lines: [...lines],
  excess: null,
  promotion: [],
  ...more,
});
const facts = (more: Partial<PriceFacts> = {}): PriceFacts => ({
  kind: 'flat',
  deal: 'sale',
  region: 'Москва',
  priceKopecks: 700_000_000,
  ...more,
});
const OPEN = { kopecks: 3000 };

describe('the price of a listing', () => {
  it.each<[string, PriceLine, Partial<PriceFacts>, number]>([
    ['kind', { kind: 'flat', kopecks: 1 }, {}, 1],
    ['another kind', { kind: 'house', kopecks: 1 }, {}, 3000],
    ['deal', { deal: 'sale', kopecks: 1 }, {}, 1],
    ['another deal', { deal: 'rent', kopecks: 1 }, {}, 3000],
    ['region', { region: 'Москва', kopecks: 1 }, {}, 1],
    ['region, however it is written', { region: ' орёл', kopecks: 1 }, { region: 'ОРЕЛ' }, 1],
    ['another region', { region: 'Московская область', kopecks: 1 }, {}, 3000],
    ['no region', { region: 'Москва', kopecks: 1 }, { region: null }, 3000],
    ['from, inclusive', { priceFrom: 700_000_000, kopecks: 1 }, {}, 1],
    ['cheaper than from', { priceFrom: 700_000_001, kopecks: 1 }, {}, 3000],
    ['below', { priceBelow: 700_000_001, kopecks: 1 }, {}, 1],
    ['below, exclusive', { priceBelow: 700_000_000, kopecks: 1 }, {}, 3000],
    ['no price is in no range', { priceFrom: 0, kopecks: 1 }, { priceKopecks: null }, 3000],
    ['no price is not below either', { priceBelow: 1e15, kopecks: 1 }, { priceKopecks: null }, 3000],
    ['all conditions must hold', { kind: 'flat', deal: 'rent', kopecks: 1 }, {}, 3000],
    ['nothing is a price', { kind: 'flat', kopecks: 0 }, {}, 0],
  ])('%s', (_, line, more, expected) => {
    expect(priceOf(terms([line, OPEN]), 'day', facts(more))).toBe(expected);
  });

  it('has a list of its own over the package, or none', () => {
    const sold = terms([OPEN], { excess: [{ kind: 'flat', kopecks: 6000 }, { kopecks: 7000 }] });
    for (const [basis, kopecks, line] of [
      ['day', 3000, 0],
      ['placement', 3000, 0],
      ['excess-day', 6000, 0],
      ['excess-placement', 6000, 0],
    ] as const) {
      expect([priceOf(sold, basis, facts()), decidingLine(sold, basis, facts())]).toEqual([kopecks, line]);
    }
    expect(priceOf(sold, 'excess-day', facts({ kind: 'land' }))).toBe(7000);
    expect(priceOf(terms([OPEN]), 'excess-day', facts())).toBeNull();
    expect(decidingLine(terms([OPEN]), 'excess-day', facts())).toBeNull();
  });

  it('of a promotion is that of the level and the days', () => {
    const promotion = [
      { level: 'a', days: 7, kopecks: 50 },
      { level: 'a', days: 1, kopecks: 0 },
    ];
    expect(promotionPrice(terms([OPEN], { promotion }), 'a', 7)).toBe(50);
    expect(promotionPrice(terms([OPEN], { promotion }), 'a', 1)).toBe(0);
    expect(promotionPrice(terms([OPEN], { promotion }), 'a', 2)).toBeNull();
    expect(promotionPrice(terms([OPEN], { promotion }), 'b', 7)).toBeNull();
  });
});

const region = fc.constantFrom('Москва', 'москва', 'Орёл', 'Орел');
const someFacts: fc.Arbitrary<PriceFacts> = fc.record({
  kind: fc.constantFrom(...KINDS),
  deal: fc.constantFrom(...DEALS),
  region: fc.option(region),
  priceKopecks: fc.option(fc.integer({ min: 1, max: 9 })),
});
const someLine: fc.Arbitrary<PriceLine> = fc.record(
  {
    kind: fc.constantFrom(...KINDS.slice(0, 2)),
    deal: fc.constantFrom(...DEALS),
    region,
    priceFrom: fc.integer({ min: 0, max: 9 }),
    priceBelow: fc.integer({ min: 0, max: 10 }),
    kopecks: fc.nat(1000),
  },
  { requiredKeys: ['kopecks'] },
);

/** Written anew, condition by condition. */
function holds(line: PriceLine, { kind, deal, region, priceKopecks }: PriceFacts): boolean {
  const plain = (text: string) => text.toLowerCase().replace('ё', 'е');
  const price = priceKopecks ?? Number.NaN;
  return [
    line.kind === undefined || line.kind === kind,
    line.deal === undefined || line.deal === deal,
    line.region === undefined || (region !== null && plain(line.region) === plain(region)),
    line.priceFrom === undefined || price >= line.priceFrom,
    line.priceBelow === undefined || price < line.priceBelow,
  ].every(Boolean);
}

describe('whatever the tariff', () => {
  it('the first line that fits decides, and no line before it does', () => {
    fc.assert(
      fc.property(fc.array(someLine, { minLength: 1, maxLength: 6 }), someFacts, (lines, about) => {
        const expected = lines.findIndex((line) => holds(line, about));
        const given = terms(lines);
        expect(decidingLine(given, 'day', about)).toBe(expected < 0 ? null : expected);
        expect(priceOf(given, 'day', about)).toBe(lines[expected]?.kopecks ?? null);
      }),
    );
  });

  it('everything has a price when nothing is found wrong with it', () => {
    fc.assert(
      fc.property(fc.array(someLine, { maxLength: 6 }), fc.option(someLine), someFacts, (lines, last, about) => {
        const given = terms([...lines, last ?? OPEN], { excess: [...lines, OPEN] });
        fc.pre(faultsOf(given).length === 0);
        expect(priceOf(given, 'day', about)).not.toBeNull();
        expect(priceOf(given, 'excess-placement', about)).not.toBeNull();
      }),
    );
  });
});

describe('what is wrong with a tariff', () => {
  it('is told all together', () => {
    const wrong = terms([OPEN, { kind: 'flat', priceFrom: 5, priceBelow: 5, kopecks: 1 }], {
      excess: [{ deal: 'sale', kopecks: 1 }],
      promotion: [
        { level: 'a', days: 7, kopecks: 1 },
        { level: 'a', days: 7, kopecks: 2 },
      ],
    });
    expect(faultsOf(wrong)).toEqual([
      'Цены, строка 1: без условий, поэтому строки после неё никогда не подойдут.',
      'Цены: последняя строка должна быть без условий, иначе часть объектов останется без цены.',
      'Цены, строка 2: цена «от» не меньше цены «до».',
      'Цены сверх пакета: последняя строка должна быть без условий, иначе часть объектов останется без цены.',
      'Продвижение a на 7 дн. названо дважды.',
    ]);
  });

  it('is nothing when there is nothing', () => {
    const right = terms([{ kind: 'flat', priceFrom: 4, priceBelow: 5, kopecks: 1 }, { kopecks: 0 }], {
      excess: [OPEN],
      promotion: [
        { level: 'a', days: 7, kopecks: 1 },
        { level: 'a', days: 1, kopecks: 1 },
      ],
    });
    expect(faultsOf(right)).toEqual([]);
  });
});

const tariff = (id: number, validFrom: string): Tariff => ({ id, validFrom, terms: terms([OPEN]) });

describe('the tariff of a day', () => {
  const all = [tariff(3, '2026-12-01'), tariff(1, '2026-11-01'), tariff(2, '2026-12-01'), tariff(4, '2026-11-15')];
  it.each([
    ['2026-10-31', null],
    ['2026-11-01', 1],
    ['2026-11-14', 1],
    ['2026-11-15', 4],
    ['2026-11-30', 4],
    // Of two that begin on one day the newer one holds; a newer one that begins earlier does not.
    ['2026-12-01', 3],
    ['2027-12-01', 3],
  ])('on %s is %s', (day, id) => {
    expect(tariffOf(all, day)?.id ?? null).toBe(id);
  });

  it('no tariff, no price', () => {
    expect(tariffOf([], '2026-11-01')).toBeNull();
    expect(periodsOf([])).toEqual([]);
  });

  it('is the one in whose period the day lies, whatever was written when', () => {
    const day = fc.integer({ min: 0, max: 12 }).map((days) => addDays('2026-11-01', days));
    fc.assert(
      fc.property(fc.array(day, { maxLength: 8 }), day, (days, asked) => {
        const tariffs = days.map((validFrom, index) => tariff(index + 1, validFrom));
        const periods = periodsOf(tariffs);
        const holding = periods.filter(
          ({ tariff: { validFrom }, until }) => validFrom <= asked && (until === null || asked <= until),
        );
        expect(holding.map(({ tariff: { id } }) => id)).toEqual(
          tariffs.some(({ validFrom }) => validFrom <= asked) ? [tariffOf(tariffs, asked)!.id] : [],
        );
        const starts = periods.map(({ tariff: { validFrom } }) => validFrom);
        expect(starts).toEqual([...new Set(days)].sort());
      }),
    );
  });
});
