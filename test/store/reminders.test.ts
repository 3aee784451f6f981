import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AGENCY_DEFAULTS } from '../../src/domain/settings.ts';
import { addEmployee } from '../../src/store/agencies.ts';
import { confirm } from '../../src/store/market.ts';
import { markListings, setTerm, unmarkListings } from '../../src/store/marks.ts';
import { remind } from '../../src/store/reminders.ts';
import { stock } from './stock.ts';
import { testDatabase } from './testdb.ts';

const NOW = new Date('2026-11-21T09:00:00Z');
const days = (count: number, from = NOW) => new Date(from.getTime() + count * 86_400_000);
const anna = { name: 'Анна', role: 'agent' } as const;
let base: Awaited<ReturnType<typeof testDatabase>>;

beforeAll(async () => {
  base = await testDatabase();
});
afterAll(() => base.drop());

/** Marked listings, fresh since so many days. */
async function marked(ages: readonly number[], settings: Parameters<typeof stock>[1] = {}) {
  const house = await stock(base.db, settings);
  const cabinet = await house.cabinet();
  const ids = await house.listings(ages.map((age) => ({ freshAt: days(-age) })));
  await markListings(base.db, house.agencyId, cabinet, ids, days(-60));
  await house.notDue();
  return { house, cabinet, ids, agencyId: house.agencyId };
}
const keysOf = async (house: Awaited<ReturnType<typeof stock>>) =>
  (await house.messages()).map(({ key }) => key.split(':').slice(0, 2).join(':'));

