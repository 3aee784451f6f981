import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { create } from 'xmlbuilder2';
import { CODECS } from '../../src/boards/formats/index.ts';
import { parseElement, type XmlNode } from '../../src/boards/formats/xml.ts';
import { FAMILIES, type Listing } from '../../src/domain/listing.ts';
import { openFeed } from '../../src/intake/stream.ts';

/**
 * The same offers written by another program: xmlbuilder2 makes the document as a tree, with texts in CDATA, other
 * indents, comments and attributes in its own manner. Our reader must not depend on how our writer writes.
 */
const FOLDER = join(import.meta.dirname, '../../fixtures/listings');
const LISTINGS = readdirSync(FOLDER).map((name) => JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Listing);

type Builder = ReturnType<typeof create>;

function build(parent: Builder, node: XmlNode): void {
  const element = parent.ele(node.name, node.attrs ?? {});
  if (node.text !== undefined && /[\n&<]|.{60}/.test(node.text)) element.dat(node.text);
  else if (node.text !== undefined) element.txt(node.text.replaceAll('&', '&amp;'));
  for (const child of node.children ?? []) {
    element.com(' из CRM ');
    build(element, child);
  }
}

describe.each(FAMILIES)('a %s feed of another program', (family) => {
  const codec = CODECS[family];
  const sayable = LISTINGS.filter((listing) => codec.project(listing).kind !== undefined);

  it.each([
    ['on one line', {}],
    ['with tabs and Windows line ends', { prettyPrint: true, indent: '\t', newline: '\r\n' }],
  ])('is read like our own, %s', async (_, format) => {
    const root = create({ version: '1.0', encoding: 'UTF-8' }).ele(codec.rootName, { ...codec.rootAttrs });
    for (const listing of sayable) build(root, codec.write(listing));
    const feed = await openFeed(
      (async function* () {
        yield Buffer.from(root.end(format));
      })(),
      { codecs: FAMILIES.map((name) => CODECS[name]) },
    );
    const read: unknown[] = [];
    for await (const offer of feed.offers) {
      const { listing, notUnderstood } = codec.read(parseElement(offer.xml));
      expect(notUnderstood).toEqual([]);
      read.push(listing);
    }
    expect(sayable.length).toBeGreaterThan(40);
    expect(read).toEqual(sayable.map((listing) => codec.project(listing)));
  });
});
