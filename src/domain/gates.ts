import type { CalendarState } from './calendar.ts';
import { russianDay, russianMoment } from './days.ts';
import type { Judgement } from './judgement.ts';
import type { Deal } from './listing.ts';
import { MARKET_STATUS_LABELS, type MarketStatus } from './market.ts';
import type { Fixer } from './notice.ts';
import type { AgencySettings } from './settings.ts';
import { agree } from './text.ts';

/**
 * The corridor: the gates a mark passes on its way to a feed, in their order. The first closed one is the outcome.
 * Everything here is pure: facts and the moment go in, one decision comes out, the same for the run, `explain`, the
 * queue and the report.
 */

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

/** Who usually mends what has this outcome; the answer for one mark may name another, and a notice always does. */
export const OUTCOME_FIXERS: Record<Exclude<Outcome, 'published'>, Fixer> = {
  'off-market': 'agent',
  'out-of-term': 'agent',
  stale: 'agent',
  blocked: 'agent',
  'awaiting-moderation': 'adSpecialist',
  returned: 'agent',
  paused: 'adSpecialist',
  duplicate: 'adSpecialist',
  'waiting-turn': 'adSpecialist',
  unfunded: 'manager',
};

export const GATES = [
  'marked',
  'market',
  'term',
  'fresh',
  'board-rules',
  'norms',
  'moderation',
  'calendar',
  'duplicate',
  'place',
  'edition',
] as const;
export type GateName = (typeof GATES)[number];

export const GATE_LABELS: Record<GateName, string> = {
  marked: 'Отмечен',
  market: 'На рынке',
  term: 'Срок размещения',
  fresh: 'Актуальность',
  'board-rules': 'Требования доски',
  norms: 'Нормы агентства',
  moderation: 'Модерация',
  calendar: 'Рабочее время и паузы',
  duplicate: 'Не дубль',
  place: 'Место и деньги',
  edition: 'В фиде',
};

/** What is known of one mark when it is decided. Days are of the cabinet's zone. */
export interface MarkFacts {
  readonly listingId: number;
  readonly deal: Deal;
  /** Since when the source no longer has it. */
  readonly goneOn: string | null;
  readonly status: MarketStatus;
  /** Last day of the reservation. */
  readonly reservedUntil: string | null;
  readonly stage: string | null;
  readonly forbiddenReason: string | null;
  readonly startsOn: string | null;
  readonly endsOn: string | null;
  readonly freshAt: Date;
  readonly callBackAt: Date | null;
  readonly judgement: Judgement | null;
  /** Since when the content differs from the approved one. */
  readonly pendingSince: Date | null;
  /** Of the listing's branch. */
  readonly branchCalendar: CalendarState;
  /** The manual stop that holds now and ends last. */
  readonly pause: PauseFacts | null;
  /** Gates that a person lets this listing past today. */
  readonly exceptions: readonly ('fresh' | 'duplicate')[];
}

export interface PauseFacts {
  /** «кабинета», «филиала», «объекта», «всей выгрузки». */
  readonly of: string;
  readonly reason: string;
  readonly by: string;
  readonly until: Date;
  /** Its number, by which it is ended. */
  readonly id: number;
}

/** What is the same for all marks of a cabinet in one run. */
export interface CorridorContext {
  readonly now: Date;
  /** The cabinet's zone and the day it is there. */
  readonly zone: string;
  readonly today: string;
  readonly boardName: string;
  /** The agency's, with the cabinet's own moderation laid over. */
  readonly settings: AgencySettings;
  readonly cabinetCalendar: CalendarState;
  /** First moment of a day in the cabinet's zone. */
  readonly midnight: (day: string) => Date;
  /** The first moment of the day after. */
  readonly midnightAfter: (day: string) => Date;
}

/** The older listing that has the place on this board. */
export interface DuplicateFacts {
  readonly listingId: number;
  readonly externalId: string;
  /** The responsible person of the older one. */
  readonly agent: string | null;
  readonly why: 'flat' | 'photos' | 'cabinet';
}

