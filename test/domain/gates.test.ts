import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CalendarState } from '../../src/domain/calendar.ts';
import { addDays, localDay, momentOf, startOfDay } from '../../src/domain/days.ts';
import {
  type Closing,
  type CorridorContext,
  changesAt,
  type DuplicateFacts,
  earliest,
  FREE,
  type Funds,
  freshDays,
  GATE_LABELS,
  GATES,
  type GateName,
  isReserved,
  keptUntil,
  ladder,
  type MarkFacts,
  OUTCOME_LABELS,
  OUTCOMES,
  type Outcome,
  ownClosing,
  type PlaceFacts,
  staleAt,
} from '../../src/domain/gates.ts';
import type { KeptNotice } from '../../src/domain/judgement.ts';
import { DEALS } from '../../src/domain/listing.ts';
import { MARKET_STATUSES } from '../../src/domain/market.ts';
import { FIXERS } from '../../src/domain/notice.ts';
import { NO_PACKAGE } from '../../src/domain/plan.ts';
import { AGENCY_DEFAULTS, type AgencySettings } from '../../src/domain/settings.ts';

const MOSCOW = 'Europe/Moscow';
/** Noon in Moscow. */
const NOW = new Date('2026-11-21T09:00:00Z');
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const ago = (ms: number) => new Date(NOW.getTime() - ms);

const OPEN: CalendarState = { isOpen: true, reason: null, changesAt: null };

const settingsWith = (more: { [Group in keyof AgencySettings]?: Partial<AgencySettings[Group]> }): AgencySettings => ({
  ...AGENCY_DEFAULTS,
  market: { ...AGENCY_DEFAULTS.market, ...more.market },
  freshness: { ...AGENCY_DEFAULTS.freshness, ...more.freshness },
  moderation: { ...AGENCY_DEFAULTS.moderation, ...more.moderation },
});

function contextAt(now: Date, more: Partial<CorridorContext> = {}): CorridorContext {
  const zone = more.zone ?? MOSCOW;
  return {
    now,
    zone,
    today: localDay(now, zone),
    boardName: 'Авито',
    settings: AGENCY_DEFAULTS,
    cabinetCalendar: OPEN,
    midnight: (day) => startOfDay(day, zone),
    midnightAfter: (day) => startOfDay(addDays(day, 1), zone),
    ...more,
  };
}

/** A mark in whose way nothing stands. */
const FACTS: MarkFacts = {
  listingId: 1,
  deal: 'sale',
  goneOn: null,
  status: 'active',
  reservedUntil: null,
  stage: null,
  forbiddenReason: null,
  startsOn: null,
  endsOn: null,
  freshAt: ago(HOUR),
  callBackAt: null,
  judgement: null,
  pendingSince: null,
  branchCalendar: OPEN,
  pause: null,
  exceptions: [],
};

const notice = (code: string, message: string, fixedBy: KeptNotice['fixedBy'] = 'agent'): KeptNotice => ({
  code,
  field: 'description',
  message,
  fixedBy,
});

const STAGES = settingsWith({
  market: {
    stages: [
      { name: 'Переговоры', effect: 'not-yet' },
      { name: 'Договор', effect: 'permits' },
      { name: 'Сделка', effect: 'withdraws' },
    ],
    requiresStage: true,
  },
});

const DUPLICATE: DuplicateFacts = { listingId: 7, externalId: 'крм-7', agent: 'Ирина Соколова', why: 'flat' };
const WAITS: PlaceFacts = { ...NO_PACKAGE, hasPlace: false, places: 5, position: 3 };

interface Others {
  isMarked: boolean;
  duplicate: DuplicateFacts | null;
  place: PlaceFacts;
  funds: Funds;
  isHeld: boolean;
}
const ALONE: Others = { isMarked: true, duplicate: null, place: NO_PACKAGE, funds: FREE, isHeld: false };

interface Case {
  readonly what: string;
  readonly gate: GateName;
  readonly facts?: Partial<MarkFacts>;
  readonly context?: Partial<CorridorContext>;
  readonly others?: Partial<Others>;
  readonly outcome: Outcome;
  readonly reason: string;
  readonly fix: string;
  readonly fixedBy: Closing['fixedBy'];
  readonly command?: string | null;
  readonly opensAt?: string | null;
}

const STAGE_COMMAND = 'stage # Договор';

