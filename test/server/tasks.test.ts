import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Task, Waiting } from '../../src/contracts/tasks.ts';
import type { Grant } from '../../src/domain/rights.ts';
import { buildApp } from '../../src/server/app.ts';
import { newToken, tokenHash } from '../../src/server/keys.ts';
import { setGrants } from '../../src/store/access.ts';
import { addEmployee, ensureBranch } from '../../src/store/agencies.ts';
import { tell } from '../../src/store/journal.ts';
import { openAccount } from '../../src/store/ledger.ts';
import { markListings } from '../../src/store/marks.ts';
import { addToken } from '../../src/store/tokens.ts';
import { type Stock, stock } from '../store/stock.ts';
import { testDatabase } from '../store/testdb.ts';

/** The bell: what waits, for whom, and until when. */

const now = new Date('2026-11-22T09:00:00.000Z');
const soon = new Date(now.getTime() + 60_000);
let base: Awaited<ReturnType<typeof testDatabase>>;
let app: FastifyInstance;
let agency: Stock;
let north: number;
let south: number;

beforeAll(async () => {
  base = await testDatabase();
  app = buildApp({ db: base.db, dataDir: '/nowhere', secret: 'x', clock: () => now, logLevel: 'silent' });
  await app.ready();
  agency = await stock(base.db);
  north = await ensureBranch(base.db, agency.agencyId, 'Север');
  south = await ensureBranch(base.db, agency.agencyId, 'Юг');
});
afterAll(async () => {
  await app.close();
  await base.drop();
});

async function person(grant: Partial<Grant> & Pick<Grant, 'role' | 'scope'>) {
  const { agencyId } = agency;
  const id = await addEmployee(base.db, agencyId, { name: `${grant.role}`, phones: [], branchId: north });
  await setGrants(
    base.db,
    agencyId,
    id,
    [{ branchId: null, departmentId: null, ...grant }],
    { name: 'тест', person: null },
    now,
  );
  const token = `vg_${newToken()}`;
  await addToken(
    base.db,
    agencyId,
    { employeeId: id, name: 'ключ', scopes: ['listings:read'], tokenHash: tokenHash(token) },
    'тест',
    now,
  );
  const get = async <T>(url: string) =>
    (await app.inject({ url: `/api/v1${url}`, headers: { authorization: `Bearer ${token}` } })).json<T>();
  return {
    id,
    tasks: async () => (await get<{ data: Task[] }>('/tasks')).data,
    waiting: () => get<Waiting>('/waiting'),
  };
}

const keys = (tasks: readonly Task[]) => tasks.map(({ key }) => key).sort();

describe('the bell', () => {
  it('rings for the person, and for the role where the thing lies', async () => {
    const agent = await person({ role: 'agent', scope: 'own' });
    const manager = await person({ role: 'manager', scope: 'branch', branchId: north });
    const elsewhere = await person({ role: 'manager', scope: 'branch', branchId: south });
    const [listingId] = await agency.listings([{ branchId: north }]);
    const owner = { kind: 'branch', ownerId: south } as const;
    const { id: accountId } = await openAccount(base.db, agency.agencyId, owner, { name: 'тест' }, now);
    const money = `money-low:${accountId}:2026-11-22:manager`;
    await tell(
      base.db.pool,
      agency.agencyId,
      [
        { key: 'mine', kind: 'call-back', employeeId: agent.id, listingId, text: 'Перезвоните.' },
        { key: 'managers', kind: 'fresh-manager', role: 'manager', listingId, text: 'Скоро снимется.' },
        { key: money, kind: 'money-low', role: 'manager', text: 'Денег мало.' },
      ],
      now,
    );
    expect(keys(await agent.tasks())).toEqual(['mine']);
    expect(keys(await manager.tasks())).toEqual(['managers']);
    // What is on an account is for who may see the account.
    expect(keys(await elsewhere.tasks())).toEqual([money]);
    expect(await agent.tasks()).toMatchObject([
      {
        label: 'Пора перезвонить',
        action: 'Отметить звонок',
        href: `/listings/${listingId}`,
        isMine: true,
        isTold: false,
      },
    ]);
    expect((await elsewhere.tasks()).find(({ kind }) => kind === 'money-low')?.href).toBe(`/accounts/${accountId}`);
  });

  it('does not tell what may still be taken back', async () => {
    const agent = await person({ role: 'agent', scope: 'own' });
    await tell(
      base.db.pool,
      agency.agencyId,
      [{ key: 'later', kind: 'verdict-approved', employeeId: agent.id, text: 'Одобрен.' }],
      soon,
    );
    expect(await agent.tasks()).toEqual([]);
  });

  it('forgets what was sent back once it is changed', async () => {
    const agent = await person({ role: 'agent', scope: 'own' });
    const [listingId] = await agency.listings([{ branchId: north }]);
    const before = new Date(now.getTime() - 3_600_000);
    await tell(
      base.db.pool,
      agency.agencyId,
      [{ key: `returned:${listingId}`, kind: 'verdict-returned', employeeId: agent.id, listingId, text: 'Вернул.' }],
      before,
    );
    expect((await agent.tasks()).length).toBe(1);
    await base.db.pool.query('update listing set changed_at = $2 where id = $1', [listingId, now]);
    expect(await agent.tasks()).toEqual([]);
  });

  it('shows a run that keeps failing until one succeeds, and a board that does not come', async () => {
    const specialist = await person({ role: 'adSpecialist', scope: 'agency' });
    const agent = await person({ role: 'agent', scope: 'own' });
    const cabinetId = await agency.cabinet('cian');
    const run = (status: string, minute: number) =>
      base.db.pool.query(
        `insert into export_run (agency_id, cabinet_id, fence, cause, started_at, finished_at, status) values ($1, $2, $4, 'due', $3, $3, $5)`,
        [agency.agencyId, cabinetId, new Date(now.getTime() - minute * 60_000), 100 - minute, status],
      );
    await run('failed', 30);
    await run('failed', 20);
    expect(await specialist.tasks()).toMatchObject([{ kind: 'run-failed', href: `/feeds/${cabinetId}`, id: null }]);
    expect((await specialist.tasks())[0]!.text).toContain('2 прогона подряд');
    expect((await specialist.waiting()).feeds).toBe(1);
    expect(await agent.tasks()).toEqual([]);
    await run('done', 10);
    expect(await specialist.tasks()).toEqual([]);
  });

  it('counts what the menu shows, within reach', async () => {
    const agent = await person({ role: 'agent', scope: 'own' });
    const specialist = await person({ role: 'adSpecialist', scope: 'branch', branchId: north });
    const [one, two] = await agency.listings([{ branchId: north }, { branchId: south }]);
    await base.db.pool.query('update listing set employee_id = $2, pending_since = $3 where id = any($1)', [
      [one, two],
      agent.id,
      now,
    ]);
    const cabinetId = await agency.cabinet('cian');
    await markListings(base.db, agency.agencyId, cabinetId, [one!, two!], now);
    await base.db.pool.query(
      `insert into mark_outcome (agency_id, cabinet_id, listing_id, outcome, judgement, input_key, content_key, since, decided_at)
       select $1, $2, unnest($3::bigint[]), 'awaiting-moderation', '{"approval":"awaiting"}', 'i', 'c', $4, $4`,
      [agency.agencyId, cabinetId, [one, two], now],
    );
    expect(await agent.waiting()).toMatchObject({ moderation: 0 });
    expect(await specialist.waiting()).toMatchObject({ moderation: 1 });
  });
});
