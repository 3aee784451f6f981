import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { addEmployee } from '../../src/store/agencies.ts';
import { markListings } from '../../src/store/marks.ts';
import { type Stock, stock } from '../store/stock.ts';
import { testDatabase } from '../store/testdb.ts';
import { runHere } from './here.ts';
import { temporaryFolder } from './run.ts';

/** In Moscow the 22nd of November 2026, noon. */
const NOW = '2026-11-22T12:00:00+03:00';
const at = (day: number) => new Date(`2026-11-${day}T09:00:00+03:00`);
const MAP = 'день=Дата,объявление=ID,сумма=Списано, руб.,услуга=Услуга';
const HEAD = 'Дата;ID;Услуга;"Списано, руб."\n';

let base: Awaited<ReturnType<typeof testDatabase>>;
let home: Awaited<ReturnType<typeof temporaryFolder>>;
let house: Stock;
let ids: number[];

const ask = async (...words: string[]) => {
  const { code, stdout, stderr } = await runHere('--now', NOW, ...words);
  const plain = (text: string) => text.replaceAll('\u00a0', ' ').trimEnd();
  return { code, stdout: plain(stdout), stderr: plain(stderr) };
};
const reconcile = (...words: string[]) => ask('accounts', 'reconcile', ...words);
const json = async (...words: string[]) =>
  JSON.parse((await ask('--json', '-q', 'accounts', 'reconcile', ...words)).stdout);
const path = (name: string) => join(home.path, name);
async function load(text: string | Uint8Array, ...words: string[]) {
  await writeFile(path('report.csv'), text);
  return reconcile('load', path('report.csv'), '--board', 'avito', '--agency', agency, ...words);
}
const show = (...words: string[]) => reconcile('--board', 'avito', '--agency', agency, ...words);
const refused = (code: number, text: string) => ({ code, stdout: '', stderr: expect.stringContaining(text) });

let agency: string;
beforeAll(async () => {
  base = await testDatabase();
  home = await temporaryFolder('reconcile');
  vi.stubEnv('DATABASE_URL', base.url);
  vi.stubEnv('DATA_DIR', home.path);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await base.drop();
  await home.drop();
});

/** From the 19th on A-1 is shown, A-2 until the 20th; a day costs 120 ₽, and we charged every day that was shown. */
beforeEach(async () => {
  house = await stock(base.db, {}, at(18));
  const { agencyId } = house;
  agency = (await base.db.pool.query<{ name: string }>('select name from agency where id = $1', [agencyId])).rows[0]!
    .name;
  const cabinetId = await house.cabinet();
  ids = await house.listings([{ externalId: 'A-1' }, { externalId: '=A-2' }]);
  await markListings(base.db, agencyId, cabinetId, ids, at(18));
  const became = (index: number, day: number, outcome: string) =>
    base.db.pool.query(
      'insert into mark_transition (agency_id, cabinet_id, listing_id, at, outcome) values ($1, $2, $3, $4, $5)',
      [agencyId, cabinetId, ids[index], at(day), outcome],
    );
  await became(0, 19, 'published');
  await became(1, 19, 'published');
  await became(1, 20, 'off-market');
  await base.db.pool.query(
    `insert into tariff (agency_id, cabinet_id, valid_from, terms, by, created_at) values ($1, $2, '2026-11-01', $3, 'проверка', $4)`,
    [agencyId, cabinetId, JSON.stringify({ lines: [{ kopecks: 12_000 }], excess: null, promotion: [] }), at(18)],
  );
  for (const [index, day] of [
    [0, 19],
    [1, 19],
    [0, 20],
    [1, 20],
    [0, 21],
  ] as const) {
    await base.db.pool.query(
      `insert into transfer (agency_id, id, kind, from_id, to_id, kopecks, day, at, cabinet_id, listing_id, basis, facts, by, reason)
       values ($1, $2, 'charge', 1, 2, 12000, $3, $4, $5, $6, 'day', '{"kind":"flat","deal":"sale","region":null,"priceKopecks":null}', 'проверка', 'проверка')`,
      [agencyId, `day:${cabinetId}:${ids[index]}:2026-11-${day}:1`, `2026-11-${day}`, at(day), cabinetId, ids[index]],
    );
  }
});

