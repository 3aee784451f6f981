import { and, asc, eq, or } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { Refusal } from '../domain/fault.ts';
import type { Family } from '../domain/listing.ts';
import type { Role } from '../domain/people.ts';
import { isSame } from '../domain/settings-paths.ts';
import { endSessionsOf, type Giver, listGrants, lockRights, placeOf, proveAdminLeft, proveHeld } from './access.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { makeDue } from './due.ts';
import { record } from './journal.ts';
import { cabinetsOfBranch } from './pauses.ts';
import { agency, branch, cabinet, crmGroup, department, employee } from './schema.ts';

/** Agencies and what belongs to them: branches, departments, people, cabinets. */

const orm = (db: Database) => drizzle(db.pool);

/** The agency of a program that serves one: it is made at the first command that needs it. */
export const DEFAULT_AGENCY = 'Агентство';

export interface AgencyRow {
  readonly id: number;
  readonly name: string;
  /** Made by this very call. */
  readonly isNew?: boolean;
}

/** All agencies, the oldest first. */
export function listAgencies(db: Database): Promise<AgencyRow[]> {
  return orm(db).select({ id: agency.id, name: agency.name }).from(agency).orderBy(asc(agency.id));
}

/**
 * The agency a command means: the named one, or the only one there is.
 * @param create make the agency when it is not there yet
 * @throws Refusal `agency-ambiguous`, `agency-unknown`
 */
export async function resolveAgency(db: Database, name: string | undefined, create = false): Promise<AgencyRow> {
  const all = await listAgencies(db);
  const found = name === undefined ? all[0] : all.find((row) => row.name === name);
  if (name === undefined && all.length > 1) {
    const names = all.map((row) => `«${row.name}»`).join(', ');
    throw new Refusal('agency-ambiguous', `Агентств несколько: ${names}. Назовите нужное: --agency <название>.`, 2);
  }
  if (found) return found;
  if (!create) {
    throw new Refusal(
      'agency-unknown',
      name === undefined ? 'Агентств ещё нет: сначала загрузите фид (import).' : `Агентства «${name}» нет.`,
      2,
    );
  }
  const made = await orm(db)
    .insert(agency)
    .values({ name: name ?? DEFAULT_AGENCY })
    .onConflictDoNothing()
    .returning({ id: agency.id });
  return { ...(await resolveAgency(db, name ?? DEFAULT_AGENCY)), isNew: made.length > 0 };
}

/** The branch of that name, and whether this very call made it. */
export async function branchNamed(
  db: Database,
  agencyId: number,
  name: string,
): Promise<{ readonly id: number; readonly isNew: boolean }> {
  const made = await orm(db)
    .insert(branch)
    .values({ agencyId, name })
    .onConflictDoNothing()
    .returning({ id: branch.id });
  const [found] = await orm(db)
    .select({ id: branch.id })
    .from(branch)
    .where(and(eq(branch.agencyId, agencyId), eq(branch.name, name)));
  return { id: found!.id, isNew: made.length > 0 };
}

export async function ensureBranch(db: Database, agencyId: number, name: string): Promise<number> {
  return (await branchNamed(db, agencyId, name)).id;
}

export async function ensureDepartment(
  db: Database,
  agencyId: number,
  branchId: number,
  name: string,
): Promise<number> {
  await orm(db).insert(department).values({ agencyId, branchId, name }).onConflictDoNothing();
  const [found] = await orm(db)
    .select({ id: department.id })
    .from(department)
    .where(and(eq(department.agencyId, agencyId), eq(department.branchId, branchId), eq(department.name, name)));
  return found!.id;
}

export async function ensureCrmGroup(db: Database, agencyId: number, name: string): Promise<number> {
  await orm(db).insert(crmGroup).values({ agencyId, name }).onConflictDoNothing();
  const [found] = await orm(db)
    .select({ id: crmGroup.id })
    .from(crmGroup)
    .where(and(eq(crmGroup.agencyId, agencyId), eq(crmGroup.name, name)));
  return found!.id;
}

