import { addDays, daysBetween, russianDay } from './days.ts';
import type { Deal, Kind } from './listing.ts';
import type { AgencySettings } from './settings.ts';

/** Placement terms: from which day to which a mark wants its listing on the board. */

/** Both days inclusive, in the cabinet's zone; null: open. */
export interface PlacementTerm {
  readonly startsOn: string | null;
  readonly endsOn: string | null;
}

/** What a person says of a term. `days` counts the first day in and beats `endsOn`; `today` is the cabinet's. */
export interface TermWish {
  readonly startsOn?: string | 'today' | undefined;
  /** null: without an end. */
  readonly endsOn?: string | null | undefined;
  readonly days?: number | undefined;
}

/** How long a new mark stays by the agency's settings, days; null: open. The first line that fits. */
export function defaultDays(
  { defaults }: AgencySettings['terms'],
  mark: { readonly board: string; readonly kind: Kind; readonly deal: Deal },
): number | null {
  const line = defaults.find(
    ({ board = mark.board, kind = mark.kind, deal = mark.deal }) =>
      board === mark.board && kind === mark.kind && deal === mark.deal,
  );
  return line?.days ?? null;
}

/**
 * The term of a new mark: what was wished, and for what was not, the agency's default.
 * @param days the default, see {@link defaultDays}
 */
export function newTerm(wish: TermWish, days: number | null, today: string): PlacementTerm {
  const startsOn = wish.startsOn === undefined || wish.startsOn === 'today' ? today : wish.startsOn;
  if (wish.days !== undefined) return { startsOn, endsOn: addDays(startsOn, wish.days - 1) };
  if (wish.endsOn !== undefined) return { startsOn, endsOn: wish.endsOn };
  if (days !== null) return { startsOn, endsOn: addDays(startsOn, days - 1) };
  return wish.startsOn === undefined ? { startsOn: null, endsOn: null } : { startsOn, endsOn: null };
}

/**
 * A term that a person moves. `days` makes it a term of that length from today, or from its start where that is
 * still ahead; without it only the named ends move.
 */
export function movedTerm(old: PlacementTerm, wish: TermWish, today: string): PlacementTerm {
  const wished = wish.startsOn === 'today' ? today : wish.startsOn;
  if (wish.days !== undefined) {
    const startsOn = wished ?? (old.startsOn !== null && old.startsOn > today ? old.startsOn : today);
    return { startsOn, endsOn: addDays(startsOn, wish.days - 1) };
  }
  return { startsOn: wished ?? old.startsOn, endsOn: wish.endsOn === undefined ? old.endsOn : wish.endsOn };
}

/** What is wrong with a term, in a sentence; null when nothing is. */
export function termFault({ startsOn, endsOn }: PlacementTerm): string | null {
  if (startsOn === null || endsOn === null || startsOn <= endsOn) return null;
  return `Срок размещения кончался бы раньше, чем начался: с ${russianDay(startsOn)} по ${russianDay(endsOn)}.`;
}

/** Is the listing outside of the term on that day? */
export function isOutside({ startsOn, endsOn }: PlacementTerm, today: string): boolean {
  return (startsOn !== null && today < startsOn) || (endsOn !== null && today > endsOn);
}

/**
 * A term that goes on by itself: moved on by its own length until it covers the day.
 * @param madeOn the day of the mark, where an open start has no day of its own
 */
export function extendedTerm(
  old: { readonly startsOn: string | null; readonly endsOn: string },
  madeOn: string,
  today: string,
): { readonly startsOn: string; readonly endsOn: string } {
  const begun = old.startsOn ?? (madeOn < old.endsOn ? madeOn : old.endsOn);
  const length = daysBetween(begun, old.endsOn) + 1;
  // On the last day it is moved once already: nothing leaves the board between two terms.
  const times = Math.max(1, Math.ceil(daysBetween(old.endsOn, today) / length));
  const endsOn = addDays(old.endsOn, times * length);
  return { startsOn: addDays(endsOn, 1 - length), endsOn };
}
