import { lookup as dnsLookup } from 'node:dns/promises';
import { BlockList, isIP, type Socket } from 'node:net';
import { Agent, buildConnector, type Dispatcher } from 'undici';
import { Fault } from '../domain/fault.ts';

/**
 * No call of ours goes into a private network, whatever the address, its name or a redirect says.
 * undici does not care by itself, and its `lookup` is not even asked about addresses written as numbers; so the check
 * stands in the connector, where every connection passes: all addresses of the name are looked at, the connection goes
 * to the very address that was looked at, and the far end is looked at once more.
 */

/** All addresses of a name. @throws when there are none, as `dns.lookup` does */
export type Lookup = (hostname: string) => Promise<readonly { readonly address: string }[]>;

export interface GuardOptions {
  /**
   * The agency's CRM stands in its own network: private and local addresses, names without a dot and other ports are
   * allowed. Link-local and cloud metadata addresses never are.
   */
  readonly allowPrivate?: boolean;
  readonly lookup?: Lookup;
  /** Milliseconds for one connection. */
  readonly connectMs?: number;
  /** What really connects; tests count the attempts here. */
  readonly dial?: buildConnector.connector;
}

export interface GuardedAgentOptions extends GuardOptions, Omit<Agent.Options, 'connect'> {}

const block = (type: 'ipv4' | 'ipv6', ...ranges: string[]): BlockList => {
  const list = new BlockList();
  for (const range of ranges) {
    const [network, prefix] = range.split('/') as [string, string];
    list.addSubnet(network, Number(prefix), type);
  }
  return list;
};

