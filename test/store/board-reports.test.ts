import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReportedCharge } from '../../src/domain/board-report.ts';
import { type ChargeLine, listReports, loadReport, type NewReport } from '../../src/store/board-reports.ts';
import { keepAvitoId, markListings } from '../../src/store/marks.ts';
import { type Stock, stock } from './stock.ts';
import { testDatabase } from './testdb.ts';

const NOW = new Date('2026-11-22T09:00:00Z');
const BY = { name: 'Анна' };

let base: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  base = await testDatabase();
});
afterAll(() => base.drop());

interface Ground {
  readonly house: Stock;
  readonly cabinet: { readonly agencyId: number; readonly id: number };
  readonly ids: number[];
}

async function ground(): Promise<Ground> {
  const house = await stock(base.db, {}, NOW);
  const id = await house.cabinet();
  const ids = await house.listings([{ externalId: 'A-1' }, { externalId: 'A-2' }]);
  await markListings(base.db, house.agencyId, id, ids, NOW);
  return { house, cabinet: { agencyId: house.agencyId, id }, ids };
}

const charge = (given: Partial<ReportedCharge> = {}): ReportedCharge => ({
  day: '2026-11-20',
  time: '',
  advert: 'A-1',
  boardNumber: null,
  listingNumber: null,
  service: 'Публикация',
  kopecks: 12_000,
  operationId: null,
  ...given,
});

async function* lines(charges: readonly ReportedCharge[]): AsyncGenerator<ChargeLine> {
  for (const [index, one] of charges.entries()) yield { line: index + 2, charge: one };
}

const load = ({ cabinet }: Ground, charges: readonly ReportedCharge[], more: Partial<NewReport> = {}) =>
  loadReport(
    base.db,
    cabinet,
    { name: 'отчёт.csv', charges: lines(charges), sha256: () => JSON.stringify(charges), ...more },
    BY,
    NOW,
  );

const stored = async ({ cabinet }: Ground) =>
  (
    await base.db.pool.query(
      'select day, board_offer_id as advert, listing_id as "listingId", service, kopecks from board_charge where cabinet_id = $1 order by day, kopecks, advert, key',
      [cabinet.id],
    )
  ).rows as { day: string; advert: string | null; listingId: number | null; service: string; kopecks: number }[];

describe('a report', () => {
  it('is loaded with what it covers, and the journal tells who did it', async () => {
    const here = await ground();
    const result = await load(here, [charge(), charge({ day: '2026-11-21', advert: 'A-2', kopecks: -500 })]);
    expect(result).toMatchObject({
      isNew: true,
      rows: 2,
      added: 2,
      addedKopecks: 11_500,
      known: 0,
      clashing: 0,
      strangers: 0,
      unaddressed: 0,
      from: '2026-11-20',
      until: '2026-11-21',
    });
    expect(await stored(here)).toEqual([
      { day: '2026-11-20', advert: 'A-1', listingId: here.ids[0], service: 'Публикация', kopecks: 12_000 },
      { day: '2026-11-21', advert: 'A-2', listingId: here.ids[1], service: 'Публикация', kopecks: -500 },
    ]);
    expect(await here.house.deeds()).toContainEqual({
      action: 'board-report-loaded',
      by: 'Анна',
      listingId: null,
      facts: expect.objectContaining({ report: result.id, added: 2, addedKopecks: 11_500 }),
    });
    expect(await listReports(base.db.pool, here.cabinet)).toEqual([
      {
        id: result.id,
        name: 'отчёт.csv',
        by: 'Анна',
        at: NOW,
        rows: 2,
        known: 0,
        from: '2026-11-20',
        until: '2026-11-21',
        kopecks: 11_500,
      },
    ]);
  });

  it('adds nothing when it comes again, not even a line in the list', async () => {
    const here = await ground();
    const charges = [charge(), charge(), charge({ advert: null, operationId: '7' })];
    const first = await load(here, charges);
    const before = [await stored(here), await here.house.deeds()];
    expect(before[0]).toHaveLength(3);
    expect(await load(here, charges)).toMatchObject({ id: first.id, isNew: false, added: 0, known: 3 });
    expect([await stored(here), await here.house.deeds()]).toEqual(before);
    expect(await listReports(base.db.pool, here.cabinet)).toHaveLength(1);
  });

  it('that overlaps another adds what is new, and counts equal rows of one file as so many charges', async () => {
    const here = await ground();
    await load(here, [charge(), charge({ day: '2026-11-19' })]);
    // The same row twice: one of them is known, the other is another charge.
    const second = await load(here, [charge({ day: '2026-11-21' }), charge(), charge()]);
    expect(second).toMatchObject({ isNew: true, added: 2, known: 1, from: '2026-11-20', until: '2026-11-21' });
    expect((await stored(here)).map(({ day }) => day)).toEqual([
      '2026-11-19',
      '2026-11-20',
      '2026-11-20',
      '2026-11-21',
    ]);
    expect(await load(here, [charge(), charge(), charge({ day: '2026-11-19' })])).toMatchObject({ added: 0, known: 3 });
    expect(await stored(here)).toHaveLength(4);
  });

  it('tells rows apart by all they say: time, service, sum, advert', async () => {
    const here = await ground();
    const all = [
      charge(),
      charge({ time: '10:00:00' }),
      charge({ service: 'Поднятие' }),
      charge({ kopecks: 12_001 }),
      charge({ advert: null }),
      charge({ advert: null, boardNumber: '9' }),
    ];
    expect(await load(here, all)).toMatchObject({ added: 6, unaddressed: 1, strangers: 1 });
    expect(await load(here, [...all].reverse())).toMatchObject({ added: 0, known: 6 });
  });

  it('covers the days somebody says, when these are more', async () => {
    const here = await ground();
    const wide = { from: '2026-11-01', until: '2026-11-30' };
    expect(await load(here, [charge()], wide)).toMatchObject(wide);
    expect(await load(here, [charge()], { from: '2026-11-20', until: '2026-11-20' })).toMatchObject({ isNew: false });
    expect(await load(here, [charge()], { from: '2026-10-01' })).toMatchObject({
      isNew: true,
      from: '2026-10-01',
      added: 0,
    });
  });

  it('only tries when it is a trial', async () => {
    const here = await ground();
    const before = await here.house.deeds();
    expect(await load(here, [charge()], { isTrial: true })).toMatchObject({ id: null, added: 1 });
    expect([await stored(here), await listReports(base.db.pool, here.cabinet), await here.house.deeds()]).toEqual([
      [],
      [],
      before,
    ]);
    expect(await load(here, [charge()])).toMatchObject({ added: 1 });
  });

  it('changes nothing when it has no charge, or breaks half-way', async () => {
    const here = await ground();
    await expect(load(here, [])).rejects.toMatchObject({ code: 'report-nothing', exit: 3 });
    async function* torn(): AsyncGenerator<ChargeLine> {
      for (let line = 1; line < 3000; line++) yield { line, charge: charge({ kopecks: line }) };
      throw new Error('диск');
    }
    await expect(load(here, [], { charges: torn() })).rejects.toThrow('диск');
    expect([await stored(here), await listReports(base.db.pool, here.cabinet)]).toEqual([[], []]);
    expect(await load(here, [charge()])).toMatchObject({ added: 1 });
  });

  it('is loaded once by two who load it at the same moment', async () => {
    const here = await ground();
    const charges = Array.from({ length: 2500 }, (_, index) => charge({ kopecks: index % 700 }));
    const both = await Promise.all([load(here, charges), load(here, charges)]);
    expect(both.map(({ added }) => added).sort()).toEqual([0, 2500]);
    expect(await stored(here)).toHaveLength(2500);
  });

  it('of one cabinet is nothing to another', async () => {
    const here = await ground();
    const other = { ...here, cabinet: { agencyId: here.house.agencyId, id: await here.house.cabinet('cian') } };
    await load(here, [charge({ operationId: '1' })]);
    expect(await load(other, [charge({ operationId: '1' })])).toMatchObject({ added: 1, strangers: 1 });
  });
});

