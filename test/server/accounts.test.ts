/** «Счета»: who sees which accounts, money that comes once, and effects that are what the next run does. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readXlsx } from 'hucre/xlsx';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listingAt } from '../../fixtures/agency.ts';
import { loadBoards } from '../../src/boards/catalogue.ts';
import type { TariffTerms } from '../../src/domain/tariff.ts';
import { publishAll } from '../../src/export/publish.ts';
import { ensureBranch, ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import { importListings } from '../../src/store/intake.ts';
import { listAccounts, openAccount, topUp } from '../../src/store/ledger.ts';
import { markListings } from '../../src/store/marks.ts';
import { type CabinetRow, listCabinets } from '../../src/store/publishing.ts';
import { lastDays, listLedger } from '../../src/store/statements.ts';
import { testDatabase } from '../store/testdb.ts';
import { type Counter, counter, type Visitor } from './visitors.ts';

const boards = loadBoards();
const BY = { name: 'проверка' };
const DAY_MS = 86_400_000;
let base: Awaited<ReturnType<typeof testDatabase>>;
let dataDir: string;
/** 5 November 2026, nine in the morning in Moscow. */
let now = new Date('2026-11-05T06:00:00.000Z');
let agencyId: number;
let house: Counter;
let cabinets: readonly CabinetRow[];
let centre: number;
let north: number;
let agent: Visitor;
let colleague: Visitor;
let manager: Visitor;
let chief: Visitor;
let admin: Visitor;
const accounts = { agency: 0, centre: 0, north: 0, agent: 0 };
let listings: number[];

const rows = async <T>(sql: string, values: unknown[] = []) => (await base.db.pool.query(sql, values)).rows as T[];
let keys = 0;
const key = () => ({ 'idempotency-key': `key-number-${++keys}` });
const run = async () => {
  const { failed } = await publishAll(cabinets, { db: base.db, boards, dataDir, clock: () => now });
  expect(failed).toEqual([]);
};
const outcomes = async () =>
  new Map(
    (
      await rows<{ id: number; outcome: string }>(
        'select listing_id as id, outcome from mark_outcome where agency_id = $1',
        [agencyId],
      )
    ).map(({ id, outcome }) => [id, outcome]),
  );
