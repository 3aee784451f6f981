import { Readable } from 'node:stream';
import type {
  ChangeMembersQuery,
  Changes,
  ChangesQuery,
  ExportReport,
  ExportReportQuery,
  Members,
  MembersQuery,
  ReportChoices,
} from '../contracts/export-report.ts';
import { type Column, csvText, type Row } from '../domain/csv.ts';
import { addDays, localDay, russianDay } from '../domain/days.ts';
import {
  type ChangeReason,
  type Grouping,
  provePeriod,
  proveSources,
  type ReportStep,
  SERIES_LABELS,
  SHARE_USUAL,
  SOURCES_MAX,
  STEP_LABELS,
  type Step,
  stepsOf,
} from '../domain/export-report.ts';
import { Refusal } from '../domain/fault.ts';
import { OUTCOME_LABELS } from '../domain/gates.ts';
import type { Narrowed } from '../domain/report-mail.ts';
import type { Reach } from '../domain/rights.ts';
import { listBranches, listDepartments } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import {
  countExports,
  exportChangeMembers,
  exportChanges,
  exportMembers,
  type Groups,
  type Member,
  namedListings,
  recordedFrom,
  recordedThrough,
  type UnitOwner,
  unitOwners,
} from '../store/export-report.ts';
import { listCrmGroups, peopleNames } from '../store/people.ts';
import { agencyFrame } from '../store/settings.ts';
import type { ChartTheme } from './export-chart.ts';

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
  /** All other feeds of the agency: listings keep their marks there when they go to another branch. */
  readonly others?: readonly OtherColumn[];
  readonly now: Date;
}

/** A feed of another branch. It is told of with its board only, and of what is in it only what is within reach is counted. */
export interface OtherColumn extends SourceColumn {
  /** The asker sees another feed of its board, or listings within reach are marked for it now. */
  readonly isTold: boolean;
}

interface NamedSource {
  readonly id: string;
  readonly title: string;
  readonly cabinetIds: readonly number[];
}

interface Frame {
  readonly from: string;
  readonly until: string;
  readonly step: Step;
  readonly minShare: number;
  readonly by: Grouping;
  readonly lastDay: string | null;
  readonly steps: readonly ReportStep[];
  readonly sources: readonly (NamedSource & {
    /** The first recorded day of its feeds; null: none is. */
    readonly recordedFrom: string | null;
  })[];
  readonly groups: readonly { readonly id: number; readonly name: string }[];
  /** Units by group, from 1, in the order of `groups`; null: everybody's marks, as one. */
  readonly of: readonly Groups[] | null;
}

const USUAL_DAYS = 35;

/** @throws Refusal for a period, a share or boards that may not be asked for */
async function frameOf(reporter: Reporter, query: ExportReportQuery): Promise<Frame> {
  const { db, agencyId, reach, now } = reporter;
  const { timeZone } = await agencyFrame(db, agencyId);
  const yesterday = yesterdayOf(now, timeZone);
  const until = query.until ?? yesterday;
  const { from = addDays(until, 1 - USUAL_DAYS), step = 'week', minShare = SHARE_USUAL, by = 'none' } = query;
  const period = { from, until, step, minShare };
  provePeriod(period);
  if (until > localDay(now, timeZone))
    throw new Refusal('bad-period', 'Последний день отчёта ещё не наступил: назовите сегодняшний или раньше.', 2);
  const found = sourcesOf(reporter, query);
  proveSources(found.length);
  const firsts = await recordedFrom(
    db.pool,
    agencyId,
    found.flatMap(({ cabinetIds }) => cabinetIds),
  );
  const sources = found.map((source) => {
    const [first = null] = source.cabinetIds.flatMap((id) => firsts.get(id) ?? []).sort();
    return { ...source, recordedFrom: first };
  });
  const lastDay = await lastDayOf(db, agencyId, sources, yesterday);
  const owners = (await unitOwners(db.pool, agencyId, reach)).filter(isWithin(query));
  const isAll = reach.isAll && !query.branch && !query.department && !query.employee && !query.group;
  const { groups, of } = await groupsOf(db, agencyId, by, owners);
  return {
    ...period,
    by,
    lastDay,
    steps: stepsOf(period, lastDay ?? addDays(from, -1)),
    sources,
    groups,
    of: isAll && by === 'none' ? null : of,
  };
}

