import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { strFromU8, strToU8, unzipSync, zipSync } from 'fflate';
import { writeXlsx, writeXlsxStream, XLSX_MAX_ROWS_PER_SHEET } from 'hucre/xlsx';
import type { ExportReport } from '../contracts/export-report.ts';
import { type Cell, type Column, DAY, type Row, type Table } from '../domain/csv.ts';
import { russianDay } from '../domain/days.ts';
import { SERIES, SERIES_LABELS } from '../domain/export-report.ts';
import { plainRoubles } from '../domain/money.ts';
import { NAMES_FEW, NAMES_MANY, type Narrowed, narrowedText } from '../domain/report-mail.ts';
import { legalXml } from '../domain/text.ts';

/** Tables as Excel workbooks: the one place that knows the library. */

/** The most characters that a cell of Excel holds. */
const CELL_CHARS = 32_767;
/** Excel keeps fifteen digits of a number; a sum with more of them is written as text. */
const EXACT_KOPECKS = 1e15;

/**
 * The table as the bytes of a workbook, row by row as they come. What does not fit on a sheet goes on on the next one,
 * under the same header. A text is a text: whatever it begins with, it is never a formula.
 * @param rowsPerSheet with the header
 */
export function xlsxBytes(
  name: string,
  columns: readonly Column[],
  rows: AsyncIterable<Row> | Iterable<Row>,
  rowsPerSheet = XLSX_MAX_ROWS_PER_SHEET,
): Readable {
  const stream = writeXlsxStream(cellsOf(columns, rows), {
    name,
    columns: columns.map(({ header, kind, width }) => ({
      header,
      width,
      ...(FORMATS[kind] && { numFmt: FORMATS[kind] }),
    })),
    freezePane: { rows: 1 },
    maxRowsPerSheet: rowsPerSheet,
  });
  return Readable.fromWeb(stream as ReadableStream);
}

const FORMATS: Record<Column['kind'], string | undefined> = {
  text: undefined,
  kopecks: '#,##0.00',
  count: '#,##0',
  day: 'dd.mm.yyyy',
};

async function* cellsOf(columns: readonly Column[], rows: AsyncIterable<Row> | Iterable<Row>) {
  for await (const row of rows) yield columns.map((column, index) => cellOf(column, row[index] ?? null));
}

function cellOf({ kind }: Column, cell: Cell): string | number | Date | null {
  if (cell === null) return null;
  if (typeof cell === 'number') return kind === 'kopecks' ? roubles(cell) : cell;
  // Midnight of Greenwich is the whole number of days that Excel means by a day.
  if (kind === 'day' && DAY.test(cell)) return new Date(`${cell}T00:00:00Z`);
  return legalXml(cell.slice(0, CELL_CHARS)).replace(/_(?=x[0-9a-f]{4}_)/gi, '_x005F_');
}

/**
 * A spreadsheet knows no kopecks. The nearest double of a sum of up to fifteen digits is written with just its digits,
 * so what is read back is this sum.
 */
function roubles(kopecks: number): number | string {
  return Math.abs(kopecks) < EXACT_KOPECKS ? kopecks / 100 : plainRoubles(kopecks);
}

/** A table as a sheet of its own, whole. */
export interface TableSheet extends Table {
  readonly name: string;
}

const PAGE = { paperSize: 'a4', orientation: 'landscape', fitToPage: true, fitToWidth: 1, fitToHeight: 0 } as const;
/** So many rows of the usual height, fourteen columns wide, fill a page; each chart stands on a page of its own. */
const PAGE_ROWS = 27;

/** So many characters side by side fill a page that can still be read; a wider table goes on on the page beside it. */
const PAGE_CHARS = 220;

