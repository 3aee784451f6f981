import type { Funds } from './gates.ts';
import { BASIS_LABELS, type Basis } from './ledger.ts';
import { formatKopecks } from './money.ts';

/**
 * What accounts can still pay in one run. Asked in the order in which marks go out; once an account comes short,
 * whoever comes later has to wait too, so that nobody is overtaken by a cheaper one.
 */

/** An account as a run finds it, kopecks. */
export interface Purse {
  readonly id: number;
  /** «Ирина Соколова», «филиал Центр». */
  readonly name: string;
  /** Balance less holds, with the overdraft. */
  readonly availableKopecks: number;
  /** The most that may be spent on a day and in a month; null: no limit. */
  readonly dayLimitKopecks: number | null;
  readonly monthLimitKopecks: number | null;
  /** What was spent already, by day (`2026-11-22`) and month (`2026-11`); absent: nothing. */
  readonly spent: Readonly<Record<string, number>>;
}

interface State {
  readonly purse: Purse;
  taken: number;
  readonly takenIn: Map<string, number>;
  /** What those who came short want together. */
  wanted: number;
}

type Cause = 'balance' | 'day-limit' | 'month-limit';

/** What stops a mark that has to be paid for, without words. */
export interface Shortage {
  readonly cause: Cause | 'no-account';
  /** What the account needs for this one and for all that come before it. */
  readonly missingKopecks: number;
  readonly leftKopecks: number;
}

export class Purses {
  readonly #states: ReadonlyMap<number, State>;

  constructor(purses: Iterable<Purse>) {
    this.#states = new Map([...purses].map((purse) => [purse.id, { purse, taken: 0, takenIn: new Map(), wanted: 0 }]));
  }

  /**
   * Takes a sum for a day if the account has it; if not, the mark waits and everybody after it.
   * @param accountId null: nobody up the tree has an account
   */
  ask(accountId: number | null, kopecks: number, basis: Basis, day: string): Funds {
    if (kopecks === 0) return { state: 'free' };
    const short = this.claim(accountId, kopecks, day);
    if (short === null) return { state: 'paid', accountId: accountId!, kopecks };
    const { cause, missingKopecks, leftKopecks } = short;
    if (cause === 'no-account') {
      return {
        state: 'short',
        cause,
        accountId: null,
        missingKopecks,
        reason: `Нет счёта, с которого платить: ${BASIS_LABELS[basis]} стоит ${formatKopecks(kopecks)}.`,
        fix: 'Откройте счёт сотруднику, отделу, филиалу или агентству и пополните его.',
      };
    }
    const { name } = this.#states.get(accountId!)!.purse;
    return {
      state: 'short',
      cause,
      accountId,
      missingKopecks,
      reason: sentence(name, cause, BASIS_LABELS[basis], kopecks, leftKopecks, missingKopecks),
      fix: FIXES[cause](name, missingKopecks),
    };
  }

  /** The same, where nobody reads the words. @param kopecks more than nothing @returns null: taken */
  claim(accountId: number | null, kopecks: number, day: string): Shortage | null {
    const state = accountId === null ? undefined : this.#states.get(accountId);
    if (!state) return { cause: 'no-account', missingKopecks: kopecks, leftKopecks: 0 };
    const short = shortest(state, state.wanted + kopecks, day);
    if (!short) {
      take(state, kopecks, day);
      return null;
    }
    state.wanted += kopecks;
    return { cause: short.cause, missingKopecks: short.missing, leftKopecks: short.left };
  }

  /** Takes what is owed for a day that was shown already, if the account has it; nobody waits for that. */
  take(accountId: number | null, kopecks: number, day: string): boolean {
    const state = accountId === null ? undefined : this.#states.get(accountId);
    if (!state || shortest(state, kopecks, day)) return false;
    take(state, kopecks, day);
    return true;
  }

  /** Would the account have a sum? Takes nothing. */
  has(accountId: number, kopecks: number, day: string): boolean {
    const state = this.#states.get(accountId);
    return state !== undefined && shortest(state, kopecks, day) === undefined;
  }

