import { Brake, type Loss } from '../domain/brake.ts';
import { nextMidnight } from '../domain/days.ts';
import { changesAt, earliest, type Funds, type GateName, type Outcome } from '../domain/gates.ts';
import type { Judgement } from '../domain/judgement.ts';
import { isTrusted } from '../domain/moderation-queue.ts';
import { type Plan, planOf, type Settled } from '../domain/plan.ts';
import { leftBehind, type MoneyLine, stageMoney, stageUnfunded, unstageMoney } from '../store/billing.ts';
import {
  type EditionRow,
  type NarrowRow,
  narrowRows,
  type PublishSnapshot,
  rivalRows,
  runningPlacements,
  type StagedOutcome,
  sharedKeys,
  stageOutcomes,
} from '../store/publishing.ts';
import type { Spool } from './edition.ts';
import { type Frame, rotationOf } from './frame.ts';
import { judgeRows } from './judge.ts';
import { goOn, type PublishOptions, WINDOW } from './options.ts';
import { type ShortWish, Till, unfunded } from './till.ts';

/** Decisions staged in one statement. */
const STAGED_TOGETHER = 512;
/** Money lines are small. */
const LINES_TOGETHER = 4096;

/** What the writing pass must know of every live mark: 8 + 1 + 12 bytes each, however many there are. */
export interface Fates {
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
  /** Its money was asked for together with its place. */
  readonly isAsked: boolean;
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
export class Deciding {
  readonly fates: Fates = { ids: [], fate: [], spooledAt: [], spooledBytes: [] };
  readonly brake: Brake<NarrowRow, Lost>;
  /** `trusted`: of those that wait, what may be approved on trust. */
  readonly pending: { since: number[]; over: number[]; trusted: number[] } = { since: [], over: [], trusted: [] };
  readonly newDuplicates: { readonly listingId: number; readonly of: number }[] = [];
  /** Decisions, and money lines, put aside for the commit. */
  staged = 0;
  moneyLines = 0;
  /** Marks that were taken off before the run looked, and leave the feed with it. */
  gone: readonly number[] = [];
  /** undefined: nothing costs anything here. */
  till: Till | undefined;
  readonly #frame: Frame;
  readonly #fence: number;
  readonly #snapshot: PublishSnapshot;
  readonly #spool: Spool;
  readonly #options: PublishOptions;
  readonly #waiting = new Map<number, Waiting>();
  readonly #rows: StagedOutcome[] = [];
  #plan!: Plan;
  #hasQueue = false;
  #isUnsettled = false;
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
    this.till = await Till.open(client, frame);
    const { till } = this;
    this.#plan = planOf({
      cabinetId: frame.cabinet.id,
      context: frame.context,
      package: pack,
      turnDays,
      ...(await rotationOf(client, frame)),
      sharedKeys: await sharedKeys(client, frame.cabinet),
      rivals,
      // Without a package nobody competes for places, and the money is settled at the end for marks that are not kept in mind.
      ...(till && pack !== null && { money: { fundsOf: this.#fundsOf, sellsExcess: till.sellsExcess } }),
    });
    const running = pack?.kind === 'placements' ? await runningPlacements(client, frame.cabinet, today) : undefined;
    for await (const rows of this.#snapshot.marks(frame.context.zone, frame.isModerated, frame.context.now)) {
      await this.#take(running ? rows.map((row) => withPlacement(row, running)) : rows);
    }
    await this.#settleDebts();
    await this.#settle();
    for (const loss of this.brake.decide()) {
      const { row, place, isAsked } = loss;
      const outcome = loss.isHeld ? held(loss) : loss.outcome;
      this.#stage(row, loss.isHeld ? 2 : 0, place, outcome, isAsked);
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
    await this.#fund();
  }

  readonly #fundsOf = (listingId: number, isExcess: boolean): Funds => {
    const { row, place } = this.#waiting.get(listingId)!;
    return this.till!.ask(this.till!.wish(row, place, isExcess));
  };

