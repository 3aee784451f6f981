import { addDays, localDay, momentOf, startOfDay } from '../domain/days.ts';
import { type Foreseen, Purses } from '../domain/funding.ts';
import { FREE, type Funds } from '../domain/gates.ts';
import { accountKey, type Basis, billId, payerOf, placementId } from '../domain/ledger.ts';
import { inWant } from '../domain/rotation.ts';
import { type PriceFacts, priceOf, type Tariff, tariffOf } from '../domain/tariff.ts';
import {
  billsOf,
  billsStanding,
  chargedPlacements,
  type DayBills,
  type MoneyLine,
  type Unfunded,
} from '../store/billing.ts';
import type { Queryable } from '../store/database.ts';
import { type AccountRow, listAccounts, listPurses } from '../store/ledger.ts';
import type { NarrowRow } from '../store/publishing.ts';
import type { Frame } from './frame.ts';

/**
 * The money of one cabinet on one local day: what each mark costs, who pays, what is paid already, and who comes short.
 * A run, `explain` and the dry run ask the same till, so that what is foretold is what is held.
 */

type PaidBasis = Exclude<Basis, 'promotion'>;

/** What a mark that wants to go out would cost, and where it stands in the order. Small: there is one for each mark. */
export interface Wish {
  readonly listingId: number;
  /** The caller's own number of the mark. */
  readonly place: number;
  readonly accountId: number | null;
  readonly kopecks: number;
  readonly basis: PaidBasis;
  readonly facts: PriceFacts;
  readonly isPinned: boolean;
  readonly waitingSince: number | null;
  readonly markedAt: number;
}

export interface ShortWish extends Wish {
  readonly funds: Extract<Funds, { state: 'short' }>;
}

/** What a mark costs, for people. */
export interface Cost {
  readonly kopecks: number;
  readonly accountId: number | null;
  readonly account: string | null;
  /** `wanted`: nothing is held yet. */
  readonly state: 'held' | 'charged' | 'wanted';
  readonly chargeAt: Date;
  /** For a placement, not for a day. */
  readonly sellsPlacements: boolean;
}

const UNPAID = 'Когда пришло время списания, выгрузка не работала, а после на счёте не хватило денег.';

/** A mark that stood in the served edition while charge moments went by. */
interface Owing extends Omit<Wish, 'place' | 'kopecks'> {
  /** Days of a placement that is paid as a whole. */
  readonly coveredFrom: string | null;
  readonly coveredUntil: string | null;
}

const PAID = 1;
const WAIVED = 2;

export class Till {
  /** The local day that is billed: today, or a later one if the clock was set back. */
  readonly day: string;
  /** The moment from which on this day is charged, not held. */
  readonly chargeAt: Date;
  /** The first day with holds whose charge moment has come; null: there are none. */
  readonly openSince: string | null;
  readonly #frame: Frame;
  readonly #now: Date;
  readonly #accounts: ReadonlyMap<string, AccountRow>;
  readonly #tariffs: readonly Tariff[];
  readonly #tariff: Tariff | null;
  readonly #bills: (day: string) => DayBills;
  readonly #placements: ReadonlySet<number>;
  /** Earlier days with a charge moment that nobody has settled, and today if its moment has passed. */
  readonly #owedDays: readonly string[];
  #purses: Purses;
  readonly #wishes: Wish[] = [];
  readonly #short: ShortWish[] = [];
  readonly #later: Wish[] = [];
  readonly #payers = new Map<number | null, Map<number | null, number | null>>();
  readonly #words = new Map<string, string>();
  readonly #owing: Owing[] = [];
  /** What became of the debts, by day: a byte for each of `#owing`, for there may be many days. */
  readonly #settled = new Map<string, Uint8Array>();
  /** Wishes of marks whose day is paid by a debt already. */
  readonly #paidByDebt = new Map<number, Wish | null>();

