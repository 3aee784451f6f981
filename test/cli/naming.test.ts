import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { likely, meantBy, unitInWhole, unitMeant } from '../../src/cli/naming.ts';
import { addEmployee, ensureBranch, ensureDepartment, listBranches, listEmployees } from '../../src/store/agencies.ts';
import { listAccounts } from '../../src/store/ledger.ts';
import { type Stock, stock } from '../store/stock.ts';
import { testDatabase } from '../store/testdb.ts';
import { runHere } from './here.ts';
import { temporaryFolder } from './run.ts';

/** People, accounts, branches and boards as somebody who has read only the README calls them. */

const NOW = '2026-11-21T12:00:00+03:00';

let base: Awaited<ReturnType<typeof testDatabase>>;
let home: Awaited<ReturnType<typeof temporaryFolder>>;
let house: Stock;
const ids = new Map<string, number>();

const ask = async (...words: string[]) => {
  const { code, stdout, stderr } = await runHere('--now', NOW, '-q', ...words);
  return { code, stdout: stdout.replaceAll('\u00a0', ' '), stderr };
};
const json = async (...words: string[]) => JSON.parse((await ask('--json', ...words)).stdout);
const refused = (...texts: string[]) => ({
  code: 2,
  stdout: '',
  stderr: expect.stringMatching(
    new RegExp(texts.map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*')),
  ),
});
const balances = async () =>
  Object.fromEntries((await listAccounts(base.db.pool, house.agencyId)).map((one) => [one.name, one.balanceKopecks]));

beforeAll(async () => {
  base = await testDatabase();
  home = await temporaryFolder('naming');
  vi.stubEnv('DATABASE_URL', base.url);
  vi.stubEnv('DATA_DIR', home.path);
  house = await stock(base.db, {}, new Date(NOW));
  const { agencyId } = house;
  const centre = await ensureBranch(base.db, agencyId, 'Центр');
  const north = await ensureBranch(base.db, agencyId, 'Северный берег');
  const rent = await ensureDepartment(base.db, agencyId, centre, 'Аренда жилья');
  const add = async (name: string, where: object = {}) =>
    ids.set(name, await addEmployee(base.db, agencyId, { name, phones: [], branchId: centre, ...where }));
  await add('Ирина Соколова', { email: 'irina@example.ru', departmentId: rent });
  await add('Семён Хасанов', { branchId: north, email: 'hasanov@example.ru' });
  await add('Мария Кузнецова-Лебедь');
  await add('Анна Кузнецова');
  await add('Пётр Центр');
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await base.drop();
  await home.drop();
});

describe('the law of names', () => {
  const all = [
    { id: 1, name: 'Ирина Соколова' },
    { id: 2, name: 'Семён Хасанов' },
    { id: 3, name: 'Соколова' },
    { id: 4, name: 'Пётр Сидоров' },
    { id: 5, name: 'пётр сидоров' },
    { id: 6, name: 'ann@example.ru' },
  ];
  it.each([
    ['#2', [2]],
    ['2', [2]],
    // Whole names come first, and as they are written before all.
    ['Соколова', [3]],
    ['соколова', [3]],
    ['Пётр Сидоров', [4]],
    ['ПЕТР СИДОРОВ', [4, 5]],
    ['Сидоров', [4, 5]],
    ['ирина', [1]],
    ['Соколова Ирина', [1]],
    ['Хасанов Семен', [2]],
    ['Хас', []],
    ['ANN@example.ru', [6]],
    ['example', []],
    ['', []],
    [' ', []],
    ['#9', []],
  ])('reads %j', (typed, meant) => {
    expect(meantBy(all, typed, ({ name }) => [name]).map(({ id }) => id)).toEqual(meant);
  });

  it.each([
    ['Саколова', [1, 3]],
    ['Хас', [2]],
    ['Сидоровой', [4, 5]],
    ['Рихтер', []],
    ['', []],
  ])('finds the likely ones of %j', (typed, found) => {
    expect(likely(all, typed, ({ name }) => [name]).map(({ id }) => id)).toEqual(found);
  });
});

describe('the law of units', () => {
  const all = [
    { id: 1, name: 'Орел' },
    { id: 2, name: 'Орёл' },
    { id: 3, name: '1' },
    { id: 4, name: 'Офис 2' },
    { id: 5, name: 'Филиал Юг' },
    { id: 6, name: 'Юг' },
    { id: 7, name: 'Филиал Речной' },
    { id: 8, name: 'Речной вокзал' },
  ];
  it.each([
    // A bare number is only a name.
    ['1', [3], [3]],
    ['2', [4], []],
    ['7', [], []],
    ['#1', [1], [1]],
    ['филиал #1', [1], [1]],
    ['#2', [2], [2]],
    ['#9', [], []],
    ['Орёл', [2], [2]],
    ['Орел', [1], [1]],
    ['орёл', [1, 2], [1, 2]],
    ['филиал  Орёл', [2], [2]],
    ['Филиал Юг', [5], [5]],
    ['ФИЛИАЛ ЮГ', [5], [5]],
    ['Юг', [6], [6]],
    ['Речной', [7], [7]],
    ['филиал речной вокзал', [8], [8]],
    ['вокзал', [8], []],
    ['филиал', [5, 7], []],
    ['', [], []],
  ])('reads %j', (typed, meant, whole) => {
    const ids = (found: readonly { id: number }[]) => found.map(({ id }) => id);
    expect(ids(unitMeant(all, typed, 'филиал'))).toEqual(meant);
    expect(ids(unitInWhole(all, typed, 'филиал'))).toEqual(whole);
  });
});

describe('people', () => {
  it.each([
    'Ирина Соколова',
    'Соколова',
    'соколова',
    'irina@example.ru',
    'IRINA@example.ru',
    'Соколова Ирина',
  ])('finds «%s»', async (name) => {
    expect(await json('users', 'rights', name)).toMatchObject({ id: ids.get('Ирина Соколова') });
  });

  it('refuses a name that several bear, with the list, and one that nobody bears, with the likely', async () => {
    expect(await ask('users', 'rights', 'Кузнецова')).toEqual(
      refused(
        '«Кузнецова» — это несколько сотрудников: ',
        `#${ids.get('Мария Кузнецова-Лебедь')} Мария Кузнецова-Лебедь, #${ids.get('Анна Кузнецова')} Анна Кузнецова`,
      ),
    );
    expect(await ask('users', 'rights', 'Саколова')).toEqual(
      refused('Сотрудника «Саколова» нет. Может быть, #', 'Ирина Соколова? Все: employees list.'),
    );
    expect(await ask('users', 'rights', 'Рихтер')).toEqual(refused('Сотрудника «Рихтер» нет: employees list.'));
  });

  it('sends nobody away under a name that two bear', async () => {
    expect((await ask('employees', 'remove', 'Кузнецова')).code).toBe(2);
    expect(await listEmployees(base.db, house.agencyId)).toHaveLength(ids.size);
  });
});

describe('units', () => {
  it('makes no second branch of another case, and moves into the one meant', async () => {
    await ask('employees', 'move', 'Лебедь', '--branch', 'центр', '--department', 'аренда ЖИЛЬЯ');
    const { branches } = await json('branch', 'list');
    expect(branches.map(({ name }: { name: string }) => name)).toEqual(
      expect.arrayContaining(['Центр', 'Северный берег']),
    );
    expect(branches.filter(({ name }: { name: string }) => /центр/i.test(name))).toHaveLength(1);
    expect(branches.find(({ name }: { name: string }) => name === 'Центр').departments).toEqual(['Аренда жилья']);
  });

  it('reads branches and departments by a word of theirs', async () => {
    expect(await json('users', 'rights', 'Лебедь', 'manager@берег', 'adSpecialist@центр/аренда')).toMatchObject({
      rights: [
        { label: expect.stringContaining('Северный берег') },
        { label: expect.stringContaining('Аренда жилья') },
      ],
    });
    expect(await ask('users', 'rights', 'Лебедь', 'manager@центр/ипотека')).toEqual(
      refused('В филиале «Центр» нет отдела «ипотека». Есть: Аренда жилья.'),
    );
    expect(await ask('report', 'work', '--branch', 'Юг')).toEqual(refused('Филиала «Юг» нет. Есть: '));
  });
});

describe('units of like names', () => {
  const names = async () => (await listBranches(base.db.pool, house.agencyId)).map(({ name }) => name);
  const homeOf = async (name: string) => {
    const { branchId, departmentId } = (await listEmployees(base.db, house.agencyId)).find((one) => one.name === name)!;
    return { branchId, departmentId };
  };
  const branch = new Map<string, number>();
  beforeAll(async () => {
    for (const name of ['Орел', 'Орёл', '1', 'Офис 1', 'Филиал Юг', 'Юг'])
      branch.set(name, await ensureBranch(base.db, house.agencyId, name));
  });

  it('a bare number is a name, a number with # is ours', async () => {
    const rights = async (where: string) => (await json('users', 'rights', 'Лебедь', `manager@${where}`)).rights;
    expect(await rights('1')).toMatchObject([{ branchId: branch.get('1') }]);
    expect(await rights(`#${branch.get('Орел')}`)).toMatchObject([{ branchId: branch.get('Орел') }]);
    expect(await ask('users', 'rights', 'Лебедь', `manager@${branch.get('Орел')}`)).toMatchObject({ code: 2 });
    expect(await rights('Филиал Юг')).toMatchObject([{ branchId: branch.get('Филиал Юг') }]);
    expect(await rights('юг')).toMatchObject([{ branchId: branch.get('Юг') }]);
    expect(await ask('users', 'rights', 'Лебедь', 'manager@ОРЕЛ')).toEqual(
      refused('несколько филиалов: ', `#${branch.get('Орел')} Орел, #${branch.get('Орёл')} Орёл. Назовите номер.`),
    );
    // The report is narrowed by the same law.
    expect(await ask('report', '--branch', String(branch.get('Орел')))).toEqual(refused('такого филиала'));
    await ask('users', 'rights', 'Лебедь', 'agent');
  });

  it('people go to the branch that is meant, and no second one is made', async () => {
    const before = await names();
    for (const [typed, meant] of [
      ['Орёл', 'Орёл'],
      ['филиал Орел', 'Орел'],
      [`#${branch.get('Юг')}`, 'Юг'],
      ['ФИЛИАЛ юг', 'Филиал Юг'],
      ['1', '1'],
    ] as const) {
      expect(await json('employees', 'move', 'Лебедь', '--branch', typed)).toMatchObject({ branch: meant });
      expect(await homeOf('Мария Кузнецова-Лебедь')).toMatchObject({ branchId: branch.get(meant) });
    }
    expect(await ask('employees', 'move', 'Лебедь', '--branch', 'орёл')).toEqual(refused('это несколько филиалов: #'));
    for (const typed of ['#99999', 'филиал #99999', ' ', 'филиал'])
      expect(await ask('employees', 'add', 'Некто', '--branch', typed)).toEqual(refused('Филиала «'));
    // Neither is one made for a department that is refused.
    expect(await ask('employees', 'move', 'Лебедь', '--branch', 'Новый', '--department', '#9')).toEqual(
      refused('В филиале «Новый» нет отдела «#9»'),
    );
    expect(await names()).toEqual(before);
    // A part of a name is not enough to take another's place.
    await ask('employees', 'move', 'Лебедь', '--branch', 'Офис');
    expect(await names()).toEqual([...before, 'Офис']);
  });

  it('an import goes to the branch that is meant', async () => {
    const before = await names();
    const load = (...words: string[]) => ask('import', join(import.meta.dirname, 'newcomer.xml'), ...words);
    for (const typed of [
      'центр',
      'филиал Центр',
      `#${await homeOf('Анна Кузнецова').then(({ branchId }) => branchId)}`,
    ])
      expect([0, 3]).toContain((await load('--branch', typed)).code);
    expect(await load('--branch', '#99999')).toEqual(refused('Филиала «#99999» нет. Есть: '));
    expect(await load('--branch', 'орёл')).toEqual(refused('это несколько филиалов: #'));
    expect(await names()).toEqual(before);
    expect((await load('--branch', '#1', '--agency', 'Другое')).code).toBe(2);
  });
});

describe('boards', () => {
  it('are called by the id, the name or a word of it, everywhere', async () => {
    const [id] = await house.listings([{ externalId: 'Д-1' }]);
    for (const board of ['yandex', 'Яндекс Недвижимость', 'яндекс', 'YANDEX'])
      expect(await json('mark', '--board', board, '--listing', `#${id}`)).toMatchObject({ board: 'yandex' });
    expect(await json('mark', '--board', 'Авито', '--listing', `#${id}`)).toMatchObject({ board: 'avito' });
    // The same where the cabinets are sought by what was typed.
    expect(await json('explain', `#${id}`, '--board', 'авито')).toMatchObject({ board: 'avito', cabinet: 'main' });
    expect(await json('runs', '--board', 'Авито')).toEqual({ runs: [] });
    const { columns, sources, rows } = await json('report', '--board', 'Авито,яндекс');
    expect(JSON.stringify(columns ?? sources ?? rows)).toContain('Яндекс Недвижимость');
    // A report under another one gets what the upper one has read.
    expect((await ask('report', 'money', '--board', 'Авито', 'яндекс')).code).toBe(0);
    expect((await ask('report', '--feed', 'Авито/main')).code).toBe(0);
    expect(await ask('report', '--feed', 'Авито/second')).toEqual(
      refused('Фида «Авито/second» нет. Есть: ', 'avito/main'),
    );
  });

  it('that nobody knows are answered with those of the agency, and the rest is a number', async () => {
    const { code, stderr } = await ask('mark', '--board', 'Авитто', '--all');
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(
        /^Доски «Авитто» нет\. Может быть, avito \(Авито\)\? У агентства есть кабинеты: avito \(Авито\), yandex \(Яндекс Недвижимость\)\. Все \d+ перечисляет mark --help\.\n$/,
      ),
    ]);
    expect((await ask('mark', '--help')).stdout).toMatch(/Доски: .*avito \(Авито\).*mirkvartir \(Мир квартир\)/s);
    expect(await ask('check', '--board', 'ru')).toEqual(refused('«ru» — это несколько досок: bn (BN.ru), '));
  });
});

