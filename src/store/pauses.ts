import { Refusal } from '../domain/fault.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { makeDue, makeDueAt } from './due.ts';
import { record } from './journal.ts';

/** Manual stops: of everything, a branch, a cabinet, a listing everywhere or in one cabinet. */

export interface NewPause {
  /** Without any of the three the whole agency stops. A listing may be named together with a cabinet. */
  readonly branchId?: number | null;
  readonly cabinetId?: number | null;
  readonly listingId?: number | null;
  /** The past and the present mean now. */
  readonly from: Date;
  readonly until: Date;
  readonly reason: string;
  /** Whose it is; null: of the command line or a program. */
  readonly employeeId?: number | null;
}

export interface PauseRow {
  readonly id: number;
  readonly branchId: number | null;
  readonly cabinetId: number | null;
  readonly listingId: number | null;
  readonly from: Date;
  readonly until: Date;
  readonly reason: string;
  readonly by: string;
  readonly employeeId: number | null;
}

/** What the names of a pause are, for a person who reads the list. */
export interface NamedPauseRow extends PauseRow {
  readonly branch: string | null;
  readonly board: string | null;
  readonly cabinet: string | null;
  readonly externalId: string | null;
  /** Of the branch, the listing's branch, the cabinet's branch or the agency. */
  readonly zone: string;
}

const COLUMNS = `p.id, p.branch_id as "branchId", p.cabinet_id as "cabinetId", p.listing_id as "listingId",
  p.from_at as "from", p.until_at as "until", p.reason, p.by, p.employee_id as "employeeId"`;

/**
 * @returns the pause's number
 * @throws Refusal `pause-reason`, `pause-past`
 */
export function addPause(db: Database, agencyId: number, pause: NewPause, by: string, now: Date): Promise<number> {
  return transaction(db, (client) => insertPause(client, agencyId, pause, by, now));
}

/** Several pauses or none. @param alongside told their numbers, within the same transaction. @returns their numbers */
export function addPauses(
  db: Database,
  agencyId: number,
  pauses: readonly NewPause[],
  by: string,
  now: Date,
  alongside?: (client: Queryable, ids: readonly number[]) => Promise<void>,
): Promise<number[]> {
  return transaction(db, async (client) => {
    const ids: number[] = [];
    for (const pause of pauses) ids.push(await insertPause(client, agencyId, pause, by, now));
    await alongside?.(client, ids);
    return ids;
  });
}

async function insertPause(
  client: Queryable,
  agencyId: number,
  pause: NewPause,
  by: string,
  now: Date,
): Promise<number> {
  const reason = pause.reason.trim();
  if (reason === '') throw new Refusal('pause-reason', 'Назовите причину паузы: её увидит агент.', 2);
  const from = pause.from > now ? pause.from : now;
  if (pause.until <= from)
    throw new Refusal('pause-past', 'Пауза кончается раньше, чем начинается. Назовите другой конец.', 2);
  const { branchId = null, cabinetId = null, listingId = null, employeeId = null } = pause;
  const made = await client.query<{ id: number }>(
    `insert into pause (agency_id, branch_id, cabinet_id, listing_id, from_at, until_at, reason, by, employee_id)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning id`,
    [agencyId, branchId, cabinetId, listingId, from, pause.until, reason, by, employeeId],
  );
  const { id } = made.rows[0]!;
  await record(
    client,
    agencyId,
    { by, action: 'pause-added', listingId, cabinetId, facts: { id, branchId, from, until: pause.until, reason } },
    now,
  );
  const concerned = await concernedBy(client, agencyId, { branchId, cabinetId, listingId });
  if (from > now) await makeDueAt(client, agencyId, concerned, from);
  else await makeDue(client, agencyId, { cabinetIds: concerned }, 'withdrawal', now);
  await makeDueAt(client, agencyId, concerned, pause.until);
  return id;
}

/**
 * Ends a pause before its time; one that has not begun never begins.
 * @throws Refusal `pause-unknown`, `pause-over`
 */
