import { createHash } from 'node:crypto';
import { closeSync, createReadStream, openSync, writeSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { type Dispatcher, request } from 'undici';
import type { Board } from '../boards/catalogue.ts';
import { Fault } from '../domain/fault.ts';
import { agree, formatNumber } from '../domain/text.ts';
import { checkUrl, guardedAgent, redirection } from '../net/guard.ts';
import { type FileProblem, validateFeed } from './validate.ts';

/**
 * A feed as the board's robot finds it: asked for from outside by its public address, with nothing but a plain GET, and
 * its file judged as any foreign file. What robots of boards need is in the address conventions of the README.
 */

/** What was looked at; `error`: a board will not take the feed so, `warning`: some robots may stumble. */
export interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'warning' | 'error';
  /** A Russian sentence with what was found. */
  readonly words: string;
}

export interface FeedCheck {
  /** Facts of the first answer; null: there was none. */
  readonly answer: {
    readonly status: number;
    readonly contentType: string | null;
    readonly etag: string | null;
    readonly lastModified: string | null;
    readonly firstByteMs: number;
    readonly totalMs: number;
    readonly bytes: number;
    /** Over the wire when gzip is asked for; null: it is not given. */
    readonly gzipBytes: number | null;
  } | null;
  readonly findings: readonly Finding[];
  /** What the file holds; null: it did not come, or is no feed. */
  readonly file: {
    readonly offers: number;
    readonly blocking: number;
    readonly advisory: number;
    /** False: there was not time enough for all of it. */
    readonly isWhole: boolean;
    readonly problems: readonly FileProblem[];
  } | null;
}

export interface Served {
  readonly sha256: string;
  readonly id: number;
}

export interface FeedCheckOptions {
  /** Nobody said how we are reached from outside: the address is one of this machine's own. */
  readonly isFromInside?: boolean;
  /** Sent with every request, besides what robots send. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What our base says is served now; null: nothing yet. */
  readonly served: () => Promise<Served | null>;
  /** Milliseconds for fetching, and for judging what came. */
  readonly fetchMs?: number;
  readonly judgeMs?: number;
}

/** As boards themselves ask: the first byte within a second is good, 30 seconds is where robots give up. */
const FIRST_BYTE_MS = { good: 1000, last: 30_000 };
const BYTES_MAX = 500_000_000;
const PROBLEMS_TOLD = 50;
const XML = /^(?:application|text)\/(?:[\w.-]+\+)?xml\b/i;

/**
 * Asks for a feed as a robot does, and judges what comes.
 * @param address of ours: it may lead into the own network, which is told as a finding
 */
export async function checkAsBoard(address: string, board: Board, options: FeedCheckOptions): Promise<FeedCheck> {
  const { fetchMs = 60_000, judgeMs = 30_000 } = options;
  const findings: Finding[] = [];
  const find = (check: string, state: Finding['state'], words: string) => findings.push({ check, state, words });
  const url = checkUrl(address, { allowPrivate: true });
  if (options.isFromInside)
    find(
      'address',
      'warning',
      'Проверено изнутри: как мы видны снаружи, не сказано. Задайте PUBLIC_URL, и проверка пойдёт тем же путём, что и доска.',
    );
  else lookAtAddress(url, find);
  const agent = guardedAgent({ allowPrivate: true, connections: 1, pipelining: 0 });
  const signal = AbortSignal.timeout(fetchMs);
  const folder = await mkdtemp(join(tmpdir(), 'feed-check-'));
  try {
    const before = await options.served();
    const path = join(folder, 'feed.xml');
    const asked = { agent, signal, headers: options.headers ?? {}, url };
    const fetched = await fetchPlain(asked, path, find);
    if (!fetched) return { answer: null, findings, file: null };
    const { answer, sha256, isWhole } = fetched;
    if (answer.status !== 200) return { answer, findings, file: null };
    lookAtAnswer(answer, find);
    if (isWhole) {
      await lookAtStart(path, find);
      // A new one may have come while the file was on its way.
      const after = await options.served();
      const found = [before, after].find((served) => served?.sha256 === sha256);
      if (found) find('edition', 'ok', `Отдаётся последнее издание, № ${found.id}.`);
      else if (after)
        find(
          'edition',
          'error',
          `Отдаётся не последнее издание (№ ${after.id}): между нами и досками что-то хранит старый или чужой файл.`,
        );
    }
    await askAgain(asked, answer.etag, find);
    const gzipBytes = await askPacked(asked, `${path}.gz`, sha256, answer.etag, find);
    const file = isWhole ? await judgeFile(path, board, judgeMs, find) : null;
    return { answer: { ...answer, gzipBytes }, findings, file };
  } finally {
    await agent.destroy().catch(() => {});
    await rm(folder, { recursive: true, force: true });
  }
}

type Find = (check: string, state: Finding['state'], words: string) => void;

interface Asked {
  readonly agent: Dispatcher;
  readonly signal: AbortSignal;
  readonly headers: Readonly<Record<string, string>>;
  readonly url: URL;
}

