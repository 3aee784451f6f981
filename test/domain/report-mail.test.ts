import { describe, expect, it } from 'vitest';
import { addDays, daysBetween, localTime, weekdayOf } from '../../src/domain/days.ts';
import {
  askedKey,
  dueSlot,
  heldUntil,
  judgeComplaint,
  latestSlot,
  letterOf,
  mailPeriod,
  mailTimeText,
  narrowedText,
  nextSlot,
  proveMailWish,
  retryAt,
  slotKey,
  TRIES_MAX,
} from '../../src/domain/report-mail.ts';

/** When a report by e-mail is due, what it covers, and what becomes of a letter that was not taken. */

const at = (text: string) => new Date(text);
const MONDAY_9 = { weekday: 1, atMinute: 540 };

describe('the next moment', () => {
  it.each([
    // Moscow keeps one offset.
    ['Europe/Moscow', 1, 540, '2026-11-22T20:00:00Z', '2026-11-23T06:00:00Z'],
    ['Europe/Moscow', 1, 540, '2026-11-23T05:59:59Z', '2026-11-23T06:00:00Z'],
    ['Europe/Moscow', 1, 540, '2026-11-23T06:00:00Z', '2026-11-30T06:00:00Z'],
    // It is Monday in Kamchatka already, and Sunday in Moscow still.
    ['Asia/Kamchatka', 1, 5, '2026-11-22T11:00:00Z', '2026-11-22T12:05:00Z'],
    // Berlin: winter time until 29 March 2026, then an hour earlier by Greenwich.
    ['Europe/Berlin', 1, 540, '2026-03-20T00:00:00Z', '2026-03-23T08:00:00Z'],
    ['Europe/Berlin', 1, 540, '2026-03-23T08:00:00Z', '2026-03-30T07:00:00Z'],
    // 02:30 on 29 March does not exist: the first moment after the gap.
    ['Europe/Berlin', 7, 150, '2026-03-28T00:00:00Z', '2026-03-29T01:00:00Z'],
    // 02:30 on 25 October comes twice: the first of them, and only that.
    ['Europe/Berlin', 7, 150, '2026-10-24T00:00:00Z', '2026-10-25T00:30:00Z'],
    ['Europe/Berlin', 7, 150, '2026-10-25T00:30:00Z', '2026-11-01T01:30:00Z'],
    ['Europe/Kaliningrad', 7, 1439, '2026-11-22T21:58:00Z', '2026-11-22T21:59:00Z'],
  ])('%s, weekday %i, minute %i after %s', (zone, weekday, atMinute, after, next) => {
    expect(nextSlot({ weekday, atMinute }, zone, at(after))).toEqual(at(next));
    expect(latestSlot({ weekday, atMinute }, zone, at(next))).toEqual(at(next));
    expect(latestSlot({ weekday, atMinute }, zone, new Date(at(next).getTime() - 1)).getTime()).toBeLessThan(
      at(next).getTime(),
    );
  });

  it('comes once a week through years of changing clocks, at that time of that day', () => {
    for (const zone of ['Europe/Moscow', 'Europe/Berlin', 'Europe/Lisbon', 'Asia/Yekaterinburg', 'America/New_York']) {
      const time = { weekday: 3, atMinute: 9 * 60 + 15 };
      let slot = latestSlot(time, zone, at('2025-01-10T00:00:00Z'));
      for (let week = 0; week < 120; week++) {
        const next = nextSlot(time, zone, slot);
        const { day, weekday, minute } = localTime(next, zone);
        expect([weekday, minute]).toEqual([3, 555]);
        expect(daysBetween(localTime(slot, zone).day, day)).toBe(7);
        expect(latestSlot(time, zone, new Date(next.getTime() - 1))).toEqual(slot);
        slot = next;
      }
    }
  });
});

describe('what is due', () => {
  const zone = 'Europe/Moscow';
  const slot = (week: number) => new Date(at('2026-11-02T06:00:00Z').getTime() + week * 7 * 86_400_000);
  const due = (lastSlot: Date, now: string, where = zone) => dueSlot({ ...MONDAY_9, lastSlot }, where, at(now));

  it('is nothing before the moment, the letter from it on, and nothing once it is taken', () => {
    expect(due(slot(0), '2026-11-09T05:59:00Z')).toBeNull();
    expect(due(slot(0), '2026-11-09T06:00:00Z')).toEqual({ slot: slot(1), isLetter: true });
    expect(due(slot(1), '2026-11-09T06:00:00Z')).toBeNull();
    expect(due(slot(1), '2026-11-15T23:00:00Z')).toBeNull();
  });

  it('is the newest alone of those that were missed', () => {
    expect(due(slot(0), '2026-12-03T12:00:00Z')).toEqual({ slot: slot(4), isLetter: true });
  });

  it('follows a clock that was set back, without a letter', () => {
    expect(due(slot(9), '2026-11-11T12:00:00Z')).toEqual({ slot: slot(1), isLetter: false });
    // Another machine's clock is some seconds behind: nothing to follow.
    expect(due(slot(1), '2026-11-09T05:59:20Z')).toBeNull();
  });

  it('is no second letter of the week when the branch has moved to another zone', () => {
    // Nine in Kaliningrad comes an hour later than nine in Moscow.
    expect(due(slot(1), '2026-11-09T08:00:00Z', 'Europe/Kaliningrad')).toEqual({
      slot: at('2026-11-09T07:00:00Z'),
      isLetter: false,
    });
    expect(due(slot(1), '2026-11-09T08:00:00Z', 'Asia/Omsk')).toBeNull();
  });
});

