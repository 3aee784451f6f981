import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pLimit from 'p-limit';
import type { Board } from '../boards/catalogue.ts';
import { schemaJudge } from '../boards/formats/inspect.ts';
import type { Clock } from '../clock.ts';
import { Fault } from '../domain/fault.ts';
import type { Outcome } from '../domain/gates.ts';
import type { Notice } from '../domain/notice.ts';
import type { Database } from '../store/database.ts';
import {
  type CabinetRow,
  commitRun,
  countOutcomes,
  currentEdition,
  type EditionRow,
  type MarkedListing,
  type NarrowRow,
  PublishSnapshot,
  recentEditions,
  type StagedOutcome,
  stageOutcomes,
  takeFence,
} from '../store/publishing.ts';
import {
  EditionReader,
  EditionWriter,
  editionFolder,
  overtaken,
  type Segment,
  segmentOf,
  sweepEditions,
} from './edition.ts';
import { type BoardDesk, deskOf, inspectorNotice, judge, renderOffer } from './offer.ts';

export interface PublishOptions {
  readonly db: Database;
  readonly boards: readonly Board[];
  readonly dataDir: string;
  readonly clock: Clock;
  /** Told how many marks of a cabinet are decided, for the progress bar. */
  readonly onProgress?: (cabinetId: number, done: number) => void;
}

export interface PublishedCabinet {
  readonly agencyId: number;
  readonly cabinetId: number;
  readonly board: string;
  readonly cabinet: string;
  /** null: nothing was ever published here, and nothing could be now. */
  readonly edition: number | null;
  readonly isNewEdition: boolean;
  readonly offers: number;
  readonly bytes: number;
  readonly sha256: string | null;
  readonly outcomes: Partial<Record<Outcome, number>>;
}

/**
 * Changes whenever the code that decides, renders or inspects changes, so that after a new version of the program no
 * offer keeps its old bytes: a digest of those very files, sources or build.
 */
const CODE_VERSION = digestOf(['boards', 'domain', 'export'].map((room) => join(import.meta.dirname, '..', room)));

function digestOf(folders: readonly string[]): string {
  const hash = createHash('sha256');
  for (const folder of folders) {
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
      if (/\.[jt]s$/.test(name)) hash.update(name).update(readFileSync(join(folder, name)));
    }
  }
  return hash.digest('hex').slice(0, 12);
}

/** Listings loaded, judged and rendered at a time; what memory a run takes is proportional to it. */
const WINDOW = 128;
/** Offers that one schema check looks at together. */
const INSPECTED_TOGETHER = 64;
const TRIES = 3;

export interface FailedCabinet {
  readonly cabinet: CabinetRow;
  readonly error: unknown;
}

/**
 * Publishes several cabinets, two at a time: one renders while the other waits for the database.
 * A cabinet that fails keeps its old edition and does not hold the others back.
 */
export async function publishAll(
  cabinets: readonly CabinetRow[],
  options: PublishOptions,
): Promise<{ published: PublishedCabinet[]; failed: FailedCabinet[] }> {
  const limit = pLimit(2);
  const results = await Promise.allSettled(cabinets.map((cabinet) => limit(() => publishCabinet(cabinet, options))));
  return {
    published: results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : [])),
    failed: results.flatMap((result, index) =>
      result.status === 'rejected' ? [{ cabinet: cabinets[index]!, error: result.reason as unknown }] : [],
    ),
  };
}

/**
 * Makes a new edition of a cabinet's feed, or finds that the served one is still right.
 * The old edition is served until the last moment and stays when anything fails.
 * @throws Fault `publish-overtaken` when a newer run took the cabinet, `disk-full`, and faults of the database
 */
export async function publishCabinet(cabinet: CabinetRow, options: PublishOptions): Promise<PublishedCabinet> {
  const board = options.boards.find((candidate) => candidate.id === cabinet.board);
  if (!board) throw new Fault('board-unknown', `Доски «${cabinet.board}» нет среди описаний досок (board-rules).`);
  const desk = deskOf(board, cabinet.family);
  let isAnew = false;
  for (let attempt = 1; ; attempt++) {
    const result = await runOnce(cabinet, desk, options, isAnew);
    if (result === 'committed') return summary(cabinet, options.db);
    if (result === 'unchanged' || result === 'kept-edition') {
      return { ...(await summary(cabinet, options.db)), isNewEdition: false };
    }
    if (result === 'overtaken') throw overtaken();
    if (result === 'torn') isAnew = true;
    if (attempt === TRIES) {
      throw new Fault(
        'publish-disturbed',
        `Пока собирался фид «${board.name}», отметки ${TRIES} раза подряд снимали. Повторите публикацию.`,
        { retryable: true },
      );
    }
  }
}

