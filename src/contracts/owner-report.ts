import Type, { type Static } from 'typebox';
import { OWNER_LINK_DAYS, OWNER_LINK_DAYS_MAX } from '../domain/report-words.ts';

/** Links by which owners read the report of their property. */

const Moment = Type.String({ format: 'date-time' });

export const OwnerLinkSchema = Type.Object({
  /** By which it is revoked; it opens nothing. */
  id: Type.String(),
  by: Type.String(),
  createdAt: Moment,
  expiresAt: Moment,
  lastSeenAt: Type.Union([Moment, Type.Null()]),
});
export type OwnerLink = Static<typeof OwnerLinkSchema>;

export const OwnerLinksSchema = Type.Object({ data: Type.Array(OwnerLinkSchema) });
export type OwnerLinks = Static<typeof OwnerLinksSchema>;

export const NewOwnerLinkSchema = Type.Object(
  { days: Type.Optional(Type.Integer({ minimum: 1, maximum: OWNER_LINK_DAYS_MAX, default: OWNER_LINK_DAYS })) },
  { additionalProperties: false },
);
export type NewOwnerLink = Static<typeof NewOwnerLinkSchema>;

/** The address is told this once: nothing that opens it is kept. */
export const MadeOwnerLinkSchema = Type.Object({ ...OwnerLinkSchema.properties, url: Type.String() });
export type MadeOwnerLink = Static<typeof MadeOwnerLinkSchema>;
