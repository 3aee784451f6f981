/**
 * The judge of the simulated year: the law of `design.md` section 4 once more, small, slow and written for itself, so
 * that a mistake in the product's own gates, timetables, moderation or rotation is seen. Nothing here imports them.
 */
import type { Listing } from '../src/domain/listing.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Zones without summer time, so their clocks are plain sums here and not the product's arithmetic. */
export const ZONES = {
  'Europe/Kaliningrad': 2,
  'Europe/Moscow': 3,
  'Asia/Yekaterinburg': 5,
  'Asia/Kamchatka': 12,
} as const;
export type Zone = keyof typeof ZONES;

const dayText = (wallMs: number) => new Date(wallMs).toISOString().slice(0, 10);
export const addDays = (day: string, days: number) => dayText(Date.parse(`${day}T00:00:00Z`) + days * DAY);
export const daysFrom = (from: string, to: string) =>
  Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / DAY);
export const startOf = (day: string, zone: Zone) => Date.parse(`${day}T00:00:00Z`) - ZONES[zone] * HOUR;

export function wall(ms: number, zone: Zone): { day: string; weekday: number; minute: number } {
  const at = new Date(ms + ZONES[zone] * HOUR);
  return {
    day: at.toISOString().slice(0, 10),
    weekday: at.getUTCDay() === 0 ? 7 : at.getUTCDay(),
    minute: at.getUTCHours() * 60 + at.getUTCMinutes(),
  };
}

export interface ModelCalendar {
  week: [number, number][][];
  special: { from: string; to: string; hours: [number, number][]; note: string }[];
}

export function isOpen(calendar: ModelCalendar | null, ms: number, zone: Zone): boolean {
  if (calendar === null) return true;
  const { day, weekday, minute } = wall(ms, zone);
  let hours = calendar.week[weekday - 1]!;
  for (const { from, to, hours: other } of calendar.special) if (from <= day && day <= to) hours = other;
  return hours.some(([from, to]) => from <= minute && minute < to);
}

export interface ModelLine {
  id: number;
  scope: 'employee' | 'department' | 'branch' | 'agency';
  scopeId: number | null;
  board: string | null;
  weekdays: number[];
  fromMinute: number;
  toMinute: number;
  startsOn: string | null;
  endsOn: string | null;
  kind: 'own' | 'duty' | 'call-centre' | 'tracking';
  phone: string | null;
}

export interface ModelVerdict {
  id: number;
  kind: 'approved' | 'returned';
  by: number;
  content: Content;
  effectiveAt: number;
  isUndone: boolean;
}

/** Those of the moderatable fields that the play ever changes; the others are equal in every content of a listing. */
export interface Content {
  description: string | null;
  priceKopecks: number | null;
  apartmentNumber: string | null;
  photos: string;
}
export const contentOf = (values: Partial<Listing>): Content => ({
  description: values.description ?? null,
  priceKopecks: values.priceKopecks ?? null,
  apartmentNumber: values.apartmentNumber ?? null,
  photos: (values.photos ?? []).map(({ url }) => url).join(' '),
});

export interface ModelPerson {
  id: number;
  name: string;
  role: 'agent' | 'adSpecialist' | 'manager' | 'admin';
  branchId: number | null;
  departmentId: number | null;
  phones: string[];
}

export interface ModelListing {
  id: number;
  externalId: string;
  source: string;
  /** What its source says now. */
  base: Listing;
  corrections: Partial<Pick<Listing, 'description' | 'priceKopecks'>>;
  isInSource: boolean;
  isChangedBySource: boolean;
  branchId: number | null;
  employeeId: number;
  status: 'active' | 'reserved' | 'sold' | 'rented' | 'archived';
  reservedUntil: string | null;
  stage: string | null;
  isForbidden: boolean;
  freshAt: number;
  callBackAt: number | null;
  verdicts: ModelVerdict[];
  /** Since when its edit waits for a moderator. */
  pendingAt: number | null;
}
export const valuesOf = (listing: ModelListing): Listing => ({ ...listing.base, ...listing.corrections });

export interface ModelMark {
  listingId: number;
  isLive: boolean;
  markedAt: number;
  startsOn: string | null;
  endsOn: string | null;
  isPinned: boolean;
  boardOfferId: string;
}

