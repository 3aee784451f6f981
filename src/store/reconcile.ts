import { addDays, localDay } from '../domain/days.ts';
import type { Outcome } from '../domain/gates.ts';
import type { BoardCharge, DayFacts, ListingFacts, StrangerFacts } from '../domain/reconcile.ts';
import type { PriceFacts, Tariff } from '../domain/tariff.ts';
import { listReports, type ReportRow } from './board-reports.ts';
import type { Database, Queryable } from './database.ts';
import { openDays, readDay } from './days.ts';
import { packageFrame } from './rotation.ts';
import { listTariffs } from './tariffs.ts';

/** What a reconciliation is made from: our records, our ledger and the board's charges, day by day. */

type CabinetKey = { readonly agencyId: number; readonly id: number };

export interface ReconcileFrame {
  readonly zone: string;
  /** The cabinet's local day. */
  readonly today: string;
  readonly sells: 'days' | 'placements';
  readonly tariffs: readonly Tariff[];
  readonly reports: readonly ReportRow[];
}

export async function reconcileFrame(db: Database, cabinet: CabinetKey, now: Date): Promise<ReconcileFrame> {
  const { zone, today, package: pack } = await packageFrame(db, cabinet, now);
  const tariffs = await listTariffs(db.pool, cabinet);
  const reports = await listReports(db.pool, cabinet);
  return { zone, today, sells: pack?.kind === 'placements' ? 'placements' : 'days', tariffs, reports };
}

/** Does a report tell all of a day? One that was loaded before the day was over does not. */
export const isCovered = (reports: readonly ReportRow[], day: string, zone: string): boolean =>
  reports.some(({ from, until, at }) => from <= day && day <= until && day < localDay(at, zone));

/** A cabinet's sums of some days, kopecks: what a whole reconciliation would say, without looking at its listings. */
export interface ReconcileSums {
  /** Days that a report covers whole, and the last of them. */
  readonly days: number;
  readonly lastOn: string | null;
  /** Of those days. */
  readonly boardKopecks: number;
  readonly oursKopecks: number;
  readonly differenceKopecks: number;
}

/** @param from first and last day, both inclusive */
export async function reconcileSums(
  client: Queryable,
  cabinet: CabinetKey,
  { reports, zone }: Pick<ReconcileFrame, 'zone' | 'reports'>,
  from: string,
  until: string,
): Promise<ReconcileSums> {
  const days: string[] = [];
  for (let day = from; day <= until; day = addDays(day, 1)) if (isCovered(reports, day, zone)) days.push(day);
  if (days.length === 0) return { days: 0, lastOn: null, boardKopecks: 0, oursKopecks: 0, differenceKopecks: 0 };
  const found = await client.query<{ board: number; ours: number }>(
    `select (select coalesce(sum(kopecks), 0)::bigint from board_charge where agency_id = $1 and cabinet_id = $2 and day = any($3)) as board,
       (select coalesce(sum(case when t.kind = 'charge' then t.kopecks when t.kind = 'refund' then -t.kopecks
          when t.basis <> 'promotion' and not exists (select 1 from transfer r where r.agency_id = t.agency_id and r.resolves = t.id) then t.kopecks end), 0)::bigint
        from transfer t where t.agency_id = $1 and t.cabinet_id = $2 and t.day = any($3) and t.listing_id is not null
          and t.kind in ('charge', 'refund', 'hold')) as ours`,
    [cabinet.agencyId, cabinet.id, days],
  );
  const { board, ours } = found.rows[0]!;
  return {
    days: days.length,
    lastOn: days.at(-1)!,
    boardKopecks: board,
    oursKopecks: ours,
    differenceKopecks: board - ours,
  };
}

/**
 * The days of a period, oldest first, both inclusive; one day is in memory at a time.
 * @param listingId only this listing, and then no foreign adverts and no charges of the cabinet as a whole
 */
