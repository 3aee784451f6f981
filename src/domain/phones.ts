import { addDays, type LocalTime, localTime, nextWallChange, weekdayOf } from './days.ts';
import { agree } from './text.ts';
import { hoursText, type Span, weekdaysText } from './week.ts';

/** Which number stands in an advertisement: a timetable by person, unit, board, weekday and hour, and a dated roster. */

export const PHONE_SCOPES = ['employee', 'department', 'branch', 'agency'] as const;
export type PhoneScope = (typeof PHONE_SCOPES)[number];
export const PHONE_KINDS = ['own', 'duty', 'call-centre', 'tracking'] as const;
export type PhoneKind = (typeof PHONE_KINDS)[number];

export const PHONE_KIND_LABELS: Record<PhoneKind, string> = {
  own: 'номер агента',
  duty: 'дежурный',
  'call-centre': 'колл-центр',
  tracking: 'подменный номер',
};

/** One line of the timetable; with a first or last day it belongs to the roster of duty. */
export interface PhoneLine {
  readonly id: number;
  readonly scope: PhoneScope;
  /** Of the employee, department or branch; null for the agency. */
  readonly scopeId: number | null;
  /** null: every board. */
  readonly board: string | null;
  /** ISO: 1 Monday … 7 Sunday. */
  readonly weekdays: readonly number[];
  /** Minutes of the wall clock, `from` inclusive, `to` exclusive; `from` < `to` ≤ 1440. */
  readonly fromMinute: number;
  readonly toMinute: number;
  /** Both days inclusive; null: open. */
  readonly startsOn: string | null;
  readonly endsOn: string | null;
  readonly kind: PhoneKind;
  /** E.164; null for the agent's own number. */
  readonly phone: string | null;
  readonly note: string | null;
}

/** Whose advertisement, on which board, and which numbers there are without any timetable. */
export interface PhoneAsk {
  readonly employeeId: number | null;
  readonly departmentId: number | null;
  readonly branchId: number | null;
  readonly board: string;
  /** The agent's, E.164, the shown one first. */
  readonly ownPhones: readonly string[];
  /** What the listing itself says. */
  readonly listingPhones: readonly string[] | undefined;
}

export interface PhoneChoice {
  readonly phones: readonly string[] | undefined;
  /** The line that gave the number; null: none held, the listing's or the agent's numbers stand as they are. */
  readonly line: PhoneLine | null;
  /** When another line decides; null: never. */
  readonly changesAt: Date | null;
}

/** @param zone of the branch: hours are by its clock */
export type PhoneBook = (ask: PhoneAsk, moment: Date, zone: string) => PhoneChoice;

const isDated = (line: PhoneLine) => line.startsOn !== null || line.endsOn !== null;

/** Who goes first: the roster, the nearest scope, a line for the very board, the narrower hours. */
function byRank(one: PhoneLine, other: PhoneLine): number {
  return (
    Number(isDated(other)) - Number(isDated(one)) ||
    PHONE_SCOPES.indexOf(one.scope) - PHONE_SCOPES.indexOf(other.scope) ||
    Number(one.board === null) - Number(other.board === null) ||
    one.toMinute - one.fromMinute - (other.toMinute - other.fromMinute)
  );
}

function holds(line: PhoneLine, { day, weekday, minute }: LocalTime): boolean {
  return (
    minute >= line.fromMinute &&
    minute < line.toMinute &&
    line.weekdays.includes(weekday) &&
    (line.startsOn === null || day >= line.startsOn) &&
    (line.endsOn === null || day <= line.endsOn)
  );
}

/** Whoever goes first stands first; of equals the newer one. */
const rankedLines = (lines: readonly PhoneLine[]) =>
  [...lines].sort((one, other) => byRank(one, other) || other.id - one.id);

/** Lines that could ever decide here. */
function linesFor(lines: readonly PhoneLine[], ask: Omit<PhoneAsk, 'listingPhones'>): PhoneLine[] {
  const ids = { employee: ask.employeeId, department: ask.departmentId, branch: ask.branchId, agency: null };
  return lines.filter(
    (line) =>
      (line.board === null || line.board === ask.board) &&
      (line.scope === 'agency' || (line.scopeId !== null && line.scopeId === ids[line.scope])) &&
      // Who has no number of his own falls through to the next line; so does a line that names none.
      (line.kind === 'own' ? ask.ownPhones.length > 0 : line.phone !== null),
  );
}

