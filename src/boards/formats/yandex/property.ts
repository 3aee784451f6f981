import type { Listing } from '../../../domain/listing.ts';
import { type Row, valueOf } from '../codec.ts';
import { date, decimal, flag, integer, kit, list, roubles, text, words } from '../kit.ts';
import { BUILT, COMMERCIAL, NEW_FLAT } from './kind.ts';

const { leaf, own, refined, group } = kit('yandex');

const HOMES = { kind: ['flat', 'room', 'bed', 'house'] };
const COUNTRY = { kind: ['house', 'land'] };
const GARAGE = { kind: ['garage'] };
const A19 = { grade: 'vendor', source: 'A19' } as const;

/** Elements that are left out when the answer is no. */
const positive = flag('true', null);

/** «балкон», «2 лоджии»: one kind with its count; a flat with both tells the balconies. */
const balcony: Row = group({
  elements: [{ path: 'balcony', type: { type: 'string', pattern: '(\\d+ )?(балкон(а|ов)?|лоджи(я|и|й))' } }],
  fields: ['balconiesCount', 'loggiasCount'],
  when: HOMES,
  ...A19,
  write(listing, out) {
    const balconies = listing.balconiesCount ?? 0;
    const loggias = listing.loggiasCount ?? 0;
    const many = (count: number, one: string, few: string, more: string) =>
      count === 1 ? one : `${count} ${count < 5 ? few : more}`;
    if (balconies > 0) out.leaf('balcony', many(balconies, 'балкон', 'балкона', 'балконов'));
    else if (loggias > 0) out.leaf('balcony', many(loggias, 'лоджия', 'лоджии', 'лоджий'));
  },
  read(offer, draft) {
    const raw = offer.take('balcony');
    if (raw === undefined) return;
    const parts = [...raw.toLowerCase().matchAll(/(\d+)?\s*(балкон|лоджи)/g)];
    if (parts.length === 0) return draft.fail('balcony', raw);
    for (const [, count, word] of parts) {
      draft.set(word === 'балкон' ? 'balconiesCount' : 'loggiasCount', count === undefined ? 1 : Number(count));
    }
  },
  samples: [{ balconiesCount: 1 }, { loggiasCount: 2 }, { balconiesCount: 3 }],
});

/** «совмещенный», «раздельный» or how many there are; a bare number does not say which kind they are. */
const bathroom: Row = group({
  elements: [{ path: 'bathroom-unit', type: { type: 'string', pattern: 'совмещенный|раздельный|\\d+' } }],
  fields: ['combinedBathrooms', 'separateBathrooms', 'own:bathroom-unit'],
  when: HOMES,
  ...A19,
  write(listing, out) {
    const combined = listing.combinedBathrooms ?? 0;
    const separate = listing.separateBathrooms ?? 0;
    const total = combined + separate;
    if (total > 1) out.leaf('bathroom-unit', String(total));
    else if (total === 1) out.leaf('bathroom-unit', combined === 1 ? 'совмещенный' : 'раздельный');
    else out.leaf('bathroom-unit', valueOf(listing, 'yandex', 'own:bathroom-unit') as string | undefined);
  },
  read(offer, draft) {
    const raw = offer.take('bathroom-unit');
    if (raw === undefined) return;
    const word = raw.toLowerCase().replaceAll('ё', 'е');
    if (word.startsWith('совмещ')) draft.set('combinedBathrooms', 1);
    else if (word.startsWith('раздельн')) draft.set('separateBathrooms', 1);
    else if (/^\d+$/.test(word)) draft.set('own:bathroom-unit', word);
    else draft.fail('bathroom-unit', raw);
  },
  samples: [{ combinedBathrooms: 1 }, { separateBathrooms: 1 }, { boardFields: { yandex: { 'bathroom-unit': '2' } } }],
});

