import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listingAt } from '../../fixtures/agency.ts';
import { AGENCY_DEFAULTS } from '../../src/domain/settings.ts';
import { addEmployee, ensureBranch } from '../../src/store/agencies.ts';
import { openAccount } from '../../src/store/ledger.ts';
import { markListings } from '../../src/store/marks.ts';
import { type Stock, stock } from '../store/stock.ts';
import { testDatabase } from '../store/testdb.ts';
import { type Answer, type Counter, counter, type Visitor } from './visitors.ts';

/** Tariffs, hours, pauses, rules of marking and templates: by those who may, where they may. */

const NOW = new Date('2026-11-21T09:00:00Z');
let now = NOW;
let base: Awaited<ReturnType<typeof testDatabase>>;
let house: Stock;
let door: Counter;
let north: number;
let common: number;
let northern: number;
let ids: number[];
let admin: Visitor;
let specialist: Visitor;
let lead: Visitor;
let agent: Visitor;

/** Narrow and unbreakable spaces are for screens. */
const plain = ({ text }: Answer) => JSON.parse(text.replace(/[\u00a0\u202f]/g, ' '));
const tagged = (answer: Answer) => ({ 'if-match': String(answer.headers.etag) });
const rest = { kopecks: 30_00 };
const terms = { lines: [{ kind: 'flat', region: 'Москва', kopecks: 45_00 }, rest] };

beforeAll(async () => {
  base = await testDatabase();
  house = await stock(base.db, { access: { ...AGENCY_DEFAULTS.access, secondFactor: 'offered' } }, NOW);
  const { agencyId } = house;
  north = await ensureBranch(base.db, agencyId, 'Север');
  common = await house.cabinet('avito');
  northern = await house.cabinet('cian', 'north');
  await base.db.pool.query('update cabinet set branch_id = $2 where id = $1', [northern, north]);
  const employeeId = await addEmployee(base.db, agencyId, { name: 'Пётр', phones: [] });
  const model = Array.from({ length: 50 }, (_, index) => listingAt(index)).find(
    ({ kind, deal }) => kind === 'flat' && deal === 'sale',
  )!;
  const flat = (number: number, more: object) => ({
    ...model,
    externalId: `L${number}`,
    apartmentNumber: String(number),
    ...more,
  });
  ids = await house.listings([
    flat(1, { region: 'Москва', priceKopecks: 5_000_000_00 }),
    flat(2, { region: 'Тверь', priceKopecks: 3_000_000_00 }),
    flat(3, { region: 'Тверь', priceKopecks: 2_000_000_00, branchId: north }),
  ]);
  await base.db.pool.query('update listing set employee_id = $2 where id = $1', [ids[0], employeeId]);
  await markListings(base.db, agencyId, common, ids, NOW);
  await openAccount(base.db, agencyId, { kind: 'agency', ownerId: null }, { name: 'тест' }, NOW);
  door = await counter(base.db, agencyId, () => now);
  admin = await door.come({ name: 'Вера' }, [{ role: 'admin' }]);
  specialist = await door.come({ name: 'Яна' }, [{ role: 'adSpecialist' }]);
  lead = await door.come({ name: 'Олег' }, [{ role: 'adSpecialist', scope: 'branch', branchId: north }]);
  agent = await door.come({ name: 'Анна', branchId: north });
  await base.db.pool.query('update listing set employee_id = $2 where id = $1', [ids[2], agent.id]);
});
afterAll(async () => {
  await door.close();
  await base.drop();
});

describe('a tariff', () => {
  const url = () => `/cabinets/${common}/tariffs`;

  it('is tried on what is marked', async () => {
    expect(plain(await specialist.send('POST', `${url()}/try`, { terms }))).toMatchObject({
      listings: [1, 2],
      marks: 3,
      nowKopecks: 0,
      thenKopecks: 105_00,
      changed: 3,
      unknownRegions: [],
      lines: ['квартира, Москва — 45 ₽ в день', 'остальные — 30 ₽ в день'],
    });
    const misspelt = await specialist.send('POST', `${url()}/try`, {
      terms: { lines: [{ region: 'Масква', kopecks: 1 }, rest] },
    });
    expect(misspelt.body.unknownRegions).toEqual(['Масква']);
    const wrong = await specialist.send('POST', `${url()}/try`, { terms: { lines: [{ kind: 'flat', kopecks: -1 }] } });
    expect(wrong.body).toMatchObject({ status: 422, code: 'tariff-wrong' });
    expect(wrong.body.detail).toContain('/lines/0/kopecks');
  });

  it('begins tomorrow at the earliest, and only a proven administrator writes it down', async () => {
    const post = (who: Visitor, validFrom: string) => who.send('POST', url(), { validFrom, terms });
    expect((await post(specialist, '2026-11-22')).status).toBe(403);
    expect((await admin.get(url())).body).toMatchObject({ today: '2026-11-21', earliest: '2026-11-22', data: [] });
    for (const day of ['2026-11-21', '2026-11-01'])
      expect((await post(admin, day)).body).toMatchObject({ status: 409, code: 'tariff-too-early' });
    expect((await post(admin, '2026-02-31')).body.code).toBe('tariff-wrong');
    const added = await post(admin, '2026-11-22');
    expect(added.body).toMatchObject({
      cabinet: { price: 'тарифа нет, бесплатно; с 22.11.2026 новый тариф' },
      data: [{ state: 'coming', validFrom: '2026-11-22', until: null, by: 'Вера' }],
    });
    const again = await admin.send('POST', url(), { validFrom: '2026-11-22', terms: { lines: [rest] } });
    expect(again.body.data.map(({ state }: { state: string }) => state)).toEqual(['coming', 'replaced']);
    const prices = (await specialist.get(`/listings/${ids[0]}/prices`)).body.data;
    expect(prices[0]).toMatchObject({
      isMarked: true,
      current: null,
      next: { price: { priceKopecks: 30_00, line: 1 } },
    });
    now = new Date(NOW.getTime() + 40 * 60_000);
    expect((await post(admin, '2026-11-25')).body.code).toBe('re-authentication-needed');
    now = NOW;
  });
});

