import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addDays, daysBetween } from '../../src/domain/days.ts';
import { afterwards, allocate, type Candidate, periodOf, preview, wasteOf } from '../../src/domain/rotation.ts';
import type { Package } from '../../src/domain/settings.ts';

const TODAY = '2026-11-21';
const HOUR = 3_600_000;
const NOON = Date.UTC(2026, 10, 21, 9);

const candidate = (listingId: number, more: Partial<Candidate> = {}): Candidate => ({
  listingId,
  isPinned: false,
  markedAt: NOON - 1000 * HOUR + listingId,
  waitingSince: null,
  placedOn: null,
  placementFrom: null,
  placementUntil: null,
  ...more,
});
const concurrent = (places: number): Package => ({ kind: 'concurrent', places });
const perPeriod = (placements: number, more: object = {}): Extract<Package, { kind: 'placements' }> => ({
  kind: 'placements',
  placements,
  from: '2026-11-01',
  periodDays: 30,
  termDays: 10,
  ...more,
});
const ids = (placed: ReadonlyMap<number, unknown>) => [...placed.keys()].sort((a, b) => a - b);

describe('concurrent places', () => {
  it('everybody has a place where there is no package', () => {
    const { placed, waiting } = allocate([candidate(1), candidate(2, { placedOn: '2026-11-01' })], null, 7, TODAY, 0);
    expect([...placed].map(([id, place]) => [id, place.placedOn])).toEqual([
      [1, TODAY],
      [2, '2026-11-01'],
    ]);
    expect(waiting).toEqual([]);
  });

  it('go by pin, then the longest wait, then the mark, then the number', () => {
    const all = [
      candidate(1),
      candidate(2, { waitingSince: NOON - HOUR }),
      candidate(3, { waitingSince: NOON - 2 * HOUR }),
      candidate(4, { isPinned: true }),
      candidate(5, { markedAt: 1 }),
      candidate(6, { markedAt: 1 }),
    ];
    const { placed, waiting } = allocate(all, concurrent(1), 7, TODAY, 0);
    expect(ids(placed)).toEqual([4]);
    expect(waiting).toEqual([3, 2, 5, 6, 1]);
  });

  it.each([
    // The last day of a turn of seven days that began on the 15th is the 21st.
    ['2026-11-21', [1], '2026-11-15'],
    ['2026-11-22', [2], '2026-11-22'],
  ])('on %s the place belongs to %j', (today, expected, placedOn) => {
    const all = [candidate(1, { placedOn: '2026-11-15' }), candidate(2, { waitingSince: NOON })];
    const { placed } = allocate(all, concurrent(1), 7, today, 0);
    expect(ids(placed)).toEqual(expected);
    expect(placed.get(expected[0]!)!.placedOn).toBe(placedOn);
  });

  it('a turn that ended without anybody waiting begins anew', () => {
    const { placed } = allocate([candidate(1, { placedOn: '2026-11-01' })], concurrent(1), 7, TODAY, 0);
    expect(placed.get(1)).toEqual({ placedOn: TODAY, placementFrom: null, placementUntil: null });
  });

  it('a freed place goes to the next at once', () => {
    const all = [candidate(2, { placedOn: TODAY }), candidate(3, { waitingSince: NOON }), candidate(4)];
    const { placed, waiting } = allocate(all, concurrent(2), 7, TODAY, 0);
    expect(ids(placed)).toEqual([2, 3]);
    expect(waiting).toEqual([4]);
  });

  it('a pinned one takes a free place at once, and a taken one with the new day from whose turn ends soonest', () => {
    const holders = [
      candidate(1, { placedOn: '2026-11-20' }),
      candidate(2, { placedOn: '2026-11-18' }),
      candidate(3, { placedOn: '2026-11-17', isPinned: true }),
    ];
    const pinned = candidate(4, { isPinned: true });
    expect(ids(allocate([...holders, pinned], concurrent(4), 7, TODAY, 0).placed)).toEqual([1, 2, 3, 4]);
    expect(ids(allocate([...holders, pinned], concurrent(3), 7, TODAY, 0).placed)).toEqual([1, 2, 3]);
    const { placed, waiting } = allocate([...holders, pinned], concurrent(3), 7, TODAY, 0, true);
    expect(ids(placed)).toEqual([1, 3, 4]);
    expect(waiting).toEqual([2]);
  });

  it('fewer places: who came last loses, pinned ones stay', () => {
    const all = [
      candidate(1, { placedOn: '2026-11-20', isPinned: true }),
      candidate(2, { placedOn: '2026-11-18' }),
      candidate(3, { placedOn: '2026-11-19' }),
      candidate(4, { placedOn: '2026-11-19' }),
      candidate(5, { waitingSince: 1 }),
    ];
    const { placed, waiting } = allocate(all, concurrent(3), 7, TODAY, 0);
    expect(ids(placed)).toEqual([1, 2, 3]);
    expect(waiting).toEqual([5, 4]);
  });

  it('who was away comes back before those who wait, and drives nobody out', () => {
    const away = candidate(1, { placedOn: '2026-11-19', wasAway: true });
    const waiter = candidate(2, { waitingSince: 1 });
    const back = allocate([away, waiter], concurrent(1), 7, TODAY, 0);
    expect([...back.placed]).toEqual([[1, { placedOn: '2026-11-19', placementFrom: null, placementUntil: null }]]);
    const filled = allocate([away, candidate(2, { placedOn: '2026-11-20' })], concurrent(1), 7, TODAY, 0);
    expect(ids(filled.placed)).toEqual([2]);
  });
});

