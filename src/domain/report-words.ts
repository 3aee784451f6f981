/** The words and limits of the export report, for the server and for the screen. */

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

/** «Расходы»: by what the money is told. */
export const MONEY_GROUPINGS = [
  'board',
  'cabinet',
  'branch',
  'department',
  'employee',
  'kind',
  'basis',
  'account',
] as const;
export type MoneyGrouping = (typeof MONEY_GROUPINGS)[number];
export const MONEY_GROUPING_LABELS: Record<MoneyGrouping, string> = {
  board: 'по доскам',
  cabinet: 'по кабинетам',
  branch: 'по филиалам',
  department: 'по отделам',
  employee: 'по сотрудникам',
  kind: 'по видам объектов',
  basis: 'за что заплачено',
  account: 'по счетам, с которых заплачено',
};
