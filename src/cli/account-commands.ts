import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { accountTree, isOwnKind } from '../domain/account-tree.ts';
import { russianDay, russianMoment } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import type { OwnKind } from '../domain/ledger.ts';
import { formatKopecks } from '../domain/money.ts';
import { isMonthlyDay, MONTHLY_ON_MAX } from '../domain/monthly.ts';
import type { Deed } from '../domain/rights.ts';
import { agree, formatNumber } from '../domain/text.ts';
import { type AgencyRow, listEmployees, resolveAgency } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import { savedByAccount, savedInMonth } from '../store/forecast.ts';
import {
  type AccountChange,
  agencyDay,
  changeAccount,
  correct,
  listAccounts,
  type MoneyCommand,
  move,
  openAccount,
  refund,
  topUp,
} from '../store/ledger.ts';
import { faultsOfMonthly, topUpMonthly } from '../store/monthly.ts';
import { phoneFrameRow } from '../store/phones.ts';
import type { MonthlyTopUp } from '../store/schema.ts';
import { agencyFrame } from '../store/settings.ts';
import { listPlacedAccounts, type PlacedAccount } from '../store/statements.ts';
import { accountsCommand, oneAccount, sumNamed } from './account-naming.ts';
import { aligned } from './columns.ts';
import type { Context } from './context.ts';
import { type Action, several } from './declaring.ts';
import { EXIT } from './exit.ts';
import { forecastCommands } from './forecast-commands.ts';
import { type Actor, actorOf, oneEmployee, ours } from './naming.ts';
import { statementCommands } from './statement-commands.ts';
import { oneBranch, oneDepartment } from './units.ts';

interface Common {
  agency?: string;
  by?: string;
}

interface MoneyOptions extends Common {
  reason?: string;
  key?: string;
}

interface OpenOptions extends Common {
  agencyWide?: boolean;
  branch?: string;
  department?: string;
  employee?: string[];
  employees?: boolean;
}

interface LimitOptions extends Common {
  overdraft?: string;
  day?: string;
  month?: string;
  monthly?: string;
  on?: string;
  from?: string;
}

