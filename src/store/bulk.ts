import { Refusal } from '../domain/fault.ts';
import type { PlacementTerm } from '../domain/terms.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { makeDue } from './due.ts';
import { record } from './journal.ts';
import { type MovedTerm, restoreMarks, unmarkListings } from './marks.ts';
import { endPause } from './pauses.ts';
import type { BulkAction } from './schema.ts';

export type { BulkAction } from './schema.ts';

/** Deeds over many listings: how far they are, and what takes them back. */

export interface BulkDeed {
  readonly id: number;
  readonly employeeId: number;
  readonly action: BulkAction;
  readonly total: number;
  readonly done: number;
  readonly changed: number;
  readonly leftOut: Readonly<Record<string, number>>;
  readonly startedAt: Date;
  readonly movedAt: Date;
  readonly finishedAt: Date | null;
  readonly error: string | null;
  readonly undoneAt: Date | null;
}

/** What a deed has changed, as it was before. */
interface Change {
  readonly cabinetId: number | null;
  readonly listingId: number;
  readonly before: Readonly<Record<string, unknown>>;
}

/** A deed that has not moved for so long has died with its process. */
const DEAD_MS = 120_000;
/** For how long a deed can be taken back. */
export const UNDO_MINUTES = 15;
const KEPT_DAYS = 1;
/** Changes that are taken back in one transaction. */
const TOGETHER = 500;

const COLUMNS = `id, employee_id as "employeeId", action, total, done, changed, left_out as "leftOut", started_at as "startedAt",
  moved_at as "movedAt", finished_at as "finishedAt", error, undone_at as "undoneAt"`;

/** @returns the deed's number */
export async function beginBulk(
  client: Queryable,
  who: { readonly agencyId: number; readonly employeeId: number; readonly by: string },
  action: BulkAction,
  total: number,
  leftOut: Readonly<Record<string, number>>,
  now: Date,
): Promise<number> {
  await client.query(`delete from bulk_deed where started_at < $1::timestamptz - make_interval(days => $2)`, [
    now,
    KEPT_DAYS,
  ]);
  const made = await client.query<{ id: number }>(
    `insert into bulk_deed (agency_id, employee_id, by, action, total, left_out, started_at, moved_at)
     values ($1, $2, $3, $4, $5, $6, $7, $7) returning id`,
    [who.agencyId, who.employeeId, who.by, action, total, JSON.stringify(leftOut), now],
  );
  return made.rows[0]!.id;
}

/** Notes what a deed has changed; within the transaction that changes it. */
export async function noteChanges(
  client: Queryable,
  agencyId: number,
  deedId: number,
  changes: readonly Change[],
): Promise<void> {
  await client.query(
    `insert into bulk_change (agency_id, deed_id, cabinet_id, listing_id, before)
     select $1, $2, * from unnest($3::bigint[], $4::bigint[], $5::jsonb[])`,
    [
      agencyId,
      deedId,
      changes.map(({ cabinetId }) => cabinetId),
      changes.map(({ listingId }) => listingId),
      changes.map(({ before }) => JSON.stringify(before)),
    ],
  );
  await client.query('update bulk_deed set changed = changed + $3 where agency_id = $1 and id = $2', [
    agencyId,
    deedId,
    changes.length,
  ]);
}

/** So many of the deed's listings have been gone through. */
export async function moveBulk(
  db: Database,
  agencyId: number,
  deedId: number,
  done: number,
  leftOut: Readonly<Record<string, number>>,
  now: Date,
): Promise<void> {
  await db.pool.query('update bulk_deed set done = $3, left_out = $4, moved_at = $5 where agency_id = $1 and id = $2', [
    agencyId,
    deedId,
    done,
    JSON.stringify(leftOut),
    now,
  ]);
}

/** @param error a Russian sentence; null: it is done */
export async function endBulk(
  db: Database,
  agencyId: number,
  deedId: number,
  error: string | null,
  now: Date,
): Promise<void> {
  await db.pool.query(
    'update bulk_deed set finished_at = $4, moved_at = $4, error = $3 where agency_id = $1 and id = $2',
    [agencyId, deedId, error, now],
  );
}

/** A deed of a person; undefined: the person has no such deed. One whose process died is told as ended. */
export async function bulkDeed(
  client: Queryable,
  who: { readonly agencyId: number; readonly employeeId: number },
  deedId: number,
  now: Date,
): Promise<BulkDeed | undefined> {
  const found = await client.query<BulkDeed>(
    `select ${COLUMNS} from bulk_deed where agency_id = $1 and employee_id = $2 and id = $3`,
    [who.agencyId, who.employeeId, deedId],
  );
  const [deed] = found.rows;
  if (!deed || deed.finishedAt !== null || now.getTime() - deed.movedAt.getTime() < DEAD_MS) return deed;
  return { ...deed, finishedAt: deed.movedAt, error: 'Программу остановили, пока она это делала: сделано не всё.' };
}

/** When a deed can no longer be taken back; null: it cannot be. */
export function undoUntil({ finishedAt, undoneAt, changed }: BulkDeed, now: Date): Date | null {
  if (finishedAt === null || undoneAt !== null || changed === 0) return null;
  const until = new Date(finishedAt.getTime() + UNDO_MINUTES * 60_000);
  return until > now ? until : null;
}

/**
 * Takes a deed back: exactly what it has changed, unless somebody has changed it again since.
 * @returns how many things are as they were
 * @throws Refusal `bulk-unknown`, `bulk-running`, `bulk-undone`, `bulk-late`
 */
