import type { Command } from 'commander';
import { Refusal } from '../domain/fault.ts';
import { ACCOUNT_KIND_LABELS } from '../domain/ledger.ts';
import { readRoubles } from '../domain/money.ts';
import { type AgencyRow, findEmployees, listBranches } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import { agencyDay } from '../store/ledger.ts';
import { listPlacedAccounts, type PlacedAccount } from '../store/statements.ts';
import { EXIT } from './exit.ts';
import { ours } from './naming.ts';

/** Accounts and sums as people name them on the command line. */

/** The command that the commands about accounts stand under, whoever comes first. */
export function accountsCommand(program: Command): Command {
  const made = program.commands.find((command) => command.name() === 'accounts');
  return (
    made ??
    program
      .command('accounts')
      .summary('рекламные счета')
      .description(
        'Рекламные счета агентства, филиалов, отделов и сотрудников. Счёт называют номером (#7 или 7), именем или почтой сотрудника, названием филиала или отдела, словом agency.',
      )
  );
}

/** «#7 Ирина Соколова (филиал Центр)» */
export function accountNamed({ id, name, kind, branch }: PlacedAccount): string {
  const place = branch === null || kind === 'branch' ? '' : ` (филиал ${branch})`;
  return `${ours(id)} ${name}${place}`;
}

/**
 * The account a person means: `#7` or `7`; the name or e-mail of an employee; «филиал Центр» or «Центр»; «отдел Аренда»
 * or «Аренда»; `agency`.
 * @param isAll the bank's and the boards' too, by number
 * @throws Refusal `account-unknown`, `account-ambiguous` with the list
 */
export async function oneAccount(
  db: Database,
  agency: AgencyRow,
  given: string,
  now: Date,
  isAll = false,
): Promise<PlacedAccount> {
  const name = given.trim();
  const all = await listPlacedAccounts(db.pool, agency.id, await agencyDay(db.pool, agency.id, now), isAll);
  const number = /^#?(\d{1,15})$/.exec(name)?.[1];
  const found =
    number === undefined
      ? all.filter((account) => namesOf(account, agency).includes(lower(name)))
      : all.filter(({ id }) => id === Number(number));
  if (found.length > 1) {
    throw new Refusal(
      'account-ambiguous',
      `«${name.slice(0, 60)}» — это несколько счетов: ${found.map(accountNamed).join(', ')}. Назовите номер.`,
      EXIT.usage,
    );
  }
  if (found[0]) return found[0];
  const hint = number === undefined ? await hintOf(db, agency, name) : undefined;
  throw new Refusal(
    'account-unknown',
    hint ?? `Счёта «${name.slice(0, 60)}» нет. Какие есть: accounts list`,
    EXIT.usage,
  );
}

const lower = (text: string) => text.toLocaleLowerCase('ru');

function namesOf({ kind, name, branch, department, email }: PlacedAccount, agency: AgencyRow): string[] {
  const short = { agency: agency.name, branch, department, employee: email, board: null, bank: null }[kind];
  const names = [name, short, ...(kind === 'agency' ? [kind] : [])];
  return names.flatMap((one) => (one === null ? [] : [lower(one)]));
}

/** Whoever it is has no account yet: how to open one. */
async function hintOf(db: Database, agency: AgencyRow, name: string): Promise<string | undefined> {
  const open = (kind: 'employee' | 'branch', whose: string, flag: string) =>
    `У ${kind === 'employee' ? 'сотрудника' : 'филиала'} «${whose}» ещё нет счёта. Откройте: accounts open --${kind} "${flag}"`;
  const [person] = await findEmployees(db, agency.id, name);
  if (person) return open('employee', person.name, name);
  const branches = await listBranches(db.pool, agency.id);
  const bare = lower(name.replace(/^филиал\s+/i, ''));
  const branch = branches.find((row) => lower(row.name) === bare);
  if (branch) return open('branch', branch.name, branch.name);
  const department = lower(name.replace(/^отдел\s+/i, ''));
  const home = branches.find(({ departments }) => departments.some((one) => lower(one) === department));
  if (home)
    return `У отдела «${name}» ещё нет счёта. Откройте: accounts open --branch "${home.name}" --department "${home.departments.find((one) => lower(one) === department)}"`;
  if (['agency', ACCOUNT_KIND_LABELS.agency, lower(agency.name)].includes(lower(name)))
    return 'У агентства ещё нет счёта. Откройте: accounts open --agency-wide';
  return undefined;
}

/** @throws Refusal `bad-sum` */
export function sumNamed(text: string): number {
  const kopecks = readRoubles(text);
  if (kopecks !== undefined) return kopecks;
  throw new Refusal(
    'bad-sum',
    `«${text.slice(0, 60)}» — не сумма в рублях. Примеры: 1500, 1234,50, «1 234,50».`,
    EXIT.usage,
  );
}
