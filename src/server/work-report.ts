import type { Figures, WorkMembers, WorkMembersQuery, WorkReport, WorkReportQuery } from '../contracts/work-report.ts';
import type { Column, Row, Table } from '../domain/csv.ts';
import { addDays, localDay, russianDay, russianMoment, startOfDay } from '../domain/days.ts';
import { proveDays, provePeriod } from '../domain/export-report.ts';
import { Refusal } from '../domain/fault.ts';
import { OUTCOME_LABELS } from '../domain/gates.ts';
import { SHARE_USUAL } from '../domain/report-words.ts';
import type { Reach } from '../domain/rights.ts';
import type { AgencySettings } from '../domain/settings.ts';
import {
  AGE_BUCKETS,
  behindFigure,
  type MarkedFact,
  toldMinutes,
  type VerdictFact,
  type WaitingFact,
  WORK_WORDS,
  type WorkFacts,
  type WorkFigure,
  waitedMs,
  workFigures,
} from '../domain/work-report.ts';
import type { Database } from '../store/database.ts';
import { namedListings } from '../store/export-report.ts';
import { agencyFrame } from '../store/settings.ts';
import { markedNow, type Owned, type OwnedVerdict, type Owner, verdictsOf, waitingNow } from '../store/work-report.ts';
import { groupsMet, isWithin, narrowedTable, narrowings } from './report-units.ts';

export type { WorkReport } from '../contracts/work-report.ts';

/** «Работа» for all its doors: the screen, the files and the command line have the same numbers. */

export interface WorkReporter {
  readonly db: Database;
  readonly agencyId: number;
  /** Whose listings are counted. */
  readonly reach: Reach;
  readonly now: Date;
}

type Facts = WorkFacts<OwnedVerdict, Owned<WaitingFact>, Owned<MarkedFact>>;

interface Frame {
  readonly from: string;
  readonly until: string;
  readonly zone: string;
  readonly facts: Facts;
  readonly settings: AgencySettings;
}

const USUAL_DAYS = 35;

/** @throws Refusal for a period that may not be asked for */
async function frameOf({ db, agencyId, reach, now }: WorkReporter, query: WorkReportQuery): Promise<Frame> {
  const { timeZone: zone, settings } = await agencyFrame(db, agencyId);
  const today = localDay(now, zone);
  const until = query.until ?? today;
  proveDays(until);
  const from = query.from ?? addDays(until, 1 - USUAL_DAYS);
  provePeriod({ from, until, step: 'day', minShare: SHARE_USUAL });
  if (until > today)
    throw new Refusal('bad-period', 'Последний день отчёта ещё не наступил: назовите сегодняшний или раньше.', 2);
  const isAsked = isWithin(query);
  const asked = <T extends { readonly owner: Owner }>(rows: readonly T[]) => rows.filter(({ owner }) => isAsked(owner));
  const time = { from: startOfDay(from, zone), until: startOfDay(addDays(until, 1), zone) };
  const [verdicts, waiting, marked] = await Promise.all([
    verdictsOf(db, agencyId, time, reach, now),
    waitingNow(db.pool, agencyId, reach, now),
    markedNow(db.pool, agencyId, settings, reach, now),
  ]);
  return {
    from,
    until,
    zone,
    settings,
    facts: { verdicts: asked(verdicts), waiting: asked(waiting), marked: asked(marked) },
  };
}

/** By group, in one go: there may be a hundred thousand rows and hundreds of groups. */
function factsByGroup(facts: Facts, keyOf: (owner: Owner) => number): ReadonlyMap<number, Facts> {
  const parts = new Map<
    number,
    { verdicts: OwnedVerdict[]; waiting: Owned<WaitingFact>[]; marked: Owned<MarkedFact>[] }
  >();
  const part = ({ owner }: { readonly owner: Owner }) => {
    const own = parts.get(keyOf(owner)) ?? { verdicts: [], waiting: [], marked: [] };
    parts.set(keyOf(owner), own);
    return own;
  };
  for (const row of facts.verdicts) part(row).verdicts.push(row);
  for (const row of facts.waiting) part(row).waiting.push(row);
  for (const row of facts.marked) part(row).marked.push(row);
  return parts;
}

