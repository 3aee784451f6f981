import { isUtf8 } from 'node:buffer';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { SaxesParser } from 'saxes';
import type { Codec } from '../boards/formats/codec.ts';
import { Fault } from '../domain/fault.ts';
import { FAMILIES, type Family } from '../domain/listing.ts';
import { agree, formatNumber } from '../domain/text.ts';

/**
 * Bytes of a feed in, its offers out, one at a time and in flat memory.
 *
 * The way: unpack gzip -> find the declared encoding -> decode strictly -> drop the characters XML forbids -> a strict
 * parser (saxes) judges every character and tells where offers begin and end -> the offer's own source text is cut out.
 * Nothing is repaired except those forbidden characters; everything else that is wrong with the FILE is a `Fault`
 * with the line and the column. A caller therefore keeps what it reads aside until the last offer has come.
 */

/** What a reader needs to know about a family; a whole `Codec` fits. */
export type FeedShape = Pick<Codec, 'family' | 'rootsRead' | 'offersRead' | 'rootChildrenKnown'> &
  Partial<Pick<Codec, 'rootName' | 'offerName'>>;

export interface Limits {
  /** Bytes as they come, before unpacking. */
  readonly rawBytesMax: number;
  /** Bytes after unpacking. */
  readonly unpackedBytesMax: number;
  /** Unpacked to packed; judged once 8 MB are unpacked. */
  readonly unpackRatioMax: number;
  readonly depthMax: number;
  readonly attributesPerTagMax: number;
  /** Characters of one offer, markup included. */
  readonly offerCharsMax: number;
  readonly elementsPerOfferMax: number;
  /** Characters of one text, comment, tag or other piece of markup outside the offers. */
  readonly outsideCharsMax: number;
}

/** A local file may be of any size: memory stays flat all the same. */
export const FILE_LIMITS: Limits = {
  rawBytesMax: Number.POSITIVE_INFINITY,
  unpackedBytesMax: Number.POSITIVE_INFINITY,
  unpackRatioMax: 200,
  depthMax: 64,
  attributesPerTagMax: 100,
  offerCharsMax: 4_000_000,
  elementsPerOfferMax: 10_000,
  outsideCharsMax: 64_000,
};

/** What comes from a foreign server is also capped in size. */
export const URL_LIMITS: Limits = { ...FILE_LIMITS, rawBytesMax: 500_000_000, unpackedBytesMax: 2_000_000_000 };

export interface ReadOptions {
  readonly codecs: readonly FeedShape[];
  /** The family the person named; a file of another one is then a fault. */
  readonly format?: Family | 'auto';
  readonly limits?: Partial<Limits>;
  /** How many bytes are judged at once; tests make it tiny. */
  readonly pieceBytes?: number;
}

export interface OfferText {
  /** 1 for the first offer of the file. */
  readonly index: number;
  /** Where the offer's `<` stands, both from 1; the column counts UTF-16 units. */
  readonly line: number;
  readonly column: number;
  /** The source text of the offer element, well-formed, less the forbidden characters; ready for `parseElement`. */
  readonly xml: string;
  /** How many characters and references that XML 1.0 forbids were dropped from this offer. */
  readonly repaired: number;
}

/** What is known once the root's opening tag has been read. */
export interface FeedHead {
  readonly family: Family;
  /** The root's name as written, prefix included. */
  readonly root: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly encoding: 'utf-8' | 'windows-1251';
  readonly isEncodingDeclared: boolean;
  readonly isPacked: boolean;
}

/** What is known once the whole file has been found good. */
export interface FeedSummary extends FeedHead {
  readonly offers: number;
  /** Children of the root that are neither offers nor known, by name without prefix; at most 100 names. */
  readonly notUnderstood: readonly { readonly path: string; readonly count: number }[];
  /** Elements named like an offer that are not children of the root: they were not taken as offers. */
  readonly misplacedOffers: number;
  /** Forbidden characters dropped between the offers. */
  readonly repairedOutside: number;
}

