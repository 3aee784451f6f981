import { hash } from 'node:crypto';
import type { Board } from '../boards/catalogue.ts';
import { compileNorms, type NormChecker } from '../boards/norms.ts';
import { promotionDress, promotionKey } from '../boards/promotion.ts';
import { type Calendar, type CalendarState, calendarAt } from '../domain/calendar.ts';
import { addDays, localDay, startOfDay } from '../domain/days.ts';
import { type CorridorContext, earliest, type PauseFacts } from '../domain/gates.ts';
import type { Judgement } from '../domain/judgement.ts';
import type { Owner } from '../domain/ledger.ts';
import type { Listing } from '../domain/listing.ts';
import { type PhoneChoice, phoneBook } from '../domain/phones.ts';
import type { PlanMark } from '../domain/plan.ts';
import { periodOf } from '../domain/rotation.ts';
import {
  AGENCY_DEFAULTS,
  type AgencySettings,
  CABINET_DEFAULTS,
  type CabinetSettings,
  settled,
} from '../domain/settings.ts';
import { type Tariff, tariffOf } from '../domain/tariff.ts';
import type { Queryable } from '../store/database.ts';
import { activeExceptions, exemptNorms } from '../store/exceptions.ts';
import { listNorms } from '../store/norms.ts';
import { activePauses, type PauseRow } from '../store/pauses.ts';
import { listPhoneLines } from '../store/phones.ts';
import { type DayPromotions, promotionsOn } from '../store/promotions.ts';
import {
  branchRows,
  type CabinetRow,
  type FrameRow,
  frameRow,
  type NarrowRow,
  nextVerdictAt,
  type PersonRow,
  personRows,
} from '../store/publishing.ts';
import { isFirstOfDay, usedPlacements } from '../store/rotation.ts';
import { listTariffs } from '../store/tariffs.ts';
import { type BoardDesk, type Dress, deskOf } from './offer.ts';
import { CODE_VERSION } from './version.ts';

/**
 * Everything a decision depends on besides the mark itself, read in one snapshot: settings, calendars, phones, norms,
 * pauses, exceptions, people. A run and `explain` build it the same way, so they cannot give two answers.
 */
export interface Frame {
  readonly cabinet: CabinetRow;
  readonly desk: BoardDesk;
  readonly row: FrameRow;
  readonly settings: AgencySettings;
  readonly cabinetSettings: CabinetSettings;
  readonly context: CorridorContext;
  readonly norms: NormChecker;
  readonly isModerated: boolean;
  /** What the decisions depend on, by group; compared with the last run's to tell a mass cause. */
  readonly causes: Readonly<Record<string, string>>;
  person(employeeId: number | null): PersonRow | undefined;
  /** Whose a listing is, up the tree. */
  owner(row: Pick<NarrowRow, 'employeeId' | 'branchId'>): Owner;
  phones(row: NarrowRow): PhoneChoice;
  keys(row: NarrowRow): { readonly inputKey: string; readonly contentKey: string };
  mark(row: NarrowRow, judgement: Judgement | null): PlanMark;
  worn(row: NarrowRow, values: Listing): Dress;
  /** What the cabinet's adverts cost and have cost; empty: nothing ever. */
  readonly tariffs: readonly Tariff[];
  /** Paid levels of the day; none without a tariff. */
  readonly promotions: DayPromotions;
  /** Would its present content be approved as it is? Of a change that is only supposed. */
  isApprovedAsItIs(listingId: number): boolean;
  /** Norms that a person lets this listing past. */
  exempt(listingId: number): ReadonlySet<string> | 'all';
  /** When something here changes by itself next; complete once all marks were asked for. */
  nextAt(): Date | null;
}

/** What would be otherwise than it is, for questions about a change that nobody has made yet. */
export interface FrameChange {
  /** The agency's own settings, without the defaults, in place of those it has. */
  readonly agency?: Partial<AgencySettings> | undefined;
  /** The same of cabinets, by number. */
  readonly cabinets?: ReadonlyMap<number, Partial<CabinetSettings>> | undefined;
  /** null: always open. */
  readonly cabinetCalendars?: ReadonlyMap<number, Calendar | null> | undefined;
  readonly branchCalendars?: ReadonlyMap<number, Calendar | null> | undefined;
  /** Besides those there are. */
  readonly pauses?: readonly PauseRow[] | undefined;
  /** Listings whose present content would be approved as it is. */
  readonly approved?: ReadonlySet<number> | undefined;
}

