import type { AccountKind } from '../domain/ledger.ts';
import type { Reach } from '../domain/rights.ts';
import { listingsWithin, peopleWithin } from './access.ts';
import type { Queryable } from './database.ts';
import type { DeedRow } from './journal.ts';

/** The journal as people read it: within what they reach. */

export interface JournalFilter {
  /** What of the journal a person may read. */
  readonly reach: Reach;
  /** A part of the name. */
  readonly who?: string;
  readonly actions?: readonly string[];
  readonly listingId?: number;
  readonly cabinetId?: number;
  readonly from?: Date;
  readonly until?: Date;
  /** The last entry of the page before. */
  readonly after?: { readonly at: Date; readonly id: number };
  readonly limit: number;
}

/**
 * The journal, newest first. Who does not reach over the whole agency reads of listings, cabinets, people, branches and
 * accounts within reach; what was done to the agency as a whole is not there.
 */
export async function readJournal(client: Queryable, agencyId: number, filter: JournalFilter): Promise<DeedRow[]> {
  const values: unknown[] = [agencyId];
  const push = (value: unknown) => `$${values.push(value)}`;
  const where = ['j.agency_id = $1'];
  const { reach, who, actions, listingId, cabinetId, from, until, after } = filter;
  if (!reach.isAll) where.push(entriesWithin(reach, push));
  if (who !== undefined) where.push(`j.by ilike ${push(`%${who.trim().replace(/[\\%_]/g, '\\$&')}%`)}`);
  if (actions) where.push(`j.action = any(${push(actions)})`);
  if (listingId !== undefined) where.push(`j.listing_id = ${push(listingId)}`);
  if (cabinetId !== undefined) where.push(`j.cabinet_id = ${push(cabinetId)}`);
  if (from) where.push(`j.at >= ${push(from)}`);
  if (until) where.push(`j.at < ${push(until)}`);
  if (after) where.push(`(j.at, j.id) < (${push(after.at)}, ${push(after.id)})`);
  const found = await client.query<DeedRow>(
    `select j.id, j.at, j.by, j.action, j.listing_id as "listingId", j.cabinet_id as "cabinetId", j.facts
     from journal j where ${where.join(' and ')} order by j.at desc, j.id desc limit ${push(filter.limit)}`,
    values,
  );
  return found.rows;
}

function entriesWithin(reach: Reach, push: (value: unknown) => string): string {
  const branches = push(reach.branchIds);
  const people = (id: string) =>
    `exists(select 1 from employee e where e.agency_id = j.agency_id and e.id = ${id} and ${peopleWithin(reach, push)})`;
  const ofAccount = (id: string) =>
    `exists(select 1 from account a where a.agency_id = j.agency_id and a.id = ${id}
       and (a.kind = 'branch' and a.owner_id = any(${branches}) or a.kind = 'employee' and ${people('a.owner_id')}))`;
  return `(
    exists(select 1 from listing l where l.agency_id = j.agency_id and l.id = j.listing_id and ${listingsWithin(reach, push)})
    or j.listing_id is null and exists(select 1 from cabinet c where c.agency_id = j.agency_id and c.id = j.cabinet_id and c.branch_id = any(${branches}))
    or ${people(`(j.facts->>'employeeId')::bigint`)}
    or (j.facts->>'branchId')::bigint = any(${branches})
    or ${ofAccount(`(j.facts->>'account')::bigint`)}
    or exists(select 1 from transfer t where t.agency_id = j.agency_id and t.id = j.facts->>'transfer' and (${ofAccount('t.from_id')} or ${ofAccount('t.to_id')})))`;
}

export interface SpokenCabinet {
  readonly id: number;
  readonly board: string;
  readonly name: string;
  readonly branchId: number | null;
}

/** What entries of the journal speak of by numbers. */
export interface Spoken {
  readonly employees: ReadonlyMap<number, string>;
  readonly branches: ReadonlyMap<number, string>;
  readonly departments: ReadonlyMap<number, string>;
  readonly groups: ReadonlyMap<number, string>;
  readonly accounts: ReadonlyMap<number, { readonly kind: AccountKind; readonly ownerId: number | null }>;
  readonly transfers: ReadonlyMap<string, { readonly fromId: number; readonly toId: number }>;
  readonly listings: ReadonlyMap<number, string>;
  readonly cabinets: ReadonlyMap<number, SpokenCabinet>;
}

/** Names for entries: of the agency's units and people all, of the rest those that are spoken of. */
export async function namesFor(client: Queryable, agencyId: number, entries: readonly DeedRow[]): Promise<Spoken> {
  const named = async (table: string) => {
    const found = await client.query<{ id: number; name: string }>(
      `select id, name from ${table} where agency_id = $1`,
      [agencyId],
    );
    return new Map(found.rows.map(({ id, name }) => [id, name]));
  };
  const accounts = await client.query<{ id: number; kind: AccountKind; ownerId: number | null }>(
    'select id, kind, owner_id as "ownerId" from account where agency_id = $1',
    [agencyId],
  );
  const transfers = await client.query<{ id: string; fromId: number; toId: number }>(
    'select id, from_id as "fromId", to_id as "toId" from transfer where agency_id = $1 and id = any($2)',
    [agencyId, entries.flatMap(({ facts }) => (typeof facts.transfer === 'string' ? [facts.transfer] : []))],
  );
  const listings = await client.query<{ id: number; externalId: string }>(
    'select id, external_id as "externalId" from listing where agency_id = $1 and id = any($2)',
    [agencyId, entries.flatMap(({ listingId }) => (listingId === null ? [] : [listingId]))],
  );
  const cabinets = await client.query<SpokenCabinet>(
    'select id, board, name, branch_id as "branchId" from cabinet where agency_id = $1 order by board, slug',
    [agencyId],
  );
  return {
    employees: await named('employee'),
    branches: await named('branch'),
    departments: await named('department'),
    groups: await named('crm_group'),
    accounts: new Map(accounts.rows.map((row) => [row.id, row])),
    transfers: new Map(transfers.rows.map((row) => [row.id, row])),
    listings: new Map(listings.rows.map(({ id, externalId }) => [id, externalId])),
    cabinets: new Map(cabinets.rows.map((row) => [row.id, row])),
  };
}
