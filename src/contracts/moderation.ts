import Type, { type Static } from 'typebox';
import { OUTCOMES, type Outcome } from '../domain/gates.ts';
import { DEALS, type Deal, KINDS, type Kind } from '../domain/listing.ts';
import { CHANGE_KINDS, type ChangeKind } from '../domain/moderation.ts';
import { BULK_KINDS, type BulkKind } from '../domain/moderation-queue.ts';
import { NoticeSchema } from '../domain/notice.ts';
import { PHOTO_FATES, type PhotoFate } from '../domain/photo-difference.ts';

/** «Модерация»: what waits for a look, how it differs from what was approved, and what moderators say. */

const oneOf = <T extends string>(values: readonly T[]) => Type.Unsafe<T>({ type: 'string', enum: [...values] });
const orNull = <S extends Parameters<typeof Type.Array>[0]>(schema: S) => Type.Union([schema, Type.Null()]);
const several = <S extends Parameters<typeof Type.Array>[0]>(schema: S) =>
  Type.Optional(Type.Array(schema, { maxItems: 200 }));
const id = Type.Integer({ minimum: 1 });

/** Which part of the queue: what waits, by whether it was approved before, or what was put aside. */
export const QUEUE_STATES = ['new', 'edit', 'postponed'] as const;
export type QueueState = (typeof QUEUE_STATES)[number];
/** Edits of one kind, or those that touch a text. */
export const CHANGE_FILTERS = ['price-only', 'photo-order-only', 'text'] as const;
export type ChangeFilter = (typeof CHANGE_FILTERS)[number];

const filters = {
  state: Type.Optional(oneOf(QUEUE_STATES)),
  change: Type.Optional(oneOf(CHANGE_FILTERS)),
  board: several(Type.String({ maxLength: 60 })),
  employee: several(id),
  branch: several(id),
};

/** The words of the screen's address; a verdict takes them too, to tell which case comes next. */
export const QueueFilterSchema = Type.Object(filters, { additionalProperties: false });
export type QueueWords = Static<typeof QueueFilterSchema>;

export const QueueQuerySchema = Type.Object(
  {
    ...filters,
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })),
    after: Type.Optional(Type.String({ maxLength: 300 })),
  },
  { additionalProperties: false },
);

const LookerSchema = Type.Object({ name: Type.String(), since: Type.String() });

const PostponedSchema = Type.Object({
  /** It is put aside until then; absent from the queue unless asked for. */
  until: Type.String(),
  isOver: Type.Boolean(),
  by: Type.String(),
  question: orNull(Type.String()),
  answer: orNull(Type.String()),
});

/** A price-only edit or new order of pictures: enough to see that it is right. */
const BulkRowSchema = Type.Object({
  kind: oneOf(BULK_KINDS),
  /** For `POST /moderation/bulk`. */
  version: Type.String(),
  /** «9 900 000 ₽ → 9 800 000 ₽, −1 %» */
  words: Type.String(),
  /** Why it must be looked at by itself; null: it may be approved with others. */
  refusal: orNull(Type.String()),
});

export const QueueRowSchema = Type.Object({
  id: Type.Integer(),
  externalId: Type.String(),
  heading: Type.String(),
  address: orNull(Type.String()),
  kind: oneOf<Kind>(KINDS),
  deal: oneOf<Deal>(DEALS),
  agent: orNull(Type.Object({ id: Type.Integer(), name: Type.String() })),
  branch: orNull(Type.String()),
  since: Type.String(),
  isNew: Type.Boolean(),
  touches: Type.Array(oneOf<ChangeKind>(CHANGE_KINDS)),
  /** «текст, фото»; what is new says «новый». */
  words: Type.String(),
  boards: Type.Array(
    Type.Object({
      name: Type.String(),
      /** The approved content stays there meanwhile. */
      isKept: Type.Boolean(),
    }),
  ),
  /** What a day on these boards costs. */
  dayKopecks: Type.Integer(),
  /** What a day of waiting costs: of the boards where the listing stands still. */
  idleKopecks: Type.Integer(),
  lostKopecks: Type.Integer(),
  /** It is of a trusted agent, and fell into the sample. */
  isSample: Type.Boolean(),
  postponed: orNull(PostponedSchema),
  /** Who else has it open. */
  lookers: Type.Array(LookerSchema),
  bulk: orNull(BulkRowSchema),
});
export type QueueRow = Static<typeof QueueRowSchema>;

