import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { addEmployee } from '../../src/store/agencies.ts';
import { openAccount, topUp } from '../../src/store/ledger.ts';
import { markListings } from '../../src/store/marks.ts';
import { type Stock, stock } from '../store/stock.ts';
import { testDatabase } from '../store/testdb.ts';
import { runHere } from './here.ts';
import { temporaryFolder } from './run.ts';

/** In Moscow the 21st of November 2026, noon; the tariff holds from the day after. */
const NOW = '2026-11-21T12:00:00+03:00';
const LATER = '2026-11-22T12:00:00+03:00';

let base: Awaited<ReturnType<typeof testDatabase>>;
let home: Awaited<ReturnType<typeof temporaryFolder>>;
let house: Stock;

async function at(now: string, ...words: string[]) {
  const { code, stdout, stderr } = await runHere('--now', now, ...words);
  const plain = (text: string) => text.replaceAll('\u00a0', ' ').trimEnd();
  return { code, stdout: plain(stdout), stderr: plain(stderr) };
}
const ask = (...words: string[]) => at(LATER, '-q', ...words);
const json = async (...words: string[]) => JSON.parse((await ask('--json', ...words)).stdout);

beforeAll(async () => {
  base = await testDatabase();
  home = await temporaryFolder('promotion');
  vi.stubEnv('DATABASE_URL', base.url);
  vi.stubEnv('DATA_DIR', home.path);
  house = await stock(base.db, {}, new Date(NOW));
  const { agencyId } = house;
  const avito = await house.cabinet('avito');
  await house.cabinet('move');
  const ids = await house.listings([{ externalId: 'F1' }, { externalId: 'F2' }]);
  await markListings(base.db, agencyId, avito, ids, new Date(NOW));
  await addEmployee(base.db, agencyId, { name: 'Анна Агентова', phones: [], role: 'agent' });
  const { id } = await openAccount(base.db, agencyId, { kind: 'agency', ownerId: null }, { name: 'x' }, new Date(NOW));
  await topUp(base.db, agencyId, id, { key: 'a', kopecks: 100_000, reason: 'x', by: { name: 'x' } }, new Date(NOW));
  // The cabinet of the stock is of another format than the board's own.
  await base.db.pool.query("update cabinet set family = board where board = 'avito'");
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await base.drop();
  await home.drop();
});

