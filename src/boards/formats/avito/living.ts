import type { Row, RowOptions } from '../codec.ts';
import { decimal, list, pattern, text, words } from '../kit.ts';
import {
  area,
  count,
  FLAT,
  FLAT_DAILY,
  FLAT_LET,
  FLAT_NEW,
  FLAT_RENT,
  FLAT_RESALE,
  FLAT_SALE,
  fold,
  group,
  HOUSE_RENT,
  HOUSE_SALE,
  has,
  is,
  leaf,
  legacy,
  options,
  own,
  ROOM,
  refined,
  seen,
  some,
  strict,
  tags,
  takeWords,
} from './builders.ts';

/** Sections 5 and 6: flats and rooms. */

// ---------------------------------------------------------------- rooms

/** `Rooms` in the three spellings of its templates; every one reads the words of all. */
export function roomsRow(spec: { studio?: string; openPlan?: string; more: string } & RowOptions): Row {
  const { studio, openPlan, more, ...rowOptions } = spec;
  const numbers = ['1', '2', '3', '4', '5', '6', '7', '8', '9'];
  const values = [...(studio ? [studio] : []), ...numbers, more, ...(openPlan ? [openPlan] : [])];
  return group({
    ...rowOptions,
    elements: [{ path: 'Rooms', type: { type: 'enum', values } }],
    fields: ['roomsCount', ...(studio ? ['isStudio'] : []), ...(openPlan ? ['isOpenPlan'] : [])],
    write({ roomsCount, isStudio, isOpenPlan }, out) {
      const number =
        roomsCount === undefined || roomsCount < 1 ? undefined : roomsCount > 9 ? more : String(roomsCount);
      // A house has its rooms counted even where the walls can be moved; a flat is one thing or the other.
      if (isStudio && studio) out.leaf('Rooms', studio);
      else if (isOpenPlan && openPlan && (studio || number === undefined)) out.leaf('Rooms', openPlan);
      else out.leaf('Rooms', number);
    },
    read(offer, draft) {
      const raw = offer.take('Rooms');
      if (raw === undefined) return;
      const word = fold(raw);
      if (word === 'студия') draft.set('isStudio', true);
      else if (word === 'своб. планировка' || word === 'свободная планировка') draft.set('isOpenPlan', true);
      else if (['10 и более', '10+', '> 9', '>9'].includes(word)) draft.set('roomsCount', 10);
      else {
        const value = count(1, 100).read(raw);
        if (value === undefined) draft.fail('Rooms', raw);
        else draft.set('roomsCount', value);
      }
    },
    samples: [
      { roomsCount: 2 },
      { roomsCount: 10 },
      ...(studio ? [{ isStudio: true }] : []),
      ...(openPlan ? [{ isOpenPlan: true }] : []),
    ],
  });
}

/** Separate, adjacent or both kinds of rooms: two words that may stand together. */
const roomTypeRow: Row = group({
  ...seen('C1 C5 C6 R1 R2'),
  when: FLAT,
  elements: [
    { path: 'RoomType', type: { type: 'block' } },
    { path: 'RoomType/Option', type: { type: 'enum', values: ['Изолированные', 'Смежные'] }, isRepeated: true },
  ],
  fields: ['roomLayout'],
  write({ roomLayout }, out) {
    if (roomLayout === undefined) return;
    const chosen = [
      ...(roomLayout !== 'adjacent' ? ['Изолированные'] : []),
      ...(roomLayout !== 'separate' ? ['Смежные'] : []),
    ];
    out.block(
      'RoomType',
      chosen.map((word) => ({ name: 'Option', text: word })),
    );
  },
  read(offer, draft) {
    const found = new Set<string>();
    for (const raw of takeWords(offer, 'RoomType')) {
      if (fold(raw) === 'изолированные') found.add('separate');
      else if (fold(raw) === 'смежные') found.add('adjacent');
      else draft.fail('RoomType/Option', raw);
    }
    if (found.size > 0) draft.set('roomLayout', found.size === 2 ? 'both' : [...found][0]);
  },
  samples: [{ roomLayout: 'separate' }, { roomLayout: 'adjacent' }, { roomLayout: 'both' }],
});

// ---------------------------------------------------------------- building

/** Floors as numbers; the words are the board's, the numbers below the ground ours. */
export function readFloor(raw: string): number | undefined {
  const word = fold(raw);
  if (word === 'цокольный') return -1;
  if (word === 'подвальный') return -2;
  return count(-9, 200).read(raw);
}

const flatFloor = { ...count(1, 200, [5, 1]), read: readFloor };

