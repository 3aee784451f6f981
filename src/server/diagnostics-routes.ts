import { Readable } from 'node:stream';
import Type from 'typebox';
import type { Board, RuleSource, SourceGrade } from '../boards/catalogue.ts';
import { demandSentence } from '../boards/check.ts';
import { readNorm } from '../boards/norms.ts';
import {
  type Advice,
  AdviceSchema,
  type DiagnosisRow,
  type Diagnostics,
  DiagnosticsQuerySchema,
  DiagnosticsSchema,
  FILL_TYPES,
  type Fill,
  type FillField,
  FillSchema,
  type FillType,
  type OutcomeHistory,
  OutcomeHistorySchema,
  type Rule,
  RuleSchema,
  StoppedPageSchema,
  StoppedQuerySchema,
} from '../contracts/diagnostics.ts';
import { canonicalJson, fieldValue } from '../domain/corrections.ts';
import { type Column, csvText, type Row } from '../domain/csv.ts';
import { addDays, localDay } from '../domain/days.ts';
import { OUTCOME_FIXERS, OUTCOME_LABELS, OUTCOMES, type Outcome } from '../domain/gates.ts';
import {
  DEAL_LABELS,
  describeKind,
  FIELDS,
  type Field,
  KIND_LABELS,
  type Listing,
  labelOf,
  type PlainField,
} from '../domain/listing.ts';
import { formOf } from '../domain/listing-form.ts';
import { FIXERS, type Fixer, INSPECTOR, type Notice } from '../domain/notice.ts';
import { FIXER_LABELS } from '../domain/people.ts';
import { maskPhones } from '../domain/phones.ts';
import { mayDo, type Reach, reachOf } from '../domain/rights.ts';
import { loadFrame } from '../export/frame.ts';
import { judgeRows } from '../export/judge.ts';
import { listBranches } from '../store/agencies.ts';
import { cardRow } from '../store/cards.ts';
import { sumDays } from '../store/days.ts';
import {
  cabinetZones,
  countNotices,
  countStopped,
  type DayEnd,
  dayEnds,
  type StoppedFilter,
  type StoppedMark,
  stoppedMarks,
  unitsWithin,
} from '../store/diagnostics.ts';
import { listNorms } from '../store/norms.ts';
import { type CabinetRow, listCabinets, narrowRows } from '../store/publishing.ts';
import { agencyFrame } from '../store/settings.ts';
import type { Api, Ask } from './api.ts';
import { cursorOf, readCursor } from './cursor.ts';
import { troublesOfFeeds } from './feeds-admin-routes.ts';
import { versionOf } from './listing-card.ts';
import { HttpProblem, notFound } from './problems.ts';
import { veiled } from './veil.ts';
import { xlsxBytes } from './xlsx.ts';

/** «Диагностика»: what keeps marks off the boards, as the last runs decided; and the pages of the rules. */

const policy = { deed: 'see-listings', token: 'reports:read' } as const;

/** A day more than that is a report, not a look. */
const HISTORY_DAYS = 30;
/** Notices that stop nobody are not kept by the runs: so many marks are asked anew. */
const ADVICE_MARKS = 2000;
const ADVICE_BATCH = 250;
const ADVICE_LISTINGS = 20;
const PAGE = 50;

