import { codeOf, unitsOfDay, unpackClosing } from '../domain/day-record.ts';
import { addDays } from '../domain/days.ts';
import type { Outcome } from '../domain/gates.ts';
import type { Basis } from '../domain/ledger.ts';
import { type AudienceLine, kindCode, type MoneyDay, type MoneyKind, type MoneyLine } from '../domain/money-report.ts';
import { OF_AGENCY, type Place } from '../domain/rights.ts';
import { placesOfAccounts } from './access.ts';
import type { Queryable } from './database.ts';
import { type Owner, ownerKey, ownersOfMarks, UnitReader, unpack } from './days.ts';
import { IS_SAVED } from './forecast.ts';

/** What the report of the money is counted from: transfers, daily records and what boards told, a cabinet's day at a time. */

/** Owners by their numbers; the list grows while days are read. */
export type Owners = readonly Place[];

/** Days that are in memory together. */
const BATCH_DAYS = 31;

export interface MoneyQuery {
  readonly agencyId: number;
  readonly cabinetIds: readonly number[];
  /** First and last local day, both inclusive. */
  readonly from: string;
  readonly until: string;
  /** Also tell who paid. */
  readonly withAccounts?: boolean;
  /** Also tell by which kind of object it was priced. */
  readonly withKinds?: boolean;
}

/**
 * Reads the days of cabinets, cabinet by cabinet; days of which nothing is known are left out.
 * @param client in one moment (`atOneMoment`), so that the money of all days belongs together
 * @returns the owners that the days speak of, and the days; the owners are complete for every day that was given
 */
export async function moneyDays(
  client: Queryable,
  query: MoneyQuery,
): Promise<{ readonly owners: Owners; readonly days: AsyncGenerator<MoneyDay> }> {
  const { rows } = await client.query<Owner & { id: number }>(
    'select id, branch_id as "branchId", department_id as "departmentId", employee_id as "employeeId" from unit where agency_id = $1',
    [query.agencyId],
  );
  const owners: Place[] = [OF_AGENCY];
  const numbers = new Map<string, number>();
  for (const { id, branchId, departmentId, employeeId } of rows) {
    owners[id] = { branchId, departmentId, employeeId };
    numbers.set(ownerKey(owners[id]!), id);
  }
  const numberOf = (owner: Owner): number => {
    const key = ownerKey(owner);
    const known = numbers.get(key);
    if (known !== undefined) return known;
    const { branchId, departmentId, employeeId } = owner;
    numbers.set(key, owners.length);
    return owners.push({ branchId, departmentId, employeeId }) - 1;
  };
  async function* days(): AsyncGenerator<MoneyDay> {
    for (const cabinetId of query.cabinetIds) {
      const marks = await marksOf(client, query.agencyId, cabinetId, numberOf);
      const calls = await callSpan(client, query.agencyId, cabinetId);
      for (let from = query.from; from <= query.until; from = addDays(from, BATCH_DAYS)) {
        const last = addDays(from, BATCH_DAYS - 1);
        yield* batchOf(
          client,
          { ...query, from, until: last < query.until ? last : query.until },
          cabinetId,
          marks,
          calls,
        );
      }
    }
  }
  return { owners, days: days() };
}

/** A cabinet's marks as they are now, by ordinal. */
interface Marks {
  readonly owners: Uint32Array;
  readonly kinds: Uint8Array;
  readonly outcomes: Uint8Array;
}

async function marksOf(
  client: Queryable,
  agencyId: number,
  cabinetId: number,
  numberOf: (owner: Owner) => number,
): Promise<Marks> {
  const own = await ownersOfMarks(client, { agencyId, id: cabinetId });
  const size = own.reduce((most, { ordinal }) => Math.max(most, ordinal + 1), 0);
  const owners = new Uint32Array(size);
  for (const row of own) owners[row.ordinal] = numberOf(row);
  const { rows } = await client.query<{ ordinal: number; kind: string; outcome: Outcome | null }>(
    `select m.ordinal, l.kind, case when m.is_live then o.outcome end as outcome
     from mark m join listing l on l.agency_id = m.agency_id and l.id = m.listing_id
     left join mark_outcome o on o.agency_id = m.agency_id and o.cabinet_id = m.cabinet_id and o.listing_id = m.listing_id
     where m.agency_id = $1 and m.cabinet_id = $2`,
    [agencyId, cabinetId],
  );
  const [kinds, outcomes] = [new Uint8Array(size), new Uint8Array(size)];
  for (const { ordinal, kind, outcome } of rows) {
    kinds[ordinal] = kindCode(kind);
    outcomes[ordinal] = codeOf(outcome ?? 'unmarked');
  }
  return { owners, kinds, outcomes };
}

