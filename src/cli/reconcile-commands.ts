import { Readable } from 'node:stream';
import type { Command } from 'commander';
import type { Board } from '../boards/catalogue.ts';
import { COLUMN_ROLES, type ReportMapping, ROLE_WORDS, readColumns } from '../domain/board-report.ts';
import { csvText } from '../domain/csv.ts';
import { russianDay } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { formatKopecks } from '../domain/money.ts';
import {
  daysTold,
  type Finding,
  LIST_LABELS,
  LISTS,
  type ListName,
  type Reconciled,
  type ReconciledRow,
  type ReconciliationTotals,
} from '../domain/reconcile.ts';
import { agree, formatNumber, placeTold } from '../domain/text.ts';
import {
  type BadRow,
  type Delimiter,
  type GivenReport,
  mappingFrom,
  REPORT_ENCODINGS,
  type ReportEncoding,
  type ReportFile,
  type TakenReport,
  takeReport,
} from '../intake/board-report.ts';
import { openFile } from '../intake/open.ts';
import { comparing, differs, RECONCILED_COLUMNS, reconciledCells, reconcilePeriod } from '../server/reconciliation.ts';
import { type Clash, listReports } from '../store/board-reports.ts';
import type { Database } from '../store/database.ts';
import type { CabinetRow } from '../store/publishing.ts';
import { type ReconcileFrame, reconcileFrame } from '../store/reconcile.ts';
import { aligned } from './columns.ts';
import type { Context } from './context.ts';
import { type Action, choice, several } from './declaring.ts';
import { EXIT } from './exit.ts';
import { actorOf, DEFAULT_CABINET, oneListing, ours } from './naming.ts';
import { toFile } from './statement-commands.ts';
import { cabinetNamed, dayNamed } from './units.ts';

interface CabinetOptions {
  board: string;
  cabinet: string;
  agency?: string;
}

interface LoadOptions extends CabinetOptions {
  map?: string;
  shape?: string;
  day?: string;
  rows?: string;
  only?: string[];
  chargesNegative?: boolean;
  encoding?: ReportEncoding;
  delimiter?: keyof typeof DELIMITER_WORDS;
  from?: string;
  to?: string;
  dryRun?: boolean;
  by?: string;
}

interface ShowOptions extends CabinetOptions {
  from?: string;
  to?: string;
  listing?: string;
  list?: ListName;
  all?: boolean;
  csv?: string;
}

export const DELIMITER_WORDS = { semicolon: ';', comma: ',', tab: '\t' } as const satisfies Record<string, Delimiter>;

const charges = (count: number) => `${formatNumber(count)} ${agree(count, 'списание', 'списания', 'списаний')}`;
const adverts = (count: number) => `${formatNumber(count)} ${agree(count, 'объявление', 'объявления', 'объявлений')}`;
export const rowsTold = (count: number) => `${formatNumber(count)} ${agree(count, 'строка', 'строки', 'строк')}`;

export const spanTold = (from: string, until: string) =>
  from === until ? russianDay(from) : `${russianDay(from)}–${russianDay(until)}`;

const LOAD_HELP = `
Слова для --map: ${COLUMN_ROLES.map((role) => ROLE_WORDS[role]).join(', ')}.
  день        21.11.2026, 2026-11-21, со временем или без; время с поясом переводится в пояс кабинета
  объявление  номер из нашего фида
  номер       номер, который дала сама доска (--avito-id)
  объект      наш номер объекта, #12
  сумма       рубли; со знаком минус — деньги, которые доска вернула
  услуга      за что списано; по ней ищутся повторы
  операция    номер списания у доски; если его нет, равные строки одного файла — разные списания
Что загружено, не меняется и не удаляется: незнакомый файл сначала проверьте с --dry-run.

Примеры:
  accounts reconcile load отчёт.csv --board avito --map "день=Дата,объявление=ID,сумма=Списано,услуга=Услуга" --dry-run
  accounts reconcile load расходы.csv --board cian --map "день=Дата,номер=ID на Циан,сумма=Сумма, руб.,операция=№" --only "Тип=Списание"
  accounts reconcile load fees.json --board avito --shape fees --day 2026-11-21`;

