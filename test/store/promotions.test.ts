import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startOfDay } from '../../src/domain/days.ts';
import type { Refusal } from '../../src/domain/fault.ts';
import { chargeOf, promotionHoldId, releaseOf } from '../../src/domain/ledger.ts';
import type { PaidLevel } from '../../src/domain/promotion.ts';
import { addEmployee, ensureBranch, ensureDepartment } from '../../src/store/agencies.ts';
import { listAccounts, openAccount, post, refund, topUp } from '../../src/store/ledger.ts';
import { markListings, unmarkListings } from '../../src/store/marks.ts';
import {
  cancelPromotion,
  listPromotions,
  orderPromotion,
  type PromotionOrder,
  promotionsOn,
} from '../../src/store/promotions.ts';
import { addTariff } from '../../src/store/tariffs.ts';
import { ledgerFaults } from './ledger-check.ts';
import { stock } from './stock.ts';
import { testDatabase } from './testdb.ts';

let base: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  base = await testDatabase();
});
afterAll(() => base.drop());

const ZONE = 'Europe/Moscow';
const on = (day: string) => new Date(startOfDay(day, ZONE).getTime() + 9 * 3_600_000);
const TODAY = '2026-11-22';
const NOW = on(TODAY);
const BY = 'Олег Рекламный';

const level = (code: string, facts: Partial<PaidLevel> = {}): PaidLevel => ({
  code,
  label: `Уровень ${code}`,
  days: null,
  needsPhotos: false,
  clashes: [code],
  ...facts,
});
const XL = level('XL', { days: 7, clashes: ['XL', 'x2'] });
const X2 = level('x2', { days: 1, clashes: ['XL', 'x2'] });
const TOP = level('top', { needsPhotos: true });
const GIFT = level('gift');
const LEVELS = [XL, X2, TOP, GIFT];
const PHOTO = { photos: [{ url: 'https://img.example.test/1.jpg' }] };

/** A cabinet with a tariff and one marked listing with a photo; the agency has so much money. */
async function desk(roubles = 1000) {
  const at = await stock(base.db, {}, on('2026-11-01'));
  const { agencyId } = at;
  const cabinet = { agencyId, id: await at.cabinet() };
  const [listingId, bare] = (await at.listings([PHOTO, {}])) as [number, number];
  await markListings(base.db, agencyId, cabinet.id, [listingId, bare], on('2026-11-01'));
  const { id: accountId } = await openAccount(base.db, agencyId, { kind: 'agency', ownerId: null }, { name: BY }, NOW);
  if (roubles > 0) {
    const command = { key: String(agencyId), kopecks: roubles * 100, reason: 'по плану', by: { name: BY } };
    await topUp(base.db, agencyId, accountId, command, NOW);
  }
  const promotion = [
    { level: 'XL', days: 7, kopecks: 30_000 },
    { level: 'x2', days: 1, kopecks: 5000 },
    { level: 'top', days: 7, kopecks: 10_000 },
    { level: 'top', days: 30, kopecks: 40_000 },
    { level: 'gift', days: 3, kopecks: 0 },
  ];
  const terms = { lines: [{ kopecks: 100 }], excess: null, promotion };
  await addTariff(base.db, cabinet, { validFrom: '2026-11-02', terms }, BY, on('2026-11-01'));
  await at.notDue();
  const money = async () => {
    const { balanceKopecks, heldKopecks } = (await listAccounts(base.db.pool, agencyId)).find(
      ({ id }) => id === accountId,
    )!;
    return [balanceKopecks, heldKopecks];
  };
  const order = (wanted: Partial<PromotionOrder> = {}, now = NOW) =>
    orderPromotion(base.db, cabinet, LEVELS, { listingId, level: 'XL', by: BY, ...wanted }, now);
  const refused = async (wanted: Partial<PromotionOrder>, now = NOW) => {
    const error = await order(wanted, now).then(
      () => undefined,
      (error: Refusal) => error,
    );
    return [error?.code, error?.message] as const;
  };
  /** What the first edition that has the listing does. */
  const begin = async (id: number, day: string) => {
    const held = await base.db.pool.query(
      `select from_id as "fromId", to_id as "toId", kopecks from transfer where agency_id = $1 and id = $2`,
      [agencyId, promotionHoldId(id)],
    );
    const about = {
      cabinetId: cabinet.id,
      listingId,
      basis: 'promotion',
      promotionId: id,
      resolves: promotionHoldId(id),
    } as const;
    const way = { id: chargeOf(promotionHoldId(id)), kind: 'charge', day, ...held.rows[0] } as const;
    await post(base.db.pool, agencyId, { ...way, ...about, by: 'выгрузка', reason: 'продвижение' }, on(day));
  };
  const state = async (id: number, day: string) => {
    const [row] = await listPromotions(base.db, agencyId, { id }, on(day));
    return row!.state;
  };
  const active = async (day: string) => (await promotionsOn(base.db.pool, cabinet, day)).levels.get(listingId);
  return { at, agencyId, cabinet, listingId, bare, accountId, money, order, refused, begin, state, active };
}

