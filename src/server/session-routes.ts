import type { FastifyReply, FastifyRequest } from 'fastify';
import * as OTPAuth from 'otpauth';
import Type from 'typebox';
import { renderSVG } from 'uqr';
import {
  ConfirmSchema,
  PasswordChangeSchema,
  type Session,
  SessionRowSchema,
  SessionSchema,
  SignInSchema,
  WelcomeSchema,
} from '../contracts/session.ts';
import { Refusal } from '../domain/fault.ts';
import { type Deed, deedsOf, grantLabel, highestRole, mayDo } from '../domain/rights.ts';
import { listBranches, listDepartments } from '../store/agencies.ts';
import { type Database, transaction } from '../store/database.ts';
import { agencyFrame } from '../store/settings.ts';
import {
  acceptInvitation,
  countFailures,
  endSession,
  endSessions,
  listSessions,
  noteFailure,
  noteProof,
  openInvitation,
  openSession,
  type SignedIn,
  type SignInRow,
  sessionHolder,
  setPassword,
  setSecondFactor,
  signInById,
  signInByLogin,
  takeStep,
} from '../store/sign-in.ts';
import { type Api, type ApiOptions, SESSION_COOKIE } from './api.ts';
import { csrfToken, hashPassword, isPassword, newToken, seal, tokenHash, unseal } from './keys.ts';
import { HttpProblem, notFound } from './problems.ts';

/** Coming in and going out: sign-in, sessions, second factor, invitations, the first administrator. */

/** So many failures of one login in a quarter of an hour, and so many from one address in a minute. */
const FAILURES = { minutes: 15, ofLogin: 5, fromAddress: 60 };
/** Deeds that ask for the second factor. */
const DANGEROUS: readonly Deed[] = ['money', 'money-back', 'accounts', 'tariffs', 'roles', 'tokens'];

const signedIn = { deed: 'signed-in', token: null } as const;
const anybody = { deed: 'public', token: null } as const;

