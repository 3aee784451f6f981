import { addDays } from './days.ts';
import {
  type Closing,
  type CorridorContext,
  changesAt,
  type DuplicateFacts,
  duplicateClosing,
  earliest,
  FREE,
  type Funds,
  fundsClosing,
  type GateName,
  type MarkFacts,
  ownClosing,
  type PlaceFacts,
  placeClosing,
} from './gates.ts';
import { allocate, type Candidate, type Place, placementFrom } from './rotation.ts';
import type { Package } from './settings.ts';

/**
 * The plan of one run: marks come one by one, each gets its answer at once where it does not depend on the others;
 * the rest (twins, and all candidates of a cabinet with a package) are settled together at the end.
 */

/** A mark with what its duplicates and its place are decided by. */
export interface PlanMark extends MarkFacts, Omit<Candidate, 'listingId'> {
  readonly externalId: string;
  readonly agent: string | null;
  readonly duplicateKey: string | null;
  readonly photosKey: string | null;
}

/** A mark of another cabinet of the same board. */
export interface Rival {
  readonly listingId: number;
  readonly externalId: string;
  readonly agent: string | null;
  readonly cabinetId: number;
  readonly duplicateKey: string | null;
  readonly photosKey: string | null;
  /** Epoch milliseconds. */
  readonly markedAt: number;
}

export interface PlanOptions {
  readonly cabinetId: number;
  readonly context: CorridorContext;
  readonly package: Package | null;
  readonly turnDays: number;
  /** Placements of the current period that are used up. */
  readonly usedPlacements: number;
  /** Nobody was given a place on this local day yet. */
  readonly isFirstOfDay: boolean;
  /** Keys that more than one mark of the cabinet has; others need not be remembered. */
  readonly sharedKeys: ReadonlySet<string>;
  readonly rivals: readonly Rival[];
  /** The port of the accounts; absent: nothing costs anything, or whoever asks settles the money itself. */
  readonly money?: PlanMoney;
}

/** What the money says of marks that want to go out. Asked once for each, in the order in which places are given. */
export interface PlanMoney {
  /** @param isExcess for what exceeds the package */
  fundsOf(listingId: number, isExcess: boolean): Funds;
  /** Is there a price for what exceeds the package? Then nobody waits for a turn who can pay. */
  readonly sellsExcess: boolean;
}

export type Considered =
  /** One of the gates 1–7 is closed. */
  | { readonly state: 'closed'; readonly gate: GateName; readonly closing: Closing }
  /** Nothing stands in its way. */
  | { readonly state: 'through' }
  /** It depends on others: `settle` tells. */
  | { readonly state: 'pending' };

export interface Settled {
  /** null: it goes out. */
  readonly closing: Closing | null;
  readonly gate: GateName | null;
  readonly duplicate: DuplicateFacts | null;
  readonly place: PlaceFacts;
  readonly funds: Funds;
  readonly given: Place | null;
  /** It goes out, or would with money, although the package is used up. */
  readonly isExcess: boolean;
}

export const NO_PACKAGE: PlaceFacts = {
  hasPlace: true,
  places: null,
  position: null,
  placedOn: null,
  turnUntil: null,
  placementUntil: null,
};

interface Pending extends Rival {
  readonly isExempt: boolean;
  readonly candidate: Candidate;
}

export interface Plan {
  /** @param own what the gates 1–7 say; null asks what the others would leave to the mark if they were open */
  consider(mark: PlanMark, own?: ReturnType<typeof ownClosing>): Considered;
  settle(): ReadonlyMap<number, Settled>;
  /** When an answer changes by itself next, as far as the marks considered tell. */
  nextAt(): Date | null;
}

export function planOf(options: PlanOptions): Plan {
  const { context, sharedKeys } = options;
  const pending: Pending[] = [];
  const rivalKeys = new Set<string>();
  const rivalListings = new Set<number>();
  for (const rival of options.rivals) {
    rivalListings.add(rival.listingId);
    if (rival.duplicateKey !== null) rivalKeys.add(rival.duplicateKey);
    if (rival.photosKey !== null) rivalKeys.add(rival.photosKey);
  }
  const isTwin = (key: string | null) => key !== null && (sharedKeys.has(key) || rivalKeys.has(key));
  let next: Date | null = null;

  return {
    consider(mark, own = ownClosing(mark, context)) {
      next = earliest(next, changesAt(mark, context, own?.gate ?? null));
      if (own) return { state: 'closed', ...own };
      const twin = isTwin(mark.duplicateKey) || isTwin(mark.photosKey) || rivalListings.has(mark.listingId);
      if (!twin && options.package === null && options.money === undefined) return { state: 'through' };
      const { listingId, isPinned, markedAt, waitingSince, placedOn, placementFrom, placementUntil, wasAway } = mark;
      pending.push({
        listingId,
        externalId: mark.externalId,
        agent: mark.agent,
        cabinetId: options.cabinetId,
        duplicateKey: twin ? mark.duplicateKey : null,
        photosKey: twin ? mark.photosKey : null,
        isExempt: mark.exceptions.includes('duplicate'),
        candidate: {
          listingId,
          isPinned,
          markedAt,
          waitingSince,
          placedOn,
          placementFrom,
          placementUntil,
          ...(wasAway && { wasAway }),
        },
        markedAt,
      });
      return { state: 'pending' };
    },
    settle: () => settle(pending, options),
    nextAt: () => next,
  };
}

