import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { MENU } from '../../src/cli/menu.ts';
import { runHere } from './here.ts';

/** The help says what the commands take, all of it and nothing else. */

/** The moment is read after the keys and before any work: with this the command is understood, and nothing is done. */
const STOP = ['--now', 'никогда'];
const STOPPED = '--now: «никогда» — не момент времени';

const full = new Command('vygruzka');
for (const { declare } of MENU) await declare(full, () => async () => {});

interface Place {
  readonly path: readonly string[];
  readonly command: Command;
}
const placesUnder = (command: Command, path: readonly string[]): Place[] =>
  command.commands.flatMap((child) => {
    const own = [...path, child.name()];
    return [{ path: own, command: child }, ...placesUnder(child, own)];
  });
const PLACES = placesUnder(full, []);

/** Whether it does something itself, or only leads to those under it. */
const isDoing = ({ command }: Place) => command.commands.length === 0 || command.options.length > 0;

const KNOWN = new Map(['--json', '--quiet', '--version', '--help'].map((long) => [long, [long]] as const));

/** The words of the key with a value that suits it. */
function wordsOf({ command }: Place, long: string): readonly string[] {
  const known = KNOWN.get(long);
  if (known) return known;
  const option = command.options.find((one) => one.long === long);
  if (option === undefined) return [long, 'x'];
  return option.required || option.optional ? [long, option.argChoices?.[0] ?? 'x'] : [long];
}

const isNeeded = ({ command }: Place) => command.options.filter(({ mandatory }) => mandatory).map(({ long }) => long!);

const lineOf = (place: Place, long: string | null): string[] => [
  ...place.path,
  ...place.command.registeredArguments.map((argument) => argument.argChoices?.[0] ?? '1'),
  ...isNeeded(place)
    .filter((one) => one !== long)
    .flatMap((one) => wordsOf(place, one)),
  ...(long === null ? [] : wordsOf(place, long)),
  ...STOP,
];

const toldIn = (help: string) => [...help.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map((found) => found[1]!);

describe.each(PLACES.map((place) => [place.path.join(' '), place] as const))('%s', (_name, place) => {
  it('takes every key that its help tells', async () => {
    const { code, stdout } = await runHere(...place.path, '--help');
    expect(code).toBe(0);
    const told = toldIn(stdout);
    expect(new Set(told).size, 'a key told twice').toBe(told.length);
    const own = place.command.options.filter(({ hidden }) => !hidden).map(({ long }) => long!);
    expect(told).toEqual(expect.arrayContaining(own));
    expect(told.filter((long) => !own.includes(long)).sort()).toEqual([
      '--help',
      '--json',
      '--now',
      '--quiet',
      '--version',
    ]);
    if (!isDoing(place)) return;
    for (const long of [null, ...told]) {
      if (long === '--help' || long === '--version' || long === '--now') continue;
      const { code, stderr } = await runHere(...lineOf(place, long));
      expect([code, stderr], String(long)).toEqual([2, expect.stringContaining(STOPPED)]);
    }
  });

  it('takes --until for --to', async () => {
    const last = place.command.options.find(({ flags }) => /^--to <(?:день|момент)>$/.test(flags));
    const isMail = place.command.options.some(({ flags }) => flags === '--to <сотрудник>');
    expect(
      place.command.options.some(({ long }) => long === '--until'),
      'one word for the last day',
    ).toBe(false);
    if (isMail || last === undefined) return;
    const line = lineOf(place, '--to').map((word) => (word === '--to' ? '--until' : word));
    expect((await runHere(...line)).stderr).toContain(STOPPED);
  });
});

it('walks the whole program', () => {
  expect(PLACES.length).toBeGreaterThan(100);
  const last = PLACES.filter(({ command }) =>
    command.options.some(({ flags }) => /^--to <(?:день|момент)>$/.test(flags)),
  );
  expect(last.map(({ path }) => path.join(' '))).toEqual(
    expect.arrayContaining(
      ['report', 'report money', 'accounts statement', 'accounts ledger', 'mark', 'pause add', 'except add'].filter(
        (name) => PLACES.some(({ path }) => path.join(' ') === name),
      ),
    ),
  );
});

it('refuses what only the command above takes, by the word that was typed', async () => {
  for (const [key, typed] of [
    ['--from', '--from'],
    ['--to', '--to'],
    ['--until', '--until'],
  ] as const)
    expect(await runHere('report', 'subscribe', '--for', 'x', key, '2026-01-01', ...STOP)).toMatchObject({
      code: 2,
      stderr: `Ключа ${typed} у команды subscribe нет.\n`,
    });
});

it('says that a command with keys of its own works without those under it', async () => {
  expect((await runHere('report', '--help')).stdout).toContain('vygruzka report [команда] [ключи]');
  expect((await runHere('accounts', '--help')).stdout).toContain('vygruzka accounts <команда> [ключи]');
  expect((await runHere('report', 'money', '--help')).stdout.match(/--from/g)).toHaveLength(1);
});
