import { HttpProblem } from './problems.ts';

/** Where a page ends: the values of its last row that the list is sorted by. To others it is a word without meaning. */

export type CursorPart = string | number | null;

export const cursorOf = (parts: readonly CursorPart[]): string =>
  Buffer.from(JSON.stringify(parts)).toString('base64url');

/**
 * @param kinds what the parts are, in their order
 * @throws HttpProblem 400 when it is not one of this list's
 */
export function readCursor<const K extends readonly ('string' | 'number')[]>(
  text: string,
  kinds: K,
): { -readonly [I in keyof K]: K[I] extends 'string' ? string : number } {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    parts = undefined;
  }
  const isOurs =
    Array.isArray(parts) && parts.length === kinds.length && kinds.every((kind, at) => typeof parts[at] === kind);
  if (!isOurs)
    throw new HttpProblem(400, 'bad-cursor', 'Параметр after — не из этого списка: начните с первой страницы.');
  return parts as never;
}
