import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEED_GROUPS, DEEDS } from '../../src/domain/rights.ts';
import { AGENCY_DEFAULTS } from '../../src/domain/settings.ts';
import { addEmployee, ensureBranch, ensureDepartment } from '../../src/store/agencies.ts';
import { markListings } from '../../src/store/marks.ts';
import { type Stock, stock } from '../store/stock.ts';
import { testDatabase } from '../store/testdb.ts';
import { type Counter, counter, type Visitor } from './visitors.ts';

/** People, units and rights, as those see and change them who may. */

const NOW = new Date('2026-11-22T09:00:00.000Z');
const PHONE = '+79000000041';
let base: Awaited<ReturnType<typeof testDatabase>>;
let house: Stock;
let door: Counter;
let centre: number;
let north: number;
let rent: number;
let admin: Visitor;
let boss: Visitor;
let lead: Visitor;
let agent: Visitor;

const named = async (who: Visitor, query: string) =>
  (await who.get(`/people?${query}`)).body.data.map(({ name }: { name: string }) => name);
const tagOf = async (who: Visitor, id: number) => ({
  'if-match': String((await who.get(`/people/${id}`)).headers.etag),
});

beforeAll(async () => {
  base = await testDatabase();
  house = await stock(base.db, { access: { ...AGENCY_DEFAULTS.access, secondFactor: 'offered' } }, NOW);
  const { agencyId } = house;
  door = await counter(base.db, agencyId, () => NOW);
  centre = await ensureBranch(base.db, agencyId, 'Центр');
  north = await ensureBranch(base.db, agencyId, 'Север');
  rent = await ensureDepartment(base.db, agencyId, centre, 'Аренда');
  admin = await door.come({ name: 'Вера' }, [{ role: 'admin' }]);
  boss = await door.come({ name: 'Рита', branchId: centre }, [{ role: 'admin', scope: 'branch', branchId: centre }]);
  lead = await door.come({ name: 'Ольга', branchId: centre }, [{ role: 'manager', scope: 'branch', branchId: centre }]);
  agent = await door.come({ name: 'Пётр', branchId: centre, departmentId: rent, phones: [PHONE] });
  await addEmployee(base.db, agencyId, { name: 'Яна', phones: [], branchId: north });
});
afterAll(async () => {
  await door.close();
  await base.drop();
});

