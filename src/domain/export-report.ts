import { NO_OUTCOME, OUTCOME_CODES } from './day-record.ts';
import { addDays, daysBetween, isDay, russianDay, weekdayOf } from './days.ts';
import { Refusal } from './fault.ts';
import type { Outcome } from './gates.ts';
import { type Counts, PERIOD_DAYS_MAX, type Series, SOURCES_MAX, type Step } from './report-words.ts';
import { agree } from './text.ts';

export * from './report-words.ts';

/**
 * «График выгрузки»: how many listings were marked, published, blocked by faults and left without money, step by step.
 * A step is a day, a week from Monday or a calendar month, as much of it as lies inside the period.
 */

export interface ReportStep {
  /** First and last day inside the period. */
  readonly from: string;
  readonly until: string;
  readonly days: number;
  /** The period's ends cut days off it. */
  readonly isCut: boolean;
  /** Days of it are not over yet. */
  readonly isUnfinished: boolean;
  /** On how many days a listing must have been in a state to count. */
  readonly needed: number;
}

export interface ReportPeriod {
  readonly from: string;
  readonly until: string;
  readonly step: Step;
  /** Per cent of a step's days, a whole number from 0 to 100. */
  readonly minShare: number;
}

/**
 * @throws Refusal `bad-period`, `period-too-long`, `bad-share`
 */
export function provePeriod({ from, until, minShare }: ReportPeriod): void {
  proveDays(from, until);
  if (from > until) throw new Refusal('bad-period', 'Последний день раньше первого.', 2);
  const days = daysBetween(from, until) + 1;
  if (days > PERIOD_DAYS_MAX)
    throw new Refusal(
      'period-too-long',
      `В отчёте не больше ${PERIOD_DAYS_MAX} дней, а с ${russianDay(from)} по ${russianDay(until)} их ${days}. Сократите период или сделайте два отчёта.`,
      2,
    );
  if (!Number.isInteger(minShare) || minShare < 0 || minShare > 100)
    throw new Refusal('bad-share', 'Минимальная доля дней – целое число от 0 до 100 процентов.', 2);
}

const FIRST_DAY = '1990-01-01';

/** Must come before anything is reckoned with them. @throws Refusal `bad-period` */
export function proveDays(...days: readonly string[]): void {
  for (const day of days) {
    if (!isDay(day)) throw new Refusal('bad-period', `Дня «${day}» нет: назовите его как 2026-11-21.`, 2);
    // Calendars of databases begin somewhere, and no board was there before.
    if (day < FIRST_DAY) throw new Refusal('bad-period', `Раньше ${russianDay(FIRST_DAY)} отчётов нет.`, 2);
  }
}

/** @throws Refusal `no-sources`, `too-many-sources` */
export function proveSources(sources: number): void {
  if (sources === 0) throw new Refusal('no-sources', 'Выберите хотя бы одну доску или один фид.', 2);
  if (sources > SOURCES_MAX)
    throw new Refusal(
      'too-many-sources',
      `В одном отчёте не больше ${SOURCES_MAX} досок или фидов, а выбрано ${sources}. Уберите ${sources - SOURCES_MAX} ${agree(sources - SOURCES_MAX, 'лишнюю', 'лишние', 'лишних')}.`,
      2,
    );
}

/** On how many days of a step a listing must have been in a state: the share of them, one at the least. */
export const daysNeeded = (minShare: number, days: number): number => Math.max(1, Math.ceil((minShare * days) / 100));

/** @param lastDay the last day that is over */
export function stepsOf({ from, until, step, minShare }: ReportPeriod, lastDay: string): ReportStep[] {
  const steps: ReportStep[] = [];
  for (let day = from; day <= until; ) {
    const whole = wholeStep(step, day);
    const last = whole.until < until ? whole.until : until;
    const days = daysBetween(day, last) + 1;
    steps.push({
      from: day,
      until: last,
      days,
      isCut: day !== whole.from || last !== whole.until,
      isUnfinished: last > lastDay,
      needed: daysNeeded(minShare, days),
    });
    day = addDays(last, 1);
  }
  return steps;
}

/** How many whole steps are told of before the last one, where nobody has named the first day. */
const USUAL_STEPS_BACK: Record<Step, number> = { day: 34, week: 4, month: 2 };

/** The first day of a report that nobody has named: it begins a step, so that none is cut but the last. */
export function usualFrom(step: Step, until: string): string {
  let { from } = wholeStep(step, until);
  for (let back = 0; back < USUAL_STEPS_BACK[step]; back++) ({ from } = wholeStep(step, addDays(from, -1)));
  return from;
}

