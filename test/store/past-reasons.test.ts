import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listingAt } from '../../fixtures/agency.ts';
import type { Outcome } from '../../src/domain/gates.ts';
import { ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import { listTransitions } from '../../src/store/cards.ts';
import { importListings } from '../../src/store/intake.ts';
import { markListings } from '../../src/store/marks.ts';
import { forgetReasons, reasonsIn, recordReasons } from '../../src/store/past-reasons.ts';
import { testDatabase } from './testdb.ts';

let base: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  base = await testDatabase();
});
afterAll(() => base.drop());

type Said = readonly [at: string, outcome: Outcome, reason: string | null];

let counter = 0;
/** A mark of which runs say this, one after another; the same decision is not staged again. */
async function marked(said: readonly Said[]) {
  const { pool } = base.db;
  const { id: agencyId } = await resolveAgency(base.db, `Агентство ${++counter}`, true);
  const id = await ensureCabinet(base.db, agencyId, { board: 'avito', slug: 'main', name: 'А', family: 'avito' });
  const start = new Date('2026-11-01T00:00:00+03:00');
  await importListings(base.db, { agencyId, source: 'crm' }, [{ values: listingAt(1), employeeId: null }], start);
  const listingId = (await pool.query<{ id: number }>('select id from listing where agency_id = $1', [agencyId]))
    .rows[0]!.id;
  await markListings(base.db, agencyId, id, [listingId], start);
  for (const [fence, [at, outcome, reason]] of said.entries()) {
    const key = [agencyId, id, listingId];
    await pool.query(
      `insert into outcome_stage (agency_id, cabinet_id, listing_id, fence, outcome, reason, input_key, content_key)
       values ($1, $2, $3, $4, $5, $6, '', '')`,
      [...key, fence, outcome, reason],
    );
    await recordReasons(pool, { agencyId, id }, fence, new Date(`${at}+03:00`), []);
    await pool.query(
      `insert into mark_transition (agency_id, cabinet_id, listing_id, at, outcome) select $1, $2, $3, $4, $5
       where not exists (select 1 from mark_outcome where listing_id = $3 and outcome = $5)`,
      [...key, new Date(`${at}+03:00`), outcome],
    );
    await pool.query(
      `insert into mark_outcome (agency_id, cabinet_id, listing_id, outcome, reason, input_key, content_key, since, decided_at)
       values ($1, $2, $3, $4, $5, '', '', now(), now())
       on conflict (agency_id, cabinet_id, listing_id) do update set outcome = excluded.outcome, reason = excluded.reason`,
      [...key, outcome, reason],
    );
  }
  const rows = await pool.query<{ outcome: string; reason: string | null }>(
    'select outcome, reason from mark_reason where listing_id = $1 order by id',
    [listingId],
  );
  return {
    agencyId,
    id,
    listingId,
    rows: rows.rows.map(({ outcome, reason }) => [outcome, reason]),
    on: async (from: string, until = from) =>
      (await reasonsIn(pool, agencyId, [id], [listingId], { from, until })).map(({ reason }) => reason),
    history: async () =>
      (await listTransitions(pool, agencyId, listingId)).map(({ outcome, reason }) => [outcome, reason]),
  };
}

describe('what is recorded', () => {
  it('is every other word of what keeps a mark off, and its end', async () => {
    const { rows, on } = await marked([
      ['2026-11-01T09:00', 'published', null],
      ['2026-11-02T09:00', 'blocked', 'Нет площади.'],
      ['2026-11-03T09:00', 'blocked', 'Нет цены.'],
      ['2026-11-05T09:00', 'published', null],
    ]);
    expect(rows).toEqual([
      ['blocked', 'Нет площади.'],
      ['blocked', 'Нет цены.'],
      ['published', null],
    ]);
    expect(await on('2026-11-01')).toEqual([]);
    expect(await on('2026-11-02')).toEqual(['Нет площади.']);
    // The day's last word is its word.
    expect(await on('2026-11-03')).toEqual(['Нет цены.']);
    expect(await on('2026-11-01', '2026-11-30')).toEqual(['Нет площади.', 'Нет цены.']);
    expect(await on('2026-11-05', '2026-11-30')).toEqual([]);
  });

  it('is what became true under the same outcome', async () => {
    const { rows } = await marked([
      ['2026-11-01T09:00', 'off-market', 'Статус: забронирован.'],
      ['2026-11-04T09:00', 'off-market', 'Статус: продан.'],
    ]);
    expect(rows).toEqual([
      ['off-market', 'Статус: забронирован.'],
      ['off-market', 'Статус: продан.'],
    ]);
  });

  it('is one row for a twin that a calendar takes away every night', async () => {
    const { rows, on, history } = await marked(
      Array.from({ length: 12 }, (_, at): Said => {
        const day = `2026-11-${String(10 + (at >> 1)).padStart(2, '0')}`;
        return at % 2 === 0
          ? [`${day}T09:00`, 'duplicate', 'Дубль объекта А-2.']
          : [`${day}T21:00`, 'paused', `Кабинет: не работает с 21:00 ${day}.`];
      }),
    );
    expect(rows).toEqual([['duplicate', 'Дубль объекта А-2.']]);
    expect(await on('2026-11-14')).toEqual(['Дубль объекта А-2.']);
    const told = await history();
    expect(told).toHaveLength(12);
    for (const [outcome, reason] of told) expect(reason).toBe(outcome === 'duplicate' ? 'Дубль объекта А-2.' : null);
  });

  it('follows no sums of an account, but what lacks money', async () => {
    const { rows } = await marked([
      ['2026-11-01T09:00', 'unfunded', 'На счёте «Юг» не хватает 500 ₽.'],
      ['2026-11-02T09:00', 'unfunded', 'На счёте «Юг» не хватает 1500 ₽.'],
      ['2026-11-03T09:00', 'unfunded', 'Дневной предел счёта «Юг», 300 ₽, исчерпан.'],
    ]);
    expect(rows).toEqual([
      ['unfunded', 'На счёте «Юг» не хватает 500 ₽.'],
      ['unfunded', 'Дневной предел счёта «Юг», 300 ₽, исчерпан.'],
    ]);
  });

  it('is thrown away after years, but for what still stands', async () => {
    const { agencyId, id, on } = await marked([
      ['2026-11-01T09:00', 'blocked', 'Нет площади.'],
      ['2026-11-03T09:00', 'blocked', 'Нет цены.'],
    ]);
    const left = async (now: string) => {
      await forgetReasons(base.db.pool, { agencyId, id }, new Date(now));
      return on('2026-11-01', '2026-11-30');
    };
    expect(await left('2028-12-31')).toEqual(['Нет площади.', 'Нет цены.']);
    expect(await left('2029-06-01')).toEqual(['Нет цены.']);
  });
});
