import Type, { type Static } from 'typebox';
import { OUTCOMES, type Outcome } from '../domain/gates.ts';

/** «Фиды»: what each board is given, who takes it and when, and what stands in the way. */

const orNull = <S extends Parameters<typeof Type.Array>[0]>(schema: S) => Type.Union([schema, Type.Null()]);

export const FeedParams = Type.Object({ id: Type.Integer({ minimum: 1 }) });

export const EditionSchema = Type.Object({
  id: Type.Integer(),
  publishedAt: Type.String(),
  /** The moment in the file's head: when its offers last changed. */
  generatedAt: Type.String(),
  offers: Type.Integer(),
  bytes: Type.Integer(),
  gzipBytes: Type.Integer(),
  sha256: Type.String(),
});

export const FeedSchema = Type.Object({
  id: Type.Integer(),
  board: Type.String(),
  boardName: Type.String(),
  /** Of the cabinet. */
  name: Type.String(),
  slug: Type.String(),
  branch: orNull(Type.String()),
  /** With the key hidden. */
  address: Type.String(),
  /** Until when earlier addresses answer; null: there are none. */
  previousUntil: orNull(Type.String()),
  /** When somebody last came by one of them. */
  byPreviousAt: orNull(Type.String()),
  edition: orNull(EditionSchema),
  /** Live marks by outcome; `undecided`: no run has seen them yet. */
  marks: Type.Object({
    total: Type.Integer(),
    undecided: Type.Integer(),
    counts: Type.Unsafe<Readonly<Partial<Record<Outcome, number>>>>({
      type: 'object',
      additionalProperties: { type: 'integer' },
      propertyNames: { enum: [...OUTCOMES] },
    }),
  }),
  pulls: Type.Object({
    state: Type.Unsafe<'fresh' | 'late' | 'never' | 'unknown'>({
      type: 'string',
      enum: ['fresh', 'late', 'never', 'unknown'],
    }),
    /** «не забирали 26 часов (обычно раз в 4 часа)» */
    words: Type.String(),
    lastAt: orNull(Type.String()),
    lastDay: Type.Integer(),
  }),
  next: Type.Object({
    /** null: nothing changes by itself and nobody changed anything. */
    dueAt: orNull(Type.String()),
    isRunning: Type.Boolean(),
    /** After a failure: not before this moment. */
    retryAt: orNull(Type.String()),
  }),
  /** What the shrink brake keeps in the feed; null: nothing. */
  brake: orNull(
    Type.Object({
      since: Type.String(),
      held: Type.Integer(),
      /** Offers of the edition before it. */
      before: Type.Integer(),
      causes: Type.Array(Type.String()),
      /** Somebody agreed to the loss: the next run lets it happen. */
      release: orNull(Type.Object({ by: Type.String(), at: Type.String(), reason: Type.String() })),
    }),
  ),
  /** Runs that failed one after the other since the last good one; null: none. */
  failure: orNull(Type.Object({ count: Type.Integer(), at: Type.String(), words: Type.String() })),
  /** What somebody is told of this feed and has not been done with. */
  messages: Type.Array(Type.Object({ text: Type.String(), at: Type.String() })),
  may: Type.Object({
    address: Type.Boolean(),
    run: Type.Boolean(),
    brake: Type.Boolean(),
    rotate: Type.Boolean(),
  }),
});
export type Feed = Static<typeof FeedSchema>;

export const FeedsSchema = Type.Object({ data: Type.Array(FeedSchema) });
export type Feeds = Static<typeof FeedsSchema>;

export const FeedAddressSchema = Type.Object({
  address: Type.String(),
  packedAddress: Type.String(),
  /** Of a new address: until when the earlier one answers. */
  previousUntil: orNull(Type.String()),
});
export type FeedAddress = Static<typeof FeedAddressSchema>;

export const BrakeReleaseSchema = Type.Object(
  { reason: Type.String({ minLength: 3, maxLength: 500 }) },
  { additionalProperties: false },
);