/** Where the mark stands among those that want a place. */
export interface PlaceFacts {
  readonly hasPlace: boolean;
  /** null: the cabinet has no package, everybody has a place. */
  readonly places: number | null;
  /** 1 is the first that waits. */
  readonly position: number | null;
  readonly placedOn: string | null;
  /** When the place may change hands: its turn ends on this day. */
  readonly turnUntil: string | null;
  /** A paid placement runs on whether the listing is shown or not, up to this day. */
  readonly placementUntil: string | null;
}

/** What the account says of the day (or placement) of one mark. */
export type Funds =
  /** It costs nothing. */
  | { readonly state: 'free' }
  /** Held or charged already, or taken by this very run. */
  | { readonly state: 'paid'; readonly accountId: number; readonly kopecks: number }
  | {
      readonly state: 'short';
      readonly cause: 'balance' | 'day-limit' | 'month-limit' | 'no-account';
      readonly accountId: number | null;
      /** What the account needs for this mark and for all that come before it. */
      readonly missingKopecks: number;
      readonly reason: string;
      readonly fix: string;
    };
export const FREE: Funds = { state: 'free' };

/** A closed gate: why, and who opens it how. */
export interface Closing {
  readonly outcome: Outcome;
  /** A Russian sentence with absolute days and numbers with their units. */
  readonly reason: string;
  /** What to do, in a sentence. */
  readonly fix: string;
  readonly fixedBy: Fixer;
  /** When it opens by itself; null: only a person opens it. */
  readonly opensAt: Date | null;
  /**
   * The command that opens it, where a command can. `#` stands for the listing's number, `@` for the board, `@@` for the
   * cabinet, `…` for what only a person can say.
   */
  readonly command: readonly string[] | null;
}

/** One step of the answer to «почему не на доске». */
export interface GateResult {
  readonly gate: GateName;
  readonly label: string;
  readonly state: 'open' | 'closed' | 'not-reached';
  /** Closed: why. Not reached: what would stop it there, so nobody fixes one thing to meet the next. */
  readonly closing: Closing | null;
  readonly facts: Readonly<Record<string, unknown>>;
}

export interface Decision {
  readonly outcome: Outcome;
  /** The first closed gate; null when published. */
  readonly gate: GateName | null;
  readonly closing: Closing | null;
}

const DAY_MS = 86_400_000;

const closed = (
  outcome: Outcome,
  reason: string,
  fix: string,
  fixedBy: Fixer,
  more: { opensAt?: Date | null; command?: readonly string[] } = {},
): Closing => ({ outcome, reason, fix, fixedBy, opensAt: more.opensAt ?? null, command: more.command ?? null });

type Check = (facts: MarkFacts, context: CorridorContext) => Closing | null;

/** Is the reservation still on? Past its last day the listing is active by itself. */
export function isReserved(facts: Pick<MarkFacts, 'status' | 'reservedUntil'>, today: string): boolean {
  return facts.status === 'reserved' && (facts.reservedUntil === null || facts.reservedUntil >= today);
}