async function summary(cabinet: CabinetRow, db: Database): Promise<PublishedCabinet> {
  const edition = await currentEdition(db, cabinet);
  return {
    agencyId: cabinet.agencyId,
    cabinetId: cabinet.id,
    board: cabinet.board,
    cabinet: cabinet.slug,
    edition: edition?.id ?? null,
    isNewEdition: true,
    offers: edition?.offers ?? 0,
    bytes: edition?.bytes ?? 0,
    sha256: edition?.sha256 ?? null,
    outcomes: await countOutcomes(db, cabinet),
  };
}

/** ISO 8601 in UTC with an offset in figures, as Yandex wants it; whole seconds. */
function headMoment(moment: Date): string {
  return moment.toISOString().replace(/\.\d+Z$/, '+00:00');
}

type RunResult = 'committed' | 'kept-edition' | 'unchanged' | 'overtaken' | 'withdrawn-meanwhile' | 'torn';

/** @param isAnew leave the served edition's files alone: they are damaged */
async function runOnce(
  cabinet: CabinetRow,
  desk: BoardDesk,
  options: PublishOptions,
  isAnew: boolean,
): Promise<RunResult> {
  const { db, clock } = options;
  const now = clock();
  const folder = editionFolder(options.dataDir, cabinet.agencyId, cabinet.id);
  const context = `${desk.board.rulesVersion}/${desk.codec.family}/${CODE_VERSION}`;
  const fence = await takeFence(db, cabinet);
  await sweepEditions(folder, await recentEditions(db, cabinet), (name) => Number(name) < fence);
  const served = await currentEdition(db, cabinet);
  const snapshot = await PublishSnapshot.open(db, cabinet);
  let writer: EditionWriter | undefined;
  let previous: EditionReader | undefined;
  try {
    if (served && !isAnew) {
      previous = new EditionReader(folder, served);
      if (!(await previous.open())) previous = undefined;
    }
    if (previous && (await snapshot.isUnchanged(context))) return 'unchanged';
    writer = await EditionWriter.create(folder, String(fence), desk.codec.header(headMoment(now)), desk.codec.footer);
    const run = new Run(cabinet, desk, fence, snapshot, writer, previous, options);
    for await (const rows of snapshot.marks(context)) await run.take(rows);
    await run.end();
    return await commit(cabinet, fence, writer, previous !== undefined, run.staged, options.db, now);
  } catch (error) {
    // The next attempt renders everything from the base and needs nothing of the damaged files.
    if (error instanceof Fault && error.code === 'edition-torn') return 'torn';
    throw error;
  } finally {
    await writer?.discard();
    await previous?.close();
    await snapshot.close();
  }
}

async function commit(
  cabinet: CabinetRow,
  fence: number,
  writer: EditionWriter,
  hasPrevious: boolean,
  staged: number,
  db: Database,
  now: Date,
): Promise<RunResult> {
  let edition: Omit<EditionRow, 'id'> | undefined;
  if (!hasPrevious || !writer.isSameAsPrevious) {
    const { sha256, gzipSha256, bytes, gzipBytes, offers } = await writer.finish();
    edition = { sha256, gzipSha256, bytes, gzipBytes, offers, generatedAt: now, publishedAt: now };
  }
  const result = await commitRun(db, cabinet, fence, edition, staged, now);
  if (result.state !== 'committed') return result.state;
  return edition ? 'committed' : 'kept-edition';
}

/** One pass over the marks: what holds is copied, what changed is judged, rendered and inspected. */
class Run {
  readonly #cabinet: CabinetRow;
  readonly #desk: BoardDesk;
  readonly #fence: number;
  readonly #snapshot: PublishSnapshot;
  readonly #writer: EditionWriter;
  readonly #previous: EditionReader | undefined;
  readonly #options: PublishOptions;
  /** Decisions put aside for the commit. */
  staged = 0;
  #waiting: NarrowRow[] = [];
  #done = 0;

