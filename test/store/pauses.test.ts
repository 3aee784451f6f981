import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listingAt } from '../../fixtures/agency.ts';
import type { Calendar } from '../../src/domain/calendar.ts';
import { setGrants, usualGrants } from '../../src/store/access.ts';
import {
  addBranch,
  addEmployee,
  changeEmployee,
  ensureBranch,
  ensureCabinet,
  ensureDepartment,
  findEmployees,
  listBranches,
  resolveAgency,
  setBranchZone,
} from '../../src/store/agencies.ts';
import { activePauses, addPause, addPauses, endPause, listPauses } from '../../src/store/pauses.ts';
import {
  addPhoneLine,
  askRow,
  listPhoneLines,
  observedPullHours,
  phoneFrameRow,
  removePhoneLine,
} from '../../src/store/phones.ts';
import { logPull } from '../../src/store/pulls.ts';
import {
  agencyFrame,
  cabinetSettings,
  calendarOf,
  changeAgencySettings,
  changeCabinetSettings,
  changeCalendar,
} from '../../src/store/settings.ts';
import { testDatabase } from './testdb.ts';

/** What people stop, schedule and set: the change, its line in the journal, and the cabinets that are due for it. */

let base: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  base = await testDatabase();
});
afterAll(() => base.drop());

const NOW = new Date('2026-11-21T09:00:00Z');
const at = (hours: number) => new Date(NOW.getTime() + hours * 3_600_000);
const BY = 'Анна Админ';

interface Place {
  readonly agencyId: number;
  readonly branchId: number;
  /** Of the branch, through its agent. */
  readonly listingId: number;
  readonly otherId: number;
  readonly avito: number;
  readonly cian: number;
}
let counter = 0;
let place: Place;

/** Two listings; the branch's one is marked on Авито alone, the other on both. */
beforeEach(async () => {
  const { db } = base;
  const { id: agencyId } = await resolveAgency(db, `Агентство ${++counter}`, true);
  const branchId = await ensureBranch(db, agencyId, 'Центр');
  await db.pool.query("update branch set time_zone = 'Asia/Omsk' where id = $1", [branchId]);
  const employeeId = await addEmployee(db, agencyId, { name: 'Иванов', phones: ['+79001112233'], branchId });
  const cabinetOf = (board: 'avito' | 'cian') =>
    ensureCabinet(db, agencyId, { board, slug: 'main', name: board, family: board });
  const [avito, cian] = [await cabinetOf('avito'), await cabinetOf('cian')];
  const source = await db.pool.query<{ id: number }>(
    "insert into source (agency_id, name) values ($1, 'crm') returning id",
    [agencyId],
  );
  const listing = async (externalId: string, employee: number | null) => {
    const values = { ...listingAt(1), externalId, contactPhones: undefined };
    const made = await db.pool.query<{ id: number }>(
      `insert into listing (agency_id, source_id, external_id, employee_id, source_values, source_hash, values, values_hash, first_seen_at, changed_at, fresh_at)
       values ($1, $2, $3, $4, $5, '', $5, '', $6, $6, $6) returning id`,
      [agencyId, source.rows[0]!.id, externalId, employee, JSON.stringify(values), NOW],
    );
    return made.rows[0]!.id;
  };
  const listingId = await listing('A-1', employeeId);
  const otherId = await listing('A-2', null);
  let ordinal = 0;
  for (const [cabinetId, id] of [
    [avito, listingId],
    [avito, otherId],
    [cian, otherId],
  ] as const) {
    await db.pool.query(
      'insert into mark (agency_id, cabinet_id, listing_id, marked_at, ordinal, board_offer_id) values ($1, $2, $3, $4, $5, $6)',
      [agencyId, cabinetId, id, NOW, ordinal++, String(id)],
    );
  }
  place = { agencyId, branchId, listingId, otherId, avito, cian };
});

/** When Авито and Циан are due. */
async function due(): Promise<(string | null)[]> {
  const found = await base.db.pool.query<{ dueAt: Date | null }>(
    'select due_at as "dueAt" from cabinet where agency_id = $1 order by board',
    [place.agencyId],
  );
  return found.rows.map(({ dueAt }) => dueAt?.toISOString() ?? null);
}
const iso = (moment: Date) => moment.toISOString();
const undue = () => base.db.pool.query('update cabinet set due_at = null where agency_id = $1', [place.agencyId]);