const windowView: Row = group({
  elements: [{ path: 'window-view', type: { type: 'enum', values: ['во двор', 'на улицу', 'во двор и на улицу'] } }],
  fields: ['windowViews'],
  when: BUILT,
  grade: 'vendor',
  source: 'A19, EM26',
  write(listing, out) {
    const views = (listing.windowViews ?? []).filter((view) => view !== 'sunny');
    if (views.length > 0) {
      out.leaf(
        'window-view',
        ['yard', 'street']
          .filter((view) => views.includes(view as 'yard'))
          .map((view) => (view === 'yard' ? 'во двор' : 'на улицу'))
          .join(' и '),
      );
    }
  },
  read(offer, draft) {
    const raw = offer.take('window-view');
    if (raw === undefined) return;
    const views = [...(/двор/i.test(raw) ? ['yard'] : []), ...(/улиц/i.test(raw) ? ['street'] : [])];
    if (views.length === 0) draft.fail('window-view', raw);
    else draft.set('windowViews', views);
  },
  samples: [{ windowViews: ['yard'] }, { windowViews: ['street'] }, { windowViews: ['yard', 'street'] }],
});

/** A yes-or-no of this family that a finer field of ours may answer. */
function derivedFlag(path: string, answer: (listing: Listing) => boolean | undefined, options: object): Row {
  const conversion = flag();
  return group({
    ...options,
    elements: [{ path, type: conversion.type }],
    fields: [`own:${path}`],
    write(listing, out) {
      const value = answer(listing) ?? (valueOf(listing, 'yandex', `own:${path}`) as boolean | undefined);
      if (value !== undefined) out.leaf(path, String(value));
    },
    read(offer, draft) {
      const raw = offer.take(path);
      if (raw === undefined) return;
      const value = conversion.read(raw);
      if (value === undefined) draft.fail(path, raw);
      else draft.set(`own:${path}`, value);
    },
    samples: [{ boardFields: { yandex: { [path]: true } } }, { boardFields: { yandex: { [path]: false } } }],
  });
}

/** Until 2019 `toilet` and `shower` told the place, since then whether there is one; the old words are read as yes. */
function placeOfOldWords(path: 'toilet' | 'shower', answer: (listing: Listing) => boolean | undefined): Row {
  const row = derivedFlag(path, answer, { when: COUNTRY, ...A19 });
  return {
    ...row,
    fields: path === 'toilet' ? [...row.fields, 'toiletPlace'] : row.fields,
    read(offer, draft) {
      const place = { 'в доме': 'indoors', 'на улице': 'outdoors' }[offer.peek(path)?.toLowerCase() ?? ''];
      if (place === undefined) return row.read(offer, draft);
      offer.take(path);
      draft.set(`own:${path}`, true);
      if (path === 'toilet') draft.set('toiletPlace', place);
    },
  };
}

const PARKING_WORDS = [
  ['underground', 'подземная', 'underground'],
  ['ground', 'наземная', 'ground'],
  ['multilevel', 'многоуровневая', 'multilevel'],
] as const;

const garageParking: Row = group({
  elements: [{ path: 'parking-type', type: { type: 'enum', values: PARKING_WORDS.map(([, word]) => word) } }],
  fields: ['parkingKinds'],
  when: { kind: ['garage'], garageType: ['box', 'parking-place'] },
  ...A19,
  write(listing, out) {
    const word = PARKING_WORDS.find(([value]) => listing.parkingKinds?.includes(value))?.[1];
    out.leaf('parking-type', word);
  },
  read(offer, draft) {
    const raw = offer.take('parking-type');
    if (raw === undefined) return;
    const known = PARKING_WORDS.find(([, russian, english]) =>
      [russian, english].includes(raw.toLowerCase() as 'ground'),
    );
    if (known) draft.set('parkingKinds', [known[0]]);
    else draft.fail('parking-type', raw);
  },
  samples: PARKING_WORDS.map(([value]) => ({
    kind: 'garage' as const,
    garageType: 'box' as const,
    parkingKinds: [value],
  })),
});