export const EditionsSchema = Type.Object({
  data: Type.Array(
    Type.Object({
      ...EditionSchema.properties,
      isServed: Type.Boolean(),
      /** Listings that came and went with it; null: it is too long ago. */
      added: orNull(Type.Integer()),
      removed: orNull(Type.Integer()),
    }),
  ),
  page: Type.Object({ next: orNull(Type.String()), total: orNull(Type.Integer()) }),
});
export type Editions = Static<typeof EditionsSchema>;

const DifferenceSchema = Type.Object({
  added: Type.Integer(),
  removed: Type.Integer(),
  changed: Type.Integer(),
  /** The first of each kind that the person may see. */
  listings: Type.Array(
    Type.Object({
      id: Type.Integer(),
      title: Type.String(),
      what: Type.Union([Type.Literal('added'), Type.Literal('removed'), Type.Literal('changed')]),
    }),
  ),
});
export type FeedDifference = Static<typeof DifferenceSchema>;

export const EditionDetailSchema = Type.Object({
  edition: EditionSchema,
  before: orNull(EditionSchema),
  /** null: the files of one of the two are not kept any more. */
  difference: orNull(DifferenceSchema),
});
export type EditionDetail = Static<typeof EditionDetailSchema>;

/** By what the next edition would differ; null: too large a cabinet, or its files are elsewhere. */
export const NextSchema = Type.Object({ difference: orNull(DifferenceSchema) });

export const PullsSchema = Type.Object({
  data: Type.Array(
    Type.Object({
      at: Type.String(),
      method: Type.String(),
      status: Type.Integer(),
      edition: orNull(Type.Integer()),
      bytes: Type.Integer(),
      isPacked: Type.Boolean(),
      isPrevious: Type.Boolean(),
      robot: orNull(Type.String()),
      from: orNull(Type.String()),
    }),
  ),
});
export type Pulls = Static<typeof PullsSchema>;

export const RunsSchema = Type.Object({
  data: Type.Array(
    Type.Object({
      id: Type.Integer(),
      cause: Type.Union([Type.Literal('due'), Type.Literal('person')]),
      startedAt: Type.String(),
      finishedAt: orNull(Type.String()),
      /** null while it runs. */
      status: orNull(
        Type.Unsafe<'done' | 'failed' | 'overtaken' | 'lost'>({
          type: 'string',
          enum: ['done', 'failed', 'overtaken', 'lost'],
        }),
      ),
      label: Type.String(),
      edition: orNull(Type.Integer()),
      offers: orNull(Type.Integer()),
      /** How many marks changed their outcome. */
      changed: orNull(Type.Integer()),
      error: orNull(Type.String()),
    }),
  ),
});
export type Runs = Static<typeof RunsSchema>;

export const FeedCheckSchema = Type.Object({
  at: Type.String(),
  answer: orNull(
    Type.Object({
      status: Type.Integer(),
      contentType: orNull(Type.String()),
      etag: orNull(Type.String()),
      lastModified: orNull(Type.String()),
      firstByteMs: Type.Integer(),
      totalMs: Type.Integer(),
      bytes: Type.Integer(),
      gzipBytes: orNull(Type.Integer()),
    }),
  ),
  findings: Type.Array(
    Type.Object({
      check: Type.String(),
      state: Type.Unsafe<'ok' | 'warning' | 'error'>({ type: 'string', enum: ['ok', 'warning', 'error'] }),
      words: Type.String(),
    }),
  ),
  file: orNull(
    Type.Object({
      offers: Type.Integer(),
      blocking: Type.Integer(),
      advisory: Type.Integer(),
      isWhole: Type.Boolean(),
      problems: Type.Array(
        Type.Object({
          code: Type.String(),
          severity: Type.Union([Type.Literal('blocking'), Type.Literal('advisory')]),
          line: Type.Integer(),
          xpath: Type.String(),
          listing: orNull(Type.String()),
          message: Type.String(),
        }),
      ),
    }),
  ),
});
export type FeedCheckAnswer = Static<typeof FeedCheckSchema>;
