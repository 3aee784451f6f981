import type { Deal, Kind, Listing } from '../../../domain/listing.ts';
import type { Draft, Row } from '../codec.ts';
import { type Conversion, date, decimal, list, pattern, text, URL_TYPE, url, words, writeUrl } from '../kit.ts';
import { readPhone } from '../phone.ts';
import type { Element } from '../xml.ts';
import {
  COMMERCIAL,
  count,
  dayOrMoment,
  FLAT_NEW,
  FLAT_RENT,
  FLAT_RESALE,
  FLAT_SALE,
  fold,
  GARAGE,
  group,
  HOUSE,
  HOUSE_RENT,
  HOUSE_SALE,
  LAND,
  leaf,
  own,
  ROOM,
  seen,
  strict,
  wholeRoubles,
  yesNo,
} from './builders.ts';

/** Sections 3 and 4: what every ad has, and how kind and deal are told. */

// ---------------------------------------------------------------- kind and deal

const CATEGORIES: readonly (readonly [Kind, string])[] = [
  ['flat', 'Квартиры'],
  ['room', 'Комнаты'],
  ['house', 'Дома, дачи, коттеджи'],
  ['land', 'Земельные участки'],
  ['garage', 'Гаражи и машиноместа'],
  ['commercial', 'Коммерческая недвижимость'],
];
const KIND_BY_CATEGORY = new Map(CATEGORIES.map(([kind, word]) => [fold(word), kind]));

/** Only these are let by the day; elsewhere there is no `LeaseType`, and the price would be taken for a month's. */
const DAILY_KINDS: readonly Kind[] = ['flat', 'room', 'bed', 'house'];

export const isDealSayable = (kind: Kind | undefined, deal: Deal | undefined) =>
  deal !== 'daily-rent' || (kind !== undefined && DAILY_KINDS.includes(kind));

export const marketWords = words([
  ['resale', 'Вторичка'],
  ['new', 'Новостройка'],
]);
export const leaseWords = words([
  ['rent', 'На длительный срок'],
  ['daily-rent', 'Посуточно'],
]);
export const residenceWords = words([
  ['room', 'Комната'],
  ['bed', 'Койко-место'],
]);

export const houseTypeWords = words(
  [
    ['house', 'Дом'],
    ['dacha', 'Дача'],
    ['cottage', 'Коттедж'],
    ['townhouse', 'Таунхаус'],
  ],
  // One of two dwellings under one roof is sold as a townhouse; a part of a house has no word at all.
  { nearest: [['duplex', 'Таунхаус']] },
);
export const garageTypeWords = words(
  [
    ['garage', 'Гараж'],
    ['parking-place', 'Машиноместо'],
  ],
  {
    nearest: [['box', 'Гараж']],
  },
);
export const commercialTypeWords = words([
  ['office', 'Офисное помещение'],
  ['free-purpose', 'Помещение свободного назначения'],
  ['retail', 'Торговое помещение'],
  ['warehouse', 'Складское помещение'],
  ['manufacturing', 'Производственное помещение'],
  ['catering', 'Помещение общественного питания'],
  ['hotel', 'Гостиница'],
  ['auto-service', 'Автосервис'],
  ['building', 'Здание'],
  ['coworking', 'Коворкинг'],
  ['storage-room', 'Кладовая'],
]);

function readDeal(offer: Element, kind: Kind, draft: Draft): Deal | undefined {
  const raw = offer.peek('OperationType');
  // «Продажа» is not a word of Avito, yet live feeds carry it.
  const operation = words(
    [
      ['sale', 'Продам'],
      ['rent', 'Сдам'],
    ],
    { also: [['Продажа', 'sale']] },
  ).read(raw ?? '');
  if (operation === undefined) {
    draft.fail('OperationType', raw ?? '');
    return undefined;
  }
  const lease = operation === 'rent' && DAILY_KINDS.includes(kind) ? offer.peek('LeaseType') : undefined;
  if (lease === undefined) return operation as Deal;
  const deal = leaseWords.read(lease);
  if (deal === undefined) draft.fail('LeaseType', lease);
  return deal as Deal | undefined;
}