async function deeds(): Promise<{ action: string; by: string; listingId: number | null; cabinetId: number | null }[]> {
  const found = await base.db.pool.query(
    'select action, by, listing_id as "listingId", cabinet_id as "cabinetId" from journal where agency_id = $1 order by id',
    [place.agencyId],
  );
  return found.rows;
}

const pause = (what: object, own: object = {}) =>
  addPause(base.db, place.agencyId, { from: NOW, until: at(5), reason: 'ремонт', ...what, ...own }, BY, NOW);

describe('a pause', () => {
  it.each([
    ['of everything', () => ({}), [true, true]],
    ['of a cabinet', () => ({ cabinetId: place.cian }), [false, true]],
    ['of a listing', () => ({ listingId: place.listingId }), [true, false]],
    ['of a listing everywhere it is marked', () => ({ listingId: place.otherId }), [true, true]],
    ['of a listing in one cabinet', () => ({ listingId: place.otherId, cabinetId: place.cian }), [false, true]],
    [
      'of a listing where it is not marked',
      () => ({ listingId: place.listingId, cabinetId: place.cian }),
      [false, false],
    ],
    ['of a branch, through its people', () => ({ branchId: place.branchId }), [true, false]],
  ] as const)('%s makes its cabinets due at once, and no others', async (_, what, concerned) => {
    const id = await pause(what());
    expect(await due()).toEqual(concerned.map((is) => (is ? iso(NOW) : null)));
    expect(await activePauses(base.db.pool, place.agencyId, NOW)).toEqual([
      {
        id,
        branchId: null,
        cabinetId: null,
        listingId: null,
        ...what(),
        from: NOW,
        until: at(5),
        reason: 'ремонт',
        by: BY,
        employeeId: null,
      },
    ]);
    expect(await deeds()).toMatchObject([{ action: 'pause-added', by: BY }]);
  });

  it('that begins later makes due then, and is among the active ones already', async () => {
    await pause({ cabinetId: place.avito }, { from: at(2) });
    expect(await due()).toEqual([iso(at(2)), null]);
    expect(await activePauses(base.db.pool, place.agencyId, NOW)).toMatchObject([{ from: at(2) }]);
  });

  it('is due at its end when nothing is due before', async () => {
    await pause({ cabinetId: place.avito });
    await undue();
    // The same end again, while the first run is over.
    await pause({ cabinetId: place.cian }, { from: at(1), until: at(2) });
    expect(await due()).toEqual([null, iso(at(1))]);
    expect(await activePauses(base.db.pool, place.agencyId, at(2))).toMatchObject([{ cabinetId: place.avito }]);
    expect(await activePauses(base.db.pool, place.agencyId, at(5))).toEqual([]);
  });

  it('ends before its time, once, and its cabinets are due as for an edit', async () => {
    const id = await pause({ cabinetId: place.avito });
    await undue();
    expect(await endPause(base.db, place.agencyId, id, BY, at(1))).toMatchObject({ id, cabinetId: place.avito });
    expect(await due()).toEqual([iso(new Date(at(1).getTime() + 300_000)), null]);
    expect(await activePauses(base.db.pool, place.agencyId, at(1))).toEqual([]);
    expect((await deeds()).map(({ action }) => action)).toEqual(['pause-added', 'pause-ended']);
    await expect(endPause(base.db, place.agencyId, id, BY, at(1))).rejects.toMatchObject({ code: 'pause-over' });
    await expect(endPause(base.db, place.agencyId, 999_999, BY, at(1))).rejects.toMatchObject({
      code: 'pause-unknown',
    });
    const short = await pause({});
    await expect(endPause(base.db, place.agencyId, short, BY, at(5))).rejects.toMatchObject({ code: 'pause-over' });
  });

  it('needs a reason and an end that is ahead; of several, one bad one stops all', async () => {
    await expect(pause({}, { reason: ' ' })).rejects.toMatchObject({ code: 'pause-reason' });
    await expect(pause({}, { until: NOW })).rejects.toMatchObject({ code: 'pause-past' });
    await expect(pause({}, { from: at(6) })).rejects.toMatchObject({ code: 'pause-past' });
    const good = { from: NOW, until: at(1), reason: 'ремонт' };
    const both = addPauses(base.db, place.agencyId, [good, { ...good, until: at(-1) }], BY, NOW);
    await expect(both).rejects.toMatchObject({ code: 'pause-past' });
    expect(await activePauses(base.db.pool, place.agencyId, NOW)).toEqual([]);
    expect([await due(), await deeds()]).toEqual([[null, null], []]);
  });

  it('is listed with names and the clock it is read by', async () => {
    await pause({ branchId: place.branchId });
    await pause({ listingId: place.otherId, cabinetId: place.cian }, { until: at(1) });
    expect(await listPauses(base.db.pool, place.agencyId, NOW)).toMatchObject([
      { externalId: 'A-2', board: 'cian', cabinet: 'main', branch: null, zone: 'Europe/Moscow' },
      { externalId: null, board: null, branch: 'Центр', zone: 'Asia/Omsk' },
    ]);
  });
});