const yesterdayOf = (now: Date, timeZone: string) => addDays(localDay(now, timeZone), -1);

async function lastDayOf(
  db: Database,
  agencyId: number,
  sources: readonly NamedSource[],
  yesterday: string,
): Promise<string | null> {
  const cabinetIds = sources.flatMap((source) => source.cabinetIds);
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
  return lastDayOf(db, agencyId, sourcesOf(reporter, query), yesterdayOf(now, timeZone));
}

/** The boards that a report can tell something of, in the order of their feeds. */
export function boardsOf({ columns, others = [] }: Pick<Reporter, 'columns' | 'others'>): ReportChoices['boards'] {
  const told = [...columns, ...others.filter(({ isTold }) => isTold)].sort((one, other) => one.id - other.id);
  return [...new Map(told.map(({ board, boardName }) => [board, { id: board, name: boardName }])).values()];
}

function sourcesOf(
  reporter: Reporter,
  { board, cabinet }: Pick<ExportReportQuery, 'board' | 'cabinet'>,
): NamedSource[] {
  const { columns, others = [] } = reporter;
  const all = [...columns, ...others].sort((one, other) => one.id - other.id);
  const unknown = (what: string) => new Refusal('source-unknown', `${what} нет, или вы его не видите.`, 2);
  // Without a wish: the first boards, so that the page is not empty.
  const boards =
    board ??
    (cabinet
      ? []
      : boardsOf(reporter)
          .map(({ id }) => id)
          .slice(0, SOURCES_MAX));
  return [
    ...[...new Set(boards)].map((id) => {
      // In all of its feeds, or whoever asks for a branch alone would find less than its row among all branches has.
      const own = all.filter((column) => column.board === id);
      if (!own[0]) throw unknown(`Кабинета на доске «${id}»`);
      return { id: `board:${id}`, title: own[0].boardName, cabinetIds: own.map((column) => column.id) };
    }),
    ...[...new Set(cabinet ?? [])].map((id) => {
      const own = columns.find((column) => column.id === id);
      if (!own) throw unknown(`Кабинета №${id}`);
      return { id: `cabinet:${id}`, title: own.title, cabinetIds: [id] };
    }),
  ];
}

/** Whose listings are asked for. */
export const isWithin =
  ({ branch, department, employee, group }: Pick<ExportReportQuery, 'branch' | 'department' | 'employee' | 'group'>) =>
  (owner: Omit<UnitOwner, 'id'>): boolean =>
    (!branch || branch.includes(owner.branchId!)) &&
    (!department || department.includes(owner.departmentId!)) &&
    (!employee || employee.includes(owner.employeeId!)) &&
    (!group || owner.crmGroupIds.some((id) => group.includes(id)));

const NAMED = { branch: listBranches, department: listDepartments, employee: peopleNames, 'crm-group': listCrmGroups };
export const WITHOUT: Record<keyof typeof NAMED, string> = {
  branch: 'без филиала',
  department: 'без отдела',
  employee: 'без ответственного',
  'crm-group': 'вне групп',
};

/** What branches, departments, people or groups are called, in the order in which lists have them. */
export const namesOf = (
  db: Database,
  agencyId: number,
  by: keyof typeof NAMED,
): Promise<readonly { readonly id: number; readonly name: string }[]> => NAMED[by](db.pool, agencyId);

/** Whose listings a report can be narrowed to: whoever had one on a recorded day, and is seen by the asker. */
export async function reportChoices(
  db: Database,
  agencyId: number,
  reach: Reach,
): Promise<Omit<ReportChoices, 'boards'>> {
  const owners = await unitOwners(db.pool, agencyId, reach);
  const named = async (by: keyof typeof NAMED, idsOf: (owner: UnitOwner) => readonly (number | null)[]) => {
    const met = new Set(owners.flatMap(idsOf));
    return (await namesOf(db, agencyId, by)).filter(({ id }) => met.has(id)).map(({ id, name }) => ({ id, name }));
  };
  return {
    branches: await named('branch', ({ branchId }) => [branchId]),
    departments: await named('department', ({ departmentId }) => [departmentId]),
    employees: await named('employee', ({ employeeId }) => [employeeId]),
    groups: await named('crm-group', ({ crmGroupIds }) => crmGroupIds),
  };
}

