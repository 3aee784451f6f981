import { describe, expect, test } from 'vitest';
import { type Board, type BoardRule, loadBoards } from '../../src/boards/catalogue.ts';
import { compileBoard, validatorOf } from '../../src/boards/check.ts';
import { matches } from '../../src/boards/formats/codec.ts';
import { CODECS } from '../../src/boards/formats/index.ts';
import { type ListingShape, richListing, SHAPES, shapesOf } from '../../src/boards/formats/specimen.ts';
import type { XmlNode } from '../../src/boards/formats/xml.ts';
import { type Facts, factsOf } from '../../src/domain/facts.ts';
import { FAMILIES, type Family, type Listing, ListingSchema } from '../../src/domain/listing.ts';
import type { Notice } from '../../src/domain/notice.ts';
import type { PhotoFacts } from '../../src/domain/photos.ts';
import { agree } from '../../src/domain/text.ts';

const boards = loadBoards();
const boardOf = (id: string): Board => boards.find((board) => board.id === id)!;
const photos = (count: number, ending = 'jpg') =>
  Array.from({ length: count }, (_, at) => ({ url: `https://img.example.test/${at}.${ending}` }));

/** What a careful agent has told of any property. */
const TOLD: Partial<Listing> = {
  description: 'Светлое место у парка, окна во двор, рядом школа.',
  address: 'Воронеж, улица Примерная, 1',
  latitude: 51.66,
  longitude: 39.2,
  priceKopecks: 540_000_000,
  currency: 'RUB',
  contactPhones: ['+79120000014'],
  contactName: 'Мария',
  createdAt: '2026-05-01T10:00:00+03:00',
  photos: [...photos(6), { url: 'https://img.example.test/plan.png', isPlan: true }],
  market: 'resale',
  sellerRole: 'agency',
  commissionPercent: 50,
  depositMonths: 1,
  floor: 2,
  floorsTotal: 9,
  areaM2: 60,
  livingAreaM2: 34,
  kitchenAreaM2: 10,
};

/** A listing of a shape with every field that the family has a place for. */
function whole(family: Family, shape: ListingShape): Listing {
  const { isOpenPlan, isStudio, ...rich } = richListing(CODECS[family], shape);
  return { ...rich, roomsCount: 2, ...TOLD, ...shape } as Listing;
}

