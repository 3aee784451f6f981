import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Corrections, effective } from '../../src/domain/corrections.ts';
import type { Listing } from '../../src/domain/listing.ts';
import { ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import { transaction } from '../../src/store/database.ts';
import { hashOf } from '../../src/store/hash.ts';
import { importListings, mergeImport, stageOffers, startImport } from '../../src/store/intake.ts';
import { findListings, markListings, saveCorrections, unmarkListings } from '../../src/store/marks.ts';
import { testDatabase } from './testdb.ts';

let base: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  base = await testDatabase();
});
afterAll(() => base.drop());

const at = (minutes: number) => new Date(Date.UTC(2026, 10, 21, 9, minutes));
const flat = (index: number, more: Partial<Listing> = {}): Listing => ({
  externalId: `L${index}`,
  kind: 'flat',
  deal: 'sale',
  locality: 'Самара',
  address: `улица Ленина, ${index + 1}`,
  apartmentNumber: '12',
  areaM2: 40,
  floor: 2,
  priceKopecks: 500_000_000,
  ...more,
});
const five = (more: (index: number) => Partial<Listing> = () => ({})) =>
  Array.from({ length: 5 }, (_, index) => flat(index, more(index)));

interface Columns {
  fresh: Date;
  changed: Date;
  bySource: boolean;
  duplicate: string | null;
  likeness: string | null;
  gone: Date | null;
}

let counter = 0;
async function agency() {
  const { id: agencyId } = await resolveAgency(base.db, `Агентство ${++counter}`, true);
  const cabinetId = await ensureCabinet(base.db, agencyId, { board: 'cian', slug: 'main', name: 'Ц', family: 'cian' });
  return {
    agencyId,
    cabinetId,
    load: (listings: readonly Listing[], now: Date) =>
      importListings(
        base.db,
        { agencyId, source: 'crm' },
        listings.map((values) => ({ values, employeeId: null })),
        now,
      ),
    mark: async (now: Date) => {
      await markListings(base.db, agencyId, cabinetId, undefined, now);
      await base.db.pool.query('update cabinet set due_at = null where agency_id = $1', [agencyId]);
    },
    async columns(index = 0): Promise<Columns> {
      const found = await base.db.pool.query<Columns>(
        `select fresh_at as fresh, changed_at as changed, is_changed_by_source as "bySource", duplicate_key as duplicate,
           likeness_key as likeness, gone_at as gone from listing where agency_id = $1 and external_id = $2`,
        [agencyId, `L${index}`],
      );
      return found.rows[0]!;
    },
    async due(): Promise<Date | null> {
      const found = await base.db.pool.query<{ due: Date | null }>(
        'update cabinet c set due_at = null from cabinet o where c.agency_id = $1 and c.id = $2 and o.agency_id = c.agency_id and o.id = c.id returning o.due_at as due',
        [agencyId, cabinetId],
      );
      return found.rows[0]!.due;
    },
    read: () => findListings(base.db, agencyId, 'L0'),
    async correct(
      field: string,
      value: unknown,
      now: Date,
      options: Parameters<typeof saveCorrections>[4] = {},
      on = base.db as never,
      read = findListings(base.db, agencyId, 'L0'),
    ) {
      const [row] = await read;
      const corrections: Corrections = {
        ...row!.corrections,
        [field]: { value, basis: null, by: 'Ирина', at: now.toISOString() },
      };
      const values = effective(row!.sourceValues, corrections);
      const next = { corrections, values, valuesHash: hashOf(values), wasHash: hashOf(row!.values) };
      return saveCorrections(on, row!, next, now, options);
    },
    async journal() {
      const found = await base.db.pool.query<{ by: string; action: string; facts: unknown }>(
        `select by, action, facts from journal where agency_id = $1 and action in ('listing-corrected', 'listing-text-written') order by id`,
        [agencyId],
      );
      return found.rows;
    },
  };
}

