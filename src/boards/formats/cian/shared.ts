import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import type { Listing, Photo } from '../../../domain/listing.ts';
import { cleanText } from '../../../domain/text.ts';
import type { Row } from '../codec.ts';
import { valueOf } from '../codec.ts';
import { type Conversion, date, decimal, flag, integer, list, text, url, writeNumber, writeUrl } from '../kit.ts';
import { readPhone } from '../phone.ts';
import { CATEGORIES, COMMERCIAL, categoryOf, from, group, leaf, MISTAKEN_CATEGORIES, own, repeated } from './shapes.ts';

/** Blocks that every category shares: section 3 and 7 of the facts file. */

const ownOf = (listing: Partial<Listing>, key: string) => valueOf(listing, 'cian', `own:${key}`);

/** A text with bounds on its length; out of them it is not written, because the board refuses it. */
function bounded(minLength: number, maxLength: number, samples: [string, string]): Conversion<string> {
  return {
    type: { type: 'string', minLength, maxLength },
    write: (value) => {
      // One line, and characters as people and the schema count them, not halves of an emoji.
      const clean = cleanText(value).replace(/\s+/g, ' ');
      const length = [...clean].length;
      return length >= minLength && length <= maxLength ? clean : undefined;
    },
    read: (raw) => cleanText(raw) || undefined,
    samples,
  };
}

const fold = (words: string) => words.toLowerCase().replaceAll('ё', 'е');

/** Whether an address line already names a place, whatever it calls the sort of place. */
function names(line: string, place: string): boolean {
  const bare = fold(place)
    .replace(/^(?:г|город|пос|поселок|пгт|рп|с|село|д|дер|деревня)[.\s]\s*/, '')
    .trim();
  if (bare === '') return true;
  const text = fold(line);
  // «Воронежская область, Воронеж»: the first find may lie inside another word.
  for (let at = text.indexOf(bare); at >= 0; at = text.indexOf(bare, at + 1)) {
    if (!/[\p{L}\p{N}]/u.test(`${text[at - 1] ?? ' '}${text[at + bare.length] ?? ' '}`)) return true;
  }
  return false;
}

/** The one line Cian wants, from the region down to the house; families that keep the parts apart are joined. */
function addressLine(listing: Partial<Listing>): string | undefined {
  let line = cleanText(listing.address ?? '');
  for (const part of [listing.locality, listing.district, listing.region]) {
    const place = cleanText(part ?? '');
    if (place !== '' && !names(line, place)) line = line === '' ? place : `${place}, ${line}`;
  }
  return line === '' ? undefined : line;
}

const CADASTRAL = /\d{2}:\d{2}:\d{6,7}:\d{1,35}/;

/** Rows 0…: category first, because it tells what the rest means. */
export const kindRow: Row = group({
  elements: [{ path: 'Category', type: { type: 'enum', values: [...CATEGORIES.keys()] } }],
  fields: ['kind', 'deal', 'market', 'isShare', 'houseType', 'commercialType'],
  ...from('S2, S3, S9', { required: true }),
  write: (listing, out) => out.leaf('Category', categoryOf(listing)),
  read(offer, draft) {
    const word = offer.take('Category');
    const wanted = word?.toLowerCase();
    const found = [...CATEGORIES, ...MISTAKEN_CATEGORIES].find(([category]) => category.toLowerCase() === wanted);
    if (!found) return draft.fail('Category', word ?? '');
    for (const [field, value] of Object.entries(found[1])) draft.set(field, value);
    // A garage and a place to park are one category; what else can be told of them depends on which it is.
    if (found[1].kind === 'garage') draft.set('garageType', GARAGE_TYPE.read(offer.peek('Garage/Type') ?? ''));
  },
  samples: [...CATEGORIES.values()],
});

const GARAGE_WORDS = [
  ['garage', 'garage'],
  ['box', 'box'],
  ['parking-place', 'parkingPlace'],
] as const;
export const GARAGE_TYPE: Conversion<string> = {
  type: { type: 'enum', values: GARAGE_WORDS.map(([, word]) => word) },
  write: (value) => GARAGE_WORDS.find(([known]) => known === value)?.[1],
  read: (raw) => GARAGE_WORDS.find(([, word]) => word.toLowerCase() === raw.toLowerCase())?.[0],
  samples: ['garage', 'box'],
};

