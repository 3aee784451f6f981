import { FREE } from '../domain/gates.ts';
import type { Judgement } from '../domain/judgement.ts';
import { NO_PACKAGE, type PlanMark, planOf, type Rival, type Settled } from '../domain/plan.ts';
import { defaultDays, newTerm } from '../domain/terms.ts';
import type { Queryable } from '../store/database.ts';
import { rivalsIfMarked } from '../store/forecast.ts';
import {
  countMarks,
  type NarrowRow,
  narrowRows,
  rivalRows,
  runningPlacements,
  sharedKeys,
  twinIds,
} from '../store/publishing.ts';
import { type Frame, rotationOf } from './frame.ts';
import { judgeRows } from './judge.ts';
import { WINDOW } from './options.ts';
import { Till } from './till.ts';

/**
 * Marks of a cabinet settled among themselves without a run: for answers, and for what things would cost. By the
 * functions that a run decides with, so that neither can say anything else.
 */

/** What is known of the content of a mark. */
export interface Content {
  readonly judgement: Judgement | null;
  readonly contentKey: string;
  readonly priceKopecks: number | null;
  /** The last run's word does not hold any more. */
  readonly isNew: boolean;
}

/** The content of marks: the last run's word where nothing has changed since, a fresh one elsewhere. */
export async function contentsOf(
  client: Queryable,
  frame: Frame,
  rows: readonly NarrowRow[],
): Promise<Map<number, Content>> {
  const found = new Map<number, Content>();
  const stale: NarrowRow[] = [];
  const contentKeys = new Map<number, string>();
  for (const row of rows) {
    const { inputKey, contentKey } = frame.keys(row);
    const { last } = row;
    // Of a price that is held the last decision tells what the board has, not what is wanted.
    if (last?.inputKey === inputKey && last.judgement?.held?.cause !== 'price') {
      const { judgement, priceKopecks } = last;
      found.set(row.listingId, { judgement, contentKey, priceKopecks, isNew: false });
    } else {
      stale.push(row);
      contentKeys.set(row.listingId, contentKey);
    }
  }
  for (let start = 0; start < stale.length; start += WINDOW) {
    for (const one of await judgeRows(client, frame, stale.slice(start, start + WINDOW))) {
      const { listingId, judgement, priceKopecks } = one;
      found.set(listingId, { judgement, contentKey: contentKeys.get(listingId)!, priceKopecks, isNew: true });
    }
  }
  return found;
}

/** What the content of marks is judged to be. */
export async function judgementsOf(
  client: Queryable,
  frame: Frame,
  rows: readonly NarrowRow[],
): Promise<Map<number, Judgement | null>> {
  const contents = await contentsOf(client, frame, rows);
  return new Map([...contents].map(([listingId, { judgement }]) => [listingId, judgement]));
}

export interface SettleOptions {
  /** Marks, and what is to be treated as one, in any order. */
  readonly rows: readonly NarrowRow[];
  readonly judgements: ReadonlyMap<number, Judgement | null>;
  readonly rivals: readonly Rival[];
  readonly sharedKeys: ReadonlySet<string>;
  readonly till: Till | undefined;
  /** A mark as it is to be seen instead. */
  readonly markOf?: (row: NarrowRow, mark: PlanMark) => PlanMark;
  /** Listings that are settled as if their own gates were open. */
  readonly asIfOpen?: ReadonlySet<number>;
}

