import { Fault } from '../domain/fault.ts';
import { BASIS_LABELS, type Basis, type TransferKind } from '../domain/ledger.ts';
import { formatKopecks } from '../domain/money.ts';
import type { PriceFacts } from '../domain/tariff.ts';
import type { Database, Queryable } from './database.ts';
import { apply, type Moved, type Short, systemAccount, TRANSFER_COLUMNS } from './ledger.ts';

/** What a run does with money: what it finds, what it puts aside, and the part of the commit that moves it. */

type CabinetKey = { readonly agencyId: number; readonly id: number };

/** Cabinets that cost money. */
export async function billedCabinets(client: Queryable): Promise<ReadonlySet<number>> {
  const found = await client.query<{ id: number }>('select distinct cabinet_id as id from tariff');
  return new Set(found.rows.map((row) => row.id));
}

/** What was billed for a day: a hold or charge that stands, and how often it was begun where it was given back. */
export interface DayBills {
  readonly standing: ReadonlySet<number>;
  readonly tries: ReadonlyMap<number, number>;
  /** How many holds have neither become a charge nor been freed. */
  readonly open: number;
}

const NO_BILLS: DayBills = { standing: new Set(), tries: new Map(), open: 0 };

/** @param listingIds null: of all listings */
export async function billsOf(
  client: Queryable,
  cabinet: CabinetKey,
  days: readonly string[],
  listingIds: readonly number[] | null = null,
): Promise<(day: string) => DayBills> {
  // As arrays: a hundred thousand numbers in one text are read many times faster than as many rows.
  const found = await client.query<{
    day: string;
    standing: number[] | null;
    ended: number[] | null;
    tries: number[] | null;
    open: number;
  }>(
    `select day, array_agg(listing_id) filter (where begun > over) as standing, array_agg(listing_id) filter (where begun = over) as ended,
       array_agg(begun) filter (where begun = over) as tries, sum(open)::int as open
     from (select day, listing_id, count(*) filter (where kind = 'hold' or kind = 'charge' and resolves is null) as begun,
         count(*) filter (where kind in ('release', 'refund')) as over,
         count(*) filter (where kind = 'hold') - count(*) filter (where resolves is not null) as open
       from transfer where agency_id = $1 and cabinet_id = $2 and day = any($3) and ($4::bigint[] is null or listing_id = any($4))
         and basis in ('day', 'excess-day') group by 1, 2) as bills group by 1`,
    [cabinet.agencyId, cabinet.id, days, listingIds],
  );
  const byDay = new Map(
    found.rows.map(({ day, standing, ended, tries, open }) => [
      day,
      {
        standing: new Set(standing),
        tries: new Map((ended ?? []).map((listingId, index) => [listingId, tries![index]!])),
        open,
      },
    ]),
  );
  return (day) => byDay.get(day) ?? NO_BILLS;
}

/** What stands for a listing and day. */
export interface Bill {
  readonly kopecks: number;
  readonly accountId: number;
  /** `held`: free again if it leaves before the charge hour. */
  readonly state: 'held' | 'charged';
}

/** Holds and charges that stand, by listing: each of a day, or of the placement that began on that day. */
export async function billsStanding(
  client: Queryable,
  cabinet: CabinetKey,
  of: readonly { readonly listingId: number; readonly day: string }[],
): Promise<ReadonlyMap<number, Bill>> {
  const found = await client.query<Bill & { listingId: number; isOver: boolean }>(
    `select distinct on (t.listing_id) t.listing_id as "listingId", t.kopecks, t.from_id as "accountId",
       case when t.kind = 'charge' or r.kind = 'charge' then 'charged' else 'held' end as state,
       r.kind = 'release' or back.id is not null as "isOver"
     from unnest($3::bigint[], $4::date[]) as w(listing_id, day)
     join transfer t on t.agency_id = $1 and t.cabinet_id = $2 and t.listing_id = w.listing_id and t.day = w.day
     left join transfer r on r.agency_id = t.agency_id and r.resolves = t.id
     left join transfer back on back.agency_id = t.agency_id and back.reverses = coalesce(case when r.kind = 'charge' then r.id end, t.id)
     where t.basis <> 'promotion' and (t.kind = 'hold' or t.kind = 'charge' and t.resolves is null)
     order by t.listing_id, t.seq desc`,
    [cabinet.agencyId, cabinet.id, of.map(({ listingId }) => listingId), of.map(({ day }) => day)],
  );
  return new Map(found.rows.flatMap(({ listingId, isOver, ...bill }) => (isOver ? [] : [[listingId, bill] as const])));
}