export const QueuePageSchema = Type.Object({
  data: Type.Array(QueueRowSchema),
  page: Type.Object({ next: orNull(Type.String()), total: Type.Integer() }),
  /** Of everything within reach and the other filters, whatever part is asked for. */
  counts: Type.Object({
    new: Type.Integer(),
    edit: Type.Integer(),
    postponed: Type.Integer(),
    'price-only': Type.Integer(),
    'photo-order-only': Type.Integer(),
    text: Type.Integer(),
  }),
  /** What an empty queue tells. */
  today: Type.Object({ approved: Type.Integer(), returned: Type.Integer(), nextRunAt: orNull(Type.String()) }),
  /** What a day of waiting costs, all of it together. */
  idleKopecks: Type.Integer(),
  /** To filter by; of what waits. */
  agents: Type.Array(Type.Object({ id: Type.Integer(), name: Type.String(), count: Type.Integer() })),
  boards: Type.Array(Type.Object({ id: Type.String(), name: Type.String() })),
  branches: Type.Array(Type.Object({ id: Type.Integer(), name: Type.String() })),
});
export type QueuePage = Static<typeof QueuePageSchema>;

export const CaseParams = Type.Object({ id });

const TextPartSchema = Type.Object({ kind: oneOf(['same', 'added', 'removed'] as const), text: Type.String() });
const changed = {
  field: Type.String(),
  label: Type.String(),
  /** The policy lets it pass without a look. */
  passes: Type.Boolean(),
};

const ComparedPhotoSchema = Type.Object({
  /** From 1. */
  place: Type.Integer(),
  /** Small and large, from our own host. */
  thumb: Type.String(),
  large: Type.String(),
  isPlan: Type.Boolean(),
  fate: oneOf<PhotoFate>(PHOTO_FATES),
  isMoved: Type.Boolean(),
  isPlanChanged: Type.Boolean(),
  /** Where its pair stands in the other list, from 1. */
  pair: orNull(Type.Integer()),
  /** «добавлено», «было 3-м»; empty: nothing became of it. */
  words: Type.String(),
});
export type ComparedPhoto = Static<typeof ComparedPhotoSchema>;

/** A field that can be put right on the spot. */
const EditableSchema = Type.Object({
  field: Type.String(),
  label: Type.String(),
  input: oneOf(['text', 'long', 'number', 'money', 'flag', 'choice'] as const),
  value: Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()]),
  choices: Type.Array(Type.Object({ value: Type.String(), label: Type.String() })),
});
export type Editable = Static<typeof EditableSchema>;

export const CaseSchema = Type.Object({
  id: Type.Integer(),
  /** What the moderator has before his eyes; the ETag. */
  version: Type.String(),
  externalId: Type.String(),
  heading: Type.String(),
  address: orNull(Type.String()),
  agent: orNull(Type.Object({ id: Type.Integer(), name: Type.String() })),
  branch: orNull(Type.String()),
  /** It is the moderator's own. */
  isOwn: Type.Boolean(),
  isNew: Type.Boolean(),
  isSample: Type.Boolean(),
  /** It waits for a verdict; false: somebody decided, or nothing is moderated there. */
  isWaiting: Type.Boolean(),
  since: orNull(Type.String()),
  /** What it is compared with. */
  approved: orNull(Type.Object({ by: Type.String(), at: Type.String() })),
  /** What changed, in a line: «цена, текст, 3 фото». */
  summary: Type.String(),
  price: orNull(
    Type.Object({ ...changed, before: Type.String(), after: Type.String(), percent: orNull(Type.Number()) }),
  ),
  texts: Type.Array(
    Type.Object({
      ...changed,
      before: Type.String(),
      after: Type.String(),
      parts: Type.Array(TextPartSchema),
      added: Type.Integer(),
      removed: Type.Integer(),
    }),
  ),
  fields: Type.Array(Type.Object({ ...changed, before: Type.String(), after: Type.String() })),
  photos: Type.Object({
    isChanged: Type.Boolean(),
    passes: Type.Boolean(),
    /** «+2 −1 ⇄1»; for reading aloud «добавлено 2, убран 1». */
    summary: Type.String(),
    before: Type.Array(ComparedPhotoSchema),
    after: Type.Array(ComparedPhotoSchema),
  }),
  /** Everything that will go out, for «показать всё»; and what to compare after a conflict. */
  content: Type.Array(Type.Object({ field: Type.String(), label: Type.String(), text: Type.String() })),
  boards: Type.Array(
    Type.Object({
      cabinetId: Type.Integer(),
      board: Type.String(),
      name: Type.String(),
      approvalLabel: Type.String(),
      outcome: orNull(oneOf<Outcome>(OUTCOMES)),
      outcomeLabel: orNull(Type.String()),
      /** Of the content as it is now, whatever stands on the board. */
      notices: Type.Array(NoticeSchema),
      dayKopecks: Type.Integer(),
    }),
  ),
  dayKopecks: Type.Integer(),
  idleKopecks: Type.Integer(),
  lostKopecks: Type.Integer(),
  duplicates: Type.Array(
    Type.Object({
      id: Type.Integer(),
      externalId: Type.String(),
      heading: Type.String(),
      agent: orNull(Type.String()),
      /** «тот же адрес, площадь и этаж» */
      why: Type.String(),
    }),
  ),
  history: Type.Array(
    Type.Object({
      id: Type.Integer(),
      label: Type.String(),
      by: Type.String(),
      at: Type.String(),
      texts: Type.Array(Type.String()),
      isUndone: Type.Boolean(),
    }),
  ),
  /** Of the newest return that no approval has followed. */
  returned: orNull(Type.Object({ by: Type.String(), at: Type.String(), texts: Type.Array(Type.String()) })),
  postponed: orNull(PostponedSchema),
  lookers: Type.Array(LookerSchema),
  /** Why it may be returned; the first nine have the keys 1–9. */
  reasons: Type.Array(
    Type.Object({
      code: Type.String(),
      text: Type.String(),
      field: orNull(Type.String()),
      fieldLabel: orNull(Type.String()),
    }),
  ),
  editable: Type.Array(EditableSchema),
  may: Type.Object({
    /** Approve, return, put aside, ask. */
    decide: Type.Boolean(),
    /** null: may be approved; or why not by this person. */
    approveRefusal: orNull(Type.String()),
    correct: Type.Boolean(),
  }),
});
export type Case = Static<typeof CaseSchema>;