/** Ways to spoil a listing: a field is changed, or taken away when its value is undefined. */
const SPOILS: readonly (Partial<Listing> | Record<string, unknown>)[] = [
  { boardFields: { yandex: { 'location/country': 'Беларусь' } } },
  { description: 'Продаётся.' },
  { description: '<p>&nbsp;</p>' },
  { description: 'а'.repeat(3001) },
  { description: 'а'.repeat(7501) },
  { description: 'а'.repeat(10_001) },
  { description: '<p>Светлая квартира</p> <blink>у парка</blink>' },
  { description: '<p>Светлая квартира у парка</p>' },
  { description: 'Звоните 8 900 000-00-01, смотрите www.example.test' },
  { description: 'Дом & сад у реки, и/или баня, №5 🏠, Kвартира рядом' },
  { title: 'Дом' },
  { title: '*** Дом ***' },
  { title: 'Просторная двухкомнатная квартира у парка с видом на реку и ремонтом' },
  { title: 'СРОЧНО ПРОДАЮ ПОМЕЩЕНИЕ за 5,4 млн, 89000000001' },
  { externalId: 'Лот № 7' },
  { externalId: 'a'.repeat(101) },
  { contactPhones: ['+375291234567'] },
  { contactPhones: ['+79120000014', '+375291234567', '+74957771066'] },
  { contactName: 'Константинопольский Константин Константинович' },
  { contactEmail: 'sale@agency.moscow' },
  { contactEmail: 'agency' },
  { address: undefined, latitude: undefined, longitude: undefined, boardFields: undefined },
  { address: 'Воронеж, '.repeat(40), latitude: undefined, longitude: undefined },
  { latitude: 39.2, longitude: 51.66 },
  { latitude: undefined },
  { photos: undefined },
  { photos: photos(1) },
  { photos: photos(51) },
  { photos: photos(3, 'webp') },
  { photos: photos(3, 'gif') },
  { photos: photos(3, 'heic') },
  { photos: [...photos(2), ...photos(1)] },
  { photos: [{ url: 'photos/1.jpg' }] },
  { photos: [{ url: 'https://img.example.test:8080/1.jpg' }] },
  { priceKopecks: 50 },
  { priceKopecks: 540_000_050 },
  { currency: 'USD' },
  { priceUnit: 'm2', areaM2: undefined, landAreaM2: undefined },
  { priceUnit: 'm2' },
  { priceUnit: 'sotka', landAreaM2: undefined },
  { priceUnit: 'sotka', landAreaM2: 800 },
  { rentPeriod: 'year' },
  { commissionPercent: 12.5 },
  { commissionPercent: 150 },
  { depositKopecks: undefined, depositMonths: undefined },
  { depositMonths: 4 },
  { prepayMonths: 24 },
  { floor: 12 },
  { floor: -1 },
  { floor: 0 },
  { floor: 100, floorsTotal: 120 },
  { floorsTotal: 0, floor: undefined },
  { roomsCount: undefined },
  { roomsCount: 0 },
  { roomsCount: 2, roomLayout: undefined },
  { isStudio: true, isOpenPlan: true },
  { roomsOffered: 0 },
  { bedsCount: 0 },
  { market: 'new' },
  { isShare: true, shareText: undefined },
  { isShare: true, market: 'new' },
  { houseType: 'part', shareText: undefined },
  { landStatus: 'other', boardFields: undefined },
  { wallMaterial: 'stalin' },
  { wallMaterial: 'frame' },
  { saleType: 'assignment' },
  { saleType: 'primary-resale' },
  { leaseType: 'sublease' },
  { vat: 'not-included' },
  { areaM2: 5 },
  { areaM2: 6000 },
  { areaM2: 4 },
  { kitchenAreaM2: 1 },
  { roomAreaM2: 5 },
  { landAreaM2: 50 },
  { areUtilitiesIncluded: false, utilitiesKopecks: undefined },
  { areUtilitiesIncluded: false, utilitiesKopecks: 500_000 },
  { cadastralNumber: '1234' },
  { cadastralNumber: undefined, apartmentNumber: undefined },
  { videoUrl: 'https://www.youtube.com/watch?v=1' },
  { parkingKinds: ['roof'], boardFields: undefined },
  { parkingKinds: undefined, boardFields: undefined },
  { boardFields: { cian: { 'CplModeration/PersonType': 'legal', 'JKSchema/Id': 1 } } },
  {
    boardFields: { cian: { 'CplModeration/PersonType': 'legal', 'CplModeration/Inn': '7700000000', 'JKSchema/Id': 1 } },
  },
  { boardFields: { cian: { 'CplModeration/PersonType': 'natural', 'JKSchema/Id': 1 } } },
  { boardFields: { yandex: { prepayment: 200, 'discount/final-price': 900_000_000_000, vas: [{ name: 'premium' }] } } },
  { boardFields: { yandex: { vas: [{ name: 'premium' }] } }, photos: undefined },
  { boardFields: { yandex: { category: 'дом с участком' } }, landAreaM2: undefined, houseType: 'house' },
  { boardFields: { yandex: { category: 'дом с участком' } }, landAreaM2: 800, houseType: 'house' },
];

/** What the probes may say of the photos. */
const GOOD_PHOTOS: PhotoFacts = {
  probed: 6,
  unprobed: 0,
  broken: 0,
  brokenTold: [],
  deadHosts: [],
  minSidePx: 768,
  minWidthPx: 1024,
  minHeightPx: 768,
  maxBytes: 400_000,
  oddTypes: [],
  hashes: {},
};
const BROKEN_PHOTO = { broken: 1, brokenTold: [{ place: 4, why: 'сервер ответил 404' }] };
const PROBES: readonly PhotoFacts[] = [
  GOOD_PHOTOS,
  { ...GOOD_PHOTOS, probed: 5, ...BROKEN_PHOTO },
  { ...GOOD_PHOTOS, probed: 0, ...BROKEN_PHOTO },
  { ...GOOD_PHOTOS, probed: 0, unprobed: 6, failing: 2 },
  { ...GOOD_PHOTOS, deadHosts: ['img.example.test'] },
  { ...GOOD_PHOTOS, minSidePx: 120 },
  { ...GOOD_PHOTOS, maxBytes: 27_000_000, oddTypes: ['image/webp'] },
];

