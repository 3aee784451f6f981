import type { Calendar } from './calendar.ts';
import { russianDay, russianMoment } from './days.ts';
import { type ToldDeed, tellDeed } from './deed-words.ts';
import { fieldLabel } from './moderation.ts';
import { formatKopecks } from './money.ts';
import { FIXER_LABELS, type Role } from './people.ts';
import { PHONE_KIND_LABELS, type PhoneKind } from './phones.ts';
import { mailTimeText } from './report-mail.ts';
import { DEEDS, type Deed, type Grant, grantLabel } from './rights.ts';
import { isSame } from './settings-paths.ts';
import { AGENCY_SETTING_WORDS, CABINET_SETTING_WORDS, type SettingWords, withUnit } from './settings-words.ts';
import { agree, formatNumber } from './text.ts';
import { hoursText, weekdaysText, weekText } from './week.ts';

/** Everything the journal keeps, in Russian words: what was done, and from what to what. */

/** Every deed by the part of the work it belongs to. What is not here cannot be written into the journal. */
const GROUPS = {
  Объекты: {
    'listing-marked': 'Отмечен на выгрузку',
    'listing-unmarked': 'Снят с выгрузки',
    'listing-corrected': 'Исправлены поля',
    'listing-text-written': 'Написан автотекст',
    'photo-uploaded': 'Загружена фотография',
    'listing-confirmed': 'Подтверждён',
    'listing-handed-over': 'Передан другому сотруднику',
    'listing-archived': 'Ушёл в архив',
    'listing-taken-away': 'Источник убрал объект',
    'status-set': 'Изменён статус',
    'stage-set': 'Изменена стадия сделки',
    'term-set': 'Изменён срок размещения',
    'term-extended': 'Срок размещения продлён',
    'call-recorded': 'Записан звонок',
    'advertising-forbidden': 'Реклама запрещена',
    'advertising-allowed': 'Запрет рекламы снят',
    'pause-added': 'Поставлена пауза',
    'pause-ended': 'Пауза снята',
    'exception-added': 'Дано исключение',
    'exception-revoked': 'Исключение отозвано',
    'file-uploaded': 'Загружен файл',
    'upload-loss-confirmed': 'Подтверждена потеря объектов в файле',
    'owner-link-made': 'Дана ссылка собственнику',
    'owner-link-revoked': 'Отозвана ссылка собственника',
  },
  Модерация: {
    'verdict-approved': 'Одобрен',
    'verdict-returned': 'Возвращён',
    'verdict-undone': 'Решение отменено',
    'case-postponed': 'Отложен',
    'case-asked': 'Задан вопрос',
    'case-resumed': 'Взят снова',
    'question-answered': 'Дан ответ',
    'moderation-switched': 'Модерация включена или выключена',
  },
  Деньги: {
    'money-top-up': 'Счёт пополнен',
    'money-move': 'Деньги переведены между счетами',
    'money-refund': 'Списание возвращено',
    'money-correction': 'Счёт исправлен',
    'account-opened': 'Открыт счёт',
    'account-changed': 'Изменены лимиты счёта',
    'tariff-added': 'Изменён тариф',
    'promotion-ordered': 'Заказано продвижение',
    'promotion-cancelled': 'Продвижение отменено',
    'board-report-loaded': 'Загружен отчёт доски',
    'audience-loaded': 'Загружены просмотры и звонки',
  },
  Выгрузка: {
    'run-asked': 'Сборка вне очереди',
    'brake-released': 'Отпущен тормоз',
    'feed-address-shown': 'Показан адрес фида',
    'feed-address-rotated': 'Сменён адрес фида',
    'package-set': 'Изменён пакет',
    'mark-pinned': 'Закреплён в пакете',
    'mark-unpinned': 'Откреплён',
    'marking-rule-saved': 'Сохранено правило отметки',
    'marking-rule-removed': 'Убрано правило отметки',
    'phone-line-added': 'Добавлена строка графика телефонов',
    'phone-line-changed': 'Изменена строка графика телефонов',
    'phone-line-removed': 'Убрана строка графика телефонов',
    'calendar-changed': 'Изменено рабочее время',
    'cabinet-added': 'Заведён кабинет',
    'cabinet-changed': 'Изменён кабинет',
  },
  'Нормы и тексты': {
    'norm-saved': 'Сохранена норма',
    'norm-removed': 'Убрана норма',
    'text-template-set': 'Сохранён шаблон текста',
    'text-template-removed': 'Убран шаблон текста',
    'formula-set': 'Сохранено вычисляемое поле',
    'formula-removed': 'Убрано вычисляемое поле',
  },
  'Люди и вход': {
    'signed-in': 'Вход',
    invited: 'Выдано приглашение',
    'invitation-used': 'Принято приглашение',
    'password-changed': 'Сменён пароль',
    'second-factor-on': 'Включён второй фактор',
    'second-factor-off': 'Выключен второй фактор',
    'sessions-ended': 'Закончены сеансы',
    'roles-set': 'Изменены права',
    'employee-added': 'Добавлен сотрудник',
    'employee-changed': 'Изменён сотрудник',
    'branch-added': 'Открыт филиал',
    'branch-renamed': 'Переименован филиал',
    'branch-zone-set': 'Сменено время филиала',
    'department-added': 'Открыт отдел',
    'department-renamed': 'Переименован отдел',
    'crm-group-added': 'Добавлена группа CRM',
    'crm-group-renamed': 'Переименована группа CRM',
    'token-added': 'Выдан ключ API',
    'token-revoked': 'Отозван ключ API',
  },
  Отчёты: {
    'report-subscribed': 'Отчёт будет приходить по почте',
    'report-unsubscribed': 'Отчёт больше не приходит по почте',
    'report-asked': 'Отчёт запрошен по почте',
    'mail-retried': 'Письмо отправлено заново',
  },
  Настройки: {
    'settings-set': 'Изменена настройка',
    'settings-reset': 'Настройка возвращена к обычной',
  },
} as const;

