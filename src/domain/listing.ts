import Type, { type Static, type TSchema } from 'typebox';

/**
 * The listing: our one record of a property, whatever family it came from or goes to.
 * Units stand in the names, money is integer kopecks, areas are square metres. A field that is absent is unknown;
 * `0` and `false` are values. What one format family alone knows lives in `boardFields[family]`, keyed by the
 * element's path and typed by that family's table (src/boards/formats).
 */

export const KINDS = ['flat', 'room', 'bed', 'house', 'land', 'garage', 'commercial'] as const;
export const DEALS = ['sale', 'rent', 'daily-rent'] as const;
export const FAMILIES = ['avito', 'cian', 'yandex'] as const;
export const HOUSE_TYPES = ['house', 'dacha', 'cottage', 'townhouse', 'duplex', 'part'] as const;
export const GARAGE_TYPES = ['garage', 'box', 'parking-place'] as const;
export const COMMERCIAL_TYPES = [
  'office',
  'retail',
  'free-purpose',
  'warehouse',
  'manufacturing',
  'building',
  'business',
  'land',
  'catering',
  'hotel',
  'auto-service',
  'coworking',
  'storage-room',
  'legal-address',
] as const;

export type Kind = (typeof KINDS)[number];
export type Deal = (typeof DEALS)[number];
export type Family = (typeof FAMILIES)[number];

const oneOf = <const T extends readonly string[]>(values: T, title: string) =>
  Type.Unsafe<T[number]>({ enum: [...values], title });
const maybe = <S extends TSchema>(schema: S) => Type.Optional(schema);
const text = (title: string, maxLength = 500) => maybe(Type.String({ title, minLength: 1, maxLength }));
const flag = (title: string) => maybe(Type.Boolean({ title }));
const count = (title: string, maximum = 100_000, minimum = 0) => maybe(Type.Integer({ title, minimum, maximum }));
const area = (title: string) => maybe(Type.Number({ title, exclusiveMinimum: 0, maximum: 1e9, description: 'м²' }));
const kopecks = (title: string) => maybe(Type.Integer({ title, minimum: 0, maximum: 1e15, description: 'копейки' }));
const choice = <const T extends readonly string[]>(values: T, title: string) => maybe(oneOf(values, title));
const several = <const T extends readonly string[]>(values: T, title: string) =>
  maybe(Type.Array(oneOf(values, title), { title, uniqueItems: true, minItems: 1 }));
const moment = (title: string) =>
  maybe(
    Type.String({
      title,
      pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d+)?([+-]\\d{2}:\\d{2}|Z)$',
      description: 'ISO 8601 со смещением',
    }),
  );

export const PhotoSchema = Type.Object(
  {
    url: Type.String({ minLength: 1, maxLength: 2000 }),
    /** A drawing of the layout, not a photograph. */
    isPlan: maybe(Type.Boolean()),
  },
  { additionalProperties: false },
);
export type Photo = Static<typeof PhotoSchema>;

export const MetroSchema = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 200 }),
    walkMinutes: maybe(Type.Integer({ minimum: 0, maximum: 999 })),
    transportMinutes: maybe(Type.Integer({ minimum: 0, maximum: 999 })),
  },
  { additionalProperties: false },
);
export type Metro = Static<typeof MetroSchema>;

/** A value that only one family knows: a word, a number, yes or no, several words, or a small block of them. */
const OwnValue = Type.Unknown();
const OwnFields = Type.Record(Type.String(), OwnValue);
export type OwnFields = Record<string, unknown>;