/**
 * Tells kind, deal and the finer shape by looking ahead; the elements themselves are taken, judged and written by
 * the rows below, each with its own place and requirement.
 */
export const shapeRow: Row = group({
  elements: [],
  fields: ['kind', 'deal', 'market', 'houseType', 'garageType', 'commercialType'],
  samples: [],
  write() {},
  read(offer, draft) {
    const category = offer.peek('Category') ?? '';
    const found = KIND_BY_CATEGORY.get(fold(category));
    if (found === undefined) return draft.fail('Category', category);
    const deal = readDeal(offer, found, draft);
    if (deal === undefined) return;
    const isBed = found === 'room' && residenceWords.read(offer.peek('ResidenceType') ?? '') === 'bed';
    const kind = isBed ? 'bed' : found;
    const type = offer.peek('ObjectType') ?? '';
    draft.set('kind', kind);
    draft.set('deal', deal);
    if (kind === 'flat' && deal === 'sale') {
      const isNewByNumber = offer.peek('MarketType') === undefined && offer.peek('NewDevelopmentId') !== undefined;
      draft.set('market', isNewByNumber ? 'new' : marketWords.read(offer.peek('MarketType') ?? ''));
    }
    if (kind === 'house') draft.set('houseType', houseTypeWords.read(type));
    if (kind === 'garage') draft.set('garageType', garageTypeWords.read(type));
    if (kind === 'commercial') draft.set('commercialType', commercialTypeWords.read(type));
  },
});

// ---------------------------------------------------------------- money

const UNIT_M2 = { total: 0, m2: 1, sotka: 100, hectare: 10_000 } as const;

/**
 * The price Avito means by `Price`: roubles for the whole object, or for a square metre of commercial premises
 * (`PriceType` says so). A price told per unit elsewhere is multiplied by the area. Undefined when it cannot be told
 * in roubles.
 */
export function priceKopecksOf(listing: Partial<Listing>): number | undefined {
  const { priceKopecks, kind } = listing;
  if (priceKopecks === undefined || (listing.currency ?? 'RUB') !== 'RUB') return undefined;
  // Only commercial premises have a word for a year's rent.
  if (kind !== 'commercial' && listing.rentPeriod === 'year' && listing.deal === 'rent') return undefined;
  const unit = listing.priceUnit ?? 'total';
  if (unit === 'total' || (unit === 'm2' && kind === 'commercial')) return priceKopecks;
  const own = kind === 'room' || kind === 'bed' ? listing.roomAreaM2 : listing.areaM2;
  const areaM2 = unit !== 'm2' || kind === 'land' ? listing.landAreaM2 : own;
  return areaM2 === undefined ? undefined : Math.round((priceKopecks * areaM2) / UNIT_M2[unit]);
}

const priceRow: Row = group({
  ...seen('V1'),
  required: true,
  elements: [{ path: 'Price', type: { type: 'integer', min: 1 } }],
  fields: ['priceKopecks'],
  write(listing, out) {
    const kopecks = priceKopecksOf(listing);
    const roubles = kopecks === undefined ? '0' : wholeRoubles.write(kopecks);
    if (roubles !== '0') out.leaf('Price', roubles);
  },
  read(offer, draft) {
    const raw = offer.take('Price');
    if (raw === undefined) return;
    const kopecks = wholeRoubles.read(raw);
    if (kopecks === undefined || kopecks < 1) draft.fail('Price', raw);
    else draft.set('priceKopecks', kopecks);
  },
  samples: [{ priceKopecks: 540_000_000 }, { priceKopecks: 4_500_000 }],
});

// ---------------------------------------------------------------- place