/** Every gate and every reason it closes for. */
const CLOSINGS: readonly Case[] = [
  {
    what: 'nobody marked it',
    gate: 'marked',
    others: { isMarked: false },
    outcome: 'off-market',
    reason: 'Не отмечен на выгрузку.',
    fix: 'Отметьте объект на выгрузку.',
    fixedBy: 'agent',
    command: 'mark --board @ --cabinet @@ --listing #',
  },
  {
    what: 'the owner forbids it',
    gate: 'market',
    facts: { forbiddenReason: 'собственник против' },
    outcome: 'off-market',
    reason: 'Рекламировать запрещено: собственник против.',
    fix: 'Если запрет снят, разрешите рекламу объекта.',
    fixedBy: 'manager',
    command: 'forbid # --lift',
  },
  {
    what: 'it is not in the source',
    gate: 'market',
    facts: { goneOn: '2026-11-19' },
    outcome: 'off-market',
    reason: 'Объекта нет в выгрузке источника с 19.11.2026.',
    fix: 'Верните объект в CRM или снимите отметку.',
    fixedBy: 'agent',
  },
  {
    what: 'reserved without an end',
    gate: 'market',
    facts: { status: 'reserved' },
    outcome: 'off-market',
    reason: 'Статус: забронирован.',
    fix: 'Если бронь снята, верните статус «свободен».',
    fixedBy: 'agent',
    command: 'status # active',
  },
  {
    what: 'the last day of a reservation',
    gate: 'market',
    facts: { status: 'reserved', reservedUntil: '2026-11-21' },
    outcome: 'off-market',
    reason: 'Статус: забронирован до 21.11.2026 включительно.',
    fix: 'Объект вернётся сам на следующий день; если бронь снята раньше, верните статус «свободен».',
    fixedBy: 'agent',
    command: 'status # active',
    opensAt: '2026-11-21T21:00:00.000Z',
  },
  ...(['sold', 'rented', 'archived'] as const).map(
    (status): Case => ({
      what: status,
      gate: 'market',
      facts: { status },
      outcome: 'off-market',
      reason: { sold: 'Статус: продан.', rented: 'Статус: сдан.', archived: 'Статус: в архиве.' }[status],
      fix: 'Если объект снова свободен, верните статус «свободен»; иначе снимите отметку.',
      fixedBy: 'agent',
      command: 'status # active',
    }),
  ),
  {
    what: 'no stage where one is required',
    gate: 'market',
    context: { settings: STAGES },
    outcome: 'off-market',
    reason: 'Стадия сделки не указана, а без согласованной стадии объект не рекламируют.',
    fix: 'Поставьте стадию, которая разрешает рекламу.',
    fixedBy: 'manager',
    command: STAGE_COMMAND,
  },
  {
    what: 'a stage that does not permit yet',
    gate: 'market',
    facts: { stage: 'Переговоры' },
    context: { settings: STAGES },
    outcome: 'off-market',
    reason: 'Стадия «Переговоры» ещё не разрешает рекламу.',
    fix: 'Согласуйте договор и поставьте стадию, которая разрешает рекламу.',
    fixedBy: 'manager',
    command: STAGE_COMMAND,
  },
  {
    what: 'a stage that withdraws',
    gate: 'market',
    facts: { stage: 'Сделка' },
    context: { settings: STAGES },
    outcome: 'off-market',
    reason: 'Стадия «Сделка» снимает объект с рекламы.',
    fix: 'Если сделка сорвалась, верните стадию, которая разрешает рекламу.',
    fixedBy: 'manager',
    command: STAGE_COMMAND,
  },
  {
    what: 'a stage that withdraws where no stage permits',
    gate: 'market',
    facts: { stage: 'Сделка' },
    context: { settings: settingsWith({ market: { stages: [{ name: 'Сделка', effect: 'withdraws' }] } }) },
    outcome: 'off-market',
    reason: 'Стадия «Сделка» снимает объект с рекламы.',
    fix: 'Если сделка сорвалась, верните стадию, которая разрешает рекламу.',
    fixedBy: 'manager',
    command: 'stage # --clear',
  },
  {
    what: 'the term begins tomorrow',
    gate: 'term',
    facts: { startsOn: '2026-11-22', endsOn: '2026-12-21' },
    outcome: 'out-of-term',
    reason: 'Срок размещения начинается 22.11.2026.',
    fix: 'Объект выйдет сам в этот день; чтобы раньше, перенесите начало срока.',
    fixedBy: 'agent',
    command: 'term # --board @ --from today',
    opensAt: '2026-11-21T21:00:00.000Z',
  },
  {
    what: 'the term ended yesterday',
    gate: 'term',
    facts: { startsOn: '2026-10-21', endsOn: '2026-11-20' },
    outcome: 'out-of-term',
    reason: 'Срок размещения кончился 20.11.2026.',
    fix: 'Продлите срок или снимите отметку.',
    fixedBy: 'agent',
    command: 'term # --board @ --days 30',
  },
  {
    what: 'nobody confirmed a sale for thirty days',
    gate: 'fresh',
    facts: { freshAt: ago(30 * DAY) },
    outcome: 'stale',
    reason: 'Объект не меняли и не подтверждали с 22.10.2026 12:00, дольше 30 дней.',
    fix: 'Подтвердите, что объект актуален.',
    fixedBy: 'agent',
    command: 'confirm #',
  },
  ...(['rent', 'daily-rent'] as const).map(
    (deal): Case => ({
      what: `nobody confirmed a ${deal} for three days`,
      gate: 'fresh',
      facts: { deal, freshAt: ago(3 * DAY) },
      outcome: 'stale',
      reason: 'Объект не меняли и не подтверждали с 18.11.2026 12:00, дольше 3 дней.',
      fix: 'Подтвердите, что объект актуален.',
      fixedBy: 'agent',
      command: 'confirm #',
    }),
  ),
  {
    what: 'nobody confirmed it for one day',
    gate: 'fresh',
    facts: { deal: 'rent', freshAt: ago(DAY) },
    context: { settings: settingsWith({ freshness: { rentDays: 1 } }) },
    outcome: 'stale',
    reason: 'Объект не меняли и не подтверждали с 20.11.2026 12:00, дольше 1 дня.',
    fix: 'Подтвердите, что объект актуален.',
    fixedBy: 'agent',
    command: 'confirm #',
  },
  {
    what: 'the owner was to be called, however fresh it is',
    gate: 'fresh',
    facts: { deal: 'rent', callBackAt: NOW },
    outcome: 'stale',
    reason: 'Перезвонить собственнику нужно было 21.11.2026 12:00.',
    fix: 'Позвоните и отметьте результат звонка.',
    fixedBy: 'agent',
    command: 'call # …',
  },
  ...(
    [
      ['agent', 'Исправьте названные поля объекта.'],
      ['adSpecialist', 'Передайте замечание специалисту по рекламе: агент этого не исправит.'],
      ['admin', 'Сообщите администратору: агент этого не исправит.'],
    ] as const
  ).map(
    ([fixedBy, fix]): Case => ({
      what: `the board refuses it, the ${fixedBy} can help`,
      gate: 'board-rules',
      facts: {
        judgement: {
          board: [notice('avito/text-short', 'Описание короткое.', fixedBy), notice('avito/price', 'Цена не указана.')],
        },
      },
      outcome: 'blocked',
      // Several problems are told together.
      reason: 'Описание короткое. Цена не указана.',
      fix,
      fixedBy,
    }),
  ),
  {
    what: 'the board takes no such offers',
    gate: 'board-rules',
    facts: { judgement: { board: [notice('avito/offer-unsupported', 'Авито не берёт аренду гаражей.')] } },
    outcome: 'blocked',
    reason: 'Авито не берёт аренду гаражей.',
    fix: 'Снимите отметку: таких объявлений доска не берёт.',
    fixedBy: 'agent',
  },
  {
    what: "the agency's norms refuse it",
    gate: 'norms',
    facts: {
      judgement: { norms: [notice('norm/photos-min', 'Фото: 2.', 'adSpecialist'), notice('norm/text', 'Текст.')] },
    },
    outcome: 'blocked',
    reason: 'Фото: 2. Текст.',
    fix: 'Исправьте названные поля или попросите исключение для объекта.',
    fixedBy: 'adSpecialist',
  },
  {
    what: 'a moderator returned it',
    gate: 'moderation',
    facts: {
      judgement: { approval: 'returned', returned: { by: 'Олег Зимин', texts: ['Мало фото.', 'Цена не та.'] } },
    },
    outcome: 'returned',
    reason: 'Модератор (Олег Зимин) вернул объект: Мало фото. Цена не та.',
    fix: 'Исправьте и сохраните: объект снова встанет в очередь.',
    fixedBy: 'agent',
  },
  {
    what: 'nobody has looked at it yet',
    gate: 'moderation',
    facts: { judgement: { approval: 'awaiting' } },
    outcome: 'awaiting-moderation',
    reason: 'Ждёт модератора.',
    fix: 'Модератор должен одобрить или вернуть объект.',
    fixedBy: 'adSpecialist',
    command: 'verdict # approve',
  },
  {
    what: 'nobody has looked at the edit yet',
    gate: 'moderation',
    facts: { judgement: { approval: 'awaiting', waiting: ['Описание', 'Цена'] } },
    outcome: 'awaiting-moderation',
    reason: 'Ждёт модератора, изменено: Описание, Цена.',
    fix: 'Модератор должен одобрить или вернуть объект.',
    fixedBy: 'adSpecialist',
    command: 'verdict # approve',
  },
  {
    what: 'the approved content was kept for long enough',
    gate: 'moderation',
    facts: { judgement: { approval: 'kept' }, pendingSince: ago(7 * DAY) },
    outcome: 'awaiting-moderation',
    reason: 'Правка ждёт модератора с 14.11.2026 12:00; прежний вариант держали 7 дней, до 21.11.2026 12:00.',
    fix: 'Модератор должен одобрить или вернуть правку.',
    fixedBy: 'adSpecialist',
    command: 'verdict # approve',
  },
  {
    what: 'a person paused it',
    gate: 'calendar',
    facts: {
      pause: { of: 'объекта', reason: 'ремонт у соседей', by: 'Ирина', until: new Date('2026-11-22T15:30:00Z'), id: 7 },
    },
    outcome: 'paused',
    reason: 'Пауза объекта до 22.11.2026 18:30: ремонт у соседей (Ирина).',
    fix: 'Пауза кончится сама; раньше её может снять тот, кто поставил.',
    fixedBy: 'adSpecialist',
    command: 'pause end 7',
    opensAt: '2026-11-22T15:30:00.000Z',
  },
  {
    what: 'the cabinet rests',
    gate: 'calendar',
    context: {
      cabinetCalendar: { isOpen: false, reason: 'нерабочее время', changesAt: new Date('2026-11-23T06:00:00Z') },
    },
    outcome: 'paused',
    reason: 'Кабинет (Авито): нерабочее время.',
    fix: 'Объект вернётся сам с началом рабочего времени; календарь меняет специалист по рекламе.',
    fixedBy: 'adSpecialist',
    opensAt: '2026-11-23T06:00:00.000Z',
  },
  {
    what: 'the branch rests, for nobody knows how long',
    gate: 'calendar',
    facts: { branchCalendar: { isOpen: false, reason: 'выходной', changesAt: null } },
    outcome: 'paused',
    reason: 'Филиал: выходной.',
    fix: 'Объект вернётся сам с началом рабочего времени; календарь меняет специалист по рекламе.',
    fixedBy: 'adSpecialist',
  },
  {
    what: 'an older mark has the same flat',
    gate: 'duplicate',
    others: { duplicate: DUPLICATE },
    outcome: 'duplicate',
    reason:
      'Дубль объекта крм-7 (#7, агент Ирина Соколова): тот же адрес, квартира, площадь и этаж. Место у того, кого отметили раньше.',
    fix: 'Снимите отметку с одного из двух или попросите исключение.',
    fixedBy: 'adSpecialist',
    command: 'except # --gate duplicate --reason … --to …',
  },
  {
    what: 'an older mark has the same photos',
    gate: 'duplicate',
    others: { duplicate: { ...DUPLICATE, agent: null, why: 'photos' } },
    outcome: 'duplicate',
    reason: 'Дубль объекта крм-7 (#7, агент не назначен): те же фотографии. Место у того, кого отметили раньше.',
    fix: 'Снимите отметку с одного из двух или попросите исключение.',
    fixedBy: 'adSpecialist',
    command: 'except # --gate duplicate --reason … --to …',
  },
  {
    what: 'another cabinet shows it',
    gate: 'duplicate',
    others: { duplicate: { ...DUPLICATE, why: 'cabinet' } },
    outcome: 'duplicate',
    reason: 'Этот же объект уже стоит на доске через другой кабинет агентства.',
    fix: 'Снимите отметку в одном из двух кабинетов.',
    fixedBy: 'adSpecialist',
  },
  {
    what: 'others have the places',
    gate: 'place',
    others: { place: WAITS },
    outcome: 'waiting-turn',
    reason: 'Ждёт места: в пакете 5 мест, в очереди 3-й.',
    fix: 'Место дойдёт по очереди; закрепите объект или увеличьте пакет, чтобы раньше.',
    fixedBy: 'adSpecialist',
    command: 'pin # --board @ --cabinet @@',
  },
  {
    what: 'others have the one place',
    gate: 'place',
    others: { place: { ...WAITS, places: 1, position: null } },
    outcome: 'waiting-turn',
    reason: 'Ждёт места: в пакете 1 место.',
    fix: 'Место дойдёт по очереди; закрепите объект или увеличьте пакет, чтобы раньше.',
    fixedBy: 'adSpecialist',
    command: 'pin # --board @ --cabinet @@',
  },
  {
    what: 'the account is short',
    gate: 'place',
    others: {
      funds: {
        state: 'short',
        cause: 'balance',
        accountId: 7,
        missingKopecks: 11_950,
        reason: 'Не хватает 119,50 ₽.',
        fix: 'Пополните счёт.',
      },
    },
    outcome: 'unfunded',
    reason: 'Не хватает 119,50 ₽.',
    fix: 'Пополните счёт.',
    fixedBy: 'manager',
    command: 'accounts topup #7 120',
  },
];

