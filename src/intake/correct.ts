import { judgeOwnField } from '../boards/formats/codec.ts';
import { CODECS } from '../boards/formats/index.ts';
import { type Correction, type Corrections, canonicalJson, effective, fieldValue } from '../domain/corrections.ts';
import { Refusal } from '../domain/fault.ts';
import { type Family, FIELDS, type Listing, labelOf } from '../domain/listing.ts';
import { hasMaskedPhone } from '../domain/phones.ts';
import { hashOf } from '../store/hash.ts';
import type { ListingRow, saveCorrections } from '../store/marks.ts';
import { type FieldFault, fieldFaults } from './normalise.ts';

/** Corrections that a person makes over the source's values: proven here, whoever asks, and kept by the store. */

/** Fields that only the source tells. */
export const TAKEN_FROM_SOURCE: readonly string[] = ['externalId', 'boardFields'];

/** May a person correct it: a field of the listing, or one that a family alone has. */
export const isCorrectable = (field: string): boolean =>
  /^(avito|cian|yandex):.+/.test(field) ||
  ((FIELDS as readonly string[]).includes(field) && !TAKEN_FROM_SOURCE.includes(field));

/** What `saveCorrections` takes. */
export type ProvenCorrections = Parameters<typeof saveCorrections>[2];
type Corrected = Pick<ListingRow, 'values' | 'sourceValues' | 'corrections'>;

/** A correction as it is kept. @param value null: the field is to be empty */
export const correctionOf = (
  listing: Pick<ListingRow, 'sourceValues'>,
  field: string,
  value: unknown,
  by: string,
  now: Date,
): Correction => ({ value, basis: fieldValue(listing.sourceValues, field), by, at: now.toISOString() });

/**
 * The corrections of a listing with some fields set; null when nothing changes.
 * @param values by field; null: the field is to be empty
 * @throws Refusal `field-unknown`, `bad-value`
 */
export function withCorrections(
  listing: Corrected,
  values: Readonly<Record<string, unknown>>,
  by: string,
  now: Date,
): ProvenCorrections | null {
  const next: Corrections = { ...listing.corrections };
  for (const [field, value] of Object.entries(values)) {
    if (!isCorrectable(field)) throw new Refusal('field-unknown', `Поля «${field.slice(0, 60)}» нет.`, 2);
    // What lies there already is no correction of it.
    if (canonicalJson(fieldValue(listing.values, field)) === canonicalJson(value)) continue;
    next[field] = correctionOf(listing, field, value, by, now);
  }
  return proveCorrections(listing, next);
}

/**
 * Proves a listing with other corrections over it; null when nothing changes.
 * @throws Refusal `field-unknown`, `bad-value`
 */
export function proveCorrections(listing: Corrected, corrections: Corrections): ProvenCorrections | null {
  if (canonicalJson(corrections) === canonicalJson(listing.corrections)) return null;
  const { next, faults } = judgeCorrections(listing, corrections);
  const own = faults.find(({ isOwn }) => isOwn);
  if (own) throw new Refusal(own.code, own.message, own.code === 'field-unknown' ? 2 : 4);
  if (faults.length > 0)
    throw new Refusal('bad-value', `Исправление не принято. ${faults.map(({ message }) => message).join(' ')}`);
  return next;
}

/** What is wrong with one field of a corrected listing. */
export interface CorrectionFault extends FieldFault {
  readonly code: 'field-unknown' | 'bad-value';
  /** About a field that one family alone has. */
  readonly isOwn?: boolean;
}

/** The listing with other corrections over it, and everything that is wrong with it, field by field. */
export function judgeCorrections(
  listing: Corrected,
  corrections: Corrections,
): { readonly next: ProvenCorrections; readonly faults: readonly CorrectionFault[] } {
  const values = effective(listing.sourceValues, corrections);
  const ofValues = [...fieldFaults(values), ...maskedNumbers(listing, corrections)];
  const faults = [
    ...ofValues.map((fault) => ({ code: 'bad-value' as const, ...fault })),
    ...ownFaults(values, corrections),
  ];
  return { next: { corrections, values, valuesHash: hashOf(values), wasHash: hashOf(listing.values) }, faults };
}

/** Whoever may not see a number must not write its dots over it. */
function maskedNumbers(listing: Corrected, corrections: Corrections): FieldFault[] {
  return Object.entries(corrections)
    .filter(
      ([field, { value }]) => value !== listing.corrections[field]?.value && hasMaskedPhone(JSON.stringify(value)),
    )
    .map(([field]) => ({
      field,
      message: `${labelOf(field)}: вместо номера стоят точки, номер вам не виден.`,
    }));
}

/** Fields of a family set to what its table does not know. */
function ownFaults(values: Listing, corrections: Corrections): CorrectionFault[] {
  return Object.entries(corrections).flatMap(([field, { value }]): CorrectionFault[] => {
    const [family, ...rest] = field.split(':');
    if (rest.length === 0 || value === null) return [];
    const verdict = judgeOwnField(CODECS[family as Family], values, rest.join(':'));
    if (verdict === 'good') return [];
    const isUnknown = verdict === 'unknown';
    const message = isUnknown
      ? `Поля «${field}» у этого формата нет.`
      : `Поле «${field}»: значение ${briefly(value)} не подходит, или у такого объекта этого поля нет.`;
    return [{ code: isUnknown ? 'field-unknown' : 'bad-value', field, message, isOwn: true }];
  });
}

const briefly = (value: unknown) => (typeof value === 'string' ? `«${value.slice(0, 60)}»` : JSON.stringify(value));
