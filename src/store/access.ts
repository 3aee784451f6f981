import { Refusal } from '../domain/fault.ts';
import type { Role } from '../domain/people.ts';
import {
  defaultScope,
  type Grant,
  highestRole,
  holds,
  type LeastRoles,
  OF_AGENCY,
  type Person,
  type Place,
  type Reach,
} from '../domain/rights.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { record } from './journal.ts';

/** Who has which rights where, and where a thing lies: what `mayDo` (domain/rights.ts) is asked with. */

/** A person who knocks, as far as rights go. */
export interface Caller extends Person {
  readonly agencyId: number;
  readonly name: string;
  /** The highest one: what the functions from before there were scopes ask. */
  readonly role: Role;
  readonly branchId: number | null;
  readonly departmentId: number | null;
}

interface CallerRow {
  readonly agencyId: number;
  readonly employeeId: number;
  readonly name: string;
  readonly role: Role;
  readonly branchId: number | null;
  readonly departmentId: number | null;
  readonly grants: Grant[] | null;
  readonly least: LeastRoles | null;
}

/** The columns of a query that finds a caller: `e` is the employee, `a` the agency. */
export const CALLER_COLUMNS = `e.agency_id as "agencyId", e.id as "employeeId", e.name, e.role, e.branch_id as "branchId", e.department_id as "departmentId",
  a.settings->'rights' as least,
  (select json_agg(json_build_object('role', g.role, 'scope', g.scope, 'branchId', g.branch_id, 'departmentId', g.department_id) order by g.id)
   from role_grant g where g.agency_id = e.agency_id and g.employee_id = e.id) as grants`;

export function callerOf(row: CallerRow): Caller {
  const grants = row.grants ?? usualGrants(row.role);
  const { agencyId, employeeId, name, branchId, departmentId } = row;
  return {
    agencyId,
    employeeId,
    name,
    branchId,
    departmentId,
    grants,
    least: row.least ?? {},
    role: highestRole(grants),
  };
}

/** Who was never given anything in particular has the employee's role with its usual reach. */
export const usualGrants = (role: Role): Grant[] => [
  { role, scope: defaultScope(role), branchId: null, departmentId: null },
];

/** A working employee as a caller; undefined when there is none. */
export async function callerById(client: Queryable, agencyId: number, employeeId: number): Promise<Caller | undefined> {
  const found = await client.query<CallerRow>(
    `select ${CALLER_COLUMNS} from employee e join agency a on a.id = e.agency_id
     where e.agency_id = $1 and e.id = $2 and e.is_active`,
    [agencyId, employeeId],
  );
  return found.rows[0] && callerOf(found.rows[0]);
}

/** Grants of everybody in the agency who has some of their own; the others have their role's usual one. */
export async function listGrants(client: Queryable, agencyId: number): Promise<ReadonlyMap<number, readonly Grant[]>> {
  const found = await client.query<{ id: number; role: Role; grants: Grant[] | null }>(
    `select e.id, e.role, (select json_agg(json_build_object('role', g.role, 'scope', g.scope, 'branchId', g.branch_id, 'departmentId', g.department_id) order by g.id)
       from role_grant g where g.agency_id = e.agency_id and g.employee_id = e.id) as grants
     from employee e where e.agency_id = $1 and e.is_active`,
    [agencyId],
  );
  return new Map(found.rows.map((row) => [row.id, row.grants ?? usualGrants(row.role)]));
}

/** Whoever gives: the name for the journal, and what the person may; null: whoever has the keys to the machine. */
export interface Giver {
  readonly name: string;
  readonly person: Person | null;
}

/**
 * Gives a person exactly these roles. Whoever is signed in as that person signs in again.
 * @throws Refusal `roles-missing`, `not-allowed`, `unit-unknown`, `last-admin`
 */
