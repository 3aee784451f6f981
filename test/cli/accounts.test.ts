import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readXlsx } from 'hucre/xlsx';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { addEmployee, ensureBranch, ensureDepartment } from '../../src/store/agencies.ts';
import { transaction } from '../../src/store/database.ts';
import { listAccounts, type NewTransfer, post, systemAccount } from '../../src/store/ledger.ts';
import { type Stock, stock } from '../store/stock.ts';
import { testDatabase } from '../store/testdb.ts';
import { runHere } from './here.ts';
import { run, temporaryFolder } from './run.ts';

/** In Moscow the 21st of November 2026, noon. */
const NOW = '2026-11-21T12:00:00+03:00';
const IRINA = 'Ирина Соколова';
const MARIA = 'Мария Руководова';

let base: Awaited<ReturnType<typeof testDatabase>>;
let home: Awaited<ReturnType<typeof temporaryFolder>>;
let house: Stock;
/** The listing that has cost something. */
let listing: string;

const at = async (now: string, ...words: string[]) => {
  const { code, stdout, stderr } = await runHere('--now', now, ...words);
  const plain = (text: string) => text.replaceAll('\u00a0', ' ').trimEnd();
  return { code, stdout: plain(stdout), stderr: plain(stderr) };
};
const ask = (...words: string[]) => at(NOW, 'accounts', ...words);
const json = async (...words: string[]) => JSON.parse((await at(NOW, '--json', '-q', 'accounts', ...words)).stdout);
const idOf = async (name: string) =>
  (await listAccounts(base.db.pool, house.agencyId)).find((account) => account.name === name)!.id;
const refused = (code: number, text: string) => ({ code, stderr: expect.stringContaining(text), stdout: '' });

beforeAll(async () => {
  base = await testDatabase();
  home = await temporaryFolder('accounts');
  vi.stubEnv('DATABASE_URL', base.url);
  vi.stubEnv('DATA_DIR', home.path);
  house = await stock(base.db, {}, new Date(NOW));
  const { agencyId } = house;
  const add = (name: string, where: object) => addEmployee(base.db, agencyId, { name, phones: [], ...where });
  const [centre, north] = [
    await ensureBranch(base.db, agencyId, 'Центр'),
    await ensureBranch(base.db, agencyId, 'Север'),
  ];
  const rent = await ensureDepartment(base.db, agencyId, centre, 'Аренда');
  await ensureDepartment(base.db, agencyId, north, 'Аренда');
  await add(IRINA, { email: 'irina@example.ru', branchId: centre, departmentId: rent });
  await add('Пётр Иванов', { branchId: centre });
  await add('Пётр Иванов', { branchId: north });
  await add(MARIA, { role: 'manager' });
  await house.cabinet();
  const [id] = await house.listings([{ externalId: '=A-7' }]);
  listing = `#${id}`;
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await base.drop();
  await home.drop();
});

/** Whatever a run would book: holds and charges of Irina's account. */
async function book(given: Pick<NewTransfer, 'id' | 'kind' | 'kopecks' | 'day'> & Partial<NewTransfer>): Promise<void> {
  const { agencyId } = house;
  const cabinetId = await house.cabinet();
  const toId = await systemAccount(base.db.pool, agencyId, 'board', cabinetId);
  const about = {
    cabinetId,
    listingId: Number(listing.slice(1)),
    basis: 'day' as const,
    by: 'выгрузка',
    reason: 'день',
  };
  const fromId = await idOf(IRINA);
  await transaction(base.db, (client) =>
    post(client, agencyId, { ...about, fromId, toId, ...given }, new Date(`${given.day}T10:00:00Z`)),
  );
}

