import type { Listing } from '../../../domain/listing.ts';
import {
  type Draft,
  valueOf as fieldOf,
  type Grade,
  type LeafType,
  type Row,
  type RowOptions,
  type Shape,
} from '../codec.ts';
import { type Conversion, date, dateTime, decimal, flag, integer, kit } from '../kit.ts';
import type { Element } from '../xml.ts';

/** Builders of rows that Avito needs beside the common ones, and the shapes its sections speak of. */

export const { leaf, own, refined, options, group } = kit('avito');

// ---------------------------------------------------------------- shapes

export const FLAT: Shape = { kind: ['flat'] };
export const FLAT_SALE: Shape = { kind: ['flat'], deal: ['sale'] };
/** An untold market is an ordinary flat: only new ones must say so. */
export const FLAT_RESALE: Shape = { kind: ['flat'], deal: ['sale'], market: ['resale', undefined] };
export const FLAT_NEW: Shape = { kind: ['flat'], deal: ['sale'], market: ['new'] };
export const FLAT_RENT: Shape = { kind: ['flat'], deal: ['rent'] };
export const FLAT_DAILY: Shape = { kind: ['flat'], deal: ['daily-rent'] };
export const FLAT_LET: Shape = { kind: ['flat'], deal: ['rent', 'daily-rent'] };
export const ROOM: Shape = { kind: ['room', 'bed'] };
export const ROOM_LET: Shape = { kind: ['room', 'bed'], deal: ['rent', 'daily-rent'] };
export const HOUSE: Shape = { kind: ['house'] };
export const HOUSE_SALE: Shape = { kind: ['house'], deal: ['sale'] };
export const HOUSE_RENT: Shape = { kind: ['house'], deal: ['rent'] };
export const HOUSE_DAILY: Shape = { kind: ['house'], deal: ['daily-rent'] };
export const HOUSE_LET: Shape = { kind: ['house'], deal: ['rent', 'daily-rent'] };
export const LAND: Shape = { kind: ['land'] };
export const GARAGE: Shape = { kind: ['garage'] };
export const COMMERCIAL: Shape = { kind: ['commercial'] };

// ---------------------------------------------------------------- where a fact is from

const GRADES: readonly (readonly [RegExp, Grade])[] = [
  [/^O/, 'official'],
  [/^V/, 'vendor'],
  [/^R/, 'production'],
  [/^C/, 'code'],
];

/**
 * Source tags of formats/avito.md and the best grade among them.
 * @example seen('V1 C1 R1') // { source: 'V1 C1 R1', grade: 'vendor' }
 */
export function seen(source: string): { source: string; grade: Grade } {
  const tags = source.split(' ');
  const best = GRADES.find(([letter]) => tags.some((tag) => letter.test(tag)));
  return { source, grade: best?.[1] ?? 'low' };
}

// ---------------------------------------------------------------- conversions

/** Avito's yes and no. */
export const yesNo = () => flag('Да', 'Нет');

/** Reads only what it could write: a number out of bounds is a mistake to report, not a value. */
export function strict<T>(conversion: Conversion<T>): Conversion<T> {
  return {
    ...conversion,
    read(raw) {
      const value = conversion.read(raw);
      return value === undefined || conversion.write(value) === undefined ? undefined : value;
    },
  };
}

export const area = (samples: [number, number] = [54.3, 40]) => strict(decimal({ moreThan: 0, samples }));
export const count = (min: number, max: number, samples?: [number, number]) => strict(integer(min, max, samples));

/** The largest sum a listing takes. */
const MAX_KOPECKS = 1e15;

/** Whole roubles, as every price of Avito; kopecks of the listing are rounded to the nearest rouble. */
export const wholeRoubles: Conversion<number> = {
  type: { type: 'integer', min: 0 },
  write: (kopecks) => (kopecks >= 0 && kopecks <= MAX_KOPECKS ? String(Math.round(kopecks / 100)) : undefined),
  read(raw) {
    const value = decimal({ min: 0 }).read(raw.replace(/(руб\.?|₽|р\.)\s*$/i, ''));
    const kopecks = Math.round((value ?? -1) * 100);
    return kopecks >= 0 && kopecks <= MAX_KOPECKS ? kopecks : undefined;
  },
  samples: [5_000_000, 0],
};

/**
 * A day, or a moment with an offset. The two differ for Avito: a bare day begins at its start and ends at its end,
 * Moscow time, so it is never completed to a moment. Dotted days and blanks for `T` are read.
 */
