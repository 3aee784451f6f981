import { readFileSync, statSync } from 'node:fs';
import { Refusal } from '../domain/fault.ts';
import { formatNumber } from '../domain/text.ts';
import { readDay, readHours, readMoment, readWeekdays, type Span, spokenMoment } from '../domain/week.ts';
import { type BranchRow, listBranches, resolveAgency } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import { type CabinetRow, listCabinets } from '../store/publishing.ts';
import type { Context } from './context.ts';
import { EXIT } from './exit.ts';

/** Branches, cabinets, days, moments and files as people name them on the command line. */

/** @throws Refusal `branch-unknown` with the names there are */
export async function oneBranch(db: Database, agencyId: number, name: string): Promise<BranchRow> {
  const all = await listBranches(db.pool, agencyId);
  const found = all.find((row) => row.name === name || `#${row.id}` === name);
  if (found) return found;
  const known = all.length === 0 ? 'Филиалов ещё нет: branch add' : `Есть: ${all.map((row) => row.name).join(', ')}`;
  throw new Refusal('branch-unknown', `Филиала «${name.slice(0, 60)}» нет. ${known}.`, EXIT.usage);
}

/** @throws Refusal `board-unknown`, `cabinet-unknown` */
export async function oneCabinet(
  context: Context,
  db: Database,
  agencyId: number,
  options: { readonly board: string; readonly cabinet: string },
): Promise<CabinetRow> {
  const board = context.board(options.board);
  const all = await listCabinets(db, { board: board.id, agencyId });
  const found = all.find((row) => row.slug === options.cabinet);
  if (found) return found;
  const known =
    all.length === 0 ? 'Кабинет появится с первой отметкой: mark' : `Есть: ${all.map(({ slug }) => slug).join(', ')}`;
  throw new Refusal('cabinet-unknown', `${board.name}: кабинета «${options.cabinet}» нет. ${known}.`, EXIT.usage);
}

/** The cabinet that `--board`, `--cabinet` and `--agency` name. */
export async function cabinetNamed(
  context: Context,
  db: Database,
  options: { readonly board: string; readonly cabinet: string; readonly agency?: string | undefined },
): Promise<CabinetRow> {
  return oneCabinet(context, db, (await resolveAgency(db, options.agency)).id, options);
}

/** @throws Refusal `bad-moment` */
export function momentNamed(text: string, now: Date, zone: string): Date {
  const moment = readMoment(text, now, zone);
  if (moment) return moment;
  throw new Refusal(
    'bad-moment',
    `«${text.slice(0, 60)}» — не момент времени. Примеры: 2026-11-21T11:00, «21.11.2026 11:00», «сб 11:00».`,
    EXIT.usage,
  );
}

/** @throws Refusal `bad-day` */
export function dayNamed(text: string): string {
  const day = readDay(text);
  if (day !== undefined) return day;
  throw new Refusal('bad-day', `«${text.slice(0, 60)}» — не день. Примеры: 2026-12-31, 31.12.2026.`, EXIT.usage);
}

/** @throws Refusal `bad-weekdays` */
export function weekdaysNamed(text: string): number[] {
  const weekdays = readWeekdays(text);
  if (weekdays) return weekdays;
  throw new Refusal(
    'bad-weekdays',
    `«${text.slice(0, 60)}» — не дни недели. Примеры: пн-пт, «сб, вс», ежедневно.`,
    EXIT.usage,
  );
}

/** @throws Refusal `bad-hours` */
export function hoursNamed(text: string): Span {
  const hours = readHours(text);
  if (hours) return hours;
  throw new Refusal(
    'bad-hours',
    `«${text.slice(0, 60)}» — не часы одного дня. Примеры: 09:00-18:00, круглосуточно; ночь — это две строки, до 24:00 и с 00:00.`,
    EXIT.usage,
  );
}

/** «сб 21.11.2026 11:00 (Asia/Omsk)» */
export const momentTold = (moment: Date, zone: string) => `${spokenMoment(moment, zone)} (${zone})`;

const FILE_BYTES_MAX = 200_000;

/** What stands in a JSON file. @throws Refusal with the caller's code */
export function jsonOf(file: string, code: string): unknown {
  let text: string;
  try {
    if (statSync(file).size > FILE_BYTES_MAX) throw new Error(`больше ${formatNumber(FILE_BYTES_MAX)} байт`);
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Refusal(code, `Файл «${file}» не читается: ${(error as Error).message}.`, EXIT.usage);
  }
  try {
    return JSON.parse(text.replace(/^\uFEFF/, '')) as unknown;
  } catch (error) {
    throw new Refusal(code, `Файл «${file}» — не JSON: ${(error as Error).message}.`, EXIT.usage);
  }
}
