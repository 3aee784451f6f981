import Type, { type Static } from 'typebox';
import { OUTCOMES, type Outcome } from '../domain/gates.ts';
import { DEALS, type Deal, KINDS, type Kind } from '../domain/listing.ts';
import { MARKET_STATUSES, type MarketStatus } from '../domain/market.ts';
import { FIXERS, type Fixer } from '../domain/notice.ts';

/** «Объекты»: listings × cabinets, what is done to many of them at once, and lists as people like them. */

const oneOf = <T extends string>(values: readonly T[]) => Type.Unsafe<T>({ type: 'string', enum: [...values] });
const orNull = <S extends Parameters<typeof Type.Array>[0]>(schema: S) => Type.Union([schema, Type.Null()]);
const several = <S extends Parameters<typeof Type.Array>[0]>(schema: S, maxItems = 500) =>
  Type.Optional(Type.Array(schema, { minItems: 1, maxItems }));
const Id = Type.Integer({ minimum: 1 });
const Kopecks = Type.Integer({ minimum: 0, maximum: 1e15 });
const Day = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' });
const OutcomeSchema = oneOf<Outcome>(OUTCOMES);
const FixerSchema = oneOf<Fixer>(FIXERS);

/** The words of the screen's address; several values by repeating the word. */
const WORDS = {
  q: Type.Optional(Type.String({ maxLength: 200, title: 'Слова адреса, заголовка, номера; #12 — наш номер' })),
  board: several(Type.String({ maxLength: 60 }), 50),
  cabinet: several(Id),
  /** `undecided`: marked, and no run has seen it yet. */
  outcome: several(oneOf<Outcome | 'undecided'>([...OUTCOMES, 'undecided']), 20),
  code: Type.Optional(Type.String({ maxLength: 120, title: 'Код замечания, которое не пускает на доску' })),
  marked: Type.Optional(oneOf(['yes', 'no'] as const)),
  kind: several(oneOf<Kind>(KINDS), 20),
  deal: several(oneOf<Deal>(DEALS), 20),
  status: several(oneOf<MarketStatus>(MARKET_STATUSES), 20),
  employee: several(Id),
  unassigned: Type.Optional(Type.Boolean({ title: 'Без ответственного' })),
  branch: several(Id),
  department: several(Id),
  priceFromKopecks: Type.Optional(Kopecks),
  priceToKopecks: Type.Optional(Kopecks),
  archived: Type.Optional(Type.Boolean({ title: 'Только архив' })),
  stale: Type.Optional(Type.Boolean({ title: 'Не подтверждены в срок' })),
};
export const ListingFilterSchema = Type.Object(WORDS, { additionalProperties: false });
export type ListingWords = Static<typeof ListingFilterSchema>;

export const LISTING_SORT_WORDS = ['changedAt', '-changedAt', 'price', '-price', 'id', '-id'] as const;
export const ListingsQuerySchema = Type.Object(
  {
    ...WORDS,
    /** Cabinets whose cells are answered; absent: those of `board` and `cabinet`, or all that the caller sees. */
    column: several(Id, 100),
    /** Only the listings, for whoever looks for one. */
    cells: Type.Optional(oneOf(['no'] as const)),
    sort: Type.Optional(oneOf(LISTING_SORT_WORDS)),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })),
    after: Type.Optional(Type.String({ maxLength: 200 })),
  },
  { additionalProperties: false },
);
export type ListingsQuery = Static<typeof ListingsQuerySchema>;

/** A listing in a cabinet: the same answer as «почему» on the card, in short. */
export const CellSchema = Type.Object({
  cabinetId: Type.Integer(),
  isMarked: Type.Boolean(),
  /** null: not marked, or left to the next run. */
  outcome: orNull(OutcomeSchema),
  isUndecided: Type.Boolean(),
  label: Type.String(),
  /** «2 ошибки», «не хватает 60 ₽», «пауза до пн 09:00», «попадёт в фид в 15:00». */
  words: Type.String(),
  /** The number in them, for a narrow cell. */
  detail: orNull(Type.String()),
  reason: orNull(Type.String()),
  fix: orNull(Type.String()),
  fixedBy: orNull(FixerSchema),
  fixedByName: orNull(Type.String()),
  opensAt: orNull(Type.String()),
  notices: Type.Array(
    Type.Object({ code: Type.String(), field: Type.String(), message: Type.String(), fixedBy: FixerSchema }),
  ),
  isHeld: Type.Boolean(),
  isEditWaiting: Type.Boolean(),
  startsOn: orNull(Day),
  endsOn: orNull(Day),
  isPinned: Type.Boolean(),
  /** What the day (or the placement) costs while it is in the feed; null: nothing. */
  cost: orNull(
    Type.Object({
      kopecks: Type.Integer(),
      state: oneOf(['held', 'charged', 'wanted'] as const),
      account: orNull(Type.String()),
      isPlacement: Type.Boolean(),
    }),
  ),
});
export type Cell = Static<typeof CellSchema>;

