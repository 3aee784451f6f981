import type { Outcome } from '../domain/gates.ts';
import type { PhotoFacts } from '../domain/photos.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { record } from './journal.ts';
import type { ListingRow } from './marks.ts';

/** One listing with everything around it, for its card. */

export interface CardRow extends ListingRow {
  readonly valuesHash: string;
  readonly source: string;
  readonly branchId: number | null;
  readonly branch: string | null;
  readonly departmentId: number | null;
  readonly changedAt: Date;
  readonly isChangedBySource: boolean;
  readonly freshAt: Date;
  readonly reservedUntil: string | null;
  readonly stage: string | null;
  readonly forbiddenReason: string | null;
  readonly callBackAt: Date | null;
  readonly archivedAt: Date | null;
  readonly pendingSince: Date | null;
  readonly photoFacts: PhotoFacts | null;
}

/** undefined: the agency has no such listing. */
export async function cardRow(client: Queryable, agencyId: number, listingId: number): Promise<CardRow | undefined> {
  const found = await client.query<CardRow>(
    `select l.agency_id as "agencyId", l.id, l.external_id as "externalId", l.values, l.source_values as "sourceValues",
       l.corrections, l.values_hash as "valuesHash", l.gone_at as "goneAt", l.status, l.employee_id as "employeeId",
       l.first_seen_at as "firstSeenAt", l.changed_at as "changedAt", l.is_changed_by_source as "isChangedBySource",
       l.fresh_at as "freshAt", l.reserved_until as "reservedUntil", l.stage, l.forbidden_reason as "forbiddenReason",
       l.call_back_at as "callBackAt", l.archived_at as "archivedAt", l.pending_since as "pendingSince",
       l.photo_facts as "photoFacts", s.name as source, coalesce(l.branch_id, e.branch_id) as "branchId", b.name as branch,
       e.department_id as "departmentId",
       case when e.id is null then null else jsonb_build_object('name', e.name, 'phones', e.phones, 'email', e.email) end as employee
     from listing l join source s on s.agency_id = l.agency_id and s.id = l.source_id
     left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id
     left join branch b on b.agency_id = l.agency_id and b.id = coalesce(l.branch_id, e.branch_id)
     where l.agency_id = $1 and l.id = $2`,
    [agencyId, listingId],
  );
  return found.rows[0];
}

export interface TransitionRow {
  readonly at: Date;
  readonly cabinetId: number;
  readonly outcome: Outcome | 'unmarked';
  /** What the run said of it; null where it is not recorded (store/past-reasons.ts). */
  readonly reason: string | null;
}

/** How the outcomes of a listing's marks have changed, and the words of the recorded ones; newest first. */
export async function listTransitions(
  client: Queryable,
  agencyId: number,
  listingId: number,
  limit = 300,
): Promise<TransitionRow[]> {
  const found = await client.query<TransitionRow>(
    `with moved as (
       select t.id, t.at, t.cabinet_id, t.outcome from mark m
       join mark_transition t on t.agency_id = m.agency_id and t.cabinet_id = m.cabinet_id and t.listing_id = m.listing_id
       where m.agency_id = $1 and m.listing_id = $2),
     said as (
       select r.id, r.at, r.cabinet_id, r.outcome, r.reason from mark m
       join mark_reason r on r.agency_id = m.agency_id and r.cabinet_id = m.cabinet_id and r.listing_id = m.listing_id
       where m.agency_id = $1 and m.listing_id = $2),
     told as (
       select moved.id, moved.at, moved.cabinet_id, moved.outcome, standing.reason from moved left join lateral (
         select * from said where said.cabinet_id = moved.cabinet_id and said.at <= moved.at order by said.id desc limit 1
       ) standing on standing.outcome = moved.outcome
       union all
       select null, at, cabinet_id, outcome, reason from said where not exists (
         select 1 from moved where moved.cabinet_id = said.cabinet_id and moved.at = said.at))
     select at, cabinet_id as "cabinetId", outcome, reason from told order by at desc, id desc nulls last limit $3`,
    [agencyId, listingId, limit],
  );
  return found.rows;
}

/** A picture that somebody gave us; its bytes lie in the data folder under their hash. */
export interface MediaRow {
  readonly sha256: string;
  readonly bytes: number;
  readonly width: number;
  readonly height: number;
  readonly by: string;
  readonly at: Date;
}

