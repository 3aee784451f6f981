import pLimit from 'p-limit';
import type { Board } from '../boards/catalogue.ts';
import { schemaJudge } from '../boards/formats/inspect.ts';
import { formatPhone } from '../boards/formats/phone.ts';
import { parseElement } from '../boards/formats/xml.ts';
import type { Clock } from '../clock.ts';
import { Brake, type BrakeState, type Loss } from '../domain/brake.ts';
import { nextMidnight } from '../domain/days.ts';
import { Fault } from '../domain/fault.ts';
import { changesAt, earliest, type GateName, type Outcome } from '../domain/gates.ts';
import type { Judgement } from '../domain/judgement.ts';
import type { Listing } from '../domain/listing.ts';
import { type Plan, planOf, type Settled } from '../domain/plan.ts';
import type { Database, Queryable } from '../store/database.ts';
import { tell } from '../store/journal.ts';
import {
  type CabinetRow,
  commitRun,
  countOutcomes,
  currentEdition,
  type EditionRow,
  type NarrowRow,
  narrowRows,
  notePending,
  PublishSnapshot,
  recentEditions,
  rivalRows,
  runningPlacements,
  type StagedOutcome,
  sharedKeys,
  stageOutcomes,
  tellChanges,
  tellKeepers,
  unstageOutcomes,
} from '../store/publishing.ts';
import { claimRun, endRun, type RunClaim } from '../store/runs.ts';
import {
  EditionReader,
  EditionWriter,
  editionFolder,
  overtaken,
  type Segment,
  Spool,
  segmentOf,
  sweepEditions,
} from './edition.ts';
import { type Frame, loadFrame, rotationOf } from './frame.ts';
import { judgeRows } from './judge.ts';
import { renderOffer } from './offer.ts';

export interface PublishOptions {
  readonly db: Database;
  readonly boards: readonly Board[];
  readonly dataDir: string;
  readonly clock: Clock;
  /** Told how many marks of a cabinet are decided, for the progress bar. */
  readonly onProgress?: (cabinetId: number, done: number) => void;
  /** The process is to end: a run gives up at the next step and leaves its cabinet due. */
  readonly signal?: AbortSignal;
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
  /** The shrink brake keeps listings that should have left. */
  readonly brake: BrakeState | null;
}

/** Listings loaded, judged and rendered at a time; what memory a run takes is proportional to it. */
const WINDOW = 128;
/** Decisions staged in one statement. */
const STAGED_TOGETHER = 512;
const TRIES = 3;

export interface FailedCabinet {
  readonly cabinet: CabinetRow;
  readonly error: unknown;
}

