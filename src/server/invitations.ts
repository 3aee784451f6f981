import type { Database } from '../store/database.ts';
import { invite } from '../store/sign-in.ts';
import { newToken, tokenHash } from './keys.ts';

/**
 * Makes a link that lets somebody in once: an employee, or the first administrator (null).
 * @returns the path of the page; nothing that opens it is kept
 */
export async function newInvitation(
  db: Database,
  whom: { readonly agencyId: number; readonly employeeId: number } | null,
  by: string,
  now: Date,
): Promise<string> {
  const token = newToken();
  await invite(db, whom, tokenHash(token), by, now);
  return `/welcome/${token}`;
}
