import type { Board } from '../boards/catalogue.ts';
import { addDays, clockText, daysBetween, localDay, localTime, russianDay, WEEKDAYS } from '../domain/days.ts';
import { Fault } from '../domain/fault.ts';
import {
  type Closing,
  FREE,
  type Funds,
  fundsClosing,
  type GateName,
  isReserved,
  type Outcome,
  ownClosing,
  type PlaceFacts,
  placeClosing,
  UNMARKED,
} from '../domain/gates.ts';
import type { KeptNotice } from '../domain/judgement.ts';
import { MARKET_STATUS_LABELS } from '../domain/market.ts';
import { formatKopecks } from '../domain/money.ts';
import type { Fixer } from '../domain/notice.ts';
import { NO_PACKAGE, type Settled } from '../domain/plan.ts';
import { agree } from '../domain/text.ts';
import type { Queryable } from '../store/database.ts';
import { type CabinetRow, type NarrowRow, narrowRows } from '../store/publishing.ts';
import { fixerName, isStillHeld, outcomeLabel } from './explain.ts';
import { type Frame, loadFrame } from './frame.ts';
import { ALONE, type Content, contentsOf, newMark, othersOf } from './settle.ts';
import { type Cost, Till } from './till.ts';

/**
 * What `explain` answers, short and for many listings at once: the cells of a list. What a mark's own gates say is
 * always asked anew; what hangs on all the other marks of a cabinet is taken from the last run while that holds.
 */

/** One cell: a listing in a cabinet, now. */
export interface OutcomeNow {
  readonly listingId: number;
  readonly cabinetId: number;
  readonly isMarked: boolean;
  /** null: not marked, or marked and left to the next run (`isUndecided`). */
  readonly outcome: Outcome | null;
  readonly isUndecided: boolean;
  /** As `explain` has it. */
  readonly label: string;
  /** In a few words: «2 ошибки», «не хватает 60 ₽», «пауза до пн 09:00». */
  readonly words: string;
  /** The number in these words, for a narrow cell: «2», «−60 ₽», «пн 09:00»; null: there is none. */
  readonly detail: string | null;
  /** The first closed gate in words; null when nothing is in the way. */
  readonly reason: string | null;
  /** null with a reason: only the run that decided it knew, or knows. */
  readonly fix: string | null;
  readonly fixedBy: Fixer | null;
  readonly fixedByName: string | null;
  readonly opensAt: Date | null;
  /** What keeps it off the board in its content; the board's first. */
  readonly notices: readonly KeptNotice[];
  readonly isHeld: boolean;
  /** On the board with the content that was approved before; an edit waits. */
  readonly isEditWaiting: boolean;
  readonly startsOn: string | null;
  readonly endsOn: string | null;
  readonly isPinned: boolean;
  /** What the day (or the placement) costs while it is in the feed; null: nothing. */
  readonly cost: Cost | null;
}

/** Up to so many live marks of a cabinet are settled anew for a list; in a larger one the last run's word is taken. */
const SETTLED_MARKS_MAX = 4000;

/**
 * The cells of some listings in one cabinet, by listing; those that are not there are missing.
 * @param asIfMarked as if somebody marked all of them now: what a dry run finds where neither money nor places are few
 * @throws Fault `board-unknown`
 */
