import { addDays, daysBetween, startOfDay } from './days.ts';
import { Foreseen, type Purse, Purses, type Shortage } from './funding.ts';
import type { Basis } from './ledger.ts';
import { hasCome, monthOf } from './monthly.ts';
import { afterwards, allocate, type Candidate, inOrder, type Place, periodOf, placementFrom } from './rotation.ts';
import type { Package } from './settings.ts';
import { type PriceFacts, periodsOf, priceOf, type Tariff, type TariffTerms, tariffOf } from './tariff.ts';

/**
 * Until when the money lasts. The coming days are played as one run each, at its beginning: places and money are given
 * out by the functions that a run gives them out with. Terms that begin or end, tariffs that are written down and
 * monthly top-ups are followed; everything else stays as it is today, calendars and freshness too. Promotions are not
 * foretold.
 */

/** A mark that wants to be shown, as the run that comes first leaves it. */
export interface Standing extends Candidate {
  /** Whose account pays; null: nobody's. */
  readonly accountId: number | null;
  readonly facts: PriceFacts;
  /** First and last day on which it may be shown; null: open. */
  readonly startsOn: string | null;
  readonly endsOn: string | null;
  /** It is in the feed, and the cabinet's day is paid for. */
  readonly isShown: boolean;
  /** It waits for its turn: money takes no place from it. */
  readonly isWaiting: boolean;
  /** How many alike it stands for, in a cabinet without a package; absent: one. */
  readonly count?: number;
  /** It has come short of money on the cabinet's day. */
  readonly shortage: Pick<Shortage, 'cause' | 'missingKopecks'> | null;
}

export interface CabinetAhead {
  readonly id: number;
  readonly zone: string;
  /** Its local day, for which the first run has decided already. */
  readonly today: string;
  readonly package: Package | null;
  readonly turnDays: number;
  /** Placements used up in the period that `today` lies in. */
  readonly usedPlacements: number;
  readonly tariffs: readonly Tariff[];
  readonly marks: readonly Standing[];
}

export interface AccountAhead extends Purse {
  /** Topped up by itself; null: not, or nobody is there for it any more. */
  readonly monthly: { readonly kopecks: number; readonly on: number; readonly fromId: number | null } | null;
  /** The month (`2026-11`) whose top-up was made last. */
  readonly toppedUpIn: string | null;
}

export interface ForecastOptions {
  readonly cabinets: readonly CabinetAhead[];
  readonly accounts: readonly AccountAhead[];
  /** The agency's day, and how many days after it are looked at. */
  readonly today: string;
  readonly days: number;
}

export interface AccountForecast {
  readonly accountId: number;
  /** First day on which there is not enough on it for all that it is to pay; null: enough as far as was looked. */
  readonly endsOn: string | null;
  /** How many days it lasts, today counted in: 0 is not even today. */
  readonly coverDays: number | null;
  /** First day on which its limits stop something. */
  readonly limitedOn: string | null;
  /** What all that it is to pay costs on the first day after today, kopecks. */
  readonly dayKopecks: number;
  /** What it pays and what it gets after the first run, kopecks. */
  readonly spentKopecks: number;
  readonly toppedUpKopecks: number;
  /** What it can still pay at the end, with the overdraft. */
  readonly leftKopecks: number;
}

/** A listing that money stops, or does not let begin. */
export interface Stop {
  readonly cabinetId: number;
  readonly listingId: number;
  readonly accountId: number | null;
  /** The cabinet's local day. */
  readonly day: string;
  readonly cause: Shortage['cause'];
  /** What the account needs for it and for all that come before it. */
  readonly missingKopecks: number;
}

export interface Forecast {
  /** The agency's day, and the last day looked at. */
  readonly today: string;
  readonly until: string;
  /** In the order given. */
  readonly accounts: readonly AccountForecast[];
  /** Each listing and cabinet once, on the first of its days; by day. */
  readonly stops: readonly Stop[];
}

/** @see foretell */
export function forecast(options: ForecastOptions): Forecast {
  const days = foretell(options);
  for (;;) {
    const step = days.next();
    if (step.done) return step.value;
  }
}

