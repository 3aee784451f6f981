/** Money in real runs: what is held, charged and freed, by which commit, and who comes short. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listingAt } from '../../fixtures/agency.ts';
import { loadBoards } from '../../src/boards/catalogue.ts';
import { paidLevels } from '../../src/boards/promotion.ts';
import type { OwnKind } from '../../src/domain/ledger.ts';
import type { CabinetSettings } from '../../src/domain/settings.ts';
import type { TariffTerms } from '../../src/domain/tariff.ts';
import { editionFolder, editionPath } from '../../src/export/edition.ts';
import { explain } from '../../src/export/explain.ts';
import { publishAll, publishCabinet } from '../../src/export/publish.ts';
import { ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import type { Queryable } from '../../src/store/database.ts';
import { importListings } from '../../src/store/intake.ts';
import { listAccounts, openAccount, refund, topUp } from '../../src/store/ledger.ts';
import { markListings, unmarkListings } from '../../src/store/marks.ts';
import { orderPromotion } from '../../src/store/promotions.ts';
import { type CabinetRow, currentEdition, listCabinets } from '../../src/store/publishing.ts';
import { savePackage } from '../../src/store/rotation.ts';
import { dueCabinets } from '../../src/store/runs.ts';
import { changeCabinetSettings } from '../../src/store/settings.ts';
import { addTariff } from '../../src/store/tariffs.ts';
import { testDatabase } from '../store/testdb.ts';

const boards = loadBoards();
const boardOf = (id: string) => boards.find((board) => board.id === id)!;
let base: Awaited<ReturnType<typeof testDatabase>>;
let dataDir: string;

beforeAll(async () => {
  base = await testDatabase();
  dataDir = await mkdtemp(join(tmpdir(), 'billing-'));
});
afterAll(async () => {
  await base.drop();
  await rm(dataDir, { recursive: true, force: true });
});

const rows = async <T>(sql: string, values: unknown[] = []) => (await base.db.pool.query(sql, values)).rows as T[];
/** Moscow wall clock of November 2026. */
const at = (day: number, time = '09:00') => new Date(`2026-11-${String(day).padStart(2, '0')}T${time}:00+03:00`);
const on = (day: number) => `2026-11-${String(day).padStart(2, '0')}`;
const BY = { name: 'проверка' };
const plain = (text: string | null) => text?.replaceAll('\u00a0', ' ');

const flat = (kopecks: number): TariffTerms => ({ lines: [{ kopecks }], excess: null, promotion: [] });