export function dayOrMoment(): Conversion<string> {
  const day = date();
  const moment = dateTime();
  const isDay = (value: string) => /^\d{4}-\d{2}-\d{2}$/.test(value);
  return {
    type: { type: 'string', pattern: '\\d{4}-\\d{2}-\\d{2}(T\\d{2}:\\d{2}:\\d{2}([+-]\\d{2}:\\d{2}|Z))?' },
    write: (value) => (isDay(value) ? day.write(value) : moment.write(value)),
    read(raw) {
      const plain = raw.replace(
        /^(\d{2})\.(\d{2})\.(\d{4}|\d{2})(?!\d)/,
        (_, dd: string, mm: string, year: string) => `${year.length === 2 ? `20${year}` : year}-${mm}-${dd}`,
      );
      return isDay(plain) ? day.read(plain) : moment.read(plain);
    },
    samples: ['2026-12-01', '2026-12-01T10:00:00+03:00'],
  };
}

export const fold = (word: string) => word.toLowerCase().replaceAll('ё', 'е').replace(/\s+/g, ' ').trim();

// ---------------------------------------------------------------- rows

/** What a word of a multi-value tag says of the listing: the field has this value, this member, or at least one. */
export type Meaning =
  | { readonly field: string; readonly is: unknown }
  | { readonly field: string; readonly has: string }
  | { readonly field: string; readonly some: true };

export const is = (field: string, value: unknown = true): Meaning => ({ field, is: value });
export const has = (field: string, member: string): Meaning => ({ field, has: member });
export const some = (field: string): Meaning => ({ field, some: true });

export const get = (listing: Partial<Listing>, field: string): unknown => fieldOf(listing, 'avito', field);

function holds(listing: Listing, meaning: Meaning): boolean {
  const value = get(listing, meaning.field);
  if ('is' in meaning) return value === meaning.is;
  if ('has' in meaning) return Array.isArray(value) && value.includes(meaning.has);
  return typeof value === 'number' && value > 0;
}

/** Takes the words of a multi-value tag: options, or plain text with « | » between them as in Excel templates. */
export function takeWords(offer: Element, path: string): string[] {
  const found: string[] = [];
  for (const wrapper of offer.all(path)) {
    wrapper.isUsed = true;
    for (const part of wrapper.children.length > 0 ? wrapper.children : [wrapper]) {
      part.isUsed = true;
      for (const word of part.text.split('|')) if (word.trim() !== '') found.push(word.trim());
    }
  }
  return found;
}

/** The path's options in the order of the table. */
export const asOptions = (words: readonly string[]) => words.map((text) => ({ name: 'Option', text }));

export const optionElements = (path: string, values: readonly string[]) => [
  { path, type: { type: 'block' } as LeafType },
  { path: `${path}/Option`, type: { type: 'enum', values } as LeafType, isRepeated: true },
];

const sampleOf = (field: string, value: unknown): Partial<Listing> =>
  field.startsWith('own:') ? { boardFields: { avito: { [field.slice(4)]: value } } } : { [field]: value };

/**
 * A multi-value tag whose words mean more than a plain yes (`options` is for those): a value of a closed list, one
 * member of a list, one bathroom or more. Words without a meaning are kept as Avito's own list; words in `old` are
 * understood and never written.
 */