const answerTo = ({ facts, context, others }: Partial<Case>) =>
  ladder({ ...FACTS, ...facts }, contextAt(NOW, context), { ...ALONE, ...others });

describe('a gate', () => {
  it.each(CLOSINGS)('$gate closes: $what', (one) => {
    const answer = answerTo(one);
    expect(answer).toMatchObject({ outcome: one.outcome, gate: one.gate, isHeld: false });
    expect(answer.closing).toEqual({
      outcome: one.outcome,
      reason: one.reason,
      fix: one.fix,
      fixedBy: one.fixedBy,
      command: one.command?.split(' ') ?? null,
      opensAt: one.opensAt ? new Date(one.opensAt) : null,
    });
    // The run, which looks at one mark without the others, says the same of the gates 1–7.
    const isOwn = !['marked', 'duplicate', 'place'].includes(one.gate);
    expect(ownClosing({ ...FACTS, ...one.facts }, contextAt(NOW, one.context))).toEqual(
      isOwn ? { gate: one.gate, closing: answer.closing } : null,
    );
  });

  it('is closed above for every outcome but one', () => {
    expect(new Set(CLOSINGS.map(({ outcome }) => outcome))).toEqual(
      new Set(OUTCOMES.filter((outcome) => outcome !== 'published')),
    );
    expect(new Set(CLOSINGS.map(({ gate }) => gate))).toEqual(new Set(GATES.filter((gate) => gate !== 'edition')));
  });

  it.each(CLOSINGS)('speaks to people: $what', (one) => {
    for (const sentence of [one.reason, one.fix]) {
      expect(sentence).toMatch(/^[А-ЯЁ].*\.$/s);
      expect(sentence).not.toMatch(/!|пожалуйста|undefined|null|<\/?[a-z]|\.\.|\d{4}-\d{2}-\d{2}/i);
    }
    expect(FIXERS).toContain(one.fixedBy);
  });

  const opened: readonly (Partial<Case> & { what: string })[] = [
    { what: 'a reservation that ended yesterday', facts: { status: 'reserved', reservedUntil: '2026-11-20' } },
    {
      what: 'a reservation where reservations do not withdraw',
      facts: { status: 'reserved' },
      context: { settings: settingsWith({ market: { reservedWithdraws: false } }) },
    },
    { what: 'a stage that permits', facts: { stage: 'Договор' }, context: { settings: STAGES } },
    { what: 'a stage nobody listed', facts: { stage: 'Показы' }, context: { settings: STAGES } },
    { what: 'no stage where none is required' },
    { what: 'the first and last day of a term', facts: { startsOn: '2026-11-21', endsOn: '2026-11-21' } },
    { what: 'a millisecond before it is stale', facts: { freshAt: ago(30 * DAY - 1) } },
    { what: 'a call that is due in a millisecond', facts: { callBackAt: new Date(NOW.getTime() + 1) } },
    { what: 'stale with an exception', facts: { freshAt: ago(90 * DAY), callBackAt: ago(DAY), exceptions: ['fresh'] } },
    { what: 'an approved content', facts: { judgement: { approval: 'approved' } } },
    {
      what: 'a content that is kept a millisecond longer',
      facts: { judgement: { approval: 'kept' }, pendingSince: ago(7 * DAY - 1) },
    },
    { what: 'a content whose edit has only come', facts: { judgement: { approval: 'kept' } } },
    { what: 'empty lists of notices', facts: { judgement: { board: [], norms: [], approval: 'not-needed' } } },
    { what: 'a duplicate with an exception', facts: { exceptions: ['duplicate'] }, others: { duplicate: DUPLICATE } },
    { what: 'a place in the package', others: { place: { ...WAITS, hasPlace: true, position: null } } },
  ];
  it.each(opened)('lets pass: $what', (one) => {
    const answer = answerTo(one);
    expect([answer.outcome, answer.gate, answer.closing]).toEqual(['published', null, null]);
    expect(answer.gates.every(({ state, closing }) => state === 'open' && closing === null)).toBe(true);
  });

  it('never takes an exception for anything but freshness and duplicates', () => {
    const everything: MarkFacts['exceptions'] = ['fresh', 'duplicate'];
    for (const one of CLOSINGS) {
      const answer = answerTo({ ...one, facts: { ...one.facts, exceptions: everything } });
      const isPassed = one.gate === 'fresh' || one.gate === 'duplicate';
      expect([one.what, answer.gate]).toEqual([one.what, isPassed ? null : one.gate]);
    }
  });

  it('of the pause tells itself and not the hours behind it', () => {
    const shut: CalendarState = { isOpen: false, reason: 'выходной', changesAt: NOW };
    const pause = { of: 'кабинета', reason: 'переезд', by: 'Ирина', until: new Date(NOW.getTime() + DAY), id: 8 };
    const context = { cabinetCalendar: shut };
    expect(answerTo({ facts: { pause, branchCalendar: shut }, context }).closing!.reason).toMatch(/^Пауза кабинета/);
    expect(answerTo({ facts: { branchCalendar: shut }, context }).closing!.reason).toMatch(/^Кабинет/);
  });
});

