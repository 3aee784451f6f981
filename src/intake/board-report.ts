import { isAscii, isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parse } from 'csv-parse';
import type { Board } from '../boards/catalogue.ts';
import { columnsOf, mappingFaults, type ReportedCharge, type ReportMapping, readRow } from '../domain/board-report.ts';
import { addDays, russianDay } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { cleanText, formatNumber } from '../domain/text.ts';
import { type ChargeLine, type LoadedReport, loadReport, type NewReport } from '../store/board-reports.ts';
import type { Database } from '../store/database.ts';
import { reconcileFrame } from '../store/reconcile.ts';
import { pieces, Utf8Decoder } from './decode.ts';

/**
 * Reads a board's file about its charges, CSV or JSON. CSV comes row by row in flat memory, JSON as a whole: boards
 * give it in pages. Whatever is wrong with a row is told with its line and stops no other; whatever is wrong with the
 * file is a `Refusal`.
 */

export const REPORT_ENCODINGS = ['utf-8', 'windows-1251'] as const;
export type ReportEncoding = (typeof REPORT_ENCODINGS)[number];
export const DELIMITERS = [';', ',', '\t'] as const;
export type Delimiter = (typeof DELIMITERS)[number];

export interface ReportOptions {
  readonly mapping: ReportMapping;
  /** Of the cabinet: its days are the file's. */
  readonly zone: string;
  /** The last day that may have been charged. */
  readonly lastDay: string;
  /** Absent: known by the bytes. */
  readonly encoding?: ReportEncoding | undefined;
  /** Absent: known by the row of titles. */
  readonly delimiter?: Delimiter | undefined;
}

/** A row that says something. `line` is the row's first line in CSV and the number of the record in JSON, from 1. */
export type ReportItem =
  | { readonly line: number; readonly charge: ReportedCharge }
  | { readonly line: number; readonly reasons: readonly string[] };

export interface ReportSummary {
  readonly format: 'csv' | 'json';
  readonly encoding: ReportEncoding;
  /** Of CSV. */
  readonly delimiter: Delimiter | null;
  /** Titles of the columns, or names of the fields. */
  readonly columns: readonly string[];
  readonly charges: number;
  readonly bad: number;
  /** Rows that `only` leaves out. */
  readonly left: number;
  /** Of the file's bytes. */
  readonly sha256: string;
}

export interface ReportFile {
  readonly format: 'csv' | 'json';
  /** To be run through once. @throws Refusal */
  readonly items: AsyncGenerator<ReportItem, void>;
  /** Once the items have been run through. */
  summary(): ReportSummary;
}

const NOTHING = 'Ничего не загружено';
const USAGE = 2;
const FOUND = 3;
const PIECE_BYTES = 65_536;
/** The row of titles stands in so many first characters and rows; before it a report may say whose it is. */
const HEAD_CHARS = 65_536;
const HEAD_ROWS = 30;
/** A longer row is a quote that was never closed. */
const ROW_CHARS_MAX = 1_000_000;
const JSON_CHARS_MAX = 100_000_000;

/**
 * Opens a report: looks at its beginning, finds its shape and its columns.
 * @throws Refusal `report-mapping`, `report-encoding`, `report-not-text`, `report-empty`, `report-columns`, `report-json`
 */
export async function openReport(bytes: AsyncIterable<Uint8Array>, options: ReportOptions): Promise<ReportFile> {
  const faults = mappingFaults(options.mapping);
  if (faults.length > 0) throw new Refusal('report-mapping', faults.join(' '), USAGE);
  const { mapping, encoding, delimiter: given } = options;
  const table = { columns: columnsOf(mapping), rows: mapping.rows, encoding, delimiter: given };
  const { reading, seen } = await openTable(bytes, table);

  const counts = { charges: 0, bad: 0, left: 0 };
  async function* items(): AsyncGenerator<ReportItem, void> {
    for await (const { line, cells, problem } of reading.rows) {
      if (problem !== undefined) {
        counts.bad++;
        yield { line, reasons: [problem] };
        continue;
      }
      const meaning = readRow((column) => cells.get(column) ?? '', options.mapping, options);
      if ('left' in meaning) counts.left++;
      else if ('charge' in meaning) {
        counts.charges++;
        yield { line, ...meaning };
      } else {
        counts.bad++;
        yield { line, ...meaning };
      }
    }
  }
  const { format, delimiter, columns } = reading;
  const summary = () => ({
    ...{ format, delimiter, columns, ...counts },
    encoding: seen.encoding ?? 'utf-8',
    sha256: seen.hash.copy().digest('hex'),
  });
  return { format, items: items(), summary };
}