const market: Check = (facts, { settings, today, midnightAfter }) => {
  if (facts.forbiddenReason !== null)
    return closed(
      'off-market',
      `Рекламировать запрещено: ${facts.forbiddenReason}.`,
      'Если запрет снят, разрешите рекламу объекта.',
      'manager',
      { command: ['forbid', '#', '--lift'] },
    );
  if (facts.goneOn !== null)
    return closed(
      'off-market',
      `Объекта нет в выгрузке источника с ${russianDay(facts.goneOn)}.`,
      'Верните объект в CRM или снимите отметку.',
      'agent',
    );
  if (facts.status === 'reserved') {
    if (settings.market.reservedWithdraws && isReserved(facts, today)) {
      const until = facts.reservedUntil;
      return closed(
        'off-market',
        until === null ? 'Статус: забронирован.' : `Статус: забронирован до ${russianDay(until)} включительно.`,
        until === null
          ? 'Если бронь снята, верните статус «свободен».'
          : 'Объект вернётся сам на следующий день; если бронь снята раньше, верните статус «свободен».',
        'agent',
        { opensAt: until === null ? null : midnightAfter(until), command: ['status', '#', 'active'] },
      );
    }
  } else if (facts.status !== 'active')
    return closed(
      'off-market',
      `Статус: ${MARKET_STATUS_LABELS[facts.status]}.`,
      'Если объект снова свободен, верните статус «свободен»; иначе снимите отметку.',
      'agent',
      { command: ['status', '#', 'active'] },
    );
  const { stages, requiresStage } = settings.market;
  if (facts.stage === null) {
    if (!requiresStage) return null;
    return closed(
      'off-market',
      'Стадия сделки не указана, а без согласованной стадии объект не рекламируют.',
      'Поставьте стадию, которая разрешает рекламу.',
      'manager',
      stageCommand(settings),
    );
  }
  const effect = stages.find(({ name }) => name === facts.stage)?.effect ?? 'permits';
  if (effect === 'permits') return null;
  return effect === 'withdraws'
    ? closed(
        'off-market',
        `Стадия «${facts.stage}» снимает объект с рекламы.`,
        'Если сделка сорвалась, верните стадию, которая разрешает рекламу.',
        'manager',
        stageCommand(settings),
      )
    : closed(
        'off-market',
        `Стадия «${facts.stage}» ещё не разрешает рекламу.`,
        'Согласуйте договор и поставьте стадию, которая разрешает рекламу.',
        'manager',
        stageCommand(settings),
      );
};

function stageCommand(settings: AgencySettings): { command: readonly string[] } {
  const permitting = settings.market.stages.find(({ effect }) => effect === 'permits');
  return { command: permitting ? ['stage', '#', permitting.name] : ['stage', '#', '--clear'] };
}

const term: Check = (facts, { today, midnight }) => {
  if (facts.startsOn !== null && today < facts.startsOn)
    return closed(
      'out-of-term',
      `Срок размещения начинается ${russianDay(facts.startsOn)}.`,
      'Объект выйдет сам в этот день; чтобы раньше, перенесите начало срока.',
      'agent',
      { opensAt: midnight(facts.startsOn), command: ['term', '#', '--board', '@', '--from', 'today'] },
    );
  if (facts.endsOn !== null && today > facts.endsOn)
    return closed(
      'out-of-term',
      `Срок размещения кончился ${russianDay(facts.endsOn)}.`,
      'Продлите срок или снимите отметку.',
      'agent',
      { command: ['term', '#', '--board', '@', '--days', '30'] },
    );
  return null;
};

/** How many days an unconfirmed listing is believed. */
export function freshDays(deal: Deal, settings: AgencySettings): number {
  return deal === 'sale' ? settings.freshness.saleDays : settings.freshness.rentDays;
}

/** When a listing becomes stale unless somebody confirms or changes it. */
export function staleAt(facts: Pick<MarkFacts, 'freshAt' | 'deal'>, settings: AgencySettings): Date {
  return new Date(facts.freshAt.getTime() + freshDays(facts.deal, settings) * DAY_MS);
}

const fresh: Check = (facts, { now, settings, zone }) => {
  if (facts.exceptions.includes('fresh')) return null;
  if (facts.callBackAt !== null && now >= facts.callBackAt)
    return closed(
      'stale',
      `Перезвонить собственнику нужно было ${russianMoment(facts.callBackAt, zone)}.`,
      'Позвоните и отметьте результат звонка.',
      'agent',
      { command: ['call', '#', '…'] },
    );
  const days = freshDays(facts.deal, settings);
  if (now.getTime() < facts.freshAt.getTime() + days * DAY_MS) return null;
  return closed(
    'stale',
    `Объект не меняли и не подтверждали с ${russianMoment(facts.freshAt, zone)}, дольше ${days} ${agree(days, 'дня', 'дней', 'дней')}.`,
    'Подтвердите, что объект актуален.',
    'agent',
    { command: ['confirm', '#'] },
  );
};

