import { Refusal } from '../domain/fault.ts';
import type { PhoneLine } from '../domain/phones.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { makeDue } from './due.ts';
import { record } from './journal.ts';

/** The phone timetable, and what a question about one listing's number needs. */

const LINE = `id, scope, scope_id as "scopeId", board, weekdays, from_minute as "fromMinute", to_minute as "toMinute",
  starts_on as "startsOn", ends_on as "endsOn", kind, phone, note`;

/** All lines of an agency, the oldest first, those of the past included. */
export async function listPhoneLines(client: Queryable, agencyId: number): Promise<PhoneLine[]> {
  const found = await client.query<PhoneLine>(`select ${LINE} from phone_line where agency_id = $1 order by id`, [
    agencyId,
  ]);
  return found.rows;
}

/** @returns the line's number */
export function addPhoneLine(
  db: Database,
  agencyId: number,
  line: Omit<PhoneLine, 'id'>,
  by: string,
  now: Date,
): Promise<number> {
  return transaction(db, async (client) => {
    const made = await client.query<{ id: number }>(
      `insert into phone_line (agency_id, scope, scope_id, board, weekdays, from_minute, to_minute, starts_on, ends_on, kind, phone, note)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) returning id`,
      [
        agencyId,
        line.scope,
        line.scopeId,
        line.board,
        line.weekdays,
        line.fromMinute,
        line.toMinute,
        line.startsOn,
        line.endsOn,
        line.kind,
        line.phone,
        line.note,
      ],
    );
    const { id } = made.rows[0]!;
    await record(client, agencyId, { by, action: 'phone-line-added', facts: { id, ...line } }, now);
    await makeBoardDue(client, agencyId, line.board, now);
    return id;
  });
}

/** @throws Refusal `phone-line-unknown` */
export function changePhoneLine(
  db: Database,
  agencyId: number,
  id: number,
  line: Omit<PhoneLine, 'id'>,
  by: string,
  now: Date,
): Promise<void> {
  return transaction(db, async (client) => {
    const found = await client.query<PhoneLine>(
      `select ${LINE} from phone_line where agency_id = $1 and id = $2 for update`,
      [agencyId, id],
    );
    const before = found.rows[0];
    if (!before) throw lineUnknown(id);
    await client.query(
      `update phone_line set scope = $3, scope_id = $4, board = $5, weekdays = $6, from_minute = $7, to_minute = $8,
         starts_on = $9, ends_on = $10, kind = $11, phone = $12, note = $13 where agency_id = $1 and id = $2`,
      [
        agencyId,
        id,
        line.scope,
        line.scopeId,
        line.board,
        line.weekdays,
        line.fromMinute,
        line.toMinute,
        line.startsOn,
        line.endsOn,
        line.kind,
        line.phone,
        line.note,
      ],
    );
    const facts = { id, before, after: { id, ...line } };
    await record(client, agencyId, { by, action: 'phone-line-changed', facts }, now);
    for (const board of before.board === line.board ? [line.board] : [before.board, line.board])
      await makeBoardDue(client, agencyId, board, now);
  });
}

const lineUnknown = (id: number) => new Refusal('phone-line-unknown', `Строки ${id} в графике телефонов нет.`);

/** @throws Refusal `phone-line-unknown` */
export function removePhoneLine(db: Database, agencyId: number, id: number, by: string, now: Date): Promise<PhoneLine> {
  return transaction(db, async (client) => {
    const gone = await client.query<PhoneLine>(
      `delete from phone_line where agency_id = $1 and id = $2 returning ${LINE}`,
      [agencyId, id],
    );
    const line = gone.rows[0];
    if (!line) throw lineUnknown(id);
    await record(client, agencyId, { by, action: 'phone-line-removed', facts: { ...line } }, now);
    await makeBoardDue(client, agencyId, line.board, now);
    return line;
  });
}

async function makeBoardDue(client: Queryable, agencyId: number, board: string | null, now: Date): Promise<void> {
  const found = await client.query<{ id: number }>(
    'select id from cabinet where agency_id = $1 and ($2::text is null or board = $2)',
    [agencyId, board],
  );
  await makeDue(client, agencyId, { cabinetIds: found.rows.map(({ id }) => id) }, 'edit', now);
}

