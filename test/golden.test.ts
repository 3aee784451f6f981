import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SHAPES } from '../fixtures/agency.ts';
import { loadBoards } from '../src/boards/catalogue.ts';
import { CODECS } from '../src/boards/formats/index.ts';
import { inspectEdition } from '../src/boards/formats/inspect.ts';
import { parseElement } from '../src/boards/formats/xml.ts';
import { FAMILIES, type Family, type Listing } from '../src/domain/listing.ts';
import { judgeAlone } from '../src/export/judge.ts';
import { deskOf } from '../src/export/offer.ts';
import { faultsOf } from '../src/intake/normalise.ts';

/**
 * The named listings of fixtures/listings as every family's feed, byte for byte. A change of a table or a rule shows
 * here as a difference to read before it is merged: `npm run golden` writes the files anew.
 */

const FIXTURES = join(import.meta.dirname, '..', 'fixtures');
const SCHEMAS = join(import.meta.dirname, '..', 'feed-schemas');
const IS_WRITING = process.env.GOLDEN === 'write';
const MOMENT = '2026-11-20T09:00:00+03:00';
/** One feed with all named listings the family can say. */
const ALL = 'all';

const named = readdirSync(join(FIXTURES, 'listings'))
  .filter((file) => file.endsWith('.json'))
  .sort()
  .map((file) => ({
    name: file.replace(/\.json$/, ''),
    listing: JSON.parse(readFileSync(join(FIXTURES, 'listings', file), 'utf8')) as Listing,
  }));

const boards = loadBoards();

/** The listing on its way to the board that gave the family its name, as a publish sends it. */
function judgedFor(family: Family, listing: Listing) {
  const desk = deskOf(boards.find((board) => board.id === family)!);
  return judgeAlone(listing, desk, { firstSeenAt: new Date(MOMENT) });
}

function feedOf(family: Family, offers: readonly string[]): string {
  const codec = CODECS[family];
  return `${codec.header(MOMENT)}${offers.join('')}${codec.footer}`;
}

const hasXmllint = spawnSync('xmllint', ['--version']).status === 0;

describe('named listings', () => {
  it('are listings by our own schema', () => {
    for (const { name, listing } of named) expect(faultsOf(listing), name).toEqual([]);
  });

  it('have different numbers', () => {
    expect(new Set(named.map(({ listing }) => listing.externalId)).size).toBe(named.length);
  });

  it('show every sort of listing that the demo agency has', () => {
    for (const shape of SHAPES) {
      const isThere = named.some(({ listing }) =>
        Object.entries(shape).every(([key, value]) => listing[key as keyof Listing] === value),
      );
      expect(isThere, JSON.stringify(shape)).toBe(true);
    }
  });

  it('are each said by at least one family', () => {
    for (const { name, listing } of named) {
      expect(
        FAMILIES.some((family) => !judgedFor(family, listing).isBlocked),
        name,
      ).toBe(true);
    }
  });
});

describe.each(FAMILIES)('golden feeds of %s', (family) => {
  const folder = join(FIXTURES, 'golden', family);
  const said = named.flatMap(({ name, listing }) => {
    const judged = judgedFor(family, listing);
    const isUnsupported = judged.notices.some(({ code }) => code === `${family}/offer-unsupported`);
    return isUnsupported ? [] : [{ name, judged, xml: CODECS[family].render(judged.dressed) }];
  });
  const golden = new Map([
    ...said.map(({ name, xml }) => [name, feedOf(family, [xml])] as const),
    [
      ALL,
      feedOf(
        family,
        said.map(({ xml }) => xml),
      ),
    ] as const,
  ]);

  if (IS_WRITING) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of golden) writeFileSync(join(folder, `${name}.xml`), text);
  }

  it('publishes every named listing that the family has a place for', () => {
    for (const { name, judged } of said) {
      expect(
        judged.notices.filter(({ severity }) => severity === 'blocking').map(({ message }) => message),
        name,
      ).toEqual([]);
      expect(judged.isBlocked, name).toBe(false);
    }
    expect(said.length).toBeGreaterThan(50);
  });

  it('has one golden file for each of them and no other', () => {
    expect(readdirSync(folder).sort()).toEqual([...golden.keys()].map((name) => `${name}.xml`).sort());
  });

  it.each([...golden.keys()])('%s is byte for byte the golden one', (name) => {
    expect(golden.get(name)).toBe(readFileSync(join(folder, `${name}.xml`), 'utf8'));
  });

  it('passes our own inspection, one by one and together', () => {
    for (const [name, text] of golden) expect(inspectEdition(family, text), name).toEqual([]);
  });

  it('is understood whole when read back', () => {
    for (const { name, xml } of said) {
      const { notUnderstood, listing } = CODECS[family].read(parseElement(xml));
      expect(notUnderstood, name).toEqual([]);
      expect(listing?.kind, name).toBe(named.find((one) => one.name === name)!.listing.kind);
    }
  });

  it.skipIf(!hasXmllint || !existsSync(join(SCHEMAS, `${family}.xsd`)))('passes xmllint with our schema', () => {
    const files = [...golden.keys()].map((name) => join(folder, `${name}.xml`));
    const checked = spawnSync('xmllint', ['--noout', '--nonet', '--schema', join(SCHEMAS, `${family}.xsd`), ...files], {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
    expect(checked.stderr.split('\n').filter((line) => line !== '' && !line.endsWith(' validates'))).toEqual([]);
    expect(checked.status).toBe(0);
  });
});
