import type pg from 'pg';
import { Fault } from '../domain/fault.ts';
import type { Outcome } from '../domain/gates.ts';
import type { Family, Listing } from '../domain/listing.ts';
import type { Notice } from '../domain/notice.ts';
import type { Database } from './database.ts';
import type { PreviousToken } from './schema.ts';

/** What a publish needs of the database. No deciding here. */

export interface CabinetRow {
  readonly agencyId: number;
  readonly id: number;
  readonly board: string;
  readonly slug: string;
  readonly name: string;
  readonly family: Family;
  readonly tokenSerial: number;
  readonly previousTokens: readonly PreviousToken[];
  readonly editionId: number | null;
}

const CABINET = `c.agency_id as "agencyId", c.id, c.board, c.slug, c.name, c.family, c.token_serial as "tokenSerial",
  c.previous_tokens as "previousTokens", c.edition_id as "editionId"`;

/** Cabinets in a fixed order, of one board or agency where that is asked. */
export async function listCabinets(
  db: Database,
  filter: { board?: string | undefined; agencyId?: number | undefined } = {},
): Promise<CabinetRow[]> {
  const found = await db.pool.query<CabinetRow>(
    `select ${CABINET} from cabinet c where ($1::text is null or c.board = $1) and ($2::int is null or c.agency_id = $2)
     order by c.agency_id, c.id`,
    [filter.board ?? null, filter.agencyId ?? null],
  );
  return found.rows;
}

export interface EditionRow {
  readonly id: number;
  readonly offers: number;
  readonly bytes: number;
  readonly gzipBytes: number;
  readonly sha256: string;
  readonly gzipSha256: string;
  readonly generatedAt: Date;
  readonly publishedAt: Date;
}

const EDITION = `e.id, e.offers, e.bytes, e.gzip_bytes as "gzipBytes", e.sha256, e.gzip_sha256 as "gzipSha256",
  e.generated_at as "generatedAt", e.published_at as "publishedAt"`;

/** The edition a cabinet serves now. */
export async function currentEdition(
  db: Database,
  cabinet: Pick<CabinetRow, 'agencyId' | 'id'>,
): Promise<EditionRow | undefined> {
  const found = await db.pool.query<EditionRow>(
    `select ${EDITION} from cabinet c join edition e on e.agency_id = c.agency_id and e.id = c.edition_id
     where c.agency_id = $1 and c.id = $2`,
    [cabinet.agencyId, cabinet.id],
  );
  return found.rows[0];
}

/** sha256 of the cabinet's latest editions, the served one first. */
export async function recentEditions(
  db: Database,
  cabinet: Pick<CabinetRow, 'agencyId' | 'id'>,
  limit = 10,
): Promise<string[]> {
  const found = await db.pool.query<{ sha256: string }>(
    `select e.sha256 from edition e join cabinet c on c.agency_id = e.agency_id and c.id = e.cabinet_id
     where e.agency_id = $1 and e.cabinet_id = $2 order by (e.id = c.edition_id) desc nulls last, e.id desc limit $3`,
    [cabinet.agencyId, cabinet.id, limit],
  );
  return found.rows.map((row) => row.sha256);
}

/** Starts a run: from now on no older run of the cabinet can commit. Decisions that older runs staged go. */
export async function takeFence(db: Database, cabinet: Pick<CabinetRow, 'agencyId' | 'id'>): Promise<number> {
  const found = await db.pool.query<{ fence: number }>(
    'update cabinet set fence = fence + 1 where agency_id = $1 and id = $2 returning fence',
    [cabinet.agencyId, cabinet.id],
  );
  const fence = found.rows[0]!.fence;
  await db.pool.query('delete from outcome_stage where agency_id = $1 and cabinet_id = $2 and fence < $3', [
    cabinet.agencyId,
    cabinet.id,
    fence,
  ]);
  return fence;
}

/** A live mark as the narrow pass sees it: ids and the key of all that its offer depends on. */
export interface NarrowRow {
  readonly listingId: number;
  readonly inputKey: string;
  /** The last decision still holds. */
  readonly isSame: boolean;
  readonly outcome: Outcome | null;
}

/** What the content of one offer is made of, besides the rules: everything here is part of its key. */
const OFFER_KEY = `md5(concat_ws('|', l.values_hash, l.gone_at::text, m.board_offer_id, m.avito_id, e.phones::text, e.email, e.name, l.first_seen_at::text, $3::text))`;

/** The snapshot of one run: a read-only transaction that sees one moment, however long the run takes. */
export class PublishSnapshot {
  readonly #client: pg.PoolClient;
  readonly #cabinet: Pick<CabinetRow, 'agencyId' | 'id'>;
  private constructor(client: pg.PoolClient, cabinet: Pick<CabinetRow, 'agencyId' | 'id'>) {
    this.#client = client;
    this.#cabinet = cabinet;
  }

  static async open(db: Database, cabinet: Pick<CabinetRow, 'agencyId' | 'id'>): Promise<PublishSnapshot> {
    const client = await db.pool.connect();
    try {
      await client.query('begin isolation level repeatable read read only');
    } catch (error) {
      client.release(true);
      throw error;
    }
    return new PublishSnapshot(client, cabinet);
  }

