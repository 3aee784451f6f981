import type { Calendar } from './calendar.ts';
import { addDays, clockText, isDay, localDay, localTime, momentOf, russianDay, startOfDay, WEEKDAYS } from './days.ts';

/** Weekdays, hours and moments as people write and read them: «пн-пт 09:00-20:00», «сб 11:00», «21.11.2026». */

const EVERY_DAY = [1, 2, 3, 4, 5, 6, 7];
const DAY_WORDS: Readonly<Record<string, readonly number[]>> = {
  ежедневно: EVERY_DAY,
  все: EVERY_DAY,
  будни: [1, 2, 3, 4, 5],
  выходные: [6, 7],
};

/** @returns ISO weekdays in their order; undefined when the text does not say any */
export function readWeekdays(text: string): number[] | undefined {
  const found = new Set<number>();
  for (const part of text
    .trim()
    .toLowerCase()
    .split(/\s*,\s*/)) {
    const [first, last, ...more] = part.split(/\s*[-–—]\s*/);
    const from = weekdayNamed(first);
    const to = last === undefined ? from : weekdayNamed(last);
    if (DAY_WORDS[part]) for (const day of DAY_WORDS[part]) found.add(day);
    else if (from === undefined || to === undefined || more.length > 0) return undefined;
    // «сб-пн» goes over the end of the week.
    else
      for (let day = from; ; day = (day % 7) + 1) {
        found.add(day);
        if (day === to) break;
      }
  }
  return [...found].sort();
}

function weekdayNamed(text: string | undefined): number | undefined {
  const place = (WEEKDAYS as readonly (string | undefined)[]).indexOf(text);
  return place < 0 ? undefined : place + 1;
}

/** «пн–пт», «вт, чт», «сб, вс», «ежедневно». */
export function weekdaysText(weekdays: readonly number[]): string {
  const days = [...new Set(weekdays)].sort();
  if (days.length === 7) return 'ежедневно';
  const runs: number[][] = [];
  for (const day of days) {
    if (runs.at(-1)?.at(-1) === day - 1) runs.at(-1)!.push(day);
    else runs.push([day]);
  }
  const name = (day: number | undefined) => WEEKDAYS[day! - 1]!;
  return runs
    .map((run) => (run.length > 2 ? `${name(run[0])}–${name(run.at(-1))}` : run.map(name).join(', ')))
    .join(', ');
}

/** A span of a day in minutes since midnight, the end not included. */
export type Span = readonly [from: number, to: number];

/** Minutes since midnight of «9», «09:30», «24:00»; undefined when it is no time of day. */
export function readClock(text: string): number | undefined {
  const found = /^(\d{1,2})(?::([0-5]\d))?$/.exec(text.trim());
  if (!found) return undefined;
  const minute = Number(found[1]) * 60 + Number(found[2] ?? 0);
  return minute <= 1440 ? minute : undefined;
}

/** «09:00-18:00», «9-18», «круглосуточно»; a span does not cross midnight. */
export function readHours(text: string): Span | undefined {
  if (text.trim().toLowerCase() === 'круглосуточно') return [0, 1440];
  const [from, to, ...more] = text.split(/[-–—]/).map(readClock);
  return from === undefined || to === undefined || more.length > 0 || from >= to ? undefined : [from, to];
}

/** «09:00–18:00» or «круглосуточно». */
export function hoursText([from, to]: Span): string {
  return from === 0 && to === 1440 ? 'круглосуточно' : `${clockText(from)}–${clockText(to)}`;
}

/** Spans of one day in their order; undefined when one is wrong or two overlap. */
export function readSpans(text: string): Span[] | undefined {
  const spans = text.split(',').map(readHours);
  if (spans.includes(undefined)) return undefined;
  const sorted = (spans as Span[]).sort((a, b) => a[0] - b[0]);
  return sorted.some(([from], index) => index > 0 && from < sorted[index - 1]![1]) ? undefined : sorted;
}

