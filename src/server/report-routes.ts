import Type from 'typebox';
import {
  ChangesSchema,
  ExportReportQuerySchema,
  ExportReportSchema,
  MembersQuerySchema,
  MembersSchema,
} from '../contracts/export-report.ts';
import { csvText } from '../domain/csv.ts';
import { type Deed, reachOf } from '../domain/rights.ts';
import type { Api, Ask } from './api.ts';
import {
  exportFileName,
  exportReport,
  exportReportChanges,
  exportReportMembers,
  exportTable,
  type Reporter,
} from './export-report.ts';
import { columnsOf } from './listing-routes.ts';

/** «Отчёты»: the export chart, the listings behind every column, and the files of it. */

const policy = { deed: 'see-listings', token: 'reports:read' } as const;

/** @param deed what the asker must be allowed to do with the listings that are counted */
export const reporterOf = async (
  ask: Ask<unknown, unknown, unknown>,
  deed: Deed = 'see-listings',
): Promise<Reporter> => ({
  db: ask.db,
  boards: ask.boards,
  agencyId: ask.agencyId,
  reach: reachOf(ask.caller, deed),
  columns: await columnsOf(ask),
  now: ask.now,
});

export function reportRoutes(api: Api): void {
  api.define({
    method: 'GET',
    url: '/reports/exports',
    summary: 'График выгрузки: сколько объектов отмечено, выгружено, с ошибками и без денег',
    policy,
    query: ExportReportQuerySchema,
    answer: ExportReportSchema,
    handler: async (ask) => exportReport(await reporterOf(ask), ask.query),
  });

  api.define({
    method: 'GET',
    url: '/reports/exports/members',
    summary: 'Объекты за числом графика',
    policy,
    query: MembersQuerySchema,
    answer: MembersSchema,
    handler: async (ask) => exportReportMembers(await reporterOf(ask), ask.query),
  });

  const { series: _, of: __, ...changesQuery } = MembersQuerySchema.properties;
  api.define({
    method: 'GET',
    url: '/reports/exports/changes',
    summary: 'Почему выгружено больше или меньше, чем шагом раньше',
    policy,
    query: Type.Object(changesQuery, { additionalProperties: false }),
    answer: ChangesSchema,
    handler: async (ask) => exportReportChanges(await reporterOf(ask), ask.query),
  });

  for (const kind of ['svg', 'png'] as const)
    api.define({
      method: 'GET',
      url: `/reports/exports.${kind}`,
      summary: `График выгрузки картинкой ${kind.toUpperCase()}`,
      policy,
      query: Type.Object(
        {
          ...ExportReportQuerySchema.properties,
          theme: Type.Optional(Type.Unsafe<'light' | 'dark'>({ type: 'string', enum: ['light', 'dark'] })),
        },
        { additionalProperties: false },
      ),
      handler: async (ask, reply) => {
        const { theme, ...query } = ask.query;
        const { exportChartPng, exportChartSvg } = await import('./export-chart.ts');
        const report = await exportReport(await reporterOf(ask), query);
        reply.header('Cache-Control', 'private, no-cache');
        return kind === 'svg'
          ? reply.type('image/svg+xml; charset=utf-8').send(exportChartSvg(report, theme))
          : reply.type('image/png').send(Buffer.from(exportChartPng(report, theme)));
      },
    });

  api.define({
    method: 'GET',
    url: '/reports/exports.csv',
    summary: 'График выгрузки таблицей CSV',
    policy,
    query: ExportReportQuerySchema,
    handler: async (ask, reply) => {
      const report = await exportReport(await reporterOf(ask), ask.query);
      const { columns, rows } = exportTable(report);
      let text = '';
      for await (const line of csvText(columns, rows)) text += line;
      return reply
        .type('text/csv; charset=utf-8')
        .header('Content-Disposition', `attachment; filename="${exportFileName(report)}.csv"`)
        .send(text);
    },
  });

  api.define({
    method: 'GET',
    url: '/reports/exports.xlsx',
    summary: 'График выгрузки книгой Excel с графиком',
    policy,
    query: ExportReportQuerySchema,
    handler: async (ask, reply) => {
      const report = await exportReport(await reporterOf(ask), ask.query);
      const { exportWorkbook } = await import('./xlsx.ts');
      return reply
        .type('application/vnd.openxmlformats-officedocument.spreadsheetml.sheet')
        .header('Content-Disposition', `attachment; filename="${exportFileName(report)}.xlsx"`)
        .send(Buffer.from(await exportWorkbook(report, exportTable(report))));
    },
  });
}
