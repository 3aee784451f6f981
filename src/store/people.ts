import { Refusal } from '../domain/fault.ts';
import type { Role } from '../domain/people.ts';
import type { Grant, Reach } from '../domain/rights.ts';
import { listingsWithin, peopleWithin, usualGrants } from './access.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { makeDue } from './due.ts';
import { record } from './journal.ts';

/** The agency's people as its managers see them, and the units they work in. */

export interface PersonRow {
  readonly id: number;
  readonly name: string;
  /** E.164. */
  readonly phones: readonly string[];
  readonly email: string | null;
  readonly isActive: boolean;
  readonly branchId: number | null;
  readonly branch: string | null;
  readonly departmentId: number | null;
  readonly department: string | null;
  readonly groups: readonly { readonly id: number; readonly name: string }[];
  readonly grants: readonly Grant[];
  /** null: has never come in. */
  readonly login: string | null;
  readonly hasSecondFactor: boolean;
  /** How long the open link lets in; null: there is none. */
  readonly invitedUntil: Date | null;
  readonly seenAt: Date | null;
  /** Listings in work that the person is responsible for. */
  readonly listings: number;
}

export interface PeopleFilter {
  readonly reach: Reach;
  readonly ids?: readonly number[];
  /** Of name, login, e-mail or phone. */
  readonly q?: string;
  readonly branchIds?: readonly number[];
  readonly departmentIds?: readonly number[];
  readonly groupIds?: readonly number[];
  readonly roles?: readonly Role[];
  /** `outside`: works here and has never come in. */
  readonly state?: 'working' | 'left' | 'outside';
  readonly after?: { readonly name: string; readonly id: number };
  readonly limit: number;
}

/** People by name, and how many there are in all. */
export async function listPeople(
  client: Queryable,
  agencyId: number,
  filter: PeopleFilter,
  now: Date,
): Promise<{ readonly rows: readonly PersonRow[]; readonly total: number }> {
  const values: unknown[] = [agencyId];
  const push = (value: unknown) => `$${values.push(value)}`;
  const where = ['e.agency_id = $1', peopleWithin(filter.reach, push)];
  const { ids, q, branchIds, departmentIds, groupIds, roles, state, after } = filter;
  if (ids) where.push(`e.id = any(${push(ids)})`);
  if (branchIds) where.push(`e.branch_id = any(${push(branchIds)})`);
  if (departmentIds) where.push(`e.department_id = any(${push(departmentIds)})`);
  if (groupIds)
    where.push(
      `exists(select 1 from crm_group_member m where m.agency_id = e.agency_id and m.employee_id = e.id and m.group_id = any(${push(groupIds)}))`,
    );
  if (roles) where.push(`e.role = any(${push(roles)})`);
  if (state !== undefined) where.push(state === 'left' ? 'not e.is_active' : 'e.is_active');
  if (state === 'outside') where.push('i.login is null');
  if (q !== undefined) {
    const like = push(
      `%${q
        .trim()
        .toLowerCase()
        .replace(/[\\%_]/g, '\\$&')}%`,
    );
    const digits = q.replace(/\D/g, '').replace(/^8(?=\d{10}$)/, '7');
    const phone =
      digits.length < 4 ? '' : ` or exists(select 1 from unnest(e.phones) p where p like ${push(`%${digits}%`)})`;
    where.push(`(lower(e.name) like ${like} or lower(e.email) like ${like} or i.login like ${like}${phone})`);
  }
  const from = 'from employee e left join sign_in i on i.agency_id = e.agency_id and i.employee_id = e.id';
  const all = await client.query<{ total: number }>(
    `select count(*)::int as total ${from} where ${where.join(' and ')}`,
    values,
  );
  if (after) where.push(`(e.name, e.id) > (${push(after.name)}, ${push(after.id)})`);
  const found = await client.query<Omit<PersonRow, 'grants'> & { role: Role; grants: Grant[] | null }>(
    `select e.id, e.name, e.phones, e.email, e.is_active as "isActive", e.role, e.branch_id as "branchId", b.name as branch,
       e.department_id as "departmentId", d.name as department,
       coalesce((select json_agg(json_build_object('id', g.id, 'name', g.name) order by g.name) from crm_group_member m
         join crm_group g on g.agency_id = m.agency_id and g.id = m.group_id
         where m.agency_id = e.agency_id and m.employee_id = e.id), '[]'::json) as groups,
       (select json_agg(json_build_object('role', g.role, 'scope', g.scope, 'branchId', g.branch_id, 'departmentId', g.department_id) order by g.id)
         from role_grant g where g.agency_id = e.agency_id and g.employee_id = e.id) as grants,
       i.login, i.totp_secret is not null as "hasSecondFactor",
       (select max(v.expires_at) from invitation v
         where v.agency_id = e.agency_id and v.employee_id = e.id and v.used_at is null and v.expires_at > ${push(now)}) as "invitedUntil",
       (select max(s.seen_at) from session s where s.sign_in_id = i.id) as "seenAt",
       (select count(*)::int from listing l
         where l.agency_id = e.agency_id and l.employee_id = e.id and l.archived_at is null and l.gone_at is null) as listings
     ${from} left join branch b on b.agency_id = e.agency_id and b.id = e.branch_id
       left join department d on d.agency_id = e.agency_id and d.id = e.department_id
     where ${where.join(' and ')} order by e.name, e.id limit ${push(filter.limit)}`,
    values,
  );
  const rows = found.rows.map(({ role, grants, ...row }) => ({ ...row, grants: grants ?? usualGrants(role) }));
  return { rows, total: all.rows[0]!.total };
}

