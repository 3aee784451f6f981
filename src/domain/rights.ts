import { FIXER_LABELS, ROLES, type Role } from './people.ts';

/**
 * Who may do what. One question, one function: the button, the command and the store ask the same `may(…)`.
 * What depends on more than the role (whose listing, whose pause, which stage) is asked where that is known.
 */

/** Every deed with the least role that may do it and with what it is, as it begins «… может руководитель». */
export const DEEDS = {
  marks: { least: 'agent', told: 'Отмечать объекты на выгрузку и снимать отметки' },
  terms: { least: 'agent', told: 'Менять срок размещения' },
  confirmation: { least: 'agent', told: 'Подтверждать, что объекты актуальны,' },
  status: { least: 'agent', told: 'Менять статус объекта' },
  stage: { least: 'agent', told: 'Переводить объект на другую стадию' },
  calls: { least: 'agent', told: 'Отмечать звонки собственникам' },
  corrections: { least: 'agent', told: 'Исправлять поля объекта' },
  texts: { least: 'agent', told: 'Просить новый автотекст' },
  'listing-pauses': { least: 'agent', told: 'Приостанавливать объекты' },
  // Taking a listing off the boards is everybody's care; bringing it back is not.
  forbidding: { least: 'agent', told: 'Запрещать рекламу объекта' },

  pauses: { least: 'adSpecialist', told: 'Приостанавливать кабинет, филиал или всё агентство' },
  'foreign-pauses': { least: 'adSpecialist', told: 'Снимать чужую паузу' },
  moderation: { least: 'adSpecialist', told: 'Проверять объекты, включать и выключать модерацию' },
  exceptions: { least: 'adSpecialist', told: 'Давать и отзывать исключения' },
  norms: { least: 'adSpecialist', told: 'Менять нормы агентства' },
  phones: { least: 'adSpecialist', told: 'Менять график телефонов' },
  calendars: { least: 'adSpecialist', told: 'Менять рабочее время и праздники' },
  packages: { least: 'adSpecialist', told: 'Менять пакеты и закреплять в них объекты' },
  'marking-rules': { least: 'adSpecialist', told: 'Менять правила отметки' },
  brake: { least: 'adSpecialist', told: 'Отпускать тормоз' },
  templates: { least: 'adSpecialist', told: 'Менять шаблоны описаний и формулы' },

  promotion: { least: 'adSpecialist', told: 'Заказывать и отменять продвижение' },
  reconciliation: { least: 'adSpecialist', told: 'Загружать отчёты досок о списаниях' },

  money: { least: 'manager', told: 'Пополнять счета и переводить деньги между ними' },
  'forbid-lift': { least: 'manager', told: 'Снимать запрет рекламы' },
  'stage-consent': { least: 'manager', told: 'Поставить стадию, которая разрешает рекламу,' },
  people: { least: 'manager', told: 'Переводить сотрудников' },
  branches: { least: 'manager', told: 'Менять филиалы' },

  accounts: { least: 'admin', told: 'Открывать счета и менять их лимиты' },
  tariffs: { least: 'admin', told: 'Менять тарифы' },
  'money-back': { least: 'admin', told: 'Возвращать списания и исправлять счета' },
  settings: { least: 'admin', told: 'Менять настройки' },
  // Only the highest role gives roles, so nobody gives one above their own.
  roles: { least: 'admin', told: 'Менять роли сотрудников' },
  dismissal: { least: 'admin', told: 'Отмечать, что сотрудник ушёл,' },
} as const satisfies Record<string, { readonly least: Role; readonly told: string }>;
export type Deed = keyof typeof DEEDS;

/** Whoever may more, may the lesser things too. */
export const mayAs = (role: Role, least: Role): boolean => ROLES.indexOf(role) >= ROLES.indexOf(least);

export const may = (role: Role, deed: Deed): boolean => mayAs(role, DEEDS[deed].least);

/** Whom a person who may not should ask: «Менять филиалы может руководитель или администратор, а не агент.» */
export const whoMay = (deed: Deed, role: Role): string => `${DEEDS[deed].told} ${notYou(DEEDS[deed].least, role)}`;

/** «может руководитель или администратор, а не агент.» */
export function notYou(least: Role, role: Role): string {
  const who = ROLES.filter((other) => mayAs(other, least)).map((other) => FIXER_LABELS[other]);
  const last = who.pop();
  const all = who.length === 0 ? last : `${who.join(', ')} или ${last}`;
  return `может ${all}, а не ${FIXER_LABELS[role]}.`;
}
