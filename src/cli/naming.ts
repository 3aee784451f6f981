import { Refusal } from '../domain/fault.ts';
import { agree, formatNumber } from '../domain/text.ts';
import type { Database } from '../store/database.ts';
import { findListings, type ListingRow } from '../store/marks.ts';
import { EXIT } from './context.ts';

/** What several commands ask of a listing's name. */

export const DEFAULT_CABINET = 'main';

export const objects = (count: number) => `${formatNumber(count)} ${agree(count, 'объект', 'объекта', 'объектов')}`;

/** The listing a person means: by our number or by the source's. @throws Refusal when there is none, or several */
export async function oneListing(db: Database, agencyId: number, name: string): Promise<ListingRow> {
  const found = await findListings(db, agencyId, name);
  const byExternal = found.filter((row) => row.externalId === name);
  if (byExternal.length > 1) {
    throw new Refusal(
      'listing-ambiguous',
      `Номер «${name}» есть в нескольких источниках. Наши номера: ${byExternal.map((row) => row.id).join(', ')}.`,
      EXIT.usage,
    );
  }
  if (!found[0]) throw new Refusal('listing-unknown', `Объекта «${name}» нет.`, EXIT.usage);
  return found[0];
}