async function* batchOf(
  client: Queryable,
  { agencyId, from, until, ...told }: MoneyQuery,
  cabinetId: number,
  marks: Marks,
  calls: CallSpan,
): AsyncGenerator<MoneyDay> {
  const key = [agencyId, cabinetId, from, until];
  const lines = await linesOf(client, key, told);
  const audience = await audienceOf(client, key);
  const freedOn = [...lines].filter(([, own]) => own.some(({ what }) => what === 'freed')).map(([day]) => day);
  // One row for a vector: in arrays the driver would read them as text.
  const { rows } = await client.query<{ day: string; outcomes: Buffer; units: Buffer; closing: Buffer | null }>(
    `select day, outcomes, units, case when day = any($5::date[]) then closing end as closing from day_record
     where agency_id = $1 and cabinet_id = $2 and day between $3 and $4`,
    [...key, freedOn],
  );
  const records = new Map(rows.map((row) => [row.day, row]));
  const reader = new UnitReader(client, agencyId);
  for (let day = from; day <= until; day = addDays(day, 1)) {
    const record = records.get(day);
    const own = lines.get(day) ?? [];
    const heard = audience.get(day) ?? null;
    if (!record && own.length === 0 && heard === null) continue;
    const units = record && unitsOfDay(await reader.read(cabinetId, day, record.units));
    // A mark without an outcome belonged to nobody on that day; money for it all the same is its owner's of today.
    const owners = units ? marks.owners.map((owner, ordinal) => units[ordinal] || owner) : marks.owners;
    yield {
      cabinetId,
      day,
      outcomes: record ? unpack(record.outcomes) : null,
      closing: record ? record.closing && unpackClosing(unpack(record.closing)).codes : marks.outcomes,
      owners,
      kinds: marks.kinds,
      lines: own,
      audience: heard,
      areCallsTold: calls.from !== null && day >= calls.from && day <= calls.until!,
    };
  }
}

const ENTRY_BYTES = 12;

/** The money of days, packed by the base: a row for each of a million transfers would take longer than all the rest. */
async function linesOf(
  client: Queryable,
  key: readonly unknown[],
  { withAccounts = false, withKinds = false }: Pick<MoneyQuery, 'withAccounts' | 'withKinds'>,
): Promise<Map<string, MoneyLine[]>> {
  const { rows } = await client.query<{
    day: string;
    what: MoneyKind;
    basis: Basis | null;
    kind: string | null;
    accountId: number | null;
    entries: Buffer;
  }>(
    `with line as (
       select t.day, case t.kind when 'release' then 'freed' else t.kind end as what, t.basis,
         -- What was paid back was priced by the charge's facts; only it has to look for them.
         case when not $6 then null when t.reverses is null then t.facts->>'kind'
           else (select paid.facts->>'kind' from transfer paid where paid.agency_id = t.agency_id and paid.id = t.reverses) end as kind,
         case when not $5 then null when t.kind = 'refund' then t.to_id else t.from_id end as account_id, t.listing_id, t.kopecks
       from transfer t where t.agency_id = $1 and t.cabinet_id = $2 and t.day between $3 and $4 and (t.kind in ('charge', 'refund') or ${IS_SAVED})
       union all
       select w.day, 'waiver', null, null, case when $5 then w.account_id end, w.listing_id, w.kopecks
       from waiver w where w.agency_id = $1 and w.cabinet_id = $2 and w.day between $3 and $4)
     select l.day, l.what, l.basis, l.kind, l.account_id as "accountId",
       string_agg(int4send(coalesce(m.ordinal, -1)) || int8send(l.kopecks), ''::bytea) as entries
     from line l left join mark m on m.agency_id = $1 and m.cabinet_id = $2 and m.listing_id = l.listing_id
     group by 1, 2, 3, 4, 5`,
    [...key, withAccounts, withKinds],
  );
  const lines = new Map<string, MoneyLine[]>();
  for (const { day, what, basis, kind, accountId, entries } of rows) {
    const count = entries.length / ENTRY_BYTES;
    const [ordinals, kopecks] = [new Int32Array(count), new Float64Array(count)];
    for (let index = 0, at = 0; index < count; index++, at += ENTRY_BYTES) {
      ordinals[index] = entries.readInt32BE(at);
      // The upper half of a sum of kopecks is small: far below what a number holds exactly.
      kopecks[index] = entries.readInt32BE(at + 4) * 2 ** 32 + entries.readUInt32BE(at + 8);
    }
    const own = lines.get(day) ?? [];
    own.push({ what, basis, kind: kindCode(kind), accountId, ordinals, kopecks });
    lines.set(day, own);
  }
  return lines;
}

