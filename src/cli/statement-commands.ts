import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { csvText } from '../domain/csv.ts';
import { russianDay, russianMoment } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { BASIS_LABELS, TRANSFER_LABELS } from '../domain/ledger.ts';
import { formatKopecks } from '../domain/money.ts';
import { GROUPING_LABELS, GROUPINGS, type Grouping, type Posting, Statement } from '../domain/statement.ts';
import { agree, formatNumber } from '../domain/text.ts';
import {
  boardName,
  groupName,
  namesOfAccounts,
  otherSide,
  type Reading,
  readingOf,
  statementPeriod,
  statementTable,
  stepsOf,
  workbook,
} from '../server/statement.ts';
import { resolveAgency } from '../store/agencies.ts';
import { agencyDay, listAccounts } from '../store/ledger.ts';
import { agencyFrame } from '../store/settings.ts';
import { type LedgerEntry, type LedgerLine, listLedger } from '../store/statements.ts';
import { oneAccount } from './account-naming.ts';
import { aligned } from './columns.ts';
import type { Context } from './context.ts';
import { type Action, choice } from './declaring.ts';
import { EXIT } from './exit.ts';
import { oneListing, ours } from './naming.ts';
import { dayNamed, unwritable } from './units.ts';

const FORMATS = ['table', 'csv', 'xlsx'] as const;
type Format = (typeof FORMATS)[number];

interface LedgerOptions {
  agency?: string;
  from?: string;
  to?: string;
  listing?: string;
  board?: string;
  limit: string;
}

interface StatementOptions {
  agency?: string;
  all?: boolean;
  from?: string;
  to?: string;
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
    .option('--to <день>', 'по какой день, включительно')
    .option('--listing <объект>', 'только за этот объект')
    .option('--board <доска>', 'только за эту доску')
    .option('--limit <число>', 'сколько последних показать', '50')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, name: string, options: LedgerOptions) => {
        const limit = limitOf(options.limit);
        const [from, until] = [options.from, options.to].map((day) => (day === undefined ? undefined : dayNamed(day)));
        const board = options.board === undefined ? undefined : context.board(options.board).id;
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const account = await oneAccount(db, agency, name, context.clock(), true);
        const listingId =
          options.listing === undefined ? undefined : (await oneListing(db, agency.id, options.listing)).id;
        const lines = await listLedger(db.pool, agency.id, account, { from, until, listingId, board, limit });
        const { timeZone } = await agencyFrame(db, agency.id);
        const names = await namesOfAccounts(db, agency.id);
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
    .option('--to <день>', 'последний день, включительно; без ключа конец месяца')
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
        const [from, until] = [options.from, options.to].map((day) => (day === undefined ? undefined : dayNamed(day)));
        const period = statementPeriod(from, until, await agencyDay(db.pool, agency.id, now));
        const accounts =
          name === undefined ? await listAccounts(db.pool, agency.id) : [await oneAccount(db, agency, name, now, true)];
        const reading = await readingOf(db, context.boards, agency.id, accounts, period);
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

const signed = (kopecks: number) => `${kopecks > 0 ? '+' : ''}${formatKopecks(kopecks)}`;
const transfers = (count: number) => `${formatNumber(count)} ${agree(count, 'перевод', 'перевода', 'переводов')}`;

/** «Авито, объект A-7 (#12)», «со счёта «агентство»», «извне» */
function aboutText(context: Context, entry: LedgerEntry, names: ReadonlyMap<number, string>): string {
  if (entry.listingId === null) return otherSide(entry, names);
  const board = entry.board === null ? '' : `${boardName(context.boards, entry.board)}, `;
  return `${board}объект ${entry.externalId ?? ''} (${ours(entry.listingId)})`;
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
      : { by, groups: groups.map((group) => ({ ...group, name: groupName(context.boards, by, group) })) }),
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
                    groupName(context.boards, by, group),
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

async function writeStatement(
  context: Context,
  reading: Reading,
  by: Grouping | null,
  format: 'csv' | 'xlsx',
  out: string | undefined,
): Promise<void> {
  const { columns, rows, statement } = statementTable(reading, by);
  if (out === undefined) {
    await toStdout(csvText(columns, rows));
    return;
  }
  await toFile(
    out,
    format === 'csv' ? Readable.from(csvText(columns, rows)) : await workbook('Выписка', columns, rows),
  );
  const { entries, ...sums } = statement.totals();
  const [opening, income, outgo, closing] = sumCells(sums);
  context.print(
    { file: out, period: reading.period, totals: { entries, ...sums } },
    `${out}: ${transfers(entries)}; на начало ${opening}, приход ${income}, расход ${outgo}, на конец ${closing}.`,
  );
}

/** Writes a file whole or not at all. @throws Refusal `out-unwritable` */
export async function toFile(path: string, bytes: Readable): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    // Whoever opens the file must never see half of it.
    await pipeline(bytes, createWriteStream(temporary));
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw unwritable(path, error);
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