describe('accounts open', () => {
  it('opens what is named, and everybody of a branch at once', async () => {
    expect(await ask('list')).toMatchObject({ stdout: 'Счетов ещё нет. Откройте: accounts open --agency-wide' });
    expect(await ask('open', '--agency-wide', '--branch', 'Центр')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Открыто счетов: 2\.\n {2}#\d+ агентство\n {2}#\d+ филиал Центр$/),
    });
    expect(await ask('open', '--branch', 'Центр', '--employees')).toMatchObject({
      stdout: expect.stringMatching(/^Открыто счетов: 2\.\n {2}#\d+ Ирина Соколова\n {2}#\d+ Пётр Иванов$/),
    });
    expect(
      await json('open', '--agency-wide', '--employees', '--department', 'Аренда', '--branch', 'Центр'),
    ).toMatchObject({
      opened: 2,
      accounts: { length: 4 },
    });
    expect(await ask('open', '--employee', IRINA, '--branch', 'Центр', '--department', 'Аренда')).toMatchObject({
      stdout: expect.stringMatching(/^Открыто счетов: 1, уже были открыты: 1\./),
    });
  });

  it.each([
    [['open'], 'Чей счёт?'],
    [['open', '--department', 'Аренда'], 'вместе с филиалом'],
    [['open', '--branch', 'Юг'], 'Филиала «Юг» нет'],
    [['open', '--branch', 'Север', '--department', 'Продажа'], 'В филиале «Север» нет отдела «Продажа»'],
    [['open', '--employee', 'Никто'], 'Сотрудника «Никто» нет'],
    [['open', '--employee', IRINA, '--employees'], '--employees — чьи сотрудники?'],
  ])('%j', async (words, text) => {
    expect(await ask(...words)).toEqual(refused(2, text));
  });
});

describe('an account is named', () => {
  it.each([
    ['by number', async () => `#${await idOf(IRINA)}`],
    ['by a bare number', async () => String(await idOf(IRINA))],
    ['by the name, whatever the case', async () => 'ирина соколова'],
    ['by e-mail', async () => 'irina@example.ru'],
  ])('%s', async (_, name) => {
    expect((await json('limits', await name())).name).toBe(IRINA);
  });

  it.each([
    ['agency', 'агентство'],
    ['филиал Центр', 'филиал Центр'],
    ['Центр', 'филиал Центр'],
  ])('%s', async (name, expected) => {
    expect((await json('limits', name)).name).toBe(expected);
  });

  it('not by what two have, nor by what nobody has', async () => {
    expect(await ask('limits', 'Пётр Иванов')).toEqual(refused(2, '«Пётр Иванов» — это несколько счетов: #'));
    expect((await ask('limits', 'Пётр Иванов')).stderr).toMatch(
      /Пётр Иванов \(филиал Центр\), #\d+ Пётр Иванов \(филиал Север\)/,
    );
    // The other department of that name has no account, but whoever says it may mean it.
    for (const name of ['Аренда', 'отдел аренда'])
      expect((await ask('limits', name)).stderr).toMatch(
        /^«[^»]+» — это несколько счетов: #\d+ отдел Аренда \(филиал Центр\), отдел Аренда \(филиал Север\) \(счёта нет\)\. Счёт из этих назовите с решёткой, а которого нет, сначала откройте: accounts open\.$/,
      );
    expect(await ask('limits', 'Север')).toEqual(refused(2, 'Откройте: accounts open --branch "Север"'));
    expect(await ask('limits', '#999999')).toEqual(refused(2, 'Счёта «#999999» нет.'));
    expect(await ask('limits', 'Никто')).toEqual(refused(2, 'Счёта «Никто» нет.'));
  });
});

