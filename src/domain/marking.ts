import Type, { type Static } from 'typebox';
import { DEAL_LABELS, DEALS, type Deal, KIND_LABELS, KINDS, type Kind } from './listing.ts';
import { formatKopecks } from './money.ts';

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

/** «квартира; продажа; филиалы Центр, Север; от 5 000 000 ₽». */
export function conditionText(
  { kinds, deals, branchIds, priceFromKopecks: from, priceToKopecks: to }: MarkingCondition,
  branchOf: (id: number) => string,
): string {
  const parts = [
    ...(kinds ? [kinds.map((kind) => KIND_LABELS[kind]).join(', ')] : []),
    ...(deals ? [deals.map((deal) => DEAL_LABELS[deal]).join(', ')] : []),
    ...(branchIds ? [`филиалы ${branchIds.map(branchOf).join(', ')}`] : []),
    ...(from === undefined ? [] : [`от ${formatKopecks(from)}`]),
    ...(to === undefined ? [] : [`до ${formatKopecks(to)}`]),
  ];
  return parts.length === 0 ? 'все объекты' : parts.join('; ');
}

/** What is wrong with a condition, in a sentence; null when nothing is. */
export function conditionFault({ priceFromKopecks: from, priceToKopecks: to }: MarkingCondition): string | null {
  return from !== undefined && to !== undefined && from > to ? 'Цена «от» больше цены «до».' : null;
}
