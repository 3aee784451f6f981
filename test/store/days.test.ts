import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Dice } from '../../fixtures/dice.ts';
import { packUnitChanges, packUnits, unitsOfDay } from '../../src/domain/day-record.ts';
import { addDays } from '../../src/domain/days.ts';
import { stepsOf } from '../../src/domain/export-report.ts';
import { OUTCOMES, type Outcome } from '../../src/domain/gates.ts';
import { REACH_ALL } from '../../src/domain/rights.ts';
import { addEmployee, ensureBranch, ensureCabinet, ensureDepartment, resolveAgency } from '../../src/store/agencies.ts';
import { openDatabase } from '../../src/store/database.ts';
import { readDay, recordDays, sumDays, UnitReader } from '../../src/store/days.ts';
import { countExports, unitOwners } from '../../src/store/export-report.ts';
import { testDatabase } from './testdb.ts';

let base: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  base = await testDatabase();
});
afterAll(() => base.drop());

const HOUR = 3_600_000;
const query = async <T extends object>(sql: string, values: unknown[]) =>
  (await base.db.pool.query<T>(sql, values)).rows as T[];

interface Ground {
  readonly agencyId: number;
  readonly id: number;
  readonly zone: string;
  /** By ordinal. */
  readonly listingIds: number[];
}

let counter = 0;
async function newCabinet(zone: string, marks: number, board = 'avito'): Promise<Ground> {
  const { id: agencyId } = await resolveAgency(base.db, `Агентство ${++counter}`, true);
  await query('update agency set time_zone = $2 where id = $1', [agencyId, zone]);
  const listingIds = (
    await query<{ id: number }>(
      `with s as (insert into source (agency_id, name) values ($1, 'crm') returning agency_id, id)
       insert into listing (agency_id, source_id, external_id, source_values, source_hash, values, values_hash, first_seen_at, changed_at, fresh_at)
       select s.agency_id, s.id, n::text, v, '', v, '', now(), now(), now()
       from s, generate_series(1, $2::int) as n, jsonb_build_object('externalId', n::text, 'kind', 'flat', 'deal', 'sale') as v
       returning id`,
      [agencyId, marks],
    )
  ).map(({ id }) => id);
  return mark(agencyId, board, zone, listingIds);
}

async function mark(agencyId: number, board: string, zone: string, listingIds: number[]): Promise<Ground> {
  const id = await ensureCabinet(base.db, agencyId, { board, slug: 'main', name: board, family: 'avito' });
  await query(
    `insert into mark (agency_id, cabinet_id, listing_id, marked_at, ordinal, board_offer_id)
     select $1, $2, listing_id, now(), place - 1, listing_id::text from unnest($3::bigint[]) with ordinality as l(listing_id, place)`,
    [agencyId, id, listingIds],
  );
  return { agencyId, id, zone, listingIds };
}

type Became = Outcome | 'unmarked';
interface Step {
  readonly ordinal: number;
  readonly at: Date;
  readonly outcome: Became;
}

async function became(ground: Ground, steps: readonly Step[]): Promise<void> {
  for (const { ordinal, at, outcome } of steps) {
    await query(
      'insert into mark_transition (agency_id, cabinet_id, listing_id, at, outcome) values ($1, $2, $3, $4, $5)',
      [ground.agencyId, ground.id, ground.listingIds[ordinal], at, outcome],
    );
  }
}

/** The day it is by the machine's own calendar, not by ours. */
const dayIn = (zone: string, at: Date) =>
  new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' }).format(at);

/** The record as it must be, from the whole history. */
function expected(ground: Ground, steps: readonly Step[], now: Date): Map<string, Map<number, Outcome>> {
  const days = new Map<string, Map<number, Outcome>>();
  if (steps.length === 0) return days;
  const today = dayIn(ground.zone, now);
  for (let day = dayIn(ground.zone, steps[0]!.at); day < today; day = addDays(day, 1)) {
    const outcomes = new Map<number, Outcome>();
    for (const [ordinal, listingId] of ground.listingIds.entries()) {
      const own = steps.filter((step) => step.ordinal === ordinal);
      const atStart = own.findLast((step) => dayIn(ground.zone, step.at) < day)?.outcome;
      const within = own.filter((step) => dayIn(ground.zone, step.at) === day).map(({ outcome }) => outcome);
      const all = [...(atStart ? [atStart] : []), ...within];
      const outcome = all.includes('published') ? 'published' : all.at(-1);
      if (outcome !== undefined && outcome !== 'unmarked') outcomes.set(listingId, outcome);
    }
    days.set(day, outcomes);
  }
  return days;
}

