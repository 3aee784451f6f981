import { vi } from 'vitest';
import { run as runCommand } from '../../src/cli/program.ts';
import type { Ran } from './run.ts';

/** The command line in this process: thirty processes would be half a minute of loading the program. */
export async function runHere(...words: string[]): Promise<Ran> {
  const said = { stdout: '', stderr: '' };
  const listen = (stream: 'stdout' | 'stderr') =>
    vi.spyOn(process[stream], 'write').mockImplementation((text) => {
      said[stream] += text;
      return true;
    });
  const ears = [listen('stdout'), listen('stderr')];
  const known = (['SIGINT', 'SIGTERM'] as const).map((signal) => [signal, process.listeners(signal)] as const);
  try {
    return { code: await runCommand(words), ...said };
  } finally {
    for (const ear of ears) ear.mockRestore();
    // A command listens to signals until its process ends, and this one does not.
    for (const [signal, before] of known) {
      for (const listener of process.listeners(signal)) if (!before.includes(listener)) process.off(signal, listener);
    }
  }
}

/** The same with other settings in the environment. */
export async function runHereWith(env: Readonly<Record<string, string>>, ...words: string[]): Promise<Ran> {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  try {
    return await runHere(...words);
  } finally {
    vi.unstubAllEnvs();
  }
}
