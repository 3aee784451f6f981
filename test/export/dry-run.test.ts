/** The dry run foretells, to the kopeck, what real runs do right after it; and the forecast what they do day by day. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listingAt } from '../../fixtures/agency.ts';
import { loadBoards } from '../../src/boards/catalogue.ts';
import { addDays } from '../../src/domain/days.ts';
import { AGENCY_DEFAULTS, type AgencySettings, type Package } from '../../src/domain/settings.ts';
import type { PriceLine, TariffTerms } from '../../src/domain/tariff.ts';
import { type DryRun, dryRun, type Hypothesis } from '../../src/export/dry-run.ts';
import { forecastMoney } from '../../src/export/forecast.ts';
import { publishAll } from '../../src/export/publish.ts';
import { warnMoney } from '../../src/export/warnings.ts';
import { addEmployee, ensureBranch, ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import { savedOf } from '../../src/store/forecast.ts';
import { importListings } from '../../src/store/intake.ts';
import { changeAccount, listAccounts, openAccount, refund, topUp } from '../../src/store/ledger.ts';
import { markListings, setTerm, unmarkListings } from '../../src/store/marks.ts';
import { topUpMonthly } from '../../src/store/monthly.ts';
import { addPause } from '../../src/store/pauses.ts';
import { type CabinetRow, listCabinets } from '../../src/store/publishing.ts';
import { savePackage, setPinned } from '../../src/store/rotation.ts';
import { changeCabinetSettings } from '../../src/store/settings.ts';
import { testDatabase } from '../store/testdb.ts';

const boards = loadBoards();
const familyOf = (id: string) => boards.find((board) => board.id === id)!.family;
let base: Awaited<ReturnType<typeof testDatabase>>;
let dataDir: string;

beforeAll(async () => {
  base = await testDatabase();
  dataDir = await mkdtemp(join(tmpdir(), 'dry-run-'));
});
afterAll(async () => {
  await base.drop();
  await rm(dataDir, { recursive: true, force: true });
});

const rows = async <T>(sql: string, values: unknown[] = []) => (await base.db.pool.query(sql, values)).rows as T[];
const HOUR = 3_600_000;
/** 5 November 2026, midnight in Moscow; everything there begins then. */
const START = Date.UTC(2026, 10, 4, 21);
const at = (hours: number) => new Date(START + hours * HOUR);
const BY = { name: 'проверка' };

/** Numbers that look like chance and are the same every time. */
function chance(seed: number) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const upTo = (count: number) => Math.floor(next() * count);
  return {
    upTo,
    is: (share: number) => next() < share,
    one: <T>(of: readonly T[]): T => of[upTo(of.length)]!,
    some: <T>(of: readonly T[], share: number): T[] => of.filter(() => next() < share),
  };
}
type Chance = ReturnType<typeof chance>;

let keys = 0;

/**
 * A small agency in which everything that decides about money is left to chance.
 * @param isPlain without what no forecast follows: twins when a term ends, and a charge hour that comes with the very
 * run which takes a listing off
 */
