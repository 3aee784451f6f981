import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listingAt } from '../../fixtures/agency.ts';
import {
  changeableIn,
  checkTemplate,
  chooseTemplate,
  commissionKopecks,
  computedFields,
  faultsOfFormulas,
  fillTemplate,
  PLACEHOLDERS,
  pricePerM2Kopecks,
  titleOf,
  writeText,
} from '../../src/domain/autotext.ts';
import { DEALS, KINDS, type Listing, ListingSchema } from '../../src/domain/listing.ts';
import { AGENCY_DEFAULTS, type AgencySettings } from '../../src/domain/settings.ts';
import { cleanText } from '../../src/domain/text.ts';
import { WORDS } from '../../src/domain/words.ts';

const NONE = AGENCY_DEFAULTS.texts;
const texts = (more: Partial<AgencySettings['texts']>) => ({ ...NONE, ...more });
const flat = (more: Partial<Listing> = {}): Listing => ({ externalId: 'A-1', kind: 'flat', deal: 'sale', ...more });
const fill = (template: string, listing: Listing, more: Partial<AgencySettings['texts']> = {}) =>
  fillTemplate(template, listing, computedFields(listing, texts(more)));
/** No-break blanks between thousands as plain ones, for comparing. */
const plain = (text: string | null | undefined) => text?.replace(/[\u00A0\u202F]/g, ' ');

const NAMED = readdirSync(join(import.meta.dirname, '../../fixtures/listings')).map(
  (name) =>
    JSON.parse(readFileSync(join(import.meta.dirname, '../../fixtures/listings', name), 'utf8')) as Partial<Listing>,
);
const isListing = (listing: Partial<Listing>): listing is Listing => listing.kind !== undefined;
const MADE = [...Array.from({ length: 300 }, (_, index) => listingAt(index)), ...NAMED.filter(isListing)];

describe('titles', () => {
  it.each<[string, Partial<Listing>]>([
    ['1-комнатная квартира, 50 м², 7/16 этаж', { roomsCount: 1, areaM2: 50, floor: 7, floorsTotal: 16 }],
    ['Квартира-студия, 24,5 м², 3 этаж', { isStudio: true, areaM2: 24.5, floor: 3 }],
    ['Квартира свободной планировки, 90 м²', { isOpenPlan: true, areaM2: 90 }],
    [
      '2-комнатные апартаменты, 61 м², аренда',
      { roomsCount: 2, areaM2: 61, isApartments: true, deal: 'rent', floorsTotal: 9 },
    ],
    ['Апартаменты-студия, посуточно', { isStudio: true, isApartments: true, deal: 'daily-rent' }],
    ['Доля 1/3 в 3-комнатной квартире, 64,1 м²', { isShare: true, shareText: '1/3', roomsCount: 3, areaM2: 64.1 }],
    ['Доля в квартире', { isShare: true }],
    ['11-комнатная квартира', { roomsCount: 11 }],
    ['Квартира', {}],
    [
      'Комната в 3-комнатной квартире, 14 м², 5/9 этаж',
      { kind: 'room', roomsCount: 3, roomAreaM2: 14, floor: 5, floorsTotal: 9 },
    ],
    ['2 комнаты в 4-комнатной квартире, 30 м²', { kind: 'room', roomsCount: 4, roomsOffered: 2, roomAreaM2: 30 }],
    ['Койко-место, комната 18 м², посуточно', { kind: 'bed', deal: 'daily-rent', roomAreaM2: 18, areaM2: 60 }],
    [
      'Дом, 120 м², участок 8 соток, 2 этажа',
      { kind: 'house', houseType: 'house', areaM2: 120, landAreaM2: 800, landAreaUnit: 'sotka', floorsTotal: 2 },
    ],
    [
      'Коттедж, участок 1,5 га, аренда',
      { kind: 'house', houseType: 'cottage', landAreaM2: 15_000, landAreaUnit: 'hectare', deal: 'rent' },
    ],
    ['Часть дома, 40 м²', { kind: 'house', houseType: 'part', areaM2: 40 }],
    ['Земельный участок, 1 сотка, ИЖС', { kind: 'land', landAreaM2: 100, landStatus: 'izhs' }],
    ['Земельный участок, 7,5 сотки', { kind: 'land', landAreaM2: 750 }],
    ['Машино-место, 14 м², подвал', { kind: 'garage', garageType: 'parking-place', areaM2: 14, floor: -2 }],
    [
      'Офис, 45 м², 3/9 этаж, аренда',
      { kind: 'commercial', commercialType: 'office', deal: 'rent', areaM2: 45, floor: 3, floorsTotal: 9 },
    ],
    [
      'Помещение свободного назначения, 80 м², полуподвал',
      { kind: 'commercial', commercialType: 'free-purpose', areaM2: 80, floor: -1 },
    ],
    ['Здание, 900 м², 3 этажа', { kind: 'commercial', commercialType: 'building', areaM2: 900, floorsTotal: 3 }],
    [
      'Земельный участок под бизнес, 2 га',
      { kind: 'commercial', commercialType: 'land', landAreaM2: 20_000, landAreaUnit: 'hectare' },
    ],
    [
      'Торговое помещение, переуступка аренды',
      { kind: 'commercial', commercialType: 'retail', contractType: 'lease-assignment' },
    ],
  ])('%s', (title, more) => {
    expect(plain(titleOf(flat(more)))).toBe(title);
  });
});

