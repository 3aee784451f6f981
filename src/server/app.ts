import cookie from '@fastify/cookie';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import { Ajv } from 'ajv';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyRequest, type RouteOptions } from 'fastify';
import pino from 'pino';
import { type Board, loadBoards } from '../boards/catalogue.ts';
import type { Clock } from '../clock.ts';
import type { Database } from '../store/database.ts';
import { accountRoutes } from './account-routes.ts';
import { API, Api, type Route } from './api.ts';
import { audienceRoutes } from './audience-routes.ts';
import { boardRoutes } from './board-routes.ts';
import { bulkRoutes } from './bulk-routes.ts';
import { calendarRoutes } from './calendar-routes.ts';
import { crmRoutes } from './crm-routes.ts';
import { diagnosticsRoutes } from './diagnostics-routes.ts';
import { describeApi } from './docs.ts';
import { eventRoutes } from './events.ts';
import { feedCounter } from './feeds.ts';
import { feedsAdminRoutes } from './feeds-admin-routes.ts';
import { takeTables } from './given-table.ts';
import { importRoutes } from './import-routes.ts';
import { journalRoutes } from './journal-routes.ts';
import { listingCardRoutes } from './listing-card-routes.ts';
import { listingPhotoRoutes } from './listing-photo-routes.ts';
import { listingRoutes } from './listing-routes.ts';
import { markingRoutes } from './marking-routes.ts';
import { mediaRoute } from './media.ts';
import { moderationRoutes } from './moderation-routes.ts';
import { moneyReportRoutes } from './money-report-routes.ts';
import { normRoutes } from './norm-routes.ts';
import { ownerRoutes } from './owner-routes.ts';
import { isScreen, pages, sendScreen } from './pages.ts';
import { peopleRoutes } from './people-routes.ts';
import { phoneRoutes } from './phone-routes.ts';
import { pictureRoutes } from './pictures-routes.ts';
import { problemPages } from './problem-pages.ts';
import { HttpProblem, notFound, problemOf, sendProblem } from './problems.ts';
import { promotionRoutes } from './promotion-routes.ts';
import { reconciliationRoutes } from './reconciliation-routes.ts';
import { reportMailRoutes } from './report-mail-routes.ts';
import { reportRoutes } from './report-routes.ts';
import { sessionRoutes } from './session-routes.ts';
import { settingsRoutes } from './settings-routes.ts';
import { startRoutes } from './start-routes.ts';
import { tariffRoutes } from './tariff-routes.ts';
import { taskRoutes } from './task-routes.ts';
import { tokenRoutes } from './token-routes.ts';
import { workReportRoutes } from './work-report-routes.ts';

export interface AppOptions {
  readonly db: Database;
  readonly dataDir: string;
  readonly secret: string;
  readonly clock: Clock;
  readonly logLevel: string;
  /** By default those of `board-rules`. */
  readonly boards?: readonly Board[];
  /** How we are reached from outside, without a slash at the end. */
  readonly publicUrl?: string | undefined;
  /** There is a post that letters go out by. */
  readonly hasPost?: boolean;
  /** Addresses of proxies in front of us. */
  readonly trustProxy?: string | undefined;
  /** Draw the demo's pictures under `/media/demo/`. */
  readonly media?: boolean;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** The API's routes with their policies; complete once the app is ready. */
    registry(): readonly Route[];
  }
}

/**
 * An address can be a key: that of a feed, of an invitation, of an owner's report. What goes to the log names the board or the page only,
 * however the address is written.
 */
export function maskAddress(url: string): string {
  const [path, words] = url.replace(/^[a-z]+:\/\/[^/?]*/i, '').split('?', 2);
  let plain: string;
  try {
    // The router reads it so, too.
    plain = decodeURIComponent(path!);
  } catch {
    return '***';
  }
  return (words === undefined ? plain : `${plain}?${words}`)
    .replace(/^(\/f\/[^/?]*\/?).*$/s, '$1***')
    .replace(/^((?:\/api\/v1)?\/welcome\/).*$/s, '$1***')
    .replace(/^(\/o\/).*$/s, '$1***')
    .replace(/\?.*$/s, '?***');
}

/** Requests from one address in a minute: an office of a hundred people, of whom each opens a screen now and then. */
const REQUESTS_PER_MINUTE = 6000;
/** The longest a request may take to come in whole, and its head. */
const UPLOAD_MS = 15 * 60_000;
const HEAD_MS = 30_000;
const OWNER_PAGES = '/o/';
const PUBLIC = { config: { policy: { deed: 'public', token: null } } } as const;