async function randomAgency(luck: Chance, isPlain = false) {
  const { id: agencyId } = await resolveAgency(base.db, `Агентство ${Math.random()}`, true);
  const settings: Partial<AgencySettings> = {
    money: { ...AGENCY_DEFAULTS.money, payer: luck.one(['employee', 'branch', 'agency']) },
    // A brake that holds whatever a smaller package would take off.
    brake: { ...AGENCY_DEFAULTS.brake, isOn: luck.is(0.8), sharePercent: 0, offers: 0 },
  };
  await rows('update agency set settings = $2 where id = $1', [agencyId, JSON.stringify(settings)]);
  const branches = [await ensureBranch(base.db, agencyId, 'Центр'), await ensureBranch(base.db, agencyId, 'Север')];
  if (!isPlain)
    await rows(`update branch set time_zone = 'Asia/Omsk' where agency_id = $1 and id = $2`, [agencyId, branches[1]]);
  const people: number[] = [];
  for (const [index, branchId] of [...branches, branches[0]!].entries()) {
    people.push(await addEmployee(base.db, agencyId, { name: `Агент ${index}`, branchId, phones: ['+79161234567'] }));
  }
  const names = luck.one([['yandex'], ['yandex', 'domclick'], ['domclick', 'yandex', isPlain ? 'cian' : 'yandex']]);
  for (const [index, board] of names.entries())
    await ensureCabinet(base.db, agencyId, { board, slug: `c${index}`, name: board, family: familyOf(board) });
  const cabinets = await listCabinets(base.db, { agencyId });
  if (cabinets[1] && luck.is(0.5))
    await rows('update cabinet set branch_id = $3 where agency_id = $1 and id = $2', [
      agencyId,
      cabinets[1].id,
      branches[1],
    ]);
  const listings = Array.from({ length: 7 }, (_, index) => ({
    values: {
      ...listingAt(1),
      externalId: `L${index}`,
      // The last two are the same flat as the first.
      apartmentNumber: String(index > 4 && !isPlain ? 0 : index),
      address: 'Москва, Мира 1',
      region: index % 2 === 0 ? 'Москва' : 'Тверь',
      priceKopecks: (index + 1) * 1_000_000_00,
    },
    employeeId: luck.one([...people, null]),
  }));
  await importListings(base.db, { agencyId, source: 'crm' }, listings, at(0));
  const ids = (await rows<{ id: number }>('select id from listing where agency_id = $1 order by id', [agencyId])).map(
    ({ id }) => id,
  );
  for (const cabinet of cabinets) {
    await changeCabinetSettings(
      base.db,
      agencyId,
      cabinet.id,
      (own) => ({
        ...own,
        chargeAt: luck.one([isPlain ? '09:00' : '00:00', '12:00', '18:30']),
        turnDays: luck.one([1, 2, 7]),
      }),
      { by: 'проверка', action: 'settings-set' },
      at(0),
    );
    for (const day of luck.some(['2026-11-05', '2026-11-06', '2026-11-08'], 0.7)) await addTerms(cabinet, day, luck);
  }
  const accounts = [(await openAccount(base.db, agencyId, { kind: 'agency', ownerId: null }, BY, at(0))).id];
  for (const ownerId of luck.some(branches, 0.5))
    accounts.push((await openAccount(base.db, agencyId, { kind: 'branch', ownerId }, BY, at(0))).id);
  for (const ownerId of luck.some(people, 0.4))
    accounts.push((await openAccount(base.db, agencyId, { kind: 'employee', ownerId }, BY, at(0))).id);
  for (const id of luck.some(accounts, 0.8)) {
    const command = { key: `k${++keys}`, kopecks: luck.one([300, 3000, 9000]), reason: 'проверка', by: BY };
    await topUp(base.db, agencyId, id, command, at(0));
  }
  return { agencyId, cabinets, ids, people, accounts };
}
type Agency = Awaited<ReturnType<typeof randomAgency>>;

async function addTerms({ agencyId, id }: CabinetRow, day: string, luck: Chance) {
  const kopecks = () => luck.one([0, 70, 100, 130, 500]);
  const lines = (): PriceLine[] => [
    ...(luck.is(0.5) ? [{ region: 'москва', kopecks: kopecks() }] : []),
    ...(luck.is(0.5) ? [{ priceFrom: 3_000_000_00, kopecks: kopecks() }] : []),
    { kopecks: kopecks() },
  ];
  const terms: TariffTerms = { lines: lines(), excess: luck.is(0.5) ? lines() : null, promotion: [] };
  await rows(
    `insert into tariff (agency_id, cabinet_id, valid_from, terms, by, created_at) values ($1, $2, $3, $4, 'проверка', $5)`,
    [agencyId, id, day, JSON.stringify(terms), at(0)],
  );
}