type Union<T> = T extends T ? keyof T : never;
export type Action = Union<(typeof GROUPS)[keyof typeof GROUPS]>;

/** For a person to choose from. */
export const ACTION_GROUPS = Object.entries(GROUPS).map(([title, actions]) => ({
  title,
  actions: Object.entries(actions).map(([action, label]) => ({ action: action as Action, label: label as string })),
}));

const LABELS: ReadonlyMap<string, string> = new Map(
  ACTION_GROUPS.flatMap(({ actions }) => actions.map(({ action, label }) => [action, label] as const)),
);

export const isAction = (action: string): action is Action => LABELS.has(action);

/** Names of what the facts speak of by numbers. */
export interface Names {
  readonly zone: string;
  employee(id: number): string;
  branch(id: number): string;
  department(id: number): string;
  group(id: number): string;
  board(id: string): string;
  account(id: number): string;
  /** «со счёта «Центр» на счёт «Петров»» */
  transfer(id: string): string;
}

type Facts = Readonly<Record<string, unknown>>;
type Teller = (facts: Facts, names: Names, isOfCabinet: boolean) => readonly string[];

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const group = (value: unknown): Facts => (typeof value === 'object' && value !== null ? (value as Facts) : {});
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const number = (value: unknown): number => Number(value);
const quoted = (value: unknown): string => `«${text(value)}»`;
const reason = ({ reason: why }: Facts): string[] => (text(why) === '' ? [] : [`Причина: ${text(why)}`]);
const money = (value: unknown): string => (typeof value === 'number' ? formatKopecks(value) : 'нет');
const rows = (count: number): string => `${formatNumber(count)} ${agree(count, 'строка', 'строки', 'строк')}`;
const turn = (label: string, before: string, after: string): string => `${label}: ${before} → ${after}`;

/** A value of a setting as the screen would say it. */
function settingText(words: SettingWords | undefined, value: unknown): string {
  if (value === null || value === undefined) return words?.empty ?? 'не задано';
  const chosen = words?.choices?.[String(value)];
  if (chosen !== undefined) return chosen;
  if (typeof value === 'boolean') return value ? 'да' : 'нет';
  if (typeof value === 'number') return words?.unit === undefined ? formatNumber(value) : withUnit(value, words.unit);
  if (typeof value === 'string') return value;
  if (Array.isArray(value))
    return value.length === 0
      ? 'пусто'
      : value.every((one) => typeof one === 'string')
        ? value.join(', ')
        : rows(value.length);
  return packText(group(value)) ?? rows(Object.keys(group(value)).length);
}

function packText({ kind, places, placements, periodDays, termDays }: Facts): string | undefined {
  if (kind === 'concurrent')
    return `${formatNumber(number(places))} ${agree(number(places), 'место', 'места', 'мест')} одновременно`;
  if (kind === 'placements')
    return `размещений ${formatNumber(number(placements))} на ${formatNumber(number(periodDays))} дн., каждое ${formatNumber(number(termDays))} дн.`;
  return undefined;
}

