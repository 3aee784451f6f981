import Type, { type Static, type TSchema } from 'typebox';
import {
  ACCOUNT_KINDS,
  type AccountKind,
  OWN_KINDS,
  type OwnKind,
  TRANSFER_KINDS,
  type TransferKind,
} from '../domain/ledger.ts';
import { KOPECKS_MAX } from '../domain/money.ts';
import { MONTHLY_ON_MAX } from '../domain/monthly.ts';
import { LISTS, type ListName } from '../domain/reconcile.ts';
import { GROUPINGS, type Grouping } from '../domain/statement.ts';

/** «Счета»: accounts, their transfers, what money is foreseen to do, and what the boards say they have charged. */

const enumOf = <const T extends string>(values: readonly T[]) => Type.Unsafe<T>({ type: 'string', enum: [...values] });
const orNull = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()]);
const Kopecks = Type.Integer();
const Sum = Type.Integer({ minimum: 1, maximum: KOPECKS_MAX });
const Limit = Type.Integer({ minimum: 0, maximum: KOPECKS_MAX });
const Id = Type.Integer({ minimum: 1 });
const Day = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' });
const Reason = Type.String({ minLength: 1, maxLength: 500 });
const closed = <P extends Parameters<typeof Type.Object>[0]>(properties: P) =>
  Type.Object(properties, { additionalProperties: false });
const OneOrMany = <S extends TSchema>(schema: S) => Type.Optional(Type.Array(schema, { maxItems: 100 }));

export const IdParams = Type.Object({ id: Id });

/** How well an account covers what it is to pay; `free`: it has nothing to pay. */
export const COVER_STATES = ['enough', 'low', 'short', 'free'] as const;
export type CoverState = (typeof COVER_STATES)[number];

export const CoverSchema = Type.Object({
  state: enumOf(COVER_STATES),
  /** «хватает», «скоро кончатся». */
  label: Type.String(),
  /** What all that it is to pay costs tomorrow. */
  dayKopecks: Kopecks,
  /** First day on which there is not enough for everything; null: none as far as was looked. */
  endsOn: orNull(Type.String()),
  /** How many days it lasts, today counted in: 0 is not even today. */
  coverDays: orNull(Type.Integer()),
  /** First day on which its limits stop something. */
  limitedOn: orNull(Type.String()),
  /** The last day that was looked at. */
  until: Type.String(),
});
export type Cover = Static<typeof CoverSchema>;

export const AccountDaySchema = Type.Object({ day: Type.String(), leftKopecks: Kopecks, spentKopecks: Kopecks });

export const MonthlySchema = closed({
  kopecks: Sum,
  /** Day of the month. */
  on: Type.Integer({ minimum: 1, maximum: MONTHLY_ON_MAX }),
  /** The account it is taken from; null: from outside. */
  fromId: orNull(Id),
});

const account = {
  id: Id,
  kind: enumOf<AccountKind>(ACCOUNT_KINDS),
  kindLabel: Type.String(),
  /** «филиал Центр», «Ирина Соколова». */
  name: Type.String(),
  ownerId: orNull(Id),
  branch: orNull(Type.String()),
  /** false: the employee has left. */
  isActive: Type.Boolean(),
  balanceKopecks: Kopecks,
  heldKopecks: Kopecks,
  /** Balance less holds, with the overdraft. */
  availableKopecks: Kopecks,
  overdraftKopecks: Kopecks,
  dayLimitKopecks: orNull(Kopecks),
  monthLimitKopecks: orNull(Kopecks),
  monthly: orNull(MonthlySchema),
  daySpentKopecks: Kopecks,
  monthSpentKopecks: Kopecks,
  /** What waits for money on it: listings, and their marks. */
  waiting: Type.Object({ listings: Type.Integer(), marks: Type.Integer() }),
  /** null: not foretold yet, or an account of a board or of the world outside, which has none. */
  cover: orNull(CoverSchema),
  /** The last 30 days, the oldest first. */
  days: Type.Array(AccountDaySchema),
  may: Type.Object({
    money: Type.Boolean(),
    limits: Type.Boolean(),
    /** Paying back and correcting. */
    back: Type.Boolean(),
  }),
};
export const AccountSchema = Type.Object(account);
export type Account = Static<typeof AccountSchema>;