describe('an import', () => {
  it('makes changed and returned listings fresh, and leaves the others', async () => {
    const a = await agency();
    await a.load(five(), at(0));
    expect(await a.columns()).toMatchObject({ fresh: at(0), changed: at(0), bySource: true, gone: null });
    await a.load(
      five((index) => (index === 1 ? { priceKopecks: 1 } : {})),
      at(10),
    );
    expect(await a.columns(0)).toMatchObject({ fresh: at(0), changed: at(0) });
    expect(await a.columns(1)).toMatchObject({ fresh: at(10), changed: at(10), bySource: true });
    await a.load(five().slice(1), at(20));
    expect(await a.columns(0)).toMatchObject({ fresh: at(0), changed: at(20), gone: at(20) });
    await a.load(five(), at(30));
    expect(await a.columns(0)).toMatchObject({ fresh: at(30), changed: at(30), gone: null });
  });

  it('gives equal keys to one flat written two ways, and new keys when it changes', async () => {
    const a = await agency();
    await a.load(
      [flat(0), flat(1, { address: 'г. Самара, ул. Ленина, д. 1' }), flat(2, { apartmentNumber: undefined as never })],
      at(0),
    );
    const [first, second, third] = await Promise.all([a.columns(0), a.columns(1), a.columns(2)]);
    expect(first!.duplicate).toMatch(/^[\w-]{43}$/);
    expect(second!.duplicate).toBe(first!.duplicate);
    expect(second!.likeness).toBe(first!.likeness);
    expect(third).toMatchObject({ duplicate: null, likeness: expect.any(String) });
    await a.load([flat(0, { floor: 3 }), flat(1), flat(2)], at(1));
    expect((await a.columns(0)).duplicate).not.toBe(first!.duplicate);
    expect((await a.columns(2)).duplicate).not.toBeNull();
  });

  it('keys what it lays under a correction', async () => {
    const a = await agency();
    await a.load(five(), at(0));
    expect(await a.correct('floor', 7, at(1))).toBe(true);
    const corrected = await a.columns();
    await a.load(
      five(() => ({ areaM2: 50 })),
      at(2),
    );
    const merged = await a.columns();
    expect(merged).toMatchObject({ fresh: at(2), bySource: true });
    const other = await agency();
    await other.load([flat(0, { areaM2: 50, floor: 7 })], at(0));
    expect(merged.duplicate).toBe((await other.columns()).duplicate);
    expect(merged.duplicate).not.toBe(corrected.duplicate);
  });

  it('makes the cabinets of what it touched due: at once for a loss, soon for an edit', async () => {
    const a = await agency();
    await a.load(five(), at(0));
    await a.mark(at(0));
    await a.load(five(), at(10));
    expect(await a.due()).toBeNull();
    await a.load(
      five((index) => (index === 1 ? { priceKopecks: 1 } : {})),
      at(20),
    );
    expect(await a.due()).toEqual(at(25));
    await a.load(five().slice(1), at(30));
    expect(await a.due()).toEqual(at(30));
    await a.load(five(), at(40));
    expect(await a.due()).toEqual(at(45));
    // What nobody wants on a board makes no board due.
    await unmarkListings(base.db, a.agencyId, a.cabinetId, undefined, at(41));
    await a.due();
    await a.load(five().slice(1), at(50));
    expect(await a.due()).toBeNull();
  });

  it('makes them due when the responsible person changes', async () => {
    const a = await agency();
    await a.load(five(), at(0));
    await a.mark(at(0));
    const made = await base.db.pool.query<{ id: number }>(
      'insert into employee (agency_id, name) values ($1, $2) returning id',
      [a.agencyId, 'Ирина'],
    );
    const employeeId = made.rows[0]!.id;
    await importListings(
      base.db,
      { agencyId: a.agencyId, source: 'crm' },
      five().map((values) => ({ values, employeeId })),
      at(10),
    );
    expect(await a.due()).toEqual(at(15));
    expect(await a.columns()).toMatchObject({ fresh: at(0) });
  });

  it('that is only rehearsed, or waits for a word, changes nothing', async () => {
    const a = await agency();
    await a.load(five(), at(0));
    await a.mark(at(0));
    for (const [mode, listings] of [
      ['rehearse', five(() => ({ priceKopecks: 1 }))],
      ['merge', five().slice(3)],
    ] as const) {
      const run = await startImport(base.db, { agencyId: a.agencyId, source: 'crm' }, at(10));
      const offers = listings.map((values, index) => ({
        externalId: values.externalId,
        ordinal: index,
        line: 1,
        values,
        employeeId: null,
      }));
      const { added } = await stageOffers(base.db, run, offers);
      const { state } = await mergeImport(base.db, run, added, mode, at(10));
      expect(state).toBe(mode === 'merge' ? 'waiting' : 'rehearsed');
      run.client.release();
      expect(await a.due()).toBeNull();
      expect(await a.columns()).toMatchObject({ fresh: at(0), changed: at(0), gone: null });
    }
  });
});