const LINE = {
  scope: 'agency' as const,
  scopeId: null,
  board: 'cian',
  weekdays: [6, 7],
  fromMinute: 540,
  toMinute: 1080,
  startsOn: null,
  endsOn: '2027-01-08',
  kind: 'duty' as const,
  phone: '+79000000001',
  note: null,
};

describe('the phone timetable', () => {
  it('comes back as it was put, and makes the boards it concerns due', async () => {
    const { agencyId } = place;
    const id = await addPhoneLine(base.db, agencyId, LINE, BY, NOW);
    expect(await listPhoneLines(base.db.pool, agencyId)).toEqual([{ id, ...LINE }]);
    const later = iso(new Date(NOW.getTime() + 300_000));
    expect(await due()).toEqual([null, later]);
    await addPhoneLine(base.db, agencyId, { ...LINE, board: null }, BY, NOW);
    expect(await due()).toEqual([later, later]);
    await undue();
    expect(await removePhoneLine(base.db, agencyId, id, BY, NOW)).toEqual({ id, ...LINE });
    expect(await due()).toEqual([null, later]);
    await expect(removePhoneLine(base.db, agencyId, id, BY, NOW)).rejects.toMatchObject({ code: 'phone-line-unknown' });
    expect((await deeds()).map(({ action }) => action)).toEqual([
      'phone-line-added',
      'phone-line-added',
      'phone-line-removed',
    ]);
  });

  it('knows who asks: the agent, his branch and its clock, the boards', async () => {
    expect(await askRow(base.db.pool, place.agencyId, place.listingId)).toMatchObject({
      employee: 'Иванов',
      branchId: place.branchId,
      branch: 'Центр',
      zone: 'Asia/Omsk',
      ownPhones: ['+79001112233'],
      listingPhones: null,
      boards: ['avito'],
    });
    expect(await askRow(base.db.pool, place.agencyId, place.otherId)).toMatchObject({
      employeeId: null,
      branchId: null,
      zone: 'Europe/Moscow',
      ownPhones: [],
      boards: ['avito', 'cian'],
    });
    const frame = await phoneFrameRow(base.db.pool, place.agencyId);
    expect(frame).toMatchObject({ agents: [{ name: 'Иванов' }], branches: [{ name: 'Центр' }], departments: [] });
  });

  it('learns from the pulls how often a board looks', async () => {
    const pull = (cabinetId: number, hours: number, own: object = {}) =>
      logPull(base.db, {
        agencyId: place.agencyId,
        cabinetId,
        editionId: null,
        at: at(hours),
        method: 'GET',
        status: 200,
        encoding: 'gzip',
        bytes: 1,
        isPreviousToken: false,
        userAgent: null,
        address: null,
        ...own,
      });
    // Every four hours, once late; a look at the head and a failure are no pulls.
    for (const hours of [-21, -17, -13, -8, -4]) await pull(place.cian, hours);
    await pull(place.cian, -3, { method: 'HEAD' });
    await pull(place.cian, -3, { status: 503 });
    // Twice is no habit.
    for (const hours of [-2, -1]) await pull(place.avito, hours);
    expect([...(await observedPullHours(base.db.pool, place.agencyId, NOW))]).toEqual([['cian', 4]]);
  });
});

const CALENDAR: Calendar = { week: [[[540, 1080]], [], [], [], [], [], []], special: [] };

