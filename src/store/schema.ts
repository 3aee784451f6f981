import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  customType,
  date,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
  unique,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import type { BrakeState } from '../domain/brake.ts';
import type { Calendar } from '../domain/calendar.ts';
import type { Corrections } from '../domain/corrections.ts';
import type { Outcome } from '../domain/gates.ts';
import type { Judgement } from '../domain/judgement.ts';
import type { AccountKind, Basis, TransferKind } from '../domain/ledger.ts';
import type { Listing } from '../domain/listing.ts';
import type { MarketStatus } from '../domain/market.ts';
import type { Role } from '../domain/people.ts';
import type { PhotoFacts } from '../domain/photos.ts';
import type { Scope } from '../domain/rights.ts';
import type { AgencySettings, CabinetSettings } from '../domain/settings.ts';
import type { PriceFacts, TariffTerms } from '../domain/tariff.ts';

/**
 * The tables. `agencyId` leads every primary key, so they distribute by agency when one machine is no longer enough.
 * Migrations in ./migrations are generated from here (`npx drizzle-kit generate`), read and edited by a person, and
 * never changed once released; test/store/schema.test.ts compares the two.
 */

/** An earlier number of a feed's token. */
export interface PreviousToken {
  readonly serial: number;
  /** ISO 8601. */
  readonly until: string;
}

const id = (name = 'id') => bigint(name, { mode: 'number' });
const agencyId = () => integer('agency_id').notNull();
const moment = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });
const identity = () => id().generatedAlwaysAsIdentity();
/** sha-256 and friends; never sorted, so no collation is needed. */
const digest = customType<{ data: string }>({ dataType: () => 'text' });
const bytes = customType<{ data: Buffer }>({ dataType: () => 'bytea' });
const tsvector = customType<{ data: string }>({ dataType: () => 'tsvector' });
/** A calendar day, `YYYY-MM-DD`. */
const day = (name: string) => date(name, { mode: 'string' });

/** What is done to many listings at once. */
export type BulkAction = 'mark' | 'unmark' | 'terms' | 'pause';

/** A top-up by schedule. */
export interface MonthlyTopUp {
  readonly kopecks: number;
  /** Day of the month, 1–28. */
  readonly on: number;
  /** The account it is moved from; null: from outside. */
  readonly fromId: number | null;
}

export const agency = pgTable('agency', {
  id: integer('id').generatedAlwaysAsIdentity().primaryKey(),
  name: text('name').notNull().unique(),
  timeZone: text('time_zone').notNull().default('Europe/Moscow'),
  /** Only what differs from the defaults (domain/settings.ts). */
  settings: jsonb('settings').$type<Partial<AgencySettings>>().notNull().default({}),
  createdAt: moment('created_at').notNull().defaultNow(),
});

export const branch = pgTable(
  'branch',
  {
    agencyId: agencyId().references(() => agency.id),
    id: identity(),
    name: text('name').notNull(),
    /** null: the agency's. */
    timeZone: text('time_zone'),
    calendar: jsonb('calendar').$type<Calendar>(),
  },
  (t) => [primaryKey({ columns: [t.agencyId, t.id] }), unique().on(t.agencyId, t.name)],
);

export const department = pgTable(
  'department',
  {
    agencyId: agencyId(),
    id: identity(),
    branchId: id('branch_id').notNull(),
    name: text('name').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.id] }),
    unique().on(t.agencyId, t.branchId, t.name),
    foreignKey({ columns: [t.agencyId, t.branchId], foreignColumns: [branch.agencyId, branch.id] }),
  ],
);

export const employee = pgTable(
  'employee',
  {
    agencyId: agencyId().references(() => agency.id),
    id: identity(),
    branchId: id('branch_id'),
    departmentId: id('department_id'),
    name: text('name').notNull(),
    /** E.164; the first is the one shown. */
    phones: text('phones').array().notNull().default(sql`'{}'`),
    email: text('email'),
    role: text('role').$type<Role>().notNull().default('agent'),
    isActive: boolean('is_active').notNull().default(true),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.id] }),
    foreignKey({ columns: [t.agencyId, t.branchId], foreignColumns: [branch.agencyId, branch.id] }),
    foreignKey({ columns: [t.agencyId, t.departmentId], foreignColumns: [department.agencyId, department.id] }),
  ],
);

export const crmGroup = pgTable(
  'crm_group',
  { agencyId: agencyId().references(() => agency.id), id: identity(), name: text('name').notNull() },
  (t) => [primaryKey({ columns: [t.agencyId, t.id] }), unique().on(t.agencyId, t.name)],
);

export const crmGroupMember = pgTable(
  'crm_group_member',
  { agencyId: agencyId(), groupId: id('group_id').notNull(), employeeId: id('employee_id').notNull() },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.groupId, t.employeeId] }),
    foreignKey({ columns: [t.agencyId, t.groupId], foreignColumns: [crmGroup.agencyId, crmGroup.id] }),
    foreignKey({ columns: [t.agencyId, t.employeeId], foreignColumns: [employee.agencyId, employee.id] }),
  ],
);

export const source = pgTable(
  'source',
  {
    agencyId: agencyId().references(() => agency.id),
    id: identity(),
    /** What a person calls it: the file's name or the address without its query. */
    name: text('name').notNull(),
    /** Full path of a file that is called by its bare name, so that a namesake from another folder is noticed. */
    location: text('location'),
    branchId: id('branch_id'),
    createdAt: moment('created_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.id] }),
    unique().on(t.agencyId, t.name),
    foreignKey({ columns: [t.agencyId, t.branchId], foreignColumns: [branch.agencyId, branch.id] }),
  ],
);

export const importRun = pgTable(
  'import_run',
  {
    agencyId: agencyId(),
    id: identity(),
    sourceId: id('source_id').notNull(),
    startedAt: moment('started_at').notNull(),
    finishedAt: moment('finished_at'),
    /** `imported`, `waiting-for-confirmation` or `failed`; null while it runs. */
    status: text('status'),
    report: jsonb('report'),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.id] }),
    foreignKey({ columns: [t.agencyId, t.sourceId], foreignColumns: [source.agencyId, source.id] }),
  ],
);

/** Offers of a file on their way in; one merge at the end makes them listings. Unlogged: a crash throws them away. */
export const importRow = pgTable(
  'import_row',
  {
    agencyId: agencyId(),
    runId: id('run_id').notNull(),
    externalId: text('external_id').notNull(),
    /** The offer's place in the file. */
    ordinal: integer('ordinal').notNull(),
    /** null: the offer is bad, but its listing is not gone from the source. */
    values: jsonb('values').$type<Partial<Listing>>(),
    hash: digest('hash'),
    employeeId: id('employee_id'),
    duplicateKey: digest('duplicate_key'),
    likenessKey: digest('likeness_key'),
  },
  (t) => [primaryKey({ columns: [t.agencyId, t.runId, t.externalId] })],
);