const boardRules: Check = ({ judgement }) => {
  const notices = judgement?.board;
  if (!notices || notices.length === 0) return null;
  const { code, fixedBy } = notices[0]!;
  const fix = code.endsWith('/offer-unsupported')
    ? 'Снимите отметку: таких объявлений доска не берёт.'
    : fixedBy === 'agent'
      ? 'Исправьте названные поля объекта.'
      : fixedBy === 'admin'
        ? 'Сообщите администратору: агент этого не исправит.'
        : 'Передайте замечание специалисту по рекламе: агент этого не исправит.';
  return closed('blocked', notices.map(({ message }) => message).join(' '), fix, fixedBy);
};

const norms: Check = ({ judgement }) => {
  const notices = judgement?.norms;
  if (!notices || notices.length === 0) return null;
  return closed(
    'blocked',
    notices.map(({ message }) => message).join(' '),
    'Исправьте названные поля или попросите исключение для объекта.',
    notices[0]!.fixedBy,
  );
};

/** Until when the approved content stays in the feed while an edit waits. */
export function keptUntil(pendingSince: Date, settings: AgencySettings): Date {
  return new Date(pendingSince.getTime() + settings.moderation.keepDays * DAY_MS);
}

const moderation: Check = ({ judgement, pendingSince }, { now, settings, zone }) => {
  switch (judgement?.approval) {
    case 'returned':
      return closed(
        'returned',
        `Модератор (${judgement.returned?.by ?? 'имя не записано'}) вернул объект: ${(judgement.returned?.texts ?? []).join(' ')}`,
        'Исправьте и сохраните: объект снова встанет в очередь.',
        'agent',
      );
    case 'awaiting':
      return closed(
        'awaiting-moderation',
        `Ждёт модератора${judgement.waiting && judgement.waiting.length > 0 ? `, изменено: ${judgement.waiting.join(', ')}` : ''}.`,
        'Модератор должен одобрить или вернуть объект.',
        'adSpecialist',
        { command: ['verdict', '#', 'approve'] },
      );
    case 'kept': {
      const until = keptUntil(pendingSince ?? now, settings);
      if (now < until) return null;
      return closed(
        'awaiting-moderation',
        `Правка ждёт модератора с ${russianMoment(pendingSince!, zone)}; прежний вариант держали ${settings.moderation.keepDays} ${agree(settings.moderation.keepDays, 'день', 'дня', 'дней')}, до ${russianMoment(until, zone)}.`,
        'Модератор должен одобрить или вернуть правку.',
        'adSpecialist',
        { command: ['verdict', '#', 'approve'] },
      );
    }
    default:
      return null;
  }
};

const calendar: Check = ({ pause, branchCalendar }, { cabinetCalendar, boardName, zone }) => {
  if (pause)
    return closed(
      'paused',
      `Пауза ${pause.of} до ${russianMoment(pause.until, zone)}: ${pause.reason} (${pause.by}).`,
      'Пауза кончится сама; раньше её может снять тот, кто поставил.',
      'adSpecialist',
      { opensAt: pause.until, command: ['pause', 'end', String(pause.id)] },
    );
  for (const [state, whose] of [
    [cabinetCalendar, `Кабинет (${boardName})`],
    [branchCalendar, 'Филиал'],
  ] as const) {
    if (!state.isOpen)
      return closed(
        'paused',
        `${whose}: ${state.reason}.`,
        'Объект вернётся сам с началом рабочего времени; календарь меняет специалист по рекламе.',
        'adSpecialist',
        { opensAt: state.changesAt },
      );
  }
  return null;
};

/** Gates 1–7 in their order: what can be said of a mark without looking at the others. */
const OWN_GATES: readonly (readonly [GateName, Check])[] = [
  ['market', market],
  ['term', term],
  ['fresh', fresh],
  ['board-rules', boardRules],
  ['norms', norms],
  ['moderation', moderation],
  ['calendar', calendar],
];

