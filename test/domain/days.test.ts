import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { describe, expect, it } from 'vitest';
import {
  addDays,
  clockText,
  daysBetween,
  isDay,
  isTimeZone,
  localDay,
  localTime,
  momentOf,
  nextMidnight,
  nextWallChange,
  russianDay,
  russianMoment,
  startOfDay,
  weekdayOf,
} from '../../src/domain/days.ts';

const ZONES = [
  'Europe/Kaliningrad',
  'Europe/Moscow',
  'Europe/Samara',
  'Asia/Yekaterinburg',
  'Asia/Omsk',
  'Asia/Krasnoyarsk',
  'Asia/Irkutsk',
  'Asia/Yakutsk',
  'Asia/Vladivostok',
  'Asia/Magadan',
  'Asia/Kamchatka',
  // These put their clocks forward and back: at night, and at midnight itself.
  'Europe/Berlin',
  'Asia/Beirut',
  'America/Havana',
  'Australia/Lord_Howe',
];

const moments = fc.integer({ min: Date.UTC(2024, 0, 1), max: Date.UTC(2031, 0, 1) }).map((ms) => new Date(ms));
/** Half of them within two days of a change of clocks. */
const wildMoments = fc.oneof(
  moments,
  fc
    .tuple(
      fc.constantFrom(
        '2026-03-29T01:00Z',
        '2026-10-25T01:00Z',
        '2026-03-28T22:00Z',
        '2026-10-24T21:00Z',
        '2026-11-01T05:00Z',
      ),
      fc.integer({ min: -2 * 86_400, max: 2 * 86_400 }),
    )
    .map(([at, seconds]) => new Date(Date.parse(at) + seconds * 1000)),
);

describe('the clock on the wall', () => {
  it.each([
    ['2026-11-20T21:59:59Z', 'Europe/Kaliningrad', '2026-11-20', 5, '23:59'],
    ['2026-11-20T22:00:00Z', 'Europe/Kaliningrad', '2026-11-21', 6, '00:00'],
    ['2026-11-20T20:59:59Z', 'Europe/Moscow', '2026-11-20', 5, '23:59'],
    ['2026-11-20T21:00:00Z', 'Europe/Moscow', '2026-11-21', 6, '00:00'],
    ['2026-11-20T11:59:59Z', 'Asia/Kamchatka', '2026-11-20', 5, '23:59'],
    ['2026-11-20T12:00:00Z', 'Asia/Kamchatka', '2026-11-21', 6, '00:00'],
    ['2026-10-25T00:30:00Z', 'Europe/Berlin', '2026-10-25', 7, '02:30'],
    ['2026-10-25T01:30:00Z', 'Europe/Berlin', '2026-10-25', 7, '02:30'],
    ['2026-03-29T01:00:00Z', 'Europe/Berlin', '2026-03-29', 7, '03:00'],
    ['2014-10-25T22:00:00Z', 'Europe/Moscow', '2014-10-26', 7, '01:00'],
  ])('%s in %s is %s, weekday %i, %s', (at, zone, day, weekday, clock) => {
    const time = localTime(new Date(at), zone);
    expect([time.day, time.weekday, clockText(time.minute)]).toEqual([day, weekday, clock]);
  });

  it('agrees with Temporal everywhere', () => {
    fc.assert(
      fc.property(wildMoments, fc.constantFrom(...ZONES), (moment, zone) => {
        const known = Temporal.Instant.fromEpochMilliseconds(moment.getTime()).toZonedDateTimeISO(zone);
        expect(localTime(moment, zone)).toEqual({
          day: known.toPlainDate().toString(),
          weekday: known.dayOfWeek,
          minute: known.hour * 60 + known.minute,
        });
      }),
      { numRuns: 400 },
    );
  });

  it.each([
    // Put forward at 02:00: half past two is never shown.
    ['2026-03-29', 150, 'Europe/Berlin', '2026-03-29T01:00:00.000Z'],
    // Put back at 03:00: half past two is shown twice, the first time counts.
    ['2026-10-25', 150, 'Europe/Berlin', '2026-10-25T00:30:00.000Z'],
    // There is no midnight on this day.
    ['2026-03-29', 0, 'Asia/Beirut', '2026-03-28T22:00:00.000Z'],
    ['2026-03-29', 30, 'Asia/Beirut', '2026-03-28T22:00:00.000Z'],
    ['2026-03-28', 1440, 'Asia/Beirut', '2026-03-28T22:00:00.000Z'],
    ['2026-11-21', 540, 'Asia/Kamchatka', '2026-11-20T21:00:00.000Z'],
    ['2026-11-21', 1440, 'Europe/Moscow', '2026-11-21T21:00:00.000Z'],
  ])('%s, minute %i in %s is %s', (day, minute, zone, at) => {
    expect(momentOf(day, minute, zone).toISOString()).toBe(at);
  });

  it('knows the next midnight, also when clocks go back at it', () => {
    expect(nextMidnight(new Date('2026-11-21T09:00Z'), 'Europe/Moscow').toISOString()).toBe('2026-11-21T21:00:00.000Z');
    // 23:30 for the second time.
    expect(nextMidnight(new Date('2026-10-24T21:30Z'), 'Asia/Beirut').toISOString()).toBe('2026-10-24T22:00:00.000Z');
    expect(startOfDay('2026-11-21', 'Asia/Omsk').toISOString()).toBe('2026-11-20T18:00:00.000Z');
  });
});

