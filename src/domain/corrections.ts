import type { Family, Listing } from './listing.ts';

/**
 * A person's correction lies over the source's value and survives re-import. When the source itself changes the
 * field later, both are kept, the correction stays in force, and a person chooses.
 */
export interface Correction {
  /** null: the field is to be empty. */
  readonly value: unknown;
  /** What the source said when the correction was made; null where it said nothing. */
  readonly basis: unknown;
  readonly by: string;
  /** ISO 8601. */
  readonly at: string;
}

/** By field; a family's own field is `avito:AdStatus`. */
export type Corrections = Record<string, Correction>;

/** The value of a field, or null. */
export function fieldValue(listing: Partial<Listing>, field: string): unknown {
  const [family, ...path] = field.split(':');
  const value =
    path.length > 0
      ? listing.boardFields?.[family as Family]?.[path.join(':')]
      : (listing as Record<string, unknown>)[field];
  return value ?? null;
}

/** The listing with a field set, or without it where the value is null. Nothing is changed in place. */
export function withField(listing: Listing, field: string, value: unknown): Listing {
  const [family, ...rest] = field.split(':');
  if (rest.length === 0) {
    const copy: Record<string, unknown> = { ...listing };
    if (value === null) delete copy[field];
    else copy[field] = value;
    return copy as Listing;
  }
  const own: Record<string, unknown> = { ...listing.boardFields?.[family as Family] };
  if (value === null) delete own[rest.join(':')];
  else own[rest.join(':')] = value;
  return { ...listing, boardFields: { ...listing.boardFields, [family!]: own } };
}

/** What the gates judge and the feeds carry: the source's values under the corrections. */
export function effective(source: Listing, corrections: Corrections): Listing {
  return Object.entries(corrections).reduce((listing, [field, { value }]) => withField(listing, field, value), source);
}

/** Fields that a person corrected and the source changed since: somebody has to choose. */
export function conflicts(source: Listing, corrections: Corrections): string[] {
  return Object.entries(corrections)
    .filter(([field, { basis }]) => canonicalJson(fieldValue(source, field)) !== canonicalJson(basis))
    .map(([field]) => field);
}

/** JSON with sorted keys: equal values give equal text, whatever order they were built in. */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const entries = Object.entries(value).filter(([, part]) => part !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, part]) => `${JSON.stringify(key)}:${canonicalJson(part)}`).join(',')}}`;
}