/** Offers of a source's last file that were not loaded, so that «почему» can be answered for them too. */
export const rejectedOffer = pgTable(
  'rejected_offer',
  {
    agencyId: agencyId(),
    sourceId: id('source_id').notNull(),
    externalId: text('external_id').notNull(),
    line: integer('line').notNull(),
    reasons: jsonb('reasons').$type<string[]>().notNull(),
    at: moment('at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.sourceId, t.externalId, t.line] }),
    foreignKey({ columns: [t.agencyId, t.sourceId], foreignColumns: [source.agencyId, source.id] }),
  ],
);

export const listing = pgTable(
  'listing',
  {
    agencyId: agencyId(),
    /** The number people call it by; unique over all agencies. */
    id: identity(),
    sourceId: id('source_id').notNull(),
    externalId: text('external_id').notNull(),
    branchId: id('branch_id'),
    /** null: nobody was recognised, the listing is in the queue «Без ответственного». */
    employeeId: id('employee_id'),
    /** From whom people handed it over: while the source still names that one, the listing stays where it is. */
    handedFrom: id('handed_from'),
    /** What the source said last. */
    sourceValues: jsonb('source_values').$type<Listing>().notNull(),
    sourceHash: digest('source_hash').notNull(),
    /** What people put over it, field by field, with the source's value of that moment. */
    corrections: jsonb('corrections').$type<Corrections>().notNull().default({}),
    /** The two together: what the gates judge and the feeds carry. */
    values: jsonb('values').$type<Listing>().notNull(),
    valuesHash: digest('values_hash').notNull(),
    /** Since when the source no longer has it. Its marks stay. */
    goneAt: moment('gone_at'),
    firstSeenAt: moment('first_seen_at').notNull(),
    /** When a stored value last changed. */
    changedAt: moment('changed_at').notNull(),
    /** The last change of the stored values came from the source, not from a person. */
    isChangedBySource: boolean('is_changed_by_source').notNull().default(true),
    /** When a person or the source last changed a value or confirmed the listing; texts of ours, photos and phones do not count. */
    freshAt: moment('fresh_at').notNull(),
    kind: text('kind').$type<Listing['kind']>().notNull().generatedAlwaysAs(sql`values->>'kind'`),
    deal: text('deal').$type<Listing['deal']>().notNull().generatedAlwaysAs(sql`values->>'deal'`),
    /** What a tariff asks besides: the first pass of a run has them without opening the values. */
    region: text('region').generatedAlwaysAs(sql`values->>'region'`),
    priceKopecks: id('price_kopecks').generatedAlwaysAs(sql`(values->>'priceKopecks')::bigint`),
    status: text('status').$type<MarketStatus>().notNull().default('active'),
    /** Last day of the reservation; the next day the listing is active by itself. */
    reservedUntil: day('reserved_until'),
    /** The deal's stage as the agency calls it. */
    stage: text('stage'),
    /** Why it must never be advertised («собственник против рекламы»); null: nobody forbade it. */
    forbiddenReason: text('forbidden_reason'),
    /** When the owner or tenant is to be called again; overdue makes the listing stale. */
    callBackAt: moment('call_back_at'),
    archivedAt: moment('archived_at'),
    /** Since when the content differs from the approved one. */
    pendingSince: moment('pending_since'),
    /** Equal keys: the same flat (address, number, area, floor); null without a flat number. */
    duplicateKey: digest('duplicate_key'),
    /** Equal keys: probably the same property; only advises. */
    likenessKey: digest('likeness_key'),
    /** Equal keys: the same set of pictures of a property of the same size. */
    photosKey: digest('photos_key'),
    /** What the probes say of its photos together (domain/photos.ts); null until probed. */
    photoFacts: jsonb('photo_facts').$type<PhotoFacts>(),
    /** What people search a listing by: its numbers, address, title. */
    search: tsvector('search').generatedAlwaysAs(sql`to_tsvector('simple', translate(lower(
      external_id || ' ' || coalesce(values->>'address', '') || ' ' || coalesce(values->>'locality', '') || ' ' || coalesce(values->>'title', '')
        || ' ' || coalesce(values->>'cadastralNumber', '')), 'ё', 'е'))`),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.id] }),
    unique().on(t.agencyId, t.sourceId, t.externalId),
    // Pages of the list in the orders people sort by; what is archived is asked for by name.
    index('listing_by_change').on(t.agencyId, t.changedAt, t.id).where(sql`archived_at is null`),
    index('listing_by_price').on(t.agencyId, sql`coalesce(price_kopecks, 0)`, t.id).where(sql`archived_at is null`),
    index('listing_by_employee').on(t.agencyId, t.employeeId, t.changedAt, t.id).where(sql`archived_at is null`),
    index('listing_by_branch').on(t.agencyId, t.branchId, t.changedAt, t.id).where(sql`archived_at is null`),
    index('listing_search').using('gin', t.search),
    index().on(t.agencyId, t.employeeId),
    index().on(t.agencyId, t.duplicateKey),
    index().on(t.agencyId, t.likenessKey),
    index().on(t.agencyId, t.photosKey),
    foreignKey({ columns: [t.agencyId, t.sourceId], foreignColumns: [source.agencyId, source.id] }),
    foreignKey({ columns: [t.agencyId, t.branchId], foreignColumns: [branch.agencyId, branch.id] }),
    foreignKey({ columns: [t.agencyId, t.employeeId], foreignColumns: [employee.agencyId, employee.id] }),
  ],
);

export const cabinet = pgTable(
  'cabinet',
  {
    agencyId: agencyId().references(() => agency.id),
    id: identity(),
    board: text('board').notNull(),
    /** Part of the feed's address: latin letters, digits, hyphens. */
    slug: text('slug').notNull(),
    name: text('name').notNull(),
    family: text('family').$type<'avito' | 'cian' | 'yandex'>().notNull(),
    branchId: id('branch_id'),
    /** Which token is valid: the address is derived from the secret and this number. */
    tokenSerial: integer('token_serial').notNull().default(1),
    /** Earlier numbers and until when their addresses answer; every rotation adds one. */
    previousTokens: jsonb('previous_tokens').$type<PreviousToken[]>().notNull().default([]),
    /** Grows with every publish that starts; only the newest one may commit. */
    fence: id('fence').notNull().default(0),
    editionId: id('edition_id'),
    settings: jsonb('settings').$type<Partial<CabinetSettings>>().notNull().default({}),
    calendar: jsonb('calendar').$type<Calendar>(),
    /** When the next run is due; null: nothing changes by itself and nobody changed anything. */
    dueAt: moment('due_at'),
    /** The due moment a run has taken and not finished with; a killed run leaves it, and the cabinet is due again. */
    claimedDueAt: moment('claimed_due_at'),
    /** Something that its decisions depend on was changed since its last run began. */
    isTouched: boolean('is_touched').notNull().default(true),
    /** What the last run's decisions depended on besides the listings, by group (domain/brake.ts): tells a mass cause. */
    causes: jsonb('causes').$type<Record<string, string>>(),
    /** Why the last edition keeps listings that should have left; null: nothing is held. */
    brake: jsonb('brake').$type<BrakeState>(),
    /** A person agreed to the loss; the next run lets it happen and clears this. */
    brakeRelease: jsonb('brake_release').$type<{ readonly by: string; readonly at: string; readonly reason: string }>(),
    /** Local days up to this one are in `day_record`. */
    recordedThrough: day('recorded_through'),
    /** The moment up to which everything the cabinet has shown is paid for; only moves forward. */
    billedAt: moment('billed_at'),
    /** The zone its days were counted in then: when it is moved, holds may be of a day that is not today's neighbour any more. */
    billedZone: text('billed_zone'),
    /** How many marks were ever made: the next mark's place in the day's vectors. */
    marksMade: integer('marks_made').notNull().default(0),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.id] }),
    unique().on(t.agencyId, t.board, t.slug),
    index().on(t.dueAt),
    foreignKey({ columns: [t.agencyId, t.branchId], foreignColumns: [branch.agencyId, branch.id] }),
  ],
);

