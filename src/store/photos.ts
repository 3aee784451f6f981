import { russianDay } from '../domain/days.ts';
import { photosText } from '../domain/duplicates.ts';
import type { Listing } from '../domain/listing.ts';
import {
  differingBits,
  HOST_FAILURES,
  isBroken,
  isPhotoNews,
  LOOK_BITS,
  nextLook,
  nextTry,
  type PhotoFacts,
  type PhotoFailure,
  type PhotoState,
  photoFactsOf,
} from '../domain/photos.ts';
import { agree, formatNumber } from '../domain/text.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { makeDue } from './due.ts';
import { hashOf } from './hash.ts';
import { tell } from './journal.ts';

/** Pictures by address: which there are, who looks at which, what was seen, and what follows for the listings. */

// ---------------------------------------------------------------- which pictures there are

/** Listings whose pictures are linked and summed up in one transaction. */
const LISTINGS_AT_ONCE = 200;
/** An index entry holds so many bytes; a longer address is nobody's real one. */
const URL_BYTES_MAX = 2500;

/** The host of an address as it is connected to, with an odd port; empty when the address is none. */
function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : '';
}

const isFollowed = (url: string) => /^https?:\/\//i.test(url) && Buffer.byteLength(url) <= URL_BYTES_MAX;

/**
 * Takes the pictures of marked listings in: those of listings that are new here or whose pictures have changed.
 * They are told by their empty `photo_facts`, which a change of the values leaves behind (keys.ts).
 * @returns how many listings were looked through, and how many addresses are new
 */
export async function syncPhotos(
  db: Database,
  agencyId: number,
  now: Date,
): Promise<{ readonly listings: number; readonly photos: number }> {
  let listings = 0;
  let photos = 0;
  for (;;) {
    const done = await transaction(db, (client) => syncSome(client, agencyId, now));
    listings += done.listings;
    photos += done.photos;
    if (done.listings < LISTINGS_AT_ONCE) return { listings, photos };
  }
}

async function syncSome(client: Queryable, agencyId: number, now: Date) {
  // A listing that an import or a person is changing right now comes next time.
  const found = await client.query<{ id: number; photos: Listing['photos'] | null }>(
    `select l.id, l.values->'photos' as photos from listing l
     where l.agency_id = $1 and l.photo_facts is null
       and exists(select 1 from mark m where m.agency_id = l.agency_id and m.listing_id = l.id and m.is_live)
     order by l.id limit $2 for no key update of l skip locked`,
    [agencyId, LISTINGS_AT_ONCE],
  );
  if (found.rows.length === 0) return { listings: 0, photos: 0 };
  const ids = found.rows.map(({ id }) => id);
  const links = found.rows.flatMap(({ id, photos }) =>
    [...new Set((photos ?? []).map(({ url }) => url))].filter(isFollowed).map((url) => ({ id, url })),
  );
  // In one order, so that two of us do not wait for each other.
  const urls = [...new Set(links.map(({ url }) => url))].sort();
  const made = await client.query(
    `insert into photo (agency_id, url, host, next_probe_at) select $1, u.url, u.host, $4 from unnest($2::text[], $3::text[]) u(url, host)
     on conflict (agency_id, url) do nothing`,
    [agencyId, urls, urls.map(hostOf), now],
  );
  await client.query(
    `with wanted as (
       select w.listing_id, p.id as photo_id from unnest($3::bigint[], $4::text[]) w(listing_id, url)
       join photo p on p.agency_id = $1 and p.url = w.url),
     gone as (
       delete from listing_photo lp where lp.agency_id = $1 and lp.listing_id = any($2)
         and not exists(select 1 from wanted w where w.listing_id = lp.listing_id and w.photo_id = lp.photo_id))
     insert into listing_photo (agency_id, listing_id, photo_id) select $1, listing_id, photo_id from wanted on conflict do nothing`,
    [agencyId, ids, links.map(({ id }) => id), links.map(({ url }) => url)],
  );
  await sumUp(client, agencyId, ids, now);
  return { listings: ids.length, photos: made.rowCount ?? 0 };
}

// ---------------------------------------------------------------- who looks at which