const phones: Row = group({
  elements: [
    { path: 'Phones/PhoneSchema', type: { type: 'block' }, isRepeated: true },
    {
      path: 'Phones/PhoneSchema/CountryCode',
      type: { type: 'string', pattern: '\\+\\d{1,3}' },
      isRequiredInParent: true,
    },
    { path: 'Phones/PhoneSchema/Number', type: { type: 'string', pattern: '\\d{6,14}' }, isRequiredInParent: true },
  ],
  fields: ['contactPhones'],
  ...from('S2, S5', { required: true, note: 'Доска принимает два номера; читаем все.' }),
  write(listing, out) {
    const schemas = (listing.contactPhones ?? []).flatMap((phone) => {
      const russian = /^\+7(\d{10})$/.exec(phone);
      const foreign = russian ? undefined : parsePhoneNumberFromString(phone);
      const code = russian ? '7' : foreign?.countryCallingCode;
      const number = russian?.[1] ?? foreign?.nationalNumber;
      if (code === undefined || number === undefined) return [];
      return [
        {
          name: 'PhoneSchema',
          children: [
            { name: 'CountryCode', text: `+${code}` },
            { name: 'Number', text: String(number) },
          ],
        },
      ];
    });
    if (schemas.length > 0) out.block('Phones', schemas.slice(0, 2));
  },
  read(offer, draft) {
    const found: string[] = [];
    for (const schema of offer.all('Phones/PhoneSchema')) {
      const code = (schema.take('CountryCode') ?? '').replace(/\D/g, '');
      const raw = schema.take('Number');
      if (raw === undefined) continue;
      const digits = raw.replace(/\D/g, '');
      const isWhole = raw.startsWith('+') || digits.length > 10 || ['', '7', '8'].includes(code);
      const phone = readPhone(isWhole ? raw : `+${code}${digits}`);
      if (phone === undefined) draft.fail('Phones/PhoneSchema/Number', raw);
      else if (!found.includes(phone)) found.push(phone);
    }
    if (found.length > 0) draft.set('contactPhones', found);
  },
  samples: [{ contactPhones: ['+79120000014'] }, { contactPhones: ['+79120000014', '+74957771066'] }],
});

const coordinates: Row = group({
  elements: [
    { path: 'Coordinates/Lat', type: { type: 'decimal', min: -90, max: 90 } },
    { path: 'Coordinates/Lng', type: { type: 'decimal', min: -180, max: 180 } },
  ],
  fields: ['latitude', 'longitude'],
  ...from('S2, S5'),
  write({ latitude, longitude }, out) {
    // Half a point is no point.
    if (latitude === undefined || longitude === undefined) return;
    out.leaf('Coordinates/Lat', writeNumber(latitude));
    out.leaf('Coordinates/Lng', writeNumber(longitude));
  },
  read(offer, draft) {
    for (const [path, field, max] of [
      ['Coordinates/Lat', 'latitude', 90],
      ['Coordinates/Lng', 'longitude', 180],
    ] as const) {
      const raw = offer.take(path);
      if (raw === undefined) continue;
      const value = decimal().read(raw);
      if (value === undefined || Math.abs(value) > max) draft.fail(path, raw);
      else draft.set(field, value);
    }
  },
  samples: [
    { latitude: 55.753, longitude: 37.62 },
    { latitude: -0.0000012, longitude: -37.6 },
  ],
});

const PHOTO_TYPE = 'Photos/PhotoSchema/PhotoType';
const ORDINARY = 'realtyObject';
const LAYOUT = 'realtyObjectLayout';
const yesNo = flag('true', 'false');

/**
 * The first plan is the layout picture, the other pictures are photos, the first of them the main one. Further plans
 * stand among the photos; that they are plans can only be said by PhotoType, which is kept for feeds that use it.
 */
