import Type from 'typebox';
import { formatPhone } from '../boards/formats/phone.ts';
import {
  KeptLineSchema,
  PhoneAtQuery,
  PhoneAtSchema,
  type PhoneLineAnswer,
  type Phones,
  PhonesQuery,
  PhonesSchema,
  WantedLineSchema,
} from '../contracts/phones.ts';
import { addDays, clockText, isDay, localTime, russianDay, WEEKDAYS, weekdayOf } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import {
  maskPhone,
  maskPhones,
  PHONE_CONFLICT_LABELS,
  PHONE_KIND_LABELS,
  PHONE_KINDS,
  type PhoneLine,
  type PhoneScope,
  phoneBook,
  phoneDays,
} from '../domain/phones.ts';
import { mayDo, OF_AGENCY, type Place } from '../domain/rights.ts';
import { capital } from '../domain/text.ts';
import { hoursText, isBygone, isToday, readMoment, spokenMoment, weekdaysText } from '../domain/week.ts';
import { placeOf, placesOfListings } from '../store/access.ts';
import { listBranches } from '../store/agencies.ts';
import { findListings } from '../store/marks.ts';
import {
  addPhoneLine,
  askRow,
  changePhoneLine,
  listPhoneLines,
  type PhoneFrameRow,
  phoneFrameRow,
  removePhoneLine,
} from '../store/phones.ts';
import { listCabinets } from '../store/publishing.ts';
import { agencyFrame } from '../store/settings.ts';
import type { Api, Ask } from './api.ts';
import { HttpProblem, notFound } from './problems.ts';
import {
  boardName,
  choiceText,
  datesText,
  originOf,
  provenLine,
  timetableConflicts,
  type WantedLine,
  whoseText,
} from './timetable.ts';

type Asked = Ask<unknown, unknown, unknown>;

/** Which number stands in the advertisements: the week as a grid, its lines, and the question about one listing. */
export function phoneRoutes(api: Api): void {
  const policy = { deed: 'phones', token: 'settings:write' } as const;

  api.define({
    method: 'GET',
    url: '/phones',
    summary: 'График телефонов: неделя подразделения на доске, строки, что в них не так',
    policy: { deed: 'see-settings', token: 'settings:read' },
    query: PhonesQuery,
    answer: PhonesSchema,
    handler: timetable,
  });

  api.define({
    method: 'POST',
    url: '/phones',
    summary: 'Добавить строку графика телефонов',
    policy,
    body: WantedLineSchema,
    answer: KeptLineSchema,
    handler: async (ask) => {
      const line = await proven(ask, ask.body);
      const id = await addPhoneLine(ask.db, ask.agencyId, line, ask.by, ask.now);
      return { id, conflicts: await conflictsWith(ask, id) };
    },
  });

  api.define({
    method: 'PUT',
    url: '/phones/:id',
    summary: 'Изменить строку графика телефонов',
    policy,
    params: Type.Object({ id: Type.Integer() }),
    body: WantedLineSchema,
    answer: KeptLineSchema,
    handler: async (ask) => {
      const before = await lineOf(ask, ask.params.id);
      // A line whose number is hidden from the caller keeps it.
      const isKept = ask.body.phone === null && ask.body.kind !== 'own' && before.phone !== null;
      const line = await proven(ask, { ...ask.body, ...(isKept && { phone: before.phone }) });
      await changePhoneLine(ask.db, ask.agencyId, before.id, line, ask.by, ask.now);
      return { id: before.id, conflicts: await conflictsWith(ask, before.id) };
    },
  });

  api.define({
    method: 'DELETE',
    url: '/phones/:id',
    summary: 'Убрать строку графика телефонов',
    policy,
    params: Type.Object({ id: Type.Integer() }),
    handler: async (ask) => {
      const line = await lineOf(ask, ask.params.id);
      await removePhoneLine(ask.db, ask.agencyId, line.id, ask.by, ask.now);
    },
  });

  api.define({
    method: 'GET',
    url: '/phones/at',
    summary: 'Какой номер стоит в объявлении объекта в названный момент',
    policy: { deed: 'see-listings', token: 'listings:read' },
    query: PhoneAtQuery,
    answer: PhoneAtSchema,
    handler: async (ask) => {
      const { db, agencyId, caller, boards, query, now } = ask;
      const { id, externalId, place } = await listingNamed(ask, query.listing);
      const asked = await askRow(db.pool, agencyId, id);
      const isNow = query.at === undefined || isToday(query.at, now, asked.zone);
      const moment = isNow ? now : readMoment(query.at!, now, asked.zone);
      if (!moment)
        throw new HttpProblem(
          422,
          'bad-moment',
          `«${query.at!.slice(0, 60)}» — не момент времени. Примеры: «сб 12:00», «21.11.2026 12:00».`,
          { errors: [{ pointer: '#/at', detail: 'Не момент времени.' }] },
        );
      if (isBygone(moment, now))
        throw new HttpProblem(
          422,
          'bad-moment',
          `${capital(spokenMoment(moment, asked.zone))} уже прошло, а график телефонов отвечает о том, что есть и будет: что стояло в объявлении, видно в изданиях фида.`,
          { errors: [{ pointer: '#/at', detail: 'Момент уже прошёл.' }] },
        );
      if (query.board !== undefined && !boards.some((board) => board.id === query.board))
        throw notFound('Такой доски нет.');
      const inUse = [...new Set((await listCabinets(db, { agencyId })).map(({ board }) => board))];
      const wanted = query.board !== undefined ? [query.board] : asked.boards.length > 0 ? asked.boards : inUse;
      const book = phoneBook(await listPhoneLines(db.pool, agencyId));
      const frame = await phoneFrameRow(db.pool, agencyId);
      const tell = mayDo(caller, 'see-phones', place) ? formatPhone : maskPhone;
      return {
        listing: { id, externalId },
        at: moment.toISOString(),
        zone: asked.zone,
        told: `${spokenMoment(moment, asked.zone)} (${asked.zone})`,
        branch: asked.branch,
        employee: asked.employee,
        boards: wanted.map((board) => {
          const choice = book({ ...asked, board, listingPhones: asked.listingPhones ?? undefined }, moment, asked.zone);
          return {
            board,
            name: boardName(boards, board),
            phones: (choice.phones ?? []).map(tell),
            from: originOf(choice, asked),
            lineId: choice.line?.id ?? null,
            told: choiceText(choice, asked, frame, boards, tell),
            changesAt: choice.changesAt?.toISOString() ?? null,
          };
        }),
      };
    },
  });
}

