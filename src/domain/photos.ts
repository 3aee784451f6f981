/** What the probes say of a listing's photos together. Summed up when a probe brings news, so a run reads one small value. */
export interface PhotoFacts {
  /** Photos that were seen and are not broken. */
  readonly probed: number;
  /** Photos nobody has seen yet; they advise, they never block. */
  readonly unprobed: number;
  /** Of the two above those whose last probe failed, and whose server answers for others; absent: none. */
  readonly failing?: number;
  /** Photos that failed three times over 24 hours, and whose server answers for others. */
  readonly broken: number;
  /** The first broken ones, for the sentence: place in the list from 1 and what the server said. */
  readonly brokenTold: readonly { readonly place: number; readonly why: string }[];
  /** Servers that do not answer at all: one fault, no blocked listings. */
  readonly deadHosts: readonly string[];
  /** Shortest and longest sides and the heaviest file among the probed; absent when none was. */
  readonly minSidePx?: number;
  readonly minWidthPx?: number;
  readonly minHeightPx?: number;
  readonly maxBytes?: number;
  /** Content types other than image/jpeg and image/png, by the files' first bytes. */
  readonly oddTypes: readonly string[];
  /** sha-256 by address, for approvals. */
  readonly hashes: Readonly<Record<string, string>>;
}

/**
 * Why a probe did not see a picture. The first group is the server's fault: it does not answer, or says that it cannot
 * for now; such failures of a whole server are one fault and block nobody.
 */
export const HOST_FAILURES = ['no-answer', 'timeout', 'unknown-host', 'bad-certificate', 'broken-off', 'busy'] as const;
export const PHOTO_FAILURES = [
  ...HOST_FAILURES,
  'http-status',
  'not-a-picture',
  'too-large',
  'too-many-redirects',
  'insecure-redirect',
  'refused-address',
  'bad-answer',
] as const;
export type PhotoFailure = (typeof PHOTO_FAILURES)[number];

/** Whole pictures are read up to here; of larger ones only the head. */
export const PHOTO_BYTES_MAX = 10 * 1024 * 1024;

const FAILURE_WORDS: Record<PhotoFailure, string> = {
  'no-answer': 'сервер не отвечает',
  timeout: 'сервер не успел отдать снимок',
  'unknown-host': 'сервер не найден',
  'bad-certificate': 'у сервера неверный сертификат',
  'broken-off': 'сервер оборвал передачу',
  busy: 'сервер занят или сломан',
  'http-status': 'сервер не отдал снимок',
  'not-a-picture': 'по адресу не снимок',
  'too-large': 'файл без указанного размера больше 10 МБ',
  'too-many-redirects': 'сервер отсылает с адреса на адрес',
  'insecure-redirect': 'сервер отсылает на незащищённый адрес',
  'refused-address': 'адрес не из открытого интернета',
  'bad-answer': 'сервер ответил не по правилам',
};

/** «сервер ответил 404»: the end of a sentence, without a full stop. */
export function failureWords(failure: PhotoFailure, status: number | null): string {
  const isTold = (failure === 'http-status' || failure === 'busy') && status !== null;
  return isTold ? `сервер ответил ${status}` : FAILURE_WORDS[failure];
}