describe('an order', () => {
  it('holds the price of its first day at once, and is due', async () => {
    const { at, agencyId, cabinet, listingId, accountId, money, order } = await desk();
    const made = await order();
    expect(made).toMatchObject({
      days: 7,
      fromOn: TODAY,
      untilOn: '2026-11-28',
      kopecks: 30_000,
      account: { id: accountId },
    });
    expect(await money()).toEqual([100_000, 30_000]);
    expect(
      (await base.db.pool.query('select * from transfer where agency_id = $1 and kind = $2', [agencyId, 'hold'])).rows,
    ).toMatchObject([
      {
        id: `promotion:${made.id}`,
        day: TODAY,
        basis: 'promotion',
        cabinet_id: cabinet.id,
        listing_id: listingId,
        promotion_id: made.id,
        by: BY,
        reason: 'Уровень XL, 7 дней',
      },
    ]);
    expect((await at.deeds()).at(-1)).toMatchObject({
      action: 'promotion-ordered',
      by: BY,
      listingId,
      facts: { promotion: made.id, level: 'XL', days: 7, fromOn: TODAY, kopecks: 30_000, account: accountId },
    });
    expect(await at.dueAt(cabinet.id)).not.toBeNull();
    expect(await ledgerFaults(base.db, agencyId)).toEqual([]);
  });

  it('from a later day is due on that day, at the price of that day', async () => {
    const { at, cabinet, order } = await desk();
    const dearer = { lines: [{ kopecks: 100 }], excess: null, promotion: [{ level: 'XL', days: 7, kopecks: 70_000 }] };
    await addTariff(base.db, cabinet, { validFrom: '2026-12-01', terms: dearer }, BY, NOW);
    await at.notDue();
    expect(await order({ from: '2026-12-01' })).toMatchObject({ kopecks: 70_000, untilOn: '2026-12-07' });
    expect(await at.dueAt(cabinet.id)).toEqual(startOfDay('2026-12-01', ZONE));
    expect(await order({ from: TODAY, level: 'XL' }, NOW).catch((error: Refusal) => error.code)).toBe(
      'promotion-overlaps',
    );
    expect(await order({ level: 'x2' })).toMatchObject({ kopecks: 5000 });
  });

  it('is paid by the first account up the tree of whoever has the listing', async () => {
    const { agencyId, listingId, order } = await desk();
    const branchId = await ensureBranch(base.db, agencyId, 'Центр');
    const departmentId = await ensureDepartment(base.db, agencyId, branchId, 'Аренда');
    const employeeId = await addEmployee(base.db, agencyId, { name: 'Анна', phones: [], branchId, departmentId });
    await base.db.pool.query('update listing set employee_id = $2 where id = $1', [listingId, employeeId]);
    const payers: (string | undefined)[] = [];
    for (const [kind, ownerId, from] of [
      ['branch', branchId, TODAY],
      ['department', departmentId, '2026-12-22'],
      ['employee', employeeId, '2027-01-22'],
    ] as const) {
      const { id } = await openAccount(base.db, agencyId, { kind, ownerId }, { name: BY }, NOW);
      await topUp(
        base.db,
        agencyId,
        id,
        { key: `${kind}${agencyId}`, kopecks: 50_000, reason: 'x', by: { name: BY } },
        NOW,
      );
      payers.push((await order({ from })).account?.name);
    }
    expect(payers).toEqual(['филиал Центр', 'отдел Аренда', 'Анна (сотрудник)']);
    expect(await ledgerFaults(base.db, agencyId)).toEqual([]);
  });

  it('is refused, with what to do, and then nothing is held', async () => {
    const { agencyId, listingId, bare, cabinet, money, refused } = await desk(200);
    const said = async (wanted: Partial<PromotionOrder>) => (await refused(wanted)).join(' ');
    expect(await said({ level: 'vip', from: '2026-11-21' })).toMatch(
      /^level-unknown Уровня «vip» нет: есть: XL \(Уровень XL\), x2 .* Продвижение не может начаться 21\.11\.2026: в кабинете уже 22\.11\.2026 \(Europe\/Moscow\)\.$/,
    );
    expect(await said({ from: '2026-02-30' })).toMatch(/^bad-day /);
    expect(await said({ days: 14 })).toMatch(/^level-days Уровень XL длится 7 дней/);
    expect(await said({ level: 'top' })).toMatch(/^level-days .*на 7 дней, 30 дней: укажите --days/);
    expect(await said({ level: 'top', days: 8 })).toMatch(
      /^level-not-sold .*на 8 дней .*22\.11\.2026 не продаётся: этот уровень в нём на 7 дней, 30 дней/,
    );
    expect(await said({ level: 'top', days: 7, listingId: bare })).toMatch(/^promotion-needs-photos /);
    expect(await said({ level: 'top', days: 30 })).toMatch(/^account-short .*не хватает 200/);
    expect(await said({ listingId: 0 })).toMatch(/^not-marked /);
    await unmarkListings(base.db, agencyId, cabinet.id, [listingId], NOW);
    expect(await said({})).toMatch(/^not-marked /);
    expect(await money()).toEqual([20_000, 0]);
    expect(await listPromotions(base.db, agencyId, {}, NOW)).toEqual([]);
    expect(await ledgerFaults(base.db, agencyId)).toEqual([]);
  });

  it('needs a tariff of the day and somebody who pays', async () => {
    const { refused } = await desk();
    const at = await stock(base.db, {}, NOW);
    const cabinet = { agencyId: at.agencyId, id: await at.cabinet() };
    const [listingId] = await at.listings([PHOTO]);
    await markListings(base.db, at.agencyId, cabinet.id, [listingId!], NOW);
    const ask = (from: string) =>
      orderPromotion(base.db, cabinet, LEVELS, { listingId: listingId!, level: 'x2', from, by: BY }, NOW).then(
        () => 'done',
        (error: Refusal) => `${error.code} ${error.message}`,
      );
    expect(await ask(TODAY)).toMatch(/^level-not-sold На 22\.11\.2026 у кабинета нет тарифа/);
    const terms = { lines: [{ kopecks: 0 }], excess: null, promotion: [{ level: 'x2', days: 1, kopecks: 100 }] };
    await addTariff(base.db, cabinet, { validFrom: '2026-11-23', terms }, BY, NOW);
    expect(await ask(TODAY)).toMatch(/^level-not-sold /);
    expect(await ask('2026-11-23')).toMatch(/^no-account .*1\s₽/);
    expect((await refused({ level: 'none' }))[0]).toBe('level-unknown');
  });

  it('never meets one of a level that excludes it, however late that one begins', async () => {
    const { order, refused, begin, bare } = await desk(5000);
    const first = await order();
    for (const wanted of [{}, { level: 'x2' }, { from: '2026-12-04' }]) {
      const [code, message] = await refused(wanted);
      expect(code).toBe('promotion-overlaps');
      expect(message).toContain(
        `(№ ${first.id}) заказано с 22.11.2026 и, если объект выйдет не сразу, продлится до 04.12.2026`,
      );
      expect(message).toContain('закажите с 05.12.2026 или позже.');
    }
    await order({ from: '2026-12-05' });
    await order({ level: 'gift' });
    await order({ listingId: bare });
    // Once it has begun, its last day is known.
    await begin(first.id, '2026-11-22');
    expect((await refused({ from: '2026-11-28', level: 'x2' }))[1]).toContain('идёт с 22.11.2026 по 28.11.2026');
    expect(await order({ from: '2026-11-29', level: 'x2' })).toMatchObject({ days: 1 });
  });

  it('twice at the same moment is one order', async () => {
    const { order, money, agencyId } = await desk();
    const both = await Promise.allSettled([order(), order()]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(both.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'promotion-overlaps' } });
    expect(await money()).toEqual([100_000, 30_000]);
    expect(await ledgerFaults(base.db, agencyId)).toEqual([]);
  });
});