describe('a correction', () => {
  it('makes the listing fresh, keys it, is in the journal, and makes its cabinets due', async () => {
    const a = await agency();
    await a.load(five(), at(0));
    await a.mark(at(0));
    const before = await a.columns();
    expect(await a.correct('floor', 7, at(10))).toBe(true);
    const after = await a.columns();
    expect(after).toMatchObject({ fresh: at(10), changed: at(10), bySource: false });
    expect(after.duplicate).not.toBe(before.duplicate);
    expect(await a.due()).toEqual(at(15));
    await a.correct('title', 'Квартира', at(20), { by: 'Пётр' });
    expect(await a.journal()).toEqual([
      {
        by: 'Ирина',
        action: 'listing-corrected',
        facts: { fields: ['floor'], before: { floor: 2 }, after: { floor: 7 } },
      },
      {
        by: 'Пётр',
        action: 'listing-corrected',
        facts: { fields: ['title'], before: { title: null }, after: { title: 'Квартира' } },
      },
    ]);
  });

  it('that is a text of ours confirms nothing', async () => {
    const a = await agency();
    await a.load(five(), at(0));
    expect(await a.correct('description', 'Светлая квартира.', at(10), { isOurOwn: true, by: 'автотекст' })).toBe(true);
    // Nor does it hide from the brake that the source was the last to change the listing.
    expect(await a.columns()).toMatchObject({ fresh: at(0), changed: at(10), bySource: true });
    expect(await a.journal()).toMatchObject([{ by: 'автотекст', action: 'listing-text-written' }]);
  });

  it('over values that have changed since is refused and leaves nothing behind', async () => {
    const a = await agency();
    await a.load(five(), at(0));
    await a.mark(at(0));
    const [row] = await findListings(base.db, a.agencyId, 'L0');
    const next = { corrections: {}, values: row!.values, valuesHash: 'x', wasHash: 'another' };
    expect(await saveCorrections(base.db, row!, next, at(10))).toBe(false);
    expect(await a.columns()).toMatchObject({ fresh: at(0) });
    expect(await a.journal()).toEqual([]);
    expect(await a.due()).toBeNull();
  });

  it('of two at the same time one wins', async () => {
    const a = await agency();
    await a.load(five(), at(0));
    // Both have read before either writes, however busy the machine is.
    const read = Promise.resolve(await a.read());
    const both = [7, 8].map((floor) => a.correct('floor', floor, at(10), {}, base.db as never, read));
    const saved = await Promise.all(both);
    expect(saved.sort()).toEqual([false, true]);
  });

  it('goes with the transaction it is part of', async () => {
    const a = await agency();
    await a.load(five(), at(0));
    const failing = transaction(base.db, async (client) => {
      expect(await a.correct('floor', 7, at(10), {}, client as never)).toBe(true);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await a.columns()).toMatchObject({ fresh: at(0) });
    expect(await a.journal()).toEqual([]);
  });
});
