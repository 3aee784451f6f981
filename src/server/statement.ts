import type { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { Board } from '../boards/catalogue.ts';
import type { Cell, Column, Row } from '../domain/csv.ts';
import { addDays, isDay, russianDay, russianMoment } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { ACCOUNT_KIND_LABELS, BASIS_LABELS, TRANSFER_LABELS } from '../domain/ledger.ts';
import { monthOf, nextMonthlyDay } from '../domain/monthly.ts';
import {
  type AccountStatement,
  GROUPING_LABELS,
  type Group,
  type Grouping,
  type Posting,
  Statement,
  type Sums,
} from '../domain/statement.ts';
import type { Database } from '../store/database.ts';
import { type AccountRow, listAccounts } from '../store/ledger.ts';
import { agencyFrame } from '../store/settings.ts';
import { type LedgerEntry, type Period, readStatement } from '../store/statements.ts';
import { HttpProblem } from './problems.ts';

/** Statements as tables: the same rows for the screen, the file and the command line. */

/**
 * The days of a statement: as named, else the month of what is named, else this month.
 * @throws Refusal `bad-period`
 */
export function statementPeriod(from: string | undefined, until: string | undefined, today: string): Period {
  const start = from ?? `${monthOf(until ?? today)}-01`;
  const inMonth = from !== undefined && from > today ? from : today;
  const end = until ?? addDays(nextMonthlyDay(1, inMonth), -1);
  if (start > end) throw new Refusal('bad-period', 'Последний день раньше первого.', 2);
  return { from: start, until: end };
}

/** What a statement is made of, and what its cells are told with. */
export interface Reading {
  readonly db: Database;
  readonly agencyId: number;
  readonly accounts: readonly AccountRow[];
  readonly period: Period;
  /** Of all accounts. */
  readonly names: ReadonlyMap<number, string>;
  readonly zone: string;
  readonly boards: readonly Board[];
}

/** @param accounts in the order in which they shall come */
export async function readingOf(
  db: Database,
  boards: readonly Board[],
  agencyId: number,
  accounts: readonly AccountRow[],
  period: Period,
): Promise<Reading> {
  const { timeZone: zone } = await agencyFrame(db, agencyId);
  return { db, agencyId, accounts, period, names: await namesOfAccounts(db, agencyId), zone, boards };
}

/** An account begins, an entry of it, it has ended. */
export type Step =
  | { readonly begun: AccountStatement }
  | { readonly entry: LedgerEntry; readonly posting: Posting }
  | { readonly ended: AccountStatement };

/** Reads all of it through the statement, account by account. */
export async function* stepsOf(
  { db, agencyId, accounts, period }: Reading,
  statement: Statement,
): AsyncGenerator<Step> {
  for await (const part of readStatement(db, agencyId, accounts, period)) {
    if ('account' in part) {
      const before = statement.last();
      if (before) yield { ended: before };
      statement.open(part.account.id, part.account.name, part.opening);
      yield { begun: statement.last()! };
    } else for (const entry of part.entries) yield { entry, posting: statement.add(entry) };
  }
  const last = statement.last();
  if (last) yield { ended: last };
}

/** Of all accounts, the boards' too. */
export async function namesOfAccounts(db: Database, agencyId: number): Promise<ReadonlyMap<number, string>> {
  return new Map((await listAccounts(db.pool, agencyId, true)).map(({ id, name }) => [id, name]));
}

/** A board that is described no more keeps its id. */
export const boardName = (boards: readonly Board[], id: string): string =>
  boards.find((board) => board.id === id)?.name ?? id;

/** What is on the other side of a transfer: «извне», «на счёт «агентство»». */
export function otherSide(entry: Pick<LedgerEntry, 'isFrom' | 'otherId'>, names: ReadonlyMap<number, string>): string {
  const other = names.get(entry.otherId);
  if (other === ACCOUNT_KIND_LABELS.bank) return entry.isFrom ? 'наружу' : 'извне';
  return `${entry.isFrom ? 'на счёт' : 'со счёта'} «${other}»`;
}

export function groupName(boards: readonly Board[], by: Grouping, { key, name }: Group): string {
  if (key === null) return NONE[by] ?? 'прочее';
  if (by === 'board') return boardName(boards, key);
  if (by === 'day') return russianDay(key);
  if (by === 'listing') return `${name ?? ''} (#${key})`;
  return name ?? key;
}

const NONE: Partial<Record<Grouping, string>> = {
  listing: 'не об объекте',
  board: 'не о доске',
  employee: 'без сотрудника',
  branch: 'без филиала',
  basis: 'не за размещение',
};

/** A statement as a table; the statement has its sums once the rows have been run through. */
export function statementTable(
  reading: Reading,
  by: Grouping | null,
): { readonly columns: readonly Column[]; readonly rows: AsyncIterable<Row>; readonly statement: Statement } {
  const statement = new Statement(by);
  return by === null
    ? { columns: lineColumns(reading.zone), rows: lineRows(reading, statement), statement }
    : { columns: groupColumns(by), rows: groupRows(reading, statement, by), statement };
}

/** The library is loaded when the first workbook is asked for. */
export async function workbook(
  name: string,
  columns: readonly Column[],
  rows: AsyncIterable<Row> | Iterable<Row>,
): Promise<Readable> {
  const { xlsxBytes } = await import('./xlsx.ts');
  return xlsxBytes(name, columns, rows);
}

const column = (header: string, kind: Column['kind'], width: number): Column => ({ header, kind, width });

const lineColumns = (zone: string): Column[] => [
  column('Счёт', 'text', 24),
  column('За день', 'day', 12),
  column(`Проведено (${zone})`, 'text', 18),
  column('Операция', 'text', 18),
  column('Приход', 'kopecks', 14),
  column('Расход', 'kopecks', 14),
  column('Удержано', 'kopecks', 14),
  column('Остаток', 'kopecks', 16),
  column('Доска', 'text', 16),
  column('Кабинет', 'text', 12),
  column('Объект', 'text', 16),
  column('Номер объекта', 'count', 12),
  column('Сотрудник', 'text', 24),
  column('Филиал', 'text', 18),
  column('За что', 'text', 20),
  column('Другой счёт', 'text', 24),
  column('Провёл', 'text', 20),
  column('Основание', 'text', 40),
  column('Перевод', 'text', 40),
];

/** The balance at the beginning, the transfers, what they come to, and the balance at the end; account by account. */
async function* lineRows(reading: Reading, statement: Statement): AsyncGenerator<Row> {
  const { names, zone, period, boards } = reading;
  const or = (kopecks: number): Cell => (kopecks === 0 ? null : kopecks);
  for await (const step of stepsOf(reading, statement)) {
    if ('begun' in step) {
      const { account, openingHeldKopecks, openingKopecks } = step.begun;
      yield [account, period.from, null, 'на начало', null, null, openingHeldKopecks, openingKopecks];
    } else if ('ended' in step) {
      const { account, inKopecks, outKopecks, closingHeldKopecks, closingKopecks } = step.ended;
      yield [account, period.until, null, 'на конец', inKopecks, outKopecks, closingHeldKopecks, closingKopecks];
    } else {
      const { entry, posting } = step;
      yield [
        entry.account,
        entry.day,
        russianMoment(entry.at, zone),
        TRANSFER_LABELS[entry.kind],
        or(posting.inKopecks),
        or(posting.outKopecks),
        or(posting.heldKopecks),
        posting.balanceKopecks,
        entry.board === null ? null : boardName(boards, entry.board),
        entry.cabinet,
        entry.externalId,
        entry.listingId,
        entry.employee,
        entry.branch,
        entry.basis === null ? null : BASIS_LABELS[entry.basis],
        names.get(entry.otherId) ?? null,
        entry.by,
        entry.reason,
        entry.id,
      ];
    }
  }
}

const groupColumns = (by: Grouping): Column[] => [
  column(GROUPING_LABELS[by], by === 'day' ? 'day' : 'text', 28),
  ...(by === 'listing' || by === 'account' ? [column('Номер', 'count', 12)] : []),
  ...(by === 'account' ? [column('На начало', 'kopecks', 14)] : []),
  column('Приход', 'kopecks', 14),
  column('Расход', 'kopecks', 14),
  ...(by === 'account' ? [column('На конец', 'kopecks', 14)] : []),
  column('Удержано', 'kopecks', 14),
  column('Переводов', 'count', 12),
];

async function* groupRows(reading: Reading, statement: Statement, by: Grouping): AsyncGenerator<Row> {
  for await (const _ of stepsOf(reading, statement));
  const totals = statement.totals();
  if (by === 'account') {
    const row = (name: string, id: number | null, one: Omit<AccountStatement, 'accountId' | 'account'>): Row => [
      name,
      id,
      one.openingKopecks,
      one.inKopecks,
      one.outKopecks,
      one.closingKopecks,
      one.closingHeldKopecks,
      one.entries,
    ];
    for (const { accountId, account, ...one } of statement.accounts()) yield row(account, accountId, one);
    yield row('Всего', null, totals);
    return;
  }
  const row = (name: Cell, number: number | null, { inKopecks, outKopecks, heldKopecks, entries }: Sums): Row => [
    name,
    ...(by === 'listing' ? [number] : []),
    inKopecks,
    outKopecks,
    heldKopecks,
    entries,
  ];
  for (const group of statement.groups()) {
    const isPlain = group.key !== null && (by === 'day' || by === 'listing');
    const name = isPlain ? group.name : groupName(reading.boards, by, group);
    yield row(name, by === 'listing' && group.key !== null ? Number(group.key) : null, group);
  }
  yield row('Всего', null, totals);
}

/** @throws HttpProblem 400 */
export function proveDays(...days: readonly (string | undefined)[]): void {
  const wrong = days.find((day) => day !== undefined && !isDay(day));
  if (wrong !== undefined) throw new HttpProblem(400, 'bad-day', `«${wrong}» — не день календаря, пример: 2026-11-21.`);
}

const TYPES = {
  csv: 'text/csv; charset=utf-8',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
};

const PLAIN = /^[\x20-\x7e]+$/;

/** The header that names a file as its reader would name it. @param name without the ending */
export function fileNamed(way: 'attachment' | 'inline', name: string, format: string): string {
  const file = `${name.replaceAll(/[\\/:*?"<>|]/g, ' ')}.${format}`;
  // For programs that read no other names than plain ones.
  const plain = PLAIN.test(file) ? file : `statement.${format}`;
  return `${way}; filename="${plain}"; filename*=UTF-8''${encodeURIComponent(file)}`;
}

/** A file to be kept. @param name without the ending */
export const sendFile = (reply: FastifyReply, bytes: Readable, format: 'csv' | 'xlsx', name: string): FastifyReply =>
  reply
    .type(TYPES[format])
    .header('Cache-Control', 'private, no-store')
    .header('Content-Disposition', fileNamed('attachment', name, format))
    .send(bytes);