/**
 * Hands listings of one person over to another: all of them, or the named ones. What was asked of the one about them is
 * asked of the other. While the source still names the one, its files do not take them back.
 * @returns how many
 * @throws Refusal `employee-unknown`, `same-person`
 */
export function handOver(
  db: Database,
  agencyId: number,
  whom: {
    readonly fromId: number;
    readonly toId: number;
    readonly listingIds: readonly number[] | null;
    /** Listings of another branch stay with whoever has them. */
    readonly within: Reach;
  },
  by: string,
  now: Date,
): Promise<number> {
  const { fromId, toId, listingIds, within } = whom;
  if (fromId === toId) throw new Refusal('same-person', 'Это тот же сотрудник: назовите другого.');
  return transaction(db, async (client) => {
    const heir = await client.query(
      'select 1 from employee where agency_id = $1 and id = $2 and is_active for key share',
      [agencyId, toId],
    );
    if (heir.rows.length === 0)
      throw new Refusal('employee-unknown', 'Такого сотрудника нет, или он уже не работает: назовите другого.', 2);
    const values: unknown[] = [agencyId, fromId, toId, listingIds];
    const isWithin = listingsWithin(within, (value) => `$${values.push(value)}`);
    const handed = await client.query<{ id: number }>(
      `update listing set employee_id = $3, handed_from = $2 where agency_id = $1 and id in (
         select l.id from listing l left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id
         where l.agency_id = $1 and l.employee_id = $2 and ($4::bigint[] is null or l.id = any($4)) and ${isWithin}) returning id`,
      values,
    );
    const ids = handed.rows.map(({ id }) => id);
    if (ids.length === 0) return 0;
    await client.query(
      'update message set employee_id = $3 where agency_id = $1 and employee_id = $2 and listing_id = any($4) and done_at is null',
      [agencyId, fromId, toId, ids],
    );
    for (const listingId of ids)
      await record(client, agencyId, { by, action: 'listing-handed-over', listingId, facts: { fromId, toId } }, now);
    // Another branch may be closed at this hour, another account empty.
    await makeDue(client, agencyId, { listingIds: ids }, 'withdrawal', now);
    return ids.length;
  });
}

export interface UnitRow {
  readonly id: number;
  readonly name: string;
  readonly employees: number;
}