/** What of a table of a board's is wanted. */
export interface TableOptions extends Pick<ReportOptions, 'encoding' | 'delimiter'> {
  /** Titles of the columns, or names of the fields. */
  readonly columns: readonly string[];
  /** JSON: the way to the rows; absent: they are found by their fields. */
  readonly rows?: string | undefined;
}

/**
 * Opens a table of which the columns are known by name, whatever it tells of.
 * @throws Refusal `report-encoding`, `report-not-text`, `report-empty`, `report-columns`, `report-json`
 */
export async function openTable(
  bytes: AsyncIterable<Uint8Array>,
  options: TableOptions,
): Promise<{ readonly reading: Reading; readonly seen: Seen }> {
  const seen: Seen = { encoding: options.encoding, hash: createHash('sha256') };
  const { start, whole } = await begun(textOf(bytes, seen));
  return { reading: isJson(start) ? await openJson(whole, options) : await openCsv(start, whole, options), seen };
}

/** A row before it is understood. */
export interface RawRow {
  readonly line: number;
  /** By the names that the mapping uses. */
  readonly cells: ReadonlyMap<string, string>;
  /** It cannot be taken apart. */
  readonly problem?: string;
}

export interface Reading {
  readonly format: 'csv' | 'json';
  readonly delimiter: Delimiter | null;
  readonly columns: readonly string[];
  readonly rows: AsyncIterable<RawRow>;
}

async function* followed(start: string, rest: AsyncIterable<string>): AsyncGenerator<string, void> {
  yield start;
  yield* rest;
}

/** What a person is shown of a file before it is said what its columns mean. */
export interface ReportPeek {
  readonly format: 'csv' | 'json';
  readonly encoding: ReportEncoding;
  readonly delimiter: Delimiter | null;
  /** JSON: the ways to lists of records, the longest first. */
  readonly lists: readonly string[];
  readonly columns: readonly string[];
  /** The first rows under the titles. */
  readonly rows: readonly (readonly string[])[];
}

const PEEK_ROWS = 5;

/**
 * Looks at the beginning of a report of which nothing is known yet.
 * @param rows JSON: the list to look at; absent: the longest one
 * @throws Refusal `report-encoding`, `report-not-text`, `report-empty`, `report-json`
 */
export async function peekReport(
  bytes: AsyncIterable<Uint8Array>,
  given: Pick<ReportOptions, 'encoding' | 'delimiter'> & { readonly rows?: string | undefined },
): Promise<ReportPeek> {
  const seen: Seen = { encoding: given.encoding, hash: createHash('sha256') };
  const { start, whole } = await begun(textOf(bytes, seen));
  if (!isJson(start)) {
    const { delimiter, titles, rows } = await likelyTitles(start, given.delimiter);
    return { format: 'csv', encoding: seen.encoding ?? 'utf-8', delimiter, lists: [], columns: titles, rows };
  }
  const lists = listsOf(await jsonOf(whole)).sort((a, b) => b.rows.length - a.rows.length);
  const list = given.rows === undefined ? lists[0] : lists.find(({ way }) => way === given.rows);
  if (!list) throw new Refusal('report-empty', `В файле нет списка записей. ${NOTHING}.`, FOUND);
  const columns = namesOf(list.rows.slice(0, 1000));
  const rows = list.rows.slice(0, PEEK_ROWS).map((row) => columns.map((name) => cellOf(valueAt(row, name)) ?? '…'));
  const encoding = seen.encoding ?? 'utf-8';
  return { format: 'json', encoding, delimiter: null, lists: lists.map(({ way }) => way), columns, rows };
}