/** A line of the tree; `account` is null where a unit has none that one may see. */
export const AccountNodeSchema = Type.Object({
  depth: Type.Integer(),
  title: Type.String(),
  account: orNull(AccountSchema),
});
export type AccountNode = Static<typeof AccountNodeSchema>;

/** Who pays for one's own listings, where that account is not one's own to see. */
export const PayerSchema = Type.Object({
  name: Type.String(),
  state: orNull(enumOf(COVER_STATES)),
  label: Type.String(),
});

export const AccountTreeSchema = Type.Object({
  today: Type.String(),
  data: Type.Array(AccountNodeSchema),
  page: Type.Object({ next: Type.Null(), total: Type.Integer() }),
  totals: Type.Object({
    accounts: Type.Integer(),
    balanceKopecks: Kopecks,
    heldKopecks: Kopecks,
    availableKopecks: Kopecks,
    daySpentKopecks: Kopecks,
    monthSpentKopecks: Kopecks,
    /** What tomorrow costs on all of them. */
    dayKopecks: Kopecks,
    /** For how many days the money would last if each account could use all of it; null: nothing costs anything. */
    days: orNull(Type.Integer()),
  }),
  /** Who pays for one's listings instead; null: an account that is in `data`, or nobody. */
  payer: orNull(PayerSchema),
  /** When the covers were foretold, null: not yet; `isStale`: they are being foretold anew, so it is worth asking again. */
  forecast: Type.Object({ at: orNull(Type.String()), isStale: Type.Boolean() }),
  /** One sees one's own account only. */
  isOwn: Type.Boolean(),
  may: Type.Object({ open: Type.Boolean(), move: Type.Boolean(), reconcile: Type.Boolean() }),
});
export type AccountTree = Static<typeof AccountTreeSchema>;

export const WaitingMarkSchema = Type.Object({
  listingId: Id,
  externalId: Type.String(),
  address: orNull(Type.String()),
  cabinetId: Id,
  board: Type.String(),
  /** «Авито», «Авито (second)». */
  cabinet: Type.String(),
  reason: orNull(Type.String()),
  since: Type.String(),
});
export type WaitingMark = Static<typeof WaitingMarkSchema>;

/** One account in full; `version` is what `If-Match` asks for when limits are changed. */
export const AccountPageSchema = Type.Object({
  ...account,
  version: Type.String(),
  /** Where the monthly top-up comes from, by name. */
  monthlyFrom: orNull(Type.String()),
  /** The first marks that wait for money on it. */
  waitingMarks: Type.Array(WaitingMarkSchema),
  /** Accounts that money may be moved to or from. */
  others: Type.Array(Type.Object({ id: Id, name: Type.String() })),
  /** What the ledger can be filtered by. */
  cabinets: Type.Array(Type.Object({ id: Id, name: Type.String() })),
  kinds: Type.Array(Type.Object({ kind: enumOf<TransferKind>(TRANSFER_KINDS), label: Type.String() })),
});
export type AccountPage = Static<typeof AccountPageSchema>;

export const TransferQuery = closed({
  kind: OneOrMany(enumOf<TransferKind>(TRANSFER_KINDS)),
  from: Type.Optional(Day),
  until: Type.Optional(Day),
  cabinet: Type.Optional(Id),
  board: Type.Optional(Type.String({ maxLength: 60 })),
  listing: Type.Optional(Id),
  after: Type.Optional(Type.String({ maxLength: 200 })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
});

export const TransferSchema = Type.Object({
  id: Type.String(),
  kind: enumOf<TransferKind>(TRANSFER_KINDS),
  label: Type.String(),
  /** What it did: to the balance, with its sign, and to what is held. */
  balanceChangeKopecks: Kopecks,
  heldChangeKopecks: Kopecks,
  kopecks: Kopecks,
  /** The local day it counts for, and the moment it was booked. */
  day: Type.String(),
  at: Type.String(),
  board: orNull(Type.String()),
  cabinet: orNull(Type.String()),
  cabinetId: orNull(Id),
  listing: orNull(Type.Object({ id: Id, externalId: Type.String() })),
  employee: orNull(Type.String()),
  branch: orNull(Type.String()),
  /** «день размещения», «со счёта «агентство»». */
  about: Type.String(),
  by: Type.String(),
  reason: Type.String(),
  /** What the account stood at after it, in the order of days; null where the filter leaves transfers out. */
  balanceKopecks: orNull(Kopecks),
  heldKopecks: orNull(Kopecks),
  isRefunded: Type.Boolean(),
  may: Type.Object({ refund: Type.Boolean() }),
});
export type Transfer = Static<typeof TransferSchema>;

export const TransferPageSchema = Type.Object({
  data: Type.Array(TransferSchema),
  page: Type.Object({ next: orNull(Type.String()), total: Type.Null() }),
});
export type TransferPage = Static<typeof TransferPageSchema>;

export const StatementQuery = closed({
  from: Type.Optional(Day),
  until: Type.Optional(Day),
  by: Type.Optional(enumOf<Grouping>(GROUPINGS)),
  /** Of JSON: how many lines. */
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 5000 })),
});