let counter = 0;
/** An agency with four listings that any board takes, one account, and a tariff from 11 November on. */
async function play(
  options: {
    kopecks?: number;
    terms?: TariffTerms;
    balance?: number;
    chargeAt?: string;
    boards?: string[];
    count?: number;
  } = {},
) {
  const { id: agencyId } = await resolveAgency(base.db, `Агентство ${++counter}`, true);
  const names = options.boards ?? ['yandex'];
  for (const board of names) {
    await ensureCabinet(base.db, agencyId, { board, slug: 'main', name: board, family: boardOf(board).family });
  }
  const cabinets = await listCabinets(base.db, { agencyId });
  const listings = Array.from({ length: options.count ?? 4 }, (_, index) => ({
    values: {
      ...listingAt(1),
      externalId: `L${index}`,
      apartmentNumber: String(index),
      address: `Москва, Мира ${index}`,
    },
    employeeId: null,
  }));
  await importListings(base.db, { agencyId, source: 'crm' }, listings, at(1));
  const ids = (await rows<{ id: number }>('select id from listing where agency_id = $1 order by id', [agencyId])).map(
    ({ id }) => id,
  );
  const open = (kind: OwnKind, ownerId: number | null = null) =>
    openAccount(base.db, agencyId, { kind, ownerId }, BY, at(1));
  const { id: accountId } = await open('agency');
  for (const cabinet of cabinets) {
    const deed = { by: 'проверка', action: 'settings-changed', cabinetId: cabinet.id };
    const set = (own: Partial<CabinetSettings>) => ({ ...own, chargeAt: options.chargeAt ?? '12:00' });
    await changeCabinetSettings(base.db, agencyId, cabinet.id, set, deed, at(1));
    await rows(
      `insert into tariff (agency_id, cabinet_id, valid_from, terms, by, created_at) values ($1, $2, '2026-11-11', $3, 'проверка', $4)`,
      [agencyId, cabinet.id, JSON.stringify(options.terms ?? flat(options.kopecks ?? 100)), at(1)],
    );
  }
  let tops = 0;
  const pay = (kopecks: number, when: Date, to = accountId) =>
    topUp(base.db, agencyId, to, { key: `${agencyId}-${++tops}`, kopecks, reason: 'проверка', by: BY }, when);
  if (options.balance !== 0) await pay(options.balance ?? 100_000, at(1));
  const cabinet = cabinets[0]!;
  const run = (when: Date, which: CabinetRow = cabinet) =>
    publishCabinet(which, { db: base.db, boards, dataDir, clock: () => when });
  return {
    agencyId,
    cabinets,
    cabinet,
    ids,
    accountId,
    open,
    pay,
    run,
    mark: (when: Date, which = ids, of: CabinetRow = cabinet) => markListings(base.db, agencyId, of.id, which, when),
    unmark: (when: Date, which: number[], of: CabinetRow = cabinet) =>
      unmarkListings(base.db, agencyId, of.id, which, when),
    account: async (id = accountId) => {
      const found = (await listAccounts(base.db.pool, agencyId)).find((account) => account.id === id)!;
      return { balance: found.balanceKopecks, held: found.heldKopecks };
    },
    /** «hold 10 100», «charge 11 100»: kind, day, kopecks, how many. */
    moved: async () =>
      (
        await rows<{ told: string }>(
          `select kind || ' ' || to_char(day, 'DD') || ' ' || kopecks || ' ×' || count(*) as told from transfer
           where agency_id = $1 and kind <> 'top-up' group by kind, day, kopecks order by min(seq)`,
          [agencyId],
        )
      ).map(({ told }) => told),
    outcomes: async (of: CabinetRow = cabinet) =>
      Object.fromEntries(
        (
          await rows<{ id: number; outcome: string }>(
            'select listing_id as id, outcome from mark_outcome where agency_id = $1 and cabinet_id = $2 order by 1',
            [agencyId, of.id],
          )
        ).map(({ id, outcome }) => [ids.indexOf(id), outcome]),
      ),
    explain: (index: number, when: Date, of: CabinetRow = cabinet, client: Queryable = base.db.pool) =>
      explain(client, of, boardOf(of.board), ids[index]!, when),
    waived: () =>
      rows<{ day: string; kopecks: number }>(
        'select day, kopecks from waiver where agency_id = $1 order by day, listing_id',
        [agencyId],
      ),
  };
}

describe('scratch', () => {
  it('F1 held marks in placements', async () => {
    const { mark, run, moved, cabinet, agencyId, account } = await play({ kopecks: 3000, count: 30 });
    const pack = { kind: 'placements', placements: 40, from: '2026-11-01', periodDays: 30, termDays: 10 } as const;
    await savePackage(base.db, cabinet, pack, 7, 'проверка', at(10));
    await mark(at(11));
    await run(at(11, '09:00'));
    console.log(await moved());
    const half = Array.from({ length: 10 }, (_, index) => ({
      values: { ...listingAt(1), externalId: `L${index}`, apartmentNumber: String(index), address: `Москва, Мира ${index}` },
      employeeId: null,
    }));
    await importListings(base.db, { agencyId, source: 'crm' }, half, at(12, '08:00'));
    const done = await run(at(12, '09:00'));
    console.log(done.offers, done.brake, await moved(), await account());
  });
  it('F2 chargeAt moved back', async () => {
    const { mark, run, moved, cabinet, agencyId, account } = await play({});
    await mark(at(11));
    await run(at(11, '09:00'));
    await run(at(11, '10:00'));
    await changeCabinetSettings(base.db, agencyId, cabinet.id, (own) => ({ ...own, chargeAt: '09:30' }), { by: 'a', action: 'settings-set' }, at(11, '10:10'));
    for (const time of ['10:15', '12:00', '15:00']) await run(at(11, time));
    console.log(await moved(), await account());
    for (const time of ['00:00', '09:30', '15:00']) await run(at(12, time));
    console.log(await moved(), await account());
  });
  it('F3 release', async () => {
    const { mark, unmark, ids, run, moved, cabinet, agencyId, account, outcomes } = await play({ balance: 300 });
    await mark(at(11));
    await run(at(11, '09:00'));
    console.log(await outcomes());
    await unmark(at(11, '09:10'), [ids[0]!]);
    await run(at(11, '09:30'));
    console.log(await outcomes(), await account());
    console.log((await dueCabinets(base.db, at(11, '09:40'))).map(({ id, agencyId: a, dueAt }) => [id, a, dueAt]), agencyId);
  });
});
