import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Dispatcher } from 'undici';
import { Fault } from '../domain/fault.ts';
import { formatNumber } from '../domain/text.ts';
import type { GuardOptions } from '../net/guard.ts';
import { unpackGzip } from './decode.ts';
import { FILE_LIMITS, type Limits, URL_LIMITS } from './stream.ts';

/** Where a feed's bytes come from: a file on this machine or an http(s) address. */
export interface Source {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** For messages and logs: the file's name or the server's; never a path or query of an address. */
  readonly name: string;
  /** Bytes, where told beforehand. */
  readonly size?: number;
  /** The caps that fit the source; hand them to `openFeed`. */
  readonly limits: Limits;
  /** Lets go of the file or the connection, read to the end or not. May be called twice. */
  close(): Promise<void>;
}

export interface OpenOptions extends GuardOptions {
  /** Replaces the guarded agent; tests only. */
  readonly dispatcher?: Dispatcher;
  readonly limits?: Partial<Limits>;
  /** Milliseconds for everything, reading included. */
  readonly totalMs?: number;
  readonly headersMs?: number;
  /** Milliseconds between two portions of the answer. */
  readonly bodyMs?: number;
  readonly signal?: AbortSignal;
}

const REDIRECTS_MAX = 3;

/**
 * Opens a file path or an http(s) address, as a person types it on the command line.
 * What comes over the network goes to `openUrl` instead, which never opens a file of this machine.
 * @throws Fault `source-…`
 */
export async function openSource(location: string, options: OpenOptions = {}): Promise<Source> {
  const trimmed = location.trim();
  // One letter before the colon is a drive: C:\feeds\yandex.xml
  return /^[a-z][a-z0-9+.-]+:/i.test(trimmed) ? openUrl(trimmed, options) : openFile(location, options);
}

/**
 * @param options `what`: the kind of file that is wanted, for messages; XML when absent
 * @throws Fault `source-file-missing`, `source-is-folder`, `source-file-closed`, `source-not-a-file`
 */
export async function openFile(
  path: string,
  options: Pick<OpenOptions, 'limits'> & { readonly what?: string } = {},
): Promise<Source> {
  const { what = 'файл XML' } = options;
  let size: number;
  try {
    const found = await stat(path);
    if (found.isDirectory()) {
      throw new Fault('source-is-folder', `«${path}» — папка, а нужен ${what}.`);
    }
    // A pipe or a device may have no end, or wait for ever.
    if (!found.isFile()) throw new Fault('source-not-a-file', `«${path}» — не обычный файл. Нужен ${what}.`);
    size = found.size;
  } catch (error) {
    throw fileFault(error, path);
  }
  const file = await open(path).catch((error: unknown) => {
    throw fileFault(error, path);
  });
  const stream = file.createReadStream({ highWaterMark: 65_536 });
  async function* bytes(): AsyncGenerator<Uint8Array, void> {
    try {
      yield* stream as AsyncIterable<Buffer>;
    } catch (error) {
      throw fileFault(error, path);
    }
  }
  return {
    bytes: bytes(),
    name: basename(path),
    size,
    limits: { ...FILE_LIMITS, ...options.limits },
    async close() {
      stream.on('error', () => {}).destroy();
      await file.close().catch(() => {});
    },
  };
}

function fileFault(error: unknown, path: string): Fault {
  if (error instanceof Fault) return error;
  const code = (error as { code?: unknown }).code;
  const shown = path.replaceAll('\u0000', '');
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ERR_INVALID_ARG_VALUE' || code === 'ENAMETOOLONG') {
    return new Fault('source-file-missing', `Файла «${shown}» нет. Проверьте имя и папку.`, { cause: error });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new Fault('source-file-closed', `Нет прав на чтение файла «${shown}».`, { cause: error });
  }
  return new Fault('source-file-broken', `Файл «${shown}» не читается: диск ответил ошибкой ${String(code)}.`, {
    cause: error,
    retryable: true,
  });
}

/**
 * Opens an http(s) address: every hop through the guard, no more than three redirects, none from https to http,
 * a deadline for everything, and as many bytes as the server promised.
 * @throws Fault `source-…`; reading `bytes` throws them too, and `feed-too-large` past the caps
 */
export async function openUrl(location: string, options: OpenOptions = {}): Promise<Source> {
  const { totalMs = 900_000, headersMs = 30_000, bodyMs = 30_000, allowPrivate = false } = options;
  const limits = { ...URL_LIMITS, ...options.limits };
  // Most of what comes in is a file, and a file should not wait for the network to be read.
  const [{ request }, { checkUrl, guardedAgent, nextUrl, redirection }] = await Promise.all([
    import('undici'),
    import('../net/guard.ts'),
  ]);
  let url = checkUrl(location, { allowPrivate });
  const agent = options.dispatcher ?? guardedAgent({ ...guardOptions(options), connections: 1, pipelining: 0 });
  const deadline = AbortSignal.timeout(totalMs);
  const stop = new AbortController();
  const signal = AbortSignal.any([deadline, stop.signal, ...(options.signal ? [options.signal] : [])]);
  const close = async () => {
    stop.abort();
    if (!options.dispatcher) await agent.destroy().catch(() => {});
  };
  try {
    for (let hop = 0; ; hop++) {
      const answer = await request(url, {
        dispatcher: agent,
        signal,
        headersTimeout: headersMs,
        bodyTimeout: bodyMs,
        headers: {
          'user-agent': 'vygruzka',
          accept: 'application/xml, text/xml, application/gzip, */*;q=0.1',
          'accept-encoding': 'gzip',
        },
      });
      // Whoever does not read the answer must not die of its late errors.
      answer.body.on('error', () => {});
      const target = redirection(answer);
      if (target === undefined) return received(url, answer, { limits, deadline, signal: options.signal, close });
      answer.body.destroy();
      if (hop >= REDIRECTS_MAX) {
        throw new Fault(
          'source-too-many-redirects',
          `Сервер ${url.hostname} отсылает с адреса на адрес больше ${REDIRECTS_MAX} раз. Укажите конечную ссылку.`,
        );
      }
      url = nextUrl(url, target, { allowPrivate });
    }
  } catch (error) {
    await close();
    throw networkFault(error, url.hostname, deadline, options.signal);
  }
}