export const VerdictSchema = Type.Object(
  {
    verdict: oneOf(['approved', 'returned'] as const),
    reasons: Type.Optional(
      Type.Array(
        Type.Object(
          {
            code: Type.String({ maxLength: 60 }),
            field: Type.Optional(Type.String({ maxLength: 200 })),
            note: Type.Optional(Type.String({ maxLength: 1000 })),
          },
          { additionalProperties: false },
        ),
        { maxItems: 20 },
      ),
    ),
    note: Type.Optional(Type.String({ maxLength: 2000 })),
    /** Put right and approved in one step: values by field; null empties the field. */
    corrections: Type.Optional(Type.Record(Type.String({ maxLength: 200 }), Type.Unknown(), { maxProperties: 50 })),
    /** The queue the moderator goes through, to tell which case comes next. */
    queue: Type.Optional(QueueFilterSchema),
  },
  { additionalProperties: false },
);
export type VerdictBody = Static<typeof VerdictSchema>;

/** Which case comes next in the queue, and how many are left. */
const next = { next: orNull(Type.Integer()), left: Type.Integer() };

export const GivenSchema = Type.Object({
  verdictId: Type.Integer(),
  /** Until then it can be undone; from then on it holds. */
  effectiveAt: Type.String(),
  undoSeconds: Type.Integer(),
  ...next,
});
export type Given = Static<typeof GivenSchema>;

export const UndoSchema = Type.Object({ verdict: id }, { additionalProperties: false });

export const PostponeSchema = Type.Object(
  {
    until: Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T[\\d:.]+(Z|[+-]\\d{2}:\\d{2})$', maxLength: 40 }),
    queue: Type.Optional(QueueFilterSchema),
  },
  { additionalProperties: false },
);
export const AskSchema = Type.Object(
  { question: Type.String({ minLength: 1, maxLength: 1000 }), queue: Type.Optional(QueueFilterSchema) },
  { additionalProperties: false },
);
export const PutAsideSchema = Type.Object({ postponed: PostponedSchema, ...next });
export type PutAside = Static<typeof PutAsideSchema>;

export const LookSchema = Type.Object({ lookers: Type.Array(LookerSchema) });

export const BulkSchema = Type.Object(
  {
    change: oneOf<BulkKind>(BULK_KINDS),
    listings: Type.Array(
      Type.Object({ id, version: Type.String({ maxLength: 200 }) }, { additionalProperties: false }),
      { minItems: 1, maxItems: 200 },
    ),
  },
  { additionalProperties: false },
);
export const BulkAnswerSchema = Type.Object({
  data: Type.Array(
    Type.Object({
      id: Type.Integer(),
      verdictId: orNull(Type.Integer()),
      /** Why it was not approved. */
      refusal: orNull(Type.String()),
    }),
  ),
  effectiveAt: Type.String(),
  undoSeconds: Type.Integer(),
});
export type BulkAnswer = Static<typeof BulkAnswerSchema>;

export const BulkUndoSchema = Type.Object(
  {
    verdicts: Type.Array(Type.Object({ id, verdict: id }, { additionalProperties: false }), {
      minItems: 1,
      maxItems: 200,
    }),
  },
  { additionalProperties: false },
);

/** What a moderator asks of an agent about one listing. */
export const QuestionSchema = Type.Object({
  question: orNull(
    Type.Object({ text: Type.String(), by: Type.String(), at: Type.String(), answer: orNull(Type.String()) }),
  ),
});
export type Question = Static<typeof QuestionSchema>;
export const AnswerSchema = Type.Object(
  { answer: Type.String({ minLength: 1, maxLength: 1000 }) },
  { additionalProperties: false },
);
