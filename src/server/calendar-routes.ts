import Type from 'typebox';
import {
  CalendarBodySchema,
  CalendarsSchema,
  type NewPauseBody,
  NewPauseSchema,
  type OwnCalendar,
  OwnCalendarSchema,
  type Pause,
  PausesSchema,
} from '../contracts/calendars.ts';
import { type Effect, EffectSchema } from '../contracts/settings.ts';
import { type Calendar, calendarAt, calendarFaults } from '../domain/calendar.ts';
import { Refusal } from '../domain/fault.ts';
import { type Deed, mayDo, OF_AGENCY, type Place } from '../domain/rights.ts';
import { readEnd, readMoment, spokenMoment, weekText } from '../domain/week.ts';
import { placeOf, placeOfCabinet, placesOfListings } from '../store/access.ts';
import { listBranches } from '../store/agencies.ts';
import { cabinetDesks } from '../store/cabinets.ts';
import {
  addPauses,
  endPause,
  listPauses,
  type NamedPauseRow,
  type NewPause,
  type PauseRow,
  pauseById,
} from '../store/pauses.ts';
import { askRow } from '../store/phones.ts';
import { agencyFrame, type CalendarOwner, calendarOf, changeCalendar, versionOf } from '../store/settings.ts';
import type { Api, Ask } from './api.ts';
import { cabinetTitle, effectOf } from './cabinets.ts';
import { notFound } from './problems.ts';

/** Hours in which adverts stand on the boards, and stops by hand. */

const Id = Type.Object({ id: Type.Integer() });

export function calendarRoutes(api: Api): void {
  api.define({
    method: 'GET',
    url: '/calendars',
    summary: 'Рабочее время филиалов и кабинетов и открыто ли сейчас',
    policy: { deed: 'see-settings', token: 'settings:read' },
    answer: CalendarsSchema,
    handler: async (ask) => ({ data: await calendars(ask) }),
  });

  for (const of of ['branch', 'cabinet'] as const) {
    const root = of === 'branch' ? '/branches/:id/calendar' : '/cabinets/:id/calendar';
    const whose = of === 'branch' ? 'филиала' : 'кабинета';
    api.define({
      method: 'GET',
      url: root,
      summary: `Рабочее время ${whose}`,
      policy: { deed: 'see-settings', of, token: 'settings:read' },
      params: Id,
      answer: OwnCalendarSchema,
      isVersioned: true,
      handler: (ask) => one(ask, of, ask.params.id),
    });

    api.define({
      method: 'POST',
      url: `${root}/rehearse`,
      summary: `Что изменится на досках сейчас с таким временем ${whose}; ничего не сохраняет`,
      policy: { deed: 'see-settings', of, token: 'settings:read' },
      params: Id,
      body: CalendarBodySchema,
      answer: EffectSchema,
      handler: (ask): Promise<Effect> => {
        const { id } = ask.params;
        const change = new Map([[id, proven(ask.body.calendar)]]);
        return of === 'branch'
          ? effectOf(ask, { branchCalendars: change })
          : effectOf(ask, { cabinetCalendars: change }, id);
      },
    });

    api.define({
      method: 'PUT',
      url: root,
      summary: `Задать рабочее время ${whose} или убрать его: работа идёт всегда`,
      policy: { deed: 'calendars', of, token: 'settings:write' },
      params: Id,
      body: CalendarBodySchema,
      answer: OwnCalendarSchema,
      isVersioned: true,
      handler: async (ask) => {
        const { db, agencyId, params, body, by, now } = ask;
        const change = (known: Calendar | null) => {
          ask.match(versionOf(known));
          return proven(body.calendar);
        };
        await changeCalendar(db, agencyId, ownerOf(of, params.id), change, by, now);
        return one(ask, of, params.id);
      },
    });
  }

  pauseRoutes(api);
}

type Any = Ask<unknown, unknown, unknown>;

const ownerOf = (of: OwnCalendar['of'], id: number): CalendarOwner =>
  of === 'branch' ? { branchId: id } : { cabinetId: id };

/** @throws Refusal `calendar-wrong` with all that is wrong */
function proven(calendar: Calendar | null): Calendar | null {
  const faults = calendar === null ? [] : calendarFaults(calendar);
  if (faults.length > 0) throw new Refusal('calendar-wrong', faults.join(' '), 2);
  return calendar;
}

