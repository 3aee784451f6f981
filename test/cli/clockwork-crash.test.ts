/**
 * The clockwork as real processes on a real PostgreSQL, killed at random moments and at chosen ones: the next run
 * finishes what was begun, the served files are always whole, nothing is lost or doubled, and every day and placement is
 * paid for once.
 *
 * `SEED=7 KILLS=100 npx vitest run test/cli/clockwork-crash.test.ts` plays one seed; a failure prints it with the last acts.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { listingAt } from '../../fixtures/agency.ts';
import { Dice } from '../../fixtures/dice.ts';
import { loadBoards } from '../../src/boards/catalogue.ts';
import { inspectEdition } from '../../src/boards/formats/inspect.ts';
import { parseElement } from '../../src/boards/formats/xml.ts';
import { addDays, localDay, momentOf, nextMidnight } from '../../src/domain/days.ts';
import { Refusal } from '../../src/domain/fault.ts';
import type { Listing } from '../../src/domain/listing.ts';
import type { MarketStatus } from '../../src/domain/market.ts';
import { editionFolder, editionPath } from '../../src/export/edition.ts';
import { judgeAlone } from '../../src/export/judge.ts';
import { deskOf } from '../../src/export/offer.ts';
import { addEmployee, ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import { type Database, openDatabase } from '../../src/store/database.ts';
import { importListings } from '../../src/store/intake.ts';
import { openAccount, topUp } from '../../src/store/ledger.ts';
import { setStatus } from '../../src/store/market.ts';
import { markListings, setTerm, unmarkListings } from '../../src/store/marks.ts';
import { migrate } from '../../src/store/migrate.ts';
import { giveVerdict, switchOn } from '../../src/store/moderation.ts';
import { addPause, endPause } from '../../src/store/pauses.ts';
import { addPhoneLine, removePhoneLine } from '../../src/store/phones.ts';
import { type CabinetRow, currentEdition, listCabinets } from '../../src/store/publishing.ts';
import { cabinetsDue } from '../../src/store/runs.ts';
import { changeCabinetSettings } from '../../src/store/settings.ts';
import { verifyMoney } from '../../src/store/verify.ts';
import { ledgerFaults } from '../store/ledger-check.ts';
import { run, start, temporaryFolder } from './run.ts';

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);
const IS_LONG = process.env.VYGRUZKA_LONG !== undefined;
/** Nine at chosen moments; every day's few random ones are others, the long run has hundreds. */
const KILLS = Number(process.env.KILLS ?? (IS_LONG ? 300 : 12));
/** So long may nothing come forward: how fast anything is, a busy machine decides. */
const STILL_MS = 180_000;
/** A program that was told to stop ends by itself, or it is ended after ten seconds; and a busy machine starts that late. */
const STOP_MS = 30_000;
/** For one test, whatever else the machine does. */
const PATIENCE_MS = 900_000;
const LISTINGS = 200;
const ZONE = 'Europe/Moscow';
/** The exit code of a command that finds no base. */
const NO_BASE = 6;
const PLACEMENTS = 60;
const NEWCOMERS = 12;
const SPECIALIST = { employeeId: null, name: 'Специалист', role: 'adSpecialist' } as const;

const boards = loadBoards();
const dice = new Dice(SEED);
const acts: string[] = [];
const troubles: string[] = [];
let home: Awaited<ReturnType<typeof temporaryFolder>>;
let dataDir: string;
let db: Database;
let agencyId: number;
let agents: number[];
/** Without a package and moderation; with a package of placements on the same board; with moderation. */
let plain: CabinetRow;
let packed: CabinetRow;
let moderated: CabinetRow;
/** The source's file as it was loaded last, and our numbers of its listings. */
let source: Map<string, Listing>;
let idOf: Map<string, number>;
/** Listings that the source does not have yet. */
let newcomers: Listing[];
/** When the days of the cabinets are charged: soon after the play has begun. */
const chargeAt = new Map<number, string>();
let phoneLines = 0;

const env = () => ({ DATA_DIR: dataDir, LOG_LEVEL: 'info' });

async function rows<T>(sql: string, values: unknown[] = []): Promise<T[]> {
  return (await db.pool.query(sql, values)).rows as T[];
}

/** The same once the server is there again. */
async function surely<T>(work: () => Promise<T>): Promise<T> {
  for (const end = Date.now() + STILL_MS; ; ) {
    try {
      return await work();
    } catch (error) {
      if (Date.now() > end || !isBroken(error)) throw error;
      await sleep(50);
    }
  }
}

const isBroken = (error: unknown) =>
  /^(57P0|08|ECONN|EPIPE)/.test((error as { code?: string }).code ?? '') ||
  /terminat|timeout|Connection|closed/i.test((error as Error).message);

// ---------------------------------------------------------------------------------------------------- what people did

/** What must be in the database: what was acknowledged, and, where the answer never came, what was wished. */
const facts = new Map<string, { is: string; orElse?: string }>();

type Wish = readonly [key: string, value: string];

/** A change by a person. What is acknowledged must never be lost; of what failed nobody knows. */
async function change(what: string, wished: readonly Wish[], work: () => Promise<readonly Wish[]>): Promise<void> {
  acts.push(`${new Date().toISOString().slice(11, 23)} ${what}`);
  for (const [key, value] of wished) facts.set(key, { is: facts.get(key)?.is ?? '', orElse: value });
  try {
    for (const [key, value] of [...wished, ...(await work())]) facts.set(key, { is: value });
  } catch (error) {
    acts.push(`  ${(error as Error).message}`);
    if (!(error instanceof Refusal) && !isBroken(error)) throw error;
    if (error instanceof Refusal) for (const [key] of wished) facts.set(key, { is: facts.get(key)!.is });
  }
}

const certain = <T>(keys: readonly T[], keyOf: (one: T) => string) =>
  keys.filter((one) => facts.get(keyOf(one))?.orElse === undefined);