/** Avito has not looked at the old location tags since 2019; a feed that has only them still tells an address. */
const addressRow: Row = group({
  ...seen('O3 V1'),
  elements: [{ path: 'Address', type: { type: 'string', minLength: 1 } }],
  also: ['Region', 'City', 'District', 'Subway', 'Street'],
  fields: ['address', 'region', 'locality', 'subLocality', 'metro'],
  write: (listing, out) => out.leaf('Address', listing.address),
  read(offer, draft) {
    const [address, region, city, district, subway] = ['Address', 'Region', 'City', 'District', 'Subway'].map((path) =>
      offer.take(path),
    );
    draft.set('region', region);
    draft.set('locality', city);
    draft.set('subLocality', district);
    if (subway !== undefined) draft.set('metro', [{ name: subway }]);
    if (address !== undefined) return draft.set('address', address);
    // Moscow and Saint Petersburg are their own regions and stand in both tags.
    const parts = [region, city === region ? undefined : city, offer.take('Street')].filter(
      (part) => part !== undefined,
    );
    if (parts.length > 0) draft.set('address', parts.join(', '));
  },
  samples: [
    { address: 'Воронежская область, Воронеж, Примерная улица, 1' },
    { address: 'Москва, Примерный переулок, 2, стр. 3' },
  ],
});

const degrees = (limit: number, samples: [number, number]) => strict(decimal({ min: -limit, max: limit, samples }));

// ---------------------------------------------------------------- contact

/** The main phone. Avito takes one Russian number; a second one after a comma is read and kept behind it. */
const phone: Conversion<string[]> = {
  type: { type: 'string', pattern: '\\+7\\d{10}' },
  write: ([main]) => (main !== undefined && /^\+7\d{10}$/.test(main) ? main : undefined),
  read(raw) {
    const phones = raw.split(/[,;]/).map((part) => readPhone(part));
    return phones.every((found) => found !== undefined) ? [...new Set(phones as string[])] : undefined;
  },
  samples: [['+79000000014'], ['+74957771066']],
};

const CONTACT_METHODS = ['По телефону и в сообщениях', 'По телефону', 'В сообщениях'] as const;
const contactMethodRow: Row = group({
  ...seen('O3 V1'),
  elements: [{ path: 'ContactMethod', type: { type: 'enum', values: CONTACT_METHODS } }],
  also: ['AllowEmail'],
  fields: ['own:ContactMethod'],
  write: (listing, out) => out.leaf('ContactMethod', listing.boardFields?.avito?.ContactMethod as string | undefined),
  read(offer, draft) {
    const raw = offer.take('ContactMethod');
    const method = CONTACT_METHODS.find((word) => raw !== undefined && fold(word) === fold(raw));
    if (raw !== undefined && method === undefined) draft.fail('ContactMethod', raw);
    draft.set('own:ContactMethod', method);
    const allow = offer.take('AllowEmail');
    if (allow === undefined) return;
    const isAllowed = yesNo().read(allow);
    if (isAllowed === undefined) draft.fail('AllowEmail', allow);
    else draft.set('own:ContactMethod', CONTACT_METHODS[isAllowed ? 0 : 1]);
  },
  samples: CONTACT_METHODS.map((word) => ({ boardFields: { avito: { ContactMethod: word } } })),
});

// ---------------------------------------------------------------- photos

/** Only links; a photo told by a file name belongs to an archive we do not have, so its name is left to be reported. */
const photosRow: Row = group({
  ...seen('O3 V1'),
  elements: [
    { path: 'Images', type: { type: 'block' } },
    { path: 'Images/Image', type: { type: 'block' }, isRepeated: true },
    { path: 'Images/Image/@url', type: URL_TYPE, isRequiredInParent: true },
  ],
  fields: ['photos'],
  write({ photos = [] }, out) {
    // An address of nothing but invisible characters is absent once the codec has cleaned the texts.
    const links = photos.map((photo) => writeUrl(photo.url ?? '')).filter((link) => link !== undefined);
    if (links.length > 0)
      out.block(
        'Images',
        links.map((link) => ({ name: 'Image', attrs: { url: link } })),
      );
  },
  read(offer, draft) {
    const photos: { url: string }[] = [];
    for (const wrapper of offer.all('Images')) {
      if (wrapper.children.length === 0 && wrapper.text === '') wrapper.isUsed = true;
      for (const image of wrapper.all('Image')) {
        image.isUsed = image.text === '';
        const link = image.takeAttr('url');
        if (link === undefined) continue;
        if (writeUrl(link) === undefined) draft.fail('Images/Image/@url', link);
        else photos.push({ url: link });
      }
    }
    if (photos.length > 0) draft.set('photos', photos);
  },
  samples: [
    { photos: [{ url: 'https://example.test/1.jpg' }] },
    { photos: [{ url: 'https://example.test/2.jpg?a=1&b=2' }, { url: 'https://example.test/1.jpg' }] },
  ],
});

