import { createHash } from 'node:crypto';
import { canonicalJson } from '../domain/corrections.ts';

/** Equal values, equal hash: what tells a changed listing from an unchanged one. */
export function hashOf(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('base64url');
}