export async function undoBulk(
  db: Database,
  who: { readonly agencyId: number; readonly employeeId: number; readonly by: string },
  deedId: number,
  now: Date,
): Promise<number> {
  const { agencyId, by } = who;
  const deed = await bulkDeed(db.pool, who, deedId, now);
  if (!deed) throw new Refusal('bulk-unknown', 'Такого действия не было, или его делали не вы.');
  if (deed.finishedAt === null)
    throw new Refusal('bulk-running', 'Действие ещё идёт: дождитесь конца и отмените его целиком.', 4);
  if (deed.undoneAt !== null) throw new Refusal('bulk-undone', 'Это действие уже отменено.', 4);
  if (deed.changed > 0 && undoUntil(deed, now) === null)
    throw new Refusal('bulk-late', `Отменить можно было в течение ${UNDO_MINUTES} минут. Исправьте действием.`, 4);
  const claimed = await db.pool.query(
    'update bulk_deed set undone_at = $3 where agency_id = $1 and id = $2 and undone_at is null',
    [agencyId, deedId, now],
  );
  if (claimed.rowCount === 0) throw new Refusal('bulk-undone', 'Это действие уже отменено.', 4);
  let undone = 0;
  for (let after = 0; ; ) {
    const found = await db.pool.query<Change & { id: number }>(
      `select id, cabinet_id as "cabinetId", listing_id as "listingId", before from bulk_change
       where agency_id = $1 and deed_id = $2 and id > $3 order by id limit $4`,
      [agencyId, deedId, after, TOGETHER],
    );
    if (found.rows.length === 0) return undone;
    undone += await takeBack(db, agencyId, deed, found.rows, by, now);
    after = found.rows.at(-1)!.id;
  }
}

async function takeBack(
  db: Database,
  agencyId: number,
  deed: BulkDeed,
  changes: readonly Change[],
  by: string,
  now: Date,
): Promise<number> {
  if (deed.action === 'pause') {
    let ended = 0;
    for (const { before } of changes) {
      // A pause that somebody has ended already is as it was.
      await endPause(db, agencyId, before.pauseId as number, by, now).then(
        () => ended++,
        (error: unknown) => {
          if (!(error instanceof Refusal)) throw error;
        },
      );
    }
    return ended;
  }
  if (deed.action === 'terms') return restoreTerms(db, agencyId, changes, by, now);
  let done = 0;
  for (const [cabinetId, listingIds] of byCabinet(changes)) {
    if (deed.action === 'unmark')
      done += await restoreMarks(db, agencyId, cabinetId, listingIds, deed.startedAt, by, now);
    else {
      const still = await db.pool.query<{ id: number }>(
        `select listing_id as id from mark where agency_id = $1 and cabinet_id = $2 and listing_id = any($3) and is_live and marked_at = $4`,
        [agencyId, cabinetId, listingIds, deed.startedAt],
      );
      const ids = still.rows.map(({ id }) => id);
      done += await unmarkListings(db, agencyId, cabinetId, ids, now, by);
    }
  }
  return done;
}

function byCabinet(changes: readonly Change[]): Map<number, number[]> {
  const found = new Map<number, number[]>();
  for (const { cabinetId, listingId } of changes) found.set(cabinetId!, [...(found.get(cabinetId!) ?? []), listingId]);
  return found;
}

/** What `noteChanges` keeps of a term that was moved. */
export const termChange = ({ cabinetId, listingId, old, startsOn, endsOn }: MovedTerm): Change => ({
  cabinetId,
  listingId,
  before: { startsOn: old.startsOn, endsOn: old.endsOn, set: { startsOn, endsOn } },
});

/** Puts terms back where they are still those that were set. */
function restoreTerms(
  db: Database,
  agencyId: number,
  changes: readonly Change[],
  by: string,
  now: Date,
): Promise<number> {
  const of = changes.map(({ before, ...key }) => {
    const { startsOn, endsOn, set } = before as unknown as PlacementTerm & { readonly set: PlacementTerm };
    return { ...key, startsOn, endsOn, set };
  });
  return transaction(db, async (client) => {
    const done = await client.query<{ cabinetId: number; listingId: number }>(
      `update mark m set starts_on = t.starts_on, ends_on = t.ends_on
       from unnest($2::bigint[], $3::bigint[], $4::date[], $5::date[], $6::date[], $7::date[])
         as t(cabinet_id, listing_id, starts_on, ends_on, set_from, set_until)
       where m.agency_id = $1 and m.cabinet_id = t.cabinet_id and m.listing_id = t.listing_id
         and m.starts_on is not distinct from t.set_from and m.ends_on is not distinct from t.set_until
       returning m.cabinet_id as "cabinetId", m.listing_id as "listingId"`,
      [
        agencyId,
        of.map(({ cabinetId }) => cabinetId),
        of.map(({ listingId }) => listingId),
        of.map(({ startsOn }) => startsOn),
        of.map(({ endsOn }) => endsOn),
        of.map(({ set }) => set.startsOn),
        of.map(({ set }) => set.endsOn),
      ],
    );
    for (const { cabinetId, listingId } of done.rows) {
      const term = of.find((one) => one.cabinetId === cabinetId && one.listingId === listingId)!;
      const facts = { startsOn: term.startsOn, endsOn: term.endsOn, before: term.set };
      await record(client, agencyId, { by, action: 'term-set', listingId, cabinetId, facts }, now);
    }
    const cabinetIds = [...new Set(done.rows.map(({ cabinetId }) => cabinetId))];
    if (cabinetIds.length > 0) await makeDue(client, agencyId, { cabinetIds }, 'withdrawal', now);
    return done.rows.length;
  });
}
