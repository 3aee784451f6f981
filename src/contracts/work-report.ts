import Type, { type Static } from 'typebox';
import { PERIOD_DAYS_MAX } from '../domain/report-words.ts';
import {
  AGE_BUCKETS,
  WORK_FIGURES,
  WORK_GROUPINGS,
  type WorkFigure,
  type WorkGrouping,
} from '../domain/work-report.ts';
import { ExportReportQuerySchema, NarrowedSchema, ReportListingSchema } from './export-report.ts';

/** «Работа»: what it is asked by and what it answers. */

const { from, until, branch, department, employee, group } = ExportReportQuerySchema.properties;
const GroupingSchema = Type.Unsafe<WorkGrouping>({ type: 'string', enum: [...WORK_GROUPINGS] });

export const WorkReportQuerySchema = Type.Object(
  { from, until, branch, department, employee, group, by: Type.Optional(GroupingSchema) },
  { additionalProperties: false, description: `Период не длиннее ${PERIOD_DAYS_MAX} дней` },
);
export type WorkReportQuery = Static<typeof WorkReportQuerySchema>;

const Minutes = Type.Union([Type.Integer(), Type.Null()]);

const ages = { count: Type.Integer(), oldestMinutes: Minutes, medianMinutes: Minutes };

/** What is counted is told by `WORK_WORDS`. */
const FiguresSchema = Type.Object({
  decided: Type.Object({
    count: Type.Integer(),
    approved: Type.Integer(),
    accepted: Type.Integer(),
    trusted: Type.Integer(),
  }),
  approval: Type.Object({
    count: Type.Integer(),
    medianMinutes: Minutes,
    p90Minutes: Minutes,
    unmeasured: Type.Integer(),
  }),
  returns: Type.Object({
    count: Type.Integer(),
    byReason: Type.Array(Type.Object({ code: Type.String(), text: Type.String(), count: Type.Integer() })),
  }),
  first: Type.Object({ count: Type.Integer(), right: Type.Integer(), corrected: Type.Integer() }),
  queue: Type.Object({
    ...ages,
    putAside: Type.Integer(),
    buckets: Type.Array(Type.Integer()),
    ready: Type.Object(ages),
    stopped: Type.Object(ages),
  }),
  stale: Type.Object({ count: Type.Integer(), of: Type.Integer() }),
  norms: Type.Object({ photos: Type.Integer(), texts: Type.Integer(), of: Type.Integer() }),
});
export type Figures = Static<typeof FiguresSchema>;

export const WorkReportSchema = Type.Object({
  from: Type.String(),
  until: Type.String(),
  by: GroupingSchema,
  narrowed: NarrowedSchema,
  /** The moment of what is counted «now», and the agency's zone, whose days the period has. */
  at: Type.String(),
  zone: Type.String(),
  total: FiguresSchema,
  groups: Type.Array(Type.Object({ id: Type.Integer(), name: Type.String(), figures: FiguresSchema })),
  /** Whom something was returned to or first decided about; the most returns first. */
  agents: Type.Array(
    Type.Object({
      /** 0: nobody was responsible. */
      id: Type.Integer(),
      name: Type.String(),
      decided: Type.Integer(),
      returned: Type.Integer(),
      first: Type.Integer(),
      right: Type.Integer(),
    }),
  ),
  /** Of how many of the moderators' decisions (`total.decided.count`) it is known whose the listing was on that day. */
  owners: Type.Object({ decided: Type.Integer(), recorded: Type.Integer() }),
});
export type WorkReport = Static<typeof WorkReportSchema>;

export const WorkMembersQuerySchema = Type.Object(
  {
    ...WorkReportQuerySchema.properties,
    figure: Type.Unsafe<WorkFigure>({ type: 'string', enum: [...WORK_FIGURES] }),
    reason: Type.Optional(Type.String({ maxLength: 60 })),
    bucket: Type.Optional(Type.Integer({ minimum: 0, maximum: AGE_BUCKETS.length - 1 })),
    /** A group of the answer. */
    of: Type.Optional(Type.Integer({ minimum: 0 })),
    /** A line of `agents`. */
    agent: Type.Optional(Type.Integer({ minimum: 0 })),
  },
  { additionalProperties: false },
);
export type WorkMembersQuery = Static<typeof WorkMembersQuerySchema>;

export const WorkMembersSchema = Type.Object({
  total: Type.Integer(),
  data: Type.Array(
    Type.Object({
      ...ReportListingSchema.properties,
      /** When it was decided, or since when it waits; null: of what is so now. */
      at: Type.Union([Type.String(), Type.Null()]),
      /** In words: how long it waited, why it was returned. */
      told: Type.String(),
    }),
  ),
});
export type WorkMembers = Static<typeof WorkMembersSchema>;