const factsOf = ({ verdicts, waiting, marked }: Facts, isOf: (owner: Owner) => boolean): Facts => ({
  verdicts: verdicts.filter(({ owner }) => isOf(owner)),
  waiting: waiting.filter(({ owner }) => isOf(owner)),
  marked: marked.filter(({ owner }) => isOf(owner)),
});

/** What a reason is called; one that is not in the agency's list any more is known by its code alone. */
const reasonText = ({ moderation }: AgencySettings, code: string): string =>
  moderation.returnReasons.find((reason) => reason.code === code)?.text ?? code;

/** The report; see {@link WorkReportQuerySchema} for what may be asked. */
export async function workReport(reporter: WorkReporter, query: WorkReportQuery): Promise<WorkReport> {
  const { db, agencyId, reach, now } = reporter;
  const { from, until, zone, facts, settings } = await frameOf(reporter, query);
  const [named] = await narrowings(db, agencyId, reach, [query]);
  const { by = 'none' } = query;
  const figures = (own: Facts): Figures => {
    const { returns, queue, ...rest } = workFigures(own, now);
    return {
      ...rest,
      queue: { ...queue, buckets: [...queue.buckets] },
      returns: {
        count: returns.count,
        byReason: returns.byReason.map(({ code, count }) => ({ code, text: reasonText(settings, code), count })),
      },
    };
  };
  const owners = [...facts.verdicts, ...facts.waiting, ...facts.marked].map(({ owner }) => owner);
  const met = by === 'none' ? null : await groupsMet(db, agencyId, by, owners);
  const parts = met && factsByGroup(facts, (owner) => met.keysOf(owner)[0]!);
  const looks = facts.verdicts.filter(({ isLook }) => isLook);
  return {
    from,
    until,
    by,
    narrowed: named!.narrowed,
    at: now.toISOString(),
    zone,
    total: figures(facts),
    groups: (met?.groups ?? []).map(({ id, name }) => ({ id, name, figures: figures(parts!.get(id)!) })),
    agents: await agentsOf(db, agencyId, looks),
    owners: {
      decided: looks.length,
      recorded: looks.filter(({ isRecorded }) => isRecorded).length,
    },
  };
}

async function agentsOf(db: Database, agencyId: number, looks: readonly OwnedVerdict[]): Promise<WorkReport['agents']> {
  const { groups, keysOf } = await groupsMet(
    db,
    agencyId,
    'employee',
    looks.map(({ owner }) => owner),
  );
  const byAgent = new Map<number, OwnedVerdict[]>();
  for (const look of looks) {
    const [id] = keysOf(look.owner);
    byAgent.set(id!, [...(byAgent.get(id!) ?? []), look]);
  }
  return groups
    .map(({ id, name }) => {
      const own = byAgent.get(id)!;
      const { returns, first } = workFigures({ verdicts: own, waiting: [], marked: [] }, new Date(0));
      return { id, name, decided: own.length, returned: returns.count, first: first.count, right: first.right };
    })
    .sort((one, other) => other.returned - one.returned || one.name.localeCompare(other.name, 'ru'));
}

const MEMBERS_MAX = 1000;

/** The listings behind a number. */
export async function workReportMembers(
  reporter: WorkReporter,
  { figure, reason, bucket, of, agent, ...query }: WorkMembersQuery,
): Promise<WorkMembers> {
  const { db, agencyId, reach, now } = reporter;
  const { facts, settings } = await frameOf(reporter, query);
  const { by = 'none' } = query;
  if (of !== undefined && by === 'none')
    throw new Refusal('cell-unknown', 'Такой группы в этом отчёте нет: откройте её из отчёта.', 2);
  const keys = { branch: 'branchId', department: 'departmentId', employee: 'employeeId' } as const;
  const isOf = (owner: Owner) =>
    (of === undefined || by === 'none' || (owner[keys[by]] ?? 0) === of) &&
    (agent === undefined || (owner.employeeId ?? 0) === agent);
  const rows = behindFigure(factsOf(facts, isOf), figure, { reason, bucket }, now);
  const shown = rows.slice(0, MEMBERS_MAX);
  const ids = shown.map(({ listingId }) => listingId);
  const named = await namedListings(db.pool, agencyId, [], ids, reach);
  return {
    total: rows.length,
    data: shown.flatMap((row) => {
      const found = named.get(row.listingId);
      if (!found) return [];
      const { outcome: _, ...who } = found;
      const at = 'at' in row ? row.at : 'since' in row ? row.since : null;
      return [{ ...who, at: at?.toISOString() ?? null, told: toldOf(row, figure, settings, now) }];
    }),
  };
}