describe('the period', () => {
  it.each([
    // A Monday's letter tells of the week that ended the day before.
    ['2026-11-23T06:00:00Z', 'Europe/Moscow', 1, '2026-11-16', '2026-11-22'],
    ['2026-11-23T06:00:00Z', 'Europe/Moscow', 4, '2026-10-26', '2026-11-22'],
    ['2026-11-25T06:00:00Z', 'Europe/Moscow', 1, '2026-11-16', '2026-11-22'],
    // Sunday's own week is not over.
    ['2026-11-22T06:00:00Z', 'Europe/Moscow', 1, '2026-11-09', '2026-11-15'],
    // Monday in Kamchatka.
    ['2026-11-22T12:05:00Z', 'Asia/Kamchatka', 1, '2026-11-16', '2026-11-22'],
    ['2027-01-04T06:00:00Z', 'Europe/Moscow', 2, '2026-12-21', '2027-01-03'],
    ['2026-11-23T06:00:00Z', 'Europe/Moscow', 21, '2026-06-29', '2026-11-22'],
  ])('of %s in %s, %i weeks', (slot, zone, weeks, from, until) => {
    expect(mailPeriod(at(slot), zone, weeks)).toEqual({ from, until });
  });

  it('is whole weeks, at most 150 days', () => {
    for (let day = '2026-02-01', count = 0; count < 30; day = addDays(day, 1), count++) {
      const { from, until } = mailPeriod(at(`${day}T09:00:00Z`), 'Europe/Moscow', 21);
      expect([weekdayOf(from), weekdayOf(until), daysBetween(from, until) + 1]).toEqual([1, 7, 147]);
      expect(until < day).toBe(true);
      expect(daysBetween(until, day)).toBeLessThanOrEqual(7);
    }
  });
});

it('waits for the day’s record half a day, or an hour from when somebody is there again', () => {
  const slot = at('2026-11-23T06:00:00Z');
  expect(heldUntil(slot, slot)).toEqual(at('2026-11-23T18:00:00Z'));
  expect(heldUntil(slot, at('2026-11-01T00:00:00Z'))).toEqual(at('2026-11-23T18:00:00Z'));
  expect(heldUntil(slot, at('2026-11-24T10:00:00Z'))).toEqual(at('2026-11-24T11:00:00Z'));
  // Midnight in Kaliningrad comes within that after the first minute of the day in Kamchatka.
  expect(heldUntil(at('2026-11-22T12:01:00Z'), slot) > at('2026-11-22T22:00:00Z')).toBe(true);
  expect(heldUntil(at('2026-11-22T12:01:00Z'), at('2026-11-01T00:00:00Z')) > at('2026-11-22T22:00:00Z')).toBe(true);
});

it('refuses what cannot be', () => {
  const good = { weekday: 7, atMinute: 1439, weeks: 21 };
  expect(() => proveMailWish(good)).not.toThrow();
  for (const [wrong, code] of [
    [{ weekday: 0 }, 'bad-weekday'],
    [{ weekday: 8 }, 'bad-weekday'],
    [{ atMinute: 1440 }, 'bad-time'],
    [{ atMinute: 1.5 }, 'bad-time'],
    [{ weeks: 0 }, 'bad-weeks'],
    [{ weeks: 22 }, 'bad-weeks'],
  ] as const)
    expect(() => proveMailWish({ ...good, ...wrong })).toThrow(expect.objectContaining({ code }));
});

it('says when it comes', () => {
  expect(mailTimeText({ ...MONDAY_9, weeks: 4 })).toBe('по понедельникам в 09:00, за 4 недели');
  expect(mailTimeText({ weekday: 7, atMinute: 1085, weeks: 21 })).toBe('по воскресеньям в 18:05, за 21 неделю');
  expect(mailTimeText({ weekday: 2, atMinute: 0, weeks: 1 })).toBe('по вторникам в 00:00, за неделю');
});

it.each([
  [{}, null],
  [{ branch: [], employee: [] }, null],
  [{ branch: ['Центр'] }, 'филиал «Центр»'],
  [{ employee: ['Вера Лопатина'], branch: ['Центр', 'Север'] }, 'филиалы «Центр», «Север»; сотрудник Вера Лопатина'],
  [{ department: ['Аренда'], group: ['А', 'Б', 'В', 'Г'] }, 'отдел «Аренда»; группы CRM «А», «Б» и ещё 2'],
  [{ employee: ['А', 'Б', 'В'] }, 'сотрудники А, Б и ещё 1'],
  [{ board: ['Циан'], feed: ['Авито / main'] }, 'доска Циан; фид «Авито / main»'],
])('says what a report of %j is narrowed to', (narrowed, text) => {
  expect(narrowedText(narrowed, 2)).toBe(text);
});

