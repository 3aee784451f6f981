import { ACCOUNT_KIND_LABELS, type AccountKind, OWN_KINDS, type OwnKind } from './ledger.ts';

/** Accounts as people see them: down from the agency to the employees. */

/** An account with its place in the agency. */
export interface TreeAccount {
  readonly kind: AccountKind;
  readonly ownerId: number | null;
  readonly name: string;
  /** false: the employee has left. */
  readonly isActive: boolean;
  readonly branchId: number | null;
  readonly branch: string | null;
  readonly departmentId: number | null;
  readonly department: string | null;
}

/** A line of the tree; `account` is null for a unit that stands there for the sake of those below it. */
export interface AccountNode<A> {
  readonly depth: number;
  readonly title: string;
  readonly account: A | null;
}

export const isOwnKind = (kind: AccountKind): kind is OwnKind => (OWN_KINDS as readonly AccountKind[]).includes(kind);

/** The tree from the top down, the accounts of boards and of the world outside last. */
export function accountTree<A extends TreeAccount>(accounts: readonly A[]): AccountNode<A>[] {
  const own = accounts.filter(({ kind }) => isOwnKind(kind));
  const unit = (kind: OwnKind, ownerId: number | null) =>
    own.find((account) => account.kind === kind && account.ownerId === ownerId) ?? null;
  const byName = (a: { readonly name: string }, b: { readonly name: string }) => a.name.localeCompare(b.name, 'ru');
  const people = (depth: number, of: (account: A) => boolean): AccountNode<A>[] =>
    own
      .filter((account) => account.kind === 'employee' && of(account))
      .sort(byName)
      .map((account) => ({ depth, title: `${account.name}${account.isActive ? '' : ' (ушёл)'}`, account }));
  const named = (id: (account: A) => number | null, name: (account: A) => string | null) =>
    [...new Map(own.flatMap((one) => (id(one) === null ? [] : [[id(one)!, name(one)!] as const])))]
      .map(([key, title]) => ({ id: key, name: title }))
      .sort(byName);
  const branches = named(
    ({ branchId }) => branchId,
    ({ branch }) => branch,
  ).flatMap((branch): AccountNode<A>[] => {
    const departments = named(
      (one) => (one.branchId === branch.id ? one.departmentId : null),
      ({ department }) => department,
    );
    return [
      { depth: 1, title: `филиал ${branch.name}`, account: unit('branch', branch.id) },
      ...departments.flatMap((department): AccountNode<A>[] => [
        { depth: 2, title: `отдел ${department.name}`, account: unit('department', department.id) },
        ...people(3, (one) => one.branchId === branch.id && one.departmentId === department.id),
      ]),
      ...people(2, (one) => one.branchId === branch.id && one.departmentId === null),
    ];
  });
  const others = accounts
    .filter((account) => !own.includes(account))
    .map((account) => ({ depth: 1, title: `${ACCOUNT_KIND_LABELS[account.kind]}: ${account.name}`, account }));
  return [
    { depth: 0, title: ACCOUNT_KIND_LABELS.agency, account: unit('agency', null) },
    ...branches,
    ...people(1, ({ branchId }) => branchId === null),
    ...others,
  ];
}