function lookAtAddress(url: URL, find: Find): void {
  try {
    checkUrl(url.href);
    find('address', url.protocol === 'https:' ? 'ok' : 'warning', addressWords(url));
  } catch {
    find(
      'address',
      'error',
      `Адрес ${url.host} виден только из вашей сети или идёт не через порт 80 и 443: снаружи доска его не откроет. Поправьте PUBLIC_URL.`,
    );
  }
  if (url.href.length > 255) find('address-length', 'warning', 'Адрес длиннее 255 знаков: не все доски его примут.');
}

const addressWords = (url: URL) =>
  url.protocol === 'https:'
    ? 'Адрес открыт снаружи, соединение защищено.'
    : 'Адрес открыт снаружи, но без https: его содержимое видно по дороге.';

const send = ({ agent, signal, headers, url }: Asked, more: Record<string, string>) =>
  request(url, {
    dispatcher: agent,
    signal,
    headersTimeout: FIRST_BYTE_MS.last,
    bodyTimeout: FIRST_BYTE_MS.last,
    headers: { 'user-agent': 'vygruzka-check', accept: '*/*', ...headers, ...more },
  });

type Answer = NonNullable<FeedCheck['answer']>;

/** @returns undefined when nobody answered */
async function fetchPlain(
  asked: Asked,
  path: string,
  find: Find,
): Promise<{ readonly answer: Answer; readonly sha256: string; readonly isWhole: boolean } | undefined> {
  const startedAt = performance.now();
  const sinceStart = () => Math.round(performance.now() - startedAt);
  let got: Dispatcher.ResponseData;
  try {
    got = await send(asked, { 'accept-encoding': 'identity' });
  } catch (error) {
    find('connection', 'error', `Сервер не ответил: ${troubleOf(error)}.`);
    return undefined;
  }
  const header = (name: string) => one(got.headers[name]) ?? null;
  const firstByteMs = sinceStart();
  const target = redirection(got);
  if (target !== undefined)
    find('status', 'error', `Ответ ${got.statusCode} отсылает на другой адрес: роботы досок туда не идут.`);
  else if (got.statusCode === 503) find('status', 'error', 'Ответ 503: фид ещё ни разу не собран.');
  else if (got.statusCode !== 200) find('status', 'error', `Ответ ${got.statusCode} вместо 200.`);
  else find('status', 'ok', 'Ответ 200, без переадресаций.');
  const hash = createHash('sha256');
  let bytes = 0;
  let isWhole = got.statusCode === 200;
  try {
    await keep(got.body, path, (chunk) => {
      bytes += chunk.length;
      hash.update(chunk);
    });
    const promised = header('content-length');
    if (got.statusCode === 200 && promised !== null && Number(promised) !== bytes) throw new Error('other length');
  } catch (error) {
    isWhole = false;
    const promised = header('content-length');
    const of = promised === null ? '' : ` из ${formatNumber(Number(promised))}`;
    find(
      'whole',
      'error',
      `Файл оборван: пришло ${formatNumber(bytes)}${of} ${agree(bytes, 'байт', 'байта', 'байт')} (${troubleOf(error)}).`,
    );
  }
  if (isWhole)
    find('whole', 'ok', `Файл пришёл целиком: ${formatNumber(bytes)} ${agree(bytes, 'байт', 'байта', 'байт')}.`);
  return {
    answer: {
      status: got.statusCode,
      contentType: header('content-type'),
      etag: header('etag'),
      lastModified: header('last-modified'),
      firstByteMs,
      totalMs: sinceStart(),
      bytes,
      gzipBytes: null,
    },
    sha256: hash.digest('hex'),
    isWhole,
  };
}

/**
 * Takes an answer's body as fast as it comes. A reader that lets it wait while the server hangs up would bring the
 * whole process down: undici 7 takes that for impossible (its issue 5360, mended in 8 only).
 */
function keep(body: Readable, path: string, see: (chunk: Buffer) => void): Promise<void> {
  const file = openSync(path, 'w', 0o600);
  let bytes = 0;
  return new Promise<void>((resolve, reject) => {
    body.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > BYTES_MAX) body.destroy(new Fault('feed-too-large', 'файл больше 500 МБ'));
      else {
        see(chunk);
        writeSync(file, chunk);
      }
    });
    body.on('end', resolve).on('error', reject);
  }).finally(() => closeSync(file));
}

function lookAtAnswer({ contentType, firstByteMs, etag, lastModified }: Answer, find: Find): void {
  if (contentType === null) find('type', 'error', 'Тип содержимого не назван, а нужен application/xml.');
  else if (!XML.test(contentType)) find('type', 'error', `Тип содержимого «${contentType}», а нужен application/xml.`);
  else find('type', 'ok', `Тип содержимого: ${contentType}.`);
  const seconds = `${formatNumber(Math.round(firstByteMs / 10) / 100)} с`;
  if (firstByteMs > FIRST_BYTE_MS.good)
    find('first-byte', 'warning', `Первый байт пришёл через ${seconds}: лучше до 1 с.`);
  else find('first-byte', 'ok', `Первый байт пришёл через ${seconds}.`);
  if (etag === null && lastModified === null)
    find('etag', 'warning', 'Нет ни ETag, ни Last-Modified: доска каждый раз забирает файл целиком.');
}