describe('reminding', () => {
  it('asks once, however often it looks, and knows when to look again', async () => {
    const { house, ids, agencyId } = await marked([10, 28, 29.5, 31]);
    const [, asked, urgent, stale] = ids;
    const first = await remind(base.db, agencyId, NOW);
    expect(first).toMatchObject({ told: 5, ended: 0, archived: 0, extended: 0 });
    expect(await keysOf(house)).toEqual(
      [
        `fresh-ask:${asked}`,
        `fresh-ask:${urgent}`,
        `fresh-manager:${urgent}`,
        `fresh-manager:${stale}`,
        `fresh-stale:${stale}`,
      ].sort(),
    );
    // The next edge but one is the manager's for the second listing, a day away; midnight in Moscow is nearer.
    expect(first.nextAt).toEqual(new Date('2026-11-21T21:00:00Z'));
    expect(await remind(base.db, agencyId, NOW)).toMatchObject({ told: 0, ended: 0 });
    const soon = await marked([29.9]);
    expect((await remind(base.db, soon.agencyId, NOW)).nextAt).toEqual(days(0.1));
  });

  it('turns to the agent, or to the managers where nobody is responsible', async () => {
    const { house, ids, agencyId } = await marked([31, 31]);
    const employeeId = await addEmployee(base.db, agencyId, { name: 'Анна', phones: [] });
    await base.db.pool.query('update listing set employee_id = $2 where id = $1', [ids[0], employeeId]);
    await remind(base.db, agencyId, NOW);
    const to = new Map(
      (await house.messages()).map(({ key, employeeId, role }) => [key.split(':', 2).join(':'), [employeeId, role]]),
    );
    expect(to.get(`fresh-stale:${ids[0]}`)).toEqual([employeeId, null]);
    expect(to.get(`fresh-manager:${ids[0]}`)).toEqual([null, 'manager']);
    expect(to.get(`fresh-stale:${ids[1]}`)).toEqual([null, 'manager']);
  });

  it('stops asking when the source has changed the listing, or nobody wants it on a board any more', async () => {
    const { house, cabinet, ids, agencyId } = await marked([31, 31, 31]);
    await remind(base.db, agencyId, NOW);
    await base.db.pool.query('update listing set fresh_at = $2 where id = $1', [ids[0], NOW]);
    await unmarkListings(base.db, agencyId, cabinet, [ids[1]!], NOW);
    expect(await remind(base.db, agencyId, days(0.01))).toMatchObject({ told: 0, ended: 4 });
    expect(await keysOf(house)).toEqual([`fresh-manager:${ids[2]}`, `fresh-stale:${ids[2]}`]);
  });

  it('asks anew the next time', async () => {
    const { house, ids, agencyId } = await marked([31]);
    await remind(base.db, agencyId, NOW);
    await confirm(base.db, agencyId, ids, anna, NOW);
    expect(await house.messages()).toEqual([]);
    expect((await remind(base.db, agencyId, days(28))).told).toBe(1);
    expect(await keysOf(house)).toEqual([`fresh-ask:${ids[0]}`]);
  });

  it('archives what nobody has confirmed for so long after the question, takes it off at once and says so', async () => {
    const { house, cabinet, ids, agencyId } = await marked([28, 400]);
    // Nobody looked for a year; the listing is asked about, not put away.
    expect(await remind(base.db, agencyId, NOW)).toMatchObject({ archived: 0, told: 3 });
    expect(await remind(base.db, agencyId, days(29.95))).toMatchObject({ archived: 0, nextAt: days(30) });
    await house.notDue();
    expect(await remind(base.db, agencyId, days(30))).toMatchObject({ archived: 1, told: 1, ended: 2 });
    expect(await house.listing(ids[0]!)).toMatchObject({ status: 'active' });
    expect(await house.listing(ids[1]!)).toMatchObject({ status: 'archived', archived_at: days(30) });
    expect(await house.dueAt(cabinet)).toEqual(days(30));
    expect((await house.deeds()).at(-1)).toMatchObject({
      action: 'listing-archived',
      by: 'Выгрузка',
      listingId: ids[1],
    });
    expect(await keysOf(house)).toContain(`fresh-archived:${ids[1]}`);
    expect(await remind(base.db, agencyId, days(30.5))).toMatchObject({ archived: 0, told: 0, ended: 0 });
    // What was only told does not stay for ever.
    await confirm(base.db, agencyId, [ids[0]!], anna, days(31));
    await remind(base.db, agencyId, days(45));
    expect(await house.messages()).toEqual([]);
  });

  it('leaves alone what a person lets past, and what must not be advertised', async () => {
    const { house, ids, agencyId } = await marked([90, 90]);
    await remind(base.db, agencyId, days(-40));
    await base.db.pool.query(
      `insert into exception (agency_id, listing_id, gate, reason, by, at, until) values ($1, $2, 'fresh', 'п', 'п', $3, '2026-11-21')`,
      [agencyId, ids[0], NOW],
    );
    await base.db.pool.query(`update listing set forbidden_reason = 'нет' where id = $1`, [ids[1]]);
    expect(await remind(base.db, agencyId, NOW)).toMatchObject({ told: 0, archived: 0 });
    expect(await remind(base.db, agencyId, days(1))).toMatchObject({ archived: 1 });
    expect((await house.listing(ids[1]!)).status).toBe('active');
  });

  it('warns of the end of a term and stops when it is moved', async () => {
    const { house, cabinet, ids, agencyId } = await marked([0]);
    const set = (endsOn: string) => setTerm(base.db, agencyId, { listingIds: ids }, { endsOn }, anna, NOW);
    await set('2026-11-26');
    // The warning is due at midnight of the 23rd in Moscow.
    expect(await remind(base.db, agencyId, days(1))).toMatchObject({
      told: 0,
      nextAt: new Date('2026-11-22T21:00:00Z'),
    });
    await remind(base.db, agencyId, days(2));
    expect(await house.messages()).toMatchObject([{ key: `term-ends:${ids[0]}:2026-11-26` }]);
    await set('2026-12-26');
    expect(await house.messages()).toEqual([]);
    await set('2026-11-22');
    await house.notDue();
    await remind(base.db, agencyId, days(2));
    expect(await house.messages()).toMatchObject([{ key: `term-ended:${ids[0]}:2026-11-22` }]);
    expect(await house.marks(cabinet)).toMatchObject([{ ends_on: '2026-11-22' }]);
    expect(await house.dueAt(cabinet)).toBeNull();
  });

  it('extends where the agency wants it: once, by the length of the term', async () => {
    const terms = { ...AGENCY_DEFAULTS.terms, atEnd: 'extend' as const };
    const { house, cabinet, ids, agencyId } = await marked([0], { terms });
    await setTerm(base.db, agencyId, { listingIds: ids }, { startsOn: '2026-11-12', endsOn: '2026-11-21' }, anna, NOW);
    await house.notDue();
    expect(await remind(base.db, agencyId, NOW)).toMatchObject({ extended: 1, told: 1 });
    expect(await remind(base.db, agencyId, NOW)).toMatchObject({ extended: 0, told: 0 });
    expect(await house.marks(cabinet)).toMatchObject([{ starts_on: '2026-11-22', ends_on: '2026-12-01' }]);
    expect(await house.dueAt(cabinet)).toEqual(new Date('2026-11-21T09:05:00Z'));
    expect((await house.deeds()).at(-1)).toMatchObject({ action: 'term-extended', by: 'Выгрузка', listingId: ids[0] });
    expect(await keysOf(house)).toEqual([`term-extended:${ids[0]}`]);
  });
});
