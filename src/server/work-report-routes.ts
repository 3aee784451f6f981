import { Readable } from 'node:stream';
import {
  WorkMembersQuerySchema,
  WorkMembersSchema,
  WorkReportQuerySchema,
  WorkReportSchema,
} from '../contracts/work-report.ts';
import { csvText } from '../domain/csv.ts';
import { reachOf } from '../domain/rights.ts';
import type { Api, Ask } from './api.ts';
import { sendFile } from './statement.ts';
import { type WorkReporter, workBook, workFileName, workReport, workReportMembers, workTable } from './work-report.ts';

/** «Отчёты», «Работа»: its numbers, the listings behind each, and the files of it. */

const policy = { deed: 'see-listings', token: 'reports:read' } as const;

const reporterOf = ({ db, agencyId, caller, now }: Ask<unknown, unknown, unknown>): WorkReporter => ({
  db,
  agencyId,
  reach: reachOf(caller, 'see-listings'),
  now,
});

export function workReportRoutes(api: Api): void {
  api.define({
    method: 'GET',
    url: '/reports/work',
    summary: 'Работа: время до одобрения, возвраты, очередь, неподтверждённые и ниже нормы',
    policy,
    query: WorkReportQuerySchema,
    answer: WorkReportSchema,
    handler: (ask) => workReport(reporterOf(ask), ask.query),
  });

  api.define({
    method: 'GET',
    url: '/reports/work/members',
    summary: 'Объекты за числом отчёта о работе',
    policy,
    query: WorkMembersQuerySchema,
    answer: WorkMembersSchema,
    handler: (ask) => workReportMembers(reporterOf(ask), ask.query),
  });

  api.define({
    method: 'GET',
    url: '/reports/work.csv',
    summary: 'Отчёт о работе таблицей CSV',
    policy,
    query: WorkReportQuerySchema,
    handler: async (ask, reply) => {
      const report = await workReport(reporterOf(ask), ask.query);
      const { columns, rows } = workTable(report);
      return sendFile(reply, Readable.from(csvText(columns, rows)), 'csv', workFileName(report));
    },
  });

  api.define({
    method: 'GET',
    url: '/reports/work.xlsx',
    summary: 'Отчёт о работе книгой Excel',
    policy,
    query: WorkReportQuerySchema,
    handler: async (ask, reply) => {
      const report = await workReport(reporterOf(ask), ask.query);
      return sendFile(reply, Readable.from([Buffer.from(await workBook(report))]), 'xlsx', workFileName(report));
    },
  });
}
