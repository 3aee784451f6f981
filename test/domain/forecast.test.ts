import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addDays, startOfDay } from '../../src/domain/days.ts';
import {
  type AccountAhead,
  alike,
  type CabinetAhead,
  coster,
  type Forecast,
  forecast,
  type Standing,
} from '../../src/domain/forecast.ts';
import { Foreseen, Purses } from '../../src/domain/funding.ts';
import { inOrder } from '../../src/domain/rotation.ts';
import { type PriceFacts, priceOf, type Tariff, type TariffTerms, tariffOf } from '../../src/domain/tariff.ts';

const TODAY = '2026-11-22';
const ZONE = 'Europe/Moscow';
const FACTS: PriceFacts = { kind: 'flat', deal: 'sale', region: null, priceKopecks: 100 };

const flat = (kopecks: number, excess: number | null = null): TariffTerms => ({
  lines: [{ kopecks }],
  excess: excess === null ? null : [{ kopecks: excess }],
  promotion: [],
});
const tariff = (validFrom: string, terms: TariffTerms, id = 1): Tariff => ({ id, validFrom, terms });
const mark = (listingId: number, more: Partial<Standing> = {}): Standing => ({
  listingId,
  isPinned: false,
  markedAt: listingId,
  waitingSince: null,
  placedOn: null,
  placementFrom: null,
  placementUntil: null,
  accountId: 1,
  facts: FACTS,
  startsOn: null,
  endsOn: null,
  isShown: true,
  isWaiting: false,
  shortage: null,
  ...more,
});
const marks = (count: number, more: Partial<Standing> = {}) =>
  Array.from({ length: count }, (_, index) => mark(index + 1, more));
const cabinet = (more: Partial<CabinetAhead> = {}): CabinetAhead => ({
  id: 1,
  zone: ZONE,
  today: TODAY,
  package: null,
  turnDays: 7,
  usedPlacements: 0,
  tariffs: [tariff('2026-11-01', flat(100))],
  marks: marks(10),
  ...more,
});
const account = (availableKopecks: number, more: Partial<AccountAhead> = {}): AccountAhead => ({
  id: 1,
  name: 'агентство',
  availableKopecks,
  dayLimitKopecks: null,
  monthLimitKopecks: null,
  spent: {},
  monthly: null,
  toppedUpIn: null,
  ...more,
});
const play = (one: CabinetAhead | CabinetAhead[], accounts: AccountAhead | AccountAhead[], days = 30): Forecast =>
  forecast({ cabinets: [one].flat(), accounts: [accounts].flat(), today: TODAY, days });
const first = ({ accounts }: Forecast) => accounts[0]!;
const stopsOf = ({ stops }: Forecast) => stops.map(({ listingId, day }) => [listingId, day]);

