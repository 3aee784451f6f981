import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { typeOf } from '../net/pictures.ts';
import { keepFile } from './media.ts';
import { HttpProblem } from './problems.ts';

/**
 * Pictures that people give us. Nothing that came is ever handed out: it is drawn anew, so that whatever else the file
 * was (a page, a script, where the photographer stood) is gone.
 */

/** More is not taken off the wire. */
export const UPLOAD_BYTES_MAX = 20 * 1024 * 1024;
/** A small file may be an enormous picture. */
const PIXELS_MAX = 100_000_000;
/** Boards show no more; a camera's picture is made so large. */
const SIDE_MAX = 4096;
const TAKEN: readonly string[] = ['image/jpeg', 'image/png', 'image/webp'];

/** Drawing takes a processor and memory. */
const drawing = pLimit(2);

export interface TakenPicture {
  readonly sha256: string;
  readonly bytes: number;
  readonly width: number;
  readonly height: number;
}

const pathOf = (dataDir: string, sha256: string) => join(dataDir, 'media', sha256.slice(0, 2), `${sha256}.jpg`);

/** Where a picture is served under its hash. */
export const mediaPath = (sha256: string) => `/media/p/${sha256}.jpg`;

/** The hash in an address of ours; null: it is none. */
export const hashInAddress = (url: string): string | null => /\/media\/p\/([0-9a-f]{64})\.jpg$/.exec(url)?.[1] ?? null;

/**
 * Draws a picture anew, upright and as JPEG, and keeps it under the hash of what came out.
 * @throws HttpProblem `not-a-picture`, `picture-kind`, `picture-too-large`, `picture-broken`
 */
export async function takePicture(dataDir: string, given: Buffer): Promise<TakenPicture> {
  const type = typeOf(given);
  if (type === null)
    throw new HttpProblem(415, 'not-a-picture', 'Файл: это не фотография. Загрузите снимок JPEG, PNG или WebP.');
  if (!TAKEN.includes(type))
    throw new HttpProblem(
      415,
      'picture-kind',
      `Файл: снимок в формате ${type.slice('image/'.length).toUpperCase()}. Сохраните его как JPEG, PNG или WebP.`,
    );
  const { data, info } = await drawing(() => drawn(given));
  const sha256 = createHash('sha256').update(data).digest('hex');
  const path = pathOf(dataDir, sha256);
  const isThere = await stat(path).then(
    ({ size }) => size === data.length,
    () => false,
  );
  if (!isThere) await keepFile(path, data);
  return { sha256, bytes: data.length, width: info.width, height: info.height };
}

async function drawn(given: Buffer) {
  const { default: sharp } = await import('sharp');
  try {
    const { width, height } = await sharp(given, { limitInputPixels: false }).metadata();
    if (width * height > PIXELS_MAX)
      throw new HttpProblem(
        422,
        'picture-too-large',
        `Снимок: ${width}×${height}, это ${Math.round((width * height) / 1e6)} мегапикселей. Уменьшите до ${PIXELS_MAX / 1e6}.`,
      );
    return await sharp(given, { limitInputPixels: PIXELS_MAX, failOn: 'error' })
      .rotate()
      .resize({ width: SIDE_MAX, height: SIDE_MAX, fit: 'inside', withoutEnlargement: true })
      .flatten({ background: '#ffffff' })
      .jpeg({ quality: 88, progressive: true })
      .toBuffer({ resolveWithObject: true });
  } catch (error) {
    if (error instanceof HttpProblem) throw error;
    throw new HttpProblem(
      422,
      'picture-broken',
      'Файл: снимок повреждён и не открывается. Загрузите его заново или сохраните как JPEG.',
    );
  }
}

/** The bytes of a picture of ours; null: there is none. */
export async function readMedia(dataDir: string, sha256: string): Promise<Buffer | null> {
  if (!/^[0-9a-f]{64}$/.test(sha256)) return null;
  try {
    return await readFile(pathOf(dataDir, sha256));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
