import type { Static } from 'typebox';
import type {
  Account,
  AccountNode,
  CandidatesSchema,
  OwnerSchema,
  StatementSchema,
  Transfer,
} from '../contracts/accounts.ts';
import { isOwnKind } from '../domain/account-tree.ts';
import { Refusal } from '../domain/fault.ts';
import {
  ACCOUNT_KIND_LABELS,
  accountKey,
  BASIS_LABELS,
  type Effect,
  type OwnKind,
  payerOf,
  TRANSFER_LABELS,
} from '../domain/ledger.ts';
import { mayDo, OF_AGENCY, type Place } from '../domain/rights.ts';
import { type Grouping, Statement } from '../domain/statement.ts';
import type { MoneyForecast } from '../export/forecast.ts';
import { placeOf, placesOfAccounts } from '../store/access.ts';
import { listBranches, listDepartments, listEmployees } from '../store/agencies.ts';
import { agencyDay, listAccounts } from '../store/ledger.ts';
import { agencyFrame, versionOf } from '../store/settings.ts';
import { type AccountDay, listPlacedAccounts, type PageLine, type PlacedAccount } from '../store/statements.ts';
import { type UnfundedOwner, unfundedOwners } from '../store/warnings.ts';
import type { Ask } from './api.ts';
import { coverOf, type Outlook } from './outlook.ts';
import { groupName, otherSide, type Reading, stepsOf } from './statement.ts';

/** Accounts as the API tells them: each person what lies within the person's reach. */

export type AnyAsk = Pick<
  Ask<unknown, unknown, unknown>,
  'db' | 'boards' | 'agencyId' | 'caller' | 'now' | 'by' | 'request'
>;

export interface Known {
  readonly today: string;
  /** Accounts of the agency's own, whoever sees them. */
  readonly own: readonly PlacedAccount[];
  readonly places: ReadonlyMap<number, Place>;
  readonly forecast: MoneyForecast | null;
  /** Another one is being made. */
  readonly isStale: boolean;
  readonly covers: ReadonlyMap<number, MoneyForecast['accounts'][number]>;
  coverFor(id: number): ReturnType<typeof coverOf> | null;
  /** Who pays for listings of an owner. */
  payerFor(owner: Parameters<typeof payerOf>[1]): PlacedAccount | undefined;
  waitingFor(id: number): { readonly listings: number; readonly marks: number; readonly owners: UnfundedOwner[] };
}

/** All that the screen of accounts is told from. */
export async function knownOf({ db, agencyId, now }: AnyAsk, outlook: Outlook): Promise<Known> {
  const { settings } = await agencyFrame(db, agencyId);
  const { payer, warnDays } = settings.money;
  const today = await agencyDay(db.pool, agencyId, now);
  const own = await listPlacedAccounts(db.pool, agencyId, today);
  const places = await placesOfAccounts(db.pool, agencyId);
  const { forecast, isStale } = await outlook.of(agencyId, now);
  const covers = new Map((forecast?.accounts ?? []).map((one) => [one.accountId, one]));
  const byOwner = new Map(own.map((account) => [accountKey(account.kind, account.ownerId), account]));
  const payerFor: Known['payerFor'] = (owner) => payerOf(byOwner, owner, payer);
  const waiting = new Map<number, { listings: number; marks: number; owners: UnfundedOwner[] }>();
  for (const owner of await unfundedOwners(db.pool, agencyId)) {
    const id = payerFor(owner)?.id;
    if (id === undefined) continue;
    const at = waiting.get(id) ?? { listings: 0, marks: 0, owners: [] };
    const { listings, marks, owners } = at;
    waiting.set(id, { listings: listings + owner.listings, marks: marks + owner.marks, owners: [...owners, owner] });
  }
  return {
    ...{ today, own, places, forecast, isStale, covers, payerFor },
    coverFor: (id) => {
      const cover = covers.get(id);
      return cover && forecast ? coverOf(cover, forecast, warnDays) : null;
    },
    waitingFor: (id) => waiting.get(id) ?? { listings: 0, marks: 0, owners: [] },
  };
}

