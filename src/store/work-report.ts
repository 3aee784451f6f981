import { unitsOfDay } from '../domain/day-record.ts';
import { localDay } from '../domain/days.ts';
import { staleAt } from '../domain/gates.ts';
import type { Deal } from '../domain/listing.ts';
import type { MarketStatus } from '../domain/market.ts';
import { isOffMarket } from '../domain/reminders.ts';
import type { Reach } from '../domain/rights.ts';
import type { AgencySettings } from '../domain/settings.ts';
import type { MarkedFact, VerdictFact, WaitingFact } from '../domain/work-report.ts';
import { listingsWithin } from './access.ts';
import type { Database, Queryable } from './database.ts';
import { UnitReader } from './days.ts';
import { type UnitOwner, unitOwners } from './export-report.ts';
import { ACCEPTED, BY_TRUST } from './moderation.ts';
import { waitingCases } from './moderation-queue.ts';

/** The rows of «Работа», each with whose it is. */

export type Owner = Omit<UnitOwner, 'id'>;

export type Owned<T> = T & {
  readonly owner: Owner;
};

export interface OwnedVerdict extends Owned<VerdictFact> {
  /** Told by the record of that day; false: whoever is responsible now. */
  readonly isRecorded: boolean;
}

/** A look by a person, over `verdict` under a name: what nobody looked at is no first verdict. */
const isLook = (name: string) =>
  `(${name}.content_hash not like '${ACCEPTED}%' and not (${name}.employee_id is null and ${name}.by = '${BY_TRUST}'))`;

/**
 * The verdicts of a time that are in force, about listings that were somebody's within reach then.
 * @param until not inclusive
 */
export async function verdictsOf(
  db: Database,
  agencyId: number,
  { from, until }: { readonly from: Date; readonly until: Date },
  reach: Reach,
  now: Date,
): Promise<OwnedVerdict[]> {
  const { rows } = await db.pool.query<VerdictFact>(
    `select v.listing_id as "listingId", v.kind, v.at, (j.facts->>'pendingSince')::timestamptz as "pendingSince",
       coalesce((select array_agg(distinct r->>'code') from jsonb_array_elements(v.reasons) r), '{}') as reasons,
       ${isLook('v')} as "isLook", v.employee_id is null and v.by = '${BY_TRUST}' as "isTrusted",
       coalesce((j.facts->>'isCorrected')::boolean, false) as "isCorrected",
       ${isLook('v')} and not exists (select 1 from verdict w where w.agency_id = v.agency_id and w.listing_id = v.listing_id
         and w.undone_at is null and ${isLook('w')} and (w.at, w.id) < (v.at, v.id)) as "isFirst"
     from verdict v left join lateral (select facts from journal j where j.agency_id = v.agency_id and j.listing_id = v.listing_id
       and j.at = v.at and j.action = 'verdict-' || v.kind and (j.facts->>'verdictId')::bigint = v.id limit 1) j on true
     where v.agency_id = $1 and v.at >= $2 and v.at < $3 and v.undone_at is null and v.effective_at <= $4 order by v.at, v.id`,
    [agencyId, from, until, now],
  );
  if (rows.length === 0) return [];
  const units = new Map((await unitOwners(db.pool, agencyId, reach)).map((unit) => [unit.id, unit]));
  const then = await unitsThen(db, agencyId, rows);
  const today = await ownersNow(
    db.pool,
    agencyId,
    rows.filter((_, at) => then[at] === 0).map(({ listingId }) => listingId),
    reach,
  );
  return rows.flatMap((verdict, at) => {
    const isRecorded = then[at] !== 0;
    const owner = isRecorded ? units.get(then[at]!) : today.get(verdict.listingId);
    return owner ? [{ ...verdict, owner, isRecorded }] : [];
  });
}

/**
 * Whose listings were on the days of some moments, as the daily record has it: of the first cabinet that knows it.
 * @returns the number of the unit for each; 0: no record tells it
 */