export function diagnosticsRoutes(api: Api): void {
  api.define({
    method: 'GET',
    url: '/diagnostics',
    summary: 'Что мешает объектам выйти: по итогам и замечаниям, с переменами за день',
    policy,
    query: DiagnosticsQuerySchema,
    answer: DiagnosticsSchema,
    handler: diagnose,
  });

  api.define({
    method: 'GET',
    url: '/diagnostics/history',
    summary: `Итоги по дням, последние ${HISTORY_DAYS} дней`,
    policy,
    query: DiagnosticsQuerySchema,
    answer: OutcomeHistorySchema,
    handler: history,
  });

  api.define({
    method: 'GET',
    url: '/diagnostics/marks',
    summary: 'Отметки, которых нет в фидах, с причиной',
    policy,
    query: StoppedQuerySchema,
    answer: StoppedPageSchema,
    handler: async (ask) => {
      const { query } = ask;
      const scope = await scopeOf(ask, query);
      const limit = query.limit ?? PAGE;
      const rows = await marksOf(ask, scope.filter, {
        code: query.code,
        listingId: query.listing,
        outcomes: query.outcome,
        after: afterOf(query.after),
        limit: limit + 1,
      });
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      return {
        data: page.map((row) => ({
          listing: row.listingId,
          externalId: row.externalId,
          title: titleOf(row),
          cabinet: scope.nameOf(row.cabinetId),
          outcome: row.outcome,
          label: outcomeLabel(row.outcome),
          reason: row.reason,
          since: row.since?.toISOString() ?? null,
          notices: row.notices.map(({ code, message, fixedBy, field }) => ({ code, message, fixedBy, field })),
        })),
        page: {
          next: last && rows.length > limit ? cursorOf([last.listingId, last.cabinetId]) : null,
          total: null,
        },
      };
    },
  });

  api.define({
    method: 'GET',
    url: '/diagnostics/download',
    summary: 'Всё, чего нет в фидах, таблицей: CSV или Excel',
    policy,
    query: Type.Object(
      {
        ...StoppedQuerySchema.properties,
        format: Type.Optional(Type.Unsafe<'csv' | 'xlsx'>({ type: 'string', enum: ['csv', 'xlsx'] })),
      },
      { additionalProperties: false },
    ),
    handler: async (ask, reply) => {
      const { format = 'xlsx', ...query } = ask.query;
      const scope = await scopeOf(ask, query);
      const name = `diagnostika_${localDay(ask.now, scope.zone)}.${format}`;
      const rows = tableRows(ask, scope, query);
      const bytes = format === 'csv' ? Readable.from(csvText(COLUMNS, rows)) : xlsxBytes('Диагностика', COLUMNS, rows);
      return reply
        .header('Content-Disposition', `attachment; filename="${name}"`)
        .header('Cache-Control', 'private, no-store')
        .type(
          format === 'csv'
            ? 'text/csv; charset=utf-8'
            : 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
        )
        .send(bytes);
    },
  });

  api.define({
    method: 'GET',
    url: '/diagnostics/advice',
    summary: `Советы кабинета: замечания, которые никого не держат; спрашивается не больше ${ADVICE_MARKS} отметок`,
    policy,
    query: Type.Object(
      {
        cabinet: Type.Integer({ minimum: 1 }),
        branch: DiagnosticsQuerySchema.properties.branch,
      },
      { additionalProperties: false },
    ),
    answer: AdviceSchema,
    handler: advise,
  });

  api.define({
    method: 'GET',
    url: '/diagnostics/fill',
    summary: 'Чего не хватает по одному замечанию: строки для заполнения',
    policy: { deed: 'corrections', token: 'listings:read' },
    query: Type.Object(
      {
        ...DiagnosticsQuerySchema.properties,
        code: Type.String({ maxLength: 120 }),
        limit: StoppedQuerySchema.properties.limit,
        after: StoppedQuerySchema.properties.after,
      },
      { additionalProperties: false },
    ),
    answer: FillSchema,
    handler: fill,
  });

  api.define({
    method: 'GET',
    url: '/rules/:board/:code',
    summary: 'Требование: что, чьё, откуда и сколько объектов держит',
    policy,
    params: Type.Object({
      board: Type.String({ maxLength: 60 }),
      code: Type.String({ maxLength: 120 }),
    }),
    answer: RuleSchema,
    handler: rule,
  });
}

type Filter = {
  readonly board?: readonly string[] | undefined;
  readonly cabinet?: readonly number[] | undefined;
  readonly branch?: readonly number[] | undefined;
};

interface CabinetName {
  readonly id: number;
  readonly board: string;
  readonly boardName: string;
  readonly name: string;
}

/** What is asked about: the cabinets, and how far the person sees. */
interface Scope {
  readonly zone: string;
  /** All of the agency. */
  readonly all: readonly CabinetRow[];
  /** Those that are asked about. */
  readonly cabinets: readonly CabinetRow[];
  readonly filter: StoppedFilter;
  nameOf(cabinetId: number): CabinetName;
}

