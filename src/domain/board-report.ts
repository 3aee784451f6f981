import { isDay, localDay, russianDay } from './days.ts';
import { readRoubles } from './money.ts';
import { readDay } from './week.ts';

/**
 * What a board's file about its charges says: which column is what is told by a person or by the board's own file
 * (board-rules), what a row means is told here, whatever the shape of the file.
 */

/**
 * `advert`: our id in the feed. `boardNumber`: the number that the board itself gave. `listing`: our number of the
 * listing. `operation`: the board's number of the charge.
 */
export const COLUMN_ROLES = ['day', 'advert', 'boardNumber', 'listing', 'sum', 'service', 'operation'] as const;
export type ColumnRole = (typeof COLUMN_ROLES)[number];

/** The roles as people write them. */
export const ROLE_WORDS: Record<ColumnRole, string> = {
  day: 'день',
  advert: 'объявление',
  boardNumber: 'номер',
  listing: 'объект',
  sum: 'сумма',
  service: 'услуга',
  operation: 'операция',
};

export interface ReportMapping {
  /** Names of columns; of fields in JSON, where a dot leads inside: `offer.id`. */
  readonly columns: Readonly<Partial<Record<ColumnRole, string>>>;
  /** The day of all rows, where no column tells it. */
  readonly day?: string;
  /** JSON: the way to the rows, `result.operations`; absent: they are found by their fields. */
  readonly rows?: string;
  /** Only rows that have one of the values in each of these columns. */
  readonly only?: readonly { readonly column: string; readonly values: readonly string[] }[];
  /** Rows with this value tell a number of placements of a package, not roubles. */
  readonly placements?: { readonly column: string; readonly value: string };
  /** The file writes charges below zero and money back above it. */
  readonly areChargesNegative?: boolean;
}

/** A charge as a board's file has it. */
export interface ReportedCharge {
  /** In the cabinet's zone. */
  readonly day: string;
  /** As exactly as the file has it; '' where it has none. Tells charges of a day apart. */
  readonly time: string;
  readonly advert: string | null;
  readonly boardNumber: string | null;
  readonly listingNumber: number | null;
  /** '' when the file does not name it. */
  readonly service: string;
  /** Below zero: the board gave money back. Zero: it cost no money, as a placement of a package does. */
  readonly kopecks: number;
  readonly operationId: string | null;
}

/** How the file names the advert; null: the charge is the cabinet's, not an advert's. */
export const advertOf = ({ advert, boardNumber, listingNumber }: ReportedCharge): string | null =>
  advert ?? boardNumber ?? (listingNumber === null ? null : `#${listingNumber}`);

/**
 * «день=Дата,объявление=ID,сумма=Сумма, руб.»: a comma begins the next pair only before a known word, so names of
 * columns may have commas.
 * @param labels the roles as people write them
 * @returns the columns, and Russian sentences about what was not understood
 */
export function readRoles<R extends string>(
  text: string,
  labels: Readonly<Record<R, string>>,
): { readonly columns: Readonly<Partial<Record<R, string>>>; readonly faults: readonly string[] } {
  const roles = new Map<string, R>((Object.keys(labels) as R[]).map((role) => [labels[role], role]));
  const words = [...roles.keys()].join(', ');
  const columns: Partial<Record<R, string>> = {};
  const faults: string[] = [];
  for (const pair of text.split(new RegExp(`,(?=\\s*(?:${[...roles.keys()].join('|')})\\s*=)`, 'i'))) {
    const at = pair.indexOf('=');
    const role = roles.get(pair.slice(0, Math.max(0, at)).trim().toLowerCase());
    const column = pair.slice(at + 1).trim();
    const odd = /,\s*(\p{L}+)\s*=/u.exec(column)?.[1];
    if (odd !== undefined) faults.push(`«${odd}»: такого слова нет, есть: ${words}.`);
    else if (at < 0 || role === undefined)
      faults.push(`«${pair.trim().slice(0, 60)}»: нужно слово=столбец, слова: ${words}.`);
    else if (column === '') faults.push(`«${labels[role]}»: после знака = нужно название столбца.`);
    else if (columns[role] !== undefined) faults.push(`«${labels[role]}» названо дважды.`);
    else columns[role] = column;
  }
  return { columns, faults };
}