/** «пн-пт 09:00-20:00; сб 10:00-14:00, 15:00-18:00»: days that are not named are days off. */
export function readWeek(text: string): Calendar['week'] | undefined {
  const week: Calendar['week'] = EVERY_DAY.map(() => []);
  const named = new Set<number>();
  for (const part of text.split(';').filter((piece) => piece.trim() !== '')) {
    const found = /^\s*(\D+?)\s+(\d.*|круглосуточно)$/i.exec(part.trim());
    const days = found ? readWeekdays(found[1]!) : undefined;
    const spans = found ? readSpans(found[2]!) : undefined;
    if (!days || !spans || days.some((day) => named.has(day))) return undefined;
    for (const day of days) {
      named.add(day);
      week[day - 1] = spans.map(([from, to]) => [from, to]);
    }
  }
  return named.size === 0 ? undefined : week;
}

/** The opposite of `readWeek`: days with equal hours together, days off at the end. */
export function weekText(week: readonly (readonly (readonly number[])[])[]): string {
  const groups = new Map<string, number[]>();
  for (const [index, spans] of week.entries()) {
    const hours = spans.map(([from, to]) => hoursText([from!, to!])).join(', ') || 'выходной';
    groups.set(hours, [...(groups.get(hours) ?? []), index + 1]);
  }
  const told = [...groups].sort(([a], [b]) => Number(a === 'выходной') - Number(b === 'выходной'));
  return told.map(([hours, days]) => `${weekdaysText(days)} ${hours}`).join('; ');
}

/** A day as `2026-11-21` or «21.11.2026». */
export function readDay(text: string): string | undefined {
  const russian = /^(\d{2})\.(\d{2})\.(\d{4})$/.exec(text.trim());
  const day = russian ? `${russian[3]}-${russian[2]}-${russian[1]}` : text.trim();
  return isDay(day) ? day : undefined;
}

/**
 * A moment as people say it: ISO 8601; a day and a time of the zone's clock («2026-11-21T11:00», «21.11.2026 11:00»),
 * with seconds or without; «сб 11:00», the next one; a day alone is its beginning.
 */
export function readMoment(text: string, now: Date, zone: string): Date | undefined {
  const said = text.trim();
  const exact = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})$/.exec(said);
  if (exact) {
    const moment = new Date(said);
    return isDay(exact[1]!) && !Number.isNaN(moment.getTime()) ? moment : undefined;
  }
  const day = readDay(said);
  if (day !== undefined) return startOfDay(day, zone);
  const [, when, clock, second] = /^(\S+?)(?:T|\s+)(\d{1,2}:\d{2})(?::([0-5]\d(?:\.\d+)?))?$/.exec(said) ?? [];
  const minute = clock === undefined ? undefined : readClock(clock);
  if (when === undefined || minute === undefined || minute === 1440) return undefined;
  const onDay = (day: string) =>
    new Date(momentOf(day, minute, zone).getTime() + Math.floor(Number(second ?? 0) * 1000));
  const named = readDay(when);
  if (named !== undefined) return onDay(named);
  const weekday = weekdayNamed(when.toLowerCase());
  if (weekday === undefined) return undefined;
  const today = localTime(now, zone);
  const ahead = (weekday - today.weekday + 7) % 7;
  const next = onDay(addDays(today.day, ahead));
  return next >= now ? next : onDay(addDays(today.day, ahead + 7));
}

/** The clocks of two machines may differ by so much, milliseconds. */
const CLOCKS_DIFFER = 5 * 60_000;

/** Is it too late to ask what will be at the moment? What is known now answers for now and for later, not for the past. */
export const isBygone = (moment: Date, now: Date): boolean => moment.getTime() < now.getTime() - CLOCKS_DIFFER;

/** Today alone is no midnight that has passed: whoever asks about what is known now means now. */
export const isToday = (text: string, now: Date, zone: string): boolean => readDay(text) === localDay(now, zone);

/** The same for the end of something: a day alone is meant whole, the thing holds on it too. */
export function readEnd(text: string, now: Date, zone: string): Date | undefined {
  const day = readDay(text);
  return day === undefined ? readMoment(text, now, zone) : startOfDay(addDays(day, 1), zone);
}

/** «сб 21.11.2026 11:00» */
export function spokenMoment(moment: Date, zone: string): string {
  const { day, weekday, minute } = localTime(moment, zone);
  return `${WEEKDAYS[weekday - 1]} ${russianDay(day)} ${clockText(minute)}`;
}
