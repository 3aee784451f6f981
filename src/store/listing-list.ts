import type { Outcome } from '../domain/gates.ts';
import type { Deal, Kind, Listing } from '../domain/listing.ts';
import type { MarketStatus } from '../domain/market.ts';
import type { Place, Reach } from '../domain/rights.ts';
import { listingsWithin } from './access.ts';
import type { Queryable } from './database.ts';

/** Listings as people look for them: filtered, searched, sorted, page by page, never beyond the caller's reach. */

export const LISTING_SORTS = ['changedAt', 'price', 'id'] as const;
export type ListingSort = (typeof LISTING_SORTS)[number];

/** Marked, and no run has seen it yet. */
export const UNDECIDED = 'undecided';

/** What a list is narrowed to; what is absent narrows nothing. */
export interface ListingFilter {
  /** Words, each of which begins a word of the listing's numbers, address or title; `#12` and `12` are our number too. */
  readonly q?: string | undefined;
  /** Of these cabinets the words about marks speak; absent: of all. */
  readonly cabinetIds?: readonly number[] | undefined;
  readonly isMarked?: boolean | undefined;
  readonly outcomes?: readonly (Outcome | typeof UNDECIDED)[] | undefined;
  /** A blocking notice that the last run found in the content. */
  readonly code?: string | undefined;
  readonly kinds?: readonly Kind[] | undefined;
  readonly deals?: readonly Deal[] | undefined;
  readonly statuses?: readonly MarketStatus[] | undefined;
  readonly employeeIds?: readonly number[] | undefined;
  /** Nobody is responsible. */
  readonly isUnassigned?: boolean | undefined;
  readonly branchIds?: readonly number[] | undefined;
  readonly departmentIds?: readonly number[] | undefined;
  readonly priceFromKopecks?: number | undefined;
  readonly priceToKopecks?: number | undefined;
  /** true: only the archive; otherwise everything but the archive. */
  readonly isArchived?: boolean | undefined;
  /** Not confirmed in time, or a call is overdue: last confirmed before these moments, by deal. */
  readonly staleBefore?: { readonly sale: Date; readonly rent: Date; readonly now: Date } | undefined;
}

/** Where a page ends: what its last row is sorted by. */
export interface ListingCursor {
  readonly value: Date | number;
  readonly id: number;
}

const SORT_COLUMNS: Record<ListingSort, string> = {
  changedAt: 'l.changed_at',
  // As in the index: what has no price is the cheapest.
  price: 'coalesce(l.price_kopecks, 0)',
  id: 'l.id',
};

type Push = (value: unknown) => string;

/** A query's values, numbered as they are pushed. */
function values(...first: readonly unknown[]): { readonly all: unknown[]; readonly push: Push } {
  const all = [...first];
  return { all, push: (value) => `$${all.push(value)}` };
}

/** Words of a search as the base compares them: every one may go on. null: there is nothing to search for. */
export function searchWords(q: string): string | null {
  const words = q
    .toLowerCase()
    .replaceAll('ё', 'е')
    .split(/\s+/)
    .map((word) => word.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, ''))
    .filter((word) => word !== '')
    .slice(0, 10);
  return words.length === 0 ? null : words.map((word) => `'${word.replaceAll(/['\\]/g, ' ')}':*`).join(' & ');
}