/** @param accounts the command that these stand under */
export function reconcileCommands(accounts: Command, action: Action): void {
  const group = accounts
    .command('reconcile')
    .summary('сверить с доской')
    .description('Сверяет по объектам и дням план, наши списания и списания самой доски из её отчётов.');
  const command = (name: string, summary: string, description: string, isDefault = false) =>
    group
      .command(name, { isDefault })
      .summary(summary)
      .description(description)
      .requiredOption('--board <доска>', 'доска')
      .option('--cabinet <кабинет>', 'кабинет на доске', DEFAULT_CABINET)
      .option('--agency <название>', 'агентство');

  command(
    'show',
    'показать сверку (так же без слова show)',
    'Показывает рядом план, наши списания и списания доски и четыре списка: оплачено, но снято; на доске, но не наше; отмечено, но не размещено; списано дважды. Для каждого — готовая фраза в поддержку доски.',
    true,
  )
    .option('--from <день>', 'первый день; без ключа начало месяца')
    .option('--to <день>', 'последний день, включительно; без ключа сегодня')
    .option('--listing <объект>', 'только этот объект')
    .addOption(choice('--list <список>', 'только фразы одного списка, все', LISTS))
    .option('--all', 'и строки, где всё сходится')
    .option('--csv <файл>', 'все строки в файл для Excel')
    .action(
      action(async (context, options: ShowOptions) => {
        const db = await context.db();
        const cabinet = await cabinetNamed(context, db, options);
        return showReconciliation(context, db, cabinet, options);
      }),
    );

  command(
    'load',
    'загрузить отчёт доски о списаниях',
    'Загружает отчёт доски: CSV (; , или табуляция, UTF-8 или windows-1251) или JSON. Повторная загрузка того же или пересекающегося файла ничего не удваивает. Непонятые строки называются по номерам, остальные загружаются.',
  )
    .argument('<файл>')
    .option('--map <столбцы>', 'что значат столбцы: слово=столбец через запятую')
    .option('--shape <форма>', 'известная форма отчёта доски')
    .option('--day <день>', 'день всех строк, если в файле его нет')
    .option('--rows <путь>', 'JSON: где список записей, например result.operations')
    .addOption(several('--only <столбец=значение...>', 'только строки с этим значением; можно несколько'))
    .option('--charges-negative', 'в файле списания со знаком минус, а возвраты без него')
    .addOption(choice('--encoding <кодировка>', 'кодировка; без ключа определяется сама', REPORT_ENCODINGS))
    .addOption(
      choice('--delimiter <знак>', 'что разделяет столбцы; без ключа определяется само', Object.keys(DELIMITER_WORDS)),
    )
    .option('--from <день>', 'с какого дня отчёт; без ключа с первого списания')
    .option('--to <день>', 'по какой день отчёт; без ключа по последнее списание')
    .option('--dry-run', 'только показать, что понято')
    .option('--by <сотрудник>', 'кто это делает')
    .addHelpText('after', LOAD_HELP)
    .action(
      action(async (context, file: string, options: LoadOptions) => {
        const mapping = mappingOf(context.board(options.board), options);
        const [from, until] = [options.from, options.to].map((day) => (day === undefined ? undefined : dayNamed(day)));
        const db = await context.db();
        const cabinet = await cabinetNamed(context, db, options);
        const by = await actorOf(db, cabinet.agencyId, options.by, 'reconciliation');
        const source = await openFile(file, { what: 'файл отчёта, CSV или JSON' });
        try {
          const name = source.name;
          const report = { bytes: source.bytes, mapping, name, from, until };
          return showLoaded(
            context,
            cabinet,
            name,
            await load(context, db, cabinet, report, options, by.name),
            options,
          );
        } finally {
          await source.close();
        }
      }),
    );

  command(
    'reports',
    'показать загруженные отчёты',
    'Показывает загруженные отчёты доски и какие дни они охватывают.',
  ).action(
    action(async (context, options: CabinetOptions) => {
      const db = await context.db();
      const cabinet = await cabinetNamed(context, db, options);
      const reports = await listReports(db.pool, cabinet);
      context.print({ board: cabinet.board, cabinet: cabinet.slug, reports }, () =>
        reports.length === 0
          ? `${cabinet.name}: отчётов ещё нет: accounts reconcile load --help`
          : reports
              .map(
                ({ id, name, from, until, rows, known, kopecks, by }) =>
                  `№ ${id} «${name}»: ${spanTold(from, until)}, ${charges(rows)}${known > 0 ? ` (из них уже известных ${formatNumber(known)})` : ''}, ${formatKopecks(kopecks)}. Загрузил: ${by}.`,
              )
              .join('\n'),
      );
      return EXIT.done;
    }),
  );
}

