import type { Outcome } from './gates.ts';

/** A day of a cabinet as bytes: one per mark for its outcome, two or four for its unit. */

/** The byte of each outcome. Written to the database for ever: a number is never given twice. */
export const OUTCOME_CODES: Readonly<Record<Outcome, number>> = {
  published: 1,
  'off-market': 2,
  'out-of-term': 3,
  stale: 4,
  blocked: 5,
  'awaiting-moderation': 6,
  returned: 7,
  paused: 8,
  duplicate: 9,
  'waiting-turn': 10,
  unfunded: 11,
};

/** No mark, or never decided. */
export const NO_OUTCOME = 0;
const OUTCOME_OF = new Map(Object.entries(OUTCOME_CODES).map(([outcome, code]) => [code, outcome as Outcome]));

/** The byte of an outcome; a mark that was taken off has none. */
export const codeOf = (outcome: Outcome | 'unmarked'): number =>
  outcome === 'unmarked' ? NO_OUTCOME : OUTCOME_CODES[outcome];

/** The outcome of a byte; null for {@link NO_OUTCOME}. */
export function outcomeOf(code: number): Outcome | null {
  if (code === NO_OUTCOME) return null;
  const outcome = OUTCOME_OF.get(code);
  if (outcome === undefined) throw new Error(`No outcome has the code ${code}`);
  return outcome;
}

/** A transition as the day sees it. */
export interface Change {
  readonly ordinal: number;
  readonly outcome: Outcome | 'unmarked';
  /** It is older than the day and came too late for the day before: it only changes where the day starts from. */
  readonly isOlder: boolean;
}

/** How a day ended: from here the next one starts. */
export interface Closing {
  /** The last transition that is in it. */
  readonly throughId: number;
  readonly codes: Uint8Array;
}

/**
 * A day from the end of the one before and its changes, in the order they came about.
 * `published` if the mark was published at the day's start or became so in it, else the last outcome before midnight.
 */
export function playDay(
  before: Uint8Array,
  changes: readonly Change[],
): { readonly outcomes: Uint8Array; readonly closing: Uint8Array } {
  const length = changes.reduce((most, { ordinal }) => Math.max(most, ordinal + 1), before.length);
  const closing = new Uint8Array(length);
  closing.set(before);
  const firstOwn = changes.findIndex(({ isOlder }) => !isOlder);
  const own = firstOwn < 0 ? changes.length : firstOwn;
  for (const { ordinal, outcome } of changes.slice(0, own)) closing[ordinal] = codeOf(outcome);
  const published: number[] = [];
  const start = closing.slice();
  for (const { ordinal, outcome, isOlder } of changes.slice(own)) {
    closing[ordinal] = codeOf(outcome);
    if (outcome === 'published' && !isOlder) published.push(ordinal);
  }
  const outcomes = closing.slice();
  for (let ordinal = 0; ordinal < length; ordinal++) {
    if (start[ordinal] === OUTCOME_CODES.published) outcomes[ordinal] = OUTCOME_CODES.published;
  }
  for (const ordinal of published) outcomes[ordinal] = OUTCOME_CODES.published;
  return { outcomes, closing };
}

const HEAD_BYTES = 8;

/** The number of the last transition in eight bytes, then the codes. */
export function packClosing({ throughId, codes }: Closing): Uint8Array {
  const packed = new Uint8Array(HEAD_BYTES + codes.length);
  new DataView(packed.buffer).setBigUint64(0, BigInt(throughId), true);
  packed.set(codes, HEAD_BYTES);
  return packed;
}

export function unpackClosing(packed: Uint8Array): Closing {
  const view = new DataView(packed.buffer, packed.byteOffset);
  return { throughId: Number(view.getBigUint64(0, true)), codes: packed.subarray(HEAD_BYTES) };
}

/** Units as a vector: the width (2 or 4), then each number in so many bytes, little end first. 0: none. */
export function packUnits(units: Uint32Array): Uint8Array {
  const width = units.some((unit) => unit > 0xffff) ? 4 : 2;
  const packed = new Uint8Array(1 + units.length * width);
  packed[0] = width;
  const view = new DataView(packed.buffer);
  for (let ordinal = 0; ordinal < units.length; ordinal++) {
    if (width === 2) view.setUint16(1 + ordinal * 2, units[ordinal]!, true);
    else view.setUint32(1 + ordinal * 4, units[ordinal]!, true);
  }
  return packed;
}

export function unpackUnits(packed: Uint8Array): Uint32Array {
  const width = packed[0] === 4 ? 4 : 2;
  const units = new Uint32Array((packed.length - 1) / width);
  for (let ordinal = 0, at = 1; ordinal < units.length; ordinal++, at += width) {
    const low = packed[at]! | (packed[at + 1]! << 8);
    units[ordinal] = width === 2 ? low : (low | (packed[at + 2]! << 16) | (packed[at + 3]! << 24)) >>> 0;
  }
  return units;
}

const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/**
 * What stands for each unit in a table, 0 for none: {@link unpackUnits} and a look into the table in one go, for a
 * report reads hundreds of such vectors.
 * @param table by the unit's number, with a 0 at 0
 */
export function mapUnits(packed: Uint8Array, table: Uint16Array): Uint16Array {
  const isNative = packed[0] === 2 && IS_LITTLE_ENDIAN;
  // Copied to a place of its own: numbers of two bytes cannot be read from an odd place.
  const units = isNative ? new Uint16Array(new Uint8Array(packed.subarray(1)).buffer) : unpackUnits(packed);
  const mapped = new Uint16Array(units.length);
  for (let ordinal = 0; ordinal < units.length; ordinal++) mapped[ordinal] = table[units[ordinal]!] ?? 0;
  return mapped;
}

export type OutcomeCounts = Partial<Record<Outcome, number>>;

/**
 * How many marks had each outcome.
 * @param isCounted by unit, 1 counts; absent: all marks
 */
export function countOutcomes(
  outcomes: Uint8Array,
  units?: { readonly packed: Uint8Array; readonly isCounted: Uint8Array },
): OutcomeCounts {
  const histogram = new Uint32Array(256);
  if (units === undefined) {
    for (let ordinal = 0; ordinal < outcomes.length; ordinal++) histogram[outcomes[ordinal]!]!++;
  } else {
    const { isCounted } = units;
    const unpacked = unpackUnits(units.packed);
    for (let ordinal = 0; ordinal < outcomes.length; ordinal++) {
      // Multiplied and not asked: a guess that fails at every other mark costs more than the whole count.
      histogram[outcomes[ordinal]! * (isCounted[unpacked[ordinal]!] ?? 0)]!++;
    }
  }
  const counts: OutcomeCounts = {};
  for (const [outcome, code] of Object.entries(OUTCOME_CODES)) {
    if (histogram[code]! > 0) counts[outcome as Outcome] = histogram[code]!;
  }
  return counts;
}