/** The condition over `listing l`; `$1` is the agency. */
function condition(reach: Reach, filter: ListingFilter, push: Push): string {
  const parts = ['l.agency_id = $1', filter.isArchived ? 'l.archived_at is not null' : 'l.archived_at is null'];
  if (!reach.isAll) parts.push(listingsWithin(reach, push));
  const any = (column: string, among: readonly unknown[] | undefined) => {
    if (among) parts.push(`${column} = any(${push(among)})`);
  };
  const { q, employeeIds, isUnassigned, branchIds, departmentIds, priceFromKopecks, priceToKopecks } = filter;
  if (q !== undefined) searchFor(q, parts, push);
  any('l.kind', filter.kinds);
  any('l.deal', filter.deals);
  any('l.status', filter.statuses);
  if (isUnassigned && employeeIds) parts.push(`(l.employee_id is null or l.employee_id = any(${push(employeeIds)}))`);
  else if (isUnassigned) parts.push('l.employee_id is null');
  else any('l.employee_id', employeeIds);
  if (branchIds) {
    const ids = push(branchIds);
    parts.push(
      `(l.branch_id = any(${ids}) or l.branch_id is null and l.employee_id in
         (select id from employee where agency_id = $1 and branch_id = any(${ids})))`,
    );
  }
  if (departmentIds)
    parts.push(
      `l.employee_id in (select id from employee where agency_id = $1 and department_id = any(${push(departmentIds)}))`,
    );
  if (priceFromKopecks !== undefined) parts.push(`coalesce(l.price_kopecks, 0) >= ${push(priceFromKopecks)}`);
  if (priceToKopecks !== undefined) parts.push(`coalesce(l.price_kopecks, 0) <= ${push(priceToKopecks)}`);
  if (filter.staleBefore) {
    const { sale, rent, now } = filter.staleBefore;
    parts.push(
      `(l.call_back_at <= ${push(now)} or l.fresh_at <= case when l.deal = 'sale' then ${push(sale)}::timestamptz else ${push(rent)}::timestamptz end)`,
    );
  }
  markedAs(filter, parts, push);
  return parts.join(' and ');
}

function searchFor(q: string, parts: string[], push: Push): void {
  const number = /^\s*#?(\d{1,15})\s*$/.exec(q)?.[1];
  if (number !== undefined && q.trim().startsWith('#')) {
    parts.push(`l.id = ${push(Number(number))}`);
    return;
  }
  const words = searchWords(q);
  if (words === null) return;
  const found = `l.search @@ to_tsquery('simple', ${push(words)})`;
  parts.push(number === undefined ? found : `(l.id = ${push(Number(number))} or ${found})`);
}

/** What is asked of the marks: all of it of one and the same mark. */
function markedAs({ cabinetIds, isMarked, outcomes, code }: ListingFilter, parts: string[], push: Push): void {
  if (isMarked === undefined && !outcomes && code === undefined) return;
  const where = cabinetIds ? ` and m.cabinet_id = any(${push(cabinetIds)})` : '';
  const mark = `mark m where m.agency_id = $1 and m.listing_id = l.id and m.is_live${where}`;
  if (outcomes || code !== undefined) {
    const decided: string[] = [];
    if (outcomes)
      decided.push(
        `${outcomes.includes(UNDECIDED) ? `coalesce(o.outcome, '${UNDECIDED}')` : 'o.outcome'} = any(${push(outcomes)})`,
      );
    if (code !== undefined) {
      const has = `${push(JSON.stringify([{ code }]))}::jsonb`;
      decided.push(`o.outcome = 'blocked' and (o.judgement->'board' @> ${has} or o.judgement->'norms' @> ${has})`);
    }
    const join = outcomes?.includes(UNDECIDED) ? 'left join' : 'join';
    parts.push(
      `exists (select 1 from mark m ${join} mark_outcome o on o.agency_id = $1 and o.cabinet_id = m.cabinet_id and o.listing_id = m.listing_id
         where m.agency_id = $1 and m.listing_id = l.id and m.is_live${where} and ${decided.join(' and ')})`,
    );
  } else if (isMarked === true) parts.push(`exists (select 1 from ${mark})`);
  if (isMarked === false) parts.push(`not exists (select 1 from ${mark})`);
}

export interface PageOptions {
  readonly sort: ListingSort;
  readonly isDescending: boolean;
  readonly after?: ListingCursor | undefined;
  readonly limit: number;
}

/** Numbers of the listings of one page, in their order. One more than was asked for tells that there is another page. */
export async function listingPage(
  client: Queryable,
  agencyId: number,
  reach: Reach,
  filter: ListingFilter,
  { sort, isDescending, after, limit }: PageOptions,
): Promise<{ readonly ids: readonly number[]; readonly next: ListingCursor | null }> {
  const { all, push } = values(agencyId);
  const column = SORT_COLUMNS[sort];
  const order = isDescending ? 'desc' : 'asc';
  const where = condition(reach, filter, push);
  const from = after
    ? ` and (${column}, l.id) ${isDescending ? '<' : '>'} (${push(after.value)}, ${push(after.id)})`
    : '';
  const found = await client.query<{ id: number; value: Date | number }>(
    `select l.id, ${column} as value from listing l where ${where}${from} order by ${column} ${order}, l.id ${order} limit ${push(limit + 1)}`,
    all,
  );
  const page = found.rows.slice(0, limit);
  return { ids: page.map(({ id }) => id), next: found.rows.length > limit ? page.at(-1)! : null };
}

