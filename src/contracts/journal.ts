import Type, { type Static } from 'typebox';

/** Who did what, and from what to what. */

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Day = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' });

export const JournalQuery = Type.Object(
  {
    /** A part of the name. */
    who: Type.Optional(Type.String({ maxLength: 200 })),
    action: Type.Optional(Type.Array(Type.String({ maxLength: 60 }), { maxItems: 100 })),
    /** Our number. */
    listing: Type.Optional(Type.Integer()),
    cabinet: Type.Optional(Type.Integer()),
    /** Days of the agency's calendar, both inclusive. */
    from: Type.Optional(Day),
    to: Type.Optional(Day),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })),
    after: Type.Optional(Type.String({ maxLength: 200 })),
  },
  { additionalProperties: false },
);

export const EntrySchema = Type.Object({
  id: Type.Integer(),
  at: Type.String(),
  by: Type.String(),
  action: Type.String(),
  /** «Изменена строка графика телефонов» */
  title: Type.String(),
  /** «Продажа актуальна: 30 дней → 20 дней» */
  lines: Type.Array(Type.String()),
  listing: Nullable(Type.Object({ id: Type.Integer(), externalId: Type.String() })),
  cabinet: Nullable(Type.Object({ id: Type.Integer(), label: Type.String() })),
});
export type Entry = Static<typeof EntrySchema>;

export const JournalSchema = Type.Object({
  data: Type.Array(EntrySchema),
  page: Type.Object({ next: Nullable(Type.String()), total: Type.Null() }),
});
export type Journal = Static<typeof JournalSchema>;

/** What the journal may be asked for. */
export const JournalWordsSchema = Type.Object({
  groups: Type.Array(
    Type.Object({
      title: Type.String(),
      actions: Type.Array(Type.Object({ action: Type.String(), label: Type.String() })),
    }),
  ),
  cabinets: Type.Array(Type.Object({ id: Type.Integer(), label: Type.String() })),
});
export type JournalWords = Static<typeof JournalWordsSchema>;
