import { type Agent, type Dispatcher, request } from 'undici';
import { checkUrl, type GuardOptions, guardedAgent, nextUrl, redirection } from './guard.ts';

/** Pictures from foreign servers: every hop through the guard, and what came told by its first bytes alone. */

export interface CallerOptions {
  /** Replaces what looks names up and what connects; tests only. */
  readonly guard?: Pick<GuardOptions, 'lookup' | 'dial'> | undefined;
  readonly headersMs?: number | undefined;
  /** Milliseconds between two portions of the answer. */
  readonly bodyMs?: number | undefined;
}

/** Connections to one server. */
export const AT_ONCE_PER_HOST = 2;
const REDIRECTS_MAX = 3;

/** The two ways out: into the open internet, and to an agency's own picture server. */
export interface Callers {
  readonly open: Dispatcher;
  readonly own: Dispatcher;
  close(): Promise<void>;
}

export function openCallers({ guard, headersMs = 5_000, bodyMs = 5_000 }: CallerOptions = {}): Callers {
  const agentOf = (allowPrivate: boolean): Agent =>
    guardedAgent({
      ...guard,
      allowPrivate,
      connectMs: 3_000,
      connections: AT_ONCE_PER_HOST,
      pipelining: 1,
      headersTimeout: headersMs,
      bodyTimeout: bodyMs,
    });
  const [open, own] = [agentOf(false), agentOf(true)];
  return {
    open,
    own,
    close: async () => {
      await Promise.all([open.destroy(), own.destroy()]);
    },
  };
}

export class TooManyRedirects extends Error {
  readonly status: number;
  constructor(status: number) {
    super('too many redirects');
    this.status = status;
  }
}

/** Where a picture is. */
export interface PicturePlace {
  readonly url: string;
  /** The agency's own picture server, which may stand in a private network. */
  readonly ownHost: string | null;
}

/**
 * The final answer for a picture's address: every hop goes through the guard.
 * @throws Fault `source-address-refused`, `source-redirect-insecure`; TooManyRedirects; and what connections throw
 */
export async function askForPicture(
  picture: PicturePlace,
  callers: Callers,
  signal: AbortSignal,
  headers: Readonly<Record<string, string>> = {},
): Promise<Dispatcher.ResponseData> {
  const ownHost = picture.ownHost?.toLowerCase() ?? null;
  const isOwn = (location: string) => URL.canParse(location) && new URL(location).host === ownHost;
  let url = checkUrl(picture.url, { allowPrivate: isOwn(picture.url) });
  for (let hop = 0; ; hop++) {
    const answer = await request(url, {
      dispatcher: url.host === ownHost ? callers.own : callers.open,
      signal,
      headers: {
        'user-agent': 'vygruzka',
        accept: 'image/jpeg, image/png, image/*;q=0.9, */*;q=0.1',
        'accept-encoding': 'identity',
        ...headers,
      },
    });
    // Whoever does not read the answer must not die of its late errors.
    answer.body.on('error', () => {});
    const target = redirection(answer);
    if (target === undefined) return answer;
    answer.body.destroy();
    if (hop >= REDIRECTS_MAX) throw new TooManyRedirects(answer.statusCode);
    // Only the agency's own server may be in a private network, not where it sends on to.
    const next = URL.canParse(target, url.href) ? new URL(target, url).href : target;
    url = nextUrl(url, target, { allowPrivate: isOwn(next) });
  }
}

/** The bytes of a picture; null where there are none to be had, or more than so many. */
export async function fetchPicture(
  picture: PicturePlace,
  callers: Callers,
  bytesMax: number,
  signal: AbortSignal,
): Promise<Buffer | null> {
  try {
    const { statusCode, body } = await askForPicture(picture, callers, signal);
    if (statusCode !== 200) {
      body.destroy();
      return null;
    }
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > bytesMax) return null;
      chunks.push(chunk);
    }
    const bytes = Buffer.concat(chunks);
    return typeOf(bytes) === null ? null : bytes;
  } catch {
    // Whatever it is, the probes will tell it; here there is simply no picture.
    return null;
  }
}

export const MAGIC_BYTES = 16;

/** The content type by a file's first bytes, whatever the server or the name says; null: no picture of a kind we know. */
export function typeOf(bytes: Buffer): string | null {
  if (bytes.length < 4) return null;
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return 'image/jpeg';
  const text = bytes.toString('latin1', 0, MAGIC_BYTES);
  if (text.startsWith('\x89PNG\r\n\x1a\n')) return 'image/png';
  if (text.startsWith('GIF87a') || text.startsWith('GIF89a')) return 'image/gif';
  if (text.startsWith('RIFF') && text.slice(8, 12) === 'WEBP') return 'image/webp';
  if (text.startsWith('BM')) return 'image/bmp';
  if (text.startsWith('II*\0') || text.startsWith('MM\0*')) return 'image/tiff';
  if (text.slice(4, 8) !== 'ftyp') return null;
  if (/^avi[fs]/.test(text.slice(8))) return 'image/avif';
  return /^(?:hei[cxms]|hev[cx]|mif1|msf1)/.test(text.slice(8)) ? 'image/heic' : null;
}