export async function countListings(
  client: Queryable,
  agencyId: number,
  reach: Reach,
  filter: ListingFilter,
): Promise<number> {
  const { all, push } = values(agencyId);
  const found = await client.query<{ count: number }>(
    `select count(*)::int as count from listing l where ${condition(reach, filter, push)}`,
    all,
  );
  return found.rows[0]!.count;
}

/** Numbers of everything a filter finds, but a few; in the order of the numbers. */
export async function listingsFound(
  client: Queryable,
  agencyId: number,
  reach: Reach,
  filter: ListingFilter,
  except: readonly number[] = [],
): Promise<readonly number[]> {
  const { all, push } = values(agencyId);
  const where = condition(reach, filter, push);
  // As one array: a hundred thousand numbers in one text are read many times faster than as many rows.
  const found = await client.query<{ ids: number[] | null }>(
    `select array_agg(l.id order by l.id) as ids from listing l where ${where} and l.id <> all(${push(except)}::bigint[])`,
    all,
  );
  return found.rows[0]!.ids ?? [];
}

/** Which of some listings are within a reach, the archive too; in the order of the numbers. */
export async function listingsAmong(
  client: Queryable,
  agencyId: number,
  reach: Reach,
  ids: readonly number[],
): Promise<readonly { readonly id: number; readonly isForbidden: boolean }[]> {
  const { all, push } = values(agencyId);
  const found = await client.query<{ ids: number[] | null; forbidden: number[] | null }>(
    `select array_agg(l.id order by l.id) as ids, array_agg(l.id) filter (where l.forbidden_reason is not null) as forbidden
     from listing l where l.agency_id = $1 and l.id = any(${push(ids)}) and ${listingsWithin(reach, push)}`,
    all,
  );
  const forbidden = new Set(found.rows[0]!.forbidden);
  return (found.rows[0]!.ids ?? []).map((id) => ({ id, isForbidden: forbidden.has(id) }));
}

/** Which of some listings are marked, by cabinet. */
export async function markedAmong(
  client: Queryable,
  agencyId: number,
  cabinetIds: readonly number[] | null,
  ids: readonly number[],
): Promise<ReadonlyMap<number, ReadonlySet<number>>> {
  const found = await client.query<{ id: number; ids: number[] }>(
    `select cabinet_id as id, array_agg(listing_id) as ids from mark
     where agency_id = $1 and ($2::bigint[] is null or cabinet_id = any($2)) and listing_id = any($3) and is_live group by 1`,
    [agencyId, cabinetIds, ids],
  );
  return new Map(found.rows.map((row) => [row.id, new Set(row.ids)]));
}

/** A listing as a list shows it. */
export interface ListedRow {
  readonly id: number;
  readonly externalId: string;
  /** Without texts and pictures. */
  readonly values: Listing;
  readonly photo: string | null;
  readonly photos: number;
  readonly status: MarketStatus;
  readonly stage: string | null;
  readonly isForbidden: boolean;
  readonly changedAt: Date;
  readonly archivedAt: Date | null;
  readonly employee: string | null;
  readonly branch: string | null;
  readonly place: Place;
}

/** The rows of these listings, in the order given. */
export async function listedRows(client: Queryable, agencyId: number, ids: readonly number[]): Promise<ListedRow[]> {
  const found = await client.query<
    Omit<ListedRow, 'place'> & { employeeId: number | null; departmentId: number | null; branchId: number | null }
  >(
    `select l.id, l.external_id as "externalId", l.values - 'description' - 'photos' - 'boardFields' as values,
       l.values->'photos'->0->>'url' as photo, coalesce(jsonb_array_length(l.values->'photos'), 0) as photos, l.status, l.stage,
       l.forbidden_reason is not null as "isForbidden", l.changed_at as "changedAt", l.archived_at as "archivedAt",
       l.employee_id as "employeeId", e.name as employee, e.department_id as "departmentId",
       coalesce(l.branch_id, e.branch_id) as "branchId", b.name as branch
     from unnest($2::bigint[]) with ordinality as w(id, place) join listing l on l.agency_id = $1 and l.id = w.id
     left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id
     left join branch b on b.agency_id = l.agency_id and b.id = coalesce(l.branch_id, e.branch_id)
     order by w.place`,
    [agencyId, ids],
  );
  return found.rows.map(({ employeeId, departmentId, branchId, ...row }) => ({
    ...row,
    place: { employeeId, departmentId, branchId },
  }));
}

