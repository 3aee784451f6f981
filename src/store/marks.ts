import type { Corrections } from '../domain/corrections.ts';
import { Refusal } from '../domain/fault.ts';
import type { Outcome } from '../domain/gates.ts';
import type { Listing } from '../domain/listing.ts';
import type { Database } from './database.ts';

/** Marks: wishes to have a listing on a board. */

/**
 * Marks listings for a cabinet; listings that are marked already stay as they are. The id at the board is given here
 * and never changes: the source's own number, with a suffix when another listing of the cabinet has taken it.
 * @param listingIds all listings of the agency when absent
 * @param boardOfferId the id under which the one listing stands at the board already
 * @returns how many marks are new or live again
 */
export async function markListings(
  db: Database,
  agencyId: number,
  cabinetId: number,
  listingIds: readonly number[] | undefined,
  now: Date,
  boardOfferId?: string,
): Promise<number> {
  const client = await db.pool.connect();
  try {
    await client.query('begin');
    await client.query('select 1 from cabinet where agency_id = $1 and id = $2 for share', [agencyId, cabinetId]);
    const again = await client.query(
      `update mark set is_live = true, marked_at = $4, unmarked_at = null, unmarked_fence = null
       where agency_id = $1 and cabinet_id = $2 and not is_live and ($3::bigint[] is null or listing_id = any($3))`,
      [agencyId, cabinetId, listingIds ?? null, now],
    );
    let fresh = 0;
    // Read first and insert after: one statement for both would look through what it is inserting, again and again.
    const unmarked = await client.query<{ id: number }>(
      `select l.id from listing l left join mark m on m.agency_id = l.agency_id and m.cabinet_id = $2 and m.listing_id = l.id
       where l.agency_id = $1 and ($3::bigint[] is null or l.id = any($3)) and m.listing_id is null order by l.id`,
      [agencyId, cabinetId, listingIds ?? null],
    );
    let left = unmarked.rows.map((row) => row.id);
    for (let attempt = 0; left.length > 0; attempt++) {
      // The source's own number; our number behind it when another listing of the cabinet has that; then a counter.
      const suffix = attempt === 0 ? `''` : attempt === 1 ? `'-' || l.id` : `'-' || l.id || '-${attempt}'`;
      const made = await client.query<{ id: number }>(
        `insert into mark (agency_id, cabinet_id, listing_id, marked_at, board_offer_id)
         select $1, $2, l.id, $4, coalesce($5, l.external_id || ${suffix})
         from unnest($3::bigint[]) with ordinality as wanted(id, place)
         join listing l on l.agency_id = $1 and l.id = wanted.id order by wanted.place
         on conflict do nothing returning listing_id as id`,
        [agencyId, cabinetId, left, now, boardOfferId ?? null],
      );
      fresh += made.rows.length;
      const done = new Set(made.rows.map((row) => row.id));
      left = left.filter((id) => !done.has(id));
      if (left.length > 0 && boardOfferId !== undefined) {
        throw new Refusal('board-id-taken', `Под номером «${boardOfferId}» на этой доске уже стоит другой объект.`);
      }
    }
    if (boardOfferId !== undefined) {
      const given = await client.query<{ id: string }>(
        'select board_offer_id as id from mark where agency_id = $1 and cabinet_id = $2 and listing_id = any($3)',
        [agencyId, cabinetId, listingIds],
      );
      const id = given.rows[0]?.id;
      if (id !== boardOfferId) {
        throw new Refusal(
          'board-id-given',
          `Объект уже стоит на этой доске под номером «${id}», и номер не меняется: доска сочла бы объявление новым.`,
        );
      }
    }
    await client.query('commit');
    client.release();
    return (again.rowCount ?? 0) + fresh;
  } catch (error) {
    await client.query('rollback').catch(() => {});
    client.release(error instanceof Refusal ? undefined : (error as Error));
    throw error;
  }
}

/** Takes marks off. The rows stay: the id at the board must be the same when the listing comes back. */
export async function unmarkListings(
  db: Database,
  agencyId: number,
  cabinetId: number,
  listingIds: readonly number[] | undefined,
  now: Date,
): Promise<number> {
  const client = await db.pool.connect();
  try {
    await client.query('begin');
    // A run that starts waits for us; a run that is under way finds the number it must not serve (commitRun).
    const fence = await client.query<{ fence: number }>(
      'select fence from cabinet where agency_id = $1 and id = $2 for share',
      [agencyId, cabinetId],
    );
    const done = await client.query(
      `update mark set is_live = false, unmarked_at = $4, unmarked_fence = $5
       where agency_id = $1 and cabinet_id = $2 and is_live and ($3::bigint[] is null or listing_id = any($3))`,
      [agencyId, cabinetId, listingIds ?? null, now, fence.rows[0]!.fence],
    );
    await client.query('commit');
    client.release();
    return done.rowCount ?? 0;
  } catch (error) {
    await client.query('rollback').catch(() => {});
    client.release(error as Error);
    throw error;
  }
}