/** The columns of a report of charges; see {@link readRoles}. */
export const readColumns = (text: string) => readRoles(text, ROLE_WORDS);

/** What a mapping lacks, in Russian sentences; empty when rows can be read by it. */
export function mappingFaults({ columns, day }: ReportMapping): string[] {
  const faults: string[] = [];
  if (columns.sum === undefined) faults.push('Не сказано, в каком столбце сумма.');
  if (columns.day === undefined && day === undefined)
    faults.push('Не сказано, в каком столбце день; если в файле его нет, назовите день всех строк.');
  if (columns.day !== undefined && day !== undefined)
    faults.push('День назван и столбцом, и один на все строки: оставьте одно.');
  if (columns.advert === undefined && columns.boardNumber === undefined && columns.listing === undefined) {
    faults.push(
      'Не сказано, в каком столбце объявление: «объявление» — номер из нашего фида, «номер» — номер самой доски, «объект» — наш номер объекта.',
    );
  }
  return faults;
}

/** Every column that a mapping speaks of, once. */
export function columnsOf({ columns, only, placements }: ReportMapping): string[] {
  const named = [
    ...Object.values(columns),
    ...(only ?? []).map(({ column }) => column),
    ...(placements ? [placements.column] : []),
  ];
  return [...new Set(named)];
}

/** «1 234,50», «-120.5», «−120 ₽» as kopecks, with the sign; undefined when it is no sum of roubles. */
export function readSum(text: string): number | undefined {
  const [, sign, rest] = /^([-−–+]?)\s*(\d.*)$/.exec(text.trim()) ?? [];
  const kopecks = rest === undefined ? undefined : readRoubles(rest);
  return kopecks === undefined || kopecks === 0 || sign === '' || sign === '+' ? kopecks : -kopecks;
}

