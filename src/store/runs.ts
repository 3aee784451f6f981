import type pg from 'pg';
import { Fault } from '../domain/fault.ts';
import type { Outcome } from '../domain/gates.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { makeDueAt } from './due.ts';
import { record } from './journal.ts';

/** Runs of cabinets: who may run now, what is due, what has been. */

/** A cabinet that is being run by us and by nobody else. */
export interface RunClaim {
  readonly runId: number;
  /** Grows with every run; only the newest may commit. */
  readonly fence: number;
  /** What the run has taken upon itself: the moment that made the cabinet due, or will; null: nothing was. */
  readonly dueAt: Date | null;
  /** Lets the next run begin. Safe to repeat; never throws. */
  release(): Promise<void>;
}

type CabinetKey = { readonly agencyId: number; readonly id: number };

/**
 * Advisory locks of ours: the first number says what for (imports, marks and looks have others), the second is the
 * cabinet's, or a chore's name as a number.
 */
const RUN_LOCKS = 7_061_973;
const CHORE_LOCKS = 7_061_974;

/** Due is what nobody has taken, and what a killed or failed run had taken. */
const DUE_AT = 'least(c.due_at, c.claimed_due_at)';

/**
 * A lock that lives as long as its connection: the server lets go of it when the process dies, however it dies.
 * @returns undefined when somebody holds it
 */
async function lock(
  db: Database,
  space: number,
  key: number,
): Promise<{ client: pg.PoolClient; release(): Promise<void> } | undefined> {
  const client = await db.pool.connect();
  // The connection is idle for most of the time; when it breaks then, nobody would listen and the process would end.
  let broken: Error | undefined;
  const onError = (error: Error) => {
    broken = error;
  };
  client.on('error', onError);
  const giveBack = (error?: Error) => {
    client.off('error', onError);
    // A connection in doubt is closed, and its locks go with it.
    client.release(error);
  };
  try {
    const got = await client.query<{ is: boolean }>('select pg_try_advisory_lock($1, $2) as is', [space, key]);
    if (!got.rows[0]!.is) {
      giveBack();
      return undefined;
    }
  } catch (error) {
    giveBack(error as Error);
    throw error;
  }
  let released: Promise<void> | undefined;
  const release = async () => {
    try {
      if (!broken) await client.query('select pg_advisory_unlock($1, $2)', [space, key]);
      giveBack(broken);
    } catch (error) {
      giveBack(error as Error);
    }
  };
  return {
    client,
    release() {
      released ??= release();
      return released;
    },
  };
}

/**
 * One run per cabinet at a time, over all processes: a session's advisory lock dies with the process that holds it, and
 * the fencing number keeps out a run that has lost its connection without noticing.
 *
 * What the cabinet was due for goes with the run: until its commit it stands in `claimed_due_at`, so that whoever makes
 * the cabinet due meanwhile is heard by the next run, and a run that dies leaves the cabinet due.
 * @param cause `due`: only if it still is, for somebody else may have done it
 */
export async function claimRun(
  db: Database,
  cabinet: CabinetKey,
  cause: 'due' | 'person',
  now: Date,
): Promise<RunClaim | 'busy' | 'not-due'> {
  const held = await lock(db, RUN_LOCKS, cabinet.id % 2 ** 31);
  if (!held) return 'busy';
  const { client, release } = held;
  try {
    await client.query('begin');
    const run = await begin(client, cabinet, cause, now);
    await client.query('commit');
    if (run === 'not-due') {
      await release();
      return run;
    }
    // After the commit, for there may be many of them and others wait for the cabinet's row.
    for (const stage of ['outcome_stage', 'money_stage']) {
      await client.query(`delete from ${stage} where agency_id = $1 and cabinet_id = $2 and fence < $3`, [
        cabinet.agencyId,
        cabinet.id,
        run.fence,
      ]);
    }
    return { ...run, release };
  } catch (error) {
    await client.query('rollback').catch(() => {});
    await release();
    throw error;
  }
}

