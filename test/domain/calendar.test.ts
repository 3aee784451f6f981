import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Calendar, calendarAt } from '../../src/domain/calendar.ts';
import { addDays } from '../../src/domain/days.ts';
import { readWeek, weekText } from '../../src/domain/week.ts';

const WORKING: Calendar = {
  week: readWeek('пн-пт 09:00-13:00, 14:00-20:00; сб 10:00-16:00')!,
  special: [
    { from: '2026-12-31', to: '2027-01-08', hours: [], note: 'Новый год' },
    { from: '2027-01-05', to: '2027-01-05', hours: [[600, 840]], note: 'дежурный день' },
    { from: '2026-11-22', to: '2026-11-22', hours: [[540, 1080]], note: 'рабочее воскресенье' },
  ],
};

describe('a calendar', () => {
  it.each([
    // 21 November 2026 is a Saturday.
    ['2026-11-20T05:59Z', false, '2026-11-20T06:00:00.000Z', 'нерабочее время, откроется 20.11.2026 в 09:00'],
    ['2026-11-20T06:00Z', true, '2026-11-20T10:00:00.000Z', null],
    ['2026-11-20T10:00Z', false, '2026-11-20T11:00:00.000Z', 'нерабочее время, откроется 20.11.2026 в 14:00'],
    ['2026-11-20T17:00Z', false, '2026-11-21T07:00:00.000Z', 'нерабочее время, откроется 21.11.2026 в 10:00'],
    ['2026-11-21T12:59Z', true, '2026-11-21T13:00:00.000Z', null],
    ['2026-11-21T13:00Z', false, '2026-11-22T06:00:00.000Z', 'нерабочее время, откроется 22.11.2026 в 09:00'],
    ['2026-11-22T06:00Z', true, '2026-11-22T15:00:00.000Z', null],
    ['2026-11-29T09:00Z', false, '2026-11-30T06:00:00.000Z', 'выходной, откроется 30.11.2026 в 09:00'],
    // A holiday inside which one day is a working one: the later line wins.
    ['2027-01-04T09:00Z', false, '2027-01-05T07:00:00.000Z', 'выходной: Новый год, откроется 05.01.2027 в 10:00'],
    ['2027-01-05T11:00Z', false, '2027-01-09T07:00:00.000Z', 'нерабочее время, откроется 09.01.2027 в 10:00'],
  ])('in Moscow at %s: open %s, until %s', (at, isOpen, changesAt, reason) => {
    const state = calendarAt(WORKING, new Date(at), 'Europe/Moscow');
    expect([state.isOpen, state.changesAt?.toISOString(), state.reason]).toEqual([isOpen, changesAt, reason]);
  });

  it('without any is always open; without an hour never', () => {
    const now = new Date('2026-11-21T09:00Z');
    expect(calendarAt(null, now, 'Europe/Moscow')).toEqual({ isOpen: true, reason: null, changesAt: null });
    const never: Calendar = { week: [[], [], [], [], [], [], []], special: [] };
    expect(calendarAt(never, now, 'Europe/Berlin')).toEqual({ isOpen: false, reason: 'выходной', changesAt: null });
  });

  it('sees a holiday however far it is', () => {
    const week = readWeek('ежедневно круглосуточно')!;
    const far = { week, special: [{ from: '2029-05-01', to: '2029-05-01', hours: [], note: 'Первое мая' }] };
    const now = new Date('2026-11-21T09:00Z');
    expect(calendarAt(far, now, 'Asia/Kamchatka').changesAt?.toISOString()).toBe('2029-04-30T12:00:00.000Z');
  });

  it('does not close at a midnight between two round-the-clock days', () => {
    const week = readWeek('пн-вт круглосуточно; ср 00:00-03:00')!;
    const state = calendarAt({ week, special: [] }, new Date('2026-11-23T09:00Z'), 'Europe/Moscow');
    expect(state.changesAt?.toISOString()).toBe('2026-11-25T00:00:00.000Z');
  });
});

