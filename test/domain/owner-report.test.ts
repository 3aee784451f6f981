import { describe, expect, it } from 'vitest';
import { OUTCOMES } from '../../src/domain/gates.ts';
import {
  nearestToShown,
  OWNER_STATES,
  ownerTitle,
  type ShownMark,
  shownBoards,
  shownDays,
} from '../../src/domain/owner-report.ts';

const mark = (more: Partial<ShownMark>): ShownMark => ({
  board: 'one',
  isLive: true,
  outcome: 'published',
  days: ['2026-11-20', '2026-11-21'],
  takenAt: null,
  views: null,
  calls: null,
  viewDays: 0,
  callDays: 0,
  ...more,
});

describe('what an owner is told', () => {
  it.each([
    ...OUTCOMES,
    'undecided',
    'ended',
  ] as const)('%s: without money, accounts and the names of inner things', (state) => {
    expect(OWNER_STATES[state]).toMatch(/^[а-яё,: ]+$/);
    expect(OWNER_STATES[state]).not.toMatch(/деньг|средств|счёт|счет|баланс|пакет|дубл|модератор|тариф|лимит|возвращ/i);
  });

  it('is one line for a board with several feeds, with every day once', () => {
    const [board, ...none] = shownBoards([
      mark({ days: ['2026-11-18', '2026-11-20', '2026-11-21'], views: 5, viewDays: 3, takenAt: new Date(5) }),
      mark({ days: ['2026-11-19', '2026-11-20'], outcome: 'unfunded', calls: 1, callDays: 1, views: 7, viewDays: 1 }),
    ]);
    expect(none).toEqual([]);
    expect(board).toEqual({
      board: 'one',
      isShown: true,
      state: 'размещается',
      rank: 0,
      since: '2026-11-18',
      hasGaps: false,
      until: '2026-11-21',
      days: 4,
      takenAt: new Date(5),
      views: 12,
      calls: 1,
      viewDays: 4,
      callDays: 1,
      feedDays: 5,
    });
  });

  it('tells of the whole where it is nearest to being shown', () => {
    const ended = mark({ board: 'one', days: ['2026-11-01', '2026-11-02'], isLive: false });
    const waits = mark({ board: 'two', outcome: 'awaiting-moderation' });
    const boards = shownBoards([ended, waits]);
    expect(boards.map(({ board }) => board)).toEqual(['one', 'two']);
    expect(nearestToShown(boards)).toMatchObject({ board: 'two', state: expect.stringContaining('готовится') });
    expect(nearestToShown([])).toBeUndefined();
  });

  it('tells the first day, and that there were gaps', () => {
    const days = ['2026-11-01', '2026-11-02', '2026-11-10', '2026-11-11'];
    expect(shownBoards([mark({ days })])[0]).toMatchObject({
      since: '2026-11-01',
      hasGaps: true,
      until: '2026-11-11',
      days: 4,
    });
    expect(shownBoards([mark({ days, outcome: 'paused' })])[0]).toMatchObject({ since: '2026-11-01', isShown: false });
    expect(shownBoards([mark({ days, isLive: false })])[0]).toMatchObject({ state: 'размещение окончено' });
    expect(shownDays([mark({ days }), mark({ board: 'two' })])).toBe(6);
  });

  it('puts what shows it first, and leaves out what was never shown and is not wished any more', () => {
    const boards = shownBoards([
      mark({ board: 'past', isLive: false }),
      mark({ board: 'never', isLive: false, days: [] }),
      mark({ board: 'fresh', outcome: null, days: [] }),
      mark({ board: 'now' }),
    ]);
    expect(boards.map(({ board, state }) => [board, state])).toEqual([
      ['now', 'размещается'],
      ['past', 'размещение окончено'],
      ['fresh', 'готовится к размещению'],
    ]);
  });

  it('not known is not nothing', () => {
    expect(shownBoards([mark({ views: 0 })])[0]).toMatchObject({ views: 0, calls: null });
  });

  it('is headed by what the property is, without free texts', () => {
    const flat = {
      externalId: '1',
      kind: 'flat',
      deal: 'sale',
      roomsCount: 2,
      areaM2: 54.5,
      floor: 3,
      floorsTotal: 9,
    } as const;
    expect(ownerTitle({ ...flat, title: 'Звоните +79120000014' })).toBe('Квартира, комнат: 2, 54,5 м², этаж 3 из 9');
    expect(ownerTitle({ externalId: '1', kind: 'land', deal: 'sale', landAreaM2: 600 })).toBe(
      'Участок, участок 6 сот.',
    );
  });
});
