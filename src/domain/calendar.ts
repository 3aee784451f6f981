import Type, { type Static } from 'typebox';
import { addDays, clockText, isDay, localTime, nextWallChange, russianDay, WEEKDAYS, weekdayOf } from './days.ts';

/** Working days and hours of a branch or of a cabinet: outside of them nothing of theirs is on the boards. */

const Minute = Type.Integer({ minimum: 0, maximum: 1440 });
/** Hours of one day as [from, to) in minutes of the wall clock; an empty list is a day off. */
const Hours = Type.Array(Type.Tuple([Minute, Minute]), { maxItems: 5 });
const Day = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' });

export const CalendarSchema = Type.Object(
  {
    /** Monday first. */
    week: Type.Array(Hours, { minItems: 7, maxItems: 7 }),
    /** Days that differ from the week: holidays (no hours) and working Saturdays. Both ends inclusive. */
    special: Type.Array(
      Type.Object(
        { from: Day, to: Day, hours: Hours, note: Type.String({ maxLength: 200 }) },
        { additionalProperties: false },
      ),
      { maxItems: 400 },
    ),
  },
  { additionalProperties: false },
);
export type Calendar = Static<typeof CalendarSchema>;

/** What is wrong with a calendar besides its shape, in sentences; empty when nothing is. */
export function calendarFaults({ week, special }: Calendar): string[] {
  const faults: string[] = [];
  const check = (hours: readonly (readonly number[])[], whose: string) => {
    hours.forEach(([from, to], index) => {
      const told = `${clockText(from!)}–${clockText(to!)}`;
      if (from! >= to!) faults.push(`${whose}: промежуток ${told} кончается не позже, чем начинается.`);
      else if (index > 0 && from! < hours[index - 1]![1]!)
        faults.push(`${whose}: промежуток ${told} накладывается на прежний или стоит раньше него.`);
    });
  };
  week.forEach((hours, index) => {
    check(hours, WEEKDAYS[index]!);
  });
  for (const { from, to, hours, note } of special) {
    const whose = `«${note}»`;
    const wrong = [from, to].find((day) => !isDay(day));
    if (wrong !== undefined) faults.push(`${whose}: «${wrong}» — не день календаря.`);
    else if (to < from) faults.push(`${whose}: последний день раньше первого.`);
    check(hours, whose);
  }
  return faults;
}

export interface CalendarState {
  readonly isOpen: boolean;
  /** «выходной: 8 Марта», «нерабочее время, работа с 09:00» — null when open. */
  readonly reason: string | null;
  /** When the answer changes next; null: never. */
  readonly changesAt: Date | null;
}

const FOREVER: CalendarState = { isOpen: true, reason: null, changesAt: null };

function hoursOf(calendar: Calendar, day: string): { hours: readonly (readonly number[])[]; note: string | null } {
  // A later line beats an earlier one: the newest exception is what the person meant.
  const special = calendar.special.findLast(({ from, to }) => day >= from && day <= to);
  return special
    ? { hours: special.hours, note: special.note }
    : { hours: calendar.week[weekdayOf(day) - 1]!, note: null };
}

/** Is a calendar open at a moment, why not, and when does that change? Without a calendar everything is always open. */
export function calendarAt(calendar: Calendar | null, moment: Date, zone: string): CalendarState {
  if (calendar === null) return FOREVER;
  const { day, minute } = localTime(moment, zone);
  const today = hoursOf(calendar, day);
  const isOpen = isWithin(today.hours, minute);
  const changesAt = nextChange(calendar, moment, zone);
  if (isOpen) return { isOpen, reason: null, changesAt };
  const until = changesAt === null ? '' : `, откроется ${russianTime(changesAt, zone)}`;
  const what = today.hours.length === 0 ? `выходной${today.note ? `: ${today.note}` : ''}` : 'нерабочее время';
  return { isOpen, reason: `${what}${until}`, changesAt };
}

function russianTime(moment: Date, zone: string): string {
  const { day, minute } = localTime(moment, zone);
  return `${russianDay(day)} в ${clockText(minute)}`;
}

const isWithin = (hours: readonly (readonly number[])[], minute: number) =>
  hours.some(([from, to]) => minute >= from! && minute < to!);

/** When it opens or closes next. */
function nextChange(calendar: Calendar, moment: Date, zone: string): Date | null {
  return nextWallChange(moment, zone, {
    answer: ({ day, minute }) => isWithin(hoursOf(calendar, day).hours, minute),
    edges: (day) => hoursOf(calendar, day).hours.flat(),
    turns: calendar.special.flatMap(({ from, to }) => [from, addDays(to, 1)]),
  });
}
