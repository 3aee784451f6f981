import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  AGENTS,
  DEMO_PASSWORD,
  demoEntries,
  demoHappenings,
  HAPPENINGS,
  HISTORY_DAYS,
  listingAt,
  ONCE_SHORT,
  PENNILESS,
  PLAYED,
  pastListings,
  SHAPES,
  SIGN_INS,
  STORIES,
} from '../fixtures/agency.ts';
import { inspectEdition } from '../src/boards/formats/inspect.ts';
import { readPhone } from '../src/boards/formats/phone.ts';
import { Context } from '../src/cli/context.ts';
import { type Seeded, seedDemo } from '../src/cli/demo.ts';
import { conflicts } from '../src/domain/corrections.ts';
import { OUTCOMES } from '../src/domain/gates.ts';
import { TRANSFER_KINDS } from '../src/domain/ledger.ts';
import { editionFolder, editionPath } from '../src/export/edition.ts';
import { judgeAlone } from '../src/export/judge.ts';
import { deskOf } from '../src/export/offer.ts';
import { type PublishedCabinet, publishAll } from '../src/export/publish.ts';
import { faultsOf } from '../src/intake/normalise.ts';
import { buildApp } from '../src/server/app.ts';
import { findEmployees, listEmployees } from '../src/store/agencies.ts';
import type { Database } from '../src/store/database.ts';
import { listAccounts } from '../src/store/ledger.ts';
import { eachListing, findListings, type ListingRow, marksOf } from '../src/store/marks.ts';
import { countMarks, currentEdition, listCabinets } from '../src/store/publishing.ts';
import { verifyMoney } from '../src/store/verify.ts';
import { start } from './cli/run.ts';
import { DEMO_NOW as NOW, DEMO_PORT as PORT, playedDemo } from './played.ts';

describe('the imaginary agency', () => {
  it('is the same whenever it is asked', () => {
    expect(listingAt(77)).toEqual(listingAt(77));
    expect(listingAt(77)).not.toEqual(listingAt(78));
    expect(demoEntries(100)).toEqual(demoEntries(100));
  });

  it('has every sort of listing among its first ones', () => {
    const sorts = Array.from({ length: SHAPES.length }, (_, index) => listingAt(index));
    for (const shape of SHAPES) expect(sorts).toContainEqual(expect.objectContaining(shape));
  });

  it('makes listings that our own schema takes, with coherent numbers', () => {
    for (let index = 0; index < 3000; index++) {
      const listing = listingAt(index);
      const { floor, floorsTotal, livingAreaM2 = 0, kitchenAreaM2 = 0, areaM2, description, title } = listing;
      expect(faultsOf(listing), listing.externalId).toEqual([]);
      if (floor !== undefined && floorsTotal !== undefined) expect(floor).toBeLessThanOrEqual(floorsTotal);
      if (areaM2 !== undefined) expect(livingAreaM2 + kitchenAreaM2).toBeLessThanOrEqual(areaM2);
      expect(description!.length).toBeGreaterThanOrEqual(150);
      expect(description!.length).toBeLessThanOrEqual(900);
      expect(title!.length).toBeLessThanOrEqual(33);
    }
  });

  it('can be called: every phone is a number, and nobody shares one', () => {
    for (const { phone } of AGENTS) expect(readPhone(phone)).toBe(phone);
    expect(new Set(AGENTS.map(({ phone }) => phone)).size).toBe(24);
  });
});