/** One picture as the probes know it. */
export interface PhotoState {
  readonly url: string;
  readonly host: string;
  /** Of the last answer. */
  readonly status: number | null;
  /** The rest is of the last good look; null: never seen. */
  readonly type: string | null;
  readonly bytes: number | null;
  readonly width: number | null;
  readonly height: number | null;
  readonly sha256: string | null;
  readonly lookId: number | null;
  /** In a row, up to now. */
  readonly failures: number;
  readonly firstFailedAt: Date | null;
  readonly lastError: PhotoFailure | null;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const RETRIES_MS = [15 * MINUTE_MS, HOUR_MS, 6 * HOUR_MS];

/** When a picture that was seen is looked at again: in seven days, some hours later by its address, so that not all come at once. */
export function nextLook(url: string, now: Date): Date {
  let hash = 0x811c9dc5;
  for (let at = 0; at < url.length; at++) hash = Math.imul(hash ^ url.charCodeAt(at), 0x01000193);
  return new Date(now.getTime() + 7 * DAY_MS + ((hash >>> 0) % (24 * 60)) * MINUTE_MS);
}

/** When a failure is tried again: 15 minutes, an hour, six hours, then daily. @param failures in a row, this one included */
export function nextTry(failures: number, now: Date): Date {
  return new Date(now.getTime() + (RETRIES_MS[failures - 1] ?? DAY_MS));
}

/** Three failures over 24 hours. Before that a picture is only failing, and nobody is blocked. */
export function isBroken(photo: Pick<PhotoState, 'failures' | 'firstFailedAt'>, now: Date): boolean {
  return photo.failures >= 3 && photo.firstFailedAt !== null && now.getTime() - photo.firstFailedAt.getTime() >= DAY_MS;
}

/** So many broken pictures are told one by one. */
const TOLD_MAX = 5;
const USUAL_TYPES = ['image/jpeg', 'image/png'];

/**
 * What the probes say of a listing's photos together. Pictures without an address on the web are not among them.
 * @param states what is known, by address
 * @param deadHosts servers that do not answer at all
 */
export function photoFactsOf(
  photos: readonly { readonly url: string }[],
  states: ReadonlyMap<string, PhotoState>,
  deadHosts: ReadonlySet<string>,
  now: Date,
): PhotoFacts {
  let probed = 0;
  let unprobed = 0;
  let failing = 0;
  let broken = 0;
  const brokenTold: { place: number; why: string }[] = [];
  const dead = new Set<string>();
  const oddTypes = new Set<string>();
  const hashes: Record<string, string> = {};
  const widths: number[] = [];
  const heights: number[] = [];
  let maxBytes = 0;
  const seen = new Set<string>();
  for (const [index, { url }] of photos.entries()) {
    const state = states.get(url);
    if (state === undefined || seen.has(url)) continue;
    seen.add(url);
    const isHostDead = deadHosts.has(state.host);
    if (isHostDead) dead.add(state.host);
    if (state.sha256 !== null) hashes[url] = state.sha256;
    if (!isHostDead && isBroken(state, now)) {
      broken++;
      if (brokenTold.length < TOLD_MAX)
        brokenTold.push({ place: index + 1, why: failureWords(state.lastError ?? 'no-answer', state.status) });
      continue;
    }
    if (!isHostDead && state.failures > 0) failing++;
    if (state.bytes === null) {
      unprobed++;
      continue;
    }
    probed++;
    maxBytes = Math.max(maxBytes, state.bytes);
    if (state.type !== null && !USUAL_TYPES.includes(state.type)) oddTypes.add(state.type);
    if (state.width !== null && state.height !== null) {
      widths.push(state.width);
      heights.push(state.height);
    }
  }
  return {
    probed,
    unprobed,
    ...(failing > 0 && { failing }),
    broken,
    brokenTold,
    deadHosts: [...dead].sort(),
    ...(widths.length > 0 && {
      minSidePx: Math.min(...widths, ...heights),
      minWidthPx: Math.min(...widths),
      minHeightPx: Math.min(...heights),
    }),
    ...(probed > 0 && { maxBytes }),
    oddTypes: [...oddTypes].sort(),
    hashes,
  };
}

/**
 * Is there anything in the new facts by which a run could decide otherwise? How many photos are still to be probed is
 * no news, nor is a hash seen for the first time; other bytes at a known address are.
 */
export function isPhotoNews(before: PhotoFacts | null, after: PhotoFacts): boolean {
  const told = ({ broken, brokenTold, deadHosts, minWidthPx, minHeightPx, maxBytes, oddTypes }: Partial<PhotoFacts>) =>
    JSON.stringify([
      broken ?? 0,
      // The database gives the keys of an object back in an order of its own.
      (brokenTold ?? []).map(({ place, why }) => [place, why]),
      deadHosts ?? [],
      minWidthPx,
      minHeightPx,
      maxBytes,
      oddTypes ?? [],
    ]);
  if (told(before ?? {}) !== told(after)) return true;
  return Object.entries(before?.hashes ?? {}).some(
    ([url, hash]) => after.hashes[url] !== undefined && after.hashes[url] !== hash,
  );
}

/** Two pictures look the same when no more of the 64 bits of their difference hashes differ. */
export const LOOK_BITS = 4;

/** @returns the number of bits that differ between two hashes of 16 hexadecimal digits */
export function differingBits(one: string, other: string): number {
  let bits = 0;
  for (let rest = BigInt(`0x${one}`) ^ BigInt(`0x${other}`); rest > 0n; rest &= rest - 1n) bits++;
  return bits;
}
