import type { Outcome } from '../domain/gates.ts';
import type { Queryable } from './database.ts';

/**
 * Why marks were kept off the boards, as it was said then. Only what people must mend is recorded: a pause and a place
 * in the queue come and go by the clock, and their word tells it all.
 */
export const RECORDED: readonly Outcome[] = [
  'off-market',
  'out-of-term',
  'stale',
  'blocked',
  'awaiting-moderation',
  'returned',
  'duplicate',
  'unfunded',
];

/** These stay while their words change; sums and moments in the words of others change by themselves every day. */
const WORDS_MATTER: readonly Outcome[] = ['blocked', 'returned'];

/** Records the reasons that a run is about to change. Must come before the decisions themselves are written. */
export async function recordReasons(
  client: Queryable,
  { agencyId, id }: { readonly agencyId: number; readonly id: number },
  fence: number,
  at: Date,
  cut: readonly number[],
): Promise<void> {
  await client.query(
    `insert into mark_reason (agency_id, cabinet_id, listing_id, at, outcome, reason)
     select s.agency_id, s.cabinet_id, s.listing_id, $4, s.outcome, case when s.outcome = any($6) then s.reason end
     from outcome_stage s
     left join mark_outcome o on o.agency_id = s.agency_id and o.cabinet_id = s.cabinet_id and o.listing_id = s.listing_id
     where s.agency_id = $1 and s.cabinet_id = $2 and s.fence = $3 and s.listing_id <> all($5::bigint[])
       and (s.outcome = any($6) or o.outcome = any($6))
       and (o.outcome is distinct from s.outcome or s.outcome = any($7) and o.reason is distinct from s.reason)
     order by s.listing_id`,
    [agencyId, id, fence, at, cut, RECORDED, WORDS_MATTER],
  );
}

/** A reason that held on some of the days asked for. */
export interface PastReason {
  readonly listingId: number;
  readonly outcome: Outcome;
  readonly reason: string;
}

/**
 * The reasons that held on days of the cabinets' own calendars, each once, in the order in which they came.
 * @param until the last day, included
 */
export async function reasonsIn(
  client: Queryable,
  agencyId: number,
  cabinetIds: readonly number[],
  listingIds: readonly number[],
  { from, until }: { readonly from: string; readonly until: string },
): Promise<readonly PastReason[]> {
  const found = await client.query<PastReason>(
    `with said as (
       select r.id, r.listing_id, r.outcome, r.reason, (r.at at time zone coalesce(b.time_zone, a.time_zone))::date as day,
         (lead(r.at) over (partition by r.cabinet_id, r.listing_id order by r.id) at time zone coalesce(b.time_zone, a.time_zone))::date as ended
       from mark_reason r join cabinet c on c.agency_id = r.agency_id and c.id = r.cabinet_id join agency a on a.id = r.agency_id
       left join branch b on b.agency_id = c.agency_id and b.id = c.branch_id
       where r.agency_id = $1 and r.cabinet_id = any($2) and r.listing_id = any($3))
     select listing_id as "listingId", outcome, reason from said
     where reason is not null and day <= $5 and (ended is null or ended >= $4)
     group by listing_id, outcome, reason order by min(id)`,
    [agencyId, cabinetIds, listingIds, from, until],
  );
  return found.rows;
}