async function calendars(ask: Any): Promise<OwnCalendar[]> {
  const { db, agencyId, caller } = ask;
  const seen: OwnCalendar[] = [];
  for (const { id } of await listBranches(db.pool, agencyId))
    if (mayDo(caller, 'see-settings', placeOfCabinet({ branchId: id }))) seen.push(await one(ask, 'branch', id));
  for (const desk of await cabinetDesks(db.pool, agencyId))
    if (mayDo(caller, 'see-settings', placeOfCabinet(desk))) seen.push(await one(ask, 'cabinet', desk.id));
  return seen;
}

async function one(
  { db, boards, agencyId, caller, now }: Any,
  of: OwnCalendar['of'],
  id: number,
): Promise<OwnCalendar> {
  const { calendar, zone } = await calendarOf(db.pool, agencyId, ownerOf(of, id));
  const { isOpen, reason, changesAt } = calendarAt(calendar, now, zone);
  const place = (await placeOf(db.pool, agencyId, of, id))!;
  const name =
    of === 'branch'
      ? (await listBranches(db.pool, agencyId)).find((row) => row.id === id)!.name
      : cabinetTitle(boards, (await cabinetDesks(db.pool, agencyId, id))[0]!);
  return {
    of,
    id,
    name,
    zone,
    calendar,
    text: calendar === null ? 'всегда' : weekText(calendar.week),
    isOpen,
    state: isOpen ? `открыто${changesAt === null ? '' : ` до ${spokenMoment(changesAt, zone)}`}` : `закрыто: ${reason}`,
    version: versionOf(calendar),
    may: { calendars: mayDo(caller, 'calendars', place) },
  };
}

// ---------------------------------------------------------------------------------------------------------------------
// Pauses.

function pauseRoutes(api: Api): void {
  api.define({
    method: 'GET',
    url: '/pauses',
    summary: 'Паузы, которые идут или ещё начнутся',
    policy: { deed: 'see-listings', token: 'settings:read' },
    answer: PausesSchema,
    handler: async (ask) => ({ data: await pauses(ask) }),
  });

  api.define({
    method: 'POST',
    url: '/pauses/rehearse',
    summary: 'Какие объекты остановит пауза, начавшись сейчас; ничего не сохраняет',
    policy: { deed: 'listing-pauses', token: 'settings:read' },
    body: NewPauseSchema,
    answer: EffectSchema,
    handler: async (ask): Promise<Effect> => {
      const { now, by } = ask;
      const wanted = await pausesWanted(ask, ask.body);
      const pauses = wanted.map(
        ({ branchId = null, cabinetId = null, listingId = null, until, reason }): PauseRow => ({
          id: 0,
          branchId,
          cabinetId,
          listingId,
          from: now,
          until,
          reason,
          by,
          employeeId: ask.caller.employeeId,
        }),
      );
      return effectOf(ask, { pauses }, ask.body.cabinetId);
    },
  });

  api.define({
    method: 'POST',
    url: '/pauses',
    summary: 'Приостановить объекты, кабинет, филиал или всё агентство: с концом и причиной',
    policy: { deed: 'listing-pauses', token: 'settings:write' },
    body: NewPauseSchema,
    answer: Type.Object({ ids: Type.Array(Type.Integer()) }),
    handler: async (ask) => {
      const { db, agencyId, body, by, now } = ask;
      return { ids: await addPauses(db, agencyId, await pausesWanted(ask, body), by, now) };
    },
  });

  api.define({
    method: 'POST',
    url: '/pauses/:id/end',
    summary: 'Кончить паузу раньше срока',
    policy: { deed: 'listing-pauses', token: 'settings:write' },
    params: Id,
    handler: async (ask) => {
      const { db, agencyId, caller, params, by, now } = ask;
      const pause = await pauseById(db.pool, agencyId, params.id);
      const place = pause && (await placeOfPause(ask, pause));
      if (!pause || !place || !isTold(caller, pause, place)) throw notFound('Такой паузы нет.');
      ask.prove(deedToEnd(pause, caller), place);
      await endPause(db, agencyId, params.id, by, now);
    },
  });
}

/** Whoever stopped a thing may let it go on. */
export const deedToEnd = (pause: Pick<PauseRow, 'employeeId'>, { employeeId }: Any['caller']): Deed =>
  pause.employeeId !== null && pause.employeeId === employeeId ? 'listing-pauses' : 'foreign-pauses';

/** What stops a whole cabinet or the agency stops everybody's listings, and everybody is told. */
function isTold(caller: Any['caller'], { listingId, branchId }: PauseRow, place: Place): boolean {
  const isWide = listingId === null && branchId === null && place.branchId === null;
  return mayDo(caller, 'see-listings', isWide ? 'anywhere' : place);
}