  /** What a run has taken from an account so far, kopecks. */
  taken(accountId: number): number {
    return this.#states.get(accountId)?.taken ?? 0;
  }
}

/** What will have become of accounts by the time another run begins. */
export class Foreseen {
  readonly #accounts = new Map<number, { balance: number; readonly spent: Map<string, number> }>();

  #of(accountId: number) {
    let found = this.#accounts.get(accountId);
    if (!found) {
      found = { balance: 0, spent: new Map() };
      this.#accounts.set(accountId, found);
    }
    return found;
  }

  /** Held or charged for a day; less than nothing: free again. */
  spend(accountId: number, kopecks: number, day: string): void {
    const { spent } = this.#of(accountId);
    for (const period of [day, day.slice(0, 7)]) spent.set(period, (spent.get(period) ?? 0) + kopecks);
    this.receive(accountId, -kopecks);
  }

  /** Money that comes, or with a minus goes, whatever the limits are. */
  receive(accountId: number, kopecks: number): void {
    this.#of(accountId).balance += kopecks;
  }

  /** The account as it will be. @param days on which it is to pay */
  seen<P extends Purse>(purse: P, days: readonly string[]): P {
    const foreseen = this.#accounts.get(purse.id);
    if (!foreseen) return purse;
    const spent: Record<string, number> = { ...purse.spent };
    for (const period of new Set(days.flatMap((day) => [day, day.slice(0, 7)]))) {
      spent[period] = (spent[period] ?? 0) + (foreseen.spent.get(period) ?? 0);
    }
    return { ...purse, availableKopecks: purse.availableKopecks + foreseen.balance, spent };
  }
}

function take(state: State, kopecks: number, day: string): void {
  state.taken += kopecks;
  for (const period of [day, day.slice(0, 7)]) state.takenIn.set(period, (state.takenIn.get(period) ?? 0) + kopecks);
}

/** The limit that a sum misses by most; undefined when it fits in all of them. */
function shortest(
  { purse, taken, takenIn }: State,
  kopecks: number,
  day: string,
): { readonly cause: Cause; readonly left: number; readonly missing: number } | undefined {
  const limits: { cause: Cause; left: number }[] = [{ cause: 'balance', left: purse.availableKopecks - taken }];
  const within = (cause: Cause, limit: number | null, period: string) => {
    if (limit !== null) limits.push({ cause, left: limit - (purse.spent[period] ?? 0) - (takenIn.get(period) ?? 0) });
  };
  within('day-limit', purse.dayLimitKopecks, day);
  within('month-limit', purse.monthLimitKopecks, day.slice(0, 7));
  return limits
    .map(({ cause, left }) => ({ cause, left, missing: kopecks - left }))
    .filter(({ missing }) => missing > 0)
    .sort((a, b) => b.missing - a.missing)[0];
}

const FIXES: Record<Cause, (name: string, missing: number) => string> = {
  balance: (name, missing) => `Пополните счёт «${name}» на ${formatKopecks(missing)} или снимите лишние отметки.`,
  'day-limit': (name) => `Поднимите дневной лимит счёта «${name}» или дождитесь завтрашнего дня.`,
  'month-limit': (name) => `Поднимите месячный лимит счёта «${name}» или дождитесь следующего месяца.`,
};

const WHERE: Record<Cause, string> = {
  balance: 'На счёте',
  'day-limit': 'В дневном лимите счёта',
  'month-limit': 'В месячном лимите счёта',
};

function sentence(name: string, cause: Cause, what: string, kopecks: number, left: number, missing: number): string {
  const others = missing > kopecks - left ? ' вместе с теми, кто раньше в очереди' : '';
  return `${WHERE[cause]} «${name}» не хватает ${formatKopecks(missing)}${others}: ${what} стоит ${formatKopecks(kopecks)}, осталось ${formatKopecks(Math.max(0, left))}.`;
}
