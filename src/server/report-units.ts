import type { ExportReport, ExportReportQuery, ReportChoices } from '../contracts/export-report.ts';
import type { Column, Row, Table } from '../domain/csv.ts';
import type { Grouping } from '../domain/export-report.ts';
import { NAMES_MANY, type Narrowed, narrowedText } from '../domain/report-mail.ts';
import type { Reach } from '../domain/rights.ts';
import { listBranches, listDepartments } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import { type UnitOwner, unitOwners } from '../store/export-report.ts';
import { listedUnits } from '../store/listing-list.ts';
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

/** Of whom a report can be asked, in the genitive: «филиала №9 нет». */
const STRANGERS = { branch: 'филиала', department: 'отдела', employee: 'сотрудника', group: 'группы CRM' } as const;
type Whose = Pick<ExportReportQuery, keyof typeof STRANGERS>;

export interface Narrowing {
  readonly narrowed: Pick<Narrowed, keyof typeof STRANGERS>;
  /** Whoever the reader does not see, or is no more: «филиала №9». In `narrowed` they have a number only. */
  readonly strangers: readonly string[];
}

/**
 * What reports are narrowed to, by name.
 * @param queries as they were kept
 */
export async function narrowings(
  db: Database,
  agencyId: number,
  reach: Reach,
  queries: readonly Whose[],
): Promise<Narrowing[]> {
  const isAny = queries.some(({ branch, department, employee, group }) => branch ?? department ?? employee ?? group);
  if (!isAny) return queries.map(() => ({ narrowed: {}, strangers: [] }));
  const names = await namesSeen(db, agencyId, reach);
  const kinds = Object.keys(STRANGERS) as (keyof typeof STRANGERS)[];
  return queries.map((query) => ({
    narrowed: Object.fromEntries(
      kinds.map((kind) => {
        const ids = new Set(query[kind]);
        const known = [...names[kind]].filter(([id]) => ids.delete(id)).map(([, name]) => name.replace(/\s+/g, ' '));
        return [kind, [...known, ...[...ids].map((id) => `№${id}`)]];
      }),
    ),
    strangers: kinds.flatMap((kind) =>
      [...new Set(query[kind])].filter((id) => !names[kind].has(id)).map((id) => `${STRANGERS[kind]} №${id}`),
    ),
  }));
}

/** Names of whoever had a listing on a recorded day within a reach, and of whoever is within it now; all: everybody's. */
async function namesSeen(
  db: Database,
  agencyId: number,
  reach: Reach,
): Promise<Record<keyof typeof STRANGERS, ReadonlyMap<number, string>>> {
  const byId = (...lists: (readonly { readonly id: number; readonly name: string }[])[]) =>
    new Map(lists.flat().map(({ id, name }) => [id, name]));
  if (reach.isAll)
    return {
      branch: byId(await namesOf(db, agencyId, 'branch')),
      department: byId(await namesOf(db, agencyId, 'department')),
      employee: byId(await namesOf(db, agencyId, 'employee')),
      group: byId(await namesOf(db, agencyId, 'crm-group')),
    };
  const then = await reportChoices(db, agencyId, reach);
  const now = await listedUnits(db.pool, agencyId, reach);
  return {
    branch: byId(then.branches, now.branches),
    department: byId(then.departments, now.departments),
    employee: byId(then.employees, now.employees),
    group: byId(then.groups),
  };
}

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