/** Listings whose placement that began on a day has been charged. */
export async function chargedPlacements(
  client: Queryable,
  cabinet: CabinetKey,
  from: string,
): Promise<ReadonlySet<number>> {
  const found = await client.query<{ id: number }>(
    `select listing_id as id from transfer where agency_id = $1 and cabinet_id = $2 and day = $3 and kind = 'charge'
       and basis in ('placement', 'excess-placement')`,
    [cabinet.agencyId, cabinet.id, from],
  );
  return new Set(found.rows.map((row) => row.id));
}

/** Marks that were taken off and still have a decision: they may stand in the served edition until the next one. */
export async function leftBehind(client: Queryable, cabinet: CabinetKey): Promise<number[]> {
  const found = await client.query<{ id: number }>(
    `select o.listing_id as id from mark_outcome o join mark m on m.agency_id = o.agency_id and m.cabinet_id = o.cabinet_id and m.listing_id = o.listing_id
     where o.agency_id = $1 and o.cabinet_id = $2 and not m.is_live`,
    [cabinet.agencyId, cabinet.id],
  );
  return found.rows.map((row) => row.id);
}

/** One hold or charge on its way to the commit. */
export interface MoneyLine {
  readonly id: string;
  readonly listingId: number;
  readonly day: string;
  /** null: nobody pays, and the day is waived. */
  readonly accountId: number | null;
  readonly kopecks: number;
  readonly basis: Exclude<Basis, 'promotion'>;
  readonly tariffId: number;
  readonly facts: PriceFacts;
  /** It was shown when the day was charged: due whatever becomes of the mark now. */
  readonly isOwed: boolean;
  /** Owed, and the account could not pay: why. */
  readonly waived: string | null;
}

/** Puts lines where nobody sees them yet. */
export async function stageMoney(
  db: Database,
  cabinet: CabinetKey,
  fence: number,
  lines: readonly MoneyLine[],
): Promise<void> {
  if (lines.length === 0) return;
  // As one document: the driver would look at every value of every column to make arrays of them.
  await db.pool.query(
    `insert into money_stage (agency_id, cabinet_id, fence, id, listing_id, day, account_id, kopecks, basis, tariff_id, facts, is_owed, waived)
     select $1, $2, $3, * from json_to_recordset($4) as l(id text, "listingId" bigint, day date, "accountId" bigint, kopecks bigint, basis text,
       "tariffId" bigint, facts jsonb, "isOwed" boolean, waived text)`,
    [cabinet.agencyId, cabinet.id, fence, JSON.stringify(lines)],
  );
}

/** Forgets lines that were put aside: some of them, or all. */
export async function unstageMoney(
  db: Database,
  cabinet: CabinetKey,
  fence: number,
  ids: readonly string[] | null = null,
): Promise<void> {
  await db.pool.query(
    'delete from money_stage where agency_id = $1 and cabinet_id = $2 and fence = $3 and ($4::text[] is null or id = any($4))',
    [cabinet.agencyId, cabinet.id, fence, ids],
  );
}

/** A mark that was to go out and cannot be paid. */
export interface Unfunded {
  readonly listingId: number;
  readonly reason: string;
  readonly waitingSince: Date;
}

/**
 * Turns decisions put aside into «не хватает денег», those too that were not put aside because nothing had changed.
 * @param today a placement that would have begun on this day is not used up
 * What stands so already is not put aside: every decision anew calls the board's other cabinets.
 * @returns how many decisions are put aside now in addition; less than nothing when some are not any more
 */