interface Case {
  readonly listing: Listing;
  readonly facts: Facts;
}

/** Houses are told by the same rules whatever their market. */
const SOME_SHAPES = SHAPES.filter((shape) => shape.kind !== 'house' || shape.market === undefined);

/** Listings of every shape: whole, without one of their fields, and spoilt in every way. */
function corpus(family: Family): readonly Case[] {
  const found: Listing[] = [];
  const probed: Case[] = [];
  for (const shape of SOME_SHAPES) {
    const listing = whole(family, shape);
    found.push(listing);
    for (const probes of PROBES) probed.push({ listing, facts: factsOf(listing, probes) });
    for (const field of Object.keys(listing) as (keyof Listing)[]) {
      if (field === 'externalId' || field === 'kind' || field === 'deal') continue;
      const { [field]: _, ...rest } = listing;
      found.push(rest as Listing);
    }
    for (const spoil of SPOILS) found.push(present({ ...listing, ...spoil } as Listing));
  }
  return [...found.map((listing) => ({ listing, facts: factsOf(listing) })), ...probed];
}

/** A field whose value is undefined is a field that is not there. */
const present = (listing: Listing) =>
  Object.fromEntries(Object.entries(listing).filter(([, value]) => value !== undefined)) as Listing;

const CORPUS = new Map(FAMILIES.map((family) => [family, corpus(family)]));

const isMeant = (rule: BoardRule, { listing, facts }: Case) =>
  (rule.kinds?.includes(listing.kind) ?? true) &&
  (rule.deals?.includes(listing.deal) ?? true) &&
  (rule.when === undefined || validatorOf(rule.when)({ listing, facts }));

describe.each(boards.map((board) => [board.id, board] as const))('%s', (_, board) => {
  test('every rule speaks of some listing, and is content with another', () => {
    const mute: string[] = [];
    const deaf: string[] = [];
    for (const rule of board.rules) {
      const holds = validatorOf(rule.must);
      let hasSpoken = false;
      let wasContent = rule.isFinal;
      for (const one of (rule.families ?? board.families).flatMap((family) => CORPUS.get(family)!)) {
        if (hasSpoken && wasContent) break;
        if (!isMeant(rule, one)) continue;
        if (holds(one)) wasContent = true;
        else hasSpoken = true;
      }
      if (!hasSpoken) mute.push(`${rule.code} ${JSON.stringify(rule.when ?? '')}`);
      if (!wasContent) deaf.push(`${rule.code} ${JSON.stringify(rule.when ?? '')}`);
    }
    expect({ mute, deaf }).toEqual({ mute: [], deaf: [] });
  });

  test('nothing keeps a whole listing off the board, unless the board has no place for it', () => {
    for (const family of board.families) {
      const checker = compileBoard(board, family);
      for (const shape of shapesOf(CODECS[family])) {
        const listing = whole(family, shape);
        const blocking = checker.check(listing, factsOf(listing)).filter(({ severity }) => severity === 'blocking');
        expect([family, shape, blocking.map(({ message }) => message)]).toEqual([family, shape, []]);
      }
    }
  });
});

// ---------------------------------------------------------------- the contract with the format tables

function hasElement(node: XmlNode, path: string): boolean {
  if (path.startsWith('@')) return node.attrs?.[path.slice(1)] !== undefined;
  let nodes: readonly XmlNode[] = [node];
  for (const name of path.split('/'))
    nodes = nodes.flatMap((one) => (one.children ?? []).filter((child) => child.name === name));
  return nodes.length > 0;
}

