import { type Argument, Command, CommanderError, Option } from 'commander';
import { Refusal } from '../domain/fault.ts';
import { accountCommands } from './account-commands.ts';
import { accountsCommand } from './account-naming.ts';
import { addressCommands } from './address-commands.ts';
import { audienceCommands } from './audience-commands.ts';
import { calendarCommands } from './calendar-commands.ts';
import { checkCommands } from './check-commands.ts';
import { clockworkCommands } from './clockwork-commands.ts';
import { Context, EXIT, type GlobalOptions, tellError } from './context.ts';
import { correctCommands } from './correct-commands.ts';
import { coverageCommands } from './coverage-commands.ts';
import { feedCommands } from './feed-commands.ts';
import { mailCommands } from './mail-commands.ts';
import { markCommands } from './mark-commands.ts';
import { marketCommands } from './market-commands.ts';
import { moderationCommands } from './moderation-commands.ts';
import { moneyReportCommands } from './money-report-commands.ts';
import { normCommands } from './norm-commands.ts';
import { phoneCommands } from './phone-commands.ts';
import { photoCommands } from './photo-commands.ts';
import { promotionCommands } from './promotion-commands.ts';
import { reconcileCommands } from './reconcile-commands.ts';
import { reportCommands } from './report-commands.ts';
import { rotationCommands } from './rotation-commands.ts';
import { serviceCommands } from './service-commands.ts';
import { settingsCommands } from './settings-commands.ts';
import { tariffCommands } from './tariff-commands.ts';
import { textCommands } from './text-commands.ts';
import { userCommands } from './user-commands.ts';
import { verifyCommands } from './verify-commands.ts';

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

/** Runs the command line. @returns the exit code */
export async function run(argv: readonly string[]): Promise<number> {
  const program = new Command();
  let exit: number = EXIT.done;
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
      try {
        takeBack(args.at(-1) as Command);
        context = new Context(globals);
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupt);
        context.onServe = () => {
          for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt);
        };
        exit = await work(context, ...(own as never));
      } catch (error) {
        exit = tellError(error, globals.json === true);
      } finally {
        await context?.close();
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
        const rest = command.commands.length > 0 ? ['<команда>'] : command.registeredArguments.map(argumentTerm);
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
    })
    .configureOutput({ outputError: (text, write) => write(translate(text)) })
    .showSuggestionAfterError(true)
    .exitOverride();

  feedCommands(program, action);
  markCommands(program, action);
  marketCommands(program, action);
  checkCommands(program, action);
  addressCommands(program, action);
  correctCommands(program, action);
  textCommands(program, action);
  moneyReportCommands(reportCommands(program, action), action);
  audienceCommands(program, action);
  coverageCommands(program, action);
  rotationCommands(program, action);
  accountCommands(program, action);
  reconcileCommands(accountsCommand(program), action);
  verifyCommands(accountsCommand(program), action);
  promotionCommands(program, action);
  tariffCommands(program, action);
  moderationCommands(program, action);
  normCommands(program, action);
  phoneCommands(program, action);
  photoCommands(program, action);
  calendarCommands(program, action);
  userCommands(program, action);
  settingsCommands(program, action);
  mailCommands(program, action);
  clockworkCommands(program, action);
  serviceCommands(program, action);
  for (const command of allCommands(program)) {
    command.exitOverride().helpOption('-h, --help', 'показать справку');
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
  for (const option of parent.options) {
    const name = option.attributeName();
    if (parent.getOptionValueSource(name) !== 'cli') continue;
    if (!command.options.some((own) => own.attributeName() === name))
      throw new Refusal('option-unknown', `Ключа ${option.long} у команды ${command.name()} нет.`, EXIT.usage);
    if (command.getOptionValueSource(name) !== 'cli')
      command.setOptionValueWithSource(name, parent.getOptionValue(name), 'cli');
  }
}

function allCommands(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...allCommands(child)]);
}

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
