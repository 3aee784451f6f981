import { promisify } from 'node:util';
import { deflateSync, inflate, inflateSync, type ZlibOptions } from 'node:zlib';
import {
  type Change,
  type Closing,
  countOutcomes,
  type DayUnits,
  NO_OUTCOME,
  type OutcomeCounts,
  outcomeOf,
  packClosing,
  packUnitChanges,
  packUnits,
  playDay,
  UnitMap,
  unitsOfDay,
  unpackClosing,
  unpackUnitChanges,
} from '../domain/day-record.ts';
import { addDays, daysBetween, localDay, startOfDay } from '../domain/days.ts';
import type { Outcome } from '../domain/gates.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { forgetReasons } from './past-reasons.ts';

/** The daily record: what became of every mark of a cabinet on a local day, kept for the charts. */

type CabinetKey = { readonly agencyId: number; readonly id: number };

const LEVEL = 6;
/** In pieces of about one vector: with Node's small ones most of the time goes into joining them. */
const CHUNK = { chunkSize: 1 << 18 };
export const unpack = (packed: Buffer): Buffer => inflateSync(packed, CHUNK);
const inflateAside = promisify<Buffer, ZlibOptions, Buffer>(inflate);
/** In a thread of its own. */
export const unpackAside = (packed: Buffer): Promise<Buffer> => inflateAside(packed, CHUNK);

/**
 * Tells whose marks were on recorded days. Of two days next to each other nearly all of it is the same, so most are kept
 * as changes against an earlier one; that one is read once for all days that follow it.
 */
export class UnitReader {
  readonly #client: Queryable;
  readonly #agencyId: number;
  /** The last whole vector of each cabinet. */
  readonly #wholes = new Map<number, { readonly day: string; readonly packed: Promise<Uint8Array> }>();

  constructor(client: Queryable, agencyId: number) {
    this.#client = client;
    this.#agencyId = agencyId;
  }

  /** @param kept as the record of the day has it */
  async read(cabinetId: number, day: string, kept: Buffer): Promise<DayUnits> {
    const changes = unpackUnitChanges(kept);
    if (!changes) return { whole: await this.#keep(cabinetId, day, unpackAside(kept)), changes };
    const last = this.#wholes.get(cabinetId);
    if (last?.day === changes.baseDay) return { whole: await last.packed, changes };
    return { whole: await this.#keep(cabinetId, changes.baseDay, this.#wholeOf(cabinetId, changes.baseDay)), changes };
  }

  #keep(cabinetId: number, day: string, packed: Promise<Uint8Array>): Promise<Uint8Array> {
    this.#wholes.set(cabinetId, { day, packed });
    return packed;
  }

  async #wholeOf(cabinetId: number, day: string): Promise<Uint8Array> {
    const { rows } = await this.#client.query<{ units: Buffer }>(
      'select units from day_record where agency_id = $1 and cabinet_id = $2 and day = $3',
      [this.#agencyId, cabinetId, day],
    );
    if (!rows[0] || unpackUnitChanges(rows[0].units))
      throw new Error(`The units of cabinet ${cabinetId} on ${day}, which later days are told by, are not on record`);
    return unpackAside(rows[0].units);
  }
}

/** A smaller vector is always kept whole: there is nothing to win. */
const SMALL_BYTES = 4096;
/** Changes are worth it up to this part of the whole. */
const CHANGES_SHARE = 1 / 3;
/** After so many days there is a whole vector again. */
const WHOLE_DAYS = 31;

/**
 * The units of a day as they are kept.
 * @param before the day before, as it is kept; null: there is none
 */
export async function keptUnits(
  reader: UnitReader,
  cabinetId: number,
  day: string,
  units: Uint32Array,
  before: { readonly day: string; readonly kept: Buffer } | null,
): Promise<Buffer> {
  const whole = deflateSync(packUnits(units), { level: LEVEL });
  if (before === null || whole.length < SMALL_BYTES) return whole;
  const { whole: base, changes } = await reader.read(cabinetId, before.day, before.kept);
  const baseDay = changes?.baseDay ?? before.day;
  if (daysBetween(baseDay, day) >= WHOLE_DAYS) return whole;
  const packed = packUnitChanges(baseDay, base, units);
  return packed.length < whole.length * CHANGES_SHARE ? Buffer.from(packed) : whole;
}

