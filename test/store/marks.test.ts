import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endingSoon, markListings, marksOf, setTerm, unmarkListings } from '../../src/store/marks.ts';
import { stock } from './stock.ts';
import { testDatabase } from './testdb.ts';

const NOW = new Date('2026-11-21T09:00:00Z');
const LATER = new Date('2026-12-05T09:00:00Z');
const me = { name: 'Анна' };
let base: Awaited<ReturnType<typeof testDatabase>>;

beforeAll(async () => {
  base = await testDatabase();
});
afterAll(() => base.drop());

describe('marking', () => {
  it('numbers the marks of a cabinet without a hole, whatever is marked again, twice or under a taken id', async () => {
    const house = await stock(base.db);
    const cabinet = await house.cabinet();
    const [a, b] = await house.listings([{}, {}]);
    // Two sources may use one number: the second one's mark takes another id at the board.
    await house.listings([
      { externalId: 'X', source: 'one' },
      { externalId: 'X', source: 'two' },
    ]);
    const mark = (ids?: number[]) => markListings(base.db, house.agencyId, cabinet, ids, NOW);
    expect(await mark([b!])).toEqual({ marked: 1, forbidden: 0 });
    await unmarkListings(base.db, house.agencyId, cabinet, [b!], NOW);
    expect((await mark([a!, b!])).marked).toBe(2);
    expect((await mark()).marked).toBe(2);
    expect((await mark()).marked).toBe(0);
    const marks = await house.marks(cabinet);
    expect(marks.map(({ ordinal }) => ordinal).sort()).toEqual([0, 1, 2, 3]);
    expect(new Set(marks.map((row) => row.board_offer_id)).size).toBe(4);
    const { rows } = await base.db.pool.query('select marks_made as made from cabinet where id = $1', [cabinet]);
    expect(rows[0].made).toBe(4);
  });

  it('gives each mark its own number when several people mark at once', async () => {
    const house = await stock(base.db);
    const cabinet = await house.cabinet();
    const ids = await house.listings(Array.from({ length: 60 }, () => ({})));
    const turns = [0, 1, 2, 3, 4, 5].map((turn) => ids.slice(turn * 5, turn * 5 + 35));
    const done = await Promise.all(turns.map((some) => markListings(base.db, house.agencyId, cabinet, some, NOW)));
    expect(done.reduce((sum, { marked }) => sum + marked, 0)).toBe(60);
    expect((await house.marks(cabinet)).map(({ ordinal }) => ordinal as number).sort((a, b) => a - b)).toEqual(
      ids.map((_, index) => index),
    );
  });

  it('takes the term from the first line of the settings that fits, and from a person before that', async () => {
    const terms = {
      defaults: [
        { board: 'avito', deal: 'rent' as const, days: 3 },
        { kind: 'land' as const, days: null },
        { days: 30 },
      ],
      warnDays: 3,
      atEnd: 'withdraw' as const,
    };
    const house = await stock(base.db, { terms });
    const avito = await house.cabinet('avito');
    const cian = await house.cabinet('cian');
    const ids = await house.listings([{}, { deal: 'rent' }, { kind: 'land' }]);
    const term = async (cabinet: number) =>
      (await house.marks(cabinet)).map(({ starts_on, ends_on }) => [starts_on, ends_on]);
    await markListings(base.db, house.agencyId, avito, ids, NOW);
    expect(await term(avito)).toEqual([
      ['2026-11-21', '2026-12-20'],
      ['2026-11-21', '2026-11-23'],
      [null, null],
    ]);
    await markListings(base.db, house.agencyId, cian, ids, NOW, { term: { startsOn: '2026-12-01', days: 7 } });
    expect(await term(cian)).toEqual(ids.map(() => ['2026-12-01', '2026-12-07']));
    // A listing that is marked again starts a fresh term; one that is marked still keeps its own.
    await unmarkListings(base.db, house.agencyId, avito, [ids[1]!], NOW);
    await markListings(base.db, house.agencyId, avito, ids, LATER);
    expect(await term(avito)).toEqual([
      ['2026-11-21', '2026-12-20'],
      ['2026-12-05', '2026-12-07'],
      [null, null],
    ]);
  });

  it('counts the day in the zone of the cabinet', async () => {
    const house = await stock(base.db);
    const cabinet = await house.cabinet();
    const branch = await base.db.pool.query(
      `insert into branch (agency_id, name, time_zone) values ($1, 'Камчатка', 'Asia/Kamchatka') returning id`,
      [house.agencyId],
    );
    await base.db.pool.query('update cabinet set branch_id = $2 where id = $1', [cabinet, branch.rows[0].id]);
    await house.listings([{}]);
    await markListings(base.db, house.agencyId, cabinet, undefined, new Date('2026-11-21T13:00:00Z'), {
      term: { days: 1 },
    });
    expect(await house.marks(cabinet)).toMatchObject([{ starts_on: '2026-11-22', ends_on: '2026-11-22' }]);
  });

  it('never marks what must not be advertised: refuses the one, leaves out of the many', async () => {
    const house = await stock(base.db);
    const cabinet = await house.cabinet();
    const ids = await house.listings([{}, {}, {}]);
    const ban = (id: number) =>
      base.db.pool.query(`update listing set forbidden_reason = 'собственник против' where id = $1`, [id]);
    await ban(ids[0]!);
    const one = markListings(base.db, house.agencyId, cabinet, [ids[0]!], NOW);
    await expect(one).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('собственник против'),
    });
    expect(await markListings(base.db, house.agencyId, cabinet, undefined, NOW)).toEqual({ marked: 2, forbidden: 1 });
    await unmarkListings(base.db, house.agencyId, cabinet, [ids[1]!], NOW);
    await ban(ids[1]!);
    expect(await markListings(base.db, house.agencyId, cabinet, ids, NOW)).toEqual({ marked: 0, forbidden: 2 });
    expect((await house.marks(cabinet)).map((row) => [row.listing_id, row.is_live])).toEqual([
      [ids[1], false],
      [ids[2], true],
    ]);
  });

  it('makes the cabinet due: soon after a mark, at once after a withdrawal; and writes both down', async () => {
    const house = await stock(base.db);
    const cabinet = await house.cabinet();
    const other = await house.cabinet('cian');
    const [id] = await house.listings([{}]);
    await markListings(base.db, house.agencyId, cabinet, [id!], NOW, { by: 'Анна' });
    expect(await house.dueAt(cabinet)).toEqual(new Date('2026-11-21T09:05:00Z'));
    await unmarkListings(base.db, house.agencyId, cabinet, [id!], NOW, 'Борис');
    expect(await house.dueAt(cabinet)).toEqual(NOW);
    expect(await house.dueAt(other)).toBeNull();
    expect((await house.deeds()).map(({ action, by, listingId }) => [action, by, listingId])).toEqual([
      ['listing-marked', 'Анна', id],
      ['listing-unmarked', 'Борис', id],
    ]);
    await house.notDue();
    expect(await unmarkListings(base.db, house.agencyId, cabinet, [id!], NOW)).toBe(0);
    expect(await house.dueAt(cabinet)).toBeNull();
  });

  it('takes a mark off while a commit holds the cabinet, when a run is due anyway', async () => {
    const house = await stock(base.db);
    const cabinet = await house.cabinet();
    const [id] = await house.listings([{}]);
    await markListings(base.db, house.agencyId, cabinet, [id!], NOW);
    await base.db.pool.query('update cabinet set fence = 7, due_at = $2 where id = $1', [cabinet, new Date(0)]);
    const run = await base.db.pool.connect();
    try {
      await run.query('begin');
      await run.query('select 1 from cabinet where id = $1 for update', [cabinet]);
      expect(await unmarkListings(base.db, house.agencyId, cabinet, [id!], NOW)).toBe(1);
    } finally {
      await run.query('rollback');
      run.release();
    }
    expect(await house.marks(cabinet)).toMatchObject([{ is_live: false, unmarked_fence: 7 }]);
  });

  it('shows a mark with what was decided about it', async () => {
    const house = await stock(base.db);
    const cabinet = await house.cabinet();
    const [id] = await house.listings([{}]);
    await markListings(base.db, house.agencyId, cabinet, [id!], NOW);
    expect(await marksOf(base.db, house.agencyId, id!)).toMatchObject([
      { isLive: true, outcome: null, decidedAt: null },
    ]);
    await base.db.pool.query(
      `insert into mark_outcome (agency_id, cabinet_id, listing_id, outcome, reason, input_key, content_key, since, decided_at, placed_on)
       values ($1, $2, $3, 'stale', 'Давно.', '', '', $4, $4, '2026-11-20')`,
      [house.agencyId, cabinet, id, NOW],
    );
    expect(await marksOf(base.db, house.agencyId, id!)).toMatchObject([
      {
        outcome: 'stale',
        reason: 'Давно.',
        since: NOW,
        decidedAt: NOW,
        placedOn: '2026-11-20',
        isHeld: false,
        ordinal: 0,
      },
    ]);
  });
});

