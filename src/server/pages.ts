import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ROOT } from '../root.ts';

/** The web application: the files that `npm run build` made, and its one page for every address that is a screen. */

const FOLDER = join(ROOT, 'dist/web');
const NOT_BUILT = 'Приложение не собрано. Выполните: npm run build\n';
const PUBLIC = { config: { policy: { deed: 'public', token: null } } } as const;

export async function pages(app: FastifyInstance): Promise<void> {
  // Of the routes that the plugin makes, one for each file.
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, ...PUBLIC.config };
  });
  if (!existsSync(join(FOLDER, 'index.html'))) {
    app.get('/', PUBLIC, (_, reply) => sendScreen(reply));
    return;
  }
  // Names here carry their hash. Looked up as they are asked for: a new build may come while the program runs.
  await app.register(fastifyStatic, {
    root: join(FOLDER, 'assets'),
    prefix: '/assets/',
    index: false,
    cacheControl: false,
    setHeaders: (response) => response.setHeader('Cache-Control', 'public, max-age=31536000, immutable'),
  });
  // The icon and its like.
  await app.register(fastifyStatic, {
    root: FOLDER,
    wildcard: false,
    index: false,
    globIgnore: ['assets/**', 'index.html'],
    cacheControl: false,
    decorateReply: false,
    setHeaders: (response) => response.setHeader('Cache-Control', 'no-cache'),
  });
  app.get('/', PUBLIC, (_, reply) => sendScreen(reply));
}

/** Is this the address of a screen, asked for by a person? */
export function isScreen(request: FastifyRequest): boolean {
  return (
    request.method === 'GET' &&
    !/^\/(?:api|f|media|assets|problems)(?:\/|$)/.test(request.url) &&
    String(request.headers.accept ?? '').includes('text/html')
  );
}

/** The one page: which screen it shows is decided in the browser. */
export async function sendScreen(reply: FastifyReply): Promise<FastifyReply> {
  const html = await readFile(join(FOLDER, 'index.html'), 'utf8').catch(() => undefined);
  if (html === undefined) return reply.code(404).type('text/plain; charset=utf-8').send(NOT_BUILT);
  return reply.code(200).header('Cache-Control', 'no-cache').type('text/html; charset=utf-8').send(html);
}