const setting: Teller = (facts, _, isOfCabinet) => {
  const path = text(facts.path);
  const deed = /^rights\.(.+)$/.exec(path)?.[1];
  if (deed !== undefined && Object.hasOwn(DEEDS, deed)) {
    const told = (role: unknown) =>
      text(role) === '' ? `${FIXER_LABELS[DEEDS[deed as Deed].least]} (как обычно)` : FIXER_LABELS[role as Role];
    return [
      turn(`Право «${DEEDS[deed as Deed].told.replace(/,$/, '')}» с роли`, told(facts.before), told(facts.after)),
    ];
  }
  const all = isOfCabinet ? CABINET_SETTING_WORDS : AGENCY_SETTING_WORDS;
  const words = all[path] ?? all[path.replace(/\.\d+(?=\.|$)/g, '.*')];
  const [before, after] = [settingText(words, facts.before), settingText(words, facts.after)];
  const label = words?.label ?? path;
  return [before === after ? `${label}: ${after}, изменено внутри` : turn(label, before, after)];
};

const grants = (value: unknown, names: Names): string =>
  list(value)
    .map((one) => {
      const { branchId, departmentId } = one as Grant;
      return grantLabel(
        one as Grant,
        branchId === null ? null : names.branch(branchId),
        departmentId === null ? null : names.department(departmentId),
      );
    })
    .join('; ') || 'нет';

const PERSON: Readonly<Record<string, readonly [label: string, tell: (value: never, names: Names) => string]>> = {
  name: ['Имя', (value: string) => value],
  phones: ['Телефоны', (value: readonly string[]) => value.join(', ') || 'нет'],
  email: ['Почта', (value: string | null) => value ?? 'нет'],
  role: ['Роль', (value: Role) => FIXER_LABELS[value]],
  branchId: ['Филиал', (value: number | null, names) => (value === null ? 'вне филиалов' : names.branch(value))],
  departmentId: ['Отдел', (value: number | null, names) => (value === null ? 'вне отделов' : names.department(value))],
  groupIds: ['Группы CRM', (value: readonly number[], names) => value.map((id) => names.group(id)).join(', ') || 'нет'],
  isActive: ['Работает', (value: boolean) => (value ? 'да' : 'ушёл')],
};

function person(before: Facts, after: Facts, names: Names): string[] {
  return Object.entries(PERSON).flatMap(([key, [label, tell]]) => {
    const is = after[key];
    if (is === undefined) return [];
    const now = tell(is as never, names);
    return [before[key] === undefined ? `${label}: ${now}` : turn(label, tell(before[key] as never, names), now)];
  });
}

function phoneLine(line: Facts, names: Names): string {
  const id = number(line.scopeId);
  const whose =
    line.scope === 'agency'
      ? 'всё агентство'
      : line.scope === 'branch'
        ? `филиал «${names.branch(id)}»`
        : line.scope === 'department'
          ? `отдел «${names.department(id)}»`
          : names.employee(id);
  const dates = [
    ...(text(line.startsOn) === '' ? [] : [`с ${russianDay(text(line.startsOn))}`]),
    ...(text(line.endsOn) === '' ? [] : [`по ${russianDay(text(line.endsOn))}`]),
  ].join(' ');
  return [
    text(line.phone),
    PHONE_KIND_LABELS[line.kind as PhoneKind] ?? '',
    whose,
    line.board === null ? 'все доски' : names.board(text(line.board)),
    `${weekdaysText(list(line.weekdays).map(Number))} ${hoursText([number(line.fromMinute), number(line.toMinute)])}`,
    dates,
    text(line.note),
  ]
    .filter((part) => part !== '')
    .join(', ');
}

const LIMITS: readonly (readonly [key: string, label: string])[] = [
  ['overdraftKopecks', 'Овердрафт'],
  ['dayLimitKopecks', 'Лимит в день'],
  ['monthLimitKopecks', 'Лимит в месяц'],
];

function limits({ from, to }: Facts): string[] {
  const [was, is] = [group(from), group(to)];
  return [
    ...LIMITS.flatMap(([key, label]) =>
      is[key] === undefined || isSame(was[key], is[key]) ? [] : [turn(label, money(was[key]), money(is[key]))],
    ),
    ...(is.monthly === undefined || isSame(was.monthly, is.monthly)
      ? []
      : [turn('Ежемесячное пополнение', money(group(was.monthly).kopecks), money(group(is.monthly).kopecks))]),
  ];
}

const transfer: Teller = (facts, names) => [
  [money(facts.kopecks), names.transfer(text(facts.transfer))].filter((part) => part !== '').join(' '),
  ...reason(facts),
];

const renamed: Teller = ({ before, after }) => [`${text(before)} → ${text(after)}`];

