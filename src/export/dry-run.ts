import type { Board } from '../boards/catalogue.ts';
import { Brake, type Loss } from '../domain/brake.ts';
import { addDays, localDay } from '../domain/days.ts';
import { Fault } from '../domain/fault.ts';
import { alike, type CabinetAhead, coster, type Standing } from '../domain/forecast.ts';
import { Foreseen, type Shortage } from '../domain/funding.ts';
import {
  type Closing,
  type CorridorContext,
  closedGates,
  type Funds,
  type GateName,
  type Outcome,
} from '../domain/gates.ts';
import { type Plan, type PlanMark, planOf, type Rival, type Settled } from '../domain/plan.ts';
import type { Candidate } from '../domain/rotation.ts';
import { leftBehind, type MoneyLine } from '../store/billing.ts';
import type { Queryable } from '../store/database.ts';
import { holdsOf, lapsedHolds, liveMarks, type OpenHold, rivalsIfMarked } from '../store/forecast.ts';
import { listAccounts } from '../store/ledger.ts';
import {
  type CabinetRow,
  currentEdition,
  type LastDecision,
  listCabinets,
  type NarrowRow,
  narrowRows,
  rivalRows,
  runningPlacements,
  sharedKeys,
} from '../store/publishing.ts';
import { type Frame, type FrameChange, loadFrame, rotationOf } from './frame.ts';
import { type Content, contentsOf, newMark } from './settle.ts';
import { billingMoment, Till } from './till.ts';

/**
 * What the next run would decide and what money it would move, without a run: nothing is rendered and nothing is
 * written. The marks go through the same plan, brake and till as in `Deciding`, in the same order, and a test holds the
 * transfers of real runs against it.
 */

/** What would be different. */
export interface Hypothesis {
  /** Listings that would be marked now; what is marked already stays as it is. */
  readonly marks?: readonly { readonly cabinetId: number; readonly listingIds: readonly number[] }[] | undefined;
  /** Listings whose marks would be taken off; without a cabinet, everywhere. */
  readonly without?: readonly { readonly cabinetId?: number; readonly listingIds: readonly number[] }[] | undefined;
  /** Money that would have come to accounts before the run, kopecks; with a minus, gone from them. */
  readonly topUps?: readonly { readonly accountId: number; readonly kopecks: number }[] | undefined;
  /** Settings, hours and pauses as they would be. */
  readonly change?: FrameChange | undefined;
}

export interface DryRunOptions extends Hypothesis {
  /** Absent: all of the agency. They run in the order of their numbers. */
  readonly cabinets?: readonly CabinetRow[] | undefined;
  /**
   * Quick and small, for what need not be exact: the last run's word is taken for the content of every mark, and marks
   * are told neither one by one nor, for the forecast, apart where they cost the same.
   */
  readonly isRough?: boolean;
  /** By cabinet and listing: what dry runs of the same moment have found out, so that the next one need not look again. */
  readonly contents?: Map<number, Map<number, Content>>;
  /** Between two batches of marks: whoever has something else to do may do it. */
  readonly breathe?: () => Promise<void>;
}

/** How many days `aheadKopecks` looks at, the first one counted in. */
export const AHEAD_DAYS = 30;

export interface DryMark {
  readonly listingId: number;
  /** Its number at the board. */
  readonly externalId: string;
  /** It is not marked: one of the hypothesis. */
  readonly isExtra: boolean;
  readonly outcome: Outcome;
  /** A Russian sentence; null: it goes out. */
  readonly reason: string | null;
  /** It goes out only because the brake keeps it there: what it would be otherwise. */
  readonly heldFrom: Outcome | null;
  /** The account that would pay; null: nobody's, or nothing costs anything here. */
  readonly accountId: number | null;
  /** What the run holds or charges for it, with days that are owed. What is billed already is not in it. */
  readonly kopecks: number;
  /** Why it cannot be paid; `kopecks`: what it would take. null: it can be, or need not. */
  readonly lack: (Pick<Shortage, 'cause' | 'missingKopecks'> & { readonly kopecks: number }) | null;
  /**
   * What it costs for 30 days if it stays: what the run takes for this day, and the price of each day after it, to the
   * end of its term. 0 where it does not go out.
   */
  readonly aheadKopecks: number;
}