const hours = fc
  .uniqueArray(
    fc.oneof(fc.integer({ min: 0, max: 1440 }), fc.constantFrom(0, 30, 60, 120, 150, 180, 1380, 1410, 1440)),
    {
      maxLength: 6,
    },
  )
  .map((minutes) => {
    const sorted = minutes.sort((a, b) => a - b);
    const spans: [number, number][] = [];
    for (let index = 0; index + 1 < sorted.length; index += 2) spans.push([sorted[index]!, sorted[index + 1]!]);
    return spans;
  });
const days = fc.integer({ min: -10, max: 30 });
const calendars = fc
  .record({
    week: fc.array(hours, { minLength: 7, maxLength: 7 }),
    special: fc.array(fc.record({ from: days, days: fc.integer({ min: 0, max: 5 }), hours }), { maxLength: 3 }),
    moment: fc
      .tuple(
        fc.constantFrom('2026-03-28T12:00Z', '2026-10-24T12:00Z', '2026-10-31T12:00Z', '2026-11-21T09:00Z'),
        fc.integer({ min: -86_400, max: 2 * 86_400 }),
      )
      .map(([at, seconds]) => new Date(Date.parse(at) + seconds * 1000)),
    zone: fc.constantFrom('Europe/Kaliningrad', 'Asia/Kamchatka', 'Europe/Berlin', 'Asia/Beirut', 'America/Havana'),
  })
  .map(({ week, special, moment, zone }) => {
    const today = moment.toISOString().slice(0, 10);
    const lines = special.map((line) => {
      const from = addDays(today, line.from);
      return { from, to: addDays(from, line.days), hours: line.hours, note: '' };
    });
    return { calendar: { week, special: lines } satisfies Calendar, moment, zone };
  });

describe('the moment of change', () => {
  it('is after now, changes the answer, and nothing changes before it', () => {
    fc.assert(
      fc.property(
        calendars,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 }),
        ({ calendar, moment, zone }, shares) => {
          const state = calendarAt(calendar, moment, zone);
          const end = state.changesAt?.getTime() ?? moment.getTime() + 40 * 86_400_000;
          if (state.changesAt) {
            expect(state.changesAt.getTime()).toBeGreaterThan(moment.getTime());
            expect(calendarAt(calendar, state.changesAt, zone).isOpen).toBe(!state.isOpen);
            expect(calendarAt(calendar, new Date(end - 1), zone).isOpen).toBe(state.isOpen);
          }
          for (const share of shares) {
            const between = new Date(Math.floor(moment.getTime() + (end - 1 - moment.getTime()) * share));
            expect(calendarAt(calendar, between, zone).isOpen).toBe(state.isOpen);
          }
        },
      ),
      { numRuns: 400 },
    );
  });
});

describe('a week as people write it', () => {
  it.each([
    ['пн-пт 09:00-20:00; сб 10:00-16:00', 'пн–пт 09:00–20:00; сб 10:00–16:00; вс выходной'],
    ['Сб-Пн 9-18', 'пн, сб, вс 09:00–18:00; вт–пт выходной'],
    ['ежедневно круглосуточно', 'ежедневно круглосуточно'],
    ['пн, ср, пт 14:00-20:00, 09:00-13:00', 'пн, ср, пт 09:00–13:00, 14:00–20:00; вт, чт, сб, вс выходной'],
  ])('%s', (written, read) => {
    const week = readWeek(written)!;
    expect(weekText(week)).toBe(read);
  });

  it.each([
    '',
    'пн',
    '09:00-20:00',
    'пн 20:00-09:00',
    'пн 09:00-25:00',
    'пн 09:00-12:00, 11:00-13:00',
    'пн-пт 09:00-18:00; вт 10:00-12:00',
    'понед 09:00-18:00',
  ])('refuses «%s»', (written) => {
    expect(readWeek(written)).toBeUndefined();
  });
});
