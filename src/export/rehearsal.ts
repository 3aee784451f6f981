import type { Board } from '../boards/catalogue.ts';
import { compileNorms, type Norm, type NormChecker } from '../boards/norms.ts';
import { localDay } from '../domain/days.ts';
import { Fault } from '../domain/fault.ts';
import type { Outcome } from '../domain/gates.ts';
import type { StoredNorm } from '../domain/notice.ts';
import type { Database, Queryable } from '../store/database.ts';
import { activeExceptions, exemptNorms } from '../store/exceptions.ts';
import { eachMarkedListing, listNorms, type MarkedListing, unknownNorm } from '../store/norms.ts';
import type { CabinetRow } from '../store/publishing.ts';
import { agencyFrame } from '../store/settings.ts';
import { dryRun } from './dry-run.ts';
import type { FrameChange } from './frame.ts';
import { type BoardDesk, deskOf, judge } from './offer.ts';

/**
 * A norm tried on the whole base before it is saved: which marks it would stop and which it would let go. The stored
 * content is judged as a run judges it, nothing is rendered and nothing is written. Two things of a run are not asked:
 * the timetable of phones (the listing's own number or the agent's stands in) and the moderators, so where an approved
 * text is kept while its edit waits, the edit is what is judged here.
 */

/** What is tried: a norm saved in place of the one with its code, or one removed. */
export type NormChange =
  | { readonly save: Pick<Norm, 'code' | 'boards'> & { readonly rule: unknown }; readonly remove?: undefined }
  | { readonly remove: string; readonly save?: undefined };

/** What stops a mark before the norms are asked; the change is not seen on it. */
export type StoppedBefore = 'board-rules' | 'off-market' | 'out-of-term' | 'stale';

/** How many marks of one board the change is seen on. */
export interface BoardRehearsal {
  readonly board: string;
  readonly name: string;
  /** Live marks that were looked at. */
  readonly marks: number;
  /** Marks that the norms stop and did not before. */
  readonly blocks: number;
  /** … of these, the ones that are in the feed now. */
  readonly leave: number;
  /** Marks that the norms stopped and no longer do. */
  readonly frees: number;
  /** Marks that would change too, but the board's own rules block them already. */
  readonly alreadyBlocked: number;
  /** Marks that would change too, but are off the market, out of their term or stale. */
  readonly alreadyStopped: number;
}

export interface MarkChange {
  readonly cabinetId: number;
  readonly board: string;
  readonly cabinet: string;
  readonly from: 'blocked' | 'free';
  readonly to: 'blocked' | 'free';
  /** What the norms said before; empty when they let it through. */
  readonly was: readonly string[];
  /** What they will say. */
  readonly becomes: readonly string[];
  /** The outcome of the last run; null: no run has seen it yet. */
  readonly outcome: Outcome | null;
  readonly stoppedBefore: StoppedBefore | null;
}

export interface ListingChange {
  readonly id: number;
  readonly externalId: string;
  /** The responsible person. */
  readonly agent: string | null;
  readonly marks: readonly MarkChange[];
}

export interface Rehearsal {
  readonly code: string;
  readonly change: 'new' | 'replaced' | 'removed';
  readonly boards: readonly BoardRehearsal[];
  /** How many listings have a mark that would change. */
  readonly changed: number;
  /** The first of them; `changed` tells how many there are. */
  readonly listings: readonly ListingChange[];
}

type Count = { -readonly [name in keyof BoardRehearsal]: BoardRehearsal[name] };

interface Trial {
  readonly desk: BoardDesk;
  readonly before: NormChecker;
  readonly after: NormChecker;
  readonly count: Count;
}

/**
 * @param limit how many of the changed listings are given one by one; the counts are of all
 * @throws Refusal `norm-unknown` when the norm to remove is not there
 */
export async function rehearseNorm(
  db: Database,
  boards: readonly Board[],
  agencyId: number,
  change: NormChange,
  now: Date,
  limit = 1000,
): Promise<Rehearsal> {
  const norms = await listNorms(db.pool, agencyId);
  const code = change.save?.code ?? change.remove!;
  const isThere = norms.some((norm) => norm.code === code);
  if (!change.save && !isThere) throw unknownNorm(code);
  const others = norms.filter((norm) => norm.code !== code);
  const next: StoredNorm[] = change.save ? [...others, { ...change.save, id: 0, by: '', createdAt: now }] : others;

  const trials = new Map<string, Trial>();
  const trialOf = (id: string): Trial => {
    const known = trials.get(id);
    if (known) return known;
    const board = boards.find((one) => one.id === id);
    if (!board) throw new Fault('board-unknown', `В базе есть кабинет доски «${id}», а файла её правил нет.`);
    const zero = { marks: 0, blocks: 0, leave: 0, frees: 0, alreadyBlocked: 0, alreadyStopped: 0 };
    const trial = {
      desk: deskOf(board),
      before: compileNorms(norms, board),
      after: compileNorms(next, board),
      count: { board: id, name: board.name, ...zero },
    };
    trials.set(id, trial);
    return trial;
  };
  const { timeZone } = await agencyFrame(db, agencyId);
  const exempt = exemptNorms(await activeExceptions(db.pool, agencyId, localDay(now, timeZone)));

  const listings: ListingChange[] = [];
  let changed = 0;
  for await (const batch of eachMarkedListing(db, agencyId)) {
    for (const row of batch) {
      const marks = changesOf(row, trialOf, exempt.get(row.id) ?? NOTHING);
      if (marks.length === 0) continue;
      changed++;
      if (listings.length < limit)
        listings.push({ id: row.id, externalId: row.externalId, agent: row.person?.name ?? null, marks });
    }
  }
  return {
    code,
    change: change.save ? (isThere ? 'replaced' : 'new') : 'removed',
    boards: [...trials.values()].map(({ count }) => count).sort((one, other) => (one.board < other.board ? -1 : 1)),
    changed,
    listings,
  };
}

