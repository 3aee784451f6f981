import type { ExportReport, ExportReportQuery, ReportChoices } from '../contracts/export-report.ts';
import { addDays, localDay, russianDay } from '../domain/days.ts';
import {
  type Grouping,
  proveDays,
  provePeriod,
  proveSources,
  type ReportStep,
  SHARE_USUAL,
  SOURCES_MAX,
  type Step,
  stepsOf,
  usualFrom,
} from '../domain/export-report.ts';
import { Refusal } from '../domain/fault.ts';
import type { Reach } from '../domain/rights.ts';
import { capital } from '../domain/text.ts';
import type { Database } from '../store/database.ts';
import {
  countExports,
  type Groups,
  recordedFrom,
  recordedThrough,
  type UnitOwner,
  unitOwners,
} from '../store/export-report.ts';
import { cabinetsMarkedWithin } from '../store/listing-list.ts';
import { agencyFrame } from '../store/settings.ts';
import { groupsMet, isWithin, narrowings } from './report-units.ts';

export type { ExportReport, ExportReportQuery } from '../contracts/export-report.ts';

/** The export report for all its doors: the screen, the files and the command line have the same numbers. */

/** A board or a single feed of it, as its asker may see it. */
export interface SourceColumn {
  readonly id: number;
  readonly board: string;
  readonly boardName: string;
  readonly title: string;
}

export interface Reporter {
  readonly db: Database;
  readonly agencyId: number;
  /** Whose listings are counted. */
  readonly reach: Reach;
  /** The feeds the asker may see, and ask for one by one. */
  readonly columns: readonly SourceColumn[];
  /**
   * All other feeds of the agency: listings keep their marks there when they go to another branch. They are told of with
   * their board only, and of what is in them only what is within reach is counted.
   */
  readonly others?: readonly SourceColumn[];
  readonly now: Date;
}

interface NamedSource {
  readonly id: string;
  readonly title: string;
  readonly cabinetIds: readonly number[];
}

/** What is asked, made out. */
export interface Frame {
  readonly from: string;
  readonly until: string;
  readonly step: Step;
  readonly minShare: number;
  readonly by: Grouping;
  readonly lastDay: string | null;
  readonly steps: readonly ReportStep[];
  readonly sources: readonly (NamedSource & {
    /** The first and the last recorded day of its feeds; null: none is. */
    readonly recordedFrom: string | null;
    readonly recordedThrough: string | null;
  })[];
  /** Boards that could be told of and are not, for nobody has chosen. */
  readonly leftOut: readonly string[];
  readonly groups: readonly { readonly id: number; readonly name: string }[];
  /** Units by group, from 1, in the order of `groups`; null: everybody's marks, as one. */
  readonly of: readonly Groups[] | null;
}

/** So the id of a source begins that is a single feed. */
const FEED = 'cabinet:';

/** @throws Refusal for a period, a share or boards that may not be asked for */
export async function frameOf(reporter: Reporter, query: ExportReportQuery): Promise<Frame> {
  const { db, agencyId, reach, now } = reporter;
  const { timeZone } = await agencyFrame(db, agencyId);
  const yesterday = yesterdayOf(now, timeZone);
  const until = query.until ?? yesterday;
  const { step = 'week', minShare = SHARE_USUAL, by = 'none' } = query;
  proveDays(until);
  const { from = usualFrom(step, until) } = query;
  const period = { from, until, step, minShare };
  provePeriod(period);
  if (until > localDay(now, timeZone))
    throw new Refusal('bad-period', 'Последний день отчёта ещё не наступил: назовите сегодняшний или раньше.', 2);
  const { sources: found, leftOut } = await sourcesOf(reporter, query);
  proveSources(found.length);
  const firsts = await recordedFrom(db.pool, agencyId, feedsOf(found));
  const sources = [];
  for (const source of found) {
    // Of the reader's own feeds, where there are such: older ones of others know nothing of the zeros in these.
    const own = source.cabinetIds.filter((id) => reporter.columns.some((column) => column.id === id));
    const told = own.length > 0 ? own : source.cabinetIds;
    const [first = null] = told.flatMap((id) => firsts.get(id) ?? []).sort();
    sources.push({
      ...source,
      recordedFrom: first,
      recordedThrough: await lastDayOf(db, agencyId, told, yesterday),
    });
  }
  const lastDay = await lastDayOf(db, agencyId, feedsOf(sources), yesterday);
  const owners = (await unitOwners(db.pool, agencyId, reach)).filter(isWithin(query));
  const isAll = reach.isAll && !query.branch && !query.department && !query.employee && !query.group;
  const { groups, of } = await groupsOf(db, agencyId, by, owners);
  return {
    ...period,
    by,
    lastDay,
    steps: stepsOf(period, lastDay ?? addDays(from, -1)),
    sources,
    leftOut,
    groups,
    of: isAll && by === 'none' ? null : of,
  };
}

