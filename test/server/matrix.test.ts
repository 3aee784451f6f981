import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TokenScope } from '../../src/contracts/tokens.ts';
import { ROLES, type Role } from '../../src/domain/people.ts';
import { DEEDS, type Deed, SCOPES, type Scope } from '../../src/domain/rights.ts';
import { API, type Route } from '../../src/server/api.ts';
import { buildApp } from '../../src/server/app.ts';
import { csrfToken, newToken, tokenHash } from '../../src/server/keys.ts';
import { type Subject, setGrants } from '../../src/store/access.ts';
import { addEmployee, ensureBranch, ensureCabinet, ensureDepartment, resolveAgency } from '../../src/store/agencies.ts';
import { openAccount } from '../../src/store/ledger.ts';
import { acceptInvitation, invite, openSession } from '../../src/store/sign-in.ts';
import { addToken } from '../../src/store/tokens.ts';
import { testDatabase } from '../store/testdb.ts';

/**
 * Role × scope × route × place, generated from the registry of routes. What is expected is worked out here anew, from
 * the table of routes (`routes.table.json`, looked through by a person; `ROUTES=write` writes it) and the plain words
 * of the law: a role may what its rank allows, a scope reaches what lies in it, and what one may not see is not there.
 */

const TABLE = join(import.meta.dirname, 'routes.table.json');
const SECRET = 's'.repeat(40);
const now = new Date('2026-11-22T09:00:00.000Z');
/** Answered by the test in place of the handler: the door was open. */
const ADMITTED = 299;
/** Stands in everything of the other branch and of the other agency. */
const CANARY = { branch: 'Канарейкачужогофилиала', agency: 'Канарейкачужогоагентства' };

type Where = 'own' | 'mate' | 'branch' | 'other' | 'agency' | 'foreign' | 'missing';
interface Identity {
  readonly name: string;
  readonly role: Role | null;
  readonly scope: Scope | null;
  readonly headers: Record<string, string>;
}

let base: Awaited<ReturnType<typeof testDatabase>>;
let door: FastifyInstance;
let app: FastifyInstance;
let routes: readonly Route[];
const identities: Identity[] = [];
/** Numbers of things by subject and place; `own` differs from person to person. */
const things = new Map<string, Partial<Record<Where, number>>>();
let keys: { readonly read: string; readonly foreign: string; readonly revoked: string };

async function session(agencyId: number, employeeId: number, login: string): Promise<Record<string, string>> {
  const link = newToken();
  await invite(base.db, { agencyId, employeeId }, tokenHash(link), 'тест', now);
  const row = await acceptInvitation(base.db, tokenHash(link), { login, passwordHash: 'never' }, now);
  const [token, id] = [newToken(), newToken().slice(0, 22)];
  await openSession(base.db, row, { tokenHash: tokenHash(token), id, userAgent: null, address: null }, now);
  return { cookie: `vygruzka=${token}`, 'x-csrf-token': csrfToken(SECRET, id) };
}

async function listing(
  agencyId: number,
  externalId: string,
  title: string,
  employeeId: number | null,
  branchId: number | null,
) {
  const values = JSON.stringify({ externalId, kind: 'flat', deal: 'sale', title, address: title });
  await base.db.pool.query(`insert into source (agency_id, name) values ($1, 'crm') on conflict do nothing`, [
    agencyId,
  ]);
  const made = await base.db.pool.query<{ id: number }>(
    `insert into listing (agency_id, source_id, external_id, branch_id, employee_id, source_values, source_hash, values, values_hash, first_seen_at, changed_at, fresh_at)
     select $1, s.id, $2, $3, $4, $5, 'h', $5, 'h', $6, $6, $6 from source s where s.agency_id = $1 and s.name = 'crm' returning id`,
    [agencyId, externalId, branchId, employeeId, values, now],
  );
  return made.rows[0]!.id;
}