async function lookAtStart(path: string, find: Find): Promise<void> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(64), 0, 64, 0);
    const start = buffer.subarray(0, bytesRead).toString('latin1');
    if (start.startsWith('\u00ef\u00bb\u00bf'))
      find('start', 'warning', 'В начале файла стоит метка BOM: часть роботов на ней спотыкается.');
    else if (!start.startsWith('<?xml')) find('start', 'error', 'Файл начинается не с «<?xml».');
  } finally {
    await file.close();
  }
}

/** A polite robot asks whether anything has changed. */
async function askAgain(asked: Asked, etag: string | null, find: Find): Promise<void> {
  if (etag === null) return;
  try {
    const got = await send(asked, { 'accept-encoding': 'identity', 'if-none-match': etag });
    got.body.on('error', () => {}).destroy();
    if (got.statusCode === 304) find('not-modified', 'ok', 'На вопрос «изменился ли» ответ 304: лишнего не качают.');
    else find('not-modified', 'warning', `На вопрос «изменился ли» ответ ${got.statusCode}, а не 304.`);
  } catch (error) {
    find('not-modified', 'warning', `На вопрос «изменился ли» ответа нет: ${troubleOf(error)}.`);
  }
}

/** @returns how many bytes went over the wire, null when it does not come packed */
async function askPacked(
  asked: Asked,
  path: string,
  sha256: string,
  etag: string | null,
  find: Find,
): Promise<number | null> {
  try {
    const got = await send(asked, { 'accept-encoding': 'gzip' });
    if (got.statusCode !== 200 || one(got.headers['content-encoding']) !== 'gzip') {
      got.body.on('error', () => {}).destroy();
      find('gzip', 'warning', 'Сжатым (gzip) файл не отдаётся.');
      return null;
    }
    let bytes = 0;
    await keep(got.body, path, (chunk) => {
      bytes += chunk.length;
    });
    const hash = createHash('sha256');
    await pipeline(createReadStream(path), createGunzip(), async (source: AsyncIterable<Buffer>) => {
      for await (const chunk of source) hash.update(chunk);
    });
    const isSame = hash.digest('hex') === sha256;
    // A new edition may have come between the two; then they differ by right.
    const isSameEdition = one(got.headers.etag)?.replace(/-gz"$/, '"') === etag;
    if (!isSame && isSameEdition) find('gzip', 'error', 'Сжатый файл отличается от обычного.');
    else find('gzip', 'ok', `Сжатым (gzip) весит ${formatNumber(bytes)} ${agree(bytes, 'байт', 'байта', 'байт')}.`);
    return bytes;
  } catch (error) {
    find('gzip', 'warning', `Сжатый (gzip) файл не пришёл: ${troubleOf(error)}.`);
    return null;
  }
}

async function judgeFile(path: string, board: Board, judgeMs: number, find: Find): Promise<FeedCheck['file']> {
  try {
    const report = await validateFeed(path, board, { signal: AbortSignal.timeout(judgeMs) });
    const { offers, blocking, advisory, isWhole, problems } = report;
    const told = `${formatNumber(offers)} ${agree(offers, 'объявление', 'объявления', 'объявлений')}`;
    find('xml', 'ok', isWhole ? `XML верен, в нём ${told}.` : `Проверено ${told}: на остальные не хватило времени.`);
    if (blocking > 0)
      find(
        'rules',
        'error',
        `Схема формата и требования доски: ${formatNumber(blocking)} ${agree(blocking, 'ошибка', 'ошибки', 'ошибок')}.`,
      );
    else find('rules', 'ok', 'По схеме формата и требованиям доски ошибок нет.');
    return { offers, blocking, advisory, isWhole, problems: worst(problems) };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    find('xml', 'error', error.message);
    return null;
  }
}

const worst = (problems: readonly FileProblem[]) =>
  [
    ...problems.filter(({ severity }) => severity === 'blocking'),
    ...problems.filter(({ severity }) => severity !== 'blocking'),
  ].slice(0, PROBLEMS_TOLD);

const one = (header: string | string[] | undefined) => (Array.isArray(header) ? header[0] : header);

/** What the network did, without the address. */
function troubleOf(error: unknown): string {
  if (error instanceof Fault) return error.message;
  const code = String((error as { code?: unknown } | null)?.code ?? '');
  const name = String((error as { name?: unknown } | null)?.name ?? '');
  if (/TIMEOUT|ETIMEDOUT/.test(code) || name === 'TimeoutError') return 'не хватило времени';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'имя сервера не найдено';
  if (/CERT|SSL|TLS|SELF_SIGNED|UNABLE_TO_/.test(code)) return 'сертификат сервера неверен';
  if (code === 'ECONNREFUSED') return 'соединение не принято';
  return 'соединение оборвалось';
}