/** A picture that somebody has taken to look at. */
export interface ClaimedPhoto {
  readonly agencyId: number;
  readonly id: number;
  readonly url: string;
  readonly host: string;
  /** The agency's own picture server, which may stand in a private network. */
  readonly ownHost: string | null;
  /** What is known of it from the last good look. */
  readonly etag: string | null;
  readonly sha256: string | null;
  readonly bytes: number | null;
  readonly failures: number;
  readonly firstFailedAt: Date | null;
}

/** Whoever took a picture has so long; a killed worker's ones are free after that. */
const LEASE_MS = 10 * 60_000;
/** So many of the oldest due pictures are looked through, so that one slow server with thousands does not fill the queue. */
const POOL = 50_000;

/**
 * Takes due pictures, of each server only some, so that two workers never look at the same one. Pictures that no live
 * mark needs wait another day; those that no listing shows any more are forgotten.
 */
export async function claimPhotos(
  db: Database,
  { now, limit, perHost }: { readonly now: Date; readonly limit: number; readonly perHost: number },
): Promise<{ readonly claimed: readonly ClaimedPhoto[]; readonly idle: number }> {
  const found = await db.pool.query<ClaimedPhoto & { isWanted: boolean; isShown: boolean }>(
    `with due as (
       select agency_id, id, row_number() over (partition by host order by next_probe_at, id) as place
       from (select agency_id, id, host, next_probe_at from photo where next_probe_at <= $1 order by next_probe_at limit $5) oldest),
     picked as (
       select p.agency_id, p.id,
         exists(select 1 from listing_photo lp where lp.agency_id = p.agency_id and lp.photo_id = p.id) as is_shown,
         exists(select 1 from listing_photo lp join mark m on m.agency_id = lp.agency_id and m.listing_id = lp.listing_id and m.is_live
           where lp.agency_id = p.agency_id and lp.photo_id = p.id) as is_wanted
       from photo p join due on due.agency_id = p.agency_id and due.id = p.id
       where due.place <= $2 and p.next_probe_at <= $1 order by p.next_probe_at limit $3 for update of p skip locked)
     update photo p set next_probe_at = case when k.is_wanted then $4::timestamptz else $1::timestamptz + interval '1 day' end
     from picked k join agency a on a.id = k.agency_id
     where p.agency_id = k.agency_id and p.id = k.id
     returning p.agency_id as "agencyId", p.id, p.url, p.host, a.settings->'photos'->>'ownHost' as "ownHost", p.etag, p.sha256, p.bytes,
       p.failures, p.first_failed_at as "firstFailedAt", k.is_wanted as "isWanted", k.is_shown as "isShown"`,
    [now, perHost, limit, new Date(now.getTime() + LEASE_MS), POOL],
  );
  const claimed = found.rows.filter(({ isWanted }) => isWanted);
  const forgotten = found.rows.filter(({ isShown }) => !isShown);
  // A picture whose number is the name of a look that others share stays.
  await db.pool.query(
    `delete from photo p using unnest($1::int[], $2::bigint[]) f(agency_id, id)
     where p.agency_id = f.agency_id and p.id = f.id
       and not exists(select 1 from listing_photo lp where lp.agency_id = p.agency_id and lp.photo_id = p.id)
       and not exists(select 1 from photo o where o.agency_id = p.agency_id and o.look_id = p.id and o.id <> p.id)`,
    [forgotten.map(({ agencyId }) => agencyId), forgotten.map(({ id }) => id)],
  );
  return { claimed, idle: found.rows.length - claimed.length };
}

/** Gives pictures back unlooked at. */
export async function returnPhotos(db: Database, photos: readonly ClaimedPhoto[], at: Date): Promise<void> {
  await db.pool.query(
    `update photo p set next_probe_at = $3 from unnest($1::int[], $2::bigint[]) r(agency_id, id)
     where p.agency_id = r.agency_id and p.id = r.id`,
    [photos.map(({ agencyId }) => agencyId), photos.map(({ id }) => id), at],
  );
}

/** A server is silent: all of its due pictures wait, instead of standing in the way of others'. */
export async function postponeHost(db: Database, host: string, now: Date, until: Date): Promise<void> {
  await db.pool.query('update photo set next_probe_at = $3 where next_probe_at <= $2 and host = $1', [
    host,
    now,
    until,
  ]);
}