/** The separator that makes the widest rows, and the first row that is as wide as most of those after it. */
async function likelyTitles(start: string, given: Delimiter | undefined) {
  let best: { delimiter: Delimiter; titles: readonly string[]; rows: string[][]; width: number } | undefined;
  for (const delimiter of given === undefined ? DELIMITERS : [given]) {
    const records: (readonly string[])[] = [];
    for await (const { cells, problem } of recordsOf([start], delimiter)) {
      if (problem !== undefined || records.length === HEAD_ROWS) break;
      if (cells.some((cell) => cell !== '')) records.push(cells);
    }
    const filled = (cells: readonly string[]) => cells.filter((cell) => cell !== '').length;
    const widths = records.map(filled).sort((a, b) => a - b);
    const width = widths[Math.floor(widths.length / 2)] ?? 0;
    const at = records.findIndex((cells) => filled(cells) >= width);
    if (at < 0 || (best && width <= best.width)) continue;
    const titles = records[at]!;
    const rows = records.slice(at + 1, at + 1 + PEEK_ROWS).map((cells) => titles.map((_, index) => cells[index] ?? ''));
    best = { delimiter, titles, rows, width };
  }
  if (!best) throw new Refusal('report-empty', `В файле нет ни одной строки. ${NOTHING}.`, FOUND);
  return best;
}

/** The first characters of a text, and all of it. */
async function begun(text: AsyncGenerator<string, void>) {
  const head: string[] = [];
  for (let chars = 0; chars < HEAD_CHARS; ) {
    const next = await text.next();
    if (next.done) break;
    head.push(next.value);
    chars += next.value.length;
  }
  const start = head.join('');
  if (start.trim() === '') throw new Refusal('report-empty', `Файл пуст. ${NOTHING}.`, FOUND);
  return { start, whole: followed(start, text) };
}

const isJson = (start: string) => /^\s*[[{]/.test(start);

/** What a person has said of a report: a shape that the board's file knows, or columns over it. */
export interface ReportWords extends Omit<ReportMapping, 'placements'> {
  readonly shape?: string | undefined;
}

/**
 * The mapping that a person means.
 * @throws Refusal `shape-unknown`, `report-mapping` with everything that is missing
 */
export function mappingFrom({ name, reports }: Pick<Board, 'name' | 'reports'>, words: ReportWords): ReportMapping {
  const { shape: wanted, columns, rows: way, ...others } = words;
  const shape = reports.find(({ code }) => code === wanted);
  if (wanted !== undefined && !shape) {
    const known = reports.map(({ code, title }) => `${code} (${title})`).join(', ');
    const told = known === '' ? `форм отчётов доски ${name} мы не знаем` : `есть: ${known}`;
    throw new Refusal('shape-unknown', `Формы «${wanted.slice(0, 60)}» нет: ${told}.`, USAGE);
  }
  const rows = way ?? shape?.rows;
  const mapping: ReportMapping = {
    ...others,
    columns: { ...shape?.columns, ...columns },
    ...(rows !== undefined && { rows }),
    ...(shape?.placements && { placements: shape.placements }),
  };
  const lacks = mappingFaults(mapping);
  if (lacks.length > 0)
    throw new Refusal('report-mapping', [...lacks, ...(shape?.note ? [shape.note] : [])].join(' '), USAGE);
  return mapping;
}

export interface BadRow {
  readonly line: number;
  readonly reasons: readonly string[];
}

/** So many bad rows are remembered. */
const BAD_KEPT = 1000;

export interface TakenReport extends LoadedReport {
  readonly summary: ReportSummary;
  /** The first of them; all are counted in the summary. */
  readonly bad: readonly BadRow[];
}

/** What is loaded, and how it is read. */
export interface GivenReport
  extends Pick<NewReport, 'name' | 'from' | 'until' | 'isTrial'>,
    Pick<ReportOptions, 'mapping' | 'encoding' | 'delimiter'> {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Told now and then how many rows were read. */
  readonly onRows?: (count: number) => void;
  /** Told of rows that are not understood, also of those before a refusal. */
  readonly onBad?: (row: BadRow, report: ReportFile) => void;
}

/**
 * Reads a report and loads what it says.
 * @throws Refusal of `openReport` and `loadReport`; `bad-day` where its last day has not come yet
 */
export async function takeReport(
  db: Database,
  cabinet: { readonly agencyId: number; readonly id: number },
  { bytes, mapping, encoding, delimiter, onRows, onBad, ...given }: GivenReport,
  by: { readonly name: string },
  now: Date,
): Promise<TakenReport> {
  const { zone, today } = await reconcileFrame(db, cabinet, now);
  if (given.until !== undefined && given.until > today)
    throw new Refusal('bad-day', `Последний день отчёта, ${russianDay(given.until)}, ещё не наступил.`, USAGE);
  // A board may count its days by a zone that is ahead of the cabinet's.
  const report = await openReport(bytes, { mapping, zone, lastDay: addDays(today, 1), encoding, delimiter });
  const bad: BadRow[] = [];
  async function* charges(): AsyncGenerator<ChargeLine, void> {
    let read = 0;
    for await (const item of report.items) {
      if (++read % 5000 === 0) onRows?.(read);
      if ('charge' in item) yield item;
      else {
        if (bad.length < BAD_KEPT) bad.push(item);
        onBad?.(item, report);
      }
    }
  }
  const sha256 = () => report.summary().sha256;
  const loaded = await loadReport(db, cabinet, { ...given, charges: charges(), sha256 }, by, now);
  return { ...loaded, summary: report.summary(), bad };
}

// ---------------------------------------------------------------------------------------------------------------------
// Bytes to text

export interface Seen {
  encoding: ReportEncoding | undefined;
  readonly hash: ReturnType<typeof createHash>;
}

async function* hashed(bytes: AsyncIterable<Uint8Array>, { hash }: Seen): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of bytes) {
    hash.update(chunk);
    yield chunk;
  }
}

