import { Refusal } from '../domain/fault.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import type { ImportStatus, Rejection } from './intake.ts';
import { record } from './journal.ts';

/** Sources and their loads as people look at them, and files that people give to be loaded. */

export interface SourceRow {
  readonly id: number;
  readonly name: string;
  readonly branchId: number | null;
  readonly branch: string | null;
  readonly listings: number;
  readonly gone: number;
  readonly rejected: number;
  readonly lastRun: RunOfSource | null;
}

export interface RunOfSource {
  readonly id: number;
  readonly sourceId: number;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  /** null while it runs. */
  readonly status: ImportStatus | null;
  readonly report: Readonly<Record<string, unknown>> | null;
}

const RUN = `r.id, r.source_id as "sourceId", r.started_at as "startedAt", r.finished_at as "finishedAt", r.status, r.report`;

/** The sources of an agency with their last loads, by name. */
export async function listSources(client: Queryable, agencyId: number): Promise<SourceRow[]> {
  const sources = await client.query<Omit<SourceRow, 'lastRun'>>(
    `select s.id, s.name, s.branch_id as "branchId", b.name as branch,
       coalesce(l.listings, 0) as listings, coalesce(l.gone, 0) as gone,
       (select count(*)::int from rejected_offer r where r.agency_id = s.agency_id and r.source_id = s.id) as rejected
     from source s left join branch b on b.agency_id = s.agency_id and b.id = s.branch_id
     left join (select source_id, (count(*) filter (where gone_at is null))::int as listings, (count(*) filter (where gone_at is not null))::int as gone
       from listing where agency_id = $1 group by 1) l on l.source_id = s.id
     where s.agency_id = $1 order by s.name`,
    [agencyId],
  );
  const runs = await client.query<RunOfSource>(
    `select distinct on (r.source_id) ${RUN} from import_run r where r.agency_id = $1 order by r.source_id, r.id desc`,
    [agencyId],
  );
  return sources.rows.map((source) => ({
    ...source,
    lastRun: runs.rows.find(({ sourceId }) => sourceId === source.id) ?? null,
  }));
}

/** Loads of a source, the newest first. @param beforeId only older ones */
export async function runsOfSource(
  client: Queryable,
  agencyId: number,
  sourceId: number,
  { beforeId, limit }: { readonly beforeId?: number | undefined; readonly limit: number },
): Promise<RunOfSource[]> {
  const found = await client.query<RunOfSource>(
    `select ${RUN} from import_run r where r.agency_id = $1 and r.source_id = $2 and ($3::bigint is null or r.id < $3)
     order by r.id desc limit $4`,
    [agencyId, sourceId, beforeId ?? null, limit],
  );
  return found.rows;
}

/** Offers of the source's last file that were not loaded, by their lines. @param after line and number of the last one */
export async function rejectionsOf(
  client: Queryable,
  agencyId: number,
  sourceId: number,
  {
    after,
    limit,
  }: { readonly after?: readonly [line: number, externalId: string] | undefined; readonly limit: number },
): Promise<(Rejection & { readonly at: Date })[]> {
  const found = await client.query<Rejection & { at: Date }>(
    `select external_id as "externalId", line, reasons, at from rejected_offer where agency_id = $1 and source_id = $2
       and ($3::int is null or (line, external_id) > ($3, $4)) order by line, external_id limit $5`,
    [agencyId, sourceId, after?.[0] ?? null, after?.[1] ?? '', limit],
  );
  return found.rows;
}

export type UploadState = 'queued' | 'running' | 'succeeded' | 'waiting' | 'failed';

export interface UploadRow {
  readonly id: number;
  readonly source: string;
  readonly branchId: number | null;
  readonly branch: string | null;
  readonly fileName: string;
  readonly bytes: number;
  readonly isRehearsal: boolean;
  readonly state: UploadState;
  readonly read: number;
  readonly report: unknown;
  readonly problem: { readonly code: string; readonly detail: string } | null;
  readonly by: string;
  readonly createdAt: Date;
  readonly seenAt: Date;
  readonly finishedAt: Date | null;
}

const UPLOAD = `u.id, u.source, u.branch_id as "branchId", b.name as branch, u.file_name as "fileName", u.bytes, u.is_rehearsal as "isRehearsal",
  u.state, u.read, u.report, u.problem, u.by, u.created_at as "createdAt", u.seen_at as "seenAt", u.finished_at as "finishedAt"`;

/** Files that were given to be loaded, the newest first. */
export async function listUploads(client: Queryable, agencyId: number, limit: number): Promise<UploadRow[]> {
  const found = await client.query<UploadRow>(
    `select ${UPLOAD} from upload u left join branch b on b.agency_id = u.agency_id and b.id = u.branch_id
     where u.agency_id = $1 order by u.id desc limit $2`,
    [agencyId, limit],
  );
  return found.rows;
}