describe('how long the money lasts', () => {
  it.each([
    // Today is paid for; ten marks cost 1000 a day from tomorrow on.
    [0, '2026-11-23', 1],
    [999, '2026-11-23', 1],
    [1000, '2026-11-24', 2],
    [5500, '2026-11-28', 6],
    [30_000, null, null],
  ])('%i kopecks end on %s', (kopecks, endsOn, coverDays) => {
    expect(first(play(cabinet(), account(kopecks)))).toMatchObject({ endsOn, coverDays, dayKopecks: 1000 });
  });

  it('tells who stops and when, in the order in which money is given', () => {
    const all = [mark(1, { isPinned: false }), mark(2), mark(3, { isPinned: true })];
    const told = play(cabinet({ marks: all }), account(500), 3);
    // 300 on the 23rd; then 200 for the pinned one and the first; then nothing for anybody.
    expect(stopsOf(told)).toEqual([
      [2, '2026-11-24'],
      [3, '2026-11-25'],
      [1, '2026-11-25'],
    ]);
    expect(first(told)).toMatchObject({ endsOn: '2026-11-24', spentKopecks: 500, leftKopecks: 0 });
  });

  it('whoever waited longest comes first the next day', () => {
    const told = play(cabinet({ marks: marks(3) }), account(1000, { dayLimitKopecks: 100 }), 2);
    expect(stopsOf(told)).toEqual([
      [2, '2026-11-23'],
      [3, '2026-11-23'],
      [1, '2026-11-24'],
    ]);
    expect(first(told)).toMatchObject({ endsOn: null, limitedOn: '2026-11-23', leftKopecks: 800 });
  });

  it('«если отметить эти 14, счёт филиала кончится 27.11; без трёх самых старых — 4.12»', () => {
    const now = marks(6);
    const more = Array.from({ length: 14 }, (_, index) => mark(100 + index));
    const ends = (all: Standing[]) => first(play(cabinet({ marks: all }), account(8500))).endsOn;
    expect(ends(now)).toBe('2026-12-07');
    expect(ends([...now, ...more])).toBe('2026-11-27');
    expect(ends(now.slice(3))).toBe('2026-12-21');
  });

  it('counts what is short today as the end, whatever the day in the cabinet is', () => {
    const shortage = { cause: 'balance', missingKopecks: 70 } as const;
    const told = play(
      cabinet({ marks: [mark(1), mark(2, { isShown: false, shortage })], today: '2026-11-23' }),
      account(30),
    );
    expect(first(told)).toMatchObject({ endsOn: '2026-11-23', coverDays: 1 });
    expect(told.stops[0]).toEqual({
      cabinetId: 1,
      listingId: 2,
      accountId: 1,
      day: '2026-11-23',
      cause: 'balance',
      missingKopecks: 70,
    });
  });

  it('follows terms that begin and end', () => {
    const all = [
      mark(1, { endsOn: '2026-11-24' }),
      mark(2, { startsOn: '2026-11-26', isShown: false }),
      mark(3, { startsOn: '2026-11-25', endsOn: '2026-11-25', isShown: false }),
    ];
    expect(first(play(cabinet({ marks: all }), account(10_000), 10))).toMatchObject({
      spentKopecks: (2 + 7 + 1) * 100,
    });
  });

  it('follows tariffs that begin later, to whom nobody can pay', () => {
    const tariffs = [tariff('2026-11-01', flat(100)), tariff('2026-11-25', flat(300), 2)];
    const told = play(cabinet({ marks: marks(1), tariffs }), account(1000), 10);
    // 100 + 100, then 300 + 300.
    expect(first(told)).toMatchObject({ endsOn: '2026-11-27', spentKopecks: 800 });
    const unpaid = play(cabinet({ marks: [mark(1, { accountId: null })], tariffs: [tariffs[1]!] }), account(0), 10);
    expect(unpaid.stops).toMatchObject([{ day: '2026-11-25', cause: 'no-account', accountId: null }]);
    expect(first(unpaid)).toMatchObject({ endsOn: null, limitedOn: null });
  });

  it('makes monthly top-ups once a month, from accounts that have the money, before the day is paid for', () => {
    const from = (fromId: number | null, on: number) => ({ kopecks: 3000, on, fromId });
    const told = play(cabinet(), [account(2000, { monthly: from(2, 25) }), account(4000, { id: 2 })], 40);
    // 2000 for two days, 3000 on the 25th for three more; on 25 December there is nothing left to move.
    expect(told.accounts).toMatchObject([
      { endsOn: '2026-11-28', toppedUpKopecks: 3000, spentKopecks: 5000 },
      { endsOn: null, toppedUpKopecks: -3000, leftKopecks: 1000 },
    ]);
    const late = account(0, { monthly: from(null, 20) });
    expect(first(play(cabinet(), late, 3))).toMatchObject({ endsOn: null, toppedUpKopecks: 3000 });
    expect(first(play(cabinet(), { ...late, toppedUpIn: '2026-11' }, 3))).toMatchObject({ endsOn: '2026-11-23' });
  });

  it('lets the cabinet whose day begins first take the money, and of two that begin together the older one', () => {
    const [older, younger] = [cabinet({ marks: marks(1) }), cabinet({ id: 2, marks: [mark(9)] })];
    expect(play([younger, older], account(100), 1).stops).toMatchObject([{ cabinetId: 2 }]);
    expect(play([older, { ...younger, zone: 'Asia/Vladivostok' }], account(100), 1).stops).toMatchObject([
      { cabinetId: 1 },
    ]);
  });

  it('plays the rotation of places: whoever has none costs nothing', () => {
    const all = [
      mark(1, { placedOn: TODAY, accountId: 1 }),
      mark(2, { accountId: 2, isShown: false, isWaiting: true }),
    ];
    const given = { package: { kind: 'concurrent', places: 1 }, turnDays: 3, marks: all } as const;
    const told = play(cabinet(given), [account(10_000), account(10_000, { id: 2 })], 9);
    // The turns: 22–24 the first, 25–27 the second, 28–30 the first, then the second again.
    expect(told.accounts.map(({ spentKopecks }) => spentKopecks)).toEqual([500, 400]);
    // Who waits for a place has nothing to lose for want of money.
    expect(play(cabinet(given), [account(10_000), account(0, { id: 2 })], 9).stops).toEqual([]);
  });

  it('charges a placement when it begins, and the next one when it is over', () => {
    const pack = { kind: 'placements', placements: 10, from: '2026-11-01', periodDays: 30, termDays: 5 } as const;
    const placed = { placedOn: TODAY, placementFrom: TODAY, placementUntil: '2026-11-26' };
    const told = play(cabinet({ package: pack, marks: [mark(1, placed)] }), account(250), 20);
    // 27 November, 2 December; nothing is left for 7 December.
    expect(stopsOf(told)).toEqual([[1, '2026-12-07']]);
    expect(first(told)).toMatchObject({ spentKopecks: 200, dayKopecks: 0 });
  });

  it('sells what exceeds the package, day by day', () => {
    const given = {
      package: { kind: 'concurrent', places: 1 },
      tariffs: [tariff('2026-11-01', flat(100, 400))],
    } as const;
    const told = play(cabinet({ ...given, marks: marks(2, { placedOn: TODAY }) }), account(10_000), 4);
    expect(first(told)).toMatchObject({ dayKopecks: 500, spentKopecks: 2000 });
  });
});