describe('money', () => {
  it('comes, once for a key, and the key is told before anything is done', async () => {
    const id = await idOf(IRINA);
    const done = await ask('topup', `#${id}`, '120');
    expect(done).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        /^Проведено: 120 ₽\. Перевод topup:[0-9a-f]{16}\.\n {2}#\d+ Ирина Соколова: баланс 120 ₽, доступно 120 ₽$/,
      ),
    });
    const key = /--key (\w+)/.exec(done.stderr)![1]!;
    expect(await ask('topup', `#${id}`, '120', '--key', key)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('второй раз не проводится'),
    });
    expect(
      await json('topup', IRINA, '1 000,50', '--key', 'план-11', '--reason', 'План ноября', '--by', MARIA),
    ).toMatchObject({
      transfer: 'topup:план-11',
      isNew: true,
      key: 'план-11',
      kopecks: 100_050,
      accounts: [{ id, balanceKopecks: 112_050 }],
    });
    expect((await house.deeds()).at(-1)).toMatchObject({ action: 'money-top-up', by: MARIA });
    // The same key for something else is no repetition.
    expect(await ask('topup', IRINA, '1000,51', '--key', 'план-11')).toMatchObject({ code: 1, stdout: '' });
    expect((await json('limits', IRINA)).balanceKopecks).toBe(112_050);
  });

  it('is moved, and not further than it goes', async () => {
    await ask('topup', 'agency', '500', '--key', 'a');
    expect((await ask('move', 'agency', 'Центр', '300')).stdout).toMatch(
      /агентство: баланс 200 ₽, доступно 200 ₽\n.*филиал Центр: баланс 300 ₽/,
    );
    expect(await ask('move', 'agency', 'Центр', '200,01', '--key', 'x')).toMatchObject(
      refused(4, 'На счёте «агентство» не хватает 0,01 ₽, чтобы взять 200,01 ₽.'),
    );
    expect(await ask('move', 'agency', 'agency', '1', '--key', 'x')).toEqual(refused(2, 'Это один и тот же счёт'));
  });

  it('is corrected by a counter-entry', async () => {
    expect((await ask('correct', 'agency', '50', '--out', '--reason', 'ошибка')).stdout).toContain('баланс 150 ₽');
    expect((await ask('correct', 'agency', '50', '--in', '--reason', 'ошибка')).stdout).toContain('баланс 200 ₽');
    expect(await ask('correct', 'agency', '50', '--reason', 'ошибка')).toEqual(refused(2, 'Укажите --in или --out.'));
  });

  it.each([
    [['topup', IRINA, 'много'], 2, '«много» — не сумма в рублях'],
    [['topup', IRINA, '12.345'], 2, 'не сумма в рублях'],
    [['topup', IRINA, '0', '--key', 'z'], 2, 'Сумма должна быть больше нуля'],
    [['topup', IRINA, '5', '--key', 'a b'], 2, '--key: от 1 до 64'],
    [['topup', IRINA, '5', '--key', 'z', '--reason', ' '], 2, '--reason: нужна причина'],
    [['topup', IRINA, '5', '--by', IRINA], 4, 'может руководитель или администратор, а не агент.'],
    [['open', '--agency-wide', '--by', MARIA], 4, 'может администратор, а не руководитель.'],
    [['limits', IRINA, '--day', '5', '--by', MARIA], 4, 'может администратор, а не руководитель.'],
    [['correct', IRINA, '5', '--in', '--reason', 'а', '--by', MARIA], 4, 'может администратор, а не руководитель.'],
    [['refund', 'day:1', '--reason', 'а', '--by', MARIA], 4, 'может администратор, а не руководитель.'],
    [['refund', 'day:1', '--reason', 'а'], 2, 'Списания «day:1» нет'],
  ])('%j is refused', async (words, code, text) => {
    const before = await house.deeds();
    expect(await ask(...words)).toEqual(refused(code, text));
    expect(await house.deeds()).toEqual(before);
  });
});

