import Type, { type Static, type TSchema } from 'typebox';
import { MarkingConditionSchema } from '../domain/marking.ts';

/** Marks that nobody makes by hand, and texts that are written by templates. */

export type { MarkingCondition } from '../domain/marking.ts';

const nullable = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()]);
const body = <P extends Parameters<typeof Type.Object>[0]>(properties: P) =>
  Type.Object(properties, { additionalProperties: false });
const count = Type.Integer();
const choice = Type.Array(Type.Object({ value: Type.String(), label: Type.String() }));
const named = Type.Array(Type.Object({ id: count, name: Type.String() }));

export const MarkingRuleBodySchema = body({
  name: Type.String({ minLength: 1, maxLength: 100, pattern: '\\S' }),
  when: MarkingConditionSchema,
  cabinetIds: Type.Array(Type.Integer(), { minItems: 1, maxItems: 100, uniqueItems: true }),
  /** null: by the agency's settings. */
  termDays: nullable(Type.Integer({ minimum: 1, maximum: 3650 })),
  isActive: Type.Boolean(),
});
export type MarkingRuleBody = Static<typeof MarkingRuleBodySchema>;

export const MarkingRuleSchema = Type.Object({
  id: count,
  ...MarkingRuleBodySchema.properties,
  /** «квартира; продажа; от 5 000 000 ₽». */
  sentence: Type.String(),
  cabinets: Type.Array(Type.String()),
  version: Type.String(),
});
export type MarkingRuleLine = Static<typeof MarkingRuleSchema>;

export const MarkingRulesSchema = Type.Object({
  data: Type.Array(MarkingRuleSchema),
  /** Cabinets that take every new listing; set in their own settings. */
  byDefault: Type.Array(Type.String()),
  cabinets: named,
  branches: named,
  kinds: choice,
  deals: choice,
  may: Type.Object({ rules: Type.Boolean() }),
});
export type MarkingRulesAnswer = Static<typeof MarkingRulesSchema>;

export const MarkingTrialSchema = Type.Object({
  cabinets: Type.Array(Type.Object({ id: count, name: Type.String(), marks: count })),
  /** Of all of them: how many would go out, how many lack money, and what they cost. */
  marks: count,
  published: count,
  unfunded: count,
  todayKopecks: count,
  aheadKopecks: count,
});
export type MarkingTrial = Static<typeof MarkingTrialSchema>;

export const MarkingAppliedSchema = Type.Object({
  cabinets: Type.Array(Type.Object({ id: count, name: Type.String(), marks: count })),
});

// ---------------------------------------------------------------------------------------------------------------------

export const TextWordsSchema = Type.Object({
  /** What can be put into a template: `{areaM2}`. */
  placeholders: Type.Array(Type.Object({ name: Type.String(), label: Type.String() })),
  /** What a formula may use. */
  fields: Type.Array(Type.Object({ name: Type.String(), label: Type.String() })),
  functions: Type.Array(Type.String()),
});
export type TextWords = Static<typeof TextWordsSchema>;

/** A template tried on a listing; without a template what the agency has now. */
export const TextTrySchema = body({
  listingId: Type.Optional(Type.Integer()),
  template: Type.Optional(Type.String({ maxLength: 10_000 })),
  formula: Type.Optional(Type.String({ maxLength: 500 })),
});
export type TextTryBody = Static<typeof TextTrySchema>;

export const TextTrialSchema = Type.Object({
  faults: Type.Array(Type.String()),
  /** Values that change with time, while a description is written once. */
  changeable: Type.Array(Type.String()),
  listing: nullable(Type.Object({ id: count, externalId: Type.String(), heading: Type.String() })),
  text: nullable(Type.String()),
  chars: count,
  computed: Type.Array(Type.Object({ name: Type.String(), label: Type.String(), told: nullable(Type.String()) })),
});
export type TextTrial = Static<typeof TextTrialSchema>;
