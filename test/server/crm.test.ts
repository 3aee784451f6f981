import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AudienceAnswer, PushAnswer } from '../../src/contracts/crm.ts';
import type { TokenScope } from '../../src/contracts/tokens.ts';
import type { Grant } from '../../src/domain/rights.ts';
import { buildApp } from '../../src/server/app.ts';
import { newToken, tokenHash } from '../../src/server/keys.ts';
import { setGrants } from '../../src/store/access.ts';
import { addEmployee, ensureBranch, ensureCabinet } from '../../src/store/agencies.ts';
import { markListings } from '../../src/store/marks.ts';
import { addToken } from '../../src/store/tokens.ts';
import { type Stock, stock } from '../store/stock.ts';
import { testDatabase } from '../store/testdb.ts';

/** A CRM pushes what it has, again and again, and tells what becomes of the deals. */

const now = new Date('2026-11-22T09:00:00.000Z');
let base: Awaited<ReturnType<typeof testDatabase>>;
let app: FastifyInstance;
let agency: Stock;
let north: number;
let agents: { north: number; south: number };

beforeAll(async () => {
  base = await testDatabase();
  app = buildApp({ db: base.db, dataDir: '/nowhere', secret: 'x', clock: () => now, logLevel: 'silent' });
  await app.ready();
  agency = await stock(base.db, {
    market: { stages: [{ name: 'Аванс', effect: 'withdraws' }], reservedWithdraws: true, requiresStage: false },
  });
  north = await ensureBranch(base.db, agency.agencyId, 'Север');
  const south = await ensureBranch(base.db, agency.agencyId, 'Юг');
  agents = {
    north: await addEmployee(base.db, agency.agencyId, {
      name: 'Нина',
      phones: ['+79120000001'],
      email: 'nina@example.ru',
      branchId: north,
    }),
    south: await addEmployee(base.db, agency.agencyId, { name: 'Юрий', phones: ['+79120000002'], branchId: south }),
  };
});
afterAll(async () => {
  await app.close();
  await base.drop();
});

async function key(
  grants: readonly Grant[],
  scopes: readonly TokenScope[] = ['listings:read', 'listings:write'],
): Promise<string> {
  const { agencyId } = agency;
  const employeeId = await addEmployee(base.db, agencyId, { name: 'CRM', phones: [] });
  await setGrants(base.db, agencyId, employeeId, grants, { name: 'тест', person: null }, now);
  const token = `vg_${newToken()}`;
  await addToken(base.db, agencyId, { employeeId, name: 'ключ', scopes, tokenHash: tokenHash(token) }, 'тест', now);
  return token;
}
const everywhere: Grant = { role: 'adSpecialist', scope: 'agency', branchId: null, departmentId: null };

const call = (token: string, method: 'GET' | 'PUT' | 'POST' | 'DELETE', url: string, payload?: object, headers = {}) =>
  app.inject({
    method,
    url: `/api/v1${url}`,
    ...(payload && { payload }),
    headers: { authorization: `Bearer ${token}`, ...headers },
  });

const flat = {
  kind: 'flat',
  deal: 'sale',
  priceKopecks: 500_000_000,
  areaM2: 40,
  address: 'Северск, Мира, 3',
  title: 'Квартира',
};