export type ModelPackage =
  | null
  | { kind: 'concurrent'; places: number }
  | { kind: 'placements'; placements: number; from: string; periodDays: number; termDays: number };

export interface ModelCabinet {
  id: number;
  board: string;
  slug: string;
  zone: Zone;
  moderation: 'on' | 'off';
  edit: 'stop' | 'keep-approved';
  package: ModelPackage;
  turnDays: number;
  slots: string[] | null;
  calendar: ModelCalendar | null;
  marks: Map<number, ModelMark>;
}

export interface ModelPause {
  id: number;
  branchId: number | null;
  cabinetId: number | null;
  listingId: number | null;
  from: number;
  until: number;
  isEnded: boolean;
}

export interface ModelException {
  id: number;
  listingId: number;
  gate: 'norms' | 'fresh' | 'duplicate';
  normCode: string | null;
  until: string;
  isRevoked: boolean;
}

export interface ModelNorm {
  boards: string[] | null;
  photosMin?: number;
  priceMax?: number;
}

export interface World {
  zone: Zone;
  branches: Map<number, { zone: Zone; calendar: ModelCalendar | null }>;
  people: Map<number, ModelPerson>;
  listings: Map<number, ModelListing>;
  cabinets: ModelCabinet[];
  lines: ModelLine[];
  pauses: ModelPause[];
  exceptions: ModelException[];
  norms: Map<string, ModelNorm>;
  settings: {
    reservedWithdraws: boolean;
    requiresStage: boolean;
    stages: { name: string; effect: 'permits' | 'not-yet' | 'withdraws' }[];
    saleDays: number;
    rentDays: number;
    keepDays: number;
    /** Fields that pass without a look, and the bounds within which a price does. */
    passes: Set<keyof Content>;
    priceDownPercent: number;
    priceUpPercent: number;
  };
  /** Why the board itself would not take a content, by its rules; '' when it would. */
  refusal(cabinet: ModelCabinet, listing: ModelListing, values: Listing, phone: string | undefined): string;
}

export const branchOf = (world: World, listing: ModelListing): number | null =>
  listing.branchId ?? world.people.get(listing.employeeId)?.branchId ?? null;

const SCOPES = ['employee', 'department', 'branch', 'agency'];

/** The number that must stand in an advertisement at a moment. */
export function phoneOf(world: World, cabinet: ModelCabinet, listing: ModelListing, ms: number): string | undefined {
  const person = world.people.get(listing.employeeId)!;
  const branchId = branchOf(world, listing);
  const { day, weekday, minute } = wall(ms, branchId === null ? world.zone : world.branches.get(branchId)!.zone);
  const mine: Record<string, number | null> = {
    employee: person.id,
    department: person.departmentId,
    branch: branchId,
    agency: null,
  };
  let best: { line: ModelLine; rank: number[] } | undefined;
  for (const line of world.lines) {
    if (line.board !== null && line.board !== cabinet.board) continue;
    if (line.scope !== 'agency' && (line.scopeId === null || line.scopeId !== mine[line.scope])) continue;
    if (line.kind === 'own' ? person.phones.length === 0 : line.phone === null) continue;
    if (!line.weekdays.includes(weekday) || minute < line.fromMinute || minute >= line.toMinute) continue;
    if ((line.startsOn !== null && day < line.startsOn) || (line.endsOn !== null && day > line.endsOn)) continue;
    const rank = [
      line.startsOn === null && line.endsOn === null ? 1 : 0,
      SCOPES.indexOf(line.scope),
      line.board === null ? 1 : 0,
      line.toMinute - line.fromMinute,
      -line.id,
    ];
    if (!best || isBefore(rank, best.rank)) best = { line, rank };
  }
  if (best) return best.line.kind === 'own' ? person.phones[0] : best.line.phone!;
  return valuesOf(listing).contactPhones?.[0] ?? person.phones[0];
}

function isBefore(one: readonly number[], other: readonly number[]): boolean {
  const at = one.findIndex((part, index) => part !== other[index]);
  return at >= 0 && one[at]! < other[at]!;
}

export const isExcepted = (
  world: World,
  listingId: number,
  gate: ModelException['gate'],
  ms: number,
  normCode?: string,
): boolean =>
  world.exceptions.some(
    (one) =>
      one.listingId === listingId &&
      one.gate === gate &&
      !one.isRevoked &&
      one.until >= wall(ms, world.zone).day &&
      (one.normCode === null || one.normCode === normCode),
  );

