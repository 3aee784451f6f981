import { createHash } from 'node:crypto';
import { imageSize } from 'image-size';
import pLimit, { type LimitFunction } from 'p-limit';
import type { Dispatcher } from 'undici';
import type { Clock } from '../clock.ts';
import { Fault } from '../domain/fault.ts';
import { HOST_FAILURES, PHOTO_BYTES_MAX, type PhotoFailure } from '../domain/photos.ts';
import {
  AT_ONCE_PER_HOST,
  askForPicture,
  type CallerOptions,
  type Callers,
  MAGIC_BYTES,
  openCallers,
  TooManyRedirects,
  typeOf,
} from '../net/pictures.ts';
import { listAgencies } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import {
  type ClaimedPhoto,
  claimPhotos,
  type Look,
  type Probe,
  postponeHost,
  returnPhotos,
  saveProbes,
  syncPhotos,
} from '../store/photos.ts';

/** Looking at pictures: outside the runs, through the guard, a few at a time, and never for long. */

/** Connections at the same time, over all servers. */
const AT_ONCE = 16;
/** Pictures taken in one go, over all and of one server. */
const BATCH = 200;
const BATCH_PER_HOST = 50;
/** So many failures of a server in a row, and the rest of its pictures wait for a quarter of an hour. */
const SILENCE = 5;
const POSTPONED_MS = 15 * 60_000;
/** Enough for the first bytes and the size of a picture. */
const HEAD_BYTES = 65_536;

export interface Patience extends CallerOptions {
  /** Milliseconds for a picture in all. */
  readonly totalMs?: number;
}

export interface ProbeOptions extends Patience {
  readonly clock: Clock;
  /** Pictures at most; 1000 unless told. */
  readonly limit?: number;
}

export interface Probed {
  /** Addresses that were not known before. */
  readonly added: number;
  readonly seen: number;
  /** Of them those that were as last time. */
  readonly same: number;
  readonly failed: number;
  /** Pictures of silent servers, put off. */
  readonly postponed: number;
  /** Listings for which something followed. */
  readonly news: number;
}

/**
 * Takes the pictures of marked listings in, and looks at those that are due, of all agencies, until there are none or
 * the limit is reached.
 * Safe to run several times at once; whatever is not looked at when the signal comes is given back.
 */
export async function probeDue(db: Database, options: ProbeOptions, signal?: AbortSignal): Promise<Probed> {
  const { clock, limit = 1000 } = options;
  const total = { added: 0, seen: 0, same: 0, failed: 0, postponed: 0, news: 0 };
  for (const { id } of await listAgencies(db)) total.added += (await syncPhotos(db, id, clock())).photos;
  const callers = openCallers(options);
  const all = pLimit(AT_ONCE);
  const perHost = new Map<string, LimitFunction>();
  const silence = new Map<string, number>();
  try {
    for (let taken = 0; taken < limit && !signal?.aborted; ) {
      const wanted = Math.min(BATCH, limit - taken);
      const { claimed, idle } = await claimPhotos(db, { now: clock(), limit: wanted, perHost: BATCH_PER_HOST });
      if (claimed.length + idle === 0) break;
      taken += claimed.length;
      const left: ClaimedPhoto[] = [];
      const probes: Probe[] = [];
      const look = async (photo: ClaimedPhoto) => {
        if (signal?.aborted || (silence.get(photo.host) ?? 0) >= SILENCE) {
          left.push(photo);
          return;
        }
        const seen = await probePhoto(photo, callers, options, signal);
        // What was broken off by us says nothing about the picture.
        if (signal?.aborted && seen.kind === 'failed') {
          left.push(photo);
          return;
        }
        const isSilent = seen.kind === 'failed' && (HOST_FAILURES as readonly string[]).includes(seen.failure);
        silence.set(photo.host, isSilent ? (silence.get(photo.host) ?? 0) + 1 : 0);
        probes.push({ photo, look: seen, at: clock() });
      };
      await Promise.all(
        claimed.map((photo) => {
          let own = perHost.get(photo.host);
          if (!own) {
            own = pLimit(AT_ONCE_PER_HOST);
            perHost.set(photo.host, own);
          }
          return own(() => all(() => look(photo)));
        }),
      );
      for (const [agencyId, some] of byAgency(probes))
        total.news += (await saveProbes(db, agencyId, some, clock())).news;
      const now = clock();
      const later = new Date(now.getTime() + POSTPONED_MS);
      const silent = [...silence].filter(([, failures]) => failures >= SILENCE).map(([host]) => host);
      for (const host of silent) await postponeHost(db, host, now, later);
      // A server that has been put off gets another chance when its pictures are due again.
      for (const host of silent) silence.delete(host);
      const put = left.filter(({ host }) => silent.includes(host));
      await returnPhotos(db, put, later);
      await returnPhotos(
        db,
        left.filter((photo) => !put.includes(photo)),
        now,
      );
      total.postponed += put.length;
      for (const { look: seen } of probes) {
        if (seen.kind === 'failed') total.failed++;
        else total.seen++;
        if (seen.kind === 'same') total.same++;
      }
    }
    return total;
  } finally {
    await callers.close();
  }
}