describe('money', () => {
  it.each<[string, Partial<Listing>, number | null]>([
    ['a flat', { priceKopecks: 1_145_000_000, areaM2: 50 }, 22_900_000],
    ['a decimal area', { priceKopecks: 500_000_001, areaM2: 43.7 }, 11_441_648],
    ['exactly a half, up', { priceKopecks: 5, areaM2: 2 }, 3],
    [
      'a share of a known size',
      { priceKopecks: 176_000_000, areaM2: 64.1, isShare: true, shareText: '1/3' },
      8_237_129,
    ],
    ['a share of an unknown size', { priceKopecks: 1, areaM2: 64.1, isShare: true, shareText: 'треть' }, null],
    ['a share of nothing', { priceKopecks: 1, areaM2: 64.1, isShare: true, shareText: '0/3' }, null],
    ['a room by its own area', { kind: 'room', priceKopecks: 100_000, areaM2: 60, roomAreaM2: 10 }, 10_000],
    ['a plot', { kind: 'land', priceKopecks: 100_000_000, landAreaM2: 1000 }, 100_000],
    ['a price for a sotka', { kind: 'land', priceKopecks: 100_000, priceUnit: 'sotka' }, 1000],
    ['a price for a metre', { kind: 'commercial', priceKopecks: 95_000, priceUnit: 'm2', areaM2: 3 }, 95_000],
    ['no area', { priceKopecks: 100 }, null],
    ['no price', { areaM2: 50 }, null],
    ['an area of next to nothing', { priceKopecks: 100, areaM2: 1e-9 }, null],
    ['a bed place', { kind: 'bed', priceKopecks: 100, roomAreaM2: 20 }, null],
  ])('price per square metre: %s', (_, more, kopecks) => {
    expect(pricePerM2Kopecks(flat(more))).toBe(kopecks);
  });

  it.each<[Partial<Listing>, number, number | null]>([
    [{ priceKopecks: 1_145_000_000 }, 6, 68_700_000],
    [{ priceKopecks: 1_145_000_000 }, 2.55, 29_197_500],
    [{ priceKopecks: 50 }, 1, 1],
    [{ priceKopecks: 49 }, 1, 0],
    [{ priceKopecks: 1e15 }, 33.3, 333e12],
    [{ priceKopecks: 95_000, priceUnit: 'm2', kind: 'commercial', areaM2: 100.5 }, 50, 4_773_750],
    [{ priceKopecks: 95_000, priceUnit: 'm2', kind: 'commercial' }, 50, null],
    [{ priceKopecks: 100 }, 0, null],
    [{}, 6, null],
  ])('commission of %j at %d %% is %s', (more, percent, kopecks) => {
    expect(commissionKopecks(flat(more), percent)).toBe(kopecks);
  });

  it('tells the example of the customer as people read it', () => {
    const listing = flat({ priceKopecks: 1_145_000_000, areaM2: 50, roomsCount: 1, floor: 7, floorsTotal: 16 });
    const told = computedFields(listing, texts({ commissionPercent: 6 })).map((field) => [
      field.label,
      plain(field.told),
    ]);
    expect(told).toEqual([
      ['Заголовок', '1-комнатная квартира, 50 м², 7/16 этаж'],
      ['Цена квадратного метра', '229 000 ₽'],
      ['Комиссия', '687 000 ₽'],
    ]);
  });
});

