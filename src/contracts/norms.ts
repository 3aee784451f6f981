import Type, { type Static, type TSchema } from 'typebox';
import { DEALS, type Deal, KINDS, type Kind } from '../domain/listing.ts';
import { SEVERITIES, type Severity } from '../domain/notice.ts';

/** The agency's norms, their rehearsal, and the exceptions from them. */

const nullable = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()]);
const body = <P extends Parameters<typeof Type.Object>[0]>(properties: P) =>
  Type.Object(properties, { additionalProperties: false });
const word = <T extends string>(values: readonly T[]) => Type.Unsafe<T>({ type: 'string', enum: [...values] });
const named = () => Type.String({ minLength: 1, maxLength: 200 });
const bound = () => Type.Optional(Type.Number());
const count = Type.Integer();

/** The usual norms. Limits of money are in kopecks, of everything else in the field's own unit. */
export const NormWishSchema = Type.Union([
  body({ kind: Type.Literal('photos'), min: Type.Integer() }),
  body({ kind: Type.Literal('text'), min: bound(), max: bound() }),
  body({ kind: Type.Literal('required'), field: named() }),
  body({ kind: Type.Literal('limit'), field: named(), min: bound(), max: bound() }),
]);
export type NormWishBody = Static<typeof NormWishSchema>;

const boards = Type.Array(Type.String({ maxLength: 60 }), { minItems: 1, maxItems: 100, uniqueItems: true });
export const NormScopeSchema = body({
  boards: Type.Optional(boards),
  kinds: Type.Optional(Type.Array(word<Kind>(KINDS), { minItems: 1, uniqueItems: true })),
  deals: Type.Optional(Type.Array(word<Deal>(DEALS), { minItems: 1, uniqueItems: true })),
  severity: Type.Optional(word<Severity>(SEVERITIES)),
});
export type NormScopeBody = Static<typeof NormScopeSchema>;

/** A usual norm, or a rule of one's own in JSON, as a board's rule is written. */
export const NormBodySchema = Type.Union([
  body({ wish: NormWishSchema, scope: Type.Optional(NormScopeSchema) }),
  body({ rule: Type.Unknown(), boards: Type.Optional(nullable(boards)) }),
]);
export type NormBody = Static<typeof NormBodySchema>;

/** What is tried: a norm, or that one is not there any more. */
export const NormTrialSchema = Type.Union([
  body({ norm: NormBodySchema }),
  body({ remove: Type.String({ minLength: 1, maxLength: 120 }) }),
]);
export type NormTrialBody = Static<typeof NormTrialSchema>;

export const NormSchema = Type.Object({
  /** `norm/photos-min`. */
  code: Type.String(),
  /** For what and what it demands, in a line. */
  sentence: Type.String(),
  severity: word<Severity>(SEVERITIES),
  severityLabel: Type.String(),
  boards: nullable(Type.Array(Type.String())),
  /** null: a rule of somebody's own. */
  form: nullable(Type.Object({ wish: NormWishSchema, scope: NormScopeSchema })),
  rule: Type.Unknown(),
  by: Type.String(),
  savedAt: Type.String(),
  /** Listings it stops by the last runs. */
  stops: count,
  version: Type.String(),
});
export type Norm = Static<typeof NormSchema>;

export const NormsSchema = Type.Object({
  data: Type.Array(NormSchema),
  /** Fields that a usual norm may be about. */
  fields: Type.Array(
    Type.Object({
      field: Type.String(),
      label: Type.String(),
      isNumber: Type.Boolean(),
      isMoney: Type.Boolean(),
    }),
  ),
  boards: Type.Array(Type.Object({ id: Type.String(), name: Type.String(), isUsed: Type.Boolean() })),
  kinds: Type.Array(Type.Object({ value: word<Kind>(KINDS), label: Type.String() })),
  deals: Type.Array(Type.Object({ value: word<Deal>(DEALS), label: Type.String() })),
  may: Type.Object({ norms: Type.Boolean() }),
});
export type NormsAnswer = Static<typeof NormsSchema>;

export const NormRehearsalSchema = Type.Object({
  code: Type.String(),
  sentence: Type.String(),
  change: word(['new', 'replaced', 'removed'] as const),
  /** Listings with a mark that would change. */
  changed: count,
  boards: Type.Array(
    Type.Object({
      board: Type.String(),
      name: Type.String(),
      marks: count,
      /** Marks that it stops and were not stopped, and of these the ones in the feed now. */
      blocks: count,
      leave: count,
      frees: count,
      /** Would change too, but the board's rules stop them already, or they are stopped before the norms are asked. */
      alreadyBlocked: count,
      alreadyStopped: count,
    }),
  ),
  /** The first of them. */
  examples: Type.Array(
    Type.Object({
      listingId: count,
      externalId: Type.String(),
      agent: nullable(Type.String()),
      boards: Type.Array(Type.String()),
      isStopped: Type.Boolean(),
      /** What it will say, or said. */
      words: Type.String(),
      outcome: Type.String(),
    }),
  ),
});
export type NormRehearsal = Static<typeof NormRehearsalSchema>;

// ---------------------------------------------------------------------------------------------------------------------

export const ExceptionSchema = Type.Object({
  id: count,
  listingId: count,
  externalId: Type.String(),
  gate: Type.String(),
  /** «нормы агентства», «актуальность», or the norm. */
  what: Type.String(),
  normCode: nullable(Type.String()),
  reason: Type.String(),
  by: Type.String(),
  until: Type.String(),
  isActive: Type.Boolean(),
  state: Type.String(),
  may: Type.Object({ revoke: Type.Boolean() }),
});
export type Exception = Static<typeof ExceptionSchema>;

export const ExceptionsQuery = body({
  listing: Type.Optional(Type.Integer()),
  /** Also those that are over. */
  all: Type.Optional(Type.Boolean()),
});
export const ExceptionsSchema = Type.Object({ data: Type.Array(ExceptionSchema) });

export const NewExceptionSchema = body({
  listingId: Type.Integer(),
  gate: Type.String({ maxLength: 60 }),
  normCode: Type.Optional(Type.String({ maxLength: 120 })),
  reason: Type.String({ minLength: 1, maxLength: 500 }),
  /** Last day, `YYYY-MM-DD`. */
  until: Type.String({ maxLength: 10 }),
});
export type NewExceptionBody = Static<typeof NewExceptionSchema>;
