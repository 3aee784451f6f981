import type { Board } from '../boards/catalogue.ts';
import type { Clock } from '../clock.ts';
import { Fault } from '../domain/fault.ts';
import type { Database } from '../store/database.ts';

/** What the parts of a run share. */

export interface PublishOptions {
  readonly db: Database;
  readonly boards: readonly Board[];
  readonly dataDir: string;
  readonly clock: Clock;
  /** Told how many marks of a cabinet are decided, for the progress bar. */
  readonly onProgress?: (cabinetId: number, done: number) => void;
  /** The process is to end: a run gives up at the next step and leaves its cabinet due. */
  readonly signal?: AbortSignal;
}

/** Listings loaded, judged and rendered at a time; what memory a run takes is proportional to it. */
export const WINDOW = 128;

/** Long work asks here at every step whether it is still wanted. */
export function goOn({ signal }: PublishOptions): void {
  if (!signal?.aborted) return;
  throw new Fault('publish-stopped', 'Программу остановили, пока она собирала фид. Он будет собран после запуска.', {
    retryable: true,
  });
}