async function scopeOf(
  { db, boards, caller, agencyId }: Ask<unknown, unknown, unknown>,
  { board, cabinet, branch }: Filter,
  reach: Reach = reachOf(caller, 'see-listings'),
): Promise<Scope> {
  const all = await listCabinets(db, { agencyId });
  const cabinets = all.filter(
    (row) => (board === undefined || board.includes(row.board)) && (cabinet === undefined || cabinet.includes(row.id)),
  );
  const names = new Map(
    all.map((row): [number, CabinetName] => [
      row.id,
      { id: row.id, board: row.board, boardName: boardName(boards, row.board), name: row.name },
    ]),
  );
  return {
    zone: (await agencyFrame(db, agencyId)).timeZone,
    all,
    cabinets,
    filter: { reach, cabinetIds: cabinets.map(({ id }) => id), branchIds: branch },
    nameOf: (id) => names.get(id)!,
  };
}

const boardName = (boards: readonly Board[], id: string) => boards.find((board) => board.id === id)?.name ?? id;

/** A mark that no run has seen: it was made since. */
const UNDECIDED = 'ждёт сборки фида';
const outcomeLabel = (outcome: Outcome | null) => (outcome === null ? UNDECIDED : OUTCOME_LABELS[outcome]);

const titleOf = ({ title, address, externalId }: Pick<StoppedMark, 'title' | 'address' | 'externalId'>) =>
  title ?? address ?? `№ ${externalId}`;

function afterOf(text: string | undefined) {
  if (text === undefined) return undefined;
  const [listingId, cabinetId] = readCursor(text, ['number', 'number']);
  return { listingId, cabinetId };
}

/** Marks, with what `veiled` leaves of their texts. */
const marksOf = async (
  ask: Ask<unknown, unknown, unknown>,
  filter: StoppedFilter,
  more: Parameters<typeof stoppedMarks>[3],
): Promise<StoppedMark[]> =>
  veiled(ask, await stoppedMarks(ask.db.pool, ask.agencyId, filter, more), ({ listingId }) => listingId);

/** A sentence that is told of one listing of many: nobody can say of which. */
function veilOf({ caller }: Ask<unknown, unknown, unknown>): <T>(answer: T) => T {
  const isSameReach = canonicalJson(reachOf(caller, 'see-phones')) === canonicalJson(reachOf(caller, 'see-listings'));
  return isSameReach ? (answer) => answer : (answer) => maskPhones(answer);
}

// ---------------------------------------------------------------------------------------------------------------------