/** The 19th fits; on the 20th A-1 is missing; on the 21st A-2 is charged though withdrawn, A-1 twice, and X is nobody's. */
const REPORT = `${HEAD}${[
  '19.11.2026;A-1;Публикация;120,00',
  '19.11.2026;=A-2;Публикация;120,00',
  '20.11.2026;=A-2;Публикация;120,00',
  '21.11.2026;=A-2;Публикация;120,00',
  '21.11.2026;A-1;Публикация;120,00',
  '21.11.2026;A-1;Публикация;120,00',
  '21.11.2026;X;Публикация;"1 200,50"',
].join('\n')}\n`;

describe('accounts reconcile load', () => {
  it('loads a file once, and says what it has found', async () => {
    expect(await load(REPORT, '--map', MAP, '--dry-run')).toMatchObject({
      code: 0,
      stdout:
        'avito: проба, ничего не загружено. «report.csv», 19.11.2026–21.11.2026. Новых: 7 списаний на 1 920,50 ₽; уже известных 0.\nНе из этого кабинета: 1 списание.',
    });
    const first = await load(REPORT, '--map', MAP);
    expect(first.stdout).toContain('отчёт № ');
    expect(first.stderr).toContain(
      'Дальше: accounts reconcile --board avito --cabinet main --from 2026-11-19 --to 2026-11-21',
    );
    expect((await load(REPORT, '--map', MAP)).stdout).toContain('уже загружен, отчёт № ');
    const { reports } = await json('reports', '--board', 'avito', '--agency', agency);
    expect(reports).toMatchObject([{ name: 'report.csv', rows: 7, kopecks: 192_050, by: 'командная строка' }]);
    expect((await reconcile('reports', '--board', 'avito', '--agency', agency)).stdout).toMatch(
      /^№ \d+ «report.csv»: 19.11.2026–21.11.2026, 7 списаний, 1 920,50 ₽. Загрузил: командная строка.$/,
    );
  });

  it('names the rows it did not understand and loads the others', async () => {
    const { code, stdout } = await load(`${REPORT}Итого;;;1920,50\n21.11.2026;A-1;Поднятие;пять\n`, '--map', MAP);
    expect(code).toBe(3);
    expect(stdout.split('\n').slice(2)).toEqual([
      'Не понято: 2 строки.',
      '  строка 9: день «Итого» не читается, нужно 21.11.2026 или 2026-11-21',
      '  строка 10: сумма «пять» не читается',
    ]);
    const { added, badRows } = await json(
      ...['load', path('report.csv'), '--board', 'avito', '--agency', agency, '--map', MAP],
    );
    expect([added, badRows.length]).toEqual([0, 2]);
  });

  it('tells which numbers of operations stand for something else', async () => {
    const map = `${MAP},операция=Услуга`;
    await load(`${HEAD}19.11.2026;A-1;7;120\n`, '--map', map);
    const { code, stdout } = await load(`${HEAD}19.11.2026;A-1;7;130\n19.11.2026;A-1;8;120\n`, '--map', map);
    expect(code).toBe(3);
    expect(stdout.split('\n').slice(1)).toEqual([
      'Не загружено, номер операции занят: 1 строка.',
      '  строка 2: операция 7 уже загружена иначе: 120 ₽ за 19.11.2026',
    ]);
  });

  it('takes the shape of a board, and only what is asked for', async () => {
    const fees = { fees: [{ ad_id: 'A-1', avito_id: 1, fees_type: 'single', fees_amount: 120 }] };
    expect((await load(JSON.stringify(fees), '--shape', 'fees', '--day', '21.11.2026')).stdout).toContain(
      'Новых: 1 списание на 120 ₽',
    );
    const text = 'Дата,ID,Тип,Списано\n2026-11-21,A-1,Списание,-50\n2026-11-21,,Пополнение,5000\n';
    const { stdout } = await load(
      text,
      ...['--map', 'день=Дата,объявление=ID,сумма=Списано', '--charges-negative', '--only', 'Тип=Списание'],
    );
    expect(stdout).toContain('Новых: 1 списание на 50 ₽; уже известных 0. Пропущено по --only: 1 строка.');
  });

  it('refuses what it cannot do, and loads nothing', async () => {
    expect(await load(REPORT)).toEqual(refused(2, 'Или назовите известную форму: --shape. Авито: fees (Списания'));
    expect(await load(REPORT, '--map', 'день=Дата,ещё=1')).toEqual(refused(2, '«ещё»: такого слова нет'));
    expect(await load(REPORT, '--map', 'день=Дата')).toEqual(refused(2, 'Не сказано, в каком столбце сумма.'));
    expect(await load(REPORT, '--map', 'день=Дата,объявление=Номер,сумма=Сумма')).toEqual(
      refused(2, 'нет столбцов: «Номер», «Сумма». Есть: «Дата», «ID», «Услуга», «Списано, руб.»'),
    );
    expect(await load(REPORT, '--shape', 'нет')).toEqual(refused(2, 'Формы «нет» нет: есть: fees'));
    expect(await load('{}', '--shape', 'fees')).toEqual(refused(2, 'назовите день всех строк. Дня в записях нет'));
    expect(await load(REPORT, '--map', MAP, '--only', 'Тип')).toEqual(refused(2, 'а нужно столбец=значение'));
    expect(await load(`${HEAD}Итого;;;5\n`, '--map', MAP)).toEqual(
      refused(3, 'строка 2: день «Итого» не читается, нужно 21.11.2026 или 2026-11-21\nВ файле «report.csv» не понято'),
    );
    expect(await load('', '--map', MAP)).toEqual(refused(3, 'Файл пуст'));
    expect(await load(REPORT, '--map', MAP, '--until', '2026-12-01')).toEqual(refused(2, 'ещё не наступил'));
    await mkdir(path('folder'), { recursive: true });
    const other = (name: string) => reconcile('load', path(name), '--board', 'avito', '--agency', agency, '--map', MAP);
    expect(await other('none.csv')).toEqual(refused(2, 'Проверьте имя и папку'));
    expect(await other('folder')).toEqual(refused(2, 'папка, а нужен файл отчёта, CSV или JSON'));
    await addEmployee(base.db, house.agencyId, { name: 'Анна', phones: [], role: 'agent' });
    expect(await load(REPORT, '--map', MAP, '--by', 'Анна')).toEqual(
      refused(4, 'Загружать отчёты досок о списаниях, просмотрах и звонках может специалист по рекламе'),
    );
    expect((await json('reports', '--board', 'avito', '--agency', agency)).reports).toEqual([]);
  });
});