describe('settings and calendars', () => {
  it('keep what was changed, tell the journal and make the cabinets due', async () => {
    const { agencyId, avito, cian } = place;
    const deed = { by: BY, action: 'settings-set' as const, facts: { path: 'freshness.rentDays' } };
    await changeAgencySettings(
      base.db,
      agencyId,
      (own) => ({ ...own, freshness: { rentDays: 5 } as never }),
      deed,
      NOW,
    );
    await changeAgencySettings(
      base.db,
      agencyId,
      (own) => ({ ...own, runs: { gatherSeconds: 60 } as never }),
      deed,
      NOW,
    );
    const { settings, own } = await agencyFrame(base.db, agencyId);
    expect(own).toEqual({ freshness: { rentDays: 5 }, runs: { gatherSeconds: 60 } });
    expect([settings.freshness.rentDays, settings.freshness.saleDays]).toEqual([5, 30]);
    // The second change gathers for a minute already.
    const soon = iso(new Date(NOW.getTime() + 60_000));
    expect(await due()).toEqual([soon, soon]);
    await undue();
    await changeCabinetSettings(base.db, agencyId, cian, (known) => ({ ...known, turnDays: 3 }), deed, NOW);
    expect((await cabinetSettings(base.db, agencyId, cian)).settings.turnDays).toBe(3);
    expect((await cabinetSettings(base.db, agencyId, avito)).settings.turnDays).toBe(7);
    expect(await due()).toEqual([null, soon]);
    expect((await deeds()).map(({ cabinetId }) => cabinetId)).toEqual([null, null, cian]);
  });

  it('a calendar that may close something makes due at once; a refusal leaves everything as it was', async () => {
    const { agencyId, branchId, cian } = place;
    await changeCalendar(base.db, agencyId, { branchId }, () => CALENDAR, BY, NOW);
    expect(await due()).toEqual([iso(NOW), null]);
    expect(await calendarOf(base.db.pool, agencyId, { branchId })).toEqual({ calendar: CALENDAR, zone: 'Asia/Omsk' });
    await undue();
    await changeCalendar(base.db, agencyId, { cabinetId: cian }, () => CALENDAR, BY, NOW);
    expect(await due()).toEqual([null, iso(NOW)]);
    const refuse = () => {
      throw new Error('no');
    };
    await expect(changeCalendar(base.db, agencyId, { cabinetId: cian }, refuse, BY, NOW)).rejects.toThrow('no');
    await changeCalendar(base.db, agencyId, { branchId }, (known) => (known ? null : CALENDAR), BY, NOW);
    expect(await calendarOf(base.db.pool, agencyId, { branchId })).toMatchObject({ calendar: null });
    expect(await calendarOf(base.db.pool, agencyId, { cabinetId: cian })).toEqual({
      calendar: CALENDAR,
      zone: 'Europe/Moscow',
    });
    expect((await deeds()).map(({ cabinetId }) => cabinetId)).toEqual([null, cian, null]);
  });
});

describe('branches and people', () => {
  it('are added, moved and taken off, and the feeds follow', async () => {
    const { agencyId, branchId } = place;
    await expect(addBranch(base.db, agencyId, { name: 'Центр', timeZone: null }, BY, NOW)).rejects.toMatchObject({
      code: 'branch-known',
    });
    const north = await addBranch(base.db, agencyId, { name: 'Север', timeZone: 'Asia/Magadan' }, BY, NOW);
    const rent = await ensureDepartment(base.db, agencyId, north, 'Аренда');
    const [person] = await findEmployees(base.db, agencyId, 'Иванов');
    const by = { name: BY, person: null };
    await setGrants(base.db, agencyId, person!.id, usualGrants('manager'), by, NOW);
    expect(await due()).toEqual([null, null]);
    await changeEmployee(base.db, agencyId, person!.id, { branchId: north, departmentId: rent }, by, NOW);
    expect(await due()).toEqual([iso(NOW), null]);
    expect(await findEmployees(base.db, agencyId, 'Иванов')).toMatchObject([
      { role: 'manager', branchId: north, departmentId: rent },
    ]);
    await undue();
    await setBranchZone(base.db, agencyId, branchId, 'Asia/Tomsk', BY, NOW);
    expect(await due()).toEqual([null, null]);
    await setBranchZone(base.db, agencyId, north, 'Asia/Tomsk', BY, NOW);
    expect(await due()).toEqual([iso(NOW), null]);
    expect(await listBranches(base.db.pool, agencyId)).toMatchObject([
      { name: 'Центр', zone: 'Asia/Tomsk', departments: [], employees: 0 },
      { name: 'Север', zone: 'Asia/Tomsk', departments: ['Аренда'], employees: 1 },
    ]);
    expect(await changeEmployee(base.db, agencyId, person!.id, { isActive: false }, by, NOW)).toBe(1);
    expect(await findEmployees(base.db, agencyId, 'Иванов')).toEqual([]);
  });
});
