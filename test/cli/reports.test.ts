import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readXlsx } from 'hucre/xlsx';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { addBranch } from '../../src/store/agencies.ts';
import { giveVerdict } from '../../src/store/moderation.ts';
import { pdfText } from '../server/pdf-text.ts';
import { type Stock, stock } from '../store/stock.ts';
import { testDatabase } from '../store/testdb.ts';
import { runHere } from './here.ts';
import { type Ran, temporaryFolder } from './run.ts';

/** «report work» and «report owner» as people type them. */

const NOW = new Date('2026-11-20T09:00:00+03:00');

let base: Awaited<ReturnType<typeof testDatabase>>;
let home: Awaited<ReturnType<typeof temporaryFolder>>;
let house: Stock;
let listing: string;

const ask = (...words: string[]): Promise<Ran> => runHere('--now', NOW.toISOString(), '-q', ...words);

beforeAll(async () => {
  base = await testDatabase();
  home = await temporaryFolder('reports');
  vi.stubEnv('DATABASE_URL', base.url);
  vi.stubEnv('DATA_DIR', home.path);
  vi.stubEnv('PUBLIC_URL', 'https://feeds.example.ru');
  house = await stock(base.db, {}, NOW);
  const branchId = await addBranch(base.db, house.agencyId, { name: 'Центр', timeZone: null }, 'тест', NOW);
  const [id] = await house.listings([{ branchId, address: 'улица Красная, 10', priceKopecks: 100_000_000 }]);
  listing = `#${id}`;
  const actor = { employeeId: null, name: 'Админ', role: 'admin' } as const;
  const at = new Date(NOW.getTime() - 3_600_000);
  await giveVerdict(base.db, house.agencyId, { listingId: id!, kind: 'returned', actor, reasons: ['few-photos'] }, at);
  const cabinetId = await house.cabinet();
  const left = [
    ['awaiting-moderation', 5],
    ['awaiting-moderation', 3],
    ['blocked', 100],
    ['off-market', 200],
  ] as const;
  const waiting = await house.listings(left.map((_, place) => ({ branchId, address: `улица Красная, ${place}` })));
  for (const [place, [outcome, hours]] of left.entries()) {
    await base.db.pool.query(
      'insert into mark (agency_id, cabinet_id, listing_id, marked_at, ordinal, board_offer_id) values ($1, $2, $3, $4, $5, $6)',
      [house.agencyId, cabinetId, waiting[place], NOW, place, `b${place}`],
    );
    await base.db.pool.query(
      `insert into mark_outcome (agency_id, cabinet_id, listing_id, outcome, judgement, input_key, content_key, since, decided_at)
       values ($1, $2, $3, $4, '{"approval": "awaiting"}', 'i', 'c', $5, $5)`,
      [house.agencyId, cabinetId, waiting[place], outcome, new Date(NOW.getTime() - hours * 3_600_000)],
    );
  }
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await base.drop();
  await home.drop();
});