export const ListingSchema = Type.Object(
  {
    externalId: Type.String({ title: 'Номер объявления', minLength: 1, maxLength: 200 }),
    kind: oneOf(KINDS, 'Вид объекта'),
    deal: oneOf(DEALS, 'Сделка'),
    market: choice(['resale', 'new'], 'Рынок'),
    houseType: choice(HOUSE_TYPES, 'Вид дома'),
    garageType: choice(GARAGE_TYPES, 'Вид гаража'),
    commercialType: choice(COMMERCIAL_TYPES, 'Вид коммерческого объекта'),
    isShare: flag('Продаётся доля'),
    shareText: text('Размер доли', 20),

    title: text('Заголовок', 300),
    description: text('Описание', 100_000),

    address: text('Адрес'),
    region: text('Регион', 200),
    district: text('Район региона', 200),
    locality: text('Населённый пункт', 200),
    subLocality: text('Район города', 200),
    settlementName: text('Посёлок', 200),
    apartmentNumber: text('Номер квартиры', 30),
    cadastralNumber: text('Кадастровый номер', 100),
    latitude: maybe(Type.Number({ title: 'Широта', minimum: -90, maximum: 90 })),
    longitude: maybe(Type.Number({ title: 'Долгота', minimum: -180, maximum: 180 })),
    metro: maybe(Type.Array(MetroSchema, { title: 'Метро', minItems: 1, maxItems: 20 })),

    priceKopecks: maybe(Type.Integer({ title: 'Цена', minimum: 1, maximum: 1e15, description: 'копейки' })),
    currency: choice(['RUB', 'USD', 'EUR'], 'Валюта'),
    /** What the price is for: everything, a square metre, a sotka (100 m²) or a hectare. Absent means everything. */
    priceUnit: choice(['total', 'm2', 'sotka', 'hectare'], 'Цена указана за'),
    /** Period of a long-term commercial rent. Absent means a month; a daily rent is always per day. */
    rentPeriod: choice(['month', 'year'], 'Период оплаты'),
    isBargainAllowed: flag('Торг'),
    isMortgageAllowed: flag('Ипотека'),
    vat: choice(['included', 'not-included', 'usn'], 'НДС'),
    saleType: choice(['free', 'alternative', 'primary-resale', 'developer', 'assignment'], 'Вид сделки'),
    contractType: choice(['sale', 'lease-assignment'], 'Вид договора'),
    leaseType: choice(['direct', 'sublease'], 'Вид аренды'),
    depositKopecks: kopecks('Залог'),
    depositMonths: maybe(Type.Number({ title: 'Залог, месяцев', minimum: 0, maximum: 12 })),
    commissionPercent: maybe(Type.Number({ title: 'Комиссия с клиента, %', minimum: 0, maximum: 200 })),
    prepayMonths: count('Предоплата, месяцев', 60),
    minLeaseMonths: count('Минимальный срок аренды, месяцев', 600),
    areUtilitiesIncluded: flag('Коммунальные услуги включены'),
    areMetersPaidByTenant: flag('Счётчики оплачиваются отдельно'),
    utilitiesKopecks: kopecks('Коммунальные услуги в месяц'),

    sellerRole: choice(['owner', 'agency', 'developer'], 'Кто продаёт'),
    contactName: text('Контактное лицо', 200),
    /** E.164, the main number first. */
    contactPhones: maybe(
      Type.Array(Type.String({ pattern: '^\\+\\d{8,15}$' }), { title: 'Телефон', minItems: 1, maxItems: 10 }),
    ),
    contactEmail: text('Электронная почта', 200),
    organization: text('Организация', 300),

    areaM2: area('Общая площадь'),
    livingAreaM2: area('Жилая площадь'),
    kitchenAreaM2: area('Площадь кухни'),
    /** Area of the room or bed place on offer. */
    roomAreaM2: area('Площадь комнаты'),
    landAreaM2: area('Площадь участка'),
    /** The unit in which the source told the land area; `landAreaM2` is always square metres. */
    landAreaUnit: choice(['m2', 'sotka', 'hectare'], 'Единица площади участка'),
    roomsCount: count('Комнат', 100),
    isStudio: flag('Студия'),
    isOpenPlan: flag('Свободная планировка'),
    roomsOffered: count('Комнат в сделке', 100),
    roomLayout: choice(['separate', 'adjacent', 'both'], 'Комнаты'),
    /** Negative floors are below the ground: -1 semi-basement, -2 basement. */
    floor: maybe(Type.Integer({ title: 'Этаж', minimum: -9, maximum: 200 })),
    floorsTotal: count('Этажей в доме', 200),
    ceilingHeightM: maybe(Type.Number({ title: 'Высота потолков', exclusiveMinimum: 0, maximum: 100 })),
    bedsCount: count('Спальных мест', 200),

    builtYear: maybe(Type.Integer({ title: 'Год постройки', minimum: 1500, maximum: 2100 })),
    readyQuarter: count('Квартал сдачи', 4, 1),
    buildingName: text('Название здания или комплекса', 300),
    buildingSeries: text('Серия дома', 100),
    wallMaterial: choice(
      [
        'brick',
        'panel',
        'block',
        'monolith',
        'monolith-brick',
        'wood',
        'stalin',
        'old',
        'aerated-concrete',
        'frame',
        'metal',
        'sandwich',
        'reinforced-concrete',
        'log',
        'other',
      ],
      'Материал стен',
    ),
    passengerLifts: count('Пассажирских лифтов', 50),
    freightLifts: count('Грузовых лифтов', 50),
    hasGarbageChute: flag('Мусоропровод'),
    hasConcierge: flag('Консьерж'),
    parkingKinds: several(['underground', 'multilevel', 'open', 'gated', 'ground', 'roof', 'covered'], 'Парковка'),
    parkingPlacesCount: count('Машино-мест', 100_000),
    heating: choice(
      ['no', 'central', 'autonomous', 'gas', 'electric', 'stove', 'fireplace', 'boiler', 'other'],
      'Отопление',
    ),

    renovation: choice(['needs', 'cosmetic', 'euro', 'designer'], 'Ремонт'),
    /** Finish of a new building as handed over by the developer. */
    decoration: choice(['without', 'rough', 'pre-fine', 'fine', 'turnkey'], 'Отделка'),
    /** Condition of commercial premises. */
    commercialCondition: choice(['unfinished', 'fine', 'office'], 'Отделка помещения'),
    isApartments: flag('Апартаменты'),
    balconiesCount: count('Балконов', 20),
    loggiasCount: count('Лоджий', 20),
    combinedBathrooms: count('Совмещённых санузлов', 20),
    separateBathrooms: count('Раздельных санузлов', 20),
    windowViews: several(['yard', 'street', 'sunny'], 'Вид из окон'),

    hasFurniture: flag('Мебель'),
    hasKitchenFurniture: flag('Кухонная мебель'),
    hasInternet: flag('Интернет'),
    hasTv: flag('Телевизор'),
    hasWasher: flag('Стиральная машина'),
    hasDishwasher: flag('Посудомоечная машина'),
    hasFridge: flag('Холодильник'),
    hasAirConditioner: flag('Кондиционер'),
    hasPhoneLine: flag('Телефонная линия'),
    petsAllowed: flag('Можно с животными'),
    childrenAllowed: flag('Можно с детьми'),

    hasElectricity: flag('Электричество'),
    electricPowerKw: count('Электрическая мощность, кВт', 1_000_000),
    hasGas: flag('Газ'),
    gasSupply: choice(['main', 'border', 'holder', 'bottle'], 'Газоснабжение'),
    hasWater: flag('Вода'),
    waterSupply: choice(['central', 'borehole', 'well'], 'Водоснабжение'),
    hasSewerage: flag('Канализация'),
    sewerage: choice(['central', 'septic', 'cesspool', 'bio'], 'Вид канализации'),
    toiletPlace: choice(['indoors', 'outdoors'], 'Санузел'),
    hasBathhouse: flag('Баня или сауна'),
    hasPool: flag('Бассейн'),
    hasGarage: flag('Гараж на участке'),
    hasTerrace: flag('Терраса'),
    landStatus: choice(['izhs', 'snt', 'dnp', 'lph', 'farm', 'industrial', 'other'], 'Статус земли'),

    garageMaterial: choice(['brick', 'metal', 'concrete'], 'Материал гаража'),
    garageOwnership: choice(['private', 'cooperative', 'by-proxy'], 'Право на гараж'),
    isSecured: flag('Охрана'),

    businessCenterType: choice(
      ['business-center', 'shopping-center', 'administrative', 'residential', 'detached', 'warehouse', 'other'],
      'Тип здания',
    ),
    buildingClass: choice(['A', 'A+', 'B', 'B+', 'B-', 'C', 'C+', 'D'], 'Класс здания'),
    entranceFrom: choice(['street', 'yard'], 'Вход'),
    hasSeparateEntrance: flag('Отдельный вход'),
    houseLine: choice(['first', 'second', 'other'], 'Линия домов'),

    photos: maybe(Type.Array(PhotoSchema, { title: 'Фотографии', minItems: 1, maxItems: 500 })),
    videoUrl: text('Видео', 1000),
    tourUrl: text('3D-тур', 1000),
    createdAt: moment('Дата создания'),
    updatedAt: moment('Дата изменения'),

    boardFields: maybe(
      Type.Object(
        { avito: maybe(OwnFields), cian: maybe(OwnFields), yandex: maybe(OwnFields) },
        { title: 'Поля одной доски', additionalProperties: false },
      ),
    ),
  },
  { $id: 'Listing', additionalProperties: false },
);