async function unitsThen(
  db: Database,
  agencyId: number,
  moments: readonly { readonly listingId: number; readonly at: Date }[],
): Promise<Uint32Array> {
  const found = new Uint32Array(moments.length);
  const { rows: marks } = await db.pool.query<{ cabinetId: number; listingId: number; ordinal: number; zone: string }>(
    `select m.cabinet_id as "cabinetId", m.listing_id as "listingId", m.ordinal, coalesce(b.time_zone, a.time_zone) as zone
     from mark m join cabinet c on c.agency_id = m.agency_id and c.id = m.cabinet_id join agency a on a.id = m.agency_id
     left join branch b on b.agency_id = c.agency_id and b.id = c.branch_id
     where m.agency_id = $1 and m.listing_id = any($2) order by m.cabinet_id`,
    [agencyId, [...new Set(moments.map(({ listingId }) => listingId))]],
  );
  const byCabinet = new Map<number, typeof marks>();
  for (const mark of marks) pushTo(byCabinet, mark.cabinetId, mark);
  const reader = new UnitReader(db.pool, agencyId);
  for (const [cabinetId, own] of byCabinet) {
    const ordinals = new Map(own.map(({ listingId, ordinal }) => [listingId, ordinal]));
    const wanted = new Map<string, number[]>();
    for (const [at, moment] of moments.entries()) {
      if (found[at] !== 0 || !ordinals.has(moment.listingId)) continue;
      const day = localDay(moment.at, own[0]!.zone);
      pushTo(wanted, day, at);
    }
    // A day at a time: the vectors of a large agency are large.
    for (const [day, places] of wanted) {
      const record = await db.pool.query<{ units: Buffer }>(
        'select units from day_record where agency_id = $1 and cabinet_id = $2 and day = $3',
        [agencyId, cabinetId, day],
      );
      if (!record.rows[0]) continue;
      const units = unitsOfDay(await reader.read(cabinetId, day, record.rows[0].units));
      for (const at of places) found[at] = units[ordinals.get(moments[at]!.listingId)!] ?? 0;
    }
  }
  return found;
}

function pushTo<K, T>(lists: Map<K, T[]>, key: K, one: T): void {
  const list = lists.get(key);
  if (list) list.push(one);
  else lists.set(key, [one]);
}

/** What a listing says of itself of whose it is. */
interface Held {
  readonly branchId: number | null;
  readonly employeeId: number | null;
}

/** Whose listings are now. Those of one person share an owner: there may be a hundred thousand of them. */
async function ownerTeller(client: Queryable, agencyId: number): Promise<(listing: Held) => Owner> {
  const { rows } = await client.query<Owner & { employeeId: number }>(
    `select e.id as "employeeId", e.branch_id as "branchId", e.department_id as "departmentId",
       coalesce((select array_agg(g.group_id::int order by g.group_id) from crm_group_member g
         where g.agency_id = e.agency_id and g.employee_id = e.id), '{}') as "crmGroupIds"
     from employee e where e.agency_id = $1`,
    [agencyId],
  );
  const people = new Map<number | null, Owner>(rows.map((person) => [person.employeeId, person]));
  const nobody: Owner = { branchId: null, departmentId: null, employeeId: null, crmGroupIds: [] };
  const owners = new Map<string, Owner>();
  return ({ branchId, employeeId }) => {
    const key = `${branchId}/${employeeId}`;
    const known = owners.get(key);
    if (known) return known;
    const person = people.get(employeeId) ?? nobody;
    const owner = { ...person, branchId: branchId ?? person.branchId };
    owners.set(key, owner);
    return owner;
  };
}

/** Whose listings are now; those beyond reach are missing. */
async function ownersNow(
  client: Queryable,
  agencyId: number,
  listingIds: readonly number[],
  reach: Reach,
): Promise<ReadonlyMap<number, Owner>> {
  if (listingIds.length === 0) return new Map();
  const values: unknown[] = [agencyId, listingIds];
  const within = listingsWithin(reach, (value) => `$${values.push(value)}`);
  const { rows } = await client.query<Held & { listingId: number }>(
    `select l.id as "listingId", l.branch_id as "branchId", l.employee_id as "employeeId" from listing l
     where l.agency_id = $1 and l.id = any($2) and ${within}`,
    values,
  );
  const ownerOf = await ownerTeller(client, agencyId);
  return new Map(rows.map((row) => [row.listingId, ownerOf(row)]));
}

/** What waits for the moderators now, within reach. */
export async function waitingNow(
  client: Queryable,
  agencyId: number,
  reach: Reach,
  now: Date,
): Promise<Owned<WaitingFact>[]> {
  const cases = await waitingCases(client, agencyId, now, reach);
  const owners = await ownersNow(
    client,
    agencyId,
    cases.map(({ listingId }) => listingId),
    reach,
  );
  return cases.flatMap(({ listingId, since, isPutAside, isReady, stops }) => {
    const owner = owners.get(listingId);
    return owner ? [{ listingId, since, isPutAside, isReady, stops, owner }] : [];
  });
}

interface MarkedRow extends Held {
  readonly listingId: number;
  readonly deal: Deal;
  readonly freshAt: Date;
  readonly callBackAt: Date | null;
  readonly status: MarketStatus;
  readonly reservedUntil: string | null;
  readonly stage: string | null;
  readonly forbiddenReason: string | null;
  readonly goneOn: string | null;
  readonly isJudged: boolean;
  readonly hasPhotoNotices: boolean;
  readonly hasTextNotices: boolean;
}

