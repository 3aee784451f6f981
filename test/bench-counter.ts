/**
 * `npm run bench -- --counter`: how long the server takes over what people wait for all day, asked through the real
 * application on a base of that size that has been published. Each request several times; the first one is told apart.
 */
import type { FastifyInstance } from 'fastify';
import { listingAt } from '../fixtures/agency.ts';
import { loadBoards } from '../src/boards/catalogue.ts';
import { systemClock } from '../src/clock.ts';
import type { Case, Given, QueuePage } from '../src/contracts/moderation.ts';
import { publishCabinet } from '../src/export/publish.ts';
import { buildApp } from '../src/server/app.ts';
import { csrfToken, newToken, tokenHash } from '../src/server/keys.ts';
import { setGrants } from '../src/store/access.ts';
import { addEmployee, ensureBranch, ensureCabinet, resolveAgency } from '../src/store/agencies.ts';
import type { Database } from '../src/store/database.ts';
import { importListings } from '../src/store/intake.ts';
import { markListings } from '../src/store/marks.ts';
import { switchOn } from '../src/store/moderation.ts';
import { listCabinets } from '../src/store/publishing.ts';
import { acceptInvitation, invite, openSession } from '../src/store/sign-in.ts';

const BOARDS = ['avito', 'cian', 'yandex', 'domclick'] as const;
const AGENTS = 300;
const TIMES = 15;
const SECRET = 'измерение'.repeat(8);

export interface Asked {
  readonly what: string;
  readonly firstMs: number;
  readonly middleMs: number;
  readonly longestMs: number;
}

export interface CounterReport {
  readonly listings: number;
  readonly marks: number;
  readonly asked: readonly Asked[];
}

type Who = Readonly<Record<string, string>>;

/** What is asked of the server. */
export interface CounterAsk {
  readonly what: string;
  readonly who: Who;
  readonly url: string;
  readonly body?: object;
}

export async function counter(
  db: Database,
  dataDir: string,
  listings: number,
  say: (text: string) => void,
): Promise<CounterReport> {
  const boards = loadBoards();
  const { agencyId, admin, manager, agent, rare } = await counterBase(db, dataDir, listings, say);
  const app = buildApp({ db, dataDir, secret: SECRET, clock: systemClock, logLevel: 'silent', boards });
  await app.ready();
  const ask = (what: string, who: Who, url: string, body?: object): CounterAsk => ({
    what,
    who,
    url,
    ...(body && { body }),
  });
  const q = encodeURIComponent;
  try {
    const first = await app.inject({ url: '/api/v1/listings?limit=200&column=1', headers: admin });
    const page = first.json<{ data: { id: number }[]; page: { next: string } }>();
    const [cabinet] = await listCabinets(db, { agencyId });
    const asks = [
      ask('первая страница, всё агентство', admin, '/listings'),
      ask('первая страница, филиал', manager, '/listings'),
      ask('первая страница, свои', agent, '/listings'),
      ask('пятая страница', admin, `/listings?after=${page.page.next}`),
      ask('с ошибками на Авито', admin, '/listings?board=avito&outcome=blocked'),
      ask('в фиде Циана, дорогие сверху', admin, '/listings?board=cian&outcome=published&sort=-price'),
      ask(
        'продажа, цена от и до, филиал',
        admin,
        '/listings?deal=sale&priceFromKopecks=300000000&priceToKopecks=900000000&branch=1',
      ),
      ask('поиск: частое слово', admin, `/listings?q=${q('улица')}`),
      ask('поиск: два слова', admin, `/listings?q=${q('москва лен')}`),
      ask('поиск: номер', admin, `/listings?q=${q(rare)}`),
      ask('сколько всего', admin, '/listings/total'),
      ask('сколько с ошибками', admin, '/listings/total?outcome=blocked'),
      ask('проба отметки одного объекта', admin, '/marks/dry-run', {
        selection: { ids: page.data.slice(0, 1).map(({ id }) => id) },
        cabinets: [cabinet!.id],
        action: 'unmark',
      }),
      ask('проба отметки 200 объектов', admin, '/marks/dry-run', {
        selection: { ids: page.data.map(({ id }) => id) },
        cabinets: [(await spareCabinet(db, agencyId)).id],
        action: 'mark',
      }),
    ];
    const asked: Asked[] = [];
    for (const one of asks) {
      asked.push(await timed(app, one));
      say(`${asked.at(-1)!.what}: ${JSON.stringify(asked.at(-1))}`);
    }
    asked.push(...(await moderation(app, db, dataDir, agencyId, admin, say)));
    const marks = await db.pool.query<{ count: number }>('select count(*)::int as count from mark where is_live');
    return { listings, marks: marks.rows[0]!.count, asked };
  } finally {
    await app.close();
  }
}

