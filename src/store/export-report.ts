import { createHash } from 'node:crypto';
import { type DayUnits, NO_OUTCOME, OUTCOME_CODES, UnitMap } from '../domain/day-record.ts';
import {
  type ChangeReason,
  type Counts,
  changesBetween,
  type DayGroups,
  dayBits,
  NO_GROUP,
  type OutcomeDay,
  OutcomeDays,
  type ReportStep,
  type Series,
  StepCounter,
} from '../domain/export-report.ts';
import type { Outcome } from '../domain/gates.ts';
import type { Reach } from '../domain/rights.ts';
import { listingsWithin } from './access.ts';
import type { Database, Queryable } from './database.ts';
import { UnitReader, unpackAside } from './days.ts';

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

/** Counts of steps that are over: they never change. As many as a report by the day of fifty groups has. */
const KEPT = 60_000;
const keptOf = new WeakMap<Database, Map<string, StepCounts>>();

export interface AskedGroups {
  readonly of: Groups;
  readonly count: number;
}

/**
 * The numbers of a report.
 * @param asked ways to group it, which may overlap; null: every mark, as one group
 * @returns by way, source and step
 */
export async function countExports(
  db: Database,
  agencyId: number,
  sources: readonly Source[],
  steps: readonly ReportStep[],
  asked: readonly (AskedGroups | null)[],
): Promise<StepCounts[][][]> {
  const names = asked.map((groups) =>
    groups
      ? createHash('sha256')
          .update(JSON.stringify([groups.count, ...groups.of]))
          .digest('base64url')
      : 'all',
  );
  const kept = keptOf.get(db) ?? new Map<string, StepCounts>();
  keptOf.set(db, kept);
  const jobs = sources.flatMap(({ cabinetIds }) =>
    steps.map((step) => {
      const key = `${agencyId} ${cabinetIds.join()} ${step.from} ${step.until} ${step.needed}`;
      return { cabinetIds, step, key, found: names.map((name) => kept.get(`${key} ${name}`)) };
    }),
  );
  const ways = asked.map((groups) => groups && wayOf(groups.of));
  const reader = new DayReader(db, agencyId, ways.some(Boolean));
  const todo = jobs.filter(({ found }) => found.includes(undefined));
  for await (const [{ step, found }, days] of readAhead(todo, (job) => reader.read(job.cabinetIds, job.step))) {
    for (const [way, counter] of (await playStep(days, ways)).entries())
      found[way] = counter.counts(step.needed, asked[way]?.count ?? 1);
  }
  for (const { step, key, found } of jobs) {
    if (step.isUnfinished) continue;
    for (const [way, sums] of found.entries()) keep(kept, `${key} ${names[way]}`, sums!);
  }
  return asked.map((_, way) =>
    sources.map((_, source) => steps.map((_, at) => jobs[source * steps.length + at]!.found[way]!)),
  );
}

/** The next thing is read while one is worked on. */
async function* readAhead<T, R>(items: readonly T[], read: (item: T) => Promise<R>): AsyncGenerator<readonly [T, R]> {
  let next: Promise<R> | undefined;
  for (const [at, item] of items.entries()) {
    const own = await (next ?? read(item));
    next = at + 1 < items.length ? read(items[at + 1]!) : undefined;
    // Whoever asked may have stopped asking: then nobody waits for it.
    next?.catch(() => {});
    yield [item, own];
  }
}

function keep(kept: Map<string, StepCounts>, key: string, counts: StepCounts): void {
  kept.delete(key);
  kept.set(key, counts);
  if (kept.size > KEPT) kept.delete(kept.keys().next().value!);
}

/** The group of every unit. */
interface Way {
  readonly ofOne: UnitMap;
  /** The same where several feeds tell of a listing: whose it is not asked for is told from whose it is not known. */
  readonly ofSeveral: UnitMap;
}

const NOT_ASKED = 0xffff;

function wayOf(of: Groups): Way {
  const groupOf = new Uint16Array([...of.keys()].reduce((most, id) => Math.max(most, id + 1), 1));
  const told = new Uint16Array(groupOf.length).fill(NOT_ASKED);
  told[0] = NO_GROUP;
  for (const [id, group] of of) told[id] = groupOf[id] = group;
  return { ofOne: new UnitMap(groupOf), ofSeveral: new UnitMap(told, NOT_ASKED) };
}

