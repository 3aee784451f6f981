import { addDays, russianDay } from './days.ts';
import type { Outcome } from './gates.ts';
import type { Basis } from './ledger.ts';
import { formatKopecks } from './money.ts';
import { type PriceFacts, priceOf, type Tariff, tariffOf } from './tariff.ts';

/**
 * What we planned, what our ledger charged and what the board charged, side by side by listing and day; and the four
 * lists of what does not fit. Days are told one after the other, so that a month of a big cabinet is never in memory.
 */

/**
 * `paid-but-withdrawn`: the board charged for a day on which no edition of ours had the advert. `live-not-ours`: it
 * charged for an advert that is no mark of the cabinet. `marked-not-live`: an edition had it, and the report of that
 * day knows nothing of it. `charged-twice`: one service more than once for a listing and day.
 */
export const LISTS = ['paid-but-withdrawn', 'live-not-ours', 'marked-not-live', 'charged-twice'] as const;
export type ListName = (typeof LISTS)[number];

export const LIST_LABELS: Record<ListName, string> = {
  'paid-but-withdrawn': 'Оплачено, но снято',
  'live-not-ours': 'На доске, но не наше',
  'marked-not-live': 'Отмечено, но не размещено',
  'charged-twice': 'Списано дважды',
};

export interface BoardCharge {
  /** '' where the report does not name it. */
  readonly service: string;
  /** Below zero: money back. Zero: it cost a placement, not money. */
  readonly kopecks: number;
}

/** What our records and the board's say of a listing and day. */
export interface ListingFacts {
  readonly listingId: number;
  /** The source's number. */
  readonly externalId: string;
  /** Its id in the feed. */
  readonly advert: string;
  /** The board's own number, where known. */
  readonly boardNumber: number | null;
  /** null: it was not marked. */
  readonly outcome: Outcome | null;
  readonly priceFacts: PriceFacts;
  /** What the day was billed by; null: it was not. */
  readonly bill: { readonly basis: Exclude<Basis, 'promotion'>; readonly facts: PriceFacts } | null;
  /** Charges less refunds. */
  readonly chargedKopecks: number;
  /** Held and neither charged nor freed. */
  readonly heldKopecks: number;
  /** The price of the promotions charged on the day. */
  readonly promotionKopecks: number;
  /** What we let go, because nobody could pay. */
  readonly waivedKopecks: number;
  readonly charges: readonly BoardCharge[];
  /** The first day of the placement that covers the day; null: there is none. */
  readonly placementFrom: string | null;
  /** The board's reports have it on some day of that placement up to this one. */
  readonly isPlacementSeen: boolean;
}

/** An advert in the board's report that is no mark of the cabinet. */
export interface StrangerFacts {
  readonly advert: string;
  /** The cabinet of ours on the same board whose mark it is; null: nobody's. */
  readonly cabinet: string | null;
  readonly charges: readonly BoardCharge[];
}

export interface DayFacts {
  readonly day: string;
  /** false: what was shown is not known, so nothing is said about it. */
  readonly isRecorded: boolean;
  /** A report of the board covers the whole day. */
  readonly isReported: boolean;
  readonly listings: readonly ListingFacts[];
  readonly strangers: readonly StrangerFacts[];
  /** Charges of the cabinet as a whole. */
  readonly unaddressed: readonly BoardCharge[];
}

/** One line of the comparison, kopecks. */
export interface ReconciledRow {
  readonly day: string;
  /** null: an advert that is not ours. */
  readonly listingId: number | null;
  readonly externalId: string | null;
  readonly advert: string;
  /** null: not marked, or what was shown is not known. */
  readonly outcome: Outcome | null;
  /** By the tariff of the day; null: what was shown is not known. */
  readonly plannedKopecks: number | null;
  readonly chargedKopecks: number;
  readonly heldKopecks: number;
  readonly waivedKopecks: number;
  readonly boardKopecks: number;
  /** How many charges the board's sum consists of, money back not counted. */
  readonly boardCharges: number;
  /** The board's sum less what we charged or hold; null: no report covers the day. */
  readonly differenceKopecks: number | null;
  readonly lists: readonly ListName[];
}