export function accountCommands(program: Command, action: Action): void {
  const group = accountsCommand(program);
  const command = (name: string, summary: string, description: string) =>
    group.command(name).summary(summary).description(description).option('--agency <название>', 'агентство');

  command(
    'list',
    'показать счета',
    'Показывает счета деревом: баланс, удержано, доступно вместе с овердрафтом, потрачено сегодня, лимиты.',
  )
    .option('--all', 'и счета досок, и внешний счёт')
    .action(
      action(async (context, options: Common & { all?: boolean }) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        await showAccounts(context, db, agency, options.all === true);
        return EXIT.done;
      }),
    );

  command(
    'open',
    'открыть счёт',
    'Открывает счёт агентства, филиала, отдела или сотрудника, а с --employees — всех сотрудников филиала или отдела. Открытый остаётся как был.',
  )
    .option('--agency-wide', 'счёт агентства')
    .option('--branch <название>', 'счёт филиала')
    .option('--department <название>', 'счёт отдела; вместе с --branch')
    .addOption(several('--employee <сотрудник...>', 'счёт сотрудника: имя или фамилия, почта, номер'))
    .option('--employees', 'счета всех сотрудников филиала (отдела, агентства), а не его самого')
    .option('--by <сотрудник>', 'кто открывает')
    .action(
      action(async (context, options: OpenOptions) => {
        const { db, agency, actor, now } = await opened(context, options, 'accounts');
        const owners = await ownersOf(db, agency, options);
        const ids = new Set<number>();
        let fresh = 0;
        for (const owner of owners) {
          const { id, isNew } = await openAccount(db, agency.id, owner, actor, now);
          ids.add(id);
          if (isNew) fresh++;
        }
        const today = await agencyDay(db.pool, agency.id, now);
        const accounts = (await listPlacedAccounts(db.pool, agency.id, today)).filter(({ id }) => ids.has(id));
        context.print({ opened: fresh, accounts: accounts.map(({ id, kind, name }) => ({ id, kind, name })) }, () =>
          [
            `Открыто счетов: ${formatNumber(fresh)}${fresh < ids.size ? `, уже были открыты: ${formatNumber(ids.size - fresh)}` : ''}.`,
            ...accounts.map(({ id, name }) => `  ${ours(id)} ${name}`),
          ].join('\n'),
        );
        context.say(`Дальше: accounts topup "${ours(accounts[0]!.id)}" 1000`);
        return EXIT.done;
      }),
    );

  const money = (name: string, summary: string, description: string) =>
    command(name, summary, description)
      .option('--key <ключ>', 'ключ операции: с тем же ключом она не пройдёт дважды; без него придумывается новый')
      .option('--by <сотрудник>', 'кто проводит');

  money('topup', 'пополнить счёт', 'Пополняет счёт деньгами извне.')
    .argument('<счёт>', 'номер, имя, филиал, отдел, agency')
    .argument('<сумма>', 'в рублях: 1500 или 1234,50')
    .option('--reason <основание>', 'за что', 'пополнение')
    .action(
      action(async (context, name: string, sum: string, options: MoneyOptions) => {
        const kopecks = sumNamed(sum);
        const { db, agency, actor, now } = await opened(context, options, 'money');
        const { id } = await oneAccount(db, agency, name, now);
        const wanted = commandOf(context, options, kopecks, actor);
        await told(context, db, agency, wanted, [id], now, () => topUp(db, agency.id, id, wanted, now));
        return EXIT.done;
      }),
    );

  money('move', 'перевести со счёта на счёт', 'Переводит деньги с одного счёта на другой.')
    .argument('<откуда>', 'номер, имя, филиал, отдел, agency')
    .argument('<куда>', 'номер, имя, филиал, отдел, agency')
    .argument('<сумма>', 'в рублях: 1500 или 1234,50')
    .option('--reason <основание>', 'за что', 'перевод')
    .action(
      action(async (context, from: string, to: string, sum: string, options: MoneyOptions) => {
        const kopecks = sumNamed(sum);
        const { db, agency, actor, now } = await opened(context, options, 'money');
        const [source, target] = [await oneAccount(db, agency, from, now), await oneAccount(db, agency, to, now)];
        const wanted = commandOf(context, options, kopecks, actor);
        await told(context, db, agency, wanted, [source.id, target.id], now, () =>
          move(db, agency.id, source.id, target.id, wanted, now),
        );
        return EXIT.done;
      }),
    );

  money(
    'correct',
    'исправить баланс встречной проводкой',
    'Исправляет ошибочную запись встречной: прежние записи остаются как были.',
  )
    .argument('<счёт>', 'номер, имя, филиал, отдел, agency')
    .argument('<сумма>', 'в рублях: 1500 или 1234,50')
    .option('--in', 'зачислить на счёт')
    .option('--out', 'снять со счёта')
    .requiredOption('--reason <причина>', 'что исправляется')
    .action(
      action(async (context, name: string, sum: string, options: MoneyOptions & { in?: boolean; out?: boolean }) => {
        if ((options.in === true) === (options.out === true))
          throw new Refusal('correction-way', 'Зачислить или снять? Укажите --in или --out.', EXIT.usage);
        const kopecks = sumNamed(sum);
        const { db, agency, actor, now } = await opened(context, options, 'money-back');
        const { id } = await oneAccount(db, agency, name, now);
        const wanted = commandOf(context, options, kopecks, actor);
        const direction = options.in === true ? 'to' : 'from';
        await told(context, db, agency, wanted, [id], now, () => correct(db, agency.id, id, direction, wanted, now));
        return EXIT.done;
      }),
    );

  command(
    'refund',
    'вернуть списание',
    'Возвращает списание целиком и один раз. Номер списания показывает accounts ledger.',
  )
    .argument('<списание>', 'номер, как в accounts ledger')
    .requiredOption('--reason <причина>', 'почему')
    .option('--by <сотрудник>', 'кто возвращает')
    .action(
      action(async (context, charge: string, options: Common & { reason: string }) => {
        const reason = reasonOf(options.reason);
        const { db, agency, actor, now } = await opened(context, options, 'money-back');
        const { id, kopecks } = await refund(db, agency.id, charge.trim(), reason, actor, now);
        context.print({ transfer: id, kopecks }, `Возвращено ${formatKopecks(kopecks)}. Перевод ${id}.`);
        return EXIT.done;
      }),
    );

  command(
    'limits',
    'показать или изменить лимиты счёта',
    'Показывает или меняет овердрафт, лимиты трат и ежемесячное пополнение. Пополнение, день которого в этом месяце уже прошёл, проводится сразу; за прошлые месяцы не проводится.',
  )
    .argument('<счёт>', 'номер, имя, филиал, отдел, agency')
    .option('--overdraft <сумма>', 'насколько счёт может уйти в минус; 0 — не может')
    .option('--day <сумма>', 'сколько можно потратить за день; «нет» — сколько угодно')
    .option('--month <сумма>', 'сколько можно потратить за месяц; «нет» — сколько угодно')
    .option('--monthly <сумма>', 'ежемесячное пополнение; «нет» — без него')
    .option('--on <день>', `какого числа пополнять, от 1 до ${MONTHLY_ON_MAX}; без ключа 1`)
    .option('--from <счёт>', 'с какого счёта пополнять; «нет» и без ключа — извне')
    .option('--by <сотрудник>', 'кто меняет')
    .action(
      action(async (context, name: string, options: LimitOptions) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const now = context.clock();
        const account = await oneAccount(db, agency, name, now);
        const change = await changeOf(db, agency, account, options, now);
        if (Object.keys(change).length > 0) {
          const actor = await actorOf(db, agency.id, options.by, 'accounts');
          await changeAccount(db, agency.id, account.id, change, actor, now);
        }
        const after = await oneAccount(db, agency, ours(account.id), now);
        const names = new Map((await listAccounts(db.pool, agency.id)).map((one) => [one.id, one.name]));
        context.print(
          accountData(after),
          () => `${ours(after.id)} ${after.name}: ${limitsText(after, names) || 'лимитов нет'}.`,
        );
        if (change.monthly)
          context.say('Пополнение проводят serve и work, когда подходит день; сейчас же: accounts monthly');
        return EXIT.done;
      }),
    );

  command(
    'monthly',
    'провести ежемесячные пополнения, день которых подошёл',
    'Проводит ежемесячные пополнения, день которых в этом месяце подошёл. serve и work делают это сами. Повтор безопасен.',
  ).action(
    action(async (context, options: Common) => {
      const db = await context.db();
      const agency = await resolveAgency(db, options.agency);
      const done = await topUpMonthly(db, agency.id, context.clock());
      const { timeZone } = await agencyFrame(db, agency.id);
      context.print(done, () =>
        [
          `Пополнено счетов: ${formatNumber(done.toppedUp)}.`,
          ...(done.short > 0 ? [`Ждут денег на счёте, с которого пополняются: ${formatNumber(done.short)}.`] : []),
          done.nextAt === null
            ? 'Расписания нет: accounts limits <счёт> --monthly <сумма>'
            : `Следующий раз: ${russianMoment(done.nextAt, timeZone)} (${timeZone}).`,
        ].join('\n'),
      );
      if (done.short > 0) context.say('Кому чего не хватает: inbox');
      return EXIT.done;
    }),
  );

  statementCommands(group, action);
  forecastCommands(group, action);
}

