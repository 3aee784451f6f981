import { localDay, startOfDay } from '../domain/days.ts';
import type { Outcome } from '../domain/gates.ts';
import type { Approval } from '../domain/judgement.ts';
import type { Deal, Kind, Listing } from '../domain/listing.ts';
import { CHANGE_KINDS, type ChangeKind } from '../domain/moderation.ts';
import { byLoss, dayKopecks, type Waiting } from '../domain/moderation-queue.ts';
import { REACH_ALL, type Reach } from '../domain/rights.ts';
import { CABINET_DEFAULTS, type CabinetSettings, type Package, settled } from '../domain/settings.ts';
import { type Tariff, type TariffTerms, tariffOf } from '../domain/tariff.ts';
import { listingsWithin } from './access.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { isPutAside } from './postponements.ts';

/** The moderators' queue: what the last runs left waiting, in the order in which waiting costs; and who looks at what. */

/** A case as the queue is ordered and counted by. */
export interface QueueCase extends Waiting {
  /** Nothing of the listing was ever approved. */
  readonly isNew: boolean;
  /** What the edits are about; empty for a new listing. */
  readonly touches: readonly ChangeKind[];
  /** What a day costs on all boards where the content waits, those that keep the approved one included. */
  readonly dayKopecks: number;
  /** A moderator put it aside. */
  readonly isPutAside: boolean;
  readonly employeeId: number | null;
  /** The listing's own, or that of whoever is responsible. */
  readonly branchId: number | null;
  /** Where it waits. */
  readonly boards: readonly string[];
  /** On some board nothing but the moderator keeps it off, or keeps the edit off: approved, it goes out or on to the next gate. */
  readonly isReady: boolean;
  /** What else keeps it off the other boards, and when it is not ready, off all of them. `published`: the brake. */
  readonly stops: readonly Outcome[];
}

interface NarrowCase {
  readonly listingId: number;
  readonly since: Date;
  readonly employeeId: number | null;
  readonly branchId: number | null;
  readonly boards: readonly string[];
  readonly kind: Kind;
  readonly deal: Deal;
  readonly region: string | null;
  readonly priceKopecks: number | null;
  readonly cabinetIds: number[];
  /** In the order of the cabinets: what came of it there, and does nothing but the moderator stand in its way? */
  readonly outcomes: readonly Outcome[];
  readonly isReadyThere: readonly boolean[];
  readonly touches: readonly (readonly ChangeKind[] | null)[];
  readonly isPutAside: boolean;
}

/**
 * What waits: `o` is the outcome, `m` the mark, `l` the listing. What was decided since the last run waits no more. What
 * is off the market waits as well: a reservation ends, and the approved content is kept for days only.
 */
const WAITS = `o.judgement->>'approval' in ('awaiting', 'kept') and o.judgement->'returned' is null
  and not exists (select 1 from verdict v where v.agency_id = l.agency_id and v.listing_id = l.id and v.undone_at is null
    and v.effective_at > o.decided_at)`;
const OF_WAITING = `from mark_outcome o
  join mark m on m.agency_id = o.agency_id and m.cabinet_id = o.cabinet_id and m.listing_id = o.listing_id and m.is_live
  join cabinet c on c.agency_id = o.agency_id and c.id = o.cabinet_id
  join listing l on l.agency_id = o.agency_id and l.id = o.listing_id`;

/** Is moderation the first closed gate, or does it keep an edit off whose approved content is in the feed? */
const IS_READY = `(o.outcome = 'awaiting-moderation'
  or (o.outcome = 'published' and coalesce(o.judgement->'held'->>'gate', 'moderation') = 'moderation'))`;

/**
 * All that waits within reach, the dearest first. Those that are put aside are among it.
 * @param reach of whoever asks; by default everything
 */