export const ListingRowSchema = Type.Object({
  id: Type.Integer(),
  externalId: Type.String(),
  /** «2-комнатная квартира, 54 м², 4/9 этаж». */
  title: Type.String(),
  address: orNull(Type.String()),
  kind: Type.Object({ id: oneOf<Kind>(KINDS), label: Type.String() }),
  deal: Type.Object({ id: oneOf<Deal>(DEALS), label: Type.String() }),
  priceKopecks: orNull(Type.Integer()),
  /** «в месяц», «за м² в год»: where the price is not for everything at once. */
  pricePer: orNull(Type.String()),
  areaM2: orNull(Type.Number()),
  roomsCount: orNull(Type.Integer()),
  floor: orNull(Type.Integer()),
  floorsTotal: orNull(Type.Integer()),
  photos: Type.Integer(),
  /** The first picture, small, from our own host. */
  thumb: orNull(Type.String()),
  employee: orNull(Type.Object({ id: Type.Integer(), name: Type.String() })),
  branch: orNull(Type.String()),
  status: Type.Object({ id: oneOf<MarketStatus>(MARKET_STATUSES), label: Type.String() }),
  isForbidden: Type.Boolean(),
  isArchived: Type.Boolean(),
  changedAt: Type.String(),
  /** What the listing costs today in the cabinets asked about. */
  dayKopecks: Type.Integer(),
  cells: Type.Array(CellSchema),
  /** What the caller may do to this one. */
  may: Type.Object({ marks: Type.Boolean(), terms: Type.Boolean(), pause: Type.Boolean() }),
});
export type ListingRow = Static<typeof ListingRowSchema>;

export const PageSchema = Type.Object({ next: orNull(Type.String()), total: orNull(Type.Integer()) });
export const ListingsPageSchema = Type.Object({ data: Type.Array(ListingRowSchema), page: PageSchema });
export type ListingsPage = Static<typeof ListingsPageSchema>;

export const ListingsTotalSchema = Type.Object({
  total: Type.Integer(),
  /** Of them: marked, and kept off a board by something that a person must put right. */
  stopped: Type.Integer(),
});
export type ListingsTotal = Static<typeof ListingsTotalSchema>;

export const BoardColumnSchema = Type.Object({
  /** Of the cabinet. */
  id: Type.Integer(),
  board: Type.String(),
  boardName: Type.String(),
  slug: Type.String(),
  name: Type.String(),
  branch: orNull(Type.Object({ id: Type.Integer(), name: Type.String() })),
  /** Unique over the columns: the board, and the cabinet's name where a board has several. */
  title: Type.String(),
});
export type BoardColumn = Static<typeof BoardColumnSchema>;
export const BoardColumnsSchema = Type.Object({ data: Type.Array(BoardColumnSchema) });

const Choice = Type.Object({ id: Type.String(), label: Type.String() });
const Unit = Type.Object({ id: Type.Integer(), name: Type.String() });
/** What the list can be narrowed to, in words. */
export const ListingChoicesSchema = Type.Object({
  kinds: Type.Array(Choice),
  deals: Type.Array(Choice),
  statuses: Type.Array(Choice),
  outcomes: Type.Array(Choice),
  employees: Type.Array(Unit),
  departments: Type.Array(Unit),
  branches: Type.Array(Unit),
});
export type ListingChoices = Static<typeof ListingChoicesSchema>;

/** Some listings by their numbers, or everything that a filter finds but a few. */
export const SelectionSchema = Type.Union([
  Type.Object({ ids: Type.Array(Id, { minItems: 1, maxItems: 20_000 }) }, { additionalProperties: false }),
  Type.Object(
    { filter: ListingFilterSchema, except: Type.Optional(Type.Array(Id, { maxItems: 20_000 })) },
    { additionalProperties: false },
  ),
]);
export type Selection = Static<typeof SelectionSchema>;

const Cabinets = Type.Array(Id, { minItems: 1, maxItems: 100 });

/** Days `YYYY-MM-DD`, both inclusive; `days` counts the first one in and beats `endsOn`; null: without an end. */
export const TermSchema = Type.Object(
  {
    startsOn: Type.Optional(Type.Union([Day, Type.Literal('today')])),
    endsOn: Type.Optional(orNull(Day)),
    days: Type.Optional(Type.Integer({ minimum: 1, maximum: 3650 })),
  },
  { additionalProperties: false, minProperties: 1 },
);

