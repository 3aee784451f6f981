import type { Family, Listing } from '../../domain/listing.ts';
import { cleanText } from '../../domain/text.ts';
import { Element, renderNode, type XmlNode } from './xml.ts';

/**
 * A format codec is one table. Each row knows one element, or one small group of elements that make sense only
 * together: how it is written, how it is read back, what values the schema allows, for which kinds and deals it is
 * meant, and where we know that from. The law of every row: `read(write(x)) = x` for its own samples.
 * The same table writes feeds, reads foreign ones, makes the XSD in feed-schemas/, the documents' required-checks
 * and the coverage count.
 */

/**
 * For which listings a row is meant. Several values of one property are alternatives; several conditions too.
 * `undefined` among the values means "not told", as in `market: ['resale', undefined]`.
 */
export interface Shape {
  readonly kind?: readonly string[];
  readonly deal?: readonly string[];
  readonly market?: readonly (string | undefined)[];
  readonly houseType?: readonly (string | undefined)[];
  readonly garageType?: readonly (string | undefined)[];
  readonly commercialType?: readonly (string | undefined)[];
  readonly isShare?: readonly (boolean | undefined)[];
}
export type When = Shape | readonly Shape[];

const SHAPE_KEYS = ['kind', 'deal', 'market', 'houseType', 'garageType', 'commercialType', 'isShare'] as const;

export function matches(when: When | undefined, listing: Partial<Listing>): boolean {
  if (when === undefined) return true;
  const shapes = Array.isArray(when) ? (when as readonly Shape[]) : [when as Shape];
  return shapes.some((shape) =>
    SHAPE_KEYS.every((key) => {
      const allowed = shape[key] as readonly unknown[] | undefined;
      return allowed === undefined || allowed.includes(listing[key]);
    }),
  );
}

/** The simple type of a leaf, as the XSD and the generated documentation tell it. */
export type LeafType =
  | { readonly type: 'string'; readonly minLength?: number; readonly maxLength?: number; readonly pattern?: string }
  | { readonly type: 'integer'; readonly min?: number; readonly max?: number }
  | { readonly type: 'decimal'; readonly min?: number; readonly max?: number; readonly moreThan?: number }
  | { readonly type: 'enum'; readonly values: readonly string[] }
  | { readonly type: 'dateTime' }
  | { readonly type: 'date' }
  | { readonly type: 'block' };

export interface ElementDoc {
  /** Path inside the offer; `@name` for an attribute of the offer, `image/@tag` for one of an element. */
  readonly path: string;
  readonly type: LeafType;
  readonly isRepeated?: boolean;
  /** The element must stand whenever its parent does (offer-level requirements are the row's `required`). */
  readonly isRequiredInParent?: boolean;
  /** The element must stand: always, or for these kinds and deals. For the first element `required` of the row says so. */
  readonly required?: true | When;
}

/** How sure we are of a fact: official, vendor transcription, seen in production, working code, low. */
export type Grade = 'official' | 'vendor' | 'production' | 'code' | 'low';

export interface RowOptions {
  readonly when?: When;
  /** The row's first element must be present: always, or for these kinds and deals. */
  readonly required?: true | When;
  readonly grade?: Grade;
  readonly source?: string;
  readonly note?: string;
  /** Other paths that mean the same: obsolete, misspelt or from dialects. Read, never written. */
  readonly also?: readonly string[];
}

export interface Row extends RowOptions {
  readonly elements: readonly ElementDoc[];
  /** Listing fields carried, `own:<key>` for a field that only this family has. */
  readonly fields: readonly string[];
  write(listing: Listing, out: Output): void;
  read(offer: Element, draft: Draft): void;
  /** Two or more different contents, for the tests that walk the whole table. */
  readonly samples: readonly Partial<Listing>[];
}

/** Collects what rows write and builds the offer's tree; parents stand where their first child was written. */
export class Output {
  readonly root: XmlNode;
  readonly #parents = new Map<string, XmlNode>();
  constructor(name: string, attrs?: Record<string, string>) {
    this.root = { name, attrs: attrs ?? {}, children: [] };
  }
  /** Writes a leaf in its canonical text; an empty one is not written, because boards refuse empty elements. */
  leaf(path: string, raw: string | undefined, attrs?: Record<string, string>): void {
    const text = raw === undefined ? '' : canonical(raw);
    if (text === '') return;
    const cut = path.lastIndexOf('/');
    const name = path.slice(cut + 1);
    this.#parent(cut < 0 ? '' : path.slice(0, cut)).children!.push(attrs ? { name, attrs, text } : { name, text });
  }
  /** Writes a ready block under the parent path; parts without content, and a block without parts, are left out. */
  block(path: string, parts: XmlNode[]): void {
    const children = parts.flatMap(cleanNode);
    if (children.length === 0) return;
    const cut = path.lastIndexOf('/');
    this.#parent(cut < 0 ? '' : path.slice(0, cut)).children!.push({ name: path.slice(cut + 1), children });
  }
  attribute(name: string, value: string): void {
    (this.root.attrs as Record<string, string>)[name] = value;
  }
  #parent(path: string): XmlNode {
    if (path === '') return this.root;
    const known = this.#parents.get(path);
    if (known) return known;
    const cut = path.lastIndexOf('/');
    const node: XmlNode = { name: path.slice(cut + 1), children: [] };
    this.#parent(cut < 0 ? '' : path.slice(0, cut)).children!.push(node);
    this.#parents.set(path, node);
    return node;
  }
}

