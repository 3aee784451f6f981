import type pg from 'pg';
import { addDays } from '../domain/days.ts';
import type { AccountKind, Effect, TransferKind } from '../domain/ledger.ts';
import { type Entry, type Side, standingOf } from '../domain/statement.ts';
import type { Database, Queryable } from './database.ts';
import { type AccountRow, listAccounts } from './ledger.ts';

/** Accounts and their transfers as people read them: the tree with what was spent, the ledger, statements. */

/** An account with its place in the agency and what it has spent. */
export interface PlacedAccount extends AccountRow {
  readonly branchId: number | null;
  readonly branch: string | null;
  readonly departmentId: number | null;
  readonly department: string | null;
  readonly email: string | null;
  /** false: the employee has left. */
  readonly isActive: boolean;
  /** Held or charged for that day and its month, less what came back. */
  readonly daySpentKopecks: number;
  readonly monthSpentKopecks: number;
}

/**
 * Accounts in the order of `listAccounts`.
 * @param day whose spending is told
 * @param isAll the bank's and the boards' too
 */
export async function listPlacedAccounts(
  client: Queryable,
  agencyId: number,
  day: string,
  isAll = false,
): Promise<PlacedAccount[]> {
  const accounts = await listAccounts(client, agencyId, isAll);
  const found = await client.query<Omit<PlacedAccount, Exclude<keyof AccountRow, 'id'>>>(
    `select a.id, b.id as "branchId", b.name as branch, d.id as "departmentId", d.name as department, e.email,
       coalesce(e.is_active, true) as "isActive", coalesce(s.kopecks, 0) as "daySpentKopecks", coalesce(m.kopecks, 0) as "monthSpentKopecks"
     from account a
     left join employee e on a.kind = 'employee' and e.agency_id = a.agency_id and e.id = a.owner_id
     left join department d on d.agency_id = a.agency_id and d.id = case a.kind when 'department' then a.owner_id else e.department_id end
     left join branch b on b.agency_id = a.agency_id
       and b.id = case a.kind when 'branch' then a.owner_id else coalesce(e.branch_id, d.branch_id) end
     left join account_spending s on s.agency_id = a.agency_id and s.account_id = a.id and s.period = $2
     left join account_spending m on m.agency_id = a.agency_id and m.account_id = a.id and m.period = $3
     where a.agency_id = $1`,
    [agencyId, day, day.slice(0, 7)],
  );
  const places = new Map(found.rows.map((row) => [row.id, row]));
  return accounts.map((account) => ({ ...account, ...places.get(account.id)! }));
}

/** A transfer as one of its two accounts sees it, in full. */
export interface LedgerEntry extends Entry {
  readonly seq: number;
  readonly id: string;
  readonly at: Date;
  readonly cabinet: string | null;
  /** The account on its other side. */
  readonly otherId: number;
  readonly resolvedId: string | null;
  readonly reversedId: string | null;
  readonly by: string;
  readonly reason: string;
}

const ENTRY = `t.seq, t.id, t.kind, t.kopecks, t.resolves is not null as resolves, t.from_id = $2 as "isFrom", $2::bigint as "accountId", $3::text as account,
  t.day, t.at, c.board, c.slug as cabinet, t.listing_id as "listingId", l.external_id as "externalId", e.id as "employeeId", e.name as employee,
  b.id as "branchId", b.name as branch, t.basis, case when t.from_id = $2 then t.to_id else t.from_id end as "otherId",
  t.resolves as "resolvedId", t.reverses as "reversedId", t.by, t.reason`;
const ABOUT = `left join cabinet c on c.agency_id = $1 and c.id = t.cabinet_id
  left join listing l on l.agency_id = $1 and l.id = t.listing_id
  left join employee e on e.agency_id = $1 and e.id = l.employee_id
  left join branch b on b.agency_id = $1 and b.id = coalesce(l.branch_id, e.branch_id)`;