export interface Feed {
  readonly head: FeedHead;
  /** To be run through once. @throws Fault for whatever is wrong with the file */
  readonly offers: AsyncGenerator<OfferText, FeedSummary>;
  /** The return value of `offers`. @throws Error while offers are still to come */
  summary(): FeedSummary;
}

/**
 * Starts reading a feed: reads up to the root's opening tag, so that the family is known.
 * @throws Fault `feed-…` for a fault of the file, and whatever `bytes` throws
 * @example
 * const feed = await openFeed(source.bytes, { codecs, limits: source.limits });
 * for await (const offer of feed.offers) stage(parseElement(offer.xml));
 * feed.summary().offers;
 */
export async function openFeed(bytes: AsyncIterable<Uint8Array>, options: ReadOptions): Promise<Feed> {
  const limits = { ...FILE_LIMITS, ...options.limits };
  const judge = new Judge(options.codecs, options.format ?? 'auto', limits);
  const batches = judged(bytes, judge, limits, options.pieceBytes ?? 65_536);
  const first: OfferText[] = [];
  while (judge.head === undefined) {
    const next = await batches.next();
    if (next.done) break;
    first.push(...next.value);
  }
  let summary: FeedSummary | undefined;
  async function* run(): AsyncGenerator<OfferText, FeedSummary> {
    try {
      yield* first;
      for await (const batch of batches) yield* batch;
    } finally {
      await batches.return(undefined);
    }
    summary = judge.summary();
    return summary;
  }
  return {
    head: judge.head!,
    offers: run(),
    summary() {
      if (summary === undefined) throw new Error('the offers have not been read to the end');
      return summary;
    },
  };
}

/** The same in one go, for callers that need no head: the summary is the generator's return value. */
export async function* readOffers(
  bytes: AsyncIterable<Uint8Array>,
  options: ReadOptions,
): AsyncGenerator<OfferText, FeedSummary> {
  const feed = await openFeed(bytes, options);
  return yield* feed.offers;
}

async function* judged(
  bytes: AsyncIterable<Uint8Array>,
  judge: Judge,
  limits: Limits,
  pieceBytes: number,
): AsyncGenerator<OfferText[], void> {
  let decoder: Decoder | undefined;
  for await (const piece of pieces(unpackGzip(bytes, limits, judge), pieceBytes)) {
    // The first piece may be tiny in tests; real ones hold the whole declaration.
    if (decoder === undefined) {
      const sniffed = sniff(piece.head);
      judge.encoding = sniffed.encoding;
      judge.isEncodingDeclared = sniffed.isDeclared;
      decoder = sniffed.encoding === 'utf-8' ? new Utf8Decoder() : new Windows1251Decoder();
    }
    const { text, problem } = decoder.decode(piece.bytes);
    judge.write(text);
    if (problem) judge.fail(...encodingFault(problem, judge.isEncodingDeclared));
    yield judge.take();
  }
  const { text, problem } = decoder?.end() ?? { text: '' };
  judge.write(text);
  if (problem) judge.fail(...encodingFault(problem, judge.isEncodingDeclared));
  judge.end();
  yield judge.take();
}

// ---------------------------------------------------------------------------------------------------------------
// Bytes

