import { XMLParser } from 'fast-xml-parser';
import { legalXml } from '../../domain/text.ts';

/**
 * The small XML that a format codec works with. Writing is our own: xmlbuilder2 and fast-xml-parser's builder emit
 * ill-formed feeds for texts such as `&nbsp;` or control characters, a short escaper does not (docs/decisions/0001).
 */
export interface XmlNode {
  readonly name: string;
  readonly attrs?: Readonly<Record<string, string>>;
  text?: string;
  children?: XmlNode[];
}

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  '\r': '&#13;',
};
const NEEDS_ESCAPE = /[&<>"'\r]/g;

/** Text for an element: legal in XML 1.0 whatever comes in. */
export function escapeText(text: string): string {
  return legalXml(text).replace(NEEDS_ESCAPE, (character) => ESCAPES[character]!);
}

/** Text for an attribute: line ends and tabs survive normalisation. */
export function escapeAttribute(text: string): string {
  return escapeText(text).replace(/[\n\t]/g, (character) => (character === '\n' ? '&#10;' : '&#9;'));
}

/** Renders a node with two-space indents; the last line ends with a line feed. */
export function renderNode(node: XmlNode, indent = ''): string {
  let open = `${indent}<${node.name}`;
  if (node.attrs) for (const name in node.attrs) open += ` ${name}="${escapeAttribute(node.attrs[name]!)}"`;
  if (node.children && node.children.length > 0) {
    let inner = '';
    const deeper = `${indent}  `;
    for (const child of node.children) inner += renderNode(child, deeper);
    return `${open}>\n${inner}${indent}</${node.name}>\n`;
  }
  if (node.text !== undefined) return `${open}>${escapeText(node.text)}</${node.name}>\n`;
  return `${open}/>\n`;
}

const NONE: readonly Element[] = [];
const steps = new Map<string, readonly string[]>();

/** The steps of a path in small letters; a table asks for the same few hundred paths over and over. */
function stepsOf(path: string): readonly string[] {
  let known = steps.get(path);
  if (!known) {
    known = path.toLowerCase().split('/');
    steps.set(path, known);
  }
  return known;
}

/** A parsed element. Names are matched without regard to case, because Cian's importer does not mind it either. */
export class Element {
  readonly name: string;
  readonly text: string;
  readonly attrs: ReadonlyMap<string, string>;
  readonly children: readonly Element[];
  /** Set once a codec row has taken the value; what stays false is reported as not understood. */
  isUsed = false;
  readonly usedAttrs = new Set<string>();
  #byName: Map<string, Element[]> | undefined;

  constructor(name: string, text: string, attrs: ReadonlyMap<string, string>, children: readonly Element[]) {
    this.name = name;
    this.text = text;
    this.attrs = attrs;
    this.children = children;
  }

  /** Direct children of that name, in small letters. */
  #named(name: string): readonly Element[] {
    if (this.#byName === undefined) {
      this.#byName = new Map();
      for (const child of this.children) {
        const key = child.name.toLowerCase();
        const same = this.#byName.get(key);
        if (same) same.push(child);
        else this.#byName.set(key, [child]);
      }
    }
    return this.#byName.get(name) ?? NONE;
  }

  /** All elements at a path such as `Phones/PhoneSchema`, unused ones only. */
  all(path: string): Element[] {
    let found: readonly Element[] = [this];
    for (const step of stepsOf(path)) {
      if (found.length === 1) found = found[0]!.children.length === 0 ? NONE : found[0]!.#named(step);
      else if (found.length > 1) found = found.flatMap((element) => element.#named(step));
      else return [];
    }
    return found.length === 0 ? [] : found.filter((element) => !element.isUsed);
  }

  /** Takes the first unused element at the path: its trimmed text, or undefined where there is none or it is empty. */
  take(path: string): string | undefined {
    // What has elements inside is a block that nobody expected here: it is left to be reported.
    const element = this.all(path).find((candidate) => candidate.children.length === 0);
    if (!element) return undefined;
    element.isUsed = true;
    return element.text === '' ? undefined : element.text;
  }

  /** Looks at the first element at the path without taking it. */
  peek(path: string): string | undefined {
    const text = this.all(path)[0]?.text;
    return text === '' ? undefined : text;
  }

  takeAttr(name: string): string | undefined {
    this.usedAttrs.add(name);
    const value = this.attrs.get(name)?.trim();
    return value === '' ? undefined : value;
  }

  /** Paths of the leaves and attributes that nobody took. */
  leftovers(prefix = ''): { path: string; value: string }[] {
    const found: { path: string; value: string }[] = [];
    for (const [name, value] of this.attrs) {
      if (!this.usedAttrs.has(name) && !name.startsWith('xmlns')) found.push({ path: `${prefix}@${name}`, value });
    }
    if (this.isUsed) return found;
    for (const child of this.children) {
      const path = prefix === '' ? child.name : `${prefix}/${child.name}`;
      if (child.children.length === 0 && !child.isUsed) {
        for (const name of child.attrs.keys()) child.usedAttrs.add(name);
        found.push({ path, value: child.text });
      } else found.push(...child.leftovers(path));
    }
    return found;
  }

  /** The same tree that the writer made, without the detour over text. */
  static from(node: XmlNode): Element {
    return new Element(
      node.name,
      legalXml(node.text ?? '').trim(),
      new Map(Object.entries(node.attrs ?? {})),
      (node.children ?? []).map((child) => Element.from(child)),
    );
  }
}

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  preserveOrder: true,
  parseTagValue: false,
  parseAttributeValue: false,
  processEntities: false,
  trimValues: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  removeNSPrefix: true,
  maxNestedTags: 64,
});

const NAMED: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decode(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&(#x[0-9a-fA-F]+|#\d+|amp|lt|gt|quot|apos);/g, (whole, name: string) => {
    if (!name.startsWith('#')) return NAMED[name]!;
    const code = name[1] === 'x' ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code > 0x10ffff ? whole : String.fromCodePoint(code);
  });
}

/** Element names that the parser refuses because objects have them; nobody's table knows them under any name. */
const RESERVED = /(<\/?)(__proto__|constructor|prototype)(?=[\s/>])/g;

type Ordered = Record<string, unknown>;

function convert(item: Ordered): Element | undefined {
  const name = Object.keys(item).find((key) => key !== ':@');
  if (name === undefined || name === '#text') return undefined;
  const attrs = new Map<string, string>();
  const raw = item[':@'] as Record<string, string> | undefined;
  if (raw) for (const key of Object.keys(raw)) attrs.set(key.slice(1), decode(String(raw[key])));
  const children: Element[] = [];
  let text = '';
  for (const part of item[name] as Ordered[]) {
    if ('#text' in part) text += String(part['#text']);
    else {
      const child = convert(part);
      if (child) children.push(child);
    }
  }
  return new Element(name, legalXml(decode(text)).trim(), attrs, children);
}

/**
 * Reads one offer that a strict parser has already found well-formed (src/intake judges the stream).
 * CDATA sections become ordinary text first, so a section and plain text may stand side by side.
 * @throws Error when there is no element at all
 */
export function parseElement(xml: string): Element {
  const plain = xml.replace(/<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>/g, (_, cdata?: string) =>
    cdata === undefined ? '' : cdata.replace(NEEDS_ESCAPE, (character) => ESCAPES[character]!),
  );
  for (const item of parser.parse(plain.replace(RESERVED, '$1x-$2')) as Ordered[]) {
    const element = convert(item);
    if (element) return element;
  }
  throw new Error('no element in the offer');
}