/** A cabinet lived through: candidates as stored after each run. */
const anyCandidates = fc
  .array(
    fc.record({
      isPinned: fc.boolean(),
      markedAt: fc.integer({ min: 0, max: 5 }),
      waitingSince: fc.option(fc.integer({ min: 0, max: 5 })),
      placedDaysAgo: fc.option(fc.integer({ min: 0, max: 12 })),
      paidDaysAgo: fc.option(fc.integer({ min: 0, max: 40 })),
    }),
    { maxLength: 14 },
  )
  .map((all) =>
    all.map(({ isPinned, markedAt, waitingSince, placedDaysAgo, paidDaysAgo }, index) =>
      candidate(index + 1, {
        isPinned,
        markedAt,
        waitingSince: placedDaysAgo === null ? waitingSince : null,
        placedOn: placedDaysAgo === null ? null : addDays(TODAY, -placedDaysAgo),
        placementFrom: paidDaysAgo === null ? null : addDays(TODAY, -paidDaysAgo),
        placementUntil: paidDaysAgo === null ? null : addDays(TODAY, 9 - paidDaysAgo),
      }),
    ),
  );
const anyPackage = fc.oneof(
  fc.integer({ min: 0, max: 8 }).map(concurrent),
  fc.integer({ min: 0, max: 8 }).map((count) => perPeriod(count)),
);
describe('whatever the candidates', () => {
  it('everybody is placed or waits, no more than there are places, in the order, and twice is the same', () => {
    fc.assert(
      fc.property(
        anyCandidates,
        anyPackage,
        fc.integer({ min: 1, max: 9 }),
        fc.boolean(),
        fc.nat(9),
        (all, pack, turn, first, used) => {
          const { placed, waiting } = allocate(all, pack, turn, TODAY, used, first);
          expect([...ids(placed), ...waiting].sort((a, b) => a - b)).toEqual(all.map(({ listingId }) => listingId));
          const fresh = [...placed].filter(([id]) => all[id - 1]!.placementFrom !== placed.get(id)!.placementFrom);
          if (pack.kind === 'concurrent') {
            expect(placed.size).toBe(Math.min(pack.places, all.length));
            expect(fresh).toEqual([]);
          } else expect(fresh.length).toBeLessThanOrEqual(Math.max(0, pack.placements - used));

          // Nobody gets a new place while one waits who comes before.
          const rank = ({ isPinned, placedOn, waitingSince, markedAt, listingId }: Candidate) =>
            [isPinned ? 0 : 1, placedOn === null ? (waitingSince ?? 1e9) : 1e9, markedAt, listingId] as const;
          const isBefore = (a: Candidate, b: Candidate) => {
            const [left, right] = [rank(a), rank(b)];
            const at = left.findIndex((value, index) => value !== right[index]);
            return at >= 0 && left[at]! < right[at]!;
          };
          const got = all.filter(({ listingId, placedOn, placementFrom }) => {
            const place = placed.get(listingId);
            return (
              place &&
              (pack.kind === 'concurrent' ? place.placedOn !== placedOn : place.placementFrom !== placementFrom)
            );
          });
          for (const loser of waiting) for (const winner of got) expect(isBefore(all[loser - 1]!, winner)).toBe(false);

          // The next run of the day changes nothing, in whatever order it reads the marks.
          const next = all.map((one) => afterwards(one, placed.get(one.listingId), NOON)).reverse();
          const again = allocate(next, pack, turn, TODAY, used + fresh.length, first);
          expect(new Map(again.placed)).toEqual(new Map(placed));
          expect(again.waiting).toEqual(waiting);
          // Neither on another day within the turn while nobody comes or goes, unless turns end then.
          for (const [id, place] of placed) {
            if (pack.kind !== 'concurrent' || first || daysBetween(place.placedOn, TODAY) + 1 >= turn) continue;
            expect(allocate(next, pack, turn, addDays(TODAY, 1), 0).placed.get(id)).toEqual(place);
          }
        },
      ),
      { seed: 3, numRuns: 2000 },
    );
  });

  it('nobody waits for ever', () => {
    fc.assert(
      fc.property(
        anyCandidates.map((all) => all.map((one) => ({ ...one, isPinned: false }))),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 4 }),
        (all, count, turn) => {
          const days = turn * Math.ceil(all.length / count) + 1;
          const plan = preview(all, concurrent(count), turn, TODAY, {
            days,
            used: 0,
            midnight: (day) => new Date(`${day}T00:00:00+03:00`),
          });
          const shown = new Set(plan.flatMap(({ placed }) => placed.map(({ listingId }) => listingId)));
          expect(shown.size).toBe(all.length);
        },
      ),
      { seed: 4, numRuns: 500 },
    );
  });

  it('over a year of pauses and returns no placement is charged twice, given back or sold beyond the package', () => {
    const away = fc.array(fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: 5 }), { minLength: 20, maxLength: 80 });
    fc.assert(
      fc.property(away, fc.integer({ min: 0, max: 5 }), fc.integer({ min: 1, max: 40 }), (absent, count, termDays) => {
        const pack = perPeriod(count, { termDays, periodDays: 25 });
        let all = Array.from({ length: 8 }, (_, index) => candidate(index + 1));
        const charges: { id: number; from: string; until: string }[] = [];
        for (const [ahead, missing] of absent.entries()) {
          const day = addDays(pack.from, ahead);
          const period = periodOf(pack, day)!;
          const inPeriod = () => charges.filter(({ from }) => from >= period.from && from <= period.until).length;
          const present = all.filter(({ listingId }) => !missing.includes(listingId));
          const { placed } = allocate(present, pack, 7, day, inPeriod(), true);
          for (const one of present) {
            const place = placed.get(one.listingId);
            const running = charges.find(({ id, from, until }) => id === one.listingId && day >= from && day <= until);
            if (running) expect(place).toMatchObject({ placementFrom: running.from, placementUntil: running.until });
            else if (place) {
              expect(place).toEqual({ placedOn: day, placementFrom: day, placementUntil: addDays(day, termDays - 1) });
              charges.push({ id: one.listingId, from: day, until: place.placementUntil! });
            }
          }
          expect(inPeriod()).toBeLessThanOrEqual(count);
          all = all.map((one) =>
            missing.includes(one.listingId)
              ? { ...one, placedOn: null, waitingSince: null }
              : afterwards(one, placed.get(one.listingId), NOON + ahead),
          );
        }
      }),
      { seed: 5, numRuns: 300 },
    );
  });
});

