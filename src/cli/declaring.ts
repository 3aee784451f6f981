import { Option } from 'commander';
import type { Context } from './context.ts';

/** What the files of commands declare theirs with. */

/** Wraps a command's work: opens the context, closes it, turns errors into messages and the result into an exit code. */
export type Action = <A extends unknown[]>(
  work: (context: Context, ...args: A) => Promise<number>,
) => (...args: unknown[]) => Promise<void>;

export function choice(flags: string, description: string, values: readonly string[]): Option {
  return new Option(flags, description).choices([...values]);
}

/** An option with several values; commander tells one by a Latin letter before the dots, ours are Russian. */
export function several(flags: string, description: string): Option {
  const option = new Option(flags, description);
  option.variadic = true;
  return option;
}
