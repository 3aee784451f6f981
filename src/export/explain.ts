import type { Board } from '../boards/catalogue.ts';
import { Brake, brakeSentence } from '../domain/brake.ts';
import { clockText, localDay, localTime } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { FREE, type GateResult, type Ladder, ladder, OUTCOME_LABELS, type Outcome } from '../domain/gates.ts';
import { describeKind } from '../domain/listing.ts';
import { formatKopecks } from '../domain/money.ts';
import type { Fixer, Notice } from '../domain/notice.ts';
import { FIXER_LABELS } from '../domain/people.ts';
import { NO_PACKAGE } from '../domain/plan.ts';
import { wasteOf } from '../domain/rotation.ts';
import type { Queryable } from '../store/database.ts';
import { type CabinetRow, keptAway, likeListings, type NarrowRow, narrowRows } from '../store/publishing.ts';
import { type Frame, loadFrame } from './frame.ts';
import { type JudgedRow, judgeRows } from './judge.ts';
import { othersOf } from './settle.ts';
import { type Cost, Till } from './till.ts';

/** The whole answer to «почему объект есть или не есть на доске», as it stands at one moment. */
export interface Explanation {
  readonly listing: number;
  readonly externalId: string;
  readonly title: string;
  readonly board: string;
  readonly boardName: string;
  readonly cabinet: string;
  readonly at: string;
  /** Of the cabinet: days and hours in the sentences are of this zone. */
  readonly zone: string;
  readonly isMarked: boolean;
  /** null: the listing is not marked for this board. */
  readonly outcome: Outcome | null;
  readonly label: string;
  /** The first closed gate in words; null when nothing is in the way. */
  readonly reason: string | null;
  readonly fix: string | null;
  readonly fixedBy: Fixer | null;
  /** The person or the role that can put it right: «агент Ирина Соколова». */
  readonly fixedByName: string | null;
  /** The command that opens the gate, where a command alone can. */
  readonly command: readonly string[] | null;
  /** Since when the outcome is this one, as the runs know it; null: no run has seen it yet. */
  readonly since: string | null;
  /** When it opens by itself. */
  readonly opensAt: string | null;
  /** The shrink brake keeps the listing in the feed although a gate is closed, or with a price it no longer has. */
  readonly isHeld: boolean;
  readonly gates: readonly GateResult[];
  readonly notices: readonly Notice[];
  /** What a run will not stop for, but somebody should know. */
  readonly remarks: readonly string[];
  /** What the day (or the placement) costs, and whose account pays; null: nothing. */
  readonly cost: {
    readonly kopecks: number;
    readonly account: string | null;
    readonly state: 'held' | 'charged' | 'wanted';
    readonly text: string;
  } | null;
  /** What the last run decided. */
  readonly lastRun: { readonly outcome: Outcome; readonly since: string } | null;
}

/**
 * Explains one listing in one cabinet by the very functions that a run decides with.
 * @param now the present, or a moment ahead
 * @throws Refusal `listing-unknown`
 */
export async function explain(
  client: Queryable,
  cabinet: CabinetRow,
  board: Board,
  listingId: number,
  now: Date,
): Promise<Explanation> {
  const frame = await loadFrame(client, cabinet, board, now);
  const { context, isModerated } = frame;
  const [row] = await narrowRows(client, cabinet, context.zone, isModerated, now, [listingId], true);
  if (!row) throw new Refusal('listing-unknown', `Объекта ${listingId} нет.`, 2);
  const [judged] = await judgeRows(client, frame, [row]);
  const others = (await othersOf(client, frame, [row], new Map([[listingId, judged!.judgement]]))).get(listingId);
  const facts = frame.mark(row, judged!.judgement);
  const answerOf = (isHeld: boolean) =>
    ladder(facts, context, {
      isMarked: row.isMarked,
      duplicate: others?.duplicate ?? null,
      place: others?.place ?? NO_PACKAGE,
      funds: others?.funds ?? FREE,
      isHeld,
    });
  const isHeld = isStillHeld(frame, row, judged!, answerOf(false));
  const answer = answerOf(isHeld);
  const till = await Till.open(client, frame, [listingId]);
  const isExcess = others?.isExcess ?? false;
  const cost = (await till?.costs(client, [{ row, isExcess }]))?.get(listingId) ?? null;
  const remarks = await remarksOf(client, frame, row, judged!, answer, isHeld);
  return told(frame, row, judged!, answer, isHeld, remarks, cost);
}

/** Would the brake, which holds the mark since the last run, hold it in the next one? */
export function isStillHeld(
  frame: Frame,
  row: NarrowRow,
  { judgement, priceKopecks }: Pick<JudgedRow, 'judgement' | 'priceKopecks'>,
  { outcome, gate }: Pick<Ladder, 'outcome' | 'gate'>,
): boolean {
  if (!row.isMarked || row.last?.isHeld !== true || frame.row.brake === null) return false;
  const { inputKey, contentKey } = frame.keys(row);
  const found = { judgement, contentKey, priceKopecks, isNew: row.last.inputKey !== inputKey };
  return new Brake(frame, frame.row.brake.before).lossOf(row, found, { outcome, ...(gate && { gate }) }) !== null;
}

