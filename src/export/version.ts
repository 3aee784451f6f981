import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Changes whenever the code that decides, renders or inspects changes, so that after a new version of the program no
 * offer keeps its old bytes: a digest of those very files, sources or build.
 */
export const CODE_VERSION = digestOf(
  ['boards', 'domain', 'export'].map((room) => join(import.meta.dirname, '..', room)),
);

function digestOf(folders: readonly string[]): string {
  const hash = createHash('sha256');
  for (const folder of folders) {
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
      if (/\.[jt]s$/.test(name)) hash.update(name).update(readFileSync(join(folder, name)));
    }
  }
  return hash.digest('hex').slice(0, 12);
}
