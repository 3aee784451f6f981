import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Imports, Upload } from '../../src/contracts/imports.ts';
import { ensureBranch, resolveAgency } from '../../src/store/agencies.ts';
import { testDatabase } from '../store/testdb.ts';
import { type Counter, counter, type Visitor } from './visitors.ts';

/** Files that people give to be loaded: what is good comes in, what is torn or loses too much changes nothing. */

let base: Awaited<ReturnType<typeof testDatabase>>;
let dataDir: string;
let desk: Counter;
let agencyId: number;
let north: number;
let boss: Visitor;
let specialist: Visitor;
let agent: Visitor;
let nowMs = Date.UTC(2026, 10, 21, 9);
const clock = () => new Date(nowMs++);

beforeAll(async () => {
  base = await testDatabase();
  dataDir = await mkdtemp(join(tmpdir(), 'imports-'));
  agencyId = (await resolveAgency(base.db, 'Дом', true)).id;
  north = await ensureBranch(base.db, agencyId, 'Север');
  desk = await counter(base.db, agencyId, clock, { dataDir });
  boss = await desk.come({ name: 'Ольга' }, [{ role: 'admin', scope: 'agency' }]);
  specialist = await desk.come({ name: 'Ирина' }, [{ role: 'adSpecialist', scope: 'branch', branchId: north }]);
  agent = await desk.come({ name: 'Пётр' }, [{ role: 'agent', scope: 'own' }]);
});
afterAll(async () => {
  await desk?.close();
  await base.drop();
  await rm(dataDir, { recursive: true, force: true });
});

