import { BASIS_LABELS, type Basis, type Effect, effects, TRANSFER_LABELS, type TransferKind } from './ledger.ts';

/**
 * Statements of accounts: rows in, sums out. A transfer counts for its local day, so a charge of October that was paid
 * back in November is in the statement of October; in which order things were booked is told by the ledger.
 */

export const GROUPINGS = ['account', 'listing', 'board', 'employee', 'branch', 'day', 'basis', 'kind'] as const;
export type Grouping = (typeof GROUPINGS)[number];

export const GROUPING_LABELS: Record<Grouping, string> = {
  account: 'Счёт',
  listing: 'Объект',
  board: 'Доска',
  employee: 'Сотрудник',
  branch: 'Филиал',
  day: 'День',
  basis: 'За что',
  kind: 'Операция',
};

/** What a transfer is to one of its two accounts. */
export interface Side {
  readonly kind: TransferKind;
  readonly kopecks: number;
  /** Does it end a hold? */
  readonly resolves: boolean;
  /** Is this the account that it takes from? */
  readonly isFrom: boolean;
}

/** A transfer as one of its two accounts sees it. */
export interface Entry extends Side {
  readonly accountId: number;
  readonly account: string;
  readonly day: string;
  readonly board: string | null;
  readonly listingId: number | null;
  readonly externalId: string | null;
  /** The responsible person of the listing and the branch, as they are today. */
  readonly employeeId: number | null;
  readonly employee: string | null;
  readonly branchId: number | null;
  readonly branch: string | null;
  readonly basis: Basis | null;
}

export function effectOn({ kind, kopecks, resolves, isFrom }: Side): Effect {
  const { from, to } = effects(kind, kopecks, resolves);
  return isFrom ? from : to;
}

/** What an account stands at after everything that touched it. */
export function standingOf(sides: Iterable<Side>): Effect {
  let standing: Effect = { balance: 0, held: 0 };
  for (const side of sides) standing = plus(standing, effectOn(side));
  return standing;
}

const plus = (a: Effect, b: Effect): Effect => ({
  balance: exact(a.balance + b.balance),
  held: exact(a.held + b.held),
});

function exact(kopecks: number): number {
  if (!Number.isSafeInteger(kopecks)) throw new Error(`broken invariant: ${kopecks} is not a sum of kopecks`);
  return kopecks;
}

/** What came in and went out. Moves between two accounts of a statement are in both of them. */
export interface Sums {
  readonly entries: number;
  readonly inKopecks: number;
  readonly outKopecks: number;
  /** Held less freed or charged. */
  readonly heldKopecks: number;
}

export const NO_SUMS: Sums = { entries: 0, inKopecks: 0, outKopecks: 0, heldKopecks: 0 };

function plusEffect(sums: Sums, { balance, held }: Effect): Sums {
  return {
    entries: sums.entries + 1,
    inKopecks: exact(sums.inKopecks + Math.max(0, balance)),
    outKopecks: exact(sums.outKopecks + Math.max(0, -balance)),
    heldKopecks: exact(sums.heldKopecks + held),
  };
}

/** One account in a period: opening + in − out = closing, in the balance as in the holds. */
export interface AccountStatement extends Sums {
  readonly accountId: number;
  readonly account: string;
  readonly openingKopecks: number;
  readonly closingKopecks: number;
  readonly openingHeldKopecks: number;
  readonly closingHeldKopecks: number;
}

/** What an entry did, and the balance after it, in the order of days. */
export interface Posting {
  readonly inKopecks: number;
  readonly outKopecks: number;
  readonly heldKopecks: number;
  readonly balanceKopecks: number;
}

export interface Group extends Sums {
  /** Tells groups of one name apart; null: what concerns none, such as a top-up in a statement by listing. */
  readonly key: string | null;
  readonly name: string | null;
}

interface Opened {
  readonly id: number;
  readonly name: string;
  readonly opening: Effect;
  /** After the entries so far. */
  at: Effect;
  sums: Sums;
}

function told({ id, name, opening, at, sums }: Opened): AccountStatement {
  return {
    accountId: id,
    account: name,
    openingKopecks: opening.balance,
    openingHeldKopecks: opening.held,
    ...sums,
    closingKopecks: at.balance,
    closingHeldKopecks: at.held,
  };
}

