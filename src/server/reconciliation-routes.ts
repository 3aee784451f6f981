import { Readable } from 'node:stream';
import type { Static } from 'typebox';
import {
  CabinetSumsListSchema,
  IdParams,
  LoadedReportSchema,
  PeekQuery,
  PeekSchema,
  PeriodQuery,
  ReconciliationQuery,
  ReconciliationSchema,
  ReportListSchema,
  ReportQuery,
} from '../contracts/accounts.ts';
import { COLUMN_ROLES, type ColumnRole, guessColumns, type ReportMapping, ROLE_WORDS } from '../domain/board-report.ts';
import { csvText } from '../domain/csv.ts';
import { localDay, russianDay } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { OUTCOME_LABELS } from '../domain/gates.ts';
import { formatKopecks } from '../domain/money.ts';
import { daysTold, LIST_LABELS, LISTS, type ReconciledRow } from '../domain/reconcile.ts';
import { mayDo } from '../domain/rights.ts';
import { capital, placeTold } from '../domain/text.ts';
import { type BadRow, mappingFrom, takeReport } from '../intake/board-report.ts';
import { placeOf } from '../store/access.ts';
import { type Clash, listReports } from '../store/board-reports.ts';
import { listAccounts } from '../store/ledger.ts';
import { type CabinetRow, listCabinets } from '../store/publishing.ts';
import { reconcileFrame, reconcileSums } from '../store/reconcile.ts';
import { agencyFrame } from '../store/settings.ts';
import type { Api, Ask } from './api.ts';
import { cabinetTitle } from './cabinets.ts';
import { bytesOf, peeked, readingOf, TABLE_BYTES_MAX, TOLD } from './given-table.ts';
import type { ProblemCode } from './problem-words.ts';
import { HttpProblem } from './problems.ts';
import { comparing, differs, RECONCILED_COLUMNS, reconciledCells, reconcilePeriod } from './reconciliation.ts';
import { proveDays, sendFile } from './statement.ts';

/** What the boards say they have charged: reports come in, and stand beside our plan and our ledger. */

const ROLE_LABELS: Record<ColumnRole, string> = {
  day: 'День',
  advert: 'Номер из нашего фида',
  boardNumber: 'Номер, который дала доска',
  listing: 'Наш номер объекта',
  sum: 'Сумма, рублей',
  service: 'Услуга',
  operation: 'Номер операции',
};

