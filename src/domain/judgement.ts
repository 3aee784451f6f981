import type { GateName } from './gates.ts';
import type { ChangeKind } from './moderation.ts';
import type { Notice } from './notice.ts';

/** A blocking notice as a run keeps it. */
export type KeptNotice = Pick<Notice, 'code' | 'field' | 'message' | 'fixedBy'>;

/** Why the shrink brake keeps a mark in the feed: the gate that is closed and the mass cause. */
export interface HeldBy {
  readonly gate: GateName;
  readonly cause: 'source' | 'rules' | 'norms' | 'settings' | 'photos' | 'price';
}

/** Where the content stands with the moderators. */
export type Approval =
  /** Moderation is off for this cabinet. */
  | 'not-needed'
  | 'approved'
  /** The edit waits; the approved content stays on the board meanwhile. */
  | 'kept'
  | 'awaiting'
  | 'returned';

/**
 * What was found in the content of one mark: the expensive part of a decision, kept until something it depends on
 * changes. Time is not in it: `pendingSince` is a fact, whether it is too long ago is decided at every run.
 */
export interface Judgement {
  /** Blocking notices of the board and of our own inspector. */
  readonly board?: readonly KeptNotice[];
  /** Blocking notices of the agency's norms. */
  readonly norms?: readonly KeptNotice[];
  /** Absent: `not-needed`. */
  readonly approval?: Approval;
  /** The moderator's reasons, when it was returned. */
  readonly returned?: { readonly by: string; readonly texts: readonly string[] };
  /** Labels of the fields that wait for a look. */
  readonly waiting?: readonly string[];
  /** What those fields are about. */
  readonly touches?: readonly ChangeKind[];
  readonly held?: HeldBy;
}
