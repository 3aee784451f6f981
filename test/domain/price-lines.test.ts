import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEAL_LABELS, DEALS, KIND_LABELS, KINDS } from '../../src/domain/listing.ts';
import { formatKopecks } from '../../src/domain/money.ts';
import { conditionsText, priceListText, readPriceLine, readPromotion } from '../../src/domain/price-lines.ts';
import type { PriceLine } from '../../src/domain/tariff.ts';

const spaced = (text: string) => text.replaceAll('\u00a0', ' ');

describe('a price line as people write it', () => {
  it.each<[string, PriceLine]>([
    [
      'вид=flat сделка=sale регион=Москва от=5000000 до=10000000 цена=45',
      {
        kind: 'flat',
        deal: 'sale',
        region: 'Москва',
        priceFrom: 500_000_000,
        priceBelow: 1_000_000_000,
        kopecks: 4500,
      },
    ],
    ['вид=Квартира, сделка=посуточная аренда, цена=1 234,50', { kind: 'flat', deal: 'daily-rent', kopecks: 123_450 }],
    ['цена = 0 ₽; ВИД = коммерческая недвижимость', { kind: 'commercial', kopecks: 0 }],
    ['регион=«Московская область» от=5 000 000 цена=7', { region: 'Московская область', priceFrom: 5e8, kopecks: 700 }],
    ['цена=30', { kopecks: 3000 }],
  ])('%s', (text, line) => {
    expect(readPriceLine(text)).toEqual({ value: line, faults: [] });
  });

  it.each<[string, string[]]>([
    ['', ['Нет «цена=».']],
    ['45', ['«45» — непонятно, что это: нужны слова вид=, сделка=, регион=, от=, до=, цена=.', 'Нет «цена=».']],
    [
      'вид=кваритра сделка=обмен цена=-5',
      [
        'вид=кваритра не подходит. Можно: квартира (flat), комната (room), койко-место (bed), дом (house), участок (land), гараж (garage), коммерческая недвижимость (commercial).',
        'сделка=обмен не подходит. Можно: продажа (sale), аренда (rent), посуточная аренда (daily-rent).',
        'цена=-5 — не сумма в рублях. Примеры: 45, 1 234,50.',
      ],
    ],
    // A word that is not known is not taken for the end of the region before it.
    ['регион=Москва город=Химки цена=1', ['«город=» не бывает: нужны слова вид=, сделка=, регион=, от=, до=, цена=.']],
    ['вид= цена=1', ['«вид=» без значения.']],
    ['цена=1 цена=2', ['«цена=» стоит дважды.']],
    [
      'от=много до=1.234 цена=1',
      ['от=много — не сумма в рублях. Примеры: 45, 1 234,50.', 'до=1.234 — не сумма в рублях. Примеры: 45, 1 234,50.'],
    ],
  ])('«%s» is not one, and all that is wrong is told', (text, faults) => {
    expect(readPriceLine(text).faults).toEqual(faults);
  });

  it('gives back any line that is written down in it', () => {
    const roubles = fc.integer({ min: 0, max: 1e10 });
    const line = fc.record(
      {
        kind: fc.constantFrom(...KINDS),
        deal: fc.constantFrom(...DEALS),
        region: fc.constantFrom('Москва', 'Санкт-Петербург', 'Республика Саха (Якутия)'),
        priceFrom: roubles,
        priceBelow: roubles,
        kopecks: roubles,
      },
      { requiredKeys: ['kopecks'] },
    );
    fc.assert(
      fc.property(line, fc.boolean(), (given: PriceLine, isRussian) => {
        const words = [
          ...(given.kind ? [`вид=${isRussian ? KIND_LABELS[given.kind] : given.kind}`] : []),
          ...(given.deal ? [`сделка=${isRussian ? DEAL_LABELS[given.deal] : given.deal}`] : []),
          ...(given.region ? [`регион=${given.region}`] : []),
          ...(given.priceFrom === undefined ? [] : [`от=${formatKopecks(given.priceFrom)}`]),
          ...(given.priceBelow === undefined ? [] : [`до=${formatKopecks(given.priceBelow)}`]),
          `цена=${formatKopecks(given.kopecks)}`,
        ];
        expect(readPriceLine(words.join(isRussian ? ', ' : ' '))).toEqual({ value: given, faults: [] });
      }),
    );
  });

  it('never throws, whatever stands there', () => {
    const piece = fc.oneof(fc.string(), fc.constantFrom('вид=', 'цена=', 'регион', '=', ' ', ',', '45', '«'));
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const { value, faults } = readPriceLine(pieces.join(''));
        expect(faults.length > 0 || Number.isSafeInteger(value.kopecks)).toBe(true);
      }),
    );
  });
});

it('a promotion is a level, days and a price', () => {
  expect(readPromotion('уровень=x2_7 дней=7 цена=500')).toEqual({
    value: { level: 'x2_7', days: 7, kopecks: 50_000 },
    faults: [],
  });
  expect(readPromotion('дней=0 цена=дорого').faults).toEqual([
    'Нет «уровень=».',
    'дней=0 — не число дней.',
    'цена=дорого — не сумма в рублях. Примеры: 45, 1 234,50.',
  ]);
});

describe('a price list as people read it', () => {
  it.each<[PriceLine, string]>([
    [
      { kind: 'flat', deal: 'sale', region: 'Москва', priceFrom: 5e8, priceBelow: 1e9, kopecks: 1 },
      'квартира, продажа, Москва, от 5 000 000 ₽ до 10 000 000 ₽',
    ],
    [{ priceBelow: 1e9, kopecks: 1 }, 'до 10 000 000 ₽'],
    [{ kopecks: 1 }, ''],
  ])('%j', (line, told) => {
    expect(spaced(conditionsText(line))).toBe(told);
  });

  it('calls whoever is left by what came before', () => {
    expect(priceListText([{ kopecks: 4550 }], 'day').map(spaced)).toEqual(['любой объект — 45,50 ₽ в день']);
    expect(priceListText([{ kind: 'house', kopecks: 0 }, { kopecks: 90_000 }], 'placement').map(spaced)).toEqual([
      'дом — бесплатно',
      'остальные — 900 ₽ за размещение',
    ]);
  });
});
