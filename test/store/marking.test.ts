import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MarkingCondition } from '../../src/domain/marking.ts';
import { applyMarkingRules, listMarkingRules, removeMarkingRule, saveMarkingRule } from '../../src/store/marking.ts';
import { unmarkListings } from '../../src/store/marks.ts';
import { type Stock, stock } from './stock.ts';
import { testDatabase } from './testdb.ts';

const NOW = new Date('2026-11-21T09:00:00Z');
const me = { name: 'Анна' };
let base: Awaited<ReturnType<typeof testDatabase>>;

beforeAll(async () => {
  base = await testDatabase();
});
afterAll(() => base.drop());

const save = (
  house: Stock,
  name: string,
  when: MarkingCondition,
  cabinetIds: number[],
  termDays: number | null = null,
) => saveMarkingRule(base.db, house.agencyId, { name, when, cabinetIds, termDays, isActive: true }, me, NOW);
const apply = (house: Stock, ids?: number[]) => applyMarkingRules(base.db, house.agencyId, ids, NOW);
const marksIn = async (house: Stock, cabinet: number) =>
  (await house.marks(cabinet)).map((row) => [row.listing_id, row.origin, row.ends_on]);

describe('marking rules', () => {
  it('marks what fits, where it is to go, for as long as the first rule says', async () => {
    const house = await stock(base.db);
    const [avito, cian] = [await house.cabinet('avito'), await house.cabinet('cian')];
    const [dear, cheap, land] = await house.listings([
      { priceKopecks: 900 },
      { priceKopecks: 100 },
      { kind: 'land', priceKopecks: 100 },
    ]);
    await save(house, 'Дешёвые', { priceToKopecks: 500 }, [avito], 7);
    await save(house, 'Квартиры', { kinds: ['flat'] }, [avito, cian], 30);
    expect(await apply(house)).toEqual(
      new Map([
        [avito, 3],
        [cian, 2],
      ]),
    );
    expect(await marksIn(house, avito)).toEqual([
      [dear, 'rule', '2026-12-20'],
      [cheap, 'rule', '2026-11-27'],
      [land, 'rule', '2026-11-27'],
    ]);
    expect(await marksIn(house, cian)).toEqual([
      [dear, 'rule', '2026-12-20'],
      [cheap, 'rule', '2026-12-20'],
    ]);
    expect(await apply(house)).toEqual(new Map());
    expect((await house.deeds()).map(({ action, by }) => [action, by]).slice(-1)).toEqual([
      ['listing-marked', expect.stringMatching(/^правило «/)],
    ]);
  });

  it('respects a person who took a mark off, and never marks what is forbidden, gone or sold', async () => {
    const house = await stock(base.db);
    const avito = await house.cabinet();
    const [plain, unmarked, forbidden, gone, sold] = await house.listings([{}, {}, {}, {}, {}]);
    await save(house, 'Все', {}, [avito]);
    const set = (what: string, id: number) => base.db.pool.query(`update listing set ${what} where id = $1`, [id]);
    await set(`forbidden_reason = 'нет'`, forbidden!);
    await set('gone_at = now()', gone!);
    await set(`status = 'sold'`, sold!);
    await apply(house, [unmarked!]);
    await unmarkListings(base.db, house.agencyId, avito, [unmarked!], NOW);
    expect(await apply(house)).toEqual(new Map([[avito, 1]]));
    expect((await house.marks(avito)).map((row) => [row.listing_id, row.is_live])).toEqual([
      [plain, true],
      [unmarked, false],
    ]);
  });

  it('takes every new listing into a cabinet that wants them: its branch’s, where it is a branch’s', async () => {
    const house = await stock(base.db);
    const [all, own] = [await house.cabinet('avito'), await house.cabinet('cian')];
    const { rows } = await base.db.pool.query(
      `insert into branch (agency_id, name) values ($1, 'Центр'), ($1, 'Юг') returning id`,
      [house.agencyId],
    );
    const [centre, south] = rows.map(({ id }) => id as number);
    await base.db.pool.query(`update cabinet set settings = '{"marksByDefault": true}' where agency_id = $1`, [
      house.agencyId,
    ]);
    await base.db.pool.query('update cabinet set branch_id = $2 where id = $1', [own, centre]);
    const [here, there, nowhere] = await house.listings([{ branchId: centre! }, { branchId: south! }, {}]);
    await apply(house);
    expect(await marksIn(house, all)).toEqual([here, there, nowhere].map((id) => [id, 'default', null]));
    expect(await marksIn(house, own)).toEqual([[here, 'default', null]]);
  });

  it('keeps one rule of a name, in order, and refuses what makes no sense', async () => {
    const house = await stock(base.db);
    const avito = await house.cabinet();
    const other = await (await stock(base.db)).cabinet();
    const id = await save(house, 'А', { kinds: ['flat'] }, [avito]);
    await save(house, 'Б', {}, [avito], 5);
    expect(await save(house, 'А', { kinds: ['land'] }, [avito])).toBe(id);
    expect(await listMarkingRules(base.db, house.agencyId)).toMatchObject([
      { id, name: 'А', when: { kinds: ['land'] }, cabinetIds: [avito], termDays: null, isActive: true },
      { name: 'Б', termDays: 5 },
    ]);
    await expect(save(house, 'В', {}, [other])).rejects.toMatchObject({ code: 'cabinet-unknown' });
    await expect(save(house, 'В', {}, [])).rejects.toMatchObject({ code: 'cabinet-unknown' });
    await expect(save(house, 'В', { priceFromKopecks: 2, priceToKopecks: 1 }, [avito])).rejects.toMatchObject({
      code: 'rule-condition',
    });
    await removeMarkingRule(base.db, house.agencyId, 'А', me, NOW);
    await expect(removeMarkingRule(base.db, house.agencyId, 'А', me, NOW)).rejects.toMatchObject({
      code: 'rule-unknown',
    });
    expect((await listMarkingRules(base.db, house.agencyId)).map(({ name }) => name)).toEqual(['Б']);
  });

  it('does not apply a rule that is off', async () => {
    const house = await stock(base.db);
    const avito = await house.cabinet();
    await house.listings([{}]);
    const rule = { name: 'А', when: {}, cabinetIds: [avito], termDays: null, isActive: false };
    await saveMarkingRule(base.db, house.agencyId, rule, me, NOW);
    expect(await apply(house)).toEqual(new Map());
  });
});
