import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Clockwork, startClockwork } from '../../src/export/clockwork.ts';
import { ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import { type Database, openDatabase } from '../../src/store/database.ts';
import { makeDueAt } from '../../src/store/due.ts';
import { changeAccount, listAccounts, openAccount } from '../../src/store/ledger.ts';
import type { CabinetRow } from '../../src/store/publishing.ts';
import { cabinetsDue, claimRun, dueCabinets, endRun, listRuns } from '../../src/store/runs.ts';
import { testDatabase } from '../store/testdb.ts';

/** The clockwork with a publish that only counts: when it runs what, how often, and beside whom. */

const MINUTE = 60_000;
const START = Date.UTC(2026, 10, 21, 9);
let now = START;
const clock = () => new Date(now);
const at = (minute: number) => new Date(START + minute * MINUTE);

let base: Awaited<ReturnType<typeof testDatabase>>;
/** One per process, as it were. */
const processes: { db: Database; clockwork: Clockwork }[] = [];
const troubles: string[] = [];
const quiet = { debug() {}, info() {}, warn: trouble, error: trouble };
function trouble(facts: Record<string, unknown>, text: string): void {
  troubles.push(`${text} ${String(facts.err ?? '')}`);
}

beforeEach(async () => {
  base ??= await testDatabase();
  await base.db.pool.query('update cabinet set due_at = null, claimed_due_at = null');
  now = START;
  troubles.length = 0;
});
afterEach(async () => {
  await Promise.all(
    processes.splice(0).map(async ({ db, clockwork }) => {
      await clockwork.stop();
      await db.close();
    }),
  );
});
afterAll(() => base.drop());

async function start(publish: (cabinet: CabinetRow, db: Database) => Promise<unknown>): Promise<Clockwork> {
  const db = await openDatabase({ databaseUrl: base.url, dataDir: '' });
  const options = { db, boards: [], dataDir: '', clock, log: quiet, patienceMs: 2000 };
  const clockwork = await startClockwork({ ...options, publish: (cabinet) => publish(cabinet, db) });
  processes.push({ db, clockwork });
  return clockwork;
}

let counter = 0;
async function newCabinets(count: number): Promise<{ agencyId: number; ids: number[] }> {
  const { id: agencyId } = await resolveAgency(base.db, `Агентство ${++counter}`, true);
  const ids: number[] = [];
  for (let index = 0; index < count; index++) {
    ids.push(
      await ensureCabinet(base.db, agencyId, { board: 'yandex', slug: `c${index}`, name: 'Я', family: 'yandex' }),
    );
  }
  return { agencyId, ids };
}

/** Rings everywhere, until nothing is due and nobody runs. */
async function settle(): Promise<void> {
  for (;;) {
    await Promise.all(processes.map(({ clockwork }) => clockwork.ring()));
    if ((await dueCabinets(base.db, clock())).length === 0) {
      const rows = await cabinetsDue(base.db, {});
      if (rows.every(({ isRunning }) => !isRunning)) return;
    }
    await sleep(10);
  }
}

/** A run as the real one does it: claims, works, commits with the next moment at which its answer changes. */
function publisher(every: number, done: string[]) {
  return async ({ agencyId, id }: CabinetRow, db: Database) => {
    const claim = await claimRun(db, { agencyId, id }, 'due', clock());
    if (typeof claim === 'string') return;
    await sleep(Math.random() * 10);
    const nextAt = new Date(Math.floor(now / every + 1) * every);
    await db.pool.query(
      'update cabinet set due_at = least(due_at, $2), claimed_due_at = null where id = $1 and fence = $3',
      [id, nextAt, claim.fence],
    );
    await endRun(
      db.pool,
      agencyId,
      claim.runId,
      { status: 'done', editionId: null, outcomes: {}, changed: 0, error: null },
      clock(),
    );
    done.push(`${id} ${claim.dueAt!.toISOString()}`);
    await claim.release();
  };
}

describe('two clockworks on one database', () => {
  it('run every slot once, whatever the clock does', async () => {
    const { agencyId, ids } = await newCabinets(3);
    const done: string[] = [];
    await Promise.all([1, 2].map(() => start(publisher(10 * MINUTE, done))));
    await makeDueAt(base.db.pool, agencyId, ids, at(10));
    await settle();
    expect(done).toEqual([]);

    for (let minute = 1; minute <= 35; minute++) {
      now = at(minute).getTime();
      await settle();
    }
    expect(done.length).toBe(9);
    // Back over two slots: they have been.
    for (let minute = 12; minute <= 39; minute++) {
      now = at(minute).getTime();
      await settle();
    }
    expect(done.length).toBe(9);
    // Nobody was there, or the clock leapt: the missed slot is made up for once, the ones after it are bygones.
    now = at(185).getTime();
    await settle();
    now = at(190).getTime();
    await settle();
    const slots = [10, 20, 30, 40, 190].map((minute) => at(minute).toISOString());
    expect([...done].sort()).toEqual(ids.flatMap((id) => slots.map((slot) => `${id} ${slot}`)));
    const runs = await listRuns(base.db, agencyId, { limit: 100 });
    expect(runs.map(({ status }) => status)).toEqual(Array(15).fill('done'));
    expect(new Set(runs.map(({ cabinetId, slot }) => `${cabinetId} ${slot?.toISOString()}`)).size).toBe(15);
    expect(troubles).toEqual([]);
  });

  it('take up what was missed while nobody was there', async () => {
    const { agencyId, ids } = await newCabinets(2);
    await makeDueAt(base.db.pool, agencyId, ids, at(-600));
    const done: string[] = [];
    await Promise.all([1, 2].map(() => start(publisher(10 * MINUTE, done))));
    await settle();
    expect([...done].sort()).toEqual(ids.map((id) => `${id} ${at(-600).toISOString()}`));
  });
});

it('needs no bell from outside: what another process makes due is run within seconds', async () => {
  const { agencyId, ids } = await newCabinets(1);
  const done: string[] = [];
  await start(publisher(10 * MINUTE, done));
  await makeDueAt(base.db.pool, agencyId, ids, at(0));
  for (const until = Date.now() + 6000; done.length === 0 && Date.now() < until; ) await sleep(20);
  expect(done).toHaveLength(1);
});

it('tops accounts up by schedule, and runs the cabinets that waited for money', async () => {
  const { agencyId, ids } = await newCabinets(1);
  const by = { name: 'Ирина' };
  const { id } = await openAccount(base.db, agencyId, { kind: 'agency', ownerId: null }, by, clock());
  const monthly = { kopecks: 1000, on: 21, fromId: null };
  await changeAccount(base.db, agencyId, id, { monthly }, by, clock());
  await base.db.pool.query('update cabinet set due_at = null');
  await start(async () => {});
  const balance = async () => (await listAccounts(base.db.pool, agencyId))[0]!.balanceKopecks;
  while ((await balance()) === 0) await sleep(20);
  expect(await balance()).toBe(1000);
  expect((await cabinetsDue(base.db, { agencyId })).map(({ id: cabinet, dueAt }) => [cabinet, dueAt !== null])).toEqual(
    [[ids[0], true]],
  );
  expect(troubles).toEqual([]);
});

it('tries a failing cabinet again and again, ever more rarely, and lets the others by', async () => {
  const { agencyId, ids } = await newCabinets(4);
  const [bad] = ids;
  const done: string[] = [];
  const tries: number[] = [];
  const good = publisher(MINUTE, done);
  await start(async (cabinet, db) => {
    if (cabinet.id !== bad) return good(cabinet, db);
    const claim = await claimRun(db, cabinet, 'due', clock());
    if (typeof claim === 'string') return;
    tries.push((now - START) / 1000);
    const end = { status: 'failed', editionId: null, outcomes: null, changed: null, error: 'Диск полон.' } as const;
    await endRun(db.pool, agencyId, claim.runId, end, clock());
    await claim.release();
    throw new Error('disk full');
  });
  await makeDueAt(base.db.pool, agencyId, ids, at(0));
  for (let second = 0; second <= 240; second += 5) {
    now = START + second * 1000;
    await settle();
  }
  expect(tries).toEqual([0, 15, 45, 105, 225]);
  expect(done).toHaveLength(3 * 5);
  expect(troubles).toEqual(Array(5).fill('cabinet run failed Error: disk full'));
  expect(await listRuns(base.db, agencyId, { cabinetId: bad!, limit: 1 })).toMatchObject([{ error: 'Диск полон.' }]);
});

describe('stopping', () => {
  it('lets the run under way finish and begins no other', async () => {
    const { agencyId, ids } = await newCabinets(1);
    const done: string[] = [];
    const work = publisher(10 * MINUTE, done);
    let began = () => {};
    const isUnderWay = new Promise<void>((resolve) => {
      began = resolve;
    });
    const clockwork = await start(async (cabinet, db) => {
      began();
      await sleep(300);
      await work(cabinet, db);
    });
    await makeDueAt(base.db.pool, agencyId, ids, at(0));
    await clockwork.ring();
    await isUnderWay;
    await clockwork.stop();
    expect(done).toHaveLength(1);
    await makeDueAt(base.db.pool, agencyId, ids, at(0));
    await clockwork.ring();
    await sleep(100);
    expect(done).toHaveLength(1);
    await processes.pop()!.db.close();
  });

  it('does not wait for ever', async () => {
    const { agencyId, ids } = await newCabinets(1);
    let began = () => {};
    let end = () => {};
    const isUnderWay = new Promise<void>((resolve) => {
      began = resolve;
    });
    const clockwork = await start(() => {
      began();
      return new Promise<void>((resolve) => {
        end = resolve;
      });
    });
    await makeDueAt(base.db.pool, agencyId, ids, at(0));
    await clockwork.ring();
    await isUnderWay;
    const startedAt = Date.now();
    await clockwork.stop();
    expect(Date.now() - startedAt).toBeLessThan(4000);
    expect(troubles).toEqual(['runs are still under way; they are given up and will begin anew ']);
    end();
    await processes.pop()!.db.close();
  });
});

it('takes over from a process that was killed in the middle', async () => {
  const { agencyId, ids } = await newCabinets(1);
  await makeDueAt(base.db.pool, agencyId, ids, at(0));
  const built = (path: string) => JSON.stringify(join(import.meta.dirname, '../../dist/src', path));
  const child = spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `
    import { openDatabase } from ${built('store/database.js')};
    import { claimRun } from ${built('store/runs.js')};
    import { startClockwork } from ${built('export/clockwork.js')};
    const db = await openDatabase({ databaseUrl: process.env.URL, dataDir: '' });
    const clock = () => new Date(${START});
    const tell = (facts, text) => console.error(text, facts);
    await startClockwork({ db, boards: [], dataDir: '', clock, log: { debug() {}, info() {}, warn: tell, error: tell },
      publish: async (cabinet) => {
        await claimRun(db, cabinet, 'due', clock());
        console.log('claimed');
        await new Promise(() => {});
      } });
  `,
    ],
    { env: { ...process.env, URL: base.url }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const done: string[] = [];
  await start(publisher(10 * MINUTE, done));
  await sleep(100);
  expect(done).toEqual([]);
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('close', resolve));
  while (done.length === 0) await settle();
  expect(done).toEqual([`${ids[0]} ${at(0).toISOString()}`]);
  expect(await listRuns(base.db, agencyId)).toMatchObject([
    { status: 'done', slot: null },
    { status: 'lost', slot: at(0) },
  ]);
});
