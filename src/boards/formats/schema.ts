import type { Codec, ElementDoc, LeafType, Row } from './codec.ts';
import { URL_TYPE } from './kit.ts';

/**
 * XSD 1.0 made from a codec's table, in shapes that libxml2 accepts. `xs:all` holds blocks in which nothing repeats;
 * where something repeats it is an unbounded `xs:choice`, with `xs:key` and `xs:unique` on `.` for what `xs:all`
 * would have said about "must stand" and "only once". Order inside an offer is free, order at the root is not.
 */

/** One element (or attribute) of the offer with all that the rows of the table say about its path. */
export interface SchemaNode {
  readonly name: string;
  readonly path: string;
  readonly mentions: { readonly row: Row; readonly element: ElementDoc }[];
  readonly children: Map<string, SchemaNode>;
  readonly attributes: Map<string, SchemaNode>;
  isRepeated: boolean;
  /** Whatever the listing is, it must stand (for the offer's own children) or stand in its parent. */
  isRequired: boolean;
}

/** What stands in the root before the offers; the codec's `preamble` writes it. */
const PREAMBLE: Record<Codec['family'], readonly { readonly name: string; readonly type: LeafType }[]> = {
  avito: [],
  cian: [{ name: 'feed_version', type: { type: 'enum', values: ['2'] } }],
  yandex: [{ name: 'generation-date', type: { type: 'dateTime' } }],
};

/** When the facts in formats/*.md behind the tables were last checked. */
const FACTS_CHECKED = '2026-11-20';

/** Name of the constraint that keeps the offers' ids unique in the file. */
const IDS_CONSTRAINT = 'ids';
/** Prefixes of the constraints on a path inside an offer; dots stand for slashes. */
export const MUST_PREFIX = 'must.';
export const ONCE_PREFIX = 'once.';

/** The path of the offer's id: the first element of the row that carries `externalId`. */
export function idPath(codec: Codec): string {
  const row = codec.rows.find(({ fields }) => fields.includes('externalId'));
  if (!row) throw new Error(`${codec.family}: no row carries externalId`);
  return row.elements[0]!.path;
}

/** The tree of all elements the table can write, in the order of the table. */
export function schemaTree(codec: Codec): SchemaNode {
  const root = node(codec.offerName, '');
  const always = new Set<SchemaNode>();
  for (const row of codec.rows) {
    row.elements.forEach((element, index) => {
      let parent = root;
      const steps = element.path.split('/');
      const chain: SchemaNode[] = [];
      steps.forEach((step, depth) => {
        const isAttribute = step.startsWith('@');
        const siblings = isAttribute ? parent.attributes : parent.children;
        const name = isAttribute ? step.slice(1) : step;
        let next = siblings.get(name);
        if (!next) {
          next = node(name, steps.slice(0, depth + 1).join('/'));
          siblings.set(name, next);
        }
        chain.push(next);
        parent = next;
      });
      const target = chain.at(-1)!;
      // Rows that share a path must agree that the parent cannot do without it.
      const isFirst = target.mentions.length === 0;
      target.mentions.push({ row, element });
      target.isRepeated ||= element.isRepeated === true;
      target.isRequired = element.isRequiredInParent === true && (isFirst || target.isRequired);
      const required = element.required ?? (index === 0 ? row.required : undefined);
      if (required === true && row.when === undefined) for (const link of chain) always.add(link);
    });
  }
  for (const link of always) link.isRequired = true;
  return root;
}

function node(name: string, path: string): SchemaNode {
  return { name, path, mentions: [], children: new Map(), attributes: new Map(), isRepeated: false, isRequired: false };
}

/** The simple types a leaf may have: enumerations of several rows are one list, other differences make a union. */
export function leafTypes(leaf: SchemaNode): LeafType[] {
  const words = new Set<string>();
  const others = new Map<string, LeafType>();
  for (const { element } of leaf.mentions) {
    if (element.type.type === 'enum') for (const value of element.type.values) words.add(value);
    else if (element.type.type !== 'block') others.set(JSON.stringify(element.type), element.type);
  }
  return [...(words.size > 0 ? [{ type: 'enum', values: [...words] } as const] : []), ...others.values()];
}

/** True where children may not simply be listed in `xs:all`, because one of them repeats. */
const isChoice = (block: SchemaNode) =>
  block.children.size > 1 && [...block.children.values()].some((child) => child.isRepeated);

/** True where two repeated children are written by one row, in turns: `Types, AdditionalTypes, Types`. */
function takesTurns(block: SchemaNode): boolean {
  const rows = [...block.children.values()].flatMap((child) =>
    child.isRepeated ? (child.mentions[0]?.row ?? []) : [],
  );
  return new Set(rows).size < rows.length;
}

