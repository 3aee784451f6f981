import type { Family, Listing } from '../../domain/listing.ts';
import { cleanText } from '../../domain/text.ts';
import type { Draft, ElementDoc, LeafType, Row, RowOptions } from './codec.ts';
import { Output, valueOf } from './codec.ts';
import type { Element, XmlNode } from './xml.ts';

/**
 * The vocabulary of the tables: conversions between a listing's value and an element's text, and builders of rows.
 */

/** A two-way conversion; `read(write(x)) = x` for every value it can write. */
export interface Conversion<T = unknown> {
  readonly type: LeafType;
  /** undefined: this family has no word for the value. */
  write(value: T): string | undefined;
  /** undefined: the text makes no sense here. */
  read(text: string): T | undefined;
  readonly samples: readonly [T, T];
}

/** Numbers as feeds spell them: blanks inside, a comma for a dot. */
function parseNumber(text: string): number | undefined {
  const plain = text.replace(/[\s\u00A0\u202F]/g, '').replace(',', '.');
  // Adding zero makes the negative zero of «-0» an ordinary one.
  return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(plain) ? Number(plain) + 0 : undefined;
}

/** A decimal number as text: no exponent, no grouping, no minus before a zero, at most ten digits after the dot. */
export function writeNumber(value: number): string {
  const text = String(value);
  const plain = text.includes('e') ? value.toFixed(10).replace(/\.?0+$/, '') : text;
  return plain === '-0' ? '0' : plain;
}

export function text(maxLength?: number, samples: [string, string] = ['Пример', 'Другой пример']): Conversion<string> {
  return {
    type: maxLength === undefined ? { type: 'string', minLength: 1 } : { type: 'string', minLength: 1, maxLength },
    write: (value) => cleanText(value) || undefined,
    read: (raw) => cleanText(raw) || undefined,
    samples,
  };
}

export function pattern(regex: RegExp, samples: [string, string]): Conversion<string> {
  return {
    type: { type: 'string', pattern: regex.source.replace(/^\^|\$$/g, '') },
    write: (value) => (regex.test(value) ? value : undefined),
    read: (raw) => cleanText(raw) || undefined,
    samples,
  };
}

/** What the schemas take for an address on the web. */
export const URL_TYPE = { type: 'string', pattern: 'https?://\\S+' } as const;

/** An address as it is written: http or https in small letters, no blanks inside; undefined when it is none. */
export function writeUrl(value: string): string | undefined {
  const found = /^(https?):\/\/(\S+)$/i.exec(value);
  return found ? `${found[1]!.toLowerCase()}://${found[2]}` : undefined;
}

export function url(
  samples: [string, string] = ['https://example.test/1', 'https://example.test/2?a=1&b=2'],
): Conversion<string> {
  return {
    type: URL_TYPE,
    write: writeUrl,
    read: (raw) => cleanText(raw) || undefined,
    samples,
  };
}

export function integer(min = 0, max = 1_000_000_000, samples?: [number, number]): Conversion<number> {
  return {
    type: { type: 'integer', min, max },
    write: (value) => (Number.isInteger(value) && value >= min && value <= max ? String(value) : undefined),
    read: (raw) => {
      const value = parseNumber(raw);
      return value !== undefined && Number.isInteger(value) ? value : undefined;
    },
    samples: samples ?? [min, Math.min(max, min + 3)],
  };
}

export function decimal(
  options: { min?: number; moreThan?: number; max?: number; samples?: [number, number] } = {},
): Conversion<number> {
  const { min, moreThan, max } = options;
  return {
    type: {
      type: 'decimal',
      ...(min !== undefined && { min }),
      ...(moreThan !== undefined && { moreThan }),
      ...(max !== undefined && { max }),
    },
    write: (given) => {
      // Judged as it will be read: a tiny area must not become a zero.
      const written = writeNumber(given);
      const value = Number(written);
      const isMeant =
        Number.isFinite(value) &&
        (min === undefined || value >= min) &&
        (moreThan === undefined || value > moreThan) &&
        (max === undefined || value <= max);
      return isMeant ? written : undefined;
    },
    read: parseNumber,
    samples: options.samples ?? [12.5, 40],
  };
}

