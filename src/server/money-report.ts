import { Readable } from 'node:stream';
import type {
  MoneyMembers,
  MoneyMembersQuery,
  MoneyReport,
  MoneyReportQuery,
  MoneyRow,
} from '../contracts/money-report.ts';
import { type Column, csvText, type Row, type Table } from '../domain/csv.ts';
import { addDays, localDay, russianDay } from '../domain/days.ts';
import { proveDays, provePeriod, type ReportStep, stepsOf, usualFrom } from '../domain/export-report.ts';
import { Refusal } from '../domain/fault.ts';
import { BASIS_LABELS, type Basis } from '../domain/ledger.ts';
import { KIND_LABELS, type Kind } from '../domain/listing.ts';
import { addSums, figuresOf, hasDays, type MoneySums, MoneyTally } from '../domain/money-report.ts';
import { MONEY_GROUPING_LABELS, type MoneyGrouping, NO_KEY, type Step } from '../domain/report-words.ts';
import { isWithinReach, OF_AGENCY, type Place, type Reach } from '../domain/rights.ts';
import { agree } from '../domain/text.ts';
import { placesOfAccounts } from '../store/access.ts';
import { atOneMoment } from '../store/database.ts';
import { namedListings, recordedThrough } from '../store/export-report.ts';
import { listAccounts } from '../store/ledger.ts';
import { audienceKnown, correctionsOf, listingsOfMarks, moneyDays } from '../store/money-report.ts';
import { agencyFrame } from '../store/settings.ts';
import type { ChartTheme } from './chart.ts';
import { type ExportFormat, whole } from './export-files.ts';
import { labelOf, type Reporter, type SourceColumn } from './export-report.ts';
import { namesOf, narrowedTable, narrowings, WITHOUT } from './report-units.ts';
import { workbook } from './statement.ts';

export type { MoneyReport } from '../contracts/money-report.ts';

/** The report of the money for all its doors: the screen, the files and the command line have the same sums. */

interface Frame {
  readonly from: string;
  readonly until: string;
  readonly step: Step;
  readonly by: MoneyGrouping;
  readonly lastDay: string | null;
  readonly steps: readonly ReportStep[];
  /** Those of `columns` that are asked for. */
  readonly cabinets: readonly SourceColumn[];
  /** Those of others: told with their board only, and counted where the money was for a listing within reach. */
  readonly others: readonly SourceColumn[];
  /** Boards or cabinets were chosen: what is about none of them is left out. */
  readonly isChosen: boolean;
  /** Is this owner's money asked for? */
  readonly isAsked: (owner: Place) => boolean;
}

/** @throws Refusal for a period or boards that may not be asked for */
async function frameOf(reporter: Reporter, query: MoneyReportQuery): Promise<Frame> {
  const { db, agencyId, reach, now } = reporter;
  const { timeZone } = await agencyFrame(db, agencyId);
  const today = localDay(now, timeZone);
  const until = query.until ?? addDays(today, -1);
  const { step = 'week', by = 'board' } = query;
  proveDays(until);
  const { from = usualFrom(step, until) } = query;
  const period = { from, until, step, minShare: 0 };
  provePeriod(period);
  if (until > today)
    throw new Refusal('bad-period', 'Последний день отчёта ещё не наступил: назовите сегодняшний или раньше.', 2);
  const { cabinets, others } = cabinetsOf(reporter, query);
  const recorded = await recordedThrough(
    db.pool,
    agencyId,
    [...cabinets, ...others].map(({ id }) => id),
  );
  const yesterday = addDays(today, -1);
  const lastDay = recorded === null || recorded > yesterday ? recorded && yesterday : recorded;
  const { branch, department, employee } = query;
  const isOf = (wanted: readonly number[] | undefined, id: number | null) =>
    !wanted || (id !== null && wanted.includes(id));
  return {
    ...{ from, until, step, by, lastDay, cabinets, others },
    steps: stepsOf(period, lastDay ?? addDays(from, -1)),
    isChosen: (query.board ?? query.cabinet) !== undefined,
    isAsked: (owner) =>
      isWithinReach(reach, owner) &&
      isOf(branch, owner.branchId) &&
      isOf(department, owner.departmentId) &&
      isOf(employee, owner.employeeId),
  };
}

