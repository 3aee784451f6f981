import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ACTION_GROUPS, isAction, tellEntry } from '../../src/domain/journal-words.ts';
import { addBranch, ensureBranch } from '../../src/store/agencies.ts';
import { type Deed, record } from '../../src/store/journal.ts';
import { openAccount, topUp } from '../../src/store/ledger.ts';
import { type Stock, stock } from '../store/stock.ts';
import { testDatabase } from '../store/testdb.ts';
import { type Counter, counter, type Visitor } from './visitors.ts';

/** Who did what, in words, to those who may read it. */

const now = new Date('2026-11-22T09:00:00.000Z');
let base: Awaited<ReturnType<typeof testDatabase>>;
let house: Stock;
let door: Counter;
let centre: number;
let north: number;
let admin: Visitor;
let boss: Visitor;
let listing: number;
let cabinetId: number;

const write = (deed: Deed) => record(base.db.pool as never, house.agencyId, deed, now);
const read = async (who: Visitor, query = '') => (await who.get(`/journal?${query}`)).body;
const told = async (who: Visitor, query = '') =>
  (await read(who, query)).data.map(({ title, lines }: { title: string; lines: string[] }) => [title, ...lines]);

beforeAll(async () => {
  base = await testDatabase();
  house = await stock(base.db, { access: { secondFactor: 'offered' } }, now);
  const { agencyId } = house;
  door = await counter(base.db, agencyId, () => now);
  centre = await ensureBranch(base.db, agencyId, 'Центр');
  north = await ensureBranch(base.db, agencyId, 'Север');
  admin = await door.come({ name: 'Вера' }, [{ role: 'admin' }]);
  boss = await door.come({ name: 'Ольга', branchId: centre }, [{ role: 'manager', scope: 'branch', branchId: centre }]);
  [listing = 0] = await house.listings([{ branchId: centre }]);
  cabinetId = await house.cabinet('cian');
  await base.db.pool.query('delete from journal');
});
afterAll(async () => {
  await door.close();
  await base.drop();
});

