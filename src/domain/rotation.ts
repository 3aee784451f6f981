import { addDays, daysBetween, russianDay } from './days.ts';
import type { Package } from './settings.ts';
import { agree, formatNumber } from './text.ts';

/**
 * Who gets the places of a package. A place is kept for a turn of whole days: turns end at a local midnight, the first
 * run of the day draws anew, and later runs only fill what was freed. So two runs without a change give the same set.
 */

/** A mark that has passed everything that comes before the package. */
export interface Candidate {
  readonly listingId: number;
  readonly isPinned: boolean;
  /** Epoch milliseconds. */
  readonly markedAt: number;
  /** Epoch milliseconds; null: it has not waited yet. */
  readonly waitingSince: number | null;
  /** The local day its place was given; null: no place. */
  readonly placedOn: string | null;
  /** First and last day of the paid placement it used up last. */
  readonly placementFrom: string | null;
  readonly placementUntil: string | null;
  /**
   * It holds a place from before but was not shown last time (a pause, the night). It comes back to its place while
   * one is free, before anybody who waits; it drives nobody out who has filled in for it.
   */
  readonly wasAway?: boolean;
}

/** The place a mark has. To be stored with the mark. */
export interface Place {
  readonly placedOn: string;
  readonly placementFrom: string | null;
  readonly placementUntil: string | null;
}

export interface Allocation {
  readonly placed: ReadonlyMap<number, Place>;
  /** In the order in which they will get places. Their last placement is to be kept: it has been paid. */
  readonly waiting: readonly number[];
  /** There was a place for them and no money: the next one has it. */
  readonly unpaid: readonly number[];
}

/** May a mark have a place, as far as money goes? Asked once for each, in the order in which places are given. */
export type MayPay = (listingId: number) => boolean;
const FREE: MayPay = () => true;

/**
 * Gives out the places of a cabinet. Order: pinned, waited longest, marked earliest, listing number.
 * @param candidates marks that passed the gates before this one, in any order
 * @param turnDays how long a concurrent place is kept
 * @param today the cabinet's local day
 * @param used placements used up in the period `today` lies in, by any mark of the cabinet; a mark's second one counts
 *   again, and one whose mark was taken off since stays used
 * @param isFirstOfDay nobody was given a place on this local day yet: only then a pinned mark without a place ends
 *   the turn of an unpinned one. Turns that ran out by themselves end without it.
 * @param mayPay places and money are given out in one pass, so that no place is kept for somebody who cannot pay
 */
export function allocate(
  candidates: readonly Candidate[],
  pack: Package | null,
  turnDays: number,
  today: string,
  used: number,
  isFirstOfDay = false,
  mayPay: MayPay = FREE,
): Allocation {
  if (pack === null) {
    return give(
      [...candidates].sort(inOrder).map((candidate) => [candidate, keep(candidate, today)]),
      Number.POSITIVE_INFINITY,
      mayPay,
    );
  }
  return pack.kind === 'concurrent'
    ? allocateConcurrent(candidates, pack.places, turnDays, today, isFirstOfDay, mayPay)
    : allocatePlacements(candidates, pack, today, used, mayPay);
}

function give(inTurn: readonly (readonly [Candidate, Place])[], places: number, mayPay: MayPay): Allocation {
  const placed = new Map<number, Place>();
  const waiting: number[] = [];
  const unpaid: number[] = [];
  for (const [{ listingId }, place] of inTurn) {
    if (placed.size >= places) waiting.push(listingId);
    else if (mayPay(listingId)) placed.set(listingId, place);
    else unpaid.push(listingId);
  }
  return { placed, waiting, unpaid };
}

/** The place it has, or one given today. A paid placement stays on record whatever the package is now. */
function keep(candidate: Candidate, today: string): Place {
  const { placedOn, placementFrom, placementUntil } = candidate;
  return { placedOn: placedOn ?? today, placementFrom, placementUntil };
}

function allocateConcurrent(
  candidates: readonly Candidate[],
  places: number,
  turnDays: number,
  today: string,
  isFirstOfDay: boolean,
  mayPay: MayPay,
): Allocation {
  const endedOn = addDays(today, -turnDays);
  const present: Candidate[] = [];
  const returning: Candidate[] = [];
  const drawn: Candidate[] = [];
  for (const candidate of candidates) {
    const isRunning = candidate.placedOn !== null && candidate.placedOn > endedOn;
    (isRunning ? (candidate.wasAway ? returning : present) : drawn).push(candidate);
  }
  const holders = [...present.sort(bySeniority), ...returning.sort(bySeniority)];
  const kept = holders.slice(0, places);
  drawn.push(...holders.slice(places));

  if (isFirstOfDay) {
    const wanted = drawn.filter(({ isPinned }) => isPinned).length - (places - kept.length);
    if (wanted > 0) {
      const yielding = kept
        .filter(({ isPinned }) => !isPinned)
        .sort(byTurnEnd)
        .slice(0, wanted);
      drawn.push(...yielding);
      const gone = new Set(yielding);
      kept.splice(0, kept.length, ...kept.filter((candidate) => !gone.has(candidate)));
    }
  }
  drawn.sort(inOrder);
  const inTurn = [
    ...kept.map((candidate) => [candidate, keep(candidate, today)] as const),
    ...drawn.map((candidate) => [candidate, { ...keep(candidate, today), placedOn: today }] as const),
  ];
  return give(inTurn, places, mayPay);
}