function cabinetsOf(
  { columns, others = [] }: Pick<Reporter, 'columns' | 'others'>,
  { board, cabinet }: Pick<MoneyReportQuery, 'board' | 'cabinet'>,
): Pick<Frame, 'cabinets' | 'others'> {
  if (!board && !cabinet) return { cabinets: columns, others };
  const unknown = (what: string) => new Refusal('source-unknown', `${what} нет, или вы его не видите.`, 2);
  const isOf = (id: string) => (column: SourceColumn) => column.board === id;
  for (const id of board ?? [])
    if (!columns.some(isOf(id)) && !others.some(isOf(id))) throw unknown(`Кабинета на доске «${id}»`);
  for (const id of cabinet ?? []) if (!columns.some((column) => column.id === id)) throw unknown(`Кабинета №${id}`);
  const isAsked = (column: SourceColumn) => board?.includes(column.board) === true;
  return {
    cabinets: columns.filter((column) => isAsked(column) || cabinet?.includes(column.id)),
    others: others.filter(isAsked),
  };
}

/** The row of money that was spent in cabinets of other branches, or paid by accounts that the reader does not see. */
const ELSEWHERE = 'elsewhere';

const keyOfPlace = (by: MoneyGrouping, { branchId, departmentId, employeeId }: Place): string => {
  const id = by === 'branch' ? branchId : by === 'department' ? departmentId : by === 'employee' ? employeeId : null;
  return id === null ? NO_KEY : String(id);
};

/** Every sum of the report is counted here, all of them from one moment. @param only this row, listing by listing */
async function tallyOf({ db, agencyId, reach }: Reporter, frame: Frame, only?: string) {
  const { from, until, by, steps, cabinets, others, isChosen, isAsked } = frame;
  const keys = new Map([
    ...cabinets.map(({ id, board }) => [id, by === 'board' ? board : String(id)] as const),
    ...others.map(({ id, board }) => [id, by === 'board' ? board : ELSEWHERE] as const),
  ]);
  const query = {
    agencyId,
    cabinetIds: [...keys.keys()],
    from,
    until,
    withAccounts: by === 'account',
    withKinds: by === 'kind',
  };
  const stepOf = new Map<string, number>();
  for (const [at, step] of steps.entries())
    for (let day = step.from; day <= step.until; day = addDays(day, 1)) stepOf.set(day, at);
  return atOneMoment(db, async (client) => {
    const places = by === 'account' && !reach.isAll ? await placesOfAccounts(client, agencyId) : null;
    const keyOfAccount = (id: number) =>
      places && !isWithinReach(reach, places.get(id) ?? OF_AGENCY) ? ELSEWHERE : String(id);
    const { owners, days } = await moneyDays(client, query);
    const tally = new MoneyTally({
      ...{ by, only },
      steps: steps.length,
      keyOfCabinet: (id) => keys.get(id)!,
      keyOfAccount,
      keyOfOwner: (owner) => (isAsked(owners[owner]!) ? keyOfPlace(by, owners[owner]!) : null),
    });
    for await (const day of days) tally.addDay(day, stepOf.get(day.day)!);
    if (!isChosen && only === undefined)
      for (const { day, accountId, kopecks, place } of await correctionsOf(client, agencyId, from, until))
        if (isAsked(place))
          tally.addCorrection(
            by === 'account' ? keyOfAccount(accountId) : keyOfPlace(by, place),
            stepOf.get(day)!,
            kopecks,
          );
    // A cabinet of others counts where something of the asker's is in it.
    const counted = new Set([...cabinets.map(({ id }) => id), ...tally.cabinets]);
    const known = await audienceKnown(client, { ...query, cabinetIds: [...counted] });
    const count = (of: 'callDays' | 'viewDays') => known.filter((one) => one[of] > 0).length;
    return {
      rows: tally.rows(),
      known: { cabinets: counted.size, calls: count('callDays'), views: count('viewDays') },
    };
  });
}

