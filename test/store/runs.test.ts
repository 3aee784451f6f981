import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import { type Database, openDatabase } from '../../src/store/database.ts';
import { makeDue, makeDueAt } from '../../src/store/due.ts';
import {
  cabinetsDue,
  claimRun,
  dueCabinets,
  endRun,
  listRuns,
  nextDue,
  oneAtATime,
  type RunClaim,
  retryAt,
} from '../../src/store/runs.ts';
import { testDatabase } from './testdb.ts';

let base: Awaited<ReturnType<typeof testDatabase>>;
let db: Database;
beforeAll(async () => {
  base = await testDatabase();
  db = base.db;
});
afterAll(() => base.drop());

const at = (minute: number) => new Date(Date.UTC(2026, 10, 21, 9, minute));
const DONE = { status: 'done', editionId: null, outcomes: { published: 3 }, changed: 1, error: null } as const;
const FAILED = { status: 'failed', editionId: null, outcomes: null, changed: null, error: 'Диск полон.' } as const;

let counter = 0;
async function newCabinet(dueAt: Date | null = null): Promise<{ agencyId: number; id: number }> {
  const { id: agencyId } = await resolveAgency(db, `Агентство ${++counter}`, true);
  const id = await ensureCabinet(db, agencyId, { board: 'yandex', slug: 'main', name: 'Яндекс', family: 'yandex' });
  await db.pool.query('update cabinet set due_at = $2 where id = $1', [id, dueAt]);
  return { agencyId, id };
}

async function due(id: number): Promise<{ due: Date | null; claimed: Date | null; fence: number }> {
  const found = await db.pool.query(
    'select due_at as due, claimed_due_at as claimed, fence from cabinet where id = $1',
    [id],
  );
  return found.rows[0];
}

async function claimed(...args: Parameters<typeof claimRun>): Promise<RunClaim> {
  const claim = await claimRun(...args);
  if (typeof claim === 'string') throw new Error(claim);
  return claim;
}

/** What a run's commit does to the cabinet (store/publishing.ts). */
async function commit(cabinet: { agencyId: number; id: number }, claim: RunClaim, nextAt: Date | null, now: Date) {
  await db.pool.query('update cabinet set due_at = least(due_at, $2), claimed_due_at = null where id = $1', [
    cabinet.id,
    nextAt,
  ]);
  await endRun(db.pool, cabinet.agencyId, claim.runId, DONE, now);
  await claim.release();
}

const locksHeld = async () => {
  const found = await db.pool.query(
    `select l.pid from pg_locks l join pg_database d on d.oid = l.database
     where d.datname = current_database() and l.locktype = 'advisory'`,
  );
  return found.rows.map(({ pid }) => pid as number);
};