  private constructor(
    frame: Frame,
    now: Date,
    found: {
      readonly day: string;
      readonly chargeAt: Date;
      readonly owedDays: readonly string[];
      readonly openSince: string | null;
      readonly tariffs: readonly Tariff[];
      readonly accounts: readonly AccountRow[];
      readonly purses: Purses;
      readonly bills: (day: string) => DayBills;
      readonly placements: ReadonlySet<number>;
    },
  ) {
    this.#frame = frame;
    this.#now = now;
    this.day = found.day;
    this.chargeAt = found.chargeAt;
    this.openSince = found.openSince;
    this.#accounts = new Map(found.accounts.map((account) => [accountKey(account.kind, account.ownerId), account]));
    this.#tariffs = found.tariffs;
    this.#tariff = tariffOf(found.tariffs, found.day);
    this.#bills = found.bills;
    this.#placements = found.placements;
    this.#owedDays = found.owedDays;
    this.#purses = found.purses;
  }

  /**
   * @param listingIds what will be asked about; null: everything
   * @param foreseen what runs that come first will do to the accounts
   * @returns undefined when the cabinet has never had a tariff: everything is free
   */
  static async open(
    client: Queryable,
    frame: Frame,
    listingIds: readonly number[] | null = null,
    foreseen?: Foreseen,
  ): Promise<Till | undefined> {
    const { cabinet, context, row } = frame;
    const { tariffs } = frame;
    if (tariffs.length === 0) return undefined;
    const { billedAt } = row;
    const now = billingMoment(context.now, billedAt);
    const day = localDay(now, context.zone);
    const chargeMoment = (of: string) => chargeMomentOf(of, frame);
    const passed: string[] = [];
    if (billedAt !== null) {
      for (let of = localDay(billedAt, context.zone); of <= day; of = addDays(of, 1)) {
        const at = chargeMoment(of);
        // At that very moment it is the edition of this run that is served.
        if (at > billedAt && at < now) passed.push(of);
      }
    }
    const billedDay = billedAt === null ? day : localDay(billedAt, context.zone);
    const days = [...new Set([billedDay, ...passed, day])];
    // In another zone the last commit was on another day, and its holds are of that one.
    if (row.billedZone !== null && row.billedZone !== context.zone)
      days.unshift(...[-2, -1].map((ahead) => addDays(billedDay, ahead)));
    const bills = await billsOf(client, cabinet, days, listingIds);
    const purses = await listPurses(client, cabinet.agencyId, days);
    return new Till(frame, now, {
      day,
      chargeAt: chargeMoment(day),
      owedDays: passed,
      // Not only what has passed since the last commit: the charge hour may have been moved to before it.
      openSince: days.find((of) => bills(of).open > 0 && (of < day || chargeMoment(of) <= now)) ?? null,
      tariffs,
      accounts: await listAccounts(client, cabinet.agencyId),
      purses: new Purses(foreseen ? purses.map((purse) => foreseen.seen(purse, days)) : purses),
      bills,
      placements:
        frame.cabinetSettings.package?.kind === 'placements'
          ? await chargedPlacements(client, cabinet, day)
          : new Set<number>(),
    });
  }

  /** How many tariffs the cabinet has: another one written down meanwhile may be for the day that is billed. */
  get tariffs(): number {
    return this.#tariffs.length;
  }

  /** Is there a price for what exceeds the package? */
  get sellsExcess(): boolean {
    return this.#tariff !== null && this.#tariff.terms.excess !== null;
  }

