import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReportedCharge } from '../../src/domain/board-report.ts';
import type { Outcome } from '../../src/domain/gates.ts';
import type { Basis, TransferKind } from '../../src/domain/ledger.ts';
import type { DayFacts } from '../../src/domain/reconcile.ts';
import { type ChargeLine, loadReport } from '../../src/store/board-reports.ts';
import { recordDays } from '../../src/store/days.ts';
import { keepAvitoId, markListings } from '../../src/store/marks.ts';
import { reconcileDays, reconcileFrame } from '../../src/store/reconcile.ts';
import { stock } from './stock.ts';
import { testDatabase } from './testdb.ts';

/** In Moscow the 22nd of November 2026, noon. */
const NOW = new Date('2026-11-22T12:00:00+03:00');
const at = (day: number, time = '09:00') => new Date(`2026-11-${day}T${time}:00+03:00`);
const on = (day: number) => `2026-11-${day}`;

let base: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  base = await testDatabase();
});
afterAll(() => base.drop());
const query = (sql: string, values: unknown[]) => base.db.pool.query(sql, values);

async function ground() {
  const house = await stock(base.db, {}, at(1 + 17));
  const id = await house.cabinet();
  const cabinet = { agencyId: house.agencyId, id };
  const ids = await house.listings([
    { externalId: 'A-1', region: 'Москва', priceKopecks: 500_000_000 },
    { externalId: 'A-2' },
    { externalId: 'A-3' },
  ]);
  await markListings(base.db, house.agencyId, id, ids, at(18));
  const key = [cabinet.agencyId, cabinet.id];
  let operation = 0;
  return {
    house,
    cabinet,
    ids,
    became: (index: number, when: Date, outcome: Outcome | 'unmarked') =>
      query(
        'insert into mark_transition (agency_id, cabinet_id, listing_id, at, outcome) values ($1, $2, $3, $4, $5)',
        [...key, ids[index], when, outcome],
      ),
    transfer: (
      index: number,
      kind: TransferKind,
      day: string,
      kopecks: number,
      more: { basis?: Basis; resolves?: string; reverses?: string; id?: string } = {},
    ) =>
      query(
        `insert into transfer (agency_id, id, kind, from_id, to_id, kopecks, day, at, cabinet_id, listing_id, basis, facts, resolves, reverses, by, reason)
         values ($1, $3, $4, 1, 2, $5, $6, $7, $2, $8, $9, $10, $11, $12, 'проверка', 'проверка')`,
        [
          ...key,
          more.id ?? `t${++operation}`,
          kind,
          kopecks,
          day,
          NOW,
          ids[index],
          more.basis ?? 'day',
          JSON.stringify({ kind: 'flat', deal: 'sale', region: null, priceKopecks: 1 }),
          more.resolves ?? null,
          more.reverses ?? null,
        ],
      ),
    load: (charges: readonly (Partial<ReportedCharge> & { day: string })[], when = NOW) =>
      loadReport(
        base.db,
        cabinet,
        {
          name: 'отчёт',
          charges: (async function* (): AsyncGenerator<ChargeLine> {
            for (const [line, given] of charges.entries()) {
              const bare = { time: '', advert: null, boardNumber: null, listingNumber: null, service: 'Публикация' };
              yield { line, charge: { ...bare, kopecks: 100, operationId: String(++operation), ...given } };
            }
          })(),
          sha256: () => String(operation),
        },
        { name: 'проверка' },
        when,
      ),
    async days(from: number, until: number, listingId: number | null = null): Promise<DayFacts[]> {
      const frame = await reconcileFrame(base.db, cabinet, NOW);
      const days: DayFacts[] = [];
      for await (const day of reconcileDays(base.db, cabinet, frame, on(from), on(until), listingId)) days.push(day);
      return days;
    },
  };
}
type Ground = Awaited<ReturnType<typeof ground>>;
const outcomes = ({ ids }: Ground, days: readonly DayFacts[]) =>
  days.map(({ day, isRecorded, listings }) => [
    day.slice(-2),
    isRecorded,
    listings.map(({ listingId, outcome }) => `${ids.indexOf(listingId)} ${outcome}`).join(', '),
  ]);

describe('what was shown', () => {
  it('is told by the record, and of days without one by what has happened since', async () => {
    const here = await ground();
    await here.became(0, at(19), 'published');
    await here.became(1, at(19), 'published');
    await here.became(1, at(20, '10:00'), 'paused');
    await here.load([
      { day: on(18), advert: 'A-2' },
      { day: on(22), advert: 'A-2' },
      { day: on(20), advert: 'A-3' },
    ]);
    const all = [
      ['18', false, '1 null'],
      ['19', true, '0 published, 1 published'],
      // Taken out in the course of the day: it was in an edition of that day.
      ['20', true, '0 published, 1 published, 2 null'],
      ['21', true, '0 published'],
      ['22', true, '0 published, 1 paused'],
    ];
    expect(outcomes(here, await here.days(18, 22))).toEqual(all);
    expect(outcomes(here, await here.days(21, 22))).toEqual(all.slice(3));
    expect(await recordDays(base.db, here.cabinet, at(21))).toBe(2);
    expect(outcomes(here, await here.days(18, 22))).toEqual(all);
    expect(await recordDays(base.db, here.cabinet, NOW)).toBe(1);
    expect(outcomes(here, await here.days(18, 22))).toEqual(all);
  });

  it('has each listing with its numbers and what its price depends on', async () => {
    const here = await ground();
    await keepAvitoId(base.db, here.cabinet.agencyId, here.cabinet.id, here.ids[0]!, 4242);
    await here.became(0, at(19), 'published');
    const [day] = await here.days(19, 19);
    expect(day!.listings).toEqual([
      {
        listingId: here.ids[0],
        externalId: 'A-1',
        advert: 'A-1',
        boardNumber: 4242,
        outcome: 'published',
        priceFacts: { kind: 'flat', deal: 'sale', region: 'Москва', priceKopecks: 500_000_000 },
        bill: null,
        chargedKopecks: 0,
        heldKopecks: 0,
        promotionKopecks: 0,
        waivedKopecks: 0,
        charges: [],
        placementFrom: null,
        isPlacementSeen: false,
      },
    ]);
  });
});