/** The same, without a package, mark by mark and by the very questions that a run asks. */
function naive(cabinets: readonly CabinetAhead[], accounts: readonly AccountAhead[], days: number) {
  const foreseen = new Foreseen();
  const stops: string[] = [];
  const waiting = new Map<string, number>();
  const ends = new Map<number, string>();
  const key = (one: CabinetAhead, { listingId }: Standing) => `${one.id}/${listingId}`;
  for (let day = addDays(TODAY, 1); day <= addDays(TODAY, days); day = addDays(day, 1)) {
    for (const one of cabinets) {
      const purses = new Purses(accounts.map((each) => foreseen.seen(each, [day])));
      const terms = tariffOf(one.tariffs, day)?.terms;
      const present = one.marks
        .filter(({ startsOn, endsOn }) => (startsOn ?? day) <= day && (endsOn ?? day) >= day)
        .map((each) => ({ ...each, waitingSince: waiting.get(key(one, each)) ?? null }))
        .sort(inOrder);
      for (const each of present) {
        const kopecks = terms ? priceOf(terms, 'day', each.facts)! : 0;
        const funds = purses.ask(each.accountId, kopecks, 'day', day);
        if (funds.state !== 'short') {
          waiting.delete(key(one, each));
          continue;
        }
        if (!stops.some((stop) => stop.startsWith(`${key(one, each)} `)))
          stops.push(`${key(one, each)} ${day} ${funds.cause} ${funds.missingKopecks}`);
        if (funds.cause === 'balance' && !ends.has(funds.accountId!)) ends.set(funds.accountId!, day);
        if (!waiting.has(key(one, each))) waiting.set(key(one, each), startOfDay(day, ZONE).getTime());
      }
      for (const { id } of accounts) foreseen.spend(id, purses.taken(id), day);
    }
  }
  const left = accounts.map((one) => foreseen.seen(one, []).availableKopecks);
  return { stops: stops.sort(), ends: accounts.map(({ id }) => ends.get(id) ?? null), left };
}