/**
 * Records the local days of a cabinet that have ended and are not recorded yet, oldest first. Safe to run twice, by
 * two workers at once, and to be killed: a day is written whole and once, and never changes after that.
 * @returns how many days this call has written
 */
export async function recordDays(db: Database, cabinet: CabinetKey, now: Date): Promise<number> {
  let written = 0;
  let units: Uint32Array | undefined;
  const reader = new UnitReader(db.pool, cabinet.agencyId);
  for (;;) {
    const next = await dayToRecord(db.pool, cabinet);
    if (next === null || next.day >= localDay(now, next.zone)) return written;
    const before = next.recordedThrough === null ? START : await closingOf(db.pool, cabinet, next.recordedThrough);
    const { throughId, changes } = await changesOf(db.pool, cabinet, before.throughId, next.day, next.zone);
    const { outcomes, closing } = playDay(before.codes, changes);
    // Whose a listing is today it was for all we know on the days that were missed, too.
    units ??= await unitsOf(db, cabinet);
    const own = new Uint32Array(outcomes.length);
    for (let ordinal = 0; ordinal < own.length; ordinal++) {
      if (outcomes[ordinal] !== NO_OUTCOME) own[ordinal] = units[ordinal] ?? 0;
    }
    const last = next.recordedThrough;
    const unitsBefore = last === null ? null : { day: last, kept: await unitsKeptOn(db.pool, cabinet, last) };
    const isNew = await writeDay(db, cabinet, next.day, {
      outcomes: deflateSync(outcomes, { level: LEVEL }),
      closing: deflateSync(packClosing({ throughId, codes: closing }), { level: LEVEL }),
      units: await keptUnits(reader, cabinet.id, next.day, own, unitsBefore),
    });
    if (isNew) written++;
    await forgetTransitions(db, cabinet, throughId, now);
    await forgetReasons(db.pool, cabinet, now);
  }
}

/** How long single changes are kept once their day is recorded: for questions, not for reports. */
const KEPT_MS = 60 * 86_400_000;

/** A night calendar alone changes every mark twice a day; what is in the record need not be kept for ever. */
async function forgetTransitions(db: Database, cabinet: CabinetKey, throughId: number, now: Date): Promise<void> {
  await db.pool.query('delete from mark_transition where agency_id = $1 and cabinet_id = $2 and id <= $3 and at < $4', [
    cabinet.agencyId,
    cabinet.id,
    throughId,
    new Date(now.getTime() - KEPT_MS),
  ]);
}

const START: Closing = { throughId: 0, codes: new Uint8Array(0) };

/** The first day that is not recorded; null: nothing has happened in the cabinet yet. */
async function dayToRecord(
  client: Queryable,
  cabinet: CabinetKey,
): Promise<{ readonly day: string; readonly zone: string; readonly recordedThrough: string | null } | null> {
  const found = await client.query<{ zone: string; recordedThrough: string | null; firstAt: Date | null }>(
    `select coalesce(b.time_zone, a.time_zone) as zone, c.recorded_through as "recordedThrough",
       case when c.recorded_through is null then (select min(t.at) from mark_transition t where t.agency_id = c.agency_id and t.cabinet_id = c.id) end as "firstAt"
     from cabinet c join agency a on a.id = c.agency_id left join branch b on b.agency_id = c.agency_id and b.id = c.branch_id
     where c.agency_id = $1 and c.id = $2`,
    [cabinet.agencyId, cabinet.id],
  );
  const { zone, recordedThrough, firstAt } = found.rows[0]!;
  if (recordedThrough !== null) return { day: addDays(recordedThrough, 1), zone, recordedThrough };
  return firstAt === null ? null : { day: localDay(firstAt, zone), zone, recordedThrough: null };
}

