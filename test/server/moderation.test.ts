import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listingAt } from '../../fixtures/agency.ts';
import { loadBoards } from '../../src/boards/catalogue.ts';
import type { Case, QueuePage, QueueRow } from '../../src/contracts/moderation.ts';
import type { Listing } from '../../src/domain/listing.ts';
import type { AgencySettings } from '../../src/domain/settings.ts';
import { AGENCY_DEFAULTS } from '../../src/domain/settings.ts';
import { judgeAlone } from '../../src/export/judge.ts';
import { deskOf } from '../../src/export/offer.ts';
import { publishCabinet } from '../../src/export/publish.ts';
import { ensureBranch, ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import { importListings } from '../../src/store/intake.ts';
import { openAccount, topUp } from '../../src/store/ledger.ts';
import { markListings } from '../../src/store/marks.ts';
import { type CabinetRow, listCabinets } from '../../src/store/publishing.ts';
import { testDatabase } from '../store/testdb.ts';
import { type Counter, counter, type Visitor } from './visitors.ts';

/** «Модерация» over the wire, with what real runs left waiting. */

const boards = loadBoards();
const HOUR = 3_600_000;
const desks = ['avito', 'cian'].map((id) => deskOf(boards.find((board) => board.id === id)!));
let nowMs = Date.UTC(2026, 10, 21, 9);
const clock = () => new Date(nowMs);
const pass = (ms: number) => {
  nowMs += ms;
};

/** Flats that both boards take; no two look alike. */
const flats: Listing[] = [];
for (let index = 0; flats.length < 9; index++) {
  const { updatedAt: _, ...values } = listingAt(index);
  if (values.kind !== 'flat' || values.deal !== 'sale') continue;
  const flat: Listing = {
    ...values,
    externalId: `кв-${flats.length}`,
    title: `Квартира ${flats.length}`,
    apartmentNumber: `${flats.length + 1}`,
    priceKopecks: 1_000_000_000,
  };
  if (desks.every((desk) => !judgeAlone(flat, desk, { firstSeenAt: clock() }).isBlocked)) flats.push(flat);
}

let base: Awaited<ReturnType<typeof testDatabase>>;
let dataDir: string;
let door: Counter;
let agencyId: number;
let cabinets: readonly CabinetRow[];
let irina: Visitor;
let oleg: Visitor;
let agent: Visitor;
let stranger: Visitor;
let key = 0;

const settle = (moderation: Partial<AgencySettings['moderation']>) =>
  base.db.pool.query('update agency set settings = $2 where id = $1', [
    agencyId,
    JSON.stringify({
      access: { ...AGENCY_DEFAULTS.access, secondFactor: 'offered' },
      moderation: { mode: 'on', edit: 'keep-approved', ...moderation },
    }),
  ]);

async function run(): Promise<void> {
  for (const cabinet of cabinets) await publishCabinet(cabinet, { db: base.db, boards, dataDir, clock });
}

/** What a source says of a listing; each has its own, so that nothing is missing in it. */
const say = (values: Listing, employeeId: number | null) =>
  importListings(base.db, { agencyId, source: values.externalId }, [{ values, employeeId }], clock());

/** New listings of somebody's, marked on both boards, as the runs left them. */
async function arrive(some: readonly Listing[], employeeId: number | null = agent.id): Promise<number[]> {
  for (const values of some) await say(values, employeeId);
  const found = await base.db.pool.query<{ id: number; name: string }>(
    'select id, external_id as name from listing where agency_id = $1',
    [agencyId],
  );
  const ids = some.map(({ externalId }) => found.rows.find(({ name }) => name === externalId)!.id);
  for (const cabinet of cabinets) await markListings(base.db, agencyId, cabinet.id, ids, clock());
  await run();
  return ids;
}

async function edit(id: number, change: Partial<Listing>): Promise<void> {
  const old = await base.db.pool.query<{ values: Listing }>('select values from listing where id = $1', [id]);
  await say({ ...old.rows[0]!.values, ...change }, agent.id);
}

const queue = async (who: Visitor, query = ''): Promise<QueuePage> => (await who.get(`/moderation${query}`)).body;
const idsOf = ({ data }: QueuePage) => data.map(({ id }: QueueRow) => id);
const open = async (who: Visitor, id: number): Promise<Case> => (await who.get(`/moderation/${id}`)).body;
const decide = async (who: Visitor, id: number, body: object, headers: Record<string, string> = {}) =>
  who.send('POST', `/moderation/${id}/verdict`, body, {
    'idempotency-key': `verdict-${++key}-abcdefgh`,
    'if-match': `"${(await open(who, id)).version}"`,
    ...headers,
  });
const approve = (who: Visitor, id: number, headers = {}) => decide(who, id, { verdict: 'approved' }, headers);

/** Approved and on the boards. */
async function approved(some: readonly Listing[]): Promise<number[]> {
  const ids = await arrive(some);
  for (const id of ids) expect((await approve(irina, id)).status).toBe(200);
  pass(11_000);
  await run();
  return ids;
}

beforeAll(async () => {
  base = await testDatabase();
  dataDir = await mkdtemp(join(tmpdir(), 'moderation-'));
  ({ id: agencyId } = await resolveAgency(base.db, 'Дом у реки', true));
  await settle({});
  const centre = await ensureBranch(base.db, agencyId, 'Центр');
  const north = await ensureBranch(base.db, agencyId, 'Север');
  for (const { board } of desks)
    await ensureCabinet(base.db, agencyId, { board: board.id, slug: 'main', name: board.name, family: board.family });
  cabinets = await listCabinets(base.db, { agencyId });
  door = await counter(base.db, agencyId, clock);
  agent = await door.come({ name: 'Петров', branchId: centre, phones: ['+79120000014'] });
  irina = await door.come({ name: 'Ирина' }, [{ role: 'adSpecialist' }]);
  oleg = await door.come({ name: 'Олег', branchId: centre }, [{ role: 'manager', scope: 'branch', branchId: centre }]);
  stranger = await door.come({ name: 'Север' }, [{ role: 'adSpecialist', scope: 'branch', branchId: north }]);
  const terms = (kopecks: number) =>
    JSON.stringify({
      lines: [{ priceFrom: 2_000_000_000, kopecks: kopecks * 2 }, { kopecks }],
      excess: null,
      promotion: [],
    });
  const { id: account } = await openAccount(
    base.db,
    agencyId,
    { kind: 'agency', ownerId: null },
    { name: 'тест' },
    clock(),
  );
  const sum = { key: 'первое', kopecks: 100_000_000, reason: 'тест', by: { name: 'тест', role: 'admin' as const } };
  await topUp(base.db, agencyId, account, sum, clock());
  for (const { id, board } of cabinets)
    await base.db.pool.query(
      "insert into tariff (agency_id, cabinet_id, valid_from, terms, by, created_at) values ($1, $2, '2026-01-01', $3, 'тест', $4)",
      [agencyId, id, terms(board === 'avito' ? 3_000 : 1_000), clock()],
    );
});
afterAll(async () => {
  await door.close();
  await base.drop();
  await rm(dataDir, { recursive: true, force: true });
});

describe('the queue', () => {
  let ids: number[];

  it('begins with what the waiting costs most, and turns its pages in one order', async () => {
    const [one, two, three] = flats as [Listing, Listing, Listing];
    const [cheap, dear] = await arrive([one, { ...two, priceKopecks: 2_500_000_000 }]);
    pass(HOUR);
    const [late] = await arrive([{ ...three, priceKopecks: 2_600_000_000 }]);
    pass(2 * HOUR);
    ids = [dear!, late!, cheap!];
    const page = await queue(irina);
    expect(idsOf(page)).toEqual(ids);
    expect(page.data.map(({ idleKopecks, lostKopecks }) => [idleKopecks, lostKopecks])).toEqual([
      [8_000, 1_000],
      [8_000, 666],
      [4_000, 500],
    ]);
    expect(page).toMatchObject({
      page: { total: 3, next: null },
      counts: { new: 3, edit: 0, postponed: 0 },
      idleKopecks: 20_000,
      agents: [{ name: 'Петров', count: 3 }],
    });
    expect(page.data[0]).toMatchObject({
      heading: 'Квартира 1',
      words: 'новый',
      isNew: true,
      agent: { name: 'Петров' },
      branch: 'Центр',
    });
    const first = await queue(irina, '?limit=2');
    expect(idsOf(first)).toEqual(ids.slice(0, 2));
    pass(HOUR);
    const second = await queue(irina, `?limit=2&after=${first.page.next}`);
    expect(idsOf(second)).toEqual(ids.slice(2));
    expect((await irina.get('/moderation?after=zzz')).status).toBe(400);
  });

  it('is filtered by state, board, agent and branch', async () => {
    expect(idsOf(await queue(irina, '?state=edit'))).toEqual([]);
    expect(idsOf(await queue(irina, '?state=new'))).toHaveLength(3);
    expect(idsOf(await queue(irina, '?board=cian'))).toHaveLength(3);
    expect(idsOf(await queue(irina, '?board=domclick'))).toEqual([]);
    expect(idsOf(await queue(irina, `?employee=${agent.id}`))).toHaveLength(3);
    expect(idsOf(await queue(irina, `?employee=${irina.id}`))).toEqual([]);
    expect((await irina.get('/moderation?change=nonsense')).status).toBe(400);
  });

  it('is what lies within reach: nobody sees another branch', async () => {
    expect(idsOf(await queue(oleg))).toHaveLength(3);
    expect(await queue(stranger)).toMatchObject({ data: [], page: { total: 0 }, idleKopecks: 0, agents: [] });
    expect((await agent.get('/moderation')).status).toBe(403);
    const [id] = ids as [number];
    expect((await stranger.get(`/moderation/${id}`)).status).toBe(404);
    expect((await stranger.send('POST', `/moderation/${id}/look`)).status).toBe(404);
    expect((await agent.get(`/moderation/${id}`)).status).toBe(403);
    const foreign = await stranger.send(
      'POST',
      `/moderation/${id}/verdict`,
      { verdict: 'approved' },
      { 'idempotency-key': 'foreign-abcdefgh', 'if-match': '"0.abcdefghijk"' },
    );
    expect(foreign.status).toBe(404);
  });
});

describe('a case', () => {
  it('of a new listing shows everything, with what the boards say and what it costs', async () => {
    const [id] = idsOf(await queue(irina)) as [number];
    const found = await open(irina, id);
    expect(found).toMatchObject({
      isNew: true,
      isWaiting: true,
      approved: null,
      price: null,
      texts: [],
      fields: [],
      dayKopecks: 8_000,
      may: { decide: true, approveRefusal: null },
    });
    expect(found.boards.map(({ board, approvalLabel, outcome }) => [board, approvalLabel, outcome])).toEqual([
      ['avito', 'ждёт модератора', 'awaiting-moderation'],
      ['cian', 'ждёт модератора', 'awaiting-moderation'],
    ]);
    expect(found.content.find(({ field }) => field === 'priceKopecks')!.text.replace(/\s/g, ' ')).toBe('25 000 000 ₽');
    expect(found.photos.after.length).toBeGreaterThan(0);
    expect(
      found.photos.after.every(({ fate, thumb }) => fate === 'same' && thumb.startsWith('/api/v1/pictures/')),
    ).toBe(true);
    expect(found.reasons[0]).toMatchObject({ code: 'phone-in-text', field: 'description', fieldLabel: 'Описание' });
  });

  it('tells what changed since the last approval: price, words, fields, pictures', async () => {
    const [id] = (await approved([
      { ...flats[3]!, description: 'Уютная квартира у метро. Сделан ремонт.', floor: 3, floorsTotal: 9 },
    ])) as [number];
    const photos = flats[3]!.photos!;
    const [first, second, ...rest] = photos as [(typeof photos)[0], (typeof photos)[0]];
    await edit(id, {
      priceKopecks: 980_000_000,
      description: 'Тёплая квартира у метро. Сделан евроремонт.',
      floor: 4,
      photos: [second, first, ...rest, { url: 'https://photos.example/new.jpg' }],
    });
    await run();
    const found = await open(irina, id);
    expect(found).toMatchObject({
      isNew: false,
      approved: { by: 'Ирина' },
      price: { percent: -2, passes: true },
      texts: [{ field: 'description', added: 2, removed: 2 }],
      fields: [{ label: 'Этаж', before: '3', after: '4' }],
    });
    expect(
      found.texts[0]!.parts.filter(({ kind }) => kind !== 'same').map(({ kind, text }) => [kind, text.trim()]),
    ).toEqual([
      ['removed', 'Уютная'],
      ['added', 'Тёплая'],
      ['removed', 'ремонт'],
      ['added', 'евроремонт'],
    ]);
    expect(found.photos).toMatchObject({ isChanged: true, summary: 'добавлено 1, переставлено 1' });
    expect(found.photos.after.map(({ fate }) => fate)).toEqual([...photos.map(() => 'same'), 'added']);
    expect(found.boards.map(({ approvalLabel, outcome }) => [approvalLabel, outcome])).toEqual([
      ['правка ждёт, на доске прежний вариант', 'published'],
      ['правка ждёт, на доске прежний вариант', 'published'],
    ]);
    // It stands on the boards meanwhile, so its waiting costs nothing.
    expect(found).toMatchObject({ dayKopecks: 4_000, idleKopecks: 0 });
    const [row] = (await queue(irina, '?state=edit')).data;
    expect(row).toMatchObject({
      id,
      words: 'фото, текст, поля',
      touches: ['photos', 'text', 'fields'],
    });
    await approve(irina, id);
    pass(11_000);
    await run();
  });

  it('says who else looks at it', async () => {
    const [id] = idsOf(await queue(irina)) as [number];
    expect((await irina.send('POST', `/moderation/${id}/look`)).body).toEqual({ lookers: [] });
    pass(30_000);
    expect((await oleg.send('POST', `/moderation/${id}/look`)).body.lookers).toMatchObject([{ name: 'Ирина' }]);
    expect((await queue(oleg)).data[0]!.lookers).toMatchObject([{ name: 'Ирина' }]);
    expect((await irina.send('DELETE', `/moderation/${id}/look`)).status).toBe(204);
    expect((await open(oleg, id)).lookers).toEqual([]);
    pass(61_000);
  });
});

describe('a verdict', () => {
  it('opens the next case, and is given once however often it comes', async () => {
    const order = idsOf(await queue(irina));
    const [id, following] = order as [number, number];
    const headers = { 'idempotency-key': 'the-same-key-1', 'if-match': `"${(await open(irina, id)).version}"` };
    const body = { verdict: 'approved', queue: { state: 'new' } };
    const given = await irina.send('POST', `/moderation/${id}/verdict`, body, headers);
    expect(given.body).toMatchObject({ next: following, left: order.length - 1, undoSeconds: 10 });
    const again = await irina.send('POST', `/moderation/${id}/verdict`, body, headers);
    expect(again.body).toEqual(given.body);
    const other = await irina.send('POST', `/moderation/${id}/verdict`, { verdict: 'approved' }, headers);
    expect([other.status, other.body.code]).toEqual([422, 'idempotency-key-reused']);
    const count = await base.db.pool.query('select count(*)::int as count from verdict where listing_id = $1', [id]);
    expect(count.rows[0].count).toBe(1);
    expect(idsOf(await queue(irina))).not.toContain(id);
    const second = await approve(oleg, id);
    expect([second.status, second.body.code]).toEqual([409, 'already-decided']);
    expect(second.body.detail).toContain('Ирина');

    const undone = await irina.send('POST', `/moderation/${id}/undo`, { verdict: given.body.verdictId });
    expect(undone.status).toBe(204);
    expect(idsOf(await queue(irina))).toEqual(order);
  });

  it('asks for a key and for the version that was seen', async () => {
    const [id] = idsOf(await queue(irina)) as [number];
    const bare = await irina.send('POST', `/moderation/${id}/verdict`, { verdict: 'approved' });
    expect(bare.status).toBe(400);
    const unseen = await irina.send(
      'POST',
      `/moderation/${id}/verdict`,
      { verdict: 'approved' },
      { 'idempotency-key': 'unseen-abcdefgh' },
    );
    expect([unseen.status, unseen.body.code]).toEqual([428, 'version-missing']);
    const odd = await irina.send(
      'POST',
      `/moderation/${id}/verdict`,
      { verdict: 'approved' },
      { 'idempotency-key': 'odd-abcdefgh', 'if-match': '"nonsense"' },
    );
    expect(odd.status).toBe(412);
  });

  it('is refused when the listing changed meanwhile, and nothing is published by it', async () => {
    const [id] = idsOf(await queue(irina)) as [number];
    const { version } = await open(irina, id);
    await edit(id, { description: 'Пока модератор смотрел, агент написал другое.' });
    const answer = await approve(irina, id, { 'if-match': `"${version}"` });
    const now = await open(irina, id);
    expect([answer.status, answer.body.code, answer.body.current]).toEqual([412, 'content-changed', now.version]);
    expect(now.history.filter(({ isUndone }) => !isUndone)).toEqual([]);
    expect(now.content.find(({ field }) => field === 'description')!.text).toContain('агент написал');
    expect((await approve(irina, id)).status).toBe(200);
  });

  it('can be undone for ten seconds, by whoever gave it', async () => {
    const [id] = idsOf(await queue(irina)) as [number];
    const { body } = await approve(irina, id);
    const foreign = await oleg.send('POST', `/moderation/${id}/undo`, { verdict: body.verdictId });
    expect([foreign.status, foreign.body.code]).toEqual([409, 'not-your-verdict']);
    const [other] = idsOf(await queue(irina)) as [number];
    expect((await irina.send('POST', `/moderation/${other}/undo`, { verdict: body.verdictId })).status).toBe(404);
    pass(9_000);
    expect((await irina.send('POST', `/moderation/${id}/undo`, { verdict: body.verdictId })).status).toBe(204);
    const again = await approve(irina, id);
    pass(10_000);
    const late = await irina.send('POST', `/moderation/${id}/undo`, { verdict: again.body.verdictId });
    expect([late.status, late.body.code]).toEqual([409, 'too-late-to-undo']);
    expect(late.body.detail).not.toContain('verdict #');
    await run();
  });

  it('of return takes reasons to fields with words, and the agent is told', async () => {
    const [id] = (await arrive([{ ...flats[4]!, floor: 2, floorsTotal: 5 }])) as [number];
    const empty = await decide(irina, id, { verdict: 'returned' });
    expect([empty.status, empty.body.code]).toEqual([422, 'reason-missing']);
    const back = await decide(irina, id, {
      verdict: 'returned',
      reasons: [{ code: 'other', field: 'floor', note: 'На планировке третий этаж.' }, { code: 'few-photos' }],
    });
    expect(back.status).toBe(200);
    const { history, returned } = await open(irina, id);
    expect(history).toMatchObject([{ label: 'возвращено', by: 'Ирина' }]);
    expect(returned!.texts).toEqual([
      'Мало фотографий: добавьте.',
      'Исправьте по замечанию модератора. На планировке третий этаж.',
    ]);
    const told = await base.db.pool.query(
      "select text from message where listing_id = $1 and kind = 'verdict-returned'",
      [id],
    );
    expect(told.rows[0].text).toContain('третий этаж');
    pass(11_000);
    await run();
    expect(idsOf(await queue(irina))).not.toContain(id);
  });

  it('may put right and approve in one step, and whoever put it right is known', async () => {
    const [id] = (await arrive([flats[5]!])) as [number];
    const wrong = await decide(irina, id, { verdict: 'approved', corrections: { floor: 'пятый' } });
    expect([wrong.status, wrong.body.code]).toEqual([409, 'bad-value']);
    const unknown = await decide(irina, id, { verdict: 'approved', corrections: { nothing: 1 } });
    expect(unknown.status).toBe(404);
    const back = await decide(irina, id, {
      verdict: 'returned',
      reasons: [{ code: 'other' }],
      corrections: { title: 'Другой' },
    });
    expect(back.status).toBe(422);
    const given = await decide(irina, id, { verdict: 'approved', corrections: { title: 'Тёплая квартира у реки' } });
    expect(given.status).toBe(200);
    const kept = await base.db.pool.query('select corrections from listing where id = $1', [id]);
    expect(kept.rows[0].corrections.title).toMatchObject({ value: 'Тёплая квартира у реки', by: 'Ирина' });
    pass(11_000);
    await run();
    expect(await open(irina, id)).toMatchObject({ heading: 'Тёплая квартира у реки', isWaiting: false });
  });

  it('on one’s own listing is for somebody else, unless the agency allows it', async () => {
    const [id] = (await arrive([flats[6]!], irina.id)) as [number];
    expect((await open(irina, id)).may.approveRefusal).toContain('Объект ваш');
    const own = await approve(irina, id);
    expect([own.status, own.body.code]).toEqual([409, 'own-listing']);
    expect((await decide(irina, id, { verdict: 'returned', reasons: [{ code: 'other' }] })).status).toBe(200);
  });
});

describe('putting aside', () => {
  it('takes a case out of the queue until its hour, or until the agent has answered', async () => {
    const [id] = (await arrive([flats[7]!])) as [number];
    const until = new Date(nowMs + 3 * HOUR).toISOString();
    const put = await irina.send('POST', `/moderation/${id}/postpone`, { until });
    expect(put.body.postponed).toMatchObject({ until, isOver: false, by: 'Ирина' });
    expect(idsOf(await queue(irina))).not.toContain(id);
    expect(idsOf(await queue(irina, '?state=postponed'))).toEqual([id]);
    expect((await queue(irina)).counts.postponed).toBe(1);
    expect((await irina.send('DELETE', `/moderation/${id}/postpone`)).status).toBe(204);
    expect(idsOf(await queue(irina))).toContain(id);

    await irina.send('POST', `/moderation/${id}/ask`, { question: 'Какой этаж на самом деле?' });
    expect(idsOf(await queue(irina))).not.toContain(id);
    expect((await agent.get(`/listings/${id}/question`)).body.question).toMatchObject({
      text: 'Какой этаж на самом деле?',
      by: 'Ирина',
      answer: null,
    });
    expect((await stranger.get(`/listings/${id}/question`)).status).toBe(404);
    expect((await agent.send('POST', `/listings/${id}/answer`, { answer: 'Пятый.' })).status).toBe(204);
    expect((await queue(irina)).data.find((row) => row.id === id)!.postponed).toMatchObject({
      answer: 'Пятый.',
      isOver: true,
    });
    const past = await irina.send('POST', `/moderation/${id}/postpone`, {
      until: new Date(nowMs - HOUR).toISOString(),
    });
    expect(past.body.code).toBe('until-wrong');
    await approve(irina, id);
  });
});

describe('several at once', () => {
  it('is for prices alone or the order of pictures alone, with the list that was seen', async () => {
    const values = flats.slice(0, 3).map((flat, at) => ({
      ...flat,
      externalId: `сп-${at}`,
      apartmentNumber: `${at + 50}`,
      photos: [...flat.photos!, { url: `https://photos.example/${at}.jpg` }],
    }));
    const [price, order, text] = (await approved(values)) as [number, number, number];
    await edit(price, { priceKopecks: 1_050_000_000 });
    await edit(order, { photos: [...values[1]!.photos].reverse() });
    await edit(text, { priceKopecks: 1_050_000_000, description: `${values[2]!.description} Ещё одно слово.` });
    await run();
    const page = await queue(irina);
    expect(page.counts).toMatchObject({ 'price-only': 1, 'photo-order-only': 1, text: 1 });
    expect(idsOf(await queue(irina, '?change=price-only'))).toEqual([price]);
    expect(idsOf(await queue(irina, '?change=photo-order-only'))).toEqual([order]);
    expect(idsOf(await queue(irina, '?change=text'))).toEqual([text]);
    const rows = new Map(page.data.map((row) => [row.id, row]));
    expect(rows.get(price)!.bulk!.words.replace(/\s/g, ' ')).toBe('10 000 000 ₽ → 10 500 000 ₽, +5 %');
    expect(rows.get(text)!.bulk).toBeNull();

    const together = (change: string, some: { id: number; version: string }[]) =>
      irina.send(
        'POST',
        '/moderation/bulk',
        { change, listings: some },
        { 'idempotency-key': `bulk-${++key}-abcdefgh` },
      );
    expect((await together('text', [{ id: text, version: 'x' }])).status).toBe(422);
    const versions = await Promise.all(
      [price, order, text].map(async (id) => ({ id, version: (await open(irina, id)).version })),
    );
    const given = await together('price', versions);
    expect(given.body.data).toMatchObject([
      { id: price, verdictId: expect.any(Number), refusal: null },
      { id: order, verdictId: null, refusal: expect.stringContaining('Фотографии') },
      { id: text, verdictId: null, refusal: expect.stringContaining('Описание') },
    ]);
    const strange = await stranger.send(
      'POST',
      '/moderation/bulk',
      { change: 'photo-order', listings: versions },
      { 'idempotency-key': 'strange-abcdefgh' },
    );
    expect(strange.body.data.every(({ refusal }: { refusal: string }) => refusal.includes('не в вашей части'))).toBe(
      true,
    );
    const undone = await irina.send('POST', '/moderation/bulk/undo', {
      verdicts: [{ id: price, verdict: given.body.data[0].verdictId }],
    });
    expect(undone.body).toEqual({ undone: 1 });
    expect(idsOf(await queue(irina, '?change=price-only'))).toEqual([price]);
    // What the moderator saw is not what lies there now.
    await edit(price, { priceKopecks: 1_060_000_000 });
    expect((await together('price', versions.slice(0, 1))).body.data[0].refusal).toContain('изменился');
  });
});

describe('trusted agents', () => {
  it('go out by a verdict of their own, and the sample waits', async () => {
    await settle({ trusted: { employeeIds: [agent.id], sharePercent: 0 } });
    const [id] = (await arrive([flats[8]!])) as [number];
    const outcomes = async (of: number) =>
      (await base.db.pool.query('select outcome from mark_outcome where listing_id = $1', [of])).rows.map(
        ({ outcome }) => outcome,
      );
    // The run that found it made the next one due at once.
    expect((await open(irina, id)).history).toMatchObject([{ by: 'Доверие', label: 'одобрено' }]);
    expect(await outcomes(id)).toEqual(['published', 'published']);
    await settle({ trusted: { employeeIds: [agent.id], sharePercent: 100 } });
    await edit(id, { title: 'Другой заголовок' });
    await run();
    await run();
    const row = (await queue(irina)).data.find((one) => one.id === id);
    expect(row).toMatchObject({ isSample: true, words: 'только текст' });
  });
});
