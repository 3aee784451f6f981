import type pg from 'pg';
import { addDays, localDay, nextMidnight, startOfDay } from '../domain/days.ts';
import { earliest } from '../domain/gates.ts';
import { DEALS } from '../domain/listing.ts';
import {
  ASKING_KINDS,
  archiveAt,
  dutiesOf,
  type Extension,
  freshEdges,
  type Reminder,
  type ReminderFacts,
  TELLING_KINDS,
} from '../domain/reminders.ts';
import type { AgencySettings } from '../domain/settings.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { makeDue } from './due.ts';
import { record, tell } from './journal.ts';
import { agencyFrame } from './settings.ts';

/** Reminders on their way to people, and what is done where nobody answered. */

export interface Reminded {
  /** New messages. */
  readonly told: number;
  /** Messages that were answered or have lost their ground. */
  readonly ended: number;
  readonly archived: number;
  /** Terms that were extended. */
  readonly extended: number;
  /** When there may be something to do next. */
  readonly nextAt: Date;
}

/** Whose deeds these are in the journal. */
const BY = 'Выгрузка';
/** Listings looked at together; each batch is a transaction. */
const BATCH = 1000;
/** What was only told leaves the inbox after so many days. */
const TOLD_DAYS = 14;
const DAY_MS = 86_400_000;

/**
 * Does what is due now: asks, tells, archives, extends. Safe to repeat, and safe beside another process: messages have
 * keys, and a listing or a term that somebody changed meanwhile is left alone.
 */
export async function remind(db: Database, agencyId: number, now: Date): Promise<Reminded> {
  const { settings, timeZone } = await agencyFrame(db, agencyId);
  const counts = { told: 0, archived: 0, extended: 0 };
  const holding: string[] = [];
  for await (const rows of nearAnEdge(db, agencyId, settings, localDay(now, timeZone), now)) {
    await transaction(db, async (client) => {
      const messages: Addressed[] = [];
      const archived: Addressed[] = [];
      const extended: { row: NearRow; extensions: readonly Extension[]; reminder: Reminder }[] = [];
      for (const row of rows) {
        const duties = dutiesOf(row, settings, row.zone, now);
        for (const reminder of duties.reminders) messages.push({ row, reminder });
        if (duties.archived) archived.push({ row, reminder: duties.archived });
        if (duties.extended) extended.push({ row, extensions: duties.extensions, reminder: duties.extended });
      }
      for (const { reminder } of messages) holding.push(reminder.key);
      const gone = await archiveAll(client, agencyId, archived, now);
      const moved = await extendAll(client, agencyId, extended, now);
      counts.archived += gone.length;
      counts.extended += moved.terms;
      counts.told += await tell(client, agencyId, [...messages, ...gone, ...moved.told].map(addressed), now);
      // Last, because it takes the cabinets' rows.
      const listingIds = gone.map(({ row }) => row.listingId);
      if (listingIds.length > 0) await makeDue(client, agencyId, { listingIds }, 'withdrawal', now);
      if (moved.cabinetIds.length > 0) await makeDue(client, agencyId, { cabinetIds: moved.cabinetIds }, 'edit', now);
    });
  }
  return {
    ...counts,
    ended: await endSettled(db, agencyId, holding, now),
    nextAt: await nextAt(db, agencyId, settings, timeZone, now),
  };
}

interface NearRow extends ReminderFacts {
  readonly employeeId: number | null;
  /** The branch's. */
  readonly zone: string;
}

interface Addressed {
  readonly row: NearRow;
  readonly reminder: Reminder;
}

/** Without a responsible person the managers are asked. */
function addressed({ row, reminder }: Addressed) {
  const isForAgent = reminder.to === 'agent' && row.employeeId !== null;
  return {
    key: reminder.key,
    kind: reminder.kind,
    employeeId: isForAgent ? row.employeeId : null,
    role: isForAgent ? null : ('manager' as const),
    listingId: row.listingId,
    text: reminder.text,
  };
}