// ---------------------------------------------------------------------------------------------------------------------
// Loading

/** @throws Refusal `report-mapping` with everything that is wrong, `shape-unknown` */
function mappingOf(board: Board, options: LoadOptions): ReportMapping {
  if (options.map === undefined && options.shape === undefined) {
    const known = board.reports.map(({ code, title }) => `${code} (${title})`).join(', ');
    const shapes = known === '' ? '' : ` Или назовите известную форму: --shape. ${board.name}: ${known}.`;
    throw new Refusal(
      'report-mapping',
      `Скажите, что значат столбцы файла: --map "день=Дата,объявление=ID,сумма=Списано,услуга=Услуга".${shapes}`,
      EXIT.usage,
    );
  }
  const { columns, faults } = options.map === undefined ? { columns: {}, faults: [] } : readColumns(options.map);
  const only = new Map<string, string[]>();
  const wrong = [...faults];
  for (const pair of options.only ?? []) {
    const at = pair.indexOf('=');
    const column = pair.slice(0, Math.max(0, at)).trim();
    if (column === '') wrong.push(`--only: «${pair.slice(0, 60)}», а нужно столбец=значение.`);
    else only.set(column, [...(only.get(column) ?? []), pair.slice(at + 1).trim()]);
  }
  if (wrong.length > 0) throw new Refusal('report-mapping', `--map и --only: ${wrong.join(' ')}`, EXIT.usage);
  return mappingFrom(board, {
    columns,
    only: [...only].map(([column, values]) => ({ column, values })),
    ...(options.shape !== undefined && { shape: options.shape }),
    ...(options.day !== undefined && { day: dayNamed(options.day) }),
    ...(options.rows !== undefined && { rows: options.rows }),
    ...(options.chargesNegative && { areChargesNegative: true }),
  });
}

/** So many bad rows are told at the terminal. */
export const TOLD = 20;

async function load(
  context: Context,
  db: Database,
  cabinet: CabinetRow,
  report: Omit<GivenReport, 'onRows' | 'onBad'>,
  { dryRun = false, encoding, delimiter }: LoadOptions,
  by: string,
): Promise<TakenReport> {
  const bad: BadRow[] = [];
  let format: ReportFile['format'] = 'csv';
  let count = 0;
  const bar = context.progress('Строк');
  try {
    const given: GivenReport = {
      ...report,
      encoding,
      delimiter: delimiter && DELIMITER_WORDS[delimiter],
      isTrial: dryRun,
      onRows: (read) => bar.at(read),
      onBad: (row, { format: of }) => {
        format = of;
        count++;
        if (bad.length < TOLD) bad.push(row);
      },
    };
    return await takeReport(db, cabinet, given, { name: by }, context.clock());
  } catch (error) {
    if (error instanceof Refusal && bad.length > 0) context.say(badTold(format, bad, count).join('\n'));
    throw error;
  } finally {
    bar.stop();
  }
}

export function badTold(format: ReportFile['format'], bad: readonly BadRow[], count: number): string[] {
  const lines = bad.slice(0, TOLD).map(({ line, reasons }) => `  ${placeTold(format, line)}: ${reasons.join('; ')}`);
  const rest = count - lines.length;
  return rest > 0 ? [...lines, `  … и ещё ${rowsTold(rest)}`] : lines;
}

function clashTold(format: ReportFile['format'], { line, operationId, wasDay, wasKopecks }: Clash): string {
  const was =
    wasDay === null || wasKopecks === null
      ? 'с этим номером в файле есть другая строка'
      : `уже загружена иначе: ${formatKopecks(wasKopecks)} за ${russianDay(wasDay)}`;
  return `  ${placeTold(format, line)}: операция ${operationId} ${was}`;
}

