import { ROLES, type Role } from '../domain/people.ts';
import { mayAs, mayDo, type Place, reachOf } from '../domain/rights.ts';
import { type Caller, listingsWithin, placesOfAccounts } from './access.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { countCases } from './moderation-queue.ts';

/**
 * What waits for a person. Some of it is asked (messages, which are ended by whatever answers them), the rest is read
 * from the facts themselves, so it is gone the moment its cause is.
 */

export interface TaskRow {
  readonly id: number;
  readonly key: string;
  readonly kind: string;
  readonly isMine: boolean;
  readonly listingId: number | null;
  readonly cabinetId: number | null;
  readonly text: string;
  readonly at: Date;
}

/** Told, not asked: there is nothing to do about it but to know it. */
export const TOLD_KINDS: ReadonlySet<string> = new Set([
  'verdict-approved',
  'term-extended',
  'fresh-archived',
  'keeps-place',
  'report-mail-ended',
  'mail-failed',
]);

/** Open messages to a person and to the roles the person has where the thing lies, newest first. */
export async function openTasks(client: Queryable, caller: Caller, now: Date, limit = 500): Promise<TaskRow[]> {
  const found = await client.query<
    TaskRow & { role: Role | null; employeeId: number | null } & {
      ownerId: number | null;
      departmentId: number | null;
      branchId: number | null;
    }
  >(
    `select m.id, m.key, m.kind, m.employee_id as "employeeId", m.role, m.listing_id as "listingId", m.cabinet_id as "cabinetId", m.text, m.at,
       l.employee_id as "ownerId", e.department_id as "departmentId",
       case when m.listing_id is not null then coalesce(l.branch_id, e.branch_id) else c.branch_id end as "branchId"
     from message m left join listing l on l.agency_id = m.agency_id and l.id = m.listing_id
       left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id
       left join cabinet c on c.agency_id = m.agency_id and c.id = m.cabinet_id
     where m.agency_id = $1 and m.done_at is null and m.at <= $4
       and (m.employee_id = $2 or (m.employee_id is null and (m.role is null or m.role = any($5))))
       -- What the agent was sent back is done with when it is changed; it waits for the moderator then.
       and not (m.kind = 'verdict-returned' and l.changed_at > m.at
         and not exists (select 1 from mark_outcome o where o.agency_id = m.agency_id and o.listing_id = m.listing_id and o.outcome = 'returned'))
     order by m.employee_id is null, m.at desc, m.id desc limit $3`,
    [caller.agencyId, caller.employeeId, limit, now, rolesOf(caller)],
  );
  const accounts = found.rows.some(isOfRoleAndAccount) ? await placesOfAccounts(client, caller.agencyId) : new Map();
  return found.rows
    .filter((row) => !isOfRoleAndAccount(row) || seesAccount(caller, accounts.get(accountOf(row.key)!)))
    .filter(
      ({ employeeId, role, ownerId, departmentId, branchId }) =>
        employeeId !== null || isForRole(caller, role, { employeeId: ownerId, departmentId, branchId }),
    )
    .sort((one, other) => other.at.getTime() - one.at.getTime() || other.id - one.id)
    .map(({ id, key, kind, employeeId, listingId, cabinetId, text, at }) => ({
      id,
      key,
      kind,
      isMine: employeeId !== null,
      listingId,
      cabinetId,
      text,
      at,
    }));
}

/** The roles that are asked when one of the person's roles is: each, and those below it. */
const rolesOf = ({ grants }: Caller): Role[] => ROLES.filter((role) => grants.some((grant) => mayAs(grant.role, role)));

/** The account that a message tells of; null: it tells of none. */
export function accountOf(key: string): number | null {
  const found = /^(?:money-low|money-out|monthly-short):(\d+):/.exec(key)?.[1];
  return found === undefined ? null : Number(found);
}

const isOfRoleAndAccount = ({ key, employeeId }: { readonly key: string; readonly employeeId: number | null }) =>
  employeeId === null && accountOf(key) !== null;

const seesAccount = (caller: Caller, place: Place | undefined) =>
  place !== undefined && mayDo(caller, 'see-accounts', place);

