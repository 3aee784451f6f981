import type pg from 'pg';
import type { BrakeState } from '../domain/brake.ts';
import type { Calendar } from '../domain/calendar.ts';
import { Fault } from '../domain/fault.ts';
import type { Outcome } from '../domain/gates.ts';
import type { Judgement } from '../domain/judgement.ts';
import type { Deal, Family, Kind, Listing } from '../domain/listing.ts';
import type { MarketStatus } from '../domain/market.ts';
import type { PhotoFacts } from '../domain/photos.ts';
import type { Rival } from '../domain/plan.ts';
import { AGENCY_DEFAULTS, type AgencySettings, type CabinetSettings } from '../domain/settings.ts';
import { commitMoney, type MoneyCommit, unfundedCabinets } from './billing.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { makeDue } from './due.ts';
import { type NewMessage, record, tell } from './journal.ts';
import { recordReasons } from './past-reasons.ts';
import { endRun } from './runs.ts';
import type { PreviousToken } from './schema.ts';

/** What a publish needs of the database. No deciding here. */

export interface CabinetRow {
  readonly agencyId: number;
  readonly id: number;
  readonly board: string;
  readonly slug: string;
  readonly name: string;
  readonly family: Family;
  /** null: the whole agency's. */
  readonly branchId: number | null;
  readonly tokenSerial: number;
  readonly previousTokens: readonly PreviousToken[];
  readonly editionId: number | null;
}

const CABINET = `c.agency_id as "agencyId", c.id, c.board, c.slug, c.name, c.family, c.branch_id as "branchId", c.token_serial as "tokenSerial",
  c.previous_tokens as "previousTokens", c.edition_id as "editionId"`;

/** Cabinets in a fixed order, of one board or agency where that is asked. */
export async function listCabinets(
  db: { readonly pool: Queryable },
  filter: { board?: string | undefined; agencyId?: number | undefined } = {},
): Promise<CabinetRow[]> {
  const found = await db.pool.query<CabinetRow>(
    `select ${CABINET} from cabinet c where ($1::text is null or c.board = $1) and ($2::int is null or c.agency_id = $2)
     order by c.agency_id, c.id`,
    [filter.board ?? null, filter.agencyId ?? null],
  );
  return found.rows;
}

export interface EditionRow {
  readonly id: number;
  readonly offers: number;
  readonly bytes: number;
  readonly gzipBytes: number;
  readonly sha256: string;
  readonly gzipSha256: string;
  readonly generatedAt: Date;
  readonly publishedAt: Date;
}

/** The edition that is served, with what the brake keeps in it. */
export interface ServedEdition extends EditionRow {
  readonly brake: BrakeState | null;
}

const EDITION = `e.id, e.offers, e.bytes, e.gzip_bytes as "gzipBytes", e.sha256, e.gzip_sha256 as "gzipSha256",
  e.generated_at as "generatedAt", e.published_at as "publishedAt"`;

/** The edition a cabinet serves now. */
export async function currentEdition(
  db: { readonly pool: Queryable },
  cabinet: Pick<CabinetRow, 'agencyId' | 'id'>,
): Promise<ServedEdition | undefined> {
  const found = await db.pool.query<ServedEdition>(
    `select ${EDITION}, c.brake from cabinet c join edition e on e.agency_id = c.agency_id and e.id = c.edition_id
     where c.agency_id = $1 and c.id = $2`,
    [cabinet.agencyId, cabinet.id],
  );
  return found.rows[0];
}

/** sha256 of the cabinet's latest editions, the served one first. */
export async function recentEditions(
  db: Database,
  cabinet: Pick<CabinetRow, 'agencyId' | 'id'>,
  limit = 10,
): Promise<string[]> {
  const found = await db.pool.query<{ sha256: string }>(
    `select e.sha256 from edition e join cabinet c on c.agency_id = e.agency_id and c.id = e.cabinet_id
     where e.agency_id = $1 and e.cabinet_id = $2 order by (e.id = c.edition_id) desc nulls last, e.id desc limit $3`,
    [cabinet.agencyId, cabinet.id, limit],
  );
  return found.rows.map((row) => row.sha256);
}

/** What a run needs to know of its cabinet and agency besides the marks. */
export interface FrameRow {
  readonly zone: string;
  readonly agencyZone: string;
  readonly branchId: number | null;
  readonly agencySettings: Partial<AgencySettings>;
  readonly cabinetSettings: Partial<CabinetSettings>;
  readonly calendar: Calendar | null;
  readonly causes: Readonly<Record<string, string>> | null;
  readonly brake: BrakeState | null;
  readonly brakeRelease: { readonly by: string; readonly at: string; readonly reason: string } | null;
  /** Everything the cabinet has shown up to this moment is settled. */
  readonly billedAt: Date | null;
  /** The zone its days were counted in then. */
  readonly billedZone: string | null;
  /** When the next run is due; null: nothing changes by itself and nobody changed anything. */
  readonly dueAt: Date | null;
  /** Something was changed since the last run began, or that run has not come to its end. */
  readonly isTouched: boolean;
}

export async function frameRow(client: Queryable, cabinet: Pick<CabinetRow, 'agencyId' | 'id'>): Promise<FrameRow> {
  const found = await client.query<FrameRow>(
    `select coalesce(b.time_zone, a.time_zone) as zone, a.time_zone as "agencyZone", c.branch_id as "branchId", a.settings as "agencySettings",
       c.settings as "cabinetSettings", c.calendar, c.causes, c.brake, c.brake_release as "brakeRelease", c.billed_at as "billedAt", c.billed_zone as "billedZone",
       least(c.due_at, c.claimed_due_at) as "dueAt", c.is_touched or c.claimed_due_at is not null as "isTouched"
     from cabinet c join agency a on a.id = c.agency_id left join branch b on b.agency_id = c.agency_id and b.id = c.branch_id
     where c.agency_id = $1 and c.id = $2`,
    [cabinet.agencyId, cabinet.id],
  );
  return found.rows[0]!;
}