/** The same day by day, for whoever has something else to do in between. */
export function* foretell({ cabinets, accounts, today, days }: ForecastOptions): Generator<string, Forecast> {
  const until = addDays(today, days);
  const outlook = new Outlook(accounts, today);
  const ahead = cabinets.map((cabinet) => new CabinetDays(cabinet));
  for (const one of ahead) {
    for (const state of one.states) {
      if (state.mark.shortage) outlook.stop(one.cabinet.id, state, state.mark.shortage, one.cabinet.today);
    }
  }
  for (
    let day = cabinets.reduce((first, cabinet) => (cabinet.today < first ? cabinet.today : first), today);
    day <= until;
    day = addDays(day, 1)
  ) {
    // A run that comes before the money finds nobody to pay, and the one after it does: the day's end is what counts.
    const isToppedUp = outlook.topUp(day > today ? day : today);
    for (const { one, at } of inTurn(ahead, day)) {
      // The first run has decided the day already, and there is another one only where something happens.
      if (day === one.cabinet.today && !isToppedUp && !one.isAwaited) continue;
      const purses = outlook.purses(one.accountIds, day);
      one.run(day, at, outlook.desk(one.cabinet.id, purses, day));
      outlook.settle(one.accountIds, purses, day);
    }
    yield day;
  }
  return { today, until, accounts: outlook.accounts(), stops: outlook.stops };
}

/** Cabinets in the order in which their day begins; those that begin together in the order of runs. */
function inTurn(ahead: readonly CabinetDays[], day: string): { readonly one: CabinetDays; readonly at: number }[] {
  const midnights = new Map<string, number>();
  const midnight = (zone: string) => {
    let found = midnights.get(zone);
    if (found === undefined) {
      found = startOfDay(day, zone).getTime();
      midnights.set(zone, found);
    }
    return found;
  };
  return ahead
    .filter(({ cabinet }) => cabinet.today <= day)
    .map((one) => ({ one, at: midnight(one.cabinet.zone) }))
    .sort((a, b) => a.at - b.at || a.one.cabinet.id - b.one.cabinet.id);
}

/** A mark as the days go by. Not a new object for each day: there may be a hundred thousand of them. */
interface State {
  readonly mark: Standing;
  candidate: Candidate;
  /** What the day costs, and what it would cost over the package. */
  kopecks: number;
  excessKopecks: number;
  isShown: boolean;
  /** It has a place, or would have one but for money. */
  hasPlace: boolean;
  isStopped: boolean;
}

/** Where a cabinet's marks ask for money on one day. */
interface Desk {
  /** Takes a sum if the account has all of it. */
  all(accountId: number | null, kopecks: number): boolean;
  one(state: State, kopecks: number): boolean;
}

/** The accounts as the days go by. */
class Outlook {
  readonly stops: Stop[] = [];
  readonly #accounts: ReadonlyMap<number, AccountAhead>;
  readonly #scheduled: readonly AccountAhead[];
  readonly #today: string;
  readonly #tomorrow: string;
  readonly #foreseen = new Foreseen();
  readonly #toppedUpIn = new Map<number, string>();
  readonly #endsOn = new Map<number, string>();
  readonly #limitedOn = new Map<number, string>();
  readonly #dayKopecks = new Map<number, number>();
  readonly #spent = new Map<number, number>();
  readonly #toppedUp = new Map<number, number>();

  constructor(accounts: readonly AccountAhead[], today: string) {
    this.#accounts = new Map(accounts.map((account) => [account.id, account]));
    // Those filled from outside first, for others are filled from them.
    this.#scheduled = accounts
      .filter(({ monthly }) => monthly !== null)
      .sort((a, b) => Number(a.monthly!.fromId !== null) - Number(b.monthly!.fromId !== null));
    this.#today = today;
    this.#tomorrow = addDays(today, 1);
    for (const { id, toppedUpIn } of accounts) if (toppedUpIn !== null) this.#toppedUpIn.set(id, toppedUpIn);
  }

