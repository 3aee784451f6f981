import { type Correction, type Corrections, canonicalJson, fieldValue } from '../domain/corrections.ts';
import { localDay } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import type { Outcome } from '../domain/gates.ts';
import type { Action } from '../domain/journal-words.ts';
import type { Judgement } from '../domain/judgement.ts';
import { DEALS, KINDS, type Listing } from '../domain/listing.ts';
import type { MarketStatus } from '../domain/market.ts';
import { AGENCY_DEFAULTS, type AgencySettings, settled } from '../domain/settings.ts';
import {
  defaultDays,
  isOutside,
  movedTerm,
  newTerm,
  type PlacementTerm,
  type TermWish,
  termFault,
} from '../domain/terms.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { makeDue } from './due.ts';
import { record } from './journal.ts';
import { forgetPhotos, freshAfter, keysOf } from './keys.ts';

/** Marks: wishes to have a listing on a board, and their terms. */

export interface MarkOptions {
  /** The id under which the one listing stands at the board already. */
  readonly boardOfferId?: string | undefined;
  /** What is not wished comes from the agency's settings. */
  readonly term?: TermWish | undefined;
  /** A person marks again what was unmarked; a default or a rule never does. */
  readonly origin?: 'hand' | 'default' | 'rule';
  /** Who, for the journal. */
  readonly by?: string;
  /** What happens together with it or not at all. */
  readonly alongside?: Alongside;
}

/** Told which listings were changed, within the same transaction. */
export type Alongside = (client: Queryable, listingIds: readonly number[]) => Promise<void>;

export interface Marked {
  /** Marks that are new or live again. */
  readonly marked: number;
  /** Listings that were left out: they must never be advertised. */
  readonly forbidden: number;
}

/** Space of the advisory locks by which markings of one cabinet go one after the other. */
const MARK_LOCK = 7_061_971;
/** So many new marks at once change the table. */
const MANY = 200;
/** Who does what nobody asked for. */
const OURSELVES = 'Выгрузка';

/**
 * Marks listings for a cabinet; listings that are marked already stay as they are. The id at the board is given here
 * and never changes: the source's own number, with a suffix when another listing of the cabinet has taken it.
 * «Never advertise» beats every bulk and automatic mark: such listings are left out and counted.
 * @param listingIds all listings of the agency when absent
 * @throws Refusal `forbidden` for the one listing a person named, `term-backwards`, `board-id-taken`, `board-id-given`
 */