/** How a recorded day ended. */
export async function closingOf(client: Queryable, cabinet: CabinetKey, day: string): Promise<Closing> {
  const found = await client.query<{ closing: Buffer }>(
    'select closing from day_record where agency_id = $1 and cabinet_id = $2 and day = $3',
    [cabinet.agencyId, cabinet.id, day],
  );
  return unpackClosing(unpack(found.rows[0]!.closing));
}

async function unitsKeptOn(client: Queryable, cabinet: CabinetKey, day: string): Promise<Buffer> {
  const found = await client.query<{ units: Buffer }>(
    'select units from day_record where agency_id = $1 and cabinet_id = $2 and day = $3',
    [cabinet.agencyId, cabinet.id, day],
  );
  return found.rows[0]!.units;
}

/**
 * What happened since the last recorded day, up to the end of a day. Numbers tell the order and not the clock, which
 * may have been set back; so a run that was committed after its day was recorded is not lost, it counts from the next.
 */
async function changesOf(
  client: Queryable,
  cabinet: CabinetKey,
  afterId: number,
  day: string,
  zone: string,
): Promise<{ readonly throughId: number; readonly changes: readonly Change[] }> {
  const found = await client.query<Change & { id: number }>(
    `select t.id, m.ordinal, t.outcome, t.at < $4 as "isOlder"
     from mark_transition t join mark m on m.agency_id = t.agency_id and m.cabinet_id = t.cabinet_id and m.listing_id = t.listing_id
     where t.agency_id = $1 and t.cabinet_id = $2 and t.id > $3 and t.id <= (
       select max(last.id) from mark_transition last
       where last.agency_id = $1 and last.cabinet_id = $2 and last.id > $3 and last.at < $5)
     order by t.id`,
    [cabinet.agencyId, cabinet.id, afterId, startOfDay(day, zone), startOfDay(addDays(day, 1), zone)],
  );
  return { throughId: found.rows.at(-1)?.id ?? afterId, changes: found.rows };
}

/** Whose a mark is. */
export interface Owner {
  readonly branchId: number | null;
  readonly departmentId: number | null;
  readonly employeeId: number | null;
}

export const ownerKey = ({ branchId, departmentId, employeeId }: Owner) => `${branchId}/${departmentId}/${employeeId}`;

/** Whose every mark of a cabinet is today. */
export async function ownersOfMarks(
  client: Queryable,
  cabinet: CabinetKey,
): Promise<(Owner & { readonly ordinal: number })[]> {
  const { rows } = await client.query<Owner & { ordinal: number }>(
    `select m.ordinal, coalesce(l.branch_id, e.branch_id) as "branchId", e.department_id as "departmentId", l.employee_id as "employeeId"
     from mark m join listing l on l.agency_id = m.agency_id and l.id = m.listing_id
     left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id
     where m.agency_id = $1 and m.cabinet_id = $2`,
    [cabinet.agencyId, cabinet.id],
  );
  return rows;
}

/** The unit of every mark by its ordinal; units that are new get their numbers. */
export async function unitsOf(db: Database, cabinet: CabinetKey): Promise<Uint32Array> {
  const marks = await ownersOfMarks(db.pool, cabinet);
  let known = await unitNumbers(db.pool, cabinet.agencyId);
  const missing = new Map(marks.map((row) => [ownerKey(row), row] as const).filter(([key]) => !known.has(key)));
  if (missing.size > 0) known = await makeUnits(db, cabinet.agencyId, [...missing.values()]);
  const units = new Uint32Array(marks.reduce((most, { ordinal }) => Math.max(most, ordinal + 1), 0));
  for (const row of marks) units[row.ordinal] = known.get(ownerKey(row))!;
  return units;
}

