import { hash } from 'node:crypto';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import pLimit from 'p-limit';
import Type from 'typebox';
import { type Callers, fetchPicture, openCallers } from '../net/pictures.ts';
import { placeOf } from '../store/access.ts';
import { findMedia, photoByKey, photoOfListing } from '../store/cards.ts';
import { agencyFrame } from '../store/settings.ts';
import type { Api, ApiOptions } from './api.ts';
import { DrawnPictures, keepFile } from './media.ts';
import { HttpProblem, notFound } from './problems.ts';
import { hashInAddress, readMedia } from './uploads.ts';

/**
 * Small pictures for screens, which may load from our own host only. A picture is named by the md5 of its address, and
 * only addresses that the agency's listings have are ever asked: nobody goes anywhere through us.
 */

export const PICTURE_WIDTHS = [160, 480, 1600] as const;
export type PictureWidth = (typeof PICTURE_WIDTHS)[number];

/** The name of a picture. */
export const pictureKey = (url: string): string => hash('md5', url, 'hex');

/** Where a screen finds a picture; with its listing also one that no probe has taken in yet. */
export const pictureAddress = (url: string, listingId: number, width: PictureWidth = 160): string =>
  `/api/v1/pictures/${pictureKey(url)}?w=${width}&listing=${listingId}`;

/** Of a foreign server; ours are smaller. */
const BYTES_MAX = 25 * 1024 * 1024;
const PIXELS_MAX = 100_000_000;
const FETCH_MS = 10_000;
/** Fetched and drawn at the same time, whoever asks. */
const AT_ONCE = 4;
/** What could not be had is not asked for again so soon. */
const FORGET_MS = 60_000;
/** What is kept of all agencies together. */
const SHELF_BYTES = 512 * 1024 * 1024;

interface Wanted {
  readonly agencyId: number;
  readonly key: string;
  readonly url: string;
  /** Of the bytes as the probes know them: a picture that was changed gets another name on the shelf. */
  readonly sha256: string | null;
  /** Ours, whoever asks for it. */
  readonly isOurs: boolean;
  readonly ownHost: string | null;
}

/** @returns what other pages take their pictures with, off the same shelf */
export function pictureRoutes(app: FastifyInstance, api: Api): JpegTaker {
  const { options } = api;
  const desk = new PictureDesk(options.dataDir);
  app.addHook('onClose', () => desk.close());

  app.get<{ Params: { name: string } }>(
    '/media/p/:name',
    { config: { policy: { deed: 'public', token: null } } },
    async (request, reply) => {
      const sha256 = /^([0-9a-f]{64})\.jpg$/.exec(request.params.name)?.[1];
      const bytes = sha256 === undefined ? null : await readMedia(options.dataDir, sha256);
      if (bytes === null) return reply.code(404).type('text/plain; charset=utf-8').send('Такого снимка нет.\n');
      return reply.header('Cache-Control', 'public, max-age=31536000, immutable').type('image/jpeg').send(bytes);
    },
  );

  api.define({
    method: 'GET',
    url: '/pictures/:key',
    summary: 'Фотография объекта в нужном размере, WebP',
    policy: { deed: 'see-listings', token: 'listings:read' },
    params: Type.Object({ key: Type.String({ pattern: '^[0-9a-f]{32}$' }) }),
    query: Type.Object({
      w: Type.Optional(Type.Unsafe<PictureWidth>({ type: 'integer', enum: [...PICTURE_WIDTHS] })),
      listing: Type.Optional(Type.Integer({ minimum: 1 })),
    }),
    handler: async ({ db, agencyId, params, query, request, prove }, reply) => {
      let found: { readonly url: string; readonly sha256: string | null } | undefined;
      if (query.listing !== undefined) {
        const place = await placeOf(db.pool, agencyId, 'listing', query.listing);
        if (place) prove('see-listings', place);
        found = place && (await photoOfListing(db.pool, agencyId, query.listing, params.key));
      }
      const probed = await photoByKey(db.pool, agencyId, params.key);
      found = probed ?? found;
      if (!found) throw notFound('Такой фотографии нет ни у одного объекта.');
      const ownHost = (await agencyFrame(db, agencyId)).settings.photos.ownHost;
      const sha256 = hashInAddress(found.url);
      const isOurs =
        sha256 === null
          ? isOurAddress(found.url, options, request.host, ownHost)
          : (await findMedia(db.pool, agencyId, [sha256])).has(sha256);
      const bytes = await desk.take({ ...found, agencyId, key: params.key, isOurs, ownHost }, query.w ?? 160);
      if (bytes === null)
        throw new HttpProblem(404, 'picture-unreachable', 'Фотография не открывается: её сервер не отдал снимок.');
      return reply.header('Cache-Control', 'private, max-age=86400').type('image/webp').send(bytes);
    },
  });
  return photoTaker(options, desk);
}

