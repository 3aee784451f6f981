import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { addDays, russianDay, russianMoment } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { ACCOUNT_KIND_LABELS, BASIS_LABELS, TRANSFER_LABELS } from '../domain/ledger.ts';
import { formatKopecks } from '../domain/money.ts';
import { monthOf, nextMonthlyDay } from '../domain/monthly.ts';
import {
  type AccountStatement,
  GROUPING_LABELS,
  GROUPINGS,
  type Group,
  type Grouping,
  type Posting,
  Statement,
  type Sums,
} from '../domain/statement.ts';
import { agree, formatNumber } from '../domain/text.ts';
import { type AgencyRow, resolveAgency } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import { type AccountRow, agencyDay, listAccounts } from '../store/ledger.ts';
import { agencyFrame } from '../store/settings.ts';
import { type LedgerEntry, type LedgerLine, listLedger, type Period, readStatement } from '../store/statements.ts';
import { oneAccount } from './account-naming.ts';
import { aligned } from './columns.ts';
import { type Context, EXIT } from './context.ts';
import { type Cell, type Column, csvText, type Row } from './csv.ts';
import { oneListing, ours } from './naming.ts';
import { type Action, choice } from './program.ts';
import { dayNamed } from './units.ts';

const FORMATS = ['table', 'csv', 'xlsx'] as const;
type Format = (typeof FORMATS)[number];

interface LedgerOptions {
  agency?: string;
  from?: string;
  until?: string;
  listing?: string;
  board?: string;
  limit: string;
}

interface StatementOptions {
  agency?: string;
  all?: boolean;
  from?: string;
  until?: string;
  by?: Grouping;
  format?: Format;
  out?: string;
  limit: string;
}

/** @param accounts the command that these stand under */
export function statementCommands(accounts: Command, action: Action): void {
  accounts
    .command('ledger')
    .summary('показать движение по счёту')
    .description(
      'Показывает переводы счёта по порядку и баланс после каждого: последние, а с ключами только нужные. Дни — те, за которые перевод считается.',
    )
    .argument('<счёт>', 'номер, имя, филиал, отдел, agency')
    .option('--from <день>', 'с какого дня')
    .option('--until <день>', 'по какой день, включительно')
    .option('--listing <объект>', 'только за этот объект')
    .option('--board <доска>', 'только за эту доску')
    .option('--limit <число>', 'сколько последних показать', '50')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, name: string, options: LedgerOptions) => {
        const limit = limitOf(options.limit);
        const [from, until] = [options.from, options.until].map((day) =>
          day === undefined ? undefined : dayNamed(day),
        );
        const board = options.board === undefined ? undefined : context.board(options.board).id;
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const account = await oneAccount(db, agency, name, context.clock(), true);
        const listingId =
          options.listing === undefined ? undefined : (await oneListing(db, agency.id, options.listing)).id;
        const lines = await listLedger(db.pool, agency.id, account, { from, until, listingId, board, limit });
        const { timeZone } = await agencyFrame(db, agency.id);
        const names = await namesOf(db, agency);
        context.print({ account: { id: account.id, name: account.name }, transfers: lines.map(lineData) }, () =>
          lines.length === 0
            ? `${ours(account.id)} ${account.name}: переводов нет.`
            : [
                `${ours(account.id)} ${account.name} (${timeZone})`,
                ...lines.map((line) => ledgerText(context, line, names, timeZone)),
              ].join('\n'),
        );
        return EXIT.done;
      }),
    );

  accounts
    .command('statement')
    .summary('выписка по счёту или по всем')
    .description(
      'Выписка за период: сколько было, пришло, ушло, удержано и осталось. Без --by построчно, с --by итогами. Файл csv открывается в Excel двойным щелчком. Возврат относится к тому дню, за который было списание.',
    )
    .argument('[счёт]', 'номер, имя, филиал, отдел, agency')
    .option('--all', 'по всем счетам агентства')
    .option('--from <день>', 'первый день; без ключа начало месяца')
    .option('--until <день>', 'последний день, включительно; без ключа конец месяца')
    .addOption(choice('--by <по чему>', 'итоги', GROUPINGS))
    .addOption(choice('--format <вид>', 'вид; без ключа по имени файла', FORMATS))
    .option('--out <файл>', 'записать в файл')
    .option('--limit <число>', 'сколько строк показать в table и JSON', '200')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, name: string | undefined, options: StatementOptions) => {
        if ((name === undefined) !== (options.all === true))
          throw new Refusal('statement-whose', 'По какому счёту? Назовите его или укажите --all.', EXIT.usage);
        const format = formatOf(context, options);
        const limit = limitOf(options.limit);
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const now = context.clock();
        const period = periodOf(options, await agencyDay(db.pool, agency.id, now));
        const accounts =
          name === undefined ? await listAccounts(db.pool, agency.id) : [await oneAccount(db, agency, name, now, true)];
        const { timeZone } = await agencyFrame(db, agency.id);
        const reading: Reading = { db, agency, accounts, period, names: await namesOf(db, agency), zone: timeZone };
        if (format === 'table') await showStatement(context, reading, options.by ?? null, limit);
        else await writeStatement(context, reading, options.by ?? null, format, options.out);
        return EXIT.done;
      }),
    );
}

