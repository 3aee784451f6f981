import { describe, expect, test } from 'vitest';
import { type Board, readBoards } from '../../src/boards/catalogue.ts';
import { compileBoard, describeOffers, validatorOf } from '../../src/boards/check.ts';
import { factsOf } from '../../src/domain/facts.ts';
import type { Listing } from '../../src/domain/listing.ts';
import { isBlocked } from '../../src/domain/notice.ts';

const flat = (more: Partial<Listing> = {}): Listing => ({ externalId: 'A-1', kind: 'flat', deal: 'sale', ...more });

const evidence = { source: 'help', checkedOn: '2026-11-20' };

/** A board made of these entries alone. */
function board(content: object): Board {
  const file = {
    id: 'primer',
    name: 'Пример',
    nameDative: 'Примеру',
    nameGenitive: 'Примера',
    family: 'cian',
    families: ['cian', 'yandex'],
    status: { text: 'Жива.', ...evidence },
    sources: [{ key: 'help', title: 'Пример, справка, 2026', date: '2026', grade: 'official' }],
    ...content,
  };
  return readBoards(new Map([['primer.json', JSON.stringify(file)]]))[0]!;
}
const rule = (more: object) => ({
  code: 'rule',
  must: false,
  severity: 'blocking',
  field: 'floor',
  message: 'Нельзя.',
  ...evidence,
  ...more,
});
const check = (content: object, listing: Listing, family?: 'cian' | 'yandex') =>
  compileBoard(board(content), family ?? 'cian').check(listing, factsOf(listing));
const says = (message: string, listing: Listing) => check({ rules: [rule({ message })] }, listing)[0]!.message;

describe('a notice', () => {
  test('tells the code, the field, the sentence, who fixes it and where the demand is from', () => {
    const notices = check(
      {
        rules: [
          rule({
            code: 'description-short',
            must: { properties: { facts: { properties: { descriptionChars: { minimum: 15 } } } } },
            field: 'description',
            message: '{label}: {facts.descriptionChars|знак|знака|знаков}. {nameDative} нужно от 15 до 3000.',
          }),
        ],
      },
      flat({ description: 'Продаётся.!' }),
    );
    expect(notices).toEqual([
      {
        code: 'primer/description-short',
        severity: 'blocking',
        field: 'description',
        label: 'Описание',
        message: 'Описание: 11 знаков. Примеру нужно от 15 до 3000.',
        fixedBy: 'agent',
        source: 'Пример, справка, 2026',
        checkedOn: '2026-11-20',
        actual: 11,
      },
    ]);
    expect(isBlocked(notices)).toBe(true);
  });

  test('gives the field’s value where the sentence tells none, and nothing where there is nothing', () => {
    expect(check({ rules: [rule({})] }, flat({ floor: 0 }))[0]!.actual).toBe(0);
    expect(check({ rules: [rule({})] }, flat())[0]).not.toHaveProperty('actual');
    expect(check({ rules: [rule({ field: 'metro' })] }, flat({ metro: [{ name: 'Динамо' }] }))[0]).not.toHaveProperty(
      'actual',
    );
    const title = 'Я'.repeat(300);
    expect(check({ rules: [rule({ field: 'title' })] }, flat({ title }))[0]!.actual).toHaveLength(200);
  });

  test('leaves the listing and the facts alone', () => {
    const listing = Object.freeze(flat({ description: 'Дом' }));
    const facts = Object.freeze(factsOf(listing));
    expect(() => compileBoard(board({ rules: [rule({})] })).check(listing, facts)).not.toThrow();
  });
});

