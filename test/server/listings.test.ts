/** «Объекты»: what a person finds, what many at once would cost and do, and how it is taken back. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listingAt } from '../../fixtures/agency.ts';
import { loadBoards } from '../../src/boards/catalogue.ts';
import type { Bulk, DryRunAnswer, ListingsPage, ListingsTotal } from '../../src/contracts/listings.ts';
import type { Role } from '../../src/domain/people.ts';
import type { Scope } from '../../src/domain/rights.ts';
import { publishCabinet } from '../../src/export/publish.ts';
import { buildApp } from '../../src/server/app.ts';
import { csrfToken, newToken, tokenHash } from '../../src/server/keys.ts';
import { setGrants } from '../../src/store/access.ts';
import { addEmployee, ensureBranch, ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import { importListings } from '../../src/store/intake.ts';
import { openAccount, topUp } from '../../src/store/ledger.ts';
import { forbid } from '../../src/store/market.ts';
import { type CabinetRow, listCabinets } from '../../src/store/publishing.ts';
import { acceptInvitation, invite, openSession } from '../../src/store/sign-in.ts';
import { testDatabase } from '../store/testdb.ts';

const boards = loadBoards();
const SECRET = 's'.repeat(40);
const BY = { name: 'проверка' };
let base: Awaited<ReturnType<typeof testDatabase>>;
let app: FastifyInstance;
let dataDir: string;
let nowMs = Date.UTC(2026, 10, 21, 9);
const clock = () => new Date(nowMs++);
let agencyId: number;
/** Irina and Pyotr work in «Центр», Vera in «Север»; nobody has the last listing. */
const people: Record<string, number> = {};
const branches: Record<string, number> = {};
let ids: number[];
let cabinets: readonly CabinetRow[];
type Headers = Record<string, string>;
const as: Record<string, Headers> = {};

const rows = async <T>(sql: string, values: unknown[] = []) => (await base.db.pool.query(sql, values)).rows as T[];

async function signedIn(of: number, employeeId: number, login: string): Promise<Headers> {
  const link = newToken();
  await invite(base.db, { agencyId: of, employeeId }, tokenHash(link), 'тест', clock());
  const row = await acceptInvitation(base.db, tokenHash(link), { login, passwordHash: 'never' }, clock());
  const [token, id] = [newToken(), newToken().slice(0, 22)];
  await openSession(base.db, row, { tokenHash: tokenHash(token), id, userAgent: null, address: null }, clock());
  return { cookie: `vygruzka=${token}`, 'x-csrf-token': csrfToken(SECRET, id) };
}

async function get<T>(who: string, url: string): Promise<T> {
  const answer = await app.inject({ method: 'GET', url: `/api/v1${url}`, headers: as[who]! });
  expect([url, answer.statusCode, answer.statusCode === 200 ? '' : answer.body]).toEqual([url, 200, '']);
  return answer.json<T>();
}
const post = (who: string, url: string, payload: object) =>
  app.inject({ method: 'POST', url: `/api/v1${url}`, headers: as[who]!, payload });
async function done<T>(who: string, url: string, payload: object = {}): Promise<T> {
  const answer = await post(who, url, payload);
  expect([url, answer.statusCode < 300, answer.statusCode < 300 ? '' : answer.body]).toEqual([url, true, '']);
  return answer.json<T>();
}

/** Places of the found listings in the order of the base: 0 is the first. */
const found = async (who: string, query: string) =>
  (await get<ListingsPage>(who, `/listings?${query}`)).data.map(({ id }) => ids.indexOf(id));
const liveMarks = async (cabinet: CabinetRow) =>
  (
    await rows<{ id: number }>('select listing_id as id from mark where cabinet_id = $1 and is_live order by 1', [
      cabinet.id,
    ])
  ).map(({ id }) => ids.indexOf(id));
const publish = async () => {
  for (const cabinet of cabinets) await publishCabinet(cabinet, { db: base.db, boards, dataDir, clock });
};