const MB = 1_000_000;
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
async function* pieces(
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

interface Decoder {
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
function sniff(head: Buffer): { encoding: FeedHead['encoding']; isDeclared: boolean } {
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
class Utf8Decoder implements Decoder {
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
class Windows1251Decoder implements Decoder {
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

function encodingFault(problem: EncodingProblem, isDeclared: boolean): [code: string, what: string, advice: string] {
  if (problem === 'cut') return ['feed-truncated', 'Файл оборван|посреди буквы', AGAIN];
  return [
    'feed-wrong-encoding',
    `Файл записан не в UTF-8${isDeclared ? ', хотя она объявлена в первой строке' : ''}`,
    'если это windows-1251, напишите в первой строке <?xml version="1.0" encoding="windows-1251"?>, ' +
      'иначе сохраните файл в UTF-8',
  ];
}

// ---------------------------------------------------------------------------------------------------------------
// The judge

const NOTHING = 'Ничего не загружено';
const AGAIN = 'выгрузите файл из CRM ещё раз';
const FIX = 'исправьте выгрузку в CRM и загрузите файл ещё раз';

const FAMILY_NAMES: Record<Family, string> = { avito: 'Авито', cian: 'Циан', yandex: 'Яндекс Недвижимость' };

/** Shapes of other boards, by the root's name in lower case (BSN's order of tests and what live feeds carry). */
const OTHER_SHAPES = new Map(
  Object.entries({
    root: 'EMLS или БН (старый формат, root/objects/object)',
    'bn-feed': 'БН (bn-feed/bn-object)',
    eip: 'EIP (eip/rec)',
    ads: 'ГдеЭтотДом (ADS/OBJECTS)',
    'rfl-feed': 'Realtymag (rfl-feed)',
    yml_catalog: 'YML, каталог товаров (yml_catalog)',
    'supplementing-metarealty-feed': 'дополнение для Яндекс Вебмастера (supplementing-metarealty-feed)',
    'campaign-feed': 'кампании Яндекс Директа (campaign-feed)',
    flats_rent: 'Циан, старый формат (flats_rent)',
    flats_for_sale: 'Циан, старый формат (flats_for_sale)',
    commerce: 'Циан, старый формат (commerce)',
    suburbian: 'Циан, старый формат (suburbian)',
    complexes: 'Домклик, новостройки (complexes)',
    rss: 'новостная лента RSS',
    urlset: 'карта сайта (urlset)',
    коммерческаяинформация: 'CommerceML из 1С',
  }),
);
const HTML_ROOTS = new Set(['html', 'head', 'body', 'title', 'meta', 'div', 'script', 'center', 'h1', 'p']);

/** What XML 1.0 forbids, in a text that holds no lone surrogates because it was decoded strictly. */
const FORBIDDEN = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]+/g;
const LINE_END = /\r\n?|\n/g;

interface OpenOffer {
  readonly line: number;
  readonly column: number;
  readonly start: number;
  readonly startSource: number;
  elements: number;
}

interface Place {
  readonly line: number;
  /** Position of the line's first character. */
  readonly lineStart: number;
  readonly removedOnLine: number;
}

/** saxes makes an `Error` with a stack for each complaint, which a file full of forbidden references can exploit. */
class StrictParser extends SaxesParser {
  readonly #complain: (message: string) => void;

  constructor(complain: (message: string) => void) {
    super({ position: false, forceXMLVersion: true, defaultXMLVersion: '1.0' });
    this.#complain = complain;
  }

  override fail(message: string): this {
    this.#complain(message);
    return this;
  }
}

/**
 * Runs the strict parser over the text and cuts the offers out. Positions count UTF-16 units of the text after the
 * forbidden characters were dropped, as saxes does; lines and columns are those of the source.
 */
class Judge {
  head: FeedHead | undefined;
  encoding: FeedHead['encoding'] = 'utf-8';
  isEncodingDeclared = false;
  isPacked = false;

  readonly #shapes: readonly FeedShape[];
  readonly #format: Family | 'auto';
  readonly #limits: Limits;
  readonly #parser: StrictParser;

  /** Text still needed: from the start of the open offer, else from the last piece of markup. */
  #kept: string[] = [];
  #base = 0;
  #end = 0;
  #place: Place = { line: 1, lineStart: 0, removedOnLine: 0 };
  /** Dropped characters after `#base`: before which position, how many; those before `#passed` are done with. */
  #removedAt: number[] = [];
  #removedCount: number[] = [];
  #passed = 0;
  #removed = 0;
  /** Characters dropped so far from the piece in work. */
  #shift = 0;

  #shape: FeedShape | undefined;
  #offerNames: ReadonlySet<string> = new Set();
  #depth = 0;
  #isRootClosed = false;
  #hasText = false;
  #attributes = 0;
  #lastClosed = '';
  #lastClosing = '';
  /** Position after the last piece of markup, and the same in source characters. */
  #marked = 0;
  #markedSource = 0;
  #offer: OpenOffer | undefined;
  /** References to forbidden characters in the open offer: start, end, start, end… */
  #cuts: number[] = [];
  #ready: OfferText[] = [];
  #offers = 0;
  #misplaced = 0;
  #repairedOutside = 0;
  readonly #notUnderstood = new Map<string, number>();

  constructor(shapes: readonly FeedShape[], format: Family | 'auto', limits: Limits) {
    this.#shapes = shapes;
    this.#format = format;
    this.#limits = limits;
    const parser = new StrictParser((message) => this.#wrong(message));
    this.#parser = parser;
    // Seven handlers and no more: with the eighth V8 turns the parser into a slow object (110 -> 21 MB/s).
    parser.on('opentagstart', (tag) => this.#openTagStart(tag.name));
    parser.on('attribute', () => this.#attribute());
    parser.on('opentag', (tag) => this.#openTag(tag.name, tag.attributes as Record<string, string>));
    parser.on('closetag', (tag) => this.#closeTag(tag.name));
    parser.on('comment', () => this.#mark());
    parser.on('cdata', () => this.#mark());
  }

  /** The offers finished since the last call. */
  take(): OfferText[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  write(text: string): void {
    if (text === '') return;
    this.#shift = 0;
    const legal = text.replace(FORBIDDEN, (run, at: number) => this.#remove(run.length, this.#end + at));
    this.#hasText ||= /[^\s\uFEFF]/.test(legal);
    if (legal !== '') {
      this.#kept.push(legal);
      this.#end += legal.length;
      this.#parser.write(legal);
    }
    this.#checkLength();
    if (this.#offer === undefined && this.#marked > this.#base)
      this.#repairedOutside += this.#moveTo(this.#marked, true);
  }

  #remove(count: number, at: number): string {
    const position = at - this.#shift;
    this.#shift += count;
    this.#removed += count;
    const last = this.#removedAt.length - 1;
    if (last >= this.#passed && this.#removedAt[last] === position) this.#removedCount[last]! += count;
    else {
      this.#removedAt.push(position);
      this.#removedCount.push(count);
    }
    return '';
  }

  end(): void {
    if (!this.#hasText) throw new Fault('feed-empty', `Файл пустой. ${NOTHING}: ${AGAIN}.`);
    this.#parser.close();
    this.#repairedOutside += this.#moveTo(this.#end, true);
  }

  summary(): FeedSummary {
    return {
      ...this.head!,
      offers: this.#offers,
      notUnderstood: [...this.#notUnderstood].map(([path, count]) => ({ path, count })),
      misplacedOffers: this.#misplaced,
      repairedOutside: this.#repairedOutside,
    };
  }

  /** `what` may hold `|`: the line and the column stand there, else at its end. */
  fail(code: string, what: string, advice: string, options: { at?: number; cause?: unknown } = {}): never {
    const position = Math.max(this.#base, options.at ?? Math.min(this.#parser.position, this.#end));
    const { place } = this.#walk(position, true);
    const where = `строка ${place.line}, столбец ${position - place.lineStart + place.removedOnLine + 1}`;
    const [before, after] = what.split('|') as [string, string | undefined];
    const offer = this.#offer ? ` (объявление ${this.#offers + 1}, начато в строке ${this.#offer.line})` : '';
    const sentence = `${before}: ${where}${after === undefined ? '' : ` — ${after}`}${offer}.`;
    throw new Fault(code, `${sentence} ${NOTHING}: ${advice}.`, { cause: options.cause });
  }

  #source(): number {
    return this.#parser.position + this.#removed;
  }

  #mark(): void {
    // What stands before the root is kept whole, because it is searched for a document type.
    if (this.#shape === undefined) return;
    this.#marked = this.#parser.position;
    this.#markedSource = this.#source();
  }

  #openTagStart(name: string): void {
    const depth = ++this.#depth;
    if (depth === 1 && this.#isRootClosed)
      this.fail('feed-two-roots', `${TWO_ROOTS}|снова начинается ${tag(name)}`, FIX);
    if (depth > this.#limits.depthMax) {
      this.fail('feed-too-deep', `Элементы вложены глубже ${this.#limits.depthMax} уровней`, FIX);
    }
    this.#attributes = 0;
    const local = localName(name);
    if (depth === 1) {
      this.#checkProlog();
      this.#shape = this.#shapeOf(name);
    } else if (depth === 2 && this.#offerNames.has(local)) this.#openOffer(name);
    else {
      if (this.#offerNames.has(local)) this.#misplaced++;
      if (depth === 2) this.#otherChild(local);
      if (this.#offer && ++this.#offer.elements > this.#limits.elementsPerOfferMax) {
        const most = formatNumber(this.#limits.elementsPerOfferMax);
        this.fail('feed-too-many-elements', `В одном объявлении больше ${most} элементов`, FIX);
      }
    }
    this.#mark();
  }

  #attribute(): void {
    const most = this.#limits.attributesPerTagMax;
    if (++this.#attributes > most) {
      this.fail(
        'feed-too-many-attributes',
        `У одного тега больше ${most} ${agree(most, 'атрибута', 'атрибутов', 'атрибутов')}`,
        FIX,
      );
    }
    this.#mark();
  }

  #openTag(name: string, attributes: Record<string, string>): void {
    this.#mark();
    if (this.#depth !== 1 || this.#shape === undefined) return;
    const namespaces = Object.keys(attributes).filter((key) => key === 'xmlns' || key.startsWith('xmlns:'));
    for (const key of namespaces) {
      const namespace = attributes[key]!;
      if (namespace.includes('/metarealty/')) this.#otherFormat('фид Яндекс Директа или Вебмастера (metarealty)');
      if (namespace === 'http://www.w3.org/2005/Atom') this.#otherFormat('новостная лента Atom');
    }
    this.head = {
      family: this.#shape.family,
      root: name,
      attributes: { ...attributes },
      encoding: this.encoding,
      isEncodingDeclared: this.isEncodingDeclared,
      isPacked: this.isPacked,
    };
  }

  #closeTag(name: string): void {
    // saxes closes before it compares names and reports a mismatch after; then nothing cut here is ever taken.
    this.#lastClosed = name;
    this.#depth--;
    this.#mark();
    this.#lastClosing = '';
    if (this.#depth === 1 && this.#offer) this.#closeOffer(this.#offer);
    if (this.#depth === 0) this.#isRootClosed = true;
  }

  #openOffer(name: string): void {
    const after = this.#parser.position;
    // Behind the name stands one character that ended it, or a line end of two.
    const start = after - (this.#slice(after - 2, after) === '\r\n' ? 2 : 1) - name.length - 1;
    this.#repairedOutside += this.#moveTo(start, true);
    this.#cuts = [];
    const { line, lineStart, removedOnLine } = this.#place;
    this.#offer = {
      line,
      column: start - lineStart + removedOnLine + 1,
      start,
      startSource: this.#source(),
      elements: 0,
    };
  }

  #closeOffer(offer: OpenOffer): void {
    const end = this.#parser.position;
    const source = this.#slice(offer.start, end);
    const xml = withoutCuts(source, offer.start, this.#cuts);
    this.#lastClosing = source.slice(Math.max(0, source.lastIndexOf('</')));
    const repaired = this.#moveTo(end, false) + this.#cuts.length / 2;
    this.#offers++;
    this.#ready.push({ index: this.#offers, line: offer.line, column: offer.column, xml, repaired });
    this.#offer = undefined;
  }

  #otherChild(local: string): void {
    if (this.#shape!.rootChildrenKnown.includes(local.toLowerCase())) return;
    const name = shown(local);
    const key = this.#notUnderstood.has(name) || this.#notUnderstood.size < 99 ? name : '…';
    this.#notUnderstood.set(key, (this.#notUnderstood.get(key) ?? 0) + 1);
  }

  #shapeOf(root: string): FeedShape {
    const local = localName(root);
    const lower = local.toLowerCase();
    const roots = (shape: FeedShape) => (shape.rootName ? [shape.rootName, ...shape.rootsRead] : shape.rootsRead);
    const shape = this.#shapes.find((one) => roots(one).includes(local));
    if (shape) {
      if (this.#format !== 'auto' && this.#format !== shape.family) {
        this.fail(
          'feed-wrong-root',
          `Это файл формата «${FAMILY_NAMES[shape.family]}», а ждали «${FAMILY_NAMES[this.#format]}»`,
          'выберите другой формат или другой файл',
        );
      }
      this.#offerNames = new Set([...shape.offersRead, ...(shape.offerName ? [shape.offerName] : [])]);
      return shape;
    }
    if (HTML_ROOTS.has(lower)) this.#html();
    const other = OTHER_SHAPES.get(lower);
    if (other) this.#otherFormat(other);
    const known = this.#shapes.map((one) => `${tag(roots(one)[0] ?? '')} («${FAMILY_NAMES[one.family]}»)`).join(', ');
    return this.fail(
      'feed-wrong-root',
      `Незнакомый корень файла ${tag(root)}`,
      `загружаются файлы с корнем ${known}; имена пишутся именно так, с теми же большими и малыми буквами`,
    );
  }

  #otherFormat(name: string): never {
    const families = FAMILIES.map((family) => `«${FAMILY_NAMES[family]}»`).join(', ');
    return this.fail('feed-other-format', `Это другой формат — ${name}`, `загружаются файлы форматов ${families}`);
  }

  #html(cause?: unknown): never {
    return this.fail(
      'feed-is-html',
      'Это страница сайта (HTML), а не файл объявлений',
      'проверьте ссылку: по ней открывается страница входа или ошибка',
      { cause },
    );
  }

  /** A reference to a forbidden character goes, everything else that saxes finds is a fault. */
  #wrong(message: string): void {
    if (message === 'malformed character entity.') {
      const end = this.#parser.position;
      const tail = this.#slice(end - 32, end);
      const reference = tail.slice(tail.lastIndexOf('&'));
      if (/^&#(?:x[0-9a-fA-F]+|\d+);$/.test(reference)) {
        if (this.#offer) this.#cuts.push(end - reference.length, end);
        else this.#repairedOutside++;
        return;
      }
    }
    this.#translate(message);
  }

  #translate(message: string): never {
    const cause = new Error(message);
    const not = (what: string, at?: number) => this.fail('feed-not-well-formed', what, FIX, { cause, at });
    if (this.#shape === undefined) this.#checkProlog(cause);
    // A bare ampersand swallows everything up to the next semicolon: the reason stands far before the symptom.
    const ampersand = this.#bareAmpersand();
    if (/entity/.test(message) || ampersand !== undefined) {
      const at = ampersand ?? this.#lastAmpersand();
      const name = /^&([^;]*);/.exec(this.#slice(at, at + 40))?.[1];
      if (message === 'undefined entity.') {
        this.fail(
          'feed-undefined-entity',
          `Имя &${shown(name ?? '')}; в XML не определено`,
          `замените его самим знаком${name === 'nbsp' ? ' или на &#160;' : ''}; без описания годятся только ` +
            '&amp; &lt; &gt; &quot; &apos;',
          { cause, at },
        );
      }
      if (message === 'malformed character entity.') not('Неверная числовая ссылка на знак', at);
      not('Знак & записан как есть|вместо него должно стоять &amp;', at);
    }
    const unclosed = /^unclosed tag: (.*)$/s.exec(message)?.[1];
    if (unclosed !== undefined) this.#truncated(`не закрыт элемент ${shown(unclosed)}`, cause);
    if (message === 'unexpected end.') this.#truncated('файл кончился посреди разметки', cause);
    if (message === 'document must contain a root element.') this.#truncated('до объявлений дело не дошло', cause);
    if (message === 'unexpected close tag.') {
      not(`Теги закрыты не по порядку|открыт ${tag(this.#lastClosed)}, а закрывается ${this.#closing()}`);
    }
    if (message.startsWith('unmatched closing tag:')) not(`Закрывается ${this.#closing()}, который не открывали`);
    if (message === 'documents may contain only one root.') this.fail('feed-two-roots', TWO_ROOTS, FIX, { cause });
    if (message === 'inappropriately located doctype declaration.') this.fail('feed-has-dtd', HAS_DTD, FIX, { cause });
    if (this.#isRootClosed && message.includes('XML declaration'))
      this.fail('feed-two-roots', TWO_ROOTS, FIX, { cause });
    if (message === 'text data outside of root node.') {
      const text = this.#slice(this.#marked, this.#end);
      const at = this.#marked + /^(?:\s|<!--[\s\S]*?-->|<\?[\s\S]*?\?>)*/.exec(text)![0].length;
      if (this.#isRootClosed) not('После конца файла объявлений стоит лишний текст', at);
      this.fail('feed-not-xml', 'Это не XML, файл начинается не с тега', AGAIN, { cause, at });
    }
    if (message.startsWith('an XML declaration must be')) {
      not('Перед строкой <?xml …?> стоит лишнее (часто пустая строка или пробел)');
    }
    if (/XML declaration|version number|encoding value|standalone|expected one of|name\/value/.test(message)) {
      not('Первая строка <?xml …?> записана неверно');
    }
    if (message === 'disallowed character.')
      not('Знак < стоит внутри значения атрибута|вместо него должно стоять &lt;');
    if (message.includes('attribute')) {
      not(
        /^duplicate/.test(message) ? 'Атрибут повторён в одном теге' : 'Атрибут записан неверно|нужно имя="значение"',
      );
    }
    if (/tag|incorrect syntax/.test(message))
      not('Тег записан неверно|если это знак < в тексте, вместо него пишут &lt;');
    if (message === 'malformed comment.') not('Внутри комментария стоят два дефиса подряд');
    if (message.includes(']]>')) not('В тексте стоит ]]>|вместо этого пишут ]]&gt;');
    return not('Файл записан не по правилам XML');
  }

  #truncated(how: string, cause: Error): never {
    return this.fail('feed-truncated', `Файл оборван|${how}`, AGAIN, { cause, at: this.#end });
  }

  /** A document type or a web page before the root; asked before any other fault there. */
  #checkProlog(cause?: unknown): void {
    const strip = (text: string) => text.replace(/<!--[\s\S]*?(?:-->|$)|<\?[\s\S]*?(?:\?>|$)/g, '');
    if (/^\s*(?:<!doctype\s+html|<(?:html|head|body)\b)/i.test(strip(this.#slice(0, this.#end)))) this.#html(cause);
    const prolog = this.#slice(0, this.#parser.position);
    const declaration = /<!(?:DOCTYPE|ENTITY)/i;
    if (!declaration.test(strip(prolog))) return;
    this.fail('feed-has-dtd', HAS_DTD, FIX, { cause, at: prolog.search(declaration) });
  }

  #checkLength(): void {
    const { offerCharsMax, outsideCharsMax } = this.#limits;
    // Not the parser's position: between two writes it counts the last piece twice.
    const length = this.#end + this.#removed - (this.#offer ? this.#offer.startSource : this.#markedSource);
    if (length <= (this.#offer ? offerCharsMax : outsideCharsMax)) return;
    if (this.#shape === undefined) this.#checkProlog();
    const ampersand = this.#bareAmpersand();
    if (ampersand !== undefined) {
      this.fail('feed-not-well-formed', 'Знак & записан как есть|вместо него должно стоять &amp;', FIX, {
        at: ampersand,
      });
    }
    const open = this.#slice(this.#marked, this.#marked + 9);
    const hint = open.startsWith('<!--')
      ? '|не закрыт комментарий'
      : open === '<![CDATA[' || open.includes('<![')
        ? '|не закрыт раздел CDATA'
        : '';
    if (this.#offer) {
      this.fail('feed-text-too-long', `Объявление длиннее ${formatNumber(offerCharsMax / MB)} млн знаков${hint}`, FIX);
    }
    this.fail(
      'feed-text-too-long',
      `Вне объявлений стоит больше ${formatNumber(outsideCharsMax)} знаков подряд${hint}`,
      FIX,
    );
  }

  /** Position of an `&` in the text or tag under way that begins no reference, if saxes is stuck in one. */
  #bareAmpersand(): number | undefined {
    const text = this.#slice(this.#marked, Math.min(this.#parser.position, this.#end));
    const markup =
      /<\?[\s\S]*?\?>|<!--|<!\[CDATA\[|<\?|&(?!(?:[\p{L}_:][\p{L}\p{N}_:.-]*|#\d+|#x[0-9a-fA-F]+);|[#\p{L}\p{N}_:.-]{0,40}$)/gu;
    for (const found of text.matchAll(markup)) {
      if (found[0] === '&') return this.#marked + found.index;
      if (!found[0].endsWith('?>')) return undefined;
    }
    return undefined;
  }

  #lastAmpersand(): number {
    const position = this.#parser.position;
    const text = this.#slice(this.#marked, position);
    return this.#marked + Math.max(0, text.lastIndexOf('&'));
  }

  /** The closing tag that has just been read, for a message. */
  #closing(): string {
    const position = this.#parser.position;
    const text = this.#lastClosing || this.#slice(position - 300, position);
    const from = text.lastIndexOf('</');
    return from < 0 ? 'другой' : tag(text.slice(from + 1).replace(/[>\s]+$/, ''));
  }

  /** Kept text between two positions; what is no longer kept is left out. */
  #slice(from: number, to: number): string {
    let partEnd = this.#end;
    let text = '';
    for (let at = this.#kept.length - 1; at >= 0 && partEnd > from; at--) {
      const part = this.#kept[at]!;
      const partStart = partEnd - part.length;
      if (partStart < to) text = part.slice(Math.max(0, from - partStart), to - partStart) + text;
      partEnd = partStart;
    }
    return text;
  }

  /** Counts lines from `#base` to a position, and the characters dropped on the way. */
  #walk(to: number, isInclusive: boolean): { place: Place; removed: number; passed: number } {
    let { line, lineStart, removedOnLine } = this.#place;
    const text = this.#slice(this.#base, to);
    LINE_END.lastIndex = 0;
    for (let found = LINE_END.exec(text); found; found = LINE_END.exec(text)) {
      line++;
      lineStart = this.#base + LINE_END.lastIndex;
      removedOnLine = 0;
    }
    let removed = 0;
    let passed = this.#passed;
    for (; passed < this.#removedAt.length; passed++) {
      const at = this.#removedAt[passed]!;
      if (isInclusive ? at > to : at >= to) break;
      removed += this.#removedCount[passed]!;
      if (at >= lineStart) removedOnLine += this.#removedCount[passed]!;
    }
    return { place: { line, lineStart, removedOnLine }, removed, passed };
  }

  /** Lets go of the text before a position; returns how many characters had been dropped from it. */
  #moveTo(position: number, isInclusive: boolean): number {
    const { place, removed, passed } = this.#walk(position, isInclusive);
    const rest = this.#slice(position, this.#end);
    this.#kept = rest === '' ? [] : [rest];
    this.#base = position;
    this.#place = place;
    this.#passed = passed;
    // Now and then only: to shift the list at every offer would cost its length every time.
    if (passed > 0 && (passed === this.#removedAt.length || passed > 10_000)) {
      this.#removedAt = this.#removedAt.slice(passed);
      this.#removedCount = this.#removedCount.slice(passed);
      this.#passed = 0;
    }
    return removed;
  }
}

const HAS_DTD =
  'В файле есть описание типа документа (<!DOCTYPE> или <!ENTITY>)|такие файлы не читаются ради безопасности';
const TWO_ROOTS = 'В файле два корня, похоже, склеены два файла';

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

function tag(name: string): string {
  return `<${shown(name)}>`;
}

/** A name out of the file, fit for a message. */
function shown(name: string): string {
  return name.length > 60 ? `${name.slice(0, 60)}…` : name;
}

/** Leaves out the references to forbidden characters. */
function withoutCuts(xml: string, base: number, cuts: readonly number[]): string {
  if (cuts.length === 0) return xml;
  const kept: string[] = [];
  let from = 0;
  for (let at = 0; at < cuts.length; at += 2) {
    const part = xml.slice(from, cuts[at]! - base);
    // `]&#1;]>` must not become `]]>`, which is no text.
    kept.push(part.endsWith(']') ? `${part.slice(0, -1)}&#93;` : part);
    from = cuts[at + 1]! - base;
  }
  kept.push(xml.slice(from));
  return kept.join('');
}
