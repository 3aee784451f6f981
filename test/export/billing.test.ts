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
import { ensureBranch, ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
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
    /** The only account is a branch's to which no listing belongs. */
    hasNoAgencyAccount?: boolean;
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
  const elsewhere = options.hasNoAgencyAccount ? await ensureBranch(base.db, agencyId, 'Пустой') : null;
  const { id: accountId } = await (elsewhere === null ? open('agency') : open('branch', elsewhere));
  for (const cabinet of cabinets) {
    const deed = { by: 'проверка', action: 'settings-set' as const, cabinetId: cabinet.id };
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

describe('a day of a listing', () => {
  it('is held before the charge hour, charged at it, and never twice', async () => {
    const { mark, run, account, moved, explain: ask } = await play();
    await mark(at(11));
    expect(plain((await ask(0, at(11, '08:59'))).cost!.text)).toBe(
      'День стоит 1 ₽, со счёта «агентство»: пока не списано и не удержано.',
    );
    await run(at(11, '09:00'));
    expect([await account(), await moved()]).toEqual([{ balance: 100_000, held: 400 }, ['hold 11 100 ×4']]);
    expect(plain((await ask(0, at(11, '09:01'))).cost!.text)).toBe(
      'День стоит 1 ₽, со счёта «агентство»: удержано, спишется в 12:00, если объект останется в фиде.',
    );
    await run(at(11, '10:00'));
    expect(await account()).toEqual({ balance: 100_000, held: 400 });
    await run(at(11, '12:00'));
    expect([await account(), await moved()]).toEqual([
      { balance: 99_600, held: 0 },
      ['hold 11 100 ×4', 'charge 11 100 ×4'],
    ]);
    await run(at(11, '15:00'));
    expect(await account()).toEqual({ balance: 99_600, held: 0 });
  });

  it('is free again when the listing leaves before the charge hour, and held anew when it comes back', async () => {
    const { mark, unmark, run, ids, account, moved } = await play();
    await mark(at(11));
    await run(at(11, '09:00'));
    await unmark(at(11, '09:30'), [ids[0]!]);
    await run(at(11, '09:31'));
    expect(await account()).toEqual({ balance: 100_000, held: 300 });
    await mark(at(11, '10:00'), [ids[0]!]);
    await run(at(11, '10:01'));
    await run(at(11, '12:00'));
    expect(await account()).toEqual({ balance: 99_600, held: 0 });
    expect(await moved()).toEqual(['hold 11 100 ×5', 'release 11 100 ×1', 'charge 11 100 ×4']);
  });

  it('is charged at once after the charge hour', async () => {
    const { mark, run, account, moved } = await play();
    await mark(at(11));
    await run(at(11, '13:00'));
    expect([await account(), await moved()]).toEqual([{ balance: 99_600, held: 0 }, ['charge 11 100 ×4']]);
  });

  it('is charged to whoever stood in the feed at the charge hour, though it is to leave with the run after it', async () => {
    const { mark, unmark, run, ids, account } = await play();
    await mark(at(11));
    await run(at(11, '09:00'));
    await unmark(at(11, '12:05'), [ids[0]!]);
    await run(at(11, '12:06'));
    expect(await account()).toEqual({ balance: 99_600, held: 0 });
  });

  it('costs nothing before the tariff begins', async () => {
    const { mark, run, account } = await play();
    await mark(at(10));
    await run(at(10, '13:00'));
    expect(await account()).toEqual({ balance: 100_000, held: 0 });
    await run(at(11, '00:00'));
    expect(await account()).toEqual({ balance: 100_000, held: 400 });
  });

  it('is charged late, the oldest first, when nobody ran the cabinet; and once', async () => {
    const { mark, run, account, moved } = await play();
    await mark(at(11));
    await run(at(11, '09:00'));
    await run(at(14, '15:00'));
    await run(at(14, '16:00'));
    expect([await account(), await moved()]).toEqual([
      { balance: 98_400, held: 0 },
      ['hold 11 100 ×4', 'charge 11 100 ×4', 'charge 12 100 ×4', 'charge 13 100 ×4', 'charge 14 100 ×4'],
    ]);
  });

  it('is waived outright when it was shown and cannot be charged any more', async () => {
    const { mark, run, account, outcomes, waived } = await play({ balance: 600 });
    await mark(at(11));
    await run(at(11, '09:00'));
    await run(at(12, '15:00'));
    expect(await account()).toEqual({ balance: 0, held: 0 });
    expect(await waived()).toEqual([
      { day: on(12), kopecks: 100 },
      { day: on(12), kopecks: 100 },
    ]);
    expect(await outcomes()).toEqual({ 0: 'published', 1: 'published', 2: 'unfunded', 3: 'unfunded' });
  });

  it('costs nothing when it leaves, for want of money too, at the very moment when the day begins and is charged', async () => {
    const { mark, unmark, ids, run, account, outcomes, waived } = await play({ balance: 600, chargeAt: '00:00' });
    await mark(at(11));
    await run(at(11, '09:00'));
    await unmark(at(11, '23:00'), [ids[0]!]);
    await run(at(12, '00:00'));
    expect(await account()).toEqual({ balance: 0, held: 0 });
    expect([await outcomes(), await waived()]).toEqual([{ 1: 'published', 2: 'published', 3: 'unfunded' }, []]);
  });

  it('keeps its price when another tariff is written down, and has another after a refund', async () => {
    const { mark, unmark, run, ids, agencyId, account, moved } = await play();
    await mark(at(11), [ids[0]!]);
    await run(at(11, '13:00'));
    const [charge] = await rows<{ id: string }>(`select id from transfer where agency_id = $1 and kind = 'charge'`, [
      agencyId,
    ]);
    await expect(refund(base.db, agencyId, charge!.id, 'ошибка', BY, at(11, '13:30'))).rejects.toMatchObject({
      code: 'still-published',
    });
    await unmark(at(11, '13:40'), [ids[0]!]);
    await run(at(11, '13:41'));
    await refund(base.db, agencyId, charge!.id, 'ошибка', BY, at(11, '13:50'));
    await mark(at(11, '14:00'), [ids[0]!]);
    await run(at(11, '14:01'));
    expect(await account()).toEqual({ balance: 99_900, held: 0 });
    expect(await moved()).toEqual(['charge 11 100 ×2', 'refund 11 100 ×1']);
  });

  it('has the price of its beginning, whoever writes down another tariff while the run of that day is under way', async () => {
    const { mark, cabinet, account } = await play();
    await mark(at(12, '00:00'));
    let asked = 0;
    let added: Promise<boolean> | undefined;
    await publishCabinet(cabinet, {
      db: base.db,
      boards,
      dataDir,
      // Midnight passes while the run decides, and somebody whose clock is a little late writes down a price for that day.
      clock: () => at(13, asked++ > 2 ? '00:01' : '00:00'),
      onProgress: () => {
        added ??= addTariff(base.db, cabinet, { validFrom: on(13), terms: flat(900) }, BY.name, at(12, '23:59')).then(
          () => true,
          () => false,
        );
      },
    });
    // Whoever came first: the price of every hold is the one of the tariff that stands there for the day.
    expect((await account()).held).toBe((await added) ? 3600 : 400);
    await expect(
      addTariff(base.db, cabinet, { validFrom: on(13), terms: flat(700) }, 'проверка', at(12, '23:59')),
    ).rejects.toMatchObject({ code: 'tariff-too-early' });
  });

  it('is charged too when the charge hour is moved to one that has passed', async () => {
    const { mark, run, account, cabinet, agencyId } = await play();
    await mark(at(11));
    await run(at(11, '09:00'));
    await run(at(11, '10:00'));
    const move = (chargeAt: string, when: Date) =>
      changeCabinetSettings(
        base.db,
        agencyId,
        cabinet.id,
        (own) => ({ ...own, chargeAt }),
        { by: BY.name, action: 'settings-set' },
        when,
      );
    await move('09:30', at(11, '10:10'));
    await run(at(11, '10:15'));
    expect(await account()).toEqual({ balance: 99_600, held: 0 });
    // And when the next run comes a day later only.
    await move('12:00', at(11, '13:00'));
    await run(at(12, '00:00'));
    await move('00:00', at(12, '01:00'));
    await run(at(13, '00:00'));
    expect(await account()).toEqual({ balance: 98_800, held: 0 });
  });

  it('does not begin again when the clock is set back', async () => {
    const { mark, run, account } = await play();
    await mark(at(12));
    await run(at(12, '13:00'));
    await run(at(11, '20:00'));
    expect(await account()).toEqual({ balance: 99_600, held: 0 });
    await run(at(12, '13:30'));
    expect(await account()).toEqual({ balance: 99_600, held: 0 });
  });
});

describe('what a reviewer found', () => {
  it('a cabinet whose zone is moved east lets go of no hold', async () => {
    const { agencyId, mark, run, account, moved, cabinet } = await play({ chargeAt: '23:00' });
    const branchId = await ensureBranch(base.db, agencyId, 'Восток');
    await rows('update cabinet set branch_id = $2 where id = $1', [cabinet.id, branchId]);
    await mark(at(11));
    await run(at(11, '18:00'));
    await rows(`update branch set time_zone = 'Asia/Vladivostok' where agency_id = $1 and id = $2`, [
      agencyId,
      branchId,
    ]);
    await run(at(11, '18:31'));
    expect(await moved()).toEqual(['hold 11 100 ×4', 'charge 11 100 ×4', 'hold 12 100 ×4']);
    expect(await account()).toEqual({ balance: 99_600, held: 400 });
  });

  it('a cabinet whose zone is moved west does not charge what left before that day began', async () => {
    const { agencyId, mark, unmark, run, account, cabinet, ids } = await play();
    const branchId = await ensureBranch(base.db, agencyId, 'Запад');
    await rows('update cabinet set branch_id = $2 where id = $1', [cabinet.id, branchId]);
    await rows(`update branch set time_zone = 'Asia/Vladivostok' where agency_id = $1 and id = $2`, [
      agencyId,
      branchId,
    ]);
    await mark(at(11));
    await run(at(11, '18:00'));
    expect(await account()).toEqual({ balance: 100_000, held: 400 });
    await rows('update branch set time_zone = null where agency_id = $1 and id = $2', [agencyId, branchId]);
    await unmark(at(11, '19:00'), [ids[0]!]);
    await run(at(11, '19:01'));
    // Three stand in the feed on the eleventh as it is now, after its charge hour; their twelfth was held before.
    expect(await account()).toEqual({ balance: 99_700, held: 300 });
    await run(at(12, '13:00'));
    expect(await account()).toEqual({ balance: 99_400, held: 0 });
  });

  it('debts come before the new day in a cabinet with a package too', async () => {
    const { mark, run, moved, waived, cabinet, outcomes } = await play({ balance: 400, count: 2 });
    await savePackage(base.db, cabinet, { kind: 'concurrent', places: 2 }, 7, 'проверка', at(10));
    await mark(at(11));
    await run(at(11, '13:00'));
    await run(at(13, '09:00'));
    expect(await moved()).toEqual(['charge 11 100 ×2', 'charge 12 100 ×2']);
    expect([await waived(), Object.values(await outcomes())]).toEqual([[], ['unfunded', 'unfunded']]);
  });

  it('a debt has the price of what was shown: over the package it is the dearer one', async () => {
    const terms: TariffTerms = { lines: [{ kopecks: 100 }], excess: [{ kopecks: 500 }], promotion: [] };
    const { mark, run, moved, cabinet } = await play({ terms });
    await savePackage(base.db, cabinet, { kind: 'concurrent', places: 2 }, 7, 'проверка', at(10));
    await mark(at(11));
    await run(at(11, '13:00'));
    await run(at(12, '13:00'));
    expect((await moved()).sort()).toEqual([
      'charge 11 100 ×2',
      'charge 11 500 ×2',
      'charge 12 100 ×2',
      'charge 12 500 ×2',
    ]);
  });

  it('days before the first commit that billing knows of are not forgotten', async () => {
    const { mark, run, account } = await play();
    await mark(at(9));
    await run(at(9, '13:00'));
    await run(at(14, '13:00'));
    expect(await account()).toEqual({ balance: 98_400, held: 0 });
  });

  it('a package of placements taken up in the middle of a day does not make it paid twice', async () => {
    const { mark, run, account, moved, cabinet } = await play();
    await mark(at(11));
    await run(at(11, '09:00'));
    const pack = { kind: 'placements', placements: 9, from: on(11), periodDays: 30, termDays: 10 } as const;
    await savePackage(base.db, cabinet, pack, 7, 'проверка', at(11, '10:00'));
    await run(at(11, '10:01'));
    await run(at(11, '13:00'));
    expect(await moved()).toEqual(['hold 11 100 ×4', 'charge 11 100 ×4', 'release 11 100 ×4']);
    expect(await account()).toEqual({ balance: 99_600, held: 0 });
    await savePackage(base.db, cabinet, null, undefined, 'проверка', at(12, '10:00'));
    await run(at(12, '13:00'));
    expect(await account()).toEqual({ balance: 99_600, held: 0 });
  });

  it('a refund overtakes the run that has seen the day as paid', async () => {
    const { agencyId, mark, unmark, run, ids, account, cabinet, outcomes } = await play();
    await mark(at(11), [ids[0]!]);
    await run(at(11, '13:00'));
    await unmark(at(11, '13:10'), [ids[0]!]);
    await run(at(11, '13:11'));
    await mark(at(11, '13:20'), [ids[0]!]);
    const [charge] = await rows<{ id: string }>(`select id from transfer where agency_id = $1 and kind = 'charge'`, [
      agencyId,
    ]);
    let paidBack: Promise<unknown> | undefined;
    let asked = 0;
    const when = at(11, '13:30');
    await publishCabinet(cabinet, {
      db: base.db,
      boards,
      dataDir,
      clock: () => {
        // The second look at the clock is the run's own; the next one comes before its commit.
        if (asked++ === 1) paidBack = refund(base.db, agencyId, charge!.id, 'ошибка', BY, when);
        return when;
      },
      onProgress: () => {},
    }).catch(() => {});
    await paidBack;
    await run(at(11, '13:40'));
    expect(await outcomes()).toEqual({ 0: 'published' });
    expect(await account()).toEqual({ balance: 99_900, held: 0 });
  });

  it('a placement is not paid back while it runs', async () => {
    const { agencyId, mark, run, cabinet } = await play({ kopecks: 3000 });
    const pack = { kind: 'placements', placements: 3, from: on(1), periodDays: 30, termDays: 3 } as const;
    await savePackage(base.db, cabinet, pack, 7, 'проверка', at(10));
    await mark(at(11));
    await run(at(11, '09:00'));
    const [charge] = await rows<{ id: string }>(`select id from transfer where agency_id = $1 and kind = 'charge'`, [
      agencyId,
    ]);
    const back = (when: Date) => refund(base.db, agencyId, charge!.id, 'ошибка', BY, when);
    await expect(back(at(11, '10:00'))).rejects.toMatchObject({ code: 'placement-running' });
    await run(at(14, '09:00'));
    await back(at(14, '10:00'));
  });

  it('a mark put back while the run takes it out comes with the next run, not as shown', async () => {
    const { mark, unmark, ids, outcomes, cabinet, run, account } = await play();
    await mark(at(11));
    await run(at(11, '09:00'));
    await unmark(at(11, '09:10'), [ids[0]!]);
    let again: Promise<unknown> | undefined;
    await publishCabinet(cabinet, {
      db: base.db,
      boards,
      dataDir,
      clock: () => at(11, '09:20'),
      onProgress: () => {
        again ??= mark(at(11, '09:20'), [ids[0]!]);
      },
    });
    await again;
    expect(await outcomes()).toEqual({ 1: 'published', 2: 'published', 3: 'published' });
    expect(await account()).toEqual({ balance: 100_000, held: 300 });
    await run(at(11, '09:30'));
    expect(await account()).toEqual({ balance: 100_000, held: 400 });
  });
});

describe('when money is short', () => {
  it('the order decides, the rest are told what is missing, and a top-up of that lets them out', async () => {
    const { mark, run, pay, outcomes, explain: ask, ids } = await play({ balance: 250 });
    await mark(at(10, '10:00'), [ids[3]!]);
    await mark(at(10, '11:00'), [ids[0]!, ids[1]!, ids[2]!]);
    await run(at(11, '09:00'));
    expect(await outcomes()).toEqual({ 0: 'published', 1: 'unfunded', 2: 'unfunded', 3: 'published' });
    const first = await ask(1, at(11, '09:10'));
    expect(first).toMatchObject({ outcome: 'unfunded', command: ['accounts', 'topup', expect.any(String), '1'] });
    expect(plain(first.reason)).toBe(
      'На счёте «агентство» не хватает 0,50 ₽: день размещения стоит 1 ₽, осталось 0,50 ₽.',
    );
    const second = await ask(2, at(11, '09:10'));
    expect(plain(second.reason)).toBe(
      'На счёте «агентство» не хватает 1,50 ₽ вместе с теми, кто раньше в очереди: день размещения стоит 1 ₽, осталось 0,50 ₽.',
    );
    await pay(150, at(11, '09:20'));
    expect(await ask(2, at(11, '09:20'))).toMatchObject({ outcome: 'published' });
    await run(at(11, '09:30'));
    expect(await outcomes()).toEqual({ 0: 'published', 1: 'published', 2: 'published', 3: 'published' });
  });

  it('what comes free when somebody leaves before the charge hour lets the next one out, in other cabinets too', async () => {
    const { mark, unmark, run, outcomes, cabinets, ids } = await play({ balance: 300, boards: ['yandex', 'domclick'] });
    await mark(at(11));
    await mark(at(11), [ids[0]!], cabinets[1]!);
    await run(at(11, '09:00'));
    await run(at(11, '09:00'), cabinets[1]);
    expect(Object.values(await outcomes())).toEqual(['published', 'published', 'published', 'unfunded']);
    await unmark(at(11, '09:10'), [ids[1]!, ids[2]!]);
    await run(at(11, '09:11'));
    for (const _ of cabinets) {
      const due = await dueCabinets(base.db, at(11, '09:20'));
      for (const cabinet of cabinets) if (due.some(({ id }) => id === cabinet.id)) await run(at(11, '09:20'), cabinet);
    }
    expect([await outcomes(), await outcomes(cabinets[1])]).toEqual([
      { 0: 'published', 3: 'published' },
      { 0: 'published' },
    ]);
  });

  it('two cabinets of a board where nothing changes do not call each other again and again', async () => {
    const { agencyId, mark, run, outcomes, cabinet, ids } = await play({ balance: 0, count: 2 });
    const { board, name, family } = cabinet;
    await ensureCabinet(base.db, agencyId, { board, slug: 'second', name, family });
    const other = (await listCabinets(base.db, { agencyId })).find(({ id }) => id !== cabinet.id)!;
    await rows(
      `insert into tariff (agency_id, cabinet_id, valid_from, terms, by, created_at) values ($1, $2, '2026-11-11', $3, 'проверка', $4)`,
      [agencyId, other.id, JSON.stringify(flat(100)), at(1)],
    );
    // Each has a mark that the other one must give way to.
    await mark(at(10, '10:00'), [ids[0]!]);
    await mark(at(10, '10:00'), [ids[1]!], other);
    await mark(at(10, '11:00'), [ids[1]!]);
    await mark(at(10, '11:00'), [ids[0]!], other);
    for (const which of [cabinet, other, cabinet, other]) await run(at(11, '09:00'), which);
    expect([await outcomes(), await outcomes(other)]).toEqual([
      { 0: 'unfunded', 1: 'duplicate' },
      { 0: 'duplicate', 1: 'unfunded' },
    ]);
    expect((await dueCabinets(base.db, at(11, '09:00'))).filter((one) => one.agencyId === agencyId)).toEqual([]);
  });

  it('stops nobody who pays from another account', async () => {
    const { agencyId, mark, run, pay, outcomes, open, ids } = await play({ balance: 100 });
    const [made] = await rows<{ id: number }>(
      `insert into branch (agency_id, name) values ($1, 'Центр') returning id`,
      [agencyId],
    );
    await rows('update listing set branch_id = $2 where agency_id = $1 and id = any($3)', [
      agencyId,
      made!.id,
      ids.slice(2),
    ]);
    const branch = await open('branch', made!.id);
    await pay(1000, at(1), branch.id);
    await mark(at(11));
    await run(at(11, '09:00'));
    expect(await outcomes()).toEqual({ 0: 'published', 1: 'unfunded', 2: 'published', 3: 'published' });
  });

  it('nobody goes out for whom nobody has an account', async () => {
    const { agencyId, mark, run, outcomes, explain: ask } = await play({ hasNoAgencyAccount: true });
    await mark(at(11));
    await run(at(11, '09:00'));
    expect(Object.values(await outcomes())).toEqual(['unfunded', 'unfunded', 'unfunded', 'unfunded']);
    expect((await ask(0, at(11, '09:01'))).reason).toContain('Нет счёта, с которого платить');
    await openAccount(base.db, agencyId, { kind: 'agency', ownerId: null }, BY, at(11, '09:02'));
    expect((await ask(0, at(11, '09:03'))).reason).toContain('На счёте «агентство» не хватает');
  });

  it('day and month limits stop it as well', async () => {
    const { agencyId, accountId, mark, run, outcomes } = await play();
    await rows('update account set day_limit_kopecks = 200, seal = seal where agency_id = $1 and id = $2', [
      agencyId,
      accountId,
    ]);
    await mark(at(11));
    await run(at(11, '09:00'));
    expect(Object.values(await outcomes())).toEqual(['published', 'published', 'unfunded', 'unfunded']);
    await run(at(12, '00:00'));
    // Whoever waited longest comes first the next day.
    expect(Object.values(await outcomes())).toEqual(['unfunded', 'unfunded', 'published', 'published']);
  });

  it('cabinets that share an account go in a fixed order', async () => {
    const { cabinets, mark, outcomes, agencyId } = await play({ boards: ['yandex', 'domclick'], balance: 600 });
    for (const cabinet of cabinets) await mark(at(11), undefined, cabinet);
    expect(
      (await dueCabinets(base.db, at(11, '09:30'))).filter((one) => one.agencyId === agencyId).map(({ id }) => id),
    ).toEqual([cabinets[0]!.id]);
    const done = await publishAll(cabinets, { db: base.db, boards, dataDir, clock: () => at(11, '10:00') });
    expect(done.failed).toEqual([]);
    expect(Object.values(await outcomes(cabinets[0]))).toEqual(['published', 'published', 'published', 'published']);
    expect(Object.values(await outcomes(cabinets[1]))).toEqual(['published', 'published', 'unfunded', 'unfunded']);
  });

  it('an account emptied while the run was under way stops its own listings, and the rest goes out', async () => {
    const { mark, run, outcomes, account, pay, accountId, agencyId } = await play({ balance: 400 });
    await mark(at(11));
    // Between the plan and the commit somebody else takes the money: seen when the run asks the clock for its commit.
    let asked = 0;
    const stolen = async () => {
      await rows(`update account set balance_kopecks = 250 where agency_id = $1 and id = $2`, [agencyId, accountId]);
    };
    const { cabinet } = { cabinet: (await listCabinets(base.db, { agencyId }))[0]! };
    await publishCabinet(cabinet, {
      db: base.db,
      boards,
      dataDir,
      clock: () => at(11, '09:00'),
      onProgress: () => {
        if (asked++ === 0) void stolen();
      },
    });
    expect(Object.values(await outcomes()).sort()).toEqual(['published', 'published', 'unfunded', 'unfunded']);
    expect(await account()).toEqual({ balance: 250, held: 200 });
    await pay(200, at(11, '09:05'));
    await run(at(11, '09:10'));
    expect(Object.values(await outcomes())).toEqual(['published', 'published', 'published', 'published']);
  });
});

describe('a package', () => {
  it('gives a place that nobody can pay for to the next, and sells what exceeds it', async () => {
    const terms: TariffTerms = { lines: [{ kopecks: 100 }], excess: [{ kopecks: 500 }], promotion: [] };
    const { mark, run, outcomes, moved, cabinet } = await play({ terms, balance: 800 });
    await savePackage(base.db, cabinet, { kind: 'concurrent', places: 2 }, 7, 'проверка', at(10));
    await mark(at(11));
    await run(at(11, '09:00'));
    expect(Object.values(await outcomes())).toEqual(['published', 'published', 'published', 'unfunded']);
    expect((await moved()).sort()).toEqual(['hold 11 100 ×2', 'hold 11 500 ×1']);
  });

  it('charges a placement once, when it is first shown', async () => {
    const { mark, unmark, run, ids, moved, cabinet, account } = await play({ kopecks: 3000 });
    const pack = { kind: 'placements', placements: 3, from: '2026-11-01', periodDays: 30, termDays: 10 } as const;
    await savePackage(base.db, cabinet, pack, 7, 'проверка', at(10));
    await mark(at(11));
    await run(at(11, '09:00'));
    expect(await moved()).toEqual(['charge 11 3000 ×3']);
    await unmark(at(11, '10:00'), [ids[0]!]);
    await run(at(11, '10:01'));
    await mark(at(12, '10:00'), [ids[0]!]);
    await run(at(12, '13:00'));
    await run(at(15, '13:00'));
    expect(await account()).toEqual({ balance: 91_000, held: 0 });
  });

  it('does not charge a placement again while the brake keeps what it has', async () => {
    const { mark, run, moved, cabinet, agencyId } = await play({ kopecks: 3000, count: 16 });
    const pack = { kind: 'placements', placements: 40, from: '2026-11-01', periodDays: 30, termDays: 10 } as const;
    await savePackage(base.db, cabinet, pack, 7, 'проверка', at(10));
    await mark(at(11));
    await run(at(11, '09:00'));
    await importListings(base.db, { agencyId, source: 'crm' }, [], at(12, '08:00'));
    expect(await run(at(12, '09:00'))).toMatchObject({ offers: 16, brake: { held: 16 } });
    expect(await moved()).toEqual(['charge 11 3000 ×16']);
  });
});

describe('a promotion', () => {
  const terms: TariffTerms = {
    lines: [{ kopecks: 100 }],
    excess: null,
    promotion: [{ level: 'x2_7', days: 7, kopecks: 5000 }],
  };
  const order = (cabinet: CabinetRow, listingId: number, when: Date) =>
    orderPromotion(
      base.db,
      cabinet,
      paidLevels(boardOf('avito'), 'avito'),
      { listingId, level: 'x2_7', by: BY.name },
      when,
    );

  it('is held when ordered, charged with the first edition that has the listing, and stands there for its days', async () => {
    const { mark, run, ids, cabinet, account, moved, agencyId } = await play({ terms, boards: ['avito'] });
    await mark(at(11));
    await order(cabinet, ids[0]!, at(11, '08:00'));
    expect(await account()).toEqual({ balance: 100_000, held: 5000 });
    await run(at(11, '09:00'));
    expect(await account()).toEqual({ balance: 95_000, held: 400 });
    expect(await moved()).toContain('charge 11 5000 ×1');
    const statuses = async () => {
      const served = (await currentEdition(base.db, cabinet))!;
      const xml = await readFile(
        editionPath(editionFolder(dataDir, agencyId, cabinet.id), served.sha256, 'xml'),
        'utf8',
      );
      return xml.match(/<AdStatus>[^<]+/g) ?? [];
    };
    expect(await statuses()).toEqual(['<AdStatus>x2_7']);
    await run(at(17, '09:00'));
    expect(await statuses()).toEqual(['<AdStatus>x2_7']);
    await run(at(18, '00:00'));
    expect(await statuses()).toEqual([]);
  });

  it('gives the money back when the listing did not come out in its time', async () => {
    const { mark, unmark, run, ids, cabinet, account } = await play({ terms, boards: ['avito'] });
    await mark(at(11));
    await order(cabinet, ids[0]!, at(11, '08:00'));
    await unmark(at(11, '08:30'), ids);
    await run(at(17, '23:00'));
    expect((await account()).held).toBe(5000);
    await run(at(18, '00:00'));
    expect(await account()).toEqual({ balance: 100_000, held: 0 });
  });
});