const week = (hours: [number, number][]) => [...Array.from({ length: 5 }, () => hours), [], []];

describe('hours', () => {
  it('are tried, set and taken away, in the part of the agency that is the person’s', async () => {
    const calendar = { week: week([[540, 1200]]), special: [] };
    expect((await specialist.get('/calendars')).body.data.map(({ name }: { name: string }) => name)).toEqual(
      ['Север', 'avito', 'cian'].map((name) =>
        name === 'avito' ? 'Авито · avito' : name === 'cian' ? 'Циан · cian' : name,
      ),
    );
    const own = (await lead.get('/calendars')).body.data;
    expect(own.map(({ of, id }: { of: string; id: number }) => [of, id])).toEqual([
      ['branch', north],
      ['cabinet', northern],
    ]);
    const root = `/branches/${north}/calendar`;
    const seen = tagged(await lead.get(root));
    expect((await agent.send('PUT', root, { calendar }, seen)).status).toBe(404);
    expect((await lead.send('PUT', `/cabinets/${common}/calendar`, { calendar }, seen)).status).toBe(403);
    // A Saturday: everything of the branch would be off the boards.
    const effect = (await lead.send('POST', `${root}/rehearse`, { calendar })).body;
    expect([effect.moved, effect.examples.map(({ to }: { to: string }) => to)]).toEqual([1, ['пауза']]);
    const set = await lead.send('PUT', root, { calendar }, seen);
    expect(set.body).toMatchObject({ text: 'пн–пт 09:00–20:00; сб, вс выходной', isOpen: false });
    expect((await lead.send('PUT', root, { calendar: null }, seen)).status).toBe(412);
    const wrong = {
      week: week([[600, 540]]),
      special: [{ from: '2026-12-31', to: '2026-12-30', hours: [], note: 'Год' }],
    };
    const refused = await lead.send('PUT', root, { calendar: wrong }, tagged(set));
    expect(refused.body).toMatchObject({ status: 422, code: 'calendar-wrong' });
    expect(refused.body.detail).toContain('«Год»: последний день раньше первого.');
    const gone = await lead.send('PUT', root, { calendar: null }, tagged(set));
    expect(gone.body).toMatchObject({ text: 'всегда', isOpen: true });
  });
});