export async function markListings(
  db: Database,
  agencyId: number,
  cabinetId: number,
  listingIds: readonly number[] | undefined,
  now: Date,
  options: MarkOptions = {},
): Promise<Marked> {
  const { boardOfferId, term = {}, origin = 'hand', by = OURSELVES, alongside } = options;
  const wanted = listingIds ?? null;
  return transaction(db, async (client) => {
    // Not the cabinet's row: marking a hundred thousand listings must not keep a run's commit waiting.
    await client.query('select pg_advisory_xact_lock($1, $2)', [MARK_LOCK, cabinetId]);
    const { board, today, terms, made } = await markingFrame(client, agencyId, cabinetId, now);
    const forbidden = await client.query<{ id: number; reason: string }>(
      `select l.id, l.forbidden_reason as reason from listing l
       where l.agency_id = $1 and l.forbidden_reason is not null and ($3::bigint[] is null or l.id = any($3))
         and not exists (select 1 from mark m where m.agency_id = $1 and m.cabinet_id = $2 and m.listing_id = l.id and m.is_live)`,
      [agencyId, cabinetId, wanted],
    );
    if (forbidden.rows[0] && origin === 'hand' && listingIds?.length === 1) {
      const { id, reason } = forbidden.rows[0];
      throw new Refusal(
        'forbidden',
        `Рекламировать объект #${id} запрещено: ${reason}. Снять запрет: forbid #${id} --lift`,
      );
    }
    const byKind = KINDS.flatMap((kind) =>
      DEALS.map((deal) => ({ kind, deal, ...newTerm(term, defaultDays(terms, { board, kind, deal }), today) })),
    );
    const fault = byKind.map(termFault).find((found) => found !== null);
    if (fault) throw new Refusal('term-backwards', fault, 2);
    const termColumns = [
      byKind.map(({ kind }) => kind),
      byKind.map(({ deal }) => deal),
      byKind.map(({ startsOn }) => startsOn),
      byKind.map(({ endsOn }) => endsOn),
    ];

    // A listing that is marked again gets a fresh term.
    const again =
      origin !== 'hand'
        ? { rows: [] }
        : await client.query<{ id: number }>(
            `update mark m set is_live = true, marked_at = $4, unmarked_at = null, unmarked_fence = null, origin = 'hand',
               starts_on = t.starts_on, ends_on = t.ends_on
             from listing l join unnest($5::text[], $6::text[], $7::date[], $8::date[]) as t(kind, deal, starts_on, ends_on)
               on t.kind = l.kind and t.deal = l.deal
             where m.agency_id = $1 and m.cabinet_id = $2 and not m.is_live and ($3::bigint[] is null or m.listing_id = any($3))
               and l.agency_id = $1 and l.id = m.listing_id and l.forbidden_reason is null returning m.listing_id as id`,
            [agencyId, cabinetId, wanted, now, ...termColumns],
          );
    // Read first and insert after: one statement for both would look through what it is inserting, again and again.
    const unmarked = await client.query<{ id: number }>(
      `select l.id from listing l left join mark m on m.agency_id = l.agency_id and m.cabinet_id = $2 and m.listing_id = l.id
       where l.agency_id = $1 and ($3::bigint[] is null or l.id = any($3)) and m.listing_id is null and l.forbidden_reason is null
       order by l.id`,
      [agencyId, cabinetId, wanted],
    );
    const fresh: number[] = [];
    let left = unmarked.rows.map((row) => row.id);
    for (let attempt = 0; left.length > 0; attempt++) {
      // The source's own number; our number behind it when another listing of the cabinet has that; then a counter.
      const suffix = attempt === 0 ? `''` : attempt === 1 ? `'-' || l.id` : `'-' || l.id || '-${attempt}'`;
      // Only ids that are free are inserted: a row that a conflict swallowed would leave a hole in the ordinals.
      const inserted = await client.query<{ id: number }>(
        `with named as (
           select l.id, w.place, l.kind, l.deal, coalesce($5, l.external_id || ${suffix}) as offer_id
           from unnest($3::bigint[]) with ordinality as w(id, place) join listing l on l.agency_id = $1 and l.id = w.id),
         free as (
           select distinct on (n.offer_id) n.* from named n
           left join mark m on m.agency_id = $1 and m.cabinet_id = $2 and m.board_offer_id = n.offer_id
           where m.listing_id is null order by n.offer_id, n.place)
         insert into mark (agency_id, cabinet_id, listing_id, marked_at, board_offer_id, origin, ordinal, starts_on, ends_on)
         select $1, $2, f.id, $4, f.offer_id, $6, $7::int + row_number() over (order by f.place) - 1, t.starts_on, t.ends_on
         from free f join unnest($8::text[], $9::text[], $10::date[], $11::date[]) as t(kind, deal, starts_on, ends_on)
           on t.kind = f.kind and t.deal = f.deal
         order by f.place returning listing_id as id`,
        [agencyId, cabinetId, left, now, boardOfferId ?? null, origin, made + fresh.length, ...termColumns],
      );
      const done = new Set(inserted.rows.map((row) => row.id));
      for (const id of done) fresh.push(id);
      left = left.filter((id) => !done.has(id));
      if (left.length > 0 && boardOfferId !== undefined) {
        throw new Refusal('board-id-taken', `Под номером «${boardOfferId}» на этой доске уже стоит другой объект.`);
      }
    }
    if (boardOfferId !== undefined) await provePlace(client, agencyId, cabinetId, wanted, boardOfferId);
    // With statistics of a table of some dozens the planner compares every mark with every other, until the database
    // looks at the table by itself, a minute later.
    if (fresh.length >= MANY) await client.query('analyze mark');
    const marked = [...again.rows.map(({ id }) => id), ...fresh];
    if (marked.length > 0) {
      const facts = { origin, term, forbidden: forbidden.rows.length };
      const whom = listingIds && origin === 'hand' ? marked : null;
      await recordMarks(
        client,
        agencyId,
        cabinetId,
        'listing-marked',
        whom,
        { ...facts, marked: marked.length },
        by,
        now,
      );
      await alongside?.(client, marked);
      // Last, because it takes the cabinet's row.
      await client.query('update cabinet set marks_made = marks_made + $3 where agency_id = $1 and id = $2', [
        agencyId,
        cabinetId,
        fresh.length,
      ]);
      await makeDue(client, agencyId, { cabinetIds: [cabinetId] }, 'edit', now);
    }
    return { marked: marked.length, forbidden: forbidden.rows.length };
  });
}