function toldOf(
  row: VerdictFact | WaitingFact | MarkedFact,
  figure: WorkFigure,
  settings: AgencySettings,
  now: Date,
): string {
  const whole = (ms: number) => toldMinutes(Math.floor(ms / 60_000));
  if ('since' in row) {
    const stops = row.stops.map((outcome) => (outcome === 'published' ? 'тормоз' : OUTCOME_LABELS[outcome])).join(', ');
    const besides = stops === '' ? '' : `; ${row.isReady ? 'на других досках' : 'держит и другое'}: ${stops}`;
    return `ждёт ${whole(Math.max(0, now.getTime() - row.since.getTime()))}${row.isPutAside ? ', отложен' : ''}${besides}`;
  }
  if ('kind' in row) {
    if (row.kind === 'returned') return `возвращён: ${row.reasons.map((code) => reasonText(settings, code)).join(' ')}`;
    if (row.isTrusted) return 'одобрен по доверию, без просмотра';
    if (!row.isLook) return 'принят без просмотра при включении модерации';
    const waited = waitedMs(row);
    return `одобрен${row.isCorrected ? ' с исправлением' : ''}${waited === null || figure !== 'approved' ? '' : ` через ${whole(waited)}`}`;
  }
  if (figure === 'photos' || figure === 'texts' || figure === 'judged') {
    const below = [...(row.hasPhotoNotices ? ['фотографии'] : []), ...(row.hasTextNotices ? ['тексты'] : [])];
    return below.length === 0 ? 'фотографии и тексты пропущены' : `не пропущены ${below.join(' и ')}`;
  }
  return row.isStale ? 'срок подтверждения прошёл' : 'подтверждён в срок';
}

/** A share in whole per cents; null: of nothing. */
export const shareOf = (count: number, of: number): number | null => (of === 0 ? null : Math.round((count / of) * 100));

const count = (header: string, width = 14): Column => ({ header, kind: 'count', width });
const AGE_COLUMNS = AGE_BUCKETS.map(({ label }) => count(`В очереди ${label}`, 18));

/** The table with what a reader of a single line of it has to know: when it was made, and what it is narrowed to. */
function toldTable({ narrowed, at, zone }: WorkReport, columns: readonly Column[], rows: readonly Row[]): Table {
  const made = russianMoment(new Date(at), zone);
  return narrowedTable(
    narrowed,
    [...columns, { header: `Сделан (${zone})`, kind: 'text', width: 24, isAside: true }],
    rows.map((row) => [...row, made]),
  );
}