/** Who goes out, who waits, who comes short. @returns only marks whose own gates are open */
export async function settleAll(
  client: Queryable,
  frame: Frame,
  { rows, judgements, rivals, sharedKeys, till, markOf = (_, mark) => mark, asIfOpen }: SettleOptions,
): Promise<ReadonlyMap<number, Settled>> {
  const { cabinet, context, cabinetSettings } = frame;
  const pack = cabinetSettings.package;
  const running =
    pack?.kind === 'placements' ? await runningPlacements(client, cabinet, context.today) : new Map<number, never>();
  const byId = new Map(rows.map((row) => [row.listingId, row]));
  const plan = planOf({
    cabinetId: cabinet.id,
    context,
    package: pack,
    turnDays: cabinetSettings.turnDays,
    ...(await rotationOf(client, frame)),
    sharedKeys,
    rivals,
    ...(till && {
      money: {
        fundsOf: (listingId, isExcess) => till.ask(till.wish(byId.get(listingId)!, 0, isExcess)),
        sellsExcess: till.sellsExcess,
      },
    }),
  });
  for (const row of [...rows].sort((a, b) => a.listingId - b.listingId)) {
    const placement = running.get(row.listingId);
    const seen = placement ? { ...row, placement } : row;
    const mark = markOf(row, frame.mark(seen, judgements.get(row.listingId) ?? null));
    if (asIfOpen?.has(row.listingId)) plan.consider(mark, null);
    else plan.consider(mark);
  }
  return plan.settle();
}

/** A listing as if somebody marked it now, with the term it would get. */
export function newMark({ cabinet, context, settings }: Frame, row: NarrowRow): NarrowRow {
  const days = defaultDays(settings.terms, { board: cabinet.board, kind: row.kind, deal: row.deal });
  return { ...row, ...newTerm({}, days, context.today), isMarked: true, markedAt: context.now.getTime() };
}

/** What nobody else has anything to do with. */
export const ALONE: Settled = {
  closing: null,
  gate: null,
  duplicate: null,
  place: NO_PACKAGE,
  funds: FREE,
  given: null,
  isExcess: false,
};

/**
 * What the others leave to some marks: their twins and, where places or money are few, everybody who wants some, settled
 * as a run would. Asked as if nothing of their own stood in their way, so that nobody puts that right only to meet the
 * next. A listing that is not marked is settled as if somebody marked it now.
 * @param known where the answer hangs on all marks of the cabinet (there may be a hundred thousand): what is known
 *   already and need not be settled; null: it is not known and not to be found out
 */
export async function othersOf(
  client: Queryable,
  frame: Frame,
  asked: readonly NarrowRow[],
  judgements: ReadonlyMap<number, Judgement | null>,
  known?: (row: NarrowRow, marks: number) => Settled | null | undefined,
): Promise<Map<number, Settled>> {
  const found = new Map<number, Settled>();
  if (asked.length === 0) return found;
  const { cabinet } = frame;
  const alone = await Till.open(client, frame, idsOf(asked));
  const marks = alone || frame.cabinetSettings.package !== null ? await countMarks({ pool: client }, [cabinet]) : 0;
  // An account that has enough for all that may ask is not asked in turns.
  const isShort = alone !== undefined && asked.some((row) => mayComeShort(alone, row, marks));
  if (frame.cabinetSettings.package === null && !isShort) {
    const mates = await twinRows(client, frame, asked);
    const rivals = await rivalsIfMarked(client, cabinet, idsOf([...asked, ...mates]));
    if (mates.length === 0 && rivals.length === 0) {
      for (const row of asked)
        found.set(row.listingId, alone ? { ...ALONE, funds: alone.ask(alone.wish(row, 0)) } : ALONE);
      return found;
    }
    const shared = new Set([...asked, ...mates].flatMap(duplicateKeys));
    return settleWith(client, frame, { asked, mates, judgements, rivals, sharedKeys: shared, till: alone });
  }
  let open = asked;
  if (known) {
    const twins: NarrowRow[] = [];
    open = asked.filter((row) => {
      const word = known(row, marks);
      if (word === undefined) return true;
      if (word?.gate === 'duplicate') twins.push(row);
      else if (word !== null) found.set(row.listingId, word);
      return false;
    });
    // Who is whose twin hangs neither on places nor on money.
    if (twins.length > 0) {
      const mates = await twinRows(client, frame, twins);
      const rivals = await rivalsIfMarked(client, cabinet, idsOf([...twins, ...mates]));
      const shared = new Set([...twins, ...mates].flatMap(duplicateKeys));
      const settled = await settleWith(client, frame, {
        asked: twins,
        mates,
        judgements,
        rivals,
        sharedKeys: shared,
        till: undefined,
      });
      for (const row of twins) {
        const one = settled.get(row.listingId)!;
        if (one.duplicate === null) open = [...open, row];
        else found.set(row.listingId, one);
      }
    }
    if (open.length === 0) return found;
  }
  const till = isShort ? await Till.open(client, frame) : alone;
  const ids = new Set(idsOf(open));
  const all = await narrowRows(client, cabinet, frame.context.zone, frame.isModerated, frame.context.now, null);
  const settled = await settleWith(client, frame, {
    asked: open,
    mates: all.filter(({ listingId }) => !ids.has(listingId)),
    judgements,
    rivals: [...(await rivalRows(client, cabinet)), ...(await rivalsIfMarked(client, cabinet, idsOf(open)))],
    sharedKeys: new Set([...(await sharedKeys(client, cabinet)), ...open.flatMap(duplicateKeys)]),
    till,
  });
  for (const { listingId } of open) found.set(listingId, settled.get(listingId)!);
  return found;
}