async function begin(
  client: Queryable,
  { agencyId, id }: CabinetKey,
  cause: 'due' | 'person',
  now: Date,
): Promise<Omit<RunClaim, 'release'> | 'not-due'> {
  const found = await client.query<{ dueAt: Date | null }>(
    `select ${DUE_AT} as "dueAt" from cabinet c where c.agency_id = $1 and c.id = $2 for no key update`,
    [agencyId, id],
  );
  if (!found.rows[0]) throw new Fault('cabinet-gone', `Кабинета ${id} больше нет.`);
  const { dueAt } = found.rows[0];
  const isDue = dueAt !== null && dueAt <= now;
  if (cause === 'due' && !isDue) return 'not-due';
  await client.query(
    `update export_run set status = 'lost' where agency_id = $1 and cabinet_id = $2 and status is null`,
    [agencyId, id],
  );
  const taken = await client.query<{ fence: number }>(
    `update cabinet c set fence = c.fence + 1, claimed_due_at = ${DUE_AT}, due_at = null, is_touched = false
     where c.agency_id = $1 and c.id = $2 returning c.fence`,
    [agencyId, id],
  );
  const { fence } = taken.rows[0]!;
  const insert = (slot: Date | null) =>
    client.query<{ id: number }>(
      `insert into export_run (agency_id, cabinet_id, fence, slot, cause, started_at) values ($1, $2, $3, $4, $5, $6)
       on conflict (agency_id, cabinet_id, slot) do nothing returning id`,
      [agencyId, id, fence, slot, cause, now],
    );
  let made = await insert(isDue ? dueAt : null);
  // A run that died or failed has had this slot: the work is done all the same, the slot is not counted twice.
  if (made.rows.length === 0) made = await insert(null);
  return { runId: made.rows[0]!.id, fence, dueAt };
}

/** How a run ended. */
export interface RunEnd {
  /** `lost`: the process was told to stop. */
  readonly status: 'done' | 'failed' | 'overtaken' | 'lost';
  readonly editionId: number | null;
  readonly outcomes: Partial<Record<Outcome, number>> | null;
  /** How many marks changed their outcome. */
  readonly changed: number | null;
  /** A Russian sentence. */
  readonly error: string | null;
}

/** Writes down how a run ended; of a run that was taken for lost too, but never over another end. */
export async function endRun(client: Queryable, agencyId: number, runId: number, end: RunEnd, at: Date): Promise<void> {
  await client.query(
    `update export_run set finished_at = $3, status = $4, edition_id = $5, outcomes = $6, changed = $7, error = $8
     where agency_id = $1 and id = $2 and (status is null or status = 'lost')`,
    [
      agencyId,
      runId,
      at,
      end.status,
      end.editionId,
      end.outcomes === null ? null : JSON.stringify(end.outcomes),
      end.changed,
      end.error,
    ],
  );
}

/** Does a chore unless some process is at it already. @returns whether it was done here */
export async function oneAtATime(db: Database, chore: string, work: () => Promise<unknown>): Promise<boolean> {
  const key = await db.pool.query<{ key: number }>('select hashtext($1) as key', [chore]);
  const held = await lock(db, CHORE_LOCKS, key.rows[0]!.key);
  if (!held) return false;
  try {
    await work();
    return true;
  } finally {
    await held.release();
  }
}

/** When a cabinet's next run is, and what stands in its way. */
export interface CabinetDue {
  readonly agencyId: number;
  readonly agency: string;
  readonly id: number;
  readonly board: string;
  readonly slug: string;
  /** null: nothing changes by itself and nobody changed anything. */
  readonly dueAt: Date | null;
  readonly isRunning: boolean;
  /** How many runs failed one after the other since the last good one. */
  readonly failures: number;
  readonly failedAt: Date | null;
  readonly error: string | null;
  /** The zone that the cabinet's days are counted in. */
  readonly zone: string;
  /** The last local day that is in the daily record; null: none yet. */
  readonly recordedThrough: string | null;
  /** It costs money: a tariff was written down. */
  readonly isBilled: boolean;
}

/**
 * When the cabinets are due, the earliest first.
 * @param filter.until only those that are due by then
 */
export async function cabinetsDue(
  db: Database,
  filter: { readonly agencyId?: number; readonly until?: Date } = {},
): Promise<CabinetDue[]> {
  const found = await db.pool.query<CabinetDue>(
    `select c.agency_id as "agencyId", a.name as agency, c.id, c.board, c.slug, ${DUE_AT} as "dueAt",
       coalesce(b.time_zone, a.time_zone) as zone, c.recorded_through as "recordedThrough",
       exists(select 1 from tariff t where t.agency_id = c.agency_id and t.cabinet_id = c.id) as "isBilled",
       running.lock is not null as "isRunning",
       failed.failures, failed.at as "failedAt", failed.error
     from cabinet c join agency a on a.id = c.agency_id
     left join branch b on b.agency_id = c.agency_id and b.id = c.branch_id
     left join (select l.objid::bigint as lock from pg_locks l join pg_database d on d.oid = l.database
       where d.datname = current_database() and l.locktype = 'advisory' and l.granted
         and l.classid = $3::int::oid and l.objsubid = 2) as running on running.lock = mod(c.id, 2147483648)
     cross join lateral (
       select count(*)::int as failures, max(r.finished_at) as at, (array_agg(r.error order by r.id desc))[1] as error
       from export_run r where r.agency_id = c.agency_id and r.cabinet_id = c.id and r.status = 'failed'
         and r.id > coalesce((select max(d.id) from export_run d
           where d.agency_id = c.agency_id and d.cabinet_id = c.id and d.status = 'done'), 0)) as failed
     where ($1::int is null or c.agency_id = $1) and ($2::timestamptz is null or ${DUE_AT} <= $2)
     order by ${DUE_AT} nulls last, c.id`,
    [filter.agencyId ?? null, filter.until ?? null, RUN_LOCKS],
  );
  return found.rows;
}

