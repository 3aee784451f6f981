/** The words and limits of the reports, for the server and for the screen. */

export const STEPS = ['day', 'week', 'month'] as const;
export type Step = (typeof STEPS)[number];
export const STEP_LABELS: Record<Step, string> = { day: 'день', week: 'неделя', month: 'месяц' };

export const PERIOD_DAYS_MAX = 150;
export const SOURCES_MAX = 5;
export const SHARE_USUAL = 50;

/** The series, in the order in which they are drawn and written. */
export const SERIES = ['marked', 'published', 'blocked', 'unfunded'] as const;
export type Series = (typeof SERIES)[number];
export const SERIES_LABELS: Record<Series, string> = {
  marked: 'отмеченные на выгрузку',
  published: 'успешно выгруженные',
  blocked: 'с ошибками заполнения',
  unfunded: 'недостаточно средств',
};
export type Counts = Readonly<Record<Series, number>>;

export const GROUPINGS = ['none', 'branch', 'department', 'employee', 'crm-group'] as const;
export type Grouping = (typeof GROUPINGS)[number];
export const GROUPING_LABELS: Record<Grouping, string> = {
  none: 'без разбивки',
  branch: 'по филиалам',
  department: 'по отделам',
  employee: 'по сотрудникам',
  'crm-group': 'по группам CRM',
};

/** For how many days an owner's link holds: usually, and at most. */
export const OWNER_LINK_DAYS = 30;
export const OWNER_LINK_DAYS_MAX = 365;