describe('terms', () => {
  async function placed(endsOn: string) {
    const house = await stock(base.db);
    const avito = await house.cabinet('avito');
    const cian = await house.cabinet('cian');
    const [id] = await house.listings([{}]);
    for (const cabinet of [avito, cian])
      await markListings(base.db, house.agencyId, cabinet, [id!], NOW, { term: { startsOn: '2026-11-01', endsOn } });
    await house.notDue();
    return { house, avito, cian, id: id! };
  }

  it('moves the term where it is asked to, and makes only that cabinet due', async () => {
    const { house, avito, cian, id } = await placed('2026-11-25');
    const set = { listingIds: [id], cabinetIds: [avito] };
    expect(await setTerm(base.db, house.agencyId, set, { days: 30 }, me, NOW)).toEqual([
      { cabinetId: avito, listingId: id, startsOn: '2026-11-21', endsOn: '2026-12-20' },
    ]);
    expect(await house.marks(cian)).toMatchObject([{ starts_on: '2026-11-01', ends_on: '2026-11-25' }]);
    expect(await house.dueAt(avito)).toEqual(new Date('2026-11-21T09:05:00Z'));
    expect(await house.dueAt(cian)).toBeNull();
    expect((await house.deeds()).at(-1)).toMatchObject({
      action: 'term-set',
      by: 'Анна',
      listingId: id,
      facts: { endsOn: '2026-12-20', before: { endsOn: '2026-11-25' } },
    });
  });

  it('is due at once when the new term takes the listing off', async () => {
    const { house, avito, cian, id } = await placed('2026-11-25');
    await setTerm(base.db, house.agencyId, { listingIds: [id] }, { endsOn: '2026-11-20' }, me, NOW);
    expect([await house.dueAt(avito), await house.dueAt(cian)]).toEqual([NOW, NOW]);
  });

  it('refuses a term that ends before it begins, and a listing without a mark', async () => {
    const { house, id } = await placed('2026-11-25');
    const [bare] = await house.listings([{}]);
    const wish = (listingIds: number[], endsOn: string) =>
      setTerm(base.db, house.agencyId, { listingIds }, { endsOn }, me, NOW);
    await expect(wish([id], '2026-10-31')).rejects.toMatchObject({ code: 'term-backwards' });
    await expect(wish([id, bare!], '2026-12-31')).rejects.toMatchObject({
      code: 'not-marked',
      message: expect.stringContaining(`#${bare}`),
    });
    expect((await house.deeds()).filter(({ action }) => action === 'term-set')).toEqual([]);
  });

  it('lists who is about to end, the soonest first', async () => {
    const { house, avito, cian, id } = await placed('2026-11-25');
    await setTerm(base.db, house.agencyId, { listingIds: [id], cabinetIds: [cian] }, { endsOn: '2026-11-21' }, me, NOW);
    const rows = await endingSoon(base.db, house.agencyId, 7, NOW);
    expect(rows.map(({ cabinetId, endsOn, daysLeft }) => [cabinetId, endsOn, daysLeft])).toEqual([
      [cian, '2026-11-21', 0],
      [avito, '2026-11-25', 4],
    ]);
    expect(await endingSoon(base.db, house.agencyId, 3, NOW)).toHaveLength(1);
    expect(await endingSoon(base.db, house.agencyId, 7, new Date('2026-11-26T09:00:00Z'))).toEqual([]);
  });
});