export async function waitingCases(
  client: Queryable,
  agencyId: number,
  now: Date,
  reach: Reach = REACH_ALL,
): Promise<QueueCase[]> {
  const values: unknown[] = [agencyId, now];
  const within = listingsWithin(reach, (value) => `$${values.push(value)}`);
  const found = await client.query<NarrowCase>(
    `select l.id as "listingId", coalesce(l.pending_since, min(o.since)) as since, l.kind, l.deal, l.region, l.price_kopecks as "priceKopecks",
       l.employee_id as "employeeId", coalesce(l.branch_id, e.branch_id) as "branchId", array_agg(distinct c.board) as boards,
       array_agg(c.id order by c.id) as "cabinetIds", array_agg(o.outcome::text order by c.id) as outcomes,
       array_agg(${IS_READY} order by c.id) as "isReadyThere",
       jsonb_agg(o.judgement->'touches') as touches, coalesce(${isPutAside('$2')}, false) as "isPutAside"
     ${OF_WAITING}
     left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id
     left join postponement p on p.agency_id = l.agency_id and p.listing_id = l.id
     where o.agency_id = $1 and ${WAITS} and ${within}
     group by l.agency_id, l.id, e.branch_id, p.agency_id, p.listing_id`,
    values,
  );
  const prices = await priceLists(client, agencyId, now);
  const cases = found.rows.map(({ cabinetIds: cabinets, outcomes, isReadyThere, touches, ...row }): QueueCase => {
    let day = 0;
    let idle = 0;
    for (const [index, id] of cabinets.entries()) {
      const price = prices.get(id);
      const kopecks = price ? dayKopecks(price.terms, price.package, row) : 0;
      day += kopecks;
      if (outcomes[index] === 'awaiting-moderation') idle += kopecks;
    }
    const kinds = new Set(touches.flatMap((some) => some ?? []));
    return {
      listingId: row.listingId,
      since: row.since,
      idleKopecks: idle,
      dayKopecks: day,
      isNew: kinds.size === 0,
      touches: CHANGE_KINDS.filter((kind) => kinds.has(kind)),
      isPutAside: row.isPutAside,
      employeeId: row.employeeId,
      branchId: row.branchId,
      boards: row.boards,
      isReady: isReadyThere.includes(true),
      stops: [...new Set(outcomes.filter((_, index) => !isReadyThere[index]))],
    };
  });
  return cases.sort(byLoss(now));
}

/** How many cases wait within reach and are not put aside: the number beside «Модерация». */
export async function countCases(client: Queryable, agencyId: number, reach: Reach, now: Date): Promise<number> {
  const values: unknown[] = [agencyId, now];
  const found = await client.query<{ count: number }>(
    `select count(distinct l.id)::int as count ${OF_WAITING}
     left join postponement p on p.agency_id = l.agency_id and p.listing_id = l.id
     where o.agency_id = $1 and ${WAITS} and coalesce(${isPutAside('$2')}, false) = false
       and ${listingsWithin(reach, (value) => `$${values.push(value)}`)}`,
    values,
  );
  return found.rows[0]!.count;
}

/** What a cabinet's adverts cost on the day of a moment. */
export interface PriceList {
  readonly terms: TariffTerms | null;
  readonly package: Package | null;
}

/** The price lists of all cabinets of an agency on their local day. */
async function priceLists(client: Queryable, agencyId: number, now: Date): Promise<ReadonlyMap<number, PriceList>> {
  const found = await client.query<{
    id: number;
    zone: string;
    settings: Partial<CabinetSettings>;
    tariffs: Tariff[] | null;
  }>(
    `select c.id, coalesce(b.time_zone, a.time_zone) as zone, c.settings,
       (select jsonb_agg(jsonb_build_object('id', t.id, 'validFrom', t.valid_from, 'terms', t.terms))
        from tariff t where t.agency_id = c.agency_id and t.cabinet_id = c.id) as tariffs
     from cabinet c join agency a on a.id = c.agency_id left join branch b on b.agency_id = c.agency_id and b.id = c.branch_id
     where c.agency_id = $1`,
    [agencyId],
  );
  return new Map(
    found.rows.map(({ id, zone, settings, tariffs }) => [
      id,
      {
        terms: tariffOf(tariffs ?? [], localDay(now, zone))?.terms ?? null,
        package: settled(CABINET_DEFAULTS, settings).package,
      },
    ]),
  );
}

export interface QueueRow extends QueueCase {
  readonly externalId: string;
  readonly kind: Kind;
  readonly deal: Deal;
  readonly title: string | null;
  readonly address: string | null;
  readonly employee: string | null;
  readonly branch: string | null;
  readonly values: Listing;
  readonly cabinets: readonly {
    readonly id: number;
    readonly board: string;
    readonly cabinet: string;
    readonly approval: Approval;
    readonly outcome: Outcome;
    /** Labels of the fields that wait for a look; empty when nothing was ever approved. */
    readonly waiting: readonly string[];
  }[];
  /** Why and until when it was put aside, with the agent's answer where one has come. */
  readonly postponed: {
    readonly until: string;
    readonly by: string;
    readonly question: string | null;
    readonly answer: string | null;
  } | null;
}

