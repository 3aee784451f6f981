import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../domain/fault.ts';
import { type Database, transaction } from './database.ts';
import { record } from './journal.ts';
import type { CabinetRow } from './publishing.ts';

/**
 * Addresses of feeds: `/f/<board>/<cabinet>-<token>.xml`. The token is derived from a secret, so an address can be
 * shown again at any time and nothing that opens a feed stands in the database.
 */

/** How long the previous address answers after a rotation. */
export const PREVIOUS_ADDRESS_DAYS = 14;

/**
 * The secret from the settings, or the one kept in the data folder, made at first need.
 * @throws Fault `feed-secret-broken` when the file is there but holds no secret: with an empty one anybody could
 * compute the addresses
 */
export function feedSecret(dataDir: string, configured: string | undefined): string {
  if (configured) return configured;
  const path = join(dataDir, 'feed.secret');
  if (!existsSync(path)) {
    mkdirSync(dataDir, { recursive: true });
    const draft = `${path}.${process.pid}-${randomBytes(4).toString('hex')}`;
    writeFileSync(draft, randomBytes(32).toString('base64url'), { flag: 'wx', mode: 0o600, flush: true });
    try {
      // A link appears whole or not at all; of two commands that start together the first one's stays.
      linkSync(draft, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      unlinkSync(draft);
    }
  }
  const secret = readFileSync(path, 'utf8').trim();
  if (secret.length < 32) {
    throw new Fault(
      'feed-secret-broken',
      `Файл ${path} повреждён: в нём нет секрета адресов. Верните его из копии или удалите — тогда все адреса фидов сменятся.`,
    );
  }
  return secret;
}

export function feedToken(secret: string, cabinet: Pick<CabinetRow, 'agencyId' | 'id'>, serial: number): string {
  return createHmac('sha256', secret).update(`feed/${cabinet.agencyId}/${cabinet.id}/${serial}`).digest('base64url');
}

export function feedPath(
  secret: string,
  cabinet: Pick<CabinetRow, 'agencyId' | 'id' | 'board' | 'slug' | 'tokenSerial'>,
): string {
  return `/f/${cabinet.board}/${cabinet.slug}-${feedToken(secret, cabinet, cabinet.tokenSerial)}.xml`;
}

/**
 * Gives a feed a new address; the one it has now answers for some days yet.
 * @returns until when
 */
export function rotateAddress(
  db: Database,
  cabinet: Pick<CabinetRow, 'agencyId' | 'id'>,
  by: string,
  now: Date,
): Promise<Date> {
  const { agencyId, id } = cabinet;
  const until = new Date(now.getTime() + PREVIOUS_ADDRESS_DAYS * 86_400_000);
  return transaction(db, async (client) => {
    await client.query(
      `update cabinet set token_serial = token_serial + 1,
         previous_tokens = previous_tokens || jsonb_build_object('serial', token_serial, 'until', $3::text)
       where agency_id = $1 and id = $2`,
      [agencyId, id, until.toISOString()],
    );
    const facts = { previousUntil: until.toISOString() };
    await record(client, agencyId, { by, action: 'feed-address-rotated', cabinetId: id, facts }, now);
    return until;
  });
}

const TOKEN_LENGTH = 43;

function isEqual(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

/**
 * The cabinet whose address this is or was, or undefined for a wrong one. Whoever holds no token of a cabinet is told
 * the same as of one that is not there, in the same way: tokens are compared as wholes.
 * @param name `<cabinet>-<token>`
 * @returns `is`: `previous` still opens the feed, `replaced` no longer does
 */
export async function openAddress(
  db: Database,
  secret: string,
  board: string,
  name: string,
  now: Date,
): Promise<{ cabinet: CabinetRow; is: 'current' | 'previous' | 'replaced' } | undefined> {
  const slug = name.slice(0, -TOKEN_LENGTH - 1);
  const token = name.slice(-TOKEN_LENGTH);
  if (!/^[\w-]+$/.test(slug) || !/^[\w-]{43}$/.test(token) || !/^[\w-]+$/.test(board)) return undefined;
  const found = await db.pool.query<CabinetRow>(
    `select agency_id as "agencyId", id, board, slug, name, family, token_serial as "tokenSerial",
       previous_tokens as "previousTokens", edition_id as "editionId"
     from cabinet where board = $1 and slug = $2`,
    [board, slug],
  );
  for (const cabinet of found.rows) {
    if (isEqual(token, feedToken(secret, cabinet, cabinet.tokenSerial))) return { cabinet, is: 'current' };
    const old = cabinet.previousTokens.find(({ serial }) => isEqual(token, feedToken(secret, cabinet, serial)));
    if (old) return { cabinet, is: Date.parse(old.until) > now.getTime() ? 'previous' : 'replaced' };
  }
  return undefined;
}