/**
 * Transfers `t` of the account $2, by the indexes there are: what people's accounts get is of few kinds, and what a
 * board's account gets has its cabinet.
 */
const sidesOf = (kind: AccountKind) => [
  't.from_id = $2',
  kind === 'board'
    ? 't.to_id = $2 and t.cabinet_id = (select owner_id from account where agency_id = $1 and id = $2)'
    : `t.to_id = $2 and t.kind in ('top-up', 'move', 'refund', 'correction')`,
];
const touching = (kind: AccountKind) => `t.agency_id = $1 and (${sidesOf(kind).join(' or ')})`;

export interface PageQuery {
  readonly kinds?: readonly TransferKind[] | undefined;
  /** First and last local day that transfers count for, inclusive. */
  readonly from?: string | undefined;
  readonly until?: string | undefined;
  readonly cabinetId?: number | undefined;
  readonly board?: string | undefined;
  readonly listingId?: number | undefined;
  /** Only what comes after this one, downwards. */
  readonly after?: { readonly day: string; readonly seq: number } | undefined;
  readonly limit: number;
}

/** A transfer of a page of the ledger. */
export interface PageLine extends LedgerEntry {
  readonly cabinetId: number | null;
  /** A charge that was paid back. */
  readonly isRefunded: boolean;
}

/**
 * A page of an account's transfers, from the last day to the first and in a day from the last booked to the first.
 * Reads no more than the page, however many transfers the account has; only what is rare among them is looked for.
 */
export async function pageOfLedger(
  client: Queryable,
  agencyId: number,
  { id, kind, name }: Pick<AccountRow, 'id' | 'kind' | 'name'>,
  query: PageQuery,
): Promise<PageLine[]> {
  const side = (which: string) =>
    `(select t.* from transfer t where t.agency_id = $1 and ${which} and ($4::date is null or t.day >= $4) and ($5::date is null or t.day <= $5)
       and ($6::bigint is null or t.listing_id = $6) and ($7::bigint is null or t.cabinet_id = $7) and ($8::text[] is null or t.kind = any($8))
       and ($9::text is null or t.cabinet_id in (select id from cabinet where agency_id = $1 and board = $9))
       and ($10::date is null or t.day <= $10 and (t.day, t.seq) < ($10, $11::bigint))
      order by t.day desc, t.seq desc limit $12)`;
  const sides = sidesOf(kind).map(side).join(' union all ');
  const found = await client.query<PageLine>(
    `select ${ENTRY}, t.cabinet_id as "cabinetId", exists(select 1 from transfer r where r.agency_id = $1 and r.reverses = t.id) as "isRefunded"
     from (${sides}) as t ${ABOUT} order by t.day desc, t.seq desc limit $12`,
    [
      agencyId,
      id,
      name,
      query.from ?? null,
      query.until ?? null,
      query.listingId ?? null,
      query.cabinetId ?? null,
      query.kinds ?? null,
      query.board ?? null,
      query.after?.day ?? null,
      query.after?.seq ?? null,
      query.limit,
    ],
  );
  return found.rows;
}

/** What an account stood at when a day was over, in the order of days. */
export async function standingAfter(
  client: Queryable,
  agencyId: number,
  { id, kind, balanceKopecks, heldKopecks }: AccountRow,
  day: string | undefined,
): Promise<Effect> {
  if (day === undefined) return { balance: balanceKopecks, held: heldKopecks };
  const found = await client.query<Side>(
    `select t.kind, t.resolves is not null as resolves, t.from_id = $2 as "isFrom", sum(t.kopecks)::bigint as kopecks
     from transfer t where ${touching(kind)} and t.day > $3 group by 1, 2, 3`,
    [agencyId, id, day],
  );
  const later = standingOf(found.rows);
  return { balance: balanceKopecks - later.balance, held: heldKopecks - later.held };
}