/** For how long a page may wait for its picture; a slower one is there for the next page. */
const PHOTO_MS = 4_000;

/** Pictures of listings as JPEG, for pages that carry them along. */
export interface JpegTaker {
  /**
   * The first of some pictures that can be had; null: none can, just now.
   * @param host as we are called by whoever asks; what lies there is ours
   */
  take(agencyId: number, listingId: number, urls: readonly string[], host: string): Promise<Buffer | null>;
  close(): Promise<void>;
}

/** For whoever has no counter: the command line. Its `close` is the caller's. */
export function photoTaker(
  options: Pick<ApiOptions, 'db' | 'dataDir' | 'publicUrl'>,
  desk = new PictureDesk(options.dataDir),
): JpegTaker {
  const { db } = options;
  const webpOf = async (agencyId: number, listingId: number, urls: readonly string[], host: string) => {
    const { ownHost } = (await agencyFrame(db, agencyId)).settings.photos;
    for (const url of urls) {
      const key = pictureKey(url);
      const found =
        (await photoByKey(db.pool, agencyId, key)) ?? (await photoOfListing(db.pool, agencyId, listingId, key));
      if (!found) continue;
      const sha256 = hashInAddress(url);
      const isOurs =
        sha256 === null
          ? isOurAddress(url, options, host, ownHost)
          : (await findMedia(db.pool, agencyId, [sha256])).has(sha256);
      const bytes = await desk.take({ ...found, agencyId, key, isOurs, ownHost }, 1600);
      if (bytes) return bytes;
    }
    return null;
  };
  return {
    close: () => desk.close(),
    async take(agencyId, listingId, urls, host) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<null>((resolve) => {
        timer = setTimeout(() => resolve(null), PHOTO_MS);
      });
      const bytes = await Promise.race([webpOf(agencyId, listingId, urls, host).catch(() => null), late]).finally(() =>
        clearTimeout(timer),
      );
      if (bytes === null) return null;
      const { default: sharp } = await import('sharp');
      return sharp(bytes)
        .resize({ width: 1200, height: 1200, fit: 'inside', withoutEnlargement: true })
        .jpeg({ quality: 80 })
        .toBuffer();
    },
  };
}

/** Does an address lead to this very program? */
function isOurAddress(
  url: string,
  { publicUrl }: Pick<ApiOptions, 'publicUrl'>,
  host: string,
  ownHost: string | null,
): boolean {
  if (!URL.canParse(url)) return false;
  const { host: at } = new URL(url);
  return (
    (host !== null && at === host) || at === ownHost || (publicUrl !== undefined && at === new URL(publicUrl).host)
  );
}