export function setGrants(
  db: Database,
  agencyId: number,
  employeeId: number,
  grants: readonly Grant[],
  by: Giver,
  now: Date,
): Promise<void> {
  if (grants.length === 0) throw new Refusal('roles-missing', 'У сотрудника должна быть хотя бы одна роль.');
  return transaction(db, async (client) => {
    await lockRights(client, agencyId);
    const before = (await listGrants(client, agencyId)).get(employeeId) ?? [];
    for (const { scope, branchId, departmentId } of grants) {
      const unit =
        scope === 'branch'
          ? (['branch', branchId] as const)
          : scope === 'department'
            ? (['department', departmentId] as const)
            : null;
      if (unit && (unit[1] === null || !(await placeOf(client, agencyId, unit[0], unit[1]))))
        throw new Refusal('unit-unknown', 'Такого филиала или отдела нет: назовите тот, что есть.', 2);
    }
    await proveHeld(client, agencyId, employeeId, [...before, ...grants], by);
    await client.query('delete from role_grant where agency_id = $1 and employee_id = $2', [agencyId, employeeId]);
    for (const grant of grants) {
      await client.query(
        `insert into role_grant (agency_id, employee_id, role, scope, branch_id, department_id) values ($1, $2, $3, $4, $5, $6)
         on conflict do nothing`,
        [agencyId, employeeId, grant.role, grant.scope, grant.branchId, grant.departmentId],
      );
    }
    await client.query('update employee set role = $3 where agency_id = $1 and id = $2', [
      agencyId,
      employeeId,
      highestRole(grants),
    ]);
    await proveAdminLeft(client, agencyId, before);
    await endSessionsOf(client, agencyId, employeeId);
    // Whoever may send a link to somebody with lesser rights must not come in with the greater ones.
    await client.query(
      `delete from invitation v using sign_in i where v.agency_id = $1 and v.employee_id = $2 and v.used_at is null
         and i.agency_id = v.agency_id and i.employee_id = v.employee_id`,
      [agencyId, employeeId],
    );
    const facts = { employeeId, before, after: grants };
    await record(client, agencyId, { by: by.name, action: 'roles-set', facts }, now);
  });
}

/** One after the other: two administrators who take each other's rights away must not leave nobody. */
export async function lockRights(client: Queryable, agencyId: number): Promise<void> {
  await client.query('select 1 from agency where id = $1 for no key update', [agencyId]);
}

/**
 * After somebody's rights were taken away there is still an administrator.
 * @param before what that one had
 * @throws Refusal `last-admin`
 */
export async function proveAdminLeft(client: Queryable, agencyId: number, before: readonly Grant[]): Promise<void> {
  if (before.some(isAdmin) && ![...(await listGrants(client, agencyId)).values()].flat().some(isAdmin))
    throw new Refusal('last-admin', 'Это последний администратор всего агентства: сначала назначьте другого.');
}

/**
 * Whoever gives these rights, takes them away or lets somebody in with them has as much.
 * @throws Refusal `not-allowed`
 */
export async function proveHeld(
  client: Queryable,
  agencyId: number,
  employeeId: number,
  grants: readonly Grant[],
  { person }: Giver,
): Promise<void> {
  if (person === null) return;
  const whom = (await placeOf(client, agencyId, 'employee', employeeId)) ?? OF_AGENCY;
  const found = await client.query<{ id: number; branchId: number }>(
    'select id, branch_id as "branchId" from department where agency_id = $1',
    [agencyId],
  );
  const branches = new Map(found.rows.map(({ id, branchId }) => [id, branchId]));
  if (grants.every((grant) => holds(person, grant, whom, (id) => branches.get(id) ?? null))) return;
  throw new Refusal(
    'not-allowed',
    'Права этого сотрудника шире ваших или стали бы шире: это делает администратор всего агентства.',
    4,
  );
}

/** Everybody who is signed in as this employee has to sign in again. */
export async function endSessionsOf(client: Queryable, agencyId: number, employeeId: number): Promise<void> {
  await client.query(
    'delete from session s using sign_in i where i.id = s.sign_in_id and i.agency_id = $1 and i.employee_id = $2',
    [agencyId, employeeId],
  );
}

const isAdmin = ({ role, scope }: Grant) => role === 'admin' && scope === 'agency';

export const SUBJECTS = ['listing', 'account', 'cabinet', 'employee', 'branch', 'department'] as const;
export type Subject = (typeof SUBJECTS)[number];