/** The same numbers every time. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
}

const FIELDS_OF_SCHEMA = ListingSchema.properties as unknown as Record<
  string,
  { enum?: unknown[]; type?: string; minimum?: number }
>;

/** Takes away or changes a few fields at random, in a way the listing's schema allows. */
function shaken(listing: Listing, family: Family, roll: (below: number) => number): Listing {
  const result = structuredClone(listing) as Record<string, unknown>;
  for (let times = roll(4); times > 0; times--) {
    const fields = Object.keys(result).filter((field) => !['externalId', 'kind', 'deal'].includes(field));
    const field = fields[roll(fields.length)]!;
    const schema = FIELDS_OF_SCHEMA[field]!;
    if (field === 'boardFields') {
      const own = (result.boardFields as Record<string, Record<string, unknown>>)[family] ?? {};
      const keys = Object.keys(own);
      if (keys.length > 0) delete own[keys[roll(keys.length)]!];
    } else if (roll(2) === 0) delete result[field];
    else if (schema.enum) result[field] = schema.enum[roll(schema.enum.length)];
    else if (schema.type === 'boolean') result[field] = !result[field];
    else if (schema.type === 'integer') result[field] = Math.max(schema.minimum ?? 0, [0, 1, 4, 60][roll(4)]!);
    else if (schema.type === 'number') result[field] = [0.5, 1, 12.34, 90][roll(4)];
    else if (field === 'contactPhones') result[field] = [['+375291234567'], ['+79120000014', '+375291234567']][roll(2)];
    else if (field === 'description') result[field] = ['&nbsp;', '<p></p>', 'Дом у реки'][roll(3)];
  }
  return result as Listing;
}

describe('a listing that no rule blocks has every element the format requires', () => {
  const speakers = boards.filter((board) => ['avito', 'cian', 'yandex', 'domclick', 'move'].includes(board.id));
  test.each(
    speakers.flatMap((board) => board.families.map((family) => [board.id, family] as const)),
  )('%s, as %s', (id, family) => {
    const codec = CODECS[family];
    const checker = compileBoard(boardOf(id), family);
    const roll = dice(42);
    const missing = new Set<string>();
    let passed = 0;
    for (const shape of SHAPES) {
      const listing = whole(family, shape);
      for (let times = 0; times < 60; times++) {
        const candidate = shaken(listing, family, roll);
        if (checker.check(candidate, factsOf(candidate)).some(({ severity }) => severity === 'blocking')) continue;
        passed++;
        const offer = codec.write(candidate);
        for (const row of codec.rowsFor(candidate)) {
          const isRequired = row.required === true || (row.required !== undefined && matches(row.required, candidate));
          const path = row.elements[0]?.path;
          if (!isRequired || path === undefined) continue;
          if (!hasElement(offer, path)) missing.add(`${path}: ${shape.kind}, ${shape.deal}`);
        }
      }
    }
    expect([...missing]).toEqual([]);
    expect(passed).toBeGreaterThan(1000);
  });
});

describe('a kind of offer that a format cannot say', () => {
  test.each(['avito', 'cian', 'yandex'])('is refused by %s, and only such a one', (id) => {
    const board = boardOf(id);
    const checker = compileBoard(board);
    const codec = CODECS[board.family];
    for (const shape of SHAPES) {
      const listing: Listing = { externalId: 'A-1', ...shape };
      const isRefused = checker
        .check(listing, factsOf(listing))
        .some(({ code }) => code.endsWith('/offer-unsupported'));
      const said = codec.project(listing);
      // A near word for the type is no other offer; another kind or deal, no type at all, a share sold as a whole are.
      const isShareLost = shape.deal === 'sale' && shape.isShare === true && !said.isShare && said.houseType !== 'part';
      const isSaid =
        said.kind === shape.kind &&
        said.deal === shape.deal &&
        (shape.houseType === undefined || said.houseType !== undefined) &&
        (shape.commercialType === undefined || said.commercialType !== undefined) &&
        !isShareLost;
      expect([shape, isRefused]).toEqual([shape, !isSaid]);
    }
  });
});

// ---------------------------------------------------------------- the sentences

