import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Family, Listing } from '../../domain/listing.ts';
import { ROOT } from '../../root.ts';
import type { Codec, Row } from './codec.ts';
import { CODECS } from './index.ts';
import { shapesOf, specimens } from './specimen.ts';
import { Element, parseElement, renderNode, type XmlNode } from './xml.ts';

/**
 * How much of a family's documented elements the codec really carries. The lists in feed-schemas/*.documented.json
 * are made from the facts files and not from the tables; an element counts when a read–write–read trip with two
 * different contents proves it.
 */

export interface DocumentedList {
  readonly family: Family;
  /** The facts file and its date. */
  readonly facts: string;
  readonly counts: { readonly documented: number; readonly readOnly: number };
  /** Elements in use: written and read. */
  readonly documented: readonly { readonly path: string; readonly section: string }[];
  /** Obsolete elements: read, never written. */
  readonly readOnly: readonly {
    readonly path: string;
    readonly section: string;
    readonly replacedBy?: string;
    /** Two contents that mean different things; without them the words of the replacing element are tried. */
    readonly values?: readonly string[];
    /** Kinds for which the element is obsolete, such as `house, land`; for others it may be in use. */
    readonly where?: string;
  }[];
  /** Named by the facts, and neither written nor read, with the reason. */
  readonly excluded: readonly { readonly path: string; readonly reason: string }[];
}

export interface Missing {
  readonly path: string;
  readonly reason: string;
}

export interface Coverage {
  readonly family: Family;
  readonly documented: number;
  readonly covered: number;
  readonly missing: readonly Missing[];
  readonly readOnly: { readonly documented: number; readonly covered: number; readonly missing: readonly Missing[] };
}

/** The committed list of a family. */
export function documentedList(family: Family): DocumentedList {
  const file = join(ROOT, 'feed-schemas', `${family}.documented.json`);
  return JSON.parse(readFileSync(file, 'utf8')) as DocumentedList;
}

/** Counts a family's coverage; a few hundred trips, well under a second. */
export function coverage(family: Family, list: DocumentedList = documentedList(family)): Coverage {
  const codec = CODECS[family];
  const rows = rowsByPath(codec);
  const missing: Missing[] = [];
  for (const { path } of list.documented) {
    const reason = carries(codec, path, rows.get(path) ?? []);
    if (reason !== undefined) missing.push({ path, reason });
  }
  const missingReadOnly: Missing[] = [];
  for (const entry of list.readOnly) {
    const reason = readsOnly(codec, entry, rows);
    if (reason !== undefined) missingReadOnly.push({ path: entry.path, reason });
  }
  return {
    family,
    documented: list.documented.length,
    covered: list.documented.length - missing.length,
    missing,
    readOnly: {
      documented: list.readOnly.length,
      covered: list.readOnly.length - missingReadOnly.length,
      missing: missingReadOnly,
    },
  };
}

/** Rows by the paths they write, the wrappers around them included. */
function rowsByPath(codec: Codec): Map<string, Row[]> {
  const rows = new Map<string, Row[]>();
  for (const row of codec.rows) {
    for (const { path } of row.elements) {
      const steps = path.split('/');
      for (let depth = 1; depth <= steps.length; depth++) {
        const part = steps.slice(0, depth).join('/');
        const known = rows.get(part);
        if (!known) rows.set(part, [row]);
        else if (known.at(-1) !== row) known.push(row);
      }
    }
  }
  return rows;
}

