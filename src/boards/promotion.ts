import type { Family, Listing } from '../domain/listing.ts';
import type { PaidLevel } from '../domain/promotion.ts';
import type { Package } from '../domain/settings.ts';
import type { TariffTerms } from '../domain/tariff.ts';
import type { Board, RuleSource } from './catalogue.ts';

/**
 * What costs money in a feed beside the place itself: own fields of a family that ask a board for something paid, and
 * the levels that a board sells. Where a cabinet has a tariff, nothing of it goes out that our ledger has not paid for.
 */

/** What a level does to one own field of a family: exactly one of `set`, `add` and `drop`. */
export interface PromotionWrite {
  readonly field: string;
  /** The field is a list of blocks, and this is one of their parts; what is put goes into the first block. */
  readonly part?: string;
  /** Becomes the value. */
  readonly set?: unknown;
  /** Joins the values that are there. */
  readonly add?: unknown;
  /** Values that would contradict the level. */
  readonly drop?: readonly unknown[];
}

/** A paid level as the board's file has it. */
export interface PromotionLevel {
  readonly code: string;
  readonly label: string;
  /** null: the level itself has no term. */
  readonly days: number | null;
  readonly needsPhotos: boolean;
  readonly writes: { readonly [F in Family]?: readonly PromotionWrite[] };
  readonly source: RuleSource;
  readonly checkedOn: string;
}

/** An own field of a family, or a part of its blocks, that asks a board for something paid. */
export interface PaidField {
  readonly family: Family;
  readonly field: string;
  readonly part?: string;
  /** Values that ask for nothing beyond the place, which the tariff pays for by the day. */
  readonly keeps: readonly unknown[];
  /** Values that let the board take money for the place beside the agency's package. */
  readonly overPackage: readonly unknown[];
  readonly why: string;
  readonly source: RuleSource;
  readonly checkedOn: string;
}

export interface BoardPromotion {
  /** Empty: we know of none. */
  readonly levels: readonly PromotionLevel[];
  readonly paidFields: readonly PaidField[];
}

/** The levels of a board for a cabinet of a family. */
export function paidLevels({ promotion }: Pick<Board, 'promotion'>, family: Family): PaidLevel[] {
  const single = (level: PromotionLevel) =>
    (level.writes[family] ?? []).filter(({ set }) => set !== undefined).map(({ field, part }) => `${field}/${part}`);
  return promotion.levels.map((level) => {
    const mine = single(level);
    const clashes = promotion.levels.filter(
      (other) => other === level || single(other).some((at) => mine.includes(at)),
    );
    const { code, label, days, needsPhotos } = level;
    return { code, label, days, needsPhotos, clashes: clashes.map((other) => other.code) };
  });
}

/** What a cabinet's money says of the paid fields of one listing. */
export interface PromotionDress {
  /** Nothing is sold over the package, so no place may be paid for beside it. */
  readonly isPackageOnly: boolean;
  /** Codes of the levels that are paid for. */
  readonly levels: readonly string[];
}

/**
 * How a listing of a cabinet is to be dressed.
 * @param terms the tariff in force; null: the cabinet's money is off, and what the source asks for goes out as it is
 * @param levels what `promotionsOn` has for the listing
 */
export function promotionDress(
  terms: Pick<TariffTerms, 'excess'> | null,
  pack: Package | null,
  levels: readonly string[] = [],
): PromotionDress | undefined {
  return terms === null ? undefined : { isPackageOnly: pack !== null && terms.excess === null, levels };
}

/** What of it an offer depends on, besides the board's own file; empty when the money is off. */
export const promotionKey = (dress: PromotionDress | undefined): string =>
  dress === undefined ? '' : `${dress.isPackageOnly ? 'package' : 'any'} ${dress.levels.join()}`;

/** The listing without paid wishes of its own and with the levels that are paid for. Pure; the same object if nothing changes. */
export function withPromotion(
  values: Listing,
  { isPackageOnly, levels }: PromotionDress,
  { families, promotion }: Pick<Board, 'families' | 'promotion'>,
): Listing {
  const changed: { [F in Family]?: Record<string, unknown> } = {};
  const valueOf = (family: Family, field: string) => (changed[family] ?? values.boardFields?.[family])?.[field];
  const put = (family: Family, field: string, value: unknown) => {
    if (value === valueOf(family, field)) return;
    const own = changed[family] ?? { ...values.boardFields?.[family] };
    changed[family] = own;
    if (value === undefined) delete own[field];
    else own[field] = value;
  };
  for (const { family, field, part, keeps, overPackage } of promotion.paidFields) {
    const mayStay = (value: unknown) => keeps.includes(value) || (!isPackageOnly && overPackage.includes(value));
    put(family, field, kept(valueOf(family, field), part, mayStay));
  }
  for (const level of promotion.levels) {
    if (!levels.includes(level.code)) continue;
    for (const family of families) {
      for (const write of level.writes[family] ?? [])
        put(family, write.field, written(valueOf(family, write.field), write));
    }
  }
  return Object.keys(changed).length === 0 ? values : { ...values, boardFields: { ...values.boardFields, ...changed } };
}

type Block = Readonly<Record<string, unknown>>;

/** What of a value may stay: the same one, fewer of its items, or undefined. */
function kept(value: unknown, part: string | undefined, mayStay: (value: unknown) => boolean): unknown {
  if (value === undefined) return undefined;
  if (part === undefined) {
    if (!Array.isArray(value)) return mayStay(value) ? value : undefined;
    return shortened(value, value.filter(mayStay));
  }
  // No block, no part of one: the codec writes only lists of blocks.
  const blocks = Array.isArray(value) ? value.filter(isBlock) : [];
  const left = blocks.map((block) => {
    const inner = kept(block[part], undefined, mayStay);
    if (inner === block[part]) return block;
    const { [part]: _, ...others } = block;
    return inner === undefined ? others : { ...others, [part]: inner };
  });
  const full = left.filter((block) => Object.keys(block).length > 0);
  return shortened(value, full);
}

const isBlock = (value: unknown): value is Block =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The list as it was when all of it is left. */
function shortened(before: unknown, after: readonly unknown[]): unknown {
  if (after.length === 0) return undefined;
  const isSame =
    Array.isArray(before) && before.length === after.length && after.every((one, at) => one === before[at]);
  return isSame ? before : after;
}

function written(value: unknown, { part, set, add, drop }: PromotionWrite): unknown {
  if (drop !== undefined) return kept(value, part, (one) => !drop.includes(one));
  const put = (before: unknown) => (set !== undefined ? set : [...(Array.isArray(before) ? before : []), add]);
  if (part === undefined) return put(value);
  const [first = {}, ...others] = Array.isArray(value) ? value.filter(isBlock) : [];
  return [{ ...first, [part]: put(first[part]) }, ...others];
}