const yesterdayOf = (now: Date, timeZone: string) => addDays(localDay(now, timeZone), -1);

const feedsOf = (sources: readonly NamedSource[]) => sources.flatMap(({ cabinetIds }) => cabinetIds);

async function lastDayOf(
  db: Database,
  agencyId: number,
  cabinetIds: readonly number[],
  yesterday: string,
): Promise<string | null> {
  const recorded = await recordedThrough(db.pool, agencyId, cabinetIds);
  return recorded !== null && recorded > yesterday ? yesterday : recorded;
}

/**
 * The last day that a report by these boards could tell of now; null: nothing of them is recorded yet.
 * @throws Refusal for boards that may not be asked for
 */
export async function reportedThrough(
  reporter: Reporter,
  query: Pick<ExportReportQuery, 'board' | 'cabinet'>,
): Promise<string | null> {
  const { db, agencyId, now } = reporter;
  const { timeZone } = await agencyFrame(db, agencyId);
  const { sources } = await sourcesOf(reporter, query);
  return lastDayOf(db, agencyId, feedsOf(sources), yesterdayOf(now, timeZone));
}

/**
 * The boards that a report can tell something of, in the order of their feeds: those of which the asker sees a feed, and
 * those for which listings within reach are marked now.
 */
export async function boardsOf({
  db,
  agencyId,
  reach,
  columns,
  others = [],
}: Reporter): Promise<ReportChoices['boards']> {
  const seen = new Set(columns.map(({ board }) => board));
  const unseen = others.filter(({ board }) => !seen.has(board)).map(({ id }) => id);
  const marked = new Set(await cabinetsMarkedWithin(db.pool, agencyId, unseen, reach));
  return namedBoards([...columns, ...others.filter(({ id, board }) => seen.has(board) || marked.has(id))]);
}

function namedBoards(columns: readonly SourceColumn[]): ReportChoices['boards'] {
  const inOrder = columns.toSorted((one, other) => one.id - other.id);
  return [...new Map(inOrder.map(({ board, boardName }) => [board, { id: board, name: boardName }])).values()];
}

/** What is told without a wish, so that the page is not empty: the first boards, those of the reader's own feeds before others. */
async function usualBoards(reporter: Reporter): Promise<Record<'chosen' | 'left', ReportChoices['boards']>> {
  const all = await boardsOf(reporter);
  const inTurn = [...namedBoards(reporter.columns), ...all].map(({ id }) => id);
  const first = new Set([...new Set(inTurn)].slice(0, SOURCES_MAX));
  return { chosen: all.filter(({ id }) => first.has(id)), left: all.filter(({ id }) => !first.has(id)) };
}

async function sourcesOf(
  reporter: Reporter,
  { board, cabinet }: Pick<ExportReportQuery, 'board' | 'cabinet'>,
): Promise<{ readonly sources: NamedSource[]; readonly leftOut: readonly string[] }> {
  const { columns, others = [] } = reporter;
  const all = [...columns, ...others].sort((one, other) => one.id - other.id);
  const unknown = (what: string) => new Refusal('source-unknown', `${what} нет, или вы его не видите.`, 2);
  const usual = board || cabinet ? null : await usualBoards(reporter);
  const boards = board ?? usual?.chosen.map(({ id }) => id) ?? [];
  const sources = [
    ...[...new Set(boards)].map((id) => {
      // In all of its feeds, or whoever asks for a branch alone would find less than its row among all branches has.
      const own = all.filter((column) => column.board === id);
      if (!own[0]) throw unknown(`Кабинета на доске «${id}»`);
      return { id: `board:${id}`, title: own[0].boardName, cabinetIds: own.map((column) => column.id) };
    }),
    ...[...new Set(cabinet ?? [])].map((id) => {
      const own = columns.find((column) => column.id === id);
      if (!own) throw unknown(`Кабинета №${id}`);
      return { id: `${FEED}${id}`, title: own.title, cabinetIds: [id] };
    }),
  ];
  return { sources, leftOut: usual?.left.map(({ name }) => name) ?? [] };
}

