import type { Session } from '../contracts/session.ts';
import type { Choice } from './palette.tsx';

/** Finds things of one kind by what was typed; at most a handful. */
export type Finder = (text: string, session: Session, signal: AbortSignal) => Promise<readonly Choice[]>;

/** What the palette looks through besides the screens themselves. */
export const FINDERS: readonly Finder[] = [];
