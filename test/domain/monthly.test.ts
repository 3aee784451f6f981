import { describe, expect, it } from 'vitest';
import { hasCome, isMonthlyDay, monthOf, nextMonthlyDay, russianMonth } from '../../src/domain/monthly.ts';

describe('a monthly top-up', () => {
  it.each([
    [1, '2026-11-01', true, '2026-12-01'],
    [5, '2026-11-04', false, '2026-11-05'],
    [5, '2026-11-05', true, '2026-12-05'],
    [28, '2026-12-27', false, '2026-12-28'],
    [28, '2026-12-31', true, '2027-01-28'],
    [10, '2028-02-29', true, '2028-03-10'],
  ])('on the %i., today %s', (on, today, isDue, next) => {
    expect(hasCome(on, today)).toBe(isDue);
    expect(nextMonthlyDay(on, today)).toBe(next);
  });

  it.each([
    [0, false],
    [1, true],
    [28, true],
    [29, false],
    [1.5, false],
    [Number.NaN, false],
  ])('%d is a day of every month: %s', (on, is) => {
    expect(isMonthlyDay(on)).toBe(is);
  });

  it('has a month', () => {
    expect(monthOf('2026-11-22')).toBe('2026-11');
    expect(russianMonth('2026-05')).toBe('май 2026');
  });
});
