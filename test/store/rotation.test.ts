import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Refusal } from '../../src/domain/fault.ts';
import type { Package } from '../../src/domain/settings.ts';
import { ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import { isFirstOfDay, packageFrame, rotationCandidates, savePackage, setPinned } from '../../src/store/rotation.ts';
import { testDatabase } from './testdb.ts';

let base: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  base = await testDatabase();
});
afterAll(() => base.drop());

const NOW = new Date('2026-11-21T09:00:00Z');
const query = async <T extends object>(sql: string, values: unknown[]) =>
  (await base.db.pool.query<T>(sql, values)).rows as T[];

let counter = 0;
async function newCabinet(marks: number) {
  const { id: agencyId } = await resolveAgency(base.db, `Агентство ${++counter}`, true);
  const id = await ensureCabinet(base.db, agencyId, { board: 'avito', slug: 'main', name: 'Авито', family: 'avito' });
  const made = await query<{ id: number }>(
    `with s as (insert into source (agency_id, name) values ($1, 'crm') returning agency_id, id)
     insert into listing (agency_id, source_id, external_id, source_values, source_hash, values, values_hash, first_seen_at, changed_at, fresh_at)
     select s.agency_id, s.id, 'A' || n, v, '', v, '', $3, $3, $3
     from s, generate_series(1, $2::int) as n, jsonb_build_object('externalId', 'A' || n, 'kind', 'flat', 'deal', 'sale') as v
     returning id`,
    [agencyId, marks, NOW],
  );
  const listingIds = made.map((row) => row.id);
  await query(
    `insert into mark (agency_id, cabinet_id, listing_id, marked_at, ordinal, board_offer_id)
     select $1, $2, listing_id, $4, place - 1, listing_id::text from unnest($3::bigint[]) with ordinality as l(listing_id, place)`,
    [agencyId, id, listingIds, NOW],
  );
  return { agencyId, id, listingIds };
}

const decide = (
  cabinet: Awaited<ReturnType<typeof newCabinet>>,
  index: number,
  outcome: string,
  more: { placedOn?: string; waitingSince?: Date } = {},
) =>
  query(
    `insert into mark_outcome (agency_id, cabinet_id, listing_id, outcome, input_key, content_key, since, decided_at, placed_on, waiting_since)
     values ($1, $2, $3, $4, '', '', $5, $5, $6, $7)`,
    [
      cabinet.agencyId,
      cabinet.id,
      cabinet.listingIds[index],
      outcome,
      NOW,
      more.placedOn ?? null,
      more.waitingSince ?? null,
    ],
  );

const dueOf = async (id: number) =>
  (await query<{ due: Date | null }>('select due_at as due from cabinet where id = $1', [id]))[0]!.due;
const journalOf = (agencyId: number) =>
  query<{ action: string }>(
    'select by, action, listing_id as "listingId", cabinet_id as "cabinetId", facts from journal where agency_id = $1 order by id',
    [agencyId],
  );

describe('pinning', () => {
  it('is written down once, with the journal, and makes the cabinet due', async () => {
    const cabinet = await newCabinet(1);
    const [listingId] = cabinet.listingIds as [number];
    expect(await setPinned(base.db, cabinet, listingId, true, 'Ирина', NOW)).toBe(true);
    expect(await dueOf(cabinet.id)).toEqual(new Date(NOW.getTime() + 300_000));
    expect(await setPinned(base.db, cabinet, listingId, true, 'Ирина', NOW)).toBe(false);
    expect(await journalOf(cabinet.agencyId)).toEqual([
      { by: 'Ирина', action: 'mark-pinned', listingId, cabinetId: cabinet.id, facts: {} },
    ]);
    await decide(cabinet, 0, 'published');
    expect(await rotationCandidates(base.db, cabinet)).toMatchObject([{ listingId, isPinned: true }]);
    expect(await setPinned(base.db, cabinet, listingId, false, 'Ирина', NOW)).toBe(true);
    expect(await rotationCandidates(base.db, cabinet)).toMatchObject([{ listingId, isPinned: false }]);
  });

  it('is refused where the listing is not marked, and then nothing is written', async () => {
    const cabinet = await newCabinet(1);
    const [listingId] = cabinet.listingIds as [number];
    await query('update mark set is_live = false where listing_id = $1', [listingId]);
    await expect(setPinned(base.db, cabinet, listingId, true, 'Ирина', NOW)).rejects.toThrow(Refusal);
    expect(await journalOf(cabinet.agencyId)).toEqual([]);
    expect(await dueOf(cabinet.id)).toBeNull();
  });
});

