import type { Listing } from '../../../domain/listing.ts';
import type { RowOptions, Shape, When } from '../codec.ts';
import { kit } from '../kit.ts';

/**
 * Which of Cian's categories a listing belongs to, and the names of the groups of categories that the rows are for.
 * Sources are the S-keys of the facts file; S2 is Cian's own text of 2023-07 and 2026-09 as reported.
 */

export const { leaf, own, refined, options, repeated, group } = kit('cian');

/** Our commercial types by the category they are told in; a category takes what it truthfully describes. */
export const OFFICE = ['office', 'coworking'] as const;
export const RETAIL = ['retail'] as const;
/** A café, a hotel and a car service have no category of their own; premises of free purpose is always true of them. */
export const FREE = ['free-purpose', 'catering', 'hotel', 'auto-service'] as const;
export const WAREHOUSE = ['warehouse', 'storage-room'] as const;
export const INDUSTRY = ['manufacturing'] as const;
export const BUILDING = ['building'] as const;
export const BUSINESS = ['business'] as const;
export const PLOT = ['land'] as const;

/** Shape of commercial listings of these groups. */
export function commercial(...groups: readonly (readonly string[])[]): Shape {
  return { kind: ['commercial'], commercialType: groups.flat() };
}

export const RENT_DEALS = ['rent', 'daily-rent'];
const NOT_NEW_MARKET = ['resale', undefined];

export const FLAT: Shape = { kind: ['flat'] };
/** newBuildingFlatSale. A share of a new flat is still a share. */
export const NEW_FLAT: Shape = { kind: ['flat'], deal: ['sale'], market: ['new'], isShare: [false, undefined] };
export const FLAT_SHARE: Shape = { kind: ['flat'], deal: ['sale'], isShare: [true] };
const RESALE_FLAT: Shape = { kind: ['flat'], deal: ['sale'], market: NOT_NEW_MARKET, isShare: [false, undefined] };
const RENTED_FLAT: Shape = { kind: ['flat'], deal: RENT_DEALS };
/** Every flat but newBuildingFlatSale. */
export const OLD_FLAT: readonly Shape[] = [RESALE_FLAT, FLAT_SHARE, RENTED_FLAT];
/** The same without flatShareSale. */
export const OLD_WHOLE_FLAT: readonly Shape[] = [RESALE_FLAT, RENTED_FLAT];
export const ROOM: Shape = { kind: ['room', 'bed'] };
export const HOUSE: Shape = { kind: ['house'] };
export const SUBURBAN: Shape = { kind: ['house', 'land'] };
export const GARAGE: Shape = { kind: ['garage'] };
/** A garage or a box: what stands is a building, not a place in one. */
export const GARAGE_BOX: Shape = { kind: ['garage'], garageType: ['garage', 'box', undefined] };
export const HOME_RENT: Shape = { kind: ['flat', 'room', 'bed', 'house'], deal: RENT_DEALS };
export const COMMERCIAL: Shape = { kind: ['commercial'] };
/** Where a price may be per metre, sotka or hectare; elsewhere it is for the whole object. */
export const PRICED_BY_UNIT: readonly Shape[] = [COMMERCIAL, { kind: ['garage'], deal: ['rent'] }];
/** Where the period of payment may be told; elsewhere a rent is per month. */
export const PAID_BY_PERIOD: readonly Shape[] = [{ kind: ['commercial', 'garage'], deal: ['rent'] }];

/** The same shapes for some deals only. */
export function during(when: When, ...deal: readonly string[]): Shape[] {
  return [when].flat().map((shape) => ({ ...(shape as Shape), deal }));
}

/** Grade and source of a row, with what else it needs. */
export function from(source: string, more: RowOptions = {}): RowOptions {
  return {
    grade: /\bS[12]\b/.test(source) ? 'official' : /\bS(5|16|17)\b/.test(source) ? 'production' : 'code',
    source,
    ...more,
  };
}

type Told = Pick<Partial<Listing>, 'kind' | 'deal' | 'market' | 'isShare' | 'houseType' | 'commercialType'>;

const sale = 'sale';
const rent = 'rent';
const daily = 'daily-rent';

