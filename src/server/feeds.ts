import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../clock.ts';
import type { Database } from '../store/database.ts';
import { openAddress } from '../store/feed-address.ts';
import { type CabinetRow, currentEdition, type EditionRow } from '../store/publishing.ts';
import { logPull } from '../store/pulls.ts';
import { isCheckMark } from './keys.ts';

export interface FeedCounterOptions {
  readonly db: Database;
  readonly dataDir: string;
  readonly secret: string;
  readonly clock: Clock;
  /** Told what an administrator must mend. */
  readonly onTrouble?: (what: string) => void;
}

/** Carries the mark of our own look at a feed. */
export const CHECK_HEADER = 'x-vygruzka-check';

type Encoding = 'identity' | 'gzip';

/** Bytes `first` to `last`, both inclusive. */
interface Range {
  readonly first: number;
  readonly last: number;
}

/**
 * The counter where boards take their feeds: `GET|HEAD /f/<board>/<cabinet>-<token>.xml` and `.xml.gz`.
 * Only finished files are given out, each from one open descriptor, so a pull always gets one whole edition whatever
 * is published meanwhile (a static-file plugin stats and opens by path and cuts 10 % of such pulls short).
 */
export function feedCounter(app: FastifyInstance, options: FeedCounterOptions): void {
  app.route<{ Params: { board: string; file: string } }>({
    method: ['GET', 'HEAD'],
    url: '/f/:board/:file',
    // The address is the key.
    config: { policy: { deed: 'public', token: null } },
    handler: (request, reply) => give(request, reply, options),
  });
}

/** The new address is as secret as the old one was: whoever has only this one is not told it. */
const REPLACED =
  'Адрес этого фида заменён, по старому фид больше не отдаётся.\nСпросите новый адрес у агентства, которое дало вам этот: в Выгрузке он стоит в разделе «Фиды». Укажите его в кабинете площадки.\n';

async function give(
  request: FastifyRequest<{ Params: { board: string; file: string } }>,
  reply: FastifyReply,
  options: FeedCounterOptions,
) {
  const named = /^(.+)\.xml(\.gz)?$/.exec(request.params.file);
  const address =
    named && (await openAddress(options.db, options.secret, request.params.board, named[1]!, options.clock()));
  // A wrong token, an unknown board and a stranger's guess look the same.
  if (!address) return reply.code(404).type('text/plain; charset=utf-8').send('Такого фида нет.\n');
  const { cabinet } = address;
  const isPrevious = address.is !== 'current';
  const isPacked = named[2] !== undefined;
  const encoding: Encoding = isPacked || acceptsGzip(request.headers['accept-encoding']) ? 'gzip' : 'identity';

  reply
    .header('Cache-Control', 'no-cache')
    .header('X-Robots-Tag', 'noindex')
    .header('X-Content-Type-Options', 'nosniff');
  if (address.is === 'replaced') {
    log(options, request, cabinet, null, isPrevious, encoding, 410, 0);
    return reply.code(410).header('Content-Language', 'ru').type('text/plain; charset=utf-8').send(REPLACED);
  }
  if (!isPacked) reply.header('Vary', 'Accept-Encoding');
  const served = await openServed(options, cabinet, encoding);
  if (!served) {
    log(options, request, cabinet, null, isPrevious, encoding, 503, 0);
    return reply
      .code(503)
      .header('Retry-After', '600')
      .type('text/plain; charset=utf-8')
      .send('Фид ещё не опубликован.\n');
  }
  const { edition, file, size } = served;
  const etag = `"${(encoding === 'gzip' ? edition.gzipSha256 : edition.sha256).slice(0, 32)}${encoding === 'gzip' ? '-gz' : ''}"`;
  reply
    .header('ETag', etag)
    .header('Last-Modified', edition.publishedAt.toUTCString())
    .header('Accept-Ranges', 'bytes')
    .header('Content-Type', isPacked ? 'application/gzip' : 'application/xml; charset=utf-8');
  if (encoding === 'gzip' && !isPacked) reply.header('Content-Encoding', 'gzip');

  if (isNotModified(request, etag, edition.publishedAt)) {
    await file.close();
    log(options, request, cabinet, edition.id, isPrevious, encoding, 304, 0);
    reply.removeHeader('Content-Type');
    return reply.code(304).send();
  }
  const range = rangeOf(request, size, etag, edition.publishedAt);
  if (range === 'unsatisfiable') {
    await file.close();
    log(options, request, cabinet, edition.id, isPrevious, encoding, 416, 0);
    return reply
      .removeHeader('Content-Encoding')
      .removeHeader('ETag')
      .code(416)
      .header('Content-Range', `bytes */${size}`)
      .type('text/plain; charset=utf-8')
      .send('Такой части файла нет.\n');
  }
  const { first, last } = range ?? { first: 0, last: size - 1 };
  const status = range ? 206 : 200;
  if (range) reply.header('Content-Range', `bytes ${first}-${last}/${size}`);
  reply.code(status).header('Content-Length', last - first + 1);
  if (request.method === 'HEAD') {
    await file.close();
    log(options, request, cabinet, edition.id, isPrevious, encoding, status, 0);
    return reply.send();
  }
  const stream = file.createReadStream({ start: first, end: last, highWaterMark: 1 << 18 });
  // Logged when the transfer ends, with what really went over.
  reply.raw.once('close', () =>
    log(options, request, cabinet, edition.id, isPrevious, encoding, status, stream.bytesRead),
  );
  return reply.send(stream);
}