/** Long work asks here at every step whether it is still wanted. */
function goOn({ signal }: PublishOptions): void {
  if (!signal?.aborted) return;
  throw new Fault('publish-stopped', 'Программу остановили, пока она собирала фид. Он будет собран после запуска.', {
    retryable: true,
  });
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
 * @throws Fault `publish-busy` when another run has the cabinet, `publish-overtaken`, `publish-stopped`, `disk-full`,
 *   and faults of the database
 */
export async function publishCabinet(cabinet: CabinetRow, options: PublishOptions): Promise<PublishedCabinet> {
  let published = (await publishFor('person', cabinet, options))!;
  // Whatever was withdrawn while the run was under way has made the cabinet due at once: it must not wait for the clock.
  for (let again = 1; again < TRIES; again++) {
    const next = await publishDue(cabinet, options).catch((error: unknown) => {
      if (error instanceof Fault && error.code === 'publish-busy') return undefined;
      throw error;
    });
    if (!next) break;
    published = { ...next, isNewEdition: published.isNewEdition || next.isNewEdition };
  }
  return published;
}

/** The same for the clockwork. @returns undefined when the cabinet is not due any more: somebody has done it */
export function publishDue(cabinet: CabinetRow, options: PublishOptions): Promise<PublishedCabinet | undefined> {
  return publishFor('due', cabinet, options);
}

/** Ends that are nobody's failure: after a failure the cabinet pauses. */
const ENDINGS: Readonly<Record<string, 'overtaken' | 'lost'>> = {
  'publish-overtaken': 'overtaken',
  'publish-stopped': 'lost',
};

async function publishFor(
  cause: 'due' | 'person',
  cabinet: CabinetRow,
  options: PublishOptions,
): Promise<PublishedCabinet | undefined> {
  const now = options.clock();
  const claim = await claimRun(options.db, cabinet, cause, now);
  if (claim === 'not-due') return undefined;
  if (claim === 'busy') {
    throw new Fault('publish-busy', `Фид «${cabinet.name}» уже собирает другой запуск. Подождите и повторите.`, {
      retryable: true,
    });
  }
  try {
    const board = options.boards.find((candidate) => candidate.id === cabinet.board);
    if (!board) throw new Fault('board-unknown', `Доски «${cabinet.board}» нет среди описаний досок (board-rules).`);
    for (let attempt = 1, isAnew = false; ; attempt++) {
      const result = await runOnce(cabinet, board, claim, options, now, isAnew);
      if (result === 'committed' || result === 'kept-edition') {
        return await summary(cabinet, options.db, result === 'committed');
      }
      // The files are damaged, and what this attempt has decided by them is decided again.
      isAnew = true;
      await unstageOutcomes(options.db, cabinet, claim.fence);
      if (attempt === TRIES) {
        throw new Fault(
          'publish-disturbed',
          `Прежнее издание фида «${board.name}» не читается. Повторите публикацию.`,
          {
            retryable: true,
          },
        );
      }
    }
  } catch (error) {
    const told = error instanceof Fault ? error.message : String((error as Error)?.message ?? error);
    const status = error instanceof Fault ? (ENDINGS[error.code] ?? 'failed') : 'failed';
    await endRun(
      options.db.pool,
      cabinet.agencyId,
      claim.runId,
      { status, editionId: null, outcomes: null, changed: null, error: told },
      options.clock(),
    ).catch(() => {});
    throw error;
  } finally {
    await claim.release();
  }
}

async function summary(cabinet: CabinetRow, db: Database, isNewEdition: boolean): Promise<PublishedCabinet> {
  const edition = await currentEdition(db, cabinet);
  return {
    agencyId: cabinet.agencyId,
    cabinetId: cabinet.id,
    board: cabinet.board,
    cabinet: cabinet.slug,
    edition: edition?.id ?? null,
    isNewEdition,
    offers: edition?.offers ?? 0,
    bytes: edition?.bytes ?? 0,
    sha256: edition?.sha256 ?? null,
    outcomes: await countOutcomes(db, cabinet),
    brake: edition?.brake ?? null,
  };
}

/** ISO 8601 in UTC with an offset in figures, as Yandex wants it; whole seconds. */
function headMoment(moment: Date): string {
  return moment.toISOString().replace(/\.\d+Z$/, '+00:00');
}

type Ended = 'committed' | 'kept-edition' | 'torn';

/** @param isAnew leave the served edition's files alone: they are damaged */
async function runOnce(
  cabinet: CabinetRow,
  board: Board,
  claim: RunClaim,
  options: PublishOptions,
  now: Date,
  isAnew: boolean,
): Promise<Ended> {
  const { db } = options;
  const { fence } = claim;
  const folder = editionFolder(options.dataDir, cabinet.agencyId, cabinet.id);
  await sweepEditions(folder, await recentEditions(db, cabinet), (name) => Number(name) <= fence);
  const served = await currentEdition(db, cabinet);
  const spool = await Spool.create(folder, String(fence));
  const snapshot = await PublishSnapshot.open(db, cabinet).catch(async (error: unknown) => {
    await spool.discard();
    throw error;
  });
  let writer: EditionWriter | undefined;
  let previous: EditionReader | undefined;
  try {
    if (served && !isAnew) {
      previous = new EditionReader(folder, served);
      if (!(await previous.open())) previous = undefined;
    }
    const frame = await loadFrame(snapshot.client, cabinet, board, now);
    const decided = new Deciding(frame, fence, snapshot, spool, served, options);
    await decided.run();
    const header = frame.desk.codec.header(headMoment(now));
    writer = await EditionWriter.create(folder, String(fence), header, frame.desk.codec.footer);
    await new Writing(frame, snapshot, spool, writer, previous, decided, options).run();
    return await commit(frame, claim, decided, writer, previous !== undefined, folder, options, now);
  } catch (error) {
    // The next attempt renders everything from the base and needs nothing of the damaged files.
    if (error instanceof Fault && error.code === 'edition-torn') return 'torn';
    throw error;
  } finally {
    await spool.discard();
    await writer?.discard();
    await previous?.close();
    await snapshot.close();
  }
}

async function commit(
  frame: Frame,
  claim: RunClaim,
  decided: Deciding,
  writer: EditionWriter,
  hasPrevious: boolean,
  folder: string,
  { db, clock }: PublishOptions,
  now: Date,
): Promise<Ended> {
  const { cabinet } = frame;
  let edition: Omit<EditionRow, 'id'> | undefined;
  const dated = { generatedAt: now, publishedAt: now };
  if (!hasPrevious || !writer.isSameAsPrevious) {
    const { isSameAsPrevious: _, ...written } = await writer.finish();
    edition = { ...written, ...dated };
  }
  // True whatever becomes of the commit.
  await notePending(db, cabinet.agencyId, decided.pending, frame.isModerated, now);
  const cut = new Set<number>();
  for (;;) {
    const result = await commitRun(
      db,
      cabinet,
      claim,
      {
        edition,
        staged: decided.staged,
        causes: frame.causes,
        brake: decided.brake.state(now),
        usedRelease: frame.row.brakeRelease !== null,
        nextAt: decided.nextAt(),
        cut: [...cut],
        finishedAt: clock(),
        alongside: (client, editionId) => tellPeople(frame, decided, editionId, client, now),
      },
      now,
    );
    if (result.state === 'overtaken') throw overtaken();
    if (result.state === 'committed') return edition ? 'committed' : 'kept-edition';
    for (const listingId of result.listingIds) cut.add(listingId);
    const from = edition ?? (await currentEdition(db, cabinet));
    if (!from) continue;
    const header = frame.desk.codec.header(headMoment(now));
    const shorter = await cutEdition(folder, from, cut, `${claim.fence}`, header, frame.desk.codec.footer);
    if (shorter) edition = { ...shorter, ...dated };
  }
}

/** The edition without some listings; undefined when it has none of them. */
async function cutEdition(
  folder: string,
  from: Pick<EditionRow, 'sha256' | 'bytes' | 'gzipBytes'>,
  without: ReadonlySet<number>,
  name: string,
  header: string,
  footer: string,
): Promise<Omit<EditionRow, 'id' | 'generatedAt' | 'publishedAt'> | undefined> {
  const reader = new EditionReader(folder, from);
  if (!(await reader.open())) throw new Fault('edition-torn', 'Только что записанное издание не читается.');
  const writer = await EditionWriter.create(folder, name, header, footer);
  try {
    for await (const segment of reader.segments()) {
      if (!segment.o.some(([listingId]) => without.has(listingId))) await writer.copy(segment, reader);
      else {
        const offers = await reader.offers(segment);
        await writer.add(
          segment.key,
          offers.filter(({ listingId }) => !without.has(listingId)),
        );
      }
    }
    if (writer.isSameAsPrevious) return undefined;
    const { isSameAsPrevious: _, ...written } = await writer.finish();
    return written;
  } finally {
    await writer.discard();
    await reader.close();
  }
}

/** Whom a run's decisions concern. */
async function tellPeople(
  frame: Frame,
  decided: Deciding,
  editionId: number | null,
  client: Queryable,
  now: Date,
): Promise<void> {
  const { cabinet } = frame;
  await tellChanges(client, cabinet, frame.desk.board.name, now);
  await tellKeepers(client, cabinet, frame.desk.board.name, decided.newDuplicates, now);
  const brake = decided.brake.state(now);
  if (brake && brake.since === now.toISOString()) {
    await tell(
      client,
      cabinet.agencyId,
      [
        {
          key: `brake:${cabinet.id}:${editionId}:${brake.since}`,
          kind: 'brake',
          role: 'adSpecialist',
          cabinetId: cabinet.id,
          text: decided.brake.sentence(frame.desk.board.name),
        },
      ],
      now,
    );
  }
}

/** What the writing pass must know of every live mark: 8 + 1 + 12 bytes each, however many there are. */
interface Fates {
  readonly ids: number[];
  /** 0: not in the edition, 1: in it, 2: kept by the brake with the bytes it has there, 3: let go by the brake, so those bytes are old. */
  readonly fate: number[];
  /** Where its freshly rendered bytes are; -1: nowhere. */
  readonly spooledAt: number[];
  readonly spooledBytes: number[];
}

interface Waiting {
  readonly row: NarrowRow;
  readonly place: number;
  readonly judged: Found;
}

/** A mark that may leave the feed, or that the brake may keep. */
interface Lost {
  readonly row: NarrowRow;
  readonly place: number;
  /** The decision without the brake. */
  readonly outcome: StagedOutcome;
}

/** What this run has judged: small, for a batch of them is kept at a time. */
interface Fresh {
  readonly judgement: Judgement | null;
  readonly priceKopecks: number | null;
  /** Where the run has put the offer aside. */
  readonly spooled: { readonly at: number; readonly bytes: number } | undefined;
}

/** The judgement of a mark, new or kept. */
interface Found {
  readonly judgement: Judgement | null;
  readonly inputKey: string;
  readonly contentKey: string;
  readonly priceKopecks: number | null;
  readonly isNew: boolean;
}

/** The first pass: every live mark is decided; whatever is new is judged, rendered and put aside. */
class Deciding {
  readonly fates: Fates = { ids: [], fate: [], spooledAt: [], spooledBytes: [] };
  readonly brake: Brake<NarrowRow, Lost>;
  readonly pending: { since: number[]; over: number[] } = { since: [], over: [] };
  readonly newDuplicates: { readonly listingId: number; readonly of: number }[] = [];
  /** Decisions put aside for the commit. */
  staged = 0;
  readonly #frame: Frame;
  readonly #fence: number;
  readonly #snapshot: PublishSnapshot;
  readonly #spool: Spool;
  readonly #options: PublishOptions;
  readonly #waiting = new Map<number, Waiting>();
  readonly #rows: StagedOutcome[] = [];
  #plan!: Plan;
  #hasQueue = false;
  #heldNextAt: Date | null = null;
  #done = 0;
  #concluded = 0;

  constructor(
    frame: Frame,
    fence: number,
    snapshot: PublishSnapshot,
    spool: Spool,
    served: EditionRow | undefined,
    options: PublishOptions,
  ) {
    this.#frame = frame;
    this.#fence = fence;
    this.#snapshot = snapshot;
    this.#spool = spool;
    this.#options = options;
    this.brake = new Brake(frame, served?.offers ?? 0);
  }

  async run(): Promise<void> {
    const frame = this.#frame;
    const { client } = this.#snapshot;
    const { package: pack, turnDays } = frame.cabinetSettings;
    const { today } = frame.context;
    const rivals = await rivalRows(client, frame.cabinet);
    this.#plan = planOf({
      cabinetId: frame.cabinet.id,
      context: frame.context,
      package: pack,
      turnDays,
      ...(await rotationOf(client, frame)),
      sharedKeys: await sharedKeys(client, frame.cabinet),
      rivals,
    });
    const running = pack?.kind === 'placements' ? await runningPlacements(client, frame.cabinet, today) : undefined;
    for await (const rows of this.#snapshot.marks(frame.context.zone, frame.isModerated, frame.context.now)) {
      await this.#take(running ? rows.map((row) => withPlacement(row, running)) : rows);
    }
    await this.#settle();
    for (const loss of this.brake.decide()) {
      const { row, place } = loss;
      const outcome = loss.isHeld ? held(loss) : loss.outcome;
      this.#stage(row, loss.isHeld ? 2 : 0, place, outcome);
      if (!loss.isHeld) continue;
      // What it is held through is not the end of it: its term or its freshness may end meanwhile.
      const facts = frame.mark(row, outcome.judgement);
      this.#heldNextAt = earliest(this.#heldNextAt, changesAt(facts, frame.context, null));
    }
    await this.#flush(true);
    if (this.#concluded !== this.fates.ids.length) {
      throw new Error(
        `broken invariant: ${this.fates.ids.length} marks went in, ${this.#concluded} decisions came out`,
      );
    }
  }

  /** When the cabinet's answer changes by itself next. */
  nextAt(): Date | null {
    const { context } = this.#frame;
    const next = earliest(earliest(this.#plan.nextAt(), this.#heldNextAt), this.#frame.nextAt());
    // Places change hands at midnight only.
    return this.#hasQueue ? earliest(next, nextMidnight(context.now, context.zone)) : next;
  }

  async #take(rows: readonly NarrowRow[]): Promise<void> {
    const frame = this.#frame;
    const keys = rows.map((row) => frame.keys(row));
    // Of a price that is held the last decision tells what the board has, not what is wanted: that is asked each time.
    const anew = rows.filter(
      ({ last }, index) => last?.inputKey !== keys[index]!.inputKey || last.judgement?.held?.cause === 'price',
    );
    const judged = new Map<number, Fresh>();
    for (let start = 0; start < anew.length; start += WINDOW) {
      goOn(this.#options);
      const window = anew.slice(start, start + WINDOW);
      for (const one of await judgeRows(this.#snapshot.client, frame, window)) {
        const place = await this.#spool.put(one.xml);
        const { judgement, priceKopecks } = one;
        judged.set(one.listingId, { judgement, priceKopecks, spooled: place });
      }
    }
    for (const [index, row] of rows.entries()) {
      const fresh = judged.get(row.listingId);
      const found: Found = fresh
        ? { ...keys[index]!, judgement: fresh.judgement, priceKopecks: fresh.priceKopecks, isNew: true }
        : {
            ...keys[index]!,
            judgement: row.last!.judgement,
            priceKopecks: row.last!.priceKopecks,
            isNew: false,
          };
      this.#consider(row, found, fresh);
    }
    await this.#flush(false);
    this.#done += rows.length;
    this.#options.onProgress?.(frame.cabinet.id, this.#done);
  }

  #consider(row: NarrowRow, found: Found, fresh: Fresh | undefined): void {
    const { fates } = this;
    const place = fates.ids.length;
    fates.ids.push(row.listingId);
    fates.fate.push(0);
    fates.spooledAt.push(fresh?.spooled?.at ?? -1);
    fates.spooledBytes.push(fresh?.spooled?.bytes ?? 0);
    const approval = found.judgement?.approval;
    if ((approval === 'awaiting' || approval === 'kept') && row.pendingSince === null)
      this.pending.since.push(row.listingId);
    if (row.pendingSince !== null && (approval === 'approved' || approval === undefined))
      this.pending.over.push(row.listingId);
    const answer = this.#plan.consider(this.#frame.mark(row, found.judgement));
    if (answer.state === 'pending') {
      this.#waiting.set(row.listingId, { row, place, judged: found });
      return;
    }
    if (answer.state === 'through') {
      this.#conclude(row, place, found, { outcome: 'published', reason: null });
      return;
    }
    this.#conclude(row, place, found, {
      outcome: answer.closing.outcome,
      reason: `${answer.closing.reason}`,
      gate: answer.gate,
    });
  }

  async #settle(): Promise<void> {
    const settled = this.#plan.settle();
    for (const [listingId, one] of settled) {
      const { row, place, judged } = this.#waiting.get(listingId)!;
      if (one.gate === 'place') this.#hasQueue = true;
      if (one.duplicate !== null && row.last?.outcome !== 'duplicate') {
        this.newDuplicates.push({ listingId, of: one.duplicate.listingId });
      }
      this.#conclude(
        row,
        place,
        judged,
        {
          outcome: one.closing?.outcome ?? 'published',
          reason: one.closing?.reason ?? null,
          ...(one.gate && { gate: one.gate }),
        },
        one,
      );
      await this.#flush(false);
    }
    if (this.#frame.cabinetSettings.package !== null && settled.size > 0) this.#hasQueue = true;
  }

  /** The final word on a mark, unless the brake has something to say. */
  #conclude(
    row: NarrowRow,
    place: number,
    found: Found,
    answer: { readonly outcome: Outcome; readonly reason: string | null; readonly gate?: GateName },
    settled?: Settled,
  ): void {
    const { now } = this.#frame.context;
    const last = row.last;
    const { held: _, ...judgement } = found.judgement ?? {};
    const outcome: StagedOutcome = {
      listingId: row.listingId,
      outcome: answer.outcome,
      reason: answer.reason,
      judgement: Object.keys(judgement).length === 0 ? null : judgement,
      inputKey: found.inputKey,
      contentKey: found.contentKey,
      priceKopecks: found.priceKopecks,
      isHeld: false,
      // A mark that is away keeps its place in mind and comes back to it while one is free.
      placedOn: settled ? (settled.given?.placedOn ?? null) : (last?.placedOn ?? null),
      waitingSince: waitingSince(last, answer.outcome, now),
      placementFrom: settled?.given?.placementFrom ?? last?.placementFrom ?? null,
      placementUntil: settled?.given?.placementUntil ?? last?.placementUntil ?? null,
    };
    const loss = this.brake.lossOf(row, found, answer);
    const fate = answer.outcome !== 'published' ? 0 : last?.isHeld ? 3 : 1;
    if (loss === null) this.#stage(row, fate, place, outcome);
    else this.brake.add({ row, place, outcome, ...loss });
  }

  #stage(row: NarrowRow, fate: 0 | 1 | 2 | 3, place: number, outcome: StagedOutcome): void {
    this.#concluded++;
    this.fates.fate[place] = fate;
    if (row.last !== null && isSameDecision(row.last, outcome)) return;
    this.#rows.push(outcome);
  }

  async #flush(isLast: boolean): Promise<void> {
    while (this.#rows.length >= STAGED_TOGETHER || (isLast && this.#rows.length > 0)) {
      const batch = this.#rows.splice(0, STAGED_TOGETHER);
      await stageOutcomes(this.#options.db, this.#frame.cabinet, this.#fence, batch);
      this.staged += batch.length;
    }
  }
}

