import { guessedBy, readReportDay } from './board-report.ts';
import { russianDay } from './days.ts';
import { formatNumber } from './text.ts';

/**
 * What boards or the agency's telephony tell of a listing's day: views and calls. What is not told is not known, and
 * that is not zero.
 */

/** `advert`: our id in the feed. `boardNumber`: the board's own number. `listing`: our number of the listing. */
export const AUDIENCE_ROLES = ['day', 'advert', 'boardNumber', 'listing', 'views', 'calls'] as const;
export type AudienceRole = (typeof AUDIENCE_ROLES)[number];

/** The roles as people write them. */
export const AUDIENCE_WORDS: Record<AudienceRole, string> = {
  day: 'день',
  advert: 'объявление',
  boardNumber: 'номер',
  listing: 'объект',
  views: 'просмотры',
  calls: 'звонки',
};

/** The roles in a form. */
export const AUDIENCE_LABELS: Record<AudienceRole, string> = {
  day: 'День',
  advert: 'Номер из нашего фида',
  boardNumber: 'Номер, который дала доска',
  listing: 'Наш номер объекта',
  views: 'Просмотры',
  calls: 'Звонки',
};

const GUESSES: Record<AudienceRole, readonly RegExp[]> = {
  day: [/^(?:дата|день|date|day)$/, /^(?:дата|date)\b/],
  advert: [/(?:внешн|xml|фид|партн|external)/, /^(?:id|объявление|номер объявления)$/],
  boardNumber: [/^(?:номер|id|№) (?:объявлени|на )/, /(?:item|offer|advert)[ _-]?id/],
  listing: [/^(?:наш номер|номер в выгрузке|объект)/],
  views: [/^(?:просмотры|просмотров|views)$/, /(?:просмотр|views)/],
  calls: [/^(?:звонки|звонков|calls)$/, /(?:звонк|звонок|calls)/],
};

/** What the columns of a file may be: a beginning for a person. */
export const guessAudience = (titles: readonly string[]): AudienceMapping['columns'] =>
  guessedBy(GUESSES, AUDIENCE_ROLES, titles);

export interface AudienceMapping {
  readonly columns: Readonly<Partial<Record<AudienceRole, string>>>;
  /** The day of all rows, where no column tells it. */
  readonly day?: string;
  /** JSON: the way to the rows; absent: they are found by their fields. */
  readonly rows?: string;
}

/** What a mapping lacks, in Russian sentences; empty when rows can be read by it. */
export function audienceMappingFaults({ columns, day }: AudienceMapping): string[] {
  const faults: string[] = [];
  if (columns.day === undefined && day === undefined)
    faults.push('Не сказано, в каком столбце день; если в файле его нет, назовите день всех строк.');
  if (columns.day !== undefined && day !== undefined) faults.push('День назван и столбцом, и отдельно.');
  if (columns.advert === undefined && columns.boardNumber === undefined && columns.listing === undefined)
    faults.push(
      'Не сказано, в каком столбце объявление: «объявление» — номер из нашего фида, «номер» — номер самой доски, «объект» — наш номер.',
    );
  if (columns.views === undefined && columns.calls === undefined)
    faults.push('Не сказано, в каком столбце просмотры или звонки: нужен хотя бы один.');
  return faults;
}

/** More on one day is a mistake of the file. */
const COUNT_MAX = 10_000_000;
const FIRST_DAY = '2000-01-01';
const NAME_MAX = 200;

export interface AudienceCounts {
  readonly views: number | null;
  readonly calls: number | null;
}

/** What is wrong with a day and its counts, each a part of a Russian sentence; empty when nothing. */
export function audienceFaults(day: string, lastDay: string, { views, calls }: AudienceCounts): string[] {
  const reasons: string[] = [];
  if (day > lastDay) reasons.push(`день ${russianDay(day)} ещё не наступил`);
  else if (day < FIRST_DAY) reasons.push(`день ${russianDay(day)} слишком давний`);
  for (const [count, of] of [
    [views, 'просмотров'],
    [calls, 'звонков'],
  ] as const) {
    if (count === null) continue;
    if (count < 0) reasons.push(`${of} меньше нуля: ${count}`);
    else if (!Number.isInteger(count)) reasons.push(`число ${of} не целое`);
    else if (count > COUNT_MAX) reasons.push(`${of} больше ${formatNumber(COUNT_MAX)}`);
  }
  if (views === null && calls === null) reasons.push('нет ни просмотров, ни звонков');
  return reasons;
}

/** A row of a file. */
export interface AudienceRow extends AudienceCounts {
  /** In the cabinet's zone. */
  readonly day: string;
  readonly advert: string | null;
  readonly boardNumber: string | null;
  readonly listingNumber: number | null;
}

/** How the file names the listing. */
export const namedIn = ({ advert, boardNumber, listingNumber }: Omit<AudienceRow, 'day' | keyof AudienceCounts>) =>
  advert ?? boardNumber ?? `#${listingNumber}`;

const shown = (text: string) => `«${text.length > 40 ? `${text.slice(0, 40)}…` : text}»`;

/**
 * Reads a row. Everything that is wrong with it is told together.
 * @param cell the value of a column, cleaned; '' when it is empty
 * @param place where the file's days are, and the last day there can be something to tell of
 */
export function readAudience(
  cell: (column: string) => string,
  { columns, day: named }: AudienceMapping,
  place: { readonly zone: string; readonly lastDay: string },
): { readonly row: AudienceRow } | { readonly reasons: readonly string[] } {
  const of = (role: AudienceRole) => (columns[role] === undefined ? '' : cell(columns[role]));
  const reasons: string[] = [];
  const count = (role: 'views' | 'calls') => {
    const text = of(role).replace(/[ \u00a0\u202f]/g, '');
    if (text === '' || text === '-' || text === '–' || text === '—') return null;
    if (/^[-−]?\d{1,15}$/.test(text)) return Number(text.replace('−', '-'));
    reasons.push(`${AUDIENCE_WORDS[role]} ${shown(text)} — не целое число`);
    return null;
  };
  const word = (role: 'advert' | 'boardNumber') => {
    const text = of(role);
    if (text.length > NAME_MAX) reasons.push(`${AUDIENCE_WORDS[role]} ${shown(text)} длиннее ${NAME_MAX} знаков`);
    return text === '' ? null : text;
  };
  const when = columns.day === undefined ? undefined : of('day');
  const day = when === undefined ? named! : readReportDay(when, place.zone)?.day;
  if (day === undefined)
    reasons.push(
      when === '' ? 'день не указан' : `день ${shown(when ?? '')} не читается, нужно 21.11.2026 или 2026-11-21`,
    );
  const number = of('listing');
  const listingNumber = /^#?\d{1,15}$/.test(number) ? Number(number.replace('#', '')) : null;
  if (number !== '' && listingNumber === null) reasons.push(`${shown(number)} — не наш номер объекта`);
  const [advert, boardNumber] = [word('advert'), word('boardNumber')];
  if (advert === null && boardNumber === null && number === '') reasons.push('объявление не указано');
  const counts = { views: count('views'), calls: count('calls') };
  if (reasons.length === 0) reasons.push(...audienceFaults(day!, place.lastDay, counts));
  return reasons.length > 0 ? { reasons } : { row: { day: day!, advert, boardNumber, listingNumber, ...counts } };
}
