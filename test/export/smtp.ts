/** A mail server of a few lines: it takes letters over a real socket, and does not take them the way it is told to. */
import { createServer, type Socket } from 'node:net';

export interface TakenLetter {
  readonly from: string;
  readonly to: readonly string[];
  /** As it came over the line, dots taken back. */
  readonly raw: string;
}

/**
 * What the server says at a command; undefined: what it usually says; `hang`: nothing, for ever; `drip`: an answer that
 * never ends; `drop`: hangs up.
 */
export type Whim = (command: string, count: number) => string | 'hang' | 'drip' | 'drop' | undefined;

export interface PostOffice {
  readonly port: number;
  readonly taken: TakenLetter[];
  /** Every command, in their order. */
  readonly heard: string[];
  /** Set it to make the server difficult. The letter itself is the command `<letter>`. */
  whim: Whim;
  close(): Promise<void>;
}

/** @param users names and passwords; absent: nobody has to sign in */
export async function openOffice(users?: Readonly<Record<string, string>>, host = '127.0.0.1'): Promise<PostOffice> {
  const taken: TakenLetter[] = [];
  const heard: string[] = [];
  const sockets = new Set<Socket>();
  const counts = new Map<string, number>();
  const office = { port: 0, taken, heard, whim: (() => undefined) as Whim, close };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
    socket.setEncoding('utf8');
    let [buffer, isData, from] = ['', false, ''];
    let to: string[] = [];
    const usual = (line: string): string => {
      const word = line.split(/[ :]/)[0]!.toUpperCase();
      if (word === '<GREETING>') return '220 office.test ESMTP';
      if (word === 'EHLO') return users ? '250-office.test\r\n250 AUTH PLAIN' : '250 office.test';
      if (word === 'AUTH') {
        const [, user = '', password = ''] = Buffer.from(line.split(' ')[2] ?? '', 'base64')
          .toString()
          .split('\0');
        return users?.[user] === password ? '235 welcome' : `535 5.7.8 no such ${user} with ${password}`;
      }
      if (word === 'STARTTLS') return '502 not here';
      if (word === 'DATA') return '354 go on';
      if (word === 'QUIT') return '221 bye';
      return '250 ok';
    };
    const answer = (line: string, onUsual: () => void) => {
      const word = line.split(/[ :]/)[0]!.toUpperCase();
      heard.push(line);
      counts.set(word, (counts.get(word) ?? 0) + 1);
      const said = office.whim(line, counts.get(word)!);
      if (said === 'hang') return;
      if (said === 'drop') return void socket.destroy();
      if (said === 'drip') {
        const drops = setInterval(() => socket.write('250-more to come\r\n'), 50);
        socket.on('close', () => clearInterval(drops));
        return;
      }
      if (said === undefined) onUsual();
      socket.write(`${said ?? usual(line)}\r\n`);
      if (word === 'QUIT') socket.end();
    };
    socket.on('data', (part: string) => {
      buffer += part;
      for (;;) {
        const end = buffer.indexOf(isData ? '\r\n.\r\n' : '\r\n');
        if (end < 0) return;
        const line = buffer.slice(0, end);
        buffer = buffer.slice(end + (isData ? 5 : 2));
        if (isData) {
          isData = false;
          const letter = { from, to, raw: line.replace(/^\.\./gm, '.') };
          to = [];
          answer('<letter>', () => taken.push(letter));
        } else
          answer(line, () => {
            const address = /<(.*?)>/.exec(line)?.[1] ?? '';
            if (/^MAIL/i.test(line)) from = address;
            if (/^RCPT/i.test(line)) to.push(address);
            if (/^DATA/i.test(line)) isData = true;
          });
      }
    });
    answer('<greeting>', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  office.port = (server.address() as { port: number }).port;
  return office;

  async function close(): Promise<void> {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** A letter taken apart: its own small reader of MIME, for the writer is not to be its own judge. */
export interface Mime {
  /** Lower-case names, unfolded, encoded words read. */
  readonly headers: ReadonlyMap<string, string>;
  readonly parts: readonly Mime[];
  readonly bytes: Buffer;
  readonly text: string;
}

export function readMime(raw: string): Mime {
  const at = raw.indexOf('\r\n\r\n');
  const headers = new Map<string, string>();
  for (const line of raw
    .slice(0, at)
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n')) {
    const colon = line.indexOf(':');
    headers.set(line.slice(0, colon).toLowerCase(), readWords(line.slice(colon + 1).trim()));
  }
  const body = raw.slice(at + 4);
  const boundary = /boundary="?([^";]+)"?/.exec(headers.get('content-type') ?? '')?.[1];
  if (boundary !== undefined) {
    const parts = body
      .split(`--${boundary}`)
      .slice(1, -1)
      .map((part) => readMime(part.replace(/^\r\n/, '').replace(/\r\n$/, '')));
    return { headers, parts, bytes: Buffer.alloc(0), text: '' };
  }
  const encoding = headers.get('content-transfer-encoding')?.toLowerCase();
  const bytes =
    encoding === 'base64'
      ? Buffer.from(body, 'base64')
      : encoding === 'quoted-printable'
        ? quotedPrintable(body)
        : Buffer.from(body);
  return { headers, parts: [], bytes, text: bytes.toString('utf8').replaceAll('\r\n', '\n') };
}

const quotedPrintable = (text: string): Buffer =>
  Buffer.from(
    text
      .replace(/=\r\n/g, '')
      .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );

const readWords = (text: string): string =>
  text
    .replace(/\?=\s+=\?/g, '?==?')
    .replace(/=\?UTF-8\?([BQ])\?(.*?)\?=/gi, (_, how: string, word: string) =>
      (how.toUpperCase() === 'B' ? Buffer.from(word, 'base64') : quotedPrintable(word.replaceAll('_', ' '))).toString(
        'latin1',
      ),
    )
    .replace(/[\u0080-\u00ff]+/g, (latin) => Buffer.from(latin, 'latin1').toString('utf8'));

/** All parts, the innermost ones. */
export const leaves = (mime: Mime): readonly Mime[] => (mime.parts.length === 0 ? [mime] : mime.parts.flatMap(leaves));