/** Of accounts, with their numbers. */
const ACCOUNT_PLACES = `select a.id, e.id as "employeeId", coalesce(d.id, e.department_id) as "departmentId",
    case a.kind when 'branch' then a.owner_id when 'board' then c.branch_id else coalesce(d.branch_id, e.branch_id) end as "branchId"
  from account a left join employee e on a.kind = 'employee' and e.agency_id = a.agency_id and e.id = a.owner_id
    left join department d on a.kind = 'department' and d.agency_id = a.agency_id and d.id = a.owner_id
    left join cabinet c on a.kind = 'board' and c.agency_id = a.agency_id and c.id = a.owner_id
  where a.agency_id = $1`;

/** Of a listing the branch is its own, or that of whoever is responsible. */
const PLACES: Record<Subject, string> = {
  listing: `select l.employee_id as "employeeId", e.department_id as "departmentId", coalesce(l.branch_id, e.branch_id) as "branchId"
    from listing l left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id where l.agency_id = $1 and l.id = $2`,
  account: `select "employeeId", "departmentId", "branchId" from (${ACCOUNT_PLACES}) as places where id = $2`,
  cabinet: `select null::bigint as "employeeId", null::bigint as "departmentId", branch_id as "branchId" from cabinet where agency_id = $1 and id = $2`,
  employee: `select id as "employeeId", department_id as "departmentId", branch_id as "branchId" from employee where agency_id = $1 and id = $2`,
  branch: `select null::bigint as "employeeId", null::bigint as "departmentId", id as "branchId" from branch where agency_id = $1 and id = $2`,
  department: `select null::bigint as "employeeId", id as "departmentId", branch_id as "branchId" from department where agency_id = $1 and id = $2`,
};

/** Where a thing lies; undefined: the agency has no such thing. */
export async function placeOf(
  client: Queryable,
  agencyId: number,
  subject: Subject,
  id: number,
): Promise<Place | undefined> {
  const found = await client.query<Place>(PLACES[subject], [agencyId, id]);
  return found.rows[0];
}

/** Where many listings lie; those the agency does not have are missing. */
export async function placesOfListings(
  client: Queryable,
  agencyId: number,
  ids: readonly number[],
): Promise<ReadonlyMap<number, Place>> {
  const found = await client.query<Place & { id: number }>(
    `select l.id, l.employee_id as "employeeId", e.department_id as "departmentId", coalesce(l.branch_id, e.branch_id) as "branchId"
     from listing l left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id
     where l.agency_id = $1 and l.id = any($2)`,
    [agencyId, ids],
  );
  return new Map(found.rows.map(({ id, ...place }) => [id, place]));
}

/** Where all accounts of an agency lie. */
export async function placesOfAccounts(client: Queryable, agencyId: number): Promise<ReadonlyMap<number, Place>> {
  const found = await client.query<Place & { id: number }>(ACCOUNT_PLACES, [agencyId]);
  return new Map(found.rows.map(({ id, ...place }) => [id, place]));
}

export const placeOfCabinet = ({ branchId }: { readonly branchId: number | null }): Place => ({
  ...OF_AGENCY,
  branchId,
});

/**
 * The condition «within a person's reach» for a query over `listing l`.
 * @param push takes a value and gives its `$n`
 */
export function listingsWithin(reach: Reach, push: (value: unknown) => string): string {
  if (reach.isAll) return 'true';
  const parts: string[] = [];
  if (reach.employeeId !== null) parts.push(`l.employee_id = ${push(reach.employeeId)}`);
  if (reach.branchIds.length > 0) {
    const ids = push(reach.branchIds);
    parts.push(
      // Asked once and not listing by listing: nothing in the brackets is of the listing.
      `l.branch_id = any(${ids}) or l.branch_id is null and (l.agency_id, l.employee_id) in
         (select agency_id, id from employee where branch_id = any(${ids}))`,
    );
  }
  if (reach.departmentIds.length > 0)
    parts.push(
      `(l.agency_id, l.employee_id) in (select agency_id, id from employee where department_id = any(${push(reach.departmentIds)}))`,
    );
  return parts.length === 0 ? 'false' : `(${parts.join(' or ')})`;
}

/**
 * The condition «within a person's reach» for a query over `employee e`.
 * @param push takes a value and gives its `$n`
 */
export function peopleWithin(reach: Reach, push: (value: unknown) => string): string {
  if (reach.isAll) return 'true';
  return `(e.id = ${push(reach.employeeId)} or e.branch_id = any(${push(reach.branchIds)}) or e.department_id = any(${push(reach.departmentIds)}))`;
}