async function recorded(ground: Ground): Promise<Map<string, Map<number, Outcome>>> {
  const days = await query<{ day: string }>('select day from day_record where cabinet_id = $1 order by day', [
    ground.id,
  ]);
  const found = new Map<string, Map<number, Outcome>>();
  for (const { day } of days) {
    const marks = await readDay(base.db, ground, day);
    found.set(day, new Map(marks!.map(({ listingId, outcome }) => [listingId, outcome])));
  }
  return found;
}

const ZONES = ['Europe/Kaliningrad', 'Asia/Kamchatka', 'Europe/Moscow', 'Europe/Berlin', 'America/St_Johns'];

describe('the daily record', () => {
  it('is what the whole history says, in any zone, however late it is made', async () => {
    // Around the end of summer time, where a day of Berlin has 25 hours.
    const start = Date.UTC(2026, 9, 22);
    const story = fc.array(
      fc.record({
        hours: fc.oneof(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 60 })),
        minutes: fc.integer({ min: 0, max: 59 }),
        ordinal: fc.integer({ min: 0, max: 4 }),
        outcome: fc.oneof(fc.constantFrom<Became>('published', 'paused', 'unmarked'), fc.constantFrom(...OUTCOMES)),
        records: fc.boolean(),
      }),
      { minLength: 1, maxLength: 25 },
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...ZONES), story, async (zone, moves) => {
        const ground = await newCabinet(zone, 5);
        const steps: Step[] = [];
        let at = start;
        let days = 0;
        for (const { hours, minutes, ordinal, outcome, records } of moves) {
          at += hours * HOUR + minutes * 60_000;
          const step = { ordinal, at: new Date(at), outcome };
          steps.push(step);
          await became(ground, [step]);
          if (!records) continue;
          days += await recordDays(base.db, ground, new Date(at));
          expect(await recorded(ground)).toEqual(expected(ground, steps, new Date(at)));
        }
        const end = new Date(at + 50 * HOUR);
        days += await recordDays(base.db, ground, end);
        const all = expected(ground, steps, end);
        expect(await recorded(ground)).toEqual(all);
        expect(days).toBe(all.size);
        expect(await recordDays(base.db, ground, end)).toBe(0);

        const sums = await sumDays(base.db, ground.agencyId, [ground.id], '2026-01-01', '2027-01-01');
        expect(sums.map(({ day }) => day)).toEqual([...all.keys()]);
        for (const { day, counts } of sums) {
          const outcomes = [...all.get(day)!.values()];
          expect(counts).toEqual(
            Object.fromEntries(outcomes.map((one) => [one, outcomes.filter((o) => o === one).length])),
          );
        }
      }),
      { seed: 7, numRuns: process.env.VYGRUZKA_LONG ? 300 : 40 },
    );
  });

  it('knows nothing of a cabinet where nothing has happened, nor of today', async () => {
    const ground = await newCabinet('Europe/Moscow', 1);
    expect(await recordDays(base.db, ground, new Date('2026-11-21T09:00:00Z'))).toBe(0);
    await became(ground, [{ ordinal: 0, at: new Date('2026-11-21T09:00:00Z'), outcome: 'published' }]);
    expect(await recordDays(base.db, ground, new Date('2026-11-21T20:59:59Z'))).toBe(0);
    expect(await recordDays(base.db, ground, new Date('2026-11-21T21:00:00Z'))).toBe(1);
    expect(await readDay(base.db, ground, '2026-11-22')).toBeNull();
  });

  it('takes the zone of the cabinet’s branch', async () => {
    const ground = await newCabinet('Europe/Moscow', 1);
    const branchId = await ensureBranch(base.db, ground.agencyId, 'Владивосток');
    await query(`update branch set time_zone = 'Asia/Vladivostok' where id = $1`, [branchId]);
    await query('update cabinet set branch_id = $2 where id = $1', [ground.id, branchId]);
    await became(ground, [{ ordinal: 0, at: new Date('2026-11-20T13:00:00Z'), outcome: 'published' }]);
    expect(await recordDays(base.db, ground, new Date('2026-11-20T14:00:00Z'))).toBe(1);
    expect([...(await recorded(ground)).keys()]).toEqual(['2026-11-20']);
  });

  it('never changes a recorded day: what came late or with a clock set back counts from the next', async () => {
    const ground = await newCabinet('Europe/Moscow', 2);
    const at = (day: number, hour: number) => new Date(Date.UTC(2026, 10, day, hour - 3));
    await became(ground, [
      { ordinal: 0, at: at(18, 10), outcome: 'published' },
      { ordinal: 1, at: at(18, 10), outcome: 'paused' },
    ]);
    expect(await recordDays(base.db, ground, at(21, 9))).toBe(3);
    const before = await recorded(ground);
    // The clock is set back, a run is made, a day ends for the second time.
    await became(ground, [
      { ordinal: 0, at: at(19, 12), outcome: 'off-market' },
      { ordinal: 1, at: at(19, 13), outcome: 'published' },
    ]);
    expect(await recordDays(base.db, ground, at(20, 9))).toBe(0);
    expect(await recordDays(base.db, ground, at(22, 9))).toBe(1);
    const [first, second] = ground.listingIds;
    const after = await recorded(ground);
    expect(after.get('2026-11-21')).toEqual(
      new Map([
        [first, 'off-market'],
        [second, 'published'],
      ]),
    );
    after.delete('2026-11-21');
    expect(after).toEqual(before);
  });

  it('is written once by several workers, and finished after one is cut off', async () => {
    const ground = await newCabinet('Asia/Kamchatka', 6);
    const start = Date.UTC(2026, 8, 1);
    const steps = Array.from({ length: 80 }, (_, index) => ({
      ordinal: (index * 7) % 6,
      at: new Date(start + index * 11 * HOUR),
      outcome: OUTCOMES[(index * 5) % OUTCOMES.length]!,
    }));
    await became(ground, steps);
    const end = new Date(start + 80 * 11 * HOUR);
    const ignore = () => {};
    // Workers that die in the middle: their connections are cut while they record.
    for (let attempt = 0; attempt < 5; attempt++) {
      const victim = await openDatabase({ databaseUrl: base.url, dataDir: '' });
      // A lent connection that breaks speaks up itself, too.
      victim.pool.on('acquire', (client) => client.off('error', ignore).on('error', ignore));
      const pids = victim.pool.query<{ pid: number }>('select pg_backend_pid() as pid');
      const { pid } = (await pids).rows[0]!;
      const work = recordDays(victim, ground, end).catch(() => 'cut off');
      await new Promise((resolve) => setTimeout(resolve, attempt * 7));
      await query('select pg_terminate_backend($1)', [pid]);
      await work;
      await victim.close();
    }
    const done = (await recorded(ground)).size;
    const counts = await Promise.all([1, 2, 3].map(() => recordDays(base.db, ground, end)));
    const all = expected(ground, steps, end);
    expect(done + counts.reduce((sum, one) => sum + one, 0)).toBe(all.size);
    expect(await recorded(ground)).toEqual(all);
    expect(await query('select recorded_through as day from cabinet where id = $1', [ground.id])).toEqual([
      { day: [...all.keys()].at(-1) },
    ]);
  });
});

