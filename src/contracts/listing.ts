import Type, { type Static, type TSchema } from 'typebox';
import { type Closing, GATES, type GateName, OUTCOMES, type Outcome } from '../domain/gates.ts';
import { FORM_TYPES, type FormType } from '../domain/listing-form.ts';
import { FIXERS, type Fixer, type Notice, NoticeSchema, SEVERITIES } from '../domain/notice.ts';
import type { Deed } from '../domain/rights.ts';

/** The card of one listing: its form, what boards say of it, its photos, what was done to it, and what may be done. */

const oneOf = <const T extends readonly string[]>(values: T) => Type.Unsafe<T[number]>({ enum: [...values] });
const maybe = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()]);
const closed = { additionalProperties: false } as const;

export const ListingParamsSchema = Type.Object({ id: Type.Integer({ minimum: 1 }) });

// ---------------------------------------------------------------- the form

export const FormFieldSchema = Type.Object({
  /** `floor`, or `avito:AdStatus` for what one family alone has. */
  field: Type.String(),
  label: Type.String(),
  type: Type.Unsafe<FormType>({ enum: [...FORM_TYPES] }),
  unit: Type.Optional(Type.String()),
  choices: Type.Optional(Type.Array(Type.Object({ value: Type.String(), label: Type.String() }))),
  min: Type.Optional(Type.Number()),
  max: Type.Optional(Type.Number()),
  moreThan: Type.Optional(Type.Number()),
  charsMax: Type.Optional(Type.Integer()),
  /** Such a listing has a use for it on a board of the agency. */
  isMeant: Type.Boolean(),
  /** Shown, and not changed here. */
  isFixed: Type.Boolean(),
  /** What the source says; null: nothing. */
  source: Type.Unknown(),
  /** What holds: the correction where there is one. */
  value: Type.Unknown(),
  correction: maybe(
    Type.Object({
      value: Type.Unknown(),
      by: Type.String(),
      at: Type.String(),
      /** The source has changed since: somebody has to choose. */
      isConflict: Type.Boolean(),
    }),
  ),
});
export type FormField = Static<typeof FormFieldSchema>;

/** What the caller may do with this very listing. */
const MaySchema = Type.Unsafe<Readonly<Partial<Record<Deed, boolean>>>>({
  type: 'object',
  additionalProperties: { type: 'boolean' },
});

const PersonSchema = Type.Object({ id: Type.Integer(), name: Type.String(), phones: Type.Array(Type.String()) });

/** `GET /api/v1/listings/:id`; its `version` is the ETag. */
export const ListingCardSchema = Type.Object(
  {
    version: Type.String(),
    id: Type.Integer(),
    externalId: Type.String(),
    title: Type.String(),
    /** «квартира, продажа». */
    kindLabel: Type.String(),
    groups: Type.Array(Type.Object({ id: Type.String(), title: Type.String(), fields: Type.Array(FormFieldSchema) })),
    conflicts: Type.Integer(),
    source: Type.Object({ name: Type.String(), goneAt: maybe(Type.String()) }),
    responsible: maybe(PersonSchema),
    branch: maybe(Type.Object({ id: Type.Integer(), name: Type.String() })),
    status: Type.Object({
      value: Type.String(),
      label: Type.String(),
      reservedUntil: maybe(Type.String()),
      choices: Type.Array(Type.Object({ value: Type.String(), label: Type.String() })),
    }),
    stage: Type.Object({
      value: maybe(Type.String()),
      /** Where the caller may move it; `refusal` says why not. */
      choices: Type.Array(
        Type.Object({ value: maybe(Type.String()), label: Type.String(), refusal: maybe(Type.String()) }),
      ),
    }),
    forbiddenReason: maybe(Type.String()),
    freshAt: Type.String(),
    staleAt: Type.String(),
    callBackAt: maybe(Type.String()),
    archivedAt: maybe(Type.String()),
    firstSeenAt: Type.String(),
    changedAt: Type.String(),
    isChangedBySource: Type.Boolean(),
    pauses: Type.Array(
      Type.Object({
        id: Type.Integer(),
        cabinetId: maybe(Type.Integer()),
        boardName: maybe(Type.String()),
        from: Type.String(),
        until: Type.String(),
        reason: Type.String(),
        by: Type.String(),
        mayEnd: Type.Boolean(),
      }),
    ),
    exceptions: Type.Array(
      Type.Object({
        id: Type.Integer(),
        gate: Type.String(),
        label: Type.String(),
        normCode: maybe(Type.String()),
        reason: Type.String(),
        by: Type.String(),
        until: Type.String(),
      }),
    ),
    may: MaySchema,
    /** Phone numbers in this answer are masked: the caller may not see them. */
    arePhonesHidden: Type.Boolean(),
  },
  { $id: 'ListingCard' },
);
export type ListingCard = Static<typeof ListingCardSchema>;

const FieldName = Type.String({ minLength: 1, maxLength: 200 });