beforeAll(async () => {
  base = await testDatabase();
  const { db } = base;
  const options = { db, dataDir: '/nowhere', secret: SECRET, clock: () => now, logLevel: 'silent' };
  door = buildApp(options);
  door.addHook('preHandler', async (request, reply) => {
    if (request.url.startsWith(API)) return reply.code(ADMITTED).send('admitted');
  });
  app = buildApp(options);
  await Promise.all([door.ready(), app.ready()]);
  routes = door.registry();

  const { id: agencyId } = await resolveAgency(db, 'Дом', true);
  const [north, south] = [
    await ensureBranch(db, agencyId, 'Север'),
    await ensureBranch(db, agencyId, `Юг ${CANARY.branch}`),
  ];
  const [first, second] = [
    await ensureDepartment(db, agencyId, north, 'Первый'),
    await ensureDepartment(db, agencyId, north, 'Второй'),
  ];
  const far = await ensureDepartment(db, agencyId, south, `Третий ${CANARY.branch}`);
  const person = (name: string, branchId: number, departmentId: number) =>
    addEmployee(db, agencyId, { name, phones: [], branchId, departmentId });
  const people = {
    mate: await person('Сосед', north, first),
    branch: await person('Коллега', north, second),
    other: await person('Дальний', south, far),
  };
  const put = (subject: Subject, ids: Partial<Record<Where, number>>) =>
    things.set(subject, { missing: 987_654_321, ...ids });
  put('employee', people);
  put('listing', {
    mate: await listing(agencyId, 'm', 'Соседа', people.mate, null),
    branch: await listing(agencyId, 'b', 'Коллеги', people.branch, null),
    other: await listing(agencyId, CANARY.branch, CANARY.branch, people.other, south),
  });
  const account = async (kind: 'employee' | 'branch' | 'agency', ownerId: number | null) =>
    (await openAccount(db, agencyId, { kind, ownerId }, { name: 'тест' }, now)).id;
  put('account', {
    mate: await account('employee', people.mate),
    branch: await account('branch', north),
    other: await account('branch', south),
    agency: await account('agency', null),
  });
  put('cabinet', {
    agency: await ensureCabinet(db, agencyId, { board: 'avito', slug: 'main', name: 'Авито', family: 'avito' }),
    branch: await ensureCabinet(db, agencyId, { board: 'cian', slug: 'north', name: 'Циан', family: 'cian' }),
    other: await ensureCabinet(db, agencyId, { board: 'cian', slug: 'south', name: 'Циан', family: 'cian' }),
  });
  await db.pool.query('update cabinet set branch_id = $2 where id = $1', [things.get('cabinet')!.branch, north]);
  await db.pool.query('update cabinet set branch_id = $2 where id = $1', [things.get('cabinet')!.other, south]);
  put('branch', { branch: north, other: south });
  put('department', { mate: first, branch: second, other: far });

  for (const role of ROLES) {
    for (const scope of SCOPES) {
      const id = await addEmployee(db, agencyId, {
        name: `${role} ${scope}`,
        phones: [],
        branchId: north,
        departmentId: first,
      });
      await setGrants(
        db,
        agencyId,
        id,
        [
          {
            role,
            scope,
            branchId: scope === 'branch' ? north : null,
            departmentId: scope === 'department' ? first : null,
          },
        ],
        { name: 'тест', person: null },
        now,
      );
      identities.push({
        name: `${role}/${scope}`,
        role,
        scope,
        headers: await session(agencyId, id, `${role}-${scope}`.toLowerCase()),
      });
      things.set(`employee ${role}/${scope}`, { own: id });
      things.set(`listing ${role}/${scope}`, { own: await listing(agencyId, `o-${id}`, 'Свой', id, null) });
      things.set(`account ${role}/${scope}`, { own: await account('employee', id) });
    }
  }
  const { id: foreignAgency } = await resolveAgency(db, CANARY.agency, true);
  const stranger = await addEmployee(db, foreignAgency, { name: `Чужой ${CANARY.agency}`, phones: [], role: 'admin' });
  things.get('listing')!.foreign = await listing(foreignAgency, 'f', CANARY.agency, stranger, null);
  things.get('employee')!.foreign = stranger;
  things.get('cabinet')!.foreign = await ensureCabinet(db, foreignAgency, {
    board: 'avito',
    slug: 'main',
    name: CANARY.agency,
    family: 'avito',
  });
  things.get('branch')!.foreign = await ensureBranch(db, foreignAgency, CANARY.agency);
  identities.push({
    name: 'another agency’s admin',
    role: null,
    scope: null,
    headers: await session(foreignAgency, stranger, 'stranger'),
  });

  const key = async (agency: number, employeeId: number, scopes: readonly TokenScope[]) => {
    const token = `vg_${newToken()}`;
    await addToken(db, agency, { employeeId, name: 'ключ', scopes, tokenHash: tokenHash(token) }, 'тест', now);
    return token;
  };
  const admin = things.get('employee admin/agency')!.own!;
  keys = {
    read: await key(agencyId, admin, ['listings:read']),
    foreign: await key(foreignAgency, stranger, [
      'listings:read',
      'listings:write',
      'accounts:write',
      'settings:write',
    ]),
    revoked: await key(agencyId, admin, ['listings:read']),
  };
  await db.pool.query('update api_token set revoked_at = $2 where token_hash = $1', [tokenHash(keys.revoked), now]);
}, 120_000);
afterAll(async () => {
  await Promise.all([door?.close(), app?.close()]);
  await base.drop();
});

