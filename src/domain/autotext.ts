import { checkFormula, FORMULA_FUNCTIONS, parseFormula } from './formula.ts';
import { describeKind, FIELDS, type Kind, type Listing, ListingSchema, labelOf } from './listing.ts';
import type { AgencySettings } from './settings.ts';
import { agree, cleanText, formatNumber } from './text.ts';
import { WORDS, wordFor } from './words.ts';

/**
 * Fields that we compute (title, price per square metre, commission, the agency's formulas), and descriptions written
 * from templates where the agent left none. Equal listings and settings give equal texts.
 */

type Texts = AgencySettings['texts'];

// ---------------------------------------------------------------- numbers as people read them

/** Units stand in names: `priceKopecks`, `areaM2`; formulas keep to that as well. */
function told(name: string, value: number, listing: Pick<Listing, 'currency'>): string {
  const number = formatNumber(value);
  if (name.endsWith('Kopecks')) return money(value, listing.currency);
  if (/areaM2$/i.test(name)) return `${number} м²`;
  if (name.endsWith('HeightM')) return `${number} м`;
  if (name.endsWith('Percent')) return `${number} %`;
  if (name.endsWith('Kw')) return `${number} кВт`;
  if (name.endsWith('Months')) return `${number} ${agree(value, 'месяц', 'месяца', 'месяцев')}`;
  // A year has no thousands to group.
  return name.endsWith('Year') ? String(value) : number;
}

