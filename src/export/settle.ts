import type { Judgement } from '../domain/judgement.ts';
import { type PlanMark, planOf, type Rival, type Settled } from '../domain/plan.ts';
import type { Queryable } from '../store/database.ts';
import { type NarrowRow, runningPlacements } from '../store/publishing.ts';
import { type Frame, rotationOf } from './frame.ts';
import { judgeRows } from './judge.ts';
import { WINDOW } from './options.ts';
import type { Till } from './till.ts';

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
  /** One that is settled as if its own gates were open. */
  readonly asIfOpen?: NarrowRow;
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
    if (row === asIfOpen) plan.consider(mark, null);
    else plan.consider(mark);
  }
  return plan.settle();
}
