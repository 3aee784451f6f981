import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listingAt } from '../../fixtures/agency.ts';
import { Refusal } from '../../src/domain/fault.ts';
import { ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import {
  activeExceptions,
  addException,
  exemptNorms,
  listExceptions,
  revokeException,
} from '../../src/store/exceptions.ts';
import { importListings } from '../../src/store/intake.ts';
import { markListings } from '../../src/store/marks.ts';
import { eachMarkedListing, listNorms, removeNorm, saveNorm } from '../../src/store/norms.ts';
import { testDatabase } from './testdb.ts';

let base: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  base = await testDatabase();
});
afterAll(() => base.drop());

/** Noon in Moscow. */
const NOW = new Date('2026-11-21T09:00:00Z');
const GATHER_MS = 300_000;
const by = 'Анна Белова';
const rule = (min: number) => ({ code: 'photos-min', severity: 'blocking', must: { minimum: min } });
const five = { code: 'norm/photos-min', boards: null, rule: rule(5), by };

let counter = 0;
let agencyId: number;
let cabinets: { avito: number; cian: number };
let listingIds: number[];

/** Three listings; the first is marked in both cabinets, the second in one. */
beforeEach(async () => {
  agencyId = (await resolveAgency(base.db, `Агентство ${++counter}`, true)).id;
  const cabinet = (board: 'avito' | 'cian') =>
    ensureCabinet(base.db, agencyId, { board, slug: 'main', name: board, family: board });
  cabinets = { avito: await cabinet('avito'), cian: await cabinet('cian') };
  const listings = [0, 1, 2].map((index) => ({ values: listingAt(index), employeeId: null }));
  await importListings(base.db, { agencyId, source: 'crm' }, listings, NOW);
  const found = await base.db.pool.query<{ id: number }>('select id from listing where agency_id = $1 order by id', [
    agencyId,
  ]);
  listingIds = found.rows.map(({ id }) => id);
  await markListings(base.db, agencyId, cabinets.avito, listingIds.slice(0, 1), NOW);
  await markListings(base.db, agencyId, cabinets.cian, listingIds.slice(0, 2), NOW);
  await base.db.pool.query('update cabinet set due_at = null where agency_id = $1', [agencyId]);
});

async function due(): Promise<Record<string, number | null>> {
  const found = await base.db.pool.query<{ board: string; at: Date | null }>(
    'select board, due_at as at from cabinet where agency_id = $1',
    [agencyId],
  );
  return Object.fromEntries(found.rows.map(({ board, at }) => [board, at && at.getTime() - NOW.getTime()]));
}

async function deeds(): Promise<{ action: string; by: string; listingId: number | null; facts: unknown }[]> {
  const found = await base.db.pool.query(
    `select action, by, listing_id as "listingId", facts from journal
     where agency_id = $1 and action ~ '^(norm|exception)-' order by id`,
    [agencyId],
  );
  return found.rows;
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'nothing was refused',
    (error: unknown) => (error instanceof Refusal ? error.code : Promise.reject(error)),
  );

describe('norms', () => {
  it('are saved once per code, with a line in the journal and a run for every cabinet', async () => {
    expect(await saveNorm(base.db, agencyId, five, NOW)).toBe('new');
    expect(await due()).toEqual({ avito: GATHER_MS, cian: GATHER_MS });
    const later = new Date(NOW.getTime() + 1000);
    const six = { ...five, boards: ['cian'], rule: rule(6), by: 'Пётр Орлов' };
    expect(await saveNorm(base.db, agencyId, six, later)).toBe('replaced');
    expect(await listNorms(base.db.pool, agencyId)).toEqual([{ id: expect.any(Number), ...six, createdAt: later }]);
    expect(await deeds()).toEqual([
      { action: 'norm-saved', by, listingId: null, facts: { code: five.code, boards: null, rule: rule(5) } },
      {
        action: 'norm-saved',
        by: 'Пётр Орлов',
        listingId: null,
        facts: { code: five.code, boards: ['cian'], rule: rule(6), was: { boards: null, rule: rule(5) } },
      },
    ]);
  });

  it('that say the same are left alone', async () => {
    await saveNorm(base.db, agencyId, five, NOW);
    await base.db.pool.query('update cabinet set due_at = null where agency_id = $1', [agencyId]);
    const again = { ...five, rule: Object.fromEntries(Object.entries(five.rule).reverse()), by: 'Пётр Орлов' };
    expect(await saveNorm(base.db, agencyId, again, new Date())).toBe('unchanged');
    expect(await due()).toEqual({ avito: null, cian: null });
    expect(await deeds()).toHaveLength(1);
    expect((await listNorms(base.db.pool, agencyId))[0]!.by).toBe(by);
  });

  it('are removed with a line in the journal and a run for every cabinet', async () => {
    await saveNorm(base.db, agencyId, five, NOW);
    await base.db.pool.query('update cabinet set due_at = null where agency_id = $1', [agencyId]);
    await removeNorm(base.db, agencyId, five.code, by, NOW);
    expect(await listNorms(base.db.pool, agencyId)).toEqual([]);
    expect(await due()).toEqual({ avito: GATHER_MS, cian: GATHER_MS });
    expect((await deeds()).at(-1)!.facts).toEqual({ code: five.code, was: { boards: null, rule: rule(5) } });
    expect(await codeOf(removeNorm(base.db, agencyId, five.code, by, NOW))).toBe('norm-unknown');
  });

  it('are the agency’s own', async () => {
    await saveNorm(base.db, agencyId, five, NOW);
    const other = (await resolveAgency(base.db, `Чужое ${counter}`, true)).id;
    expect(await listNorms(base.db.pool, other)).toEqual([]);
    expect(await codeOf(removeNorm(base.db, other, five.code, by, NOW))).toBe('norm-unknown');
    expect(await saveNorm(base.db, other, five, NOW)).toBe('new');
  });
});

