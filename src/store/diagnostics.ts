import { addDays, localDay } from '../domain/days.ts';
import type { Outcome } from '../domain/gates.ts';
import type { Fixer } from '../domain/notice.ts';
import type { Reach } from '../domain/rights.ts';
import { listingsWithin } from './access.ts';
import type { Database, Queryable } from './database.ts';
import { unitsOf } from './days.ts';

/** What keeps marks off the boards, counted as the last runs decided, and how it was at the end of a day. */

export interface StoppedFilter {
  /** Listings beyond it are not counted. */
  readonly reach: Reach;
  readonly cabinetIds: readonly number[];
  /** Of the listing, or of whoever is responsible where the listing has none; absent: all. */
  readonly branchIds?: readonly number[] | undefined;
}

/** Values of a query, and the `$n` under which each stands in it. */
function valuesOf(agencyId: number, { cabinetIds }: StoppedFilter) {
  const values: unknown[] = [agencyId, cabinetIds];
  const push = (value: unknown) => `$${values.push(value)}`;
  return { values, push };
}

/** Live marks `m` of the filter with their listings `l`, people `e` and decisions `o`. */
function marksOf(filter: StoppedFilter, push: (value: unknown) => string): string {
  const ofBranch =
    filter.branchIds === undefined ? '' : `and coalesce(l.branch_id, e.branch_id) = any(${push(filter.branchIds)})`;
  return `mark m join listing l on l.agency_id = m.agency_id and l.id = m.listing_id
    left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id
    left join mark_outcome o on o.agency_id = m.agency_id and o.cabinet_id = m.cabinet_id and o.listing_id = m.listing_id
    where m.agency_id = $1 and m.cabinet_id = any($2) and m.is_live and ${listingsWithin(filter.reach, push)} ${ofBranch}`;
}

/** Blocking notices of a decision with their places, those of the board first: the order in which a reason tells them. */
const NOTICES = `jsonb_array_elements(coalesce(o.judgement->'board', '[]') || coalesce(o.judgement->'norms', '[]')) with ordinality as n(notice, place)`;

export interface OutcomeCount {
  readonly cabinetId: number;
  /** null: no run has seen them yet. */
  readonly outcome: Outcome | null;
  readonly marks: number;
  /** The reason of one of them. */
  readonly example: string | null;
  /** All have that reason. */
  readonly isSame: boolean;
}

/** How many marks have which outcome: together, all live marks of the filter. */
export async function countStopped(
  client: Queryable,
  agencyId: number,
  filter: StoppedFilter,
): Promise<OutcomeCount[]> {
  const { values, push } = valuesOf(agencyId, filter);
  const found = await client.query<OutcomeCount>(
    `select m.cabinet_id as "cabinetId", o.outcome, count(*)::int as marks, min(o.reason) as example, count(distinct o.reason) <= 1 as "isSame"
     from ${marksOf(filter, push)} group by 1, 2 order by 1, 2`,
    values,
  );
  return found.rows;
}

export interface NoticeCount {
  readonly cabinetId: number;
  readonly code: string;
  /** Blocked marks that have it. */
  readonly marks: number;
  /** Those of them whose first notice it is: summed over the codes, they are all blocked marks. */
  readonly decides: number;
  /** Those that have no other: they go out when it is put right. */
  readonly only: number;
  readonly field: string;
  readonly message: string;
  readonly isSame: boolean;
  readonly fixedBy: Fixer;
}

/** How many blocked marks have which notice. */
export async function countNotices(client: Queryable, agencyId: number, filter: StoppedFilter): Promise<NoticeCount[]> {
  const { values, push } = valuesOf(agencyId, filter);
  const found = await client.query<NoticeCount>(
    `with blocked as (select m.cabinet_id, m.listing_id, o.judgement from ${marksOf(filter, push)} and o.outcome = 'blocked'),
     told as (
       select o.cabinet_id, o.listing_id, n.notice->>'code' as code, min(n.place) as place, min(n.notice->>'message') as message,
         min(n.notice->>'field') as field, min(n.notice->>'fixedBy') as fixed_by
       from blocked o cross join lateral ${NOTICES} group by 1, 2, 3)
     select t.cabinet_id as "cabinetId", t.code, count(*)::int as marks, (count(*) filter (where t.place = 1))::int as decides,
       (count(*) filter (where t.codes = 1))::int as only,
       min(t.field) as field, min(t.message) as message, count(distinct t.message) = 1 as "isSame", min(t.fixed_by) as "fixedBy"
     from (select *, count(*) over (partition by cabinet_id, listing_id) as codes from told) t
     group by 1, 2 order by marks desc, code, 1`,
    values,
  );
  return found.rows;
}