/** Something that people do between two runs. */
async function deed({ agencyId, cabinets, ids, people, accounts }: Agency, luck: Chance, now: Date): Promise<void> {
  const cabinet = luck.one(cabinets);
  const listing = luck.one(ids);
  const packs: (Package | null)[] = [
    null,
    { kind: 'concurrent', places: luck.upTo(5) },
    { kind: 'placements', placements: luck.upTo(8), from: '2026-11-01', periodDays: 10, termDays: luck.one([1, 3]) },
  ];
  switch (luck.upTo(10)) {
    case 0:
      await markListings(base.db, agencyId, cabinet.id, luck.some(ids, 0.6), now);
      return;
    case 1:
      await unmarkListings(base.db, agencyId, cabinet.id, luck.some(ids, 0.3), now);
      return;
    case 2:
    case 3: {
      const command = { key: `k${++keys}`, kopecks: luck.one([50, 120, 800, 4000]), reason: 'проверка', by: BY };
      await topUp(base.db, agencyId, luck.one(accounts), command, now);
      return;
    }
    case 4: {
      const until = new Date(now.getTime() + luck.one([2, 30]) * HOUR);
      const where = luck.is(0.5) ? { listingId: listing } : { cabinetId: cabinet.id };
      await addPause(base.db, agencyId, { ...where, from: now, until, reason: 'показы' }, 'проверка', now);
      return;
    }
    case 5:
    case 8:
      await savePackage(base.db, cabinet, luck.one(packs), undefined, 'проверка', now);
      return;
    case 6:
      await changeAccount(
        base.db,
        agencyId,
        luck.one(accounts),
        {
          overdraftKopecks: luck.one([0, 200]),
          dayLimitKopecks: luck.one([null, 300]),
          monthLimitKopecks: luck.one([null, 900]),
        },
        BY,
        now,
      ).catch(() => {});
      return;
    case 7:
      await rows('update listing set employee_id = $3 where agency_id = $1 and id = $2', [
        agencyId,
        listing,
        luck.one([...people, null]),
      ]);
      await setPinned(base.db, cabinet, listing, luck.is(0.5), 'проверка', now).catch(() => {});
      return;
    default: {
      const [charge] = await rows<{ id: string }>(
        `select id from transfer where agency_id = $1 and kind = 'charge' order by md5(id || $2) limit 1`,
        [agencyId, String(keys)],
      );
      if (charge) await refund(base.db, agencyId, charge.id, 'ошибка', BY, now).catch(() => {});
    }
  }
}

/** What a dry run says, and what the base tells after real runs, in the same words. */
function foretold({ cabinets }: DryRun) {
  const lines = cabinets.flatMap(({ cabinet, lines, freed }) => [
    ...lines.map(
      ({ kind, listingId, day, kopecks, accountId }) =>
        `${kind} ${cabinet.id}/${listingId} ${day} ${kopecks} ${accountId}`,
    ),
    ...freed.map(
      ({ listingId, day, kopecks, accountId }) => `release ${cabinet.id}/${listingId} ${day} ${kopecks} ${accountId}`,
    ),
  ]);
  const outcomes = cabinets.flatMap(({ cabinet, marks }) =>
    marks.map(({ listingId, outcome }) => `${cabinet.id}/${listingId} ${outcome}`),
  );
  return { lines: lines.sort(), outcomes: outcomes.sort() };
}

async function done(agencyId: number, since: number, waived: number) {
  const lines = await rows<{ told: string }>(
    `select kind || ' ' || cabinet_id || '/' || listing_id || ' ' || day || ' ' || kopecks || ' ' || from_id as told from transfer
     where agency_id = $1 and seq > $2 and (kind in ('hold', 'release') or kind = 'charge' and resolves is null)
     union all select 'waived ' || cabinet_id || '/' || listing_id || ' ' || day || ' ' || kopecks || ' ' || coalesce(account_id::text, 'null') from
       (select *, row_number() over (order by at, cabinet_id, listing_id, day) as number from waiver where agency_id = $1) as w where number > $3`,
    [agencyId, since, waived],
  );
  const outcomes = await rows<{ told: string }>(
    `select o.cabinet_id || '/' || o.listing_id || ' ' || o.outcome as told from mark_outcome o join mark m using (agency_id, cabinet_id, listing_id)
     where o.agency_id = $1 and m.is_live`,
    [agencyId],
  );
  return { lines: lines.map(({ told }) => told).sort(), outcomes: outcomes.map(({ told }) => told).sort() };
}

/** Agencies in which much happens; in the long tests, a hundred of whatever comes. */
const upTo = (count: number, from: number) => Array.from({ length: count }, (_, index) => from + index);
const [RUN_SEEDS, DAY_SEEDS] = process.env.VYGRUZKA_LONG
  ? [upTo(60, 1), upTo(40, 101)]
  : [
      [3, 6, 35, 42, 49],
      [105, 107, 121],
    ];
const seen = {
  lines: 0,
  hold: 0,
  charge: 0,
  release: 0,
  waived: 0,
  unfunded: 0,
  duplicate: 0,
  turn: 0,
  held: 0,
};

