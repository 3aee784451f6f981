import type pg from 'pg';
import { type Corrections, canonicalJson, effective, fieldValue } from '../domain/corrections.ts';
import type { Listing } from '../domain/listing.ts';
import type { Database } from './database.ts';
import { hashOf } from './hash.ts';

/** Offers on their way in: a staging table, and one merge at the end that changes everything or nothing. */

export async function ensureSource(
  db: Database,
  agencyId: number,
  name: string,
  branchId: number | null,
): Promise<number> {
  await db.pool.query(
    `insert into source (agency_id, name, branch_id) values ($1, $2, $3)
     on conflict (agency_id, name) do update set branch_id = coalesce(excluded.branch_id, source.branch_id)`,
    [agencyId, name, branchId],
  );
  const found = await db.pool.query<{ id: number }>('select id from source where agency_id = $1 and name = $2', [
    agencyId,
    name,
  ]);
  return found.rows[0]!.id;
}

export async function startImport(db: Database, agencyId: number, sourceId: number, now: Date): Promise<number> {
  const made = await db.pool.query<{ id: number }>(
    'insert into import_run (agency_id, source_id, started_at) values ($1, $2, $3) returning id',
    [agencyId, sourceId, now],
  );
  return made.rows[0]!.id;
}

export interface StagedOffer {
  readonly externalId: string;
  /** Its place in the file, from 1. */
  readonly ordinal: number;
  readonly line: number;
  /** null: a bad offer of a listing that may be known already. */
  readonly values: Listing | null;
  readonly employeeId: number | null;
}

/** Stages offers. @returns the places of offers whose id was in the file before: the first one stays */
export async function stageOffers(
  db: Database,
  agencyId: number,
  runId: number,
  offers: readonly StagedOffer[],
): Promise<Set<number>> {
  if (offers.length === 0) return new Set();
  const taken = await db.pool.query<{ ordinal: number }>(
    `insert into import_row (agency_id, run_id, external_id, ordinal, values, hash, employee_id)
     select $1, $2, * from unnest($3::text[], $4::int[], $5::jsonb[], $6::text[], $7::bigint[]) on conflict do nothing returning ordinal`,
    [
      agencyId,
      runId,
      offers.map((offer) => offer.externalId),
      offers.map((offer) => offer.ordinal),
      offers.map((offer) => (offer.values === null ? null : JSON.stringify(offer.values))),
      offers.map((offer) => (offer.values === null ? null : hashOf(offer.values))),
      offers.map((offer) => offer.employeeId),
    ],
  );
  const kept = new Set(taken.rows.map((row) => row.ordinal));
  return new Set(offers.map((offer) => offer.ordinal).filter((ordinal) => !kept.has(ordinal)));
}

export interface MergeCounts {
  readonly imported: number;
  readonly updated: number;
  readonly unchanged: number;
  /** Listings that were in the source before and are not in the file. */
  readonly gone: number;
  /** Listings that had gone and are back. */
  readonly returned: number;
  /** Listings of the source before the merge that had not gone. */
  readonly before: number;
  /** Listings whose source changed a field that a person had corrected. */
  readonly conflicting: number;
}

export type MergeResult = { readonly state: 'merged' | 'rehearsed' | 'waiting'; readonly counts: MergeCounts };

/** The share of a source that a file may lose without a person's word. */
export const LOSS_LIMIT = 0.2;

/**
 * Makes the staged offers listings, in one transaction.
 * @param mode `merge`, `rehearse` (everything is rolled back), or `merge-with-loss` when a person has confirmed a loss
 * @returns `waiting` when more than a fifth of the source would be lost without confirmation; nothing is changed then
 */
