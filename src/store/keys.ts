import { sameTexts } from '../domain/duplicates.ts';
import type { Listing } from '../domain/listing.ts';
import { hashOf } from './hash.ts';

/** What a listing's stored values are looked up by; written wherever values are. */

export interface ListingKeys {
  readonly duplicateKey: string | null;
  readonly likenessKey: string | null;
}

const keyOf = (text: string | null) => (text === null ? null : hashOf(text));

export function keysOf(values: Listing): ListingKeys {
  const { duplicate, likeness } = sameTexts(values);
  return { duplicateKey: keyOf(duplicate), likenessKey: keyOf(likeness) };
}

/** What `photo_facts` and `photos_key` of a listing depend on, besides the probes. */
const SHOWN = ['photos', 'kind', 'deal', 'market', 'areaM2', 'roomAreaM2', 'landAreaM2', 'floor', 'apartmentNumber']
  .concat(['address', 'isShare', 'shareText'])
  .map((field) => `'${field}'`);
const shown = (column: string) => `(select array_agg(${column} -> f) from unnest(array[${SHOWN.join(',')}]) f)`;

/**
 * The part of an `update listing l set …` that forgets what was summed up of the photos when `values` change in
 * something it depends on; `syncPhotos` finds such listings by their null and sums up anew.
 * @param values SQL of the new values
 */
export const forgetPhotos = (values: string): string =>
  ['photo_facts', 'photos_key']
    .map((column) => `${column} = case when ${shown('l.values')} = ${shown(values)} then l.${column} end`)
    .join(', ');
