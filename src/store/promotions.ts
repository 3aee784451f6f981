import { addDays, isDay, localDay, russianDay, startOfDay } from '../domain/days.ts';
import { Fault, Refusal } from '../domain/fault.ts';
import { accountKey, payerOf, promotionHoldId, releaseOf } from '../domain/ledger.ts';
import { formatKopecks } from '../domain/money.ts';
import {
  isWrittenOn,
  lastPossibleDay,
  mayOverlap,
  type PaidLevel,
  type PromotionFacts,
  type PromotionState,
  promotionState,
} from '../domain/promotion.ts';
import { AGENCY_DEFAULTS, type AgencySettings, settled } from '../domain/settings.ts';
import { promotionPrice, type TariffTerms, tariffOf } from '../domain/tariff.ts';
import { agree, formatNumber } from '../domain/text.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { makeDue, makeDueAt } from './due.ts';
import { record } from './journal.ts';
import { accountTold, listAccounts, post, systemAccount } from './ledger.ts';
import { listTariffs } from './tariffs.ts';

/**
 * Paid levels that people order for a mark. The money is held with the order; the edition that first has the listing
 * turns the hold into a charge, and the level is written from that day on.
 */

type CabinetKey = { readonly agencyId: number; readonly id: number };

export interface PromotionOrder {
  readonly listingId: number;
  /** As the board calls it. */
  readonly level: string;
  /** Absent: what the level lasts by itself, or the only term that the tariff sells. */
  readonly days?: number | undefined;
  /** First day, `YYYY-MM-DD` in the cabinet's zone; absent: the day it is there. */
  readonly from?: string | undefined;
  readonly by: string;
}

export interface OrderedPromotion {
  readonly id: number;
  readonly level: PaidLevel;
  readonly days: number;
  readonly fromOn: string;
  /** Last day, if it begins on the first. */
  readonly untilOn: string;
  readonly kopecks: number;
  /** Whose money is held; null: it costs nothing. */
  readonly account: { readonly id: number; readonly name: string } | null;
}

/**
 * Orders a level for a mark at the price of the tariff that holds on its first day, and holds the money.
 * @param levels what the board sells to a cabinet of this family
 * @throws Refusal `not-marked`; `level-unknown`, `bad-day`, `promotion-past`; `level-not-sold`, `level-days`;
 *   `promotion-needs-photos`, `promotion-overlaps`; `no-account`, `account-short`
 */
export function orderPromotion(
  db: Database,
  cabinet: CabinetKey,
  levels: readonly PaidLevel[],
  order: PromotionOrder,
  now: Date,
): Promise<OrderedPromotion> {
  return transaction(db, (client) => orderIn(client, cabinet, levels, order, now));
}

/** Rolls a trial back with what it would have ordered. */
class Trial extends Error {
  readonly result: OrderedPromotion;
  constructor(result: OrderedPromotion) {
    super('trial');
    this.result = result;
  }
}

/** What an order would cost and until when it would last; it is refused as the order would be. Nothing is ordered. */
export async function tryPromotion(
  db: Database,
  cabinet: CabinetKey,
  levels: readonly PaidLevel[],
  order: PromotionOrder,
  now: Date,
): Promise<Omit<OrderedPromotion, 'id'>> {
  try {
    return await transaction(db, async (client) => {
      throw new Trial(await orderIn(client, cabinet, levels, order, now));
    });
  } catch (error) {
    if (error instanceof Trial) return error.result;
    throw error;
  }
}