describe('the package', () => {
  const placements: Package = { kind: 'placements', placements: 30, from: '2026-11-01', periodDays: 30, termDays: 30 };

  it('is kept beside the other settings, with the journal, and holds at once', async () => {
    const cabinet = await newCabinet(0);
    await query(`update cabinet set settings = '{"marksByDefault": true}' where id = $1`, [cabinet.id]);
    await savePackage(base.db, cabinet, { kind: 'concurrent', places: 50 }, 5, 'Ирина', NOW);
    expect(await packageFrame(base.db, cabinet, NOW)).toMatchObject({
      today: '2026-11-21',
      package: { kind: 'concurrent', places: 50 },
      turnDays: 5,
      period: null,
      used: 0,
    });
    expect(await dueOf(cabinet.id)).toEqual(NOW);
    await savePackage(base.db, cabinet, null, undefined, 'Ирина', NOW);
    expect(await packageFrame(base.db, cabinet, NOW)).toMatchObject({ package: null, turnDays: 5 });
    const [settings] = await query<{ settings: object }>('select settings from cabinet where id = $1', [cabinet.id]);
    expect(settings!.settings).toEqual({ marksByDefault: true, turnDays: 5, package: null });
    expect(await journalOf(cabinet.agencyId)).toMatchObject([
      { action: 'package-set', facts: { from: { package: null, turnDays: 7 }, to: { turnDays: 5 } } },
      { action: 'package-set', facts: { from: { package: { places: 50 }, turnDays: 5 }, to: { package: null } } },
    ]);
  });

  it('counts the placements of the period the local day lies in', async () => {
    const cabinet = await newCabinet(3);
    await savePackage(base.db, cabinet, placements, undefined, 'Ирина', NOW);
    const uses = (index: number, from: string, until: string) =>
      query(
        'insert into placement (agency_id, cabinet_id, listing_id, from_on, until_on) values ($1, $2, $3, $4, $5)',
        [cabinet.agencyId, cabinet.id, cabinet.listingIds[index], from, until],
      );
    await uses(0, '2026-10-31', '2026-11-09');
    // The second one of a mark counts again.
    await uses(0, '2026-11-10', '2026-11-19');
    await uses(1, '2026-11-01', '2026-11-10');
    await uses(2, '2026-11-30', '2026-12-09');
    const at = async (moment: string) => (await packageFrame(base.db, cabinet, new Date(moment))).used;
    // In Moscow the 30th ends at 21:00 UTC.
    expect(await at('2026-11-30T20:59:00Z')).toBe(3);
    expect(await at('2026-11-30T21:00:00Z')).toBe(0);
    expect(await at('2026-10-20T21:00:00Z')).toBe(0);
  });

  it('knows the marks that are shown or wait', async () => {
    const cabinet = await newCabinet(4);
    await decide(cabinet, 0, 'published', { placedOn: '2026-11-20' });
    await decide(cabinet, 1, 'waiting-turn', { waitingSince: NOW });
    await decide(cabinet, 2, 'paused');
    await decide(cabinet, 3, 'published');
    await query('update mark set is_live = false where listing_id = $1', [cabinet.listingIds[3]]);
    const common = { isPinned: false, markedAt: NOW.getTime(), placementFrom: null, placementUntil: null };
    expect(await rotationCandidates(base.db, cabinet)).toEqual([
      { ...common, listingId: cabinet.listingIds[0], externalId: 'A1', placedOn: '2026-11-20', waitingSince: null },
      { ...common, listingId: cabinet.listingIds[1], externalId: 'A2', placedOn: null, waitingSince: NOW.getTime() },
    ]);
  });

  it('tells the first giving out of a local day; a run of the night without candidates is none', async () => {
    const cabinet = await newCabinet(0);
    const isFirst = () => isFirstOfDay(base.db.pool, cabinet, '2026-11-21', 'Europe/Moscow');
    const run = (startedAt: string, outcomes: object | null, status: string | null) =>
      query(
        `insert into export_run (agency_id, cabinet_id, fence, cause, started_at, status, outcomes) values ($1, $2, 1, 'due', $3, $4, $5)`,
        [cabinet.agencyId, cabinet.id, startedAt, status, outcomes],
      );
    expect(await isFirst()).toBe(true);
    await run('2026-11-20T20:59:00Z', { published: 3 }, 'done');
    await run('2026-11-20T21:00:00Z', { paused: 3 }, 'done');
    await run('2026-11-21T05:00:00Z', { published: 3 }, 'failed');
    await run('2026-11-21T06:00:00Z', null, null);
    expect(await isFirst()).toBe(true);
    await run('2026-11-21T07:00:00Z', { 'waiting-turn': 1 }, 'done');
    expect(await isFirst()).toBe(false);
  });
});
