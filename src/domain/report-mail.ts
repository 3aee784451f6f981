import { addDays, clockText, localDay, localTime, momentOf, weekdayOf } from './days.ts';
import { Refusal } from './fault.ts';
import { MAIL_WEEKS_MAX, ON_WEEKDAYS } from './report-words.ts';
import { agree } from './text.ts';

/** The weekly report by e-mail: when it is due, what it covers, and what becomes of a letter that did not go out. */

/** When a subscription is due, by the clock on the wall of its zone. */
export interface MailTime {
  /** ISO: 1 Monday … 7 Sunday. */
  readonly weekday: number;
  /** Minutes since midnight, 0–1439. */
  readonly atMinute: number;
}

export interface MailWish extends MailTime {
  /** How many whole weeks the report covers. */
  readonly weeks: number;
}

/** @throws Refusal `bad-weekday`, `bad-time`, `bad-weeks` */
export function proveMailWish({ weekday, atMinute, weeks }: MailWish): void {
  if (!isWithin(weekday, 1, 7))
    throw new Refusal('bad-weekday', 'День недели – от 1 (понедельник) до 7 (воскресенье).', 2);
  if (!isWithin(atMinute, 0, 1439)) throw new Refusal('bad-time', 'Время – от 00:00 до 23:59.', 2);
  if (!isWithin(weeks, 1, MAIL_WEEKS_MAX))
    throw new Refusal('bad-weeks', `Отчёт по почте охватывает от 1 до ${MAIL_WEEKS_MAX} целых недель.`, 2);
}

const isWithin = (value: number, least: number, most: number) =>
  Number.isInteger(value) && value >= least && value <= most;

/** The newest moment, not after the given one, at which the report was due. */
export function latestSlot({ weekday, atMinute }: MailTime, zone: string, now: Date): Date {
  const today = localTime(now, zone);
  const day = addDays(today.day, -((today.weekday - weekday + 7) % 7));
  const slot = momentOf(day, atMinute, zone);
  return slot <= now ? slot : momentOf(addDays(day, -7), atMinute, zone);
}

/** The first moment after the given one at which the report is due. */
export function nextSlot({ weekday, atMinute }: MailTime, zone: string, after: Date): Date {
  const today = localTime(after, zone);
  const day = addDays(today.day, (weekday - today.weekday + 7) % 7);
  const slot = momentOf(day, atMinute, zone);
  return slot > after ? slot : momentOf(addDays(day, 7), atMinute, zone);
}

const HOUR_MS = 3_600_000;
/** Zones are 26 hours apart at most; two slots of one zone are never so near. */
const SAME_SLOT_MS = 36 * HOUR_MS;
/** Clocks of two machines are not further apart than that. */
const SKEW_MS = HOUR_MS;

/**
 * What is to be done about a subscription now; null: nothing.
 *
 * Of the slots that were missed while nobody was there only the newest is made up for. A branch that moved to another
 * zone does not get one week's letter twice. Where the clock was set back the subscription follows it without a letter:
 * it would otherwise be silent until the clock has caught up.
 */
export function dueSlot(
  { lastSlot, ...time }: MailTime & { readonly lastSlot: Date },
  zone: string,
  now: Date,
): { readonly slot: Date; readonly isLetter: boolean } | null {
  const slot = latestSlot(time, zone, now);
  if (lastSlot.getTime() > now.getTime() + SKEW_MS) return { slot, isLetter: false };
  if (slot <= lastSlot) return null;
  return { slot, isLetter: slot.getTime() - lastSlot.getTime() > SAME_SLOT_MS };
}

/** The last whole weeks, Monday to Sunday, that were over when the local day of the slot began. */
export function mailPeriod(slot: Date, zone: string, weeks: number): { readonly from: string; readonly until: string } {
  const day = localDay(slot, zone);
  const until = addDays(day, -weekdayOf(day));
  return { from: addDays(until, 1 - 7 * weeks), until };
}

/** Longer than the clocks of a country's branches are apart. */
const HOLD_MS = 12 * HOUR_MS;
/** What was not recorded while nobody was there is made up for within minutes. */
const CATCH_UP_MS = HOUR_MS;

/**
 * Until when a letter waits for the last day of its report to be recorded: midnight by the clock of a feed may come
 * after the slot by the clock of its reader. Then it goes out with what there is.
 * @param upSince when the days began to be recorded again after a pause
 */
export const heldUntil = (slot: Date, upSince: Date): Date =>
  new Date(Math.max(slot.getTime() + HOLD_MS, upSince.getTime() + CATCH_UP_MS));

/** «по понедельникам в 09:00, за 4 недели» */
export const mailTimeText = ({ weekday, atMinute, weeks }: MailWish): string =>
  `${ON_WEEKDAYS[weekday - 1]} в ${clockText(atMinute)}, за ${weeks === 1 ? 'неделю' : `${weeks} ${agree(weeks, 'неделю', 'недели', 'недель')}`}`;

const UNITS = {
  branch: ['филиал', 'филиалы', (name: string) => `«${name}»`],
  department: ['отдел', 'отделы', (name: string) => `«${name}»`],
  employee: ['сотрудник', 'сотрудники', (name: string) => name],
  group: ['группа CRM', 'группы CRM', (name: string) => `«${name}»`],
  board: ['доска', 'доски', (name: string) => name],
  feed: ['фид', 'фиды', (name: string) => `«${name}»`],
} as const;

/** The names of the units that a report is narrowed to, by what they are; absent: not by that. */
export type Narrowed = { readonly [unit in keyof typeof UNITS]?: readonly string[] | undefined };

