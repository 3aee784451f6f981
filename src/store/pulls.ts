import type { Database } from './database.ts';

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