/** So many bytes from the first letter on that is not Latin are judged; fewer may end inside a letter and tell nothing. */
const JUDGED_BYTES = 64;

/**
 * The text of a file in the encoding that was named; else in that of its byte order mark; else in UTF-8 if its first
 * letters are good UTF-8, which Russian text in windows-1251 never is.
 */
async function* textOf(bytes: AsyncIterable<Uint8Array>, seen: Seen): AsyncGenerator<string, void> {
  let decoder = seen.encoding && decoderOf(seen.encoding);
  let waiting: Buffer | undefined;
  let isFirst = true;
  for await (const { bytes: piece, head } of pieces(hashed(bytes, seen), PIECE_BYTES)) {
    if (isFirst) {
      const marked = proveText(head, seen.encoding);
      if (marked && !decoder) {
        seen.encoding = marked;
        decoder = decoderOf(marked);
      }
      isFirst = false;
    }
    const part = waiting ? Buffer.concat([waiting, piece]) : piece;
    waiting = undefined;
    if (!decoder) {
      if (isAscii(part)) {
        yield part.toString('latin1');
        continue;
      }
      const at = part.findIndex((byte) => byte > 0x7f);
      if (part.length - at < JUDGED_BYTES) {
        yield part.toString('latin1', 0, at);
        // A copy: the bytes under it belong to the reader.
        waiting = Buffer.from(part.subarray(at));
        continue;
      }
      seen.encoding = isUtf8Start(part.subarray(at, at + JUDGED_BYTES)) ? 'utf-8' : 'windows-1251';
      decoder = decoderOf(seen.encoding);
    }
    yield decoder.decode(part);
  }
  if (waiting) {
    seen.encoding = isUtf8(waiting) ? 'utf-8' : 'windows-1251';
    decoder = decoderOf(seen.encoding);
    yield decoder.decode(waiting);
  }
  decoder?.end();
}

/** Good UTF-8, but for a letter that is cut off at the end. */
const isUtf8Start = (bytes: Buffer) => new Utf8Decoder().decode(bytes).problem === undefined;

interface TextDecoding {
  decode(bytes: Buffer): string;
  /** @throws Refusal when the file ends inside a letter */
  end(): void;
}

function decoderOf(encoding: ReportEncoding): TextDecoding {
  if (encoding === 'windows-1251') {
    // Every byte is a letter, so none is ever cut in two.
    const decoder = new TextDecoder('windows-1251');
    return { decode: (bytes) => decoder.decode(bytes, { stream: true }), end() {} };
  }
  const decoder = new Utf8Decoder();
  let lines = 1;
  const refuse = () =>
    new Refusal(
      'report-encoding',
      `Файл записан не в UTF-8: строка ${formatNumber(lines)}. ${NOTHING}: если это windows-1251, назовите эту кодировку, иначе сохраните файл в UTF-8.`,
      FOUND,
    );
  return {
    decode(bytes) {
      const { text, problem } = decoder.decode(bytes);
      for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines++;
      if (problem) throw refuse();
      return text;
    },
    end() {
      if (decoder.end().problem) throw refuse();
    },
  };
}