interface Found {
  readonly line: PhoneLine | null;
  readonly phones: readonly string[] | undefined;
  readonly changesAt: Date | null;
}

/**
 * The timetable ready to answer. Answers of one moment are kept, so a run that asks for every mark at the same moment
 * decides once per person and board.
 */
export function phoneBook(lines: readonly PhoneLine[]): PhoneBook {
  const ranked = rankedLines(lines);

  function find(ask: PhoneAsk, moment: Date, zone: string): Found {
    const mine = linesFor(ranked, ask);
    if (mine.length === 0) return { line: null, phones: undefined, changesAt: null };
    const answer = (time: LocalTime) => mine.find((line) => holds(line, time)) ?? null;
    const line = answer(localTime(moment, zone));
    const number = line?.kind === 'own' ? ask.ownPhones[0] : line?.phone;
    const edges = [...new Set(mine.flatMap(({ fromMinute, toMinute }) => [fromMinute, toMinute]))];
    const turns = mine.flatMap(({ startsOn, endsOn }) => [
      ...(startsOn === null ? [] : [startsOn]),
      ...(endsOn === null ? [] : [addDays(endsOn, 1)]),
    ]);
    const changesAt = nextWallChange(moment, zone, { answer, edges: () => edges, turns });
    return { line, phones: number == null ? undefined : [number], changesAt };
  }

  let keptAt = Number.NaN;
  const kept = new Map<string, Found>();
  return (ask, moment, zone) => {
    if (moment.getTime() !== keptAt) {
      kept.clear();
      keptAt = moment.getTime();
    }
    const key = `${ask.employeeId} ${ask.departmentId} ${ask.branchId} ${ask.board} ${zone} ${ask.ownPhones[0] ?? ''}`;
    let found = kept.get(key);
    if (!found) {
      found = find(ask, moment, zone);
      kept.set(key, found);
    }
    if (found.line) return found;
    const phones = ask.listingPhones ?? (ask.ownPhones.length > 0 ? ask.ownPhones : undefined);
    return { line: null, phones, changesAt: found.changesAt };
  };
}

/** Who answers through a day: spans that follow one another from midnight to midnight. */
export interface PhoneDay {
  readonly day: string;
  readonly spans: readonly {
    readonly from: number;
    readonly to: number;
    /** null: no line holds, the listing's or the agent's number stands as it is. */
    readonly line: PhoneLine | null;
  }[];
}

/** Lines that hold on these days here, and who answers through each of them by the wall clock. */
export function phoneDays(
  lines: readonly PhoneLine[],
  ask: Omit<PhoneAsk, 'listingPhones'>,
  days: readonly string[],
): {
  readonly days: readonly PhoneDay[];
  readonly lines: readonly { readonly line: PhoneLine; readonly on: string[] }[];
} {
  const mine = linesFor(rankedLines(lines), ask);
  const at = (line: PhoneLine, day: string, minute: number) => holds(line, { day, weekday: weekdayOf(day), minute });
  return {
    days: days.map((day) => {
      const here = mine.filter((line) => at(line, day, line.fromMinute));
      const edges = [0, 1440, ...here.flatMap(({ fromMinute, toMinute }) => [fromMinute, toMinute])];
      const turns = [...new Set(edges)].sort((one, other) => one - other);
      const spans: { from: number; to: number; line: PhoneLine | null }[] = [];
      for (const [index, to] of turns.entries()) {
        if (index === 0) continue;
        const from = turns[index - 1]!;
        const line = here.find((one) => at(one, day, from)) ?? null;
        const last = spans.at(-1);
        if (last && last.line === line) last.to = to;
        else spans.push({ from, to, line });
      }
      return { day, spans };
    }),
    lines: mine.flatMap((line) => {
      const on = days.filter((day) => at(line, day, line.fromMinute));
      return on.length === 0 ? [] : [{ line, on }];
    }),
  };
}

// ---------------------------------------------------------------------------------------------------------------------
// The conflict report.

/** What the report needs to know of the agency. */
export interface PhoneFrame {
  /** The agency's day; lines that have ended are left out. */
  readonly today: string;
  /** Those who are responsible for listings. */
  readonly agents: readonly {
    readonly id: number;
    readonly name: string;
    readonly phones: readonly string[];
    readonly branchId: number | null;
    readonly departmentId: number | null;
  }[];
  /** Names by id. */
  readonly branches: ReadonlyMap<number, string>;
  readonly departments: ReadonlyMap<number, string>;
  /** Boards in use, and what people call them. */
  readonly boards: ReadonlyMap<string, string>;
  /** Hours between two pulls of a board, where that is known. */
  readonly pullHours: ReadonlyMap<string, number>;
  /** Can the number be dialled? */
  readonly isDialable: (phone: string) => boolean;
  /** The number as people read it. */
  readonly tell: (phone: string) => string;
}

