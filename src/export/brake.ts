import type { BrakeState } from '../domain/brake.ts';
import type { GateName, Outcome } from '../domain/gates.ts';
import type { HeldBy } from '../domain/judgement.ts';
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
  photos: 'не отвечают фотографии',
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

  /** @param served offers of the edition that is served now; 0 when its files are lost */
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
    const cause = this.#causeOf(row, found, gate);
    if (cause !== null) return { cause, gate };
    // The change itself is seen once; what it holds stays held for the same reason.
    const isSame = held?.gate === gate && found.contentKey === last.contentKey && held.cause !== 'source';
    return isSame ? { cause: held.cause, gate } : null;
  }

  #isPriceJump(row: NarrowRow, found: Found): boolean {
    const was = row.last?.priceKopecks;
    const now = found.priceKopecks;
    if (!found.isNew || !row.isChangedBySource || !was || !now) return false;
    const factor = this.#frame.settings.brake.priceFactor;
    return now >= was * factor || now * factor <= was;
  }

  #causeOf(row: NarrowRow, found: Found, gate: GateName): Cause | null {
    const last = row.last!;
    const hasChanged = (group: string) => {
      const before = this.#frame.row.causes?.[group];
      return before !== undefined && before !== this.#frame.causes[group];
    };
    const isSameContent = found.contentKey === last.contentKey;
    const bySource = row.isChangedBySource ? 'source' : null;
    switch (gate) {
      case 'market':
        if (row.goneOn !== null && row.forbiddenReason === null && row.status === 'active') return 'source';
        return hasChanged('market') ? 'settings' : null;
      case 'fresh':
        return hasChanged('freshness') ? 'settings' : null;
      case 'board-rules':
        if (!isSameContent) return bySource;
        if (hasChanged('rules')) return 'rules';
        return found.isNew ? 'photos' : null;
      case 'norms':
        if (!isSameContent) return bySource;
        return hasChanged('norms') ? 'norms' : null;
      case 'moderation':
        if (hasChanged('moderation')) return 'settings';
        return isSameContent || row.lastVerdictId !== row.approvedId ? null : bySource;
      case 'calendar':
        return hasChanged('calendar') ? 'settings' : null;
      case 'place':
        return hasChanged('package') ? 'settings' : null;
      default:
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
  return `${boardName}: тормоз держит в фиде ${held} ${agree(held, 'объект', 'объекта', 'объектов')}, которые должны были уйти или смениться: ${why}. Проверьте и решите: brake release.`;
}