/** A few requests under way at a time. */
async function manyAtOnce(work: readonly (() => Promise<void>)[]): Promise<void> {
  let next = 0;
  const one = async () => {
    while (next < work.length) await work[next++]!();
  };
  await Promise.all(Array.from({ length: 8 }, one));
}

const ofRoute = ({ method, url }: Route) => `${method} ${url}`;
const line = ({ policy }: Route) =>
  [
    policy.deed,
    ...(policy.of ? [`of ${policy.of}${policy.param ? `:${policy.param}` : ''}`] : []),
    `key ${policy.token ?? 'none'}`,
    ...(policy.needsProof ? ['proof'] : []),
    ...(policy.idempotent ? [`idempotent ${policy.idempotent}`] : []),
  ].join(', ');

/** The address with a number for the subject, and something harmless for everything else. */
const address = ({ url, policy }: Route, id: number | undefined) =>
  url.replace(/:(\w+)/g, (_, name: string) =>
    policy.of && policy.of !== 'agency' && name === (policy.param ?? 'id') ? String(id) : '1',
  );

/** From a thousand addresses, or the limit of one would answer. */
let calls = 0;
const remoteAddress = () => `10.0.${(++calls >> 2) & 255}.${calls & 3}`;
const call = (route: Route, id: number | undefined, headers: Record<string, string>) =>
  door.inject({
    method: route.method,
    url: `${API}${address(route, id)}`,
    headers,
    remoteAddress: remoteAddress(),
  });

const rank = (role: Role) => ROLES.indexOf(role);
const mayByRank = (role: Role, deed: Deed) => rank(role) >= rank(DEEDS[deed].least);
const REACHES: Record<Scope, readonly Where[]> = {
  own: ['own'],
  department: ['own', 'mate'],
  branch: ['own', 'mate', 'branch'],
  agency: ['own', 'mate', 'branch', 'other', 'agency'],
};
const SEEN_BY: Record<Subject, Deed> = {
  listing: 'see-listings',
  account: 'see-accounts',
  cabinet: 'see-listings',
  employee: 'see-people',
  branch: 'see-listings',
  department: 'see-listings',
};

/** What must come of it, by the law in plain words. */
function expected({ policy }: Route, { role, scope }: Identity, where: Where | 'anywhere'): 'admitted' | 403 | 404 {
  if (policy.deed === 'public' || policy.deed === 'signed-in') return 'admitted';
  if (policy.of === undefined) return role === null || mayByRank(role, policy.deed) ? 'admitted' : 403;
  if (policy.of === 'agency')
    return role === null || (mayByRank(role, policy.deed) && scope === 'agency') ? 'admitted' : 403;
  if (role === null || scope === null || where === 'missing' || where === 'foreign') return 404;
  const isReached = REACHES[scope].includes(where as Where);
  const seesHere = mayByRank(role, policy.sees ?? SEEN_BY[policy.of]);
  if (!seesHere || !(isReached || (policy.of === 'cabinet' && where === 'agency'))) return 404;
  return isReached && mayByRank(role, policy.deed) ? 'admitted' : 403;
}

async function outcome(route: Route, id: number | undefined, headers: Record<string, string>) {
  const answer = await call(route, id, headers);
  const { statusCode } = answer;
  // Past the door a request may still be malformed: that is told only to those who may send it.
  if ([ADMITTED, 400, 422].includes(statusCode)) return 'admitted';
  const code = answer.json<{ code: string }>().code;
  return statusCode === 403 && ['second-factor-missing', 're-authentication-needed'].includes(code)
    ? 'admitted'
    : statusCode;
}

describe('the table of routes', () => {
  it('is the one that was looked through', () => {
    const table = Object.fromEntries(
      routes.map((route) => [ofRoute(route), line(route)] as const).sort(([a], [b]) => (a < b ? -1 : 1)),
    );
    if (process.env.ROUTES === 'write') writeFileSync(TABLE, `${JSON.stringify(table, null, 2)}\n`);
    expect(table).toEqual(JSON.parse(readFileSync(TABLE, 'utf8')));
  });

  it('lets nothing that changes something be open to everybody, save coming in', () => {
    const open = routes.filter(({ policy, method }) => policy.deed === 'public' && method !== 'GET').map(ofRoute);
    expect(open.sort()).toEqual(['POST /session', 'POST /welcome/:token']);
  });

  it('asks for a key of its own wherever money moves', () => {
    const money: Deed[] = ['money', 'money-back'];
    const careless = routes.filter(
      ({ policy, method, url }) =>
        method !== 'GET' &&
        !url.endsWith('dry-run') &&
        money.includes(policy.deed as Deed) &&
        !(policy.needsProof && policy.idempotent === 'required'),
    );
    expect(careless.map(ofRoute)).toEqual([]);
  });
});