const idsOf = (rows: readonly NarrowRow[]) => rows.map(({ listingId }) => listingId);

const duplicateKeys = ({ duplicateKey, photosKey }: NarrowRow) =>
  [duplicateKey, photosKey].filter((key) => key !== null);

/** Could the account of a mark be too small for everything that it may have to pay today? */
function mayComeShort(till: Till, row: NarrowRow, marks: number): boolean {
  const wish = till.wish(row, 0);
  return wish !== null && wish.accountId !== null && !till.isEnough(wish.accountId, marks + 1);
}

async function settleWith(
  client: Queryable,
  frame: Frame,
  {
    asked,
    mates,
    judgements,
    ...others
  }: Pick<SettleOptions, 'judgements' | 'rivals' | 'sharedKeys' | 'till'> & {
    readonly asked: readonly NarrowRow[];
    readonly mates: readonly NarrowRow[];
  },
): Promise<Map<number, Settled>> {
  const all = await judgementsOf(client, frame, mates);
  for (const { listingId } of asked) all.set(listingId, judgements.get(listingId) ?? null);
  const settled = await settleAll(client, frame, {
    ...others,
    rows: [...mates, ...asked],
    // Whoever marked it would mark it now.
    markOf: (row, mark) => (row.isMarked ? mark : { ...mark, markedAt: frame.context.now.getTime() }),
    asIfOpen: new Set(idsOf(asked)),
    judgements: all,
  });
  // Whoever competes with nobody is not among the settled.
  return new Map(asked.map(({ listingId }) => [listingId, settled.get(listingId) ?? ALONE]));
}

/** Marks that share a key of duplicates with some listings, or with one that does: of a chain, the oldest decides first. */
async function twinRows(client: Queryable, frame: Frame, rows: readonly NarrowRow[]): Promise<NarrowRow[]> {
  const { cabinet, context, isModerated } = frame;
  const found = new Map<number, NarrowRow>();
  const asked = new Set(idsOf(rows));
  const seen = new Set<string>();
  for (let next: readonly NarrowRow[] = rows; ; ) {
    const some = next.filter((row) => duplicateKeys(row).some((key) => !seen.has(key)));
    if (some.length === 0) return [...found.values()];
    for (const key of some.flatMap(duplicateKeys)) seen.add(key);
    const ids = (await twinIds(client, cabinet, idsOf(some))).filter((id) => !asked.has(id) && !found.has(id));
    next = ids.length === 0 ? [] : await narrowRows(client, cabinet, context.zone, isModerated, context.now, ids);
    for (const mate of next) found.set(mate.listingId, mate);
  }
}