export async function mergeImport(
  db: Database,
  run: { readonly agencyId: number; readonly id: number; readonly sourceId: number; readonly branchId: number | null },
  mode: 'merge' | 'rehearse' | 'merge-with-loss',
  now: Date,
): Promise<MergeResult> {
  const client = await db.pool.connect();
  const key = [run.agencyId, run.sourceId, run.id];
  try {
    await client.query('begin');
    // Without statistics of the fresh rows the planner compares every one with every other.
    await client.query('analyze import_row');
    // Two imports of one source go one after the other.
    await client.query('select 1 from source where agency_id = $1 and id = $2 for update', [
      run.agencyId,
      run.sourceId,
    ]);
    const [loss] = (
      await client.query<{ before: number; gone: number }>(
        `select count(*)::int as before, count(*) filter (where r.external_id is null)::int as gone
         from listing l left join import_row r on r.agency_id = l.agency_id and r.run_id = $3 and r.external_id = l.external_id
         where l.agency_id = $1 and l.source_id = $2 and l.gone_at is null`,
        key,
      )
    ).rows;
    const { before, gone } = loss!;
    const isHeavy = gone > before * LOSS_LIMIT;
    const same = await client.query<{ count: number }>(
      `select count(*)::int as count from listing l join import_row r on r.agency_id = l.agency_id and r.run_id = $3 and r.external_id = l.external_id
       where l.agency_id = $1 and l.source_id = $2 and r.hash = l.source_hash`,
      key,
    );
    const returned = await client.query(
      `update listing l set gone_at = null, changed_at = $4 from import_row r
       where l.agency_id = $1 and l.source_id = $2 and l.gone_at is not null
         and r.agency_id = l.agency_id and r.run_id = $3 and r.external_id = l.external_id`,
      [...key, now],
    );
    const corrected = await mergeCorrected(client, key, now);
    const updated = await client.query(
      `update listing l set source_values = r.values, source_hash = r.hash, values = r.values, values_hash = r.hash, changed_at = $4
       from import_row r where l.agency_id = $1 and l.source_id = $2 and l.corrections = '{}'::jsonb
         and r.agency_id = l.agency_id and r.run_id = $3 and r.external_id = l.external_id and r.hash is distinct from l.source_hash and r.hash is not null`,
      [...key, now],
    );
    await client.query(
      `update listing l set employee_id = r.employee_id from import_row r
       where l.agency_id = $1 and l.source_id = $2 and r.agency_id = l.agency_id and r.run_id = $3 and r.external_id = l.external_id
         and r.employee_id is not null and l.employee_id is distinct from r.employee_id`,
      key,
    );
    const imported = await client.query(
      `insert into listing (agency_id, source_id, external_id, branch_id, employee_id, source_values, source_hash, values, values_hash, first_seen_at, changed_at)
       select $1, $2, r.external_id, $5, r.employee_id, r.values, r.hash, r.values, r.hash, $4, $4
       from import_row r where r.agency_id = $1 and r.run_id = $3 and r.values is not null
         and not exists (select 1 from listing l where l.agency_id = $1 and l.source_id = $2 and l.external_id = r.external_id)
       order by r.ordinal`,
      [...key, now, run.branchId],
    );
    await client.query(
      `update listing l set gone_at = $4, changed_at = $4 where l.agency_id = $1 and l.source_id = $2 and l.gone_at is null
         and not exists (select 1 from import_row r where r.agency_id = $1 and r.run_id = $3 and r.external_id = l.external_id)`,
      [...key, now],
    );
    const counts: MergeCounts = {
      imported: imported.rowCount ?? 0,
      updated: (updated.rowCount ?? 0) + corrected.updated,
      unchanged: same.rows[0]!.count,
      gone,
      returned: returned.rowCount ?? 0,
      before,
      conflicting: corrected.conflicting,
    };
    const state = mode === 'rehearse' ? 'rehearsed' : isHeavy && mode === 'merge' ? 'waiting' : 'merged';
    await client.query(state === 'merged' ? 'commit' : 'rollback');
    client.release();
    return { state, counts };
  } catch (error) {
    await client.query('rollback').catch(() => {});
    client.release(error as Error);
    throw error;
  }
}

/** Listings with corrections are few: they are merged one by one, so the overlay is laid by the one function that knows how. */
async function mergeCorrected(
  client: pg.PoolClient,
  key: readonly number[],
  now: Date,
): Promise<{ updated: number; conflicting: number }> {
  const found = await client.query<{
    id: number;
    values: Listing;
    hash: string;
    corrections: Corrections;
    before: Listing;
  }>(
    `select l.id, r.values, r.hash, l.corrections, l.source_values as before from listing l
     join import_row r on r.agency_id = l.agency_id and r.run_id = $3 and r.external_id = l.external_id
     where l.agency_id = $1 and l.source_id = $2 and l.corrections <> '{}'::jsonb and r.hash is not null and r.hash <> l.source_hash for update of l`,
    [...key],
  );
  let conflicting = 0;
  for (const row of found.rows) {
    const values = effective(row.values, row.corrections);
    const isTouched = Object.keys(row.corrections).some(
      (field) => canonicalJson(fieldValue(row.before, field)) !== canonicalJson(fieldValue(row.values, field)),
    );
    if (isTouched) conflicting++;
    await client.query(
      `update listing set source_values = $3, source_hash = $4, values = $5, values_hash = $6, changed_at = $7 where agency_id = $1 and id = $2`,
      [key[0], row.id, JSON.stringify(row.values), row.hash, JSON.stringify(values), hashOf(values), now],
    );
  }
  return { updated: found.rows.length, conflicting };
}

/** Ends a run and throws its staged offers away. */
export async function endImport(
  db: Database,
  agencyId: number,
  runId: number,
  status: 'imported' | 'waiting-for-confirmation' | 'failed' | 'rehearsed',
  report: unknown,
  now: Date,
): Promise<void> {
  await db.pool.query('delete from import_row where agency_id = $1 and run_id = $2', [agencyId, runId]);
  await db.pool.query(
    'update import_run set status = $3, report = $4, finished_at = $5 where agency_id = $1 and id = $2',
    [agencyId, runId, status, JSON.stringify(report), now],
  );
}
