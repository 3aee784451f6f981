import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The program as people start it: the built one, in a process of its own. */
export const PROGRAM = join(import.meta.dirname, '../../dist/src/main.js');

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function start(
  args: readonly string[],
  env: Record<string, string>,
  cwd?: string,
): { child: ChildProcess; done: Promise<Ran> } {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: { ...process.env, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd !== undefined && { cwd }),
  });
  let stdout = '';
  let stderr = '';
  child.stdout!.on('data', (part) => {
    stdout += part;
  });
  child.stderr!.on('data', (part) => {
    stderr += part;
  });
  return { child, done: new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr }))) };
}

export const run = (args: readonly string[], env: Record<string, string>, cwd?: string): Promise<Ran> =>
  start(args, env, cwd).done;

/** A folder of its own that the embedded server's user can pass through. */
export async function temporaryFolder(name: string): Promise<{ path: string; drop(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), `${name}-`));
  await chmod(path, 0o755);
  return { path, drop: () => rm(path, { recursive: true, force: true }) };
}
