import type { Database, Queryable } from './database.ts';

/** The log of who took a feed, when and what. */

export interface FeedPull {
  readonly agencyId: number;
  readonly cabinetId: number;
  readonly editionId: number | null;
  readonly at: Date;
  readonly method: string;
  readonly status: number;
  readonly encoding: 'identity' | 'gzip';
  readonly bytes: number;
  readonly isPreviousToken: boolean;
  readonly userAgent: string | null;
  readonly address: string | null;
}

export async function logPull(db: Database, pull: FeedPull): Promise<void> {
  await db.pool.query(
    `insert into feed_pull (agency_id, cabinet_id, edition_id, at, method, status, encoding, bytes, is_previous_token, user_agent, address)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [
      pull.agencyId,
      pull.cabinetId,
      pull.editionId,
      pull.at,
      pull.method,
      pull.status,
      pull.encoding,
      pull.bytes,
      pull.isPreviousToken,
      pull.userAgent,
      pull.address,
    ],
  );
}

/** The latest pulls of a cabinet, newest first. */
export async function listPulls(db: Database, agencyId: number, cabinetId: number, limit = 50): Promise<FeedPull[]> {
  const found = await db.pool.query<FeedPull>(
    `select agency_id as "agencyId", cabinet_id as "cabinetId", edition_id as "editionId", at, method, status, encoding, bytes,
       is_previous_token as "isPreviousToken", user_agent as "userAgent", address
     from feed_pull where agency_id = $1 and cabinet_id = $2 order by id desc limit $3`,
    [agencyId, cabinetId, limit],
  );
  return found.rows;
}

/** Fewer pulls say nothing about a board's habits. */
const PULLS_MIN = 4;

export interface CabinetPulls {
  readonly cabinetId: number;
  /** When the feed was last taken, or asked for and found unchanged; null: never. */
  readonly lastAt: Date | null;
  /** The median of the hours between two pulls of the last two weeks; null: too few. */
  readonly usualHours: number | null;
  /** Pulls of the last 24 hours. */
  readonly lastDay: number;
  /** When somebody last came by an address that was rotated away; null: nobody since its rotation. */
  readonly byPreviousAt: Date | null;
}

/** How the feeds of an agency are taken. Cabinets whose feed nobody ever took are missing. */
export async function pullHabits(
  client: Queryable,
  agencyId: number,
  now: Date,
): Promise<ReadonlyMap<number, CabinetPulls>> {
  const found = await client.query<CabinetPulls>(
    `select g.cabinet_id as "cabinetId", max(g.at) as "lastAt",
       case when count(g.length) >= $3 then (percentile_cont(0.5) within group (order by extract(epoch from g.length)::float8) / 3600)::float8 end as "usualHours",
       (count(*) filter (where g.at > $2::timestamptz - interval '24 hours'))::int as "lastDay",
       max(g.at) filter (where g.is_previous_token) as "byPreviousAt"
     from (select p.cabinet_id, p.at, p.is_previous_token,
         case when p.at > $2::timestamptz - interval '14 days' then p.at - lag(p.at) over (partition by p.cabinet_id order by p.at) end as length
       from feed_pull p where p.agency_id = $1 and p.at <= $2 and p.method = 'GET' and p.status in (200, 304)) g
     group by 1`,
    [agencyId, now, PULLS_MIN - 1],
  );
  return new Map(found.rows.map((row) => [row.cabinetId, row]));
}
