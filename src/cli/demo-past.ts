import { CROWDED, demoHappenings, type HappeningKey, MODERATED, OFFICE_LINE } from '../../fixtures/agency.ts';
import { type Corrections, effective, fieldValue } from '../domain/corrections.ts';
import { addDays, localDay } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { findEmployees, listBranches } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import { hashOf } from '../store/hash.ts';
import { type Deed, listDeeds } from '../store/journal.ts';
import { confirm, forbid, recordCall, setStatus } from '../store/market.ts';
import { eachListing, findListings, type ListingRow, saveCorrections, setTerm } from '../store/marks.ts';
import { giveVerdict, switchOn, UNDO_SECONDS, type VerdictWish } from '../store/moderation.ts';
import { addPause, listPauses } from '../store/pauses.ts';
import { addPhoneLine, listPhoneLines } from '../store/phones.ts';
import { listCabinets } from '../store/publishing.ts';
import { savePackage } from '../store/rotation.ts';
import { agencyFrame, changeCabinetSettings } from '../store/settings.ts';
import type { PlayedClock } from './demo-history.ts';

/**
 * What the people of the imaginary agency did since yesterday's feeds, done by the functions their commands use.
 * Every step may be repeated.
 */

const DAY = 86_400_000;
const HOUR = 3_600_000;

const happened = (key: HappeningKey) =>
  [...demoHappenings()].filter(([, happening]) => happening === key).map(([externalId]) => externalId);

/** Those whom nobody confirms and nobody calls. */
const forgotten = () => new Set([...happened('stale'), ...happened('call-overdue')]);

/** The agents confirm what is still for sale or to let, as they do every other day. */
export async function confirmAll(db: Database, agencyId: number, at: Date): Promise<void> {
  const left = forgotten();
  for await (const rows of eachListing(db, agencyId)) {
    const ids = rows.filter((row) => row.status === 'active' && !left.has(row.externalId)).map((row) => row.id);
    await confirm(db, agencyId, ids, { name: 'агенты', role: 'agent' }, at);
  }
}

