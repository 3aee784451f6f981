import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listingAt } from '../../fixtures/agency.ts';
import { loadBoards } from '../../src/boards/catalogue.ts';
import type { Effect, SettingsAnswer } from '../../src/contracts/settings.ts';
import type { Listing } from '../../src/domain/listing.ts';
import { AGENCY_DEFAULTS } from '../../src/domain/settings.ts';
import { AGENCY_SETTING_WORDS } from '../../src/domain/settings-words.ts';
import { publishAll } from '../../src/export/publish.ts';
import { addEmployee, ensureBranch, ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import { importListings } from '../../src/store/intake.ts';
import { markListings } from '../../src/store/marks.ts';
import { listCabinets } from '../../src/store/publishing.ts';
import { testDatabase } from '../store/testdb.ts';
import { type Answer, type Counter, counter, type Visitor } from './visitors.ts';

/** Settings, packages, norms and hours: what is told before saving is what the next run does. */

const boards = loadBoards();
const START = new Date('2026-11-21T09:00:00Z');
let now = START;
let base: Awaited<ReturnType<typeof testDatabase>>;
let dataDir: string;
let door: Counter;
let agencyId: number;
let north: number;
let cabinet: number;
let northern: number;
let listings: { values: Listing; employeeId: number }[];
let admin: Visitor;
let specialist: Visitor;
let lead: Visitor;

const rows = async <T>(sql: string, values: unknown[] = []) => (await base.db.pool.query(sql, values)).rows as T[];
const later = (minutes: number) => {
  now = new Date(now.getTime() + minutes * 60_000);
};
/** A run of all cabinets; how many marks have which outcome, by cabinet. */
async function run(): Promise<Record<string, string>> {
  later(10);
  const cabinets = await listCabinets(base.db, { agencyId });
  expect((await publishAll(cabinets, { db: base.db, boards, dataDir, clock: () => now })).failed).toEqual([]);
  return outcomes();
}
/** What the last run decided; what the brake keeps is told apart. */
async function outcomes(): Promise<Record<string, string>> {
  const found = await rows<{ mark: string; outcome: string }>(
    `select o.cabinet_id || '/' || o.listing_id as mark, case when o.is_held then 'held' else o.outcome end as outcome
     from mark_outcome o where o.agency_id = $1`,
    [agencyId],
  );
  return Object.fromEntries(found.map(({ mark, outcome }) => [mark, outcome]));
}
/** The counts of an effect, worked out anew from two runs. */
function counted(before: Record<string, string>, after: Record<string, string>, id: number) {
  const counts = { leave: 0, held: 0, come: 0, otherwise: 0 };
  for (const [mark, to] of Object.entries(after)) {
    const from = before[mark];
    if (!mark.startsWith(`${id}/`) || from === to) continue;
    if (to === 'held') counts.held++;
    else if (from === 'published') counts.leave++;
    else if (to === 'published') counts.come++;
    else counts.otherwise++;
  }
  return counts;
}
const told = ({ cabinets }: Effect, id: number) => {
  const { leave, held, come, otherwise } = cabinets.find((one) => one.id === id)!;
  return { leave, held, come, otherwise };
};
const tagged = (answer: Answer) => ({ 'if-match': String(answer.headers.etag) });
const tag = async (who: Visitor, url: string) => tagged(await who.get(url));
const deeds = () =>
  rows<{ action: string; by: string; facts: Record<string, unknown> }>(
    'select action, by, facts from journal where agency_id = $1 order by id',
    [agencyId],
  );

beforeAll(async () => {
  base = await testDatabase();
  dataDir = await mkdtemp(join(tmpdir(), 'settings-'));
  agencyId = (await resolveAgency(base.db, 'Дом у реки', true)).id;
  await rows('update agency set settings = $2 where id = $1', [
    agencyId,
    JSON.stringify({ access: { secondFactor: 'offered' }, brake: { ...AGENCY_DEFAULTS.brake, offers: 8 } }),
  ]);
  north = await ensureBranch(base.db, agencyId, 'Север');
  const employeeId = await addEmployee(base.db, agencyId, { name: 'Пётр', phones: ['+79161234567'] });
  listings = Array.from({ length: 40 }, (_, index) => ({
    values: { ...listingAt(index), externalId: `L${index}`, apartmentNumber: String(index) },
    employeeId,
  }));
  await importListings(base.db, { agencyId, source: 'crm' }, listings, now);
  const wanted = { board: 'domclick', name: 'Домклик', family: 'yandex' } as const;
  cabinet = await ensureCabinet(base.db, agencyId, { ...wanted, slug: 'main' });
  northern = await ensureCabinet(base.db, agencyId, {
    board: 'yandex',
    name: 'Яндекс',
    family: 'yandex',
    slug: 'north',
  });
  await rows('update cabinet set branch_id = $2 where id = $1', [northern, north]);
  for (const id of [cabinet, northern]) await markListings(base.db, agencyId, id, undefined, now);
  door = await counter(base.db, agencyId, () => now);
  admin = await door.come({ name: 'Вера' }, [{ role: 'admin' }]);
  specialist = await door.come({ name: 'Яна' }, [{ role: 'adSpecialist' }]);
  lead = await door.come({ name: 'Олег' }, [{ role: 'admin', scope: 'branch', branchId: north }]);
  await run();
});
afterAll(async () => {
  await door.close();
  await base.drop();
  await rm(dataDir, { recursive: true, force: true });
});

describe('settings', () => {
  it('are shown with their words, each of them', async () => {
    const { body } = await admin.get('/settings');
    const { sections, may } = body as SettingsAnswer;
    const shown = sections.flatMap(({ fields }) => fields);
    const wanted = Object.keys(AGENCY_SETTING_WORDS).filter((path) => !path.includes('*') && path !== 'rights');
    expect(shown.map(({ path }) => path).sort()).toEqual(wanted.sort());
    for (const { label, about } of shown) expect([label, about]).not.toContain('');
    expect(shown.find(({ path }) => path === 'freshness.saleDays')).toMatchObject({
      kind: 'number',
      unit: ['день', 'дня', 'дней'],
      value: 30,
      usual: 30,
      isOwn: false,
      isFelt: true,
    });
    expect(may).toEqual({ settings: true, templates: true });
    expect((await specialist.get('/settings')).body.may).toEqual({ settings: false, templates: true });
    expect((await lead.get('/settings')).status).toBe(403);
  });

  it('are changed by whoever saw how they stand, a line of the journal for each', async () => {
    const body = { set: { 'freshness.rentDays': 4, 'money.warnDays': 5 }, reset: ['freshness.saleDays'] };
    expect((await admin.send('PATCH', '/settings', body)).status).toBe(428);
    const seen = await tag(admin, '/settings');
    expect((await specialist.send('PATCH', '/settings', body, seen)).status).toBe(403);
    const count = (await deeds()).length;
    const changed = await admin.send('PATCH', '/settings', body, seen);
    expect(changed.status).toBe(200);
    expect((await admin.send('PATCH', '/settings', body, seen)).status).toBe(412);
    // The same again from what stands there now changes nothing.
    expect((await admin.send('PATCH', '/settings', body, tagged(changed))).status).toBe(200);
    expect((await deeds()).slice(count)).toEqual([
      { action: 'settings-set', by: 'Вера', facts: { path: 'freshness.rentDays', before: 3, after: 4 } },
      { action: 'settings-set', by: 'Вера', facts: { path: 'money.warnDays', before: 3, after: 5 } },
    ]);
    const reset = { reset: ['freshness.rentDays', 'money'] };
    expect((await admin.send('PATCH', '/settings', reset, tagged(changed))).status).toBe(200);
  });

  it('that cannot stand are refused together, with what may', async () => {
    const seen = await tag(admin, '/settings');
    const patch = async (set: object) => (await admin.send('PATCH', '/settings', { set }, seen)).body;
    const wrong = await patch({ 'freshness.saleDays': -1, 'money.payer': 'директор', 'terms.warnDays': 3 });
    expect(wrong).toMatchObject({ status: 422, code: 'setting-wrong' });
    expect(wrong.detail).toContain('«freshness.saleDays»: значение -1 не подходит. Можно: целое число от 0 до 3650.');
    expect(wrong.detail).toContain('«money.payer»');
    expect(wrong.detail).not.toContain('warnDays');
    expect((await patch({ 'freshness.days': 1 })).status).toBe(404);
    expect(await patch({ 'moderation.mode': 'on' })).toMatchObject({ code: 'moderation-by-command' });
    expect(await patch({ 'access.secondFactor': 'required' })).toMatchObject({ code: 'setting-elsewhere' });
    expect(await patch({ 'rights.money': 'agent' })).toMatchObject({ code: 'setting-elsewhere' });
    expect(await patch({ 'moderation.policy': { nonsense: 'pass' } })).toMatchObject({ code: 'setting-unknown' });
    const broken = { 'texts.templates': [{ name: 'Дом', text: '{nothing}' }] };
    expect(await patch(broken)).toMatchObject({ code: 'texts-wrong' });
    const ofTexts = await specialist.send('PATCH', '/settings/texts', { set: { 'money.warnDays': 1 } }, seen);
    expect(ofTexts.body).toMatchObject({ code: 'setting-elsewhere' });
  });

  it('of who comes in how want a fresh proof', async () => {
    later(60);
    const seen = await tag(admin, '/settings');
    const patch = { set: { 'access.secondFactor': 'required' } };
    expect((await admin.send('PATCH', '/settings/access', patch, seen)).body.code).toBe('re-authentication-needed');
    now = START;
    expect((await admin.send('PATCH', '/settings/access', { set: {} }, seen)).status).toBe(200);
  });

  it('are tried before they are saved: the next run does what was told', async () => {
    const before = await run();
    const set = { 'market.requiresStage': true };
    const effect = (await specialist.send('POST', '/settings/rehearse', { set })).body as Effect;
    expect(effect.isFelt).toBe(true);
    expect(await outcomes()).toEqual(before);
    // Everything would leave at once: that is what the brake is for.
    expect(told(effect, cabinet).held).toBeGreaterThan(8);
    expect(effect.examples[0]).toMatchObject({ from: 'в фиде', to: 'не на рынке' });
    await admin.send('PATCH', '/settings', { set }, await tag(admin, '/settings'));
    const after = await run();
    for (const id of [cabinet, northern]) expect(told(effect, id)).toEqual(counted(before, after, id));
    await admin.send('PATCH', '/settings', { reset: ['market.requiresStage'] }, await tag(admin, '/settings'));
    await run();
    const unfelt = (await admin.send('POST', '/settings/rehearse', { set: { 'money.warnDays': 9 } })).body as Effect;
    expect(unfelt).toMatchObject({ isFelt: false, moved: 0 });
  });
});

describe('cabinets', () => {
  it('are listed under their boards, as far as the person reaches', async () => {
    const { data, may, branches } = (await admin.get('/settings/boards')).body;
    expect(data.map(({ id }: { id: string }) => id)).toEqual(boards.map(({ id }) => id));
    const domclick = data.find(({ id }: { id: string }) => id === 'domclick');
    expect(domclick.cabinets).toMatchObject([
      { id: cabinet, title: 'Домклик', marks: 40, package: 'пакета нет, место есть у каждого', hours: 'всегда' },
    ]);
    expect([may, branches]).toEqual([{ cabinets: true }, [{ id: north, name: 'Север' }]]);
    const seen = (await lead.get('/settings/boards')).body.data.flatMap(
      ({ cabinets }: { cabinets: { id: number }[] }) => cabinets.map(({ id }) => id),
    );
    expect(seen).toEqual([northern]);
  });

  it('are made where the person may, named anew by whoever saw the old name', async () => {
    const make = (who: Visitor, body: object) => who.send('POST', '/cabinets', body);
    expect((await make(specialist, { board: 'cian', slug: 'second' })).status).toBe(403);
    expect((await make(lead, { board: 'cian', slug: 'second' })).status).toBe(403);
    expect((await make(admin, { board: 'nowhere', slug: 'second' })).body.code).toBe('board-unknown');
    expect((await make(admin, { board: 'cian', slug: 'second', family: 'avito' })).body.code).toBe('family-unknown');
    expect((await make(admin, { board: 'cian', slug: 'Второй' })).status).toBe(422);
    const made = await make(lead, { board: 'cian', slug: 'second', branchId: north });
    expect(made.body).toMatchObject({ title: 'Циан (second)', family: 'cian', branch: { name: 'Север' } });
    expect((await make(admin, { board: 'cian', slug: 'second' })).body.code).toBe('cabinet-known');
    const url = `/cabinets/${made.body.id}`;
    const seen = await tag(lead, url);
    expect((await lead.send('PATCH', url, { branchId: null }, seen)).status).toBe(403);
    expect((await admin.send('PATCH', url, { branchId: 999_999 }, seen)).body.code).toBe('branch-unknown');
    const named = await lead.send('PATCH', url, { name: ' Наш Циан ' }, seen);
    expect(named.body).toMatchObject({ title: 'Циан · Наш Циан' });
    expect((await lead.send('PATCH', url, { name: 'Другой' }, seen)).status).toBe(412);
    expect((await deeds()).at(-1)).toMatchObject({
      action: 'cabinet-changed',
      facts: { before: { name: 'Циан' }, after: { name: 'Наш Циан' } },
    });
  });

  it('have settings of their own', async () => {
    const url = `/cabinets/${northern}/settings`;
    const seen = await tag(lead, url);
    const { body } = await lead.send('PATCH', url, { set: { chargeAt: '09:30', slots: ['10:00'] } }, seen);
    const value = (path: string) => body.fields.find((field: { path: string }) => field.path === path);
    expect([value('chargeAt').value, value('slots').value]).toEqual(['09:30', ['10:00']]);
    expect((await lead.send('PATCH', url, { set: { chargeAt: '10:00' } }, seen)).status).toBe(412);
    expect((await lead.send('PATCH', `/cabinets/${cabinet}/settings`, { set: {} }, seen)).status).toBe(403);
    const agencyWide = await lead.send('PATCH', url, { set: { 'money.payer': 'agency' } }, await tag(lead, url));
    expect(agencyWide.body.code).toBe('setting-unknown');
    await lead.send('PATCH', url, { reset: ['chargeAt', 'slots'] }, await tag(lead, url));
  });

  it('tell what their boards demand, from where, and how many listings that stops', async () => {
    const { body } = await specialist.get('/boards/domclick/rules');
    expect(body.data.length).toBe(body.board.rules);
    for (const { code, sentence, checkedOn, source } of body.data) {
      expect(code).toMatch(/^domclick\//);
      expect(sentence).not.toMatch(/[{}]/);
      expect([checkedOn, source.title]).not.toContain('');
    }
    const stopped = await rows<{ code: string; count: number }>(
      `select n->>'code' as code, count(distinct listing_id)::int as count
       from mark_outcome, jsonb_array_elements(judgement->'board') n where cabinet_id = $1 group by 1`,
      [cabinet],
    );
    // Several lines of the rules may share a code, and then its number.
    const told = new Map<string, number>(body.data.map(({ code, stops }: never) => [code, stops]));
    const known = stopped.filter(({ code }) => told.has(code));
    expect(known.length).toBeGreaterThan(0);
    for (const { code, count } of known) expect([code, told.get(code)]).toEqual([code, count]);
    const codes = stopped.map(({ code }) => code);
    expect([...told].filter(([code, stops]) => (stops ?? 0) > 0 && !codes.includes(code))).toEqual([]);
    expect((await specialist.get('/boards/nowhere/rules')).status).toBe(404);
  });
});

describe('a package', () => {
  it('is tried with its rotation, and the next run gives its places to those who were named', async () => {
    const before = await run();
    const wish = { package: { kind: 'concurrent', places: 5 }, turnDays: 3 };
    const root = `/cabinets/${cabinet}`;
    const effect = (await specialist.send('POST', `${root}/package/rehearse`, wish)).body as Effect;
    const ahead = (await specialist.send('POST', `${root}/rotation`, wish)).body;
    expect(ahead.days).toHaveLength(14);
    expect(ahead.days[0].placed).toBe(5);
    expect((await specialist.get(`${root}/rotation`)).body.text).toBe('пакета нет, место есть у каждого');
    const seen = await tag(specialist, `${root}/package`);
    const saved = await specialist.send('PUT', `${root}/package`, wish, seen);
    expect(saved.body).toMatchObject({ ...wish, text: '5 мест одновременно, место даётся на 3 дня' });
    expect((await specialist.send('PUT', `${root}/package`, wish, seen)).status).toBe(412);
    const after = await run();
    expect(told(effect, cabinet)).toEqual(counted(before, after, cabinet));
    // Agreed to by a person, the brake lets go.
    await rows(`update cabinet set brake_release = '{"by":"тест","at":"","reason":""}' where id = $1`, [cabinet]);
    const then = await run();
    const published = Object.keys(then).filter((mark) => mark.startsWith(`${cabinet}/`) && then[mark] === 'published');
    const named = ahead.listings.filter(({ shown }: { shown: string }) => shown[0] === '1');
    expect(published.sort()).toEqual(
      named.map(({ listingId }: { listingId: number }) => `${cabinet}/${listingId}`).sort(),
    );
  });

  it('has pins, for marked listings only', async () => {
    const [last] = (await specialist.get(`/cabinets/${cabinet}/rotation`)).body.listings.slice(-1);
    const pin = `/cabinets/${cabinet}/pins/${last.listingId}`;
    expect((await specialist.send('PUT', pin)).status).toBe(204);
    const pinned = (await specialist.get(`/cabinets/${cabinet}/rotation`)).body.listings.filter(
      ({ isPinned }: { isPinned: boolean }) => isPinned,
    );
    expect(pinned.map(({ listingId }: { listingId: number }) => listingId)).toEqual([last.listingId]);
    expect((await specialist.send('DELETE', pin)).status).toBe(204);
    expect((await specialist.send('PUT', `/cabinets/${cabinet}/pins/999999`)).body.code).toBe('not-marked');
    const wrong = { package: { kind: 'placements', placements: 3, from: '2026-02-31', periodDays: 30, termDays: 30 } };
    const refused = await specialist.send('POST', `/cabinets/${cabinet}/rotation`, wrong);
    expect(refused.body.code).toBe('package-day');
    const none = { package: null };
    const url = `/cabinets/${cabinet}/package`;
    expect((await specialist.send('PUT', url, none, await tag(specialist, url))).body.text).toContain('пакета нет');
  });
});

describe('moderation', () => {
  it('tells how many it would take for approved, takes them, and the feed stays full', async () => {
    const before = await run();
    const root = `/cabinets/${northern}/moderation`;
    const hard = (await lead.send('POST', `${root}/rehearse`, { mode: 'on', acceptsCurrent: false })).body;
    expect(told(hard, northern).leave).toBe(
      Object.entries(before).filter(([mark, outcome]) => mark.startsWith(`${northern}/`) && outcome === 'published')
        .length,
    );
    const soft = (await lead.send('POST', `${root}/rehearse`, { mode: 'on' })).body;
    expect(soft).toMatchObject({ accepted: told(hard, northern).leave, moved: 0 });
    const { body } = await lead.send('PUT', root, { mode: 'on' });
    expect(body.cabinet.moderation).toBe('включена');
    const after = await run();
    expect(counted(before, after, northern)).toEqual({ leave: 0, held: 0, come: 0, otherwise: 0 });
    expect((await lead.send('PUT', '/settings/moderation', { mode: 'on' })).status).toBe(403);
    const { cabinets, policy, reasons } = (await specialist.get('/settings/moderation')).body;
    expect(cabinets.find(({ id }: { id: number }) => id === northern)).toMatchObject({ own: 'on', mode: 'on' });
    expect(policy.find(({ field }: { field: string }) => field === 'priceKopecks')).toEqual({
      field: 'priceKopecks',
      label: 'Цена',
      isNumber: true,
      policy: { downPercent: 5 },
    });
    expect(reasons.parts.map(({ label }: { label: string }) => label)).toEqual(['Код', 'Текст для агента', 'Поле']);
  });

  it('foretells what leaves for want of a verdict that another cabinet waits for', async () => {
    const [shown] = await rows<{ externalId: string }>(
      `select l.external_id as "externalId" from listing l where l.agency_id = $1 and (
         select count(*) from mark_outcome o where o.listing_id = l.id and o.outcome = 'published' and o.cabinet_id = any($2)) = 2 limit 1`,
      [agencyId, [cabinet, northern]],
    );
    const edited = listings.map(({ values, employeeId }) => ({
      values:
        values.externalId === shown!.externalId ? { ...values, description: `${values.description} Звоните.` } : values,
      employeeId,
    }));
    await importListings(base.db, { agencyId, source: 'crm' }, edited, now);
    const before = await run();
    const root = `/cabinets/${cabinet}/moderation`;
    const effect = (await admin.send('POST', `${root}/rehearse`, { mode: 'on' })).body;
    expect(told(effect, cabinet).leave).toBe(1);
    await admin.send('PUT', root, { mode: 'on' });
    expect(told(effect, cabinet)).toEqual(counted(before, await run(), cabinet));
    for (const id of [cabinet, northern]) await admin.send('PUT', `/cabinets/${id}/moderation`, { mode: 'off' });
  });
});