/** The decision about a mark that the brake keeps: in the feed, with the price and the place it has there. */
function held({ row, outcome, gate, cause }: Lost & Loss): StagedOutcome {
  return {
    ...outcome,
    outcome: 'published',
    isHeld: true,
    judgement: { ...outcome.judgement, held: { gate, cause } },
    priceKopecks: row.last!.priceKopecks,
    placedOn: row.last!.placedOn,
    waitingSince: null,
  };
}

function withPlacement(
  row: NarrowRow,
  running: ReadonlyMap<number, { readonly from: string; readonly until: string }>,
): NarrowRow {
  const placement = running.get(row.listingId);
  if (!placement) return row;
  return { ...row, placement };
}

/** A night or a pause does not take the turn away from those who wait. */
function waitingSince(last: NarrowRow['last'], outcome: Outcome, now: Date): Date | null {
  if (outcome !== 'waiting-turn' && outcome !== 'paused') return null;
  if (last?.waitingSince != null) return new Date(last.waitingSince);
  return outcome === 'waiting-turn' ? now : null;
}

function isSameDecision(last: NonNullable<NarrowRow['last']>, next: StagedOutcome): boolean {
  return (
    last.outcome === next.outcome &&
    last.inputKey === next.inputKey &&
    last.reason === next.reason &&
    last.isHeld === next.isHeld &&
    last.placedOn === next.placedOn &&
    last.waitingSince === (next.waitingSince?.getTime() ?? null) &&
    last.placementFrom === next.placementFrom
  );
}

