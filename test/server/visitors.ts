/** The counter with people at it, for tests of routes: who is let in needs no password here. */
import type { FastifyInstance } from 'fastify';
import type { Grant } from '../../src/domain/rights.ts';
import { type AppOptions, buildApp } from '../../src/server/app.ts';
import { csrfToken, newToken, tokenHash } from '../../src/server/keys.ts';
import { setGrants } from '../../src/store/access.ts';
import { addEmployee, type NewEmployee } from '../../src/store/agencies.ts';
import type { Database } from '../../src/store/database.ts';
import { acceptInvitation, invite, openSession } from '../../src/store/sign-in.ts';

const SECRET = 's'.repeat(40);

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  readonly body: any;
}

/** One person's browser. */
export interface Visitor {
  readonly id: number;
  readonly headers: Record<string, string>;
  get(url: string, headers?: Record<string, string>): Promise<Answer>;
  send(
    method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    url: string,
    payload?: object,
    headers?: Record<string, string>,
  ): Promise<Answer>;
}

export interface Counter {
  readonly app: FastifyInstance;
  /** Adds somebody with these rights (an agent's of the usual reach where none are given) and signs in. */
  come(person: Partial<NewEmployee> & { readonly name: string }, grants?: readonly Partial<Grant>[]): Promise<Visitor>;
  close(): Promise<void>;
}

export async function counter(
  db: Database,
  agencyId: number,
  clock: () => Date,
  more: Partial<AppOptions> = {},
): Promise<Counter> {
  const app = buildApp({ db, dataDir: '/nowhere', secret: SECRET, clock, logLevel: 'silent', ...more });
  await app.ready();
  let logins = 0;
  return {
    app,
    close: () => app.close(),
    async come(person, grants) {
      const now = clock();
      const id = await addEmployee(db, agencyId, { phones: [], ...person });
      if (grants)
        await setGrants(
          db,
          agencyId,
          id,
          grants.map((grant) => ({ role: 'agent', scope: 'agency', branchId: null, departmentId: null, ...grant })),
          { name: 'тест', person: null },
          now,
        );
      const link = newToken();
      await invite(db, { agencyId, employeeId: id }, tokenHash(link), 'тест', now);
      const login = `visitor${agencyId}-${++logins}`;
      const row = await acceptInvitation(db, tokenHash(link), { login, passwordHash: 'never' }, now);
      const [token, session] = [newToken(), newToken().slice(0, 22)];
      await openSession(db, row, { tokenHash: tokenHash(token), id: session, userAgent: null, address: null }, now);
      const own = { cookie: `vygruzka=${token}`, 'x-csrf-token': csrfToken(SECRET, session) };
      const ask = async (method: string, url: string, payload?: object, headers: Record<string, string> = {}) => {
        const answer = await app.inject({
          method: method as 'GET',
          url: `/api/v1${url}`,
          headers: { ...own, ...headers },
          ...(payload && { payload }),
        });
        const isJson = String(answer.headers['content-type'] ?? '').includes('json');
        return {
          status: answer.statusCode,
          headers: answer.headers,
          text: answer.body,
          body: isJson ? answer.json() : undefined,
        };
      };
      return {
        id,
        headers: own,
        get: (url, headers) => ask('GET', url, undefined, headers),
        send: ask,
      };
    },
  };
}