const boards = (value: unknown, names: Names): string =>
  Array.isArray(value) ? value.map((board) => names.board(String(board))).join(', ') : 'все доски';

/** What stands besides the name of the deed. Deeds that say everything by their name are not here. */
const TELLERS: { readonly [action in Action]?: Teller } = {
  'listing-handed-over': ({ fromId, toId }, names) => [
    `${names.employee(number(fromId))} → ${names.employee(number(toId))}`,
  ],
  'file-uploaded': ({ source, fileName, isRehearsal }) => [
    `Источник ${quoted(source)}${text(fileName) === '' ? '' : `, файл ${quoted(fileName)}`}`,
    ...(isRehearsal === true ? ['Только проверка'] : []),
  ],
  'upload-loss-confirmed': ({ source }) => [`Источник ${quoted(source)}`],
  'owner-link-made': ({ until }, { zone }) =>
    text(until) === '' ? [] : [`Действует до ${russianMoment(new Date(text(until)), zone)}`],
  'owner-link-revoked': ({ createdAt }, { zone }) =>
    text(createdAt) === '' ? [] : [`Данная ${russianMoment(new Date(text(createdAt)), zone)}`],
  'moderation-switched': ({ mode, acceptsCurrent, accepted }) => [
    mode === 'on' ? 'Включена' : mode === 'off' ? 'Выключена' : 'Как в агентстве',
    ...(acceptsCurrent === true ? [`Одобрено то, что уже на досках: ${formatNumber(number(accepted))}`] : []),
  ],
  'money-top-up': transfer,
  'money-move': transfer,
  'money-refund': transfer,
  'money-correction': transfer,
  'account-opened': ({ account }, names) => [names.account(number(account))],
  'account-changed': (facts, names) => [`Счёт: ${names.account(number(facts.account))}`, ...limits(facts)],
  'tariff-added': ({ validFrom, replaces }) => [
    `Действует с ${russianDay(text(validFrom))}`,
    ...(replaces === null || replaces === undefined ? [] : ['Вместо прежнего с того же дня']),
  ],
  'board-report-loaded': ({ name, from, until, added, addedKopecks }) => [
    `${quoted(name)} за ${russianDay(text(from))} – ${russianDay(text(until))}`,
    `Новых списаний ${formatNumber(number(added))} на ${money(addedKopecks)}`,
  ],
  'audience-loaded': ({ name, from, until, added, replaced }) => [
    `${quoted(name)} за ${russianDay(text(from))} – ${russianDay(text(until))}`,
    `Новых дней объектов ${formatNumber(number(added))}, исправлено ${formatNumber(number(replaced))}`,
  ],
  'brake-released': reason,
  'feed-address-rotated': ({ previousUntil }, { zone }) => [
    `Прежний адрес отвечает до ${russianMoment(new Date(text(previousUntil)), zone)}`,
  ],
  'package-set': ({ from, to }) => {
    const [was, is] = [group(from), group(to)];
    const told = (pack: unknown) => (pack == null ? 'пакета нет' : (packText(group(pack)) ?? 'пакет'));
    return [
      turn('Пакет', told(was.package), told(is.package)),
      ...(is.turnDays === undefined || was.turnDays === is.turnDays
        ? []
        : [turn('Место даётся на дней', String(was.turnDays ?? '—'), String(is.turnDays))]),
    ];
  },
  'marking-rule-saved': ({ name }) => [quoted(name)],
  'marking-rule-removed': ({ name }) => [quoted(name)],
  'phone-line-added': (line, names) => [phoneLine(line, names)],
  'phone-line-removed': (line, names) => [phoneLine(line, names)],
  'phone-line-changed': ({ before, after }, names) => [
    `Было: ${phoneLine(group(before), names)}`,
    `Стало: ${phoneLine(group(after), names)}`,
  ],
  'calendar-changed': ({ branchId, calendar }, names) => [
    ...(branchId === undefined ? [] : [`Филиал «${names.branch(number(branchId))}»`]),
    calendar === null ? 'Всегда открыто' : weekText((calendar as Calendar).week),
    ...(calendar === null ? [] : special(calendar as Calendar)),
  ],
  'cabinet-added': ({ name, branchId }, names) => [
    `${quoted(name)}${typeof branchId === 'number' ? `, филиал «${names.branch(branchId)}»` : ''}`,
  ],
  'cabinet-changed': ({ before, after }, names) => {
    const [was, is] = [group(before), group(after)];
    const told = (id: unknown) => (typeof id === 'number' ? `филиал «${names.branch(id)}»` : 'всё агентство');
    return [
      ...(was.name === is.name ? [] : [turn('Название', text(was.name), text(is.name))]),
      ...(was.branchId === is.branchId ? [] : [turn('Чей', told(was.branchId), told(is.branchId))]),
    ];
  },
  'norm-saved': ({ code, boards: of, rule, was }, names) => [
    normText(code, rule),
    ...(was === undefined
      ? [boards(of, names)]
      : [
          ...(isSame(group(was).boards, of)
            ? []
            : [turn('Доски', boards(group(was).boards, names), boards(of, names))]),
          ...(isSame(group(was).rule, rule) ? [] : ['Правило изменено']),
        ]),
  ],
  'norm-removed': ({ code, was }) => [normText(code, group(was).rule)],
  'text-template-set': ({ name }) => [quoted(name)],
  'text-template-removed': ({ name }) => [quoted(name)],
  'formula-set': ({ name, formula }) => [`${text(name)} = ${text(formula)}`],
  'formula-removed': ({ name }) => [text(name)],
  'signed-in': ({ address }) => (text(address) === '' ? [] : [`С адреса ${text(address)}`]),
  invited: ({ employeeId }, names) => [names.employee(number(employeeId))],
  'invitation-used': ({ employeeId }, names) => [names.employee(number(employeeId))],
  'sessions-ended': ({ employeeId, count }, names) => [
    `${names.employee(number(employeeId))}: ${formatNumber(number(count))}`,
  ],
  'roles-set': ({ employeeId, before, after }, names) => [
    turn(names.employee(number(employeeId)), grants(before, names), grants(after, names)),
  ],
  'employee-added': (facts, names) => person({}, facts, names),
  'employee-changed': ({ employeeId, before, after, ...rest }, names) => [
    names.employee(number(employeeId)),
    // Entries from before both sides were kept have what was set only.
    ...(after === undefined ? person({}, rest, names) : person(group(before), group(after), names)),
  ],
  'branch-added': ({ name, timeZone }) => [`${quoted(name)}${text(timeZone) === '' ? '' : `, ${text(timeZone)}`}`],
  'branch-renamed': renamed,
  'branch-zone-set': ({ branchId, timeZone }, names) => [`${names.branch(number(branchId))}: ${text(timeZone)}`],
  'department-added': ({ name, branchId }, names) => [`${quoted(name)}, филиал «${names.branch(number(branchId))}»`],
  'department-renamed': renamed,
  'crm-group-added': ({ name }) => [quoted(name)],
  'crm-group-renamed': renamed,
  'token-added': ({ name, employeeId }, names) => [`${quoted(name)} с правами: ${names.employee(number(employeeId))}`],
  'token-revoked': ({ name }) => [quoted(name)],
  'report-subscribed': (facts, names) => [
    names.employee(number(facts.employeeId)),
    mailTimeText({
      weekday: number(facts.weekday),
      atMinute: number(facts.atMinute),
      weeks: number(facts.weeks),
    }),
  ],
  'report-unsubscribed': (facts, names) => [names.employee(number(facts.employeeId)), ...reason(facts)],
  'report-asked': ({ employeeId }, names) => [names.employee(number(employeeId))],
  'mail-retried': ({ employeeId, subject }, names) => [names.employee(number(employeeId)), quoted(subject)],
  'settings-set': setting,
  'settings-reset': setting,
};