/** Changes of a form, one sense for each word: as `correct --set --drop --keep` of the command line. */
export const ListingChangesSchema = Type.Object(
  {
    /** New values, laid over the source; null empties the field. Money in kopecks, phones E.164. */
    set: Type.Optional(Type.Record(FieldName, Type.Unknown())),
    /** Corrections taken back: what the source says holds again. */
    drop: Type.Optional(Type.Array(FieldName, { maxItems: 300 })),
    /** The source has changed since, and the correction is to stay. */
    keep: Type.Optional(Type.Array(FieldName, { maxItems: 300 })),
  },
  closed,
);
export type ListingChanges = Static<typeof ListingChangesSchema>;

// ---------------------------------------------------------------- boards

const ClosingSchema = Type.Object({
  outcome: oneOf(OUTCOMES),
  reason: Type.String(),
  fix: Type.String(),
  fixedBy: Type.Unsafe<Fixer>({ enum: [...FIXERS] }),
  opensAt: maybe(Type.String()),
});

export const GateSchema = Type.Object({
  gate: Type.Unsafe<GateName>({ enum: [...GATES] }),
  label: Type.String(),
  state: oneOf(['open', 'closed', 'not-reached'] as const),
  closing: maybe(ClosingSchema),
});
export type ToldClosing = Omit<Closing, 'opensAt' | 'command'> & { readonly opensAt: string | null };

/** Why the listing is, or is not, on one board. */
export const BoardStandingSchema = Type.Object({
  cabinetId: Type.Integer(),
  board: Type.String(),
  boardName: Type.String(),
  cabinet: Type.String(),
  cabinetName: Type.String(),
  isMarked: Type.Boolean(),
  startsOn: maybe(Type.String()),
  endsOn: maybe(Type.String()),
  isPinned: Type.Boolean(),
  boardOfferId: maybe(Type.String()),
  outcome: maybe(Type.Unsafe<Outcome>({ enum: [...OUTCOMES] })),
  label: Type.String(),
  reason: maybe(Type.String()),
  fix: maybe(Type.String()),
  fixedByName: maybe(Type.String()),
  since: maybe(Type.String()),
  opensAt: maybe(Type.String()),
  /** The board has an earlier version: the edit waits for a moderator. */
  isEditWaiting: Type.Boolean(),
  isHeld: Type.Boolean(),
  gates: Type.Array(GateSchema),
  notices: Type.Array(Type.Unsafe<Notice>(NoticeSchema)),
  remarks: Type.Array(Type.String()),
  cost: maybe(
    Type.Object({
      kopecks: Type.Integer(),
      account: maybe(Type.String()),
      state: oneOf(['held', 'charged', 'wanted'] as const),
      text: Type.String(),
    }),
  ),
});
export type BoardStanding = Static<typeof BoardStandingSchema>;

/** Where many marks compete for few places, one board takes a while: a screen may ask for each by itself. */
export const ListingGatesQuerySchema = Type.Object(
  { cabinet: Type.Optional(Type.Array(Type.Integer({ minimum: 1 }), { minItems: 1, maxItems: 100 })) },
  closed,
);
export const ListingGatesSchema = Type.Object({ data: Type.Array(BoardStandingSchema) }, { $id: 'ListingGates' });
export type ListingGates = Static<typeof ListingGatesSchema>;

const TextBoundSchema = Type.Object({
  field: oneOf(['title', 'description'] as const),
  boardName: maybe(Type.String()),
  min: maybe(Type.Integer()),
  max: maybe(Type.Integer()),
});

/** `POST /api/v1/listings/:id/check`: what would be said if these changes were saved. */
export const ListingCheckSchema = Type.Object(
  {
    /** What keeps the changes from being saved at all. */
    faults: Type.Array(Type.Object({ field: Type.String(), message: Type.String() })),
    /** Fields that such a listing has a use for. */
    meant: Type.Array(Type.String()),
    /** Lengths as boards count them. */
    chars: Type.Object({ title: Type.Integer(), description: Type.Integer() }),
    bounds: Type.Array(TextBoundSchema),
    /** What the boards say on which the listing is marked; what several say is told once. */
    notices: Type.Array(
      Type.Object({
        code: Type.String(),
        severity: oneOf(SEVERITIES),
        /** As the form calls it. */
        field: Type.String(),
        label: Type.String(),
        message: Type.String(),
        fixedBy: Type.Unsafe<Fixer>({ enum: [...FIXERS] }),
        boards: Type.Array(Type.String()),
        /** Who says so, where the sentence does not name them. */
        whose: maybe(Type.String()),
      }),
    ),
    boards: Type.Array(
      Type.Object({
        cabinetId: Type.Integer(),
        board: Type.String(),
        boardName: Type.String(),
        isMarked: Type.Boolean(),
        notices: Type.Array(Type.Unsafe<Notice>(NoticeSchema)),
        /** Of the gates up to `calendar`; places and money are asked once it is saved. null: all of them are open. */
        firstClosed: maybe(GateSchema),
      }),
    ),
  },
  { $id: 'ListingCheck' },
);
export type ListingCheck = Static<typeof ListingCheckSchema>;

