import type { Row, RowOptions, Shape } from '../codec.ts';
import { decimal, list, text, words } from '../kit.ts';
import {
  area,
  COMMERCIAL,
  count,
  fold,
  get,
  group,
  is,
  leaf,
  legacy,
  openOptions,
  options,
  own,
  seen,
  strict,
  tags,
  takeWords,
  yesNo,
} from './builders.ts';
import { readFloor } from './living.ts';

/** Section 10: commercial premises. Which element belongs to which object type is the matrix of the 2026 memo (C4). */

// ---------------------------------------------------------------- shapes

const only = (...commercialType: string[]): Shape => ({ kind: ['commercial'], commercialType });
const SALE: Shape = { kind: ['commercial'], deal: ['sale'] };
const RENT: Shape = { kind: ['commercial'], deal: ['rent'] };
const PREMISES = [
  'office',
  'free-purpose',
  'retail',
  'warehouse',
  'manufacturing',
  'catering',
  'hotel',
  'auto-service',
];
const WITH_ENTRANCE = only(
  'free-purpose',
  'retail',
  'warehouse',
  'manufacturing',
  'catering',
  'hotel',
  'auto-service',
  'building',
);
const WITH_PARKING = only(...PREMISES, 'building');
const STORAGE = only('storage-room');
const COWORKING = only('coworking');

// ---------------------------------------------------------------- price

/** What the price is for. A missing element means everything, and a month. */
function priceTypeRow(deal: 'sale' | 'rent'): Row {
  const periods = deal === 'sale' ? ([undefined] as const) : (['month', 'year'] as const);
  const table = periods.flatMap((rentPeriod) => {
    const whole = rentPeriod === undefined ? 'за всё' : rentPeriod === 'year' ? 'в год' : 'в месяц';
    return [
      { word: whole, priceUnit: 'total', rentPeriod },
      { word: rentPeriod === undefined ? 'за м2' : `${whole} за м2`, priceUnit: 'm2', rentPeriod },
    ] as const;
  });
  return group({
    ...seen('V1 C1 R1'),
    when: deal === 'sale' ? SALE : RENT,
    elements: [{ path: 'PriceType', type: { type: 'enum', values: table.map(({ word }) => word) } }],
    fields: ['priceUnit', ...(deal === 'rent' ? ['rentPeriod'] : [])],
    write({ priceUnit, rentPeriod }, out) {
      // Another unit is multiplied by the area when the price is written.
      const unit = priceUnit === 'm2' ? 'm2' : 'total';
      const period = deal === 'sale' ? undefined : (rentPeriod ?? 'month');
      const isTold = priceUnit === unit || (deal === 'rent' && rentPeriod !== undefined);
      if (isTold) out.leaf('PriceType', table.find((row) => row.priceUnit === unit && row.rentPeriod === period)?.word);
    },
    read(offer, draft) {
      const raw = offer.take('PriceType');
      if (raw === undefined) return;
      const found = table.find(({ word }) => fold(word) === fold(raw.replaceAll('²', '2')));
      if (!found) return draft.fail('PriceType', raw);
      draft.set('priceUnit', found.priceUnit);
      draft.set('rentPeriod', found.rentPeriod);
    },
    samples: table.map(({ priceUnit, rentPeriod }) => ({ priceUnit, ...(rentPeriod && { rentPeriod }) })),
  });
}

// ---------------------------------------------------------------- premises

/** Premises may lie below the ground: a semi-basement and a basement have words, however deep the latter is. */
const floorRow: Row = group({
  ...seen('C1 C4 R3 C7 C12'),
  when: only(...PREMISES, 'coworking', 'storage-room'),
  required: only(...PREMISES, 'storage-room'),
  elements: [{ path: 'Floor', type: { type: 'string', pattern: '\\d{1,3}|Цокольный|Подвальный' } }],
  fields: ['floor'],
  write({ floor }, out) {
    if (floor === undefined || floor === 0) return;
    out.leaf('Floor', floor === -1 ? 'Цокольный' : floor < -1 ? 'Подвальный' : String(floor));
  },
  read(offer, draft) {
    const raw = offer.take('Floor');
    if (raw === undefined) return;
    const floor = readFloor(raw);
    if (floor === undefined) draft.fail('Floor', raw);
    else draft.set('floor', floor);
  },
  samples: [{ floor: 1 }, { floor: -1 }, { floor: -2 }, { floor: 12 }],
});

