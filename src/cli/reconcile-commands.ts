import { Readable } from 'node:stream';
import type { Command } from 'commander';
import type { Board } from '../boards/catalogue.ts';
import { COLUMN_ROLES, mappingFaults, type ReportMapping, ROLE_WORDS, readColumns } from '../domain/board-report.ts';
import { addDays, daysBetween, russianDay } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { OUTCOME_LABELS } from '../domain/gates.ts';
import { formatKopecks } from '../domain/money.ts';
import {
  daysTold,
  type Finding,
  LIST_LABELS,
  LISTS,
  type ListName,
  type Reconciled,
  type ReconciledRow,
  Reconciliation,
  type ReconciliationTotals,
} from '../domain/reconcile.ts';
import { agree, formatNumber } from '../domain/text.ts';
import {
  type Delimiter,
  openReport,
  REPORT_ENCODINGS,
  type ReportEncoding,
  type ReportFile,
} from '../intake/board-report.ts';
import { openFile } from '../intake/open.ts';
import { type ChargeLine, type Clash, type LoadedReport, listReports, loadReport } from '../store/board-reports.ts';
import type { Database } from '../store/database.ts';
import type { CabinetRow } from '../store/publishing.ts';
import { type ReconcileFrame, reconcileDays, reconcileFrame } from '../store/reconcile.ts';
import { aligned } from './columns.ts';
import { type Context, EXIT } from './context.ts';
import { type Column, csvText, type Row } from './csv.ts';
import { actorOf, DEFAULT_CABINET, oneListing, ours } from './naming.ts';
import { type Action, choice, several } from './program.ts';
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
  until?: string;
  dryRun?: boolean;
  by?: string;
}

interface ShowOptions extends CabinetOptions {
  from?: string;
  until?: string;
  listing?: string;
  list?: ListName;
  all?: boolean;
  csv?: string;
}

const DELIMITER_WORDS = { semicolon: ';', comma: ',', tab: '\t' } as const satisfies Record<string, Delimiter>;

const charges = (count: number) => `${formatNumber(count)} ${agree(count, 'списание', 'списания', 'списаний')}`;
const adverts = (count: number) => `${formatNumber(count)} ${agree(count, 'объявление', 'объявления', 'объявлений')}`;
const rowsTold = (count: number) => `${formatNumber(count)} ${agree(count, 'строка', 'строки', 'строк')}`;

