import { diffWords } from 'diff';

/** What became of a text, by whole Russian words. */

export interface TextPart {
  readonly kind: 'same' | 'added' | 'removed';
  readonly text: string;
}

export interface TextDifference {
  readonly parts: readonly TextPart[];
  /** How many words came and went. */
  readonly added: number;
  readonly removed: number;
}

/** Without it the words of Cyrillic are torn apart: «ремонт» → «евроремонт» came out as crumbs of letters. */
const russian = new Intl.Segmenter('ru', { granularity: 'word' });

/** Texts that differ more than that are told as a whole: a difference of crumbs helps nobody and takes long to find. */
const EDITS_MAX = 400;

/**
 * The difference of two texts. The parts that are not `removed` are the new text, but for blanks; those that are not
 * `added` the old one.
 */
export function textDifference(before: string, after: string): TextDifference {
  const found = diffWords(before, after, { intlSegmenter: russian, maxEditLength: EDITS_MAX });
  const parts: TextPart[] = found
    ? found.map(({ added, removed, value }) => ({ kind: added ? 'added' : removed ? 'removed' : 'same', text: value }))
    : [before, after].flatMap((text, side) =>
        text === '' ? [] : [{ kind: side === 0 ? ('removed' as const) : ('added' as const), text }],
      );
  const words = (kind: TextPart['kind']) =>
    parts.filter((part) => part.kind === kind).reduce((sum, { text }) => sum + countWords(text), 0);
  return { parts, added: words('added'), removed: words('removed') };
}

function countWords(text: string): number {
  let words = 0;
  for (const { isWordLike } of russian.segment(text)) if (isWordLike) words++;
  return words;
}