  /** Live marks in the order of listing numbers, in batches. `context` is the key of rules, codec and cabinet. */
  async *marks(context: string, batch = 2048): AsyncGenerator<NarrowRow[]> {
    await this.#client.query(
      `declare marks no scroll cursor for
       select l.id as "listingId", ${OFFER_KEY} as "inputKey", (${OFFER_KEY} is not distinct from m.input_key) as "isSame", m.outcome
       from mark m join listing l on l.agency_id = m.agency_id and l.id = m.listing_id
       left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id
       where m.agency_id = $1 and m.cabinet_id = $2 and m.is_live order by l.id`,
      [this.#cabinet.agencyId, this.#cabinet.id, context],
    );
    for (;;) {
      const found = await this.#client.query<NarrowRow>(`fetch ${batch} from marks`);
      if (found.rows.length === 0) break;
      yield found.rows;
    }
    await this.#client.query('close marks');
  }

  /** True when nothing would come out differently from last time. */
  async isUnchanged(context: string): Promise<boolean> {
    const found = await this.#client.query<{ changed: boolean }>(
      `select exists(select 1 from mark m join listing l on l.agency_id = m.agency_id and l.id = m.listing_id
         left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id
         where m.agency_id = $1 and m.cabinet_id = $2
           and (m.is_live and ${OFFER_KEY} is distinct from m.input_key or not m.is_live and m.outcome = 'published')) as changed`,
      [this.#cabinet.agencyId, this.#cabinet.id, context],
    );
    return !found.rows[0]!.changed;
  }