const markKey = (cabinet: CabinetRow, id: number) => `mark ${cabinet.id}:${id}`;

async function markSome(cabinet: CabinetRow, isLive: boolean): Promise<void> {
  const able = certain([...idOf.values()], (id) => markKey(cabinet, id)).filter(
    (id) => (facts.get(markKey(cabinet, id))?.is ?? 'off') === (isLive ? 'off' : 'live'),
  );
  const isCommand = dice.chance(0.15);
  const ids = dice.some(able, dice.int(1, 12));
  if (ids.length === 0) return;
  const value = isLive ? 'live' : 'off';
  const wished = ids.map((id) => [markKey(cabinet, id), value] as const);
  const verb = isLive ? 'mark' : 'unmark';
  await change(`${isCommand ? 'command ' : ''}${verb} ${cabinet.id}: ${ids.join(' ')}`, wished, async () => {
    if (!isCommand) {
      if (isLive) await markListings(db, agencyId, cabinet.id, ids, new Date());
      else await unmarkListings(db, agencyId, cabinet.id, ids, new Date());
      return [];
    }
    const where = ['--board', cabinet.board, '--cabinet', cabinet.slug, '-q'];
    const { code, stderr } = await run([verb, ...where, '--listing', ...ids.map((id) => `#${id}`)], env());
    if (code === 1 || code === 6) throw new Error(`Connection? ${stderr}`);
    expect(code, stderr).toBe(0);
    return [];
  });
}

/** The file is loaded again: other prices, some texts, and `bad` of the listings without a price or with one again. */
async function load(bad = dice.int(0, 4)): Promise<void> {
  const next = new Map(source);
  for (const name of dice.some([...next.keys()], dice.int(20, 60))) {
    const { priceKopecks = 5_000_000_00, ...rest } = next.get(name)!;
    next.set(name, { ...rest, priceKopecks: priceKopecks + dice.int(1, 9) * 1000_00 });
  }
  for (const name of dice.some([...next.keys()], 5)) {
    const values = next.get(name)!;
    next.set(name, { ...values, description: `${values.description} Показы по субботам, ${dice.int(9, 18)}:00.` });
  }
  for (const name of dice.some([...next.keys()], bad)) {
    const { priceKopecks: _, ...rest } = next.get(name)!;
    next.set(name, rest);
  }
  const wished = [...next].map(([name, values]) => [`content ${idOf.get(name)}`, contentOf(values)] as const);
  await change(`load, ${bad} without a price`, wished, async () => {
    const listings = [...next.values()].map((values, index) => ({ values, employeeId: agents[index % 2]! }));
    await importListings(db, { agencyId, source: 'crm' }, listings, new Date());
    return [];
  });
  source = next;
}

/** Listings that nobody has paid for yet. */
async function bringNew(count: number): Promise<void> {
  const some = newcomers.splice(0, count);
  for (const values of some) source.set(values.externalId, values);
  const listings = [...source.values()].map((values, index) => ({ values, employeeId: agents[index % 2]! }));
  await importListings(db, { agencyId, source: 'crm' }, listings, new Date());
  await rows(`update photo set next_probe_at = now() + interval '10 years'`);
  const named = await rows<{ id: number; name: string }>('select id, external_id as name from listing');
  for (const { id, name } of named) idOf.set(name, id);
  const ids = some.map(({ externalId }) => idOf.get(externalId)!);
  for (const [index, id] of ids.entries()) {
    facts.set(`status ${id}`, { is: 'active' });
    facts.set(`content ${id}`, { is: contentOf(some[index]!) });
  }
  const wished = ids.map((id) => [markKey(plain, id), 'live'] as const);
  await change(`mark ${plain.id}: ${ids.join(' ')}, new`, wished, async () => {
    await markListings(db, agencyId, plain.id, ids, new Date());
    return [];
  });
}

const contentOf = ({ priceKopecks, description }: Partial<Listing>) =>
  `${priceKopecks ?? 'none'} ${createHash('sha256').update(`${description}`).digest('hex').slice(0, 8)}`;

const statusOf = (id: number) => facts.get(`status ${id}`)!.is;

/** Every offer of a board gets another number: its cabinets' next runs have everything to do. */
const addLine = (board: string, fromMinute = 0, toMinute = 1440) => {
  const phone = `+7912000${1000 + ++phoneLines}`;
  const line = {
    scope: 'agency' as const,
    scopeId: null,
    board,
    weekdays: [1, 2, 3, 4, 5, 6, 7],
    fromMinute,
    toMinute,
    startsOn: null,
    endsOn: null,
    kind: 'call-centre' as const,
    phone,
    note: null,
  };
  return change(`line ${phone}`, [], async () => [
    [`line ${await addPhoneLine(db, agencyId, line, 'Специалист', new Date())}`, 'there'],
  ]);
};