function passes(world: World, field: keyof Content, before: unknown, after: unknown): boolean {
  if (world.settings.passes.has(field)) return true;
  if (field !== 'priceKopecks' || typeof before !== 'number' || typeof after !== 'number') return false;
  const { priceDownPercent, priceUpPercent } = world.settings;
  return after < before
    ? (before - after) * 100 <= before * priceDownPercent
    : (after - before) * 100 <= before * priceUpPercent;
}

const FIELDS = ['description', 'priceKopecks', 'apartmentNumber', 'photos'] as const;
const isEqual = (one: Content, other: Content) => FIELDS.every((field) => one[field] === other[field]);
const isWithin = (world: World, looked: Content, now: Content) =>
  FIELDS.every((field) => looked[field] === now[field] || passes(world, field, looked[field], now[field]));

export interface Chosen {
  approval: 'not-needed' | 'approved' | 'kept' | 'awaiting' | 'returned';
  values: Listing;
}

/** The content that is judged and shown: the approved one, the kept one, or the current one that waits. */
export function chosen(world: World, cabinet: ModelCabinet, listing: ModelListing, ms: number): Chosen {
  const values = valuesOf(listing);
  if (cabinet.moderation === 'off') return { approval: 'not-needed', values };
  const now = contentOf(values);
  const inForce = listing.verdicts
    .filter((verdict) => !verdict.isUndone && verdict.effectiveAt <= ms)
    .sort((a, b) => a.effectiveAt - b.effectiveAt || a.id - b.id);
  const approved = inForce.findLast(({ kind }) => kind === 'approved')?.content;
  const last = inForce.at(-1);
  const back = last?.kind === 'returned' ? last.content : undefined;
  const isReturned = back !== undefined && isEqual(back, now);
  // Somebody objected to what the approval covered.
  const isTakenBack = approved !== undefined && back !== undefined && isWithin(world, approved, back);
  if (approved && !isReturned && isWithin(world, approved, now)) {
    if (!isTakenBack || (isEqual(approved, now) && !isEqual(approved, back!))) return { approval: 'approved', values };
  }
  if (approved && cabinet.edit === 'keep-approved' && !isTakenBack) {
    const photos = approved.photos === '' ? [] : approved.photos.split(' ');
    const kept: Listing = { ...values, photos: photos.map((url) => ({ url })) };
    if (photos.length === 0) delete kept.photos;
    for (const field of ['description', 'apartmentNumber'] as const) {
      if (approved[field] === null) delete kept[field];
      else kept[field] = approved[field];
    }
    if (back === undefined || !isEqual(contentOf(kept), back)) return { approval: 'kept', values: kept };
  }
  return { approval: isReturned ? 'returned' : 'awaiting', values };
}

export type ModelOutcome =
  | 'off-market'
  | 'out-of-term'
  | 'stale'
  | 'blocked'
  | 'awaiting-moderation'
  | 'returned'
  | 'paused';

export interface Judged {
  /** The first closed one of the gates 1–7; null: it has passed them. */
  outcome: ModelOutcome | null;
  why: string;
  chosen: Chosen;
  phone: string | undefined;
}