export function endPause(db: Database, agencyId: number, id: number, by: string, now: Date): Promise<PauseRow> {
  return transaction(db, async (client) => {
    const found = await client.query<PauseRow & { endedAt: Date | null }>(
      `select ${COLUMNS}, p.ended_at as "endedAt" from pause p where p.agency_id = $1 and p.id = $2 for update`,
      [agencyId, id],
    );
    const [row] = found.rows;
    if (!row) throw new Refusal('pause-unknown', `Паузы ${id} нет: pause list.`);
    const { endedAt, ...pause } = row;
    if (endedAt !== null || pause.until <= now) throw new Refusal('pause-over', `Пауза ${id} уже кончилась.`);
    await client.query('update pause set ended_at = $3 where agency_id = $1 and id = $2', [agencyId, id, now]);
    const { listingId, cabinetId, branchId } = pause;
    await record(
      client,
      agencyId,
      { by, action: 'pause-ended', listingId, cabinetId, facts: { id, branchId, until: pause.until } },
      now,
    );
    const concerned = await concernedBy(client, agencyId, pause);
    await makeDue(client, agencyId, { cabinetIds: concerned }, 'edit', now);
    return pause;
  });
}

/** One pause, whatever has become of it. */
export async function pauseById(client: Queryable, agencyId: number, id: number): Promise<PauseRow | undefined> {
  const found = await client.query<PauseRow>(`select ${COLUMNS} from pause p where p.agency_id = $1 and p.id = $2`, [
    agencyId,
    id,
  ]);
  return found.rows[0];
}

/** Pauses that hold now or will: nobody ended them and their end is ahead. */
export async function activePauses(client: Queryable, agencyId: number, now: Date): Promise<PauseRow[]> {
  const found = await client.query<PauseRow>(
    `select ${COLUMNS} from pause p where p.agency_id = $1 and p.until_at > $2 and p.ended_at is null order by p.id`,
    [agencyId, now],
  );
  return found.rows;
}

/** The same with names, soonest end first. */
export async function listPauses(client: Queryable, agencyId: number, now: Date): Promise<NamedPauseRow[]> {
  const found = await client.query<NamedPauseRow>(
    `select ${COLUMNS}, b.name as branch, c.board, c.slug as cabinet, l.external_id as "externalId",
       coalesce(b.time_zone, lb.time_zone, cb.time_zone, a.time_zone) as zone
     from pause p join agency a on a.id = p.agency_id
     left join branch b on b.agency_id = p.agency_id and b.id = p.branch_id
     left join cabinet c on c.agency_id = p.agency_id and c.id = p.cabinet_id
     left join branch cb on cb.agency_id = p.agency_id and cb.id = c.branch_id
     left join listing l on l.agency_id = p.agency_id and l.id = p.listing_id
     left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id
     left join branch lb on lb.agency_id = p.agency_id and lb.id = coalesce(l.branch_id, e.branch_id)
     where p.agency_id = $1 and p.until_at > $2 and p.ended_at is null order by p.until_at, p.id`,
    [agencyId, now],
  );
  return found.rows;
}

async function concernedBy(
  client: Queryable,
  agencyId: number,
  { branchId, cabinetId, listingId }: { branchId: number | null; cabinetId: number | null; listingId: number | null },
): Promise<number[]> {
  const found = await client.query<{ id: number }>(
    `select c.id from cabinet c where c.agency_id = $1 and ($2::bigint is null or c.id = $2)
       and ($3::bigint is null or exists(select 1 from mark m where m.agency_id = c.agency_id and m.cabinet_id = c.id and m.listing_id = $3))`,
    [agencyId, cabinetId, listingId],
  );
  const ids = found.rows.map(({ id }) => id);
  if (branchId === null) return ids;
  const ofBranch = await cabinetsOfBranch(client, agencyId, branchId);
  return ids.filter((id) => ofBranch.includes(id));
}

/** Cabinets in which something of the branch is marked: its own listings, and those of its people. */
export async function cabinetsOfBranch(client: Queryable, agencyId: number, branchId: number): Promise<number[]> {
  const found = await client.query<{ id: number }>(
    `select c.id from cabinet c where c.agency_id = $1 and exists(
       select 1 from mark m join listing l on l.agency_id = m.agency_id and l.id = m.listing_id
       left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id
       where m.agency_id = c.agency_id and m.cabinet_id = c.id and m.is_live and coalesce(l.branch_id, e.branch_id) = $2)`,
    [agencyId, branchId],
  );
  return found.rows.map(({ id }) => id);
}