/**
 * What reports are narrowed to, by name. Whoever the reader does not see, or is no more, has a number only.
 * @param queries as they were kept
 */
export async function narrowings(
  db: Database,
  agencyId: number,
  reach: Reach,
  queries: readonly Pick<ExportReportQuery, 'branch' | 'department' | 'employee' | 'group'>[],
): Promise<Narrowed[]> {
  const isAny = queries.some(({ branch, department, employee, group }) => branch ?? department ?? employee ?? group);
  if (!isAny) return queries.map(() => ({}));
  const { branches, departments, employees, groups } = reach.isAll
    ? {
        branches: await namesOf(db, agencyId, 'branch'),
        departments: await namesOf(db, agencyId, 'department'),
        employees: await namesOf(db, agencyId, 'employee'),
        groups: await namesOf(db, agencyId, 'crm-group'),
      }
    : await reportChoices(db, agencyId, reach);
  const named = (
    all: readonly { readonly id: number; readonly name: string }[],
    ids: readonly number[] | undefined,
  ) => {
    const unknown = new Set(ids);
    const known = all.flatMap(({ id, name }) => (unknown.delete(id) ? [name.replace(/\s+/g, ' ')] : []));
    return [...known, ...[...unknown].map((id) => `№${id}`)];
  };
  return queries.map(({ branch, department, employee, group }) => ({
    branch: named(branches, branch),
    department: named(departments, department),
    employee: named(employees, employee),
    group: named(groups, group),
  }));
}

/** The groups that owners fall into, in the order of their names, and those of each owner. 0: belongs to none. */
export async function groupsMet<T extends Omit<UnitOwner, 'id'>>(
  db: Database,
  agencyId: number,
  by: Exclude<Grouping, 'none'>,
  owners: readonly T[],
): Promise<{ readonly groups: Frame['groups']; readonly keysOf: (owner: T) => readonly number[] }> {
  const keysOf = (owner: T): readonly number[] => {
    if (by === 'crm-group') return owner.crmGroupIds.length > 0 ? owner.crmGroupIds : [0];
    return [{ branch: owner.branchId, department: owner.departmentId, employee: owner.employeeId }[by] ?? 0];
  };
  const met = new Set(owners.flatMap(keysOf));
  const groups = [
    ...(await namesOf(db, agencyId, by)).filter(({ id }) => met.has(id)).map(({ id, name }) => ({ id, name })),
    ...(met.has(0) ? [{ id: 0, name: WITHOUT[by] }] : []),
  ];
  return { groups, keysOf };
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
  const { of, groups, steps, sources, ...rest } = frame;
  const isApart = rest.by === 'crm-group';
  const asked = of?.map((one, way) => ({ of: one, count: isApart || way > 0 ? 1 : Math.max(1, groups.length) })) ?? [
    null,
  ];
  const [counts, ...ofGroups] = await countExports(reporter.db, reporter.agencyId, sources, steps, asked);
  return {
    ...rest,
    steps: steps.map((step) => ({ ...step, label: labelOf(step) })),
    groups: [...groups],
    sources: sources.map(({ id, title, recordedFrom }, source) => ({
      id,
      title,
      note: noteOf(recordedFrom, rest.from),
      steps: steps.map((_, at) => {
        const { total, byGroup } = counts![source]![at]!;
        if (groups.length === 0) return { total, byGroup: [] };
        return { total, byGroup: isApart ? ofGroups.map((one) => one[source]![at]!.total) : [...byGroup] };
      }),
    })),
  };
}

const short = (day: string) => russianDay(day).slice(0, 5);

