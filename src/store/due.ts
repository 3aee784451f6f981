import {
  AGENCY_DEFAULTS,
  type AgencySettings,
  CABINET_DEFAULTS,
  type CabinetSettings,
  settled,
} from '../domain/settings.ts';
import { nextSlot } from '../domain/slots.ts';
import type { Queryable } from './database.ts';

/** When cabinets are due: whoever changes something that a feed depends on says so here. */

/** Which cabinets a change concerns: those where the listings are marked, the named ones, or all of the agency. */
export interface Concerned {
  readonly listingIds?: readonly number[];
  readonly cabinetIds?: readonly number[];
}

/**
 * When an edit that is made now would go out, by cabinet: after the agency's while of gathering or at the cabinet's next
 * slot, or earlier where it is due already.
 */
export async function nextRuns(
  client: Queryable,
  agencyId: number,
  concerned: Concerned,
  now: Date,
): Promise<ReadonlyMap<number, Date>> {
  const { listingIds = null, cabinetIds = null } = concerned;
  const found = await client.query<{
    id: number;
    zone: string;
    settings: Partial<AgencySettings>;
    own: Partial<CabinetSettings>;
    dueAt: Date | null;
  }>(
    `select c.id, coalesce(b.time_zone, a.time_zone) as zone, a.settings, c.settings as own, c.due_at as "dueAt"
     from cabinet c join agency a on a.id = c.agency_id left join branch b on b.agency_id = c.agency_id and b.id = c.branch_id
     where c.agency_id = $1 and ($2::bigint[] is null or c.id = any($2))
       and ($3::bigint[] is null or exists(select 1 from mark m where m.agency_id = c.agency_id and m.cabinet_id = c.id and m.listing_id = any($3)))
     order by c.id`,
    [agencyId, cabinetIds, listingIds],
  );
  return new Map(
    found.rows.map(({ id, zone, settings, own, dueAt }) => {
      const { gatherSeconds, slots } = settled(AGENCY_DEFAULTS, settings).runs;
      const mine = settled(CABINET_DEFAULTS, own).slots ?? slots;
      const at = mine.length > 0 ? nextSlot(mine, now, zone) : new Date(now.getTime() + gatherSeconds * 1000);
      return [id, dueAt !== null && dueAt < at ? dueAt : at];
    }),
  );
}

/**
 * A withdrawal makes its cabinets due at once; other changes are gathered for the agency's while, or until the
 * cabinet's next slot. A cabinet that is due earlier stays so.
 * @param how `withdrawal` when a listing may have to leave a feed because of it
 */
export async function makeDue(
  client: Queryable,
  agencyId: number,
  concerned: Concerned,
  how: 'withdrawal' | 'edit',
  now: Date,
): Promise<void> {
  for (const [id, at] of await nextRuns(client, agencyId, concerned, now))
    await makeDueAt(client, agencyId, [id], how === 'withdrawal' ? now : at);
}

/** Makes cabinets due at a moment, unless they are due earlier; what their last runs decided may not hold any more. */
export async function makeDueAt(
  client: Queryable,
  agencyId: number,
  cabinetIds: readonly number[] | null,
  at: Date,
): Promise<void> {
  await client.query(
    `update cabinet set due_at = least(due_at, $3), is_touched = true
     where agency_id = $1 and ($2::bigint[] is null or id = any($2)) and (due_at is null or due_at > $3 or not is_touched)`,
    [agencyId, cabinetIds, at],
  );
}