async function unitNumbers(client: Queryable, agencyId: number): Promise<Map<string, number>> {
  const found = await client.query<Owner & { id: number }>(
    'select id, branch_id as "branchId", department_id as "departmentId", employee_id as "employeeId" from unit where agency_id = $1',
    [agencyId],
  );
  return new Map(found.rows.map((row) => [ownerKey(row), row.id]));
}

/** Dense numbers from 1, so only one at a time gives them; what another has just made is taken as it is. */
function makeUnits(db: Database, agencyId: number, owners: readonly Owner[]): Promise<Map<string, number>> {
  return transaction(db, async (client) => {
    await client.query('select 1 from agency where id = $1 for no key update', [agencyId]);
    const known = await unitNumbers(client, agencyId);
    const fresh = owners.filter((owner) => !known.has(ownerKey(owner)));
    for (const owner of fresh) known.set(ownerKey(owner), known.size + 1);
    await client.query(
      `insert into unit (agency_id, id, branch_id, department_id, employee_id)
       select $1, * from unnest($2::int[], $3::bigint[], $4::bigint[], $5::bigint[])`,
      [
        agencyId,
        fresh.map((owner) => known.get(ownerKey(owner))),
        fresh.map(({ branchId }) => branchId),
        fresh.map(({ departmentId }) => departmentId),
        fresh.map(({ employeeId }) => employeeId),
      ],
    );
    return known;
  });
}

function writeDay(
  db: Database,
  cabinet: CabinetKey,
  day: string,
  { outcomes, closing, units }: { readonly outcomes: Buffer; readonly closing: Buffer; readonly units: Buffer },
): Promise<boolean> {
  const key = [cabinet.agencyId, cabinet.id, day];
  return transaction(db, async (client) => {
    const made = await client.query(
      'insert into day_record (agency_id, cabinet_id, day, outcomes, closing, units) values ($1, $2, $3, $4, $5, $6) on conflict do nothing',
      [...key, outcomes, closing, units],
    );
    await client.query(
      'update cabinet set recorded_through = $3 where agency_id = $1 and id = $2 and (recorded_through is null or recorded_through < $3)',
      key,
    );
    return made.rowCount === 1;
  });
}

export interface DaySum {
  readonly cabinetId: number;
  readonly day: string;
  readonly counts: OutcomeCounts;
}

/** How many vectors are in memory at a time; others get their turn between two such batches. */
const BATCH = 50;

/**
 * How many marks had which outcome, by cabinet and day, both days inclusive.
 * @param unitIds only marks of these units; absent: all
 */
export async function sumDays(
  db: Database,
  agencyId: number,
  cabinetIds: readonly number[],
  fromDay: string,
  toDay: string,
  unitIds?: readonly number[],
): Promise<DaySum[]> {
  const isCounted = unitIds && new Uint16Array(unitIds.reduce((most, id) => Math.max(most, id + 1), 1));
  for (const id of unitIds ?? []) isCounted![id] = 1;
  const map = isCounted && new UnitMap(isCounted);
  const reader = new UnitReader(db.pool, agencyId);
  const sums: DaySum[] = [];
  for (const cabinetId of cabinetIds) {
    for (let after = addDays(fromDay, -1); ; ) {
      const found = await db.pool.query<{ day: string; outcomes: Buffer; units?: Buffer }>(
        `select day, outcomes${map ? ', units' : ''} from day_record
         where agency_id = $1 and cabinet_id = $2 and day > $3 and day <= $4 order by day limit ${BATCH}`,
        [agencyId, cabinetId, after, toDay],
      );
      for (const { day, outcomes, units } of found.rows) {
        const counted = map?.of(await reader.read(cabinetId, day, units!));
        sums.push({ cabinetId, day, counts: countOutcomes(unpack(outcomes), counted) });
      }
      const last = found.rows.at(-1);
      if (last === undefined || found.rows.length < BATCH) break;
      after = last.day;
    }
  }
  return sums;
}

export interface MarkDay {
  readonly listingId: number;
  readonly outcome: Outcome;
  readonly unitId: number;
}