/** @throws HttpProblem 404, Refusal `listing-ambiguous` */
async function listingNamed({ db, agencyId, caller }: Asked, text: string) {
  const found = await findListings(db, agencyId, text.trim().replace(/^#/, ''));
  const places = await placesOfListings(
    db.pool,
    agencyId,
    found.map(({ id }) => id),
  );
  const seen = found.flatMap(({ id, externalId }) => {
    const place = places.get(id)!;
    return mayDo(caller, 'see-listings', place) ? [{ id, externalId, place }] : [];
  });
  if (seen.length > 1) {
    const all = seen.map(({ id, externalId }) => `${id} (в источнике ${externalId})`).join(', ');
    throw new Refusal('listing-ambiguous', `Под этим номером несколько объектов: ${all}. Назовите наш номер.`);
  }
  if (!seen[0]) throw notFound('Такого объекта нет, или он не в вашей части агентства.');
  return seen[0];
}

/** Where a line lies; undefined: its unit is not there. */
async function placeFor(
  { db, agencyId }: Pick<Asked, 'db' | 'agencyId'>,
  { scope, scopeId }: { readonly scope: PhoneScope; readonly scopeId: number | null },
): Promise<Place | undefined> {
  if (scope === 'agency') return OF_AGENCY;
  return scopeId === null ? undefined : placeOf(db.pool, agencyId, scope, scopeId);
}

/** The line as it may be kept, by this caller. */
async function proven(ask: Asked, wanted: WantedLine): Promise<Omit<PhoneLine, 'id'>> {
  const place = await placeFor(ask, wanted);
  if (!place) throw new Refusal('unit-unknown', 'Такого филиала, отдела или сотрудника нет.', 2);
  ask.prove('phones', place);
  if (wanted.board !== null && !ask.boards.some(({ id }) => id === wanted.board))
    throw new Refusal('board-unknown', 'Такой доски нет.', 2);
  return provenLine({ ...wanted, scopeId: wanted.scope === 'agency' ? null : wanted.scopeId });
}

async function lineOf(ask: Asked, id: number): Promise<PhoneLine> {
  const line = (await listPhoneLines(ask.db.pool, ask.agencyId)).find((one) => one.id === id);
  const place = line && (await placeFor(ask, line));
  if (!line || !place || !(line.scope === 'agency' || mayDo(ask.caller, 'see-settings', place)))
    throw notFound('Такой строки в графике телефонов нет.');
  ask.prove('phones', place);
  return line;
}

async function conflictsWith(ask: Asked, id: number): Promise<string[]> {
  const { db, agencyId, boards, now } = ask;
  const frame = await phoneFrameRow(db.pool, agencyId);
  const all = await timetableConflicts(db, boards, agencyId, frame, now);
  const tell = messageTeller(ask, await listPhoneLines(db.pool, agencyId));
  return all.filter(({ lineIds }) => lineIds.includes(id)).map(({ message }) => tell(message));
}

/** Messages speak of lines all over the agency. */
function messageTeller({ caller }: Asked, lines: readonly PhoneLine[]): (message: string) => string {
  if (mayDo(caller, 'see-phones', OF_AGENCY)) return (message) => message;
  const known = lines.flatMap(({ phone }) => (phone === null ? [] : [phone]));
  return (message) => maskPhones(message, known);
}

interface Unit {
  readonly value: string;
  readonly label: string;
  readonly group: string;
  readonly scope: PhoneScope;
  readonly scopeId: number | null;
  readonly place: Place;
}

/** Every unit of the agency with where it lies, the widest first. */
function unitsOf({ branches, departments, employees }: PhoneFrameRow): Unit[] {
  const nameOf = (id: number | null) => branches.find((branch) => branch.id === id)?.name;
  return [
    { value: 'agency', label: 'Всё агентство', group: 'Агентство', scope: 'agency', scopeId: null, place: OF_AGENCY },
    ...branches.map(({ id, name }) => ({
      value: `branch:${id}`,
      label: name,
      group: 'Филиалы',
      scope: 'branch' as const,
      scopeId: id,
      place: { ...OF_AGENCY, branchId: id },
    })),
    ...departments.map(({ id, name, branchId }) => ({
      value: `department:${id}`,
      label: `${name} (${nameOf(branchId)})`,
      group: 'Отделы',
      scope: 'department' as const,
      scopeId: id,
      place: { ...OF_AGENCY, branchId, departmentId: id },
    })),
    ...employees
      .filter(({ isActive }) => isActive)
      .map(({ id, name, branchId, departmentId }) => ({
        value: `employee:${id}`,
        label: name,
        group: 'Сотрудники',
        scope: 'employee' as const,
        scopeId: id,
        place: { employeeId: id, branchId, departmentId },
      })),
  ];
}

async function timetable(
  ask: Ask<unknown, { readonly unit?: string; readonly board?: string; readonly day?: string }, unknown>,
): Promise<Phones> {
  const { db, agencyId, caller, boards, query, now } = ask;
  const frame = await phoneFrameRow(db.pool, agencyId);
  const all = unitsOf(frame);
  const unitOf = new Map(all.map((unit) => [`${unit.scope} ${unit.scopeId}`, unit]));
  const sees = ({ scope, place }: Unit) => scope === 'agency' || mayDo(caller, 'see-settings', place);
  const units = all.filter(sees);
  const unit = units.find(({ value }) => value === (query.unit ?? 'agency'));
  if (!unit) throw notFound('Такого подразделения нет, или оно не в вашей части агентства.');
  const agency = await agencyFrame(db, agencyId);
  const zone =
    (await listBranches(db.pool, agencyId)).find(({ id }) => id === unit.place.branchId)?.zone ?? agency.timeZone;
  const local = localTime(now, zone);
  const asked = query.day !== undefined && isDay(query.day) ? query.day : local.day;
  const from = addDays(asked, 1 - weekdayOf(asked));
  const week = [0, 1, 2, 3, 4, 5, 6].map((offset) => addDays(from, offset));
  const inUse = [...new Set((await listCabinets(db, { agencyId })).map(({ board }) => board))];
  const board = query.board ?? inUse[0] ?? null;
  const person = frame.employees.find(({ id }) => id === unit.place.employeeId);
  const lines = await listPhoneLines(db.pool, agencyId);
  const { days, lines: holding } = phoneDays(
    lines,
    // Of a unit nobody in particular is meant: somebody who has a number.
    { ...unit.place, board: board ?? '', ownPhones: person ? person.phones : ['own'] },
    week,
  );

  const tellLine = (line: PhoneLine): PhoneLineAnswer => {
    const home = unitOf.get(`${line.scope} ${line.scopeId}`);
    const place = home?.place ?? OF_AGENCY;
    const seesPhone = mayDo(caller, 'see-phones', place);
    return {
      ...line,
      weekdays: [...line.weekdays],
      whose: whoseText(line, frame),
      boardName: line.board === null ? 'все доски' : boardName(boards, line.board),
      when: `${weekdaysText(line.weekdays)} ${hoursText([line.fromMinute, line.toMinute])}`,
      dates: datesText(line),
      kindLabel: PHONE_KIND_LABELS[line.kind],
      phone: seesPhone ? line.phone : null,
      phoneText:
        line.phone === null ? PHONE_KIND_LABELS.own : seesPhone ? formatPhone(line.phone) : maskPhone(line.phone),
      isOver: line.endsOn !== null && line.endsOn < local.day,
      may: { change: mayDo(caller, 'phones', place) },
    };
  };
  const seen = lines.filter((line) => {
    const home = unitOf.get(`${line.scope} ${line.scopeId}`);
    return home !== undefined && sees(home);
  });
  const tellMessage = messageTeller(ask, lines);
  const seenIds = new Set(seen.map(({ id }) => id));
  const conflicts = (await timetableConflicts(db, boards, agencyId, frame, now)).filter(
    // What concerns other parts of the agency only is theirs to mend.
    ({ lineIds }) => mayDo(caller, 'see-settings', OF_AGENCY) || lineIds.some((id) => seenIds.has(id)),
  );
  return {
    units: units.map(({ value, label, group, place }) => ({
      value,
      label,
      group,
      may: { change: mayDo(caller, 'phones', place) },
    })),
    boards: (inUse.length > 0 ? boards.filter(({ id }) => inUse.includes(id)) : boards).map(({ id, name }) => ({
      id,
      name,
    })),
    kinds: PHONE_KINDS.map((kind) => ({ kind, label: PHONE_KIND_LABELS[kind] })),
    numbers: numbersAt(ask, unit, seen, frame),
    view: { unit: unit.value, board, from, to: week[6]!, zone, today: local.day, minute: local.minute },
    days: days.map(({ day, spans }) => ({
      day,
      label: `${WEEKDAYS[weekdayOf(day) - 1]} ${russianDay(day).slice(0, 5)}`,
      spans: spans.map(({ from: start, to, line }) => {
        const told = line && tellLine(line);
        const who = told
          ? [told.phoneText, ...(told.kind === 'own' ? [] : [told.kindLabel])].join(', ')
          : 'номер объекта или агента';
        return {
          from: start,
          to,
          lineId: line?.id ?? null,
          told: `${clockText(start)}–${clockText(to)}: ${who}`,
        };
      }),
    })),
    lanes: holding.map(({ line, on }) => ({ line: tellLine(line), days: [...on] })),
    lines: seen.map(tellLine),
    conflicts: conflicts.map(({ kind, message, lineIds }) => ({
      kind,
      label: PHONE_CONFLICT_LABELS[kind],
      message: tellMessage(message),
      lineIds: [...lineIds],
    })),
  };
}

/** Numbers that somebody may want here: those of the timetable, and of the people of the unit. */
function numbersAt(
  { caller }: Asked,
  unit: Unit,
  lines: readonly PhoneLine[],
  frame: PhoneFrameRow,
): Phones['numbers'] {
  const found = new Map<string, string>();
  for (const line of lines) {
    if (line.phone === null || found.has(line.phone)) continue;
    found.set(line.phone, `${PHONE_KIND_LABELS[line.kind]}, ${whoseText(line, frame)}`);
  }
  for (const { id, name, phones, branchId, departmentId, isActive } of frame.employees) {
    const isHere =
      unit.scope === 'agency' ||
      (unit.scope === 'branch' && branchId === unit.scopeId) ||
      (unit.scope === 'department' && departmentId === unit.scopeId) ||
      (unit.scope === 'employee' && branchId !== null && branchId === unit.place.branchId);
    if (!isActive || !isHere || !mayDo(caller, 'see-phones', { employeeId: id, branchId, departmentId })) continue;
    for (const phone of phones) if (!found.has(phone)) found.set(phone, name);
  }
  return mayDo(caller, 'see-phones', unit.place)
    ? [...found].map(([phone, name]) => ({ phone, label: `${formatPhone(phone)} · ${name}` }))
    : [];
}
