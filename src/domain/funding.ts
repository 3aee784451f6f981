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
  /** What may still be spent on the local day and in the month; null: no limit. */
  readonly dayLeftKopecks: number | null;
  readonly monthLeftKopecks: number | null;
}

interface State {
  readonly purse: Purse;
  spent: number;
  /** What those who came short want together. */
  wanted: number;
}

export class Purses {
  readonly #states: ReadonlyMap<number, State>;

  constructor(purses: Iterable<Purse>) {
    this.#states = new Map([...purses].map((purse) => [purse.id, { purse, spent: 0, wanted: 0 }]));
  }

  /**
   * Takes a sum if the account has it.
   * @param accountId null: nobody up the tree has an account
   */
  ask(accountId: number | null, kopecks: number, basis: Basis): Funds {
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
    const limits = [
      ['balance', purse.availableKopecks],
      ['day-limit', purse.dayLeftKopecks],
      ['month-limit', purse.monthLeftKopecks],
    ] as const;
    // Nobody overtakes: after the first who came short everybody does.
    const before = state.spent + state.wanted;
    const short = limits
      .filter((limit): limit is [(typeof limits)[number][0], number] => limit[1] !== null)
      .map(([cause, left]) => ({ cause, left, missing: before + kopecks - left }))
      .filter(({ missing }) => missing > 0)
      .sort((a, b) => b.missing - a.missing)[0];
    if (!short) {
      if (state.wanted > 0) throw new Error(`broken invariant: account ${purse.id} was short and is not any more`);
      state.spent += kopecks;
      return { state: 'paid', accountId: purse.id, kopecks };
    }
    state.wanted += kopecks;
    const { cause, missing } = short;
    const left = Math.max(0, short.left - state.spent);
    return {
      state: 'short',
      cause,
      accountId: purse.id,
      missingKopecks: missing,
      reason: sentence(purse.name, cause, BASIS_LABELS[basis], kopecks, left, missing),
      fix:
        cause === 'balance'
          ? `Пополните счёт «${purse.name}» на ${formatKopecks(missing)} или снимите лишние отметки.`
          : cause === 'day-limit'
            ? `Поднимите дневной лимит счёта «${purse.name}» или дождитесь завтрашнего дня.`
            : `Поднимите месячный лимит счёта «${purse.name}» или дождитесь следующего месяца.`,
    };
  }

  /** What a run has taken from an account so far, kopecks. */
  spent(accountId: number): number {
    return this.#states.get(accountId)?.spent ?? 0;
  }
}

function sentence(
  name: string,
  cause: 'balance' | 'day-limit' | 'month-limit',
  what: string,
  kopecks: number,
  left: number,
  missing: number,
): string {
  const where = {
    balance: `На счёте «${name}» не хватает`,
    'day-limit': `В дневном лимите счёта «${name}» не хватает`,
    'month-limit': `В месячном лимите счёта «${name}» не хватает`,
  }[cause];
  const others = missing > kopecks - left ? ' вместе с теми, кто раньше в очереди' : '';
  return `${where} ${formatKopecks(missing)}${others}: ${what} стоит ${formatKopecks(kopecks)}, осталось ${formatKopecks(left)}.`;
}
