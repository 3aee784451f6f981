import { localDay, startOfDay } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { type Candidate, type PackageState, type Period, periodOf } from '../domain/rotation.ts';
import { CABINET_DEFAULTS, type CabinetSettings, type Package, settled } from '../domain/settings.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { makeDue } from './due.ts';
import { record } from './journal.ts';

/** Packages, pinned marks, and what the preview of the rotation is made from. */

type CabinetKey = { readonly agencyId: number; readonly id: number };

/** The package of a cabinet and the day it is there. */
export interface PackageFrame extends PackageState {
  readonly zone: string;
}

export async function packageFrame(db: Database, cabinet: CabinetKey, now: Date): Promise<PackageFrame> {
  const found = await db.pool.query<{ zone: string; own: Partial<CabinetSettings> }>(
    `select coalesce(b.time_zone, a.time_zone) as zone, c.settings as own
     from cabinet c join agency a on a.id = c.agency_id left join branch b on b.agency_id = c.agency_id and b.id = c.branch_id
     where c.agency_id = $1 and c.id = $2`,
    [cabinet.agencyId, cabinet.id],
  );
  const { zone, own } = found.rows[0]!;
  const { package: pack, turnDays } = settled(CABINET_DEFAULTS, own);
  const today = localDay(now, zone);
  const period = pack?.kind === 'placements' ? periodOf(pack, today) : null;
  const used = period === null ? 0 : await usedPlacements(db.pool, cabinet, period);
  return { zone, today, package: pack, turnDays, period, used };
}

/** How many placements a cabinet used up in a period, also by marks that were taken off since. */
export async function usedPlacements(client: Queryable, cabinet: CabinetKey, period: Period): Promise<number> {
  const found = await client.query<{ count: number }>(
    'select count(*)::int as count from placement where agency_id = $1 and cabinet_id = $2 and from_on between $3 and $4',
    [cabinet.agencyId, cabinet.id, period.from, period.until],
  );
  return found.rows[0]!.count;
}

/**
 * Has nobody been given a place on the local day yet? Then a run may end turns for pinned marks. A run in which
 * nobody was a candidate (the night) gave nothing out and does not count.
 */
export async function isFirstOfDay(client: Queryable, cabinet: CabinetKey, today: string, zone: string) {
  const found = await client.query<{ first: boolean }>(
    `select not exists(select 1 from export_run where agency_id = $1 and cabinet_id = $2 and status = 'done' and started_at >= $3
       and coalesce((outcomes->>'published')::int, 0) + coalesce((outcomes->>'waiting-turn')::int, 0) > 0) as first`,
    [cabinet.agencyId, cabinet.id, startOfDay(today, zone)],
  );
  return found.rows[0]!.first;
}

export interface NamedCandidate extends Candidate {
  readonly externalId: string;
}

/** Marks that were shown or waited for a place at the last run. */
export async function rotationCandidates(db: Database, cabinet: CabinetKey): Promise<NamedCandidate[]> {
  const ms = (column: string) => `(extract(epoch from ${column}) * 1000)::bigint`;
  const found = await db.pool.query<NamedCandidate>(
    `select m.listing_id as "listingId", l.external_id as "externalId", m.is_pinned as "isPinned", ${ms('m.marked_at')} as "markedAt",
       ${ms('o.waiting_since')} as "waitingSince", o.placed_on as "placedOn",
       o.placement_from as "placementFrom", o.placement_until as "placementUntil"
     from mark_outcome o join mark m on m.agency_id = o.agency_id and m.cabinet_id = o.cabinet_id and m.listing_id = o.listing_id
     join listing l on l.agency_id = o.agency_id and l.id = o.listing_id
     where o.agency_id = $1 and o.cabinet_id = $2 and m.is_live and o.outcome in ('published', 'waiting-turn') order by m.listing_id`,
    [cabinet.agencyId, cabinet.id],
  );
  return found.rows;
}

/**
 * Pins a mark, so that it goes first when places are given out, or lets it loose.
 * @returns false when it was so already
 * @throws Refusal `not-marked`
 */
export function setPinned(
  db: Database,
  cabinet: CabinetKey,
  listingId: number,
  isPinned: boolean,
  by: string,
  now: Date,
): Promise<boolean> {
  return transaction(db, async (client) => {
    const key = [cabinet.agencyId, cabinet.id, listingId];
    const found = await client.query<{ isPinned: boolean }>(
      `select is_pinned as "isPinned" from mark where agency_id = $1 and cabinet_id = $2 and listing_id = $3 and is_live for no key update`,
      key,
    );
    if (!found.rows[0])
      throw new Refusal('not-marked', `Объект #${listingId} не отмечен в этом кабинете: сначала mark.`);
    if (found.rows[0].isPinned === isPinned) return false;
    await client.query('update mark set is_pinned = $4 where agency_id = $1 and cabinet_id = $2 and listing_id = $3', [
      ...key,
      isPinned,
    ]);
    const action = isPinned ? 'mark-pinned' : 'mark-unpinned';
    await record(client, cabinet.agencyId, { by, action, listingId, cabinetId: cabinet.id }, now);
    await makeDue(client, cabinet.agencyId, { cabinetIds: [cabinet.id] }, 'edit', now);
    return true;
  });
}

/**
 * Sets the package of a cabinet, or takes it away.
 * @param turnDays absent: stays as it is
 * @param expect throws when what lies there is not what the person has seen
 */
export function savePackage(
  db: Database,
  cabinet: CabinetKey,
  pack: Package | null,
  turnDays: number | undefined,
  by: string,
  now: Date,
  expect?: (own: Partial<CabinetSettings>) => void,
): Promise<void> {
  return transaction(db, async (client) => {
    const next: Partial<CabinetSettings> = { package: pack, ...(turnDays !== undefined && { turnDays }) };
    const was = await client.query<{ own: Partial<CabinetSettings> }>(
      'select settings as own from cabinet where agency_id = $1 and id = $2 for no key update',
      [cabinet.agencyId, cabinet.id],
    );
    expect?.(was.rows[0]!.own);
    await client.query('update cabinet set settings = settings || $3::jsonb where agency_id = $1 and id = $2', [
      cabinet.agencyId,
      cabinet.id,
      JSON.stringify(next),
    ]);
    const { package: before, turnDays: turnBefore } = settled(CABINET_DEFAULTS, was.rows[0]!.own);
    const facts = { from: { package: before, turnDays: turnBefore }, to: next };
    await record(client, cabinet.agencyId, { by, action: 'package-set', cabinetId: cabinet.id, facts }, now);
    // A smaller package takes listings off the board, and each of them costs money until then.
    const how = pack === null ? 'edit' : 'withdrawal';
    await makeDue(client, cabinet.agencyId, { cabinetIds: [cabinet.id] }, how, now);
  });
}
