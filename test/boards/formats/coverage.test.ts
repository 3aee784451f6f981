import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { coverage, documentedList } from '../../../src/boards/formats/coverage.ts';
import { CODECS } from '../../../src/boards/formats/index.ts';
import type { Family } from '../../../src/domain/listing.ts';

const families = Object.keys(CODECS) as Family[];

describe.each(families)('%s', (family) => {
  const list = documentedList(family);

  test('the list counts itself rightly, names nothing twice and says why it leaves out', () => {
    expect(list.family).toBe(family);
    expect(list.counts).toEqual({ documented: list.documented.length, readOnly: list.readOnly.length });
    // One and the same path may be in use for one kind and obsolete for another; `where` then says for which.
    const everywhere = list.readOnly.filter(({ where }) => where === undefined);
    for (const part of [[...list.documented, ...everywhere, ...list.excluded], list.readOnly]) {
      const paths = part.map(({ path }) => path);
      expect(paths.filter((path, index) => paths.indexOf(path) !== index)).toEqual([]);
    }
    for (const { reason } of list.excluded) expect(reason.length).toBeGreaterThan(10);
  });

  test('every documented element passes the trip with two contents', () => {
    const { missing, covered, documented, readOnly } = coverage(family, list);
    console.log(
      `${family}: ${covered} of ${documented} written and read, ${readOnly.covered} of ${readOnly.documented} obsolete ones read`,
    );
    expect(missing).toEqual([]);
    expect(readOnly.missing).toEqual([]);
  });

  test('the table writes nothing that the facts do not know', () => {
    const known = new Set([...list.documented, ...list.readOnly].map(({ path }) => path));
    const unknown = CODECS[family].rows
      .flatMap(({ elements }) => elements.map(({ path }) => path))
      .filter((path) => !known.has(path) && ![...known].some((other) => other.startsWith(`${path}/`)));
    expect([...new Set(unknown)]).toEqual([]);
  });

  test('coverage is honest: what the table lacks is missing', () => {
    const invented = {
      ...list,
      documented: [{ path: 'unheard-of', section: '0' }],
      readOnly: [{ path: 'unheard-of-old', section: '0', values: ['a', 'b'] }],
    };
    const { missing, readOnly } = coverage(family, invented);
    expect(missing).toEqual([{ path: 'unheard-of', reason: 'в таблице нет строки' }]);
    expect(readOnly.missing).toHaveLength(1);
  });
});

/** The facts lie beside the repository while it is being built; in a checkout of its own this part is silent. */
const facts = new URL('../../../../shared/formats/', import.meta.url);

describe.runIf(existsSync(facts))('the facts files', () => {
  test.each(families)('%s: every element of the first columns is in the list', (family) => {
    const list = documentedList(family);
    const paths = [...list.documented, ...list.readOnly, ...list.excluded].flatMap(({ path }) => path.split(/,\s*/));
    const isKnown = (name: string) => paths.some((path) => `/${path}/`.includes(`/${name}/`));
    let header: string | undefined;
    const unknown: string[] = [];
    let names = 0;
    for (const line of readFileSync(new URL(`${family}.md`, facts), 'utf8').split('\n')) {
      if (!line.startsWith('|')) {
        header = undefined;
        continue;
      }
      const first = line.split('|')[1]!.trim();
      if (header === undefined) {
        header = first;
        continue;
      }
      // `path under BargainTerms`, «Element», «element», «path»: the other tables are about something else.
      if (!/^(path|element)/i.test(header)) continue;
      // «`ContractType` (`sale`, `leaseAssignment`)» names values in the brackets.
      for (const [, raw] of first.replace(/\([^()]*\)/g, '').matchAll(/`([^`]+)`/g)) {
        const name = raw!.replace(/^(?:…|\.\.\.)?\//, '').replace(/(?:\/\*?|\[\])$/, '');
        names++;
        if (!isKnown(name)) unknown.push(name);
      }
    }
    expect(names).toBeGreaterThan(100);
    expect(unknown).toEqual([]);
  });
});