/** Keeps the number that Avito itself gave to an advert, so the board does not see a new one. */
export async function keepAvitoId(
  db: Database,
  agencyId: number,
  cabinetId: number,
  listingId: number,
  avitoId: number,
): Promise<void> {
  await db.pool.query('update mark set avito_id = $4 where agency_id = $1 and cabinet_id = $2 and listing_id = $3', [
    agencyId,
    cabinetId,
    listingId,
    avitoId,
  ]);
}

export interface ListingRow {
  readonly agencyId: number;
  readonly id: number;
  readonly externalId: string;
  readonly values: Listing;
  readonly sourceValues: Listing;
  readonly corrections: Corrections;
  readonly goneAt: Date | null;
  readonly firstSeenAt: Date;
  readonly employee: {
    readonly name: string;
    readonly phones: readonly string[];
    readonly email: string | null;
  } | null;
}

const LISTING = `select l.agency_id as "agencyId", l.id, l.external_id as "externalId", l.values, l.source_values as "sourceValues",
  l.corrections, l.gone_at as "goneAt", l.first_seen_at as "firstSeenAt",
  case when e.id is null then null else jsonb_build_object('name', e.name, 'phones', e.phones, 'email', e.email) end as employee
  from listing l left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id`;

/** Listings by our number or by the source's one; the source's number may be in several sources. */
export async function findListings(db: Database, agencyId: number, name: string): Promise<ListingRow[]> {
  const number = /^\d{1,15}$/.test(name) ? Number(name) : null;
  const found = await db.pool.query<ListingRow>(
    `${LISTING} where l.agency_id = $1 and (l.external_id = $2 or l.id = $3) order by (l.external_id = $2) desc, l.id`,
    [agencyId, name, number],
  );
  return found.rows;
}

/** All listings of an agency in the order of their numbers, in batches. */
export async function* eachListing(db: Database, agencyId: number, batch = 500): AsyncGenerator<ListingRow[]> {
  for (let after = 0; ; ) {
    const found = await db.pool.query<ListingRow>(
      `${LISTING} where l.agency_id = $1 and l.id > $2 order by l.id limit $3`,
      [agencyId, after, batch],
    );
    if (found.rows.length === 0) return;
    yield found.rows;
    after = found.rows.at(-1)!.id;
  }
}

export interface MarkRow {
  readonly cabinetId: number;
  readonly listingId: number;
  readonly isLive: boolean;
  readonly boardOfferId: string;
  readonly avitoId: number | null;
  readonly outcome: Outcome | null;
  readonly notices: readonly { readonly code: string; readonly message: string }[] | null;
  readonly decidedAt: Date | null;
}

/** The marks of one listing, in every cabinet. */
export async function marksOf(db: Database, agencyId: number, listingId: number): Promise<MarkRow[]> {
  const found = await db.pool.query<MarkRow>(
    `select cabinet_id as "cabinetId", listing_id as "listingId", is_live as "isLive", board_offer_id as "boardOfferId",
       avito_id as "avitoId", outcome, notices, decided_at as "decidedAt"
     from mark where agency_id = $1 and listing_id = $2 order by cabinet_id`,
    [agencyId, listingId],
  );
  return found.rows;
}

/** Writes corrections and what follows from them, if the listing is still the one that was read. */
export async function saveCorrections(
  db: Database,
  row: Pick<ListingRow, 'agencyId' | 'id'>,
  next: {
    readonly corrections: unknown;
    readonly values: Listing;
    readonly valuesHash: string;
    readonly wasHash: string;
  },
  now: Date,
): Promise<boolean> {
  const done = await db.pool.query(
    `update listing set corrections = $3, values = $4, values_hash = $5, changed_at = $6
     where agency_id = $1 and id = $2 and values_hash = $7`,
    [
      row.agencyId,
      row.id,
      JSON.stringify(next.corrections),
      JSON.stringify(next.values),
      next.valuesHash,
      now,
      next.wasHash,
    ],
  );
  return done.rowCount === 1;
}
