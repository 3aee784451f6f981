import { sameTexts } from '../domain/duplicates.ts';
import type { Listing } from '../domain/listing.ts';
import type { Queryable } from './database.ts';
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

/** Fields that say nothing of the property: a CRM that dates every export anew, or another number, confirms nothing. */
export const CONTACTS_AND_DATES = ['updatedAt', 'createdAt', 'contactName', 'contactPhones', 'contactEmail'];

/**
 * When a listing was last changed by somebody, after its values changed.
 * @param now @param before @param after SQL of the moment and of the values
 */
export const freshAfter = (now: string, before: string, after: string): string => {
  const fields = `array[${CONTACTS_AND_DATES.map((field) => `'${field}'`).join(',')}]`;
  return `case when (${before} - ${fields}) is distinct from (${after} - ${fields}) then ${now} else l.fresh_at end`;
};

/** Listings a batch. */
const BATCH = 500;

/**
 * Computes the keys of duplicates for listings that have none, as all have after the migration that brought the keys.
 * A flat without a number has no key for good; looking at it once more costs little.
 */
export async function fillKeys(client: Queryable): Promise<void> {
  for (let after = 0; ; ) {
    const found = await client.query<{ agencyId: number; id: number; values: Listing }>(
      `select agency_id as "agencyId", id, values from listing where id > $1 and duplicate_key is null and likeness_key is null order by id limit ${BATCH}`,
      [after],
    );
    if (found.rows.length === 0) return;
    after = found.rows.at(-1)!.id;
    const keys = found.rows.map(({ values }) => keysOf(values));
    await client.query(
      `update listing l set duplicate_key = k.duplicate, likeness_key = k.likeness
       from unnest($1::int[], $2::bigint[], $3::text[], $4::text[]) as k(agency_id, id, duplicate, likeness)
       where l.agency_id = k.agency_id and l.id = k.id`,
      [
        found.rows.map(({ agencyId }) => agencyId),
        found.rows.map(({ id }) => id),
        keys.map(({ duplicateKey }) => duplicateKey),
        keys.map(({ likenessKey }) => likenessKey),
      ],
    );
  }
}
