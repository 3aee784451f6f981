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
/** The row of what there is no group for: a correction among boards, a listing that nobody is responsible for. */
export const NO_KEY = 'none';
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

/** By ISO weekday: when a report comes by e-mail. */
export const ON_WEEKDAYS = [
  'по понедельникам',
  'по вторникам',
  'по средам',
  'по четвергам',
  'по пятницам',
  'по субботам',
  'по воскресеньям',
] as const;
/** How many whole weeks such a report may cover: as many as fit into the longest period. */
export const MAIL_WEEKS_MAX = Math.floor(PERIOD_DAYS_MAX / 7);
export const MAIL_WEEKS_USUAL = 4;

/**
 * Where things stand on a picture of the export report, in its own units. The server draws by it, and the screen finds
 * by it what somebody has pointed at.
 */
export interface PictureShape {
  readonly width: number;
  /** Where the first plot begins; above it are the heading and the legend. */
  readonly top: number;
  readonly plot: number;
  readonly gap: number;
  readonly left: number;
  readonly right: number;
  readonly head: number;
}
export const PICTURE: PictureShape = { width: 1100, top: 112, plot: 190, gap: 66, left: 60, right: 20, head: 24 };
/** For the screen of a telephone. */
export const NARROW_PICTURE: PictureShape = { ...PICTURE, width: 360, top: 168, left: 44, right: 8 };
export const pictureHeight = (sources: number, { top, plot, gap }: PictureShape = PICTURE): number =>
  top + sources * (plot + gap);

const BARS = ['published', 'blocked', 'unfunded'] as const;
const BAR_MAX = 26;
/** Of a step's room, for its bars; and between two bars, of a bar. */
const [BAND_SHARE, BAR_GAP] = [0.8, 0.1];
export const barGap = `${BAR_GAP * 100}%`;
const bandWidth = (steps: number, { width, left, right }: PictureShape) => (width - left - right) / steps;
export const barWidth = (steps: number, picture: PictureShape = PICTURE): number =>
  Math.min(BAR_MAX, (bandWidth(steps, picture) * BAND_SHARE) / (BARS.length + (BARS.length - 1) * BAR_GAP));

/**
 * What stands at a point of the picture: the column of a series over its whole height; beside the columns, the marked.
 * @returns null: nothing
 */
export function pointedAt(
  point: { readonly x: number; readonly y: number },
  sources: number,
  steps: number,
  picture: PictureShape = PICTURE,
): { readonly source: number; readonly step: number; readonly series: Series } | null {
  const { top, plot, gap, left, head } = picture;
  const source = Math.floor((point.y - top) / (plot + gap));
  const below = point.y - top - source * (plot + gap);
  const band = bandWidth(steps, picture);
  const step = Math.floor((point.x - left) / band);
  if (source < 0 || source >= sources || below < head || below > plot) return null;
  if (step < 0 || step >= steps) return null;
  const width = barWidth(steps, picture);
  const all = width * (BARS.length + (BARS.length - 1) * BAR_GAP);
  const within = point.x - left - step * band - (band - all) / 2;
  const bar = Math.floor(within / (width * (1 + BAR_GAP)));
  const series = within >= 0 && within <= all ? (BARS[bar] ?? 'marked') : 'marked';
  return { source, step, series };
}