/** The first closed one of the gates 1–7, or null when the mark has passed them all. */
export function ownClosing(
  facts: MarkFacts,
  context: CorridorContext,
): { readonly gate: GateName; readonly closing: Closing } | null {
  for (const [gate, check] of OWN_GATES) {
    const closing = check(facts, context);
    if (closing) return { gate, closing };
  }
  return null;
}

/** All closed ones of the gates 1–7, in their order. */
export function closedGates(facts: MarkFacts, context: CorridorContext): readonly GateName[] {
  return OWN_GATES.flatMap(([gate, check]) => (check(facts, context) === null ? [] : [gate]));
}

export function duplicateClosing(duplicate: DuplicateFacts): Closing {
  if (duplicate.why === 'cabinet')
    return closed(
      'duplicate',
      'Этот же объект уже стоит на доске через другой кабинет агентства.',
      'Снимите отметку в одном из двух кабинетов.',
      'adSpecialist',
    );
  const why = duplicate.why === 'flat' ? 'тот же адрес, квартира, площадь и этаж' : 'те же фотографии';
  return closed(
    'duplicate',
    `Дубль объекта ${duplicate.externalId} (#${duplicate.listingId}, агент ${duplicate.agent ?? 'не назначен'}): ${why}. Место у того, кого отметили раньше.`,
    'Снимите отметку с одного из двух или попросите исключение.',
    'adSpecialist',
    { command: ['except', '#', '--gate', 'duplicate', '--reason', '…', '--to', '…'] },
  );
}

export function placeClosing(place: PlaceFacts): Closing {
  const count = place.places ?? 0;
  return closed(
    'waiting-turn',
    `Ждёт места: в пакете ${count} ${agree(count, 'место', 'места', 'мест')}${place.position === null ? '' : `, в очереди ${place.position}-й`}.`,
    'Место дойдёт по очереди; закрепите объект или увеличьте пакет, чтобы раньше.',
    'adSpecialist',
    { command: ['pin', '#', '--board', '@', '--cabinet', '@@'] },
  );
}

export function fundsClosing(funds: Extract<Funds, { state: 'short' }>): Closing {
  const sum = String(Math.ceil(funds.missingKopecks / 100));
  const command =
    funds.accountId !== null && funds.cause === 'balance' ? ['accounts', 'topup', `#${funds.accountId}`, sum] : null;
  return closed('unfunded', funds.reason, funds.fix, 'manager', command ? { command } : {});
}

/** When the answer of the own gates may change by itself: the earliest such moment after now, or null. */
export function changesAt(facts: MarkFacts, context: CorridorContext, first: GateName | null): Date | null {
  const { now, today, settings } = context;
  let earliest: number | null = null;
  const at = (moment: Date | null) => {
    if (moment !== null && moment > now && (earliest === null || moment.getTime() < earliest))
      earliest = moment.getTime();
  };
  if (facts.status === 'reserved' && facts.reservedUntil !== null && facts.reservedUntil >= today)
    at(context.midnightAfter(facts.reservedUntil));
  if (first === 'market') return earliest === null ? null : new Date(earliest);
  if (facts.startsOn !== null && today < facts.startsOn) at(context.midnight(facts.startsOn));
  if (facts.endsOn !== null && today <= facts.endsOn) at(context.midnightAfter(facts.endsOn));
  if (first === 'term') return earliest === null ? null : new Date(earliest);
  at(staleAt(facts, settings));
  at(facts.callBackAt);
  if (facts.judgement?.approval === 'kept') at(keptUntil(facts.pendingSince ?? now, settings));
  return earliest === null ? null : new Date(earliest);
}

/** Of a listing that nobody has marked. */
export const UNMARKED: Closing = closed(
  'off-market',
  'Не отмечен на выгрузку.',
  'Отметьте объект на выгрузку.',
  'agent',
  { command: ['mark', '--board', '@', '--cabinet', '@@', '--listing', '#'] },
);

export interface Ladder extends Decision {
  readonly gates: readonly GateResult[];
  /** Kept in the feed by the shrink brake although a gate is closed. */
  readonly isHeld: boolean;
}

