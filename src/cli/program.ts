import { type Argument, Command, CommanderError, Option } from 'commander';
import { Refusal } from '../domain/fault.ts';
import type { Context, GlobalOptions } from './context.ts';
import type { Action } from './declaring.ts';
import { EXIT, tellError } from './exit.ts';
import { MENU } from './menu.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Runs the command line. @returns the exit code */
export async function run(argv: readonly string[]): Promise<number> {
  const program = new Command();
  let exit: number = EXIT.done;
  const ends: Ends = {};
  const action: Action =
    (work) =>
    async (...args) => {
      // Commander appends the options and the command itself.
      const own = args.slice(0, -1);
      const globals = program.opts<GlobalOptions>();
      let context: Context | undefined;
      const interrupt = () => {
        // Nothing is half-done: files get their names last and the database rolls back. It only has to be let go.
        const patience = new Promise((resolve) => setTimeout(resolve, 2000));
        void Promise.race([context?.close(), patience]).finally(() => process.exit(EXIT.interrupted));
      };
      const letGo = () => {
        for (const signal of SIGNALS) process.off(signal, interrupt);
      };
      try {
        const command = args.at(-1) as Command;
        takeBack(command);
        proveOneEnd(ends);
        const { Context } = await import('./context.ts');
        context = new Context(globals);
        for (const signal of SIGNALS) process.once(signal, interrupt);
        context.onServe = letGo;
        await nameBoards(context, command);
        exit = await work(context, ...(own as never));
      } catch (error) {
        exit = tellError(error, globals.json === true);
      } finally {
        await context?.close();
        // A process may run many commands, one after another.
        letGo();
      }
    };

  program
    .name('vygruzka')
    .description('Выгрузка: проверяет объявления агентства недвижимости и отдаёт доскам фиды.')
    .version('0.1.0', '--version', 'показать версию')
    .option('--json', 'ответ одним документом JSON')
    .option('-q, --quiet', 'без сообщений о ходе работы')
    .option('--now <момент>', 'считать, что сейчас этот момент (ISO 8601)')
    .helpOption('-h, --help', 'показать справку')
    .helpCommand('help [команда]', 'показать справку по команде')
    .configureHelp({
      subcommandTerm: (command) => [command.name(), ...command.registeredArguments.map(argumentTerm)].join(' '),
      commandUsage: (command) => {
        const names: string[] = [];
        for (let at: Command | null = command; at; at = at.parent) names.unshift(at.name());
        const own = command.registeredArguments.map(argumentTerm);
        // A command that has keys of its own, like `report`, does something without the ones under it.
        const isNeeded = command.parent === null || command.options.length === 0;
        const rest = command.commands.length > 0 ? [...own, isNeeded ? '<команда>' : '[команда]'] : own;
        return [...names, ...rest, '[ключи]'].join(' ');
      },
      optionDescription: (option) => {
        const facts = [
          ...(option.argChoices ? [`можно: ${option.argChoices.join(', ')}`] : []),
          ...(option.defaultValue !== undefined && !option.negate ? [`по умолчанию ${option.defaultValue}`] : []),
        ];
        return facts.length === 0 ? option.description : `${option.description} (${facts.join('; ')})`;
      },
      styleTitle: (title) =>
        ({
          'Usage:': 'Как пользоваться:',
          'Options:': 'Ключи:',
          'Commands:': 'Команды:',
          'Arguments:': 'Аргументы:',
          'Global Options:': 'Общие ключи:',
        })[title] ?? title,
      showGlobalOptions: true,
      // Of the commands above only the program itself gives keys to all; those of `report` are not those of `report work`.
      visibleGlobalOptions: (command) =>
        command.parent === null ? [] : program.options.filter(({ hidden }) => !hidden),
    })
    .configureOutput({ outputError: (text, write) => write(translate(text)) })
    .showSuggestionAfterError(true)
    .exitOverride();

  // Of all words, because which of them is the command only commander knows; one too many is only read in vain.
  for (const { commands, declare } of MENU) {
    if (Object.keys(commands).some((usage) => argv.includes(nameOf(usage)))) await declare(program, action);
    // The help names it, and a slip of the pen finds it.
    else for (const [usage, summary] of Object.entries(commands)) program.command(usage).summary(summary);
  }
  for (const command of allCommands(program)) {
    command.exitOverride().helpOption('-h, --help', 'показать справку');
    takeUntil(command, ends);
  }

  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return ['commander.help', 'commander.helpDisplayed', 'commander.version'].includes(error.code)
      ? EXIT.done
      : EXIT.usage;
  }
  return exit;
}

