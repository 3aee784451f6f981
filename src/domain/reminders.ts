import { addDays, localDay, russianDay, russianMoment } from './days.ts';
import { isReserved, type MarkFacts, staleAt } from './gates.ts';
import { type Deal, describeKind, type Kind } from './listing.ts';
import type { AgencySettings } from './settings.ts';
import { isPermitting } from './stage.ts';
import { extendedTerm } from './terms.ts';

/**
 * Who is to be asked or told what about a marked listing: the agent before it becomes stale, the manager after that,
 * both before and after its term ends; and what happens when nobody answers.
 */

/** Answered by an act, and ended then; equal keys are one message. */
export const ASKING_KINDS = [
  'fresh-ask',
  'fresh-manager',
  'fresh-stale',
  'call-back',
  'term-ends',
  'term-ended',
] as const;
/** Only told. */
export const TELLING_KINDS = ['fresh-archived', 'term-extended'] as const;
export type ReminderKind = (typeof ASKING_KINDS)[number] | (typeof TELLING_KINDS)[number];

export interface ReminderMark {
  readonly cabinetId: number;
  /** The cabinet's name, as people know it. */
  readonly name: string;
  readonly startsOn: string | null;
  readonly endsOn: string | null;
  /** The day on which it was marked and the day it is now, both in the cabinet's zone. */
  readonly markedOn: string;
  readonly today: string;
}

/** What is known of one listing with live marks. */
export interface ReminderFacts
  extends Pick<
    MarkFacts,
    | 'listingId'
    | 'deal'
    | 'goneOn'
    | 'status'
    | 'reservedUntil'
    | 'stage'
    | 'forbiddenReason'
    | 'freshAt'
    | 'callBackAt'
  > {
  readonly kind: Kind;
  readonly externalId: string;
  readonly title: string | null;
  /** The responsible person's name; null: nobody. */
  readonly agent: string | null;
  /** When it was told that the listing, fresh since then, is stale; null: not yet. */
  readonly staleToldAt: Date | null;
  /** A person lets it past the question of freshness today. */
  readonly isFreshExempt: boolean;
  /** Live ones. */
  readonly marks: readonly ReminderMark[];
}

export interface Reminder {
  readonly key: string;
  readonly kind: ReminderKind;
  /** The responsible person, or the managers. */
  readonly to: 'agent' | 'manager';
  readonly text: string;
}

export interface Extension {
  readonly cabinetId: number;
  /** The term as it was. */
  readonly before: { readonly startsOn: string | null; readonly endsOn: string };
  readonly startsOn: string;
  readonly endsOn: string;
}

