import { canonicalJson } from './corrections.ts';
import { type Change, type ChangeKind, changeKinds, type ModerationSettings, type VerdictFacts } from './moderation.ts';
import type { Package } from './settings.ts';
import { type PriceFacts, priceOf, type TariffTerms } from './tariff.ts';
import { formatNumber } from './text.ts';

/**
 * What waits for a moderator: in which order, what may be approved together, and what is approved on trust.
 */

const DAY_MS = 86_400_000;

/**
 * What a day on a board costs, kopecks; a placement's price is spread over its days. An estimate: what is over a
 * package costs more, and nobody knows yet which that will be.
 * @param terms null: the cabinet's tariff has not begun, and everything is free
 */
export function dayKopecks(terms: TariffTerms | null, pack: Package | null, facts: PriceFacts): number {
  if (terms === null) return 0;
  if (pack?.kind !== 'placements') return priceOf(terms, 'day', facts) ?? 0;
  return Math.floor((priceOf(terms, 'placement', facts) ?? 0) / pack.termDays);
}

/** What orders the queue. */
export interface Waiting {
  readonly listingId: number;
  readonly since: Date;
  /** What a day costs on the boards that the listing is kept off meanwhile; an edit whose approved content stays costs nothing. */
  readonly idleKopecks: number;
}

/** What the waiting has cost by a moment: the day's price for as long as it lasts, kopecks. */
export function lostKopecks({ since, idleKopecks }: Waiting, now: Date): number {
  return Math.floor((idleKopecks * Math.max(0, now.getTime() - since.getTime())) / DAY_MS);
}

/** The dearest first, then whoever waits longest. */
export function byLoss(now: Date): (one: Waiting, other: Waiting) => number {
  return (one, other) =>
    lostKopecks(other, now) - lostKopecks(one, now) ||
    one.since.getTime() - other.since.getTime() ||
    one.listingId - other.listingId;
}

/** Kinds of change of which a list is enough to see that they are right. A text is read one by one. */
export const BULK_KINDS = ['price', 'photo-order'] as const satisfies readonly ChangeKind[];
export type BulkKind = (typeof BULK_KINDS)[number];

/** A case as the question «may it be approved with others?» needs it. */
export interface BulkCase {
  /** The newest approval in force. */
  readonly approved: VerdictFacts | null;
  /** The newest verdict in force, of either kind. */
  readonly last: VerdictFacts | null;
  /** All differences from the approved content. */
  readonly changes: readonly Change[];
}

/** Why a case must be looked at by itself; null: it may be approved with others of the kind. */
export function notTogether(
  kind: BulkKind,
  { approved, last, changes }: BulkCase,
  { bulkPricePercent }: Pick<ModerationSettings, 'bulkPricePercent'>,
): string | null {
  if (approved === null) return 'объект новый, его ещё не одобряли';
  if (last?.kind === 'returned') return 'объект возвращали: посмотрите, что исправлено';
  const pending = changes.filter(({ passes }) => !passes);
  if (pending.length === 0) return 'правка уже не ждёт';
  if (canonicalJson(changeKinds(pending)) !== canonicalJson([kind]))
    return `изменилось не только это: ${pending.map(({ label }) => label).join(', ')}`;
  if (kind !== 'price') return null;
  const [{ before, after }] = pending as [Change];
  const percent = (Math.abs((after as number) - (before as number)) / (before as number)) * 100;
  return percent <= bulkPricePercent
    ? null
    : `цена изменилась больше чем на ${formatNumber(bulkPricePercent)} %: посмотрите сами`;
}

/** Whose content is approved on trust, but for a sample. */
export type Trust = ModerationSettings['trusted'];

export const isTrusted = ({ employeeIds }: Trust, employeeId: number | null): boolean =>
  employeeId !== null && employeeIds.includes(employeeId);

/**
 * Does this content fall into the sample that a person looks at all the same? By the content alone: whoever asks, and
 * however often, hears the same, and a greater share only adds to the sample.
 * @param sharePercent 0: nothing is looked at, 100: everything
 */
export function isSampled(contentHash: string, sharePercent: number): boolean {
  return spread(contentHash) * 100 < sharePercent * 2 ** 32;
}

/** A text as a number below 2^32, evenly (FNV-1a, with its bits mixed once more). */
function spread(text: string): number {
  let hash = 0x811c9dc5;
  for (const sign of text) hash = Math.imul(hash ^ sign.codePointAt(0)!, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * May the content be approved without a look? A return ends the trust until a person has approved again.
 * @param last the newest verdict that was not taken back, in force or not yet
 */
export function passesOnTrust(
  trust: Trust,
  employeeId: number | null,
  contentHash: string,
  last: Pick<VerdictFacts, 'kind'> | null,
): boolean {
  return isTrusted(trust, employeeId) && last?.kind !== 'returned' && !isSampled(contentHash, trust.sharePercent);
}
