import type pg from 'pg';
import { addDays, localDay, russianDay } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { MARKET_STATUS_LABELS, type MarketStatus } from '../domain/market.ts';
import type { Role } from '../domain/people.ts';
import { AGENCY_DEFAULTS, type AgencySettings, settled } from '../domain/settings.ts';
import { isPermitting, stageRefusal } from '../domain/stage.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { makeDue } from './due.ts';
import { endMessages, record } from './journal.ts';

/**
 * Where a property stands, and whether what we say of it still holds: status, stage of the deal, «never advertise»,
 * confirmations and calls. A reservation ends by itself: the gates compare its last day with today, and the run that
 * every change here makes due finds the moment at which that changes.
 */

/** Who does it. */
export interface MarketActor {
  readonly name: string;
  readonly role: Role;
  /** Who may give the agency's consent by a stage, where the agency has settled that otherwise. */
  readonly consentLeast?: Role;
}

/** Messages that ask for a listing to be looked at. */
const ASKING = ['fresh-ask', 'fresh-manager', 'fresh-stale', 'fresh-archived'] as const;
const CALLING = ['call-back'] as const;

interface Standing {
  readonly id: number;
  readonly status: MarketStatus;
  readonly reservedUntil: string | null;
  readonly stage: string | null;
  readonly forbiddenReason: string | null;
  readonly callBackAt: Date | null;
}

/** The listings as they stand, held until the transaction ends. @throws Refusal `listing-unknown` */
async function hold(client: Queryable, agencyId: number, listingIds: readonly number[]): Promise<Standing[]> {
  const found = await client.query<Standing>(
    `select id, status, reserved_until as "reservedUntil", stage, forbidden_reason as "forbiddenReason", call_back_at as "callBackAt"
     from listing where agency_id = $1 and id = any($2) order by id for no key update`,
    [agencyId, listingIds],
  );
  const there = new Set(found.rows.map(({ id }) => id));
  const missing = listingIds.filter((id) => !there.has(id));
  if (missing.length > 0) throw new Refusal('listing-unknown', `Нет объектов: ${numbers(missing)}.`, 2);
  return found.rows;
}

const numbers = (ids: readonly number[]) => ids.map((id) => `#${id}`).join(', ');

async function frame(client: Queryable, agencyId: number): Promise<{ zone: string; settings: AgencySettings }> {
  const found = await client.query<{ zone: string; settings: Partial<AgencySettings> }>(
    'select time_zone as zone, settings from agency where id = $1',
    [agencyId],
  );
  const { zone, settings } = found.rows[0]!;
  return { zone, settings: settled(AGENCY_DEFAULTS, settings) };
}

/** @throws Refusal `off-market` when one of them has been sold, rented out or archived */
function proveOnMarket(rows: readonly Standing[]): void {
  const off = rows.filter(({ status }) => status !== 'active' && status !== 'reserved');
  if (off.length === 0) return;
  const told = off.map(({ id, status }) => `#${id} — ${MARKET_STATUS_LABELS[status]}`).join(', ');
  throw new Refusal('off-market', `Не на рынке: ${told}. Если объект снова свободен: status #${off[0]!.id} active`);
}

/**
 * Says that a listing is free, reserved, sold, rented out or archived. A person who says so has looked at it, so it
 * is fresh again; back on the market it owes nobody an old call.
 * @param reservedUntil last day of a reservation; the day after the listing is free by itself
 * @throws Refusal `listing-unknown`, `reservation-past`, `reservation-without-status`
 */
export async function setStatus(
  db: Database,
  agencyId: number,
  listingId: number,
  wanted: { readonly status: MarketStatus; readonly reservedUntil?: string | null | undefined },
  actor: MarketActor,
  now: Date,
): Promise<void> {
  const reservedUntil = wanted.reservedUntil ?? null;
  if (reservedUntil !== null && wanted.status !== 'reserved')
    throw new Refusal('reservation-without-status', 'Последний день бывает только у статуса «забронирован».', 2);
  await transaction(db, async (client) => {
    const [row] = await hold(client, agencyId, [listingId]);
    const { zone } = await frame(client, agencyId);
    // A branch further east may have tomorrow already.
    if (reservedUntil !== null && reservedUntil < addDays(localDay(now, zone), -1))
      throw new Refusal('reservation-past', `${russianDay(reservedUntil)} уже прошло: бронь была бы без срока.`, 2);
    await putStatus(client, agencyId, row!, wanted.status, reservedUntil, actor, now);
  });
}

