import { Refusal } from '../domain/fault.ts';
import { CALLER_COLUMNS, type Caller, callerOf, endSessionsOf } from './access.ts';
import { DEFAULT_AGENCY } from './agencies.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { record } from './journal.ts';

/** Sign-ins, sessions and the links that let somebody in once. Tokens come here as hashes only. */

/** A session without a sign of life for so long is over … */
export const IDLE_HOURS = 12;
/** … and every session after so long. */
export const SESSION_DAYS = 7;
/** How long a link lets somebody in. */
export const INVITATION_DAYS = 7;
/** Signs of life are written down so rarely, not with every request. */
const SEEN_SECONDS = 60;

export interface SignedIn {
  readonly caller: Caller;
  readonly signInId: number;
  readonly sessionId: string;
  readonly login: string;
  /** When the person last proved who they are. */
  readonly provedAt: Date;
  readonly hasSecondFactor: boolean;
}

const ALIVE = `s.created_at > $2::timestamptz - interval '${SESSION_DAYS} days' and s.seen_at > $2::timestamptz - interval '${IDLE_HOURS} hours'`;

/** Who holds this session, with what they may; undefined: the session is over or never was. */
export async function sessionHolder(client: Queryable, tokenHash: string, now: Date): Promise<SignedIn | undefined> {
  const found = await client.query(
    `select s.id as "sessionId", s.sign_in_id as "signInId", s.seen_at as "seenAt", s.proved_at as "provedAt", i.login,
       i.totp_secret is not null as "hasSecondFactor", ${CALLER_COLUMNS}
     from session s join sign_in i on i.id = s.sign_in_id
       join employee e on e.agency_id = i.agency_id and e.id = i.employee_id and e.is_active
       join agency a on a.id = e.agency_id
     where s.token_hash = $1 and ${ALIVE}`,
    [tokenHash, now],
  );
  const row = found.rows[0];
  if (!row) return undefined;
  if (now.getTime() - row.seenAt.getTime() > SEEN_SECONDS * 1000)
    await client.query('update session set seen_at = greatest(seen_at, $2) where token_hash = $1', [tokenHash, now]);
  const { sessionId, signInId, login, provedAt, hasSecondFactor } = row;
  return { caller: callerOf(row), sessionId, signInId, login, provedAt, hasSecondFactor };
}

export interface SignInRow {
  readonly id: number;
  readonly login: string;
  readonly passwordHash: string | null;
  readonly totpSecret: string | null;
  readonly totpStep: number | null;
  readonly agencyId: number;
  readonly employeeId: number;
  readonly name: string;
  readonly isActive: boolean;
}

const SIGN_IN = `i.id, i.login, i.password_hash as "passwordHash", i.totp_secret as "totpSecret", i.totp_step as "totpStep",
  i.agency_id as "agencyId", i.employee_id as "employeeId", e.name, e.is_active as "isActive"`;

export const plainLogin = (login: string) => login.trim().toLowerCase();

export async function signInByLogin(client: Queryable, login: string): Promise<SignInRow | undefined> {
  const found = await client.query<SignInRow>(
    `select ${SIGN_IN} from sign_in i join employee e on e.agency_id = i.agency_id and e.id = i.employee_id where i.login = $1`,
    [plainLogin(login)],
  );
  return found.rows[0];
}

export async function signInById(client: Queryable, id: number): Promise<SignInRow | undefined> {
  const found = await client.query<SignInRow>(
    `select ${SIGN_IN} from sign_in i join employee e on e.agency_id = i.agency_id and e.id = i.employee_id where i.id = $1`,
    [id],
  );
  return found.rows[0];
}

/** Logins of the agency's people, by employee. */
export async function listSignIns(
  client: Queryable,
  agencyId: number,
): Promise<
  ReadonlyMap<number, { readonly login: string; readonly hasSecondFactor: boolean; readonly hasPassword: boolean }>