describe('report work', () => {
  it('tells the numbers, by branch and for a branch', async () => {
    const { code, stdout } = await ask(
      'report',
      'work',
      '--by',
      'branch',
      '--from',
      '2026-11-01',
      '--to',
      '2026-11-20',
    );
    expect([code, stdout]).toEqual([0, expect.stringContaining('Работа 01.11.2026–20.11.2026')]);
    expect(stdout).toMatch(/Центр .*0 из 1 \(0 %\)/);
    expect(stdout).toContain('Мало фотографий: добавьте.');
    expect(stdout).toContain('Решений модератора 1: одобрено 0, возвращено 1;');
    expect(stdout).toMatch(/Центр .*4, из них только модератора 2/);
    expect(stdout).toContain(
      'В очереди 4: ждут только модератора 2 (старейший 5 ч, медиана 4 ч), держит и другое 2 (старейший 8 дн. 8 ч, медиана 6 дн. 6 ч)',
    );
    const json = JSON.parse((await ask('--json', 'report', 'work', '--branch', 'центр')).stdout);
    expect((json.result ?? json.data ?? json).total.returns.count).toBe(1);
  });

  it('says what each number is', async () => {
    expect((await ask('report', 'work', '--help')).stdout.replaceAll(/\s+/g, ' ')).toContain(
      'От первой сборки фида, которая увидела',
    );
  });

  it('writes files', async () => {
    const [xlsx, csv] = [join(home.path, 'r.xlsx'), join(home.path, 'r.csv')];
    expect((await ask('report', 'work', '--out', xlsx)).code).toBe(0);
    expect((await readXlsx(await readFile(xlsx))).sheets).toHaveLength(4);
    expect((await ask('report', 'work', '--out', csv)).code).toBe(0);
    expect(await readFile(csv, 'utf8')).toContain('Всего');
  });

  it('says in text and in files what they are narrowed to', async () => {
    const of = ['report', 'work', '--branch', 'центр', '--from', '2026-11-01'];
    expect((await ask(...of)).stdout).toContain('\nОтбор: филиал «Центр»\n');
    expect((await ask('report', 'work')).stdout).not.toContain('Отбор');
    const [xlsx, csv] = [join(home.path, 'n.xlsx'), join(home.path, 'n.csv')];
    expect((await ask(...of, '--out', csv)).code).toBe(0);
    const lines = (await readFile(csv, 'utf8')).trim().split('\r\n');
    expect(lines[1]).toMatch(/^Всего;01\.11\.2026;20\.11\.2026;.*;20\.11\.2026 09:00;филиал «Центр»$/);
    expect((await ask(...of, '--out', xlsx)).code).toBe(0);
    const { sheets } = await readXlsx(await readFile(xlsx));
    expect(sheets.slice(0, 3).map(({ rows }) => [rows[0]!.at(-1), rows[1]?.at(-1)])).toEqual(
      Array(3).fill(['Отбор', 'филиал «Центр»']),
    );
    expect(sheets[0]!.headerFooter?.oddHeader).toMatch(/^&LРабота 01\.11\.2026–20\.11\.2026.*\nОтбор: филиал «Центр»$/);
  });

  it.each([
    [['--out', 'r.pdf'], 'Файл отчёта бывает .xlsx, .csv.'],
    [['--board', 'avito'], 'Ключа --board у команды work нет.'],
    [['--branch', 'Луна'], 'Филиала «Луна» нет. Есть: Центр.'],
    [['--from', '2026-01-01', '--to', '2026-11-20'], 'В отчёте не больше 150 дней'],
  ])('%j: says why not', async (words, sentence) => {
    const { code, stderr } = await ask('report', 'work', ...words);
    expect([code, stderr]).toEqual([2, expect.stringContaining(sentence)]);
  });
});

describe('report owner', () => {
  it('tells, writes the page and the PDF', async () => {
    expect((await ask('report', 'owner', listing)).stdout).toContain('Объявление ещё не размещали.');
    const [pdf, html] = [join(home.path, 'o.pdf'), join(home.path, 'o.html')];
    expect((await ask('report', 'owner', listing, '--out', pdf)).code).toBe(0);
    expect(pdfText(await readFile(pdf)).text).toContain('улица Красная, 10');
    expect((await ask('report', 'owner', listing, '--out', html)).code).toBe(0);
    const page = await readFile(html, 'utf8');
    expect(page).toContain('улица Красная, 10');
    expect(page).not.toContain('Скачать PDF');
  });

  it('gives a link and takes all of them back', async () => {
    const { code, stdout } = await ask('report', 'owner', listing, '--link', '--days', '3');
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^https:\/\/feeds\.example\.ru\/o\/[\w-]{43}\n/)]);
    expect(stdout).toContain('Действует до 23.11.2026 09:00');
    expect((await ask('report', 'owner', listing)).stdout).toContain('Действующих ссылок: 1.');
    expect((await ask('report', 'owner', listing, '--revoke')).stdout).toContain('Отозвано: 1 ссылка');
    expect((await ask('report', 'owner', listing)).stdout).toContain('Действующих ссылок нет');
    expect((await house.deeds()).slice(-2).map(({ action }) => action)).toEqual([
      'owner-link-made',
      'owner-link-revoked',
    ]);
  });

  it.each([
    [['--link', '--revoke'], 'Дать ссылку или отозвать?'],
    [['--link', '--days', '400'], 'Ссылка действует от 1 до 365 дней.'],
    [['--out', 'o.xlsx'], 'Файл отчёта собственнику бывает .pdf, .html.'],
  ])('%j: says why not', async (words, sentence) => {
    const { code, stderr } = await ask('report', 'owner', listing, ...words);
    expect([code, stderr]).toEqual([2, expect.stringContaining(sentence)]);
  });
});