/** A statement while it is being read: one account after the other, each in the order of its days. */
export class Statement {
  readonly #by: Grouping | null;
  readonly #accounts: Opened[] = [];
  readonly #groups = new Map<string | null, { readonly name: string | null; sums: Sums }>();

  /** @param by null: no groups */
  constructor(by: Grouping | null) {
    this.#by = by;
  }

  /** Begins the next account. @param opening what it stood at before the first day */
  open(id: number, name: string, opening: Effect): void {
    this.#accounts.push({ id, name, opening, at: opening, sums: NO_SUMS });
  }

  /** The next entry of the account that was opened last. */
  add(entry: Entry): Posting {
    const account = this.#accounts.at(-1);
    if (account?.id !== entry.accountId)
      throw new Error(`broken invariant: an entry of account ${entry.accountId} in the statement of ${account?.id}`);
    const effect = effectOn(entry);
    account.at = plus(account.at, effect);
    account.sums = plusEffect(account.sums, effect);
    if (this.#by !== null) {
      const [key, name] = nameIn(entry, this.#by);
      const group = this.#groups.get(key) ?? { name, sums: NO_SUMS };
      this.#groups.set(key, { name: group.name, sums: plusEffect(group.sums, effect) });
    }
    const { inKopecks, outKopecks, heldKopecks } = plusEffect(NO_SUMS, effect);
    return { inKopecks, outKopecks, heldKopecks, balanceKopecks: account.at.balance };
  }

  /** The accounts so far, in their order. */
  accounts(): AccountStatement[] {
    return this.#accounts.map(told);
  }

  /** The account that was opened last, as it stands now; undefined: none was. */
  last(): AccountStatement | undefined {
    const account = this.#accounts.at(-1);
    return account && told(account);
  }

  /** All accounts together. */
  totals(): Omit<AccountStatement, 'accountId' | 'account'> {
    const accounts = this.accounts();
    const sum = (of: (one: AccountStatement) => number) => accounts.reduce((all, one) => exact(all + of(one)), 0);
    return {
      openingKopecks: sum(({ openingKopecks }) => openingKopecks),
      openingHeldKopecks: sum(({ openingHeldKopecks }) => openingHeldKopecks),
      entries: sum(({ entries }) => entries),
      inKopecks: sum(({ inKopecks }) => inKopecks),
      outKopecks: sum(({ outKopecks }) => outKopecks),
      heldKopecks: sum(({ heldKopecks }) => heldKopecks),
      closingKopecks: sum(({ closingKopecks }) => closingKopecks),
      closingHeldKopecks: sum(({ closingHeldKopecks }) => closingHeldKopecks),
    };
  }

  /** Days in their order, other groups by what they cost, the dearest first; what concerns none comes last. */
  groups(): Group[] {
    const all = [...this.#groups].map(([key, { name, sums }]) => ({ key, name, ...sums }));
    const cost = (group: Group) => group.outKopecks - group.inKopecks;
    return all.sort(
      (a, b) =>
        Number(a.key === null) - Number(b.key === null) ||
        (this.#by === 'day' ? 0 : cost(b) - cost(a)) ||
        (this.#by === 'listing' ? Number(a.key) - Number(b.key) : 0) ||
        ((a.name ?? '') < (b.name ?? '') ? -1 : 1),
    );
  }
}

function nameIn(entry: Entry, by: Grouping): [key: string | null, name: string | null] {
  const numbered = (id: number | null, name: string | null): [string | null, string | null] =>
    id === null ? [null, null] : [String(id), name];
  switch (by) {
    case 'account':
      return numbered(entry.accountId, entry.account);
    case 'listing':
      return numbered(entry.listingId, entry.externalId);
    case 'employee':
      return numbered(entry.employeeId, entry.employee);
    case 'branch':
      return numbered(entry.branchId, entry.branch);
    case 'board':
      return [entry.board, entry.board];
    case 'day':
      return [entry.day, entry.day];
    case 'basis':
      return entry.basis === null ? [null, null] : [entry.basis, BASIS_LABELS[entry.basis]];
    case 'kind':
      return [entry.kind, TRANSFER_LABELS[entry.kind]];
  }
}