/** A wish to have a listing on a board. It survives removal and re-import of the listing. People write here, runs never do. */
export const mark = pgTable(
  'mark',
  {
    agencyId: agencyId(),
    cabinetId: id('cabinet_id').notNull(),
    listingId: id('listing_id').notNull(),
    isLive: boolean('is_live').notNull().default(true),
    markedAt: moment('marked_at').notNull(),
    unmarkedAt: moment('unmarked_at'),
    /** The cabinet's fencing number when the mark was taken off: a run of that number or an older one must not serve it. */
    unmarkedFence: id('unmarked_fence'),
    /** Who wished it: a person, the agency's default or a marking rule. */
    origin: text('origin').$type<'hand' | 'default' | 'rule'>().notNull().default('hand'),
    /** The placement term, both days inclusive in the cabinet's zone; null: open. */
    startsOn: day('starts_on'),
    endsOn: day('ends_on'),
    /** Goes first when places are given out. */
    isPinned: boolean('is_pinned').notNull().default(false),
    /** Place in the day's vectors: dense, given once. */
    ordinal: integer('ordinal').notNull(),
    /** The listing's id at the board: given once, never changed, never given to another listing of the cabinet. */
    boardOfferId: text('board_offer_id').notNull(),
    /** The number Avito itself gave to an advert that was placed by hand. */
    avitoId: id('avito_id'),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.cabinetId, t.listingId] }),
    unique().on(t.agencyId, t.cabinetId, t.boardOfferId),
    unique().on(t.agencyId, t.cabinetId, t.ordinal),
    index().on(t.agencyId, t.listingId),
    foreignKey({ columns: [t.agencyId, t.cabinetId], foreignColumns: [cabinet.agencyId, cabinet.id] }),
    foreignKey({ columns: [t.agencyId, t.listingId], foreignColumns: [listing.agencyId, listing.id] }),
  ],
);

/** What a decision about a mark consists of; written by runs only, so a commit never waits for a person or makes one wait. */
const decision = {
  outcome: text('outcome').$type<Outcome>().notNull(),
  /** The first closed gate in words, with absolute days and numbers; null when published. */
  reason: text('reason'),
  /** What was found in the content: notices, approval, lapse; null when there is nothing to tell (export/judgement.ts). */
  judgement: jsonb('judgement').$type<Judgement>(),
  /** The key of all that the judgement and the offer depend on. */
  inputKey: digest('input_key').notNull(),
  /** The part of it that is the listing's own content, without rules and settings. */
  contentKey: digest('content_key').notNull(),
  /** The price in the edition, whole kopecks; for the brake. */
  priceKopecks: id('price_kopecks'),
  /** Kept by the brake with its last published content. */
  isHeld: boolean('is_held').notNull().default(false),
  /** The local day on which the place it holds was given; null: no place. */
  placedOn: day('placed_on'),
  /** Since when it waits for a place; null: does not wait. */
  waitingSince: moment('waiting_since'),
  /** A used-up placement of a package: its first and last day. */
  placementFrom: day('placement_from'),
  placementUntil: day('placement_until'),
};

/** The current decision about a mark. */
export const markOutcome = pgTable(
  'mark_outcome',
  {
    agencyId: agencyId(),
    cabinetId: id('cabinet_id').notNull(),
    listingId: id('listing_id').notNull(),
    ...decision,
    /** Since when the outcome is this one. */
    since: moment('since').notNull(),
    decidedAt: moment('decided_at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.cabinetId, t.listingId] }),
    index().on(t.agencyId, t.cabinetId, t.outcome),
    // The moderators' queue: few of the marks, asked for again and again (store/moderation-queue.ts).
    index('mark_outcome_moderated')
      .on(t.agencyId, t.listingId)
      .where(sql`judgement->>'approval' in ('awaiting', 'kept') and judgement->'returned' is null`),
    foreignKey({
      columns: [t.agencyId, t.cabinetId, t.listingId],
      foreignColumns: [mark.agencyId, mark.cabinetId, mark.listingId],
    }),
  ],
);

/** Outcomes are the mark's current row and these changes, never a row per run. */
export const markTransition = pgTable(
  'mark_transition',
  {
    agencyId: agencyId(),
    id: identity(),
    cabinetId: id('cabinet_id').notNull(),
    listingId: id('listing_id').notNull(),
    at: moment('at').notNull(),
    /** `unmarked`: the mark was taken off and has left the feed. */
    outcome: text('outcome').$type<Outcome | 'unmarked'>().notNull(),
    editionId: id('edition_id'),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.id] }),
    index().on(t.agencyId, t.cabinetId, t.listingId, t.at),
    index().on(t.agencyId, t.cabinetId, t.at),
  ],
);

/**
 * Why a mark was kept off the board, in the words of its day, for reports of past months: transitions are forgotten
 * sooner and tell no words. A row ends the one before it (store/past-reasons.ts).
 */
export const markReason = pgTable(
  'mark_reason',
  {
    agencyId: agencyId(),
    id: identity(),
    cabinetId: id('cabinet_id').notNull(),
    listingId: id('listing_id').notNull(),
    at: moment('at').notNull(),
    outcome: text('outcome').$type<Outcome | 'unmarked'>().notNull(),
    /** null: from here on nothing is kept off, or for a reason that is not recorded. */
    reason: text('reason'),
  },
  (t) => [primaryKey({ columns: [t.agencyId, t.id] }), index().on(t.agencyId, t.cabinetId, t.listingId, t.id)],
);

/** A placement of a package that was used up. It stays used up, whatever becomes of the mark. */
export const placement = pgTable(
  'placement',
  {
    agencyId: agencyId(),
    cabinetId: id('cabinet_id').notNull(),
    listingId: id('listing_id').notNull(),
    /** First and last day, inclusive. */
    from: day('from_on').notNull(),
    until: day('until_on').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.cabinetId, t.listingId, t.from] }),
    index().on(t.agencyId, t.cabinetId, t.from),
    foreignKey({
      columns: [t.agencyId, t.cabinetId, t.listingId],
      foreignColumns: [mark.agencyId, mark.cabinetId, mark.listingId],
    }),
  ],
);

/** Decisions of a run on their way in, invisible until its one short commit. Unlogged like `import_row`. */
export const outcomeStage = pgTable(
  'outcome_stage',
  {
    agencyId: agencyId(),
    cabinetId: id('cabinet_id').notNull(),
    fence: id('fence').notNull(),
    listingId: id('listing_id').notNull(),
    ...decision,
  },
  (t) => [primaryKey({ columns: [t.agencyId, t.cabinetId, t.fence, t.listingId] })],
);

