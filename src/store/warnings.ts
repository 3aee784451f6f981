import type { Owner } from '../domain/ledger.ts';
import type { Database, Queryable } from './database.ts';
import { type NewMessage, tell } from './journal.ts';

/** What people are told of the money: what is due is told, and what does not hold any more is over. */

/** `money-low`: an account will not last long. `money-out`: it does not last today. `unfunded`: an agent's listings. */
const KINDS = ['money-low', 'money-out', 'unfunded'] as const;

export interface MoneyMessage extends NewMessage {
  readonly kind: (typeof KINDS)[number];
}

/**
 * Tells what is not told yet, and ends what was told before and is not among it.
 * @param messages all that holds now
 * @returns how many are new
 */
export async function tellMoney(
  db: Database,
  agencyId: number,
  messages: readonly MoneyMessage[],
  now: Date,
): Promise<number> {
  const told = await tell(db.pool, agencyId, messages, now);
  await db.pool.query(
    'update message set done_at = $3 where agency_id = $1 and kind = any($2) and done_at is null and key <> all($4)',
    [agencyId, KINDS, now, messages.map(({ key }) => key)],
  );
  return told;
}

/** Has the agency ever had a price to pay? */
export async function hasTariffs(client: Queryable, agencyId: number): Promise<boolean> {
  const found = await client.query<{ has: boolean }>(
    'select exists(select 1 from tariff where agency_id = $1) as has',
    [agencyId],
  );
  return found.rows[0]!.has;
}

/** An agent whose listings stay off the boards for want of money. */
export interface UnfundedAgent {
  readonly employeeId: number;
  /** How many marks, and how their listings are called: the first of them. */
  readonly marks: number;
  readonly names: readonly string[];
  /** When the last of them came short. */
  readonly lastAt: Date;
}

/** @param names how many listings are named */
export async function unfundedAgents(client: Queryable, agencyId: number, names: number): Promise<UnfundedAgent[]> {
  const found = await client.query<UnfundedAgent>(
    `select l.employee_id as "employeeId", count(*)::int as marks, max(o.since) as "lastAt",
       (array_agg(distinct l.external_id order by l.external_id))[1:$2] as names
     from mark_outcome o join mark m on m.agency_id = o.agency_id and m.cabinet_id = o.cabinet_id and m.listing_id = o.listing_id and m.is_live
     join listing l on l.agency_id = o.agency_id and l.id = o.listing_id
     join employee e on e.agency_id = l.agency_id and e.id = l.employee_id and e.is_active
     where o.agency_id = $1 and o.outcome = 'unfunded' group by 1 order by 1`,
    [agencyId, names],
  );
  return found.rows;
}

/** Messages to agents about their listings that are still open, by agent. */
export async function openUnfunded(client: Queryable, agencyId: number): Promise<ReadonlyMap<number, string>> {
  const found = await client.query<{ employeeId: number; key: string }>(
    `select employee_id as "employeeId", key from message where agency_id = $1 and kind = 'unfunded' and done_at is null order by at`,
    [agencyId],
  );
  return new Map(found.rows.map(({ employeeId, key }) => [employeeId, key]));
}

/** Marks that wait for money, by whose listings they are: what tells who would pay. */
export interface UnfundedOwner extends Owner {
  readonly listings: number;
  readonly marks: number;
}

const UNFUNDED = `mark_outcome o join mark m on m.agency_id = o.agency_id and m.cabinet_id = o.cabinet_id and m.listing_id = o.listing_id and m.is_live
  join listing l on l.agency_id = o.agency_id and l.id = o.listing_id
  left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id`;
const OWNER = `l.employee_id as "employeeId", e.department_id as "departmentId", coalesce(l.branch_id, e.branch_id) as "branchId"`;

export async function unfundedOwners(client: Queryable, agencyId: number): Promise<UnfundedOwner[]> {
  const found = await client.query<UnfundedOwner>(
    `select ${OWNER}, count(distinct o.listing_id)::int as listings, count(*)::int as marks from ${UNFUNDED}
     where o.agency_id = $1 and o.outcome = 'unfunded' group by 1, 2, 3`,
    [agencyId],
  );
  return found.rows;
}

export interface UnfundedMark {
  readonly listingId: number;
  readonly externalId: string;
  readonly address: string | null;
  readonly cabinetId: number;
  readonly reason: string | null;
  readonly since: Date;
}

/** The marks of some owners that wait for money, those that wait longest first. */
export async function unfundedMarks(
  client: Queryable,
  agencyId: number,
  owners: readonly Owner[],
  limit: number,
): Promise<UnfundedMark[]> {
  const found = await client.query<UnfundedMark>(
    `select o.listing_id as "listingId", l.external_id as "externalId", l.values->>'address' as address, o.cabinet_id as "cabinetId", o.reason,
       coalesce(o.waiting_since, o.since) as since
     from ${UNFUNDED}
     where o.agency_id = $1 and o.outcome = 'unfunded' and exists(
       select 1 from unnest($2::bigint[], $3::bigint[], $4::bigint[]) as w(employee_id, department_id, branch_id)
       where (w.employee_id, w.department_id, w.branch_id) is not distinct from (l.employee_id, e.department_id, coalesce(l.branch_id, e.branch_id)))
     order by since, o.listing_id, o.cabinet_id limit $5`,
    [
      agencyId,
      owners.map(({ employeeId }) => employeeId),
      owners.map(({ departmentId }) => departmentId),
      owners.map(({ branchId }) => branchId),
      limit,
    ],
  );
  return found.rows;
}
