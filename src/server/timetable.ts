import type { Board } from '../boards/catalogue.ts';
import { formatPhone, readPhone } from '../boards/formats/phone.ts';
import { isDay, localDay, russianDay } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import {
  conflictsOf,
  PHONE_KIND_LABELS,
  type PhoneChoice,
  type PhoneConflict,
  type PhoneLine,
} from '../domain/phones.ts';
import { agree } from '../domain/text.ts';
import { hoursText, weekdaysText } from '../domain/week.ts';
import type { Database } from '../store/database.ts';
import { type AskRow, listPhoneLines, observedPullHours, type PhoneFrameRow } from '../store/phones.ts';
import { listCabinets } from '../store/publishing.ts';
import { agencyFrame } from '../store/settings.ts';

/** The phone timetable in words: the screen and the command line say the same of it. */

/** A line as somebody wants it, before it is known to be one. */
export interface WantedLine extends Omit<PhoneLine, 'id' | 'phone'> {
  /** As people write it. */
  readonly phone: string | null;
}

/**
 * The line as it is kept. What is wrong with it is told together.
 * @throws Refusal `phone-line-wrong`
 */
export function provenLine(wanted: WantedLine): Omit<PhoneLine, 'id'> {
  const { kind, startsOn, endsOn, weekdays, fromMinute, toMinute } = wanted;
  const raw = wanted.phone?.trim() || null;
  const phone = raw === null ? null : (readPhone(raw) ?? null);
  const wrongDay = [startsOn, endsOn].find((day) => day !== null && !isDay(day));
  const problems = [
    ...(kind === 'own' && raw !== null ? ['Строке «номер агента» номер не нужен: берётся первый номер агента.'] : []),
    ...(kind !== 'own' && raw === null ? [`Номер: не указан. Без него можно только «${PHONE_KIND_LABELS.own}».`] : []),
    ...(raw !== null && phone === null ? [`Телефон «${raw.slice(0, 40)}»: по такому номеру нельзя позвонить.`] : []),
    ...(weekdays.length === 0 ? ['Дни недели: не выбраны.'] : []),
    ...(fromMinute >= toMinute ? ['Часы: конец раньше начала. Ночь — это две строки, до 24:00 и с 00:00.'] : []),
    ...(wrongDay ? [`«${wrongDay.slice(0, 20)}» — не день.`] : []),
    ...(startsOn !== null && endsOn !== null && startsOn > endsOn
      ? ['Дежурство кончается раньше, чем начинается.']
      : []),
  ];
  if (problems.length > 0) throw new Refusal('phone-line-wrong', problems.join(' '), 2);
  return {
    ...wanted,
    phone: kind === 'own' ? null : phone,
    weekdays: [...new Set(weekdays)].sort(),
    note: wanted.note?.trim() || null,
  };
}

/** What is wrong with the agency's timetable as it stands. */
export async function timetableConflicts(
  db: Database,
  boards: readonly Board[],
  agencyId: number,
  { agents, branches, departments }: PhoneFrameRow,
  now: Date,
): Promise<PhoneConflict[]> {
  const { timeZone } = await agencyFrame(db, agencyId);
  const inUse = await listCabinets(db, { agencyId });
  return conflictsOf(await listPhoneLines(db.pool, agencyId), {
    today: localDay(now, timeZone),
    agents,
    branches: new Map(branches.map(({ id, name }) => [id, name])),
    departments: new Map(departments.map(({ id, name }) => [id, name])),
    boards: new Map(inUse.map(({ board }) => [board, boardName(boards, board)])),
    pullHours: await observedPullHours(db.pool, agencyId, now),
    isDialable: (phone) => readPhone(phone) !== undefined,
    tell: formatPhone,
  });
}

export const boardName = (boards: readonly Board[], id: string) => boards.find((board) => board.id === id)?.name ?? id;

/** «филиал «Центр»» */
export function whoseText({ scope, scopeId }: Pick<PhoneLine, 'scope' | 'scopeId'>, frame: PhoneFrameRow): string {
  const nameIn = (rows: readonly { readonly id: number; readonly name: string }[]) =>
    rows.find(({ id }) => id === scopeId)?.name ?? `#${scopeId}`;
  switch (scope) {
    case 'employee':
      return nameIn(frame.employees);
    case 'department':
      return `отдел «${nameIn(frame.departments)}»`;
    case 'branch':
      return `филиал «${nameIn(frame.branches)}»`;
    case 'agency':
      return 'всё агентство';
  }
}

/** «с 21.11.2026 по 22.11.2026»; empty for a line of every week. */
export function datesText({ startsOn, endsOn }: Pick<PhoneLine, 'startsOn' | 'endsOn'>): string {
  return [
    ...(startsOn === null ? [] : [`с ${russianDay(startsOn)}`]),
    ...(endsOn === null ? [] : [`по ${russianDay(endsOn)}`]),
  ].join(' ');
}

export function lineText(line: PhoneLine, frame: PhoneFrameRow, boards: readonly Board[]): string {
  const dates = datesText(line);
  return [
    PHONE_KIND_LABELS[line.kind],
    whoseText(line, frame),
    line.board === null ? 'все доски' : boardName(boards, line.board),
    `${weekdaysText(line.weekdays)} ${hoursText([line.fromMinute, line.toMinute])}`,
    ...(dates === '' ? [] : [dates]),
    ...(line.note === null ? [] : [line.note]),
  ].join(', ');
}

export type PhoneOrigin = 'line' | 'listing' | 'agent';

/** Where the number comes from; null: there is none at all. */
export function originOf({ line, phones }: PhoneChoice, ask: AskRow): PhoneOrigin | null {
  if (line) return 'line';
  if (phones === undefined) return null;
  return ask.listingPhones === null ? 'agent' : 'listing';
}

const ORIGINS = { listing: 'номер объекта', agent: 'номер агента' } as const;

/** «+7 900 000-00-31 (строка 1: колл-центр, …)» @param tell how a number is written to whoever asks */
export function choiceText(
  choice: PhoneChoice,
  ask: AskRow,
  frame: PhoneFrameRow,
  boards: readonly Board[],
  tell: (phone: string) => string = formatPhone,
): string {
  const origin = originOf(choice, ask);
  const numbers = (choice.phones ?? []).map(tell);
  if (origin === null)
    return `нет ни одного номера: добавьте телефон (${ask.employee ?? 'ответственного'}) или строку графика`;
  if (origin === 'line') return `${numbers[0]} (строка ${choice.line!.id}: ${lineText(choice.line!, frame, boards)})`;
  const count = numbers.length > 1 ? `, ${numbers.length} ${agree(numbers.length, 'номер', 'номера', 'номеров')}` : '';
  return `${numbers.join(', ')} (${ORIGINS[origin]}${count})`;
}