const DAYS = 12;
const dayOf = (ahead: number) => addDays(TODAY, ahead);
const some = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });
const anyTerms = fc.record({
  lines: fc
    .tuple(fc.nat(120), fc.nat(120))
    .map(([cheap, dear]) => [{ priceBelow: 50, kopecks: cheap }, { kopecks: dear }]),
  excess: some(fc.nat(200).map((kopecks) => [{ kopecks }])),
  promotion: fc.constant([]),
}) as fc.Arbitrary<TariffTerms>;
const anyMark = fc.record({
  isPinned: fc.boolean(),
  markedAt: fc.nat(3),
  accountId: fc.constantFrom(1, 2, 2, null),
  facts: fc.nat(100).map((priceKopecks) => ({ ...FACTS, priceKopecks })),
  startsOn: some(fc.integer({ min: 1, max: DAYS }).map(dayOf)),
  endsOn: some(fc.integer({ min: 1, max: DAYS }).map(dayOf)),
});
const anyAccount = fc.record({
  availableKopecks: fc.nat(3000),
  dayLimitKopecks: some(fc.nat(600)),
  monthLimitKopecks: some(fc.nat(2000)),
});
const anyPackage: fc.Arbitrary<CabinetAhead['package']> = fc.oneof(
  fc.constant(null),
  fc.nat(4).map((places) => ({ kind: 'concurrent' as const, places })),
  fc.record({
    kind: fc.constant('placements' as const),
    placements: fc.nat(5),
    from: fc.constant('2026-11-20'),
    periodDays: fc.constantFrom(5, 30),
    termDays: fc.constantFrom(1, 3),
  }),
);
const anyCabinet = fc.record({
  tariffs: fc
    .tuple(anyTerms, some(anyTerms), fc.integer({ min: 1, max: DAYS }))
    .map(([now, next, from]) => [tariff('2026-11-01', now), ...(next ? [tariff(dayOf(from), next, 2)] : [])]),
  marks: fc.array(anyMark, { maxLength: 6 }),
  package: anyPackage,
});

function built(
  cabinets: readonly Pick<CabinetAhead, 'tariffs' | 'package'>[],
  given: readonly { marks: readonly Partial<Standing>[] }[],
) {
  return cabinets.map(({ tariffs, package: pack }, index) =>
    cabinet({
      id: index + 1,
      tariffs,
      package: pack,
      turnDays: 2,
      marks: given[index]!.marks.map((one, number) =>
        mark(number + 1, { ...one, isShown: (one.startsOn ?? null) === null }),
      ),
    }),
  );
}

describe('whatever the agency is like', () => {
  it('a forecast is what runs would decide mark by mark', () => {
    fc.assert(
      fc.property(
        fc.array(anyCabinet, { minLength: 1, maxLength: 2 }),
        fc.tuple(anyAccount, anyAccount),
        (given, two) => {
          const cabinets = built(
            given.map((one) => ({ ...one, package: null })),
            given,
          );
          const accounts = two.map((one, index) => account(0, { ...one, id: index + 1 }));
          const told = play(cabinets, accounts, DAYS);
          expect({
            stops: told.stops
              .map(
                ({ cabinetId, listingId, day, cause, missingKopecks }) =>
                  `${cabinetId}/${listingId} ${day} ${cause} ${missingKopecks}`,
              )
              .sort(),
            ends: told.accounts.map(({ endsOn }) => endsOn),
            left: told.accounts.map(({ leftKopecks }) => leftKopecks),
          }).toEqual(naive(cabinets, accounts, DAYS));
        },
      ),
      { numRuns: 200, seed: 20261122 },
    );
  });

  it('marks that cost the same may be counted together, as long as nobody asks which of them stop', () => {
    fc.assert(
      fc.property(anyCabinet, fc.tuple(fc.nat(3000), fc.nat(3000)), (given, [one, two]) => {
        const of = [account(one), account(two, { id: 2 })];
        const [apart] = built([{ ...given, package: null }], [given]);
        const together = { ...apart!, marks: alike(apart!.marks, apart!.tariffs, TODAY) };
        const ends = (each: CabinetAhead) =>
          play(each, of, DAYS).accounts.map(({ endsOn, dayKopecks }) => [endsOn, dayKopecks]);
        expect(ends(together)).toEqual(ends(apart!));
        expect(together.marks.reduce((sum, { count = 1 }) => sum + count, 0)).toBe(apart!.marks.length);
      }),
      { numRuns: 200, seed: 20261122 },
    );
  });

  it('no account goes below nothing, pays more than its limits, or loses a kopeck', () => {
    fc.assert(
      fc.property(
        fc.array(anyCabinet, { minLength: 1, maxLength: 2 }),
        fc.tuple(anyAccount, anyAccount),
        (given, two) => {
          const monthly = { kopecks: 150, on: 25, fromId: 1 };
          const accounts = two.map((one, index) =>
            account(0, { ...one, id: index + 1, monthly: index === 1 ? monthly : null }),
          );
          for (const [index, one] of play(built(given, given), accounts, DAYS).accounts.entries()) {
            const { availableKopecks, dayLimitKopecks, monthLimitKopecks } = accounts[index]!;
            expect(one.leftKopecks).toBeGreaterThanOrEqual(0);
            expect(one.leftKopecks).toBe(availableKopecks + one.toppedUpKopecks - one.spentKopecks);
            expect(one.spentKopecks).toBeLessThanOrEqual((dayLimitKopecks ?? 1e9) * DAYS);
            // The days looked at are of two months.
            expect(one.spentKopecks).toBeLessThanOrEqual((monthLimitKopecks ?? 1e9) * 2);
          }
        },
      ),
      { numRuns: 200, seed: 20261122 },
    );
  });

  it('more money does not end earlier, and one mark less neither', () => {
    const noLimits = fc.nat(3000).map((availableKopecks) => account(availableKopecks));
    const ends = (one: CabinetAhead, of: AccountAhead) => first(play(one, of, DAYS)).endsOn ?? '9999';
    fc.assert(
      fc.property(anyCabinet, noLimits, fc.nat(500), (given, of, more) => {
        const [one] = built(
          [{ ...given, package: null }],
          [{ marks: given.marks.map((each) => ({ ...each, accountId: 1 })) }],
        );
        const now = ends(one!, of);
        expect(ends(one!, { ...of, availableKopecks: of.availableKopecks + more }) >= now).toBe(true);
        expect(ends({ ...one!, marks: one!.marks.slice(1) }, of) >= now).toBe(true);
      }),
      { numRuns: 200, seed: 20261122 },
    );
  });
});