/** @param heading what the table is about: printed above every page */
function sheetOf({ name, columns, rows }: TableSheet, heading: readonly string[]) {
  const printed = columns.filter(({ isAside }) => !isAside);
  const pages = Math.ceil(printed.reduce((sum, { width }) => sum + width, 0) / PAGE_CHARS);
  const lines = rows.length + 1;
  return {
    name,
    columns: columns.map(({ header, kind, width, isAside }) => ({
      ...{ header, width },
      ...(FORMATS[kind] && { numFmt: FORMATS[kind] }),
      // Titles are longer than the numbers below them, and a text that runs over its column would be printed tiny.
      ...(!isAside && { style: { alignment: { wrapText: true, vertical: 'top', horizontal: SIDES[kind] } as const } }),
    })),
    rows: [
      columns.map(({ header }) => header),
      ...rows.map((row) => columns.map((column, index) => cellOf(column, row[index] ?? null))),
    ],
    freezePane: { rows: 1 },
    autoFilter: { range: `A1:${columnLetters(columns.length)}${lines}` },
    ...printedWith(heading, {
      ...PAGE,
      fitToWidth: pages,
      printTitlesRow: '$1:$1',
      ...(pages > 1 && { printTitlesColumn: '$A:$A' }),
      printArea: `$A$1:$${columnLetters(printed.length)}$${lines}`,
    }),
  };
}

const SIDES = { text: 'left', day: 'left', count: 'right', kopecks: 'right' } as const;

/** «Z» is the 26th column, «AA» the next one. */
function columnLetters(number: number): string {
  const rest = (number - 1) % 26;
  return `${number > 26 ? columnLetters((number - 1 - rest) / 26) : ''}${String.fromCharCode('A'.charCodeAt(0) + rest)}`;
}

/**
 * Several small tables as one workbook.
 * @param title what all of it is: printed above every page, with what it is narrowed to
 */
export async function tablesWorkbook(
  title: string,
  narrowed: Narrowed,
  sheets: readonly TableSheet[],
): Promise<Uint8Array> {
  const heading = pageHeading(title, narrowed);
  const book = await writeXlsx({ sheets: sheets.map((sheet) => sheetOf(sheet, heading)) });
  return mended(book, { 'xl/workbook.xml': withQuotes });
}

/** Changes what the library wrote. @param mends by the path of a file, or by what all paths of some files begin with */
function mended(book: Uint8Array, mends: Readonly<Record<string, (xml: string) => string>>): Uint8Array {
  const files = unzipSync(book);
  for (const [path, bytes] of Object.entries(files))
    for (const [start, mend] of Object.entries(mends))
      if (path.startsWith(start) && path.endsWith('.xml')) files[path] = strToU8(mend(strFromU8(bytes)));
  return zipSync(files);
}

