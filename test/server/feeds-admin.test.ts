import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listingAt } from '../../fixtures/agency.ts';
import { loadBoards } from '../../src/boards/catalogue.ts';
import type { Feed, FeedCheckAnswer } from '../../src/contracts/feeds.ts';
import type { Listing } from '../../src/domain/listing.ts';
import { pullState, pullWords } from '../../src/domain/pulls.ts';
import { judgeAlone } from '../../src/export/judge.ts';
import { deskOf } from '../../src/export/offer.ts';
import { publishCabinet } from '../../src/export/publish.ts';
import { ensureBranch, ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import { importListings } from '../../src/store/intake.ts';
import { markListings, unmarkListings } from '../../src/store/marks.ts';
import { type CabinetRow, listCabinets } from '../../src/store/publishing.ts';
import { listPulls, logPull } from '../../src/store/pulls.ts';
import { testDatabase } from '../store/testdb.ts';
import { type Counter, counter, type Visitor } from './visitors.ts';

/** «Фиды»: what boards are given, who takes it, what a robot would see. */

const boards = loadBoards();
const cian = boards.find(({ id }) => id === 'cian')!;
let base: Awaited<ReturnType<typeof testDatabase>>;
let dataDir: string;
let desk: Counter;
let agencyId: number;
let cabinet: CabinetRow;
let branchId: number;
let boss: Visitor;
let specialist: Visitor;
let neighbour: Visitor;
let ids: number[];
let nowMs = Date.UTC(2026, 10, 21, 9);
const clock = () => new Date(nowMs++);

/** What stands between us and the boards: it hands on to the counter, or does something else. */
let between: Server;
let trick: RequestListener | undefined;
let outside: string;

beforeAll(async () => {
  base = await testDatabase();
  dataDir = await mkdtemp(join(tmpdir(), 'feeds-admin-'));
  between = createServer(async (request, response) => {
    if (trick) return trick(request, response);
    const got = await desk.app.inject({ method: 'GET', url: request.url!, headers: request.headers as never });
    const { connection: _, 'transfer-encoding': __, ...headers } = got.headers;
    response.writeHead(got.statusCode, headers as never).end(got.rawPayload);
  });
  await new Promise<void>((resolve) => between.listen(0, '127.0.0.1', resolve));
  outside = `http://127.0.0.1:${(between.address() as AddressInfo).port}`;

  agencyId = (await resolveAgency(base.db, 'Дом', true)).id;
  branchId = await ensureBranch(base.db, agencyId, 'Север');
  const other = await ensureBranch(base.db, agencyId, 'Юг');
  desk = await counter(base.db, agencyId, clock, { dataDir, publicUrl: outside });
  boss = await desk.come({ name: 'Ольга', phones: ['+79161234567'] }, [{ role: 'admin', scope: 'agency' }]);
  specialist = await desk.come({ name: 'Ирина' }, [{ role: 'adSpecialist', scope: 'branch', branchId }]);
  neighbour = await desk.come({ name: 'Юлия' }, [{ role: 'adSpecialist', scope: 'branch', branchId: other }]);
  const flats: Listing[] = [];
  for (let index = 0; flats.length < 4; index++) {
    const { updatedAt: _, ...values } = listingAt(index);
    const flat = { ...values, externalId: `кв-${flats.length}`, apartmentNumber: `${flats.length + 1}` };
    if (values.kind !== 'flat' || values.deal !== 'sale') continue;
    if (!judgeAlone(flat, deskOf(cian), { firstSeenAt: new Date(nowMs) }).isBlocked) flats.push(flat);
  }
  const given = flats.map((values) => ({ values, employeeId: boss.id }));
  await importListings(base.db, { agencyId, source: 'crm' }, given, clock());
  const id = await ensureCabinet(base.db, agencyId, { board: 'cian', slug: 'north', name: 'Север', family: 'cian' });
  await base.db.pool.query('update cabinet set branch_id = $2 where id = $1', [id, branchId]);
  cabinet = (await listCabinets(base.db, { agencyId }))[0]!;
  const found = await base.db.pool.query<{ id: number }>('select id from listing where agency_id = $1 order by id', [
    agencyId,
  ]);
  ids = found.rows.map((row) => row.id);
  await markListings(base.db, agencyId, cabinet.id, ids.slice(0, 3), clock());
});
afterAll(async () => {
  await desk?.close();
  await new Promise((resolve) => between.close(resolve));
  await base.drop();
  await rm(dataDir, { recursive: true, force: true });
});

const publish = () => publishCabinet(cabinet, { db: base.db, boards, dataDir, clock });
const feed = async (who = boss) => (await who.get(`/feeds/${cabinet.id}`)).body as Feed;
const check = async () => (await boss.send('POST', `/feeds/${cabinet.id}/check`)).body as FeedCheckAnswer;
const states = ({ findings }: FeedCheckAnswer) => Object.fromEntries(findings.map((one) => [one.check, one.state]));
const fetchOutside = (address: string) => fetch(address);

describe('a feed', () => {
  it('is told before anything was made', async () => {
    expect(await feed()).toMatchObject({
      boardName: 'Циан',
      branch: 'Север',
      edition: null,
      marks: { total: 3, undecided: 3, counts: {} },
      pulls: { state: 'unknown', words: 'фид ещё не собран' },
    });
  });

  it('has its edition, with the key of its address hidden', async () => {
    await publish();
    const told = await feed();
    expect(told).toMatchObject({
      edition: { offers: 3 },
      marks: { total: 3, undecided: 0, counts: { published: 3 } },
      failure: null,
      brake: null,
    });
    expect(told.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/f\/cian\/north-.{3}….{3}\.xml$/);
  });

  it('is there for its branch and for nobody of another one', async () => {
    expect((await specialist.get('/feeds')).body.data).toHaveLength(1);
    expect((await feed(specialist)).may).toEqual({ address: true, run: true, brake: true, rotate: false });
    expect((await neighbour.get('/feeds')).body.data).toEqual([]);
    for (const path of ['', '/pulls', '/runs', '/editions', '/next'])
      expect((await neighbour.get(`/feeds/${cabinet.id}${path}`)).status).toBe(404);
    expect((await neighbour.send('POST', `/feeds/${cabinet.id}/check`)).status).toBe(404);
  });

  it('is seen by every branch when it is of the whole agency, and steered by none', async () => {
    await base.db.pool.query('update cabinet set branch_id = null where id = $1', [cabinet.id]);
    expect((await feed(neighbour)).may).toEqual({ address: false, run: false, brake: false, rotate: false });
    const refused = await neighbour.send('POST', `/feeds/${cabinet.id}/brake`, { reason: 'так надо' });
    expect([refused.status, refused.body.code]).toEqual([403, 'not-allowed']);
    expect((await neighbour.send('POST', `/feeds/${cabinet.id}/address/copy`)).status).toBe(403);
    await base.db.pool.query('update cabinet set branch_id = $2 where id = $1', [cabinet.id, branchId]);
  });
});

describe('the address', () => {
  it('opens the feed, and showing it stays in the journal', async () => {
    const { body } = await specialist.send('POST', `/feeds/${cabinet.id}/address/copy`);
    expect((await fetchOutside(body.address)).status).toBe(200);
    expect((await fetchOutside(body.packedAddress)).status).toBe(200);
    const deeds = await base.db.pool.query(
      `select by, cabinet_id as cabinet from journal where agency_id = $1 and action = 'feed-address-shown'`,
      [agencyId],
    );
    expect(deeds.rows).toEqual([{ by: 'Ирина', cabinet: cabinet.id }]);
  });

  it('is changed by an administrator only, and the old one answers for its days', async () => {
    const { address: old } = (await boss.send('POST', `/feeds/${cabinet.id}/address/copy`)).body;
    expect((await specialist.send('POST', `/feeds/${cabinet.id}/address`)).status).toBe(403);
    const unproven = await boss.send('POST', `/feeds/${cabinet.id}/address`);
    expect([unproven.status, unproven.body.code]).toEqual([403, 'second-factor-missing']);
    await base.db.pool.query(`update agency set settings = '{"access":{"secondFactor":"offered"}}' where id = $1`, [
      agencyId,
    ]);
    const { status, body } = await boss.send('POST', `/feeds/${cabinet.id}/address`);
    expect(status).toBe(200);
    expect(body.address).not.toBe(old);
    const days = (Date.parse(body.previousUntil) - nowMs) / 86_400_000;
    expect(days).toBeGreaterThan(13.9);
    expect((await fetchOutside(body.address)).status).toBe(200);
    expect((await fetchOutside(old)).status).toBe(200);
    const told = await feed();
    expect(told.previousUntil).toBe(body.previousUntil);
    expect(told.byPreviousAt).not.toBeNull();
    cabinet = (await listCabinets(base.db, { agencyId }))[0]!;
  });
});

describe('editions', () => {
  it('tell by how much each differs, and by which listings', async () => {
    await markListings(base.db, agencyId, cabinet.id, [ids[3]!], clock());
    await unmarkListings(base.db, agencyId, cabinet.id, [ids[0]!], clock());
    await base.db.pool.query(
      `update listing set values = jsonb_set(values, '{description}', to_jsonb(values->>'description' || ' Рядом парк.')), values_hash = 'новый' where id = $1`,
      [ids[1]],
    );
    const next = (await boss.get(`/feeds/${cabinet.id}/next`)).body.difference;
    expect(next).toMatchObject({ added: 1, removed: 1, changed: 1 });
    await publish();
    const { data } = (await boss.get(`/feeds/${cabinet.id}/editions`)).body;
    expect(data.map((row: object) => row)).toMatchObject([
      { offers: 3, added: 1, removed: 1, isServed: true },
      { offers: 3, added: 3, removed: 0, isServed: false },
    ]);
    const { difference } = (await boss.get(`/feeds/${cabinet.id}/editions/${data[0].id}`)).body;
    expect(difference).toMatchObject({ added: 1, removed: 1, changed: 1 });
    const named = difference.listings.map(({ id, what }: { id: number; what: string }) => [what, id]);
    expect(named).toEqual([
      ['removed', ids[0]],
      ['added', ids[3]],
      ['changed', ids[1]],
    ]);
    expect(next.listings.map(({ id }: { id: number }) => id)).toEqual(named.map(([, id]: [string, number]) => id));
    expect((await boss.get(`/feeds/${cabinet.id}/next`)).body.difference).toMatchObject({
      added: 0,
      removed: 0,
      changed: 0,
    });
    expect((await boss.get(`/feeds/${cabinet.id}/editions/999999`)).status).toBe(404);
  });

  it('whose files are gone say so', async () => {
    const { data } = (await boss.get(`/feeds/${cabinet.id}/editions`)).body;
    await rm(join(dataDir, 'editions', `${agencyId}-${cabinet.id}`, `${data[1].sha256}.idx`));
    expect((await boss.get(`/feeds/${cabinet.id}/editions/${data[0].id}`)).body.difference).toBeNull();
  });
});

describe('a run out of turn', () => {
  it('makes the feed due and is written down', async () => {
    await base.db.pool.query('update cabinet set due_at = null where id = $1', [cabinet.id]);
    const { status, headers } = await specialist.send('POST', `/feeds/${cabinet.id}/run`);
    expect([status, headers.location]).toEqual([202, `/api/v1/feeds/${cabinet.id}/runs`]);
    expect((await feed()).next.dueAt).not.toBeNull();
    await publish();
    const { data } = (await boss.get(`/feeds/${cabinet.id}/runs`)).body;
    expect(data[0]).toMatchObject({ status: 'done', label: 'готово', error: null });
  });
});

describe('the brake', () => {
  it('is released with a reason, once there is something to release', async () => {
    const nothing = await specialist.send('POST', `/feeds/${cabinet.id}/brake`, { reason: 'так надо' });
    expect([nothing.status, nothing.body.code]).toEqual([409, 'brake-not-on']);
    const brake = { since: new Date(nowMs).toISOString(), held: 120, before: 398, causes: { source: 120 } };
    await base.db.pool.query('update cabinet set brake = $2 where id = $1', [cabinet.id, JSON.stringify(brake)]);
    expect(await feed()).toMatchObject({
      brake: { held: 120, before: 398, causes: ['изменился источник (120)'], release: null },
    });
    const { feeds } = (await boss.get('/diagnostics')).body;
    expect(feeds).toMatchObject([{ kind: 'brake', words: expect.stringContaining('120 объектов') }]);
    expect((await specialist.send('POST', `/feeds/${cabinet.id}/brake`, { reason: '' })).status).toBe(422);
    expect((await specialist.send('POST', `/feeds/${cabinet.id}/brake`, { reason: 'сняли филиал' })).status).toBe(204);
    const told = await feed();
    expect(told.brake?.release).toMatchObject({ by: 'Ирина', reason: 'сняли филиал' });
    expect(told.next.dueAt).not.toBeNull();
    await base.db.pool.query('update cabinet set brake = null, brake_release = null where id = $1', [cabinet.id]);
  });
});

describe('pulls', () => {
  const pull = (at: number, more: object = {}) =>
    logPull(base.db, {
      agencyId,
      cabinetId: cabinet.id,
      editionId: null,
      at: new Date(at),
      method: 'GET',
      status: 200,
      encoding: 'gzip',
      bytes: 1,
      isPreviousToken: false,
      userAgent: 'CianBot',
      address: '1.2.3.4',
      ...more,
    });

  it('tell the usual rhythm, and a board that has left it', async () => {
    await base.db.pool.query('delete from feed_pull');
    for (let hours = 66; hours >= 26; hours -= 4) await pull(nowMs - hours * 3_600_000);
    expect((await feed()).pulls).toMatchObject({
      state: 'late',
      words: 'не забирали 26 часов (обычно раз в 4 часа)',
      lastDay: 0,
    });
    // Neither a look at the head nor a wrong key is a pull.
    await pull(nowMs - 1000, { method: 'HEAD' });
    expect((await feed()).pulls.state).toBe('late');
    await pull(nowMs - 600_000, { status: 304 });
    expect((await feed()).pulls).toMatchObject({ state: 'fresh', lastDay: 1 });
    const { data } = (await boss.get(`/feeds/${cabinet.id}/pulls?limit=2`)).body;
    expect(data.map(({ method, robot }: { method: string; robot: string }) => [method, robot])).toEqual([
      ['GET', 'CianBot'],
      ['HEAD', 'CianBot'],
    ]);
  });

  const hour = 3_600_000;
  const at = (hoursAgo: number) => new Date(nowMs - hoursAgo * hour);
  it.each([
    [{ lastAt: null, usualHours: null, servedSince: null }, 'unknown', 'фид ещё не собран'],
    [{ lastAt: null, usualHours: null, servedSince: at(3) }, 'unknown', 'ещё не забирали'],
    [{ lastAt: null, usualHours: null, servedSince: at(80) }, 'never', 'ни разу не забирали за 3 дня'],
    [{ lastAt: at(1), usualHours: 1 / 12, servedSince: at(80) }, 'fresh', 'обычно раз в 5 минут'],
    [{ lastAt: at(3), usualHours: 1 / 12, servedSince: at(80) }, 'late', 'не забирали 3 часа'],
    [{ lastAt: at(23), usualHours: null, servedSince: at(80) }, 'fresh', 'забирали 23 часа назад'],
    [{ lastAt: at(25), usualHours: null, servedSince: at(80) }, 'late', 'не забирали 25 часов'],
  ] as const)('%j is %s', (habit, state, words) => {
    const now = new Date(nowMs);
    expect(pullState(habit, now)).toBe(state);
    expect(pullWords(habit, now)).toContain(words);
  });
});

describe('a look as the board takes it', () => {
  const serve =
    (status: number, headers: Record<string, string>, body: string | Buffer): RequestListener =>
    (_, response) =>
      void response.writeHead(status, headers).end(body);

  it('finds a good feed good, and is no pull of a board', async () => {
    await base.db.pool.query('delete from feed_pull');
    const found = await check();
    expect(states(found)).toEqual({
      // 127.0.0.1 is nothing a board could reach.
      address: 'error',
      status: 'ok',
      whole: 'ok',
      type: 'ok',
      'first-byte': 'ok',
      edition: 'ok',
      'not-modified': 'ok',
      gzip: 'ok',
      xml: 'ok',
      rules: 'ok',
    });
    expect(found.answer).toMatchObject({ status: 200, contentType: 'application/xml; charset=utf-8' });
    expect(found.answer!.gzipBytes).toBeLessThan(found.answer!.bytes);
    expect(found.file).toMatchObject({ offers: 3, blocking: 0, isWhole: true });
    expect(await listPulls(base.db, agencyId, cabinet.id)).toEqual([]);
  });

  it('finds a file that breaks off', async () => {
    trick = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/xml', 'content-length': '5000' });
      response.write('<?xml version="1.0"?><feed>');
      setTimeout(() => response.destroy(), 20);
    };
    const found = await check();
    expect(states(found)).toMatchObject({ status: 'ok', whole: 'error' });
    expect(found.file).toBeNull();
  });

  it('finds a file that is cut although its length is right', async () => {
    trick = serve(200, { 'content-type': 'application/xml' }, '<?xml version="1.0"?><feed><object>');
    expect(states(await check())).toMatchObject({ whole: 'ok', edition: 'error', xml: 'error' });
  });

  it('finds another type, a page instead of the file, a redirect, an error', async () => {
    trick = serve(200, { 'content-type': 'text/html' }, '<html><body>Вход</body></html>');
    expect(states(await check())).toMatchObject({ type: 'error', start: 'error', edition: 'error', xml: 'error' });
    trick = serve(302, { location: 'https://example.ru/' }, '');
    expect(states(await check())).toMatchObject({ status: 'error' });
    trick = serve(500, {}, 'сломалось');
    expect(states(await check())).toMatchObject({ status: 'error' });
  });

  it('finds that nobody answers, and says so without the address', async () => {
    trick = (request) => void request.socket.destroy();
    const found = await check();
    expect(found.answer).toBeNull();
    expect(states(found)).toMatchObject({ connection: 'error' });
    expect(JSON.stringify(found)).not.toContain('/f/cian/');
    trick = undefined;
  });
});