/** The report as a table: a line per group, and everybody's. Times are minutes. */
export function workTable(report: WorkReport): Table {
  const columns: Column[] = [
    { header: 'Группа', kind: 'text', width: 26 },
    { header: 'С', kind: 'day', width: 12 },
    { header: 'По', kind: 'day', width: 12 },
    count('Решений модератора', 16),
    count('Одобрений', 14),
    count('Одобрений с известным ожиданием', 20),
    count('До одобрения, медиана, мин', 18),
    count('До одобрения, 90 %, мин', 18),
    count('Одобрений без ожидания', 18),
    count('Возвратов'),
    count('Принято при включении, без просмотра', 20),
    count('По доверию, без просмотра', 18),
    count('Первых решений'),
    count('С первого раза'),
    count('С первого раза, %', 16),
    count('Из них исправил модератор', 18),
    count('В очереди сейчас', 16),
    count('Из них отложено', 16),
    count('Старейший, мин', 16),
    count('Возраст, медиана, мин', 18),
    ...AGE_COLUMNS,
    count('Ждут только модератора', 18),
    count('Старейший из них, мин', 18),
    count('Медиана из них, мин', 18),
    count('Держит и другое', 16),
    count('Старейший с другим, мин', 18),
    count('Медиана с другим, мин', 18),
    count('Отмечено и на рынке', 18),
    count('Не подтверждено в срок', 18),
    count('Не подтверждено, %', 16),
    count('Отмечено и проверено', 18),
    count('Фото ниже нормы', 16),
    count('Фото ниже нормы, %', 16),
    count('Тексты ниже нормы', 16),
    count('Тексты ниже нормы, %', 16),
  ];
  const line = (name: string, { decided, approval, returns, first, queue, stale, norms }: Figures): Row => [
    name,
    report.from,
    report.until,
    decided.count,
    decided.approved,
    approval.count,
    approval.medianMinutes,
    approval.p90Minutes,
    approval.unmeasured,
    returns.count,
    decided.accepted,
    decided.trusted,
    first.count,
    first.right,
    shareOf(first.right, first.count),
    first.corrected,
    queue.count,
    queue.putAside,
    queue.oldestMinutes,
    queue.medianMinutes,
    ...queue.buckets,
    ...[queue.ready, queue.stopped].flatMap((part) => [part.count, part.oldestMinutes, part.medianMinutes]),
    stale.of,
    stale.count,
    shareOf(stale.count, stale.of),
    norms.of,
    norms.photos,
    shareOf(norms.photos, norms.of),
    norms.texts,
    shareOf(norms.texts, norms.of),
  ];
  const rows = [...report.groups.map(({ name, figures }) => line(name, figures)), line('Всего', report.total)];
  return toldTable(report, columns, rows);
}

/** Returns by reason, and by agent; and what the numbers are. */
export function returnsTables(report: WorkReport): readonly (Table & { readonly name: string })[] {
  const days: readonly Column[] = [
    { header: 'С', kind: 'day', width: 12 },
    { header: 'По', kind: 'day', width: 12 },
  ];
  const { from, until } = report;
  return [
    {
      name: 'Возвраты по причинам',
      ...toldTable(
        report,
        [
          { header: 'Группа', kind: 'text', width: 26 },
          { header: 'Причина', kind: 'text', width: 60 },
          ...days,
          count('Возвратов'),
        ],
        [...report.groups, { name: 'Всего', figures: report.total }].flatMap(({ name, figures }) =>
          figures.returns.byReason.map(({ text, count: returns }) => [name, text, from, until, returns]),
        ),
      ),
    },
    {
      name: 'Возвраты по агентам',
      ...toldTable(
        report,
        [
          { header: 'Агент', kind: 'text', width: 28 },
          ...days,
          count('Решений'),
          count('Возвратов'),
          count('Первых решений', 16),
          count('С первого раза', 16),
        ],
        report.agents.map(({ name, decided, returned, first, right }) => [
          ...[name, from, until],
          ...[decided, returned, first, right],
        ]),
      ),
    },
    {
      name: 'Что считается',
      columns: [
        { header: 'Число', kind: 'text', width: 24 },
        { header: 'Что это', kind: 'text', width: 110 },
      ],
      rows: Object.values(WORK_WORDS).map(({ title, definition }) => [title, definition]),
    },
  ];
}

/** «rabota_2026-10-19_2026-11-22» */
export const workFileName = ({ from, until }: Pick<WorkReport, 'from' | 'until'>): string => `rabota_${from}_${until}`;

/** The library is loaded when the first workbook is asked for. */
export async function workBook(report: WorkReport): Promise<Uint8Array> {
  const { tablesWorkbook } = await import('./xlsx.ts');
  const { from, until, narrowed, at, zone } = report;
  const title = `Работа ${russianDay(from)}–${russianDay(until)}; сделан ${russianMoment(new Date(at), zone)} (${zone})`;
  return tablesWorkbook(title, narrowed, [{ name: 'Работа', ...workTable(report) }, ...returnsTables(report)]);
}
