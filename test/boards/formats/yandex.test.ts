import { describe, expect, test } from 'vitest';
import { CODECS } from '../../../src/boards/formats/index.ts';
import { inspectEdition } from '../../../src/boards/formats/inspect.ts';
import { parseElement } from '../../../src/boards/formats/xml.ts';
import type { Listing } from '../../../src/domain/listing.ts';

const { yandex } = CODECS;
const read = (inner: string, attrs = 'internal-id="A-1"') =>
  yandex.read(parseElement(`<offer ${attrs}>${inner}</offer>`));
const SALE = '<type>продажа</type><property-type>жилая</property-type>';

const flat: Listing = {
  externalId: 'A-1001',
  kind: 'flat',
  deal: 'sale',
  market: 'resale',
  createdAt: '2026-05-01T10:00:00+03:00',
  locality: 'Москва',
  address: 'Москва, ул. Примерная, 1',
  apartmentNumber: '7',
  latitude: 55.75,
  longitude: 37.61,
  metro: [{ name: 'Арбатская', walkMinutes: 6 }],
  contactName: 'Иван',
  contactPhones: ['+79001234567'],
  sellerRole: 'agency',
  organization: 'АН «Пример»',
  priceKopecks: 950_000_000,
  currency: 'RUB',
  saleType: 'free',
  areaM2: 41.5,
  roomsCount: 1,
  floor: 5,
  floorsTotal: 9,
  wallMaterial: 'panel',
  photos: [
    { url: 'https://cdn.example.test/1.jpg' },
    { url: 'https://cdn.example.test/2.jpg?w=800&h=600' },
    { url: 'https://cdn.example.test/plan.jpg', isPlan: true },
  ],
  description: 'Светлая квартира: «рядом» парк & школа,\nокна < 5 лет',
};

/** The example of the facts file, section 15, with the order and the escapes that are ours. */
const FLAT_XML = `  <offer internal-id="A-1001">
    <type>продажа</type>
    <property-type>жилая</property-type>
    <category>квартира</category>
    <creation-date>2026-05-01T10:00:00+03:00</creation-date>
    <location>
      <country>Россия</country>
      <locality-name>Москва</locality-name>
      <address>ул. Примерная, 1</address>
      <apartment>7</apartment>
      <latitude>55.75</latitude>
      <longitude>37.61</longitude>
      <metro>
        <name>Арбатская</name>
        <time-on-foot>6</time-on-foot>
      </metro>
    </location>
    <price>
      <value>9500000</value>
      <currency>RUB</currency>
    </price>
    <deal-status>прямая продажа</deal-status>
    <area>
      <value>41.5</value>
      <unit>кв. м</unit>
    </area>
    <rooms>1</rooms>
    <floor>5</floor>
    <floors-total>9</floors-total>
    <building-type>панельный</building-type>
    <sales-agent>
      <name>Иван</name>
      <phone>+79001234567</phone>
      <category>агентство</category>
      <organization>АН «Пример»</organization>
    </sales-agent>
    <image>https://cdn.example.test/1.jpg</image>
    <image>https://cdn.example.test/2.jpg?w=800&amp;h=600</image>
    <image tag="plan">https://cdn.example.test/plan.jpg</image>
    <description>Светлая квартира: «рядом» парк &amp; школа,
окна &lt; 5 лет</description>
  </offer>
`;