describe('accounts', () => {
  it('finds an account by a surname, and never gives money to a namesake', async () => {
    await ask('accounts', 'open', '--employee', 'Хасанов', 'Анна', '--branch', 'берег');
    expect(await ask('accounts', 'statement', 'Хасанов')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Семён Хасанов'),
    });
    expect((await ask('accounts', 'topup', 'хасанов', '100')).code).toBe(0);
    expect((await ask('accounts', 'topup', 'берег', '7')).code).toBe(0);
    // The other one has no account, but it is her name too.
    expect(await ask('accounts', 'topup', 'Кузнецова', '100')).toEqual(
      refused('это несколько счетов: #', 'Анна Кузнецова', 'Мария Кузнецова-Лебедь (счёта нет)'),
    );
    // A branch without an account is not paid for by a person who is called like it, nor the other way round.
    await ask('accounts', 'open', '--employee', 'Пётр');
    const { stderr } = await ask('accounts', 'topup', 'Центр', '100');
    expect(stderr).toMatch(
      /^«Центр» — это несколько счетов: #\d+ Пётр Центр \(филиал Центр\), филиал Центр \(счёта нет\)\. Счёт из этих назовите с решёткой, а которого нет, сначала откройте: accounts open\.\n$/,
    );
    expect(await ask('accounts', 'topup', 'филиал Центр', '100')).toEqual(
      refused('У филиала «Центр» ещё нет счёта. Откройте: accounts open --branch "Центр"'),
    );
    expect(await balances()).toEqual({
      'Семён Хасанов': 10_000,
      'Анна Кузнецова': 0,
      'Пётр Центр': 0,
      'филиал Северный берег': 700,
    });
  });

  it('credits neither of two kinds that bear the name, be it one’s whole name', async () => {
    const { agencyId } = house;
    const topup = async (name: string) => (await ask('accounts', 'topup', name, '100')).stderr;
    await ensureBranch(base.db, agencyId, 'Лескова');
    await addEmployee(base.db, agencyId, { name: 'Нина Лескова', phones: [] });
    expect(await topup('Лескова')).toBe(
      '«Лескова» — это несколько счетов: филиал Лескова (счёта нет), Нина Лескова (счёта нет). Счёта ещё ни у кого из них нет, откройте нужный: accounts open.\n',
    );
    await ask('accounts', 'open', '--branch', 'Лескова');
    expect(await topup('Лескова')).toMatch(/: #\d+ филиал Лескова, Нина Лескова \(счёта нет\)\. Счёт из этих /);
    await ask('accounts', 'open', '--employee', 'Нина Лескова');
    expect(await topup('Лескова')).toMatch(/: #\d+ филиал Лескова, #\d+ Нина Лескова\. Назовите номер\.\n$/);
    expect(await balances()).toMatchObject({ 'филиал Лескова': 0, 'Нина Лескова': 0 });
    await topup('филиал Лескова');
    expect(await balances()).toMatchObject({ 'филиал Лескова': 10_000, 'Нина Лескова': 0 });
  });

  it('tells how to open the account of whoever has none, and whom an unknown name may mean', async () => {
    expect(await ask('accounts', 'topup', 'соколова', '100')).toEqual(
      refused(`У сотрудника «Ирина Соколова» ещё нет счёта. Откройте: accounts open --employee "#`),
    );
    expect(await ask('accounts', 'topup', 'Хасонов', '100')).toEqual(
      refused('Счёта «Хасонов» нет. Может быть, #', 'Семён Хасанов', 'Все: accounts list'),
    );
  });
});
