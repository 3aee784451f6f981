import { localDay, russianDay } from '../domain/days.ts';
import { Fault, Refusal } from '../domain/fault.ts';
import type { Purse } from '../domain/funding.ts';
import {
  ACCOUNT_KIND_LABELS,
  type AccountKind,
  type Basis,
  effects,
  OWN_KINDS,
  type OwnKind,
  refundOf,
  TRANSFER_LABELS,
  type TransferKind,
} from '../domain/ledger.ts';
import { formatKopecks, KOPECKS_MAX } from '../domain/money.ts';
import type { PriceFacts } from '../domain/tariff.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { makeDue } from './due.ts';
import { record } from './journal.ts';
import type { MonthlyTopUp } from './schema.ts';

/** Ad accounts and the transfers between them. Every sum of an account changes here, by `apply`, and nowhere else. */

export interface AccountRow {
  readonly id: number;
  readonly kind: AccountKind;
  readonly ownerId: number | null;
  /** «Ирина Соколова», «филиал Центр», «отдел Аренда», «агентство», «Авито / main». */
  readonly name: string;
  readonly balanceKopecks: number;
  readonly heldKopecks: number;
  readonly overdraftKopecks: number;
  /** Balance less holds, with the overdraft. */
  readonly availableKopecks: number;
  readonly dayLimitKopecks: number | null;
  readonly monthLimitKopecks: number | null;
  readonly monthly: MonthlyTopUp | null;
  readonly entries: number;
}

const ACCOUNT = `a.id, a.kind, a.owner_id as "ownerId", a.balance_kopecks as "balanceKopecks", a.held_kopecks as "heldKopecks",
  a.overdraft_kopecks as "overdraftKopecks", a.balance_kopecks - a.held_kopecks + a.overdraft_kopecks as "availableKopecks",
  a.day_limit_kopecks as "dayLimitKopecks", a.month_limit_kopecks as "monthLimitKopecks", a.monthly, a.entries,
  case a.kind when 'employee' then e.name when 'branch' then 'филиал ' || b.name when 'department' then 'отдел ' || d.name
    when 'board' then c.board || ' / ' || c.slug when 'bank' then 'внешний счёт' else 'агентство' end as name`;
const ACCOUNTS = `account a
  left join employee e on a.kind = 'employee' and e.agency_id = a.agency_id and e.id = a.owner_id
  left join branch b on a.kind = 'branch' and b.agency_id = a.agency_id and b.id = a.owner_id
  left join department d on a.kind = 'department' and d.agency_id = a.agency_id and d.id = a.owner_id
  left join cabinet c on a.kind = 'board' and c.agency_id = a.agency_id and c.id = a.owner_id`;

/** Accounts of the agency's own, the agency's first, then down the tree by name. @param isAll the bank's and the boards' too */
export async function listAccounts(client: Queryable, agencyId: number, isAll = false): Promise<AccountRow[]> {
  const found = await client.query<AccountRow>(
    `select ${ACCOUNT} from ${ACCOUNTS} where a.agency_id = $1 and ($2 or a.kind = any($3))
     order by array_position(array['agency', 'branch', 'department', 'employee', 'board', 'bank'], a.kind), name, a.id`,
    [agencyId, isAll, OWN_KINDS],
  );
  return found.rows;
}

/** What accounts can pay, with what they have spent on some days and in their months; for the plan of a run. */
export async function listPurses(
  client: Queryable,
  agencyId: number,
  days: readonly string[],
  ids: readonly number[] | null = null,
): Promise<Purse[]> {
  const periods = [...new Set(days.flatMap((day) => [day, day.slice(0, 7)]))];
  const accounts = (await listAccounts(client, agencyId)).filter(({ id }) => ids === null || ids.includes(id));
  const spent = await client.query<{ accountId: number; period: string; kopecks: number }>(
    'select account_id as "accountId", period, kopecks from account_spending where agency_id = $1 and period = any($2)',
    [agencyId, periods],
  );
  const bySpender = new Map<number, Record<string, number>>();
  for (const { accountId, period, kopecks } of spent.rows) {
    bySpender.set(accountId, { ...bySpender.get(accountId), [period]: kopecks });
  }
  return accounts.map(({ id, name, availableKopecks, dayLimitKopecks, monthLimitKopecks }) => ({
    id,
    name,
    availableKopecks,
    dayLimitKopecks,
    monthLimitKopecks,
    spent: bySpender.get(id) ?? {},
  }));
}