const sums = { entries: Type.Integer(), inKopecks: Kopecks, outKopecks: Kopecks, heldKopecks: Kopecks };
const standing = {
  openingKopecks: Kopecks,
  openingHeldKopecks: Kopecks,
  ...sums,
  closingKopecks: Kopecks,
  closingHeldKopecks: Kopecks,
};
export const StatementSchema = Type.Object({
  period: Type.Object({ from: Type.String(), until: Type.String() }),
  accounts: Type.Array(Type.Object({ id: Id, name: Type.String(), ...standing })),
  totals: Type.Object(standing),
  /** Line by line, where no grouping was asked for. */
  transfers: Type.Array(
    Type.Object({
      accountId: Id,
      id: Type.String(),
      kind: enumOf<TransferKind>(TRANSFER_KINDS),
      label: Type.String(),
      day: Type.String(),
      at: Type.String(),
      inKopecks: Kopecks,
      outKopecks: Kopecks,
      heldKopecks: Kopecks,
      balanceKopecks: Kopecks,
      board: orNull(Type.String()),
      cabinet: orNull(Type.String()),
      listingId: orNull(Id),
      externalId: orNull(Type.String()),
      reason: Type.String(),
      by: Type.String(),
    }),
  ),
  groups: Type.Array(Type.Object({ key: orNull(Type.String()), name: Type.String(), ...sums })),
  /** Lines or groups that did not fit into the limit. */
  left: Type.Integer(),
});
export type StatementAnswer = Static<typeof StatementSchema>;

export const ForecastQuery = closed({ days: Type.Optional(Type.Integer({ minimum: 1, maximum: 366 })) });

export const StopSchema = Type.Object({
  day: Type.String(),
  listingId: Id,
  externalId: Type.String(),
  cabinetId: Id,
  board: Type.String(),
  /** «Авито», «Авито (second)». */
  cabinet: Type.String(),
  cause: Type.String(),
  missingKopecks: Kopecks,
});
export const AccountForecastSchema = Type.Object({
  today: Type.String(),
  until: Type.String(),
  cover: CoverSchema,
  spentKopecks: Kopecks,
  toppedUpKopecks: Kopecks,
  leftKopecks: Kopecks,
  /** Held this month and not charged, because the listings had left before the charge hour. */
  savedKopecks: Kopecks,
  /** Listings that money will stop, by day; the first of them. */
  stops: Type.Array(StopSchema),
  stopCount: Type.Integer(),
});
export type AccountForecastAnswer = Static<typeof AccountForecastSchema>;

/** 0: what is missing, without a top-up. */
export const TopUpTrialSchema = closed({ kopecks: Limit });

const EffectMarkSchema = Type.Object({
  listingId: Id,
  externalId: Type.String(),
  cabinetId: Id,
  board: Type.String(),
  /** «Авито», «Авито (second)». */
  cabinet: Type.String(),
  /** What the next run takes for it. */
  kopecks: Kopecks,
  /** When the next run of its cabinet is due. */
  runAt: Type.String(),
});

/** What a top-up would do: the next run with it beside the next run without. */
export const TopUpEffectSchema = Type.Object({
  kopecks: Kopecks,
  before: CoverSchema,
  after: CoverSchema,
  /** What the account could pay after the next run. */
  leftKopecks: Kopecks,
  /** What it needs so that money stops nobody, without the top-up and still after it. */
  neededKopecks: Kopecks,
  missingKopecks: Kopecks,
  /** Marks and listings that would go out; the first of the marks. */
  goOut: Type.Object({ listings: Type.Integer(), marks: Type.Integer(), data: Type.Array(EffectMarkSchema) }),
  /** Marks that would lose their place in a package to them. */
  giveWay: Type.Integer(),
});
export type TopUpEffect = Static<typeof TopUpEffectSchema>;