describe('people', () => {
  it('are listed page by page, within reach', async () => {
    expect((await agent.get('/people')).status).toBe(403);
    expect(await named(lead, '')).toEqual(['Ольга', 'Пётр', 'Рита']);
    const first = (await admin.get('/people?limit=3')).body;
    expect(first.page.total).toBe(5);
    const second = (await admin.get(`/people?limit=3&after=${first.page.next}`)).body;
    const names = [...first.data, ...second.data].map(({ name }) => name);
    expect(names).toEqual(['Вера', 'Ольга', 'Пётр', 'Рита', 'Яна']);
    expect(second.page.next).toBeNull();
    expect((await admin.get('/people?after=xyz')).body.code).toBe('bad-cursor');
    expect(await named(admin, 'q=041')).toEqual([]);
    expect(await named(admin, 'q=00-00-041')).toEqual(['Пётр']);
    expect(await named(admin, `branch=${north}`)).toEqual(['Яна']);
    expect(await named(admin, 'state=outside')).toEqual(['Яна']);
    expect(await named(admin, 'role=manager&role=admin')).toEqual(['Вера', 'Ольга', 'Рита']);
  });

  it('are added, and a phone nobody can call is refused with the others', async () => {
    const wrong = await lead.send('POST', '/people', {
      name: 'Новый',
      branchId: centre,
      phones: ['12', '+7 900 000-00-42', 'xx'],
    });
    expect([wrong.status, wrong.body.code]).toEqual([422, 'bad-phone']);
    expect(wrong.body.detail).toContain('«12»');
    expect(wrong.body.detail).toContain('«xx»');
    expect((await lead.send('POST', '/people', { name: 'Новый', branchId: north })).status).toBe(403);
    const made = await lead.send('POST', '/people', {
      name: ' Новый ',
      departmentId: rent,
      phones: ['8 900 000 00 42'],
    });
    expect(made.body).toMatchObject({
      name: 'Новый',
      branch: { name: 'Центр' },
      department: { name: 'Аренда' },
      phones: ['+79000000042'],
      grants: [{ label: 'агент, своё' }],
      login: null,
    });
  });

  it('are changed by whoever saw how they stand', async () => {
    const patch = (who: Visitor, body: object, headers = {}) => who.send('PATCH', `/people/${agent.id}`, body, headers);
    expect((await patch(lead, { email: 'p@example.ru' })).status).toBe(428);
    const tag = await tagOf(lead, agent.id);
    const changed = await patch(lead, { email: 'p@example.ru' }, tag);
    expect([changed.status, changed.body.email]).toEqual([200, 'p@example.ru']);
    expect((await patch(lead, { email: 'q@example.ru' }, tag)).status).toBe(412);
    const next = await tagOf(lead, agent.id);
    expect((await patch(lead, { branchId: north }, next)).status).toBe(403);
    expect((await patch(lead, { isActive: false }, next)).status).toBe(403);
    const elsewhere = await patch(admin, { branchId: north, departmentId: rent }, next);
    expect(elsewhere.body.code).toBe('department-elsewhere');
    const moved = await patch(admin, { branchId: north }, next);
    expect(moved.body).toMatchObject({ branch: { name: 'Север' }, department: null });
    expect((await house.deeds()).at(-1)).toMatchObject({
      action: 'employee-changed',
      facts: { before: { branchId: centre, departmentId: rent }, after: { branchId: north, departmentId: null } },
    });
    expect((await lead.get(`/people/${agent.id}`)).status).toBe(404);
  });

  it('hand their listings over, and the source does not take them back while it names the former one', async () => {
    const { db } = base;
    const [one, two] = await house.listings([{}, {}]);
    await db.pool.query('update listing set employee_id = $1 where id = any($2)', [agent.id, [one, two]]);
    const heir = (await admin.get('/people?q=Яна')).body.data[0].id;
    const cabinetId = await house.cabinet();
    await markListings(db, house.agencyId, cabinetId, [one!], NOW);
    await house.notDue();
    const url = `/people/${agent.id}/hand-over`;
    expect((await admin.send('POST', url, { toId: agent.id })).body.code).toBe('same-person');
    expect((await lead.send('POST', `/people/${lead.id}/hand-over`, { toId: heir })).status).toBe(404);
    expect((await admin.send('POST', url, { toId: heir, listingIds: [one] })).body).toEqual({ listings: 1 });
    expect((await admin.send('POST', url, { toId: heir })).body).toEqual({ listings: 1 });
    expect(await house.listing(one!)).toMatchObject({ employee_id: heir, handed_from: agent.id });
    expect(await house.dueAt(cabinetId)).toEqual(NOW);
    expect((await house.deeds()).filter(({ action }) => action === 'listing-handed-over')).toHaveLength(2);
    const { external_id: externalId } = await house.listing(one!);
    const push = (id: number) =>
      admin.send('PUT', `/sources/crm/listings/${externalId}`, {
        values: { kind: 'flat', deal: 'sale', priceKopecks: id },
        responsible: { id },
      });
    expect((await push(agent.id)).status).toBe(200);
    expect(await house.listing(one!)).toMatchObject({ employee_id: heir, price_kopecks: agent.id });
    expect((await push(lead.id)).status).toBe(200);
    expect(await house.listing(one!)).toMatchObject({ employee_id: lead.id, handed_from: null });
  });

  it('leave, and their sessions with them; the last administrator stays', async () => {
    const leaver = await door.come({ name: 'Глеб', branchId: centre }, [{ role: 'adSpecialist' }]);
    expect((await leaver.get('/session')).status).toBe(200);
    const gone = await admin.send('PATCH', `/people/${leaver.id}`, { isActive: false }, await tagOf(admin, leaver.id));
    expect(gone.body).toMatchObject({ isActive: false, may: { invite: false, roles: false } });
    expect((await leaver.get('/session')).status).toBe(401);
    expect(await named(admin, 'state=left')).toEqual(['Глеб']);
    const last = await admin.send('PATCH', `/people/${admin.id}`, { isActive: false }, await tagOf(admin, admin.id));
    expect([last.status, last.body.code]).toEqual([409, 'last-admin']);
    expect((await admin.get('/session')).status).toBe(200);
  });
});

