import type { Database } from './database.ts';

/** What open screens are told: something of a kind has changed in an agency. The triggers of the base say so. */

export interface ScreenEvent {
  readonly agencyId: number;
  /** `listings`, `tasks`, `moderation`, `feeds`, `imports`, `money`. */
  readonly kind: string;
}

const CHANNEL = 'vygruzka_screens';

/**
 * Listens until stopped, over one connection of its own; a connection that breaks is made again.
 * @param onGap told when something may have been missed meanwhile
 */
export function listenForScreens(
  db: Database,
  onEvent: (event: ScreenEvent) => void,
  onGap: () => void,
): { stop(): Promise<void> } {
  let isStopped = false;
  let end = () => {};
  const listening = (async () => {
    for (let isFirst = true; !isStopped; isFirst = false) {
      try {
        const client = await db.pool.connect();
        try {
          const over = new Promise<void>((resolve) => {
            end = resolve;
            client.on('error', () => resolve());
            client.on('end', () => resolve());
          });
          client.on('notification', ({ payload }) => {
            if (payload !== undefined) onEvent(JSON.parse(payload) as ScreenEvent);
          });
          await client.query(`listen ${CHANNEL}`);
          if (!isFirst) onGap();
          if (!isStopped) await over;
        } finally {
          // Never back to the pool: it still listens.
          client.release(true);
        }
      } catch {
        // The base is away: try again a little later.
      }
      if (!isStopped)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, 1000);
          end = () => {
            clearTimeout(timer);
            resolve();
          };
        });
    }
  })();
  return {
    async stop() {
      isStopped = true;
      end();
      await listening;
    },
  };
}