const photos: Row = group({
  elements: [
    { path: 'Photos/PhotoSchema', type: { type: 'block' }, isRepeated: true },
    { path: 'Photos/PhotoSchema/FullUrl', type: url().type, isRequiredInParent: true },
    { path: 'Photos/PhotoSchema/IsDefault', type: yesNo.type },
    { path: PHOTO_TYPE, type: { type: 'enum', values: [ORDINARY, LAYOUT] } },
    { path: 'LayoutPhoto/FullUrl', type: url().type, isRequiredInParent: true },
    { path: 'LayoutPhoto/IsDefault', type: yesNo.type },
    { path: 'LayoutPhoto/PhotoType', type: { type: 'enum', values: [LAYOUT] } },
  ],
  fields: ['photos', `own:${PHOTO_TYPE}`, 'own:LayoutPhoto/IsDefault', 'own:LayoutPhoto/PhotoType'],
  ...from('S2, S3, S4, S16'),
  write(listing, out) {
    const usable = (listing.photos ?? []).flatMap((photo) => {
      // A link of invisible characters alone is absent by now.
      const address = writeUrl(photo.url ?? '');
      return address === undefined ? [] : [{ ...photo, url: address }];
    });
    const planAt = usable.findIndex((photo) => photo.isPlan);
    const isTyped = ownOf(listing, PHOTO_TYPE) !== undefined;
    const schemas = usable
      .filter((_, at) => at !== planAt)
      .map((photo, at) => ({
        name: 'PhotoSchema',
        children: [
          { name: 'FullUrl', text: photo.url },
          { name: 'IsDefault', text: String(at === 0) },
          ...(isTyped ? [{ name: 'PhotoType', text: photo.isPlan ? LAYOUT : ORDINARY }] : []),
        ],
      }));
    if (schemas.length > 0) out.block('Photos', schemas);
    const plan = usable[planAt];
    if (!plan) return;
    out.leaf('LayoutPhoto/FullUrl', plan.url);
    const isDefault = ownOf(listing, 'LayoutPhoto/IsDefault');
    if (typeof isDefault === 'boolean') out.leaf('LayoutPhoto/IsDefault', String(isDefault));
    if (ownOf(listing, 'LayoutPhoto/PhotoType') !== undefined) out.leaf('LayoutPhoto/PhotoType', LAYOUT);
  },
  read(offer, draft) {
    const found: Photo[] = [];
    let mainAt = -1;
    for (const schema of offer.all('Photos/PhotoSchema')) {
      const address = cleanText(schema.take('FullUrl') ?? '');
      const isDefault = schema.take('IsDefault');
      const type = schema.take('PhotoType')?.toLowerCase();
      if (isDefault !== undefined && yesNo.read(isDefault) === undefined)
        draft.fail('Photos/PhotoSchema/IsDefault', isDefault);
      if (type === ORDINARY.toLowerCase() || type === LAYOUT.toLowerCase()) draft.set(`own:${PHOTO_TYPE}`, ORDINARY);
      else if (type !== undefined) draft.fail(PHOTO_TYPE, type);
      if (address === '') continue;
      if (mainAt < 0 && isDefault !== undefined && yesNo.read(isDefault)) mainAt = found.length;
      found.push(type === LAYOUT.toLowerCase() ? { url: address, isPlan: true } : { url: address });
    }
    if (mainAt > 0) found.unshift(...found.splice(mainAt, 1));
    for (const layout of offer.all('LayoutPhoto')) {
      const address = cleanText(layout.take('FullUrl') ?? '');
      const isDefault = layout.take('IsDefault');
      const type = layout.take('PhotoType');
      if (address === '') continue;
      if (isDefault !== undefined) {
        const value = yesNo.read(isDefault);
        if (value === undefined) draft.fail('LayoutPhoto/IsDefault', isDefault);
        else draft.set('own:LayoutPhoto/IsDefault', value);
      }
      if (type?.toLowerCase() === LAYOUT.toLowerCase()) draft.set('own:LayoutPhoto/PhotoType', LAYOUT);
      else if (type !== undefined) draft.fail('LayoutPhoto/PhotoType', type);
      // Before the other plans, so that the first plan stays the first one.
      const planAt = found.findIndex((photo) => photo.isPlan);
      found.splice(planAt < 0 ? found.length : planAt, 0, { url: address, isPlan: true });
    }
    if (found.length > 0) draft.set('photos', found);
  },
  samples: [
    { photos: [{ url: 'https://img.example.test/1.jpg' }, { url: 'https://img.example.test/2.jpg?a=1&b=2' }] },
    { photos: [{ url: 'https://img.example.test/1.jpg' }, { url: 'https://img.example.test/plan.png', isPlan: true }] },
    {
      photos: [{ url: 'https://img.example.test/plan.png', isPlan: true }],
      boardFields: { cian: { 'LayoutPhoto/IsDefault': true, 'LayoutPhoto/PhotoType': LAYOUT } },
    },
    {
      photos: [{ url: 'https://img.example.test/1.jpg' }, { url: 'https://img.example.test/plan-3.png', isPlan: true }],
      boardFields: { cian: { [PHOTO_TYPE]: ORDINARY, 'LayoutPhoto/IsDefault': false } },
    },
    {
      photos: [
        { url: 'https://img.example.test/1.jpg' },
        { url: 'https://img.example.test/plan.png', isPlan: true },
        { url: 'https://img.example.test/plan-2.png', isPlan: true },
      ],
      boardFields: { cian: { [PHOTO_TYPE]: ORDINARY } },
    },
  ],
});

