/** A cell of a list says what `explain` says: after runs, after edits nobody has run yet, and as time goes by. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listingAt } from '../../fixtures/agency.ts';
import { loadBoards } from '../../src/boards/catalogue.ts';
import { normFrom } from '../../src/boards/norms.ts';
import { OUTCOMES } from '../../src/domain/gates.ts';
import { explain } from '../../src/export/explain.ts';
import { outcomesNow } from '../../src/export/outcomes.ts';
import { publishCabinet } from '../../src/export/publish.ts';
import { addEmployee, ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import { importListings } from '../../src/store/intake.ts';
import { changeAccount, openAccount, topUp } from '../../src/store/ledger.ts';
import { setStatus } from '../../src/store/market.ts';
import { markListings, setTerm, unmarkListings } from '../../src/store/marks.ts';
import { giveVerdict } from '../../src/store/moderation.ts';
import { saveNorm } from '../../src/store/norms.ts';
import { addPause } from '../../src/store/pauses.ts';
import { type CabinetRow, listCabinets } from '../../src/store/publishing.ts';
import { savePackage, setPinned } from '../../src/store/rotation.ts';
import { changeCabinetSettings } from '../../src/store/settings.ts';
import { testDatabase } from '../store/testdb.ts';

const boards = loadBoards();
const boardOf = (id: string) => boards.find((board) => board.id === id)!;
const manager = { employeeId: null, name: 'Ольга Руднева', role: 'admin' } as const;
const BY = { name: 'Ольга Руднева' };
const HOUR = 3_600_000;
/** Listings of every kind; the others are flats that all boards take. */
const PLAIN = 6;

let base: Awaited<ReturnType<typeof testDatabase>>;
let dataDir: string;
/** Noon in Moscow; every look at the clock is a millisecond later. */
let nowMs = Date.UTC(2026, 10, 21, 9);
const clock = () => new Date(nowMs++);
let agencyId: number;
let cabinets: readonly CabinetRow[];
let ids: number[];
const accounts: number[] = [];
let keys = 0;
const seen = new Set<string>();

const rows = async <T>(sql: string, values: unknown[] = []) => (await base.db.pool.query(sql, values)).rows as T[];
const publish = async (some = cabinets) => {
  for (const cabinet of some) await publishCabinet(cabinet, { db: base.db, boards, dataDir, clock });
};

let turn = 0;

/** Cells of the agency against their explanations, other ones each time; the differences in words. */
async function differences(each = 1): Promise<string[]> {
  turn++;
  const now = clock();
  const wrong: string[] = [];
  for (const cabinet of cabinets) {
    const cells = await outcomesNow(base.db.pool, cabinet, boards, ids, now);
    for (const id of ids.filter((_, index) => (index + turn) % each === 0)) {
      const full = await explain(base.db.pool, cabinet, boardOf(cabinet.board), id, now);
      const cell = cells.get(id)!;
      if (full.outcome) seen.add(full.outcome);
      const both = [cell, full].map(({ outcome, reason, label, isHeld, fixedBy, fixedByName, isMarked }) =>
        JSON.stringify({ outcome, reason, label, isHeld, fixedBy, fixedByName, isMarked }),
      );
      const opens = cell.opensAt?.toISOString() ?? null;
      const isSame = both[0] === both[1] && opens === full.opensAt && cell.fix === full.fix;
      // Of what is not in the feed a cell tells no price.
      const costs = cell.cost === null || cell.cost.kopecks === full.cost?.kopecks;
      if (!isSame || !costs)
        wrong.push(`${cabinet.board}/${cabinet.slug} #${id}: ${both[0]} ${cell.fix} → ${both[1]} ${full.fix}`);
      expect(cell.words).not.toMatch(/undefined|null|NaN/);
    }
  }
  return wrong;
}

