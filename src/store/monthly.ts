import { startOfDay } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { monthlyId, OWN_KINDS } from '../domain/ledger.ts';
import { formatKopecks, KOPECKS_MAX } from '../domain/money.ts';
import { hasCome, isMonthlyDay, MONTHLY_ON_MAX, monthOf, nextMonthlyDay, russianMonth } from '../domain/monthly.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { makeDue } from './due.ts';
import { record, tell } from './journal.ts';
import { agencyDay, listAccounts, post, systemAccount } from './ledger.ts';
import type { MonthlyTopUp } from './schema.ts';

/** Top-ups of accounts by schedule. */

/** Whose deeds these are in the journal. */
const BY = 'Выгрузка';
/** Space of the advisory locks under which an agency's top-ups are made, one transaction after the other. */
const MONTHLY_LOCKS = 7_061_975;
/** An account that could not pay is asked again after so long. */
const AGAIN_MS = 600_000;
const SHORT_KIND = 'monthly-short';

/**
 * What is wrong with a schedule of an account, as Russian sentences; none: it may be kept.
 * @param accountId whose it would be
 */
export async function faultsOfMonthly(
  client: Queryable,
  agencyId: number,
  accountId: number,
  { kopecks, on, fromId }: MonthlyTopUp,
): Promise<string[]> {
  const isOwn = fromId === null || (await listAccounts(client, agencyId)).some(({ id }) => id === fromId);
  return [
    ...(Number.isSafeInteger(kopecks) && kopecks > 0 && kopecks <= KOPECKS_MAX
      ? []
      : [`Сумма пополнения должна быть больше нуля и не больше ${formatKopecks(KOPECKS_MAX)}.`]),
    ...(isMonthlyDay(on) ? [] : [`День месяца должен быть от 1 до ${MONTHLY_ON_MAX}: такой есть в каждом месяце.`]),
    ...(isOwn ? [] : [`Счёта #${fromId}, с которого пополнять, нет.`]),
    ...(fromId === accountId ? ['Пополнять счёт с него самого нельзя.'] : []),
  ];
}

export interface ToppedUp {
  /** Accounts that got their money now. */
  readonly toppedUp: number;
  /** Accounts that wait, because the one they are topped up from is short. */
  readonly short: number;
  /** When there may be something to do next; null: nothing is scheduled. */
  readonly nextAt: Date | null;
}

interface Scheduled {
  readonly id: number;
  readonly name: string;
  readonly monthly: MonthlyTopUp;
}

/**
 * Makes the top-ups whose day of this month has come and that were not made yet. Past months are never made up for, and
 * an employee who has left gets nothing. Where the source is short the managers are told, once a month, and it is tried
 * again. Safe to repeat, and safe beside another process: the month is in the transfer's id.
 */
export async function topUpMonthly(db: Database, agencyId: number, now: Date): Promise<ToppedUp> {
  const today = await agencyDay(db.pool, agencyId, now);
  const month = monthOf(today);
  const all = await scheduled(db.pool, agencyId);
  const done = await madeAlready(db.pool, agencyId, all, month);
  let waiting = all.filter(({ id, monthly }) => hasCome(monthly.on, today) && !done.has(id));
  const reasons = new Map<number, string>();
  let toppedUp = 0;
  // One account may pass on what it got only now, so it goes round until nothing moves any more.
  for (let moved = -1; waiting.length > 0 && moved !== 0; ) {
    moved = 0;
    const left: Scheduled[] = [];
    for (const one of waiting) {
      const outcome = await topUpOne(db, agencyId, one.id, today, now);
      if (typeof outcome === 'object') {
        left.push(one);
        reasons.set(one.id, outcome.short);
      } else if (outcome === 'made') moved++;
    }
    toppedUp += moved;
    waiting = left;
  }
  await tellShort(db, agencyId, waiting, reasons, month, now);
  return { toppedUp, short: waiting.length, nextAt: await nextAt(db.pool, agencyId, all, waiting, today, now) };
}

