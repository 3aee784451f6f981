import { Temporal } from 'temporal-polyfill';

/**
 * Days and hours of a place. A day is `YYYY-MM-DD`, a zone an IANA name, a moment a `Date`.
 * Temporal is exact and slow, so it is asked once for each stretch of time in which a zone keeps one offset.
 */

/** Is it a zone this machine knows? */
export function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('ru', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** Is it a day of the calendar, `YYYY-MM-DD`? */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  try {
    Temporal.PlainDate.from(text, { overflow: 'reject' });
    return true;
  } catch {
    return false;
  }
}

/** A moment on the wall of a zone. */
export interface LocalTime {
  /** `YYYY-MM-DD`. */
  readonly day: string;
  /** ISO: 1 Monday … 7 Sunday. */
  readonly weekday: number;
  /** Minutes since midnight by the clock on the wall, 0–1439. */
  readonly minute: number;
}

export function localTime(moment: Date, zone: string): LocalTime {
  return onTheWall(moment.getTime() + stretchOf(moment.getTime(), zone).offsetMs);
}

/** The day it is in a zone. */
export const localDay = (moment: Date, zone: string): string => localTime(moment, zone).day;

/**
 * When the clock on the wall first shows a minute of a day, or the first moment after it where that minute is skipped.
 * @param minute 0–1440; 1440 is the next midnight
 */
export function momentOf(day: string, minute: number, zone: string): Date {
  const wall = Temporal.PlainDateTime.from(day).add({ minutes: minute });
  const first = wall.toZonedDateTime(zone, { disambiguation: 'earlier' });
  if (first.toPlainDateTime().equals(wall)) return new Date(first.epochMilliseconds);
  // Skipped: Temporal steps back by the width of the gap, and the gap is what comes next.
  return new Date(first.getTimeZoneTransition('next')!.epochMilliseconds);
}

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** A time in which a zone keeps one offset; inside it the clock on the wall is arithmetic. */
interface Stretch {
  readonly fromMs: number;
  /** Infinity where the zone changes its clocks no more. */
  readonly untilMs: number;
  readonly offsetMs: number;
}

const stretches = new Map<string, Stretch[]>();

function stretchOf(ms: number, zone: string): Stretch {
  let known = stretches.get(zone);
  if (!known) {
    known = [];
    stretches.set(zone, known);
  }
  const found = known.find(({ fromMs, untilMs }) => ms >= fromMs && ms < untilMs);
  if (found) return found;
  const local = Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone);
  const next = local.getTimeZoneTransition('next');
  // The transition before a moment that is one itself is an older one: a nanosecond later it is found.
  const last = local.add({ nanoseconds: 1 }).getTimeZoneTransition('previous');
  const made: Stretch = {
    fromMs: last?.epochMilliseconds ?? Number.NEGATIVE_INFINITY,
    untilMs: next?.epochMilliseconds ?? Number.POSITIVE_INFINITY,
    offsetMs: local.offsetNanoseconds / 1e6,
  };
  known.push(made);
  return made;
}

const dayNumber = (day: string) => Date.parse(`${day}T00:00:00Z`) / DAY_MS;
const dayOfNumber = (number: number) => new Date(number * DAY_MS).toISOString().slice(0, 10);

function onTheWall(wallMs: number): LocalTime {
  const number = Math.floor(wallMs / DAY_MS);
  return {
    day: dayOfNumber(number),
    // The first of January 1970 was a Thursday.
    weekday: ((((number + 3) % 7) + 7) % 7) + 1,
    minute: Math.floor((wallMs - number * DAY_MS) / MINUTE_MS),
  };
}

/** A question that the clock on the wall answers, and what its answer hangs on. */
export interface WallQuestion<T> {
  /** Compared by `===`. */
  readonly answer: (time: LocalTime) => T;
  /** Minutes of a day (0–1440) at which the answer may change; midnight is always one. */
  readonly edges: (day: string) => readonly number[];
  /** Days at whose beginning another week may begin to hold; between them every week is like the one before. */
  readonly turns: readonly string[];
}

/** Two weeks show every minute of a week, even where the clocks skip one. */
const SEEN_DAYS = 15;

/**
 * When the answer of the clock on the wall changes next, also where it is put forward or back; null: never.
 * @returns the first moment after the given one with another answer
 */
export function nextWallChange<T>(after: Date, zone: string, question: WallQuestion<T>): Date | null {
  let stretch = stretchOf(after.getTime(), zone);
  let wallMs = after.getTime() + stretch.offsetMs;
  const present = question.answer(onTheWall(wallMs));
  const today = Math.floor(wallMs / DAY_MS);
  const days = daysToLookAt(today, question.turns);
  for (;;) {
    const endMs = stretch.untilMs + stretch.offsetMs;
    for (const number of days) {
      if ((number + 1) * DAY_MS <= wallMs) continue;
      if (number * DAY_MS >= endMs) break;
      const edges = [0, ...question.edges(dayOfNumber(number))].sort((a, b) => a - b);
      for (const edge of edges) {
        const edgeMs = number * DAY_MS + edge * MINUTE_MS;
        if (edgeMs <= wallMs || edgeMs >= endMs || edge === 1440) continue;
        if (question.answer(onTheWall(edgeMs)) !== present) return new Date(edgeMs - stretch.offsetMs);
      }
    }
    if (endMs > (days.at(-1)! + 1) * DAY_MS) return null;
    const turnedMs = stretch.untilMs;
    stretch = stretchOf(turnedMs, zone);
    wallMs = turnedMs + stretch.offsetMs;
    if (question.answer(onTheWall(wallMs)) !== present) return new Date(turnedMs);
  }
}

function daysToLookAt(today: number, turns: readonly string[]): readonly number[] {
  const starts = [today, ...turns.map(dayNumber).filter((number) => number > today)].sort((a, b) => a - b);
  const days: number[] = [];
  for (const start of starts) {
    const from = Math.max(start, (days.at(-1) ?? start - 1) + 1);
    for (let number = from; number < start + SEEN_DAYS; number++) days.push(number);
  }
  return days;
}

/** The first moment of a day in a zone. */
export const startOfDay = (day: string, zone: string): Date => momentOf(day, 0, zone);

/** The next local midnight after a moment. */
export const nextMidnight = (moment: Date, zone: string): Date => startOfDay(addDays(localDay(moment, zone), 1), zone);

/** @example addDays('2026-11-30', 1) // '2026-12-01' */
export function addDays(day: string, days: number): string {
  return Temporal.PlainDate.from(day).add({ days }).toString();
}

/** Whole days from one day to another; negative when the other is earlier. */
export function daysBetween(from: string, to: string): number {
  return Temporal.PlainDate.from(from).until(Temporal.PlainDate.from(to)).days;
}

/** ISO weekday of a day: 1 Monday … 7 Sunday. */
export const weekdayOf = (day: string): number => Temporal.PlainDate.from(day).dayOfWeek;

/** `2026-11-21` as «21.11.2026». */
export function russianDay(day: string): string {
  const [year, month, date] = day.slice(0, 10).split('-');
  return `${date}.${month}.${year}`;
}

/** A moment as people of a zone read it: «21.11.2026 09:30». */
export function russianMoment(moment: Date, zone: string): string {
  const { day, minute } = localTime(moment, zone);
  return `${russianDay(day)} ${clockText(minute)}`;
}

/** Minutes since midnight as «09:30»; 1440 is «24:00». */
export function clockText(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
}

/** «пн», «вт» … by ISO weekday. */
export const WEEKDAYS = ['пн', 'вт', 'ср', 'чт', 'пт', 'сб', 'вс'] as const;
