import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { mapUnits, OUTCOME_CODES } from '../domain/day-record.ts';
import {
  type ChangeReason,
  type Counts,
  changesBetween,
  dayBits,
  NO_GROUP,
  OutcomeDays,
  type ReportStep,
  type Series,
  type SeriesDays,
  StepCounter,
} from '../domain/export-report.ts';
import type { Outcome } from '../domain/gates.ts';
import type { Reach } from '../domain/rights.ts';
import { listingsWithin } from './access.ts';
import type { Database, Queryable } from './database.ts';
import { unpack } from './days.ts';

/** «График выгрузки», counted from the daily record. */

/** Units by the group they belong to in a report, from 1; a unit that is not in it is not asked for. */
export type Groups = ReadonlyMap<number, number>;

export interface StepCounts {
  /** Of all asked-for groups together, each listing once. */
  readonly total: Counts;
  readonly byGroup: readonly Counts[];
}

export interface Source {
  readonly cabinetIds: readonly number[];
}

/** Counts of steps that are over: they never change. */
const KEPT = 20_000;
const keptOf = new WeakMap<Database, Map<string, StepCounts>>();

/**
 * The numbers of a report.
 * @param groups null: every mark, as one group
 * @returns by source and step
 */
export async function countExports(
  db: Database,
  agencyId: number,
  sources: readonly Source[],
  steps: readonly ReportStep[],
  groups: { readonly of: Groups; readonly count: number } | null,
): Promise<StepCounts[][]> {
  const asked = groups
    ? createHash('sha256')
        .update(JSON.stringify([groups.count, ...groups.of]))
        .digest('base64url')
    : 'all';
  const kept = keptOf.get(db) ?? new Map<string, StepCounts>();
  keptOf.set(db, kept);
  const counts: StepCounts[][] = [];
  for (const { cabinetIds } of sources) {
    const keys = steps.map(
      ({ from, until, needed }) => `${agencyId} ${cabinetIds.join()} ${from} ${until} ${needed} ${asked}`,
    );
    const own: StepCounts[] = [];
    let slots: Slots | undefined;
    for (const [at, step] of steps.entries()) {
      let sums = kept.get(keys[at]!);
      if (!sums) {
        slots ??= await slotsOf(db.pool, agencyId, cabinetIds);
        const counter = await playStep(db, agencyId, cabinetIds, slots, step, groups?.of ?? null);
        sums = counter.counts(step.needed, groups?.count ?? 1);
      }
      own.push(sums);
      if (!step.isUnfinished) keep(kept, keys[at]!, sums);
    }
    counts.push(own);
  }
  return counts;
}

function keep(kept: Map<string, StepCounts>, key: string, counts: StepCounts): void {
  kept.delete(key);
  kept.set(key, counts);
  if (kept.size > KEPT) kept.delete(kept.keys().next().value!);
}

async function playStep(
  db: Database,
  agencyId: number,
  cabinetIds: readonly number[],
  slots: Slots,
  step: ReportStep,
  of: Groups | null,
): Promise<StepCounter> {
  const counter = new StepCounter(of ? NO_GROUP : ALL);
  for await (const { feeds, groups } of daysOf(db, agencyId, cabinetIds, slots, step, of)) {
    if (slots.size === null) counter.addDay(feeds[0]!.outcomes, groups);
    else counter.addBits(bitsOf(feeds, slots.size), groups);
  }
  return counter;
}

/** The one group of a report that asks for every mark. */
const ALL = 1;

interface FeedDay {
  readonly outcomes: Uint8Array;
  /** The slot of each ordinal; null: the ordinal itself. */
  readonly slots: Uint32Array | null;
}

function bitsOf(feeds: readonly FeedDay[], size: number): Uint32Array {
  const bits = new Uint32Array(size);
  for (const { outcomes, slots } of feeds) dayBits(bits, outcomes, slots!);
  return bits;
}

interface RecordedDay {
  readonly day: string;
  readonly feeds: readonly FeedDay[];
  /** The group of each slot; null: as on the day before. */
  readonly groups: Uint16Array | null;
}

