import type { Board } from '../boards/catalogue.ts';
import { atOneMoment, type Database } from '../store/database.ts';
import { type CabinetRow, countMarks, currentEdition, type EditionRow, narrowRows } from '../store/publishing.ts';
import { dryRun } from './dry-run.ts';
import { EditionReader, editionFolder, type Segment } from './edition.ts';
import { loadFrame } from './frame.ts';
import { judgeRows } from './judge.ts';

/** What stands in an edition, what another one has changed, and what the next one would: reading only. */

export interface EditionDifference {
  readonly added: readonly number[];
  readonly removed: readonly number[];
  /** In both, with other bytes. */
  readonly changed: readonly number[];
}

type Files = Pick<EditionRow, 'sha256' | 'bytes' | 'gzipBytes'>;

/**
 * The listings by which one edition differs from another. What neither has touched is told by its compressed bytes
 * alone, so the work grows with what differs.
 * @param before undefined: everything is new
 * @returns undefined when the files of one of them are not kept any more
 */
export async function compareEditions(
  dataDir: string,
  cabinet: Pick<CabinetRow, 'agencyId' | 'id'>,
  before: Files | undefined,
  after: Files,
): Promise<EditionDifference | undefined> {
  const folder = editionFolder(dataDir, cabinet.agencyId, cabinet.id);
  const difference = { added: [] as number[], removed: [] as number[], changed: [] as number[] };
  const [old, fresh] = [before && new EditionReader(folder, before), new EditionReader(folder, after)];
  try {
    if (!(await fresh.open()) || (old && !(await old.open()))) return undefined;
    const theirs = old?.segments()[Symbol.asyncIterator]();
    const next = async () => {
      const found = await theirs?.next();
      return found?.done === false ? found.value : undefined;
    };
    let other = await next();
    const idsOf = ({ o }: Segment) => o.map(([listingId]) => listingId);
    for await (const segment of fresh.segments()) {
      while (other !== undefined && other.key < segment.key) {
        difference.removed.push(...idsOf(other));
        other = await next();
      }
      if (other?.key !== segment.key) {
        difference.added.push(...idsOf(segment));
        continue;
      }
      await compareSegments(difference, old!, other, fresh, segment);
      other = await next();
    }
    for (; other !== undefined; other = await next()) difference.removed.push(...idsOf(other));
    return difference;
  } finally {
    await old?.close();
    await fresh.close();
  }
}

async function compareSegments(
  difference: { readonly added: number[]; readonly removed: number[]; readonly changed: number[] },
  old: EditionReader,
  before: Segment,
  fresh: EditionReader,
  after: Segment,
): Promise<void> {
  if (before.g[1] === after.g[1] && (await old.gzip(before.g)).equals(await fresh.gzip(after.g))) return;
  const was = new Map((await old.offers(before)).map(({ listingId, bytes }) => [listingId, bytes]));
  for (const { listingId, bytes } of await fresh.offers(after)) {
    const known = was.get(listingId);
    if (known === undefined) difference.added.push(listingId);
    else if (!known.equals(bytes)) difference.changed.push(listingId);
    was.delete(listingId);
  }
  difference.removed.push(...was.keys());
}

/**
 * The listings of an edition, in their order.
 * @returns undefined when its files are not kept any more
 */
export async function editionListings(
  dataDir: string,
  cabinet: Pick<CabinetRow, 'agencyId' | 'id'>,
  edition: Files,
): Promise<number[] | undefined> {
  const reader = new EditionReader(editionFolder(dataDir, cabinet.agencyId, cabinet.id), edition);
  try {
    if (!(await reader.open())) return undefined;
    const ids: number[] = [];
    for await (const { o } of reader.segments()) ids.push(...o.map(([listingId]) => listingId));
    return ids;
  } finally {
    await reader.close();
  }
}

/** A larger cabinet is not played through for a look at a screen. */
export const NEXT_MARKS_MAX = 20_000;
/** Offers rendered together. */
const BATCH = 250;

/**
 * By which listings the next run's edition would differ from the served one, by the functions that a run decides with.
 * @returns undefined when the cabinet is too large to be asked, or its files are not here
 */
export async function nextDifference(
  db: Database,
  boards: readonly Board[],
  dataDir: string,
  cabinet: CabinetRow,
  now: Date,
): Promise<EditionDifference | undefined> {
  const board = boards.find(({ id }) => id === cabinet.board);
  if (!board || (await countMarks(db, [cabinet])) > NEXT_MARKS_MAX) return undefined;
  const served = await currentEdition(db, cabinet);
  const there = served ? await editionListings(dataDir, cabinet, served) : [];
  if (there === undefined) return undefined;
  return atOneMoment(db, async (client) => {
    const breathe = () => new Promise<void>((resolve) => setImmediate(resolve));
    const run = await dryRun(client, boards, cabinet.agencyId, { cabinets: [cabinet], breathe }, now);
    const [played] = run.cabinets;
    const shown = new Set(
      played!.marks.flatMap(({ listingId, outcome }) => (outcome === 'published' ? [listingId] : [])),
    );
    const was = new Set(there);
    const frame = await loadFrame(client, cabinet, board, now);
    const { context, isModerated } = frame;
    const stays = there.filter((id) => shown.has(id));
    const changed: number[] = [];
    const reader = served && new EditionReader(editionFolder(dataDir, cabinet.agencyId, cabinet.id), served);
    try {
      const bytes = reader && stays.length > 0 && (await reader.open()) ? await offersOf(reader) : undefined;
      for (let start = 0; start < stays.length && bytes; start += BATCH) {
        const ids = stays.slice(start, start + BATCH);
        const rows = await narrowRows(client, cabinet, context.zone, isModerated, now, ids);
        // Where nothing the offer depends on has changed, it is the same to the byte; what the brake holds stays as it is.
        const touched = rows.filter(
          (row) => row.last?.isHeld !== true && row.last?.inputKey !== frame.keys(row).inputKey,
        );
        for (const { listingId, xml } of await judgeRows(client, frame, touched)) {
          const known = bytes.get(listingId);
          if (xml !== undefined && known !== undefined && !(await known()).equals(Buffer.from(xml)))
            changed.push(listingId);
        }
      }
    } finally {
      await reader?.close();
    }
    return {
      added: [...shown].filter((id) => !was.has(id)).sort((a, b) => a - b),
      removed: there.filter((id) => !shown.has(id)),
      changed,
    };
  });
}

/** Where each offer of an edition is read, when it is wanted. */
async function offersOf(reader: EditionReader): Promise<Map<number, () => Promise<Buffer>>> {
  const found = new Map<number, () => Promise<Buffer>>();
  for await (const { x, o } of reader.segments()) {
    let at = x[0];
    for (const [listingId, length] of o) {
      const place = [at, length] as const;
      found.set(listingId, () => reader.xml(place));
      at += length;
    }
  }
  return found;
}