/** Keeps that a picture was given; the same picture once more is no news. */
export async function keepMedia(db: Database, agencyId: number, media: MediaRow, listingId: number): Promise<void> {
  await transaction(db, async (client) => {
    const made = await client.query(
      `insert into media (agency_id, sha256, bytes, width, height, by, at) values ($1, $2, $3, $4, $5, $6, $7)
       on conflict do nothing`,
      [agencyId, media.sha256, media.bytes, media.width, media.height, media.by, media.at],
    );
    if (made.rowCount === 0) return;
    const { sha256, bytes, width, height } = media;
    const facts = { sha256, bytes, width, height };
    await record(client, agencyId, { by: media.by, action: 'photo-uploaded', listingId, facts }, media.at);
  });
}

/** The pictures with these hashes that somebody gave to the agency. */
export async function findMedia(
  client: Queryable,
  agencyId: number,
  sha256s: readonly string[],
): Promise<ReadonlyMap<string, MediaRow>> {
  if (sha256s.length === 0) return new Map();
  const found = await client.query<MediaRow>(
    'select sha256, bytes, width, height, by, at from media where agency_id = $1 and sha256 = any($2)',
    [agencyId, sha256s],
  );
  return new Map(found.rows.map((row) => [row.sha256, row]));
}

/** A picture's address by its md5 in 32 digits, as the probes know it; undefined: they do not know it. */
export async function photoByKey(
  client: Queryable,
  agencyId: number,
  key: string,
): Promise<{ readonly url: string; readonly sha256: string | null } | undefined> {
  const found = await client.query<{ url: string; sha256: string | null }>(
    'select url, sha256 from photo where agency_id = $1 and md5(url) = $2 limit 1',
    [agencyId, key],
  );
  return found.rows[0];
}

/** The same among the pictures of one listing: those of its source, and those that people put over them. */
export async function photoOfListing(
  client: Queryable,
  agencyId: number,
  listingId: number,
  key: string,
): Promise<{ readonly url: string; readonly sha256: null } | undefined> {
  const found = await client.query<{ url: string; sha256: null }>(
    `select w.photo->>'url' as url, null as sha256 from listing l
     cross join jsonb_array_elements(coalesce(l.values->'photos', '[]'::jsonb) || coalesce(l.source_values->'photos', '[]'::jsonb)) w(photo)
     where l.agency_id = $1 and l.id = $2 and md5(w.photo->>'url') = $3 limit 1`,
    [agencyId, listingId, key],
  );
  return found.rows[0];
}

/** Where a listing is marked, or may be: cabinets of its branch and of the whole agency, and those it is marked in. */
export interface CardCabinet {
  readonly cabinetId: number;
  readonly isMarked: boolean;
  readonly startsOn: string | null;
  readonly endsOn: string | null;
  readonly isPinned: boolean;
  /** null: it never stood there. */
  readonly boardOfferId: string | null;
}

/** Marked ones first. */
export async function cardCabinets(client: Queryable, agencyId: number, listingId: number): Promise<CardCabinet[]> {
  const found = await client.query<CardCabinet>(
    `select c.id as "cabinetId", coalesce(m.is_live, false) as "isMarked", m.starts_on as "startsOn", m.ends_on as "endsOn",
       coalesce(m.is_pinned, false) as "isPinned", m.board_offer_id as "boardOfferId"
     from listing l left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id
     join cabinet c on c.agency_id = l.agency_id
     left join mark m on m.agency_id = l.agency_id and m.cabinet_id = c.id and m.listing_id = l.id
     where l.agency_id = $1 and l.id = $2 and (m.is_live or c.branch_id is null or c.branch_id = coalesce(l.branch_id, e.branch_id))
     order by coalesce(m.is_live, false) desc, c.id`,
    [agencyId, listingId],
  );
  return found.rows;
}

/** Pictures that somebody gave to the agency, by the md5 of the address they have under a base. */
export async function mediaByKeys(
  client: Queryable,
  agencyId: number,
  base: string,
  keys: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (keys.length === 0) return new Map();
  const found = await client.query<{ key: string; url: string }>(
    `select md5(w.url) as key, w.url from media m cross join lateral (select $2 || '/media/p/' || m.sha256 || '.jpg' as url) w
     where m.agency_id = $1 and md5(w.url) = any($3)`,
    [agencyId, base, keys],
  );
  return new Map(found.rows.map(({ key, url }) => [key, url]));
}
