import { addDays, isDay, localDay, russianDay, startOfDay } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { makeDue, makeDueAt } from './due.ts';
import { record } from './journal.ts';
import { unknownNorm } from './norms.ts';

/**
 * Exceptions let one listing past a norm, freshness or a duplicate until a day. A board's rule, money and the
 * moderator are never passed by one.
 */

export const EXCEPTION_GATES = ['norms', 'fresh', 'duplicate'] as const;
export type ExceptionGate = (typeof EXCEPTION_GATES)[number];

export const EXCEPTION_LABELS: Readonly<Record<ExceptionGate, string>> = {
  norms: 'нормы агентства',
  fresh: 'актуальность',
  duplicate: 'дубль',
};

export interface NewException {
  readonly listingId: number;
  /** A gate's name as a person gave it. */
  readonly gate: string;
  /** One norm (`norm/photos-min`); absent: all of them. */
  readonly normCode?: string | undefined;
  readonly reason: string;
  readonly by: string;
  /** Last day, `YYYY-MM-DD` in the agency's zone. */
  readonly until: string;
}

export interface ExceptionRow {
  readonly id: number;
  readonly listingId: number;
  readonly gate: ExceptionGate;
  /** null: all norms. */
  readonly normCode: string | null;
  readonly reason: string;
  readonly by: string;
  readonly at: Date;
  readonly until: string;
}

const EXCEPTION = 'x.id, x.listing_id as "listingId", x.gate, x.norm_code as "normCode", x.reason, x.by, x.at, x.until';

async function zoneOf(client: Queryable, agencyId: number): Promise<string> {
  const found = await client.query<{ zone: string }>('select time_zone as zone from agency where id = $1', [agencyId]);
  return found.rows[0]!.zone;
}

/**
 * @returns the exception's number
 * @throws Refusal `exception-gate`, `exception-wrong` with all that is wrong, `norm-unknown`
 */
export async function addException(
  db: Database,
  agencyId: number,
  { listingId, gate, normCode, reason, by, until }: NewException,
  now: Date,
): Promise<number> {
  if (!EXCEPTION_GATES.includes(gate as ExceptionGate))
    throw new Refusal(
      'exception-gate',
      `Исключение «${gate.slice(0, 60)}» невозможно: оно даётся только для норм агентства (norms), актуальности (fresh) и дублей (duplicate). Требования доски, деньги и одобрение модератора исключением не обходят.`,
    );
  return transaction(db, async (client) => {
    const zone = await zoneOf(client, agencyId);
    const today = localDay(now, zone);
    const problems: string[] = [];
    if (reason.trim() === '') problems.push('Исключению нужна причина.');
    if (!isDay(until)) problems.push(`Последний день «${until.slice(0, 60)}» — не день календаря, пример: 2026-12-31.`);
    else if (until < today) problems.push(`Последний день ${russianDay(until)} уже прошёл.`);
    if (normCode !== undefined && gate !== 'norms') problems.push('Норму называют только в исключении для норм.');
    if (problems.length > 0) throw new Refusal('exception-wrong', problems.join(' '), 2);
    if (normCode !== undefined) {
      const norm = await client.query('select 1 from norm where agency_id = $1 and code = $2', [agencyId, normCode]);
      if (norm.rowCount === 0) throw unknownNorm(normCode);
    }
    const made = await client.query<{ id: number }>(
      `insert into exception (agency_id, listing_id, gate, norm_code, reason, by, at, until)
       values ($1, $2, $3, $4, $5, $6, $7, $8) returning id`,
      [agencyId, listingId, gate, normCode ?? null, reason.trim(), by, now, until],
    );
    const { id } = made.rows[0]!;
    const facts = { id, gate, normCode: normCode ?? null, reason: reason.trim(), until };
    await record(client, agencyId, { by, action: 'exception-added', listingId, facts }, now);
    const marked = await client.query<{ id: number }>(
      'select cabinet_id as id from mark where agency_id = $1 and listing_id = $2 and is_live',
      [agencyId, listingId],
    );
    await makeDueAt(
      client,
      agencyId,
      marked.rows.map((row) => row.id),
      startOfDay(addDays(until, 1), zone),
    );
    await makeDue(client, agencyId, { listingIds: [listingId] }, 'edit', now);
    return id;
  });
}