/** The outcomes of recorded days, a byte per mark at the mark's ordinal. */
export async function outcomesOf(
  client: Queryable,
  cabinet: CabinetKey,
  days: readonly string[],
): Promise<Map<string, Uint8Array>> {
  const found = await client.query<{ day: string; outcomes: Buffer }>(
    'select day, outcomes from day_record where agency_id = $1 and cabinet_id = $2 and day = any($3)',
    [cabinet.agencyId, cabinet.id, days],
  );
  return new Map(found.rows.map(({ day, outcomes }) => [day, unpack(outcomes)]));
}

/**
 * The marks behind a day's count, by listing number; null: the day is not recorded.
 * @param outcome only these; absent: every mark that had one
 */
export async function readDay(
  db: Database,
  cabinet: CabinetKey,
  day: string,
  outcome?: Outcome,
): Promise<MarkDay[] | null> {
  const found = await db.pool.query<{ outcomes: Buffer; units: Buffer }>(
    'select outcomes, units from day_record where agency_id = $1 and cabinet_id = $2 and day = $3',
    [cabinet.agencyId, cabinet.id, day],
  );
  const row = found.rows[0];
  if (!row) return null;
  const units = unitsOfDay(await new UnitReader(db.pool, cabinet.agencyId).read(cabinet.id, day, row.units));
  const marks = await namedOutcomes(db.pool, cabinet, unpack(row.outcomes), outcome);
  return marks.map(({ ordinal, ...mark }) => ({ ...mark, unitId: units[ordinal]! }));
}

/** How far the days that are not recorded were played. */
interface Played {
  readonly day: string;
  readonly zone: string;
  readonly closing: Closing;
}

/**
 * Reads days that are not recorded yet: those whose record is late, and the current one as far as it has come. Days
 * asked for in their order are played once each.
 * @returns the marks of a day as `readDay` has them; null when the day is recorded or nothing is known of it
 */
export function openDays(
  db: Database,
  cabinet: CabinetKey,
): (day: string) => Promise<Omit<MarkDay, 'unitId'>[] | null> {
  let played: Played | undefined;
  return async (day) => {
    if (played === undefined || played.day >= day) {
      const next = await dayToRecord(db.pool, cabinet);
      if (next === null || day < next.day) return null;
      const { recordedThrough, zone } = next;
      const closing = recordedThrough === null ? START : await closingOf(db.pool, cabinet, recordedThrough);
      played = { day: addDays(next.day, -1), zone, closing };
    }
    let last: Played = played;
    for (;;) {
      const at: string = addDays(last.day, 1);
      const { throughId, changes } = await changesOf(db.pool, cabinet, last.closing.throughId, at, last.zone);
      const { outcomes, closing } = playDay(last.closing.codes, changes);
      last = { day: at, zone: last.zone, closing: { throughId, codes: closing } };
      if (at < day) continue;
      played = last;
      const marks = await namedOutcomes(db.pool, cabinet, outcomes);
      return marks.map(({ listingId, outcome }) => ({ listingId, outcome }));
    }
  };
}

/** The outcomes of a vector with the listings they belong to, by listing number. */
async function namedOutcomes(
  client: Queryable,
  cabinet: CabinetKey,
  outcomes: Uint8Array,
  only?: Outcome,
): Promise<{ readonly listingId: number; readonly outcome: Outcome; readonly ordinal: number }[]> {
  const wanted = new Map<number, Outcome>();
  for (const [ordinal, code] of outcomes.entries()) {
    const had = outcomeOf(code);
    if (had !== null && (only === undefined || had === only)) wanted.set(ordinal, had);
  }
  const marks = await client.query<{ listingId: number; ordinal: number }>(
    `select listing_id as "listingId", ordinal from mark
     where agency_id = $1 and cabinet_id = $2 and ordinal = any($3) order by listing_id`,
    [cabinet.agencyId, cabinet.id, [...wanted.keys()]],
  );
  return marks.rows.map(({ listingId, ordinal }) => ({ listingId, outcome: wanted.get(ordinal)!, ordinal }));
}
