import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';
import pLimit from 'p-limit';

/** Secrets of the counter: passwords, tokens, and what is derived from the installation's own secret. */

/** 256 random bits, fit for an address and a cookie. */
export const newToken = () => randomBytes(32).toString('base64url');

/** What of a token is kept: whoever reads the database cannot come in with it. */
export const tokenHash = (token: string) => createHash('sha256').update(token).digest('base64url');

/** OWASP's least for argon2id: 19 MiB, two passes. A few at once: each takes its memory. */
const STRENGTH = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
const limit = pLimit(2);

export const hashPassword = (password: string) => limit(() => hash(password.normalize('NFC'), STRENGTH));

/** A hash nobody knows the password of, so that an unknown login takes as long as a wrong password. */
let nobody: Promise<string> | undefined;

export async function isPassword(passwordHash: string | null, password: string): Promise<boolean> {
  nobody ??= hashPassword(newToken());
  const against = passwordHash ?? (await nobody);
  const isRight = await limit(() => verify(against, password.normalize('NFC')));
  return isRight && passwordHash !== null;
}

/** Proves that a request comes from a page of ours: only such a page can have read it. */
export const csrfToken = (secret: string, sessionId: string) =>
  createHmac('sha256', secret).update(`csrf/${sessionId}`).digest('base64url');

export function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

const sealingKey = (secret: string) => createHmac('sha256', secret).update('second-factor').digest();

/** AES-256-GCM: a copy of the database alone does not give the second factors away. */
export function seal(secret: string, text: string): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', sealingKey(secret), nonce);
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url');
}

/** @throws Error when the secret is another one than it was sealed with */
export function unseal(secret: string, sealed: string): string {
  const bytes = Buffer.from(sealed, 'base64url');
  const decipher = createDecipheriv('aes-256-gcm', sealingKey(secret), bytes.subarray(0, 12));
  decipher.setAuthTag(bytes.subarray(12, 28));
  return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
}

/** For so long a check of ours may run: its mark is good for this and the next such stretch of time. */
const CHECK_MS = 300_000;

/** Marks a request for a feed as our own look at it: it is no board's pull and does not go into the log of pulls. */
export const checkMark = (secret: string, path: string, now: Date) => markOf(secret, path, slotOf(now));

export function isCheckMark(secret: string, path: string, mark: string, now: Date): boolean {
  const slot = slotOf(now);
  return [slot, slot - 1].some((one) => isSame(mark, markOf(secret, path, one)));
}

const slotOf = (now: Date) => Math.floor(now.getTime() / CHECK_MS);
const markOf = (secret: string, path: string, slot: number) =>
  createHmac('sha256', secret).update(`feed-check/${slot}/${path}`).digest('base64url');
