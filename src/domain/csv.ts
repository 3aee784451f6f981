import { russianDay } from './days.ts';
import { plainRoubles } from './money.ts';

/** Tables for spreadsheets, and how they are written as CSV. */

export interface Column {
  readonly header: string;
  /** Cells of `kopecks` and `count` are whole numbers, those of `day` are `YYYY-MM-DD` or a text that is no day. */
  readonly kind: 'text' | 'kopecks' | 'count' | 'day';
  /** About so many characters. */
  readonly width: number;
  /** The same on every line, for whoever cuts the table up; last, and on paper it stands above the table instead. */
  readonly isAside?: boolean;
}

export type Cell = string | number | null;
export type Row = readonly Cell[];

export interface Table {
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
}

/** Told by its looks: there may be a million of them. */
export const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** The byte order mark: without it a Russian Excel takes UTF-8 for its old code page. */
const BOM = '\ufeff';

/**
 * The table as a Russian Excel opens it: semicolons, decimal commas, «21.11.2026». What came from outside and would be
 * run as a formula gets an apostrophe before it.
 */
export async function* csvText(
  columns: readonly Column[],
  rows: AsyncIterable<Row> | Iterable<Row>,
): AsyncGenerator<string> {
  yield `${BOM}${line(columns.map(({ header }) => header))}`;
  for await (const row of rows) yield line(columns.map((column, index) => written(column, row[index] ?? null)));
}

const line = (cells: readonly string[]) => `${cells.map(quoted).join(';')}\r\n`;

const quoted = (text: string) => (/[";\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

function written({ kind }: Column, cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell === 'number') return kind === 'kopecks' ? plainRoubles(cell).replace('.', ',') : String(cell);
  if (kind === 'day' && DAY.test(cell)) return russianDay(cell);
  return /^[=+\-@\t\r\n＝＋－＠]/.test(cell) ? `'${cell}` : cell;
}
