import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listingAt } from '../../fixtures/agency.ts';
import { loadBoards } from '../../src/boards/catalogue.ts';
import { demandSentence } from '../../src/boards/check.ts';
import type { DiagnosisRow, Diagnostics } from '../../src/contracts/diagnostics.ts';
import type { Listing } from '../../src/domain/listing.ts';
import { explain } from '../../src/export/explain.ts';
import { judgeAlone } from '../../src/export/judge.ts';
import { deskOf } from '../../src/export/offer.ts';
import { publishCabinet } from '../../src/export/publish.ts';
import { addEmployee, ensureBranch, ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import { importListings } from '../../src/store/intake.ts';
import { setStatus } from '../../src/store/market.ts';
import { markListings } from '../../src/store/marks.ts';
import { type CabinetRow, listCabinets } from '../../src/store/publishing.ts';
import { testDatabase } from '../store/testdb.ts';
import { type Counter, counter, type Visitor } from './visitors.ts';

/** «Диагностика»: everything that keeps marks off the boards, counted so that nothing is left over. */

const boards = loadBoards();
const boardOf = (id: string) => boards.find((board) => board.id === id)!;
let base: Awaited<ReturnType<typeof testDatabase>>;
let dataDir: string;
let desk: Counter;
let agencyId: number;
let cabinet: CabinetRow;
let boss: Visitor;
let agent: Visitor;
let north: number;
let ids: ReadonlyMap<string, number>;
let nowMs = Date.UTC(2026, 10, 21, 9);
const clock = () => new Date(nowMs++);

/** Flats that Cian takes; no two look alike. */
function flats(count: number): Listing[] {
  const found: Listing[] = [];
  for (let index = 0; found.length < count; index++) {
    const { updatedAt: _, ...values } = listingAt(index);
    if (values.kind !== 'flat' || values.deal !== 'sale') continue;
    const flat = { ...values, externalId: `кв-${found.length}`, apartmentNumber: `${found.length + 1}` };
    if (!judgeAlone(flat, deskOf(boardOf('cian')), { firstSeenAt: new Date(nowMs) }).isBlocked) found.push(flat);
  }
  return found;
}

const without = ({ floorsTotal: _, ...listing }: Listing): Listing => listing;
const mute = ({ description: _, ...listing }: Listing): Listing => listing;

const publish = () => publishCabinet(cabinet, { db: base.db, boards, dataDir, clock });
const ask = async (who: Visitor, query = '') => (await who.get(`/diagnostics${query}`)).body as Diagnostics;
const noticeOf = ({ rows }: Diagnostics, end: string) => rows.find(({ code }) => code?.endsWith(end)) as DiagnosisRow;
async function correct(name: string, set: object): Promise<void> {
  const { status } = await boss.send('PATCH', `/listings/${ids.get(name)}`, { set }, { 'if-match': '*' });
  expect(status).toBe(200);
}
/** The next day, with everybody still signed in. */
async function tomorrow(): Promise<void> {
  nowMs += 86_400_000;
  await base.db.pool.query('update session set seen_at = $1, created_at = $1', [new Date(nowMs)]);
}
const total = (rows: readonly { readonly marks: number }[]) => rows.reduce((sum, { marks }) => sum + marks, 0);

/** All marks are told once, by outcome; the blocked ones once, by what decides. */
function expectWhole(answer: Diagnostics): void {
  expect(total(answer.outcomes)).toBe(answer.marks);
  const others = answer.rows.filter(({ code }) => code === null);
  const published = answer.outcomes.find(({ outcome }) => outcome === 'published')?.marks ?? 0;
  const blocked = answer.outcomes.find(({ outcome }) => outcome === 'blocked')?.marks ?? 0;
  expect(total(others) + published + blocked).toBe(answer.marks);
  const notices = answer.rows.filter(({ code }) => code !== null);
  expect(notices.reduce((sum, { decides }) => sum + decides, 0)).toBe(blocked);
}

beforeAll(async () => {
  base = await testDatabase();
  dataDir = await mkdtemp(join(tmpdir(), 'diagnostics-'));
  agencyId = (await resolveAgency(base.db, 'Дом', true)).id;
  north = await ensureBranch(base.db, agencyId, 'Север');
  const south = await ensureBranch(base.db, agencyId, 'Юг');
  desk = await counter(base.db, agencyId, clock);
  boss = await desk.come({ name: 'Ольга' }, [{ role: 'admin', scope: 'agency' }]);
  agent = await desk.come({ name: 'Ирина', branchId: north, phones: ['+79161234567'] }, [
    { role: 'agent', scope: 'own' },
  ]);
  const far = await addEmployee(base.db, agencyId, { name: 'Пётр', branchId: south, phones: ['+79161234568'] });
  const all = flats(10);
  // Of Irina: 0–4, of Pyotr: 5–9. Three without floors, one of them without a text as well.
  const given = all.map((values, index) => ({
    values: index === 1 || index === 6 ? without(values) : index === 7 ? without(mute(values)) : values,
    employeeId: index < 5 ? agent.id : far,
  }));
  await importListings(base.db, { agencyId, source: 'crm' }, given, clock());
  await ensureCabinet(base.db, agencyId, { board: 'cian', slug: 'main', name: 'Центр', family: 'cian' });
  cabinet = (await listCabinets(base.db, { agencyId }))[0]!;
  const found = await base.db.pool.query<{ id: number; name: string }>(
    'select id, external_id as name from listing where agency_id = $1',
    [agencyId],
  );
  ids = new Map(found.rows.map(({ id, name }) => [name, id]));
  await markListings(base.db, agencyId, cabinet.id, [...ids.values()], clock());
});
afterAll(async () => {
  await desk?.close();
  await base.drop();
  await rm(dataDir, { recursive: true, force: true });
});

describe('the counts', () => {
  it('tell marks that no run has seen as such', async () => {
    const answer = await ask(boss);
    expect(answer).toMatchObject({ marks: 10, outcomes: [{ outcome: null, label: 'ждёт сборки фида', marks: 10 }] });
    expectWhole(answer);
  });

  it('add up to the marks, and each notice tells how many it decides and how many it holds alone', async () => {
    await publish();
    const answer = await ask(boss);
    expectWhole(answer);
    expect(answer.outcomes.map(({ outcome, marks }) => [outcome, marks])).toEqual([
      ['published', 7],
      ['blocked', 3],
    ]);
    const floors = noticeOf(answer, '/floors-total-missing');
    expect(floors).toMatchObject({
      marks: 3,
      only: 2,
      fixedBy: 'agent',
      fixedByLabel: 'агент',
      canFill: true,
      rule: '/rules/cian/floors-total-missing',
      listings: `/listings?board=cian&cabinet=${cabinet.id}&outcome=blocked&code=cian%2Ffloors-total-missing`,
    });
    const text = noticeOf(answer, '/description-missing');
    expect(text).toMatchObject({ marks: 1, only: 0 });
    expect(floors.decides + text.decides).toBe(3);
  });

  it('give the reason that `explain` gives', async () => {
    const page = (await boss.get('/diagnostics/marks')).body;
    expect(page.data).toHaveLength(3);
    for (const { listing, outcome, reason } of page.data) {
      const told = await explain(base.db.pool, cabinet, boardOf('cian'), listing, clock());
      expect([outcome, reason]).toEqual([told.outcome, told.reason]);
    }
  });

  it('are of one’s own listings only, and so is the page of marks', async () => {
    const own = await ask(agent);
    expect(own.marks).toBe(5);
    expectWhole(own);
    expect(noticeOf(own, '/floors-total-missing').marks).toBe(1);
    expect((await agent.get('/diagnostics/marks')).body.data).toHaveLength(1);
    const ofNorth = await ask(boss, `?branch=${north}`);
    expect(ofNorth.marks).toBe(5);
    expectWhole(ofNorth);
  });

  it('can be narrowed to who puts it right, which changes no total', async () => {
    const all = await ask(boss);
    const agents = await ask(boss, '?fixer=agent');
    expect(agents.marks).toBe(all.marks);
    expect(agents.rows.every(({ fixedBy }) => fixedBy === 'agent')).toBe(true);
    expect((await ask(boss, '?fixer=board')).rows).toEqual([]);
    expect((await boss.get('/diagnostics?fixer=nobody')).status).toBe(400);
  });

  it('go through the pages without a hole', async () => {
    const seen: number[] = [];
    let after = '';
    do {
      const { body } = await boss.get(`/diagnostics/marks?limit=2${after && `&after=${after}`}`);
      seen.push(...body.data.map(({ listing }: { listing: number }) => listing));
      after = body.page.next ?? '';
    } while (after !== '');
    expect(seen).toHaveLength(3);
    expect(new Set(seen).size).toBe(3);
    expect((await boss.get('/diagnostics/marks?after=nonsense')).status).toBe(400);
  });
});

describe('since yesterday', () => {
  it('nothing is known on the first day', async () => {
    const answer = await ask(boss);
    expect(answer.yesterday).toBeNull();
    expect(noticeOf(answer, '/floors-total-missing').change).toBeNull();
  });

  it('is told from the end of the day before, whatever the runs of today have changed', async () => {
    await tomorrow();
    // The first run of the new day finds one more off the market.
    await setStatus(base.db, agencyId, ids.get('кв-2')!, { status: 'sold' }, { name: 'Ольга', role: 'admin' }, clock());
    await correct('кв-3', { floorsTotal: null });
    await publish();
    await publish();
    const answer = await ask(boss);
    expect(answer.yesterday).toBe('2026-11-21');
    expectWhole(answer);
    expect(noticeOf(answer, '/floors-total-missing')).toMatchObject({ marks: 4, change: 1 });
    expect(answer.rows.find(({ outcome }) => outcome === 'off-market')).toMatchObject({ marks: 1, change: 1 });
    expect(answer.outcomes.find(({ outcome }) => outcome === 'published')).toMatchObject({ marks: 5, change: -2 });
  });

  it('is of one’s own listings too', async () => {
    expect(noticeOf(await ask(agent), '/floors-total-missing')).toMatchObject({ marks: 2, change: 1 });
  });

  it('keeps a line for what is gone since', async () => {
    await tomorrow();
    const full = flats(10);
    for (const name of ['кв-1', 'кв-3', 'кв-6', 'кв-7']) {
      const { floorsTotal } = full[Number(name.slice(3))]!;
      await correct(name, { floorsTotal });
    }
    await publish();
    const answer = await ask(boss);
    expectWhole(answer);
    expect(noticeOf(answer, '/floors-total-missing')).toMatchObject({ marks: 0, change: -4, canFill: false });
  });

  it('has the outcomes of thirty days beside it, today as it stands', async () => {
    const { days } = (await boss.get('/diagnostics/history')).body;
    expect(days).toHaveLength(30);
    expect(days.at(-1)).toMatchObject({ day: '2026-11-23', isOver: false });
    expect(Object.values(days.at(-1).counts as Record<string, number>).reduce((a, b) => a + b, 0)).toBe(10);
    expect(days[0]).toEqual({ day: '2026-10-25', isOver: true, counts: {} });
  });
});

describe('a rule', () => {
  it('is told with its source, its day and an example', async () => {
    const { body } = await boss.get('/rules/cian/description-missing');
    expect(body).toMatchObject({ of: 'Циан', field: 'description', severity: 'blocking', marks: [{ marks: 1 }] });
    expect(body.source.title).toBeTruthy();
    expect(body.checkedOn).toMatch(/^\d{4}-\d{2}-\d{2}$/);
    expect(body.example.message).toContain('Описание');
    expect(body.demands[0].sentence).not.toMatch(/[{}]/);
    expect((await boss.get('/rules/cian/no-such-rule')).status).toBe(404);
  });

  it('has no example of listings that are beyond the person’s reach', async () => {
    expect((await agent.get('/rules/cian/description-missing')).body).toMatchObject({ example: null, marks: [] });
  });

  it('of every board has a sentence without placeholders', () => {
    for (const board of boards)
      for (const rule of board.rules) expect(demandSentence(rule, board)).not.toMatch(/[{}|]|undefined/);
  });
});

describe('the grid', () => {
  it('gives the listings with the value that is there, and none beyond reach', async () => {
    const { body } = await boss.get('/diagnostics/fill?code=cian/description-missing');
    expect(body).toMatchObject({
      field: { field: 'description', type: 'long-text', label: 'Описание' },
      rows: [{ listing: ids.get('кв-7'), current: null }],
      page: { next: null, total: 1 },
    });
    expect((await agent.get('/diagnostics/fill?code=cian/description-missing')).body.rows).toEqual([]);
  });

  it('is saved row by row by the card, unless somebody was quicker', async () => {
    const [row] = (await boss.get('/diagnostics/fill?code=cian/description-missing')).body.rows;
    const save = (description: string) =>
      boss.send('PATCH', `/listings/${row.listing}`, { set: { description } }, { 'if-match': `"${row.version}"` });
    expect((await save('Светлая квартира у парка, рядом школа.')).status).toBe(200);
    expect((await save('Другая рука пишет другое.')).status).toBe(412);
    const [again] = (await boss.get('/diagnostics/fill?code=cian/description-missing')).body.rows;
    expect(again).toMatchObject({ current: 'Светлая квартира у парка, рядом школа.' });
  });

  it('is not for fields that are no plain values', async () => {
    const photos = boardOf('cian').rules.find(({ field }) => field === 'photos')!;
    expect((await boss.get(`/diagnostics/fill?code=${photos.code}`)).body.code).toBe('not-fillable');
    expect((await boss.get('/diagnostics/fill?code=cian/nothing')).status).toBe(404);
  });
});

describe('the table', () => {
  it('has a line for each notice and each other mark', async () => {
    const { text, headers } = await boss.get('/diagnostics/download?format=csv');
    expect(headers['content-type']).toBe('text/csv; charset=utf-8');
    const lines = text.trim().split('\r\n');
    expect(lines[0]).toContain('Что мешает');
    const { rows } = await ask(boss);
    expect(lines.length - 1).toBe(total(rows));
  });

  it('comes as a workbook too', async () => {
    const { headers, status } = await boss.get('/diagnostics/download');
    expect(status).toBe(200);
    expect(headers['content-disposition']).toContain('.xlsx');
  });
});

describe('advice', () => {
  it('is asked of the marks themselves and says of how many', async () => {
    const { body } = await boss.get(`/diagnostics/advice?cabinet=${cabinet.id}`);
    expect(body).toMatchObject({ looked: 10, marks: 10 });
    for (const row of body.rows) expect(row.marks).toBeGreaterThanOrEqual(row.listings.length);
    expect((await boss.get('/diagnostics/advice?cabinet=999999')).status).toBe(404);
  });
});