describe('a pause', () => {
  const pause = (who: Visitor, what: object, more: object = {}) =>
    who.send('POST', '/pauses', { ...what, until: '2026-11-23', reason: 'Ремонт', ...more });

  it('is of what the person may stop, and a last day is meant whole', async () => {
    expect((await pause(agent, {})).status).toBe(403);
    expect((await pause(agent, { branchId: north })).status).toBe(404);
    expect((await pause(agent, { cabinetId: common })).status).toBe(403);
    expect((await pause(agent, { listingIds: [ids[0]] })).status).toBe(404);
    expect((await pause(lead, {})).status).toBe(403);
    expect((await pause(lead, { cabinetId: common })).status).toBe(403);
    expect((await pause(admin, { branchId: north, cabinetId: common })).body.code).toBe('pause-what');
    expect((await pause(admin, {}, { until: 'вчера' })).body.code).toBe('bad-moment');
    expect((await pause(admin, {}, { until: '2026-11-20' })).body.code).toBe('pause-past');
    expect((await pause(agent, { listingIds: [ids[2]] })).status).toBe(200);
    expect((await pause(lead, { branchId: north })).status).toBe(200);
    expect((await pause(specialist, { cabinetId: common }, { from: '2026-11-22' })).status).toBe(200);
    const all = (await agent.get('/pauses')).body.data;
    expect(all.map(({ what, isOn, may }: never) => [what, isOn, (may as { end: boolean }).end])).toEqual([
      ['объект L3', true, true],
      ['Авито · avito', false, false],
    ]);
    expect(all[0].until).toBe('2026-11-23T21:00:00.000Z');
    const named = (await specialist.get('/pauses')).body.data;
    expect(named.map(({ what }: { what: string }) => what).sort()).toEqual([
      'Авито · avito',
      'объект L3',
      'филиал «Север»',
    ]);
  });

  it('ends by whoever made it, or by whoever may end another’s', async () => {
    const numbers = Object.fromEntries(
      (await specialist.get('/pauses')).body.data.map(({ what, id }: { what: string; id: number }) => [what, id]),
    );
    const end = (who: Visitor, what: string) => who.send('POST', `/pauses/${numbers[what]}/end`);
    expect((await end(agent, 'филиал «Север»')).status).toBe(404);
    expect((await end(lead, 'Авито · avito')).status).toBe(403);
    // A namesake's is another's.
    const own = [house.agencyId, numbers['объект L3']];
    await base.db.pool.query('update pause set employee_id = employee_id + 1000 where agency_id = $1 and id = $2', own);
    expect((await end(agent, 'объект L3')).status).toBe(403);
    await base.db.pool.query('update pause set employee_id = employee_id - 1000 where agency_id = $1 and id = $2', own);
    expect((await end(agent, 'объект L3')).status).toBe(204);
    expect((await end(specialist, 'филиал «Север»')).status).toBe(204);
    expect((await end(specialist, 'филиал «Север»')).body.code).toBe('pause-over');
  });

  it('is tried: what would leave now is told', async () => {
    const wish = { cabinetId: common, until: '2026-11-23', reason: 'Ремонт' };
    const { body } = await specialist.send('POST', '/pauses/rehearse', wish);
    expect(body.cabinets).toMatchObject([{ id: common, marks: 3 }]);
    expect(body.moved).toBe(3);
  });
});

describe('a rule of marking', () => {
  it('tells how many it would mark, marks on demand, and is changed by whoever saw it', async () => {
    const rule = {
      name: 'Квартиры в Циан',
      when: { kinds: ['flat'], priceFromKopecks: 4_000_000_00 },
      cabinetIds: [northern],
      termDays: 30,
      isActive: true,
    };
    expect((await lead.send('PUT', '/marking-rules', rule)).status).toBe(403);
    const trial = (await specialist.send('POST', '/marking-rules/rehearse', rule)).body;
    expect(trial).toMatchObject({ marks: 1, cabinets: [{ id: northern, marks: 1 }] });
    const upside = { ...rule, when: { priceFromKopecks: 2, priceToKopecks: 1 } };
    expect((await specialist.send('PUT', '/marking-rules', upside)).body.code).toBe('rule-condition');
    const saved = await specialist.send('PUT', '/marking-rules', rule);
    expect(plain(saved)).toMatchObject({ sentence: 'квартира; от 4 000 000 ₽', cabinets: ['Циан · cian'] });
    expect((await specialist.send('PUT', '/marking-rules', rule)).status).toBe(428);
    expect((await specialist.send('PUT', '/marking-rules', { ...rule, termDays: null }, tagged(saved))).status).toBe(
      200,
    );
    const applied = (await specialist.send('POST', '/marking-rules/apply')).body;
    expect(applied.cabinets).toEqual([{ id: northern, name: 'Циан · cian', marks: 1 }]);
    expect((await house.marks(northern)).map(({ listing_id }) => listing_id)).toEqual([ids[0]]);
    const { id } = (await specialist.get('/marking-rules')).body.data[0];
    expect((await specialist.send('DELETE', `/marking-rules/${id}`)).status).toBe(204);
    expect((await specialist.send('DELETE', `/marking-rules/${id}`)).status).toBe(404);
  });
});

describe('a template', () => {
  it('is tried on a listing before it is saved', async () => {
    const wish = { template: 'Цена {priceKopecks}', listingId: ids[0] };
    expect(plain(await specialist.send('POST', '/settings/texts/try', wish))).toMatchObject({
      faults: [],
      text: 'Цена 5 000 000 ₽',
      changeable: ['Цена'],
    });
    const wrong = (await specialist.send('POST', '/settings/texts/try', { template: '{nothing}', formula: '1 +' }))
      .body;
    expect([wrong.faults.length, wrong.text]).toEqual([2, null]);
    const tag = tagged(await specialist.get('/settings'));
    const set = { 'texts.templates': [{ name: 'Дом', kind: 'house', text: 'Дом {areaM2}' }] };
    expect((await specialist.send('PATCH', '/settings/texts', { set }, tag)).status).toBe(200);
  });
});
