import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { factsOf } from '../../src/domain/facts.ts';
import type { Listing } from '../../src/domain/listing.ts';
import {
  failureWords,
  isBroken,
  isPhotoNews,
  nextLook,
  nextTry,
  PHOTO_FAILURES,
  type PhotoState,
  photoFactsOf,
} from '../../src/domain/photos.ts';

const NOW = new Date('2026-11-21T09:00:00Z');
const ago = (hours: number) => new Date(NOW.getTime() - hours * 3_600_000);
const state = (name: string, more: Partial<PhotoState> = {}): PhotoState => ({
  url: `https://img.example.test/${name}.jpg`,
  host: 'img.example.test',
  status: 200,
  type: 'image/jpeg',
  bytes: 300_000,
  width: 1024,
  height: 768,
  sha256: name.repeat(64),
  lookId: 1,
  failures: 0,
  firstFailedAt: null,
  lastError: null,
  ...more,
});
const NEVER_SEEN = { type: null, bytes: null, width: null, height: null, sha256: null, lookId: null };
const failing = (failures: number, hours: number, more: Partial<PhotoState> = {}): Partial<PhotoState> => ({
  status: 404,
  failures,
  firstFailedAt: ago(hours),
  lastError: 'http-status',
  ...more,
});
const summed = (states: readonly PhotoState[], dead: readonly string[] = []) =>
  photoFactsOf(states, new Map(states.map((one) => [one.url, one])), new Set(dead), NOW);
const flat: Listing = { externalId: 'A-1', kind: 'flat', deal: 'sale' };

describe('when a picture is looked at again', () => {
  it.each([
    [1, 0.25],
    [2, 1],
    [3, 6],
    [4, 24],
    [9, 24],
  ])('after %i failures in a row in %d hours', (failures, hours) => {
    expect(nextTry(failures, NOW).getTime() - NOW.getTime()).toBe(hours * 3_600_000);
  });

  it('after a good look in seven to eight days, always the same for an address', () => {
    fc.assert(
      fc.property(fc.webUrl(), (url) => {
        const days = (nextLook(url, NOW).getTime() - NOW.getTime()) / 86_400_000;
        expect(days).toBeGreaterThanOrEqual(7);
        expect(days).toBeLessThan(8);
        expect(nextLook(url, NOW)).toEqual(nextLook(url, NOW));
      }),
    );
    const hours = new Set(
      Array.from({ length: 500 }, (_, at) => nextLook(`https://a.test/${at}.jpg`, NOW).getUTCHours()),
    );
    expect(hours.size).toBe(24);
  });
});

it.each([
  [0, 0, false],
  [2, 100, false],
  [3, 23.9, false],
  [3, 24, true],
  [50, 1, false],
])('%i failures, the first %d hours ago: broken is %s', (failures, hours, expected) => {
  expect(isBroken({ failures, firstFailedAt: failures === 0 ? null : ago(hours) }, NOW)).toBe(expected);
});

it('every failure has its Russian words', () => {
  for (const failure of PHOTO_FAILURES) expect(failureWords(failure, null)).toMatch(/^[а-яё0-9 ,А-Я]+$/);
  expect(failureWords('http-status', 404)).toBe('сервер ответил 404');
  expect(failureWords('busy', 503)).toBe('сервер ответил 503');
});

describe('summed up', () => {
  it('sizes are of the smallest, weight of the heaviest', () => {
    const facts = summed([state('a'), state('b', { width: 400, height: 900, bytes: 12_000_000, type: 'image/webp' })]);
    expect(facts).toMatchObject({
      probed: 2,
      unprobed: 0,
      broken: 0,
      minSidePx: 400,
      minWidthPx: 400,
      minHeightPx: 768,
    });
    expect(factsOf(flat, facts)).toMatchObject({
      minPhotoSidePx: 400,
      maxPhotoBytes: 12_000_000,
      maxPhotoMb: 11.5,
      unusualPhotoTypes: 'WebP',
      isEveryPhotoBroken: false,
    });
  });

  it('a broken one is told by its place; one that fails since an hour is not broken', () => {
    const facts = summed([state('a'), state('b', failing(4, 30)), state('c', failing(2, 1)), state('d', NEVER_SEEN)]);
    expect(facts).toMatchObject({ probed: 2, unprobed: 1, failing: 1, broken: 1 });
    expect(factsOf(flat, facts)).toMatchObject({
      brokenPhotosCount: 1,
      brokenPhotosTold: 'фото 2: сервер ответил 404',
      failingPhotosCount: 1,
      unprobedPhotosCount: 1,
      isEveryPhotoBroken: false,
    });
  });

  it('all are broken only when each one is', () => {
    const broken = state('a', failing(5, 48));
    expect(factsOf(flat, summed([broken, { ...broken, url: 'https://img.example.test/2.jpg' }]))).toMatchObject({
      isEveryPhotoBroken: true,
      brokenPhotosCount: 2,
    });
    expect(factsOf(flat, summed([broken, state('b', NEVER_SEEN)])).isEveryPhotoBroken).toBe(false);
  });

  it('pictures of a dead server are not broken', () => {
    const silent = failing(9, 100, { status: null, lastError: 'no-answer' });
    const facts = summed([state('a', silent), state('b', { ...NEVER_SEEN, ...silent })], ['img.example.test']);
    expect(facts).toMatchObject({ broken: 0, probed: 1, unprobed: 1, deadHosts: ['img.example.test'] });
    expect(facts.failing).toBeUndefined();
    expect(factsOf(flat, facts)).toMatchObject({ deadPhotoHosts: 'img.example.test', isEveryPhotoBroken: false });
  });

  it('what nobody probed is harmless', () => {
    const bare = factsOf(flat);
    expect(bare).toEqual(factsOf(flat, null));
    expect(bare).toMatchObject({ brokenPhotosCount: 0, isEveryPhotoBroken: false, deadPhotoHostsCount: 0 });
    for (const fact of ['minPhotoSidePx', 'maxPhotoMb', 'brokenPhotosTold', 'unusualPhotoTypes'] as const)
      expect(fact in bare).toBe(false);
    expect(factsOf(flat, photoFactsOf([], new Map(), new Set(), NOW))).toEqual(bare);
  });
});

describe('news', () => {
  const one = summed([state('a'), state('b', NEVER_SEEN)]);
  it.each([
    ['nothing', one, one, false],
    ['the order of the keys in the database', one, JSON.parse(JSON.stringify({ ...one, probed: 1 })), false],
    ['fewer to be probed', one, { ...one, unprobed: 0, probed: 2 }, false],
    ['a hash for the first time', one, { ...one, hashes: { ...one.hashes, x: '1' } }, false],
    ['nothing known yet', null, summed([state('b', NEVER_SEEN)]), false],
    ['first sizes', null, one, true],
    ['a broken one', one, summed([state('a'), state('b', { ...NEVER_SEEN, ...failing(4, 30) })]), true],
    ['a dead server', one, { ...one, deadHosts: ['x'] }, true],
    ['other bytes', one, { ...one, hashes: { [state('a').url]: 'other' } }, true],
    ['smaller pictures', one, { ...one, minWidthPx: 3 }, true],
  ])('%s', (_, before, after, expected) => expect(isPhotoNews(before, after)).toBe(expected));
});