const NOTHING: ReadonlySet<string> = new Set();

function changesOf(
  { id, values, photoFacts, firstSeenAt, person, marks }: MarkedListing,
  trialOf: (board: string) => Trial,
  exempt: ReadonlySet<string> | 'all',
): MarkChange[] {
  const chosen = { values, approval: 'not-needed' as const, waiting: [] };
  const phones = values.contactPhones ?? (person && person.phones.length > 0 ? person.phones : undefined);
  const changes: MarkChange[] = [];
  for (const { cabinetId, board, cabinet, boardOfferId, avitoId, outcome, isBlockedByBoard } of marks) {
    const { desk, before, after, count } = trialOf(board);
    count.marks++;
    // The change is not about this board.
    if (before.key === after.key) continue;
    const worn = { listingId: id, boardOfferId, avitoId, firstSeenAt, phones, person };
    const sentences = (norms: NormChecker) =>
      judge({ chosen, worn, photoFacts, norms, exempt }, desk).judgement?.norms?.map(({ message }) => message) ?? [];
    const was = sentences(before);
    const becomes = sentences(after);
    const from = was.length > 0 ? 'blocked' : 'free';
    const to = becomes.length > 0 ? 'blocked' : 'free';
    if (from === to) continue;
    const stoppedBefore = isBlockedByBoard ? 'board-rules' : earlierGate(outcome);
    if (stoppedBefore === 'board-rules') count.alreadyBlocked++;
    else if (stoppedBefore !== null) count.alreadyStopped++;
    else if (to === 'blocked') {
      count.blocks++;
      if (outcome === 'published') count.leave++;
    } else count.frees++;
    changes.push({ cabinetId, board, cabinet, from, to, was, becomes, outcome, stoppedBefore });
  }
  return changes;
}

function earlierGate(outcome: Outcome | null): Exclude<StoppedBefore, 'board-rules'> | null {
  return outcome === 'off-market' || outcome === 'out-of-term' || outcome === 'stale' ? outcome : null;
}

// ---------------------------------------------------------------------------------------------------------------------
// Settings, packages, hours and pauses.

/** One mark that a change would move. */
export interface MovedMark {
  readonly cabinetId: number;
  readonly listingId: number;
  readonly externalId: string;
  readonly from: Outcome;
  readonly to: Outcome;
  /** Why, where it does not go out. */
  readonly reason: string | null;
}

/** What a change would do to the marks of one cabinet. */
export interface CabinetRehearsal {
  readonly cabinetId: number;
  readonly marks: number;
  /** Marks that go out now and would not. */
  readonly leave: number;
  /** … that would have to leave, and the brake would keep until a person agrees. */
  readonly held: number;
  /** Marks that would go out and do not now. */
  readonly come: number;
  /** Marks that stay off the board for another reason than now. */
  readonly otherwise: number;
}

export interface ChangeRehearsal {
  readonly cabinets: readonly CabinetRehearsal[];
  /** Marks that would be moved, held ones included. */
  readonly moved: number;
  /** The first of them; `moved` tells how many there are. */
  readonly examples: readonly MovedMark[];
  /** What the marks cost for 30 days, before and after; kopecks. */
  readonly aheadKopecks: { readonly before: number; readonly after: number };
}

/**
 * A change of settings, hours or pauses tried on the next run before it is saved. Both times the marks are decided as a
 * run decides them; nothing is written.
 * @param client one that sees a single moment
 * @param cabinets those that the change concerns
 * @param limit how many of the moved marks are given one by one; the counts are of all
 */
export async function rehearseChange(
  client: Queryable,
  boards: readonly Board[],
  agencyId: number,
  change: FrameChange,
  { cabinets, limit = 20 }: { readonly cabinets?: readonly CabinetRow[] | undefined; readonly limit?: number },
  now: Date,
): Promise<ChangeRehearsal> {
  const options = { cabinets, breathe: () => new Promise<void>((resolve) => setImmediate(resolve)) };
  const before = await dryRun(client, boards, agencyId, options, now);
  const after = await dryRun(client, boards, agencyId, { ...options, change }, now);
  const examples: MovedMark[] = [];
  let moved = 0;
  const told = after.cabinets.map(({ cabinet, marks }, index): CabinetRehearsal => {
    const was = new Map(before.cabinets[index]!.marks.map((mark) => [mark.listingId, mark]));
    const counts = { marks: marks.length, leave: 0, held: 0, come: 0, otherwise: 0 };
    for (const mark of marks) {
      const { listingId, externalId, outcome: from, heldFrom } = was.get(mark.listingId)!;
      const isHeldNow = mark.heldFrom !== null && heldFrom === null;
      if (from === mark.outcome && !isHeldNow) continue;
      moved++;
      if (isHeldNow) counts.held++;
      else if (from === 'published') counts.leave++;
      else if (mark.outcome === 'published') counts.come++;
      else counts.otherwise++;
      const to = isHeldNow ? mark.heldFrom! : mark.outcome;
      if (examples.length < limit)
        examples.push({ cabinetId: cabinet.id, listingId, externalId, from, to, reason: mark.reason });
    }
    return { cabinetId: cabinet.id, ...counts };
  });
  return {
    cabinets: told,
    moved,
    examples,
    aheadKopecks: { before: before.sums.aheadKopecks, after: after.sums.aheadKopecks },
  };
}