/** Kopecks in the listing, roubles in the feed; whole roubles are written without a fraction. */
export function roubles(samples: [number, number] = [540_000_000, 120_050]): Conversion<number> {
  return {
    type: { type: 'decimal', moreThan: -1 },
    write: (kopecks) => {
      const whole = Math.trunc(kopecks / 100);
      const rest = kopecks % 100;
      return rest === 0 ? String(whole) : `${whole}.${String(rest).padStart(2, '0')}`;
    },
    read: (raw) => {
      const value = parseNumber(raw.replace(/(руб\.?|₽|р\.)\s*$/i, ''));
      if (value === undefined) return undefined;
      // Through decimal text, never through a floating product: 1200.29 * 100 is 120028.99999999999.
      const [whole, fraction = ''] = writeNumber(value).split('.');
      const kopecks = Number(`${whole}${fraction.slice(0, 2).padEnd(2, '0')}`);
      return Number.isSafeInteger(kopecks) ? kopecks : undefined;
    },
    samples,
  };
}

const YES = new Set(['да', 'true', '1', '+', 'yes', 'есть']);
const NO = new Set(['нет', 'false', '0', '-', 'no']);

/** Yes and no in the family's words; with `null` for the second one only yes can be said, and no is left out. */
export function flag(yes = 'true', no: string | null = 'false'): Conversion<boolean> {
  return {
    type: { type: 'enum', values: no === null ? [yes] : [yes, no] },
    write: (value) => (value ? yes : (no ?? undefined)),
    read: (raw) => {
      const word = raw.toLowerCase();
      if (word === yes.toLowerCase() || YES.has(word)) return true;
      return word === no?.toLowerCase() || NO.has(word) ? false : undefined;
    },
    samples: [true, no === null],
  };
}

const fold = (word: string) => word.toLowerCase().replaceAll('ё', 'е').replace(/\s+/g, ' ').trim();

/**
 * Closed list of words. `also` maps obsolete and wrong spellings to values; they are read, never written.
 * A value without a word of its own may be given to its nearest one by `also`'s twin, `nearest`.
 */
export function words<T extends string | number | boolean>(
  table: readonly (readonly [T, string])[],
  options: { also?: readonly (readonly [string, T])[]; nearest?: readonly (readonly [T, string])[] } = {},
): Conversion<T> {
  const byValue = new Map<T, string>([...(options.nearest ?? []), ...table]);
  const byWord = new Map<string, T>();
  for (const [value, word] of table) if (!byWord.has(fold(word))) byWord.set(fold(word), value);
  for (const [word, value] of options.also ?? []) if (!byWord.has(fold(word))) byWord.set(fold(word), value);
  return {
    type: { type: 'enum', values: [...new Set(table.map(([, word]) => word))] },
    write: (value) => byValue.get(value),
    read: (raw) => byWord.get(fold(raw)),
    samples: [table[0]![0], (table[1] ?? table[0])![0]],
  };
}

/** Closed list whose words are the values themselves: for family fields. */
export function list(...values: string[]): Conversion<string> {
  return words(values.map((value) => [value, value] as const));
}

/** A day of the calendar: the 30th of February, which `Date` takes for March, is none. */
function isDay(text: string): boolean {
  if (!/^[1-9]\d{3}-\d{2}-\d{2}$/.test(text)) return false;
  const moment = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(moment) && new Date(moment).toISOString().startsWith(text);
}

/** ISO 8601 with seconds and an offset, as XSD has it: offsets end at 14 hours. */
function isMoment(text: string): boolean {
  const found = /^(.{10})T([01]\d|2[0-3])(:[0-5]\d){2}(\.\d+)?(?:Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))$/.exec(text);
  return found !== null && isDay(found[1]!);
}

/** ISO 8601 moment with an offset; what other feeds spell without seconds or with a blank is read too. */
export function dateTime(): Conversion<string> {
  return {
    type: { type: 'dateTime' },
    write: (value) => (isMoment(value) ? value : undefined),
    read: (raw) => {
      const found = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2})?(\.\d+)?\s*(Z|[+-]\d{2}:?\d{2})?)?$/.exec(raw);
      if (!found) return undefined;
      const [, day, time = '00:00', seconds = ':00', , zone = '+03:00'] = found;
      const offset = zone === 'Z' ? '+00:00' : zone.includes(':') ? zone : `${zone.slice(0, 3)}:${zone.slice(3)}`;
      const value = `${day}T${time}${seconds}${offset}`;
      return isMoment(value) ? value : undefined;
    },
    samples: ['2026-05-01T10:00:00+03:00', '2026-06-02T09:30:00+05:00'],
  };
}