/** A finished feed file. Never changed; the cabinet points at the one that is served. */
export const edition = pgTable(
  'edition',
  {
    agencyId: agencyId(),
    id: identity(),
    cabinetId: id('cabinet_id').notNull(),
    offers: integer('offers').notNull(),
    bytes: id('bytes').notNull(),
    gzipBytes: id('gzip_bytes').notNull(),
    sha256: digest('sha256').notNull(),
    gzipSha256: digest('gzip_sha256').notNull(),
    /** The moment in the file's head: when the offers last changed. */
    generatedAt: moment('generated_at').notNull(),
    publishedAt: moment('published_at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.id] }),
    index().on(t.agencyId, t.cabinetId, t.id),
    foreignKey({ columns: [t.agencyId, t.cabinetId], foreignColumns: [cabinet.agencyId, cabinet.id] }),
  ],
);

/** A board (or somebody with the address) took the feed. */
export const feedPull = pgTable(
  'feed_pull',
  {
    agencyId: agencyId(),
    id: identity(),
    cabinetId: id('cabinet_id').notNull(),
    editionId: id('edition_id'),
    at: moment('at').notNull(),
    method: text('method').notNull(),
    status: integer('status').notNull(),
    encoding: text('encoding').notNull(),
    bytes: id('bytes').notNull(),
    isPreviousToken: boolean('is_previous_token').notNull(),
    userAgent: text('user_agent'),
    address: text('address'),
  },
  (t) => [primaryKey({ columns: [t.agencyId, t.id] }), index().on(t.agencyId, t.cabinetId, t.at)],
);

/** What a person said of a listing's content. The newest one in force decides; an undone one never was. */
export const verdict = pgTable(
  'verdict',
  {
    agencyId: agencyId(),
    id: identity(),
    listingId: id('listing_id').notNull(),
    kind: text('kind').$type<'approved' | 'returned'>().notNull(),
    /** The moderatable values that were looked at. */
    content: jsonb('content').$type<Partial<Listing>>().notNull(),
    contentHash: digest('content_hash').notNull(),
    /** sha-256 of the photos' bytes by address, where known then. */
    photoHashes: jsonb('photo_hashes').$type<Record<string, string>>().notNull().default({}),
    reasons:
      jsonb('reasons').$type<{ readonly code: string; readonly text: string; readonly field: string | null }[]>(),
    note: text('note'),
    employeeId: id('employee_id'),
    by: text('by').notNull(),
    /** The listing is the moderator's own, and the agency's policy allows that. */
    isOwn: boolean('is_own').notNull().default(false),
    at: moment('at').notNull(),
    /** Ten seconds later: until then it can be undone. */
    effectiveAt: moment('effective_at').notNull(),
    undoneAt: moment('undone_at'),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.id] }),
    index().on(t.agencyId, t.listingId, t.effectiveAt),
    foreignKey({ columns: [t.agencyId, t.listingId], foreignColumns: [listing.agencyId, listing.id] }),
  ],
);

/** A case that a moderator put aside, until a moment or until the agent has answered. An edit of the listing brings it back. */
export const postponement = pgTable(
  'postponement',
  {
    agencyId: agencyId(),
    listingId: id('listing_id').notNull(),
    /** Of the values that were put aside. */
    valuesHash: digest('values_hash').notNull(),
    until: moment('until').notNull(),
    by: text('by').notNull(),
    employeeId: id('employee_id'),
    at: moment('at').notNull(),
    /** What the agent was asked; null: nothing. */
    question: text('question'),
    answer: text('answer'),
    answeredBy: text('answered_by'),
    answeredAt: moment('answered_at'),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.listingId] }),
    foreignKey({ columns: [t.agencyId, t.listingId], foreignColumns: [listing.agencyId, listing.id] }),
  ],
);

/** Who has a case open, so that two do not read the same text. Worth a minute; swept when somebody looks. */
export const moderationLook = pgTable(
  'moderation_look',
  {
    agencyId: agencyId(),
    listingId: id('listing_id').notNull(),
    employeeId: id('employee_id').notNull(),
    since: moment('since').notNull(),
    seenAt: moment('seen_at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.listingId, t.employeeId] }),
    foreignKey({ columns: [t.agencyId, t.listingId], foreignColumns: [listing.agencyId, listing.id] }),
    foreignKey({ columns: [t.agencyId, t.employeeId], foreignColumns: [employee.agencyId, employee.id] }),
  ],
);

/** A demand of the agency in the shape of a board rule (boards/catalogue.ts). */
export const norm = pgTable(
  'norm',
  {
    agencyId: agencyId().references(() => agency.id),
    id: identity(),
    code: text('code').notNull(),
    /** Boards it is meant for; null: all. */
    boards: text('boards').array(),
    rule: jsonb('rule').notNull(),
    by: text('by').notNull(),
    createdAt: moment('created_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.agencyId, t.id] }), unique().on(t.agencyId, t.code)],
);

/** Lets one listing past a norm, freshness or a duplicate until a day. Never past a board's rule, money or moderation. */
export const exception = pgTable(
  'exception',
  {
    agencyId: agencyId(),
    id: identity(),
    listingId: id('listing_id').notNull(),
    gate: text('gate').$type<'norms' | 'fresh' | 'duplicate'>().notNull(),
    /** One norm; null: all of them. */
    normCode: text('norm_code'),
    reason: text('reason').notNull(),
    by: text('by').notNull(),
    at: moment('at').notNull(),
    /** Last day, in the agency's zone. */
    until: day('until').notNull(),
    revokedAt: moment('revoked_at'),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.id] }),
    index().on(t.agencyId, t.listingId),
    foreignKey({ columns: [t.agencyId, t.listingId], foreignColumns: [listing.agencyId, listing.id] }),
  ],
);

/** A manual stop: of everything, a branch, a cabinet, a listing everywhere or in one cabinet. */
export const pause = pgTable(
  'pause',
  {
    agencyId: agencyId().references(() => agency.id),
    id: identity(),
    branchId: id('branch_id'),
    cabinetId: id('cabinet_id'),
    listingId: id('listing_id'),
    from: moment('from_at').notNull(),
    /** null is not allowed: a pause without an end is forgotten. */
    until: moment('until_at').notNull(),
    reason: text('reason').notNull(),
    by: text('by').notNull(),
    /** Whose it is; null: of the command line, a program, or before this was kept. */
    employeeId: id('employee_id'),
    endedAt: moment('ended_at'),
  },
  (t) => [primaryKey({ columns: [t.agencyId, t.id] }), index().on(t.agencyId, t.until)],
);

/** One line of the phone timetable (domain/phones.ts). */
export const phoneLine = pgTable(
  'phone_line',
  {
    agencyId: agencyId().references(() => agency.id),
    id: identity(),
    scope: text('scope').$type<'employee' | 'department' | 'branch' | 'agency'>().notNull(),
    /** Of the employee, department or branch; null for the agency. */
    scopeId: id('scope_id'),
    /** null: every board. */
    board: text('board'),
    /** ISO weekdays, 1 Monday to 7 Sunday. */
    weekdays: smallint('weekdays').array().notNull(),
    /** Minutes of the day in the branch's zone, `from` inclusive, `to` exclusive; 0–1440. */
    fromMinute: integer('from_minute').notNull(),
    toMinute: integer('to_minute').notNull(),
    /** A line of the roster of duty holds on these days only and beats the timetable. */
    startsOn: day('starts_on'),
    endsOn: day('ends_on'),
    kind: text('kind').$type<'own' | 'duty' | 'call-centre' | 'tracking'>().notNull(),
    /** E.164; null for the agent's own number. */
    phone: text('phone'),
    note: text('note'),
  },
  (t) => [primaryKey({ columns: [t.agencyId, t.id] })],
);

/** Which listings are marked by themselves (domain/marking.ts). */
export const markingRule = pgTable(
  'marking_rule',
  {
    agencyId: agencyId().references(() => agency.id),
    id: identity(),
    name: text('name').notNull(),
    when: jsonb('when').notNull(),
    cabinetIds: bigint('cabinet_ids', { mode: 'number' }).array().notNull(),
    termDays: integer('term_days'),
    isActive: boolean('is_active').notNull().default(true),
  },
  (t) => [primaryKey({ columns: [t.agencyId, t.id] }), unique().on(t.agencyId, t.name)],
);

