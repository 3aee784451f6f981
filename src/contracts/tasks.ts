import Type, { type Static } from 'typebox';

/** What waits for the person who is signed in. */

export const TaskSchema = Type.Object({
  /** Of a message; null: read from the facts, gone when its cause is. */
  id: Type.Union([Type.Integer(), Type.Null()]),
  key: Type.String(),
  kind: Type.String(),
  /** The kind in words: «Вернул модератор». */
  label: Type.String(),
  text: Type.String(),
  /** The exact place where it is mended. */
  href: Type.String(),
  /** What the link says: «Исправить». */
  action: Type.String(),
  /** To the person; otherwise to a role the person has. */
  isMine: Type.Boolean(),
  /** Told, not asked: may be put away. */
  isTold: Type.Boolean(),
  at: Type.Union([Type.String(), Type.Null()]),
});
export type Task = Static<typeof TaskSchema>;

export const TasksSchema = Type.Object({ data: Type.Array(TaskSchema) });
export type Tasks = Static<typeof TasksSchema>;

/** Numbers beside the entries of the menu. */
export const WaitingSchema = Type.Object({
  tasks: Type.Integer(),
  listings: Type.Integer(),
  moderation: Type.Integer(),
  feeds: Type.Integer(),
});
export type Waiting = Static<typeof WaitingSchema>;