async function opened(context: Context, options: Common, deed: Deed) {
  const db = await context.db();
  const agency = await resolveAgency(db, options.agency);
  return { db, agency, actor: await actorOf(db, agency.id, options.by, deed), now: context.clock() };
}

type Owner = { readonly kind: OwnKind; readonly ownerId: number | null };

async function ownersOf(db: Database, agency: AgencyRow, options: OpenOptions): Promise<Owner[]> {
  const { agencyWide, branch, department, employee = [], employees } = options;
  if (department !== undefined && branch === undefined)
    throw new Refusal('branch-missing', 'Отдел называют вместе с филиалом: --branch <название>.', EXIT.usage);
  if (agencyWide !== true && branch === undefined && employee.length === 0) {
    throw new Refusal(
      'account-whose',
      'Чей счёт? Назовите --agency-wide, --branch, --branch и --department или --employee.',
      EXIT.usage,
    );
  }
  const owners: Owner[] = [];
  for (const name of employee) owners.push({ kind: 'employee', ownerId: (await oneEmployee(db, agency.id, name)).id });
  const unit = branch === undefined ? undefined : await unitNamed(db, agency, branch, department);
  if (employees !== true) return [...owners, ...(agencyWide ? [AGENCY] : []), ...(unit ? [unit] : [])];
  if (agencyWide !== true && unit === undefined)
    throw new Refusal(
      'account-whose',
      '--employees — чьи сотрудники? Назовите --branch или --agency-wide.',
      EXIT.usage,
    );
  const departments = (await phoneFrameRow(db.pool, agency.id)).departments;
  const people = (await listEmployees(db, agency.id)).filter(
    ({ branchId, departmentId }) =>
      agencyWide === true ||
      (unit!.kind === 'department'
        ? departmentId === unit!.ownerId
        : (branchId ?? departments.find(({ id }) => id === departmentId)?.branchId) === unit!.ownerId),
  );
  if (people.length === 0) throw new Refusal('nobody-there', 'Там ещё нет сотрудников: employees list.');
  return [...owners, ...people.map(({ id }) => ({ kind: 'employee' as const, ownerId: id }))];
}