describe('promotion', () => {
  it('is not sold without a tariff, and its levels are known all the same', async () => {
    expect(await ask('promotion', 'order', 'F1', '--board', 'avito', '--level', 'XL')).toMatchObject({
      code: 4,
      stderr: 'На 22.11.2026 у кабинета нет тарифа, и цены продвижения тоже. Задайте тариф: tariffs set.',
    });
    const { stdout } = await ask('promotion', 'levels', '--board', 'avito');
    expect(stdout).toContain('  x2_7  Просмотры ×2, 7 дней: в тарифе нет');
    expect((await ask('promotion', 'levels', '--board', 'move')).stdout).toBe(
      'Move.ru: платных уровней этой доски мы не знаем.',
    );
    const set = ['tariffs', 'set', '--board', 'avito', '--from', '22.11.2026', '--price', '10'];
    const levels = [
      '--promotion',
      'уровень=XL дней=7 цена=350',
      'уровень=x2_1 дней=1 цена=49,50',
      'уровень=Highlight дней=7 цена=0',
    ];
    expect(await at(NOW, ...set, ...levels)).toMatchObject({ code: 0 });
    expect((await ask('promotion', 'levels', '--board', 'avito')).stdout).toContain(
      '  x2_1  Просмотры ×2, 1 день: 1 день — 49,50 ₽',
    );
  });

  it('is ordered, listed and cancelled', async () => {
    const made = await at(LATER, 'promotion', 'order', 'F1', '--board', 'avito', '--level', 'XL');
    expect(made).toEqual({
      code: 0,
      stdout:
        'avito, объект F1: XL-объявление на 7 дней, 22.11.2026 – 28.11.2026. 350 ₽ удержано на счёте «агентство», спишется с первым изданием, в котором будет объект. Заказ № 1.',
      stderr: 'Дальше: promotion list --board avito',
    });
    expect(
      (await ask('promotion', 'order', 'F1', '--board', 'avito', '--level', 'x2_1', '--from', '30.11.2026')).stderr,
    ).toContain('закажите с 05.12.2026 или позже');
    expect((await ask('promotion', 'order', 'F2', '--board', 'avito', '--level', 'Highlight')).stdout).toBe(
      'avito, объект F2: Выделение на 7 дней, 22.11.2026 – 28.11.2026, бесплатно. Заказ № 2.',
    );
    expect(
      await json('promotion', 'order', 'F1', '--board', 'avito', '--level', 'x2_1', '--from', '2026-12-05'),
    ).toMatchObject({
      id: 3,
      board: 'avito',
      cabinet: 'main',
      externalId: 'F1',
      level: 'x2_1',
      days: 1,
      fromOn: '2026-12-05',
      startedOn: null,
      untilOn: '2026-12-05',
      priceKopecks: 4950,
      account: { name: 'агентство' },
      state: 'ordered',
      by: 'командная строка',
    });
    expect((await ask('promotion', 'list')).stdout.split('\n')).toEqual([
      '№ 3  avito  F1  Просмотры ×2, 1 день: 05.12.2026 – 05.12.2026, 49,50 ₽, агентство — заказано',
      '№ 2  avito  F2  Выделение, 7 дней: 22.11.2026 – 28.11.2026, бесплатно — идёт',
      '№ 1  avito  F1  XL-объявление, 7 дней: 22.11.2026 – 28.11.2026, 350 ₽, агентство — заказано',
    ]);
    expect((await at('2026-11-23T12:00:00+03:00', 'promotion', 'list', '--listing', 'F1')).stdout).toContain(
      '350 ₽, агентство — заказано, ждёт объект в фиде',
    );
    expect(await ask('promotion', 'cancel', '1')).toMatchObject({
      code: 0,
      stdout: 'Продвижение № 1 отменено: 350 ₽ снова на счёте «агентство».',
    });
    expect(
      (await json('promotion', 'list', '--board', 'avito')).promotions.map(({ id }: { id: number }) => id),
    ).toEqual([3, 2]);
    expect((await ask('promotion', 'list', '--all')).stdout).toContain('350 ₽, агентство — отменено');
    expect((await ask('promotion', 'list', '--board', 'move')).stdout).toBe(
      'Продвижение не заказывали: promotion order.',
    );
  });

  it.each<[string, string[], number, RegExp]>([
    [
      'an unknown level',
      ['order', 'F1', '--board', 'avito', '--level', 'VIP'],
      2,
      /Уровня «VIP» нет: есть: Highlight \(Выделение\), XL/,
    ],
    [
      'a board without levels',
      ['order', 'F1', '--board', 'move', '--level', 'top'],
      2,
      /платных уровней этой доски мы не знаем/,
    ],
    ['no days', ['order', 'F1', '--board', 'avito', '--level', 'XL', '--days', 'неделя'], 2, /--days: «неделя»/],
    ['no day', ['order', 'F1', '--board', 'avito', '--level', 'XL', '--from', 'завтра!'], 2, /не день/],
    ['another term', ['order', 'F1', '--board', 'avito', '--level', 'XL', '--days', '30'], 2, /длится 7 дней/],
    [
      'a level of no price',
      ['order', 'F1', '--board', 'avito', '--level', 'x20_7'],
      4,
      /не продаётся: такого уровня в нём нет/,
    ],
    [
      'an agent',
      ['order', 'F1', '--board', 'avito', '--level', 'XL', '--by', 'Анна Агентова'],
      4,
      /Заказывать и отменять продвижение может специалист/,
    ],
    ['an agent who cancels', ['cancel', '3', '--by', 'Анна Агентова'], 4, /может специалист/],
    ['a number nobody has', ['cancel', '77'], 2, /Продвижения № 77 нет/],
    ['no number', ['cancel', 'XL'], 2, /«XL» — не номер заказа/],
    ['a cabinet of no board', ['list', '--cabinet', 'main'], 2, /вместе с доской/],
  ])('refuses %s', async (_, words, code, message) => {
    const before = await json('promotion', 'list', '--all');
    const answer = await ask('promotion', ...words);
    expect(answer).toMatchObject({ code, stderr: expect.stringMatching(message) });
    expect(await json('promotion', 'list', '--all')).toEqual(before);
  });
});
