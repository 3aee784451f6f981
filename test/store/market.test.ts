import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AGENCY_DEFAULTS } from '../../src/domain/settings.ts';
import { tell } from '../../src/store/journal.ts';
import { allow, archive, confirm, forbid, recordCall, setStage, setStatus, unarchive } from '../../src/store/market.ts';
import { markListings } from '../../src/store/marks.ts';
import { stock } from './stock.ts';
import { testDatabase } from './testdb.ts';

const NOW = new Date('2026-11-21T09:00:00Z');
const OLD = new Date('2026-10-01T09:00:00Z');
const SOON = new Date('2026-11-21T09:05:00Z');
const hours = (count: number) => new Date(NOW.getTime() + count * 3_600_000);
const agent = { name: 'Анна', role: 'agent' } as const;
const manager = { name: 'Борис', role: 'manager' } as const;
let base: Awaited<ReturnType<typeof testDatabase>>;

beforeAll(async () => {
  base = await testDatabase();
});
afterAll(() => base.drop());

/** A marked listing that nobody has touched for long, and about which its agent is asked. */
async function marked(settings: Parameters<typeof stock>[1] = {}) {
  const house = await stock(base.db, settings, OLD);
  const cabinet = await house.cabinet();
  const unconcerned = await house.cabinet('cian');
  const [id] = await house.listings([{ deal: 'rent' }]);
  await markListings(base.db, house.agencyId, cabinet, [id!], OLD);
  for (const kind of ['fresh-ask', 'call-back'])
    await tell(base.db.pool, house.agencyId, [{ key: kind, kind, listingId: id!, text: 'Вопрос.' }], OLD);
  await house.notDue();
  return { house, cabinet, unconcerned, id: id!, agencyId: house.agencyId };
}

const lastDeed = async (house: Awaited<ReturnType<typeof stock>>) => (await house.deeds()).at(-1)!;