export async function oneOf(
  { db, agencyId, params }: AnyAsk & { readonly params: { readonly id: number } },
  { own, today }: Known,
): Promise<PlacedAccount> {
  const found = own.find(({ id }) => id === params.id);
  return found ?? (await listPlacedAccounts(db.pool, agencyId, today, true)).find(({ id }) => id === params.id)!;
}

export function told({ caller }: AnyAsk, known: Known, account: PlacedAccount, days: readonly AccountDay[]): Account {
  const { id, kind, name, ownerId, branch, isActive, monthly } = account;
  const { balanceKopecks, heldKopecks, availableKopecks, overdraftKopecks, dayLimitKopecks, monthLimitKopecks } =
    account;
  const { daySpentKopecks, monthSpentKopecks } = account;
  const place = known.places.get(id)!;
  const isOwn = isOwnKind(kind);
  const { listings, marks } = known.waitingFor(id);
  return {
    ...{ id, kind, name, ownerId, branch, isActive, monthly },
    kindLabel: ACCOUNT_KIND_LABELS[kind],
    ...{ balanceKopecks, heldKopecks, availableKopecks, overdraftKopecks, dayLimitKopecks, monthLimitKopecks },
    ...{ daySpentKopecks, monthSpentKopecks },
    waiting: { listings, marks },
    cover: isOwn ? known.coverFor(id) : null,
    days: [...days],
    may: {
      money: isOwn && mayDo(caller, 'money', place),
      limits: isOwn && mayDo(caller, 'accounts', place),
      back: isOwn && mayDo(caller, 'money-back', place),
    },
  };
}

/** Without the units that stand there for nobody: the agency's where it has no account that is seen; for oneself, all. */
export function trimmed(nodes: readonly AccountNode[], isOwn: boolean): AccountNode[] {
  const kept = nodes.filter(({ account, depth }) => account !== null || (depth > 0 && !isOwn));
  const least = Math.min(...kept.map(({ depth }) => depth));
  return kept.map((node) => ({ ...node, depth: node.depth - least }));
}

type Limits = Pick<PlacedAccount, 'overdraftKopecks' | 'dayLimitKopecks' | 'monthLimitKopecks' | 'monthly'>;

export const limitsVersion = ({ overdraftKopecks, dayLimitKopecks, monthLimitKopecks, monthly }: Limits): string =>
  versionOf([overdraftKopecks, dayLimitKopecks, monthLimitKopecks, monthly]);

export function transferOf(
  line: PageLine,
  { balance, held }: Effect,
  standing: Effect | null,
  words: {
    readonly names: ReadonlyMap<number, string>;
    readonly titles: ReadonlyMap<number, string>;
    readonly mayRefund: boolean;
  },
): Transfer {
  const { id, kind, kopecks, day, at, board, cabinetId, listingId, externalId, employee, branch, by, reason } = line;
  const { basis, isRefunded } = line;
  return {
    ...{ id, kind, kopecks, day, board, cabinetId, employee, branch, by, reason, isRefunded },
    label: TRANSFER_LABELS[kind],
    balanceChangeKopecks: balance,
    heldChangeKopecks: held,
    at: at.toISOString(),
    cabinet: cabinetId === null ? null : (words.titles.get(cabinetId) ?? null),
    listing: listingId === null ? null : { id: listingId, externalId: externalId ?? `#${listingId}` },
    about: basis === null ? otherSide(line, words.names) : BASIS_LABELS[basis],
    balanceKopecks: standing?.balance ?? null,
    heldKopecks: standing?.held ?? null,
    may: { refund: words.mayRefund && kind === 'charge' && !isRefunded },
  };
}