const AGENCY: Owner = { kind: 'agency', ownerId: null };

/** @throws Refusal as `oneBranch`, `oneDepartment` */
async function unitNamed(
  db: Database,
  agency: AgencyRow,
  branch: string,
  department: string | undefined,
): Promise<Owner> {
  const home = await oneBranch(db, agency.id, branch);
  if (department === undefined) return { kind: 'branch', ownerId: home.id };
  return { kind: 'department', ownerId: (await oneDepartment(db, agency.id, home, department)).id };
}

/** @throws Refusal `bad-key`, `bad-reason` */
function commandOf(context: Context, { key, reason }: MoneyOptions, kopecks: number, by: Actor): MoneyCommand {
  if (key !== undefined && !/^[\p{L}\p{N}._-]{1,64}$/u.test(key)) {
    throw new Refusal(
      'bad-key',
      '--key: от 1 до 64 букв, цифр, точек, дефисов и подчёркиваний, без пробелов.',
      EXIT.usage,
    );
  }
  const made = key ?? randomBytes(8).toString('hex');
  // Before anything is done: whoever loses the answer can still ask again.
  if (key === undefined)
    context.say(
      `Ключ операции: ${made}. Если ответа не будет, повторите команду с --key ${made}: дважды она не пройдёт.`,
    );
  return { key: made, kopecks, reason: reasonOf(reason ?? ''), by };
}

function reasonOf(text: string): string {
  const reason = text.trim();
  if (reason !== '' && reason.length <= 500) return reason;
  throw new Refusal('bad-reason', '--reason: нужна причина, от 1 до 500 знаков.', EXIT.usage);
}

/** Books it and tells what the accounts stand at. */
async function told(
  context: Context,
  db: Database,
  agency: AgencyRow,
  { key, kopecks }: MoneyCommand,
  ids: readonly number[],
  now: Date,
  book: () => Promise<{ readonly id: string; readonly isNew: boolean }>,
): Promise<void> {
  const { id, isNew } = await book();
  const today = await agencyDay(db.pool, agency.id, now);
  const after = (await listPlacedAccounts(db.pool, agency.id, today)).filter((account) => ids.includes(account.id));
  context.print({ transfer: id, isNew, key, kopecks, accounts: after.map(accountData) }, () =>
    [
      isNew
        ? `Проведено: ${formatKopecks(kopecks)}. Перевод ${id}.`
        : `Это уже проведено раньше, второй раз не проводится: ${formatKopecks(kopecks)}. Перевод ${id}.`,
      ...ids.map((one) => {
        const account = after.find((other) => other.id === one)!;
        return `  ${ours(one)} ${account.name}: баланс ${formatKopecks(account.balanceKopecks)}, доступно ${formatKopecks(account.availableKopecks)}`;
      }),
    ].join('\n'),
  );
  if (isNew) context.say('Кто ждал денег, выйдет с ближайшей сборкой: due');
}

const NONE = /^(?:нет|none)$/i;

async function changeOf(
  db: Database,
  agency: AgencyRow,
  account: PlacedAccount,
  options: LimitOptions,
  now: Date,
): Promise<AccountChange> {
  const limit = (text: string) => (NONE.test(text) ? null : sumNamed(text));
  const { overdraft, day, month } = options;
  const monthly = await monthlyOf(db, agency, account, options, now);
  return {
    ...(overdraft !== undefined && { overdraftKopecks: limit(overdraft) ?? 0 }),
    ...(day !== undefined && { dayLimitKopecks: limit(day) }),
    ...(month !== undefined && { monthLimitKopecks: limit(month) }),
    ...(monthly !== undefined && { monthly }),
  };
}