beforeAll(async () => {
  base = await testDatabase();
  dataDir = await mkdtemp(join(tmpdir(), 'listings-'));
  app = buildApp({ db: base.db, dataDir, secret: SECRET, clock, logLevel: process.env.LOG ?? 'silent', boards });
  await app.ready();
  agencyId = (await resolveAgency(base.db, 'Дом', true)).id;
  for (const name of ['Центр', 'Север']) branches[name] = await ensureBranch(base.db, agencyId, name);
  const person = async (name: string, branch: string, role: Role, scope: Scope) => {
    const id = await addEmployee(base.db, agencyId, {
      name,
      phones: ['+79161234567'],
      branchId: branches[branch]!,
      role,
    });
    people[name] = id;
    const branchId = scope === 'branch' ? branches[branch]! : null;
    await setGrants(
      base.db,
      agencyId,
      id,
      [{ role, scope, branchId, departmentId: null }],
      { name: 'тест', person: null },
      clock(),
    );
    as[name] = await signedIn(agencyId, id, name);
  };
  await person('Ирина', 'Центр', 'agent', 'own');
  await person('Пётр', 'Центр', 'agent', 'own');
  await person('Вера', 'Север', 'agent', 'own');
  await person('Ольга', 'Центр', 'manager', 'branch');
  await person('Анна', 'Центр', 'admin', 'agency');
  const owners = [people.Ирина!, people.Пётр!, people.Вера!];
  const listings = Array.from({ length: 10 }, (_, index) => ({
    values: {
      ...listingAt(1),
      externalId: `L-${100 + index}`,
      apartmentNumber: String(index),
      address: index === 3 ? 'Екатеринбург, улица Ёлочная, 12' : `Москва, Мира ${index}`,
      priceKopecks: (index + 1) * 1_000_000_00,
      // The board wants to know.
      ...(index === 4 && { photos: [] as never }),
    },
    employeeId: index === 9 ? null : owners[index % 3]!,
  }));
  await importListings(base.db, { agencyId, source: 'crm' }, listings, clock());
  ids = (await rows<{ id: number }>('select id from listing where agency_id = $1 order by id', [agencyId])).map(
    ({ id }) => id,
  );
  await forbid(base.db, agencyId, ids[6]!, 'собственник против', { name: 'тест', role: 'admin' }, clock());
  for (const [board, slug] of [
    ['yandex', 'main'],
    ['domclick', 'main'],
    ['cian', 'sever'],
  ] as const)
    await ensureCabinet(base.db, agencyId, {
      board,
      slug,
      name: board,
      family: boards.find(({ id }) => id === board)!.family,
    });
  await rows('update cabinet set branch_id = $2 where agency_id = $1 and board = $3', [
    agencyId,
    branches.Север,
    'cian',
  ]);
  cabinets = await listCabinets(base.db, { agencyId });
  // Another agency, with a namesake of everything.
  const other = await resolveAgency(base.db, 'Чужие', true);
  const stranger = await addEmployee(base.db, other.id, { name: 'Чужой', phones: [], role: 'admin' });
  await importListings(
    base.db,
    { agencyId: other.id, source: 'crm' },
    [{ values: listings[3]!.values, employeeId: stranger }],
    clock(),
  );
  as.Чужой = await signedIn(other.id, stranger, 'stranger');
}, 60_000);
afterAll(async () => {
  await app.close();
  await base.drop();
  await rm(dataDir, { recursive: true, force: true });
});