export interface NewEmployee {
  readonly name: string;
  /** E.164. */
  readonly phones: readonly string[];
  readonly email?: string | undefined;
  readonly branchId?: number | undefined;
  readonly departmentId?: number | undefined;
  readonly role?: Role | undefined;
  readonly groupIds?: readonly number[];
}

/**
 * @param deed who adds, for the journal; absent for people that come with an import of their own
 * @throws Refusal `unit-unknown`, `department-elsewhere`
 */
export function addEmployee(
  db: Database,
  agencyId: number,
  person: NewEmployee,
  deed?: { readonly by: string; readonly at: Date },
): Promise<number> {
  return transaction(db, async (client) => {
    const { name, phones, email = null, branchId = null, departmentId = null, role = 'agent', groupIds = [] } = person;
    const homeId = await provenBranch(client, agencyId, branchId, departmentId);
    const made = await client.query<{ id: number }>(
      `insert into employee (agency_id, name, phones, email, role, branch_id, department_id)
       values ($1, $2, $3, $4, $5, $6, $7) returning id`,
      [agencyId, name, phones, email, role, homeId, departmentId],
    );
    const id = made.rows[0]!.id;
    await setGroups(client, agencyId, id, groupIds);
    if (deed) {
      const facts = { employeeId: id, name, email, branchId: homeId, departmentId, role };
      await record(client, agencyId, { by: deed.by, action: 'employee-added', facts }, deed.at);
    }
    return id;
  });
}

export interface EmployeeRow {
  readonly id: number;
  readonly name: string;
  readonly phones: readonly string[];
  readonly email: string | null;
  readonly role: Role;
  readonly branchId: number | null;
  readonly departmentId: number | null;
}

const EMPLOYEE = {
  id: employee.id,
  name: employee.name,
  phones: employee.phones,
  email: employee.email,
  role: employee.role,
  branchId: employee.branchId,
  departmentId: employee.departmentId,
};

/** Working employees by name, e-mail or `#number`. */
export function findEmployees(db: Database, agencyId: number, name: string): Promise<EmployeeRow[]> {
  const number = /^#(\d{1,15})$/.exec(name)?.[1];
  return orm(db)
    .select(EMPLOYEE)
    .from(employee)
    .where(
      and(
        eq(employee.agencyId, agencyId),
        eq(employee.isActive, true),
        number === undefined ? or(eq(employee.name, name), eq(employee.email, name)) : eq(employee.id, Number(number)),
      ),
    )
    .orderBy(asc(employee.id));
}

/** The people who may be responsible for a listing. */
export function listEmployees(db: Database, agencyId: number): Promise<EmployeeRow[]> {
  return orm(db)
    .select(EMPLOYEE)
    .from(employee)
    .where(and(eq(employee.agencyId, agencyId), eq(employee.isActive, true)))
    .orderBy(asc(employee.id));
}

export interface BranchRow {
  readonly id: number;
  readonly name: string;
  /** Of its own; null: the agency's. */
  readonly timeZone: string | null;
  /** By whose clock its hours are read. */
  readonly zone: string;
  readonly departments: readonly string[];
  readonly employees: number;
}

export async function listBranches(client: Queryable, agencyId: number): Promise<BranchRow[]> {
  const found = await client.query<BranchRow>(
    `select b.id, b.name, b.time_zone as "timeZone", coalesce(b.time_zone, a.time_zone) as zone,
       array(select d.name from department d where d.agency_id = b.agency_id and d.branch_id = b.id order by d.name) as departments,
       (select count(*)::int from employee e where e.agency_id = b.agency_id and e.branch_id = b.id and e.is_active) as employees
     from branch b join agency a on a.id = b.agency_id where b.agency_id = $1 order by b.id`,
    [agencyId],
  );
  return found.rows;
}

export interface DepartmentRow {
  readonly id: number;
  readonly branchId: number;
  readonly name: string;
  readonly employees: number;
}