/** A leaf that stands exactly once whenever the element does: itself, or one that must stand inside. */
function witnessOf(element: SchemaNode): SchemaNode | undefined {
  if (element.children.size === 0) return leafTypes(element).length > 0 ? element : undefined;
  for (const part of element.children.values()) {
    const witness = part.isRequired && !part.isRepeated ? witnessOf(part) : undefined;
    if (witness) return witness;
  }
  return undefined;
}

const escape = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** A pattern of ours in the dialect of XSD: no anchors, no groups without capture, ASCII digits. */
function xsdPattern(source: string): string {
  const plain = source.replaceAll('(?:', '(').replace(/\\d/g, '[0-9]').replaceAll('\\/', '/');
  // A class inside a class is not XSD: [[0-9]-] comes from [\d-].
  const flat = plain.replace(/\[((?:[^\]\\[]|\\.)*)\[0-9\]/g, '[$10-9');
  if (/\(\?|\\b|[$^](?![^[]*\])/.test(flat.replace(/\[\^/g, '['))) throw new Error(`pattern beyond XSD: ${source}`);
  return flat;
}

function facets(type: LeafType): { base: string; lines: string[] } {
  const facet = (name: string, value: string | number | undefined) =>
    value === undefined ? [] : [`<xs:${name} value="${escape(String(value))}"/>`];
  switch (type.type) {
    case 'enum':
      return { base: 'xs:string', lines: type.values.flatMap((value) => facet('enumeration', value)) };
    case 'integer':
      return { base: 'xs:integer', lines: [...facet('minInclusive', type.min), ...facet('maxInclusive', type.max)] };
    case 'decimal':
      return {
        base: 'xs:decimal',
        lines: [
          ...facet('minInclusive', type.min),
          ...facet('minExclusive', type.moreThan),
          ...facet('maxInclusive', type.max),
        ],
      };
    case 'dateTime':
      return { base: 'xs:dateTime', lines: facet('pattern', '.+(Z|[+\\-][0-9]{2}:[0-9]{2})') };
    case 'date':
      return { base: 'xs:date', lines: facet('pattern', '[0-9]{4}-[0-9]{2}-[0-9]{2}') };
    case 'string':
      return {
        base: 'xs:string',
        lines: [
          ...facet('minLength', type.minLength),
          ...facet('maxLength', type.maxLength),
          ...(type.pattern === undefined ? [] : facet('pattern', xsdPattern(type.pattern))),
        ],
      };
    case 'block':
      throw new Error('a block has no simple type');
  }
}

/** A readable name for a type that several elements share; undefined where an inline list reads better. */
function sharedName(type: LeafType): string | undefined {
  switch (type.type) {
    case 'enum': {
      if (type.values.length > 3) return undefined;
      const name = type.values.map((value) => value.replace(/[^\p{L}\p{N}]+/gu, '_')).join('.');
      return name.length <= 40 ? `one-of.${name}` : undefined;
    }
    case 'integer':
      return `integer.${type.min ?? ''}.${type.max ?? ''}`;
    case 'decimal':
      return `decimal.${type.min ?? (type.moreThan === undefined ? '' : `over.${type.moreThan}`)}.${type.max ?? ''}`;
    case 'string':
      if (type.pattern === URL_TYPE.pattern) return 'url';
      return type.pattern === undefined
        ? type.maxLength === undefined
          ? 'text'
          : `text.${type.maxLength}`
        : undefined;
    case 'dateTime':
      return 'moment';
    case 'date':
      return 'day';
    case 'block':
      return undefined;
  }
}

export interface SchemaOptions {
  /**
   * Where something repeats, a sequence in the order of the table instead of a choice with constraints. Narrower (it
   * accepts only files that the plain schema accepts too) and many times faster: libxml2 carries every constraint
   * through every element. A codec's own output passes it; nothing else needs to.
   */
  readonly isInTableOrder?: boolean;
}

/** The text of the family's XSD. Equal tables give equal bytes. */
export function schemaText(codec: Codec, { isInTableOrder = false }: SchemaOptions = {}): string {
  const namespace = codec.rootAttrs.xmlns;
  const prefix = namespace === undefined ? '' : 'f:';
  const ownType = (name: string) => `${prefix}${name}`;
  const shared = new Map<string, readonly LeafType[]>();
  const lines: string[] = [];
  const put = (depth: number, ...texts: string[]) => {
    for (const text of texts) lines.push(`${'  '.repeat(depth)}${text}`);
  };
  const xpath = (path: string) =>
    path
      .split('/')
      .map((step) => (step.startsWith('@') ? step : `${prefix}${step}`))
      .join('/');

  /** `type="…"` when the type has a name, else undefined and the inline definition is put by `putType`. */
  function typeName(types: readonly LeafType[], fallback?: string): string | undefined {
    const name = (types.length === 1 ? sharedName(types[0]!) : undefined) ?? fallback;
    if (name === undefined) return undefined;
    const known = shared.get(name);
    if (known && JSON.stringify(known) !== JSON.stringify(types)) return undefined;
    shared.set(name, types);
    return ownType(name);
  }

  function putRestriction(depth: number, type: LeafType): void {
    const { base, lines: facetLines } = facets(type);
    put(depth, `<xs:restriction base="${base}">`);
    put(depth + 1, ...facetLines);
    put(depth, '</xs:restriction>');
  }

  function putType(depth: number, types: readonly LeafType[], name?: string): void {
    put(depth, name === undefined ? '<xs:simpleType>' : `<xs:simpleType name="${name}">`);
    if (types.length === 1) putRestriction(depth + 1, types[0]!);
    else {
      put(depth + 1, '<xs:union>');
      for (const type of types) {
        put(depth + 2, '<xs:simpleType>');
        putRestriction(depth + 3, type);
        put(depth + 2, '</xs:simpleType>');
      }
      put(depth + 1, '</xs:union>');
    }
    put(depth, '</xs:simpleType>');
  }

  function documentation(target: SchemaNode): string | undefined {
    const parts = target.mentions.map(({ row }) =>
      [row.source, row.grade, row.note].filter((part) => part !== undefined).join('; '),
    );
    const told = [...new Set(parts)].filter((part) => part !== '');
    return told.length === 0 ? undefined : told.join(' | ');
  }

  function putDocumentation(depth: number, target: SchemaNode): void {
    const told = documentation(target);
    if (told === undefined) return;
    put(depth, `<xs:annotation><xs:documentation>${escape(told)}</xs:documentation></xs:annotation>`);
  }

  function putAttribute(depth: number, target: SchemaNode): void {
    const types = leafTypes(target);
    const use = target.isRequired ? ' use="required"' : '';
    const name = typeName(types);
    const told = documentation(target);
    const open = `<xs:attribute name="${target.name}"${name === undefined ? '' : ` type="${name}"`}${use}`;
    if (name !== undefined && told === undefined) {
      put(depth, `${open}/>`);
      return;
    }
    put(depth, `${open}>`);
    putDocumentation(depth + 1, target);
    if (name === undefined) putType(depth + 1, types);
    put(depth, '</xs:attribute>');
  }

  function putElement(depth: number, target: SchemaNode, occurs: 'all' | 'choice' | 'sequence'): void {
    const many = target.isRepeated && occurs === 'sequence' ? ' maxOccurs="unbounded"' : '';
    const optional = occurs !== 'choice' && !target.isRequired ? ' minOccurs="0"' : '';
    const open = `<xs:element name="${target.name}"`;
    const types = leafTypes(target);
    const hasParts = target.children.size > 0 || target.attributes.size > 0;
    if (types.length > 0 && target.children.size > 0) throw new Error(`${target.path}: text and children at once`);
    const name = hasParts ? undefined : typeName(types);
    const close = `${name === undefined ? '' : ` type="${name}"`}${optional}${many}`;
    if (name !== undefined && documentation(target) === undefined) {
      put(depth, `${open}${close}/>`);
      return;
    }
    put(depth, `${open}${close}>`);
    putDocumentation(depth + 1, target);
    if (name === undefined) {
      if (!hasParts && types.length > 0) putType(depth + 1, types);
      else if (types.length > 0) {
        // Text with attributes: an extension of the text's type.
        const base = typeName(types, `of.${target.path.replaceAll('/', '.')}`);
        put(depth + 1, '<xs:complexType>', '  <xs:simpleContent>');
        put(depth + 3, `<xs:extension base="${base}">`);
        for (const attribute of target.attributes.values()) putAttribute(depth + 4, attribute);
        put(depth + 3, '</xs:extension>');
        put(depth + 1, '  </xs:simpleContent>', '</xs:complexType>');
      } else putBlock(depth + 1, target);
    }
    putConstraints(depth + 1, target);
    put(depth, '</xs:element>');
  }

  function putBlock(depth: number, block: SchemaNode): void {
    const children = [...block.children.values()];
    put(depth, '<xs:complexType>');
    if (children.length === 1 && children[0]!.isRepeated) {
      // The only content of its wrapper: an empty wrapper is not written.
      put(depth + 1, '<xs:sequence>');
      putElement(depth + 2, { ...children[0]!, isRequired: true }, 'sequence');
      put(depth + 1, '</xs:sequence>');
    } else if (isChoice(block) && isInTableOrder && !takesTurns(block)) {
      put(depth + 1, '<xs:sequence>');
      for (const child of children) putElement(depth + 2, child, 'sequence');
      put(depth + 1, '</xs:sequence>');
    } else if (isChoice(block)) putChoice(depth + 1, children);
    else if (children.length > 0) {
      put(depth + 1, '<xs:all>');
      for (const child of children) putElement(depth + 2, child, 'all');
      put(depth + 1, '</xs:all>');
    }
    for (const attribute of block.attributes.values()) putAttribute(depth + 1, attribute);
    put(depth, '</xs:complexType>');
  }

  /** Any order, any number; a repeated child that must stand is met once on the way: (others*, it, (others | it)*). */
  function putChoice(depth: number, children: readonly SchemaNode[]): void {
    const needed = children.filter((child) => child.isRepeated && child.isRequired);
    if (needed.length > 1)
      throw new Error(`two repeated children that must stand: ${needed.map(({ path }) => path).join(', ')}`);
    const choice = (at: number, members: readonly SchemaNode[]) => {
      put(at, '<xs:choice minOccurs="0" maxOccurs="unbounded">');
      for (const child of members) putElement(at + 1, child, 'choice');
      put(at, '</xs:choice>');
    };
    const [must] = needed;
    if (!must) {
      choice(depth, children);
      return;
    }
    put(depth, '<xs:sequence>');
    choice(
      depth + 1,
      children.filter((child) => child !== must),
    );
    putElement(depth + 1, must, 'choice');
    choice(depth + 1, children);
    put(depth, '</xs:sequence>');
  }

  /**
   * What the `xs:choice` of a block cannot say: a key for what must stand, a unique for what may not be doubled.
   * A field of a constraint is a leaf, so a block is watched through one leaf that always stands in it, or else
   * through all its leaves. Repeated elements need none.
   */
  function putConstraints(depth: number, anchor: SchemaNode): void {
    if (!isChoice(anchor) || (isInTableOrder && !takesTurns(anchor))) return;
    const constraint = (isKey: boolean, watched: SchemaNode, leaf: SchemaNode) => {
      const from = anchor.path === '' ? 0 : anchor.path.length + 1;
      const told = watched.path.slice(from).replaceAll('/', '.');
      const name = `${isKey ? MUST_PREFIX : ONCE_PREFIX}${from === 0 ? '' : `${anchor.path.replaceAll('/', '.')}..`}${told}`;
      const kind = isKey ? 'key' : 'unique';
      put(
        depth,
        `<xs:${kind} name="${name}"><xs:selector xpath="."/><xs:field xpath="${xpath(leaf.path.slice(from))}"/></xs:${kind}>`,
      );
    };
    const visit = (block: SchemaNode, isSure: boolean) => {
      for (const child of block.children.values()) {
        if (child.isRepeated) continue;
        const isKey = isSure && child.isRequired;
        const witness = witnessOf(child);
        if (witness) constraint(isKey, child, witness);
        else visit(child, isKey);
      }
    };
    visit(anchor, true);
  }

  const offer = schemaTree(codec);
  put(1, `<xs:element name="${codec.rootName}">`);
  put(2, '<xs:complexType>', '  <xs:sequence>');
  for (const { name, type } of PREAMBLE[codec.family]) {
    const named = typeName([type]);
    put(4, `<xs:element name="${name}" type="${named}"/>`);
  }
  put(4, `<xs:element name="${codec.offerName}" minOccurs="0" maxOccurs="unbounded">`);
  putBlock(5, offer);
  putConstraints(5, offer);
  put(4, '</xs:element>');
  put(2, '  </xs:sequence>');
  for (const [name, value] of Object.entries(codec.rootAttrs)) {
    if (name !== 'xmlns')
      put(3, `<xs:attribute name="${name}" type="xs:string" use="required" fixed="${escape(value)}"/>`);
  }
  put(2, '</xs:complexType>');
  put(2, `<xs:unique name="${IDS_CONSTRAINT}">`);
  put(3, `<xs:selector xpath="${xpath(codec.offerName)}"/>`, `<xs:field xpath="${xpath(idPath(codec))}"/>`);
  put(2, '</xs:unique>');
  put(1, '</xs:element>');

  const body = lines.splice(0);
  for (const [name, types] of shared) putType(1, types, name);
  const target = namespace === undefined ? '' : ` xmlns:f="${namespace}" targetNamespace="${namespace}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!--',
    `  Схема файла семейства ${codec.family}: наша, а не площадки. Она судит то, что выгружаем мы: имена, вложенность,`,
    '  типы, словари, обязательное всегда, неповторимость номеров и порядок в корне. Чего XSD 1.0 сказать не может',
    '  (обязательное по виду и сделке, порядок внутри объявления), судит src/boards/formats/inspect.ts.',
    `  Проверить файл: xmllint -noout -schema feed-schemas/${codec.family}.xsd файл.xml`,
    `  Создано из таблицы кодека командой npm run schemas, руками не править. Факты проверены ${FACTS_CHECKED}.`,
    '-->',
    `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"${target} elementFormDefault="qualified">`,
    ...body,
    ...lines,
    '</xs:schema>',
    '',
  ].join('\n');
}
