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
    const state = accountId === null ? undefined : this.#states.get(accountId);
    if (!state) {
      return {
        state: 'short',
        cause: 'no-account',
        accountId: null,
        missingKopecks: kopecks,
        reason: `Нет счёта, с которого платить: ${BASIS_LABELS[basis]} стоит ${formatKopecks(kopecks)}.`,
        fix: 'Откройте счёт сотруднику, отделу, филиалу или агентству и пополните его.',
      };
    }
    const { purse } = state;
    const short = shortest(state, state.wanted + kopecks, day);
    if (!short) {
      take(state, kopecks, day);
      return { state: 'paid', accountId: purse.id, kopecks };
    }
    state.wanted += kopecks;
    const { cause, missing, left } = short;
    return {
      state: 'short',
      cause,
      accountId: purse.id,
      missingKopecks: missing,
      reason: sentence(purse.name, cause, BASIS_LABELS[basis], kopecks, left, missing),
      fix: FIXES[cause](purse.name, missing),
    };
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