async function diagnose(ask: Ask<unknown, Filter & { readonly fixer?: readonly Fixer[] | undefined }, unknown>) {
  const { db, boards, caller, agencyId, now, query } = ask;
  const scope = await scopeOf(ask, query);
  const outcomes = await countStopped(db.pool, agencyId, scope.filter);
  const notices = await countNotices(db.pool, agencyId, scope.filter);
  const before = await yesterdayOf(ask, scope);
  const norms = await listNorms(db.pool, agencyId);

  const rows: DiagnosisRow[] = [];
  const add = (
    row: Omit<DiagnosisRow, 'key' | 'cabinet' | 'fixedByLabel' | 'change'> & { readonly cabinetId: number },
  ) => {
    const { cabinetId, ...told } = row;
    rows.push({
      ...told,
      key: `${cabinetId}/${row.code ?? row.outcome ?? 'undecided'}`,
      cabinet: scope.nameOf(cabinetId),
      fixedByLabel: row.fixedBy && FIXER_LABELS[row.fixedBy],
      change: row.outcome === null ? null : changeOf(before.get(cabinetId), row.outcome, row.code ?? '', row.marks),
    });
  };
  for (const { cabinetId, outcome, marks, example, isSame } of outcomes) {
    // The blocked ones are told notice by notice.
    if (outcome === 'published' || outcome === 'blocked') continue;
    add({
      cabinetId,
      outcome,
      code: null,
      label: outcomeLabel(outcome),
      message: outcome === null ? 'Отмечены, и фид с тех пор ещё не собирали.' : example,
      isExample: outcome !== null && !isSame,
      fixedBy: outcome === null ? null : OUTCOME_FIXERS[outcome],
      marks,
      decides: marks,
      only: marks,
      rule: null,
      listings: listingsLink(scope.nameOf(cabinetId), outcome, null),
      canFill: false,
    });
  }
  for (const { cabinetId, code, marks, decides, only, field, message, isSame, fixedBy } of notices) {
    const cabinet = scope.nameOf(cabinetId);
    const known = demandsOf(boards, norms, code, cabinet.board);
    add({
      cabinetId,
      outcome: 'blocked',
      code,
      label: known?.label ?? labelOf(field),
      message,
      isExample: !isSame,
      fixedBy,
      marks,
      decides,
      only,
      rule: known ? `/rules/${code}` : null,
      listings: listingsLink(cabinet, 'blocked', code),
      canFill: fillField(field) !== undefined,
    });
  }
  // What disappeared since yesterday is worth telling too.
  for (const [cabinetId, ends] of before) {
    for (const { outcome, code, marks } of ends) {
      const isNotice = outcome === 'blocked' && code !== '';
      if (marks === 0 || outcome === 'published' || (outcome === 'blocked' && !isNotice)) continue;
      const key = `${cabinetId}/${isNotice ? code : outcome}`;
      if (rows.some((row) => row.key === key)) continue;
      const cabinet = scope.nameOf(cabinetId);
      const known = isNotice ? demandsOf(boards, norms, code, cabinet.board) : undefined;
      add({
        cabinetId,
        outcome,
        code: isNotice ? code : null,
        label: isNotice ? (known?.label ?? code) : outcomeLabel(outcome),
        message: known ? known.demands[0]!.sentence : null,
        isExample: false,
        fixedBy: known?.fixedBy ?? OUTCOME_FIXERS[outcome],
        marks: 0,
        decides: 0,
        only: 0,
        rule: known ? `/rules/${code}` : null,
        listings: listingsLink(cabinet, outcome, isNotice ? code : null),
        canFill: false,
      });
    }
  }
  // What somebody can put right comes first.
  const rank = ({ code }: DiagnosisRow) => (code === null ? 1 : 0);
  rows.sort(
    (a, b) => rank(a) - rank(b) || b.marks - a.marks || (b.change ?? 0) - (a.change ?? 0) || (a.key < b.key ? -1 : 1),
  );

  const order: readonly (Outcome | null)[] = ['published', ...OUTCOMES.filter((one) => one !== 'published'), null];
  const isKnown = outcomes.every(({ cabinetId }) => before.has(cabinetId));
  const sums = order.flatMap((outcome) => {
    const own = outcomes.filter((row) => row.outcome === outcome);
    const marks = total(own);
    const was =
      outcome === null || !isKnown
        ? null
        : total([...before.values()].flat().filter((end) => end.outcome === outcome && end.code === ''));
    if (marks === 0 && !was) return [];
    return [{ outcome, label: outcomeLabel(outcome), marks, change: was === null ? null : marks - was }];
  });
  const wanted = query.fixer;
  const boardsHere = [...new Set(scope.all.map(({ board }) => board))];
  const mine = reachOf(caller, 'see-listings');
  const answer: Diagnostics = {
    marks: total(outcomes),
    outcomes: sums,
    rows: wanted === undefined ? rows : rows.filter(({ fixedBy }) => fixedBy !== null && wanted.includes(fixedBy)),
    yesterday: before.size === 0 ? null : addDays(localDay(now, scope.zone), -1),
    feeds: mayDo(caller, 'see-feeds', 'anywhere') ? await troublesOfFeeds(ask, scope.filter.cabinetIds) : [],
    filters: {
      boards: boardsHere.map((id) => ({ id, name: boardName(boards, id) })),
      cabinets: scope.all.map(({ id }) => scope.nameOf(id)),
      branches: (await listBranches(db.pool, agencyId))
        .filter(({ id }) => mine.isAll || mine.branchIds.includes(id))
        .map(({ id, name }) => ({ id, name })),
      fixers: FIXERS.map((id) => ({ id, label: FIXER_LABELS[id] })),
    },
  };
  return veilOf(ask)(answer);
}

const total = (rows: readonly { readonly marks: number }[]) => rows.reduce((sum, { marks }) => sum + marks, 0);