function limitOf(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) > 0) return Number(text);
  throw new Refusal('bad-limit', `--limit: «${text.slice(0, 20)}», а нужно число от 1 до 99999.`, EXIT.usage);
}

function formatOf(context: Context, { format, out }: StatementOptions): Format {
  const ending = /\.(csv|xlsx)$/i.exec(out ?? '')?.[1]?.toLowerCase() as Format | undefined;
  const wanted = format ?? ending ?? 'table';
  const refuse = (text: string) => new Refusal('statement-format', text, EXIT.usage);
  if (wanted === 'table' && out !== undefined) throw refuse('В файл пишутся csv и xlsx: укажите --format.');
  if (wanted === 'xlsx' && out === undefined) throw refuse('Книге Excel нужен файл: --out выписка.xlsx');
  if (wanted === 'csv' && out === undefined && context.options.json)
    throw refuse('--json и csv сразу не напечатать: запишите csv в файл, --out выписка.csv');
  return wanted;
}

/** @throws Refusal `bad-day`, `bad-period` */
function periodOf({ from, until }: StatementOptions, today: string): Period {
  const [first, last] = [from, until].map((day) => (day === undefined ? undefined : dayNamed(day)));
  const start = first ?? `${monthOf(last ?? today)}-01`;
  const inMonth = first !== undefined && first > today ? first : today;
  const end = last ?? addDays(nextMonthlyDay(1, inMonth), -1);
  if (start > end) throw new Refusal('bad-period', 'Последний день раньше первого.', EXIT.usage);
  return { from: start, until: end };
}

async function namesOf(db: Database, agency: AgencyRow): Promise<ReadonlyMap<number, string>> {
  return new Map((await listAccounts(db.pool, agency.id, true)).map(({ id, name }) => [id, name]));
}

const signed = (kopecks: number) => `${kopecks > 0 ? '+' : ''}${formatKopecks(kopecks)}`;
const transfers = (count: number) => `${formatNumber(count)} ${agree(count, 'перевод', 'перевода', 'переводов')}`;

/** «Авито, объект A-7 (#12)», «со счёта «агентство»», «извне» */
function aboutText(context: Context, entry: LedgerEntry, names: ReadonlyMap<number, string>): string {
  if (entry.listingId !== null) {
    const board = entry.board === null ? '' : `${context.board(entry.board).name}, `;
    return `${board}объект ${entry.externalId ?? ''} (${ours(entry.listingId)})`;
  }
  const other = names.get(entry.otherId);
  if (other === ACCOUNT_KIND_LABELS.bank) return entry.isFrom ? 'наружу' : 'извне';
  return `${entry.isFrom ? 'на счёт' : 'со счёта'} «${other}»`;
}

