import { describe, expect, it } from 'vitest';
import {
  behindFigure,
  bucketOf,
  type MarkedFact,
  median,
  percentile,
  toldMinutes,
  type VerdictFact,
  type WaitingFact,
  type WorkFigure,
  workFigures,
} from '../../src/domain/work-report.ts';

const NOW = new Date('2026-11-21T12:00:00Z');
const hoursAgo = (hours: number) => new Date(NOW.getTime() - hours * 3_600_000);

const verdict = (more: Partial<VerdictFact>): VerdictFact => ({
  listingId: 1,
  kind: 'approved',
  at: hoursAgo(1),
  pendingSince: hoursAgo(3),
  reasons: [],
  isLook: true,
  isTrusted: false,
  isCorrected: false,
  isFirst: false,
  ...more,
});

const waits = (more: Partial<WaitingFact>): WaitingFact => ({
  listingId: 7,
  since: hoursAgo(1),
  isPutAside: false,
  isReady: true,
  stops: [],
  ...more,
});

const marked = (more: Partial<MarkedFact>): MarkedFact => ({
  listingId: 1,
  isOnMarket: true,
  isStale: false,
  isJudged: true,
  hasPhotoNotices: false,
  hasTextNotices: false,
  ...more,
});

describe('the numbers in the middle and near the end', () => {
  it.each([
    [[], null, null],
    [[7], 7, 7],
    [[1, 9], 5, 9],
    [[9, 1, 5], 5, 9],
    [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 5.5, 9],
    [[10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 11], 6, 10],
  ])('of %j are %s and %s', (values, middle, high) => {
    expect(median(values)).toBe(middle);
    expect(percentile(values, 90)).toBe(high);
  });

  it.each([
    [0, 0],
    [1.99, 0],
    [2, 1],
    [23.99, 1],
    [24, 2],
    [71.99, 2],
    [72, 3],
    [9999, 3],
  ])('an age of %s hours lies in bucket %i', (hours, bucket) => expect(bucketOf(hours * 3_600_000)).toBe(bucket));

  it.each([
    [0, '0 мин'],
    [59, '59 мин'],
    [60, '1 ч'],
    [312, '5 ч 12 мин'],
    [1440, '1 дн.'],
    [4565, '3 дн. 4 ч'],
  ])('%i minutes are told as «%s»', (minutes, words) => expect(toldMinutes(minutes)).toBe(words));
});

describe('the work', () => {
  const facts = {
    verdicts: [
      verdict({ isFirst: true }),
      verdict({ listingId: 2, pendingSince: hoursAgo(11), isFirst: true, isCorrected: true }),
      verdict({ listingId: 3, pendingSince: null }),
      verdict({ listingId: 4, isLook: false, isTrusted: true }),
      verdict({ listingId: 5, isLook: false }),
      verdict({ listingId: 6, kind: 'returned', reasons: ['few-photos', 'text-poor'], isFirst: true }),
      verdict({ listingId: 6, kind: 'returned', reasons: ['few-photos', 'few-photos'] }),
    ],
    waiting: [
      waits({ listingId: 7, since: hoursAgo(1) }),
      waits({ listingId: 8, since: hoursAgo(5), isPutAside: true, stops: ['blocked'] }),
      waits({ listingId: 9, since: hoursAgo(100), isReady: false, stops: ['stale'] }),
    ],
    marked: [
      marked({}),
      marked({ listingId: 2, isStale: true, hasPhotoNotices: true }),
      marked({ listingId: 3, isStale: true, isOnMarket: false, hasTextNotices: true, hasPhotoNotices: true }),
      marked({ listingId: 4, isJudged: false, hasTextNotices: true }),
    ],
  };
  const figures = workFigures(facts, NOW);

  it('counts only what somebody looked at and what was seen waiting', () => {
    expect(figures.approval).toEqual({ count: 2, medianMinutes: 360, p90Minutes: 600, unmeasured: 1 });
    expect(figures.decided).toEqual({ count: 5, approved: 3, accepted: 1, trusted: 1 });
    // One number and its parts: whatever was looked at is either approved or returned.
    expect(figures.decided.approved).toBe(figures.approval.count + figures.approval.unmeasured);
    expect(figures.decided.count).toBe(figures.decided.approved + figures.returns.count);
    expect(figures.decided.count + figures.decided.accepted + figures.decided.trusted).toBe(facts.verdicts.length);
    expect(figures.first).toEqual({ count: 3, right: 2, corrected: 1 });
    expect(figures.returns).toEqual({
      count: 2,
      byReason: [
        { code: 'few-photos', count: 2 },
        { code: 'text-poor', count: 1 },
      ],
    });
    expect(figures.queue).toEqual({
      count: 3,
      putAside: 1,
      oldestMinutes: 6000,
      medianMinutes: 300,
      buckets: [1, 1, 0, 1],
      ready: { count: 2, oldestMinutes: 300, medianMinutes: 180 },
      stopped: { count: 1, oldestMinutes: 6000, medianMinutes: 6000 },
    });
    expect(figures.stale).toEqual({ count: 1, of: 3 });
    expect(figures.norms).toEqual({ photos: 2, texts: 1, of: 3 });
  });

  it('opens each number to as many rows as it says', () => {
    const expected: Record<WorkFigure, number> = {
      decided: 5,
      accepted: 1,
      trusted: 1,
      approved: 2,
      returned: 2,
      first: 3,
      'first-right': 2,
      queue: 3,
      'queue-ready': 2,
      'queue-stopped': 1,
      marked: 3,
      stale: 1,
      judged: 3,
      photos: 2,
      texts: 1,
    };
    for (const [figure, count] of Object.entries(expected))
      expect(behindFigure(facts, figure as WorkFigure, {}, NOW), figure).toHaveLength(count);
    expect(behindFigure(facts, 'returned', { reason: 'text-poor' }, NOW)).toHaveLength(1);
    for (const [bucket, count] of figures.queue.buckets.entries())
      expect(behindFigure(facts, 'queue', { bucket }, NOW)).toHaveLength(count);
    expect(behindFigure(facts, 'approved', {}, NOW).map(({ listingId }) => listingId)).toEqual([2, 1]);
  });

  it('of nothing knows nothing', () => {
    expect(workFigures({ verdicts: [], waiting: [], marked: [] }, NOW)).toMatchObject({
      approval: { count: 0, medianMinutes: null, p90Minutes: null },
      queue: { count: 0, oldestMinutes: null, medianMinutes: null, buckets: [0, 0, 0, 0], ready: { count: 0 } },
    });
  });
});
