import Type, { type Static } from 'typebox';
import { columnNamed, reading } from './accounts.ts';

/** Views and calls from a file: what it is loaded by and what came of it. */

/** Of what the asker may load views and calls. */
export const AudienceCabinetsSchema = Type.Object({
  data: Type.Array(Type.Object({ id: Type.Integer(), name: Type.String() })),
});
export type AudienceCabinets = Static<typeof AudienceCabinetsSchema>;

/** Roles are named by the columns that have them: `calls=Звонки`. */
export const AudienceQuery = Type.Object(
  {
    ...reading,
    name: Type.String({ minLength: 1, maxLength: 200 }),
    day: columnNamed,
    advert: columnNamed,
    boardNumber: columnNamed,
    listing: columnNamed,
    views: columnNamed,
    calls: columnNamed,
    /** The day of all rows, where no column has it. */
    onDay: Type.Optional(Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' })),
    /** Only tells what was understood. */
    trial: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);

const Line = Type.Integer();
export const LoadedAudienceSchema = Type.Object({
  isTrial: Type.Boolean(),
  /** `json`: lines are numbers of records. */
  format: Type.Unsafe<'csv' | 'json'>({ type: 'string', enum: ['csv', 'json'] }),
  rows: Type.Integer(),
  /** Listing-days: told for the first time, with other numbers than before, with the same. */
  added: Type.Integer(),
  replaced: Type.Integer(),
  same: Type.Integer(),
  from: Type.Union([Type.String(), Type.Null()]),
  until: Type.Union([Type.String(), Type.Null()]),
  /** Rows that were not taken or not alone, by why; the first of each are told, all are counted. */
  unknownRows: Type.Integer(),
  unknown: Type.Array(Type.Object({ line: Line, name: Type.String() })),
  repeatedRows: Type.Integer(),
  repeated: Type.Array(Type.Object({ line: Line, name: Type.String(), heldLine: Line })),
  badRows: Type.Integer(),
  bad: Type.Array(Type.Object({ line: Line, reasons: Type.Array(Type.String()) })),
});
export type LoadedAudienceAnswer = Static<typeof LoadedAudienceSchema>;