/** Own networks: refused unless the agency allows them. */
const OWN_4 = block('ipv4', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16');
const OWN_6 = block('ipv6', '::1/128', 'fc00::/7');
/** Never anybody's server: "this" network, link-local with cloud metadata, documentation, benchmarks, multicast. */
const NEVER_4 = block(
  'ipv4',
  '0.0.0.0/8',
  '100.100.100.200/32',
  '169.254.0.0/16',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
);
const METADATA_6 = block('ipv6', 'fd00:ec2::/32');
/** Public IPv6 is what has been given out, less tunnels, which carry IPv4 addresses inside, and documentation. */
const GLOBAL_6 = block('ipv6', '2000::/3');
const NEVER_6 = block('ipv6', '2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20');

/** May a connection go to this address (numbers, no name)? */
export function isAllowedAddress(address: string, allowPrivate = false): boolean {
  switch (isIP(address)) {
    case 4:
      return !NEVER_4.check(address, 'ipv4') && (allowPrivate || !OWN_4.check(address, 'ipv4'));
    case 6:
      // A zone («fe80::1%eth0») makes sense only on one's own link.
      if (address.includes('%')) return false;
      if (GLOBAL_6.check(address, 'ipv6')) return !NEVER_6.check(address, 'ipv6');
      return allowPrivate && OWN_6.check(address, 'ipv6') && !METADATA_6.check(address, 'ipv6');
    default:
      return false;
  }
}

/** One text for every refusal: nobody maps a network by comparing answers. */
export function refusedAddress(): Fault {
  return new Fault(
    'source-address-refused',
    'По этому адресу загружать нельзя. Нужна ссылка http или https на сервер в открытом интернете, порт 80 или 443, ' +
      'без логина и пароля внутри ссылки. Если CRM стоит в вашей сети, разрешите это настройкой IMPORT_ALLOW_PRIVATE=1.',
  );
}

/** Backslashes, blanks and control characters make parsers disagree on where an address leads. */
const RAW = /[\u0000-\u0020\u007F-\u00A0\u2028\u2029\uFEFF\\]/;
const OWN_NAMES = /(?:^|\.)(?:localhost|localdomain|local|internal|intranet|lan|home|corp|private|home\.arpa)$/;

/**
 * Reads an address as written and checks all that can be checked without a network.
 * @throws Fault `source-address-refused`
 */
export function checkUrl(location: string, options: Pick<GuardOptions, 'allowPrivate'> = {}): URL {
  if (RAW.test(location)) throw refusedAddress();
  let url: URL;
  try {
    url = new URL(location);
  } catch {
    // The error itself would carry the address, secrets included.
    throw refusedAddress();
  }
  if (url.username !== '' || url.password !== '') throw refusedAddress();
  checkOrigin(url.protocol, url.hostname, url.port, options.allowPrivate ?? false);
  return url;
}

/** @returns the host without brackets and without the dot at its end */
function checkOrigin(protocol: string, hostname: string, port: string, allowPrivate: boolean): string {
  if (protocol !== 'http:' && protocol !== 'https:') throw refusedAddress();
  if (!allowPrivate && port !== '' && port !== '80' && port !== '443') throw refusedAddress();
  const host = hostname
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
    .toLowerCase();
  if (host === '') throw refusedAddress();
  if (isIP(host) > 0) {
    if (!isAllowedAddress(host, allowPrivate)) throw refusedAddress();
  } else if (!allowPrivate && (!host.includes('.') || OWN_NAMES.test(host))) throw refusedAddress();
  return host;
}

/** Where an answer sends on to; undefined when it is an answer and no redirect. */
export function redirection(answer: Pick<Dispatcher.ResponseData, 'statusCode' | 'headers'>): string | undefined {
  if (![301, 302, 303, 307, 308].includes(answer.statusCode)) return undefined;
  const { location } = answer.headers;
  return Array.isArray(location) ? location[0] : location;
}

/**
 * The next hop of a redirect, checked like the first: undici's `request` follows none by itself.
 * @param target as the server wrote it
 * @throws Fault `source-address-refused`, `source-redirect-insecure`
 */
export function nextUrl(from: URL, target: string, options: Pick<GuardOptions, 'allowPrivate'> = {}): URL {
  // The characters as sent are checked before they are made whole: `\\127.0.0.1` is a host to the URL parser.
  if (/[\u0000-\u0020\u007F\\]/.test(target)) throw refusedAddress();
  let next: URL;
  try {
    next = new URL(target, from);
  } catch {
    throw refusedAddress();
  }
  const checked = checkUrl(next.href, options);
  if (from.protocol === 'https:' && checked.protocol === 'http:') {
    throw new Fault(
      'source-redirect-insecure',
      `Сервер ${from.hostname} отсылает с защищённой ссылки https на незащищённую http. Укажите конечную ссылку.`,
    );
  }
  return checked;
}

/** More addresses of one name than this are not tried. */
const TRIES = 4;

/**
 * An undici agent that refuses to connect into private networks.
 * The request fails with `source-address-refused`; nothing is sent to a refused address, not even a SYN.
 */
export function guardedAgent(options: GuardedAgentOptions = {}): Agent {
  const { allowPrivate = false, lookup = resolveAll, connectMs = 5_000, dial, ...agent } = options;
  const connect = dial ?? buildConnector({ timeout: connectMs });

  async function connected(target: buildConnector.Options): Promise<Socket> {
    // The agent may be used without `checkUrl`, so nothing is taken for granted here.
    const host = checkOrigin(target.protocol, target.hostname, target.port ?? '', allowPrivate);
    const addresses = isIP(host) > 0 ? [host] : (await lookup(host)).map(({ address }) => address);
    if (addresses.length === 0) throw Object.assign(new Error('no address'), { code: 'ENOTFOUND' });
    // One bad address spoils the name: the next look-up could choose it.
    if (!addresses.every((address) => isAllowedAddress(address, allowPrivate))) throw refusedAddress();
    let last: unknown;
    for (const address of addresses.slice(0, TRIES)) {
      try {
        // The name stays in `host` and `servername`, so the certificate is checked against it.
        const servername = target.servername || (isIP(host) > 0 ? undefined : host);
        return await dialled({ ...target, hostname: address, servername }, address);
      } catch (error) {
        if (error instanceof Fault) throw error;
        last = error;
      }
    }
    throw last;
  }

  function dialled(target: buildConnector.Options, address: string): Promise<Socket> {
    return new Promise((resolve, reject) => {
      connect(target, (error, socket) => {
        if (error) return reject(error);
        const far = socket!.remoteAddress?.replace(/^::ffff:(?=\d+\.)/, '');
        if (far !== undefined && isAllowedAddress(far, allowPrivate) && isSame(far, address)) return resolve(socket!);
        socket!.on('error', () => {}).destroy();
        reject(refusedAddress());
      });
    });
  }

  return new Agent({
    ...agent,
    connect(target, callback) {
      connected(target).then(
        (socket) => callback(null, socket),
        (error: Error) => callback(error, null),
      );
    },
  });
}

/** IPv6 addresses have several spellings. */
function isSame(one: string, other: string): boolean {
  if (one === other) return true;
  if (isIP(one) !== 6 || isIP(other) !== 6) return false;
  const list = new BlockList();
  list.addAddress(other, 'ipv6');
  return list.check(one, 'ipv6');
}

const resolveAll: Lookup = (hostname) => dnsLookup(hostname, { all: true, verbatim: true });