const ACTS: readonly (readonly [name: () => Promise<void>, weight: number])[] = [
  [() => load(), 5],
  [() => markSome(dice.pick([plain, packed, moderated]), true), 3],
  [() => markSome(dice.pick([plain, packed, moderated]), false), 3],
  [
    async () => {
      const id = dice.pick(certain([...idOf.values()], (one) => `status ${one}`));
      const status: MarketStatus = statusOf(id) === 'active' ? 'sold' : 'active';
      await change(`status ${id} ${status}`, [[`status ${id}`, status]], async () => {
        await setStatus(db, agencyId, id, { status }, SPECIALIST, new Date());
        return [];
      });
    },
    2,
  ],
  [
    async () => {
      const [waiting] = await surely(() =>
        rows<{ id: number }>('select id from listing where pending_since is not null order by random() limit 1'),
      );
      if (!waiting) return;
      const kind = dice.pick(['approved', 'returned'] as const);
      const wish = { listingId: waiting.id, kind, actor: SPECIALIST, note: 'Смотрел', reasons: ['few-photos'] };
      await change(`${kind} ${waiting.id}`, [], async () => {
        // Past the ten seconds in which it could be undone.
        const { verdictId } = await giveVerdict(db, agencyId, wish, new Date(Date.now() - 11_000));
        return [[`verdict ${verdictId}`, kind]];
      });
    },
    2,
  ],
  [
    async () => {
      const cabinetId = dice.pick([plain, packed, moderated]).id;
      const listingId = dice.pick([...idOf.values()]);
      const now = new Date();
      const pause = { listingId, cabinetId, from: now, until: new Date(+now + 86_400_000), reason: 'Ключи потеряны' };
      await change(`pause ${listingId} in ${cabinetId}`, [], async () => [
        [`pause ${await addPause(db, agencyId, pause, 'Агент', now)}`, 'open'],
      ]);
    },
    2,
  ],
  [
    async () => {
      const open = [...facts].filter(([key, { is, orElse }]) => /^pause/.test(key) && is === 'open' && !orElse);
      if (open.length === 0) return;
      const [key] = dice.pick(open);
      await change(`end of ${key}`, [[key, 'ended']], async () => {
        await endPause(db, agencyId, Number(key.slice(6)), 'Агент', new Date());
        return [];
      });
    },
    1,
  ],
  [
    async () => {
      const lines = [...facts].filter(([key, { is, orElse }]) => /^line/.test(key) && is === 'there' && !orElse);
      if (lines.length > 1) {
        const [key] = dice.pick(lines);
        return change(`${key} away`, [[key, '']], async () => {
          await removePhoneLine(db, agencyId, Number(key.slice(5)), 'Специалист', new Date());
          return [];
        });
      }
      await addLine(dice.pick(['avito', 'cian']));
    },
    1,
  ],
];

const actOnce = () => dice.weighted(ACTS)();

/** Everything acknowledged is there; what was in doubt is certain now. */
async function checkFacts(): Promise<void> {
  const found = new Map<string, string>();
  for (const mark of await rows<{ cabinetId: number; listingId: number; isLive: boolean }>(
    'select cabinet_id as "cabinetId", listing_id as "listingId", is_live as "isLive" from mark',
  ))
    found.set(`mark ${mark.cabinetId}:${mark.listingId}`, mark.isLive ? 'live' : 'off');
  for (const { id, status, values } of await rows<{ id: number; status: string; values: Listing }>(
    'select id, status, values from listing',
  )) {
    found.set(`status ${id}`, status);
    found.set(`content ${id}`, contentOf(values));
  }
  for (const { id, kind } of await rows<{ id: number; kind: string }>('select id, kind from verdict'))
    found.set(`verdict ${id}`, kind);
  for (const { id, ended } of await rows<{ id: number; ended: Date | null }>('select id, ended_at as ended from pause'))
    found.set(`pause ${id}`, ended === null ? 'open' : 'ended');
  for (const { id } of await rows<{ id: number }>('select id from phone_line')) found.set(`line ${id}`, 'there');
  for (const [key, fact] of facts) {
    const now = found.get(key) ?? '';
    expect([fact.is, fact.orElse], `${key} is «${now}»`).toContain(now);
    facts.set(key, { is: now });
  }
  for (const { name, values } of await rows<{ name: string; values: Listing }>(
    'select external_id as name, source_values as values from listing',
  ))
    source.set(name, values);
}

// -------------------------------------------------------------------------------------------------- what must be true

interface Served {
  readonly offers: Map<string, Partial<Listing>>;
  readonly sha256: string;
}

/** The file that a board would get now: whole, valid, and what its row says. */
async function served(cabinet: CabinetRow): Promise<Served | undefined> {
  const edition = await surely(() => currentEdition(db, cabinet));
  if (!edition) return undefined;
  const folder = editionFolder(dataDir, cabinet.agencyId, cabinet.id);
  const bytes = await readFile(editionPath(folder, edition.sha256, 'xml'));
  const gzip = await readFile(editionPath(folder, edition.sha256, 'xml.gz'));
  const sha = (of: Buffer) => createHash('sha256').update(of).digest('hex');
  expect([sha(bytes), bytes.length]).toEqual([edition.sha256, edition.bytes]);
  expect([sha(gzip), gzip.length]).toEqual([edition.gzipSha256, edition.gzipBytes]);
  expect(gunzipSync(gzip).equals(bytes)).toBe(true);
  const text = bytes.toString();
  expect(inspectEdition(cabinet.family, text)).toEqual([]);
  const { codec } = deskOf(boards.find(({ id }) => id === cabinet.board)!, cabinet.family);
  const offers = new Map<string, Partial<Listing>>();
  for (const offer of parseElement(text).children) {
    if (offer.name.toLowerCase() !== codec.offerName.toLowerCase()) continue;
    const { listing } = codec.read(offer);
    expect(offers.has(listing!.externalId!), `two offers ${listing!.externalId}`).toBe(false);
    offers.set(listing!.externalId!, listing!);
  }
  expect(offers.size).toBe(edition.offers);
  return { offers, sha256: edition.sha256 };
}

const cabinets = () => [plain, packed, moderated];

async function checkWhole(): Promise<void> {
  for (const cabinet of cabinets()) await served(cabinet);
}

/** Nothing is due and nobody runs: everything must agree with everything. */
async function checkAll(): Promise<void> {
  await checkFacts();
  for (const cabinet of cabinets()) await checkCabinet(cabinet);
  await checkMoney();
  await checkHistory();
  await checkTwins();
}