function wholeStep(step: Step, day: string): { readonly from: string; readonly until: string } {
  if (step === 'day') return { from: day, until: day };
  if (step === 'week') {
    const monday = addDays(day, 1 - weekdayOf(day));
    return { from: monday, until: addDays(monday, 6) };
  }
  const first = `${day.slice(0, 7)}-01`;
  return { from: first, until: addDays(`${addDays(first, 31).slice(0, 7)}-01`, -1) };
}

/** The group of a unit whose marks are not asked for. */
export const NO_GROUP = 0;

const BYTE = 8;
const codes = OUTCOME_CODES;
/** What a day adds to a listing's four counters, a byte each: a month has 31 days at most. */
const ADDS = Int32Array.from({ length: 256 }, (_, code) =>
  code === 0
    ? 0
    : 1 +
      (code === codes.published ? 1 << BYTE : 0) +
      (code === codes.blocked ? 1 << (2 * BYTE) : 0) +
      (code === codes.unfunded ? 1 << (3 * BYTE) : 0),
);

/** Which group each listing was in on a day. */
export interface DayGroups {
  readonly groups: Uint16Array;
  /** Lists of slots: no others may be in another group than on the day before; null: any may. */
  readonly moved: readonly Uint32Array[] | null;
}

/**
 * Counts a step of one board: every day of every listing once, whichever of the board's feeds it stood in.
 * A listing belongs to the group it was in on each day: whoever moved has days in both.
 */
export class StepCounter {
  #own: Uint16Array;
  #sums: Int32Array;
  /** Days of listings in groups they have left, by slot and group. */
  readonly #left = new Map<number, Map<number, number>>();

  #days = 0;
  readonly #group: number;

  /** @param group of every listing, where the days do not tell groups */
  constructor(group: number = NO_GROUP) {
    this.#group = group;
    this.#own = new Uint16Array(0);
    this.#sums = new Int32Array(0);
  }

  /**
   * A day of a board that has one feed.
   * @param outcomes a byte per slot
   * @param groups of the slots on that day; null: as on the day before
   */
  addDay(outcomes: Uint8Array, groups: DayGroups | null): void {
    this.#grow(outcomes.length);
    if (groups) this.#regroup(groups);
    const sums = this.#sums;
    for (let slot = 0; slot < outcomes.length; slot++) sums[slot] = (sums[slot]! + ADDS[outcomes[slot]!]!) | 0;
    this.#days++;
  }

  /** A day of a board that has several feeds: bits as {@link dayBits} makes them. */
  addBits(bits: Uint32Array, groups: DayGroups | null): void {
    this.#grow(bits.length);
    if (groups) this.#regroup(groups);
    const sums = this.#sums;
    for (let slot = 0; slot < bits.length; slot++) sums[slot] = (sums[slot]! + bits[slot]!) | 0;
    this.#days++;
  }