async function orderIn(
  client: Queryable,
  cabinet: CabinetKey,
  levels: readonly PaidLevel[],
  order: PromotionOrder,
  now: Date,
): Promise<OrderedPromotion> {
  const { agencyId, id: cabinetId } = cabinet;
  const { listingId, by } = order;
  const { zone, settings } = await cabinetFrame(client, cabinet);
  const today = localDay(now, zone);
  const fromOn = order.from ?? today;
  const level = proveOrder(levels, order, fromOn, { zone, today });
  // Two orders for one mark go one after the other.
  const owner = await lockMark(client, cabinet, listingId);
  const tariff = tariffOf(await listTariffs(client, cabinet), fromOn);
  const { days, kopecks } = sold(tariff?.terms ?? null, level, order.days, fromOn);
  if (level.needsPhotos && owner.photos === 0) {
    throw new Refusal(
      'promotion-needs-photos',
      `У объекта #${listingId} нет фотографий, а доска без них не продвигает. Сначала добавьте снимки.`,
    );
  }
  await proveFree(client, cabinet, levels, { listingId, level, fromOn, days, isFree: kopecks === 0 });

  const accounts = await listAccounts(client, agencyId);
  const byOwner = new Map(accounts.map((account) => [accountKey(account.kind, account.ownerId), account]));
  const payer = kopecks === 0 ? null : payerOf(byOwner, owner, settings.money.payer);
  if (payer === undefined) {
    throw new Refusal(
      'no-account',
      `Нет счёта, с которого платить за объект #${listingId}: продвижение стоит ${formatKopecks(kopecks)}. Откройте счёт сотруднику, отделу, филиалу или агентству: accounts open.`,
    );
  }
  const reserved = await client.query<{ id: number }>(
    `select nextval(pg_get_serial_sequence('promotion', 'id')) as id`,
  );
  const { id } = reserved.rows[0]!;
  const holdId = payer && promotionHoldId(id);
  await client.query(
    `insert into promotion (agency_id, id, cabinet_id, listing_id, level, days, from_on, hold_id, kopecks, by, at)
       overriding system value values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [agencyId, id, cabinetId, listingId, level.code, days, fromOn, holdId, kopecks, by, now],
  );
  if (payer && holdId) {
    const toId = await systemAccount(client, agencyId, 'board', cabinetId);
    const about = { cabinetId, listingId, basis: 'promotion', tariffId: tariff!.id, promotionId: id } as const;
    const reason = `${level.label}, ${inDays(days)}`;
    const way = { id: holdId, kind: 'hold', fromId: payer.id, toId, kopecks, day: fromOn } as const;
    await post(client, agencyId, { ...way, ...about, by, reason }, now);
  }
  // Accounts first, cabinets after: in the order in which a run's commit locks them.
  const facts = { promotion: id, level: level.code, days, fromOn, kopecks, account: payer?.id ?? null };
  await record(client, agencyId, { by, action: 'promotion-ordered', listingId, cabinetId, facts }, now);
  if (fromOn > today) await makeDueAt(client, agencyId, [cabinetId], startOfDay(fromOn, zone));
  else await makeDue(client, agencyId, { cabinetIds: [cabinetId] }, 'edit', now);
  const account = payer && { id: payer.id, name: accountTold(payer) };
  return { id, level, days, fromOn, untilOn: addDays(fromOn, days - 1), kopecks, account };
}

const inDays = (days: number) => `${formatNumber(days)} ${agree(days, 'день', 'дня', 'дней')}`;

/** What can be told of an order before anything is looked up; several problems together. */
function proveOrder(
  levels: readonly PaidLevel[],
  order: PromotionOrder,
  fromOn: string,
  { zone, today }: { readonly zone: string; readonly today: string },
): PaidLevel {
  const problems: { code: string; told: string }[] = [];
  const level = levels.find(({ code }) => code === order.level);
  if (!level) {
    const known =
      levels.length === 0
        ? 'платных уровней этой доски мы не знаем'
        : `есть: ${levels.map(({ code, label }) => `${code} (${label})`).join(', ')}`;
    problems.push({ code: 'level-unknown', told: `Уровня «${order.level.slice(0, 60)}» нет: ${known}.` });
  }
  if (!isDay(fromOn)) {
    problems.push({ code: 'bad-day', told: `«${fromOn.slice(0, 60)}» — не день календаря, пример: 2026-12-31.` });
  } else if (fromOn < today) {
    const told = `Продвижение не может начаться ${russianDay(fromOn)}: в кабинете уже ${russianDay(today)} (${zone}).`;
    problems.push({ code: 'promotion-past', told });
  }
  if (level && order.days !== undefined && level.days !== null && order.days !== level.days) {
    const told = `${level.label} длится ${inDays(level.days)}, другого срока у доски нет.`;
    problems.push({ code: 'level-days', told });
  }
  if (problems[0]) throw new Refusal(problems[0].code, problems.map(({ told }) => told).join(' '), 2);
  return level!;
}

interface MarkOwner {
  readonly employeeId: number | null;
  readonly departmentId: number | null;
  readonly branchId: number | null;
  readonly photos: number;
}

/** @throws Refusal `not-marked` */
async function lockMark(client: Queryable, cabinet: CabinetKey, listingId: number): Promise<MarkOwner> {
  const found = await client.query<MarkOwner>(
    `select l.employee_id as "employeeId", e.department_id as "departmentId", coalesce(l.branch_id, e.branch_id) as "branchId",
       coalesce(jsonb_array_length(l.values->'photos'), 0) as photos
     from mark m join listing l on l.agency_id = m.agency_id and l.id = m.listing_id
     left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id
     where m.agency_id = $1 and m.cabinet_id = $2 and m.listing_id = $3 and m.is_live for no key update of m`,
    [cabinet.agencyId, cabinet.id, listingId],
  );
  if (found.rows[0]) return found.rows[0];
  throw new Refusal('not-marked', `Объект #${listingId} не отмечен в этом кабинете: сначала mark.`);
}

/** The term and the price. @throws Refusal `level-not-sold` that tells what is sold, `level-days` */
function sold(
  terms: TariffTerms | null,
  { code, label, days: own }: PaidLevel,
  asked: number | undefined,
  fromOn: string,
): { readonly days: number; readonly kopecks: number } {
  if (terms === null) {
    const told = `На ${russianDay(fromOn)} у кабинета нет тарифа, и цены продвижения тоже. Задайте тариф: tariffs set.`;
    throw new Refusal('level-not-sold', told);
  }
  const lines = terms.promotion.filter(({ level }) => level === code);
  const offered = lines.map((line) => line.days).sort((a, b) => a - b);
  const days = asked ?? own ?? (offered.length === 1 ? offered[0] : undefined);
  const spans = offered.map(inDays).join(', ');
  if (days === undefined && offered.length > 0) {
    throw new Refusal('level-days', `На сколько дней? ${label} продаётся на ${spans}: укажите --days.`, 2);
  }
  const kopecks = days === undefined ? null : promotionPrice(terms, code, days);
  if (days !== undefined && kopecks !== null) return { days, kopecks };
  const known = offered.length === 0 ? 'такого уровня в нём нет' : `этот уровень в нём на ${spans}`;
  const wanted = days === undefined ? '' : ` на ${inDays(days)}`;
  throw new Refusal(
    'level-not-sold',
    `${label}${wanted} тарифом на ${russianDay(fromOn)} не продаётся: ${known}. Цену задают в тарифе: tariffs set --promotion.`,
  );
}

/** @throws Refusal `promotion-overlaps` */
async function proveFree(
  client: Queryable,
  cabinet: CabinetKey,
  levels: readonly PaidLevel[],
  wanted: {
    readonly listingId: number;
    readonly level: PaidLevel;
    readonly fromOn: string;
    readonly days: number;
    readonly isFree: boolean;
  },
): Promise<void> {
  const { listingId, level } = wanted;
  const facts: PromotionFacts = { ...wanted, startedOn: null, releasedOn: null, isRefunded: false };
  const there = await rowsOf(client, cabinet.agencyId, {
    where: 'p.cabinet_id = $2 and p.listing_id = $3 and p.level = any($4)',
    values: [cabinet.id, listingId, level.clashes],
  });
  const other = there.find((row) => mayOverlap(factsOf(row), facts));
  if (!other) return;
  const name = levels.find(({ code }) => code === other.level)?.label ?? other.level;
  const { startedOn, fromOn } = other;
  const last = lastPossibleDay(factsOf(other))!;
  const when =
    startedOn !== null || other.kopecks === 0
      ? `идёт с ${russianDay(startedOn ?? fromOn)} по ${russianDay(last)}`
      : `заказано с ${russianDay(fromOn)} и, если объект выйдет не сразу, продлится до ${russianDay(last)}`;
  throw new Refusal(
    'promotion-overlaps',
    `Объект #${listingId}: ${name} (№ ${other.id}) ${when}. Вместе с ним ${level.label} не показать: закажите с ${russianDay(addDays(last, 1))} или позже.`,
  );
}

async function cabinetFrame(
  client: Queryable,
  cabinet: CabinetKey,
): Promise<{ readonly zone: string; readonly settings: AgencySettings }> {
  const found = await client.query<{ zone: string; settings: Partial<AgencySettings> }>(
    `select coalesce(b.time_zone, a.time_zone) as zone, a.settings from cabinet c join agency a on a.id = c.agency_id
     left join branch b on b.agency_id = c.agency_id and b.id = c.branch_id where c.agency_id = $1 and c.id = $2`,
    [cabinet.agencyId, cabinet.id],
  );
  const { zone, settings } = found.rows[0]!;
  return { zone, settings: settled(AGENCY_DEFAULTS, settings) };
}

/** An order with what its transfers say. */
interface Row {
  readonly id: number;
  readonly cabinetId: number;
  readonly board: string;
  readonly cabinet: string;
  /** «Авито / main». */
  readonly cabinetName: string;
  readonly zone: string;
  readonly listingId: number;
  readonly externalId: string;
  readonly level: string;
  readonly days: number;
  readonly fromOn: string;
  readonly holdId: string | null;
  readonly kopecks: number;
  readonly accountId: number | null;
  readonly startedOn: string | null;
  readonly releasedAt: Date | null;
  readonly isRefunded: boolean;
  readonly by: string;
  readonly at: Date;
}

/** @param where besides the agency, which is `$1` */
async function rowsOf(
  client: Queryable,
  agencyId: number,
  { where, values }: { readonly where: string; readonly values: readonly unknown[] },
): Promise<Row[]> {
  const found = await client.query<Row>(
    `select p.id, p.cabinet_id as "cabinetId", c.board, c.slug as cabinet, c.name as "cabinetName", coalesce(b.time_zone, a.time_zone) as zone, p.listing_id as "listingId",
       l.external_id as "externalId", p.level, p.days, p.from_on as "fromOn", p.hold_id as "holdId", p.kopecks, h.from_id as "accountId",
       case e.kind when 'charge' then e.day end as "startedOn", case e.kind when 'release' then e.at end as "releasedAt", r.id is not null as "isRefunded",
       p.by, p.at
     from promotion p join agency a on a.id = p.agency_id
     join cabinet c on c.agency_id = p.agency_id and c.id = p.cabinet_id left join branch b on b.agency_id = c.agency_id and b.id = c.branch_id
     join listing l on l.agency_id = p.agency_id and l.id = p.listing_id
     left join transfer h on h.agency_id = p.agency_id and h.id = p.hold_id
     left join transfer e on e.agency_id = p.agency_id and e.resolves = p.hold_id
     left join transfer r on r.agency_id = p.agency_id and r.reverses = e.id
     where p.agency_id = $1 and ${where} order by p.id desc`,
    [agencyId, ...values],
  );
  return found.rows;
}

const factsOf = ({ fromOn, days, kopecks, startedOn, releasedAt, isRefunded, zone }: Row): PromotionFacts => ({
  fromOn,
  days,
  isFree: kopecks === 0,
  startedOn,
  releasedOn: releasedAt && localDay(releasedAt, zone),
  isRefunded,
});

/**
 * Gives the money of an order back that has not begun.
 * @throws Refusal `promotion-unknown`, `promotion-free`, `promotion-begun`, `promotion-ended`
 */
export async function cancelPromotion(
  db: Database,
  agencyId: number,
  id: number,
  by: string,
  now: Date,
): Promise<ListedPromotion> {
  await transaction(db, async (client) => {
    const [row] = await rowsOf(client, agencyId, { where: 'p.id = $2', values: [id] });
    if (!row) throw new Refusal('promotion-unknown', `Продвижения № ${id} нет: promotion list.`, 2);
    const { holdId, accountId, kopecks, fromOn, cabinetId, listingId } = row;
    if (row.startedOn !== null) throw begun(id);
    if (row.releasedAt !== null) throw ended(id);
    if (holdId === null || accountId === null) {
      throw new Refusal('promotion-free', `Продвижение № ${id} бесплатное: денег оно не держит, отменять нечего.`);
    }
    const toId = await systemAccount(client, agencyId, 'board', cabinetId);
    // Of the same day as the hold, so that the day's limit is free again too.
    const way = { id: releaseOf(holdId), kind: 'release', fromId: accountId, toId, kopecks, day: fromOn } as const;
    const about = { cabinetId, listingId, basis: 'promotion', promotionId: id, resolves: holdId } as const;
    try {
      const isNew = await post(client, agencyId, { ...way, ...about, by, reason: 'продвижение отменено' }, now);
      if (!isNew) throw ended(id);
    } catch (error) {
      // A run has begun it in this very moment.
      throw error instanceof Fault && error.code === 'transfer-differs' ? begun(id) : error;
    }
    await record(
      client,
      agencyId,
      { by, action: 'promotion-cancelled', listingId, cabinetId, facts: { promotion: id, kopecks } },
      now,
    );
    // Whoever waited for money may go out now.
    await makeDue(client, agencyId, {}, 'edit', now);
  });
  return (await listPromotions(db, agencyId, { id }, now))[0]!;
}

const ended = (id: number) =>
  new Refusal('promotion-ended', `Продвижение № ${id} уже закончилось, деньги возвращены на счёт.`);

const begun = (id: number) =>
  new Refusal(
    'promotion-begun',
    `Продвижение № ${id} уже началось и оплачено. Вернуть деньги может администратор: accounts refund.`,
  );

export interface ListedPromotion {
  readonly id: number;
  readonly cabinetId: number;
  readonly board: string;
  readonly cabinet: string;
  /** «Авито / main». */
  readonly cabinetName: string;
  readonly zone: string;
  readonly listingId: number;
  readonly externalId: string;
  readonly level: string;
  readonly days: number;
  /** First day on which it may begin. */
  readonly fromOn: string;
  /** null: it has not begun. */
  readonly startedOn: string | null;
  /** Last day; of an order the last one if it begins in time. */
  readonly untilOn: string;
  readonly kopecks: number;
  /** Who pays; null: it costs nothing. */
  readonly account: { readonly id: number; readonly name: string } | null;
  readonly state: PromotionState;
  readonly by: string;
  readonly at: Date;
}

export interface PromotionFilter {
  readonly id?: number;
  readonly board?: string;
  readonly cabinetId?: number;
  readonly listingId?: number;
}

/** Orders of an agency, the newest first. */
export async function listPromotions(
  db: Database,
  agencyId: number,
  filter: PromotionFilter,
  now: Date,
): Promise<ListedPromotion[]> {
  const rows = await rowsOf(db.pool, agencyId, {
    where: `($2::bigint is null or p.id = $2) and ($3::text is null or c.board = $3) and ($4::bigint is null or p.cabinet_id = $4)
      and ($5::bigint is null or p.listing_id = $5)`,
    values: [filter.id ?? null, filter.board ?? null, filter.cabinetId ?? null, filter.listingId ?? null],
  });
  const names = new Map((await listAccounts(db.pool, agencyId)).map((account) => [account.id, accountTold(account)]));
  return rows.map((row) => {
    const { holdId, accountId, releasedAt, isRefunded, ...told } = row;
    const facts = factsOf(row);
    const startedOn = row.startedOn ?? (facts.isFree && row.fromOn <= localDay(now, row.zone) ? row.fromOn : null);
    return {
      ...told,
      startedOn,
      untilOn: addDays(startedOn ?? row.fromOn, row.days - 1),
      account: accountId === null ? null : { id: accountId, name: names.get(accountId) ?? `#${accountId}` },
      state: promotionState(facts, localDay(now, row.zone)),
    };
  });
}

/** Orders whose level an edition of a cabinet's local day writes. */
async function writtenOn(client: Queryable, cabinet: CabinetKey, day: string): Promise<Row[]> {
  const rows = await rowsOf(client, cabinet.agencyId, {
    // The longest one is shown for a year and a day, and may have begun as late.
    where: `p.cabinet_id = $2 and p.from_on between $3::date - 2 * 366 and $3 and p.from_on + 2 * p.days > $3`,
    values: [cabinet.id, day],
  });
  return rows.filter((row) => isWrittenOn(factsOf(row), day));
}

/** What an edition of a cabinet's local day writes, and what begins with it. */
export interface DayPromotions {
  /** Levels by listing: those that run, and those that are ordered and begin with the first edition that has the listing. */
  readonly levels: ReadonlyMap<number, readonly string[]>;
  /**
   * Of the same orders those that are not paid for yet: holds that become charges when the edition which was rendered
   * by this very answer is committed with the listing in it. An order that came later is none of them.
   */
  readonly beginning: readonly { readonly listingId: number; readonly holdId: string }[];
}

export async function promotionsOn(client: Queryable, cabinet: CabinetKey, day: string): Promise<DayPromotions> {
  const rows = await writtenOn(client, cabinet, day);
  const levels = new Map<number, string[]>();
  for (const { listingId, level } of rows) {
    const known = levels.get(listingId) ?? [];
    if (!known.includes(level)) levels.set(listingId, [...known, level].sort());
  }
  return {
    levels,
    beginning: rows.flatMap(({ listingId, holdId, startedOn }) =>
      holdId === null || startedOn !== null ? [] : [{ listingId, holdId }],
    ),
  };
}
