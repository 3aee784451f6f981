import { createServer, type Server, type Socket } from 'node:net';
import { type Agent, buildConnector, request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Fault } from '../../src/domain/fault.ts';
import { openUrl } from '../../src/intake/open.ts';
import { checkUrl, guardedAgent, isAllowedAddress, type Lookup, refusedAddress } from '../../src/net/guard.ts';
import { asked, BY_DNS, lookup, REFUSED, resetRebinding } from './addresses.ts';

let connections = 0;
const dialled: string[] = [];
const victims: Server[] = [];
/** Counts every attempt to connect, then really connects. */
const really = buildConnector({ timeout: 1000 });
const dial: buildConnector.connector = (target, callback) => {
  dialled.push(target.hostname);
  really(target, callback);
};
/** Never connects: only tells where it would have. */
const stub: buildConnector.connector = (target, callback) => {
  dialled.push(target.hostname);
  callback(Object.assign(new Error('stub'), { code: 'ECONNREFUSED' }), null);
};

async function faultOf(promise: Promise<unknown>): Promise<Fault> {
  return promise.then(
    () => {
      throw new Error('nothing was refused');
    },
    (error) => error,
  );
}

beforeAll(async () => {
  const listen = (port: number, host: string) =>
    new Promise<void>((resolve) => {
      const server = createServer((socket: Socket) => {
        connections++;
        socket.destroy();
      });
      // The low ports need rights and may be taken: the counting connector notices attempts in any case.
      server.once('error', () => resolve());
      server.listen(port, host, () => {
        victims.push(server);
        resolve();
      });
    });
  for (const port of [80, 443, 5432, 6379]) for (const host of ['127.0.0.1', '::1']) await listen(port, host);
});

afterAll(() => {
  for (const victim of victims) victim.close();
});

describe('addresses that must not be called (T38)', () => {
  it.each(REFUSED)('%j is refused, by the same words, without a connection', async (url) => {
    dialled.length = 0;
    const fault = await faultOf(openUrl(url, { lookup, dial }));
    expect(fault.code).toBe('source-address-refused');
    expect(fault.message).toBe(refusedAddress().message);
    expect(fault.cause).toBeUndefined();
    expect(dialled).toEqual([]);
  });

  it.each([302, 307])('all of them are refused as the target of a redirect %i from an allowed host', async (status) => {
    dialled.length = 0;
    // A header holds no line feed; `http:127.0.0.1` after an address is a path on the same host, by the URL standard.
    for (const url of REFUSED.filter((one) => /^[a-z][\x20-\x7e]*$/.test(one) && !one.startsWith('http:1'))) {
      const agent = guardedAgent({ lookup, dial });
      const dispatcher = redirecting(agent, status, url);
      const fault = await faultOf(openUrl('http://start.test.example/feed.xml', { dispatcher }));
      expect([url, fault.code]).toEqual([url, 'source-address-refused']);
      await agent.destroy();
    }
    expect(dialled).toEqual([]);
  });

  it('the agent refuses by itself, for callers that did not check the address first', async () => {
    dialled.length = 0;
    const agent = guardedAgent({ lookup, dial });
    const urls = REFUSED.filter((url) => /^https?:\/\/[^\\]+$/.test(url) && !url.includes('@') && URL.canParse(url));
    expect(urls.length).toBeGreaterThan(35);
    for (const url of urls) {
      const fault = await faultOf(request(url, { dispatcher: agent }));
      expect([url, fault.code]).toEqual([url, 'source-address-refused']);
    }
    expect(dialled).toEqual([]);
    await agent.destroy();
  });

  it('the victims heard nothing', () => {
    expect(connections).toBe(0);
  });

  it('what can be told without a network is told without a look-up', () => {
    asked.length = 0;
    for (const url of REFUSED) {
      if (BY_DNS.has(url)) expect(() => checkUrl(url)).not.toThrow();
      else expect(() => checkUrl(url)).toThrow(refusedAddress().message);
    }
    expect(asked).toEqual([]);
  });
});