/** Every sentence that the boards say about the whole corpus, once. */
function sentences(): Map<string, { notice: Notice; board: Board }> {
  const found = new Map<string, { notice: Notice; board: Board }>();
  const speakers = ['avito', 'cian', 'yandex', 'domclick', 'realtymag', 'gdeetotdom', 'mirkvartir'].map(boardOf);
  for (const board of speakers) {
    for (const family of board.families) {
      const checker = compileBoard(board, family);
      for (const { listing, facts } of CORPUS.get(family)!) {
        for (const notice of checker.check(listing, facts)) found.set(notice.message, { notice, board });
      }
    }
  }
  return found;
}

/** Names of formats and words of the listing itself that may stand in a Russian sentence in Latin letters. */
const LATIN = [
  'WebP',
  'img.example.test',
  'GIF',
  'JPEG',
  'PNG',
  'agent@example.ru',
  'sale@agency.moscow',
  'agency',
  'a'.repeat(101),
  'A-1',
  'nbsp',
];

describe('the sentences', () => {
  const said = sentences();

  test('there are hundreds of them, of every sort', () => expect(said.size).toBeGreaterThan(300));

  test('are Russian, whole, calm, and free of tags and gaps', () => {
    const bad: string[] = [];
    for (const [message, { notice, board }] of said) {
      let bare = message;
      for (const word of [board.name, ...LATIN]) bare = bare.replaceAll(word, 'Имя');
      const isGood =
        /^[А-ЯЁ]/.test(message) &&
        message.startsWith(`${notice.label}: `) &&
        message.endsWith('.') &&
        !/[<>{}!]|undefined|NaN|null| {2}|\.\.|[А-Яа-яё]\d|\.[А-Я]/.test(bare) &&
        !/[A-Za-z]/.test(bare) &&
        message.length <= 300;
      if (!isGood) bad.push(message);
    }
    expect(bad).toEqual([]);
  });

  test('number and noun agree', () => {
    const nouns = [
      ['знак', 'знака', 'знаков'],
      ['снимок', 'снимка', 'снимков'],
      ['номер', 'номера', 'номеров'],
      ['адрес', 'адреса', 'адресов'],
    ] as const;
    const bad: string[] = [];
    for (const message of said.keys()) {
      for (const [one, few, many] of nouns) {
        for (const found of message.matchAll(new RegExp(`(\\d+) (${one}|${few}|${many})(?![а-яё])`, 'g'))) {
          const isGenitive = /(?:у|среди) $/.test(message.slice(0, found.index));
          const expected = isGenitive ? (found[1] === '1' ? few : many) : agree(Number(found[1]), one, few, many);
          if (found[2] !== expected) bad.push(message);
        }
      }
    }
    expect(bad).toEqual([]);
  });

  test('a sentence that is not sure says so, and a sure one does not', () => {
    for (const { notice, board } of said.values()) {
      const rules = board.rules.filter(({ code, severity }) => code === notice.code && severity === notice.severity);
      const isDoubtful = rules.every(({ source }) => ['code', 'low'].includes(source.grade));
      if (notice.severity === 'blocking') expect(notice.message).not.toMatch(/непроверенным/);
      else expect([notice.message, /непроверенным/.test(notice.message)]).toEqual([notice.message, isDoubtful]);
    }
  });
});

const SALE = { kind: 'flat', deal: 'sale', market: 'resale' } as const;
const NEW = { kind: 'flat', deal: 'sale', market: 'new' } as const;
const RENT = { kind: 'flat', deal: 'rent' } as const;
const ROOM = { kind: 'room', deal: 'sale' } as const;
const HOUSE = { kind: 'house', deal: 'sale', houseType: 'house' } as const;
const OFFICE = { kind: 'commercial', deal: 'rent', commercialType: 'office' } as const;