it('our money is what was charged less what was paid back, and holds that are still open', async () => {
  const here = await ground();
  const day = on(20);
  // Held and charged; held and freed; held; charged, paid back and charged again; a promotion, and one that waits.
  await here.transfer(0, 'hold', day, 100, { id: 'a' });
  await here.transfer(0, 'charge', day, 100, { resolves: 'a' });
  await here.transfer(0, 'charge', day, 700, { basis: 'promotion' });
  await here.transfer(0, 'hold', day, 800, { basis: 'promotion' });
  await here.transfer(1, 'hold', day, 200, { id: 'b' });
  await here.transfer(1, 'release', day, 200, { resolves: 'b' });
  await here.transfer(1, 'hold', day, 250);
  await here.transfer(2, 'charge', day, 300, { id: 'c' });
  await here.transfer(2, 'refund', day, 300, { reverses: 'c' });
  await here.transfer(2, 'charge', day, 350, { basis: 'excess-day' });
  await here.transfer(2, 'charge', on(21), 9);
  await query(
    `insert into waiver (agency_id, cabinet_id, listing_id, day, kopecks, reason, at) values ($1, $2, $3, $4, 77, 'пусто', $5)`,
    [here.cabinet.agencyId, here.cabinet.id, here.ids[1], day, NOW],
  );
  const [facts] = await here.days(20, 20);
  const facts100 = { kind: 'flat', deal: 'sale', region: null, priceKopecks: 1 };
  expect(
    facts!.listings.map(({ bill, chargedKopecks, heldKopecks, promotionKopecks, waivedKopecks }) => ({
      bill,
      sums: [chargedKopecks, heldKopecks, promotionKopecks, waivedKopecks],
    })),
  ).toEqual([
    { bill: { basis: 'day', facts: facts100 }, sums: [800, 0, 700, 0] },
    { bill: { basis: 'day', facts: facts100 }, sums: [0, 250, 0, 77] },
    { bill: { basis: 'excess-day', facts: facts100 }, sums: [350, 0, 0, 0] },
  ]);
});

describe('the board’s charges', () => {
  it('are our listing’s, somebody else’s, or nobody’s', async () => {
    const here = await ground();
    const other = await here.house.cabinet('avito', 'north');
    const [elsewhere] = await here.house.listings([{ externalId: 'N-1' }]);
    await markListings(base.db, here.cabinet.agencyId, other, [elsewhere!], at(18));
    await here.load([
      { day: on(20), advert: 'A-1' },
      { day: on(20), advert: 'A-1', kopecks: -100 },
      { day: on(20), advert: 'X' },
      { day: on(20), advert: 'N-1' },
      { day: on(20), boardNumber: '4242' },
      { day: on(20), service: 'Звонки', kopecks: 5 },
    ]);
    const read = async () => (await here.days(20, 20))[0]!;
    const facts = await read();
    expect(facts.listings.map(({ advert, charges }) => [advert, charges.map(({ kopecks }) => kopecks)])).toEqual([
      ['A-1', [100, -100]],
    ]);
    expect(facts.strangers.map(({ advert, cabinet }) => [advert, cabinet]).sort()).toEqual([
      ['4242', null],
      ['N-1', 'north'],
      ['X', null],
    ]);
    expect(facts.unaddressed).toEqual([{ service: 'Звонки', kopecks: 5 }]);
    // The board's own number may become known after the file.
    await keepAvitoId(base.db, here.cabinet.agencyId, here.cabinet.id, here.ids[1]!, 4242);
    expect((await read()).listings.map(({ advert }) => advert)).toEqual(['A-1', 'A-2']);
    const [alone] = await here.days(20, 20, here.ids[1]);
    expect([alone!.listings.length, alone!.strangers, alone!.unaddressed]).toEqual([1, [], []]);
  });

  it('cover a day only when they were loaded after it', async () => {
    const here = await ground();
    await here.load([{ day: on(19) }, { day: on(21) }], at(21, '23:59'));
    expect((await here.days(18, 22)).map(({ isReported }) => isReported)).toEqual([false, true, true, false, false]);
    await here.load([{ day: on(21) }], at(22, '00:01'));
    expect((await here.days(21, 21))[0]!.isReported).toBe(true);
  });
});

it('a placement is seen when a report has the listing on any of its days so far', async () => {
  const here = await ground();
  for (const index of [0, 1]) {
    await query(
      'insert into placement (agency_id, cabinet_id, listing_id, from_on, until_on) values ($1, $2, $3, $4, $5)',
      [here.cabinet.agencyId, here.cabinet.id, here.ids[index], on(19), on(21)],
    );
    await here.became(index, at(18), 'published');
  }
  await here.load([
    { day: on(18), advert: 'A-1' },
    { day: on(20), advert: 'A-1' },
  ]);
  const days = await here.days(18, 22);
  expect(
    days.map(({ listings }) => listings.map((one) => [one.placementFrom?.slice(-2) ?? null, one.isPlacementSeen])),
  ).toEqual([
    [
      [null, false],
      [null, false],
    ],
    [
      ['19', false],
      ['19', false],
    ],
    [
      ['19', true],
      ['19', false],
    ],
    [
      ['19', true],
      ['19', false],
    ],
    [
      [null, false],
      [null, false],
    ],
  ]);
});