describe('the list', () => {
  it('is everybody’s own part of the agency, and no other agency’s', async () => {
    expect((await found('Ирина', 'sort=id')).sort()).toEqual([0, 3, 6]);
    expect((await found('Ольга', 'sort=id')).sort()).toEqual([0, 1, 3, 4, 6, 7]);
    expect((await found('Анна', 'sort=id')).length).toBe(10);
    const theirs = await get<ListingsPage>('Чужой', '/listings');
    expect(theirs.data.map(({ id }) => ids.includes(id))).toEqual([false]);
    expect((await app.inject({ url: '/api/v1/listings' })).statusCode).toBe(401);
  });

  it('comes in pages that join without a gap, in every order', async () => {
    for (const sort of ['changedAt', '-changedAt', 'price', '-price', 'id', '-id']) {
      const all: number[] = [];
      for (let after = ''; ; ) {
        const page = await get<ListingsPage>('Анна', `/listings?limit=3&sort=${sort}${after}`);
        all.push(...page.data.map(({ id }) => ids.indexOf(id)));
        if (page.page.next === null) break;
        after = `&after=${page.page.next}`;
      }
      const up = Array.from({ length: 10 }, (_, index) => index);
      expect([sort, all]).toEqual([sort, sort.startsWith('-') ? up.toReversed() : up]);
    }
    expect((await app.inject({ url: '/api/v1/listings?after=nonsense', headers: as.Анна! })).statusCode).toBe(400);
  });

  it('is searched by beginnings of words, ё or е, and by our number', async () => {
    expect(await found('Анна', `q=${encodeURIComponent('ЕЛОЧ екатер')}`)).toEqual([3]);
    expect(await found('Анна', 'q=L-104')).toEqual([4]);
    expect(await found('Анна', `q=${encodeURIComponent(`#${ids[5]}`)}`)).toEqual([5]);
    expect(await found('Анна', `q=${ids[5]}`)).toContain(5);
    expect(await found('Анна', `q=${encodeURIComponent("o'brien \\ ) (")}`)).toEqual([]);
    expect(await found('Ирина', `q=${encodeURIComponent(`#${ids[5]}`)}`)).toEqual([]);
  });

  it('is narrowed by the words of its address', async () => {
    expect(await found('Анна', `employee=${people.Вера}&sort=id`)).toEqual([2, 5, 8]);
    expect(await found('Анна', `branch=${branches.Север}&sort=id`)).toEqual([2, 5, 8]);
    expect(await found('Анна', 'unassigned=true')).toEqual([9]);
    expect(await found('Анна', 'priceFromKopecks=300000000&priceToKopecks=400000000&sort=id')).toEqual([2, 3]);
    expect(await found('Анна', 'kind=house')).toEqual([]);
    expect(await found('Анна', 'marked=yes')).toEqual([]);
    expect((await found('Анна', 'marked=no')).length).toBe(10);
    expect(await found('Анна', 'archived=true')).toEqual([]);
    const refused = await app.inject({ url: '/api/v1/listings?kind=castle&limit=500', headers: as.Анна! });
    expect([refused.statusCode, refused.json().errors.length]).toEqual([400, 2]);
  });

  it('has a column for every cabinet that one sees', async () => {
    const titles = async (who: string) =>
      (await get<{ data: { title: string }[] }>(who, '/boards')).data.map(({ title }) => title);
    expect(await titles('Анна')).toEqual(['Яндекс Недвижимость', 'Домклик', 'Циан']);
    expect(await titles('Ольга')).toEqual(['Яндекс Недвижимость', 'Домклик']);
    const [row] = (await get<ListingsPage>('Анна', `/listings?q=L-100&column=${cabinets[0]!.id}`)).data;
    expect(row).toMatchObject({
      externalId: 'L-100',
      address: 'Москва, Мира 0',
      kind: { id: 'commercial', label: 'коммерческая недвижимость' },
      priceKopecks: 1_000_000_00,
      employee: { id: people.Ирина, name: 'Ирина' },
      branch: 'Центр',
      may: { marks: true, terms: true, pause: true },
      cells: [
        {
          cabinetId: cabinets[0]!.id,
          isMarked: false,
          outcome: null,
          words: 'не отмечен',
          reason: 'Не отмечен на выгрузку.',
        },
      ],
    });
    expect(row!.thumb).toMatch(/^\/api\/v1\/pictures\/[0-9a-f]{32}\?w=160&listing=\d+$/);
  });
});

describe('many at once', () => {
  const yandex = () => cabinets[0]!;

  it('are told first what would become of them, and nothing is changed by it', async () => {
    const told = await done<DryRunAnswer>('Анна', '/marks/dry-run', {
      selection: { filter: {} },
      cabinets: [yandex().id],
      action: 'mark',
    });
    expect(told).toMatchObject({ total: 10, marks: 9, passing: 8, kopecks: 0, accounts: [] });
    expect(told.leftOut).toMatchObject([{ code: 'forbidden', count: 1 }]);
    const [cabinet] = told.cabinets;
    expect(cabinet!.outcomes.map(({ outcome, count }) => [outcome, count])).toEqual([
      ['published', 8],
      ['blocked', 1],
    ]);
    expect(cabinet!.outcomes[1]!.examples[0]!.listingId).toBe(ids[4]);
    expect(await liveMarks(yandex())).toEqual([]);
  });

  it('are marked as far as one may, and what is left out is told', async () => {
    const chosen = { ids: [0, 1, 2, 3, 6].map((at) => ids[at]!) };
    // Irina sees her own three only; of these one must not be advertised.
    const bulk = await done<Bulk>('Ирина', '/marks', { selection: chosen, cabinets: [yandex().id] });
    expect(bulk).toMatchObject({
      changed: 2,
      isFinished: true,
      error: null,
      words: 'Поставлены 2\u00a0отметки'.replace('\u00a0', ' '),
    });
    expect(bulk.leftOut.map(({ code, count }) => [code, count])).toEqual([
      ['forbidden', 1],
      ['not-found', 2],
    ]);
    expect(await liveMarks(yandex())).toEqual([0, 3]);
    expect((await post('Ирина', '/marks', { selection: { ids: [ids[1]] }, cabinets: [yandex().id] })).statusCode).toBe(
      404,
    );
    // A cabinet of another branch is not there for her.
    expect(
      (await post('Ирина', '/marks', { selection: { ids: [ids[0]] }, cabinets: [cabinets[2]!.id] })).statusCode,
    ).toBe(404);
    expect((await post('Чужой', '/marks', { selection: { ids: [ids[0]] }, cabinets: [yandex().id] })).statusCode).toBe(
      404,
    );
    const deeds = await rows<{ by: string }>(
      `select by from journal where agency_id = $1 and action = 'listing-marked'`,
      [agencyId],
    );
    expect(deeds.map(({ by }) => by)).toEqual(['Ирина', 'Ирина']);
    await done('Ирина', `/undo/${bulk.id}`);
    expect(await liveMarks(yandex())).toEqual([]);
  });

  it('leave out what would not pass where that is wished, and come back once, for whoever did it', async () => {
    const all = { selection: { filter: {} }, cabinets: [yandex().id], onlyPassing: true };
    const bulk = await done<Bulk>('Анна', '/marks', all);
    expect([bulk.changed, bulk.leftOut.map(({ code }) => code)]).toEqual([8, ['forbidden', 'not-passing']]);
    expect((await post('Ольга', `/undo/${bulk.id}`, {})).statusCode).toBe(404);
    expect(await done('Анна', `/undo/${bulk.id}`)).toEqual({ undone: 8 });
    expect((await post('Анна', `/undo/${bulk.id}`, {})).statusCode).toBe(409);
    expect(await liveMarks(yandex())).toEqual([]);
  });

  it('are taken off and put back as they were: with seniority and term', async () => {
    await done('Анна', '/marks', { selection: { ids: ids.slice(0, 4) }, cabinets: [yandex().id], term: { days: 40 } });
    const state = () =>
      rows(
        'select listing_id, is_live, marked_at, starts_on, ends_on, board_offer_id from mark where agency_id = $1 order by 1',
        [agencyId],
      );
    const before = await state();
    const bulk = await done<Bulk>('Ольга', '/marks/remove', {
      selection: { filter: { marked: 'yes' } },
      cabinets: [yandex().id],
    });
    // The third is of the other branch.
    expect([bulk.changed, await liveMarks(yandex())]).toEqual([3, [2]]);
    // One is marked again by somebody meanwhile: that stays.
    await done('Анна', '/marks', { selection: { ids: [ids[0]] }, cabinets: [yandex().id] });
    expect(await done('Ольга', `/undo/${bulk.id}`)).toEqual({ undone: 2 });
    const after = await state();
    expect(after.slice(1)).toEqual(before.slice(1));
    expect(after[0]).not.toEqual(before[0]);
  });

  it('get terms and pauses, and lose them again', async () => {
    const terms = () =>
      rows('select listing_id, starts_on, ends_on from mark where agency_id = $1 and is_live order by 1', [agencyId]);
    const before = await terms();
    const bulk = await done<Bulk>('Анна', '/listings/terms', {
      selection: { ids: ids.slice(1, 6) },
      term: { endsOn: '2027-01-31' },
    });
    expect([bulk.changed, bulk.leftOut.map(({ code, count }) => [code, count])]).toEqual([3, [['not-marked', 2]]]);
    expect((await terms()).at(-1)).toMatchObject({ ends_on: '2027-01-31' });
    await done('Анна', `/undo/${bulk.id}`);
    expect(await terms()).toEqual(before);
    const paused = await done<Bulk>('Ирина', '/listings/pause', {
      selection: { filter: {} },
      until: '2026-11-25T09:00:00+03:00',
      reason: 'показы',
    });
    expect(paused.changed).toBe(3);
    const words = async () =>
      (await get<ListingsPage>('Ирина', `/listings?q=L-100&column=${yandex().id}`)).data[0]!.cells[0]!.words;
    expect(await words()).toBe('пауза до ср 09:00');
    await done('Ирина', `/undo/${paused.id}`);
    expect(await words()).toMatch(/^попадёт в фид/);
    const past = await post('Ирина', '/listings/pause', {
      selection: { filter: {} },
      until: '2026-11-20T09:00:00+03:00',
      reason: 'показы',
    });
    expect([past.statusCode, past.json().code]).toEqual([422, 'pause-past']);
  });

  it('that are very many are answered at once and told of until they are done', async () => {
    const many = Array.from({ length: 320 }, (_, index) => ({
      values: { ...listingAt(1), externalId: `M-${index}`, address: `Тверь, Садовая ${index}`, apartmentNumber: '1' },
      employeeId: people.Вера!,
    }));
    await importListings(base.db, { agencyId, source: 'other' }, many, clock());
    const asked = { selection: { filter: { employee: [people.Вера] }, except: [ids[2]] }, cabinets: [cabinets[1]!.id] };
    const answer = await post('Анна', '/marks', asked);
    const first = answer.json<Bulk>();
    expect([answer.statusCode, answer.headers.location]).toEqual([202, `/api/v1/bulk/${first.id}`]);
    let bulk = first;
    while (!bulk.isFinished) bulk = await get<Bulk>('Анна', `/bulk/${first.id}`);
    expect(bulk).toMatchObject({ total: 322, done: 322, changed: 322, error: null });
    expect((await app.inject({ url: `/api/v1/bulk/${first.id}`, headers: as.Ольга! })).statusCode).toBe(404);
    expect(await done('Анна', `/undo/${first.id}`)).toEqual({ undone: 322 });
    await rows(
      `delete from listing l using source s where s.id = l.source_id and s.name = 'other' and not exists (select 1 from mark m where m.listing_id = l.id)`,
    );
  });
});

describe('money', () => {
  it('is foretold to the kopeck as the next run takes it, and the account is told to whoever may see it', async () => {
    const [yandex, domclick] = cabinets as [CabinetRow, CabinetRow];
    for (const { id } of [yandex, domclick])
      await rows(
        `insert into tariff (agency_id, cabinet_id, valid_from, terms, by, created_at) values ($1, $2, '2026-11-20', $3, 'Ольга', now())`,
        [agencyId, id, JSON.stringify({ lines: [{ kopecks: 70_00 }], excess: null, promotion: [] })],
      );
    const { id: accountId } = await openAccount(
      base.db,
      agencyId,
      { kind: 'branch', ownerId: branches.Центр! },
      BY,
      clock(),
    );
    await topUp(base.db, agencyId, accountId, { key: 'k-1', kopecks: 500_00, reason: 'начало', by: BY }, clock());
    await done('Анна', '/marks/remove', { selection: { filter: {} }, cabinets: [yandex.id, domclick.id] });
    await publish();
    const chosen = { selection: { filter: { branch: [branches.Центр], q: 'L' } }, cabinets: [yandex.id, domclick.id] };
    const told = await done<DryRunAnswer>('Ольга', '/marks/dry-run', { ...chosen, action: 'mark' });
    // Five that may be advertised in two cabinets, one of them blocked; the money is enough for seven.
    expect(told).toMatchObject({ marks: 10, passing: 7, kopecks: 490_00, aheadDays: 30 });
    expect(told.accounts).toEqual([
      expect.objectContaining({ id: accountId, availableKopecks: 500_00, leftKopecks: 10_00, missingKopecks: 130_00 }),
    ]);
    const short = told.cabinets.flatMap(({ outcomes }) => outcomes).find(({ outcome }) => outcome === 'unfunded');
    expect(short?.examples[0]?.reason).toContain('не хватает');
    const asAgent = await done<DryRunAnswer>('Ирина', '/marks/dry-run', {
      selection: { filter: {} },
      cabinets: [yandex.id],
      action: 'mark',
    });
    expect(asAgent.accounts).toEqual([expect.objectContaining({ availableKopecks: null, leftKopecks: null })]);

    await done('Ольга', '/marks', chosen);
    await publish();
    const [taken] = await rows<{ kopecks: number }>(
      `select sum(kopecks)::bigint as kopecks from transfer where agency_id = $1 and (kind = 'hold' or kind = 'charge' and resolves is null)`,
      [agencyId],
    );
    expect(taken!.kopecks).toBe(told.kopecks);
    const outcomes = await rows<{ cabinetId: number; outcome: string; count: number }>(
      `select o.cabinet_id as "cabinetId", o.outcome, count(*)::int as count from mark_outcome o where o.agency_id = $1 group by 1, 2 order by 1, 2`,
      [agencyId],
    );
    const foretold = told.cabinets.flatMap(({ id, outcomes: of }) =>
      of.map(({ outcome, count }) => ({ cabinetId: id, outcome, count })),
    );
    expect(outcomes).toEqual(foretold.sort((a, b) => a.cabinetId - b.cabinetId || (a.outcome < b.outcome ? -1 : 1)));
    const listed = (await get<ListingsPage>('Ольга', '/listings?outcome=published&sort=id')).data;
    expect(listed.length).toBeGreaterThan(3);
    expect(listed.reduce((sum, { dayKopecks }) => sum + dayKopecks, 0)).toBe(490_00);
    const total = await get<ListingsTotal>('Ольга', '/listings/total');
    expect(total).toEqual({
      total: 6,
      stopped: (await found('Ольга', 'outcome=blocked&outcome=unfunded&outcome=stale&outcome=returned')).length,
    });
    const blocked = (await get<ListingsPage>('Ольга', '/listings?outcome=blocked')).data;
    const code = blocked[0]!.cells.find(({ outcome }) => outcome === 'blocked')!.notices[0]!.code;
    expect(blocked.map(({ id }) => id)).toEqual([ids[4]]);
    expect(await found('Ольга', `code=${code}`)).toEqual([4]);
    expect(await found('Ольга', `code=${code}-not`)).toEqual([]);
    const gone = await done<DryRunAnswer>('Ольга', '/marks/dry-run', { ...chosen, action: 'unmark' });
    expect([gone.marks, gone.aheadKopecks > 0]).toEqual([10, true]);
  });
});

describe('views', () => {
  it('are one’s own, or shared to be looked at', async () => {
    const view = await done<{ id: number }>('Ольга', '/views', {
      screen: 'listings',
      name: 'Не выходят',
      query: 'outcome=blocked',
      isShared: true,
    });
    await done('Ольга', '/views', { screen: 'listings', name: 'Свои', query: 'employee=1' });
    const of = async (who: string) =>
      (await get<{ data: { name: string; isOwn: boolean }[] }>(who, '/views?screen=listings')).data.map(
        ({ name, isOwn }) => [name, isOwn],
      );
    expect(await of('Ольга')).toEqual([
      ['Не выходят', true],
      ['Свои', true],
    ]);
    expect(await of('Ирина')).toEqual([['Не выходят', false]]);
    const deleted = (who: string) =>
      app.inject({ method: 'DELETE', url: `/api/v1/views/${view.id}`, headers: as[who]! });
    expect((await deleted('Ирина')).statusCode).toBe(404);
    expect((await deleted('Ольга')).statusCode).toBe(204);
    expect(await of('Чужой')).toEqual([]);
  });
});