const spanTold = (from: string, until: string) =>
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
    .option('--until <день>', 'последний день, включительно; без ключа сегодня')
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
    .option('--until <день>', 'по какой день отчёт; без ключа по последнее списание')
    .option('--dry-run', 'только показать, что понято')
    .option('--by <сотрудник>', 'кто это делает')
    .addHelpText('after', LOAD_HELP)
    .action(
      action(async (context, file: string, options: LoadOptions) => {
        const mapping = mappingOf(context.board(options.board), options);
        const [from, until] = [options.from, options.until].map((day) =>
          day === undefined ? undefined : dayNamed(day),
        );
        const db = await context.db();
        const cabinet = await cabinetNamed(context, db, options);
        const by = await actorOf(db, cabinet.agencyId, options.by, 'reconciliation');
        const { zone, today } = await reconcileFrame(db, cabinet, context.clock());
        if (until !== undefined && until > today)
          throw new Refusal('bad-day', `--until: ${russianDay(until)} ещё не наступил.`, EXIT.usage);
        const source = await openFile(file, { what: 'файл отчёта, CSV или JSON' });
        try {
          // A board may count its days by a zone that is ahead of the cabinet's.
          const place = { zone, lastDay: addDays(today, 1) };
          const given = {
            encoding: options.encoding,
            delimiter: options.delimiter && DELIMITER_WORDS[options.delimiter],
          };
          const report = await openReport(source.bytes, { mapping, ...place, ...given });
          const loaded = await load(context, db, cabinet, report, { name: source.name, from, until }, options, by.name);
          return showLoaded(context, cabinet, source.name, report, loaded, options.dryRun === true);
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
  const known = board.reports.map(({ code, title }) => `${code} (${title})`).join(', ');
  const shape = board.reports.find(({ code }) => code === options.shape);
  if (options.shape !== undefined && !shape) {
    const told = known === '' ? `форм отчётов доски ${board.name} мы не знаем` : `есть: ${known}`;
    throw new Refusal('shape-unknown', `Формы «${options.shape.slice(0, 60)}» нет: ${told}.`, EXIT.usage);
  }
  if (options.map === undefined && !shape) {
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
  const rows = options.rows ?? shape?.rows;
  const mapping: ReportMapping = {
    columns: { ...shape?.columns, ...columns },
    only: [...only].map(([column, values]) => ({ column, values })),
    ...(options.day !== undefined && { day: dayNamed(options.day) }),
    ...(rows !== undefined && { rows }),
    ...(shape?.placements && { placements: shape.placements }),
    ...(options.chargesNegative && { areChargesNegative: true }),
  };
  const lacks = mappingFaults(mapping);
  if (lacks.length > 0)
    throw new Refusal('report-mapping', [...lacks, ...(shape?.note ? [shape.note] : [])].join(' '), EXIT.usage);
  return mapping;
}

interface BadRow {
  readonly line: number;
  readonly reasons: readonly string[];
}

/** So many bad rows are remembered, and so many are told at the terminal. */
const BAD_KEPT = 1000;
const TOLD = 20;

interface Loaded extends LoadedReport {
  readonly bad: readonly BadRow[];
}

async function load(
  context: Context,
  db: Database,
  cabinet: CabinetRow,
  report: ReportFile,
  given: { readonly name: string; readonly from: string | undefined; readonly until: string | undefined },
  { dryRun = false }: LoadOptions,
  by: string,
): Promise<Loaded> {
  const bad: BadRow[] = [];
  const bar = context.progress('Строк');
  async function* understood(): AsyncGenerator<ChargeLine, void> {
    let read = 0;
    for await (const item of report.items) {
      if (++read % 5000 === 0) bar.at(read);
      if ('charge' in item) yield item;
      else if (bad.length < BAD_KEPT) bad.push(item);
    }
  }
  try {
    const sha256 = () => report.summary().sha256;
    const whole = { ...given, charges: understood(), sha256, isTrial: dryRun };
    const loaded = await loadReport(db, cabinet, whole, { name: by }, context.clock());
    return { ...loaded, bad };
  } catch (error) {
    if (error instanceof Refusal && bad.length > 0) context.say(badTold(report, bad, report.summary().bad).join('\n'));
    throw error;
  } finally {
    bar.stop();
  }
}

const placeTold = ({ format }: ReportFile, line: number) => `${format === 'csv' ? 'строка' : 'запись'} ${line}`;

function badTold(report: ReportFile, bad: readonly BadRow[], count: number): string[] {
  const lines = bad.slice(0, TOLD).map(({ line, reasons }) => `  ${placeTold(report, line)}: ${reasons.join('; ')}`);
  const rest = count - lines.length;
  return rest > 0 ? [...lines, `  … и ещё ${rowsTold(rest)}`] : lines;
}

function clashTold(report: ReportFile, { line, operationId, wasDay, wasKopecks }: Clash): string {
  const was =
    wasDay === null || wasKopecks === null
      ? 'с этим номером в файле есть другая строка'
      : `уже загружена иначе: ${formatKopecks(wasKopecks)} за ${russianDay(wasDay)}`;
  return `  ${placeTold(report, line)}: операция ${operationId} ${was}`;
}

function showLoaded(
  context: Context,
  cabinet: CabinetRow,
  name: string,
  report: ReportFile,
  { bad, ...loaded }: Loaded,
  isTrial: boolean,
): number {
  const summary = report.summary();
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
      if (summary.bad > 0) lines.push(`Не понято: ${rowsTold(summary.bad)}.`, ...badTold(report, bad, summary.bad));
      if (clashing > 0) {
        lines.push(
          `Не загружено, номер операции занят: ${rowsTold(clashing)}.`,
          ...clashes.slice(0, TOLD).map((clash) => clashTold(report, clash)),
        );
      }
      return lines.join('\n');
    },
  );
  context.say(
    isTrial
      ? 'Загрузить: то же без --dry-run'
      : `Дальше: accounts reconcile --board ${cabinet.board} --cabinet ${cabinet.slug} --from ${from} --until ${until}`,
  );
  return summary.bad > 0 || clashing > 0 ? EXIT.found : EXIT.done;
}

// ---------------------------------------------------------------------------------------------------------------------
// The comparison

const DAYS_MAX = 366;

function periodOf({ from, until }: ShowOptions, today: string): { readonly from: string; readonly until: string } {
  const last = until === undefined ? today : dayNamed(until);
  const first = from === undefined ? `${(last > today ? today : last).slice(0, 8)}01` : dayNamed(from);
  if (first > last)
    throw new Refusal(
      'bad-period',
      `Период кончается (${russianDay(last)}) раньше, чем начинается (${russianDay(first)}).`,
      EXIT.usage,
    );
  if (first > today)
    throw new Refusal(
      'bad-period',
      `Период начинается ${russianDay(first)}, а сегодня ${russianDay(today)}: сверять ещё нечего.`,
      EXIT.usage,
    );
  if (daysBetween(first, last) >= DAYS_MAX)
    throw new Refusal('bad-period', `Период длиннее ${DAYS_MAX} дней: сверяйте по частям.`, EXIT.usage);
  return { from: first, until: last > today ? today : last };
}

/** Is there something to tell about the row? */
const differs = ({
  lists,
  differenceKopecks,
  plannedKopecks,
  chargedKopecks,
  heldKopecks,
  waivedKopecks,
}: ReconciledRow) =>
  lists.length > 0 ||
  (differenceKopecks !== null && differenceKopecks !== 0) ||
  (plannedKopecks !== null && plannedKopecks !== chargedKopecks + heldKopecks + waivedKopecks);

async function showReconciliation(
  context: Context,
  db: Database,
  cabinet: CabinetRow,
  options: ShowOptions,
): Promise<number> {
  const frame = await reconcileFrame(db, cabinet, context.clock());
  const period = periodOf(options, frame.today);
  const listingId = options.listing === undefined ? null : (await oneListing(db, cabinet.agencyId, options.listing)).id;
  const reconciliation = new Reconciliation(frame.tariffs, frame.sells);
  const kept: ReconciledRow[] = [];
  let count = 0;
  async function* rows(): AsyncGenerator<ReconciledRow, void> {
    for await (const facts of reconcileDays(db, cabinet, frame, period.from, period.until, listingId)) {
      for (const row of reconciliation.day(facts)) {
        count++;
        if (options.all || differs(row)) kept.push(row);
        yield row;
      }
    }
  }
  if (options.csv !== undefined) await toFile(options.csv, Readable.from(csvText(COLUMNS, spread(rows()))));
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

const COLUMNS: readonly Column[] = [
  { header: 'День', kind: 'day', width: 12 },
  { header: 'Объект', kind: 'text', width: 10 },
  { header: 'Номер в источнике', kind: 'text', width: 18 },
  { header: 'Объявление', kind: 'text', width: 18 },
  { header: 'Итог дня', kind: 'text', width: 20 },
  { header: 'План, ₽', kind: 'kopecks', width: 12 },
  { header: 'Списано нами, ₽', kind: 'kopecks', width: 16 },
  { header: 'Удержано нами, ₽', kind: 'kopecks', width: 16 },
  { header: 'Не взято, ₽', kind: 'kopecks', width: 12 },
  { header: 'Списано доской, ₽', kind: 'kopecks', width: 18 },
  { header: 'Списаний доски', kind: 'count', width: 14 },
  { header: 'Разница, ₽', kind: 'kopecks', width: 12 },
  { header: 'Замечание', kind: 'text', width: 30 },
];

async function* spread(rows: AsyncIterable<ReconciledRow>): AsyncGenerator<Row, void> {
  for await (const row of rows) {
    yield [
      row.day,
      row.listingId === null ? null : ours(row.listingId),
      row.externalId,
      row.advert,
      row.outcome === null ? null : OUTCOME_LABELS[row.outcome],
      row.plannedKopecks,
      row.chargedKopecks,
      row.heldKopecks,
      row.waivedKopecks,
      row.boardKopecks,
      row.boardCharges,
      row.differenceKopecks,
      row.lists.map((list) => LIST_LABELS[list]).join(', '),
    ];
  }
}
