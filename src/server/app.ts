import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyRequest } from 'fastify';
import pino from 'pino';
import type { Clock } from '../clock.ts';
import type { Database } from '../store/database.ts';
import { feedCounter } from './feeds.ts';
import { mediaRoute } from './media.ts';

export interface AppOptions {
  readonly db: Database;
  readonly dataDir: string;
  readonly secret: string;
  readonly clock: Clock;
  readonly logLevel: string;
  /** Addresses of proxies in front of us. */
  readonly trustProxy?: string | undefined;
  /** Draw the demo's pictures under `/media/demo/`. */
  readonly media?: boolean;
}

/** A feed's address is its key: what goes to the log names the board only, however the address is written. */
export function maskAddress(url: string): string {
  return url.replace(/^(\/f\/[^/?]*\/?).*$/s, '$1***').replace(/\?.*$/s, '?***');
}

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
    // Fastify's own defaults let a slow client hold a connection for ever.
    requestTimeout: 30_000,
    connectionTimeout: 120_000,
    keepAliveTimeout: 72_000,
    routerOptions: { maxParamLength: 300 },
  });
  feedCounter(app, { ...options, onTrouble: (what) => logger.error(what) });
  if (options.media) mediaRoute(app, options);

  app.get('/healthz', () => ({ state: 'ok' }));
  app.get('/readyz', async (_, reply) => {
    try {
      await options.db.pool.query('select 1');
      return { state: 'ok' };
    } catch {
      return reply.code(503).send({ state: 'database-unreachable' });
    }
  });
  app.setNotFoundHandler((_, reply) => reply.code(404).type('text/plain; charset=utf-8').send('Такой страницы нет.\n'));
  app.setErrorHandler((error, request, reply) => {
    const status = (error as { statusCode?: number }).statusCode ?? 500;
    if (status >= 500) request.log.error({ err: error }, 'request failed');
    return reply
      .code(status)
      .type('text/plain; charset=utf-8')
      .send(status >= 500 ? `Сбой на сервере, номер запроса ${request.id}.\n` : 'Запрос не понят.\n');
  });
  return app;
}
