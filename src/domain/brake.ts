import { type CorridorContext, closedGates, type GateName, isReserved, type MarkFacts, type Outcome } from './gates.ts';
import type { HeldBy, Judgement } from './judgement.ts';
import type { AgencySettings } from './settings.ts';
import { agree } from './text.ts';

/**
 * The shrink brake. A feed that would lose many offers at once through one mass cause (a source that broke, a changed
 * rule or setting) keeps them until a person agrees. What a person did to a listing, a verdict, a term or an empty
 * account is explained and never held. Pure: the run and `explain` ask it with the same facts.
 */

/** Why listings are kept in the feed that should have left it. */
export interface BrakeState {
  /** ISO 8601. */
  readonly since: string;
  /** How many offers are kept. */
  readonly held: number;
  /** How many offers the last edition before the brake had. */
  readonly before: number;
  /** Kept offers by cause. */
  readonly causes: Readonly<Record<string, number>>;
}

export type Cause = HeldBy['cause'];

const CAUSE_LABELS: Record<Cause, string> = {
  source: 'изменился источник',
  rules: 'изменились требования доски или программа',
  norms: 'изменились нормы агентства',
  settings: 'изменились настройки',
  photos: 'не отвечают фотографии или пропали номера',
  price: 'цена изменилась в десять раз или больше',
};

/** A mark that would leave the feed, or change its price beyond belief, through a mass cause. */
export interface Loss {
  readonly cause: Cause;
  /** The gate that would take it off; `edition` for a price. */
  readonly gate: GateName;
}

/** A mark as the brake looks at it. */
export interface BrakeMark extends Pick<MarkFacts, 'goneOn' | 'forbiddenReason' | 'status' | 'reservedUntil'> {
  /** The last change of the listing came from the source. */
  readonly isChangedBySource: boolean;
  /** The price is a person's, whatever the source says. */
  readonly isPriceCorrected: boolean;
  /** Newest verdicts in force. */
  readonly approvedId: number | null;
  readonly lastVerdictId: number | null;
  /** What the last run decided; null: none has seen it. */
  readonly last: {
    readonly outcome: Outcome;
    readonly isHeld: boolean;
    readonly judgement: Judgement | null;
    readonly contentKey: string;
    /** As the edition has it. */
    readonly priceKopecks: number | null;
  } | null;
}

/** What the brake knows of the run. */
export interface BrakeFrame<M extends BrakeMark> {
  readonly settings: AgencySettings;
  readonly context: CorridorContext;
  /** What the decisions depend on besides the listings, by group. */
  readonly causes: Readonly<Record<string, string>>;
  readonly row: {
    /** The same of the last run. */
    readonly causes: Readonly<Record<string, string>> | null;
    readonly brake: BrakeState | null;
    /** A person has agreed to the loss. */
    readonly brakeRelease: unknown;
  };
  mark(mark: M, judgement: Judgement | null): MarkFacts;
}

interface Found {
  readonly judgement: Judgement | null;
  readonly contentKey: string;
  readonly priceKopecks: number | null;
  readonly isNew: boolean;
}

/** @typeParam L what the caller wants back with each loss */
export class Brake<M extends BrakeMark, L = unknown> {
  readonly #frame: BrakeFrame<M>;
  readonly #before: number;
  readonly #losses: (Loss & L)[] = [];
  #held = 0;
  readonly #causes: Partial<Record<Cause, number>> = {};

  /** @param served offers of the edition that is served now */
  constructor(frame: BrakeFrame<M>, served: number) {
    this.#frame = frame;
    this.#before = served === 0 ? 0 : (frame.row.brake?.before ?? served);
  }