export function reconciliationRoutes(api: Api): void {
  const { db, boards } = api.options;
  const policy = { deed: 'reconciliation', token: 'accounts:read' } as const;
  const ofCabinet = { ...policy, of: 'cabinet' } as const;

  api.define({
    method: 'GET',
    url: '/reconciliation',
    summary: 'Кабинеты досок: что списала доска, что списали мы, разница по дням с отчётом',
    policy,
    query: PeriodQuery,
    answer: CabinetSumsListSchema,
    handler: async ({ agencyId, caller, query, now }) => {
      proveDays(query.from, query.until);
      const { timeZone } = await agencyFrame(db, agencyId);
      const period = reconcilePeriod(query.from, query.until, localDay(now, timeZone));
      const accounts = (await listAccounts(db.pool, agencyId, true)).filter(({ kind }) => kind === 'board');
      const data: Static<typeof CabinetSumsListSchema>['data'] = [];
      for (const cabinet of await listCabinets(db, { agencyId })) {
        const place = await placeOf(db.pool, agencyId, 'cabinet', cabinet.id);
        if (!place || !mayDo(caller, 'reconciliation', place)) continue;
        const frame = await reconcileFrame(db, cabinet, now);
        const sums = await reconcileSums(db.pool, cabinet, frame, period.from, period.until);
        const account = accounts.find(({ ownerId }) => ownerId === cabinet.id);
        data.push({
          id: cabinet.id,
          accountId: account?.id ?? null,
          board: cabinet.board,
          name: cabinetTitle(boards, cabinet),
          chargedKopecks: account?.balanceKopecks ?? 0,
          reports: frame.reports.length,
          ...sums,
          shapes: boardOf(cabinet).reports.map(({ code, title, note }) => ({ code, title, note: note ?? null })),
        });
      }
      return { period, data };
    },
  });

  api.define({
    method: 'GET',
    url: '/cabinets/:id/reconciliation',
    summary: 'Сверка кабинета: итоги, дни, четыре списка с фразами для поддержки доски',
    policy: ofCabinet,
    params: IdParams,
    query: ReconciliationQuery,
    answer: ReconciliationSchema,
    handler: async (ask) => {
      const { query } = ask;
      const { cabinet, frame, period } = await framed(ask, query);
      const { reconciliation, rows } = comparing(db, cabinet, frame, period, query.listing ?? null);
      const kept: ReconciledRow[] = [];
      let rowCount = 0;
      for await (const row of rows) {
        if (!query.all && !differs(row)) continue;
        rowCount++;
        if (kept.length < TOLD) kept.push(row);
      }
      const { totals, covered, uncovered, unrecorded, lists, days } = reconciliation.result();
      return {
        cabinet: { id: cabinet.id, board: cabinet.board, name: cabinetTitle(boards, cabinet) },
        ...{ period, zone: frame.zone, totals, covered, days },
        uncovered: uncovered.length === 0 ? null : daysTold(uncovered),
        unrecorded: unrecorded.length === 0 ? null : daysTold(unrecorded),
        lists: LISTS.map((list) => ({
          list,
          label: LIST_LABELS[list],
          count: lists[list].length,
          claimKopecks: lists[list].reduce((all, { claimKopecks }) => all + claimKopecks, 0),
          findings: lists[list].slice(0, TOLD).map(({ list: _, ...finding }) => finding),
        })),
        rows: kept.map(({ outcome, lists: found, ...row }) => ({
          ...row,
          outcomeLabel: outcome === null ? null : OUTCOME_LABELS[outcome],
          lists: found.map((list) => ({ list, label: LIST_LABELS[list] })),
        })),
        rowCount,
      };
    },
  });

  api.define({
    method: 'GET',
    url: '/cabinets/:id/reconciliation.csv',
    summary: 'Все строки сверки кабинета файлом для Excel',
    policy: ofCabinet,
    params: IdParams,
    query: PeriodQuery,
    handler: async (ask, reply) => {
      const { cabinet, frame, period } = await framed(ask, ask.query);
      const { rows } = comparing(db, cabinet, frame, period, null);
      const bytes = Readable.from(csvText(RECONCILED_COLUMNS, reconciledCells(rows)));
      return sendFile(reply, bytes, 'csv', `Сверка ${cabinetTitle(boards, cabinet)} ${period.from} ${period.until}`);
    },
  });

  api.define({
    method: 'GET',
    url: '/cabinets/:id/reports',
    summary: 'Загруженные отчёты доски',
    policy: ofCabinet,
    params: IdParams,
    answer: ReportListSchema,
    handler: async ({ agencyId, params }) => ({
      data: (await listReports(db.pool, { agencyId, id: params.id })).map(({ at, ...report }) => ({
        ...report,
        at: at.toISOString(),
      })),
    }),
  });

  api.define({
    method: 'POST',
    url: '/cabinets/:id/reports/peek',
    summary: 'Посмотреть начало отчёта: столбцы, первые строки и что они могут значить',
    policy: ofCabinet,
    params: IdParams,
    query: PeekQuery,
    answer: PeekSchema,
    bodyLimit: TABLE_BYTES_MAX,
    handler: async (ask) => {
      const { query } = ask;
      const { reports } = boardOf(await cabinetOf(ask));
      const peek = await peeked(ask.body, query);
      const shape = reports.find(({ columns }) => {
        const named = Object.values(columns ?? {});
        return named.length > 0 && named.every((name) => peek.columns.includes(name));
      });
      return {
        ...peek,
        roles: COLUMN_ROLES.map((role) => ({ role, label: ROLE_LABELS[role], words: ROLE_WORDS[role] })),
        guess: { shape: shape?.code ?? null, columns: shape?.columns ?? guessColumns(peek.columns) },
      };
    },
  });

  api.define({
    method: 'POST',
    url: '/cabinets/:id/reports',
    summary: 'Загрузить отчёт доски о списаниях, CSV или JSON; повторная загрузка ничего не удваивает',
    policy: { ...ofCabinet, token: 'accounts:write' },
    params: IdParams,
    query: ReportQuery,
    answer: LoadedReportSchema,
    bodyLimit: TABLE_BYTES_MAX,
    handler: async (ask) => {
      const { name, from, until, trial: isTrial = false } = ask.query;
      proveDays(from, until, ask.query.onDay);
      const cabinet = await cabinetOf(ask);
      const mapping = mappingOf(boardOf(cabinet), ask.query);
      const refused: BadRow[] = [];
      let format: 'csv' | 'json' = 'csv';
      const given = {
        ...{ bytes: bytesOf(ask.body), mapping, name, from, until, isTrial },
        ...readingOf(ask.query),
        onBad: (row: BadRow, { format: of }: { readonly format: typeof format }) => {
          format = of;
          if (refused.length < TOLD) refused.push(row);
        },
      };
      try {
        const { bad, summary, clashes, ...loaded } = await takeReport(db, cabinet, given, { name: ask.by }, ask.now);
        return {
          ...loaded,
          isTrial,
          format: summary.format,
          left: summary.left,
          bad: summary.bad,
          badRows: bad.slice(0, TOLD),
          clashes: clashes.slice(0, TOLD).map((clash) => ({ line: clash.line, text: clashTold(clash) })),
        };
      } catch (error) {
        if (!(error instanceof Refusal) || refused.length === 0) throw error;
        throw new HttpProblem(422, error.code as ProblemCode, error.message, {
          errors: refused.slice(0, 20).map(({ line, reasons }) => ({
            pointer: `#/${line}`,
            detail: `${capital(placeTold(format, line))}: ${reasons.join('; ')}.`,
          })),
        });
      }
    },
  });

  const boardOf = ({ board }: Pick<CabinetRow, 'board'>) => {
    const found = boards.find(({ id }) => id === board);
    if (found) return found;
    throw new Refusal('board-unknown', `Доски «${board}» больше нет среди описаний досок.`, 2);
  };

  async function cabinetOf({
    agencyId,
    params,
  }: Pick<Ask<Static<typeof IdParams>, unknown, unknown>, 'agencyId' | 'params'>) {
    return (await listCabinets(db, { agencyId })).find(({ id }) => id === params.id)!;
  }

  async function framed(
    ask: Ask<Static<typeof IdParams>, unknown, unknown>,
    { from, until }: Static<typeof PeriodQuery>,
  ) {
    proveDays(from, until);
    const cabinet = await cabinetOf(ask);
    const frame = await reconcileFrame(db, cabinet, ask.now);
    return { cabinet, frame, period: reconcilePeriod(from, until, frame.today) };
  }
}