const offer = (id: string, price = 5_000_000) =>
  `<offer internal-id="${id}"><type>продажа</type><property-type>жилая</property-type><category>квартира</category>
<creation-date>2026-05-01T10:00:00+03:00</creation-date><location><country>Россия</country><locality-name>Самара</locality-name><address>улица Примерная, 1</address></location>
<price><value>${price}</value><currency>RUR</currency></price><area><value>40</value><unit>кв.м</unit></area><rooms>1</rooms><floor>2</floor><floors-total>9</floors-total>
<sales-agent><phone>+79161234567</phone><category>агентство</category></sales-agent><description>Светлая.</description></offer>`;
const feed = (...offers: string[]) =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<realty-feed xmlns="http://webmaster.yandex.ru/schemas/feed/realty/2010-06">\n${offers.join('\n')}\n</realty-feed>\n`;
const many = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => offer(`кв-${from + index}`));

const give = (who: Visitor, query: string, body: string | Buffer, type = 'application/xml') =>
  who.send('POST', `/imports?${query}`, Buffer.from(body), { 'content-type': type });

/** The load, once nothing more happens to it. */
async function settled(answer: { readonly status: number; readonly headers: object; readonly body: Upload }) {
  expect(answer.status).toBe(202);
  const { location } = answer.headers as { location: string };
  expect(location).toBe(`/api/v1/imports/${answer.body.id}`);
  for (;;) {
    const { body } = await boss.get(location.replace('/api/v1', ''));
    if (body.state !== 'queued' && body.state !== 'running') return body as Upload;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const listings = async () => {
  const found = await base.db.pool.query<{ id: string; gone: boolean; branch: number | null }>(
    `select external_id as id, gone_at is not null as gone, branch_id as branch from listing where agency_id = $1 order by id`,
    [agencyId],
  );
  return found.rows;
};
const counts = ({ counts: of }: Pick<Upload, 'counts'>) =>
  Object.fromEntries(of.map(({ name, count }) => [name, count]));
const files = () => readdir(join(dataDir, 'uploads'));

describe('a file', () => {
  it('is loaded, and told of with its numbers', async () => {
    const upload = await settled(await give(boss, 'source=crm&file=C:\\фиды\\crm.xml', feed(...many(1, 10))));
    expect(upload).toMatchObject({ state: 'succeeded', fileName: 'crm.xml', by: 'Ольга', problem: null, loss: null });
    expect(counts(upload)).toMatchObject({ read: 10, imported: 10, rejected: 0 });
    expect(await listings()).toHaveLength(10);
    expect(await files()).toEqual([]);
    const { sources, uploads } = (await boss.get('/imports')).body as Imports;
    expect(sources).toMatchObject([
      { name: 'crm', listings: 10, gone: 0, rejected: 0, lastRun: { status: 'imported', label: 'загружено' } },
    ]);
    expect(uploads[0]!.id).toBe(upload.id);
  });

  it('comes packed as well', async () => {
    const packed = gzipSync(feed(...many(1, 9), offer('кв-10', 6_000_000)));
    const upload = await settled(await give(boss, 'source=crm', packed, 'application/gzip'));
    expect(counts(upload)).toMatchObject({ updated: 1, unchanged: 9 });
  });

  it('can be rehearsed: told, and nothing changed', async () => {
    const before = await listings();
    const upload = await settled(await give(boss, 'source=crm&rehearse=true', feed(...many(1, 12))));
    expect(upload).toMatchObject({ state: 'succeeded', label: 'проба, ничего не изменено' });
    expect(counts(upload)).toMatchObject({ imported: 2 });
    expect(await listings()).toEqual(before);
  });

  it.each([
    ['is torn', feed(...many(1, 12)).slice(0, -300), 'feed-'],
    ['is no feed', '<html><body>вход</body></html>', 'feed-'],
    ['is not XML', 'просто текст', 'feed-'],
  ])('that %s changes nothing and says why', async (_, text, code) => {
    const before = await listings();
    const upload = await settled(await give(boss, 'source=crm&file=плохой.xml', text));
    expect(upload.state).toBe('failed');
    expect(upload.problem!.code).toContain(code);
    expect(upload.problem!.detail).not.toContain(dataDir);
    expect(await listings()).toEqual(before);
    expect(await files()).toEqual([]);
  });

  it('that makes a new source and fails leaves no source behind', async () => {
    await settled(await give(boss, 'source=новый', 'не XML'));
    expect(((await boss.get('/imports')).body as Imports).sources.map(({ name }) => name)).toEqual(['crm']);
  });

  it('with bad offers tells their lines and reasons', async () => {
    const bad = offer('кв-11').replace('<category>квартира', '<category>ракета');
    const upload = await settled(await give(boss, 'source=crm', feed(...many(1, 10), bad)));
    expect(counts(upload)).toMatchObject({ read: 11, rejected: 1 });
    expect(upload.rejected).toMatchObject([{ externalId: 'кв-11', line: 43 }]);
    const { sources } = (await boss.get('/imports')).body as Imports;
    const { data, page } = (await boss.get(`/imports/sources/${sources[0]!.id}/rejections`)).body;
    expect(page).toEqual({ next: null, total: 1 });
    expect(data).toMatchObject([{ externalId: 'кв-11', line: 43 }]);
    expect(data[0].reasons.join()).toContain('ракета');
  });

  it('has to be there, and to be one', async () => {
    expect((await boss.send('POST', '/imports?source=crm')).status).toBe(415);
    expect((await boss.send('POST', '/imports?source=crm', { a: 1 })).status).toBe(415);
    expect((await give(boss, 'source=crm', '')).body.code).toMatch(/file-(empty|missing)/);
    expect((await give(boss, 'file=crm.xml', feed())).status).toBe(400);
  });
});

describe('a file that loses too much', () => {
  it('waits, and is loaded once somebody agrees', async () => {
    const waiting = await settled(await give(boss, 'source=crm', feed(...many(1, 5))));
    expect(waiting).toMatchObject({ state: 'waiting', loss: { gone: 5, before: 10 } });
    expect((await listings()).every(({ gone }) => !gone)).toBe(true);
    expect(await files()).toHaveLength(1);
    const done = await settled(await boss.send('POST', `/imports/${waiting.id}/confirm`));
    expect(done).toMatchObject({ state: 'succeeded', loss: null });
    expect((await listings()).filter(({ gone }) => gone)).toHaveLength(5);
    expect(await files()).toEqual([]);
    const again = await boss.send('POST', `/imports/${waiting.id}/confirm`);
    expect([again.status, again.body.code]).toEqual([409, 'upload-not-waiting']);
  });

  it('is not loaded when a fresher one has been', async () => {
    const waiting = await settled(await give(boss, 'source=crm', feed(offer('кв-1'))));
    expect(waiting.state).toBe('waiting');
    await settled(await give(boss, 'source=crm', feed(...many(1, 6))));
    const late = await boss.send('POST', `/imports/${waiting.id}/confirm`);
    expect([late.status, late.body.code]).toEqual([409, 'upload-outdated']);
  });

  it('is given up after a week', async () => {
    nowMs += 8 * 86_400_000;
    await base.db.pool.query('update session set seen_at = $1, created_at = $1', [new Date(nowMs)]);
    await settled(await give(boss, 'source=crm', feed(...many(1, 6))));
    const { uploads } = (await boss.get('/imports')).body as Imports;
    expect(uploads.filter(({ problem }) => problem?.code === 'upload-expired')).toHaveLength(1);
    expect(await files()).toEqual([]);
  });

  it('and one whose server was stopped says so', async () => {
    const at = new Date(nowMs - 3_600_000);
    const made = await base.db.pool.query<{ id: number }>(
      `insert into upload (agency_id, source, file_name, bytes, is_rehearsal, state, by, created_at, seen_at)
       values ($1, 'crm', 'a.xml', 1, false, 'running', 'Ольга', $2, $2) returning id`,
      [agencyId, at],
    );
    expect((await boss.get(`/imports/${made.rows[0]!.id}`)).body).toMatchObject({
      state: 'failed',
      problem: { code: 'upload-cut-short' },
    });
  });
});

describe('a branch', () => {
  it('loads for itself only, and sees its own sources only', async () => {
    expect((await specialist.get('/imports')).body).toMatchObject({ sources: [], uploads: [], isWhole: false });
    const whole = await give(specialist, 'source=crm', feed(...many(1, 6)));
    expect([whole.status, whole.body.code]).toEqual([403, 'not-allowed']);
    expect((await give(specialist, 'source=чужой', feed(offer('н-1')))).status).toBe(403);
    const own = await settled(await give(specialist, `source=север&branch=${north}`, feed(offer('н-1'))));
    expect(own).toMatchObject({ state: 'succeeded', branch: 'Север' });
    expect((await listings()).find(({ id }) => id === 'н-1')).toMatchObject({ branch: north });
    // The source is its branch's from now on, named or not.
    await settled(await give(specialist, 'source=север', feed(offer('н-1'), offer('н-2'))));
    expect((await listings()).find(({ id }) => id === 'н-2')).toMatchObject({ branch: north });
    const { sources, uploads } = (await specialist.get('/imports')).body as Imports;
    expect(sources.map(({ name }) => name)).toEqual(['север']);
    expect(uploads.every(({ source }) => source === 'север')).toBe(true);
    const { sources: all } = (await boss.get('/imports')).body as Imports;
    const crm = all.find(({ name }) => name === 'crm')!;
    expect((await specialist.get(`/imports/sources/${crm.id}/runs`)).status).toBe(404);
    expect((await boss.get(`/imports/sources/${crm.id}/runs?limit=2`)).body.data).toHaveLength(2);
    expect((await give(boss, `source=crm&branch=${north}`, feed())).body.code).toBe('source-elsewhere');
  });

  it('has agents who load nothing', async () => {
    expect((await agent.get('/imports')).status).toBe(403);
    expect((await give(agent, 'source=crm', feed())).status).toBe(403);
  });
});
