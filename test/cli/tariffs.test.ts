import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openAccount } from '../../src/store/ledger.ts';
import { markListings } from '../../src/store/marks.ts';
import { savePackage } from '../../src/store/rotation.ts';
import { type Stock, stock } from '../store/stock.ts';
import { testDatabase } from '../store/testdb.ts';
import { runHere } from './here.ts';
import { temporaryFolder } from './run.ts';

/** In Moscow the 21st of November 2026, noon. */
const NOW = '2026-11-21T12:00:00+03:00';

let base: Awaited<ReturnType<typeof testDatabase>>;
let home: Awaited<ReturnType<typeof temporaryFolder>>;
let house: Stock;
let flat: string;
let land: string;
let cian: number;

async function ask(...words: string[]) {
  return at(NOW, ...words);
}
async function at(now: string, ...words: string[]) {
  const { code, stdout, stderr } = await runHere('--now', now, ...words);
  const plain = (text: string) => text.replaceAll('\u00a0', ' ').trimEnd();
  return { code, stdout: plain(stdout), stderr: plain(stderr) };
}
const json = async (...words: string[]) => JSON.parse((await ask('--json', ...words)).stdout);

beforeAll(async () => {
  base = await testDatabase();
  home = await temporaryFolder('tariffs');
  vi.stubEnv('DATABASE_URL', base.url);
  vi.stubEnv('DATA_DIR', home.path);
  house = await stock(base.db, {}, new Date(NOW));
  const { agencyId } = house;
  const avito = await house.cabinet();
  cian = await house.cabinet('cian');
  const [one, two] = await house.listings([
    { externalId: 'F1', region: 'Москва', priceKopecks: 750_000_000 },
    { externalId: 'L1', kind: 'land', deal: 'rent' },
  ]);
  flat = `#${one}`;
  land = `#${two}`;
  await markListings(base.db, agencyId, avito, [one!], new Date(NOW));
  const placements = { kind: 'placements', placements: 5, from: '2026-11-01', periodDays: 30, termDays: 10 } as const;
  await savePackage(base.db, { agencyId, id: cian }, placements, undefined, 'Ирина', new Date(NOW));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await base.drop();
  await home.drop();
});

const LINE = 'вид=квартира сделка=продажа регион=Москва от=5000000 до=10000000 цена=45';

