import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { buildApp } from '../../src/server/app.ts';
import { addBranch, addEmployee, ensureDepartment, resolveAgency } from '../../src/store/agencies.ts';
import { testDatabase } from '../store/testdb.ts';
import { runHere } from './here.ts';
import { type Ran, temporaryFolder } from './run.ts';

/** Who comes in, as whoever has the keys to the machine arranges it. */

const NOW = new Date('2026-11-20T09:00:00+03:00');
let base: Awaited<ReturnType<typeof testDatabase>>;
let home: Awaited<ReturnType<typeof temporaryFolder>>;
let app: ReturnType<typeof buildApp>;

const ask = (...words: string[]): Promise<Ran> => runHere('--now', NOW.toISOString(), '-q', 'users', ...words);
const json = async (...words: string[]) => JSON.parse((await ask(...words, '--json')).stdout);
const accept = (url: string, login: string, more: object = {}) =>
  app.inject({
    method: 'POST',
    url: `/api/v1${new URL(url).pathname}`,
    payload: { login, password: 'долгая-память-реки', ...more },
  });

beforeAll(async () => {
  base = await testDatabase();
  home = await temporaryFolder('users');
  vi.stubEnv('DATABASE_URL', base.url);
  vi.stubEnv('DATA_DIR', home.path);
  const options = { db: base.db, dataDir: home.path, secret: 's'.repeat(32), clock: () => NOW, logLevel: 'silent' };
  app = buildApp(options);
  const { id } = await resolveAgency(base.db, undefined, true);
  const centre = await addBranch(base.db, id, { name: 'Центр', timeZone: null }, 'тест', NOW);
  await addBranch(base.db, id, { name: 'Север', timeZone: null }, 'тест', NOW);
  await ensureDepartment(base.db, id, centre, 'Аренда');
  await addEmployee(base.db, id, { name: 'Пётр', phones: [], branchId: centre });
  await addEmployee(base.db, id, { name: 'Олег', phones: [], branchId: centre });
});
afterAll(async () => {
  await app.close();
  vi.unstubAllEnvs();
  await base.drop();
  await home.drop();
});

describe('users', () => {
  it('invites the first administrator into the agency that an import has made, and only while there is nobody', async () => {
    const { stdout } = await ask('invite');
    const came = await accept(stdout.trim(), 'vera', { name: 'Вера', agency: 'Дом у реки' });
    expect(came.json()).toMatchObject({ agency: { name: 'Дом у реки' }, grants: [{ role: 'admin' }] });
    expect(await ask('list')).toMatchObject({ code: 0, stdout: expect.stringContaining('Пётр  не входит') });
    expect(await ask('invite')).toMatchObject({ code: 2, stderr: expect.stringContaining('Назовите, кого') });
  });

  it('gives a link that opens once, and the next link sets a new password', async () => {
    const { url } = await json('invite', 'Пётр');
    expect((await accept(url, 'petr')).statusCode).toBe(200);
    expect((await accept(url, 'petr2')).statusCode).toBe(404);
    expect((await ask('list')).stdout).toContain('Пётр  входит как petr  агент, своё');
    expect(await json('end-sessions', 'Пётр')).toMatchObject({ ended: 1 });
    expect(await json('end-sessions', 'Пётр')).toMatchObject({ ended: 0 });
  });

  it('gives rights with their places, and names what it does not understand', async () => {
    const { stdout } = await ask('rights', 'Пётр', 'manager@Центр', 'adSpecialist@Центр/Аренда', 'agent');
    expect(stdout).toBe('Пётр: руководитель, филиал «Центр»; специалист по рекламе, отдел «Аренда»; агент, своё.\n');
    expect((await ask('rights', 'Пётр')).stdout).toBe(stdout);
    for (const [wrong, told] of [
      ['boss', 'Роли «boss» нет'],
      ['manager@Юг', 'Филиала «Юг» нет'],
      ['manager@Центр/Дача', 'нет отдела «Дача»'],
    ] as const)
      expect(await ask('rights', 'Пётр', wrong)).toMatchObject({ code: 2, stderr: expect.stringContaining(told) });
  });

  it('keeps the last administrator, and lets nobody reach beyond what he has', async () => {
    expect(await ask('rights', 'Вера', 'manager')).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('последний администратор'),
    });
    expect((await ask('rights', 'Олег', 'admin@Центр')).code).toBe(0);
    const refused = { code: 4, stderr: expect.stringContaining('шире ваших') };
    // More than he has, somewhere else, to somebody greater, to himself.
    expect(await ask('rights', 'Пётр', 'admin', '--by', 'Олег')).toMatchObject(refused);
    expect(await ask('rights', 'Пётр', 'agent@Север', '--by', 'Олег')).toMatchObject(refused);
    expect(await ask('rights', 'Вера', 'agent', '--by', 'Олег')).toMatchObject(refused);
    expect(await ask('rights', 'Олег', 'admin', '--by', 'Олег')).toMatchObject(refused);
    expect(await ask('invite', 'Вера', '--by', 'Олег')).toMatchObject(refused);
    expect((await ask('rights', 'Пётр', 'manager@Центр/Аренда', '--by', 'Олег')).code).toBe(0);
    expect((await ask('invite', 'Пётр', '--by', 'Олег')).code).toBe(0);
  });

  it('ends a link to somebody who then gets more rights', async () => {
    const { url } = await json('invite', 'Пётр', '--by', 'Олег');
    expect((await ask('rights', 'Пётр', 'admin')).code).toBe(0);
    expect((await accept(url, 'petr')).statusCode).toBe(404);
  });
});