// ---------------------------------------------------------------- what was seen

export type Look =
  | {
      readonly kind: 'seen';
      readonly status: number;
      readonly type: string;
      readonly bytes: number;
      readonly width: number | null;
      readonly height: number | null;
      readonly etag: string | null;
      /** null: too large to be read whole. */
      readonly sha256: string | null;
      /** null: the picture could not be drawn small. */
      readonly dhash: string | null;
    }
  /** The server says, or shows, that it is the picture of last time. */
  | { readonly kind: 'same' }
  | { readonly kind: 'failed'; readonly failure: PhotoFailure; readonly status: number | null };

export interface Probe {
  readonly photo: ClaimedPhoto;
  readonly look: Look;
  readonly at: Date;
}

/** Space of the advisory locks that let one transaction of an agency at a time give names to looks. */
const LOOKS_LOCK = 7_061_972;

/**
 * Keeps what was seen, gives names to looks, tells of servers that fell silent or came back, and sums up for the
 * listings that show the pictures.
 * @param probes of one agency
 * @returns how many listings have news in them
 */
export async function saveProbes(
  db: Database,
  agencyId: number,
  probes: readonly Probe[],
  now: Date,
): Promise<{ readonly news: number }> {
  if (probes.length === 0) return { news: 0 };
  const { news, locked } = await transaction(db, async (client) => {
    await client.query('select pg_advisory_xact_lock($1, $2)', [LOOKS_LOCK, agencyId]);
    const troubled = hostsInTrouble(probes);
    const deadBefore = await deadHosts(client, agencyId, troubled, now);
    await writeProbes(client, agencyId, probes);
    const renamed = await nameLooks(
      client,
      agencyId,
      probes.flatMap(({ photo, look }) => (look.kind === 'seen' && look.dhash !== null ? [photo.id] : [])),
    );
    const turned = await tellHosts(client, agencyId, troubled, deadBefore, now);
    // A picture that is as it was brings no news.
    const looked = probes.filter(({ photo, look }) => look.kind !== 'same' || photo.failures > 0);
    const listings = await client.query<{ id: number }>(
      `select distinct lp.listing_id as id from listing_photo lp join photo p on p.agency_id = lp.agency_id and p.id = lp.photo_id
       where lp.agency_id = $1 and (lp.photo_id = any($2) or p.host = any($3)) order by 1`,
      [agencyId, [...looked.map(({ photo }) => photo.id), ...renamed], turned],
    );
    return sumUp(
      client,
      agencyId,
      listings.rows.map(({ id }) => id),
      now,
    );
  });
  // One by one, holding nothing else: whoever has them may be waiting for others of ours.
  let late = 0;
  for (const id of locked) late += (await transaction(db, (client) => sumUp(client, agencyId, [id], now, 'wait'))).news;
  return { news: news + late };
}

const isSilence = ({ look }: Probe) =>
  look.kind === 'failed' && (HOST_FAILURES as readonly string[]).includes(look.failure);

/** Servers of which a probe failed, or did after failures. */
function hostsInTrouble(probes: readonly Probe[]): string[] {
  return [
    ...new Set(probes.filter((probe) => isSilence(probe) || probe.photo.failures > 0).map(({ photo }) => photo.host)),
  ];
}