/** What marking must know of its cabinet. `made` stands still while the caller holds the cabinet's marking lock. */
async function markingFrame(client: Queryable, agencyId: number, cabinetId: number, now: Date) {
  const found = await client.query<{
    board: string;
    zone: string;
    made: number;
    settings: Partial<AgencySettings>;
  }>(
    `select c.board, coalesce(b.time_zone, a.time_zone) as zone, c.marks_made as made, a.settings
     from cabinet c join agency a on a.id = c.agency_id left join branch b on b.agency_id = c.agency_id and b.id = c.branch_id
     where c.agency_id = $1 and c.id = $2`,
    [agencyId, cabinetId],
  );
  const { board, zone, made, settings } = found.rows[0]!;
  return { board, made, today: localDay(now, zone), terms: settled(AGENCY_DEFAULTS, settings).terms };
}

/** Refuses to give another number at the board to a listing that has one. */
async function provePlace(
  client: Queryable,
  agencyId: number,
  cabinetId: number,
  listingIds: readonly number[] | null,
  boardOfferId: string,
): Promise<void> {
  const given = await client.query<{ id: string }>(
    'select board_offer_id as id from mark where agency_id = $1 and cabinet_id = $2 and listing_id = any($3)',
    [agencyId, cabinetId, listingIds],
  );
  const id = given.rows[0]?.id;
  if (id === boardOfferId) return;
  throw new Refusal(
    'board-id-given',
    `Объект уже стоит на этой доске под номером «${id}», и номер не меняется: доска сочла бы объявление новым.`,
  );
}

/** A line of the journal for every listing that a person named; one line for all where nobody named them. */
async function recordMarks(
  client: Queryable,
  agencyId: number,
  cabinetId: number,
  action: Action,
  listingIds: readonly number[] | null,
  facts: Readonly<Record<string, unknown>>,
  by: string,
  now: Date,
): Promise<void> {
  if (listingIds === null) return record(client, agencyId, { by, action, cabinetId, facts }, now);
  for (const listingId of listingIds) {
    await record(client, agencyId, { by, action, listingId, cabinetId, facts }, now);
  }
}

/** Takes marks off. The rows stay: the id at the board must be the same when the listing comes back. */
export async function unmarkListings(
  db: Database,
  agencyId: number,
  cabinetId: number,
  listingIds: readonly number[] | undefined,
  now: Date,
  by = OURSELVES,
  alongside?: Alongside,
): Promise<number> {
  return transaction(db, async (client) => {
    // A run under way finds the number it must not serve. The cabinet's row is not locked, so nobody waits for a
    // commit: a withdrawal that comes during the last milliseconds of one belongs to the next run, which is due at once.
    const done = await client.query<{ id: number }>(
      `update mark set is_live = false, unmarked_at = $4,
         unmarked_fence = (select fence from cabinet where agency_id = $1 and id = $2)
       where agency_id = $1 and cabinet_id = $2 and is_live and ($3::bigint[] is null or listing_id = any($3))
       returning listing_id as id`,
      [agencyId, cabinetId, listingIds ?? null, now],
    );
    const ids = done.rows.map((row) => row.id);
    if (ids.length === 0) return 0;
    const whom = listingIds === undefined ? null : ids;
    await recordMarks(client, agencyId, cabinetId, 'listing-unmarked', whom, { unmarked: ids.length }, by, now);
    await alongside?.(client, ids);
    await endTermMessages(client, agencyId, ids, now);
    await makeDue(client, agencyId, { cabinetIds: [cabinetId] }, 'withdrawal', now);
    return ids.length;
  });
}

/**
 * Puts marks back that were taken off at a moment, as they were: with their seniority and their terms. What somebody has
 * done to a mark since stays.
 * @returns how many are back
 */