describe('the small questions', () => {
  it('a reservation holds through its last day', () => {
    const until = (reservedUntil: string | null) => isReserved({ status: 'reserved', reservedUntil }, '2026-11-21');
    expect([until(null), until('2026-11-22'), until('2026-11-21'), until('2026-11-20')]).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(isReserved({ status: 'active', reservedUntil: '2026-11-22' }, '2026-11-21')).toBe(false);
  });

  it('freshness is counted by the deal', () => {
    expect(DEALS.map((deal) => freshDays(deal, AGENCY_DEFAULTS))).toEqual([30, 3, 3]);
    expect(staleAt({ freshAt: NOW, deal: 'rent' }, AGENCY_DEFAULTS)).toEqual(new Date(NOW.getTime() + 3 * DAY));
    expect(keptUntil(NOW, AGENCY_DEFAULTS)).toEqual(new Date(NOW.getTime() + 7 * DAY));
  });

  it('the earlier of two moments', () => {
    expect([earliest(null, null), earliest(NOW, null), earliest(null, NOW), earliest(ago(1), NOW)]).toEqual([
      null,
      NOW,
      NOW,
      ago(1),
    ]);
  });

  it('every gate and outcome has its name', () => {
    for (const gate of GATES) expect(GATE_LABELS[gate]).toMatch(/^[А-ЯЁ]/);
    for (const outcome of OUTCOMES) expect(OUTCOME_LABELS[outcome]).toMatch(/^[а-яё]/);
  });
});

