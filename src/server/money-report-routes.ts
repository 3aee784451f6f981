import { Readable } from 'node:stream';
import Type from 'typebox';
import {
  MoneyMembersQuerySchema,
  MoneyMembersSchema,
  MoneyReportQuerySchema,
  MoneyReportSchema,
} from '../contracts/money-report.ts';
import { csvText } from '../domain/csv.ts';
import { reachOf } from '../domain/rights.ts';
import type { Api } from './api.ts';
import { moneyFileName, moneyReport, moneyReportMembers, moneyTable } from './money-report.ts';
import { reporterOf } from './report-routes.ts';
import { sendFile, workbook } from './statement.ts';

/** «Расходы»: what the boards cost, as far as the asker sees accounts. */

const policy = { deed: 'see-accounts', token: 'accounts:read' } as const;

export function moneyReportRoutes(api: Api): void {
  api.define({
    method: 'GET',
    url: '/reports/money',
    summary: 'Расходы: потрачено, дни в фиде, цена дня и звонка, сэкономлено',
    policy,
    query: MoneyReportQuerySchema,
    answer: MoneyReportSchema,
    handler: async (ask) => moneyReport(await reporterOf(ask, 'see-accounts'), ask.query),
  });

  api.define({
    method: 'GET',
    url: '/reports/money/members',
    summary: 'Объекты за строкой отчёта о расходах, самые дорогие первыми',
    // A program that may read accounts has no business with addresses.
    policy: { ...policy, token: null },
    query: MoneyMembersQuerySchema,
    answer: MoneyMembersSchema,
    handler: async (ask) =>
      moneyReportMembers(await reporterOf(ask, 'see-accounts'), ask.query, reachOf(ask.caller, 'see-listings')),
  });

  api.define({
    method: 'GET',
    url: '/reports/money.svg',
    summary: 'Расходы по шагам картинкой SVG',
    policy,
    query: Type.Object(
      {
        ...MoneyReportQuerySchema.properties,
        theme: Type.Optional(Type.Unsafe<'light' | 'dark'>({ type: 'string', enum: ['light', 'dark'] })),
      },
      { additionalProperties: false },
    ),
    handler: async (ask, reply) => {
      const { theme, ...query } = ask.query;
      const { moneyChartSvg } = await import('./money-chart.ts');
      const report = await moneyReport(await reporterOf(ask, 'see-accounts'), query);
      return reply
        .header('Cache-Control', 'private, no-cache')
        .type('image/svg+xml; charset=utf-8')
        .send(moneyChartSvg(report, theme));
    },
  });

  for (const format of ['csv', 'xlsx'] as const)
    api.define({
      method: 'GET',
      url: `/reports/money.${format}`,
      summary: format === 'csv' ? 'Расходы таблицей CSV' : 'Расходы книгой Excel',
      policy,
      query: MoneyReportQuerySchema,
      handler: async (ask, reply) => {
        const report = await moneyReport(await reporterOf(ask, 'see-accounts'), ask.query);
        const { columns, rows } = moneyTable(report);
        const bytes =
          format === 'csv' ? Readable.from(csvText(columns, rows)) : await workbook('Расходы', columns, rows);
        return sendFile(reply, bytes, format, moneyFileName(report));
      },
    });
}