// ---------------------------------------------------------------- the table

/** Values that were services until 2022: understood, never bought again. */
const OLD_SERVICES = ['Premium', 'VIP', 'PushUp', 'QuickSale', 'TurboSale'];
const SERVICES = [
  'Free',
  'Highlight',
  'XL',
  ...['2', '5', '10', '15', '20'].flatMap((times) => [`x${times}_1`, `x${times}_7`]),
];

/** Rows that stand before those of the kinds. */
export const headRows: readonly Row[] = [
  shapeRow,
  leaf('Id', 'externalId', text(undefined, ['flat-000123', 'Лот 7/2 (А)']), { required: true, ...seen('O3 V1') }),
  own('AvitoId', pattern(/^\d+$/, ['1234567890', '2345678901']), seen('O3')),
  own('DateBegin', dayOrMoment(), seen('O3')),
  own('DateEnd', dayOrMoment(), seen('O3 V1')),
  own('ListingFee', list('Package', 'PackageSingle', 'Single'), seen('O3 V1')),
  own(
    'AdStatus',
    words(
      SERVICES.map((service) => [service, service] as const),
      {
        also: OLD_SERVICES.map((service) => [service, service] as const),
      },
    ),
    { ...seen('O3 O1 V1'), note: 'Premium, VIP, PushUp, QuickSale and TurboSale are read and never written.' },
  ),
  // The paid service of another board that reads Avito's format (formats/boards.md, section 2).
  own('DomclickTariff', list('express', 'premium', 'top'), { grade: 'official', source: 'DC-BLOG' }),

  group({
    ...seen('V1 R1'),
    required: true,
    elements: [{ path: 'Category', type: { type: 'enum', values: CATEGORIES.map(([, word]) => word) } }],
    fields: ['kind'],
    write(listing, out) {
      // A bed place can be let, not sold: as a room it would be another offer.
      if (listing.kind === 'bed' && listing.deal === 'sale') return;
      const kind = listing.kind === 'bed' ? 'room' : listing.kind;
      out.leaf('Category', CATEGORIES.find(([known]) => known === kind)?.[1]);
    },
    read: (offer) => void offer.take('Category'),
    samples: [{ kind: 'flat' }, { kind: 'land' }],
  }),
  group({
    ...seen('V1 R1'),
    required: true,
    elements: [{ path: 'OperationType', type: { type: 'enum', values: ['Продам', 'Сдам'] } }],
    fields: ['deal'],
    write(listing, out) {
      if (listing.deal !== undefined && isDealSayable(listing.kind, listing.deal)) {
        out.leaf('OperationType', listing.deal === 'sale' ? 'Продам' : 'Сдам');
      }
    },
    read: (offer) => void offer.take('OperationType'),
    samples: [{ deal: 'sale' }, { deal: 'rent' }],
    note: '«Продажа» is read.',
  }),
  leaf('MarketType', 'market', marketWords, { when: FLAT_SALE, required: FLAT_SALE, ...seen('V1 R1') }),
  leaf('LeaseType', 'deal', leaseWords, {
    when: { kind: ['flat', 'room', 'bed', 'house'], deal: ['rent', 'daily-rent'] },
    required: { kind: ['flat', 'room', 'bed', 'house'], deal: ['rent', 'daily-rent'] },
    ...seen('V1 C1 R1'),
  }),
  leaf('ResidenceType', 'kind', residenceWords, {
    when: { kind: ['room', 'bed'], deal: ['rent', 'daily-rent'] },
    required: { kind: ['room', 'bed'], deal: ['rent', 'daily-rent'] },
    ...seen('V1 C1'),
  }),
  leaf('ObjectType', 'houseType', houseTypeWords, { when: HOUSE, required: HOUSE, ...seen('V1 C1 R1') }),
  leaf('ObjectType', 'garageType', garageTypeWords, { when: GARAGE, required: GARAGE, ...seen('V1 C1') }),
  leaf('ObjectType', 'commercialType', commercialTypeWords, {
    when: COMMERCIAL,
    required: COMMERCIAL,
    ...seen('V1 C1 R1 C4'),
    note: 'Ready businesses, commercial land and legal addresses have no word here.',
  }),

  leaf(
    'PropertyRights',
    'sellerRole',
    words([
      ['owner', 'Собственник'],
      ['agency', 'Посредник'],
      ['developer', 'Застройщик'],
    ]),
    {
      when: FLAT_NEW,
      required: FLAT_NEW,
      ...seen('V1 C1 R1'),
    },
  ),
  leaf(
    'PropertyRights',
    'sellerRole',
    // Only new flats are sold by a «Застройщик»; of what else a developer sells he is the owner.
    words<string>(
      [
        ['owner', 'Собственник'],
        ['agency', 'Посредник'],
      ],
      {
        also: [
          ['Застройщик', 'developer'],
          ['Агентство', 'agency'],
        ],
        nearest: [['developer', 'Собственник']],
      },
    ),
    {
      when: [
        FLAT_RESALE,
        { kind: ['flat'], deal: ['rent', 'daily-rent'] },
        { kind: ['room', 'bed', 'house', 'land', 'garage', 'commercial'] },
      ],
      required: [FLAT_RESALE, FLAT_RENT, ROOM, HOUSE, LAND, GARAGE, { kind: ['commercial'], deal: ['sale'] }],
      ...seen('V1 R1 C1'),
    },
  ),

  addressRow,
  leaf('Latitude', 'latitude', degrees(90, [51.660781, -12.5]), seen('O3 V1')),
  leaf('Longitude', 'longitude', degrees(180, [39.200296, 177.51]), seen('O3 V1')),
  leaf('CadastralNumber', 'cadastralNumber', text(undefined, ['36:34:0000000:1', '77:01:0000000:22']), seen('V1')),
  priceRow,
];

