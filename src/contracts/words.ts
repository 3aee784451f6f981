/** Words and shapes of the law that both sides of the wire use; pure, so the web takes only what it asks for. */

export type { Closing, GateName, GateResult, Outcome } from '../domain/gates.ts';
export { GATE_LABELS, OUTCOME_LABELS, OUTCOMES } from '../domain/gates.ts';
export { formatKopecks, readRoubles } from '../domain/money.ts';
export type { Fixer, Notice, Severity } from '../domain/notice.ts';
export type { Role } from '../domain/people.ts';
export { FIXER_LABELS, ROLES } from '../domain/people.ts';
export {
  GROUPING_LABELS,
  GROUPINGS,
  type Grouping,
  MAIL_WEEKS_MAX,
  MAIL_WEEKS_USUAL,
  MONEY_GROUPING_LABELS,
  MONEY_GROUPINGS,
  type MoneyGrouping,
  NARROW_PICTURE,
  NO_KEY,
  ON_WEEKDAYS,
  OWNER_LINK_DAYS,
  OWNER_LINK_DAYS_MAX,
  PERIOD_DAYS_MAX,
  PICTURE,
  pictureHeight,
  pointedAt,
  SERIES,
  SERIES_LABELS,
  type Series,
  SHARE_USUAL,
  SOURCES_MAX,
  STEP_LABELS,
  STEPS,
  type Step,
} from '../domain/report-words.ts';
export type { Deed, Scope } from '../domain/rights.ts';
export { SCOPE_LABELS } from '../domain/rights.ts';
export { agree, capital, formatNumber, placeTold } from '../domain/text.ts';
export {
  AGE_BUCKETS,
  toldMinutes,
  WORK_GROUPINGS,
  WORK_WORDS,
  type WorkFigure,
  type WorkGrouping,
} from '../domain/work-report.ts';