async function writeProbes(client: Queryable, agencyId: number, probes: readonly Probe[]): Promise<void> {
  const failed = probes.flatMap((probe) => (probe.look.kind === 'failed' ? [{ ...probe, look: probe.look }] : []));
  const seen = probes.flatMap((probe) => (probe.look.kind === 'seen' ? [{ ...probe, look: probe.look }] : []));
  const good = probes.filter(({ look }) => look.kind !== 'failed');
  await client.query(
    `update photo p set status = f.status, last_error = f.failure, failures = f.failures, next_probe_at = f.next,
       first_failed_at = coalesce(p.first_failed_at, f.at), probed_at = case when f.is_answer then f.at else p.probed_at end
     from unnest($2::bigint[], $3::int[], $4::text[], $5::int[], $6::timestamptz[], $7::timestamptz[], $8::boolean[])
       f(id, status, failure, failures, next, at, is_answer)
     where p.agency_id = $1 and p.id = f.id`,
    [
      agencyId,
      failed.map(({ photo }) => photo.id),
      failed.map(({ look }) => look.status),
      failed.map(({ look }) => look.failure),
      failed.map(({ photo }) => photo.failures + 1),
      failed.map(({ photo, at }) => nextTry(photo.failures + 1, at)),
      failed.map(({ at }) => at),
      // An answer that the server is broken is no sign of its life.
      failed.map((probe) => probe.look.status !== null && !isSilence(probe)),
    ],
  );
  await client.query(
    `update photo p set status = 200, failures = 0, first_failed_at = null, last_error = null, probed_at = g.at, next_probe_at = g.next
     from unnest($2::bigint[], $3::timestamptz[], $4::timestamptz[]) g(id, at, next) where p.agency_id = $1 and p.id = g.id`,
    [
      agencyId,
      good.map(({ photo }) => photo.id),
      good.map(({ at }) => at),
      good.map(({ photo, at }) => nextLook(photo.url, at)),
    ],
  );
  await client.query(
    `update photo p set status = s.status, type = s.type, bytes = s.bytes, width = s.width, height = s.height, etag = s.etag,
       sha256 = s.sha256, dhash = s.dhash, look_id = case when p.dhash = s.dhash then p.look_id end
     from unnest($2::bigint[], $3::int[], $4::text[], $5::bigint[], $6::int[], $7::int[], $8::text[], $9::text[], $10::text[])
       s(id, status, type, bytes, width, height, etag, sha256, dhash)
     where p.agency_id = $1 and p.id = s.id`,
    [
      agencyId,
      seen.map(({ photo }) => photo.id),
      seen.map(({ look }) => look.status),
      seen.map(({ look }) => look.type),
      seen.map(({ look }) => look.bytes),
      seen.map(({ look }) => look.width),
      seen.map(({ look }) => look.height),
      seen.map(({ look }) => look.etag),
      seen.map(({ look }) => look.sha256),
      seen.map(({ look }) => look.dhash),
    ],
  );
}

/** Where four bits differ, at least one of five parts is equal: by it near pictures are found. */
const BANDS = [
  [1, 3],
  [4, 3],
  [7, 3],
  [10, 3],
  [13, 4],
] as const;

/**
 * Gives pictures without one the number of their look: of the oldest picture that looks the same, or their own.
 * The caller holds the agency's lock.
 * @returns pictures whose look got another number, because the one it was called after has changed
 */