describe('units', () => {
  it('are branch, department and employee of the day, numbered without gaps and once', async () => {
    const avito = await newCabinet('Europe/Moscow', 4, 'avito');
    const { agencyId, listingIds } = avito;
    const cian = await mark(agencyId, 'cian', 'Europe/Moscow', listingIds);
    const centre = await ensureBranch(base.db, agencyId, 'Центр');
    const north = await ensureBranch(base.db, agencyId, 'Север');
    const departmentId = await ensureDepartment(base.db, agencyId, centre, 'Вторичка');
    const anna = await addEmployee(base.db, agencyId, { name: 'Анна', phones: [], branchId: centre, departmentId });
    const oleg = await addEmployee(base.db, agencyId, { name: 'Олег', phones: [], branchId: north });
    const give = (index: number, employeeId: number | null, branchId: number | null) =>
      query('update listing set employee_id = $2, branch_id = $3 where id = $1', [
        listingIds[index],
        employeeId,
        branchId,
      ]);
    await give(0, anna, null);
    await give(1, anna, null);
    await give(2, oleg, centre);
    const at = new Date('2026-11-19T09:00:00Z');
    for (const ground of [avito, cian]) {
      await became(
        ground,
        [0, 1, 2, 3].map((ordinal) => ({ ordinal, at, outcome: 'published' })),
      );
    }
    await Promise.all([avito, cian].map((ground) => recordDays(base.db, ground, new Date('2026-11-20T09:00:00Z'))));
    const units = await query<{
      id: number;
      branch: number | null;
      department: number | null;
      employee: number | null;
    }>(
      'select id, branch_id as branch, department_id as department, employee_id as employee from unit where agency_id = $1 order by id',
      [agencyId],
    );
    expect(units.map(({ id }) => id)).toEqual([1, 2, 3]);
    const unitOf = (branch: number | null, department: number | null, employee: number | null) =>
      units.find((unit) => unit.branch === branch && unit.department === department && unit.employee === employee)!.id;
    const annas = unitOf(centre, departmentId, anna);
    const day = '2026-11-19';
    for (const ground of [avito, cian]) {
      const marks = (await readDay(base.db, ground, day))!;
      expect(marks.map(({ unitId }) => unitId)).toEqual([
        annas,
        annas,
        unitOf(centre, null, oleg),
        unitOf(null, null, null),
      ]);
    }
    const both = [avito.id, cian.id];
    const annasDays = await sumDays(base.db, agencyId, both, day, day, [annas]);
    expect(annasDays).toEqual(both.map((cabinetId) => ({ cabinetId, day, counts: { published: 2 } })));

    // Анна passes a listing on: the past stays hers.
    await give(0, oleg, null);
    await recordDays(base.db, avito, new Date('2026-11-21T09:00:00Z'));
    const sums = await sumDays(base.db, agencyId, [avito.id], day, '2026-11-20', [annas]);
    expect(sums.map(({ counts }) => counts.published)).toEqual([2, 1]);
    expect((await readDay(base.db, avito, '2026-11-20', 'paused'))!).toEqual([]);
  });

  it('of a large cabinet are kept as changes against a whole day, and tell the same', async () => {
    const [MARKS, PEOPLE, DAYS] = [4800, 200, 36];
    const avito = await newCabinet('Europe/Moscow', MARKS, 'avito');
    const { agencyId, listingIds } = avito;
    const cian = await mark(agencyId, 'cian', 'Europe/Moscow', listingIds.slice(0, 5).reverse());
    const people = (
      await query<{ id: number }>(
        `insert into employee (agency_id, name) select $1, 'Агент ' || n from generate_series(1, $2::int) as n returning id`,
        [agencyId, PEOPLE],
      )
    ).map(({ id }) => id);
    const dice = new Dice(7);
    const owners = listingIds.map(() => dice.pick(people));
    const give = (ordinals: readonly number[]) =>
      query(
        `update listing l set employee_id = n.employee_id from unnest($2::bigint[], $3::bigint[]) as n(id, employee_id)
         where l.agency_id = $1 and l.id = n.id`,
        [agencyId, ordinals.map((ordinal) => listingIds[ordinal]), ordinals.map((ordinal) => owners[ordinal])],
      );
    const move = (ordinals: readonly number[], by: number) => {
      for (const ordinal of ordinals) owners[ordinal] = people[(people.indexOf(owners[ordinal]!) + by) % PEOPLE]!;
      return give(ordinals);
    };
    const all = [...listingIds.keys()];
    await give(all);
    const first = '2026-10-01';
    const noon = (day: string) => new Date(`${day}T09:00:00Z`);
    for (const [ground, marks] of [
      [avito, MARKS],
      [cian, 5],
    ] as const)
      await query(
        `insert into mark_transition (agency_id, cabinet_id, listing_id, at, outcome) select $1, $2, id, $4, 'published' from unnest($3::bigint[]) as id`,
        [agencyId, ground.id, ground.listingIds.slice(0, marks), noon(first)],
      );
    // The base looks at new tables by itself, but after a minute, and plans by what it knows.
    await query('analyze', []);
    /** By day: whose each mark of the large cabinet was; null: it had no mark. */
    const known: (number | null)[][] = [];
    const days = Array.from({ length: DAYS }, (_, index) => addDays(first, index));
    for (const [index, day] of days.entries()) {
      if (index === 3) await became(avito, [{ ordinal: 7, at: noon(day), outcome: 'unmarked' }]);
      if (index === 6) await became(avito, [{ ordinal: 7, at: noon(day), outcome: 'published' }]);
      // On one day everybody gets somebody else's; on two nothing changes; one listing goes away and comes back.
      if (index === 2) await move(all, 1);
      else if (index !== 12 && index !== 13)
        await move([index, index * 100, 4, 4321], index % 2 === 0 ? 1 : PEOPLE - 1);
      for (const ground of [avito, cian]) expect(await recordDays(base.db, ground, noon(addDays(day, 1)))).toBe(1);
      known.push(owners.map((owner, ordinal) => (ordinal === 7 && index > 3 && index < 6 ? null : owner)));
    }

    const kept = await query<{ day: string; units: Buffer }>(
      'select day, units from day_record where agency_id = $1 and cabinet_id = $2 order by day',
      [agencyId, avito.id],
    );
    const whole = kept.flatMap(({ units }, index) => (units[0] === 0x78 ? [index] : []));
    expect(whole).toEqual([0, 2, 33]);
    const bytes = kept.map(({ units }) => units.length);
    expect(Math.max(...bytes.filter((_, index) => !whole.includes(index)))).toBeLessThan(bytes[0]! / 10);

    const employeeOf = new Map((await unitOwners(base.db.pool, agencyId, REACH_ALL)).map((unit) => [unit.id, unit]));
    const half = new Set(people.slice(0, PEOPLE / 2));
    const steps = stepsOf({ from: addDays(first, 2), until: days.at(-1)!, step: 'week', minShare: 60 }, days.at(-1)!);
    const of = new Map([...employeeOf.values()].map(({ id, employeeId }) => [id, half.has(employeeId!) ? 1 : 2]));
    const sources = [{ cabinetIds: [avito.id] }, { cabinetIds: [avito.id, cian.id] }];
    const units = [...employeeOf.values()].filter(({ employeeId }) => half.has(employeeId!)).map(({ id }) => id);
    const isHalfs = (owner: number | null) => owner !== null && half.has(owner);
    const counted = steps.map(({ from, until, needed }) =>
      [isHalfs, (owner: number | null) => owner !== null && !isHalfs(owner)].map((isIn) => {
        const own = known.filter((_, index) => days[index]! >= from && days[index]! <= until);
        const inIt = all.map((ordinal) => own.reduce((sum, day) => sum + (isIn(day[ordinal]!) ? 1 : 0), 0));
        return {
          marked: inIt.filter((count) => count > 0).length,
          published: inIt.filter((count) => count >= needed).length,
          blocked: 0,
          unfunded: 0,
        };
      }),
    );
    const proveAll = async () => {
      for (const index of [0, 1, 2, 4, 13, 32, 33, 35]) {
        const marks = (await readDay(base.db, avito, days[index]!))!;
        expect(marks.map(({ unitId }) => employeeOf.get(unitId)!.employeeId).join()).toBe(
          known[index]!.filter((owner) => owner !== null).join(),
        );
      }
      const sums = await sumDays(base.db, agencyId, [avito.id], days[5]!, days.at(-1)!, units);
      expect(sums.map(({ counts }) => counts.published)).toEqual(
        known.slice(5).map((own) => own.filter(isHalfs).length),
      );
      // Counts are kept by database: another object knows none of them.
      const [counts] = await countExports({ ...base.db }, agencyId, sources, steps, [{ of, count: 2 }]);
      for (const source of counts!) expect(source.map(({ byGroup }) => byGroup)).toEqual(counted);
    };
    await proveAll();

    // As a program that knew no changes would have kept them.
    const reader = new UnitReader(base.db.pool, agencyId);
    const unpacked = new Map<string, Buffer>();
    for (const { day, units } of kept)
      unpacked.set(day, deflateSync(packUnits(unitsOfDay(await reader.read(avito.id, day, units)))));
    for (const [day, units] of unpacked)
      await query('update day_record set units = $3 where cabinet_id = $1 and day = $2', [avito.id, day, units]);
    await proveAll();
  }, 120_000);

  it('that are told by a day which is gone are not made up', async () => {
    const ground = await newCabinet('Europe/Moscow', 1);
    const packed = packUnitChanges('2026-10-01', packUnits(Uint32Array.of(1)), Uint32Array.of(2));
    const reader = new UnitReader(base.db.pool, ground.agencyId);
    await expect(reader.read(ground.id, '2026-10-05', Buffer.from(packed))).rejects.toThrow('on 2026-10-01');
  });
});