/** One way to close each gate, in the order of design.md, section 4. */
const IN_ORDER: readonly GateName[] = [
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
];

/** Cases of several gates at once; two of them never speak of one fact. */
function together(cases: readonly Case[]): Partial<Case> {
  const judgement = Object.assign({}, ...cases.map(({ facts }) => facts?.judgement ?? {}));
  return {
    facts: { ...Object.assign({}, ...cases.map(({ facts }) => facts ?? {})), judgement },
    context: Object.assign({}, ...cases.map(({ context }) => context ?? {})),
    others: Object.assign({}, ...cases.map(({ others }) => others ?? {})),
  };
}

describe('the ladder', () => {
  it('has the gates of the design in their order', () => {
    expect(GATES).toEqual([...IN_ORDER, 'edition']);
    expect(answerTo({}).gates.map(({ gate, label }) => [gate, label])).toEqual(
      GATES.map((gate) => [gate, GATE_LABELS[gate]]),
    );
  });

  // Cases with settings of their own do not go together.
  const mixable = CLOSINGS.filter((one) => !one.context?.settings);
  const choice = fc.tuple(
    ...IN_ORDER.map((gate) => fc.option(fc.constantFrom(...mixable.filter((one) => one.gate === gate)))),
  );

  it('stops at the first closed gate and tells what the later ones would say', () => {
    fc.assert(
      fc.property(choice, (chosen) => {
        const closed = chosen.filter((one) => one !== null);
        const answer = answerTo(together(closed));
        const first = closed[0];
        expect([answer.outcome, answer.gate]).toEqual([first?.outcome ?? 'published', first?.gate ?? null]);
        for (const [at, result] of answer.gates.entries()) {
          const own = closed.find(({ gate }) => gate === result.gate);
          expect([result.gate, result.closing?.outcome, result.closing?.reason]).toEqual([
            GATES[at],
            own?.outcome,
            own?.reason,
          ]);
          const turn = first === undefined ? -1 : at - GATES.indexOf(first.gate);
          expect(result.state).toBe(first === undefined || turn < 0 ? 'open' : turn === 0 ? 'closed' : 'not-reached');
        }
        expect(answer.closing).toBe(answer.gates.find(({ state }) => state === 'closed')?.closing ?? null);
      }),
      { numRuns: 500 },
    );
  });

  it('gives every mark exactly one outcome, held or not', () => {
    fc.assert(
      fc.property(choice, fc.boolean(), (chosen, isHeld) => {
        const closed = chosen.filter((one) => one !== null);
        const { facts, context, others } = together(closed);
        const answer = answerTo({ facts, context, others: { ...others, isHeld } });
        expect(OUTCOMES).toContain(answer.outcome);
        expect(answer.gates.filter(({ state }) => state === 'closed')).toHaveLength(closed.length === 0 ? 0 : 1);
        const isUnmarked = closed[0]?.gate === 'marked';
        // The brake keeps what should have left; it publishes nothing that nobody marked, and holds nothing that goes out anyway.
        expect(answer.isHeld).toBe(isHeld && closed.length > 0 && !isUnmarked);
        expect(answer.outcome === 'published').toBe(closed.length === 0 || answer.isHeld);
        expect(answer.gate).toBe(closed[0]?.gate ?? null);
      }),
      { numRuns: 500 },
    );
  });

  it('shows the facts each gate was decided by', () => {
    const facts: Partial<MarkFacts> = {
      status: 'reserved',
      reservedUntil: '2026-11-30',
      endsOn: '2026-12-31',
      judgement: {
        board: [notice('avito/a', 'А.')],
        norms: [notice('norm/b', 'Б.'), notice('norm/c', 'В.')],
        approval: 'kept',
        waiting: ['Цена'],
      },
      pendingSince: NOW,
      branchCalendar: { isOpen: true, reason: null, changesAt: new Date(NOW.getTime() + DAY) },
    };
    const cabinetCalendar = { isOpen: true, reason: null, changesAt: new Date(NOW.getTime() + HOUR) };
    const settings = settingsWith({ moderation: { mode: 'on' } });
    const answer = answerTo({
      facts,
      context: { cabinetCalendar, settings },
      others: { duplicate: DUPLICATE, place: WAITS },
    });
    expect(Object.fromEntries(answer.gates.map((one) => [one.gate, one.facts]))).toEqual({
      marked: {},
      market: { status: 'reserved', reservedUntil: '2026-11-30', stage: null, goneOn: null },
      term: { startsOn: null, endsOn: '2026-12-31' },
      fresh: { freshAt: ago(HOUR), staleAt: new Date(ago(HOUR).getTime() + 30 * DAY), callBackAt: null },
      'board-rules': { blocking: 1, codes: ['avito/a'] },
      norms: { blocking: 2, codes: ['norm/b', 'norm/c'] },
      moderation: {
        mode: 'on',
        approval: 'kept',
        pendingSince: NOW,
        keptUntil: new Date(NOW.getTime() + 7 * DAY),
        waiting: ['Цена'],
      },
      calendar: { isPaused: false, cabinetOpen: true, branchOpen: true, changesAt: cabinetCalendar.changesAt },
      duplicate: { of: 7, isExempt: false },
      place: { ...WAITS, funds: 'free' },
      edition: {},
    });
  });
});

