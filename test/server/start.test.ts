import { afterAll, beforeAll, expect, it } from 'vitest';
import { addBranch } from '../../src/store/agencies.ts';
import { markListings } from '../../src/store/marks.ts';
import { type Stock, stock } from '../store/stock.ts';
import { testDatabase } from '../store/testdb.ts';
import { type Counter, counter, type Visitor } from './visitors.ts';

/** The list of first steps follows what is there. */

const NOW = new Date('2026-11-22T09:00:00.000Z');
let base: Awaited<ReturnType<typeof testDatabase>>;
let house: Stock;
let door: Counter;
let admin: Visitor;

beforeAll(async () => {
  base = await testDatabase();
  house = await stock(base.db, {}, NOW);
  door = await counter(base.db, house.agencyId, () => NOW);
  admin = await door.come({ name: 'Вера' }, [{ role: 'admin' }]);
});
afterAll(async () => {
  await door.close();
  await base.drop();
});

const done = async () =>
  (await admin.get('/start')).body.steps
    .filter(({ isDone }: { isDone: boolean }) => isDone)
    .map(({ key }: { key: string }) => key);

it('begins with nothing and ends by facts alone', async () => {
  const { agencyId } = house;
  const query = (sql: string, ...values: unknown[]) => base.db.pool.query(sql, [agencyId, ...values]);
  expect(await done()).toEqual([]);
  await addBranch(base.db, agencyId, { name: 'Центр', timeZone: null }, 'Вера', NOW);
  expect(await done()).toEqual(['branches']);
  const agent = await door.come({ name: 'Пётр' });
  expect((await agent.get('/start')).status).toBe(403);
  expect(await done()).toEqual(['branches', 'people']);
  const [listing] = await house.listings([{}]);
  expect(await done()).toEqual(['branches', 'people', 'source']);
  const cabinetId = await house.cabinet('cian');
  await markListings(base.db, agencyId, cabinetId, [listing!], NOW);
  expect(await done()).toEqual(['branches', 'people', 'source', 'cabinet']);
  const pull = `insert into feed_pull (agency_id, cabinet_id, at, method, status, encoding, bytes, is_previous_token)
    values ($1, $2, $3, 'GET', $4, 'identity', 10, false)`;
  await query(pull, cabinetId, NOW, 404);
  expect(await done()).toHaveLength(4);
  await query(pull, cabinetId, NOW, 200);
  expect((await admin.get('/start')).body.steps[4]).toMatchObject({
    isDone: true,
    told: 'Последний раз 22.11.2026 12:00: Циан',
  });
  await query(
    `insert into export_run (agency_id, cabinet_id, fence, cause, started_at, finished_at, status)
     values ($1, $2, 1, 'person', $3, $3, 'done')`,
    cabinetId,
    NOW,
  );
  expect((await admin.get('/start')).body.isDone).toBe(true);
});
