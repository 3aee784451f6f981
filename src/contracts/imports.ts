import Type, { type Static } from 'typebox';

/** Where listings come from, what came of every load, and files that people give to be loaded. */

const orNull = <S extends Parameters<typeof Type.Array>[0]>(schema: S) => Type.Union([schema, Type.Null()]);

/** What a load did: the numbers that are known of it, in their order. */
const CountsSchema = Type.Array(
  Type.Object({
    /** `read`, `imported`, `updated`, `unchanged`, `gone`, `returned`, `conflicting`, `rejected`, … */
    name: Type.String(),
    label: Type.String(),
    count: Type.Integer(),
  }),
);

export const ImportRunSchema = Type.Object({
  id: Type.Integer(),
  source: Type.Integer(),
  startedAt: Type.String(),
  finishedAt: orNull(Type.String()),
  /** null while it runs. */
  status: orNull(
    Type.Unsafe<'imported' | 'waiting-for-confirmation' | 'failed' | 'rehearsed'>({
      type: 'string',
      enum: ['imported', 'waiting-for-confirmation', 'failed', 'rehearsed'],
    }),
  ),
  label: Type.String(),
  counts: CountsSchema,
});
export type ImportRunAnswer = Static<typeof ImportRunSchema>;

export const ImportSourceSchema = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  branch: orNull(Type.Object({ id: Type.Integer(), name: Type.String() })),
  /** Listings that the source has now, and those it no longer has. */
  listings: Type.Integer(),
  gone: Type.Integer(),
  /** Offers of its last file that were not loaded. */
  rejected: Type.Integer(),
  lastRun: orNull(ImportRunSchema),
});
export type ImportSource = Static<typeof ImportSourceSchema>;

export const UploadSchema = Type.Object({
  id: Type.Integer(),
  source: Type.String(),
  branch: orNull(Type.String()),
  fileName: Type.String(),
  bytes: Type.Integer(),
  isRehearsal: Type.Boolean(),
  state: Type.Unsafe<'queued' | 'running' | 'succeeded' | 'waiting' | 'failed'>({
    type: 'string',
    enum: ['queued', 'running', 'succeeded', 'waiting', 'failed'],
  }),
  label: Type.String(),
  /** Offers read so far. */
  read: Type.Integer(),
  by: Type.String(),
  createdAt: Type.String(),
  finishedAt: orNull(Type.String()),
  counts: CountsSchema,
  /** The first offers that were not loaded. */
  rejected: Type.Array(
    Type.Object({ line: Type.Integer(), externalId: orNull(Type.String()), reasons: Type.Array(Type.String()) }),
  ),
  /** What nobody could make sense of, the most frequent first. */
  notUnderstood: Type.Array(Type.Object({ path: Type.String(), value: orNull(Type.String()), count: Type.Integer() })),
  /** It waits for somebody to agree: so many of the source's listings are not in the file. */
  loss: orNull(Type.Object({ gone: Type.Integer(), before: Type.Integer() })),
  problem: orNull(Type.Object({ code: Type.String(), detail: Type.String() })),
});
export type Upload = Static<typeof UploadSchema>;

export const ImportsSchema = Type.Object({
  sources: Type.Array(ImportSourceSchema),
  /** The last files that were given here, the newest first. */
  uploads: Type.Array(UploadSchema),
  /** Branches for a new source; `isWhole`: one of the whole agency may be made. */
  branches: Type.Array(Type.Object({ id: Type.Integer(), name: Type.String() })),
  isWhole: Type.Boolean(),
  /** The largest file that is taken, bytes. */
  bytesMax: Type.Integer(),
});
export type Imports = Static<typeof ImportsSchema>;

export const UploadQuerySchema = Type.Object(
  {
    /** The source's name: a known one, or a new one. */
    source: Type.String({ minLength: 1, maxLength: 200 }),
    /** Of a new source. */
    branch: Type.Optional(Type.Integer({ minimum: 1 })),
    file: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    rehearse: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);

export const ImportRunsSchema = Type.Object({
  data: Type.Array(ImportRunSchema),
  page: Type.Object({ next: orNull(Type.String()), total: orNull(Type.Integer()) }),
});
export type ImportRuns = Static<typeof ImportRunsSchema>;

export const RejectionsSchema = Type.Object({
  data: Type.Array(
    Type.Object({ line: Type.Integer(), externalId: Type.String(), reasons: Type.Array(Type.String()) }),
  ),
  at: orNull(Type.String()),
  page: Type.Object({ next: orNull(Type.String()), total: orNull(Type.Integer()) }),
});
export type Rejections = Static<typeof RejectionsSchema>;