/** The moment from which on a listing of that deal, fresh since then or earlier, is near an edge. */
function freshBefore(settings: AgencySettings, now: Date): Date[] {
  return DEALS.map((deal) => {
    const { askAt, managerAt, staleAt } = freshEdges({ freshAt: now, deal }, settings);
    const first = Math.min(askAt.getTime(), managerAt.getTime(), staleAt.getTime());
    return new Date(now.getTime() - (first - now.getTime()));
  });
}

/**
 * Listings with live marks for which something may be due, in batches: more of them than in the end have duties.
 * The numbers come first and at once: a limit would make the database look through all of them for every batch.
 */
async function* nearAnEdge(
  db: Database,
  agencyId: number,
  settings: AgencySettings,
  today: string,
  now: Date,
): AsyncGenerator<NearRow[]> {
  // A cabinet in another zone may be a day ahead.
  const endingBy = addDays(today, settings.terms.warnDays + 1);
  const near = await db.pool.query<{ id: number }>(
    // Marks are looked up one by one: joined as a whole, they are looked through for every listing when the database
    // knows as little of them as after a first load.
    `select l.id from listing l join unnest($3::text[], $4::timestamptz[]) as d(deal, fresh_before) on d.deal = l.deal
     cross join lateral (select min(m.ends_on) as first_end, count(*) as live from mark m
       where m.agency_id = l.agency_id and m.listing_id = l.id and m.is_live) as m
     where l.agency_id = $1 and m.live > 0 and l.gone_at is null and l.forbidden_reason is null and l.status in ('active', 'reserved')
       and (l.fresh_at <= d.fresh_before or l.call_back_at <= $2 or m.first_end <= $5::date) order by l.id`,
    [agencyId, now, DEALS, freshBefore(settings, now), endingBy],
  );
  for (let from = 0; from < near.rows.length; from += BATCH) {
    const ids = near.rows.slice(from, from + BATCH).map(({ id }) => id);
    const found = await db.pool.query<NearRow>(
      `select l.id as "listingId", l.kind, l.deal, l.external_id as "externalId", l.values->>'title' as title, l.status,
         l.reserved_until as "reservedUntil", l.stage, l.forbidden_reason as "forbiddenReason", to_char(l.gone_at, 'YYYY-MM-DD') as "goneOn",
         l.fresh_at as "freshAt", l.call_back_at as "callBackAt", l.employee_id as "employeeId", e.name as agent,
         coalesce(lb.time_zone, a.time_zone) as zone,
         (select s.at from message s where s.agency_id = l.agency_id and s.key =
           'fresh-stale:' || l.id || ':' || to_char(l.fresh_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) as "staleToldAt",
         exists (select 1 from exception x where x.agency_id = l.agency_id and x.listing_id = l.id and x.gate = 'fresh'
           and x.revoked_at is null and x.until >= $4::date) as "isFreshExempt", m.marks
       from listing l join agency a on a.id = l.agency_id
       left join branch lb on lb.agency_id = l.agency_id and lb.id = l.branch_id
       left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id
       cross join lateral (
         select jsonb_agg(jsonb_build_object('cabinetId', m.cabinet_id, 'name', c.name,
             'startsOn', m.starts_on, 'endsOn', m.ends_on,
             'markedOn', (m.marked_at at time zone coalesce(cb.time_zone, a.time_zone))::date,
             'today', ($2::timestamptz at time zone coalesce(cb.time_zone, a.time_zone))::date) order by m.cabinet_id) as marks
         from mark m join cabinet c on c.agency_id = m.agency_id and c.id = m.cabinet_id
         left join branch cb on cb.agency_id = c.agency_id and cb.id = c.branch_id
         where m.agency_id = l.agency_id and m.listing_id = l.id and m.is_live) as m
       where l.agency_id = $1 and l.id = any($3) and m.marks is not null order by l.id`,
      [agencyId, now, ids, today],
    );
    yield found.rows;
  }
}

