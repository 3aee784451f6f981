import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { constants, crc32, createDeflateRaw } from 'node:zlib';
import { Fault } from '../domain/fault.ts';

/**
 * Editions on disk: `<sha256>.xml`, its gzip twin and an index of segments, all immutable once renamed into place.
 *
 * A feed is cut into segments of up to 32 neighbouring listing numbers. A segment is compressed by itself and ended
 * with a full flush, so an edition is made of the previous one's compressed segments plus those that changed:
 * compressing the whole file at every change costs more than the change (docs/decisions/0002).
 */

/** Listing numbers that share a segment. */
export const SEGMENT_SPAN = 32;
export const segmentOf = (listingId: number) => Math.floor(listingId / SEGMENT_SPAN);

/** One offer inside a segment: the listing's number and the length of its text in bytes. */
export type OfferSlot = readonly [listingId: number, bytes: number];

export interface Segment {
  readonly key: number;
  /** Offset and length in the plain file. */
  readonly x: readonly [number, number];
  /** Offset and length in the gzip file. */
  readonly g: readonly [number, number];
  readonly o: readonly OfferSlot[];
}

const GZIP_HEAD = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
const LAST_BLOCK = Buffer.from([3, 0]);

export function editionFolder(dataDir: string, agencyId: number, cabinetId: number): string {
  return join(dataDir, 'editions', `${agencyId}-${cabinetId}`);
}

export function editionPath(folder: string, sha256: string, kind: 'xml' | 'xml.gz' | 'idx'): string {
  return join(folder, `${sha256}.${kind}`);
}

function asFault(error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new Fault(
      'disk-full',
      'На диске нет места: новое издание не записано, доски получают прежнее. Освободите место и повторите.',
      { cause: error, retryable: true },
    );
  }
  return error;
}

/** A newer run of the cabinet has begun; this one has nothing left to do. */
export function overtaken(): Fault {
  return new Fault('publish-overtaken', 'Этот фид уже публикует другой запуск. Подождите и повторите.', {
    retryable: true,
  });
}