const special = ({ special: days }: Calendar): string[] => {
  const count = days.length;
  return count === 0 ? [] : [`Особых дней: ${formatNumber(count)}`];
};

const normText = (code: unknown, rule: unknown): string => {
  const { label, field } = group(rule);
  const what = text(label) || (text(field) === '' ? '' : fieldLabel(text(field)));
  return what === '' ? text(code) : `${what} (${text(code)})`;
};

/** An entry of the journal in words. */
export function tellEntry(entry: JournalEntry, names: Names): ToldDeed {
  try {
    return wordsOf(entry, names);
  } catch {
    // An older program kept other facts: what was done is told all the same.
    return { title: LABELS.get(entry.action) ?? entry.action, lines: [] };
  }
}

interface JournalEntry {
  readonly action: string;
  readonly facts: Facts;
  readonly cabinetId: number | null;
}

function wordsOf({ action, facts, cabinetId }: JournalEntry, names: Names): ToldDeed {
  const tell = isAction(action) ? TELLERS[action] : undefined;
  if (tell) return { title: LABELS.get(action)!, lines: tell(facts, names, cabinetId !== null) };
  const told = tellDeed(action, facts, names.zone);
  // The listing's own words say more than the name of the deed; those of an unknown one say nothing.
  return told.title === action ? { title: LABELS.get(action) ?? action, lines: told.lines } : told;
}