const OPEN: CalendarState = { isOpen: true, reason: null, changesAt: null };
const NOBODY: ReadonlySet<string> = new Set();
const NO_PROMOTIONS: DayPromotions = { levels: new Map(), beginning: [] };

const digest = (value: unknown) => hash('md5', typeof value === 'string' ? value : JSON.stringify(value), 'hex');

export async function loadFrame(
  client: Queryable,
  cabinet: CabinetRow,
  board: Board,
  now: Date,
  change: FrameChange = {},
): Promise<Frame> {
  const { agencyId } = cabinet;
  const known = await frameRow(client, cabinet);
  const row: FrameRow = {
    ...known,
    agencySettings: change.agency ?? known.agencySettings,
    cabinetSettings: change.cabinets?.get(cabinet.id) ?? known.cabinetSettings,
    calendar: given(change.cabinetCalendars, cabinet.id, known.calendar),
  };
  const cabinetSettings = settled(CABINET_DEFAULTS, row.cabinetSettings);
  const agency = settled(AGENCY_DEFAULTS, row.agencySettings);
  const settings: AgencySettings = {
    ...agency,
    moderation: {
      ...agency.moderation,
      mode: cabinetSettings.moderation ?? agency.moderation.mode,
      edit: cabinetSettings.edit ?? agency.moderation.edit,
    },
  };
  const isModerated = settings.moderation.mode === 'on';
  const zone = row.zone;
  const branches = new Map(
    (await branchRows(client, agencyId)).map((branch) => [
      branch.id,
      { ...branch, calendar: given(change.branchCalendars, branch.id, branch.calendar) },
    ]),
  );
  const people = new Map((await personRows(client, agencyId)).map((person) => [person.id, person]));
  const book = phoneBook(await listPhoneLines(client, agencyId));
  const norms = compileNorms(await listNorms(client, agencyId), board);
  const pauses = [...(await activePauses(client, agencyId, now)), ...(change.pauses ?? [])];
  const exceptions = await activeExceptions(client, agencyId, localDay(now, row.agencyZone));
  const tariffs = await listTariffs(client, cabinet);
  const terms = tariffOf(tariffs, localDay(now, zone))?.terms ?? null;
  const promotions = terms === null ? NO_PROMOTIONS : await promotionsOn(client, cabinet, localDay(now, zone));
  const promoted = (listingId: number) =>
    promotionDress(terms, cabinetSettings.package, promotions.levels.get(listingId));

  let next: Date | null = isModerated ? await nextVerdictAt(client, agencyId, now) : null;
  const at = (moment: Date | null) => {
    if (moment !== null && moment > now) next = earliest(next, moment);
  };
  const cabinetCalendar = calendarAt(row.calendar, now, zone);
  at(cabinetCalendar.changesAt);
  for (const pause of pauses) {
    at(pause.from);
    at(pause.until);
  }
  for (const exception of exceptions) at(startOfDay(addDays(exception.until, 1), row.agencyZone));

  const midnights = new Map<string, Date>();
  const midnight = (day: string) => {
    let found = midnights.get(day);
    if (!found) {
      found = startOfDay(day, zone);
      midnights.set(day, found);
    }
    return found;
  };
  const daysAfter = new Map<string, string>();
  const midnightAfter = (day: string) => {
    let after = daysAfter.get(day);
    if (after === undefined) {
      after = addDays(day, 1);
      daysAfter.set(day, after);
    }
    return midnight(after);
  };
  const context: CorridorContext = {
    now,
    zone,
    today: localDay(now, zone),
    boardName: board.name,
    settings,
    cabinetCalendar,
    midnight,
    midnightAfter,
  };

  const branchStates = new Map<number, CalendarState>();
  const branchCalendar = (branchId: number | null): CalendarState => {
    if (branchId === null) return OPEN;
    let state = branchStates.get(branchId);
    if (!state) {
      const branch = branches.get(branchId);
      state = branch ? calendarAt(branch.calendar, now, branch.timeZone ?? row.agencyZone) : OPEN;
      branchStates.set(branchId, state);
      at(state.changesAt);
    }
    return state;
  };
  const branchOf = (mark: Pick<NarrowRow, 'employeeId' | 'branchId'>) =>
    mark.branchId ?? (mark.employeeId === null ? null : (people.get(mark.employeeId)?.branchId ?? null));
  const pauseOf = pauseFinder(pauses, cabinet.id, now);
  const excepted = new Map<number, ('fresh' | 'duplicate')[]>();
  for (const { listingId, gate } of exceptions) {
    if (gate !== 'norms') excepted.set(listingId, [...(excepted.get(listingId) ?? []), gate]);
  }
  const exempted = exemptNorms(exceptions);

  const desk = deskOf(board, cabinet.family);
  const moderationKey = isModerated ? digest([settings.moderation.edit, settings.moderation.policy]) : 'off';
  const contextKey = `${board.rulesVersion}/${desk.codec.family}/${CODE_VERSION}/${norms.key}/${moderationKey}`;

  const phones = (mark: NarrowRow): PhoneChoice => {
    const person = mark.employeeId === null ? undefined : people.get(mark.employeeId);
    const branchId = branchOf(mark);
    const choice = book(
      {
        employeeId: mark.employeeId,
        departmentId: person?.departmentId ?? null,
        branchId,
        board: board.id,
        ownPhones: person?.phones ?? [],
        // They are part of the content's own key; `worn` puts them in where no line gives a number.
        listingPhones: undefined,
      },
      now,
      (branchId === null ? null : branches.get(branchId)?.timeZone) ?? row.agencyZone,
    );
    at(choice.changesAt);
    return choice;
  };
  const asDate = (ms: number | null) => (ms === null ? null : new Date(ms));

  return {
    cabinet,
    desk,
    row,
    settings,
    cabinetSettings,
    context,
    norms,
    isModerated,
    causes: {
      rules: digest([board.rulesVersion, CODE_VERSION]),
      norms: norms.key,
      market: digest(agency.market),
      freshness: digest(agency.freshness),
      package: digest([cabinetSettings.package]),
    },
    person: (employeeId) => (employeeId === null ? undefined : people.get(employeeId)),
    owner: (row) => ({
      employeeId: row.employeeId,
      departmentId: row.employeeId === null ? null : (people.get(row.employeeId)?.departmentId ?? null),
      branchId: branchOf(row),
    }),
    phones,
    keys(mark) {
      const contentKey = `${mark.valuesHash}|${mark.approvedId ?? ''}|${mark.lastVerdictId ?? ''}`;
      const person = mark.employeeId === null ? undefined : people.get(mark.employeeId);
      const exempt = exempted.get(mark.listingId);
      const exemptKey = exempt === undefined ? '' : exempt === 'all' ? 'all' : [...exempt].sort().join();
      const { line, phones: numbers } = phones(mark);
      // Where no line holds, the listing's own numbers go first: they are part of its content.
      const worn = `${line === null ? 'own' : 'line'} ${numbers?.join()}`;
      const promotion = terms === null ? '' : `|${promotionKey(promoted(mark.listingId))}`;
      const inputKey = digest(
        `${contentKey}|${mark.photoKey}|${mark.boardOfferId}|${mark.avitoId}|${worn}|${person?.name}|${person?.email}|${mark.firstSeenAt}|${exemptKey}|${contextKey}${promotion}`,
      );
      return { inputKey, contentKey };
    },
    mark(mark, judgement) {
      const exceptionsOf = excepted.get(mark.listingId) ?? [];
      return {
        listingId: mark.listingId,
        externalId: mark.boardOfferId,
        agent: mark.employeeId === null ? null : (people.get(mark.employeeId)?.name ?? null),
        deal: mark.deal,
        goneOn: mark.goneOn,
        status: mark.status,
        reservedUntil: mark.reservedUntil,
        stage: mark.stage,
        forbiddenReason: mark.forbiddenReason,
        startsOn: mark.startsOn,
        endsOn: mark.endsOn,
        freshAt: new Date(mark.freshAt),
        callBackAt: asDate(mark.callBackAt),
        judgement,
        pendingSince: asDate(mark.pendingSince),
        branchCalendar: branchCalendar(branchOf(mark)),
        pause: pauseOf(mark.listingId, branchOf(mark)),
        exceptions: exceptionsOf,
        isPinned: mark.isPinned,
        markedAt: mark.markedAt,
        waitingSince: mark.last?.waitingSince ?? null,
        placedOn: mark.last?.placedOn ?? null,
        wasAway: mark.last !== null && mark.last.outcome !== 'published',
        placementFrom: mark.placement?.from ?? mark.last?.placementFrom ?? null,
        placementUntil: mark.placement?.until ?? mark.last?.placementUntil ?? null,
        duplicateKey: mark.duplicateKey,
        photosKey: mark.photosKey,
      };
    },
    worn(mark, values) {
      const choice = phones(mark);
      const person = mark.employeeId === null ? undefined : people.get(mark.employeeId);
      const promotion = promoted(mark.listingId);
      return {
        ...(promotion && { promotion }),
        listingId: mark.listingId,
        boardOfferId: mark.boardOfferId,
        avitoId: mark.avitoId,
        firstSeenAt: new Date(mark.firstSeenAt),
        phones: choice.line ? choice.phones : (values.contactPhones ?? choice.phones),
        person: person ? { name: person.name, email: person.email } : null,
      };
    },
    tariffs,
    promotions,
    isApprovedAsItIs: (listingId) => change.approved?.has(listingId) ?? false,
    exempt: (listingId) => exempted.get(listingId) ?? NOBODY,
    nextAt: () => next,
  };
}