describe("the agency's own fields", () => {
  const formulas = [
    { name: 'ownerKopecks', label: 'Собственнику', formula: 'priceKopecks - commissionKopecks' },
    { name: 'ownerPerM2', label: 'Собственнику за метр, ₽', formula: 'round(ownerKopecks / 100 / areaM2)' },
    { name: 'auxiliaryAreaM2', label: 'Прочая площадь', formula: 'round(areaM2 - livingAreaM2 - kitchenAreaM2, 1)' },
  ];
  const own = texts({ commissionPercent: 6, formulas });

  it('are computed in turn, with the unit of their name', () => {
    const listing = flat({ priceKopecks: 1_145_000_000, areaM2: 50.3, livingAreaM2: 30.1, kitchenAreaM2: 10 });
    expect(
      computedFields(listing, own)
        .slice(3)
        .map(({ value, told }) => [value, plain(told)]),
    ).toEqual([
      [1_076_300_000, '10 763 000 ₽'],
      [213_976, '213 976'],
      [10.2, '10,2 м²'],
    ]);
  });

  it('are not computed where a part is missing, and are left out of a text', () => {
    const listing = flat({ areaM2: 50 });
    expect(
      computedFields(listing, own)
        .slice(3)
        .map(({ value }) => value),
    ).toEqual([null, null, null]);
    expect(fillTemplate('Квартира[[, прочая площадь {auxiliaryAreaM2}]].', listing, computedFields(listing, own))).toBe(
      'Квартира.',
    );
  });

  it.each([
    [
      [
        { name: 'a', label: 'А', formula: 'b' },
        { name: 'b', label: 'Б', formula: '1' },
      ],
      ['a: Поля «b» в формуле нет.'],
    ],
    [[{ name: 'areaM2', label: 'А', formula: '1' }], ['areaM2: Имя занято: назовите поле иначе.']],
    [[{ name: 'price', label: 'А', formula: '1' }], ['price: Имя занято: назовите поле иначе.']],
    [
      [
        { name: 'a', label: 'А', formula: '1' },
        { name: 'a', label: 'Б', formula: '2' },
      ],
      ['a: Имя занято: назовите поле иначе.'],
    ],
    [formulas, []],
  ])('faults %#', (some, faults) => {
    expect(faultsOfFormulas(texts({ formulas: some }))).toEqual(faults);
  });
});

