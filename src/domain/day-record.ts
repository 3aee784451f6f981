import type { Outcome } from './gates.ts';

/** A day of a cabinet as bytes: one per mark for its outcome, two or four for its unit, or only the units that changed. */

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

/** Where a vector of units would begin with its width, changes begin with this; nor does anything deflated begin so. */
const CHANGES = 3;
const DAY_CHARS = 10;

/** The units of a day as they differ from the whole vector of an earlier day. */
export interface UnitChanges {
  readonly baseDay: string;
  /** How many marks the day has. */
  readonly length: number;
  /** Ascending. */
  readonly ordinals: Uint32Array;
  readonly units: Uint32Array;
}

/** Whose the marks were on a day. */
export interface DayUnits {
  /** As {@link packUnits} made it: of the day itself, or of the earlier one that the changes are told against. */
  readonly whole: Uint8Array;
  readonly changes: UnitChanges | null;
}

/**
 * Units as what differs from a whole vector: {@link CHANGES}, the other day as text, then numbers of seven bits a byte,
 * low end first: how many marks, how many changes, and of each change how far it lies from the one before and its unit.
 */
export function packUnitChanges(baseDay: string, whole: Uint8Array, units: Uint32Array): Uint8Array {
  const base = unpackUnits(whole);
  const bytes = [CHANGES, ...Array.from({ length: DAY_CHARS }, (_, at) => baseDay.charCodeAt(at))];
  const put = (value: number) => {
    let rest = value;
    for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
    bytes.push(rest);
  };
  const changed: number[] = [];
  for (let ordinal = 0; ordinal < units.length; ordinal++)
    if (units[ordinal] !== (base[ordinal] ?? 0)) changed.push(ordinal);
  put(units.length);
  put(changed.length);
  let last = 0;
  for (const ordinal of changed) {
    put(ordinal - last);
    put(units[ordinal]!);
    last = ordinal;
  }
  return Uint8Array.from(bytes);
}

/** What {@link packUnitChanges} made; null: it is something else. */
export function unpackUnitChanges(packed: Uint8Array): UnitChanges | null {
  if (packed[0] !== CHANGES) return null;
  let at = 1 + DAY_CHARS;
  const next = () => {
    let [value, shift] = [0, 0];
    for (; packed[at]! > 0x7f; shift += 7) value |= (packed[at++]! & 0x7f) << shift;
    return (value | (packed[at++]! << shift)) >>> 0;
  };
  const length = next();
  const count = next();
  const [ordinals, units] = [new Uint32Array(count), new Uint32Array(count)];
  for (let index = 0, ordinal = 0; index < count; index++) {
    ordinal += next();
    ordinals[index] = ordinal;
    units[index] = next();
  }
  if (at !== packed.length) throw new Error(`Changes of units have ${packed.length} bytes and not ${at}`);
  return { baseDay: String.fromCharCode(...packed.subarray(1, 1 + DAY_CHARS)), length, ordinals, units };
}

/** The unit of each mark on a day. */
export function unitsOfDay({ whole, changes }: DayUnits): Uint32Array {
  const base = unpackUnits(whole);
  if (!changes) return base;
  const units = new Uint32Array(changes.length);
  units.set(base.subarray(0, changes.length));
  for (const [index, ordinal] of changes.ordinals.entries()) units[ordinal] = changes.units[index]!;
  return units;
}

const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/**
 * What stands for each unit in a table, 0 for none: {@link unitsOfDay} and a look into the table in one go, for a
 * report reads hundreds of such vectors. A whole vector that days share is looked up once.
 */
export class UnitMap {
  readonly #table: Uint16Array;
  readonly #beyond: number;
  readonly #wholes = new WeakMap<Uint8Array, Uint16Array>();

  /**
   * @param table by the unit's number, with a 0 at 0
   * @param beyond stands for units that the table does not reach
   */
  constructor(table: Uint16Array, beyond = 0) {
    this.#table = table;
    this.#beyond = beyond;
  }

  /** @returns what is not to be written into: days may share it */
  of({ whole, changes }: DayUnits): Uint16Array {
    const base = this.#wholes.get(whole) ?? this.#mapped(whole);
    this.#wholes.set(whole, base);
    if (!changes) return base;
    const mapped = new Uint16Array(changes.length);
    mapped.set(base.length > changes.length ? base.subarray(0, changes.length) : base);
    const { ordinals, units } = changes;
    for (let index = 0; index < ordinals.length; index++)
      mapped[ordinals[index]!] = this.#table[units[index]!] ?? this.#beyond;
    return mapped;
  }

  #mapped(packed: Uint8Array): Uint16Array {
    const isNative = packed[0] === 2 && IS_LITTLE_ENDIAN;
    // Copied to a place of its own: numbers of two bytes cannot be read from an odd place.
    const units = isNative ? new Uint16Array(new Uint8Array(packed.subarray(1)).buffer) : unpackUnits(packed);
    const mapped = new Uint16Array(units.length);
    for (let ordinal = 0; ordinal < units.length; ordinal++)
      mapped[ordinal] = this.#table[units[ordinal]!] ?? this.#beyond;
    return mapped;
  }
}

export type OutcomeCounts = Partial<Record<Outcome, number>>;

/**
 * How many marks had each outcome.
 * @param isCounted by ordinal, 1 counts; absent: all marks
 */
export function countOutcomes(outcomes: Uint8Array, isCounted?: Uint16Array): OutcomeCounts {
  const histogram = new Uint32Array(256);
  if (isCounted === undefined) {
    for (let ordinal = 0; ordinal < outcomes.length; ordinal++) histogram[outcomes[ordinal]!]!++;
  } else {
    // Multiplied and not asked: a guess that fails at every other mark costs more than the whole count.
    const known = Math.min(outcomes.length, isCounted.length);
    for (let ordinal = 0; ordinal < known; ordinal++) histogram[outcomes[ordinal]! * isCounted[ordinal]!]!++;
  }
  const counts: OutcomeCounts = {};
  for (const [outcome, code] of Object.entries(OUTCOME_CODES)) {
    if (histogram[code]! > 0) counts[outcome as Outcome] = histogram[code]!;
  }
  return counts;
}