export interface StoppedMark {
  readonly listingId: number;
  readonly externalId: string;
  readonly title: string | null;
  readonly address: string | null;
  readonly cabinetId: number;
  readonly branch: string | null;
  readonly employee: string | null;
  /** null: no run has seen it yet. */
  readonly outcome: Outcome | null;
  readonly reason: string | null;
  readonly since: Date | null;
  /** Blocking notices, the deciding one first; of a blocked mark only. */
  readonly notices: readonly {
    readonly code: string;
    readonly field: string;
    readonly message: string;
    readonly fixedBy: Fixer;
  }[];
}

/**
 * Marks that are not in their feeds, by listing and cabinet.
 * @param more `after`: the last one of the page before; `listingId`: of one listing; `code`: blocked with this notice;
 *   `outcomes`: only these, `published` too where it is asked for
 */
export async function stoppedMarks(
  client: Queryable,
  agencyId: number,
  filter: StoppedFilter,
  more: {
    readonly after?: { readonly listingId: number; readonly cabinetId: number } | undefined;
    readonly listingId?: number | undefined;
    readonly code?: string | undefined;
    readonly outcomes?: readonly (Outcome | 'undecided')[] | undefined;
    readonly limit: number;
  },
): Promise<StoppedMark[]> {
  const { values, push } = valuesOf(agencyId, filter);
  const marks = marksOf(filter, push);
  const conditions: string[] = [];
  if (more.outcomes === undefined) conditions.push(`o.outcome is distinct from 'published'`);
  else conditions.push(`coalesce(o.outcome, 'undecided') = any(${push(more.outcomes)})`);
  if (more.listingId !== undefined) conditions.push(`l.id = ${push(more.listingId)}`);
  if (more.code !== undefined) {
    const has = push(JSON.stringify([{ code: more.code }]));
    conditions.push(
      `o.outcome = 'blocked' and (o.judgement->'board' @> ${has}::jsonb or o.judgement->'norms' @> ${has}::jsonb)`,
    );
  }
  if (more.after !== undefined)
    conditions.push(
      `(l.id, m.cabinet_id) > (${push(more.after.listingId)}::bigint, ${push(more.after.cabinetId)}::bigint)`,
    );
  const found = await client.query<StoppedMark>(
    `select l.id as "listingId", l.external_id as "externalId", l.values->>'title' as title, l.values->>'address' as address,
       m.cabinet_id as "cabinetId", (select b.name from branch b where b.agency_id = l.agency_id and b.id = coalesce(l.branch_id, e.branch_id)) as branch,
       e.name as employee, o.outcome, o.reason, o.since,
       case when o.outcome = 'blocked' then coalesce(o.judgement->'board', '[]') || coalesce(o.judgement->'norms', '[]') else '[]' end as notices
     from ${marks} and ${conditions.join(' and ')} order by l.id, m.cabinet_id limit ${push(more.limit)}`,
    values,
  );
  return found.rows;
}

/** How long the ends of days are kept: for «since yesterday» and for a look back. */
const KEPT_DAYS = 60;

/**
 * Writes down how the last local day of a cabinet ended: called before a run decides anything on a new day, so that
 * what is there is still the day's end. Safe to call at any time and to repeat; a day is written once.
 * @returns whether this call has written it
 */
