import { codeOf, OUTCOME_CODES, playDay, unpackClosing } from '../domain/day-record.ts';
import { addDays, localDay, startOfDay } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import type { Outcome } from '../domain/gates.ts';
import type { Listing } from '../domain/listing.ts';
import { lookedFrom, OWNER_LINKS_MAX, type ShownMark } from '../domain/owner-report.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { unpack } from './days.ts';
import { record } from './journal.ts';

/** Owners' links, and where a listing was shown. */

/** A link as people see it: what opens it is known to nobody but whoever was given it. */
export interface OwnerLink {
  /** By which it is revoked. */
  readonly id: string;
  readonly by: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly lastSeenAt: Date | null;
}

/** So much of the token's hash names a link among a listing's. */
const ID_CHARS = 16;

const LINK = `left(token_hash, ${ID_CHARS}) as id, by, created_at as "createdAt", expires_at as "expiresAt", last_seen_at as "lastSeenAt"`;
const HOLDS = (now: string) => `revoked_at is null and expires_at > ${now}`;

/**
 * @param wanted `tokenHash`: of what opens the page
 * @throws Refusal `too-many-owner-links`, `listing-unknown`
 */
export function makeOwnerLink(
  db: Database,
  agencyId: number,
  listingId: number,
  wanted: { readonly tokenHash: string; readonly expiresAt: Date; readonly by: string },
  now: Date,
): Promise<OwnerLink> {
  return transaction(db, async (client) => {
    const { tokenHash, expiresAt, by } = wanted;
    const listing = await client.query('select 1 from listing where agency_id = $1 and id = $2 for no key update', [
      agencyId,
      listingId,
    ]);
    if (listing.rows.length === 0) throw new Refusal('listing-unknown', `Объекта #${listingId} нет.`, 2);
    if ((await listOwnerLinks(client, agencyId, listingId, now)).length >= OWNER_LINKS_MAX)
      throw new Refusal(
        'too-many-owner-links',
        `У объекта уже ${OWNER_LINKS_MAX} действующих ссылок: отзовите лишние.`,
      );
    const made = await client.query<OwnerLink>(
      `insert into owner_link (token_hash, agency_id, listing_id, by, created_at, expires_at) values ($1, $2, $3, $4, $5, $6) returning ${LINK}`,
      [tokenHash, agencyId, listingId, by, now, expiresAt],
    );
    await record(client, agencyId, { by, action: 'owner-link-made', listingId, facts: { until: expiresAt } }, now);
    return made.rows[0]!;
  });
}

/** Those that hold, the newest first. */
export async function listOwnerLinks(
  client: Queryable,
  agencyId: number,
  listingId: number,
  now: Date,
): Promise<OwnerLink[]> {
  const found = await client.query<OwnerLink>(
    `select ${LINK} from owner_link where agency_id = $1 and listing_id = $2 and ${HOLDS('$3')} order by created_at desc, token_hash`,
    [agencyId, listingId, now],
  );
  return found.rows;
}

/**
 * @param linkId null: all of the listing's
 * @returns how many were revoked
 * @throws Refusal `owner-link-unknown`
 */
export function revokeOwnerLinks(
  db: Database,
  agencyId: number,
  listingId: number,
  linkId: string | null,
  by: string,
  now: Date,
): Promise<number> {
  return transaction(db, async (client) => {
    const done = await client.query<{ createdAt: Date }>(
      `update owner_link set revoked_at = $4 where agency_id = $1 and listing_id = $2 and ${HOLDS('$4')}
         and ($3::text is null or left(token_hash, ${ID_CHARS}) = $3) returning created_at as "createdAt"`,
      [agencyId, listingId, linkId, now],
    );
    if (linkId !== null && done.rows.length === 0)
      throw new Refusal('owner-link-unknown', 'Такой ссылки нет, или она уже не действует.', 2);
    for (const { createdAt } of done.rows)
      await record(client, agencyId, { by, action: 'owner-link-revoked', listingId, facts: { createdAt } }, now);
    return done.rows.length;
  });
}

/** A page that is looked at again and again is written down once a minute. */
const SEEN_MS = 60_000;

