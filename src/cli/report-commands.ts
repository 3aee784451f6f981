import type { Command } from 'commander';
import { russianDay } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { NAMES_MANY, type Narrowed, narrowedText } from '../domain/report-mail.ts';
import {
  GROUPING_LABELS,
  GROUPINGS,
  type Grouping,
  PERIOD_DAYS_MAX,
  SHARE_USUAL,
  SOURCES_MAX,
  STEPS,
  type Step,
} from '../domain/report-words.ts';
import { REACH_ALL } from '../domain/rights.ts';
import { EXPORT_FORMATS, type ExportFormat, exportFile, exportLines } from '../server/export-files.ts';
import { type ExportReport, type ExportReportQuery, exportReport, type Reporter } from '../server/export-report.ts';
import { reportChoices } from '../server/report-units.ts';
import { resolveAgency } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import { type CabinetRow, listCabinets } from '../store/publishing.ts';
import { aligned } from './columns.ts';
import type { Context } from './context.ts';
import { type Action, choice, several } from './declaring.ts';
import { EXIT } from './exit.ts';
import { likely, listed, meantBy, ours, shown, type UnitTitle, unitMeant } from './naming.ts';
import { ownerReportCommands } from './owner-report-commands.ts';
import { reportMailCommands } from './report-mail-commands.ts';
import { toFile } from './statement-commands.ts';
import { dayNamed, oneBoard } from './units.ts';
import { workReportCommands } from './work-report-commands.ts';

interface ReportOptions extends ReportWish {
  from?: string;
  to?: string;
  out?: string;
}

/** Whoever has the keys to the machine sees everything. */
export async function reporterFor(context: Context, db: Database, agencyId: number): Promise<Reporter> {
  const cabinets = await listCabinets(db, { agencyId });
  const boardName = (board: string) => context.boards.find(({ id }) => id === board)?.name ?? board;
  return {
    ...{ db, agencyId, reach: REACH_ALL, now: context.clock() },
    columns: cabinets.map(({ id, board, slug, name }) => ({
      ...{ id, board, boardName: boardName(board) },
      title: cabinets.filter((other) => other.board === board).length === 1 ? name : `${name} / ${slug}`,
    })),
  };
}

/** @returns the command, under which other reports stand */
export function reportCommands(program: Command, action: Action): Command {
  const report = program
    .command('report')
    .summary('график выгрузки: сколько объектов было на досках')
    .description(
      `Сколько объектов отмечено, выгружено, с ошибками и без денег: по шагам, не больше ${PERIOD_DAYS_MAX} дней и ${SOURCES_MAX} досок. Объект засчитан в шаге, если был в состоянии не меньше --min-share процентов его дней, но хотя бы один день.`,
    )
    .option('--from <день>', 'первый день; без ключа пять недель с понедельника, при шаге в месяц – три месяца')
    .option('--to <день>', 'последний день, включительно; без ключа вчера')
    .option('--out <файл>', 'записать в файл: .xlsx с графиком, .csv, .svg или .png')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: ReportOptions) => {
        const ending = endingOf(options.out);
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const reporter = await reporterFor(context, db, agency.id);
        const query = {
          ...(options.from !== undefined && { from: dayNamed(options.from) }),
          ...(options.to !== undefined && { until: dayNamed(options.to) }),
          ...(await reportWishOf(context, db, agency.id, options)),
        };
        if (ending === null) {
          const report = await exportReport(reporter, query);
          context.print(report, () => textOf(report));
          return EXIT.done;
        }
        await toFile(options.out!, (await exportFile(reporter, query, ending)).bytes);
        context.print({ file: options.out }, `Записано: ${options.out}`);
        return EXIT.done;
      }),
    );
  workReportCommands(report, action);
  ownerReportCommands(report, action);
  reportOptions(report);
  reportMailCommands(report, action);
  return report;
}

/** What of a report can be wished besides its days. */
export interface ReportWish {
  step?: Step;
  minShare: string;
  group?: Grouping;
  feed?: string[];
  branch?: string[];
  department?: string[];
  employee?: string[];
  crmGroup?: string[];
  /** Ids: the command line has read them. */
  board?: string[];
  readonly agency?: string;
}

export function reportOptions(command: Command): Command {
  return command
    .addOption(several('--board <доска...>', `доски, не больше ${SOURCES_MAX}; без ключа первые из подключённых`))
    .addOption(several('--feed <фид...>', 'отдельные фиды: «avito/main» или номер кабинета; вместе с досками'))
    .addOption(choice('--step <шаг>', 'шаг', STEPS).default('week'))
    .option('--min-share <процент>', 'сколько процентов дней шага нужно', String(SHARE_USUAL))
    .addOption(choice('--group <по чему>', 'разбить', GROUPINGS).default('none'))
    .addOption(several('--branch <филиал...>', 'только эти филиалы'))
    .addOption(several('--department <отдел...>', 'только эти отделы'))
    .addOption(several('--employee <имя...>', 'только эти сотрудники'))
    .addOption(several('--crm-group <группа...>', 'только эти группы CRM'));
}

