import Type, { type Static } from 'typebox';

/** The first steps of an agency, each told by fact. */
export const StartSchema = Type.Object({
  isDone: Type.Boolean(),
  steps: Type.Array(
    Type.Object({
      key: Type.String(),
      title: Type.String(),
      isDone: Type.Boolean(),
      /** What is there, or what to do. */
      told: Type.String(),
      href: Type.String(),
      action: Type.String(),
    }),
  ),
});
export type Start = Static<typeof StartSchema>;