> {
  const found = await client.query(
    `select employee_id as id, login, totp_secret is not null as "hasSecondFactor", password_hash is not null as "hasPassword"
     from sign_in where agency_id = $1`,
    [agencyId],
  );
  return new Map(found.rows.map(({ id, ...rest }) => [id, rest]));
}

/** Failures of the last `minutes`: of a login, and from an address. */
export async function countFailures(
  client: Queryable,
  { login, address }: { readonly login: string; readonly address: string },
  minutes: number,
  now: Date,
): Promise<{ readonly ofLogin: number; readonly fromAddress: number; readonly lastAt: Date | null }> {
  const found = await client.query(
    `select count(*) filter (where login = $1)::int as "ofLogin", count(*) filter (where address = $2)::int as "fromAddress",
       max(at) filter (where login = $1) as "lastAt"
     from sign_in_failure where (login = $1 or address = $2) and at > $3::timestamptz - make_interval(mins => $4)`,
    [plainLogin(login), address, now, minutes],
  );
  return found.rows[0];
}

export async function noteFailure(
  db: Database,
  { login, address }: { readonly login: string; readonly address: string },
  now: Date,
): Promise<void> {
  await db.pool.query('insert into sign_in_failure (login, address, at) values ($1, $2, $3)', [
    plainLogin(login).slice(0, 200),
    address,
    now,
  ]);
  await db.pool.query(`delete from sign_in_failure where at < $1::timestamptz - interval '1 day'`, [now]);
}

export interface NewSession {
  readonly tokenHash: string;
  readonly id: string;
  readonly userAgent: string | null;
  readonly address: string | null;
}

/** Opens a session for somebody who has proved who they are; earlier failures are forgiven, old sessions swept. */
export function openSession(db: Database, signIn: SignInRow, session: NewSession, now: Date): Promise<void> {
  return transaction(db, async (client) => {
    await client.query(
      `insert into session (token_hash, id, sign_in_id, created_at, seen_at, proved_at, user_agent, address)
       values ($1, $2, $3, $4, $4, $4, $5, $6)`,
      [session.tokenHash, session.id, signIn.id, now, session.userAgent, session.address],
    );
    await client.query('delete from sign_in_failure where login = $1', [signIn.login]);
    await client.query(`delete from session s where s.sign_in_id = $1 and not (${ALIVE})`, [signIn.id, now]);
    await record(
      client,
      signIn.agencyId,
      { by: signIn.name, action: 'signed-in', facts: { address: session.address } },
      now,
    );
  });
}

export async function endSession(client: Queryable, tokenHash: string): Promise<void> {
  await client.query('delete from session where token_hash = $1', [tokenHash]);
}

/** Ends sessions of one person: the named one, or all but one. @returns how many */
export async function endSessions(
  client: Queryable,
  signInId: number,
  which: { readonly id: string } | { readonly exceptId: string | null },
): Promise<number> {
  const ended =
    'id' in which
      ? await client.query('delete from session where sign_in_id = $1 and id = $2', [signInId, which.id])
      : await client.query('delete from session where sign_in_id = $1 and id is distinct from $2', [
          signInId,
          which.exceptId,
        ]);
  return ended.rowCount ?? 0;
}

/** Puts an employee out everywhere. @returns how many sessions ended */
export function putOut(db: Database, agencyId: number, employeeId: number, by: string, now: Date): Promise<number> {
  return transaction(db, async (client) => {
    const found = await client.query<{ id: number }>(
      'select id from sign_in where agency_id = $1 and employee_id = $2',
      [agencyId, employeeId],
    );
    const signInId = found.rows[0]?.id;
    const count = signInId === undefined ? 0 : await endSessions(client, signInId, { exceptId: null });
    await record(client, agencyId, { by, action: 'sessions-ended', facts: { employeeId, count } }, now);
    return count;
  });
}