function ledgerText(context: Context, line: LedgerLine, names: ReadonlyMap<number, string>, zone: string): string {
  const { kind, kopecks, isFrom, at, day, balanceKopecks, heldKopecks, basis, reason, by, id } = line;
  const isHold = kind === 'hold' || kind === 'release';
  const sum = isHold ? `(${formatKopecks(kopecks)})` : signed(isFrom ? -kopecks : kopecks);
  const held = heldKopecks === 0 ? '' : `, удержано ${formatKopecks(heldKopecks)}`;
  const what = basis === null ? '' : `${BASIS_LABELS[basis]}, `;
  return [
    `${russianMoment(at, zone)}  ${TRANSFER_LABELS[kind]} ${sum}  баланс ${formatKopecks(balanceKopecks)}${held}`,
    `    за ${russianDay(day)}: ${what}${aboutText(context, line, names)}; ${reason} (${by})`,
    `    ${id}`,
  ].join('\n');
}

function lineData({ accountId: _, account: __, isFrom, kopecks, resolves: ___, ...line }: LedgerEntry) {
  return { ...line, direction: isFrom ? 'out' : 'in', kopecks };
}

/** What a statement is made of, and what its cells are told with. */
interface Reading {
  readonly db: Database;
  readonly agency: AgencyRow;
  readonly accounts: readonly AccountRow[];
  readonly period: Period;
  /** Of all accounts. */
  readonly names: ReadonlyMap<number, string>;
  readonly zone: string;
}

/** An account begins, an entry of it, it has ended. */
type Step =
  | { readonly begun: AccountStatement }
  | { readonly entry: LedgerEntry; readonly posting: Posting }
  | { readonly ended: AccountStatement };