/** Several elements of one name: a list of words of this family. */
function wordList(path: string, values: readonly string[], options: object): Row {
  return group({
    ...options,
    elements: [{ path, type: { type: 'enum', values }, isRepeated: true }],
    fields: [`own:${path}`],
    write(listing, out) {
      for (const word of (valueOf(listing, 'yandex', `own:${path}`) as string[] | undefined) ?? [])
        out.leaf(path, word);
    },
    read(offer, draft) {
      const found: string[] = [];
      for (const element of offer.all(path)) {
        element.isUsed = true;
        const word = element.text.toLowerCase();
        if (!values.includes(word)) draft.fail(path, element.text);
        else if (!found.includes(word)) found.push(word);
      }
      if (found.length > 0) draft.set(`own:${path}`, found);
    },
    samples: [
      { boardFields: { yandex: { [path]: [values[0]] } } },
      { boardFields: { yandex: { [path]: values.slice(0, 2) } } },
    ],
  });
}

/** Spellings of one material list for old and new buildings. */
const WALLS: [string, string][] = [
  ['кирпичный', 'brick'],
  ['монолит', 'monolith'],
  ['панельный', 'panel'],
  ['блочный', 'block'],
  ['деревянный', 'wood'],
  ['кирпично-монолитный', 'monolith-brick'],
];