/** @param ways to group the same days; null: every mark, as one group @returns a counter for each of them */
async function playStep(
  { slots, days }: StepDays,
  ways: readonly (Way | null)[],
  also?: (recorded: RecordedDay) => void,
): Promise<StepCounter[]> {
  const counters = ways.map((way) => new StepCounter(way ? NO_GROUP : ALL));
  let before: readonly DayUnits[] | null = null;
  for (const day of days) {
    const recorded = await day;
    const { feeds } = recorded;
    const bits = slots.size === null ? null : bitsOf(feeds, slots.size);
    for (const [at, counter] of counters.entries()) {
      const own = groupsOf(recorded, ways[at]!, slots);
      const groups: DayGroups | null = own && {
        groups: own,
        moved: slots.size === null ? movedSince(before, recorded.units!) : null,
      };
      if (bits) counter.addBits(bits, groups);
      else counter.addDay(feeds[0]!.outcomes, groups);
    }
    before = recorded.units ?? before;
    also?.(recorded);
  }
  return counters;
}

/** The ordinals of a single feed that may be somebody else's than the day before; null: any may. */
function movedSince(before: readonly DayUnits[] | null, units: readonly DayUnits[]): readonly Uint32Array[] | null {
  if (!before || before[0]!.whole !== units[0]!.whole) return null;
  return [before[0]!, units[0]!].flatMap(({ changes }) => (changes ? [changes.ordinals] : []));
}

/** Tells which slots are asked for on a day; null: all are. @param group absent: all asked-for ones */
function askerOf(way: Way | null, slots: Slots, group?: number): (recorded: RecordedDay) => Uint8Array | null {
  let isAsked: Uint8Array | null = null;
  const isIn = (own: number) => (group === undefined ? own !== NO_GROUP : own === group);
  return (recorded) => {
    const groups = groupsOf(recorded, way, slots);
    if (groups) isAsked = Uint8Array.from(groups, (own) => (isIn(own) ? 1 : 0));
    return isAsked;
  };
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
  /** Whose the marks were, feed by feed; null: as on the day before, or not asked for. */
  readonly units: readonly DayUnits[] | null;
}

interface StepDays {
  readonly slots: Slots;
  /** In their order, each as soon as it is unpacked. */
  readonly days: readonly Promise<RecordedDay>[];
}

/** Reads the recorded days of boards' feeds, step by step. */
class DayReader {
  readonly #db: Database;
  readonly #agencyId: number;
  readonly #units: UnitReader | null;
  /** Of the board that was read last: its steps are read one after another. */
  #slots: { readonly cabinetIds: readonly number[]; readonly found: Promise<Slots> } | undefined;

  constructor(db: Database, agencyId: number, withUnits: boolean) {
    this.#db = db;
    this.#agencyId = agencyId;
    this.#units = withUnits ? new UnitReader(db.pool, agencyId) : null;
  }