export async function stageUnfunded(
  db: Database,
  cabinet: CabinetKey,
  fence: number,
  rows: readonly Unfunded[],
  today: string,
): Promise<number> {
  if (rows.length === 0) return 0;
  const given = [
    cabinet.agencyId,
    cabinet.id,
    fence,
    rows.map(({ listingId }) => listingId),
    rows.map(({ reason }) => reason),
    rows.map(({ waitingSince }) => waitingSince),
  ];
  const short = 'unnest($4::bigint[], $5::text[], $6::timestamptz[]) as u(id, reason, since)';
  const added = await db.pool.query(
    `insert into outcome_stage (agency_id, cabinet_id, fence, listing_id, outcome, reason, judgement, input_key, content_key, price_kopecks,
       waiting_since, placement_from, placement_until)
     select $1, $2, $3, o.listing_id, 'unfunded', u.reason, nullif(o.judgement - 'held', '{}'), o.input_key, o.content_key, o.price_kopecks, u.since,
       o.placement_from, o.placement_until
     from ${short} join mark_outcome o on o.agency_id = $1 and o.cabinet_id = $2 and o.listing_id = u.id
     on conflict do nothing`,
    given,
  );
  await db.pool.query(
    `update outcome_stage s set outcome = 'unfunded', reason = u.reason, is_held = false, judgement = nullif(s.judgement - 'held', '{}'), placed_on = null,
       waiting_since = u.since, placement_from = nullif(s.placement_from, $7::date),
       placement_until = case when s.placement_from = $7::date then null else s.placement_until end
     from ${short} where s.agency_id = $1 and s.cabinet_id = $2 and s.fence = $3 and s.listing_id = u.id`,
    [...given, today],
  );
  const same = await db.pool.query(
    `delete from outcome_stage s using mark_outcome o
     where s.agency_id = $1 and s.cabinet_id = $2 and s.fence = $3 and s.listing_id = any($4) and o.agency_id = s.agency_id
       and o.cabinet_id = s.cabinet_id and o.listing_id = s.listing_id and o.outcome = 'unfunded' and not o.is_held and o.reason = s.reason
       and o.input_key = s.input_key and o.placed_on is null and o.waiting_since = s.waiting_since
       and o.placement_from is not distinct from s.placement_from`,
    given.slice(0, 4),
  );
  return (added.rowCount ?? 0) - (same.rowCount ?? 0);
}

/** The money of one commit. */
export interface MoneyCommit {
  /** The local day that is billed. */
  readonly day: string;
  /** Has its charge moment come? Then what goes out is charged at once. */
  readonly isCharging: boolean;
  /** The first day with holds whose charge moment has come; null: there are none. */
  readonly openSince: string | null;
  /** The cabinet sells placements, not days. */
  readonly sellsPlacements: boolean;
  /** How many lines were put aside. */
  readonly lines: number;
  /** Listings taken out of the edition again: nothing is held for them. */
  readonly cut: readonly number[];
  /** The moment that the outcomes of this commit carry. */
  readonly decidedAt: Date;
  /** Holds of the promotions that the edition writes and that begin with it. */
  readonly promotions: readonly string[];
}

/** Who moves money when nobody gives a command. */
const CLOCKWORK = 'выгрузка';

/**
 * Moves the money of a commit, after its outcomes are written and before anything is visible: holds whose moment has
 * come become charges, lines become holds or charges, holds of what has left are free again, and promotions that
 * were ordered begin.
 * @param at the commit's moment, never before the last one
 * @returns accounts that come short, or `stale` when an order was cancelled meanwhile: nothing may be committed then;
 *   and whether holds were freed, for whoever waits for money
 */