interface WindowRow {
  readonly listingId: number;
  readonly fate: number;
  readonly spooledAt: number;
  readonly spooledBytes: number;
}

/** The second pass: segments are copied where nothing changed, and made anew of kept and fresh bytes where something did. */
class Writing {
  readonly #frame: Frame;
  readonly #snapshot: PublishSnapshot;
  readonly #spool: Spool;
  readonly #writer: EditionWriter;
  readonly #previous: EditionReader | undefined;
  readonly #fates: Fates;
  readonly #options: PublishOptions;

  constructor(
    frame: Frame,
    snapshot: PublishSnapshot,
    spool: Spool,
    writer: EditionWriter,
    previous: EditionReader | undefined,
    decided: Deciding,
    options: PublishOptions,
  ) {
    this.#frame = frame;
    this.#snapshot = snapshot;
    this.#spool = spool;
    this.#writer = writer;
    this.#previous = previous;
    this.#fates = decided.fates;
    this.#options = options;
  }

  async run(): Promise<void> {
    const { ids } = this.#fates;
    for (let start = 0; start < ids.length; ) {
      let end = Math.min(start + WINDOW, ids.length);
      goOn(this.#options);
      // A window never cuts a segment.
      while (end < ids.length && segmentOf(ids[end]!) === segmentOf(ids[end - 1]!)) end++;
      await this.#window(start, end);
      start = end;
    }
    if (this.#previous) {
      await this.#previous.segment(Number.POSITIVE_INFINITY);
      if (this.#previous.skipped > 0) this.#writer.noteLoss();
    }
  }

  async #window(start: number, end: number): Promise<void> {
    const { ids, fate, spooledAt, spooledBytes } = this.#fates;
    const segments = new Map<number, { kept: Segment | undefined; rows: WindowRow[] }>();
    for (let index = start; index < end; index++) {
      const key = segmentOf(ids[index]!);
      let segment = segments.get(key);
      if (!segment) {
        segment = { kept: await this.#previous?.segment(key), rows: [] };
        segments.set(key, segment);
      }
      if (fate[index] === 0) continue;
      segment.rows.push({
        listingId: ids[index]!,
        fate: fate[index]!,
        spooledAt: spooledAt[index]!,
        spooledBytes: spooledBytes[index]!,
      });
    }
    const rendered = await this.#render([...segments.values()]);
    for (const [key, { kept, rows }] of segments) await this.#segment(key, rows, kept, rendered);
  }

  /** Offers whose bytes are neither fresh nor in the previous edition: they were kept away by something else than their content. */
  async #render(
    segments: readonly { kept: Segment | undefined; rows: readonly WindowRow[] }[],
  ): Promise<ReadonlyMap<number, Buffer>> {
    const missing = segments.flatMap(({ kept, rows }) => {
      const there = new Set(kept?.o.map(([listingId]) => listingId));
      return rows
        .filter((row) => row.spooledAt < 0 && (row.fate === 3 || !there.has(row.listingId)))
        .map((row) => row.listingId);
    });
    const rendered = new Map<number, Buffer>();
    if (missing.length === 0) return rendered;
    const { context, cabinet, isModerated } = this.#frame;
    const rows = await narrowRows(this.#snapshot.client, cabinet, context.zone, isModerated, context.now, missing);
    for (const one of await judgeRows(this.#snapshot.client, this.#frame, rows)) {
      if (one.xml !== undefined) rendered.set(one.listingId, Buffer.from(one.xml));
    }
    return rendered;
  }

  async #segment(
    key: number,
    rows: readonly WindowRow[],
    kept: Segment | undefined,
    rendered: ReadonlyMap<number, Buffer>,
  ): Promise<void> {
    if (!kept && rows.length === 0) return;
    const isUntouched =
      kept !== undefined &&
      kept.o.length === rows.length &&
      rows.every((row, index) => kept.o[index]![0] === row.listingId && row.fate === 1 && row.spooledAt < 0);
    if (isUntouched) {
      await this.#writer.copy(kept, this.#previous!);
      return;
    }
    const old = new Map(
      kept ? (await this.#previous!.offers(kept)).map(({ listingId, bytes }) => [listingId, bytes]) : [],
    );
    const phones = await this.#phonesOf(rows.filter(({ fate }) => fate === 2).map(({ listingId }) => listingId));
    const offers: { listingId: number; bytes: Buffer }[] = [];
    for (const row of rows) {
      const before = old.get(row.listingId);
      const bytes =
        row.fate === 2 && before
          ? this.#redress(before, phones.get(row.listingId))
          : row.spooledAt >= 0
            ? await this.#spool.take(row.spooledAt, row.spooledBytes)
            : (rendered.get(row.listingId) ?? before);
      if (!bytes && row.fate === 2) {
        throw new Fault(
          'edition-lost',
          'Файлы прежнего издания потеряны, а из нового ушло бы слишком много объектов. Проверьте причину (brake list) и отпустите тормоз или верните файлы.',
        );
      }
      if (!bytes) throw new Error(`broken invariant: listing ${row.listingId} is published and has no offer`);
      offers.push({ listingId: row.listingId, bytes });
    }
    const isEqual =
      kept !== undefined &&
      offers.length === kept.o.length &&
      offers.every(
        ({ listingId, bytes }, index) => kept.o[index]![0] === listingId && old.get(listingId)!.equals(bytes),
      );
    // A change that does not show in the file (a note, a queue) leaves the segment as it was.
    if (isEqual) await this.#writer.copy(kept, this.#previous!);
    else await this.#writer.add(key, offers);
  }

  /** The numbers that some listings show now. */
  async #phonesOf(ids: readonly number[]): Promise<ReadonlyMap<number, readonly string[] | undefined>> {
    if (ids.length === 0) return new Map();
    const { context, cabinet, isModerated } = this.#frame;
    const { client } = this.#snapshot;
    const rows = await narrowRows(client, cabinet, context.zone, isModerated, context.now, ids);
    const wide = new Map((await this.#snapshot.wide(ids)).map((one) => [one.listingId, one.values]));
    return new Map(rows.map((row) => [row.listingId, this.#frame.worn(row, wide.get(row.listingId)!).phones]));
  }

  /** A held offer keeps its last published content and takes today's numbers. */
  #redress(before: Buffer, known: readonly string[] | undefined): Buffer {
    const { desk } = this.#frame;
    const { listing } = desk.codec.read(parseElement(before.toString()));
    if (!listing) return before;
    const phones = known?.slice(0, desk.board.quirks.phonesMax ?? known.length);
    const was = listing.contactPhones?.[0];
    if (phones?.join() === listing.contactPhones?.join()) return before;
    const put = (text: string | undefined) =>
      phones && was ? text?.replaceAll(formatPhone(was), formatPhone(phones[0]!)) : text;
    const redressed = { ...listing } as Listing;
    if (phones) redressed.contactPhones = phones;
    else delete redressed.contactPhones;
    const title = put(listing.title);
    const description = put(listing.description);
    if (title !== undefined) redressed.title = title;
    if (description !== undefined) redressed.description = description;
    const rendered = renderOffer(desk, redressed);
    if (!('xml' in rendered)) return before;
    const [problem] = schemaJudge(desk.codec.family).judge([{ id: '0', xml: rendered.xml }]);
    return problem ? before : Buffer.from(rendered.xml);
  }
}
