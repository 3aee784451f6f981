import Type, { type Static } from 'typebox';
import { MONEY_GROUPINGS, type MoneyGrouping, PERIOD_DAYS_MAX, STEPS, type Step } from '../domain/report-words.ts';
import { ExportReportQuerySchema, NarrowedSchema, ReportListingSchema } from './export-report.ts';

/** «Расходы»: what it is asked by and what it answers. Sums are kopecks; null is not known, which is not zero. */

const { from, until, step, cabinet, branch, department, employee } = ExportReportQuerySchema.properties;
const By = Type.Unsafe<MoneyGrouping>({ type: 'string', enum: [...MONEY_GROUPINGS] });

export const MoneyReportQuerySchema = Type.Object(
  {
    ...{ from, until, step, cabinet, branch, department, employee },
    board: Type.Optional(Type.Array(Type.String({ maxLength: 60 }), { maxItems: 50 })),
    by: Type.Optional(By),
  },
  { additionalProperties: false, description: `Период не длиннее ${PERIOD_DAYS_MAX} дней` },
);
export type MoneyReportQuery = Static<typeof MoneyReportQuerySchema>;

const OrNull = Type.Union([Type.Integer(), Type.Null()]);

const figures = {
  /** Something of this is about listings; false: corrections only, behind which there are none. */
  hasListings: Type.Boolean(),
  /** Charged less paid back. */
  spentKopecks: Type.Integer(),
  chargedKopecks: Type.Integer(),
  refundedKopecks: Type.Integer(),
  /** Given back to accounts by counter-entries of people, less what those took: beside what was spent. */
  correctedKopecks: Type.Integer(),
  /** Shown and not paid. */
  waivedKopecks: Type.Integer(),
  savedByPausesKopecks: Type.Integer(),
  savedByLeavingKopecks: Type.Integer(),
  /** Listing-days in a feed; null: a grouping that has none. */
  days: OrNull,
  dayKopecks: OrNull,
  views: OrNull,
  calls: OrNull,
  callKopecks: OrNull,
};

export const MoneyReportSchema = Type.Object({
  from: Type.String(),
  until: Type.String(),
  step: Type.Unsafe<Step>({ type: 'string', enum: [...STEPS] }),
  by: By,
  /** The last day whose record is whole. */
  lastDay: Type.Union([Type.String(), Type.Null()]),
  steps: Type.Array(
    Type.Object({
      from: Type.String(),
      until: Type.String(),
      days: Type.Integer(),
      isCut: Type.Boolean(),
      isUnfinished: Type.Boolean(),
      label: Type.String(),
    }),
  ),
  narrowed: NarrowedSchema,
  /** The dearest first; what belongs to no group comes last. */
  rows: Type.Array(
    Type.Object({
      /** «none»: what belongs to no group. */
      id: Type.String(),
      name: Type.String(),
      ...figures,
      /** Spent, by step. */
      steps: Type.Array(Type.Integer()),
    }),
  ),
  totals: Type.Object({ ...figures, steps: Type.Array(Type.Integer()) }),
  /** Of how many of the cabinets calls and views are known on some day of the period. */
  known: Type.Object({ cabinets: Type.Integer(), calls: Type.Integer(), views: Type.Integer() }),
  /** How it is counted, in Russian sentences. */
  notes: Type.Array(Type.String()),
});
export type MoneyReport = Static<typeof MoneyReportSchema>;
export type MoneyRow = MoneyReport['rows'][number];

export const MoneyMembersQuerySchema = Type.Object(
  {
    ...MoneyReportQuerySchema.properties,
    /** The `id` of a row of the answer. */
    of: Type.String({ minLength: 1, maxLength: 80 }),
  },
  { additionalProperties: false },
);
export type MoneyMembersQuery = Static<typeof MoneyMembersQuerySchema>;

export const MoneyMembersSchema = Type.Object({
  total: Type.Integer(),
  /** The dearest first. */
  data: Type.Array(
    Type.Object({
      ...ReportListingSchema.properties,
      spentKopecks: Type.Integer(),
      days: OrNull,
      views: OrNull,
      calls: OrNull,
    }),
  ),
});
export type MoneyMembers = Static<typeof MoneyMembersSchema>;