export async function* reconcileDays(
  db: Database,
  cabinet: CabinetKey,
  frame: Pick<ReconcileFrame, 'zone' | 'reports'>,
  from: string,
  until: string,
  listingId: number | null = null,
): AsyncGenerator<DayFacts, void> {
  const names = new Map<number, ListingName>();
  const readOpenDay = openDays(db, cabinet);
  for (let day = from; day <= until; day = addDays(day, 1)) {
    const outcomes = await outcomesOf(db, cabinet, day, readOpenDay);
    const money = await moneyOf(db.pool, cabinet, day);
    const placements = await placementsOf(db.pool, cabinet, day);
    const charges = await chargesOf(db.pool, cabinet, day);
    const shown = [...(outcomes ?? [])].filter(([, outcome]) => outcome === 'published').map(([id]) => id);
    const concerned = new Set([...shown, ...money.keys(), ...charges.byListing.keys()]);
    const ids = [...concerned].filter((id) => listingId === null || id === listingId).sort((a, b) => a - b);
    await nameListings(db.pool, cabinet, ids, names);
    yield {
      day,
      isRecorded: outcomes !== null,
      isReported: isCovered(frame.reports, day, frame.zone),
      listings: ids.map((id): ListingFacts => {
        const placement = placements.get(id);
        return {
          ...names.get(id)!,
          ...(money.get(id) ?? NO_MONEY),
          outcome: outcomes?.get(id) ?? null,
          charges: charges.byListing.get(id) ?? [],
          placementFrom: placement?.from ?? null,
          isPlacementSeen: placement?.isSeen ?? false,
        };
      }),
      strangers: listingId === null ? charges.strangers : [],
      unaddressed: listingId === null ? charges.unaddressed : [],
    };
  }
}

/** The day's outcome of every mark; null: not known. */
async function outcomesOf(
  db: Database,
  cabinet: CabinetKey,
  day: string,
  readOpenDay: ReturnType<typeof openDays>,
): Promise<Map<number, Outcome> | null> {
  const marks =
    (await readDay(db, cabinet, day)) ??
    (await readOpenDay(day)) ??
    // It may have been recorded just now.
    (await readDay(db, cabinet, day));
  return marks && new Map(marks.map(({ listingId, outcome }) => [listingId, outcome]));
}

type Money = Pick<ListingFacts, 'bill' | 'chargedKopecks' | 'heldKopecks' | 'promotionKopecks' | 'waivedKopecks'>;

const NO_MONEY: Money = { bill: null, chargedKopecks: 0, heldKopecks: 0, promotionKopecks: 0, waivedKopecks: 0 };

/** What our ledger has of a day, by listing. A promotion counts from its charge on: before it began it is nobody's day. */
async function moneyOf(client: Queryable, cabinet: CabinetKey, day: string): Promise<Map<number, Money>> {
  const found = await client.query<
    Omit<Money, 'bill' | 'waivedKopecks'> & {
      listingId: number;
      basis: NonNullable<Money['bill']>['basis'] | null;
      facts: PriceFacts | null;
    }
  >(
    `select t.listing_id as "listingId",
       coalesce(sum(case t.kind when 'charge' then t.kopecks when 'refund' then -t.kopecks end), 0)::bigint as "chargedKopecks",
       coalesce(sum(t.kopecks) filter (where t.kind = 'hold' and t.basis <> 'promotion' and not exists (
         select 1 from transfer r where r.agency_id = t.agency_id and r.resolves = t.id)), 0)::bigint as "heldKopecks",
       coalesce(sum(t.kopecks) filter (where t.kind = 'charge' and t.basis = 'promotion'), 0)::bigint as "promotionKopecks",
       (array_agg(t.basis order by t.seq desc) filter (where t.kind in ('hold', 'charge') and t.basis <> 'promotion'))[1] as basis,
       (array_agg(t.facts order by t.seq desc) filter (where t.kind in ('hold', 'charge') and t.basis <> 'promotion'))[1] as facts
     from transfer t where t.agency_id = $1 and t.cabinet_id = $2 and t.day = $3 and t.listing_id is not null group by 1`,
    [cabinet.agencyId, cabinet.id, day],
  );
  const money = new Map(
    found.rows.map(({ listingId, basis, facts, ...sums }): [number, Money] => [
      listingId,
      { ...sums, waivedKopecks: 0, bill: basis !== null && facts !== null ? { basis, facts } : null },
    ]),
  );
  const waived = await client.query<{ listingId: number; kopecks: number }>(
    'select listing_id as "listingId", kopecks from waiver where agency_id = $1 and cabinet_id = $2 and day = $3',
    [cabinet.agencyId, cabinet.id, day],
  );
  for (const { listingId, kopecks } of waived.rows) {
    money.set(listingId, { ...(money.get(listingId) ?? NO_MONEY), waivedKopecks: kopecks });
  }
  return money;
}

