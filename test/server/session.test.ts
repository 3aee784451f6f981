import type { FastifyInstance } from 'fastify';
import * as OTPAuth from 'otpauth';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../src/contracts/session.ts';
import { buildApp } from '../../src/server/app.ts';
import { newInvitation } from '../../src/server/invitations.ts';
import { setGrants, usualGrants } from '../../src/store/access.ts';
import { addEmployee, changeEmployee, resolveAgency } from '../../src/store/agencies.ts';
import { testDatabase } from '../store/testdb.ts';

/** Coming in, staying in, being put out. */

const PASSWORD = 'долгая-память-реки';
let base: Awaited<ReturnType<typeof testDatabase>>;
let app: FastifyInstance;
let now = new Date('2026-11-22T09:00:00.000Z');
let agencyId: number;
let first: string;

beforeAll(async () => {
  base = await testDatabase();
  app = buildApp({
    db: base.db,
    dataDir: '/nowhere',
    secret: 's'.repeat(32),
    clock: () => now,
    logLevel: 'silent',
  });
  await app.ready();
  first = await newInvitation(base.db, null, 'тест', now);
});
afterAll(async () => {
  await app.close();
  await base.drop();
});

const later = (minutes: number) => {
  now = new Date(now.getTime() + minutes * 60_000);
};

interface Held {
  readonly cookie: string;
  readonly session: Session;
}

async function call(
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  url: string,
  payload?: object,
  held?: Held,
  headers = {},
) {
  return app.inject({
    method,
    url: `/api/v1${url}`,
    ...(payload && { payload }),
    headers: { ...(held && { cookie: held.cookie, 'x-csrf-token': held.session.csrf }), ...headers },
  });
}

const held = (answer: Awaited<ReturnType<typeof call>>): Held => ({
  cookie: String(answer.headers['set-cookie']).split(';')[0]!,
  session: answer.json(),
});

const signIn = (login: string, password: string, code?: string) =>
  call('POST', '/session', { login, password, ...(code && { code }) });

describe('the first administrator', () => {
  it('comes by a link that opens once', async () => {
    expect((await call('GET', `${first}`)).json()).toEqual({ kind: 'first' });
    const weak = await call('POST', first, { login: 'anna', password: '12345678', name: 'Анна', agency: 'Дом' });
    expect([weak.statusCode, weak.json().code]).toEqual([422, 'password-weak']);
    const came = await call('POST', first, { login: ' Anna ', password: PASSWORD, name: 'Анна', agency: 'Дом' });
    expect(came.statusCode).toBe(200);
    expect(came.json()).toMatchObject({
      person: { name: 'Анна', login: 'anna' },
      agency: { name: 'Дом' },
      grants: [{ role: 'admin', scope: 'agency', label: 'администратор, всё агентство' }],
      home: '/settings',
      secondFactor: { isOn: false, isNeeded: true },
    });
    expect((await call('POST', first, { login: 'other', password: PASSWORD })).statusCode).toBe(404);
    agencyId = (await resolveAgency(base.db, undefined)).id;
  });
});

describe('a session', () => {
  it('opens to the right password only, and tells the two mistakes apart to nobody', async () => {
    const wrong = await signIn('anna', 'не тот пароль');
    const nobody = await signIn('nobody', 'не тот пароль');
    expect([wrong.statusCode, wrong.json().code]).toEqual([401, 'bad-credentials']);
    expect({ ...wrong.json(), requestId: '' }).toEqual({ ...nobody.json(), requestId: '' });
    expect((await signIn('anna', PASSWORD)).statusCode).toBe(200);
  });

  it('is asked for, and its page is proven with everything that changes something', async () => {
    expect((await call('GET', '/session')).statusCode).toBe(401);
    const anna = held(await signIn('anna', PASSWORD));
    expect((await call('GET', '/session', undefined, anna)).statusCode).toBe(200);
    const bare = await call('DELETE', '/session', undefined, undefined, { cookie: anna.cookie });
    expect([bare.statusCode, bare.json().code]).toEqual([403, 'csrf']);
    const foreign = await call('DELETE', '/session', undefined, anna, { origin: 'https://evil.example' });
    expect([foreign.statusCode, foreign.json().code]).toEqual([403, 'foreign-origin']);
    expect((await call('DELETE', '/session', undefined, anna)).statusCode).toBe(204);
    expect((await call('GET', '/session', undefined, anna)).statusCode).toBe(401);
  });

  it('is over after twelve idle hours and after seven days', async () => {
    const idle = held(await signIn('anna', PASSWORD));
    later(11 * 60);
    expect((await call('GET', '/session', undefined, idle)).statusCode).toBe(200);
    later(12 * 60 + 1);
    expect((await call('GET', '/session', undefined, idle)).statusCode).toBe(401);
    const busy = held(await signIn('anna', PASSWORD));
    for (let hours = 0; hours < 7 * 24; hours += 8) {
      expect((await call('GET', '/session', undefined, busy)).statusCode).toBe(200);
      later(8 * 60);
    }
    expect((await call('GET', '/session', undefined, busy)).statusCode).toBe(401);
  });

  it('is listed, and ended from another one', async () => {
    const [one, two] = [held(await signIn('anna', PASSWORD)), held(await signIn('anna', PASSWORD))];
    const all = (await call('GET', '/session/all', undefined, one)).json<{ id: string; isThis: boolean }[]>();
    expect(all.length).toBeGreaterThanOrEqual(2);
    expect((await call('DELETE', '/session/all/others', undefined, one)).statusCode).toBe(204);
    expect((await call('GET', '/session', undefined, two)).statusCode).toBe(401);
    expect((await call('GET', '/session', undefined, one)).statusCode).toBe(200);
  });

  it('ends with a new password, except the one that changed it', async () => {
    const [one, two] = [held(await signIn('anna', PASSWORD)), held(await signIn('anna', PASSWORD))];
    const changed = await call('POST', '/session/password', { old: PASSWORD, password: `${PASSWORD}!` }, one);
    expect(changed.statusCode).toBe(204);
    expect((await call('GET', '/session', undefined, one)).statusCode).toBe(200);
    expect((await call('GET', '/session', undefined, two)).statusCode).toBe(401);
    await call('POST', '/session/password', { old: `${PASSWORD}!`, password: PASSWORD }, one);
  });

  it('ends when the person gets another role or leaves', async () => {
    const id = await addEmployee(base.db, agencyId, { name: 'Пётр', phones: [], role: 'agent' });
    const link = await newInvitation(base.db, { agencyId, employeeId: id }, 'Анна', now);
    const petr = held(await call('POST', link, { login: 'petr', password: PASSWORD }));
    expect(petr.session).toMatchObject({ home: '/listings', grants: [{ scope: 'own' }] });
    await setGrants(base.db, agencyId, id, usualGrants('manager'), { name: 'Анна', person: null }, now);
    expect((await call('GET', '/session', undefined, petr)).statusCode).toBe(401);
    const again = held(await signIn('petr', PASSWORD));
    expect(again.session).toMatchObject({ home: '/accounts', grants: [{ role: 'manager', scope: 'agency' }] });
    await changeEmployee(base.db, agencyId, id, { isActive: false }, { name: 'Анна', person: null }, now);
    expect((await call('GET', '/session', undefined, again)).statusCode).toBe(401);
    expect((await signIn('petr', PASSWORD)).statusCode).toBe(401);
  });
});

