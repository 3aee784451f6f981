import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { MockAgent } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Fault } from '../../src/domain/fault.ts';
import { type OpenOptions, openFile, openSource, openUrl } from '../../src/intake/open.ts';

const FEED = `<?xml version="1.0" encoding="UTF-8"?>\n<Ads>${'<Ad><Id>1</Id></Ad>'.repeat(2000)}</Ads>`;
const folder = mkdtempSync(join(tmpdir(), 'vygruzka-open-'));
let server: Server;
let base = '';
let requests: IncomingMessage[] = [];
let answer: (request: IncomingMessage, response: ServerResponse) => void;
const sockets = new Set<Socket>();

/** The local server stands in a private network, so it is reached as such. */
const LOCAL: OpenOptions = { allowPrivate: true };
const SECRET = 'token-9f8e7d6c5b4a';

beforeAll(async () => {
  server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function text(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/** Opens and reads to the end; hands back the fault. */
async function faultOf(location: string, options: OpenOptions = {}): Promise<Fault> {
  const source = await openSource(location, options).catch((error) => error);
  if (source instanceof Error) return source as Fault;
  const fault = await text(source.bytes).then(
    () => {
      throw new Error('nothing went wrong');
    },
    (error) => error,
  );
  await source.close();
  return fault;
}

async function fetched(options: OpenOptions = LOCAL, path = `/feed.xml?key=${SECRET}`): Promise<string> {
  requests = [];
  const source = await openUrl(base + path, options);
  try {
    return await text(source.bytes);
  } finally {
    await source.close();
  }
}

describe('files', () => {
  it('gives the bytes, the name and the size', async () => {
    const path = join(folder, 'feed.xml');
    writeFileSync(path, FEED);
    const source = await openSource(path);
    expect(source).toMatchObject({ name: 'feed.xml', size: FEED.length });
    expect(source.limits.rawBytesMax).toBe(Number.POSITIVE_INFINITY);
    expect(await text(source.bytes)).toBe(FEED);
    await source.close();
    await source.close();
  });

  it('lets go of a file that was not read to the end', async () => {
    const path = join(folder, 'half.xml');
    writeFileSync(path, 'x'.repeat(1_000_000));
    const source = await openFile(path);
    for await (const chunk of source.bytes) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    await source.close();
    const unread = await openFile(path);
    await unread.close();
  });

  it('says clearly what is wrong', async () => {
    expect(await faultOf(join(folder, 'нет.xml'))).toMatchObject({
      code: 'source-file-missing',
      message: expect.stringContaining('нет.xml» нет'),
    });
    expect((await faultOf(join(folder, 'feed.xml', 'x'))).code).toBe('source-file-missing');
    expect((await faultOf('a\u0000b')).code).toBe('source-file-missing');
    expect((await faultOf('')).code).toBe('source-file-missing');
    mkdirSync(join(folder, 'папка'));
    expect((await faultOf(join(folder, 'папка'))).code).toBe('source-is-folder');
    // A drive letter is no scheme.
    expect((await faultOf('C:\\feeds\\yandex.xml')).code).toBe('source-file-missing');
  });

  it.skipIf(process.platform === 'win32')('does not wait on devices', async () => {
    expect((await faultOf('/dev/zero')).code).toBe('source-not-a-file');
  });

  it.skipIf(process.platform === 'win32' || process.getuid?.() === 0)('says when it may not read', async () => {
    const path = join(folder, 'closed.xml');
    writeFileSync(path, FEED);
    chmodSync(path, 0o000);
    expect((await faultOf(path)).code).toBe('source-file-closed');
  });

  it('never opens a file through an address', async () => {
    expect((await faultOf('file:///etc/passwd')).code).toBe('source-address-refused');
    await expect(openUrl('/etc/passwd')).rejects.toMatchObject({ code: 'source-address-refused' });
  });
});

describe('addresses', () => {
  it('refuses a private network unless it is allowed', async () => {
    answer = (_, response) => response.end(FEED);
    requests = [];
    expect((await faultOf(`${base}/feed.xml`)).code).toBe('source-address-refused');
    expect(requests).toHaveLength(0);
    expect(await fetched()).toBe(FEED);
    expect(requests[0]!.headers).toMatchObject({ 'user-agent': 'vygruzka', 'accept-encoding': 'gzip' });
  });

  it('tells the size that the server promises, and caps it', async () => {
    answer = (_, response) => response.setHeader('content-length', FEED.length).end(FEED);
    const source = await openUrl(`${base}/x/${SECRET}.xml`, LOCAL);
    expect(source).toMatchObject({ size: FEED.length, name: '127.0.0.1' });
    expect(source.limits).toMatchObject({ rawBytesMax: 500_000_000, unpackedBytesMax: 2_000_000_000 });
    await source.close();
    const fault = await faultOf(`${base}/feed.xml`, { ...LOCAL, limits: { rawBytesMax: 1000 } });
    expect(fault.code).toBe('feed-too-large');
  });

  it('unpacks what the server packed', async () => {
    answer = (_, response) => response.setHeader('content-encoding', 'gzip').end(gzipSync(FEED));
    expect(await fetched()).toBe(FEED);
    // Labelled, but not packed: some servers do.
    answer = (_, response) => response.setHeader('content-encoding', 'gzip').end(FEED);
    expect(await fetched()).toBe(FEED);
    answer = (_, response) => response.setHeader('content-encoding', 'br').end(FEED);
    expect((await faultOf(base, LOCAL)).code).toBe('source-bad-answer');
    const bomb = gzipSync(Buffer.alloc(30_000_000, 32));
    answer = (_, response) => response.setHeader('content-encoding', 'gzip').end(bomb);
    expect((await faultOf(base, LOCAL)).code).toBe('feed-zip-bomb');
    answer = (_, response) => response.setHeader('content-encoding', 'gzip').end(gzipSync(FEED).subarray(0, 60));
    expect((await faultOf(base, LOCAL)).code).toBe('feed-truncated');
  });

  it.each([
    [404, false],
    [403, false],
    [204, false],
    [206, false],
    [304, false],
    [500, true],
    [503, true],
    [429, true],
  ])('status %i is a fault, to be tried again: %s', async (status, retryable) => {
    answer = (_, response) => response.writeHead(status).end();
    const fault = await faultOf(`${base}/feed.xml?key=${SECRET}`, LOCAL);
    expect(fault).toMatchObject({ code: 'source-http-status', retryable });
    expect(fault.message).toContain(`ответил ${status}`);
    expect(fault.message).not.toContain(SECRET);
  });

  it('follows three redirects, relative ones too, and not a fourth', async () => {
    answer = (request, response) => {
      const step = Number(request.url!.slice(1));
      if (step === 0) response.end(FEED);
      else
        response
          .writeHead(step % 2 ? 302 : 307, { location: step % 2 ? `/${step - 1}` : `${base}/${step - 1}` })
          .end('x');
    };
    expect(await fetched(LOCAL, '/3')).toBe(FEED);
    expect(requests).toHaveLength(4);
    expect((await faultOf(`${base}/4`, LOCAL)).code).toBe('source-too-many-redirects');
    answer = (_, response) => response.writeHead(301, { location: '/loop' }).end();
    expect((await faultOf(`${base}/loop`, LOCAL)).code).toBe('source-too-many-redirects');
  });

  it.each([
    'http://169.254.169.254/latest/meta-data/',
    'file:///etc/passwd',
    'http://user:pass@127.0.0.1/',
    '\\\\127.0.0.1\\x',
    'http://[',
  ])('refuses a redirect to %s', async (location) => {
    answer = (_, response) => response.writeHead(302, { location }).end();
    expect((await faultOf(base, LOCAL)).code).toBe('source-address-refused');
  });

  it('refuses a redirect from https to http', async () => {
    const mock = new MockAgent();
    mock.disableNetConnect();
    mock
      .get('https://a.example')
      .intercept({ path: '/' })
      .reply(302, '', { headers: { location: 'http://a.example/' } });
    const fault = await faultOf('https://a.example/', { dispatcher: mock });
    expect(fault.code).toBe('source-redirect-insecure');
    await mock.close();
  });

  it('a broken-off answer is a fault, whole as it may look', async () => {
    answer = (_, response) => {
      response.writeHead(200, { 'content-length': FEED.length + 10 });
      response.write(FEED);
      setTimeout(() => response.destroy(), 50);
    };
    expect(await faultOf(base, LOCAL)).toMatchObject({ code: 'source-broken-off', retryable: true });
    answer = (_, response) => {
      response.write(FEED);
      setTimeout(() => response.destroy(), 50);
    };
    expect(await faultOf(base, LOCAL)).toMatchObject({ code: 'source-broken-off', retryable: true });
  });

  it('more bytes than promised never come through', async () => {
    answer = (_, response) => {
      response.socket!.end(`HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n<Ads/>${'x'.repeat(1000)}`);
    };
    const source = await openUrl(base, LOCAL).catch((error: Fault) => error);
    if (source instanceof Error) expect(source.code).toMatch(/^source-/);
    else expect(await text(source.bytes).catch((error: Fault) => error.code)).toMatch(/^(?:<Ads\/|source-.*)$/);
  });

  it('keeps its deadlines', async () => {
    const started = Date.now();
    answer = () => {};
    expect((await faultOf(base, { ...LOCAL, headersMs: 300 })).code).toBe('source-timeout');
    answer = (_, response) => void response.write('<Ads>');
    expect((await faultOf(base, { ...LOCAL, bodyMs: 300 })).code).toBe('source-timeout');
    // A byte now and then keeps every pause short: the total deadline ends it.
    answer = (_, response) => {
      const drip = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(drip));
    };
    expect(await faultOf(base, { ...LOCAL, totalMs: 500 })).toMatchObject({ code: 'source-timeout', retryable: true });
    expect(Date.now() - started).toBeLessThan(8_000);
  });

  it('closes the connection when the caller has had enough', async () => {
    answer = (_, response) => {
      const drip = setInterval(() => response.write('x'.repeat(1000)), 5);
      response.on('close', () => clearInterval(drip));
    };
    const source = await openUrl(base, LOCAL);
    for await (const chunk of source.bytes) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    await source.close();
    await expect.poll(() => sockets.size, { timeout: 2000 }).toBe(0);
  });

  it('never tells secrets of the address', async () => {
    answer = (_, response) => response.writeHead(302, { location: `http://10.0.0.1:99999/${SECRET}` }).end();
    const faults = [
      await faultOf(`${base}/${SECRET}/feed.xml?token=${SECRET}`, LOCAL),
      await faultOf(`http://user:${SECRET}@127.0.0.1/`),
      await faultOf(`http://[bad/${SECRET}`),
      await faultOf(`http://127.0.0.1:1/${SECRET}?t=${SECRET}`, LOCAL),
    ];
    for (const fault of faults) {
      expect(fault.name).toBe('Fault');
      expect(JSON.stringify([fault.message, fault.stack, fault.cause, String(fault.cause)])).not.toContain(SECRET);
    }
    expect(faults[3]!.code).toBe('source-unreachable');
  });
});