describe('listings with their live marks', () => {
  it('come in batches, each once, and without those that nobody marked', async () => {
    await base.db.pool.query('update mark set is_live = false where agency_id = $1 and listing_id = $2', [
      agencyId,
      listingIds[1],
    ]);
    await markListings(base.db, agencyId, cabinets.cian, [listingIds[2]!], NOW);
    const outcome = (cabinetId: number, listingId: number, judgement: object | null) =>
      base.db.pool.query(
        `insert into mark_outcome (agency_id, cabinet_id, listing_id, outcome, judgement, input_key, content_key, since, decided_at)
         values ($1, $2, $3, 'blocked', $4, '', '', $5, $5)`,
        [agencyId, cabinetId, listingId, judgement && JSON.stringify(judgement), NOW],
      );
    await outcome(cabinets.avito, listingIds[0]!, { board: [{ code: 'avito/x' }] });
    await outcome(cabinets.cian, listingIds[0]!, { norms: [{ code: 'norm/x' }] });
    const rows = [];
    for await (const batch of eachMarkedListing(base.db, agencyId, 1)) {
      expect(batch).toHaveLength(1);
      rows.push(...batch);
    }
    expect(rows.map(({ id }) => id)).toEqual([listingIds[0], listingIds[2]]);
    expect(rows[0]!.values).toEqual(listingAt(0));
    expect(rows[0]!.marks.map(({ board, outcome, isBlockedByBoard }) => [board, outcome, isBlockedByBoard])).toEqual([
      ['avito', 'blocked', true],
      ['cian', 'blocked', false],
    ]);
    expect(rows[1]!.marks).toMatchObject([{ board: 'cian', outcome: null, isBlockedByBoard: false }]);
  });
});