describe('tariffs', () => {
  it('of nobody are told as they are: it is free', async () => {
    expect((await ask('tariffs', 'list')).stdout).toBe(
      [
        'avito (main), сегодня 21.11.2026 (Europe/Moscow)',
        '  Тарифа нет: размещение бесплатно.',
        'cian (main), сегодня 21.11.2026 (Europe/Moscow)',
        '  Тарифа нет: размещение бесплатно.',
      ].join('\n'),
    );
    expect((await ask('tariffs', 'price', flat)).stdout).toBe(
      [
        `F1 (${flat}): Квартира, продажа, Москва, 7 500 000 ₽`,
        'avito (main), сегодня 21.11.2026: бесплатно, тарифа нет',
        'cian (main), не отмечен, сегодня 21.11.2026: бесплатно, тарифа нет',
      ].join('\n'),
    );
  });

  it('that cost something need an account first', async () => {
    const words = ['tariffs', 'set', '--board', 'avito', '--from', '22.11.2026', '--price', '45'];
    const refused = await ask(...words);
    expect(refused).toMatchObject({ code: 4, stdout: '', stderr: expect.stringContaining('accounts open') });
    await openAccount(base.db, house.agencyId, { kind: 'agency', ownerId: null }, { name: 'Ирина' }, new Date(NOW));
    expect(await ask(...words)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('любой объект — 45 ₽ в день'),
    });
  });

  it('are set by lines, and shown as they were meant', async () => {
    const set = await ask(
      ...['tariffs', 'set', '--board', 'avito', '--from', '2026-12-01', '--price', '30', '--excess', '60,50'],
      ...['--line', LINE, '--line', 'вид=land цена=0', '--promotion', 'уровень=x2_7 дней=7 цена=500'],
    );
    const lines = [
      'квартира, продажа, Москва, от 5 000 000 ₽ до 10 000 000 ₽ — 45 ₽ в день',
      'участок — бесплатно',
      'остальные — 30 ₽ в день',
      'сверх пакета: любой объект — 60,50 ₽ в день',
      'продвижение x2_7 на 7 дн. — 500 ₽',
    ];
    expect(set.code).toBe(0);
    expect(set.stdout.split('\n')).toEqual([
      expect.stringMatching(/^avito \(main\): тариф № \d+ с 01\.12\.2026\.$/),
      ...lines.map((line) => `  ${line}`),
    ]);
    expect(set.stderr).toContain('пакета у кабинета нет');
    expect((await json('tariffs', 'list', '--board', 'avito')).cabinets[0].tariffs[1].terms).toEqual({
      lines: [
        { kind: 'flat', deal: 'sale', region: 'Москва', priceFrom: 5e8, priceBelow: 1e9, kopecks: 4500 },
        { kind: 'land', kopecks: 0 },
        { kopecks: 3000 },
      ],
      excess: [{ kopecks: 6050 }],
      promotion: [{ level: 'x2_7', days: 7, kopecks: 50_000 }],
    });
  });

  it('are set from a file in kopecks, and replace each other until they begin', async () => {
    const file = join(home.path, 'tariff.json');
    await writeFile(
      file,
      `\ufeff${JSON.stringify({ lines: [{ region: 'Масква', kopecks: 1 }, { kopecks: 90_000 }] })}`,
    );
    const words = ['tariffs', 'set', '--board', 'cian', '--from', '22.11.2026'];
    const first = await json(...words, '--price', '5');
    const second = await json(...words, '--file', file);
    expect(second).toMatchObject({
      isNew: true,
      replaces: first.id,
      validFrom: '2026-11-22',
      unit: 'placement',
      unknownRegions: ['Масква'],
      terms: { excess: null, promotion: [] },
    });
    const again = await ask(...words, '--file', file);
    expect(again.stdout).toContain(`тариф № ${second.id} с 22.11.2026 уже записан.`);
    expect(again.stderr).toContain('объектов с регионом «Масква» нет');
    const [{ tariffs }] = (await json('tariffs', 'list', '--board', 'cian')).cabinets;
    expect(tariffs.map(({ id, state }: { id: number; state: string }) => [id, state])).toEqual([
      [first.id, 'replaced'],
      [second.id, 'coming'],
    ]);
  });

  it('that hold, come and were are told from each other', async () => {
    await at('2026-12-05T12:00:00+03:00', 'tariffs', 'set', '--board', 'avito', '--from', '2027-01-01', '--price', '0');
    const { stdout } = await at(
      '2026-12-05T12:00:00+03:00',
      'tariffs',
      'list',
      '--board',
      'avito',
      '--cabinet',
      'main',
    );
    expect(stdout.replace(/№ \d+/g, '№ N')).toBe(
      [
        'avito (main), сегодня 05.12.2026 (Europe/Moscow)',
        '  Действует с 01.12.2026 по 31.12.2026: тариф № N (командная строка, сб 21.11.2026 12:00 (Europe/Moscow))',
        '    квартира, продажа, Москва, от 5 000 000 ₽ до 10 000 000 ₽ — 45 ₽ в день',
        '    участок — бесплатно',
        '    остальные — 30 ₽ в день',
        '    сверх пакета: любой объект — 60,50 ₽ в день',
        '    продвижение x2_7 на 7 дн. — 500 ₽',
        '  Начнётся с 01.01.2027: тариф № N (командная строка, сб 05.12.2026 12:00 (Europe/Moscow))',
        '    любой объект — бесплатно',
        '  Был с 22.11.2026 по 30.11.2026: тариф № N (командная строка, сб 21.11.2026 12:00 (Europe/Moscow))',
        '    любой объект — 45 ₽ в день',
      ].join('\n'),
    );
  });
});

