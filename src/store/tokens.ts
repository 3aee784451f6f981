import { Refusal } from '../domain/fault.ts';
import { CALLER_COLUMNS, type Caller, callerOf } from './access.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { record } from './journal.ts';

/** Keys for programs. */

export interface TokenHolder {
  readonly caller: Caller;
  readonly tokenId: number;
  readonly tokenName: string;
  readonly scopes: readonly string[];
}

/** Whose key this is; undefined: nobody's, taken back, or of somebody who has left. */
export async function tokenHolder(db: Database, tokenHash: string, now: Date): Promise<TokenHolder | undefined> {
  const found = await db.pool.query(
    `select t.id as "tokenId", t.name as "tokenName", t.scopes, t.last_used_at as "lastUsedAt", ${CALLER_COLUMNS}
     from api_token t join employee e on e.agency_id = t.agency_id and e.id = t.employee_id and e.is_active
       join agency a on a.id = e.agency_id
     where t.token_hash = $1 and t.revoked_at is null`,
    [tokenHash],
  );
  const row = found.rows[0];
  if (!row) return undefined;
  if (row.lastUsedAt === null || now.getTime() - row.lastUsedAt.getTime() > 60_000)
    await db.pool.query('update api_token set last_used_at = $3 where agency_id = $1 and id = $2', [
      row.agencyId,
      row.tokenId,
      now,
    ]);
  return { caller: callerOf(row), tokenId: row.tokenId, tokenName: row.tokenName, scopes: row.scopes };
}

export interface TokenRow {
  readonly id: number;
  readonly name: string;
  readonly employeeId: number;
  readonly employee: string;
  /** A key of somebody who has left opens nothing. */
  readonly isActive: boolean;
  readonly scopes: readonly string[];
  readonly by: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
}

export async function listTokens(client: Queryable, agencyId: number): Promise<TokenRow[]> {
  const found = await client.query<TokenRow>(
    `select t.id, t.name, t.employee_id as "employeeId", e.name as employee, e.is_active as "isActive", t.scopes, t.by, t.created_at as "createdAt",
       t.last_used_at as "lastUsedAt"
     from api_token t join employee e on e.agency_id = t.agency_id and e.id = t.employee_id
     where t.agency_id = $1 and t.revoked_at is null order by t.id`,
    [agencyId],
  );
  return found.rows;
}

export function addToken(
  db: Database,
  agencyId: number,
  token: {
    readonly employeeId: number;
    readonly name: string;
    readonly scopes: readonly string[];
    readonly tokenHash: string;
  },
  by: string,
  now: Date,
): Promise<number> {
  return transaction(db, async (client) => {
    const made = await client.query<{ id: number }>(
      `insert into api_token (agency_id, employee_id, token_hash, name, scopes, by, created_at) values ($1, $2, $3, $4, $5, $6, $7) returning id`,
      [agencyId, token.employeeId, token.tokenHash, token.name, token.scopes, by, now],
    );
    const id = made.rows[0]!.id;
    const { employeeId, name, scopes } = token;
    await record(client, agencyId, { by, action: 'token-added', facts: { id, employeeId, name, scopes } }, now);
    return id;
  });
}

/** @throws Refusal `token-unknown` */
export function revokeToken(db: Database, agencyId: number, id: number, by: string, now: Date): Promise<void> {
  return transaction(db, async (client) => {
    const ended = await client.query<{ name: string }>(
      'update api_token set revoked_at = $3 where agency_id = $1 and id = $2 and revoked_at is null returning name',
      [agencyId, id, now],
    );
    if (!ended.rows[0]) throw new Refusal('token-unknown', 'Такого ключа нет или он уже отозван.', 2);
    await record(client, agencyId, { by, action: 'token-revoked', facts: { id, name: ended.rows[0].name } }, now);
  });
}