/** What somebody is asked or told: confirm a listing, a term ends, a verdict, a duplicate, the brake. */
export const message = pgTable(
  'message',
  {
    agencyId: agencyId().references(() => agency.id),
    id: identity(),
    /** Equal keys are one message, however often it is sent. */
    key: text('key').notNull(),
    kind: text('kind').notNull(),
    /** null: everybody of the role. */
    employeeId: id('employee_id'),
    role: text('role').$type<Role>(),
    listingId: id('listing_id'),
    cabinetId: id('cabinet_id'),
    text: text('text').notNull(),
    at: moment('at').notNull(),
    doneAt: moment('done_at'),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.id] }),
    unique().on(t.agencyId, t.key),
    index().on(t.agencyId, t.employeeId, t.at),
    // Whatever is done to a listing ends what was asked about it.
    index('message_open_by_listing').on(t.agencyId, t.listingId).where(sql`done_at is null`),
  ],
);

/** What people did to listings, marks and settings: who, what, when. Never changed. */
export const journal = pgTable(
  'journal',
  {
    agencyId: agencyId().references(() => agency.id),
    id: identity(),
    at: moment('at').notNull(),
    by: text('by').notNull(),
    action: text('action').notNull(),
    listingId: id('listing_id'),
    cabinetId: id('cabinet_id'),
    facts: jsonb('facts').$type<Record<string, unknown>>().notNull().default({}),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.id] }),
    index().on(t.agencyId, t.listingId, t.at),
    index().on(t.agencyId, t.at, t.id),
  ],
);

/** A picture as the last probe saw it, by address. */
export const photo = pgTable(
  'photo',
  {
    agencyId: agencyId().references(() => agency.id),
    id: identity(),
    url: text('url').notNull(),
    host: text('host').notNull(),
    /** When it was last looked at with an answer; null: never. */
    probedAt: moment('probed_at'),
    nextProbeAt: moment('next_probe_at').notNull(),
    status: integer('status'),
    type: text('type'),
    bytes: id('bytes'),
    width: integer('width'),
    height: integer('height'),
    etag: text('etag'),
    sha256: digest('sha256'),
    /** 64-bit difference hash of the picture, 16 hexadecimal digits. */
    dhash: text('dhash'),
    /** Pictures that look the same share the number of the first of them. */
    lookId: id('look_id'),
    failures: integer('failures').notNull().default(0),
    firstFailedAt: moment('first_failed_at'),
    lastError: text('last_error'),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.id] }),
    unique().on(t.agencyId, t.url),
    index().on(t.nextProbeAt),
    index().on(t.agencyId, t.dhash),
    // Screens name a picture by the md5 of its address.
    index('photo_by_key').on(t.agencyId, sql`md5(url)`),
  ],
);

/** Which pictures a listing shows. */
export const listingPhoto = pgTable(
  'listing_photo',
  { agencyId: agencyId(), listingId: id('listing_id').notNull(), photoId: id('photo_id').notNull() },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.listingId, t.photoId] }),
    index().on(t.agencyId, t.photoId),
    foreignKey({ columns: [t.agencyId, t.listingId], foreignColumns: [listing.agencyId, listing.id] }),
    foreignKey({ columns: [t.agencyId, t.photoId], foreignColumns: [photo.agencyId, photo.id] }),
  ],
);

/** A run of one cabinet. The due moment is taken once, whoever rings. */
export const exportRun = pgTable(
  'export_run',
  {
    agencyId: agencyId(),
    id: identity(),
    cabinetId: id('cabinet_id').notNull(),
    fence: id('fence').notNull(),
    /** The moment that made it due; null: a person asked. */
    slot: moment('slot'),
    cause: text('cause').$type<'due' | 'person'>().notNull(),
    startedAt: moment('started_at').notNull(),
    finishedAt: moment('finished_at'),
    /** null while it runs; `lost`: its process died and a later run took over. */
    status: text('status').$type<'done' | 'failed' | 'overtaken' | 'lost'>(),
    editionId: id('edition_id'),
    outcomes: jsonb('outcomes').$type<Record<string, number>>(),
    /** How many outcomes changed. */
    changed: integer('changed'),
    error: text('error'),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.id] }),
    index().on(t.agencyId, t.cabinetId, t.id),
    unique().on(t.agencyId, t.cabinetId, t.slot),
    foreignKey({ columns: [t.agencyId, t.cabinetId], foreignColumns: [cabinet.agencyId, cabinet.id] }),
  ],
);

/** Whose a listing was on a day: branch, department, employee. Dense numbers, so that a day's vector stays small. */
export const unit = pgTable(
  'unit',
  {
    agencyId: agencyId().references(() => agency.id),
    id: integer('id').notNull(),
    branchId: id('branch_id'),
    departmentId: id('department_id'),
    employeeId: id('employee_id'),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.id] }),
    unique().on(t.agencyId, t.branchId, t.departmentId, t.employeeId).nullsNotDistinct(),
  ],
);

/** A cabinet's day: a byte per mark at the mark's ordinal, and a number per mark for its unit. */
export const dayRecord = pgTable(
  'day_record',
  {
    agencyId: agencyId(),
    cabinetId: id('cabinet_id').notNull(),
    day: day('day').notNull(),
    /** Outcomes of the day, one byte per mark, deflated. */
    outcomes: bytes('outcomes').notNull(),
    /** Outcomes at the day's end, from which the next day starts, deflated. */
    closing: bytes('closing').notNull(),
    /** Units, two or four bytes per mark as told by its first byte, deflated; or the changes since an earlier day (domain/day-record.ts). */
    units: bytes('units').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.cabinetId, t.day] }),
    foreignKey({ columns: [t.agencyId, t.cabinetId], foreignColumns: [cabinet.agencyId, cabinet.id] }),
  ],
);

/**
 * An ad account (domain/ledger.ts). The two sums change with transfers only, and the database does not let an account
 * of ours fall below its limit.
 */
export const account = pgTable(
  'account',
  {
    agencyId: agencyId().references(() => agency.id),
    id: identity(),
    kind: text('kind').$type<AccountKind>().notNull(),
    /** Of the branch, department, employee or cabinet; null for the agency and the bank. */
    ownerId: id('owner_id'),
    balanceKopecks: id('balance_kopecks').notNull().default(0),
    heldKopecks: id('held_kopecks').notNull().default(0),
    /** How many transfers have touched it. */
    entries: id('entries').notNull().default(0),
    /** How far below zero it may go. */
    overdraftKopecks: id('overdraft_kopecks').notNull().default(0),
    /** The most that may be spent on a local day and in a month; null: no limit. */
    dayLimitKopecks: id('day_limit_kopecks'),
    monthLimitKopecks: id('month_limit_kopecks'),
    /** Topped up by itself every month. */
    monthly: jsonb('monthly').$type<MonthlyTopUp>(),
    /** Of what people decide about it, so that a change past the program is noticed. */
    seal: digest('seal').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.id] }),
    unique().on(t.agencyId, t.kind, t.ownerId).nullsNotDistinct(),
    check(
      'account_not_overdrawn',
      sql`kind in ('bank', 'board') or balance_kopecks - held_kopecks + overdraft_kopecks >= 0`,
    ),
    check('account_holds', sql`kind = 'board' or held_kopecks >= 0`),
    check('account_limits', sql`overdraft_kopecks >= 0 and day_limit_kopecks >= 0 and month_limit_kopecks >= 0`),
  ],
);