/** Money that the run would move. */
export interface DryLine extends Pick<MoneyLine, 'listingId' | 'day' | 'accountId' | 'kopecks' | 'basis'> {
  /** `waived`: shown, and nobody can pay for it any more. */
  readonly kind: 'hold' | 'charge' | 'waived';
}

export interface DrySums {
  readonly marks: number;
  readonly published: number;
  /** Marks that lack money. */
  readonly unfunded: number;
  readonly heldKopecks: number;
  readonly chargedKopecks: number;
  /** Holds that would be free again. */
  readonly freedKopecks: number;
  readonly aheadKopecks: number;
}

export interface DryCabinet {
  readonly cabinet: CabinetRow;
  readonly zone: string;
  /** The local day that would be billed. */
  readonly day: string;
  readonly marks: readonly DryMark[];
  readonly lines: readonly DryLine[];
  readonly freed: readonly OpenHold[];
  readonly sums: DrySums;
  /** How the run would leave it, for the forecast. */
  readonly ahead: CabinetAhead;
}

export interface DryAccount {
  readonly id: number;
  readonly name: string;
  /** What it can pay now, what the run takes, what is free again, what is left; this one with the top-ups supposed. */
  readonly availableKopecks: number;
  readonly takenKopecks: number;
  readonly freedKopecks: number;
  readonly leftKopecks: number;
  /** What it needs besides, so that money stops nobody; its limits apart. */
  readonly missingKopecks: number;
}

export interface DryRun {
  readonly at: Date;
  /** In the order in which they would run. */
  readonly cabinets: readonly DryCabinet[];
  readonly accounts: readonly DryAccount[];
  readonly sums: DrySums;
  /** Of the marks that are not made yet. `kopecks`: what the run takes for them. */
  readonly extra: {
    readonly marks: number;
    readonly published: number;
    readonly unfunded: number;
    readonly kopecks: number;
    readonly aheadKopecks: number;
  };
  /** What becomes of the accounts by it. */
  readonly foreseen: Foreseen;
}

/**
 * Plays the next run of each cabinet. Cabinets go one after the other, each finding the accounts, and its twins on the
 * board, as those before it leave them.
 * @param client one that sees a single moment, where others may write meanwhile
 * @throws Fault `board-unknown`
 */
export async function dryRun(
  client: Queryable,
  boards: readonly Board[],
  agencyId: number,
  options: DryRunOptions,
  now: Date,
): Promise<DryRun> {
  const cabinets = [...(options.cabinets ?? (await listCabinets({ pool: client }, { agencyId })))];
  const foreseen = new Foreseen();
  for (const { accountId, kopecks } of options.topUps ?? []) foreseen.receive(accountId, kopecks);
  /** By board: what the cabinets that have run would show there. */
  const shown = new Map<string, readonly Rival[]>();
  const done: DryCabinet[] = [];
  for (const cabinet of cabinets.sort((a, b) => a.id - b.id)) {
    const board = boards.find(({ id }) => id === cabinet.board);
    if (!board) throw new Fault('board-unknown', `Доски «${cabinet.board}» нет среди описаний досок (board-rules).`);
    const run = new CabinetDryRun(
      client,
      await loadFrame(client, cabinet, board, now, options.change),
      options,
      foreseen,
    );
    const twins = shown.get(board.id) ?? [];
    done.push(await run.play(twins, new Set(done.map((one) => one.cabinet.id))));
    if (cabinets.some((other) => other.board === board.id && other.id > cabinet.id))
      shown.set(board.id, [...twins, ...run.rivals()]);
  }
  const extra = done.flatMap(({ marks }) => marks.filter(({ isExtra }) => isExtra));
  return {
    at: now,
    cabinets: done,
    accounts: await accountsAfter(client, agencyId, done, foreseen),
    sums: addSums(done.map(({ sums }) => sums)),
    extra: {
      marks: extra.length,
      published: count(extra, 'published'),
      unfunded: count(extra, 'unfunded'),
      kopecks: total(extra, ({ kopecks }) => kopecks),
      aheadKopecks: total(extra, ({ aheadKopecks }) => aheadKopecks),
    },
    foreseen,
  };
}

