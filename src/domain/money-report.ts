import { OUTCOME_CODES } from './day-record.ts';
import type { Basis } from './ledger.ts';
import { KINDS } from './listing.ts';
import { type MoneyGrouping, NO_KEY } from './report-words.ts';

/**
 * «Расходы»: what the boards cost, whose listings it was spent on and what came of it. Spent is what was charged less
 * what was paid back, both on the local day that the transfer counts for; a hold is not spent, whatever becomes of it.
 * Money belongs to whomever the listing belonged to on that day.
 */

/** `freed`: held for a day, and free again before the charge hour, for the listing was out of the feed by then. */
export const MONEY_KINDS = ['charge', 'refund', 'freed', 'waiver'] as const;
export type MoneyKind = (typeof MONEY_KINDS)[number];

/** Sums of a cabinet's day that have all but the listing in common. */
export interface MoneyLine {
  readonly what: MoneyKind;
  /** null: a waived day, which nobody paid. */
  readonly basis: Basis | null;
  /** By `kindCode`, as the price was found; 0: not kept with it. */
  readonly kind: number;
  /** Who paid; null: not asked for, or nobody. */
  readonly accountId: number | null;
  /** Of the marks, and the sum of each, kopecks. */
  readonly ordinals: Int32Array;
  readonly kopecks: Float64Array;
}

/** What boards or the telephony told of a cabinet's day; a mark that is not here is not known of. */
export interface AudienceLine {
  readonly ordinals: Int32Array;
  /** By place in `ordinals`; -1: not known. */
  readonly views: Int32Array;
  readonly calls: Int32Array;
}

/** All that is known of a cabinet's day, by the marks' ordinals. */
export interface MoneyDay {
  readonly cabinetId: number;
  readonly day: string;
  /** The day's outcomes, a byte per mark (domain/day-record.ts); null: the day is not recorded yet. */
  readonly outcomes: Uint8Array | null;
  /** How the day ended, where something was freed; the marks' present outcomes where it is not recorded. */
  readonly closing: Uint8Array | null;
  /** Whose each mark was, by the owner's number; 0: nobody knows. */
  readonly owners: Uint32Array;
  /** Of each listing now, by `kindCode`. */
  readonly kinds: Uint8Array;
  readonly lines: readonly MoneyLine[];
  readonly audience: AudienceLine | null;
  /**
   * It lies between the first and the last day of which the cabinet's calls are known: those who tell of calls tell of
   * none where there were none.
   */
  readonly areCallsTold: boolean;
}

const codes = new Map<string, number>(KINDS.map((kind, at) => [kind, at + 1]));
/** The byte of a kind of object, 0 for none. */
export const kindCode = (kind: string | null): number => codes.get(kind ?? '') ?? 0;

const FIELDS = [
  'charged',
  'refunded',
  'waived',
  'savedByPauses',
  'savedByLeaving',
  'corrected',
  /** Listing-days in a feed, and what was spent on the recorded days they were counted on. */
  'days',
  'spentOnRecorded',
  'views',
  'viewsTold',
  'calls',
  'callsTold',
  /** What was spent in a cabinet from the first to the last day of which its calls are known. */
  'spentWhereCalled',
] as const;
type Field = (typeof FIELDS)[number];
export type MoneySums = Record<Field, number>;
const AT = Object.fromEntries(FIELDS.map((field, at) => [field, at])) as Record<Field, number>;

const NOT_ASKED = -1;
const UNKNOWN = -2;

export interface TallyOptions {
  readonly by: MoneyGrouping;
  readonly steps: number;
  /** The group of a cabinet, where cabinets or boards are the groups. */
  readonly keyOfCabinet: (cabinetId: number) => string;
  /** The group of whoever paid, where accounts are the groups. */
  readonly keyOfAccount: (accountId: number) => string;
  /** The group of an owner where owners are the groups, anything else where they are not; null: not asked for. */
  readonly keyOfOwner: (owner: number) => string | null;
  /** Only this group, listing by listing: the keys are «cabinet/ordinal». */
  readonly only?: string | undefined;
}

const OWNER_GROUPS: readonly MoneyGrouping[] = ['branch', 'department', 'employee'];
/** Groups that a listing's day in a feed belongs to; what was paid for and by whom it is not. */
export const hasDays = (by: MoneyGrouping): boolean => by !== 'basis' && by !== 'account';

/** Adds up days of cabinets by group and step. */
export class MoneyTally {
  readonly #options: TallyOptions;
  readonly #rows = new Map<string, Float64Array>();
  readonly #keys = new Map<string, number>();
  readonly #sums: Float64Array[] = [];
  readonly #rowOfOwner: number[] = [];
  readonly #cabinets = new Set<number>();

