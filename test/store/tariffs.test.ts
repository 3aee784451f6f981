import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PriceLine, TariffTerms } from '../../src/domain/tariff.ts';
import { addBranch } from '../../src/store/agencies.ts';
import { openAccount, systemAccount } from '../../src/store/ledger.ts';
import { addTariff, listRegions, listTariffs } from '../../src/store/tariffs.ts';
import { stock } from './stock.ts';
import { testDatabase } from './testdb.ts';

let base: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  base = await testDatabase();
});
afterAll(() => base.drop());

const NOW = new Date('2026-11-21T09:00:00Z');
const terms = (kopecks: number, ...before: PriceLine[]): TariffTerms => ({
  lines: [...before, { kopecks }],
  excess: null,
  promotion: [],
});
const free = terms(0);

async function newCabinet(settings: Parameters<typeof stock>[1] = {}) {
  const house = await stock(base.db, settings, NOW);
  const id = await house.cabinet();
  await house.notDue();
  const { agencyId } = house;
  const add = (validFrom: string, given: TariffTerms, now = NOW) =>
    addTariff(base.db, { agencyId, id }, { validFrom, terms: given }, 'Ирина', now);
  const all = () => listTariffs(base.db.pool, { agencyId, id });
  const open = () => openAccount(base.db, agencyId, { kind: 'agency', ownerId: null }, { name: 'Ирина' }, NOW);
  return { house, agencyId, id, add, all, open };
}

describe('a tariff', () => {
  it('is written down with who and when, is told in the journal, and makes the cabinet due', async () => {
    const { house, id, add, all } = await newCabinet();
    const given = terms(0, { kind: 'flat', region: 'Москва', kopecks: 0 });
    const { id: tariff, ...rest } = await add('2026-11-22', given);
    expect(rest).toEqual({ isNew: true, replaces: null });
    expect(await all()).toEqual([{ id: tariff, validFrom: '2026-11-22', terms: given, by: 'Ирина', createdAt: NOW }]);
    expect(await house.deeds()).toEqual([
      {
        action: 'tariff-added',
        by: 'Ирина',
        listingId: null,
        facts: { tariff, validFrom: '2026-11-22', replaces: null },
      },
    ]);
    expect(await house.dueAt(id)).toEqual(new Date(NOW.getTime() + 300_000));
  });

  it('makes the cabinet due when it begins, also where runs wait for their slots', async () => {
    const { house, id, add } = await newCabinet({ runs: { gatherSeconds: 0, slots: ['11:00'] } });
    await add('2026-11-22', free);
    // In Moscow it is noon; the next slot is tomorrow at eleven, and the tariff is there at midnight.
    expect(await house.dueAt(id)).toEqual(new Date('2026-11-21T21:00:00Z'));
  });

  it('takes over from the one that would have begun on the same day; both stay', async () => {
    const { add, all } = await newCabinet();
    const first = await add('2026-12-01', free);
    const other = await add('2026-11-25', free);
    const promotion = [{ level: 'x', days: 1, kopecks: 5 }];
    const second = await add('2026-12-01', { ...free, promotion });
    expect(second).toMatchObject({ isNew: true, replaces: first.id });
    expect((await all()).map(({ id }) => id)).toEqual([other.id, first.id, second.id]);
    // Once more, with the words of the JSON in another order: nothing new.
    const again = { promotion: [{ days: 1, kopecks: 5, level: 'x' }], excess: null, lines: [{ kopecks: 0 }] };
    expect(await add('2026-12-01', again)).toEqual({ id: second.id, isNew: false, replaces: null });
    // Back to what was replaced: that is a new one.
    expect(await add('2026-12-01', free)).toMatchObject({ isNew: true, replaces: second.id });
    expect(await all()).toHaveLength(4);
  });

  it('of another cabinet or agency is not touched', async () => {
    const one = await newCabinet();
    const other = await newCabinet();
    const second = { agencyId: one.agencyId, id: await one.house.cabinet('cian') };
    await one.add('2026-12-01', free);
    expect(await other.all()).toEqual([]);
    expect(await listTariffs(base.db.pool, second)).toEqual([]);
    expect(await other.add('2026-12-01', free)).toMatchObject({ isNew: true });
  });
});

describe('is refused', () => {
  it.each([
    ['2026-11-21', 'tariff-too-early'],
    ['2026-11-20', 'tariff-too-early'],
    ['2025-12-01', 'tariff-too-early'],
    ['2026-02-30', 'tariff-wrong'],
    ['завтра', 'tariff-wrong'],
  ])('from %s: %s', async (day, code) => {
    const { house, id, add, all } = await newCabinet();
    await expect(add(day, free)).rejects.toMatchObject({ name: 'Refusal', code });
    expect([await all(), await house.deeds(), await house.dueAt(id)]).toEqual([[], [], null]);
  });

  it('too early by the clock of the branch, and told when it may begin', async () => {
    const { agencyId, id, add } = await newCabinet();
    // In Moscow the 21st lasts until 21:00 UTC.
    expect(await add('2026-11-22', free, new Date('2026-11-21T20:59:59Z'))).toMatchObject({ isNew: true });
    const branchId = await addBranch(base.db, agencyId, { name: 'Омск', timeZone: 'Asia/Omsk' }, 'Ирина', NOW);
    await base.db.pool.query('update cabinet set branch_id = $2 where id = $1', [id, branchId]);
    expect(
      await add('2026-11-22', terms(0, { kind: 'flat', kopecks: 0 }), new Date('2026-11-21T17:59:59Z')),
    ).toMatchObject({ isNew: true });
    await expect(add('2026-11-22', free, new Date('2026-11-21T18:00:00Z'))).rejects.toMatchObject({
      code: 'tariff-too-early',
      message:
        'Тариф не может начаться 22.11.2026: в кабинете уже 22.11.2026 (Asia/Omsk), а цена дня известна с его начала и не меняется. Самый ранний день — 23.11.2026.',
    });
  });

  it('while nobody has an account to pay from; what is free needs none', async () => {
    const { agencyId, add, open } = await newCabinet();
    const costly = [terms(1), { ...free, excess: [{ kopecks: 1 }] }, terms(0, { kind: 'flat' as const, kopecks: 1 })];
    await systemAccount(base.db.pool, agencyId, 'bank');
    for (const given of costly) {
      await expect(add('2026-11-22', given)).rejects.toMatchObject({ code: 'no-accounts', message: /accounts open/ });
    }
    await add('2026-11-22', { ...free, promotion: [{ level: 'x', days: 1, kopecks: 5 }] });
    await open();
    for (const given of costly) expect(await add('2026-11-22', given)).toMatchObject({ isNew: true });
  });

  it('with everything that is wrong at once', async () => {
    const { add } = await newCabinet();
    const wrong: TariffTerms = {
      lines: [{ kind: 'flat', kopecks: 5 }],
      excess: [{ deal: 'sale', kopecks: 1 }],
      promotion: [],
    };
    await expect(add('2026-11-21', wrong)).rejects.toMatchObject({
      code: 'tariff-wrong',
      message: expect.stringMatching(/^Цены: .* Цены сверх пакета: .* Самый ранний день .* ни одного счёта/),
    });
  });
});

it('regions are those of the listings', async () => {
  const { house, agencyId } = await newCabinet();
  await house.listings([{ region: 'Москва' }, { region: 'Москва' }, {}, { region: 'Алтайский край' }]);
  expect(await listRegions(base.db.pool, agencyId)).toEqual(['Алтайский край', 'Москва']);
});
