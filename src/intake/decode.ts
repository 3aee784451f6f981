import { isUtf8 } from 'node:buffer';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { Fault } from '../domain/fault.ts';
import { formatNumber } from '../domain/text.ts';
import type { FeedHead, Limits } from './stream.ts';

/** From bytes to text: gzip is unpacked, the declared encoding is found and kept to, every byte is judged. */

export const NOTHING = 'Ничего не загружено';
export const AGAIN = 'выгрузите файл из CRM ещё раз';
export const FIX = 'исправьте выгрузку в CRM и загрузите файл ещё раз';

// ---------------------------------------------------------------------------------------------------------------
// Bytes

export const MB = 1_000_000;
/** Below this an unpacked file is harmless whatever its ratio. */
const RATIO_JUDGED_FROM = 8 * MB;

/**
 * Unpacks gzip, known by its first bytes, and lets anything else through; caps both sizes.
 * @throws Fault `feed-too-large`, `feed-zip-bomb`, `feed-truncated`, `feed-bad-archive`
 */
export async function* unpackGzip(
  bytes: AsyncIterable<Uint8Array>,
  limits: Pick<Limits, 'rawBytesMax' | 'unpackedBytesMax' | 'unpackRatioMax'>,
  seen: { isPacked: boolean } = { isPacked: false },
): AsyncGenerator<Uint8Array, void> {
  const peeked = await peek(counted(bytes, limits.rawBytesMax), 4);
  if (!isGzip(peeked.start)) {
    yield* counted(peeked.all, limits.unpackedBytesMax);
    return;
  }
  seen.isPacked = true;
  const unzip = createGunzip({ chunkSize: 65_536 });
  // Errors of the source arrive through `unzip`, which the pipeline destroys with them.
  void pipeline(Readable.from(peeked.all), unzip).catch(() => {});
  try {
    let unpacked = 0;
    for await (const chunk of unzip as AsyncIterable<Buffer>) {
      if (unpacked === 0 && isGzip(chunk)) {
        throw new Fault(
          'feed-bad-archive',
          `Внутри архива лежит ещё один архив. ${NOTHING}: распакуйте файл один раз.`,
        );
      }
      unpacked += chunk.length;
      // `bytesWritten` is what has been unpacked so far, not what has been read ahead.
      if (unpacked > RATIO_JUDGED_FROM && unpacked > limits.unpackRatioMax * unzip.bytesWritten) {
        throw new Fault(
          'feed-zip-bomb',
          `Архив разворачивается больше чем в ${limits.unpackRatioMax} раз: так не бывает с файлом объявлений. ` +
            `${NOTHING}: проверьте файл или загрузите его распакованным.`,
        );
      }
      if (unpacked > limits.unpackedBytesMax) throw tooLarge(limits.unpackedBytesMax, 'в распакованном виде ');
      yield chunk;
    }
  } catch (error) {
    throw archiveFault(error);
  } finally {
    unzip.destroy();
  }
}

function isGzip(start: Uint8Array): boolean {
  return start[0] === 0x1f && start[1] === 0x8b;
}

async function* counted(bytes: AsyncIterable<Uint8Array>, most: number): AsyncGenerator<Uint8Array, void> {
  let total = 0;
  for await (const chunk of bytes) {
    total += chunk.length;
    if (total > most) throw tooLarge(most, '');
    yield chunk;
  }
}

function tooLarge(most: number, how: string): Fault {
  return new Fault(
    'feed-too-large',
    `Файл ${how}больше ${formatNumber(most / MB)} МБ. ${NOTHING}: разделите выгрузку на несколько файлов.`,
  );
}

function archiveFault(error: unknown): unknown {
  const code = (error as { code?: unknown }).code;
  if (error instanceof Fault || typeof code !== 'string' || !code.startsWith('Z_')) return error;
  if (code === 'Z_BUF_ERROR') {
    return new Fault('feed-truncated', `Архив оборван: он кончился раньше времени. ${NOTHING}: ${AGAIN}.`, {
      cause: error,
    });
  }
  return new Fault('feed-bad-archive', `Архив gzip повреждён. ${NOTHING}: ${AGAIN}.`, { cause: error });
}

