import type { ExportReport, ExportReportQuery, ReportChoices } from '../contracts/export-report.ts';
import type { Column, Row, Table } from '../domain/csv.ts';
import type { Grouping } from '../domain/export-report.ts';
import { NAMES_MANY, type Narrowed, narrowedText } from '../domain/report-mail.ts';
import type { Reach } from '../domain/rights.ts';
import { listBranches, listDepartments } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import { type UnitOwner, unitOwners } from '../store/export-report.ts';
import { listCrmGroups, peopleNames } from '../store/people.ts';

/** Whose listings a report counts: the branches, departments, people and CRM groups it can be narrowed to and broken down by. */

/** Whose listings are asked for. */
export const isWithin =
  ({ branch, department, employee, group }: Pick<ExportReportQuery, 'branch' | 'department' | 'employee' | 'group'>) =>
  (owner: Omit<UnitOwner, 'id'>): boolean =>
    (!branch || branch.includes(owner.branchId!)) &&
    (!department || department.includes(owner.departmentId!)) &&
    (!employee || employee.includes(owner.employeeId!)) &&
    (!group || owner.crmGroupIds.some((id) => group.includes(id)));

const NAMED = { branch: listBranches, department: listDepartments, employee: peopleNames, 'crm-group': listCrmGroups };
export const WITHOUT: Record<keyof typeof NAMED, string> = {
  branch: 'без филиала',
  department: 'без отдела',
  employee: 'без ответственного',
  'crm-group': 'вне групп',
};

/** What branches, departments, people or groups are called, in the order in which lists have them. */
export const namesOf = (
  db: Database,
  agencyId: number,
  by: keyof typeof NAMED,
): Promise<readonly { readonly id: number; readonly name: string }[]> => NAMED[by](db.pool, agencyId);

/** Whose listings a report can be narrowed to: whoever had one on a recorded day, and is seen by the asker. */
export async function reportChoices(
  db: Database,
  agencyId: number,
  reach: Reach,
): Promise<Omit<ReportChoices, 'boards'>> {
  const owners = await unitOwners(db.pool, agencyId, reach);
  const named = async (by: keyof typeof NAMED, idsOf: (owner: UnitOwner) => readonly (number | null)[]) => {
    const met = new Set(owners.flatMap(idsOf));
    return (await namesOf(db, agencyId, by)).filter(({ id }) => met.has(id)).map(({ id, name }) => ({ id, name }));
  };
  return {
    branches: await named('branch', ({ branchId }) => [branchId]),
    departments: await named('department', ({ departmentId }) => [departmentId]),
    employees: await named('employee', ({ employeeId }) => [employeeId]),
    groups: await named('crm-group', ({ crmGroupIds }) => crmGroupIds),
  };
}

/**
 * What reports are narrowed to, by name. Whoever the reader does not see, or is no more, has a number only.
 * @param queries as they were kept
 */
export async function narrowings(
  db: Database,
  agencyId: number,
  reach: Reach,
  queries: readonly Pick<ExportReportQuery, 'branch' | 'department' | 'employee' | 'group'>[],
): Promise<Pick<Narrowed, 'branch' | 'department' | 'employee' | 'group'>[]> {
  const isAny = queries.some(({ branch, department, employee, group }) => branch ?? department ?? employee ?? group);
  if (!isAny) return queries.map(() => ({}));
  const { branches, departments, employees, groups } = reach.isAll
    ? {
        branches: await namesOf(db, agencyId, 'branch'),
        departments: await namesOf(db, agencyId, 'department'),
        employees: await namesOf(db, agencyId, 'employee'),
        groups: await namesOf(db, agencyId, 'crm-group'),
      }
    : await reportChoices(db, agencyId, reach);
  const named = (
    all: readonly { readonly id: number; readonly name: string }[],
    ids: readonly number[] | undefined,
  ) => {
    const unknown = new Set(ids);
    const known = all.flatMap(({ id, name }) => (unknown.delete(id) ? [name.replace(/\s+/g, ' ')] : []));
    return [...known, ...[...unknown].map((id) => `№${id}`)];
  };
  return queries.map(({ branch, department, employee, group }) => ({
    branch: named(branches, branch),
    department: named(departments, department),
    employee: named(employees, employee),
    group: named(groups, group),
  }));
}

const STRANGERS = { branch: 'филиала', department: 'отдела', employee: 'сотрудника', group: 'группы CRM' } as const;

/** Of whom a query speaks and {@link narrowings} has no name: «филиала №9». */
export const strangersIn = (
  query: Pick<ExportReportQuery, keyof typeof STRANGERS>,
  narrowed: Pick<Narrowed, keyof typeof STRANGERS>,
): string[] =>
  (Object.keys(STRANGERS) as (keyof typeof STRANGERS)[]).flatMap((kind) =>
    (query[kind] ?? []).flatMap((id) => (narrowed[kind]?.includes(`№${id}`) ? [`${STRANGERS[kind]} №${id}`] : [])),
  );

/** The table of a report, each line of which says what the report is narrowed to: tables are cut up and put together. */
export function narrowedTable(narrowed: Narrowed, columns: readonly Column[], rows: readonly Row[]): Table {
  const told = narrowedText(narrowed, NAMES_MANY);
  if (told === null) return { columns, rows };
  return {
    columns: [...columns, { header: 'Отбор', kind: 'text', width: 40, isAside: true }],
    rows: rows.map((row) => [...row, told]),
  };
}

/** The groups that owners fall into, in the order of their names, and those of each owner. 0: belongs to none. */
export async function groupsMet<T extends Omit<UnitOwner, 'id'>>(
  db: Database,
  agencyId: number,
  by: Exclude<Grouping, 'none'>,
  owners: readonly T[],
): Promise<{ readonly groups: ExportReport['groups']; readonly keysOf: (owner: T) => readonly number[] }> {
  const keysOf = (owner: T): readonly number[] => {
    if (by === 'crm-group') return owner.crmGroupIds.length > 0 ? owner.crmGroupIds : [0];
    return [{ branch: owner.branchId, department: owner.departmentId, employee: owner.employeeId }[by] ?? 0];
  };
  const met = new Set(owners.flatMap(keysOf));
  const groups = [
    ...(await namesOf(db, agencyId, by)).filter(({ id }) => met.has(id)).map(({ id, name }) => ({ id, name })),
    ...(met.has(0) ? [{ id: 0, name: WITHOUT[by] }] : []),
  ];
  return { groups, keysOf };
}