export function date(): Conversion<string> {
  return {
    type: { type: 'date' },
    write: (value) => (isDay(value) ? value : undefined),
    read: (raw) => {
      const dotted = /^(\d{2})\.(\d{2})\.(\d{4})$/.exec(raw);
      const value = dotted ? `${dotted[3]}-${dotted[2]}-${dotted[1]}` : raw.slice(0, 10);
      return isDay(value) ? value : undefined;
    },
    samples: ['2026-12-01', '2027-01-15'],
  };
}

/** One part of a repeated block. */
export interface Part<T = unknown> {
  /** Path inside the block. */
  readonly path: string;
  readonly conversion: Conversion<T>;
  readonly isRequired?: boolean;
  /** What repeats inside one block: the leaf itself, or the element right around it. */
  readonly several?: 'leaf' | 'block';
}

const sampleOf = (family: Family, field: string, value: unknown): Partial<Listing> =>
  field.startsWith('own:') ? { boardFields: { [family]: { [field.slice(4)]: value } } } : { [field]: value };

/** Builders of rows for one family. */
export function kit(family: Family) {
  function takeFirst(
    offer: Element,
    path: string,
    also: readonly string[] | undefined,
  ): { path: string; text: string } | undefined {
    for (const candidate of [path, ...(also ?? [])]) {
      const value = candidate.startsWith('@') ? offer.takeAttr(candidate.slice(1)) : offer.take(candidate);
      if (value !== undefined) return { path: candidate, text: value };
    }
    return undefined;
  }

  /** One element that carries one field. */
  function leaf<T>(path: string, field: string, conversion: Conversion<T>, options: RowOptions = {}): Row {
    return {
      ...options,
      elements: [{ path, type: conversion.type }],
      fields: [field],
      write(listing, out) {
        const value = valueOf(listing, family, field);
        if (value === undefined) return;
        const written = conversion.write(value as T);
        if (written === undefined) return;
        if (path.startsWith('@')) out.attribute(path.slice(1), written);
        else out.leaf(path, written);
      },
      read(offer, draft) {
        const found = takeFirst(offer, path, options.also);
        if (!found) return;
        const value = conversion.read(found.text);
        if (value === undefined) draft.fail(found.path, found.text);
        else draft.set(field, value);
      },
      samples: conversion.samples.map((value) => sampleOf(family, field, value)),
    };
  }

  /** An element that this family alone has; its value lives in `boardFields[family][path]`. */
  function own<T>(path: string, conversion: Conversion<T>, options: RowOptions = {}): Row {
    return leaf(path, `own:${path}`, conversion, options);
  }

  /**
   * A closed list that is finer (or just other) than the listing's own: every word means one value of the field;
   * the first word of each value is its usual one, another word is kept beside it, so a family's own feed comes
   * back word for word, and a person's change of the field wins.
   * `alsoWords` reads further spellings of a word, `alsoMeans` words that have no place in the list any more but whose
   * meaning is known; `nearest` names a word for values that have none (not read back as that value).
   */
  function refined(
    path: string,
    field: string,
    table: readonly (readonly [string, string])[],
    options: RowOptions & {
      alsoWords?: readonly (readonly [string, string])[];
      alsoMeans?: readonly (readonly [string, string])[];
      nearest?: readonly (readonly [string, string])[];
    } = {},
  ): Row {
    const usual = new Map<string, string>();
    const meaning = new Map<string, { word: string; value: string }>();
    const gone = new Map((options.alsoMeans ?? []).map(([word, value]) => [fold(word), value]));
    for (const [word, value] of table) {
      if (!usual.has(value)) usual.set(value, word);
      meaning.set(fold(word), { word, value });
    }
    for (const [spelling, word] of options.alsoWords ?? []) {
      const known = meaning.get(fold(word));
      if (known && !meaning.has(fold(spelling))) meaning.set(fold(spelling), known);
    }
    for (const [value, word] of options.nearest ?? []) if (!usual.has(value)) usual.set(value, word);
    const key = `own:${path}`;
    return {
      ...options,
      elements: [{ path, type: { type: 'enum', values: table.map(([word]) => word) } }],
      fields: [field, key],
      write(listing, out) {
        const value = valueOf(listing, family, field) as string | undefined;
        if (value === undefined) return;
        const exact = valueOf(listing, family, key) as string | undefined;
        const word = exact !== undefined && meaning.get(fold(exact))?.value === value ? exact : usual.get(value);
        out.leaf(path, word);
      },
      read(offer, draft) {
        const found = takeFirst(offer, path, options.also);
        if (!found) return;
        const known = meaning.get(fold(found.text));
        const old = gone.get(fold(found.text));
        if (!known && old !== undefined) return draft.set(field, old);
        if (!known) return draft.fail(found.path, found.text);
        if (draft.get(field) !== undefined) return;
        draft.set(field, known.value);
        if (usual.get(known.value) !== known.word) draft.set(key, known.word);
      },
      samples: table.map(([word, value]) => ({
        [field]: value,
        ...(usual.get(value) !== word && { boardFields: { [family]: { [path]: word } } }),
      })) as Partial<Listing>[],
    };
  }

  /**
   * A wrapper with repeated words inside (`<Furniture><Option>Кухня</Option>…`). Words with a field of their own are
   * flags there; the other words are a list in the family's fields. A flag of `false` cannot be said and is left out.
   */
  function options(
    path: string,
    item: string,
    spec: {
      flags?: Readonly<Record<string, string>>;
      words?: readonly string[];
      alsoWords?: Readonly<Record<string, string>>;
    },
    rowOptions: RowOptions = {},
  ): Row {
    const flags = Object.entries(spec.flags ?? {});
    const order = [...flags.map(([word]) => word), ...(spec.words ?? [])];
    const canonical = new Map(order.map((word) => [fold(word), word]));
    for (const [spelling, word] of Object.entries(spec.alsoWords ?? {})) canonical.set(fold(spelling), word);
    const key = `own:${path}`;
    const others = new Set(spec.words ?? []);
    return {
      ...rowOptions,
      elements: [
        { path, type: { type: 'block' } },
        { path: `${path}/${item}`, type: { type: 'enum', values: order }, isRepeated: true },
      ],
      fields: [...flags.map(([, field]) => field), ...(others.size > 0 ? [key] : [])],
      write(listing, out) {
        const kept = (valueOf(listing, family, key) as string[] | undefined) ?? [];
        const chosen = order.filter((word) => {
          const field = spec.flags?.[word];
          return field === undefined ? kept.includes(word) : valueOf(listing, family, field) === true;
        });
        if (chosen.length > 0)
          out.block(
            path,
            chosen.map((word) => ({ name: item, text: word })),
          );
      },
      read(offer, draft) {
        const rest: string[] = [];
        for (const wrapperPath of [path, ...(rowOptions.also ?? [])]) {
          for (const wrapper of offer.all(wrapperPath)) {
            const parts = wrapper.children.length > 0 ? wrapper.children : [wrapper];
            wrapper.isUsed = true;
            for (const part of parts) {
              part.isUsed = true;
              // Plain text with « | » between the words is the Excel spelling of the same list.
              for (const raw of part.text
                .split('|')
                .map((word) => word.trim())
                .filter((word) => word !== '')) {
                const word = canonical.get(fold(raw));
                if (word === undefined) draft.fail(`${wrapperPath}/${item}`, raw);
                else if (spec.flags?.[word] !== undefined) draft.set(spec.flags[word], true);
                else if (!rest.includes(word)) rest.push(word);
              }
            }
          }
        }
        if (rest.length > 0)
          draft.set(
            key,
            order.filter((word) => rest.includes(word)),
          );
      },
      samples: [
        ...flags.map(([, field]) => sampleOf(family, field, true)),
        ...[...others].map((word) => sampleOf(family, key, [word])),
        ...(others.size > 1 ? [sampleOf(family, key, [...others])] : []),
      ],
    };
  }

  /**
   * A wrapper with repeated blocks of leaves inside (`<Undergrounds><UndergroundInfoSchema><Id>…`) that this family
   * alone has. Its value is a list of small objects in `boardFields[family][path]`, keyed by the paths of the parts;
   * a part that may stand several times in a block holds a list. A block without its required parts is not written.
   */
  function repeated(
    path: string,
    item: string,
    parts: readonly Part[],
    rowOptions: RowOptions & { max?: number } = {},
  ): Row {
    const key = `own:${path}`;
    const { max = Number.POSITIVE_INFINITY, ...options } = rowOptions;
    type Block = Record<string, unknown>;

    function writeBlock(block: Block): XmlNode | undefined {
      const inner = new Output(item);
      for (const part of parts) {
        const value = block[part.path];
        if (value === undefined) {
          if (part.isRequired) return undefined;
          continue;
        }
        const texts = (part.several ? (value as unknown[]) : [value]).map((one) => part.conversion.write(one));
        if (part.isRequired && texts.every((one) => one === undefined)) return undefined;
        const cut = part.path.lastIndexOf('/');
        for (const text of texts) {
          if (text === undefined || text === '') continue;
          if (part.several === 'block')
            inner.block(part.path.slice(0, cut), [{ name: part.path.slice(cut + 1), text }]);
          else inner.leaf(part.path, text);
        }
      }
      return inner.root.children!.length > 0 ? inner.root : undefined;
    }

    function readBlock(element: Element, draft: Draft): Block {
      const block: Block = {};
      for (const part of parts) {
        const values: unknown[] = [];
        // A leaf that stands twice where one is expected is left over, and so reported.
        for (const leaf of part.several ? element.all(part.path) : element.all(part.path).slice(0, 1)) {
          leaf.isUsed = true;
          if (leaf.text === '') continue;
          const value = part.conversion.read(leaf.text);
          if (value === undefined) draft.fail(`${path}/${item}/${part.path}`, leaf.text);
          else values.push(value);
        }
        if (values.length > 0) block[part.path] = part.several ? values : values[0];
      }
      return block;
    }

    const sample = (which: 0 | 1): Block =>
      Object.fromEntries(
        parts
          .filter((part) => which === 0 || part.isRequired || parts.every((other) => !other.isRequired))
          .map((part) => [
            part.path,
            part.several ? [...new Set(part.conversion.samples)] : part.conversion.samples[which],
          ]),
      );
    return {
      ...options,
      elements: [
        { path, type: { type: 'block' } },
        { path: `${path}/${item}`, type: { type: 'block' }, isRepeated: true },
        ...parts.flatMap((part): ElementDoc[] => {
          const full = `${path}/${item}/${part.path}`;
          const required = part.isRequired ? { isRequiredInParent: true } : {};
          if (part.several === 'block') {
            return [
              { path: full.slice(0, full.lastIndexOf('/')), type: { type: 'block' }, isRepeated: true },
              { path: full, type: part.conversion.type, ...required },
            ];
          }
          return [{ path: full, type: part.conversion.type, ...(part.several && { isRepeated: true }), ...required }];
        }),
      ],
      fields: [key],
      write(listing, out) {
        const blocks = valueOf(listing, family, key);
        if (!Array.isArray(blocks)) return;
        const nodes = blocks.map((block) => writeBlock(block as Block)).filter((node) => node !== undefined);
        if (nodes.length > 0) out.block(path, nodes.slice(0, max));
      },
      read(offer, draft) {
        const blocks = offer
          .all(`${path}/${item}`)
          .map((element) => readBlock(element, draft))
          .filter((block) => Object.keys(block).length > 0);
        if (blocks.length > 0) draft.set(key, blocks);
      },
      samples: [
        sampleOf(family, key, [sample(0)]),
        ...(max > 1 ? [sampleOf(family, key, [sample(0), sample(1)])] : []),
        // Every part with another content than in the first sample.
        sampleOf(family, key, [
          Object.fromEntries(
            parts.map(({ path: part, several, conversion: { samples } }) => [
              part,
              several ? [samples[1]] : samples[1],
            ]),
          ),
        ]),
      ],
    };
  }

  /** A row of its own making: several elements that make sense only together. */
  function group(
    spec: {
      elements: readonly ElementDoc[];
      fields: readonly string[];
      write(listing: Listing, out: Output): void;
      read(offer: Element, draft: Draft): void;
      samples: readonly Partial<Listing>[];
    } & RowOptions,
  ): Row {
    return spec;
  }

  return { leaf, own, refined, options, repeated, group };
}
