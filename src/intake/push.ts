import type { Listing } from '../domain/listing.ts';
import { fillEmptyDescriptions } from '../store/autotext.ts';
import type { Database } from '../store/database.ts';
import {
  endImport,
  listingsOfSource,
  mergeImport,
  type StagedOffer,
  stageOffers,
  startImport,
  sweepPushes,
} from '../store/intake.ts';
import { applyMarkingRules } from '../store/marking.ts';
import { normalise } from './normalise.ts';

/** Listings that a CRM pushes one by one or in batches, by the importer's own way: cleaned, proved, staged, merged. */

export interface Pushed {
  readonly externalId: string;
  /** As `ListingSchema` has it, unproved. */
  readonly values: Partial<Listing>;
  /** Who is responsible; null: stays as it is, and nobody for a new listing. */
  readonly employeeId: number | null;
}

export type PushResult =
  | {
      readonly state: 'created' | 'updated' | 'unchanged' | 'returned';
      readonly id: number;
      readonly externalId: string;
      /** Of what the source says: the version that `If-Match` may name. */
      readonly version: string;
    }
  | { readonly state: 'rejected'; readonly externalId: string; readonly reasons: readonly string[] };

/**
 * Takes listings of a source in. Each gets its own answer: a bad one spoils none of the others, and pushing the same
 * again changes nothing. Listings that are not among them stay.
 * @returns in the order given
 */
export async function pushListings(
  db: Database,
  agencyId: number,
  source: string,
  pushed: readonly Pushed[],
  now: Date,
): Promise<PushResult[]> {
  const seen = new Set<string>();
  const results = new Map<number, PushResult>();
  const staged: StagedOffer[] = [];
  pushed.forEach(({ externalId, values, employeeId }, index) => {
    if (seen.has(externalId)) {
      results.set(index, {
        state: 'rejected',
        externalId,
        reasons: ['Номер объявления уже был в этом запросе: принято первое.'],
      });
      return;
    }
    seen.add(externalId);
    const { listing, faults } = normalise({ listing: { ...values, externalId } as Listing, notUnderstood: [] });
    if (listing === undefined) results.set(index, { state: 'rejected', externalId, reasons: faults });
    else staged.push({ externalId, ordinal: index + 1, line: index + 1, values: listing, employeeId });
  });
  if (staged.length > 0) {
    const ids = staged.map(({ externalId }) => externalId);
    const before = await listingsOfSource(db.pool, agencyId, source, ids);
    const run = await startImport(db, { agencyId, source }, now);
    try {
      const { added } = await stageOffers(db, run, staged);
      const { counts } = await mergeImport(db, run, added, 'push', now);
      await endImport(db, run, 'imported', { read: pushed.length, rejected: results.size, ...counts }, now);
    } catch (error) {
      await endImport(db, run, 'failed', {}, now).catch(() => {});
      throw error;
    }
    await sweepPushes(db.pool, agencyId, run.sourceId);
    const after = new Map((await listingsOfSource(db.pool, agencyId, source, ids)).map((row) => [row.externalId, row]));
    for (const { ordinal, externalId } of staged) {
      const was = before.find((row) => row.externalId === externalId);
      const row = after.get(externalId)!;
      const state = !was
        ? 'created'
        : was.isGone
          ? 'returned'
          : was.sourceHash === row.sourceHash
            ? 'unchanged'
            : 'updated';
      results.set(ordinal - 1, { state, id: row.id, externalId, version: row.sourceHash.slice(0, 22) });
    }
    const listingIds = [...after.values()].map(({ id }) => id);
    await fillEmptyDescriptions(db, agencyId, listingIds, now);
    await applyMarkingRules(db, agencyId, listingIds, now);
  }
  return pushed.map((_, index) => results.get(index)!);
}