/** How yesterday ended in the cabinets that are asked about; a cabinet of which nobody knows is not there. */
async function yesterdayOf(
  { db, agencyId, now }: Ask<unknown, unknown, unknown>,
  { cabinets, filter }: Scope,
): Promise<ReadonlyMap<number, readonly DayEnd[]>> {
  const zones = await cabinetZones(db.pool, agencyId);
  const days = new Map(cabinets.map(({ id }) => [id, addDays(localDay(now, zones.get(id)!), -1)]));
  const units = await unitsWithin(db.pool, agencyId, filter.reach, filter.branchIds);
  return dayEnds(db.pool, agencyId, days, units);
}

function changeOf(ends: readonly DayEnd[] | undefined, outcome: Outcome, code: string, marks: number): number | null {
  if (ends === undefined) return null;
  return marks - (ends.find((end) => end.outcome === outcome && end.code === code)?.marks ?? 0);
}

/** The list of objects behind a number, in the words of its address. */
function listingsLink(cabinet: CabinetName, outcome: Outcome | null, code: string | null): string {
  const words = new URLSearchParams({ board: cabinet.board, cabinet: String(cabinet.id) });
  if (outcome !== null) words.set('outcome', outcome);
  if (code !== null) words.set('code', code);
  return `/listings?${words}`;
}

async function history(ask: Ask<unknown, Filter, unknown>): Promise<OutcomeHistory> {
  const { db, agencyId, now, query } = ask;
  const scope = await scopeOf(ask, query);
  const { filter, zone } = scope;
  const today = localDay(now, zone);
  const from = addDays(today, 1 - HISTORY_DAYS);
  const units = await unitsWithin(db.pool, agencyId, filter.reach, filter.branchIds);
  const days = new Map<string, Partial<Record<Outcome, number>>>();
  const add = (day: string, outcome: Outcome, marks: number) => {
    const counts = days.get(day) ?? {};
    counts[outcome] = (counts[outcome] ?? 0) + marks;
    days.set(day, counts);
  };
  for (const { day, counts } of await sumDays(db, agencyId, filter.cabinetIds, from, addDays(today, -1), units)) {
    for (const [outcome, marks] of Object.entries(counts)) add(day, outcome as Outcome, marks);
  }
  for (const { outcome, marks } of await countStopped(db.pool, agencyId, filter)) {
    if (outcome !== null) add(today, outcome, marks);
  }
  const answer: OutcomeHistory['days'][number][] = [];
  // A day that nobody recorded is told as such: with no counts.
  for (let day = from; day <= today; day = addDays(day, 1))
    answer.push({ day, isOver: day < today, counts: days.get(day) ?? {} });
  return { days: answer, labels: OUTCOME_LABELS };
}

// ---------------------------------------------------------------------------------------------------------------------
// The table to take away.

const COLUMNS: readonly Column[] = [
  { header: 'Объект', kind: 'count', width: 10 },
  { header: 'Номер в источнике', kind: 'text', width: 18 },
  { header: 'Заголовок или адрес', kind: 'text', width: 44 },
  { header: 'Филиал', kind: 'text', width: 18 },
  { header: 'Ответственный', kind: 'text', width: 24 },
  { header: 'Доска', kind: 'text', width: 16 },
  { header: 'Кабинет', kind: 'text', width: 18 },
  { header: 'Итог', kind: 'text', width: 18 },
  { header: 'С какого дня', kind: 'day', width: 14 },
  { header: 'Код', kind: 'text', width: 30 },
  { header: 'Что мешает', kind: 'text', width: 70 },
  { header: 'Кто исправляет', kind: 'text', width: 22 },
];
const TABLE_BATCH = 1000;