describe('rebinding', () => {
  it('connects to the very address that was checked', async () => {
    resetRebinding();
    asked.length = 0;
    dialled.length = 0;
    await faultOf(openUrl('http://rebinding.test.example/', { lookup, dial: stub }));
    expect(asked).toEqual(['rebinding.test.example']);
    expect(dialled).toEqual(['93.184.216.34']);
    // The second answer is loopback, and is refused.
    const fault = await faultOf(openUrl('http://rebinding.test.example/', { lookup, dial: stub }));
    expect(fault.code).toBe('source-address-refused');
    expect(dialled).toHaveLength(1);
  });

  it('looks at the far end once more', async () => {
    const liar: buildConnector.connector = (_target, callback) => {
      let isDestroyed = false;
      const socket = { remoteAddress: '127.0.0.1', on: () => socket, destroy: () => (isDestroyed = true) };
      callback(null, socket as unknown as Socket);
      queueMicrotask(() => expect(isDestroyed).toBe(true));
    };
    const fault = await faultOf(openUrl('http://ok.test.example/', { lookup, dial: liar }));
    expect(fault.code).toBe('source-address-refused');
  });
});

describe('addresses that may be called', () => {
  it.each([
    ['http://ok.test.example/', '93.184.216.34'],
    ['https://[2606:2800:220:1:248:1893:25c8:1946]/', '2606:2800:220:1:248:1893:25c8:1946'],
    ['http://8.8.8.8/', '8.8.8.8'],
    ['https://ok.test.example./feed.xml?key=1', '93.184.216.34'],
  ])('%s', async (url, address) => {
    dialled.length = 0;
    const fault = await faultOf(openUrl(url, { lookup, dial: stub }));
    expect(fault.code).toBe('source-unreachable');
    expect(dialled).toEqual([address]);
  });

  it('a Cyrillic name is asked for in its ASCII form', async () => {
    asked.length = 0;
    const fault = await faultOf(openUrl('https://агентство.рф/выгрузка.xml', { lookup, dial: stub }));
    expect(fault.code).toBe('source-unreachable');
    expect(asked).toEqual(['xn--80aeci4bhthb.xn--p1ai']);
  });

  it('the certificate is checked against the name, not the pinned address', async () => {
    const seen: buildConnector.Options[] = [];
    const spy: buildConnector.connector = (target, callback) => {
      seen.push(target);
      callback(new Error('stub'), null);
    };
    await faultOf(openUrl('https://ok.test.example/', { lookup, dial: spy }));
    expect(seen[0]).toMatchObject({ hostname: '93.184.216.34', servername: 'ok.test.example' });
  });

  it('a second address is tried when the first does not answer', async () => {
    dialled.length = 0;
    const two: Lookup = async () => [{ address: '2606:2800:220:1::1' }, { address: '93.184.216.34' }];
    await faultOf(openUrl('http://ok.test.example/', { lookup: two, dial: stub }));
    expect(dialled).toEqual(['2606:2800:220:1::1', '93.184.216.34']);
  });
});

describe('a CRM in the own network', () => {
  it.each(['127.0.0.1', '10.1.2.3', '192.168.0.5', '172.20.0.1', '100.64.0.1', '::1', 'fd12::1'])('%s', (address) => {
    expect(isAllowedAddress(address)).toBe(false);
    expect(isAllowedAddress(address, true)).toBe(true);
  });

  it.each([
    '169.254.169.254',
    '100.100.100.200',
    'fd00:ec2::254',
    '0.0.0.0',
    '::',
    'fe80::1',
    'fe80::1%eth0',
    '224.0.0.1',
    '255.255.255.255',
    '::ffff:10.0.0.1',
    '64:ff9b::a00:1',
    'not an address',
  ])('%s is refused even then', (address) => {
    expect(isAllowedAddress(address, true)).toBe(false);
  });

  it('other ports and names without a dot are allowed, other schemes and passwords are not', () => {
    expect(checkUrl('http://crm:8080/feed.xml', { allowPrivate: true }).port).toBe('8080');
    expect(checkUrl('http://localhost/feed.xml', { allowPrivate: true }).hostname).toBe('localhost');
    for (const url of ['file:///etc/passwd', 'http://a:b@crm/', 'http://169.254.169.254/', 'http://crm\\x/']) {
      expect(() => checkUrl(url, { allowPrivate: true })).toThrow(refusedAddress().message);
    }
  });
});

/** Answers one host with a redirect and leaves all others to the agent. */
function redirecting(agent: Agent, status: number, location: string) {
  return agent.compose((dispatch) => (options, handler) => {
    if (String(options.origin) !== 'http://start.test.example') return dispatch(options, handler);
    const controller = { abort() {}, pause() {}, resume() {}, paused: false, aborted: false, reason: null };
    handler.onRequestStart?.(controller as never, {});
    handler.onResponseStart?.(controller as never, status, { location }, 'Found');
    handler.onResponseEnd?.(controller as never, {});
    return true;
  });
}
