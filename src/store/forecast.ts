import { addDays } from '../domain/days.ts';
import type { AccountAhead } from '../domain/forecast.ts';
import { monthlyId } from '../domain/ledger.ts';
import { monthOf, nextMonthlyDay } from '../domain/monthly.ts';
import type { Rival } from '../domain/plan.ts';
import type { Queryable } from './database.ts';
import { listPurses } from './ledger.ts';
import type { CabinetRow } from './publishing.ts';
import { listPlacedAccounts } from './statements.ts';

/** What the dry run and the forecast of the money need of the database. They write nothing. */

type CabinetKey = Pick<CabinetRow, 'agencyId' | 'id'>;

/** Live marks of a cabinet, by the numbers of their listings. */
export async function liveMarks(client: Queryable, cabinet: CabinetKey): Promise<readonly number[]> {
  const found = await client.query<{ ids: number[] | null }>(
    'select array_agg(listing_id order by listing_id) as ids from mark where agency_id = $1 and cabinet_id = $2 and is_live',
    [cabinet.agencyId, cabinet.id],
  );
  return found.rows[0]!.ids ?? [];
}

/** What would be rivals (`rivalRows`) of some listings if they were marked here. */
export async function rivalsIfMarked(
  client: Queryable,
  cabinet: CabinetKey & Pick<CabinetRow, 'board'>,
  listingIds: readonly number[],
): Promise<Rival[]> {
  if (listingIds.length === 0) return [];
  const found = await client.query<Rival>(
    `with mine as (select id, duplicate_key, photos_key from listing where agency_id = $1 and id = any($4))
     select m.cabinet_id as "cabinetId", l.id as "listingId", l.external_id as "externalId", e.name as agent,
       l.duplicate_key as "duplicateKey", l.photos_key as "photosKey", (extract(epoch from m.marked_at) * 1000)::bigint as "markedAt"
     from cabinet c join mark m on m.agency_id = c.agency_id and m.cabinet_id = c.id and m.is_live
     join mark_outcome o on o.agency_id = m.agency_id and o.cabinet_id = m.cabinet_id and o.listing_id = m.listing_id
       and o.outcome in ('published', 'waiting-turn', 'unfunded')
     join listing l on l.agency_id = m.agency_id and l.id = m.listing_id
     left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id
     where c.agency_id = $1 and c.board = $3 and c.id <> $2
       and (l.id in (select id from mine) or l.duplicate_key in (select duplicate_key from mine where duplicate_key is not null)
         or l.photos_key in (select photos_key from mine where photos_key is not null))`,
    [cabinet.agencyId, cabinet.id, cabinet.board, listingIds],
  );
  return found.rows;
}

/** A hold that nothing has ended. */
export interface OpenHold {
  readonly listingId: number;
  readonly accountId: number;
  readonly kopecks: number;
  readonly day: string;
}

const HOLD = `h.listing_id as "listingId", h.from_id as "accountId", h.kopecks, h.day`;
const IS_OPEN = `h.agency_id = $1 and h.cabinet_id = $2 and h.kind = 'hold'
  and not exists (select 1 from transfer r where r.agency_id = h.agency_id and r.resolves = h.id)`;

/** What is held for the listings of a cabinet's day; of a day ahead too, which there is when the zone was moved. */
export async function holdsOf(client: Queryable, cabinet: CabinetKey, day: string): Promise<OpenHold[]> {
  const found = await client.query<OpenHold>(
    `select ${HOLD} from transfer h where ${IS_OPEN} and h.day >= $3 and h.basis in ('day', 'excess-day') order by h.listing_id`,
    [cabinet.agencyId, cabinet.id, day],
  );
  return found.rows;
}

/** What is held for promotions that could not begin in their time: free again with the next commit. */
export async function lapsedHolds(client: Queryable, cabinet: CabinetKey, day: string): Promise<OpenHold[]> {
  const found = await client.query<OpenHold>(
    `select ${HOLD} from transfer h join promotion p on p.agency_id = h.agency_id and p.id = h.promotion_id
     where ${IS_OPEN} and h.basis = 'promotion' and p.cabinet_id = $2 and p.from_on > $3::date - 400 and p.from_on + p.days <= $3::date
     order by h.listing_id`,
    [cabinet.agencyId, cabinet.id, day],
  );
  return found.rows;
}

