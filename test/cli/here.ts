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
  try {
    return { code: await runCommand(words), ...said };
  } finally {
    for (const ear of ears) ear.mockRestore();
  }
}

/** The same with other settings in the environment; whatever its caller has set there, or stubbed, stays. */
export async function runHereWith(env: Readonly<Record<string, string>>, ...words: string[]): Promise<Ran> {
  const before = Object.keys(env).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, env);
  try {
    return await runHere(...words);
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}