async function accountsAfter(
  client: Queryable,
  agencyId: number,
  done: readonly DryCabinet[],
  foreseen: Foreseen,
): Promise<DryAccount[]> {
  const [taken, freed, wanted] = [new Map<number, number>(), new Map<number, number>(), new Map<number, number>()];
  const add = (sums: Map<number, number>, id: number, kopecks: number) => sums.set(id, (sums.get(id) ?? 0) + kopecks);
  for (const cabinet of done) {
    for (const { kind, accountId, kopecks } of cabinet.lines) if (kind !== 'waived') add(taken, accountId!, kopecks);
    for (const { accountId, kopecks } of cabinet.freed) add(freed, accountId, kopecks);
    for (const { accountId, lack } of cabinet.marks)
      if (lack?.cause === 'balance') add(wanted, accountId!, lack.kopecks);
  }
  return (await listAccounts(client, agencyId)).map(({ id, name, availableKopecks }) => {
    const purse = { id, name, availableKopecks, dayLimitKopecks: null, monthLimitKopecks: null, spent: {} };
    const leftKopecks = foreseen.seen(purse, []).availableKopecks;
    return {
      id,
      name,
      availableKopecks,
      takenKopecks: taken.get(id) ?? 0,
      freedKopecks: freed.get(id) ?? 0,
      leftKopecks,
      missingKopecks: Math.max(0, (wanted.get(id) ?? 0) - leftKopecks),
    };
  });
}

const total = <T>(all: readonly T[], of: (one: T) => number) => all.reduce((sum, one) => sum + of(one), 0);
const count = (marks: readonly Pick<DryMark, 'outcome'>[], wanted: Outcome) =>
  marks.filter(({ outcome }) => outcome === wanted).length;

function addSums(all: readonly DrySums[]): DrySums {
  return {
    marks: total(all, ({ marks }) => marks),
    published: total(all, ({ published }) => published),
    unfunded: total(all, ({ unfunded }) => unfunded),
    heldKopecks: total(all, ({ heldKopecks }) => heldKopecks),
    chargedKopecks: total(all, ({ chargedKopecks }) => chargedKopecks),
    freedKopecks: total(all, ({ freedKopecks }) => freedKopecks),
    aheadKopecks: total(all, ({ aheadKopecks }) => aheadKopecks),
  };
}

/** Marks read together. */
const BATCH = 1024;

/** A mark whose content is known. */
interface Found {
  readonly row: NarrowRow;
  readonly place: number;
  readonly content: Content;
}

/** A mark that may leave the feed, or that the brake may keep. */
interface Lost extends Found {
  /** Its money was asked for together with its place. */
  readonly isAsked: boolean;
}

/** What becomes of a mark. Small: there is one for each. */
interface Fate extends Pick<Standing, 'accountId' | 'facts' | 'endsOn'> {
  readonly externalId: string;
  readonly agent: string | null;
  readonly isExtra: boolean;
  readonly duplicateKey: string | null;
  readonly photosKey: string | null;
  /** As the run leaves it. */
  candidate: Candidate;
  readonly isExcess: boolean;
  /** A placement of the package is used up by it. */
  readonly isNewPlacement: boolean;
  /** Nothing but the hours, a pause or a term that is to begin stands in its way: the day on which it comes. */
  readonly comesOn: string | null;
  outcome: Outcome;
  reason: string | null;
  heldFrom: Outcome | null;
  lack: DryMark['lack'];
}

interface Answer {
  readonly outcome: Outcome;
  readonly reason: string | null;
  readonly gate?: GateName;
}

/** The run of one cabinet. */
class CabinetDryRun {
  readonly #client: Queryable;
  readonly #frame: Frame;
  readonly #options: DryRunOptions;
  readonly #foreseen: Foreseen;
  readonly #fates: Fate[] = [];
  readonly #waiting = new Map<number, Found>();
  readonly #extras = new Set<number>();
  readonly #gone: ReadonlySet<number>;
  #till: Till | undefined;
  #plan!: Plan;
  #brake!: Brake<NarrowRow, Lost>;

  constructor(client: Queryable, frame: Frame, options: DryRunOptions, foreseen: Foreseen) {
    this.#client = client;
    this.#frame = frame;
    this.#options = options;
    this.#foreseen = foreseen;
    const isHere = ({ cabinetId }: { readonly cabinetId?: number }) =>
      cabinetId === undefined || cabinetId === frame.cabinet.id;
    this.#gone = new Set((options.without ?? []).filter(isHere).flatMap(({ listingIds }) => listingIds));
  }

