import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EditionWriter, editionFolder } from '../../src/export/edition.ts';
import { buildApp, maskAddress } from '../../src/server/app.ts';
import { acceptsGzip } from '../../src/server/feeds.ts';
import { ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import { feedPath, PREVIOUS_ADDRESS_DAYS, rotateAddress } from '../../src/store/feed-address.ts';
import { type CabinetRow, commitRun, listCabinets } from '../../src/store/publishing.ts';
import { listPulls } from '../../src/store/pulls.ts';
import { claimRun, type RunClaim } from '../../src/store/runs.ts';
import { testDatabase } from '../store/testdb.ts';

const SECRET = 'a secret of the test';
let now = new Date('2026-11-21T09:00:00Z');
let base: Awaited<ReturnType<typeof testDatabase>>;
let dataDir: string;
let app: ReturnType<typeof buildApp>;
let cabinet: CabinetRow;

const sha = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex');

/** Puts an edition with the given offers into service. */
async function publish(offers: string[]): Promise<void> {
  const claim = (await claimRun(base.db, cabinet, 'person', now)) as RunClaim;
  const writer = await EditionWriter.create(
    editionFolder(dataDir, cabinet.agencyId, cabinet.id),
    String(claim.fence),
    '<feed>\n',
    '</feed>\n',
  );
  await writer.add(
    1,
    offers.map((xml, index) => ({ listingId: 32 + index, bytes: Buffer.from(xml) })),
  );
  const written = await writer.finish();
  const edition = { ...written, generatedAt: now, publishedAt: now };
  const nothing = {
    staged: 0,
    causes: {},
    brake: null,
    usedRelease: false,
    nextAt: null,
    cut: [],
    gone: [],
    zone: 'Europe/Moscow',
    finishedAt: now,
    billedAt: now,
    tariffs: 0,
    money: undefined,
  };
  await commitRun(base.db, cabinet, claim, { edition, ...nothing }, now);
  await claim.release();
}

async function path(): Promise<string> {
  cabinet = (await listCabinets(base.db))[0]!;
  return feedPath(SECRET, cabinet);
}

const get = (url: string, headers: Record<string, string> = {}, method: 'GET' | 'HEAD' = 'GET') =>
  app.inject({ url, headers, method });

beforeAll(async () => {
  base = await testDatabase();
  dataDir = await mkdtemp(join(tmpdir(), 'feeds-'));
  const agency = await resolveAgency(base.db, 'Агентство', true);
  await ensureCabinet(base.db, agency.id, { board: 'avito', slug: 'main', name: 'Авито', family: 'avito' });
  cabinet = (await listCabinets(base.db))[0]!;
  app = buildApp({ db: base.db, dataDir, secret: SECRET, clock: () => now, logLevel: 'silent' });
  await app.ready();
});

afterAll(async () => {
  await app.close();
  await base.drop();
  await rm(dataDir, { recursive: true, force: true });
});

describe('the feed counter', () => {
  it('answers 503 with a date to come back while nothing was ever published', async () => {
    const answer = await get(await path());
    expect(answer.statusCode).toBe(503);
    expect(answer.headers['retry-after']).toBe('600');
  });

  it('gives the finished file, with a strong tag of its bytes', async () => {
    await publish(['<ad>первое &amp; второе</ad>\n', '<ad>третье</ad>\n']);
    const answer = await get(await path());
    expect(answer.statusCode).toBe(200);
    expect(answer.body).toBe('<feed>\n<ad>первое &amp; второе</ad>\n<ad>третье</ad>\n</feed>\n');
    expect(answer.headers).toMatchObject({
      'content-type': 'application/xml; charset=utf-8',
      'cache-control': 'no-cache',
      vary: 'Accept-Encoding',
      'accept-ranges': 'bytes',
      etag: `"${sha(answer.rawPayload).slice(0, 32)}"`,
    });
    expect(Number(answer.headers['content-length'])).toBe(answer.rawPayload.length);
  });

  it('gives the gzip sibling by Accept-Encoding and by its own name, with its own tag', async () => {
    const plain = await get(await path());
    const packed = await get(await path(), { 'accept-encoding': 'gzip, deflate' });
    expect(packed.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(packed.rawPayload).toString()).toBe(plain.body);
    expect(packed.headers.etag).not.toBe(plain.headers.etag);
    const file = await get(`${await path()}.gz`);
    expect(file.headers['content-encoding']).toBeUndefined();
    expect(file.headers['content-type']).toBe('application/gzip');
    expect(file.rawPayload.equals(packed.rawPayload)).toBe(true);
  });

  it.each([
    ['gzip', true],
    ['GZIP;q=0.5', true],
    ['*', true],
    ['identity, *;q=0', false],
    ['gzip;q=0, *', false],
    ['br, deflate', false],
    [undefined, false],
  ])('reads Accept-Encoding %s as %s', (header, expected) => {
    expect(acceptsGzip(header)).toBe(expected);
  });

  it('answers 304 to the tag it gave, weak or strong, and to the date when no tag is sent', async () => {
    const { headers } = await get(await path());
    for (const tag of [headers.etag!, `W/${headers.etag}`, `"other", ${headers.etag}`, '*']) {
      const answer = await get(await path(), { 'if-none-match': String(tag) });
      expect([answer.statusCode, answer.body, answer.headers.etag]).toEqual([304, '', headers.etag]);
    }
    expect(
      (await get(await path(), { 'if-none-match': '"other"', 'if-modified-since': headers['last-modified']! }))
        .statusCode,
    ).toBe(200);
    expect((await get(await path(), { 'if-modified-since': headers['last-modified']! })).statusCode).toBe(304);
    expect((await get(await path(), { 'if-modified-since': 'Thu, 01 Jan 2015 00:00:00 GMT' })).statusCode).toBe(200);
    // The tag of the gzip form is not the tag of the plain one.
    const packed = await get(await path(), { 'accept-encoding': 'gzip' });
    expect((await get(await path(), { 'if-none-match': String(packed.headers.etag) })).statusCode).toBe(200);
  });

  it('answers HEAD with the headers of GET and no body', async () => {
    const [head, full] = [await get(await path(), {}, 'HEAD'), await get(await path())];
    expect(head.statusCode).toBe(200);
    expect(head.body).toBe('');
    for (const name of ['etag', 'content-length', 'content-type', 'last-modified'])
      expect(head.headers[name]).toBe(full.headers[name]);
  });

  it.each([
    ['bytes=0-5', 206, '<feed>'],
    ['bytes=-8', 206, '</feed>\n'],
    ['bytes=6-', 206, undefined],
    ['bytes=0-99999999', 206, undefined],
    ['bytes=99999999-', 416, undefined],
    ['bytes=-0', 416, undefined],
    ['bytes=5-2', 200, undefined],
    ['bytes=0-1,3-4', 200, undefined],
    ['lines=1-2', 200, undefined],
  ])('answers the range %s with %d', async (range, status, body) => {
    const full = await get(await path());
    const answer = await get(await path(), { range });
    expect(answer.statusCode).toBe(status);
    if (body !== undefined) expect(answer.body).toBe(body);
    if (status === 206) expect(full.rawPayload.includes(answer.rawPayload)).toBe(true);
    if (status === 200) expect(answer.body).toBe(full.body);
    if (status === 416) expect(answer.headers['content-range']).toBe(`bytes */${full.rawPayload.length}`);
  });

  it('refuses a range of the gzip form without calling the answer gzip', async () => {
    const answer = await get(await path(), { range: 'bytes=99999999-', 'accept-encoding': 'gzip' });
    expect([answer.statusCode, answer.headers['content-encoding'], answer.headers.etag]).toEqual([
      416,
      undefined,
      undefined,
    ]);
  });

  it('gives the whole file when the range is of another edition', async () => {
    expect((await get(await path(), { range: 'bytes=0-5', 'if-range': '"old"' })).statusCode).toBe(200);
    const { headers } = await get(await path());
    expect((await get(await path(), { range: 'bytes=0-5', 'if-range': String(headers.etag) })).statusCode).toBe(206);
  });

  it('tells a wrong token, board, cabinet or name apart from nothing', async () => {
    const right = await path();
    const wrong = [
      right.replace(/.\.xml$/, (end) => `${end[0] === 'A' ? 'B' : 'A'}.xml`),
      right.replace('/avito/', '/cian/'),
      right.replace('main-', 'other-'),
      right.replace('.xml', ''),
      right.replace('.xml', '.json'),
      '/f/avito/main-.xml',
      '/f/avito/..%2f..%2fetc%2fpasswd.xml',
      '/f/avito/%00.xml',
      right.replace('/avito/', '/a%00b/'),
    ];
    const answers = await Promise.all(wrong.map((url) => get(url)));
    expect(answers.map((answer) => answer.statusCode)).toEqual(wrong.map(() => 404));
    expect(new Set(answers.map((answer) => answer.body)).size).toBe(1);
  });

  it('keeps the old address open for its days after a rotation, and no longer', async () => {
    const old = await path();
    await rotateAddress(base.db, cabinet, 'тест', now);
    const fresh = await path();
    expect(fresh).not.toBe(old);
    expect((await get(old)).statusCode).toBe(200);
    expect((await get(fresh)).statusCode).toBe(200);
    // A second rotation does not shorten the days of the first.
    await rotateAddress(base.db, cabinet, 'тест', now);
    const freshest = await path();
    for (const url of [old, fresh, freshest]) expect((await get(url)).statusCode).toBe(200);
    const before = now;
    now = new Date(before.getTime() + (PREVIOUS_ADDRESS_DAYS * 86_400 + 1) * 1000);
    for (const url of [old, fresh, old.replace('.xml', '.xml.gz')]) {
      const gone = await get(url);
      expect(gone.statusCode).toBe(410);
      expect(gone.headers['content-type']).toBe('text/plain; charset=utf-8');
      expect(gone.headers['cache-control']).toBe('no-cache');
      expect(gone.body).toMatch(/^Адрес этого фида заменён.*\nСпросите новый/);
      // Neither this address nor the one that opens the feed.
      expect(gone.body).not.toMatch(/[\w-]{43}|\/f\//);
      expect(gone.headers.location).toBeUndefined();
    }
    expect((await app.inject({ method: 'HEAD', url: old })).statusCode).toBe(410);
    // One that never was, and an old one under another cabinet's or board's name.
    for (const url of [
      old.replace(/.\.xml$/, (end) => `${end[0] === 'A' ? 'B' : 'A'}.xml`),
      old.replace('/avito/', '/cian/'),
    ])
      expect((await get(url)).statusCode).toBe(404);
    expect((await get(freshest)).statusCode).toBe(200);
    const pulls = async () =>
      (await listPulls(base.db, cabinet.agencyId, cabinet.id)).filter((pull) => pull.isPreviousToken);
    await expect.poll(async () => (await pulls()).filter(({ status }) => status === 410)).toHaveLength(4);
    now = before;
    expect((await pulls()).filter(({ status }) => status === 200)).toHaveLength(3);
  });

  it('logs pulls with the bytes that really went over, and no address in the log', async () => {
    const url = await path();
    const { rawPayload } = await get(url, { 'user-agent': 'YandexRealtyBot' });
    await expect
      .poll(async () => (await listPulls(base.db, cabinet.agencyId, cabinet.id, 1))[0])
      .toMatchObject({
        status: 200,
        method: 'GET',
        encoding: 'identity',
        bytes: rawPayload.length,
        userAgent: 'YandexRealtyBot',
      });
    for (const written of [url, `${url}.gz?x=1`, url.replace('.xml', ''), url.replace('.xml', '.XML')]) {
      expect(maskAddress(written)).toBe('/f/avito/***');
    }
    expect(maskAddress('/healthz?token=1')).toBe('/healthz?***');
  });

  it('gives every pull one whole edition while editions change under it', async () => {
    const url = await path();
    await app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = app.server.address() as { port: number };
    const known = new Set<string>();
    let isPublishing = true;
    const publisher = (async () => {
      for (let turn = 0; turn < 40; turn++) {
        await publish(Array.from({ length: 300 }, (_, index) => `<ad>${turn} ${'текст '.repeat(40)}${index}</ad>\n`));
      }
      isPublishing = false;
    })();
    let pulls = 0;
    const puller = async () => {
      while (isPublishing) {
        const answer = await fetch(`http://127.0.0.1:${port}${url}`, {
          headers: { 'accept-encoding': pulls % 2 === 0 ? 'identity' : 'gzip' },
        });
        const body = Buffer.from(await answer.arrayBuffer());
        expect(answer.status).toBe(200);
        if (answer.headers.get('content-encoding') === null)
          expect(answer.headers.get('etag')).toBe(`"${sha(body).slice(0, 32)}"`);
        expect(body.toString().endsWith('</feed>\n')).toBe(true);
        known.add(sha(body));
        pulls++;
      }
    };
    await Promise.all([publisher, puller(), puller(), puller(), puller()]);
    expect(pulls).toBeGreaterThan(10);
    expect(known.size).toBeGreaterThan(1);
  });

  it('survives clients that hang up in the middle', async () => {
    const url = await path();
    const { port } = app.server.address() as { port: number };
    await Promise.all(
      Array.from(
        { length: 50 },
        () =>
          new Promise<void>((resolve) => {
            const socket = connect(port, '127.0.0.1', () => socket.write(`GET ${url} HTTP/1.1\r\nHost: x\r\n\r\n`));
            socket.once('data', () => socket.destroy());
            socket.once('close', () => resolve());
          }),
      ),
    );
    expect((await get(url)).statusCode).toBe(200);
  });
});