/** What a link opens; undefined: there is none, it was revoked or is over. */
export async function openOwnerLink(
  db: Database,
  tokenHash: string,
  now: Date,
  isLookedAt: boolean,
): Promise<{ readonly agencyId: number; readonly listingId: number } | undefined> {
  const found = await db.pool.query<{ agencyId: number; listingId: number; lastSeenAt: Date | null }>(
    `select agency_id as "agencyId", listing_id as "listingId", last_seen_at as "lastSeenAt" from owner_link
     where token_hash = $1 and ${HOLDS('$2')}`,
    [tokenHash, now],
  );
  const link = found.rows[0];
  if (isLookedAt && link && (link.lastSeenAt === null || now.getTime() - link.lastSeenAt.getTime() >= SEEN_MS))
    await db.pool.query('update owner_link set last_seen_at = $2 where token_hash = $1', [tokenHash, now]);
  return link && { agencyId: link.agencyId, listingId: link.listingId };
}

/** What is told of a listing itself. */
export interface OwnedListing {
  readonly values: Listing;
  readonly agency: string;
  readonly agent: string | null;
  /** Where it lies. */
  readonly zone: string;
}

/** undefined: the agency has no such listing. */
export async function ownedListing(
  client: Queryable,
  agencyId: number,
  listingId: number,
): Promise<OwnedListing | undefined> {
  const found = await client.query<OwnedListing>(
    `select l.values, a.name as agency, case when e.is_active then e.name end as agent, coalesce(b.time_zone, a.time_zone) as zone
     from listing l join agency a on a.id = l.agency_id left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id
     left join branch b on b.agency_id = l.agency_id and b.id = coalesce(l.branch_id, e.branch_id)
     where l.agency_id = $1 and l.id = $2`,
    [agencyId, listingId],
  );
  return found.rows[0];
}

interface MarkRow {
  readonly cabinetId: number;
  readonly board: string;
  readonly zone: string;
  readonly isLive: boolean;
  readonly ordinal: number;
  readonly markedAt: Date;
  readonly recordedThrough: string | null;
  readonly outcome: Outcome | null;
  readonly takenAt: Date | null;
}

/**
 * Where a listing was shown and on which days, cabinet by cabinet; of the last year at most.
 * @returns the first day that was looked at, too; null: it was never marked
 */
export async function shownMarks(
  db: Database,
  agencyId: number,
  listingId: number,
  now: Date,
): Promise<{ readonly from: string | null; readonly marks: readonly ShownMark[] }> {
  const { rows } = await db.pool.query<MarkRow>(
    `select m.cabinet_id as "cabinetId", c.board, coalesce(b.time_zone, a.time_zone) as zone, m.is_live as "isLive", m.ordinal,
       m.marked_at as "markedAt", c.recorded_through as "recordedThrough", o.outcome,
       case when m.is_live and o.outcome = 'published' then (select max(p.at) from feed_pull p where p.agency_id = m.agency_id
         and p.cabinet_id = m.cabinet_id and p.at >= o.since and p.at <= $3 and p.method = 'GET' and p.status in (200, 304)) end as "takenAt"
     from mark m join cabinet c on c.agency_id = m.agency_id and c.id = m.cabinet_id join agency a on a.id = m.agency_id
     left join branch b on b.agency_id = c.agency_id and b.id = c.branch_id
     left join mark_outcome o on o.agency_id = m.agency_id and o.cabinet_id = m.cabinet_id and o.listing_id = m.listing_id
     where m.agency_id = $1 and m.listing_id = $2 order by m.cabinet_id`,
    [agencyId, listingId, now],
  );
  let first: string | null = null;
  const marks: ShownMark[] = [];
  for (const row of rows) {
    const today = localDay(now, row.zone);
    const days = await daysShown(db, agencyId, listingId, row, today);
    const begun = days[0] ?? localDay(row.markedAt, row.zone);
    const from = begun < lookedFrom(today) ? lookedFrom(today) : begun;
    if (first === null || from < first) first = from;
    const told = await db.pool.query<Pick<ShownMark, 'views' | 'calls' | 'viewDays' | 'callDays'>>(
      `select sum(views)::int as views, sum(calls)::int as calls, count(views)::int as "viewDays", count(calls)::int as "callDays" from audience_day
       where agency_id = $1 and cabinet_id = $2 and listing_id = $3 and day >= $4 and day <= $5`,
      [agencyId, row.cabinetId, listingId, lookedFrom(today), today],
    );
    const { board, isLive, outcome, takenAt } = row;
    marks.push({ board, isLive, outcome, takenAt, days, ...told.rows[0]! });
  }
  return { from: first, marks };
}