/** An account at the end of a day, kopecks. */
export interface AccountDay {
  readonly day: string;
  /** Balance less holds. */
  readonly leftKopecks: number;
  /** Held or charged for the day, less what came back. */
  readonly spentKopecks: number;
}

/**
 * The last days of the accounts, the oldest first, from what each has spent and from the few transfers that bring or
 * move money: the days of a big account are not counted from its charges. A transfer counts for its local day.
 */
export async function lastDays(
  client: Queryable,
  agencyId: number,
  accounts: readonly AccountRow[],
  today: string,
  count: number,
): Promise<ReadonlyMap<number, readonly AccountDay[]>> {
  const days = Array.from({ length: count }, (_, index) => addDays(today, index + 1 - count));
  const spent = await client.query<{ accountId: number; day: string; kopecks: number }>(
    `select account_id as "accountId", period as day, kopecks from account_spending
     where agency_id = $1 and account_id = any($2) and length(period) = 10 and period >= $3`,
    [agencyId, accounts.map(({ id }) => id), days[0]],
  );
  const moved = await client.query<{ fromId: number; toId: number; day: string; kopecks: number }>(
    `select t.from_id as "fromId", t.to_id as "toId", t.day, sum(t.kopecks)::bigint as kopecks
     from account a join transfer t on t.agency_id = a.agency_id and t.to_id = a.id and t.kind in ('top-up', 'move', 'refund', 'correction')
     where a.agency_id = $1 and a.kind <> 'board' and t.kind <> 'refund' and t.day >= $2 group by 1, 2, 3`,
    [agencyId, days[0]],
  );
  const key = (accountId: number, day: string) => `${accountId}/${day}`;
  const spending = new Map(spent.rows.map(({ accountId, day, kopecks }) => [key(accountId, day), kopecks]));
  const changes = new Map<string, number>();
  const change = (accountId: number, day: string, kopecks: number) => {
    // What is booked for days to come has been taken from the balance already.
    const of = key(accountId, day > today ? '' : day);
    changes.set(of, (changes.get(of) ?? 0) + kopecks);
  };
  for (const { accountId, day, kopecks } of spent.rows) change(accountId, day, -kopecks);
  for (const { fromId, toId, day, kopecks } of moved.rows) {
    change(toId, day, kopecks);
    change(fromId, day, -kopecks);
  }
  return new Map(
    accounts.map(({ id, balanceKopecks, heldKopecks }) => {
      let left = balanceKopecks - heldKopecks - (changes.get(key(id, '')) ?? 0);
      const told: AccountDay[] = [];
      for (const day of days.toReversed()) {
        told.push({ day, leftKopecks: left, spentKopecks: spending.get(key(id, day)) ?? 0 });
        left -= changes.get(key(id, day)) ?? 0;
      }
      return [id, told.reverse()];
    }),
  );
}

export interface LedgerQuery {
  /** First and last local day that transfers count for, inclusive. */
  readonly from?: string | undefined;
  readonly until?: string | undefined;
  readonly listingId?: number | undefined;
  readonly board?: string | undefined;
  /** So many of the newest. */
  readonly limit: number;
}

/** A line of the ledger with what the account stood at after it. */
export interface LedgerLine extends LedgerEntry {
  readonly balanceKopecks: number;
  readonly heldKopecks: number;
}

/**
 * The newest transfers of an account that are asked for, the oldest of them first: in the order in which they were
 * booked, which is the order the balance has gone through, whatever is left out between them.
 */