export interface BranchRow {
  readonly id: number;
  readonly timeZone: string | null;
  readonly calendar: Calendar | null;
}

export async function branchRows(client: Queryable, agencyId: number): Promise<BranchRow[]> {
  const found = await client.query<BranchRow>(
    'select id, time_zone as "timeZone", calendar from branch where agency_id = $1',
    [agencyId],
  );
  return found.rows;
}

export interface PersonRow {
  readonly id: number;
  readonly name: string;
  readonly phones: readonly string[];
  readonly email: string | null;
  readonly branchId: number | null;
  readonly departmentId: number | null;
}

/** Everybody who may stand behind a listing, those who left included. */
export async function personRows(client: Queryable, agencyId: number): Promise<PersonRow[]> {
  const found = await client.query<PersonRow>(
    'select id, name, phones, email, branch_id as "branchId", department_id as "departmentId" from employee where agency_id = $1',
    [agencyId],
  );
  return found.rows;
}

/** When a verdict that was given comes into force next; null: none waits. */
export async function nextVerdictAt(client: Queryable, agencyId: number, now: Date): Promise<Date | null> {
  const found = await client.query<{ at: Date | null }>(
    'select min(effective_at) as at from verdict where agency_id = $1 and effective_at > $2 and undone_at is null',
    [agencyId, now],
  );
  return found.rows[0]!.at;
}

/** Keys of duplicates that more than one live mark of the cabinet has, or that a mark of the board's other cabinets has. */
export async function sharedKeys(
  client: Queryable,
  cabinet: Pick<CabinetRow, 'agencyId' | 'id'>,
): Promise<ReadonlySet<string>> {
  const found = await client.query<{ key: string }>(
    `with mine as (select l.duplicate_key, l.photos_key from mark m join listing l on l.agency_id = m.agency_id and l.id = m.listing_id
       where m.agency_id = $1 and m.cabinet_id = $2 and m.is_live)
     select duplicate_key as key from mine where duplicate_key is not null group by 1 having count(*) > 1
     union select photos_key from mine where photos_key is not null group by 1 having count(*) > 1`,
    [cabinet.agencyId, cabinet.id],
  );
  return new Set(found.rows.map((row) => row.key));
}

/** Marks of the board's other cabinets that have come past the content gates: they may be the older of two. */
export async function rivalRows(
  client: Queryable,
  cabinet: Pick<CabinetRow, 'agencyId' | 'id' | 'board'>,
): Promise<Rival[]> {
  const others = await client.query<{ id: number }>(
    'select id from cabinet where agency_id = $1 and board = $3 and id <> $2',
    [cabinet.agencyId, cabinet.id, cabinet.board],
  );
  if (others.rows.length === 0) return [];
  const found = await client.query<Rival>(
    `with mine as (select l.id, l.duplicate_key, l.photos_key from mark m join listing l on l.agency_id = m.agency_id and l.id = m.listing_id
       where m.agency_id = $1 and m.cabinet_id = $2 and m.is_live)
     select m.cabinet_id as "cabinetId", l.id as "listingId", l.external_id as "externalId", e.name as agent,
       l.duplicate_key as "duplicateKey", l.photos_key as "photosKey", ${ms('m.marked_at')} as "markedAt"
     from mark m join mark_outcome o on o.agency_id = m.agency_id and o.cabinet_id = m.cabinet_id and o.listing_id = m.listing_id
     join listing l on l.agency_id = m.agency_id and l.id = m.listing_id
     left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id
     where m.agency_id = $1 and m.cabinet_id = any($3) and m.is_live and o.outcome in ('published', 'waiting-turn', 'unfunded')
       and (l.id in (select id from mine) or l.duplicate_key in (select duplicate_key from mine where duplicate_key is not null)
         or l.photos_key in (select photos_key from mine where photos_key is not null))`,
    [cabinet.agencyId, cabinet.id, others.rows.map((row) => row.id)],
  );
  return found.rows;
}

/** Epoch milliseconds: a number is read many times faster than a moment. */
function ms(column: string): string {
  return `(extract(epoch from ${column}) * 1000)::bigint`;
}

/** A live mark as the first pass sees it: what the gates need, the key of its content, and the last decision. */
export interface NarrowRow {
  readonly listingId: number;
  readonly kind: Kind;
  readonly deal: Deal;
  readonly region: string | null;
  /** As the listing has it now: what a tariff asks for. */
  readonly askingKopecks: number | null;
  readonly valuesHash: string;
  readonly photoKey: string | null;
  readonly goneOn: string | null;
  readonly status: MarketStatus;
  readonly reservedUntil: string | null;
  readonly stage: string | null;
  readonly forbiddenReason: string | null;
  readonly freshAt: number;
  readonly callBackAt: number | null;
  readonly pendingSince: number | null;
  readonly isChangedBySource: boolean;
  /** The price is a person's, whatever the source says. */
  readonly isPriceCorrected: boolean;
  readonly branchId: number | null;
  readonly employeeId: number | null;
  readonly duplicateKey: string | null;
  readonly photosKey: string | null;
  readonly firstSeenAt: number;
  readonly markedAt: number;
  readonly isMarked: boolean;
  readonly startsOn: string | null;
  readonly endsOn: string | null;
  readonly isPinned: boolean;
  readonly boardOfferId: string;
  readonly avitoId: number | null;
  /** Newest verdicts in force; null without any, or where moderation is off. */
  readonly approvedId: number | null;
  readonly lastVerdictId: number | null;
  readonly last: LastDecision | null;
  /** A placement of a package that is running, which the mark may have had before it was taken off and put back. */
  readonly placement?: { readonly from: string; readonly until: string };
}

/** What the last run decided about a mark. */
export interface LastDecision {
  readonly outcome: Outcome;
  readonly reason: string | null;
  readonly judgement: Judgement | null;
  readonly inputKey: string;
  readonly contentKey: string;
  readonly priceKopecks: number | null;
  readonly isHeld: boolean;
  readonly placedOn: string | null;
  readonly waitingSince: number | null;
  readonly placementFrom: string | null;
  readonly placementUntil: string | null;
  readonly since: number;
}