/** A line for each notice of a blocked mark, and one for any other mark. */
async function* tableRows(
  ask: Ask<unknown, unknown, unknown>,
  scope: Scope,
  query: {
    readonly code?: string | undefined;
    readonly listing?: number | undefined;
    readonly outcome?: readonly (Outcome | 'undecided')[] | undefined;
    readonly fixer?: readonly Fixer[] | undefined;
  },
): AsyncGenerator<Row> {
  let after: { listingId: number; cabinetId: number } | undefined;
  for (;;) {
    const marks = await marksOf(ask, scope.filter, {
      code: query.code,
      listingId: query.listing,
      outcomes: query.outcome,
      after,
      limit: TABLE_BATCH,
    });
    for (const mark of marks) {
      const { outcome } = mark;
      const cabinet = scope.nameOf(mark.cabinetId);
      const usual = outcome === null || outcome === 'published' ? null : OUTCOME_FIXERS[outcome];
      const told = mark.notices.length > 0 ? mark.notices : [{ code: null, message: mark.reason, fixedBy: usual }];
      for (const { code, message, fixedBy } of told) {
        if (query.code !== undefined && code !== query.code) continue;
        if (query.fixer !== undefined && (fixedBy === null || !query.fixer.includes(fixedBy))) continue;
        yield [
          mark.listingId,
          mark.externalId,
          titleOf(mark),
          mark.branch,
          mark.employee,
          cabinet.boardName,
          cabinet.name,
          outcomeLabel(outcome),
          mark.since && localDay(mark.since, scope.zone),
          code,
          message,
          fixedBy && FIXER_LABELS[fixedBy],
        ];
      }
    }
    const last = marks.at(-1);
    if (last === undefined || marks.length < TABLE_BATCH) return;
    after = { listingId: last.listingId, cabinetId: last.cabinetId };
  }
}

// ---------------------------------------------------------------------------------------------------------------------

async function advise(
  ask: Ask<unknown, { readonly cabinet: number; readonly branch?: readonly number[] | undefined }, unknown>,
): Promise<Advice> {
  const { db, boards, agencyId, now, query } = ask;
  const scope = await scopeOf(ask, { cabinet: [query.cabinet], branch: query.branch });
  const [cabinet] = scope.cabinets;
  const board = boards.find(({ id }) => id === cabinet?.board);
  if (!cabinet || !board) throw notFound();
  const norms = await listNorms(db.pool, agencyId);
  const frame = await loadFrame(db.pool, cabinet, board, now);
  const marks = total(await countStopped(db.pool, agencyId, scope.filter));
  const veil = veilOf(ask);
  const found = new Map<
    string,
    { notice: Notice; isExample: boolean; count: number; listings: Advice['rows'][number]['listings'] }
  >();
  let looked = 0;
  let after: { listingId: number; cabinetId: number } | undefined;
  while (looked < ADVICE_MARKS) {
    const batch = await marksOf(ask, scope.filter, {
      outcomes: [...OUTCOMES, 'undecided'],
      after,
      limit: Math.min(ADVICE_BATCH, ADVICE_MARKS - looked),
    });
    if (batch.length === 0) break;
    const ids = batch.map(({ listingId }) => listingId);
    const rows = await narrowRows(db.pool, cabinet, frame.context.zone, frame.isModerated, now, ids);
    const titles = new Map(batch.map((row) => [row.listingId, titleOf(row)]));
    for (const { listingId, notices } of await judgeRows(db.pool, frame, rows)) {
      for (const notice of notices) {
        if (notice.severity !== 'advisory') continue;
        const known = found.get(notice.code) ?? { notice, isExample: false, count: 0, listings: [] };
        known.count++;
        known.isExample ||= known.notice.message !== notice.message;
        if (known.listings.length < ADVICE_LISTINGS)
          known.listings.push({ id: listingId, title: titles.get(listingId) ?? '' });
        found.set(notice.code, known);
      }
    }
    looked += batch.length;
    after = { listingId: ids.at(-1)!, cabinetId: cabinet.id };
  }
  return {
    looked,
    marks,
    rows: [...found.values()]
      .sort((a, b) => b.count - a.count || (a.notice.code < b.notice.code ? -1 : 1))
      .map(({ notice, isExample, count, listings }) => ({
        code: notice.code,
        label: notice.label,
        message: veil(notice.message),
        isExample,
        fixedBy: notice.fixedBy,
        fixedByLabel: FIXER_LABELS[notice.fixedBy],
        marks: count,
        rule: demandsOf(boards, norms, notice.code, board.id) ? `/rules/${notice.code}` : null,
        listings,
      })),
  };
}

// ---------------------------------------------------------------------------------------------------------------------
// Filling a missing value in a grid.

/** How a field is filled in a grid; undefined: it is no plain field, or one that nobody fills by hand. */
function fillField(name: string): FillField | undefined {
  if (!FIELDS.includes(name as Field) || NOT_FILLED.has(name)) return undefined;
  const { type, choices, ...form } = formOf(name as PlainField);
  if (!isFillType(type)) return undefined;
  return { field: name, label: labelOf(name), type, ...form, ...(choices && { choices: [...choices] }) };
}

