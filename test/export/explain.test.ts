import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listingAt } from '../../fixtures/agency.ts';
import { loadBoards } from '../../src/boards/catalogue.ts';
import { normFrom } from '../../src/boards/norms.ts';
import { startOfDay } from '../../src/domain/days.ts';
import { GATES, OUTCOME_LABELS, OUTCOMES } from '../../src/domain/gates.ts';
import type { Listing } from '../../src/domain/listing.ts';
import { type Explanation, explain } from '../../src/export/explain.ts';
import { judgeAlone } from '../../src/export/judge.ts';
import { deskOf } from '../../src/export/offer.ts';
import { publishCabinet } from '../../src/export/publish.ts';
import { addEmployee, ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import { addException } from '../../src/store/exceptions.ts';
import { importListings } from '../../src/store/intake.ts';
import { forbid, recordCall, setStatus } from '../../src/store/market.ts';
import { markListings, setTerm, unmarkListings } from '../../src/store/marks.ts';
import { giveVerdict } from '../../src/store/moderation.ts';
import { saveNorm } from '../../src/store/norms.ts';
import { addPause } from '../../src/store/pauses.ts';
import { type CabinetRow, listCabinets } from '../../src/store/publishing.ts';
import { savePackage, setPinned } from '../../src/store/rotation.ts';
import { changeCabinetSettings, changeCalendar } from '../../src/store/settings.ts';
import { testDatabase } from '../store/testdb.ts';

/** `explain` and the runs: two ways to the same answer, and the way to the answer of a moment ahead. */

const boards = loadBoards();
const boardOf = (id: string) => boards.find((board) => board.id === id)!;
const manager = { employeeId: null, name: 'Ольга Руднева', role: 'admin' } as const;
const ZONE = 'Europe/Moscow';
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let base: Awaited<ReturnType<typeof testDatabase>>;
let dataDir: string;
/** Noon in Moscow; every look at the clock is a millisecond later. */
let nowMs = Date.UTC(2026, 10, 21, 9);
const clock = () => new Date(nowMs++);

beforeAll(async () => {
  base = await testDatabase();
  dataDir = await mkdtemp(join(tmpdir(), 'explain-'));
});
afterAll(async () => {
  await base.drop();
  await rm(dataDir, { recursive: true, force: true });
});

const publish = (cabinet: CabinetRow) => publishCabinet(cabinet, { db: base.db, boards, dataDir, clock });
const ask = (cabinet: CabinetRow, id: number, at = clock()) =>
  explain(base.db.pool, cabinet, boardOf(cabinet.board), id, at);
const gateOf = (answer: Explanation) => answer.gates.find(({ state }) => state === 'closed')?.gate ?? null;

/** Flats that every board takes; no two look alike. */
const flats: Listing[] = [];
for (let index = 0; flats.length < 12; index++) {
  const { updatedAt: _, ...values } = listingAt(index);
  if (values.kind !== 'flat' || values.deal !== 'sale') continue;
  const flat = { ...values, externalId: `кв-${flats.length}`, apartmentNumber: `${flats.length + 1}` };
  const isSound = ['avito', 'cian', 'yandex', 'domclick'].every(
    (id) => !judgeAlone(flat, deskOf(boardOf(id)), { firstSeenAt: new Date(nowMs) }).isBlocked,
  );
  if (isSound) flats.push(flat);
}

async function agencyOf(listings: readonly Listing[], places: readonly (readonly [board: string, slug: string])[]) {
  const { id: agencyId } = await resolveAgency(base.db, `Агентство ${nowMs}`, true);
  const agents = await Promise.all(
    ['Ирина Соколова', 'Пётр Ильин'].map((name) => addEmployee(base.db, agencyId, { name, phones: ['+79161234567'] })),
  );
  const given = listings.map((values, index) => ({ values, employeeId: agents[index % 2]! }));
  await importListings(base.db, { agencyId, source: 'crm' }, given, clock());
  for (const [board, slug] of places)
    await ensureCabinet(base.db, agencyId, { board, slug, name: board, family: boardOf(board).family });
  const rows = await listCabinets(base.db, { agencyId });
  const cabinets = places.map(([board, slug]) => rows.find((row) => row.board === board && row.slug === slug)!);
  const found = await base.db.pool.query<{ id: number; name: string }>(
    'select id, external_id as name from listing where agency_id = $1',
    [agencyId],
  );
  const byName = new Map(found.rows.map(({ id, name }) => [name, id]));
  const ids = listings.map(({ externalId }) => byName.get(externalId)!);
  const mark = (cabinet: CabinetRow, some: readonly number[]) =>
    markListings(base.db, agencyId, cabinet.id, some, clock());
  return { agencyId, cabinets, ids, mark };
}

interface Decided {
  readonly cabinet: CabinetRow;
  readonly id: number;
  readonly outcome: string;
  readonly reason: string | null;
}
async function decided(cabinets: readonly CabinetRow[]): Promise<Decided[]> {
  const found = await base.db.pool.query<{ cabinetId: number; id: number; outcome: string; reason: string | null }>(
    `select o.cabinet_id as "cabinetId", o.listing_id as id, o.outcome, o.reason from mark m
     left join mark_outcome o on o.cabinet_id = m.cabinet_id and o.listing_id = m.listing_id
     where m.cabinet_id = any($1) and m.is_live order by 1, 2`,
    [cabinets.map(({ id }) => id)],
  );
  return found.rows.map(({ cabinetId, ...row }) => ({ ...row, cabinet: cabinets.find(({ id }) => id === cabinetId)! }));
}

const tell = ({ cabinet, id, outcome, reason }: Decided) =>
  `${cabinet.board}/${cabinet.slug} #${id} ${outcome}: ${reason}`;

describe('a base of everything', () => {
  let agencyId: number;
  let cabinets: readonly CabinetRow[];

  beforeAll(async () => {
    const plain = Array.from({ length: 32 }, (_, index) => listingAt(index));
    // Some flats are offered twice, by two agents, and a third time where only its photos tell.
    const twins = flats
      .slice(0, 4)
      .flatMap((one, index) => [
        one,
        { ...one, externalId: `${one.externalId}-ещё`, priceKopecks: one.priceKopecks! + 100_00 },
        { ...one, externalId: `${one.externalId}-фото`, apartmentNumber: `${index + 90}` },
      ]);
    const made = await agencyOf(
      [...plain, ...flats.slice(4, 8), ...twins],
      [
        ['yandex', 'main'],
        ['yandex', 'second'],
        ['avito', 'main'],
        ['cian', 'main'],
        ['domclick', 'main'],
      ],
    );
    agencyId = made.agencyId;
    cabinets = made.cabinets;
    const { ids } = made;
    const triples = ids.length - twins.length;
    const [main, second, avito, cian, domclick] = cabinets as [
      CabinetRow,
      CabinetRow,
      CabinetRow,
      CabinetRow,
      CabinetRow,
    ];
    // The second and the third of each three show the same photos.
    for (let index = triples; index < ids.length; index += 3) {
      await base.db.pool.query('update listing set photos_key = $2 where id = any($1)', [
        [ids[index + 1], ids[index + 2]],
        `photos-${index}`,
      ]);
    }
    for (const cabinet of [main, avito, cian, domclick]) await made.mark(cabinet, ids);
    await made.mark(
      second,
      ids.filter((_, index) => index % 4 === 0 || index > triples + 4),
    );
    const at = clock();
    const of = (first: number) => ids.filter((_, index) => index % 16 === first);
    for (const id of of(1)) await setStatus(base.db, agencyId, id, { status: 'sold' }, manager, at);
    for (const id of of(2))
      await setStatus(base.db, agencyId, id, { status: 'reserved', reservedUntil: '2026-11-22' }, manager, at);
    await forbid(base.db, agencyId, of(3)[0]!, 'собственник против', manager, at);
    const term = (listingIds: number[], startsOn: string, endsOn: string | null) =>
      setTerm(base.db, agencyId, { listingIds }, { startsOn, endsOn }, manager, at);
    await term(of(4), '2026-11-23', null);
    await term(of(5), '2026-11-01', '2026-11-22');
    await term(of(6), '2026-11-01', '2026-11-20');
    await base.db.pool.query(`update listing set fresh_at = $2 where id = any($1)`, [
      of(7),
      new Date(nowMs - 40 * DAY),
    ]);
    await base.db.pool.query(`update listing set fresh_at = $2 where id = any($1)`, [
      of(8),
      new Date(nowMs - 29 * DAY),
    ]);
    for (const id of of(9).slice(0, 2)) await recordCall(base.db, agencyId, id, 'busy', manager, at);
    for (const id of of(10)) {
      const pause = { listingId: id, from: at, until: new Date(nowMs + DAY), reason: 'показы' };
      await addPause(base.db, agencyId, pause, 'Ольга', at);
    }
    const exception = { reason: 'разные собственники', by: 'Ольга', until: '2026-11-22' };
    await addException(base.db, agencyId, { ...exception, listingId: ids[triples + 1]!, gate: 'duplicate' }, at);
    await addException(base.db, agencyId, { ...exception, listingId: of(7)[0]!, gate: 'fresh' }, at);
    await saveNorm(base.db, agencyId, { ...normFrom({ kind: 'photos', min: 6 }), by: 'Ольга' }, at);
    const deed = { by: 'Ольга', action: 'settings-set' as const };
    await changeCabinetSettings(base.db, agencyId, avito.id, () => ({ moderation: 'on' }), deed, at);
    for (const id of [...of(11), ...of(12), ...of(13)])
      await giveVerdict(base.db, agencyId, { listingId: id, kind: 'approved', actor: manager }, at);
    for (const id of of(14)) {
      const wish = { listingId: id, kind: 'returned', reasons: ['few-photos'], actor: manager } as const;
      await giveVerdict(base.db, agencyId, wish, at);
    }
    await savePackage(base.db, cian, { kind: 'concurrent', places: 12 }, 7, 'Ольга', at);
    await setPinned(base.db, cian, of(15)[2]!, true, 'Ольга', at);
    const pack = { kind: 'placements', placements: 9, from: '2026-11-01', periodDays: 30, termDays: 10 } as const;
    await savePackage(base.db, domclick, pack, undefined, 'Ольга', at);
    nowMs += 60_000;
    // Twice: cabinets of one board learn of each other by their runs.
    for (const cabinet of [...cabinets, ...cabinets]) await publish(cabinet);
  }, 60_000);

  it('has every outcome that there is without accounts', async () => {
    const found = new Set((await decided(cabinets)).map(({ outcome }) => outcome));
    expect([...found].sort()).toEqual(OUTCOMES.filter((outcome) => outcome !== 'unfunded').sort());
  });

  it('is explained as the runs decided it, mark by mark', async () => {
    const wrong: string[] = [];
    for (const row of await decided(cabinets)) {
      const answer = await ask(row.cabinet, row.id);
      if (answer.outcome !== row.outcome || answer.reason !== row.reason)
        wrong.push(`${tell(row)} → ${answer.outcome}: ${answer.reason}`);
      // One answer, told in one way.
      const gate = gateOf(answer);
      expect([row.id, answer.outcome === 'published']).toEqual([row.id, gate === null]);
      expect(answer.gates.map((one) => one.gate)).toEqual(GATES);
      expect(answer).toMatchObject({
        isMarked: true,
        isHeld: false,
        label: OUTCOME_LABELS[answer.outcome!],
        lastRun: { outcome: row.outcome },
        since: answer.lastRun?.since,
      });
      if (answer.fixedBy === 'agent') expect(answer.fixedByName).toMatch(/^агент (Ирина Соколова|Пётр Ильин)$/);
      expect(JSON.stringify(answer.command ?? [])).not.toContain('"#"');
      if (answer.opensAt !== null) expect(answer.opensAt > answer.at).toBe(true);
    }
    expect(wrong).toEqual([]);
  });

  it('changes nothing by being explained', async () => {
    const state = () =>
      base.db.pool.query(
        `select (select jsonb_agg(o order by o.cabinet_id, o.listing_id) from mark_outcome o) as outcomes,
           (select count(*) from journal) as deeds, (select jsonb_agg(due_at order by id) from cabinet) as due`,
      );
    const before = (await state()).rows;
    await ask(cabinets[3]!, (await decided([cabinets[3]!]))[0]!.id);
    expect((await state()).rows).toEqual(before);
  });

  it('is told for a moment ahead as the run of that moment will find it', async () => {
    // Rotation has a midnight or two until then, and rivals their own runs.
    const some = cabinets.filter(({ board }) => board === 'avito' || board === 'domclick');
    const at = nowMs + 2 * DAY;
    const before = await decided(some);
    const told: string[] = [];
    for (const row of before) {
      const answer = await ask(row.cabinet, row.id, new Date(at));
      told.push(tell({ ...row, outcome: answer.outcome!, reason: answer.reason }));
    }
    nowMs = at;
    for (const cabinet of some) await publish(cabinet);
    const after = await decided(some);
    expect(told).toEqual(after.map(tell));
    expect(told.filter((line, index) => line !== tell(before[index]!)).length).toBeGreaterThan(10);
  }, 20_000);
});

describe('a moment ahead', () => {
  it('is told by a term, a pause, a reservation, freshness and a call, to the millisecond', async () => {
    const { agencyId, cabinets, ids, mark } = await agencyOf(flats.slice(0, 7), [['yandex', 'main']]);
    const [cabinet] = cabinets as [CabinetRow];
    await mark(cabinet, ids);
    const [starts, ends, paused, reserved, fresh, called, plain] = ids as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const at = clock();
    await setTerm(base.db, agencyId, { listingIds: [starts] }, { startsOn: '2026-11-30' }, manager, at);
    await setTerm(base.db, agencyId, { listingIds: [ends] }, { endsOn: '2026-11-30' }, manager, at);
    const until = new Date(at.getTime() + 30 * HOUR);
    await addPause(base.db, agencyId, { listingId: paused, from: at, until, reason: 'показы' }, 'Ольга', at);
    await setStatus(base.db, agencyId, reserved, { status: 'reserved', reservedUntil: '2026-11-29' }, manager, at);
    const callAt = await recordCall(base.db, agencyId, called, 'no-answer', manager, at);
    const freshAt = (
      await base.db.pool.query<{ at: Date }>('select fresh_at as at from listing where id = $1', [fresh])
    ).rows[0]!.at;
    await publish(cabinet);

    const edges: readonly [number, Date, string | null, string | null][] = [
      [starts, startOfDay('2026-11-30', ZONE), 'term', null],
      [ends, startOfDay('2026-12-01', ZONE), null, 'term'],
      [paused, until, 'calendar', null],
      [reserved, startOfDay('2026-11-30', ZONE), 'market', null],
      [called, callAt!, null, 'fresh'],
      [fresh, new Date(freshAt.getTime() + 30 * DAY), null, 'fresh'],
    ];
    for (const [id, edge, before, after] of edges) {
      const early = await ask(cabinet, id, new Date(edge.getTime() - 1));
      const late = await ask(cabinet, id, edge);
      expect([id, gateOf(early), gateOf(late)]).toEqual([id, before, after]);
      // What opens by itself says when, and until then nobody has to come back to it.
      if (before !== null) {
        expect((await ask(cabinet, id)).opensAt).toBe(edge.toISOString());
        expect(early.opensAt).toBe(edge.toISOString());
      } else expect(late.opensAt).toBeNull();
      expect([early.at, late.at]).toEqual([new Date(edge.getTime() - 1).toISOString(), edge.toISOString()]);
    }
    expect(gateOf(await ask(cabinet, plain))).toBeNull();
  });

  it('is told by the hours of the cabinet', async () => {
    const { agencyId, cabinets, ids, mark } = await agencyOf(flats.slice(0, 1), [['yandex', 'main']]);
    const [cabinet] = cabinets as [CabinetRow];
    await mark(cabinet, ids);
    const week = Array.from({ length: 7 }, (_, day) => (day < 6 ? [[540, 1200] as [number, number]] : []));
    await changeCalendar(base.db, agencyId, { cabinetId: cabinet.id }, () => ({ week, special: [] }), 'Ольга', clock());
    // Saturday evening; Sunday is a day off.
    const evening = await ask(cabinet, ids[0]!, new Date('2026-11-28T17:00:00Z'));
    expect(evening).toMatchObject({ outcome: 'paused', fixedBy: 'adSpecialist', opensAt: '2026-11-30T06:00:00.000Z' });
    expect(evening.reason).toBe('Кабинет (Яндекс Недвижимость): нерабочее время, откроется 30.11.2026 в 09:00.');
    expect((await ask(cabinet, ids[0]!, new Date('2026-11-28T16:59:59Z'))).outcome).toBe('published');
  });
});

describe('a listing that is not marked', () => {
  it('is told so, and what would stop it then', async () => {
    const [one] = flats as [Listing];
    const twin = { ...one, externalId: 'кв-двойник' };
    const { agencyId, cabinets, ids, mark } = await agencyOf([one, twin, flats[1]!], [['yandex', 'main']]);
    const [cabinet] = cabinets as [CabinetRow];
    const [older, younger, sold] = ids as [number, number, number];
    await setStatus(base.db, agencyId, sold, { status: 'sold' }, manager, clock());
    await mark(cabinet, [older]);
    await publish(cabinet);

    const answer = await ask(cabinet, younger);
    expect(answer).toMatchObject({
      isMarked: false,
      outcome: null,
      label: 'не отмечен на выгрузку',
      reason: 'Не отмечен на выгрузку.',
      command: ['mark', '--board', expect.any(String), '--cabinet', expect.any(String), '--listing', `#${younger}`],
      since: null,
      lastRun: null,
    });
    expect(gateOf(answer)).toBe('marked');
    // Marked now, it would come after the one that is there.
    const duplicate = answer.gates.find(({ gate }) => gate === 'duplicate')!;
    expect([duplicate.state, duplicate.closing?.outcome, duplicate.facts.of]).toEqual([
      'not-reached',
      'duplicate',
      older,
    ]);
    const market = (await ask(cabinet, sold)).gates.find(({ gate }) => gate === 'market')!;
    expect([market.state, market.closing?.reason]).toEqual(['not-reached', 'Статус: продан.']);

    await unmarkListings(base.db, agencyId, cabinet.id, [older], clock());
    expect(await ask(cabinet, older)).toMatchObject({ isMarked: false, outcome: null, since: null });
    expect((await ask(cabinet, younger)).gates.find(({ gate }) => gate === 'duplicate')!.closing).toBeNull();
  });

  it('and is unknown when it is none of the agency', async () => {
    const one = await agencyOf(flats.slice(0, 1), [['yandex', 'main']]);
    const other = await agencyOf(flats.slice(0, 1), [['yandex', 'main']]);
    for (const id of [999_999_999, other.ids[0]!]) {
      const refused = await ask(one.cabinets[0]!, id).catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: 'listing-unknown', exit: 2, message: `Объекта ${id} нет.` });
    }
  });
});