/** Money that moved from one account to another. Never changed and never removed: the database refuses both. */
export const transfer = pgTable(
  'transfer',
  {
    agencyId: agencyId(),
    /** Derived from what it is for (domain/ledger.ts). */
    id: text('id').notNull(),
    seq: id('seq').generatedAlwaysAsIdentity(),
    kind: text('kind').$type<TransferKind>().notNull(),
    /** No foreign keys to accounts and marks: a hundred thousand of these come in one commit, and `verify` proves them. */
    fromId: id('from_id').notNull(),
    toId: id('to_id').notNull(),
    kopecks: id('kopecks').notNull(),
    /** The local day it counts for: of the cabinet, or of the agency where no cabinet is concerned. */
    day: day('day').notNull(),
    at: moment('at').notNull(),
    /** What a charge pays for; null for what is not about a listing. */
    cabinetId: id('cabinet_id'),
    listingId: id('listing_id'),
    basis: text('basis').$type<Basis>(),
    /** The edition it became due with. */
    editionId: id('edition_id'),
    tariffId: id('tariff_id'),
    /** What the price was found by. */
    facts: jsonb('facts').$type<PriceFacts>(),
    promotionId: id('promotion_id'),
    /** The hold that it ends. */
    resolves: text('resolves'),
    /** The charge that it pays back. */
    reverses: text('reverses'),
    by: text('by').notNull(),
    reason: text('reason').notNull(),
    seal: digest('seal').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.id] }),
    index().on(t.agencyId, t.cabinetId, t.day, t.listingId),
    index().on(t.agencyId, t.fromId, t.day),
    index().on(t.agencyId, t.toId, t.day).where(sql`kind in ('top-up', 'move', 'refund', 'correction')`),
    uniqueIndex().on(t.agencyId, t.resolves).where(sql`resolves is not null`),
    uniqueIndex().on(t.agencyId, t.reverses).where(sql`reverses is not null`),
    check('transfer_moves', sql`kopecks > 0 and from_id <> to_id`),
    check('transfer_reverses', sql`(kind = 'refund') = (reverses is not null)`),
    check(
      'transfer_resolves',
      sql`(kind = 'release') <= (resolves is not null) and (resolves is not null) <= (kind in ('charge', 'release'))`,
    ),
  ],
);

/** What an account has spent or holds, by local day (`2026-11-22`) and month (`2026-11`): its limits are held against it. */
export const accountSpending = pgTable(
  'account_spending',
  {
    agencyId: agencyId(),
    accountId: id('account_id').notNull(),
    period: text('period').notNull(),
    kopecks: id('kopecks').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.accountId, t.period] }),
    foreignKey({ columns: [t.agencyId, t.accountId], foreignColumns: [account.agencyId, account.id] }),
  ],
);

/** What adverts of a cabinet cost from a day on. Never changed: a new one takes over. */
export const tariff = pgTable(
  'tariff',
  {
    agencyId: agencyId(),
    id: identity(),
    cabinetId: id('cabinet_id').notNull(),
    /** In the cabinet's zone; later than the day on which it was written down. */
    validFrom: day('valid_from').notNull(),
    terms: jsonb('terms').$type<TariffTerms>().notNull(),
    by: text('by').notNull(),
    createdAt: moment('created_at').notNull(),
    seal: digest('seal').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.id] }),
    index().on(t.agencyId, t.cabinetId, t.validFrom),
    foreignKey({ columns: [t.agencyId, t.cabinetId], foreignColumns: [cabinet.agencyId, cabinet.id] }),
  ],
);

/**
 * A paid level that somebody ordered for a mark. The money is held at once and charged with the first edition that has
 * the listing; whether that has happened is told by the transfers.
 */
export const promotion = pgTable(
  'promotion',
  {
    agencyId: agencyId(),
    id: identity(),
    cabinetId: id('cabinet_id').notNull(),
    listingId: id('listing_id').notNull(),
    /** As board-rules calls it. */
    level: text('level').notNull(),
    days: integer('days').notNull(),
    /** The first day on which it may begin; if it has not begun `days` later, the money is free again. */
    fromOn: day('from_on').notNull(),
    /** null: it costs nothing. */
    holdId: text('hold_id'),
    kopecks: id('kopecks').notNull(),
    by: text('by').notNull(),
    at: moment('at').notNull(),
    seal: digest('seal').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.id] }),
    index().on(t.agencyId, t.cabinetId, t.fromOn),
    foreignKey({
      columns: [t.agencyId, t.cabinetId, t.listingId],
      foreignColumns: [mark.agencyId, mark.cabinetId, mark.listingId],
    }),
  ],
);

/**
 * A day that was shown and could not be charged, because nobody ran the cabinet in time and the account was empty when
 * somebody did. Said outright, so that nothing is silently free. Never changed.
 */
export const waiver = pgTable(
  'waiver',
  {
    agencyId: agencyId(),
    cabinetId: id('cabinet_id').notNull(),
    listingId: id('listing_id').notNull(),
    day: day('day').notNull(),
    /** null: nobody had an account. */
    accountId: id('account_id'),
    kopecks: id('kopecks').notNull(),
    reason: text('reason').notNull(),
    at: moment('at').notNull(),
    seal: digest('seal').notNull(),
  },
  (t) => [primaryKey({ columns: [t.agencyId, t.cabinetId, t.listingId, t.day] })],
);

/** Money lines of a run on their way in, invisible until its one short commit. Unlogged like `outcome_stage`. */
export const moneyStage = pgTable(
  'money_stage',
  {
    agencyId: agencyId(),
    cabinetId: id('cabinet_id').notNull(),
    fence: id('fence').notNull(),
    /** The derived id of the hold or charge. */
    id: text('id').notNull(),
    listingId: id('listing_id').notNull(),
    day: day('day').notNull(),
    /** null: nobody pays, and the day is waived. */
    accountId: id('account_id'),
    kopecks: id('kopecks').notNull(),
    basis: text('basis').$type<Basis>().notNull(),
    tariffId: id('tariff_id').notNull(),
    facts: jsonb('facts').$type<PriceFacts>().notNull(),
    /** It was shown when the day was charged: due whatever becomes of the mark now. */
    isOwed: boolean('is_owed').notNull(),
    /** Owed, and the account could not pay: why. */
    waived: text('waived'),
  },
  (t) => [primaryKey({ columns: [t.agencyId, t.cabinetId, t.fence, t.id] })],
);

/** A file in which a board told what it has charged. */
export const boardReport = pgTable(
  'board_report',
  {
    agencyId: agencyId(),
    id: identity(),
    cabinetId: id('cabinet_id').notNull(),
    name: text('name').notNull(),
    sha256: digest('sha256').notNull(),
    by: text('by').notNull(),
    at: moment('at').notNull(),
    rows: integer('rows').notNull(),
    /** Rows that were in an earlier file already. */
    known: integer('known').notNull(),
    /** First and last day of the file's charges. */
    fromOn: day('from_on'),
    untilOn: day('until_on'),
    seal: digest('seal').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.id] }),
    foreignKey({ columns: [t.agencyId, t.cabinetId], foreignColumns: [cabinet.agencyId, cabinet.id] }),
  ],
);

