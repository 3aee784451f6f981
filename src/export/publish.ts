import pLimit from 'p-limit';
import type { Board } from '../boards/catalogue.ts';
import type { BrakeState } from '../domain/brake.ts';
import { localDay } from '../domain/days.ts';
import { Fault } from '../domain/fault.ts';
import type { Outcome } from '../domain/gates.ts';
import { billedCabinets, unstageMoney } from '../store/billing.ts';
import { type Database, isCollision, type Queryable } from '../store/database.ts';
import { recordNotices } from '../store/diagnostics.ts';
import { tell } from '../store/journal.ts';
import { approveOnTrust } from '../store/moderation.ts';
import {
  type CabinetRow,
  commitRun,
  countOutcomes,
  currentEdition,
  type EditionRow,
  notePending,
  PublishSnapshot,
  type RunResult,
  recentEditions,
  tellChanges,
  tellKeepers,
  unstageOutcomes,
} from '../store/publishing.ts';
import { claimRun, endRun, type RunClaim } from '../store/runs.ts';
import { Deciding } from './deciding.ts';
import { EditionReader, EditionWriter, editionFolder, overtaken, Spool, sweepEditions } from './edition.ts';
import { type Frame, loadFrame } from './frame.ts';
import type { PublishOptions } from './options.ts';
import { billingMoment, type Till } from './till.ts';
import { Writing } from './writing.ts';

export type { PublishOptions } from './options.ts';

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

const TRIES = 3;

export interface FailedCabinet {
  readonly cabinet: CabinetRow;
  readonly error: unknown;
}

/**
 * Publishes several cabinets, two at a time: one renders while the other waits for the database. Those that cost an
 * agency money go one after the other, so that it is the order and not chance who gets what an account has left.
 * A cabinet that fails keeps its old edition and does not hold the others back.
 */