/** Placements of a package that cover a day, with whether the board's reports know the listing since they began. */
async function placementsOf(
  client: Queryable,
  cabinet: CabinetKey,
  day: string,
): Promise<Map<number, { readonly from: string; readonly isSeen: boolean }>> {
  const found = await client.query<{ listingId: number; from: string; isSeen: boolean }>(
    `with running as (
       select listing_id, max(from_on) as since from placement
       where agency_id = $1 and cabinet_id = $2 and from_on <= $3 and until_on >= $3 group by 1),
     seen as (
       select listing_id, max(day) as day from board_charge
       where agency_id = $1 and cabinet_id = $2 and day between (select min(since) from running) and $3 and listing_id is not null group by 1)
     select r.listing_id as "listingId", r.since as "from", coalesce(s.day >= r.since, false) as "isSeen"
     from running r left join seen s on s.listing_id = r.listing_id`,
    [cabinet.agencyId, cabinet.id, day],
  );
  return new Map(found.rows.map(({ listingId, ...placement }) => [listingId, placement]));
}

interface DayCharges {
  readonly byListing: ReadonlyMap<number, readonly BoardCharge[]>;
  readonly strangers: readonly StrangerFacts[];
  readonly unaddressed: readonly BoardCharge[];
}

/** The board's charges of a day. A number of the board's own may have become known after the file was loaded. */
async function chargesOf(client: Queryable, cabinet: CabinetKey, day: string): Promise<DayCharges> {
  const found = await client.query<{
    listingId: number | null;
    advert: string | null;
    charges: BoardCharge[];
  }>(
    `select coalesce(c.listing_id, m.listing_id) as "listingId", case when coalesce(c.listing_id, m.listing_id) is null then c.board_offer_id end as advert,
       jsonb_agg(jsonb_build_object('service', c.service, 'kopecks', c.kopecks) order by c.key) as charges
     from board_charge c
     left join (select avito_id::text as number, min(listing_id) as listing_id from mark
       where agency_id = $1 and cabinet_id = $2 and avito_id is not null group by 1) as m on c.listing_id is null and m.number = c.board_offer_id
     where c.agency_id = $1 and c.cabinet_id = $2 and c.day = $3 group by 1, 2`,
    [cabinet.agencyId, cabinet.id, day],
  );
  const byListing = new Map<number, readonly BoardCharge[]>();
  const foreign = new Map<string, readonly BoardCharge[]>();
  let unaddressed: readonly BoardCharge[] = [];
  for (const { listingId, advert, charges } of found.rows) {
    if (listingId !== null) byListing.set(listingId, charges);
    else if (advert === null) unaddressed = charges;
    else foreign.set(advert, charges);
  }
  const others = await otherCabinets(client, cabinet, [...foreign.keys()]);
  const strangers = [...foreign].map(([advert, charges]) => ({
    advert,
    cabinet: others.get(advert) ?? null,
    charges,
  }));
  return { byListing, strangers, unaddressed };
}

/** Adverts that another cabinet of ours on the same board places, with the cabinet's name. */
async function otherCabinets(
  client: Queryable,
  cabinet: CabinetKey,
  adverts: readonly string[],
): Promise<Map<string, string>> {
  if (adverts.length === 0) return new Map();
  const found = await client.query<{ advert: string; cabinet: string }>(
    `select m.board_offer_id as advert, min(o.slug) as cabinet
     from cabinet c join cabinet o on o.agency_id = c.agency_id and o.board = c.board and o.id <> c.id
     join mark m on m.agency_id = o.agency_id and m.cabinet_id = o.id and m.board_offer_id = any($3)
     where c.agency_id = $1 and c.id = $2 group by 1`,
    [cabinet.agencyId, cabinet.id, adverts],
  );
  return new Map(found.rows.map(({ advert, cabinet: slug }) => [advert, slug]));
}

type ListingName = Pick<ListingFacts, 'listingId' | 'externalId' | 'advert' | 'boardNumber' | 'priceFacts'>;

async function nameListings(
  client: Queryable,
  cabinet: CabinetKey,
  ids: readonly number[],
  names: Map<number, ListingName>,
): Promise<void> {
  const missing = ids.filter((id) => !names.has(id));
  if (missing.length === 0) return;
  const found = await client.query<Omit<ListingName, 'priceFacts'> & PriceFacts>(
    `select l.id as "listingId", l.external_id as "externalId", coalesce(m.board_offer_id, l.external_id) as advert, m.avito_id as "boardNumber",
       l.kind, l.deal, l.region, l.price_kopecks as "priceKopecks"
     from listing l left join mark m on m.agency_id = l.agency_id and m.cabinet_id = $2 and m.listing_id = l.id
     where l.agency_id = $1 and l.id = any($3)`,
    [cabinet.agencyId, cabinet.id, missing],
  );
  for (const { kind, deal, region, priceKopecks, ...name } of found.rows) {
    names.set(name.listingId, { ...name, priceFacts: { kind, deal, region, priceKopecks } });
  }
}