/** Edits that wait for a moderator. */
const WAITING = 300;

/** A moderator at work: the queue, a case, and from a verdict to the next case. */
async function moderation(
  app: FastifyInstance,
  db: Database,
  dataDir: string,
  agencyId: number,
  who: Who,
  say: (text: string) => void,
): Promise<Asked[]> {
  const [cabinet] = await listCabinets(db, { agencyId, board: 'cian' });
  const actor = { employeeId: null, name: 'измерение', role: 'admin' } as const;
  // Some of them are the measuring person's own.
  await db.pool.query(
    `update agency set settings = settings || '{"moderation":{"mayApproveOwn":true}}' where id = $1`,
    [agencyId],
  );
  await switchOn(db, agencyId, { cabinetId: cabinet!.id }, 'on', { actor }, new Date());
  await db.pool.query(
    `update listing set values = jsonb_set(values, '{description}', to_jsonb(values->>'description' || ' Новое предложение модератору.')),
       values_hash = md5(values_hash), changed_at = now()
     where agency_id = $1 and id in (select listing_id from mark_outcome where cabinet_id = $2 and outcome = 'published' order by listing_id limit $3)`,
    [agencyId, cabinet!.id, WAITING],
  );
  await publishCabinet(cabinet!, { db, boards: loadBoards(), dataDir, clock: systemClock });
  const get = (url: string) => app.inject({ url: `/api/v1${url}`, headers: { ...who } });
  const queue = (await get('/moderation')).json<QueuePage>();
  say(`Модерация: ждут ${queue.page.total}`);
  const verdicts: number[] = [];
  const next: number[] = [];
  let id = queue.data[0]!.id;
  for (let time = 0; time < TIMES; time++) {
    const { version } = (await get(`/moderation/${id}`)).json<Case>();
    const startedAt = performance.now();
    const given = await app.inject({
      method: 'POST',
      url: `/api/v1/moderation/${id}/verdict`,
      headers: { ...who, 'if-match': `"${version}"`, 'idempotency-key': newToken() },
      payload: { verdict: 'approved' },
    });
    if (given.statusCode !== 200) throw new Error(`verdict: ${given.statusCode} ${given.body}`);
    verdicts.push(performance.now() - startedAt);
    id = given.json<Given>().next!;
    await get(`/moderation/${id}`);
    next.push(performance.now() - startedAt);
  }
  return [
    await timed(app, { what: `очередь модератора, ждут ${queue.page.total}`, who, url: '/moderation' }),
    await timed(app, { what: 'отличия одного объекта', who, url: `/moderation/${id}` }),
    summed('вердикт', verdicts),
    summed('от вердикта до следующего объекта', next),
  ];
}