export async function listDepartments(client: Queryable, agencyId: number): Promise<DepartmentRow[]> {
  const found = await client.query<DepartmentRow>(
    `select id, branch_id as "branchId", name, (select count(*)::int from employee e
         where e.agency_id = d.agency_id and e.department_id = d.id and e.is_active) as employees
     from department d where agency_id = $1 order by branch_id, name`,
    [agencyId],
  );
  return found.rows;
}

/**
 * @param timeZone an IANA name; null: the agency's
 * @throws Refusal `branch-known`
 */
export function addBranch(
  db: Database,
  agencyId: number,
  wanted: { readonly name: string; readonly timeZone: string | null },
  by: string,
  now: Date,
): Promise<number> {
  return transaction(db, async (client) => {
    const made = await client.query<{ id: number }>(
      'insert into branch (agency_id, name, time_zone) values ($1, $2, $3) on conflict do nothing returning id',
      [agencyId, wanted.name, wanted.timeZone],
    );
    const id = made.rows[0]?.id;
    if (id === undefined) throw new Refusal('branch-known', `Филиал «${wanted.name}» уже есть.`);
    await record(client, agencyId, { by, action: 'branch-added', facts: { id, ...wanted } }, now);
    return id;
  });
}

/** Another clock moves the branch's hours, terms and phones: its feeds are looked at again at once. */
export function setBranchZone(
  db: Database,
  agencyId: number,
  branchId: number,
  timeZone: string,
  by: string,
  now: Date,
): Promise<void> {
  return transaction(db, async (client) => {
    await client.query('update branch set time_zone = $3 where agency_id = $1 and id = $2', [
      agencyId,
      branchId,
      timeZone,
    ]);
    await record(client, agencyId, { by, action: 'branch-zone-set', facts: { branchId, timeZone } }, now);
    const own = await client.query<{ id: number }>('select id from cabinet where agency_id = $1 and branch_id = $2', [
      agencyId,
      branchId,
    ]);
    const cabinetIds = [...own.rows.map(({ id }) => id), ...(await cabinetsOfBranch(client, agencyId, branchId))];
    await makeDue(client, agencyId, { cabinetIds }, 'withdrawal', now);
  });
}

export interface EmployeeChange {
  readonly name?: string;
  /** E.164; the first is the one shown. */
  readonly phones?: readonly string[];
  readonly email?: string | null;
  readonly branchId?: number | null;
  readonly departmentId?: number | null;
  readonly groupIds?: readonly number[];
  /** false: the person has left; listings stay theirs until somebody takes them. */
  readonly isActive?: boolean;
}

/**
 * Changes what a person is in the agency. Numbers and hours of their listings follow.
 * @returns how many listings the person is responsible for
 * @throws Refusal `unit-unknown`, `department-elsewhere`, `last-admin`, `not-allowed`
 */