/** The node with canonical texts, or nothing when it says nothing. */
function cleanNode(node: XmlNode): XmlNode[] {
  const text = node.text === undefined ? undefined : canonical(node.text);
  const children = node.children?.flatMap(cleanNode);
  if (!text && !children?.length && (text !== undefined || children !== undefined || !node.attrs)) return [];
  return [{ ...node, ...(text !== undefined && { text }), ...(children && { children }) }];
}

export interface ReadProblem {
  readonly path: string;
  readonly value: string;
}

/** A listing in the making while an offer is read. The first value of a field wins. */
export class Draft {
  readonly family: Family;
  readonly values: Record<string, unknown> = {};
  readonly own: Record<string, unknown> = {};
  /** Values of known elements that no row could make sense of. */
  readonly problems: ReadProblem[] = [];
  constructor(family: Family) {
    this.family = family;
  }
  get(field: string): unknown {
    return field.startsWith('own:') ? this.own[field.slice(4)] : this.values[field];
  }
  set(field: string, value: unknown): void {
    if (value === undefined) return;
    const target = field.startsWith('own:') ? this.own : this.values;
    const key = field.startsWith('own:') ? field.slice(4) : field;
    if (target[key] === undefined) target[key] = value;
  }
  fail(path: string, value: string): void {
    this.problems.push({ path, value });
  }
}

/** The value of a field, family fields included. */
export function valueOf(listing: Partial<Listing>, family: Family, field: string): unknown {
  return field.startsWith('own:')
    ? listing.boardFields?.[family]?.[field.slice(4)]
    : (listing as Record<string, unknown>)[field];
}

export interface ReadResult {
  /** Absent when the offer's kind or deal could not be told; `kindProblem` then says why. */
  readonly listing?: Partial<Listing>;
  readonly kindProblem?: string;
  /** The listing's number, also when nothing else could be told. */
  readonly externalId?: string;
  /** Elements and attributes the table does not know, and known ones with a value it does not know. */
  readonly notUnderstood: readonly { readonly path: string; readonly value: string; readonly isValue: boolean }[];
}

export interface CodecSpec {
  readonly family: Family;
  /** Name of the element that holds one listing. */
  readonly offerName: string;
  /** Name of the root, its attributes, and the path-less elements before the offers. */
  readonly rootName: string;
  readonly rootAttrs: Readonly<Record<string, string>>;
  /** Text between the root's opening tag and the first offer; `generatedAt` is ISO 8601 with an offset. */
  preamble(generatedAt: string): string;
  /** Other spellings of the root and of the offer that are read. */
  readonly rootsRead: readonly string[];
  readonly offersRead: readonly string[];
  /** Children of the root besides the offers that are known and need no report, in lower case. */
  readonly rootChildrenKnown: readonly string[];
  /** The row that tells kind and deal is first. */
  readonly rows: readonly Row[];
  /** Elements and sections the facts files know and that we read on purpose without keeping them, with the reason. */
  readonly readAndDropped: Readonly<Record<string, string>>;
}

export interface Codec extends CodecSpec {
  /** The rows that apply to a listing, in the order of the table. */
  rowsFor(listing: Partial<Listing>): readonly Row[];
  /** One listing as the family's offer element. What the family cannot say is left out. */
  write(listing: Listing): XmlNode;
  /** One offer as a listing: lenient about dialects, silent about nothing. */
  read(offer: Element): ReadResult;
  /** What this family can carry of a listing; idempotent. Round trips are held to it. */
  project(listing: Listing): Partial<Listing>;
  render(listing: Listing): string;
  header(generatedAt: string): string;
  readonly footer: string;
}

/** Most texts are canonical already, and this says so faster than cleaning them does. */
const PLAIN = /^[!-~\u0400-\u04FF«»№—–](?:[ -~\u0400-\u04FF«»№—–]*[!-~\u0400-\u04FF«»№—–])?$/;