/** Somebody may be in several CRM groups, so each of those is asked for by itself. */
async function groupsOf(
  db: Database,
  agencyId: number,
  by: Grouping,
  owners: readonly UnitOwner[],
): Promise<{ readonly groups: Frame['groups']; readonly of: readonly Groups[] }> {
  if (by === 'none') return { groups: [], of: [new Map(owners.map(({ id }) => [id, 1]))] };
  const { groups, keysOf } = await groupsMet(db, agencyId, by, owners);
  const place = new Map(groups.map(({ id }, at) => [id, at + 1]));
  if (by !== 'crm-group')
    return { groups, of: [new Map(owners.map((owner) => [owner.id, place.get(keysOf(owner)[0]!)!]))] };
  return {
    groups,
    of: [
      new Map(owners.map(({ id }) => [id, 1])),
      ...groups.map(
        (group) => new Map(owners.filter((owner) => keysOf(owner).includes(group.id)).map(({ id }) => [id, 1])),
      ),
    ],
  };
}

/** The report; see {@link ExportReportQuerySchema} for what may be asked. */
export async function exportReport(reporter: Reporter, query: ExportReportQuery): Promise<ExportReport> {
  const frame = await frameOf(reporter, query);
  const { of, groups, steps, sources, leftOut, ...rest } = frame;
  const isApart = rest.by === 'crm-group';
  const asked = of?.map((one, way) => ({ of: one, count: isApart || way > 0 ? 1 : Math.max(1, groups.length) })) ?? [
    null,
  ];
  const { db, agencyId, reach } = reporter;
  const [named] = await narrowings(db, agencyId, reach, [query]);
  const [counts, ...ofGroups] = await countExports(db, agencyId, sources, steps, asked);
  const told = sources.map(({ id, title, recordedFrom, recordedThrough: last }, source) => ({
    id,
    title,
    note: noteOf(recordedFrom, rest.from),
    steps: steps.map((step, at) => {
      const { total, byGroup } = counts![source]![at]!;
      if (total.marked === 0 && !isRecorded(step, recordedFrom, last)) return { total: null, byGroup: [] };
      if (groups.length === 0) return { total, byGroup: [] };
      return { total, byGroup: isApart ? ofGroups.map((one) => one[source]![at]!.total) : [...byGroup] };
    }),
  }));
  return {
    ...rest,
    steps: steps.map((step) => ({ ...step, label: labelOf(step) })),
    groups: [...groups],
    narrowed: { ...named!.narrowed, feed: sources.filter(({ id }) => id.startsWith(FEED)).map(({ title }) => title) },
    notes: notesOf(frame, named!.strangers, told),
    sources: told,
  };
}

/** Is anything of a step in the record? What lies before or after it is not zero but unknown. */
const isRecorded = ({ from, until }: ReportStep, first: string | null, last: string | null): boolean =>
  first !== null && until >= first && last !== null && from <= last;

function notesOf(
  { minShare, by, steps, leftOut }: Frame,
  strangers: readonly string[],
  sources: ExportReport['sources'],
): string[] {
  return [
    ...(strangers.length > 0
      ? [
          `${capital(strangers.join(', '))} в агентстве нет, или вы ${strangers.length > 1 ? 'их' : 'его'} не видите: в этих числах ничего такого нет.`,
        ]
      : []),
    ...(leftOut.length > 0
      ? [
          `Показаны первые ${sources.length} из ${sources.length + leftOut.length} досок: больше ${SOURCES_MAX} в один отчёт не входит. Остальные выбирают сами: ${leftOut.join(', ')}.`,
        ]
      : []),
    ...(sources.some((source) => source.steps.some(({ total }) => total === null))
      ? ['Прочерк: за эти дни записи нет – неизвестно, а не ноль.']
      : []),
    `Один объект считается на доске за шаг один раз. Отмечен – если был отмечен хотя бы день шага; в других столбцах – если был в этом состоянии не меньше ${minShare} % дней шага, но хотя бы один день: объект может не попасть ни в один из них.`,
    'Сотрудник, который перешёл, считается там, где был в тот день; группы CRM – по сегодняшнему составу.',
    ...(by === 'crm-group'
      ? ['Сотрудник может быть в нескольких группах CRM, поэтому вместе группы дают больше, чем «всего».']
      : []),
    ...(steps.some(({ isUnfinished }) => isUnfinished) ? ['Звёздочка: шаг не завершён.'] : []),
  ];
}

const short = (day: string) => russianDay(day).slice(0, 5);

/** «02.11–08.11», «25.06» for a day; a star: it is not over. */
export const labelOf = ({ from, until, isUnfinished }: ReportStep): string =>
  `${from === until ? short(from) : `${short(from)}–${short(until)}`}${isUnfinished ? '*' : ''}`;

function noteOf(recordedFrom: string | null, from: string): string | null {
  if (recordedFrom === null) return 'записи ещё нет';
  return recordedFrom > from ? `запись с ${russianDay(recordedFrom)}` : null;
}

/** «Циан (запись с 30.10.2026)» */
export const sourceTitle = ({ title, note }: Pick<ExportReport['sources'][number], 'title' | 'note'>): string =>
  note === null ? title : `${title} (${note})`;
