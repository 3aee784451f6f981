import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Stock, stock } from '../store/stock.ts';
import { testDatabase } from '../store/testdb.ts';
import { type Counter, counter, type Visitor } from './visitors.ts';

/** Keys for programs: shown once, good for what they were given for, never for more than their person. */

let now = new Date('2026-11-22T09:00:00.000Z');
let base: Awaited<ReturnType<typeof testDatabase>>;
let house: Stock;
let door: Counter;
let admin: Visitor;
let agent: Visitor;

const withKey = (token: string, url: string) =>
  door.app.inject({ url: `/api/v1${url}`, headers: { authorization: `Bearer ${token}` } });

beforeAll(async () => {
  base = await testDatabase();
  house = await stock(base.db, { access: { secondFactor: 'offered' } }, now);
  door = await counter(base.db, house.agencyId, () => now);
  admin = await door.come({ name: 'Вера' }, [{ role: 'admin' }]);
  agent = await door.come({ name: 'Пётр' });
});
afterAll(async () => {
  await door.close();
  await base.drop();
});

it('is given by an administrator who has just proved who it is, works as its person and is taken back', async () => {
  const wanted = { name: 'CRM', employeeId: admin.id, scopes: ['settings:read'] };
  expect((await agent.send('POST', '/tokens', wanted)).status).toBe(403);
  expect((await admin.send('POST', '/tokens', { ...wanted, scopes: ['everything'] })).status).toBe(422);
  expect((await admin.send('POST', '/tokens', { ...wanted, scopes: [] })).status).toBe(422);
  const { id, token } = (await admin.send('POST', '/tokens', wanted)).body;
  expect(token).toMatch(/^vg_[\w-]{43}$/);
  const list = await admin.get('/tokens');
  expect(list.text).not.toContain(token);
  expect(list.body.data).toMatchObject([
    { id, name: 'CRM', employee: { name: 'Вера', isActive: true }, by: 'Вера', lastUsedAt: null },
  ]);
  expect(list.body.scopes).toContainEqual({ scope: 'settings:read', label: 'читать настройки' });
  const kept = await base.db.pool.query('select token_hash as hash from api_token where id = $1', [id]);
  expect(kept.rows[0].hash).not.toContain(token.slice(3));

  expect((await withKey(token, '/people')).statusCode).toBe(200);
  expect((await withKey(token, '/tasks')).json().code).toBe('token-scope');
  expect((await withKey(token, '/tokens')).json().code).toBe('not-for-programs');
  expect((await admin.get('/tokens')).body.data[0].lastUsedAt).toBe(now.toISOString());
  expect((await admin.send('DELETE', `/tokens/${id}`)).status).toBe(204);
  expect((await withKey(token, '/people')).statusCode).toBe(401);
  expect((await admin.send('DELETE', `/tokens/${id}`)).status).toBe(404);
  expect((await admin.get('/tokens')).body.data).toEqual([]);
});

it('may no more than the person it belongs to', async () => {
  const wanted = { name: 'Робот агента', employeeId: agent.id, scopes: ['settings:read'] };
  const { token } = (await admin.send('POST', '/tokens', wanted)).body;
  expect((await withKey(token, '/people')).json().code).toBe('not-allowed');
  expect((await admin.send('POST', '/tokens', { ...wanted, employeeId: 987654 })).status).toBe(404);
});

it('asks for the password again after a while', async () => {
  now = new Date(now.getTime() + 31 * 60_000);
  const answer = await admin.send('POST', '/tokens', { name: 'x', employeeId: admin.id, scopes: ['settings:read'] });
  expect([answer.status, answer.body.code]).toEqual([403, 're-authentication-needed']);
});