async function nameLooks(client: Queryable, agencyId: number, photoIds: readonly number[]): Promise<number[]> {
  const found = await client.query<{ id: number; dhash: string }>(
    `select id, dhash from photo where agency_id = $1 and id = any($2) and look_id is null and dhash is not null order by id`,
    [agencyId, photoIds],
  );
  if (found.rows.length === 0) return [];
  const ids = found.rows.map(({ id }) => id);
  const renamed = await client.query<{ id: number }>(
    `update photo p set look_id = o.first from (
       select look_id, min(id) as first from photo where agency_id = $1 and look_id = any($2) and not id = any($2) group by look_id) o
     where p.agency_id = $1 and p.look_id = o.look_id and not p.id = any($2) returning p.id`,
    [agencyId, ids],
  );
  const hashes = [...new Set(found.rows.map(({ dhash }) => dhash))];
  const looks = new Map<string, number>();
  const exact = await client.query<{ dhash: string; look: number }>(
    `select dhash, min(look_id) as look from photo where agency_id = $1 and dhash = any($2) and look_id is not null group by dhash`,
    [agencyId, hashes],
  );
  for (const { dhash, look } of exact.rows) looks.set(dhash, look);
  const strange = hashes.filter((dhash) => !looks.has(dhash));
  const near = await client.query<{ dhash: string; look: number }>(
    `select n.dhash, min(p.look_id) as look from unnest($2::text[]) n(dhash)
     cross join lateral (${BANDS.map(
       ([from, length]) =>
         `select id, look_id from photo where agency_id = $1 and look_id = id and substring(dhash, ${from}, ${length}) = substring(n.dhash, ${from}, ${length})
          and bit_count(('x' || dhash)::bit(64) # ('x' || n.dhash)::bit(64)) <= ${LOOK_BITS}`,
     ).join(' union all ')}) p
     group by n.dhash`,
    [agencyId, strange],
  );
  for (const { dhash, look } of near.rows) looks.set(dhash, look);
  const heads: { readonly dhash: string; readonly id: number }[] = [];
  const named = found.rows.map(({ id, dhash }) => {
    const known = looks.get(dhash) ?? heads.find((head) => differingBits(head.dhash, dhash) <= LOOK_BITS)?.id;
    if (known !== undefined) return { id, look: known };
    heads.push({ dhash, id });
    return { id, look: id };
  });
  await client.query(
    `update photo p set look_id = n.look from unnest($2::bigint[], $3::bigint[]) n(id, look) where p.agency_id = $1 and p.id = n.id`,
    [agencyId, named.map(({ id }) => id), named.map(({ look }) => look)],
  );
  return renamed.rows.map(({ id }) => id);
}

// ---------------------------------------------------------------- servers

/**
 * Servers that do not answer at all: nothing came from them for a day, and at least five pictures failed by the
 * server's fault, or all, when there are three or more; at least one of them more than once.
 * @param hosts which to look at
 */
async function deadHosts(
  client: Queryable,
  agencyId: number,
  hosts: readonly string[],
  now: Date,
): Promise<Map<string, { readonly silent: number; readonly since: Date }>> {
  if (hosts.length === 0) return new Map();
  const found = await client.query<{ host: string; silent: number; since: Date }>(
    `select host, count(*) filter (where is_silent)::int as silent, min(first_failed_at) filter (where is_silent) as since
     from (select host, first_failed_at, failures, probed_at, failures > 0 and last_error = any($3) as is_silent
       from photo where agency_id = $1 and host = any($2)) p
     group by host
     having not coalesce(bool_or(probed_at > $4), false) and max(failures) filter (where is_silent) >= 2
       and (count(*) filter (where is_silent) >= 5 or count(*) filter (where is_silent) = count(*) and count(*) >= 3)`,
    [agencyId, hosts, HOST_FAILURES, new Date(now.getTime() - 86_400_000)],
  );
  return new Map(found.rows.map(({ host, silent, since }) => [host, { silent, since }]));
}

const HOST_MESSAGE = 'photo-server-silent';

/** One message for a server that fell silent, ended when it answers again. @returns servers whose state has turned */
async function tellHosts(
  client: Queryable,
  agencyId: number,
  hosts: readonly string[],
  before: ReadonlyMap<string, unknown>,
  now: Date,
): Promise<string[]> {
  const after = await deadHosts(client, agencyId, hosts, now);
  const turned = new Set(hosts.filter((host) => before.has(host) !== after.has(host)));
  for (const [host, { silent, since }] of after) {
    const photos = `${formatNumber(silent)} ${agree(silent, 'снимок', 'снимка', 'снимков')}`;
    const isNew = await tell(
      client,
      agencyId,
      [
        {
          key: `${HOST_MESSAGE} ${host} ${since.toISOString()}`,
          kind: HOST_MESSAGE,
          role: 'adSpecialist',
          text:
            `Сервер снимков ${host} не отвечает с ${russianDay(since.toISOString())}: не открылось ${photos}. ` +
            'Объявления из-за этого не снимаются, но доски новых снимков не заберут. Сообщите тому, кто ведёт сервер.',
        },
      ],
      now,
    );
    if (isNew > 0) turned.add(host);
  }
  for (const host of hosts.filter((one) => !after.has(one))) {
    await client.query(
      'update message set done_at = $4 where agency_id = $1 and kind = $2 and starts_with(key, $3) and done_at is null',
      [agencyId, HOST_MESSAGE, `${HOST_MESSAGE} ${host} `, now],
    );
  }
  return [...turned];
}

// ---------------------------------------------------------------- what follows for the listings

const STATE = `p.url, p.host, p.status, p.type, p.bytes, p.width, p.height, p.sha256, p.look_id as "lookId", p.failures,
  p.first_failed_at as "firstFailedAt", p.last_error as "lastError"`;

/**
 * Sums up the probes for listings and makes their cabinets due where that is news.
 * @param patience `skip`: listings that somebody else is changing are left out and told
 */
async function sumUp(
  client: Queryable,
  agencyId: number,
  listingIds: readonly number[],
  now: Date,
  patience: 'skip' | 'wait' = 'skip',
): Promise<{ readonly news: number; readonly locked: readonly number[] }> {
  const news: number[] = [];
  const locked: number[] = [];
  for (let from = 0; from < listingIds.length; from += LISTINGS_AT_ONCE) {
    const ids = listingIds.slice(from, from + LISTINGS_AT_ONCE);
    const done = await sumUpSome(client, agencyId, ids, now, patience);
    news.push(...done.news);
    locked.push(...done.locked);
  }
  if (news.length > 0) await makeDue(client, agencyId, { listingIds: news }, 'edit', now);
  return { news: news.length, locked };
}

async function sumUpSome(
  client: Queryable,
  agencyId: number,
  ids: readonly number[],
  now: Date,
  patience: 'skip' | 'wait',
): Promise<{ readonly news: readonly number[]; readonly locked: readonly number[] }> {
  const listings = await client.query<{ id: number; values: Listing; facts: PhotoFacts | null; key: string | null }>(
    `select id, values, photo_facts as facts, photos_key as key from listing where agency_id = $1 and id = any($2)
     order by id for no key update ${patience === 'skip' ? 'skip locked' : ''}`,
    [agencyId, ids],
  );
  const shown = await client.query<PhotoState & { listingId: number }>(
    `select lp.listing_id as "listingId", ${STATE} from listing_photo lp join photo p on p.agency_id = lp.agency_id and p.id = lp.photo_id
     where lp.agency_id = $1 and lp.listing_id = any($2)`,
    [agencyId, ids],
  );
  const states = new Map<number, Map<string, PhotoState>>();
  for (const { listingId, ...state } of shown.rows) {
    const known = states.get(listingId) ?? new Map<string, PhotoState>();
    states.set(listingId, known.set(state.url, state));
  }
  const silent = shown.rows.filter(({ failures, lastError }) => failures >= 2 && isHostFailure(lastError));
  const dead = await deadHosts(client, agencyId, [...new Set(silent.map(({ host }) => host))], now);

  const summed = listings.rows.map(({ id, values, facts: before, key: keyBefore }) => {
    const known = states.get(id) ?? new Map<string, PhotoState>();
    const facts = photoFactsOf(values.photos ?? [], known, new Set(dead.keys()), now);
    const looks = (values.photos ?? []).flatMap(({ url, isPlan }) => {
      const look = isPlan === true ? null : (known.get(url)?.lookId ?? null);
      return look === null ? [] : [look];
    });
    const text = photosText(looks, values);
    const key = text === null ? null : hashOf(text);
    return { id, facts, key, isNews: key !== keyBefore || isPhotoNews(before, facts) };
  });
  await client.query(
    `update listing l set photo_facts = s.facts, photos_key = s.key from unnest($2::bigint[], $3::jsonb[], $4::text[]) s(id, facts, key)
     where l.agency_id = $1 and l.id = s.id and (l.photo_facts is distinct from s.facts or l.photos_key is distinct from s.key)`,
    [
      agencyId,
      summed.map(({ id }) => id),
      summed.map(({ facts }) => JSON.stringify(facts)),
      summed.map(({ key }) => key),
    ],
  );
  const got = new Set(listings.rows.map(({ id }) => id));
  return { news: summed.filter(({ isNews }) => isNews).map(({ id }) => id), locked: ids.filter((id) => !got.has(id)) };
}

const isHostFailure = (failure: PhotoFailure | null) =>
  failure !== null && (HOST_FAILURES as readonly string[]).includes(failure);

// ---------------------------------------------------------------- for people

export interface PhotoCounts {
  readonly known: number;
  /** Seen, and well at the last look. */
  readonly good: number;
  readonly unprobed: number;
  readonly failing: number;
  readonly broken: number;
  /** To be looked at by now. */
  readonly due: number;
  /** Marked listings whose pictures are not taken in yet. */
  readonly listingsToSync: number;
}

/** How many pictures of the agency are in which state. */
export async function countPhotos(db: Database, agencyId: number, now: Date): Promise<PhotoCounts> {
  const found = await db.pool.query<PhotoCounts>(
    `select count(*)::int as known, count(*) filter (where failures = 0 and bytes is not null)::int as good,
       count(*) filter (where failures = 0 and bytes is null)::int as unprobed,
       count(*) filter (where failures > 0 and not is_broken)::int as failing, count(*) filter (where is_broken)::int as broken,
       count(*) filter (where next_probe_at <= $2)::int as due,
       (select count(*)::int from listing l where l.agency_id = $1 and l.photo_facts is null
         and exists(select 1 from mark m where m.agency_id = $1 and m.listing_id = l.id and m.is_live)) as "listingsToSync"
     from (select *, failures >= 3 and first_failed_at <= $2::timestamptz - interval '24 hours' as is_broken from photo where agency_id = $1) p`,
    [agencyId, now],
  );
  return found.rows[0]!;
}

export interface PhotoRow extends PhotoState {
  /** In the listing's list, from 1. */
  readonly place: number;
  readonly isPlan: boolean;
  readonly probedAt: Date | null;
  readonly nextProbeAt: Date | null;
  /** false: the picture is not taken in, or never will be. */
  readonly isKnown: boolean;
  readonly isBroken: boolean;
}

/** The pictures of a listing in its order, and what is summed up of them. */
export async function photosOf(
  db: Database,
  agencyId: number,
  listingId: number,
  now: Date,
): Promise<{ readonly photos: readonly PhotoRow[]; readonly facts: PhotoFacts | null }> {
  const listing = await db.pool.query<{ facts: PhotoFacts | null }>(
    'select photo_facts as facts from listing where agency_id = $1 and id = $2',
    [agencyId, listingId],
  );
  const found = await db.pool.query<Omit<PhotoRow, 'isBroken' | 'failures'> & { failures: number | null }>(
    `select ${STATE.replace('p.url', "w.photo->>'url' as url")}, w.place::int, coalesce((w.photo->>'isPlan')::boolean, false) as "isPlan",
       p.probed_at as "probedAt", p.next_probe_at as "nextProbeAt", p.id is not null as "isKnown"
     from listing l cross join jsonb_array_elements(l.values->'photos') with ordinality w(photo, place)
     left join photo p on p.agency_id = l.agency_id and p.url = w.photo->>'url'
     where l.agency_id = $1 and l.id = $2 order by w.place`,
    [agencyId, listingId],
  );
  return {
    facts: listing.rows[0]?.facts ?? null,
    photos: found.rows.map((row) => {
      const state = { ...row, failures: row.failures ?? 0 };
      return { ...state, isBroken: isBroken(state, now) };
    }),
  };
}

export interface PhotoHost {
  readonly host: string;
  readonly photos: number;
  readonly good: number;
  readonly unprobed: number;
  readonly failing: number;
  /** When something last came from it. */
  readonly lastAnswerAt: Date | null;
  /** Does it not answer at all? */
  readonly isDead: boolean;
}

/** The agency's picture servers: those in trouble first, then by the number of pictures. */
export async function photoHosts(db: Database, agencyId: number, now: Date): Promise<PhotoHost[]> {
  const found = await db.pool.query<Omit<PhotoHost, 'isDead'>>(
    `select host, count(*)::int as photos, count(*) filter (where failures = 0 and bytes is not null)::int as good,
       count(*) filter (where failures = 0 and bytes is null)::int as unprobed, count(*) filter (where failures > 0)::int as failing,
       max(probed_at) as "lastAnswerAt"
     from photo where agency_id = $1 group by host order by count(*) filter (where failures > 0) desc, count(*) desc, host`,
    [agencyId],
  );
  const troubled = found.rows.filter(({ failing }) => failing > 0).map(({ host }) => host);
  const dead = await deadHosts(db.pool, agencyId, troubled, now);
  return found.rows.map((row) => ({ ...row, isDead: dead.has(row.host) }));
}