function byAgency(probes: readonly Probe[]): Map<number, Probe[]> {
  const found = new Map<number, Probe[]>();
  for (const probe of probes) {
    const some = found.get(probe.photo.agencyId);
    if (some) some.push(probe);
    else found.set(probe.photo.agencyId, [probe]);
  }
  return found;
}

// ---------------------------------------------------------------- one picture

type Known = Pick<ClaimedPhoto, 'url' | 'ownHost' | 'etag' | 'sha256' | 'bytes'>;

/** Looks at one picture. Never throws: whatever goes wrong is what was seen. */
export async function probePhoto(
  photo: Known,
  callers: Callers,
  { totalMs = 10_000 }: Patience = {},
  signal?: AbortSignal,
): Promise<Look> {
  const deadline = AbortSignal.timeout(totalMs);
  const stop = signal ? AbortSignal.any([deadline, signal]) : deadline;
  try {
    // Where the picture of last time can be told by its tag, the first bytes are asked for and most often not even they come.
    if (photo.sha256 !== null && photo.etag !== null) {
      const look = await revalidated(photo, callers, stop);
      if (look) return look;
    }
    const answer = await askForPicture(photo, callers, stop);
    return await whole(answer);
  } catch (error) {
    return failed(error, deadline);
  }
}

class ProbeFailure extends Error {
  readonly failure: PhotoFailure;
  readonly status: number | null;
  constructor(failure: PhotoFailure, status: number | null = null) {
    super(failure);
    this.failure = failure;
    this.status = status;
  }
}

/** @returns undefined when the picture may be another one, and only a part of it came */
async function revalidated(photo: Known, callers: Callers, signal: AbortSignal): Promise<Look | undefined> {
  const answer = await askForPicture(photo, callers, signal, {
    'if-none-match': photo.etag!,
    range: `bytes=0-${HEAD_BYTES - 1}`,
  });
  const { statusCode, headers } = answer;
  const isTagged = headers.etag === photo.etag;
  if (statusCode === 304 || (isTagged && totalBytes(answer) === photo.bytes)) {
    answer.body.destroy();
    return { kind: 'same' };
  }
  // A part of another picture, or of one that is shorter than the part: it is asked for whole.
  if (statusCode !== 206 && statusCode !== 416) return whole(answer);
  answer.body.destroy();
  return undefined;
}

/** How large the whole picture is, as the server tells: of a part and of the whole. */
function totalBytes({ statusCode, headers }: Dispatcher.ResponseData): number | null {
  const told =
    statusCode === 206 ? /\/(\d+)$/.exec(String(headers['content-range'] ?? ''))?.[1] : headers['content-length'];
  return typeof told === 'string' && /^\d{1,15}$/.test(told) ? Number(told) : null;
}

async function whole(answer: Dispatcher.ResponseData): Promise<Look> {
  const { statusCode, headers, body } = answer;
  if (statusCode !== 200) {
    body.destroy();
    const isBusy = statusCode >= 500 || statusCode === 429 || statusCode === 408;
    throw new ProbeFailure(isBusy ? 'busy' : 'http-status', statusCode);
  }
  const encoding = String(headers['content-encoding'] ?? 'identity')
    .trim()
    .toLowerCase();
  if (encoding !== 'identity' && encoding !== '') {
    body.destroy();
    throw new ProbeFailure('bad-answer', statusCode);
  }
  const told = totalBytes(answer);
  const isLarge = told !== null && told > PHOTO_BYTES_MAX;
  const chunks: Buffer[] = [];
  let length = 0;
  let type: string | null = null;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    const isFirst = length === 0;
    chunks.push(chunk);
    length += chunk.length;
    // A page of text is told by its first bytes; nobody waits for the rest of it.
    if (isFirst || type === null) {
      const head = length === chunk.length ? chunk : Buffer.concat(chunks);
      type = typeOf(head);
      if (type === null && length >= MAGIC_BYTES) throw new ProbeFailure('not-a-picture', statusCode);
    }
    if (isLarge && length >= HEAD_BYTES) break;
    if (length > PHOTO_BYTES_MAX) throw new ProbeFailure('too-large', statusCode);
  }
  if (type === null) throw new ProbeFailure('not-a-picture', statusCode);
  const bytes = Buffer.concat(chunks);
  const etag = typeof headers.etag === 'string' && headers.etag.length <= 200 ? headers.etag : null;
  const size = await sizeOf(bytes, type);
  // The first bytes of a picture and nothing behind them.
  if (size === null && !isLarge) throw new ProbeFailure('not-a-picture', statusCode);
  return {
    kind: 'seen',
    status: statusCode,
    type,
    bytes: isLarge ? told : length,
    width: size?.width ?? null,
    height: size?.height ?? null,
    etag,
    sha256: isLarge ? null : createHash('sha256').update(bytes).digest('hex'),
    dhash: isLarge ? null : await differenceHash(bytes),
  };
}