  #grow(slots: number): void {
    if (slots <= this.#sums.length) return;
    const [own, sums] = [this.#own, this.#sums];
    this.#own = new Uint16Array(slots).fill(this.#group);
    this.#own.set(own);
    this.#sums = new Int32Array(slots);
    this.#sums.set(sums);
  }

  /** Where a listing is not marked, it has a group too, and no days in it. */
  #regroup({ groups, moved }: DayGroups): void {
    const own = this.#own;
    const known = Math.min(groups.length, own.length);
    if (this.#days === 0) own.set(groups.subarray(0, known));
    else if (moved) {
      for (const slots of moved)
        for (let at = 0; at < slots.length; at++) {
          const slot = slots[at]!;
          if (slot < known && groups[slot] !== own[slot]) this.#move(slot, groups[slot]!);
        }
    } else {
      for (let slot = 0; slot < known; slot++) if (groups[slot] !== own[slot]) this.#move(slot, groups[slot]!);
      for (let slot = known; slot < own.length; slot++) if (own[slot] !== NO_GROUP) this.#move(slot, NO_GROUP);
    }
  }

  #move(slot: number, group: number): void {
    let kept = this.#left.get(slot);
    if (this.#sums[slot] !== 0) {
      kept ??= new Map();
      kept.set(this.#own[slot]!, this.#sums[slot]!);
      this.#left.set(slot, kept);
    }
    this.#sums[slot] = kept?.get(group) ?? 0;
    kept?.delete(group);
    this.#own[slot] = group;
  }

  /** Every listing that was marked in the step, group by group. */
  *#entries(): Generator<readonly [slot: number, group: number, sum: number]> {
    for (let slot = 0; slot < this.#sums.length; slot++) {
      if (this.#sums[slot] !== 0) yield [slot, this.#own[slot]!, this.#sums[slot]!];
      for (const [group, sum] of this.#left.get(slot) ?? []) yield [slot, group, sum];
    }
  }

  /**
   * @param needed days
   * @param groups how many groups there are; their numbers begin with 1
   * @returns the counts of all asked-for groups together, each listing once, and of each group
   */
  counts(needed: number, groups: number): { readonly total: Counts; readonly byGroup: readonly Counts[] } {
    const tally = new Tally(needed, groups + 1);
    const [own, sums] = [this.#own, this.#sums];
    for (let slot = 0; slot < sums.length; slot++) if (sums[slot] !== 0) tally.add(own[slot]!, sums[slot]!, 1);
    const all = tally.groups.slice(1);
    // Who moved has days in several groups, and counts once in all of them together.
    const together = new Tally(needed, 1);
    for (const [slot, kept] of this.#left) {
      let sum = 0;
      if (own[slot] !== NO_GROUP && sums[slot] !== 0) {
        together.add(0, sums[slot]!, -1);
        sum = sums[slot]!;
      }
      for (const [group, left] of kept) {
        if (group === NO_GROUP) continue;
        tally.add(group, left, 1);
        sum += left;
      }
      if (sum !== 0) together.add(0, sum, 1);
    }
    return { total: totalOf([...all, together.groups[0]!]), byGroup: tally.groups.slice(1) };
  }

  /**
   * The listings behind a number.
   * @param group absent: of all asked-for groups together
   */
  members(needed: number, series: Series, group?: number): { readonly slot: number; readonly days: SeriesDays }[] {
    const sums = new Map<number, number>();
    for (const [slot, of, sum] of this.#entries())
      if (of !== NO_GROUP && (group === undefined || of === group)) sums.set(slot, ((sums.get(slot) ?? 0) + sum) >>> 0);
    return [...sums].flatMap(([slot, sum]) => {
      const days = daysOf(sum);
      return days[series] >= (series === 'marked' ? 1 : needed) ? [{ slot, days }] : [];
    });
  }
}

/** On how many days of the step a listing was in each state. */
export type SeriesDays = Readonly<Record<Series, number>>;

const daysOf = (sum: number): SeriesDays => ({
  marked: sum & 0xff,
  published: (sum >>> BYTE) & 0xff,
  blocked: (sum >>> (2 * BYTE)) & 0xff,
  unfunded: sum >>> (3 * BYTE),
});

const HIGH_BITS = 0x80808080;
const ONES = 0x01010101;

/** Counts listings of groups by which of their states lasted long enough. */
class Tally {
  /** By group and state: bit 0 is set where it was published on enough days, 1 where blocked, 2 where unfunded. */
  readonly #counts: Int32Array;
  readonly #needed: number;

  constructor(needed: number, groups: number) {
    this.#counts = new Int32Array(groups * 8);
    this.#needed = needed * ONES;
  }

  add(group: number, sum: number, times: number): void {
    // All four counters at once: the high bit of a byte stays only where the counter is not less. None reaches it.
    const enough = ((sum | HIGH_BITS) - this.#needed) & HIGH_BITS;
    this.#counts[group * 8 + (((enough >>> 15) & 1) | ((enough >>> 22) & 2) | ((enough >>> 29) & 4))]! += times;
  }

  get groups(): Counts[] {
    return Array.from({ length: this.#counts.length / 8 }, (_, group) => {
      const sumOf = (bits: number) =>
        this.#counts.subarray(group * 8, group * 8 + 8).reduce((sum, n, at) => sum + ((at & bits) === bits ? n : 0), 0);
      return { marked: sumOf(0), published: sumOf(1), blocked: sumOf(2), unfunded: sumOf(4) };
    });
  }
}

const totalOf = (counts: readonly Counts[]): Counts => ({
  marked: counts.reduce((sum, { marked }) => sum + marked, 0),
  published: counts.reduce((sum, { published }) => sum + published, 0),
  blocked: counts.reduce((sum, { blocked }) => sum + blocked, 0),
  unfunded: counts.reduce((sum, { unfunded }) => sum + unfunded, 0),
});

/** Lays a feed's day over those of the board's other feeds: in a state it is that is so in any of them. */
export function dayBits(bits: Uint32Array, outcomes: Uint8Array, slots: Uint32Array): void {
  for (let ordinal = 0; ordinal < outcomes.length; ordinal++) bits[slots[ordinal]!]! |= ADDS[outcomes[ordinal]!]!;
}

/** What takes a listing out of the published ones, or brings it back. */
export type ChangeReason = Outcome | 'unmarked' | 'moved' | 'too-few-days';

/**
 * Why another number of listings is published than the step before: by what became of those that left and what had
 * kept those that came.
 */
export function changesBetween(
  before: OutcomeDays,
  after: OutcomeDays,
  neededBefore: number,
  neededAfter: number,
): readonly ChangedSlots[] {
  const slots = new Map<ChangeReason, { left: number[]; came: number[] }>();
  const at = (reason: ChangeReason) => {
    const found = slots.get(reason) ?? { left: [], came: [] };
    slots.set(reason, found);
    return found;
  };
  for (let slot = 0; slot < Math.max(before.slots, after.slots); slot++) {
    const was = before.publishedOn(slot) >= neededBefore;
    const is = after.publishedOn(slot) >= neededAfter;
    if (was && !is) at(after.reasonOf(slot)).left.push(slot);
    if (!was && is) at(before.reasonOf(slot)).came.push(slot);
  }
  const size = ({ left, came }: ChangedSlots) => left.length + came.length;
  return [...slots]
    .map(([reason, found]) => ({ reason, ...found }))
    .sort((one, other) => size(other) - size(one) || one.reason.localeCompare(other.reason));
}

/** The listings that left the published ones, or came to them, for one reason. */
export interface ChangedSlots {
  readonly reason: ChangeReason;
  readonly left: readonly number[];
  readonly came: readonly number[];
}

/** On so many days of a step it was what became of a listing. */
export interface OutcomeDay {
  readonly outcome: Outcome;
  readonly days: number;
  /** @param from the first day @param until the day after the last one; null: there is none */
  readonly isAmong: (from: string, until: string | null) => boolean;
}

/** A step is a month at most, and each of its days a bit. */
const DAYS_MOST = 32;

function bitsIn(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** On which days of a step each listing had each outcome. */
export class OutcomeDays {
  readonly #recorded: string[] = [];
  /** A bit for each recorded day. */
  #days = new Uint32Array(0);
  /** On how many days it was marked, and in none of the groups asked for. */
  #elsewhere = new Uint8Array(0);
  readonly #width = Math.max(...Object.values(codes)) + 1;

  get slots(): number {
    return this.#days.length / this.#width;
  }

  /** @param isAsked of each slot, 1: it belongs to the groups asked for on that day; null: all do */
  addDay(day: string, outcomes: Uint8Array, isAsked: Uint8Array | null): void {
    const bit = this.#begin(day, outcomes.length);
    for (let slot = 0; slot < outcomes.length; slot++)
      if (!isAsked || isAsked[slot] === 1) this.#days[slot * this.#width + outcomes[slot]!]! |= bit;
      else if (outcomes[slot] !== NO_OUTCOME) this.#elsewhere[slot]!++;
  }

  /** A day of a board with several feeds: of each slot a bit for every outcome that it had in one of them. */
  addUnion(day: string, bits: Uint16Array, isAsked: Uint8Array | null): void {
    const bit = this.#begin(day, bits.length);
    for (let slot = 0; slot < bits.length; slot++) {
      if (bits[slot] === 0) continue;
      if (isAsked && isAsked[slot] !== 1) this.#elsewhere[slot]!++;
      else
        for (let code = 1; code < this.#width; code++)
          if (bits[slot]! & (1 << code)) this.#days[slot * this.#width + code]! |= bit;
    }
  }

  #begin(day: string, slots: number): number {
    if (this.#recorded.push(day) > DAYS_MOST) throw new Error('a step has more days than a month');
    if (slots > this.slots) {
      const [days, elsewhere] = [new Uint32Array(slots * this.#width), new Uint8Array(slots)];
      days.set(this.#days);
      elsewhere.set(this.#elsewhere);
      this.#days = days;
      this.#elsewhere = elsewhere;
    }
    return 1 << (this.#recorded.length - 1);
  }

  /** Most days first; without those on which it was not marked. */
  daysOf(slot: number): readonly OutcomeDay[] {
    return (Object.entries(codes) as [Outcome, number][])
      .map(([outcome, code]) => {
        const bits = this.#bitsAt(slot, code);
        const isAmong = (from: string, until: string | null) =>
          this.#recorded.some((day, at) => (bits & (1 << at)) !== 0 && day >= from && (until === null || day < until));
        return { outcome, days: bitsIn(bits), isAmong };
      })
      .filter(({ days }) => days > 0)
      .sort((one, other) => other.days - one.days);
  }

  publishedOn = (slot: number): number => this.#at(slot, codes.published);

  #bitsAt = (slot: number, code: number): number => (slot < this.slots ? this.#days[slot * this.#width + code]! : 0);

  #at = (slot: number, code: number): number => bitsIn(this.#bitsAt(slot, code));

  /** What kept it off the board on most days; somebody else's on some; published on too few; or no mark at all. */
  reasonOf(slot: number): ChangeReason {
    let [reason, most]: [ChangeReason, number] = ['unmarked', 0];
    for (const [outcome, code] of Object.entries(codes) as [Outcome, number][]) {
      const days = this.#at(slot, code);
      if (outcome !== 'published' && days > most) [reason, most] = [outcome, days];
    }
    if (most > 0) return reason;
    if ((this.#elsewhere[slot] ?? 0) > 0) return 'moved';
    return this.publishedOn(slot) > 0 ? 'too-few-days' : reason;
  }
}