export async function statementData(reading: Reading, by: Grouping | null, limit: number) {
  const statement = new Statement(by);
  const transfers: Static<typeof StatementSchema>['transfers'] = [];
  for await (const step of stepsOf(reading, statement)) {
    if (by !== null || !('entry' in step) || transfers.length >= limit) continue;
    const { entry, posting } = step;
    const { accountId, id, kind, day, at, board, cabinet, listingId, externalId, reason } = entry;
    transfers.push({
      ...{ accountId, id, kind, day, board, cabinet, listingId, externalId, reason, by: entry.by },
      ...posting,
      label: TRANSFER_LABELS[kind],
      at: at.toISOString(),
    });
  }
  const groups = by === null ? [] : statement.groups();
  const totals = statement.totals();
  return {
    period: reading.period,
    accounts: statement.accounts().map(({ accountId: id, account: name, ...sums }) => ({ id, name, ...sums })),
    totals,
    transfers,
    groups: groups.slice(0, limit).map((group) => ({ ...group, name: groupName(reading.boards, by!, group) })),
    left: by === null ? totals.entries - transfers.length : Math.max(0, groups.length - limit),
  };
}

/** Where the owner of an account that is to be opened lies. @throws Refusal `owner-unknown` */
export async function placeOfOwner(
  { db, agencyId }: AnyAsk,
  { kind, ownerId }: Static<typeof OwnerSchema>,
): Promise<Place> {
  if (kind === 'agency' && ownerId === null) return OF_AGENCY;
  const place = kind === 'agency' || ownerId === null ? undefined : await placeOf(db.pool, agencyId, kind, ownerId);
  if (place) return place;
  throw new Refusal('owner-unknown', `Открыть счёт некому: такого владельца (${ACCOUNT_KIND_LABELS[kind]}) нет.`, 2);
}

/** Whoever has no account yet, down the tree. */
export async function candidates({ db, agencyId, caller }: AnyAsk): Promise<Static<typeof CandidatesSchema>['data']> {
  const has = new Set((await listAccounts(db.pool, agencyId)).map(({ kind, ownerId }) => accountKey(kind, ownerId)));
  const branches = await listBranches(db.pool, agencyId);
  const departments = await listDepartments(db.pool, agencyId);
  const people = await listEmployees(db, agencyId);
  const branchName = (id: number | null) => branches.find((branch) => branch.id === id)?.name ?? null;
  const all: { kind: OwnKind; ownerId: number | null; name: string; branchId: number | null; place: Place }[] = [
    { kind: 'agency', ownerId: null, name: ACCOUNT_KIND_LABELS.agency, branchId: null, place: OF_AGENCY },
    ...branches.map(({ id, name }) => ({
      ...{ kind: 'branch' as const, ownerId: id, name: `филиал ${name}`, branchId: id },
      place: { ...OF_AGENCY, branchId: id },
    })),
    ...departments.map(({ id, name, branchId }) => ({
      ...{ kind: 'department' as const, ownerId: id, name: `отдел ${name}`, branchId },
      place: { employeeId: null, departmentId: id, branchId },
    })),
    ...people.map(({ id, name, branchId, departmentId }) => ({
      ...{ kind: 'employee' as const, ownerId: id, name, branchId },
      place: { employeeId: id, departmentId, branchId },
    })),
  ];
  return all
    .filter(({ kind, ownerId, place }) => !has.has(accountKey(kind, ownerId)) && mayDo(caller, 'accounts', place))
    .map(({ kind, ownerId, name, branchId }) => ({
      ...{ kind, ownerId, name, kindLabel: ACCOUNT_KIND_LABELS[kind] },
      branch: kind === 'branch' ? null : branchName(branchId),
    }));
}

export function namesOfMarks({ dry }: MoneyForecast) {
  const cabinets = new Map(
    dry.cabinets.map(({ cabinet, marks }) => [
      cabinet.id,
      { cabinet, names: new Map(marks.map(({ listingId, externalId }) => [listingId, externalId])) },
    ]),
  );
  return (cabinetId: number, listingId: number) => {
    const { cabinet, names } = cabinets.get(cabinetId)!;
    return { cabinet, externalId: names.get(listingId) ?? `#${listingId}` };
  };
}
