import type { Command } from 'commander';
import { AUDIENCE_ROLES, AUDIENCE_WORDS } from '../domain/audience.ts';
import { readRoles } from '../domain/board-report.ts';
import { Refusal } from '../domain/fault.ts';
import { agree, formatNumber, placeTold } from '../domain/text.ts';
import { type TakenAudience, takeAudience } from '../intake/audience.ts';
import { REPORT_ENCODINGS, type ReportEncoding } from '../intake/board-report.ts';
import { openFile } from '../intake/open.ts';
import type { CabinetRow } from '../store/publishing.ts';
import { type Action, choice } from './declaring.ts';
import { EXIT } from './exit.ts';
import { actorOf, DEFAULT_CABINET } from './naming.ts';
import { badTold, DELIMITER_WORDS, rowsTold, spanTold, TOLD } from './reconcile-commands.ts';
import { cabinetNamed, dayNamed } from './units.ts';

interface LoadOptions {
  board: string;
  cabinet: string;
  agency?: string;
  file: string;
  map: string;
  day?: string;
  rows?: string;
  encoding?: ReportEncoding;
  delimiter?: keyof typeof DELIMITER_WORDS;
  dryRun?: boolean;
  by?: string;
}

const HELP = `
Слова для --map: ${AUDIENCE_ROLES.map((role) => AUDIENCE_WORDS[role]).join(', ')}.
  день        21.11.2026, 2026-11-21, со временем или без; время с поясом переводится в пояс кабинета
  объявление  номер из нашего фида
  номер       номер, который дала сама доска
  объект      наш номер объекта, #12
  просмотры   целое число; пустая ячейка – не известно, и это не ноль
  звонки      целое число; можно только звонки или только просмотры
Загруженное дважды не удваивается: новое число заменяет прежнее, а пустое прежнего не стирает.

Примеры:
  audience load --board avito --file статистика.csv --map "день=Дата,объявление=ID,просмотры=Просмотры,звонки=Звонки" --dry-run
  audience load --board cian --file calls.json --rows result.items --map "день=date,номер=offerId,звонки=calls"`;

const listingDays = (count: number) =>
  `${formatNumber(count)} ${agree(count, 'день объекта', 'дня объектов', 'дней объектов')}`;

export function audienceCommands(program: Command, action: Action): void {
  program
    .command('audience')
    .summary('просмотры и звонки по объявлениям')
    .description(
      'Просмотры и звонки, о которых сообщили доски или телефония: из них отчёт о расходах считает цену звонка.',
    )
    .command('load')
    .summary('загрузить просмотры и звонки')
    .description(
      'Загружает просмотры и звонки по объявлениям и дням: CSV (; , или табуляция, UTF-8 или windows-1251) или JSON. Повторная загрузка заменяет числа и ничего не удваивает; плохая строка названа и остальным не мешает.',
    )
    .requiredOption('--board <доска>', 'доска')
    .option('--cabinet <кабинет>', 'кабинет доски', DEFAULT_CABINET)
    .option('--agency <название>', 'агентство')
    .requiredOption('--file <файл>', 'файл, CSV или JSON')
    .requiredOption('--map <столбцы>', 'что значат столбцы: слово=столбец через запятую')
    .option('--day <день>', 'день всех строк, если в файле его нет')
    .option('--rows <путь>', 'JSON: где список записей, например result.items')
    .addOption(choice('--encoding <кодировка>', 'кодировка; без ключа определяется сама', REPORT_ENCODINGS))
    .addOption(
      choice('--delimiter <знак>', 'что разделяет столбцы; без ключа определяется само', Object.keys(DELIMITER_WORDS)),
    )
    .option('--dry-run', 'только показать, что понято')
    .option('--by <сотрудник>', 'кто это делает')
    .addHelpText('after', HELP)
    .action(
      action(async (context, options: LoadOptions) => {
        const { columns, faults } = readRoles(options.map, AUDIENCE_WORDS);
        if (faults.length > 0) throw new Refusal('report-mapping', `--map: ${faults.join(' ')}`, EXIT.usage);
        const mapping = {
          columns,
          ...(options.day !== undefined && { day: dayNamed(options.day) }),
          ...(options.rows !== undefined && { rows: options.rows }),
        };
        const db = await context.db();
        const cabinet = await cabinetNamed(context, db, options);
        const by = await actorOf(db, cabinet.agencyId, options.by, 'reconciliation');
        const source = await openFile(options.file, { what: 'файл с просмотрами и звонками, CSV или JSON' });
        const bar = context.progress('Строк');
        try {
          const taken = await takeAudience(
            db,
            cabinet,
            {
              ...{ mapping, name: source.name, bytes: source.bytes, encoding: options.encoding },
              delimiter: options.delimiter && DELIMITER_WORDS[options.delimiter],
              isTrial: options.dryRun ?? false,
              onRows: (count) => bar.at(count),
            },
            { name: by.name },
            context.clock(),
          );
          const { board, slug } = cabinet;
          context.print({ board, cabinet: slug, isTrial: options.dryRun ?? false, ...taken }, () =>
            textOf(cabinet, source.name, taken, options.dryRun ?? false),
          );
          return taken.badRows + taken.unknownRows + taken.repeatedRows > 0 ? EXIT.found : EXIT.done;
        } finally {
          bar.stop();
          await source.close();
        }
      }),
    );
}

function textOf(cabinet: CabinetRow, name: string, taken: TakenAudience, isTrial: boolean): string {
  const { added, replaced, same, from, until, unknown, unknownRows, repeated, repeatedRows, bad, badRows, format } =
    taken;
  const days = from === null ? 'подходящих строк нет' : spanTold(from, until!);
  const more = (count: number, shown: number) => (count > shown ? [`  … и ещё ${rowsTold(count - shown)}`] : []);
  return [
    `${cabinet.name}: ${isTrial ? 'проба, ничего не загружено. ' : ''}«${name}», ${days}. Новых: ${listingDays(added)}; исправлено ${formatNumber(replaced)}; без изменений ${formatNumber(same)}.`,
    ...(unknownRows > 0
      ? [
          `Не из этого кабинета: ${rowsTold(unknownRows)}.`,
          ...unknown.slice(0, TOLD).map(({ line, name: told }) => `  ${placeTold(format, line)}: ${told}`),
          ...more(unknownRows, Math.min(TOLD, unknown.length)),
        ]
      : []),
    ...(repeatedRows > 0
      ? [
          `Объект и день повторены, взята последняя: ${rowsTold(repeatedRows)}.`,
          ...repeated
            .slice(0, TOLD)
            .map(({ line, name: told, heldLine }) => `  ${placeTold(format, line)}: ${told}, взята ${heldLine}`),
          ...more(repeatedRows, Math.min(TOLD, repeated.length)),
        ]
      : []),
    ...(badRows > 0 ? [`Не понято: ${rowsTold(badRows)}.`, ...badTold(format, bad, badRows)] : []),
  ].join('\n');
}