export async function restoreMarks(
  db: Database,
  agencyId: number,
  cabinetId: number,
  listingIds: readonly number[],
  unmarkedAt: Date,
  by: string,
  now: Date,
): Promise<number> {
  return transaction(db, async (client) => {
    const done = await client.query<{ id: number }>(
      `update mark m set is_live = true, unmarked_at = null, unmarked_fence = null from listing l
       where m.agency_id = $1 and m.cabinet_id = $2 and m.listing_id = any($3) and not m.is_live and m.unmarked_at = $4
         and l.agency_id = m.agency_id and l.id = m.listing_id and l.forbidden_reason is null returning m.listing_id as id`,
      [agencyId, cabinetId, listingIds, unmarkedAt],
    );
    const ids = done.rows.map(({ id }) => id);
    if (ids.length === 0) return 0;
    const facts = { restored: ids.length, unmarkedAt };
    await recordMarks(client, agencyId, cabinetId, 'listing-marked', ids, facts, by, now);
    // At once, as they were taken off: nobody meant them to leave the feed.
    await makeDue(client, agencyId, { cabinetIds: [cabinetId] }, 'withdrawal', now);
    return ids.length;
  });
}

/** The days of a mark. */
export interface MarkTerm extends PlacementTerm {
  readonly cabinetId: number;
  readonly listingId: number;
}

/** A term that was moved, and what it was before. */
export interface MovedTerm extends MarkTerm {
  readonly old: PlacementTerm;
}

/**
 * Moves the terms of live marks: extends, confirms, begins earlier, ends.
 * @param of `cabinetIds` absent: wherever the listings are marked
 * @returns the new terms
 * @throws Refusal `not-marked`, `term-backwards`
 */
export async function setTerm(
  db: Database,
  agencyId: number,
  of: { readonly listingIds: readonly number[]; readonly cabinetIds?: readonly number[] | undefined },
  wish: TermWish,
  actor: { readonly name: string },
  now: Date,
  alongside?: (client: Queryable, moved: readonly MovedTerm[]) => Promise<void>,
): Promise<MarkTerm[]> {
  return transaction(db, async (client) => {
    const found = await client.query<MarkTerm & { zone: string }>(
      `select m.cabinet_id as "cabinetId", m.listing_id as "listingId", m.starts_on as "startsOn", m.ends_on as "endsOn",
         coalesce(b.time_zone, a.time_zone) as zone
       from mark m join cabinet c on c.agency_id = m.agency_id and c.id = m.cabinet_id
       join agency a on a.id = m.agency_id left join branch b on b.agency_id = c.agency_id and b.id = c.branch_id
       where m.agency_id = $1 and m.listing_id = any($2) and ($3::bigint[] is null or m.cabinet_id = any($3)) and m.is_live
       order by m.cabinet_id, m.listing_id for update of m`,
      [agencyId, of.listingIds, of.cabinetIds ?? null],
    );
    const there = new Set(found.rows.map(({ listingId }) => listingId));
    const missing = of.listingIds.filter((id) => !there.has(id));
    if (missing.length > 0) {
      const names = missing.map((id) => `#${id}`).join(', ');
      throw new Refusal('not-marked', `Срок есть только у отметки, а отметки нет: ${names}. Отметьте: mark`);
    }
    const todays = new Map<string, string>();
    const moved = found.rows.map(({ zone, cabinetId, listingId, ...old }) => {
      const today = todays.get(zone) ?? localDay(now, zone);
      todays.set(zone, today);
      return { cabinetId, listingId, old, today, ...movedTerm(old, wish, today) };
    });
    const faults = new Set(moved.flatMap((term) => termFault(term) ?? []));
    if (faults.size > 0) throw new Refusal('term-backwards', [...faults].join(' '), 2);
    await saveTerms(client, agencyId, moved);
    await alongside?.(client, moved);
    for (const { cabinetId, listingId, old, startsOn, endsOn } of moved) {
      const facts = { startsOn, endsOn, before: { startsOn: old.startsOn, endsOn: old.endsOn } };
      await record(client, agencyId, { by: actor.name, action: 'term-set', listingId, cabinetId, facts }, now);
    }
    await endTermMessages(client, agencyId, of.listingIds, now);
    for (const how of ['withdrawal', 'edit'] as const) {
      const some = moved.filter((term) => isOutside(term, term.today) === (how === 'withdrawal'));
      const cabinetIds = [...new Set(some.map(({ cabinetId }) => cabinetId))];
      if (cabinetIds.length > 0) await makeDue(client, agencyId, { cabinetIds }, how, now);
    }
    return moved.map(({ cabinetId, listingId, startsOn, endsOn }) => ({ cabinetId, listingId, startsOn, endsOn }));
  });
}