export async function commitMoney(
  client: Queryable,
  cabinet: CabinetKey,
  fence: number,
  money: MoneyCommit,
  editionId: number | null,
  at: Date,
): Promise<{ readonly short: readonly Short[]; readonly hasFreed: boolean } | 'stale'> {
  const { agencyId, id: cabinetId } = cabinet;
  const key = [agencyId, cabinetId];
  const { day, isCharging, openSince, lines, cut } = money;
  const there = await client.query<{ count: number }>(
    'select count(*)::int as count from money_stage where agency_id = $1 and cabinet_id = $2 and fence = $3',
    [...key, fence],
  );
  if (there.rows[0]!.count !== lines) {
    throw new Fault(
      'publish-disturbed',
      'База данных перезапускалась во время публикации. Доски получают прежнее издание: повторите публикацию.',
      { retryable: true },
    );
  }
  const moved: Moved[] = [];
  const gather = async (sql: string, values: readonly unknown[]) => {
    const found = await client.query<Moved>(
      `with made as (${sql} returning from_id, to_id, kind, resolves is not null as ended, day, kopecks)
       select from_id as "fromId", to_id as "toId", kind, ended as resolves, day, sum(kopecks)::bigint as kopecks, count(*)::int as count
       from made group by 1, 2, 3, 4, 5`,
      [...values],
    );
    moved.push(...found.rows);
    return found.rows.reduce((sum, { count }) => sum + count, 0);
  };
  /** The end of the holds that a query finds as `h`. */
  const end = (kind: Extract<TransferKind, 'charge' | 'release'>, holds: string, dayOf = 'h.day') =>
    `insert into transfer (${TRANSFER_COLUMNS})
     select h.agency_id, h.id || ':${kind}', '${kind}', h.from_id, h.to_id, h.kopecks, ${dayOf}, $3, h.cabinet_id, h.listing_id, h.basis, $4, h.tariff_id,
       h.facts, h.promotion_id, h.id, null, $5, h.reason
     from transfer h ${holds} and h.agency_id = $1 and h.cabinet_id = $2 and h.kind = 'hold'
       and not exists (select 1 from transfer r where r.agency_id = h.agency_id and r.resolves = h.id)
     on conflict do nothing`;
  const common = [...key, at, editionId, CLOCKWORK];

  if (openSince !== null) {
    // Whatever is still held was in the edition that was served at the charge moment. Where placements are sold now, the
    // day that was begun by days is not paid twice.
    await gather(
      end('charge', `where h.basis in ('day', 'excess-day') and h.day >= $6 and (h.day < $7 or h.day = $7 and $8)`),
      [...common, openSince, day, isCharging && !money.sellsPlacements],
    );
  }
  if (lines > 0) {
    const boardId = await systemAccount(client, agencyId, 'board', cabinetId);
    const eligible = `s.agency_id = $1 and s.cabinet_id = $2 and s.fence = $3 and (s.is_owed or s.listing_id <> all($4::bigint[]))`;
    const wanted = await client.query<{ count: number }>(
      `select count(*)::int as count from money_stage s where ${eligible} and s.waived is null`,
      [...key, fence, cut],
    );
    const made = await gather(
      `insert into transfer (${TRANSFER_COLUMNS})
       select $1, s.id, case when s.is_owed or $5 or s.basis like '%placement' then 'charge' else 'hold' end, s.account_id, $6, s.kopecks, s.day, $7, $2,
         s.listing_id, s.basis, $8, s.tariff_id, s.facts, null, null, null, $9, $10::jsonb->>s.basis
       from money_stage s where ${eligible} and s.waived is null order by s.day, s.listing_id on conflict do nothing`,
      [...key, fence, cut, isCharging, boardId, at, editionId, CLOCKWORK, JSON.stringify(BASIS_LABELS)],
    );
    // A run looks first whether a day is billed; one that comes back all the same is somebody's fault.
    if (made !== wanted.rows[0]!.count) throw await repeated(client, cabinet, fence);
    await client.query(
      `insert into waiver (agency_id, cabinet_id, listing_id, day, account_id, kopecks, reason, at)
       select agency_id, cabinet_id, listing_id, day, account_id, kopecks, waived, $4 from money_stage
       where agency_id = $1 and cabinet_id = $2 and fence = $3 and waived is not null on conflict do nothing`,
      [...key, fence, at],
    );
    await client.query('delete from money_stage where agency_id = $1 and cabinet_id = $2 and fence = $3', [
      ...key,
      fence,
    ]);
  }
  const isShown = (listing: string, how = '') =>
    `exists (select 1 from mark_outcome o where o.agency_id = $1 and o.cabinet_id = $2 and o.listing_id = ${listing} and o.outcome = 'published' ${how})`;
  // Whatever has changed in this commit and is not in the edition now; of a day ahead too, which there is when the zone was moved.
  const left = `(select distinct listing_id from mark_transition where agency_id = $1 and cabinet_id = $2 and at = $7 and outcome <> 'published')`;
  await gather(
    end(
      'release',
      `join ${left} as t on t.listing_id = h.listing_id
       where h.basis in ('day', 'excess-day') and (h.day > $6 or h.day = $6 and not $8) and not ${isShown('h.listing_id')}`,
    ),
    [...common, day, money.decidedAt, isCharging],
  );
  if (money.sellsPlacements)
    await gather(end('release', `where h.basis in ('day', 'excess-day') and h.day = $6`), [...common, day]);
  // A promotion begins with the first edition that has the listing; what was ordered after the run looked is not in it.
  const isOrdered = `h.basis = 'promotion' and h.id = any($6)`;
  if (money.promotions.length > 0) {
    await gather(end('charge', `where ${isOrdered} and ${isShown('h.listing_id', 'and not o.is_held')}`, '$7::date'), [
      ...common,
      money.promotions,
      day,
    ]);
    // Cancelled after the run had looked: the edition would show what nobody pays for.
    const cancelled = await client.query(
      `select from transfer h join transfer r on r.agency_id = h.agency_id and r.resolves = h.id and r.kind = 'release'
       where h.agency_id = $1 and h.id = any($3) and ${isShown('h.listing_id')} limit 1`,
      [...key, money.promotions],
    );
    if (cancelled.rowCount! > 0) return 'stale';
  }
  // One that could not begin in its time is over.
  const lapsed = `join promotion p on p.agency_id = h.agency_id and p.id = h.promotion_id
    where p.cabinet_id = $2 and p.from_on > $6::date - 400 and p.from_on + p.days <= $6::date and h.basis = 'promotion'`;
  await gather(end('release', lapsed), [...common, day]);
  return { short: await apply(client, agencyId, moved), hasFreed: moved.some(({ kind }) => kind === 'release') };
}