/** The first and the last day of which a cabinet's calls are known; null: of none. */
interface CallSpan {
  readonly from: string | null;
  readonly until: string | null;
}

async function callSpan(client: Queryable, agencyId: number, cabinetId: number): Promise<CallSpan> {
  const { rows } = await client.query<CallSpan>(
    'select min(day) as "from", max(day) as until from audience_day where agency_id = $1 and cabinet_id = $2 and calls is not null',
    [agencyId, cabinetId],
  );
  return rows[0]!;
}

async function audienceOf(client: Queryable, key: readonly unknown[]): Promise<Map<string, AudienceLine>> {
  const { rows } = await client.query<{ day: string; entries: Buffer }>(
    `select a.day, string_agg(int4send(m.ordinal) || int4send(coalesce(a.views, -1)) || int4send(coalesce(a.calls, -1)), ''::bytea) as entries
     from audience_day a join mark m on m.agency_id = a.agency_id and m.cabinet_id = a.cabinet_id and m.listing_id = a.listing_id
     where a.agency_id = $1 and a.cabinet_id = $2 and a.day between $3 and $4 group by 1`,
    [...key],
  );
  return new Map(
    rows.map(({ day, entries }) => {
      const column = (from: number) =>
        Int32Array.from({ length: entries.length / ENTRY_BYTES }, (_, index) =>
          entries.readInt32BE(index * ENTRY_BYTES + from),
        );
      return [day, { ordinals: column(0), views: column(4), calls: column(8) }];
    }),
  );
}

/** A person's counter-entry to an account. */
export interface Correction {
  readonly day: string;
  readonly accountId: number;
  /** Below zero: taken from the account. */
  readonly kopecks: number;
  /** Where the account lies. */
  readonly place: Place;
}

/** Counter-entries of days; they concern accounts and neither cabinets nor listings. */
export async function correctionsOf(
  client: Queryable,
  agencyId: number,
  from: string,
  until: string,
): Promise<Correction[]> {
  const { rows } = await client.query<Omit<Correction, 'place'>>(
    `select t.day, a.id as "accountId", sum(case when t.to_id = a.id then t.kopecks else -t.kopecks end)::bigint as kopecks
     from account bank join transfer t on t.agency_id = bank.agency_id and (t.from_id = bank.id or t.to_id = bank.id) and t.kind = 'correction'
     join account a on a.agency_id = t.agency_id and a.id in (t.from_id, t.to_id) and a.kind <> 'bank'
     where bank.agency_id = $1 and bank.kind = 'bank' and t.day between $2 and $3 group by 1, 2`,
    [agencyId, from, until],
  );
  const places = await placesOfAccounts(client, agencyId);
  return rows.map((row) => ({ ...row, place: places.get(row.accountId) ?? OF_AGENCY }));
}

/** In which of these cabinets something is told of calls and of views in a period, and on how many of their days. */
export async function audienceKnown(
  client: Queryable,
  { agencyId, cabinetIds, from, until }: MoneyQuery,
): Promise<{ readonly cabinetId: number; readonly viewDays: number; readonly callDays: number }[]> {
  const { rows } = await client.query<{ cabinetId: number; viewDays: number; callDays: number }>(
    `select cabinet_id as "cabinetId", count(distinct day) filter (where views is not null)::int as "viewDays",
       count(distinct day) filter (where calls is not null)::int as "callDays"
     from audience_day where agency_id = $1 and cabinet_id = any($2) and day between $3 and $4 group by 1 order by 1`,
    [agencyId, [...cabinetIds], from, until],
  );
  return rows;
}

/** The listings of marks, by «cabinet/ordinal». */
export async function listingsOfMarks(
  client: Queryable,
  agencyId: number,
  marks: readonly { readonly cabinetId: number; readonly ordinal: number }[],
): Promise<Map<string, number>> {
  const { rows } = await client.query<{ key: string; listingId: number }>(
    `select m.cabinet_id || '/' || m.ordinal as key, m.listing_id as "listingId"
     from mark m join unnest($2::bigint[], $3::int[]) as w(cabinet_id, ordinal) on w.cabinet_id = m.cabinet_id and w.ordinal = m.ordinal
     where m.agency_id = $1`,
    [agencyId, marks.map(({ cabinetId }) => cabinetId), marks.map(({ ordinal }) => ordinal)],
  );
  return new Map(rows.map(({ key, listingId }) => [key, listingId]));
}