/** The account of the world outside, or of what a cabinet has cost; made when first asked for. */
export async function systemAccount(
  client: Queryable,
  agencyId: number,
  kind: 'bank' | 'board',
  ownerId: number | null = null,
): Promise<number> {
  return (await accountOf(client, agencyId, kind, ownerId)).id;
}

async function accountOf(
  client: Queryable,
  agencyId: number,
  kind: AccountKind,
  ownerId: number | null,
): Promise<{ readonly id: number; readonly isNew: boolean }> {
  const key = [agencyId, kind, ownerId];
  const there = () =>
    client.query<{ id: number }>(
      'select id from account where agency_id = $1 and kind = $2 and owner_id is not distinct from $3',
      key,
    );
  const found = (await there()).rows[0];
  if (found) return { id: found.id, isNew: false };
  const made = await client.query<{ id: number }>(
    'insert into account (agency_id, kind, owner_id) values ($1, $2, $3) on conflict do nothing returning id',
    key,
  );
  return made.rows[0] ? { id: made.rows[0].id, isNew: true } : { id: (await there()).rows[0]!.id, isNew: false };
}

/** Who gives a command about money. */
export interface Teller {
  readonly name: string;
}

/** Opens an account; one that is open already stays as it is. */
export function openAccount(
  db: Database,
  agencyId: number,
  owner: { readonly kind: OwnKind; readonly ownerId: number | null },
  by: Teller,
  now: Date,
): Promise<{ readonly id: number; readonly isNew: boolean }> {
  return transaction(db, async (client) => {
    const made = await accountOf(client, agencyId, owner.kind, owner.ownerId);
    if (made.isNew) {
      await record(
        client,
        agencyId,
        { by: by.name, action: 'account-opened', facts: { account: made.id, ...owner } },
        now,
      );
      // Listings change their payer.
      await makeDue(client, agencyId, {}, 'edit', now);
    }
    return made;
  });
}

export interface AccountChange {
  readonly overdraftKopecks?: number;
  readonly dayLimitKopecks?: number | null;
  readonly monthLimitKopecks?: number | null;
  readonly monthly?: MonthlyTopUp | null;
}

/**
 * Changes what people decide about an account.
 * @throws Refusal `account-unknown`; `overdraft-in-use` when the account is below the new limit already
 */
export function changeAccount(
  db: Database,
  agencyId: number,
  accountId: number,
  change: AccountChange,
  by: Teller,
  now: Date,
): Promise<void> {
  return transaction(db, async (client) => {
    const [was] = await lockAccounts(client, agencyId, [accountId]);
    if (!was || !(OWN_KINDS as readonly string[]).includes(was.kind)) throw accountUnknown(accountId);
    const next = { ...was, ...change };
    const below = was.heldKopecks - was.balanceKopecks;
    if (below > next.overdraftKopecks) {
      throw new Refusal(
        'overdraft-in-use',
        `Счёт #${accountId} уже в минусе на ${formatKopecks(below)}: меньше этого овердрафт не сделать. Сначала пополните счёт.`,
      );
    }
    const monthly = next.monthly === null ? null : JSON.stringify(next.monthly);
    await client.query(
      `update account set overdraft_kopecks = $3, day_limit_kopecks = $4, month_limit_kopecks = $5, monthly = $6 where agency_id = $1 and id = $2`,
      [agencyId, accountId, next.overdraftKopecks, next.dayLimitKopecks, next.monthLimitKopecks, monthly],
    );
    await client.query('update account a set seal = seal_of(a) where agency_id = $1 and id = $2', [
      agencyId,
      accountId,
    ]);
    const { overdraftKopecks, dayLimitKopecks, monthLimitKopecks } = was;
    const facts = {
      account: accountId,
      from: { overdraftKopecks, dayLimitKopecks, monthLimitKopecks, monthly: was.monthly },
      to: change,
    };
    await record(client, agencyId, { by: by.name, action: 'account-changed', facts }, now);
    await makeDue(client, agencyId, {}, 'edit', now);
  });
}