/** @throws Refusal `board-unknown`, `cabinet-unknown`, `unit-unknown`, `bad-share` */
export async function reportWishOf(
  context: Context,
  db: Database,
  agencyId: number,
  wish: ReportWish,
): Promise<ExportReportQuery> {
  const { board, step, minShare, group, feed, agency } = wish;
  const cabinets = feed ? await listCabinets(db, { agencyId }) : [];
  return {
    ...(board && { board }),
    ...(step && { step }),
    minShare: shareOf(minShare),
    ...(group && { by: group }),
    ...(feed && { cabinet: await feedsNamed(context, cabinets, feed, agency) }),
    ...(await unitsNamed(db, agencyId, wish)),
  };
}

/** @throws Refusal `report-format` */
export function endingOf(out: string | undefined): ExportFormat | null {
  if (out === undefined) return null;
  const ending = EXPORT_FORMATS.find((one) => out.toLowerCase().endsWith(`.${one}`));
  if (ending) return ending;
  const known = EXPORT_FORMATS.map((one) => `.${one}`).join(', ');
  throw new Refusal('report-format', `Файл отчёта бывает ${known}.`, EXIT.usage);
}

/** «avito/main», «Авито/main» or the number of the cabinet. @throws Refusal `cabinet-unknown`, `board-unknown` */
async function feedsNamed(
  context: Context,
  cabinets: readonly CabinetRow[],
  names: readonly string[],
  agencyName: string | undefined,
): Promise<number[]> {
  const ids: number[] = [];
  for (const name of names.flatMap((text) => text.split(','))) {
    const [boardName, slug] = name.split('/').map((part) => part.trim());
    const board = slug === undefined ? undefined : (await oneBoard(context, boardName!, agencyName)).id;
    ids.push(
      feedNamed(cabinets, name, (one) => (board ? one.board === board && one.slug === slug : name === String(one.id))),
    );
  }
  return ids;
}

function feedNamed(cabinets: readonly CabinetRow[], name: string, isMeant: (one: CabinetRow) => boolean): number {
  const found = cabinets.find(isMeant);
  if (found) return found.id;
  const known = cabinets.map(({ board, slug }) => `${board}/${slug}`).join(', ');
  throw new Refusal('cabinet-unknown', `Фида «${name.slice(0, 60)}» нет. Есть: ${known || 'ни одного'}.`, EXIT.usage);
}

interface Known {
  readonly id: number;
  readonly name: string;
}

/**
 * The units and people that the report is narrowed to. Of the same name in whole all are meant: «Аренда» of every branch.
 * @throws Refusal `unit-unknown`, `unit-ambiguous`
 */
async function unitsNamed(db: Database, agencyId: number, options: ReportWish) {
  const choices = await reportChoices(db, agencyId, REACH_ALL);
  const unit = (title?: UnitTitle) => (known: readonly Known[], name: string) => unitMeant(known, name, title);
  const person = (known: readonly Known[], name: string) => meantBy(known, name, (one) => [one.name]);
  const numbers = (what: string, known: readonly Known[], names: string[], meant: typeof person) =>
    names.flatMap((name) => {
      const found = meant(known, name);
      if (new Set(found.map((one) => one.name)).size > 1) {
        const all = listed(found.map((one) => `${ours(one.id)} ${one.name}`));
        throw new Refusal('unit-ambiguous', `«${shown(name)}» — это несколько: ${all}. Назовите номер.`, EXIT.usage);
      }
      if (found.length > 0) return found.map(({ id }) => id);
      const likelies = likely(known, name, (one) => [one.name]);
      const all = listed((likelies.length > 0 ? likelies : known).map((one) => one.name)) || 'ничего';
      throw new Refusal(
        'unit-unknown',
        `«${shown(name)}»: такого ${what} в записи дней нет. ${likelies.length > 0 ? `Может быть, ${all}?` : `Есть: ${all}.`}`,
        EXIT.usage,
      );
    });
  const { branch, department, employee, crmGroup } = options;
  return {
    ...(branch && { branch: numbers('филиала', choices.branches, branch, unit('филиал')) }),
    ...(department && { department: numbers('отдела', choices.departments, department, unit('отдел')) }),
    ...(employee && { employee: numbers('сотрудника', choices.employees, employee, person) }),
    ...(crmGroup && { group: numbers('названия группы CRM', choices.groups, crmGroup, unit()) }),
  };
}

function shareOf(text: string): number {
  if (/^\d{1,3}$/.test(text) && Number(text) <= 100) return Number(text);
  throw new Refusal('bad-share', `--min-share: «${text.slice(0, 20)}», а нужно число от 0 до 100.`, EXIT.usage);
}

/** What a report is narrowed to, in its own line; none where it is not. */
export function narrowedLine(narrowed: Narrowed): string[] {
  const told = narrowedText(narrowed, NAMES_MANY);
  return told === null ? [] : [`Отбор: ${told}`];
}

function textOf(report: ExportReport): string {
  const { columns, rows } = exportLines(report);
  const shown = [0, 1, ...[...columns.keys()].filter((at) => at > 3)];
  // A group is missing where there is none, a number where nothing is recorded.
  const lines = rows.map((row) => shown.map((at) => String(row[at] ?? (columns[at]!.kind === 'count' ? '–' : ''))));
  return [
    `${russianDay(report.from)}–${russianDay(report.until)}, ${GROUPING_LABELS[report.by]}`,
    ...narrowedLine(report.narrowed),
    aligned([shown.map((at) => columns[at]!.header), ...lines]),
    ...report.notes,
  ].join('\n');
}