/** undefined when the path is carried, else why not. */
function carries(codec: Codec, path: string, rows: readonly Row[]): string | undefined {
  if (rows.length === 0) return 'в таблице нет строки';
  const contents = new Set<string>();
  let isAbsent = false;
  let failure: string | undefined;
  for (const row of rows) {
    for (const { listing } of specimens(codec, row)) {
      const trip = roundTrip(codec, listing);
      if (trip.failure !== undefined) {
        failure ??= trip.failure;
        continue;
      }
      const content = contentAt(trip.node, path);
      if (content === undefined) isAbsent = true;
      else contents.add(content);
    }
  }
  if (contents.size === 0) return failure ?? 'ни один образец не записал элемент';
  if (contents.size > 1) return undefined;
  // An element with one possible content tells the other by its absence; a constant is written and read in silence.
  const isConstant = rows.every((row) => row.samples.length === 0);
  const hasOneWord = rows.every((row) =>
    row.elements.every(
      (element) => element.path !== path || (element.type.type === 'enum' && element.type.values.length === 1),
    ),
  );
  if (isConstant || (hasOneWord && (isAbsent || isAbsentSomewhere(codec, path)))) return undefined;
  return failure ?? `образцы дают только одно содержание: ${[...contents][0]}`;
}

function isAbsentSomewhere(codec: Codec, path: string): boolean {
  return shapesOf(codec).some((shape) => contentAt(codec.write({ externalId: 'A-1', ...shape }), path) === undefined);
}

/** Write, read, write again, read again: understood whole, and nothing changes on the way. */
function roundTrip(codec: Codec, listing: Listing): { node: XmlNode; failure?: string } {
  const node = codec.write(listing);
  const xml = renderNode(node);
  const first = codec.read(parseElement(xml));
  const odd = first.notUnderstood[0];
  if (!first.listing) return { node, failure: `вид не прочитан: ${first.kindProblem}` };
  if (odd) return { node, failure: `не понято: ${odd.path} = «${odd.value}»` };
  const again = codec.write(first.listing as Listing);
  if (renderNode(again) !== xml) return { node, failure: 'вторая запись дала другие байты' };
  if (!isDeepStrictEqual(codec.read(parseElement(renderNode(again))).listing, first.listing)) {
    return { node, failure: 'второе чтение дало другой объект' };
  }
  return { node };
}

/** What stands at a path, all of its repetitions; undefined where nothing does. */
function contentAt(node: XmlNode, path: string): string | undefined {
  const found: string[] = [];
  const walk = (at: XmlNode, steps: readonly string[]): void => {
    const [step, ...rest] = steps;
    if (step === undefined) {
      found.push(
        at.children && at.children.length > 0
          ? at.children.map((child) => renderNode(child)).join('')
          : `${at.text ?? ''}${JSON.stringify(at.attrs ?? {})}`,
      );
    } else if (step.startsWith('@')) {
      const value = at.attrs?.[step.slice(1)];
      if (value !== undefined) found.push(value);
    } else for (const child of at.children ?? []) if (child.name === step) walk(child, rest);
  };
  walk(node, path.split('/'));
  return found.length === 0 ? undefined : found.join('\n');
}

/** undefined when two contents of an obsolete element are read as two different listings, else why not. */
function readsOnly(
  codec: Codec,
  entry: DocumentedList['readOnly'][number],
  rows: ReadonlyMap<string, readonly Row[]>,
): string | undefined {
  const replacing = entry.replacedBy === undefined ? [] : (rows.get(entry.replacedBy) ?? []);
  const mentioning = codec.rows.filter((row) => row.also?.includes(entry.path));
  const kinds = entry.where?.split(/,\s*/);
  const bases = [
    ...[...mentioning, ...replacing, codec.rows[0]!].flatMap((row) =>
      specimens(codec, row, 3).map(({ listing }) => listing),
    ),
    ...shapesOf(codec).map((shape): Listing => ({ externalId: 'A-1', ...shape })),
  ].filter(({ kind }) => kinds === undefined || kinds.includes(kind));
  const candidates: readonly (readonly XmlNode[])[] = entry.values
    ? [entry.values.map((text) => leafAt(entry.path, text))]
    : replacing.map((row) => wordsOf(codec, row, entry.replacedBy!).map((node) => graft(entry.path, node)));
  if (candidates.length === 0) return 'нет образцов значений: ни values, ни заменяющего элемента в таблице';
  let reason = 'ни один вид объекта не подошёл';
  for (const listing of bases) {
    for (const nodes of candidates) {
      if (nodes.length < 2) {
        reason = 'меньше двух разных значений';
        continue;
      }
      const results = nodes.map((node) => readWith(codec, listing, entry, node));
      const odd = results.find((result) => result.failure !== undefined);
      if (odd) reason = odd.failure!;
      else if (
        results.every((result, index) =>
          results.slice(0, index).every((other) => !isDeepStrictEqual(result.listing, other.listing)),
        )
      )
        return undefined;
      else reason = 'разные значения прочитаны одинаково';
    }
  }
  return reason;
}