const accountUnknown = (accountId: number) =>
  new Refusal('account-unknown', `Счёта #${accountId} нет: accounts list.`, 2);

interface LockedAccount {
  readonly id: number;
  readonly kind: AccountKind;
  readonly balanceKopecks: number;
  readonly heldKopecks: number;
  readonly overdraftKopecks: number;
  readonly dayLimitKopecks: number | null;
  readonly monthLimitKopecks: number | null;
  readonly monthly: MonthlyTopUp | null;
}

/** Accounts in the order of their numbers, so that two who want the same ones never wait for each other. */
async function lockAccounts(client: Queryable, agencyId: number, ids: readonly number[]): Promise<LockedAccount[]> {
  const found = await client.query<LockedAccount>(
    `select id, kind, balance_kopecks as "balanceKopecks", held_kopecks as "heldKopecks", overdraft_kopecks as "overdraftKopecks",
       day_limit_kopecks as "dayLimitKopecks", month_limit_kopecks as "monthLimitKopecks", monthly
     from account where agency_id = $1 and id = any($2) order by id for no key update`,
    [agencyId, ids],
  );
  return found.rows;
}

/** Transfers of one kind, between two accounts, of one day: what they come to. */
export interface Moved {
  readonly fromId: number;
  readonly toId: number;
  readonly kind: TransferKind;
  readonly resolves: boolean;
  readonly day: string;
  readonly kopecks: number;
  readonly count: number;
}

/** An account that cannot pay what it should. */
export interface Short {
  readonly accountId: number;
  readonly cause: 'balance' | 'day-limit' | 'month-limit';
  readonly missingKopecks: number;
}

interface Delta {
  balance: number;
  held: number;
  entries: number;
  readonly spending: Map<string, number>;
}

/**
 * Lets the accounts follow what was transferred. The rows of the accounts are locked here, in one order, and stay
 * locked until the transaction ends: nothing long may come after it.
 * @returns the accounts that come short; then nothing was changed, and the transaction is to be given up
 */
export async function apply(client: Queryable, agencyId: number, moved: readonly Moved[]): Promise<Short[]> {
  const deltas = new Map<number, Delta>();
  const deltaOf = (id: number) => {
    let delta = deltas.get(id);
    if (!delta) {
      delta = { balance: 0, held: 0, entries: 0, spending: new Map() };
      deltas.set(id, delta);
    }
    return delta;
  };
  for (const { fromId, toId, kind, resolves, day, kopecks, count } of moved) {
    const { from, to } = effects(kind, kopecks, resolves);
    for (const [id, effect] of [
      [fromId, from],
      [toId, to],
    ] as const) {
      const delta = deltaOf(id);
      delta.balance += effect.balance;
      delta.held += effect.held;
      delta.entries += count;
    }
    const [payer, spent] = spendingOf({ fromId, toId, kind, resolves, kopecks });
    if (spent === 0) continue;
    const { spending } = deltaOf(payer);
    for (const period of [day, day.slice(0, 7)]) spending.set(period, (spending.get(period) ?? 0) + spent);
  }
  if (deltas.size === 0) return [];
  const accounts = await lockAccounts(client, agencyId, [...deltas.keys()]);
  if (accounts.length !== deltas.size)
    throw new Fault('account-missing', 'Перевод называет счёт, которого нет. Запустите accounts verify.');
  const own = accounts.filter(({ kind }) => kind !== 'bank' && kind !== 'board');
  const short = [
    ...own.flatMap((one) => shortBalance(one, deltas.get(one.id)!)),
    ...(await overLimit(client, agencyId, own, deltas)),
  ];
  if (short.length > 0) return short;
  const all = [...deltas];
  await client.query(
    `update account a set balance_kopecks = a.balance_kopecks + d.balance, held_kopecks = a.held_kopecks + d.held, entries = a.entries + d.entries
     from unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[]) as d(id, balance, held, entries)
     where a.agency_id = $1 and a.id = d.id`,
    [
      agencyId,
      all.map(([id]) => id),
      all.map(([, { balance }]) => balance),
      all.map(([, { held }]) => held),
      all.map(([, { entries }]) => entries),
    ],
  );
  const spent = all.flatMap(([id, { spending }]) =>
    [...spending].map(([period, kopecks]) => ({ id, period, kopecks })),
  );
  if (spent.length > 0) {
    await client.query(
      `insert into account_spending as s (agency_id, account_id, period, kopecks)
       select $1, * from unnest($2::bigint[], $3::text[], $4::bigint[])
       on conflict (agency_id, account_id, period) do update set kopecks = s.kopecks + excluded.kopecks`,
      [agencyId, spent.map(({ id }) => id), spent.map(({ period }) => period), spent.map(({ kopecks }) => kopecks)],
    );
  }
  return [];
}