describe('what the boards say, word for word', () => {
  test.each<[string, ListingShape, Partial<Listing> | Record<string, unknown>, string]>([
    ['cian/description-short', SALE, { description: 'Продаётся.!' }, 'Описание: 11 знаков. Циану нужно от 15 до 3000.'],
    [
      'cian/description-long',
      SALE,
      { description: 'а'.repeat(3280) },
      'Описание: 3280 знаков. Циану нужно от 15 до 3000.',
    ],
    [
      'cian/description-empty',
      SALE,
      { description: '<p></p>' },
      'Описание: один только код оформления без слов. Циану нужен текст.',
    ],
    [
      'cian/floors-total-missing',
      SALE,
      { floorsTotal: undefined },
      'Этажей в доме: не заполнено. Требует Циан: продажа квартир.',
    ],
    [
      'cian/sale-type-missing',
      ROOM,
      { saleType: undefined },
      'Вид сделки: не заполнено. Требует Циан: продажа комнат.',
    ],
    [
      'cian/beds-count-missing',
      RENT,
      { bedsCount: undefined },
      'Спальных мест: не заполнено. Требует Циан: аренда квартир.',
    ],
    [
      'cian/rooms-unknown',
      SALE,
      { roomsCount: undefined },
      'Комнат: не заполнено. Требует Циан: продажа квартир. Подойдёт число, студия или свободная планировка.',
    ],
    ['cian/floor-above-total', SALE, { floor: 12 }, 'Этаж: 12, а этажей в доме 9. Циан такое объявление не примет.'],
    [
      'cian/rooms-above-total',
      SALE,
      { areaM2: 40.5 },
      'Общая площадь: 40,5 м², а жилая и кухня вместе 44 м². Циан такое объявление не примет.',
    ],
    [
      'cian/phone-not-russian',
      SALE,
      { contactPhones: ['+375291234567'] },
      'Телефон: российского номера нет. Циану нужен номер вида +79120000014.',
    ],
    [
      'cian/phones-many',
      SALE,
      { contactPhones: ['+79120000014', '+79120000015', '+79120000016'] },
      'Телефон: 3 номера. Циан принимает не больше 2, в файл попадут первые.',
    ],
    [
      'cian/jk-schema-id-missing',
      NEW,
      { boardFields: undefined },
      'Номер жилого комплекса у Циана: не заполнено. Требует Циан: продажа квартир в новостройках.',
    ],
    [
      'cian/cpl-moderation-person-type-missing',
      NEW,
      { boardFields: undefined },
      'Кто дольщик: не заполнено. Требует Циан: продажа квартир в новостройках.',
    ],
    [
      'cian/cpl-moderation-last-name-missing',
      NEW,
      { boardFields: { cian: { 'CplModeration/PersonType': 'natural' } } },
      'Фамилия дольщика: не заполнено. Требует Циан: продажа квартир в новостройках. Дольщик указан как физическое лицо.',
    ],
    [
      'cian/shareholder-legal',
      NEW,
      { boardFields: { cian: { 'CplModeration/PersonType': 'legal' } } },
      'Кто дольщик: юридическое лицо. Циан публикует такие квартиры только на тарифе застройщика.',
    ],
    [
      'cian/offer-unsupported',
      { kind: 'land', deal: 'rent' },
      {},
      'Вид объекта: аренда участков. Циан такие объявления не принимает. Участок можно только продать.',
    ],
    [
      'cian/land-area-missing',
      HOUSE,
      { landAreaM2: undefined },
      'Площадь участка: не заполнено. Требует Циан: продажа домов.',
    ],
    [
      'cian/title-long',
      SALE,
      { title: 'Двухкомнатная квартира у парка рядом' },
      'Заголовок: 36 знаков. Циану нужно от 8 до 33, такой заголовок в файл не попадёт.',
    ],
    ['cian/photos-many', SALE, { photos: photos(51) }, 'Фотографии: 51 снимок. Циан принимает не больше 50.'],
    [
      'cian/photos-webp',
      SALE,
      { photos: photos(1, 'webp') },
      'Фотографии: в формате WebP 1 снимок. Циану нужны JPEG, PNG или GIF.',
    ],
    [
      'cian/description-emoji',
      SALE,
      { description: 'Тёплый дом у реки 🏠🏠' },
      'Описание: смайликов 2. По непроверенным данным, Циану лучше отдавать текст без них.',
    ],
    [
      'cian/commercial-photos-few',
      OFFICE,
      { photos: photos(2) },
      'Фотографии: 2 снимка. По непроверенным данным, Циану нужно не меньше 5.',
    ],
    [
      'avito/kitchen-area-missing',
      SALE,
      { kitchenAreaM2: undefined },
      'Площадь кухни: не заполнено. Требует Авито: продажа квартир.',
    ],
    [
      'avito/new-development-id-missing',
      NEW,
      { boardFields: undefined },
      'Номер новостройки у Авито: не заполнено. Требует Авито: продажа квартир в новостройках. Адрес дома доска берёт из своего справочника новостроек.',
    ],
    [
      'avito/wall-material-unknown',
      SALE,
      { wallMaterial: 'stalin' },
      'Материал стен: такого у Авито нет. Подойдёт кирпич, панель, блоки, монолит, монолит с кирпичом или дерево.',
    ],
    [
      'avito/place-unknown',
      SALE,
      { address: undefined, latitude: undefined },
      'Адрес: не заполнено, точки на карте тоже нет. Авито нужно что-то одно.',
    ],
    [
      'avito/description-long',
      SALE,
      { description: 'а'.repeat(7501) },
      'Описание: 7501 знак. Авито принимает не больше 7500.',
    ],
    ['avito/title-long', OFFICE, { title: 'а'.repeat(61) }, 'Заголовок: 61 знак. Авито просит не больше 50.'],
    [
      'avito/id-alphabet',
      SALE,
      { externalId: 'flat_7' },
      'Номер объявления: flat_7. Авито разрешает буквы, цифры, запятую, косые черты, скобки, дефис и знак равенства.',
    ],
    [
      'avito/deposit-unknown',
      RENT,
      { depositMonths: undefined, depositKopecks: undefined },
      'Залог: не заполнено. Требует Авито: аренда квартир. Если залога нет, впишите 0.',
    ],
    [
      'avito/commission-percent-missing',
      RENT,
      { commissionPercent: undefined },
      'Комиссия с клиента, %: не заполнено. Требует Авито: аренда квартир. Посредник называет комиссию; если её нет, впишите 0.',
    ],
    [
      'avito/utilities-missing',
      RENT,
      { areUtilitiesIncluded: false, utilitiesKopecks: undefined },
      'Коммунальные услуги в месяц: не заполнено. Требует Авито: аренда квартир. Коммунальные услуги платит жилец, доске нужна сумма.',
    ],
    [
      'avito/smoking-allowed-missing',
      RENT,
      { boardFields: undefined },
      'Можно курить: не заполнено. Требует Авито: аренда квартир.',
    ],
    [
      'avito/parking-unknown',
      { ...OFFICE, deal: 'sale' },
      { parkingKinds: undefined, boardFields: undefined },
      'Парковка: не заполнено. Авито нужно знать, есть ли она, на улице или в здании.',
    ],
    [
      'avito/currency-not-roubles',
      SALE,
      { currency: 'EUR' },
      'Валюта: не рубли. Авито принимает цену только в рублях.',
    ],
    [
      'avito/price-kopecks',
      SALE,
      { priceKopecks: 540_000_050 },
      'Цена: 5 400 000,5 ₽. Авито принимает целые рубли, копейки округлятся.',
    ],
    [
      'avito/offer-unsupported',
      { kind: 'house', deal: 'sale', houseType: 'part' },
      {},
      'Вид объекта: продажа частей домов. Авито такие объявления не принимает. Подойдёт дом, дача, коттедж или таунхаус.',
    ],
    [
      'avito/phone-in-text',
      SALE,
      { description: 'Звоните 8 900 000-00-01 или 8 900 000-00-02' },
      'Описание: 2 номера телефона в тексте. По непроверенным данным, Авито запрещает контакты в тексте.',
    ],
    [
      'avito/photos-unknown',
      SALE,
      { photos: undefined },
      'Фотографии: не заполнено. По непроверенным данным, Авито требует хотя бы один снимок.',
    ],
    [
      'yandex/photos-missing',
      RENT,
      { photos: undefined },
      'Фотографии: не заполнено. Требует Яндекс Недвижимость: аренда квартир.',
    ],
    [
      'yandex/photos-few',
      SALE,
      { photos: photos(2) },
      'Фотографии: 2 снимка. По непроверенным данным, Яндекс Недвижимости нужно не меньше 3.',
    ],
    [
      'yandex/created-at-missing',
      SALE,
      { createdAt: undefined },
      'Дата создания: не заполнено. Требует Яндекс Недвижимость: продажа квартир.',
    ],
    [
      'yandex/yandex-building-id-missing',
      NEW,
      { boardFields: undefined },
      'Номер новостройки у Яндекса: не заполнено. Требует Яндекс Недвижимость: продажа квартир в новостройках.',
    ],
    [
      'yandex/sale-type-missing',
      NEW,
      { saleType: undefined },
      'Вид сделки: не заполнено. Требует Яндекс Недвижимость: продажа квартир в новостройках. Без него все новостройки агентства доска считает объявлениями застройщика.',
    ],
    [
      'yandex/lease-type-missing',
      OFFICE,
      { leaseType: undefined },
      'Вид аренды: не заполнено. Требует Яндекс Недвижимость: аренда офисов.',
    ],
    [
      'yandex/lease-type-unknown',
      OFFICE,
      { leaseType: 'sublease' },
      'Вид аренды: субаренда. Слова для неё в формате Яндекс Недвижимости нет, подойдёт прямая аренда.',
    ],
    [
      'yandex/rent-per-year',
      OFFICE,
      { rentPeriod: 'year' },
      'Период оплаты: год. Яндекс Недвижимость принимает аренду за месяц или за сутки, пересчитайте цену.',
    ],
    [
      'yandex/rooms-offered-missing',
      ROOM,
      { roomsOffered: undefined },
      'Комнат в сделке: не заполнено. Требует Яндекс Недвижимость: продажа комнат.',
    ],
    [
      'yandex/description-long',
      SALE,
      { description: 'а'.repeat(10_001) },
      'Описание: 10 001 знак. Яндекс Недвижимость принимает не больше 10 000.',
    ],
    [
      'yandex/point-abroad',
      SALE,
      { latitude: 39.2, longitude: 51.66 },
      'Точка на карте: 39,2 и 51,66 не попадают в Россию. Яндекс Недвижимость принимает объекты только в России; возможно, широта и долгота переставлены.',
    ],
    [
      'yandex/offer-unsupported',
      { kind: 'bed', deal: 'rent' },
      {},
      'Вид объекта: аренда койко-мест. Яндекс Недвижимость такие объявления не принимает. Койко-места в этом формате нет, подойдёт комната.',
    ],
    [
      'yandex/email-zone',
      SALE,
      { contactEmail: 'sale@agency.moscow' },
      'Электронная почта: sale@agency.moscow. По непроверенным данным, проверки Яндекс Недвижимости спотыкаются о редкие зоны; надёжнее адрес в обычной.',
    ],
    [
      'domclick/domclick-building-id-missing',
      NEW,
      { boardFields: undefined },
      'Номер дома у Домклика: не заполнено. По непроверенным данным, требует Домклик: продажа квартир в новостройках.',
    ],
    [
      'mirkvartir/phone-not-russian',
      SALE,
      { contactPhones: ['+375291234567', '+375291234568'] },
      'Телефон: российского номера нет. Миру квартир нужен номер вида +79120000014.',
    ],
    [
      'gdeetotdom/photos-webp',
      SALE,
      { photos: photos(3, 'webp') },
      'Фотографии: в формате WebP 3 снимка. По непроверенным данным, ГдеЭтотДом нужны снимки в JPEG.',
    ],
    [
      'realtymag/phones-many',
      SALE,
      { contactPhones: ['+79120000014', '+79120000015'] },
      'Телефон: 2 номера. По непроверенным данным, Realtymag показывает только первый.',
    ],
  ])('%s', (code, shape, spoil, message) => {
    const board = boardOf(code.split('/')[0]!);
    const listing = present({ ...whole(board.family, shape), ...spoil } as Listing);
    const notice = compileBoard(board)
      .check(listing, factsOf(listing))
      .find((one) => one.code === code);
    expect(notice?.message.replaceAll('\u00A0', ' ')).toBe(message);
  });
});