describe('duplicates', () => {
  it('are told on both sides: the younger names the older, the older stands', async () => {
    const [one] = flats as [Listing];
    const { agencyId, cabinets, ids, mark } = await agencyOf(
      [one, { ...one, externalId: 'кв-двойник' }],
      [['yandex', 'main']],
    );
    const [cabinet] = cabinets as [CabinetRow];
    const [older, younger] = ids as [number, number];
    await mark(cabinet, [older]);
    await mark(cabinet, [younger]);
    await publish(cabinet);
    const lost = await ask(cabinet, younger);
    expect(lost).toMatchObject({
      outcome: 'duplicate',
      reason: `Дубль объекта кв-0 (#${older}, агент Ирина Соколова): тот же адрес, квартира, площадь и этаж. Место у того, кого отметили раньше.`,
      fixedBy: 'adSpecialist',
      command: ['except', `#${younger}`, '--gate', 'duplicate', '--reason', '…', '--to', '…'],
      opensAt: null,
    });
    expect(await ask(cabinet, older)).toMatchObject({ outcome: 'published', reason: null });
    const told = await base.db.pool.query<{ listingId: number; text: string }>(
      `select listing_id as "listingId", text from message where agency_id = $1 and kind = 'duplicate' order by 1`,
      [agencyId],
    );
    expect(told.rows.map(({ listingId }) => listingId)).toContain(younger);

    // Told before the run that will see it: the older one is sold, the younger takes the place.
    await setStatus(base.db, agencyId, older, { status: 'sold' }, manager, clock());
    expect(await ask(cabinet, younger)).toMatchObject({
      outcome: 'published',
      lastRun: { outcome: 'duplicate' },
      since: null,
    });
    // A sold one would meet the other if it came back.
    expect((await ask(cabinet, older)).gates.find(({ gate }) => gate === 'duplicate')!.closing).toBeNull();
    const blocked = { listingId: younger, from: clock(), until: new Date(nowMs + DAY), reason: 'показы' };
    await setStatus(base.db, agencyId, older, { status: 'active' }, manager, clock());
    await addPause(base.db, agencyId, blocked, 'Ольга', clock());
    const paused = await ask(cabinet, younger);
    expect(gateOf(paused)).toBe('calendar');
    // Nobody ends the pause only to meet the duplicate.
    expect(paused.gates.find(({ gate }) => gate === 'duplicate')).toMatchObject({
      state: 'not-reached',
      closing: { outcome: 'duplicate' },
    });
  });

  it('of a duplicate are none, whichever end of the chain is asked', async () => {
    const [one, , three] = flats as [Listing, Listing, Listing];
    const { cabinets, ids, mark } = await agencyOf(
      [one, { ...one, externalId: 'кв-двойник' }, three],
      [['yandex', 'main']],
    );
    const [cabinet] = cabinets as [CabinetRow];
    // The second is the first's flat and shows the third's photos.
    await base.db.pool.query('update listing set photos_key = $2 where id = any($1)', [ids.slice(1), 'photos']);
    for (const id of ids) await mark(cabinet, [id]);
    await publish(cabinet);
    const outcomes = (await decided([cabinet])).map(({ outcome }) => outcome);
    expect(outcomes).toEqual(['published', 'duplicate', 'published']);
    const answers: (string | null)[] = [];
    for (const id of ids) answers.push((await ask(cabinet, id)).outcome);
    expect(answers).toEqual(outcomes);
  });

  it('in two cabinets of a board: one shows it', async () => {
    const { cabinets, ids, mark } = await agencyOf(flats.slice(0, 1), [
      ['yandex', 'main'],
      ['yandex', 'second'],
    ]);
    const [main, second] = cabinets as [CabinetRow, CabinetRow];
    await mark(main, ids);
    await mark(second, ids);
    for (const cabinet of [main, second]) await publish(cabinet);
    expect((await ask(main, ids[0]!)).outcome).toBe('published');
    expect(await ask(second, ids[0]!)).toMatchObject({
      outcome: 'duplicate',
      reason: 'Этот же объект уже стоит на доске через другой кабинет агентства.',
    });
  });
});