  /**
   * @param twins marks of the board's other cabinets as runs that have been played leave them
   * @param played those cabinets: what their last real runs decided does not count any more
   */
  async play(twins: readonly Rival[], played: ReadonlySet<number>): Promise<DryCabinet> {
    const client = this.#client;
    const { cabinet, context, cabinetSettings } = this.#frame;
    const { package: pack, turnDays } = cabinetSettings;
    const extras = await this.#newMarks();
    for (const { listingId } of extras) this.#extras.add(listingId);
    this.#till = await Till.open(client, this.#frame, null, this.#foreseen);
    const till = this.#till;
    this.#brake = new Brake(this.#frame, (await currentEdition({ pool: client }, cabinet))?.offers ?? 0);
    const rotation = await rotationOf(client, this.#frame);
    const newKeys = extras.flatMap(({ duplicateKey, photosKey }) => [duplicateKey, photosKey]);
    this.#plan = planOf({
      cabinetId: cabinet.id,
      context,
      package: pack,
      turnDays,
      ...rotation,
      sharedKeys: new Set([...(await sharedKeys(client, cabinet)), ...newKeys.filter((key) => key !== null)]),
      rivals: [...(await this.#storedRivals(played)), ...twins],
      // As in a run: without a package the money is given out when all marks are known.
      ...(till && pack !== null && { money: { fundsOf: this.#fundsOf, sellsExcess: till.sellsExcess } }),
    });
    await this.#takeAll(extras);
    await this.#settleDebts();
    for (const [listingId, settled] of this.#plan.settle()) {
      const { closing, gate } = settled;
      const answer = { outcome: closing?.outcome ?? 'published', reason: closing?.reason ?? null };
      this.#conclude(this.#waiting.get(listingId)!, { ...answer, ...(gate && { gate }) }, null, settled);
    }
    for (const { isHeld, row, place, isAsked } of this.#brake.decide()) {
      const fate = this.#fates[place]!;
      if (isHeld) {
        if (fate.outcome !== 'published') fate.heldFrom = fate.outcome;
        fate.outcome = 'published';
        fate.reason = null;
      }
      this.#bill(row, place, isAsked);
    }
    this.#fund();
    return this.#result(rotation.usedPlacements);
  }

  readonly #fundsOf = (listingId: number, isExcess: boolean): Funds => {
    const { row, place } = this.#waiting.get(listingId)!;
    return this.#till!.ask(this.#till!.wish(row, place, isExcess));
  };

  /** The listings that are not marked and would be, as a person would mark them. */
  async #newMarks(): Promise<NarrowRow[]> {
    const { cabinet, context, isModerated } = this.#frame;
    const ids = (this.#options.marks ?? []).flatMap((one) => (one.cabinetId === cabinet.id ? one.listingIds : []));
    if (ids.length === 0) return [];
    const rows = await narrowRows(this.#client, cabinet, context.zone, isModerated, context.now, ids, true);
    return rows
      .filter(({ isMarked, listingId }) => !isMarked && !this.#gone.has(listingId))
      .map((row) => newMark(this.#frame, row));
  }

  async #storedRivals(played: ReadonlySet<number>): Promise<Rival[]> {
    const { cabinet } = this.#frame;
    const stored = await rivalRows(this.#client, cabinet);
    const ofExtras = await rivalsIfMarked(this.#client, cabinet, [...this.#extras]);
    const isGone = ({ cabinetId, listingId }: Rival) =>
      (this.#options.without ?? []).some(
        (one) => (one.cabinetId === undefined || one.cabinetId === cabinetId) && one.listingIds.includes(listingId),
      );
    return [...stored, ...ofExtras].filter((rival) => !played.has(rival.cabinetId) && !isGone(rival));
  }

  async #takeAll(extras: readonly NarrowRow[]): Promise<void> {
    const client = this.#client;
    const { cabinet, context, isModerated, cabinetSettings } = this.#frame;
    const running =
      cabinetSettings.package?.kind === 'placements'
        ? await runningPlacements(client, cabinet, context.today)
        : new Map<number, never>();
    const take = async (rows: readonly NarrowRow[]) => {
      const contents = await this.#contents(rows);
      for (const row of rows) {
        const content = contents.get(row.listingId);
        const placement = running.get(row.listingId);
        if (content) this.#consider(placement ? { ...row, placement } : row, content);
      }
      await this.#options.breathe?.();
    };
    const ids = (await liveMarks(client, cabinet)).filter((id) => !this.#gone.has(id));
    for (let start = 0; start < ids.length; start += BATCH) {
      const batch = ids.slice(start, start + BATCH);
      await take(await narrowRows(client, cabinet, context.zone, isModerated, context.now, batch));
    }
    await take(extras);
  }

  async #contents(rows: readonly NarrowRow[]): Promise<ReadonlyMap<number, Content>> {
    if (!this.#options.isRough) return this.#exactContents(rows);
    return new Map(
      rows.flatMap(({ listingId, last }) => (last === null ? [] : [[listingId, { ...contentOf(last), isNew: false }]])),
    );
  }

  async #exactContents(rows: readonly NarrowRow[]): Promise<ReadonlyMap<number, Content>> {
    const { contents } = this.#options;
    if (!contents) return contentsOf(this.#client, this.#frame, rows);
    const { id } = this.#frame.cabinet;
    const known = contents.get(id) ?? new Map<number, Content>();
    contents.set(id, known);
    const unknown = rows.filter(({ listingId }) => !known.has(listingId));
    for (const [listingId, content] of await contentsOf(this.#client, this.#frame, unknown))
      known.set(listingId, content);
    return known;
  }

  #consider(row: NarrowRow, content: Content): void {
    const found = { row, place: this.#fates.length, content };
    // Taken before it is known what it is: whoever waits for the others gets it later.
    this.#fates.length++;
    const mark = this.#frame.mark(row, content.judgement);
    this.#till?.owe(row);
    const answer = this.#plan.consider(mark);
    if (answer.state === 'pending') this.#waiting.set(row.listingId, found);
    else if (answer.state === 'through') this.#conclude(found, { outcome: 'published', reason: null }, null);
    else {
      const { gate, closing } = answer;
      const { outcome, reason } = closing;
      this.#conclude(found, { outcome, reason, gate }, comingDay(mark, closing, this.#frame.context));
    }
  }

  /** The final word on a mark, unless the brake or the till has something to say. */
  #conclude(found: Found, answer: Answer, comesOn: string | null, settled?: Settled): void {
    const { row, place, content } = found;
    const { outcome, reason } = answer;
    const { context, cabinetSettings, settings } = this.#frame;
    const mark = this.#frame.mark(row, content.judgement);
    const { listingId, isPinned, markedAt, waitingSince } = mark;
    const given = settled?.given ?? null;
    const isWaiting = outcome === 'waiting-turn' || outcome === 'unfunded';
    this.#fates[place] = {
      externalId: row.boardOfferId,
      agent: mark.agent,
      isExtra: this.#extras.has(listingId),
      duplicateKey: row.duplicateKey,
      photosKey: row.photosKey,
      accountId: this.#till?.payer(row)?.id ?? null,
      facts: { kind: row.kind, deal: row.deal, region: row.region, priceKopecks: row.askingKopecks },
      // A term that goes on by itself does not end.
      endsOn: settings.terms.atEnd === 'extend' ? null : row.endsOn,
      candidate: {
        listingId,
        isPinned,
        markedAt,
        waitingSince: outcome === 'published' ? null : (waitingSince ?? (isWaiting ? context.now.getTime() : null)),
        placedOn: settled ? (given?.placedOn ?? null) : mark.placedOn,
        placementFrom: given?.placementFrom ?? mark.placementFrom,
        placementUntil: given?.placementUntil ?? mark.placementUntil,
        ...(outcome !== 'published' && { wasAway: true }),
      },
      isExcess: settled?.isExcess ?? false,
      isNewPlacement: given !== null && given.placementFrom === context.today && mark.placementFrom !== context.today,
      comesOn,
      outcome,
      reason,
      heldFrom: null,
      lack: null,
    };
    const isAsked = outcome === 'published' && settled !== undefined && cabinetSettings.package !== null;
    const loss: Loss | null = this.#brake.lossOf(row, content, answer);
    if (loss) this.#brake.add({ ...found, isAsked, ...loss });
    else this.#bill(row, place, isAsked);
  }

  #bill(row: NarrowRow, place: number, isAsked: boolean): void {
    if (this.#fates[place]!.outcome === 'published' && !isAsked) this.#till?.later(this.#till.wish(row, place));
  }

  /** What was shown is paid before anybody asks for a new day; also of marks that were, or would be, taken off. */
  async #settleDebts(): Promise<void> {
    const till = this.#till;
    if (!till) return;
    const { cabinet, context, isModerated } = this.#frame;
    const left = new Set([...(await leftBehind(this.#client, cabinet)), ...this.#gone]);
    for (const listingId of this.#extras) left.delete(listingId);
    if (left.size > 0) {
      const rows = await narrowRows(this.#client, cabinet, context.zone, isModerated, context.now, [...left], true);
      for (const row of rows) till.owe(row);
    }
    till.settleDebts();
  }

  /** Gives out the money. */
  #fund(): void {
    const till = this.#till;
    if (!till) return;
    const { context } = this.#frame;
    for (const { place, funds, waitingSince } of till.settle()) {
      const fate = this.#fates[place]!;
      fate.outcome = 'unfunded';
      fate.reason = funds.reason;
      const since = waitingSince ?? context.now.getTime();
      fate.candidate = { ...fate.candidate, waitingSince: since, placedOn: null, wasAway: true };
    }
    for (const { place, funds, kopecks } of till.short()) {
      const fate = this.#fates[place]!;
      if (fate.outcome === 'unfunded')
        fate.lack = { cause: funds.cause, missingKopecks: funds.missingKopecks, kopecks };
    }
  }

  async #result(usedPlacements: number): Promise<DryCabinet> {
    const { cabinet, context, cabinetSettings, tariffs } = this.#frame;
    const { zone } = context;
    const day = this.#till?.day ?? context.today;
    const { lines, isCharging } = this.#lines();
    const freed = await this.#freed(day, isCharging);
    for (const { kind, accountId, kopecks, day: of } of lines) {
      if (kind !== 'waived') this.#foreseen.spend(accountId!, kopecks, of);
    }
    for (const { accountId, kopecks, day: of } of freed) this.#foreseen.spend(accountId, -kopecks, of);
    const marks = this.#options.isRough ? [] : this.#marks(lines, day);
    const ofKind = (wanted: DryLine['kind']) => total(lines, ({ kind, kopecks }) => (kind === wanted ? kopecks : 0));
    return {
      cabinet,
      zone,
      day,
      marks,
      lines,
      freed,
      sums: {
        marks: this.#fates.length,
        published: count(this.#fates, 'published'),
        unfunded: count(this.#fates, 'unfunded'),
        heldKopecks: ofKind('hold'),
        chargedKopecks: ofKind('charge'),
        freedKopecks: total(freed, ({ kopecks }) => kopecks),
        aheadKopecks: total(marks, ({ aheadKopecks }) => aheadKopecks),
      },
      ahead: {
        id: cabinet.id,
        zone,
        today: day,
        package: cabinetSettings.package,
        turnDays: cabinetSettings.turnDays,
        usedPlacements: usedPlacements + total(this.#fates, ({ isNewPlacement }) => Number(isNewPlacement)),
        tariffs,
        marks: this.#standing(day),
      },
    };
  }

  #lines(): { readonly lines: readonly DryLine[]; readonly isCharging: boolean } {
    const till = this.#till;
    if (!till) return { lines: [], isCharging: false };
    const { row, context } = this.#frame;
    const isCharging = till.chargeAt <= billingMoment(context.now, row.billedAt);
    const lines = [...till.lines()].map(({ listingId, day, accountId, kopecks, basis, isOwed, waived }): DryLine => {
      const isAtOnce = isOwed || isCharging || basis === 'placement' || basis === 'excess-placement';
      const kind = waived !== null ? 'waived' : isAtOnce ? 'charge' : 'hold';
      return { listingId, day, accountId, kopecks, basis, kind };
    });
    return { lines, isCharging };
  }

  /** Holds that the commit ends without a charge. */
  async #freed(day: string, isCharging: boolean): Promise<OpenHold[]> {
    if (!this.#till) return [];
    const { cabinet } = this.#frame;
    const lapsed = await lapsedHolds(this.#client, cabinet, day);
    // Where placements are sold now, a day that was begun by days is not paid twice.
    const sellsPlacements = this.#frame.cabinetSettings.package?.kind === 'placements';
    const shown = new Set(
      this.#fates.flatMap(({ outcome, candidate }) => (outcome === 'published' ? [candidate.listingId] : [])),
    );
    const held = (await holdsOf(this.#client, cabinet, day)).filter((hold) => {
      if (hold.day === day && sellsPlacements) return true;
      return !shown.has(hold.listingId) && (hold.day > day || !isCharging);
    });
    return [...held, ...lapsed];
  }

  #marks(lines: readonly DryLine[], day: string): DryMark[] {
    const { cabinetSettings, tariffs } = this.#frame;
    const { package: pack } = cabinetSettings;
    const taken = new Map<number, number>();
    const today = new Map<number, number>();
    for (const { listingId, kind, kopecks, day: of } of lines) {
      if (kind === 'waived') continue;
      for (const sums of of === day ? [taken, today] : [taken])
        sums.set(listingId, (sums.get(listingId) ?? 0) + kopecks);
    }
    const tomorrow = addDays(day, 1);
    const costs = coster(tariffs, tomorrow, addDays(day, AHEAD_DAYS - 1));
    const ahead = ({ facts, endsOn, isExcess, candidate }: Fate): number => {
      const { placementUntil } = candidate;
      if (pack?.kind !== 'placements')
        return costs.days(facts, isExcess ? 'excess-day' : 'day', endsOn, placementUntil);
      const next = placementUntil === null ? tomorrow : addDays(placementUntil, 1);
      return costs.placements(facts, isExcess ? 'excess-placement' : 'placement', endsOn, next, pack.termDays);
    };
    return this.#fates.map((fate) => {
      const { externalId, isExtra, outcome, reason, heldFrom, accountId, lack, candidate } = fate;
      const { listingId } = candidate;
      const aheadKopecks = outcome === 'published' ? (today.get(listingId) ?? 0) + ahead(fate) : 0;
      const kopecks = taken.get(listingId) ?? 0;
      return { listingId, externalId, isExtra, outcome, reason, heldFrom, accountId, kopecks, lack, aheadKopecks };
    });
  }

  #standing(day: string): Standing[] {
    const { cabinetSettings, tariffs } = this.#frame;
    const standing = this.#fates.flatMap((fate) => standingOf(fate) ?? []);
    return this.#options.isRough && cabinetSettings.package === null ? alike(standing, tariffs, day) : standing;
  }

  /** What the board's other cabinets find here. */
  rivals(): Rival[] {
    return this.#fates.flatMap(({ outcome, candidate, externalId, agent, duplicateKey, photosKey }) => {
      if (outcome !== 'published' && outcome !== 'waiting-turn' && outcome !== 'unfunded') return [];
      const { listingId, markedAt } = candidate;
      const { id: cabinetId } = this.#frame.cabinet;
      return [{ cabinetId, listingId, externalId, agent, duplicateKey, photosKey, markedAt }];
    });
  }
}

const contentOf = ({ judgement, contentKey, priceKopecks }: LastDecision) => ({ judgement, contentKey, priceKopecks });

/** The day on which a mark comes by itself, if nothing but the hours, a pause or its term is in the way. */
function comingDay(mark: PlanMark, { opensAt }: Closing, context: CorridorContext): string | null {
  if (opensAt === null) return null;
  const isByItself = closedGates(mark, context).every((gate) => gate === 'term' || gate === 'calendar');
  return isByItself ? localDay(opensAt, context.zone) : null;
}

/** How the forecast finds a mark; undefined: it does not come by itself. */
function standingOf({ outcome, comesOn, accountId, facts, endsOn, candidate, lack }: Fate): Standing | undefined {
  const isShown = outcome === 'published';
  const isWaiting = outcome === 'waiting-turn';
  if (!isShown && !isWaiting && outcome !== 'unfunded' && comesOn === null) return undefined;
  return { ...candidate, accountId, facts, startsOn: comesOn, endsOn, isShown, isWaiting, shortage: lack };
}