/** The tree with its covers, which may take a moment. */
const tree = async (visitor: Visitor) => {
  for (;;) {
    const { body } = await visitor.get('/accounts');
    if (!body.forecast.isStale) return body;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};
const balance = async (id: number) =>
  (await listAccounts(base.db.pool, agencyId)).find((account) => account.id === id)!.balanceKopecks;

beforeAll(async () => {
  base = await testDatabase();
  const { db } = base;
  dataDir = await mkdtemp(join(tmpdir(), 'accounts-'));
  agencyId = (await resolveAgency(db, 'Дом', true)).id;
  await rows('update agency set settings = $2 where id = $1', [
    agencyId,
    JSON.stringify({ access: { secondFactor: 'offered' }, freshness: { saleDays: 365 } }),
  ]);
  [centre, north] = [await ensureBranch(db, agencyId, 'Центр'), await ensureBranch(db, agencyId, 'Север')];
  house = await counter(db, agencyId, () => now, { boards });
  agent = await house.come({ name: 'Петров А.', phones: ['+79161234567'], branchId: centre });
  colleague = await house.come({ name: 'Белова И.', phones: ['+79161234568'], branchId: centre });
  manager = await house.come({ name: 'Смирнова О.', branchId: centre }, [
    { role: 'manager', scope: 'branch', branchId: centre },
  ]);
  chief = await house.come({ name: 'Главный' }, [{ role: 'manager' }]);
  admin = await house.come({ name: 'Админ' }, [{ role: 'admin' }]);

  await ensureCabinet(db, agencyId, { board: 'yandex', slug: 'main', name: 'Яндекс', family: 'yandex' });
  cabinets = await listCabinets(db, { agencyId });
  // Held in the morning, charged at noon.
  await rows('update cabinet set settings = $2 where agency_id = $1', [
    agencyId,
    JSON.stringify({ chargeAt: '12:00' }),
  ]);
  const values = (index: number) => ({ ...listingAt(1), externalId: `L${index}`, apartmentNumber: String(index) });
  const wanted = [0, 1, 2, 3].map((index) => ({
    values: { ...values(index), address: 'Москва, Мира 1' },
    employeeId: index < 3 ? agent.id : colleague.id,
  }));
  await importListings(db, { agencyId, source: 'crm' }, wanted, now);
  listings = (await rows<{ id: number }>('select id from listing where agency_id = $1 order by id', [agencyId])).map(
    ({ id }) => id,
  );
  const terms: TariffTerms = { lines: [{ kopecks: 100_00 }], excess: null, promotion: [] };
  await rows(
    `insert into tariff (agency_id, cabinet_id, valid_from, terms, by, created_at) values ($1, $2, '2026-11-01', $3, 'проверка', $4)`,
    [agencyId, cabinets[0]!.id, JSON.stringify(terms), now],
  );
  const open = async (kind: 'agency' | 'branch' | 'employee', ownerId: number | null) =>
    (await openAccount(db, agencyId, { kind, ownerId }, BY, now)).id;
  Object.assign(accounts, {
    agency: await open('agency', null),
    centre: await open('branch', centre),
    north: await open('branch', north),
    agent: await open('employee', agent.id),
  });
  await topUp(db, agencyId, accounts.agent, { key: 'first', kopecks: 140_00, reason: 'начало', by: BY }, now);
  await markListings(db, agencyId, cabinets[0]!.id, listings, now);
  await run();
}, 60_000);
afterAll(async () => {
  await house?.close();
  await base.drop();
  await rm(dataDir, { recursive: true, force: true });
});

describe('the tree', () => {
  it('shows each person what lies within the person’s reach', async () => {
    const names = async (visitor: Visitor) =>
      (await visitor.get('/accounts')).body.data.map(({ depth, title }: { depth: number; title: string }) =>
        [depth, title].join(' '),
      );
    expect(await names(admin)).toEqual(['0 агентство', '1 филиал Север', '1 филиал Центр', '2 Петров А.']);
    expect(await names(manager)).toEqual(['0 филиал Центр', '1 Петров А.']);
    expect(await names(agent)).toEqual(['0 Петров А.']);
    expect(await names(colleague)).toEqual([]);
  });

  it('tells an agent who pays for him instead, by name and state only', async () => {
    const body = await tree(colleague);
    expect(body).toMatchObject({ isOwn: true, payer: { name: 'филиал Центр', state: 'short' } });
    expect(Object.keys(body.payer)).toEqual(['name', 'state', 'label']);
    expect((await agent.get('/accounts')).body).toMatchObject({ isOwn: true, payer: null });
  });

  it('tells what an account has, costs and keeps waiting', async () => {
    const { data, totals } = await tree(manager);
    const own = data.find(({ title }: { title: string }) => title === 'Петров А.').account;
    expect(own).toMatchObject({
      balanceKopecks: 140_00,
      heldKopecks: 100_00,
      availableKopecks: 40_00,
      waiting: { listings: 2, marks: 2 },
      cover: { state: 'short', coverDays: 0, dayKopecks: 300_00 },
      may: { money: true, limits: false, back: false },
    });
    expect(own.days).toHaveLength(30);
    expect(own.days.at(-1)).toEqual({ day: '2026-11-05', leftKopecks: 40_00, spentKopecks: 100_00 });
    expect(own.days.at(-2)).toEqual({ day: '2026-11-04', leftKopecks: 0, spentKopecks: 0 });
    expect(totals).toMatchObject({ accounts: 2, availableKopecks: 40_00, dayKopecks: 400_00, days: 0 });
  });

  it('answers for an account elsewhere as for one that is not there', async () => {
    for (const [visitor, id, status] of [
      [agent, accounts.agent, 200],
      [agent, accounts.centre, 404],
      [manager, accounts.centre, 200],
      [manager, accounts.north, 404],
      [manager, accounts.agency, 404],
      [admin, accounts.agency, 200],
      [admin, 999_999, 404],
    ] as const) {
      for (const part of ['', '/transfers', '/statement', '/statement.csv', '/forecast'])
        expect([id, part, (await visitor.get(`/accounts/${id}${part}`)).status]).toEqual([id, part, status]);
    }
  });
});

describe('a top-up', () => {
  it('is told beforehand as the next run makes it', async () => {
    const before = await outcomes();
    const trial = await manager.send('POST', `/accounts/${accounts.agent}/top-up/dry-run`, { kopecks: 70_00 });
    expect(trial.status).toBe(200);
    expect(trial.body).toMatchObject({
      before: { state: 'short' },
      neededKopecks: 160_00,
      missingKopecks: 90_00,
      goOut: { listings: 1, marks: 1, data: [{ kopecks: 100_00, cabinet: 'Яндекс Недвижимость · Яндекс' }] },
      giveWay: 0,
    });
    // Nothing was booked, and nothing waits to be.
    expect(await balance(accounts.agent)).toBe(140_00);
    const done = await manager.send('POST', `/accounts/${accounts.agent}/top-up`, { kopecks: 70_00 }, key());
    expect(done.body).toMatchObject({
      isNew: true,
      accounts: [{ id: accounts.agent, balanceKopecks: 210_00 }],
      runAt: trial.body.goOut.data[0].runAt,
    });
    now = new Date(done.body.runAt);
    await run();
    const out = [...(await outcomes())].filter(
      ([id, outcome]) => outcome === 'published' && before.get(id) !== outcome,
    );
    expect(out.map(([id]) => id)).toEqual(
      trial.body.goOut.data.map(({ listingId }: { listingId: number }) => listingId),
    );
    const [account] = (await manager.get('/accounts')).body.data.flatMap(
      ({ account: one }: { account: { id: number } | null }) => (one?.id === accounts.agent ? [one] : []),
    );
    expect(account.availableKopecks).toBe(trial.body.leftKopecks);
  });

  it('comes once for a key', async () => {
    const same = key();
    const url = `/accounts/${accounts.centre}/top-up`;
    const [one, two] = [
      await manager.send('POST', url, { kopecks: 500_00 }, same),
      await manager.send('POST', url, { kopecks: 500_00 }, same),
    ];
    expect(two.body).toEqual(one.body);
    const other = await manager.send('POST', url, { kopecks: 900_00 }, same);
    expect([other.status, other.body.code]).toEqual([422, 'idempotency-key-reused']);
    expect(await balance(accounts.centre)).toBe(500_00);
    const bare = await manager.send('POST', url, { kopecks: 500_00 });
    expect([bare.status, bare.body.code]).toEqual([400, 'idempotency-key-missing']);
  });

  it('comes once even when nobody remembers the answer', async () => {
    const same = key();
    const url = `/accounts/${accounts.centre}/top-up`;
    await manager.send('POST', url, { kopecks: 100_00 }, same);
    // A crash between the money and the answer.
    await rows('update idempotent_answer set status = null, answer = null where agency_id = $1', [agencyId]);
    expect((await manager.send('POST', url, { kopecks: 100_00 }, same)).body).toMatchObject({ isNew: false });
    // More than a day later.
    await rows('delete from idempotent_answer where agency_id = $1', [agencyId]);
    const other = await manager.send('POST', url, { kopecks: 200_00 }, same);
    expect([other.status, other.body.code]).toEqual([422, 'idempotency-key-reused']);
    expect(await balance(accounts.centre)).toBe(600_00);
  });

  it('is for whoever may, where they may', async () => {
    const pay = (visitor: Visitor, id: number) =>
      visitor.send('POST', `/accounts/${id}/top-up`, { kopecks: 1_00 }, key()).then(({ status }) => status);
    expect(await pay(agent, accounts.agent)).toBe(403);
    expect(await pay(agent, accounts.centre)).toBe(404);
    expect(await pay(manager, accounts.north)).toBe(404);
    const wrong = await manager.send('POST', `/accounts/${accounts.centre}/top-up`, { kopecks: 0 }, key());
    expect([wrong.status, wrong.body.errors[0].pointer]).toEqual([422, '#/kopecks']);
  });

  it('asks who it is, and for the second factor where the agency wants one', async () => {
    const pay = () => manager.send('POST', `/accounts/${accounts.centre}/top-up`, { kopecks: 1_00 }, key());
    await rows(`update session set proved_at = $1`, [new Date(now.getTime() - DAY_MS)]);
    expect((await pay()).body).toMatchObject({ status: 403, code: 're-authentication-needed' });
    await rows(`update session set proved_at = $1`, [now]);
    await rows(`update agency set settings = settings #- '{access}' where id = $1`, [agencyId]);
    expect((await pay()).body).toMatchObject({ status: 403, code: 'second-factor-missing' });
    await rows(`update agency set settings = settings || '{"access": {"secondFactor": "offered"}}' where id = $1`, [
      agencyId,
    ]);
    expect(await balance(accounts.centre)).toBe(600_00);
  });
});

describe('other commands about money', () => {
  it('money moves where both accounts are within reach', async () => {
    const move = (visitor: Visitor, fromId: number, toId: number) =>
      visitor.send('POST', '/accounts/move', { fromId, toId, kopecks: 50_00 }, key());
    expect((await move(manager, accounts.centre, accounts.agent)).status).toBe(200);
    expect((await move(manager, accounts.agency, accounts.centre)).status).toBe(404);
    expect((await move(chief, accounts.agency, accounts.centre)).body).toMatchObject({ code: 'account-short' });
    expect(await balance(accounts.centre)).toBe(550_00);
  });

  it('limits are changed as they were seen', async () => {
    const url = `/accounts/${accounts.centre}`;
    const seen = await admin.get(url);
    const etag = String(seen.headers.etag);
    const change = (payload: object, headers = {}) => admin.send('PATCH', url, payload, headers);
    expect((await change({ dayLimitKopecks: 900_00 })).status).toBe(428);
    const monthly = { kopecks: 100_00, on: 31, fromId: null };
    expect((await change({ monthly }, { 'if-match': etag })).status).toBe(422);
    const itself = { ...monthly, on: 5, fromId: accounts.centre };
    expect((await change({ monthly: itself }, { 'if-match': etag })).body.code).toBe('bad-monthly');
    const wanted = { dayLimitKopecks: 900_00, monthly: { ...monthly, on: 28, fromId: accounts.agency } };
    expect((await change(wanted, { 'if-match': etag })).status).toBe(204);
    expect((await change({ dayLimitKopecks: 1_00 }, { 'if-match': etag })).status).toBe(412);
    expect((await admin.get(url)).body).toMatchObject({ ...wanted, monthlyFrom: 'агентство' });
    expect((await manager.send('PATCH', url, wanted, { 'if-match': '*' })).status).toBe(403);
  });

  it('accounts are opened for whoever has none', async () => {
    const { data } = (await admin.get('/accounts/candidates')).body;
    const names = data.map(({ name }: { name: string }) => name);
    expect(names).toContain('Белова И.');
    expect(names).not.toContain('Петров А.');
    const owner = { kind: 'employee', ownerId: admin.id };
    expect((await admin.send('POST', '/accounts', { owners: [owner] })).body).toMatchObject({ opened: 1 });
    expect((await admin.send('POST', '/accounts', { owners: [owner] })).body).toMatchObject({ opened: 0 });
    const nobody = { kind: 'branch', ownerId: 999_999 };
    expect((await admin.send('POST', '/accounts', { owners: [nobody] })).body.code).toBe('owner-unknown');
    expect((await manager.send('POST', '/accounts', { owners: [owner] })).status).toBe(403);
  });

  it('a charge is paid back once', async () => {
    // The day of the fifth is charged, and the listing has left on the sixth.
    now = new Date('2026-11-06T12:00:00.000Z');
    await rows('update session set proved_at = $1, seen_at = $1', [now]);
    await run();
    const charges = (await admin.get(`/accounts/${accounts.agent}/transfers?kind=charge&until=2026-11-05`)).body.data;
    expect(charges).toHaveLength(2);
    const [charge] = charges;
    const url = `/transfers/${encodeURIComponent(charge.id)}/refund`;
    expect((await manager.send('POST', url, { reason: 'ошибка' }, key())).status).toBe(403);
    const done = await admin.send('POST', url, { reason: 'ошибка' }, key());
    expect(done.body).toMatchObject({ kopecks: 100_00, accounts: [{ id: accounts.agent }] });
    const again = await admin.send('POST', url, { reason: 'ошибка' }, key());
    expect([again.status, again.body.code]).toEqual([409, 'already-refunded']);
    const after = (await admin.get(`/accounts/${accounts.agent}/transfers?kind=charge&until=2026-11-05`)).body.data;
    expect(after.map((one: { isRefunded: boolean; may: object }) => [one.isRefunded, one.may])).toEqual([
      [true, { refund: false }],
      [false, { refund: true }],
    ]);
    expect((await admin.send('POST', '/transfers/nothing/refund', { reason: 'ошибка' }, key())).status).toBe(404);
  });

  it('a balance is put right by another entry', async () => {
    const was = await balance(accounts.north);
    const url = `/accounts/${accounts.north}/correct`;
    const wish = { kopecks: 12_34, direction: 'in', reason: 'опечатка' };
    expect((await admin.send('POST', url, wish, key())).body).toMatchObject({ isNew: true });
    expect((await chief.send('POST', url, wish, key())).status).toBe(403);
    expect(await balance(accounts.north)).toBe(was + 12_34);
  });
});

describe('what is told of an account', () => {
  it('the ledger goes back page by page, with the balance after each transfer', async () => {
    const url = `/accounts/${accounts.agent}/transfers`;
    const all = (await agent.get(`${url}?limit=500`)).body.data;
    const paged: { id: string }[] = [];
    for (let after = ''; ; ) {
      const { data, page } = (await agent.get(`${url}?limit=2${after}`)).body;
      paged.push(...data);
      if (page.next === null) break;
      after = `&after=${page.next}`;
    }
    expect(paged).toEqual(all);
    const kept = await listLedger(
      base.db.pool,
      agencyId,
      { id: accounts.agent, kind: 'employee', name: '' },
      { limit: 500 },
    );
    expect(all.map(({ id }: { id: string }) => id).sort()).toEqual(kept.map(({ id }) => id).sort());
    expect(all[0].balanceKopecks).toBe(await balance(accounts.agent));
    expect(all.at(-1)).toMatchObject({
      label: 'пополнение',
      about: 'извне',
      balanceChangeKopecks: 140_00,
      balanceKopecks: 140_00,
      may: { refund: false },
    });
    // Beginning at an earlier day, the account stands where it stood then.
    const [last] = (await agent.get(`${url}?until=2026-11-05&limit=1`)).body.data;
    const same = all.find(({ id }: { id: string }) => id === last.id);
    expect([last.balanceKopecks, last.heldKopecks]).toEqual([same.balanceKopecks, same.heldKopecks]);
    const [charge] = (await agent.get(`${url}?kind=charge&listing=${listings[0]}`)).body.data;
    expect(charge).toMatchObject({ kind: 'charge', listing: { id: listings[0] }, balanceKopecks: null });
    expect((await agent.get(`${url}?after=nonsense`)).body.code).toBe('bad-cursor');
    expect((await agent.get(`${url}?from=2026-02-30`)).body.code).toBe('bad-day');
  });

  it('the last days are those of the transfers', async () => {
    const today = '2026-11-06';
    const own = await listAccounts(base.db.pool, agencyId);
    for (const [id, days] of await lastDays(base.db.pool, agencyId, own, today, 10)) {
      for (const { day, leftKopecks } of days) {
        const [found] = await rows<{ left: number }>(
          `select coalesce(sum(case when kind in ('hold') then case when from_id = $2 then -kopecks else 0 end
             when kind = 'release' then case when from_id = $2 then kopecks else 0 end
             when resolves is not null then 0 when from_id = $2 then -kopecks else kopecks end), 0)::bigint as left
           from transfer where agency_id = $1 and $2 in (from_id, to_id) and day <= $3`,
          [agencyId, id, day],
        );
        expect([id, day, leftKopecks]).toEqual([id, day, found!.left]);
      }
    }
  });

  it('the statement comes as data, as CSV and as a workbook', async () => {
    const url = `/accounts/${accounts.agent}/statement`;
    const { body } = await agent.get(`${url}?from=2026-11-01&until=2026-11-30`);
    const [account] = body.accounts;
    expect(account.closingKopecks).toBe(await balance(accounts.agent));
    expect(account.openingKopecks + account.inKopecks - account.outKopecks).toBe(account.closingKopecks);
    expect(body.transfers).toHaveLength(account.entries);
    const byKind = (await agent.get(`${url}?from=2026-11-01&until=2026-11-30&by=kind`)).body;
    expect(byKind.groups.map(({ name }: { name: string }) => name)).toContain('пополнение');
    const csv = await agent.get(`${url}.csv?from=2026-11-01&until=2026-11-30`);
    expect(csv.headers['content-type']).toBe('text/csv; charset=utf-8');
    expect(decodeURIComponent(String(csv.headers['content-disposition']))).toContain(
      'Выписка Петров А. 2026-11-01 2026-11-30.csv',
    );
    // The titles, how it begins, the transfers, how it ends.
    expect(csv.text.trimEnd().split('\r\n')).toHaveLength(account.entries + 3);
    const accepted = await agent.get(`${url}?from=2026-11-01&until=2026-11-30`, { accept: 'text/csv' });
    expect(accepted.text).toBe(csv.text);
    const raw = await house.app.inject({
      url: `/api/v1${url}.xlsx?from=2026-11-01&until=2026-11-30`,
      headers: agent.headers,
    });
    const [sheet] = (await readXlsx(raw.rawPayload)).sheets;
    expect(sheet!.rows).toHaveLength(account.entries + 3);
    const whole = (await manager.get('/accounts/statement?by=account')).body;
    expect(whole.accounts.map(({ name }: { name: string }) => name)).toEqual(['филиал Центр', 'Петров А.']);
  });

  it('the forecast names what will stop', async () => {
    const { body } = await agent.get(`/accounts/${accounts.agent}/forecast?days=20`);
    expect(body).toMatchObject({ today: '2026-11-06', until: '2026-11-26' });
    expect(body.stopCount).toBe(body.stops.length);
    expect(body.stops.length).toBeGreaterThan(0);
    for (const stop of body.stops) expect(listings).toContain(stop.listingId);
  });
});

describe('what the board says', () => {
  const HEAD = 'Дата;ID;Услуга;Списано\r\n';
  const FILE = `Отчёт по кабинету;;;\r\n${HEAD}05.11.2026;L0;Размещение;100,00\r\n05.11.2026;X-9;Размещение;30,00\r\n`;
  const post = (visitor: Visitor, part: string, text: string) =>
    house.app.inject({
      method: 'POST',
      url: `/api/v1/cabinets/${cabinets[0]!.id}/reports${part}`,
      headers: { ...visitor.headers, 'content-type': 'application/octet-stream' },
      payload: Buffer.from(text),
    });
  const WORDS = `day=${encodeURIComponent('Дата')}&advert=ID&sum=${encodeURIComponent('Списано')}&service=${encodeURIComponent('Услуга')}`;

  it('is looked at, tried and loaded once', async () => {
    expect((await post(agent, '/peek', FILE)).statusCode).toBe(403);
    expect((await post(chief, '/peek', FILE)).json()).toMatchObject({
      format: 'csv',
      delimiter: 'semicolon',
      columns: ['Дата', 'ID', 'Услуга', 'Списано'],
      rows: [['05.11.2026', 'L0', 'Размещение', '100,00'], { length: 4 }],
      guess: { columns: { day: 'Дата', sum: 'Списано', service: 'Услуга' } },
    });
    const url = (more: string) => `?name=nov.csv&${WORDS}${more}`;
    expect((await post(chief, '?name=nov.csv&sum=x', FILE)).json()).toMatchObject({ code: 'report-mapping' });
    const trial = (await post(chief, url('&trial=true'), `${FILE}Итого;;;130\r\n`)).json();
    expect(trial).toMatchObject({
      id: null,
      isTrial: true,
      format: 'csv',
      added: 2,
      addedKopecks: 130_00,
      strangers: 1,
      bad: 1,
    });
    expect(trial.badRows).toEqual([{ line: 5, reasons: expect.arrayContaining([expect.stringContaining('Итого')]) }]);
    const first = (await post(chief, url(''), FILE)).json();
    expect(first).toMatchObject({ isNew: true, added: 2 });
    expect((await post(chief, url(''), FILE)).json()).toMatchObject({ isNew: false, added: 0, known: 2, id: first.id });
    expect((await chief.get(`/cabinets/${cabinets[0]!.id}/reports`)).body.data).toMatchObject([
      { id: first.id, name: 'nov.csv', kopecks: 130_00, by: 'Главный' },
    ]);
  });

  it('stands beside what we have, and the short sum is that of the whole comparison', async () => {
    const period = 'from=2026-11-05&until=2026-11-05';
    const { body } = await chief.get(`/cabinets/${cabinets[0]!.id}/reconciliation?${period}`);
    expect(body).toMatchObject({ covered: { days: 1, boardKopecks: 130_00, chargedKopecks: 100_00 } });
    expect(body.days).toEqual([
      {
        day: '2026-11-05',
        isReported: true,
        oursKopecks: 100_00,
        boardKopecks: 130_00,
        differenceKopecks: 30_00,
      },
    ]);
    const strangers = body.lists.find(({ list }: { list: string }) => list === 'live-not-ours');
    expect(strangers).toMatchObject({ count: 1, findings: [{ sentence: expect.stringContaining('X-9') }] });
    const { data } = (await chief.get(`/reconciliation?${period}`)).body;
    expect(data).toMatchObject([
      { reports: 1, days: 1, lastOn: '2026-11-05', differenceKopecks: body.covered.differenceKopecks },
    ]);
    const csv = await chief.get(`/cabinets/${cabinets[0]!.id}/reconciliation.csv?${period}`);
    expect(csv.text).toContain('X-9');
    // The cabinet is the whole agency's.
    expect((await manager.get('/reconciliation')).body.data).toEqual([]);
  });
});

describe('promotion', () => {
  it('has its price told before it is ordered, and gives the money back', async () => {
    const { id } = (
      await rows<{ id: number }>(
        `insert into cabinet (agency_id, board, slug, name, family) values ($1, 'avito', 'main', 'Авито', 'avito') returning id`,
        [agencyId],
      )
    )[0]!;
    const terms: TariffTerms = {
      lines: [{ kopecks: 0 }],
      excess: null,
      promotion: [{ level: 'XL', days: 7, kopecks: 70_00 }],
    };
    await rows(
      `insert into tariff (agency_id, cabinet_id, valid_from, terms, by, created_at) values ($1, $2, '2026-11-01', $3, 'проверка', $4)`,
      [agencyId, id, JSON.stringify(terms), now],
    );
    await markListings(base.db, agencyId, id, listings, now);
    const levels = (await chief.get(`/cabinets/${id}/promotion-levels`)).body.data;
    expect(levels.find(({ code }: { code: string }) => code === 'XL').prices).toEqual([{ days: 7, kopecks: 70_00 }]);
    const wish = { cabinetId: id, listingId: listings[3], level: 'XL', days: 7 };
    const before = await balance(accounts.centre);
    const dry = await manager.send('POST', '/promotions/dry-run', wish);
    expect(dry.body).toMatchObject({ kopecks: 70_00, untilOn: '2026-11-12', account: { name: 'филиал Центр' } });
    expect((await manager.get('/promotions')).body.data).toEqual([]);
    expect((await agent.send('POST', '/promotions', wish, key())).status).toBe(403);
    const made = await manager.send('POST', '/promotions', wish, key());
    expect(made.body).toMatchObject({ state: 'ordered', kopecks: 70_00, may: { cancel: true } });
    const twice = await manager.send('POST', '/promotions', wish, key());
    expect([twice.status, twice.body.code]).toEqual([409, 'promotion-overlaps']);
    expect((await colleague.get('/promotions')).body.data).toMatchObject([
      { id: made.body.id, may: { cancel: false } },
    ]);
    expect((await agent.get('/promotions')).body.data).toEqual([]);
    expect((await manager.send('DELETE', `/promotions/${made.body.id}`)).body).toMatchObject({ state: 'cancelled' });
    const centreNow = (await listAccounts(base.db.pool, agencyId)).find(({ id: one }) => one === accounts.centre)!;
    expect([centreNow.balanceKopecks, centreNow.heldKopecks >= 0]).toEqual([before, true]);
  });
});