describe('a dry run', () => {
  it.each(RUN_SEEDS)('foretells the next runs to the kopeck (agency %i)', async (seed) => {
    const luck = chance(seed);
    const agency = await randomAgency(luck);
    const { agencyId, cabinets, ids } = agency;
    for (const cabinet of cabinets) await markListings(base.db, agencyId, cabinet.id, luck.some(ids, 0.8), at(0));
    let hours = 0;
    for (let step = 0; step < 6; step++) {
      hours += luck.one([1, 1, 2, 5, 13, 24, 61]);
      const now = at(hours);
      for (let count = luck.upTo(4); count > 0; count--) await deed(agency, luck, now);
      const cabinet = luck.one(cabinets);
      const hypothesis: Hypothesis = luck.is(0.5)
        ? {
            marks: [{ cabinetId: cabinet.id, listingIds: luck.some(ids, 0.4) }],
            without: [{ cabinetId: luck.one(cabinets).id, listingIds: luck.some(ids, 0.2) }],
          }
        : luck.is(0.5)
          ? { topUps: [{ accountId: luck.one(agency.accounts), kopecks: luck.one([50, 120, 800, 4000]) }] }
          : {};
      const dry = await dryRun(base.db.pool, boards, agencyId, hypothesis, now);
      for (const { cabinetId, listingIds } of hypothesis.without ?? [])
        await unmarkListings(base.db, agencyId, cabinetId!, listingIds, now);
      for (const { cabinetId, listingIds } of hypothesis.marks ?? []) {
        // What is left out is left out, though it were to be marked.
        const gone = hypothesis.without!.flatMap((one) => (one.cabinetId === cabinetId ? one.listingIds : []));
        const wanted = listingIds.filter((id) => !gone.includes(id));
        await markListings(base.db, agencyId, cabinetId, wanted, now);
      }
      for (const { accountId, kopecks } of hypothesis.topUps ?? [])
        await topUp(base.db, agencyId, accountId, { key: `k${++keys}`, kopecks, reason: 'проверка', by: BY }, now);
      const [before] = await rows<{ seq: number; waived: number }>(
        `select coalesce(max(seq), 0) as seq, (select count(*)::int from waiver where agency_id = $1) as waived from transfer where agency_id = $1`,
        [agencyId],
      );
      const { failed } = await publishAll(cabinets, { db: base.db, boards, dataDir, clock: () => now });
      expect(failed).toEqual([]);
      const real = await done(agencyId, before!.seq, before!.waived);
      expect({ step, ...foretold(dry) }).toEqual({ step, ...real });
      for (const line of real.lines) {
        seen.lines++;
        seen[line.split(' ')[0] as 'hold']++;
      }
      for (const outcome of real.outcomes) {
        if (outcome.endsWith('unfunded')) seen.unfunded++;
        if (outcome.endsWith('duplicate')) seen.duplicate++;
        if (outcome.endsWith('waiting-turn')) seen.turn++;
      }
      seen.held += (await rows('select 1 from mark_outcome where agency_id = $1 and is_held', [agencyId])).length;
    }
  });

  it('has met everything that may come', () => {
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(0);
  });
});

describe('a forecast', () => {
  it.each(DAY_SEEDS)('foretells what runs do day by day (agency %i)', async (seed) => {
    const luck = chance(seed);
    const agency = await randomAgency(luck, true);
    const { agencyId, cabinets, ids, accounts } = agency;
    for (const cabinet of cabinets) {
      await markListings(base.db, agencyId, cabinet.id, luck.some(ids, 0.8), at(0));
      for (const id of luck.some(ids, 0.3)) {
        const endsOn = luck.one(['2026-11-06', '2026-11-08']);
        const where = { listingIds: [id], cabinetIds: [cabinet.id] };
        await setTerm(base.db, agencyId, where, { endsOn }, BY, at(0)).catch(() => {});
      }
      const pack: Package = luck.is(0.5)
        ? { kind: 'concurrent', places: 1 + luck.upTo(4) }
        : { kind: 'placements', placements: 2 + luck.upTo(6), from: '2026-11-01', periodDays: 6, termDays: 2 };
      if (luck.is(0.5)) await savePackage(base.db, cabinet, pack, undefined, 'проверка', at(0));
    }
    const to = luck.one(accounts);
    const fromId = luck.one([null, ...accounts.filter((id) => id !== to)]);
    const monthly = { kopecks: luck.one([100, 700]), on: luck.one([7, 8]), fromId };
    await changeAccount(base.db, agencyId, to, { monthly }, BY, at(0));
    const days = 5;
    const told = await forecastMoney(base.db.pool, boards, agencyId, { days }, at(1));
    const stops = new Map<string, string>();
    for (let day = 0; day <= days; day++) {
      const now = day === 0 ? at(1) : at(24 * day);
      if (day > 0) await topUpMonthly(base.db, agencyId, now);
      const shown = await outcomesOf(agencyId);
      expect((await publishAll(cabinets, { db: base.db, boards, dataDir, clock: () => now })).failed).toEqual([]);
      for (const [key, outcome] of await outcomesOf(agencyId)) {
        const hadPlace = day === 0 || shown.get(key) === 'published';
        if (outcome === 'unfunded' && hadPlace && !stops.has(key)) stops.set(key, addDays('2026-11-05', day));
      }
    }
    // What warnings are made from says the same, though it does not look at every mark.
    const ends = async (isRough: boolean) =>
      (await forecastMoney(base.db.pool, boards, agencyId, { days, isRough }, at(24 * days + 1))).accounts.map(
        ({ endsOn, dayKopecks }) => [endsOn, dayKopecks],
      );
    expect(await ends(true)).toEqual(await ends(false));
    const left = await listAccounts(base.db.pool, agencyId);
    expect(
      Object.fromEntries(told.stops.map(({ cabinetId, listingId, day }) => [`${cabinetId}/${listingId}`, day])),
    ).toEqual(Object.fromEntries(stops));
    expect(told.accounts.map(({ accountId, leftKopecks }) => [accountId, leftKopecks])).toEqual(
      left.map(({ id, availableKopecks }) => [id, availableKopecks]),
    );
  });
});

