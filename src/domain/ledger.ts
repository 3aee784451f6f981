/**
 * The law of the ad accounts. Money moves by transfers only: each takes from one account what it gives to another, is
 * never changed and never removed, and has an id that is derived from what it is for, so that doing a thing twice is
 * doing it once. What must not be seen twice is proved by the database; here stands what a transfer means.
 */

/** `bank` is the world outside; a `board` account gathers what one cabinet has cost. The others belong to people. */
export const ACCOUNT_KINDS = ['agency', 'branch', 'department', 'employee', 'board', 'bank'] as const;
export type AccountKind = (typeof ACCOUNT_KINDS)[number];
/** Accounts of ours, which may not fall below their limit. */
export const OWN_KINDS = ['agency', 'branch', 'department', 'employee'] as const satisfies readonly AccountKind[];
export type OwnKind = (typeof OWN_KINDS)[number];

export const ACCOUNT_KIND_LABELS: Record<AccountKind, string> = {
  agency: 'агентство',
  branch: 'филиал',
  department: 'отдел',
  employee: 'сотрудник',
  board: 'доска',
  bank: 'внешний счёт',
};

/** `release` frees a hold without a charge. A `correction` is a counter-entry by a person. */
export const TRANSFER_KINDS = ['top-up', 'move', 'hold', 'charge', 'release', 'refund', 'correction'] as const;
export type TransferKind = (typeof TRANSFER_KINDS)[number];

export const TRANSFER_LABELS: Record<TransferKind, string> = {
  'top-up': 'пополнение',
  move: 'перевод',
  hold: 'удержание',
  charge: 'списание',
  release: 'удержание снято',
  refund: 'возврат',
  correction: 'исправление',
};

/**
 * What a charge pays for: a day of a listing, a day of a listing over the package, a placement of the package, one
 * over it, or a promotion.
 */
export const BASES = ['day', 'excess-day', 'placement', 'excess-placement', 'promotion'] as const;
export type Basis = (typeof BASES)[number];

export const BASIS_LABELS: Record<Basis, string> = {
  day: 'день размещения',
  'excess-day': 'день сверх пакета',
  placement: 'размещение',
  'excess-placement': 'размещение сверх пакета',
  promotion: 'продвижение',
};

/** What a transfer does to one of its two accounts, kopecks. */
export interface Effect {
  readonly balance: number;
  readonly held: number;
}

/**
 * What a transfer does to the account it takes from and to the one it gives to. The two always cancel out, in the
 * balances and in the holds, so the sum of all accounts is zero at any moment.
 * @param resolves the hold that a charge or release ends; its sum is the transfer's
 */
export function effects(
  kind: TransferKind,
  kopecks: number,
  resolves: boolean,
): { readonly from: Effect; readonly to: Effect } {
  const moved = kind === 'hold' || kind === 'release' ? 0 : kopecks;
  const held = kind === 'hold' ? kopecks : resolves ? -kopecks : 0;
  const minus = (value: number) => (value === 0 ? 0 : -value);
  return { from: { balance: minus(moved), held }, to: { balance: moved, held: minus(held) } };
}

/** Ids of charges: what is paid for, and which try it is after a release or a refund on the same day. */
export const billId = (cabinetId: number, listingId: number, day: string, ordinal: number) =>
  `day:${cabinetId}:${listingId}:${day}:${ordinal}`;
export const placementId = (cabinetId: number, listingId: number, from: string) =>
  `placement:${cabinetId}:${listingId}:${from}`;
export const promotionHoldId = (promotionId: number) => `promotion:${promotionId}`;
export const monthlyId = (accountId: number, month: string) => `monthly:${accountId}:${month}`;
/** A hold's end has the hold's id with a word of its own: a hold ends once. */
export const chargeOf = (holdId: string) => `${holdId}:charge`;
export const releaseOf = (holdId: string) => `${holdId}:release`;
export const refundOf = (chargeId: string) => `${chargeId}:refund`;

/** Who pays for a listing: the first account there is, going up from the employee, or straight from the branch. */
export const PAYERS = ['employee', 'department', 'branch', 'agency'] as const;
export type Payer = (typeof PAYERS)[number];

/** Whose a listing is. */
export interface Owner {
  readonly employeeId: number | null;
  readonly departmentId: number | null;
  readonly branchId: number | null;
}

/**
 * The account that pays for a listing: the first one that is open from `first` up the tree. An empty account does not
 * pass the bill on: it stops its own listings only.
 * @returns undefined when nobody on the way up has an account
 */
export function payerOf<A extends { readonly kind: AccountKind; readonly ownerId: number | null }>(
  accounts: ReadonlyMap<string, A>,
  owner: Owner,
  first: Payer,
): A | undefined {
  const chain: readonly (readonly [Payer, number | null])[] = [
    ['employee', owner.employeeId],
    ['department', owner.departmentId],
    ['branch', owner.branchId],
    ['agency', 0],
  ];
  for (const [kind, id] of chain.slice(PAYERS.indexOf(first))) {
    if (id === null) continue;
    const found = accounts.get(accountKey(kind, kind === 'agency' ? null : id));
    if (found) return found;
  }
  return undefined;
}

export const accountKey = (kind: AccountKind, ownerId: number | null) => `${kind}:${ownerId ?? ''}`;