/** An agency of two branches with people, listings, marks and editions; and who is signed in. */
async function counterBase(db: Database, dataDir: string, listings: number, say: (text: string) => void) {
  const boards = loadBoards();
  const { id: agencyId } = await resolveAgency(db, undefined, true);
  const branches = [await ensureBranch(db, agencyId, 'Центр'), await ensureBranch(db, agencyId, 'Север')];
  const people: number[] = [];
  for (let index = 0; index < AGENTS; index++)
    people.push(
      await addEmployee(db, agencyId, { name: `Агент ${index}`, phones: [], branchId: branches[index % 2]! }),
    );
  function* stock() {
    for (let index = 0; index < listings; index++)
      yield { values: listingAt(index), employeeId: people[index % AGENTS]! };
  }
  const startedAt = performance.now();
  await importListings(db, { agencyId, source: 'bench' }, stock(), new Date());
  say(`База: ${listings} объектов за ${Math.round((performance.now() - startedAt) / 1000)} с`);
  for (const board of BOARDS) {
    const { family } = boards.find(({ id }) => id === board)!;
    const id = await ensureCabinet(db, agencyId, { board, slug: 'main', name: board, family });
    await markListings(db, agencyId, id, undefined, new Date());
  }
  await db.pool.query('vacuum analyze');
  for (const cabinet of await listCabinets(db, { agencyId })) {
    await publishCabinet(cabinet, { db, boards, dataDir, clock: systemClock });
    say(`${cabinet.board}: издание готово`);
  }
  await db.pool.query('vacuum analyze');
  const signedIn = async (
    employeeId: number,
    scope: 'own' | 'branch' | 'agency',
    role: 'agent' | 'manager' | 'admin',
  ) => {
    const branchId = scope === 'branch' ? branches[0]! : null;
    const grants = [{ role, scope, branchId, departmentId: null }] as const;
    await setGrants(db, agencyId, employeeId, grants, { name: 'измерение', person: null }, new Date());
    const link = newToken();
    await invite(db, { agencyId, employeeId }, tokenHash(link), 'измерение', new Date());
    const login = `bench-${employeeId}`;
    const row = await acceptInvitation(db, tokenHash(link), { login, passwordHash: 'never' }, new Date());
    const [token, id] = [newToken(), newToken().slice(0, 22)];
    await openSession(db, row, { tokenHash: tokenHash(token), id, userAgent: null, address: null }, new Date());
    return { cookie: `vygruzka=${token}`, 'x-csrf-token': csrfToken(SECRET, id) };
  };
  return {
    agencyId,
    admin: await signedIn(people[0]!, 'agency', 'admin'),
    manager: await signedIn(people[2]!, 'branch', 'manager'),
    agent: await signedIn(people[1]!, 'own', 'agent'),
    rare: listingAt(Math.floor(listings / 2)).externalId,
  };
}

/** A cabinet in which nothing is marked yet. */
async function spareCabinet(db: Database, agencyId: number) {
  const id = await ensureCabinet(db, agencyId, { board: 'yandex', slug: 'spare', name: 'Запасной', family: 'yandex' });
  return (await listCabinets(db, { agencyId })).find((row) => row.id === id)!;
}

async function timed(app: FastifyInstance, { what, who, url, body }: CounterAsk): Promise<Asked> {
  const times: number[] = [];
  for (let time = 0; time < TIMES; time++) {
    const startedAt = performance.now();
    const answer = await app.inject({
      method: body ? 'POST' : 'GET',
      url: `/api/v1${url}`,
      headers: { ...who },
      ...(body && { payload: body }),
    });
    times.push(performance.now() - startedAt);
    if (answer.statusCode !== 200) throw new Error(`${url}: ${answer.statusCode} ${answer.body}`);
  }
  return summed(what, times);
}

function summed(what: string, times: readonly number[]): Asked {
  const sorted = times.slice(1).sort((a, b) => a - b);
  const round = (ms: number) => Number(ms.toFixed(1));
  return {
    what,
    firstMs: round(times[0]!),
    middleMs: round(sorted[Math.floor(sorted.length / 2)]!),
    longestMs: round(sorted.at(-1)!),
  };
}

export function counterText(report: CounterReport & { readonly machine: string }): string {
  return [
    `${report.listings} объектов, ${report.marks} отметок, ${report.machine}`,
    ...report.asked.map(
      ({ what, firstMs, middleMs, longestMs }) =>
        `${what}: обычно ${middleMs} мс, дольше всего ${longestMs} мс, в первый раз ${firstMs} мс`,
    ),
  ].join('\n');
}