/** @returns undefined: it stays as it is @throws Refusal `bad-monthly` */
async function monthlyOf(
  db: Database,
  agency: AgencyRow,
  account: PlacedAccount,
  { monthly, on, from }: LimitOptions,
  now: Date,
): Promise<MonthlyTopUp | null | undefined> {
  if (monthly === undefined && on === undefined && from === undefined) return undefined;
  const refuse = (text: string) => new Refusal('bad-monthly', text, EXIT.usage);
  if (monthly !== undefined && NONE.test(monthly)) {
    if (on !== undefined || from !== undefined) throw refuse('--monthly нет: тогда без --on и --from.');
    return null;
  }
  const known = account.monthly;
  if (monthly === undefined && known === null)
    throw refuse('Ежемесячного пополнения у счёта нет: назовите и сумму, --monthly <сумма>.');
  if (on !== undefined && !(/^\d{1,2}$/.test(on) && isMonthlyDay(Number(on))))
    throw refuse(`--on: «${on.slice(0, 20)}» — не день, который есть в каждом месяце: от 1 до ${MONTHLY_ON_MAX}.`);
  const source =
    from === undefined
      ? (known?.fromId ?? null)
      : NONE.test(from)
        ? null
        : (await oneAccount(db, agency, from, now)).id;
  const wanted = {
    kopecks: monthly === undefined ? known!.kopecks : sumNamed(monthly),
    on: on === undefined ? (known?.on ?? 1) : Number(on),
    fromId: source,
  };
  const faults = await faultsOfMonthly(db.pool, agency.id, account.id, wanted);
  if (faults.length > 0) throw refuse(faults.join(' '));
  return wanted;
}

/** «овердрафт 1 000 ₽, день 500 ₽, месяц 10 000 ₽, 5-го числа +2 000 ₽ со счёта «агентство»» */
function limitsText(account: PlacedAccount, names: ReadonlyMap<number, string>): string {
  const { overdraftKopecks, dayLimitKopecks, monthLimitKopecks, monthly } = account;
  const source = monthly === null || monthly.fromId === null ? 'извне' : `со счёта «${names.get(monthly.fromId)}»`;
  return [
    ...(overdraftKopecks > 0 ? [`овердрафт ${formatKopecks(overdraftKopecks)}`] : []),
    ...(dayLimitKopecks === null ? [] : [`день ${formatKopecks(dayLimitKopecks)}`]),
    ...(monthLimitKopecks === null ? [] : [`месяц ${formatKopecks(monthLimitKopecks)}`]),
    ...(monthly === null ? [] : [`${monthly.on}-го числа +${formatKopecks(monthly.kopecks)} ${source}`]),
  ].join(', ');
}

function accountData({ entries: _, ownerId, ...account }: PlacedAccount) {
  return { ...account, ownerId };
}

async function showAccounts(context: Context, db: Database, agency: AgencyRow, isAll: boolean): Promise<void> {
  const today = await agencyDay(db.pool, agency.id, context.clock());
  const accounts = await listPlacedAccounts(db.pool, agency.id, today, isAll);
  const saved = savedByAccount(await savedInMonth(db.pool, agency.id, today));
  const data = accounts.map((account) => ({ ...accountData(account), savedKopecks: saved.get(account.id) ?? 0 }));
  const own = accounts.filter(({ kind }) => isOwnKind(kind));
  const sum = (of: (account: PlacedAccount) => number) => own.reduce((all, account) => all + of(account), 0);
  const totals = {
    accounts: own.length,
    balanceKopecks: sum(({ balanceKopecks }) => balanceKopecks),
    heldKopecks: sum(({ heldKopecks }) => heldKopecks),
    availableKopecks: sum(({ availableKopecks }) => availableKopecks),
    daySpentKopecks: sum(({ daySpentKopecks }) => daySpentKopecks),
    monthSpentKopecks: sum(({ monthSpentKopecks }) => monthSpentKopecks),
    savedKopecks: sum(({ id }) => saved.get(id) ?? 0),
  };
  context.print({ day: today, accounts: data, totals }, () => {
    if (accounts.length === 0) return 'Счетов ещё нет. Откройте: accounts open --agency-wide';
    const names = new Map(accounts.map(({ id, name }) => [id, name]));
    const rows = accountTree(accounts).map(({ depth, title, account }): string[] => [
      `${'  '.repeat(depth)}${title}${account === null ? '' : ` ${ours(account.id)}`}`,
      ...(account === null
        ? ['', '', '', '', '']
        : [
            formatKopecks(account.balanceKopecks),
            formatKopecks(account.heldKopecks),
            isOwnKind(account.kind) ? formatKopecks(account.availableKopecks) : '',
            formatKopecks(account.daySpentKopecks),
            limitsText(account, names),
          ]),
    ]);
    const count = `${formatNumber(own.length)} ${agree(own.length, 'счёт', 'счёта', 'счетов')}`;
    const last = [
      `всего ${count}`,
      formatKopecks(totals.balanceKopecks),
      formatKopecks(totals.heldKopecks),
      formatKopecks(totals.availableKopecks),
      formatKopecks(totals.daySpentKopecks),
      '',
    ];
    const head = ['', 'баланс', 'удержано', 'доступно', `потрачено ${russianDay(today)}`, ''];
    return aligned([head, ...rows, last]);
  });
}
