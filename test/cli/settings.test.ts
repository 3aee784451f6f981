import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Stock, stock } from '../store/stock.ts';
import { testDatabase } from '../store/testdb.ts';
import { runHere } from './here.ts';
import { temporaryFolder } from './run.ts';

let base: Awaited<ReturnType<typeof testDatabase>>;
let home: Awaited<ReturnType<typeof temporaryFolder>>;
let house: Stock;
let cabinet: number;

const ask = (...words: string[]) => runHere('--now', '2026-11-21T12:00:00+03:00', 'settings', ...words);

beforeAll(async () => {
  base = await testDatabase();
  home = await temporaryFolder('settings');
  vi.stubEnv('DATABASE_URL', base.url);
  vi.stubEnv('DATA_DIR', home.path);
  house = await stock(base.db);
  cabinet = await house.cabinet();
  await house.notDue();
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await base.drop();
  await home.drop();
});

describe('settings of money', () => {
  it('are shown as they usually are', async () => {
    expect(await ask('show', 'money')).toEqual({
      code: 0,
      stdout: [
        '  money.payer = "employee"',
        '      Кто платит за объект. С чьего счёта начинать. Нет своего счёта — платит следующий вверх: отдел, филиал, агентство. Пустой счёт никого не просит.',
        '  money.warnDays = 3 (3 дня)',
        '      Предупредить о деньгах. На сколько дней должно хватать счёта, чтобы его владельца не предупреждали.',
        '',
      ].join('\n'),
      stderr: '',
    });
    expect((await ask('show', 'chargeAt', '--board', 'avito')).stdout).toMatch(
      /^ {2}chargeAt = "00:00"\n {6}Час списания\. /,
    );
  });

  it('are set, starred, told in the journal, and go out with the next run', async () => {
    expect((await ask('set', 'money.payer', 'branch')).stdout).toBe('* money.payer = "branch", обычно "employee"\n');
    expect(await house.dueAt(cabinet)).not.toBeNull();
    expect((await ask('set', 'money.warnDays', '7')).stdout).toBe('* money.warnDays = 7, обычно 3\n');
    const set = await ask('set', 'chargeAt', '09:30', '--board', 'avito');
    expect(set.stdout).toBe('* chargeAt = "09:30", обычно "00:00"\n');
    const facts = (await house.deeds()).map((deed) => deed.facts);
    expect(facts).toEqual([
      { path: 'money.payer', before: 'employee', after: 'branch' },
      { path: 'money.warnDays', before: 3, after: 7 },
      { path: 'chargeAt', before: '00:00', after: '09:30' },
    ]);
    expect((await ask('reset', 'money')).stdout).toBe('  money.payer = "employee"\n  money.warnDays = 3\n');
    // The default is not kept.
    const kept = await base.db.pool.query('select settings from agency where id = $1', [house.agencyId]);
    expect(kept.rows).toEqual([{ settings: {} }]);
  });

  it.each([
    [
      ['money.payer', 'директор'],
      '«money.payer»: значение "директор" не подходит. Можно: employee, department, branch или agency.',
    ],
    [['money.warnDays', '-1'], '«money.warnDays»: значение -1 не подходит. Можно: целое число от 0 до 365.'],
    [['money.warnDays', '1.5'], '«money.warnDays»: значение 1.5 не подходит. Можно: целое число от 0 до 365.'],
    [['chargeAt', '24:00', '--board', 'avito'], '«chargeAt»: значение "24:00" не подходит. Можно: время ЧЧ:ММ.'],
    [['chargeAt', '9:30', '--board', 'avito'], '«chargeAt»: значение "9:30" не подходит. Можно: время ЧЧ:ММ.'],
    [['chargeAt', 'null', '--board', 'avito'], '«chargeAt»: значение null не подходит. Можно: время ЧЧ:ММ.'],
    [['money.limit', '5'], 'Настройки «money.limit» нет. В «money»: payer, warnDays.'],
    [['chargeAt', '09:30'], '«chargeAt» — настройка кабинета: назовите его доску, --board.'],
    [['money.payer', 'agency', '--board', 'avito'], '«money.payer» — настройка агентства: уберите --board.'],
  ])('%j is refused with what may stand there', async (words, told) => {
    const before = await house.deeds();
    const { code, stderr } = await ask('set', ...words);
    expect([code, stderr]).toEqual([2, `${told}\n`]);
    expect(await house.deeds()).toEqual(before);
  });
});