export interface Duties {
  readonly reminders: readonly Reminder[];
  /** Nobody answered for so long that it goes to the archive, and what is said then. */
  readonly archived: Reminder | null;
  readonly extensions: readonly Extension[];
  /** What is said of the extensions; null when there are none. */
  readonly extended: Reminder | null;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const NOTHING: Duties = { reminders: [], archived: null, extensions: [], extended: null };

/** Moments in the life of an unconfirmed listing. */
export interface FreshEdges {
  readonly askAt: Date;
  readonly managerAt: Date;
  readonly staleAt: Date;
}

export function freshEdges(
  listing: { readonly freshAt: Date; readonly deal: Deal },
  settings: AgencySettings,
): FreshEdges {
  const { askHours, managerHours } = settings.freshness;
  const side = listing.deal === 'sale' ? 'sale' : 'rent';
  const end = staleAt(listing, settings);
  return {
    askAt: new Date(end.getTime() - askHours[side] * HOUR_MS),
    managerAt: new Date(end.getTime() - managerHours[side] * HOUR_MS),
    staleAt: end,
  };
}

/**
 * When a listing goes to the archive; null: never by itself. The days run from the moment it was told that the listing
 * is stale: nothing goes to the archive unasked, however long the program itself was away.
 */
export function archiveAt(staleToldAt: Date, { freshness }: AgencySettings): Date | null {
  const days = freshness.archiveAfterDays;
  return days === null ? null : new Date(staleToldAt.getTime() + days * DAY_MS);
}

/** «dr-10001 (Студия у парка)»: the source's number and what people know it by. */
function nameOf({ externalId, title, kind, deal }: ReminderFacts): string {
  const words = title ?? describeKind({ kind, deal });
  return `${externalId} (${words.length > 80 ? `${words.slice(0, 79)}…` : words})`;
}

/**
 * What is due for a listing now. A listing that is off the market is left alone: nothing of it is on the boards, and
 * whoever brings it back says with that how it stands.
 * @param zone the listing's branch's, for the moments that people read
 */
export function dutiesOf(facts: ReminderFacts, settings: AgencySettings, zone: string, now: Date): Duties {
  if (facts.marks.length === 0 || isOffMarket(facts, settings, localDay(now, zone))) return NOTHING;
  const terms = termDuties(facts, settings);
  if (facts.isFreshExempt) return { ...NOTHING, ...terms };
  const edges = freshEdges(facts, settings);
  const archivedAt = archiveAt(facts.staleToldAt ?? now, settings);
  if (archivedAt !== null && now >= archivedAt && now >= edges.staleAt && facts.staleToldAt !== null)
    return { ...NOTHING, archived: archivedNotice(facts, edges.staleAt, now, zone) };
  const fresh = freshReminders(facts, edges, archivedAt, zone, now);
  return { ...NOTHING, ...terms, reminders: [...fresh, ...terms.reminders] };
}

/** Is there nothing to be asked about: sold, reserved, forbidden, gone from the source, in a stage without adverts? */
export function isOffMarket(
  facts: Pick<ReminderFacts, 'forbiddenReason' | 'goneOn' | 'stage' | 'status' | 'reservedUntil'>,
  { market }: Pick<AgencySettings, 'market'>,
  today: string,
): boolean {
  if (facts.forbiddenReason !== null || facts.goneOn !== null || !isPermitting(facts.stage, market)) return true;
  if (facts.status === 'reserved') return market.reservedWithdraws && isReserved(facts, today);
  return facts.status !== 'active';
}

function freshReminders(
  facts: ReminderFacts,
  edges: FreshEdges,
  archivedAt: Date | null,
  zone: string,
  now: Date,
): Reminder[] {
  const { listingId, freshAt, callBackAt } = facts;
  const name = nameOf(facts);
  const of = (kind: ReminderKind, to: Reminder['to'], text: string): Reminder => ({
    key: `${kind}:${listingId}:${freshAt.toISOString()}`,
    kind,
    to,
    text,
  });
  const since = russianMoment(freshAt, zone);
  const end = russianMoment(edges.staleAt, zone);
  const isStale = now >= edges.staleAt;
  const due: Reminder[] = [];
  if (isStale) {
    const next = archivedAt === null ? '' : ` Иначе ${russianMoment(archivedAt, zone)} он уйдёт в архив.`;
    const text = `Объект ${name} снят с досок ${end}: его не меняли и не подтверждали с ${since}. Подтвердите, что он актуален, или снимите отметку.${next}`;
    due.push(of('fresh-stale', 'agent', text));
  } else if (now >= edges.askAt) {
    const text = `Подтвердите, что объект ${name} актуален: его не меняли и не подтверждали с ${since}, и ${end} он будет снят с досок.`;
    due.push(of('fresh-ask', 'agent', text));
  }
  if (now >= edges.managerAt) {
    const who = facts.agent === null ? 'Никто не подтвердил' : `Агент ${facts.agent} не подтвердил`;
    const text = `${who} объект ${name} с ${since}: ${end} он ${isStale ? 'снят' : 'будет снят'} с досок.`;
    due.push(of('fresh-manager', 'manager', text));
  }
  if (callBackAt !== null && now >= callBackAt) {
    const at = russianMoment(callBackAt, zone);
    due.push({
      key: `call-back:${listingId}:${callBackAt.toISOString()}`,
      kind: 'call-back',
      to: 'agent',
      text: `Перезвоните собственнику объекта ${name}: звонок был назначен на ${at}. Пока результат не отмечен, объект снят с досок.`,
    });
  }
  return due;
}

function archivedNotice(facts: ReminderFacts, since: Date, now: Date, zone: string): Reminder {
  return {
    key: `fresh-archived:${facts.listingId}:${facts.freshAt.toISOString()}`,
    kind: 'fresh-archived',
    to: 'agent',
    text: `Объект ${nameOf(facts)} ушёл в архив ${russianMoment(now, zone)}: с ${russianMoment(since, zone)} его никто не подтвердил. Если он актуален, верните статус «свободен».`,
  };
}

/** Marks whose terms end on one day are told together. */
function termDuties(facts: ReminderFacts, { terms }: AgencySettings): Omit<Duties, 'archived'> {
  const { listingId, marks } = facts;
  const name = nameOf(facts);
  const isExtending = terms.atEnd === 'extend';
  const extensions: Extension[] = [];
  const ends = new Map<string, { kind: 'term-ends' | 'term-ended'; names: string[] }>();
  for (const { cabinetId, name: cabinet, startsOn, endsOn, markedOn, today } of marks) {
    if (endsOn === null) continue;
    if (isExtending && today >= endsOn) {
      const before = { startsOn, endsOn };
      extensions.push({ cabinetId, before, ...extendedTerm(before, markedOn, today) });
      continue;
    }
    if (today < addDays(endsOn, -terms.warnDays)) continue;
    const kind = today > endsOn ? 'term-ended' : 'term-ends';
    const key = `${kind}:${listingId}:${endsOn}`;
    const told = ends.get(key) ?? { kind, names: [] };
    ends.set(key, told);
    told.names.push(cabinet);
  }
  const reminders = [...ends].map(([key, { kind, names }]): Reminder => {
    const day = key.slice(-10);
    const where = names.join(', ');
    const what =
      kind === 'term-ended'
        ? `кончился ${russianDay(day)}: ${where}. Продлите срок или снимите отметку.`
        : isExtending
          ? `кончается ${russianDay(day)}: ${where}. В этот день он продлится сам; если не нужно, снимите отметку.`
          : `кончается ${russianDay(day)}: ${where}. Продлите срок, иначе с ${russianDay(addDays(day, 1))} объекта там не будет.`;
    return { key, kind, to: 'agent', text: `Срок размещения объекта ${name} ${what}` };
  });
  return { reminders, extensions, extended: extendedNotice(facts, name, extensions) };
}

function extendedNotice(facts: ReminderFacts, name: string, extensions: readonly Extension[]): Reminder | null {
  const last = extensions.reduce<string | null>(
    (day, { endsOn }) => (day !== null && day > endsOn ? day : endsOn),
    null,
  );
  if (last === null) return null;
  const names = new Map(facts.marks.map((mark) => [mark.cabinetId, mark.name]));
  const told = extensions
    .map(({ cabinetId, endsOn }) => `${names.get(cabinetId)} — до ${russianDay(endsOn)}`)
    .join(', ');
  return {
    key: `term-extended:${facts.listingId}:${last}`,
    kind: 'term-extended',
    to: 'agent',
    text: `Срок размещения объекта ${name} продлён сам: ${told} включительно.`,
  };
}