function showLoaded(
  context: Context,
  cabinet: CabinetRow,
  name: string,
  { bad, summary, ...loaded }: TakenReport,
  { dryRun: isTrial = false }: LoadOptions,
): number {
  const { id, isNew, from, until, added, addedKopecks, known, clashes, clashing, strangers, unaddressed } = loaded;
  context.print(
    { board: cabinet.board, cabinet: cabinet.slug, name, isTrial, ...loaded, ...summary, badRows: bad },
    () => {
      const days = spanTold(from, until);
      const what = isTrial
        ? `проба, ничего не загружено. «${name}», ${days}`
        : isNew
          ? `отчёт № ${id} «${name}», ${days}`
          : `файл «${name}» уже загружен, отчёт № ${id}; ничего не изменилось. ${days}`;
      const left = summary.left > 0 ? ` Пропущено по --only: ${rowsTold(summary.left)}.` : '';
      const lines = [
        `${cabinet.name}: ${what}. Новых: ${charges(added)} на ${formatKopecks(addedKopecks)}; уже известных ${formatNumber(known)}.${left}`,
      ];
      if (strangers > 0) lines.push(`Не из этого кабинета: ${charges(strangers)}.`);
      if (unaddressed > 0) lines.push(`Без объявления: ${charges(unaddressed)}.`);
      if (summary.bad > 0)
        lines.push(`Не понято: ${rowsTold(summary.bad)}.`, ...badTold(summary.format, bad, summary.bad));
      if (clashing > 0) {
        lines.push(
          `Не загружено, номер операции занят: ${rowsTold(clashing)}.`,
          ...clashes.slice(0, TOLD).map((clash) => clashTold(summary.format, clash)),
        );
      }
      return lines.join('\n');
    },
  );
  context.say(
    isTrial
      ? 'Загрузить: то же без --dry-run'
      : `Дальше: accounts reconcile --board ${cabinet.board} --cabinet ${cabinet.slug} --from ${from} --to ${until}`,
  );
  return summary.bad > 0 || clashing > 0 ? EXIT.found : EXIT.done;
}

// ---------------------------------------------------------------------------------------------------------------------
// The comparison

async function showReconciliation(
  context: Context,
  db: Database,
  cabinet: CabinetRow,
  options: ShowOptions,
): Promise<number> {
  const frame = await reconcileFrame(db, cabinet, context.clock());
  const [from, until] = [options.from, options.to].map((day) => (day === undefined ? undefined : dayNamed(day)));
  const period = reconcilePeriod(from, until, frame.today);
  const listingId = options.listing === undefined ? null : (await oneListing(db, cabinet.agencyId, options.listing)).id;
  const { reconciliation, rows: compared } = comparing(db, cabinet, frame, period, listingId);
  const kept: ReconciledRow[] = [];
  let count = 0;
  async function* rows(): AsyncGenerator<ReconciledRow, void> {
    for await (const row of compared) {
      count++;
      if (options.all || differs(row)) kept.push(row);
      yield row;
    }
  }
  if (options.csv !== undefined)
    await toFile(options.csv, Readable.from(csvText(RECONCILED_COLUMNS, reconciledCells(rows()))));
  else for await (const _ of rows());
  const result = reconciliation.result();
  const { totals, covered, uncovered, unrecorded, lists } = result;
  context.print(
    {
      ...{ board: cabinet.board, cabinet: cabinet.slug, zone: frame.zone, ...period, today: frame.today },
      ...{ reports: frame.reports, totals, covered, uncoveredDays: uncovered, unrecordedDays: unrecorded, lists },
      ...{ rowCount: count, rows: kept, csv: options.csv ?? null },
    },
    () =>
      options.list === undefined
        ? reconciliationText(cabinet, frame, period, result, kept, options)
        : lists[options.list].map(({ sentence }) => sentence).join('\n') || 'Список пуст.',
  );
  if (options.csv !== undefined) context.say(`${options.csv}: ${rowsTold(count)}.`);
  if (frame.reports.length === 0)
    context.say(`Отчётов доски ещё нет. Загрузить: accounts reconcile load <файл> --board ${cabinet.board} --help`);
  return LISTS.some((list) => lists[list].length > 0) ? EXIT.found : EXIT.done;
}

