import { readFileSync, statSync } from 'node:fs';
import { Refusal } from '../domain/fault.ts';
import { formatNumber } from '../domain/text.ts';
import { readDay, readHours, readMoment, readWeekdays, type Span, spokenMoment } from '../domain/week.ts';
import { type BranchRow, type DepartmentRow, listBranches, listDepartments, resolveAgency } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import { type CabinetRow, listCabinets } from '../store/publishing.ts';
import type { Context } from './context.ts';
import { EXIT } from './exit.ts';
import { listed, meantBy, shown } from './naming.ts';

/** Branches, cabinets, days, moments and files as people name them on the command line. */

/**
 * The branch of that name, as `meantBy` reads it.
 * @throws Refusal `branch-unknown` with the names there are, `branch-ambiguous`
 */
export async function oneBranch(db: Database, agencyId: number, name: string): Promise<BranchRow> {
  const all = await listBranches(db.pool, agencyId);
  const bare = name.replace(/^\s*филиал\s+/i, '');
  const found = meantBy(all, bare, (row) => [row.name]);
  if (found.length > 1) {
    throw new Refusal(
      'branch-ambiguous',
      `«${shown(name)}» — это несколько филиалов: ${listed(found.map((row) => row.name))}. Назовите целиком.`,
      EXIT.usage,
    );
  }
  if (found[0]) return found[0];
  const known = all.length === 0 ? 'Филиалов ещё нет: branch add' : `Есть: ${listed(all.map((row) => row.name))}`;
  throw new Refusal('branch-unknown', `Филиала «${shown(name)}» нет. ${known}.`, EXIT.usage);
}

/**
 * The department of that name in the branch.
 * @throws Refusal `department-unknown` with the names there are, `department-ambiguous`
 */
export async function oneDepartment(
  db: Database,
  agencyId: number,
  branch: Pick<BranchRow, 'id' | 'name'>,
  name: string,
): Promise<DepartmentRow> {
  const all = (await listDepartments(db.pool, agencyId)).filter(({ branchId }) => branchId === branch.id);
  const found = meantBy(all, name.replace(/^\s*отдел\s+/i, ''), (row) => [row.name]);
  if (found.length > 1) {
    throw new Refusal(
      'department-ambiguous',
      `«${shown(name)}» — это несколько отделов: ${listed(found.map((row) => row.name))}. Назовите целиком.`,
      EXIT.usage,
    );
  }
  if (found[0]) return found[0];
  const known = all.length === 0 ? 'Отделов в нём ещё нет' : `Есть: ${listed(all.map((row) => row.name))}`;
  throw new Refusal(
    'department-unknown',
    `В филиале «${branch.name}» нет отдела «${shown(name)}». ${known}.`,
    EXIT.usage,
  );
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