async function checkCabinet(cabinet: CabinetRow): Promise<void> {
  const where = `cabinet ${cabinet.id}`;
  const marks = await rows<{
    listingId: number;
    offerId: string;
    isLive: boolean;
    outcome: string | null;
    since: Date | null;
    values: Listing;
    isHeld: boolean;
  }>(
    `select m.listing_id as "listingId", m.board_offer_id as "offerId", m.is_live as "isLive", o.outcome, o.since, l.values,
       coalesce(o.is_held, false) as "isHeld"
     from mark m join listing l on l.id = m.listing_id
     left join mark_outcome o on o.cabinet_id = m.cabinet_id and o.listing_id = m.listing_id where m.cabinet_id = $1`,
    [cabinet.id],
  );
  for (const mark of marks)
    expect(mark.outcome !== null, `${where}, listing ${mark.listingId}: ${mark.outcome}`).toBe(mark.isLive);
  const published = marks.filter(({ outcome }) => outcome === 'published');
  expect(marks.filter(({ isHeld }) => isHeld)).toEqual([]);
  const file = await served(cabinet);
  expect([...file!.offers.keys()].sort()).toEqual(published.map(({ offerId }) => offerId).sort());
  for (const { offerId, values } of published)
    expect(file!.offers.get(offerId)!.priceKopecks, `${where}, price of ${offerId}`).toBe(values.priceKopecks);

  const transitions = await rows<{ listingId: number; outcome: string; at: Date }>(
    'select listing_id as "listingId", outcome, at from mark_transition where cabinet_id = $1 order by id',
    [cabinet.id],
  );
  const last = new Map<number, { outcome: string; at: Date }>();
  for (const step of transitions) {
    expect(step.outcome, `${where}: ${step.listingId} twice the same`).not.toBe(last.get(step.listingId)?.outcome);
    last.set(step.listingId, step);
  }
  for (const { listingId, outcome, since } of marks) {
    const step = last.get(listingId);
    if (outcome === null) expect([undefined, 'unmarked']).toContain(step?.outcome);
    else expect([step?.outcome, step?.at], `${where}, listing ${listingId}`).toEqual([outcome, since]);
  }

  const runs = await rows<{ id: number; status: string | null; slot: Date | null; cause: string; startedAt: Date }>(
    'select id, status, slot, cause, started_at as "startedAt" from export_run where cabinet_id = $1 order by id',
    [cabinet.id],
  );
  for (const [index, { id, status, slot, cause, startedAt }] of runs.entries()) {
    expect(['done', 'failed', 'lost', 'overtaken'], `${where}, run ${id}`).toContain(status);
    // A slot that was had already is only made up for when the run that had it did not end well; but where the clock
    // stands still, one may be called twice at the same moment.
    const isLater = startedAt.getTime() > (runs[index - 1]?.startedAt.getTime() ?? 0);
    if (cause === 'due' && slot === null && isLater)
      expect(runs[index - 1]?.status, `${where}, run ${id}`).not.toBe('done');
  }
  const slots = runs.flatMap(({ slot }) => (slot === null ? [] : [slot.getTime()]));
  expect(new Set(slots).size).toBe(slots.length);

  const placements = await rows<{ listingId: number; from: string; until: string }>(
    'select listing_id as "listingId", from_on as "from", until_on as until from placement where cabinet_id = $1 order by from_on',
    [cabinet.id],
  );
  const until = new Map<number, string>();
  for (const placement of placements) {
    const before = until.get(placement.listingId);
    expect(before === undefined || before < placement.from, `placements of ${placement.listingId}`).toBe(true);
    until.set(placement.listingId, placement.until);
  }
  expect(placements.length).toBeLessThanOrEqual(PLACEMENTS);
  if (cabinet === packed) for (const { listingId } of published) expect(until.has(listingId)).toBe(true);

  // What a run left behind that was killed is swept by the next one of its cabinet.
  const [{ fence } = { fence: 0 }] = await rows<{ fence: number }>('select fence from cabinet where id = $1', [
    cabinet.id,
  ]);
  const names = await readdir(editionFolder(dataDir, cabinet.agencyId, cabinet.id));
  const old = names.filter((name) => name.endsWith('.tmp') && Number(name.split('.')[0]) < fence);
  expect(old, where).toEqual([]);
  const staged = await rows('select distinct fence from outcome_stage where cabinet_id = $1 and fence < $2', [
    cabinet.id,
    fence,
  ]);
  expect(staged, `${where}: decisions that nobody commits`).toEqual([]);
}

/** A day of a mark, or its placement, is held or charged once, and whatever was shown when the day was charged is. */
async function checkMoney(): Promise<void> {
  expect(await ledgerFaults(db, agencyId)).toEqual([]);
  expect((await verifyMoney(db, agencyId)).findings).toEqual([]);
  for (const cabinet of cabinets()) {
    const where = `money of cabinet ${cabinet.id}`;
    const bills = await rows<{ listingId: number; day: string; state: string }>(
      `select t.listing_id as "listingId", t.day, coalesce(r.kind, t.kind) as state from transfer t
       left join transfer r on r.resolves = t.id where t.cabinet_id = $1 and t.resolves is null`,
      [cabinet.id],
    );
    const standing = bills.filter(({ state }) => state !== 'release');
    const shown = await rows<{ id: number }>(
      `select listing_id as id from mark_outcome where cabinet_id = $1 and outcome = 'published'`,
      [cabinet.id],
    );
    if (cabinet === packed) {
      const placements = await rows<{ id: number }>('select listing_id as id from placement where cabinet_id = $1', [
        cabinet.id,
      ]);
      expect(standing.map(({ listingId }) => listingId).sort(), where).toEqual(placements.map(({ id }) => id).sort());
      expect(new Set(standing.map(({ state }) => state)), where).toEqual(new Set(['charge']));
      continue;
    }
    const keys = standing.map(({ listingId, day }) => `${listingId} ${day}`);
    expect(keys.length, where).toBe(new Set(keys).size);
    const [{ billedAt }] = (await rows<{ billedAt: Date }>(
      'select billed_at as "billedAt" from cabinet where id = $1',
      [cabinet.id],
    )) as [{ billedAt: Date }];
    const day = localDay(billedAt, ZONE);
    const [hour, minute] = chargeAt.get(cabinet.id)!.split(':').map(Number);
    const isCharged = billedAt >= momentOf(day, hour! * 60 + minute!, ZONE);
    const today = standing.filter((bill) => bill.day === day);
    const paid = new Set(today.map(({ listingId }) => listingId));
    expect(
      shown.filter(({ id }) => !paid.has(id)),
      `${where}: shown and not paid`,
    ).toEqual([]);
    if (!isCharged) expect(paid.size, `${where}: held and not shown`).toBe(shown.length);
    const open = standing.filter((bill) => bill.state === 'hold' && (bill.day < day || isCharged));
    expect(open, `${where}: still held`).toEqual([]);
  }
}