/** @param clock goes along with it @param now the present; what happened, happened in the hours before */
export async function liveThrough(db: Database, agencyId: number, clock: PlayedClock, now: Date): Promise<void> {
  const before = (hours: number) => new Date(now.getTime() - hours * HOUR);
  const cabinets = await listCabinets(db, { agencyId });
  const { timeZone: zone } = await agencyFrame(db, agencyId);
  const on = (board: string) => cabinets.find((cabinet) => cabinet.board === board)!;
  const today = localDay(now, zone);
  const manager = await personOf(db, agencyId, 'sokolova@example.ru');
  const specialist = await personOf(db, agencyId, 'asadov@example.ru');
  const all = (key: HappeningKey) => Promise.all(happened(key).map((name) => one(db, agencyId, name)));

  // Whoever does not answer is to be called again a day later: that was six hours ago.
  const called = new Date(before(30).getTime() + UNDO_SECONDS * 1000);
  await clock.goTo(called);
  for (const { id } of await all('call-overdue')) {
    await recordCall(db, agencyId, id, 'no-answer', manager, called);
  }

  await clock.goTo(before(20));
  for (const [board, edit] of Object.entries(MODERATED)) {
    const cabinet = on(board);
    const facts = { path: 'edit', before: null, after: edit };
    const deed: Deed = { by: manager.name, action: 'settings-set', cabinetId: cabinet.id, facts };
    await changeCabinetSettings(db, agencyId, cabinet.id, (own) => ({ ...own, edit }), deed, before(20));
    await switchOn(db, agencyId, { cabinetId: cabinet.id }, 'on', { actor: manager }, before(20));
  }
  await savePackage(db, on(CROWDED.board), { kind: 'concurrent', places: CROWDED.places }, 7, manager.name, before(20));
  if ((await listPhoneLines(db.pool, agencyId)).length === 0) {
    const [centre] = (await listBranches(db.pool, agencyId)).filter(({ name }) => name === OFFICE_LINE.branch);
    await addPhoneLine(
      db,
      agencyId,
      {
        scope: 'branch',
        scopeId: centre!.id,
        board: OFFICE_LINE.board,
        weekdays: [1, 2, 3, 4, 5, 6, 7],
        fromMinute: 0,
        toMinute: 1440,
        startsOn: null,
        endsOn: null,
        kind: 'call-centre',
        phone: OFFICE_LINE.phone,
        note: 'звонки с Move принимает офис',
      },
      manager.name,
      before(20),
    );
  }

  // The moderator begins with what has waited since: some of it nobody confirms, and it stays off the boards all the same.
  const waiting = (await all('stale'))
    .filter(({ employeeId }) => employeeId !== specialist.employeeId)
    .map(({ id }) => id);
  for (const [at, hours] of APPROVED_BEFORE.entries()) {
    await clock.goTo(before(hours));
    for (const listingId of waiting.slice(at * 2, at * 2 + 2))
      await decide(db, agencyId, { listingId, kind: 'approved', actor: specialist }, before(hours));
  }

  await clock.goTo(before(6));
  for (const row of await all('edited')) {
    await rewrite(db, row, `${row.values.description} Показываем в выходные.`, before(6));
  }
  for (const row of await all('returned')) {
    await rewrite(db, row, `${row.values.description} Торг на месте.`, before(6));
    const wish = { listingId: row.id, kind: 'returned', actor: specialist, reasons: ['few-photos'] } as const;
    await decide(db, agencyId, wish, before(6));
  }

  // A verdict holds from then on.
  const decided = new Date(before(6).getTime() + UNDO_SECONDS * 1000);
  await clock.goTo(decided);
  for (const { id } of await all('sold')) await setStatus(db, agencyId, id, { status: 'sold' }, manager, decided);
  for (const { id } of await all('reserved')) {
    const reservedUntil = addDays(today, 5);
    await setStatus(db, agencyId, id, { status: 'reserved', reservedUntil }, manager, decided);
  }
  for (const { id } of await all('forbidden')) {
    await forbid(db, agencyId, id, 'собственник попросил не показывать в интернете', manager, decided);
  }
  const over = (await all('term-over')).map(({ id }) => id);
  const term = { startsOn: addDays(today, -30), endsOn: addDays(today, -1) };
  await setTerm(db, agencyId, { listingIds: over, cabinetIds: [on('avito').id] }, term, specialist, decided);

  await clock.goTo(before(3));
  const paused = new Set((await listPauses(db.pool, agencyId, now)).map((pause) => pause.listingId));
  for (const { id } of await all('paused')) {
    if (paused.has(id)) continue;
    const until = new Date(now.getTime() + 3 * DAY);
    const pause = {
      listingId: id,
      cabinetId: on('avito').id,
      from: before(3),
      until,
      reason: RENOVATION,
      employeeId: specialist.employeeId,
    };
    await addPause(db, agencyId, pause, specialist.name, before(3));
  }
}

/** Hours before now at which the moderator approves two of those that wait. */
const APPROVED_BEFORE = [17, 12, 7];

async function decide(db: Database, agencyId: number, wish: VerdictWish, at: Date): Promise<void> {
  await giveVerdict(db, agencyId, wish, at).catch((error) => {
    // Said already, by a start that was broken off.
    if (!(error instanceof Refusal)) throw error;
  });
}

const RENOVATION = 'в квартире ремонт';

/** The last step of what happened. A pause stays on record after its end. */
export async function hasPauses(db: Database, agencyId: number): Promise<boolean> {
  const deeds = await listDeeds(db, agencyId, { action: 'pause-added' });
  return deeds.filter(({ facts }) => facts.reason === RENOVATION).length >= happened('paused').length;
}

async function personOf(db: Database, agencyId: number, email: string) {
  const [found] = await findEmployees(db, agencyId, email);
  return { employeeId: found!.id, name: found!.name, role: found!.role };
}

async function one(db: Database, agencyId: number, externalId: string): Promise<ListingRow> {
  const [row] = await findListings(db, agencyId, externalId);
  if (!row) throw new Error(`broken invariant: listing ${externalId} was imported and is not there`);
  return row;
}

async function rewrite(db: Database, row: ListingRow, description: string, at: Date): Promise<void> {
  if (row.corrections.description) return;
  const basis = fieldValue(row.sourceValues, 'description');
  const by = row.employee?.name ?? 'агент';
  const corrections: Corrections = {
    ...row.corrections,
    description: { value: description, basis, by, at: at.toISOString() },
  };
  const values = effective(row.sourceValues, corrections);
  const next = { corrections, values, valuesHash: hashOf(values), wasHash: hashOf(row.values) };
  await saveCorrections(db, row, next, at);
}
