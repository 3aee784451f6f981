import Type from 'typebox';
import {
  MoneyMembersQuerySchema,
  MoneyMembersSchema,
  MoneyReportQuerySchema,
  MoneyReportSchema,
} from '../contracts/money-report.ts';
import { reachOf } from '../domain/rights.ts';
import type { Api } from './api.ts';
import { moneyFile, moneyFileName, moneyReport, moneyReportMembers } from './money-report.ts';
import { reporterOf, sendPicture, Theme } from './report-routes.ts';
import { sendFile } from './statement.ts';

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
    handler: async (ask) => moneyReport(await reporterOf(ask, policy.deed), ask.query),
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
      moneyReportMembers(await reporterOf(ask, policy.deed), ask.query, reachOf(ask.caller, 'see-listings')),
  });

  for (const kind of ['svg', 'png'] as const)
    api.define({
      method: 'GET',
      url: `/reports/money.${kind}`,
      summary: `Расходы по шагам картинкой ${kind.toUpperCase()}`,
      policy,
      query: Type.Object({ ...MoneyReportQuerySchema.properties, theme: Theme }, { additionalProperties: false }),
      handler: async (ask, reply) => {
        const { theme, ...query } = ask.query;
        const report = await moneyReport(await reporterOf(ask, policy.deed), query);
        return sendPicture(reply, await moneyFile(report, kind, theme), kind, moneyFileName(report));
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
        const report = await moneyReport(await reporterOf(ask, policy.deed), ask.query);
        return sendFile(reply, await moneyFile(report, format), format, moneyFileName(report));
      },
    });
}