  constructor(
    cabinet: CabinetRow,
    desk: BoardDesk,
    fence: number,
    snapshot: PublishSnapshot,
    writer: EditionWriter,
    previous: EditionReader | undefined,
    options: PublishOptions,
  ) {
    this.#cabinet = cabinet;
    this.#desk = desk;
    this.#fence = fence;
    this.#snapshot = snapshot;
    this.#writer = writer;
    this.#previous = previous;
    this.#options = options;
  }

  /** Takes rows in the order of listing numbers; whole segments are worked off, the last one waits for its rest. */
  async take(rows: readonly NarrowRow[]): Promise<void> {
    this.#waiting.push(...rows);
    const open = segmentOf(this.#waiting.at(-1)!.listingId);
    const cut = this.#waiting.findIndex((row) => segmentOf(row.listingId) === open);
    const ready = this.#waiting.slice(0, cut);
    this.#waiting = this.#waiting.slice(cut);
    await this.#work(ready);
  }

  async end(): Promise<void> {
    await this.#work(this.#waiting);
    this.#waiting = [];
    if (this.#previous) {
      await this.#previous.segment(Number.POSITIVE_INFINITY);
      if (this.#previous.skipped > 0) this.#writer.noteLoss();
    }
  }

  async #work(rows: readonly NarrowRow[]): Promise<void> {
    for (let start = 0; start < rows.length; ) {
      let end = Math.min(start + WINDOW, rows.length);
      // A window never cuts a segment.
      while (end < rows.length && segmentOf(rows[end]!.listingId) === segmentOf(rows[end - 1]!.listingId)) end++;
      await this.#window(rows.slice(start, end));
      start = end;
    }
  }

  async #window(rows: readonly NarrowRow[]): Promise<void> {
    const kept = await this.#keptSegments(rows);
    const renewed = rows.filter((row) => !this.#holds(row, kept));
    const rendered = await this.#render(renewed);
    for (let start = 0; start < rows.length; ) {
      const key = segmentOf(rows[start]!.listingId);
      let end = start + 1;
      while (end < rows.length && segmentOf(rows[end]!.listingId) === key) end++;
      await this.#segment(key, rows.slice(start, end), kept.get(key), rendered);
      start = end;
    }
    this.#done += rows.length;
    this.#options.onProgress?.(this.#cabinet.id, this.#done);
  }

  /** The previous edition's segments for these rows, with where each offer's bytes are. */
  async #keptSegments(rows: readonly NarrowRow[]): Promise<Map<number, KeptSegment>> {
    const kept = new Map<number, KeptSegment>();
    if (!this.#previous) return kept;
    for (const key of new Set(rows.map((row) => segmentOf(row.listingId)))) {
      const segment = await this.#previous.segment(key);
      if (!segment) continue;
      const offers = new Map<number, [number, number]>();
      let at = segment.x[0];
      for (const [listingId, bytes] of segment.o) {
        offers.set(listingId, [at, bytes]);
        at += bytes;
      }
      kept.set(key, { segment, offers });
    }
    return kept;
  }

  /** True when the last decision holds and, for a published offer, its bytes are there. */
  #holds(row: NarrowRow, kept: ReadonlyMap<number, KeptSegment>): boolean {
    if (!row.isSame) return false;
    if (row.outcome !== 'published') return true;
    return kept.get(segmentOf(row.listingId))?.offers.has(row.listingId) === true;
  }