/** Rows that stand after those of the kinds. */
export const tailRows: readonly Row[] = [
  leaf('Title', 'title', text(), {
    when: COMMERCIAL,
    ...seen('O3 V1'),
    note: 'Elsewhere Avito makes the heading itself; read everywhere. 50 characters are broken by live feeds.',
  }),
  leaf('Description', 'description', text(undefined, ['<p>Текст & текст</p>', 'Строка\nдругая строка']), {
    required: true,
    ...seen('O3 V1'),
  }),
  leaf('ContactPhone', 'contactPhones', phone, seen('O3 V1 R2 R3')),
  leaf('ManagerName', 'contactName', text(), seen('O3')),
  leaf('EMail', 'contactEmail', text(undefined, ['a@example.test', 'b@example.test']), seen('V1 R1')),
  leaf('CompanyName', 'organization', text(), seen('V2 R1')),
  contactMethodRow,
  own('InternetCalls', yesNo(), seen('O3')),
  own('CallsDevices', text(), seen('O3')),
  own('SafeDemonstration', list('Могу провести', 'Не хочу'), {
    when: [FLAT_RESALE, FLAT_RENT, { kind: ['room', 'bed'], deal: ['sale', 'rent'] }, HOUSE_SALE, HOUSE_RENT],
    ...seen('V1 R1 C1'),
  }),
  own('AuctionPrice', count(0, 1_000_000_000, [150_000, 90_000]), { ...seen('V1 C8'), note: 'Kopecks.' }),
  own('AuctionPriceLastDate', date(), seen('V1 C8')),
  own('RealtorBonusType', text(undefined, ['Фиксированная сумма', 'Нет']), seen('R1')),
  own('RealtorBonusValue', wholeRoubles, seen('R1')),
  own('PhotoSuggestByHouse', yesNo(), seen('R1 C8')),
  own('EgrnExtractionLink', url(), seen('C2 C3 C8')),
  leaf('VideoURL', 'videoUrl', url(), seen('V1 O3 O2')),
  own('VideoFileURL', url(), seen('O3 C2')),
  photosRow,
];
