import { agree, formatNumber } from './text.ts';

/** How often a board takes its feed, and whether it is late. */

export interface PullHabit {
  /** When somebody last took the feed whole or heard that it had not changed; null: never. */
  readonly lastAt: Date | null;
  /** Hours between two pulls, as seen lately; null: too few were seen. */
  readonly usualHours: number | null;
  /** Since when there is a feed to take; null: there is none. */
  readonly servedSince: Date | null;
}

/** `fresh`: in its rhythm. `unknown`: nothing to take, or too early to tell. */
export type PullState = 'fresh' | 'late' | 'never' | 'unknown';

/** So many usual intervals without a pull are no accident any more … */
const LATE_INTERVALS = 3;
/** … and not before so many hours: a robot that comes every five minutes may rest. */
const LATE_HOURS_MIN = 2;
/** Where no rhythm is known, a day without a pull is worth a look. */
const QUIET_HOURS = 24;

export function pullState({ lastAt, usualHours, servedSince }: PullHabit, now: Date): PullState {
  if (servedSince === null) return 'unknown';
  if (lastAt === null) return hoursSince(servedSince, now) >= QUIET_HOURS ? 'never' : 'unknown';
  const limit = usualHours === null ? QUIET_HOURS : Math.max(usualHours * LATE_INTERVALS, LATE_HOURS_MIN);
  return hoursSince(lastAt, now) >= limit ? 'late' : 'fresh';
}

/** «не забирали 26 часов (обычно раз в 4 часа)» */
export function pullWords(habit: PullHabit, now: Date): string {
  const { lastAt, usualHours, servedSince } = habit;
  const usual = usualHours === null ? '' : ` (обычно ${everyWords(usualHours)})`;
  switch (pullState(habit, now)) {
    case 'late':
      return `не забирали ${lengthWords(hoursSince(lastAt!, now))}${usual}`;
    case 'never':
      return `ни разу не забирали за ${lengthWords(hoursSince(servedSince!, now))}: проверьте, что адрес указан на доске`;
    case 'fresh':
      return `забирали ${lengthWords(hoursSince(lastAt!, now))} назад${usual}`;
    default:
      return servedSince === null ? 'фид ещё не собран' : 'ещё не забирали';
  }
}

const hoursSince = (moment: Date, now: Date) => Math.max(0, now.getTime() - moment.getTime()) / 3_600_000;

/** «26 часов», «12 минут», «3 дня». */
function lengthWords(hours: number): string {
  if (hours < 1) {
    const minutes = Math.max(1, Math.round(hours * 60));
    return `${minutes} ${agree(minutes, 'минуту', 'минуты', 'минут')}`;
  }
  if (hours < 72) {
    const whole = Math.floor(hours);
    return `${whole} ${agree(whole, 'час', 'часа', 'часов')}`;
  }
  const days = Math.floor(hours / 24);
  return `${formatNumber(days)} ${agree(days, 'день', 'дня', 'дней')}`;
}

/** «каждый час», «раз в 4 часа». */
export function everyWords(hours: number): string {
  if (hours < 0.9) {
    const minutes = Math.max(1, Math.round(hours * 60));
    return minutes === 1 ? 'каждую минуту' : `раз в ${minutes} ${agree(minutes, 'минуту', 'минуты', 'минут')}`;
  }
  const whole = Math.round(hours);
  return whole === 1 ? 'каждый час' : `раз в ${whole} ${agree(whole, 'час', 'часа', 'часов')}`;
}
