import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Foreseen, type Purse, Purses } from '../../src/domain/funding.ts';
import { formatKopecks } from '../../src/domain/money.ts';

const DAY = '2026-11-22';
const purse = (given: Partial<Purse> = {}): Purse => ({
  id: 1,
  name: 'Ирина',
  availableKopecks: 1000,
  dayLimitKopecks: null,
  monthLimitKopecks: null,
  spent: {},
  ...given,
});
const ask = (purses: Purses, kopecks: number, day = DAY, id: number | null = 1) => purses.ask(id, kopecks, 'day', day);

describe('purses', () => {
  it('pay until they are empty: 1000 pays eleven times 90', () => {
    const purses = new Purses([purse()]);
    const states = Array.from({ length: 20 }, () => ask(purses, 90).state);
    expect(states).toEqual([...Array(11).fill('paid'), ...Array(9).fill('short')]);
    expect(purses.taken(1)).toBe(990);
  });

  it('give what is free for nothing, to anybody', () => {
    const purses = new Purses([purse({ availableKopecks: 0 })]);
    expect(ask(purses, 0)).toEqual({ state: 'free' });
    expect(ask(purses, 0, DAY, null)).toEqual({ state: 'free' });
    expect(ask(purses, 0, DAY, 404)).toEqual({ state: 'free' });
    ask(purses, 5);
    expect(ask(purses, 0)).toEqual({ state: 'free' });
  });

  it('say that nobody has an account', () => {
    expect(ask(new Purses([purse()]), 50, DAY, null)).toMatchObject({
      state: 'short',
      cause: 'no-account',
      accountId: null,
      missingKopecks: 50,
      reason: `Нет счёта, с которого платить: день размещения стоит ${formatKopecks(50)}.`,
    });
  });

  it('let nobody be overtaken by a cheaper one, and tell everybody what is missing up to them', () => {
    const purses = new Purses([purse({ availableKopecks: 100 })]);
    expect(ask(purses, 60)).toEqual({ state: 'paid', accountId: 1, kopecks: 60 });
    const second = ask(purses, 50);
    expect(second).toMatchObject({ state: 'short', cause: 'balance', missingKopecks: 10 });
    expect(second).toHaveProperty(
      'reason',
      `На счёте «Ирина» не хватает ${formatKopecks(10)}: день размещения стоит ${formatKopecks(50)}, осталось ${formatKopecks(40)}.`,
    );
    // The 40 that are left would do for this one; but the second was first.
    const third = ask(purses, 5);
    expect(third).toMatchObject({ state: 'short', missingKopecks: 15 });
    expect(third).toHaveProperty(
      'reason',
      `На счёте «Ирина» не хватает ${formatKopecks(15)} вместе с теми, кто раньше в очереди: день размещения стоит ${formatKopecks(5)}, осталось ${formatKopecks(40)}.`,
    );
    expect(purses.taken(1)).toBe(60);
  });

  it.each([
    ['balance', { availableKopecks: 30 }, 'На счёте «Ирина»', 20],
    ['day-limit', { dayLimitKopecks: 100, spent: { [DAY]: 90 } }, 'В дневном лимите счёта «Ирина»', 40],
    ['month-limit', { monthLimitKopecks: 100, spent: { '2026-11': 95 } }, 'В месячном лимите счёта «Ирина»', 45],
  ] as const)('are short of %s', (cause, given, where, missing) => {
    const answer = ask(new Purses([purse(given)]), 50);
    expect(answer).toMatchObject({ state: 'short', cause, accountId: 1, missingKopecks: missing });
    expect(answer).toHaveProperty('reason', expect.stringContaining(`${where} не хватает ${formatKopecks(missing)}:`));
  });

  it('name the limit that misses most', () => {
    const both = purse({ availableKopecks: 40, dayLimitKopecks: 20, monthLimitKopecks: 30 });
    expect(ask(new Purses([both]), 50)).toMatchObject({ cause: 'day-limit', missingKopecks: 30 });
  });

  it('speak of a queue only when there is one, though the limit was lowered below what is spent', () => {
    const lowered = new Purses([purse({ dayLimitKopecks: 100, spent: { [DAY]: 300, '2026-11': 300 } })]);
    const first = ask(lowered, 50);
    expect(first).toMatchObject({ cause: 'day-limit', missingKopecks: 250 });
    expect(first).toHaveProperty('reason', expect.stringMatching(/не хватает 2,50\s₽: .* осталось 0\s₽\.$/));
    expect(ask(lowered, 50)).toHaveProperty('reason', expect.stringContaining('вместе с теми, кто раньше в очереди'));
  });

  it('count each day and month for itself', () => {
    const purses = new Purses([
      purse({ dayLimitKopecks: 100, monthLimitKopecks: 150, spent: { '2026-11-29': 60, '2026-11': 60 } }),
    ]);
    expect(purses.take(1, 50, '2026-11-29')).toBe(false);
    expect(purses.take(1, 40, '2026-11-29')).toBe(true);
    // The day has room, the month has 50 left.
    expect(purses.take(1, 60, '2026-11-30')).toBe(false);
    expect(purses.take(1, 50, '2026-11-30')).toBe(true);
    expect(purses.take(1, 100, '2026-12-01')).toBe(true);
    expect(purses.taken(1)).toBe(190);
  });

  it('take what is owed without a queue: a debt too big keeps no smaller one waiting', () => {
    const purses = new Purses([purse({ availableKopecks: 100 })]);
    expect(purses.take(1, 101, DAY)).toBe(false);
    expect(purses.take(1, 60, DAY)).toBe(true);
    expect(purses.take(null, 1, DAY)).toBe(false);
    expect(purses.take(404, 1, DAY)).toBe(false);
    expect(ask(purses, 41)).toMatchObject({ state: 'short', missingKopecks: 1 });
  });

  it('tell without taking whether there is enough', () => {
    const purses = new Purses([purse({ availableKopecks: 100, dayLimitKopecks: 60, spent: { [DAY]: 10 } })]);
    expect([purses.has(1, 50, DAY), purses.has(1, 51, DAY), purses.has(404, 1, DAY)]).toEqual([true, false, false]);
    expect(purses.taken(1)).toBe(0);
  });

  it('keep accounts apart', () => {
    const purses = new Purses([purse({ availableKopecks: 10 }), purse({ id: 2, availableKopecks: 10 })]);
    expect(ask(purses, 11).state).toBe('short');
    expect(ask(purses, 10, DAY, 2).state).toBe('paid');
    expect([purses.taken(1), purses.taken(2)]).toEqual([0, 10]);
  });

  it('never give more than any limit, nor refuse what is there to whoever is first', () => {
    const days = ['2026-11-29', '2026-11-30', '2026-12-01'];
    const limit = fc.option(fc.nat(400), { nil: null });
    const asked = fc.record({
      kopecks: fc.nat(120),
      day: fc.constantFrom(...days),
      isOwed: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.record({
          availableKopecks: fc.nat(500),
          dayLimitKopecks: limit,
          monthLimitKopecks: limit,
          before: fc.tuple(...days.map(() => fc.nat(200))),
        }),
        fc.array(asked, { maxLength: 20 }),
        ({ before, ...given }, questions) => {
          const spent: Record<string, number> = {};
          const add = (day: string, kopecks: number) => {
            for (const period of [day, day.slice(0, 7)]) spent[period] = (spent[period] ?? 0) + kopecks;
          };
          days.forEach((day, index) => {
            add(day, before[index]!);
          });
          const purses = new Purses([purse({ ...given, spent: { ...spent } })]);
          let left = given.availableKopecks;
          let queue = 0;
          for (const { kopecks, day, isOwed } of questions) {
            if (isOwed && kopecks === 0) continue;
            const missing = (wanted: number) =>
              Math.max(
                wanted - left,
                given.dayLimitKopecks === null ? 0 : (spent[day] ?? 0) + wanted - given.dayLimitKopecks,
                given.monthLimitKopecks === null ? 0 : (spent[day.slice(0, 7)] ?? 0) + wanted - given.monthLimitKopecks,
                0,
              );
            expect(purses.has(1, kopecks, day)).toBe(missing(kopecks) === 0);
            const lack = kopecks === 0 ? 0 : missing(isOwed ? kopecks : queue + kopecks);
            if (isOwed) expect(purses.take(1, kopecks, day)).toBe(lack === 0);
            else {
              const answer = ask(purses, kopecks, day);
              expect(answer.state).toBe(kopecks === 0 ? 'free' : lack === 0 ? 'paid' : 'short');
              if (answer.state === 'short') expect(answer.missingKopecks).toBe(lack);
              if (lack > 0) queue += kopecks;
            }
            if (lack === 0) {
              left -= kopecks;
              add(day, kopecks);
            }
          }
          expect(purses.taken(1)).toBe(given.availableKopecks - left);
        },
      ),
      { numRuns: 2000, seed: 20261122 },
    );
  });
});

describe('what is foreseen', () => {
  it('leaves an account as it would be if it had happened', () => {
    const days = ['2026-11-30', '2026-12-01'];
    const before = purse({ availableKopecks: 500, spent: { '2026-11-30': 20, '2026-11': 70 } });
    const foreseen = new Foreseen();
    expect(foreseen.seen(before, days)).toBe(before);
    foreseen.spend(1, 100, '2026-11-30');
    foreseen.spend(1, -30, '2026-11-30');
    foreseen.spend(1, 40, '2026-12-01');
    foreseen.spend(1, 5, '2026-11-29');
    foreseen.receive(1, 200);
    foreseen.receive(1, -50);
    foreseen.spend(2, 1000, '2026-11-30');
    expect(foreseen.seen(before, days)).toEqual({
      ...before,
      availableKopecks: 500 - 115 + 150,
      spent: { '2026-11-30': 90, '2026-11': 145, '2026-12-01': 40, '2026-12': 40 },
    });
    expect(before.spent).toEqual({ '2026-11-30': 20, '2026-11': 70 });
  });
});