/** Looks at the first bytes without losing them. */
async function peek(
  bytes: AsyncIterable<Uint8Array>,
  count: number,
): Promise<{ start: Uint8Array; all: AsyncGenerator<Uint8Array, void> }> {
  const iterator = bytes[Symbol.asyncIterator]();
  const taken: Uint8Array[] = [];
  let length = 0;
  while (length < count) {
    const next = await iterator.next();
    if (next.done) break;
    taken.push(next.value);
    length += next.value.length;
  }
  async function* all() {
    try {
      yield* taken;
      for (;;) {
        const next = await iterator.next();
        if (next.done) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }
  return { start: Buffer.concat(taken), all: all() };
}

/** The declaration is looked for in so many first bytes. */
const HEAD_BYTES = 1024;

/** Cuts a stream into even pieces, whatever its chunks; `head` is the start of the file and comes with the first. */
export async function* pieces(
  bytes: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<{ bytes: Buffer; head: Buffer }, void> {
  const { start, all } = await peek(bytes, HEAD_BYTES);
  const head = Buffer.from(start.subarray(0, HEAD_BYTES));
  let skip = bomLength(head);
  let waiting: Buffer[] = [];
  let length = 0;
  for await (const chunk of all) {
    let buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (skip > 0) {
      const skipped = Math.min(skip, buffer.length);
      skip -= skipped;
      buffer = buffer.subarray(skipped);
    }
    waiting.push(buffer);
    length += buffer.length;
    if (length < size) continue;
    buffer = waiting.length === 1 ? buffer : Buffer.concat(waiting);
    let from = 0;
    for (; from + size <= buffer.length; from += size) yield { bytes: buffer.subarray(from, from + size), head };
    waiting = [buffer.subarray(from)];
    length = buffer.length - from;
  }
  if (length > 0) yield { bytes: Buffer.concat(waiting), head };
}

// ---------------------------------------------------------------------------------------------------------------
// Encoding

type EncodingProblem = 'not-utf8' | 'cut';

export interface Decoder {
  decode(bytes: Buffer): { text: string; problem?: EncodingProblem };
  end(): { text: string; problem?: EncodingProblem };
}

function bomLength(head: Buffer): number {
  return head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0;
}

const LABELS = new Map<string, FeedHead['encoding']>(
  Object.entries({
    'utf-8': 'utf-8',
    utf8: 'utf-8',
    'windows-1251': 'windows-1251',
    windows1251: 'windows-1251',
    'win-1251': 'windows-1251',
    cp1251: 'windows-1251',
    'cp-1251': 'windows-1251',
    'x-cp1251': 'windows-1251',
  } as const),
);

/** Finds the encoding by byte order mark and XML declaration. */
export function sniff(head: Buffer): { encoding: FeedHead['encoding']; isDeclared: boolean } {
  const bom = bomLength(head);
  const first = head.length < 2 ? -1 : head.readUInt16BE(0);
  // UTF-16 and UTF-32, with a byte order mark or without one.
  if (first === 0xfeff || first === 0xfffe || first === 0x003c || first === 0x3c00 || first === 0x0000) {
    const isText = first !== 0 || head.subarray(0, 4).equals(Buffer.from([0, 0, 0xfe, 0xff]));
    if (isText) {
      throw new Fault(
        'feed-wrong-encoding',
        `Файл записан в UTF-16 или UTF-32. ${NOTHING}: сохраните его в UTF-8 и загрузите ещё раз.`,
      );
    }
  }
  const start = head.toString('latin1', bom);
  if (/^(?:PK\x03\x04|Rar!|7z\xbc\xaf)/.test(start)) {
    throw new Fault(
      'feed-bad-archive',
      `Это архив ZIP, RAR или 7z. ${NOTHING}: распакуйте его и загрузите сам файл XML (годится и gzip).`,
    );
  }
  const label = /^\s*<\?xml\s[^>]*?encoding\s*=\s*["']([^"'>]*)["']/.exec(start)?.[1];
  if (label === undefined) return { encoding: 'utf-8', isDeclared: false };
  const encoding = LABELS.get(label.trim().toLowerCase());
  if (encoding === undefined) {
    throw new Fault(
      'feed-unknown-encoding',
      `Кодировка «${shown(label)}» не читается: строка 1. ${NOTHING}: сохраните файл в UTF-8 или windows-1251.`,
    );
  }
  if (bom > 0 && encoding !== 'utf-8') {
    throw new Fault(
      'feed-wrong-encoding',
      `В первой строке объявлена кодировка ${encoding}, а метка в начале файла говорит, что это UTF-8. ` +
        `${NOTHING}: напишите encoding="UTF-8" или сохраните файл в ${encoding}.`,
    );
  }
  return { encoding, isDeclared: true };
}

/**
 * Strict UTF-8. Not `TextDecoder`: it does not say where the bad byte is, and `isUtf8` with `toString` is faster.
 */
export class Utf8Decoder implements Decoder {
  #carry: Buffer = Buffer.alloc(0);

  decode(bytes: Buffer): { text: string; problem?: EncodingProblem } {
    const all = this.#carry.length > 0 ? Buffer.concat([this.#carry, bytes]) : bytes;
    const end = completeUtf8(all, all.length);
    const whole = all.subarray(0, end);
    // A copy: the bytes under it belong to the caller.
    this.#carry = Buffer.from(all.subarray(end));
    if (isUtf8(whole)) return { text: whole.toString('utf8') };
    // The longest good start, by halving: a prefix of good text is good.
    let good = 0;
    let bad = whole.length;
    while (bad - good > 1) {
      const middle = (good + bad) >> 1;
      const cut = completeUtf8(whole, middle);
      if (isUtf8(whole.subarray(0, cut))) good = middle;
      else bad = middle;
    }
    return { text: whole.toString('utf8', 0, completeUtf8(whole, good)), problem: 'not-utf8' };
  }

  end(): { text: string; problem?: EncodingProblem } {
    return this.#carry.length > 0 ? { text: '', problem: 'cut' } : { text: '' };
  }
}

/** The length of `bytes[0..end)` without a multi-byte character that is cut off at its end. */
function completeUtf8(bytes: Buffer, end: number): number {
  for (let back = 1; back <= 3 && back <= end; back++) {
    const byte = bytes[end - back]!;
    if (byte < 0x80) return end;
    if (byte < 0xc0) continue;
    const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return needs > back && byte < 0xf8 ? end - back : end;
  }
  return end;
}

/** So many characters that are good UTF-8 leave no doubt; shorter files are judged at their end. */
const SURELY_UTF8 = 2000;

/** Windows-1251. Russian text in it is never good UTF-8, so a file that is has its encoding declared wrongly. */
export class Windows1251Decoder implements Decoder {
  readonly #decoder = new TextDecoder('windows-1251');
  #utf8: Utf8Decoder | undefined = new Utf8Decoder();
  #multiByte = 0;

  decode(bytes: Buffer): { text: string; problem?: EncodingProblem } {
    if (this.#utf8) {
      const { text, problem } = this.#utf8.decode(bytes);
      if (problem) this.#utf8 = undefined;
      else for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7f) this.#multiByte++;
      if (this.#utf8 && this.#multiByte > SURELY_UTF8) throw declaredWrongly();
    }
    return { text: this.#decoder.decode(bytes, { stream: true }) };
  }

  end(): { text: string; problem?: EncodingProblem } {
    if (this.#utf8 !== undefined && this.#utf8.end().problem === undefined && this.#multiByte > 0)
      throw declaredWrongly();
    return { text: '' };
  }
}

function declaredWrongly(): Fault {
  return new Fault(
    'feed-wrong-encoding',
    'В первой строке объявлена кодировка windows-1251, а файл записан в UTF-8. ' +
      `${NOTHING}: напишите в первой строке encoding="UTF-8" и загрузите файл ещё раз.`,
  );
}

export function encodingFault(
  problem: EncodingProblem,
  isDeclared: boolean,
): [code: string, what: string, advice: string] {
  if (problem === 'cut') return ['feed-truncated', 'Файл оборван|посреди буквы', AGAIN];
  return [
    'feed-wrong-encoding',
    `Файл записан не в UTF-8${isDeclared ? ', хотя она объявлена в первой строке' : ''}`,
    'если это windows-1251, напишите в первой строке <?xml version="1.0" encoding="windows-1251"?>, ' +
      'иначе сохраните файл в UTF-8',
  ];
}

/** A name out of the file, fit for a message. */
export function shown(name: string): string {
  return name.length > 60 ? `${name.slice(0, 60)}…` : name;
}
