import { maskPhones } from '../domain/phones.ts';
import { mayDo, reachOf } from '../domain/rights.ts';
import { placesOfListings } from '../store/access.ts';
import type { Ask } from './api.ts';

/** Rows about listings, with the numbers in their texts masked where the person may not see those of the listing. */
export async function veiled<T>(
  { db, agencyId, caller }: Ask<unknown, unknown, unknown>,
  rows: readonly T[],
  idOf: (row: T) => number,
): Promise<T[]> {
  if (reachOf(caller, 'see-phones').isAll) return [...rows];
  const places = await placesOfListings(db.pool, agencyId, rows.map(idOf));
  return rows.map((row) => (mayDo(caller, 'see-phones', places.get(idOf(row))!) ? row : maskPhones(row)));
}