export const PHONE_CONFLICT_LABELS: Record<PhoneConflict['kind'], string> = {
  undialable: 'По номеру нельзя позвонить',
  'two-boards': 'Подменный номер на нескольких досках',
  gap: 'Часы без номера',
  'finer-than-pulls': 'Мельче, чем доска забирает файл',
  overlap: 'Строки спорят между собой',
};

export const PHONE_CONFLICTS = ['undialable', 'two-boards', 'gap', 'finer-than-pulls', 'overlap'] as const;
export interface PhoneConflict {
  readonly kind: (typeof PHONE_CONFLICTS)[number];
  readonly lineIds: readonly number[];
  /** A Russian sentence. */
  readonly message: string;
}

/** What is wrong with a timetable, told to whoever keeps it; empty when nothing is. */
export function conflictsOf(lines: readonly PhoneLine[], frame: PhoneFrame): PhoneConflict[] {
  const living = lines.filter(({ endsOn }) => endsOn === null || endsOn >= frame.today);
  return [
    ...undialable(living, frame),
    ...onTwoBoards(living, frame),
    ...gaps(living, frame),
    ...finerThanPulls(living, frame),
    ...overlaps(living),
  ];
}

function undialable(lines: readonly PhoneLine[], { isDialable, agents }: PhoneFrame): PhoneConflict[] {
  const bad = lines
    .filter(({ kind, phone }) => kind !== 'own' && (phone === null || !isDialable(phone)))
    .map(({ id, phone }) => ({
      kind: 'undialable' as const,
      lineIds: [id],
      message:
        phone === null
          ? `Строка ${id}: номер не указан.`
          : `Строка ${id}: по номеру ${phone} нельзя позвонить. Проверьте цифры.`,
    }));
  if (!lines.some(({ kind }) => kind === 'own')) return bad;
  const owners = agents.flatMap(({ name, phones }) => {
    const [phone] = phones;
    if (phone === undefined || isDialable(phone)) return [];
    return {
      kind: 'undialable' as const,
      lineIds: [],
      message: `${name}: по собственному номеру ${phone} нельзя позвонить. Проверьте цифры.`,
    };
  });
  return [...bad, ...owners];
}

const doDaysMeet = (one: PhoneLine, other: PhoneLine) =>
  (one.startsOn ?? '') <= (other.endsOn ?? '9') && (other.startsOn ?? '') <= (one.endsOn ?? '9');

/** A tracking number tells the board by the call only while it stands on one board. */
function onTwoBoards(lines: readonly PhoneLine[], { boards, tell }: PhoneFrame): PhoneConflict[] {
  const tracking = lines.filter(({ kind, phone }) => kind === 'tracking' && phone !== null);
  return [...new Set(tracking.map(({ phone }) => phone!))].flatMap((phone) => {
    const same = tracking.filter((line) => line.phone === phone);
    const meeting = same.filter((line) =>
      same.some((other) => doDaysMeet(line, other) && boardsOf(new Set([line.board, other.board]), boards).length > 1),
    );
    if (meeting.length === 0) return [];
    const names = boardsOf(new Set(meeting.map(({ board }) => board)), boards).map(
      (board) => boards.get(board) ?? board,
    );
    return {
      kind: 'two-boards' as const,
      lineIds: meeting.map(({ id }) => id),
      message: `Подменный номер ${tell(phone)} стоит сразу на нескольких досках (${names.join(', ')}): по звонку не узнать, откуда он. ${told(meeting)}.`,
    };
  });
}

/** Boards that lines with these boards reach; a line for every board reaches all in use. */
function boardsOf(named: ReadonlySet<string | null>, boards: ReadonlyMap<string, string>): string[] {
  const all = new Set([...named].filter((board) => board !== null));
  if (named.has(null)) for (const board of boards.keys()) all.add(board);
  return [...all];
}

const told = (lines: readonly PhoneLine[]) =>
  `${lines.length === 1 ? 'Строка' : 'Строки'} ${lines.map(({ id }) => id).join(', ')}`;