/** What a listing is, is not decided in a grid. */
const NOT_FILLED: ReadonlySet<string> = new Set(['externalId', 'boardFields', 'kind', 'deal']);
const isFillType = (type: string): type is FillType => (FILL_TYPES as readonly string[]).includes(type);

async function fill(
  ask: Ask<
    unknown,
    Filter & { readonly code: string; readonly limit?: number | undefined; readonly after?: string | undefined },
    unknown
  >,
): Promise<Fill> {
  const { db, boards, caller, agencyId, query } = ask;
  // Only what the person may mend.
  const scope = await scopeOf(ask, query, reachOf(caller, 'corrections'));
  const counts = (await countNotices(db.pool, agencyId, scope.filter)).filter(({ code }) => code === query.code);
  const known = demandsOf(boards, await listNorms(db.pool, agencyId), query.code, undefined);
  const name = counts[0]?.field ?? known?.field;
  const field = name === undefined ? undefined : fillField(name);
  if (name === undefined) throw notFound('Такого замечания нет.');
  if (!field)
    throw new HttpProblem(
      422,
      'not-fillable',
      `${labelOf(name)}: такое поле заполняют в карточке объекта, а не строкой таблицы.`,
    );
  const limit = query.limit ?? PAGE;
  const rows = await marksOf(ask, scope.filter, {
    code: query.code,
    after: afterOf(query.after),
    limit: limit + 1,
  });
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const cards: Fill['rows'] = [];
  // A listing may be blocked in several cabinets by one code: it is filled once.
  for (const row of new Map(page.map((one) => [one.listingId, one])).values()) {
    const card = await cardRow(db.pool, agencyId, row.listingId);
    if (!card) continue;
    const shown = { title: headOf(row, card.values), current: fieldValue(card.values, name) };
    const seesPhones = mayDo(caller, 'see-phones', card);
    cards.push({
      listing: row.listingId,
      externalId: row.externalId,
      employee: row.employee,
      version: versionOf(card),
      ...(seesPhones ? shown : maskPhones(shown, card.values.contactPhones)),
    });
  }
  return {
    code: query.code,
    sentence: veilOf(ask)(counts[0]?.message ?? known?.demands[0]?.sentence ?? ''),
    field,
    rows: cards,
    page: {
      next: last && rows.length > limit ? cursorOf([last.listingId, last.cabinetId]) : null,
      total: counts.reduce((sum, { marks }) => sum + marks, 0),
    },
  };
}

/** «Квартира, продажа, Ленина 12»: what somebody knows a listing by who sees nothing else of it. */
function headOf(row: StoppedMark, values: Listing): string {
  return [row.title ?? describeKind(values), row.address].filter((part) => part !== null).join(', ');
}

// ---------------------------------------------------------------------------------------------------------------------
// The rules.

interface Demands {
  readonly of: string;
  readonly board: string | null;
  readonly label: string;
  readonly field: string;
  readonly severity: Notice['severity'];
  readonly fixedBy: Fixer;
  readonly demands: { readonly sentence: string; readonly audience: string | null }[];
  readonly source: {
    readonly title: string;
    readonly url: string | null;
    readonly date: string | null;
    readonly grade: string;
  };
  readonly checkedOn: string;
}

const GRADE_WORDS: Record<SourceGrade, string> = {
  official: 'документ самой доски',
  vendor: 'описание интегратора',
  production: 'данные, которые доска приняла или вернула',
  code: 'чужая работающая выгрузка, доской не подтверждено',
  low: 'одно упоминание, не подтверждено',
};

/**
 * What stands behind the code of a notice; undefined: no such demand any more.
 * @param boardId of the cabinet: a norm may be told in the board's name
 */
