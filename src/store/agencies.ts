import { and, asc, eq, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { Refusal } from '../domain/fault.ts';
import type { Family } from '../domain/listing.ts';
import type { Database } from './database.ts';
import { agency, branch, cabinet, crmGroup, crmGroupMember, department, employee } from './schema.ts';

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

export async function ensureBranch(db: Database, agencyId: number, name: string): Promise<number> {
  await orm(db).insert(branch).values({ agencyId, name }).onConflictDoNothing();
  const [found] = await orm(db)
    .select({ id: branch.id })
    .from(branch)
    .where(and(eq(branch.agencyId, agencyId), eq(branch.name, name)));
  return found!.id;
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
  readonly groupIds?: readonly number[];
}

export async function addEmployee(db: Database, agencyId: number, person: NewEmployee): Promise<number> {
  return orm(db).transaction(async (tx) => {
    const [made] = await tx
      .insert(employee)
      .values({
        agencyId,
        name: person.name,
        phones: [...person.phones],
        email: person.email ?? null,
        branchId: person.branchId ?? null,
        departmentId: person.departmentId ?? null,
      })
      .returning({ id: employee.id });
    for (const groupId of person.groupIds ?? []) {
      await tx.insert(crmGroupMember).values({ agencyId, groupId, employeeId: made!.id }).onConflictDoNothing();
    }
    return made!.id;
  });
}

export interface EmployeeRow {
  readonly id: number;
  readonly name: string;
  readonly phones: readonly string[];
  readonly email: string | null;
  readonly branchId: number | null;
}

/** The people who may be responsible for a listing. */
export function listEmployees(db: Database, agencyId: number): Promise<EmployeeRow[]> {
  return orm(db)
    .select({
      id: employee.id,
      name: employee.name,
      phones: employee.phones,
      email: employee.email,
      branchId: employee.branchId,
    })
    .from(employee)
    .where(and(eq(employee.agencyId, agencyId), eq(employee.isActive, true)))
    .orderBy(asc(employee.id));
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

/** Gives the feed a new address; the old one answers until the given moment. */
export async function rotateToken(
  db: Database,
  agencyId: number,
  cabinetId: number,
  previousUntil: Date,
): Promise<void> {
  await orm(db)
    .update(cabinet)
    .set({
      tokenSerial: sql`${cabinet.tokenSerial} + 1`,
      previousTokens: sql`${cabinet.previousTokens} || jsonb_build_object('serial', ${cabinet.tokenSerial}, 'until', ${previousUntil.toISOString()}::text)`,
    })
    .where(and(eq(cabinet.agencyId, agencyId), eq(cabinet.id, cabinetId)));
}