function guardOptions(options: OpenOptions): GuardOptions {
  const { allowPrivate, lookup, connectMs, dial } = options;
  return {
    ...(allowPrivate !== undefined && { allowPrivate }),
    ...(lookup && { lookup }),
    ...(connectMs !== undefined && { connectMs }),
    ...(dial && { dial }),
  };
}

interface Reception {
  readonly limits: Limits;
  readonly deadline: AbortSignal;
  readonly signal: AbortSignal | undefined;
  close(): Promise<void>;
}

function received(url: URL, answer: Dispatcher.ResponseData, reception: Reception): Source {
  const { limits } = reception;
  const host = url.hostname;
  if (answer.statusCode !== 200) throw statusFault(answer.statusCode, host);
  const encoding = (one(answer.headers['content-encoding']) ?? 'identity').trim().toLowerCase();
  const isPacked = encoding === 'gzip' || encoding === 'x-gzip';
  if (!isPacked && encoding !== 'identity' && encoding !== '') {
    throw new Fault(
      'source-bad-answer',
      `Сервер ${host} прислал файл в сжатии, о котором его не просили. Сообщите об этом поддержке CRM.`,
    );
  }
  const promised = one(answer.headers['content-length']);
  const size = promised !== undefined && /^\d+$/.test(promised) ? Number(promised) : undefined;
  if (size !== undefined && size > limits.rawBytesMax) {
    throw new Fault(
      'feed-too-large',
      `Файл больше ${formatNumber(limits.rawBytesMax / 1e6)} МБ. ` +
        'Ничего не загружено: разделите выгрузку на несколько файлов.',
    );
  }

  async function* body(): AsyncGenerator<Uint8Array, void> {
    let got = 0;
    try {
      for await (const chunk of answer.body as AsyncIterable<Buffer>) {
        got += chunk.length;
        yield chunk;
      }
    } catch (error) {
      throw networkFault(error, host, reception.deadline, reception.signal);
    }
    if (size !== undefined && got !== size) throw brokenOff(host);
  }
  const bytes = body();
  return {
    bytes: isPacked ? unpackGzip(bytes, limits) : bytes,
    name: host,
    ...(size !== undefined && { size }),
    limits,
    close: reception.close,
  };
}

function one(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

function statusFault(status: number, host: string): Fault {
  const advice =
    status === 401 || status === 403 || status === 407
      ? 'доступ закрыт: проверьте ссылку, в ней мог смениться ключ'
      : status === 404 || status === 410
        ? 'файла по этой ссылке нет: возьмите новую ссылку в CRM'
        : status >= 500 || status === 429 || status === 408
          ? 'сервер занят или сломан: повторите позже'
          : 'проверьте ссылку';
  return new Fault('source-http-status', `Сервер ${host} ответил ${status} вместо файла — ${advice}.`, {
    retryable: status >= 500 || status === 429 || status === 408,
  });
}

function brokenOff(host: string, cause?: unknown): Fault {
  return new Fault(
    'source-broken-off',
    `Сервер ${host} оборвал передачу файла. Ничего не загружено: повторите загрузку.`,
    { cause, retryable: true },
  );
}

/** Says in Russian what the network did; the address itself, which may hold keys, stays out. */
function networkFault(error: unknown, host: string, deadline: AbortSignal, signal: AbortSignal | undefined): unknown {
  if (error instanceof Fault) return error;
  const code = String((error as { code?: unknown }).code ?? '');
  if (deadline.aborted || /TIMEOUT|ETIMEDOUT/.test(code)) {
    return new Fault('source-timeout', `Сервер ${host} не успел отдать файл. Повторите позже.`, {
      cause: error,
      retryable: true,
    });
  }
  if (signal?.aborted) return error;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'ENODATA' || code === 'ESERVFAIL') {
    return new Fault('source-unreachable', `Сервер ${host} не найден. Проверьте ссылку и связь с интернетом.`, {
      cause: error,
      retryable: true,
    });
  }
  if (/CERT|SSL|TLS|SELF_SIGNED|UNABLE_TO_/.test(code)) {
    return new Fault(
      'source-bad-certificate',
      `У сервера ${host} неверный сертификат: соединение не защищено. Сообщите об этом поддержке CRM.`,
      { cause: error },
    );
  }
  if (/^(?:ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|EADDRNOTAVAIL)$/.test(code)) {
    return new Fault('source-unreachable', `Сервер ${host} не отвечает. Проверьте ссылку или повторите позже.`, {
      cause: error,
      retryable: true,
    });
  }
  if (/^HPE_|HEADERS_OVERFLOW|EXCEEDED/.test(code)) {
    return new Fault('source-bad-answer', `Сервер ${host} ответил не по правилам HTTP.`, { cause: error });
  }
  return brokenOff(host, error);
}