export async function listLedger(
  client: Queryable,
  agencyId: number,
  account: Pick<AccountRow, 'id' | 'kind' | 'name'>,
  query: LedgerQuery,
): Promise<LedgerLine[]> {
  // What `effects` (domain/ledger.ts) says, counted back from today's sums: a test holds the two against each other.
  const found = await client.query<LedgerLine>(
    `with side as (
       select t.*, case when t.kind in ('hold', 'release') then 0 when t.from_id = $2 then -t.kopecks else t.kopecks end as moved,
         case when t.kind = 'hold' then t.kopecks when t.resolves is not null then -t.kopecks else 0 end * case when t.from_id = $2 then 1 else -1 end as held
       from transfer t where ${touching(account.kind)}),
     booked as (
       select t.*, a.balance_kopecks - coalesce(sum(t.moved) over later, 0) as balance_after, a.held_kopecks - coalesce(sum(t.held) over later, 0) as held_after
       from side t join account a on a.agency_id = $1 and a.id = $2
       window later as (order by t.seq desc rows between unbounded preceding and 1 preceding))
     select ${ENTRY}, t.balance_after::bigint as "balanceKopecks", t.held_after::bigint as "heldKopecks" from booked t ${ABOUT}
     where ($4::date is null or t.day >= $4) and ($5::date is null or t.day <= $5) and ($6::bigint is null or t.listing_id = $6)
       and ($7::text is null or c.board = $7)
     order by t.seq desc limit $8`,
    [
      agencyId,
      account.id,
      account.name,
      query.from ?? null,
      query.until ?? null,
      query.listingId ?? null,
      query.board ?? null,
      query.limit,
    ],
  );
  return found.rows.reverse();
}

/** What a statement is read in: an account begins, or some of its entries follow in the order of their days. */
export type StatementPart =
  | { readonly account: AccountRow; readonly opening: Effect }
  | { readonly entries: readonly LedgerEntry[] };

/** Days of a statement, both inclusive. */
export interface Period {
  readonly from: string;
  readonly until: string;
}

const BATCH = 2000;

/**
 * The accounts' transfers of some days, as one moment sees them all, however long the reading takes; a batch of them is
 * in memory at a time. Whoever stops early ends the generator, so that the connection is given back.
 * @param accounts in the order in which they shall come
 */
export async function* readStatement(
  db: Database,
  agencyId: number,
  accounts: readonly AccountRow[],
  period: Period,
): AsyncGenerator<StatementPart> {
  const client = await db.pool.connect();
  let isWhole = false;
  try {
    await client.query('begin isolation level repeatable read read only');
    // All of it will be read: the quickest way to the first rows is of no use.
    await client.query('set local cursor_tuple_fraction = 1');
    for (const account of accounts) {
      yield { account, opening: await openingOf(client, agencyId, account, period.from) };
      yield* entriesOf(client, agencyId, account, period);
    }
    isWhole = true;
  } finally {
    const isOver = await client.query(isWhole ? 'commit' : 'rollback').then(
      () => true,
      () => false,
    );
    client.release(!isOver);
  }
}

async function openingOf(
  client: pg.PoolClient,
  agencyId: number,
  { id, kind }: AccountRow,
  from: string,
): Promise<Effect> {
  const found = await client.query<Side>(
    `select t.kind, t.resolves is not null as resolves, t.from_id = $2 as "isFrom", sum(t.kopecks)::bigint as kopecks
     from transfer t where ${touching(kind)} and t.day < $3 group by 1, 2, 3`,
    [agencyId, id, from],
  );
  return standingOf(found.rows);
}

async function* entriesOf(
  client: pg.PoolClient,
  agencyId: number,
  { id, kind, name }: AccountRow,
  { from, until }: Period,
): AsyncGenerator<StatementPart> {
  await client.query(
    `declare statement no scroll cursor for select ${ENTRY} from transfer t ${ABOUT}
     where ${touching(kind)} and t.day between $4 and $5 order by t.day, t.seq`,
    [agencyId, id, name, from, until],
  );
  for (;;) {
    const found = await client.query<LedgerEntry>(`fetch ${BATCH} from statement`);
    if (found.rows.length > 0) yield { entries: found.rows };
    if (found.rows.length < BATCH) break;
  }
  await client.query('close statement');
}
