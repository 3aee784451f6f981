import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listingAt } from '../../fixtures/agency.ts';
import { loadBoards } from '../../src/boards/catalogue.ts';
import type { NormRehearsal, NormsAnswer } from '../../src/contracts/norms.ts';
import { AGENCY_DEFAULTS } from '../../src/domain/settings.ts';
import { publishAll } from '../../src/export/publish.ts';
import { addEmployee, ensureBranch, ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import { importListings } from '../../src/store/intake.ts';
import { markListings } from '../../src/store/marks.ts';
import { listCabinets } from '../../src/store/publishing.ts';
import { testDatabase } from '../store/testdb.ts';
import { type Counter, counter, type Visitor } from './visitors.ts';

/** Norms: told before they are saved, seen before they are changed; and whom they let past. */

const boards = loadBoards();
let now = new Date('2026-11-21T09:00:00Z');
let base: Awaited<ReturnType<typeof testDatabase>>;
let dataDir: string;
let door: Counter;
let agencyId: number;
let specialist: Visitor;
let agent: Visitor;
let lead: Visitor;
let listings: { id: number; employeeId: number | null }[];

const rows = async <T>(sql: string, values: unknown[] = []) => (await base.db.pool.query(sql, values)).rows as T[];
async function run(): Promise<void> {
  now = new Date(now.getTime() + 10 * 60_000);
  const cabinets = await listCabinets(base.db, { agencyId });
  expect((await publishAll(cabinets, { db: base.db, boards, dataDir, clock: () => now })).failed).toEqual([]);
}
/** Marks that the last run found to be stopped by norms, by board. */
const stopped = async () =>
  Object.fromEntries(
    (
      await rows<{ board: string; count: number }>(
        `select c.board, count(*) filter (where o.judgement->'norms' is not null and o.judgement->'board' is null)::int as count
         from mark_outcome o join cabinet c on c.agency_id = o.agency_id and c.id = o.cabinet_id where o.agency_id = $1 group by 1`,
        [agencyId],
      )
    ).map(({ board, count }) => [board, count]),
  );
const norms = async () => (await specialist.get('/norms')).body as NormsAnswer;
const text = { wish: { kind: 'text', min: 420, max: 850 }, scope: { boards: ['domclick'] } };
const photos = { wish: { kind: 'photos', min: 9 } };

beforeAll(async () => {
  base = await testDatabase();
  dataDir = await mkdtemp(join(tmpdir(), 'norms-'));
  agencyId = (await resolveAgency(base.db, 'Дом у реки', true)).id;
  await rows('update agency set settings = $2 where id = $1', [
    agencyId,
    JSON.stringify({ brake: { ...AGENCY_DEFAULTS.brake, isOn: false } }),
  ]);
  const north = await ensureBranch(base.db, agencyId, 'Север');
  const employeeId = await addEmployee(base.db, agencyId, { name: 'Пётр', phones: ['+79161234567'] });
  const values = Array.from({ length: 40 }, (_, index) => ({
    values: { ...listingAt(index), externalId: `L${index}`, apartmentNumber: String(index) },
    employeeId: index % 2 === 0 ? employeeId : null,
  }));
  await importListings(base.db, { agencyId, source: 'crm' }, values, now);
  listings = await rows('select id, employee_id as "employeeId" from listing where agency_id = $1 order by id', [
    agencyId,
  ]);
  for (const board of ['domclick', 'yandex']) {
    const id = await ensureCabinet(base.db, agencyId, { board, name: board, family: 'yandex', slug: 'main' });
    await markListings(base.db, agencyId, id, undefined, now);
  }
  door = await counter(base.db, agencyId, () => now);
  specialist = await door.come({ name: 'Яна' }, [{ role: 'adSpecialist' }]);
  lead = await door.come({ name: 'Олег' }, [{ role: 'adSpecialist', scope: 'branch', branchId: north }]);
  agent = await door.come({ name: 'Анна' });
  await run();
});
afterAll(async () => {
  await door.close();
  await base.drop();
  await rm(dataDir, { recursive: true, force: true });
});

describe('a norm', () => {
  it.each([
    ['of the text, on one board', text, { domclick: true, yandex: false }],
    ['of the photos, everywhere', photos, { domclick: true, yandex: true }],
    [
      'of one’s own, in JSON',
      {
        rule: {
          code: 'no-top',
          must: { properties: { floor: { maximum: 3 } } },
          severity: 'blocking',
          field: 'floor',
          message: '{label}: {floor}. Не выше 3.',
        },
      },
      { domclick: true, yandex: true },
    ],
  ])('%s stops as many in the next run as was told', async (_, norm, touched) => {
    const told = (await specialist.send('POST', '/norms/rehearse', { norm })).body as NormRehearsal;
    expect(told.change).toBe('new');
    expect(told.sentence).not.toMatch(/[{}]/);
    expect(await norms()).toMatchObject({ data: [] });
    expect((await agent.send('PUT', '/norms', norm)).status).toBe(403);
    expect((await lead.send('PUT', '/norms', norm)).status).toBe(403);
    const saved = await specialist.send('PUT', '/norms', norm);
    expect(saved.status).toBe(200);
    await run();
    const found = await stopped();
    for (const { board, blocks } of told.boards) {
      expect([board, found[board]]).toEqual([board, blocks]);
      expect([board, blocks > 0]).toEqual([board, touched[board as keyof typeof touched]]);
    }
    expect(told.examples.length).toBe(Math.min(20, told.changed));
    const [row] = (await norms()).data;
    expect(row).toMatchObject({ code: told.code, by: 'Яна', form: 'rule' in norm ? null : { wish: norm.wish } });
    const count = await rows<{ count: number }>(
      `select count(distinct listing_id)::int as count from mark_outcome, jsonb_array_elements(judgement->'norms') n
       where agency_id = $1 and n->>'code' = $2`,
      [agencyId, told.code],
    );
    expect(row!.stops).toBe(count[0]!.count);

    const back = (await specialist.send('POST', '/norms/rehearse', { remove: told.code })).body as NormRehearsal;
    expect(back.boards.map(({ frees }) => frees)).toEqual(told.boards.map(({ blocks }) => blocks));
    expect((await specialist.send('DELETE', `/norms/${told.code.slice(5)}`)).status).toBe(204);
    await run();
    expect(Object.values(await stopped())).toEqual([0, 0]);
  });

  it('is replaced only by whoever saw the one that stands there', async () => {
    const first = await specialist.send('PUT', '/norms', photos);
    const stricter = { wish: { kind: 'photos', min: 12 } };
    expect((await specialist.send('PUT', '/norms', stricter)).status).toBe(428);
    const tag = { 'if-match': String(first.headers.etag) };
    const second = await specialist.send('PUT', '/norms', stricter, tag);
    expect([second.status, second.body.form.wish.min]).toEqual([200, 12]);
    expect((await specialist.send('PUT', '/norms', photos, tag)).status).toBe(412);
    await specialist.send('DELETE', '/norms/photos-min');
    expect((await specialist.send('DELETE', '/norms/photos-min')).status).toBe(404);
    const gone = await specialist.send('PUT', '/norms', stricter, { 'if-match': String(second.headers.etag) });
    expect([gone.status, gone.body.code]).toEqual([412, 'version-changed']);
  });

  it('that makes no sense is refused with all that is wrong', async () => {
    const put = async (norm: object) => (await specialist.send('PUT', '/norms', norm)).body;
    expect(await put({ wish: { kind: 'text', min: 850, max: 200 } })).toMatchObject({
      code: 'norm-wrong',
      status: 422,
    });
    expect(await put({ wish: { kind: 'required', field: 'nothing' } })).toMatchObject({ code: 'norm-wrong' });
    expect(await put({ ...photos, scope: { boards: ['nowhere'] } })).toMatchObject({ code: 'board-unknown' });
    const rule = await put({ rule: { code: 'x', must: {}, field: 'nothing', message: '{floor' } });
    expect(rule.code).toBe('norm-wrong');
    expect((await specialist.send('PUT', '/norms', { wish: { kind: 'photos' } })).status).toBe(422);
  });
});

describe('an exception', () => {
  it('is given and taken back where the person reaches', async () => {
    const [mine] = listings;
    const wish = { listingId: mine!.id, gate: 'norms', reason: 'Договор с собственником', until: '2026-12-01' };
    expect((await agent.send('POST', '/exceptions', wish)).status).toBe(403);
    expect((await lead.send('POST', '/exceptions', wish)).status).toBe(404);
    expect((await specialist.send('POST', '/exceptions', { ...wish, until: '2026-11-01' })).body.code).toBe(
      'exception-wrong',
    );
    const made = await specialist.send('POST', '/exceptions', wish);
    expect(made.status).toBe(200);
    const { data } = (await specialist.get('/exceptions')).body;
    expect(data).toMatchObject([
      { id: made.body.id, what: 'нормы агентства', state: 'действует', may: { revoke: true } },
    ]);
    expect((await agent.get('/exceptions')).body.data).toEqual([]);
    expect((await lead.send('DELETE', `/exceptions/${made.body.id}`)).status).toBe(404);
    expect((await specialist.send('DELETE', `/exceptions/${made.body.id}`)).status).toBe(204);
    expect((await specialist.get('/exceptions')).body.data).toEqual([]);
    expect((await specialist.get(`/exceptions?all=true&listing=${mine!.id}`)).body.data).toMatchObject([
      { state: 'отозвано' },
    ]);
  });
});
