import type pg from 'pg';
import { type Corrections, canonicalJson, effective, fieldValue } from '../domain/corrections.ts';
import { Fault } from '../domain/fault.ts';
import type { Listing } from '../domain/listing.ts';
import { branchNamed } from './agencies.ts';
import { AUTOTEXT } from './autotext.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { makeDue } from './due.ts';
import { hashOf } from './hash.ts';
import { record } from './journal.ts';
import { forgetPhotos, freshAfter, keysOf } from './keys.ts';

/** Offers on their way in: a staging table, and one merge at the end that changes everything or nothing. */

/** The source of that name. `location` is where a file was first loaded from, when it is called by its name only. */
async function ensureSource(
  db: Database,
  agencyId: number,
  name: string,
  branchId: number | null,
  location: string | null,
): Promise<{ id: number; location: string | null; isNew: boolean }> {
  const made = await db.pool.query<{ id: number }>(
    `insert into source (agency_id, name, branch_id, location) values ($1, $2, $3, $4)
     on conflict (agency_id, name) do nothing returning id`,
    [agencyId, name, branchId, location],
  );
  if (made.rows[0]) return { id: made.rows[0].id, location, isNew: true };
  const found = await db.pool.query<{ id: number; location: string | null }>(
    `update source set branch_id = coalesce($3, branch_id) where agency_id = $1 and name = $2 returning id, location`,
    [agencyId, name, branchId],
  );
  return { ...found.rows[0]!, isNew: false };
}

/** Space of the advisory locks by which a living import is told from a killed one. */
const IMPORT_LOCK = 7_061_970;

/** An import under way. While it lives it holds a lock, so others can see that its staged offers are wanted. */
export interface ImportRun {
  readonly agencyId: number;
  readonly id: number;
  readonly sourceId: number;
  readonly branchId: number | null;
  /** Where the source of this name was loaded from before; null when it is new or was named by a person. */
  readonly knownLocation: string | null;
  readonly client: pg.PoolClient;
  /** What this import made and takes away again when it changes nothing. */
  readonly made: { readonly source: boolean; readonly branch: boolean; readonly agency: boolean };
}

export async function startImport(
  db: Database,
  wanted: {
    readonly agencyId: number;
    readonly isNewAgency?: boolean;
    readonly branch?: string | undefined;
    readonly source: string;
    readonly location?: string | null;
  },
  now: Date,
): Promise<ImportRun> {
  const { agencyId } = wanted;
  await sweepKilled(db, agencyId, now);
  const branch = wanted.branch === undefined ? null : await branchNamed(db, agencyId, wanted.branch);
  const source = await ensureSource(db, agencyId, wanted.source, branch?.id ?? null, wanted.location ?? null);
  const client = await db.pool.connect();
  try {
    const made = await client.query<{ id: number }>(
      'insert into import_run (agency_id, source_id, started_at) values ($1, $2, $3) returning id',
      [agencyId, source.id, now],
    );
    const { id } = made.rows[0]!;
    await client.query('select pg_advisory_lock($1, $2)', [IMPORT_LOCK, id]);
    return {
      agencyId,
      id,
      sourceId: source.id,
      branchId: branch?.id ?? null,
      knownLocation: source.isNew ? null : source.location,
      client,
      made: { source: source.isNew, branch: branch?.isNew ?? false, agency: wanted.isNewAgency ?? false },
    };
  } catch (error) {
    client.release(error as Error);
    throw error;
  }
}