export function sessionRoutes(api: Api): void {
  const { options } = api;

  api.define({
    method: 'GET',
    url: '/session',
    summary: 'Кто вошёл и что может',
    policy: signedIn,
    answer: SessionSchema,
    handler: ({ session, now }) => told(options, programs(session), now),
  });

  api.define({
    method: 'POST',
    url: '/session',
    summary: 'Войти',
    policy: anybody,
    body: SignInSchema,
    answer: SessionSchema,
    handler: async ({ db, body, now, request }, reply) => {
      const who = { login: body.login, address: request.ip };
      const row = await inTurn(body.login, async () => {
        await proveNotTooOften(db, who, now);
        const found = await signInByLogin(db.pool, body.login);
        const isRight = await isPassword(found?.isActive ? found.passwordHash : null, body.password);
        if (!found || !isRight) {
          await noteFailure(db, who, now);
          throw new HttpProblem(401, 'bad-credentials', 'Имя или пароль не подходят.');
        }
        await proveCode(options, found, body.code, who, now);
        return found;
      });
      return come(options, row, request, reply, now);
    },
  });

  api.define({
    method: 'DELETE',
    url: '/session',
    summary: 'Выйти',
    policy: signedIn,
    handler: async ({ db, request }, reply) => {
      const token = request.cookies[SESSION_COOKIE] ?? request.cookies[`__Host-${SESSION_COOKIE}`];
      if (token !== undefined) await endSession(db.pool, tokenHash(token));
      setCookie(options, request, reply, '', 0);
    },
  });

  api.define({
    method: 'POST',
    url: '/session/confirm',
    summary: 'Подтвердить паролем, что это вы',
    policy: signedIn,
    body: ConfirmSchema,
    handler: async ({ db, body, now, session, request }) => {
      await proveWithCode(options, programs(session), body, request, now);
      const token = request.cookies[SESSION_COOKIE] ?? request.cookies[`__Host-${SESSION_COOKIE}`];
      await noteProof(db.pool, tokenHash(token!), now);
    },
  });

  api.define({
    method: 'GET',
    url: '/session/all',
    summary: 'Все ваши сеансы',
    policy: signedIn,
    answer: Type.Array(SessionRowSchema),
    handler: async ({ db, session, now }) => {
      const own = programs(session);
      return (await listSessions(db.pool, own.signInId, now)).map((row) => ({
        id: row.id,
        isThis: row.id === own.sessionId,
        since: row.createdAt.toISOString(),
        seenAt: row.seenAt.toISOString(),
        device: row.userAgent ?? 'неизвестно',
        address: row.address,
      }));
    },
  });

  api.define({
    method: 'DELETE',
    url: '/session/all/:session',
    summary: 'Закончить сеанс, или все кроме этого: others',
    policy: signedIn,
    params: Type.Object({ session: Type.String({ maxLength: 60 }) }),
    handler: async ({ db, params, session }) => {
      const own = programs(session);
      const which = params.session === 'others' ? { exceptId: own.sessionId } : { id: params.session };
      if ((await endSessions(db.pool, own.signInId, which)) === 0 && 'id' in which)
        throw notFound('Такого сеанса нет.');
    },
  });

  api.define({
    method: 'POST',
    url: '/session/password',
    summary: 'Сменить пароль; другие сеансы кончаются',
    policy: signedIn,
    body: PasswordChangeSchema,
    handler: async ({ db, body, session, now, request }) => {
      const row = await prove(options, programs(session), { password: body.old }, request, now);
      proveGood(body.password, [row.login, row.name]);
      await setPassword(db, row, await hashPassword(body.password), session!.sessionId, now);
    },
  });

  api.define({
    method: 'POST',
    url: '/session/second-factor',
    summary: 'Начать включать второй фактор',
    policy: signedIn,
    answer: Type.Object({ secret: Type.String(), uri: Type.String(), svg: Type.String() }),
    handler: ({ session }) => {
      const own = programs(session);
      const totp = totpOf(new OTPAuth.Secret({ size: 20 }), own.login);
      const uri = totp.toString();
      return { secret: totp.secret.base32, uri, svg: renderSVG(uri) };
    },
  });

  api.define({
    method: 'PUT',
    url: '/session/second-factor',
    summary: 'Включить второй фактор: секрет и код, который он даёт',
    policy: signedIn,
    body: Type.Object(
      {
        secret: Type.String({ pattern: '^[A-Z2-7]{32}$' }),
        code: Type.String({ maxLength: 20 }),
        password: Type.String({ maxLength: 500 }),
      },
      { additionalProperties: false },
    ),
    handler: async ({ db, body, session, now, request }) => {
      const row = await prove(options, programs(session), body, request, now);
      if (row.totpSecret !== null)
        throw new Refusal('second-factor-known', 'Второй фактор уже включён. Сначала выключите прежний.');
      const step = stepOf(OTPAuth.Secret.fromBase32(body.secret), body.code, now);
      if (step === null)
        throw new HttpProblem(422, 'bad-code', 'Код не подходит: проверьте часы телефона и введите новый.');
      await setSecondFactor(db, row, seal(options.secret, body.secret), step, now);
    },
  });

  api.define({
    method: 'POST',
    url: '/session/second-factor/off',
    summary: 'Выключить второй фактор',
    policy: signedIn,
    body: ConfirmSchema,
    handler: async ({ db, body, session, now, request }) => {
      const row = await proveWithCode(options, programs(session), body, request, now);
      await setSecondFactor(db, row, null, null, now);
    },
  });

  const Token = Type.Object({ token: Type.String({ minLength: 20, maxLength: 100 }) });

  api.define({
    method: 'GET',
    url: '/welcome/:token',
    summary: 'Для кого приглашение',
    policy: anybody,
    params: Token,
    handler: async ({ db, params, now }) => {
      const found = await openInvitation(db.pool, tokenHash(params.token), now);
      if (!found) throw notFound('Ссылка уже использована или устарела: попросите новую.');
      const { employeeId, name, agency, login } = found;
      return employeeId === null ? { kind: 'first' } : { kind: 'invitation', name, agency, login };
    },
  });

  api.define({
    method: 'POST',
    url: '/welcome/:token',
    summary: 'Принять приглашение: имя для входа и пароль',
    policy: anybody,
    params: Token,
    body: WelcomeSchema,
    answer: SessionSchema,
    handler: async ({ db, params, body, now, request }, reply) => {
      const hashed = tokenHash(params.token);
      // Hashing a password costs something: not for everybody who guesses at addresses.
      if (!(await openInvitation(db.pool, hashed, now)))
        throw notFound('Ссылка уже использована или устарела: попросите новую.');
      proveGood(body.password, [body.login, body.name ?? '']);
      const { login, name, agency } = body;
      const row = await acceptInvitation(
        db,
        hashed,
        { login, passwordHash: await hashPassword(body.password), ...(name && { name }), ...(agency && { agency }) },
        now,
      );
      return come(options, row, request, reply, now);
    },
  });
}