export interface SessionRow {
  readonly id: string;
  readonly createdAt: Date;
  readonly seenAt: Date;
  readonly userAgent: string | null;
  readonly address: string | null;
}

export async function listSessions(client: Queryable, signInId: number, now: Date): Promise<SessionRow[]> {
  const found = await client.query<SessionRow>(
    `select s.id, s.created_at as "createdAt", s.seen_at as "seenAt", s.user_agent as "userAgent", s.address
     from session s where s.sign_in_id = $1 and ${ALIVE} order by s.seen_at desc`,
    [signInId, now],
  );
  return found.rows;
}

export async function noteProof(client: Queryable, tokenHash: string, now: Date): Promise<void> {
  await client.query('update session set proved_at = $2 where token_hash = $1', [tokenHash, now]);
}

/** A new password ends every other session. */
export function setPassword(
  db: Database,
  signIn: Pick<SignInRow, 'id' | 'agencyId' | 'name'>,
  passwordHash: string,
  keepSessionId: string | null,
  now: Date,
): Promise<void> {
  return transaction(db, async (client) => {
    await client.query('update sign_in set password_hash = $2, password_changed_at = $3 where id = $1', [
      signIn.id,
      passwordHash,
      now,
    ]);
    await endSessions(client, signIn.id, { exceptId: keepSessionId });
    await record(client, signIn.agencyId, { by: signIn.name, action: 'password-changed' }, now);
  });
}

/** Turns the second factor on (a sealed secret) or off (null). */
export function setSecondFactor(
  db: Database,
  signIn: Pick<SignInRow, 'id' | 'agencyId' | 'name'>,
  secret: string | null,
  step: number | null,
  now: Date,
): Promise<void> {
  return transaction(db, async (client) => {
    await client.query('update sign_in set totp_secret = $2, totp_step = $3 where id = $1', [signIn.id, secret, step]);
    await record(
      client,
      signIn.agencyId,
      { by: signIn.name, action: secret === null ? 'second-factor-off' : 'second-factor-on' },
      now,
    );
  });
}

/** Uses up the step of a code; false: it, or a later one, was used before. */
export async function takeStep(client: Queryable, signInId: number, step: number): Promise<boolean> {
  const taken = await client.query('update sign_in set totp_step = $2 where id = $1 and coalesce(totp_step, 0) < $2', [
    signInId,
    step,
  ]);
  return taken.rowCount === 1;
}

export interface InvitationRow {
  readonly agencyId: number | null;
  readonly employeeId: number | null;
  readonly agency: string | null;
  readonly name: string | null;
  readonly login: string | null;
}

/** A link for an employee, or for the first administrator (no employee). Earlier links of the same person end. */
export function invite(
  db: Database,
  whom: { readonly agencyId: number; readonly employeeId: number } | null,
  tokenHash: string,
  by: string,
  now: Date,
): Promise<void> {
  return transaction(db, async (client) => {
    await client.query(
      'delete from invitation where agency_id is not distinct from $1 and employee_id is not distinct from $2 and used_at is null',
      [whom?.agencyId ?? null, whom?.employeeId ?? null],
    );
    await client.query(
      `insert into invitation (token_hash, agency_id, employee_id, by, created_at, expires_at)
       values ($1, $2, $3, $4, $5, $5::timestamptz + make_interval(days => $6))`,
      [tokenHash, whom?.agencyId ?? null, whom?.employeeId ?? null, by, now, INVITATION_DAYS],
    );
    if (whom)
      await record(client, whom.agencyId, { by, action: 'invited', facts: { employeeId: whom.employeeId } }, now);
  });
}