describe('the market', () => {
  it.each([
    ['active', SOON],
    ['reserved', NOW],
    ['sold', NOW],
    ['rented', NOW],
    ['archived', NOW],
  ] as const)('sets %s, writes it down and is due in time', async (status, due) => {
    const { house, cabinet, unconcerned, id, agencyId } = await marked();
    await setStatus(base.db, agencyId, id, { status }, agent, NOW);
    expect(await house.listing(id)).toMatchObject({
      status,
      fresh_at: NOW,
      archived_at: status === 'archived' ? NOW : null,
    });
    expect(await lastDeed(house)).toMatchObject({ action: 'status-set', by: 'Анна', listingId: id, facts: { status } });
    expect(await house.dueAt(cabinet)).toEqual(due);
    expect(await house.dueAt(unconcerned)).toBeNull();
    expect(await house.messages()).toEqual([]);
  });

  it('keeps a reservation with its last day, and only a reservation has one', async () => {
    const { house, id, agencyId } = await marked();
    const set = (status: 'reserved' | 'sold', reservedUntil: string) =>
      setStatus(base.db, agencyId, id, { status, reservedUntil }, agent, NOW);
    await set('reserved', '2026-12-01');
    expect(await house.listing(id)).toMatchObject({ status: 'reserved', reserved_until: '2026-12-01' });
    await expect(set('sold', '2026-12-01')).rejects.toMatchObject({ code: 'reservation-without-status' });
    await expect(set('reserved', '2026-11-01')).rejects.toMatchObject({ code: 'reservation-past' });
    expect(await house.listing(id)).toMatchObject({ status: 'reserved', reserved_until: '2026-12-01' });
    await setStatus(base.db, agencyId, id, { status: 'active' }, agent, NOW);
    expect(await house.listing(id)).toMatchObject({ status: 'active', reserved_until: null });
  });

  it('archives and brings back fresh', async () => {
    const { house, id, agencyId } = await marked();
    await archive(base.db, agencyId, id, agent, NOW);
    await expect(confirm(base.db, agencyId, [id], agent, NOW)).rejects.toMatchObject({ code: 'off-market' });
    await unarchive(base.db, agencyId, id, agent, hours(1));
    expect(await house.listing(id)).toMatchObject({ status: 'active', archived_at: null, fresh_at: hours(1) });
  });

  it('lets only the role that a stage names move a listing out of it', async () => {
    const market = {
      ...AGENCY_DEFAULTS.market,
      stages: [
        { name: 'Договор', effect: 'not-yet' as const, changedBy: 'manager' as const },
        { name: 'Реклама', effect: 'permits' as const },
        { name: 'Задаток', effect: 'withdraws' as const },
      ],
    };
    const { house, cabinet, id, agencyId } = await marked({ market });
    const move = (stage: string | null, who: typeof agent | typeof manager) =>
      setStage(base.db, agencyId, id, stage, who, NOW);
    await move('Договор', agent);
    expect(await house.dueAt(cabinet)).toEqual(NOW);
    await expect(move('Реклама', agent)).rejects.toMatchObject({
      code: 'stage-guarded',
      message: expect.stringContaining('руководитель'),
    });
    await expect(move(null, agent)).rejects.toMatchObject({ code: 'stage-guarded' });
    await expect(move('Рекллама', manager)).rejects.toMatchObject({ code: 'stage-unknown' });
    expect((await house.listing(id)).stage).toBe('Договор');
    await house.notDue();
    await move('Реклама', manager);
    expect(await house.dueAt(cabinet)).toEqual(SOON);
    await move('Задаток', agent);
    expect(await house.dueAt(cabinet)).toEqual(NOW);
    expect(await lastDeed(house)).toMatchObject({
      action: 'stage-set',
      facts: { stage: 'Задаток', before: 'Реклама' },
    });
  });

  it('forbids at once, and lets a manager lift it', async () => {
    const { house, cabinet, id, agencyId } = await marked();
    await forbid(base.db, agencyId, id, 'собственник против', agent, NOW);
    expect(await house.dueAt(cabinet)).toEqual(NOW);
    expect((await house.listing(id)).forbidden_reason).toBe('собственник против');
    await allow(base.db, agencyId, id, manager, NOW);
    expect(await house.listing(id)).toMatchObject({ forbidden_reason: null, fresh_at: OLD });
    await expect(allow(base.db, agencyId, id, manager, NOW)).rejects.toMatchObject({ code: 'not-forbidden' });
    expect((await house.deeds()).slice(-2).map(({ action, by }) => [action, by])).toEqual([
      ['advertising-forbidden', 'Анна'],
      ['advertising-allowed', 'Борис'],
    ]);
  });

  it('confirms all of the listings or none, and stops asking', async () => {
    const { house, cabinet, id, agencyId } = await marked();
    const [sold, free] = await house.listings([{}, {}]);
    await setStatus(base.db, agencyId, sold!, { status: 'sold' }, agent, OLD);
    const all = confirm(base.db, agencyId, [id, sold!], agent, NOW);
    await expect(all).rejects.toMatchObject({ code: 'off-market', message: expect.stringContaining(`#${sold}`) });
    expect((await house.listing(id)).fresh_at).toEqual(OLD);
    await confirm(base.db, agencyId, [id, free!], agent, NOW);
    expect((await house.listing(id)).fresh_at).toEqual(NOW);
    expect((await house.messages()).map(({ key }) => key)).toEqual(['call-back']);
    expect(await house.dueAt(cabinet)).toEqual(SOON);
    const confirmed = (await house.deeds()).filter(({ action }) => action === 'listing-confirmed');
    expect(confirmed.map(({ listingId }) => listingId)).toEqual([id, free]);
  });

  it.each([
    ['not-rented', hours(72), NOW, 'active', []],
    ['no-answer', hours(24), OLD, 'active', ['fresh-ask']],
    ['busy', hours(1), OLD, 'active', ['fresh-ask']],
    ['rented', null, NOW, 'rented', []],
  ] as const)('after a call that ended in «%s» knows what comes next', async (result, next, freshAt, status, open) => {
    const { house, cabinet, id, agencyId } = await marked();
    expect(await recordCall(base.db, agencyId, id, result, agent, NOW)).toEqual(next);
    expect(await house.listing(id)).toMatchObject({ call_back_at: next, fresh_at: freshAt, status });
    expect((await house.messages()).map(({ key }) => key)).toEqual(open);
    expect(await house.dueAt(cabinet)).toEqual(result === 'rented' ? NOW : SOON);
    expect((await house.deeds()).map(({ action }) => action)).toContain('call-recorded');
  });

  it('does not know a listing of another agency', async () => {
    const { id } = await marked();
    const other = await stock(base.db);
    await expect(confirm(base.db, other.agencyId, [id], agent, NOW)).rejects.toMatchObject({ code: 'listing-unknown' });
  });
});
