import Type, { type Static } from 'typebox';

/** An error as RFC 9457 tells it, `application/problem+json`, in Russian. */
export const ProblemSchema = Type.Object({
  /** `/problems/<code>`. */
  type: Type.String(),
  /** The kind of trouble in a few words. */
  title: Type.String(),
  status: Type.Integer(),
  /** What happened here and what to do: one or more sentences for a person. */
  detail: Type.String(),
  /** The address that was asked. */
  instance: Type.String(),
  /** kebab-case, never reused for another meaning. */
  code: Type.String(),
  requestId: Type.String(),
  /** Several faults told together; the pointer leads into the request's body or query. */
  errors: Type.Optional(
    Type.Array(
      Type.Object({
        pointer: Type.String(),
        detail: Type.String(),
        limit: Type.Optional(Type.Unknown()),
        actual: Type.Optional(Type.Unknown()),
      }),
    ),
  ),
  /** The version that lies there now, on 412. */
  current: Type.Optional(Type.String()),
});
export type Problem = Static<typeof ProblemSchema>;