/** So many names of one kind are told in a heading, and where there is room; longer lists are told by the screen. */
export const NAMES_FEW = 2;
export const NAMES_MANY = 20;

/**
 * «филиалы «Центр», «Север»; сотрудник Вера Лопатина»; null: the report is not narrowed.
 * @param most so many names of one kind are told
 */
export function narrowedText(narrowed: Narrowed, most: number): string | null {
  const parts = (Object.keys(UNITS) as (keyof typeof UNITS)[]).flatMap((unit) => {
    const names = narrowed[unit] ?? [];
    if (names.length === 0) return [];
    const [one, many, told] = UNITS[unit];
    const rest = names.length > most ? ` и ещё ${names.length - most}` : '';
    return [`${names.length === 1 ? one : many} ${names.slice(0, most).map(told).join(', ')}${rest}`];
  });
  return parts.length === 0 ? null : parts.join('; ');
}

/** One letter for each slot of a subscription, however many processes write it. */
export const slotKey = (subscriptionId: number, slot: Date): string =>
  `${subscriptionKeys(subscriptionId)}${slot.toISOString()}`;

/** The key of a letter that somebody asked for out of turn. */
export const askedKey = (subscriptionId: number, at: Date): string =>
  `${subscriptionKeys(subscriptionId)}now:${at.toISOString()}`;

/** What all keys of a subscription's letters begin with. */
export const subscriptionKeys = (subscriptionId: number): string => `report:${subscriptionId}:`;

/** Whose report a letter is and as of when; undefined: it is something else. */
export function letterOf(key: string): { readonly subscriptionId: number; readonly at: Date } | undefined {
  const [, id, at] = /^report:(\d+):(?:now:)?(\d{4}-.+Z)$/.exec(key) ?? [];
  return id === undefined ? undefined : { subscriptionId: Number(id), at: new Date(at!) };
}

/** Pauses after each failed try, in minutes; after the last of them the letter is given up: three days and a bit. */
const PAUSES = [1, 5, 30, 120, 360, 1440, 1440, 1440];

/** The longest of the pauses: what is due later than that was so by a clock that has been set back since. */
export const LONGEST_PAUSE_MS = Math.max(...PAUSES) * 60_000;

/**
 * When a letter is tried again; null: not any more.
 * @param tries how often it was tried, one at the least
 */
export function retryAt(tries: number, failedAt: Date): Date | null {
  const pause = PAUSES[tries - 1];
  return pause === undefined ? null : new Date(failedAt.getTime() + pause * 60_000);
}

/** So often a letter is tried at most. */
export const TRIES_MAX = PAUSES.length + 1;

/** What the outside world said to a letter. */
export interface MailComplaint {
  /** The word of the library: EAUTH, EENVELOPE, EMESSAGE, ECONNECTION … */
  readonly code?: string | undefined;
  /** The number with which the server answered. */
  readonly responseCode?: number | undefined;
  /** All of the answer: «554 5.7.1 Relay access denied». */
  readonly response?: string | undefined;
  /** At which command. */
  readonly command?: string | undefined;
}

/**
 * - `recipient`, `letter`: the server will never take it: this address, this content;
 * - `settings`: it does not take us: the sign-in, the sender's address, the encryption. An administrator has to know;
 * - `deferred`: it is there, and takes this letter another time;
 * - `silent`: nobody is there, or not for anybody.
 */
export type MailVerdict = 'recipient' | 'letter' | 'settings' | 'deferred' | 'silent';

/** Only a lasting no (5xx) to the recipient or to the letter itself is final: all else can be mended meanwhile. */
export function judgeComplaint({ code, responseCode, response = '', command = '' }: MailComplaint): MailVerdict {
  if (code === 'EAUTH' || code === 'ENOAUTH' || code === 'ETLS' || code === 'ECONFIG')
    // «454 temporary authentication failure» is nobody's mistake.
    return responseCode !== undefined && responseCode < 500 ? 'silent' : 'settings';
  const isOfLetter = code === 'EMESSAGE' || (code === 'EENVELOPE' && command !== 'MAIL FROM');
  if (responseCode === undefined) return code === 'EENVELOPE' ? 'recipient' : 'silent';
  if (responseCode < 500) return isOfLetter ? 'deferred' : 'silent';
  // 530 and 538: sign in first, encrypt first.
  if (!isOfLetter || responseCode === 530 || responseCode === 538) return 'settings';
  if (code === 'EMESSAGE' || command === 'DATA') return 'letter';
  return isOfRecipient(responseCode, response) ? 'recipient' : 'settings';
}

/** Of servers that say more than three figures: «550 5.1.1 no such user», also at the end, in brackets. */
const ENHANCED = /(?<![\d.])5\.(\d{1,3}\.\d{1,3})(?![\d.]*\d)/;
/** Numbers by which a mailbox is not there, is full, or has moved. */
const NO_MAILBOX: ReadonlySet<number> = new Set([550, 551, 552, 553]);

/**
 * Is a lasting no at RCPT about this recipient? A server that does not pass letters on for us at all says so there too
 * («554 5.7.1 Relay access denied»), to every one of them.
 */
function isOfRecipient(responseCode: number, response: string): boolean {
  const [, detail] = ENHANCED.exec(response) ?? [];
  if (detail === undefined) return NO_MAILBOX.has(responseCode);
  // 5.1.7 and 5.1.8 are about the sender's address.
  if (detail.startsWith('7.') || detail === '1.7' || detail === '1.8') return false;
  return NO_MAILBOX.has(responseCode) || /^[12]\./.test(detail);
}

/** After so many tries at which nobody was there it is worth an administrator's attention. */
export const TELL_AFTER_TRIES = 2;