const WHEN =
  /^(\d{2}\.\d{2}\.\d{4}|\d{4}-\d{2}-\d{2})(?:(?:T|,?\s+)([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:[.,](\d{1,9}))?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?)?$/i;

/**
 * «21.11.2026», «2026-11-21», with or without a time. A time with an offset is a moment, and its day is that of the
 * zone; one without is read as the file has it.
 */
export function readReportDay(text: string, zone: string): { readonly day: string; readonly time: string } | undefined {
  const [, written, hour, minute, second = '00', fraction = '', offset] = WHEN.exec(text.trim()) ?? [];
  const day = written === undefined ? undefined : readDay(written);
  if (day === undefined) return undefined;
  if (hour === undefined) return { day, time: '' };
  const clock = `${hour.padStart(2, '0')}:${minute}:${second}${/[1-9]/.test(fraction) ? `.${fraction.replace(/0+$/, '')}` : ''}`;
  if (offset === undefined) return { day, time: clock };
  const [, hours, minutes = '00'] = /^([+-]\d{2}):?(\d{2})?$/.exec(offset) ?? [];
  const moment = new Date(
    `${day}T${hour.padStart(2, '0')}:${minute}:${second}${hours === undefined ? 'Z' : `${hours}:${minutes}`}`,
  );
  // «+99:00» looks like an offset and is none.
  if (Number.isNaN(moment.getTime())) return undefined;
  return {
    day: localDay(moment, zone),
    time: `${moment.toISOString().slice(0, 19)}${clock.slice(8)}Z`,
  };
}

/** The first day that a charge may have: whatever is older is a mistake of the file. */
const FIRST_DAY = '2000-01-01';
const WORD_MAX = 200;

const shown = (text: string) => `«${text.length > 40 ? `${text.slice(0, 40)}…` : text}»`;

/** What one row of the file says. */
export type RowMeaning =
  | { readonly charge: ReportedCharge }
  /** Russian, each a part of a sentence: «сумма «abc» не читается». */
  | { readonly reasons: readonly string[] }
  /** Not asked for by `only`. */
  | { readonly left: true };

/**
 * Reads a row. Everything that is wrong with it is told together.
 * @param cell the value of a column, cleaned; '' when it is empty
 * @param place where the file's days are: the cabinet's zone, and the last day that may have been charged
 */
export function readRow(
  cell: (column: string) => string,
  mapping: ReportMapping,
  place: { readonly zone: string; readonly lastDay: string },
): RowMeaning {
  if ((mapping.only ?? []).some(({ column, values }) => !values.includes(cell(column)))) return { left: true };
  const reasons: string[] = [];
  const of = (role: ColumnRole) => {
    const column = mapping.columns[role];
    return column === undefined ? '' : cell(column);
  };
  const word = (role: ColumnRole) => {
    const text = of(role);
    if (text.length > WORD_MAX) reasons.push(`${ROLE_WORDS[role]} ${shown(text)} длиннее ${WORD_MAX} знаков`);
    return text === '' ? null : text;
  };

  const when = mapping.columns.day === undefined ? undefined : of('day');
  const read = when === undefined ? { day: mapping.day!, time: '' } : readReportDay(when, place.zone);
  if (!read || !isDay(read.day)) {
    reasons.push(
      when === '' ? 'день не указан' : `день ${shown(when ?? '')} не читается, нужно 21.11.2026 или 2026-11-21`,
    );
  } else if (read.day > place.lastDay) reasons.push(`день ${russianDay(read.day)} ещё не наступил`);
  else if (read.day < FIRST_DAY) reasons.push(`день ${russianDay(read.day)} слишком давний`);

  const sum = of('sum');
  const counted = mapping.placements;
  const isPlacement = counted !== undefined && cell(counted.column) === counted.value;
  let kopecks = isPlacement ? 0 : readSum(sum);
  if (isPlacement && !/^\d{1,6}$/.test(sum)) reasons.push(`${shown(sum)} — не число размещений`);
  if (kopecks === undefined) reasons.push(sum === '' ? 'сумма не указана' : `сумма ${shown(sum)} не читается`);
  else if (mapping.areChargesNegative === true && kopecks !== 0) kopecks = -kopecks;

  const number = of('listing');
  const listingNumber = /^#?\d{1,15}$/.test(number) ? Number(number.replace('#', '')) : null;
  if (number !== '' && listingNumber === null) reasons.push(`${shown(number)} — не наш номер объекта`);
  const advert = word('advert');
  const boardNumber = word('boardNumber');
  const service = word('service') ?? '';
  const operationId = word('operation');
  if (reasons.length > 0) return { reasons };
  return {
    charge: {
      ...read!,
      advert,
      boardNumber,
      listingNumber,
      service: isPlacement ? `${service} (размещений: ${sum})`.trim() : service,
      kopecks: kopecks!,
      operationId,
    },
  };
}

/** Words by which people and boards call the columns, the surest first; what is not sure is not guessed. */
const GUESSES: Record<ColumnRole, readonly RegExp[]> = {
  day: [/^(?:дата|день|date|day)$/, /^дата (?:списания|операции|начисления)/, /^(?:дата|date)\b/],
  sum: [/^(?:сумма|списано|amount|sum)$/, /^(?:сумма|списано|стоимость|расход|к оплате)/, /(?:amount|cost|price)/],
  advert: [/(?:внешн|xml|фид|партн|external)/],
  boardNumber: [/^(?:номер|id|№) (?:объявлени|на )/, /(?:item|offer|advert)[ _-]?id/],
  listing: [/^(?:наш номер|номер в выгрузке)/],
  service: [/^(?:услуга|наименование услуги|service|вид услуги)/, /^(?:операция|тип операции)$/],
  operation: [/^(?:номер|id|№) (?:операции|списания|транзакции)/, /(?:operation|transaction)[ _-]?id/],
};

/** What the columns of a board's report may be. */
export const guessColumns = (titles: readonly string[]): ReportMapping['columns'] =>
  guessedBy(GUESSES, COLUMN_ROLES, titles);

/**
 * What the columns of a file may be, by their names: a beginning for a person, never taken unasked.
 * @param guesses by what words each role is known, the surest first
 */
export function guessedBy<R extends string>(
  guesses: Readonly<Record<R, readonly RegExp[]>>,
  roles: readonly R[],
  titles: readonly string[],
): Partial<Record<R, string>> {
  const guessed: Partial<Record<R, string>> = {};
  const free = new Set(titles.filter((title) => title !== ''));
  for (const role of roles) {
    for (const guess of guesses[role]) {
      const found = [...free].find((title) => guess.test(title.trim().toLowerCase().replaceAll('ё', 'е')));
      if (found === undefined) continue;
      guessed[role] = found;
      free.delete(found);
      break;
    }
  }
  return guessed;
}
