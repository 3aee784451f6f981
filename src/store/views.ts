import { Refusal } from '../domain/fault.ts';
import type { Queryable } from './database.ts';

/** Lists as somebody likes them: filter, sort and columns under a name. */

export interface ViewRow {
  readonly id: number;
  readonly name: string;
  readonly query: string;
  readonly isShared: boolean;
  readonly isOwn: boolean;
  readonly by: string;
}

type Who = { readonly agencyId: number; readonly employeeId: number };

/** A person's own views of a screen, and those that others share. */
export async function listViews(client: Queryable, who: Who, screen: string): Promise<ViewRow[]> {
  const found = await client.query<ViewRow>(
    `select v.id, v.name, v.query, v.is_shared as "isShared", v.employee_id = $2 as "isOwn", e.name as by
     from saved_view v join employee e on e.agency_id = v.agency_id and e.id = v.employee_id
     where v.agency_id = $1 and v.screen = $3 and (v.employee_id = $2 or v.is_shared) order by v.employee_id <> $2, v.name`,
    [who.agencyId, who.employeeId, screen],
  );
  return found.rows;
}

/** Views of one person on one screen; more are not looked through any more. */
const MOST = 50;

/**
 * Keeps a view; one of the same name is replaced.
 * @throws Refusal `views-many`
 */
export async function saveView(
  client: Queryable,
  who: Who,
  view: { readonly screen: string; readonly name: string; readonly query: string; readonly isShared: boolean },
  now: Date,
): Promise<number> {
  const own = await client.query<{ count: number }>(
    'select count(*)::int as count from saved_view where agency_id = $1 and employee_id = $2 and screen = $3 and name <> $4',
    [who.agencyId, who.employeeId, view.screen, view.name],
  );
  if (own.rows[0]!.count >= MOST)
    throw new Refusal('views-many', `Сохранённых видов уже ${MOST}: удалите лишний, потом сохраните этот.`);
  const made = await client.query<{ id: number }>(
    `insert into saved_view (agency_id, employee_id, screen, name, query, is_shared, created_at) values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (agency_id, employee_id, screen, name) do update set query = excluded.query, is_shared = excluded.is_shared returning id`,
    [who.agencyId, who.employeeId, view.screen, view.name, view.query, view.isShared, now],
  );
  return made.rows[0]!.id;
}

/** Only one's own. @returns false when there is none */
export async function deleteView(client: Queryable, who: Who, id: number): Promise<boolean> {
  const done = await client.query('delete from saved_view where agency_id = $1 and employee_id = $2 and id = $3', [
    who.agencyId,
    who.employeeId,
    id,
  ]);
  return done.rowCount! > 0;
}