/** To the archive: off every board; the marks and all that is known stay. */
export const archive = (db: Database, agencyId: number, listingId: number, actor: MarketActor, now: Date) =>
  setStatus(db, agencyId, listingId, { status: 'archived' }, actor, now);

/** Back from the archive: free, and fresh from now on. */
export const unarchive = (db: Database, agencyId: number, listingId: number, actor: MarketActor, now: Date) =>
  setStatus(db, agencyId, listingId, { status: 'active' }, actor, now);

async function putStatus(
  client: pg.PoolClient,
  agencyId: number,
  row: Standing,
  status: MarketStatus,
  reservedUntil: string | null,
  actor: MarketActor,
  now: Date,
): Promise<void> {
  await client.query(
    `update listing set status = $3, reserved_until = $4, fresh_at = $5,
       archived_at = case when $3 = 'archived' then coalesce(archived_at, $5) end,
       call_back_at = case when $3 in ('active', 'reserved') and call_back_at > $5 then call_back_at end
     where agency_id = $1 and id = $2`,
    [agencyId, row.id, status, reservedUntil, now],
  );
  const facts = { status, reservedUntil, before: { status: row.status, reservedUntil: row.reservedUntil } };
  await record(client, agencyId, { by: actor.name, action: 'status-set', listingId: row.id, facts }, now);
  await endMessages(client, agencyId, [row.id], [...ASKING, ...CALLING], now);
  await makeDue(client, agencyId, { listingIds: [row.id] }, status === 'active' ? 'edit' : 'withdrawal', now);
}

/**
 * Moves a listing to a stage of its deal.
 * @param stage null: no stage any more
 * @throws Refusal `listing-unknown`, `stage-unknown`, `stage-guarded`
 */
export async function setStage(
  db: Database,
  agencyId: number,
  listingId: number,
  stage: string | null,
  actor: MarketActor,
  now: Date,
): Promise<void> {
  await transaction(db, async (client) => {
    const [row] = await hold(client, agencyId, [listingId]);
    const { settings } = await frame(client, agencyId);
    const refusal =
      row!.stage === stage ? null : stageRefusal(row!.stage, stage, settings.market, actor.role, actor.consentLeast);
    if (refusal) throw new Refusal(refusal.code, refusal.message, refusal.code === 'stage-unknown' ? 2 : 4);
    await client.query('update listing set stage = $3, fresh_at = $4 where agency_id = $1 and id = $2', [
      agencyId,
      listingId,
      stage,
      now,
    ]);
    const facts = { stage, before: row!.stage };
    await record(client, agencyId, { by: actor.name, action: 'stage-set', listingId, facts }, now);
    await endMessages(client, agencyId, [listingId], ASKING, now);
    const how = isPermitting(stage, settings.market) ? 'edit' : 'withdrawal';
    await makeDue(client, agencyId, { listingIds: [listingId] }, how, now);
  });
}

/**
 * «Never advertise»: the owner is against it, or the sale is closed. Beats every mark until somebody lifts it.
 * @throws Refusal `listing-unknown`
 */
export async function forbid(
  db: Database,
  agencyId: number,
  listingId: number,
  reason: string,
  actor: MarketActor,
  now: Date,
): Promise<void> {
  await transaction(db, async (client) => {
    const [row] = await hold(client, agencyId, [listingId]);
    await client.query('update listing set forbidden_reason = $3 where agency_id = $1 and id = $2', [
      agencyId,
      listingId,
      reason,
    ]);
    const facts = { reason, before: row!.forbiddenReason };
    await record(client, agencyId, { by: actor.name, action: 'advertising-forbidden', listingId, facts }, now);
    await makeDue(client, agencyId, { listingIds: [listingId] }, 'withdrawal', now);
  });
}

