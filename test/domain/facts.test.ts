import { describe, expect, test } from 'vitest';
import { FACTS, type Facts, factsOf } from '../../src/domain/facts.ts';
import type { Listing } from '../../src/domain/listing.ts';

const flat = (more: Partial<Listing> = {}): Listing => ({ externalId: 'A-1', kind: 'flat', deal: 'sale', ...more });
const fact = <K extends keyof Facts>(name: K, more: Partial<Listing>) => factsOf(flat(more))[name];
const photos = (...urls: string[]) => urls.map((url) => ({ url }));

describe('a listing with nothing but its kind', () => {
  test('has harmless facts', () => {
    const facts = factsOf(flat());
    expect(facts).toMatchObject({
      descriptionChars: 0,
      titleChars: 0,
      photosCount: 0,
      isFloorAboveTotal: false,
      areRoomsAboveTotal: false,
      isRoomsKnown: false,
      isDepositKnown: false,
      isPriceInRoubles: true,
      hasPriceKopecks: false,
      hasCoordinates: false,
      isEmailMalformed: false,
      badPhonesCount: 0,
    });
    expect(Object.keys(facts).every((name) => (FACTS as string[]).includes(name))).toBe(true);
  });
});

describe('the number', () => {
  test.each([
    ['A-1024_b', true, false],
    ['Лот(7)', false, true],
    ['A 1', false, false],
    ['A/1,2=[3]', false, true],
  ])('%s: plain %s, of common signs %s', (externalId, isPlain, isCommon) => {
    const facts = factsOf({ ...flat(), externalId });
    expect([facts.isIdPlain, facts.isIdOfCommonSigns]).toEqual([isPlain, isCommon]);
  });
});

describe('the description', () => {
  test.each([
    ['Текст', 5],
    ['  Текст\n', 5],
    ['<p>Текст</p>', 5],
    ['<p>Раз</p><p>Два</p>', 7],
    ['Дом 🏠', 5],
    ['&nbsp;&nbsp;', 0],
    ['Дом &amp; сад', 9],
    ['a < b и c > d', 13],
  ])('%j is %i characters to a reader', (description, chars) => {
    expect(fact('descriptionChars', { description })).toBe(chars);
  });

  test('tags: allowed ones and others', () => {
    const facts = factsOf(flat({ description: '<p>Раз<br/><b>два</b> <a href="#">три</a></p>' }));
    expect([facts.hasHtml, facts.unusualTagsCount]).toEqual([true, 4]);
    expect(fact('hasHtml', { description: 'площадь < 50, цена > 5' })).toBe(false);
    expect(fact('slashesCount', { description: '<p>и/или №5</p>' })).toBe(2);
  });

  test.each([
    ['Звоните +7 (912) 000-00-14', 1],
    ['8 900 000-00-01 или 89000000002', 2],
    ['Тел. 9120000014', 1],
    ['(912) 000-00-14', 1],
    ['Номер {phone}', 0],
    ['Цена 8 500 000 руб., участок 77:01:0001001:1234', 0],
    ['ИНН 7707083893', 0],
    ['Квартира 54,3 м², 5 этаж из 9, 1985 год, 12 400 000', 0],
  ])('%j holds %i phone numbers', (description, count) => {
    expect(fact('phonesInText', { description })).toBe(count);
  });

  test.each([
    ['Сайт https://example.test/a и www.example.test', 2],
    ['Пишите a@example.ru', 1],
    ['ищите на kvartira.ru', 1],
    ['дом-мечты.рф', 1],
    ['t.me/agent', 1],
    ['54,3 кв.м, ул.Ленина, д.5. Метро рядом.', 0],
    ['и т.д. и т.п.', 0],
  ])('%j holds %i addresses', (description, count) => {
    expect(fact('urlsInText', { description })).toBe(count);
  });

  test('emoji, mixed words, ampersand, end of CDATA', () => {
    expect(fact('emojiCount', { description: '🏠 Дом ✅ «Уют»™ ©' })).toBe(2);
    expect(fact('emojiCount', { description: '• 54 м² — тихо…' })).toBe(0);
    expect(fact('mixedWordsCount', { description: 'Kвартира с Wi-Fi' })).toBe(1);
    expect(fact('hasAmpersand', { description: 'Дом & сад' })).toBe(true);
    expect(fact('hasCdataEnd', { description: 'a]]>b' })).toBe(true);
  });
});

describe('the title', () => {
  test.each<[string, Partial<Facts>]>([
    ['2-комн. квартира', { titleChars: 16, titleLettersCount: 13, isTitleShouting: false }],
    ['СРОЧНО ПРОДАЮ КВАРТИРУ', { isTitleShouting: true }],
    ['ЖК «Парк»', { isTitleShouting: false }],
    ['Студия за 5,4 млн', { hasTitlePrice: true }],
    ['Студия 24 м²', { hasTitlePrice: false }],
    ['Дом, звоните 89000000001', { hasTitleContacts: true }],
  ])('%s', (title, expected) => {
    expect(factsOf(flat({ title }))).toMatchObject(expected);
  });
});