/** After every failure in a row the pause before the next try doubles. */
const FIRST_PAUSE_SECONDS = 15;
const LONGEST_PAUSE_SECONDS = 600;

/** When a cabinet whose last run failed is tried again; null: nothing failed. */
export function retryAt({ failures, failedAt }: Pick<CabinetDue, 'failures' | 'failedAt'>): Date | null {
  if (failedAt === null) return null;
  const pause = Math.min(FIRST_PAUSE_SECONDS * 2 ** (failures - 1), LONGEST_PAUSE_SECONDS);
  return new Date(failedAt.getTime() + pause * 1000);
}

/**
 * Cabinets to run now: due, nobody at it, and not in the pause after a failure. Of those that cost an agency money the
 * first only: accounts that are short are asked in a fixed order, not by whoever happens to be quicker.
 */
export async function dueCabinets(db: Database, now: Date): Promise<CabinetDue[]> {
  const due = await cabinetsDue(db, { until: now });
  const wanted = due.filter((cabinet) => {
    const retry = retryAt(cabinet);
    // A failure in the future was before the clock was set back; it must not hold the cabinet for that long.
    return retry === null || now >= retry || cabinet.failedAt! > now;
  });
  return wanted.filter(
    (cabinet) =>
      !cabinet.isRunning &&
      !(
        cabinet.isBilled &&
        wanted.some((other) => other.isBilled && other.agencyId === cabinet.agencyId && other.id < cabinet.id)
      ),
  );
}

/** The next moment, after the given one, at which a cabinet is due. */
export async function nextDue(db: Database, after: Date): Promise<Date | null> {
  const found = await db.pool.query<{ at: Date | null }>(
    `select min(${DUE_AT}) as at from cabinet c where ${DUE_AT} > $1`,
    [after],
  );
  return found.rows[0]!.at;
}

/** A run as people look at it. */
export interface RunRow {
  readonly id: number;
  readonly cabinetId: number;
  readonly board: string;
  readonly slug: string;
  readonly cause: 'due' | 'person';
  /** The moment that made it due; null: a person asked, or an earlier run has had it. */
  readonly slot: Date | null;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  /** null while it runs. */
  readonly status: 'done' | 'failed' | 'overtaken' | 'lost' | null;
  readonly editionId: number | null;
  /** Offers of the edition that was served when it ended. */
  readonly offers: number | null;
  readonly outcomes: Partial<Record<Outcome, number>> | null;
  readonly changed: number | null;
  readonly error: string | null;
}

/** Runs of an agency, the newest first. */
export async function listRuns(
  db: Database,
  agencyId: number,
  filter: { readonly cabinetId?: number; readonly board?: string; readonly limit?: number } = {},
): Promise<RunRow[]> {
  const found = await db.pool.query<RunRow>(
    `select r.id, r.cabinet_id as "cabinetId", c.board, c.slug, r.cause, r.slot, r.started_at as "startedAt",
       r.finished_at as "finishedAt", r.status, r.edition_id as "editionId", e.offers, r.outcomes, r.changed, r.error
     from export_run r join cabinet c on c.agency_id = r.agency_id and c.id = r.cabinet_id
     left join edition e on e.agency_id = r.agency_id and e.id = r.edition_id
     where r.agency_id = $1 and ($2::bigint is null or r.cabinet_id = $2) and ($3::text is null or c.board = $3)
     order by r.id desc limit $4`,
    [agencyId, filter.cabinetId ?? null, filter.board ?? null, filter.limit ?? 20],
  );
  return found.rows;
}

/** A person wants a cabinet's feed made at once: the clockwork finds it due. */
export function askForRun(db: Database, cabinet: CabinetKey, by: string, now: Date): Promise<void> {
  return transaction(db, async (client) => {
    await makeDueAt(client, cabinet.agencyId, [cabinet.id], now);
    await record(client, cabinet.agencyId, { by, action: 'run-asked', cabinetId: cabinet.id }, now);
  });
}