async function remarksOf(
  client: Queryable,
  frame: Frame,
  row: NarrowRow,
  judged: JudgedRow,
  answer: Ladder,
  isHeld: boolean,
): Promise<string[]> {
  const { context, cabinet } = frame;
  const remarks: string[] = [];
  if (isHeld && frame.row.brake) {
    remarks.push(brakeSentence(context.boardName, frame.row.brake.held, frame.row.brake.causes));
  }
  if (judged.judgement?.approval === 'kept') {
    remarks.push(
      `На доске прежний одобренный вариант; правка ждёт модератора: ${judged.judgement.waiting?.join(', ') ?? 'содержание'}.`,
    );
  }
  const until = row.placement?.until ?? row.last?.placementUntil ?? null;
  const cause = answer.gate === 'calendar' ? 'pause' : answer.gate === 'place' ? 'rotation' : null;
  if (cause !== null) {
    const returnsOn = answer.closing?.opensAt ? localDay(answer.closing.opensAt, context.zone) : null;
    const waste = wasteOf(until, returnsOn, context.today, cause);
    if (waste) remarks.push(waste.text);
  }
  if (answer.outcome !== 'duplicate') {
    for (const twin of await keptAway(client, cabinet, row.listingId)) {
      remarks.push(
        `Место у этого объекта; тот же объект ${twin.externalId} (#${twin.id}, агент ${twin.agent ?? 'не назначен'}) отмечен позже и ждёт.`,
      );
    }
  }
  for (const like of await likeListings(client, cabinet, row.listingId)) {
    remarks.push(
      `Похоже на объект ${like.externalId} (#${like.id}, агент ${like.agent ?? 'не назначен'}): те же адрес, площадь и этаж. Укажите номер квартиры, чтобы было ясно.`,
    );
  }
  return remarks;
}

function told(
  frame: Frame,
  row: NarrowRow,
  judged: JudgedRow,
  answer: Ladder,
  isHeld: boolean,
  remarks: readonly string[],
  cost: Cost | null,
): Explanation {
  const { closing } = answer;
  const outcome = row.isMarked ? answer.outcome : null;
  const agent = frame.person(row.employeeId)?.name ?? null;
  const names: Readonly<Record<string, string>> = {
    '#': `#${row.listingId}`,
    '@': frame.cabinet.board,
    '@@': frame.cabinet.slug,
  };
  const fixer = closing?.fixedBy ?? null;
  return {
    listing: row.listingId,
    externalId: row.boardOfferId,
    title: judged.dressed.title ?? describeKind(judged.dressed),
    board: frame.cabinet.board,
    boardName: frame.context.boardName,
    cabinet: frame.cabinet.slug,
    at: frame.context.now.toISOString(),
    zone: frame.context.zone,
    isMarked: row.isMarked,
    outcome,
    label: outcomeLabel(outcome, row),
    reason: closing?.reason ?? null,
    fix: closing?.fix ?? null,
    fixedBy: fixer,
    fixedByName: fixerName(fixer, agent),
    command: closing?.command?.map((word) => names[word] ?? word) ?? null,
    since: row.last !== null && row.last.outcome === outcome ? new Date(row.last.since).toISOString() : null,
    opensAt: closing?.opensAt?.toISOString() ?? null,
    isHeld,
    gates: answer.gates,
    notices: judged.notices,
    remarks,
    cost: cost && { kopecks: cost.kopecks, account: cost.account, state: cost.state, text: costSentence(cost, frame) },
    lastRun: row.last ? { outcome: row.last.outcome, since: new Date(row.last.since).toISOString() } : null,
  };
}

/** @param outcome null: the listing is not marked for the board */
export function outcomeLabel(outcome: Outcome | null, { last }: Pick<NarrowRow, 'last'>): string {
  if (outcome === null) return 'не отмечен на выгрузку';
  return outcome === 'published' && last?.outcome !== 'published'
    ? 'войдёт в фид при следующей сборке'
    : OUTCOME_LABELS[outcome];
}

/** «агент Ирина Соколова», «руководитель». */
export function fixerName(fixer: Fixer | null, agent: string | null): string | null {
  if (fixer === null) return null;
  return fixer === 'agent' && agent !== null ? `агент ${agent}` : FIXER_LABELS[fixer];
}

/** «День стоит 45 ₽ со счёта «филиал Центр»: удержано, спишется в 12:00, если объект останется в фиде.» */
function costSentence({ kopecks, account, state, chargeAt, sellsPlacements }: Cost, { context }: Frame): string {
  const what = sellsPlacements ? 'Размещение' : 'День';
  const whose = account === null ? 'платить некому' : `со счёта «${account}»`;
  const hour = clockText(localTime(chargeAt, context.zone).minute);
  const then = {
    held: `удержано, спишется в ${hour}, если объект останется в фиде`,
    charged: 'списано',
    wanted: 'пока не списано и не удержано',
  }[state];
  return `${what} стоит ${formatKopecks(kopecks)}, ${whose}: ${then}.`;
}