const FLAT_WALLS: readonly (readonly [string, string])[] = [
  ['brick', 'Кирпичный'],
  ['panel', 'Панельный'],
  ['block', 'Блочный'],
  ['monolith', 'Монолитный'],
  ['monolith-brick', 'Монолитно-кирпичный'],
  ['wood', 'Деревянный'],
];
const NEAREST_WALLS: readonly (readonly [string, string])[] = [
  ['aerated-concrete', 'Блочный'],
  ['reinforced-concrete', 'Панельный'],
  ['log', 'Деревянный'],
];

export const renovationWords = words(
  [
    ['needs', 'Требуется'],
    ['cosmetic', 'Косметический'],
    ['euro', 'Евро'],
    ['designer', 'Дизайнерский'],
  ],
  { also: [['Требует ремонта', 'needs']] },
);

/** Lifts are told up to four; a fifth has no word and is not made into four. */
const liftWords = words(
  [0, 1, 2, 3, 4].map((lifts) => [lifts, lifts === 0 ? 'Нет' : String(lifts)] as const),
  {
    also: [['0', 0]],
  },
);

// ---------------------------------------------------------------- obsolete elements

const oldBathroomRow = legacy(
  ['Bathroom'],
  ['combinedBathrooms', 'separateBathrooms', 'own:Bathroom'],
  (offer, draft) => {
    const raw = offer.take('Bathroom');
    if (raw === undefined) return;
    const word = fold(raw);
    if (word === 'совмещенный') draft.set('combinedBathrooms', 1);
    else if (word === 'раздельный') draft.set('separateBathrooms', 1);
    // «Several» does not say of which kind.
    else if (word === 'несколько') draft.set('own:Bathroom', 'Несколько');
    else draft.fail('Bathroom', raw);
  },
  { ...seen('V1'), note: 'Until 2022; today BathroomMulti.' },
);

const oldBalconyRow = legacy(
  ['BalconyOrLoggia'],
  ['balconiesCount', 'loggiasCount'],
  (offer, draft) => {
    const raw = offer.take('BalconyOrLoggia');
    if (raw === undefined) return;
    const word = fold(raw);
    if (word === 'балкон') draft.set('balconiesCount', 1);
    else if (word === 'лоджия') draft.set('loggiasCount', 1);
    else if (word === 'нет') {
      draft.set('balconiesCount', 0);
      draft.set('loggiasCount', 0);
    } else draft.fail('BalconyOrLoggia', raw);
  },
  { ...seen('V1'), note: 'Until 2022; today BalconyOrLoggiaMulti.' },
);

/** The list that the resale template had until 2024; it stands before today's lists, and its words join theirs. */
const ND_WORDS = ['Гардеробная', 'Панорамные окна'];
const additionallyRow: Row = group({
  ...seen('R1 C1 V1'),
  when: FLAT,
  also: ['SSAdditionally'],
  note: 'SSAdditionally, until 2024, also had furniture and air conditioning; «Бытовая техника» is kept, not written.',
  elements: [
    { path: 'NDAdditionally', type: { type: 'block' } },
    { path: 'NDAdditionally/Option', type: { type: 'enum', values: ND_WORDS }, isRepeated: true },
  ],
  fields: ['own:NDAdditionally', 'hasFurniture', 'hasAirConditioner', 'own:SSAdditionally'],
  write(listing, out) {
    const kept = (listing.boardFields?.avito?.NDAdditionally as string[] | undefined) ?? [];
    const chosen = ND_WORDS.filter((word) => kept.includes(word));
    if (chosen.length > 0)
      out.block(
        'NDAdditionally',
        chosen.map((word) => ({ name: 'Option', text: word })),
      );
  },
  read(offer, draft) {
    const kept = new Set<string>();
    for (const path of ['NDAdditionally', 'SSAdditionally']) {
      for (const raw of takeWords(offer, path)) {
        const word = fold(raw);
        const known = ND_WORDS.find((candidate) => fold(candidate) === word);
        if (known) kept.add(known);
        else if (path === 'SSAdditionally' && word === 'мебель') draft.set('hasFurniture', true);
        else if (path === 'SSAdditionally' && word === 'кондиционер') draft.set('hasAirConditioner', true);
        else if (path === 'SSAdditionally' && word === 'бытовая техника')
          draft.set('own:SSAdditionally', ['Бытовая техника']);
        else draft.fail(`${path}/Option`, raw);
      }
    }
    if (kept.size > 0)
      draft.set(
        'own:NDAdditionally',
        ND_WORDS.filter((word) => kept.has(word)),
      );
  },
  samples: [...ND_WORDS.map((word) => [word]), ND_WORDS].map((chosen) => ({
    boardFields: { avito: { NDAdditionally: chosen } },
  })),
});

// ---------------------------------------------------------------- the table