/** These routes are for people: the policy lets no key in. */
function programs(session: SignedIn | undefined): SignedIn {
  if (!session) throw new HttpProblem(403, 'not-for-programs', 'Это делает человек, а не программа с ключом.');
  return session;
}

async function come(
  options: ApiOptions,
  row: SignInRow,
  request: FastifyRequest,
  reply: FastifyReply,
  now: Date,
): Promise<Session> {
  const token = newToken();
  await openSession(
    options.db,
    row,
    {
      tokenHash: tokenHash(token),
      id: newToken().slice(0, 22),
      userAgent: request.headers['user-agent']?.slice(0, 300) ?? null,
      address: request.ip,
    },
    now,
  );
  setCookie(options, request, reply, token);
  return told(options, (await sessionHolder(options.db.pool, tokenHash(token), now))!, now);
}

/** Over https the cookie cannot be set by a neighbour or sent in the clear; plain http is for one's own machine. */
function setCookie(
  options: ApiOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  token: string,
  maxAge?: number,
): void {
  const isSafe = request.protocol === 'https' || options.publicUrl?.startsWith('https:') === true;
  reply.setCookie(isSafe ? `__Host-${SESSION_COOKIE}` : SESSION_COOKIE, token, {
    path: '/',
    httpOnly: true,
    sameSite: 'lax',
    secure: isSafe,
    ...(maxAge !== undefined && { maxAge }),
  });
}

async function told({ db, secret }: ApiOptions, session: SignedIn, now: Date): Promise<Session> {
  const { caller, login, sessionId, hasSecondFactor } = session;
  const agency = await agencyFrame(db, caller.agencyId);
  const branches = await listBranches(db.pool, caller.agencyId);
  const departments = await listDepartments(db.pool, caller.agencyId);
  const branchName = (id: number | null) => branches.find((branch) => branch.id === id)?.name ?? null;
  const departmentName = (id: number | null) => departments.find((department) => department.id === id)?.name ?? null;
  const may = deedsOf(caller);
  return {
    person: {
      id: caller.employeeId,
      name: caller.name,
      login,
      branch: branchName(caller.branchId),
      department: departmentName(caller.departmentId),
    },
    agency: { id: agency.id, name: agency.name, timeZone: agency.timeZone },
    grants: caller.grants.map((grant) => ({
      role: grant.role,
      scope: grant.scope,
      label: grantLabel(grant, branchName(grant.branchId), departmentName(grant.departmentId)),
    })),
    may,
    csrf: csrfToken(secret, sessionId),
    secondFactor: {
      isOn: hasSecondFactor,
      isNeeded:
        agency.settings.access.secondFactor === 'required' && DANGEROUS.some((deed) => mayDo(caller, deed, 'anywhere')),
    },
    home: HOMES[highestRole(caller.grants)],
    now: now.toISOString(),
  };
}

/** Where a person's work begins. */
const HOMES = { agent: '/listings', adSpecialist: '/moderation', manager: '/accounts', admin: '/settings' } as const;

const turns = new Map<string, Promise<unknown>>();

/** One attempt of a login after the other: of a hundred at once, ninety-five would not know of the first five. */
async function inTurn<T>(login: string, attempt: () => Promise<T>): Promise<T> {
  const key = login.trim().toLowerCase();
  const mine = (turns.get(key) ?? Promise.resolve()).then(attempt, attempt);
  const over = mine.catch(() => undefined);
  turns.set(key, over);
  try {
    return await mine;
  } finally {
    if (turns.get(key) === over) turns.delete(key);
  }
}

/** @throws HttpProblem 429 with when to try again */
async function proveNotTooOften(
  db: Database,
  who: { readonly login: string; readonly address: string },
  now: Date,
): Promise<void> {
  const { ofLogin, fromAddress, lastAt } = await countFailures(db.pool, who, FAILURES.minutes, now);
  if (ofLogin < FAILURES.ofLogin && fromAddress < FAILURES.fromAddress) return;
  // Each failure over the limit doubles the wait, up to the whole quarter of an hour.
  const seconds = Math.min(2 ** Math.max(0, ofLogin - FAILURES.ofLogin) * 30, FAILURES.minutes * 60);
  const left = lastAt === null ? seconds : Math.ceil((lastAt.getTime() - now.getTime()) / 1000) + seconds;
  if (left <= 0 && fromAddress < FAILURES.fromAddress) return;
  throw new HttpProblem(
    429,
    'too-many-failures',
    `Слишком много неудачных попыток. Повторите через ${Math.max(1, Math.ceil(left / 60))} мин или попросите администратора прислать новую ссылку.`,
    {
      retryAfter: Math.max(1, left),
    },
  );
}

