import { createHash } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listingAt } from '../../fixtures/agency.ts';
import { loadBoards } from '../../src/boards/catalogue.ts';
import { inspectEdition } from '../../src/boards/formats/inspect.ts';
import type { Listing } from '../../src/domain/listing.ts';
import { editionFolder, editionPath } from '../../src/export/edition.ts';
import { publishCabinet } from '../../src/export/publish.ts';
import { ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import { importListings } from '../../src/store/intake.ts';
import { markListings, unmarkListings } from '../../src/store/marks.ts';
import { type CabinetRow, currentEdition, listCabinets } from '../../src/store/publishing.ts';
import { changeAgencySettings } from '../../src/store/settings.ts';
import { testDatabase } from '../store/testdb.ts';

const boards = loadBoards();
let base: Awaited<ReturnType<typeof testDatabase>>;
let dataDir: string;
let seconds = 0;
/** Every look at the clock is a second later, so no two editions could be equal by their date. */
const clock = () => new Date(Date.UTC(2026, 10, 21, 9, 0, seconds++));

beforeAll(async () => {
  base = await testDatabase();
  dataDir = await mkdtemp(join(tmpdir(), 'publish-'));
});
afterAll(async () => {
  await base.drop();
  await rm(dataDir, { recursive: true, force: true });
});

/** What the source says now; an index that is not here is not in the file. */
type Source = Map<number, Listing>;

async function load(agencyId: number, source: Source): Promise<void> {
  const listings = [...source.values()].map((values) => ({ values, employeeId: null }));
  await importListings(base.db, { agencyId, source: 'crm' }, listings, clock());
}

async function idsOf(agencyId: number): Promise<Map<string, number>> {
  const found = await base.db.pool.query<{ id: number; external_id: string }>(
    'select id, external_id from listing where agency_id = $1',
    [agencyId],
  );
  return new Map(found.rows.map((row) => [row.external_id, row.id]));
}

let counter = 0;
async function newAgency(board = 'yandex'): Promise<{ agencyId: number; cabinet: CabinetRow }> {
  const { id: agencyId } = await resolveAgency(base.db, `Агентство ${++counter}`, true);
  const family = boards.find(({ id }) => id === board)!.family;
  await ensureCabinet(base.db, agencyId, { board, slug: 'main', name: board, family });
  return { agencyId, cabinet: (await listCabinets(base.db, { agencyId }))[0]! };
}

const publish = (cabinet: CabinetRow, folder = dataDir) =>
  publishCabinet(cabinet, { db: base.db, boards, dataDir: folder, clock });

async function file(cabinet: CabinetRow, kind: 'xml' | 'xml.gz' = 'xml', folder = dataDir): Promise<Buffer> {
  const edition = await currentEdition(base.db, cabinet);
  return readFile(editionPath(editionFolder(folder, cabinet.agencyId, cabinet.id), edition!.sha256, kind));
}

const undated = (xml: Buffer) => xml.toString().replace(/<generation-date>.*?<\/generation-date>/, '');

describe('publishing', () => {
  it.each([
    'avito',
    'cian',
    'yandex',
    'domclick',
  ])('gives %s a whole, valid file of what may be published', async (board) => {
    const { agencyId, cabinet } = await newAgency(board);
    await load(agencyId, new Map(Array.from({ length: 300 }, (_, index) => [index, listingAt(index)])));
    await markListings(base.db, agencyId, cabinet.id, undefined, clock());
    const result = await publish(cabinet);
    const xml = await file(cabinet);
    expect(createHash('sha256').update(xml).digest('hex')).toBe(result.sha256);
    expect(gunzipSync(await file(cabinet, 'xml.gz')).equals(xml)).toBe(true);
    expect(inspectEdition(cabinet.family, xml.toString())).toEqual([]);
    expect(result.offers).toBe(result.outcomes.published);
    // Conservation: every live mark has exactly one outcome.
    expect(Object.values(result.outcomes).reduce((sum, count) => sum + count, 0)).toBe(300);
    expect(result.outcomes.published!).toBeGreaterThan(100);
  });

  it('makes no new edition when nothing changed', async () => {
    const { agencyId, cabinet } = await newAgency();
    await load(agencyId, new Map([1, 2, 3].map((index) => [index, listingAt(index)])));
    await markListings(base.db, agencyId, cabinet.id, undefined, clock());
    const first = await publish(cabinet);
    const second = await publish(cabinet);
    expect([second.edition, second.sha256, second.isNewEdition]).toEqual([first.edition, first.sha256, false]);
  });

  it('writes everything anew when the files are lost', async () => {
    const { agencyId, cabinet } = await newAgency();
    await load(agencyId, new Map([1, 2, 3].map((index) => [index, listingAt(index)])));
    await markListings(base.db, agencyId, cabinet.id, undefined, clock());
    await publish(cabinet);
    const before = await file(cabinet);
    await rm(editionFolder(dataDir, cabinet.agencyId, cabinet.id), { recursive: true });
    expect((await publish(cabinet)).isNewEdition).toBe(true);
    expect(undated(await file(cabinet))).toBe(undated(before));
  });

  it('writes everything anew when the index is torn in the middle, although something has changed', async () => {
    const { agencyId, cabinet } = await newAgency();
    const source = new Map(Array.from({ length: 120 }, (_, index) => [index, listingAt(index)]));
    await load(agencyId, source);
    await markListings(base.db, agencyId, cabinet.id, undefined, clock());
    const { sha256, offers } = await publish(cabinet);
    const index = editionPath(editionFolder(dataDir, cabinet.agencyId, cabinet.id), sha256!, 'idx');
    const lines = (await readFile(index, 'utf8')).split('\n');
    await writeFile(index, [...lines.slice(0, 2), '{"key":', ...lines.slice(3)].join('\n'));
    // The change is decided and put aside before the tear is met.
    source.set(2, { ...listingAt(2), priceKopecks: listingAt(2).priceKopecks! + 100_00 });
    await load(agencyId, source);
    expect(await publish(cabinet)).toMatchObject({ offers, isNewEdition: true });
    expect(inspectEdition('yandex', (await file(cabinet)).toString())).toEqual([]);
  });

  it('puts an offer that leaves and returns under the id it had', async () => {
    const { agencyId, cabinet } = await newAgency();
    await load(agencyId, new Map([1, 2].map((index) => [index, listingAt(index)])));
    const ids = await idsOf(agencyId);
    const id = ids.get(listingAt(1).externalId)!;
    await markListings(base.db, agencyId, cabinet.id, [id], clock(), { boardOfferId: 'старый-номер-7' });
    await publish(cabinet);
    expect((await file(cabinet)).toString()).toContain('internal-id="старый-номер-7"');
    await unmarkListings(base.db, agencyId, cabinet.id, [id], clock());
    expect((await publish(cabinet)).offers).toBe(0);
    await markListings(base.db, agencyId, cabinet.id, [id], clock());
    expect((await publish(cabinet)).offers).toBe(1);
    expect((await file(cabinet)).toString()).toContain('internal-id="старый-номер-7"');
  });

  it('gives two listings of one cabinet two ids even when their sources agree on one', async () => {
    const { agencyId, cabinet } = await newAgency();
    await load(agencyId, new Map([[1, listingAt(1)]]));
    const twin = { ...listingAt(2), externalId: listingAt(1).externalId };
    await importListings(base.db, { agencyId, source: 'вторая CRM' }, [{ values: twin, employeeId: null }], clock());
    await markListings(base.db, agencyId, cabinet.id, undefined, clock());
    expect((await publish(cabinet)).offers).toBe(2);
    const xml = (await file(cabinet)).toString();
    expect(new Set([...xml.matchAll(/internal-id="(.+?)"/g)].map((found) => found[1])).size).toBe(2);
    expect(inspectEdition('yandex', xml)).toEqual([]);
  });

  it('lets one of several runs work at a time', async () => {
    const { agencyId, cabinet } = await newAgency();
    await load(agencyId, new Map(Array.from({ length: 200 }, (_, index) => [index, listingAt(index)])));
    await markListings(base.db, agencyId, cabinet.id, undefined, clock());
    const results = await Promise.allSettled([publish(cabinet), publish(cabinet), publish(cabinet)]);
    const done = results.filter((result) => result.status === 'fulfilled');
    expect(done.length).toBeGreaterThanOrEqual(1);
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'publish-busy', retryable: true });
    expect(inspectEdition('yandex', (await file(cabinet)).toString())).toEqual([]);
    const editions = await base.db.pool.query('select count(*)::int as count from edition where agency_id = $1', [
      agencyId,
    ]);
    expect(editions.rows[0].count).toBe(done.length);
  });

  it('does not serve what was withdrawn while it was being published', async () => {
    const { agencyId, cabinet } = await newAgency();
    await load(agencyId, new Map(Array.from({ length: 200 }, (_, index) => [index, listingAt(index)])));
    await markListings(base.db, agencyId, cabinet.id, undefined, clock());
    await publish(cabinet);
    const first = /internal-id="(.+?)"/.exec((await file(cabinet)).toString())![1]!;
    const id = (await idsOf(agencyId)).get(first)!;
    // Another listing changes, so the run has work; the withdrawal comes when it has looked already.
    const source = new Map(
      Array.from({ length: 200 }, (_, index) => [
        index,
        { ...listingAt(index), description: `${listingAt(index).description ?? ''} Торг.` },
      ]),
    );
    await load(agencyId, source);
    let isDone = false;
    const withdraw = async () => {
      if (isDone) return;
      isDone = true;
      await unmarkListings(base.db, agencyId, cabinet.id, [id], clock());
    };
    let pending: Promise<void> | undefined;
    await publishCabinet(cabinet, {
      db: base.db,
      boards,
      dataDir,
      clock,
      onProgress: () => {
        pending ??= withdraw();
      },
    });
    await pending;
    expect(isDone).toBe(true);
    const served = (await file(cabinet)).toString();
    // Either the run saw it and began again, or the withdrawal came after the commit and the next run takes it out.
    if (served.includes(`internal-id="${first}"`)) await publish(cabinet);
    expect((await file(cabinet)).toString()).not.toContain(`internal-id="${first}"`);
  });

  it('whatever happens to the base, an edition made of pieces equals one made from nothing', {
    timeout: 300_000,
  }, async () => {
    const step = fc.oneof(
      fc.record({
        what: fc.constant('change' as const),
        index: fc.nat(199),
        price: fc.integer({ min: 1, max: 9_000_000 }),
      }),
      fc.record({ what: fc.constant('spoil' as const), index: fc.nat(199) }),
      fc.record({ what: fc.constant('lose' as const), index: fc.nat(199) }),
      fc.record({ what: fc.constant('return' as const), index: fc.nat(199) }),
      fc.record({ what: fc.constant('unmark' as const), index: fc.nat(199) }),
      fc.record({ what: fc.constant('mark' as const), index: fc.nat(199) }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(step, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 4 }),
        async (rounds) => {
          const { agencyId, cabinet } = await newAgency();
          // What the shrink brake holds depends on what was published before, and so cannot be made from nothing.
          const noBrake = { by: 'тест', action: 'settings-set' as const };
          const off = { isOn: false, sharePercent: 20, offers: 10, priceFactor: 10 };
          await changeAgencySettings(base.db, agencyId, () => ({ brake: off }), noBrake, clock());
          const source: Source = new Map(Array.from({ length: 200 }, (_, index) => [index, listingAt(index)]));
          await load(agencyId, source);
          await markListings(base.db, agencyId, cabinet.id, undefined, clock());
          await publish(cabinet);
          const ids = await idsOf(agencyId);
          for (const round of rounds) {
            for (const { what, index, ...rest } of round) {
              const values = listingAt(index);
              const id = ids.get(values.externalId)!;
              if (what === 'change')
                source.set(index, { ...values, priceKopecks: (rest as { price: number }).price * 100 });
              else if (what === 'spoil') source.set(index, { ...values, description: 'Мало' });
              else if (what === 'lose') source.delete(index);
              else if (what === 'return') source.set(index, values);
              else if (what === 'unmark') await unmarkListings(base.db, agencyId, cabinet.id, [id], clock());
              else await markListings(base.db, agencyId, cabinet.id, [id], clock());
            }
            await load(agencyId, source);
            const pieced = await publish(cabinet);
            const xml = await file(cabinet);
            expect(gunzipSync(await file(cabinet, 'xml.gz')).equals(xml)).toBe(true);
            // The same base published into an empty folder is rendered from nothing.
            const elsewhere = await mkdtemp(join(tmpdir(), 'anew-'));
            try {
              const anew = await publish(cabinet, elsewhere);
              expect(undated(await file(cabinet, 'xml', elsewhere))).toBe(undated(xml));
              expect(anew.outcomes).toEqual(pieced.outcomes);
              await cp(elsewhere, dataDir, { recursive: true });
            } finally {
              await rm(elsewhere, { recursive: true, force: true });
            }
          }
        },
      ),
      { numRuns: process.env.VYGRUZKA_LONG ? 60 : 6, seed: 20261121, endOnFailure: true },
    );
  });

  it('keeps the last editions on disk and sweeps the rest, with what a killed run left', async () => {
    const { agencyId, cabinet } = await newAgency();
    const folder = editionFolder(dataDir, cabinet.agencyId, cabinet.id);
    await load(agencyId, new Map([[1, listingAt(1)]]));
    await markListings(base.db, agencyId, cabinet.id, undefined, clock());
    await publish(cabinet);
    const { writeFile, utimes } = await import('node:fs/promises');
    await writeFile(join(folder, '1.xml.tmp'), 'half an edition');
    await writeFile(join(folder, `${'0'.repeat(64)}.xml`), 'an old edition');
    await utimes(join(folder, `${'0'.repeat(64)}.xml`), new Date(0), new Date(0));
    await load(agencyId, new Map([[1, { ...listingAt(1), priceKopecks: 100_00 }]]));
    await publish(cabinet);
    await publish(cabinet);
    const names = await readdir(folder);
    expect(names.filter((name) => name.endsWith('.tmp') || name.startsWith('0000'))).toEqual([]);
  });
});
