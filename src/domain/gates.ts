import type { Listing } from './listing.ts';
import type { Notice } from './notice.ts';

/** Every live mark has exactly one outcome: the first closed gate, or `published`. */
export const OUTCOMES = [
  'off-market',
  'out-of-term',
  'stale',
  'blocked',
  'awaiting-moderation',
  'returned',
  'paused',
  'duplicate',
  'waiting-turn',
  'unfunded',
  'published',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

export const OUTCOME_LABELS: Record<Outcome, string> = {
  'off-market': 'не на рынке',
  'out-of-term': 'вне срока размещения',
  stale: 'не подтверждён',
  blocked: 'с ошибками',
  'awaiting-moderation': 'ждёт модератора',
  returned: 'возвращён',
  paused: 'пауза',
  duplicate: 'дубль',
  'waiting-turn': 'ждёт очереди',
  unfunded: 'не хватает денег',
  published: 'в фиде',
};

export type GateName = 'marked' | 'market' | 'board-rules' | 'edition';

/** One step of the answer to «почему не на доске». */
export interface GateResult {
  readonly gate: GateName;
  readonly label: string;
  /** null: not reached, an earlier gate is closed. */
  readonly open: boolean | null;
  readonly reason: string | null;
  readonly fixedBy: Notice['fixedBy'] | null;
  readonly facts: Readonly<Record<string, unknown>>;
}

export interface Decision {
  readonly outcome: Outcome;
  readonly reason: string | null;
  readonly fixedBy: Notice['fixedBy'] | null;
  readonly gates: readonly GateResult[];
}

export interface DecisionInput {
  readonly listing: Pick<Listing, 'kind' | 'deal'>;
  /** False when nobody has asked for this listing on this board; a run looks at marked ones only. */
  readonly isMarked?: boolean;
  /** ISO day since which the source no longer has the listing. */
  readonly goneOn: string | null;
  /** What the board's rules and the inspection of the written offer say. */
  readonly notices: readonly Notice[];
}

/** Decides one mark. Pure: the same input gives the same answer in the feed, the card, the command and the test. */
export function decide(input: DecisionInput): Decision {
  const blocking = input.notices.filter((notice) => notice.severity === 'blocking');
  const first = blocking[0];
  const checks: {
    gate: GateName;
    label: string;
    outcome: Outcome;
    reason: string | null;
    fixedBy: Notice['fixedBy'] | null;
    facts: Record<string, unknown>;
  }[] = [
    {
      gate: 'marked',
      label: 'Отмечен',
      outcome: 'off-market',
      reason: input.isMarked === false ? 'Не отмечен на выгрузку.' : null,
      fixedBy: 'agent',
      facts: {},
    },
    {
      gate: 'market',
      label: 'На рынке',
      outcome: 'off-market',
      reason:
        input.goneOn === null
          ? null
          : `Объекта нет в выгрузке источника с ${russianDay(input.goneOn)}. Верните его в CRM или снимите отметку.`,
      fixedBy: 'agent',
      facts: { goneOn: input.goneOn },
    },
    {
      gate: 'board-rules',
      label: 'Требования доски',
      outcome: 'blocked',
      reason: blocking.length === 0 ? null : blocking.map((notice) => notice.message).join(' '),
      fixedBy: first?.fixedBy ?? null,
      facts: {
        blocking: blocking.length,
        advisory: input.notices.length - blocking.length,
        codes: input.notices.map((notice) => notice.code),
      },
    },
    { gate: 'edition', label: 'В фиде', outcome: 'published', reason: null, fixedBy: null, facts: {} },
  ];
  const closed = checks.findIndex((check) => check.reason !== null);
  const answer = closed < 0 ? checks.at(-1)! : checks[closed]!;
  return {
    outcome: answer.outcome,
    reason: answer.reason,
    fixedBy: answer.reason === null ? null : answer.fixedBy,
    gates: checks.map(({ gate, label, reason, fixedBy, facts }, index) => ({
      gate,
      label,
      open: closed < 0 || index < closed ? true : index === closed ? false : null,
      reason: closed >= 0 && index > closed ? null : reason,
      fixedBy: index === closed ? fixedBy : null,
      facts,
    })),
  };
}

/** `2026-11-21` as «21.11.2026». */
function russianDay(day: string): string {
  const [year, month, date] = day.slice(0, 10).split('-');
  return `${date}.${month}.${year}`;
}
