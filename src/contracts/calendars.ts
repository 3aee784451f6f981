import Type, { type Static, type TSchema } from 'typebox';
import { CalendarSchema } from '../domain/calendar.ts';

/** Working days and hours of branches and cabinets, and manual pauses. */

export type { Calendar } from '../domain/calendar.ts';

const nullable = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()]);
const body = <P extends Parameters<typeof Type.Object>[0]>(properties: P) =>
  Type.Object(properties, { additionalProperties: false });
const count = Type.Integer();

export const OwnCalendarSchema = Type.Object({
  of: Type.Unsafe<'branch' | 'cabinet'>({ type: 'string', enum: ['branch', 'cabinet'] }),
  id: count,
  name: Type.String(),
  zone: Type.String(),
  /** null: always open. */
  calendar: nullable(CalendarSchema),
  /** «пн–пт 09:00–20:00; сб, вс выходной»; «всегда». */
  text: Type.String(),
  isOpen: Type.Boolean(),
  /** «открыто до …», «выходной: 8 Марта, откроется …». */
  state: Type.String(),
  version: Type.String(),
  may: Type.Object({ calendars: Type.Boolean() }),
});
export type OwnCalendar = Static<typeof OwnCalendarSchema>;
export const CalendarsSchema = Type.Object({ data: Type.Array(OwnCalendarSchema) });

export const CalendarBodySchema = body({ calendar: nullable(CalendarSchema) });
export type CalendarBody = Static<typeof CalendarBodySchema>;

export const PauseSchema = Type.Object({
  id: count,
  /** «филиал «Центр»», «объект № 1042, Авито», «всё агентство». */
  what: Type.String(),
  listingId: nullable(count),
  from: Type.String(),
  until: Type.String(),
  zone: Type.String(),
  isOn: Type.Boolean(),
  reason: Type.String(),
  by: Type.String(),
  may: Type.Object({ end: Type.Boolean() }),
});
export type Pause = Static<typeof PauseSchema>;
export const PausesSchema = Type.Object({ data: Type.Array(PauseSchema) });

/** Without any of the three the whole agency stops. A listing may be named together with a cabinet. */
export const NewPauseSchema = body({
  branchId: Type.Optional(Type.Integer()),
  cabinetId: Type.Optional(Type.Integer()),
  listingIds: Type.Optional(Type.Array(Type.Integer(), { minItems: 1, maxItems: 1000, uniqueItems: true })),
  /** A moment or a day, by the clock of what is stopped; absent: at once. A last day is meant whole. */
  from: Type.Optional(Type.String({ maxLength: 40 })),
  until: Type.String({ maxLength: 40 }),
  reason: Type.String({ minLength: 1, maxLength: 500 }),
});
export type NewPauseBody = Static<typeof NewPauseSchema>;