export const PROPERTY: readonly Row[] = [
  leaf('rooms', 'roomsCount', integer(0, 100, [1, 3]), { when: BUILT, ...A19 }),
  leaf('rooms-offered', 'roomsOffered', integer(1, 100, [1, 2]), {
    when: { kind: ['room'] },
    required: { kind: ['room'] },
    ...A19,
  }),
  leaf(
    'rooms-type',
    'roomLayout',
    words([
      ['adjacent', 'смежные'],
      ['separate', 'раздельные'],
    ]),
    { when: HOMES, ...A19 },
  ),
  leaf('studio', 'isStudio', positive, { when: { kind: ['flat'] }, ...A19 }),
  leaf('open-plan', 'isOpenPlan', positive, {
    when: [{ kind: ['flat'] }, { kind: ['commercial'], commercialType: ['office', 'retail', 'free-purpose'] }],
    ...A19,
  }),
  leaf('apartments', 'isApartments', flag(), { when: { kind: ['flat'] }, ...A19 }),
  group({
    elements: [{ path: 'floor', type: { type: 'integer', min: -9, max: 200 } }],
    fields: ['floor', 'own:floor'],
    when: BUILT,
    grade: 'vendor',
    source: 'A19; 0 для цоколя — MAX26',
    // Live feeds know no floor below the ground but 0; one that does say -1 gets it back.
    write(listing, out) {
      if (listing.floor === undefined) return;
      const isExact = valueOf(listing, 'yandex', 'own:floor') === listing.floor;
      out.leaf('floor', String(isExact ? listing.floor : Math.max(0, listing.floor)));
    },
    read(offer, draft) {
      const raw = offer.take('floor');
      if (raw === undefined) return;
      const value = integer(-9, 200).read(raw);
      if (value === undefined) return draft.fail('floor', raw);
      draft.set('floor', value);
      if (value < 0) draft.set('own:floor', value);
    },
    samples: [{ floor: 5 }, { floor: 0 }, { floor: -1, boardFields: { yandex: { floor: -1 } } }],
  }),
  leaf('floors-total', 'floorsTotal', integer(1, 200, [9, 17]), { when: BUILT, grade: 'vendor', source: 'A19, EM26' }),

  refined(
    'renovation',
    'decoration',
    [
      ['черновая', 'rough'],
      ['чистовая', 'fine'],
      ['под ключ', 'turnkey'],
      ['без отделки', 'without'],
      ['предчистовая', 'pre-fine'],
      ['whitebox', 'pre-fine'],
    ],
    {
      when: NEW_FLAT,
      alsoWords: [
        ['чистовая отделка', 'чистовая'],
        ['черновая отделка', 'черновая'],
      ],
      grade: 'code',
      source: 'EM26, WIND',
    },
  ),
  refined(
    'renovation',
    'renovation',
    [
      ['требует ремонта', 'needs'],
      ['с отделкой', 'cosmetic'],
      ['евро', 'euro'],
      ['дизайнерский', 'designer'],
      ['хороший', 'cosmetic'],
      ['частичный ремонт', 'cosmetic'],
      ['черновая отделка', 'needs'],
    ],
    {
      when: [
        { kind: ['flat'], market: ['resale', undefined] },
        { kind: ['room', 'bed'] },
        { kind: ['house'], market: ['resale', undefined] },
      ],
      alsoWords: [
        ['евроремонт', 'евро'],
        ['косметический', 'с отделкой'],
        ['дизайнерский ремонт', 'дизайнерский'],
      ],
      grade: 'vendor',
      source: 'A17, A19, SYM; «евроремонт», «косметический» — CAS',
    },
  ),
  refined(
    'renovation',
    'commercialCondition',
    [
      ['черновая отделка', 'unfinished'],
      ['с отделкой', 'fine'],
      ['требует ремонта', 'unfinished'],
      ['хороший', 'fine'],
      ['частичный ремонт', 'fine'],
      ['евро', 'fine'],
      ['дизайнерский', 'fine'],
    ],
    {
      when: { kind: ['commercial'] },
      alsoWords: [['евроремонт', 'евро']],
      nearest: [['office', 'с отделкой']],
      grade: 'code',
      source: 'SYM, CAS, PAM26',
    },
  ),
  balcony,
  bathroom,
  windowView,
  own('floor-covering', list('ковролин', 'ламинат', 'линолеум', 'паркет'), { when: BUILT, ...A19 }),
  leaf('phone', 'hasPhoneLine', flag(), { when: HOMES, ...A19 }),
  leaf('internet', 'hasInternet', flag(), { when: BUILT, ...A19 }),
  leaf('room-furniture', 'hasFurniture', flag(), { when: BUILT, ...A19 }),
  leaf('kitchen-furniture', 'hasKitchenFurniture', flag(), { when: HOMES, ...A19 }),
  leaf('television', 'hasTv', flag(), { when: HOMES, ...A19 }),
  leaf('washing-machine', 'hasWasher', flag(), { when: HOMES, ...A19 }),
  leaf('dishwasher', 'hasDishwasher', flag(), { when: HOMES, ...A19 }),
  leaf('refrigerator', 'hasFridge', flag(), { when: HOMES, ...A19 }),
  leaf('air-conditioner', 'hasAirConditioner', flag(), { when: BUILT, ...A19 }),
  own('built-in-tech', flag(), { when: HOMES, ...A19 }),
  own('flat-alarm', flag(), { when: HOMES, ...A19 }),
  leaf('ceiling-height', 'ceilingHeightM', decimal({ moreThan: 0, max: 100, samples: [2.7, 3] }), {
    when: BUILT,
    ...A19,
  }),
  refined('building-type', 'wallMaterial', WALLS, {
    when: HOMES,
    alsoWords: [
      ['монолитный', 'монолит'],
      ['монолитно-кирпичный', 'кирпично-монолитный'],
    ],
    nearest: [
      ['stalin', 'кирпичный'],
      ['aerated-concrete', 'блочный'],
      ['reinforced-concrete', 'панельный'],
      ['log', 'деревянный'],
    ],
    grade: 'vendor',
    source: 'A19, WIND',
  }),
  leaf('building-series', 'buildingSeries', text(undefined, ['П-44', '137']), { when: HOMES, ...A19 }),
  leaf('building-name', 'buildingName', text(undefined, ['ЖК Пример', 'Дом у реки']), { when: BUILT, ...A19 }),
  own('yandex-building-id', integer(1), { when: BUILT, grade: 'code', source: 'EM26, PAM26' }),
  own('yandex-house-id', integer(1), { when: BUILT, grade: 'code', source: 'EM26, PAM26' }),
  own('domclick-building-id', integer(1), {
    when: NEW_FLAT,
    grade: 'production',
    source: 'Домклик, новостройки через YRL (GAJ)',
  }),
  own('building-state', list('built', 'hand-over', 'unfinished'), {
    when: NEW_FLAT,
    grade: 'vendor',
    source: 'A17, A19',
  }),
  leaf('built-year', 'builtYear', integer(1500, 2100, [1996, 2027]), { when: BUILT, ...A19 }),
  leaf('ready-quarter', 'readyQuarter', integer(1, 4, [1, 3]), { when: NEW_FLAT, ...A19 }),
  own('key-handover-date', date(), { when: NEW_FLAT, grade: 'code', source: 'EM26' }),
  own('building-phase', text(undefined, ['очередь 1', 'II очередь']), { when: NEW_FLAT, ...A19 }),
  own('building-section', text(undefined, ['корпус 1', 'корпус А']), { when: NEW_FLAT, ...A19 }),
  own('guarded-building', flag(), { when: BUILT, ...A19 }),
  derivedFlag(
    'lift',
    (listing) =>
      listing.passengerLifts === undefined && listing.freightLifts === undefined
        ? undefined
        : (listing.passengerLifts ?? 0) + (listing.freightLifts ?? 0) > 0,
    { when: BUILT, ...A19 },
  ),
  leaf('rubbish-chute', 'hasGarbageChute', flag(), { when: HOMES, ...A19 }),
  own('parking', flag(), { when: BUILT, ...A19 }),
  own('alarm', flag(), { when: HOMES, ...A19 }),
  leaf('security', 'isSecured', flag(), { when: BUILT, ...A19 }),
  own('is-elite', flag(), { when: BUILT, ...A19 }),
  own('access-control-system', flag(), { when: BUILT, ...A19 }),
  leaf('parking-places', 'parkingPlacesCount', integer(0, 100_000, [10, 0]), { when: BUILT, ...A19 }),
  own('parking-place-price', roubles(), { when: BUILT, ...A19 }),
  own('parking-guest', flag(), { when: BUILT, ...A19 }),
  own('parking-guest-places', integer(0, 100_000, [5, 0]), { when: BUILT, ...A19 }),

  leaf(
    'lot-type',
    'landStatus',
    words(
      [
        ['izhs', 'ИЖС'],
        ['snt', 'садоводство'],
      ],
      {
        also: [
          ['СНТ', 'snt'],
          ['ЛПХ', 'lph'],
          ['ДНТ', 'dnp'],
          ['ДНП', 'dnp'],
        ],
        nearest: [['dnp', 'садоводство']],
      },
    ),
    { when: COUNTRY, grade: 'vendor', source: 'A17, WIND, CAS' },
  ),
  own('permitted-land-use', text(), {
    when: [{ kind: ['land', 'house'] }, { kind: ['commercial'], commercialType: ['land'] }],
    grade: 'code',
    source: 'BIZ26, не подтверждено',
  }),
  own('pmg', flag(), { when: COUNTRY, ...A19 }),
  placeOfOldWords('toilet', (listing) => (listing.toiletPlace === undefined ? undefined : true)),
  placeOfOldWords('shower', () => undefined),
  leaf('pool', 'hasPool', flag(), { when: COUNTRY, ...A19 }),
  own('billiard', flag(), { when: COUNTRY, ...A19 }),
  leaf('sauna', 'hasBathhouse', flag(), { when: COUNTRY, ...A19 }),
  derivedFlag('heating-supply', (listing) => (listing.heating === undefined ? undefined : listing.heating !== 'no'), {
    when: [COUNTRY, COMMERCIAL].flat(),
    ...A19,
  }),
  leaf('water-supply', 'hasWater', flag(), { when: [COUNTRY, COMMERCIAL].flat(), ...A19 }),
  leaf('sewerage-supply', 'hasSewerage', flag(), { when: [COUNTRY, COMMERCIAL].flat(), ...A19 }),
  leaf('electricity-supply', 'hasElectricity', flag(), { when: [COUNTRY, COMMERCIAL].flat(), ...A19 }),
  leaf('gas-supply', 'hasGas', flag(), { when: [COUNTRY, COMMERCIAL].flat(), ...A19 }),

  refined(
    'commercial-building-type',
    'businessCenterType',
    [
      ['business center', 'business-center'],
      ['detached building', 'detached'],
      ['residential building', 'residential'],
      ['shopping center', 'shopping-center'],
      ['warehouse', 'warehouse'],
    ],
    {
      when: COMMERCIAL,
      nearest: [['administrative', 'detached building']],
      grade: 'vendor',
      source: 'A19, SYM, BIZ26',
    },
  ),
  wordList('purpose', ['bank', 'beauty shop', 'food store', 'medical center', 'show room', 'touragency'], {
    when: COMMERCIAL,
    grade: 'code',
    source: 'SYM, BIZ26',
  }),
  wordList('purpose-warehouse', ['alcohol', 'pharmaceutical storehouse', 'vegetable storehouse'], {
    when: COMMERCIAL,
    grade: 'code',
    source: 'SYM, JAXB',
  }),
  leaf(
    'office-class',
    'buildingClass',
    words(
      ['A', 'A+', 'B', 'B+', 'C', 'C+'].map((letter) => [letter, letter] as const),
      {
        also: [
          ['А', 'A'],
          ['А+', 'A+'],
          ['В', 'B'],
          ['В+', 'B+'],
          ['С', 'C'],
          ['С+', 'C+'],
        ],
        nearest: [
          ['B-', 'B'],
          ['D', 'C'],
        ],
      },
    ),
    { when: COMMERCIAL, grade: 'vendor', source: 'A19, SYM' },
  ),
  leaf(
    'entrance-type',
    'hasSeparateEntrance',
    words([
      [true, 'separate'],
      [false, 'common'],
    ]),
    { when: COMMERCIAL, grade: 'vendor', source: 'A19, PAM26' },
  ),
  own('window-type', list('витринные', 'маленькие', 'обычные'), { when: COMMERCIAL, ...A19 }),
  own('phone-lines', integer(0, 100_000, [2, 0]), { when: COMMERCIAL, ...A19 }),
  ...[
    'adding-phone-on-request',
    'self-selection-telecom',
    'ventilation',
    'fire-alarm',
    'twenty-four-seven',
    'eating-facilities',
    'responsible-storage',
    'freight-elevator',
    'truck-entrance',
    'ramp',
    'railway',
    'office-warehouse',
    'open-area',
    'service-three-pl',
  ].map((path) => own(path, flag(), { when: COMMERCIAL, ...A19 })),
  leaf('electric-capacity', 'electricPowerKw', integer(0, 1_000_000, [15, 0]), { when: COMMERCIAL, ...A19 }),
  own('pallet-price', roubles(), { when: COMMERCIAL, ...A19 }),
  own('temperature-comment', text(), { when: COMMERCIAL, ...A19 }),

  leaf(
    'ownership-type',
    'garageOwnership',
    words(
      [
        ['private', 'собственность'],
        ['cooperative', 'кооператив'],
        ['by-proxy', 'по доверенности'],
      ],
      {
        also: [
          ['private', 'private'],
          ['cooperative', 'cooperative'],
          ['by proxy', 'by-proxy'],
        ],
      },
    ),
    { when: GARAGE, ...A19 },
  ),
  own('garage-name', text(undefined, ['ГСК Пример', 'ГСК-2']), { when: GARAGE, ...A19 }),
  garageParking,
  ...['automatic-gates', 'cctv', 'inspection-pit', 'cellar', 'car-wash', 'auto-repair', 'new-parking'].map((path) =>
    own(path, flag(), { when: GARAGE, ...A19 }),
  ),
];