/** One charge of a board's own. */
export const boardCharge = pgTable(
  'board_charge',
  {
    agencyId: agencyId(),
    cabinetId: id('cabinet_id').notNull(),
    /** The board's number of the operation, or of the row among equal ones: a file loaded twice adds nothing. */
    key: text('key').notNull(),
    reportId: id('report_id').notNull(),
    day: day('day').notNull(),
    /** As the file has it; our listing where it is one of ours. */
    boardOfferId: text('board_offer_id'),
    listingId: id('listing_id'),
    service: text('service').notNull(),
    kopecks: id('kopecks').notNull(),
    seal: digest('seal').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.cabinetId, t.key] }),
    index().on(t.agencyId, t.cabinetId, t.day),
    foreignKey({ columns: [t.agencyId, t.reportId], foreignColumns: [boardReport.agencyId, boardReport.id] }),
  ],
);

/**
 * The counter: who may come in, and as whom. Sign-ins, sessions and links have no agency of their own to be found by
 * (nobody knows it before somebody has signed in): they are reference tables.
 */

/** How an employee signs in. */
export const signIn = pgTable(
  'sign_in',
  {
    id: identity().primaryKey(),
    /** Lower case, without spaces at the ends. */
    login: text('login').notNull().unique(),
    /** argon2id; null: invited and not come yet. */
    passwordHash: text('password_hash'),
    passwordChangedAt: moment('password_changed_at'),
    agencyId: agencyId(),
    employeeId: id('employee_id').notNull(),
    /** Secret of the second factor, sealed with the installation's key; null: off. */
    totpSecret: text('totp_secret'),
    /** The step of the last code taken: no code is taken twice. */
    totpStep: id('totp_step'),
    createdAt: moment('created_at').notNull(),
  },
  (t) => [
    unique().on(t.agencyId, t.employeeId),
    foreignKey({ columns: [t.agencyId, t.employeeId], foreignColumns: [employee.agencyId, employee.id] }),
  ],
);

/** A browser that is signed in. The cookie holds the token, the table its hash. */
export const session = pgTable(
  'session',
  {
    tokenHash: digest('token_hash').primaryKey(),
    /** What a person sees and ends it by. */
    id: digest('id').notNull().unique(),
    signInId: id('sign_in_id')
      .notNull()
      .references(() => signIn.id),
    createdAt: moment('created_at').notNull(),
    seenAt: moment('seen_at').notNull(),
    /** When the person last proved who they are: dangerous deeds ask for a fresh proof. */
    provedAt: moment('proved_at').notNull(),
    userAgent: text('user_agent'),
    address: text('address'),
  },
  (t) => [index().on(t.signInId)],
);

/** A failed attempt to sign in, by login and by address, for the limits. Swept after a day. */
export const signInFailure = pgTable(
  'sign_in_failure',
  {
    id: identity().primaryKey(),
    login: text('login').notNull(),
    address: text('address').notNull(),
    at: moment('at').notNull(),
  },
  (t) => [index().on(t.login, t.at), index().on(t.address, t.at)],
);

/** A link that lets somebody in once: the first administrator, a new employee, a forgotten password. */
export const invitation = pgTable('invitation', {
  tokenHash: digest('token_hash').primaryKey(),
  /** null: the first administrator of an installation, who names agency and self. */
  agencyId: integer('agency_id'),
  employeeId: id('employee_id'),
  by: text('by').notNull(),
  createdAt: moment('created_at').notNull(),
  expiresAt: moment('expires_at').notNull(),
  usedAt: moment('used_at'),
});

/** A role of a person and how far it reaches. Who has no row has the employee's role with its usual reach. */
export const roleGrant = pgTable(
  'role_grant',
  {
    agencyId: agencyId(),
    id: identity(),
    employeeId: id('employee_id').notNull(),
    role: text('role').$type<Role>().notNull(),
    scope: text('scope').$type<Scope>().notNull(),
    branchId: id('branch_id'),
    departmentId: id('department_id'),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.id] }),
    unique().on(t.agencyId, t.employeeId, t.role, t.scope, t.branchId, t.departmentId).nullsNotDistinct(),
    foreignKey({ columns: [t.agencyId, t.employeeId], foreignColumns: [employee.agencyId, employee.id] }),
    foreignKey({ columns: [t.agencyId, t.branchId], foreignColumns: [branch.agencyId, branch.id] }),
    foreignKey({ columns: [t.agencyId, t.departmentId], foreignColumns: [department.agencyId, department.id] }),
    check(
      'scope_names_its_unit',
      sql`(${t.scope} = 'branch') = (${t.branchId} is not null) and (${t.scope} = 'department') = (${t.departmentId} is not null)`,
    ),
  ],
);

/** A key for programs: `vg_…`, shown once, kept as a hash. It may what its person may, within its own scopes. */
export const apiToken = pgTable(
  'api_token',
  {
    agencyId: agencyId(),
    id: identity(),
    employeeId: id('employee_id').notNull(),
    tokenHash: digest('token_hash').notNull().unique(),
    name: text('name').notNull(),
    scopes: text('scopes').array().notNull(),
    by: text('by').notNull(),
    createdAt: moment('created_at').notNull(),
    lastUsedAt: moment('last_used_at'),
    revokedAt: moment('revoked_at'),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.id] }),
    foreignKey({ columns: [t.agencyId, t.employeeId], foreignColumns: [employee.agencyId, employee.id] }),
  ],
);

/** The first answer to a request with an `Idempotency-Key`, given again when the same request comes again (`answers.ts`). Kept for a day. */
export const idempotentAnswer = pgTable(
  'idempotent_answer',
  {
    agencyId: agencyId(),
    employeeId: id('employee_id').notNull(),
    key: text('key').notNull(),
    /** Of method, address and body. */
    requestHash: digest('request_hash').notNull(),
    /** null: the first request is still being answered, or was killed; 500: it failed after it had done something. */
    status: integer('status'),
    /** Until there is one: whose the claim is, and whether it has done anything. */
    answer: jsonb('answer'),
    at: moment('at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.agencyId, t.employeeId, t.key] })],
);

/** A list as somebody likes it: filter, sort and columns under a name. */
export const savedView = pgTable(
  'saved_view',
  {
    agencyId: agencyId(),
    id: identity(),
    employeeId: id('employee_id').notNull(),
    screen: text('screen').notNull(),
    name: text('name').notNull(),
    /** The query of the screen's address. */
    query: text('query').notNull(),
    isShared: boolean('is_shared').notNull().default(false),
    createdAt: moment('created_at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.id] }),
    unique().on(t.agencyId, t.employeeId, t.screen, t.name),
    foreignKey({ columns: [t.agencyId, t.employeeId], foreignColumns: [employee.agencyId, employee.id] }),
  ],
);

/** A picture that was uploaded here: turned, re-encoded, kept in the data folder under its hash. */
export const media = pgTable(
  'media',
  {
    agencyId: agencyId(),
    sha256: digest('sha256').notNull(),
    bytes: integer('bytes').notNull(),
    width: integer('width').notNull(),
    height: integer('height').notNull(),
    by: text('by').notNull(),
    at: moment('at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.agencyId, t.sha256] })],
);

/** How many marks of a cabinet had an outcome, or stood blocked by a notice, at the end of a local day. */
export const noticeDay = pgTable(
  'notice_day',
  {
    agencyId: agencyId(),
    cabinetId: id('cabinet_id').notNull(),
    day: day('day').notNull(),
    /** As in `day_record`: whose the listings were. */
    unitId: integer('unit_id').notNull(),
    outcome: text('outcome').$type<Outcome>().notNull(),
    /** Empty: all marks of the outcome. */
    code: text('code').notNull(),
    marks: integer('marks').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.cabinetId, t.day, t.unitId, t.outcome, t.code] }),
    foreignKey({ columns: [t.agencyId, t.cabinetId], foreignColumns: [cabinet.agencyId, cabinet.id] }),
  ],
);

/** A file that somebody gave to the counter to be loaded, and what became of it. The file itself lies in the data folder. */
export const upload = pgTable(
  'upload',
  {
    agencyId: agencyId().references(() => agency.id),
    id: identity(),
    /** What the source is called; it may be new. */
    source: text('source').notNull(),
    branchId: id('branch_id'),
    fileName: text('file_name').notNull(),
    bytes: id('bytes').notNull(),
    /** Shows what would change, and changes nothing. */
    isRehearsal: boolean('is_rehearsal').notNull(),
    state: text('state').$type<'queued' | 'running' | 'succeeded' | 'waiting' | 'failed'>().notNull(),
    /** Offers read so far. */
    read: integer('read').notNull().default(0),
    report: jsonb('report'),
    /** Why it failed: a code and a Russian sentence. */
    problem: jsonb('problem').$type<{ readonly code: string; readonly detail: string }>(),
    by: text('by').notNull(),
    createdAt: moment('created_at').notNull(),
    /** When its process last gave a sign of life. */
    seenAt: moment('seen_at').notNull(),
    finishedAt: moment('finished_at'),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.id] }),
    foreignKey({ columns: [t.agencyId, t.branchId], foreignColumns: [branch.agencyId, branch.id] }),
  ],
);