/** @throws Refusal `exception-unknown`, `exception-revoked` */
export async function revokeException(
  db: Database,
  agencyId: number,
  id: number,
  by: string,
  now: Date,
): Promise<void> {
  await transaction(db, async (client) => {
    const found = await client.query<{ listingId: number; gate: string; revokedAt: Date | null }>(
      `select listing_id as "listingId", gate, revoked_at as "revokedAt" from exception
       where agency_id = $1 and id = $2 for update`,
      [agencyId, id],
    );
    const row = found.rows[0];
    if (!row) throw new Refusal('exception-unknown', `Исключения № ${id} нет: except list.`, 2);
    if (row.revokedAt !== null) throw new Refusal('exception-revoked', `Исключение № ${id} уже отозвано.`);
    await client.query('update exception set revoked_at = $3 where agency_id = $1 and id = $2', [agencyId, id, now]);
    const { listingId, gate } = row;
    await record(client, agencyId, { by, action: 'exception-revoked', listingId, facts: { id, gate } }, now);
    await makeDue(client, agencyId, { listingIds: [listingId] }, 'withdrawal', now);
  });
}

/** One exception, whatever has become of it. */
export async function exceptionById(
  client: Queryable,
  agencyId: number,
  id: number,
): Promise<ExceptionRow | undefined> {
  const found = await client.query<ExceptionRow>(
    `select ${EXCEPTION} from exception x where x.agency_id = $1 and x.id = $2`,
    [agencyId, id],
  );
  return found.rows[0];
}

/** The exceptions that hold on a day. @param today `YYYY-MM-DD` in the agency's zone */
export async function activeExceptions(client: Queryable, agencyId: number, today: string): Promise<ExceptionRow[]> {
  const found = await client.query<ExceptionRow>(
    `select ${EXCEPTION} from exception x
     where x.agency_id = $1 and x.revoked_at is null and x.until >= $2 order by x.listing_id, x.id`,
    [agencyId, today],
  );
  return found.rows;
}

/** Norms that listings are let past, by listing: their codes, or all of them. */
export function exemptNorms(
  exceptions: readonly Pick<ExceptionRow, 'listingId' | 'gate' | 'normCode'>[],
): ReadonlyMap<number, ReadonlySet<string> | 'all'> {
  const exempt = new Map<number, ReadonlySet<string> | 'all'>();
  for (const { listingId, gate, normCode } of exceptions) {
    const known = exempt.get(listingId);
    if (gate !== 'norms' || known === 'all') continue;
    exempt.set(listingId, normCode === null ? 'all' : new Set([...(known ?? []), normCode]));
  }
  return exempt;
}

export interface ListedException extends ExceptionRow {
  readonly externalId: string;
  readonly revokedAt: Date | null;
  /** Neither revoked nor past its last day. */
  readonly isActive: boolean;
}

/** Exceptions of an agency or of one listing, the newest first. */
export async function listExceptions(
  db: Database,
  agencyId: number,
  filter: { readonly listingId?: number; readonly isActive?: boolean },
  now: Date,
): Promise<ListedException[]> {
  const today = localDay(now, await zoneOf(db.pool, agencyId));
  const found = await db.pool.query<ListedException>(
    `select ${EXCEPTION}, l.external_id as "externalId", x.revoked_at as "revokedAt",
       x.revoked_at is null and x.until >= $2 as "isActive"
     from exception x join listing l on l.agency_id = x.agency_id and l.id = x.listing_id
     where x.agency_id = $1 and ($3::bigint is null or x.listing_id = $3)
       and (not $4::boolean or x.revoked_at is null and x.until >= $2)
     order by x.id desc`,
    [agencyId, today, filter.listingId ?? null, filter.isActive ?? false],
  );
  return found.rows;
}