/** Reads all of it through the statement, account by account. */
async function* stepsOf({ db, agency, accounts, period }: Reading, statement: Statement): AsyncGenerator<Step> {
  for await (const part of readStatement(db, agency.id, accounts, period)) {
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

async function showStatement(context: Context, reading: Reading, by: Grouping | null, limit: number): Promise<void> {
  const statement = new Statement(by);
  const lines: { readonly entry: LedgerEntry; readonly posting: Posting }[] = [];
  for await (const step of stepsOf(reading, statement)) {
    if (by === null && 'entry' in step && lines.length < limit) lines.push(step);
  }
  const { entries, ...sums } = statement.totals();
  const accounts = statement.accounts();
  const groups = by === null ? [] : statement.groups();
  const data = {
    period: reading.period,
    accounts: accounts.map(({ accountId, account, ...rest }) => ({ id: accountId, name: account, ...rest })),
    totals: { entries, ...sums },
    ...(by === null
      ? {
          transfers: lines.map(({ entry, posting }) => ({
            accountId: entry.accountId,
            ...lineData(entry),
            balanceKopecks: posting.balanceKopecks,
          })),
          left: entries - lines.length,
        }
      : { by, groups: groups.map((group) => ({ ...group, name: groupName(context, by, group) })) }),
  };
  context.print(data, () => {
    const { from, until } = reading.period;
    const standing = [
      ...accounts.map((one) => [`${ours(one.accountId)} ${one.account}`, ...sumCells(one), '']),
      ...(accounts.length > 1 ? [['всего', ...sumCells({ ...sums }), '']] : []),
    ];
    const head = ['', 'на начало', 'приход', 'расход', 'на конец', 'удержано', ''];
    const left = (count: number) =>
      count > 0 ? [`… и ещё ${formatNumber(count)}; все — в файле: --out выписка.xlsx`] : [];
    const rest =
      by === null
        ? [
            ...lines.map(({ entry, posting }) => statementText(context, entry, posting, reading)),
            ...left(entries - lines.length),
          ]
        : by === 'account'
          ? []
          : [
              aligned([
                [GROUPING_LABELS[by].toLowerCase(), 'приход', 'расход', 'удержано', ''],
                ...groups
                  .slice(0, limit)
                  .map((group) => [
                    groupName(context, by, group),
                    formatKopecks(group.inKopecks),
                    formatKopecks(group.outKopecks),
                    formatKopecks(group.heldKopecks),
                    transfers(group.entries),
                  ]),
              ]),
              ...left(groups.length - limit),
            ];
    return [`Выписка: ${russianDay(from)} – ${russianDay(until)}`, aligned([head, ...standing]), '', ...rest].join(
      '\n',
    );
  });
}

const sumCells = (
  one: Record<'openingKopecks' | 'inKopecks' | 'outKopecks' | 'closingKopecks' | 'closingHeldKopecks', number>,
) =>
  [one.openingKopecks, one.inKopecks, one.outKopecks, one.closingKopecks, one.closingHeldKopecks].map((kopecks) =>
    formatKopecks(kopecks),
  );

function statementText(context: Context, entry: LedgerEntry, posting: Posting, { accounts, names }: Reading): string {
  const { kind, kopecks, isFrom, day } = entry;
  const isHold = kind === 'hold' || kind === 'release';
  const sum = isHold ? `(${formatKopecks(kopecks)})` : signed(isFrom ? -kopecks : kopecks);
  const whose = accounts.length > 1 ? `${entry.account}: ` : '';
  return `${russianDay(day)}  ${whose}${TRANSFER_LABELS[kind]} ${sum}  ${aboutText(context, entry, names)}  остаток ${formatKopecks(posting.balanceKopecks)}`;
}

function groupName(context: Context, by: Grouping, { key, name }: Group): string {
  if (key === null) return NONE[by] ?? 'прочее';
  if (by === 'board') return context.board(key).name;
  if (by === 'day') return russianDay(key);
  if (by === 'listing') return `${name ?? ''} (${ours(Number(key))})`;
  return name ?? key;
}

const NONE: Partial<Record<Grouping, string>> = {
  listing: 'не об объекте',
  board: 'не о доске',
  employee: 'без сотрудника',
  branch: 'без филиала',
  basis: 'не за размещение',
};

async function writeStatement(
  context: Context,
  reading: Reading,
  by: Grouping | null,
  format: 'csv' | 'xlsx',
  out: string | undefined,
): Promise<void> {
  const statement = new Statement(by);
  const columns = by === null ? lineColumns(reading.zone) : groupColumns(by);
  const rows = by === null ? lineRows(context, reading, statement) : groupRows(context, reading, statement, by);
  if (out === undefined) {
    await toStdout(csvText(columns, rows));
    return;
  }
  await toFile(out, format === 'csv' ? Readable.from(csvText(columns, rows)) : await workbook(columns, rows));
  const { entries, ...sums } = statement.totals();
  const [opening, income, outgo, closing] = sumCells(sums);
  context.print(
    { file: out, period: reading.period, totals: { entries, ...sums } },
    `${out}: ${transfers(entries)}; на начало ${opening}, приход ${income}, расход ${outgo}, на конец ${closing}.`,
  );
}

/** No command but this one waits for the library. */
async function workbook(columns: readonly Column[], rows: AsyncIterable<Row>): Promise<Readable> {
  const { xlsxBytes } = await import('./xlsx.ts');
  return xlsxBytes('Выписка', columns, rows);
}

/** @throws Refusal `out-unwritable` */
/** Writes a file whole or not at all. @throws Refusal `out-unwritable` */
export async function toFile(path: string, bytes: Readable): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    // Whoever opens the file must never see half of it.
    await pipeline(bytes, createWriteStream(temporary));
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall !== 'open' && syscall !== 'rename' && syscall !== 'write') throw error;
    throw new Refusal('out-unwritable', `Файл «${path}» не записать: ${code}. Проверьте папку и права.`, EXIT.usage);
  }
}

async function toStdout(texts: AsyncIterable<string>): Promise<void> {
  let trouble: NodeJS.ErrnoException | undefined;
  const onError = (error: NodeJS.ErrnoException) => {
    trouble = error;
  };
  process.stdout.on('error', onError);
  try {
    for await (const text of texts) {
      if (!process.stdout.write(text) && trouble === undefined) await once(process.stdout, 'drain').catch(onError);
      if (trouble !== undefined) break;
    }
  } finally {
    process.stdout.off('error', onError);
  }
  // Whoever read has had enough.
  if (trouble !== undefined && trouble.code !== 'EPIPE') throw trouble;
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
async function* lineRows(context: Context, reading: Reading, statement: Statement): AsyncGenerator<Row> {
  const { names, zone, period } = reading;
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
        entry.board === null ? null : context.board(entry.board).name,
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

async function* groupRows(context: Context, reading: Reading, statement: Statement, by: Grouping): AsyncGenerator<Row> {
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
    const name = isPlain ? group.name : groupName(context, by, group);
    yield row(name, by === 'listing' && group.key !== null ? Number(group.key) : null, group);
  }
  yield row('Всего', null, totals);
}