describe('rights', () => {
  it('are given, and end the session; nobody reaches beyond what he has', async () => {
    const mate = await door.come({ name: 'Инна', branchId: centre });
    const give = async (who: Visitor, id: number, ...grants: object[]) =>
      who.send(
        'PUT',
        `/people/${id}/grants`,
        { grants: grants.map((grant) => ({ branchId: null, departmentId: null, ...grant })) },
        await tagOf(admin, id),
      );
    const of = { role: 'adSpecialist', scope: 'branch', branchId: centre };
    expect((await give(lead, mate.id, of)).status).toBe(403);
    const given = await give(boss, mate.id, of, { role: 'agent', scope: 'own' });
    expect(given.body.grants.map(({ label }: { label: string }) => label)).toEqual([
      'специалист по рекламе, филиал «Центр»',
      'агент, своё',
    ]);
    expect((await mate.get('/session')).status).toBe(401);
    for (const more of [
      { role: 'agent', scope: 'agency' },
      { role: 'agent', scope: 'branch', branchId: north },
    ])
      expect((await give(boss, mate.id, more)).status).toBe(403);
    expect((await give(boss, mate.id, { role: 'agent', scope: 'department', departmentId: rent })).status).toBe(200);
    expect((await give(admin, admin.id, { role: 'manager', scope: 'agency' })).body.code).toBe('last-admin');
    expect((await give(admin, mate.id, { role: 'agent', scope: 'branch', branchId: 987654 })).body.code).toBe(
      'unit-unknown',
    );
  });

  it('are not taken over by a link', async () => {
    const chief = await door.come({ name: 'Сам', branchId: centre }, [{ role: 'admin' }]);
    const refused = await boss.send('POST', `/people/${chief.id}/invitation`);
    expect([refused.status, refused.body.code]).toEqual([403, 'not-allowed']);
    expect((await boss.get(`/people/${chief.id}`)).body.may).toMatchObject({
      invite: false,
      roles: false,
      dismiss: false,
    });
    const link = await boss.send('POST', `/people/${lead.id}/invitation`);
    expect(link.body.url).toMatch(/^http:\/\/localhost(:80)?\/welcome\/[\w-]{43}$/);
    expect((await door.app.inject({ url: `/api/v1${new URL(link.body.url).pathname}` })).json()).toMatchObject({
      name: 'Ольга',
    });
    expect((await boss.send('DELETE', `/people/${agent.id}/sessions`)).status).toBe(404);
    expect((await admin.send('DELETE', `/people/${agent.id}/sessions`)).body).toEqual({ ended: 1 });
  });

  it('hold for deeds as the agency decides, except those that give everything away', async () => {
    expect(DEED_GROUPS.flatMap(({ deeds }) => deeds).sort()).toEqual(Object.keys(DEEDS).sort());
    const set = (who: Visitor, deed: string, least: string | null) => who.send('PUT', '/rights', { deed, least });
    expect((await set(boss, 'money', 'adSpecialist')).status).toBe(403);
    expect((await set(admin, 'roles', 'manager')).body.code).toBe('right-fixed');
    const special = await door.come({ name: 'Олег' }, [{ role: 'adSpecialist' }]);
    const may = async () => (await special.get('/session')).body.may.includes('money');
    expect(await may()).toBe(false);
    const table = (await set(admin, 'money', 'adSpecialist')).body;
    const line = table.groups
      .flatMap(({ deeds }: { deeds: { deed: string }[] }) => deeds)
      .find(({ deed }: { deed: string }) => deed === 'money');
    expect(line).toMatchObject({ least: 'adSpecialist', usual: 'manager', isFixed: false });
    expect(await may()).toBe(true);
    await set(admin, 'money', null);
    expect(await may()).toBe(false);
    expect((await house.deeds()).filter(({ action }) => action === 'settings-set').map(({ facts }) => facts)).toEqual([
      { path: 'rights.money', before: null, after: 'adSpecialist' },
      { path: 'rights.money', before: 'adSpecialist', after: null },
    ]);
  });

  it('hide phones from whom the agency does not want to see them', async () => {
    const keeper = await door.come({ name: 'Кадры', phones: ['+79000000043'] }, [{ role: 'manager' }]);
    const phonesOf = async (id: number) => (await keeper.get(`/people/${id}`)).body.phones;
    expect(await phonesOf(agent.id)).toEqual([PHONE]);
    await admin.send('PUT', '/rights', { deed: 'see-phones', least: 'admin' });
    const text = (await keeper.get('/people')).text;
    expect(text).not.toContain(PHONE.slice(2));
    expect(await phonesOf(agent.id)).toEqual(['+7 900 •••-••-41']);
    expect(await phonesOf(keeper.id)).toEqual(['+79000000043']);
    const patch = await keeper.send('PATCH', `/people/${agent.id}`, { phones: [] }, await tagOf(keeper, agent.id));
    expect(patch.status).toBe(403);
    await admin.send('PUT', '/rights', { deed: 'see-phones', least: null });
  });
});

describe('units', () => {
  it('are opened and renamed by whoever answers for them', async () => {
    expect((await lead.send('POST', '/branches', { name: 'Юг' })).status).toBe(403);
    expect((await admin.send('POST', '/branches', { name: 'Юг', timeZone: 'Марс' })).body.code).toBe('bad-zone');
    const { id } = (await admin.send('POST', '/branches', { name: 'Юг', timeZone: 'Asia/Omsk' })).body;
    expect((await admin.send('POST', '/branches', { name: 'Юг' })).body.code).toBe('branch-known');
    expect((await admin.send('PATCH', `/branches/${id}`, { name: 'Центр' })).body.code).toBe('unit-known');
    expect((await admin.send('PATCH', `/branches/${id}`, { name: 'Запад' })).status).toBe(204);
    expect((await lead.send('POST', '/departments', { branchId: id, name: 'Дачи' })).status).toBe(403);
    expect((await lead.send('POST', '/departments', { branchId: centre, name: 'Дачи' })).status).toBe(200);
    expect((await lead.send('POST', '/departments', { branchId: centre, name: 'Дачи' })).body.code).toBe(
      'department-known',
    );
    expect((await admin.send('POST', '/crm-groups', { name: 'Продажа' })).status).toBe(200);
    const branches = (await lead.get('/branches')).body;
    expect(branches.data.map(({ name }: { name: string }) => name)).toEqual(['Центр', 'Север', 'Запад']);
    expect((await admin.get('/departments')).body.data).toHaveLength(2);
    expect((await admin.get('/crm-groups')).body.data).toMatchObject([{ name: 'Продажа', employees: 0 }]);
  });
});
