import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addDays, daysBetween } from '../../src/domain/days.ts';
import { AGENCY_DEFAULTS } from '../../src/domain/settings.ts';
import { defaultDays, extendedTerm, isOutside, movedTerm, newTerm, termFault } from '../../src/domain/terms.ts';

const TODAY = '2026-11-21';
const terms = (...defaults: (typeof AGENCY_DEFAULTS)['terms']['defaults']) => ({ ...AGENCY_DEFAULTS.terms, defaults });
const sale = { board: 'avito', kind: 'flat', deal: 'sale' } as const;

describe('placement terms', () => {
  it.each([
    ['no lines: open', terms(), null],
    ['the first line that fits', terms({ deal: 'rent', days: 3 }, { days: 30 }, { days: 60 }), 30],
    ['every named thing must fit', terms({ board: 'avito', kind: 'land', days: 5 }), null],
    ['an open line ends the search', terms({ board: 'avito', days: null }, { days: 30 }), null],
  ] as const)('default: %s', (_, settings, days) => {
    expect(defaultDays(settings, sale)).toBe(days);
  });

  it.each([
    ['nothing wished, no default', {}, null, null, null],
    ['the default from today', {}, 30, '2026-11-21', '2026-12-20'],
    ['the default from a wished day', { startsOn: '2026-12-01' }, 2, '2026-12-01', '2026-12-02'],
    ['a wished length beats the default', { days: 1 }, 30, '2026-11-21', '2026-11-21'],
    ['a wished end', { endsOn: '2026-11-30' }, 30, '2026-11-21', '2026-11-30'],
    ['wished open', { endsOn: null }, 30, '2026-11-21', null],
  ] as const)('new: %s', (_, wish, days, startsOn, endsOn) => {
    expect(newTerm(wish, days, TODAY)).toEqual({ startsOn, endsOn });
  });

  it.each([
    ['ended: a new one from today', ['2026-10-01', '2026-10-30'], { days: 30 }, ['2026-11-21', '2026-12-20']],
    ['ahead: from its start', ['2026-12-01', '2026-12-05'], { days: 30 }, ['2026-12-01', '2026-12-30']],
    ['begin now', ['2026-12-01', '2026-12-05'], { startsOn: 'today' }, ['2026-11-21', '2026-12-05']],
    ['end later', ['2026-10-01', '2026-10-30'], { endsOn: '2026-12-01' }, ['2026-10-01', '2026-12-01']],
    ['no end', ['2026-10-01', '2026-10-30'], { endsOn: null }, ['2026-10-01', null]],
  ] as const)('moved: %s', (_, [startsOn, endsOn], wish, moved) => {
    expect(movedTerm({ startsOn, endsOn }, wish, TODAY)).toEqual({ startsOn: moved[0], endsOn: moved[1] });
  });

  it('has both days inside', () => {
    const term = { startsOn: '2026-11-20', endsOn: '2026-11-22' };
    const days = ['2026-11-19', '2026-11-20', '2026-11-22', '2026-11-23'];
    expect(days.map((day) => isOutside(term, day))).toEqual([true, false, false, true]);
  });

  it('has a fault only when it ends before it begins', () => {
    expect(termFault({ startsOn: TODAY, endsOn: TODAY })).toBeNull();
    expect(termFault({ startsOn: TODAY, endsOn: '2026-11-20' })).toContain('с 21.11.2026 по 20.11.2026');
  });

  it('goes on by its own length, covers the day, and leaves no day between', () => {
    const day = fc.integer({ min: 0, max: 4000 }).map((days) => addDays('2020-01-01', days));
    fc.assert(
      fc.property(day, fc.integer({ min: 1, max: 400 }), fc.integer({ min: 0, max: 900 }), (startsOn, length, late) => {
        const endsOn = addDays(startsOn, length - 1);
        const today = addDays(endsOn, late);
        const next = extendedTerm({ startsOn, endsOn }, startsOn, today);
        expect(daysBetween(next.startsOn, next.endsOn) + 1).toBe(length);
        expect(next.endsOn > endsOn && next.endsOn >= today).toBe(true);
        // Not further than needed: one length less would be the old term, or one that is over.
        const before = addDays(next.endsOn, -length);
        expect(before === endsOn || before < today).toBe(true);
        expect(daysBetween(endsOn, next.endsOn) % length).toBe(0);
      }),
    );
  });

  it('takes the day of the mark for the start that an open term does not have', () => {
    const open = { startsOn: null, endsOn: '2026-11-21' };
    expect(extendedTerm(open, '2026-11-12', TODAY)).toEqual({ startsOn: '2026-11-22', endsOn: '2026-12-01' });
  });
});