interface FlatRow extends Omit<NarrowRow, 'last'>, Omit<LastDecision, 'outcome'> {
  readonly outcome: Outcome | null;
}

const NARROW = `l.id as "listingId", l.kind, l.deal, l.region, l.price_kopecks as "askingKopecks", l.values_hash as "valuesHash", case when l.photo_facts is null then null else md5(l.photo_facts::text) end as "photoKey",
  to_char(l.gone_at at time zone $3, 'YYYY-MM-DD') as "goneOn", l.status, l.reserved_until as "reservedUntil", l.stage, l.forbidden_reason as "forbiddenReason",
  ${ms('l.fresh_at')} as "freshAt", ${ms('l.call_back_at')} as "callBackAt", ${ms('l.pending_since')} as "pendingSince",
  l.is_changed_by_source as "isChangedBySource", jsonb_exists(l.corrections, 'priceKopecks') as "isPriceCorrected", l.branch_id as "branchId", l.employee_id as "employeeId", l.duplicate_key as "duplicateKey", l.photos_key as "photosKey",
  ${ms('l.first_seen_at')} as "firstSeenAt",
  coalesce(${ms('m.marked_at')}, 0) as "markedAt", coalesce(m.is_live, false) as "isMarked", m.starts_on as "startsOn", m.ends_on as "endsOn", coalesce(m.is_pinned, false) as "isPinned", coalesce(m.board_offer_id, l.external_id) as "boardOfferId", m.avito_id as "avitoId",
  o.outcome, o.reason, o.judgement, o.input_key as "inputKey", o.content_key as "contentKey", o.price_kopecks as "priceKopecks", coalesce(o.is_held, false) as "isHeld",
  o.placed_on as "placedOn", ${ms('o.waiting_since')} as "waitingSince", o.placement_from as "placementFrom", o.placement_until as "placementUntil", ${ms('o.since')} as since`;

const NEWEST = (where: string) => `(select v.id from verdict v where v.agency_id = l.agency_id and v.listing_id = l.id
  and v.effective_at <= $4 and v.undone_at is null ${where} order by v.effective_at desc, v.id desc limit 1)`;

/** @param isAnyone listings that are not marked too, as if they were */
function narrowSql(isModerated: boolean, isAnyone = false): string {
  const verdicts = isModerated
    ? `${NEWEST(`and v.kind = 'approved'`)} as "approvedId", ${NEWEST('')} as "lastVerdictId"`
    : `null::bigint as "approvedId", case when $4::timestamptz is null then null::bigint end as "lastVerdictId"`;
  const outcomes = `left join mark_outcome o on o.agency_id = m.agency_id and o.cabinet_id = m.cabinet_id and o.listing_id = m.listing_id`;
  return isAnyone
    ? `select ${NARROW}, ${verdicts} from listing l left join mark m on m.agency_id = l.agency_id and m.cabinet_id = $2 and m.listing_id = l.id
       ${outcomes} where l.agency_id = $1`
    : `select ${NARROW}, ${verdicts} from mark m join listing l on l.agency_id = m.agency_id and l.id = m.listing_id
       ${outcomes} where m.agency_id = $1 and m.cabinet_id = $2 and m.is_live`;
}

/** A row is its own last decision: there are many of them, and a second object for each would cost half a run's memory. */
function nested(row: FlatRow): NarrowRow {
  const narrow = row as FlatRow & { last: NarrowRow['last'] };
  narrow.last = row.outcome === null ? null : (row as LastDecision);
  return narrow;
}

/** The snapshot of one run: a read-only transaction that sees one moment, however long the run takes. */
export class PublishSnapshot {
  readonly client: pg.PoolClient;
  readonly #cabinet: Pick<CabinetRow, 'agencyId' | 'id'>;
  private constructor(client: pg.PoolClient, cabinet: Pick<CabinetRow, 'agencyId' | 'id'>) {
    this.client = client;
    this.#cabinet = cabinet;
  }

  static async open(db: Database, cabinet: Pick<CabinetRow, 'agencyId' | 'id'>): Promise<PublishSnapshot> {
    const client = await db.pool.connect();
    try {
      await client.query('begin isolation level repeatable read read only');
    } catch (error) {
      client.release(true);
      throw error;
    }
    return new PublishSnapshot(client, cabinet);
  }

  /** Live marks in the order of listing numbers, in batches. @param zone the cabinet's */
  async *marks(zone: string, isModerated: boolean, now: Date, batch = 1024): AsyncGenerator<NarrowRow[]> {
    await this.client.query(`declare marks no scroll cursor for ${narrowSql(isModerated)} order by l.id`, [
      this.#cabinet.agencyId,
      this.#cabinet.id,
      zone,
      now,
    ]);
    for (;;) {
      const found = await this.client.query<FlatRow>(`fetch ${batch} from marks`);
      if (found.rows.length === 0) break;
      yield found.rows.map(nested);
    }
    await this.client.query('close marks');
  }