/** A blocking notice about one of these fields, of the board or of the agency's norms, over `mark_outcome o`. */
const hasNotice = (...fields: readonly string[]) => {
  const has = fields
    .flatMap((field) =>
      [`o.judgement->'board'`, `o.judgement->'norms'`].map((part) => `${part} @> '[{"field":"${field}"}]'`),
    )
    .map((has) => `coalesce(${has}, false)`);
  // Most marks have no notices at all, and are not looked into.
  return `o.judgement ?| array['board', 'norms'] and (${has.join(' or ')})`;
};

/** All listings within reach that are marked for a board now. */
export async function markedNow(
  client: Queryable,
  agencyId: number,
  settings: AgencySettings,
  reach: Reach,
  now: Date,
): Promise<Owned<MarkedFact>[]> {
  const values: unknown[] = [agencyId];
  const within = listingsWithin(reach, (value) => `$${values.push(value)}`);
  // Only where it narrows: to look for each of all the marks would be dearer than to count it.
  const ofReach = reach.isAll
    ? ''
    : ` and k.listing_id in (select l.id from listing l where l.agency_id = $1 and ${within})`;
  // Nothing is asked here listing by listing that can be asked once for all: exceptions, people and zones are few.
  const { rows } = await client.query<MarkedRow>(
    `select l.id as "listingId", l.deal, l.fresh_at as "freshAt", l.call_back_at as "callBackAt", l.status, l.reserved_until as "reservedUntil",
       l.stage, l.forbidden_reason as "forbiddenReason", to_char(l.gone_at, 'YYYY-MM-DD') as "goneOn",
       l.branch_id as "branchId", l.employee_id as "employeeId", m."isJudged", m."hasPhotoNotices", m."hasTextNotices"
     from (
       select k.listing_id, bool_or(o.listing_id is not null) as "isJudged", bool_or(${hasNotice('photos')}) as "hasPhotoNotices",
         bool_or(${hasNotice('title', 'description')}) as "hasTextNotices"
       from mark k left join mark_outcome o on o.agency_id = k.agency_id and o.cabinet_id = k.cabinet_id and o.listing_id = k.listing_id
       where k.agency_id = $1 and k.is_live${ofReach} group by k.listing_id) m
     join listing l on l.agency_id = $1 and l.id = m.listing_id`,
    values,
  );
  const ownerOf = await ownerTeller(client, agencyId);
  const exempt = await exemptNow(client, agencyId, now);
  const zoneOf = await zonesOf(client, agencyId);
  const days = new Map<string, string>();
  const todayIn = (zone: string) => {
    const day = days.get(zone) ?? localDay(now, zone);
    days.set(zone, day);
    return day;
  };
  rows.sort((one, other) => one.listingId - other.listingId);
  return rows.map((row) => {
    const { listingId, isJudged, hasPhotoNotices, hasTextNotices } = row;
    const owner = ownerOf(row);
    const isLate = (row.callBackAt !== null && now >= row.callBackAt) || now >= staleAt(row, settings);
    return {
      listingId,
      isOnMarket: !isOffMarket(row, settings, todayIn(zoneOf(owner.branchId))),
      isStale: isLate && !exempt.has(listingId),
      isJudged,
      hasPhotoNotices: hasPhotoNotices ?? false,
      hasTextNotices: hasTextNotices ?? false,
      owner,
    };
  });
}

/** The listings that may be stale for now. */
async function exemptNow(client: Queryable, agencyId: number, now: Date): Promise<ReadonlySet<number>> {
  const { rows } = await client.query<{ listingId: number }>(
    `select x.listing_id as "listingId" from exception x join agency a on a.id = x.agency_id
     where x.agency_id = $1 and x.gate = 'fresh' and x.revoked_at is null and x.until >= ($2::timestamptz at time zone a.time_zone)::date`,
    [agencyId, now],
  );
  return new Set(rows.map(({ listingId }) => listingId));
}

/** The zone of each branch; of what is in none, the agency's. */
async function zonesOf(client: Queryable, agencyId: number): Promise<(branchId: number | null) => string> {
  const { rows } = await client.query<{ id: number | null; zone: string }>(
    `select b.id, coalesce(b.time_zone, a.time_zone) as zone from agency a left join branch b on b.agency_id = a.id where a.id = $1
     union all select null, time_zone from agency where id = $1`,
    [agencyId],
  );
  const zones = new Map(rows.map(({ id, zone }) => [id, zone]));
  return (branchId) => zones.get(branchId) ?? zones.get(null)!;
}