  /** What was shown is paid before anybody asks for a new day; also of marks that were taken off since. */
  async #settleDebts(): Promise<void> {
    const { cabinet, context, isModerated } = this.#frame;
    const { client } = this.#snapshot;
    this.gone = await leftBehind(client, cabinet);
    const { till } = this;
    if (!till) return;
    if (this.gone.length > 0) {
      const rows = await narrowRows(client, cabinet, context.zone, isModerated, context.now, this.gone, true);
      for (const row of rows) till.owe(row);
    }
    till.settleDebts();
  }

  /** Gives out the money, and puts aside what is to be held or charged. */
  async #fund(): Promise<void> {
    const { till } = this;
    if (!till) return;
    await this.#unfund(till.settle());
    await this.#stageLines(till);
  }

  async #unfund(short: readonly ShortWish[]): Promise<void> {
    const { cabinet, context } = this.#frame;
    for (const { place } of short) this.fates.fate[place] = 0;
    const rows = short.map((wish) => unfunded(wish, context.now));
    this.staged += await stageUnfunded(this.#options.db, cabinet, this.#fence, rows, context.today);
  }

  async #stageLines(till: Till): Promise<void> {
    const { cabinet } = this.#frame;
    this.moneyLines = 0;
    let batch: MoneyLine[] = [];
    const put = async () => {
      await stageMoney(this.#options.db, cabinet, this.#fence, batch);
      this.moneyLines += batch.length;
      batch = [];
    };
    for (const line of till.lines()) {
      batch.push(line);
      if (batch.length === LINES_TOGETHER) await put();
    }
    await put();
  }

  /**
   * Some accounts have been emptied meanwhile: what they pay for is decided again, and nothing else.
   * @returns listings that are not to go out after all
   */
  async fundAgain(accountIds: readonly number[]): Promise<readonly number[]> {
    const till = this.till!;
    const short = await till.again(this.#options.db.pool, accountIds);
    await unstageMoney(this.#options.db, this.#frame.cabinet, this.#fence);
    await this.#unfund(short);
    await this.#stageLines(till);
    // A place that was freed so late is given to the next one by another run.
    if (short.length > 0 && this.#frame.cabinetSettings.package !== null) this.#isUnsettled = true;
    return short.map(({ listingId }) => listingId);
  }

  /** When the cabinet's answer changes by itself next. */
  nextAt(): Date | null {
    const { context } = this.#frame;
    if (this.#isUnsettled) return context.now;
    let next = earliest(earliest(this.#plan.nextAt(), this.#heldNextAt), this.#frame.nextAt());
    if (this.till) next = earliest(next, this.till.nextAt());
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
    this.till?.owe(row);
    const approval = found.judgement?.approval;
    if (approval === 'awaiting' || approval === 'kept') {
      if (row.pendingSince === null) this.pending.since.push(row.listingId);
      const { trusted } = this.#frame.settings.moderation;
      if (isTrusted(trusted, row.employeeId) && !found.judgement?.returned) this.pending.trusted.push(row.listingId);
    }
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
    const isAsked = fate !== 0 && settled !== undefined && this.#frame.cabinetSettings.package !== null;
    if (loss === null) this.#stage(row, fate, place, outcome, isAsked);
    else this.brake.add({ row, place, outcome, isAsked, ...loss });
  }

  #stage(row: NarrowRow, fate: 0 | 1 | 2 | 3, place: number, outcome: StagedOutcome, isAsked: boolean): void {
    this.#concluded++;
    this.fates.fate[place] = fate;
    if (fate !== 0 && !isAsked) this.till?.later(this.till.wish(row, place));
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

/** A night or a pause does not take the turn away from those who wait, for a place or for money. */
function waitingSince(last: NarrowRow['last'], outcome: Outcome, now: Date): Date | null {
  const isWaiting = outcome === 'waiting-turn' || outcome === 'unfunded';
  if (!isWaiting && outcome !== 'paused') return null;
  if (last?.waitingSince != null) return new Date(last.waitingSince);
  return isWaiting ? now : null;
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