export function tags(
  path: string,
  spec: {
    means?: Readonly<Record<string, Meaning>>;
    words?: readonly string[];
    old?: readonly string[];
    alsoWords?: Readonly<Record<string, string>>;
  },
  rowOptions: RowOptions = {},
): Row {
  const means = spec.means ?? {};
  const known = [...Object.keys(means), ...(spec.words ?? [])];
  const current = known.filter((word) => !spec.old?.includes(word));
  const canonical = new Map(known.map((word) => [fold(word), word]));
  for (const [spelling, word] of Object.entries(spec.alsoWords ?? {})) canonical.set(fold(spelling), word);
  const key = `own:${path}`;
  const hasOwn = (spec.words ?? []).length > 0;
  const lists = new Map<string, string[]>();
  for (const word of current) {
    const meaning = means[word];
    if (meaning && 'has' in meaning) lists.set(meaning.field, [...(lists.get(meaning.field) ?? []), meaning.has]);
  }
  return {
    ...rowOptions,
    elements: optionElements(path, current),
    fields: [...new Set(Object.values(means).map((meaning) => meaning.field)), ...(hasOwn ? [key] : [])],
    write(listing, out) {
      const kept = (get(listing, key) as string[] | undefined) ?? [];
      const chosen = current.filter((word) => (means[word] ? holds(listing, means[word]) : kept.includes(word)));
      if (chosen.length > 0) out.block(path, asOptions(chosen));
    },
    read(offer, draft) {
      const said = new Set<string>();
      for (const candidate of [path, ...(rowOptions.also ?? [])]) {
        for (const raw of takeWords(offer, candidate)) {
          const word = canonical.get(fold(raw));
          if (word === undefined) draft.fail(`${candidate}/Option`, raw);
          else said.add(word);
        }
      }
      const members = new Map<string, string[]>();
      const rest: string[] = [];
      // In the order of the table, so the same facts always make the same listing.
      for (const word of known) {
        if (!said.has(word)) continue;
        const meaning = means[word];
        if (!meaning) rest.push(word);
        else if ('is' in meaning) draft.set(meaning.field, meaning.is);
        else if ('some' in meaning) draft.set(meaning.field, 1);
        else members.set(meaning.field, [...(members.get(meaning.field) ?? []), meaning.has]);
      }
      for (const [field, list] of members) draft.set(field, list);
      if (rest.length > 0) draft.set(key, rest);
    },
    samples: [
      ...current.map((word) => {
        const meaning = means[word];
        if (!meaning) return sampleOf(key, [word]);
        if ('has' in meaning) return sampleOf(meaning.field, [meaning.has]);
        return sampleOf(meaning.field, 'is' in meaning ? meaning.is : 1);
      }),
      ...[...lists].map(([field, members]) => sampleOf(field, members)),
    ],
  };
}

/** A number with a last word for «so many and more». Of several spellings the first is usual, the exact one is kept. */
export function capped(
  path: string,
  field: string,
  cap: number,
  [usual, ...others]: readonly [string, ...string[]],
  rowOptions: RowOptions = {},
): Row {
  const key = `own:${path}`;
  const numbers = Array.from({ length: cap - 1 }, (_, index) => String(index + 1));
  return group({
    ...rowOptions,
    elements: [{ path, type: { type: 'enum', values: [...numbers, usual, ...others] } }],
    fields: others.length > 0 ? [field, key] : [field],
    write(listing, out) {
      const value = get(listing, field);
      if (typeof value !== 'number' || value < 1) return;
      const exact = get(listing, key);
      const last = typeof exact === 'string' && others.includes(exact) ? exact : usual;
      out.leaf(path, value < cap ? String(value) : last);
    },
    read(offer, draft) {
      const raw = offer.take(path);
      if (raw === undefined) return;
      const last = [usual, ...others].find((word) => fold(word) === fold(raw));
      const value = last === undefined ? count(1, 200).read(raw) : cap;
      if (value === undefined) return draft.fail(path, raw);
      draft.set(field, value);
      if (last !== undefined && last !== usual) draft.set(key, last);
    },
    samples: [
      { [field]: 1 },
      { [field]: cap },
      ...others.map((word) => ({ [field]: cap, boardFields: { avito: { [path]: word } } })),
    ],
  });
}

/** Elements that are understood and never written: obsolete ones, and those without a word in today's templates. */
export function legacy(
  paths: readonly string[],
  fields: readonly string[],
  read: (offer: Element, draft: Draft) => void,
  rowOptions: RowOptions = {},
): Row {
  return { ...rowOptions, elements: [], fields, also: paths, write() {}, read, samples: [] };
}

/** An obsolete element whose value has no place in today's templates; kept as Avito's own field all the same. */
export function legacyOwn<T>(path: string, conversion: Conversion<T>, rowOptions: RowOptions = {}): Row {
  return legacy(
    [path],
    [`own:${path}`],
    (offer, draft) => {
      const raw = offer.take(path);
      if (raw === undefined) return;
      const value = conversion.read(raw);
      if (value === undefined) draft.fail(path, raw);
      else draft.set(`own:${path}`, value);
    },
    rowOptions,
  );
}

/** A repeated option whose words are not known: kept as they come. */
export function openOptions(path: string, rowOptions: RowOptions = {}): Row {
  const key = `own:${path}`;
  return group({
    ...rowOptions,
    elements: [
      { path, type: { type: 'block' } },
      { path: `${path}/Option`, type: { type: 'string', minLength: 1 }, isRepeated: true },
    ],
    fields: [key],
    write(listing, out) {
      const words = get(listing, key);
      if (Array.isArray(words) && words.length > 0) out.block(path, asOptions(words.map(String)));
    },
    read(offer, draft) {
      const words = takeWords(offer, path);
      if (words.length > 0) draft.set(key, [...new Set(words)]);
    },
    samples: [sampleOf(key, ['Пример']), sampleOf(key, ['Пример', 'Другой пример'])],
  });
}
