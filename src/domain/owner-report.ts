import { addDays, daysBetween } from './days.ts';
import type { Outcome } from './gates.ts';
import { KIND_LABELS, type Listing } from './listing.ts';
import { formatNumber } from './text.ts';

/**
 * The owner's report: what the owner of a property may know of how it is advertised. Not what that costs, nor what
 * people of the agency said of it among themselves.
 */

/** Links to one listing that hold at a time. */
export const OWNER_LINKS_MAX = 20;
/** How far back days are counted, today included. */
export const OWNER_REPORT_DAYS = 366;

/** How an owner is told what is with the property on a board. What the agency pays with and whom it waits for is its own affair. */
export const OWNER_STATES: Readonly<Record<Outcome | 'undecided' | 'ended', string>> = {
  published: 'размещается',
  'off-market': 'снято с показа',
  'out-of-term': 'временно не размещается: вне срока размещения',
  stale: 'временно не размещается: агент уточняет, актуально ли объявление',
  blocked: 'готовится: объявление дополняют под требования площадки',
  'awaiting-moderation': 'готовится: объявление проверяют',
  returned: 'готовится: объявление дорабатывают',
  paused: 'временно не размещается: показ приостановлен',
  duplicate: 'временно не размещается',
  'waiting-turn': 'временно не размещается: ждёт своей очереди',
  unfunded: 'временно не размещается',
  undecided: 'готовится к размещению',
  ended: 'размещение окончено',
};

/** A listing in one cabinet of a board, as far as the base knows. */
export interface ShownMark {
  readonly board: string;
  readonly isLive: boolean;
  /** null: no run has decided yet. */
  readonly outcome: Outcome | null;
  /** Days on which an edition had it, in their order. */
  readonly days: readonly string[];
  /** When the board took the feed last since it is in it; null: not yet, or it is not in it. */
  readonly takenAt: Date | null;
  /** null: nobody told. */
  readonly views: number | null;
  readonly calls: number | null;
  /** On how many days of those it was told. */
  readonly viewDays: number;
  readonly callDays: number;
}

export interface ShownBoard extends Pick<ShownMark, 'takenAt' | 'views' | 'calls' | 'viewDays' | 'callDays'> {
  readonly board: string;
  readonly isShown: boolean;
  readonly state: string;
  /** The lower, the nearer to being shown. */
  readonly rank: number;
  /** The first day; null: never shown. */
  readonly since: string | null;
  /** On some days between the first and the last it was not shown. */
  readonly hasGaps: boolean;
  /** The last day. */
  readonly until: string | null;
  readonly days: number;
  /** The same, counted in each of the board's feeds: so many could have been told views. */
  readonly feedDays: number;
}

const sum = (values: readonly (number | null)[]): number | null =>
  values.reduce<number | null>((all, value) => (value === null ? all : (all ?? 0) + value), null);

const latest = (moments: readonly (Date | null)[]): Date | null =>
  moments.reduce((last, moment) => (moment !== null && (last === null || moment > last) ? moment : last), null);

/** The nearer to being shown, the earlier; of the cabinets of a board the best one tells. */
const RANKS: readonly (Outcome | 'undecided' | 'ended')[] = [
  'published',
  'undecided',
  'awaiting-moderation',
  'returned',
  'blocked',
  'waiting-turn',
  'unfunded',
  'duplicate',
  'paused',
  'stale',
  'out-of-term',
  'off-market',
  'ended',
];

const stateOf = ({ isLive, outcome }: ShownMark) => (isLive ? (outcome ?? 'undecided') : 'ended');

/** By board, those that show it first. A mark that was taken off before it was ever shown is nobody's business. */
export function shownBoards(marks: readonly ShownMark[]): ShownBoard[] {
  const byBoard = new Map<string, ShownMark[]>();
  for (const mark of marks) {
    if (!mark.isLive && mark.days.length === 0) continue;
    byBoard.set(mark.board, [...(byBoard.get(mark.board) ?? []), mark]);
  }
  return [...byBoard]
    .map(([board, own]): ShownBoard => {
      const state = RANKS.find((rank) => own.some((mark) => stateOf(mark) === rank))!;
      const days = [...new Set(own.flatMap((mark) => mark.days))].sort();
      const isShown = state === 'published';
      return {
        board,
        isShown,
        state: OWNER_STATES[state],
        rank: RANKS.indexOf(state),
        since: days[0] ?? null,
        hasGaps: days.length > 0 && daysBetween(days[0]!, days.at(-1)!) + 1 > days.length,
        until: days.at(-1) ?? null,
        days: days.length,
        takenAt: isShown ? latest(own.map(({ takenAt }) => takenAt)) : null,
        views: sum(own.map(({ views }) => views)),
        calls: sum(own.map(({ calls }) => calls)),
        viewDays: own.reduce((all, mark) => all + mark.viewDays, 0),
        callDays: own.reduce((all, mark) => all + mark.callDays, 0),
        feedDays: own.reduce((all, mark) => all + mark.days.length, 0),
      };
    })
    .sort((one, other) => Number(other.isShown) - Number(one.isShown) || other.days - one.days);
}

/** What is told of the listing as a whole: where it is nearest to being shown. */
export const nearestToShown = (boards: readonly ShownBoard[]): ShownBoard | undefined =>
  boards.reduce<ShownBoard | undefined>((best, board) => (best && best.rank <= board.rank ? best : board), undefined);

/** On how many days some board showed it. */
export const shownDays = (marks: readonly ShownMark[]): number => new Set(marks.flatMap(({ days }) => days)).size;

/** The first day that is looked at. */
export const lookedFrom = (today: string): string => addDays(today, 1 - OWNER_REPORT_DAYS);

/** «Квартира, комнат: 2, 54 м², этаж 3 из 9»: by what an owner knows the property, without a free text. */
export function ownerTitle(listing: Listing): string {
  const { kind, roomsCount, areaM2, landAreaM2, floor, floorsTotal } = listing;
  const label = KIND_LABELS[kind];
  return [
    `${label.charAt(0).toUpperCase()}${label.slice(1)}`,
    kind === 'flat' && roomsCount !== undefined ? `комнат: ${roomsCount}` : null,
    areaM2 === undefined ? null : `${formatNumber(areaM2)} м²`,
    landAreaM2 === undefined ? null : `участок ${formatNumber(landAreaM2 / 100)} сот.`,
    floor === undefined ? null : `этаж ${floor}${floorsTotal === undefined ? '' : ` из ${floorsTotal}`}`,
  ]
    .filter(Boolean)
    .join(', ');
}
