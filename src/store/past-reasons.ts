import { OUTCOMES, type Outcome } from '../domain/gates.ts';
import type { Queryable } from './database.ts';

/**
 * Why marks were kept off the boards, as it was said then. A pause and a place in the queue are not recorded: they come
 * and go by the clock, and their word tells it all. Nor do they end a reason: what is off every night for the calendar's
 * sake and by day because it is a twin has one row, not two a day; the days are told apart by the daily record.
 */
export const RECORDED: readonly Outcome[] = OUTCOMES.filter(
  (outcome) => outcome !== 'published' && outcome !== 'paused' && outcome !== 'waiting-turn',
);

/** What is missing on an account is another sum every day: of these words the numbers are not compared. */
const COUNTING: Outcome = 'unfunded';

/**
 * Records the reasons that a run is about to change. Must come before the decisions themselves are written.
 * @param cut listings whose decisions are not committed
 */
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
     left join lateral (
       select r.outcome, r.reason from mark_reason r
       where r.agency_id = s.agency_id and r.cabinet_id = s.cabinet_id and r.listing_id = s.listing_id order by r.id desc limit 1) said on true
     where s.agency_id = $1 and s.cabinet_id = $2 and s.fence = $3 and s.listing_id <> all($5::bigint[])
       and (s.outcome = 'published' or s.outcome = any($6)) and (o.outcome is distinct from s.outcome or o.reason is distinct from s.reason)
       and case
         when s.outcome = 'published' then said.reason is not null
         when said.outcome is distinct from s.outcome then true
         when s.outcome = $7 then ${withoutNumbers('said.reason')} is distinct from ${withoutNumbers('s.reason')}
         else said.reason is distinct from s.reason end
     order by s.listing_id`,
    [agencyId, id, fence, at, cut, RECORDED, COUNTING],
  );
}

const withoutNumbers = (words: string) => `regexp_replace(${words}, '[0-9]', '', 'g')`;

/** A reason that stood at the ends of some days. */
export interface PastReason {
  readonly listingId: number;
  readonly outcome: Outcome;
  readonly reason: string;
  readonly from: string;
  /** The day at whose end another thing was said; null: it stands still. */
  readonly until: string | null;
}

/**
 * The reasons that stood at the end of days of the cabinets' own calendars, in the order in which they came.
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
     select listing_id as "listingId", outcome, reason, day as "from", ended as "until" from said
     where reason is not null and day <= $5 and (ended is null or ended > $4) order by id`,
    [agencyId, cabinetIds, listingIds, from, until],
  );
  return found.rows;
}

/** How long the words are kept: a report of last year's autumn still tells them. */
const KEPT_MS = 800 * 86_400_000;

/** Throws away what was said long ago; the last words of a mark stand, however old they are. */
export async function forgetReasons(
  client: Queryable,
  { agencyId, id }: { readonly agencyId: number; readonly id: number },
  now: Date,
): Promise<void> {
  await client.query(
    `delete from mark_reason r where r.agency_id = $1 and r.cabinet_id = $2 and r.at < $3 and exists (
       select 1 from mark_reason later where later.agency_id = r.agency_id and later.cabinet_id = r.cabinet_id
         and later.listing_id = r.listing_id and later.id > r.id and later.at < $3)`,
    [agencyId, id, new Date(now.getTime() - KEPT_MS)],
  );
}