export async function publishAll(
  cabinets: readonly CabinetRow[],
  options: PublishOptions,
): Promise<{ published: PublishedCabinet[]; failed: FailedCabinet[] }> {
  const limit = pLimit(2);
  const billed = await billedCabinets(options.db.pool);
  const inTurn = new Map<number, Promise<unknown>>();
  const run = (cabinet: CabinetRow): Promise<PublishedCabinet> => {
    const publish = () => limit(() => publishCabinet(cabinet, options));
    if (!billed.has(cabinet.id)) return publish();
    const done = (inTurn.get(cabinet.agencyId) ?? Promise.resolve()).then(publish, publish);
    inTurn.set(cabinet.agencyId, done);
    return done;
  };
  const results = await Promise.allSettled(cabinets.map(run));
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
  const claim = await claimRun(options.db, cabinet, cause, options.clock());
  if (claim === 'not-due') return undefined;
  if (claim === 'busy') {
    throw new Fault('publish-busy', `Фид «${cabinet.name}» уже собирает другой запуск. Подождите и повторите.`, {
      retryable: true,
    });
  }
  try {
    const board = options.boards.find((candidate) => candidate.id === cabinet.board);
    if (!board) throw new Fault('board-unknown', `Доски «${cabinet.board}» нет среди описаний досок (board-rules).`);
    // What the last run of yesterday decided is yesterday's end; after this run nobody knows it any more.
    await recordNotices(options.db, cabinet, options.clock());
    for (let attempt = 1, isAnew = false; ; attempt++) {
      const result = await runOnce(cabinet, board, claim, options, options.clock(), isAnew);
      if (result === 'committed' || result === 'kept-edition') {
        return await summary(cabinet, options.db, result === 'committed');
      }
      // What this attempt has decided, by damaged files or for a day that is over, is decided again.
      isAnew ||= result === 'torn';
      await unstageOutcomes(options.db, cabinet, claim.fence);
      await unstageMoney(options.db, cabinet, claim.fence);
      if (attempt === TRIES) {
        const why =
          result === 'torn'
            ? `Прежнее издание фида «${board.name}» не читается.`
            : `Пока собирался фид «${board.name}», сменился день, тариф или прошёл час списания.`;
        throw new Fault('publish-disturbed', `${why} Повторите публикацию.`, { retryable: true });
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

/** `late`: the day ended, its charge moment came or another tariff, before the decisions could be committed. */
type Ended = 'committed' | 'kept-edition' | 'torn' | 'late';

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
  // From now on boards can get it: what is shown and billed from when on is told by this moment, not by the run's first.
  const at = clock();
  const { till } = decided;
  if (till && isLate(till, frame, now, at)) return 'late';
  let edition: Omit<EditionRow, 'id'> | undefined;
  const dated = { generatedAt: now, publishedAt: at };
  if (!hasPrevious || !writer.isSameAsPrevious) {
    const { isSameAsPrevious: _, ...written } = await writer.finish();
    edition = { ...written, ...dated };
  }
  // True whatever becomes of the commit.
  await notePending(db, cabinet.agencyId, decided.pending, frame.isModerated, now);
  await approveOnTrust(db, cabinet.agencyId, decided.pending.trusted, at);
  const billedAt = billingMoment(at, frame.row.billedAt);
  const money = (): RunResult['money'] =>
    till && {
      day: till.day,
      isCharging: till.chargeAt <= billedAt,
      openSince: till.openSince ?? (till.chargeAt > now && till.chargeAt <= billedAt ? till.day : null),
      sellsPlacements: frame.cabinetSettings.package?.kind === 'placements',
      lines: decided.moneyLines,
      promotions: frame.promotions.beginning.map(({ holdId }) => holdId),
    };
  const unmarked = new Set<number>();
  const cut = new Set<number>();
  for (let tries = 1; ; ) {
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
        cut: [...unmarked],
        gone: decided.gone,
        zone: frame.context.zone,
        finishedAt: at,
        billedAt,
        tariffs: till?.tariffs ?? 0,
        money: money(),
        alongside: (client, editionId) => tellPeople(frame, decided, editionId, client, now, at),
      },
      at,
    ).catch((error: unknown) => {
      // Everything is put aside still: somebody who waited for us while we waited for them costs a moment, not the run.
      if (!isCollision(error) || tries++ === TRIES) throw error;
      return undefined;
    });
    if (!result) continue;
    if (result.state === 'overtaken') throw overtaken();
    if (result.state === 'repriced') return 'late';
    if (result.state === 'committed') return edition ? 'committed' : 'kept-edition';
    if (result.state === 'unmarked-meanwhile') {
      for (const listingId of result.listingIds) {
        unmarked.add(listingId);
        cut.add(listingId);
      }
    } else {
      for (const listingId of await decided.fundAgain(result.accountIds)) cut.add(listingId);
    }
    const from = edition ?? (await currentEdition(db, cabinet));
    if (!from) continue;
    const header = frame.desk.codec.header(headMoment(now));
    const shorter = await cutEdition(folder, from, cut, `${claim.fence}`, header, frame.desk.codec.footer);
    if (shorter) edition = { ...shorter, ...dated };
  }
}

/** Would the commit fall on another day than the decisions, or past the charge moment of a day nobody has billed yet? */
function isLate(till: Till, frame: Frame, now: Date, at: Date): boolean {
  const { zone } = frame.context;
  const { billedAt } = frame.row;
  const end = billingMoment(at, billedAt);
  if (localDay(end, zone) !== till.day) return true;
  const isFirstOfDay = billedAt === null || localDay(billedAt, zone) !== till.day;
  return isFirstOfDay && till.chargeAt > billingMoment(now, billedAt) && till.chargeAt <= end;
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
  at: Date,
): Promise<void> {
  const { cabinet } = frame;
  await tellChanges(client, cabinet, frame.desk.board.name, at);
  await tellKeepers(client, cabinet, frame.desk.board.name, decided.newDuplicates, at);
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