export const TopUpSchema = closed({ kopecks: Sum, reason: Type.Optional(Reason) });
export const MoveSchema = closed({ fromId: Id, toId: Id, kopecks: Sum, reason: Type.Optional(Reason) });
export const CorrectSchema = closed({ kopecks: Sum, direction: enumOf(['in', 'out'] as const), reason: Reason });
export const RefundSchema = closed({ reason: Reason });
export const TransferParams = Type.Object({ id: Type.String({ minLength: 1, maxLength: 200 }) });

export const MoneyDoneSchema = Type.Object({
  transfer: Type.String(),
  /** false: it was booked before, by the same key. */
  isNew: Type.Boolean(),
  kopecks: Kopecks,
  accounts: Type.Array(
    Type.Object({ id: Id, name: Type.String(), balanceKopecks: Kopecks, availableKopecks: Kopecks }),
  ),
  /** When the first run that knows of it is due; null: nothing is due. */
  runAt: orNull(Type.String()),
});
export type MoneyDone = Static<typeof MoneyDoneSchema>;

export const AccountChangeSchema = Type.Object(
  {
    overdraftKopecks: Type.Optional(Limit),
    dayLimitKopecks: Type.Optional(orNull(Limit)),
    monthLimitKopecks: Type.Optional(orNull(Limit)),
    monthly: Type.Optional(orNull(MonthlySchema)),
  },
  { additionalProperties: false, minProperties: 1 },
);
export type AccountChangeWish = Static<typeof AccountChangeSchema>;

export const OwnerSchema = closed({ kind: enumOf<OwnKind>(OWN_KINDS), ownerId: orNull(Id) });
export const OpenSchema = closed({ owners: Type.Array(OwnerSchema, { minItems: 1, maxItems: 500 }) });
export const OpenedSchema = Type.Object({
  opened: Type.Integer(),
  accounts: Type.Array(Type.Object({ id: Id, name: Type.String() })),
});
/** Whoever has no account yet. */
export const CandidatesSchema = Type.Object({
  data: Type.Array(
    Type.Object({
      kind: enumOf<OwnKind>(OWN_KINDS),
      kindLabel: Type.String(),
      ownerId: orNull(Id),
      name: Type.String(),
      branch: orNull(Type.String()),
    }),
  ),
});
export type Candidates = Static<typeof CandidatesSchema>;

// ---------------------------------------------------------------------------------------------------------------------
// Reconciliation

/** A cabinet with what its reports of the period say. */
export const CabinetSumsSchema = Type.Object({
  id: Id,
  /** The account that gathers what the cabinet has cost; null: it has cost nothing yet. */
  accountId: orNull(Id),
  board: Type.String(),
  name: Type.String(),
  /** All that was ever charged for it. */
  chargedKopecks: Kopecks,
  reports: Type.Integer(),
  /** Days of the period that a report covers whole, and the last of them. */
  days: Type.Integer(),
  lastOn: orNull(Type.String()),
  boardKopecks: Kopecks,
  oursKopecks: Kopecks,
  differenceKopecks: Kopecks,
  /** Shapes of reports that are known of the board. */
  shapes: Type.Array(Type.Object({ code: Type.String(), title: Type.String(), note: orNull(Type.String()) })),
});
export type CabinetSums = Static<typeof CabinetSumsSchema>;

export const CabinetSumsListSchema = Type.Object({
  period: Type.Object({ from: Type.String(), until: Type.String() }),
  data: Type.Array(CabinetSumsSchema),
});
export type CabinetSumsList = Static<typeof CabinetSumsListSchema>;

export const PeriodQuery = closed({ from: Type.Optional(Day), until: Type.Optional(Day) });

export const ReconciliationQuery = closed({
  from: Type.Optional(Day),
  until: Type.Optional(Day),
  listing: Type.Optional(Id),
  /** Also the rows where everything fits. */
  all: Type.Optional(Type.Boolean()),
});