/** @returns the encoding that a byte order mark tells */
function proveText(head: Buffer, declared: ReportEncoding | undefined): ReportEncoding | undefined {
  const start = head.toString('latin1', 0, 8);
  if (/^(?:PK\x03\x04|\xd0\xcf\x11\xe0)/.test(start)) {
    throw new Refusal(
      'report-not-text',
      `Это книга Excel или архив, а не CSV. ${NOTHING}: сохраните лист как CSV («CSV UTF-8») и загрузите его.`,
      FOUND,
    );
  }
  if (/^(?:\x1f\x8b|Rar!|7z\xbc\xaf)/.test(start))
    throw new Refusal('report-not-text', `Это архив. ${NOTHING}: распакуйте его и загрузите сам файл.`, FOUND);
  if (/^(?:\xff\xfe|\xfe\xff)/.test(start) || head.subarray(0, 4).includes(0)) {
    throw new Refusal(
      'report-encoding',
      `Файл записан в UTF-16. ${NOTHING}: сохраните его в UTF-8 («CSV UTF-8») и загрузите ещё раз.`,
      FOUND,
    );
  }
  // Pictures and programs have a zero soon, and no text has one; letter by letter they would pass for windows-1251.
  if (start.startsWith('%PDF') || head.includes(0))
    throw new Refusal(
      'report-not-text',
      `Это не таблица: внутри картинка, документ, программа или текст в UTF-16. ${NOTHING}: загрузите CSV в UTF-8 или JSON.`,
      FOUND,
    );
  if (!start.startsWith('\xef\xbb\xbf')) return undefined;
  if (declared === 'windows-1251') {
    throw new Refusal(
      'report-encoding',
      `Названа кодировка windows-1251, а метка в начале файла говорит, что это UTF-8. ${NOTHING}: назовите UTF-8.`,
      USAGE,
    );
  }
  return 'utf-8';
}

// ---------------------------------------------------------------------------------------------------------------------
// CSV

/** Titles are compared without case, «ё» and odd blanks: people type them. */
const titleKey = (title: string) => cleanText(title).replace(/\s+/g, ' ').toLocaleLowerCase('ru').replaceAll('ё', 'е');

interface CsvRow {
  readonly line: number;
  readonly cells: readonly string[];
  readonly problem?: string;
}

async function openCsv(start: string, text: AsyncIterable<string>, options: TableOptions): Promise<Reading> {
  const wanted = options.columns;
  const { delimiter, titles, line: titleLine } = await findTitles(start, wanted, options.delimiter);
  const keys = titles.map(titleKey);
  const places = new Map(wanted.map((name) => [name, keys.indexOf(titleKey(name))]));
  const furthest = Math.max(...places.values());

  async function* rows(): AsyncGenerator<RawRow, void> {
    for await (const { line, cells, problem } of recordsOf(text, delimiter)) {
      if (problem !== undefined) yield { line, cells: new Map(), problem };
      if (line <= titleLine || cells.every((cell) => cell === '')) continue;
      const has = cells.findLastIndex((cell) => cell !== '') + 1;
      const wrong =
        has > titles.length
          ? `столбцов ${has}, а в строке заголовков ${titles.length}`
          : cells.length <= furthest
            ? `столбцов только ${cells.length} из ${titles.length}`
            : undefined;
      if (wrong === undefined) yield { line, cells: new Map([...places].map(([name, at]) => [name, cells[at]!])) };
      else yield { line, cells: new Map(), problem: wrong };
    }
  }
  return { format: 'csv', delimiter, columns: titles, rows: rows() };
}