describe('exceptions', () => {
  const wish = (more: object = {}) => ({
    listingId: listingIds[0]!,
    gate: 'fresh',
    reason: 'Собственник в отъезде',
    by,
    until: '2026-12-31',
    ...more,
  });
  const add = (more: object = {}, now = NOW) => addException(base.db, agencyId, wish(more), now);

  it('hold up to and with their last day, in the agency’s zone', async () => {
    const id = await add();
    const active = async (today: string) =>
      (await activeExceptions(base.db.pool, agencyId, today)).map((row) => row.id);
    expect(await active('2026-12-31')).toEqual([id]);
    expect(await active('2027-01-01')).toEqual([]);
    const [row] = await activeExceptions(base.db.pool, agencyId, '2026-11-21');
    expect(row).toEqual({ ...wish(), id, normCode: null, at: NOW });
  });

  it('make a cabinet due that would not have been earlier when they end', async () => {
    // On the last evening the gathered edits would go out after midnight.
    await base.db.pool.query(
      `update agency set settings = '{"runs":{"gatherSeconds":86400,"slots":[]}}' where id = $1`,
      [agencyId],
    );
    await add({ until: '2026-11-21' });
    expect(await due()).toEqual({ avito: 12 * 3_600_000, cian: 12 * 3_600_000 });
    await base.db.pool.query(`update cabinet set due_at = null where agency_id = $1`, [agencyId]);
    await base.db.pool.query(`update agency set time_zone = 'Asia/Kamchatka' where id = $1`, [agencyId]);
    await add({ until: '2026-11-21' });
    expect(await due()).toEqual({ avito: 3 * 3_600_000, cian: 3 * 3_600_000 });
  });

  it('make the listing’s cabinets due, and are written in the journal', async () => {
    const id = await add({ listingId: listingIds[1] });
    expect(await due()).toEqual({ avito: null, cian: GATHER_MS });
    expect(await deeds()).toEqual([
      {
        action: 'exception-added',
        by,
        listingId: listingIds[1],
        facts: { id, gate: 'fresh', normCode: null, reason: 'Собственник в отъезде', until: '2026-12-31' },
      },
    ]);
  });

  it('that are revoked hold no longer, and their cabinets are due at once', async () => {
    const id = await add();
    await revokeException(base.db, agencyId, id, 'Пётр Орлов', NOW);
    expect(await due()).toEqual({ avito: 0, cian: 0 });
    expect(await activeExceptions(base.db.pool, agencyId, '2026-11-21')).toEqual([]);
    expect((await deeds()).at(-1)).toMatchObject({ action: 'exception-revoked', by: 'Пётр Орлов', facts: { id } });
    expect(await codeOf(revokeException(base.db, agencyId, id, by, NOW))).toBe('exception-revoked');
    expect(await codeOf(revokeException(base.db, agencyId, id + 1000, by, NOW))).toBe('exception-unknown');
  });

  it('are listed newest first, the ended ones on request', async () => {
    const short = await add({ until: '2026-11-21' });
    const long = await add({ listingId: listingIds[1], gate: 'duplicate' });
    const revoked = await add({ gate: 'norms' });
    await revokeException(base.db, agencyId, revoked, by, NOW);
    const tomorrow = new Date(NOW.getTime() + 86_400_000);
    const list = async (filter: object, now: Date) =>
      (await listExceptions(base.db, agencyId, filter, now)).map(({ id, isActive }) => [id, isActive]);
    expect(await list({}, tomorrow)).toEqual([
      [revoked, false],
      [long, true],
      [short, false],
    ]);
    expect(await list({ isActive: true }, NOW)).toEqual([
      [long, true],
      [short, true],
    ]);
    expect(await list({ isActive: true, listingId: listingIds[0] }, NOW)).toEqual([[short, true]]);
    expect((await listExceptions(base.db, agencyId, {}, NOW))[0]!.externalId).toBe(listingAt(0).externalId);
  });

  it.each([
    'board-rules',
    'moderation',
    'place',
    'market',
    'term',
    'calendar',
    'edition',
    '',
  ])('never pass the gate «%s»', async (gate) => {
    expect(await codeOf(add({ gate }))).toBe('exception-gate');
    expect(await listExceptions(base.db, agencyId, {}, NOW)).toEqual([]);
    expect(await due()).toEqual({ avito: null, cian: null });
  });

  it('need a reason and a last day that has not passed, and are told all that is wrong', async () => {
    await expect(add({ reason: '  ', until: '2026-11-31', normCode: 'norm/photos-min' })).rejects.toThrow(
      'Исключению нужна причина. Последний день «2026-11-31» — не день календаря, пример: 2026-12-31. Норму называют только в исключении для норм.',
    );
    expect(await codeOf(add({ until: '2026-11-20' }))).toBe('exception-wrong');
    // It is the 22nd in Moscow already.
    expect(await codeOf(add({ until: '2026-11-21' }, new Date('2026-11-21T21:00:00Z')))).toBe('exception-wrong');
    expect(await add({ until: '2026-11-21' }, new Date('2026-11-21T20:59:59Z'))).toBeGreaterThan(0);
  });

  it('let past one norm that is there, or all of them', async () => {
    expect(await codeOf(add({ gate: 'norms', normCode: five.code }))).toBe('norm-unknown');
    await saveNorm(base.db, agencyId, five, NOW);
    await add({ gate: 'norms', normCode: five.code });
    await add({ gate: 'norms', listingId: listingIds[1] });
    await add({ gate: 'norms', normCode: five.code, listingId: listingIds[1] });
    await add({ gate: 'fresh', listingId: listingIds[2] });
    const exempt = exemptNorms(await activeExceptions(base.db.pool, agencyId, '2026-11-21'));
    expect(exempt).toEqual(
      new Map<number, unknown>([
        [listingIds[0]!, new Set([five.code])],
        [listingIds[1]!, 'all'],
      ]),
    );
  });
});