export interface NamedAccount extends AccountAhead {
  /** Below nothing where the overdraft is used. */
  readonly balanceKopecks: number;
  readonly heldKopecks: number;
  /** Whose account it is; null: not one person's. */
  readonly employeeId: number | null;
}

/**
 * The agency's own accounts as they are, with what fills them by itself.
 * @param today the agency's day
 * @param days other local days on which they are to pay
 */
export async function accountsAhead(
  client: Queryable,
  agencyId: number,
  today: string,
  days: readonly string[],
): Promise<NamedAccount[]> {
  const month = monthOf(today);
  const placed = await listPlacedAccounts(client, agencyId, today);
  const ids = new Map(placed.map(({ id }) => [monthlyId(id, month), id]));
  const made = await client.query<{ id: string }>('select id from transfer where agency_id = $1 and id = any($2)', [
    agencyId,
    [...ids.keys()],
  ]);
  const done = new Set(made.rows.map(({ id }) => ids.get(id)));
  const purses = new Map((await listPurses(client, agencyId, [today, ...days])).map((purse) => [purse.id, purse]));
  return placed.map(({ id, kind, ownerId, isActive, monthly, balanceKopecks, heldKopecks }) => ({
    ...purses.get(id)!,
    monthly: isActive ? monthly : null,
    toppedUpIn: done.has(id) ? month : null,
    balanceKopecks,
    heldKopecks,
    employeeId: kind === 'employee' && isActive ? ownerId : null,
  }));
}

/** Money that was held for a day and not charged, because the listings had left before the charge hour. */
export interface Saved {
  readonly day: string;
  readonly cabinetId: number;
  readonly accountId: number;
  readonly listings: number;
  readonly kopecks: number;
}

/** Is a transfer `t` money that was freed before the charge hour, with the day neither held again nor paid as a placement? */
export const IS_SAVED = `t.kind = 'release' and t.basis in ('day', 'excess-day')
       and not exists (select 1 from transfer later where later.agency_id = t.agency_id and later.cabinet_id = t.cabinet_id
         and later.day = t.day and later.listing_id = t.listing_id and later.basis <> 'promotion' and later.kind in ('hold', 'charge') and later.seq > t.seq)`;

/**
 * What was saved by pauses and withdrawals before the charge hour, by day, cabinet and account. Only what was held is
 * counted, once for a listing and day: a day on which a listing was not shown at all (a pause that had begun before, a
 * calendar, a closed gate) was never held and saves nothing here; one that was held again and charged neither.
 * @param from first and last local day, inclusive
 */
export async function savedOf(
  client: Queryable,
  agencyId: number,
  { from, until }: { readonly from: string; readonly until: string },
): Promise<Saved[]> {
  const found = await client.query<Saved>(
    `select t.day, t.cabinet_id as "cabinetId", t.from_id as "accountId", count(*)::int as listings, sum(t.kopecks)::bigint as kopecks
     from cabinet c join transfer t on t.agency_id = c.agency_id and t.cabinet_id = c.id
     where c.agency_id = $1 and t.day between $2 and $3 and ${IS_SAVED}
     group by 1, 2, 3 order by 1, 2, 3`,
    [agencyId, from, until],
  );
  return found.rows;
}

/** What was saved in the month of a day. */
export async function savedInMonth(client: Queryable, agencyId: number, day: string): Promise<Saved[]> {
  const month = monthOf(day);
  return savedOf(client, agencyId, { from: `${month}-01`, until: addDays(nextMonthlyDay(1, day), -1) });
}

/** Saved sums by account, kopecks. */
export function savedByAccount(saved: readonly Saved[]): ReadonlyMap<number, number> {
  const sums = new Map<number, number>();
  for (const { accountId, kopecks } of saved) sums.set(accountId, (sums.get(accountId) ?? 0) + kopecks);
  return sums;
}

/** Changes with what a forecast is made from: money, people's deeds, imports, runs. */
export async function moneyVersion(client: Queryable, agencyId: number): Promise<string> {
  const found = await client.query<{ version: string }>(
    `select concat_ws('/', (select sum(entries) from account where agency_id = $1), (select max(id) from journal where agency_id = $1),
       (select max(id) from export_run where agency_id = $1), (select sum(edition_id) from cabinet where agency_id = $1),
       (select max(id) from import_run where agency_id = $1)) as version`,
    [agencyId],
  );
  return found.rows[0]!.version;
}