function settle(pending: readonly Pending[], options: PlanOptions): ReadonlyMap<number, Settled> {
  const duplicates = findDuplicates(pending, options.rivals);
  const candidates = pending.flatMap((mark) => (duplicates.has(mark.listingId) ? [] : [mark.candidate]));
  const { context, money } = options;
  const pack = options.package;
  const asked = new Map<number, Funds>();
  const ask = (listingId: number, isExcess: boolean) => {
    const funds = money?.fundsOf(listingId, isExcess) ?? FREE;
    asked.set(listingId, funds);
    return funds.state !== 'short';
  };
  const allocation = allocate(
    candidates,
    pack,
    options.turnDays,
    context.today,
    options.usedPlacements,
    options.isFirstOfDay,
    (listingId) => ask(listingId, false),
  );
  const given = new Map(allocation.placed);
  const excess = new Set(money?.sellsExcess ? allocation.waiting : []);
  for (const listingId of excess) {
    if (!ask(listingId, true)) continue;
    if (pack?.kind === 'placements') given.set(listingId, placementFrom(pack, context.today));
  }
  const queue = allocation.waiting.filter((listingId) => !excess.has(listingId));
  const positions = new Map(queue.map((listingId, index) => [listingId, index + 1]));
  const settled = new Map<number, Settled>();
  for (const { listingId } of pending) {
    const duplicate = duplicates.get(listingId) ?? null;
    const place = given.get(listingId) ?? null;
    const funds = asked.get(listingId) ?? FREE;
    const isExcess = excess.has(listingId);
    const facts = placeFacts(place, positions.get(listingId) ?? null, isExcess || asked.has(listingId), options);
    const [gate, closing]: [GateName | null, Closing | null] = duplicate
      ? ['duplicate', duplicateClosing(duplicate)]
      : !facts.hasPlace
        ? ['place', placeClosing(facts)]
        : funds.state === 'short'
          ? ['place', fundsClosing(funds)]
          : [null, null];
    settled.set(listingId, { closing, gate, duplicate, place: facts, funds, given: place, isExcess });
  }
  return settled;
}

/** @param isOffered a place was there for it, whether it could pay or not */
function placeFacts(
  given: Place | null,
  position: number | null,
  isOffered: boolean,
  { package: pack, turnDays }: PlanOptions,
): PlaceFacts {
  if (pack === null) return NO_PACKAGE;
  return {
    hasPlace: given !== null || isOffered,
    places: pack.kind === 'concurrent' ? pack.places : pack.placements,
    position,
    placedOn: given?.placedOn ?? null,
    turnUntil: given === null || pack.kind !== 'concurrent' ? null : addDays(given.placedOn, turnDays - 1),
    placementUntil: given?.placementUntil ?? null,
  };
}

/** The older of two twins keeps the place; being a duplicate of a duplicate counts for nothing. */
function findDuplicates(pending: readonly Pending[], rivals: readonly Rival[]): ReadonlyMap<number, DuplicateFacts> {
  type Claim = Rival & { readonly isRival: boolean; readonly isExempt: boolean };
  const elsewhere = new Set(rivals.map((rival) => rival.listingId));
  const twins = pending.filter(
    (mark) => mark.duplicateKey !== null || mark.photosKey !== null || elsewhere.has(mark.listingId),
  );
  const queue: Claim[] = [
    ...twins.map((mark) => ({ ...mark, isRival: false })),
    ...rivals.map((rival) => ({ ...rival, isRival: true, isExempt: false })),
  ].sort((a, b) => a.markedAt - b.markedAt || a.listingId - b.listingId || a.cabinetId - b.cabinetId);
  const found = new Map<number, DuplicateFacts>();
  const byFlat = new Map<string, Claim>();
  const byPhotos = new Map<string, Claim>();
  const byListing = new Map<number, Claim>();
  for (const claim of queue) {
    const flat = claim.duplicateKey === null ? undefined : byFlat.get(claim.duplicateKey);
    const photos = claim.photosKey === null ? undefined : byPhotos.get(claim.photosKey);
    const same = byListing.get(claim.listingId);
    const older = same ?? flat ?? photos;
    if (older && !claim.isRival && !claim.isExempt) {
      found.set(claim.listingId, {
        listingId: older.listingId,
        externalId: older.externalId,
        agent: older.agent,
        why: same ? 'cabinet' : flat ? 'flat' : 'photos',
      });
      continue;
    }
    if (claim.duplicateKey !== null && !flat) byFlat.set(claim.duplicateKey, claim);
    if (claim.photosKey !== null && !photos) byPhotos.set(claim.photosKey, claim);
    if (!same) byListing.set(claim.listingId, claim);
  }
  return found;
}