const withKopecks = new Intl.NumberFormat('ru', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const SIGNS = { RUB: '₽', USD: '$', EUR: '€' } as const;

function money(kopecks: number, currency: Listing['currency'] = 'RUB'): string {
  const roubles = kopecks / 100;
  return `${Number.isInteger(roubles) ? formatNumber(roubles) : withKopecks.format(roubles)} ${SIGNS[currency]}`;
}

/** A decimal as a whole number of millionths, so that money is divided without a binary fraction in it. */
const millionths = (value: number) => BigInt(value.toFixed(6).replace('.', ''));
const MILLION = 1_000_000n;

/** Half-up; both are positive or zero. null where there is nothing to divide by, or the quotient is no exact number. */
function divided(dividend: bigint, divisor: bigint): number | null {
  if (divisor <= 0n) return null;
  const quotient = Number((2n * dividend + divisor) / (2n * divisor));
  return Number.isSafeInteger(quotient) ? quotient : null;
}

// ---------------------------------------------------------------- computed fields

export interface ComputedField {
  readonly name: string;
  readonly label: string;
  /** null: not computed. */
  readonly value: string | number | null;
  /** As people read it; null: not computed. */
  readonly told: string | null;
}

/** The area by which the property is called and priced. */
function mainAreaM2(listing: Listing): number | undefined {
  if (listing.kind === 'land' || listing.commercialType === 'land') return listing.landAreaM2;
  if (listing.kind === 'room' || listing.kind === 'bed') return listing.roomAreaM2;
  return listing.areaM2;
}

const AREA_UNITS_M2 = { m2: 1, sotka: 100, hectare: 10_000 } as const;

/** Whole kopecks; null for a bed place, without an area, and for a share of unknown size. */
export function pricePerM2Kopecks(listing: Listing): number | null {
  const { priceKopecks, priceUnit = 'total' } = listing;
  if (priceKopecks === undefined || listing.kind === 'bed') return null;
  const price = BigInt(priceKopecks);
  if (priceUnit !== 'total') return divided(price, BigInt(AREA_UNITS_M2[priceUnit]));
  const area = mainAreaM2(listing);
  if (area === undefined) return null;
  if (!listing.isShare) return divided(price * MILLION, millionths(area));
  const share = /^\s*(\d{1,6})\s*\/\s*(\d{1,6})\s*$/.exec(listing.shareText ?? '');
  return share && divided(price * MILLION * BigInt(share[2]!), millionths(area) * BigInt(share[1]!));
}

/** Whole kopecks of the whole price; null when the agency has not told its per cent. */
export function commissionKopecks(listing: Listing, percent: number): number | null {
  const { priceKopecks, priceUnit = 'total' } = listing;
  if (priceKopecks === undefined || percent === 0) return null;
  const share = BigInt(priceKopecks) * millionths(percent);
  if (priceUnit === 'total') return divided(share, 100n * MILLION);
  const area = mainAreaM2(listing);
  if (area === undefined) return null;
  return divided(share * millionths(area), 100n * MILLION * MILLION * BigInt(AREA_UNITS_M2[priceUnit]));
}

const BUILT_IN = ['title', 'pricePerM2Kopecks', 'commissionKopecks'] as const;

/** Fields of a listing that a formula may use. */
export const FORMULA_FIELDS: readonly string[] = FIELDS.filter((field) =>
  ['number', 'integer'].includes((ListingSchema.properties[field] as { type?: string }).type ?? ''),
);

/** Names that a formula may use: numbers of the listing, what we compute, and the formulas before it. */
export function namesForFormula(texts: Texts, before = texts.formulas.length): string[] {
  return [
    ...FORMULA_FIELDS,
    'pricePerM2Kopecks',
    'commissionKopecks',
    ...texts.formulas.slice(0, before).map(({ name }) => name),
  ];
}

/** What is wrong with the agency's formulas, in Russian sentences; empty when nothing is. */
export function faultsOfFormulas(texts: Texts): string[] {
  const taken = new Set<string>([...FIELDS, ...BUILT_IN, ...FORMULA_FUNCTIONS, ...PHRASE_NAMES, ...DRESSED_LATER]);
  return texts.formulas.flatMap(({ name, formula }, place) => {
    const faults = checkFormula(formula, namesForFormula(texts, place));
    if (taken.has(name)) faults.push('Имя занято: назовите поле иначе.');
    taken.add(name);
    return faults.map((fault) => `${name}: ${fault}`);
  });
}

/** Title, price per square metre, commission and the agency's formulas, in this order. */
export function computedFields(listing: Listing, texts: Texts): ComputedField[] {
  const perM2 = pricePerM2Kopecks(listing);
  const commission = commissionKopecks(listing, texts.commissionPercent);
  const title = titleOf(listing);
  const tell = (name: string, value: number | null) => (value === null ? null : told(name, value, listing));
  const fields: ComputedField[] = [
    { name: 'title', label: labelOf('title'), value: title, told: title },
    {
      name: 'pricePerM2Kopecks',
      label: 'Цена квадратного метра',
      value: perM2,
      told: tell('pricePerM2Kopecks', perM2),
    },
    { name: 'commissionKopecks', label: 'Комиссия', value: commission, told: tell('commissionKopecks', commission) },
  ];
  for (const { name, label, formula } of texts.formulas) {
    const parsed = parseFormula(formula);
    const valueOf = (wanted: string): number | null => {
      const value = FORMULA_FIELDS.includes(wanted)
        ? listing[wanted as 'areaM2']
        : fields.findLast((field) => field.name === wanted)?.value;
      return typeof value === 'number' ? value : null;
    };
    const value = 'problem' in parsed ? null : parsed.compute(valueOf);
    fields.push({ name, label, value, told: tell(name, value) });
  }
  return fields;
}

// ---------------------------------------------------------------- what the property is called

const IN_WORDS = ['', 'одно', 'двух', 'трёх', 'четырёх'] as const;
type Ending = 'ная' | 'ный' | 'ные' | 'ной' | 'ных';

/** «двухкомнатная», «5-комнатная»: in words up to four, as people say it, and only where words are wanted. */
function withRooms(count: number, ending: Ending, isInWords: boolean): string {
  const number = isInWords ? IN_WORDS[count] : undefined;
  return number ? `${number}комнат${ending}` : `${count}-комнат${ending}`;
}

interface Named {
  readonly name: string;
  readonly isPlural: boolean;
}

/** A flat by its rooms, in the nominative or in the prepositional («доля в …»). */
function flatName(listing: Listing, isInWords: boolean, isInside: boolean): string {
  const { roomsCount = 0, isStudio, isOpenPlan, isApartments } = listing;
  const base = isApartments ? (isInside ? 'апартаментах' : 'апартаменты') : isInside ? 'квартире' : 'квартира';
  if (isStudio) return `${base}-${isInside ? 'студии' : 'студия'}`;
  if (isOpenPlan) return `${base} свободной планировки`;
  if (roomsCount === 0) return base;
  const ending = isApartments ? (isInside ? 'ных' : 'ные') : isInside ? 'ной' : 'ная';
  return `${withRooms(roomsCount, ending, isInWords)} ${base}`;
}

/** What is on offer, in the nominative: «двухкомнатная квартира», «комната», «офис». */
function objectOf(listing: Listing, isInWords: boolean): Named {
  const one = (name: string): Named => ({ name, isPlural: false });
  const { roomsOffered = 1 } = listing;
  switch (listing.kind) {
    case 'flat': {
      if (!listing.isShare)
        return { name: flatName(listing, isInWords, false), isPlural: listing.isApartments === true };
      return one(`доля ${listing.shareText ?? ''} в ${flatName(listing, isInWords, true)}`.replace('  ', ' '));
    }
    case 'room':
      if (roomsOffered < 2) return one('комната');
      return { name: `${roomsOffered} ${agree(roomsOffered, 'комната', 'комнаты', 'комнат')}`, isPlural: true };
    case 'bed':
      return one('койко-место');
    case 'house':
      return one(WORDS.houseType[listing.houseType ?? 'house']);
    case 'land':
      return one('земельный участок');
    case 'garage':
      return one(WORDS.garageType[listing.garageType ?? 'garage']);
    case 'commercial':
      return one(listing.commercialType ? WORDS.commercialType[listing.commercialType] : 'коммерческая недвижимость');
  }
}

/** Where the room is: «в трёхкомнатной квартире». */
function inFlat(listing: Listing, isInWords: boolean): string | null {
  if (listing.kind !== 'room' || !listing.roomsCount) return null;
  return `в ${flatName(listing, isInWords, true)}`;
}

/** The adjective that agrees with the kind: «двухкомнатная», «3-комнатный»; null where rooms say nothing. */
function roomsAdjective(listing: Listing): string | null {
  const { kind, roomsCount = 0, isStudio, isOpenPlan, isApartments, houseType = 'house' } = listing;
  if (roomsCount === 0 || isStudio || isOpenPlan) return null;
  if (kind === 'house')
    return withRooms(roomsCount, houseType === 'dacha' || houseType === 'part' ? 'ная' : 'ный', false);
  return kind === 'flat' ? withRooms(roomsCount, isApartments ? 'ные' : 'ная', true) : null;
}

/** A plot in the unit of its source: «18 соток», «1,5 га». */
function landArea(listing: Listing): string | null {
  const { landAreaM2, landAreaUnit = 'sotka' } = listing;
  if (landAreaM2 === undefined) return null;
  if (landAreaUnit === 'm2') return `${formatNumber(landAreaM2)} м²`;
  if (landAreaUnit === 'hectare') return `${formatNumber(landAreaM2 / 10_000)} га`;
  const sotkas = landAreaM2 / 100;
  return `${formatNumber(sotkas)} ${agree(sotkas, 'сотка', 'сотки', 'соток')}`;
}

function mainArea(listing: Listing): string | null {
  const area = mainAreaM2(listing);
  if (area === undefined) return null;
  return area === listing.landAreaM2 && area !== listing.areaM2 ? landArea(listing) : `${formatNumber(area)} м²`;
}

/** «7/16 этаж»; below the ground in words. */
function floorInTitle({ floor, floorsTotal }: Listing): string | null {
  if (floor === undefined) return null;
  if (floor < 1) return floor === 0 ? 'цокольный этаж' : floor === -1 ? 'полуподвал' : 'подвал';
  return floorsTotal ? `${floor}/${floorsTotal} этаж` : `${floor} этаж`;
}

/** «на 7-м этаже 16-этажного дома». */
function onFloor({ kind, floor, floorsTotal }: Listing): string | null {
  if (floor === undefined) return null;
  if (floor < 1) return floor === 0 ? 'на цокольном этаже' : floor === -1 ? 'в полуподвале' : 'в подвале';
  const building = kind === 'commercial' || kind === 'garage' ? 'здания' : 'дома';
  return `на ${floor}-м этаже${floorsTotal ? ` ${floorsTotal}-этажного ${building}` : ''}`;
}

const DEAL_IN_TITLE = { sale: null, rent: 'аренда', 'daily-rent': 'посуточно' } as const;

/**
 * The heading, by kind and deal: «1-комнатная квартира, 50 м², 7/16 этаж», «Дом, 120 м², участок 8 соток, аренда».
 * Boards that want a heading make one of their own when it is missing, so this one is never stored with the listing.
 */
export function titleOf(listing: Listing): string {
  const { kind, floorsTotal } = listing;
  const area = mainArea(listing);
  const land = kind === 'house' ? landArea(listing) : null;
  const isHouse = kind === 'house' || listing.commercialType === 'building';
  const parts = [
    [objectOf(listing, false).name, inFlat(listing, false)].filter(Boolean).join(' '),
    area && kind === 'bed' ? `комната ${area}` : area,
    land && `участок ${land}`,
    isHouse && floorsTotal
      ? `${floorsTotal} ${agree(floorsTotal, 'этаж', 'этажа', 'этажей')}`
      : kind === 'land'
        ? wordFor('landStatus', listing.landStatus)
        : floorInTitle(listing),
    listing.contractType === 'lease-assignment' ? 'переуступка аренды' : DEAL_IN_TITLE[listing.deal],
  ];
  return capital(cleanText(parts.filter(Boolean).join(', ')));
}

const capital = (text: string) => text.replace(/^\s*[a-zа-яё]/u, (letter) => letter.toUpperCase());

// ---------------------------------------------------------------- ready-made phrases

/** «Заречный район» as «в Заречном районе»; another name stands in the nominative behind a word that is declined. */
function inDistrict(district: string | undefined): string | null {
  const name = (district ?? '').trim().replace(/(?<![а-яё])р-н(?![а-яё])/i, 'район');
  // «ЦАО» cannot be said so.
  if (name === '' || /^[А-ЯЁ]{2,6}$/.test(name)) return null;
  const declined = /^((?:[А-ЯЁа-яё-]+(?:ый|ий|ой) )+)(район|микрорайон|округ)$/.exec(name);
  if (declined) {
    const adjectives = declined[1]!
      .trim()
      .split(' ')
      .map((word) =>
        word
          .replace(/([кгх])ий$/, '$1ом')
          .replace(/(?:ый|ой)$/, 'ом')
          .replace(/ий$/, 'ем'),
      );
    return `в ${adjectives.join(' ')} ${declined[2]}е`;
  }
  const [, noun, rest] = /^(район|микрорайон|округ|мкр\.?) ?(.+)$/i.exec(name) ?? [];
  if (rest) return `в ${noun!.toLowerCase().startsWith('мкр') ? 'микрорайон' : noun!.toLowerCase()}е ${rest}`;
  return `в районе ${name}`;
}

/** «рядом с метро «Российская», 8 минут пешком»; further than ten minutes is not near. */
function nearMetro(listing: Listing): string | null {
  const metro = listing.metro?.[0];
  if (!metro) return null;
  const { walkMinutes: walk, transportMinutes: ride } = metro;
  const name = metro.name.replace(/^(?:станция )?(?:метро|м\.) ?/i, '');
  const station = /[«"]/.test(name) ? `метро ${name}` : `метро «${name}»`;
  const minutes = (count: number) => `${formatNumber(count)} ${agree(count, 'минута', 'минуты', 'минут')}`;
  if (walk !== undefined && walk <= 10) return `рядом с ${station}${walk > 0 ? `, ${minutes(walk)} пешком` : ''}`;
  if (walk !== undefined) return `до ${station} ${minutes(walk)} пешком`;
  return ride === undefined ? station : `до ${station} ${minutes(ride)} на транспорте`;
}

/** «5 500 000 ₽», «45 000 ₽ в месяц», «900 ₽ за м² в год»; null: no price is told. */
export function price(listing: Listing): string | null {
  const { priceKopecks, priceUnit = 'total', deal, rentPeriod = 'month', currency } = listing;
  if (priceKopecks === undefined) return null;
  const unit = { total: '', m2: ' за м²', sotka: ' за сотку', hectare: ' за гектар' }[priceUnit];
  const period = deal === 'sale' ? '' : deal === 'daily-rent' ? ' в сутки' : ` ${WORDS.rentPeriod[rentPeriod]}`;
  return `${money(priceKopecks, currency)}${unit}${period}`;
}

function bathrooms({ combinedBathrooms = 0, separateBathrooms = 0 }: Listing): string | null {
  const all = combinedBathrooms + separateBathrooms;
  if (all === 0) return null;
  if (all > 1) return `${all} ${agree(all, 'санузел', 'санузла', 'санузлов')}`;
  return combinedBathrooms > 0 ? 'совмещённый санузел' : 'раздельный санузел';
}

function balconies({ balconiesCount: balcony = 0, loggiasCount: loggia = 0 }: Listing): string | null {
  const some = (count: number, one: string, few: string, many: string) =>
    count === 0 ? [] : [count === 1 ? one : `${count} ${agree(count, one, few, many)}`];
  const all = [...some(balcony, 'балкон', 'балкона', 'балконов'), ...some(loggia, 'лоджия', 'лоджии', 'лоджий')];
  return all.length === 0 ? null : all.join(' и ');
}

/** When it was or will be built, without a word on which of the two: a text outlives the day it was written on. */
function built({ builtYear, readyQuarter }: Listing): string | null {
  if (builtYear === undefined) return null;
  return readyQuarter ? `срок сдачи — ${readyQuarter}-й квартал ${builtYear} года` : `год постройки — ${builtYear}`;
}

const LAND_USE: Readonly<Record<NonNullable<Listing['landStatus']>, string | null>> = {
  izhs: 'для индивидуального жилищного строительства (ИЖС)',
  snt: 'в садовом товариществе (СНТ)',
  dnp: 'в дачном партнёрстве (ДНП)',
  lph: 'для личного подсобного хозяйства (ЛПХ)',
  farm: 'для фермерского хозяйства',
  industrial: 'промышленного назначения',
  other: null,
};

function dealVerb(listing: Listing): string {
  if (listing.contractType === 'lease-assignment') return 'переуступка права аренды:';
  const isPlural = objectOf(listing, true).isPlural;
  if (listing.deal === 'sale') return isPlural ? 'продаются' : 'продаётся';
  return `${isPlural ? 'сдаются' : 'сдаётся'}${listing.deal === 'daily-rent' ? ' посуточно' : ''}`;
}

/** Supply of a house or a plot: the way it comes where that is known, else the bare word; nothing where there is none. */
const supply = (has: boolean | undefined, way: string | undefined, bare: string) =>
  has === false ? null : way || (has ? bare : null);

interface Phrase {
  /** What it stands for, for the list of placeholders. */
  readonly label: string;
  readonly tell: (listing: Listing) => string | null;
}

const PHRASES: Readonly<Record<string, Phrase>> = {
  object: { label: 'что это: «двухкомнатная квартира», «офис»', tell: (listing) => objectOf(listing, true).name },
  dealVerb: { label: '«продаётся», «сдаются», «сдаётся посуточно»', tell: dealVerb },
  inFlat: { label: 'о комнате: «в трёхкомнатной квартире»', tell: (listing) => inFlat(listing, true) },
  rooms: { label: '«двухкомнатная», «3-комнатный»', tell: roomsAdjective },
  area: { label: 'главная площадь: «54,3 м²», «18 соток»', tell: mainArea },
  floors: { label: '«7/16 этаж»', tell: floorInTitle },
  onFloor: { label: '«на 7-м этаже 16-этажного дома»', tell: onFloor },
  inDistrict: { label: '«в Заречном районе»', tell: ({ subLocality }) => inDistrict(subLocality) },
  nearMetro: { label: '«рядом с метро «Российская», 8 минут пешком»', tell: nearMetro },
  price: { label: 'цена: «5 400 000 ₽», «35 000 ₽ в месяц»', tell: price },
  bathrooms: { label: '«совмещённый санузел»', tell: bathrooms },
  balconies: { label: '«балкон и лоджия»', tell: balconies },
  built: { label: 'год постройки или срок сдачи', tell: built },
  landUse: {
    label: '«для индивидуального жилищного строительства (ИЖС)»',
    tell: ({ landStatus }) => (landStatus === undefined ? null : LAND_USE[landStatus]),
  },
  gas: { label: 'газ', tell: ({ hasGas, gasSupply }) => supply(hasGas, wordFor('gasSupply', gasSupply), 'газ') },
  water: {
    label: 'вода',
    tell: ({ hasWater, waterSupply }) => supply(hasWater, wordFor('waterSupply', waterSupply), 'вода'),
  },
  drains: {
    label: 'канализация',
    tell: ({ hasSewerage, sewerage }) => supply(hasSewerage, wordFor('sewerage', sewerage), 'канализация'),
  },
};
const PHRASE_NAMES = [...Object.keys(PHRASES), 'pricePerM2', 'commission'];

/** Our phone of the day and the listing's number are put in when the feed is written. */
const DRESSED_LATER: readonly string[] = ['phone', 'number'];

/** What must not be told in a public text, or is no text at all. */
const NOT_FOR_TEXTS = new Set<string>([
  'externalId',
  'title',
  'description',
  'apartmentNumber',
  'cadastralNumber',
  'latitude',
  'longitude',
  'contactPhones',
  'contactEmail',
  'photos',
  'videoUrl',
  'tourUrl',
  'createdAt',
  'updatedAt',
  'boardFields',
  'landAreaUnit',
  'priceUnit',
  'currency',
]);

/** Placeholders that every template may use, with what they stand for. */
export const PLACEHOLDERS: readonly { readonly name: string; readonly label: string }[] = [
  { name: 'title', label: labelOf('title') },
  ...Object.entries(PHRASES).map(([name, { label }]) => ({ name, label })),
  { name: 'pricePerM2', label: 'Цена квадратного метра' },
  { name: 'commission', label: 'Комиссия' },
  { name: 'phone', label: 'телефон, который подставит выгрузка' },
  { name: 'number', label: 'номер объекта, который подставит выгрузка' },
  ...FIELDS.filter((field) => !NOT_FOR_TEXTS.has(field)).map((name) => ({ name, label: labelOf(name) })),
];

const ALIASES: Readonly<Record<string, string>> = { pricePerM2: 'pricePerM2Kopecks', commission: 'commissionKopecks' };

/** A value as a text tells it; an empty string where there is nothing to tell. */
function tellValue(name: string, listing: Listing, computed: readonly ComputedField[]): string {
  if (Object.hasOwn(PHRASES, name)) return PHRASES[name]!.tell(listing) ?? '';
  const ours = computed.findLast((field) => field.name === (ALIASES[name] ?? name));
  if (ours) return ours.told ?? '';
  if (NOT_FOR_TEXTS.has(name) || !(FIELDS as string[]).includes(name)) return '';
  if (name === 'landAreaM2') return landArea(listing) ?? '';
  if (name === 'metro') return listing.metro?.map((metro) => metro.name).join(', ') ?? '';
  const value = (listing as Record<string, unknown>)[name];
  if (typeof value === 'number') return told(name, value, listing);
  if (typeof value === 'boolean') return value ? 'да' : 'нет';
  const words = (Array.isArray(value) ? value : [value]).map((part) => wordFor(name, part) ?? part ?? '');
  return words.filter(Boolean).join(', ');
}

/** Is there something to speak of? `0` balconies and «нет» are nothing, unlike anywhere else in the program. */
function isThere(name: string, listing: Listing, computed: readonly ComputedField[]): boolean {
  const value = (listing as Record<string, unknown>)[name];
  return value !== false && value !== 0 && tellValue(name, listing, computed) !== '';
}

// ---------------------------------------------------------------- templates

const TOKEN = /(\[\[|\]\]|\{[^{}]*\})/;
const PLACEHOLDER = /^\{\s*([A-Za-z][A-Za-z0-9]*)\s*(?:(?:=([^?]*))?\?([^{}]*))?\}$/;

interface Frame {
  text: string;
  /** A placeholder of the phrase itself has nothing to tell. */
  isMissing: boolean;
  /** Conditional words and phrases inside, and how many of them gave something. */
  parts: number;
  given: number;
  /** What the last part was, if it gave nothing: a value, or conditional words and a phrase; the comma behind may go. */
  nothing: 'value' | 'part' | null;
}

const frame = (): Frame => ({ text: '', isMissing: false, parts: 0, given: 0, nothing: null });

/**
 * Writes a text from a template.
 *
 * - `{areaM2}`: a field, a ready-made phrase or a formula (`PLACEHOLDERS`); `{phone}` and `{number}` stay as they are.
 * - `{hasGas?есть газ}`: words for a flag or for anything that is there; `{subLocality=Заречный район?…}`: for one value.
 * - `[[кухня {kitchenAreaM2}]]`: a phrase that is left out whole when a value in it is missing, or when everything
 *   conditional in it gave nothing. Phrases may stand in phrases.
 *
 * What is left out takes the comma behind it along; the first letter of a sentence is made a capital.
 * @returns text that is legal in XML; empty when the template gives nothing
 */
export function fillTemplate(template: string, listing: Listing, computed: readonly ComputedField[]): string {
  // A stack and no recursion: whatever people type, and however deep, is only a text.
  const stack = [frame()];
  const put = (words: string, nothing: Frame['nothing']) => {
    const top = stack.at(-1)!;
    top.text += isSentenceStart(stack) ? capital(words) : words;
    top.nothing = nothing;
  };
  const close = () => {
    const { text, isMissing, parts, given } = stack.pop()!;
    const outer = stack.at(-1)!;
    const isKept = !isMissing && (parts === 0 || given > 0) && text.trim() !== '';
    outer.parts++;
    if (isKept) outer.given++;
    outer.text += isKept ? text : '';
    outer.nothing = isKept || OWN_COMMA.test(text) ? null : 'part';
  };
  for (const token of template.split(TOKEN)) {
    const top = stack.at(-1)!;
    if (token === '[[') stack.push(frame());
    else if (token === ']]') {
      if (stack.length > 1) close();
    } else if (token.startsWith('{') && token.endsWith('}')) {
      const [, name = '', is, words] = PLACEHOLDER.exec(token) ?? [];
      if (DRESSED_LATER.includes(name) && words === undefined) put(`{${name}}`, null);
      else if (words === undefined) {
        const value = tellValue(name, listing, computed);
        top.isMissing ||= !isThere(name, listing, computed);
        put(value, value === '' ? 'value' : null);
      } else {
        const isGiven = isThere(name, listing, computed) && (is === undefined || isValue(name, is, listing, computed));
        top.parts++;
        if (isGiven) top.given++;
        put(isGiven ? words : '', isGiven || OWN_COMMA.test(words) ? null : 'part');
      }
    } else if (token !== '') {
      const literal = token.replace(/[{}]/g, '');
      const rest = isCommaIdle(stack, literal) ? literal.replace(OWN_COMMA, '') : literal;
      top.text += rest !== literal && isSentenceStart(stack) ? capital(rest) : rest;
      top.nothing = null;
    }
  }
  while (stack.length > 1) close();
  return tidy(stack[0]!.text);
}

/** Is it the value that a condition names, by our word or by the Russian one? */
function isValue(name: string, wanted: string, listing: Listing, computed: readonly ComputedField[]): boolean {
  const value = (listing as Record<string, unknown>)[name];
  const known = [tellValue(name, listing, computed), ...(Array.isArray(value) ? value : [value]).map(String)];
  return known.some((text) => text.toLowerCase() === wanted.trim().toLowerCase());
}

const OWN_COMMA = /^[^\S\n]*[,;]/;

/** Has the comma that a literal begins with lost what it divided? Between two items of a list it has, after a word not. */
function isCommaIdle(stack: readonly Frame[], literal: string): boolean {
  const { nothing } = stack.at(-1)!;
  if (nothing === null) return false;
  return (nothing === 'part' && /^\s*[,;]\s*$/.test(literal)) || /(?:^|[,;:(—.!?…\n])[^\S\n]*$/.test(lastWords(stack));
}

const isSentenceStart = (stack: readonly Frame[]) => /(?:^|[.!?…])\s*$|\n\s*$/.test(lastWords(stack));

/** The end of what is written so far. */
function lastWords(stack: readonly Frame[]): string {
  for (const { text } of stack.toReversed()) if (/[^ ]/.test(text)) return text.slice(-20);
  return '';
}

/** Takes away what left-out words leave behind: double blanks, empty brackets, commas that hang. */
function tidy(text: string): string {
  let tidied = cleanText(text);
  for (let before = ''; before !== tidied; ) {
    before = tidied;
    tidied = tidied
      .replace(/[^\S\n]{2,}|\t/g, ' ')
      .replace(/[^\S\n]+([,.;:!?)»\n])/g, '$1')
      .replace(/\([\s,;]*\)|«[\s,;]*»|\[[\s,;]*\]/g, '')
      .replace(/([(«])[\s,;]+/g, '$1')
      .replace(/[,;:]+(?=[.;!?)])/g, '')
      .replace(/,(?:\s*,)+/g, ',')
      .replace(/(?<!\.)\.\s?\.(?!\.)/g, '.')
      .replace(/^[^\S\n]*[,;:.][^\S\n]*/gm, '')
      .replace(/[,;]$/gm, '')
      .replace(/^[^\S\n]*[—–•-]?[^\S\n]*$/gm, '')
      .replace(/\n{3,}/g, '\n\n')
      .trim();
  }
  return capital(tidied);
}

/**
 * What is wrong with a template, in Russian sentences; empty when nothing is.
 * @param texts whose formulas it may use
 */
export function checkTemplate(template: string, texts: Texts): string[] {
  const known = new Set([...PLACEHOLDERS, ...texts.formulas].map(({ name }) => name));
  const problems = new Set<string>();
  let depth = 0;
  for (const token of template.split(TOKEN)) {
    if (token === '[[') depth++;
    else if (token === ']]' && --depth < 0) {
      problems.add('Лишние скобки «]]».');
      depth = 0;
    } else if (token.startsWith('{') && token.endsWith('}')) {
      const name = PLACEHOLDER.exec(token)?.[1];
      if (name === undefined) problems.add(`Не понятно, что значит «${token.slice(0, 60)}».`);
      else if (!known.has(name)) problems.add(`Поля «${name}» нет.`);
    } else if (/[{}]/.test(token)) problems.add('Лишняя фигурная скобка.');
  }
  if (depth > 0) problems.add('Не закрыты скобки «[[».');
  return [...problems];
}

/** Names in a template whose values change by themselves: the text is written once and would go out of date. */
export function changeableIn(template: string): string[] {
  const names = template.split(TOKEN).flatMap((token) => PLACEHOLDER.exec(token)?.[1] ?? []);
  return [...new Set(names.filter((name) => /^(?:price|commission)/.test(name) || name.endsWith('Kopecks')))];
}

// ---------------------------------------------------------------- the templates we start with

/** They tell what the card holds and nothing else; no price, because the text is written once and prices move. */
const OPENING =
  '{dealVerb} {object}[[ площадью {area}]][[ {inFlat}]][[ {onFloor}]][[, {inDistrict}]][[, {nearMetro}]].[[ Адрес: {address}.]]';
const BUILDING =
  '[[Дом: [[{buildingName}]], [[{wallMaterial}]], [[{built}]], {passengerLifts?пассажирский лифт}, ' +
  '{freightLifts?грузовой лифт}, {hasGarbageChute?мусоропровод}, {hasConcierge?консьерж}, [[{parkingKinds}]].]]';
const INSIDE =
  '[[Внутри: [[жилая площадь {livingAreaM2}]], [[кухня {kitchenAreaM2}]], [[{roomLayout}]], [[{bathrooms}]], ' +
  '[[{balconies}]], [[высота потолков {ceilingHeightM}]], [[{renovation}]], [[{decoration}]], [[{windowViews}]].]]';
const LIVING =
  '[[Для жизни есть: {hasFurniture?мебель}, {hasKitchenFurniture?кухонный гарнитур}, {hasFridge?холодильник}, ' +
  '{hasWasher?стиральная машина}, {hasDishwasher?посудомоечная машина}, {hasTv?телевизор}, {hasInternet?интернет}, ' +
  '{hasAirConditioner?кондиционер}.]] {childrenAllowed?Можно с детьми.} {petsAllowed?Можно с животными.}';
const TERMS =
  '[[Условия: [[{saleType}]], {isMortgageAllowed?возможна ипотека}, {isBargainAllowed?возможен торг}, [[{leaseType}]], ' +
  '[[минимальный срок аренды — {minLeaseMonths}]], {areUtilitiesIncluded?коммунальные услуги включены в цену}, [[{vat}]].]]';
const CLOSING =
  'Звоните или пишите: ответим на вопросы, ' +
  '{deal=daily-rent?подскажем свободные даты и условия заселения}{deal=rent?договоримся о показе в удобное время}' +
  '{deal=sale?договоримся о показе и расскажем, как проходит сделка}.';
const SUPPLY = '{hasElectricity?электричество}, [[{gas}]], [[{water}]], [[{drains}]]';

const page = (...paragraphs: string[]) => [...paragraphs, CLOSING].join('\n\n');

const DEFAULT_TEMPLATES: Readonly<Record<Kind, string>> = {
  flat: page(OPENING, `${INSIDE} ${BUILDING}`, LIVING, TERMS),
  room: page(OPENING, `${INSIDE} ${BUILDING}`, LIVING, TERMS),
  bed: page(
    '{dealVerb} {object}[[ в комнате площадью {area}]][[ {onFloor}]][[, {inDistrict}]][[, {nearMetro}]].' +
      '[[ Адрес: {address}.]][[ Спальных мест: {bedsCount}.]]',
    `${INSIDE} ${BUILDING}`,
    LIVING,
    TERMS,
  ),
  house: page(
    '{dealVerb} {object}[[ площадью {area}]][[ на участке {landAreaM2}]][[, {landUse}]][[, {nearMetro}]].[[ Адрес: {address}.]]',
    '[[В доме: [[этажей — {floorsTotal}]], [[комнат — {roomsCount}]], [[жилая площадь {livingAreaM2}]], ' +
      '[[кухня {kitchenAreaM2}]], [[стены — {wallMaterial}]], [[{built}]], [[{renovation}]], [[{bathrooms}]].]] ' +
      `[[Коммуникации: ${SUPPLY}, [[{heating}]].]] ` +
      '[[На участке: {hasBathhouse?баня}, {hasPool?бассейн}, {hasGarage?гараж}, {hasTerrace?терраса}.]]',
    LIVING,
    TERMS,
  ),
  land: page(
    '{dealVerb} {object}[[ площадью {area}]][[, {landUse}]].[[ Адрес: {address}.]]',
    `[[Коммуникации: ${SUPPLY}.]]`,
    TERMS,
  ),
  garage: page(
    '{dealVerb} {object}[[ площадью {area}]][[, {buildingName}]][[, {inDistrict}]][[, {nearMetro}]].[[ Адрес: {address}.]]',
    '[[Подробности: [[{garageMaterial}]], {hasElectricity?есть электричество}, [[{heating}]], ' +
      '{isSecured?территория охраняется}, [[{garageOwnership}]], [[{parkingKinds}]].]]',
    TERMS,
  ),
  commercial: page(
    '{dealVerb} {object}[[ площадью {area}]][[ {onFloor}]][[, {landUse}]][[, {buildingName}]][[, {inDistrict}]][[, {nearMetro}]].[[ Адрес: {address}.]]',
    '[[Характеристики: [[{commercialCondition}]], [[высота потолков {ceilingHeightM}]], ' +
      '[[электрическая мощность {electricPowerKw}]], [[{entranceFrom}]], {hasSeparateEntrance?отдельный вход}, ' +
      '[[{houseLine}]], {hasFurniture?мебель}, {hasInternet?интернет}, {isSecured?охрана}.]] ' +
      '[[Здание: [[{businessCenterType}]], [[класс {buildingClass}]], [[этажей — {floorsTotal}]], [[{built}]], ' +
      '[[{heating}]], [[{parkingKinds}]], [[машино-мест — {parkingPlacesCount}]].]]',
    TERMS,
  ),
};

export interface TextTemplate {
  readonly name: string;
  readonly text: string;
  /** Ours, because the agency has none that fits. */
  readonly isBuiltIn: boolean;
}

/** The agency's template that fits most closely, the first of several; ours where none fits. */
export function chooseTemplate(listing: Listing, texts: Texts): TextTemplate {
  let chosen: { readonly name: string; readonly text: string } | undefined;
  let closest = -1;
  for (const template of texts.templates) {
    const wishes = (['kind', 'deal', 'commercialType'] as const).filter((field) => template[field] !== undefined);
    if (wishes.length > closest && wishes.every((field) => template[field] === listing[field])) {
      chosen = template;
      closest = wishes.length;
    }
  }
  if (chosen) return { name: chosen.name, text: chosen.text, isBuiltIn: false };
  return { name: `Встроенный: ${describeKind(listing)}`, text: DEFAULT_TEMPLATES[listing.kind], isBuiltIn: true };
}

export interface WrittenText {
  readonly template: TextTemplate;
  readonly computed: readonly ComputedField[];
  /** Empty when the template gives nothing. */
  readonly text: string;
}

/** The description that the agency's settings give a listing. */
export function writeText(listing: Listing, texts: Texts): WrittenText {
  const template = chooseTemplate(listing, texts);
  const computed = computedFields(listing, texts);
  return { template, computed, text: fillTemplate(template.text, listing, computed) };
}