const isTouched = async () =>
  (
    await rows<{ is: boolean }>(
      'select is_touched or claimed_due_at is not null as is from cabinet where agency_id = $1',
      [agencyId],
    )
  ).map(({ is }) => is);

beforeAll(async () => {
  base = await testDatabase();
  dataDir = await mkdtemp(join(tmpdir(), 'outcomes-'));
  agencyId = (await resolveAgency(base.db, 'Агентство', true)).id;
  const people = await Promise.all(
    ['Ирина Соколова', 'Пётр Ильин'].map((name) => addEmployee(base.db, agencyId, { name, phones: ['+79161234567'] })),
  );
  const plain = Array.from({ length: PLAIN }, (_, index) => listingAt(index));
  const flats = Array.from({ length: 12 }, (_, index) => ({
    ...listingAt(1),
    externalId: `кв-${index}`,
    // The last ones are the same flat as the first.
    apartmentNumber: String(index > 9 ? 0 : index),
    address: 'Москва, Мира 1',
    priceKopecks: (index + 1) * 1_000_000_00,
  }));
  const given = [...plain, ...flats].map((values, index) => ({ values, employeeId: people[index % 2]! }));
  await importListings(base.db, { agencyId, source: 'crm' }, given, clock());
  for (const [board, slug] of [
    ['yandex', 'main'],
    ['yandex', 'second'],
    ['cian', 'main'],
    ['domclick', 'main'],
    ['avito', 'main'],
  ] as const)
    await ensureCabinet(base.db, agencyId, { board, slug, name: board, family: boardOf(board).family });
  cabinets = await listCabinets(base.db, { agencyId });
  ids = (await rows<{ id: number }>('select id from listing where agency_id = $1 order by id', [agencyId])).map(
    ({ id }) => id,
  );
  const [main, second, cian, domclick, avito] = cabinets as [
    CabinetRow,
    CabinetRow,
    CabinetRow,
    CabinetRow,
    CabinetRow,
  ];
  const deed = { by: 'Ольга', action: 'settings-set' as const };
  for (const cabinet of [main, second, avito]) {
    const terms = { lines: [{ kopecks: 70_00 }], excess: null, promotion: [] };
    await rows(
      `insert into tariff (agency_id, cabinet_id, valid_from, terms, by, created_at) values ($1, $2, '2026-11-20', $3, 'Ольга', now())`,
      [agencyId, cabinet.id, JSON.stringify(terms)],
    );
  }
  for (const ownerId of people) {
    const { id } = await openAccount(base.db, agencyId, { kind: 'employee', ownerId }, BY, clock());
    accounts.push(id);
    await topUp(base.db, agencyId, id, { key: `k${++keys}`, kopecks: 900_00, reason: 'начало', by: BY }, clock());
  }
  await changeCabinetSettings(base.db, agencyId, avito.id, () => ({ moderation: 'on' }), deed, clock());
  await savePackage(base.db, cian, { kind: 'concurrent', places: 9 }, 7, 'Ольга', clock());
  const pack = { kind: 'placements', placements: 8, from: '2026-11-01', periodDays: 30, termDays: 10 } as const;
  await savePackage(base.db, domclick, pack, undefined, 'Ольга', clock());
  await saveNorm(base.db, agencyId, { ...normFrom({ kind: 'photos', min: 6 }), by: 'Ольга' }, clock());
  for (const cabinet of [main, cian, domclick, avito]) await markListings(base.db, agencyId, cabinet.id, ids, clock());
  await markListings(
    base.db,
    agencyId,
    second.id,
    ids.filter((_, index) => index % 5 === 0),
    clock(),
  );
  for (const id of ids.slice(PLAIN)) {
    const kind = id % 5 === 0 ? 'returned' : 'approved';
    const reasons = kind === 'returned' ? ['few-photos'] : undefined;
    if (id % 5 !== 1)
      await giveVerdict(
        base.db,
        agencyId,
        { listingId: id, kind, actor: manager, ...(reasons && { reasons }) },
        clock(),
      );
  }
  // One is stale, another will be in some hours.
  for (const [index, hours] of [1, -10].entries())
    await rows('update listing set fresh_at = $2 where id = $1', [
      ids.at(-3 - index),
      new Date(nowMs - (30 * 24 + hours) * HOUR),
    ]);
  nowMs += 60_000;
}, 60_000);
afterAll(async () => {
  await base.drop();
  await rm(dataDir, { recursive: true, force: true });
});