function leafAt(path: string, text: string): XmlNode {
  return graft(path, { name: '', text });
}

/** A branch that ends in the given content: `price/rent-pledge` -> `<price><rent-pledge>…`; `@name` ends in an attribute. */
function graft(path: string, content: XmlNode): XmlNode {
  const steps = path.split('/');
  const last = steps.pop()!;
  const base: XmlNode = last.startsWith('@')
    ? { name: steps.pop() ?? '', attrs: { [last.slice(1)]: content.text ?? '' } }
    : { ...content, name: last };
  return steps.reduceRight<XmlNode>((inner, name) => ({ name, children: [inner] }), base);
}

/** Different contents that the replacing element is written with. */
function wordsOf(codec: Codec, row: Row, path: string): XmlNode[] {
  const found = new Map<string, XmlNode>();
  for (const { listing } of specimens(codec, row)) {
    let at: XmlNode | undefined = codec.write(listing);
    for (const step of path.split('/')) {
      at = step.startsWith('@')
        ? { name: step, text: at?.attrs?.[step.slice(1)] ?? '' }
        : at?.children?.find(({ name }) => name === step);
    }
    if (at) found.set(renderNode(at), at);
  }
  return [...found.values()].slice(0, 2);
}

function readWith(
  codec: Codec,
  listing: Listing,
  entry: DocumentedList['readOnly'][number],
  branch: XmlNode,
): { listing?: Partial<Listing>; failure?: string } {
  let offer = codec.write(listing);
  if (entry.replacedBy !== undefined) offer = without(offer, entry.replacedBy.split('/')) ?? offer;
  offer = without(offer, entry.path.split('/')) ?? offer;
  const merged = entry.path.startsWith('@')
    ? { ...offer, attrs: { ...offer.attrs, ...branch.attrs } }
    : { ...offer, children: merge(offer.children ?? [], branch) };
  const { listing: read, kindProblem, notUnderstood } = codec.read(Element.from(merged));
  const odd = notUnderstood[0];
  if (!read) return { failure: `вид не прочитан: ${kindProblem}` };
  return odd ? { failure: `не понято: ${odd.path} = «${odd.value}»` } : { listing: read };
}

function without(node: XmlNode, steps: readonly string[]): XmlNode | undefined {
  const [step, ...rest] = steps;
  if (step === undefined) return undefined;
  if (step.startsWith('@'))
    return {
      ...node,
      attrs: Object.fromEntries(Object.entries(node.attrs ?? {}).filter(([name]) => name !== step.slice(1))),
    };
  const children = (node.children ?? []).flatMap((child) => {
    if (child.name !== step) return [child];
    const left = without(child, rest);
    return left === undefined ||
      ((left.children?.length ?? 0) === 0 && left.text === undefined && Object.keys(left.attrs ?? {}).length === 0)
      ? []
      : [left];
  });
  return { ...node, children };
}

function merge(children: readonly XmlNode[], branch: XmlNode): XmlNode[] {
  const same = children.find(
    ({ name, children: inner }) => name === branch.name && inner && inner.length > 0 && branch.children,
  );
  if (!same) return [...children, branch];
  return children.map((child) =>
    child === same ? { ...child, children: merge(child.children!, branch.children![0]!) } : child,
  );
}
