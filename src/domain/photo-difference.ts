import type { Photo } from './listing.ts';
import { differingBits, LOOK_BITS } from './photos.ts';

/**
 * What became of the pictures of a listing since somebody looked at them. Addresses alone do not tell: a board's or a
 * CRM's own storage gives the same picture another address, and another picture may stand at the same one.
 */

/** What is known of the picture at an address. */
export interface KnownPicture {
  readonly sha256: string | null;
  /** Difference hash, 16 hexadecimal digits. */
  readonly dhash: string | null;
}

export const PHOTO_FATES = ['same', 'added', 'removed', 'replaced', 'same-picture', 're-encoded'] as const;
/**
 * `replaced`: other bytes at the address, or another picture in the place of one that is gone; `same-picture`: the same
 * bytes under another address; `re-encoded`: other bytes that look the same.
 */
export type PhotoFate = (typeof PHOTO_FATES)[number];

export interface ComparedPhoto {
  readonly url: string;
  readonly isPlan: boolean;
  readonly fate: PhotoFate;
  /** The place of its pair in the other list, from 0; null: it has none. */
  readonly pair: number | null;
  /** It stands at another place among those that stayed. */
  readonly isMoved: boolean;
  /** It became a plan, or is one no more. */
  readonly isPlanChanged: boolean;
}

export interface PhotoDifference {
  readonly before: readonly ComparedPhoto[];
  readonly after: readonly ComparedPhoto[];
  readonly counts: Readonly<Record<'added' | 'removed' | 'replaced' | 'moved' | 'reEncoded', number>>;
}

interface Pair {
  readonly before: number;
  readonly after: number;
  readonly fate: PhotoFate;
}

/**
 * @param then sha-256 by address of the pictures whose bytes were known when somebody looked
 * @param known what is known of an address now
 */
export function photoDifference(
  before: readonly Photo[],
  after: readonly Photo[],
  then: Readonly<Record<string, string>>,
  known: (url: string) => KnownPicture | undefined,
): PhotoDifference {
  const pairs: Pair[] = [];
  const freeBefore = new Set(before.keys());
  const freeAfter = new Set(after.keys());
  const join = (was: number, is: number, fate: PhotoFate) => {
    freeBefore.delete(was);
    freeAfter.delete(is);
    pairs.push({ before: was, after: is, fate });
  };
  const joinEqual = (fate: PhotoFate, ofBefore: (photo: Photo) => string | null, ofAfter: typeof ofBefore) => {
    const places = new Map<string, number[]>();
    for (const was of freeBefore) {
      const key = ofBefore(before[was]!);
      if (key !== null) places.set(key, [...(places.get(key) ?? []), was]);
    }
    for (const is of freeAfter) {
      const key = ofAfter(after[is]!);
      const was = key === null ? undefined : places.get(key)?.shift();
      if (was !== undefined) join(was, is, fate);
    }
  };
  const sha = ({ url }: Photo) => known(url)?.sha256 ?? null;
  const isReplaced = ({ url }: Photo) => then[url] !== undefined && sha({ url }) !== null && then[url] !== sha({ url });

  joinEqual(
    'same',
    ({ url }) => url,
    ({ url }) => url,
  );
  joinEqual('same-picture', (photo) => then[photo.url] ?? sha(photo), sha);
  joinAlike(before, after, freeBefore, freeAfter, known, join);
  // Neither address nor look tell of it: whatever stands where one went is told beside it.
  for (const place of [...freeAfter]) if (freeBefore.has(place)) join(place, place, 'replaced');

  const stayed = pairs.filter(({ fate }) => fate !== 'replaced').sort((one, other) => one.after - other.after);
  const still = new Set(longestRise(stayed.map((pair) => pair.before)).map((index) => stayed[index]));
  const byBefore = new Map(pairs.map((pair) => [pair.before, pair]));
  const byAfter = new Map(pairs.map((pair) => [pair.after, pair]));
  const told = (photo: Photo, pair: Pair | undefined, side: 'before' | 'after'): ComparedPhoto => {
    const { url } = photo;
    const isPlan = photo.isPlan ?? false;
    if (!pair) {
      const fate = side === 'before' ? 'removed' : 'added';
      return { url, isPlan, fate, pair: null, isMoved: false, isPlanChanged: false };
    }
    const was = before[pair.before]!;
    return {
      url,
      isPlan,
      fate: pair.fate === 'same' && isReplaced(was) ? 'replaced' : pair.fate,
      pair: side === 'before' ? pair.after : pair.before,
      isMoved: pair.fate !== 'replaced' && !still.has(pair),
      isPlanChanged: (was.isPlan ?? false) !== (after[pair.after]!.isPlan ?? false),
    };
  };
  const result = {
    before: before.map((photo, place) => told(photo, byBefore.get(place), 'before')),
    after: after.map((photo, place) => told(photo, byAfter.get(place), 'after')),
  };
  const count = (of: (photo: ComparedPhoto) => boolean) => result.after.filter(of).length;
  return {
    ...result,
    counts: {
      added: count(({ fate }) => fate === 'added'),
      removed: result.before.filter(({ fate }) => fate === 'removed').length,
      replaced: count(({ fate }) => fate === 'replaced'),
      moved: count(({ isMoved }) => isMoved),
      reEncoded: count(({ fate }) => fate === 're-encoded' || fate === 'same-picture'),
    },
  };
}

/** The nearest first, so that of two that look alike each finds its own. */
function joinAlike(
  before: readonly Photo[],
  after: readonly Photo[],
  freeBefore: ReadonlySet<number>,
  freeAfter: ReadonlySet<number>,
  known: (url: string) => KnownPicture | undefined,
  join: (was: number, is: number, fate: PhotoFate) => void,
): void {
  const look = ({ url }: Photo) => known(url)?.dhash ?? null;
  const near: { readonly was: number; readonly is: number; readonly bits: number }[] = [];
  for (const was of freeBefore) {
    const one = look(before[was]!);
    if (one === null) continue;
    for (const is of freeAfter) {
      const other = look(after[is]!);
      const bits = other === null ? Number.POSITIVE_INFINITY : differingBits(one, other);
      if (bits <= LOOK_BITS) near.push({ was, is, bits });
    }
  }
  near.sort((one, other) => one.bits - other.bits || one.was - other.was || one.is - other.is);
  for (const { was, is } of near) if (freeBefore.has(was) && freeAfter.has(is)) join(was, is, 're-encoded');
}

/** Places of a longest rising sequence: what is in it stayed where it was, what is not was moved. */
function longestRise(values: readonly number[]): number[] {
  const best: number[] = [];
  const previous: (number | null)[] = [];
  for (const [index, value] of values.entries()) {
    let length = best.findIndex((end) => values[end]! >= value);
    if (length < 0) length = best.length;
    previous[index] = best[length - 1] ?? null;
    best[length] = index;
  }
  const found: number[] = [];
  for (let at: number | null | undefined = best.at(-1); at !== null && at !== undefined; at = previous[at])
    found.push(at);
  return found.reverse();
}