  /** Everything about the given listings, in no particular order. */
  wide(listingIds: readonly number[]): Promise<MarkedListing[]> {
    return loadMarked(this.#client, this.#cabinet, listingIds);
  }

  async close(): Promise<void> {
    try {
      await this.#client.query('rollback');
      this.#client.release();
    } catch {
      this.#client.release(true);
    }
  }
}

export interface MarkedListing {
  readonly listingId: number;
  readonly values: Listing;
  readonly boardOfferId: string;
  readonly avitoId: number | null;
  readonly goneAt: Date | null;
  readonly firstSeenAt: Date;
  readonly employee: {
    readonly name: string;
    readonly phones: readonly string[];
    readonly email: string | null;
  } | null;
  readonly outcome: Outcome | null;
  readonly isLive: boolean;
}

/** Marked listings of a cabinet with what their offers are made of. */
export async function loadMarked(
  client: { query: pg.PoolClient['query'] },
  cabinet: Pick<CabinetRow, 'agencyId' | 'id'>,
  listingIds: readonly number[],
): Promise<MarkedListing[]> {
  const found = await client.query<MarkedListing>(
    `select l.id as "listingId", l.values, m.board_offer_id as "boardOfferId", m.avito_id as "avitoId", l.gone_at as "goneAt",
       l.first_seen_at as "firstSeenAt", m.outcome, m.is_live as "isLive",
       case when e.id is null then null else jsonb_build_object('name', e.name, 'phones', e.phones, 'email', e.email) end as employee
     from mark m join listing l on l.agency_id = m.agency_id and l.id = m.listing_id
     left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id
     where m.agency_id = $1 and m.cabinet_id = $2 and l.id = any($3::bigint[])`,
    [cabinet.agencyId, cabinet.id, listingIds],
  );
  return found.rows;
}

export interface StagedOutcome {
  readonly listingId: number;
  readonly outcome: Outcome;
  /** Blocking notices; null where there are none. */
  readonly notices: readonly Pick<Notice, 'code' | 'message'>[] | null;
  readonly inputKey: string;
}

/** Puts decisions where nobody sees them yet. */
export async function stageOutcomes(
  db: Database,
  cabinet: Pick<CabinetRow, 'agencyId' | 'id'>,
  fence: number,
  rows: readonly StagedOutcome[],
): Promise<void> {
  if (rows.length === 0) return;
  await db.pool.query(
    `insert into outcome_stage (agency_id, cabinet_id, fence, listing_id, outcome, notices, input_key)
     select $1, $2, $3, * from unnest($4::bigint[], $5::text[], $6::jsonb[], $7::text[])`,
    [
      cabinet.agencyId,
      cabinet.id,
      fence,
      rows.map((row) => row.listingId),
      rows.map((row) => row.outcome),
      rows.map((row) => (row.notices === null ? null : JSON.stringify(row.notices))),
      rows.map((row) => row.inputKey),
    ],
  );
}

export type NewEdition = Omit<EditionRow, 'id'>;

export type CommitResult =
  | { readonly state: 'committed'; readonly editionId: number | null }
  /** A newer run has taken the cabinet; this one leaves no trace. */
  | { readonly state: 'overtaken' }
  /** A mark was withdrawn while the run was under way: its offer must not be served. */
  | { readonly state: 'withdrawn-meanwhile' };

/**
 * The one short commit: the edition, its outcomes and the pointer become visible together.
 * @param staged how many decisions were staged; the unlogged table is empty after a crash of the database
 * @param edition absent when the offers did not change and the served edition stays
 */
export async function commitRun(
  db: Database,
  cabinet: Pick<CabinetRow, 'agencyId' | 'id'>,
  fence: number,
  edition: NewEdition | undefined,
  staged: number,
  now: Date,
): Promise<CommitResult> {
  const client = await db.pool.connect();
  const key = [cabinet.agencyId, cabinet.id];
  try {
    await client.query('begin');
    const mine = await client.query<{ editionId: number | null }>(
      'select edition_id as "editionId" from cabinet where agency_id = $1 and id = $2 and fence = $3 for update',
      [...key, fence],
    );
    if (mine.rows.length === 0) return await giveUp(client, 'overtaken');
    // `unmark` takes the cabinet's row too, so a withdrawal is either before our snapshot or seen here.
    const withdrawn = await client.query(
      `select 1 from mark where agency_id = $1 and cabinet_id = $2 and not is_live and unmarked_fence >= $3 limit 1`,
      [...key, fence],
    );
    if (withdrawn.rows.length > 0) return await giveUp(client, 'withdrawn-meanwhile');
    const there = await client.query<{ count: number }>(
      'select count(*)::int as count from outcome_stage where agency_id = $1 and cabinet_id = $2 and fence = $3',
      [...key, fence],
    );
    if (there.rows[0]!.count !== staged) {
      throw new Fault(
        'publish-disturbed',
        'База данных перезапускалась во время публикации. Доски получают прежнее издание: повторите публикацию.',
        { retryable: true },
      );
    }
    let editionId = mine.rows[0]!.editionId;
    if (edition) {
      const made = await client.query<{ id: number }>(
        `insert into edition (agency_id, cabinet_id, offers, bytes, gzip_bytes, sha256, gzip_sha256, generated_at, published_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning id`,
        [
          ...key,
          edition.offers,
          edition.bytes,
          edition.gzipBytes,
          edition.sha256,
          edition.gzipSha256,
          edition.generatedAt,
          edition.publishedAt,
        ],
      );
      editionId = made.rows[0]!.id;
      await client.query('update cabinet set edition_id = $3 where agency_id = $1 and id = $2', [...key, editionId]);
    }
    await client.query(
      `insert into mark_transition (agency_id, cabinet_id, listing_id, at, outcome, edition_id)
       select m.agency_id, m.cabinet_id, m.listing_id, $4, s.outcome, $5 from outcome_stage s
       join mark m on m.agency_id = s.agency_id and m.cabinet_id = s.cabinet_id and m.listing_id = s.listing_id
       where s.agency_id = $1 and s.cabinet_id = $2 and s.fence = $3 and m.outcome is distinct from s.outcome`,
      [...key, fence, now, editionId],
    );
    await client.query(
      `update mark m set outcome = s.outcome, notices = s.notices, input_key = s.input_key, decided_at = $4 from outcome_stage s
       where s.agency_id = $1 and s.cabinet_id = $2 and s.fence = $3
         and m.agency_id = s.agency_id and m.cabinet_id = s.cabinet_id and m.listing_id = s.listing_id`,
      [...key, fence, now],
    );
    // A mark that was taken off has left the feed with this edition.
    await client.query(
      `update mark set outcome = null, notices = null, input_key = null where agency_id = $1 and cabinet_id = $2 and not is_live and outcome is not null`,
      key,
    );
    await client.query('delete from outcome_stage where agency_id = $1 and cabinet_id = $2 and fence = $3', [
      ...key,
      fence,
    ]);
    await client.query('commit');
    client.release();
    return { state: 'committed', editionId };
  } catch (error) {
    await client.query('rollback').catch(() => {});
    client.release(error as Error);
    throw error;
  }
}

async function giveUp<T extends 'overtaken' | 'withdrawn-meanwhile'>(
  client: pg.PoolClient,
  state: T,
): Promise<{ state: T }> {
  await client.query('rollback');
  client.release();
  return { state };
}

/** How many live marks of a cabinet stand at each outcome. */
export async function countOutcomes(
  db: Database,
  cabinet: Pick<CabinetRow, 'agencyId' | 'id'>,
): Promise<Partial<Record<Outcome, number>>> {
  const found = await db.pool.query<{ outcome: Outcome | null; count: number }>(
    'select outcome, count(*)::int as count from mark where agency_id = $1 and cabinet_id = $2 and is_live group by outcome',
    [cabinet.agencyId, cabinet.id],
  );
  return Object.fromEntries(found.rows.filter((row) => row.outcome !== null).map((row) => [row.outcome, row.count]));
}

/** How many live marks the cabinets have together. */
export async function countMarks(
  db: Database,
  cabinets: readonly Pick<CabinetRow, 'agencyId' | 'id'>[],
): Promise<number> {
  const found = await db.pool.query<{ count: number }>(
    `select count(*)::int as count from mark m join unnest($1::int[], $2::bigint[]) as c(agency_id, id)
       on m.agency_id = c.agency_id and m.cabinet_id = c.id where m.is_live`,
    [cabinets.map((cabinet) => cabinet.agencyId), cabinets.map((cabinet) => cabinet.id)],
  );
  return found.rows[0]!.count;
}
