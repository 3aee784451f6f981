import { addDays } from './days.ts';

/**
 * Paid levels: ordered for a mark from a day on, paid once, and written into the feed for so many days. An order is
 * never changed; what has become of it is told by its transfers.
 */

/** A paid level of a board, as whoever orders it needs to know it. */
export interface PaidLevel {
  /** As the board calls it. */
  readonly code: string;
  readonly label: string;
  /** How long it lasts, when the level itself says so; null: as the tariff sells it. */
  readonly days: number | null;
  /** The board promotes nothing without photos. */
  readonly needsPhotos: boolean;
  /** Levels that an advert cannot have at the same time, itself included. */
  readonly clashes: readonly string[];
}

/**
 * `ordered`: waits for its first day, or for an edition that has the listing. `lapsed`: no edition had the listing in
 * time, and the money is free again. `cancelled`: by a person, or paid back.
 */
export const PROMOTION_STATES = ['ordered', 'running', 'over', 'cancelled', 'lapsed'] as const;
export type PromotionState = (typeof PROMOTION_STATES)[number];

export const PROMOTION_STATE_LABELS: Record<PromotionState, string> = {
  ordered: 'заказано',
  running: 'идёт',
  over: 'закончилось',
  cancelled: 'отменено',
  lapsed: 'не началось в срок',
};

/** An order and what its transfers say of it. Days are the cabinet's. */
export interface PromotionFacts {
  readonly fromOn: string;
  readonly days: number;
  /** Costs nothing, and so begins by itself on its first day. */
  readonly isFree: boolean;
  /** When the hold became a charge. */
  readonly startedOn: string | null;
  /** When the hold was given back. */
  readonly releasedOn: string | null;
  readonly isRefunded: boolean;
}

/** The first day after the last on which it may begin, or on which it is shown once it has begun. */
const endOf = ({ fromOn, startedOn, days }: PromotionFacts) => addDays(startedOn ?? fromOn, days);

const isGivenUp = ({ releasedOn, isRefunded }: PromotionFacts) => releasedOn !== null || isRefunded;

/** Does an edition of a day write the level? */
export const isWrittenOn = (facts: PromotionFacts, day: string): boolean =>
  !isGivenUp(facts) && (facts.startedOn ?? facts.fromOn) <= day && day < endOf(facts);

export function promotionState(facts: PromotionFacts, today: string): PromotionState {
  const { fromOn, startedOn, releasedOn, isRefunded, isFree } = facts;
  if (isRefunded) return 'cancelled';
  if (releasedOn !== null) return releasedOn < endOf(facts) ? 'cancelled' : 'lapsed';
  if (startedOn === null && !isFree) return today < endOf(facts) ? 'ordered' : 'lapsed';
  if (today < (startedOn ?? fromOn)) return 'ordered';
  return today < endOf(facts) ? 'running' : 'over';
}

/** The last day on which the level may be shown: an order that waits for its listing may begin late. null: given up. */
export function lastPossibleDay(facts: PromotionFacts): string | null {
  if (isGivenUp(facts)) return null;
  const mayBeLate = facts.startedOn === null && !facts.isFree;
  return addDays(endOf(facts), mayBeLate ? facts.days - 2 : -1);
}

/** May both be shown on the same day? */
export function mayOverlap(one: PromotionFacts, other: PromotionFacts): boolean {
  const [last, otherLast] = [lastPossibleDay(one), lastPossibleDay(other)];
  if (last === null || otherLast === null) return false;
  return (one.startedOn ?? one.fromOn) <= otherLast && (other.startedOn ?? other.fromOn) <= last;
}