/** Cabinets of an agency where somebody waits for money. */
export async function unfundedCabinets(client: Queryable, agencyId: number): Promise<number[]> {
  const found = await client.query<{ id: number }>(
    `select c.id from cabinet c where c.agency_id = $1 and exists (select 1 from mark_outcome o
       where o.agency_id = c.agency_id and o.cabinet_id = c.id and o.outcome = 'unfunded') order by c.id`,
    [agencyId],
  );
  return found.rows.map(({ id }) => id);
}

async function repeated(client: Queryable, cabinet: CabinetKey, fence: number): Promise<Fault> {
  const found = await client.query<{ id: string; kopecks: number; was: number }>(
    `select s.id, s.kopecks, t.kopecks as was from money_stage s join transfer t on t.agency_id = s.agency_id and t.id = s.id
     where s.agency_id = $1 and s.cabinet_id = $2 and s.fence = $3 order by (s.kopecks = t.kopecks), s.id limit 1`,
    [cabinet.agencyId, cabinet.id, fence],
  );
  const one = found.rows[0];
  const told = one ? `${one.id}: было ${formatKopecks(one.was)}, стало ${formatKopecks(one.kopecks)}` : 'перевод';
  return new Fault(
    'transfer-differs',
    `Деньги за этот день уже проведены (${told}). Ничего не проведено, доски получают прежнее издание; запустите accounts verify.`,
  );
}