/**
 * The whole ladder of one mark, every gate with its facts.
 * @param others what the other marks of the cabinet leave to this one; the gates before must have been asked for them too
 */
export function ladder(
  facts: MarkFacts,
  context: CorridorContext,
  others: {
    readonly isMarked: boolean;
    readonly duplicate: DuplicateFacts | null;
    readonly place: PlaceFacts;
    readonly funds: Funds;
    readonly isHeld: boolean;
  },
): Ladder {
  const unmarked = others.isMarked ? null : UNMARKED;
  const isExempt = facts.exceptions.includes('duplicate');
  const steps: readonly (readonly [GateName, Closing | null])[] = [
    ['marked', unmarked],
    ...OWN_GATES.map(([gate, check]) => [gate, check(facts, context)] as const),
    ['duplicate', others.duplicate && !isExempt ? duplicateClosing(others.duplicate) : null],
    [
      'place',
      !others.place.hasPlace
        ? placeClosing(others.place)
        : others.funds.state === 'short'
          ? fundsClosing(others.funds)
          : null,
    ],
    ['edition', null],
  ];
  const first = steps.findIndex(([, closing]) => closing !== null);
  const found = first < 0 ? null : steps[first]!;
  const isHeld = others.isHeld && found !== null && others.isMarked;
  return {
    outcome: found === null || isHeld ? 'published' : found[1]!.outcome,
    gate: found?.[0] ?? null,
    closing: found?.[1] ?? null,
    isHeld,
    gates: steps.map(([gate, closing], index) => ({
      gate,
      label: GATE_LABELS[gate],
      state: first < 0 || index < first ? 'open' : index === first ? 'closed' : 'not-reached',
      closing,
      facts: gateFacts(gate, facts, context, others),
    })),
  };
}

function gateFacts(
  gate: GateName,
  facts: MarkFacts,
  { settings, cabinetCalendar }: CorridorContext,
  others: { readonly duplicate: DuplicateFacts | null; readonly place: PlaceFacts; readonly funds: Funds },
): Record<string, unknown> {
  switch (gate) {
    case 'market':
      return { status: facts.status, reservedUntil: facts.reservedUntil, stage: facts.stage, goneOn: facts.goneOn };
    case 'term':
      return { startsOn: facts.startsOn, endsOn: facts.endsOn };
    case 'fresh':
      return { freshAt: facts.freshAt, staleAt: staleAt(facts, settings), callBackAt: facts.callBackAt };
    case 'board-rules':
      return {
        blocking: facts.judgement?.board?.length ?? 0,
        codes: facts.judgement?.board?.map(({ code }) => code) ?? [],
      };
    case 'norms':
      return {
        blocking: facts.judgement?.norms?.length ?? 0,
        codes: facts.judgement?.norms?.map(({ code }) => code) ?? [],
      };
    case 'moderation':
      return {
        mode: settings.moderation.mode,
        approval: facts.judgement?.approval ?? 'not-needed',
        pendingSince: facts.pendingSince,
        keptUntil:
          facts.judgement?.approval === 'kept' && facts.pendingSince ? keptUntil(facts.pendingSince, settings) : null,
        waiting: facts.judgement?.waiting ?? [],
      };
    case 'calendar':
      return {
        isPaused: facts.pause !== null,
        cabinetOpen: cabinetCalendar.isOpen,
        branchOpen: facts.branchCalendar.isOpen,
        changesAt: earliest(cabinetCalendar.changesAt, facts.branchCalendar.changesAt),
      };
    case 'duplicate':
      return { of: others.duplicate?.listingId ?? null, isExempt: facts.exceptions.includes('duplicate') };
    case 'place':
      return { ...others.place, funds: others.funds.state };
    default:
      return {};
  }
}

/** The earlier of two moments, either of which may be none. */
export function earliest(one: Date | null, other: Date | null): Date | null {
  if (one === null || other === null) return one ?? other;
  return one < other ? one : other;
}
