import type { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import Type from 'typebox';
import {
  ChangeMembersQuerySchema,
  ChangesQuerySchema,
  ChangesSchema,
  ExportReportQuerySchema,
  ExportReportSchema,
  type Members,
  MembersQuerySchema,
  MembersSchema,
  ReportChoicesSchema,
} from '../contracts/export-report.ts';
import { NARROW_PICTURE, PICTURE } from '../domain/report-words.ts';
import { type Deed, reachOf } from '../domain/rights.ts';
import type { Api, Ask } from './api.ts';
import type { ChartTheme } from './chart.ts';
import { exportFile } from './export-files.ts';
import { exportReportChangeMembers, exportReportChanges, exportReportMembers } from './export-members.ts';
import { boardsOf, exportReport, type Reporter } from './export-report.ts';
import { reportFeeds } from './listing-routes.ts';
import { reportChoices } from './report-units.ts';
import { fileNamed, sendFile } from './statement.ts';
import { veiled } from './veil.ts';

/** «Отчёты»: the export chart, the listings behind every column, and the files of it. */

const policy = { deed: 'see-listings', token: 'reports:read' } as const;

/** @param deed that lets the asker see what is counted */
export const reporterOf = async (ask: Ask<unknown, unknown, unknown>, deed: Deed): Promise<Reporter> => ({
  db: ask.db,
  agencyId: ask.agencyId,
  reach: reachOf(ask.caller, deed),
  ...(await reportFeeds(ask)),
  now: ask.now,
});

const veiledMembers = async (ask: Ask<unknown, unknown, unknown>, { total, data }: Members): Promise<Members> => ({
  total,
  data: await veiled(ask, data, ({ id }) => id),
});

export const Theme = Type.Optional(Type.Unsafe<ChartTheme>({ type: 'string', enum: ['light', 'dark'] }));

/** A wide picture is for a page, a narrow one for the screen of a telephone. */
const Shape = Type.Optional(Type.Unsafe<'wide' | 'narrow'>({ type: 'string', enum: ['wide', 'narrow'] }));

/** @param name without the ending, under which it is kept by whoever keeps it */
export const sendPicture = (reply: FastifyReply, bytes: Readable, kind: 'svg' | 'png', name: string): FastifyReply =>
  reply
    .header('Cache-Control', 'private, no-cache')
    .header('Content-Disposition', fileNamed('inline', name, kind))
    .type(kind === 'svg' ? 'image/svg+xml; charset=utf-8' : 'image/png')
    .send(bytes);

export function reportRoutes(api: Api): void {
  api.define({
    method: 'GET',
    url: '/reports/exports',
    summary: 'График выгрузки: сколько объектов отмечено, выгружено, с ошибками и без денег',
    policy,
    query: ExportReportQuerySchema,
    answer: ExportReportSchema,
    handler: async (ask) => exportReport(await reporterOf(ask, policy.deed), ask.query),
  });

  api.define({
    method: 'GET',
    url: '/reports/choices',
    summary: 'Какими досками и чьими объектами можно ограничить отчёт',
    policy,
    answer: ReportChoicesSchema,
    handler: async (ask) => {
      const reporter = await reporterOf(ask, policy.deed);
      return { boards: await boardsOf(reporter), ...(await reportChoices(ask.db, ask.agencyId, reporter.reach)) };
    },
  });

  api.define({
    method: 'GET',
    url: '/reports/exports/members',
    summary: 'Объекты за числом графика',
    policy,
    query: MembersQuerySchema,
    answer: MembersSchema,
    handler: async (ask) =>
      veiledMembers(ask, await exportReportMembers(await reporterOf(ask, policy.deed), ask.query)),
  });

  api.define({
    method: 'GET',
    url: '/reports/exports/changes',
    summary: 'Почему выгружено больше или меньше, чем шагом раньше',
    policy,
    query: ChangesQuerySchema,
    answer: ChangesSchema,
    handler: async (ask) => exportReportChanges(await reporterOf(ask, policy.deed), ask.query),
  });

  api.define({
    method: 'GET',
    url: '/reports/exports/changes/members',
    summary: 'Объекты, которые ушли или пришли по одной причине',
    policy,
    query: ChangeMembersQuerySchema,
    answer: MembersSchema,
    handler: async (ask) =>
      veiledMembers(ask, await exportReportChangeMembers(await reporterOf(ask, policy.deed), ask.query)),
  });

  for (const kind of ['svg', 'png'] as const)
    api.define({
      method: 'GET',
      url: `/reports/exports.${kind}`,
      summary: `График выгрузки картинкой ${kind.toUpperCase()}`,
      policy,
      query: Type.Object(
        { ...ExportReportQuerySchema.properties, theme: Theme, shape: Shape },
        { additionalProperties: false },
      ),
      handler: async (ask, reply) => {
        const { theme, shape, ...query } = ask.query;
        const picture = shape === 'narrow' ? NARROW_PICTURE : PICTURE;
        const { name, bytes } = await exportFile(await reporterOf(ask, policy.deed), query, kind, theme, picture);
        return sendPicture(reply, bytes, kind, name);
      },
    });

  for (const kind of ['csv', 'xlsx'] as const)
    api.define({
      method: 'GET',
      url: `/reports/exports.${kind}`,
      summary: kind === 'csv' ? 'График выгрузки таблицей CSV' : 'График выгрузки книгой Excel с графиком',
      policy,
      query: ExportReportQuerySchema,
      handler: async (ask, reply) => {
        const { name, bytes } = await exportFile(await reporterOf(ask, policy.deed), ask.query, kind);
        return sendFile(reply, bytes, kind, name);
      },
    });
}
