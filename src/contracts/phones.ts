import Type, { type Static } from 'typebox';
import { PHONE_CONFLICTS, PHONE_KINDS, PHONE_SCOPES, type PhoneKind, type PhoneScope } from '../domain/phones.ts';

/** The phone timetable: a week as it will be, the lines that make it, what is wrong with them. */

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Day = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' });
const Kind = Type.Unsafe<PhoneKind>({ type: 'string', enum: [...PHONE_KINDS] });
const Scope = Type.Unsafe<PhoneScope>({ type: 'string', enum: [...PHONE_SCOPES] });

export const PhoneLineSchema = Type.Object({
  id: Type.Integer(),
  scope: Scope,
  scopeId: Nullable(Type.Integer()),
  /** «филиал «Центр»» */
  whose: Type.String(),
  board: Nullable(Type.String()),
  /** «Авито», «все доски» */
  boardName: Type.String(),
  /** ISO: 1 Monday … 7 Sunday. */
  weekdays: Type.Array(Type.Integer()),
  /** Minutes of the wall clock. */
  fromMinute: Type.Integer(),
  toMinute: Type.Integer(),
  /** «сб, вс 10:00–18:00» */
  when: Type.String(),
  startsOn: Nullable(Day),
  endsOn: Nullable(Day),
  /** «с 21.11.2026 по 22.11.2026»; empty for a line of every week. */
  dates: Type.String(),
  kind: Kind,
  kindLabel: Type.String(),
  /** E.164; null for the agent's own number and for whoever may not see it. */
  phone: Nullable(Type.String()),
  /** As people read it, masked for whoever may not see it; «номер агента». */
  phoneText: Type.String(),
  note: Nullable(Type.String()),
  /** Of another week. */
  isOver: Type.Boolean(),
  may: Type.Object({ change: Type.Boolean() }),
});
export type PhoneLineAnswer = Static<typeof PhoneLineSchema>;

export const PhonesQuery = Type.Object(
  {
    /** `agency`, `branch:2`, `department:3`, `employee:14` */
    unit: Type.Optional(Type.String({ pattern: '^(agency|(branch|department|employee):\\d{1,15})$' })),
    board: Type.Optional(Type.String({ maxLength: 40 })),
    /** A day of the week that is asked for; this week by default. */
    day: Type.Optional(Day),
  },
  { additionalProperties: false },
);

export const PhonesSchema = Type.Object({
  /** Whose week may be looked at. */
  units: Type.Array(
    Type.Object({
      value: Type.String(),
      label: Type.String(),
      group: Type.String(),
      may: Type.Object({ change: Type.Boolean() }),
    }),
  ),
  boards: Type.Array(Type.Object({ id: Type.String(), name: Type.String() })),
  kinds: Type.Array(Type.Object({ kind: Kind, label: Type.String() })),
  /** Numbers that are at hand here. */
  numbers: Type.Array(Type.Object({ phone: Type.String(), label: Type.String() })),
  view: Type.Object({
    unit: Type.String(),
    board: Nullable(Type.String()),
    from: Day,
    to: Day,
    /** By whose clock. */
    zone: Type.String(),
    today: Day,
    /** The minute of the day there, now. */
    minute: Type.Integer(),
  }),
  /** Who answers: the seven days from Monday on, each from midnight to midnight. */
  days: Type.Array(
    Type.Object({
      day: Day,
      /** «сб 21.11» */
      label: Type.String(),
      spans: Type.Array(
        Type.Object({
          from: Type.Integer(),
          to: Type.Integer(),
          /** null: the listing's number or the agent's own. */
          lineId: Nullable(Type.Integer()),
          /** «10:00–18:00: +7 900 000-00-31, дежурный» */
          told: Type.String(),
        }),
      ),
    }),
  ),
  /** Lines that hold here in this week, whoever goes first standing first, and the days on which each does. */
  lanes: Type.Array(Type.Object({ line: PhoneLineSchema, days: Type.Array(Day) })),
  /** The whole timetable, as far as the person may see it. */
  lines: Type.Array(PhoneLineSchema),
  conflicts: Type.Array(
    Type.Object({
      kind: Type.Unsafe<(typeof PHONE_CONFLICTS)[number]>({ type: 'string', enum: [...PHONE_CONFLICTS] }),
      label: Type.String(),
      message: Type.String(),
      lineIds: Type.Array(Type.Integer()),
    }),
  ),
});
export type Phones = Static<typeof PhonesSchema>;

export const WantedLineSchema = Type.Object(
  {
    scope: Scope,
    scopeId: Nullable(Type.Integer()),
    /** null: every board. */
    board: Nullable(Type.String({ maxLength: 40 })),
    weekdays: Type.Array(Type.Integer({ minimum: 1, maximum: 7 }), { maxItems: 7 }),
    fromMinute: Type.Integer({ minimum: 0, maximum: 1440 }),
    toMinute: Type.Integer({ minimum: 0, maximum: 1440 }),
    startsOn: Nullable(Day),
    endsOn: Nullable(Day),
    kind: Kind,
    /** As people write it; null for the agent's own number. */
    phone: Nullable(Type.String({ maxLength: 40 })),
    note: Nullable(Type.String({ maxLength: 200 })),
  },
  { additionalProperties: false },
);
export type WantedLineBody = Static<typeof WantedLineSchema>;

/** What was kept, and what is wrong with the timetable because of it. */
export const KeptLineSchema = Type.Object({
  id: Type.Integer(),
  conflicts: Type.Array(Type.String()),
});
export type KeptLine = Static<typeof KeptLineSchema>;

export const PhoneAtQuery = Type.Object(
  {
    /** Our number or the source's. */
    listing: Type.String({ minLength: 1, maxLength: 200 }),
    /** Absent: every board on which it is marked. */
    board: Type.Optional(Type.String({ maxLength: 40 })),
    /** «сб 12:00», «21.11.2026 12:00», RFC 3339; absent: now. By the clock of the listing's branch. */
    at: Type.Optional(Type.String({ maxLength: 60 })),
  },
  { additionalProperties: false },
);

export const PhoneAtSchema = Type.Object({
  listing: Type.Object({ id: Type.Integer(), externalId: Type.String() }),
  at: Type.String(),
  zone: Type.String(),
  /** «сб 21.11.2026 12:00 (Europe/Moscow)» */
  told: Type.String(),
  branch: Nullable(Type.String()),
  employee: Nullable(Type.String()),
  boards: Type.Array(
    Type.Object({
      board: Type.String(),
      name: Type.String(),
      /** As people read them, masked for whoever may not see them. */
      phones: Type.Array(Type.String()),
      from: Nullable(Type.Union([Type.Literal('line'), Type.Literal('listing'), Type.Literal('agent')])),
      lineId: Nullable(Type.Integer()),
      /** «+7 900 000-00-31 (строка 1: дежурный, филиал «Центр», …)» */
      told: Type.String(),
      changesAt: Nullable(Type.String()),
    }),
  ),
});
export type PhoneAt = Static<typeof PhoneAtSchema>;