/**
 * A command that does something itself, like `report`, reads the options of the commands under it first and keeps those
 * of the same name. They get them back; what only the upper one knows is not taken for theirs.
 * @throws Refusal `option-unknown`
 */
function takeBack(command: Command): void {
  const parent = command.parent;
  if (!parent?.parent) return;
  // The synonyms first: a refusal names what was typed.
  for (const option of [...parent.options].sort((a, b) => Number(b.hidden) - Number(a.hidden))) {
    const name = option.attributeName();
    if (parent.getOptionValueSource(name) !== 'cli') continue;
    if (!command.options.some((own) => own.attributeName() === name))
      throw new Refusal('option-unknown', `Ключа ${option.long} у команды ${command.name()} нет.`, EXIT.usage);
    if (command.getOptionValueSource(name) !== 'cli')
      command.setOptionValueWithSource(name, parent.getOptionValue(name), 'cli');
  }
}

/** What `--to` and its synonym were told, by whichever command has read them. */
interface Ends {
  to?: string;
  until?: string;
}

/** The last day, or moment, is `--to` on the whole command line; `--until`, as half of the commands once had it, is the same. */
function takeUntil(command: Command, ends: Ends): void {
  const last = command.options.find(({ flags }) => /^--to <(?:день|момент)>$/.test(flags));
  if (last === undefined) return;
  command.addOption(new Option(last.flags.replace('--to', '--until')).hideHelp());
  command.on('option:to', (value: string) => {
    ends.to = value;
  });
  command.on('option:until', (value: string) => {
    ends.until = value;
    command.setOptionValueWithSource('to', value, 'cli');
  });
}

/** @throws Refusal `option-twice` */
function proveOneEnd({ to, until }: Ends): void {
  if (to === undefined || until === undefined || to === until) return;
  throw new Refusal(
    'option-twice',
    `--to «${to.slice(0, 60)}» и --until «${until.slice(0, 60)}» — это один и тот же ключ, а значения разные. Оставьте --to.`,
    EXIT.usage,
  );
}

/**
 * Boards are called by the id or the Russian name; the work gets ids.
 * @throws Refusal as `oneBoard`
 */
async function nameBoards(context: Context, command: Command): Promise<void> {
  const { board, agency } = command.opts<{ board?: string | string[]; agency?: string }>();
  if (board === undefined) return;
  const { oneBoard } = await import('./units.ts');
  const idOf = async (name: string) => (await oneBoard(context, name, agency)).id;
  if (typeof board === 'string') return void command.setOptionValueWithSource('board', await idOf(board), 'cli');
  const ids: string[] = [];
  for (const name of board.flatMap((text) => text.split(','))) ids.push(await idOf(name));
  command.setOptionValueWithSource('board', ids, 'cli');
}

function allCommands(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...allCommands(child)]);
}

/** `status` of «status <объект> <статус>» */
const nameOf = (usage: string) => usage.split(' ')[0]!;

const argumentTerm = (argument: Argument) => (argument.required ? `<${argument.name()}>` : `[${argument.name()}]`);

/** Commander's complaints in Russian. */
function translate(text: string): string {
  return text
    .replace(/^error: /, '')
    .replace(/unknown command '(.+?)'/, 'Нет команды «$1».')
    .replace(/unknown option '(.+?)'/, 'Нет ключа «$1».')
    .replace(/missing required argument '(.+?)'/, 'Не указан аргумент <$1>.')
    .replace(/required option '(.+?)' not specified/, 'Нужен ключ $1.')
    .replace(/option '(.+?)' argument missing/, 'У ключа $1 нет значения.')
    .replace(
      /option '(.+?)' argument '(.+?)' is invalid\. Allowed choices are (.+)\./,
      'Ключ $1: «$2» не подходит. Можно: $3.',
    )
    .replace(/too many arguments.*/, 'Лишние аргументы.')
    .replace(/\(Did you mean (?:one of )?(.+?)\?\)/, 'Может быть, $1?');
}
