import type { Lookup } from '../../src/net/guard.ts';

/** The hostile addresses of the whole house: imports and photos are held to the same table. */

/** A made-up resolver: what a hostile name server could answer. */
const NAMES: Record<string, readonly string[]> = {
  'ok.test.example': ['93.184.216.34'],
  'to-loopback.test.example': ['127.0.0.1'],
  '127.0.0.1.nip.io': ['127.0.0.1'],
  'mixed.test.example': ['93.184.216.34', '10.0.0.1'],
  'v6-loopback.test.example': ['::1'],
  'mapped.test.example': ['::ffff:127.0.0.1'],
  'empty.test.example': [],
};
/** What was looked up, in order. */
export const asked: string[] = [];
let rebound = 0;
export const resetRebinding = () => {
  rebound = 0;
};
export const lookup: Lookup = async (hostname) => {
  asked.push(hostname);
  // Public at the first look-up, loopback at every later one.
  if (hostname === 'rebinding.test.example') return [{ address: rebound++ === 0 ? '93.184.216.34' : '127.0.0.1' }];
  const addresses = NAMES[hostname];
  if (!addresses) throw Object.assign(new Error('not found'), { code: 'ENOTFOUND' });
  return addresses.map((address) => ({ address }));
};

/** The table T38: what must be refused, as written. */
export const REFUSED = [
  'http://127.0.0.1/',
  'http://127.1/',
  'http://2130706433/',
  'http://0x7f000001/',
  'http://0177.0.0.1/',
  'http://0/',
  'http://127.0.0.1./',
  'http://localhost/',
  'http://LOCALHOST./',
  'http://foo.localhost/',
  'http://[::1]/',
  'http://[::]/',
  'http://[::ffff:127.0.0.1]/',
  'http://[::ffff:a00:1]/',
  'http://[::127.0.0.1]/',
  'http://[64:ff9b::7f00:1]/',
  'http://[2002:7f00:1::]/',
  'http://[2001:0:4136:e378:8000:63bf:80ff:fffe]/',
  'http://[fe80::1]/',
  'http://[fd00:ec2::254]/',
  'http://169.254.169.254/latest/meta-data/',
  'http://2852039166/',
  'http://metadata.google.internal/',
  'http://100.100.100.200/',
  'http://10.0.0.1/',
  'http://172.16.0.1/',
  'http://192.168.1/',
  'http://198.18.0.1/',
  'http://224.0.0.1/',
  'http://255.255.255.255/',
  'http://１２７.０.０.１/',
  'http://①②⑦.⓪.⓪.①/',
  'http://127。0。0。1/',
  'http://%31%32%37.0.0.1/',
  'http://example.com@127.0.0.1/',
  'http://127.0.0.1\\@example.com/',
  'http:\\\\127.0.0.1/',
  'http:127.0.0.1/',
  'ht\ntp://127.0.0.1/',
  'file:///etc/passwd',
  'gopher://127.0.0.1:6379/_INFO',
  'data:image/png;base64,AAAA',
  'ftp://127.0.0.1/',
  'http://ok.test.example:22/',
  'http://to-loopback.test.example/',
  'http://127.0.0.1.nip.io/',
  'http://mixed.test.example/',
  'http://v6-loopback.test.example/',
  // Not in the table, but met in the wild.
  'http://mapped.test.example/',
  'http://intranet/',
  'http://printer.local/',
  'https://user:secret@ok.test.example/',
  'http://[fe80::1%25eth0]/',
  'http://ok.test.example:5432/',
  '//ok.test.example/',
  '',
];

/** Names are refused only once they are resolved. */
export const BY_DNS = new Set(REFUSED.filter((url) => /(?:loopback|nip\.io|mixed|mapped)/.test(url)));