describe('placements', () => {
  it.each([
    ['2026-10-31', null],
    ['2026-11-01', { from: '2026-11-01', until: '2026-11-30' }],
    ['2026-11-30', { from: '2026-11-01', until: '2026-11-30' }],
    ['2026-12-01', { from: '2026-12-01', until: '2026-12-30' }],
    ['2027-01-05', { from: '2026-12-31', until: '2027-01-29' }],
  ])('%s lies in the period %j', (day, expected) => {
    expect(periodOf(perPeriod(1), day)).toEqual(expected);
  });

  it('nothing is given out before the first day, but what runs goes on', () => {
    const all = [candidate(1), candidate(2, { placementFrom: '2026-11-20', placementUntil: '2026-11-29' })];
    const { placed } = allocate(all, perPeriod(9, { from: '2026-12-01' }), 7, TODAY, 0);
    expect(ids(placed)).toEqual([2]);
  });
});

describe('the preview', () => {
  const options = { used: 0, midnight: (day: string) => new Date(`${day}T00:00:00+03:00`) };

  it('tells who comes, who goes and why', () => {
    const all = [
      candidate(1, { placedOn: '2026-11-20' }),
      candidate(2, { placedOn: '2026-11-21' }),
      candidate(3, { waitingSince: NOON }),
      candidate(4, { isPinned: true, waitingSince: NOON }),
    ];
    const plan = preview(all, concurrent(2), 2, TODAY, { ...options, days: 4 });
    expect(
      plan.map(({ day, enters, leaves, waiting }) => [day, enters.map((one) => one.listingId), leaves, waiting]),
    ).toEqual([
      ['2026-11-21', [], [], [4, 3]],
      ['2026-11-22', [4], [1], [3, 1]],
      ['2026-11-23', [3], [2], [1, 2]],
      ['2026-11-24', [], [], [1, 2]],
    ]);
    expect(plan[1]!.enters[0]).toEqual({
      listingId: 4,
      why: 'pinned',
      waitedSince: NOON,
      placedOn: '2026-11-22',
      until: '2026-11-23',
    });
    expect(plan[1]!.placed.find(({ listingId }) => listingId === 2)!.why).toBe('turn');
  });

  it('counts the placements of each period', () => {
    const all = [1, 2, 3, 4].map((id) => candidate(id));
    const plan = preview(all, perPeriod(1, { periodDays: 3, from: TODAY, termDays: 2 }), 7, TODAY, {
      ...options,
      days: 7,
    });
    expect(plan.map(({ placed }) => placed.map(({ listingId }) => listingId))).toEqual([
      [1],
      [1],
      [],
      [2],
      [2],
      [],
      [3],
    ]);
  });
});

it.each([
  ['2026-11-30', '2026-11-27', 6, 'Оплаченное размещение идёт до 30.11.2026, пауза сжигает 6 дней.'],
  ['2026-11-30', null, 10, 'Оплаченное размещение идёт до 30.11.2026, пауза сжигает 10 дней.'],
  ['2026-11-21', '2026-12-01', 1, 'Оплаченное размещение идёт до 21.11.2026, пауза сжигает 1 день.'],
])('paid until %s, away until %s: %i days are lost', (until, returnsOn, days, text) => {
  expect(wasteOf(until, returnsOn, TODAY)).toEqual({ days, text });
});
it.each([
  [null, '2026-11-27'],
  ['2026-11-20', null],
  ['2026-11-30', TODAY],
])('paid until %s, away until %s: nothing is lost', (until, returnsOn) => {
  expect(wasteOf(until, returnsOn, TODAY)).toBeNull();
});
