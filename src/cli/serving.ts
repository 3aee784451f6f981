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

/** @returns takes it back; what another server has told since stays */
export function tellServing(dataDir: string, url: string): () => void {
  const own: Serving = { url, pid: process.pid, host: hostname() };
  try {
    writeFileSync(fileOf(dataDir), `${JSON.stringify(own)}\n`);
  } catch {
    // A folder that cannot be written to is no reason not to serve.
    return () => {};
  }
  return () => {
    const told = read(dataDir);
    if (told?.pid === own.pid && told.host === own.host) rmSync(fileOf(dataDir), { force: true });
  };
}

/** The address of the server that runs with this data folder on this machine; null: none is known to. */
export function servingUrl(dataDir: string): string | null {
  const told = read(dataDir);
  return told !== null && told.host === hostname() && isRunning(told.pid) ? told.url : null;
}

function read(dataDir: string): Serving | null {
  try {
    const { url, pid, host } = JSON.parse(readFileSync(fileOf(dataDir), 'utf8')) as Partial<Serving>;
    return typeof url === 'string' && typeof pid === 'number' && typeof host === 'string' ? { url, pid, host } : null;
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
