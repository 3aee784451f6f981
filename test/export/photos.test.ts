import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import sharp from 'sharp';
import { buildConnector } from 'undici';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Listing } from '../../src/domain/listing.ts';
import { differingBits, type PhotoFacts } from '../../src/domain/photos.ts';
import { differenceHash, probeDue, probePhoto } from '../../src/export/photos.ts';
import { openCallers, typeOf } from '../../src/net/pictures.ts';
import { ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import { importListings } from '../../src/store/intake.ts';
import { listMessages } from '../../src/store/journal.ts';
import { markListings } from '../../src/store/marks.ts';
import { claimPhotos, countPhotos, photoHosts, photosOf, syncPhotos } from '../../src/store/photos.ts';
import { lookup, REFUSED } from '../net/addresses.ts';
import { testDatabase } from '../store/testdb.ts';

// ---------------------------------------------------------------- a picture server

type Answer = (request: IncomingMessage, response: ServerResponse) => void;
const pages = new Map<string, Answer>();
const asked: { path: string; headers: IncomingMessage['headers'] }[] = [];
let server: Server;
let host: string;
let base: Awaited<ReturnType<typeof testDatabase>>;
let jpeg: Buffer;

/** A picture of its own for every number: a slope of light in a direction, with a block at a place. */
async function picture(seed: number, width = 640, height = 480): Promise<Buffer> {
  const colour = (part: number) => `hsl(${(seed * 67 + part * 40) % 360},60%,${20 + ((seed * 31 + part * 23) % 60)}%)`;
  const boxes = Array.from({ length: 12 }, (_, part) => {
    const [x, y] = [(seed * 97 + part * 131) % width, (seed * 53 + part * 89) % height];
    return `<rect x="${x}" y="${y}" width="160" height="120" fill="${colour(part)}"/>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="${width}" height="${height}" fill="#888"/>${boxes.join('')}</svg>`;
  return sharp(Buffer.from(svg)).jpeg({ quality: 85 }).toBuffer();
}

const give =
  (body: Buffer | string, headers: Record<string, string> = {}, status = 200): Answer =>
  (_, response) =>
    response.writeHead(status, { 'content-length': String(Buffer.byteLength(body)), ...headers }).end(body);

beforeAll(async () => {
  base = await testDatabase();
  jpeg = await picture(1);
  server = createServer((request, response) => {
    const path = request.url!;
    asked.push({ path, headers: request.headers });
    const page = pages.get(path);
    if (page) page(request, response);
    else give('нет', {}, 404)(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await base.drop();
});
beforeEach(() => {
  pages.clear();
  asked.length = 0;
});

// ---------------------------------------------------------------- one picture

const FRESH = { etag: null, sha256: null, bytes: null };
async function lookAt(path: string, known: Partial<Parameters<typeof probePhoto>[0]> = {}, patience = {}) {
  const callers = openCallers({ headersMs: 300, bodyMs: 300, ...patience });
  try {
    return await probePhoto({ url: `http://${host}${path}`, ownHost: host, ...FRESH, ...known }, callers, patience);
  } finally {
    await callers.close();
  }
}

describe('one picture', () => {
  it('is seen whole: type, bytes, pixels, hash, look', async () => {
    pages.set('/1.jpg', give(jpeg, { 'content-type': 'text/plain', etag: '"a"' }));
    expect(await lookAt('/1.jpg')).toEqual({
      kind: 'seen',
      status: 200,
      type: 'image/jpeg',
      bytes: jpeg.length,
      width: 640,
      height: 480,
      etag: '"a"',
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      dhash: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
    expect(asked[0]!.headers).toMatchObject({ 'accept-encoding': 'identity' });
    expect(asked[0]!.headers.range).toBeUndefined();
  });

  it.each([
    ['png', 'image/png'],
    ['webp', 'image/webp'],
    ['gif', 'image/gif'],
    ['tiff', 'image/tiff'],
    ['avif', 'image/avif'],
  ] as const)('%s is told by its bytes', async (format, type) => {
    const bytes = await sharp(jpeg).resize(300, 200, { fit: 'fill' }).toFormat(format).toBuffer();
    expect(typeOf(bytes)).toBe(type);
    pages.set('/x.jpg', give(bytes, { 'content-type': 'image/jpeg' }));
    expect(await lookAt('/x.jpg')).toMatchObject({ kind: 'seen', type, width: 300, height: 200 });
  });

  it.each<[string, Answer, string, number | null]>([
    ['not found', give('нет', {}, 404), 'http-status', 404],
    ['forbidden', give('нет', {}, 403), 'http-status', 403],
    ['a redirect that leads nowhere', give('', {}, 302), 'http-status', 302],
    ['a server that is broken', give('ой', {}, 503), 'busy', 503],
    ['too many questions', give('ой', {}, 429), 'busy', 429],
    ['a page with the name of a picture', give('<!doctype html><title>Вход</title>'), 'not-a-picture', 200],
    ['nothing', give(''), 'not-a-picture', 200],
    ['the first bytes of a picture', (_, r) => give(jpeg.subarray(0, 8))(_, r), 'not-a-picture', 200],
    ['SVG', give('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'not-a-picture', 200],
    ['packed', (_, r) => give(jpeg, { 'content-encoding': 'gzip' })(_, r), 'bad-answer', 200],
    ['50 kB of headers', (_, r) => give(jpeg, { 'x-long': 'a'.repeat(50_000) })(_, r), 'bad-answer', null],
    [
      'less than promised',
      (_, r) => {
        r.writeHead(200, { 'content-length': '1000000' });
        r.write(jpeg, () => r.destroy());
      },
      'broken-off',
      null,
    ],
    ['no answer', () => {}, 'timeout', null],
    [
      'an answer that stops',
      (_, r) => {
        r.writeHead(200);
        r.write(jpeg.subarray(0, 100));
      },
      'timeout',
      null,
    ],
  ])('%s', async (_, answer, failure, status) => {
    pages.set('/1.jpg', answer);
    expect(await lookAt('/1.jpg')).toEqual({ kind: 'failed', failure, status });
  });

  it('that never ends is left after ten megabytes', async () => {
    let sent = 0;
    let isGone = false;
    pages.set('/endless', (_, response) => {
      response.writeHead(200);
      response.write(jpeg);
      const chunk = Buffer.alloc(256 * 1024);
      const more = () => {
        if (isGone) return;
        sent += chunk.length;
        response.write(chunk, more);
      };
      response.on('close', () => {
        isGone = true;
      });
      more();
    });
    expect(await lookAt('/endless')).toEqual({ kind: 'failed', failure: 'too-large', status: 200 });
    await expect.poll(() => isGone).toBe(true);
    expect(sent).toBeLessThan(40 * 1024 * 1024);
  });

  it('that drips is left at the deadline', async () => {
    let isGone = false;
    pages.set('/drip', (_, response) => {
      response.writeHead(200);
      let at = 0;
      const timer = setInterval(() => response.write(jpeg.subarray(at, ++at)), 50);
      response.on('close', () => {
        isGone = true;
        clearInterval(timer);
      });
    });
    const before = Date.now();
    expect(await lookAt('/drip', {}, { totalMs: 700 })).toEqual({ kind: 'failed', failure: 'timeout', status: null });
    expect(Date.now() - before).toBeLessThan(2000);
    await expect.poll(() => isGone).toBe(true);
  });

  it('of more than ten megabytes is measured by its head', async () => {
    const large = Buffer.concat([jpeg, Buffer.alloc(11 * 1024 * 1024)]);
    pages.set('/large.jpg', give(large));
    expect(await lookAt('/large.jpg')).toMatchObject({
      kind: 'seen',
      bytes: large.length,
      width: 640,
      height: 480,
      sha256: null,
      dhash: null,
    });
  });
});

describe('a picture that is known', () => {
  const known = () => ({ etag: '"a"', sha256: 'f'.repeat(64), bytes: jpeg.length });

  it('is not fetched again while the server says that it is the same', async () => {
    pages.set('/1.jpg', (request, response) => {
      if (request.headers['if-none-match'] === '"a"') response.writeHead(304, { etag: '"a"' }).end();
      else give(jpeg)(request, response);
    });
    expect(await lookAt('/1.jpg', known())).toEqual({ kind: 'same' });
    expect(asked[0]!.headers).toMatchObject({ 'if-none-match': '"a"', range: 'bytes=0-65535' });
  });

  it('nor while tag and length are the same, whether the server gives parts or not', async () => {
    const part = { etag: '"a"', 'content-range': `bytes 0-99/${jpeg.length}` };
    pages.set('/part', give(jpeg.subarray(0, 100), part, 206));
    pages.set('/whole', give(jpeg, { etag: '"a"' }));
    expect(await lookAt('/part', known())).toEqual({ kind: 'same' });
    expect(await lookAt('/whole', known())).toEqual({ kind: 'same' });
    expect(asked).toHaveLength(2);
  });

  it('is fetched whole when it is another one', async () => {
    const other = await picture(2);
    pages.set('/1.jpg', (request, response) => {
      if (request.headers.range === undefined) give(other, { etag: '"b"' })(request, response);
      else
        give(
          other.subarray(0, 500),
          { etag: '"b"', 'content-range': `bytes 0-499/${other.length}` },
          206,
        )(request, response);
    });
    expect(await lookAt('/1.jpg', known())).toMatchObject({ kind: 'seen', etag: '"b"', bytes: other.length });
  });

  it('that is gone is asked for once', async () => {
    expect(await lookAt('/gone.jpg', known())).toEqual({ kind: 'failed', failure: 'http-status', status: 404 });
    expect(asked).toHaveLength(1);
  });
});

describe('redirects', () => {
  const to = (location: string, status = 302): Answer => give('', { location }, status);

  it('are followed three times', async () => {
    pages.set('/0', to('/1', 301)).set('/1', to('/2', 307)).set('/2', to('/3.jpg', 308)).set('/3.jpg', give(jpeg));
    expect(await lookAt('/0')).toMatchObject({ kind: 'seen' });
    pages.set('/start', to('/0'));
    expect(await lookAt('/start')).toMatchObject({ failure: 'too-many-redirects' });
  });

  it('in a circle end', async () => {
    pages.set('/a', to('/b')).set('/b', to('/a'));
    expect(await lookAt('/a')).toEqual({ kind: 'failed', failure: 'too-many-redirects', status: 302 });
    expect(asked).toHaveLength(4);
  });

  it('lead from the own server to no other one in a private network', async () => {
    const other = createServer(give(jpeg));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    let connections = 0;
    other.on('connection', () => connections++);
    pages.set('/1.jpg', to(`http://127.0.0.1:${(other.address() as AddressInfo).port}/1.jpg`));
    expect(await lookAt('/1.jpg')).toMatchObject({ failure: 'refused-address' });
    expect(connections).toBe(0);
    await new Promise((resolve) => other.close(resolve));
  });
});

// ---------------------------------------------------------------- addresses that must not be called

describe('the hostile addresses (T38)', () => {
  const dialled: string[] = [];
  const really = buildConnector({ timeout: 1000 });
  const guard: NonNullable<Parameters<typeof openCallers>[0]>['guard'] = {
    lookup,
    dial: (target, callback) => {
      dialled.push(`${target.hostname}:${target.port}`);
      really(target, callback);
    },
  };
  let callers: ReturnType<typeof openCallers>;
  beforeAll(() => {
    callers = openCallers({ guard });
  });
  afterAll(() => callers.close());

  it.each(REFUSED)('%j is refused as the address of a picture, without a connection', async (url) => {
    dialled.length = 0;
    const look = await probePhoto({ url, ownHost: null, ...FRESH }, callers);
    expect(look).toEqual({ kind: 'failed', failure: 'refused-address', status: null });
    expect(dialled).toEqual([]);
  });

  it.each([302, 307])('all of them are refused as the target of a redirect %i', async (status) => {
    dialled.length = 0;
    for (const url of REFUSED.filter((one) => /^[a-z][\x20-\x7e]*$/.test(one) && !one.startsWith('http:1'))) {
      pages.set('/1.jpg', give('', { location: url }, status));
      const look = await probePhoto({ url: `http://${host}/1.jpg`, ownHost: host, ...FRESH }, callers);
      expect([url, look]).toEqual([url, { kind: 'failed', failure: 'refused-address', status: null }]);
    }
    expect(dialled.filter((target) => target !== host)).toEqual([]);
  });

  it('another port of the own server is not the own server', async () => {
    const look = await probePhoto({ url: 'http://127.0.0.1:5432/1.jpg', ownHost: host, ...FRESH }, callers);
    expect(look).toMatchObject({ failure: 'refused-address' });
  });

  it('the own server may not be a metadata address', async () => {
    const url = 'http://169.254.169.254/latest/';
    const look = await probePhoto({ url, ownHost: '169.254.169.254', ...FRESH }, callers);
    expect(look).toMatchObject({ failure: 'refused-address' });
  });
});

// ---------------------------------------------------------------- looks

describe('looks', () => {
  it('a picture made smaller and packed harder looks the same, another one does not', async () => {
    const hashes: string[] = [];
    for (let seed = 1; seed <= 12; seed++) {
      const bytes = await picture(seed);
      const hash = (await differenceHash(bytes))!;
      for (const [width, quality] of [
        [320, 50],
        [500, 60],
        [1280, 80],
      ] as const) {
        const other = await sharp(bytes).resize(width).jpeg({ quality }).toBuffer();
        expect(differingBits(hash, (await differenceHash(other))!)).toBeLessThanOrEqual(4);
      }
      for (const one of hashes) expect(differingBits(hash, one)).toBeGreaterThan(4);
      hashes.push(hash);
    }
    expect(await differenceHash(Buffer.from('nothing'))).toBeNull();
  });
});

// ---------------------------------------------------------------- all that are due

const T0 = Date.UTC(2026, 10, 21, 9);
const hours = (count: number) => new Date(T0 + count * 3_600_000);
let counter = 0;

/** An agency with marked listings, each with pictures at these paths. */
async function agencyWith(listings: readonly (readonly string[])[], more: Partial<Listing> = {}) {
  const { id: agencyId } = await resolveAgency(base.db, `Агентство ${++counter}`, true);
  await base.db.pool.query('update agency set settings = $2 where id = $1', [agencyId, { photos: { ownHost: host } }]);
  const cabinetId = await ensureCabinet(base.db, agencyId, {
    board: 'yandex',
    slug: 'main',
    name: 'Я',
    family: 'yandex',
  });
  const values = listings.map(
    (paths, index): Listing => ({
      externalId: `L${index}`,
      kind: 'flat',
      deal: 'sale',
      areaM2: 40,
      floor: 2,
      photos: paths.map((path) => ({ url: path.includes('://') ? path : `http://${host}${path}` })),
      ...more,
    }),
  );
  const load = async (wanted: readonly Listing[], at: Date) =>
    importListings(
      base.db,
      { agencyId, source: 'crm' },
      wanted.map((one) => ({ values: one, employeeId: null })),
      at,
    );
  await load(values, hours(0));
  await markListings(base.db, agencyId, cabinetId, undefined, hours(0));
  const found = await base.db.pool.query<{ id: number }>('select id from listing where agency_id = $1 order by id', [
    agencyId,
  ]);
  const ids = found.rows.map(({ id }) => id);
  return {
    agencyId,
    cabinetId,
    values,
    ids,
    load,
    sync: (at: Date) => syncPhotos(base.db, agencyId, at),
    probe: (at: Date) => probeDue(base.db, { clock: () => at, headersMs: 400, bodyMs: 400, totalMs: 1000 }),
    async row(index = 0): Promise<{ facts: PhotoFacts | null; key: string | null }> {
      const rows = await base.db.pool.query<{ facts: PhotoFacts | null; key: string | null }>(
        'select photo_facts as facts, photos_key as key from listing where agency_id = $1 and id = $2',
        [agencyId, ids[index]],
      );
      return rows.rows[0]!;
    },
    async due(): Promise<Date | null> {
      const rows = await base.db.pool.query<{ due: Date | null }>('select due_at as due from cabinet where id = $1', [
        cabinetId,
      ]);
      return rows.rows[0]!.due;
    },
    undue: () => base.db.pool.query('update cabinet set due_at = null where id = $1', [cabinetId]),
    clear: () => base.db.pool.query('update photo set next_probe_at = $2 where agency_id = $1', [agencyId, hours(1e5)]),
  };
}

describe('the pictures that are due', () => {
  it('are taken in, probed once, and summed up for their listings', async () => {
    pages.set('/a.jpg', give(jpeg, { etag: '"1"' })).set('/b.jpg', give(await picture(2)));
    const a = await agencyWith([['/a.jpg', '/b.jpg'], ['/a.jpg'], ['ftp://x/1.jpg']]);
    expect(await a.sync(hours(0))).toEqual({ listings: 3, photos: 2 });
    expect(await a.sync(hours(0))).toEqual({ listings: 0, photos: 0 });
    expect((await a.row()).facts).toMatchObject({ probed: 0, unprobed: 2, broken: 0 });
    await a.undue();
    expect(await a.probe(hours(0))).toEqual({ added: 0, seen: 2, same: 0, failed: 0, postponed: 0, news: 2 });
    expect(asked).toHaveLength(2);
    const { facts } = await a.row();
    expect(facts).toMatchObject({
      probed: 2,
      unprobed: 0,
      minSidePx: 480,
      minWidthPx: 640,
      deadHosts: [],
      oddTypes: [],
    });
    expect(Object.keys(facts!.hashes)).toHaveLength(2);
    expect(await a.due()).not.toBeNull();
    // For a week nobody asks again; then they are as they were, and that is no news.
    expect(await a.probe(hours(160))).toMatchObject({ seen: 0, failed: 0 });
    await a.undue();
    expect(await a.probe(hours(200))).toMatchObject({ seen: 2, same: 1, news: 0 });
    expect(await a.due()).toBeNull();
    await a.clear();
  });

  it('follow the listing: a new picture comes in, an old one that nobody shows is forgotten', async () => {
    pages.set('/a.jpg', give(jpeg)).set('/b.jpg', give(await picture(2)));
    const a = await agencyWith([['/a.jpg']]);
    await a.sync(hours(0));
    await a.probe(hours(0));
    await a.load([{ ...a.values[0]!, photos: [{ url: `http://${host}/b.jpg` }] }], hours(1));
    expect((await a.row()).facts).toBeNull();
    expect(await a.sync(hours(1))).toEqual({ listings: 1, photos: 1 });
    expect(await a.probe(hours(1))).toMatchObject({ seen: 1 });
    expect((await photosOf(base.db, a.agencyId, a.ids[0]!, hours(1))).photos).toMatchObject([
      { place: 1, failures: 0, width: 640 },
    ]);
    await a.probe(hours(300));
    expect(await countPhotos(base.db, a.agencyId, hours(300))).toMatchObject({ known: 1, good: 1 });
    // A change of the price leaves what is known of the pictures.
    await a.load([{ ...a.values[0]!, photos: [{ url: `http://${host}/b.jpg` }], priceKopecks: 5 }], hours(301));
    expect((await a.row()).facts).toMatchObject({ probed: 1 });
    await a.clear();
  });

  it('fail, are tried again, and are broken after three failures over 24 hours', async () => {
    pages.set('/a.jpg', give(jpeg));
    const a = await agencyWith([['/a.jpg', '/gone.jpg']]);
    await a.sync(hours(0));
    const told: (string | undefined)[] = [];
    for (const at of [0, 0.3, 1.5, 8, 33]) {
      await a.probe(hours(at));
      const { facts } = await a.row();
      told.push(`${facts!.failing ?? 0} ${facts!.broken}`);
    }
    expect(told).toEqual(['1 0', '1 0', '1 0', '1 0', '0 1']);
    expect(asked.filter(({ path }) => path === '/gone.jpg')).toHaveLength(5);
    expect((await a.row()).facts).toMatchObject({ brokenTold: [{ place: 2, why: 'сервер ответил 404' }], probed: 1 });
    // It is back: nothing is broken any more, and the cabinet hears of it.
    pages.set('/gone.jpg', give(await picture(3)));
    await a.undue();
    expect(await a.probe(hours(60))).toMatchObject({ seen: 1, news: 1 });
    expect((await a.row()).facts).toMatchObject({ broken: 0, probed: 2 });
    expect(await a.due()).not.toBeNull();
    await a.clear();
  });

  it('of a silent server break nothing: one message, and another look when it is back', async () => {
    let isSilent = true;
    const bytes = await picture(4);
    const paths = Array.from({ length: 12 }, (_, index) => `/s${index}.jpg`);
    for (const path of paths)
      pages.set(path, (request, response) => (isSilent ? give('', {}, 502) : give(bytes))(request, response));
    const a = await agencyWith(paths.map((path) => [path]));
    await a.sync(hours(0));
    const first = await a.probe(hours(0));
    expect(first.failed + first.postponed).toBe(12);
    // After a few failures in a row the rest is not even asked for.
    expect(first.postponed).toBeGreaterThan(4);
    for (const at of [0.3, 1.6, 2, 3, 8, 10, 20, 33, 34, 58, 60]) await a.probe(hours(at));
    const messages = async () =>
      (await listMessages(base.db, a.agencyId)).filter(({ kind }) => kind === 'photo-server-silent');
    expect(await messages()).toMatchObject([{ role: 'adSpecialist', doneAt: null }]);
    expect((await messages())[0]!.text).toMatch(
      /^Сервер снимков 127\.0\.0\.1:\d+ не отвечает с 21\.11\.2026: не открыл/,
    );
    for (const index of a.ids.keys())
      expect((await a.row(index)).facts).toMatchObject({ broken: 0, deadHosts: [host] });
    expect(await photoHosts(base.db, a.agencyId, hours(60))).toMatchObject([{ host, photos: 12, isDead: true }]);
    isSilent = false;
    await a.probe(hours(100));
    expect((await messages()).map(({ doneAt }) => doneAt)).toEqual([hours(100)]);
    for (const index of a.ids.keys())
      expect((await a.row(index)).facts).toMatchObject({ broken: 0, deadHosts: [], probed: 1 });
    await a.clear();
  });

  it('are not probed twice by two workers', async () => {
    const paths = Array.from({ length: 60 }, (_, index) => `/w${index}.jpg`);
    for (const path of paths) pages.set(path, give(jpeg));
    const a = await agencyWith([paths]);
    await a.sync(hours(0));
    const done = await Promise.all([a.probe(hours(0)), a.probe(hours(0)), a.probe(hours(0))]);
    expect(done.reduce((sum, { seen }) => sum + seen, 0)).toBe(60);
    expect(new Set(asked.map(({ path }) => path)).size).toBe(60);
    expect(asked).toHaveLength(60);
    expect((await a.row()).facts).toMatchObject({ probed: 60, unprobed: 0 });
    await a.clear();
  });

  it('of a killed worker are free after a while', async () => {
    pages.set('/k.jpg', give(jpeg));
    const a = await agencyWith([['/k.jpg']]);
    await a.sync(hours(0));
    const claim = (at: Date) => claimPhotos(base.db, { now: at, limit: 10, perHost: 10 });
    expect((await claim(hours(0))).claimed).toHaveLength(1);
    expect((await claim(hours(0.1))).claimed).toHaveLength(0);
    expect((await claim(hours(0.2))).claimed).toHaveLength(1);
    await a.clear();
  });

  it('are given back when the program is told to stop', async () => {
    const paths = Array.from({ length: 10 }, (_, index) => `/stop${index}.jpg`);
    const stop = new AbortController();
    for (const path of paths) pages.set(path, () => stop.abort());
    const a = await agencyWith([paths]);
    await a.sync(hours(0));
    expect(await probeDue(base.db, { clock: () => hours(0) }, stop.signal)).toMatchObject({ seen: 0, failed: 0 });
    expect(await countPhotos(base.db, a.agencyId, hours(0))).toMatchObject({ due: 10, failing: 0 });
    await a.clear();
  });

  it('are taken in by whoever probes', async () => {
    pages.set('/new.jpg', give(jpeg));
    const a = await agencyWith([['/new.jpg']]);
    expect(await a.probe(hours(0))).toMatchObject({ added: 1, seen: 1 });
    expect((await a.row()).facts).toMatchObject({ probed: 1 });
    await a.clear();
  });

  it('of unmarked listings rest', async () => {
    pages.set('/r.jpg', give(jpeg));
    const a = await agencyWith([['/r.jpg']]);
    await a.sync(hours(0));
    await base.db.pool.query('update mark set is_live = false where agency_id = $1', [a.agencyId]);
    await a.probe(hours(0));
    expect(asked).toEqual([]);
    await base.db.pool.query('update mark set is_live = true where agency_id = $1', [a.agencyId]);
    await a.probe(hours(25));
    expect(asked).toHaveLength(1);
    await a.clear();
  });

  it('that look the same at other addresses make listings of one size likely twins', async () => {
    const three = await Promise.all([11, 12, 13].map((seed) => picture(seed)));
    for (const [index, bytes] of three.entries()) {
      pages.set(`/one${index}.jpg`, give(bytes));
      pages.set(`/two${index}.jpg`, give(await sharp(bytes).resize(500).jpeg({ quality: 60 }).toBuffer()));
    }
    const one = ['/one0.jpg', '/one1.jpg', '/one2.jpg'];
    const a = await agencyWith([one, ['/two2.jpg', '/two0.jpg', '/two1.jpg'], [...one, '/other.jpg'], one.slice(1)]);
    pages.set('/other.jpg', give(await picture(14)));
    await a.sync(hours(0));
    await a.probe(hours(0));
    const keys = await Promise.all(a.ids.map(async (_, index) => (await a.row(index)).key));
    expect(keys[0]).not.toBeNull();
    expect(keys[1]).toBe(keys[0]);
    expect(keys[2]).not.toBe(keys[0]);
    expect(keys[3]).toBeNull();
    // Another size: another property with the developer's pictures.
    await a.load([{ ...a.values[0]!, areaM2: 55 }, ...a.values.slice(1)], hours(1));
    await a.sync(hours(1));
    expect((await a.row(0)).key).not.toBe(keys[0]);
    await a.clear();
  });

  it('changed under a known address are news, and give the look another name', async () => {
    const [old, fresh] = [await picture(21), await picture(22)];
    pages.set('/c1.jpg', give(old)).set('/c2.jpg', give(old));
    const a = await agencyWith([['/c1.jpg'], ['/c2.jpg']]);
    await a.sync(hours(0));
    await a.probe(hours(0));
    const looks = async () =>
      (
        await base.db.pool.query<{ id: number; look: number }>(
          'select id, look_id as look from photo where agency_id = $1 order by id',
          [a.agencyId],
        )
      ).rows;
    const [first, second] = await looks();
    expect([first!.look, second!.look]).toEqual([first!.id, first!.id]);
    pages.set('/c1.jpg', give(fresh));
    await a.undue();
    expect(await a.probe(hours(200))).toMatchObject({ seen: 2, news: 1 });
    expect((await looks()).map(({ look }) => look)).toEqual([first!.id, second!.id]);
    expect(await a.due()).not.toBeNull();
    await a.clear();
  });
});