function allocatePlacements(
  candidates: readonly Candidate[],
  pack: Extract<Package, { kind: 'placements' }>,
  today: string,
  used: number,
  mayPay: MayPay,
): Allocation {
  const placed = new Map<number, Place>();
  const drawn: Candidate[] = [];
  for (const candidate of candidates) {
    const { placementFrom, placementUntil } = candidate;
    if (placementUntil !== null && today <= placementUntil) {
      placed.set(candidate.listingId, { placedOn: placementFrom ?? today, placementFrom, placementUntil });
    } else drawn.push(candidate);
  }
  drawn.sort(inOrder);
  // Before its first day the package has nothing to give.
  const left = periodOf(pack, today) === null ? 0 : Math.max(0, pack.placements - used);
  const place = placementFrom(pack, today);
  const given = give(
    drawn.map((candidate) => [candidate, place]),
    left,
    mayPay,
  );
  return { ...given, placed: new Map([...placed, ...given.placed]) };
}

/** A placement that begins today. */
export function placementFrom(pack: Extract<Package, { kind: 'placements' }>, today: string): Place {
  return { placedOn: today, placementFrom: today, placementUntil: addDays(today, pack.termDays - 1) };
}

const LAST = Number.MAX_SAFE_INTEGER;
/** Who has just had a place, or has only come, has waited since now: after everybody who waits. */
const since = ({ placedOn, waitingSince }: Candidate) => (placedOn === null ? (waitingSince ?? LAST) : LAST);
const byAge = (a: Candidate, b: Candidate) => a.markedAt - b.markedAt || a.listingId - b.listingId;
const byPin = (a: Candidate, b: Candidate) => Number(b.isPinned) - Number(a.isPinned);
const byPlacedOn = (a: Candidate, b: Candidate) =>
  Number(a.placedOn! > b.placedOn!) - Number(a.placedOn! < b.placedOn!);

/** The same order among marks that have no place: who gets money first. */
export const inWant = (a: Want, b: Want) =>
  Number(b.isPinned) - Number(a.isPinned) ||
  (a.waitingSince ?? LAST) - (b.waitingSince ?? LAST) ||
  a.markedAt - b.markedAt ||
  a.listingId - b.listingId;
type Want = Pick<Candidate, 'isPinned' | 'waitingSince' | 'markedAt' | 'listingId'>;

/** Pinned, waited longest, marked earliest, listing number: who gets a place, and money, first. */
export const inOrder = (a: Candidate, b: Candidate) => byPin(a, b) || since(a) - since(b) || byAge(a, b);
/** Whose place is the safest when there are fewer places. */
const bySeniority = (a: Candidate, b: Candidate) => byPin(a, b) || byPlacedOn(a, b) || byAge(a, b);
/** Whose turn would end first anyway; among equals the last one in the order yields. */
const byTurnEnd = (a: Candidate, b: Candidate) => byPlacedOn(a, b) || byAge(b, a);

export interface Period {
  /** Both days inclusive. */
  readonly from: string;
  readonly until: string;
}

/** The period of a package of placements that a day lies in; null before its first day. */
export function periodOf(pack: Extract<Package, { kind: 'placements' }>, day: string): Period | null {
  const past = daysBetween(pack.from, day);
  if (past < 0) return null;
  const from = addDays(pack.from, past - (past % pack.periodDays));
  return { from, until: addDays(from, pack.periodDays - 1) };
}

/** A package on a day of its cabinet. */
export interface PackageState {
  readonly package: Package | null;
  readonly turnDays: number;
  /** The period of a package of placements; null: no such package, or it has not begun. */
  readonly period: Period | null;
  /** Placements used up in it. */
  readonly used: number;
  /** The cabinet's local day. */
  readonly today: string;
}

const many = (count: number, one: string, few: string, all: string) =>
  `${formatNumber(count)} ${agree(count, one, few, all)}`;
const days = (count: number) => many(count, 'день', 'дня', 'дней');

/** «30 мест одновременно, место даётся на 7 дней». */
export function packageText({ package: pack, turnDays, period, used, today }: PackageState): string {
  if (pack === null) return 'пакета нет, место есть у каждого';
  if (pack.kind === 'concurrent')
    return `${many(pack.places, 'место', 'места', 'мест')} одновременно, место даётся на ${days(turnDays)}`;
  const placements = many(pack.placements, 'размещение', 'размещения', 'размещений');
  const each = `${placements} на ${days(pack.periodDays)}, каждое держится ${days(pack.termDays)}`;
  if (period === null) return `${each}; пакет начнётся ${russianDay(pack.from)}, до тех пор мест нет`;
  const left = Math.max(0, pack.placements - used);
  const term = `${russianDay(period.from)} – ${russianDay(period.until)}`;
  return `${each}; период ${term}, израсходовано ${formatNumber(used)}, осталось ${formatNumber(left)} (${russianDay(today)})`;
}