/** Writes terms as they are told. */
export async function saveTerms(client: Queryable, agencyId: number, terms: readonly MarkTerm[]): Promise<void> {
  await client.query(
    `update mark m set starts_on = t.starts_on, ends_on = t.ends_on
     from unnest($2::bigint[], $3::bigint[], $4::date[], $5::date[]) as t(cabinet_id, listing_id, starts_on, ends_on)
     where m.agency_id = $1 and m.cabinet_id = t.cabinet_id and m.listing_id = t.listing_id`,
    [
      agencyId,
      terms.map(({ cabinetId }) => cabinetId),
      terms.map(({ listingId }) => listingId),
      terms.map(({ startsOn }) => startsOn),
      terms.map(({ endsOn }) => endsOn),
    ],
  );
}

/** Ends messages about terms that no live mark of their listing has any more; their keys end in the term's last day. */
async function endTermMessages(
  client: Queryable,
  agencyId: number,
  listingIds: readonly number[],
  now: Date,
): Promise<void> {
  await client.query(
    `update message s set done_at = $3 where s.agency_id = $1 and s.listing_id = any($2) and s.done_at is null
       and s.kind in ('term-ends', 'term-ended')
       and not exists (select 1 from mark m where m.agency_id = s.agency_id and m.listing_id = s.listing_id and m.is_live
         and m.ends_on::text = right(s.key, 10))`,
    [agencyId, listingIds, now],
  );
}

export interface EndingMark extends MarkTerm {
  readonly externalId: string;
  readonly board: string;
  readonly cabinet: string;
  readonly endsOn: string;
  readonly daysLeft: number;
  readonly employee: string | null;
}

/** Live marks whose term ends within so many days, the soonest first; 0 is today in the cabinet's zone. */
export async function endingSoon(db: Database, agencyId: number, withinDays: number, now: Date): Promise<EndingMark[]> {
  const found = await db.pool.query<EndingMark>(
    `select * from (
       select m.cabinet_id as "cabinetId", m.listing_id as "listingId", m.starts_on as "startsOn", m.ends_on as "endsOn",
         l.external_id as "externalId", c.board, c.slug as cabinet, e.name as employee,
         m.ends_on - ($3::timestamptz at time zone coalesce(b.time_zone, a.time_zone))::date as "daysLeft"
       from mark m join cabinet c on c.agency_id = m.agency_id and c.id = m.cabinet_id
       join agency a on a.id = m.agency_id left join branch b on b.agency_id = c.agency_id and b.id = c.branch_id
       join listing l on l.agency_id = m.agency_id and l.id = m.listing_id
       left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id
       where m.agency_id = $1 and m.is_live and m.ends_on is not null) as t
     where t."daysLeft" between 0 and $2::int order by t."endsOn", t."listingId", t."cabinetId"`,
    [agencyId, withinDays, now],
  );
  return found.rows;
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
  readonly status: MarketStatus;
  readonly firstSeenAt: Date;
  readonly employeeId: number | null;
  readonly employee: {
    readonly name: string;
    readonly phones: readonly string[];
    readonly email: string | null;
  } | null;
}

