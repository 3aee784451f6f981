import { startOfDay } from '../domain/days.ts';
import { type PreviewDay, periodOf, preview, type ShownWhy } from '../domain/rotation.ts';
import type { Package } from '../domain/settings.ts';
import type { Database } from '../store/database.ts';
import {
  type NamedCandidate,
  type PackageFrame,
  packageFrame,
  rotationCandidates,
  usedPlacements,
} from '../store/rotation.ts';

/** Who gets the places of a cabinet's package on the next days, if nothing changes but the day. */

export interface RotationAhead {
  readonly frame: PackageFrame;
  readonly candidates: ReadonlyMap<number, NamedCandidate>;
  /** The first day is today. */
  readonly days: readonly PreviewDay[];
}

export const SHOWN_WHY: Record<ShownWhy, string> = {
  turn: 'место уже его',
  pinned: 'закреплён',
  order: 'по очереди',
  free: 'есть место',
};

/**
 * @param instead a package to be tried in place of the one there is
 */
export async function rotationAhead(
  db: Database,
  cabinet: { readonly agencyId: number; readonly id: number },
  days: number,
  now: Date,
  instead?: { readonly package: Package | null; readonly turnDays?: number | undefined },
): Promise<RotationAhead> {
  const known = await packageFrame(db, cabinet, now);
  const frame = instead === undefined ? known : await framed(db, cabinet, known, instead);
  const candidates = await rotationCandidates(db, cabinet);
  const { zone, today, used, turnDays } = frame;
  const midnight = (day: string) => startOfDay(day, zone);
  return {
    frame,
    candidates: new Map(candidates.map((candidate) => [candidate.listingId, candidate])),
    days: preview(candidates, frame.package, turnDays, today, { days, used, midnight }),
  };
}

async function framed(
  db: Database,
  cabinet: { readonly agencyId: number; readonly id: number },
  known: PackageFrame,
  {
    package: pack,
    turnDays = known.turnDays,
  }: { readonly package: Package | null; readonly turnDays?: number | undefined },
): Promise<PackageFrame> {
  const period = pack?.kind === 'placements' ? periodOf(pack, known.today) : null;
  const used = period === null ? 0 : await usedPlacements(db.pool, cabinet, period);
  return { ...known, package: pack, turnDays, period, used };
}