/** @throws Refusal `report-mapping`, `shape-unknown` */
function mappingOf(board: Parameters<typeof mappingFrom>[0], query: Static<typeof ReportQuery>): ReportMapping {
  const columns = Object.fromEntries(
    COLUMN_ROLES.flatMap((role) => (query[role] === undefined ? [] : [[role, query[role]]])),
  );
  const only = new Map<string, string[]>();
  for (const pair of query.only ?? []) {
    const at = pair.indexOf('=');
    if (at < 1) throw new Refusal('report-mapping', `only: «${pair.slice(0, 60)}», а нужно столбец=значение.`, 2);
    const column = pair.slice(0, at).trim();
    only.set(column, [...(only.get(column) ?? []), pair.slice(at + 1).trim()]);
  }
  return mappingFrom(board, {
    columns,
    only: [...only].map(([column, values]) => ({ column, values })),
    ...(query.shape !== undefined && { shape: query.shape }),
    ...(query.onDay !== undefined && { day: query.onDay }),
    ...(query.rows !== undefined && { rows: query.rows }),
    ...(query.chargesNegative && { areChargesNegative: true }),
  });
}

function clashTold({ operationId, wasDay, wasKopecks }: Clash): string {
  if (wasDay === null || wasKopecks === null)
    return `Операция ${operationId}: в файле две разные строки с этим номером.`;
  return `Операция ${operationId} уже загружена иначе: ${formatKopecks(wasKopecks)} за ${russianDay(wasDay)}.`;
}