/** A cabinet as a column. */
export interface ColumnRow {
  readonly id: number;
  readonly board: string;
  readonly slug: string;
  readonly name: string;
  readonly branchId: number | null;
  readonly branch: string | null;
  /** It has tariffs: money decides there. */
  readonly isBilled: boolean;
  /** Places are few there. */
  readonly hasPackage: boolean;
}

export async function columnRows(client: Queryable, agencyId: number): Promise<ColumnRow[]> {
  const found = await client.query<ColumnRow>(
    `select c.id, c.board, c.slug, c.name, c.branch_id as "branchId", b.name as branch,
       exists (select 1 from tariff t where t.agency_id = c.agency_id and t.cabinet_id = c.id) as "isBilled",
       coalesce(c.settings->'package', 'null') <> 'null' as "hasPackage"
     from cabinet c left join branch b on b.agency_id = c.agency_id and b.id = c.branch_id where c.agency_id = $1 order by c.id`,
    [agencyId],
  );
  return found.rows;
}

/** Of these cabinets those for which listings within a reach are marked. */
export async function cabinetsMarkedWithin(
  client: Queryable,
  agencyId: number,
  cabinetIds: readonly number[],
  reach: Reach,
): Promise<number[]> {
  if (cabinetIds.length === 0) return [];
  const values: unknown[] = [agencyId, [...cabinetIds]];
  const within = listingsWithin(reach, (value) => `$${values.push(value)}`);
  const { rows } = await client.query<{ id: number }>(
    `select w.id from unnest($2::bigint[]) as w(id) where exists (
       select 1 from mark m join listing l on l.agency_id = m.agency_id and l.id = m.listing_id
       where m.agency_id = $1 and m.cabinet_id = w.id and m.is_live and ${within})`,
    values,
  );
  return rows.map(({ id }) => id);
}

/** People, departments and branches that have listings within a reach: what a list can be narrowed to. */
export async function listedUnits(
  client: Queryable,
  agencyId: number,
  reach: Reach,
): Promise<{
  readonly employees: readonly { readonly id: number; readonly name: string; readonly branchId: number | null }[];
  readonly departments: readonly { readonly id: number; readonly name: string; readonly branchId: number }[];
  readonly branches: readonly { readonly id: number; readonly name: string }[];
}> {
  const { all, push } = values(agencyId);
  const parts: string[] = [];
  if (reach.employeeId !== null) parts.push(`e.id = ${push(reach.employeeId)}`);
  if (reach.branchIds.length > 0) parts.push(`e.branch_id = any(${push(reach.branchIds)})`);
  if (reach.departmentIds.length > 0) parts.push(`e.department_id = any(${push(reach.departmentIds)})`);
  const within = reach.isAll ? 'true' : parts.length === 0 ? 'false' : `(${parts.join(' or ')})`;
  const employees = await client.query<{
    id: number;
    name: string;
    branchId: number | null;
    departmentId: number | null;
  }>(
    `select e.id, e.name, e.branch_id as "branchId", e.department_id as "departmentId" from employee e
     where e.agency_id = $1 and ${within} and (e.is_active or exists (select 1 from listing l
       where l.agency_id = $1 and l.employee_id = e.id and l.archived_at is null)) order by e.name, e.id`,
    all,
  );
  const branchIds = [...new Set([...reach.branchIds, ...employees.rows.flatMap(({ branchId }) => branchId ?? [])])];
  const departmentIds = [...new Set(employees.rows.flatMap(({ departmentId }) => departmentId ?? []))];
  const branches = await client.query<{ id: number; name: string }>(
    'select id, name from branch where agency_id = $1 and ($2 or id = any($3)) order by name',
    [agencyId, reach.isAll, branchIds],
  );
  const departments = await client.query<{ id: number; name: string; branchId: number }>(
    `select id, name, branch_id as "branchId" from department
     where agency_id = $1 and ($2 or id = any($3)) order by name`,
    [agencyId, reach.isAll, departmentIds],
  );
  return {
    employees: employees.rows.map(({ id, name, branchId }) => ({ id, name, branchId })),
    departments: departments.rows,
    branches: branches.rows,
  };
}
