import { PERIOD_DAYS_MAX } from '../../../contracts/words.ts';
import { addDays } from '../../words.ts';

/** Both days included. */
export interface ReportDays {
  readonly from: string;
  readonly until: string;
}

/**
 * The periods that are chosen by one word. Weeks are whole, Monday to Sunday, up to the last one that is over: no step of
 * theirs is cut.
 * @param today of the agency
 */
export function quickPeriods(today: string): readonly (ReportDays & { readonly label: string })[] {
  const sunday = addDays(today, -(new Date(`${today}T00:00:00Z`).getUTCDay() || 7));
  const yesterday = addDays(today, -1);
  const month = `${today.slice(0, 7)}-01`;
  const monthEnd = addDays(month, -1);
  return [
    { label: '4 недели', from: addDays(sunday, 1 - 4 * 7), until: sunday },
    { label: '13 недель', from: addDays(sunday, 1 - 13 * 7), until: sunday },
    { label: 'этот месяц', from: month, until: today },
    { label: 'прошлый месяц', from: `${monthEnd.slice(0, 7)}-01`, until: monthEnd },
    { label: `${PERIOD_DAYS_MAX} дней`, from: addDays(yesterday, 1 - PERIOD_DAYS_MAX), until: yesterday },
  ];
}