const reconciled = {
  plannedKopecks: Kopecks,
  chargedKopecks: Kopecks,
  heldKopecks: Kopecks,
  waivedKopecks: Kopecks,
  boardKopecks: Kopecks,
  strangersKopecks: Kopecks,
  unaddressedKopecks: Kopecks,
};
export const ReconciledRowSchema = Type.Object({
  day: Type.String(),
  listingId: orNull(Id),
  externalId: orNull(Type.String()),
  advert: Type.String(),
  outcomeLabel: orNull(Type.String()),
  plannedKopecks: orNull(Kopecks),
  chargedKopecks: Kopecks,
  heldKopecks: Kopecks,
  waivedKopecks: Kopecks,
  boardKopecks: Kopecks,
  boardCharges: Type.Integer(),
  differenceKopecks: orNull(Kopecks),
  lists: Type.Array(Type.Object({ list: enumOf<ListName>(LISTS), label: Type.String() })),
});
export const FindingSchema = Type.Object({
  listingId: orNull(Id),
  externalId: orNull(Type.String()),
  advert: Type.String(),
  days: Type.Array(Type.String()),
  boardKopecks: Kopecks,
  claimKopecks: Kopecks,
  /** For the board's support, ready to be sent. */
  sentence: Type.String(),
});
export const ReconciliationSchema = Type.Object({
  cabinet: Type.Object({ id: Id, board: Type.String(), name: Type.String() }),
  period: Type.Object({ from: Type.String(), until: Type.String() }),
  zone: Type.String(),
  totals: Type.Object(reconciled),
  /** Of the days that a report covers whole. */
  covered: Type.Object({ ...reconciled, days: Type.Integer(), differenceKopecks: Kopecks }),
  /** «21.11.2026–23.11.2026»: days without a whole report, and days of which it is not known what was shown. */
  uncovered: orNull(Type.String()),
  unrecorded: orNull(Type.String()),
  /** By day. */
  days: Type.Array(
    Type.Object({
      day: Type.String(),
      isReported: Type.Boolean(),
      oursKopecks: Kopecks,
      boardKopecks: Kopecks,
      differenceKopecks: orNull(Kopecks),
    }),
  ),
  lists: Type.Array(
    Type.Object({
      list: enumOf<ListName>(LISTS),
      label: Type.String(),
      count: Type.Integer(),
      claimKopecks: Kopecks,
      /** The first of them. */
      findings: Type.Array(FindingSchema),
    }),
  ),
  /** Rows that do not fit, the first of them. */
  rows: Type.Array(ReconciledRowSchema),
  rowCount: Type.Integer(),
});
export type ReconciliationAnswer = Static<typeof ReconciliationSchema>;

export const ReportRowSchema = Type.Object({
  id: Id,
  name: Type.String(),
  by: Type.String(),
  at: Type.String(),
  rows: Type.Integer(),
  known: Type.Integer(),
  from: Type.String(),
  until: Type.String(),
  kopecks: Kopecks,
});
export const ReportListSchema = Type.Object({ data: Type.Array(ReportRowSchema) });
export type ReportList = Static<typeof ReportListSchema>;

export const columnNamed = Type.Optional(Type.String({ minLength: 1, maxLength: 200 }));
/** How a table that a person gives is to be read. */
export const reading = {
  encoding: Type.Optional(enumOf(['utf-8', 'windows-1251'] as const)),
  delimiter: Type.Optional(enumOf(['semicolon', 'comma', 'tab'] as const)),
  /** JSON: the way to the list of records. */
  rows: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
};
export const PeekQuery = closed(reading);

/** How a file is to be read. Roles are named by the columns that have them: `sum=Списано`. */
export const ReportQuery = closed({
  ...reading,
  name: Type.String({ minLength: 1, maxLength: 200 }),
  shape: columnNamed,
  day: columnNamed,
  advert: columnNamed,
  boardNumber: columnNamed,
  listing: columnNamed,
  sum: columnNamed,
  service: columnNamed,
  operation: columnNamed,
  /** The day of all rows, where no column has it. */
  onDay: Type.Optional(Day),
  /** `Тип=Списание`: only rows with this value. */
  only: OneOrMany(Type.String({ minLength: 3, maxLength: 200 })),
  chargesNegative: Type.Optional(Type.Boolean()),
  from: Type.Optional(Day),
  until: Type.Optional(Day),
  /** Only tells what was understood. */
  trial: Type.Optional(Type.Boolean()),
});

