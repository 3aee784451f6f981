import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { BREATH_MS, CLAIM_SECONDS, claimAnswer, sealOf } from '../../src/store/answers.ts';
import { sealed, transaction } from '../../src/store/database.ts';
import { type Stock, stock } from '../store/stock.ts';
import { testDatabase } from '../store/testdb.ts';
import { type Answer, type Counter, counter, type Visitor } from './visitors.ts';

/**
 * A request that comes twice with one key: whatever fails, and wherever, it is carried out once, and whoever repeats it
 * is told so. Every event writes one line of the journal, so that lines are deeds.
 */

let now = new Date('2026-11-22T09:00:00.000Z');
let base: Awaited<ReturnType<typeof testDatabase>>;
let house: Stock;
let door: Counter;
let ads: Visitor;
let listing: number;
let externalId: string;
let key: string;
let keys = 0;
let lock: { free(): Promise<void> } | undefined;

beforeAll(async () => {
  base = await testDatabase();
  house = await stock(base.db, { access: { secondFactor: 'offered' } }, now);
  door = await counter(base.db, house.agencyId, () => now);
  ads = await door.come({ name: 'Ольга' }, [{ role: 'adSpecialist' }]);
});
afterAll(async () => {
  await door.close();
  await base.drop();
});
beforeEach(async () => {
  key = `key-number-${++keys}`;
  externalId = `I-${keys}`;
  [listing] = (await house.listings([{ externalId }])) as [number];
});
afterEach(async () => {
  await lock?.free();
  await rows('drop trigger if exists breaks on listing');
  await rows('drop trigger if exists breaks on bulk_deed');
});

const rows = async <T = Record<string, unknown>>(sql: string, values: unknown[] = []) =>
  (await base.db.pool.query(sql, values)).rows as T[];
const told = ({ status, body }: Answer) => [status, body?.code];
const tell = (status: string, more: Record<string, string> = {}) =>
  ads.send(
    'POST',
    `/sources/crm/listings/${externalId}/events`,
    { event: 'status', status },
    {
      'idempotency-key': key,
      ...more,
    },
  );
const timesDone = async () =>
  (await rows(`select 1 from journal where listing_id = $1 and action = 'status-set'`, [listing])).length;
const waits = (seconds: number) => {
  now = new Date(now.getTime() + seconds * 1000);
};

/** From now on a change of the table does this. */
async function breaks(table: 'listing' | 'bulk_deed', when: string, what: string): Promise<void> {
  await rows(
    `create or replace function breaks() returns trigger language plpgsql as $$ begin ${what} return new; end $$`,
  );
  await rows(`create trigger breaks before update on ${table} for each row when (${when}) execute function breaks()`);
}
const isOurs = () => `new.id = ${listing}`;

