import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { writeXlsx, writeXlsxStream, XLSX_MAX_ROWS_PER_SHEET } from 'hucre/xlsx';
import type { ExportReport } from '../contracts/export-report.ts';
import { type Cell, type Column, DAY, type Row } from '../domain/csv.ts';
import { russianDay } from '../domain/days.ts';
import { SERIES, SERIES_LABELS } from '../domain/export-report.ts';
import { plainRoubles } from '../domain/money.ts';
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
export interface TableSheet {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
}

const sheetOf = ({ name, columns, rows }: TableSheet) => ({
  name,
  columns: columns.map(({ header, kind, width }) => ({
    header,
    width,
    ...(FORMATS[kind] && { numFmt: FORMATS[kind] }),
  })),
  rows: [
    columns.map(({ header }) => header),
    ...rows.map((row) => columns.map((column, index) => cellOf(column, row[index] ?? null))),
  ],
  freezePane: { rows: 1 },
  autoFilter: { range: `A1:${columnLetters(columns.length)}${rows.length + 1}` },
});

/** «Z» is the 26th column, «AA» the next one. */
function columnLetters(number: number): string {
  const rest = (number - 1) % 26;
  return `${number > 26 ? columnLetters((number - 1 - rest) / 26) : ''}${String.fromCharCode('A'.charCodeAt(0) + rest)}`;
}

/** Several small tables as one workbook. */
export const tablesWorkbook = (sheets: readonly TableSheet[]): Promise<Uint8Array> =>
  writeXlsx({ sheets: sheets.map(sheetOf) });

/**
 * The export report as a workbook: a native chart, the table it is drawn from, and the table by groups.
 * @param table as `exportTable` makes it
 */
export function exportWorkbook(
  report: ExportReport,
  table: { readonly columns: readonly Column[]; readonly rows: readonly Row[] },
): Promise<Uint8Array> {
  const data = report.sources.map(({ title, steps }) =>
    report.steps.map(({ label }, at) => [title, label, ...SERIES.map((series) => steps[at]!.total[series])]),
  );
  const charts = data.map((lines, at) => {
    const first = 2 + data.slice(0, at).reduce((sum, before) => sum + before.length, 0);
    const range = (column: string) => `'${DATA_SHEET}'!$${column}$${first}:$${column}$${first + lines.length - 1}`;
    return {
      type: 'column' as const,
      title: `${report.sources[at]!.title}: выгрузка ${russianDay(report.from)}–${russianDay(report.until)}`,
      series: SERIES.map((series, place) => ({
        name: SERIES_LABELS[series],
        values: range(String.fromCharCode('C'.charCodeAt(0) + place)),
        categories: range('B'),
        color: CHART_COLORS[series],
      })),
      anchor: { from: { row: at * 20, col: 0 }, to: { row: at * 20 + 19, col: 14 } },
    };
  });
  return writeXlsx({
    sheets: [
      { name: 'График', rows: [], charts },
      sheetOf({ name: 'Таблица', ...table }),
      {
        name: DATA_SHEET,
        rows: [['Доска или фид', 'Шаг', ...SERIES.map((series) => SERIES_LABELS[series])], ...data.flat()],
        freezePane: { rows: 1 },
      },
    ],
  });
}

const DATA_SHEET = 'Данные графика';
const CHART_COLORS = { marked: '5B6675', published: '2F8F4E', blocked: 'C2410C', unfunded: '6D4FC4' } as const;
