import type { Command } from 'commander';
import { russianDay } from '../domain/days.ts';
import { formatKopecks } from '../domain/money.ts';
import {
  MONEY_GROUPING_LABELS,
  MONEY_GROUPINGS,
  type MoneyGrouping,
  PERIOD_DAYS_MAX,
  STEPS,
  type Step,
} from '../domain/report-words.ts';
import { formatNumber } from '../domain/text.ts';
import { type MoneyReport, moneyFile, moneyReport } from '../server/money-report.ts';
import { resolveAgency } from '../store/agencies.ts';
import { aligned } from './columns.ts';
import { type Action, choice, several } from './declaring.ts';
import { EXIT } from './exit.ts';
import { endingOf, narrowedLine, reporterFor } from './report-commands.ts';
import { toFile } from './statement-commands.ts';
import { dayNamed, oneBranch } from './units.ts';

interface MoneyOptions {
  from?: string;
  to?: string;
  board?: string[];
  branch?: string[];
  by: MoneyGrouping;
  step: Step;
  out?: string;
  agency?: string;
}

/** @param report the command «report» */
export function moneyReportCommands(report: Command, action: Action): void {
  report
    .command('money')
    .summary('расходы: потрачено, цена дня и звонка, сэкономлено')
    .description(
      `Сколько потрачено на досках за период, не больше ${PERIOD_DAYS_MAX} дней: списания минус возвраты за местный день. Чей объект, решает день списания: кто перешёл, считается там, где был тогда.`,
    )
    .option('--from <день>', 'первый день; без ключа пять недель с понедельника, при шаге в месяц – три месяца')
    .option('--to <день>', 'последний день, включительно; без ключа вчера')
    .addOption(choice('--by <по чему>', 'разбить', MONEY_GROUPINGS).default('board'))
    .addOption(several('--board <доска...>', 'только эти доски'))
    .addOption(several('--branch <филиал...>', 'только объекты этих филиалов'))
    .addOption(choice('--step <шаг>', 'шаг столбцов в файле и в --json', STEPS).default('week'))
    .option('--out <файл>', 'записать в файл: .xlsx, .csv, .svg или .png с графиком')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: MoneyOptions) => {
        const format = endingOf(options.out);
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const branch: number[] = [];
        for (const name of options.branch ?? []) branch.push((await oneBranch(db, agency.id, name)).id);
        const told = await moneyReport(await reporterFor(context, db, agency.id), {
          ...(options.from !== undefined && { from: dayNamed(options.from) }),
          ...(options.to !== undefined && { until: dayNamed(options.to) }),
          ...(options.board && { board: options.board }),
          ...(branch.length > 0 && { branch }),
          ...{ by: options.by, step: options.step },
        });
        if (format === null) {
          context.print(told, () => textOf(told));
          return EXIT.done;
        }
        await toFile(options.out!, await moneyFile(told, format));
        context.print(
          { file: options.out, totals: told.totals },
          `${options.out}: потрачено ${formatKopecks(told.totals.spentKopecks)}.`,
        );
        return EXIT.done;
      }),
    );
}

function textOf({ from, until, by, narrowed, rows, totals, steps, notes }: MoneyReport): string {
  const money = (kopecks: number | null) => (kopecks === null ? '–' : formatKopecks(kopecks));
  const count = (value: number | null) => (value === null ? '–' : formatNumber(value));
  const line = (name: string, one: MoneyReport['totals']) => [
    name,
    money(one.spentKopecks),
    count(one.days),
    money(one.dayKopecks),
    count(one.calls),
    money(one.callKopecks),
    money(one.savedByPausesKopecks + one.savedByLeavingKopecks),
  ];
  const { correctedKopecks, waivedKopecks, refundedKopecks } = totals;
  return [
    `${russianDay(from)}–${russianDay(until)}, ${MONEY_GROUPING_LABELS[by]}`,
    ...narrowedLine(narrowed),
    aligned([
      ['', 'потрачено', 'дней в фиде', 'день', 'звонки', 'звонок', 'сэкономлено'],
      ...rows.map((row) => line(row.name, row)),
      line('Всего', totals),
    ]),
    ...(refundedKopecks > 0 ? [`Возвращено: ${formatKopecks(refundedKopecks)}, из потраченного уже вычтено.`] : []),
    ...(waivedKopecks > 0 ? [`Показано и не взято: ${formatKopecks(waivedKopecks)}.`] : []),
    ...(correctedKopecks === 0 ? [] : [`Встречные записи, сверх этого: ${formatKopecks(correctedKopecks)} на счета.`]),
    ...(steps.some(({ isUnfinished }) => isUnfinished) ? ['Последние дни ещё не записаны.'] : []),
    ...notes,
  ].join('\n');
}