/** Throws away what killed imports left in the staging table: nobody holds their locks any more. */
async function sweepKilled(db: Database, agencyId: number, now: Date): Promise<void> {
  const client = await db.pool.connect();
  try {
    const open = await client.query<{ id: number }>(
      'select id from import_run where agency_id = $1 and finished_at is null',
      [agencyId],
    );
    for (const { id } of open.rows) {
      const lock = await client.query<{ free: boolean }>('select pg_try_advisory_lock($1, $2) as free', [
        IMPORT_LOCK,
        id,
      ]);
      if (!lock.rows[0]!.free) continue;
      await client.query('delete from import_row where agency_id = $1 and run_id = $2', [agencyId, id]);
      await client.query(`update import_run set status = 'failed', finished_at = $3 where agency_id = $1 and id = $2`, [
        agencyId,
        id,
        now,
      ]);
      await client.query('select pg_advisory_unlock($1, $2)', [IMPORT_LOCK, id]);
    }
  } finally {
    client.release();
  }
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

/**
 * Stages offers. Of several with one id the first good one stays; a bad one stays only while no good one has come.
 * @returns the places of the offers that were not kept, and how many ids are new in the file
 */
export async function stageOffers(
  db: Database,
  run: Pick<ImportRun, 'agencyId' | 'id'>,
  offers: readonly StagedOffer[],
): Promise<{ refused: Set<number>; added: number }> {
  if (offers.length === 0) return { refused: new Set(), added: 0 };
  // One statement must not touch a row twice, so twins within the batch are sorted out here.
  const first = new Map<string, StagedOffer>();
  for (const offer of offers) {
    const known = first.get(offer.externalId);
    if (!known || (known.values === null && offer.values !== null)) first.set(offer.externalId, offer);
  }
  const rows = [...first.values()];
  const keys = rows.map(({ values }) => (values === null ? null : keysOf(values)));
  const taken = await db.pool.query<{ ordinal: number; isNew: boolean }>(
    `insert into import_row as r (agency_id, run_id, external_id, ordinal, values, hash, employee_id, duplicate_key, likeness_key)
     select $1, $2, * from unnest($3::text[], $4::int[], $5::jsonb[], $6::text[], $7::bigint[], $8::text[], $9::text[])
     on conflict (agency_id, run_id, external_id) do update
       set ordinal = excluded.ordinal, values = excluded.values, hash = excluded.hash, employee_id = excluded.employee_id,
         duplicate_key = excluded.duplicate_key, likeness_key = excluded.likeness_key
       where r.values is null and excluded.values is not null
     returning ordinal, xmax = 0 as "isNew"`,
    [
      run.agencyId,
      run.id,
      rows.map((offer) => offer.externalId),
      rows.map((offer) => offer.ordinal),
      rows.map((offer) => (offer.values === null ? null : JSON.stringify(offer.values))),
      rows.map((offer) => (offer.values === null ? null : hashOf(offer.values))),
      rows.map((offer) => offer.employeeId),
      keys.map((key) => key?.duplicateKey ?? null),
      keys.map((key) => key?.likenessKey ?? null),
    ],
  );
  const kept = new Set(taken.rows.map((row) => row.ordinal));
  return {
    refused: new Set(offers.map((offer) => offer.ordinal).filter((ordinal) => !kept.has(ordinal))),
    added: taken.rows.filter((row) => row.isNew).length,
  };
}

/** The other source of the agency that has most of the staged ids already, if one has at least half of them. */
export async function likelyTwin(db: Database, run: ImportRun): Promise<string | undefined> {
  const found = await db.pool.query<{ name: string }>(
    `select s.name from import_row r join listing l on l.agency_id = r.agency_id and l.external_id = r.external_id
     join source s on s.agency_id = l.agency_id and s.id = l.source_id
     where r.agency_id = $1 and r.run_id = $2 and l.source_id <> $3
     group by s.name having count(*) * 2 >= (select count(*) from import_row where agency_id = $1 and run_id = $2)
     order by count(*) desc limit 1`,
    [run.agencyId, run.id, run.sourceId],
  );
  return found.rows[0]?.name;
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
 * @param mode `merge`, `rehearse` (everything is rolled back), `merge-with-loss` when a person has confirmed a loss, or
 *   `push`: the offers are not the whole source, and what is not among them stays as it is
 * @param staged how many ids were staged; the unlogged table is empty after a crash of the database
 * @returns `waiting` when more than a fifth of the source would be lost without confirmation; nothing is changed then
 */
export async function mergeImport(
  db: Database,
  run: Pick<ImportRun, 'agencyId' | 'id' | 'sourceId' | 'branchId'>,
  staged: number,
  mode: 'merge' | 'rehearse' | 'merge-with-loss' | 'push',
  now: Date,
): Promise<MergeResult> {
  const client = await db.pool.connect();
  const key = [run.agencyId, run.sourceId, run.id];
  try {
    await client.query('begin');
    // Without statistics of the fresh rows the planner compares every one with every other.
    if (mode !== 'push') await client.query('analyze import_row');
    // Two imports of one source go one after the other.
    await client.query('select 1 from source where agency_id = $1 and id = $2 for update', [
      run.agencyId,
      run.sourceId,
    ]);
    const there = await client.query<{ count: number }>(
      'select count(*)::int as count from import_row where agency_id = $1 and run_id = $2',
      [run.agencyId, run.id],
    );
    if (there.rows[0]!.count !== staged) {
      throw new Fault(
        'import-disturbed',
        'База данных перезапускалась во время загрузки. Ничего не изменено: повторите загрузку.',
        {
          retryable: true,
        },
      );
    }
    const [loss] = (
      await client.query<{ before: number; gone: number }>(
        `select count(*)::int as before, count(*) filter (where r.external_id is null)::int as gone
         from listing l left join import_row r on r.agency_id = l.agency_id and r.run_id = $3 and r.external_id = l.external_id
         where l.agency_id = $1 and l.source_id = $2 and l.gone_at is null and not $4`,
        [...key, mode === 'push'],
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
      `update listing l set gone_at = null, changed_at = $4, fresh_at = $4, is_changed_by_source = true from import_row r
       where l.agency_id = $1 and l.source_id = $2 and l.gone_at is not null
         and r.agency_id = l.agency_id and r.run_id = $3 and r.external_id = l.external_id`,
      [...key, now],
    );
    const corrected = await mergeCorrected(client, key, now);
    const updated = await client.query(
      `update listing l set source_values = r.values, source_hash = r.hash, values = r.values, values_hash = r.hash,
         changed_at = $4, fresh_at = ${freshAfter('$4', 'l.source_values', 'r.values')}, is_changed_by_source = true,
         duplicate_key = r.duplicate_key, likeness_key = r.likeness_key, ${forgetPhotos('r.values')}
       from import_row r where l.agency_id = $1 and l.source_id = $2 and l.corrections = '{}'::jsonb
         and r.agency_id = l.agency_id and r.run_id = $3 and r.external_id = l.external_id and r.hash is distinct from l.source_hash and r.hash is not null`,
      [...key, now],
    );
    const handed = await client.query<{ id: number }>(
      `with handed as (
         update listing l set employee_id = r.employee_id, handed_from = null from import_row r
         where l.agency_id = $1 and l.source_id = $2 and r.agency_id = l.agency_id and r.run_id = $3 and r.external_id = l.external_id
           and r.employee_id is not null and l.employee_id is distinct from r.employee_id and l.handed_from is distinct from r.employee_id
         returning l.agency_id, l.id)
       select distinct m.cabinet_id as id from handed h
       join mark m on m.agency_id = h.agency_id and m.listing_id = h.id and m.is_live`,
      key,
    );
    const imported = await client.query(
      `insert into listing (agency_id, source_id, external_id, branch_id, employee_id, source_values, source_hash, values, values_hash,
         duplicate_key, likeness_key, first_seen_at, changed_at, fresh_at)
       select $1, $2, r.external_id, $5, r.employee_id, r.values, r.hash, r.values, r.hash, r.duplicate_key, r.likeness_key, $4, $4, $4
       from import_row r where r.agency_id = $1 and r.run_id = $3 and r.values is not null
         and not exists (select 1 from listing l where l.agency_id = $1 and l.source_id = $2 and l.external_id = r.external_id)
       order by r.ordinal`,
      [...key, now, run.branchId],
    );
    if (gone > 0)
      await client.query(
        `update listing l set gone_at = $4, changed_at = $4, is_changed_by_source = true where l.agency_id = $1 and l.source_id = $2 and l.gone_at is null
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
    const isHeld = isHeavy && mode !== 'merge-with-loss';
    const state = isHeld ? 'waiting' : mode === 'rehearse' ? 'rehearsed' : 'merged';
    if (state === 'merged') {
      await makeConcernedDue(
        client,
        run,
        handed.rows.map(({ id }) => id),
        now,
      );
    }
    await client.query(state === 'merged' ? 'commit' : 'rollback');
    client.release();
    return { state, counts };
  } catch (error) {
    await client.query('rollback').catch(() => {});
    client.release(error as Error);
    throw error;
  }
}

/**
 * The cabinets whose listings a merge has just touched are due. Listings are told by the moment that the merge wrote.
 * @param handed cabinets of listings that got another responsible person
 */
async function makeConcernedDue(
  client: Queryable,
  run: Pick<ImportRun, 'agencyId' | 'sourceId'>,
  handed: readonly number[],
  now: Date,
): Promise<void> {
  const { agencyId, sourceId } = run;
  const found = await client.query<{ id: number; hasLost: boolean }>(
    `select m.cabinet_id as id, bool_or(l.gone_at is not null) as "hasLost" from listing l
     join mark m on m.agency_id = l.agency_id and m.listing_id = l.id and m.is_live
     where l.agency_id = $1 and l.source_id = $2 and l.changed_at = $3 group by m.cabinet_id`,
    [agencyId, sourceId, now],
  );
  const losing = found.rows.filter(({ hasLost }) => hasLost).map(({ id }) => id);
  const changed = found.rows.filter(({ hasLost }) => !hasLost).map(({ id }) => id);
  await makeDue(client, agencyId, { cabinetIds: losing }, 'withdrawal', now);
  await makeDue(client, agencyId, { cabinetIds: [...changed, ...handed] }, 'edit', now);
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
    // A text of ours gives way to the source's by itself (autotext.ts): nobody has to choose.
    const isTouched = Object.entries(row.corrections).some(
      ([field, { by }]) =>
        by !== AUTOTEXT &&
        canonicalJson(fieldValue(row.before, field)) !== canonicalJson(fieldValue(row.values, field)),
    );
    if (isTouched) conflicting++;
    const { duplicateKey, likenessKey } = keysOf(values);
    await client.query(
      `update listing l set source_values = $3, source_hash = $4, values = $5, values_hash = $6, changed_at = $7, fresh_at = ${freshAfter('$7', 'l.source_values', '$3::jsonb')},
         is_changed_by_source = true, duplicate_key = $8, likeness_key = $9, ${forgetPhotos('$5::jsonb')}
       where agency_id = $1 and id = $2`,
      [
        key[0],
        row.id,
        JSON.stringify(row.values),
        row.hash,
        JSON.stringify(values),
        hashOf(values),
        now,
        duplicateKey,
        likenessKey,
      ],
    );
  }
  return { updated: found.rows.length, conflicting };
}

export interface Rejection {
  readonly externalId: string;
  readonly line: number;
  readonly reasons: readonly string[];
}

/** Keeps which offers of the source's newest file were not loaded, and why; what was kept of older files goes. */
export async function keepRejections(
  db: Database,
  run: Pick<ImportRun, 'agencyId' | 'sourceId'>,
  rejections: readonly Rejection[],
  now: Date,
): Promise<void> {
  await db.pool.query('delete from rejected_offer where agency_id = $1 and source_id = $2', [
    run.agencyId,
    run.sourceId,
  ]);
  await db.pool.query(
    `insert into rejected_offer (agency_id, source_id, at, external_id, line, reasons)
     select $1, $2, $3, * from unnest($4::text[], $5::int[], $6::jsonb[]) on conflict do nothing`,
    [
      run.agencyId,
      run.sourceId,
      now,
      rejections.map(({ externalId }) => externalId),
      rejections.map(({ line }) => line),
      rejections.map(({ reasons }) => JSON.stringify(reasons)),
    ],
  );
}

/** Why the newest file's offer of that number was not loaded; undefined when it was, or was not in the file. */
export async function rejectionOf(
  db: Database,
  agencyId: number,
  externalId: string,
): Promise<(Rejection & { readonly source: string; readonly at: Date }) | undefined> {
  const found = await db.pool.query<Rejection & { source: string; at: Date }>(
    `select r.external_id as "externalId", r.line, r.reasons, r.at, s.name as source from rejected_offer r
     join source s on s.agency_id = r.agency_id and s.id = r.source_id
     where r.agency_id = $1 and r.external_id = $2 order by r.at desc, r.line limit 1`,
    [agencyId, externalId],
  );
  return found.rows[0];
}

export type ImportStatus = 'imported' | 'waiting-for-confirmation' | 'failed' | 'rehearsed';

/** Ends a run and throws its staged offers away. What it made on the way goes too, unless something was imported. */
export async function endImport(
  db: Database,
  run: ImportRun,
  status: ImportStatus,
  report: unknown,
  now: Date,
): Promise<void> {
  const { agencyId, id, made } = run;
  try {
    await run.client.query('delete from import_row where agency_id = $1 and run_id = $2', [agencyId, id]);
    await run.client.query(
      'update import_run set status = $3, report = $4, finished_at = $5 where agency_id = $1 and id = $2',
      [agencyId, id, status, JSON.stringify(report), now],
    );
    await run.client.query('select pg_advisory_unlock($1, $2)', [IMPORT_LOCK, id]);
    run.client.release();
  } catch (error) {
    run.client.release(error as Error);
    throw error;
  }
  if (status === 'imported' || status === 'waiting-for-confirmation') return;
  const forget: [boolean, string, unknown[]][] = [
    [made.source, 'delete from import_run where agency_id = $1 and source_id = $2', [agencyId, run.sourceId]],
    [made.source, 'delete from source where agency_id = $1 and id = $2', [agencyId, run.sourceId]],
    [made.branch, 'delete from branch where agency_id = $1 and id = $2', [agencyId, run.branchId]],
    [made.agency, 'delete from agency where id = $1', [agencyId]],
  ];
  for (const [isOurs, sql, values] of forget) {
    // Somebody else may use it by now; then it stays.
    if (isOurs) await db.pool.query(sql, values).catch(() => {});
  }
}

export interface PushedRow {
  readonly id: number;
  readonly externalId: string;
  readonly sourceHash: string;
  readonly isGone: boolean;
  readonly employeeId: number | null;
  readonly branchId: number | null;
}

/** Listings of a source by its own numbers; nothing where the source is not known yet. */
export async function listingsOfSource(
  client: Queryable,
  agencyId: number,
  source: string,
  externalIds: readonly string[],
): Promise<PushedRow[]> {
  const found = await client.query<PushedRow>(
    `select l.id, l.external_id as "externalId", l.source_hash as "sourceHash", l.gone_at is not null as "isGone",
       l.employee_id as "employeeId", coalesce(l.branch_id, s.branch_id) as "branchId"
     from listing l join source s on s.agency_id = l.agency_id and s.id = l.source_id
     where l.agency_id = $1 and s.name = $2 and l.external_id = any($3)`,
    [agencyId, source, externalIds],
  );
  return found.rows;
}

/** A source of that name; undefined: there is none yet. */
export async function sourceNamed(
  client: Queryable,
  agencyId: number,
  name: string,
): Promise<{ readonly id: number; readonly branchId: number | null; readonly location: string | null } | undefined> {
  const found = await client.query<{ id: number; branchId: number | null; location: string | null }>(
    'select id, branch_id as "branchId", location from source where agency_id = $1 and name = $2',
    [agencyId, name],
  );
  return found.rows[0];
}

/** The source says that it no longer has a listing. @returns false: it had gone before, or never was */
export function takeAway(
  db: Database,
  agencyId: number,
  source: string,
  externalId: string,
  by: string,
  now: Date,
): Promise<boolean> {
  return transaction(db, async (client) => {
    const gone = await client.query<{ id: number }>(
      `update listing l set gone_at = $4, changed_at = $4, is_changed_by_source = true from source s
       where l.agency_id = $1 and s.agency_id = $1 and s.name = $2 and s.id = l.source_id and l.external_id = $3 and l.gone_at is null
       returning l.id`,
      [agencyId, source, externalId, now],
    );
    const id = gone.rows[0]?.id;
    if (id === undefined) return false;
    await record(
      client,
      agencyId,
      { by, action: 'listing-taken-away', listingId: id, facts: { source, externalId } },
      now,
    );
    await makeDue(client, agencyId, { listingIds: [id] }, 'withdrawal', now);
    return true;
  });
}

/** Runs of pushes are kept so many of a source: there may be one a second. */
const PUSHES_KEPT = 100;

/** Forgets old runs of a source that is pushed to. */
export async function sweepPushes(client: Queryable, agencyId: number, sourceId: number): Promise<void> {
  await client.query(
    `delete from import_run where agency_id = $1 and source_id = $2 and finished_at is not null and id < coalesce(
       (select id from import_run where agency_id = $1 and source_id = $2 order by id desc offset $3 limit 1), 0)`,
    [agencyId, sourceId, PUSHES_KEPT],
  );
}

/** Listings that did not come from a file (the demo, the bench, tests), by the importer's own way: staged, then merged. */
export async function importListings(
  db: Database,
  wanted: Parameters<typeof startImport>[1],
  listings: Iterable<{ readonly values: Listing; readonly employeeId: number | null }>,
  now: Date,
): Promise<MergeCounts> {
  const run = await startImport(db, wanted, now);
  let staged = 0;
  let ordinal = 0;
  let batch: StagedOffer[] = [];
  const flush = async () => {
    staged += (await stageOffers(db, run, batch)).added;
    batch = [];
  };
  try {
    for (const { values, employeeId } of listings) {
      ordinal++;
      batch.push({ externalId: values.externalId, ordinal, line: ordinal, values, employeeId });
      if (batch.length === 200) await flush();
    }
    await flush();
    const { counts } = await mergeImport(db, run, staged, 'merge-with-loss', now);
    await endImport(db, run, 'imported', { read: ordinal, ...counts }, now);
    return counts;
  } catch (error) {
    await endImport(db, run, 'failed', {}, now).catch(() => {});
    throw error;
  }
}