interface Proof {
  readonly password: string;
  readonly code?: string;
}

/** The same with the second factor, where there is one. @throws HttpProblem also `second-factor-needed`, `bad-code` */
const proveWithCode = (options: ApiOptions, session: SignedIn, proof: Proof, request: FastifyRequest, now: Date) =>
  prove(options, session, proof, request, now, (row, who) => proveCode(options, row, proof.code, who, now));

/**
 * The person who is signed in knows the password. Attempts go one after the other: in parallel they would pass the limit.
 * @throws HttpProblem `bad-credentials`, `too-many-failures`
 */
async function prove(
  { db }: ApiOptions,
  session: SignedIn,
  { password }: Pick<Proof, 'password'>,
  request: FastifyRequest,
  now: Date,
  also?: (row: SignInRow, who: { readonly login: string; readonly address: string }) => Promise<void>,
): Promise<SignInRow> {
  const who = { login: session.login, address: request.ip };
  return inTurn(session.login, async () => {
    await proveNotTooOften(db, who, now);
    const row = (await signInById(db.pool, session.signInId))!;
    if (!(await isPassword(row.passwordHash, password))) {
      await noteFailure(db, who, now);
      throw new HttpProblem(403, 'bad-password', 'Пароль не подходит.');
    }
    await also?.(row, who);
    return row;
  });
}

/** @throws HttpProblem `second-factor-needed`, `bad-code` */
async function proveCode(
  { db, secret }: ApiOptions,
  row: SignInRow,
  code: string | undefined,
  who: { readonly login: string; readonly address: string },
  now: Date,
): Promise<void> {
  if (row.totpSecret === null) return;
  if (code === undefined || code.trim() === '')
    throw new HttpProblem(401, 'second-factor-needed', 'Введите код из приложения.');
  const step = stepOf(OTPAuth.Secret.fromBase32(unseal(secret, row.totpSecret)), code, now);
  if (step !== null && (await transaction(db, (client) => takeStep(client, row.id, step)))) return;
  await noteFailure(db, who, now);
  throw new HttpProblem(401, 'bad-code', 'Код не подходит или уже использован: введите новый.');
}

const STEP_SECONDS = 30;

const totpOf = (secret: OTPAuth.Secret, login: string) =>
  new OTPAuth.TOTP({ issuer: 'Vygruzka', label: login, algorithm: 'SHA1', digits: 6, period: STEP_SECONDS, secret });

/** The time step a code belongs to, now or next to it; null: to none. */
function stepOf(secret: OTPAuth.Secret, code: string, now: Date): number | null {
  const token = code.replace(/\s/g, '');
  if (!/^\d{6}$/.test(token)) return null;
  const delta = totpOf(secret, '').validate({ token, timestamp: now.getTime(), window: 1 });
  return delta === null ? null : Math.floor(now.getTime() / 1000 / STEP_SECONDS) + delta;
}

/** Passwords everybody tries first. */
const WORST = new Set([
  'password',
  'пароль',
  '12345678',
  '123456789',
  '1234567890',
  'qwertyui',
  'qwerty123',
  'йцукенгш',
  '11111111',
  '00000000',
  'vygruzka',
  'выгрузка',
]);

/** Length is what counts; no rules of composition. @throws HttpProblem `bad-password` */
export function proveGood(password: string, names: readonly string[]): void {
  const plain = password.trim().toLowerCase();
  const isName = names.some((name) => name !== '' && plain === name.trim().toLowerCase());
  if ([...password].length < 8) throw new HttpProblem(422, 'password-short', 'Пароль: не короче 8 знаков, лучше 15.');
  if (isName || WORST.has(plain) || new Set(plain).size < 3)
    throw new HttpProblem(
      422,
      'password-weak',
      'Такой пароль угадают первым: выберите другой, лучше фразу из нескольких слов.',
    );
}