/** Whose limits a transfer counts against, and by how much: what is held or charged, less what came back. */
function spendingOf({
  fromId,
  toId,
  kind,
  resolves,
  kopecks,
}: Omit<Moved, 'day' | 'count'>): [id: number, kopecks: number] {
  if (kind === 'hold' || (kind === 'charge' && !resolves)) return [fromId, kopecks];
  if (kind === 'release') return [fromId, -kopecks];
  if (kind === 'refund') return [toId, -kopecks];
  return [fromId, 0];
}

function shortBalance(account: LockedAccount, delta: Delta): Short[] {
  const taken = delta.held - delta.balance;
  const available = account.balanceKopecks - account.heldKopecks + account.overdraftKopecks;
  // What gives back or changes nothing is never refused, however low the account is.
  return taken <= 0 || taken <= available
    ? []
    : [{ accountId: account.id, cause: 'balance', missingKopecks: taken - available }];
}

async function overLimit(
  client: Queryable,
  agencyId: number,
  accounts: readonly LockedAccount[],
  deltas: ReadonlyMap<number, Delta>,
): Promise<Short[]> {
  const limited = accounts.filter(
    ({ dayLimitKopecks, monthLimitKopecks }) => dayLimitKopecks !== null || monthLimitKopecks !== null,
  );
  if (limited.length === 0) return [];
  const found = await client.query<{ accountId: number; period: string; kopecks: number }>(
    'select account_id as "accountId", period, kopecks from account_spending where agency_id = $1 and account_id = any($2) and period = any($3)',
    [
      agencyId,
      limited.map(({ id }) => id),
      [...new Set(limited.flatMap(({ id }) => [...deltas.get(id)!.spending.keys()]))],
    ],
  );
  const spent = new Map(found.rows.map(({ accountId, period, kopecks }) => [`${accountId}/${period}`, kopecks]));
  const short: Short[] = [];
  for (const { id, dayLimitKopecks, monthLimitKopecks } of limited) {
    for (const [period, more] of deltas.get(id)!.spending) {
      const limit = period.length === 7 ? monthLimitKopecks : dayLimitKopecks;
      const over = limit === null || more <= 0 ? 0 : (spent.get(`${id}/${period}`) ?? 0) + more - limit;
      if (over > 0)
        short.push({ accountId: id, cause: period.length === 7 ? 'month-limit' : 'day-limit', missingKopecks: over });
    }
  }
  return short;
}

export interface NewTransfer {
  /** Derived from what it is for. */
  readonly id: string;
  readonly kind: TransferKind;
  readonly fromId: number;
  readonly toId: number;
  readonly kopecks: number;
  readonly day: string;
  readonly cabinetId?: number | null;
  readonly listingId?: number | null;
  readonly basis?: Basis | null;
  readonly editionId?: number | null;
  readonly tariffId?: number | null;
  readonly facts?: PriceFacts | null;
  readonly promotionId?: number | null;
  readonly resolves?: string | null;
  readonly reverses?: string | null;
  readonly by: string;
  readonly reason: string;
}

/** Columns of a transfer as statements here write them. */
export const TRANSFER_COLUMNS = `agency_id, id, kind, from_id, to_id, kopecks, day, at, cabinet_id, listing_id, basis, edition_id, tariff_id, facts,
  promotion_id, resolves, reverses, by, reason`;