export async function outcomesNow(
  client: Queryable,
  cabinet: CabinetRow,
  boards: readonly Board[],
  listingIds: readonly number[],
  now: Date,
  asIfMarked = false,
): Promise<ReadonlyMap<number, OutcomeNow>> {
  if (listingIds.length === 0) return new Map();
  const board = boards.find(({ id }) => id === cabinet.board);
  if (!board) throw new Fault('board-unknown', `Доски «${cabinet.board}» нет среди описаний досок (board-rules).`);
  const frame = await loadFrame(client, cabinet, board, now);
  const { context } = frame;
  const found = await narrowRows(client, cabinet, context.zone, frame.isModerated, now, listingIds, true);
  const rows = asIfMarked ? found.map((row) => (row.isMarked ? row : newMark(frame, row))) : found;
  const marked = rows.filter(({ isMarked }) => isMarked);
  const contents = await contentsOf(client, frame, marked);
  const own = new Map(
    marked.map((row) => [row.listingId, ownClosing(frame.mark(row, contents.get(row.listingId)!.judgement), context)]),
  );
  const open = marked.filter(({ listingId }) => own.get(listingId) === null);
  const judgements = new Map([...contents].map(([listingId, { judgement }]) => [listingId, judgement]));
  const till = await Till.open(client, frame, listingIds);
  const others = await othersOf(client, frame, open, judgements, {
    till,
    known: (row, marks) => lastWord(frame, row, marks),
  });
  const cells = rows.map((row): Cell => {
    if (!row.isMarked) return { row, gate: 'marked', closing: UNMARKED, place: NO_PACKAGE, funds: FREE };
    const closed = own.get(row.listingId) ?? null;
    const content = contents.get(row.listingId)!;
    if (closed) return { row, content, ...closed, place: NO_PACKAGE, funds: FREE };
    const settled = others.get(row.listingId);
    return settled
      ? { row, content, ...answerOf(settled), place: settled.place, funds: settled.funds, settled }
      : { row, content, isUndecided: true, gate: null, closing: null, place: NO_PACKAGE, funds: FREE };
  });
  const shown = cells.filter((cell) => cell.row.isMarked && (cell.closing === null || isHeldStill(frame, cell)));
  const costs = await till?.costs(
    client,
    shown.map(({ row, settled }) => ({ row, isExcess: settled?.isExcess ?? false })),
  );
  return new Map(cells.map((cell) => [cell.row.listingId, told(frame, cell, costs?.get(cell.row.listingId) ?? null)]));
}

/** What is known of a cell before it is put into words. */
interface Cell {
  readonly row: NarrowRow;
  readonly content?: Content;
  readonly gate: GateName | null;
  readonly closing: Closing | null;
  readonly isUndecided?: boolean;
  readonly place: PlaceFacts;
  readonly funds: Funds;
  readonly settled?: Settled;
}

/** As `ladder` has it for the gates that hang on others. */
function answerOf({ closing, gate, funds }: Settled): Pick<Cell, 'gate' | 'closing'> {
  if (closing !== null) return { gate, closing };
  return funds.state === 'short' ? { gate: 'place', closing: fundsClosing(funds) } : { gate: null, closing: null };
}

const SHORT = { state: 'short', cause: 'balance', accountId: null, missingKopecks: 0 } as const;

/**
 * The last run's word about what hangs on the others, where it still holds: nothing has been changed since, or there
 * are too many of them to ask them all. Accounts are emptied by other cabinets' runs: who came short is asked anew.
 * @returns undefined: ask; null: nobody knows before the next run
 */
function lastWord({ row: cabinet, context }: Frame, row: NarrowRow, marks: number): Settled | null | undefined {
  const isLarge = marks > SETTLED_MARKS_MAX;
  const isCurrent = !cabinet.isTouched && (cabinet.dueAt === null || cabinet.dueAt > context.now);
  const { last } = row;
  if (!isLarge && !isCurrent) return undefined;
  if (last !== null && !last.isHeld) {
    const wait = (closing: Closing): Settled => ({ ...ALONE, gate: 'place', closing });
    if (last.outcome === 'published') return ALONE;
    if (last.outcome === 'duplicate') return { ...ALONE, gate: 'duplicate' };
    const reason = last.reason ?? '';
    if (last.outcome === 'waiting-turn') return wait({ ...placeClosing({ ...NO_PACKAGE, hasPlace: false }), reason });
    const fix = 'Пополните счёт или снимите лишние отметки.';
    if (last.outcome === 'unfunded' && isLarge) return wait(fundsClosing({ ...SHORT, reason, fix }));
  }
  return isLarge ? null : undefined;
}

function isHeldStill(frame: Frame, { row, content, closing, gate }: Cell): boolean {
  if (!content) return false;
  return isStillHeld(frame, row, content, { outcome: closing?.outcome ?? 'published', gate });
}

function told(frame: Frame, cell: Cell, cost: Cost | null): OutcomeNow {
  const { row, content, closing, isUndecided = false } = cell;
  const isHeld = isHeldStill(frame, cell);
  const outcome = !row.isMarked || isUndecided ? null : isHeld ? 'published' : (closing?.outcome ?? 'published');
  const notices = [...(content?.judgement?.board ?? []), ...(content?.judgement?.norms ?? [])];
  const isEditWaiting = outcome === 'published' && content?.judgement?.approval === 'kept';
  return {
    listingId: row.listingId,
    cabinetId: frame.cabinet.id,
    isMarked: row.isMarked,
    outcome,
    isUndecided,
    label: isUndecided ? 'решит ближайшая сборка' : outcomeLabel(outcome, row),
    ...wordsOf(frame, cell, outcome, isHeld, isEditWaiting, notices.length),
    reason: closing?.reason ?? null,
    fix: closing?.fix ?? null,
    fixedBy: closing?.fixedBy ?? null,
    fixedByName: fixerName(closing?.fixedBy ?? null, frame.person(row.employeeId)?.name ?? null),
    opensAt: closing?.opensAt ?? null,
    notices: outcome === 'blocked' || isHeld ? notices : [],
    isHeld,
    isEditWaiting,
    startsOn: row.isMarked ? row.startsOn : null,
    endsOn: row.isMarked ? row.endsOn : null,
    isPinned: row.isMarked && row.isPinned,
    cost,
  };
}