describe('the journal', () => {
  it('has words for whatever can be written into it, and no two deeds have the same', () => {
    const all = ACTION_GROUPS.flatMap(({ actions }) => actions);
    expect(new Set(all.map(({ action }) => action)).size).toBe(all.length);
    for (const { action, label } of all) {
      expect(isAction(action)).toBe(true);
      expect(label).toMatch(/^[А-ЯЁ]/);
    }
  });

  it('tells what was and what is', async () => {
    const { db } = base;
    const { agencyId } = house;
    await write({ by: 'Вера', action: 'settings-set', facts: { path: 'freshness.saleDays', before: 30, after: 21 } });
    await write({ by: 'Вера', action: 'settings-set', facts: { path: 'rights.money', before: null, after: 'admin' } });
    await write({
      by: 'Вера',
      action: 'settings-set',
      cabinetId,
      facts: { path: 'edit', before: null, after: 'stop' },
    });
    await write({
      by: 'Вера',
      action: 'status-set',
      listingId: listing,
      facts: { status: 'sold', before: { status: 'active' } },
    });
    await addBranch(db, agencyId, { name: 'Юг', timeZone: 'Asia/Omsk' }, 'Вера', now);
    const { id } = await openAccount(db, agencyId, { kind: 'branch', ownerId: north }, { name: 'Вера' }, now);
    await topUp(db, agencyId, id, { kopecks: 50_000, reason: 'счёт 118', by: { name: 'Вера' }, key: 'a' }, now);
    const person = await admin.get(`/people/${boss.id}`);
    await admin.send(
      'PATCH',
      `/people/${boss.id}`,
      { branchId: north, phones: ['+79000000061'] },
      { 'if-match': String(person.headers.etag) },
    );
    const grants = [{ role: 'manager', scope: 'branch', branchId: north, departmentId: null }];
    await admin.send(
      'PUT',
      `/people/${boss.id}/grants`,
      { grants },
      { 'if-match': String((await admin.get(`/people/${boss.id}`)).headers.etag) },
    );
    expect((await told(admin)).reverse()).toEqual([
      ['Изменена настройка', 'Продажа актуальна: 30 дней → 21 день'],
      [
        'Изменена настройка',
        expect.stringMatching(/^Право «Пополнять счета .*» с роли: руководитель \(как обычно\) → администратор$/),
      ],
      ['Изменена настройка', 'Пока правка ждёт проверки: как в агентстве → снять с доски'],
      ['Статус', 'свободен → продан'],
      ['Открыт филиал', '«Юг», Asia/Omsk'],
      ['Открыт счёт', 'филиал «Север»'],
      ['Счёт пополнен', '500\u00a0₽ (внешний счёт → филиал «Север»)', 'Причина: счёт 118'],
      ['Изменён сотрудник', 'Ольга', 'Телефоны: нет → +79000000061', 'Филиал: Центр → Север'],
      ['Изменены права', 'Ольга: руководитель, филиал «Центр» → руководитель, филиал «Север»'],
    ]);
  });

  it('is read page by page, by name, deed, listing, cabinet and day', async () => {
    const first = await read(admin, 'limit=4');
    const second = await read(admin, `limit=4&after=${first.page.next}`);
    const third = await read(admin, `limit=4&after=${second.page.next}`);
    const ids = [first, second, third].flatMap(({ data }) => data.map(({ id }: { id: number }) => id));
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => b - a));
    expect([ids.length, third.page.next]).toEqual([9, null]);
    expect(await told(admin, `listing=${listing}`)).toHaveLength(1);
    expect(await told(admin, `cabinet=${cabinetId}`)).toHaveLength(1);
    expect(await told(admin, 'action=branch-added&action=roles-set')).toHaveLength(2);
    expect(await told(admin, 'who=вер')).toHaveLength(9);
    expect(await told(admin, 'who=%25')).toHaveLength(0);
    expect(await told(admin, 'from=2026-11-22&to=2026-11-22')).toHaveLength(9);
    expect(await told(admin, 'from=2026-11-23')).toHaveLength(0);
    expect((await admin.get('/journal?from=2026-13-45')).body.code).toBe('bad-day');
    const words = (await admin.get('/journal/words')).body;
    expect(words.cabinets).toEqual([{ id: cabinetId, label: 'Циан: cian' }]);
    expect(words.groups.flatMap(({ actions }: { actions: unknown[] }) => actions).length).toBeGreaterThan(60);
  });

  it('shows a branch’s manager what lies in the branch', async () => {
    expect((await boss.get('/journal')).status).toBe(401);
    const agent = await door.come({ name: 'Пётр', branchId: centre });
    expect((await agent.get('/journal')).status).toBe(403);
    const of = async (name: string, branchId: number) =>
      told(await door.come({ name, branchId }, [{ role: 'manager', scope: 'branch', branchId }]), 'who=Вера');
    expect((await of('Инна', centre)).map(([title]: string[]) => title)).toEqual(['Статус']);
    // The person has moved: the manager there sees what was done to her, and to the branch's account.
    expect((await of('Нина', north)).map(([title]: string[]) => title)).toEqual([
      'Изменены права',
      'Изменён сотрудник',
      'Счёт пополнен',
      'Открыт счёт',
    ]);
  });

  it('keeps numbers from whom they are hidden', async () => {
    const reader = await door.come({ name: 'Кадры' }, [{ role: 'manager' }]);
    expect((await reader.get('/journal')).text).toContain('+79000000061');
    const settings = { access: { secondFactor: 'offered' }, rights: { 'see-phones': 'admin' } };
    await base.db.pool.query('update agency set settings = $2 where id = $1', [
      house.agencyId,
      JSON.stringify(settings),
    ]);
    const { text } = await reader.get('/journal');
    expect(text).not.toContain('9000000061');
    expect(text).toContain('•••');
    expect((await reader.get('/journal.csv')).text).not.toContain('9000000061');
    expect((await admin.get('/journal')).text).toContain('+79000000061');
  });

  it('goes into a spreadsheet', async () => {
    const { text, headers } = await admin.get('/journal.csv?action=branch-added');
    expect(headers['content-type']).toBe('text/csv; charset=utf-8');
    const [head, row] = text.split('\r\n');
    expect(head).toContain('Когда;Кто;Что;Подробно;Объект;Кабинет');
    expect(row).toBe('22.11.2026 12:00;Вера;Открыт филиал;«Юг», Asia/Omsk;;');
  });

  it('does not stumble over entries whose facts are of another shape', () => {
    const names = {
      zone: 'Europe/Moscow',
      employee: String,
      branch: String,
      department: String,
      group: String,
      board: String,
      account: String,
      transfer: String,
    };
    for (const { action } of ACTION_GROUPS.flatMap(({ actions }) => actions))
      expect(() => tellEntry({ action, facts: {}, cabinetId: null }, names), action).not.toThrow();
  });
});