export interface AskRow {
  readonly employeeId: number | null;
  readonly employee: string | null;
  readonly departmentId: number | null;
  /** The listing's branch, or its agent's where the listing has none. */
  readonly branchId: number | null;
  readonly branch: string | null;
  readonly zone: string;
  readonly ownPhones: readonly string[];
  readonly listingPhones: readonly string[] | null;
  /** Boards on which it is marked. */
  readonly boards: readonly string[];
}

/** Everything but the moment and the timetable that decides which number stands in a listing's advertisements. */
export async function askRow(client: Queryable, agencyId: number, listingId: number): Promise<AskRow> {
  const found = await client.query<AskRow>(
    `select l.employee_id as "employeeId", e.name as employee, e.department_id as "departmentId", b.id as "branchId", b.name as branch,
       coalesce(b.time_zone, a.time_zone) as zone, coalesce(e.phones, '{}') as "ownPhones", l.values->'contactPhones' as "listingPhones",
       array(select distinct c.board from mark m join cabinet c on c.agency_id = m.agency_id and c.id = m.cabinet_id
         where m.agency_id = l.agency_id and m.listing_id = l.id and m.is_live order by c.board) as boards
     from listing l join agency a on a.id = l.agency_id
     left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id
     left join branch b on b.agency_id = l.agency_id and b.id = coalesce(l.branch_id, e.branch_id)
     where l.agency_id = $1 and l.id = $2`,
    [agencyId, listingId],
  );
  return found.rows[0]!;
}

export interface PhoneFrameRow {
  readonly agents: readonly {
    readonly id: number;
    readonly name: string;
    readonly phones: readonly string[];
    readonly branchId: number | null;
    readonly departmentId: number | null;
  }[];
  readonly branches: readonly { readonly id: number; readonly name: string }[];
  readonly departments: readonly { readonly id: number; readonly name: string; readonly branchId: number }[];
  readonly employees: readonly (PhoneFrameRow['agents'][number] & { readonly isActive: boolean })[];
}

/** People and units that a timetable speaks of. Agents are those who are responsible for a listing. */
export async function phoneFrameRow(client: Queryable, agencyId: number): Promise<PhoneFrameRow> {
  const employees = await client.query<PhoneFrameRow['employees'][number] & { isAgent: boolean }>(
    `select e.id, e.name, e.phones, e.branch_id as "branchId", e.department_id as "departmentId", e.is_active as "isActive",
       exists(select 1 from listing l where l.agency_id = e.agency_id and l.employee_id = e.id) as "isAgent"
     from employee e where e.agency_id = $1 order by e.id`,
    [agencyId],
  );
  const branches = await client.query<PhoneFrameRow['branches'][number]>(
    'select id, name from branch where agency_id = $1 order by id',
    [agencyId],
  );
  const departments = await client.query<PhoneFrameRow['departments'][number]>(
    'select id, name, branch_id as "branchId" from department where agency_id = $1 order by id',
    [agencyId],
  );
  return {
    agents: employees.rows.filter(({ isAgent }) => isAgent),
    employees: employees.rows,
    branches: branches.rows,
    departments: departments.rows,
  };
}

/** Fewer pulls say nothing about a board's habits. */
const PULLS_MIN = 4;

/**
 * How often boards take the agency's feeds: the median of the hours between two pulls of one cabinet over the last
 * two weeks. A board that was hardly seen is not in the answer.
 */
export async function observedPullHours(
  client: Queryable,
  agencyId: number,
  now: Date,
): Promise<ReadonlyMap<string, number>> {
  const found = await client.query<{ board: string; hours: number }>(
    `select c.board, (percentile_cont(0.5) within group (order by extract(epoch from gap.length)::float8) / 3600)::float8 as hours
     from (select p.cabinet_id, p.at - lag(p.at) over (partition by p.cabinet_id order by p.at) as length from feed_pull p
       where p.agency_id = $1 and p.at > $2::timestamptz - interval '14 days' and p.at <= $2 and p.method = 'GET' and p.status in (200, 304)) gap
     join cabinet c on c.agency_id = $1 and c.id = gap.cabinet_id
     where gap.length is not null group by c.board having count(*) >= $3`,
    [agencyId, now, PULLS_MIN - 1],
  );
  return new Map(found.rows.map(({ board, hours }) => [board, hours]));
}
