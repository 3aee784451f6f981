import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The project's folder: the same files are found whether the program runs from its sources or from the build. */
export const ROOT = findRoot(import.meta.dirname);

function findRoot(folder: string): string {
  if (existsSync(join(folder, 'package.json')) && existsSync(join(folder, 'board-rules'))) return folder;
  const parent = dirname(folder);
  if (parent === folder)
    throw new Error('the project folder with package.json and board-rules is not above the program');
  return findRoot(parent);
}
