import Type, { type Static } from 'typebox';
import {
  GROUPINGS,
  type Grouping,
  PERIOD_DAYS_MAX,
  SERIES,
  type Series,
  SHARE_USUAL,
  SOURCES_MAX,
  STEPS,
  type Step,
} from '../domain/report-words.ts';

/** «График выгрузки»: what it is asked by and what it answers. */

const ids = (title: string) => Type.Optional(Type.Array(Type.Integer({ minimum: 1 }), { title, maxItems: 500 }));
const Day = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' });

/** Limits of the period and of the boards are told in words by the law itself, so they are not in the schema. */
export const ExportReportQuerySchema = Type.Object(
  {
    from: Type.Optional(Day),
    until: Type.Optional(Day),
    step: Type.Optional(Type.Unsafe<Step>({ type: 'string', enum: [...STEPS] })),
    minShare: Type.Optional(Type.Integer({ minimum: 0, maximum: 100, default: SHARE_USUAL })),
    board: Type.Optional(
      Type.Array(Type.String({ maxLength: 60 }), {
        maxItems: 50,
        description: `Не больше ${SOURCES_MAX} вместе с фидами`,
      }),
    ),
    cabinet: ids('Фиды'),
    by: Type.Optional(Type.Unsafe<Grouping>({ type: 'string', enum: [...GROUPINGS] })),
    branch: ids('Филиалы'),
    department: ids('Отделы'),
    employee: ids('Сотрудники'),
    group: ids('Группы CRM'),
  },
  { additionalProperties: false, description: `Период не длиннее ${PERIOD_DAYS_MAX} дней` },
);
export type ExportReportQuery = Static<typeof ExportReportQuerySchema>;

const Named = Type.Array(Type.Object({ id: Type.Integer(), name: Type.String() }));
/** Whose listings were in the feeds on recorded days, as far as the asker sees them. */
export const ReportChoicesSchema = Type.Object({
  /** Where the asker's listings may be found, by the names that addresses have. */
  boards: Type.Array(Type.Object({ id: Type.String(), name: Type.String() })),
  branches: Named,
  departments: Named,
  employees: Named,
  groups: Named,
});
export type ReportChoices = Static<typeof ReportChoicesSchema>;

const CountsSchema = Type.Object({
  marked: Type.Integer(),
  published: Type.Integer(),
  blocked: Type.Integer(),
  unfunded: Type.Integer(),
});

const Names = Type.Optional(Type.Unsafe<readonly string[]>({ type: 'array', items: { type: 'string' } }));
/** What a report is narrowed to, by name; what is missing or empty narrows nothing. */
export const NarrowedSchema = Type.Object({
  branch: Names,
  department: Names,
  employee: Names,
  group: Names,
  board: Names,
  feed: Names,
});

export const ExportReportSchema = Type.Object({
  from: Type.String(),
  until: Type.String(),
  step: Type.Unsafe<Step>({ type: 'string', enum: [...STEPS] }),
  minShare: Type.Integer(),
  by: Type.Unsafe<Grouping>({ type: 'string', enum: [...GROUPINGS] }),
  /** The last day whose record is whole. */
  lastDay: Type.Union([Type.String(), Type.Null()]),
  steps: Type.Array(
    Type.Object({
      from: Type.String(),
      until: Type.String(),
      days: Type.Integer(),
      needed: Type.Integer(),
      isCut: Type.Boolean(),
      isUnfinished: Type.Boolean(),
      label: Type.String(),
    }),
  ),
  groups: Type.Array(Type.Object({ id: Type.Integer(), name: Type.String() })),
  narrowed: NarrowedSchema,
  /** How it is counted, and what about these numbers would surprise. */
  notes: Type.Array(Type.String()),
  sources: Type.Array(
    Type.Object({
      id: Type.String(),
      title: Type.String(),
      /** That its record begins within the period: what lies before is not known, which is not zero. */
      note: Type.Union([Type.String(), Type.Null()]),
      /** By step; null: nothing of it is recorded, which is not zero. */
      steps: Type.Array(
        Type.Object({ total: Type.Union([CountsSchema, Type.Null()]), byGroup: Type.Array(CountsSchema) }),
      ),
    }),
  ),
});
export type ExportReport = Static<typeof ExportReportSchema>;

export const MembersQuerySchema = Type.Object(
  {
    ...ExportReportQuerySchema.properties,
    /** Of the step: the first day of it inside the period. */
    at: Day,
    source: Type.String({ maxLength: 80 }),
    series: Type.Unsafe<Series>({ type: 'string', enum: [...SERIES] }),
    /** A group of the answer. */
    of: Type.Optional(Type.Integer({ minimum: 0 })),
  },
  { additionalProperties: false },
);
export type MembersQuery = Static<typeof MembersQuerySchema>;

/** A listing behind a number of a report. */
export const ReportListingSchema = Type.Object({
  id: Type.Integer(),
  externalId: Type.String(),
  title: Type.String(),
  employee: Type.Union([Type.String(), Type.Null()]),
  /** false: it counts for the past, and is somebody else's now: no more is told of it. */
  isSeen: Type.Boolean(),
});
export type ReportListing = Static<typeof ReportListingSchema>;

export const MembersSchema = Type.Object({
  total: Type.Integer(),
  data: Type.Array(
    Type.Object({
      ...ReportListingSchema.properties,
      /** What became of it on the days of the step, most days first, and what runs said of it then, as far as recorded. */
      outcomes: Type.Array(
        Type.Object({ label: Type.String(), days: Type.Integer(), reasons: Type.Array(Type.String()) }),
      ),
      /** What is with it now, in words; null: not marked any more. */
      now: Type.Union([Type.String(), Type.Null()]),
      /** What stops it now, as the last run said; null: nothing does. */
      reason: Type.Union([Type.String(), Type.Null()]),
    }),
  ),
});
export type Members = Static<typeof MembersSchema>;

const { series: _, of: __, ...changesQuery } = MembersQuerySchema.properties;
export const ChangesQuerySchema = Type.Object(changesQuery, { additionalProperties: false });
export type ChangesQuery = Static<typeof ChangesQuerySchema>;

export const ChangeMembersQuerySchema = Type.Object(
  {
    ...changesQuery,
    /** A reason of the answer. */
    reason: Type.String({ maxLength: 40 }),
    way: Type.Unsafe<'left' | 'came'>({ type: 'string', enum: ['left', 'came'] }),
  },
  { additionalProperties: false },
);
export type ChangeMembersQuery = Static<typeof ChangeMembersQuerySchema>;

export const ChangesSchema = Type.Object({
  before: Type.String(),
  after: Type.String(),
  /** How many were published in the step before. */
  start: Type.Integer(),
  difference: Type.Integer(),
  reasons: Type.Array(
    Type.Object({ reason: Type.String(), label: Type.String(), left: Type.Integer(), came: Type.Integer() }),
  ),
});
export type Changes = Static<typeof ChangesSchema>;