/**
 * Lets a listing be advertised again. Who may lift a ban is asked at the door, by the agency's own table of rights.
 * @throws Refusal `listing-unknown`, `not-forbidden`
 */
export async function allow(
  db: Database,
  agencyId: number,
  listingId: number,
  actor: MarketActor,
  now: Date,
): Promise<void> {
  await transaction(db, async (client) => {
    const [row] = await hold(client, agencyId, [listingId]);
    if (row!.forbiddenReason === null)
      throw new Refusal('not-forbidden', `Рекламировать объект #${listingId} никто не запрещал.`);
    await client.query('update listing set forbidden_reason = null where agency_id = $1 and id = $2', [
      agencyId,
      listingId,
    ]);
    const facts = { before: row!.forbiddenReason };
    await record(client, agencyId, { by: actor.name, action: 'advertising-allowed', listingId, facts }, now);
    await makeDue(client, agencyId, { listingIds: [listingId] }, 'edit', now);
  });
}

/**
 * Somebody looked: the listings are as we say. A call that is owed stays owed.
 * @throws Refusal `listing-unknown`, `off-market`
 */
export async function confirm(
  db: Database,
  agencyId: number,
  listingIds: readonly number[],
  actor: MarketActor,
  now: Date,
): Promise<void> {
  if (listingIds.length === 0) return;
  await transaction(db, async (client) => {
    proveOnMarket(await hold(client, agencyId, listingIds));
    await client.query('update listing set fresh_at = $3 where agency_id = $1 and id = any($2)', [
      agencyId,
      listingIds,
      now,
    ]);
    for (const listingId of listingIds) {
      await record(client, agencyId, { by: actor.name, action: 'listing-confirmed', listingId }, now);
    }
    await endMessages(client, agencyId, listingIds, ASKING, now);
    await makeDue(client, agencyId, { listingIds }, 'edit', now);
  });
}

/** What a call to the owner can end in. */
export const CALL_RESULTS = ['rented', 'not-rented', 'no-answer', 'busy'] as const;
export type CallResult = (typeof CALL_RESULTS)[number];

/**
 * Keeps the result of a call. Rented: off the market. Else the next call is set, by the agency's settings; «not
 * rented» is also a confirmation.
 * @returns when to call again; null: never
 * @throws Refusal `listing-unknown`, `off-market`
 */
export async function recordCall(
  db: Database,
  agencyId: number,
  listingId: number,
  result: CallResult,
  actor: MarketActor,
  now: Date,
): Promise<Date | null> {
  return transaction(db, async (client) => {
    const rows = await hold(client, agencyId, [listingId]);
    proveOnMarket(rows);
    const { callBack } = (await frame(client, agencyId)).settings.freshness;
    const hours = {
      'not-rented': callBack.notRentedHours,
      'no-answer': callBack.noAnswerHours,
      busy: callBack.busyHours,
    };
    const callBackAt = result === 'rented' ? null : new Date(now.getTime() + hours[result] * 3_600_000);
    const facts = { result, callBackAt };
    await record(client, agencyId, { by: actor.name, action: 'call-recorded', listingId, facts }, now);
    if (result === 'rented') {
      await putStatus(client, agencyId, rows[0]!, 'rented', null, actor, now);
      return null;
    }
    const isConfirmed = result === 'not-rented';
    await client.query(
      `update listing set call_back_at = $3, fresh_at = case when $4 then $5 else fresh_at end where agency_id = $1 and id = $2`,
      [agencyId, listingId, callBackAt, isConfirmed, now],
    );
    await endMessages(client, agencyId, [listingId], isConfirmed ? [...CALLING, ...ASKING] : CALLING, now);
    await makeDue(client, agencyId, { listingIds: [listingId] }, 'edit', now);
    return callBackAt;
  });
}
