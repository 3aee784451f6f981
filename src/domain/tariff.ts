import Type, { type Static } from 'typebox';
import { addDays } from './days.ts';
import type { Basis } from './ledger.ts';
import { DEALS, type Deal, KINDS, type Kind } from './listing.ts';
import { KOPECKS_MAX } from './money.ts';

/**
 * What a cabinet's adverts cost: a tariff holds from a day on until the next one, and is never changed. A day's price
 * is that of the tariff which held when the day began.
 */

const oneOf = <const T extends readonly string[]>(values: T) => Type.Unsafe<T[number]>({ enum: [...values] });
const object = <P extends Parameters<typeof Type.Object>[0]>(properties: P) =>
  Type.Object(properties, { additionalProperties: false });
const kopecks = Type.Integer({ minimum: 0, maximum: KOPECKS_MAX });
const price = Type.Integer({ minimum: 0, maximum: 1e15 });

/** The first line that fits a listing is its price. */
export const PriceLineSchema = object({
  kind: Type.Optional(oneOf(KINDS)),
  deal: Type.Optional(oneOf(DEALS)),
  /** As the listing has it, whatever the case of its letters. */
  region: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  /** The listing's price, kopecks: from, inclusive; and below. */
  priceFrom: Type.Optional(price),
  priceBelow: Type.Optional(price),
  kopecks,
});
export type PriceLine = Static<typeof PriceLineSchema>;

const lines = Type.Array(PriceLineSchema, { minItems: 1, maxItems: 200 });

export const TariffTermsSchema = object({
  /**
   * A listing and day; in a cabinet that sells placements, one placement. The last line has no conditions, so that
   * nothing is free by oversight.
   */
  lines,
  /** The same for what exceeds the package; null: whatever has no place waits for its turn. */
  excess: Type.Union([lines, Type.Null()]),
  /** Paid levels by the board's own names (board-rules), for so many days. */
  promotion: Type.Array(
    object({
      level: Type.String({ minLength: 1, maxLength: 60 }),
      days: Type.Integer({ minimum: 1, maximum: 366 }),
      kopecks,
    }),
    { maxItems: 100 },
  ),
});
export type TariffTerms = Static<typeof TariffTermsSchema>;

export interface Tariff {
  readonly id: number;
  /** First day, in the cabinet's zone. */
  readonly validFrom: string;
  readonly terms: TariffTerms;
}

/** What a price depends on. Kept with every charge, so that it can be recomputed. */
export interface PriceFacts {
  readonly kind: Kind;
  readonly deal: Deal;
  readonly region: string | null;
  readonly priceKopecks: number | null;
}

/** The tariff of a day: the newest of those that begin latest. @param tariffs in any order */
export function tariffOf<T extends Tariff>(tariffs: readonly T[], day: string): T | null {
  let found: T | null = null;
  for (const tariff of tariffs) {
    if (tariff.validFrom > day) continue;
    const isLater =
      found === null ||
      tariff.validFrom > found.validFrom ||
      (tariff.validFrom === found.validFrom && tariff.id > found.id);
    if (isLater) found = tariff;
  }
  return found;
}

/** A tariff and the days on which it holds. */
export interface TariffPeriod<T extends Tariff> {
  readonly tariff: T;
  /** Last day; null: until the next tariff, whenever that comes. */
  readonly until: string | null;
}

/**
 * Tariffs in the order of their days, as `tariffOf` finds them. Whichever was replaced before it began is left out.
 * @param tariffs in any order
 */
export function periodsOf<T extends Tariff>(tariffs: readonly T[]): TariffPeriod<T>[] {
  const days = [...new Set(tariffs.map(({ validFrom }) => validFrom))].sort();
  return days.map((day, index) => {
    const next = days[index + 1];
    return { tariff: tariffOf(tariffs, day)!, until: next === undefined ? null : addDays(next, -1) };
  });
}

