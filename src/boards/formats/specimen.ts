import { COMMERCIAL_TYPES, DEALS, type Family, GARAGE_TYPES, HOUSE_TYPES, type Listing } from '../../domain/listing.ts';
import { type Codec, matches, type Row, type Shape } from './codec.ts';

/**
 * Specimens: listings put together from the samples of a table's rows. The coverage count, the laws and the mutants
 * walk every row with them, so a row is proven by being in the table.
 */

type ShapeKey = keyof Shape;
const SHAPE_KEYS: readonly ShapeKey[] = [
  'kind',
  'deal',
  'market',
  'houseType',
  'garageType',
  'commercialType',
  'isShare',
];

/** The part of a listing that decides which rows apply. */
export type ListingShape = Pick<Listing, 'kind' | 'deal'> & Pick<Partial<Listing>, Exclude<ShapeKey, 'kind' | 'deal'>>;

function* allShapes(): Generator<ListingShape> {
  for (const deal of DEALS) {
    for (const market of ['resale', 'new', undefined] as const) {
      const told = market === undefined ? {} : { market };
      yield { kind: 'flat', deal, ...told };
      yield { kind: 'flat', deal, ...told, isShare: true };
      for (const houseType of HOUSE_TYPES) yield { kind: 'house', deal, houseType, ...told };
    }
    yield { kind: 'room', deal };
    yield { kind: 'room', deal, isShare: true };
    yield { kind: 'bed', deal };
    for (const houseType of HOUSE_TYPES) yield { kind: 'house', deal, houseType, isShare: true };
    yield { kind: 'land', deal };
    for (const garageType of GARAGE_TYPES) yield { kind: 'garage', deal, garageType };
    for (const commercialType of COMMERCIAL_TYPES) yield { kind: 'commercial', deal, commercialType };
  }
}

/** Every sensible shape of a listing, the plainest first. */
export const SHAPES: readonly ListingShape[] = [...allShapes()];

/** The shapes that a family has words for and reads back as they were. */
export function shapesOf(codec: Codec): readonly ListingShape[] {
  let known = carried.get(codec.family);
  if (!known) {
    known = SHAPES.filter((shape) => {
      const kept = codec.project({ externalId: '1', ...shape }) as Record<string, unknown>;
      return SHAPE_KEYS.every(
        (key) =>
          (kept[key] ?? undefined) === (shape[key] ?? undefined) ||
          (shape[key] === undefined && kept[key] !== undefined),
      );
    });
    carried.set(codec.family, known);
  }
  return known;
}
const carried = new Map<Family, readonly ListingShape[]>();

/** One listing laid over another: what the upper one tells wins, family fields are merged key by key. */
export function overlay<T extends Partial<Listing>>(lower: T, upper: Partial<Listing>): T & Partial<Listing> {
  const result: Partial<Listing> = { ...lower, ...upper };
  if (lower.boardFields && upper.boardFields) {
    const fields: Record<string, Record<string, unknown>> = { ...lower.boardFields };
    for (const [family, own] of Object.entries(upper.boardFields)) fields[family] = { ...fields[family], ...own };
    result.boardFields = fields;
  }
  return result as T & Partial<Listing>;
}

/** The shape of a listing laid over with a sample, when the family and the row accept it so. */
function shapeWith(codec: Codec, row: Row, shape: ListingShape, sample: Partial<Listing>): boolean {
  const merged = { ...shape } as Record<string, unknown>;
  for (const key of SHAPE_KEYS) if (sample[key] !== undefined) merged[key] = sample[key];
  if (!matches(row.when, merged)) return false;
  return SHAPE_KEYS.every((key) => sample[key] === undefined || sample[key] === shape[key]) || codec.rows[0] === row;
}

export interface Specimen {
  readonly listing: Listing;
  readonly sample: Partial<Listing>;
}

/**
 * Each sample of a row on a bare listing of a shape that the row is meant for.
 * @param shapesEach how many different shapes are tried for one sample
 */
export function specimens(codec: Codec, row: Row, shapesEach = 1): Specimen[] {
  const found: Specimen[] = [];
  const samples = row.samples.length === 0 ? [{}] : row.samples;
  for (const sample of samples) {
    const fitting = shapesOf(codec).filter((shape) => shapeWith(codec, row, shape, sample));
    // Evenly over the list, not only its beginning.
    const step = Math.max(1, Math.floor(fitting.length / shapesEach));
    for (let index = 0; index < fitting.length && index / step < shapesEach; index += step) {
      found.push({ listing: overlay({ externalId: 'A-1', ...fitting[index]! } as Listing, sample) as Listing, sample });
    }
  }
  return found;
}

/**
 * A listing of a shape that fills every row meant for it: each row gives its sample number `variant` (or its last
 * one) that does not contradict what earlier rows told.
 */
export function richListing(codec: Codec, shape: ListingShape, variant = 0): Listing {
  let listing: Listing = { externalId: 'A-1', ...shape };
  for (const row of codec.rowsFor(listing)) {
    const fitting = row.samples.filter((sample) =>
      agrees(listing, sample, row === codec.rows[0] || row.fields.includes('externalId')),
    );
    const sample = fitting[Math.min(variant, fitting.length - 1)];
    if (sample) listing = overlay(sample as Listing, listing) as Listing;
  }
  return listing;
}

function agrees(listing: Listing, sample: Partial<Listing>, isShapeRow: boolean): boolean {
  if (isShapeRow) return false;
  return Object.entries(sample).every(([field, value]) => {
    const told = (listing as Record<string, unknown>)[field];
    if (field === 'boardFields' || told === undefined) return !SHAPE_KEYS.includes(field as ShapeKey);
    return JSON.stringify(told) === JSON.stringify(value);
  });
}
