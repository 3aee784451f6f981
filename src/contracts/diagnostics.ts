import Type, { type Static } from 'typebox';
import { OUTCOMES, type Outcome } from '../domain/gates.ts';
import { FIXERS, type Fixer, SEVERITIES, type Severity } from '../domain/notice.ts';

/** «Диагностика»: what keeps marks off the boards, how many, since when, and who puts it right. */

const OutcomeSchema = Type.Unsafe<Outcome>({ type: 'string', enum: [...OUTCOMES] });
const FixerSchema = Type.Unsafe<Fixer>({ type: 'string', enum: [...FIXERS] });
const orNull = <S extends Parameters<typeof Type.Array>[0]>(schema: S) => Type.Union([schema, Type.Null()]);
const ids = (title: string) => Type.Optional(Type.Array(Type.Integer({ minimum: 1 }), { title, maxItems: 200 }));

/** The filters of the screen's address; several values by repeating the word. */
export const DiagnosticsQuerySchema = Type.Object(
  {
    board: Type.Optional(Type.Array(Type.String({ maxLength: 60 }), { maxItems: 50 })),
    cabinet: ids('Кабинеты'),
    branch: ids('Филиалы'),
    fixer: Type.Optional(Type.Array(FixerSchema, { maxItems: FIXERS.length })),
  },
  { additionalProperties: false },
);

const CabinetNameSchema = Type.Object({
  id: Type.Integer(),
  board: Type.String(),
  boardName: Type.String(),
  name: Type.String(),
});

/** One line: an outcome of a cabinet, or a notice that blocks marks of it. */
export const DiagnosisRowSchema = Type.Object({
  key: Type.String(),
  cabinet: CabinetNameSchema,
  /** null: no run has seen these marks yet. */
  outcome: orNull(OutcomeSchema),
  /** Of a notice: `cian/floors-total-missing`. */
  code: orNull(Type.String()),
  /** The field of a notice, or the outcome, in words. */
  label: Type.String(),
  /** The sentence as `explain` tells it of one of the marks. */
  message: orNull(Type.String()),
  /** The marks' sentences differ, and this is one of them. */
  isExample: Type.Boolean(),
  fixedBy: orNull(FixerSchema),
  fixedByLabel: orNull(Type.String()),
  marks: Type.Integer(),
  /** Of a notice: blocked marks whose first notice it is. Over all notices of a cabinet they are its blocked marks. */
  decides: Type.Integer(),
  /** Of a notice: marks that nothing else blocks. */
  only: Type.Integer(),
  /** Marks more than at the end of yesterday; null: yesterday is not known. */
  change: orNull(Type.Integer()),
  /** The page that tells the rule. */
  rule: orNull(Type.String()),
  /** The listings behind the number. */
  listings: Type.String(),
  /** The field can be filled in the grid: `/diagnostics/fill?code=…`. */
  canFill: Type.Boolean(),
});
export type DiagnosisRow = Static<typeof DiagnosisRowSchema>;

/** Trouble of a whole feed. */
export const FeedTroubleSchema = Type.Object({
  feed: Type.Integer(),
  name: Type.String(),
  kind: Type.Union([Type.Literal('brake'), Type.Literal('run-failed'), Type.Literal('not-pulled')]),
  words: Type.String(),
});
export type FeedTrouble = Static<typeof FeedTroubleSchema>;

export const DiagnosticsSchema = Type.Object({
  /** Live marks within reach and filter; the marks of all outcomes together. */
  marks: Type.Integer(),
  outcomes: Type.Array(
    Type.Object({
      outcome: orNull(OutcomeSchema),
      label: Type.String(),
      marks: Type.Integer(),
      change: orNull(Type.Integer()),
    }),
  ),
  /** Every outcome that is not `published`, the blocked ones notice by notice; narrowed by `fixer`. */
  rows: Type.Array(DiagnosisRowSchema),
  /** What is compared with; null: yesterday is not known in any of the cabinets. */
  yesterday: orNull(Type.String()),
  /** Trouble of whole feeds, for those who may see them. */
  feeds: Type.Array(FeedTroubleSchema),
  /** What can be filtered by. */
  filters: Type.Object({
    boards: Type.Array(Type.Object({ id: Type.String(), name: Type.String() })),
    cabinets: Type.Array(CabinetNameSchema),
    branches: Type.Array(Type.Object({ id: Type.Integer(), name: Type.String() })),
    fixers: Type.Array(Type.Object({ id: FixerSchema, label: Type.String() })),
  }),
});
export type Diagnostics = Static<typeof DiagnosticsSchema>;

/** How many marks had which outcome on the days up to today. The last day is not over yet. */
export const OutcomeHistorySchema = Type.Object({
  days: Type.Array(
    Type.Object({
      day: Type.String(),
      /** Of today as it stands now; of an earlier day as it was recorded. */
      isOver: Type.Boolean(),
      counts: Type.Partial(Type.Object(Object.fromEntries(OUTCOMES.map((outcome) => [outcome, Type.Integer()])))),
    }),
  ),
  labels: Type.Record(Type.String(), Type.String()),
});
export interface OutcomeHistory {
  readonly days: readonly {
    readonly day: string;
    readonly isOver: boolean;
    readonly counts: Readonly<Partial<Record<Outcome, number>>>;
  }[];
  readonly labels: Readonly<Record<string, string>>;
}

