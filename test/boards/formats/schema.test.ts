import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { XmlDocument, XmlValidateError, XsdValidator } from 'libxml2-wasm';
import { afterAll, describe, expect, test } from 'vitest';
import type { Codec } from '../../../src/boards/formats/codec.ts';
import { CODECS } from '../../../src/boards/formats/index.ts';
import { inspectEdition } from '../../../src/boards/formats/inspect.ts';
import { idPath, schemaText, schemaTree } from '../../../src/boards/formats/schema.ts';
import { richListing, shapesOf } from '../../../src/boards/formats/specimen.ts';
import { renderNode, type XmlNode } from '../../../src/boards/formats/xml.ts';

const MOMENT = '2026-11-20T10:00:00+03:00';
const folder = mkdtempSync(join(tmpdir(), 'vygruzka-schema-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const hasXmllint = spawnSync('xmllint', ['--version']).status === 0;

const validators = new Map<string, XsdValidator>();

/** Does the schema take the document? By libxml2 in this process; `xmllintAccepts` asks what a reader of ours would run. */
function accepts(codec: Codec, text: string, schema = `feed-schemas/${codec.family}.xsd`): boolean {
  let validator = validators.get(schema);
  if (!validator) {
    validator = XsdValidator.fromDoc(XmlDocument.fromString(readFileSync(schema, 'utf8')));
    validators.set(schema, validator);
  }
  const doc = XmlDocument.fromString(text);
  try {
    validator.validate(doc);
    return true;
  } catch (error) {
    if (error instanceof XmlValidateError) return false;
    throw error;
  } finally {
    doc.dispose();
  }
}

function xmllintAccepts(codec: Codec, text: string): boolean {
  const file = join(folder, 'feed.xml');
  writeFileSync(file, text);
  const schema = `feed-schemas/${codec.family}.xsd`;
  const { status, stderr } = spawnSync('xmllint', ['--noout', '--schema', schema, file], { encoding: 'utf8' });
  // 0 is valid, 3 is invalid; the rest is xmllint's own trouble.
  if (status !== 0 && status !== 3) throw new Error(`xmllint: ${status} ${stderr}`);
  return status === 0;
}

const codecs = Object.values(CODECS) as Codec[];

if (!hasXmllint) console.log('xmllint is not on PATH: the documents are judged by libxml2-wasm only');

describe.each(codecs.map((codec) => [codec.family, codec] as const))('%s', (family, codec) => {
  const whole = shapesOf(codec).filter(
    (shape) => inspectEdition(family, file(codec, codec.render(richListing(codec, shape)))).length === 0,
  );
  const offers = whole.map(
    (shape, index): XmlNode => codec.write({ ...richListing(codec, shape, index % 3), externalId: `A-${index}` }),
  );
  const text = (nodes: readonly XmlNode[]) => file(codec, nodes.map((node) => renderNode(node, '  ')).join(''));

  test('the committed file is what the table gives now (else: npm run schemas)', () => {
    expect(readFileSync(`feed-schemas/${family}.xsd`, 'utf8')).toBe(schemaText(codec));
  });

  test('accepts full listings of every shape, and an empty feed', () => {
    expect(offers.length).toBeGreaterThan(20);
    expect(accepts(codec, text(offers))).toBe(true);
    expect(accepts(codec, text([]))).toBe(true);
  });

  test('the order inside an offer is free', () => {
    const turned = offers.map((offer) => ({ ...offer, children: [...offer.children!].reverse() }));
    expect(accepts(codec, text(turned))).toBe(true);
  });

  test('the schema in table order accepts no more than the plain one', () => {
    const ordered = join(folder, `${family}-ordered.xsd`);
    writeFileSync(ordered, schemaText(codec, { isInTableOrder: true }));
    expect(accepts(codec, text(offers), ordered)).toBe(true);
    const [offer] = offers;
    for (const [index, child] of offer!.children!.entries()) {
      for (const children of [offer!.children!.toSpliced(index, 1), offer!.children!.toSpliced(index, 0, child)]) {
        const changed = text([{ ...offer!, children }]);
        if (accepts(codec, changed, ordered)) expect(accepts(codec, changed), child.name).toBe(true);
      }
    }
  });

  test('alone it refuses what XSD can refuse', () => {
    const [first, second] = offers as [XmlNode, XmlNode];
    const tree = schemaTree(codec);
    const change = (children: (list: XmlNode[]) => XmlNode[]) =>
      text([{ ...first, children: children([...first.children!]) }]);
    const id = idPath(codec);
    const sameId = id.startsWith('@')
      ? { ...second, attrs: first.attrs! }
      : {
          ...second,
          children: second.children!.map((child) =>
            child.name === id ? first.children!.find(({ name }) => name === id)! : child,
          ),
        };
    const bad: Record<string, string> = {
      'id of another offer': text([first, sameId]),
      'unknown element': change((list) => [...list, { name: 'unheard-of', text: '1' }]),
      'unknown attribute': text([{ ...first, attrs: { ...first.attrs, 'unheard-of': '1' } }]),
      'empty element': change((list) =>
        list.map((child, index) =>
          index === list.findLastIndex(({ text }) => text !== undefined) ? { ...child, text: '' } : child,
        ),
      ),
      'offers before the preamble': text(offers)
        .replace(codec.preamble(MOMENT), '')
        .replace(codec.footer, codec.preamble(MOMENT) + codec.footer),
    };
    if (codec.preamble(MOMENT) === '') delete bad['offers before the preamble'];
    for (const child of tree.children.values()) {
      if (child.isRequired) bad[`no ${child.name}`] = change((list) => list.filter(({ name }) => name !== child.name));
      const stands = first.children!.find(({ name }) => name === child.name);
      if (stands && !child.isRepeated) bad[`doubled ${child.name}`] = change((list) => [...list, stands]);
    }
    expect(Object.keys(bad).length).toBeGreaterThan(15);
    if (hasXmllint) {
      expect(xmllintAccepts(codec, text(offers))).toBe(true);
      for (const document of Object.values(bad).slice(0, 6)) expect(xmllintAccepts(codec, document)).toBe(false);
    }
    for (const [what, document] of Object.entries(bad)) expect(accepts(codec, document), what).toBe(false);
  });

  test('what repeats may repeat', () => {
    const tree = schemaTree(codec);
    for (const child of tree.children.values()) {
      if (!child.isRepeated) continue;
      const offer = offers.find(({ children }) => children!.some(({ name }) => name === child.name));
      expect(offer, child.name).toBeDefined();
      const stands = offer!.children!.find(({ name }) => name === child.name)!;
      expect(accepts(codec, text([{ ...offer!, children: [...offer!.children!, stands, stands] }])), child.name).toBe(
        true,
      );
    }
  });
});

function file(codec: Codec, offers: string): string {
  return `${codec.header(MOMENT)}${offers}${codec.footer}`;
}
