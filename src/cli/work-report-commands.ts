import { Readable } from 'node:stream';
import type { Command } from 'commander';
import { csvText } from '../domain/csv.ts';
import { russianDay, russianMoment } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { PERIOD_DAYS_MAX } from '../domain/report-words.ts';
import { REACH_ALL } from '../domain/rights.ts';
import { AGE_BUCKETS, toldMinutes, WORK_GROUPINGS, WORK_WORDS, type WorkGrouping } from '../domain/work-report.ts';
import { shareOf, type WorkReport, workBook, workFileName, workReport, workTable } from '../server/work-report.ts';
import { resolveAgency } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import { aligned } from './columns.ts';
import { type Action, choice, several } from './declaring.ts';
import { EXIT } from './exit.ts';
import { narrowedLine } from './report-commands.ts';
import { toFile } from './statement-commands.ts';
import { dayNamed, oneBranch } from './units.ts';

interface WorkOptions {
  from?: string;
  to?: string;
  by?: WorkGrouping;
  branch?: string[];
  out?: string;
  agency?: string;
}

/** @param report the command that this one stands under */
export function workReportCommands(report: Command, action: Action): void {
  report
    .command('work')
    .summary('работа: время до одобрения, возвраты, очередь, сроки и нормы')
    .description(
      `Сколько ждут одобрения, что возвращают и почему, сколько одобрено с первого раза; что сейчас ждёт в очереди, не подтверждено в срок и ниже нормы. Не больше ${PERIOD_DAYS_MAX} дней.\n\n${Object.values(
        WORK_WORDS,
      )
        .map(({ title, definition }) => `${title}. ${definition}`)
        .join('\n\n')}`,
    )
    .option('--from <день>', 'первый день; без ключа пять недель')
    .option('--to <день>', 'последний день, включительно; без ключа сегодня')
    .addOption(choice('--by <по чему>', 'разбить', WORK_GROUPINGS).default('none'))
    .addOption(several('--branch <филиал...>', 'только эти филиалы'))
    .option('--out <файл>', 'записать в файл: .xlsx или .csv')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: WorkOptions) => {
        const ending = options.out === undefined ? null : /\.(xlsx|csv)$/i.exec(options.out)?.[1]?.toLowerCase();
        if (ending === undefined) throw new Refusal('report-format', 'Файл отчёта бывает .xlsx, .csv.', EXIT.usage);
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const made = await workReport(
          { db, agencyId: agency.id, reach: REACH_ALL, now: context.clock() },
          {
            ...(options.from !== undefined && { from: dayNamed(options.from) }),
            ...(options.to !== undefined && { until: dayNamed(options.to) }),
            ...(options.by && { by: options.by }),
            ...(options.branch && { branch: await branchesNamed(db, agency.id, options.branch) }),
          },
        );
        if (ending === null) {
          context.print(made, () => textOf(made));
          return EXIT.done;
        }
        const { columns, rows } = workTable(made);
        await toFile(
          options.out!,
          ending === 'csv' ? Readable.from(csvText(columns, rows)) : Readable.from([Buffer.from(await workBook(made))]),
        );
        context.print({ file: options.out, name: workFileName(made) }, `Записано: ${options.out}`);
        return EXIT.done;
      }),
    );
}

/** @throws Refusal as `oneBranch` */
async function branchesNamed(db: Database, agencyId: number, names: readonly string[]): Promise<number[]> {
  const ids: number[] = [];
  for (const name of names.flatMap((text) => text.split(','))) ids.push((await oneBranch(db, agencyId, name)).id);
  return ids;
}

const told = (minutes: number | null) => (minutes === null ? '–' : toldMinutes(minutes));
const aged = ({ count, oldestMinutes, medianMinutes }: WorkReport['total']['queue']['ready']) =>
  count === 0 ? '0' : `${count} (старейший ${told(oldestMinutes)}, медиана ${told(medianMinutes)})`;
const share = (count: number, of: number) => (of === 0 ? '–' : `${count} из ${of} (${shareOf(count, of)} %)`);

function textOf(report: WorkReport): string {
  const all = [
    ...report.groups.map(({ name, figures }) => ({ name, figures })),
    { name: 'Всего', figures: report.total },
  ];
  const lines = all.map(({ name, figures: { approval, returns, first, queue, stale, norms } }) => [
    name,
    `${told(approval.medianMinutes)} / ${told(approval.p90Minutes)} (${approval.count})`,
    String(returns.count),
    share(first.right, first.count),
    `${queue.count}, из них только модератора ${queue.ready.count}`,
    share(stale.count, stale.of),
    share(norms.photos, norms.of),
    share(norms.texts, norms.of),
  ]);
  const { total } = report;
  return [
    `Работа ${russianDay(report.from)}–${russianDay(report.until)}; очередь, сроки и нормы на ${russianMoment(new Date(report.at), report.zone)}`,
    ...narrowedLine(report.narrowed),
    aligned([
      [
        '',
        'До одобрения: медиана / 90 %',
        'Возвратов',
        'С первого раза',
        'Очередь',
        'Не подтв. в срок',
        'Фото ниже',
        'Тексты ниже',
      ],
      ...lines,
    ]),
    `Решений модератора ${total.decided.count}: одобрено ${total.decided.approved}, возвращено ${total.returns.count}; ответственный того дня записан у ${report.owners.recorded}. Кроме них, без просмотра: принято при включении модерации ${total.decided.accepted}, по доверию ${total.decided.trusted}.`,
    `В очереди ${total.queue.count}: ждут только модератора ${aged(total.queue.ready)}, держит и другое ${aged(total.queue.stopped)}`,
    `По возрасту вся очередь: ${AGE_BUCKETS.map(({ label }, at) => `${label} ${total.queue.buckets[at]}`).join(', ')}; отложено ${total.queue.putAside}`,
    ...(total.returns.byReason.length === 0
      ? []
      : ['Возвраты по причинам:', aligned(total.returns.byReason.map(({ text, count }) => [text, String(count)]))]),
    ...(report.agents.length === 0
      ? []
      : [
          'Агенты:',
          aligned([
            ['', 'решений', 'возвратов', 'с первого раза'],
            ...report.agents.map(({ name, decided, returned, first, right }) => [
              name,
              String(decided),
              String(returned),
              share(right, first),
            ]),
          ]),
        ]),
  ].join('\n');
}