/** @returns those that nobody touched meanwhile and that are in the archive now */
async function archiveAll(
  client: pg.PoolClient,
  agencyId: number,
  wanted: readonly Addressed[],
  now: Date,
): Promise<Addressed[]> {
  if (wanted.length === 0) return [];
  const done = await client.query<{ id: number }>(
    `update listing l set status = 'archived', archived_at = $2, reserved_until = null, call_back_at = null
     from unnest($3::bigint[], $4::timestamptz[]) as w(id, fresh_at)
     where l.agency_id = $1 and l.id = w.id and date_trunc('milliseconds', l.fresh_at) = w.fresh_at and l.status in ('active', 'reserved') returning l.id`,
    [agencyId, now, wanted.map(({ row }) => row.listingId), wanted.map(({ row }) => row.freshAt)],
  );
  const ids = new Set(done.rows.map(({ id }) => id));
  const archived = wanted.filter(({ row }) => ids.has(row.listingId));
  for (const { row } of archived) {
    const facts = { status: 'archived', freshAt: row.freshAt, before: { status: row.status } };
    await record(client, agencyId, { by: BY, action: 'listing-archived', listingId: row.listingId, facts }, now);
  }
  return archived;
}

/** Moves terms on, unless somebody has moved them meanwhile. */
async function extendAll(
  client: pg.PoolClient,
  agencyId: number,
  wanted: readonly { row: NearRow; extensions: readonly Extension[]; reminder: Reminder }[],
  now: Date,
): Promise<{ terms: number; told: Addressed[]; cabinetIds: number[] }> {
  const all = wanted.flatMap(({ row, extensions }) => extensions.map((one) => ({ listingId: row.listingId, ...one })));
  if (all.length === 0) return { terms: 0, told: [], cabinetIds: [] };
  const done = await client.query<{ cabinetId: number; listingId: number }>(
    `update mark m set starts_on = w.starts_on, ends_on = w.ends_on
     from unnest($2::bigint[], $3::bigint[], $4::date[], $5::date[], $6::date[]) as w(cabinet_id, listing_id, was, starts_on, ends_on)
     where m.agency_id = $1 and m.cabinet_id = w.cabinet_id and m.listing_id = w.listing_id and m.is_live and m.ends_on = w.was
     returning m.cabinet_id as "cabinetId", m.listing_id as "listingId"`,
    [
      agencyId,
      all.map(({ cabinetId }) => cabinetId),
      all.map(({ listingId }) => listingId),
      all.map(({ before }) => before.endsOn),
      all.map(({ startsOn }) => startsOn),
      all.map(({ endsOn }) => endsOn),
    ],
  );
  const moved = new Set(done.rows.map(({ cabinetId, listingId }) => `${cabinetId} ${listingId}`));
  for (const { cabinetId, listingId, before, startsOn, endsOn } of all) {
    if (!moved.has(`${cabinetId} ${listingId}`)) continue;
    const facts = { startsOn, endsOn, before };
    await record(client, agencyId, { by: BY, action: 'term-extended', listingId, cabinetId, facts }, now);
  }
  const listings = new Set(done.rows.map(({ listingId }) => listingId));
  return {
    terms: moved.size,
    told: wanted.filter(({ row }) => listings.has(row.listingId)),
    cabinetIds: [...new Set(done.rows.map(({ cabinetId }) => cabinetId))],
  };
}

/**
 * Ends questions that are no longer asked: the listing was changed or confirmed, taken off or sold, its term moved.
 * What another process asks a moment later stays.
 */