/** The recorded days of a board's feeds, in their order. */
async function* daysOf(
  db: Database,
  agencyId: number,
  cabinetIds: readonly number[],
  slots: Slots,
  { from, until }: { readonly from: string; readonly until: string },
  of: Groups | null,
): AsyncGenerator<RecordedDay> {
  const groupOf = of && new Uint16Array([...of.keys()].reduce((most, id) => Math.max(most, id + 1), 1 << 16));
  for (const [id, group] of of ?? []) groupOf![id] = group;
  let before: readonly Buffer[] | undefined;
  // One row for a vector: in arrays the driver would read them as text. A step is a month of days at most.
  const { rows } = await db.pool.query<{ day: string; cabinetId: number; outcomes: Buffer; units: Buffer }>(
    `select day, cabinet_id::int as "cabinetId", outcomes${groupOf ? ', units' : ''} from day_record
     where agency_id = $1 and cabinet_id = any($2) and day >= $3 and day <= $4 order by day, cabinet_id`,
    [agencyId, [...cabinetIds], from, until],
  );
  for (let at = 0; at < rows.length; ) {
    const { day } = rows[at]!;
    const own = rows.slice(at, at + cabinetIds.length).filter((row) => row.day === day);
    at += own.length;
    const feeds = own.map(({ cabinetId, outcomes }) => ({
      outcomes: unpack(outcomes),
      slots: slots.byCabinet.get(cabinetId) ?? null,
    }));
    const units = own.map((row) => row.units);
    const isSame =
      groupOf !== null && before?.length === units.length && units.every((one, index) => one.equals(before![index]!));
    const groups = groupOf && !isSame ? groupsOf(units.map(unpack), feeds, groupOf, slots.size ?? 0) : null;
    before = groupOf ? units : undefined;
    yield { day, feeds, groups };
  }
  await turn();
}

function groupsOf(
  units: readonly Uint8Array[],
  feeds: readonly FeedDay[],
  groupOf: Uint16Array,
  size: number,
): Uint16Array {
  const groups = new Uint16Array(size);
  for (const [at, packed] of units.entries()) {
    const { slots } = feeds[at]!;
    const own = mapUnits(packed, groupOf);
    if (slots === null) return own;
    // A listing is somebody's in every feed it is marked for.
    for (let ordinal = 0; ordinal < own.length; ordinal++) {
      if (own[ordinal] !== NO_GROUP) groups[slots[ordinal]!] = own[ordinal]!;
    }
  }
  return groups;
}

/** One slot for a listing in all feeds of a board. */
interface Slots {
  /** How many there are; null: the board has one feed, and the slots are its ordinals. */
  readonly size: number | null;
  /** By cabinet, the slot of each ordinal. */
  readonly byCabinet: ReadonlyMap<number, Uint32Array>;
  /** The listing of each slot, where the board has several feeds. */
  readonly listings: readonly number[];
}

async function slotsOf(client: Queryable, agencyId: number, cabinetIds: readonly number[]): Promise<Slots> {
  if (cabinetIds.length === 1) return { size: null, byCabinet: new Map(), listings: [] };
  const slotOf = new Map<number, number>();
  const byCabinet = new Map<number, Uint32Array>();
  for (const cabinetId of cabinetIds) {
    const own = await listingsOf(client, agencyId, cabinetId);
    for (const listingId of own) if (!slotOf.has(listingId)) slotOf.set(listingId, slotOf.size);
    byCabinet.set(
      cabinetId,
      Uint32Array.from(own, (listingId) => slotOf.get(listingId)!),
    );
  }
  return { size: slotOf.size, byCabinet, listings: [...slotOf.keys()] };
}

/** The listing of each ordinal of a cabinet; 0: of none. */
async function listingsOf(client: Queryable, agencyId: number, cabinetId: number): Promise<number[]> {
  const { rows } = await client.query<{ listingId: number; ordinal: number }>(
    'select listing_id as "listingId", ordinal from mark where agency_id = $1 and cabinet_id = $2',
    [agencyId, cabinetId],
  );
  const listings = new Array<number>(rows.reduce((most, { ordinal }) => Math.max(most, ordinal + 1), 0)).fill(0);
  for (const { ordinal, listingId } of rows) listings[ordinal] = listingId;
  return listings;
}

export interface Member {
  readonly listingId: number;
  readonly days: SeriesDays;
}

/** The listings behind a number of the report, by their numbers. */
export async function exportMembers(
  db: Database,
  agencyId: number,
  { cabinetIds }: Source,
  step: ReportStep,
  series: Series,
  of: Groups | null,
  group?: number,
): Promise<Member[]> {
  const slots = await slotsOf(db.pool, agencyId, cabinetIds);
  const counter = await playStep(db, agencyId, cabinetIds, slots, step, of);
  const listings = slots.size === null ? await listingsOf(db.pool, agencyId, cabinetIds[0]!) : slots.listings;
  return counter
    .members(step.needed, series, group)
    .map(({ slot, days }) => ({ listingId: listings[slot]!, days }))
    .sort((one, other) => one.listingId - other.listingId);
}

/** Why the number of published listings differs from that of another step. */
export async function exportChanges(
  db: Database,
  agencyId: number,
  { cabinetIds }: Source,
  steps: readonly [before: ReportStep, after: ReportStep],
  of: Groups | null,
): Promise<readonly { readonly reason: ChangeReason; readonly left: number; readonly came: number }[]> {
  const slots = await slotsOf(db.pool, agencyId, cabinetIds);
  const [before, after] = [new OutcomeDays(), new OutcomeDays()];
  for (const [at, days] of [before, after].entries()) {
    let groups: Uint16Array | null = null;
    for await (const recorded of daysOf(db, agencyId, cabinetIds, slots, steps[at]!, of)) {
      groups = recorded.groups ?? groups;
      const isAsked = of && Uint8Array.from(groups!, (group) => (group === NO_GROUP ? 0 : 1));
      days.addDay(outcomesOf(recorded.feeds, slots.size), isAsked);
    }
  }
  return changesBetween(before, after, steps[0].needed, steps[1].needed);
}

