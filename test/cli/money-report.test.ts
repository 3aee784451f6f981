import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { codeOf, packClosing, packUnits } from '../../src/domain/day-record.ts';
import { chargeOf, releaseOf } from '../../src/domain/ledger.ts';
import { addEmployee, changeEmployee, ensureBranch } from '../../src/store/agencies.ts';
import { transaction } from '../../src/store/database.ts';
import { type NewTransfer, openAccount, post, refund, systemAccount, topUp } from '../../src/store/ledger.ts';
import { markListings } from '../../src/store/marks.ts';
import { stock } from '../store/stock.ts';
import { testDatabase } from '../store/testdb.ts';
import { runHere } from './here.ts';
import { temporaryFolder } from './run.ts';

/** «report money» and «audience load» over a ledger of five transfers, known by heart. */

const NOW = '2026-11-22T12:00:00+03:00';
const BY = { name: 'проверка' };
const on = (day: string) => new Date(`${day}T09:00:00+03:00`);

let base: Awaited<ReturnType<typeof testDatabase>>;
let home: Awaited<ReturnType<typeof temporaryFolder>>;
const plain = (text: string) => text.replaceAll('\u00a0', ' ').trimEnd();
const ask = async (...words: string[]) => {
  const { code, stdout, stderr } = await runHere('--now', NOW, ...words);
  return { code, stdout: plain(stdout), stderr: plain(stderr) };
};
const path = (name: string) => join(home.path, name);
const PERIOD = ['--from', '2026-11-19', '--to', '22.11.2026'] as const;

/**
 * Irina of «Центр» pays 100 ₽ for A-1 on the 19th and on the 20th; the 20th is paid back. On the 21st she works in
 * «Север»: A-1 costs 100 ₽ there. A-2 was held on the 20th and paused before the charge hour; on the 22nd, which is not
 * recorded, A-1 is charged again.
 */
beforeAll(async () => {
  base = await testDatabase();
  home = await temporaryFolder('money');
  vi.stubEnv('DATABASE_URL', base.url);
  vi.stubEnv('DATA_DIR', home.path);
  const house = await stock(base.db, {}, on('2026-11-18'));
  const { agencyId } = house;
  const [centre, north] = [
    await ensureBranch(base.db, agencyId, 'Центр'),
    await ensureBranch(base.db, agencyId, 'Север'),
  ];
  const irina = await addEmployee(base.db, agencyId, { name: 'Ирина Соколова', phones: [], branchId: centre });
  const cabinetId = await house.cabinet();
  const ids = await house.listings([{ externalId: 'A-1' }, { externalId: 'A-2' }]);
  await base.db.pool.query('update listing set employee_id = $2 where id = any($1)', [ids, irina]);
  await markListings(base.db, agencyId, cabinetId, ids, on('2026-11-18'));
  const { id: accountId } = await openAccount(
    base.db,
    agencyId,
    { kind: 'agency', ownerId: null },
    BY,
    on('2026-11-18'),
  );
  await topUp(base.db, agencyId, accountId, { key: 'a', kopecks: 1_000_000, reason: 'р', by: BY }, on('2026-11-18'));
  const board = await systemAccount(base.db.pool, agencyId, 'board', cabinetId);
  const facts = { kind: 'flat', deal: 'sale', region: null, priceKopecks: null } as const;
  const book = (given: Pick<NewTransfer, 'id' | 'kind' | 'kopecks' | 'day'> & Partial<NewTransfer>) =>
    transaction(base.db, (client) =>
      post(
        client,
        agencyId,
        {
          ...{ fromId: accountId, toId: board, cabinetId, listingId: ids[0]!, basis: 'day', facts },
          ...{ by: 'выгрузка', reason: 'день', ...given },
        },
        on(given.day),
      ),
    );
  for (const day of ['2026-11-19', '2026-11-20', '2026-11-21', '2026-11-22']) {
    await book({ id: `h${day}`, kind: 'hold', kopecks: 10_000, day });
    await book({ id: chargeOf(`h${day}`), kind: 'charge', kopecks: 10_000, day, resolves: `h${day}` });
  }
  const other = { kopecks: 7_000, day: '2026-11-20', listingId: ids[1]! };
  await book({ ...other, id: 'h2', kind: 'hold' });
  await book({ ...other, id: releaseOf('h2'), kind: 'release', resolves: 'h2' });
  await refund(base.db, agencyId, chargeOf('h2026-11-20'), 'не показали', BY, on('2026-11-21'));

  await base.db.pool.query(
    'insert into unit (agency_id, id, branch_id, employee_id) values ($1, 1, $2, $4), ($1, 2, $3, $4)',
    [...[agencyId, centre, north, irina]],
  );
  const [shown, still] = [codeOf('published'), codeOf('paused')];
  for (const [day, unit] of [
    ['2026-11-19', 1],
    ['2026-11-20', 1],
    ['2026-11-21', 2],
  ] as const)
    await base.db.pool.query(
      'insert into day_record (agency_id, cabinet_id, day, outcomes, closing, units) values ($1, $2, $3, $4, $5, $6)',
      [
        ...[agencyId, cabinetId, day, deflateSync(Uint8Array.of(shown, still))],
        deflateSync(packClosing({ throughId: 0, codes: Uint8Array.of(shown, still) })),
        deflateSync(packUnits(Uint32Array.of(unit, unit))),
      ],
    );
  await base.db.pool.query(`update cabinet set recorded_through = '2026-11-21' where id = $1`, [cabinetId]);
  await changeEmployee(base.db, agencyId, irina, { branchId: north }, { ...BY, person: null }, on('2026-11-21'));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await base.drop();
  await home.drop();
});

