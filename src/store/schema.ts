import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  customType,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  unique,
} from 'drizzle-orm/pg-core';
import type { Corrections } from '../domain/corrections.ts';
import type { Listing } from '../domain/listing.ts';

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

export const agency = pgTable('agency', {
  id: integer('id').generatedAlwaysAsIdentity().primaryKey(),
  name: text('name').notNull().unique(),
  timeZone: text('time_zone').notNull().default('Europe/Moscow'),
  createdAt: moment('created_at').notNull().defaultNow(),
});

export const branch = pgTable(
  'branch',
  {
    agencyId: agencyId().references(() => agency.id),
    id: identity(),
    name: text('name').notNull(),
    timeZone: text('time_zone'),
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
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.id] }),
    unique().on(t.agencyId, t.sourceId, t.externalId),
    index().on(t.agencyId, t.employeeId),
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
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.id] }),
    unique().on(t.agencyId, t.board, t.slug),
    foreignKey({ columns: [t.agencyId, t.branchId], foreignColumns: [branch.agencyId, branch.id] }),
  ],
);

/** A wish to have a listing on a board. It survives removal and re-import of the listing. */
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
    /** The listing's id at the board: given once, never changed, never given to another listing of the cabinet. */
    boardOfferId: text('board_offer_id').notNull(),
    /** The number Avito itself gave to an advert that was placed by hand. */
    avitoId: id('avito_id'),
    /** The last decision: outcome, notices and the key of all it depended on. */
    outcome: text('outcome'),
    notices: jsonb('notices'),
    inputKey: digest('input_key'),
    decidedAt: moment('decided_at'),
  },
  (t) => [
    primaryKey({ columns: [t.agencyId, t.cabinetId, t.listingId] }),
    unique().on(t.agencyId, t.cabinetId, t.boardOfferId),
    index().on(t.agencyId, t.listingId),
    foreignKey({ columns: [t.agencyId, t.cabinetId], foreignColumns: [cabinet.agencyId, cabinet.id] }),
    foreignKey({ columns: [t.agencyId, t.listingId], foreignColumns: [listing.agencyId, listing.id] }),
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
    outcome: text('outcome').notNull(),
    editionId: id('edition_id'),
  },
  (t) => [primaryKey({ columns: [t.agencyId, t.id] }), index().on(t.agencyId, t.cabinetId, t.listingId, t.at)],
);

/** Decisions of a run on their way in, invisible until its one short commit. Unlogged like `import_row`. */
export const outcomeStage = pgTable(
  'outcome_stage',
  {
    agencyId: agencyId(),
    cabinetId: id('cabinet_id').notNull(),
    fence: id('fence').notNull(),
    listingId: id('listing_id').notNull(),
    outcome: text('outcome').notNull(),
    notices: jsonb('notices'),
    inputKey: digest('input_key').notNull(),
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