describe('the demo', () => {
  let db: Database;
  let drop: () => Promise<void>;
  let dataDir: string;
  let context: Context;
  let seeded: Seeded;
  let published: PublishedCabinet[];
  /** What stood there before it was sown and published once more. */
  let before: { listings: ListingRow[]; editions: (string | undefined)[] };

  const editions = async () =>
    Promise.all((await listCabinets(db)).map(async (cabinet) => (await currentEdition(db, cabinet))?.sha256));
  const contextAt = (port: number) => new Context({ now: NOW, quiet: true }, { DATA_DIR: dataDir, PORT: port });

  beforeAll(async () => {
    ({ db, drop, dataDir, context } = await playedDemo());
    before = { listings: await listings((await listCabinets(db))[0]!.agencyId), editions: await editions() };
    seeded = await seedDemo(context, db);
    const options = { db, boards: context.boards, dataDir, clock: context.clock };
    ({ published } = await publishAll(await listCabinets(db), options));
    // A hundred and fifty days, some four hundred runs.
  }, 600_000);
  afterAll(() => drop?.());

  /** Sold before today, long gone from their sources. */
  const sold = new Set(pastListings().flatMap(({ externalId, soldOn }) => (soldOn === null ? [] : [externalId])));

  async function listings(agencyId = seeded.agencyId): Promise<ListingRow[]> {
    const all: ListingRow[] = [];
    for await (const rows of eachListing(db, agencyId)) all.push(...rows);
    return all;
  }

  it('has the agency it promises', async () => {
    expect(seeded).toMatchObject({ isNew: false, listings: 412 });
    expect(await listEmployees(db, seeded.agencyId)).toHaveLength(24);
    const all = await listings();
    expect(all.filter(({ externalId }) => !sold.has(externalId))).toHaveLength(412);
    const unassigned = all.filter((row) => row.employee === null);
    const orphans = demoEntries().filter(({ story }) => story === 'nobody' || story === 'foreign-phone');
    expect(unassigned.map((row) => row.externalId).sort()).toEqual(
      orphans.map(({ before }) => before.externalId).sort(),
    );
    expect(seeded.cabinets.map((cabinet) => cabinet.board)).toEqual([
      'avito',
      'cian',
      'yandex',
      'domclick',
      'bn',
      'move',
    ]);
  });

  it('gives every live mark one outcome', async () => {
    for (const cabinet of published) {
      const sum = OUTCOMES.reduce((total, outcome) => total + (cabinet.outcomes[outcome] ?? 0), 0);
      expect(sum, cabinet.board).toBe(await countMarks(db, [{ agencyId: cabinet.agencyId, id: cabinet.cabinetId }]));
      expect(sum, cabinet.board).toBe(412);
      expect(cabinet.offers, cabinet.board).toBe(cabinet.outcomes.published);
    }
  });

  it('publishes most marks, and each board most of its own', () => {
    const shareOf = (cabinets: readonly PublishedCabinet[]) =>
      cabinets.reduce((sum, { outcomes }) => sum + (outcomes.published ?? 0), 0) / (412 * cabinets.length);
    expect(shareOf(published)).toBeGreaterThan(0.75);
    expect(shareOf(published)).toBeLessThan(0.92);
    for (const cabinet of published) expect(shareOf([cabinet]), cabinet.board).toBeGreaterThan(0.7);
  });

  it('blocks nothing but what a story or an unsupported sort of listing explains', async () => {
    const stories = new Map(demoEntries().map(({ before, story }) => [before.externalId, story]));
    const happenings = demoHappenings();
    for (const row of await listings()) {
      if (stories.get(row.externalId) !== undefined || happenings.has(row.externalId)) continue;
      if (sold.has(row.externalId)) continue;
      for (const mark of await marksOf(db, seeded.agencyId, row.id)) {
        if (mark.outcome === 'unfunded') {
          expect(row.employee!.email).toBe(PENNILESS);
          continue;
        }
        const codes = mark.judgement?.board?.map(({ code }) => code.split('/')[1]) ?? [];
        if (mark.outcome === 'published' || mark.outcome === 'waiting-turn') continue;
        expect([mark.outcome, ...codes], row.externalId).toEqual(['blocked', 'offer-unsupported']);
      }
    }
  });

  it.each(STORIES.map((story) => [story.key, story] as const))('tells the story %s', async (key, story) => {
    const planted = demoEntries().filter((entry) => entry.story === key);
    expect(planted).toHaveLength(story.count);
    const cabinet = seeded.cabinets.find(({ board }) => board === story.board)!;
    const desk = deskOf(context.board(story.board), cabinet.family);
    for (const { before } of planted) {
      const [row] = await findListings(db, seeded.agencyId, before.externalId);
      const mark = (await marksOf(db, seeded.agencyId, row!.id)).find(({ cabinetId }) => cabinetId === cabinet.id)!;
      expect(mark.outcome, before.externalId).toBe(story.outcome);
      if (story.severity === 'blocking') expect(mark.judgement?.board?.map(({ code }) => code)).toContain(story.code);
      const phones = row!.values.contactPhones ?? row!.employee?.phones;
      const { notices } = judgeAlone(row!.values, desk, {
        firstSeenAt: row!.firstSeenAt,
        person: row!.employee,
        phones: phones?.length ? phones : undefined,
      });
      if (story.code !== null) {
        expect(notices).toContainEqual(expect.objectContaining({ code: story.code, severity: story.severity }));
      }
    }
  });

  it.each(HAPPENINGS)('lives through what happened: $key', async ({ key, board, outcome, count }) => {
    const whom = [...demoHappenings()].filter(([, happening]) => happening === key).map(([externalId]) => externalId);
    expect(whom).toHaveLength(count);
    const cabinet = seeded.cabinets.find((candidate) => candidate.board === board)!;
    for (const externalId of whom) {
      const [row] = await findListings(db, seeded.agencyId, externalId);
      const mark = (await marksOf(db, seeded.agencyId, row!.id)).find(({ cabinetId }) => cabinetId === cabinet.id)!;
      expect([externalId, mark.outcome]).toEqual([externalId, outcome]);
      expect(mark.reason).toMatch(/^[А-ЯЁ]/);
    }
  });

  describe('the months before', () => {
    const rows = async <T>(sql: string) => (await db.pool.query(sql)).rows as T[];

    it('were played day by day on the boards that were there', async () => {
      const days = await rows<{ board: string; count: number; first: string; last: string }>(
        `select c.board, count(*)::int as count, min(day) as first, max(day) as last from day_record d
         join cabinet c on c.agency_id = d.agency_id and c.id = d.cabinet_id group by 1`,
      );
      for (const board of Object.keys(PLAYED)) {
        const of = days.find((row) => row.board === board)!;
        expect(of.count, board).toBeGreaterThanOrEqual(HISTORY_DAYS);
        expect(of, board).toMatchObject({ first: '2026-06-23', last: '2026-11-19' });
      }
    });

    it('cost money on every day, in every way there is', async () => {
      const days = await rows<{ day: string }>(`select distinct day from transfer where kind = 'charge'`);
      expect(days.length).toBeGreaterThan(140);
      const kinds = await rows<{ kind: string }>('select distinct kind from transfer');
      expect(new Set(kinds.map(({ kind }) => kind))).toEqual(new Set(TRANSFER_KINDS));
      const bases = await rows<{ basis: string }>(`select distinct basis from transfer where kind = 'charge'`);
      expect(bases.map(({ basis }) => basis).sort()).toEqual(['day', 'excess-day', 'promotion']);
      const tariffs = await rows<{ board: string; count: number }>(
        'select board, count(*)::int as count from tariff t join cabinet c on c.id = t.cabinet_id group by 1',
      );
      expect(Object.fromEntries(tariffs.map(({ board, count }) => [board, count]))).toEqual({
        yandex: 2,
        avito: 1,
        cian: 1,
      });
    });

    it('left an account dry for some days, until it was topped up', async () => {
      const [person] = await findEmployees(db, seeded.agencyId, ONCE_SHORT);
      const short = await rows<{ day: string }>(
        `select distinct started_at::date as day from export_run where started_at < '2026-11-01' and (outcomes->>'unfunded')::int > 0 order by 1`,
      );
      expect(short.length).toBeGreaterThanOrEqual(3);
      const waived = await rows<{ who: number }>(
        `select distinct l.employee_id as who from waiver w join listing l on l.id = w.listing_id where w.day < '2026-11-01'`,
      );
      expect(waived).toEqual([{ who: person!.id }]);
    });

    it('left no kopeck unexplained', async () => {
      const accounts = await listAccounts(db.pool, seeded.agencyId, true);
      expect(accounts.reduce((sum, { balanceKopecks }) => sum + balanceKopecks, 0)).toBe(0);
      expect(accounts.reduce((sum, { heldKopecks }) => sum + heldKopecks, 0)).toBe(0);
      const { findings, checked } = await verifyMoney(db, seeded.agencyId);
      expect(findings).toEqual([]);
      expect(checked.transfers).toBeGreaterThan(5000);
    });

    it('end with an account that cannot pay for what it has marked', async () => {
      const unfunded = await rows<{ email: string }>(
        `select e.email from mark_outcome o join listing l on l.id = o.listing_id join employee e on e.id = l.employee_id
         where o.outcome = 'unfunded'`,
      );
      expect(unfunded.length).toBeGreaterThanOrEqual(5);
      expect(new Set(unfunded.map(({ email }) => email))).toEqual(new Set([PENNILESS]));
    });
  });

  it('keeps the approved text on the board while the edit waits', async () => {
    const cabinet = seeded.cabinets.find(({ board }) => board === 'domclick')!;
    const edition = (await currentEdition(db, cabinet))!;
    const xml = await readFile(
      editionPath(editionFolder(dataDir, cabinet.agencyId, cabinet.id), edition.sha256, 'xml'),
      'utf8',
    );
    const edited = [...demoHappenings()].filter(([, happening]) => happening === 'edited');
    for (const [externalId] of edited) expect(xml).toContain(`internal-id="${externalId}"`);
    expect(xml).not.toContain('Показываем в выходные.');
  });

  it('lets nobody else lose the number of floors', () => {
    const without = demoEntries().filter(({ today }) => today?.kind === 'flat' && today.floorsTotal === undefined);
    expect(without.filter(({ story }) => story !== 'corrected')).toHaveLength(12);
  });

  it('keeps a correction over a source that has changed its mind', async () => {
    const [entry] = demoEntries().filter(({ story }) => story === 'price-conflict');
    const [row] = await findListings(db, seeded.agencyId, entry!.before.externalId);
    expect(conflicts(row!.sourceValues, row!.corrections)).toEqual(['priceKopecks']);
    expect(row!.values.priceKopecks).toBe(entry!.correction!.value);
    expect(row!.sourceValues.priceKopecks).toBe(entry!.today!.priceKopecks);
  });

  it('has feeds that pass inspection and carry no placeholder', async () => {
    for (const cabinet of published) {
      const path = editionPath(editionFolder(dataDir, cabinet.agencyId, cabinet.cabinetId), cabinet.sha256!, 'xml');
      const text = await readFile(path, 'utf8');
      const { family } = seeded.cabinets.find(({ id }) => id === cabinet.cabinetId)!;
      expect(inspectEdition(family, text), cabinet.board).toEqual([]);
      expect(text).not.toContain('{phone}');
      expect(text).toContain(`http://localhost:${PORT}/media/demo/dr-10`);
    }
  });

  it('puts the number of the agent who was found by mail into the feed', async () => {
    const [entry] = demoEntries().filter(({ story }) => story === 'found-by-mail');
    const agent = AGENTS.find(({ email }) => email === entry!.before.contactEmail)!;
    const cabinet = published.find(({ board }) => board === 'yandex')!;
    const text = await readFile(
      editionPath(editionFolder(dataDir, cabinet.agencyId, cabinet.cabinetId), cabinet.sha256!, 'xml'),
      'utf8',
    );
    const offer = text.slice(text.indexOf(`internal-id="${entry!.before.externalId}"`)).split('</offer>')[0];
    expect(offer).toContain(`<phone>${agent.phone}</phone>`);
  });

  it('is not changed by a second seeding, and a second publish makes no new edition', async () => {
    expect(seeded.isNew).toBe(false);
    expect(await listings()).toEqual(before.listings);
    expect(published.map(({ isNewEdition, sha256 }) => ({ isNewEdition, sha256 }))).toEqual(
      before.editions.map((sha256) => ({ isNewEdition: false, sha256: sha256! })),
    );
    expect(await editions()).toEqual(before.editions);
  });

  it('moves its pictures along when it is served from another address', async () => {
    await seedDemo(contextAt(8100), db);
    const all = await listings();
    const told = all.filter((row) => row.goneAt === null).flatMap((row) => row.values.photos ?? []);
    expect(told.length).toBeGreaterThan(2000);
    expect(told.every(({ url }) => url.startsWith('http://localhost:8100/media/demo/'))).toBe(true);
    const gone = all.filter((row) => row.goneAt !== null && !sold.has(row.externalId));
    expect(gone).toHaveLength(5);
    // And back, for whoever looks next.
    await seedDemo(context, db);
    expect(all.map((row) => row.id)).toEqual((await listings()).map((row) => row.id));
  });

  it('lets its four people in with the password it prints', async () => {
    const app = buildApp({ db, dataDir, secret: 's'.repeat(32), clock: context.clock, logLevel: 'silent' });
    const homes: string[] = [];
    for (const { login } of SIGN_INS) {
      const answer = await app.inject({
        method: 'POST',
        url: '/api/v1/session',
        payload: { login, password: DEMO_PASSWORD },
      });
      expect([login, answer.statusCode]).toEqual([login, 200]);
      expect(answer.json().secondFactor.isNeeded).toBe(false);
      homes.push(answer.json().home);
    }
    expect(homes).toEqual(['/listings', '/moderation', '/accounts', '/settings']);
    await app.close();
  });

  it('draws the pictures its listings name, the same each time, and no others', async () => {
    const options = { db, dataDir, secret: 'a secret of sixteen', clock: context.clock, logLevel: 'silent' };
    const app = buildApp({ ...options, media: true });
    try {
      const url = '/media/demo/dr-10001-1.jpg';
      const first = await app.inject({ url });
      expect(first.statusCode).toBe(200);
      expect(first.headers['content-type']).toBe('image/jpeg');
      expect(first.rawPayload.subarray(0, 3)).toEqual(Buffer.from([0xff, 0xd8, 0xff]));
      expect((await app.inject({ url })).rawPayload).toEqual(first.rawPayload);
      expect((await app.inject({ url: '/media/demo/dr-10001-2.jpg' })).rawPayload).not.toEqual(first.rawPayload);
      for (const name of [
        'x.jpg',
        'dr-1-1.png',
        '..%2f..%2fdemo.json',
        'dr-1-1.jpg%00',
        'DR-1-1.jpg',
        'dr-1234567890-1.jpg',
      ]) {
        expect((await app.inject({ url: `/media/demo/${name}` })).statusCode, name).toBe(404);
      }
    } finally {
      await app.close();
    }
    const plain = buildApp(options);
    expect((await plain.inject({ url: '/media/demo/dr-10001-1.jpg' })).statusCode).toBe(404);
    await plain.close();
  });
});