describe('what becomes of it', () => {
  it('is told by its transfers: the level is written from the charge on', async () => {
    const { order, begin, state, active, agencyId, cabinet, listingId, money } = await desk();
    const { id } = await order({ from: '2026-11-24' });
    expect([
      await active('2026-11-23'),
      await active('2026-11-24'),
      await active('2026-11-30'),
      await active('2026-12-01'),
    ]).toEqual([undefined, ['XL'], ['XL'], undefined]);
    expect([await state(id, '2026-11-22'), await state(id, '2026-11-30'), await state(id, '2026-12-01')]).toEqual([
      'ordered',
      'ordered',
      'lapsed',
    ]);
    const holds = async (day: string) => (await promotionsOn(base.db.pool, cabinet, day)).beginning;
    expect(await holds('2026-11-23')).toEqual([]);
    expect(await holds('2026-11-27')).toEqual([{ listingId, holdId: promotionHoldId(id) }]);
    await begin(id, '2026-11-27');
    expect(await holds('2026-11-27')).toEqual([]);
    expect([
      await active('2026-11-26'),
      await active('2026-11-27'),
      await active('2026-12-03'),
      await active('2026-12-04'),
    ]).toEqual([undefined, ['XL'], ['XL'], undefined]);
    expect([await state(id, '2026-12-03'), await state(id, '2026-12-04')]).toEqual(['running', 'over']);
    expect((await listPromotions(base.db, agencyId, { id }, NOW))[0]).toMatchObject({
      startedOn: '2026-11-27',
      untilOn: '2026-12-03',
    });
    expect(await money()).toEqual([70_000, 0]);
    await refund(base.db, agencyId, chargeOf(promotionHoldId(id)), 'доска не показала', { name: BY }, on('2026-11-28'));
    expect([await state(id, '2026-11-28'), await active('2026-11-28')]).toEqual(['cancelled', undefined]);
    expect(await ledgerFaults(base.db, agencyId)).toEqual([]);
  });

  it('several levels of one listing go out together, for nothing if they cost nothing', async () => {
    const { order, active, state, money, agencyId } = await desk();
    const gift = await order({ level: 'gift', from: '2026-11-23' });
    await order({ level: 'top', days: 7 });
    expect(gift).toMatchObject({ kopecks: 0, account: null, days: 3 });
    expect([await active('2026-11-22'), await active('2026-11-25'), await active('2026-11-26')]).toEqual([
      ['top'],
      ['gift', 'top'],
      ['top'],
    ]);
    expect([
      await state(gift.id, '2026-11-22'),
      await state(gift.id, '2026-11-23'),
      await state(gift.id, '2026-11-26'),
    ]).toEqual(['ordered', 'running', 'over']);
    expect(await money()).toEqual([100_000, 10_000]);
    expect(await listPromotions(base.db, agencyId, { board: 'cian' }, NOW)).toEqual([]);
    expect((await listPromotions(base.db, agencyId, { board: 'avito' }, NOW)).map(({ level }) => level)).toEqual([
      'top',
      'gift',
    ]);
  });
});