/** The served edition and its file, open. Once more when a publish has swept the file between look-up and opening. */
async function openServed(
  options: FeedCounterOptions,
  cabinet: CabinetRow,
  encoding: Encoding,
): Promise<{ edition: EditionRow; file: FileHandle; size: number } | undefined> {
  for (let attempt = 1; ; attempt++) {
    const edition = await currentEdition(options.db, cabinet);
    if (!edition) return undefined;
    const path = join(
      options.dataDir,
      'editions',
      `${cabinet.agencyId}-${cabinet.id}`,
      `${edition.sha256}.xml${encoding === 'gzip' ? '.gz' : ''}`,
    );
    try {
      return { edition, file: await open(path), size: encoding === 'gzip' ? edition.gzipBytes : edition.bytes };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      if (attempt < 3) continue;
      options.onTrouble?.(`the file of edition ${edition.id} is not in this data folder`);
      return undefined;
    }
  }
}

/** RFC 9110 §12.5.3: gzip is taken when named, or by `*`, with a weight above zero. */
export function acceptsGzip(header: string | string[] | undefined): boolean {
  const weights = new Map(
    String(header ?? '')
      .toLowerCase()
      .split(',')
      .map((part) => {
        const [name, ...parameters] = part.split(';').map((piece) => piece.trim());
        const q = parameters.find((parameter) => parameter.startsWith('q='));
        return [name!, q === undefined ? 1 : Number(q.slice(2))] as const;
      }),
  );
  return (weights.get('gzip') ?? weights.get('x-gzip') ?? weights.get('*') ?? 0) > 0;
}

/** RFC 9110 §13.2: `If-None-Match` decides alone; the date is asked only without it. */
function isNotModified(request: FastifyRequest, etag: string, publishedAt: Date): boolean {
  const tags = request.headers['if-none-match'];
  if (tags !== undefined)
    return tags.trim() === '*' || tags.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
  const since = request.headers['if-modified-since'];
  return since !== undefined && Math.floor(publishedAt.getTime() / 1000) * 1000 <= Date.parse(since);
}

/** One range of bytes; several ranges or a range of another edition get the whole file, which is always allowed. */
function rangeOf(
  request: FastifyRequest,
  size: number,
  etag: string,
  publishedAt: Date,
): Range | undefined | 'unsatisfiable' {
  const header = request.headers.range;
  if (header === undefined || request.method !== 'GET') return undefined;
  const condition = request.headers['if-range'];
  if (
    condition !== undefined &&
    condition !== etag &&
    Date.parse(String(condition)) !== Math.floor(publishedAt.getTime() / 1000) * 1000
  )
    return undefined;
  const found = /^bytes=(\d*)-(\d*)$/.exec(header.trim());
  if (!found || (found[1] === '' && found[2] === '')) return undefined;
  if (found[1] === '') {
    const tail = Number(found[2]);
    return tail === 0 ? 'unsatisfiable' : { first: Math.max(0, size - tail), last: size - 1 };
  }
  const first = Number(found[1]);
  const last = found[2] === '' ? size - 1 : Math.min(Number(found[2]), size - 1);
  if (first >= size) return 'unsatisfiable';
  return last < first ? undefined : { first, last };
}

function log(
  options: FeedCounterOptions,
  request: FastifyRequest,
  cabinet: CabinetRow,
  editionId: number | null,
  isPreviousToken: boolean,
  encoding: Encoding,
  status: number,
  bytes: number,
): void {
  const mark = request.headers[CHECK_HEADER];
  if (typeof mark === 'string' && isCheckMark(options.secret, request.url, mark, options.clock())) return;
  logPull(options.db, {
    agencyId: cabinet.agencyId,
    cabinetId: cabinet.id,
    editionId,
    at: options.clock(),
    method: request.method,
    status,
    encoding,
    bytes,
    isPreviousToken,
    userAgent: request.headers['user-agent']?.slice(0, 300) ?? null,
    address: request.ip,
  }).catch((error) => request.log.error({ err: error }, 'pull not logged'));
}