/** All texts of a value in canonical form; the same object when they are. A text of nothing visible is absent. */
function canonical<T>(value: T): T {
  if (typeof value === 'string') return PLAIN.test(value) ? value : (cleanText(value) as T);
  if (typeof value !== 'object' || value === null) return value;
  let changed: Record<string, unknown> | undefined;
  for (const key in value) {
    const part = value[key];
    if (typeof part !== 'string' && typeof part !== 'object') continue;
    const clean = canonical(part);
    if (clean === part) continue;
    changed ??= (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>;
    if (clean === '' && !Array.isArray(value)) delete changed[key];
    else changed[key] = clean;
  }
  return (changed ?? value) as T;
}

/** Makes a working codec out of a table. */
export function defineCodec(spec: CodecSpec): Codec {
  const [kindRow, ...otherRows] = spec.rows as [Row, ...Row[]];
  const cache = new Map<string, readonly Row[]>();
  /** Every path of the table and the wrappers around them, in lower case. */
  const known = new Set<string>();
  for (const row of spec.rows) {
    for (const path of [...row.elements.map((element) => element.path), ...(row.also ?? [])]) {
      const steps = path.toLowerCase().split('/');
      for (let end = 1; end <= steps.length; end++) known.add(steps.slice(0, end).join('/'));
    }
  }

  function rowsFor(listing: Partial<Listing>): readonly Row[] {
    const key = SHAPE_KEYS.map((name) => listing[name] ?? '').join('|');
    let rows = cache.get(key);
    if (!rows) {
      rows = spec.rows.filter((row) => matches(row.when, listing));
      cache.set(key, rows);
    }
    return rows;
  }

  function write(given: Listing): XmlNode {
    const listing = canonical(given);
    const out = new Output(spec.offerName);
    for (const row of rowsFor(listing)) row.write(listing, out);
    return out.root;
  }

  function read(offer: Element): ReadResult {
    const draft = new Draft(spec.family);
    kindRow.read(offer, draft);
    const shape = draft.values as Partial<Listing>;
    const isKnown = shape.kind !== undefined && shape.deal !== undefined;
    if (isKnown) {
      // Rows meant for this kind first, so that `Rooms` of a flat is not read as `Rooms` of a house;
      // then the others, because live feeds carry elements where the board does not want them.
      const meant = new Set(rowsFor(shape));
      for (const row of otherRows) if (meant.has(row)) row.read(offer, draft);
      for (const row of otherRows) if (!meant.has(row)) row.read(offer, draft);
    }
    const notUnderstood = draft.problems.map((problem) => ({ ...problem, isValue: true }));
    if (isKnown) {
      for (const left of offer.leftovers()) {
        // An empty known element (`<Undergrounds/>`) tells nothing, so there is nothing to report.
        if (left.value === '' && known.has(left.path.toLowerCase())) continue;
        if (!isDropped(spec, left.path)) notUnderstood.push({ ...left, isValue: false });
      }
    }
    if (!isKnown) {
      const kindProblem = draft.problems.map(({ path, value }) => `${path} = «${value}»`).join(', ');
      for (const row of otherRows) if (row.fields.includes('externalId')) row.read(offer, draft);
      const externalId = draft.values.externalId as string | undefined;
      return { kindProblem, notUnderstood, ...(externalId !== undefined && { externalId }) };
    }
    const listing = { ...draft.values } as Partial<Listing>;
    if (Object.keys(draft.own).length > 0) listing.boardFields = { [spec.family]: draft.own };
    return { listing, notUnderstood };
  }

  return {
    ...spec,
    rowsFor,
    write,
    read,
    project: (listing) => read(Element.from(write(listing))).listing ?? {},
    render: (listing) => renderNode(write(listing), '  '),
    header(generatedAt) {
      const root = Object.entries(spec.rootAttrs).map(([name, value]) => ` ${name}="${value}"`);
      return `<?xml version="1.0" encoding="UTF-8"?>\n<${spec.rootName}${root.join('')}>\n${spec.preamble(generatedAt)}`;
    },
    footer: `</${spec.rootName}>\n`,
  };
}

function isDropped(spec: CodecSpec, path: string): boolean {
  const lower = path.toLowerCase();
  return Object.keys(spec.readAndDropped).some((known) => {
    const name = known.toLowerCase();
    return lower === name || lower.startsWith(`${name}/`);
  });
}

/**
 * Whether a family's own field of a listing means something: `unknown` when no row has it, `refused` when this kind of
 * listing has no use for it or the value is not one of its values. What the field's row carries comes back unchanged.
 */
export function judgeOwnField(codec: Codec, listing: Listing, path: string): 'good' | 'unknown' | 'refused' {
  const field = `own:${path}`;
  if (!codec.rows.some((row) => row.fields.includes(field))) return 'unknown';
  try {
    const carried = valueOf(codec.project(listing), codec.family, field);
    return JSON.stringify(carried) === JSON.stringify(valueOf(listing, codec.family, field)) ? 'good' : 'refused';
  } catch {
    // A value of another shape than the row's, such as a number for a list.
    return 'refused';
  }
}