function reconciliationText(
  cabinet: CabinetRow,
  { zone }: ReconcileFrame,
  { from, until }: { readonly from: string; readonly until: string },
  { totals, covered, uncovered, unrecorded, lists }: Reconciled,
  rows: readonly ReconciledRow[],
  { all = false }: ShowOptions,
): string {
  const parts = [
    `${cabinet.name} / ${cabinet.slug}, ${russianDay(from)}–${russianDay(until)} (${zone}).`,
    totalsText(totals, covered, uncovered.length),
  ];
  if (uncovered.length > 0) parts.push(`Без отчёта доски за весь день: ${daysTold(uncovered)}.`);
  if (unrecorded.length > 0) parts.push(`Неизвестно, что было в фиде: ${daysTold(unrecorded)}.`);
  if (rows.length > 0) parts.push(rowsText(rows, all));
  for (const list of LISTS) parts.push(listText(list, lists[list]));
  return parts.join('\n\n');
}

function totalsText(all: ReconciliationTotals, covered: Reconciled['covered'], uncovered: number): string {
  const line = (name: string, key: keyof ReconciliationTotals) => [
    name,
    formatKopecks(all[key]),
    formatKopecks(covered[key]),
    '',
  ];
  const days = `за ${formatNumber(covered.days)} ${agree(covered.days, 'день', 'дня', 'дней')} с отчётом`;
  const optional = (name: string, key: keyof ReconciliationTotals) => (all[key] === 0 ? [] : [line(name, key)]);
  const lines = [
    ['', 'всего', days, ''],
    line('План', 'plannedKopecks'),
    line('Списано нами', 'chargedKopecks'),
    ...optional('Удержано нами', 'heldKopecks'),
    ...optional('Не взято: платить было некому', 'waivedKopecks'),
    line('Списано доской', 'boardKopecks'),
    ...optional('  из них за чужие объявления', 'strangersKopecks'),
    ...optional('  из них без объявления', 'unaddressedKopecks'),
    ['Разница (доска минус мы)', '', formatKopecks(covered.differenceKopecks), ''],
  ];
  // Where every day has its report the two columns say the same.
  return aligned(uncovered === 0 ? lines.map(([name, sum, same]) => [name!, sum || same!, '']) : lines);
}

function rowsText(rows: readonly ReconciledRow[], all: boolean): string {
  const sum = (kopecks: number | null) => (kopecks === null ? '—' : formatKopecks(kopecks));
  const table = rows
    .slice(0, TOLD)
    .map((row) => [
      `${russianDay(row.day)} ${row.advert}${row.listingId === null ? '' : ` (${ours(row.listingId)})`}`,
      sum(row.plannedKopecks),
      sum(row.chargedKopecks),
      sum(row.heldKopecks),
      sum(row.boardKopecks),
      sum(row.differenceKopecks),
      row.lists.map((list) => LIST_LABELS[list].toLowerCase()).join(', '),
    ]);
  const head = ['', 'план', 'списали', 'держим', 'доска', 'разница', ''];
  const rest = rows.length - table.length;
  const more = rest > 0 ? `\n… и ещё ${rowsTold(rest)}: --csv или --json` : '';
  return `${all ? 'По объектам и дням' : 'Где не сходится'}:\n${aligned([head, ...table])}${more}`;
}

/** So many lines of a list are printed with the others; `--list` prints it whole. */
const SENTENCES_TOLD = 10;

function listText(list: ListName, findings: readonly Finding[]): string {
  if (findings.length === 0) return `${LIST_LABELS[list]}: нет.`;
  const claim = findings.reduce((all, { claimKopecks }) => all + claimKopecks, 0);
  const head = `${LIST_LABELS[list]}: ${adverts(findings.length)}${claim > 0 ? `, вернуть ${formatKopecks(claim)}` : ''}.`;
  const rest = findings.length - SENTENCES_TOLD;
  return [
    head,
    ...findings.slice(0, SENTENCES_TOLD).map(({ sentence }) => `  ${sentence}`),
    ...(rest > 0 ? [`  … и ещё ${adverts(rest)}: --list ${list}`] : []),
  ].join('\n');
}