/** Minutes of the week at which an agent without a number of his own has none at all. Only the timetable counts. */
function gaps(lines: readonly PhoneLine[], frame: PhoneFrame): PhoneConflict[] {
  const weekly = lines.filter((line) => !isDated(line) && line.kind !== 'own' && line.phone !== null);
  const groups = new Map<string, { place: string; gap: string; agents: string[]; boards: string[]; ids: number[] }>();
  for (const { id, name, phones, branchId, departmentId } of frame.agents) {
    if (phones.length > 0) continue;
    const ids: Record<PhoneScope, number | null> = {
      employee: id,
      department: departmentId,
      branch: branchId,
      agency: null,
    };
    for (const [board, boardName] of frame.boards) {
      const mine = weekly.filter(
        (line) => (line.board === null || line.board === board) && line.scopeId === ids[line.scope],
      );
      const week = uncovered(mine);
      if (week.every((spans) => spans.length === 0)) continue;
      const place = placeOf(branchId, departmentId, frame);
      const gap = gapText(week);
      const key = `${place}\n${gap}`;
      const group = groups.get(key) ?? { place, gap, agents: [], boards: [], ids: [] };
      if (!group.agents.includes(name)) group.agents.push(name);
      if (!group.boards.includes(boardName)) group.boards.push(boardName);
      for (const line of mine) if (!group.ids.includes(line.id)) group.ids.push(line.id);
      groups.set(key, group);
    }
  }
  return [...groups.values()].map(({ place, gap, agents, boards, ids }) => ({
    kind: 'gap' as const,
    lineIds: ids,
    message: `${place}: без номера остаются ${gap} (${boards.join(', ')}). Своего номера нет у агентов: ${namesOf(agents)}.`,
  }));
}

function namesOf(names: readonly string[]): string {
  const rest = names.length - 5;
  return rest <= 0
    ? names.join(', ')
    : `${names.slice(0, 5).join(', ')} и ещё у ${rest} ${agree(rest, 'человека', 'человек', 'человек')}`;
}

function placeOf(branchId: number | null, departmentId: number | null, { branches, departments }: PhoneFrame): string {
  const branch = branchId === null ? undefined : branches.get(branchId);
  const department = departmentId === null ? undefined : departments.get(departmentId);
  if (branch === undefined) return 'Вне филиалов';
  return `Филиал «${branch}»${department === undefined ? '' : `, отдел «${department}»`}`;
}

/** The spans of each weekday that no line covers. */
function uncovered(lines: readonly PhoneLine[]): Span[][] {
  return [1, 2, 3, 4, 5, 6, 7].map((weekday) => {
    const spans = lines
      .filter(({ weekdays }) => weekdays.includes(weekday))
      .sort((one, other) => one.fromMinute - other.fromMinute);
    const open: Span[] = [];
    let reached = 0;
    for (const { fromMinute, toMinute } of spans) {
      if (fromMinute > reached) open.push([reached, fromMinute]);
      reached = Math.max(reached, toMinute);
    }
    if (reached < 1440) open.push([reached, 1440]);
    return open;
  });
}

function gapText(week: readonly (readonly Span[])[]): string {
  const days = [1, 2, 3, 4, 5, 6, 7].filter((day) => week[day - 1]!.length > 0);
  // A closed day is no gap here, so it is not told as a day off.
  return [...new Set(days.map((day) => JSON.stringify(week[day - 1])))]
    .map((spans) => {
      const same = days.filter((day) => JSON.stringify(week[day - 1]) === spans);
      return `${weekdaysText(same)} ${(JSON.parse(spans) as Span[]).map(hoursText).join(', ')}`;
    })
    .join('; ');
}

/** A number that changes more often than the board looks may never be shown. */
function finerThanPulls(lines: readonly PhoneLine[], { boards, pullHours }: PhoneFrame): PhoneConflict[] {
  return lines.flatMap((line) => {
    const minutes = line.toMinute - line.fromMinute;
    const slow = boardsOf(new Set([line.board]), boards).filter((board) => minutes < (pullHours.get(board) ?? 0) * 60);
    if (slow.length === 0) return [];
    const names = slow.map((board) => {
      const hours = Math.round(pullHours.get(board)! * 10) / 10;
      return `${boards.get(board) ?? board} забирает файл раз в ${String(hours).replace('.', ',')} ${agree(hours, 'час', 'часа', 'часов')}`;
    });
    return {
      kind: 'finer-than-pulls' as const,
      lineIds: [line.id],
      message: `Строка ${line.id} держится ${hoursText([line.fromMinute, line.toMinute])}, а ${names.join(', ')}: номер может не успеть смениться.`,
    };
  });
}

