import Type, { type Static } from 'typebox';
import { type Listing, ListingSchema } from '../domain/listing.ts';
import { MARKET_STATUSES, type MarketStatus } from '../domain/market.ts';

/** What a CRM says to us: listings by its own numbers, and what becomes of the deal. */

const { externalId: _, ...fields } = ListingSchema.properties;

/** Who is responsible, by whichever the CRM knows. */
export const ResponsibleSchema = Type.Object(
  {
    id: Type.Optional(Type.Integer()),
    email: Type.Optional(Type.String({ maxLength: 200 })),
    phone: Type.Optional(Type.String({ maxLength: 30 })),
  },
  { additionalProperties: false },
);

/** Faults of single fields are told as reasons of a rejected listing, with the form's words: the schema here is wide. */
export const PushedSchema = Type.Object(
  {
    /** Fields of the listing (`/api/v1/listing-schema`). */
    values: Type.Unsafe<Partial<Listing>>({ type: 'object', maxProperties: Object.keys(fields).length }),
    responsible: Type.Optional(ResponsibleSchema),
  },
  { additionalProperties: false },
);
export type PushedListing = Static<typeof PushedSchema>;

export const ExternalIdSchema = Type.String({ minLength: 1, maxLength: 200 });
export const SourceParams = Type.Object({ source: Type.String({ minLength: 1, maxLength: 100 }) });
export const PushedParams = Type.Object({
  source: Type.String({ minLength: 1, maxLength: 100 }),
  externalId: ExternalIdSchema,
});

export const BATCH_MOST = 500;
export const PushBatchSchema = Type.Object(
  {
    listings: Type.Array(
      Type.Object(
        {
          externalId: ExternalIdSchema,
          values: PushedSchema.properties.values,
          responsible: PushedSchema.properties.responsible,
        },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: BATCH_MOST },
    ),
  },
  { additionalProperties: false },
);

export const PushAnswerSchema = Type.Object({
  state: Type.Unsafe<'created' | 'updated' | 'unchanged' | 'returned' | 'rejected'>({
    type: 'string',
    enum: ['created', 'updated', 'unchanged', 'returned', 'rejected'],
  }),
  externalId: Type.String(),
  /** Our number; absent when rejected. */
  id: Type.Optional(Type.Integer()),
  version: Type.Optional(Type.String()),
  reasons: Type.Optional(Type.Array(Type.String())),
});
export type PushAnswer = Static<typeof PushAnswerSchema>;

/** What happened to the deal. */
export const DealEventSchema = Type.Union([
  Type.Object(
    {
      event: Type.Literal('stage'),
      /** As the agency calls it; null: none. */
      stage: Type.Union([Type.String({ minLength: 1, maxLength: 100 }), Type.Null()]),
    },
    { additionalProperties: false },
  ),
  Type.Object(
    {
      event: Type.Literal('status'),
      status: Type.Unsafe<MarketStatus>({ type: 'string', enum: [...MARKET_STATUSES] }),
      reservedUntil: Type.Optional(Type.Union([Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' }), Type.Null()])),
    },
    { additionalProperties: false },
  ),
  Type.Object({ event: Type.Literal('confirmed') }, { additionalProperties: false }),
]);
export type DealEvent = Static<typeof DealEventSchema>;

/** Views and calls of listings' days. What is not named stays as it was told before; null too: not known. */
export const AudienceBatchSchema = Type.Object(
  {
    rows: Type.Array(
      Type.Object(
        {
          externalId: ExternalIdSchema,
          board: Type.String({ minLength: 1, maxLength: 60 }),
          /** Where a board has several cabinets: the one, by its short name. */
          cabinet: Type.Optional(Type.String({ minLength: 1, maxLength: 60 })),
          day: Type.String({ maxLength: 30 }),
          views: Type.Optional(Type.Union([Type.Number(), Type.Null()])),
          calls: Type.Optional(Type.Union([Type.Number(), Type.Null()])),
        },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: BATCH_MOST },
    ),
  },
  { additionalProperties: false },
);
export type AudienceBatch = Static<typeof AudienceBatchSchema>;

export const AudienceAnswerSchema = Type.Object({
  /** In the order of the rows. */
  data: Type.Array(
    Type.Object({
      state: Type.Unsafe<'taken' | 'rejected'>({ type: 'string', enum: ['taken', 'rejected'] }),
      externalId: Type.String(),
      reasons: Type.Optional(Type.Array(Type.String())),
    }),
  ),
  added: Type.Integer(),
  replaced: Type.Integer(),
  same: Type.Integer(),
});
export type AudienceAnswer = Static<typeof AudienceAnswerSchema>;