const VIDEO = 'Videos/VideoSchema/Url';
const videos: Row = group({
  elements: [
    { path: 'Videos/VideoSchema', type: { type: 'block' }, isRepeated: true },
    { path: VIDEO, type: url().type, isRequiredInParent: true },
  ],
  fields: ['videoUrl', `own:${VIDEO}`],
  ...from('S3, S17', { note: 'Первое видео — общее поле, остальные хранятся для этой доски.' }),
  write(listing, out) {
    const others = ownOf(listing, VIDEO);
    const all = [listing.videoUrl, ...(Array.isArray(others) ? (others as string[]) : [])];
    const urls = all.flatMap((one) => (one === undefined ? [] : (writeUrl(one) ?? [])));
    if (urls.length > 0)
      out.block(
        'Videos',
        urls.map((one) => ({ name: 'VideoSchema', children: [{ name: 'Url', text: one }] })),
      );
  },
  read(offer, draft) {
    const urls = offer.all('Videos/VideoSchema').flatMap((schema) => cleanText(schema.take('Url') ?? '') || []);
    if (urls.length === 0) return;
    draft.set('videoUrl', urls[0]);
    if (urls.length > 1) draft.set(`own:${VIDEO}`, urls.slice(1));
  },
  samples: [
    { videoUrl: 'https://rutube.example.test/video/1' },
    {
      videoUrl: 'https://rutube.example.test/video/1',
      boardFields: { cian: { [VIDEO]: ['https://rutube.example.test/video/2'] } },
    },
  ],
});

const TOUR = 'ObjectTour/FullUrl';
/**
 * The sources disagree whether the tag exists (section 10: "optional, off by default"), so a tour from elsewhere is
 * not sent; a Cian feed that has the tag keeps it, because its owner's export evidently lives with it.
 */
const tour: Row = group({
  elements: [{ path: TOUR, type: url().type }],
  fields: ['tourUrl', `own:${TOUR}`],
  grade: 'low',
  source: 'S9, S13',
  note: 'Пишется, только если поле доски ObjectTour/FullUrl равно true.',
  write(listing, out) {
    if (ownOf(listing, TOUR) === true) out.leaf(TOUR, writeUrl(listing.tourUrl ?? ''));
  },
  read(offer, draft) {
    const raw = offer.take(TOUR);
    if (raw === undefined) return;
    draft.set('tourUrl', cleanText(raw));
    draft.set(`own:${TOUR}`, true);
  },
  samples: [
    { tourUrl: 'https://tour.example.test/1', boardFields: { cian: { [TOUR]: true } } },
    { tourUrl: 'https://tour.example.test/2?a=1&b=2', boardFields: { cian: { [TOUR]: true } } },
  ],
});

const SUB_AGENT = ['Email', 'Phone', 'FirstName', 'LastName', 'AvatarUrl'].map((name) => `SubAgent/${name}`);
/** The colleague's own account at the board. The e-mail is what links it, so without one the block is not written. */
const subAgent: Row = group({
  elements: SUB_AGENT.map((path, at) => ({ path, type: text().type, ...(at === 0 && { isRequiredInParent: true }) })),
  fields: SUB_AGENT.map((path) => `own:${path}`),
  ...from('S3, S5, S16'),
  write(listing, out) {
    if (typeof ownOf(listing, 'SubAgent/Email') !== 'string') return;
    for (const path of SUB_AGENT) out.leaf(path, text().write((ownOf(listing, path) as string | undefined) ?? ''));
  },
  read(offer, draft) {
    for (const path of SUB_AGENT) draft.set(`own:${path}`, text().read(offer.take(path) ?? ''));
  },
  samples: [
    { boardFields: { cian: { 'SubAgent/Email': 'agent@example.test' } } },
    {
      boardFields: {
        cian: {
          'SubAgent/Email': 'agent@example.test',
          'SubAgent/Phone': '+79120000014',
          'SubAgent/FirstName': 'Анна',
          'SubAgent/LastName': 'Примерова',
          'SubAgent/AvatarUrl': 'https://img.example.test/a.jpg',
        },
      },
    },
    {
      boardFields: {
        cian: {
          'SubAgent/Email': 'colleague@example.test',
          'SubAgent/Phone': '+79120000015',
          'SubAgent/FirstName': 'Пётр',
          'SubAgent/LastName': 'Образцов',
          'SubAgent/AvatarUrl': 'https://img.example.test/b.jpg',
        },
      },
    },
  ],
});