/** Fetches, draws and keeps; a few at a time, and the same one only once. */
class PictureDesk {
  readonly #dataDir: string;
  readonly #drawn: DrawnPictures;
  readonly #shelf: Shelf;
  readonly #limit = pLimit(AT_ONCE);
  readonly #underWay = new Map<string, Promise<Buffer | null>>();
  readonly #missing = new Map<string, number>();
  #callers: Callers | undefined;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
    this.#drawn = new DrawnPictures(dataDir);
    this.#shelf = new Shelf(join(dataDir, 'thumbs'), SHELF_BYTES);
  }

  /** WebP; null: the picture cannot be had just now. */
  async take(wanted: Wanted, width: PictureWidth): Promise<Buffer | null> {
    const name = (of: number) => `${wanted.agencyId}/${wanted.key}-${(wanted.sha256 ?? '').slice(0, 8)}-${of}.webp`;
    const kept = await this.#shelf.take(name(width));
    if (kept) return kept;
    const until = this.#missing.get(wanted.key);
    if (until !== undefined && until > performance.now()) return null;
    const known = this.#underWay.get(name(width));
    if (known) return known;
    const making = this.#limit(async () => {
      const larger = PICTURE_WIDTHS.filter((of) => of > width).map(name);
      const original = (await this.#shelf.first(larger)) ?? (await this.#original(wanted));
      const made = original && (await drawnSmall(original, width));
      if (made) await this.#shelf.put(name(width), made);
      else this.#noteMissing(wanted.key);
      return made;
    }).finally(() => this.#underWay.delete(name(width)));
    this.#underWay.set(name(width), making);
    return making;
  }

  async #original({ url, isOurs, ownHost }: Wanted): Promise<Buffer | null> {
    if (isOurs) {
      const path = URL.canParse(url) ? new URL(url).pathname : '';
      const sha256 = hashInAddress(path);
      if (sha256 !== null) return readMedia(this.#dataDir, sha256);
      if (path.startsWith('/media/demo/')) return this.#drawn.take(path.slice('/media/demo/'.length));
    }
    this.#callers ??= openCallers();
    return fetchPicture({ url, ownHost }, this.#callers, BYTES_MAX, AbortSignal.timeout(FETCH_MS));
  }

  #noteMissing(key: string): void {
    if (this.#missing.size > 10_000) this.#missing.clear();
    this.#missing.set(key, performance.now() + FORGET_MS);
  }

  async close(): Promise<void> {
    await this.#callers?.close();
  }
}

async function drawnSmall(bytes: Buffer, width: PictureWidth): Promise<Buffer | null> {
  const { default: sharp } = await import('sharp');
  try {
    return await sharp(bytes, { limitInputPixels: PIXELS_MAX, failOn: 'none' })
      .rotate()
      .resize(
        width === 1600
          ? { width, height: width, fit: 'inside', withoutEnlargement: true }
          : // Shown cut to four by three.
            { width, height: (width * 3) / 4, fit: 'outside', withoutEnlargement: true },
      )
      .webp({ quality: width === 1600 ? 82 : 74, effort: 3 })
      .toBuffer();
  } catch {
    return null;
  }
}

/** Files in a folder, the oldest of which give way when there are too many bytes of them. */
class Shelf {
  readonly #folder: string;
  readonly #bytesMax: number;
  /** undefined: not counted yet. */
  #bytes: number | undefined;
  #sweeping: Promise<void> | undefined;

  constructor(folder: string, bytesMax: number) {
    this.#folder = folder;
    this.#bytesMax = bytesMax;
  }

  async take(name: string): Promise<Buffer | null> {
    try {
      return await readFile(join(this.#folder, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  async first(names: readonly string[]): Promise<Buffer | null> {
    for (const name of names) {
      const found = await this.take(name);
      if (found) return found;
    }
    return null;
  }

  async put(name: string, bytes: Buffer): Promise<void> {
    await keepFile(join(this.#folder, name), bytes);
    if (this.#bytes !== undefined) this.#bytes += bytes.length;
    if (this.#bytes !== undefined && this.#bytes <= this.#bytesMax) return;
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = undefined;
    });
    await this.#sweeping;
  }

  async #sweep(): Promise<void> {
    const files: { path: string; size: number; at: number }[] = [];
    for (const name of await readdir(this.#folder, { recursive: true }).catch(() => [] as string[])) {
      const path = join(this.#folder, name);
      const found = await stat(path).catch(() => undefined);
      if (found?.isFile()) files.push({ path, size: found.size, at: found.mtimeMs });
    }
    let bytes = files.reduce((sum, { size }) => sum + size, 0);
    if (bytes > this.#bytesMax) {
      for (const { path, size } of files.sort((one, other) => one.at - other.at)) {
        if (bytes <= this.#bytesMax * 0.8) break;
        await rm(path, { force: true });
        bytes -= size;
      }
    }
    this.#bytes = bytes;
  }
}