export type Listing = Static<typeof ListingSchema>;
export type Field = keyof Listing;
/** Fields that a person edits one by one: everything but the id and the block of family fields. */
export type PlainField = Exclude<Field, 'externalId' | 'boardFields'>;

export const FIELDS = Object.keys(ListingSchema.properties) as Field[];

/** The Russian label of a field, as the form, the notices and the reports call it. */
export function labelOf(field: string): string {
  const schema = (ListingSchema.properties as Record<string, { title?: string }>)[field];
  return schema?.title ?? field;
}

/** What kinds and deals are called, by themselves and in a running text. */
export const KIND_LABELS: Readonly<Record<Kind, string>> = {
  flat: 'квартира',
  room: 'комната',
  bed: 'койко-место',
  house: 'дом',
  land: 'участок',
  garage: 'гараж',
  commercial: 'коммерческая недвижимость',
};
export const DEAL_LABELS: Readonly<Record<Deal, string>> = {
  sale: 'продажа',
  rent: 'аренда',
  'daily-rent': 'посуточная аренда',
};

/** «Квартира, продажа»: the heading of a listing without a title. */
export function describeKind(listing: Pick<Listing, 'kind' | 'deal'>): string {
  const kind = KIND_LABELS[listing.kind];
  return `${kind[0]!.toUpperCase()}${kind.slice(1)}, ${DEAL_LABELS[listing.deal]}`;
}