  slotsOf(cabinetIds: readonly number[]): Promise<Slots> {
    if (this.#slots?.cabinetIds !== cabinetIds)
      this.#slots = { cabinetIds, found: slotsOf(this.#db.pool, this.#agencyId, cabinetIds) };
    return this.#slots.found;
  }

  async read(
    cabinetIds: readonly number[],
    { from, until }: { readonly from: string; readonly until: string },
  ): Promise<StepDays> {
    const slots = await this.slotsOf(cabinetIds);
    // One row for a vector: in arrays the driver would read them as text. A step is a month of days at most.
    const { rows } = await this.#db.pool.query<DayRow>(
      `select day, cabinet_id::int as "cabinetId", outcomes${this.#units ? ', units' : ''} from day_record
       where agency_id = $1 and cabinet_id = any($2) and day >= $3 and day <= $4 order by day, cabinet_id`,
      [this.#agencyId, [...cabinetIds], from, until],
    );
    const byDay = new Map<string, DayRow[]>();
    for (const row of rows) byDay.set(row.day, [...(byDay.get(row.day) ?? []), row]);
    let before: readonly DayRow[] = [];
    // All of the step at once, in as many threads as there are: unpacking is most of the work.
    const days = [...byDay].map(([day, own]) => {
      const isNew = this.#units !== null && !hasSameUnits(own, before);
      before = own;
      return this.#unpack(day, own, slots, isNew);
    });
    // A day that cannot be read is told by whoever waits for it, once; the others may be waited for by nobody.
    Promise.all(days).catch(() => {});
    return { slots, days };
  }

  async #unpack(day: string, own: readonly DayRow[], slots: Slots, withUnits: boolean): Promise<RecordedDay> {
    const [outcomes, units] = await Promise.all([
      Promise.all(own.map((row) => unpackAside(row.outcomes))),
      withUnits ? Promise.all(own.map((row) => this.#units!.read(row.cabinetId, day, row.units))) : null,
    ]);
    const feeds = own.map(({ cabinetId }, at) => ({
      outcomes: outcomes[at]!,
      slots: slots.byCabinet.get(cabinetId) ?? null,
    }));
    return { day, feeds, units };
  }
}

interface DayRow {
  readonly day: string;
  readonly cabinetId: number;
  readonly outcomes: Buffer;
  readonly units: Buffer;
}

/** Of the same feeds: on some days one of them may have no record. */
const hasSameUnits = (own: readonly DayRow[], before: readonly DayRow[]): boolean =>
  before.length === own.length &&
  own.every(({ cabinetId, units }, at) => cabinetId === before[at]!.cabinetId && units.equals(before[at]!.units));

/** The group of each slot on a day; null: as on the day before, or no group is asked for. */
function groupsOf({ units, feeds }: RecordedDay, way: Way | null, { size }: Slots): Uint16Array | null {
  if (!way || !units) return null;
  if (size === null) return way.ofOne.of(units[0]!);
  const groups = new Uint16Array(size);
  for (const [at, one] of units.entries()) {
    const own = way.ofSeveral.of(one);
    const slots = feeds[at]!.slots!;
    // A listing is somebody's in every feed it is marked for. Where feeds were recorded before and after it went to
    // somebody else, the last one counts, for whoever asks: or one person would find it, and another would, too.
    for (let ordinal = 0; ordinal < own.length; ordinal++) {
      if (own[ordinal] !== NO_GROUP) groups[slots[ordinal]!] = own[ordinal]!;
    }
  }
  for (let slot = 0; slot < size; slot++) if (groups[slot] === NOT_ASKED) groups[slot] = NO_GROUP;
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
  /** What became of it on the days of the step. */
  readonly outcomes: readonly OutcomeDay[];
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
  const days = new OutcomeDays();
  const way = of && wayOf(of);
  const read = await new DayReader(db, agencyId, way !== null).read(cabinetIds, step);
  const { slots } = read;
  const askedOn = askerOf(way, slots, group);
  const [counter] = await playStep(read, [way], (recorded) => {
    const isAsked = askedOn(recorded);
    if (slots.size === null) days.addDay(recorded.day, recorded.feeds[0]!.outcomes, isAsked);
    else days.addUnion(recorded.day, unionOf(recorded.feeds, slots.size), isAsked);
  });
  const found = counter!.members(step.needed, series, group).map(({ slot }) => slot);
  return membersOf(db, agencyId, cabinetIds, slots, found, days);
}

async function membersOf(
  db: Database,
  agencyId: number,
  cabinetIds: readonly number[],
  slots: Slots,
  found: readonly number[],
  days: OutcomeDays,
): Promise<Member[]> {
  const listings = slots.size === null ? await listingsOf(db.pool, agencyId, cabinetIds[0]!) : slots.listings;
  return found
    .map((slot) => ({ listingId: listings[slot]!, outcomes: days.daysOf(slot) }))
    .sort((one, other) => one.listingId - other.listingId);
}

export interface ExportChange {
  readonly reason: ChangeReason;
  readonly left: number;
  readonly came: number;
}

/** Why the number of published listings differs from that of another step. */
export async function exportChanges(
  db: Database,
  agencyId: number,
  source: Source,
  steps: readonly [before: ReportStep, after: ReportStep],
  of: Groups | null,
): Promise<readonly ExportChange[]> {
  const { changes } = await playChanges(db, agencyId, source, steps, of);
  return changes.map(({ reason, left, came }) => ({ reason, left: left.length, came: came.length }));
}

/** The listings that left or came for a reason; with the days of the step that told it. */
export async function exportChangeMembers(
  db: Database,
  agencyId: number,
  source: Source,
  steps: readonly [before: ReportStep, after: ReportStep],
  of: Groups | null,
  wanted: { readonly reason: ChangeReason; readonly way: 'left' | 'came' },
): Promise<Member[]> {
  const { changes, slots, before, after } = await playChanges(db, agencyId, source, steps, of);
  const found = changes.find(({ reason }) => reason === wanted.reason)?.[wanted.way] ?? [];
  return membersOf(db, agencyId, source.cabinetIds, slots, found, wanted.way === 'left' ? after : before);
}

async function playChanges(
  db: Database,
  agencyId: number,
  { cabinetIds }: Source,
  steps: readonly [before: ReportStep, after: ReportStep],
  of: Groups | null,
) {
  const way = of && wayOf(of);
  const reader = new DayReader(db, agencyId, way !== null);
  const [before, after] = [new OutcomeDays(), new OutcomeDays()];
  for (const [at, played] of [before, after].entries()) {
    const { slots, days } = await reader.read(cabinetIds, steps[at]!);
    const askedOn = askerOf(way, slots);
    for (const day of days) {
      const recorded = await day;
      played.addDay(recorded.day, outcomesOf(recorded.feeds, slots.size), askedOn(recorded));
    }
  }
  const slots = await reader.slotsOf(cabinetIds);
  return { slots, before, after, changes: changesBetween(before, after, steps[0].needed, steps[1].needed) };
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

/** What a listing came to on a day in any of a board's feeds, a bit for each outcome. */
function unionOf(feeds: readonly FeedDay[], size: number): Uint16Array {
  const bits = new Uint16Array(size);
  for (const { outcomes, slots } of feeds)
    for (let ordinal = 0; ordinal < outcomes.length; ordinal++)
      if (outcomes[ordinal] !== NO_OUTCOME) bits[slots![ordinal]!]! |= 1 << outcomes[ordinal]!;
  return bits;
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

/** The last day that is recorded in all of these cabinets that have anything to record; null: none is. */
export async function recordedThrough(
  client: Queryable,
  agencyId: number,
  cabinetIds: readonly number[],
): Promise<string | null> {
  const { rows } = await client.query<{ day: string | null }>(
    `select min(coalesce(c.recorded_through,
       (select (min(t.at) at time zone coalesce(b.time_zone, a.time_zone))::date - 1 from mark_transition t
        where t.agency_id = c.agency_id and t.cabinet_id = c.id)))::text as day
     from cabinet c join agency a on a.id = c.agency_id left join branch b on b.agency_id = c.agency_id and b.id = c.branch_id
     where c.agency_id = $1 and c.id = any($2)`,
    [agencyId, [...cabinetIds]],
  );
  return rows[0]!.day;
}

/** The first recorded day of each cabinet that has one. */
export async function recordedFrom(
  client: Queryable,
  agencyId: number,
  cabinetIds: readonly number[],
): Promise<ReadonlyMap<number, string>> {
  const { rows } = await client.query<{ id: number; day: string | null }>(
    `select w.id, (select min(day) from day_record d where d.agency_id = $1 and d.cabinet_id = w.id) as day
     from unnest($2::bigint[]) as w(id)`,
    [agencyId, [...cabinetIds]],
  );
  return new Map(rows.flatMap(({ id, day }) => (day === null ? [] : [[id, day] as const])));
}

const HIDDEN = { title: 'теперь не в вашей части агентства', employee: null, outcome: null, reason: null } as const;

export interface NamedListing {
  readonly id: number;
  readonly externalId: string;
  readonly title: string;
  readonly employee: string | null;
  /** It is still within the reader's reach: who counts for the past may be somebody else's now. */
  readonly isSeen: boolean;
  /** In a feed that has it now, else in one of the reader's own, else in the first; null: not marked any more, or not decided yet. */
  readonly outcome: Outcome | null;
  /** The first closed gate in the words of the last run. */
  readonly reason: string | null;
}

/**
 * What people know these listings by, and what is with them now. Of one that is somebody else's only its number is told.
 * @param ownIds the cabinets that the reader sees
 */
export async function namedListings(
  client: Queryable,
  agencyId: number,
  cabinetIds: readonly number[],
  listingIds: readonly number[],
  reach: Reach,
  ownIds: readonly number[] = cabinetIds,
): Promise<ReadonlyMap<number, NamedListing>> {
  const values: unknown[] = [agencyId, listingIds, [...cabinetIds], [...ownIds]];
  const isSeen = listingsWithin(reach, (value) => `$${values.push(value)}`);
  const { rows } = await client.query<NamedListing>(
    `select l.id, l.external_id as "externalId", coalesce(l.values->>'address', l.values->>'title', '№ ' || l.external_id) as title,
       e.name as employee, coalesce(${isSeen}, false) as "isSeen", o.outcome, o.reason
     from listing l left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id
     left join lateral (
       select o.outcome, o.reason from mark_outcome o
       join mark m on m.agency_id = o.agency_id and m.cabinet_id = o.cabinet_id and m.listing_id = o.listing_id and m.is_live
       where o.agency_id = l.agency_id and o.listing_id = l.id and o.cabinet_id = any($3)
       order by o.outcome = 'published' desc, o.cabinet_id = any($4) desc, o.cabinet_id limit 1) o on true
     where l.agency_id = $1 and l.id = any($2)`,
    values,
  );
  return new Map(rows.map((row) => [row.id, row.isSeen ? row : { ...row, ...HIDDEN }]));
}