export const PeekSchema = Type.Object({
  format: enumOf(['csv', 'json'] as const),
  encoding: enumOf(['utf-8', 'windows-1251'] as const),
  delimiter: orNull(enumOf(['semicolon', 'comma', 'tab'] as const)),
  lists: Type.Array(Type.String()),
  columns: Type.Array(Type.String()),
  rows: Type.Array(Type.Array(Type.String())),
  roles: Type.Array(Type.Object({ role: Type.String(), label: Type.String(), words: Type.String() })),
  /** What the columns may be. */
  guess: Type.Object({
    shape: orNull(Type.String()),
    columns: Type.Record(Type.String(), Type.String()),
  }),
});
export type Peek = Static<typeof PeekSchema>;

export const LoadedReportSchema = Type.Object({
  id: orNull(Id),
  isTrial: Type.Boolean(),
  /** false: this very file was loaded before. */
  isNew: Type.Boolean(),
  /** `json`: lines are numbers of records. */
  format: enumOf(['csv', 'json'] as const),
  from: Type.String(),
  until: Type.String(),
  added: Type.Integer(),
  addedKopecks: Kopecks,
  known: Type.Integer(),
  strangers: Type.Integer(),
  unaddressed: Type.Integer(),
  /** Rows that `only` leaves out, and rows that are not understood. */
  left: Type.Integer(),
  bad: Type.Integer(),
  badRows: Type.Array(Type.Object({ line: Type.Integer(), reasons: Type.Array(Type.String()) })),
  clashing: Type.Integer(),
  clashes: Type.Array(Type.Object({ line: Type.Integer(), text: Type.String() })),
});
export type LoadedReportAnswer = Static<typeof LoadedReportSchema>;

// ---------------------------------------------------------------------------------------------------------------------
// Promotions

export const PromotionQuery = closed({
  board: Type.Optional(Type.String({ maxLength: 60 })),
  cabinet: Type.Optional(Id),
  listing: Type.Optional(Id),
  /** Also what has ended or was cancelled. */
  all: Type.Optional(Type.Boolean()),
  after: Type.Optional(Id),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })),
});

export const PromotionSchema = Type.Object({
  id: Id,
  cabinetId: Id,
  board: Type.String(),
  cabinetName: Type.String(),
  listing: Type.Object({ id: Id, externalId: Type.String() }),
  level: Type.String(),
  levelLabel: Type.String(),
  days: Type.Integer(),
  fromOn: Type.String(),
  startedOn: orNull(Type.String()),
  untilOn: Type.String(),
  kopecks: Kopecks,
  account: orNull(Type.String()),
  state: Type.String(),
  stateLabel: Type.String(),
  /** Its day has come and no edition has had the listing yet. */
  isLate: Type.Boolean(),
  by: Type.String(),
  at: Type.String(),
  may: Type.Object({ cancel: Type.Boolean() }),
});
export type Promotion = Static<typeof PromotionSchema>;
export const PromotionPageSchema = Type.Object({
  data: Type.Array(PromotionSchema),
  page: Type.Object({ next: orNull(Type.String()), total: Type.Integer() }),
});
export type PromotionPage = Static<typeof PromotionPageSchema>;

export const PromotionLevelsSchema = Type.Object({
  today: Type.String(),
  data: Type.Array(
    Type.Object({
      code: Type.String(),
      label: Type.String(),
      /** What it lasts by itself; null: as long as it is ordered for. */
      days: orNull(Type.Integer()),
      needsPhotos: Type.Boolean(),
      prices: Type.Array(Type.Object({ days: Type.Integer(), kopecks: Kopecks })),
    }),
  ),
});
export type PromotionLevels = Static<typeof PromotionLevelsSchema>;

export const PromotionOrderSchema = closed({
  cabinetId: Id,
  listingId: Id,
  level: Type.String({ minLength: 1, maxLength: 60 }),
  days: Type.Optional(Type.Integer({ minimum: 1, maximum: 366 })),
  from: Type.Optional(Day),
});
export type PromotionWish = Static<typeof PromotionOrderSchema>;

export const PromotionPriceSchema = Type.Object({
  levelLabel: Type.String(),
  days: Type.Integer(),
  fromOn: Type.String(),
  untilOn: Type.String(),
  kopecks: Kopecks,
  /** Whose money is held, with what it could pay before; null: it costs nothing, or the account is not one's to see. */
  account: orNull(Type.Object({ name: Type.String(), availableKopecks: orNull(Kopecks) })),
});
export type PromotionPrice = Static<typeof PromotionPriceSchema>;
