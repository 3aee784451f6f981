import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import type { Static, TSchema } from 'typebox';
import type { Board } from '../boards/catalogue.ts';
import type { Clock } from '../clock.ts';
import { TOKEN_SCOPES, type TokenScope } from '../contracts/tokens.ts';
import type { Role } from '../domain/people.ts';
import { type Deed, mayDo, OF_AGENCY, type Place, refusalFor, roleAt } from '../domain/rights.ts';
import { type Caller, placeOf, type Subject } from '../store/access.ts';
import {
  BREATH_MS,
  CLAIM_SECONDS,
  type Claim,
  claimAnswer,
  giveBackKey,
  keepAnswer,
  keepKey,
  sealOf,
} from '../store/answers.ts';
import { type Database, sealed } from '../store/database.ts';
import { agencyFrame } from '../store/settings.ts';
import { type SignedIn, sessionHolder } from '../store/sign-in.ts';
import { tokenHolder } from '../store/tokens.ts';
import { csrfToken, isSame, tokenHash } from './keys.ts';
import { HttpProblem, notFound, problemOf } from './problems.ts';

/**
 * The one door of the API: a route says who may come in, and nobody gets past that. What a person may not even see is
 * answered like what is not there.
 */

export const API = '/api/v1';

export interface Policy {
  /** The deed the caller must have a right to; or whoever is signed in; or everybody. */
  readonly deed: Deed | 'signed-in' | 'public';
  /**
   * What the address names: the right must reach there. `agency`: the right must reach over the whole agency. Absent:
   * a right anywhere is enough, and the handler keeps to the caller's reach.
   */
  readonly of?: Subject | 'agency';
  /** The deed that lets a person see the thing at all; who may not gets 404. By default `see-listings` and so on. */
  readonly sees?: Deed;
  /** The part of the address with the subject's number; `id` by default. */
  readonly param?: string;
  /** What a program's key must be good for; null: not for programs. */
  readonly token: TokenScope | null;
  /** Asks for a fresh proof of who it is, and for the second factor where the agency wants one. */
  readonly needsProof?: boolean;
  /** `Idempotency-Key`: asked for, or heeded where it comes. */
  readonly idempotent?: 'required' | 'heeded';
  /**
   * Done again it does nothing new: what it does has an id made from the key, or it tells how things are. A request that
   * was interrupted, even half-way, may simply be done again.
   */
  readonly isRepeatable?: boolean;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    policy?: Policy;
  }
}

/** What a handler works with. */
export interface Ask<P, Q, B> {
  readonly db: Database;
  readonly boards: readonly Board[];
  readonly options: ApiOptions;
  readonly caller: Caller;
  readonly agencyId: number;
  /** The name that goes into the journal. */
  readonly by: string;
  readonly now: Date;
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** Where the subject of the address lies. */
  readonly place: Place | null;
  /** Who acts on the subject, with the role that reaches it: what the functions of the store ask for. */
  readonly actor: { readonly employeeId: number; readonly name: string; readonly role: Role };
  /** undefined: a program with a key. */
  readonly session: SignedIn | undefined;
  readonly request: FastifyRequest;
  /**
   * May the caller do this, there? For what the address alone does not tell.
   * @throws HttpProblem 403 with whom to ask
   */
  prove(deed: Deed, place: Place | 'anywhere'): void;
  /** @throws HttpProblem 428 without `If-Match`, 412 when it names another version than lies there */
  match(version: string): void;
}

export interface ApiOptions {
  readonly db: Database;
  readonly boards: readonly Board[];
  readonly dataDir: string;
  readonly secret: string;
  readonly clock: Clock;
  /** How pages and feeds are reached from outside, without a slash at the end; absent: as the request came. */
  readonly publicUrl?: string | undefined;
  /** There is a post that letters go out by. */
  readonly hasPost?: boolean;
}

type Of<S, E> = S extends TSchema ? Static<S> : E;

export interface Definition<P, Q, B, R> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Under `/api/v1`. */
  readonly url: string;
  /** What it does, in Russian, for the API's page. */
  readonly summary: string;
  readonly policy: Policy;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  /** The answer of 200. */
  readonly answer?: R;
  /** Answers carry `version`, which becomes the ETag that `If-Match` asks for. */
  readonly isVersioned?: boolean;
  /** Bytes, when the body is not JSON; at most so many are taken. */
  readonly bodyLimit?: number;
  readonly handler: (ask: Ask<Of<P, unknown>, Of<Q, unknown>, Of<B, unknown>>, reply: FastifyReply) => unknown;
}

/** A route as the registry knows it. */
export interface Route
  extends Pick<Definition<unknown, unknown, unknown, unknown>, 'method' | 'url' | 'summary' | 'policy'> {}