/** «02.11–08.11», «25.06» for a day; a star: it is not over. */
export const labelOf = ({ from, until, isUnfinished }: ReportStep): string =>
  `${from === until ? short(from) : `${short(from)}–${short(until)}`}${isUnfinished ? '*' : ''}`;

function placed(
  frame: Frame,
  at: string,
  source: string,
): { readonly step: number; readonly source: Frame['sources'][number] } {
  const step = frame.steps.findIndex(({ from }) => from === at);
  const found = frame.sources.find(({ id }) => id === source);
  if (step < 0 || !found)
    throw new Refusal('cell-unknown', 'Такого столбца в этом отчёте нет: откройте его из отчёта.', 2);
  return { step, source: found };
}

const MEMBERS_MAX = 1000;

/** The listings behind a number. */
export async function exportReportMembers(
  reporter: Reporter,
  { at, source, series, of, ...query }: MembersQuery,
): Promise<Members> {
  const frame = await frameOf(reporter, query);
  const cell = placed(frame, at, source);
  const place = of === undefined ? undefined : frame.groups.findIndex(({ id }) => id === of) + 1;
  if (place === 0) throw new Refusal('cell-unknown', 'Такой группы в этом отчёте нет: откройте её из отчёта.', 2);
  const isApart = frame.by === 'crm-group' && place !== undefined;
  const groups = frame.of && frame.of[isApart ? place : 0]!;
  const members = await exportMembers(
    reporter.db,
    reporter.agencyId,
    cell.source,
    frame.steps[cell.step]!,
    series,
    groups,
    isApart ? undefined : place,
  );
  return told(reporter, cell.source, members);
}

async function told(
  { db, agencyId, reach }: Reporter,
  { cabinetIds }: Frame['sources'][number],
  members: readonly Member[],
): Promise<Members> {
  const shown = members.slice(0, MEMBERS_MAX);
  const ids = shown.map(({ listingId }) => listingId);
  const named = await namedListings(db.pool, agencyId, cabinetIds, ids, reach);
  return {
    total: members.length,
    data: shown.flatMap(({ listingId, outcomes }) => {
      const found = named.get(listingId);
      if (!found) return [];
      const { outcome, ...one } = found;
      const told = outcomes.map(({ outcome, days }) => ({ label: OUTCOME_LABELS[outcome], days }));
      return [{ ...one, outcomes: told, now: outcome === null ? null : OUTCOME_LABELS[outcome] }];
    }),
  };
}

const CHANGE_LABELS: Record<ChangeReason, string> = {
  ...OUTCOME_LABELS,
  unmarked: 'не отмечен',
  moved: 'в другой части агентства',
  'too-few-days': 'в фиде меньше нужных дней',
};

/** Why the step has another number of published listings than the one before. */
export async function exportReportChanges(reporter: Reporter, query: ChangesQuery): Promise<Changes> {
  const { frame, source, steps } = await compared(reporter, query);
  const of = frame.of && frame.of[0]!;
  const reasons = await exportChanges(reporter.db, reporter.agencyId, source, steps, of);
  const group = of && { of, count: Math.max(1, frame.groups.length) };
  const [counts] = await countExports(reporter.db, reporter.agencyId, [source], [steps[0]], [group]);
  return {
    before: labelOf(steps[0]),
    after: labelOf(steps[1]),
    start: counts![0]![0]!.total.published,
    difference: reasons.reduce((sum, { left, came }) => sum + came - left, 0),
    reasons: reasons.map((one) => ({ ...one, label: CHANGE_LABELS[one.reason] })),
  };
}

/** The listings that left, or came, for one of these reasons. */
export async function exportReportChangeMembers(
  reporter: Reporter,
  { reason, way, ...query }: ChangeMembersQuery,
): Promise<Members> {
  if (!Object.hasOwn(CHANGE_LABELS, reason)) throw new Refusal('cell-unknown', 'Такой причины в этом отчёте нет.', 2);
  const { frame, source, steps } = await compared(reporter, query);
  const wanted = { reason: reason as ChangeReason, way };
  const { db, agencyId } = reporter;
  return told(
    reporter,
    source,
    await exportChangeMembers(db, agencyId, source, steps, frame.of && frame.of[0]!, wanted),
  );
}