describe('what marks cost ahead', () => {
  const tariffs = [tariff('2026-11-01', flat(100, 400)), tariff('2026-12-01', flat(150), 2)];
  const costs = coster(tariffs, '2026-11-23', '2026-12-21');

  it.each([
    ['to the end', null, 8 * 100 + 21 * 150],
    ['to the end of its term', '2026-11-25', 3 * 100],
    ['over a change of the tariff', '2026-12-02', 8 * 100 + 2 * 150],
    ['nothing after its term', '2026-11-22', 0],
  ] as const)('by the day, %s', (_, endsOn, kopecks) => {
    expect(costs.days(FACTS, 'day', endsOn)).toBe(kopecks);
  });

  it('nothing for days that an older placement has paid', () => {
    expect(costs.days(FACTS, 'day', null, '2026-11-22')).toBe(8 * 100 + 21 * 150);
    expect(costs.days(FACTS, 'day', null, '2026-11-29')).toBe(100 + 21 * 150);
    expect(costs.days(FACTS, 'day', '2026-12-02', '2026-12-01')).toBe(150);
    expect(costs.days(FACTS, 'day', '2026-12-02', '2026-12-09')).toBe(0);
    const paid = mark(1, { placementFrom: '2026-11-20', placementUntil: '2026-11-25' });
    expect(first(play(cabinet({ marks: [paid] }), account(1000), 5)).spentKopecks).toBe(200);
  });

  it('over the package only while it has a price', () => {
    expect(costs.days(FACTS, 'excess-day', null)).toBe(8 * 400);
  });

  it('by placements, each at the price of its first day', () => {
    // 27 November, 7 and 17 December.
    expect(costs.placements(FACTS, 'placement', null, '2026-11-27', 10)).toBe(100 + 150 + 150);
    expect(costs.placements(FACTS, 'placement', '2026-12-06', '2026-11-27', 10)).toBe(100);
    expect(costs.placements(FACTS, 'placement', null, '2026-12-22', 10)).toBe(0);
  });

  it('costs nothing before the first tariff', () => {
    expect(coster([tariff('2027-01-01', flat(100))], '2026-11-23', '2026-12-21').days(FACTS, 'day', null)).toBe(0);
  });
});