/** What every category begins with. */
export const HEAD: readonly Row[] = [
  leaf(
    'ExternalId',
    'externalId',
    text(undefined, ['A-1024', '7f3c.01_flat-2']),
    from('S2, S5, S17', { required: true }),
  ),
  leaf(
    'Title',
    'title',
    bounded(8, 33, ['Светлая квартира у парка', 'Дом у озера']),
    from('S2, S3, S21', {
      note: 'Виден только с Топом и Премиумом; 8–33 знака, иначе не пишется.',
    }),
  ),
  leaf(
    'Description',
    'description',
    text(undefined, [
      'Двухкомнатная квартира с окнами во двор, рядом парк.',
      'Дом 150 м² < 5 минут от озера.\n\nТёплый гараж.',
    ]),
    from('S2, S6, S18', {
      required: true,
      note: 'Текст идёт как есть: HTML доска вырезает сама, про амперсанд предупреждают правила.',
    }),
  ),
  group({
    elements: [{ path: 'Address', type: text().type }],
    fields: ['address', 'region', 'district', 'locality'],
    ...from('S2', { required: true, note: 'Одна строка от региона до дома; недостающие части добавляются.' }),
    write: (listing, out) => out.leaf('Address', addressLine(listing)),
    read: (offer, draft) => draft.set('address', text().read(offer.take('Address') ?? '')),
    samples: [{ address: 'Воронеж, улица Примерная, 1' }, { address: 'Московская область, деревня Пример, 5к2' }],
  }),
  coordinates,
  leaf(
    'CadastralNumber',
    'cadastralNumber',
    {
      type: { type: 'string', pattern: CADASTRAL.source },
      write: (value) => CADASTRAL.exec(value)?.[0],
      read: (raw) => cleanText(raw) || undefined,
      samples: ['77:01:0001001:1', '50:20:041006:1234'],
    },
    from('S2, S3, S5'),
  ),
  phones,
  leaf('Email', 'contactEmail', text(200, ['office@example.test', 'sale@example.test']), from('S2, S20')),
  subAgent,
];

/** Places near by: ids are those of Cian's own dictionaries. */
export const AROUND: readonly Row[] = [
  repeated(
    'Undergrounds',
    'UndergroundInfoSchema',
    [
      { path: 'Id', conversion: integer(1, 1e9, [13, 160]), isRequired: true },
      { path: 'TransportType', conversion: list('walk', 'transport') },
      { path: 'Time', conversion: integer(0, 999, [10, 5]) },
    ],
    { ...from('S3, S5, S25'), max: 3 },
  ),
  own('Highway/Id', integer(1, 1e9, [5, 20]), from('S3, S22')),
  own('Highway/Distance', decimal({ min: 0, samples: [20, 7.5] }), from('S3, S22', { note: 'Километры от МКАД.' })),
  repeated(
    'Highways',
    'HighwayInfoSchema',
    [
      { path: 'Id', conversion: integer(1, 1e9, [5, 20]), isRequired: true },
      { path: 'Distance', conversion: decimal({ min: 0, samples: [20, 7.5] }) },
    ],
    from('S4'),
  ),
];

/** Pictures, films and what else every category ends with. */
export const TAIL: readonly Row[] = [
  photos,
  videos,
  tour,
  own('IsInHiddenBase', yesNo, from('S3, S4')),
  ...['HomeOwnerName', 'HomeOwnerPhone', 'ExactAddress', 'CadastralNumber'].map((name) =>
    own(
      `ExtraData/${name}`,
      text(),
      from('S3, S4', { note: 'Сведения о собственнике; судя по именам, не публикуются.' }),
    ),
  ),
  own('Booking/Status', list('free', 'booked', 'sold'), from('S4')),
  own('AvailableFrom', date(), from('S3, S4', { when: COMMERCIAL })),
  repeated(
    'PublishTerms/Terms',
    'PublishTermSchema',
    [
      {
        path: 'Services/ServicesEnum',
        conversion: list('free', 'paid', 'highlight', 'premium', 'top3'),
        several: 'leaf',
      },
      {
        path: 'ExcludedServices/ExcludedServicesEnum',
        conversion: list('highlight', 'premium', 'top3'),
        several: 'leaf',
      },
      { path: 'IgnoreServicePackages', conversion: yesNo },
      { path: 'DomclickServicesEnum', conversion: list('express', 'premium', 'top') },
    ],
    from('S2, S3, S10, S22, DC-BLOG', {
      note: 'Платное размещение; DomclickServicesEnum читает Домклик в фидах этого формата.',
    }),
  ),
  own('PublishTerms/PromotionType', list('noPromotion'), from('S10, S11')),
  own('Auction/Bet', decimal({ moreThan: 0, samples: [10, 30.5] }), from('S3, S4', { note: 'Рубли.' })),
];