describe('guessing', () => {
  it('is slowed down, for that login only', async () => {
    const id = await addEmployee(base.db, agencyId, { name: 'Вера', phones: [] });
    await call('POST', await newInvitation(base.db, { agencyId, employeeId: id }, 'Анна', now), {
      login: 'vera',
      password: PASSWORD,
    });
    for (let attempt = 0; attempt < 5; attempt++) expect((await signIn('vera', 'мимо')).statusCode).toBe(401);
    const refused = await signIn('vera', PASSWORD);
    expect([refused.statusCode, refused.json().code]).toEqual([429, 'too-many-failures']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect((await signIn('anna', PASSWORD)).statusCode).toBe(200);
    later(16);
    expect((await signIn('vera', PASSWORD)).statusCode).toBe(200);
  });
});

describe('the second factor', () => {
  it('is turned on with a code it gives, and then asked for, each code once', async () => {
    const anna = held(await signIn('anna', PASSWORD));
    const offer = (await call('POST', '/session/second-factor', undefined, anna)).json<{
      secret: string;
      svg: string;
    }>();
    expect(offer.svg).toContain('<svg');
    const code = () =>
      new OTPAuth.TOTP({ secret: OTPAuth.Secret.fromBase32(offer.secret) }).generate({ timestamp: now.getTime() });
    const wrong = await call(
      'PUT',
      '/session/second-factor',
      { secret: offer.secret, code: '000000', password: PASSWORD },
      anna,
    );
    expect(wrong.json().code).toBe('bad-code');
    expect(
      (await call('PUT', '/session/second-factor', { secret: offer.secret, code: code(), password: PASSWORD }, anna))
        .statusCode,
    ).toBe(204);
    expect((await signIn('anna', PASSWORD)).json().code).toBe('second-factor-needed');
    expect((await signIn('anna', PASSWORD, code())).json().code).toBe('bad-code');
    later(1);
    expect((await signIn('anna', PASSWORD, code())).statusCode).toBe(200);
    const kept = await base.db.pool.query('select totp_secret as secret from sign_in where login = $1', ['anna']);
    expect(kept.rows[0].secret).not.toContain(offer.secret);
  });
});

describe('the door', () => {
  it('sends the headers that keep pages to themselves', async () => {
    const { headers } = await app.inject({ url: '/healthz' });
    expect(headers['content-security-policy']).toContain("default-src 'self'");
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['referrer-policy']).toBe('same-origin');
  });

  it('answers an unknown address of the API with a problem', async () => {
    const answer = await call('GET', '/nothing-here');
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([
      404,
      'application/problem+json; charset=utf-8',
    ]);
  });

  it('does not start with a route nobody said anything about', async () => {
    const careless = buildApp({ db: base.db, dataDir: '/nowhere', secret: '', clock: () => now, logLevel: 'silent' });
    careless.get('/api/v1/forgotten', () => 'open');
    await expect(careless.ready()).rejects.toThrow('GET /api/v1/forgotten');
  });
});

describe('whoever knocks too often', () => {
  it('hears 429, also where every knock was refused and came with another key', async () => {
    const codes = new Map<number, number>();
    for (let knock = 0; knock <= 6000; knock++) {
      const { statusCode } = await app.inject({
        url: '/api/v1/session',
        headers: { authorization: `Bearer ${knock}` },
        remoteAddress: '10.9.8.7',
      });
      codes.set(statusCode, (codes.get(statusCode) ?? 0) + 1);
    }
    expect([...codes]).toEqual([
      [401, 6000],
      [429, 1],
    ]);
  }, 60_000);
});