/** Loading the drawing library takes longer than most commands do. */
const loadSharp = async () => (await import('sharp')).default;
/** A small file may be an enormous picture. */
const PIXELS_MAX = 100_000_000;
/** Drawing takes a processor; the network need not wait for it. */
const drawing = pLimit(2);

/** Pixels by the file's head; null where nothing can be made of it. */
async function sizeOf(bytes: Buffer, type: string): Promise<{ width: number; height: number } | null> {
  // The quick reader, for the formats it reads by their head alone.
  if (['image/jpeg', 'image/png', 'image/gif', 'image/webp'].includes(type)) {
    try {
      const { width, height } = imageSize(bytes);
      if (width > 0 && height > 0) return { width, height };
    } catch {
      // The thorough one has its say.
    }
  }
  try {
    const { width, height } = await (await loadSharp())(bytes, { limitInputPixels: PIXELS_MAX }).metadata();
    return width > 0 && height > 0 ? { width, height } : null;
  } catch {
    return null;
  }
}

/** Brightness of 256 that does not count as a difference: in a plain sky or wall it is only the noise of compression. */
const FLAT = 3;

/**
 * The difference hash: the picture drawn small and grey, 9 × 8, a bit for every point that is darker than the one to
 * its right. Near pictures differ in few bits.
 * @returns 16 hexadecimal digits; null when the picture cannot be drawn
 */
export async function differenceHash(bytes: Buffer): Promise<string | null> {
  const sharp = await loadSharp();
  try {
    const { data, info } = await drawing(() =>
      sharp(bytes, { limitInputPixels: PIXELS_MAX, failOn: 'none' })
        .flatten({ background: '#ffffff' })
        .greyscale()
        .resize(9, 8, { fit: 'fill', kernel: 'linear' })
        .raw()
        .toBuffer({ resolveWithObject: true }),
    );
    let hash = 0n;
    for (let row = 0; row < 8; row++) {
      for (let column = 0; column < 8; column++) {
        const at = (row * 9 + column) * info.channels;
        hash = (hash << 1n) | (data[at]! + FLAT < data[at + info.channels]! ? 1n : 0n);
      }
    }
    return hash.toString(16).padStart(16, '0');
  } catch {
    return null;
  }
}

/** What an error means for the picture. */
function failed(error: unknown, deadline: AbortSignal): Look {
  if (error instanceof ProbeFailure) return { kind: 'failed', failure: error.failure, status: error.status };
  if (error instanceof TooManyRedirects) return { kind: 'failed', failure: 'too-many-redirects', status: error.status };
  return { kind: 'failed', failure: failureOf(error, deadline), status: null };
}

function failureOf(error: unknown, deadline: AbortSignal): PhotoFailure {
  if (error instanceof Fault) {
    return error.code === 'source-redirect-insecure' ? 'insecure-redirect' : 'refused-address';
  }
  const code = String((error as { code?: unknown } | null)?.code ?? '');
  if (deadline.aborted || /TIMEOUT|ETIMEDOUT/.test(code)) return 'timeout';
  if (/^(?:ENOTFOUND|EAI_AGAIN|ENODATA|ESERVFAIL)$/.test(code)) return 'unknown-host';
  if (/CERT|SSL|TLS|SELF_SIGNED|UNABLE_TO_/.test(code)) return 'bad-certificate';
  if (/^(?:ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|EADDRNOTAVAIL)$/.test(code)) return 'no-answer';
  if (/^HPE_|HEADERS_OVERFLOW|EXCEEDED|^UND_ERR_INVALID_ARG$/.test(code)) return 'bad-answer';
  return 'broken-off';
}