  /** Everything about the given listings, in no particular order. */
  wide(listingIds: readonly number[]): Promise<WideRow[]> {
    return wideRows(this.client, this.#cabinet.agencyId, listingIds);
  }

  async close(): Promise<void> {
    try {
      await this.client.query('rollback');
      this.client.release();
    } catch {
      this.client.release(true);
    }
  }
}

/**
 * The narrow rows of some marks of a cabinet; for one answer, not for a run.
 * @param listingIds null: of all live marks. `isAnyone`: of listings that are not marked too
 */
export async function narrowRows(
  client: Queryable,
  cabinet: Pick<CabinetRow, 'agencyId' | 'id'>,
  zone: string,
  isModerated: boolean,
  now: Date,
  listingIds: readonly number[] | null,
  isAnyone = false,
): Promise<NarrowRow[]> {
  const found = await client.query<FlatRow>(
    `${narrowSql(isModerated, isAnyone)} and ($5::bigint[] is null or l.id = any($5)) order by l.id`,
    [cabinet.agencyId, cabinet.id, zone, now, listingIds],
  );
  return found.rows.map(nested);
}

/** Live marks of the cabinet whose listings some people are responsible for. */
export async function marksOfPeople(
  client: Queryable,
  cabinet: Pick<CabinetRow, 'agencyId' | 'id'>,
  employeeIds: readonly number[],
): Promise<readonly number[]> {
  const found = await client.query<{ ids: number[] | null }>(
    `select array_agg(l.id) as ids from listing l join mark m on m.agency_id = l.agency_id and m.cabinet_id = $2 and m.listing_id = l.id
     where l.agency_id = $1 and l.employee_id = any($3) and m.is_live`,
    [cabinet.agencyId, cabinet.id, employeeIds],
  );
  return found.rows[0]!.ids ?? [];
}

/** Live marks of the cabinet that share a key of duplicates with one of some listings, these included. */
export async function twinIds(
  client: Queryable,
  cabinet: Pick<CabinetRow, 'agencyId' | 'id'>,
  listingIds: readonly number[],
): Promise<number[]> {
  const found = await client.query<{ id: number }>(
    `select distinct t.id from listing l join listing t on t.agency_id = l.agency_id and (t.duplicate_key = l.duplicate_key or t.photos_key = l.photos_key)
     join mark m on m.agency_id = t.agency_id and m.cabinet_id = $2 and m.listing_id = t.id and m.is_live
     where l.agency_id = $1 and l.id = any($3)`,
    [cabinet.agencyId, cabinet.id, listingIds],
  );
  return found.rows.map((row) => row.id);
}

/** Other listings on the board that look like this one, but whose flat number nobody knows: their source numbers. */
export async function likeListings(
  client: Queryable,
  cabinet: Pick<CabinetRow, 'agencyId' | 'board'>,
  listingId: number,
): Promise<{ readonly id: number; readonly externalId: string; readonly agent: string | null }[]> {
  const found = await client.query<{ id: number; externalId: string; agent: string | null }>(
    `select t.id, t.external_id as "externalId", e.name as agent from listing l
     join listing t on t.agency_id = l.agency_id and t.likeness_key = l.likeness_key and t.id <> l.id
     left join employee e on e.agency_id = t.agency_id and e.id = t.employee_id
     where l.agency_id = $1 and l.id = $3 and (t.duplicate_key is null or l.duplicate_key is null) and exists(
       select 1 from mark m join cabinet c on c.agency_id = m.agency_id and c.id = m.cabinet_id
       where m.agency_id = t.agency_id and m.listing_id = t.id and m.is_live and c.board = $2) order by t.id limit 3`,
    [cabinet.agencyId, cabinet.board, listingId],
  );
  return found.rows;
}

/** What an offer is made of. */
export interface WideRow {
  readonly listingId: number;
  readonly externalId: string;
  readonly values: Listing;
  readonly photoFacts: PhotoFacts | null;
}

export async function wideRows(client: Queryable, agencyId: number, listingIds: readonly number[]): Promise<WideRow[]> {
  const found = await client.query<WideRow>(
    `select l.id as "listingId", l.external_id as "externalId", l.values, l.photo_facts as "photoFacts"
     from listing l where l.agency_id = $1 and l.id = any($2::bigint[])`,
    [agencyId, listingIds],
  );
  return found.rows;
}

/** One decision on its way to the commit. Days are `YYYY-MM-DD`. */
export interface StagedOutcome {
  readonly listingId: number;
  readonly outcome: Outcome;
  readonly reason: string | null;
  readonly judgement: Judgement | null;
  readonly inputKey: string;
  readonly contentKey: string;
  readonly priceKopecks: number | null;
  readonly isHeld: boolean;
  readonly placedOn: string | null;
  readonly waitingSince: Date | null;
  readonly placementFrom: string | null;
  readonly placementUntil: string | null;
}

const DECISION = `outcome, reason, judgement, input_key, content_key, price_kopecks, is_held, placed_on, waiting_since, placement_from, placement_until`;

/** Forgets what a run put aside in an attempt that it has given up. */
export async function unstageOutcomes(
  db: Database,
  cabinet: Pick<CabinetRow, 'agencyId' | 'id'>,
  fence: number,
): Promise<void> {
  await db.pool.query('delete from outcome_stage where agency_id = $1 and cabinet_id = $2 and fence = $3', [
    cabinet.agencyId,
    cabinet.id,
    fence,
  ]);
}

/** Puts decisions where nobody sees them yet. */
export async function stageOutcomes(
  db: Database,
  cabinet: Pick<CabinetRow, 'agencyId' | 'id'>,
  fence: number,
  rows: readonly StagedOutcome[],
): Promise<void> {
  if (rows.length === 0) return;
  const column = <T>(of: (row: StagedOutcome) => T) => rows.map(of);
  await db.pool.query(
    `insert into outcome_stage (agency_id, cabinet_id, fence, listing_id, ${DECISION})
     select $1, $2, $3, * from unnest($4::bigint[], $5::text[], $6::text[], $7::jsonb[], $8::text[], $9::text[], $10::bigint[], $11::boolean[],
       $12::date[], $13::timestamptz[], $14::date[], $15::date[])`,
    [
      cabinet.agencyId,
      cabinet.id,
      fence,
      column((row) => row.listingId),
      column((row) => row.outcome),
      column((row) => row.reason),
      column((row) => (row.judgement === null ? null : JSON.stringify(row.judgement))),
      column((row) => row.inputKey),
      column((row) => row.contentKey),
      column((row) => row.priceKopecks),
      column((row) => row.isHeld),
      column((row) => row.placedOn),
      column((row) => row.waitingSince),
      column((row) => row.placementFrom),
      column((row) => row.placementUntil),
    ],
  );
}

export type NewEdition = Omit<EditionRow, 'id'>;

/** What one commit makes visible. */
export interface RunResult {
  /** Absent when the offers did not change and the served edition stays. */
  readonly edition: NewEdition | undefined;
  /** How many decisions were staged; the unlogged table is empty after a crash of the database. */
  readonly staged: number;
  readonly causes: Readonly<Record<string, string>>;
  readonly brake: BrakeState | null;
  /** The release that this run has used up. */
  readonly usedRelease: boolean;
  /** When the answer changes by itself next. */
  readonly nextAt: Date | null;
  /** Listings that were taken out of the edition again because they were unmarked meanwhile. */
  readonly cut: readonly number[];
  /** Marks that were taken off before the run looked; one that was put back since comes with the next run. */
  readonly gone: readonly number[];
  /** By the clock; the run's decisions are of the moment it began. */
  readonly finishedAt: Date;
  /** The same, but never before the last commit: everything shown up to here is settled. */
  readonly billedAt: Date;
  /** The zone in which the cabinet's days are counted. */
  readonly zone: string;
  /** Tariffs that the run knew of. */
  readonly tariffs: number;
  /** undefined: nothing costs anything here. */
  readonly money: Omit<MoneyCommit, 'cut' | 'decidedAt'> | undefined;
  /** What happens with the commit or not at all: people are told once, however often a run dies. */
  readonly alongside?: (client: Queryable, editionId: number | null) => Promise<void>;
}

export type CommitResult =
  | { readonly state: 'committed'; readonly editionId: number | null; readonly changed: number }
  /** A newer run has taken the cabinet; this one leaves no trace. */
  | { readonly state: 'overtaken' }
  /** A tariff was written down meanwhile, or a promotion cancelled: what is paid for must be looked up again. */
  | { readonly state: 'repriced' }
  /** Accounts have less than the run had found: what they pay for must be decided again. */
  | { readonly state: 'short'; readonly accountIds: readonly number[] }
  /** Marks were taken off while the run was under way: their offers must be cut out. */
  | { readonly state: 'unmarked-meanwhile'; readonly listingIds: readonly number[] };

/**
 * The commit: the edition, its outcomes and the pointer become visible together. Only rows that runs write are touched
 * for long; the cabinet's own row, which others need, comes last and is held for a moment.
 */
export async function commitRun(
  db: Database,
  cabinet: Pick<CabinetRow, 'agencyId' | 'id'>,
  run: { readonly fence: number; readonly runId: number },
  result: RunResult,
  now: Date,
): Promise<CommitResult> {
  const key = [cabinet.agencyId, cabinet.id];
  const { fence } = run;
  const client = await db.pool.connect();
  try {
    await client.query('begin');
    const there = await client.query<{ count: number }>(
      'select count(*)::int as count from outcome_stage where agency_id = $1 and cabinet_id = $2 and fence = $3',
      [...key, fence],
    );
    if (there.rows[0]!.count !== result.staged) {
      const owner = await client.query<{ fence: number }>(
        'select fence from cabinet where agency_id = $1 and id = $2',
        key,
      );
      // A newer run has swept our decisions away together with our right to commit.
      if (owner.rows[0]!.fence !== fence) return await giveUp(client, { state: 'overtaken' });
      throw new Fault(
        'publish-disturbed',
        'База данных перезапускалась во время публикации. Доски получают прежнее издание: повторите публикацию.',
        { retryable: true },
      );
    }
    let editionId: number | null = null;
    if (result.edition) {
      const { edition } = result;
      const made = await client.query<{ id: number }>(
        `insert into edition (agency_id, cabinet_id, offers, bytes, gzip_bytes, sha256, gzip_sha256, generated_at, published_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning id`,
        [
          ...key,
          edition.offers,
          edition.bytes,
          edition.gzipBytes,
          edition.sha256,
          edition.gzipSha256,
          edition.generatedAt,
          edition.publishedAt,
        ],
      );
      editionId = made.rows[0]!.id;
    } else {
      const served = await client.query<{ id: number | null }>(
        'select edition_id as id from cabinet where agency_id = $1 and id = $2',
        key,
      );
      editionId = served.rows[0]!.id;
    }
    const moved = await client.query(
      `insert into mark_transition (agency_id, cabinet_id, listing_id, at, outcome, edition_id)
       select s.agency_id, s.cabinet_id, s.listing_id, $4, s.outcome, $5 from outcome_stage s
       left join mark_outcome o on o.agency_id = s.agency_id and o.cabinet_id = s.cabinet_id and o.listing_id = s.listing_id
       where s.agency_id = $1 and s.cabinet_id = $2 and s.fence = $3 and o.outcome is distinct from s.outcome
         and s.listing_id <> all($6::bigint[])`,
      [...key, fence, now, editionId, result.cut],
    );
    await recordReasons(client, cabinet, fence, now, result.cut);
    await client.query(
      `insert into mark_outcome as o (agency_id, cabinet_id, listing_id, ${DECISION}, since, decided_at)
       select agency_id, cabinet_id, listing_id, ${DECISION}, $4, $4 from outcome_stage s
       where s.agency_id = $1 and s.cabinet_id = $2 and s.fence = $3 and s.listing_id <> all($5::bigint[])
       on conflict (agency_id, cabinet_id, listing_id) do update set
         since = case when o.outcome = excluded.outcome then o.since else excluded.since end, decided_at = excluded.decided_at,
         ${DECISION.split(', ')
           .map((column) => `${column} = excluded.${column}`)
           .join(', ')}`,
      [...key, fence, now, result.cut],
    );
    // A mark that was taken off has left the feed with this edition.
    const gone = await client.query(
      `with gone as (
         delete from mark_outcome o using mark m
         where o.agency_id = $1 and o.cabinet_id = $2 and m.agency_id = o.agency_id and m.cabinet_id = o.cabinet_id
           and m.listing_id = o.listing_id and (m.listing_id = any($3::bigint[]) or not m.is_live and m.listing_id = any($5::bigint[]))
         returning o.agency_id, o.cabinet_id, o.listing_id),
       ended as (
         insert into mark_reason (agency_id, cabinet_id, listing_id, at, outcome)
         select g.agency_id, g.cabinet_id, g.listing_id, $4, 'unmarked' from gone g cross join lateral (
           select r.reason from mark_reason r where r.agency_id = g.agency_id and r.cabinet_id = g.cabinet_id
             and r.listing_id = g.listing_id order by r.id desc limit 1) said
         where said.reason is not null)
       insert into mark_transition (agency_id, cabinet_id, listing_id, at, outcome, edition_id)
       select agency_id, cabinet_id, listing_id, $4, 'unmarked', $6 from gone`,
      [...key, result.gone, now, result.cut, editionId],
    );
    await client.query(
      `insert into placement (agency_id, cabinet_id, listing_id, from_on, until_on)
       select agency_id, cabinet_id, listing_id, placement_from, placement_until from outcome_stage s
       where s.agency_id = $1 and s.cabinet_id = $2 and s.fence = $3 and s.placement_from is not null and s.listing_id <> all($4::bigint[])
       on conflict do nothing`,
      [...key, fence, result.cut],
    );
    const twins = result.staged > 0 || gone.rowCount! > 0 ? await twinCabinets(client, cabinet, fence, now) : [];
    await client.query('delete from outcome_stage where agency_id = $1 and cabinet_id = $2 and fence = $3', [
      ...key,
      fence,
    ]);
    await result.alongside?.(client, editionId);
    const outcomes = await countOutcomes({ pool: client }, cabinet);
    let starved: readonly number[] = [];
    if (result.money) {
      const money = { ...result.money, cut: result.cut, decidedAt: now };
      // The accounts are locked by its last statement, in the order of their numbers, and before the cabinets.
      const paid = await commitMoney(client, cabinet, fence, money, editionId, result.billedAt);
      if (paid === 'stale') return await giveUp(client, { state: 'repriced' });
      if (paid.short.length > 0)
        return await giveUp(client, { state: 'short', accountIds: paid.short.map((one) => one.accountId) });
      if (paid.hasFreed) starved = await unfundedCabinets(client, cabinet.agencyId);
    }
    // From here on others may have to wait for us: nothing long comes after this line. In one order, for twins commit
    // at the same time and make each other due.
    const rows = await client.query<{ id: number; fence: number }>(
      'select id, fence from cabinet where agency_id = $1 and id = any($2) order by id for no key update',
      [cabinet.agencyId, [cabinet.id, ...twins.map((twin) => twin.cabinetId), ...starved]],
    );
    if (rows.rows.find((row) => row.id === cabinet.id)?.fence !== fence)
      return await giveUp(client, { state: 'overtaken' });
    const tariffs = await client.query<{ count: number }>(
      'select count(*)::int as count from tariff where agency_id = $1 and cabinet_id = $2',
      key,
    );
    if (tariffs.rows[0]!.count !== result.tariffs) return await giveUp(client, { state: 'repriced' });
    const unmarked = await client.query<{ id: number }>(
      `select listing_id as id from mark where agency_id = $1 and cabinet_id = $2 and not is_live and unmarked_fence >= $3
         and listing_id <> all($4::bigint[])`,
      [...key, fence, result.cut],
    );
    if (unmarked.rows.length > 0) {
      return await giveUp(client, { state: 'unmarked-meanwhile', listingIds: unmarked.rows.map((row) => row.id) });
    }
    await client.query(
      `update cabinet set edition_id = $3, causes = $4, brake = $5, brake_release = case when $6 then null else brake_release end,
         due_at = least(due_at, $7), claimed_due_at = null, billed_at = greatest(billed_at, $8), billed_zone = $9
       where agency_id = $1 and id = $2`,
      [
        ...key,
        editionId,
        JSON.stringify(result.causes),
        result.brake === null ? null : JSON.stringify(result.brake),
        result.usedRelease,
        result.nextAt,
        result.billedAt,
        result.zone,
      ],
    );
    for (const { cabinetId, takesPlace } of twins) {
      await makeDue(client, cabinet.agencyId, { cabinetIds: [cabinetId] }, takesPlace ? 'withdrawal' : 'edit', now);
    }
    // Whoever waited for money may go out with what has come free.
    if (starved.length > 0) await makeDue(client, cabinet.agencyId, { cabinetIds: starved }, 'edit', now);
    const changed = moved.rowCount ?? 0;
    await endRun(
      client,
      cabinet.agencyId,
      run.runId,
      { status: 'done', editionId, outcomes, changed, error: null },
      result.finishedAt,
    );
    await client.query('commit');
    client.release();
    return { state: 'committed', editionId, changed };
  } catch (error) {
    await client.query('rollback').catch(() => {});
    client.release(error as Error);
    throw error;
  }
}

/**
 * The board's other cabinets that have marks of the same property as one that the run has decided anew: they win or
 * lose their places by it. Two runs at once do not see each other's decisions, so whoever commits calls the other.
 */
async function twinCabinets(
  client: Queryable,
  cabinet: Pick<CabinetRow, 'agencyId' | 'id'>,
  fence: number,
  now: Date,
): Promise<{ readonly cabinetId: number; readonly takesPlace: boolean }[]> {
  const others = await client.query<{ id: number }>(
    `select c.id from cabinet c join cabinet mine on mine.agency_id = c.agency_id and mine.board = c.board
     where mine.agency_id = $1 and mine.id = $2 and c.id <> mine.id`,
    [cabinet.agencyId, cabinet.id],
  );
  if (others.rows.length === 0) return [];
  const found = await client.query<{ cabinetId: number; takesPlace: boolean }>(
    `with decided as (
       select l.id, l.duplicate_key, l.photos_key, d.outcome in ('published', 'waiting-turn', 'unfunded') as takes_place
       from (select listing_id, outcome from outcome_stage where agency_id = $1 and cabinet_id = $2 and fence = $3
         union all select listing_id, outcome from mark_transition
           where agency_id = $1 and cabinet_id = $2 and at = $4 and outcome = 'unmarked') as d
       join listing l on l.agency_id = $1 and l.id = d.listing_id),
     theirs as not materialized (
       select m.cabinet_id, l.id, l.duplicate_key, l.photos_key
       from mark m join listing l on l.agency_id = m.agency_id and l.id = m.listing_id
       where m.agency_id = $1 and m.cabinet_id = any($5) and m.is_live)
     select cabinet_id as "cabinetId", bool_or(takes_place) as "takesPlace" from (
       select t.cabinet_id, d.takes_place from decided d join theirs t on t.id = d.id
       union all select t.cabinet_id, d.takes_place from decided d join theirs t on t.duplicate_key = d.duplicate_key
       union all select t.cabinet_id, d.takes_place from decided d join theirs t on t.photos_key = d.photos_key) as twins
     group by 1 order by 1`,
    [cabinet.agencyId, cabinet.id, fence, now, others.rows.map(({ id }) => id)],
  );
  return found.rows;
}

async function giveUp<T extends CommitResult>(client: pg.PoolClient, result: T): Promise<T> {
  await client.query('rollback');
  client.release();
  return result;
}

/** Placements of a cabinet's marks that are running on a day: by listing, the newest one. */
export async function runningPlacements(
  client: Queryable,
  cabinet: Pick<CabinetRow, 'agencyId' | 'id'>,
  today: string,
): Promise<ReadonlyMap<number, { readonly from: string; readonly until: string }>> {
  const found = await client.query<{ listingId: number; from: string; until: string }>(
    `select listing_id as "listingId", from_on as "from", until_on as until from placement
     where agency_id = $1 and cabinet_id = $2 and from_on <= $3 and until_on >= $3 order by from_on`,
    [cabinet.agencyId, cabinet.id, today],
  );
  return new Map(found.rows.map(({ listingId, from, until }) => [listingId, { from, until }]));
}

/**
 * Tells agents what became of their listings in a run: errors in one message for each agent, duplicates to both sides.
 * @param at the moment of the run: its transitions are those of this very moment
 */
export async function tellChanges(
  client: Queryable,
  cabinet: Pick<CabinetRow, 'agencyId' | 'id'>,
  boardName: string,
  at: Date,
): Promise<void> {
  // What was told and holds for nobody of the agent's any more is done with.
  await client.query(
    `update message m set done_at = $3 where m.agency_id = $1 and m.cabinet_id = $2 and m.done_at is null and m.kind in ('blocked', 'duplicate')
       and not exists (select 1 from mark_outcome o join listing l on l.agency_id = o.agency_id and l.id = o.listing_id
         where o.agency_id = $1 and o.cabinet_id = $2 and o.outcome = m.kind
           and (l.id = m.listing_id or m.listing_id is null and l.employee_id = m.employee_id))`,
    [cabinet.agencyId, cabinet.id, at],
  );
  await client.query(
    `update message m set done_at = $3 where m.agency_id = $1 and m.cabinet_id = $2 and m.done_at is null
       and (m.kind = 'brake' and not exists (select 1 from mark_outcome o where o.agency_id = $1 and o.cabinet_id = $2 and o.is_held)
         or m.kind = 'keeps-place' and not exists (select 1 from mark_outcome o join listing t on t.agency_id = o.agency_id and t.id = o.listing_id
           join listing l on l.agency_id = t.agency_id and l.id = m.listing_id and (l.duplicate_key = t.duplicate_key or l.photos_key = t.photos_key)
           where o.agency_id = $1 and o.cabinet_id = $2 and o.outcome = 'duplicate' and t.id <> l.id))`,
    [cabinet.agencyId, cabinet.id, at],
  );
  const found = await client.query<{
    outcome: Outcome;
    employeeId: number;
    listings: { id: number; externalId: string; reason: string }[];
  }>(
    `select t.outcome, l.employee_id as "employeeId",
       jsonb_agg(jsonb_build_object('id', l.id, 'externalId', l.external_id, 'reason', o.reason) order by l.id) as listings
     from mark_transition t join listing l on l.agency_id = t.agency_id and l.id = t.listing_id
     join mark_outcome o on o.agency_id = t.agency_id and o.cabinet_id = t.cabinet_id and o.listing_id = t.listing_id
     where t.agency_id = $1 and t.cabinet_id = $2 and t.at = $3 and t.outcome in ('blocked', 'duplicate') and l.employee_id is not null
     group by 1, 2`,
    [cabinet.agencyId, cabinet.id, at],
  );
  const messages: NewMessage[] = [];
  for (const { outcome, employeeId, listings } of found.rows) {
    const key = `${outcome}:${cabinet.id}:${employeeId}:${at.toISOString()}`;
    const told = listings.slice(0, 10).map(({ externalId }) => externalId);
    const rest = listings.length > told.length ? ` и ещё ${listings.length - told.length}` : '';
    const only = listings.length === 1 ? listings[0]! : undefined;
    messages.push({
      key,
      kind: outcome,
      employeeId,
      cabinetId: cabinet.id,
      listingId: only?.id ?? null,
      text: only
        ? `${boardName}, объект ${only.externalId}: ${only.reason}`
        : outcome === 'blocked'
          ? `${boardName}: не выходят из-за ошибок ${told.join(', ')}${rest}.`
          : `${boardName}: не выходят как дубли ${told.join(', ')}${rest}.`,
    });
  }
  await tell(client, cabinet.agencyId, messages, at);
}

/** Tells the agent who keeps the place that a second one has brought the same property. */
export async function tellKeepers(
  client: Queryable,
  cabinet: Pick<CabinetRow, 'agencyId' | 'id'>,
  boardName: string,
  pairs: readonly { readonly listingId: number; readonly of: number }[],
  at: Date,
): Promise<void> {
  if (pairs.length === 0) return;
  const found = await client.query<{
    id: number;
    of: number;
    externalId: string;
    olderId: string;
    agent: string | null;
    keeper: number;
  }>(
    `select l.id, o.id as "of", l.external_id as "externalId", o.external_id as "olderId", e.name as agent, o.employee_id as keeper
     from unnest($2::bigint[], $3::bigint[]) as p(id, of)
     join listing l on l.agency_id = $1 and l.id = p.id join listing o on o.agency_id = $1 and o.id = p.of
     left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id
     where o.employee_id is not null and o.id <> l.id`,
    [cabinet.agencyId, pairs.map(({ listingId }) => listingId), pairs.map(({ of }) => of)],
  );
  await tell(
    client,
    cabinet.agencyId,
    found.rows.map((row) => ({
      key: `keeps-place:${cabinet.id}:${row.of}:${row.id}`,
      kind: 'keeps-place',
      employeeId: row.keeper,
      listingId: row.of,
      cabinetId: cabinet.id,
      text: `${boardName}: место у вашего объекта ${row.olderId}. Тот же объект под номером ${row.externalId} (#${row.id}) отметил позже агент ${row.agent ?? 'без имени'}.`,
    })),
    at,
  );
}

/** Listings that are kept off a board because this one has the place. */
export async function keptAway(
  client: Queryable,
  cabinet: Pick<CabinetRow, 'agencyId' | 'board'>,
  listingId: number,
): Promise<{ readonly id: number; readonly externalId: string; readonly agent: string | null }[]> {
  const found = await client.query<{ id: number; externalId: string; agent: string | null }>(
    `select distinct t.id, t.external_id as "externalId", e.name as agent from listing l
     join listing t on t.agency_id = l.agency_id and t.id <> l.id and (t.duplicate_key = l.duplicate_key or t.photos_key = l.photos_key)
     left join employee e on e.agency_id = t.agency_id and e.id = t.employee_id
     join mark_outcome o on o.agency_id = t.agency_id and o.listing_id = t.id and o.outcome = 'duplicate'
     join cabinet c on c.agency_id = o.agency_id and c.id = o.cabinet_id and c.board = $2
     where l.agency_id = $1 and l.id = $3 order by t.id limit 3`,
    [cabinet.agencyId, cabinet.board, listingId],
  );
  return found.rows;
}

/** What the brake keeps, cabinet by cabinet. */
export async function heldBrakes(
  db: Database,
  agencyId: number,
): Promise<
  { readonly cabinetId: number; readonly board: string; readonly cabinet: string; readonly brake: BrakeState }[]
> {
  const found = await db.pool.query<{ cabinetId: number; board: string; cabinet: string; brake: BrakeState }>(
    `select id as "cabinetId", board, slug as cabinet, brake from cabinet where agency_id = $1 and brake is not null order by id`,
    [agencyId],
  );
  return found.rows;
}

/** A person agrees to the loss; the next run lets it happen. @returns false when the brake keeps nothing */
export function releaseBrake(
  db: Database,
  cabinet: Pick<CabinetRow, 'agencyId' | 'id'>,
  word: { readonly by: string; readonly reason: string },
  now: Date,
): Promise<boolean> {
  const { agencyId, id } = cabinet;
  return transaction(db, async (client) => {
    const done = await client.query<{ brake: BrakeState }>(
      'update cabinet set brake_release = $3 where agency_id = $1 and id = $2 and brake is not null returning brake',
      [agencyId, id, JSON.stringify({ ...word, at: now.toISOString() })],
    );
    if (done.rowCount === 0) return false;
    const facts = { reason: word.reason, brake: done.rows[0]!.brake };
    await record(client, agencyId, { by: word.by, action: 'brake-released', cabinetId: id, facts }, now);
    await makeDue(client, agencyId, { cabinetIds: [id] }, 'withdrawal', now);
    return true;
  });
}

/**
 * Notes since when contents wait for a moderator, and forgets it where they wait no more.
 * @param isModerated a cabinet without moderation knows nothing of what waits for another cabinet
 */
export async function notePending(
  db: Database,
  agencyId: number,
  pending: { readonly since: readonly number[]; readonly over: readonly number[] },
  isModerated: boolean,
  now: Date,
): Promise<void> {
  if (pending.since.length === 0 && pending.over.length === 0) return;
  // An import may change the same listings at the same moment, in another order.
  await transaction(db, async (client) => {
    if (pending.since.length > 0) {
      await client.query(
        'update listing set pending_since = $3 where agency_id = $1 and id = any($2) and pending_since is null',
        [agencyId, pending.since, now],
      );
    }
    if (pending.over.length > 0) {
      await client.query(
        `update listing l set pending_since = null from agency a where l.agency_id = $1 and a.id = $1 and l.id = any($2)
           and ($3 or not exists (select 1 from mark m join cabinet c on c.agency_id = m.agency_id and c.id = m.cabinet_id
             where m.agency_id = l.agency_id and m.listing_id = l.id and m.is_live
               and coalesce(c.settings->>'moderation', a.settings->'moderation'->>'mode', $4) = 'on'))`,
        [agencyId, pending.over, isModerated, AGENCY_DEFAULTS.moderation.mode],
      );
    }
  });
}

/** How many live marks of a cabinet stand at each outcome. */
export async function countOutcomes(
  db: { readonly pool: Queryable },
  cabinet: Pick<CabinetRow, 'agencyId' | 'id'>,
): Promise<Partial<Record<Outcome, number>>> {
  const found = await db.pool.query<{ outcome: Outcome | null; count: number }>(
    `select o.outcome, count(*)::int as count from mark m
     left join mark_outcome o on o.agency_id = m.agency_id and o.cabinet_id = m.cabinet_id and o.listing_id = m.listing_id
     where m.agency_id = $1 and m.cabinet_id = $2 and m.is_live group by o.outcome`,
    [cabinet.agencyId, cabinet.id],
  );
  return Object.fromEntries(found.rows.filter((row) => row.outcome !== null).map((row) => [row.outcome, row.count]));
}

/** How many live marks the cabinets have together. */
export async function countMarks(
  db: { readonly pool: Queryable },
  cabinets: readonly Pick<CabinetRow, 'agencyId' | 'id'>[],
): Promise<number> {
  const found = await db.pool.query<{ count: number }>(
    `select count(*)::int as count from mark m join unnest($1::int[], $2::bigint[]) as c(agency_id, id)
       on m.agency_id = c.agency_id and m.cabinet_id = c.id where m.is_live`,
    [cabinets.map((cabinet) => cabinet.agencyId), cabinets.map((cabinet) => cabinet.id)],
  );
  return found.rows[0]!.count;
}