describe('cancelling', () => {
  it('gives the money and the day’s limit back', async () => {
    const { order, state, active, money, agencyId, accountId, at } = await desk();
    const { id } = await order({ from: '2026-11-24' });
    const spent = () =>
      base.db.pool.query('select period, kopecks from account_spending where account_id = $1 order by period', [
        accountId,
      ]);
    expect((await spent()).rows).toEqual([
      { period: '2026-11', kopecks: 30_000 },
      { period: '2026-11-24', kopecks: 30_000 },
    ]);
    const cancelled = await cancelPromotion(base.db, agencyId, id, BY, NOW);
    expect(cancelled).toMatchObject({ id, state: 'cancelled', kopecks: 30_000 });
    expect((await spent()).rows.map(({ kopecks }) => kopecks)).toEqual([0, 0]);
    expect([await money(), await active('2026-11-24'), await state(id, '2026-12-24')]).toEqual([
      [100_000, 0],
      undefined,
      'cancelled',
    ]);
    expect((await at.deeds()).at(-1)).toMatchObject({
      action: 'promotion-cancelled',
      by: BY,
      facts: { promotion: id },
    });
    await order({ from: '2026-11-24' });
    await expect(cancelPromotion(base.db, agencyId, id, BY, NOW)).rejects.toMatchObject({ code: 'promotion-ended' });
    expect(await ledgerFaults(base.db, agencyId)).toEqual([]);
  });

  it('is refused once it has begun, for what costs nothing, and for what nobody ordered', async () => {
    const { order, begin, agencyId, money } = await desk();
    const { id } = await order();
    const gift = await order({ level: 'gift' });
    await begin(id, TODAY);
    const code = (id: number, agency = agencyId) =>
      cancelPromotion(base.db, agency, id, BY, NOW).then(
        () => 'done',
        (error: Refusal) => error.code,
      );
    expect([await code(id), await code(gift.id), await code(0)]).toEqual([
      'promotion-begun',
      'promotion-free',
      'promotion-unknown',
    ]);
    const other = await stock(base.db, {}, NOW);
    expect(await code(id, other.agencyId)).toBe('promotion-unknown');
    expect(await money()).toEqual([70_000, 0]);
  });

  it('of what lapsed frees the money that nobody came for, and says that it lapsed', async () => {
    const { order, state, agencyId, money } = await desk();
    const { id } = await order();
    await cancelPromotion(base.db, agencyId, id, BY, on('2026-12-10'));
    expect([await state(id, '2026-12-10'), await money()]).toEqual(['lapsed', [100_000, 0]]);
  });

  it('meets a run that begins it in the same moment: one of them wins, whole', async () => {
    const { order, agencyId, money, state } = await desk();
    const { id } = await order();
    const client = await base.db.pool.connect();
    try {
      await client.query('begin');
      // The run has written its charge and has not committed yet.
      const held = promotionHoldId(id);
      await client.query(
        `insert into transfer (agency_id, id, kind, from_id, to_id, kopecks, day, at, cabinet_id, listing_id, basis, promotion_id, resolves, by, reason)
         select agency_id, $2, 'charge', from_id, to_id, kopecks, day, now(), cabinet_id, listing_id, basis, promotion_id, id, 'выгрузка', reason
         from transfer where agency_id = $1 and id = $3`,
        [agencyId, chargeOf(held), held],
      );
      const cancelling = cancelPromotion(base.db, agencyId, id, BY, NOW).catch((error: Refusal) => error.code);
      await new Promise((resolve) => setTimeout(resolve, 100));
      await client.query('commit');
      expect(await cancelling).toBe('promotion-begun');
    } finally {
      client.release();
    }
    const ends = await base.db.pool.query('select id from transfer where agency_id = $1 and resolves is not null', [
      agencyId,
    ]);
    expect(ends.rows).toEqual([{ id: chargeOf(promotionHoldId(id)) }]);
    expect(ends.rows).not.toContainEqual({ id: releaseOf(promotionHoldId(id)) });
    expect(await state(id, TODAY)).toBe('running');
    expect(await money()).toEqual([100_000, 30_000]);
  });
});