const ZONES = ['Europe/Kaliningrad', MOSCOW, 'Asia/Kamchatka', 'Europe/Berlin', 'America/Sao_Paulo', 'Asia/Beirut'];
const near = (span: number) => fc.integer({ min: -span, max: span });

/** Facts whose edges lie thickly around the moment they are asked at. */
const wild = fc
  .record({
    zone: fc.constantFrom(...ZONES),
    // A year in which some of the zones put their clocks forward and back at midnight.
    nowMs: fc.integer({ min: Date.UTC(2018, 0, 1), max: Date.UTC(2019, 0, 1) }),
    deal: fc.constantFrom(...DEALS),
    status: fc.constantFrom('active', 'active', 'reserved', 'reserved', ...MARKET_STATUSES),
    reservedIn: fc.option(near(3)),
    goneIn: fc.option(near(3), { freq: 8 }),
    stage: fc.option(fc.constantFrom('Договор', 'Переговоры', 'Показы')),
    stages: fc.boolean(),
    reservedWithdraws: fc.boolean(),
    startsIn: fc.option(near(4)),
    endsIn: fc.option(near(4)),
    freshHours: fc.integer({ min: 0, max: 24 * 32 }),
    callInMinutes: fc.option(near(4 * 24 * 60)),
    exempt: fc.boolean(),
    approval: fc.constantFrom('not-needed', 'approved', 'kept', 'kept', 'awaiting'),
    pendingHours: fc.option(fc.integer({ min: 0, max: 24 * 8 })),
    isBlocked: fc.boolean(),
    saleDays: fc.constantFrom(0, 1, 30),
  })
  .map((made) => {
    const now = new Date(made.nowMs);
    const today = localDay(now, made.zone);
    const day = (ahead: number | null) => (ahead === null ? null : addDays(today, ahead));
    const hoursAgo = (hours: number) => new Date(made.nowMs - hours * HOUR);
    const facts: MarkFacts = {
      ...FACTS,
      deal: made.deal,
      status: made.status,
      reservedUntil: day(made.reservedIn),
      goneOn: day(made.goneIn),
      stage: made.stages ? made.stage : null,
      startsOn: day(made.startsIn),
      endsOn: day(made.endsIn),
      freshAt: hoursAgo(made.freshHours),
      callBackAt: made.callInMinutes === null ? null : new Date(made.nowMs + made.callInMinutes * 60_000),
      exceptions: made.exempt ? ['fresh'] : [],
      judgement: { approval: made.approval, ...(made.isBlocked && { board: [notice('avito/a', 'А.')] }) },
      pendingSince: made.pendingHours === null ? null : hoursAgo(made.pendingHours),
    };
    const settings = settingsWith({
      market: { ...(made.stages ? STAGES.market : {}), reservedWithdraws: made.reservedWithdraws },
      freshness: { saleDays: made.saleDays },
    });
    const at = (moment: Date) => contextAt(moment, { zone: made.zone, settings });
    // A kept content whose wait nobody has noted yet is noted by the run that asks.
    const noted = { ...facts, pendingSince: facts.pendingSince ?? now };
    return { now, facts: made.approval === 'kept' ? noted : facts, at };
  });

