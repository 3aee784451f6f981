import { deflateSync, inflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packUnits, unpackUnits } from '../../src/domain/day-record.ts';
import { addDays } from '../../src/domain/days.ts';
import { type ReportStep, SERIES, type Series, stepsOf } from '../../src/domain/export-report.ts';
import { REACH_ALL } from '../../src/domain/rights.ts';
import { type MarkDay, readDay } from '../../src/store/days.ts';
import {
  countExports,
  exportChanges,
  exportMembers,
  type Groups,
  recordedThrough,
  type StepCounts,
  type UnitOwner,
  unitOwners,
} from '../../src/store/export-report.ts';
import { type PlayedDemo, playedDemo } from '../played.ts';

/** The report of the demo's 150 days against a plain count of its days, mark by mark. */

let demo: PlayedDemo;
let owners: readonly UnitOwner[];
let until: string;
let from: string;
/** By cabinet and day. */
const days = new Map<string, readonly MarkDay[]>();

beforeAll(async () => {
  demo = await playedDemo();
  owners = await unitOwners(demo.db.pool, demo.agencyId, REACH_ALL);
  until = (await recordedThrough(
    demo.db.pool,
    demo.agencyId,
    demo.cabinets.map(({ id }) => id),
  ))!;
  from = addDays(until, -149);
  await moveSome(demo.cabinets[0]!.id);
  for (const cabinet of demo.cabinets)
    for (let day = from; day <= until; day = addDays(day, 1))
      days.set(`${cabinet.id} ${day}`, (await readDay(demo.db, cabinet, day)) ?? []);
}, 240_000);
afterAll(() => demo?.drop());

/** From the middle of a week in the middle of the report, people work elsewhere: each unit's listings are the next one's. */
async function moveSome(cabinetId: number): Promise<void> {
  const key = [demo.agencyId, cabinetId, addDays(until, -73)];
  const { rows } = await demo.db.pool.query<{ day: string; units: Buffer }>(
    'select day, units from day_record where agency_id = $1 and cabinet_id = $2 and day > $3',
    key,
  );
  expect(rows).toHaveLength(73);
  const last = Math.max(...owners.map(({ id }) => id));
  for (const { day, units } of rows) {
    const moved = unpackUnits(inflateSync(units)).map((unit) => (unit === 0 ? 0 : (unit % last) + 1));
    await demo.db.pool.query('update day_record set units = $4 where agency_id = $1 and cabinet_id = $2 and day = $3', [
      demo.agencyId,
      cabinetId,
      day,
      deflateSync(packUnits(moved)),
    ]);
  }
}

const STATE: Record<Series, (mark: MarkDay) => boolean> = {
  marked: () => true,
  published: ({ outcome }) => outcome === 'published',
  blocked: ({ outcome }) => outcome === 'blocked',
  unfunded: ({ outcome }) => outcome === 'unfunded',
};

function plain(cabinetIds: readonly number[], step: ReportStep, isAsked: (unitId: number) => boolean) {
  const counts: Record<string, number> = {};
  for (const series of SERIES) {
    const inState = new Map<number, number>();
    for (let day = step.from; day <= step.until; day = addDays(day, 1)) {
      const listings = new Set(
        cabinetIds
          .flatMap((id) => days.get(`${id} ${day}`)!)
          .filter((mark) => isAsked(mark.unitId) && STATE[series](mark))
          .map(({ listingId }) => listingId),
      );
      for (const id of listings) inState.set(id, (inState.get(id) ?? 0) + 1);
    }
    counts[series] = [...inState.values()].filter((sum) => sum >= (series === 'marked' ? 1 : step.needed)).length;
  }
  return counts;
}

describe('the export report', () => {
  it.each([
    ['week', 0],
    ['week', 50],
    ['month', 50],
    ['month', 100],
    ['day', 100],
  ] as const)('by the %s, with a share of %i, is a plain count of the record', async (step, minShare) => {
    const steps = stepsOf({ from, until, step, minShare }, until);
    // A board may have several feeds: two cabinets stand for one.
    const [one, two, three] = demo.cabinets.map(({ id }) => id);
    const sources = [{ cabinetIds: [one!] }, { cabinetIds: [two!, three!] }];
    const branches = [...new Set(owners.map(({ branchId }) => branchId))].filter((id) => id !== null);
    expect(branches.length).toBeGreaterThan(1);
    const of: Groups = new Map(
      owners
        .filter(({ branchId }) => branchId !== null)
        .map(({ id, branchId }) => [id, branches.indexOf(branchId!) + 1]),
    );
    // The second time from memory.
    for (const _ of ['cold', 'warm']) {
      const ways = [null, { of, count: branches.length }];
      const [all, grouped] = (await countExports(demo.db, demo.agencyId, sources, steps, ways)) as [
        StepCounts[][],
        StepCounts[][],
      ];
      for (const [source, { cabinetIds }] of sources.entries())
        for (const [at, own] of steps.entries()) {
          expect(all[source]![at]!.total).toEqual(plain(cabinetIds, own, () => true));
          expect(grouped[source]![at]!.total).toEqual(plain(cabinetIds, own, (unit) => of.has(unit)));
          expect(grouped[source]![at]!.byGroup).toEqual(
            branches.map((_, group) => plain(cabinetIds, own, (unit) => of.get(unit) === group + 1)),
          );
        }
    }
    expect(plain([one!], steps[0]!, () => true).published).toBeGreaterThan(0);
  });

  it('opens the listings behind a number, and tells why it is another than before', async () => {
    const steps = stepsOf({ from, until, step: 'week', minShare: 50 }, until);
    for (const cabinetIds of [[demo.cabinets[0]!.id], demo.cabinets.slice(1, 3).map(({ id }) => id)]) {
      const [[counts] = []] = await countExports(demo.db, demo.agencyId, [{ cabinetIds }], steps, [null]);
      for (const at of [1, Math.floor(steps.length / 2), steps.length - 1]) {
        for (const series of SERIES) {
          const members = await exportMembers(demo.db, demo.agencyId, { cabinetIds }, steps[at]!, series, null);
          expect(new Set(members.map(({ listingId }) => listingId)).size).toBe(counts![at]!.total[series]);
        }
        const changes = await exportChanges(demo.db, demo.agencyId, { cabinetIds }, [steps[at - 1]!, steps[at]!], null);
        expect(changes.reduce((sum, { came, left }) => sum + came - left, 0)).toBe(
          counts![at]!.total.published - counts![at - 1]!.total.published,
        );
      }
    }
  });
});