type Words = Pick<OutcomeNow, 'words' | 'detail'>;
const words = (text: string, detail: string | null = null): Words => ({ words: text, detail });

function wordsOf(
  frame: Frame,
  { row, closing, place, funds, settled }: Cell,
  outcome: Outcome | null,
  isHeld: boolean,
  isEditWaiting: boolean,
  notices: number,
): Words {
  const { context } = frame;
  const { zone, now, today } = context;
  const near = (moment: Date) => nearMoment(moment, now, zone);
  if (!row.isMarked) return words('не отмечен');
  const { dueAt } = frame.row;
  // Days are exact and slow to count: only where they are told.
  const next = () => (dueAt !== null && dueAt > now ? near(dueAt) : null);
  switch (outcome) {
    case null:
      return atNextRun('решит ближайшая сборка', 'решит сборка', next());
    case 'published':
      if (isHeld) return words('в фиде, держит тормоз');
      if (row.last?.outcome !== 'published')
        return atNextRun('попадёт в фид с ближайшей сборкой', 'попадёт в фид', next());
      return words(isEditWaiting ? 'в фиде, правка ждёт' : 'в фиде');
    case 'blocked':
      return words(`${notices} ${agree(notices, 'ошибка', 'ошибки', 'ошибок')}`, String(notices));
    case 'paused': {
      const until = closing?.opensAt ? near(closing.opensAt) : null;
      return words(until === null ? 'пауза' : `пауза до ${until}`, until);
    }
    case 'unfunded':
      if (funds.state !== 'short') return words('не хватает денег');
      if (funds.cause === 'no-account') return words('нет счёта');
      if (funds.cause !== 'balance') return words('лимит счёта');
      return words(`не хватает ${formatKopecks(funds.missingKopecks)}`, `−${formatKopecks(funds.missingKopecks)}`);
    case 'waiting-turn':
      return place.position === null
        ? words('ждёт очереди')
        : words(`в очереди ${place.position}-й`, String(place.position));
    case 'duplicate':
      return words(
        settled?.duplicate ? `дубль #${settled.duplicate.listingId}` : 'дубль',
        settled?.duplicate ? `#${settled.duplicate.listingId}` : null,
      );
    case 'out-of-term': {
      const begins = row.startsOn !== null && row.startsOn > today ? russianDay(row.startsOn).slice(0, 5) : null;
      return begins === null ? words('срок кончился') : words(`срок с ${begins}`, begins);
    }
    case 'off-market':
      if (row.forbiddenReason !== null) return words('реклама запрещена');
      if (row.goneOn !== null) return words('нет в источнике');
      if (row.status !== 'active' && (row.status !== 'reserved' || isReserved(row, today)))
        return words(MARKET_STATUS_LABELS[row.status]);
      return words(row.stage === null ? 'нет стадии' : `стадия «${row.stage}»`);
    default:
      return words(outcomeLabel(outcome, row));
  }
}

/** «попадёт в фид в 15:00». @param next null: at once */
const atNextRun = (atOnce: string, what: string, next: string | null): Words =>
  next === null ? words(atOnce) : words(`${what} ${/^\d\d:/.test(next) ? 'в ' : ''}${next}`, next);

/** A moment that comes, as near as it is: «15:00», «завтра 09:00», «пн 09:00», «12.12». */
function nearMoment(moment: Date, now: Date, zone: string): string {
  const { day, weekday, minute } = localTime(moment, zone);
  const today = localDay(now, zone);
  const clock = clockText(minute);
  if (day === today) return clock;
  if (day === addDays(today, 1)) return `завтра ${clock}`;
  return daysBetween(today, day) < 7 ? `${WEEKDAYS[weekday - 1]} ${clock}` : russianDay(day).slice(0, 5);
}
