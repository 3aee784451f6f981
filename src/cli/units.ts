import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Board } from '../boards/catalogue.ts';
import { Fault, Refusal } from '../domain/fault.ts';
import { formatNumber } from '../domain/text.ts';
import {
  isBygone,
  isToday,
  readDay,
  readHours,
  readMoment,
  readWeekdays,
  type Span,
  spokenMoment,
} from '../domain/week.ts';
import { type BranchRow, type DepartmentRow, listBranches, listDepartments, resolveAgency } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import { type CabinetRow, listCabinets } from '../store/publishing.ts';
import type { Context } from './context.ts';
import { EXIT } from './exit.ts';
import { likely, listed, meantBy, ours, shown, unitInWhole, unitMeant } from './naming.ts';

/** Branches, cabinets, days, moments and files as people name them on the command line. */

/**
 * The branch of that name, as `unitMeant` reads it.
 * @throws Refusal `branch-unknown` with the names there are, `branch-ambiguous`
 */
export async function oneBranch(db: Database, agencyId: number, name: string): Promise<BranchRow> {
  const all = await listBranches(db.pool, agencyId);
  const found = unitMeant(all, name, 'филиал');
  if (found.length > 1) throw severalBranches(name, found);
  if (found[0]) return found[0];
  throw noBranch(name, all);
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
  const found = unitMeant(all, name, 'отдел');
  if (found.length > 1) throw severalDepartments(name, found);
  if (found[0]) return found[0];
  throw noDepartment(name, branch.name, all);
}

const numbered = (found: readonly { readonly id: number; readonly name: string }[]) =>
  listed(found.map(({ id, name }) => `${ours(id)} ${name}`));

const severalBranches = (name: string, found: readonly BranchRow[]) =>
  new Refusal(
    'branch-ambiguous',
    `«${shown(name)}» — это несколько филиалов: ${numbered(found)}. Назовите номер.`,
    EXIT.usage,
  );

function noBranch(name: string, all: readonly BranchRow[]): Refusal {
  const known = all.length === 0 ? 'Филиалов ещё нет: branch add' : `Есть: ${listed(all.map((row) => row.name))}`;
  return new Refusal('branch-unknown', `Филиала «${shown(name)}» нет. ${known}.`, EXIT.usage);
}

const severalDepartments = (name: string, found: readonly DepartmentRow[]) =>
  new Refusal(
    'department-ambiguous',
    `«${shown(name)}» — это несколько отделов: ${numbered(found)}. Назовите номер.`,
    EXIT.usage,
  );

function noDepartment(name: string, branchName: string, all: readonly DepartmentRow[]): Refusal {
  const known = all.length === 0 ? 'Отделов в нём ещё нет' : `Есть: ${listed(all.map((row) => row.name))}`;
  return new Refusal(
    'department-unknown',
    `В филиале «${branchName}» нет отдела «${shown(name)}». ${known}.`,
    EXIT.usage,
  );
}

/** A unit that a command makes when it is not there: `id` undefined, and the name is what it will be called. */
export interface UnitToBe {
  readonly id: number | undefined;
  readonly name: string;
}

/**
 * The branch of that name in whole, whatever the case and with «филиал» before it or not; else a new one: a part of a
 * name finds none here, for a new branch may share it.
 * @throws Refusal `branch-unknown` for a number nobody has, or no name at all; `branch-ambiguous`
 */
export async function branchToBe(db: Database, agencyId: number, name: string): Promise<UnitToBe> {
  const all = await listBranches(db.pool, agencyId);
  const found = unitInWhole(all, name, 'филиал');
  if (found.length > 1) throw severalBranches(name, found);
  if (!found[0] && !mayBeCalled(name)) throw noBranch(name, all);
  return found[0] ?? { id: undefined, name: name.trim() };
}

/**
 * The same of a department in the branch.
 * @throws Refusal `department-unknown`, `department-ambiguous`
 */
export async function departmentToBe(
  db: Database,
  agencyId: number,
  branch: UnitToBe,
  name: string,
): Promise<UnitToBe> {
  const all = (await listDepartments(db.pool, agencyId)).filter(({ branchId }) => branchId === branch.id);
  const found = unitInWhole(all, name, 'отдел');
  if (found.length > 1) throw severalDepartments(name, found);
  if (!found[0] && !mayBeCalled(name)) throw noDepartment(name, branch.name, all);
  return found[0] ?? { id: undefined, name: name.trim() };
}