async function endSettled(db: Database, agencyId: number, holding: readonly string[], now: Date): Promise<number> {
  // Two statements: with an «or» between them the database would look through all of `holding` for every message.
  const settled = await db.pool.query(
    `update message s set done_at = $4 where s.agency_id = $1 and s.done_at is null and s.at <= $4 and s.kind = any($2)
       and not exists (select 1 from unnest($3::text[]) as h(key) where h.key = s.key)`,
    [agencyId, [...ASKING_KINDS], holding, now],
  );
  const read = await db.pool.query(
    'update message set done_at = $3 where agency_id = $1 and done_at is null and kind = any($2) and at < $4',
    [agencyId, [...TELLING_KINDS], now, new Date(now.getTime() - TOLD_DAYS * DAY_MS)],
  );
  return (settled.rowCount ?? 0) + (read.rowCount ?? 0);
}

/** The next edge of any listing, at the latest the agency's next midnight: reservations and exceptions end then. */
async function nextAt(
  db: Database,
  agencyId: number,
  settings: AgencySettings,
  zone: string,
  now: Date,
): Promise<Date> {
  const offsets = DEALS.flatMap((deal) =>
    Object.values(freshEdges({ freshAt: now, deal }, settings)).map((edge: Date) => ({
      deal,
      ms: edge.getTime() - now.getTime(),
    })),
  );
  const [moment, asked, days] = await Promise.all([
    nextMoment(db.pool, agencyId, offsets, now),
    firstAsked(db.pool, agencyId),
    nextTermDays(db.pool, agencyId, settings, now),
  ]);
  const archive = asked && archiveAt(asked, settings);
  return [moment, archive !== null && archive > now ? archive : null, ...days].reduce(
    earliest,
    nextMidnight(now, zone),
  )!;
}

const LIVE = `l.gone_at is null and l.status in ('active', 'reserved')
  and (select true from mark m where m.agency_id = l.agency_id and m.listing_id = l.id and m.is_live limit 1)`;

async function nextMoment(
  client: Queryable,
  agencyId: number,
  offsets: readonly { readonly deal: string; readonly ms: number }[],
  now: Date,
): Promise<Date | null> {
  const found = await client.query<{ at: Date | null }>(
    `select least(
       (select min(l.fresh_at + o.ms * interval '1 millisecond') from listing l join unnest($3::text[], $4::float8[]) as o(deal, ms) on o.deal = l.deal
        where l.agency_id = $1 and l.fresh_at + o.ms * interval '1 millisecond' > $2 and ${LIVE}),
       (select min(l.call_back_at) from listing l where l.agency_id = $1 and l.call_back_at > $2 and ${LIVE})) as at`,
    [agencyId, now, offsets.map(({ deal }) => deal), offsets.map(({ ms }) => ms)],
  );
  return found.rows[0]!.at;
}

/** When the oldest question about a stale listing was asked that still waits for its answer. */
async function firstAsked(client: Queryable, agencyId: number): Promise<Date | null> {
  const found = await client.query<{ at: Date | null }>(
    `select min(at) as at from message where agency_id = $1 and kind = 'fresh-stale' and done_at is null`,
    [agencyId],
  );
  return found.rows[0]!.at;
}

/** The next days on which a term is warned of, extended or over, as the moments at which they begin in their zones. */
async function nextTermDays(
  client: Queryable,
  agencyId: number,
  { terms }: AgencySettings,
  now: Date,
): Promise<Date[]> {
  const found = await client.query<{ zone: string; day: string }>(
    `select t.zone, min(t.ends_on + d.days) as day from (
       select m.ends_on, coalesce(b.time_zone, a.time_zone) as zone from mark m
       join cabinet c on c.agency_id = m.agency_id and c.id = m.cabinet_id join agency a on a.id = m.agency_id
       left join branch b on b.agency_id = c.agency_id and b.id = c.branch_id
       where m.agency_id = $1 and m.is_live and m.ends_on is not null) as t, unnest($3::int[]) as d(days)
     where t.ends_on + d.days > ($2::timestamptz at time zone t.zone)::date group by t.zone`,
    [agencyId, now, [-terms.warnDays, 0, 1]],
  );
  return found.rows.map(({ zone, day }) => startOfDay(day, zone));
}