describe('the moment of the next change', () => {
  it('leaves the answer alone until it comes', () => {
    fc.assert(
      fc.property(
        wild,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 8, maxLength: 8 }),
        (made, shares) => {
          const { now, facts, at } = made;
          const answer = ownClosing(facts, at(now));
          const next = changesAt(facts, at(now), answer?.gate ?? null);
          if (next !== null) expect(next.getTime()).toBeGreaterThan(now.getTime());
          // Where no change is announced there is none for half a year.
          const span = (next?.getTime() ?? now.getTime() + 180 * DAY) - now.getTime();
          for (const share of [...shares, 1]) {
            const moment = new Date(now.getTime() + Math.floor((span - 1) * share));
            expect(ownClosing(facts, at(moment))).toEqual(answer);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('leads from one answer to the next until nothing changes any more', () => {
    fc.assert(
      fc.property(wild, ({ now, facts, at }) => {
        let moment = now;
        for (let steps = 0; ; steps++) {
          const next = changesAt(facts, at(moment), ownClosing(facts, at(moment))?.gate ?? null);
          if (next === null) return;
          // Two edges of a reservation and a term each, freshness, a call, a kept content.
          expect(steps).toBeLessThan(7);
          moment = next;
        }
      }),
      { numRuns: 500 },
    );
  });

  const day = (text: string) => startOfDay(text, MOSCOW);
  it.each<[string, Partial<MarkFacts>, Date | null]>([
    ['a reservation', { status: 'reserved', reservedUntil: '2026-11-21' }, day('2026-11-22')],
    ['the beginning of a term', { startsOn: '2026-11-25' }, day('2026-11-25')],
    ['the end of a term', { endsOn: '2026-11-21' }, day('2026-11-22')],
    ['freshness', { deal: 'rent', freshAt: ago(2 * DAY) }, new Date(NOW.getTime() + DAY)],
    ['a call', { callBackAt: momentOf('2026-11-21', 15 * 60, MOSCOW) }, momentOf('2026-11-21', 15 * 60, MOSCOW)],
    [
      'a kept content',
      { judgement: { approval: 'kept' }, pendingSince: ago(5 * DAY) },
      new Date(NOW.getTime() + 2 * DAY),
    ],
    ['nothing but a person', { status: 'sold', freshAt: ago(2 * DAY), deal: 'rent' }, null],
    ['nothing but a longer term', { endsOn: '2026-11-20', deal: 'rent', freshAt: ago(2 * DAY) }, null],
  ])('is told by %s, and the answer is another one then', (_, change, expected) => {
    const facts = { ...FACTS, ...change };
    const before = ownClosing(facts, contextAt(NOW));
    expect(changesAt(facts, contextAt(NOW), before?.gate ?? null)).toEqual(expected);
    if (expected === null) return;
    expect(ownClosing(facts, contextAt(expected))?.gate).not.toBe(before?.gate);
    if (before?.closing.opensAt) expect(before.closing.opensAt).toEqual(expected);
  });
});