const fold = (text: string) => text.trim().toLocaleLowerCase('ru').replaceAll('ё', 'е');

/** Is it the same region, as a tariff looks at it? */
export const isSameRegion = (one: string, other: string): boolean => fold(one) === fold(other);

/** Regions a tariff names that no listing has: a misspelt one makes a line that nobody fits. */
export function regionsUnknown({ lines, excess }: TariffTerms, known: readonly string[]): string[] {
  const named = new Set([...lines, ...(excess ?? [])].flatMap(({ region }) => region ?? []));
  return [...named].filter((region) => !known.some((other) => isSameRegion(region, other)));
}

function fits(line: PriceLine, facts: PriceFacts): boolean {
  if (line.kind !== undefined && line.kind !== facts.kind) return false;
  if (line.deal !== undefined && line.deal !== facts.deal) return false;
  if (line.region !== undefined && (facts.region === null || !isSameRegion(line.region, facts.region))) return false;
  // A listing without a price has none of the ranges.
  if (line.priceFrom !== undefined && (facts.priceKopecks === null || facts.priceKopecks < line.priceFrom))
    return false;
  if (line.priceBelow !== undefined && (facts.priceKopecks === null || facts.priceKopecks >= line.priceBelow))
    return false;
  return true;
}

/** The price list for what a charge pays for; null: the tariff does not sell it. */
const listOf = (terms: TariffTerms, basis: Exclude<Basis, 'promotion'>) =>
  basis === 'excess-day' || basis === 'excess-placement' ? terms.excess : terms.lines;

/**
 * What a listing costs, kopecks; 0 is free. null: the tariff has no price for what exceeds the package.
 * @param basis anything but a promotion, whose price is found by `promotionPrice`
 */
export function priceOf(terms: TariffTerms, basis: Exclude<Basis, 'promotion'>, facts: PriceFacts): number | null {
  return listOf(terms, basis)?.find((line) => fits(line, facts))?.kopecks ?? null;
}

/** The place of the line that decides the price, counted from 0; null where there is no price. */
export function decidingLine(terms: TariffTerms, basis: Exclude<Basis, 'promotion'>, facts: PriceFacts): number | null {
  const index = listOf(terms, basis)?.findIndex((line) => fits(line, facts)) ?? -1;
  return index < 0 ? null : index;
}

/** The price of a promotion; null: the tariff does not sell it. */
export function promotionPrice(terms: TariffTerms, level: string, days: number): number | null {
  return terms.promotion.find((line) => line.level === level && line.days === days)?.kopecks ?? null;
}

const CONDITIONS = ['kind', 'deal', 'region', 'priceFrom', 'priceBelow'] as const;

/** What is wrong with a tariff besides its shape, in Russian sentences; empty when nothing. */
export function faultsOf(terms: TariffTerms): string[] {
  const faults: string[] = [];
  for (const [list, name] of [
    [terms.lines, 'Цены'],
    [terms.excess, 'Цены сверх пакета'],
  ] as const) {
    if (list === null) continue;
    list.forEach((line, index) => {
      const isLast = index === list.length - 1;
      const isOpen = CONDITIONS.every((condition) => line[condition] === undefined);
      if (isLast && !isOpen)
        faults.push(`${name}: последняя строка должна быть без условий, иначе часть объектов останется без цены.`);
      if (!isLast && isOpen)
        faults.push(`${name}, строка ${index + 1}: без условий, поэтому строки после неё никогда не подойдут.`);
      if (line.priceFrom !== undefined && line.priceBelow !== undefined && line.priceFrom >= line.priceBelow)
        faults.push(`${name}, строка ${index + 1}: цена «от» не меньше цены «до».`);
    });
  }
  const seen = new Set<string>();
  for (const { level, days } of terms.promotion) {
    const key = `${level}/${days}`;
    if (seen.has(key)) faults.push(`Продвижение ${level} на ${days} дн. названо дважды.`);
    seen.add(key);
  }
  return faults;
}
