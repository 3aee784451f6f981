import { type Field, type Listing, ListingSchema, type PlainField } from './listing.ts';
import { formatKopecks } from './money.ts';
import { formatNumber } from './text.ts';
import { wordFor } from './words.ts';

/** The listing as a form: which fields stand together, what they are called and what may be put into them. */

export interface FieldGroup {
  readonly id: string;
  readonly title: string;
  readonly fields: readonly PlainField[];
}

/** Every field of the model but the number and the block of family fields, each in one group. */
export const FIELD_GROUPS: readonly FieldGroup[] = [
  {
    id: 'main',
    title: 'Главное',
    fields: [
      'kind',
      'deal',
      'market',
      'houseType',
      'garageType',
      'commercialType',
      'isShare',
      'shareText',
      'title',
      'description',
    ],
  },
  {
    id: 'place',
    title: 'Адрес',
    fields: [
      'address',
      'region',
      'district',
      'locality',
      'subLocality',
      'settlementName',
      'apartmentNumber',
      'cadastralNumber',
      'latitude',
      'longitude',
      'metro',
    ],
  },
  {
    id: 'price',
    title: 'Цена и сделка',
    fields: [
      'priceKopecks',
      'currency',
      'priceUnit',
      'rentPeriod',
      'isBargainAllowed',
      'isMortgageAllowed',
      'vat',
      'saleType',
      'contractType',
      'leaseType',
      'depositKopecks',
      'depositMonths',
      'commissionPercent',
      'prepayMonths',
      'minLeaseMonths',
      'areUtilitiesIncluded',
      'areMetersPaidByTenant',
      'utilitiesKopecks',
    ],
  },
  {
    id: 'size',
    title: 'Площадь и планировка',
    fields: [
      'areaM2',
      'livingAreaM2',
      'kitchenAreaM2',
      'roomAreaM2',
      'roomsCount',
      'isStudio',
      'isOpenPlan',
      'roomsOffered',
      'roomLayout',
      'floor',
      'floorsTotal',
      'ceilingHeightM',
      'bedsCount',
      'balconiesCount',
      'loggiasCount',
      'combinedBathrooms',
      'separateBathrooms',
      'toiletPlace',
      'windowViews',
      'isApartments',
    ],
  },
  {
    id: 'condition',
    title: 'Отделка и обстановка',
    fields: [
      'renovation',
      'decoration',
      'commercialCondition',
      'hasFurniture',
      'hasKitchenFurniture',
      'hasInternet',
      'hasTv',
      'hasWasher',
      'hasDishwasher',
      'hasFridge',
      'hasAirConditioner',
      'hasPhoneLine',
      'petsAllowed',
      'childrenAllowed',
    ],
  },
  {
    id: 'building',
    title: 'Дом и здание',
    fields: [
      'builtYear',
      'readyQuarter',
      'buildingName',
      'buildingSeries',
      'wallMaterial',
      'passengerLifts',
      'freightLifts',
      'hasGarbageChute',
      'hasConcierge',
      'parkingKinds',
      'parkingPlacesCount',
      'heating',
      'businessCenterType',
      'buildingClass',
      'entranceFrom',
      'hasSeparateEntrance',
      'houseLine',
    ],
  },
  {
    id: 'land',
    title: 'Участок и удобства',
    fields: [
      'landAreaM2',
      'landAreaUnit',
      'landStatus',
      'hasElectricity',
      'electricPowerKw',
      'hasGas',
      'gasSupply',
      'hasWater',
      'waterSupply',
      'hasSewerage',
      'sewerage',
      'hasBathhouse',
      'hasPool',
      'hasGarage',
      'hasTerrace',
    ],
  },
  { id: 'garage', title: 'Гараж', fields: ['garageMaterial', 'garageOwnership', 'isSecured'] },
  {
    id: 'contact',
    title: 'Контакт',
    fields: ['sellerRole', 'contactName', 'contactPhones', 'contactEmail', 'organization'],
  },
  { id: 'media', title: 'Фото и видео', fields: ['photos', 'videoUrl', 'tourUrl'] },
  { id: 'dates', title: 'Даты источника', fields: ['createdAt', 'updatedAt'] },
];