describe('one listing', () => {
  it('comes, stays as it is, changes, goes and comes back', async () => {
    const token = await key([everywhere]);
    const put = async (values: object) =>
      (await call(token, 'PUT', '/sources/crm-a/listings/A-1', { values })).json<PushAnswer>();
    const made = await put(flat);
    expect(made).toMatchObject({ state: 'created', externalId: 'A-1' });
    expect(await put(flat)).toEqual({ ...made, state: 'unchanged' });
    const dearer = await put({ ...flat, priceKopecks: 510_000_000 });
    expect(dearer).toMatchObject({ state: 'updated', id: made.id });
    expect(dearer.version).not.toBe(made.version);
    expect((await call(token, 'DELETE', '/sources/crm-a/listings/A-1')).statusCode).toBe(204);
    expect((await agency.listing(made.id!)).gone_at).toEqual(now);
    expect((await call(token, 'GET', '/sources/crm-a/listings/A-1')).json()).toMatchObject({
      id: made.id,
      isGone: true,
    });
    expect(await put(flat)).toMatchObject({ state: 'returned', id: made.id });
    expect((await agency.listing(made.id!)).gone_at).toBeNull();
  });

  it('never takes the others away', async () => {
    const token = await key([everywhere]);
    for (const id of ['1', '2', '3']) await call(token, 'PUT', `/sources/crm-b/listings/${id}`, { values: flat });
    const found = await base.db.pool.query(
      `select count(*)::int as n from listing l join source s on s.id = l.source_id where s.name = 'crm-b' and l.gone_at is null`,
    );
    expect(found.rows[0].n).toBe(3);
  });

  it('is refused with every fault at once, and nothing of it is kept', async () => {
    const token = await key([everywhere]);
    const answer = await call(token, 'PUT', '/sources/crm-a/listings/bad', {
      values: { kind: 'castle', deal: 'sale', areaM2: -4, floor: 9, floorsTotal: 5 },
    });
    expect(answer.statusCode).toBe(422);
    const { errors, detail } = answer.json();
    expect(errors.length).toBeGreaterThanOrEqual(3);
    expect(detail).toContain('Этаж');
    expect((await call(token, 'GET', '/sources/crm-a/listings/bad')).statusCode).toBe(404);
  });

  it('is changed only from the version that was named', async () => {
    const token = await key([everywhere]);
    const made = (await call(token, 'PUT', '/sources/crm-a/listings/V-1', { values: flat })).json<PushAnswer>();
    const old = { 'if-match': `"${made.version}"` };
    expect(
      (await call(token, 'PUT', '/sources/crm-a/listings/V-1', { values: { ...flat, areaM2: 41 } }, old)).statusCode,
    ).toBe(200);
    const late = await call(token, 'PUT', '/sources/crm-a/listings/V-1', { values: { ...flat, areaM2: 42 } }, old);
    expect([late.statusCode, late.json().code]).toEqual([412, 'version-changed']);
  });

  it('gets its person by e-mail, phone or number, and keeps a correction over what is pushed', async () => {
    const token = await key([everywhere]);
    const by = async (responsible: object) => {
      const { id } = (
        await call(token, 'PUT', '/sources/crm-a/listings/P-1', { values: flat, responsible })
      ).json<PushAnswer>();
      return (await agency.listing(id!)).employee_id;
    };
    expect(await by({ email: 'NINA@example.ru' })).toBe(agents.north);
    expect(await by({ phone: '8 912 000-00-02' })).toBe(agents.south);
    expect(await by({ id: agents.north })).toBe(agents.north);
    const stranger = await call(token, 'PUT', '/sources/crm-a/listings/P-1', {
      values: flat,
      responsible: { email: 'who@example.ru' },
    });
    expect(stranger.json().detail).toContain('такого сотрудника нет');
  });
});