it('knows a letter by its key', () => {
  const moment = at('2026-11-23T06:00:00.000Z');
  expect(letterOf(slotKey(7, moment))).toEqual({ subscriptionId: 7, at: moment });
  expect(letterOf(askedKey(7, moment))).toEqual({ subscriptionId: 7, at: moment });
  expect(slotKey(7, moment)).not.toBe(askedKey(7, moment));
  expect(letterOf('invitation:7')).toBeUndefined();
});

it('tries again after a minute, then ever later, for three days and a bit', () => {
  const start = at('2026-11-23T06:00:00Z');
  const pauses: number[] = [];
  let moment = start;
  for (let tries = 1; ; tries++) {
    const next = retryAt(tries, moment);
    if (next === null) break;
    pauses.push((next.getTime() - moment.getTime()) / 60_000);
    moment = next;
  }
  expect(pauses).toEqual([1, 5, 30, 120, 360, 1440, 1440, 1440]);
  expect(TRIES_MAX).toBe(pauses.length + 1);
  expect((moment.getTime() - start.getTime()) / 3_600_000).toBeGreaterThan(72);
});

it.each([
  [{ code: 'EENVELOPE', responseCode: 550, command: 'RCPT TO' }, 'recipient'],
  [{ code: 'EENVELOPE', responseCode: 450, command: 'RCPT TO' }, 'deferred'],
  [{ code: 'EENVELOPE', responseCode: 554, command: 'RCPT TO' }, 'settings'],
  ...(
    [
      // It passes nothing on for us: that is so of every letter.
      [554, '554 5.7.1 <anna@example.ru>: Relay access denied', 'settings'],
      [550, '550 5.7.1 Relaying denied', 'settings'],
      [553, "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", 'settings'],
      [550, '550-5.7.26 This mail is unauthenticated', 'settings'],
      [554, '554 5.1.8 Sender address rejected: Domain not found', 'settings'],
      [550, '550 5.1.1 no such user', 'recipient'],
      [550, '550 no such user', 'recipient'],
      [551, '551 user has moved', 'recipient'],
      [552, '552 5.2.2 mailbox full', 'recipient'],
      [553, '553 mailbox name not allowed', 'recipient'],
      [554, '554 5.1.1 no such user', 'recipient'],
      [554, '554 delivery error: 5.2.1 mailbox disabled', 'recipient'],
      [501, '501 5.1.3 bad address syntax', 'recipient'],
      [550, '550 5.4.1 Recipient address rejected: Access denied', 'recipient'],
      // The figures of an address of the net mean nothing.
      [550, '550 no such user, says 10.5.7.1', 'recipient'],
      [550, '550 no such user, says 5.7.1.10', 'recipient'],
    ] as const
  ).map(
    ([responseCode, response, verdict]) =>
      [{ code: 'EENVELOPE', responseCode, response, command: 'RCPT TO' }, verdict] as const,
  ),
  [{ code: 'EENVELOPE', command: 'API' }, 'recipient'],
  [{ code: 'EENVELOPE', responseCode: 553, command: 'MAIL FROM' }, 'settings'],
  [{ code: 'EENVELOPE', responseCode: 530, command: 'MAIL FROM' }, 'settings'],
  [{ code: 'EENVELOPE', responseCode: 451, command: 'MAIL FROM' }, 'silent'],
  [{ code: 'EMESSAGE', responseCode: 554, command: 'DATA' }, 'letter'],
  [{ code: 'EENVELOPE', responseCode: 554, command: 'DATA' }, 'letter'],
  [{ code: 'EMESSAGE', responseCode: 452, command: 'DATA' }, 'deferred'],
  [{ code: 'EAUTH', responseCode: 535, command: 'AUTH PLAIN' }, 'settings'],
  [{ code: 'EAUTH', responseCode: 454, command: 'AUTH PLAIN' }, 'silent'],
  [{ code: 'ETLS' }, 'settings'],
  [{ code: 'ECONNECTION' }, 'silent'],
  [{ code: 'ESOCKET', command: 'CONN' }, 'silent'],
  [{ code: 'ETIMEDOUT' }, 'silent'],
  [{ code: 'EABORT' }, 'silent'],
  [{ code: 'EPROTOCOL', responseCode: 421, command: 'CONN' }, 'silent'],
  [{ code: 'EPROTOCOL', responseCode: 554, command: 'CONN' }, 'settings'],
  [{}, 'silent'],
] as const)('takes %j for %s', (complaint, verdict) => {
  expect(judgeComplaint(complaint)).toBe(verdict);
});
