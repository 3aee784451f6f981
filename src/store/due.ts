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
  const { listingIds = null, cabinetIds = null } = concerned;
  const found = await client.query<{
    id: number;
    zone: string;
    settings: Partial<AgencySettings>;
    own: Partial<CabinetSettings>;
  }>(
    `select c.id, coalesce(b.time_zone, a.time_zone) as zone, a.settings, c.settings as own
     from cabinet c join agency a on a.id = c.agency_id left join branch b on b.agency_id = c.agency_id and b.id = c.branch_id
     where c.agency_id = $1 and ($2::bigint[] is null or c.id = any($2))
       and ($3::bigint[] is null or exists(select 1 from mark m where m.agency_id = c.agency_id and m.cabinet_id = c.id and m.listing_id = any($3)))
     order by c.id`,
    [agencyId, cabinetIds, listingIds],
  );
  for (const { id, zone, settings, own } of found.rows) {
    const { gatherSeconds, slots } = settled(AGENCY_DEFAULTS, settings).runs;
    const mine = settled(CABINET_DEFAULTS, own).slots ?? slots;
    const at =
      how === 'withdrawal'
        ? now
        : mine.length > 0
          ? nextSlot(mine, now, zone)
          : new Date(now.getTime() + gatherSeconds * 1000);
    await makeDueAt(client, agencyId, [id], at);
  }
}

/** Makes cabinets due at a moment, unless they are due earlier. */
export async function makeDueAt(
  client: Queryable,
  agencyId: number,
  cabinetIds: readonly number[] | null,
  at: Date,
): Promise<void> {
  await client.query(
    `update cabinet set due_at = $3 where agency_id = $1 and ($2::bigint[] is null or id = any($2)) and (due_at is null or due_at > $3)`,
    [agencyId, cabinetIds, at],
  );
}