/** A sheet's name with a blank stands in quotes, or Excel calls the workbook damaged; the library leaves them out. */
const withQuotes = (xml: string): string =>
  xml.replace(/(<definedName\b[^>]*>)([^<]*)(?=<\/definedName>)/g, (_, open: string, places: string) => {
    const quoted = places.replace(/(^|,)([^',!]+)!/g, (__, before: string, name: string) => `${before}'${name}'!`);
    return open + quoted;
  });

/** The lines above every printed page: as many names as there is room for. */
function pageHeading(title: string, narrowed: Narrowed): readonly string[] {
  for (let most = NAMES_MANY; most > 0; most--) {
    const told = narrowedText(narrowed, most);
    if (told === null) return [title];
    if (most === 1 || title.length + told.length < HEADING_CHARS - HEADING_SPARE) return [title, `Отбор: ${told}`];
  }
  return [title];
}

/** Excel calls a workbook damaged in which the heading of a page has more characters. */
const HEADING_CHARS = 255;
/** Ends of lines and the words around the names. */
const HEADING_SPARE = 20;

/** Inches. */
const MARGINS = { left: 0.5, right: 0.5, bottom: 0.5, header: 0.3, footer: 0.3 } as const;

/** The set-up of printed pages with a heading above them, and room for it there. */
function printedWith<P extends object>(heading: readonly string[], page: P) {
  let text = '&L';
  for (const sign of legalXml(heading.flatMap(linesOf).join('\n'))) {
    // What stands behind a single «&» is a command.
    const told = sign === '&' ? '&&' : sign;
    if (text.length + told.length >= HEADING_CHARS) {
      text += '…';
      break;
    }
    text += told;
  }
  const margins = { ...MARGINS, top: MARGINS.header + 0.15 + 0.2 * text.split('\n').length };
  return { headerFooter: { oddHeader: text }, pageSetup: { ...page, margins } };
}

/**
 * The export report as a workbook: a native chart for each board, the table by groups, the days behind it and what the
 * charts are drawn from. Printed, each chart takes a page of its own.
 * @param table as `exportTable` makes it
 * @param days the same of the report by the day
 */
export async function exportWorkbook(report: ExportReport, table: Table, days: Table): Promise<Uint8Array> {
  const period = `${russianDay(report.from)}–${russianDay(report.until)}`;
  const shortly = narrowedText(report.narrowed, NAMES_FEW);
  const narrowed = narrowedText(report.narrowed, NAMES_MANY);
  const title = `Выгрузка ${period}`;
  const heading = [title, ...(narrowed === null ? [] : linesOf(`Отбор: ${narrowed}`))];
  const above = pageHeading(title, report.narrowed);
  const data = report.sources.map(({ title, steps }) =>
    report.steps.map(({ label }, at) => [title, label, ...SERIES.map((series) => steps[at]!.total?.[series] ?? null)]),
  );
  const charts = data.map((lines, at) => {
    const first = 2 + data.slice(0, at).reduce((sum, before) => sum + before.length, 0);
    const range = (column: string) => `'${DATA_SHEET}'!$${column}$${first}:$${column}$${first + lines.length - 1}`;
    return {
      type: 'column' as const,
      title: [`${report.sources[at]!.title}: выгрузка ${period}`, ...(shortly === null ? [] : [shortly])].join(', '),
      legend: 'bottom' as const,
      series: SERIES.map((series, place) => ({
        name: SERIES_LABELS[series],
        values: range(String.fromCharCode('C'.charCodeAt(0) + place)),
        categories: range('B'),
        color: CHART_COLORS[series],
      })),
      // The first page begins with the heading.
      anchor: {
        from: { row: at === 0 ? heading.length + 1 : at * PAGE_ROWS, col: 0 },
        to: { row: (at + 1) * PAGE_ROWS - 1, col: 14 },
      },
    };
  });
  const book = await writeXlsx({
    sheets: [
      {
        name: 'График',
        rows: heading.map((line) => [legalXml(line)]),
        charts,
        pageSetup: PAGE,
        // A break stands after its row.
        rowBreaks: charts.slice(1).map((_, at) => (at + 1) * PAGE_ROWS - 1),
      },
      sheetOf({ name: 'Таблица', ...table }, above),
      sheetOf({ name: 'Дни', ...days }, above),
      sheetOf({ name: DATA_SHEET, columns: DATA_COLUMNS, rows: data.flat() }, above),
    ],
  });
  return mended(book, { 'xl/workbook.xml': withQuotes, 'xl/charts/chart': withPatterns });
}

/** So many characters stand beside the chart's width: a longer line would make the printed page wider. */
const LINE_CHARS = 110;

/** A text broken at blanks. */
function linesOf(text: string): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!;
    if (line !== '' && line.length + word.length >= LINE_CHARS) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines;
}

const DATA_SHEET = 'Данные графика';
const DATA_COLUMNS: readonly Column[] = [
  { header: 'Доска или фид', kind: 'text', width: 22 },
  { header: 'Шаг', kind: 'text', width: 16 },
  ...SERIES.map((series) => ({ header: SERIES_LABELS[series], kind: 'count', width: 24 }) as const),
];
const CHART_COLORS = { marked: '5B6675', published: '2F8F4E', blocked: 'C2410C', unfunded: '6D4FC4' } as const;
/** As DrawingML calls them; the published ones stay plain. */
const CHART_PATTERNS = { marked: 'ltUpDiag', blocked: 'wdDnDiag', unfunded: 'pct50' } as const;

/**
 * Colour is never alone: each series gets its pattern. The library fills a column with a colour only, so its charts are
 * changed after it.
 */
function withPatterns(xml: string): string {
  let filled = xml;
  for (const [series, pattern] of Object.entries(CHART_PATTERNS)) {
    const color = `<a:srgbClr val="${CHART_COLORS[series as keyof typeof CHART_PATTERNS]}"/>`;
    const plain = `<c:spPr><a:solidFill>${color}</a:solidFill>`;
    if (!xml.includes(plain)) throw new Error(`The chart has no column of ${series}`);
    filled = filled.replace(
      plain,
      `<c:spPr><a:pattFill prst="${pattern}"><a:fgClr>${color}</a:fgClr><a:bgClr><a:srgbClr val="FFFFFF"/></a:bgClr></a:pattFill>`,
    );
  }
  return filled;
}