describe('who may come in', () => {
  it('nobody who is signed out, with a dead key, or with another page’s proof', async () => {
    const wrong: string[] = [];
    for (const route of routes.filter(({ policy }) => policy.deed !== 'public')) {
      for (const [who, headers, law] of [
        ['signed out', {}, [401]],
        ['revoked key', { authorization: `Bearer ${keys.revoked}` }, [401]],
        ['guessed key', { authorization: `Bearer vg_${'x'.repeat(43)}` }, [401]],
        ['no page', { cookie: identities.at(-2)!.headers.cookie! }, route.method === 'GET' ? [] : [403]],
      ] as const) {
        if (law.length === 0) continue;
        const { statusCode } = await call(route, 1, headers);
        if (!(law as readonly number[]).includes(statusCode)) wrong.push(`${ofRoute(route)}, ${who}: ${statusCode}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('a program only where its key is good', async () => {
    const wrong: string[] = [];
    for (const route of routes.filter(({ policy }) => policy.deed !== 'public')) {
      const id =
        route.policy.of && route.policy.of !== 'agency'
          ? (things.get(route.policy.of)!.branch ?? things.get(route.policy.of)!.mate)
          : 1;
      const got = await outcome(route, id, { authorization: `Bearer ${keys.read}` });
      const law = route.policy.token === 'listings:read' ? 'admitted' : 403;
      if (got !== law) wrong.push(`${ofRoute(route)}: ${got}, not ${law}`);
    }
    expect(wrong).toEqual([]);
  });

  it('each role, each scope, each place: as the law says', async () => {
    const wrong: string[] = [];
    const asked: (() => Promise<void>)[] = [];
    for (const route of routes) {
      const { of } = route.policy;
      for (const identity of identities) {
        const places: Partial<Record<Where | 'anywhere', number>> =
          of === undefined || of === 'agency'
            ? { anywhere: 1 }
            : { ...things.get(of), ...things.get(`${of} ${identity.name}`) };
        for (const [where, id] of Object.entries(places)) {
          // The other agency's administrator finds his own there; that is a matter of his agency.
          if (where === 'foreign' && identity.role === null) continue;
          asked.push(async () => {
            const [got, law] = [
              await outcome(route, id, identity.headers),
              expected(route, identity, where as Where | 'anywhere'),
            ];
            if (got !== law) wrong.push(`${ofRoute(route)}, ${identity.name}, ${where}: ${got}, not ${law}`);
          });
        }
      }
    }
    await manyAtOnce(asked);
    expect(wrong).toEqual([]);
    expect(asked.length).toBeGreaterThan(1000);
  }, 240_000);
});

describe('what lists show', () => {
  it('nothing of another agency, and no listing of another branch', async () => {
    const wrong: string[] = [];
    const asked: (() => Promise<void>)[] = [];
    // The lists ask for the reach alone: one identity of each is enough, and the highest role sees the most.
    const few = identities.filter(({ name }) =>
      ['agent/own', 'adSpecialist/department', 'manager/branch', 'admin/own', 'admin/branch', 'admin/agency'].includes(
        name,
      ),
    );
    for (const route of routes.filter(
      ({ method, url, policy }) => method === 'GET' && policy.deed !== 'public' && url !== '/events',
    )) {
      for (const { name, scope, headers } of few) {
        const { of } = route.policy;
        const id =
          of === undefined || of === 'agency' ? 1 : (things.get(`${of} ${name}`)?.own ?? things.get(of)?.branch);
        asked.push(async () => {
          const { statusCode, body } = await app.inject({ method: 'GET', url: `${API}${address(route, id)}`, headers });
          if (statusCode >= 500) wrong.push(`${ofRoute(route)}, ${name}: ${statusCode}`);
          if (body.includes(CANARY.agency)) wrong.push(`${ofRoute(route)}, ${name}: shows another agency`);
          if (body.includes(`"${CANARY.branch}"`) && scope !== 'agency')
            wrong.push(`${ofRoute(route)}, ${name}: shows another branch’s listing`);
        });
      }
    }
    await manyAtOnce(asked);
    expect(few.length).toBe(6);
    expect(wrong).toEqual([]);
  }, 240_000);
});