/**
 * Writes one transfer, once: the same one again changes nothing. A few at a time; a run writes its own by the thousand.
 * @returns whether it is new
 * @throws Refusal `account-short`; Fault `transfer-differs` when the id is taken by something else, `transfer-unfounded`
 * when there is no such hold to end or charge to pay back
 */
export async function post(client: Queryable, agencyId: number, given: NewTransfer, at: Date): Promise<boolean> {
  const made = await client.query<{ id: string }>(
    `insert into transfer (${TRANSFER_COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
     on conflict do nothing returning id`,
    [
      agencyId,
      given.id,
      given.kind,
      given.fromId,
      given.toId,
      given.kopecks,
      given.day,
      at,
      given.cabinetId ?? null,
      given.listingId ?? null,
      given.basis ?? null,
      given.editionId ?? null,
      given.tariffId ?? null,
      given.facts ? JSON.stringify(given.facts) : null,
      given.promotionId ?? null,
      given.resolves ?? null,
      given.reverses ?? null,
      given.by,
      given.reason,
    ],
  );
  if (made.rowCount === 0) {
    await proveSame(client, agencyId, given);
    return false;
  }
  await proveEnds(client, agencyId, given);
  const { fromId, toId, kind, day, kopecks } = given;
  const [short] = await apply(client, agencyId, [
    { fromId, toId, kind, day, kopecks, resolves: given.resolves != null, count: 1 },
  ]);
  if (short) throw await accountShort(client, agencyId, short, given.kopecks);
  return true;
}

/** A hold is ended and a charge paid back whole, between the same two accounts; otherwise another hold would pay for it. */
async function proveEnds(client: Queryable, agencyId: number, given: NewTransfer): Promise<void> {
  const ended = given.resolves ?? given.reverses;
  if (ended == null) return;
  const [kind, fromId, toId] =
    given.resolves != null ? ['hold', given.fromId, given.toId] : ['charge', given.toId, given.fromId];
  const found = await client.query(
    'select 1 from transfer where agency_id = $1 and id = $2 and kind = $3 and from_id = $4 and to_id = $5 and kopecks = $6',
    [agencyId, ended, kind, fromId, toId, given.kopecks],
  );
  if (found.rowCount === 1) return;
  throw new Fault(
    'transfer-unfounded',
    `Перевод ${given.id} (${TRANSFER_LABELS[given.kind]} на ${formatKopecks(given.kopecks)}) закрывает ${ended}, но такого перевода на эту сумму между этими счетами нет. Ничего не проведено; запустите accounts verify.`,
  );
}

async function proveSame(client: Queryable, agencyId: number, given: NewTransfer): Promise<void> {
  const found = await client.query<Pick<NewTransfer, 'kind' | 'fromId' | 'toId' | 'kopecks'>>(
    'select kind, from_id as "fromId", to_id as "toId", kopecks from transfer where agency_id = $1 and id = $2',
    [agencyId, given.id],
  );
  const there = found.rows[0];
  const isSame =
    there !== undefined &&
    there.kind === given.kind &&
    there.fromId === given.fromId &&
    there.toId === given.toId &&
    there.kopecks === given.kopecks;
  if (isSame) return;
  // The other way to be refused: a hold has ended, or a charge was paid back, under another id.
  const what = there
    ? `уже проведён иначе: ${TRANSFER_LABELS[there.kind]} на ${formatKopecks(there.kopecks)}`
    : 'уже закрыт другим переводом';
  throw new Fault(
    'transfer-differs',
    `Перевод ${given.id} (${TRANSFER_LABELS[given.kind]} на ${formatKopecks(given.kopecks)}) ${what}. Ничего не проведено; запустите accounts verify.`,
  );
}

async function accountShort(client: Queryable, agencyId: number, short: Short, kopecks: number): Promise<Refusal> {
  const name = (await listAccounts(client, agencyId)).find(({ id }) => id === short.accountId)?.name ?? '';
  const sum = formatKopecks(kopecks);
  const missing = formatKopecks(short.missingKopecks);
  const text = {
    balance: `На счёте «${name}» не хватает ${missing}, чтобы взять ${sum}.`,
    'day-limit': `Дневной лимит счёта «${name}» был бы превышен на ${missing}.`,
    'month-limit': `Месячный лимит счёта «${name}» был бы превышен на ${missing}.`,
  }[short.cause];
  return new Refusal('account-short', text);
}