describe('sentences', () => {
  test.each([
    ['{label}: {floor}, верно.', 'Этаж: 5, верно.'],
    ['{name}, {nameDative}, {nameGenitive}: да.', 'Пример, Примеру, Примера: да.'],
    ['Цена {priceKopecks|roubles}.', 'Цена 5\u00A0400\u00A0000 ₽.'],
    ['Залог {depositKopecks|roubles}.', 'Залог 1200,5 ₽.'],
    ['Площадь {areaM2|m2}.', 'Площадь 54,3 м².'],
    ['{facts.photosCount|снимок|снимка|снимков}: мало.', '2 снимка: мало.'],
    ['{floorsTotal|этаж|этажа|этажей} в доме.', '21 этаж в доме.'],
    ['Адрес {address}.', 'Адрес Воронеж, улица Примерная, 1.'],
    ['Ипотека: {isMortgageAllowed}.', 'Ипотека: нет.'],
    ['Кухня: {kitchenAreaM2}.', 'Кухня: не заполнено.'],
    ['Это {offers}.', 'Это продажа квартир.'],
  ])('%s', (message, expected) => {
    const listing = flat({
      floor: 5,
      floorsTotal: 21,
      priceKopecks: 540_000_000,
      depositKopecks: 120_050,
      areaM2: 54.3,
      address: 'Воронеж, улица Примерная, 1',
      isMortgageAllowed: false,
      photos: [{ url: 'https://x.test/1.jpg' }, { url: 'https://x.test/2.jpg' }],
    });
    expect(says(message, listing)).toBe(expected);
  });

  test.each<[Partial<Listing>, string]>([
    [{}, 'продажа квартир'],
    [{ market: 'new' }, 'продажа квартир в новостройках'],
    [{ isShare: true, market: 'new' }, 'продажа долей в квартирах'],
    [{ kind: 'room', deal: 'daily-rent' }, 'посуточная аренда комнат'],
    [{ kind: 'house', houseType: 'townhouse' }, 'продажа таунхаусов'],
    [{ kind: 'garage', garageType: 'parking-place', deal: 'rent' }, 'аренда машино-мест'],
    [{ kind: 'commercial', commercialType: 'office', deal: 'rent' }, 'аренда офисов'],
    [{ kind: 'commercial' }, 'продажа коммерческой недвижимости'],
    [{ kind: 'land' }, 'продажа участков'],
    [{ kind: 'bed', deal: 'rent' }, 'аренда койко-мест'],
  ])('%j is %s', (more, expected) => expect(describeOffers(flat(more))).toBe(expected));
});

describe('which rules speak', () => {
  const scoped = {
    rules: [
      rule({ code: 'for-flats', kinds: ['flat'] }),
      rule({ code: 'for-rent', deals: ['rent'] }),
      rule({ code: 'for-yrl', families: ['yandex'] }),
      rule({ code: 'above-ten', when: { required: ['floor'], properties: { floor: { minimum: 10 } } } }),
    ],
  };
  const codes = (listing: Listing, family?: 'cian' | 'yandex') =>
    check(scoped, listing, family).map(({ code }) => code.split('/')[1]);

  test('only those meant for the kind, the deal, the family and the condition', () => {
    expect(codes(flat())).toEqual(['for-flats']);
    expect(codes(flat({ deal: 'rent' }))).toEqual(['for-flats', 'for-rent']);
    expect(codes(flat({ kind: 'house' }))).toEqual([]);
    expect(codes(flat({ kind: 'house', floor: 10 }))).toEqual(['above-ten']);
    expect(codes(flat({ kind: 'house' }), 'yandex')).toEqual(['for-yrl']);
  });

  test('blocking notices come first', () => {
    const notices = check({ rules: [rule({ code: 'soft', severity: 'advisory' }), rule({ code: 'hard' })] }, flat());
    expect(notices.map(({ severity }) => severity)).toEqual(['blocking', 'advisory']);
  });

  test('one field missing for two reasons is one notice, the graver one', () => {
    const notices = check(
      {
        required: [
          { fields: ['photos'], severity: 'advisory', ...evidence },
          { fields: ['photos'], deals: ['sale'], ...evidence },
        ],
      },
      flat(),
    );
    expect(notices.map(({ code, severity }) => [code, severity])).toEqual([['primer/photos-missing', 'blocking']]);
    expect(
      check({ required: [{ fields: ['photos'], ...evidence }] }, flat({ photos: [{ url: 'https://x.test/1.jpg' }] })),
    ).toEqual([]);
  });

  test('zero and no are values, not gaps', () => {
    const content = { required: [{ fields: ['floor', 'isMortgageAllowed'], ...evidence }] };
    expect(check(content, flat({ floor: 0, isMortgageAllowed: false }))).toEqual([]);
  });

  test('what the board cannot take at all gets that one notice alone', () => {
    const content = {
      unsupported: [{ kinds: ['flat'], deals: ['daily-rent'], why: 'Подойдёт аренда.', ...evidence }],
      required: [{ fields: ['floor'], ...evidence }],
    };
    expect(check(content, flat({ deal: 'daily-rent' })).map(({ code, message }) => [code, message])).toEqual([
      [
        'primer/offer-unsupported',
        'Вид объекта: посуточная аренда квартир. Пример такие объявления не принимает. Подойдёт аренда.',
      ],
    ]);
    expect(check(content, flat()).map(({ code }) => code)).toEqual(['primer/floor-missing']);
  });

  test('a field of the family is looked up among the family’s own', () => {
    const content = {
      labels: { 'own:JKSchema/Id': 'Номер комплекса' },
      required: [{ fields: ['own:JKSchema/Id'], ...evidence }],
    };
    expect(check(content, flat({ boardFields: { yandex: { 'JKSchema/Id': 1 } } }))[0]!.message).toBe(
      'Номер комплекса: не заполнено. Требует Пример: продажа квартир.',
    );
    expect(check(content, flat({ boardFields: { cian: { 'JKSchema/Id': 1 } } }))).toEqual([]);
  });
});

