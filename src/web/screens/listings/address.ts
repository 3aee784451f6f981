import type { ListingsQuery, ListingWords, Selection } from '../../../contracts/listings.ts';
import type { Selected } from '../../parts/selection.ts';
import { listOf, oneOf, type RawAddress } from '../../router.tsx';

/** The words of the address and what the list is asked with. */

export interface ListingsAddress {
  readonly words: ListingWords;
  readonly sort: NonNullable<ListingsQuery['sort']>;
  /** Columns that are not shown; null: as this browser remembers. */
  readonly hidden: readonly string[] | null;
}

const SORTS: readonly string[] = ['changedAt', '-changedAt', 'price', '-price', 'id', '-id'];
export const DEFAULT_SORT = '-changedAt';
/** In `hide`: every column is shown, whatever the browser remembers. */
export const HIDE_NOTHING = 'none';

const NUMBERS = ['cabinet', 'employee', 'branch', 'department'] as const;
const TEXTS = ['board', 'outcome', 'kind', 'deal', 'status'] as const;
const SINGLE = ['q', 'code'] as const;
const KOPECKS = ['priceFromKopecks', 'priceToKopecks'] as const;
const FLAGS = ['unassigned', 'archived', 'stale'] as const;
/** Every word that narrows the list. */
export const FILTER_WORDS = [...NUMBERS, ...TEXTS, ...SINGLE, ...KOPECKS, ...FLAGS, 'marked'] as const;

/** What is no number is left out; whether a word is known is the server's to say. */
export function readAddress(raw: RawAddress): ListingsAddress {
  const words: Record<string, unknown> = {};
  const numbers = (name: string) => listOf(raw[name]).map(Number).filter(Number.isSafeInteger);
  for (const name of NUMBERS) if (numbers(name).length > 0) words[name] = numbers(name);
  for (const name of TEXTS) if (listOf(raw[name]).length > 0) words[name] = [...listOf(raw[name])];
  for (const name of SINGLE) if (oneOf(raw[name])) words[name] = oneOf(raw[name]);
  for (const name of KOPECKS) if (numbers(name)[0] !== undefined) words[name] = numbers(name)[0];
  for (const name of FLAGS) if (oneOf(raw[name]) === 'true') words[name] = true;
  const marked = oneOf(raw.marked);
  if (marked === 'yes' || marked === 'no') words.marked = marked;
  const sort = oneOf(raw.sort) ?? DEFAULT_SORT;
  const hidden = raw.hide === undefined ? null : listOf(raw.hide).filter((name) => name !== HIDE_NOTHING);
  return {
    words: words as ListingWords,
    sort: (SORTS.includes(sort) ? sort : DEFAULT_SORT) as ListingsAddress['sort'],
    hidden,
  };
}

/** How many conditions narrow the list; the boards and the search are told elsewhere. */
export const countOf = (words: ListingWords): number =>
  Object.keys(words).filter((name) => name !== 'q' && name !== 'board' && name !== 'cabinet').length;

/** What is ticked, as the server takes it: numbers, or the filter and those that are not meant. */
export const selectionOf = (selected: Selected, words: ListingWords): Selection =>
  selected.kind === 'some'
    ? { ids: [...selected.keys] }
    : { filter: words, ...(selected.except.length > 0 && { except: [...selected.except] }) };