export function changeEmployee(
  db: Database,
  agencyId: number,
  employeeId: number,
  change: EmployeeChange,
  by: Giver,
  now: Date,
): Promise<number> {
  return transaction(db, async (client) => {
    await lockRights(client, agencyId);
    const found = await client.query<Required<EmployeeChange>>(
      `select name, phones, email, branch_id as "branchId", department_id as "departmentId", is_active as "isActive",
         array(select group_id from crm_group_member m where m.agency_id = e.agency_id and m.employee_id = e.id order by group_id) as "groupIds"
       from employee e where agency_id = $1 and id = $2 for no key update`,
      [agencyId, employeeId],
    );
    const was = found.rows[0]!;
    const { name, phones, email, isActive, groupIds } = { ...was, ...change };
    const isElsewhere = change.branchId !== undefined && change.branchId !== was.branchId;
    // Whoever goes to another branch leaves the department here.
    const departmentId =
      change.departmentId !== undefined ? change.departmentId : isElsewhere ? null : was.departmentId;
    const branchId = await provenBranch(
      client,
      agencyId,
      change.branchId ?? (isElsewhere ? null : was.branchId),
      departmentId,
    );
    const will = { name, phones, email, branchId, departmentId, isActive, groupIds };
    const grants = (await listGrants(client, agencyId)).get(employeeId);
    if (change.isActive === false && grants) await proveHeld(client, agencyId, employeeId, grants, by);
    await client.query(
      `update employee set name = $3, phones = $4, email = $5, branch_id = $6, department_id = $7, is_active = $8
       where agency_id = $1 and id = $2`,
      [agencyId, employeeId, name, phones, email, branchId, departmentId, isActive],
    );
    if (change.groupIds) await setGroups(client, agencyId, employeeId, groupIds);
    if (change.isActive === false) {
      if (grants) await proveAdminLeft(client, agencyId, grants);
      await endSessionsOf(client, agencyId, employeeId);
    }
    const keys = (Object.keys(will) as (keyof EmployeeChange)[]).filter((key) => !isSame(was[key], will[key]));
    const of = (person: EmployeeChange) => Object.fromEntries(keys.map((key) => [key, person[key]]));
    const facts = { employeeId, before: of(was), after: of(will) };
    if (keys.length > 0) await record(client, agencyId, { by: by.name, action: 'employee-changed', facts }, now);
    const own = await client.query<{ id: number }>('select id from listing where agency_id = $1 and employee_id = $2', [
      agencyId,
      employeeId,
    ]);
    const listingIds = own.rows.map(({ id }) => id);
    // Another branch may be closed at this hour.
    const how = keys.includes('branchId') ? 'withdrawal' : 'edit';
    if (listingIds.length > 0 && keys.some((key) => key !== 'isActive' && key !== 'groupIds'))
      await makeDue(client, agencyId, { listingIds }, how, now);
    return listingIds.length;
  });
}

async function setGroups(client: Queryable, agencyId: number, employeeId: number, groupIds: readonly number[]) {
  await client.query('delete from crm_group_member where agency_id = $1 and employee_id = $2', [agencyId, employeeId]);
  const set = await client.query(
    `insert into crm_group_member (agency_id, group_id, employee_id)
     select agency_id, id, $2 from crm_group where agency_id = $1 and id = any($3)`,
    [agencyId, employeeId, groupIds],
  );
  if (set.rowCount !== new Set(groupIds).size) throw new Refusal('unit-unknown', 'Такой группы CRM нет.', 2);
}

/**
 * The branch somebody works in: the named one, or the department's.
 * @throws Refusal `unit-unknown`, `department-elsewhere`
 */
async function provenBranch(
  client: Queryable,
  agencyId: number,
  branchId: number | null,
  departmentId: number | null,
): Promise<number | null> {
  const branchPlace = branchId === null ? null : await placeOf(client, agencyId, 'branch', branchId);
  const home = departmentId === null ? null : await placeOf(client, agencyId, 'department', departmentId);
  if (branchPlace === undefined || home === undefined)
    throw new Refusal('unit-unknown', 'Такого филиала или отдела нет: назовите тот, что есть.', 2);
  if (home && branchId !== null && home.branchId !== branchId)
    throw new Refusal('department-elsewhere', 'Этот отдел в другом филиале: назовите отдел того же филиала.');
  return branchId ?? home?.branchId ?? null;
}

export interface NewCabinet {
  readonly board: string;
  readonly slug: string;
  readonly name: string;
  readonly family: Family;
}

/** The cabinet with that address, made when it is not there yet. The family of an existing one is not changed. */
export async function ensureCabinet(db: Database, agencyId: number, wanted: NewCabinet): Promise<number> {
  await orm(db)
    .insert(cabinet)
    .values({ agencyId, ...wanted })
    .onConflictDoNothing();
  const [found] = await orm(db)
    .select({ id: cabinet.id })
    .from(cabinet)
    .where(and(eq(cabinet.agencyId, agencyId), eq(cabinet.board, wanted.board), eq(cabinet.slug, wanted.slug)));
  return found!.id;
}