/** Agents were told of everything that went wrong, once. */
async function checkHistory(): Promise<void> {
  const wanted = await rows<{ key: string }>(
    `select distinct t.outcome || ':' || t.cabinet_id || ':' || l.employee_id || ':'
       || to_char(t.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as key
     from mark_transition t join listing l on l.id = t.listing_id
     where t.outcome in ('blocked', 'duplicate') and l.employee_id is not null order by 1`,
  );
  const told = await rows<{ key: string }>(
    `select key from message where kind in ('blocked', 'duplicate') order by key`,
  );
  expect(told.map(({ key }) => key).sort()).toEqual(wanted.map(({ key }) => key).sort());
  const waiting = await rows<{ id: number }>(
    `select distinct l.id from mark_outcome o join listing l on l.id = o.listing_id
     where o.judgement->>'approval' in ('awaiting', 'kept') and l.pending_since is null`,
  );
  expect(waiting, 'contents that wait for a moderator since nobody knows when').toEqual([]);
}

/** One flat stands on a board once, over both of its cabinets, and it does stand there when any of its marks may. */
async function checkTwins(): Promise<void> {
  const found = await rows<{ key: string; outcomes: string[] }>(
    `select l.duplicate_key as key, array_agg(o.outcome order by o.outcome) as outcomes
     from mark_outcome o join listing l on l.id = o.listing_id join cabinet c on c.id = o.cabinet_id
     where c.board = 'avito' and l.duplicate_key is not null and o.outcome in ('published', 'waiting-turn', 'duplicate')
     group by 1 having count(*) > 1`,
  );
  for (const { key, outcomes } of found) {
    expect(outcomes.filter((outcome) => outcome === 'published').length, `twins ${key}`).toBeLessThanOrEqual(1);
    expect(outcomes.filter((outcome) => outcome !== 'duplicate').length, `twins ${key} ${outcomes}`).toBe(1);
  }
}

// ------------------------------------------------------------------------------------------------------- the processes

interface Worker {
  readonly child: ReturnType<typeof start>['child'];
  readonly done: ReturnType<typeof start>['done'];
  /** It has looked for what is due, and is at it. */
  readonly ready: Promise<unknown>;
  isOver: boolean;
}

const workers = new Set<Worker>();

function work(...args: string[]): Worker {
  const { child, done } = start(['work', ...args], env(), home.path);
  let wasAtWork = false;
  const ready = new Promise<void>((resolve) => {
    child.stderr!.on('data', (part) => {
      if (!String(part).includes('собираются по расписанию')) return;
      wasAtWork = true;
      resolve();
    });
    child.on('close', () => resolve());
  });
  const worker: Worker = { child, done, ready, isOver: false };
  workers.add(worker);
  void done.then(({ code, stdout, stderr }) => {
    worker.isOver = true;
    workers.delete(worker);
    // One that ends by itself: nobody should have to start it again.
    // Only where the base went away before it was at work at all, whoever starts it starts it again.
    if (code === NO_BASE && !wasAtWork) return void work(...args);
    if (code !== null && code !== 0) {
      const told = stdout.split('\n').map((line) => line.slice(0, 1000));
      troubles.push(`work ended with ${code}: ${stderr.slice(-2000)}\n${told.slice(-12).join('\n')}`);
    }
    for (const line of stdout.split('\n')) if (/broken invariant|"code":"42/.test(line)) troubles.push(line);
  });
  return worker;
}

async function kill(worker: Worker): Promise<void> {
  worker.child.kill('SIGKILL');
  await worker.done;
}

const killWorkers = () => Promise.all([...workers].map(kill));

/** SIGKILL for the postmaster and whatever it has started. */
function killPostgres(): void {
  const pid = Number(readFileSync(join(dataDir, 'postgres/postmaster.pid'), 'utf8').split('\n')[0]);
  const family = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, parent]) => parent === pid)
    .map(([child]) => child!);
  for (const one of [pid, ...family]) {
    try {
      process.kill(one, 'SIGKILL');
    } catch {
      // It has ended by itself meanwhile.
    }
  }
}

async function isIdle(now = new Date()): Promise<boolean> {
  const found = await cabinetsDue(db, { agencyId });
  return found.every(({ dueAt, isRunning }) => !isRunning && (dueAt === null || dueAt > now));
}

/**
 * What changes when anything comes forward: runs end, and other moments are due. Not what the workers say, nor that runs
 * begin: those who get nowhere do both without end.
 */
async function progress(): Promise<string> {
  const ended = await surely(() =>
    rows("select count(*)::int as runs, max(id) as last from export_run where status in ('done', 'overtaken')"),
  );
  const due = await surely(() => cabinetsDue(db, { agencyId }));
  return JSON.stringify([ended, due.map(({ id, dueAt }) => [id, dueAt])]);
}

/** Waits for as long as anything comes forward. @throws where nothing has for `STILL_MS` */
async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  let reached = '';
  let [since, askedAt] = [Date.now(), Date.now()];
  for (; !(await isSo()); await sleep(60)) {
    // Not every time: who asks takes their time of those who work.
    if (Date.now() - askedAt < 5000) continue;
    const now = await progress();
    askedAt = Date.now();
    if (now !== reached) [reached, since] = [now, askedAt];
    else if (askedAt - since > STILL_MS) {
      const runs = await surely(() => rows('select * from export_run order by id desc limit 6'));
      throw new Error(`${what}: ${now}\n${JSON.stringify(runs)}`);
    }
  }
}