/** The row is locked by somebody else until `free`. */
async function hold(): Promise<{ free(): Promise<void> }> {
  const client = await base.db.pool.connect();
  await client.query('begin');
  await client.query('select 1 from listing where id = $1 for update', [listing]);
  lock = {
    async free() {
      lock = undefined;
      await client.query('rollback');
      client.release();
    },
  };
  return lock;
}
/** So many requests stand before the row. */
async function waiting(count: number): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    const [one] = await rows<{ n: number }>(
      `select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    if (one!.n >= count) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('nobody waits');
}

/** The next `commit` of the pool ends so. @param how `lost`: it is done and nobody hears of it */
function breakCommit(how: 'lost' | 'never'): void {
  const { pool } = base.db;
  const connect = pool.connect.bind(pool) as (...all: unknown[]) => Promise<pg.PoolClient>;
  let isBroken = false;
  (pool as { connect: unknown }).connect = async (...given: unknown[]) => {
    // The pool's own way to a client for a single statement.
    if (given.length > 0) return connect(...given);
    const client = await connect();
    const query = client.query.bind(client) as (...all: unknown[]) => Promise<pg.QueryResult>;
    let hasDone = false;
    (client as { query: unknown }).query = async (...all: unknown[]) => {
      if (String(all[0]).includes('insert into journal')) hasDone = true;
      if (all[0] !== 'commit' || !hasDone || isBroken) return query(...all);
      isBroken = true;
      (pool as { connect: unknown }).connect = connect;
      if (how === 'lost') await query('commit');
      throw new Error('Connection terminated unexpectedly');
    };
    const release = client.release.bind(client);
    client.release = (error?: boolean | Error) => {
      (client as { query: unknown }).query = query;
      release(error);
    };
    return client;
  };
}

describe('a request that failed and did nothing', () => {
  it('is carried out when it comes again with its key', async () => {
    await breaks('listing', isOurs(), `raise exception 'disk full';`);
    expect(told(await tell('reserved'))).toEqual([500, 'unexpected']);
    expect(await timesDone()).toBe(0);
    await rows('drop trigger breaks on listing');
    expect((await tell('reserved')).status).toBe(204);
    expect(await timesDone()).toBe(1);
    // And now it has an answer, which is given again as it was.
    expect((await tell('reserved')).status).toBe(204);
    expect(await timesDone()).toBe(1);
  });

  it('may be mended under the same key: nothing was done under it', async () => {
    await breaks('listing', isOurs(), `raise exception 'disk full';`);
    expect((await tell('reserved')).status).toBe(500);
    await rows('drop trigger breaks on listing');
    expect((await tell('active')).status).toBe(204);
    expect(told(await tell('reserved'))).toEqual([422, 'idempotency-key-reused']);
  });

  it.each([1, 2])('and whose connection broke before the commit, time %i', async () => {
    await breaks('listing', isOurs(), 'perform pg_terminate_backend(pg_backend_pid());');
    expect((await tell('reserved')).status).toBe(500);
    await rows('drop trigger breaks on listing');
    breakCommit('never');
    expect((await tell('reserved')).status).toBe(500);
    expect((await tell('reserved')).status).toBe(204);
    expect(await timesDone()).toBe(1);
  });
});

describe('a request that failed and had done something', () => {
  it('says so, and is not carried out again', async () => {
    breakCommit('lost');
    expect(told(await tell('reserved'))).toEqual([500, 'answer-lost']);
    expect(await timesDone()).toBe(1);
    for (const seconds of [0, CLAIM_SECONDS + 1]) {
      waits(seconds);
      const again = await tell('reserved');
      expect(told(again)).toEqual([409, 'answer-lost']);
      expect(again.body.detail).toContain('посмотрите, что получилось');
    }
    expect(told(await tell('active'))).toEqual([422, 'idempotency-key-reused']);
    expect(await timesDone()).toBe(1);
  });

  it('in steps: what the first step did stays done once', async () => {
    const cabinet = await house.cabinet();
    const mark = () =>
      ads.send('POST', '/marks', { selection: { ids: [listing] }, cabinets: [cabinet] }, { 'idempotency-key': key });
    await breaks('bulk_deed', 'new.done > old.done', `raise exception 'disk full';`);
    expect(told(await mark())).toEqual([500, 'answer-lost']);
    await rows('drop trigger breaks on bulk_deed');
    expect(await house.marks(cabinet)).toHaveLength(1);
    expect(told(await mark())).toEqual([409, 'answer-lost']);
  });

  it('in steps of which none was done: it is carried out', async () => {
    const cabinet = await house.cabinet();
    const mark = () =>
      ads.send('POST', '/marks', { selection: { ids: [listing] }, cabinets: [cabinet] }, { 'idempotency-key': key });
    const before = (await house.marks(cabinet)).length;
    await breaks('bulk_deed', 'new.changed > old.changed', `raise exception 'disk full';`);
    expect(told(await mark())).toEqual([500, 'unexpected']);
    expect(await house.marks(cabinet)).toHaveLength(before);
    await rows('drop trigger breaks on bulk_deed');
    expect((await mark()).status).toBe(200);
    expect(await house.marks(cabinet)).toHaveLength(before + 1);
  });

  it('a long deed goes on by itself: its key is not free once it has begun', async () => {
    const cabinet = await house.cabinet('cian');
    const ids = await house.listings(Array.from({ length: 201 }, () => ({})));
    const mark = () =>
      ads.send('POST', '/marks', { selection: { ids }, cabinets: [cabinet] }, { 'idempotency-key': key });
    const first = await mark();
    expect(first.status).toBe(202);
    const second = await mark();
    expect([second.status, second.body]).toEqual([202, first.body]);
    for (let isFinished = false; !isFinished; ) {
      const { body } = await ads.get(`/bulk/${first.body.id}`);
      isFinished = body.isFinished;
    }
    expect(await house.marks(cabinet)).toHaveLength(201);
    expect(await rows('select 1 from bulk_deed where total = 201')).toHaveLength(1);
  });

  it('a push is simply taken in again: it tells how things are', async () => {
    const values = { kind: 'flat', deal: 'sale', priceKopecks: 500_000_000, areaM2: 40, address: 'Северск, Мира, 3' };
    const push = () =>
      ads.send(
        'POST',
        '/sources/crm-again/listings',
        { listings: [{ externalId: 'n1', values }] },
        { 'idempotency-key': key },
      );
    await rows(
      `create or replace function breaks() returns trigger language plpgsql as $$ begin raise exception 'x'; end $$`,
    );
    await rows(
      `create trigger breaks before update on import_run for each row when (new.status = 'imported') execute function breaks()`,
    );
    expect((await push()).status).toBe(500);
    await rows('drop trigger breaks on import_run');
    expect((await push()).body.data).toMatchObject([{ externalId: 'n1', state: 'unchanged' }]);
  });
});

describe('nobody can say', () => {
  it('what was done while the database is not there, and says so; later it is known', async () => {
    const { pool } = base.db;
    const query = pool.query.bind(pool) as (...all: unknown[]) => unknown;
    breakCommit('lost');
    (pool as { query: unknown }).query = (...all: unknown[]) =>
      String(all[0]).startsWith('delete from idempotent_answer')
        ? Promise.reject(new Error('connect ECONNREFUSED'))
        : query(...all);
    const first = await tell('reserved');
    (pool as { query: unknown }).query = query;
    expect(told(first)).toEqual([503, 'outcome-unknown']);
    expect(first.headers['retry-after']).toBe(String(CLAIM_SECONDS));
    waits(CLAIM_SECONDS);
    expect(told(await tell('reserved'))).toEqual([409, 'answer-lost']);
    expect(await timesDone()).toBe(1);
  });

  /** What a killed process leaves: the claim of a request that nobody carries out any more. */
  const killed = async (work: (client: pg.PoolClient) => Promise<unknown>) => {
    // The hash of the request is what the server itself makes of it.
    const row = await hold();
    const request = tell('reserved');
    await waiting(1);
    const [claim] = await rows<{ hash: string }>('select request_hash as hash from idempotent_answer where key = $1', [
      key,
    ]);
    await rows('delete from idempotent_answer where key = $1', [key]);
    await row.free();
    expect(told(await request)).toEqual([503, 'key-lost']);
    expect(await timesDone()).toBe(0);
    const caller = { agencyId: house.agencyId, employeeId: ads.id };
    const claimed = await claimAnswer(base.db, caller, { key, requestHash: claim!.hash, isRepeatable: false }, now);
    if (claimed.state !== 'new') throw new Error(claimed.state);
    await sealed(sealOf(claimed.claim), () => transaction(base.db, work));
  };

  it('of a killed process that had done nothing, for a minute; then it is carried out', async () => {
    await killed((client) => client.query('select 1'));
    waits(20);
    const early = await tell('reserved');
    expect([...told(early), early.headers['retry-after']]).toEqual([409, 'request-under-way', '40']);
    waits(40);
    expect((await tell('reserved')).status).toBe(204);
    expect(await timesDone()).toBe(1);
  });

  it('of a killed process that had done something, for a minute; then it is known to be done', async () => {
    await killed((client) => client.query(`update listing set status = 'reserved' where id = $1`, [listing]));
    expect(told(await tell('reserved'))).toEqual([409, 'request-under-way']);
    waits(CLAIM_SECONDS);
    expect(told(await tell('reserved'))).toEqual([409, 'answer-lost']);
    expect(await timesDone()).toBe(0);
  });
});

describe('two at the same time', () => {
  it('the second is told to wait, and gets the answer of the first', async () => {
    const row = await hold();
    const first = tell('reserved');
    await waiting(1);
    const second = await tell('reserved');
    expect([...told(second), second.headers['retry-after']]).toEqual([409, 'request-under-way', String(CLAIM_SECONDS)]);
    expect(told(await tell('active'))).toEqual([422, 'idempotency-key-reused']);
    await row.free();
    expect((await first).status).toBe(204);
    expect((await tell('reserved')).status).toBe(204);
    expect(await timesDone()).toBe(1);
  });

  it('of a crowd one is carried out', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => tell('reserved')));
    const codes = all.map(({ status }) => status);
    expect(codes).toContain(204);
    expect(codes.every((code) => code === 204 || code === 409)).toBe(true);
    expect(await timesDone()).toBe(1);
  });

  it('one that is alive keeps its key, however long it works', async () => {
    const breaths = vi.spyOn(globalThis, 'setInterval');
    try {
      const row = await hold();
      const first = tell('reserved');
      await waiting(1);
      const breathe = breaths.mock.calls.find(([, ms]) => ms === BREATH_MS)![0];
      for (let minutes = 0; minutes < 3; minutes++) {
        waits(CLAIM_SECONDS - 5);
        breathe();
        await vi.waitFor(async () => {
          const [claim] = await rows<{ at: Date }>('select at from idempotent_answer where key = $1', [key]);
          expect(new Date(claim!.at).getTime()).toBe(now.getTime());
        });
        expect(told(await tell('reserved'))).toEqual([409, 'request-under-way']);
      }
      await row.free();
      expect((await first).status).toBe(204);
      expect(await timesDone()).toBe(1);
    } finally {
      breaths.mockRestore();
    }
  });

  it('one that was thought dead and is not ends without having done anything', async () => {
    const row = await hold();
    const first = tell('reserved');
    await waiting(1);
    waits(CLAIM_SECONDS);
    const second = tell('reserved');
    await waiting(2);
    await row.free();
    const answers = [await first, await second];
    expect(answers.map(told)).toEqual([
      [503, 'key-lost'],
      [204, undefined],
    ]);
    expect(await timesDone()).toBe(1);
    expect((await tell('reserved')).status).toBe(204);
    expect(await timesDone()).toBe(1);
  });
});