async function outcomesOf(agencyId: number) {
  const found = await rows<{ key: string; outcome: string }>(
    `select cabinet_id || '/' || listing_id as key, outcome from mark_outcome where agency_id = $1`,
    [agencyId],
  );
  return new Map(found.map(({ key, outcome }) => [key, outcome]));
}

/** One cabinet, listings of two agents with an account each, and one price. */
async function plainAgency(more: { board?: string; chargeAt?: string; kopecks?: number; excess?: number } = {}) {
  const { id: agencyId } = await resolveAgency(base.db, `Агентство ${Math.random()}`, true);
  const board = more.board ?? 'yandex';
  await ensureCabinet(base.db, agencyId, { board, slug: 'main', name: board, family: familyOf(board) });
  const cabinets = await listCabinets(base.db, { agencyId });
  const cabinet = cabinets[0]!;
  const people: number[] = [];
  for (const name of ['Анна', 'Борис'])
    people.push(await addEmployee(base.db, agencyId, { name, phones: ['+79161234567'] }));
  const listings = [0, 1, 2, 3].map((index) => ({
    values: { ...listingAt(1), externalId: `L${index}`, apartmentNumber: String(index), address: 'Москва, Мира 1' },
    employeeId: people[index % 2]!,
  }));
  await importListings(base.db, { agencyId, source: 'crm' }, listings, at(0));
  const ids = (await rows<{ id: number }>('select id from listing where agency_id = $1 order by id', [agencyId])).map(
    ({ id }) => id,
  );
  const chargeAt = more.chargeAt ?? '12:00';
  const told = { by: 'проверка', action: 'settings-set' as const };
  await changeCabinetSettings(base.db, agencyId, cabinet.id, (own) => ({ ...own, chargeAt }), told, at(0));
  const terms: TariffTerms = {
    lines: [{ kopecks: more.kopecks ?? 100 }],
    excess: more.excess === undefined ? null : [{ kopecks: more.excess }],
    promotion: [],
  };
  await rows(
    `insert into tariff (agency_id, cabinet_id, valid_from, terms, by, created_at) values ($1, $2, '2026-11-05', $3, 'проверка', $4)`,
    [agencyId, cabinet.id, JSON.stringify(terms), at(0)],
  );
  const accounts: number[] = [];
  for (const ownerId of people)
    accounts.push((await openAccount(base.db, agencyId, { kind: 'employee', ownerId }, BY, at(0))).id);
  const pay = (accountId: number, kopecks: number, when: Date) =>
    topUp(base.db, agencyId, accountId, { key: `k${++keys}`, kopecks, reason: 'проверка', by: BY }, when);
  return {
    agencyId,
    cabinet,
    ids,
    people,
    accounts,
    pay,
    run: async (when: Date) => {
      const { failed } = await publishAll(cabinets, { db: base.db, boards, dataDir, clock: () => when });
      expect(failed).toEqual([]);
    },
    dry: (when: Date, hypothesis: Hypothesis = {}) => dryRun(base.db.pool, boards, agencyId, hypothesis, when),
    outcomes: async () => [...(await outcomesOf(agencyId)).values()],
  };
}

