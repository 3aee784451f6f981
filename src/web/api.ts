/**
 * The only way to the server. Three things are settled here, so that no screen thinks of them: a session that ended
 * (a dialog over the page, then the request goes on), a deed that wants the password again, and what went wrong, told
 * as the server tells it.
 */
import type { Problem } from '../contracts/problem.ts';

/** What went wrong, in the words of the server; where there was no answer, in ours. */
export class ProblemError extends Error {
  readonly problem: Problem;
  /** Seconds after which it makes sense to ask again. */
  readonly retryAfter: number | null;

  constructor(problem: Problem, retryAfter: number | null = null) {
    super(problem.detail);
    this.name = 'ProblemError';
    this.problem = problem;
    this.retryAfter = retryAfter;
  }

  get code(): string {
    return this.problem.code;
  }

  get status(): number {
    return this.problem.status;
  }

  /** Nobody answered: the network, or a server that is being restarted. */
  get isOffline(): boolean {
    return this.problem.code === OFFLINE;
  }
}

const OFFLINE = 'no-connection';

export type Query = Readonly<
  Record<string, string | number | boolean | null | undefined | readonly (string | number)[]>
>;

export interface SendOptions {
  /** The `etag` of what was shown: without it the server refuses with 428 where versions matter. */
  readonly ifMatch?: string | null | undefined;
  /** For money and verdicts; made by `newKey()` once per intention, so that a repeat does nothing twice. */
  readonly idempotencyKey?: string;
  readonly query?: Query;
  readonly signal?: AbortSignal;
}

export interface Answer<T> {
  readonly data: T;
  readonly status: number;
  readonly etag: string | null;
  /** Where a long work is told of, with 202. */
  readonly location: string | null;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

interface Asked extends SendOptions {
  readonly method: Method;
  readonly path: string;
  readonly body?: unknown;
}

/** Who can help when the server wants to know again who is asking; the dialogs of `identity.tsx`. */
interface Doorman {
  /** Resolves when the person has signed in again, false when they would not. */
  readonly signIn: () => Promise<boolean>;
  readonly confirm: () => Promise<boolean>;
  /** Asks the server for the session again: its CSRF word has changed. */
  readonly renew: () => Promise<void>;
}

let doorman: Doorman | null = null;
let csrf: string | null = null;

export const employ = (one: Doorman): void => {
  doorman = one;
};
export const rememberCsrf = (word: string | null): void => {
  csrf = word;
};

/** `/api/v1` and the query: a list repeats its word, what is empty is left out. */
export function addressOf(path: string, query: Query = {}): string {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== '') words.append(name, String(one));
    }
  }
  const text = words.toString();
  return `/api/v1${path}${text && `?${text}`}`;
}

/** A key of an intention; `crypto.randomUUID` is not there without https. */
export function newKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function once<T>({ method, path, body, query, ifMatch, idempotencyKey, signal }: Asked): Promise<Answer<T>> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  const isForm = body instanceof FormData || body instanceof Blob;
  if (body !== undefined && !isForm) headers['Content-Type'] = 'application/json';
  if (method !== 'GET' && csrf !== null) headers['X-CSRF-Token'] = csrf;
  if (ifMatch) headers['If-Match'] = ifMatch;
  if (idempotencyKey) headers['Idempotency-Key'] = idempotencyKey;
  const address = addressOf(path, query);
  let response: Response;
  try {
    response = await fetch(address, {
      method,
      headers,
      credentials: 'same-origin',
      ...(body !== undefined && { body: isForm ? body : JSON.stringify(body) }),
      ...(signal && { signal }),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ProblemError(silence(address));
  }
  if (!response.ok) throw await problemOf(response, address);
  const text = await response.text();
  return {
    data: (text === '' ? undefined : JSON.parse(text)) as T,
    status: response.status,
    etag: response.headers.get('etag'),
    location: response.headers.get('location'),
  };
}

const silence = (instance: string): Problem => ({
  type: `/problems/${OFFLINE}`,
  title: 'Нет связи с сервером',
  status: 0,
  detail: 'Сервер не ответил. Проверьте подключение к сети и повторите.',
  instance,
  code: OFFLINE,
  requestId: '',
});

async function problemOf(response: Response, instance: string): Promise<ProblemError> {
  const wait = Number(response.headers.get('retry-after'));
  const retryAfter = Number.isFinite(wait) && wait > 0 ? wait : null;
  if (response.headers.get('content-type')?.includes('application/problem+json')) {
    return new ProblemError((await response.json()) as Problem, retryAfter);
  }
  // Somebody between us and the server answered: a proxy while the server is restarted, for one.
  const isDown = response.status >= 502 && response.status <= 504;
  return new ProblemError(
    {
      ...silence(instance),
      ...(isDown ? {} : { type: '/problems/fault', title: 'Не получилось', code: 'fault' }),
      status: response.status,
      detail: isDown
        ? 'Сервер сейчас недоступен. Повторите через минуту.'
        : `Сервер ответил непонятно (код ${response.status}). Повторите; если не поможет, сообщите администратору.`,
      requestId: response.headers.get('x-request-id') ?? '',
    },
    retryAfter,
  );
}

/** At most one repeat for each reason, so nobody goes in circles. */
async function ask<T>(asked: Asked): Promise<Answer<T>> {
  const tried = new Set<string>();
  for (;;) {
    try {
      return await once<T>(asked);
    } catch (error) {
      if (!(error instanceof ProblemError) || doorman === null) throw error;
      const help = helpWith(error, asked, doorman);
      if (!help || tried.has(help.name) || !(await help.go())) throw error;
      tried.add(help.name);
    }
  }
}

function helpWith(
  error: ProblemError,
  { method, path }: Asked,
  { signIn, confirm, renew }: Doorman,
): { name: string; go: () => Promise<boolean> } | null {
  // To be signed out is an answer to who is signed in, and a wrong password one to signing in.
  const isDoor = path === '/session' || path === '/session/confirm' || path.startsWith('/welcome/');
  if (isDoor) return null;
  if (error.code === 'signed-out') return { name: 'sign-in', go: signIn };
  if (error.status !== 403 || method === 'GET') return null;
  if (error.code === 're-authentication-needed') return { name: 'confirm', go: confirm };
  // Signed in again in another tab.
  if (error.code === 'csrf')
    return {
      name: 'csrf',
      go: async () => {
        await renew();
        return true;
      },
    };
  return null;
}

export const api = {
  /** The body of the answer. */
  get: async <T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> =>
    (await ask<T>({ method: 'GET', path, ...(query && { query }), ...(signal && { signal }) })).data,

  /** The body with its `etag`, for what will be changed. */
  read: <T>(path: string, query?: Query, signal?: AbortSignal): Promise<Answer<T>> =>
    ask<T>({ method: 'GET', path, ...(query && { query }), ...(signal && { signal }) }),

  /** Changes something; the body is JSON, a form or a file. */
  send: async <T = void>(
    method: Exclude<Method, 'GET'>,
    path: string,
    body?: unknown,
    options: SendOptions = {},
  ): Promise<T> => (await ask<T>({ ...options, method, path, body })).data,

  /** Changes something and tells the new `etag`, or where a long work is told of. */
  exchange: <T = void>(
    method: Exclude<Method, 'GET'>,
    path: string,
    body?: unknown,
    options: SendOptions = {},
  ): Promise<Answer<T>> => ask<T>({ ...options, method, path, body }),
};