describe('writing', () => {
  test('a flat, byte for byte', () => {
    expect(yandex.render(flat)).toBe(FLAT_XML);
  });

  test('a file that its own schema takes', () => {
    const text = `${yandex.header('2026-11-20T10:00:00+03:00')}${FLAT_XML}${yandex.footer}`;
    expect(
      text.startsWith(
        '<?xml version="1.0" encoding="UTF-8"?>\n<realty-feed xmlns="http://webmaster.yandex.ru/schemas/feed/realty/2010-06">\n  <generation-date>',
      ),
    ).toBe(true);
    expect(inspectEdition('yandex', text)).toEqual([]);
  });

  test.each<[string, Partial<Listing>, string[], string[]]>([
    [
      'a daily room',
      { kind: 'room', deal: 'daily-rent', roomAreaM2: 14, roomsOffered: 1, roomsCount: 3 },
      [
        '<type>аренда</type>',
        '<category>комната</category>',
        '<period>день</period>',
        '<rooms-offered>1</rooms-offered>',
        '<room-space>',
      ],
      ['<mortgage>'],
    ],
    [
      'a plot in sotkas',
      { kind: 'land', landAreaM2: 640, areaM2: undefined, landStatus: 'snt' },
      [
        '<category>участок</category>',
        '<value>6.4</value>\n      <unit>сотка</unit>',
        '<lot-type>садоводство</lot-type>',
      ],
      ['<area>', '<floor>'],
    ],
    [
      'a house without and with land',
      { kind: 'house', houseType: 'house' },
      ['<category>дом</category>'],
      ['<lot-area>'],
    ],
    [
      'a house with land',
      { kind: 'house', houseType: 'house', landAreaM2: 600 },
      ['<category>дом с участком</category>', '<lot-area>'],
      [],
    ],
    [
      'a new flat',
      { market: 'new', saleType: 'assignment', builtYear: 2027, readyQuarter: 2 },
      ['<new-flat>true</new-flat>', '<deal-status>переуступка</deal-status>', '<ready-quarter>2</ready-quarter>'],
      [],
    ],
    [
      'an office for rent',
      { kind: 'commercial', deal: 'rent', commercialType: 'office', leaseType: 'direct' },
      [
        '<category>commercial</category>',
        '<commercial-type>office</commercial-type>',
        '<deal-status>direct rent</deal-status>',
        '<period>месяц</period>',
      ],
      ['<property-type>'],
    ],
    [
      'a garage',
      { kind: 'garage', garageType: 'box', roomsCount: undefined },
      ['<category>гараж</category>', '<garage-type>бокс</garage-type>'],
      ['<rooms-type>'],
    ],
    [
      'zeros and noes',
      { isBargainAllowed: false, isMortgageAllowed: false, hasInternet: false, parkingPlacesCount: 0, floor: 0 },
      [
        '<haggle>false</haggle>',
        '<mortgage>false</mortgage>',
        '<internet>false</internet>',
        '<parking-places>0</parking-places>',
        '<floor>0</floor>',
      ],
      [],
    ],
    ['what can only be said by its presence', { isStudio: false, isOpenPlan: false }, [], ['<studio>', '<open-plan>']],
    ['kopecks', { priceKopecks: 12_345_67 }, ['<value>12345.67</value>'], []],
    [
      'an address that names its town',
      { address: 'г. Москва, ул. Примерная, 1' },
      ['<locality-name>Москва</locality-name>', '<address>г. Москва, ул. Примерная, 1</address>'],
      [],
    ],
  ])('%s', (_, change, present, absent) => {
    const xml = yandex.render({ ...flat, ...change });
    for (const part of present) expect(xml).toContain(part);
    for (const part of absent) expect(xml).not.toContain(part);
  });

  test('what the family has no word for is left out, never bent', () => {
    const kept = yandex.project({ ...flat, deal: 'rent', rentPeriod: 'year', minLeaseMonths: 11, title: 'Заголовок' });
    expect(kept.rentPeriod).toBeUndefined();
    expect(kept.minLeaseMonths).toBeUndefined();
    expect(kept.title).toBeUndefined();
    expect(yandex.project({ externalId: 'A-1', kind: 'bed', deal: 'rent' })).toEqual({});
  });
});