/** A deed over many listings at once: how far it is, and what takes it back. Swept after a day. */
export const bulkDeed = pgTable(
  'bulk_deed',
  {
    agencyId: agencyId(),
    id: identity(),
    employeeId: id('employee_id').notNull(),
    by: text('by').notNull(),
    action: text('action').$type<BulkAction>().notNull(),
    /** Listings that were chosen, and how many of them have been gone through. */
    total: integer('total').notNull(),
    done: integer('done').notNull().default(0),
    /** Marks, terms or pauses that were changed. */
    changed: integer('changed').notNull().default(0),
    /** Why some were left as they are, and how many. */
    leftOut: jsonb('left_out').$type<Record<string, number>>().notNull().default({}),
    startedAt: moment('started_at').notNull(),
    /** When it last got on: a process that died leaves it behind. */
    movedAt: moment('moved_at').notNull(),
    finishedAt: moment('finished_at'),
    /** A Russian sentence; null: nothing went wrong. */
    error: text('error'),
    undoneAt: moment('undone_at'),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.id] }),
    index().on(t.startedAt),
    foreignKey({ columns: [t.agencyId, t.employeeId], foreignColumns: [employee.agencyId, employee.id] }),
  ],
);

/** One thing that such a deed has changed, as it was before. */
export const bulkChange = pgTable(
  'bulk_change',
  {
    agencyId: agencyId(),
    id: identity(),
    deedId: id('deed_id').notNull(),
    /** null: the listing everywhere. */
    cabinetId: id('cabinet_id'),
    listingId: id('listing_id').notNull(),
    before: jsonb('before').$type<Record<string, unknown>>().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.id] }),
    index().on(t.agencyId, t.deedId, t.id),
    foreignKey({ columns: [t.agencyId, t.deedId], foreignColumns: [bulkDeed.agencyId, bulkDeed.id] }).onDelete(
      'cascade',
    ),
  ],
);

/** What boards or the agency's telephony told of a listing's day: null is not known, which is not zero. */
export const audienceDay = pgTable(
  'audience_day',
  {
    agencyId: agencyId(),
    cabinetId: id('cabinet_id').notNull(),
    listingId: id('listing_id').notNull(),
    day: day('day').notNull(),
    views: integer('views'),
    calls: integer('calls'),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.cabinetId, t.listingId, t.day] }),
    index().on(t.agencyId, t.cabinetId, t.day),
    foreignKey({ columns: [t.agencyId, t.cabinetId], foreignColumns: [cabinet.agencyId, cabinet.id] }),
    foreignKey({ columns: [t.agencyId, t.listingId], foreignColumns: [listing.agencyId, listing.id] }),
    check('audience_counts', sql`views >= 0 and calls >= 0 and coalesce(views, calls) is not null`),
  ],
);

/** A link by which an owner reads the report of one listing without signing in. Found by its token alone. */
export const ownerLink = pgTable(
  'owner_link',
  {
    tokenHash: digest('token_hash').primaryKey(),
    agencyId: agencyId(),
    listingId: id('listing_id').notNull(),
    by: text('by').notNull(),
    createdAt: moment('created_at').notNull(),
    expiresAt: moment('expires_at').notNull(),
    revokedAt: moment('revoked_at'),
    lastSeenAt: moment('last_seen_at'),
  },
  (t) => [
    index().on(t.agencyId, t.listingId),
    foreignKey({ columns: [t.agencyId, t.listingId], foreignColumns: [listing.agencyId, listing.id] }),
  ],
);

/** A report that comes to somebody by e-mail every week, counted with that person's own reach. */
export const reportSubscription = pgTable(
  'report_subscription',
  {
    agencyId: agencyId(),
    id: identity(),
    employeeId: id('employee_id').notNull(),
    /** What the report is asked by, without its days: it covers the last whole weeks. */
    query: jsonb('query').$type<Readonly<Record<string, unknown>>>().notNull(),
    weeks: smallint('weeks').notNull(),
    /** ISO weekday, 1 Monday to 7 Sunday, and minute of the day, in the person's branch's zone. */
    weekday: smallint('weekday').notNull(),
    atMinute: smallint('at_minute').notNull(),
    by: text('by').notNull(),
    createdAt: moment('created_at').notNull(),
    /** The moment it was last due at; taken once, whoever rings. */
    lastSlot: moment('last_slot').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.id] }),
    index().on(t.agencyId, t.employeeId),
    foreignKey({ columns: [t.agencyId, t.employeeId], foreignColumns: [employee.agencyId, employee.id] }),
  ],
);

/** An e-mail on its way out: written in the transaction of what it tells, sent afterwards. */
export const mail = pgTable(
  'mail',
  {
    agencyId: agencyId().references(() => agency.id),
    id: identity(),
    /** Equal keys are one letter; its Message-ID is made of it, so that a letter sent twice is known as one. */
    key: text('key').notNull(),
    employeeId: id('employee_id').notNull(),
    subject: text('subject').notNull(),
    text: text('text').notNull(),
    html: text('html').notNull(),
    /** The picture that the letter shows. */
    png: bytes('png'),
    createdAt: moment('created_at').notNull(),
    /** When it is tried (again). */
    dueAt: moment('due_at').notNull(),
    tries: smallint('tries').notNull().default(0),
    sentAt: moment('sent_at'),
    /** Given up. */
    failedAt: moment('failed_at'),
    error: text('error'),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.id] }),
    unique().on(t.agencyId, t.key),
    index('mail_waiting').on(t.dueAt).where(sql`sent_at is null and failed_at is null`),
    foreignKey({ columns: [t.agencyId, t.employeeId], foreignColumns: [employee.agencyId, employee.id] }),
  ],
);