describe('report money', () => {
  it('tells what each branch spent before a move and after, less what came back, and what was saved', async () => {
    const { code, stdout } = await ask('report', 'money', ...PERIOD, '--by', 'branch');
    expect(code).toBe(0);
    const lines = stdout.split('\n').map((line) => line.trim().split(/ {2,}/));
    expect(lines.find(([name]) => name === 'Север')).toEqual(['Север', '200 ₽', '1', '100 ₽', '–', '–', '0 ₽']);
    // One day of the two was paid back.
    expect(lines.find(([name]) => name === 'Центр')).toEqual(['Центр', '100 ₽', '2', '50 ₽', '–', '–', '70 ₽']);
    expect(lines.find(([name]) => name === 'Всего')).toEqual(['Всего', '300 ₽', '3', '66,67 ₽', '–', '–', '70 ₽']);
    expect(stdout).toContain('Возвращено: 100 ₽, из потраченного уже вычтено.');
    expect(stdout).toContain('О звонках за эти дни никто не сообщал');
  });

  it('divides by calls once they are loaded, twice or once', async () => {
    await writeFile(path('calls.csv'), 'Дата;ID;Звонки\n19.11.2026;A-1;4\n20.11.2026;A-9;1\n23.11.2026;A-1;1\n');
    const load = () =>
      ask(
        'audience',
        'load',
        '--board',
        'avito',
        '--file',
        path('calls.csv'),
        '--map',
        'день=Дата,объявление=ID,звонки=Звонки',
      );
    const first = await load();
    expect(first.code).toBe(3);
    expect(first.stdout).toBe(
      [
        'avito: «calls.csv», 19.11.2026. Новых: 1 день объекта; исправлено 0; без изменений 0.',
        'Не из этого кабинета: 1 строка.',
        '  строка 3: A-9',
        'Не понято: 1 строка.',
        '  строка 4: день 23.11.2026 ещё не наступил',
      ].join('\n'),
    );
    expect((await load()).stdout).toContain('Новых: 0 дней объектов; исправлено 0; без изменений 1.');
    const { stdout } = await ask('--json', 'report', 'money', ...PERIOD, '--by', 'board');
    // 100 ₽ of the one day of which calls are known, and not the 300 ₽ of all four.
    expect(JSON.parse(stdout).totals).toMatchObject({
      spentKopecks: 30_000,
      calls: 4,
      callKopecks: 2_500,
      views: null,
    });
  });

  it('writes a table, takes a branch only, and refuses what is no report', async () => {
    const out = path('money.csv');
    const { code, stdout } = await ask('report', 'money', ...PERIOD, '--by', 'kind', '--branch', 'Север', '--out', out);
    expect([code, stdout]).toEqual([0, `${out}: потрачено 200 ₽.`]);
    const csv = await readFile(out, 'utf8');
    expect(csv.split('\r\n').at(-2)).toMatch(/^Всего;19\.11\.2026;22\.11\.2026;200,00;200,00;0,00;/);
    expect(csv.split('\r\n').at(-2)).toMatch(/;филиал «Север»$/);
    for (const name of ['money.svg', 'money.png']) {
      expect((await ask('report', 'money', ...PERIOD, '--branch', 'Север', '--out', path(name))).code).toBe(0);
    }
    const svg = await readFile(path('money.svg'), 'utf8');
    for (const told of ['Расходы 19.11.2026–22.11.2026', 'Отбор: филиал «Север»', 'Потрачено 200'])
      expect(svg).toContain(told);
    expect((await readFile(path('money.png'))).subarray(1, 4).toString()).toBe('PNG');
    expect((await ask('report', 'money', '--out', 'r.pdf')).stderr).toContain('.xlsx, .csv, .svg, .png');
    expect((await ask('report', 'money', '--from', '2026-01-01', '--to', '2026-11-01')).stderr).toContain(
      'не больше 150 дней',
    );
    expect((await ask('audience', 'load', '--board', 'avito', '--file', out, '--map', 'сумма=Всего')).stderr).toContain(
      'нужно слово=столбец, слова: день, объявление, номер, объект, просмотры, звонки',
    );
  });
});