/** What a list shows of some cases, in the order given; what was decided meanwhile is left out. */
export async function queueRows(client: Queryable, agencyId: number, cases: readonly QueueCase[]): Promise<QueueRow[]> {
  const found = await client.query<Omit<QueueRow, Exclude<keyof QueueCase, 'listingId'>>>(
    `select l.id as "listingId", l.external_id as "externalId", l.kind, l.deal, l.values->>'title' as title, l.values->>'address' as address,
       e.name as employee, b.name as branch, l.values,
       jsonb_agg(jsonb_build_object('id', c.id, 'board', c.board, 'cabinet', c.slug, 'approval', o.judgement->>'approval', 'outcome', o.outcome,
         'waiting', coalesce(o.judgement->'waiting', '[]'::jsonb)) order by c.id) as cabinets,
       (select jsonb_build_object('until', p.until, 'by', p.by, 'question', p.question, 'answer', p.answer)
        from postponement p where p.agency_id = l.agency_id and p.listing_id = l.id) as postponed
     ${OF_WAITING}
     left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id
     left join branch b on b.agency_id = l.agency_id and b.id = coalesce(l.branch_id, e.branch_id)
     where o.agency_id = $1 and l.id = any($2::bigint[]) and ${WAITS}
     group by l.agency_id, l.id, e.name, b.name`,
    [agencyId, cases.map(({ listingId }) => listingId)],
  );
  const rows = new Map(found.rows.map((row) => [row.listingId, row]));
  return cases.flatMap((one) => {
    const row = rows.get(one.listingId);
    return row ? [{ ...row, ...one }] : [];
  });
}

/** How much the moderators decided on a day and when the next run comes: what an empty queue tells. */
export async function dayOfModeration(
  client: Queryable,
  agencyId: number,
  reach: Reach,
  now: Date,
): Promise<{ readonly approved: number; readonly returned: number; readonly nextRunAt: Date | null }> {
  const agency = await client.query<{ zone: string; next: Date | null }>(
    `select a.time_zone as zone, (select min(c.due_at) from cabinet c where c.agency_id = a.id) as next from agency a where a.id = $1`,
    [agencyId],
  );
  const { zone, next } = agency.rows[0]!;
  const values: unknown[] = [agencyId, startOfDay(localDay(now, zone), zone)];
  const found = await client.query<{ approved: number; returned: number }>(
    `select count(*) filter (where v.kind = 'approved')::int as approved, count(*) filter (where v.kind = 'returned')::int as returned
     from verdict v join listing l on l.agency_id = v.agency_id and l.id = v.listing_id
     where v.agency_id = $1 and v.at >= $2 and v.undone_at is null and v.employee_id is not null
       and ${listingsWithin(reach, (value) => `$${values.push(value)}`)}`,
    values,
  );
  return { ...found.rows[0]!, nextRunAt: next };
}

// ---------------------------------------------------------------------------------------------------------------------
// Who looks at what.

/** Whoever has not said so for so long looks no more. */
const LOOK_MS = 60_000;

export interface Looker {
  readonly listingId: number;
  readonly employeeId: number;
  readonly name: string;
  readonly since: Date;
}

/** Takes note that somebody has a case open. Said again and again; a case left for a minute is looked at anew. */
export function look(
  db: Database,
  agencyId: number,
  listingId: number,
  employeeId: number,
  now: Date,
): Promise<Looker[]> {
  const stale = new Date(now.getTime() - LOOK_MS);
  return transaction(db, async (client) => {
    await client.query('delete from moderation_look where agency_id = $1 and seen_at < $2', [agencyId, stale]);
    await client.query(
      `insert into moderation_look (agency_id, listing_id, employee_id, since, seen_at) values ($1, $2, $3, $4, $4)
       on conflict (agency_id, listing_id, employee_id) do update set seen_at = excluded.seen_at`,
      [agencyId, listingId, employeeId, now],
    );
    return lookers(client, agencyId, [listingId], employeeId, now);
  });
}

/** The case is closed there. */
export async function lookAway(
  client: Queryable,
  agencyId: number,
  listingId: number,
  employeeId: number,
): Promise<void> {
  await client.query('delete from moderation_look where agency_id = $1 and listing_id = $2 and employee_id = $3', [
    agencyId,
    listingId,
    employeeId,
  ]);
}

/** Who else has cases open. @param listingIds null: of all */
export async function lookers(
  client: Queryable,
  agencyId: number,
  listingIds: readonly number[] | null,
  exceptId: number,
  now: Date,
): Promise<Looker[]> {
  const found = await client.query<Looker>(
    `select k.listing_id as "listingId", k.employee_id as "employeeId", e.name, k.since
     from moderation_look k join employee e on e.agency_id = k.agency_id and e.id = k.employee_id
     where k.agency_id = $1 and ($2::bigint[] is null or k.listing_id = any($2)) and k.employee_id <> $3 and k.seen_at >= $4
     order by k.since`,
    [agencyId, listingIds, exceptId, new Date(now.getTime() - LOOK_MS)],
  );
  return found.rows;
}