describe('the place', () => {
  test.each([
    [55.75, 37.61, true, true],
    [37.61, 55.75, true, false],
    [64.4, -173.2, true, true],
    [0, 0, false, false],
  ])('%d, %d', (latitude, longitude, isKnown, isInRussia) => {
    const facts = factsOf(flat({ latitude, longitude }));
    expect([facts.hasCoordinates, facts.isPointInRussia]).toEqual([isKnown, isInRussia]);
  });
  test('half a point is no point', () => expect(fact('hasCoordinates', { latitude: 55.75 })).toBe(false));
  test('an address is a place', () =>
    expect(fact('isPlaceKnown', { address: 'Воронеж, улица Примерная, 1' })).toBe(true));
});

describe('the photos', () => {
  test('are counted by sort, format and address', () => {
    const facts = factsOf(
      flat({
        photos: [
          ...photos(
            'https://x.test/1.jpg',
            'https://x.test/2.webp?v=2',
            'https://x.test/3.heic',
            'https://x.test/4.GIF',
            'https://x.test:8080/5.jpg',
            'https://x.test:443/6.jpg',
            'https://x.test/photo?id=7',
            'https://x.test/1.jpg',
            'files/8.jpg',
          ),
          { url: 'https://x.test/plan.png', isPlan: true },
        ],
      }),
    );
    expect(facts).toMatchObject({
      photosCount: 9,
      plansCount: 1,
      usablePhotosCount: 9,
      webpPhotosCount: 1,
      gifPhotosCount: 1,
      oddFormatPhotosCount: 1,
      oddPortPhotosCount: 1,
      duplicatePhotosCount: 1,
      nonHttpPhotosCount: 1,
    });
  });
});

describe('numbers that must agree', () => {
  test.each<[Partial<Listing>, Partial<Facts>]>([
    [{ floor: 9, floorsTotal: 5 }, { isFloorAboveTotal: true }],
    [{ floor: 5, floorsTotal: 5 }, { isFloorAboveTotal: false }],
    [{ floor: -1, floorsTotal: 5 }, { isFloorAboveTotal: false }],
    [
      { areaM2: 30, livingAreaM2: 20.1, kitchenAreaM2: 10.2 },
      { livingPlusKitchenM2: 30.3, areRoomsAboveTotal: true },
    ],
    // 20.1 + 10.2 is 30.299999999999997 in binary; the sum of the parts is not larger than the whole.
    [{ areaM2: 30.3, livingAreaM2: 20.1, kitchenAreaM2: 10.2 }, { areRoomsAboveTotal: false }],
    [{ areaM2: 0.3, livingAreaM2: 0.1, kitchenAreaM2: 0.2 }, { areRoomsAboveTotal: false }],
    [{ roomsCount: 0 }, { isRoomsKnown: false }],
    [{ isStudio: true }, { isRoomsKnown: true }],
    [{ landAreaM2: 640 }, { landAreaSotka: 6.4 }],
  ])('%j', (more, expected) => expect(factsOf(flat(more))).toMatchObject(expected));
});

describe('money and contacts', () => {
  test.each<[Partial<Listing>, Partial<Facts>]>([
    [{ priceKopecks: 540_000_050 }, { priceRoubles: 5_400_000.5, hasPriceKopecks: true }],
    [
      { priceKopecks: 540_000_000, currency: 'USD' },
      { isPriceInRoubles: false, hasPriceKopecks: false },
    ],
    [{ depositMonths: 0 }, { isDepositKnown: true }],
    [
      { contactPhones: ['+79120000014', '+70000000000', '+375291234567'] },
      { phonesCount: 3, badPhonesCount: 2, russianPhonesCount: 1 },
    ],
    [{ contactEmail: 'a@agency.moscow' }, { isNonCommonEmailZone: true, isEmailMalformed: false }],
    [{ contactEmail: 'a@agency.ru' }, { isNonCommonEmailZone: false }],
    [{ contactEmail: 'a@дом.рф' }, { isNonCommonEmailZone: false }],
    [{ contactEmail: 'нет' }, { isEmailMalformed: true }],
    [{ createdAt: '2026-05-01T10:00:00+03:00' }, { createdYear: 2026 }],
  ])('%j', (more, expected) => expect(factsOf(flat(more))).toMatchObject(expected));
});

test('facts do not change the listing, and the same listing has the same facts', () => {
  const listing = flat({
    description: '<p>Звоните 8 900 000-00-01, www.example.test</p>',
    photos: photos('https://x.test/1.jpg'),
  });
  const before = structuredClone(listing);
  expect(factsOf(listing)).toEqual(factsOf(listing));
  expect(listing).toEqual(before);
});