  #available(accountId: number): number {
    const account = this.#accounts.get(accountId);
    return account ? this.#foreseen.seen(account, []).availableKopecks : 0;
  }

  /**
   * Makes the top-ups whose day of the month has come; one that cannot be paid waits for another day of the month.
   * @returns whether there were any
   */
  topUp(day: string): boolean {
    let isAny = false;
    let waiting = this.#scheduled.filter(
      ({ id, monthly }) => hasCome(monthly!.on, day) && this.#toppedUpIn.get(id) !== monthOf(day),
    );
    for (let moved = -1; waiting.length > 0 && moved !== 0; ) {
      moved = 0;
      const left: AccountAhead[] = [];
      for (const account of waiting) {
        const { kopecks, fromId } = account.monthly!;
        if (fromId !== null && this.#available(fromId) < kopecks) {
          left.push(account);
          continue;
        }
        if (fromId !== null) this.#receive(fromId, -kopecks);
        this.#receive(account.id, kopecks);
        this.#toppedUpIn.set(account.id, monthOf(day));
        moved++;
        isAny = true;
      }
      waiting = left;
    }
    return isAny;
  }

  #receive(accountId: number, kopecks: number): void {
    this.#foreseen.receive(accountId, kopecks);
    add(this.#toppedUp, accountId, kopecks);
  }

  purses(accountIds: readonly number[], day: string): Purses {
    return new Purses(
      accountIds.flatMap((id) => {
        const account = this.#accounts.get(id);
        return account ? [this.#foreseen.seen(account, [day])] : [];
      }),
    );
  }

  desk(cabinetId: number, purses: Purses, day: string): Desk {
    const asked = (accountId: number | null, kopecks: number) => {
      if (day === this.#tomorrow && accountId !== null) add(this.#dayKopecks, accountId, kopecks);
    };
    return {
      all: (accountId, kopecks) => {
        if (accountId === null || !purses.has(accountId, kopecks, day)) return false;
        purses.claim(accountId, kopecks, day);
        asked(accountId, kopecks);
        return true;
      },
      one: (state, kopecks) => {
        if (kopecks === 0) return true;
        const { accountId, count = 1 } = state.mark;
        asked(accountId, kopecks * count);
        for (let paid = 0; paid < count; paid++) {
          const shortage = purses.claim(accountId, kopecks, day);
          if (shortage === null) continue;
          this.stop(cabinetId, state, shortage, day);
          return false;
        }
        return true;
      },
    };
  }

  /** A mark comes short. */
  stop(
    cabinetId: number,
    state: State,
    { cause, missingKopecks }: Pick<Shortage, 'cause' | 'missingKopecks'>,
    day: string,
  ): void {
    const { listingId, accountId } = state.mark;
    if (accountId !== null && cause !== 'no-account') {
      const firsts = cause === 'balance' ? this.#endsOn : this.#limitedOn;
      const first = firsts.get(accountId);
      if (first === undefined || day < first) firsts.set(accountId, day);
    }
    if (state.isStopped || !state.hasPlace) return;
    state.isStopped = true;
    this.stops.push({ cabinetId, listingId, accountId, day, cause, missingKopecks });
  }

  /** What the accounts have paid in one run. */
  settle(accountIds: readonly number[], purses: Purses, day: string): void {
    for (const accountId of accountIds) {
      const kopecks = purses.taken(accountId);
      if (kopecks === 0) continue;
      this.#foreseen.spend(accountId, kopecks, day);
      add(this.#spent, accountId, kopecks);
    }
  }

  accounts(): AccountForecast[] {
    return [...this.#accounts.keys()].map((accountId) => {
      const endsOn = this.#endsOn.get(accountId) ?? null;
      return {
        accountId,
        endsOn,
        coverDays: endsOn === null ? null : Math.max(0, daysBetween(this.#today, endsOn)),
        limitedOn: this.#limitedOn.get(accountId) ?? null,
        dayKopecks: this.#dayKopecks.get(accountId) ?? 0,
        spentKopecks: this.#spent.get(accountId) ?? 0,
        toppedUpKopecks: this.#toppedUp.get(accountId) ?? 0,
        leftKopecks: this.#available(accountId),
      };
    });
  }
}

const add = (sums: Map<number, number>, key: number, kopecks: number) => sums.set(key, (sums.get(key) ?? 0) + kopecks);

/** Marks of a cabinet without a package that pay from one account. */
interface Group {
  readonly accountId: number | null;
  readonly states: State[];
  kopecks: number;
  /** Somebody did not get money last time. */
  isWaiting: boolean;
}

/** The marks of one cabinet as the days go by. */
class CabinetDays {
  readonly cabinet: CabinetAhead;
  readonly states: readonly State[];
  readonly accountIds: readonly number[];
  readonly #byId: ReadonlyMap<number, State>;
  /** Days on which prices or the marks there are may change. */
  readonly #turns: ReadonlySet<string>;
  #present: readonly State[] = [];
  #groups: readonly Group[] = [];
  #terms: TariffTerms | null = null;
  #used: number;
  /** A placement from before the package was another one has paid days of somebody's. */
  readonly #hasCovered: boolean;

  constructor(cabinet: CabinetAhead) {
    this.cabinet = cabinet;
    this.#used = cabinet.usedPlacements;
    this.#hasCovered =
      cabinet.package?.kind !== 'placements' && cabinet.marks.some(({ placementUntil }) => placementUntil !== null);
    this.states = cabinet.marks.map((mark) => ({
      mark,
      candidate: candidateOf(mark),
      kopecks: 0,
      excessKopecks: 0,
      isShown: mark.isShown,
      hasPlace: !mark.isWaiting,
      isStopped: false,
    }));
    this.#byId = new Map(this.states.map((state) => [state.mark.listingId, state]));
    this.accountIds = [
      ...new Set(cabinet.marks.flatMap(({ accountId }) => (accountId === null ? [] : [accountId]))),
    ].sort((a, b) => a - b);
    const turns = new Set([cabinet.today, addDays(cabinet.today, 1)]);
    for (const { validFrom } of cabinet.tariffs) turns.add(validFrom);
    const ends = new Set<string>();
    for (const { startsOn, endsOn, placementUntil } of cabinet.marks) {
      if (startsOn !== null) turns.add(startsOn);
      if (endsOn !== null) ends.add(endsOn);
      if (placementUntil !== null) ends.add(placementUntil);
    }
    for (const day of ends) turns.add(addDays(day, 1));
    this.#turns = turns;
  }

  /** Does a mark come later today? */
  get isAwaited(): boolean {
    const { marks, today } = this.cabinet;
    return marks.some(({ startsOn }) => startsOn === today);
  }

  run(day: string, at: number, desk: Desk): void {
    if (this.#turns.has(day)) this.#turn(day);
    if (this.cabinet.package === null) for (const group of this.#groups) runGroup(group, at, desk);
    else this.#runPackage(this.cabinet.package, day, at, desk);
  }

  #turn(day: string): void {
    const { package: pack, tariffs, today } = this.cabinet;
    const terms = tariffOf(tariffs, day)?.terms ?? null;
    if (terms !== this.#terms || day <= addDays(today, 1) || this.#hasCovered) this.#price(terms, day);
    this.#present = this.states.filter(
      ({ mark: { startsOn, endsOn } }) => (startsOn === null || startsOn <= day) && (endsOn === null || endsOn >= day),
    );
    if (pack === null) this.#groups = groupsOf(this.#present);
  }

  #price(terms: TariffTerms | null, day: string): void {
    const { package: pack, today } = this.cabinet;
    const isOfDay = pack?.kind !== 'placements';
    this.#terms = terms;
    for (const state of this.states) {
      const { placementFrom, placementUntil } = state.mark;
      const isCovered = isOfDay && placementFrom !== null && placementUntil !== null && day <= placementUntil;
      // What is in the feed has been paid for today.
      const isFree = terms === null || isCovered || (day === today && state.isShown);
      const price = (basis: Exclude<Basis, 'promotion'>) =>
        isFree ? 0 : (priceOf(terms, basis, state.mark.facts) ?? 0);
      state.kopecks = price(isOfDay ? 'day' : 'placement');
      state.excessKopecks = pack === null ? 0 : price(isOfDay ? 'excess-day' : 'excess-placement');
    }
  }

  #runPackage(pack: Package, day: string, at: number, desk: Desk): void {
    const { today, turnDays } = this.cabinet;
    if (day !== today && pack.kind === 'placements' && periodOf(pack, day)?.from === day) this.#used = 0;
    const { placed, waiting } = allocate(
      this.#present.map(({ candidate }) => candidate),
      pack,
      turnDays,
      day,
      this.#used,
      day !== today,
      (listingId) => {
        const state = this.#byId.get(listingId)!;
        return desk.one(state, state.kopecks);
      },
    );
    const given = new Map<number, Place>(placed);
    const excess = new Set<number>();
    for (const listingId of this.#terms?.excess ? waiting : []) {
      const state = this.#byId.get(listingId)!;
      if (!desk.one(state, state.excessKopecks)) continue;
      excess.add(listingId);
      if (pack.kind === 'placements') given.set(listingId, placementFrom(pack, day));
    }
    for (const state of this.#present) {
      const { listingId } = state.mark;
      const place = given.get(listingId);
      const isExcess = excess.has(listingId);
      state.isShown = place !== undefined || isExcess;
      state.hasPlace = state.isShown;
      if (place?.placementFrom === day && state.candidate.placementFrom !== day) this.#used++;
      const next = afterwards(state.candidate, place, at);
      // Whoever pays for what exceeds the package waits for nothing.
      state.candidate = isExcess && place === undefined ? { ...next, waitingSince: null } : next;
    }
  }
}

/** Without what a mark has besides, which need not be copied every day. */
function candidateOf(mark: Candidate): Candidate {
  const { listingId, isPinned, markedAt, waitingSince, placedOn, placementFrom, placementUntil, wasAway } = mark;
  const candidate = { listingId, isPinned, markedAt, waitingSince, placedOn, placementFrom, placementUntil };
  return wasAway ? { ...candidate, wasAway } : candidate;
}

function groupsOf(present: readonly State[]): Group[] {
  const groups = new Map<number | null, Group>();
  for (const state of present) {
    const { accountId } = state.mark;
    let group = groups.get(accountId);
    if (!group) {
      group = { accountId, states: [], kopecks: 0, isWaiting: false };
      groups.set(accountId, group);
    }
    group.states.push(state);
    group.kopecks += state.kopecks * (state.mark.count ?? 1);
    group.isWaiting ||= !state.isShown;
  }
  return [...groups.values()];
}

/** Without a package nobody competes but for money, and only with those who pay from the same account. */
function runGroup(group: Group, at: number, desk: Desk): void {
  const { accountId, states, kopecks } = group;
  if (kopecks === 0 || desk.all(accountId, kopecks)) {
    if (group.isWaiting) for (const state of states) show(state, true, at);
    group.isWaiting = false;
    return;
  }
  group.isWaiting = true;
  states.sort((a, b) => inOrder(a.candidate, b.candidate));
  for (const state of states) show(state, desk.one(state, state.kopecks), at);
}

function show(state: State, isShown: boolean, at: number): void {
  state.isShown = isShown;
  const waitingSince = isShown ? null : (state.candidate.waitingSince ?? at);
  // Places are kept in mind where there are some to give.
  if (state.candidate.waitingSince !== waitingSince || state.candidate.placedOn !== null)
    state.candidate = { ...state.candidate, waitingSince, placedOn: null };
}

/**
 * Marks of a cabinet without a package, those together that cost the same on every day from `today` on and are paid
 * from the same account: enough to tell until when the accounts last, and few however many marks there are.
 */
export function alike(marks: Iterable<Standing>, tariffs: readonly Tariff[], today: string): Standing[] {
  const periods = periodsOf(tariffs).filter(({ until }) => until === null || until >= today);
  const found = new Map<string, { -readonly [name in keyof Standing]: Standing[name] }>();
  for (const mark of marks) {
    const { accountId, startsOn, endsOn, isShown, isPinned, shortage, facts, placementUntil } = mark;
    const prices = periods.map(({ tariff }) => priceOf(tariff.terms, 'day', facts));
    const key = [accountId, startsOn, endsOn, placementUntil, isShown, isPinned, shortage?.cause, ...prices].join('|');
    const first = found.get(key);
    if (first) first.count = (first.count ?? 1) + (mark.count ?? 1);
    else found.set(key, { ...mark });
  }
  return [...found.values()];
}

/** What marks of a cabinet cost on some days if they are shown on all of them, kopecks. Both days inclusive. */
export function coster(tariffs: readonly Tariff[], from: string, until: string) {
  const spans = periodsOf(tariffs)
    .map(({ tariff, until: last }) => ({
      terms: tariff.terms,
      from: tariff.validFrom > from ? tariff.validFrom : from,
      until: last !== null && last < until ? last : until,
    }))
    .filter((span) => span.from <= span.until)
    .map((span) => ({ ...span, days: daysBetween(span.from, span.until) + 1 }));
  return {
    /**
     * By the day.
     * @param endsOn last day of its term; null: open
     * @param paidUntil last day of a placement that it had before; null: none
     */
    days(
      facts: PriceFacts,
      basis: 'day' | 'excess-day',
      endsOn: string | null,
      paidUntil: string | null = null,
    ): number {
      let sum = 0;
      for (const span of spans) {
        const isWhole = (endsOn === null || endsOn >= span.until) && (paidUntil === null || paidUntil < span.from);
        const first = paidUntil === null || paidUntil < span.from ? span.from : addDays(paidUntil, 1);
        const last = endsOn === null || endsOn > span.until ? span.until : endsOn;
        const days = isWhole ? span.days : daysBetween(first, last) + 1;
        if (days > 0) sum += days * (priceOf(span.terms, basis, facts) ?? 0);
      }
      return sum;
    },
    /** By placements, each after the one before. @param first on which the next one begins */
    placements(
      facts: PriceFacts,
      basis: 'placement' | 'excess-placement',
      endsOn: string | null,
      first: string,
      termDays: number,
    ): number {
      const last = endsOn === null || endsOn > until ? until : endsOn;
      let sum = 0;
      for (let day = first < from ? from : first; day <= last; day = addDays(day, termDays)) {
        const terms = tariffOf(tariffs, day)?.terms;
        sum += terms ? (priceOf(terms, basis, facts) ?? 0) : 0;
      }
      return sum;
    },
  };
}