/** One line of a list: a listing or a foreign advert with all its days. */
export interface Finding {
  readonly list: ListName;
  readonly listingId: number | null;
  readonly externalId: string | null;
  readonly advert: string;
  readonly days: readonly string[];
  /** What the board charged on these days. */
  readonly boardKopecks: number;
  /** What to ask back. Nothing is asked back twice, whatever lists it is in. */
  readonly claimKopecks: number;
  /** For the board's support, ready to be sent. */
  readonly sentence: string;
}

export interface ReconciliationTotals {
  readonly plannedKopecks: number;
  readonly chargedKopecks: number;
  readonly heldKopecks: number;
  readonly waivedKopecks: number;
  readonly boardKopecks: number;
  /** Of the board's sum: for adverts that are not ours. */
  readonly strangersKopecks: number;
  /** Of the board's sum: for no advert at all. */
  readonly unaddressedKopecks: number;
}

/** One day of the cabinet, kopecks. */
export interface ReconciledDay {
  readonly day: string;
  /** A report covers the whole day. */
  readonly isReported: boolean;
  /** Charged and held by us. */
  readonly oursKopecks: number;
  readonly boardKopecks: number;
  /** null: no report covers the day. */
  readonly differenceKopecks: number | null;
}

export interface Reconciled {
  readonly days: readonly ReconciledDay[];
  readonly totals: ReconciliationTotals;
  /** The same of the days that a report covers whole, with the difference. */
  readonly covered: ReconciliationTotals & { readonly days: number; readonly differenceKopecks: number };
  /** Days that no report covers whole. */
  readonly uncovered: readonly string[];
  /** Days of which it is not known what was shown. */
  readonly unrecorded: readonly string[];
  readonly lists: Readonly<Record<ListName, readonly Finding[]>>;
}

type Sums = { -readonly [K in keyof ReconciliationTotals]: number };

interface Gathered {
  readonly list: ListName;
  readonly listingId: number | null;
  readonly externalId: string | null;
  readonly advert: string;
  readonly boardNumber: number | null;
  readonly cabinet: string | null;
  readonly days: string[];
  readonly services: Set<string>;
  boardKopecks: number;
  claimKopecks: number;
  /** Of charges made twice: by day, and the days that are in another list already. */
  readonly details: string[];
  readonly elsewhere: string[];
}

/** A period of a cabinet while it is being read. Days come in their order. */
export class Reconciliation {
  readonly #tariffs: readonly Tariff[];
  readonly #sells: 'days' | 'placements';
  readonly #totals = noSums();
  readonly #covered = noSums();
  #coveredDays = 0;
  readonly #days: ReconciledDay[] = [];
  readonly #uncovered: string[] = [];
  readonly #unrecorded: string[] = [];
  readonly #found = new Map<string, Gathered>();

  /** @param sells what the cabinet pays for: days of adverts, or placements of a package */
  constructor(tariffs: readonly Tariff[], sells: 'days' | 'placements') {
    this.#tariffs = tariffs;
    this.#sells = sells;
  }

