import { Command } from 'commander';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { Context } from '../../src/cli/context.ts';
import type { Action } from '../../src/cli/declaring.ts';
import { verifyCommands } from '../../src/cli/verify-commands.ts';
import { openAccount, topUp } from '../../src/store/ledger.ts';
import { type Stock, stock } from '../store/stock.ts';
import { testDatabase } from '../store/testdb.ts';

const NOW = new Date('2026-11-21T12:00:00+03:00');
let base: Awaited<ReturnType<typeof testDatabase>>;
let house: Stock;
let accountId: number;

beforeAll(async () => {
  base = await testDatabase();
  vi.stubEnv('DATABASE_URL', base.url);
  house = await stock(base.db, {}, NOW);
  const by = { name: 'проверка' };
  accountId = (await openAccount(base.db, house.agencyId, { kind: 'agency', ownerId: null }, by, NOW)).id;
  for (let count = 0; count < 60; count++) {
    const command = { key: `k${count}`, kopecks: 100, reason: 'проверка', by };
    await topUp(base.db, house.agencyId, accountId, command, NOW);
  }
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await base.drop();
});

async function verify(isJson: boolean, ...words: string[]) {
  let stdout = '';
  let code: number | undefined;
  const context = new Context({ json: isJson, quiet: true });
  const action: Action =
    (work) =>
    async (...args) => {
      code = await work(context, ...(args.slice(0, -1) as never));
    };
  const accounts = new Command('accounts');
  verifyCommands(accounts, action);
  const ear = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    stdout += text;
    return true;
  });
  try {
    await accounts.parseAsync(['verify', ...words], { from: 'user' });
  } finally {
    ear.mockRestore();
    await context.close();
  }
  return { code, stdout: stdout.replaceAll('\u00a0', ' ') };
}

it('says that everything is right, and what was looked at', async () => {
  const { code, stdout } = await verify(false);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^Агентство \d+\. Проверено: 2 счёта, 60 переводов; .+\n✓ Всё сходится\.\n$/);
  expect((await verify(false, '--from', '20.11.2026')).stdout).toContain('(с 20.11.2026)');
});

it('names what is wrong, the first of many, and all of it in JSON; that is what code 3 is for', async () => {
  await base.db.pool.query('update account set balance_kopecks = balance_kopecks + 1 where id = $1', [accountId]);
  const client = await base.db.pool.connect();
  await client.query('begin');
  await client.query('set local session_replication_role = replica');
  await client.query(`update transfer set reason = 'другая' where agency_id = $1`, [house.agencyId]);
  await client.query('commit');
  client.release();

  const { code, stdout } = await verify(false);
  expect(code).toBe(3);
  expect(stdout).toContain('✕ Не сходится: 62.\n');
  expect(stdout).toContain('  перевод topup:k0: Строку изменили в обход программы');
  expect(stdout.match(/^ {2}перевод/gm)).toHaveLength(50);
  expect(stdout).toContain('  … и ещё 12: accounts verify --json\n');

  const told = JSON.parse((await verify(true)).stdout);
  expect(told).toMatchObject({
    count: 62,
    from: null,
    agencies: [{ agencyId: house.agencyId, checked: { transfers: 60 } }],
  });
  expect(told.agencies[0].findings.slice(-2)).toEqual([
    { table: 'account', key: `${accountId}`, code: 'balance-differs', text: 'Остаток 60,01 ₽, а по переводам 60 ₽.' },
    { table: 'account', key: '*', code: 'sum-not-zero', text: expect.stringContaining('0,01 ₽') },
  ]);
});

it('refuses what is not a day and an agency there is not', async () => {
  await expect(verify(false, '--from', 'завтра-послезавтра')).rejects.toMatchObject({ code: 'bad-day' });
  await expect(verify(false, '--agency', 'Нет такого')).rejects.toMatchObject({ code: 'agency-unknown' });
});