  constructor(options: TallyOptions) {
    this.#options = options;
  }

  #rowOf(key: string): number {
    const known = this.#keys.get(key);
    if (known !== undefined) return known;
    const sums = new Float64Array(this.#options.steps * FIELDS.length);
    this.#keys.set(key, this.#sums.length);
    this.#rows.set(key, sums);
    return this.#sums.push(sums) - 1;
  }

  #ofOwner(owner: number): number {
    const known = this.#rowOfOwner[owner];
    if (known !== undefined) return known;
    const { by, keyOfOwner } = this.#options;
    const key = keyOfOwner(owner);
    const row = key === null ? NOT_ASKED : OWNER_GROUPS.includes(by) ? this.#rowOf(key) : UNKNOWN;
    this.#rowOfOwner[owner] = row;
    return row;
  }

  /** Was anything of a cabinet's day that is asked for, by whatever it is grouped? */
  #isConcerned({ outcomes, owners, lines, audience }: MoneyDay): boolean {
    const isAsked = (ordinal: number) => this.#ofOwner(owners[ordinal] ?? 0) !== NOT_ASKED;
    return (
      (outcomes?.some((code, ordinal) => code === OUTCOME_CODES.published && isAsked(ordinal)) ?? false) ||
      lines.some(({ ordinals }) => ordinals.some(isAsked)) ||
      (audience?.ordinals.some(isAsked) ?? false)
    );
  }

  /** @param step its place among the steps */
  addDay(day: MoneyDay, step: number): void {
    const { by, keyOfCabinet, keyOfAccount, only } = this.#options;
    const { cabinetId, outcomes, closing, owners, kinds, lines, audience, areCallsTold } = day;
    const ofDay = by === 'board' || by === 'cabinet' ? this.#rowOf(keyOfCabinet(cabinetId)) : null;
    const kindRows = by === 'kind' ? [NO_KEY, ...KINDS].map((kind) => this.#rowOf(kind)) : null;
    const wanted = only === undefined ? null : (this.#keys.get(only) ?? null);
    /** The row of a mark, once the group is known; NOT_ASKED: none. */
    const place = (ordinal: number, group: number | null): number => {
      const own = this.#ofOwner(owners[ordinal] ?? 0);
      if (own === NOT_ASKED) return NOT_ASKED;
      const row = group ?? (own === UNKNOWN ? NOT_ASKED : own);
      if (only === undefined) return row;
      return row === (wanted ?? this.#keys.get(only)) ? this.#rowOf(`${cabinetId}/${ordinal}`) : NOT_ASKED;
    };
    const byKind = (ordinal: number, code: number) => kindRows && kindRows[code === 0 ? (kinds[ordinal] ?? 0) : code]!;
    const at = step * FIELDS.length;
    if (!this.#cabinets.has(cabinetId) && this.#isConcerned(day)) this.#cabinets.add(cabinetId);
    /** Of what kind a listing was when its day was priced. */
    const pricedAs = by === 'kind' ? new Uint8Array(Math.max(owners.length, outcomes?.length ?? 0)) : null;

    for (const { what, basis, kind, accountId, ordinals, kopecks } of lines) {
      const ofLine =
        by === 'basis'
          ? this.#rowOf(basis ?? NO_KEY)
          : by === 'account'
            ? this.#rowOf(accountId === null ? NO_KEY : keyOfAccount(accountId))
            : ofDay;
      for (let index = 0; index < ordinals.length; index++) {
        const ordinal = ordinals[index]!;
        if (pricedAs && kind !== 0 && ordinal >= 0) pricedAs[ordinal] = kind;
        const row = place(ordinal, ofLine ?? byKind(ordinal, kind));
        if (row < 0) continue;
        const sums = this.#sums[row]!;
        const sum = kopecks[index]!;
        // Freed because it is paid for otherwise: it has not left.
        if (what === 'freed' && closing?.[ordinal] === OUTCOME_CODES.published) continue;
        const field =
          what === 'freed'
            ? closing?.[ordinal] === OUTCOME_CODES.paused
              ? AT.savedByPauses
              : AT.savedByLeaving
            : FIELD_OF[what];
        sums[at + field]! += sum;
        const spent = what === 'charge' ? sum : what === 'refund' ? -sum : 0;
        if (outcomes !== null) sums[at + AT.spentOnRecorded]! += spent;
        if (areCallsTold) sums[at + AT.spentWhereCalled]! += spent;
      }
    }
    if (!hasDays(by)) return;
    if (outcomes !== null)
      for (let ordinal = 0; ordinal < outcomes.length; ordinal++) {
        if (outcomes[ordinal] !== OUTCOME_CODES.published) continue;
        const row = place(ordinal, ofDay ?? byKind(ordinal, pricedAs?.[ordinal] ?? 0));
        if (row >= 0) this.#sums[row]![at + AT.days]!++;
      }
    for (let index = 0; index < (audience?.ordinals.length ?? 0); index++) {
      const ordinal = audience!.ordinals[index]!;
      const row = place(ordinal, ofDay ?? byKind(ordinal, pricedAs?.[ordinal] ?? 0));
      if (row < 0) continue;
      const sums = this.#sums[row]!;
      const [views, calls] = [audience!.views[index]!, audience!.calls[index]!];
      if (views >= 0) {
        sums[at + AT.views]! += views;
        sums[at + AT.viewsTold]!++;
      }
      if (calls >= 0) {
        sums[at + AT.calls]! += calls;
        sums[at + AT.callsTold]!++;
      }
    }
  }

  /**
   * A counter-entry of a person, which is about an account and about no listing.
   * @param key the group of the account's owner, where owners are the groups
   * @param kopecks what it gave to the account; below zero: took from it
   */
  addCorrection(key: string, step: number, kopecks: number): void {
    this.#sums[this.#rowOf(key)]![step * FIELDS.length + AT.corrected]! += kopecks;
  }

  /** Cabinets in which something was that is asked for. */
  get cabinets(): ReadonlySet<number> {
    return this.#cabinets;
  }

  /** Groups that have something, with the sums of each step. */
  rows(): { readonly key: string; readonly steps: readonly MoneySums[] }[] {
    const { steps, only } = this.#options;
    return [...this.#rows]
      .filter(([key, sums]) => (only === undefined || key.includes('/')) && sums.some((sum) => sum !== 0))
      .map(([key, sums]) => ({
        key,
        steps: Array.from({ length: steps }, (_, step) => {
          const own = sums.subarray(step * FIELDS.length, (step + 1) * FIELDS.length);
          return Object.fromEntries(FIELDS.map((field, place) => [field, exact(own[place]!)])) as MoneySums;
        }),
      }));
  }
}

const FIELD_OF: Record<Exclude<MoneyKind, 'freed'>, number> = {
  charge: AT.charged,
  refund: AT.refunded,
  waiver: AT.waived,
};

function exact(sum: number): number {
  if (Number.isSafeInteger(sum)) return sum;
  throw new Error(`broken invariant: ${sum} is not a whole sum`);
}

/** Several sums as one. */
export function addSums(all: readonly MoneySums[]): MoneySums {
  return Object.fromEntries(
    FIELDS.map((field) => [field, all.reduce((sum, one) => exact(sum + one[field]), 0)]),
  ) as MoneySums;
}

/** What people read of sums. Kopecks and whole numbers; null: not known, or nothing to divide by. */
export interface MoneyFigures {
  /** Something of this is about listings; false: corrections only, which are about accounts. */
  readonly hasListings: boolean;
  readonly spentKopecks: number;
  readonly chargedKopecks: number;
  readonly refundedKopecks: number;
  /** Given back to accounts by counter-entries, less what they took. */
  readonly correctedKopecks: number;
  readonly waivedKopecks: number;
  readonly savedByPausesKopecks: number;
  readonly savedByLeavingKopecks: number;
  /** Listing-days in a feed; null: groups that have none. */
  readonly days: number | null;
  /** Of what was spent on recorded days, a listing-day's share. */
  readonly dayKopecks: number | null;
  readonly views: number | null;
  readonly calls: number | null;
  /** Of what was spent in cabinets from the first to the last day of which their calls are known, a call's share. */
  readonly callKopecks: number | null;
}

export function figuresOf(sums: MoneySums, by: MoneyGrouping): MoneyFigures {
  const isWhole = hasDays(by);
  const share = (kopecks: number, count: number) =>
    isWhole && count > 0 && kopecks >= 0 ? Math.round(kopecks / count) : null;
  const { corrected: _, ...ofListings } = sums;
  return {
    hasListings: Object.values(ofListings).some((sum) => sum !== 0),
    spentKopecks: sums.charged - sums.refunded,
    chargedKopecks: sums.charged,
    refundedKopecks: sums.refunded,
    correctedKopecks: sums.corrected,
    waivedKopecks: sums.waived,
    savedByPausesKopecks: sums.savedByPauses,
    savedByLeavingKopecks: sums.savedByLeaving,
    days: isWhole ? sums.days : null,
    dayKopecks: share(sums.spentOnRecorded, sums.days),
    views: isWhole && sums.viewsTold > 0 ? sums.views : null,
    calls: isWhole && sums.callsTold > 0 ? sums.calls : null,
    callKopecks: share(sums.spentWhereCalled, sums.calls),
  };
}
