import Type, { type Static } from 'typebox';
import { DEALS, type Deal, KINDS, type Kind } from './listing.ts';

/** Marking rules: which new listings are marked for which cabinets by themselves. */

const oneOf = <const T extends readonly string[]>(values: T) => Type.Unsafe<T[number]>({ enum: [...values] });
const price = () => Type.Optional(Type.Integer({ minimum: 0, maximum: 1e15 }));

/** What is absent asks nothing. Both prices inclusive. */
export const MarkingConditionSchema = Type.Object(
  {
    kinds: Type.Optional(Type.Array(oneOf(KINDS), { minItems: 1, uniqueItems: true })),
    deals: Type.Optional(Type.Array(oneOf(DEALS), { minItems: 1, uniqueItems: true })),
    branchIds: Type.Optional(Type.Array(Type.Integer(), { minItems: 1, uniqueItems: true })),
    priceFromKopecks: price(),
    priceToKopecks: price(),
  },
  { additionalProperties: false },
);
export type MarkingCondition = Static<typeof MarkingConditionSchema>;

/** What a rule can see of a listing. */
export interface MarkingFacts {
  readonly kind: Kind;
  readonly deal: Deal;
  readonly branchId: number | null;
  readonly priceKopecks: number | null;
}

/** Does the listing fit? What is unknown fits no demand. */
export function fits(when: MarkingCondition, { kind, deal, branchId, priceKopecks }: MarkingFacts): boolean {
  if (when.kinds && !when.kinds.includes(kind)) return false;
  if (when.deals && !when.deals.includes(deal)) return false;
  if (when.branchIds && (branchId === null || !when.branchIds.includes(branchId))) return false;
  const { priceFromKopecks: from, priceToKopecks: to } = when;
  if (from === undefined && to === undefined) return true;
  if (priceKopecks === null) return false;
  return (from === undefined || priceKopecks >= from) && (to === undefined || priceKopecks <= to);
}

/** What is wrong with a condition, in a sentence; null when nothing is. */
export function conditionFault({ priceFromKopecks: from, priceToKopecks: to }: MarkingCondition): string | null {
  return from !== undefined && to !== undefined && from > to ? 'Цена «от» больше цены «до».' : null;
}