describe('a claim', () => {
  it('is given to one of twenty', async () => {
    const cabinet = await newCabinet(at(0));
    const other = await openDatabase({ databaseUrl: base.url, dataDir: '' });
    try {
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) => claimRun(index % 2 ? db : other, cabinet, 'due', at(1))),
      );
      const won = answers.filter((answer) => typeof answer === 'object');
      expect(won).toHaveLength(1);
      expect(answers.filter((answer) => answer === 'busy')).toHaveLength(19);
      expect(await locksHeld()).toHaveLength(1);
      await Promise.all([won[0]!.release(), won[0]!.release()]);
      expect(await locksHeld()).toEqual([]);
      expect(await listRuns(db, cabinet.agencyId)).toMatchObject([{ slot: at(0), cause: 'due', status: null }]);
    } finally {
      await other.close();
    }
  });

  it('leaves other cabinets alone', async () => {
    const [one, two] = [await newCabinet(at(0)), await newCabinet(at(0))];
    const claims = [await claimed(db, one, 'due', at(1)), await claimed(db, two, 'due', at(1))];
    for (const claim of claims) await claim.release();
  });

  it('is not given for what is not due, or was done meanwhile', async () => {
    const cabinet = await newCabinet();
    expect(await claimRun(db, cabinet, 'due', at(5))).toBe('not-due');
    await makeDueAt(db.pool, cabinet.agencyId, [cabinet.id], at(10));
    expect(await claimRun(db, cabinet, 'due', at(5))).toBe('not-due');
    expect(await locksHeld()).toEqual([]);
    const claim = await claimed(db, cabinet, 'due', at(10));
    await commit(cabinet, claim, at(60), at(11));
    expect(await claimRun(db, cabinet, 'due', at(12))).toBe('not-due');
    // A clock set back runs nothing twice.
    expect(await claimRun(db, cabinet, 'due', at(10))).toBe('not-due');
    expect(await listRuns(db, cabinet.agencyId)).toHaveLength(1);
  });

  it('is given to a person at any time, and takes over what was to come', async () => {
    const cabinet = await newCabinet(at(30));
    const claim = await claimed(db, cabinet, 'person', at(5));
    expect(claim.dueAt).toEqual(at(30));
    expect(await due(cabinet.id)).toMatchObject({ due: null, claimed: at(30), fence: claim.fence });
    expect(await listRuns(db, cabinet.agencyId)).toMatchObject([{ cause: 'person', slot: null }]);
    await claim.release();
    // The run came to nothing: its moment still stands.
    expect((await dueCabinets(db, at(29))).map(({ id }) => id)).not.toContain(cabinet.id);
    expect((await dueCabinets(db, at(30))).map(({ id }) => id)).toContain(cabinet.id);
  });

  it('hears who makes the cabinet due while it runs', async () => {
    const cabinet = await newCabinet(at(0));
    const claim = await claimed(db, cabinet, 'due', at(1));
    await makeDue(db.pool, cabinet.agencyId, { cabinetIds: [cabinet.id] }, 'withdrawal', at(2));
    await commit(cabinet, claim, at(60), at(3));
    expect(await due(cabinet.id)).toMatchObject({ due: at(2), claimed: null });
    const next = await claimed(db, cabinet, 'due', at(3));
    expect(next.fence).toBe(claim.fence + 1);
    await next.release();
  });

  it('sweeps what older runs staged', async () => {
    const cabinet = await newCabinet(at(0));
    const first = await claimed(db, cabinet, 'due', at(1));
    const stage = (fence: number) =>
      db.pool.query(
        `insert into outcome_stage (agency_id, cabinet_id, fence, listing_id, outcome, input_key, content_key)
         values ($1, $2, $3, 1, 'published', '', '')`,
        [cabinet.agencyId, cabinet.id, fence],
      );
    await stage(first.fence);
    await first.release();
    const second = await claimed(db, cabinet, 'due', at(2));
    const left = await db.pool.query('select 1 from outcome_stage where cabinet_id = $1', [cabinet.id]);
    expect(left.rows).toEqual([]);
    await second.release();
  });

  it('says that a cabinet is gone, and holds nothing', async () => {
    await expect(claimRun(db, { agencyId: 1, id: 999_999 }, 'person', at(0))).rejects.toMatchObject({
      code: 'cabinet-gone',
    });
    expect(await locksHeld()).toEqual([]);
  });
});