/** A message to a role is for whoever has it, or a higher one, where the thing lies. */
function isForRole(caller: Caller, role: Role | null, place: Place): boolean {
  if (role === null) return true;
  const grants = caller.grants.filter((grant) => mayAs(grant.role, role));
  return mayDo({ ...caller, grants, least: {} }, 'see-listings', isNowhere(place) ? 'anywhere' : place);
}

const isNowhere = ({ employeeId, departmentId, branchId }: Place) =>
  employeeId === null && departmentId === null && branchId === null;

/** A person has taken note of something that was told. @returns false: there is no such message to this person */
export function endTask(db: Database, caller: Caller, id: number, now: Date): Promise<boolean> {
  return transaction(db, async (client) => {
    const done = await client.query(
      `update message set done_at = $4 where agency_id = $1 and id = $2 and employee_id = $3 and done_at is null and kind = any($5)`,
      [caller.agencyId, id, caller.employeeId, now, [...TOLD_KINDS]],
    );
    return done.rowCount === 1;
  });
}

export interface Waiting {
  /** Of the person's listings: marked, and kept off a board by something a person can mend. */
  readonly listings: number;
  /** Listings that wait for a moderator. */
  readonly moderation: number;
}

/** Outcomes that somebody has to do something about. */
const TO_MEND = ['blocked', 'returned', 'stale'];

/** How much waits for the person, by the words of the menu. */
export async function countWaiting(client: Queryable, caller: Caller, now: Date): Promise<Waiting> {
  const values: unknown[] = [caller.agencyId, TO_MEND];
  const push = (value: unknown) => `$${values.push(value)}`;
  const mend = listingsWithin(reachOf(caller, 'corrections'), push);
  const found = await client.query<{ listings: number }>(
    `select count(distinct l.id)::int as listings from mark_outcome o join listing l on l.agency_id = o.agency_id and l.id = o.listing_id
        where o.agency_id = $1 and o.outcome = any($2) and l.archived_at is null and ${mend}`,
    values,
  );
  const moderation = await countCases(client, caller.agencyId, reachOf(caller, 'moderation'), now);
  return { listings: found.rows[0]!.listings, moderation };
}

export interface FeedTrouble {
  readonly cabinetId: number;
  readonly name: string;
  readonly board: string;
  readonly branchId: number | null;
  /** Runs that failed one after the other. */
  readonly failures: number;
  readonly failedAt: Date | null;
  readonly isHeld: boolean;
  /** Since when nobody has taken the feed; null: it was taken lately, or there is none yet. */
  readonly notPulledSince: Date | null;
}

/** A board that has not come for so long is worth a look; what is usual for it is on the feed's own page. */
const QUIET_HOURS = 24;

/** Cabinets whose feed needs somebody: a run that keeps failing, the brake, a board that does not come. */
export async function feedTroubles(client: Queryable, agencyId: number, now: Date): Promise<FeedTrouble[]> {
  const found = await client.query<FeedTrouble>(
    `select * from (select c.id as "cabinetId", c.name, c.board, c.branch_id as "branchId", c.brake is not null as "isHeld",
         f.failures, f."failedAt", case when e.published_at < $3 and coalesce(p.at, e.first_at) < $3 then coalesce(p.at, e.first_at) end as "notPulledSince"
       from cabinet c
       cross join lateral (select count(*)::int as failures, max(r.finished_at) as "failedAt" from export_run r
         where r.agency_id = c.agency_id and r.cabinet_id = c.id and r.status = 'failed' and r.id > coalesce((select max(g.id) from export_run g
           where g.agency_id = c.agency_id and g.cabinet_id = c.id and g.status = 'done'), 0)) f
       left join lateral (select max(x.published_at) filter (where x.id = c.edition_id) as published_at, min(x.published_at) as first_at from edition x
         where x.agency_id = c.agency_id and x.cabinet_id = c.id) e on true
       left join lateral (select max(y.at) as at from feed_pull y where y.agency_id = c.agency_id and y.cabinet_id = c.id and y.method = 'GET' and y.status < 400) p on true
       where c.agency_id = $1) t where failures > 0 or "isHeld" or "notPulledSince" is not null order by "cabinetId" limit $2`,
    [agencyId, 500, new Date(now.getTime() - QUIET_HOURS * 3_600_000)],
  );
  return found.rows;
}