export async function recordNotices(
  db: Database,
  cabinet: { readonly agencyId: number; readonly id: number },
  now: Date,
): Promise<boolean> {
  const key = [cabinet.agencyId, cabinet.id];
  const found = await db.pool.query<{ zone: string; lastOn: string | null; ranAt: Date | null }>(
    `select coalesce(b.time_zone, a.time_zone) as zone,
       (select max(n.day) from notice_day n where n.agency_id = c.agency_id and n.cabinet_id = c.id) as "lastOn",
       (select r.finished_at from export_run r where r.agency_id = c.agency_id and r.cabinet_id = c.id and r.status = 'done'
        order by r.id desc limit 1) as "ranAt"
     from cabinet c join agency a on a.id = c.agency_id left join branch b on b.agency_id = c.agency_id and b.id = c.branch_id
     where c.agency_id = $1 and c.id = $2`,
    key,
  );
  const { zone, lastOn, ranAt } = found.rows[0]!;
  const today = localDay(now, zone);
  const day = addDays(today, -1);
  // Also when the clock was set back.
  if (lastOn !== null && lastOn >= day) return false;
  // Nobody has decided anything yet, or somebody has today: how yesterday ended is not there, or not there any more.
  if (ranAt === null || localDay(ranAt, zone) >= today) return false;
  const units = await unitsOf(db, cabinet);
  const made = await db.pool.query(
    `with decided as (
       select o.outcome, o.judgement, w.unit from mark m
       join mark_outcome o on o.agency_id = m.agency_id and o.cabinet_id = m.cabinet_id and o.listing_id = m.listing_id
       join unnest($4::int[]) with ordinality as w(unit, place) on w.place = m.ordinal + 1
       where m.agency_id = $1 and m.cabinet_id = $2 and m.is_live)
     insert into notice_day (agency_id, cabinet_id, day, unit_id, outcome, code, marks)
     select $1::int, $2::bigint, $3::date, unit, outcome, '', count(*) from decided group by unit, outcome
     union all
     select $1::int, $2::bigint, $3::date, unit, outcome, code, count(*) from decided o
       cross join lateral (select distinct n.notice->>'code' as code from ${NOTICES}) as told
       where outcome = 'blocked' group by unit, outcome, code
     on conflict do nothing`,
    [...key, day, [...units]],
  );
  await db.pool.query('delete from notice_day where agency_id = $1 and cabinet_id = $2 and day < $3', [
    ...key,
    addDays(day, -KEPT_DAYS),
  ]);
  return (made.rowCount ?? 0) > 0;
}

export interface DayEnd {
  readonly cabinetId: number;
  readonly outcome: Outcome;
  /** Empty: all marks of the outcome. */
  readonly code: string;
  readonly marks: number;
}

/**
 * How a day ended in cabinets; those for which it was not written down are missing.
 * @param days by cabinet
 * @param unitIds only marks of these units; absent: all
 */
export async function dayEnds(
  client: Queryable,
  agencyId: number,
  days: ReadonlyMap<number, string>,
  unitIds?: readonly number[],
): Promise<ReadonlyMap<number, readonly DayEnd[]>> {
  const found = await client.query<DayEnd>(
    `select n.cabinet_id as "cabinetId", n.outcome, n.code, (sum(n.marks) filter (where $4::int[] is null or n.unit_id = any($4)))::int as marks
     from notice_day n join unnest($2::bigint[], $3::date[]) as w(cabinet_id, day) on w.cabinet_id = n.cabinet_id and w.day = n.day
     where n.agency_id = $1 group by 1, 2, 3`,
    [agencyId, [...days.keys()], [...days.values()], unitIds ?? null],
  );
  const ends = new Map<number, DayEnd[]>();
  for (const row of found.rows) {
    const own = ends.get(row.cabinetId) ?? [];
    own.push({ ...row, marks: row.marks ?? 0 });
    ends.set(row.cabinetId, own);
  }
  return ends;
}

/** The units of the daily record that a person reaches, of some branches where that is asked; undefined: all. */
export async function unitsWithin(
  client: Queryable,
  agencyId: number,
  reach: Reach,
  branchIds?: readonly number[],
): Promise<readonly number[] | undefined> {
  if (reach.isAll && branchIds === undefined) return undefined;
  const found = await client.query<{ id: number }>(
    `select id from unit where agency_id = $1 and ($2 or branch_id = any($3) or department_id = any($4) or employee_id = $5)
       and ($6::bigint[] is null or branch_id = any($6))`,
    [agencyId, reach.isAll, reach.branchIds, reach.departmentIds, reach.employeeId, branchIds ?? null],
  );
  return found.rows.map(({ id }) => id);
}

/** The zone in which each cabinet's days are counted. */
export async function cabinetZones(client: Queryable, agencyId: number): Promise<ReadonlyMap<number, string>> {
  const found = await client.query<{ id: number; zone: string }>(
    `select c.id, coalesce(b.time_zone, a.time_zone) as zone
     from cabinet c join agency a on a.id = c.agency_id left join branch b on b.agency_id = c.agency_id and b.id = c.branch_id
     where c.agency_id = $1`,
    [agencyId],
  );
  return new Map(found.rows.map(({ id, zone }) => [id, zone]));
}
