import { publishAll } from '../export/publish.ts';
import type { Database } from '../store/database.ts';
import { type CabinetRow, countMarks } from '../store/publishing.ts';
import type { Context } from './context.ts';

/** Publishes cabinets with one progress bar for them all. */
export async function publishWithBar(
  context: Context,
  db: Database,
  cabinets: readonly CabinetRow[],
): ReturnType<typeof publishAll> {
  const bar = context.progress('Решено отметок:');
  const done = new Map<number, number>();
  const total = await countMarks(db, cabinets);
  return publishAll(cabinets, {
    db,
    boards: context.boards,
    dataDir: context.config.DATA_DIR,
    clock: context.clock,
    onProgress: (cabinetId, count) => {
      done.set(cabinetId, count);
      const sum = [...done.values()].reduce((all, one) => all + one, 0);
      bar.at(sum, total);
    },
  }).finally(() => bar.stop());
}
