import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AudienceMapping } from '../../src/domain/audience.ts';
import { type GivenAudience, takeAudience } from '../../src/intake/audience.ts';
import { keepAvitoId, markListings } from '../../src/store/marks.ts';
import { type Stock, stock } from '../store/stock.ts';
import { testDatabase } from '../store/testdb.ts';

/** Views and calls from files, down to what the base keeps. */

const NOW = new Date('2026-11-22T09:00:00Z');
const BY = { name: 'Анна' };
const MAPPING: AudienceMapping = {
  columns: { day: 'Дата', advert: 'ID', views: 'Просмотры', calls: 'Звонки' },
};
const HEAD = 'Дата;ID;Просмотры;Звонки\n';

let base: Awaited<ReturnType<typeof testDatabase>>;
let house: Stock;
let cabinet: { readonly agencyId: number; readonly id: number };
let ids: number[];

beforeAll(async () => {
  base = await testDatabase();
  house = await stock(base.db, {}, NOW);
  cabinet = { agencyId: house.agencyId, id: await house.cabinet() };
  ids = await house.listings([{ externalId: 'A-1' }, { externalId: 'A-2' }, { externalId: 'A-3' }]);
  await markListings(base.db, house.agencyId, cabinet.id, ids.slice(0, 2), NOW);
});
afterAll(() => base.drop());

const load = (text: string, more: Partial<GivenAudience> = {}) =>
  takeAudience(base.db, cabinet, { name: 'звонки.csv', bytes: chunks(text), mapping: MAPPING, ...more }, BY, NOW);

async function* chunks(text: string) {
  yield Buffer.from(text);
}

const kept = async () =>
  (
    await base.db.pool.query(
      'select listing_id as id, day, views, calls from audience_day where agency_id = $1 order by day, listing_id',
      [cabinet.agencyId],
    )
  ).rows.map(({ id, day, views, calls }) => `${day} ${ids.indexOf(id)} ${views} ${calls}`);

describe('views and calls', () => {
  it('are loaded; told again they are replaced and never doubled, and what is left open stays', async () => {
    const first = await load(`${HEAD}20.11.2026;A-1;1 200;3\n20.11.2026;A-2;15;0\n21.11.2026;A-1;;2\n`);
    expect(first).toMatchObject({ rows: 3, added: 3, replaced: 0, same: 0, badRows: 0, unknownRows: 0 });
    expect(first).toMatchObject({ from: '2026-11-20', until: '2026-11-21' });
    const there = ['2026-11-20 0 1200 3', '2026-11-20 1 15 0', '2026-11-21 0 null 2'];
    expect(await kept()).toEqual(there);
    expect(await load(`${HEAD}20.11.2026;A-1;1 200;3\n20.11.2026;A-2;15;0\n21.11.2026;A-1;;2\n`)).toMatchObject({
      added: 0,
      replaced: 0,
      same: 3,
    });
    expect(await kept()).toEqual(there);
    expect(await load(`${HEAD}20.11.2026;A-1;;4\n21.11.2026;A-1;70;\n`)).toMatchObject({ added: 0, replaced: 2 });
    expect(await kept()).toEqual(['2026-11-20 0 1200 4', '2026-11-20 1 15 0', '2026-11-21 0 70 2']);
    // What changed nothing is nothing to write down.
    const deeds = (await house.deeds()).filter(({ action }) => action === 'audience-loaded');
    expect(deeds.map(({ by, facts }) => [by, facts.name, facts.added, facts.replaced])).toEqual([
      ['Анна', 'звонки.csv', 3, 0],
      ['Анна', 'звонки.csv', 0, 2],
    ]);
  });

  it('are refused row by row with the reason, and the others are taken', async () => {
    const taken = await load(
      `${HEAD}23.11.2026;A-1;5;1\n19.11.2026;A-1;-5;1\n19.11.2026;A-2;пять;1\n19.11.2026;A-1;;\n31.02.2026;A-1;5;1\n;A-1;5;1\n19.11.2026;;5;1\n19.11.2026;A-1;7;1\n`,
    );
    expect(taken.bad.map(({ line, reasons }) => `${line}: ${reasons.join('; ')}`)).toEqual([
      '2: день 23.11.2026 ещё не наступил',
      '3: просмотров меньше нуля: -5',
      '4: просмотры «пять» — не целое число',
      '5: нет ни просмотров, ни звонков',
      '6: день «31.02.2026» не читается, нужно 21.11.2026 или 2026-11-21',
      '7: день не указан',
      '8: объявление не указано',
    ]);
    expect(taken).toMatchObject({ rows: 8, badRows: 7, added: 1 });
    expect(await kept()).toContain('2026-11-19 0 7 1');
  });

  it('name the adverts that are not of the cabinet, and the rows that a later one replaces', async () => {
    // A-3 is a listing of ours that was never marked here.
    const taken = await load(`${HEAD}18.11.2026;A-3;5;1\n18.11.2026;X-9;5;1\n18.11.2026;A-1;5;1\n18.11.2026;A-1;6;2\n`);
    expect(taken.unknown).toEqual([
      { line: 2, name: 'A-3' },
      { line: 3, name: 'X-9' },
    ]);
    expect(taken.repeated).toEqual([{ line: 4, name: 'A-1', heldLine: 5 }]);
    expect(taken).toMatchObject({ added: 1, unknownRows: 2, repeatedRows: 1 });
    expect(await kept()).toContain('2026-11-18 0 6 2');
  });

  it('come as JSON, by the board’s number and by ours, for a day that is named apart', async () => {
    await keepAvitoId(base.db, cabinet.agencyId, cabinet.id, ids[1]!, 987654);
    const json = JSON.stringify({
      result: {
        items: [
          { n: 987654, own: '', c: 5 },
          { n: '', own: `#${ids[0]}`, c: 0 },
        ],
      },
    });
    const mapping: AudienceMapping = { columns: { boardNumber: 'n', listing: 'own', calls: 'c' }, day: '2026-11-17' };
    expect(await load(json, { mapping })).toMatchObject({ format: 'json', added: 2, badRows: 0 });
    expect(await kept()).toEqual(expect.arrayContaining(['2026-11-17 0 null 0', '2026-11-17 1 null 5']));
  });

  it('change nothing in a trial, and say what a mapping lacks', async () => {
    const before = await kept();
    expect(await load(`${HEAD}16.11.2026;A-1;5;1\n`, { isTrial: true })).toMatchObject({ added: 1 });
    expect(await kept()).toEqual(before);
    await expect(load(HEAD, { mapping: { columns: { advert: 'ID' } } })).rejects.toMatchObject({
      code: 'report-mapping',
      message: expect.stringMatching(/в каком столбце день.*просмотры или звонки/s),
    });
    await expect(load('Дата;ID\n20.11.2026;A-1\n')).rejects.toMatchObject({ code: 'report-columns' });
  });
});
