import type { Command } from 'commander';
import { Refusal } from '../domain/fault.ts';
import { ACCOUNT_KIND_LABELS } from '../domain/ledger.ts';
import { readRoubles } from '../domain/money.ts';
import { type AgencyRow, listBranches, listDepartments, listEmployees } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import { agencyDay } from '../store/ledger.ts';
import { listPlacedAccounts, type PlacedAccount } from '../store/statements.ts';
import { EXIT } from './exit.ts';
import { likely, listed, meantBy, namesOfPerson, ours, shown } from './naming.ts';

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
        'Рекламные счета агентства, филиалов, отделов и сотрудников. Счёт называют номером (#7 или 7), именем, фамилией или почтой сотрудника, названием филиала или отдела, словом agency.',
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
 * or «Аренда»; `agency`. Names are read by `meantBy`, of each kind apart: bearers of two kinds are several. Whoever could
 * have an account and has none bears their name too: money for one «Соколова» never goes to another.
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
  if (number !== undefined) {
    const found = all.find(({ id }) => id === Number(number));
    if (found) return found;
    throw new Refusal('account-unknown', `Счёта «${shown(name)}» нет. Какие есть: accounts list`, EXIT.usage);
  }
  const holders = [
    ...all.map((account): Holder => ({ id: account.id, kind: account.kind, names: namesOf(account, agency), account })),
    ...(await accountless(db, agency, all)),
  ];
  const told = ({ account, title }: Holder) => (account ? accountNamed(account) : `${title} (счёта нет)`);
  // Kind by kind: that a branch is called «Соколова» in whole says nothing of whether Irina Sokolova was meant.
  const kinds = [...new Set(holders.map(({ kind }) => kind))];
  const found = kinds.flatMap((kind) =>
    meantBy(
      holders.filter((holder) => holder.kind === kind),
      name,
      ({ names }) => names,
    ),
  );
  if (found.length > 1) {
    // Those with a number first: a long list is cut.
    const ready = found.filter(({ account }) => account !== undefined);
    const rest = found.filter(({ account }) => account === undefined);
    const what =
      rest.length === 0
        ? 'Назовите номер.'
        : ready.length === 0
          ? 'Счёта ещё ни у кого из них нет, откройте нужный: accounts open.'
          : 'Счёт из этих назовите с решёткой, а которого нет, сначала откройте: accounts open.';
    throw new Refusal(
      'account-ambiguous',
      `«${shown(name)}» — это несколько счетов: ${listed([...ready, ...rest].map(told))}. ${what}`,
      EXIT.usage,
    );
  }
  if (found[0]?.account) return found[0].account;
  if (found[0]) {
    throw new Refusal(
      'account-unknown',
      `У ${found[0].whose} ещё нет счёта. Откройте: accounts open ${found[0].open}`,
      EXIT.usage,
    );
  }
  const maybe = likely(holders, name, ({ names }) => names).map(told);
  throw new Refusal(
    'account-unknown',
    maybe.length === 0
      ? `Счёта «${shown(name)}» нет. Какие есть: accounts list`
      : `Счёта «${shown(name)}» нет. Может быть, ${maybe.join(', ')}? Все: accounts list`,
    EXIT.usage,
  );
}

/** Whoever a name of an account may mean. */
interface Holder {
  readonly id: number;
  readonly kind: PlacedAccount['kind'];
  readonly names: readonly string[];
  readonly account?: PlacedAccount;
  /** Of those without an account: «отдел Аренда», «отдела «Аренда»», and the keys of `accounts open`. */
  readonly title?: string;
  readonly whose?: string;
  readonly open?: string;
}

function namesOf({ kind, name, branch, department, email }: PlacedAccount, agency: AgencyRow): string[] {
  const short = { agency: agency.name, branch, department, employee: email, board: null, bank: null }[kind];
  return [name, ...(short === null ? [] : [short]), ...(kind === 'agency' ? [kind] : [])];
}

/** The agency, its units and people that have no account yet. */
async function accountless(db: Database, agency: AgencyRow, all: readonly PlacedAccount[]): Promise<Holder[]> {
  const has = (kind: PlacedAccount['kind'], id: number | null) =>
    all.some((account) => account.kind === kind && account.ownerId === id);
  const branches = await listBranches(db.pool, agency.id);
  const departments = await listDepartments(db.pool, agency.id);
  const people = await listEmployees(db, agency.id);
  return [
    ...(has('agency', null)
      ? []
      : [
          {
            ...{
              id: 0,
              kind: 'agency' as const,
              names: ['agency', ACCOUNT_KIND_LABELS.agency, agency.name],
              title: ACCOUNT_KIND_LABELS.agency,
            },
            ...{ whose: 'агентства', open: '--agency-wide' },
          },
        ]),
    ...branches
      .filter(({ id }) => !has('branch', id))
      .map(({ id, name }) => ({
        ...{ id, kind: 'branch' as const, names: [`филиал ${name}`, name], title: `филиал ${name}` },
        ...{ whose: `филиала «${name}»`, open: `--branch "${name}"` },
      })),
    ...departments
      .filter(({ id }) => !has('department', id))
      .map(({ id, branchId, name }) => {
        const home = branches.find((branch) => branch.id === branchId)!.name;
        return {
          ...{
            id,
            kind: 'department' as const,
            names: [`отдел ${name}`, name],
            title: `отдел ${name} (филиал ${home})`,
          },
          ...{ whose: `отдела «${name}»`, open: `--branch "${home}" --department "${name}"` },
        };
      }),
    ...people
      .filter(({ id }) => !has('employee', id))
      .map((person) => ({
        ...{ id: person.id, kind: 'employee' as const, names: namesOfPerson(person), title: person.name },
        ...{ whose: `сотрудника «${person.name}»`, open: `--employee "${ours(person.id)}"` },
      })),
  ];
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
