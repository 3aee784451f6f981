/**
 * Top-ups by schedule: once a month from a day of it on. A month in which nobody ran is not made up for later: money
 * that was not there to be spent then is not needed now. Only the current month is.
 */

/** The last day of the month that every month has. */
export const MONTHLY_ON_MAX = 28;

export const isMonthlyDay = (on: number): boolean => Number.isInteger(on) && on >= 1 && on <= MONTHLY_ON_MAX;

/** @example monthOf('2026-11-22') // '2026-11' */
export const monthOf = (day: string): string => day.slice(0, 7);

/** Has the day of this month come? */
export const hasCome = (on: number, today: string): boolean => Number(today.slice(8, 10)) >= on;

/** The first day later than `today` on which a top-up comes due. */
export function nextMonthlyDay(on: number, today: string): string {
  const year = Number(today.slice(0, 4));
  const month = Number(today.slice(5, 7));
  const [nextYear, nextMonth] = !hasCome(on, today) ? [year, month] : month === 12 ? [year + 1, 1] : [year, month + 1];
  const two = (value: number) => String(value).padStart(2, '0');
  return `${nextYear}-${two(nextMonth)}-${two(on)}`;
}

const monthName = new Intl.DateTimeFormat('ru', { month: 'long', timeZone: 'UTC' });

/** @example russianMonth('2026-11') // 'ноябрь 2026' */
export const russianMonth = (month: string): string =>
  `${monthName.format(new Date(`${month}-01T00:00:00Z`))} ${month.slice(0, 4)}`;
