import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { localTime } from '../../src/domain/days.ts';
import { ensureBranch, ensureDepartment } from '../../src/store/agencies.ts';
import { markListings } from '../../src/store/marks.ts';
import { type Stock, stock } from '../store/stock.ts';
import { testDatabase } from '../store/testdb.ts';
import { type Counter, counter, type Visitor } from './visitors.ts';

/** A weekend is set up, looked at as a week, asked about and taken away again. */

/** A Friday, 12:00 in Moscow. */
const NOW = new Date('2026-11-20T09:00:00.000Z');
const OWN = '+79000000051';
const DUTY = '+79000000052';
let base: Awaited<ReturnType<typeof testDatabase>>;
let house: Stock;
let door: Counter;
let centre: number;
let north: number;
let rent: number;
let special: Visitor;
let local: Visitor;
let agent: Visitor;
let listing: number;
let cabinetId: number;

const LINE = {
  scope: 'branch',
  board: 'cian',
  weekdays: [6, 7],
  fromMinute: 600,
  toMinute: 1080,
  startsOn: '2026-11-21',
  endsOn: '2026-11-22',
  kind: 'duty',
  phone: '8 900 000-00-52',
  note: null,
};

beforeAll(async () => {
  base = await testDatabase();
  house = await stock(base.db, {}, NOW);
  const { agencyId } = house;
  door = await counter(base.db, agencyId, () => NOW);
  centre = await ensureBranch(base.db, agencyId, 'Центр');
  north = await ensureBranch(base.db, agencyId, 'Север');
  rent = await ensureDepartment(base.db, agencyId, centre, 'Аренда');
  special = await door.come({ name: 'Ольга' }, [{ role: 'adSpecialist' }]);
  local = await door.come({ name: 'Игорь' }, [{ role: 'adSpecialist', scope: 'branch', branchId: north }]);
  agent = await door.come({ name: 'Пётр', phones: [OWN], branchId: centre, departmentId: rent });
  [listing = 0] = await house.listings([{}]);
  await base.db.pool.query('update listing set employee_id = $1 where id = $2', [agent.id, listing]);
  cabinetId = await house.cabinet('cian');
  await house.cabinet('avito');
  await markListings(base.db, agencyId, cabinetId, [listing], NOW);
});
afterAll(async () => {
  await door.close();
  await base.drop();
});

const week = async (who: Visitor, query: string) => (await who.get(`/phones?${query}`)).body;
const saturday = async (who: Visitor, query: string) => (await week(who, query)).days[5];
const at = async (who: Visitor, when: string) =>
  (await who.get(`/phones/at?listing=${listing}&board=cian&at=${encodeURIComponent(when)}`)).body;