/** The report; see {@link MoneyReportQuerySchema} for what may be asked. */
export async function moneyReport(reporter: Reporter, query: MoneyReportQuery): Promise<MoneyReport> {
  const frame = await frameOf(reporter, query);
  const { by, steps, cabinets, others, isAsked: _, isChosen: __, ...rest } = frame;
  const { rows: tallied, known } = await tallyOf(reporter, frame);
  const nameOf = await namer(reporter, by, [...cabinets, ...others]);
  const [named] = await narrowings(reporter.db, reporter.agencyId, reporter.reach, [query]);
  const spent = (sums: readonly MoneySums[]) => sums.map(({ charged, refunded }) => charged - refunded);
  const rows: MoneyRow[] = tallied.map(({ key, steps: sums }) => ({
    ...{ id: key, name: nameOf(key) },
    ...figuresOf(addSums(sums), by),
    steps: spent(sums),
  }));
  rows.sort(
    (one, other) =>
      Number(one.id === NO_KEY) - Number(other.id === NO_KEY) ||
      other.spentKopecks - one.spentKopecks ||
      (other.days ?? 0) - (one.days ?? 0) ||
      one.name.localeCompare(other.name, 'ru'),
  );
  const all = steps.map((_, at) => addSums(tallied.map(({ steps: sums }) => sums[at]!)));
  return {
    ...{ ...rest, by },
    steps: steps.map((step) => ({ ...step, label: labelOf(step) })),
    narrowed: {
      ...named!.narrowed,
      board: [
        ...new Set(
          [...cabinets, ...others]
            .filter(({ board }) => query.board?.includes(board))
            .map(({ boardName }) => boardName),
        ),
      ],
      feed: cabinets.filter(({ id }) => query.cabinet?.includes(id)).map(({ title }) => title),
    },
    rows,
    totals: { ...figuresOf(addSums(all), by), steps: spent(all) },
    known,
    notes: notesOf(by, known),
  };
}

async function namer(
  { db, agencyId }: Reporter,
  by: MoneyGrouping,
  cabinets: readonly SourceColumn[],
): Promise<(key: string) => string> {
  const among = (names: ReadonlyMap<string, string>, none: string) => (key: string) =>
    key === NO_KEY ? none : (names.get(key) ?? key);
  switch (by) {
    case 'board':
      return among(new Map(cabinets.map(({ board, boardName }) => [board, boardName])), 'не о доске');
    case 'cabinet':
      return among(
        new Map([
          ...cabinets.map(({ id, title }) => [String(id), title] as const),
          [ELSEWHERE, 'кабинеты других филиалов'],
        ]),
        'не о кабинете',
      );
    case 'kind':
      return (key) => (key === NO_KEY ? 'вид не известен' : KIND_LABELS[key as Kind]);
    case 'basis':
      return (key) => (key === NO_KEY ? 'не за размещение' : BASIS_LABELS[key as Basis]);
    case 'account': {
      const accounts = await listAccounts(db.pool, agencyId);
      return among(
        new Map([
          ...accounts.map(({ id, name }) => [String(id), name] as const),
          [ELSEWHERE, 'счета, которых вы не видите'],
        ]),
        'ни с какого',
      );
    }
    default: {
      const names = await namesOf(db, agencyId, by);
      return among(new Map(names.map(({ id, name }) => [String(id), name])), WITHOUT[by]);
    }
  }
}

const inCabinets = (count: number, of: number) =>
  `${count} из ${of} ${agree(of, 'кабинета', 'кабинетов', 'кабинетов')}`;

function notesOf(by: MoneyGrouping, { cabinets, calls, views }: MoneyReport['known']): string[] {
  return [
    'Потрачено – списания минус возвраты за местный день списания; удержания не считаются. Чей объект, решает день: кто перешёл, считается там, где был тогда; за сегодня – где он сейчас.',
    ...(hasDays(by)
      ? [
          'День в фиде стоит столько, сколько потрачено за записанные дни, делённое на объекто-дни в фиде.',
          calls === 0
            ? 'О звонках за эти дни никто не сообщал: загрузите их (audience load) или передавайте из CRM.'
            : `Звонки известны по ${inCabinets(calls, cabinets)}. Цена звонка – потраченное в этих кабинетах с первого по последний день, о которых звонки известны, делённое на звонки: день без звонков среди них тоже стоил денег.`,
          ...(views > 0 ? [`Просмотры известны по ${inCabinets(views, cabinets)}.`] : []),
        ]
      : []),
    'Сэкономлено – удержано за день и освобождено до часа списания, если объект в тот же день не вышел снова и не оплачен иначе: паузой, если день он закончил на паузе, иначе – тем, что вышел из фида раньше. День, в который объект и не выходил, сюда не входит.',
    'Не взято – показано, а платить было нечем; в потраченное не входит. Встречные записи исправляют счета, а не доски, и стоят отдельно.',
  ];
}

const MEMBERS_MAX = 1000;

/**
 * The listings behind a row, the dearest first.
 * @param seen of whose listings more than the number may be told: money may be seen where listings are not
 * @throws Refusal `cell-unknown`
 */