describe('a remark', () => {
  it('tells that a pause wastes a paid placement', async () => {
    const { agencyId, cabinets, ids, mark } = await agencyOf(flats.slice(0, 2), [['yandex', 'main']]);
    const [cabinet] = cabinets as [CabinetRow];
    const pack = { kind: 'placements', placements: 5, from: '2026-11-01', periodDays: 30, termDays: 10 } as const;
    await savePackage(base.db, cabinet, pack, undefined, 'Ольга', clock());
    await mark(cabinet, ids);
    await publish(cabinet);
    const today = new Date(nowMs);
    const from = clock();
    const pause = { listingId: ids[0]!, from, until: new Date(from.getTime() + 3 * DAY), reason: 'ремонт' };
    await addPause(base.db, agencyId, pause, 'Ольга', from);
    const last = new Date(today.getTime() + 9 * DAY).toISOString().slice(0, 10).split('-').reverse().join('.');
    expect((await ask(cabinet, ids[0]!)).remarks).toEqual([
      `Оплаченное размещение идёт до ${last}, пауза сжигает 3 дня.`,
    ]);
    expect((await ask(cabinet, ids[1]!)).remarks).toEqual([]);
    // The pause gives nothing back: afterwards the same placement runs on.
    const later = await ask(cabinet, ids[0]!, new Date(pause.until));
    expect(later).toMatchObject({ outcome: 'published', remarks: [] });
    expect(later.gates.find(({ gate }) => gate === 'place')!.facts).toMatchObject({
      placementUntil: last.split('.').reverse().join('-'),
    });
  });

  it('tells that a flat without a number looks like another, and stops nothing', async () => {
    const { apartmentNumber: _, cadastralNumber: __, ...one } = flats[0]!;
    const other = { ...one, externalId: 'кв-похожий' };
    const { cabinets, ids, mark } = await agencyOf(
      [one, other, flats[1]!],
      [
        ['yandex', 'main'],
        ['avito', 'main'],
      ],
    );
    const [yandex, avito] = cabinets as [CabinetRow, CabinetRow];
    await mark(yandex, ids);
    await mark(avito, [ids[0]!]);
    await publish(yandex);
    const answer = await ask(yandex, ids[0]!);
    expect(answer.outcome).toBe('published');
    expect(answer.remarks).toEqual([
      `Похоже на объект кв-похожий (#${ids[1]}, агент Пётр Ильин): те же адрес, площадь и этаж. Укажите номер квартиры, чтобы было ясно.`,
    ]);
    expect((await ask(yandex, ids[2]!)).remarks).toEqual([]);
    // On a board where the other is not, nobody will see two.
    expect((await ask(avito, ids[0]!)).remarks).toEqual([]);
  });
});