describe('the price of a listing', () => {
  it('is told with the line that decides, and with the day of the next one', async () => {
    const { stdout } = await at('2026-11-22T12:00:00+03:00', 'tariffs', 'price', land);
    expect(stdout.replace(/№ \d+/g, '№ N')).toBe(
      [
        `L1 (${land}): Участок, аренда, регион не указан, цена не указана`,
        'avito (main), не отмечен, сегодня 22.11.2026: 45 ₽ в день, строка 1: без условий (тариф № N с 22.11.2026)',
        '  с 01.12.2026: бесплатно, строка 2: участок (тариф № N с 01.12.2026)',
        'cian (main), не отмечен, сегодня 22.11.2026: 900 ₽ за размещение, строка 2: без условий (тариф № N с 22.11.2026)',
      ].join('\n'),
    );
    // The tariff of December has the same price for the flat; January's is another.
    const { prices } = JSON.parse(
      (await at('2026-11-22T12:00:00+03:00', '--json', 'tariffs', 'price', flat, '--board', 'avito')).stdout,
    );
    expect(prices).toMatchObject([
      {
        isMarked: true,
        unit: 'day',
        current: { price: { priceKopecks: 4500, line: 1, conditions: '' }, excess: null },
        next: { validFrom: '2027-01-01', price: { priceKopecks: 0, line: 1 } },
      },
    ]);
  });

  it('over the package is told where there is one', async () => {
    const words = ['tariffs', 'set', '--board', 'cian', '--from', '23.11.2026', '--price', '900'];
    await ask(...words, '--excess', '1500', '--excess-line', 'вид=земля цена=1');
    expect(await ask(...words, '--excess', '1500', '--excess-line', 'вид=участок цена=7')).toMatchObject({ code: 0 });
    const { stdout } = await at('2026-11-22T12:00:00+03:00', 'tariffs', 'price', land, '--board', 'cian');
    expect(stdout.replace(/№ \d+/g, '№ N').split('\n').slice(2)).toEqual([
      '  с 23.11.2026: 900 ₽ за размещение, строка 1: без условий (тариф № N с 23.11.2026)',
      '    сверх пакета: 7 ₽ за размещение, строка 1: участок',
    ]);
  });
});

describe('is refused in Russian, with all that is wrong', () => {
  const SET = ['tariffs', 'set', '--board', 'avito'];
  it.each<[string[], number, string | RegExp]>([
    [[...SET, '--from', '21.11.2026', '--price', '5'], 4, /Самый ранний день — 22\.11\.2026/],
    [
      [...SET, '--from', 'завтра', '--line', 'вид=замок', '--excess-line', 'цена=1', '--promotion', 'уровень=x2_7'],
      2,
      [
        '--from: «завтра» — не день. Примеры: 2026-12-31, 31.12.2026.',
        '--line «вид=замок»: Нет «цена=».',
        '--line «вид=замок»: вид=замок не подходит. Можно: квартира (flat), комната (room), койко-место (bed), дом (house), участок (land), гараж (garage), коммерческая недвижимость (commercial).',
        '--promotion «уровень=x2_7»: Нет «дней=».',
        '--promotion «уровень=x2_7»: Нет «цена=».',
        'Нужен ключ --price: цена для остальных объектов (или --file).',
        'К --excess-line нужен --excess: цена сверх пакета для остальных объектов.',
      ].join('\n'),
    ],
    [[...SET, '--from', '22.11.2026', '--price', '-5'], 2, /--price: «-5» — не сумма в рублях/],
    [
      [...SET, '--from', '22.11.2026', '--price', '1', '--line', 'цена=1', '--promotion', 'уровень=нет дней=7 цена=1'],
      2,
      /строка 1: без условий.*\n.*Продвижения «нет» у доски нет\. Можно: .*x2_7/,
    ],
    [[...SET, '--from', '22.11.2026', '--file', 'нет.json'], 2, /Файл «нет\.json» не читается/],
    [[...SET, '--from', '22.11.2026', '--file', 'нет.json', '--price', '1'], 2, /уберите --price/],
    [['tariffs', 'list', '--board', 'луна'], 2, /Доски «луна» нет/],
    [['tariffs', 'list', '--board', 'avito', '--cabinet', 'нет'], 2, /кабинета «нет» нет/],
    [['tariffs', 'list', '--board', 'domclick'], 2, /кабинетов ещё нет/],
    [['tariffs', 'list', '--cabinet', 'нет'], 2, /Кабинета «нет» нет ни на одной доске/],
    [['tariffs', 'price', '#999'], 2, /Объекта «#999» нет/],
  ])('%j', async (words, code, told) => {
    const before = await house.deeds();
    const { stderr, ...answer } = await ask(...words);
    expect(answer).toEqual({ code, stdout: '' });
    if (typeof told === 'string') expect(stderr).toBe(told);
    else expect(stderr).toMatch(told);
    expect(await house.deeds()).toEqual(before);
  });
});