export const StoppedQuerySchema = Type.Object(
  {
    ...DiagnosticsQuerySchema.properties,
    code: Type.Optional(Type.String({ maxLength: 120 })),
    listing: Type.Optional(Type.Integer({ minimum: 1 })),
    /** Absent: everything that is not in a feed. */
    outcome: Type.Optional(
      Type.Array(Type.Unsafe<Outcome | 'undecided'>({ type: 'string', enum: [...OUTCOMES, 'undecided'] }), {
        maxItems: OUTCOMES.length + 1,
      }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })),
    after: Type.Optional(Type.String({ maxLength: 100 })),
  },
  { additionalProperties: false },
);

export const StoppedMarkSchema = Type.Object({
  listing: Type.Integer(),
  externalId: Type.String(),
  title: Type.String(),
  cabinet: CabinetNameSchema,
  outcome: orNull(OutcomeSchema),
  label: Type.String(),
  reason: orNull(Type.String()),
  since: orNull(Type.String()),
  /** Blocking notices; the first one decides. */
  notices: Type.Array(
    Type.Object({ code: Type.String(), message: Type.String(), fixedBy: FixerSchema, field: Type.String() }),
  ),
});
export const StoppedPageSchema = Type.Object({
  data: Type.Array(StoppedMarkSchema),
  page: Type.Object({ next: orNull(Type.String()), total: orNull(Type.Integer()) }),
});

/** A notice that stops nobody. It is not kept by the runs, so it is asked of so many marks and no more. */
export const AdviceSchema = Type.Object({
  looked: Type.Integer(),
  marks: Type.Integer(),
  rows: Type.Array(
    Type.Object({
      code: Type.String(),
      label: Type.String(),
      message: Type.String(),
      isExample: Type.Boolean(),
      fixedBy: FixerSchema,
      fixedByLabel: Type.String(),
      marks: Type.Integer(),
      rule: orNull(Type.String()),
      /** The first listings that have it. */
      listings: Type.Array(Type.Object({ id: Type.Integer(), title: Type.String() })),
    }),
  ),
});
export type Advice = Static<typeof AdviceSchema>;

/** How a field is filled in a grid: as in the form of the listing, the plain kinds only. */
export const FILL_TYPES = ['text', 'long-text', 'integer', 'number', 'money', 'flag', 'choice'] as const;
export type FillType = (typeof FILL_TYPES)[number];

export const FillFieldSchema = Type.Object({
  field: Type.String(),
  label: Type.String(),
  type: Type.Unsafe<FillType>({ type: 'string', enum: [...FILL_TYPES] }),
  unit: Type.Optional(Type.String()),
  choices: Type.Optional(Type.Array(Type.Object({ value: Type.String(), label: Type.String() }))),
  min: Type.Optional(Type.Number()),
  max: Type.Optional(Type.Number()),
  moreThan: Type.Optional(Type.Number()),
  charsMax: Type.Optional(Type.Integer()),
});
export type FillField = Static<typeof FillFieldSchema>;

/** A row is saved by `PATCH /listings/:id` with `If-Match: "version"` and `{ set: { field: value } }`. */
export const FillSchema = Type.Object({
  code: Type.String(),
  /** What is wrong, as it is told of one of them. */
  sentence: Type.String(),
  field: FillFieldSchema,
  rows: Type.Array(
    Type.Object({
      listing: Type.Integer(),
      externalId: Type.String(),
      title: Type.String(),
      employee: orNull(Type.String()),
      current: Type.Unknown(),
      version: Type.String(),
    }),
  ),
  page: Type.Object({ next: orNull(Type.String()), total: orNull(Type.Integer()) }),
});
export type Fill = Static<typeof FillSchema>;

/** A demand as people read it. */
export const RuleSchema = Type.Object({
  code: Type.String(),
  /** Whose demand: the board's name, «норма агентства», «проверка готового файла». */
  of: Type.String(),
  board: orNull(Type.String()),
  label: Type.String(),
  field: Type.String(),
  severity: Type.Unsafe<Severity>({ type: 'string', enum: [...SEVERITIES] }),
  fixedBy: FixerSchema,
  fixedByLabel: Type.String(),
  /** One code may stand for several demands: of different kinds, deals or formats. */
  demands: Type.Array(Type.Object({ sentence: Type.String(), audience: orNull(Type.String()) })),
  /** As it was told of a listing; null: it blocks none within reach. */
  example: orNull(Type.Object({ listing: Type.Integer(), title: Type.String(), message: Type.String() })),
  source: Type.Object({
    title: Type.String(),
    url: orNull(Type.String()),
    date: orNull(Type.String()),
    grade: Type.String(),
  }),
  checkedOn: Type.String(),
  /** How many marks it blocks now, by cabinet. */
  marks: Type.Array(Type.Object({ cabinet: CabinetNameSchema, marks: Type.Integer(), listings: Type.String() })),
});
export type Rule = Static<typeof RuleSchema>;