export async function uploadOf(client: Queryable, agencyId: number, id: number): Promise<UploadRow | undefined> {
  const found = await client.query<UploadRow>(
    `select ${UPLOAD} from upload u left join branch b on b.agency_id = u.agency_id and b.id = u.branch_id
     where u.agency_id = $1 and u.id = $2`,
    [agencyId, id],
  );
  return found.rows[0];
}

/** Somebody gives a file to be loaded. @returns its number */
export function addUpload(
  db: Database,
  agencyId: number,
  wanted: Pick<UploadRow, 'source' | 'branchId' | 'fileName' | 'bytes' | 'isRehearsal'>,
  by: string,
  now: Date,
): Promise<number> {
  const { source, branchId, fileName, bytes, isRehearsal } = wanted;
  return transaction(db, async (client) => {
    const made = await client.query<{ id: number }>(
      `insert into upload (agency_id, source, branch_id, file_name, bytes, is_rehearsal, state, by, created_at, seen_at)
       values ($1, $2, $3, $4, $5, $6, 'queued', $7, $8, $8) returning id`,
      [agencyId, source, branchId, fileName, bytes, isRehearsal, by, now],
    );
    const { id } = made.rows[0]!;
    await record(client, agencyId, { by, action: 'file-uploaded', facts: { upload: id, ...wanted } }, now);
    return id;
  });
}

/** A sign of life of a load that waits its turn or is under way. */
export async function noteUpload(
  db: Database,
  agencyId: number,
  id: number,
  state: 'queued' | 'running',
  read: number,
  now: Date,
): Promise<void> {
  await db.pool.query(
    `update upload set state = $3, read = greatest(read, $4), seen_at = $5
     where agency_id = $1 and id = $2 and state in ('queued', 'running')`,
    [agencyId, id, state, read, now],
  );
}

/** What became of it. */
export async function endUpload(
  db: Database,
  agencyId: number,
  id: number,
  end: Pick<UploadRow, 'state' | 'report' | 'problem'>,
  now: Date,
): Promise<void> {
  await db.pool.query(
    `update upload set state = $3, report = $4, problem = $5, seen_at = $6, finished_at = $6 where agency_id = $1 and id = $2`,
    [
      agencyId,
      id,
      end.state,
      end.report === null ? null : JSON.stringify(end.report),
      end.problem === null ? null : JSON.stringify(end.problem),
      now,
    ],
  );
}

/**
 * Somebody agrees that the listings which are not in the file have gone: it is loaded once more.
 * @throws Refusal `upload-not-waiting`, `upload-outdated`
 */
export function confirmUpload(db: Database, agencyId: number, id: number, by: string, now: Date): Promise<void> {
  return transaction(db, async (client) => {
    const found = await client.query<{ state: UploadState; source: string; isOlder: boolean; report: unknown }>(
      `select u.state, u.source, u.report, exists(select 1 from import_run r join source s on s.agency_id = r.agency_id and s.id = r.source_id
         where r.agency_id = u.agency_id and s.name = u.source and r.status = 'imported' and r.started_at > u.created_at) as "isOlder"
       from upload u where u.agency_id = $1 and u.id = $2 for no key update of u`,
      [agencyId, id],
    );
    const row = found.rows[0];
    if (row?.state !== 'waiting')
      throw new Refusal('upload-not-waiting', 'Эта загрузка ничего не ждёт: подтверждать нечего.', 4);
    if (row.isOlder)
      throw new Refusal(
        'upload-outdated',
        `Источник «${row.source}» с тех пор уже загружали: этот файл устарел. Загрузите свежий.`,
        4,
      );
    await client.query(
      `update upload set state = 'queued', read = 0, report = null, finished_at = null, seen_at = $3 where agency_id = $1 and id = $2`,
      [agencyId, id, now],
    );
    const facts = { upload: id, source: row.source, report: row.report };
    await record(client, agencyId, { by, action: 'upload-loss-confirmed', facts }, now);
  });
}

/**
 * Gives up files for whose confirmation nobody has come.
 * @returns their numbers, with their agencies
 */
export async function expireUploads(
  db: Database,
  before: Date,
  now: Date,
): Promise<{ readonly agencyId: number; readonly id: number }[]> {
  const gone = await db.pool.query<{ agencyId: number; id: number }>(
    `update upload set state = 'failed', seen_at = $2,
       problem = '{"code":"upload-expired","detail":"Подтверждения не дождались: файл удалён. Если он ещё нужен, загрузите его снова."}'
     where state = 'waiting' and finished_at < $1 returning agency_id as "agencyId", id`,
    [before, now],
  );
  return gone.rows;
}