describe('accounts limits', () => {
  it('are set, shown and taken back', async () => {
    const agency = await idOf('агентство');
    const set = [
      '--overdraft',
      '100',
      '--day',
      '50',
      '--month',
      '1 000',
      '--monthly',
      '300',
      '--on',
      '25',
      '--from',
      'agency',
    ];
    expect(await ask('limits', IRINA, ...set)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        /^#\d+ Ирина Соколова: овердрафт 100 ₽, день 50 ₽, месяц 1 000 ₽, 25-го числа \+300 ₽ со счёта «агентство»\.$/,
      ),
    });
    expect(await json('limits', IRINA)).toMatchObject({
      overdraftKopecks: 10_000,
      dayLimitKopecks: 5000,
      monthLimitKopecks: 100_000,
      monthly: { kopecks: 30_000, on: 25, fromId: agency },
      availableKopecks: 122_050,
    });
    // What is not named stays.
    expect(await json('limits', IRINA, '--day', 'нет', '--overdraft', '0', '--monthly', '200')).toMatchObject({
      overdraftKopecks: 0,
      dayLimitKopecks: null,
      monthLimitKopecks: 100_000,
      monthly: { kopecks: 20_000, on: 25, fromId: agency },
    });
  });

  it.each([
    [['--on', '29'], '--on: «29»'],
    [['--on', 'завтра'], '--on: «завтра»'],
    [['--from', IRINA], 'Пополнять счёт с него самого нельзя.'],
    [['--monthly', '0'], 'Сумма пополнения должна быть больше нуля'],
    [['--monthly', 'нет', '--on', '3'], 'тогда без --on и --from'],
    [['--day', 'мало'], 'не сумма в рублях'],
  ])('%j is refused', async (words, text) => {
    expect(await ask('limits', IRINA, ...words)).toEqual(refused(2, text));
  });

  it('a schedule needs a sum', async () => {
    expect(await ask('limits', 'agency', '--on', '3')).toEqual(refused(2, '--monthly <сумма>'));
  });

  it('the top-ups come on their day', async () => {
    expect((await ask('monthly')).stdout).toBe(
      'Пополнено счетов: 0.\nСледующий раз: 25.11.2026 00:00 (Europe/Moscow).',
    );
    const day = '2026-11-25T08:00:00+03:00';
    expect((await at(day, 'accounts', 'monthly')).stdout).toContain('Пополнено счетов: 1.');
    expect((await json('limits', 'agency')).balanceKopecks).toBe(0);
    expect((await json('limits', IRINA)).balanceKopecks).toBe(132_050);
    const next = await at('2026-12-25T08:00:00+03:00', 'accounts', 'monthly');
    expect(next.stdout).toContain('Ждут денег на счёте, с которого пополняются: 1.');
    expect((await json('limits', IRINA, '--monthly', 'нет')).monthly).toBeNull();
  });
});