async function placeOfPause({ db, agencyId }: Any, pause: PauseRow): Promise<Place | undefined> {
  const { listingId, branchId, cabinetId } = pause;
  if (listingId !== null) return placeOf(db.pool, agencyId, 'listing', listingId);
  if (branchId !== null) return placeOf(db.pool, agencyId, 'branch', branchId);
  return cabinetId === null ? OF_AGENCY : placeOf(db.pool, agencyId, 'cabinet', cabinetId);
}

/**
 * The pauses a person wants, where the person may.
 * @throws Refusal `pause-what`, `bad-moment`, `pause-past`
 */
async function pausesWanted(ask: Any, body: NewPauseBody): Promise<NewPause[]> {
  const { db, agencyId, now } = ask;
  const { branchId, cabinetId, listingIds, reason } = body;
  if (branchId !== undefined && (cabinetId !== undefined || listingIds !== undefined))
    throw new Refusal('pause-what', 'Филиал приостанавливают целиком: без кабинета и без объектов.', 2);
  const seen = async (of: 'branch' | 'cabinet', id: number): Promise<Place> => {
    const place = await placeOf(db.pool, agencyId, of, id);
    if (!place || !mayDo(ask.caller, 'see-listings', place.branchId === null ? 'anywhere' : place)) throw notFound();
    return place;
  };
  const targets: Pick<NewPause, 'branchId' | 'cabinetId' | 'listingId'>[] = [];
  let zone = (await agencyFrame(db, agencyId)).timeZone;
  if (listingIds !== undefined) {
    const places = await placesOfListings(db.pool, agencyId, listingIds);
    const zones = new Set<string>();
    if (cabinetId !== undefined) await seen('cabinet', cabinetId);
    for (const listingId of listingIds) {
      const place = places.get(listingId);
      if (!place || !mayDo(ask.caller, 'see-listings', place)) throw notFound(`Объекта № ${listingId} нет.`);
      ask.prove('listing-pauses', place);
      zones.add((await askRow(db.pool, agencyId, listingId)).zone);
      targets.push({ listingId, ...(cabinetId !== undefined && { cabinetId }) });
    }
    // Listings of several zones in one breath: the agency's clock speaks for all.
    if (zones.size === 1) zone = [...zones][0]!;
  } else if (branchId !== undefined) {
    ask.prove('pauses', await seen('branch', branchId));
    zone = (await calendarOf(db.pool, agencyId, { branchId })).zone;
    targets.push({ branchId });
  } else if (cabinetId !== undefined) {
    ask.prove('pauses', await seen('cabinet', cabinetId));
    zone = (await calendarOf(db.pool, agencyId, { cabinetId })).zone;
    targets.push({ cabinetId });
  } else {
    ask.prove('pauses', OF_AGENCY);
    targets.push({});
  }
  const from = body.from === undefined ? now : moment(body.from, readMoment(body.from, now, zone));
  const until = moment(body.until, readEnd(body.until, now, zone));
  return targets.map((target) => ({ ...target, from, until, reason, employeeId: ask.caller.employeeId }));
}

/** @throws Refusal `bad-moment` */
function moment(text: string, read: Date | undefined): Date {
  if (read) return read;
  throw new Refusal('bad-moment', `«${text.slice(0, 40)}» — не день и не момент времени. Пример: 2026-11-30T18:00.`, 2);
}

async function pauses(ask: Any): Promise<Pause[]> {
  const { db, boards, agencyId, caller, now } = ask;
  const desks = new Map((await cabinetDesks(db.pool, agencyId)).map((desk) => [desk.id, desk]));
  const told: Pause[] = [];
  for (const row of await listPauses(db.pool, agencyId, now)) {
    const place = await placeOfPause(ask, row);
    if (!place || !isTold(caller, row, place)) continue;
    const cabinet = row.cabinetId === null ? null : cabinetTitle(boards, desks.get(row.cabinetId)!);
    told.push({
      id: row.id,
      what: whatOf(row, cabinet),
      listingId: row.listingId,
      from: row.from.toISOString(),
      until: row.until.toISOString(),
      zone: row.zone,
      isOn: row.from <= now,
      reason: row.reason,
      by: row.by,
      may: { end: mayDo(caller, deedToEnd(row, caller), place) },
    });
  }
  return told;
}

function whatOf({ listingId, externalId, branch }: NamedPauseRow, cabinet: string | null): string {
  if (listingId !== null) return `объект ${externalId}${cabinet === null ? '' : `, ${cabinet}`}`;
  if (branch !== null) return `филиал «${branch}»`;
  return cabinet ?? 'всё агентство';
}