/** Whom a link is for; undefined: used, too old or never given. */
export async function openInvitation(
  client: Queryable,
  tokenHash: string,
  now: Date,
): Promise<InvitationRow | undefined> {
  const found = await client.query<InvitationRow>(
    `select v.agency_id as "agencyId", v.employee_id as "employeeId", a.name as agency, e.name, i.login
     from invitation v left join employee e on e.agency_id = v.agency_id and e.id = v.employee_id
       left join agency a on a.id = v.agency_id
       left join sign_in i on i.agency_id = v.agency_id and i.employee_id = v.employee_id
     where v.token_hash = $1 and v.used_at is null and v.expires_at > $2 and (v.employee_id is null or e.is_active)`,
    [tokenHash, now],
  );
  return found.rows[0];
}

/** Has anybody a password yet? Without one the installation waits for its first administrator. */
export async function hasSignIns(client: Queryable): Promise<boolean> {
  const found = await client.query('select 1 from sign_in where password_hash is not null limit 1');
  return found.rows.length > 0;
}

/**
 * Uses up a link: the person gets the login and the password. The first administrator gets an employee of the role
 * `admin` in the only agency there is, or in the named one, which is made when it is not there.
 * @throws Refusal `invitation-over`, `login-taken`
 */
export function acceptInvitation(
  db: Database,
  tokenHash: string,
  wanted: { readonly login: string; readonly passwordHash: string; readonly name?: string; readonly agency?: string },
  now: Date,
): Promise<SignInRow> {
  return transaction(db, async (client) => {
    const used = await client.query<{ agencyId: number | null; employeeId: number | null }>(
      `update invitation set used_at = $2 where token_hash = $1 and used_at is null and expires_at > $2
       returning agency_id as "agencyId", employee_id as "employeeId"`,
      [tokenHash, now],
    );
    const found = used.rows[0];
    if (!found) throw new Refusal('invitation-over', 'Ссылка уже использована или устарела: попросите новую.');
    const { agencyId, employeeId } =
      found.employeeId === null
        ? await firstAdministrator(client, wanted.agency ?? 'Агентство', wanted.name ?? wanted.login)
        : { agencyId: found.agencyId!, employeeId: found.employeeId };
    const login = plainLogin(wanted.login);
    const taken = await client.query(
      'select 1 from sign_in where login = $1 and (agency_id, employee_id) is distinct from ($2, $3)',
      [login, agencyId, employeeId],
    );
    if (taken.rows.length > 0)
      throw new Refusal('login-taken', `Имя для входа «${login}» уже занято: выберите другое.`);
    await client.query(
      `insert into sign_in (login, password_hash, password_changed_at, agency_id, employee_id, created_at) values ($1, $2, $3, $4, $5, $3)
       on conflict (agency_id, employee_id) do update set login = excluded.login, password_hash = excluded.password_hash,
         password_changed_at = excluded.password_changed_at, totp_secret = null, totp_step = null`,
      [login, wanted.passwordHash, now, agencyId, employeeId],
    );
    await endSessionsOf(client, agencyId, employeeId);
    const row = (await signInByLogin(client, login))!;
    await record(client, agencyId, { by: row.name, action: 'invitation-used', facts: { employeeId } }, now);
    return row;
  });
}

async function firstAdministrator(
  client: Queryable,
  agency: string,
  name: string,
): Promise<{ agencyId: number; employeeId: number }> {
  // An import may have come first, and made the agency before anybody could name it.
  const all = await client.query<{ id: number; name: string }>('select id, name from agency order by id');
  const only = all.rows.length === 1 ? all.rows[0]! : undefined;
  let agencyId = (only ?? all.rows.find(({ name }) => name === agency))?.id;
  if (only?.name === DEFAULT_AGENCY) await client.query('update agency set name = $2 where id = $1', [only.id, agency]);
  if (agencyId === undefined) {
    const made = await client.query<{ id: number }>('insert into agency (name) values ($1) returning id', [agency]);
    agencyId = made.rows[0]!.id;
  }
  const made = await client.query<{ id: number }>(
    `insert into employee (agency_id, name, role) values ($1, $2, 'admin') returning id`,
    [agencyId, name],
  );
  return { agencyId, employeeId: made.rows[0]!.id };
}