describe('cells of a list', () => {
  it('say what is explained before any run', async () => {
    expect(await differences(3)).toEqual([]);
  });

  it('take the last run’s word while it holds, and say the same', async () => {
    await publish();
    await publish();
    expect(await isTouched()).toContain(false);
    expect(await differences(3)).toEqual([]);
  });

  it('say the same after whatever people do, and hours later', async () => {
    const flats = ids.slice(PLAIN);
    const at = (index: number) => flats[index % flats.length]!;
    const [main, second, cian, domclick, avito] = cabinets as [
      CabinetRow,
      CabinetRow,
      CabinetRow,
      CabinetRow,
      CabinetRow,
    ];
    const deeds: (() => Promise<unknown>)[] = [
      () => unmarkListings(base.db, agencyId, cian.id, flats.slice(0, 3), clock()),
      () => setStatus(base.db, agencyId, at(4), { status: 'sold' }, manager, clock()),
      () =>
        setTerm(
          base.db,
          agencyId,
          { listingIds: [at(5)] },
          { startsOn: '2026-11-01', endsOn: '2026-11-20' },
          BY,
          clock(),
        ),
      () =>
        addPause(
          base.db,
          agencyId,
          { listingId: at(6), from: clock(), until: new Date(nowMs + 40 * HOUR), reason: 'показы' },
          'Ольга',
          clock(),
        ),
      () =>
        topUp(base.db, agencyId, accounts[0]!, { key: `k${++keys}`, kopecks: 150_00, reason: 'ещё', by: BY }, clock()),
      () => setPinned(base.db, cian, at(8), true, 'Ольга', clock()),
      () => savePackage(base.db, domclick, { kind: 'concurrent', places: 3 }, 7, 'Ольга', clock()),
      () => changeAccount(base.db, agencyId, accounts[1]!, { dayLimitKopecks: 100_00 }, BY, clock()),
      () => markListings(base.db, agencyId, second.id, ids, clock()),
    ];
    for (const [index, deed] of deeds.entries()) {
      await deed();
      expect([index, await differences(6)]).toEqual([index, []]);
      if (index % 4 === 3) {
        await publish(index % 8 === 3 ? [main, cian] : [avito, domclick, second]);
        expect([`${index} run`, await differences(4)]).toEqual([`${index} run`, []]);
      }
    }
    nowMs += 20 * HOUR;
    expect(await differences(2)).toEqual([]);
    await publish();
    expect(await differences(2)).toEqual([]);
    expect([...seen].sort()).toEqual([...OUTCOMES].sort());
  });

  it('are few words, and a price where something is paid', async () => {
    const cells = (
      await Promise.all(cabinets.map((cabinet) => outcomesNow(base.db.pool, cabinet, boards, ids, clock())))
    ).flatMap((one) => [...one.values()]);
    const of = (outcome: string | null) => cells.filter((cell) => cell.outcome === outcome && cell.isMarked);
    expect(of('paused').map(({ words }) => words)).toContain('пауза до завтра 04:01');
    expect(of('blocked').every(({ words, notices }) => words.startsWith(`${notices.length} ошиб`))).toBe(true);
    expect(of('published').some(({ cost }) => cost?.kopecks === 70_00 && cost.state !== 'wanted')).toBe(true);
    expect(cells.filter(({ isMarked }) => !isMarked).every(({ words }) => words === 'не отмечен')).toBe(true);
  });
});