/** Fields that every listing has a use for, whatever a format says. */
export const ALWAYS_MEANT: ReadonlySet<string> = new Set<Field>([
  'kind',
  'deal',
  'title',
  'description',
  'address',
  'priceKopecks',
  'contactName',
  'contactPhones',
  'photos',
]);

const LIVING = ['flat', 'room', 'bed', 'house'];
const LETTING = ['rent', 'daily-rent'];
const ONLY_FOR: Readonly<
  Partial<Record<Field, { readonly kinds?: readonly string[]; readonly deals?: readonly string[] }>>
> = {
  market: { kinds: ['flat', 'room', 'house', 'commercial', 'garage'], deals: ['sale'] },
  houseType: { kinds: ['house'] },
  garageType: { kinds: ['garage'] },
  commercialType: { kinds: ['commercial'] },
  isShare: { kinds: ['flat', 'house', 'room'], deals: ['sale'] },
  shareText: { kinds: ['flat', 'house', 'room'], deals: ['sale'] },
  apartmentNumber: { kinds: ['flat', 'room', 'bed', 'commercial'] },
  settlementName: { kinds: ['house', 'land'] },
  rentPeriod: { kinds: ['commercial'], deals: ['rent'] },
  isMortgageAllowed: { deals: ['sale'] },
  saleType: { deals: ['sale'] },
  vat: { kinds: ['commercial', 'garage', 'land'] },
  contractType: { kinds: ['commercial'] },
  leaseType: { kinds: ['commercial'], deals: ['rent'] },
  depositKopecks: { deals: LETTING },
  depositMonths: { deals: LETTING },
  prepayMonths: { deals: LETTING },
  minLeaseMonths: { deals: ['rent'] },
  areUtilitiesIncluded: { deals: LETTING },
  areMetersPaidByTenant: { deals: LETTING },
  utilitiesKopecks: { deals: LETTING },
  livingAreaM2: { kinds: LIVING },
  kitchenAreaM2: { kinds: LIVING },
  roomAreaM2: { kinds: ['room', 'bed'] },
  isStudio: { kinds: ['flat'] },
  isOpenPlan: { kinds: ['flat', 'commercial'] },
  roomsOffered: { kinds: ['room', 'bed'] },
  roomLayout: { kinds: ['flat', 'room'] },
  floor: { kinds: ['flat', 'room', 'bed', 'commercial', 'garage'] },
  bedsCount: { kinds: LIVING, deals: LETTING },
  balconiesCount: { kinds: ['flat', 'room', 'bed'] },
  loggiasCount: { kinds: ['flat', 'room', 'bed'] },
  isApartments: { kinds: ['flat'] },
  toiletPlace: { kinds: ['house'] },
  landAreaM2: { kinds: ['house', 'land', 'commercial'] },
  landAreaUnit: { kinds: ['house', 'land', 'commercial'] },
  landStatus: { kinds: ['house', 'land', 'commercial'] },
  garageMaterial: { kinds: ['garage'] },
  garageOwnership: { kinds: ['garage'] },
  petsAllowed: { deals: LETTING },
  childrenAllowed: { deals: LETTING },
  commercialCondition: { kinds: ['commercial'] },
  businessCenterType: { kinds: ['commercial'] },
  buildingClass: { kinds: ['commercial'] },
  entranceFrom: { kinds: ['commercial'] },
  houseLine: { kinds: ['commercial'] },
  electricPowerKw: { kinds: ['commercial', 'house', 'land'] },
};

/** Does the field say anything of such a listing at all, whatever a format has room for? */
export function isSense(field: string, { kind, deal }: Partial<Pick<Listing, 'kind' | 'deal'>>): boolean {
  const only = ONLY_FOR[field as Field];
  return (
    (only?.kinds === undefined || kind === undefined || only.kinds.includes(kind)) &&
    (only?.deals === undefined || deal === undefined || only.deals.includes(deal))
  );
}

export const FORM_TYPES = [
  'text',
  'long-text',
  'integer',
  'number',
  'money',
  'flag',
  'choice',
  'choices',
  'phones',
  'texts',
  'metro',
  'photos',
  'moment',
  'block',
] as const;
export type FormType = (typeof FORM_TYPES)[number];