describe('a batch', () => {
  it('answers for each, in order; a bad one spoils none of the others', async () => {
    const token = await key([everywhere]);
    const listings = [
      { externalId: 'b1', values: flat },
      { externalId: 'b2', values: { ...flat, kind: 'castle' } },
      { externalId: 'b1', values: flat },
      { externalId: 'b3', values: { ...flat, address: 'Мира, 4' } },
    ];
    const answer = await call(token, 'POST', '/sources/crm-c/listings', { listings });
    expect(answer.json<{ data: PushAnswer[] }>().data.map(({ externalId, state }) => `${externalId} ${state}`)).toEqual(
      ['b1 created', 'b2 rejected', 'b1 rejected', 'b3 created'],
    );
    const again = await call(token, 'POST', '/sources/crm-c/listings', { listings: listings.slice(0, 1) });
    expect(again.json<{ data: PushAnswer[] }>().data[0]!.state).toBe('unchanged');
  });

  it('with a key is answered once', async () => {
    const token = await key([everywhere]);
    const body = { listings: [{ externalId: 'k1', values: flat }] };
    const headers = { 'idempotency-key': 'one-and-the-same' };
    const [first, second] = [
      await call(token, 'POST', '/sources/crm-k/listings', body, headers),
      await call(token, 'POST', '/sources/crm-k/listings', body, headers),
    ];
    expect(second.json()).toEqual(first.json());
    const other = await call(
      token,
      'POST',
      '/sources/crm-k/listings',
      { listings: [{ externalId: 'k2', values: flat }] },
      headers,
    );
    expect(other.json().code).toBe('idempotency-key-reused');
  });

  it('keeps to the branch of the key', async () => {
    const token = await key([{ role: 'adSpecialist', scope: 'branch', branchId: north, departmentId: null }]);
    const answer = await call(token, 'POST', '/sources/crm-n/listings', {
      listings: [
        { externalId: 'own', values: flat, responsible: { id: agents.north } },
        { externalId: 'foreign', values: flat, responsible: { id: agents.south } },
        { externalId: 'nobody', values: flat },
      ],
    });
    expect(answer.json<{ data: PushAnswer[] }>().data.map(({ state }) => state)).toEqual([
      'created',
      'rejected',
      'rejected',
    ]);
    const whole = await key([everywhere]);
    await call(whole, 'PUT', '/sources/crm-n/listings/taken', { values: flat, responsible: { id: agents.south } });
    const grab = await call(token, 'PUT', '/sources/crm-n/listings/taken', {
      values: flat,
      responsible: { id: agents.north },
    });
    expect(grab.statusCode).toBe(422);
    expect((await call(token, 'GET', '/sources/crm-n/listings/taken')).statusCode).toBe(404);
  });

  it('never runs into a source that is loaded from a file', async () => {
    const token = await key([everywhere]);
    await base.db.pool.query(
      `insert into source (agency_id, name, location) values ($1, 'file.xml', '/feeds/file.xml')`,
      [agency.agencyId],
    );
    expect((await call(token, 'PUT', '/sources/file.xml/listings/1', { values: flat })).json().code).toBe(
      'source-is-file',
    );
  });
});

describe('the deal', () => {
  it('moves on: stage, status, confirmation; the feed is due', async () => {
    const token = await key([everywhere]);
    const { id } = (await call(token, 'PUT', '/sources/crm-d/listings/d1', { values: flat })).json<PushAnswer>();
    const cabinetId = await ensureCabinet(base.db, agency.agencyId, {
      board: 'avito',
      slug: 'deal',
      name: 'Авито',
      family: 'avito',
    });
    await markListings(base.db, agency.agencyId, cabinetId, [id!], now);
    await agency.notDue();
    const tell = (event: object) => call(token, 'POST', '/sources/crm-d/listings/d1/events', event);
    expect((await tell({ event: 'stage', stage: 'Аванс' })).statusCode).toBe(204);
    expect((await agency.listing(id!)).stage).toBe('Аванс');
    expect(await agency.dueAt(cabinetId)).toEqual(now);
    expect((await tell({ event: 'status', status: 'reserved', reservedUntil: '2026-12-01' })).statusCode).toBe(204);
    expect((await agency.listing(id!)).status).toBe('reserved');
    expect((await tell({ event: 'stage', stage: 'Нет такой' })).json().status).toBe(422);
    expect((await tell({ event: 'confirmed' })).statusCode).toBe(204);
    expect((await tell({ event: 'party' })).statusCode).toBe(422);
  });

  it('is told by a key that may write', async () => {
    const reader = await key([everywhere], ['listings:read']);
    expect((await call(reader, 'PUT', '/sources/crm-d/listings/d1', { values: flat })).json().code).toBe('token-scope');
    const agent = await key([{ role: 'agent', scope: 'own', branchId: null, departmentId: null }]);
    expect((await call(agent, 'PUT', '/sources/crm-d/listings/d1', { values: flat })).json().code).toBe('not-allowed');
  });
});