/** How many vectors are in memory at a time. */
const BATCH = 50;
/** Days that are over never change; how many listings' of them are remembered. */
const KEPT = 2000;
interface KeptDays {
  readonly through: string;
  readonly days: readonly string[];
}
const keptOf = new WeakMap<Database, Map<string, KeptDays>>();

/** The days up to today on which an edition had it. */
async function daysShown(
  db: Database,
  agencyId: number,
  listingId: number,
  { cabinetId, ordinal, recordedThrough, zone }: MarkRow,
  today: string,
): Promise<string[]> {
  const from = lookedFrom(today);
  const kept = keptOf.get(db) ?? new Map<string, KeptDays>();
  keptOf.set(db, kept);
  const key = `${agencyId} ${cabinetId} ${listingId}`;
  const known = kept.get(key);
  const days = (known?.days ?? []).filter((day) => day >= from);
  let through = known && known.through >= from ? known.through : addDays(from, -1);
  while (recordedThrough !== null && through < recordedThrough) {
    const { rows } = await db.pool.query<{ day: string; outcomes: Buffer }>(
      `select day, outcomes from day_record where agency_id = $1 and cabinet_id = $2 and day > $3 and day <= $4 order by day limit ${BATCH}`,
      [agencyId, cabinetId, through, recordedThrough],
    );
    for (const { day, outcomes } of rows) if (unpack(outcomes)[ordinal] === OUTCOME_CODES.published) days.push(day);
    through = rows.length < BATCH ? recordedThrough : rows.at(-1)!.day;
  }
  if (recordedThrough !== null) {
    kept.delete(key);
    kept.set(key, { through, days: [...days] });
    if (kept.size > KEPT) kept.delete(kept.keys().next().value!);
  }
  return [
    ...days,
    ...(await openDaysShown(db.pool, agencyId, cabinetId, listingId, { ordinal, recordedThrough, zone, today })),
  ];
}

/** Those of them that are not in the record yet, today too, played by the law of the record. */
async function openDaysShown(
  client: Queryable,
  agencyId: number,
  cabinetId: number,
  listingId: number,
  { ordinal, recordedThrough, zone, today }: Pick<MarkRow, 'ordinal' | 'recordedThrough' | 'zone'> & { today: string },
): Promise<string[]> {
  let closing = new Uint8Array([0]);
  let throughId = 0;
  if (recordedThrough !== null) {
    const last = await client.query<{ closing: Buffer }>(
      'select closing from day_record where agency_id = $1 and cabinet_id = $2 and day = $3',
      [agencyId, cabinetId, recordedThrough],
    );
    if (last.rows[0]) {
      const ended = unpackClosing(unpack(last.rows[0].closing));
      throughId = ended.throughId;
      closing = new Uint8Array([ended.codes[ordinal] ?? 0]);
    }
  }
  const { rows } = await client.query<{ outcome: Outcome | 'unmarked'; at: Date }>(
    `select outcome, at from mark_transition where agency_id = $1 and cabinet_id = $2 and listing_id = $3 and id > $4 order by id`,
    [agencyId, cabinetId, listingId, throughId],
  );
  const days: string[] = [];
  const firstAt = rows[0]?.at;
  const begin = recordedThrough === null ? (firstAt ? localDay(firstAt, zone) : today) : addDays(recordedThrough, 1);
  let next = 0;
  for (let day = begin; day <= today; day = addDays(day, 1)) {
    const [start, end] = [startOfDay(day, zone), startOfDay(addDays(day, 1), zone)];
    const changes = [];
    for (; next < rows.length && rows[next]!.at < end; next++)
      changes.push({ ordinal: 0, outcome: rows[next]!.outcome, isOlder: rows[next]!.at < start });
    const played = playDay(closing, changes);
    closing = new Uint8Array(played.closing);
    if (played.outcomes[0] === codeOf('published')) days.push(day);
  }
  return days;
}