/** Builds the server without listening, so tests need no socket. */
export function buildApp(options: AppOptions): FastifyInstance {
  const logger: FastifyBaseLogger = pino({
    level: options.logLevel,
    serializers: {
      req: (request: FastifyRequest) => ({
        method: request.method,
        url: maskAddress(request.url),
        address: request.ip,
      }),
      err: pino.stdSerializers.err,
    },
  });
  const app = Fastify({
    loggerInstance: logger,
    trustProxy: options.trustProxy ?? false,
    // Fastify's own defaults let a slow client hold a connection for ever; a file of 200 MB over a slow line is no such.
    requestTimeout: UPLOAD_MS,
    connectionTimeout: 120_000,
    keepAliveTimeout: 72_000,
    routerOptions: { maxParamLength: 300 },
  });
  app.server.headersTimeout = HEAD_MS;
  // A route nobody said anything about would be open to everybody: better no start at all.
  const routes: RouteOptions[] = [];
  app.addHook('onRoute', (route) => void routes.push(route));
  app.addHook('onReady', async () => {
    const forgotten = routes.filter(({ config }) => config?.policy === undefined);
    if (forgotten.length > 0)
      throw new Error(
        `routes without a policy: ${forgotten.map(({ method, url }) => `${String(method)} ${url}`).join(', ')}`,
      );
  });
  const api = new Api(app, { ...options, boards: options.boards ?? loadBoards() });
  app.decorate('registry', () => api.routes);
  judgeRequests(app);
  app.setSerializerCompiler(() => JSON.stringify);

  void app.register(cookie);
  void app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        // Mantine sets sizes and colours of single elements by style attributes.
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:', 'blob:'],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
    strictTransportSecurity: { maxAge: 31_536_000, includeSubDomains: true },
    referrerPolicy: { policy: 'same-origin' },
    // Feeds and pictures are for others to take.
    crossOriginResourcePolicy: false,
  });
  void app.register(rateLimit, {
    max: REQUESTS_PER_MINUTE,
    timeWindow: 60_000,
    // By address, for whoever knocks may send a new key or cookie each time; many people of an agency share one.
    // A feed's robot must never hear 429, whatever else its address asks for; whoever tries owners' addresses does.
    // The route tells which, and not the address: that can be written in many ways.
    allowList: ({ routeOptions: { url = '' } }) => !url.startsWith(API) && !url.startsWith(OWNER_PAGES),
    keyGenerator: (request) => request.ip,
    errorResponseBuilder: (_, { ttl }) =>
      new HttpProblem(429, 'too-often', 'Слишком много запросов. Повторите через минуту.', {
        retryAfter: Math.ceil(ttl / 1000),
      }),
  });
  describeApi(app);
  void app.register(async () => {
    feedCounter(app, { ...options, onTrouble: (what) => logger.error(what) });
    if (options.media) mediaRoute(app, options);
    apiRoutes(app, api);
    problemPages(app);
  });
  void app.register(pages);

  app.get('/healthz', PUBLIC, () => ({ state: 'ok' }));
  app.get('/readyz', PUBLIC, async (_, reply) => {
    try {
      await options.db.pool.query('select 1');
      return { state: 'ok' };
    } catch {
      return reply.code(503).send({ state: 'database-unreachable' });
    }
  });
  app.setNotFoundHandler((request, reply) => {
    if (request.url.startsWith('/api/'))
      return sendProblem(reply, problemOf(notFound('Такого адреса в API нет.'), request));
    if (isScreen(request)) return sendScreen(reply);
    return reply.code(404).type('text/plain; charset=utf-8').send('Такой страницы нет.\n');
  });
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error, request);
    if (problem.status >= 500) request.log.error({ err: error }, 'request failed');
    if (request.url.startsWith('/api/'))
      return sendProblem(reply, problem, error instanceof HttpProblem ? error.more.retryAfter : undefined);
    return reply
      .code(problem.status)
      .type('text/plain; charset=utf-8')
      .send(
        problem.status >= 500
          ? `Сбой на сервере, номер запроса ${request.id}.\n`
          : problem.status === 429
            ? 'Слишком много запросов. Повторите через минуту.\n'
            : 'Запрос не понят.\n',
      );
  });
  return app;
}

/** All the routes of the API, one line for each part. */
function apiRoutes(app: FastifyInstance, api: Api): void {
  sessionRoutes(api);
  eventRoutes(app, api);
  listingRoutes(api);
  bulkRoutes(app, api);
  boardRoutes(api);
  calendarRoutes(api);
  markingRoutes(api);
  normRoutes(api);
  reportRoutes(api);
  reportMailRoutes(api);
  moneyReportRoutes(api);
  workReportRoutes(api);
  settingsRoutes(api);
  tariffRoutes(api);
  listingCardRoutes(api);
  listingPhotoRoutes(app, api);
  ownerRoutes(app, api, pictureRoutes(app, api));
  moderationRoutes(api);
  diagnosticsRoutes(api);
  feedsAdminRoutes(api);
  importRoutes(app, api);
  accountRoutes(api);
  takeTables(app);
  reconciliationRoutes(api);
  audienceRoutes(api);
  promotionRoutes(api);
  crmRoutes(api);
  taskRoutes(api);
  peopleRoutes(api);
  tokenRoutes(api);
  phoneRoutes(api);
  journalRoutes(api);
  startRoutes(api);
}

/** A body is taken as it is; numbers in an address are read as numbers. All faults are told together. */
function judgeRequests(app: FastifyInstance): void {
  const settings = {
    allErrors: true,
    strict: false,
    allowUnionTypes: true,
    removeAdditional: false,
    useDefaults: false,
  } as const;
  const strict = new Ajv({ ...settings, coerceTypes: false });
  const reading = new Ajv({ ...settings, coerceTypes: 'array' });
  app.setValidatorCompiler(({ schema, httpPart }) =>
    (httpPart === 'body' ? strict : reading).compile(schema as object),
  );
}
