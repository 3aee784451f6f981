/** The shrink brake: an edition that would lose too much through a mass cause waits for a person. */

/** Why listings are kept in the feed that should have left it. */
export interface BrakeState {
  /** ISO 8601. */
  readonly since: string;
  /** How many offers are kept. */
  readonly held: number;
  /** How many offers the last edition before the brake had. */
  readonly before: number;
  /** Kept offers by cause. */
  readonly causes: Readonly<Record<string, number>>;
}