describe('a template', () => {
  const home = flat({
    roomsCount: 2,
    areaM2: 54.3,
    subLocality: 'Заречный район',
    metro: [{ name: 'Российская', walkMinutes: 8 }],
    priceKopecks: 540_000_000,
    balconiesCount: 0,
    hasInternet: true,
    hasTv: false,
    renovation: 'euro',
    wallMaterial: 'other',
    apartmentNumber: '17',
    contactPhones: ['+79000000001'],
  });

  it.each([
    // The customer's own words, with the gaps filled.
    [
      'Просторная {rooms} квартира, {inDistrict}, рядом с метро',
      'Просторная двухкомнатная квартира, в Заречном районе, рядом с метро',
    ],
    ['{object} {area}, {nearMetro}.', 'Двухкомнатная квартира 54,3 м², рядом с метро «Российская», 8 минут пешком.'],
    ['Цена {price}, за метр {pricePerM2}.', 'Цена 5 400 000 ₽, за метр 99 447,51 ₽.'],
    ['Звоните {phone}, объект {number}.', 'Звоните {phone}, объект {number}.'],
    ['Квартира[[, кухня {kitchenAreaM2}]].', 'Квартира.'],
    ['Есть {hasTv?телевизор}, {hasInternet?интернет}, {hasFridge?холодильник}.', 'Есть интернет.'],
    ['[[Есть {hasTv?телевизор}, {hasFridge?холодильник}.]] Конец.', 'Конец.'],
    ['[[Внутри: [[кухня {kitchenAreaM2}]], [[{renovation}]], [[{balconies}]].]]', 'Внутри: евроремонт.'],
    ['[[Внутри: [[кухня {kitchenAreaM2}]], [[{balconies}]].]] [[Балконов: {balconiesCount}.]]', ''],
    ['Квартира[[, {subLocality=Другой?в Другом}]], рядом с метро.', 'Квартира, рядом с метро.'],
    ['Квартира {buildingName}, рядом с метро. {buildingName}, да.', 'Квартира, рядом с метро. Да.'],
    ['Квартира {hasGas?с газом}, рядом с метро', 'Квартира, рядом с метро'],
    ['Есть {hasTv?телевизор}{hasFridge?, холодильник}, интернет', 'Есть, интернет'],
    ['Площадь: {kitchenAreaM2}, {areaM2}, {livingAreaM2}, {renovation}', 'Площадь: 54,3 м², евроремонт'],
    ['Текст ({kitchenAreaM2}) и «{buildingName}» конец', 'Текст и конец'],
    ['Стены: {wallMaterial}.', 'Стены.'],
    ['{subLocality=заречный район?Рядом река.}{subLocality=Другой?Рядом лес.}', 'Рядом река.'],
    ['{deal=sale?Продажа}{deal=аренда?Аренда}. {renovation=euro?свежий ремонт}', 'Продажа. Свежий ремонт'],
    ['Тел. {contactPhones} {apartmentNumber} {externalId} {nonsense}.', 'Тел.'],
    ['первая строка\n\n{kitchenAreaM2}\n\n{renovation}, {kitchenAreaM2}', 'Первая строка\n\nЕвроремонт'],
    ['— {kitchenAreaM2}\n— {renovation}', '— евроремонт'],
    ['{hasInternet} и {hasTv}', 'Да и нет'],
    ['Скобка } и { ещё', 'Скобка и ещё'],
    ['[[[[глубоко {areaM2}', 'Глубоко 54,3 м²'],
    ['Звук \u0000\uFFFE\uD800.', 'Звук.'],
    ['Ждём... Да?', 'Ждём... Да?'],
  ])('%j gives %j', (template, text) => {
    expect(plain(fill(template, home))).toBe(text);
  });

  it('keeps the braces of a value as they are and reads no command in them', () => {
    expect(fill('Дом {buildingName}.', flat({ buildingName: 'Река {areaM2} [[7]]', areaM2: 5 }))).toBe(
      'Дом Река {areaM2} [[7]].',
    );
  });

  it.each([
    ['Заречный район', 'в Заречном районе'],
    ['Нижегородский р-н', 'в Нижегородском районе'],
    ['Дальний район', 'в Дальнем районе'],
    ['Северо-Западный административный округ', 'в Северо-Западном административном округе'],
    ['Западный округ', 'в Западном округе'],
    ['микрорайон Певчий', 'в микрорайоне Певчий'],
    ['мкр. Солнечный', 'в микрорайоне Солнечный'],
    ['район Хамовники', 'в районе Хамовники'],
    ['Левобережная слобода', 'в районе Левобережная слобода'],
    ['ЦАО', ''],
    [' ', ''],
  ])('%s: %s', (subLocality, text) => {
    expect(fill('{inDistrict}', flat({ subLocality })).replace(/^В/, 'в')).toBe(text);
  });

  it.each<[Partial<Listing>, string]>([
    [{ roomsCount: 1 }, 'Однокомнатная'],
    [{ roomsCount: 4 }, 'Четырёхкомнатная'],
    [{ roomsCount: 5 }, '5-комнатная'],
    [{ roomsCount: 2, isApartments: true }, 'Двухкомнатные'],
    [{ kind: 'house', houseType: 'house', roomsCount: 3 }, '3-комнатный'],
    [{ kind: 'house', houseType: 'dacha', roomsCount: 3 }, '3-комнатная'],
    [{ isStudio: true, roomsCount: 1 }, ''],
  ])('rooms of %j: %s', (more, text) => {
    expect(fill('{rooms}', flat(more))).toBe(text);
  });

  it.each([
    ['{title} {areaM2} {own} {phone} {number} [[{a?x}]]'.replace('{a?x}', '{hasGas?газ}'), []],
    ['{areaM} {price per}', ['Поля «areaM» нет.', 'Не понятно, что значит «{price per}».']],
    ['[[ {areaM2}', ['Не закрыты скобки «[[».']],
    ['{areaM2} ]]', ['Лишние скобки «]]».']],
    ['{areaM2', ['Лишняя фигурная скобка.']],
    ['{apartmentNumber}', ['Поля «apartmentNumber» нет.']],
  ])('%j has the faults %j', (template, faults) => {
    expect(checkTemplate(template, texts({ formulas: [{ name: 'own', label: 'Своё', formula: '1' }] }))).toEqual(
      faults,
    );
  });

  it('tells which names go out of date', () => {
    expect(changeableIn('{price} {areaM2} {commission?есть} {depositKopecks} {price}')).toEqual([
      'price',
      'commission',
      'depositKopecks',
    ]);
  });

  it('never throws, and never leaves what it cannot tell', () => {
    const piece = fc.constantFrom(
      ...[
        '[[',
        ']]',
        '{',
        '}',
        '{areaM2}',
        '{hasGas?газ}',
        '{nothing}',
        '{rooms}',
        ', ',
        '. ',
        '(',
        ')',
        '\n',
        'слово',
        ' ',
      ],
    );
    const wild = fc.oneof(
      fc.string({ maxLength: 80, unit: 'binary' }),
      fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(wild, fc.nat(299), (template, index) => {
        const text = fill(template, listingAt(index));
        expect(text).not.toMatch(/undefined|NaN|null|[{}]| {2}|\(\s*\)|,\s*[,.]/);
        expect(cleanText(text)).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  it('takes brackets of any depth', () => {
    expect(fill(`${'[['.repeat(4000)}дом${']]'.repeat(4000)}`, flat())).toBe('Дом');
  });
});

describe('choosing', () => {
  const template = (name: string, more: object) => ({ name, text: name, ...more });
  const own = texts({
    templates: [
      template('любой', {}),
      template('продажа', { deal: 'sale' }),
      template('квартира', { kind: 'flat' }),
      template('продажа квартиры', { kind: 'flat', deal: 'sale' }),
      template('офис', { kind: 'commercial', commercialType: 'office' }),
    ],
  });
  it.each<[Partial<Listing>, string]>([
    [{}, 'продажа квартиры'],
    [{ deal: 'rent' }, 'квартира'],
    [{ kind: 'house' }, 'продажа'],
    [{ kind: 'commercial', commercialType: 'office', deal: 'rent' }, 'офис'],
    [{ kind: 'land', deal: 'rent' }, 'любой'],
  ])('%j: %s', (more, name) => {
    expect(chooseTemplate(flat(more), own)).toEqual({ name, text: name, isBuiltIn: false });
  });
  it('falls back to ours', () => {
    expect(chooseTemplate(flat(), NONE)).toMatchObject({ name: 'Встроенный: Квартира, продажа', isBuiltIn: true });
  });
});

describe('the templates we start with', () => {
  it('know every kind and deal, use known names only, and tell no price', () => {
    for (const kind of KINDS) {
      for (const deal of DEALS) {
        const { text } = chooseTemplate(flat({ kind, deal }), NONE);
        expect(checkTemplate(text, NONE)).toEqual([]);
        expect(changeableIn(text)).toEqual([]);
      }
    }
  });

  it('give every listing of the agency a title and a text of 200 to 850 characters', () => {
    for (const listing of MADE) {
      const { text } = writeText(listing, NONE);
      for (const words of [text, titleOf(listing)]) {
        expect(words).toMatch(/^[А-ЯЁ0-9]/);
        expect(words).not.toMatch(/undefined|NaN|null|false|[{}[\]]|\s{2}(?<!\n\n)|\s[,.]|,\s*[,.]|\(\s*\)|: ?\./);
      }
      expect(text.length, text).toBeGreaterThanOrEqual(200);
      expect(text.length, text).toBeLessThanOrEqual(850);
      expect(text).not.toContain(listing.apartmentNumber === undefined ? '+7' : `кв. ${listing.apartmentNumber}`);
    }
  });

  it('give the barest listing a sentence', () => {
    for (const kind of KINDS) {
      for (const deal of DEALS) {
        const { text } = writeText(flat({ kind, deal }), NONE);
        expect(text).toMatch(/^(?:Прода|Сда)[а-яё]+ся[ а-яё-]+\.\n\nЗвоните или пишите: [а-яё, ]+\.$/);
      }
    }
  });

  it('write the same twice, whatever order the fields came in', () => {
    for (const listing of MADE.slice(0, 80)) {
      const turned = Object.fromEntries(Object.entries(listing).reverse()) as Listing;
      expect(writeText(turned, NONE)).toEqual(writeText(listing, NONE));
    }
  });
});

describe('the words', () => {
  it('cover the closed lists of the listing, each value of them', () => {
    for (const [field, words] of Object.entries(WORDS)) {
      const schema = ListingSchema.properties[field as 'kind'] as { enum?: string[]; items?: { enum: string[] } };
      expect(Object.keys(words).sort(), field).toEqual([...(schema.enum ?? schema.items!.enum)].sort());
    }
    const unnamed = PLACEHOLDERS.map(({ name }) => name).filter((name) => {
      const schema = (ListingSchema.properties as Record<string, { enum?: unknown; items?: { enum?: unknown } }>)[name];
      return (schema?.enum ?? schema?.items?.enum) !== undefined && !Object.hasOwn(WORDS, name);
    });
    expect(unnamed).toEqual([]);
  });
});