/** Waits until nothing is due and nobody runs; somebody must be at work. */
const idle = () =>
  until('still not idle', async () => {
    expect(troubles).toEqual([]);
    return surely(async () => {
      // How long a failed cabinet pauses is another test's matter (test/export/clockwork.test.ts).
      await rows(
        `update export_run set finished_at = finished_at - interval '1 hour' where status = 'failed' and finished_at > now() - interval '30 minutes'`,
      );
      return isIdle();
    });
  });

// ------------------------------------------------------------------------------------------------------------ the base

beforeAll(async () => {
  home = await temporaryFolder('clockwork-crash');
  dataDir = join(home.path, 'data');
  db = await openDatabase({ dataDir });
  await migrate(db);
  ({ id: agencyId } = await resolveAgency(db, 'Агентство', true));
  // Every edit is due at once, so that idle means that everything is in the feeds.
  await rows('update agency set settings = $1', [JSON.stringify({ runs: { gatherSeconds: 0, slots: [] } })]);
  agents = [
    await addEmployee(db, agencyId, { name: 'Агент 1', phones: ['+79120000101'] }),
    await addEmployee(db, agencyId, { name: 'Агент 2', phones: ['+79120000102'] }),
  ];
  const made: Listing[] = [];
  for (let index = 300; made.length < LISTINGS - 8 + NEWCOMERS; index++) {
    const shape = { kind: 'flat', deal: 'sale', market: 'resale' } as const;
    const listing = listingAt(index, { shape });
    if (listing.apartmentNumber === undefined || listing.priceKopecks === undefined) continue;
    const worn = { firstSeenAt: new Date(0), phones: ['+79120000101'], boardOfferId: listing.externalId };
    const taking = ['avito', 'cian'].map((id) => deskOf(boards.find((board) => board.id === id)!));
    if (taking.every((desk) => !judgeAlone(listing, desk, worn).isBlocked)) made.push(listing);
  }
  newcomers = made.splice(-NEWCOMERS);
  // The same flat twice.
  for (const listing of made.slice(0, 8)) made.push({ ...listing, externalId: `${listing.externalId}-2` });
  source = new Map(made.map((listing) => [listing.externalId, listing]));
  const listings = made.map((values, index) => ({ values, employeeId: agents[index % 2]! }));
  await importListings(db, { agencyId, source: 'crm' }, listings, new Date());
  // Nobody is to go out into the net for their pictures.
  await rows(`update photo set next_probe_at = now() + interval '10 years'`);
  const named = await rows<{ id: number; name: string }>('select id, external_id as name from listing');
  idOf = new Map(named.map(({ id, name }) => [name, id]));
  for (const id of idOf.values()) facts.set(`status ${id}`, { is: 'active' });
  for (const [board, slug] of [
    ['avito', 'main'],
    ['avito', 'second'],
    ['cian', 'main'],
  ] as const) {
    const { family, name } = boards.find(({ id }) => id === board)!;
    await ensureCabinet(db, agencyId, { board, slug, name, family });
  }
  [plain, packed, moderated] = (await listCabinets(db, { agencyId })) as [CabinetRow, CabinetRow, CabinetRow];
  const pack = {
    kind: 'placements',
    placements: PLACEMENTS,
    from: addDays(localDay(new Date(), ZONE), -3),
    periodDays: 30,
    termDays: 20,
  };
  const soon = Math.ceil((Date.now() + 30_000) / 60_000) * 60_000;
  for (const [cabinet, settings, at] of [
    [plain, {}, soon],
    [packed, { package: pack }, soon],
    [moderated, { edit: 'keep-approved' }, soon + 60_000],
  ] as const) {
    const clock = new Date(at + 3 * 3_600_000).toISOString().slice(11, 16);
    chargeAt.set(cabinet.id, clock);
    await rows('update cabinet set settings = $2 where id = $1', [
      cabinet.id,
      JSON.stringify({ ...settings, chargeAt: clock }),
    ]);
    // Written down a week ago, or it could not hold today.
    const terms = {
      lines: [{ priceBelow: 10_000_000_00, kopecks: 700 }, { kopecks: 1100 }],
      excess: null,
      promotion: [],
    };
    await rows(
      `insert into tariff (agency_id, cabinet_id, valid_from, terms, by, created_at) values ($1, $2, $3, $4, 'Специалист', $5)`,
      [
        agencyId,
        cabinet.id,
        addDays(localDay(new Date(), ZONE), -2),
        JSON.stringify(terms),
        new Date(Date.now() - 7 * 86_400_000),
      ],
    );
  }
  for (const [kind, ownerId] of [
    ['agency', null],
    ['employee', agents[1]!],
  ] as const) {
    const { id } = await openAccount(db, agencyId, { kind, ownerId }, SPECIALIST, new Date());
    const command = { key: kind, kopecks: 100_000_000, reason: 'На рекламу', by: SPECIALIST };
    await topUp(db, agencyId, id, command, new Date());
  }
  for (const [cabinet, share] of [
    [plain, 0.6],
    [packed, 0.75],
    [moderated, 0.5],
  ] as const) {
    // On one board a listing stands once, so the board's cabinets share them, but for a few.
    const isElsewhere = (id: number) => cabinet === packed && facts.has(markKey(plain, id));
    const ids = [...idOf.values()].filter((id) => dice.chance(isElsewhere(id) ? 0.05 : share));
    await change(
      'mark',
      ids.map((id) => [markKey(cabinet, id), 'live'] as const),
      async () => {
        await markListings(db, agencyId, cabinet.id, ids, new Date());
        return [];
      },
    );
  }
  work();
  await idle();
  await switchOn(db, agencyId, { cabinetId: moderated.id }, 'on', { actor: SPECIALIST }, new Date());
  await killWorkers();
  const first = work();
  await idle();
  await kill(first);
  await checkAll();
  for (const cabinet of cabinets()) expect((await served(cabinet))!.offers.size).toBeGreaterThan(20);
}, PATIENCE_MS);