/** Gates 1–7 of one mark. */
export function judge(world: World, cabinet: ModelCabinet, mark: ModelMark, ms: number): Judged {
  const listing = world.listings.get(mark.listingId)!;
  const { settings } = world;
  const today = wall(ms, cabinet.zone).day;
  const content = chosen(world, cabinet, listing, ms);
  const phone = phoneOf(world, cabinet, listing, ms);
  const say = (outcome: ModelOutcome | null, why: string): Judged => ({ outcome, why, chosen: content, phone });

  if (listing.isForbidden) return say('off-market', 'forbidden');
  if (!listing.isInSource) return say('off-market', 'gone from its source');
  const isReserved =
    listing.status === 'reserved' && (listing.reservedUntil === null || today <= listing.reservedUntil);
  if (isReserved && settings.reservedWithdraws) return say('off-market', 'reserved');
  if (listing.status !== 'active' && listing.status !== 'reserved') return say('off-market', listing.status);
  if (listing.stage === null && settings.requiresStage) return say('off-market', 'no stage yet');
  const effect = settings.stages.find(({ name }) => name === listing.stage)?.effect ?? 'permits';
  if (effect !== 'permits') return say('off-market', `stage that ${effect}`);

  if (mark.startsOn !== null && today < mark.startsOn) return say('out-of-term', 'not begun');
  if (mark.endsOn !== null && today > mark.endsOn) return say('out-of-term', 'over');

  if (!isExcepted(world, listing.id, 'fresh', ms)) {
    if (listing.callBackAt !== null && listing.callBackAt <= ms) return say('stale', 'call-back overdue');
    const days = listing.base.deal === 'sale' ? settings.saleDays : settings.rentDays;
    if (listing.freshAt + days * DAY <= ms) return say('stale', 'not confirmed');
  }

  const refusal = world.refusal(cabinet, listing, content.values, phone);
  if (refusal !== '') return say('blocked', refusal);
  for (const [code, norm] of world.norms) {
    if (norm.boards !== null && !norm.boards.includes(cabinet.board)) continue;
    if (isExcepted(world, listing.id, 'norms', ms, code)) continue;
    if (norm.photosMin !== undefined && (content.values.photos?.length ?? 0) < norm.photosMin)
      return say('blocked', code);
    if (norm.priceMax !== undefined && (content.values.priceKopecks ?? 0) > norm.priceMax) return say('blocked', code);
  }

  if (content.approval === 'awaiting') return say('awaiting-moderation', 'nobody approved it');
  if (content.approval === 'returned') return say('returned', 'returned');
  if (content.approval === 'kept' && listing.pendingAt !== null && listing.pendingAt + settings.keepDays * DAY <= ms)
    return say('awaiting-moderation', 'kept too long');

  const branchId = branchOf(world, listing);
  for (const pause of world.pauses) {
    if (pause.isEnded || ms < pause.from || ms >= pause.until) continue;
    if (pause.cabinetId !== null && pause.cabinetId !== cabinet.id) continue;
    if (pause.branchId !== null && pause.branchId !== branchId) continue;
    if (pause.listingId !== null && pause.listingId !== listing.id) continue;
    return say('paused', `pause ${pause.id}`);
  }
  if (!isOpen(cabinet.calendar, ms, cabinet.zone)) return say('paused', 'hours of the cabinet');
  const branch = branchId === null ? undefined : world.branches.get(branchId);
  if (branch && !isOpen(branch.calendar, ms, branch.zone)) return say('paused', 'hours of the branch');
  return say(null, '');
}

/** What makes two listings one flat, in the terms of the play: the same place under the same number. */
export function flatOf(listing: ModelListing): string | null {
  const { kind, deal, locality, address, apartmentNumber, areaM2, floor } = valuesOf(listing);
  if (kind !== 'flat' || apartmentNumber === undefined) return null;
  return [deal, locality, address, apartmentNumber, areaM2, floor].join('|');
}

export interface Claim {
  cabinetId: number;
  mark: ModelMark;
}

/** Of the marks of a board that have passed gates 1–7, those that must give way to an older one: `cabinet listing`. */
export function duplicatesOf(world: World, claims: readonly Claim[], ms: number): Set<string> {
  const queue = [...claims].sort(
    (a, b) => a.mark.markedAt - b.mark.markedAt || a.mark.listingId - b.mark.listingId || a.cabinetId - b.cabinetId,
  );
  const taken = new Set<string>();
  const lost = new Set<string>();
  for (const { cabinetId, mark } of queue) {
    const flat = flatOf(world.listings.get(mark.listingId)!);
    const keys = [`listing ${mark.listingId}`, ...(flat === null ? [] : [flat])];
    if (keys.some((key) => taken.has(key)) && !isExcepted(world, mark.listingId, 'duplicate', ms)) {
      lost.add(`${cabinetId} ${mark.listingId}`);
      continue;
    }
    for (const key of keys) taken.add(key);
  }
  return lost;
}

/** First day of the package's period that a day lies in; null: before its first day. */
export function periodStart(pack: Extract<ModelPackage, { kind: 'placements' }>, day: string): string | null {
  const past = daysFrom(pack.from, day);
  return past < 0 ? null : addDays(day, -(past % pack.periodDays));
}