describe('the phone timetable', () => {
  it('is a week of seven days from midnight to midnight', async () => {
    expect((await agent.get('/phones')).status).toBe(403);
    const { view, days, boards, units } = await week(special, `unit=branch:${centre}&board=cian`);
    expect(view).toMatchObject({ from: '2026-11-16', to: '2026-11-22', today: '2026-11-20', minute: 720 });
    expect(days.map(({ label }: { label: string }) => label)).toEqual([
      'пн 16.11',
      'вт 17.11',
      'ср 18.11',
      'чт 19.11',
      'пт 20.11',
      'сб 21.11',
      'вс 22.11',
    ]);
    for (const { spans } of days)
      expect(spans).toEqual([{ from: 0, to: 1440, lineId: null, told: '00:00–24:00: номер объекта или агента' }]);
    expect(boards.map(({ id }: { id: string }) => id).sort()).toEqual(['avito', 'cian']);
    expect(units.map(({ label }: { label: string }) => label)).toContain('Аренда (Центр)');
    const seen = (await week(local, '')).units.map(({ label }: { label: string }) => label);
    expect(seen).toEqual(['Всё агентство', 'Север']);
    expect((await local.get(`/phones?unit=branch:${centre}`)).status).toBe(404);
  });

  it('takes a duty of one weekend, which the week and the question then tell', async () => {
    await house.notDue();
    const wrong = await special.send('POST', '/phones', {
      ...LINE,
      scopeId: centre,
      phone: '123',
      toMinute: 60,
      weekdays: [],
    });
    expect([wrong.status, wrong.body.code]).toEqual([422, 'phone-line-wrong']);
    for (const told of ['«123»', 'Дни недели', 'конец раньше начала']) expect(wrong.body.detail).toContain(told);
    expect((await local.send('POST', '/phones', { ...LINE, scopeId: centre })).status).toBe(403);
    expect((await local.send('POST', '/phones', { ...LINE, scope: 'agency', scopeId: null })).status).toBe(403);
    const { id, conflicts } = (await special.send('POST', '/phones', { ...LINE, scopeId: centre })).body;
    expect(conflicts).toEqual([]);
    expect(await house.dueAt(cabinetId)).not.toBeNull();
    const shown = await week(special, `unit=department:${rent}&board=cian`);
    expect(shown.days[5].spans).toEqual([
      { from: 0, to: 600, lineId: null, told: expect.any(String) },
      { from: 600, to: 1080, lineId: id, told: '10:00–18:00: +7 900 000-00-52, дежурный' },
      { from: 1080, to: 1440, lineId: null, told: expect.any(String) },
    ]);
    expect(shown.lanes).toMatchObject([
      {
        days: ['2026-11-21', '2026-11-22'],
        line: { id, whose: 'филиал «Центр»', dates: 'с 21.11.2026 по 22.11.2026' },
      },
    ]);
    expect((await saturday(special, `unit=branch:${centre}&board=avito`)).spans).toHaveLength(1);
    expect((await saturday(special, `unit=branch:${centre}&board=cian&day=2026-11-28`)).spans).toHaveLength(1);

    expect(await at(agent, 'сб 12:00')).toMatchObject({
      told: 'сб 21.11.2026 12:00 (Europe/Moscow)',
      branch: 'Центр',
      boards: [
        {
          board: 'cian',
          phones: ['+7 900 000-00-52'],
          from: 'line',
          lineId: id,
          changesAt: '2026-11-21T15:00:00.000Z',
        },
      ],
    });
    expect((await at(agent, 'сб 18:00')).boards[0]).toMatchObject({ phones: ['+7 900 000-00-51'], from: 'agent' });
    expect((await at(agent, 'когда-нибудь')).code).toBe('bad-moment');
    const today = localTime(NOW, 'Europe/Moscow').day;
    expect((await at(agent, today)).at).toBe(NOW.toISOString());
    // The timetable of now says nothing of what stood there then.
    expect(await at(agent, '01.07.2026 12:00')).toMatchObject({
      code: 'bad-moment',
      detail: expect.stringMatching(/уже прошло.*изданиях фида/),
    });
    expect((await local.get(`/phones/at?listing=${listing}`)).status).toBe(404);
  });

  it('tells of lines that argue, and lets them be changed and taken away', async () => {
    const more = { ...LINE, scopeId: centre, phone: '+7 900 000-00-53', startsOn: null, endsOn: null };
    const first = (await special.send('POST', '/phones', more)).body;
    const second = (await special.send('POST', '/phones', { ...more, phone: DUTY })).body;
    expect(second.conflicts[0]).toContain(`Строки ${first.id} и ${second.id} одинаково важны`);
    expect((await week(special, '')).conflicts).toMatchObject([{ kind: 'overlap', lineIds: [first.id, second.id] }]);
    const changed = await special.send('PUT', `/phones/${second.id}`, { ...more, weekdays: [1], phone: DUTY });
    expect(changed.body).toEqual({ id: second.id, conflicts: [] });
    expect((await house.deeds()).at(-1)).toMatchObject({
      action: 'phone-line-changed',
      facts: { before: { weekdays: [6, 7] }, after: { weekdays: [1] } },
    });
    expect((await local.send('DELETE', `/phones/${first.id}`)).status).toBe(404);
    for (const { id } of [first, second]) expect((await special.send('DELETE', `/phones/${id}`)).status).toBe(204);
    expect((await special.send('DELETE', `/phones/${first.id}`)).status).toBe(404);
    expect((await week(special, '')).lines).toHaveLength(1);
  });

  it('shows no number to whom the agency hides them, and keeps it when he moves the line', async () => {
    await base.db.pool.query(`update agency set settings = '{"rights":{"see-phones":"manager"}}' where id = $1`, [
      house.agencyId,
    ]);
    const answer = await special.get(`/phones?unit=branch:${centre}&board=cian`);
    expect(answer.text).not.toMatch(/9000000052|000-00-5/);
    const { id, phoneText } = answer.body.lines[0];
    expect(phoneText).toBe('+7 900 •••-••-52');
    expect(answer.body.numbers).toEqual([]);
    expect((await at(agent, 'сб 12:00')).boards[0].told).toContain('•••');
    await special.send('PUT', `/phones/${id}`, { ...LINE, scopeId: centre, phone: null, toMinute: 1140 });
    await base.db.pool.query(`update agency set settings = '{}' where id = $1`, [house.agencyId]);
    expect((await week(special, '')).lines[0]).toMatchObject({ phone: DUTY, toMinute: 1140 });
  });
});