afterEach(async (test) => {
  await killWorkers();
  troubles.length = 0;
  if (test.task.result?.state === 'fail') console.error(`SEED=${SEED}\n${acts.slice(-60).join('\n')}`);
});

afterAll(async () => {
  await killWorkers();
  await db?.close();
  await home?.drop();
});

// ----------------------------------------------------------------------------------------------------------- the tests

/** How long a start, the runs and all take here: the range in which a random moment is worth something. */
let usualMs = 2000;
let kills = 0;

/** Whoever is killed, the rest goes on by itself; then somebody starts the program again, and all must be well. */
async function recover(): Promise<void> {
  await checkWhole();
  const startedAt = Date.now();
  if (workers.size === 0) {
    work();
    await idle();
    usualMs = Math.round(usualMs * 0.5 + (Date.now() - startedAt) * 0.5);
  } else {
    await idle();
  }
  await checkAll();
}

async function strike(victim: 'process' | 'postgres' | 'both'): Promise<void> {
  kills++;
  acts.push(`${new Date().toISOString().slice(11, 23)} kill ${kills}: ${victim}`);
  const [worker] = workers;
  if (victim !== 'process') killPostgres();
  if (victim !== 'postgres' && worker) await kill(worker);
}

/** Does something at the moment when a process wants to write to a table and cannot. */
async function heldUpAt(table: string, begin: () => unknown, strikeThen: () => Promise<void>): Promise<void> {
  const blocker = await db.pool.connect();
  blocker.on('error', () => {});
  try {
    await blocker.query(`begin; lock table ${table} in share row exclusive mode`);
    begin();
    await until(`nobody has come to ${table}`, async () => {
      const waiting = await blocker.query(
        'select 1 from pg_locks where relation = $1::regclass and not granted limit 1',
        [table],
      );
      return waiting.rows.length > 0;
    });
    await strikeThen();
  } finally {
    await blocker.query('rollback').catch(() => {});
    blocker.release(true);
  }
}

interface Ran {
  /** What a person is told of a run that failed. */
  readonly error: string | null;
  readonly id: number;
  readonly cabinetId: number;
  readonly slot: Date | null;
  readonly status: string | null;
}

/** Runs that began after the one of that number. */
const runsAfter = (id: number) =>
  rows<Ran>('select id, cabinet_id as "cabinetId", slot, status, error from export_run where id > $1 order by id', [
    id,
  ]);

async function lastRun(): Promise<number> {
  const [row] = await rows<{ id: number }>('select max(id) as id from export_run');
  return row!.id;
}

describe(`killed (SEED=${SEED})`, () => {
  it.each([
    ['when it has just taken the cabinet', 'export_run', 'process'],
    ['when it has decided and puts the decisions aside', 'outcome_stage', 'both'],
    ['when the file is written and nothing of it committed', 'edition', 'process'],
    ['in the middle of the commit', 'mark_outcome', 'both'],
    ['when it tells the agents', 'message', 'process'],
    ['when it notes what waits for a moderator', 'listing', 'process'],
    ['when it puts the money aside', 'money_stage', 'both'],
    ['when it moves the money', 'transfer', 'both'],
    ['when the accounts follow', 'account', 'process'],
  ] as const)('%s', { timeout: PATIENCE_MS }, async (_, table, victim) => {
    await load(10);
    await markSome(packed, true);
    if (['money_stage', 'transfer', 'account'].includes(table)) await bringNew(NEWCOMERS / 3);
    await heldUpAt(table, work, () => strike(victim));
    await recover();
  });

  it(`at ${KILLS - 9} random moments`, { timeout: KILLS * 60_000 }, async () => {
    for (let round = 1; kills < KILLS; round++) {
      acts.push(`round ${round}`);
      for (let count = dice.int(1, 3); count > 0; count--) await surely(actOnce);
      for (let count = dice.chance(0.3) ? 2 : 1; count > 0; count--) work();
      let isOver = false;
      const meanwhile = (async () => {
        while (!isOver) {
          await sleep(dice.int(0, usualMs / 4));
          if (!isOver) await actOnce();
        }
      })();
      for (let again = dice.chance(0.4) ? 2 : 1; again > 0 && kills < KILLS; again--) {
        await sleep(usualMs * (0.2 + dice.next()));
        await strike(
          dice.weighted([
            ['process', 5],
            ['both', 3],
            ['postgres', 1],
          ] as const),
        );
        if (workers.size === 0 && again > 1) work();
      }
      isOver = true;
      await meanwhile;
      await recover();
      await killWorkers();
    }
  });

  it('and leaves nothing behind after a run that changes nothing', { timeout: PATIENCE_MS }, async () => {
    const before = await Promise.all(cabinets().map(served));
    const { code, stderr } = await run(['publish', '-q'], env(), home.path);
    expect(code, stderr).toBe(0);
    for (const [index, cabinet] of cabinets().entries()) {
      expect((await served(cabinet))!.sha256).toBe(before[index]!.sha256);
      const names = await readdir(editionFolder(dataDir, agencyId, cabinet.id));
      expect(names.filter((name) => name.endsWith('.tmp'))).toEqual([]);
    }
    await checkAll();
  });
});