  get #isOff(): boolean {
    return !this.#frame.settings.brake.isOn || this.#frame.row.brakeRelease !== null || this.#before === 0;
  }

  /** Why losing this mark would be part of a mass loss; null when it is not lost, or explained. */
  lossOf(row: M, found: Found, answer: { readonly outcome: Outcome; readonly gate?: GateName }): Loss | null {
    const { last } = row;
    // An empty account is nobody's mistake.
    if (this.#isOff || last?.outcome !== 'published' || answer.outcome === 'unfunded') return null;
    const held = last.isHeld ? last.judgement?.held : undefined;
    if (answer.outcome === 'published') {
      return this.#isPriceJump(row, found) || (held?.cause === 'price' && !found.isNew)
        ? { cause: 'price', gate: 'edition' }
        : null;
    }
    const gate = answer.gate!;
    // The change itself is seen once; what it holds stays held for the same reason, until a person makes it another's.
    const isSame = held?.gate === gate && (found.contentKey === last.contentKey || row.isChangedBySource);
    // What the source lost and has again is off the market through something else.
    const isBack = gate === 'market' && held?.cause === 'source';
    const cause = this.#causeOf(row, found, gate) ?? (isSame && !isBack ? held.cause : null);
    return cause === null || this.#isExplained(row, found, gate, held?.gate) ? null : { cause, gate };
  }

  /** Would a person's act, a verdict, a term or the hours take it off the board without the mass cause too? */
  #isExplained(row: M, found: Found, gate: GateName, heldBy: GateName | undefined): boolean {
    const facts = { ...this.#frame.mark(row, found.judgement), goneOn: null };
    const { today } = this.#frame.context;
    const isFor = (group: GateName) => gate === group || heldBy === group;
    // Nobody has a number at this hour: yesterday's must not stand there, and the board takes no offer without one.
    const isOfContent = gate === 'board-rules' && found.contentKey !== row.last?.contentKey;
    if (!isOfContent && found.judgement?.board?.some(({ field }) => field === 'contactPhones')) return true;
    return closedGates(facts, this.#frame.context).some((closed) => {
      switch (closed) {
        case 'market':
          if (row.forbiddenReason !== null || isReserved(row, today)) return true;
          if (row.status !== 'active' && row.status !== 'reserved') return true;
          // A stage: somebody's act, unless it is the meaning of the stages that has changed.
          return row.goneOn !== null
            ? !this.#hasChanged('market')
            : !(this.#hasChanged('market') || heldBy === 'market');
        case 'term':
        case 'calendar':
          return true;
        case 'fresh':
          return !(this.#hasChanged('freshness') || isFor('fresh'));
        case 'moderation':
          return !this.#isApprovedThere(row) || found.judgement?.approval === 'returned' || !isFor('moderation');
        default:
          return false;
      }
    });
  }

  /** Did somebody approve what the board has? Only that may stay there while a moderator is waited for. */
  #isApprovedThere(row: M): boolean {
    const approval = row.last?.judgement?.approval;
    return approval === 'approved' || approval === 'kept' || (row.last?.isHeld === true && approval === 'awaiting');
  }

  /** Is this part of what all decisions depend on another one than in the last run, or than before there was such a part? */
  #hasChanged(group: string): boolean {
    return this.#frame.row.causes?.[group] !== this.#frame.causes[group];
  }

  #isPriceJump(row: M, found: Found): boolean {
    const was = row.last?.priceKopecks;
    const now = found.priceKopecks;
    if (!found.isNew || row.isPriceCorrected || !was || !now) return false;
    const factor = this.#frame.settings.brake.priceFactor;
    return now >= was * factor || now * factor <= was;
  }

  #causeOf(row: M, found: Found, gate: GateName): Cause | null {
    const last = row.last!;
    const isSameContent = found.contentKey === last.contentKey;
    const bySource = row.isChangedBySource ? 'source' : null;
    switch (gate) {
      case 'market':
        if (row.goneOn !== null) return 'source';
        return this.#hasChanged('market') ? 'settings' : null;
      case 'fresh':
        return this.#hasChanged('freshness') ? 'settings' : null;
      case 'board-rules':
        if (!isSameContent) return bySource;
        if (this.#hasChanged('rules')) return 'rules';
        return found.isNew && found.judgement?.board?.some(({ field }) => field === 'photos') ? 'photos' : null;
      case 'norms':
        if (!isSameContent) return bySource;
        return this.#hasChanged('norms') ? 'norms' : null;
      case 'moderation':
        // A policy and a verdict are people's acts; texts that a source changed by the hundred are not.
        return isSameContent || row.lastVerdictId !== row.approvedId ? null : bySource;
      case 'place':
        return this.#hasChanged('package') ? 'settings' : null;
      default:
        // Hours and pauses are a person's act and end by themselves.
        return null;
    }
  }

  add(loss: Loss & L): void {
    this.#losses.push(loss);
  }

  /** Decides once all marks have been seen. Prices beyond belief are held one by one, losses only together. */
  decide(): readonly (Loss & L & { readonly isHeld: boolean })[] {
    const { sharePercent, offers } = this.#frame.settings.brake;
    const lost = this.#losses.filter(({ cause }) => cause !== 'price').length;
    const isMass = lost > offers && lost > (this.#before * sharePercent) / 100;
    return this.#losses.map((loss) => {
      const isHeld = isMass || loss.cause === 'price';
      if (isHeld) {
        this.#held++;
        this.#causes[loss.cause] = (this.#causes[loss.cause] ?? 0) + 1;
      }
      return { ...loss, isHeld };
    });
  }

  state(now: Date): BrakeState | null {
    if (this.#held === 0) return null;
    return {
      since: this.#frame.row.brake?.since ?? now.toISOString(),
      held: this.#held,
      before: this.#before,
      causes: this.#causes as Record<string, number>,
    };
  }

  sentence(boardName: string): string {
    return brakeSentence(boardName, this.#held, this.#causes);
  }
}

/** What the brake keeps, by cause in words: «изменился источник (60)». */
export const brakeCauses = (causes: Readonly<Record<string, number>>): string[] =>
  Object.entries(causes).map(([cause, count]) => `${CAUSE_LABELS[cause as Cause]} (${count})`);

/** «Циан: 60 объектов должны были уйти из фида …» */
export function brakeSentence(boardName: string, held: number, causes: Readonly<Record<string, number>>): string {
  const why = brakeCauses(causes).join(', ');
  return `${boardName}: тормоз держит в фиде ${held} ${agree(held, 'объект', 'объекта', 'объектов')}, которые должны были уйти или смениться: ${why}. Проверьте; если так и надо: brake release --board … --reason …`;
}
