import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listingAt } from '../../fixtures/agency.ts';
import { loadBoards } from '../../src/boards/catalogue.ts';
import { CODECS } from '../../src/boards/formats/index.ts';
import { parseElement } from '../../src/boards/formats/xml.ts';
import { normFrom } from '../../src/boards/norms.ts';
import { effective } from '../../src/domain/corrections.ts';
import type { Listing } from '../../src/domain/listing.ts';
import type { PhoneLine } from '../../src/domain/phones.ts';
import type { AgencySettings } from '../../src/domain/settings.ts';
import { editionFolder, editionPath } from '../../src/export/edition.ts';
import { explain } from '../../src/export/explain.ts';
import { judgeAlone } from '../../src/export/judge.ts';
import { deskOf } from '../../src/export/offer.ts';
import { type PublishedCabinet, publishCabinet } from '../../src/export/publish.ts';
import { ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import { hashOf } from '../../src/store/hash.ts';
import { importListings } from '../../src/store/intake.ts';
import { forbid, recordCall, setStatus } from '../../src/store/market.ts';
import { findListings, markListings, saveCorrections, setTerm, unmarkListings } from '../../src/store/marks.ts';
import { removeNorm, saveNorm } from '../../src/store/norms.ts';
import { addPause } from '../../src/store/pauses.ts';
import { addPhoneLine } from '../../src/store/phones.ts';
import { type CabinetRow, currentEdition, listCabinets, releaseBrake } from '../../src/store/publishing.ts';
import { changeAgencySettings, changeCalendar } from '../../src/store/settings.ts';
import { testDatabase } from '../store/testdb.ts';

/** The shrink brake, through real runs on a real database: what is held, what leaves all the same, what lets go. */

const boards = loadBoards();
const board = boards.find(({ id }) => id === 'yandex')!;
const codec = CODECS[board.family];
const manager = { employeeId: null, name: 'Ольга Руднева', role: 'manager' } as const;
const START = Date.UTC(2026, 10, 21, 9);
const HOUR = 3_600_000;

let base: Awaited<ReturnType<typeof testDatabase>>;
let dataDir: string;
/** Every look at the clock is a second later. */
let nowMs = START;
const clock = () => {
  nowMs += 1000;
  return new Date(nowMs);
};

/** Listings that the board takes as they are, and that no two agents would take for one flat. */
const sound: Listing[] = [];
for (let index = 0; sound.length < 200; index++) {
  const { updatedAt: _, ...values } = listingAt(index);
  const listing: Listing = { ...values, externalId: `крм-${sound.length}`, apartmentNumber: `${index}` };
  if (!judgeAlone(listing, deskOf(board), { firstSeenAt: new Date(START) }).isBlocked) sound.push(listing);
}

beforeAll(async () => {
  base = await testDatabase();
  dataDir = await mkdtemp(join(tmpdir(), 'brake-'));
});
afterAll(async () => {
  await base.drop();
  await rm(dataDir, { recursive: true, force: true });
});

interface Offer {
  readonly phones: readonly string[] | undefined;
  readonly priceKopecks: number | undefined;
  readonly description: string | undefined;
}

/** An agency whose listings are all in the feed. */
async function agencyWith(count: number, settings: Partial<AgencySettings> = {}, change = (one: Listing) => one) {
  const { id: agencyId } = await resolveAgency(base.db, `Агентство ${nowMs}`, true);
  await ensureCabinet(base.db, agencyId, { board: board.id, slug: 'main', name: board.name, family: board.family });
  const cabinet = (await listCabinets(base.db, { agencyId }))[0] as CabinetRow;
  const source = new Map(sound.slice(0, count).map((one, index) => [index, change(one)]));
  const load = () =>
    importListings(
      base.db,
      { agencyId, source: 'crm' },
      [...source.values()].map((values) => ({ values, employeeId: null })),
      clock(),
    );
  const set = (more: Partial<AgencySettings>) =>
    changeAgencySettings(
      base.db,
      agencyId,
      (own) => ({ ...own, ...more }),
      { by: 'тест', action: 'settings-set' },
      clock(),
    );
  const publish = (): Promise<PublishedCabinet> => publishCabinet(cabinet, { db: base.db, boards, dataDir, clock });
  await set(settings);
  await load();
  const found = await base.db.pool.query<{ id: number; name: string }>(
    'select id, external_id as name from listing where agency_id = $1',
    [agencyId],
  );
  const idByName = new Map(found.rows.map(({ id, name }) => [name, id]));
  const ids = Array.from({ length: count }, (_, index) => idByName.get(`крм-${index}`)!);
  await markListings(base.db, agencyId, cabinet.id, undefined, clock());
  const first = await publish();
  expect([first.offers, first.brake]).toEqual([count, null]);
  return {
    agencyId,
    cabinet,
    /** By the place in the source. */
    ids,
    source,
    load,
    set,
    publish,
    /** The source's file comes without its first so many listings. */
    lose: async (lost: number) => {
      for (let index = 0; index < lost; index++) source.delete(index);
      await load();
    },
    outcomes: async () => {
      const rows = await base.db.pool.query<{ id: number; outcome: string; isHeld: boolean }>(
        'select listing_id as id, outcome, is_held as "isHeld" from mark_outcome where cabinet_id = $1 order by 1',
        [cabinet.id],
      );
      return new Map(rows.rows.map(({ id, outcome, isHeld }) => [id, isHeld ? `held ${outcome}` : outcome]));
    },
    /** What the board gets, by our numbers. */
    served: async (): Promise<Map<number, Offer>> => {
      const edition = await currentEdition(base.db, cabinet);
      const xml = await readFile(editionPath(editionFolder(dataDir, agencyId, cabinet.id), edition!.sha256, 'xml'));
      const offers = parseElement(xml.toString().replace(/^<\?xml.*?\?>\s*/, '')).children.filter(
        ({ name }) => name === codec.offerName,
      );
      return new Map(
        offers.map((offer) => {
          const { externalId, contactPhones, priceKopecks, description } = codec.read(offer).listing!;
          return [idByName.get(externalId!)!, { phones: contactPhones, priceKopecks, description }];
        }),
      );
    },
    explained: (id: number) => explain(base.db.pool, cabinet, board, id, clock()),
    release: () => releaseBrake(base.db, cabinet, { by: 'Ольга', reason: 'так и есть' }, clock()),
    correct: async (id: number, field: keyof Listing, value: unknown) => {
      const row = (await findListings(base.db, agencyId, String(id))).find((one) => one.id === id)!;
      const basis = row.sourceValues[field];
      const corrections = { ...row.corrections, [field]: { value, basis, by: 'агент', at: clock().toISOString() } };
      const values = effective(row.sourceValues, corrections);
      const next = { corrections, values, valuesHash: hashOf(values), wasHash: hashOf(row.values) };
      expect(await saveCorrections(base.db, row, next, clock())).toBe(true);
    },
  };
}

const always: Omit<PhoneLine, 'id'> = {
  scope: 'agency',
  scopeId: null,
  board: null,
  weekdays: [1, 2, 3, 4, 5, 6, 7],
  fromMinute: 0,
  toMinute: 1440,
  startsOn: null,
  endsOn: null,
  kind: 'tracking',
  phone: '+78123334455',
  note: null,
};

const withoutNumbers = ({ description }: Offer) => description!.replaceAll(/\+7 \d{3} \d{3}-\d\d-\d\d/g, '☎');

const count = (outcomes: ReadonlyMap<number, string>, wanted: string) =>
  [...outcomes.values()].filter((outcome) => outcome === wanted).length;

describe('a source that loses half', () => {
  it('trips the brake: the offers stay as they were, today’s number on them', async () => {
    const agency = await agencyWith(60, {}, (one) => ({ ...one, description: `${one.description} Звоните: {phone}.` }));
    const before = await agency.served();
    await agency.lose(30);
    const held = await agency.publish();
    expect(held).toMatchObject({
      isNewEdition: false,
      offers: 60,
      outcomes: { published: 60 },
      brake: { held: 30, before: 60, causes: { source: 30 } },
    });
    expect(count(await agency.outcomes(), 'held published')).toBe(30);
    expect(agency.ids.slice(0, 30).every((id) => before.has(id))).toBe(true);
    expect(await agency.served()).toEqual(before);

    // A day with another number.
    await addPhoneLine(base.db, agency.agencyId, always, 'Ольга', clock());
    expect((await agency.publish()).brake).toEqual(held.brake);
    const later = await agency.served();
    expect(later.size).toBe(60);
    for (const [id, offer] of later) {
      const was = before.get(id)!;
      expect(offer.phones).toEqual(['+78123334455']);
      expect(offer.priceKopecks).toBe(was.priceKopecks);
      expect(offer.description).toContain('Звоните: +7 812 333-44-55.');
      expect(withoutNumbers(offer)).toBe(withoutNumbers(was));
    }
  });

  it('is told once, and explained for every listing that is kept', async () => {
    const agency = await agencyWith(60);
    await agency.lose(30);
    await agency.publish();
    await agency.publish();
    const told = await base.db.pool.query('select text from message where agency_id = $1 and kind = $2', [
      agency.agencyId,
      'brake',
    ]);
    expect(told.rows).toEqual([
      {
        text: `${board.name}: тормоз держит в фиде 30 объектов, которые должны были уйти или смениться: изменился источник (30). Проверьте; если так и надо: brake release --board … --reason …`,
      },
    ]);
    const kept = await agency.explained(agency.ids[0]!);
    expect(kept).toMatchObject({
      outcome: 'published',
      isHeld: true,
      reason: 'Объекта нет в выгрузке источника с 21.11.2026.',
      fixedBy: 'agent',
      lastRun: { outcome: 'published' },
      remarks: [expect.stringContaining('тормоз держит в фиде 30 объектов')],
    });
    expect(kept.gates.find(({ gate }) => gate === 'market')!.state).toBe('closed');
    expect(await agency.explained(agency.ids[59]!)).toMatchObject({
      outcome: 'published',
      isHeld: false,
      reason: null,
    });
  });

  it('keeps nothing that a person, a term or the hours take off the board', async () => {
    const agency = await agencyWith(60);
    await agency.lose(30);
    await agency.publish();
    const [unmarked, sold, paused, forbidden, over, called, ...rest] = agency.ids.slice(0, 30) as [
      number,
      number,
      number,
      number,
      number,
      number,
      ...number[],
    ];
    const { agencyId, cabinet } = agency;
    await unmarkListings(base.db, agencyId, cabinet.id, [unmarked], clock());
    await setStatus(base.db, agencyId, sold, { status: 'sold' }, manager, clock());
    const until = new Date(nowMs + 24 * HOUR);
    await addPause(base.db, agencyId, { listingId: paused, from: clock(), until, reason: 'показы' }, 'Ольга', clock());
    await forbid(base.db, agencyId, forbidden, 'собственник против', manager, clock());
    const term = { startsOn: '2026-11-01', endsOn: '2026-11-20' };
    await base.db.pool.query('update mark set starts_on = $2, ends_on = $3 where listing_id = $1', [
      over,
      term.startsOn,
      term.endsOn,
    ]);
    await recordCall(base.db, agencyId, called, 'busy', manager, clock());
    nowMs += 2 * HOUR;
    expect(await agency.publish()).toMatchObject({ offers: 54, brake: { held: 24, before: 60 } });
    const outcomes = await agency.outcomes();
    expect(outcomes.has(unmarked)).toBe(false);
    // They have gone from the source too, and that is the first gate.
    for (const id of [sold, paused, forbidden, over, called]) expect(outcomes.get(id)).toBe('off-market');
    for (const id of rest) expect(outcomes.get(id)).toBe('held published');
    expect([...(await agency.served()).keys()].sort()).toEqual([...rest, ...agency.ids.slice(30)].sort());
  });

  it('lets them go at closing time', async () => {
    const agency = await agencyWith(60);
    const week = Array.from({ length: 7 }, () => [[600, 1080]] as [number, number][]);
    const owner = { cabinetId: agency.cabinet.id };
    await changeCalendar(base.db, agency.agencyId, owner, () => ({ week, special: [] }), 'Ольга', clock());
    nowMs = START + 24 * HOUR * Math.ceil((nowMs - START) / (24 * HOUR));
    await agency.publish();
    await agency.lose(30);
    expect((await agency.publish()).brake?.held).toBe(30);
    nowMs += 8 * HOUR;
    expect(await agency.publish()).toMatchObject({ offers: 0, brake: null });
  });

  it('lets them go when a person agrees, once', async () => {
    const agency = await agencyWith(60);
    await agency.lose(30);
    await agency.publish();
    expect(await agency.release()).toBe(true);
    expect(await agency.explained(agency.ids[0]!)).toMatchObject({ outcome: 'off-market', isHeld: false });
    expect(await agency.publish()).toMatchObject({
      offers: 30,
      outcomes: { published: 30, 'off-market': 30 },
      brake: null,
    });
    expect(await agency.release()).toBe(false);
    expect((await agency.publish()).isNewEdition).toBe(false);
    // The next loss is another one.
    await agency.lose(45);
    expect(await agency.publish()).toMatchObject({ offers: 30, brake: { held: 15, before: 30 } });
  });

  it('lets go by itself when the source has them again', async () => {
    const agency = await agencyWith(60);
    const whole = new Map(agency.source);
    await agency.lose(30);
    await agency.publish();
    for (const [index, values] of whole)
      agency.source.set(index, { ...values, description: `${values.description} Торг.` });
    await agency.load();
    expect(await agency.explained(agency.ids[0]!)).toMatchObject({ outcome: 'published', isHeld: false, remarks: [] });
    expect(await agency.publish()).toMatchObject({ offers: 60, outcomes: { published: 60 }, brake: null });
    expect(count(await agency.outcomes(), 'published')).toBe(60);
    // And nothing of the old content is left.
    for (const { description } of (await agency.served()).values()) expect(description).toMatch(/Торг\.$/);
  });

  it('spoiled what it has: their last good content stays for as long as the source does', async () => {
    const agency = await agencyWith(60);
    const before = await agency.served();
    const whole = new Map(agency.source);
    for (let index = 0; index < 30; index++) {
      const { priceKopecks: _, ...poor } = whole.get(index)!;
      agency.source.set(index, poor);
    }
    await agency.load();
    for (const _ of [1, 2]) {
      expect(await agency.publish()).toMatchObject({ offers: 60, brake: { held: 30, causes: { source: 30 } } });
      expect(await agency.served()).toEqual(before);
    }
    expect((await agency.explained(agency.ids[0]!)).gates.find(({ state }) => state === 'closed')!.gate).toBe(
      'board-rules',
    );
    // A person who puts one of them right has looked at it.
    await agency.correct(agency.ids[0]!, 'priceKopecks', 777_700_00);
    expect(await agency.publish()).toMatchObject({ offers: 60, brake: { held: 29 } });
    expect((await agency.served()).get(agency.ids[0]!)!.priceKopecks).toBe(777_700_00);
  });
});

describe('how much is too much', () => {
  it.each([
    [60, 8, false, 'eight of sixty are no more than ten'],
    [60, 12, false, 'twelve of sixty are no more than a fifth'],
    [60, 13, true, 'thirteen of sixty are more than a fifth'],
    [40, 10, false, 'ten of forty are a quarter, and no more than ten'],
    [40, 11, true, 'eleven of forty are both'],
    [200, 12, false, 'twelve of two hundred are a small share'],
  ])('of %i offers %i are lost: held is %s (%s)', async (all, lost, isHeld) => {
    const agency = await agencyWith(all);
    await agency.lose(lost);
    const result = await agency.publish();
    expect([result.offers, result.brake?.held ?? 0]).toEqual(isHeld ? [all, lost] : [all - lost, 0]);
    // Nothing is lost on the way, held or not.
    expect(Object.values(result.outcomes).reduce((sum, one) => sum + one, 0)).toBe(all);
  });

  it('what people took off does not count', async () => {
    const agency = await agencyWith(60);
    const { agencyId, cabinet, ids } = agency;
    await unmarkListings(base.db, agencyId, cabinet.id, ids.slice(0, 15), clock());
    for (const id of ids.slice(15, 30)) {
      await setStatus(base.db, agencyId, id, { status: 'sold' }, manager, clock());
    }
    await setTerm(base.db, agencyId, { listingIds: ids.slice(30, 45) }, { startsOn: '2026-12-01' }, manager, clock());
    // Eight of those that go out are lost besides.
    for (let index = 45; index < 53; index++) agency.source.delete(index);
    await agency.load();
    expect(await agency.publish()).toMatchObject({ offers: 7, brake: null });
  });

  it('the agency says so itself: its own share and number, or none at all', async () => {
    const strict = await agencyWith(40, { brake: { isOn: true, sharePercent: 5, offers: 2, priceFactor: 10 } });
    await strict.lose(3);
    expect((await strict.publish()).brake?.held).toBe(3);
    // Turned off, it lets go of what it has.
    await strict.set({ brake: { isOn: false, sharePercent: 5, offers: 2, priceFactor: 10 } });
    expect(await strict.publish()).toMatchObject({ offers: 37, brake: null });

    const off = await agencyWith(42, { brake: { isOn: false, sharePercent: 20, offers: 10, priceFactor: 10 } });
    const [first, second] = [off.source.get(40)!, off.source.get(41)!];
    off.source.set(40, { ...first, priceKopecks: first.priceKopecks! * 10 });
    off.source.set(41, { ...second, priceKopecks: second.priceKopecks! * 100 });
    await off.lose(30);
    expect(await off.publish()).toMatchObject({ offers: 12, brake: null });
    expect((await off.served()).get(off.ids[41]!)!.priceKopecks).toBe(second.priceKopecks! * 100);
  });
});

describe('a price that changes tenfold', () => {
  it('by the source holds that one listing with its old price, and only that one', async () => {
    const agency = await agencyWith(30);
    const before = await agency.served();
    const factors = [10, 9.9, 1 / 10, 1 / 9.9];
    for (const [index, factor] of factors.entries()) {
      const values = agency.source.get(index)!;
      agency.source.set(index, { ...values, priceKopecks: Math.round((values.priceKopecks! * factor) / 100) * 100 });
    }
    const told = factors.map((_, index) => agency.source.get(index)!.priceKopecks!);
    const was = factors.map((_, index) => before.get(agency.ids[index]!)!.priceKopecks!);
    await agency.load();
    for (const _ of [1, 2]) {
      expect(await agency.publish()).toMatchObject({ offers: 30, brake: { held: 2, causes: { price: 2 } } });
      const served = await agency.served();
      const seen = factors.map((_, index) => served.get(agency.ids[index]!)!.priceKopecks);
      expect(seen).toEqual([was[0], told[1], was[2], told[3]]);
    }
    expect(await agency.explained(agency.ids[0]!)).toMatchObject({
      outcome: 'published',
      isHeld: true,
      reason: null,
      remarks: [expect.stringContaining('цена изменилась в десять раз или больше (2)')],
    });
    expect(await agency.explained(agency.ids[1]!)).toMatchObject({ isHeld: false, remarks: [] });
    // The old price again: nothing to hold. And the other one is agreed to.
    agency.source.set(0, sound[0]!);
    await agency.load();
    expect((await agency.publish()).brake).toMatchObject({ held: 1 });
    await agency.release();
    expect((await agency.publish()).brake).toBeNull();
    expect((await agency.served()).get(agency.ids[2]!)!.priceKopecks).toBe(told[2]);
  });

  it('by a person goes out', async () => {
    const agency = await agencyWith(12);
    const [id] = agency.ids as [number];
    const price = sound[0]!.priceKopecks! * 10;
    await agency.correct(id, 'priceKopecks', price);
    expect(await agency.publish()).toMatchObject({ brake: null });
    expect((await agency.served()).get(id)!.priceKopecks).toBe(price);
  });

  it('does not keep a listing that leaves', async () => {
    const agency = await agencyWith(12);
    const values = agency.source.get(0)!;
    agency.source.set(0, { ...values, priceKopecks: values.priceKopecks! * 20 });
    await agency.load();
    expect((await agency.publish()).brake).toMatchObject({ held: 1 });
    await setStatus(base.db, agency.agencyId, agency.ids[0]!, { status: 'sold' }, manager, clock());
    expect(await agency.publish()).toMatchObject({ offers: 11, brake: null });
  });
});

describe('what we changed ourselves', () => {
  it('a new norm that blocks half is held until a person agrees or takes it back', async () => {
    const agency = await agencyWith(60);
    const prices = [...agency.source.values()].map(({ priceKopecks }) => priceKopecks!).sort((a, b) => a - b);
    const norm = normFrom({ kind: 'limit', field: 'priceKopecks', max: prices[29]! });
    const dear = [...agency.source].filter(([, one]) => one.priceKopecks! > prices[29]!).map(([index]) => index);
    await saveNorm(base.db, agency.agencyId, { ...norm, by: 'Ольга' }, clock());
    for (const _ of [1, 2]) {
      expect(await agency.publish()).toMatchObject({
        offers: 60,
        brake: { held: dear.length, causes: { norms: dear.length } },
      });
    }
    // Whoever edits one of them and leaves it dear has taken it off himself.
    const [id] = dear.map((index) => agency.ids[index]!) as [number];
    await agency.correct(id, 'priceKopecks', prices.at(-1)! + 100_00);
    expect(await agency.publish()).toMatchObject({ offers: 59, brake: { held: dear.length - 1 } });
    await agency.release();
    expect(await agency.publish()).toMatchObject({ offers: 60 - dear.length, brake: null });
    await removeNorm(base.db, agency.agencyId, norm.code, 'Ольга', clock());
    expect(await agency.publish()).toMatchObject({ offers: 60, brake: null });
  });

  it('a norm that is taken back leaves no trace', async () => {
    const agency = await agencyWith(20);
    const norm = normFrom({ kind: 'photos', min: 50 });
    await saveNorm(base.db, agency.agencyId, { ...norm, by: 'Ольга' }, clock());
    expect((await agency.publish()).brake).toMatchObject({ held: 20, causes: { norms: 20 } });
    await removeNorm(base.db, agency.agencyId, norm.code, 'Ольга', clock());
    expect(await agency.publish()).toMatchObject({ isNewEdition: false, offers: 20, brake: null });
    expect(count(await agency.outcomes(), 'published')).toBe(20);
  });

  it('a setting that takes everything off is held, and not who is sold meanwhile', async () => {
    const agency = await agencyWith(30);
    await agency.set({ market: { reservedWithdraws: true, stages: [], requiresStage: true } });
    for (const _ of [1, 2]) {
      expect(await agency.publish()).toMatchObject({ offers: 30, brake: { held: 30, causes: { settings: 30 } } });
    }
    await setStatus(base.db, agency.agencyId, agency.ids[0]!, { status: 'sold' }, manager, clock());
    expect(await agency.publish()).toMatchObject({ offers: 29, brake: { held: 29 } });
    await agency.set({ market: { reservedWithdraws: true, stages: [], requiresStage: false } });
    expect(await agency.publish()).toMatchObject({ offers: 29, brake: null });
  });
});
