import { proofOf } from '../boards/check.ts';
import type { ReadResult } from '../boards/formats/codec.ts';
import { readPhone } from '../boards/formats/phone.ts';
import { type Listing, ListingSchema, labelOf } from '../domain/listing.ts';
import { agree, cleanText } from '../domain/text.ts';

/**
 * From what a codec read to a listing that may be stored, or to the reasons why not.
 */

/** Russian phone numbers in running text: +7, 7 or 8 and ten digits, or a mobile number without a prefix. */
const PHONE_IN_TEXT =
  /(?<![\d+])(?:(?:\+7|8|7)[\s\u00A0\-–—]*\(?\d{3,5}\)?|\(?9\d{2}\)?)(?:[\s\u00A0\-–—]*\d){5,7}(?!\d)/g;

export interface TextPhones {
  readonly text: string;
  /** Numbers that are not the contact's. */
  readonly foreign: number;
}

/**
 * Puts `{phone}` where a text repeats the contact's main number, so that another number can be dressed in per board.
 * A second contact's number is one of its own: it stays, and is told like any other.
 * @param contact E.164
 */
export function hideContact(text: string, contact: string | undefined): TextPhones {
  let foreign = 0;
  const hidden = text.replace(PHONE_IN_TEXT, (found) => {
    const phone = readPhone(found);
    if (phone === undefined) return found;
    if (phone === contact) return '{phone}';
    foreign++;
    return found;
  });
  return { text: hidden, foreign };
}

const validate = proofOf(ListingSchema, { allErrors: true });

/** Years before this one in a creation date are a program's zero date, not a date. */
const EARLIEST_YEAR = 1990;

/** What is wrong with one field, as a Russian sentence. */
export interface FieldFault {
  readonly field: string;
  readonly message: string;
}

/** Why an offer cannot become a listing: Russian sentences, all of them at once; empty when it can. */
export const faultsOf = (listing: Partial<Listing>): string[] => fieldFaults(listing).map(({ message }) => message);

/** The same with the field that each is about. */
export function fieldFaults(listing: Partial<Listing>): FieldFault[] {
  const faults: FieldFault[] = [];
  const add = (field: string, message: string) => {
    if (!faults.some((fault) => fault.message === message)) faults.push({ field, message });
  };
  if (!validate(listing)) {
    for (const error of validate.errors ?? []) {
      const field = error.instancePath.split('/')[1] ?? String(error.params.missingProperty ?? '');
      const value = (listing as Record<string, unknown>)[field];
      const told =
        typeof value === 'object' ? '' : ` ${field === 'priceKopecks' ? Number(value) / 100 : String(value)}`;
      const sentence =
        error.keyword === 'required'
          ? `${labelOf(field)}: не указан.`
          : `${labelOf(field)}: недопустимое значение${told.slice(0, 80)}${boundOf(error)}.`;
      add(field, sentence);
    }
  }
  const { floor, floorsTotal, createdAt } = listing;
  if (floor !== undefined && floorsTotal !== undefined && floorsTotal > 0 && floor > floorsTotal) {
    add('floor', `${labelOf('floor')}: ${floor}, а этажей в доме ${floorsTotal}.`);
  }
  for (const [field, value] of [
    ['createdAt', createdAt],
    ['updatedAt', listing.updatedAt],
  ] as const) {
    if (value !== undefined && Number(value.slice(0, 4)) < EARLIEST_YEAR) {
      add(field, `${labelOf(field)}: ${value.slice(0, 10)} — пустая дата программы, а не дата объявления.`);
    }
  }
  return faults;
}

function boundOf(error: { keyword: string; params: Record<string, unknown> }): string {
  const limit = error.params.limit;
  switch (error.keyword) {
    case 'minimum':
      return `, нужно не меньше ${limit}`;
    case 'exclusiveMinimum':
      return `, нужно больше ${limit}`;
    case 'maximum':
      return `, нужно не больше ${limit}`;
    case 'maxLength':
      return `, нужно не длиннее ${limit} ${agree(Number(limit), 'знака', 'знаков', 'знаков')}`;
    case 'maxItems':
      return `, нужно не больше ${limit}`;
    case 'enum':
      return `, можно: ${(error.params.allowedValues as unknown[]).join(', ')}`;
    default:
      return '';
  }
}

export interface Normalised {
  readonly listing: Listing | undefined;
  readonly externalId: string | undefined;
  readonly faults: readonly string[];
  readonly foreignPhones: number;
}

/** Cleans texts, hides the contact's number in them and proves the result. */
export function normalise(read: ReadResult): Normalised {
  if (!read.listing) {
    return {
      listing: undefined,
      externalId: read.externalId,
      faults: [`Не понятно, что это за объект: ${read.kindProblem || 'не указаны вид и сделка'}.`],
      foreignPhones: 0,
    };
  }
  const listing: Record<string, unknown> = { ...read.listing };
  let foreignPhones = 0;
  for (const field of ['title', 'description'] as const) {
    const value = listing[field];
    if (typeof value !== 'string') continue;
    const { text, foreign } = hideContact(cleanText(value), read.listing.contactPhones?.[0]);
    foreignPhones += foreign;
    if (text === '') delete listing[field];
    else listing[field] = text;
  }
  const faults = faultsOf(listing as Partial<Listing>);
  const externalId = read.listing.externalId;
  return {
    listing: faults.length === 0 ? (listing as Listing) : undefined,
    externalId,
    faults,
    foreignPhones,
  };
}