export async function moneyReportMembers(
  reporter: Reporter,
  { of, ...query }: MoneyMembersQuery,
  seen: Reach,
): Promise<MoneyMembers> {
  const { db, agencyId } = reporter;
  const frame = await frameOf(reporter, query);
  if (!/^[\w.-]+$/.test(of))
    throw new Refusal('cell-unknown', 'Такой строки в этом отчёте нет: откройте её из отчёта.', 2);
  // Listing by listing, and so without steps: their sums would be many times those of the report.
  const whole = { ...frame.steps[0]!, from: frame.from, until: frame.until };
  const { rows } = await tallyOf(reporter, { ...frame, steps: [whole] }, of);
  const marks = rows.map(({ key, steps }) => {
    const [cabinetId, ordinal] = key.split('/').map(Number);
    return { key, cabinetId: cabinetId!, ordinal: ordinal!, sums: addSums(steps) };
  });
  const listings = await listingsOfMarks(db.pool, agencyId, marks);
  const byListing = new Map<number, MoneySums[]>();
  for (const { key, sums } of marks) {
    const id = listings.get(key);
    if (id !== undefined) byListing.set(id, [...(byListing.get(id) ?? []), sums]);
  }
  const members = [...byListing]
    .map(([listingId, sums]) => ({ listingId, ...figuresOf(addSums(sums), frame.by) }))
    .sort((one, other) => other.spentKopecks - one.spentKopecks || one.listingId - other.listingId);
  const shown = members.slice(0, MEMBERS_MAX);
  const cabinetIds = [...frame.cabinets, ...frame.others].map(({ id }) => id);
  const ids = shown.map(({ listingId }) => listingId);
  const names = await namedListings(db.pool, agencyId, cabinetIds, ids, seen);
  return {
    total: members.length,
    data: shown.flatMap(({ listingId, spentKopecks, days, views, calls }) => {
      const named = names.get(listingId);
      if (!named) return [];
      const { id, externalId, title, employee, isSeen } = named;
      return [{ id, externalId, title, employee, isSeen, spentKopecks, days, views, calls }];
    }),
  };
}

const HEADS: Record<MoneyGrouping, string> = {
  board: 'Доска',
  cabinet: 'Кабинет',
  branch: 'Филиал',
  department: 'Отдел',
  employee: 'Сотрудник',
  kind: 'Вид объекта',
  basis: 'За что',
  account: 'Счёт',
};

/** The report as a table: a line per group and the total, the steps to the right. */
export function moneyTable(report: MoneyReport): Table {
  const kopecks = (header: string): Column => ({ header, kind: 'kopecks', width: 16 });
  const count = (header: string): Column => ({ header, kind: 'count', width: 14 });
  const columns: Column[] = [
    { header: HEADS[report.by], kind: 'text', width: 26 },
    { header: 'С', kind: 'day', width: 12 },
    { header: 'По', kind: 'day', width: 12 },
    ...['Потрачено', 'Списано', 'Возвращено', 'Встречные записи', 'Не взято'].map(kopecks),
    ...['Сэкономлено паузами', 'Сэкономлено снятием'].map(kopecks),
    ...(hasDays(report.by)
      ? [count('Дней в фиде'), kopecks('Цена дня'), count('Просмотры'), count('Звонки'), kopecks('Цена звонка')]
      : []),
    ...report.steps.map(({ label }) => kopecks(`Потрачено ${label}`)),
  ];
  const line = (name: string, one: MoneyReport['totals']): Row => [
    ...[name, report.from, report.until],
    ...[one.spentKopecks, one.chargedKopecks, one.refundedKopecks, one.correctedKopecks, one.waivedKopecks],
    ...[one.savedByPausesKopecks, one.savedByLeavingKopecks],
    ...(hasDays(report.by) ? [one.days, one.dayKopecks, one.views, one.calls, one.callKopecks] : []),
    ...one.steps,
  ];
  const rows = [...report.rows.map((row) => line(row.name, row)), line('Всего', report.totals)];
  return narrowedTable(report.narrowed, columns, rows);
}

/** The report as a file. */
export async function moneyFile(report: MoneyReport, format: ExportFormat, theme?: ChartTheme): Promise<Readable> {
  const { columns, rows } = moneyTable(report);
  if (format === 'csv') return Readable.from(csvText(columns, rows));
  if (format === 'xlsx') return workbook('Расходы', columns, rows);
  const { moneyChartPng, moneyChartSvg } = await import('./money-chart.ts');
  return whole(format === 'svg' ? moneyChartSvg(report, theme) : moneyChartPng(report, theme));
}

/** «Расходы 01.11.2026–21.11.2026, по доскам» */
export const moneyFileName = ({ from, until, by }: Pick<MoneyReport, 'from' | 'until' | 'by'>): string =>
  `Расходы ${russianDay(from)}–${russianDay(until)}, ${MONEY_GROUPING_LABELS[by]}`;
