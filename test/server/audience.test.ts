import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { takeAudience } from '../../src/intake/audience.ts';
import { ensureBranch } from '../../src/store/agencies.ts';
import { markListings } from '../../src/store/marks.ts';
import { type Stock, stock } from '../store/stock.ts';
import { testDatabase } from '../store/testdb.ts';
import { type Counter, counter, type Visitor } from './visitors.ts';

/** Views and calls loaded from a form: who may, what is told before, and that it is the law of the command line. */

const NOW = new Date('2026-11-22T09:00:00Z');
let base: Awaited<ReturnType<typeof testDatabase>>;
let house: Stock;
let at: Counter;
let specialist: Visitor;
let agent: Visitor;
let head: Visitor;
let cabinetId: number;

beforeAll(async () => {
  base = await testDatabase();
  house = await stock(base.db, {}, NOW);
  const { agencyId } = house;
  cabinetId = await house.cabinet();
  const ids = await house.listings([{ externalId: 'A-1' }, { externalId: 'A-2' }]);
  await markListings(base.db, agencyId, cabinetId, ids, NOW);
  at = await counter(base.db, agencyId, () => NOW);
  const branchId = await ensureBranch(base.db, agencyId, 'Центр');
  specialist = await at.come({ name: 'Реклама' }, [{ role: 'adSpecialist' }]);
  agent = await at.come({ name: 'Агент', branchId });
  head = await at.come({ name: 'Начальник', branchId }, [{ role: 'manager', scope: 'branch', branchId }]);
}, 120_000);
afterAll(async () => {
  await at?.close();
  await base?.drop();
});

async function post(visitor: Visitor, part: string, text: string) {
  const answer = await at.app.inject({
    method: 'POST',
    url: `/api/v1/cabinets/${cabinetId}/audience${part}`,
    headers: { ...visitor.headers, 'content-type': 'application/octet-stream' },
    payload: Buffer.from(text),
  });
  return { status: answer.statusCode, body: answer.json() };
}
const words = (more: object) => `?${new URLSearchParams({ name: 'звонки.csv', ...more })}`;
const COLUMNS = { day: 'Дата', advert: 'ID', views: 'Просмотры', calls: 'Звонки' };
const HEAD = 'Дата;ID;Просмотры;Звонки\r\n';
const FILE = `${HEAD}20.11.2026;A-1;120;3\r\n20.11.2026;A-9;5;1\r\n31.12.2026;A-2;1;1\r\n21.11.2026;A-2;много;\r\n21.11.2026;A-2;7;\r\n`;
const kept = async () =>
  (
    await base.db.pool.query<{ told: string }>(
      `select day || ' ' || coalesce(views::text, '?') || ' ' || coalesce(calls::text, '?') as told from audience_day where agency_id = $1 order by day`,
      [house.agencyId],
    )
  ).rows.map(({ told }) => told);

describe('views and calls from a form', () => {
  it('are for whoever may load what boards tell, of cabinets in their reach', async () => {
    expect((await specialist.get('/audience')).body).toEqual({ data: [{ id: cabinetId, name: expect.any(String) }] });
    expect((await head.get('/audience')).body).toEqual({ data: [] });
    expect((await agent.get('/audience')).status).toBe(403);
    for (const [part, visitor] of [
      ['/peek', agent],
      ['/peek', head],
      [words(COLUMNS), agent],
      [words(COLUMNS), head],
    ] as const)
      expect(await post(visitor, part, FILE)).toMatchObject({
        status: 403,
        body: { detail: expect.stringContaining('Загружать отчёты досок о списаниях, просмотрах и звонках') },
      });
    expect(await kept()).toEqual([]);
  });

  it('are looked at: what the columns may be, by their names', async () => {
    const { body } = await post(specialist, '/peek', FILE);
    expect(body).toMatchObject({
      format: 'csv',
      delimiter: 'semicolon',
      guess: { shape: null, columns: COLUMNS },
      roles: [{ role: 'day', label: 'День' }, {}, {}, {}, {}, { role: 'calls', label: 'Звонки' }],
    });
    expect(body.rows[0]).toEqual(['20.11.2026', 'A-1', '120', '3']);
  });

  it('are tried first, each bad line with its reason, and change nothing', async () => {
    const { status, body } = await post(specialist, words({ ...COLUMNS, trial: 'true' }), FILE);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      isTrial: true,
      format: 'csv',
      rows: 5,
      added: 2,
      replaced: 0,
      unknownRows: 1,
      badRows: 2,
    });
    expect(body.unknown).toEqual([{ line: 3, name: 'A-9' }]);
    expect(body.bad).toEqual([
      { line: 4, reasons: ['день 31.12.2026 ещё не наступил'] },
      { line: 5, reasons: ['просмотры «много» — не целое число'] },
    ]);
    expect(await kept()).toEqual([]);
  });

  it('are then loaded, twice as once, and the command line says the same of the file', async () => {
    const loaded = (await post(specialist, words(COLUMNS), FILE)).body;
    expect(loaded).toMatchObject({ isTrial: false, added: 2, badRows: 2 });
    expect(await kept()).toEqual(['2026-11-20 120 3', '2026-11-21 7 ?']);
    expect((await house.deeds()).filter(({ action }) => action === 'audience-loaded')).toMatchObject([
      { by: 'Реклама', facts: { name: 'звонки.csv', added: 2 } },
    ]);
    const again = (await post(specialist, words(COLUMNS), FILE)).body;
    expect(again).toMatchObject({ added: 0, replaced: 0, same: 2 });
    const bytes = (async function* () {
      yield Buffer.from(FILE);
    })();
    const given = { name: 'звонки.csv', bytes, mapping: { columns: COLUMNS }, isTrial: true };
    const told = await takeAudience(
      base.db,
      { agencyId: house.agencyId, id: cabinetId },
      given,
      { name: 'Реклама' },
      NOW,
    );
    expect({ ...told, isTrial: false }).toEqual(again);
  });

  it('are numbered as records where a JSON has no lines', async () => {
    const file = JSON.stringify([{ Дата: '20.11.2026', ID: 'A-9', Просмотры: 1 }]);
    const { body } = await post(
      specialist,
      words({ day: 'Дата', advert: 'ID', views: 'Просмотры', trial: 'true' }),
      file,
    );
    expect(body).toMatchObject({ format: 'json', unknown: [{ line: 1, name: 'A-9' }] });
  });

  it('say in Russian what is missing', async () => {
    expect((await post(specialist, words({ advert: 'ID' }), FILE)).body).toMatchObject({
      code: 'report-mapping',
      detail: expect.stringMatching(/назовите день всех строк.*просмотры или звонки/s),
    });
    expect((await post(specialist, words({ ...COLUMNS, calls: 'Нет такого' }), FILE)).body).toMatchObject({
      code: 'report-columns',
      detail: expect.stringContaining('Нет такого'),
    });
    expect((await post(specialist, words({ ...COLUMNS, onDay: '2026-02-31' }), FILE)).status).toBe(400);
    expect((await post(specialist, words(COLUMNS), '')).body).toMatchObject({ code: 'report-missing' });
  });
});
