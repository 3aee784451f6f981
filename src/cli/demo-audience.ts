import { Readable } from 'node:stream';
import { Dice } from '../../fixtures/dice.ts';
import { addDays, daysBetween, localDay } from '../domain/days.ts';
import { takeAudience } from '../intake/audience.ts';
import type { Database } from '../store/database.ts';
import { readDay } from '../store/days.ts';
import type { CabinetRow } from '../store/publishing.ts';
import { agencyFrame } from '../store/settings.ts';

/** The board's statistics of the imaginary agency: what no feed tells comes in by the same door as a real file. */

const DAYS = 60;
const EPOCH = '2020-01-01';

/**
 * Loads views and calls of a cabinet's last recorded days. A listing's day has always the same numbers, so a second
 * call adds the days since the first and changes nothing.
 */
export async function loadDemoAudience(db: Database, cabinet: CabinetRow, now: Date): Promise<void> {
  const { timeZone } = await agencyFrame(db, cabinet.agencyId);
  const today = localDay(now, timeZone);
  const lines = ['Дата;Объект;Просмотры;Звонки'];
  for (let day = addDays(today, -DAYS); day < today; day = addDays(day, 1))
    for (const { listingId } of (await readDay(db, cabinet, day, 'published')) ?? []) {
      const dice = new Dice(listingId * 4096 + daysBetween(EPOCH, day));
      const views = dice.int(4, 60);
      const calls = dice.weighted([
        [0, 84],
        [1, 13],
        [2, 3],
      ]);
      lines.push(`${day};#${listingId};${views};${calls}`);
    }
  if (lines.length === 1) return;
  const file = {
    name: 'статистика доски, демо.csv',
    bytes: Readable.from([Buffer.from(`${lines.join('\n')}\n`)]),
    mapping: { columns: { day: 'Дата', listing: 'Объект', views: 'Просмотры', calls: 'Звонки' } },
  };
  await takeAudience(db, cabinet, file, { name: 'демо' }, now);
}