/** A number that nobody has, with a title or not, and nothing at all are no names for a new unit. */
const mayBeCalled = (name: string): boolean => !/^(?:(?:филиал|отдел)(?:\s+|$))?(?:#\d*)?$/i.test(name.trim());

/** «avito (Авито)» */
const boardTold = ({ id, name }: Board) => (id === name ? id : `${id} (${name})`);

/** All boards there are, for the help. */
export const boardsTold = (boards: readonly Board[]): string => `Доски: ${boards.map(boardTold).join(', ')}.`;

/**
 * The board of that id or name, as `meantBy` reads it.
 * @param agencyName whose boards are told first; undefined: the only agency's
 * @throws Refusal `board-unknown` with the boards that the agency has cabinets on, `board-ambiguous`
 */
export async function oneBoard(context: Context, name: string, agencyName: string | undefined): Promise<Board> {
  const namesOf = (board: Board) => [board.id, board.name];
  const found = meantBy(context.boards, name, namesOf);
  if (found.length > 1) {
    throw new Refusal(
      'board-ambiguous',
      `«${shown(name)}» — это несколько досок: ${listed(found.map(boardTold))}.`,
      EXIT.usage,
    );
  }
  if (found[0]) return found[0];
  const ids = await boardsInUse(context, agencyName);
  const used = context.boards.filter(({ id }) => ids.has(id));
  const maybe = likely(context.boards, name, namesOf).map(boardTold);
  throw new Refusal(
    'board-unknown',
    [
      `Доски «${shown(name)}» нет.`,
      ...(maybe.length > 0 ? [`Может быть, ${maybe.join(', ')}?`] : []),
      ...(used.length > 0 ? [`У агентства есть кабинеты: ${used.map(boardTold).join(', ')}.`] : []),
      `Все ${formatNumber(context.boards.length)} перечисляет mark --help.`,
    ].join(' '),
    EXIT.usage,
  );
}

/** Boards where the agency has cabinets; none where that cannot be known: it is only a hint. */
async function boardsInUse(context: Context, agencyName: string | undefined): Promise<ReadonlySet<string>> {
  const { DATABASE_URL, DATA_DIR } = context.config;
  // A slip of the pen shall not make a database where there was none.
  if (DATABASE_URL === undefined && !existsSync(DATA_DIR)) return new Set();
  try {
    const db = await context.db();
    const { id: agencyId } = await resolveAgency(db, agencyName);
    return new Set((await listCabinets(db, { agencyId })).map(({ board }) => board));
  } catch (error) {
    if (error instanceof Refusal || error instanceof Fault) return new Set();
    throw error;
  }
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

/**
 * A moment to come, for what is answered by what is known now. Today, without an hour, is now.
 * @param told where the past is told, without a full stop
 * @throws Refusal `bad-moment`, `moment-past`
 */
export function momentAhead(text: string, now: Date, zone: string, told: string): Date {
  if (isToday(text, now, zone)) return now;
  const moment = momentNamed(text, now, zone);
  if (!isBygone(moment, now)) return moment;
  throw new Refusal(
    'moment-past',
    `${momentTold(moment, zone)} уже прошло, а отвечать можно о сейчас и о том, что впереди. ${told}.`,
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

/** What the system says of a path, to a person. */
const PATH_TROUBLES: Readonly<Record<string, (path: string) => string>> = {
  ENOENT: (path) => `папки «${dirname(resolve(path))}» нет. Создайте её или назовите другую`,
  ENOTDIR: (path) => `«${dirname(resolve(path))}» — не папка`,
  EEXIST: () => 'там уже есть файл с таким именем, а нужна папка',
  EISDIR: () => 'это папка. Назовите файл в ней',
  EBUSY: () => 'он занят другой программой',
  EACCES: () => 'нет права писать туда',
  EPERM: () => 'нет права писать туда',
  EROFS: () => 'туда ничего нельзя записать: диск только для чтения',
  ENOSPC: () => 'на диске нет места',
  ENAMETOOLONG: () => 'имя слишком длинное',
};

/** @returns Refusal `out-unwritable` for what the file system has refused; anything else as it was */
export function unwritable(path: string, error: unknown): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined || !['open', 'rename', 'write', 'mkdir', 'copyfile'].includes(syscall ?? '')) return error;
  // A name that ends like a folder's, or is one's, may fail in any of its steps.
  const isName = code === 'ENOENT' || code === 'ENOTDIR' || code === 'EBUSY';
  const trouble = PATH_TROUBLES[isName && isFolder(path) ? 'EISDIR' : code]?.(path) ?? code;
  return new Refusal('out-unwritable', `Файл «${path}» не записать: ${trouble}.`, EXIT.usage);
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

const FILE_BYTES_MAX = 200_000;

const unreadable = (error: unknown): string =>
  ({ ENOENT: 'такого файла нет', EISDIR: 'это папка', EACCES: 'нет права читать его' })[
    (error as NodeJS.ErrnoException).code ?? ''
  ] ?? (error as Error).message;

/** What stands in a JSON file. @throws Refusal with the caller's code */
export function jsonOf(file: string, code: string): unknown {
  let text: string;
  try {
    if (statSync(file).size > FILE_BYTES_MAX) throw new Error(`больше ${formatNumber(FILE_BYTES_MAX)} байт`);
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Refusal(code, `Файл «${file}» не читается: ${unreadable(error)}.`, EXIT.usage);
  }
  try {
    return JSON.parse(text.replace(/^\uFEFF/, '')) as unknown;
  } catch (error) {
    throw new Refusal(code, `Файл «${file}» — не JSON: ${(error as Error).message}.`, EXIT.usage);
  }
}