/** The agency's local day. */
export async function agencyDay(client: Queryable, agencyId: number, now: Date): Promise<string> {
  const found = await client.query<{ zone: string }>('select time_zone as zone from agency where id = $1', [agencyId]);
  return localDay(now, found.rows[0]!.zone);
}

function proveSum(kopecks: number): void {
  if (Number.isSafeInteger(kopecks) && kopecks > 0 && kopecks <= KOPECKS_MAX) return;
  throw new Refusal('bad-sum', `Сумма должна быть больше нуля и не больше ${formatKopecks(KOPECKS_MAX)}.`, 2);
}

async function oneOwnAccount(client: Queryable, agencyId: number, accountId: number): Promise<AccountRow> {
  const found = (await listAccounts(client, agencyId)).find(({ id }) => id === accountId);
  if (!found) throw accountUnknown(accountId);
  return found;
}

/** A person's command about money. The key tells two equal commands from one that was sent twice. */
export interface MoneyCommand {
  readonly key: string;
  readonly kopecks: number;
  readonly reason: string;
  readonly by: Teller;
}

/**
 * Money from outside.
 * @returns the transfer's id, and whether it is new
 * @throws Refusal `account-unknown`, `bad-sum`; Fault `transfer-differs`
 */
export function topUp(
  db: Database,
  agencyId: number,
  accountId: number,
  command: MoneyCommand,
  now: Date,
): Promise<{ readonly id: string; readonly isNew: boolean }> {
  proveSum(command.kopecks);
  return transaction(db, async (client) => {
    await oneOwnAccount(client, agencyId, accountId);
    const fromId = await systemAccount(client, agencyId, 'bank');
    return byPerson(
      client,
      agencyId,
      { id: `topup:${command.key}`, kind: 'top-up', fromId, toId: accountId },
      command,
      now,
    );
  });
}

/** Money from one account to another. @throws Refusal `account-unknown`, `bad-sum`, `same-account`, `account-short` */
export function move(
  db: Database,
  agencyId: number,
  fromId: number,
  toId: number,
  command: MoneyCommand,
  now: Date,
): Promise<{ readonly id: string; readonly isNew: boolean }> {
  proveSum(command.kopecks);
  if (fromId === toId) throw new Refusal('same-account', 'Это один и тот же счёт: переводить некуда.', 2);
  return transaction(db, async (client) => {
    await oneOwnAccount(client, agencyId, fromId);
    await oneOwnAccount(client, agencyId, toId);
    return byPerson(client, agencyId, { id: `move:${command.key}`, kind: 'move', fromId, toId }, command, now);
  });
}

/**
 * A counter-entry: what was booked wrongly is put right by another entry, never by a change.
 * @param direction `to` the account, or `from` it
 */
export function correct(
  db: Database,
  agencyId: number,
  accountId: number,
  direction: 'to' | 'from',
  command: MoneyCommand,
  now: Date,
): Promise<{ readonly id: string; readonly isNew: boolean }> {
  proveSum(command.kopecks);
  return transaction(db, async (client) => {
    await oneOwnAccount(client, agencyId, accountId);
    const bank = await systemAccount(client, agencyId, 'bank');
    const [fromId, toId] = direction === 'to' ? [bank, accountId] : [accountId, bank];
    return byPerson(
      client,
      agencyId,
      { id: `correction:${command.key}`, kind: 'correction', fromId, toId },
      command,
      now,
    );
  });
}

async function byPerson(
  client: Queryable,
  agencyId: number,
  way: Pick<NewTransfer, 'id' | 'fromId' | 'toId'> & { readonly kind: 'top-up' | 'move' | 'correction' },
  { kopecks, reason, by }: MoneyCommand,
  now: Date,
): Promise<{ readonly id: string; readonly isNew: boolean }> {
  const day = await agencyDay(client, agencyId, now);
  const isNew = await post(client, agencyId, { ...way, kopecks, day, by: by.name, reason }, now);
  if (isNew) {
    await record(
      client,
      agencyId,
      { by: by.name, action: `money-${way.kind}`, facts: { transfer: way.id, kopecks, reason } },
      now,
    );
    // Whoever waited for money may go out now.
    await makeDue(client, agencyId, {}, 'edit', now);
  }
  return { id: way.id, isNew };
}