describe('what marks would cost', () => {
  it('tells what fourteen days and a tariff to come make of thirty days, who passes and who lacks money', async () => {
    const { agencyId, cabinet, ids, accounts, pay, dry } = await plainAgency();
    await rows(
      `insert into tariff (agency_id, cabinet_id, valid_from, terms, by, created_at) values ($1, $2, '2026-11-15', $3, 'проверка', $4)`,
      [agencyId, cabinet.id, JSON.stringify({ lines: [{ kopecks: 150 }], excess: null, promotion: [] }), at(0)],
    );
    await pay(accounts[0]!, 250, at(1));
    const told = await dry(at(9), { marks: [{ cabinetId: cabinet.id, listingIds: ids }] });
    // 5–14 November at 100, then twenty days at 150; the second agent has nothing.
    expect(told.extra).toEqual({
      marks: 4,
      published: 2,
      unfunded: 2,
      kopecks: 200,
      aheadKopecks: 2 * (10 * 100 + 20 * 150),
    });
    expect(told.accounts).toMatchObject([
      { name: 'Анна', availableKopecks: 250, takenKopecks: 200, leftKopecks: 50, missingKopecks: 0 },
      { name: 'Борис', takenKopecks: 0, leftKopecks: 0, missingKopecks: 200 },
    ]);
    expect(told.cabinets[0]!.marks.map(({ lack }) => lack?.missingKopecks)).toEqual([undefined, 100, undefined, 200]);
    // Nothing was written.
    expect(await rows('select 1 from mark where agency_id = $1', [agencyId])).toEqual([]);
    expect(await rows(`select 1 from transfer where agency_id = $1 and kind <> 'top-up'`, [agencyId])).toEqual([]);
  });

  it('lets what the first cabinet sets free pay in the second', async () => {
    const { agencyId, cabinet, ids, accounts, pay, run, dry } = await plainAgency({ board: 'domclick' });
    await ensureCabinet(base.db, agencyId, {
      board: 'yandex',
      slug: 'main',
      name: 'yandex',
      family: familyOf('yandex'),
    });
    const second = (await listCabinets(base.db, { agencyId })).find(({ id }) => id !== cabinet.id)!;
    await rows(
      `insert into tariff (agency_id, cabinet_id, valid_from, terms, by, created_at) select agency_id, $2, valid_from, terms, by, created_at from tariff where agency_id = $1`,
      [agencyId, second.id],
    );
    await pay(accounts[0]!, 100, at(1));
    await markListings(base.db, agencyId, cabinet.id, [ids[0]!], at(1));
    await run(at(2));
    const told = await dry(at(3), {
      marks: [{ cabinetId: second.id, listingIds: [ids[2]!] }],
      without: [{ listingIds: [ids[0]!] }],
    });
    expect(told.cabinets.map(({ freed, lines }) => [freed.length, lines.length])).toEqual([
      [1, 0],
      [0, 1],
    ]);
    expect(told.sums).toMatchObject({ freedKopecks: 100, chargedKopecks: 100, published: 1 });
  });

  it('a mark that loses its place for want of money, past the charge hour, owes the day once', async () => {
    const { agencyId, cabinet, ids, accounts, pay, run, dry, outcomes } = await plainAgency();
    await savePackage(base.db, cabinet, { kind: 'concurrent', places: 4 }, 7, 'проверка', at(1));
    await pay(accounts[0]!, 100, at(1));
    await markListings(base.db, agencyId, cabinet.id, [ids[0]!], at(1));
    await run(at(2));
    // Nobody ran on the 6th before noon; then there is no money for a day that was shown.
    const told = await dry(at(38));
    expect(told.cabinets[0]!.lines).toMatchObject([{ kind: 'waived', day: '2026-11-06', kopecks: 100 }]);
    await run(at(38));
    expect(await outcomes()).toEqual(['unfunded']);
    expect(await rows('select day from waiver where agency_id = $1', [agencyId])).toEqual([{ day: '2026-11-06' }]);
  });

  it('the brake does not keep what nobody can pay for, though a package has changed', async () => {
    const { agencyId, cabinet, ids, accounts, pay, run, outcomes } = await plainAgency();
    const brake = { ...AGENCY_DEFAULTS.brake, sharePercent: 0, offers: 0 };
    await rows('update agency set settings = $2 where id = $1', [agencyId, JSON.stringify({ brake })]);
    await pay(accounts[0]!, 200, at(1));
    await markListings(base.db, agencyId, cabinet.id, [ids[0]!, ids[2]!], at(1));
    await run(at(2));
    await savePackage(base.db, cabinet, { kind: 'concurrent', places: 4 }, 7, 'проверка', at(38));
    await run(at(38));
    expect(await outcomes()).toEqual(['unfunded', 'unfunded']);
  });
});

