import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
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

it('leads to every function that declares commands', () => {
  const folder = join(import.meta.dirname, '../../src/cli');
  const texts = new Map(
    readdirSync(folder).map((file) => [file, readFileSync(join(folder, file), 'utf8').replaceAll(/\s+/g, ' ')]),
  );
  const declaring = [...texts].flatMap(([file, text]) =>
    [...text.matchAll(/export (?:async )?function (\w+)\([^)]*: Action\b/g)].map((found) => [found[1]!, file] as const),
  );
  expect(declaring.length).toBeGreaterThanOrEqual(MENU.length);
  // From the table of contents, and on from the files that it leads to.
  const reached = new Set<string>();
  const follow = (file: string) => {
    for (const [name, home] of declaring) {
      if (home === file || reached.has(name) || !new RegExp(`\\b${name}\\(`).test(texts.get(file)!)) continue;
      reached.add(name);
      follow(home);
    }
  };
  follow('menu.ts');
  expect(declaring.filter(([name]) => !reached.has(name))).toEqual([]);
  for (const file of texts.keys())
    if (file.endsWith('-commands.ts')) expect(declaring.map(([, home]) => home)).toContain(file);
});

it('leaves no ear for signals behind, however many commands a process runs', async () => {
  const ears = () => (['SIGINT', 'SIGTERM'] as const).map((signal) => process.listeners(signal));
  const before = ears();
  expect(await runHere('validate', 'no-such-file.xml', '--board', 'avito')).toMatchObject({ code: 2 });
  const feed = join(import.meta.dirname, 'newcomer.xml');
  expect((await runHere('validate', feed, '--board', 'yandex', '--json')).stdout).toContain('"format": "yandex"');
  expect(ears()).toEqual(before);
});
