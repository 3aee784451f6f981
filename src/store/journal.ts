import type { Action } from '../domain/journal-words.ts';
import type { Role } from '../domain/people.ts';
import type { Database, Queryable } from './database.ts';

/** What people did, and what people are told. */

export interface Deed {
  readonly by: string;
  readonly action: Action;
  readonly listingId?: number | null;
  readonly cabinetId?: number | null;
  readonly facts?: Readonly<Record<string, unknown>>;
}

export async function record(client: Queryable, agencyId: number, deed: Deed, at: Date): Promise<void> {
  await client.query(
    'insert into journal (agency_id, at, by, action, listing_id, cabinet_id, facts) values ($1, $2, $3, $4, $5, $6, $7)',
    [
      agencyId,
      at,
      deed.by,
      deed.action,
      deed.listingId ?? null,
      deed.cabinetId ?? null,
      JSON.stringify(deed.facts ?? {}),
    ],
  );
}

export interface NewMessage {
  /** Equal keys are one message, however often it is sent. */
  readonly key: string;
  readonly kind: string;
  /** To one person; absent: to everybody of the role. */
  readonly employeeId?: number | null;
  readonly role?: Role | null;
  readonly listingId?: number | null;
  readonly cabinetId?: number | null;
  /** A Russian sentence. */
  readonly text: string;
}

/** @returns how many are new */
export async function tell(
  client: Queryable,
  agencyId: number,
  messages: readonly NewMessage[],
  at: Date,
): Promise<number> {
  if (messages.length === 0) return 0;
  const column = <T>(of: (message: NewMessage) => T) => messages.map(of);
  const done = await client.query(
    `insert into message (agency_id, at, key, kind, employee_id, role, listing_id, cabinet_id, text)
     select $1, $2, * from unnest($3::text[], $4::text[], $5::bigint[], $6::text[], $7::bigint[], $8::bigint[], $9::text[])
     on conflict (agency_id, key) do nothing`,
    [
      agencyId,
      at,
      column(({ key }) => key),
      column(({ kind }) => kind),
      column(({ employeeId }) => employeeId ?? null),
      column(({ role }) => role ?? null),
      column(({ listingId }) => listingId ?? null),
      column(({ cabinetId }) => cabinetId ?? null),
      column(({ text }) => text),
    ],
  );
  return done.rowCount ?? 0;
}

export interface MessageRow {
  readonly id: number;
  readonly kind: string;
  readonly employeeId: number | null;
  readonly employee: string | null;
  readonly role: Role | null;
  readonly listingId: number | null;
  readonly cabinetId: number | null;
  readonly text: string;
  readonly at: Date;
  readonly doneAt: Date | null;
}

/** Messages, newest first: of one person (with those to his role), or of everybody. */
export async function listMessages(
  db: Database,
  agencyId: number,
  filter: {
    readonly employeeId?: number;
    readonly role?: Role;
    readonly isOpen?: boolean;
    readonly limit?: number;
  } = {},
): Promise<MessageRow[]> {
  const found = await db.pool.query<MessageRow>(
    `select m.id, m.kind, m.employee_id as "employeeId", e.name as employee, m.role, m.listing_id as "listingId",
       m.cabinet_id as "cabinetId", m.text, m.at, m.done_at as "doneAt"
     from message m left join employee e on e.agency_id = m.agency_id and e.id = m.employee_id
     where m.agency_id = $1 and ($2::bigint is null or m.employee_id = $2 or m.employee_id is null and m.role = $3)
       and (not $4::boolean or m.done_at is null)
     order by m.at desc, m.id desc limit $5`,
    [agencyId, filter.employeeId ?? null, filter.role ?? null, filter.isOpen ?? false, filter.limit ?? 200],
  );
  return found.rows;
}

/** Ends what was asked about a listing: it has been done. */
export async function endMessages(
  client: Queryable,
  agencyId: number,
  listingIds: readonly number[],
  kinds: readonly string[],
  at: Date,
): Promise<void> {
  await client.query(
    'update message set done_at = $4 where agency_id = $1 and listing_id = any($2) and kind = any($3) and done_at is null',
    [agencyId, listingIds, kinds, at],
  );
}

export interface DeedRow {
  readonly id: number;
  readonly at: Date;
  readonly by: string;
  readonly action: string;
  readonly listingId: number | null;
  readonly cabinetId: number | null;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** What people did, newest first: of one kind, or to one listing. */
export async function listDeeds(
  db: Database,
  agencyId: number,
  filter: { readonly action?: string; readonly listingId?: number; readonly limit?: number } = {},
): Promise<DeedRow[]> {
  const found = await db.pool.query<DeedRow>(
    `select id, at, by, action, listing_id as "listingId", cabinet_id as "cabinetId", facts from journal
     where agency_id = $1 and ($2::text is null or action = $2) and ($3::bigint is null or listing_id = $3)
     order by at desc, id desc limit $4`,
    [agencyId, filter.action ?? null, filter.listingId ?? null, filter.limit ?? 200],
  );
  return found.rows;
}
