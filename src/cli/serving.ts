import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

/**
 * Where the server of a data folder answers. `serve` tells it while it runs, for its port may be any; commands that
 * print addresses ask. It is a hint about this machine: how people outside see us only PUBLIC_URL says.
 */

interface Serving {
  readonly url: string;
  readonly pid: number;
  readonly host: string;
}

const fileOf = (dataDir: string) => join(dataDir, 'serving.json');

/** What this very process has told: the number of a killed server may be ours now. */
const ours = new Set<string>();

/** @returns takes it back; what another server has told since stays, and one that was told of before is told of again */
export function tellServing(dataDir: string, url: string): () => void {
  const file = fileOf(dataDir);
  const own: Serving = { url, pid: process.pid, host: hostname() };
  const before = believed(dataDir);
  const write = (told: Serving) => writeFileSync(file, `${JSON.stringify(told)}\n`);
  try {
    write(own);
  } catch {
    // A folder that cannot be written to is no reason not to serve.
    return () => {};
  }
  ours.add(file);
  return () => {
    ours.delete(file);
    const told = read(dataDir);
    if (told?.pid !== own.pid || told.host !== own.host || told.url !== own.url) return;
    try {
      if (before !== null && before.pid !== own.pid && isRunning(before.pid)) write(before);
      else rmSync(file, { force: true });
    } catch {
      // Nor to end badly: a dead server's word is not believed.
    }
  };
}

/** The address of the server that runs with this data folder on this machine; null: none is known to. */
export const servingUrl = (dataDir: string): string | null => believed(dataDir)?.url ?? null;

function believed(dataDir: string): Serving | null {
  const told = read(dataDir);
  if (told === null || told.host !== hostname()) return null;
  const isAlive = told.pid === process.pid ? ours.has(fileOf(dataDir)) : isRunning(told.pid);
  return isAlive ? told : null;
}

/** An address as `serve` writes it: it is printed, and people follow it. */
const ADDRESS = /^https?:\/\/(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;

function read(dataDir: string): Serving | null {
  try {
    const { url, pid, host } = JSON.parse(readFileSync(fileOf(dataDir), 'utf8')) as Partial<Serving>;
    if (typeof url !== 'string' || typeof pid !== 'number' || typeof host !== 'string') return null;
    // To the system 0 and -1 are a group and everybody. In a container the server itself is 1.
    return Number.isSafeInteger(pid) && pid > 0 && ADDRESS.test(url) && URL.canParse(url) ? { url, pid, host } : null;
  } catch {
    return null;
  }
}

/** What a killed server left behind is not believed. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