/** What a listing came to on a day in all of a board's feeds: published where it was in one of them. */
function outcomesOf(feeds: readonly FeedDay[], size: number | null): Uint8Array {
  if (size === null) return feeds[0]!.outcomes;
  const all = new Uint8Array(size);
  for (const { outcomes, slots } of feeds) {
    for (let ordinal = 0; ordinal < outcomes.length; ordinal++) {
      const [slot, code] = [slots![ordinal]!, outcomes[ordinal]!];
      if (code === OUTCOME_CODES.published || all[slot] === 0) all[slot] = code;
    }
  }
  return all;
}

export interface UnitOwner {
  readonly id: number;
  readonly branchId: number | null;
  readonly departmentId: number | null;
  readonly employeeId: number | null;
  readonly crmGroupIds: readonly number[];
}

/** Whom marks belonged to on recorded days, as far as a person may see them. */
export async function unitOwners(client: Queryable, agencyId: number, reach: Reach): Promise<UnitOwner[]> {
  const { rows } = await client.query<UnitOwner>(
    `select u.id, u.branch_id as "branchId", u.department_id as "departmentId", u.employee_id as "employeeId",
       coalesce((select array_agg(m.group_id::int order by m.group_id) from crm_group_member m
         where m.agency_id = u.agency_id and m.employee_id = u.employee_id), '{}') as "crmGroupIds"
     from unit u where u.agency_id = $1 and ($2 or u.branch_id = any($3) or u.department_id = any($4) or u.employee_id = $5) order by u.id`,
    [agencyId, reach.isAll, reach.branchIds, reach.departmentIds, reach.employeeId],
  );
  return rows;
}

/** The last day that is recorded in all of these cabinets that have any; null: none is. */
export async function recordedThrough(
  client: Queryable,
  agencyId: number,
  cabinetIds: readonly number[],
): Promise<string | null> {
  const { rows } = await client.query<{ day: string | null }>(
    'select min(recorded_through)::text as day from cabinet where agency_id = $1 and id = any($2)',
    [agencyId, [...cabinetIds]],
  );
  return rows[0]!.day;
}

const HIDDEN = { title: 'теперь не в вашей части агентства', employee: null, outcome: null } as const;

export interface NamedMember {
  readonly id: number;
  readonly externalId: string;
  readonly title: string;
  readonly employee: string | null;
  /** It is still within the reader's reach: who counts for the past may be somebody else's now. */
  readonly isSeen: boolean;
  readonly days: SeriesDays;
  /** In the first of the feeds that has it; null: it is not marked any more, or nobody has decided yet. */
  readonly outcome: Outcome | null;
}

/** What people know these listings by, and what is with them now. */
export async function namedMembers(
  client: Queryable,
  agencyId: number,
  cabinetIds: readonly number[],
  members: readonly Member[],
  reach: Reach,
): Promise<NamedMember[]> {
  const ids = members.map(({ listingId }) => listingId);
  const found = await namedListings(client, agencyId, cabinetIds, ids, reach);
  return members.flatMap(({ listingId, days }) => {
    const row = found.get(listingId);
    return row ? [{ ...row, days }] : [];
  });
}

/** The same of listings by their numbers. Of one that is somebody else's now only its number is told. */
export async function namedListings(
  client: Queryable,
  agencyId: number,
  cabinetIds: readonly number[],
  listingIds: readonly number[],
  reach: Reach,
): Promise<ReadonlyMap<number, Omit<NamedMember, 'days'>>> {
  const values: unknown[] = [agencyId, listingIds, [...cabinetIds]];
  const isSeen = listingsWithin(reach, (value) => `$${values.push(value)}`);
  const { rows } = await client.query<Omit<NamedMember, 'days'>>(
    `select l.id, l.external_id as "externalId", coalesce(l.values->>'address', l.values->>'title', '№ ' || l.external_id) as title,
       e.name as employee, coalesce(${isSeen}, false) as "isSeen",
       (select o.outcome from mark_outcome o join mark m on m.agency_id = o.agency_id and m.cabinet_id = o.cabinet_id and m.listing_id = o.listing_id and m.is_live
        where o.agency_id = l.agency_id and o.listing_id = l.id and o.cabinet_id = any($3) order by o.cabinet_id limit 1) as outcome
     from listing l left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id
     where l.agency_id = $1 and l.id = any($2)`,
    values,
  );
  return new Map(rows.map((row) => [row.id, row.isSeen ? row : { ...row, ...HIDDEN }]));
}