/** Section 2 of the facts file: the category's word and what it says about the listing. */
export const CATEGORIES: ReadonlyMap<string, Told> = new Map<string, Told>([
  ['flatSale', { kind: 'flat', deal: sale, market: 'resale' }],
  ['newBuildingFlatSale', { kind: 'flat', deal: sale, market: 'new' }],
  ['flatShareSale', { kind: 'flat', deal: sale, isShare: true }],
  ['flatRent', { kind: 'flat', deal: rent }],
  ['dailyFlatRent', { kind: 'flat', deal: daily }],
  ['roomSale', { kind: 'room', deal: sale }],
  ['roomRent', { kind: 'room', deal: rent }],
  ['dailyRoomRent', { kind: 'room', deal: daily }],
  ['bedRent', { kind: 'bed', deal: rent }],
  ['dailyBedRent', { kind: 'bed', deal: daily }],
  ['houseSale', { kind: 'house', deal: sale, houseType: 'house' }],
  ['houseRent', { kind: 'house', deal: rent, houseType: 'house' }],
  ['dailyHouseRent', { kind: 'house', deal: daily, houseType: 'house' }],
  ['cottageSale', { kind: 'house', deal: sale, houseType: 'cottage' }],
  ['cottageRent', { kind: 'house', deal: rent, houseType: 'cottage' }],
  ['townhouseSale', { kind: 'house', deal: sale, houseType: 'townhouse' }],
  ['townhouseRent', { kind: 'house', deal: rent, houseType: 'townhouse' }],
  ['houseShareSale', { kind: 'house', deal: sale, houseType: 'part' }],
  ['houseShareRent', { kind: 'house', deal: rent, houseType: 'part' }],
  ['landSale', { kind: 'land', deal: sale }],
  ['garageSale', { kind: 'garage', deal: sale }],
  ['garageRent', { kind: 'garage', deal: rent }],
  ...(
    [
      ['office', 'office'],
      ['shoppingArea', 'retail'],
      ['freeAppointmentObject', 'free-purpose'],
      ['warehouse', 'warehouse'],
      ['industry', 'manufacturing'],
      ['building', 'building'],
      ['business', 'business'],
      ['commercialLand', 'land'],
    ] as const
  ).flatMap(([stem, commercialType]): [string, Told][] => [
    [`${stem}Sale`, { kind: 'commercial', deal: sale, commercialType }],
    [`${stem}Rent`, { kind: 'commercial', deal: rent, commercialType }],
  ]),
]);

/** Words of bad feeds that are not categories of Cian, but say plainly what is meant. Read, never written. */
export const MISTAKEN_CATEGORIES: ReadonlyMap<string, Told & { isApartments?: boolean }> = new Map([
  ['apartmentsSale', { kind: 'flat', deal: sale, market: 'resale', isApartments: true }],
]);

const HOUSE_STEMS: Record<string, string> = {
  cottage: 'cottage',
  townhouse: 'townhouse',
  // A duplex is a house of two blocks, each with its own entrance and plot: what Cian calls a townhouse.
  duplex: 'townhouse',
  part: 'houseShare',
};

const COMMERCIAL_STEMS = new Map<string, string>([
  ...OFFICE.map((type) => [type, 'office'] as const),
  ...RETAIL.map((type) => [type, 'shoppingArea'] as const),
  ...FREE.map((type) => [type, 'freeAppointmentObject'] as const),
  ...WAREHOUSE.map((type) => [type, 'warehouse'] as const),
  ...INDUSTRY.map((type) => [type, 'industry'] as const),
  ...BUILDING.map((type) => [type, 'building'] as const),
  ...BUSINESS.map((type) => [type, 'business'] as const),
  ...PLOT.map((type) => [type, 'commercialLand'] as const),
]);

function stemOf(listing: Partial<Listing>): string | undefined {
  switch (listing.kind) {
    case 'flat':
      if (listing.deal !== 'sale') return 'flat';
      return listing.isShare ? 'flatShare' : listing.market === 'new' ? 'newBuildingFlat' : 'flat';
    case 'house': {
      const stem = listing.isShare ? 'houseShare' : (HOUSE_STEMS[listing.houseType ?? ''] ?? 'house');
      // By the day there is one category for a whole house of any sort, and none for a part of one.
      return listing.deal === 'daily-rent' && stem !== 'houseShare' ? 'house' : stem;
    }
    case 'commercial':
      return COMMERCIAL_STEMS.get(listing.commercialType ?? '');
    default:
      return listing.kind;
  }
}

/**
 * Cian's category of a listing, or undefined where Cian has none: rent of a plot, a garage or an office by the day,
 * sale of a bed, a legal address.
 */
export function categoryOf(listing: Partial<Listing>): string | undefined {
  const stem = stemOf(listing);
  if (stem === undefined) return undefined;
  const word =
    listing.deal === 'daily-rent'
      ? `daily${stem[0]!.toUpperCase()}${stem.slice(1)}Rent`
      : `${stem}${listing.deal === 'sale' ? 'Sale' : 'Rent'}`;
  return CATEGORIES.has(word) ? word : undefined;
}