describe('the command demo', () => {
  const begin = (dataDir: string, args: readonly string[] = []) =>
    start(['demo', '--no-serve', ...args], {
      DATA_DIR: dataDir,
      DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
    });
  const run = (dataDir: string, ...args: string[]) => begin(dataDir, args).done;
  /** Kills a start once it tells of a day of the history that is not one of the first. */
  async function breakOff(dataDir: string): Promise<void> {
    const { child, done } = begin(dataDir);
    child.stderr!.on('data', (chunk) => {
      if (/История: день [1-9]\d/.test(`${chunk}`)) child.kill('SIGKILL');
    });
    expect((await done).code).toBeNull();
  }

  it('goes on after it was killed, publishes and leaves; the next start finds everything; other folders are not touched', async () => {
    const parent = await mkdtemp(join(tmpdir(), 'vygruzka-demo-cli-'));
    // As root the server runs as `nobody`, who must be able to pass through.
    if (process.getuid?.() === 0) await chmod(parent, 0o711);
    const home = join(parent, 'demo');
    try {
      await breakOff(home);
      const first = await run(home);
      expect(first.code, first.stderr).toBe(0);
      expect(first.stdout).toContain('150 дней');
      expect(first.stdout).toContain('демо-агентство «Дом у реки»');
      expect(first.stdout.match(/\/f\/[a-z0-9-]+\/main-[\w-]{43}\.xml/g)).toHaveLength(6);
      const second = await run(home, '--json');
      const report = JSON.parse(second.stdout);
      expect(report).toMatchObject({ isNew: false, listings: 412, marks: 412 * 6 });
      expect(report.feeds.every((feed: { isNewEdition: boolean }) => !feed.isNewEdition)).toBe(true);

      await writeFile(join(parent, 'precious'), 'of somebody');
      for (const args of [[], ['--reset']]) {
        const refused = await run(parent, ...args);
        expect(refused.code).toBe(4);
        expect(refused.stderr).toContain('не тронута');
      }
      expect(await readFile(join(parent, 'precious'), 'utf8')).toBe('of somebody');
    } finally {
      await rm(parent, { recursive: true, force: true });
    }
    // Four processes, two of them with a database to start, one with months to play.
  }, 600_000);
});