/** What would stand there instead; null may. */
function given<T>(change: ReadonlyMap<number, T> | undefined, id: number, known: T): T {
  const found = change?.get(id);
  return found === undefined ? known : found;
}

/** The pause that holds now and ends last, for a listing of a branch. */
function pauseFinder(
  pauses: readonly PauseRow[],
  cabinetId: number,
  now: Date,
): (listingId: number, branchId: number | null) => PauseFacts | null {
  const holding = pauses.filter(
    (pause) => pause.from <= now && pause.until > now && (pause.cabinetId === null || pause.cabinetId === cabinetId),
  );
  if (holding.length === 0) return () => null;
  const told = (pause: PauseRow): PauseFacts => ({
    of:
      pause.listingId !== null
        ? 'объекта'
        : pause.branchId !== null
          ? 'филиала'
          : pause.cabinetId !== null
            ? 'кабинета'
            : 'всей выгрузки',
    reason: pause.reason,
    by: pause.by,
    until: pause.until,
    id: pause.id,
  });
  const byListing = new Map<number, PauseRow[]>();
  for (const pause of holding) {
    if (pause.listingId !== null) byListing.set(pause.listingId, [...(byListing.get(pause.listingId) ?? []), pause]);
  }
  const wide = holding.filter((pause) => pause.listingId === null);
  return (listingId, branchId) => {
    let last: PauseRow | undefined;
    for (const pause of [...wide, ...(byListing.get(listingId) ?? [])]) {
      if (pause.branchId !== null && pause.branchId !== branchId) continue;
      if (!last || pause.until > last.until) last = pause;
    }
    return last ? told(last) : null;
  };
}

/** What the rotation of a cabinet's places depends on besides the marks. */
export async function rotationOf(
  client: Queryable,
  frame: Frame,
): Promise<{ readonly usedPlacements: number; readonly isFirstOfDay: boolean }> {
  const { cabinet, cabinetSettings, context } = frame;
  const pack = cabinetSettings.package;
  if (pack === null) return { usedPlacements: 0, isFirstOfDay: false };
  const period = pack.kind === 'placements' ? periodOf(pack, context.today) : null;
  return {
    usedPlacements: period === null ? 0 : await usedPlacements(client, cabinet, period),
    isFirstOfDay: await isFirstOfDay(client, cabinet, context.today, context.zone),
  };
}
