import { russianDay, russianMoment } from './days.ts';
import { GATE_LABELS } from './gates.ts';
import { tellField } from './listing-form.ts';
import { MARKET_STATUS_LABELS, type MarketStatus } from './market.ts';
import { fieldLabel } from './moderation.ts';
import { formatKopecks } from './money.ts';

/** What was done to a listing, as the journal keeps it, in Russian words. */

type Facts = Readonly<Record<string, unknown>>;

export interface ToldDeed {
  readonly title: string;
  /** «Этаж: 3 → 7», the reason, the days. */
  readonly lines: readonly string[];
}

const CALLS: Readonly<Record<string, string>> = {
  rented: 'сдан',
  'not-rented': 'ещё не сдан',
  'no-answer': 'не ответили',
  busy: 'занято',
};

const EXCEPTIONS: Readonly<Record<string, string>> = {
  norms: GATE_LABELS.norms,
  fresh: GATE_LABELS.fresh,
  duplicate: GATE_LABELS.duplicate,
};

const plain = (title: string): ToldDeed => ({ title, lines: [] });
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const reason = ({ reason: why }: Facts): string[] => (text(why) === '' ? [] : [`Причина: ${text(why)}`]);

/** «с 21.11.2026 по 20.12.2026», «без конца». */
function term({ startsOn, endsOn }: Facts): string {
  const from = text(startsOn) === '' ? '' : `с ${russianDay(text(startsOn))} `;
  return `${from}${text(endsOn) === '' ? 'без конца' : `по ${russianDay(text(endsOn))}`}`;
}

function change(before: string, after: string): string[] {
  return before === after ? [] : [`${before} → ${after}`];
}

function status({ status: after, reservedUntil, before }: Facts): string[] {
  const word = (one: unknown) => MARKET_STATUS_LABELS[one as MarketStatus] ?? text(one);
  const until = text(reservedUntil) === '' ? '' : ` до ${russianDay(text(reservedUntil))}`;
  return change(word((before as Facts | undefined)?.status), `${word(after)}${until}`);
}

function corrections(facts: Facts): string[] {
  const fields = Array.isArray(facts.fields) ? facts.fields.map(String) : [];
  const before = facts.before as Facts | undefined;
  const after = facts.after as Facts | undefined;
  return fields.map((field) => {
    if (!before || !after) return fieldLabel(field);
    const [was, is] = [tellField(field, before[field]), tellField(field, after[field])];
    return was === is ? `${fieldLabel(field)}: ${is}` : `${fieldLabel(field)}: ${was} → ${is}`;
  });
}

const TOLD: Readonly<Record<string, (facts: Facts, zone: string) => ToldDeed>> = {
  'listing-marked': ({ origin }) =>
    plain(origin === 'hand' ? 'Отмечен на выгрузку' : 'Отмечен на выгрузку по правилу агентства'),
  'listing-unmarked': () => plain('Снят с выгрузки'),
  'term-set': (facts) => ({
    title: 'Срок размещения',
    lines: change(term((facts.before ?? {}) as Facts), term(facts)),
  }),
  'term-extended': (facts) => ({
    title: 'Срок размещения продлён',
    lines: change(term((facts.before ?? {}) as Facts), term(facts)),
  }),
  'status-set': (facts) => ({ title: 'Статус', lines: status(facts) }),
  'listing-archived': (facts) => ({ title: 'Отправлен в архив: его долго не подтверждали', lines: status(facts) }),
  'stage-set': ({ stage, before }) => ({
    title: 'Стадия сделки',
    lines: change(text(before) || 'без стадии', text(stage) || 'без стадии'),
  }),
  'advertising-forbidden': (facts) => ({ title: 'Реклама запрещена', lines: reason(facts) }),
  'advertising-allowed': ({ before }) => ({ title: 'Запрет рекламы снят', lines: reason({ reason: before }) }),
  'listing-confirmed': () => plain('Подтверждён: объект актуален'),
  'call-recorded': ({ result, callBackAt }, zone) => ({
    title: `Звонок собственнику: ${CALLS[text(result)] ?? text(result)}`,
    lines: text(callBackAt) === '' ? [] : [`Перезвонить ${russianMoment(new Date(text(callBackAt)), zone)}`],
  }),
  'listing-corrected': (facts) => ({ title: 'Исправлен', lines: corrections(facts) }),
  'listing-text-written': (facts) => ({ title: 'Написан автотекст', lines: corrections(facts) }),
  'photo-uploaded': ({ width, height }) => ({ title: 'Загружена фотография', lines: [`${width}×${height}`] }),
  'verdict-approved': ({ note, isCorrected }) => ({
    title: isCorrected === true ? 'Модератор исправил и одобрил' : 'Модератор одобрил',
    lines: text(note) === '' ? [] : [text(note)],
  }),
  'verdict-returned': ({ note }) => ({ title: 'Модератор вернул', lines: text(note) === '' ? [] : [text(note)] }),
  'verdict-undone': () => plain('Модератор отменил своё решение'),
  'pause-added': (facts, zone) => ({
    title: 'Поставлен на паузу',
    lines: [`До ${russianMoment(new Date(text(facts.until)), zone)}`, ...reason(facts)],
  }),
  'pause-ended': () => plain('Пауза снята'),
  'exception-added': (facts) => ({
    title: `Дано исключение: ${EXCEPTIONS[text(facts.gate)] ?? text(facts.gate)}`,
    lines: [`По ${russianDay(text(facts.until))}`, ...reason(facts)],
  }),
  'exception-revoked': ({ gate }) => plain(`Исключение отозвано: ${EXCEPTIONS[text(gate)] ?? text(gate)}`),
  'mark-pinned': () => plain('Закреплён: место получает первым'),
  'mark-unpinned': () => plain('Больше не закреплён'),
  'promotion-ordered': ({ level, days, fromOn, kopecks }) => ({
    title: `Заказано продвижение ${text(level)}`,
    lines: [
      `С ${russianDay(text(fromOn))}, дней: ${Number(days)}`,
      ...(typeof kopecks === 'number' ? [formatKopecks(kopecks)] : []),
    ],
  }),
  'promotion-cancelled': () => plain('Продвижение отменено'),
  'listing-taken-away': ({ source }) => plain(`Источник «${text(source)}» убрал объект`),
};

/** A deed in words; one that nobody has put into words keeps its name. @param zone for moments in it */
export function tellDeed(action: string, facts: Facts, zone: string): ToldDeed {
  return TOLD[action]?.(facts, zone) ?? plain(action);
}