describe('a run that dies', () => {
  it('is lost, and the next one does its work once', async () => {
    const cabinet = await newCabinet(at(0));
    const dead = await claimed(db, cabinet, 'due', at(1));
    expect(await claimRun(db, cabinet, 'due', at(1))).toBe('busy');
    const [pid] = await locksHeld();
    await db.pool.query('select pg_terminate_backend($1)', [pid]);
    while ((await locksHeld()).length > 0);

    const heir = await claimed(db, cabinet, 'due', at(2));
    expect(heir).toMatchObject({ fence: dead.fence + 1, dueAt: at(0) });
    // The dead one's release must not take the lock away from the living.
    await dead.release();
    expect(await claimRun(db, cabinet, 'due', at(2))).toBe('busy');
    await commit(cabinet, heir, null, at(3));
    // The slot is counted once.
    expect(await listRuns(db, cabinet.agencyId)).toMatchObject([
      { status: 'done', slot: null, cause: 'due', outcomes: { published: 3 }, changed: 1, finishedAt: at(3) },
      { status: 'lost', slot: at(0), finishedAt: null },
    ]);
    expect((await dueCabinets(db, at(10))).map(({ id }) => id)).not.toContain(cabinet.id);
  });

  it('may still say that it was overtaken, but not end twice', async () => {
    const cabinet = await newCabinet(at(0));
    const first = await claimed(db, cabinet, 'due', at(1));
    await first.release();
    const second = await claimed(db, cabinet, 'due', at(2));
    await endRun(db.pool, cabinet.agencyId, first.runId, { ...FAILED, status: 'overtaken' }, at(3));
    await commit(cabinet, second, null, at(4));
    await endRun(db.pool, cabinet.agencyId, second.runId, FAILED, at(5));
    const runs = await listRuns(db, cabinet.agencyId);
    expect(runs.map(({ status }) => status)).toEqual(['done', 'overtaken']);
  });
});

describe('what is due', () => {
  it('is what nobody runs', async () => {
    const cabinet = await newCabinet(at(0));
    const isListed = async (minute: number) => (await dueCabinets(db, at(minute))).some(({ id }) => id === cabinet.id);
    expect(await isListed(0)).toBe(true);
    const claim = await claimed(db, cabinet, 'due', at(1));
    expect(await isListed(1)).toBe(false);
    expect(await cabinetsDue(db, { agencyId: cabinet.agencyId })).toMatchObject([
      { id: cabinet.id, isRunning: true, dueAt: at(0), zone: 'Europe/Moscow' },
    ]);
    await claim.release();
    expect(await isListed(1)).toBe(true);
    await commit(cabinet, claim, null, at(1));
  });

  it('waits longer after every failure, and no longer after a success or a clock set back', async () => {
    const cabinet = await newCabinet(at(0));
    const found = async (now: Date) => (await dueCabinets(db, now)).find(({ id }) => id === cabinet.id);
    const pauses: number[] = [];
    for (let minute = 1; minute <= 8; minute++) {
      const claim = await claimed(db, cabinet, 'due', at(minute));
      await endRun(db.pool, cabinet.agencyId, claim.runId, FAILED, at(minute));
      await claim.release();
      const [row] = await cabinetsDue(db, { agencyId: cabinet.agencyId });
      expect(row).toMatchObject({ failures: minute, failedAt: at(minute), error: 'Диск полон.' });
      const retry = retryAt(row!)!;
      pauses.push((retry.getTime() - at(minute).getTime()) / 1000);
      expect(await found(new Date(retry.getTime() - 1))).toBeUndefined();
      expect(await found(retry)).toBeDefined();
    }
    expect(pauses).toEqual([15, 30, 60, 120, 240, 480, 600, 600]);
    expect(await found(at(5))).toBeDefined();

    const claim = await claimed(db, cabinet, 'due', at(30));
    await commit(cabinet, claim, at(31), at(30));
    expect(await found(at(31))).toMatchObject({ failures: 0, failedAt: null });
  });

  it('comes next', async () => {
    const cabinet = await newCabinet(at(50));
    expect(await nextDue(db, at(49))).toEqual(at(50));
    await db.pool.query('update cabinet set claimed_due_at = due_at, due_at = null where id = $1', [cabinet.id]);
    expect(await nextDue(db, at(49))).toEqual(at(50));
    expect(await nextDue(db, at(50))).not.toEqual(at(50));
  });
});

it('does a chore in one place at a time', async () => {
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const first = oneAtATime(db, 'photos', () => gate);
  while ((await locksHeld()).length === 0);
  expect(await oneAtATime(db, 'photos', () => Promise.reject(new Error('twice')))).toBe(false);
  expect(await oneAtATime(db, 'days:7', async () => {})).toBe(true);
  open();
  expect(await first).toBe(true);
  await expect(oneAtATime(db, 'photos', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(await oneAtATime(db, 'photos', async () => {})).toBe(true);
});