/** `GET /api/v1/listings/:id/preview?cabinet=`. */
export const ListingPreviewSchema = Type.Object(
  {
    cabinetId: Type.Integer(),
    board: Type.String(),
    boardName: Type.String(),
    /** The offer as it will go; null: it cannot be written. */
    xml: maybe(Type.String()),
    isPassable: Type.Boolean(),
    isKept: Type.Boolean(),
    phones: Type.Array(Type.String()),
    phoneKind: maybe(Type.String()),
    phoneChangesAt: maybe(Type.String()),
    served: Type.Object({
      state: oneOf(['shown', 'absent', 'lost', 'no-edition'] as const),
      label: Type.String(),
      editionId: maybe(Type.Integer()),
      publishedAt: maybe(Type.String()),
      xml: maybe(Type.String()),
    }),
    differs: Type.Boolean(),
    /** From what the board has to what will go, line by line; empty where there is nothing to compare. */
    lines: Type.Array(Type.Object({ kind: oneOf(['same', 'added', 'removed'] as const), text: Type.String() })),
  },
  { $id: 'ListingPreview' },
);
export type ListingPreview = Static<typeof ListingPreviewSchema>;

// ---------------------------------------------------------------- history

export const HistoryEntrySchema = Type.Object({
  at: Type.String(),
  kind: oneOf(['deed', 'verdict', 'outcome', 'source'] as const),
  by: maybe(Type.String()),
  title: Type.String(),
  lines: Type.Array(Type.String()),
  boardName: maybe(Type.String()),
  outcome: maybe(Type.Unsafe<Outcome>({ enum: [...OUTCOMES] })),
});
export const ListingHistorySchema = Type.Object({ data: Type.Array(HistoryEntrySchema) }, { $id: 'ListingHistory' });
export type ListingHistory = Static<typeof ListingHistorySchema>;

// ---------------------------------------------------------------- photos

export const ListingPhotoSchema = Type.Object({
  /** md5 of its address. */
  key: Type.String(),
  /** From 1. */
  place: Type.Integer(),
  isPlan: Type.Boolean(),
  thumb: Type.String(),
  large: Type.String(),
  address: Type.String(),
  /** Given to us by a person, not by the source. */
  isUploaded: Type.Boolean(),
  width: maybe(Type.Integer()),
  height: maybe(Type.Integer()),
  bytes: maybe(Type.Integer()),
  state: oneOf(['good', 'unseen', 'failing', 'broken'] as const),
  /** «640×380, 0,2 МБ», «сервер ответил 404». */
  label: Type.String(),
  remarks: Type.Array(
    Type.Object({
      boardName: Type.String(),
      severity: oneOf(['blocking', 'advisory'] as const),
      message: Type.String(),
    }),
  ),
});
export type ListingPhoto = Static<typeof ListingPhotoSchema>;

/** `GET /api/v1/listings/:id/photos`; its `version` is the card's. */
export const ListingPhotosSchema = Type.Object(
  {
    version: Type.String(),
    data: Type.Array(ListingPhotoSchema),
    /** People have changed the list that the source tells. */
    isCorrected: Type.Boolean(),
    sourceCount: Type.Integer(),
    /** Why pictures from here may not reach the boards; null: they will. */
    warning: maybe(Type.String()),
  },
  { $id: 'ListingPhotos' },
);
export type ListingPhotos = Static<typeof ListingPhotosSchema>;

/** The whole list in its new order; what is missing in it is removed. */
export const PhotoOrderSchema = Type.Object(
  {
    photos: Type.Array(
      Type.Object(
        {
          key: Type.String({ pattern: '^[0-9a-f]{32}$' }),
          isPlan: Type.Optional(Type.Boolean()),
        },
        closed,
      ),
      { maxItems: 500 },
    ),
  },
  closed,
);
export type PhotoOrder = Static<typeof PhotoOrderSchema>;

export const PhotoUploadQuerySchema = Type.Object({
  /** The picture that the new one takes the place of. */
  replace: Type.Optional(Type.String({ pattern: '^[0-9a-f]{32}$' })),
  isPlan: Type.Optional(Type.Boolean()),
});

// ---------------------------------------------------------------- deeds

const Words = (maxLength = 500) => Type.String({ minLength: 1, maxLength });
const Day = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' });

export const StatusChangeSchema = Type.Object(
  {
    status: oneOf(['active', 'reserved', 'sold', 'rented', 'archived'] as const),
    /** Last day of a reservation. */
    reservedUntil: Type.Optional(maybe(Day)),
  },
  closed,
);
export const StageChangeSchema = Type.Object({ stage: maybe(Words(100)) }, closed);
export const ReasonSchema = Type.Object({ reason: Words() }, closed);
export const CallSchema = Type.Object(
  { result: oneOf(['rented', 'not-rented', 'no-answer', 'busy'] as const) },
  closed,
);
export const RewriteSchema = Type.Object(
  {
    /** Over a description that is not ours as well. */
    isForced: Type.Optional(Type.Boolean()),
  },
  closed,
);
