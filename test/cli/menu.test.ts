import { Command } from 'commander';
import { expect, it } from 'vitest';
import { MENU } from '../../src/cli/menu.ts';
import { runHere } from './here.ts';

/** The table of contents says what the files of commands say: it is what the help shows, and what they are found by. */

const told = ({ commands }: Command) =>
  commands.map((command) => ({
    name: command.name(),
    summary: command.summary(),
    arguments: command.registeredArguments.map((argument) => [argument.name(), argument.required]),
  }));

it.each(
  MENU.map((chapter) => [Object.keys(chapter.commands)[0]!, chapter] as const),
)('the chapter of «%s» is told as it is', async (_name, { commands, declare }) => {
  const [full, brief] = [new Command(), new Command()];
  await declare(full, () => async () => {});
  for (const [usage, summary] of Object.entries(commands)) brief.command(usage).summary(summary);
  expect(told(brief)).toEqual(told(full));
});

it('helps with a command although its file is read only when it is named', async () => {
  for (const words of [
    ['help', 'accounts'],
    ['accounts', '--help'],
    ['--quiet', 'accounts', '--help'],
  ]) {
    const { code, stdout } = await runHere(...words);
    expect(code, words.join(' ')).toBe(0);
    for (const command of ['ledger', 'reconcile', 'verify']) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
  }
});