const PLACES: readonly (readonly [string, readonly string[]])[] = [
  ['На улице', ['open', 'ground', 'gated']],
  ['В здании', ['underground', 'covered']],
];

/** Avito's own three words; a listing from elsewhere says them through its kinds of parking. */
const parkingTypeRow: Row = group({
  ...seen('V1 C1 R1'),
  when: WITH_PARKING,
  required: only('office', 'free-purpose', 'retail', 'catering', 'hotel', 'building'),
  elements: [{ path: 'ParkingType', type: { type: 'enum', values: ['Нет', 'На улице', 'В здании'] } }],
  fields: ['own:ParkingType', 'parkingKinds'],
  write(listing, out) {
    const kinds: readonly string[] = listing.parkingKinds ?? [];
    const meant = PLACES.filter(([, members]) => members.some((kind) => kinds.includes(kind))).map(([word]) => word);
    const kept = get(listing, 'own:ParkingType');
    const word = typeof kept === 'string' && (meant.length === 0 || meant.includes(kept)) ? kept : meant[0];
    if (word === 'Нет' || PLACES.some(([known]) => known === word)) out.leaf('ParkingType', word);
  },
  read(offer, draft) {
    const raw = offer.take('ParkingType');
    if (raw === undefined) return;
    const word = ['Нет', 'На улице', 'В здании'].find((known) => fold(known) === fold(raw));
    if (word === undefined) draft.fail('ParkingType', raw);
    else draft.set('own:ParkingType', word);
  },
  samples: ['Нет', 'На улице', 'В здании'].map((word) => ({ boardFields: { avito: { ParkingType: word } } })),
});

const BUILDINGS: readonly (readonly [string, string])[] = [
  ['business-center', 'Бизнес-центр'],
  ['shopping-center', 'Торговый центр'],
  ['administrative', 'Административное здание'],
  ['residential', 'Жилой дом'],
  ['other', 'Другой'],
];
const HEATINGS: readonly (readonly [string, string])[] = [
  ['no', 'Нет'],
  ['central', 'Центральное'],
  ['autonomous', 'Автономное'],
];
const AUTONOMOUS = ['gas', 'electric', 'boiler', 'stove', 'fireplace'].map(
  (heating) => [heating, 'Автономное'] as const,
);

/** Elements of the 2026 templates whose words nobody has published: carried as they come. */
const carried = (paths: readonly string[], rowOptions: RowOptions): readonly Row[] =>
  paths.map((path) => own(path, text(), rowOptions));

/** «Occupied by a tenant», until 2024; the templates of 2026 ask it in another way, whose words are not known. */
const currentTenantsRow = legacy(
  ['CurrentTenants'],
  ['own:CurrentTenants'],
  (offer, draft) => {
    for (const raw of takeWords(offer, 'CurrentTenants')) {
      if (fold(raw) === 'помещение занято') draft.set('own:CurrentTenants', ['Помещение занято']);
      else draft.fail('CurrentTenants/Option', raw);
    }
  },
  { when: SALE, ...seen('V1 R1') },
);

// ---------------------------------------------------------------- coworking

const coworkingRows: readonly Row[] = [
  own('PlacesAmount', count(1, 1000, [12, 40]), { when: COWORKING, ...seen('C1') }),
  own('PlaceType', list('Закреплённое место', 'Плавающее место', 'Отдельный кабинет'), {
    when: COWORKING,
    ...seen('C1'),
  }),
  own('RoomArea', area([20, 35.5]), { when: COWORKING, ...seen('C1') }),
  own('PlacesInRoom', count(1, 1000, [4, 8]), { when: COWORKING, ...seen('C1') }),
  own('WeekendWork', yesNo(), { when: COWORKING, ...seen('C1') }),
  own('Working24Hours', yesNo(), { when: COWORKING, ...seen('C1') }),
  own('WorksFrom', count(0, 24, [9, 0]), { when: COWORKING, ...seen('C1') }),
  own('WorksTill', count(0, 24, [21, 24]), { when: COWORKING, ...seen('C1') }),
  options(
    'KeyConveniences',
    'Option',
    {
      flags: { Мебель: 'hasFurniture', 'Wi-Fi': 'hasInternet', Охрана: 'isSecured' },
      words: ['Современный ремонт', 'Юридический адрес'],
    },
    { when: COWORKING, ...seen('C1') },
  ),
  own('ConvenienceIncluded', list('Да', 'Нет', 'Частично'), { when: COWORKING, ...seen('C1') }),
  options(
    'AvailableHardware',
    'Option',
    { words: ['Принтер', 'Сканер', 'Факс', 'Флипчарт'] },
    { when: COWORKING, ...seen('C1') },
  ),
  options(
    'FoodAndDrinks',
    'Option',
    { words: ['Чай/Кофе', 'Фрукты и закуски', 'Кухня', 'Кафе'] },
    { when: COWORKING, ...seen('C1') },
  ),
  openOptions('AvailableService', { when: COWORKING, ...seen('C1') }),
  openOptions('AdditionalFacilities', { when: COWORKING, ...seen('C1') }),
];

