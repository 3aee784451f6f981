/**
 * `npm run bench -- --corridor`: what the plan itself costs, apart from the database and the files: dressing, facts,
 * rules and gates for every mark of four cabinets, cold and after 1 % of the listings changed, against the floor of
 * reading the same listings with JSON.parse. A listing is read once for all its cabinets; that is part of the plan.
 */
import { listingAt } from '../fixtures/agency.ts';
import { loadBoards } from '../src/boards/catalogue.ts';
import type { Judgement } from '../src/domain/judgement.ts';
import type { Listing } from '../src/domain/listing.ts';
import { planOf } from '../src/domain/plan.ts';
import { loadFrame } from '../src/export/frame.ts';
import { judge } from '../src/export/offer.ts';
import { ensureCabinet, resolveAgency } from '../src/store/agencies.ts';
import type { Database } from '../src/store/database.ts';
import { hashOf } from '../src/store/hash.ts';
import { type LastDecision, listCabinets, type NarrowRow } from '../src/store/publishing.ts';

const BOARDS = ['avito', 'cian', 'yandex', 'domclick'] as const;
const CHANGED_EVERY = 100;
const NOBODY: ReadonlySet<string> = new Set();

export interface CorridorReport {
  readonly listings: number;
  readonly cabinets: number;
  /** CPU seconds, garbage collection included. */
  readonly parse: number;
  readonly cold: number;
  readonly changed: number;
  /** Cold to JSON.parse of the listings once for each cabinet, and once for all. */
  readonly coldToParsePerCabinet: number;
  readonly coldToParseOnce: number;
  readonly changedToCold: number;
  readonly publishedShare: number;
}

function cpu<T>(work: () => T): { seconds: number; result: T } {
  const before = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(before);
  return { seconds: (user + system) / 1e6, result };
}

/** @param db a migrated, empty database; only the frame of the cabinets is read from it */
export async function corridor(db: Database, listings: number): Promise<CorridorReport> {
  const agency = await resolveAgency(db, undefined, true);
  const boards = loadBoards();
  for (const board of BOARDS) {
    const { family } = boards.find(({ id }) => id === board)!;
    await ensureCabinet(db, agency.id, { board, slug: 'main', name: board, family });
  }
  const now = new Date('2026-11-21T09:00:00Z');
  const cabinets = await listCabinets(db, { agencyId: agency.id });
  const frames = await Promise.all(
    cabinets.map((cabinet) => loadFrame(db.pool, cabinet, boards.find(({ id }) => id === cabinet.board)!, now)),
  );
  // Texts, not objects: a base of this size does not stand in memory as objects.
  const texts = Array.from({ length: listings }, (_, index) => JSON.stringify(listingAt(index)));
  const hashes = texts.map((text) => hashOf(JSON.parse(text)));
  const parse = cpu(() => {
    let fields = 0;
    for (const text of texts) fields += (JSON.parse(text) as Listing).kind.length;
    return fields;
  }).seconds;

  const row = (index: number, valuesHash: string, last: LastDecision | null): NarrowRow => ({
    listingId: index + 1,
    kind: 'flat',
    deal: 'sale',
    region: null,
    askingKopecks: null,
    valuesHash,
    photoKey: null,
    goneOn: null,
    status: 'active',
    reservedUntil: null,
    stage: null,
    forbiddenReason: null,
    freshAt: now.getTime() - 86_400_000,
    callBackAt: null,
    pendingSince: null,
    isChangedBySource: true,
    isPriceCorrected: false,
    branchId: null,
    employeeId: null,
    duplicateKey: null,
    photosKey: null,
    firstSeenAt: now.getTime() - 86_400_000,
    markedAt: now.getTime() - 86_400_000,
    isMarked: true,
    startsOn: null,
    endsOn: null,
    isPinned: false,
    boardOfferId: `n-${index}`,
    avitoId: null,
    approvedId: null,
    lastVerdictId: null,
    last,
  });
  const memory = frames.map(() => new Map<number, { inputKey: string; judgement: Judgement | null }>());

  const round = (hashAt: (index: number) => string) => {
    let published = 0;
    const plans = frames.map((frame) =>
      planOf({
        cabinetId: frame.cabinet.id,
        context: frame.context,
        package: null,
        turnDays: 7,
        usedPlacements: 0,
        isFirstOfDay: false,
        sharedKeys: NOBODY,
        rivals: [],
      }),
    );
    for (let index = 0; index < listings; index++) {
      let values: Listing | undefined;
      const valuesHash = hashAt(index);
      for (const [at, frame] of frames.entries()) {
        const mark = row(index, valuesHash, null);
        const { inputKey } = frame.keys(mark);
        let found = memory[at]!.get(index);
        if (found?.inputKey !== inputKey) {
          values ??= JSON.parse(texts[index]!) as Listing;
          const { judgement } = judge(
            {
              chosen: { values, approval: 'not-needed', waiting: [] },
              worn: frame.worn(mark, values),
              photoFacts: null,
              norms: frame.norms,
              exempt: NOBODY,
            },
            frame.desk,
          );
          found = { inputKey, judgement };
          memory[at]!.set(index, found);
        }
        if (plans[at]!.consider(frame.mark(mark, found.judgement)).state === 'through') published++;
      }
    }
    for (const plan of plans) plan.settle();
    return published;
  };

  const cold = cpu(() => round((index) => hashes[index]!));
  const changed = cpu(() => round((index) => (index % CHANGED_EVERY === 37 ? `${hashes[index]!}+` : hashes[index]!)));
  const digits = (value: number) => Number(value.toFixed(2));
  return {
    listings,
    cabinets: frames.length,
    parse: digits(parse),
    cold: digits(cold.seconds),
    changed: digits(changed.seconds),
    coldToParsePerCabinet: digits(cold.seconds / (parse * frames.length)),
    coldToParseOnce: digits(cold.seconds / parse),
    changedToCold: digits(changed.seconds / cold.seconds),
    publishedShare: digits(cold.result / (listings * frames.length)),
  };
}