function demandsOf(
  boards: readonly Board[],
  norms: Awaited<ReturnType<typeof listNorms>>,
  code: string,
  boardId: string | undefined,
): Demands | undefined {
  const group = code.split('/')[0]!;
  if (group === 'inspector') {
    const found = Object.hasOwn(INSPECTOR, code) ? INSPECTOR[code as keyof typeof INSPECTOR] : undefined;
    return (
      found && {
        of: 'проверка готового файла',
        board: null,
        label: found.label,
        field: found.field,
        severity: 'blocking',
        fixedBy: found.fixedBy,
        demands: [{ sentence: found.demand, audience: null }],
        source: { title: found.source, url: null, date: null, grade: 'наша собственная проверка' },
        checkedOn: found.checkedOn,
      }
    );
  }
  if (group === 'norm') {
    const row = norms.find((norm) => norm.code === code);
    if (!row) return undefined;
    const { rule } = readNorm(row.rule);
    const label = rule.label ?? labelOf(rule.field);
    const board = boards.find(({ id }) => id === boardId) ?? NO_BOARD;
    const savedOn = row.createdAt.toISOString().slice(0, 10);
    return {
      of: 'норма агентства',
      board: null,
      label,
      field: rule.field,
      severity: rule.severity,
      fixedBy: rule.fixedBy ?? 'agent',
      demands: [
        {
          sentence: demandSentence({ label, message: rule.message }, board),
          audience: audienceOf({ ...rule, boards: row.boards?.map((id) => boardName(boards, id)) }),
        },
      ],
      source: { title: `норма агентства, сохранил ${row.by}`, url: null, date: savedOn, grade: 'решение агентства' },
      checkedOn: savedOn,
    };
  }
  const board = boards.find(({ id }) => id === group);
  const rules = board?.rules.filter((one) => one.code === code) ?? [];
  const [first] = rules;
  if (!board || !first) return undefined;
  return {
    of: board.name,
    board: board.id,
    label: first.label,
    field: first.field,
    severity: first.severity,
    fixedBy: first.fixedBy,
    demands: rules.map(({ families, ...one }) => ({
      sentence: demandSentence(one, board),
      // Where the board reads one format only, there is nothing to tell apart.
      audience: audienceOf({ ...one, ...(families && board.families.length > 1 && { families }) }),
    })),
    source: sourceOf(first.source),
    checkedOn: first.checkedOn,
  };
}

const NO_BOARD = { name: 'доска', nameDative: 'доске', nameGenitive: 'доски' };

const sourceOf = ({ title, url, date, grade }: RuleSource) => ({
  title,
  url: url ?? null,
  date,
  grade: GRADE_WORDS[grade],
});

/** «квартира, комната; продажа»; null: of everything. A condition inside is told by the sentence itself. */
function audienceOf({
  kinds,
  deals,
  families,
  boards,
  when,
}: {
  readonly kinds?: readonly Listing['kind'][];
  readonly deals?: readonly Listing['deal'][];
  readonly families?: readonly string[];
  readonly boards?: readonly string[] | undefined;
  readonly when?: unknown;
}): string | null {
  const parts = [
    boards?.join(', '),
    kinds?.map((kind) => KIND_LABELS[kind]).join(', '),
    deals?.map((deal) => DEAL_LABELS[deal]).join(', '),
    families && `формат ${families.join(', ')}`,
    when === undefined ? undefined : 'не все: у требования есть условие',
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? null : parts.join('; ');
}

async function rule(ask: Ask<{ readonly board: string; readonly code: string }, unknown, unknown>): Promise<Rule> {
  const { db, boards, agencyId, params } = ask;
  const code = `${params.board}/${params.code}`;
  const scope = await scopeOf(ask, {});
  const known = demandsOf(boards, await listNorms(db.pool, agencyId), code, scope.all[0]?.board);
  if (!known) throw notFound('Такого требования нет: его сняли или переименовали.');
  const counts = (await countNotices(db.pool, agencyId, scope.filter)).filter((row) => row.code === code);
  const [first] = counts.length === 0 ? [] : await marksOf(ask, scope.filter, { code, limit: 1 });
  return {
    code,
    ...known,
    fixedByLabel: FIXER_LABELS[known.fixedBy],
    example: first
      ? {
          listing: first.listingId,
          title: titleOf(first),
          message: first.notices.find((notice) => notice.code === code)?.message ?? '',
        }
      : null,
    marks: counts.map(({ cabinetId, marks }) => ({
      cabinet: scope.nameOf(cabinetId),
      marks,
      listings: listingsLink(scope.nameOf(cabinetId), 'blocked', code),
    })),
  };
}