// ---------------------------------------------------------------- the table

export const commercialRows: readonly Row[] = [
  ...carried(['OfficeType'], { when: { ...only('office'), deal: ['rent'] }, ...seen('C2 C3') }),
  options(
    'AdditionalObjectTypes',
    'Option',
    {
      words: [
        'Офис',
        'Свободного назначения',
        'Торговое помещение',
        'Склад',
        'Производство',
        'Общепит',
        'Гостиница',
        'Автосервис',
        'Здание',
        'Коворкинг',
      ],
    },
    { when: COMMERCIAL, ...seen('V1 C1 R1'), note: 'Avito takes two and ignores the rest.' },
  ),
  leaf(
    'TransactionType',
    'contractType',
    words([
      ['sale', 'Продажа'],
      ['lease-assignment', 'Переуступка права аренды'],
    ]),
    {
      when: SALE,
      required: SALE,
      ...seen('V1 C1 R1 R3'),
    },
  ),
  leaf(
    'RentalType',
    'leaseType',
    words([
      ['direct', 'Прямая'],
      ['sublease', 'Субаренда'],
    ]),
    {
      when: RENT,
      required: RENT,
      ...seen('V1 C1 R1 R3'),
    },
  ),
  priceTypeRow('sale'),
  priceTypeRow('rent'),
  leaf(
    'PriceWithVAT',
    'vat',
    words<string>(
      [
        ['included', 'Да'],
        ['not-included', 'Нет'],
      ],
      { nearest: [['usn', 'Нет']] },
    ),
    {
      when: COMMERCIAL,
      ...seen('C1 C2 R1'),
    },
  ),
  own('PremisesType', list('Для уличной торговли', 'В торговом комплексе'), { when: only('retail'), ...seen('V1 C1') }),
  leaf(
    'Entrance',
    'entranceFrom',
    words([
      ['street', 'С улицы'],
      ['yard', 'Со двора'],
    ]),
    {
      when: WITH_ENTRANCE,
      required: only('free-purpose', 'retail', 'catering'),
      ...seen('V1 C1 R1'),
    },
  ),
  options(
    'EntranceAdditionally',
    'Option',
    { flags: { 'Отдельный вход': 'hasSeparateEntrance' } },
    { when: WITH_ENTRANCE, ...seen('V1 R1') },
  ),
  floorRow,
  options(
    'FloorAdditionally',
    'Option',
    { words: ['Несколько этажей'] },
    { when: only(...PREMISES), ...seen('V1 R1 C7') },
  ),
  options(
    'Layout',
    'Option',
    { words: ['Кабинетная', 'Открытая'] },
    { when: only('office', 'storage-room'), ...seen('C1 C3 C4') },
  ),
  leaf('Square', 'areaM2', area([86, 1200.5]), { when: COMMERCIAL, required: COMMERCIAL, ...seen('C1 C4 R3') }),
  options('SquareAdditionally', 'Option', { words: ['Возможная нарезка'] }, { when: RENT, ...seen('V1 C7') }),
  leaf('CeilingHeight', 'ceilingHeightM', strict(decimal({ moreThan: 0, samples: [3.2, 6] })), {
    when: COMMERCIAL,
    ...seen('C1 C4'),
  }),
  leaf(
    'Decoration',
    'commercialCondition',
    words([
      ['unfinished', 'Без отделки'],
      ['fine', 'Чистовая'],
      ['office', 'Офисная'],
    ]),
    {
      when: COMMERCIAL,
      ...seen('V1 C1 C3 R1'),
    },
  ),
  leaf(
    'BuildingType',
    'businessCenterType',
    words<string>(BUILDINGS, {
      nearest: [
        ['detached', 'Другой'],
        ['warehouse', 'Другой'],
      ],
    }),
    { when: COMMERCIAL, required: COMMERCIAL, ...seen('V1 C1 R1') },
  ),
  leaf(
    'BuildingClass',
    'buildingClass',
    words<string>(
      ['A', 'B', 'C', 'D'].map((letter) => [letter, letter] as const),
      {
        // The Russian letters that look the same, and the halves of a class that Avito does not tell apart.
        also: [
          ['А', 'A'],
          ['В', 'B'],
          ['С', 'C'],
          ['A+', 'A+'],
          ['B+', 'B+'],
          ['B-', 'B-'],
          ['C+', 'C+'],
        ],
        nearest: [
          ['A+', 'A'],
          ['B+', 'B'],
          ['B-', 'B'],
          ['C+', 'C'],
        ],
      },
    ),
    { when: only('office', 'warehouse'), ...seen('V1 C7') },
  ),
  leaf(
    'DistanceFromRoad',
    'houseLine',
    words<string>(
      [
        ['first', 'Первая линия'],
        ['second', 'Вторая линия и дальше'],
      ],
      {
        nearest: [['other', 'Вторая линия и дальше']],
      },
    ),
    { when: only('free-purpose', 'retail', 'warehouse'), ...seen('V1 C1 R1') },
  ),
  leaf('Heating', 'heating', words<string>(HEATINGS, { nearest: AUTONOMOUS }), {
    when: only(
      'free-purpose',
      'retail',
      'warehouse',
      'manufacturing',
      'catering',
      'hotel',
      'auto-service',
      'building',
      'storage-room',
    ),
    ...seen('V1 C1 R1'),
  }),
  leaf('PowerGridCapacity', 'electricPowerKw', count(0, 1_000_000, [15, 150]), {
    when: WITH_PARKING,
    ...seen('V1 C3'),
  }),
  options(
    'PowerGridAdditionally',
    'Option',
    { words: ['Возможно увеличение мощности'] },
    { when: WITH_PARKING, ...seen('V1 C7') },
  ),
  parkingTypeRow,
  options(
    'ParkingAdditionally',
    'Option',
    { words: ['Бесплатная', 'Подходит для грузового транспорта'] },
    { when: WITH_PARKING, ...seen('V1 R1') },
  ),
  leaf('ParkingSpaces', 'parkingPlacesCount', count(0, 10_000, [10, 250]), { when: COMMERCIAL, ...seen('C1 R1') }),

  own('ReadinessStatus', list('Проект', 'Строится', 'В эксплуатации'), { when: SALE, ...seen('V1 R1') }),
  options('SaleOptions', 'Option', { words: ['Аукцион'] }, { when: SALE, ...seen('C1') }),
  currentTenantsRow,
  ...carried(
    [
      'PlaceIsRented',
      'RenterName',
      'RenterMonthPayment',
      'RentContractExpireDate',
      'PaymentIndexation',
      'PercentOfTrade',
      'AgentSellCommissionPresence',
      'AgentSellCommissionSize',
    ],
    { when: SALE, ...seen('C2 C4') },
  ),
  ...carried(['ObjectBooked'], { when: SALE, ...seen('C4') }),

  ...carried(['AgentLeaseCommissionPresence', 'AgentLeaseCommissionSize'], { when: RENT, ...seen('C2') }),
  options('RentalHolidays', 'Option', { words: ['Арендные каникулы'] }, { when: RENT, ...seen('V1 C7 R1') }),
  leaf('RentalMinimumPeriod', 'minLeaseMonths', count(0, 600, [11, 3]), { when: RENT, ...seen('V1 R1') }),
  tags(
    'LeasePriceOptions',
    {
      means: {
        'Коммунальные услуги включены': is('areUtilitiesIncluded'),
        'Оплата по счетчикам включена': is('areMetersPaidByTenant', false),
      },
      words: ['Эксплуатационные расходы включены'],
    },
    { when: RENT, ...seen('V1 C1 C7') },
  ),
  ...carried(['NumTax', 'GuaranteeLetter', 'LandlinePhone', 'MailService', 'Secretary'], { when: RENT, ...seen('C2') }),
  ...coworkingRows,
  ...carried(
    [
      'StorageRoomType',
      'Width',
      'Length',
      'Volume',
      'Security',
      'AccessSchedule',
      'CarAccess',
      'Lighting',
      'PowerSockets',
    ],
    { when: STORAGE, ...seen('C4') },
  ),
];