/** The row of titles is the first that has all that is wanted, whatever separates its cells. */
async function findTitles(start: string, wanted: readonly string[], given: Delimiter | undefined) {
  let best: { delimiter: Delimiter; titles: readonly string[]; line: number; missing: readonly string[] } | undefined;
  for (const delimiter of given === undefined ? DELIMITERS : [given]) {
    let seen = 0;
    for await (const { line, cells, problem } of recordsOf([start], delimiter)) {
      if (problem !== undefined || ++seen > HEAD_ROWS) break;
      const keys = new Set(cells.map(titleKey));
      const missing = wanted.filter((name) => !keys.has(titleKey(name)));
      const isBetter =
        best === undefined ||
        missing.length < best.missing.length ||
        (missing.length > 0 && missing.length === best.missing.length && cells.length > best.titles.length);
      if (isBetter) best = { delimiter, titles: cells, line, missing };
    }
  }
  if (!best) throw new Refusal('report-empty', `В файле нет ни одной строки. ${NOTHING}.`, FOUND);
  const { titles, missing } = best;
  if (missing.length > 0) {
    const there = titles.filter((title) => title !== '').map((title) => `«${title.slice(0, 60)}»`);
    throw new Refusal(
      'report-columns',
      `В файле нет столбцов: ${missing.map((name) => `«${name}»`).join(', ')}. Есть: ${there.slice(0, 40).join(', ')}. ${NOTHING}: поправьте, что значат столбцы${given === undefined ? '' : ', или чем они разделены'}.`,
      USAGE,
    );
  }
  const twice = wanted.filter((name) => titles.filter((title) => titleKey(title) === titleKey(name)).length > 1);
  if (twice.length > 0) {
    throw new Refusal(
      'report-columns',
      `Столбцов с названием ${twice.map((name) => `«${name}»`).join(', ')} в файле несколько: непонятно, какой из них нужен. ${NOTHING}: переименуйте лишние.`,
      USAGE,
    );
  }
  return best;
}

/** Rows of CSV with the line each begins on. What cannot be taken apart ends the file: where the next row begins is not known. */
async function* recordsOf(
  text: AsyncIterable<string> | Iterable<string>,
  delimiter: Delimiter,
): AsyncGenerator<CsvRow, void> {
  /** The last line of what could not be taken apart. */
  let brokenAt: number | undefined;
  const parser = parse({
    delimiter,
    record_delimiter: '\n',
    info: true,
    // A row of another length is judged by who knows the titles; a stray quote inside a cell is a letter.
    relax_column_count: true,
    relax_quotes: true,
    max_record_size: ROW_CHARS_MAX,
    // An error would throw away the good rows that wait before it.
    skip_records_with_error: true,
    on_skip: (error) => {
      brokenAt ??= (error as unknown as { lines: number }).lines;
      return undefined;
    },
  });
  // Errors of the source arrive through the parser, which the pipeline destroys with them.
  void pipeline(Readable.from(sameLineEnds(text)), parser).catch(() => {});
  let ended = 0;
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      if (brokenAt !== undefined && info.lines >= brokenAt) break;
      const line = ended + 1;
      ended = info.lines;
      yield { line, cells: record.map(cleanText) };
    }
  } finally {
    parser.destroy();
  }
  if (brokenAt === undefined) return;
  const problem = 'кавычка в этой строке открыта и не закрыта, отсюда и до конца файл не прочитан';
  yield { line: ended + 1, cells: [], problem };
}

/** CR LF and CR become LF, so that lines are counted as people see them. */
async function* sameLineEnds(text: AsyncIterable<string> | Iterable<string>): AsyncGenerator<string, void> {
  let isHeld = false;
  for await (const chunk of text) {
    const all: string = isHeld ? `\r${chunk}` : chunk;
    isHeld = all.endsWith('\r');
    const even = (isHeld ? all.slice(0, -1) : all).replace(/\r\n?/g, '\n');
    if (even !== '') yield even;
  }
  if (isHeld) yield '\n';
}

// ---------------------------------------------------------------------------------------------------------------------
// JSON

async function jsonOf(text: AsyncIterable<string>): Promise<unknown> {
  const parts: string[] = [];
  let chars = 0;
  for await (const part of text) {
    parts.push(part);
    chars += part.length;
    if (chars > JSON_CHARS_MAX) {
      throw new Refusal(
        'report-json',
        `Файл JSON больше ${formatNumber(JSON_CHARS_MAX / 1e6)} млн знаков. ${NOTHING}: загружайте отчёт по частям.`,
        FOUND,
      );
    }
  }
  try {
    return JSON.parse(parts.join(''));
  } catch (error) {
    throw new Refusal('report-json', `Файл не читается как JSON: ${(error as Error).message}. ${NOTHING}.`, FOUND);
  }
}

