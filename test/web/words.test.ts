import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  day,
  dayFull,
  dayShort,
  lasted,
  moment,
  momentFull,
  momentNear,
  momentShort,
  money,
  objects,
  roubles,
  tellTimeIn,
  today,
  zoneWords,
} from '../../src/web/words.ts';

const NOW = '2026-11-21T19:30:00Z';
const plain = (text: string) => text.replaceAll(/[\u00a0\u202f]/g, ' ');

describe('the words of the web', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: new Date('2026-11-21T10:00:00Z') });
    // The server's clock runs ahead, as the demo's does.
    tellTimeIn('Asia/Yekaterinburg', NOW);
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('tells days and moments in the zone of the agency and by the clock of the server', () => {
    expect(today()).toBe('2026-11-22');
    expect(moment(NOW)).toBe('22 ноября, 00:30');
    expect(momentShort(NOW)).toBe('22.11.26 00:30');
    expect(momentFull(NOW)).toBe('22.11.2026 00:30');
    expect(momentNear(NOW)).toBe('сегодня 00:30');
    expect(momentNear('2026-11-21T18:59:00Z')).toBe('вчера 23:59');
    expect(momentNear('2026-11-12T04:00:00Z')).toBe('12.11.26 09:00');
    expect(lasted('2026-11-21T17:30:00Z')).toBe('2\u00a0часа');
    expect(lasted('2026-11-22T17:30:00Z')).toBe('меньше минуты');
  });

  it('tells the year of a day only where it is another one', () => {
    expect(day('2026-11-21')).toBe('21 ноября');
    expect(day('2025-01-01')).toBe('1 января 2025');
    expect(dayShort('2025-01-01')).toBe('01.01.25');
    expect(dayFull('2025-01-01')).toBe('01.01.2025');
  });

  it('tells money in whole roubles for lists and to the kopeck for ledgers', () => {
    expect(plain(roubles(1_240_050))).toBe('12 401 ₽');
    expect(plain(roubles(-6_000))).toBe('−60 ₽');
    expect(plain(money(1_240_050))).toBe('12 400,50 ₽');
  });

  it('makes a noun agree with its number', () => {
    expect([1, 3, 11, 21].map((count) => plain(objects(count)))).toEqual([
      '1 объект',
      '3 объекта',
      '11 объектов',
      '21 объект',
    ]);
  });

  it('names a zone by its city and by Moscow', () => {
    expect(zoneWords('Asia/Yekaterinburg')).toBe('Екатеринбург, МСК+2');
    expect(zoneWords('Europe/Moscow')).toBe('Москва, МСК');
    expect(zoneWords('Europe/Kaliningrad')).toBe('Калининград, МСК−1');
    expect(zoneWords('Asia/Kathmandu')).toBe('Asia/Kathmandu, МСК+2,75');
  });
});