describe('a number of the board’s own', () => {
  it('makes equal rows one charge, and different files may describe it in their own order', async () => {
    const here = await ground();
    const one = charge({ operationId: '7' });
    expect(await load(here, [one, one, charge({ operationId: '8' })])).toMatchObject({ added: 2, known: 1 });
    expect(await load(here, [charge({ operationId: '8' }), one, charge({ operationId: '9' })])).toMatchObject({
      added: 1,
      known: 2,
    });
  });

  it('that stands for something else is not loaded and is told with its line', async () => {
    const here = await ground();
    await load(here, [charge({ operationId: '7' })]);
    const result = await load(here, [
      charge({ operationId: '7', kopecks: 500 }),
      charge({ operationId: '8' }),
      charge({ operationId: '8', day: '2026-11-21' }),
    ]);
    expect(result).toMatchObject({ added: 1, known: 0, clashing: 2 });
    expect(result.clashes).toEqual([
      { line: 2, operationId: '7', wasDay: '2026-11-20', wasKopecks: 12_000 },
      { line: 4, operationId: '8', wasDay: null, wasKopecks: null },
    ]);
    await expect(load(here, [charge({ operationId: '7', service: 'Другое' })])).rejects.toMatchObject({
      code: 'report-nothing',
    });
    expect((await stored(here)).map(({ kopecks }) => kopecks)).toEqual([12_000, 12_000]);
  });
});

it('an advert is known by our id in the feed, by the board’s number or by ours', async () => {
  const here = await ground();
  const [one, two] = here.ids;
  await keepAvitoId(base.db, here.cabinet.agencyId, here.cabinet.id, one!, 4242);
  const named = (given: Partial<ReportedCharge>) => charge({ advert: null, ...given });
  const result = await load(here, [
    named({ boardNumber: '4242', kopecks: 1 }),
    named({ listingNumber: two!, kopecks: 2 }),
    named({ advert: 'A-2', boardNumber: '4242', kopecks: 3 }),
    // The board's numbers and ours are never mixed up.
    named({ boardNumber: 'A-1', kopecks: 4 }),
    named({ advert: '4242', kopecks: 5 }),
    named({ listingNumber: two! + 1_000_000, kopecks: 6 }),
  ]);
  expect(result).toMatchObject({ added: 6, strangers: 3 });
  expect((await stored(here)).map(({ kopecks, listingId, advert }) => [kopecks, listingId, advert])).toEqual([
    [1, one, '4242'],
    [2, two, `#${two}`],
    [3, two, 'A-2'],
    [4, null, 'A-1'],
    [5, null, '4242'],
    [6, null, `#${two! + 1_000_000}`],
  ]);
});

it('no charge is ever changed or removed', async () => {
  const here = await ground();
  await load(here, [charge()]);
  for (const sql of ['update board_charge set kopecks = 1', 'delete from board_charge', 'truncate board_charge']) {
    await expect(base.db.pool.query(sql)).rejects.toMatchObject({ code: '23001' });
  }
});