export async function listCrmGroups(client: Queryable, agencyId: number): Promise<UnitRow[]> {
  const found = await client.query<UnitRow>(
    `select g.id, g.name, (select count(*)::int from crm_group_member m join employee e on e.agency_id = m.agency_id and e.id = m.employee_id
         where m.agency_id = g.agency_id and m.group_id = g.id and e.is_active) as employees
     from crm_group g where g.agency_id = $1 order by g.name`,
    [agencyId],
  );
  return found.rows;
}

/** @throws Refusal `unit-unknown`, `department-known` */
export function addDepartment(
  db: Database,
  agencyId: number,
  wanted: { readonly branchId: number; readonly name: string },
  by: string,
  now: Date,
): Promise<number> {
  return transaction(db, async (client) => {
    const branch = await client.query('select 1 from branch where agency_id = $1 and id = $2', [
      agencyId,
      wanted.branchId,
    ]);
    if (branch.rows.length === 0) throw new Refusal('unit-unknown', 'Такого филиала нет.', 2);
    const made = await client.query<{ id: number }>(
      'insert into department (agency_id, branch_id, name) values ($1, $2, $3) on conflict do nothing returning id',
      [agencyId, wanted.branchId, wanted.name],
    );
    const id = made.rows[0]?.id;
    if (id === undefined) throw new Refusal('department-known', `Отдел «${wanted.name}» в этом филиале уже есть.`);
    const facts = { departmentId: id, ...wanted };
    await record(client, agencyId, { by, action: 'department-added', facts }, now);
    return id;
  });
}

/** @throws Refusal `group-known` */
export function addCrmGroup(db: Database, agencyId: number, name: string, by: string, now: Date): Promise<number> {
  return transaction(db, async (client) => {
    const made = await client.query<{ id: number }>(
      'insert into crm_group (agency_id, name) values ($1, $2) on conflict do nothing returning id',
      [agencyId, name],
    );
    const id = made.rows[0]?.id;
    if (id === undefined) throw new Refusal('group-known', `Группа CRM «${name}» уже есть.`);
    await record(client, agencyId, { by, action: 'crm-group-added', facts: { groupId: id, name } }, now);
    return id;
  });
}

const UNITS = {
  branch: { table: 'branch', fact: 'branchId', action: 'branch-renamed', words: 'Филиал' },
  department: { table: 'department', fact: 'departmentId', action: 'department-renamed', words: 'Отдел' },
  group: { table: 'crm_group', fact: 'groupId', action: 'crm-group-renamed', words: 'Группа CRM' },
} as const;
export type UnitKind = keyof typeof UNITS;

/** @throws Refusal `unit-unknown`, `unit-known` */
export function renameUnit(
  db: Database,
  agencyId: number,
  kind: UnitKind,
  id: number,
  name: string,
  by: string,
  now: Date,
): Promise<void> {
  const { table, fact, action, words } = UNITS[kind];
  return transaction(db, async (client) => {
    const found = await client.query<{ name: string }>(
      `select name from ${table} where agency_id = $1 and id = $2 for no key update`,
      [agencyId, id],
    );
    const before = found.rows[0]?.name;
    if (before === undefined) throw new Refusal('unit-unknown', `${words}: такого номера нет.`, 2);
    if (before === name) return;
    const beside =
      kind === 'department'
        ? 'and branch_id = (select branch_id from department where agency_id = $1 and id = $2)'
        : '';
    const taken = await client.query(
      `select 1 from ${table} where agency_id = $1 and id <> $2 and name = $3 ${beside}`,
      [agencyId, id, name],
    );
    if (taken.rows.length > 0) throw new Refusal('unit-known', `${words} «${name}» уже есть: назовите иначе.`);
    await client.query(`update ${table} set name = $3 where agency_id = $1 and id = $2`, [agencyId, id, name]);
    await record(client, agencyId, { by, action, facts: { [fact]: id, before, after: name } }, now);
  });
}

/** Everybody who works or worked here, by name. */
export async function peopleNames(
  client: Queryable,
  agencyId: number,
): Promise<{ readonly id: number; readonly name: string }[]> {
  const { rows } = await client.query<{ id: number; name: string }>(
    'select id, name from employee where agency_id = $1 order by name, id',
    [agencyId],
  );
  return rows;
}
