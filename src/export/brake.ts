import type { BrakeState } from '../domain/brake.ts';
import { closedGates, type GateName, isReserved, type Outcome } from '../domain/gates.ts';
import type { HeldBy, Judgement } from '../domain/judgement.ts';
import { agree } from '../domain/text.ts';
import type { NarrowRow, StagedOutcome } from '../store/publishing.ts';
import type { Frame } from './frame.ts';

/**
 * The shrink brake. A feed that would lose many offers at once through one mass cause (a source that broke, a changed
 * rule or setting) keeps them until a person agrees. What a person did to a listing, a verdict, a term or an empty
 * account is explained and never held.
 */

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
  readonly row: NarrowRow;
  /** Its place among the run's marks. */
  readonly place: number;
  /** The decision without the brake. */
  readonly outcome: StagedOutcome;
  readonly cause: Cause;
  readonly gate: GateName;
}

interface Found {
  readonly judgement: Judgement | null;
  readonly contentKey: string;
  readonly priceKopecks: number | null;
  readonly isNew: boolean;
}

export class Brake {
  readonly #frame: Frame;
  readonly #before: number;
  readonly #losses: Loss[] = [];
  #held = 0;
  readonly #causes: Partial<Record<Cause, number>> = {};

  /** @param served offers of the edition that is served now */
  constructor(frame: Frame, served: number) {
    this.#frame = frame;
    this.#before = served === 0 ? 0 : (frame.row.brake?.before ?? served);
  }

  get #isOff(): boolean {
    return !this.#frame.settings.brake.isOn || this.#frame.row.brakeRelease !== null || this.#before === 0;
  }

  /** Why losing this mark would be part of a mass loss; null when it is not lost, or explained. */
  lossOf(
    row: NarrowRow,
    found: Found,
    answer: { readonly outcome: Outcome; readonly gate?: GateName },
  ): { readonly cause: Cause; readonly gate: GateName } | null {
    const { last } = row;
    if (this.#isOff || last?.outcome !== 'published') return null;
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
  #isExplained(row: NarrowRow, found: Found, gate: GateName, heldBy: GateName | undefined): boolean {
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
  #isApprovedThere(row: NarrowRow): boolean {
    const approval = row.last?.judgement?.approval;
    return approval === 'approved' || approval === 'kept' || (row.last?.isHeld === true && approval === 'awaiting');
  }

  /** Is this part of what all decisions depend on another one than in the last run, or than before there was such a part? */
  #hasChanged(group: string): boolean {
    return this.#frame.row.causes?.[group] !== this.#frame.causes[group];
  }

  #isPriceJump(row: NarrowRow, found: Found): boolean {
    const was = row.last?.priceKopecks;
    const now = found.priceKopecks;
    if (!found.isNew || row.isPriceCorrected || !was || !now) return false;
    const factor = this.#frame.settings.brake.priceFactor;
    return now >= was * factor || now * factor <= was;
  }

  #causeOf(row: NarrowRow, found: Found, gate: GateName): Cause | null {
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

  add(loss: Loss): void {
    this.#losses.push(loss);
  }

  /** Decides once all marks have been seen. Prices beyond belief are held one by one, losses only together. */
  decide(): readonly (Loss & { readonly isHeld: boolean })[] {
    const { sharePercent, offers } = this.#frame.settings.brake;
    const lost = this.#losses.filter(({ cause }) => cause !== 'price').length;
    const isMass = lost > offers && lost > (this.#before * sharePercent) / 100;
    return this.#losses.map((loss) => {
      const isHeld = isMass || loss.cause === 'price';
      if (!isHeld) return { ...loss, isHeld };
      this.#held++;
      this.#causes[loss.cause] = (this.#causes[loss.cause] ?? 0) + 1;
      return {
        ...loss,
        isHeld,
        outcome: {
          ...loss.outcome,
          outcome: 'published' as const,
          isHeld: true,
          judgement: { ...loss.outcome.judgement, held: { gate: loss.gate, cause: loss.cause } },
          priceKopecks: loss.row.last!.priceKopecks,
          placedOn: loss.row.last!.placedOn,
          waitingSince: null,
        },
      };
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

/** «Циан: 60 объектов должны были уйти из фида …» */
export function brakeSentence(boardName: string, held: number, causes: Readonly<Record<string, number>>): string {
  const why = Object.entries(causes)
    .map(([cause, count]) => `${CAUSE_LABELS[cause as Cause]} (${count})`)
    .join(', ');
  return `${boardName}: тормоз держит в фиде ${held} ${agree(held, 'объект', 'объекта', 'объектов')}, которые должны были уйти или смениться: ${why}. Проверьте; если так и надо: brake release --board … --reason …`;
}