/** For how long a proof of who somebody is holds for dangerous deeds. */
export const PROOF_MINUTES = 30;
export const SESSION_COOKIE = 'vygruzka';

/** The deed that lets a person know of a subject at all. */
const SEES: Record<Subject, Deed> = {
  listing: 'see-listings',
  account: 'see-accounts',
  cabinet: 'see-listings',
  employee: 'see-people',
  branch: 'see-listings',
  department: 'see-listings',
};

export class Api {
  readonly #app: FastifyInstance;
  readonly #options: ApiOptions;
  readonly #routes: Route[] = [];

  constructor(app: FastifyInstance, options: ApiOptions) {
    this.#app = app;
    this.#options = options;
  }

  /** Every route of the API, for the matrix of rights. */
  get routes(): readonly Route[] {
    return this.#routes;
  }

  get options(): ApiOptions {
    return this.#options;
  }

  define<
    P extends TSchema | undefined = undefined,
    Q extends TSchema | undefined = undefined,
    B extends TSchema | undefined = undefined,
    R extends TSchema | undefined = undefined,
  >(route: Definition<P, Q, B, R>): void {
    const { method, url, summary, policy } = route;
    this.#routes.push({ method, url, summary, policy });
    this.#app.route({
      method: method as HTTPMethods,
      url: `${API}${url}`,
      ...(route.bodyLimit !== undefined && { bodyLimit: route.bodyLimit }),
      config: { policy },
      schema: {
        summary,
        tags: [url.split('/')[1]!],
        ...(route.params && { params: route.params }),
        ...(route.query && { querystring: route.query }),
        ...(route.body && { body: route.body }),
        ...(route.answer && { response: { 200: route.answer } }),
      } as object,
      // Before the body is read: who may not send it shall not make us hold twenty megabytes.
      // After the count of requests, which is an `onRequest`.
      preParsing: async (request, _, payload) => {
        const asked = await this.#admit(request, policy);
        (request as Admitted).asked = asked;
        return payload;
      },
      handler: (request, reply) =>
        this.#answer(route as Definition<never, never, never, never>, request as Admitted, reply),
    });
  }

  async #answer(
    route: Definition<never, never, never, never>,
    request: Admitted,
    reply: FastifyReply,
  ): Promise<unknown> {
    const ask = this.#ask(request, request.asked!);
    const key = route.policy.idempotent === undefined ? undefined : keyOf(request, route.policy.idempotent);
    if (key === undefined) return this.#finish(route, await route.handler(ask as never, reply), reply, request);
    return this.#once(key, route, ask, request, reply);
  }

  /** Carries a request with a key out, unless that was done before. */
  async #once(
    key: string,
    route: Definition<never, never, never, never>,
    ask: Ask<unknown, unknown, unknown>,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<unknown> {
    const { db, caller } = ask;
    const requestHash = createHash('sha256')
      .update(`${request.method} ${request.url}\n${JSON.stringify(request.body ?? null)}`)
      .digest('base64url');
    const isRepeatable = route.policy.isRepeatable ?? false;
    // A large body may have been coming for minutes since it was asked who sends it.
    const claimed = await claimAnswer(db, caller, { key, requestHash, isRepeatable }, this.#options.clock());
    switch (claimed.state) {
      case 'other-request':
        throw new HttpProblem(
          422,
          'idempotency-key-reused',
          'С этим Idempotency-Key уже приходил другой запрос: дайте новому запросу свой ключ.',
        );
      case 'under-way':
        throw new HttpProblem(
          409,
          'request-under-way',
          `Такой же запрос с этим Idempotency-Key ещё выполняется. Повторите с тем же ключом через ${claimed.seconds} с: если его прервали, он будет выполнен, а если выполнен – получите его ответ.`,
          { retryAfter: claimed.seconds },
        );
      case 'answer-lost':
        throw answerLost(409);
      case 'answered':
        return this.#finish(route, claimed.answer ?? undefined, reply.code(claimed.status), request);
    }
    const { claim } = claimed;
    const work = async () => route.handler(ask as never, reply);
    const breath = setInterval(() => {
      keepKey(db, claim, this.#options.clock()).catch((error: unknown) =>
        request.log.warn({ err: error }, 'idempotency key not renewed'),
      );
    }, BREATH_MS);
    let answer: unknown;
    try {
      answer = await (isRepeatable ? work() : sealed(sealOf(claim), work));
    } catch (error) {
      throw await this.#failed(claim, error, request);
    } finally {
      clearInterval(breath);
    }
    await keepAnswer(db, claim, { status: reply.statusCode, answer }).catch((error: unknown) => {
      // It is done, and whoever asked shall hear so; who asks again hears that the answer is lost.
      request.log.error({ err: error }, 'answer not kept');
    });
    return this.#finish(route, answer, reply, request);
  }

  /** Gives the key back, and tells what is known of the deed that failed. */
  async #failed(claim: Claim, error: unknown, request: FastifyRequest): Promise<unknown> {
    let hasDone: boolean;
    try {
      hasDone = await giveBackKey(this.#options.db, claim);
    } catch (second) {
      request.log.error({ err: second }, 'idempotency key not given back');
      if (problemOf(error, request).status < 500) return error;
      return new HttpProblem(
        503,
        'outcome-unknown',
        'Связь с базой данных прервалась, и выполнено ли действие, сейчас не узнать: посмотрите через минуту, что получилось. Программа может повторить запрос с тем же Idempotency-Key: дважды он не выполнится.',
        { retryAfter: CLAIM_SECONDS },
        { cause: error },
      );
    }
    // A lawful no says itself what is to be done.
    return hasDone && problemOf(error, request).status >= 500 ? answerLost(500, error) : error;
  }

  #finish(
    route: Definition<never, never, never, never>,
    answer: unknown,
    reply: FastifyReply,
    request: FastifyRequest,
  ): unknown {
    if (reply.sent || answer === reply) return reply;
    reply.header('Cache-Control', 'private, no-store');
    if (route.isVersioned) reply.header('ETag', `"${(answer as { version: string }).version}"`);
    if (answer === undefined) return reply.code(204).send();
    if (route.method !== 'GET' || route.isVersioned) return answer;
    const body = JSON.stringify(answer);
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
    reply.header('ETag', etag).header('Cache-Control', 'private, no-cache');
    if (request.headers['if-none-match'] === etag) return reply.code(304).send();
    return reply.type('application/json; charset=utf-8').send(body);
  }

  #ask(request: FastifyRequest, { caller, session, place, now }: Asked): Ask<unknown, unknown, unknown> {
    const { db, boards } = this.#options;
    return {
      db,
      boards,
      options: this.#options,
      caller: caller!,
      agencyId: caller?.agencyId ?? 0,
      by: caller?.name ?? 'никто',
      now,
      params: request.params,
      query: request.query,
      body: request.body,
      place,
      actor: {
        employeeId: caller?.employeeId ?? 0,
        name: caller?.name ?? 'никто',
        role: caller ? (place ? roleAt(caller, place) : caller.role) : 'agent',
      },
      session,
      request,
      prove: (deed, where) => {
        if (!mayDo(caller!, deed, where)) throw new HttpProblem(403, 'not-allowed', refusalFor(caller!, deed));
      },
      match: (version) => {
        const wanted = request.headers['if-match'];
        if (wanted === undefined)
          throw new HttpProblem(
            428,
            'version-missing',
            'Назовите версию, которую меняете: заголовок If-Match с ETag из ответа.',
          );
        if (wanted !== '*' && wanted !== `"${version}"`)
          throw new HttpProblem(
            412,
            'version-changed',
            'Уже изменилось, пока вы смотрели: посмотрите, что именно, и решите снова.',
            { current: version },
          );
      },
    };
  }

  /** Who knocks and whether this door is open to them. */
  async #admit(request: FastifyRequest, policy: Policy): Promise<Asked> {
    const { db, clock } = this.#options;
    const now = clock();
    const isChange = request.method !== 'GET' && request.method !== 'HEAD';
    if (policy.deed === 'public') {
      if (isChange) proveOrigin(request, this.#options.publicUrl);
      return { caller: undefined, session: undefined, place: null, now };
    }
    const bearer = /^Bearer (vg_[\w-]{20,200})$/.exec(request.headers.authorization ?? '')?.[1];
    const { caller, session } =
      bearer === undefined ? await this.#bySession(request, isChange, now) : await this.#byToken(bearer, policy, now);
    if (policy.deed === 'signed-in') return { caller, session, place: null, now };
    const place = await this.#placeFor(caller, request, policy);
    if (!mayDo(caller, policy.deed, place ?? 'anywhere'))
      throw new HttpProblem(403, 'not-allowed', refusalFor(caller, policy.deed));
    if (policy.needsProof && session) await proveFresh(db, caller, session, now);
    return { caller, session, place, now };
  }

  async #placeFor(caller: Caller, request: FastifyRequest, policy: Policy): Promise<Place | null> {
    if (policy.of === undefined) return null;
    if (policy.of === 'agency') return OF_AGENCY;
    const id = Number((request.params as Record<string, unknown>)[policy.param ?? 'id']);
    const place = Number.isSafeInteger(id)
      ? await placeOf(this.#options.db.pool, caller.agencyId, policy.of, id)
      : undefined;
    // A cabinet of the whole agency is seen by everybody who may see any part of it.
    const isSeen =
      place &&
      mayDo(
        caller,
        policy.sees ?? SEES[policy.of],
        policy.of === 'cabinet' && place.branchId === null ? 'anywhere' : place,
      );
    if (!place || !isSeen) throw notFound();
    return place;
  }

  async #bySession(request: FastifyRequest, isChange: boolean, now: Date) {
    const token = request.cookies[SESSION_COOKIE] ?? request.cookies[`__Host-${SESSION_COOKIE}`];
    const session = token === undefined ? undefined : await sessionHolder(this.#options.db.pool, tokenHash(token), now);
    if (!session) throw new HttpProblem(401, 'signed-out', 'Войдите: сеанса нет или он закончился.');
    if (isChange) {
      proveOrigin(request, this.#options.publicUrl);
      const given = request.headers['x-csrf-token'];
      if (typeof given !== 'string' || !isSame(given, csrfToken(this.#options.secret, session.sessionId)))
        throw new HttpProblem(403, 'csrf', 'Запрос пришёл не со страницы Выгрузки. Обновите страницу и повторите.');
    }
    return { caller: session.caller, session };
  }

  async #byToken(token: string, policy: Policy, now: Date) {
    const holder = await tokenHolder(this.#options.db, tokenHash(token), now);
    if (!holder) throw new HttpProblem(401, 'token-unknown', 'Такого ключа API нет или он отозван.');
    if (policy.token === null)
      throw new HttpProblem(403, 'not-for-programs', 'Это делает человек, а не программа с ключом.');
    if (!holder.scopes.includes(policy.token))
      throw new HttpProblem(403, 'token-scope', `Ключу не дано «${TOKEN_SCOPES[policy.token]}» (${policy.token}).`);
    return {
      caller: { ...holder.caller, name: `${holder.caller.name} (ключ «${holder.tokenName}»)` },
      session: undefined,
    };
  }
}

interface Asked {
  readonly caller: Caller | undefined;
  readonly session: SignedIn | undefined;
  readonly place: Place | null;
  readonly now: Date;
}
interface Admitted extends FastifyRequest {
  asked?: Asked;
}

/** A browser says where a request comes from; another site's never changes anything here. */
function proveOrigin(request: FastifyRequest, publicUrl: string | undefined): void {
  const site = request.headers['sec-fetch-site'];
  const origin = request.headers.origin;
  // Behind a proxy that writes another Host, we are who PUBLIC_URL says we are.
  const ours = [request.host, ...(publicUrl === undefined ? [] : [hostOf(publicUrl)])];
  const isOurs = origin === undefined || ours.includes(hostOf(origin));
  if (!isOurs || (site !== undefined && site !== 'same-origin' && site !== 'none'))
    throw new HttpProblem(403, 'foreign-origin', 'Запрос пришёл с чужого сайта.');
}

function hostOf(origin: string): string | undefined {
  try {
    return new URL(origin).host;
  } catch {
    return undefined;
  }
}

/** A deed that moves money or rights: proven lately, and by two things where the agency wants it so. */
async function proveFresh(db: Database, caller: Caller, session: SignedIn, now: Date): Promise<void> {
  const { settings } = await agencyFrame(db, caller.agencyId);
  if (settings.access.secondFactor === 'required' && !session.hasSecondFactor)
    throw new HttpProblem(
      403,
      'second-factor-missing',
      'Деньги и права требуют второго фактора: включите его в профиле, это одна минута.',
    );
  if (now.getTime() - session.provedAt.getTime() > PROOF_MINUTES * 60_000)
    throw new HttpProblem(403, 're-authentication-needed', 'Подтвердите, что это вы: введите пароль ещё раз.');
}

/** A deed stands, and its answer does not: only looking tells what came of it. */
const answerLost = (status: 409 | 500, cause?: unknown) =>
  new HttpProblem(
    status,
    'answer-lost',
    'Действие выполнено – над многими объектами, возможно, не всё, – но ответ потерян. Повторять не нужно: посмотрите, что получилось.',
    {},
    { cause },
  );

function keyOf(request: FastifyRequest, how: 'required' | 'heeded'): string | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined && how === 'heeded') return undefined;
  if (typeof key !== 'string' || !/^[\w-]{8,100}$/.test(key))
    throw new HttpProblem(
      400,
      'idempotency-key-missing',
      'Нужен заголовок Idempotency-Key: от 8 до 100 латинских букв, цифр, «-» и «_», новый для каждого действия.',
    );
  return key;
}