describe('warnings', () => {
  const open = (agencyId: number) =>
    rows<{ key: string }>('select key from message where agency_id = $1 and done_at is null order by key', [
      agencyId,
    ]).then((all) => all.map(({ key }) => key));

  it('come once a day for each account and level, and are over when there is money', async () => {
    const { agencyId, cabinet, ids, people, accounts, pay, run } = await plainAgency();
    const warn = (when: Date) => warnMoney(base.db, boards, agencyId, when);
    const [ann, bob] = accounts as [number, number];
    await pay(ann, 900, at(1));
    await pay(bob, 100, at(1));
    await markListings(base.db, agencyId, cabinet.id, ids, at(1));
    expect(await warn(at(1))).toBe(0);
    await run(at(2));
    // Anna has 700 for 200 a day: enough for the 6th, 7th and 8th. Boris shows one of two.
    expect(await warn(at(3))).toBe(3);
    const outs = (day: string) => [`money-out:${bob}:${day}:manager`, `money-out:${bob}:${day}:owner`];
    expect(await open(agencyId)).toEqual([...outs('2026-11-05'), `unfunded:${people[1]}:2026-11-05`]);
    expect(await warn(at(4))).toBe(0);
    await run(at(24));
    expect(await warn(at(25))).toBe(5);
    const lows = (day: string) => [`money-low:${ann}:${day}:manager`, `money-low:${ann}:${day}:owner`];
    // The one that had waited is not to be shown today either, and the other one is new.
    expect(await open(agencyId)).toEqual([
      ...lows('2026-11-06'),
      ...outs('2026-11-06'),
      `unfunded:${people[1]}:2026-11-06`,
    ]);
    await pay(ann, 5000, at(26));
    await pay(bob, 5000, at(26));
    expect(await warn(at(26))).toBe(0);
    expect(await open(agencyId)).toEqual([`unfunded:${people[1]}:2026-11-06`]);
    await run(at(27));
    await warn(at(28));
    expect(await open(agencyId)).toEqual([]);
    const [low] = await rows<{ text: string }>(`select text from message where agency_id = $1 and key = $2`, [
      agencyId,
      lows('2026-11-06')[1],
    ]);
    expect(low!.text.replaceAll('\u00a0', ' ')).toContain(
      'На счёте «Анна» денег на 3 дня: 09.11.2026 на всё уже не хватит. Осталось 5 ₽, завтрашний день стоит 2 ₽.',
    );
  });

  it('are not for an agency that pays nothing', async () => {
    const { id } = await resolveAgency(base.db, `Агентство ${Math.random()}`, true);
    expect(await warnMoney(base.db, boards, id, at(1))).toBe(0);
  });
});

describe('what is saved', () => {
  it('is what was held and left before the charge hour, once, and nothing that was held again', async () => {
    const { agencyId, cabinet, ids, accounts, pay, run } = await plainAgency({ chargeAt: '18:00' });
    for (const id of accounts) await pay(id, 1000, at(1));
    await markListings(base.db, agencyId, cabinet.id, ids, at(1));
    await run(at(2));
    await unmarkListings(base.db, agencyId, cabinet.id, ids.slice(0, 3), at(3));
    await run(at(4));
    await markListings(base.db, agencyId, cabinet.id, ids.slice(0, 2), at(5));
    await run(at(6));
    await unmarkListings(base.db, agencyId, cabinet.id, [ids[0]!], at(7));
    await run(at(8));
    await run(at(19));
    await unmarkListings(base.db, agencyId, cabinet.id, [ids[1]!], at(20));
    await run(at(21));
    const saved = await savedOf(base.db.pool, agencyId, { from: '2026-11-01', until: '2026-11-30' });
    expect(saved).toEqual([
      { day: '2026-11-05', cabinetId: cabinet.id, accountId: accounts[0], listings: 2, kopecks: 200 },
    ]);
  });
});
