import type { Board } from '../boards/catalogue.ts';
import { compileBoard } from '../boards/check.ts';
import { CODECS } from '../boards/formats/index.ts';
import { type JudgedOffer, judgeFile } from '../boards/formats/inspect.ts';
import { parseElement } from '../boards/formats/xml.ts';
import { factsOf } from '../domain/facts.ts';
import { FAMILIES, type Family } from '../domain/listing.ts';
import { normalise } from './normalise.ts';
import { openSource } from './open.ts';
import { openFeed } from './stream.ts';

/** One thing wrong with a feed file: its form, or a listing that the board would not take. */
export interface FileProblem {
  /** `schema/wrong-value`, `listing/bad-value` or a rule's code such as `cian/floors-total-missing`. */
  readonly code: string;
  readonly severity: 'blocking' | 'advisory';
  readonly line: number;
  readonly xpath: string;
  /** The listing's number in the file. */
  readonly listing: string | null;
  readonly message: string;
}

export interface ValidationReport {
  readonly board: string;
  readonly format: Family;
  readonly offers: number;
  readonly blocking: number;
  readonly advisory: number;
  /** False when it was stopped before the end: the counts are of what was read. */
  readonly isWhole: boolean;
  /** The first problems; the counts are exact. */
  readonly problems: readonly FileProblem[];
}

const LISTED = 5000;
/** Stands for the number of an offer that has none. */
const NAMELESS = '\u0000';

/**
 * Judges any feed, ours or foreign, as a board would: well-formedness (a Fault with line and column), our schema of the
 * family, what the kind and the deal require, and the board's rules. Streams; memory is bounded.
 * @param options `signal`: no more offers are read once it is aborted
 */
export async function validateFeed(
  location: string,
  board: Board,
  options: { allowPrivateHosts?: boolean; onProgress?: (offers: number) => void; signal?: AbortSignal } = {},
): Promise<ValidationReport> {
  const opened = await openSource(location, { allowPrivate: options.allowPrivateHosts ?? false });
  try {
    const feed = await openFeed(opened.bytes, {
      codecs: FAMILIES.map((family) => CODECS[family]),
      ...(opened.limits && { limits: opened.limits }),
    });
    const codec = CODECS[feed.head.family];
    const checker = compileBoard(board, codec.family);
    const problems: FileProblem[] = [];
    const counts = { blocking: 0, advisory: 0 };
    const tell = (problem: FileProblem) => {
      counts[problem.severity]++;
      if (problems.length < LISTED) problems.push(problem);
    };
    /** Listing and path of the values that nobody could make sense of. */
    const misread = new Set<string>();
    let offers = 0;
    let isWhole = true;
    if (!board.families.includes(codec.family)) {
      tell({
        code: 'file/family',
        severity: 'blocking',
        line: 1,
        xpath: `/${codec.rootName}`,
        listing: null,
        message: `Формат файла: ${codec.family}. ${board.name} его не берёт.`,
      });
    }
    // Offers are judged apart from the root that binds a prefix; names without it mean the same here.
    const prefix = /^([^:]+):/.exec(feed.head.root)?.[1];
    const prefixed = prefix === undefined ? undefined : new RegExp(`(</?)${prefix.replace(/[^\w-]/g, '')}:`, 'g');
    if (prefix !== undefined) {
      tell({
        code: 'file/prefix',
        severity: 'advisory',
        line: 1,
        xpath: `/${feed.head.root}`,
        listing: null,
        message: `Имена элементов с приставкой «${prefix}:»: площадки ждут их без приставки.`,
      });
    }
    // What the rules say of an offer is told while the judge of the form takes the offers in batches.
    async function* judged(): AsyncGenerator<JudgedOffer> {
      for await (const offer of feed.offers) {
        if (options.signal?.aborted) {
          isWhole = false;
          return;
        }
        offers++;
        const xpath = `/${codec.rootName}/${codec.offerName}[${offer.index}]`;
        const read = codec.read(parseElement(offer.xml));
        const { listing, externalId, faults } = normalise(read);
        const at = { line: offer.line, xpath, listing: externalId ?? null };
        for (const { path, value, isValue } of read.notUnderstood) {
          if (isValue && misread.size < 100_000) misread.add(`${externalId}\u0000${path.toLowerCase()}`);
          tell({
            ...at,
            code: isValue ? 'schema/unknown-value' : 'schema/unknown-element',
            severity: 'advisory',
            xpath: `${xpath}/${path}`,
            message: isValue ? `Значение «${value.slice(0, 80)}» формату не известно.` : 'Элемент формату не известен.',
          });
        }
        for (const message of faults) tell({ ...at, code: 'listing/bad-value', severity: 'blocking', message });
        if (listing) {
          for (const { code, severity, message } of checker.check(listing, factsOf(listing)))
            tell({ ...at, code, severity, message });
        }
        if (offers % 500 === 0) options.onProgress?.(offers);
        yield {
          id: externalId ?? `${NAMELESS}${offer.index}`,
          xml: prefixed ? offer.xml.replace(prefixed, '$1') : offer.xml,
          line: offer.line,
          position: offer.index,
        };
      }
    }
    for await (const problem of judgeFile(codec.family, judged())) {
      const path = problem.xpath.replace(/^\/[^/]+\/[^/]+\//, '').replace(/\[\d+\]/g, '');
      // A value that we read without doubt is only spelt otherwise than boards' documents spell it.
      const isSpelling = problem.code === 'wrong-value' && !misread.has(`${problem.id}\u0000${path.toLowerCase()}`);
      const listing = problem.id === undefined || problem.id.startsWith(NAMELESS) ? null : problem.id;
      tell({
        code: `schema/${problem.code}`,
        severity: isSpelling ? 'advisory' : 'blocking',
        line: problem.line,
        xpath: problem.xpath,
        listing,
        message: problem.message,
      });
    }
    return {
      board: board.id,
      format: codec.family,
      offers,
      ...counts,
      isWhole,
      problems: problems.sort((a, b) => a.line - b.line),
    };
  } finally {
    await opened.close();
  }
}