describe('reading', () => {
  test('the own file comes back as it was', () => {
    const { listing, notUnderstood } = yandex.read(parseElement(FLAT_XML));
    expect(listing).toEqual(flat);
    expect(notUnderstood).toEqual([]);
  });

  test.each<[string, string, Partial<Listing>]>([
    [
      'English words',
      '<type>sale</type><property-type>living</property-type><category>flat</category>',
      { kind: 'flat', deal: 'sale', market: 'resale' },
    ],
    ['a part of a house', `${SALE}<category>часть дома</category>`, { kind: 'house', houseType: 'part' }],
    ['a plot under its old name', `${SALE}<category>Земельный участок</category>`, { kind: 'land' }],
    [
      'a Latin letter in «сотка»',
      `${SALE}<category>участок</category><lot-area><value>6,4</value><unit>cот.</unit></lot-area>`,
      { landAreaM2: 640, landAreaUnit: 'sotka' },
    ],
    [
      'hectares',
      `${SALE}<category>lot</category><lot-area><value>2.5</value><unit>га</unit></lot-area>`,
      { landAreaM2: 25_000, landAreaUnit: 'hectare' },
    ],
    [
      'old roubles and blanks',
      `${SALE}<category>квартира</category><price><value>9 500 000</value><currency>RUR</currency></price>`,
      { priceKopecks: 950_000_000, currency: 'RUB' },
    ],
    [
      'a day',
      '<type>аренда</type><category>комната</category><price><period>сутки</period></price>',
      { kind: 'room', deal: 'daily-rent' },
    ],
    [
      'a year',
      '<type>rent</type><category>commercial</category><price><period>год</period></price>',
      { kind: 'commercial', deal: 'rent', rentPeriod: 'year' },
    ],
    [
      'the deposit inside the price',
      '<type>аренда</type><category>квартира</category><price><rent-pledge>да</rent-pledge></price>',
      { boardFields: { yandex: { 'rent-pledge': true } } },
    ],
    [
      'every spelling of yes and no',
      `${SALE}<category>квартира</category><phone>+</phone><internet>1</internet><lift>да</lift><rubbish-chute>-</rubbish-chute><security>0</security>`,
      {
        hasPhoneLine: true,
        hasInternet: true,
        hasGarbageChute: false,
        isSecured: false,
        boardFields: { yandex: { lift: true } },
      },
    ],
    [
      'a local phone',
      `${SALE}<category>квартира</category><sales-agent><phone>8 (495) 777-10-66</phone><category>agency</category></sales-agent>`,
      { contactPhones: ['+74957771066'], sellerRole: 'agency' },
    ],
    [
      'an owner of former years',
      `${SALE}<category>квартира</category><sales-agent><category>владелец</category></sales-agent>`,
      { sellerRole: 'owner' },
    ],
    [
      'an informal district',
      `${SALE}<category>квартира</category><location><non-admin-sub-locality>Арбат</non-admin-sub-locality></location>`,
      { subLocality: 'Арбат' },
    ],
    [
      'law 214 in any spelling',
      `${SALE}<category>квартира</category><new-flat>+</new-flat><deal-status>по 214 фз</deal-status>`,
      { market: 'new', saleType: 'developer' },
    ],
    ['two loggias', `${SALE}<category>квартира</category><balcony>2 лоджии</balcony>`, { loggiasCount: 2 }],
    [
      'CDATA beside text',
      `${SALE}<category>квартира</category><description>Текст <![CDATA[<b>жирный</b> & точка]]></description>`,
      { description: 'Текст <b>жирный</b> & точка' },
    ],
    [
      'a window on both sides',
      `${SALE}<category>квартира</category><window-view>во двор и на улицу</window-view>`,
      { windowViews: ['yard', 'street'] },
    ],
    [
      'the CRM word for renovation',
      `${SALE}<category>квартира</category><renovation>евроремонт</renovation>`,
      { renovation: 'euro' },
    ],
  ])('%s', (_, inner, expected) => {
    const { listing, notUnderstood } = read(inner);
    expect(listing).toMatchObject(expected);
    expect(notUnderstood).toEqual([]);
  });

  test('nothing is dropped in silence', () => {
    const { listing, notUnderstood } = read(
      `${SALE}<category>квартира</category><floor>пятый</floor><x-own>1</x-own><location><planet>Земля</planet></location><price><value>дорого</value></price>`,
    );
    expect(listing).toMatchObject({ externalId: 'A-1', kind: 'flat' });
    expect(notUnderstood).toEqual(
      expect.arrayContaining([
        { path: 'floor', value: 'пятый', isValue: true },
        { path: 'price/value', value: 'дорого', isValue: true },
        { path: 'x-own', value: '1', isValue: false },
        { path: 'location/planet', value: 'Земля', isValue: false },
      ]),
    );
    expect(notUnderstood).toHaveLength(4);
  });

  test('what is dropped on purpose is not reported', () => {
    const { notUnderstood } = read(
      `${SALE}<category>квартира</category><expire-date>2026-12-01T00:00:00+03:00</expire-date><payed-adv>1</payed-adv><sales-agent><agency-id>5</agency-id></sales-agent>`,
    );
    expect(notUnderstood).toEqual([]);
  });

  test('an offer that does not say what it is is no listing, and says why', () => {
    const { listing, kindProblem } = read('<type>продажа</type><category>яхта</category>');
    expect(listing).toBeUndefined();
    expect(kindProblem).toBe('category = «яхта»');
  });
});