/** Why a mark is shown on a day. */
export type ShownWhy =
  /** Its turn or its paid placement runs. */
  | 'turn'
  | 'pinned'
  /** It was the next in the order. */
  | 'order'
  /** There is room for everybody. */
  | 'free';

export interface Shown {
  readonly listingId: number;
  readonly why: ShownWhy;
  /** Since when it had waited for this place, epoch milliseconds; null: it had not. */
  readonly waitedSince: number | null;
  readonly placedOn: string;
  /** Last day of its turn or placement; null: no end. */
  readonly until: string | null;
}

export interface PreviewDay {
  readonly day: string;
  readonly placed: readonly Shown[];
  /** Shown on this day and not the day before; on the first day: not now. */
  readonly enters: readonly Shown[];
  /** The other way round. */
  readonly leaves: readonly number[];
  readonly waiting: readonly number[];
}

export interface PreviewOptions {
  readonly days?: number;
  /** Placements used up in the period `today` lies in. */
  readonly used: number;
  /** The first moment of a day in the cabinet's zone. */
  readonly midnight: (day: string) => Date;
}

/** Who will be shown on the next days if nothing changes but the day. The first is today, as a run would decide now. */
export function preview(
  candidates: readonly Candidate[],
  pack: Package | null,
  turnDays: number,
  today: string,
  { days = 14, used, midnight }: PreviewOptions,
): readonly PreviewDay[] {
  const result: PreviewDay[] = [];
  let state = candidates;
  let charged = used;
  let before = new Set(candidates.filter(({ placedOn }) => placedOn !== null).map(({ listingId }) => listingId));
  for (let ahead = 0, day = today; ahead < days; ahead++, day = addDays(day, 1)) {
    if (ahead > 0 && pack?.kind === 'placements' && periodOf(pack, day)?.from === day) charged = 0;
    const { placed, waiting } = allocate(state, pack, turnDays, day, charged, ahead > 0);
    const shown: Shown[] = [];
    for (const candidate of state) {
      const place = placed.get(candidate.listingId);
      if (place === undefined) continue;
      if (place.placementFrom === day && candidate.placementFrom !== day) charged++;
      const until =
        pack === null
          ? null
          : pack.kind === 'placements'
            ? place.placementUntil
            : addDays(place.placedOn, turnDays - 1);
      const { listingId, waitingSince, placedOn, isPinned } = candidate;
      const why: ShownWhy =
        place.placedOn === placedOn ? 'turn' : isPinned ? 'pinned' : waiting.length === 0 ? 'free' : 'order';
      shown.push({
        listingId,
        why: pack === null ? 'free' : why,
        waitedSince: placedOn === null ? waitingSince : null,
        placedOn: place.placedOn,
        until,
      });
    }
    const now = new Set(placed.keys());
    result.push({
      day,
      placed: shown,
      enters: shown.filter(({ listingId }) => !before.has(listingId)),
      leaves: [...before].filter((listingId) => !now.has(listingId)),
      waiting,
    });
    before = now;
    const moment = midnight(day).getTime();
    state = state.map((candidate) => afterwards(candidate, placed.get(candidate.listingId), moment));
  }
  return result;
}

/**
 * A candidate as the next run finds it.
 * @param at the moment of this run, epoch milliseconds: since then it waits if it got nothing
 */
export function afterwards(candidate: Candidate, place: Place | undefined, at: number): Candidate {
  return place
    ? { ...candidate, ...place, waitingSince: null, wasAway: false }
    : { ...candidate, placedOn: null, waitingSince: candidate.waitingSince ?? at, wasAway: false };
}

/** What keeps a mark with a paid placement off the board. */
export type WasteCause = 'pause' | 'rotation';
const WASTE_CAUSES: Record<WasteCause, string> = { pause: 'пауза', rotation: 'ротация' };

export interface Waste {
  readonly days: number;
  /** A Russian sentence. */
  readonly text: string;
}

/**
 * Does something keep a mark off the board while its paid placement runs on?
 * @param placementUntil the placement's last day; null: nothing is paid
 * @param returnsOn the day on which the mark is shown again; null: not by itself
 * @returns null when no paid day is lost
 */
export function wasteOf(
  placementUntil: string | null,
  returnsOn: string | null,
  today: string,
  cause: WasteCause = 'pause',
): Waste | null {
  if (placementUntil === null || placementUntil < today) return null;
  const end = addDays(placementUntil, 1);
  const days = daysBetween(today, returnsOn !== null && returnsOn < end ? returnsOn : end);
  if (days <= 0) return null;
  const count = `${days} ${agree(days, 'день', 'дня', 'дней')}`;
  return {
    days,
    text: `Оплаченное размещение идёт до ${russianDay(placementUntil)}, ${WASTE_CAUSES[cause]} сжигает ${count}.`,
  };
}