/** Names of the fields that some record has. */
const namesOf = (rows: readonly unknown[]) => [
  ...new Set(rows.flatMap((row) => (isObject(row) ? Object.keys(row) : []))),
];

async function openJson(text: AsyncIterable<string>, { columns: wanted, rows: way }: TableOptions): Promise<Reading> {
  const content = await jsonOf(text);
  const found = way === undefined ? rowsByFields(content, wanted) : rowsAt(content, way);
  const missing = wanted.filter((name) => !found.some((row) => valueAt(row, name) !== undefined));
  const columns = namesOf(found.slice(0, 1000));
  if (missing.length > 0 && found.length > 0) {
    throw new Refusal(
      'report-columns',
      `В записях нет полей: ${missing.map((name) => `«${name}»`).join(', ')}. Есть: ${columns
        .slice(0, 40)
        .map((name) => `«${name.slice(0, 60)}»`)
        .join(', ')}. ${NOTHING}: поправьте, что значат поля.`,
      USAGE,
    );
  }
  async function* rows(): AsyncGenerator<RawRow, void> {
    for (const [index, row] of found.entries()) {
      const cells = new Map<string, string>();
      const odd: string[] = [];
      for (const name of wanted) {
        const cell = cellOf(valueAt(row, name));
        if (cell === undefined) odd.push(name);
        else cells.set(name, cell);
      }
      yield {
        line: index + 1,
        cells,
        ...(odd.length > 0 && { problem: `в поле ${odd.map((name) => `«${name}»`).join(', ')} не текст и не число` }),
      };
    }
  }
  return { format: 'json', delimiter: null, columns, rows: rows() };
}

const isObject = (value: unknown): value is { readonly [name: string]: unknown } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** @param way `result.operations`; of a name with a dot in it the whole name is tried first */
function valueAt(value: unknown, way: string): unknown {
  if (!isObject(value)) return undefined;
  if (Object.hasOwn(value, way)) return value[way];
  const dot = way.indexOf('.');
  if (dot < 0) return undefined;
  const name = way.slice(0, dot);
  return Object.hasOwn(value, name) ? valueAt(value[name], way.slice(dot + 1)) : undefined;
}

/** The exact text of a value; a number is written as it was read, by its shortest digits. */
function cellOf(value: unknown): string | undefined {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return cleanText(value);
  if (typeof value === 'boolean') return String(value);
  // A longer number has lost its last digits.
  if (typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER) return String(value);
  return undefined;
}

function rowsAt(content: unknown, way: string): readonly unknown[] {
  const found = valueAt(content, way);
  if (Array.isArray(found)) return found;
  throw new Refusal('report-json', `В файле нет списка «${way}». ${NOTHING}: поправьте, где список записей.`, USAGE);
}

const DEPTH_MAX = 6;

/** Lists of records, with the way to each. */
function listsOf(content: unknown): { readonly way: string; readonly rows: readonly unknown[] }[] {
  const lists: { readonly way: string; readonly rows: readonly unknown[] }[] = [];
  const look = (value: unknown, way: string, depth: number) => {
    if (Array.isArray(value)) {
      if (value.some(isObject)) lists.push({ way, rows: value });
      return;
    }
    if (!isObject(value) || depth > DEPTH_MAX) return;
    for (const [name, inner] of Object.entries(value)) look(inner, way === '' ? name : `${way}.${name}`, depth + 1);
  };
  look(content, '', 0);
  return lists;
}

/** The one list whose records have the fields that are wanted. */
function rowsByFields(content: unknown, wanted: readonly string[]): readonly unknown[] {
  const lists = listsOf(content);
  const fit = lists.filter(({ rows }) => rows.some((row) => wanted.every((name) => valueAt(row, name) !== undefined)));
  if (fit.length === 1) return fit[0]!.rows;
  if (fit.length === 0 && lists.length === 1) return lists[0]!.rows;
  const told = (fit.length > 0 ? fit : lists).map(({ way }) => `«${way}»`).join(', ');
  throw lists.length === 0
    ? new Refusal('report-empty', `В файле нет списка записей. ${NOTHING}.`, FOUND)
    : new Refusal('report-json', `В файле несколько списков: ${told}. ${NOTHING}: скажите, какой нужен.`, USAGE);
}