/** Lines between which only the newer number decides. */
function overlaps(lines: readonly PhoneLine[]): PhoneConflict[] {
  const groups = new Map<string, PhoneLine[]>();
  for (const line of lines) {
    const key = `${line.scope} ${line.scopeId} ${line.board} ${isDated(line)} ${line.toMinute - line.fromMinute}`;
    const group = groups.get(key);
    if (group) group.push(line);
    else groups.set(key, [line]);
  }
  const found: PhoneConflict[] = [];
  for (const group of groups.values()) {
    for (const [index, one] of group.entries()) {
      for (const other of group.slice(index + 1)) {
        const weekdays = one.weekdays.filter((day) => other.weekdays.includes(day));
        const from = Math.max(one.fromMinute, other.fromMinute);
        const to = Math.min(one.toMinute, other.toMinute);
        if (weekdays.length === 0 || from >= to || !doDaysMeet(one, other)) continue;
        const newer = Math.max(one.id, other.id);
        found.push({
          kind: 'overlap',
          lineIds: [one.id, other.id],
          message: `Строки ${one.id} и ${other.id} одинаково важны и накладываются: ${weekdaysText(weekdays)} ${hoursText([from, to])}. Действует новая, ${newer}; уберите лишнюю.`,
        });
      }
    }
  }
  return found;
}

// ---------------------------------------------------------------------------------------------------------------------
// Numbers that a role may not see.

const HIDDEN = '•••-••';

/** «+7 912 •••-••-14»: who is meant can be told, who is called cannot. @param phone E.164 */
export function maskPhone(phone: string): string {
  const russian = /^\+7(\d{3})\d{5}(\d{2})$/.exec(phone);
  return russian ? `+7 ${russian[1]} ${HIDDEN}-${russian[2]}` : `${phone.slice(0, 4)} ${HIDDEN}-${phone.slice(-2)}`;
}

/**
 * A number in a text, as people and programs spell it: E.164; a Russian one after +7, 7 or 8; a mobile one without
 * anything before it; the area code of three to five digits may stand in brackets. Neither a part of a longer number
 * nor of a word or a key.
 */
const PHONE_IN_TEXT =
  /(?<![\w])(?<!\d[.,])(?:(?:\+\s?7|[78])[\s\u00A0\u202F(.-]{0,3}\d{3}[\s\u00A0\u202F).-]{0,3}|\(?9\d{2}[\s\u00A0\u202F).-]{0,3})(?:\d[\s\u00A0\u202F.-]?){6}\d(?!\w)|(?<![\w])(?:\+\s?7|[78])[\s\u00A0\u202F]?\((?:\d{4}\)(?:[\s\u00A0\u202F-]?\d){6}|\d{5}\)(?:[\s\u00A0\u202F-]?\d){5})(?!\w)|\+\d{8,15}(?!\d)/g;

function maskText(text: string): string {
  return text.replace(PHONE_IN_TEXT, (found) => {
    const digits = found.replace(/\D/g, '');
    const isRussian = digits.length === 10 || (digits.length === 11 && /^[78]/.test(digits));
    return maskPhone(isRussian ? `+7${digits.slice(-10)}` : `+${digits}`);
  });
}

/**
 * The same answer without the numbers in it: in every text, however deep. For whoever may not `see-phones`.
 * @param known E.164 of numbers that stand in it, whatever they look like there: a format may cut the code off
 */
export function maskPhones<T>(value: T, known: readonly string[] = []): T {
  const spellings = known.map((phone) => ({
    phone,
    pattern: new RegExp(
      `(?<!\\d)${(/^\+7(\d{10})$/.exec(phone)?.[1] ?? phone.slice(1)).split('').join('[\\s\\u00A0().-]{0,3}')}(?!\\d)`,
      'g',
    ),
  }));
  const masked = (part: unknown): unknown => {
    if (typeof part === 'string')
      return spellings.reduce(
        (text, { phone, pattern }) => text.replace(pattern, () => maskPhone(phone)),
        maskText(part),
      );
    if (Array.isArray(part)) return part.map(masked);
    if (typeof part !== 'object' || part === null || part instanceof Date) return part;
    return Object.fromEntries(Object.entries(part).map(([key, inner]) => [key, masked(inner)]));
  };
  return masked(value) as T;
}

/** Does a text hold a number that was hidden from whoever sends it? It must not come to lie over the real one. */
export const hasMaskedPhone = (text: string): boolean => text.includes(HIDDEN);
