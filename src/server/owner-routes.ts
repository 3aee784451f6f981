import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { ListingParamsSchema } from '../contracts/listing.ts';
import { MadeOwnerLinkSchema, NewOwnerLinkSchema, OwnerLinksSchema } from '../contracts/owner-report.ts';
import { listOwnerLinks, type OwnerLink, openOwnerLink, revokeOwnerLinks } from '../store/owner-report.ts';
import type { Api, Ask } from './api.ts';
import { tokenHash } from './keys.ts';
import { OWNER_PAGE_POLICY, ownerPage, ownerPageGone } from './owner-page.ts';
import { newOwnerLink, type OwnerReporter, ownerFileName, ownerReport, type PhotoTaker } from './owner-report.ts';
import type { JpegTaker } from './pictures-routes.ts';

/** Reports for owners: the links to them, and the pages that those open without signing in. */

const policy = (token: 'listings:read' | 'listings:write') =>
  ({ deed: 'owner-reports', of: 'listing', token }) as const;

const PAGES_PER_MINUTE = 100;

const told = ({ id, by, createdAt, expiresAt, lastSeenAt }: OwnerLink) => ({
  id,
  by,
  createdAt: createdAt.toISOString(),
  expiresAt: expiresAt.toISOString(),
  lastSeenAt: lastSeenAt?.toISOString() ?? null,
});

export function ownerRoutes(app: FastifyInstance, api: Api, photos: JpegTaker): void {
  const takerFor =
    ({ host }: FastifyRequest): PhotoTaker =>
    (...of) =>
      photos.take(...of, host);
  const params = ListingParamsSchema;
  const reporterOf = ({ db, boards, now, request }: Ask<unknown, unknown, unknown>): OwnerReporter => ({
    db,
    boards,
    takePhoto: takerFor(request),
    now,
  });

  api.define({
    method: 'GET',
    url: '/listings/:id/owner-links',
    summary: 'Действующие ссылки на отчёт собственнику',
    policy: policy('listings:read'),
    params,
    answer: OwnerLinksSchema,
    handler: async ({ db, agencyId, params: { id }, now }) => ({
      data: (await listOwnerLinks(db.pool, agencyId, id, now)).map(told),
    }),
  });

  api.define({
    method: 'POST',
    url: '/listings/:id/owner-links',
    summary: 'Дать ссылку на отчёт собственнику; адрес показывается один раз',
    policy: policy('listings:write'),
    params,
    body: NewOwnerLinkSchema,
    answer: MadeOwnerLinkSchema,
    handler: async ({ db, agencyId, params: { id }, body, by, now, options, request }, reply) => {
      const { path, ...link } = await newOwnerLink(db, agencyId, id, { days: body.days, by }, now);
      reply.header('Cache-Control', 'private, no-store');
      return { ...told(link), url: `${options.publicUrl ?? `${request.protocol}://${request.host}`}${path}` };
    },
  });

  api.define({
    method: 'DELETE',
    url: '/listings/:id/owner-links/:link',
    summary: 'Отозвать ссылку собственника',
    policy: policy('listings:write'),
    params: Type.Object({ ...params.properties, link: Type.String({ maxLength: 60 }) }),
    answer: Type.Object({ revoked: Type.Integer() }),
    handler: async ({ db, agencyId, params: { id, link }, by, now }) => ({
      revoked: await revokeOwnerLinks(db, agencyId, id, link, by, now),
    }),
  });

  api.define({
    method: 'GET',
    url: '/listings/:id/owner-report.pdf',
    summary: 'Отчёт собственнику в PDF',
    policy: policy('listings:read'),
    params,
    handler: async (ask, reply) => {
      const { id } = ask.params;
      const report = await ownerReport(reporterOf(ask), ask.agencyId, id);
      const { ownerPdf } = await import('./owner-pdf.ts');
      reply.header('Content-Disposition', `attachment; filename="${ownerFileName(id)}.pdf"`);
      return reply
        .header('Cache-Control', 'private, no-store')
        .type('application/pdf')
        .send(await ownerPdf(report));
    },
  });

  const { db, boards, clock } = api.options;
  app.get<{ Params: { file: string } }>(
    '/o/:file',
    // The address is the key. A page is dear to make: nobody needs a hundred of them in a minute.
    { config: { policy: { deed: 'public', token: null }, rateLimit: { max: PAGES_PER_MINUTE, timeWindow: 60_000 } } },
    async (request, reply) => {
      const now = clock();
      // What is no token of ours is not looked for.
      const named = /^([\w-]{43})(\.pdf)?$/.exec(request.params.file);
      const isLookedAt = request.method === 'GET';
      const link = named && (await openOwnerLink(db, tokenHash(named[1]!), now, isLookedAt));
      secluded(reply);
      if (!link) return reply.code(404).type('text/html; charset=utf-8').send(ownerPageGone());
      const reporter = { db, boards, takePhoto: takerFor(request), now };
      const report = await ownerReport(reporter, link.agencyId, link.listingId);
      if (named[2] === undefined)
        return reply.type('text/html; charset=utf-8').send(ownerPage(report, `${named[1]}.pdf`));
      const { ownerPdf } = await import('./owner-pdf.ts');
      return reply
        .type('application/pdf')
        .header('Content-Disposition', `inline; filename="${ownerFileName(link.listingId)}.pdf"`)
        .send(await ownerPdf(report));
    },
  );
}

/** Nothing of the page is kept on its way, found by a search or told to another site. */
const secluded = (reply: FastifyReply) =>
  reply
    .header('Cache-Control', 'private, no-store')
    .header('X-Robots-Tag', 'noindex, nofollow')
    .header('Referrer-Policy', 'no-referrer')
    .header('Content-Security-Policy', OWNER_PAGE_POLICY);
