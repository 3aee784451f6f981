import type { Calendar } from '../domain/calendar.ts';
import { Refusal } from '../domain/fault.ts';
import type { Family } from '../domain/listing.ts';
import type { CabinetSettings } from '../domain/settings.ts';
import type { NewCabinet } from './agencies.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { makeDue } from './due.ts';
import { record } from './journal.ts';

/** Cabinets as administrators make and change them. */

/**
 * A cabinet of a person's own making, before anything is marked for it.
 * @throws Refusal `cabinet-known`
 */
export function addCabinet(
  db: Database,
  agencyId: number,
  wanted: NewCabinet & { readonly branchId: number | null },
  by: string,
  now: Date,
): Promise<number> {
  return transaction(db, async (client) => {
    const made = await client.query<{ id: number }>(
      `insert into cabinet (agency_id, board, slug, name, family, branch_id) values ($1, $2, $3, $4, $5, $6)
       on conflict do nothing returning id`,
      [agencyId, wanted.board, wanted.slug, wanted.name, wanted.family, wanted.branchId],
    );
    const cabinetId = made.rows[0]?.id;
    if (cabinetId === undefined)
      throw new Refusal('cabinet-known', `Кабинет «${wanted.slug}» на этой доске уже есть: назовите другой адрес.`);
    await record(client, agencyId, { by, action: 'cabinet-added', cabinetId, facts: { ...wanted } }, now);
    return cabinetId;
  });
}

/** A cabinet as an administrator sees it. */
export interface CabinetDesk {
  readonly id: number;
  readonly board: string;
  readonly slug: string;
  readonly name: string;
  readonly family: Family;
  readonly branchId: number | null;
  readonly branch: string | null;
  /** By whose clock its days are counted. */
  readonly zone: string;
  /** Without the defaults. */
  readonly settings: Partial<CabinetSettings>;
  readonly calendar: Calendar | null;
  /** Live marks, and those that the last run put into the feed. */
  readonly marks: number;
  readonly published: number;
}

/** @param id only this one */
export async function cabinetDesks(client: Queryable, agencyId: number, id?: number): Promise<CabinetDesk[]> {
  const found = await client.query<CabinetDesk>(
    `select c.id, c.board, c.slug, c.name, c.family, c.branch_id as "branchId", b.name as branch,
       coalesce(b.time_zone, a.time_zone) as zone, c.settings, c.calendar, n.marks, n.published
     from cabinet c join agency a on a.id = c.agency_id left join branch b on b.agency_id = c.agency_id and b.id = c.branch_id
     cross join lateral (
       select count(*)::int as marks, count(*) filter (where o.outcome = 'published')::int as published from mark m
       left join mark_outcome o on o.agency_id = m.agency_id and o.cabinet_id = m.cabinet_id and o.listing_id = m.listing_id
       where m.agency_id = c.agency_id and m.cabinet_id = c.id and m.is_live) n
     where c.agency_id = $1 and ($2::bigint is null or c.id = $2) order by c.board, c.slug`,
    [agencyId, id ?? null],
  );
  return found.rows;
}

export interface CabinetPlace {
  readonly name: string;
  readonly branchId: number | null;
}

/**
 * Calls a cabinet otherwise, or gives it to another branch, by whose clock its days and terms are counted then.
 * @param change from what it is to what it shall be; throws to leave it as it is
 */
export function changeCabinet(
  db: Database,
  agencyId: number,
  cabinetId: number,
  change: (known: CabinetPlace) => CabinetPlace,
  by: string,
  now: Date,
): Promise<void> {
  return transaction(db, async (client) => {
    const found = await client.query<CabinetPlace>(
      'select name, branch_id as "branchId" from cabinet where agency_id = $1 and id = $2 for no key update',
      [agencyId, cabinetId],
    );
    const before = found.rows[0]!;
    const after = change(before);
    if (after.name === before.name && after.branchId === before.branchId) return;
    await client.query('update cabinet set name = $3, branch_id = $4 where agency_id = $1 and id = $2', [
      agencyId,
      cabinetId,
      after.name,
      after.branchId,
    ]);
    await record(client, agencyId, { by, action: 'cabinet-changed', cabinetId, facts: { before, after } }, now);
    if (after.branchId !== before.branchId)
      await makeDue(client, agencyId, { cabinetIds: [cabinetId] }, 'withdrawal', now);
  });
}
