import { randomBytes } from 'node:crypto';
import { Fault, Refusal } from '../domain/fault.ts';

/** Exit codes of the command line; README, «Коды выхода». */
export const EXIT = {
  done: 0,
  fault: 1,
  usage: 2,
  found: 3,
  refused: 4,
  brake: 5,
  outside: 6,
  busy: 75,
  interrupted: 130,
} as const;

/** What a thrown thing means to a person: its code, a sentence and an exit code. */
export function describeError(error: unknown): { code: string; message: string; exit: number } {
  if (error instanceof Refusal) return { code: error.code, message: error.message, exit: error.exit };
  if (error instanceof Fault) return { code: error.code, message: error.message, exit: exitOf(error.code) };
  const incident = randomBytes(3).toString('hex');
  const message = `Сбой программы ${incident}: ${(error as Error)?.message ?? String(error)}`;
  return { code: 'unexpected', message, exit: EXIT.fault };
}

function exitOf(code: string): number {
  if (code === 'publish-overtaken' || code === 'publish-busy') return EXIT.busy;
  if (code.startsWith('feed-')) return EXIT.found;
  if (/^source-(file|is|not)/.test(code)) return EXIT.usage;
  if (code.startsWith('source-') || code === 'database-unreachable') return EXIT.outside;
  return EXIT.fault;
}

/** Turns what a command threw into a message on stderr and an exit code. */
export function tellError(error: unknown, isJson: boolean): number {
  const { code, message, exit } = describeError(error);
  if (isJson) process.stdout.write(`${JSON.stringify({ error: { code, message } }, null, 2)}\n`);
  process.stderr.write(`${message}\n`);
  if (code === 'unexpected') process.stderr.write(`${(error as Error)?.stack ?? ''}\n`);
  return exit;
}