  /** Judges and renders; stages every decision. A listing without bytes in the answer is not published. */
  async #render(rows: readonly NarrowRow[]): Promise<Map<number, Buffer | null>> {
    const answer = new Map<number, Buffer | null>();
    if (rows.length === 0) return answer;
    const keys = new Map(rows.map((row) => [row.listingId, row.inputKey]));
    const staged: StagedOutcome[] = [];
    const written: { listing: MarkedListing; xml: string }[] = [];
    for (const listing of await this.#snapshot.wide(rows.map((row) => row.listingId))) {
      const inputKey = keys.get(listing.listingId)!;
      const { dressed, decision, notices } = judge(listing, this.#desk);
      const rendered = decision.outcome === 'published' ? renderOffer(this.#desk, dressed) : undefined;
      if (rendered && 'xml' in rendered) written.push({ listing, xml: rendered.xml });
      else if (rendered) {
        const { code, message } = rendered.notice;
        answer.set(listing.listingId, null);
        staged.push({ listingId: listing.listingId, outcome: 'blocked', notices: [{ code, message }], inputKey });
      } else {
        answer.set(listing.listingId, null);
        const told = notices
          .filter((notice) => notice.severity === 'blocking')
          .map(({ code, message }) => ({ code, message }));
        staged.push({
          listingId: listing.listingId,
          outcome: decision.outcome,
          notices: told.length > 0 ? told : null,
          inputKey,
        });
      }
    }
    const faulty = this.#inspect(written);
    for (const { listing, xml } of written) {
      const problem = faulty.get(listing.listingId);
      answer.set(listing.listingId, problem === undefined ? Buffer.from(xml) : null);
      staged.push({
        listingId: listing.listingId,
        outcome: problem === undefined ? 'published' : 'blocked',
        notices: problem === undefined ? null : [{ code: problem.code, message: problem.message }],
        inputKey: keys.get(listing.listingId)!,
      });
    }
    if (staged.length !== rows.length) {
      throw new Error(`broken invariant: ${rows.length} marks went in, ${staged.length} decisions came out`);
    }
    await stageOutcomes(this.#options.db, this.#cabinet, this.#fence, staged);
    this.staged += staged.length;
    return answer;
  }

  /** What the schema says of freshly written offers: by listing, one notice. */
  #inspect(written: readonly { listing: MarkedListing; xml: string }[]): Map<number, Notice> {
    const faulty = new Map<number, Notice>();
    const judgeOf = schemaJudge(this.#desk.codec.family);
    for (let start = 0; start < written.length; start += INSPECTED_TOGETHER) {
      const batch = written.slice(start, start + INSPECTED_TOGETHER);
      for (const problem of judgeOf.judge(batch.map(({ listing, xml }) => ({ id: String(listing.listingId), xml })))) {
        const listingId = Number(problem.id);
        if (!faulty.has(listingId)) faulty.set(listingId, inspectorNotice(problem.message));
      }
    }
    return faulty;
  }

  async #segment(
    key: number,
    rows: readonly NarrowRow[],
    kept: KeptSegment | undefined,
    rendered: ReadonlyMap<number, Buffer | null>,
  ): Promise<void> {
    const published = rows.filter((row) =>
      rendered.has(row.listingId) ? rendered.get(row.listingId) !== null : row.outcome === 'published',
    );
    if (kept && isSameSegment(published, kept, rendered)) {
      await this.#writer.copy(kept.segment, this.#previous!);
      return;
    }
    if (!kept && published.length === 0) return;
    const old = kept ? await this.#previous!.xml(kept.segment.x) : undefined;
    const offers = published.map((row) => {
      const fresh = rendered.get(row.listingId);
      if (fresh) return { listingId: row.listingId, bytes: fresh };
      const [at, length] = kept!.offers.get(row.listingId)!;
      return {
        listingId: row.listingId,
        bytes: old!.subarray(at - kept!.segment.x[0], at - kept!.segment.x[0] + length),
      };
    });
    const isEqual =
      old !== undefined &&
      Buffer.concat(offers.map((offer) => offer.bytes)).equals(old) &&
      offers.length === kept!.segment.o.length;
    // A change that does not show in the file (a note, a queue) leaves the segment as it was.
    if (isEqual) await this.#writer.copy(kept!.segment, this.#previous!);
    else await this.#writer.add(key, offers);
  }
}

interface KeptSegment {
  readonly segment: Segment;
  readonly offers: ReadonlyMap<number, readonly [number, number]>;
}

function isSameSegment(
  published: readonly NarrowRow[],
  kept: KeptSegment,
  rendered: ReadonlyMap<number, Buffer | null>,
): boolean {
  const slots = kept.segment.o;
  return (
    published.length === slots.length &&
    published.every((row, index) => slots[index]![0] === row.listingId && !rendered.has(row.listingId))
  );
}
