import { and, eq } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import type { Calendar } from '../domain/calendar.ts';
import {
  AGENCY_DEFAULTS,
  type AgencySettings,
  CABINET_DEFAULTS,
  type CabinetSettings,
  settled,
} from '../domain/settings.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { makeDue } from './due.ts';
import { hashOf } from './hash.ts';
import { type Deed, record } from './journal.ts';
import { cabinetsOfBranch } from './pauses.ts';
import { agency, cabinet } from './schema.ts';

/** Settings and calendars as people keep them. Every change makes the cabinets it concerns due (`due.ts`). */

const orm = (db: Database) => drizzle(db.pool);

/** Names what lies there: whoever changes it proves by this that they saw it. */
export const versionOf = (kept: unknown): string => hashOf(kept).slice(0, 22);

export interface AgencyFrame {
  readonly id: number;
  readonly name: string;
  readonly timeZone: string;
  /** With the defaults. */
  readonly settings: AgencySettings;
  /** Without them. */
  readonly own: Partial<AgencySettings>;
}

export async function agencyFrame(db: Database, agencyId: number): Promise<AgencyFrame> {
  const [found] = await orm(db).select().from(agency).where(eq(agency.id, agencyId));
  const { id, name, timeZone, settings: own } = found!;
  return { id, name, timeZone, own, settings: settled(AGENCY_DEFAULTS, own) };
}

/** One line of the journal, or as many as values were changed; none: nothing was, and nothing is written. */
type Deeds = Deed | (() => readonly Deed[]);
const deedsOf = (deeds: Deeds): readonly Deed[] => (typeof deeds === 'function' ? deeds() : [deeds]);

/**
 * Changes what an agency decides for itself; nobody else's change in between is lost.
 * @param change from what differs from the defaults to what shall; proven by the caller against AgencySettingsSchema
 * @param deeds asked for after the change
 */
export function changeAgencySettings(
  db: Database,
  agencyId: number,
  change: (own: Partial<AgencySettings>) => Partial<AgencySettings>,
  deeds: Deeds,
  now: Date,
): Promise<void> {
  return transaction(db, async (client) => {
    const found = await client.query<{ settings: Partial<AgencySettings> }>(
      'select settings from agency where id = $1 for no key update',
      [agencyId],
    );
    const own = change(found.rows[0]!.settings);
    const told = deedsOf(deeds);
    if (told.length === 0) return;
    await client.query('update agency set settings = $2 where id = $1', [agencyId, JSON.stringify(own)]);
    for (const deed of told) await record(client, agencyId, deed, now);
    await makeDue(client, agencyId, {}, 'edit', now);
  });
}

export async function cabinetSettings(
  db: Database,
  agencyId: number,
  cabinetId: number,
): Promise<{
  readonly settings: CabinetSettings;
  readonly own: Partial<CabinetSettings>;
  readonly calendar: Calendar | null;
}> {
  const [found] = await orm(db)
    .select({ own: cabinet.settings, calendar: cabinet.calendar })
    .from(cabinet)
    .where(and(eq(cabinet.agencyId, agencyId), eq(cabinet.id, cabinetId)));
  return { own: found!.own, settings: settled(CABINET_DEFAULTS, found!.own), calendar: found!.calendar };
}

/** Like `changeAgencySettings`, for one cabinet. */
export function changeCabinetSettings(
  db: Database,
  agencyId: number,
  cabinetId: number,
  change: (own: Partial<CabinetSettings>) => Partial<CabinetSettings>,
  deeds: Deeds,
  now: Date,
): Promise<void> {
  return transaction(db, async (client) => {
    const found = await client.query<{ settings: Partial<CabinetSettings> }>(
      'select settings from cabinet where agency_id = $1 and id = $2 for no key update',
      [agencyId, cabinetId],
    );
    const own = change(found.rows[0]!.settings);
    const told = deedsOf(deeds);
    if (told.length === 0) return;
    await client.query('update cabinet set settings = $3 where agency_id = $1 and id = $2', [
      agencyId,
      cabinetId,
      JSON.stringify(own),
    ]);
    for (const deed of told) await record(client, agencyId, { ...deed, cabinetId }, now);
    await makeDue(client, agencyId, { cabinetIds: [cabinetId] }, 'edit', now);
  });
}

/** Whose calendar it is. */
export type CalendarOwner = { readonly branchId: number } | { readonly cabinetId: number };

/** The calendar of a branch or cabinet, and the zone by whose clock it is read. */
export async function calendarOf(
  client: Queryable,
  agencyId: number,
  owner: CalendarOwner,
): Promise<{ readonly calendar: Calendar | null; readonly zone: string }> {
  const found = await client.query<{ calendar: Calendar | null; zone: string }>(
    'branchId' in owner
      ? `select b.calendar, coalesce(b.time_zone, a.time_zone) as zone from branch b join agency a on a.id = b.agency_id
         where b.agency_id = $1 and b.id = $2`
      : `select c.calendar, coalesce(b.time_zone, a.time_zone) as zone from cabinet c join agency a on a.id = c.agency_id
         left join branch b on b.agency_id = c.agency_id and b.id = c.branch_id where c.agency_id = $1 and c.id = $2`,
    [agencyId, 'branchId' in owner ? owner.branchId : owner.cabinetId],
  );
  return found.rows[0]!;
}

/**
 * Changes a calendar; null takes it away: always open. What it closes leaves the feeds at once.
 * @param change proven by the caller against CalendarSchema; throws a Refusal to leave everything as it is
 */
export function changeCalendar(
  db: Database,
  agencyId: number,
  owner: CalendarOwner,
  change: (calendar: Calendar | null) => Calendar | null,
  by: string,
  now: Date,
): Promise<void> {
  return transaction(db, async (client) => {
    const [table, id] = 'branchId' in owner ? ['branch', owner.branchId] : ['cabinet', owner.cabinetId];
    const found = await client.query<{ calendar: Calendar | null }>(
      `select calendar from ${table} where agency_id = $1 and id = $2 for no key update`,
      [agencyId, id],
    );
    const calendar = change(found.rows[0]!.calendar);
    await client.query(`update ${table} set calendar = $3 where agency_id = $1 and id = $2`, [
      agencyId,
      id,
      calendar === null ? null : JSON.stringify(calendar),
    ]);
    const cabinetId = 'cabinetId' in owner ? owner.cabinetId : null;
    await record(client, agencyId, { by, action: 'calendar-changed', cabinetId, facts: { ...owner, calendar } }, now);
    const cabinetIds =
      'branchId' in owner ? await cabinetsOfBranch(client, agencyId, owner.branchId) : [owner.cabinetId];
    await makeDue(client, agencyId, { cabinetIds }, 'withdrawal', now);
  });
}