  /** When the answer changes by itself next: the charge moment, or the midnight that begins another day to pay for. */
  nextAt(): Date {
    const midnight = startOfDay(addDays(this.day, 1), this.#frame.context.zone);
    return this.chargeAt > this.#now && this.chargeAt < midnight ? this.chargeAt : midnight;
  }

  /**
   * What a mark that wants to go out costs today; null: nothing, or it is billed already.
   * @param isExcess the package is used up
   */
  wish(row: NarrowRow, place: number, isExcess = false): Wish | null {
    const tariff = this.#tariff;
    const sellsPlacements = this.#frame.cabinetSettings.package?.kind === 'placements';
    if (tariff === null || this.#isCovered(row)) return null;
    if (!sellsPlacements && this.isBilled(row.listingId)) return null;
    const basis: PaidBasis = sellsPlacements
      ? isExcess
        ? 'excess-placement'
        : 'placement'
      : isExcess
        ? 'excess-day'
        : 'day';
    const wish = this.#wishFor(row, place, basis, tariff);
    return wish.kopecks === 0 ? null : wish;
  }

  /** Does a placement run that was paid as a whole? */
  #isCovered(row: NarrowRow): boolean {
    if (this.#placements.has(row.listingId)) return true;
    const { from, until } = placementOf(row);
    return from !== null && until !== null && from < this.day && this.day <= until;
  }

  #wishFor(row: NarrowRow, place: number, basis: PaidBasis, { terms }: Tariff): Wish {
    const stand = this.#standOf(row, basis);
    return { ...stand, place, kopecks: priceOf(terms, basis, stand.facts) ?? 0 };
  }

  #standOf(row: NarrowRow, basis: PaidBasis): Omit<Wish, 'place' | 'kopecks'> {
    return {
      listingId: row.listingId,
      accountId: this.#payerId(row),
      basis,
      facts: this.#factsOf(row),
      isPinned: row.isPinned,
      waitingSince: row.last?.waitingSince ?? null,
      markedAt: row.markedAt,
    };
  }