const LISTING = `select l.agency_id as "agencyId", l.id, l.external_id as "externalId", l.values, l.source_values as "sourceValues",
  l.corrections, l.gone_at as "goneAt", l.status, l.employee_id as "employeeId", l.first_seen_at as "firstSeenAt",
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
  readonly markedAt: Date;
  readonly unmarkedAt: Date | null;
  readonly origin: 'hand' | 'default' | 'rule';
  readonly startsOn: string | null;
  readonly endsOn: string | null;
  readonly isPinned: boolean;
  readonly ordinal: number;
  readonly boardOfferId: string;
  readonly avitoId: number | null;
  /** null, like everything below: not decided yet. */
  readonly outcome: Outcome | null;
  readonly reason: string | null;
  readonly judgement: Judgement | null;
  readonly isHeld: boolean | null;
  readonly placedOn: string | null;
  readonly waitingSince: Date | null;
  readonly placementFrom: string | null;
  readonly placementUntil: string | null;
  readonly since: Date | null;
  readonly decidedAt: Date | null;
}

/** The marks of one listing, in every cabinet. */
export async function marksOf(db: Database, agencyId: number, listingId: number): Promise<MarkRow[]> {
  const found = await db.pool.query<MarkRow>(
    `select m.cabinet_id as "cabinetId", m.listing_id as "listingId", m.is_live as "isLive", m.marked_at as "markedAt",
       m.unmarked_at as "unmarkedAt", m.origin, m.starts_on as "startsOn", m.ends_on as "endsOn", m.is_pinned as "isPinned",
       m.ordinal, m.board_offer_id as "boardOfferId", m.avito_id as "avitoId", o.outcome, o.reason, o.judgement,
       o.is_held as "isHeld", o.placed_on as "placedOn", o.waiting_since as "waitingSince",
       o.placement_from as "placementFrom", o.placement_until as "placementUntil", o.since, o.decided_at as "decidedAt"
     from mark m left join mark_outcome o
       on o.agency_id = m.agency_id and o.cabinet_id = m.cabinet_id and o.listing_id = m.listing_id
     where m.agency_id = $1 and m.listing_id = $2 order by m.cabinet_id`,
    [agencyId, listingId],
  );
  return found.rows;
}

/**
 * Writes corrections and what follows from them, if the listing is still the one that was read: the values, their
 * keys, a line in the journal, and the cabinets are due. Within the caller's transaction when a client is given.
 * @param next `wasHash` is the hash of the values that were read
 * @param options `by`: who did it, unless the newest correction tells; `isOurOwn`: a text of ours, by which nobody confirmed the listing
 * @returns false when the values have changed since they were read; nothing is written then
 */
export async function saveCorrections(
  on: Database | Queryable,
  row: Pick<ListingRow, 'agencyId' | 'id'>,
  next: {
    readonly corrections: Corrections;
    readonly values: Listing;
    readonly valuesHash: string;
    readonly wasHash: string;
  },
  now: Date,
  options: { readonly by?: string; readonly isOurOwn?: boolean } = {},
): Promise<boolean> {
  if ('pool' in on) return transaction(on, (client) => saveCorrections(client, row, next, now, options));
  const { agencyId, id } = row;
  const found = await on.query<{ corrections: Corrections; hash: string; values: Listing }>(
    'select corrections, values_hash as hash, values from listing where agency_id = $1 and id = $2 for no key update',
    [agencyId, id],
  );
  const before = found.rows[0];
  if (before?.hash !== next.wasHash) return false;
  const { duplicateKey, likenessKey } = keysOf(next.values);
  await on.query(
    `update listing l set corrections = $3, values = $4, values_hash = $5, changed_at = $6, is_changed_by_source = case when $7 then is_changed_by_source else false end,
       fresh_at = case when $7 then l.fresh_at else ${freshAfter('$6', 'l.values', '$4::jsonb')} end, duplicate_key = $8, likeness_key = $9, ${forgetPhotos('$4::jsonb')}
     where agency_id = $1 and id = $2`,
    [
      agencyId,
      id,
      JSON.stringify(next.corrections),
      JSON.stringify(next.values),
      next.valuesHash,
      now,
      options.isOurOwn ?? false,
      duplicateKey,
      likenessKey,
    ],
  );
  const names = new Set([...Object.keys(before.corrections), ...Object.keys(next.corrections)]);
  const fields = [...names].filter(
    (field) => canonicalJson(before.corrections[field]) !== canonicalJson(next.corrections[field]),
  );
  const newest = Object.values(next.corrections).reduce<Correction | undefined>(
    (last, correction) => (last === undefined || correction.at >= last.at ? correction : last),
    undefined,
  );
  const by = options.by ?? newest?.by ?? 'командная строка';
  const action = options.isOurOwn ? 'listing-text-written' : 'listing-corrected';
  const told = (values: Listing) =>
    Object.fromEntries(fields.map((field) => [field, briefly(fieldValue(values, field))]));
  const facts = { fields, before: told(before.values), after: told(next.values) };
  await record(on, agencyId, { by, action, listingId: id, facts }, now);
  await makeDue(on, agencyId, { listingIds: [id] }, 'edit', now);
  return true;
}

/** A value as the journal keeps it: whole where it is short, else its beginning or how many there are. */
function briefly(value: unknown): unknown {
  if (typeof value === 'string') return value.length > 300 ? `${value.slice(0, 300)}…` : value;
  if (Array.isArray(value) && JSON.stringify(value).length > 300) return { count: value.length };
  return value;
}
