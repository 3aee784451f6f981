import { FREE } from '../domain/gates.ts';
import type { Judgement } from '../domain/judgement.ts';
import { NO_PACKAGE, type PlanMark, planOf, type Rival, type Settled } from '../domain/plan.ts';
import { defaultDays, newTerm } from '../domain/terms.ts';
import type { Queryable } from '../store/database.ts';
import { rivalsIfMarked } from '../store/forecast.ts';
import {
  countMarks,
  marksOfPeople,
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

interface OthersOptions {
  /** One that was opened for these marks at least. */
  readonly till?: Till | undefined;
  /**
   * Where the answer hangs on many others (there may be a hundred thousand), how many: what is known already and need
   * not be settled; null: it is not known and not to be found out.
   */
  readonly known?: (row: NarrowRow, others: number) => Settled | null | undefined;
}

/**
 * What the others leave to some marks: their twins and, where places or money are few, everybody who wants some of the
 * same, settled as a run would. Asked as if nothing of their own stood in their way, so that nobody puts that right only
 * to meet the next. A listing that is not marked is settled as if somebody marked it now.
 */
export async function othersOf(
  client: Queryable,
  frame: Frame,
  asked: readonly NarrowRow[],
  judgements: ReadonlyMap<number, Judgement | null>,
  { till, known }: OthersOptions = {},
): Promise<Map<number, Settled>> {
  const found = new Map<number, Settled>();
  if (asked.length === 0) return found;
  const { cabinet } = frame;
  const hasPackage = frame.cabinetSettings.package !== null;
  const alone = till ?? (await Till.open(client, frame, idsOf(asked)));
  const marks = alone || hasPackage ? await countMarks({ pool: client }, [cabinet]) : 0;
  // An account that has enough for all that may ask is not asked in turns.
  const payers = new Map(asked.map((row) => [row.listingId, alone ? payerComesShort(alone, row, marks) : null]));
  const short = new Set([...payers.values()].filter((id) => id !== null));
  const hanging = asked.filter(({ listingId }) => hasPackage || payers.get(listingId) !== null);
  const free = asked.filter((row) => !hanging.includes(row));
  take(found, await withTwins(client, frame, free, judgements, alone));
  if (hanging.length === 0) return found;

  const wantingIds = hasPackage ? null : await competing(client, frame, alone!, short);
  let open = hanging;
  if (known) {
    const others = wantingIds?.length ?? marks;
    const words = new Map(hanging.map((row) => [row.listingId, known(row, others)]));
    for (const [listingId, word] of words) if (word && word.gate !== 'duplicate') found.set(listingId, word);
    open = hanging.filter(({ listingId }) => words.get(listingId) === undefined);
    // Who is whose twin hangs neither on places nor on money.
    const twins = hanging.filter(({ listingId }) => words.get(listingId)?.gate === 'duplicate');
    for (const [listingId, one] of await withTwins(client, frame, twins, judgements, undefined)) {
      if (one.duplicate !== null) found.set(listingId, one);
      else open = [...open, ...twins.filter((row) => row.listingId === listingId)];
    }
    if (open.length === 0) return found;
  }
  const { context, isModerated } = frame;
  const ids = new Set(idsOf(open));
  const wanting = await narrowRows(client, cabinet, context.zone, isModerated, context.now, wantingIds);
  const mates = wanting.filter(({ listingId }) => !ids.has(listingId));
  const isAll = wantingIds === null;
  // Somebody whom another account pays for may be the older twin of one who wants money.
  if (!isAll) mates.push(...(await twinRows(client, frame, [...open, ...mates])));
  const among = isAll ? open : [...open, ...mates];
  const settled = await settleWith(client, frame, {
    asked: open,
    mates,
    judgements,
    rivals: [
      ...(isAll ? await rivalRows(client, cabinet) : []),
      ...(await rivalsIfMarked(client, cabinet, idsOf(among))),
    ],
    sharedKeys: new Set([...(isAll ? await sharedKeys(client, cabinet) : []), ...among.flatMap(duplicateKeys)]),
    till: short.size > 0 ? await Till.open(client, frame, isAll ? null : idsOf(among)) : alone,
  });
  take(found, settled);
  return found;
}

const take = (found: Map<number, Settled>, more: ReadonlyMap<number, Settled>) => {
  for (const [listingId, one] of more) found.set(listingId, one);
};

/**
 * Who competes with marks whose accounts may be too small: those that the same accounts pay for.
 * @returns null: as good as all marks of the cabinet
 */
async function competing(
  client: Queryable,
  { cabinet, settings }: Frame,
  till: Till,
  accounts: ReadonlySet<number>,
): Promise<readonly number[] | null> {
  const owners = [...accounts].map((id) => till.account(id));
  // A person's own account pays for the person's own listings and for no others.
  const isOwn = settings.money.payer === 'employee' && owners.every((owner) => owner?.kind === 'employee');
  return isOwn
    ? marksOfPeople(
        client,
        cabinet,
        owners.map((owner) => owner!.ownerId!),
      )
    : null;
}

/** What is left to marks by their twins; whoever pays has enough for all. */
async function withTwins(
  client: Queryable,
  frame: Frame,
  asked: readonly NarrowRow[],
  judgements: ReadonlyMap<number, Judgement | null>,
  till: Till | undefined,
): Promise<ReadonlyMap<number, Settled>> {
  if (asked.length === 0) return new Map();
  const mates = await twinRows(client, frame, asked);
  const rivals = await rivalsIfMarked(client, frame.cabinet, idsOf([...asked, ...mates]));
  if (mates.length === 0 && rivals.length === 0)
    return new Map(
      asked.map((row) => [row.listingId, till ? { ...ALONE, funds: till.ask(till.wish(row, 0)) } : ALONE]),
    );
  const shared = new Set([...asked, ...mates].flatMap(duplicateKeys));
  return settleWith(client, frame, { asked, mates, judgements, rivals, sharedKeys: shared, till });
}

const idsOf = (rows: readonly NarrowRow[]) => rows.map(({ listingId }) => listingId);

const duplicateKeys = ({ duplicateKey, photosKey }: NarrowRow) =>
  [duplicateKey, photosKey].filter((key) => key !== null);

/** The account that pays for a mark, if it could be too small for everything that it may have to pay today. */
function payerComesShort(till: Till, row: NarrowRow, marks: number): number | null {
  const accountId = till.wish(row, 0)?.accountId ?? null;
  return accountId !== null && !till.isEnough(accountId, marks + 1) ? accountId : null;
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