const name = (path: string, samples: [string, string]) =>
  own(path, text(undefined, samples), { when: FLAT_NEW, ...seen('V1 R1') });

const statusLeaf = leaf(
  'Status',
  'isApartments',
  words([
    [false, 'Квартира'],
    [true, 'Апартаменты'],
  ]),
  { when: FLAT, required: FLAT_SALE, ...seen('C1 V1 R1') },
);

/** Avito wants the word for every flat on sale: what nobody called apartments is a flat. */
const STATUS: Row = {
  ...statusLeaf,
  write(listing, out) {
    const isApartments = listing.isApartments ?? (listing.deal === 'sale' ? false : undefined);
    statusLeaf.write(isApartments === undefined ? listing : { ...listing, isApartments }, out);
  },
};

export const livingRows: readonly Row[] = [
  own('NewDevelopmentId', pattern(/^\d+$/, ['1234567', '2345678']), {
    when: FLAT_NEW,
    required: FLAT_NEW,
    ...seen('V1 C13'),
    note: 'The number of the building in New_developments.xml, or of the complex where that has no buildings.',
  }),
  own('DevelopmentsBuildingName', text(), { when: FLAT_NEW, ...seen('C8') }),
  STATUS,
  leaf(
    'DealType',
    'saleType',
    words([
      ['free', 'Прямая продажа'],
      ['alternative', 'Альтернативная'],
    ]),
    {
      when: FLAT_RESALE,
      required: FLAT_RESALE,
      ...seen('C1 V1 R1'),
    },
  ),
  refined(
    'SaleMethod',
    'saleType',
    [
      ['Договор долевого участия', 'developer'],
      ['Договор ЖСК', 'developer'],
      ['Договор уступки права требования', 'assignment'],
    ],
    { when: FLAT_NEW, ...seen('V1 C1 R1') },
  ),
  name('ShareholderLastName', ['Примеров', 'Образцова']),
  name('ShareholderFirstName', ['Пример', 'Проба']),
  name('ShareholderPatronymic', ['Примерович', 'Примеровна']),
  own('ShareholderINN', pattern(/^\d{9,10}$/, ['3600000000', '360000000']), { when: FLAT_NEW, ...seen('V1') }),

  own('RoomLocationType', list('Квартира', 'Хостел', 'Гостиница'), {
    when: { kind: ['room'], deal: ['rent', 'daily-rent'] },
    ...seen('V1 C1'),
  }),
  own('BedLocationType', list('Квартира', 'Хостел'), {
    when: { kind: ['bed'], deal: ['rent', 'daily-rent'] },
    ...seen('V1 C1'),
  }),

  roomsRow({
    studio: 'Студия',
    openPlan: 'Своб. планировка',
    more: '10 и более',
    when: FLAT,
    required: FLAT,
    ...seen('R1 C6 C10'),
    note: '«Свободная планировка» is read.',
  }),
  roomsRow({ more: '> 9', when: ROOM, required: ROOM, ...seen('C1') }),
  roomTypeRow,
  leaf('Square', 'areaM2', area(), { when: FLAT, required: FLAT, ...seen('C1 R1 R2') }),
  leaf('Square', 'roomAreaM2', area([14, 18.5]), { when: ROOM, required: ROOM, ...seen('C1') }),
  leaf('KitchenSpace', 'kitchenAreaM2', area([9.1, 12]), { when: FLAT, ...seen('C1 C5 C6 R2') }),
  leaf('LivingSpace', 'livingAreaM2', area([31, 28.4]), { when: FLAT, ...seen('C1') }),
  leaf('Floor', 'floor', flatFloor, { when: [FLAT, ROOM], required: [FLAT, ROOM], ...seen('C1 C6 R2') }),
  leaf('Floors', 'floorsTotal', count(1, 200, [9, 17]), {
    when: [FLAT, ROOM],
    required: [FLAT, ROOM],
    ...seen('C1 C6 R2'),
  }),
  leaf(
    'HouseType',
    'wallMaterial',
    words<string>(FLAT_WALLS, { also: [['Монолит', 'monolith']], nearest: NEAREST_WALLS }),
    {
      when: FLAT,
      required: FLAT,
      ...seen('V1 C1 C6 R1'),
    },
  ),
  leaf(
    'HouseType',
    'wallMaterial',
    words<string>(
      FLAT_WALLS.filter(([value]) => value !== 'monolith-brick'),
      {
        also: [
          ['Монолит', 'monolith'],
          ['Монолитно-кирпичный', 'monolith-brick'],
        ],
        // A monolithic frame under a skin of brick.
        nearest: [...NEAREST_WALLS, ['monolith-brick', 'Монолитный']],
      },
    ),
    { when: ROOM, required: ROOM, ...seen('C1 V1') },
  ),
  leaf('BuiltYear', 'builtYear', count(1500, 2100, [1975, 2018]), {
    when: [FLAT_RESALE, FLAT_LET, HOUSE_SALE],
    ...seen('V1 R1 C1'),
  }),
  leaf('CeilingHeight', 'ceilingHeightM', strict(decimal({ moreThan: 0, samples: [2.7, 3] })), {
    when: FLAT_SALE,
    ...seen('V1 R1'),
  }),
  leaf('ApartmentNumber', 'apartmentNumber', text(undefined, ['12', '7а']), { when: FLAT, ...seen('V1') }),
  leaf('Renovation', 'renovation', renovationWords, {
    when: [FLAT_RESALE, FLAT_RENT, HOUSE_SALE, HOUSE_RENT],
    required: [FLAT_RESALE, FLAT_RENT, HOUSE_SALE, HOUSE_RENT],
    ...seen('C1 R1 V1'),
  }),
  leaf(
    'Decoration',
    'decoration',
    words<string>(
      [
        ['without', 'Без отделки'],
        ['pre-fine', 'Предчистовая'],
        ['fine', 'Чистовая'],
      ],
      {
        also: [['Черновая', 'rough']],
        // Rough walls are handed over without finish; «turnkey» is a finished flat.
        nearest: [
          ['rough', 'Без отделки'],
          ['turnkey', 'Чистовая'],
        ],
      },
    ),
    { when: FLAT_NEW, ...seen('C1 R1 C11') },
  ),
  tags(
    'BathroomMulti',
    { means: { Совмещённый: some('combinedBathrooms'), Раздельный: some('separateBathrooms') } },
    { when: FLAT, ...seen('V1 C1 R1') },
  ),
  oldBathroomRow,
  tags(
    'BalconyOrLoggiaMulti',
    { means: { Балкон: some('balconiesCount'), Лоджия: some('loggiasCount') } },
    { when: FLAT, ...seen('V1 C1 R1') },
  ),
  oldBalconyRow,
  tags(
    'ViewFromWindows',
    {
      means: {
        'Во двор': has('windowViews', 'yard'),
        'На улицу': has('windowViews', 'street'),
        'На солнечную сторону': has('windowViews', 'sunny'),
      },
    },
    { when: FLAT_SALE, ...seen('R1 V1') },
  ),
  leaf('PassengerElevator', 'passengerLifts', liftWords, { when: FLAT, ...seen('V1 C1 R1') }),
  leaf('FreightElevator', 'freightLifts', liftWords, { when: FLAT, ...seen('V1 C1 R1') }),
  options(
    'Courtyard',
    'Option',
    { words: ['Закрытая территория', 'Детская площадка', 'Спортивная площадка'] },
    { when: FLAT_SALE, ...seen('V1 R1') },
  ),
  tags(
    'Parking',
    {
      means: {
        Подземная: has('parkingKinds', 'underground'),
        'Наземная многоуровневая': has('parkingKinds', 'multilevel'),
        'Открытая во дворе': has('parkingKinds', 'open'),
        'За шлагбаумом во дворе': has('parkingKinds', 'gated'),
      },
    },
    { when: FLAT, ...seen('V1 C1 R1') },
  ),
  options(
    'InHouse',
    'Option',
    { flags: { Консьерж: 'hasConcierge', Мусоропровод: 'hasGarbageChute', Газоснабжение: 'hasGas' } },
    { when: FLAT_RESALE, ...seen('V1 R1') },
  ),
  additionallyRow,
  options('RepairAdditionally', 'Option', { words: ['Тёплый пол'] }, { when: FLAT_RESALE, ...seen('V1 R1') }),
  options('RenovationProgram', 'Option', { words: ['Запланирован снос'] }, { when: FLAT_RESALE, ...seen('V1') }),
  options(
    'SaleOptions',
    'Option',
    {
      flags: { 'Можно в ипотеку': 'isMortgageAllowed', 'Продажа доли': 'isShare' },
      words: ['Аукцион'],
      alsoWords: { 'Возможна ипотека': 'Можно в ипотеку', 'Реализация на торгах': 'Аукцион' },
    },
    { when: [FLAT_RESALE, HOUSE_SALE], ...seen('R1 C1 V1') },
  ),
  tags('SaleOptions', { means: { 'Можно в ипотеку': is('isMortgageAllowed') } }, { when: FLAT_NEW, ...seen('V1 C11') }),
  own('ParkingType', list('Нет', 'На улице', 'В здании'), { when: FLAT_DAILY, ...seen('V1') }),
  options('ParkingAdditionally', 'Option', { words: ['Бесплатная'] }, { when: FLAT_DAILY, ...seen('V1') }),
];