describe('accounts reconcile', () => {
  it('shows the sums, where they differ, and the four lists', async () => {
    await load(REPORT, '--map', MAP);
    const { code, stdout } = await show('--from', '19.11.2026');
    expect(code).toBe(3);
    const [head, totals, uncovered, rows, ...lists] = stdout.split('\n\n');
    expect(head).toBe('avito / main, 19.11.2026–22.11.2026 (Europe/Moscow).');
    expect(totals!.split('\n').map((line) => line.replace(/ {2,}/g, ' | ').trim())).toEqual([
      '| всего | за 3 дня с отчётом',
      'План | 720 ₽ | 600 ₽',
      'Списано нами | 600 ₽ | 600 ₽',
      'Списано доской | 1 920,50 ₽ | 1 920,50 ₽',
      '| из них за чужие объявления | 1 200,50 ₽ | 1 200,50 ₽',
      'Разница (доска минус мы) | 1 320,50 ₽',
    ]);
    expect(uncovered).toBe('Без отчёта доски за весь день: 22.11.2026.');
    expect(rows!.split('\n').map((line) => line.replace(/ {2,}/g, ' | ').trim())).toEqual([
      'Где не сходится:',
      '| план | списали | держим | доска | разница',
      `20.11.2026 A-1 (#${ids[0]}) | 120 ₽ | 120 ₽ | 0 ₽ | 0 ₽ | −120 ₽ | отмечено, но не размещено`,
      `21.11.2026 A-1 (#${ids[0]}) | 120 ₽ | 120 ₽ | 0 ₽ | 240 ₽ | 120 ₽ | списано дважды`,
      `21.11.2026 =A-2 (#${ids[1]}) | 0 ₽ | 0 ₽ | 0 ₽ | 120 ₽ | 120 ₽ | оплачено, но снято`,
      '21.11.2026 X | 0 ₽ | 0 ₽ | 0 ₽ | 1 200,50 ₽ | 1 200,50 ₽ | на доске, но не наше',
      `22.11.2026 A-1 (#${ids[0]}) | 120 ₽ | 0 ₽ | 0 ₽ | 0 ₽ | —`,
    ]);
    expect(lists).toEqual([
      'Оплачено, но снято: 1 объявление, вернуть 120 ₽.\n  Объявления =A-2 не было в нашем фиде 21.11.2026, но за этот день с нас списано 120 ₽ («Публикация»). Просим вернуть эти деньги.',
      'На доске, но не наше: 1 объявление, вернуть 1 200,50 ₽.\n  Объявления X в нашем фиде нет и не было, но за 21.11.2026 с нас списано 1 200,50 ₽ («Публикация»). Просим проверить, чьё это объявление, и вернуть деньги.',
      'Отмечено, но не размещено: 1 объявление.\n  Объявление A-1 было в нашем фиде 20.11.2026, но в отчёте о списаниях за этот день его нет. Просим ответить, размещено ли оно, и если нет — почему.',
      'Списано дважды: 1 объявление, вернуть 120 ₽.\n  За объявление A-1 одна и та же услуга списана больше одного раза за день. 21.11.2026: «Публикация» — 120 ₽ и 120 ₽. Просим вернуть лишнее: 120 ₽.',
    ]);
    expect((await show('--from', '19.11.2026', '--list', 'charged-twice')).stdout).toBe(
      lists[3]!.split('\n')[1]!.trim(),
    );
  });

  it('gives kopecks as JSON, of one listing and of all lines where asked', async () => {
    await load(REPORT, '--map', MAP);
    const args = ['--board', 'avito', '--agency', agency, '--from', '2026-11-19', '--until', '2026-11-21'];
    const all = await json(...args, '--all');
    expect(all).toMatchObject({ rowCount: 7, uncoveredDays: [], covered: { days: 3, differenceKopecks: 132_050 } });
    expect(all.rows).toHaveLength(7);
    expect(all.lists['live-not-ours']).toMatchObject([{ advert: 'X', listingId: null, claimKopecks: 120_050 }]);
    const one = await json(...args, '--listing', `#${ids[1]}`);
    expect(one.rows.map((row: { day: string; lists: string[] }) => [row.day, row.lists])).toEqual([
      ['2026-11-21', ['paid-but-withdrawn']],
    ]);
    expect(one.totals).toMatchObject({ plannedKopecks: 24_000, chargedKopecks: 24_000, boardKopecks: 36_000 });
  });

  it('writes every line for a spreadsheet', async () => {
    await load(REPORT, '--map', MAP);
    const { stderr } = await show('--from', '21.11.2026', '--until', '21.11.2026', '--csv', path('out.csv'));
    expect(stderr).toContain('out.csv: 3 строки.');
    expect((await readFile(path('out.csv'), 'utf8')).split('\r\n').slice(1, -1)).toEqual([
      `21.11.2026;#${ids[0]};A-1;A-1;в фиде;120,00;120,00;0,00;0,00;240,00;2;120,00;Списано дважды`,
      `21.11.2026;#${ids[1]};'=A-2;'=A-2;не на рынке;0,00;0,00;0,00;0,00;120,00;1;120,00;Оплачено, но снято`,
      '21.11.2026;;;X;;0,00;0,00;0,00;0,00;1200,50;1;1200,50;На доске, но не наше',
    ]);
    expect(await show('--csv', join(path('none'), 'out.csv'))).toMatchObject({ code: 2 });
  });

  it('has nothing against a cabinet without a report, and says how to load one', async () => {
    const { code, stdout, stderr } = await show();
    expect(code).toBe(0);
    expect(stdout).toContain('Без отчёта доски за весь день: 01.11.2026–22.11.2026.');
    expect(stdout).toContain('Неизвестно, что было в фиде: 01.11.2026–18.11.2026.');
    expect(stderr).toContain('Отчётов доски ещё нет. Загрузить: accounts reconcile load');
  });

  it.each([
    [['--from', '2026-11-20', '--until', '2026-11-19'], 'раньше, чем начинается'],
    [['--from', '2026-11-23', '--until', '2026-11-24'], 'сверять ещё нечего'],
    [['--from', '2025-11-20'], 'Период длиннее 366 дней'],
    [['--from', 'вчера'], 'не день'],
    [['--listing', 'нет такого'], 'Объекта «нет такого» нет'],
    [['--cabinet', 'нет'], 'кабинета «нет» нет'],
  ])('%s is refused', async (words, told) => {
    expect(await show(...words)).toEqual(refused(2, told));
  });
});
