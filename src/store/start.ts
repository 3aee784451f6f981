import type { Queryable } from './database.ts';

/** How far an agency has come with its setting up: read from what is there, never from what somebody ticked. */

export interface StartFacts {
  readonly branches: number;
  readonly people: number;
  readonly signIns: number;
  readonly listings: number;
  readonly sources: number;
  /** When a source was last heard. */
  readonly importedAt: Date | null;
  readonly boards: readonly string[];
  readonly pulledAt: Date | null;
  /** The board that came last. */
  readonly pulledBy: string | null;
  readonly checkedAt: Date | null;
  readonly marks: number;
  readonly published: number;
}

export async function startFacts(client: Queryable, agencyId: number): Promise<StartFacts> {
  const found = await client.query<StartFacts>(
    `select (select count(*)::int from branch where agency_id = $1) as branches,
       (select count(*)::int from employee where agency_id = $1 and is_active) as people,
       (select count(*)::int from sign_in i join employee e on e.agency_id = i.agency_id and e.id = i.employee_id
         where i.agency_id = $1 and e.is_active and i.password_hash is not null) as "signIns",
       (select count(*)::int from listing where agency_id = $1 and gone_at is null) as listings,
       (select count(*)::int from source s where s.agency_id = $1
         and exists(select 1 from listing l where l.agency_id = $1 and l.source_id = s.id)) as sources,
       (select max(finished_at) from import_run where agency_id = $1 and status = 'imported') as "importedAt",
       array(select distinct board from cabinet where agency_id = $1 order by board) as boards,
       p.at as "pulledAt", p.board as "pulledBy",
       (select max(finished_at) from export_run where agency_id = $1 and status = 'done') as "checkedAt",
       (select count(*)::int from mark_outcome where agency_id = $1) as marks,
       (select count(*)::int from mark_outcome where agency_id = $1 and outcome = 'published') as published
     from (select 1) one left join lateral (
       select f.at, c.board from feed_pull f join cabinet c on c.agency_id = f.agency_id and c.id = f.cabinet_id
       where f.agency_id = $1 and f.status in (200, 304) order by f.at desc limit 1) p on true`,
    [agencyId],
  );
  return found.rows[0]!;
}