describe('what has been', () => {
  beforeAll(async () => {
    await book({ id: 'd1', kind: 'hold', kopecks: 4500, day: '2026-11-20' });
    await book({ id: 'd1:charge', kind: 'charge', kopecks: 4500, day: '2026-11-20', resolves: 'd1' });
    await book({ id: 'd2', kind: 'hold', kopecks: 4500, day: '2026-11-21' });
  });

  it('is told as a tree', async () => {
    const { stdout } = await ask('list');
    const lines = stdout.split('\n').map((line) => line.replace(/#\d+/, '#').replace(/ {2,}/g, '  ').trim());
    expect(lines).toEqual([
      'баланс  удержано  доступно  потрачено 21.11.2026',
      'агентство #  0 ₽  0 ₽  0 ₽  0 ₽',
      'филиал Север',
      'Пётр Иванов #  0 ₽  0 ₽  0 ₽  0 ₽',
      'филиал Центр #  300 ₽  0 ₽  300 ₽  0 ₽',
      'отдел Аренда #  0 ₽  0 ₽  0 ₽  0 ₽',
      'Ирина Соколова #  1 275,50 ₽  45 ₽  1 230,50 ₽  45 ₽  месяц 1 000 ₽',
      'Пётр Иванов #  0 ₽  0 ₽  0 ₽  0 ₽',
      'Мария Руководова #  0 ₽  0 ₽  0 ₽  0 ₽',
      'всего 7 счетов  1 575,50 ₽  45 ₽  1 530,50 ₽  45 ₽',
    ]);
    expect(stdout).toMatch(/^ {6}Ирина/m);
    expect(await json('list', '--all')).toMatchObject({
      day: '2026-11-21',
      accounts: { length: 9 },
      totals: { accounts: 7, balanceKopecks: 157_550, heldKopecks: 4500, daySpentKopecks: 4500 },
    });
  });

  it('is told transfer by transfer', async () => {
    const { stdout } = await ask('ledger', IRINA, '--limit', '2');
    expect(stdout.replace(/#\d+/g, '#')).toBe(
      [
        '# Ирина Соколова (Europe/Moscow)',
        '20.11.2026 13:00  списание −45 ₽  баланс 1 275,50 ₽',
        '    за 20.11.2026: день размещения, Авито, объект =A-7 (#); день (выгрузка)',
        '    d1:charge',
        '21.11.2026 13:00  удержание (45 ₽)  баланс 1 275,50 ₽, удержано 45 ₽',
        '    за 21.11.2026: день размещения, Авито, объект =A-7 (#); день (выгрузка)',
        '    d2',
      ].join('\n'),
    );
    const { transfers } = await json(
      'ledger',
      IRINA,
      '--listing',
      listing,
      '--board',
      'avito',
      '--until',
      '2026-11-20',
    );
    expect(
      transfers.map(({ id, direction, balanceKopecks }: Record<string, unknown>) => [id, direction, balanceKopecks]),
    ).toEqual([
      ['d1', 'out', 132_050],
      ['d1:charge', 'out', 127_550],
    ]);
    expect((await ask('ledger', 'Мария Руководова')).stdout).toContain('переводов нет');
    expect(await ask('ledger', IRINA, '--limit', '0')).toEqual(refused(2, '--limit'));
    expect(await ask('ledger', IRINA, '--from', 'вчера')).toEqual(refused(2, 'не день'));
  });

  it('is told as a statement', async () => {
    const { stdout } = await ask('statement', IRINA, '--by', 'listing');
    expect(stdout.replace(/#\d+/g, '#').replace(/ {2,}/g, '  ')).toBe(
      [
        'Выписка: 01.11.2026 – 30.11.2026',
        '  на начало  приход  расход  на конец  удержано',
        '# Ирина Соколова  0 ₽  1 320,50 ₽  45 ₽  1 275,50 ₽  45 ₽',
        '',
        'объект  приход  расход  удержано',
        '=A-7 (#)  0 ₽  45 ₽  45 ₽  3 перевода',
        'не об объекте  1 320,50 ₽  0 ₽  0 ₽  3 перевода',
      ].join('\n'),
    );
    expect(await json('statement', '--all', '--until', '2026-10-31')).toMatchObject({
      period: { from: '2026-10-01', until: '2026-10-31' },
      totals: { entries: 0, closingKopecks: 0 },
      transfers: [],
      left: 0,
    });
    expect(await json('statement', '--all', '--by', 'board', '--from', '2026-11-21')).toMatchObject({
      groups: [
        { key: 'avito', name: 'Авито', outKopecks: 0, heldKopecks: 4500 },
        { key: null, name: 'не о доске' },
      ],
    });
    expect(await json('statement', IRINA, '--limit', '1')).toMatchObject({ transfers: { length: 1 }, left: 5 });
    expect((await ask('statement', IRINA, '--limit', '1')).stdout).toContain('… и ещё 5; все — в файле');
  });

  it('is written as CSV, to the screen and to a file', async () => {
    const { stdout } = await ask('statement', IRINA, '--format', 'csv', '--from', '2026-11-20');
    const rows = stdout.split('\r\n').map((row) => row.split(';'));
    expect(rows[0]!.slice(0, 8)).toEqual([
      '\ufeffСчёт',
      'За день',
      'Проведено (Europe/Moscow)',
      'Операция',
      'Приход',
      'Расход',
      'Удержано',
      'Остаток',
    ]);
    expect(rows.slice(1).map((row) => row.slice(1, 8))).toEqual([
      ['20.11.2026', '', 'на начало', '', '', '0,00', '0,00'],
      ['20.11.2026', '20.11.2026 13:00', 'удержание', '', '', '45,00', '0,00'],
      ['20.11.2026', '20.11.2026 13:00', 'списание', '', '45,00', '-45,00', '-45,00'],
      ['21.11.2026', '21.11.2026 12:00', 'пополнение', '120,00', '', '', '75,00'],
      ['21.11.2026', '21.11.2026 12:00', 'пополнение', '1000,50', '', '', '1075,50'],
      ['21.11.2026', '21.11.2026 13:00', 'удержание', '', '', '45,00', '1075,50'],
      ['25.11.2026', '25.11.2026 08:00', 'перевод', '200,00', '', '', '1275,50'],
      ['30.11.2026', '', 'на конец', '1320,50', '45,00', '45,00', '1275,50'],
    ]);
    // What a foreign source called a listing is no formula here.
    expect(rows[2]!.slice(8, 12)).toEqual(['Авито', 'main', "'=A-7", listing.slice(1)]);
    const file = join(home.path, 'выписка.csv');
    expect(await ask('statement', '--all', '--by', 'day', '--out', file)).toMatchObject({
      code: 0,
      stdout: `${file}: 12 переводов; на начало 0 ₽, приход 2 170,50 ₽, расход 595 ₽, на конец 1 575,50 ₽.`.replaceAll(
        '\u202f',
        ' ',
      ),
    });
    expect((await readFile(file, 'utf8')).split('\r\n')).toEqual([
      '\ufeffДень;Приход;Расход;Удержано;Переводов',
      '20.11.2026;0,00;45,00;0,00;2',
      expect.stringMatching(/^21\.11\.2026;/),
      '25.11.2026;200,00;200,00;0,00;2',
      'Всего;2170,50;595,00;45,00;12',
      '',
    ]);
  });

  it('is written as a workbook whose sums are numbers', async () => {
    const file = join(home.path, 'выписка.xlsx');
    expect(await ask('statement', '--all', '--by', 'account', '--out', file)).toMatchObject({ code: 0 });
    const [sheet] = (await readXlsx(await readFile(file))).sheets;
    expect(sheet!.rows[0]).toEqual([
      'Счёт',
      'Номер',
      'На начало',
      'Приход',
      'Расход',
      'На конец',
      'Удержано',
      'Переводов',
    ]);
    const irina = await idOf(IRINA);
    expect(sheet!.rows).toContainEqual([IRINA, irina, 0, 1320.5, 45, 1275.5, 45, 6]);
    expect(sheet!.rows.at(-1)).toEqual(['Всего', null, 0, 2170.5, 595, 1575.5, 45, 12]);
    await ask('statement', IRINA, '--format', 'xlsx', '--out', file);
    const [lines] = (await readXlsx(await readFile(file))).sheets;
    expect(lines!.rows.map((row) => row[7])).toEqual(['Остаток', 0, 0, -45, 75, 1075.5, 1075.5, 1275.5, 1275.5]);
    expect(lines!.rows[2]![10]).toBe('=A-7');
    expect((await readdir(home.path)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it.each([
    [['statement'], 'По какому счёту?'],
    [['statement', IRINA, '--all'], 'По какому счёту?'],
    [['statement', IRINA, '--format', 'xlsx'], '--out выписка.xlsx'],
    [['statement', IRINA, '--out', 'выписка.txt'], 'укажите --format'],
    [['statement', IRINA, '--from', '2026-11-02', '--until', '2026-11-01'], 'Последний день раньше первого.'],
    [['statement', IRINA, '--out', '/нет/такой/папки.csv'], 'не записать: папки «/нет/такой» нет.'],
  ])('%j is refused', async (words, text) => {
    expect(await ask(...words)).toEqual(refused(2, text));
  });

  it('is paid back once', async () => {
    expect((await ask('refund', 'd1:charge', '--reason', 'доска вернула')).stdout).toBe(
      'Возвращено 45 ₽. Перевод d1:charge:refund.',
    );
    expect(await ask('refund', 'd1:charge', '--reason', 'ещё')).toEqual(refused(4, 'уже возвращено'));
    expect((await json('limits', IRINA)).balanceKopecks).toBe(132_050);
  });

  it('the command that an unfunded mark names works as people start it', async () => {
    const env = { DATABASE_URL: base.url, DATA_DIR: home.path };
    const id = await idOf(IRINA);
    const ran = await run(['accounts', 'topup', `#${id}`, '120', '--key', 'снаружи', '-q'], env, home.path);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
  });
});
