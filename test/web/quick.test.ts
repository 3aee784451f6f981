import { describe, expect, it } from 'vitest';
import { stepsOf } from '../../src/domain/export-report.ts';
import { quickPeriods } from '../../src/web/screens/reports/quick.ts';
import { addDays, isDay } from '../../src/web/words.ts';

const at = (today: string) => Object.fromEntries(quickPeriods(today).map(({ label, ...days }) => [label, days]));

describe('the periods of a report that are chosen by a word', () => {
  it('are whole weeks up to the last one that is over, and months of the calendar', () => {
    // A Sunday is not over: its week is the one before.
    expect(at('2026-11-22')).toEqual({
      '4 недели': { from: '2026-10-19', until: '2026-11-15' },
      '13 недель': { from: '2026-08-17', until: '2026-11-15' },
      'этот месяц': { from: '2026-11-01', until: '2026-11-22' },
      'прошлый месяц': { from: '2026-10-01', until: '2026-10-31' },
      '150 дней': { from: '2026-06-25', until: '2026-11-21' },
    });
    expect(at('2026-11-23')['4 недели']).toEqual({ from: '2026-10-26', until: '2026-11-22' });
    expect(at('2027-01-01')).toMatchObject({
      'этот месяц': { from: '2027-01-01', until: '2027-01-01' },
      'прошлый месяц': { from: '2026-12-01', until: '2026-12-31' },
    });
  });

  it('have no cut week on any day of a year, by the steps that the report is counted in', () => {
    for (let day = '2027-01-01'; day < '2028-01-01'; day = addDays(day, 1)) {
      const lastDay = addDays(day, -1);
      for (const [label, weeks] of [
        ['4 недели', 4],
        ['13 недель', 13],
      ] as const) {
        const steps = stepsOf({ ...at(day)[label]!, step: 'week', minShare: 50 }, lastDay);
        expect([day, steps.length, steps.some(({ isCut, isUnfinished }) => isCut || isUnfinished)]).toEqual([
          day,
          weeks,
          false,
        ]);
      }
      const months = stepsOf({ ...at(day)['прошлый месяц']!, step: 'month', minShare: 50 }, lastDay);
      expect(months).toMatchObject([{ isCut: false, isUnfinished: false }]);
    }
  });

  it('know a day of the calendar', () => {
    for (const text of ['abc', '', '2026-02-31', '2026-1-1', '2026-13-01', '9999999-01-01'])
      expect([text, isDay(text)]).toEqual([text, false]);
    expect(isDay('2028-02-29')).toBe(true);
  });
});