/** A file that is written through one large buffer and counted and hashed on the way. */
class HashedFile {
  readonly hash: Hash = createHash('sha256');
  readonly #file: FileHandle;
  #parts: Buffer[] = [];
  #pending = 0;
  size = 0;
  constructor(file: FileHandle) {
    this.#file = file;
  }
  async write(bytes: Buffer): Promise<void> {
    this.hash.update(bytes);
    this.size += bytes.length;
    this.#parts.push(bytes);
    this.#pending += bytes.length;
    if (this.#pending >= 1 << 18) await this.flush();
  }
  async flush(): Promise<void> {
    if (this.#pending === 0) return;
    const parts = this.#parts;
    this.#parts = [];
    this.#pending = 0;
    let whole = Buffer.concat(parts);
    while (whole.length > 0) whole = whole.subarray((await this.#file.write(whole)).bytesWritten);
  }
  async finish(): Promise<void> {
    await this.flush();
    // The commit will point at this file: it must be on the disk before.
    await this.#file.sync();
    await this.#file.close();
  }
  close(): Promise<void> {
    return this.#file.close().catch(() => {});
  }
}

export interface WrittenEdition {
  readonly sha256: string;
  readonly gzipSha256: string;
  readonly bytes: number;
  readonly gzipBytes: number;
  readonly offers: number;
  /** Every segment came unchanged from the previous edition, and none is missing. */
  readonly isSameAsPrevious: boolean;
}

/** Reads the segments of a published edition in order, and their bytes. */
export class EditionReader {
  readonly #folder: string;
  readonly #edition: { readonly sha256: string; readonly bytes: number; readonly gzipBytes: number };
  #xml: FileHandle | undefined;
  #gzip: FileHandle | undefined;
  #lines: AsyncIterator<string> | undefined;
  #index: FileHandle | undefined;
  #next: Segment | undefined;
  /** Segments that were passed over because the new edition has nothing there. */
  skipped = 0;

  constructor(
    folder: string,
    edition: { readonly sha256: string; readonly bytes: number; readonly gzipBytes: number },
  ) {
    this.#folder = folder;
    this.#edition = edition;
  }

  /** False when the files are not there any more or not whole; then everything is written anew. */
  async open(): Promise<boolean> {
    try {
      this.#xml = await open(editionPath(this.#folder, this.#edition.sha256, 'xml'));
      this.#gzip = await open(editionPath(this.#folder, this.#edition.sha256, 'xml.gz'));
      this.#index = await open(editionPath(this.#folder, this.#edition.sha256, 'idx'));
      const sizes = [(await this.#xml.stat()).size, (await this.#gzip.stat()).size];
      if (sizes[0] !== this.#edition.bytes || sizes[1] !== this.#edition.gzipBytes) {
        await this.close();
        return false;
      }
      this.#lines = createInterface({ input: this.#index.createReadStream({ autoClose: false }) })[
        Symbol.asyncIterator
      ]();
      await this.#advance();
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      await this.close();
      return false;
    }
  }

  async #advance(): Promise<void> {
    const line = await this.#lines!.next();
    this.#next = line.done === true ? undefined : parseSegment(line.value as string);
  }

  /** The segment of that key, if the edition has one. Keys must be asked in rising order. */
  async segment(key: number): Promise<Segment | undefined> {
    while (this.#next !== undefined && this.#next.key < key) {
      this.skipped++;
      await this.#advance();
    }
    if (this.#next?.key !== key) return undefined;
    const found = this.#next;
    await this.#advance();
    return found;
  }

  /** The rest of the segments in order. */
  async *segments(): AsyncGenerator<Segment> {
    while (this.#next !== undefined) {
      const found = this.#next;
      await this.#advance();
      yield found;
    }
  }

  /** The offers of a segment with their bytes. */
  async offers(segment: Segment): Promise<{ listingId: number; bytes: Buffer }[]> {
    const whole = await this.xml(segment.x);
    let at = 0;
    return segment.o.map(([listingId, length]) => {
      const bytes = whole.subarray(at, at + length);
      at += length;
      return { listingId, bytes };
    });
  }

  xml([offset, length]: readonly [number, number]): Promise<Buffer> {
    return readExactly(this.#xml!, offset, length);
  }

  gzip([offset, length]: readonly [number, number]): Promise<Buffer> {
    return readExactly(this.#gzip!, offset, length);
  }

  async close(): Promise<void> {
    for (const file of [this.#xml, this.#gzip, this.#index]) await file?.close().catch(() => {});
    this.#xml = this.#gzip = this.#index = undefined;
  }
}

function parseSegment(line: string): Segment {
  try {
    return JSON.parse(line) as Segment;
  } catch {
    throw new Fault('edition-torn', 'Опись прежнего издания повреждена.');
  }
}

async function readExactly(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  while (at < length) {
    const { bytesRead } = await file.read(bytes, at, length - at, offset + at);
    if (bytesRead === 0) throw new Fault('edition-torn', 'Файл прежнего издания короче, чем записано в его описи.');
    at += bytesRead;
  }
  return bytes;
}

/** Freshly rendered offers between the pass that decides and the pass that writes: on the disk, not in memory. */
export class Spool {
  readonly #path: string;
  readonly #file: FileHandle;
  #parts: Buffer[] = [];
  #pending = 0;
  #size = 0;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  static async create(folder: string, name: string): Promise<Spool> {
    try {
      await mkdir(folder, { recursive: true });
      const path = join(folder, `${name}.spool.tmp`);
      return new Spool(path, await open(path, 'w+', 0o600));
    } catch (error) {
      throw asFault(error);
    }
  }

  /** Puts an offer aside; undefined when there is none. */
  async put(xml: string | undefined): Promise<{ readonly at: number; readonly bytes: number } | undefined> {
    if (xml === undefined) return undefined;
    const bytes = Buffer.from(xml);
    const at = this.#size;
    this.#size += bytes.length;
    this.#parts.push(bytes);
    this.#pending += bytes.length;
    if (this.#pending >= 1 << 20) await this.#flush();
    return { at, bytes: bytes.length };
  }

  async #flush(): Promise<void> {
    let whole = Buffer.concat(this.#parts);
    let at = this.#size - this.#pending;
    this.#parts = [];
    this.#pending = 0;
    try {
      while (whole.length > 0) {
        const { bytesWritten } = await this.#file.write(whole, 0, whole.length, at);
        whole = whole.subarray(bytesWritten);
        at += bytesWritten;
      }
    } catch (error) {
      throw asFault(error);
    }
  }

  async take(at: number, bytes: number): Promise<Buffer> {
    if (this.#pending > 0) await this.#flush();
    return readExactly(this.#file, at, bytes);
  }

  async discard(): Promise<void> {
    await this.#file.close().catch(() => {});
    await rm(this.#path, { force: true }).catch(() => {});
  }
}

/** Writes an edition under temporary names; `finish` gives it its name, `discard` leaves no trace. */
export class EditionWriter {
  readonly #folder: string;
  readonly #name: string;
  readonly #footer: Buffer;
  readonly #packer = new Packer();
  #xml!: HashedFile;
  #gzip!: HashedFile;
  #index!: HashedFile;
  #crc = 0;
  #offers = 0;
  #isSame = true;

  private constructor(folder: string, name: string, footer: string) {
    this.#folder = folder;
    this.#name = name;
    this.#footer = Buffer.from(footer);
  }

  /** `name` must be unique among the runs of the cabinet, for example its fencing number. */
  static async create(folder: string, name: string, header: string, footer: string): Promise<EditionWriter> {
    try {
      await mkdir(folder, { recursive: true });
      const writer = new EditionWriter(folder, name, footer);
      writer.#xml = new HashedFile(await open(writer.#temporary('xml'), 'w', 0o644));
      writer.#gzip = new HashedFile(await open(writer.#temporary('xml.gz'), 'w', 0o644));
      writer.#index = new HashedFile(await open(writer.#temporary('idx'), 'w', 0o644));
      await writer.#gzip.write(GZIP_HEAD);
      await writer.#plain(Buffer.from(header));
      return writer;
    } catch (error) {
      throw asFault(error);
    }
  }

  #temporary(kind: string): string {
    return join(this.#folder, `${this.#name}.${kind}.tmp`);
  }

  async #plain(bytes: Buffer): Promise<Buffer> {
    const packed = await this.#packer.pack(bytes);
    this.#crc = crc32(bytes, this.#crc);
    await this.#xml.write(bytes);
    await this.#gzip.write(packed);
    return packed;
  }

  /** Takes a segment over from the previous edition without touching its compressed form. */
  async copy(segment: Segment, previous: EditionReader): Promise<void> {
    try {
      const [bytes, packed] = await Promise.all([previous.xml(segment.x), previous.gzip(segment.g)]);
      await this.#note(segment.key, bytes.length, packed.length, segment.o);
      this.#crc = crc32(bytes, this.#crc);
      await this.#xml.write(bytes);
      await this.#gzip.write(packed);
    } catch (error) {
      throw asFault(error);
    }
  }

  /** Writes a segment made of the given offers, in order. */
  async add(key: number, offers: readonly { readonly listingId: number; readonly bytes: Buffer }[]): Promise<void> {
    this.#isSame = false;
    if (offers.length === 0) return;
    try {
      const bytes = Buffer.concat(offers.map((offer) => offer.bytes));
      const gzipAt = this.#gzip.size;
      const xmlAt = this.#xml.size;
      const packed = await this.#plain(bytes);
      await this.#note(
        key,
        bytes.length,
        packed.length,
        offers.map((offer) => [offer.listingId, offer.bytes.length] as const),
        xmlAt,
        gzipAt,
      );
    } catch (error) {
      throw asFault(error);
    }
  }

  async #note(
    key: number,
    bytes: number,
    packed: number,
    slots: readonly OfferSlot[],
    xmlAt = this.#xml.size,
    gzipAt = this.#gzip.size,
  ): Promise<void> {
    this.#offers += slots.length;
    const segment: Segment = { key, x: [xmlAt, bytes], g: [gzipAt, packed], o: slots };
    await this.#index.write(Buffer.from(`${JSON.stringify(segment)}\n`));
  }

  get offers(): number {
    return this.#offers;
  }

  /** A segment of the previous edition has no place in this one. */
  noteLoss(): void {
    this.#isSame = false;
  }

  get isSameAsPrevious(): boolean {
    return this.#isSame;
  }

  /** Ends, syncs and names the files. Afterwards the edition can be served, once the commit points at it. */
  async finish(): Promise<WrittenEdition> {
    try {
      await this.#plain(this.#footer);
      const tail = Buffer.alloc(8);
      tail.writeUInt32LE(this.#crc >>> 0, 0);
      tail.writeUInt32LE(this.#xml.size % 0x1_0000_0000, 4);
      await this.#gzip.write(Buffer.concat([LAST_BLOCK, tail]));
      for (const file of [this.#xml, this.#gzip, this.#index]) await file.finish();
      const sha256 = this.#xml.hash.digest('hex');
      for (const kind of ['idx', 'xml.gz', 'xml'] as const) {
        await rename(this.#temporary(kind), editionPath(this.#folder, sha256, kind)).catch((error) => {
          // Only a newer run of the cabinet sweeps our unfinished files away.
          if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw overtaken();
          throw error;
        });
      }
      await syncFolder(this.#folder);
      return {
        sha256,
        gzipSha256: this.#gzip.hash.digest('hex'),
        bytes: this.#xml.size,
        gzipBytes: this.#gzip.size,
        offers: this.#offers,
        isSameAsPrevious: this.#isSame,
      };
    } catch (error) {
      throw asFault(error);
    }
  }

  async discard(): Promise<void> {
    this.#packer.close();
    for (const file of [this.#xml, this.#gzip, this.#index]) await file?.close();
    for (const kind of ['xml', 'xml.gz', 'idx']) await rm(this.#temporary(kind), { force: true }).catch(() => {});
  }
}

/**
 * Raw deflate, segment by segment: each ends at a byte boundary and refers to nothing before it, so it may be joined
 * with any other. One compressor serves the whole file, in a thread of its own; a new one per segment would leave a
 * quarter of a megabyte behind each time.
 */
class Packer {
  readonly #deflate = createDeflateRaw({ level: 6, chunkSize: 1 << 16 });
  #parts: Buffer[] = [];
  #failed: Error | undefined;
  constructor() {
    this.#deflate.on('data', (part: Buffer) => this.#parts.push(part));
    this.#deflate.on('error', (error) => {
      this.#failed = error;
    });
  }
  async pack(bytes: Buffer): Promise<Buffer> {
    this.#deflate.write(bytes);
    await new Promise<void>((resolve) => this.#deflate.flush(constants.Z_FULL_FLUSH, () => resolve()));
    if (this.#failed) throw this.#failed;
    const packed = Buffer.concat(this.#parts);
    this.#parts = [];
    return packed;
  }
  close(): void {
    this.#deflate.destroy();
  }
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return; // folders cannot be synced there
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** How many editions before the current one keep their files, so a robot in the middle of a pull is never cut off. */
const KEPT = 3;

/**
 * Removes files of old editions and what killed runs left behind.
 * @param keep sha256 of the editions to keep, newest first; only the first few are kept
 */
export async function sweepEditions(
  folder: string,
  keep: readonly string[],
  isMine: (temporaryName: string) => boolean,
): Promise<void> {
  const kept = new Set(keep.slice(0, KEPT));
  for (const name of await readdir(folder).catch(() => [] as string[])) {
    const [stem, ...rest] = name.split('.');
    const isTemporary = name.endsWith('.tmp');
    if (isTemporary ? isMine(stem!) : !kept.has(stem!) && rest.length > 0 && (await isOld(join(folder, name)))) {
      await rm(join(folder, name), { force: true }).catch(() => {});
    }
  }
}

/** A file that another run has just named may not be in our list yet. */
async function isOld(path: string): Promise<boolean> {
  const info = await stat(path).catch(() => undefined);
  return info !== undefined && Date.now() - info.mtimeMs > 60_000;
}