describe('two workers at once', () => {
  it('share the runs: every slot is done once', { timeout: PATIENCE_MS }, async () => {
    const before = await lastRun();
    const both = [work(), work()];
    const until = Date.now() + (IS_LONG ? 120_000 : 8000);
    // On a busy machine a run takes longer.
    while (Date.now() < until || (await runsAfter(before)).length < 4) {
      await actOnce();
      await sleep(dice.int(0, 400));
    }
    await idle();
    await checkAll();
    const runs = await runsAfter(before);
    for (const { id, status, slot, error } of runs)
      expect([id, status, slot !== null, error]).toEqual([id, 'done', true, null]);
    let told = 0;
    for (const { child, done } of both) {
      child.kill('SIGTERM');
      const { code, stdout, stderr } = await done;
      expect(code, stderr).toBe(0);
      told += stdout.match(/"cabinet run"/g)?.length ?? 0;
    }
    expect(told).toBe(runs.length);
  });
});

describe('told to stop in the middle of a run', () => {
  it.each([[['work']], [['serve', '--port', '0']]])('%j ends well, and the run begins anew', {
    timeout: PATIENCE_MS,
  }, async (command) => {
    await addLine('avito');
    const before = await lastRun();
    let program: ReturnType<typeof start> | undefined;
    await heldUpAt(
      'outcome_stage',
      () => {
        program = start(command, env(), home.path);
      },
      async () => {
        // Let it be ready to hear; then it has heard, and would go on as soon as it is let.
        await sleep(500);
        program!.child.kill('SIGTERM');
        await sleep(500);
      },
    );
    // One that does not end by itself is ended after ten seconds, and not with 0.
    const toldAt = Date.now();
    const over = new AbortController();
    void sleep(STOP_MS, undefined, over).then(
      () => program!.child.kill('SIGKILL'),
      () => {},
    );
    const { code, stdout, stderr } = await program!.done;
    over.abort();
    const told = `after ${Date.now() - toldAt} ms\n${stderr}\n${stdout.slice(-3000)}`;
    expect(code, told).toBe(0);
    expect(told).not.toContain('killed by timeout');
    const stopped = await runsAfter(before);
    expect(stopped.map(({ status }) => status)).toContain('lost');
    expect(stopped.map(({ status }) => status)).not.toContain('failed');
    for (const cabinet of cabinets()) {
      const names = await readdir(editionFolder(dataDir, agencyId, cabinet.id));
      expect(names.filter((name) => name.endsWith('.tmp'))).toEqual([]);
    }
    expect(await isIdle()).toBe(false);
    await recover();
  });
});

describe('nobody was there for hours', () => {
  it('the missed slot is run once, and a clock set back runs nothing again', { timeout: PATIENCE_MS }, async () => {
    // A term ends tonight, and a number changes at one and at two in the night: three moments are missed.
    const now = new Date();
    const midnight = nextMidnight(now, ZONE);
    const night = new Date(midnight.getTime() + 3 * 3_600_000);
    const alone = await rows<{ id: number }>(
      `select m.listing_id as id from mark m join mark_outcome o on o.cabinet_id = m.cabinet_id and o.listing_id = m.listing_id
       join listing l on l.id = m.listing_id where m.cabinet_id = $1 and o.outcome = 'published' and m.ends_on is null
         and not exists (select 1 from mark t where t.listing_id = l.id and t.cabinet_id = $2)
         and not exists (select 1 from listing t where t.id <> l.id and t.duplicate_key = l.duplicate_key) order by 1 limit 1`,
      [plain.id, packed.id],
    );
    const listingId = alone[0]!.id;
    const of = { listingIds: [listingId], cabinetIds: [plain.id] };
    await setTerm(db, agencyId, of, { endsOn: localDay(now, ZONE) }, SPECIALIST, now);
    await addLine('avito', 60, 120);
    // The board takes its money earlier from now on: whatever is still held of today is charged.
    const earlier = { path: 'chargeAt', before: chargeAt.get(plain.id), after: '00:00' };
    const deed = { by: SPECIALIST.name, action: 'settings-set', facts: earlier } as const;
    await changeCabinetSettings(db, agencyId, plain.id, (own) => ({ ...own, chargeAt: '00:00' }), deed, now);
    chargeAt.set(plain.id, '00:00');
    work();
    await idle();
    await killWorkers();
    await checkAll();
    const due = await cabinetsDue(db, { agencyId });
    expect(due.find(({ id }) => id === plain.id)!.dueAt).toEqual(midnight);

    const before = await lastRun();
    for (const minute of [0, 5]) {
      const at = new Date(night.getTime() + minute * 60_000);
      const late = work('--now', at.toISOString());
      await late.ready;
      await until(`not idle at ${at.toISOString()}`, () => isIdle(at));
      await sleep(500);
      await kill(late);
    }
    const runs = (await runsAfter(before)).filter(({ cabinetId }) => cabinetId === plain.id);
    expect(runs.map(({ status }) => status)).toEqual(runs.map(() => 'done'));
    const missed = runs.filter(({ slot }) => slot !== null && slot < night);
    expect(missed.map(({ slot }) => slot)).toEqual([midnight]);
    const [mark] = await rows('select outcome from mark_outcome where cabinet_id = $1 and listing_id = $2', [
      plain.id,
      listingId,
    ]);
    expect(mark).toEqual({ outcome: 'out-of-term' });
    await checkAll();

    // Hours back: midnight and the night have been.
    const last = await lastRun();
    const editions = await Promise.all(cabinets().map(served));
    for (const at of [midnight.getTime() + 5_400_000, now.getTime()]) {
      const early = work('--now', new Date(at).toISOString());
      await early.ready;
      await sleep(1000);
      await kill(early);
    }
    expect(await runsAfter(last)).toEqual([]);
    expect((await Promise.all(cabinets().map(served))).map((one) => one!.sha256)).toEqual(
      editions.map((one) => one!.sha256),
    );
    // What people do by the clock that was set back is run, once.
    await load(0);
    work();
    await idle();
    const again = await runsAfter(last);
    expect(again.length).toBeGreaterThanOrEqual(3);
    for (const { id, status, slot } of again) expect([id, status, slot !== null]).toEqual([id, 'done', true]);
    await checkAll();
  });
});