describe('views and calls', () => {
  it('come in a batch: what is right is taken, the rest has its reasons, and twice is once', async () => {
    const token = await key([everywhere]);
    const push = async (externalId: string) =>
      (await call(token, 'PUT', `/sources/crm-a/listings/${externalId}`, { values: flat })).json<PushAnswer>().id!;
    const [one, two] = [await push('a1'), await push('a2')];
    const { agencyId } = agency;
    const cabinetOf = (slug: string) =>
      ensureCabinet(base.db, agencyId, { board: 'cian', slug, name: 'Циан', family: 'cian' });
    const [main, second] = [await cabinetOf('main'), await cabinetOf('second')];
    await markListings(base.db, agencyId, main, [one], now);
    await markListings(base.db, agencyId, second, [one], now);
    const row = { externalId: 'a1', board: 'cian', cabinet: 'main', day: '2026-11-21', views: 40, calls: 2 };
    const rows = [
      row,
      { ...row, cabinet: 'second', calls: null },
      { ...row, cabinet: undefined },
      { ...row, externalId: 'a2' },
      { ...row, externalId: 'nobody' },
      { ...row, board: 'no-such' },
      { ...row, day: '2026-11-23' },
      { ...row, day: '2026-02-31' },
      { ...row, calls: -1 },
      { ...row, views: 1.5 },
      { externalId: 'a1', board: 'cian', cabinet: 'main', day: '2026-11-20' },
    ];
    const tell = () => call(token, 'PUT', '/sources/crm-a/audience', { rows });
    const answer = (await tell()).json();
    expect(answer.data.map(({ state, reasons }: AudienceAnswer['data'][number]) => reasons?.join() ?? state)).toEqual([
      'taken',
      'taken',
      expect.stringContaining('назовите cabinet, один из main, second'),
      'Объект a2 на эту доску не отмечали.',
      'Объекта nobody в источнике «crm-a» нет.',
      'Доски «no-such» нет.',
      'день 23.11.2026 ещё не наступил',
      'Дня «2026-02-31» нет: нужно 2026-11-21.',
      'звонков меньше нуля: -1',
      'число просмотров не целое',
      'нет ни просмотров, ни звонков',
    ]);
    expect(answer).toMatchObject({ added: 2, replaced: 0 });
    expect((await tell()).json()).toMatchObject({ added: 0, replaced: 0, same: 2 });
    const kept = await base.db.pool.query(
      'select cabinet_id as id, views, calls from audience_day where agency_id = $1 and listing_id = any($2) order by 1',
      [agencyId, [one, two]],
    );
    expect(kept.rows).toEqual([
      { id: main, views: 40, calls: 2 },
      { id: second, views: 40, calls: null },
    ]);
  });

  it('of listings that the key does not reach are of nobody, and a batch has its limit', async () => {
    const token = await key([{ role: 'adSpecialist', scope: 'branch', branchId: north, departmentId: null }]);
    const row = { externalId: 'a1', board: 'cian', cabinet: 'main', day: '2026-11-21', calls: 9 };
    const { data } = (await call(token, 'PUT', '/sources/crm-a/audience', { rows: [row] })).json<AudienceAnswer>();
    expect(data[0]).toMatchObject({ state: 'rejected', reasons: [expect.stringContaining('Объекта a1')] });
    const many = Array.from({ length: 501 }, () => row);
    expect((await call(token, 'PUT', '/sources/crm-a/audience', { rows: many })).statusCode).toBe(422);
    const reader = await key([everywhere], ['listings:read']);
    expect((await call(reader, 'PUT', '/sources/crm-a/audience', { rows: [row] })).json().code).toBe('token-scope');
  });
});