/** Those filled from outside first, for others are filled from them. */
async function scheduled(client: Queryable, agencyId: number): Promise<Scheduled[]> {
  const found = await client.query<{ id: number }>(
    `select a.id from account a left join employee e on a.kind = 'employee' and e.agency_id = a.agency_id and e.id = a.owner_id
     where a.agency_id = $1 and a.kind = any($2) and a.monthly is not null and coalesce(e.is_active, true)`,
    [agencyId, OWN_KINDS],
  );
  const ids = new Set(found.rows.map(({ id }) => id));
  const all = (await listAccounts(client, agencyId)).flatMap(({ id, name, monthly }) =>
    monthly !== null && ids.has(id) ? [{ id, name, monthly }] : [],
  );
  return all.sort((a, b) => Number(a.monthly.fromId !== null) - Number(b.monthly.fromId !== null));
}

async function madeAlready(
  client: Queryable,
  agencyId: number,
  all: readonly Scheduled[],
  month: string,
): Promise<Set<number>> {
  const ids = new Map(all.map(({ id }) => [monthlyId(id, month), id]));
  const found = await client.query<{ id: string }>('select id from transfer where agency_id = $1 and id = any($2)', [
    agencyId,
    [...ids.keys()],
  ]);
  return new Set(found.rows.map(({ id }) => ids.get(id)!));
}

function topUpOne(
  db: Database,
  agencyId: number,
  accountId: number,
  today: string,
  now: Date,
): Promise<'made' | 'not-any-more' | { readonly short: string }> {
  return transaction(db, async (client) => {
    // Whoever comes second sees what the first has made, and not its id taken for another sum.
    await client.query('select pg_advisory_xact_lock($1, $2)', [MONTHLY_LOCKS, agencyId]);
    const id = monthlyId(accountId, monthOf(today));
    const found = await client.query<{ monthly: MonthlyTopUp | null }>(
      `select monthly from account where agency_id = $1 and id = $2 and not exists (select 1 from transfer where agency_id = $1 and id = $3)`,
      [agencyId, accountId, id],
    );
    const monthly = found.rows[0]?.monthly;
    // Made, taken back or put off since it was listed.
    if (!monthly || !hasCome(monthly.on, today)) return 'not-any-more';
    const { kopecks, fromId } = monthly;
    const kind = fromId === null ? 'top-up' : 'move';
    const reason = `Ежемесячное пополнение за ${russianMonth(monthOf(today))}`;
    const from = fromId ?? (await systemAccount(client, agencyId, 'bank'));
    const about = { kopecks, day: today, by: BY, reason };
    if (!(await post(client, agencyId, { id, kind, fromId: from, toId: accountId, ...about }, now)))
      return 'not-any-more';
    const facts = { transfer: id, kopecks, reason };
    await record(client, agencyId, { by: BY, action: `money-${kind}`, facts }, now);
    // Whoever waited for money may go out now.
    await makeDue(client, agencyId, {}, 'edit', now);
    return 'made' as const;
  }).catch((error: unknown) => {
    if (error instanceof Refusal && error.code === 'account-short') return { short: error.message };
    throw error;
  });
}

/** One message for an account and month, open while the account waits. */
async function tellShort(
  db: Database,
  agencyId: number,
  waiting: readonly Scheduled[],
  reasons: ReadonlyMap<number, string>,
  month: string,
  now: Date,
): Promise<void> {
  const keyOf = ({ id }: Scheduled) => `${SHORT_KIND}:${id}:${month}`;
  const messages = waiting.map((one) => ({
    key: keyOf(one),
    kind: SHORT_KIND,
    role: 'manager' as const,
    text: `Счёт «${one.name}» не получил ежемесячные ${formatKopecks(one.monthly.kopecks)} за ${russianMonth(month)}. ${reasons.get(one.id)} Появятся — перейдут сами.`,
  }));
  await tell(db.pool, agencyId, messages, now);
  await db.pool.query(
    'update message set done_at = $3 where agency_id = $1 and kind = $2 and done_at is null and key <> all($4)',
    [agencyId, SHORT_KIND, now, messages.map(({ key }) => key)],
  );
}

async function nextAt(
  client: Queryable,
  agencyId: number,
  all: readonly Scheduled[],
  waiting: readonly Scheduled[],
  today: string,
  now: Date,
): Promise<Date | null> {
  if (waiting.length > 0) return new Date(now.getTime() + AGAIN_MS);
  const [day] = all.map(({ monthly }) => nextMonthlyDay(monthly.on, today)).sort();
  if (day === undefined) return null;
  const found = await client.query<{ zone: string }>('select time_zone as zone from agency where id = $1', [agencyId]);
  return startOfDay(day, found.rows[0]!.zone);
}