/**
 * Pays a charge back, whole and once. Of the current day only when the listing has left the feed: while it stands there
 * the day is charged. Of a placement only when its term is over: until then it lets the listing out without another charge.
 * @throws Refusal `charge-unknown`, `already-refunded`, `still-published`, `placement-running`
 */
export function refund(
  db: Database,
  agencyId: number,
  chargeId: string,
  reason: string,
  by: Teller,
  now: Date,
): Promise<{ readonly id: string; readonly kopecks: number }> {
  return transaction(db, async (client) => {
    const found = await client.query<
      Pick<NewTransfer, 'fromId' | 'toId' | 'kopecks' | 'day' | 'basis' | 'promotionId'> & {
        cabinetId: number;
        listingId: number;
      }
    >(
      `select from_id as "fromId", to_id as "toId", kopecks, day, basis, promotion_id as "promotionId", cabinet_id as "cabinetId",
         listing_id as "listingId" from transfer where agency_id = $1 and id = $2 and kind = 'charge'`,
      [agencyId, chargeId],
    );
    const charge = found.rows[0];
    if (!charge) throw new Refusal('charge-unknown', `Списания «${chargeId.slice(0, 80)}» нет: accounts ledger.`, 2);
    const { kopecks, day, basis, promotionId, cabinetId, listingId } = charge;
    const id = refundOf(chargeId);
    const way = { id, kind: 'refund', fromId: charge.toId, toId: charge.fromId } as const;
    const about = { kopecks, day, basis, promotionId, cabinetId, listingId, reverses: chargeId, by: by.name, reason };
    if (!(await post(client, agencyId, { ...way, ...about }, now)))
      throw new Refusal('already-refunded', `Списание ${chargeId} уже возвращено.`);
    await proveOver(client, agencyId, charge, now);
    const facts = { transfer: id, kopecks, reason };
    await record(client, agencyId, { by: by.name, action: 'money-refund', cabinetId, listingId, facts }, now);
    await makeDue(client, agencyId, {}, 'edit', now);
    return { id, kopecks };
  });
}

/** The account a charge was taken from; undefined: there is no such charge. */
export async function payerOfCharge(
  client: Queryable,
  agencyId: number,
  chargeId: string,
): Promise<number | undefined> {
  const found = await client.query<{ id: number }>(
    `select from_id as id from transfer where agency_id = $1 and id = $2 and kind = 'charge'`,
    [agencyId, chargeId],
  );
  return found.rows[0]?.id;
}

/**
 * Is what a charge has paid for over? Asked with the cabinet's row locked, after the accounts as in a commit: from here
 * on no run can publish what has just been paid back. One that is under way has seen the day as paid and is overtaken.
 */