describe('days', () => {
  it('are counted, compared and told', () => {
    expect(addDays('2026-12-31', 1)).toBe('2027-01-01');
    expect(addDays('2028-03-01', -1)).toBe('2028-02-29');
    expect(daysBetween('2026-11-21', '2026-12-01')).toBe(10);
    expect(daysBetween('2026-12-01', '2026-11-21')).toBe(-10);
    expect(weekdayOf('2026-11-21')).toBe(6);
    expect(russianDay('2026-11-21')).toBe('21.11.2026');
    expect(russianMoment(new Date('2026-11-21T06:05Z'), 'Europe/Moscow')).toBe('21.11.2026 09:05');
    expect(localDay(new Date('2026-11-20T21:00Z'), 'Europe/Moscow')).toBe('2026-11-21');
  });

  it.each([
    ['2026-11-21', true],
    ['2028-02-29', true],
    ['2026-02-29', false],
    ['2026-13-01', false],
    ['21.11.2026', false],
    ['2026-11-21T00:00', false],
  ])('%s: %s', (text, is) => {
    expect(isDay(text)).toBe(is);
  });

  it('knows zones', () => {
    expect([isTimeZone('Asia/Kamchatka'), isTimeZone('Europe/Mosvka'), isTimeZone('')]).toEqual([true, false, false]);
  });
});

describe('the next change of an answer', () => {
  const atNight = {
    answer: ({ minute }: { minute: number }) => minute >= 120 && minute < 150,
    edges: () => [120, 150],
    turns: [],
  };

  it.each([
    // Put forward: the night hour is skipped on that day.
    ['2026-03-29T00:30Z', '2026-03-30T00:00:00.000Z'],
    // Put back: it holds twice.
    ['2026-10-24T23:59Z', '2026-10-25T00:00:00.000Z'],
    ['2026-10-25T00:10Z', '2026-10-25T00:30:00.000Z'],
    ['2026-10-25T00:30Z', '2026-10-25T01:00:00.000Z'],
    ['2026-10-25T01:10Z', '2026-10-25T01:30:00.000Z'],
    ['2026-10-25T01:30Z', '2026-10-26T01:00:00.000Z'],
  ])('02:00–02:30 in Berlin after %s: %s', (after, at) => {
    expect(nextWallChange(new Date(after), 'Europe/Berlin', atNight)?.toISOString()).toBe(at);
  });

  it('is never where the answer is always the same', () => {
    const never = { answer: () => 1, edges: () => [0, 600], turns: ['2030-01-01'] };
    expect(nextWallChange(new Date('2026-11-21T09:00Z'), 'Europe/Berlin', never)).toBeNull();
  });
});