  /** @returns the lines of the day, foreign adverts last; none for listings of which there is nothing to tell */
  day(facts: DayFacts): ReconciledRow[] {
    const { day, isRecorded, isReported, listings, strangers, unaddressed } = facts;
    if (!isReported) this.#uncovered.push(day);
    else this.#coveredDays++;
    if (!isRecorded) this.#unrecorded.push(day);
    const rows = [
      ...listings.flatMap((listing) => this.#listing(facts, listing)),
      ...strangers.map((stranger) => this.#stranger(facts, stranger)),
    ];
    const ofDay = noSums();
    for (const sums of isReported ? [this.#totals, this.#covered, ofDay] : [this.#totals, ofDay]) {
      for (const row of rows) {
        sums.plannedKopecks += row.plannedKopecks ?? 0;
        sums.chargedKopecks += row.chargedKopecks;
        sums.heldKopecks += row.heldKopecks;
        sums.waivedKopecks += row.waivedKopecks;
        sums.boardKopecks += row.boardKopecks;
        if (row.listingId === null) sums.strangersKopecks += row.boardKopecks;
      }
      const others = sumOf(unaddressed);
      sums.unaddressedKopecks += others;
      sums.boardKopecks += others;
    }
    const oursKopecks = ofDay.chargedKopecks + ofDay.heldKopecks;
    const { boardKopecks } = ofDay;
    const differenceKopecks = isReported ? boardKopecks - oursKopecks : null;
    this.#days.push({ day, isReported, oursKopecks, boardKopecks, differenceKopecks });
    return rows;
  }

  #listing({ day, isRecorded, isReported }: DayFacts, listing: ListingFacts): ReconciledRow[] {
    const { listingId, externalId, advert, outcome, charges, chargedKopecks, heldKopecks, waivedKopecks } = listing;
    const isShown = outcome === 'published';
    const terms = tariffOf(this.#tariffs, day)?.terms ?? null;
    const { price, isDue } = priceOfDay(listing, terms, day, this.#sells);
    const planned = !isRecorded ? null : (isShown && isDue ? (price ?? 0) : 0) + listing.promotionKopecks;
    const nothing = !isShown && charges.length === 0 && chargedKopecks === 0 && heldKopecks === 0 && planned === 0;
    if (nothing && waivedKopecks === 0) return [];

    const boardKopecks = sumOf(charges);
    const standing = standingCharges(charges);
    const lists: ListName[] = [];
    const isWithdrawn = isRecorded && !isShown && standing.length > 0 && boardKopecks > 0;
    if (isWithdrawn) {
      lists.push('paid-but-withdrawn');
      const found = this.#gather('paid-but-withdrawn', listing, day);
      for (const { service } of standing) found.services.add(service);
      found.boardKopecks += boardKopecks;
      found.claimKopecks += boardKopecks;
    }
    const isSeen = charges.length > 0 || (listing.placementFrom !== null && listing.isPlacementSeen);
    // What is free leaves no trace at the board; a price that is not known may be any.
    if (isRecorded && isReported && isShown && !isSeen && price !== 0) {
      lists.push('marked-not-live');
      this.#gather('marked-not-live', listing, day);
    }
    const repeated = [...byService(standing)].filter(([, all]) => all.length > 1);
    if (repeated.length > 0) {
      lists.push('charged-twice');
      const found = this.#gather('charged-twice', listing, day);
      found.boardKopecks += boardKopecks;
      const told = repeated.map(([service, all]) => {
        found.services.add(service);
        return `${serviceTold(service)} — ${all.map(({ kopecks }) => formatKopecks(kopecks)).join(' и ')}`;
      });
      found.details.push(`${russianDay(day)}: ${told.join(', ')}`);
      if (isWithdrawn) found.elsewhere.push(day);
      else {
        const extra = repeated.reduce((all, [, some]) => all + sumOf(some) - most(some), 0);
        found.claimKopecks += Math.max(0, Math.min(extra, boardKopecks));
      }
    }
    return [
      {
        day,
        listingId,
        externalId,
        advert,
        outcome: isRecorded ? outcome : null,
        plannedKopecks: planned,
        chargedKopecks,
        heldKopecks,
        waivedKopecks,
        boardKopecks,
        boardCharges: charges.filter(({ kopecks }) => kopecks >= 0).length,
        differenceKopecks: isReported ? boardKopecks - chargedKopecks - heldKopecks : null,
        lists,
      },
    ];
  }

  #stranger({ day, isReported }: DayFacts, stranger: StrangerFacts): ReconciledRow {
    const { advert, charges, cabinet } = stranger;
    const boardKopecks = sumOf(charges);
    const found = this.#gather(
      'live-not-ours',
      { listingId: null, externalId: null, advert, boardNumber: null },
      day,
      cabinet,
    );
    for (const { service } of charges) found.services.add(service);
    found.boardKopecks += boardKopecks;
    // What another cabinet of ours places may be owed, only not by this one.
    found.claimKopecks = cabinet === null ? Math.max(0, found.boardKopecks) : 0;
    return {
      day,
      listingId: null,
      externalId: null,
      advert,
      outcome: null,
      plannedKopecks: 0,
      chargedKopecks: 0,
      heldKopecks: 0,
      waivedKopecks: 0,
      boardKopecks,
      boardCharges: charges.filter(({ kopecks }) => kopecks >= 0).length,
      differenceKopecks: isReported ? boardKopecks : null,
      lists: ['live-not-ours'],
    };
  }

  #gather(
    list: ListName,
    of: Pick<ListingFacts, 'advert' | 'boardNumber' | 'externalId' | 'listingId'> | Stranger,
    day: string,
    cabinet: string | null = null,
  ): Gathered {
    const key = `${list}/${of.listingId ?? `/${of.advert}`}`;
    let found = this.#found.get(key);
    if (!found) {
      const { listingId, externalId, advert, boardNumber } = of;
      found = {
        ...{ list, listingId, externalId, advert, boardNumber, cabinet },
        ...{ days: [], services: new Set(), boardKopecks: 0, claimKopecks: 0, details: [], elsewhere: [] },
      };
      this.#found.set(key, found);
    }
    found.days.push(day);
    return found;
  }

  /** The whole period, once its days have been told. */
  result(): Reconciled {
    const lists = Object.fromEntries(LISTS.map((list) => [list, [] as Finding[]])) as Record<ListName, Finding[]>;
    for (const found of this.#found.values()) {
      const { list, listingId, externalId, advert, days, boardKopecks, claimKopecks } = found;
      lists[list].push({
        ...{ list, listingId, externalId, advert, days, boardKopecks, claimKopecks },
        sentence: SENTENCES[list](found),
      });
    }
    for (const list of LISTS) {
      lists[list].sort((a, b) => b.claimKopecks - a.claimKopecks || (a.advert < b.advert ? -1 : 1));
    }
    const { chargedKopecks, heldKopecks, boardKopecks } = this.#covered;
    return {
      days: this.#days,
      totals: { ...this.#totals },
      covered: {
        ...this.#covered,
        days: this.#coveredDays,
        differenceKopecks: boardKopecks - chargedKopecks - heldKopecks,
      },
      uncovered: this.#uncovered,
      unrecorded: this.#unrecorded,
      lists,
    };
  }
}

type Stranger = {
  readonly listingId: null;
  readonly externalId: null;
  readonly advert: string;
  readonly boardNumber: null;
};

const noSums = (): Sums => ({
  plannedKopecks: 0,
  chargedKopecks: 0,
  heldKopecks: 0,
  waivedKopecks: 0,
  boardKopecks: 0,
  strangersKopecks: 0,
  unaddressedKopecks: 0,
});

const sumOf = (charges: readonly BoardCharge[]) => charges.reduce((all, { kopecks }) => all + kopecks, 0);
function byService(charges: readonly BoardCharge[]): Map<string, BoardCharge[]> {
  const groups = new Map<string, BoardCharge[]>();
  for (const charge of charges) {
    const group = groups.get(charge.service);
    if (group) group.push(charge);
    else groups.set(charge.service, [charge]);
  }
  return groups;
}

const most = (charges: readonly BoardCharge[]) => Math.max(...charges.map(({ kopecks }) => kopecks));

/** Charges that were not paid back. Money back undoes a charge of the same sum, of its own service first. */
export function standingCharges(charges: readonly BoardCharge[]): BoardCharge[] {
  const standing = charges.filter(({ kopecks }) => kopecks >= 0);
  for (const back of charges) {
    if (back.kopecks >= 0) continue;
    const isUndone = (charge: BoardCharge) => charge.kopecks === -back.kopecks;
    const own = standing.findIndex((charge) => isUndone(charge) && charge.service === back.service);
    const at = own >= 0 ? own : standing.findIndex(isUndone);
    if (at >= 0) standing.splice(at, 1);
  }
  return standing;
}

/** What a listing costs by the tariff, null where that has no price or there is none; and whether this is the day it is paid on. */
function priceOfDay(
  { bill, priceFacts, placementFrom }: ListingFacts,
  terms: Tariff['terms'] | null,
  day: string,
  sells: 'days' | 'placements',
): { readonly price: number | null; readonly isDue: boolean } {
  const isPlacement = placementFrom !== null || sells === 'placements';
  const basis = bill?.basis ?? (isPlacement ? 'placement' : 'day');
  return {
    price: terms === null ? null : priceOf(terms, basis, bill?.facts ?? priceFacts),
    isDue: bill !== null || !isPlacement || placementFrom === day,
  };
}

// ---------------------------------------------------------------------------------------------------------------------
// Sentences for the board's support

/** «21.11.2026», «21.11.2026–23.11.2026, 25.11.2026». */
export function daysTold(days: readonly string[]): string {
  const runs: [string, string][] = [];
  for (const day of days) {
    const last = runs.at(-1);
    if (last && addDays(last[1], 1) === day) last[1] = day;
    else runs.push([day, day]);
  }
  return runs.map(([from, to]) => (from === to ? '' : `${russianDay(from)}–`) + russianDay(to)).join(', ');
}

const serviceTold = (service: string) => (service === '' ? 'услуга не названа' : `«${service}»`);

function servicesTold(services: ReadonlySet<string>): string {
  const named = [...services].filter((service) => service !== '').map(serviceTold);
  return named.length === 0 ? '' : ` (${named.join(', ')})`;
}

const advertTold = ({ advert, boardNumber }: Gathered) =>
  boardNumber === null ? advert : `${advert} (номер на доске ${boardNumber})`;
const thoseDays = (days: readonly string[]) => (days.length === 1 ? 'этот день' : 'эти дни');

const SENTENCES: Record<ListName, (found: Gathered) => string> = {
  'paid-but-withdrawn': (found) =>
    `Объявления ${advertTold(found)} не было в нашем фиде ${daysTold(found.days)}, но за ${thoseDays(found.days)} с нас списано ${formatKopecks(found.boardKopecks)}${servicesTold(found.services)}. Просим вернуть эти деньги.`,
  'live-not-ours': (found) => {
    const whose =
      found.cabinet === null
        ? `Объявления ${found.advert} в нашем фиде нет и не было`
        : `Объявление ${found.advert} выгружает другой наш кабинет, «${found.cabinet}», а в фиде этого кабинета его нет и не было`;
    const isPaid = found.boardKopecks > 0;
    const days = daysTold(found.days);
    const what = isPaid
      ? `но за ${days} с нас списано ${formatKopecks(found.boardKopecks)}`
      : `но оно есть в отчёте о списаниях за ${days}`;
    const ask =
      found.cabinet !== null
        ? 'Просим проверить, с какого кабинета за него списывать.'
        : `Просим проверить, чьё это объявление${isPaid ? ', и вернуть деньги' : ''}.`;
    return `${whose}, ${what}${servicesTold(found.services)}. ${ask}`;
  },
  'marked-not-live': (found) =>
    `Объявление ${advertTold(found)} было в нашем фиде ${daysTold(found.days)}, но в отчёте о списаниях за ${thoseDays(found.days)} его нет. Просим ответить, размещено ли оно, и если нет — почему.`,
  'charged-twice': (found) => {
    const what = `За объявление ${advertTold(found)} одна и та же услуга списана больше одного раза за день. ${found.details.join('; ')}.`;
    const ask =
      found.claimKopecks > 0
        ? ` Просим вернуть лишнее: ${formatKopecks(found.claimKopecks)}.`
        : found.elsewhere.length === 0
          ? ' Просим объяснить, за что.'
          : '';
    const elsewhere =
      found.elsewhere.length === 0
        ? ''
        : ` За ${daysTold(found.elsewhere)} объявления не было в фиде: все деньги за ${thoseDays(found.elsewhere)} названы в обращении о снятых объявлениях.`;
    return what + ask + elsewhere;
  },
};