  /** The database gives every row words of its own; marks are kept in mind by the hundred thousand and share them. */
  #factsOf({ kind, deal, region, askingKopecks }: NarrowRow): PriceFacts {
    const word = <T extends string>(text: T): T => {
      const known = this.#words.get(text);
      if (known !== undefined) return known as T;
      this.#words.set(text, text);
      return text;
    };
    return {
      kind: word(kind),
      deal: word(deal),
      region: region === null ? null : word(region),
      priceKopecks: askingKopecks,
    };
  }

  /** What marks cost today, and from whose account: what was billed, or what would be. Absent: nothing. */
  async costs(
    client: Queryable,
    rows: readonly { readonly row: NarrowRow; readonly isExcess: boolean }[],
  ): Promise<ReadonlyMap<number, Cost>> {
    const { cabinet, cabinetSettings } = this.#frame;
    const sellsPlacements = cabinetSettings.package?.kind === 'placements';
    const { chargeAt } = this;
    const bills = await billsStanding(
      client,
      cabinet,
      rows.map(({ row }) => ({
        listingId: row.listingId,
        day: sellsPlacements ? (row.placement?.from ?? row.last?.placementFrom ?? this.day) : this.day,
      })),
    );
    const named = (accountId: number | null) => (accountId === null ? null : (this.account(accountId)?.name ?? null));
    const costs = new Map<number, Cost>();
    for (const { row, isExcess } of rows) {
      const known = bills.get(row.listingId) ?? null;
      const found = known ?? this.wish(row, 0, isExcess);
      if (found === null) continue;
      const { kopecks, accountId } = found;
      const state = known?.state ?? 'wanted';
      costs.set(row.listingId, { kopecks, accountId, account: named(accountId), state, chargeAt, sellsPlacements });
    }
    return costs;
  }

  /** The account that pays for a listing. */
  payer(row: Pick<NarrowRow, 'employeeId' | 'branchId'>): AccountRow | undefined {
    const owner = this.#frame.owner(row);
    return payerOf(this.#accounts, owner, this.#frame.settings.money.payer);
  }

  /** The same, for a hundred thousand listings of a few people. */
  #payerId(row: Pick<NarrowRow, 'employeeId' | 'branchId'>): number | null {
    let byBranch = this.#payers.get(row.employeeId);
    if (!byBranch) {
      byBranch = new Map();
      this.#payers.set(row.employeeId, byBranch);
    }
    let found = byBranch.get(row.branchId);
    if (found === undefined) {
      found = this.payer(row)?.id ?? null;
      byBranch.set(row.branchId, found);
    }
    return found;
  }

  /** Is the day held or charged already? It is never priced again. */
  isBilled(listingId: number): boolean {
    return this.#bills(this.day).standing.has(listingId);
  }

  /** Asks for a wish at once: for the caller who goes through the marks in the order in which places are given. */
  ask(wish: Wish | null): Funds {
    if (wish === null) return FREE;
    if (this.#paidByDebt.has(wish.listingId) && !isPlacement(wish.basis)) {
      this.#paidByDebt.set(wish.listingId, wish);
      return { state: 'paid', accountId: wish.accountId!, kopecks: wish.kopecks };
    }
    const funds = this.#purses.ask(wish.accountId, wish.kopecks, wish.basis, this.day);
    if (funds.state === 'paid') this.#wishes.push(wish);
    else if (funds.state === 'short') this.#short.push({ ...wish, funds });
    return funds;
  }

  /** Puts a wish aside until all marks are known. */
  later(wish: Wish | null): void {
    if (wish !== null) this.#later.push(wish);
  }

  /** Takes note of a mark that stands in the served edition: it owes every charge moment that went by without a run. */
  owe(row: NarrowRow): void {
    if (row.last?.outcome !== 'published' || this.#owedDays.length === 0) return;
    // What it was shown as: a mark without a place in a package with places is over it.
    const isExcess = this.#frame.cabinetSettings.package?.kind === 'concurrent' && row.last.placedOn === null;
    const { from, until } = placementOf(row);
    this.#owing.push({
      ...this.#standOf(row, isExcess ? 'excess-day' : 'day'),
      coveredFrom: from,
      coveredUntil: until,
    });
  }

  /** What a mark owes for a day, kopecks, and by which tariff; undefined: nothing. */
  #debtOf(
    owing: Owing,
    day: string,
  ): { readonly kopecks: number; readonly basis: PaidBasis; readonly tariff: Tariff } | undefined {
    const tariff = tariffOf(this.#tariffs, day);
    if (tariff === null || this.#bills(day).standing.has(owing.listingId)) return undefined;
    const { coveredFrom, coveredUntil } = owing;
    if (coveredFrom !== null && coveredUntil !== null && coveredFrom <= day && day <= coveredUntil) return undefined;
    const excess = priceOf(tariff.terms, owing.basis, owing.facts);
    const basis = excess === null ? 'day' : owing.basis;
    const kopecks = excess ?? priceOf(tariff.terms, basis, owing.facts) ?? 0;
    return kopecks === 0 ? undefined : { kopecks, basis, tariff };
  }

  /**
   * Settles what was shown and is not paid for, the oldest day first, before anybody asks for a new day. Once, when all
   * marks in the served edition are noted.
   */
  settleDebts(): void {
    this.#owing.sort(inWant);
    for (const day of this.#owedDays) {
      const fates = new Uint8Array(this.#owing.length);
      this.#settled.set(day, fates);
      for (const [index, owing] of this.#owing.entries()) {
        const debt = this.#debtOf(owing, day);
        if (!debt) continue;
        fates[index] = this.#purses.take(owing.accountId, debt.kopecks, day) ? PAID : WAIVED;
        if (day === this.day && fates[index] === PAID) this.#paidByDebt.set(owing.listingId, null);
      }
    }
  }

  /** Asks for the wishes that were put aside, in their order. @returns who comes short */
  settle(): ShortWish[] {
    return this.#askAll(this.#later.splice(0));
  }

  #askAll(wishes: Wish[]): ShortWish[] {
    const already = this.#short.length;
    for (const wish of wishes.sort(inWant)) this.ask(wish);
    return this.#short.slice(already);
  }

  /**
   * Some accounts have less than the run had found: what they pay for is decided again with what they have now.
   * @returns who comes short now and did not before
   */
  async again(client: Queryable, accountIds: readonly number[]): Promise<ShortWish[]> {
    const of = new Set<number | null>(accountIds);
    const days = [...new Set([...this.#owedDays, this.day])];
    this.#purses = new Purses(await listPurses(client, this.#frame.cabinet.agencyId, days, accountIds));
    const all = this.#wishes.splice(0);
    this.#wishes.push(...all.filter(({ accountId }) => !of.has(accountId)));
    const anew = all.filter(({ accountId }) => of.has(accountId));
    for (const [day, fates] of this.#settled) {
      for (const [index, owing] of this.#owing.entries()) {
        if (fates[index] !== PAID || !of.has(owing.accountId)) continue;
        if (this.#purses.take(owing.accountId, this.#debtOf(owing, day)!.kopecks, day)) continue;
        fates[index] = WAIVED;
        if (day !== this.day) continue;
        // It went out because the debt had paid its day.
        const wish = this.#paidByDebt.get(owing.listingId);
        this.#paidByDebt.delete(owing.listingId);
        if (wish) anew.push(wish);
      }
    }
    return this.#askAll(anew);
  }

  /** What has been granted, with the debts; what was shown and cannot be paid is waived outright. */
  *lines(): Generator<MoneyLine> {
    for (const [day, fates] of this.#settled) {
      for (const [index, owing] of this.#owing.entries()) {
        if (fates[index] === 0) continue;
        const { kopecks, basis, tariff } = this.#debtOf(owing, day)!;
        yield {
          ...this.#line({ ...owing, kopecks, basis }, day, tariff),
          isOwed: true,
          waived: fates[index] === PAID ? null : UNPAID,
        };
      }
    }
    for (const wish of this.#wishes) yield this.#line(wish, this.day, this.#tariff!);
  }

  #line(wish: Omit<Wish, 'place'>, day: string, tariff: Tariff): MoneyLine {
    const { listingId, accountId, kopecks, basis, facts } = wish;
    const { cabinet } = this.#frame;
    return {
      id: isPlacement(basis)
        ? placementId(cabinet.id, listingId, day)
        : billId(cabinet.id, listingId, day, (this.#bills(day).tries.get(listingId) ?? 0) + 1),
      listingId,
      day,
      accountId,
      kopecks,
      basis,
      tariffId: tariff.id,
      facts,
      isOwed: false,
      waived: null,
    };
  }

  /** What could not be granted. */
  short(): readonly ShortWish[] {
    return this.#short;
  }

  /** Whose account it is; undefined: there is no such account. */
  account(accountId: number): AccountRow | undefined {
    return [...this.#accounts.values()].find(({ id }) => id === accountId);
  }

  /** Has an account enough for so many marks, whatever they are? */
  isEnough(accountId: number, marks: number): boolean {
    const dearest = Math.max(
      ...[...this.#tariff!.terms.lines, ...(this.#tariff!.terms.excess ?? [])].map((line) => line.kopecks),
    );
    return this.#purses.has(accountId, dearest * marks, this.day);
  }
}

const isPlacement = (basis: PaidBasis) => basis === 'placement' || basis === 'excess-placement';

/** The placement that a mark used up last. */
const placementOf = ({ placement, last }: NarrowRow) => ({
  from: placement?.from ?? last?.placementFrom ?? null,
  until: placement?.until ?? last?.placementUntil ?? null,
});

/** Billing only moves forward: a clock that was set back does not begin a day again. */
export function billingMoment(now: Date, billedAt: Date | null): Date {
  return billedAt !== null && billedAt > now ? billedAt : now;
}

/** The moment from which on a local day of a cabinet is charged. */
export function chargeMomentOf(
  day: string,
  { cabinetSettings, context }: Pick<Frame, 'cabinetSettings' | 'context'>,
): Date {
  const { chargeAt } = cabinetSettings;
  return momentOf(day, Number(chargeAt.slice(0, 2)) * 60 + Number(chargeAt.slice(3)), context.zone);
}

/** How a mark that comes short is put aside for the commit. */
export const unfunded = ({ listingId, funds, waitingSince }: ShortWish, now: Date): Unfunded => ({
  listingId,
  reason: funds.reason,
  waitingSince: waitingSince === null ? now : new Date(waitingSince),
});
