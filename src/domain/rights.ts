import { FIXER_LABELS, ROLES, type Role } from './people.ts';

/**
 * Who may do what. One question, one function: the button, the command and the store ask the same `may(…)`.
 * What depends on more than the role (whose listing, whose pause, which stage) is asked where that is known.
 */

/** Every deed with the least role that may do it and with what it is, as it begins «… может руководитель». */
export const DEEDS = {
  'see-listings': { least: 'agent', told: 'Смотреть объекты' },
  'see-phones': { least: 'agent', told: 'Видеть телефоны собственников и сотрудников' },
  'see-accounts': { least: 'agent', told: 'Смотреть счета' },
  'see-moderation': { least: 'adSpecialist', told: 'Смотреть очередь модерации' },
  'see-feeds': { least: 'adSpecialist', told: 'Смотреть фиды и адреса фидов' },
  'see-settings': { least: 'adSpecialist', told: 'Смотреть настройки' },
  'see-people': { least: 'manager', told: 'Смотреть сотрудников и их права' },
  'see-journal': { least: 'manager', told: 'Читать журнал' },

  marks: { least: 'agent', told: 'Отмечать объекты на выгрузку и снимать отметки' },
  terms: { least: 'agent', told: 'Менять срок размещения' },
  confirmation: { least: 'agent', told: 'Подтверждать, что объекты актуальны,' },
  status: { least: 'agent', told: 'Менять статус объекта' },
  stage: { least: 'agent', told: 'Переводить объект на другую стадию' },
  calls: { least: 'agent', told: 'Отмечать звонки собственникам' },
  corrections: { least: 'agent', told: 'Исправлять поля объекта' },
  photos: { least: 'agent', told: 'Загружать и переставлять фотографии' },
  texts: { least: 'agent', told: 'Просить новый автотекст' },
  'owner-reports': { least: 'agent', told: 'Давать собственникам отчёт об объекте' },
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
  imports: { least: 'adSpecialist', told: 'Загружать объекты' },
  runs: { least: 'adSpecialist', told: 'Собирать фид вне очереди' },
  'feed-addresses': { least: 'admin', told: 'Менять адреса фидов' },
  cabinets: { least: 'admin', told: 'Заводить кабинеты досок' },
  reconciliation: { least: 'adSpecialist', told: 'Загружать отчёты досок о списаниях, просмотрах и звонках' },

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
  tokens: { least: 'admin', told: 'Выдавать и отзывать ключи программ' },
  invitations: { least: 'admin', told: 'Приглашать сотрудников и сбрасывать пароли' },
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

/** How far a role reaches: the person's own listings and account, a department, a branch, or the whole agency. */
export const SCOPES = ['own', 'department', 'branch', 'agency'] as const;
export type Scope = (typeof SCOPES)[number];

export const SCOPE_LABELS: Record<Scope, string> = {
  own: 'своё',
  department: 'отдел',
  branch: 'филиал',
  agency: 'всё агентство',
};

/** One role a person has, and where. A person may have several; together they are what the person may. */
export interface Grant {
  readonly role: Role;
  readonly scope: Scope;
  /** Of the scopes `department` and `branch`. */
  readonly departmentId: number | null;
  readonly branchId: number | null;
}

/** Where a thing lies in the agency: whose it is and in which unit. A listing, an account, a cabinet, a person. */
export interface Place {
  readonly employeeId: number | null;
  readonly departmentId: number | null;
  readonly branchId: number | null;
}

/** What belongs to the agency as a whole: norms, settings, a cabinet of all branches. */
export const OF_AGENCY: Place = { employeeId: null, departmentId: null, branchId: null };

/** The agency's own table over `DEEDS`: which role may do a deed here. */
export type LeastRoles = Partial<Record<Deed, Role>>;

export interface Person {
  readonly employeeId: number;
  readonly grants: readonly Grant[];
  /** Of the agency's settings. */
  readonly least: LeastRoles;
}

/** The deeds as people look for them; every one stands in one group. */
export const DEED_GROUPS: readonly { readonly title: string; readonly deeds: readonly Deed[] }[] = [
  {
    title: 'Видеть',
    deeds: [
      'see-listings',
      'see-phones',
      'see-accounts',
      'see-moderation',
      'see-feeds',
      'see-settings',
      'see-people',
      'see-journal',
    ],
  },
  {
    title: 'Объекты',
    deeds: [
      'marks',
      'terms',
      'confirmation',
      'status',
      'stage',
      'stage-consent',
      'calls',
      'corrections',
      'photos',
      'texts',
      'owner-reports',
      'forbidding',
      'forbid-lift',
      'imports',
    ],
  },
  { title: 'Паузы', deeds: ['listing-pauses', 'pauses', 'foreign-pauses'] },
  { title: 'Проверка', deeds: ['moderation', 'norms', 'exceptions', 'templates'] },
  {
    title: 'Деньги',
    deeds: ['money', 'money-back', 'accounts', 'tariffs', 'promotion', 'reconciliation'],
  },
  {
    title: 'Выгрузка',
    deeds: ['runs', 'brake', 'packages', 'marking-rules', 'phones', 'calendars', 'cabinets', 'feed-addresses'],
  },
  {
    title: 'Люди и настройки',
    deeds: ['people', 'branches', 'invitations', 'dismissal', 'roles', 'tokens', 'settings'],
  },
];

/** What an agency may never hand down: whoever gives rights away gives everything away. */
export const FIXED: readonly Deed[] = ['roles', 'settings', 'tokens'];

/** The least role for a deed in an agency. */
export function leastFor(deed: Deed, least: LeastRoles): Role {
  return FIXED.includes(deed) ? DEEDS[deed].least : (least[deed] ?? DEEDS[deed].least);
}

/**
 * May this person do this, there? The one question behind every button, route and command.
 * @param place where the thing lies; `anywhere`: is there any place at all, for menus and lists
 */
export function mayDo(person: Person, deed: Deed, place: Place | 'anywhere'): boolean {
  const least = leastFor(deed, person.least);
  return person.grants.some(
    (grant) => mayAs(grant.role, least) && (place === 'anywhere' || reaches(grant, place, person.employeeId)),
  );
}

/** The highest role that reaches a place; what the rules of stages and pauses ask. Nobody there: an agent. */
export const roleAt = (person: Person, place: Place): Role =>
  highestRole(person.grants.filter((grant) => reaches(grant, place, person.employeeId)));

function reaches(grant: Grant, place: Place, employeeId: number): boolean {
  switch (grant.scope) {
    case 'agency':
      return true;
    case 'branch':
      return grant.branchId !== null && grant.branchId === place.branchId;
    case 'department':
      return grant.departmentId !== null && grant.departmentId === place.departmentId;
    case 'own':
      return place.employeeId === employeeId;
  }
}

/** Everything a person may do somewhere. */
export const deedsOf = (person: Person): Deed[] =>
  (Object.keys(DEEDS) as Deed[]).filter((deed) => mayDo(person, deed, 'anywhere'));

/** The units a person reaches with a deed, for lists: what is in none of them is not there for the person. */
export interface Reach {
  readonly isAll: boolean;
  readonly branchIds: readonly number[];
  readonly departmentIds: readonly number[];
  /** The person's own things; null: no role of the person's own. */
  readonly employeeId: number | null;
}

export const REACH_ALL: Reach = { isAll: true, branchIds: [], departmentIds: [], employeeId: null };

export function reachOf(person: Person, deed: Deed): Reach {
  const least = leastFor(deed, person.least);
  const grants = person.grants.filter(({ role }) => mayAs(role, least));
  const of = (scope: Scope, id: (grant: Grant) => number | null) =>
    grants.flatMap((grant) => (grant.scope === scope && id(grant) !== null ? [id(grant)!] : []));
  return {
    isAll: grants.some(({ scope }) => scope === 'agency'),
    branchIds: of('branch', ({ branchId }) => branchId),
    departmentIds: of('department', ({ departmentId }) => departmentId),
    employeeId: grants.some(({ scope }) => scope === 'own') ? person.employeeId : null,
  };
}

/** Does this lie within a person's reach? The same question that the lists ask of the base. */
export const isWithinReach = (reach: Reach, { branchId, departmentId, employeeId }: Place): boolean =>
  reach.isAll ||
  (branchId !== null && reach.branchIds.includes(branchId)) ||
  (departmentId !== null && reach.departmentIds.includes(departmentId)) ||
  (employeeId !== null && employeeId === reach.employeeId);

/** The highest role of a person: which screen to begin with, and what old commands ask. */
export function highestRole(grants: readonly Pick<Grant, 'role'>[]): Role {
  return ROLES.findLast((role) => grants.some((grant) => grant.role === role)) ?? 'agent';
}

/** A role without a scope of its own reaches so far: an agent what is the agent's own, everybody else everything. */
export const defaultScope = (role: Role): Scope => (role === 'agent' ? 'own' : 'agency');

/** «Пополнять счета … может руководитель или администратор.» and who that is, for a person who may not. */
export function refusalFor(person: Person, deed: Deed): string {
  const least = leastFor(deed, person.least);
  const role = highestRole(person.grants);
  return mayAs(role, least)
    ? `${DEEDS[deed].told} вы можете только в своей части агентства: этот объект или счёт не в ней.`
    : `${DEEDS[deed].told} ${notYou(least, role)}`;
}

/** «руководитель, филиал «Центр»» */
export function grantLabel(grant: Grant, branch: string | null, department: string | null): string {
  const where = grant.scope === 'branch' ? ` «${branch}»` : grant.scope === 'department' ? ` «${department}»` : '';
  return `${FIXER_LABELS[grant.role]}, ${SCOPE_LABELS[grant.scope]}${where}`;
}

/** Where departments lie. */
export type BranchOf = (departmentId: number) => number | null;

/**
 * Has this person at least as much as a grant gives to somebody else? Nobody gives away more than that, takes more
 * away, or lets anybody in (a link sets a new password) who may more.
 * @param whom where the other one works
 */
export function holds(person: Person, grant: Grant, whom: Place, branchOf: BranchOf): boolean {
  return person.grants.some((own) => {
    if (!mayAs(own.role, grant.role)) return false;
    if (own.scope === 'agency') return true;
    const { branchId, departmentId } =
      grant.scope === 'own' ? whom : grant.scope === 'agency' ? OF_AGENCY : unitOf(grant, branchOf);
    return own.scope === 'branch'
      ? own.branchId !== null && own.branchId === branchId
      : own.scope === 'department' && own.departmentId !== null && own.departmentId === departmentId;
  });
}

const unitOf = ({ branchId, departmentId }: Grant, branchOf: BranchOf) => ({
  departmentId,
  branchId: departmentId === null ? branchId : branchOf(departmentId),
});