async function compared(reporter: Reporter, { at, source, ...query }: ChangesQuery) {
  const frame = await frameOf(reporter, query);
  const cell = placed(frame, at, source);
  const [before, after] = [frame.steps[cell.step - 1], frame.steps[cell.step]!];
  if (!before)
    throw new Refusal('cell-unknown', 'До первого шага отчёта сравнивать не с чем: начните период раньше.', 2);
  return { frame, source: cell.source, steps: [before, after] as const };
}

function noteOf(recordedFrom: string | null, from: string): string | null {
  if (recordedFrom === null) return 'записи ещё нет';
  return recordedFrom > from ? `запись с ${russianDay(recordedFrom)}` : null;
}

/** «Циан (запись с 30.10.2026)» */
export const sourceTitle = ({ title, note }: Pick<ExportReport['sources'][number], 'title' | 'note'>): string =>
  note === null ? title : `${title} (${note})`;

/** The report as a table: a line per board, step and group. */
export function exportTable(report: ExportReport): {
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
} {
  const isGrouped = report.by !== 'none';
  const columns: Column[] = [
    { header: 'Доска или фид', kind: 'text', width: 22 },
    { header: `Шаг (${STEP_LABELS[report.step]})`, kind: 'text', width: 16 },
    { header: 'С', kind: 'day', width: 12 },
    { header: 'По', kind: 'day', width: 12 },
    { header: 'Нужно дней', kind: 'count', width: 12 },
    ...(isGrouped ? [{ header: 'Группа', kind: 'text', width: 24 } as const] : []),
    ...(['marked', 'published', 'blocked', 'unfunded'] as const).map(
      (series) => ({ header: capital(SERIES_LABELS[series]), kind: 'count', width: 18 }) as const,
    ),
  ];
  const rows = report.sources.flatMap(({ steps, ...source }) =>
    steps.flatMap(({ total, byGroup }, at) => {
      const { label, from, until, needed } = report.steps[at]!;
      const line = (group: string | null, { marked, published, blocked, unfunded }: typeof total): Row => [
        sourceTitle(source),
        label,
        from,
        until,
        needed,
        ...(isGrouped ? [group] : []),
        marked,
        published,
        blocked,
        unfunded,
      ];
      return [
        ...byGroup.map((counts, group) => line(report.groups[group]!.name, counts)),
        line(isGrouped ? 'Всего' : null, total),
      ];
    }),
  );
  return { columns, rows };
}

const capital = (words: string) => words.charAt(0).toUpperCase() + words.slice(1);

export const EXPORT_FORMATS = ['xlsx', 'csv', 'svg', 'png'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** The report as a file. @returns its name without the ending, and its bytes */
export async function exportFile(
  reporter: Reporter,
  query: ExportReportQuery,
  format: ExportFormat,
  theme?: ChartTheme,
): Promise<{ readonly name: string; readonly bytes: Readable }> {
  const report = await exportReport(reporter, query);
  return { name: exportFileName(report), bytes: await bytesOf() };

  async function bytesOf(): Promise<Readable> {
    const table = exportTable(report);
    if (format === 'csv') return Readable.from(csvText(table.columns, table.rows));
    // The libraries are loaded when the first file is asked for.
    if (format === 'xlsx') {
      const { exportWorkbook } = await import('./xlsx.ts');
      const { from, until } = report;
      const days =
        report.step === 'day'
          ? report
          : await exportReport(reporter, { ...query, from, until, step: 'day', by: 'none' });
      return whole(await exportWorkbook(report, table, exportTable(days)));
    }
    const { exportChartPng, exportChartSvg } = await import('./export-chart.ts');
    return whole(format === 'svg' ? exportChartSvg(report, theme) : exportChartPng(report, theme));
  }
}

const whole = (bytes: Uint8Array | string): Readable => Readable.from([Buffer.from(bytes)]);

/** «vygruzka_2026-06-25_2026-11-21» */
const exportFileName = ({ from, until }: Pick<ExportReport, 'from' | 'until'>): string => `vygruzka_${from}_${until}`;
