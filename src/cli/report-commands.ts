import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { csvText } from '../domain/csv.ts';
import { russianDay } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
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
import { type ExportReport, exportFileName, exportReport, exportTable } from '../server/export-report.ts';
import { resolveAgency } from '../store/agencies.ts';
import { listCabinets } from '../store/publishing.ts';
import { aligned } from './columns.ts';
import { EXIT } from './context.ts';
import { ownerReportCommands } from './owner-report-commands.ts';
import { type Action, choice, several } from './program.ts';
import { dayNamed } from './units.ts';
import { workReportCommands } from './work-report-commands.ts';

interface ReportOptions {
  from?: string;
  to?: string;
  board?: string[];
  step?: Step;
  minShare: string;
  group?: Grouping;
  out?: string;
  agency?: string;
}

export function reportCommands(program: Command, action: Action): void {
  const report = program
    .command('report')
    .summary('график выгрузки: сколько объектов было на досках')
    .description(
      `Сколько объектов отмечено, выгружено, с ошибками и без денег: по шагам, не больше ${PERIOD_DAYS_MAX} дней и ${SOURCES_MAX} досок. Объект засчитан в шаге, если был в состоянии не меньше --min-share процентов его дней, но хотя бы один день.`,
    )
    .option('--from <день>', 'первый день; без ключа пять недель')
    .option('--to <день>', 'последний день, включительно; без ключа вчера')
    .addOption(several('--board <доска...>', `доски, не больше ${SOURCES_MAX}; без ключа первые из подключённых`))
    .addOption(choice('--step <шаг>', 'шаг', STEPS).default('week'))
    .option('--min-share <процент>', 'сколько процентов дней шага нужно', String(SHARE_USUAL))
    .addOption(choice('--group <по чему>', 'разбить', GROUPINGS).default('none'))
    .option('--out <файл>', 'записать в файл: .xlsx с графиком, .csv, .svg или .png')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: ReportOptions) => {
        const ending = endingOf(options.out);
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const cabinets = await listCabinets(db, { agencyId: agency.id });
        const boardName = (board: string) => context.boards.find(({ id }) => id === board)?.name ?? board;
        const report = await exportReport(
          {
            db,
            boards: context.boards,
            agencyId: agency.id,
            reach: REACH_ALL,
            columns: cabinets.map(({ id, board, slug }) => ({ id, board, boardName: boardName(board), title: slug })),
            now: context.clock(),
          },
          {
            ...(options.from !== undefined && { from: dayNamed(options.from) }),
            ...(options.to !== undefined && { until: dayNamed(options.to) }),
            ...(options.board && {
              board: options.board.flatMap((text) => text.split(',')).map((name) => context.board(name).id),
            }),
            ...(options.step && { step: options.step }),
            minShare: shareOf(options.minShare),
            ...(options.group && { by: options.group }),
          },
        );
        if (ending === null) {
          context.print(report, () => textOf(report));
          return EXIT.done;
        }
        await writeFile(options.out!, await bytesOf(report, ending));
        context.print({ file: options.out, name: exportFileName(report) }, `Записано: ${options.out}`);
        return EXIT.done;
      }),
    );
  workReportCommands(report, action);
  ownerReportCommands(report, action);
}

const ENDINGS = ['xlsx', 'csv', 'svg', 'png'] as const;
type Ending = (typeof ENDINGS)[number];

function endingOf(out: string | undefined): Ending | null {
  if (out === undefined) return null;
  const ending = ENDINGS.find((one) => out.toLowerCase().endsWith(`.${one}`));
  if (ending) return ending;
  throw new Refusal('report-format', `Файл отчёта бывает ${ENDINGS.map((one) => `.${one}`).join(', ')}.`, EXIT.usage);
}

function shareOf(text: string): number {
  if (/^\d{1,3}$/.test(text)) return Number(text);
  throw new Refusal('bad-share', `--min-share: «${text.slice(0, 20)}», а нужно число от 0 до 100.`, EXIT.usage);
}

/** The libraries are loaded when the first file is asked for. */
async function bytesOf(report: ExportReport, ending: Ending): Promise<Uint8Array | string> {
  if (ending === 'svg') return (await import('../server/export-chart.ts')).exportChartSvg(report);
  if (ending === 'png') return (await import('../server/export-chart.ts')).exportChartPng(report);
  const table = exportTable(report);
  if (ending === 'xlsx') return (await import('../server/xlsx.ts')).exportWorkbook(report, table);
  let text = '';
  for await (const line of csvText(table.columns, table.rows)) text += line;
  return text;
}

function textOf(report: ExportReport): string {
  const { columns, rows } = exportTable(report);
  const shown = [0, 1, ...[...columns.keys()].filter((at) => at > 3)];
  const lines = rows.map((row) => shown.map((at) => String(row[at] ?? '')));
  return [
    `${russianDay(report.from)}–${russianDay(report.until)}, ${GROUPING_LABELS[report.by]}, засчитан от ${report.minShare} % дней шага`,
    aligned([shown.map((at) => columns[at]!.header), ...lines]),
    ...(report.steps.some(({ isUnfinished }) => isUnfinished) ? ['* шаг не завершён'] : []),
  ].join('\n');
}