async function proveOver(
  client: Queryable,
  agencyId: number,
  { cabinetId, listingId, day, basis }: Pick<NewTransfer, 'day' | 'basis'> & { cabinetId: number; listingId: number },
  now: Date,
): Promise<void> {
  // All of the agency, for all are made due in the end: whoever has one in hand and wants the others waits in a circle.
  await client.query('select from cabinet where agency_id = $1 order by id for no key update', [agencyId]);
  const cabinet = await client.query<{ zone: string; billedAt: Date | null }>(
    `select coalesce(b.time_zone, a.time_zone) as zone, c.billed_at as "billedAt"
     from cabinet c join agency a on a.id = c.agency_id left join branch b on b.agency_id = c.agency_id and b.id = c.branch_id
     where c.agency_id = $1 and c.id = $2 for no key update of c`,
    [agencyId, cabinetId],
  );
  const { zone, billedAt } = cabinet.rows[0]!;
  const billedDay = localDay(billedAt ?? now, zone);
  if (basis === 'placement' || basis === 'excess-placement') {
    const running = await client.query<{ until: string }>(
      `select until_on as until from placement where agency_id = $1 and cabinet_id = $2 and listing_id = $3 and from_on = $4 and until_on >= $5`,
      [agencyId, cabinetId, listingId, day, billedDay],
    );
    const [one] = running.rows;
    if (one) {
      throw new Refusal(
        'placement-running',
        `Размещение объекта #${listingId} идёт до ${russianDay(one.until)}: вернуть его можно после этого дня, а раньше — встречной записью (accounts correct).`,
      );
    }
    return;
  }
  if ((basis !== 'day' && basis !== 'excess-day') || day < billedDay) return;
  const shown = await client.query(
    `select from mark_outcome where agency_id = $1 and cabinet_id = $2 and listing_id = $3 and outcome = 'published'`,
    [agencyId, cabinetId, listingId],
  );
  if (shown.rowCount! > 0) {
    throw new Refusal(
      'still-published',
      `Объект #${listingId} сегодня ещё в фиде, и день спишется снова. Сначала снимите отметку и дождитесь нового издания.`,
    );
  }
  await client.query('update cabinet set fence = fence + 1 where agency_id = $1 and id = $2', [agencyId, cabinetId]);
  await makeDue(client, agencyId, { cabinetIds: [cabinetId] }, 'withdrawal', now);
}

/** A transfer as people read it. */
export interface LedgerRow {
  readonly id: string;
  readonly seq: number;
  readonly kind: TransferKind;
  readonly fromId: number;
  readonly toId: number;
  readonly kopecks: number;
  readonly day: string;
  readonly at: Date;
  readonly cabinetId: number | null;
  readonly board: string | null;
  readonly cabinet: string | null;
  readonly listingId: number | null;
  readonly externalId: string | null;
  /** The responsible person of the listing, as it is today. */
  readonly employee: string | null;
  readonly branch: string | null;
  readonly basis: Basis | null;
  readonly resolves: string | null;
  readonly reverses: string | null;
  readonly by: string;
  readonly reason: string;
}

export interface LedgerFilter {
  readonly accountId?: number;
  readonly cabinetId?: number;
  readonly listingId?: number;
  /** First and last day, inclusive. */
  readonly from?: string;
  readonly until?: string;
  /** Only what comes after this one. */
  readonly afterSeq?: number;
  readonly limit?: number;
}

/** Transfers in their order, page by page. */
export async function listTransfers(
  client: Queryable,
  agencyId: number,
  filter: LedgerFilter = {},
): Promise<LedgerRow[]> {
  const found = await client.query<LedgerRow>(
    `select t.id, t.seq, t.kind, t.from_id as "fromId", t.to_id as "toId", t.kopecks, t.day, t.at, t.cabinet_id as "cabinetId", c.board, c.slug as cabinet,
       t.listing_id as "listingId", l.external_id as "externalId", e.name as employee, b.name as branch, t.basis, t.resolves, t.reverses, t.by, t.reason
     from transfer t
     left join cabinet c on c.agency_id = t.agency_id and c.id = t.cabinet_id
     left join listing l on l.agency_id = t.agency_id and l.id = t.listing_id
     left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id
     left join branch b on b.agency_id = l.agency_id and b.id = coalesce(l.branch_id, e.branch_id)
     where t.agency_id = $1 and ($2::bigint is null or t.from_id = $2 or t.to_id = $2) and ($3::bigint is null or t.cabinet_id = $3)
       and ($4::bigint is null or t.listing_id = $4) and ($5::date is null or t.day >= $5) and ($6::date is null or t.day <= $6)
       and t.seq > $7
     order by t.seq limit $8`,
    [
      agencyId,
      filter.accountId ?? null,
      filter.cabinetId ?? null,
      filter.listingId ?? null,
      filter.from ?? null,
      filter.until ?? null,
      filter.afterSeq ?? 0,
      filter.limit ?? 1000,
    ],
  );
  return found.rows;
}

/** «Ирина Соколова (сотрудник)». */
export const accountTold = ({ kind, name }: Pick<AccountRow, 'kind' | 'name'>) =>
  kind === 'employee' ? `${name} (${ACCOUNT_KIND_LABELS[kind]})` : name;