describe('schemas over the listing and its facts', () => {
  const holds = (schema: object, listing: Listing) =>
    validatorOf(schema as never)({ listing, facts: factsOf(listing) });

  test('reach fields and facts through every way of putting conditions together', () => {
    const schema = {
      allOf: [
        {
          anyOf: [
            { required: ['floor'] },
            { properties: { facts: { properties: { hasCoordinates: { const: true } } } } },
          ],
        },
        { not: { required: ['isStudio'], properties: { isStudio: { const: true } } } },
        { if: { properties: { deal: { enum: ['sale', 'daily-rent'] } } }, else: { required: ['petsAllowed'] } },
      ],
    };
    expect(holds(schema, flat({ floor: 1 }))).toBe(true);
    expect(holds(schema, flat({ latitude: 55, longitude: 37 }))).toBe(true);
    expect(holds(schema, flat())).toBe(false);
    expect(holds(schema, flat({ floor: 1, isStudio: true }))).toBe(false);
    expect(holds(schema, flat({ floor: 1, deal: 'rent' }))).toBe(false);
    expect(holds(schema, flat({ floor: 1, deal: 'rent', petsAllowed: false }))).toBe(true);
  });

  test('a condition may mix fields and facts in one place', () => {
    const schema = {
      required: ['floor'],
      properties: { floor: { minimum: 2 }, facts: { properties: { photosCount: { maximum: 0 } } } },
    };
    expect(holds(schema, flat({ floor: 2 }))).toBe(true);
    expect(holds(schema, flat({ floor: 1 }))).toBe(false);
    expect(holds(schema, flat({ floor: 2, photos: [{ url: 'https://x.test/1.jpg' }] }))).toBe(false);
  });

  test('one field may be compared with another', () => {
    const schema = { properties: { depositKopecks: { maximum: { $data: '/priceKopecks' } } } };
    expect(holds(schema, flat({ priceKopecks: 5, depositKopecks: 5 }))).toBe(true);
    expect(holds(schema, flat({ priceKopecks: 5, depositKopecks: 6 }))).toBe(false);
    expect(holds(schema, flat({ depositKopecks: 6 }))).toBe(true);
  });

  test('nothing is coerced: a number written as text is not a number', () => {
    const schema = { properties: { floor: { enum: [5] } } };
    expect(holds(schema, flat({ floor: '5' as never }))).toBe(false);
  });

  test('the same text is compiled once', () => {
    expect(validatorOf({ required: ['floor'] })).toBe(validatorOf({ required: ['floor'] }));
  });
});