export interface Choice {
  readonly value: string;
  readonly label: string;
}

/** What may be put into a field. */
export interface FieldForm {
  readonly type: FormType;
  /** «м²», «₽». */
  readonly unit?: string;
  readonly choices?: readonly Choice[];
  readonly min?: number;
  readonly max?: number;
  /** The value must be larger than this, not equal. */
  readonly moreThan?: number;
  readonly charsMax?: number;
}

interface Node {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly items?: Node;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly maxLength?: number;
  readonly description?: string;
}

/** Words of lists that no running text tells, and of values that say nothing there. */
const FORM_WORDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  currency: { RUB: 'рубли', USD: 'доллары', EUR: 'евро' },
  priceUnit: { total: 'весь объект', m2: 'м²', sotka: 'сотку', hectare: 'гектар' },
  landAreaUnit: { m2: 'м²', sotka: 'сотки', hectare: 'гектары' },
  heating: { no: 'отопления нет', other: 'другое' },
};

/** What a value of a closed list is called in a form: never empty. */
export function choiceLabel(field: string, value: string): string {
  return FORM_WORDS[field]?.[value] ?? (wordFor(field, value) || (value === 'other' ? 'другое' : value));
}

const choicesOf = (field: string, values: readonly string[]): Choice[] =>
  values.map((value) => ({ value, label: choiceLabel(field, value) }));

const UNITS: Readonly<Record<string, string>> = { ceilingHeightM: 'м', electricPowerKw: 'кВт', commissionPercent: '%' };

/** The form of a field of the model. */
export function formOf(field: PlainField): FieldForm {
  const node = ListingSchema.properties[field] as Node;
  if (field === 'photos' || field === 'metro') return { type: field };
  if (field === 'contactPhones') return { type: 'phones' };
  if (field === 'createdAt' || field === 'updatedAt') return { type: 'moment' };
  if (field === 'description') return { type: 'long-text', charsMax: node.maxLength! };
  if (node.enum) return { type: 'choice', choices: choicesOf(field, node.enum) };
  if (node.items?.enum) return { type: 'choices', choices: choicesOf(field, node.items.enum) };
  if (node.type === 'boolean') return { type: 'flag' };
  if (node.type === 'string') return { type: 'text', charsMax: node.maxLength! };
  const unit = node.description === 'копейки' ? '₽' : (node.description ?? UNITS[field]);
  return {
    type: unit === '₽' ? 'money' : node.type === 'integer' ? 'integer' : 'number',
    ...(unit !== undefined && { unit }),
    ...(node.minimum !== undefined && { min: node.minimum }),
    ...(node.maximum !== undefined && { max: node.maximum }),
    ...(node.exclusiveMinimum !== undefined && { moreThan: node.exclusiveMinimum }),
  };
}

const CHARS_TOLD = 80;

/** A value as people read it: «9 800 000 ₽», «54,3 м²», «да», «кирпич», «9 фото». */
export function tellField(field: string, value: unknown): string {
  if (value === null || value === undefined) return 'пусто';
  if (typeof value === 'boolean') return value ? 'да' : 'нет';
  if (field === 'photos') {
    const count = Array.isArray(value) ? value.length : Number((value as { count?: unknown }).count ?? 0);
    return `${formatNumber(count)} фото`;
  }
  if (typeof value === 'number') {
    if (field.endsWith('Kopecks')) return formatKopecks(value);
    return `${formatNumber(value)}${field.endsWith('M2') ? ' м²' : ''}`;
  }
  if (typeof value === 'string') {
    const word = choiceLabel(field, value);
    return word.length > CHARS_TOLD ? `«${word.slice(0, CHARS_TOLD)}…»` : word;
  }
  if (Array.isArray(value)) return value.map((part) => tellPart(field, part)).join(', ');
  return JSON.stringify(value).slice(0, CHARS_TOLD);
}

function tellPart(field: string, part: unknown): string {
  if (typeof part === 'string') return choiceLabel(field, part);
  const { name } = (part ?? {}) as { name?: unknown };
  return typeof name === 'string' ? name : JSON.stringify(part);
}