export const MarkSchema = Type.Object(
  {
    selection: SelectionSchema,
    cabinets: Cabinets,
    /** Leave out what would not go out. */
    onlyPassing: Type.Optional(Type.Boolean()),
    term: Type.Optional(TermSchema),
  },
  { additionalProperties: false },
);
export const UnmarkSchema = Type.Object(
  { selection: SelectionSchema, cabinets: Cabinets },
  { additionalProperties: false },
);
export const TermsSchema = Type.Object(
  { selection: SelectionSchema, cabinets: Type.Optional(Cabinets), term: TermSchema },
  { additionalProperties: false },
);
export const PauseSchema = Type.Object(
  {
    selection: SelectionSchema,
    cabinets: Type.Optional(Cabinets),
    /** A moment, ISO 8601, or the last day, by the agency's clock. */
    until: Type.String({
      pattern: '^\\d{4}-\\d{2}-\\d{2}(T[\\d:.]+(Z|[+-]\\d{2}:\\d{2}))?$',
      maxLength: 40,
    }),
    reason: Type.String({ minLength: 1, maxLength: 500 }),
  },
  { additionalProperties: false },
);
export const DryRunSchema = Type.Object(
  {
    selection: SelectionSchema,
    cabinets: Cabinets,
    action: oneOf(['mark', 'unmark'] as const),
  },
  { additionalProperties: false },
);

const LeftOutSchema = Type.Object({
  code: Type.String(),
  /** «12 объектов: рекламировать запрещено». */
  words: Type.String(),
  count: Type.Integer(),
});

/** What would become of the chosen listings, and what it would cost. Nothing is changed and nothing is spent. */
export const DryRunAnswerSchema = Type.Object({
  action: oneOf(['mark', 'unmark'] as const),
  /** Listings that the selection found within the caller's reach. */
  total: Type.Integer(),
  leftOut: Type.Array(LeftOutSchema),
  cabinets: Type.Array(
    Type.Object({
      id: Type.Integer(),
      title: Type.String(),
      /** Marks that would be made, or taken off. */
      marks: Type.Integer(),
      /** Marked already, or not marked: nothing happens to them. */
      same: Type.Integer(),
      /** Marks that would go out with the next run. */
      passing: Type.Integer(),
      outcomes: Type.Array(
        Type.Object({
          outcome: OutcomeSchema,
          label: Type.String(),
          count: Type.Integer(),
          /** The same reason once, with one listing that has it. */
          examples: Type.Array(Type.Object({ listingId: Type.Integer(), reason: Type.String() })),
        }),
      ),
      /** To mark: what the next run takes for them. To unmark: what is free again. */
      kopecks: Type.Integer(),
      /** For 30 days: spent, or saved. */
      aheadKopecks: Type.Integer(),
    }),
  ),
  marks: Type.Integer(),
  passing: Type.Integer(),
  kopecks: Type.Integer(),
  aheadKopecks: Type.Integer(),
  aheadDays: Type.Integer(),
  /** Accounts that pay for the chosen listings. */
  accounts: Type.Array(
    Type.Object({
      id: Type.Integer(),
      name: Type.String(),
      /** null: the caller may not see the account. */
      availableKopecks: orNull(Type.Integer()),
      leftKopecks: orNull(Type.Integer()),
      /** What it lacks, so that money stops nobody. */
      missingKopecks: Type.Integer(),
      /** First day on which there is not enough for all that it is to pay; null: not within `coverDays`. */
      endsOn: orNull(Day),
    }),
  ),
  /** How far ahead it was looked whether the money lasts. */
  coverDays: Type.Integer(),
});
export type DryRunAnswer = Static<typeof DryRunAnswerSchema>;

/** A deed over many listings: done, or under way (202, and the address where it is told of). */
export const BulkSchema = Type.Object({
  id: Type.Integer(),
  action: oneOf(['mark', 'unmark', 'terms', 'pause'] as const),
  /** Listings chosen, and gone through so far. */
  total: Type.Integer(),
  done: Type.Integer(),
  /** Marks, terms or pauses that were changed. */
  changed: Type.Integer(),
  leftOut: Type.Array(LeftOutSchema),
  isFinished: Type.Boolean(),
  /** A Russian sentence; null: nothing went wrong. */
  error: orNull(Type.String()),
  /** «Отмечено 19 объектов на Циан». */
  words: Type.String(),
  /** `POST /undo/:id` takes it back until then; null: it cannot be taken back. */
  undoUntil: orNull(Type.String()),
});
export type Bulk = Static<typeof BulkSchema>;

export const ViewSchema = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  /** The query of the screen's address, without «?». */
  query: Type.String(),
  isShared: Type.Boolean(),
  isOwn: Type.Boolean(),
  by: Type.String(),
});
export type View = Static<typeof ViewSchema>;
export const ViewsSchema = Type.Object({ data: Type.Array(ViewSchema) });
export const ViewsQuerySchema = Type.Object(
  { screen: Type.String({ maxLength: 40 }) },
  { additionalProperties: false },
);
export const NewViewSchema = Type.Object(
  {
    screen: Type.String({ minLength: 1, maxLength: 40 }),
    name: Type.String({ minLength: 1, maxLength: 100 }),
    query: Type.String({ maxLength: 4000 }),
    isShared: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
export const IdParams = Type.Object({ id: Type.Integer() });
