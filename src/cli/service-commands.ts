import { statSync } from 'node:fs';
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import closeWithGrace from 'close-with-grace';
import type { Command } from 'commander';
import { loadBoards } from '../boards/catalogue.ts';
import { readPhone } from '../boards/formats/phone.ts';
import { Refusal } from '../domain/fault.ts';
import { FIXER_LABELS, ROLES, type Role } from '../domain/people.ts';
import type { Deed } from '../domain/rights.ts';
import { agree } from '../domain/text.ts';
import { editionFolder, editionPath } from '../export/edition.ts';
import { newInvitation } from '../server/invitations.ts';
import { setGrants, usualGrants } from '../store/access.ts';
import {
  addEmployee,
  changeEmployee,
  type EmployeeChange,
  type EmployeeRow,
  ensureBranch,
  ensureDepartment,
  listEmployees,
  resolveAgency,
} from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import { migrate, pendingMigrations } from '../store/migrate.ts';
import { currentEdition, listCabinets } from '../store/publishing.ts';
import { hasSignIns } from '../store/sign-in.ts';
import { examineQueue, startClock } from './clockwork-commands.ts';
import type { Context } from './context.ts';
import { type Action, choice, several } from './declaring.ts';
import { EXIT } from './exit.ts';
import { examineMail, isMailSetUp } from './mail-commands.ts';
import { actorOf, giverOf, objects, oneEmployee } from './naming.ts';
import { servingUrl, tellServing } from './serving.ts';
import { branchToBe, departmentToBe } from './units.ts';

export function serviceCommands(program: Command, action: Action): void {
  program
    .command('serve')
    .summary('отдавать фиды доскам и собирать их по расписанию')
    .description(
      'Запускает сервер, с которого доски забирают фиды, и собирает фиды по расписанию. Настройки: PORT, HOST, PUBLIC_URL, TRUST_PROXY.',
    )
    .option('--port <порт>', 'порт вместо PORT')
    .option('--no-work', 'только отдавать; собирает тогда отдельный процесс work')
    .action(
      action(async (context, options: { port?: string; work: boolean }) => {
        await serve(context, options.port === undefined ? context.config.PORT : portOf(options.port), {
          work: options.work,
        });
        return EXIT.done;
      }),
    );

  program
    .command('demo')
    .summary('показать всё на воображаемом агентстве')
    .description(
      'Создаёт воображаемое агентство, публикует его фиды и отдаёт их. Данные — в папке .demo (или DATA_DIR).',
    )
    .option('--no-serve', 'создать, опубликовать и выйти')
    .option('--reset', 'начать заново')
    .option('--port <порт>', 'порт сервера')
    .action(
      action(async (context, options: { serve: boolean; reset?: boolean; port?: string }) => {
        // The demo brings the picture drawer along; no other command should wait for it.
        const { runDemo } = await import('./demo.ts');
        return runDemo(context, {
          serve: options.serve,
          reset: options.reset === true,
          ...(options.port !== undefined && { port: portOf(options.port) }),
        });
      }),
    );

  program
    .command('migrate')
    .summary('обновить схему базы данных')
    .description('Обновляет схему базы данных до версии программы.')
    .option('--check', 'только проверить: код 3, если база отстаёт')
    .action(
      action(async (context, options: { check?: boolean }) => {
        const db = await context.openAsIs();
        if (options.check) {
          const pending = await pendingMigrations(db);
          context.print(
            { pending },
            pending.length === 0 ? 'Схема в порядке.' : `База отстаёт: ${pending.join(', ')}.`,
          );
          return pending.length === 0 ? EXIT.done : EXIT.found;
        }
        const applied = await migrate(db);
        context.print({ applied }, applied.length === 0 ? 'Схема уже в порядке.' : `Выполнено: ${applied.join(', ')}.`);
        return EXIT.done;
      }),
    );

  const employees = program
    .command('employees')
    .summary('сотрудники')
    .description('Сотрудники: по их телефонам и почте находятся ответственные за объекты.');
  employees
    .command('add')
    .description('Добавляет сотрудника.')
    .argument('<имя>')
    .addOption(several('--phone <номер...>', 'телефоны'))
    .option('--email <адрес>', 'почта')
    .option('--branch <название>', 'филиал: название или #номер; новый будет добавлен')
    .option('--department <название>', 'отдел филиала: название или #номер; новый будет добавлен')
    .addOption(choice('--role <роль>', 'что сотрудник может', ROLES))
    .option('--agency <название>', 'агентство')
    .action(
      action(
        async (
          context,
          name: string,
          options: {
            phone?: string[];
            email?: string;
            branch?: string;
            department?: string;
            role?: Role;
            agency?: string;
          },
        ) => {
          const db = await context.db();
          const agency = await resolveAgency(db, options.agency, true);
          const phones = (options.phone ?? []).map((raw) => {
            const phone = readPhone(raw);
            if (phone === undefined)
              throw new Refusal('bad-phone', `Телефон «${raw}»: по такому номеру нельзя позвонить.`, EXIT.usage);
            return phone;
          });
          const { branch, department } = await unitsOf(db, agency.id, options);
          const id = await addEmployee(
            db,
            agency.id,
            {
              ...{ name, phones, email: options.email, role: options.role },
              ...{ branchId: branch?.id, departmentId: department?.id },
            },
            { by: 'командная строка', at: context.clock() },
          );
          context.print({ id, name, phones }, `Сотрудник ${id}: ${name}.`);
          return EXIT.done;
        },
      ),
    );
  employees
    .command('list')
    .description('Показывает сотрудников.')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: { agency?: string }) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const people = await listEmployees(db, agency.id);
        context.print({ employees: people }, () =>
          people.length === 0
            ? 'Сотрудников ещё нет.'
            : people
                .map(({ id, name, role, phones, email }) =>
                  [`#${id}`, name, FIXER_LABELS[role], phones.join(', '), email ?? ''].filter(Boolean).join('  '),
                )
                .join('\n'),
        );
        return EXIT.done;
      }),
    );
  employees
    .command('role')
    .description('Меняет роль сотрудника.')
    .argument('<сотрудник>', 'имя или фамилия, почта, #номер')
    .argument('<роль>', ROLES.map((role) => `${role}: ${FIXER_LABELS[role]}`).join('; '))
    .option('--by <сотрудник>', 'кто меняет')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, name: string, role: string, options: { by?: string; agency?: string }) => {
        if (!(ROLES as readonly string[]).includes(role))
          throw new Refusal('role-unknown', `Роли «${role.slice(0, 60)}» нет. Можно: ${ROLES.join(', ')}.`, EXIT.usage);
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const actor = await actorOf(db, agency.id, options.by, 'roles');
        const person = await oneEmployee(db, agency.id, name);
        const giver = await giverOf(db, agency.id, actor);
        await setGrants(db, agency.id, person.id, usualGrants(role as Role), giver, context.clock());
        context.print({ id: person.id, name: person.name, role }, `${person.name}: ${FIXER_LABELS[role as Role]}.`);
        return EXIT.done;
      }),
    );
  employees
    .command('move')
    .description('Переводит сотрудника в филиал и отдел; номера и часы его объектов меняются вслед.')
    .argument('<сотрудник>', 'имя или фамилия, почта, #номер')
    .requiredOption('--branch <название>', 'филиал: название или #номер; новый будет добавлен')
    .option('--department <название>', 'отдел филиала; без ключа вне отделов')
    .option('--by <сотрудник>', 'кто переводит')
    .option('--agency <название>', 'агентство')
    .action(
      action(
        async (
          context,
          name: string,
          options: { branch: string; department?: string; by?: string; agency?: string },
        ) => {
          let units: Awaited<ReturnType<typeof unitsOf>> = {};
          const { person, listings } = await changePerson(context, 'people', name, options, async (db, agencyId) => {
            units = await unitsOf(db, agencyId, options);
            return { branchId: units.branch?.id ?? null, departmentId: units.department?.id ?? null };
          });
          const branch = units.branch?.name ?? null;
          const department = units.department?.name ?? null;
          context.print(
            { id: person.id, name: person.name, branch, department, listings },
            `${person.name}: филиал «${branch}»${department === null ? '' : `, отдел «${department}»`}, за ним ${objects(listings)}.`,
          );
          return EXIT.done;
        },
      ),
    );
  employees
    .command('remove')
    .description('Отмечает, что сотрудник ушёл. Его объекты остаются за ним, пока их не передадут.')
    .argument('<сотрудник>', 'имя или фамилия, почта, #номер')
    .option('--by <сотрудник>', 'кто отмечает')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, name: string, options: { by?: string; agency?: string }) => {
        const { person, listings } = await changePerson(context, 'dismissal', name, options, async () => ({
          isActive: false,
        }));
        context.print(
          { id: person.id, name: person.name, listings },
          `${person.name} больше не работает. За ним осталось: ${objects(listings)}.`,
        );
        return EXIT.done;
      }),
    );

  program
    .command('doctor')
    .summary('проверить, всё ли готово к работе')
    .description('Проверяет базу данных, папки, описания досок и файлы фидов.')
    .action(
      action(async (context) => {
        const checks = await examine(context);
        context.print({ checks }, () =>
          checks.map((check) => `${check.isGood ? '✓' : '✕'} ${check.what}: ${check.told}`).join('\n'),
        );
        return checks.every((check) => check.isGood) ? EXIT.done : EXIT.found;
      }),
    );
}

/** The branch and department by their names, made when they are not there yet; none is made when one is refused. */
async function unitsOf(
  db: Database,
  agencyId: number,
  wanted: { readonly branch?: string; readonly department?: string },
): Promise<{ branch?: { id: number; name: string }; department?: { id: number; name: string } }> {
  if (wanted.branch === undefined) {
    if (wanted.department === undefined) return {};
    throw new Refusal('branch-missing', 'Отдел называют вместе с филиалом: --branch <название>.', EXIT.usage);
  }
  const branch = await branchToBe(db, agencyId, wanted.branch);
  const department =
    wanted.department === undefined ? undefined : await departmentToBe(db, agencyId, branch, wanted.department);
  const branchId = branch.id ?? (await ensureBranch(db, agencyId, branch.name));
  const home = { id: branchId, name: branch.name };
  if (department === undefined) return { branch: home };
  const id = department.id ?? (await ensureDepartment(db, agencyId, branchId, department.name));
  return { branch: home, department: { id, name: department.name } };
}

async function changePerson(
  context: Context,
  deed: Deed,
  name: string,
  options: { readonly by?: string; readonly agency?: string },
  changeOf: (db: Database, agencyId: number) => Promise<EmployeeChange>,
): Promise<{ person: EmployeeRow; listings: number }> {
  const db = await context.db();
  const agency = await resolveAgency(db, options.agency);
  const actor = await actorOf(db, agency.id, options.by, deed);
  const person = await oneEmployee(db, agency.id, name);
  const change = await changeOf(db, agency.id);
  const giver = await giverOf(db, agency.id, actor);
  return { person, listings: await changeEmployee(db, agency.id, person.id, change, giver, context.clock()) };
}

function portOf(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535)
    throw new Refusal('bad-port', `Порт «${text}»: нужно число от 0 до 65535.`, EXIT.usage);
  return port;
}

/** Serves, and runs what is due unless told otherwise, until the process is told to stop. */
export async function serve(
  context: Context,
  port: number,
  options: { media?: boolean; work?: boolean; onListening?: (url: string) => void } = {},
): Promise<void> {
  const db = await context.db();
  // A third of the whole program, which `migrate` and `employees` have no use for.
  const { buildApp } = await import('../server/app.ts');
  const app = buildApp({
    db,
    dataDir: context.config.DATA_DIR,
    secret: context.secret,
    clock: context.clock,
    logLevel: context.config.LOG_LEVEL,
    trustProxy: context.config.TRUST_PROXY,
    publicUrl: context.config.PUBLIC_URL,
    hasPost: isMailSetUp(context),
    media: options.media === true,
  });
  await app.listen({ port, host: context.config.HOST }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE')
      throw new Refusal(
        'port-taken',
        `Порт ${port} занят другой программой. Укажите другой: --port <порт>.`,
        EXIT.refused,
      );
    throw error;
  });
  const address = app.server.address();
  const url = `http://localhost:${typeof address === 'object' && address ? address.port : port}`;
  const forget = tellServing(context.config.DATA_DIR, url);
  options.onListening?.(url);
  await inviteFirst(context, db, context.config.PUBLIC_URL ?? url);
  const clockwork = options.work === false ? undefined : await startClock(context, app.log);
  context.onServe();
  await new Promise<void>((resolve) => {
    closeWithGrace({ delay: 10_000 }, async ({ err }) => {
      if (err) app.log.error({ err }, 'stopping');
      forget();
      await Promise.all([app.close(), clockwork?.stop()]);
      await context.close();
      resolve();
    });
  });
}

/** Nobody can come in yet: whoever started the program lets the first administrator in. */
async function inviteFirst(context: Context, db: Database, url: string): Promise<void> {
  if (await hasSignIns(db.pool)) return;
  const path = await newInvitation(db, null, 'командная строка', context.clock());
  // Quiet or not: without it there is no way in.
  process.stderr.write(`Никто ещё не входил. Первый администратор входит по этой ссылке, один раз:\n  ${url}${path}\n`);
}

interface Check {
  readonly what: string;
  readonly isGood: boolean;
  readonly told: string;
}

async function examine(context: Context): Promise<Check[]> {
  const checks: Check[] = [];
  const check = async (what: string, work: () => Promise<string> | string) => {
    try {
      checks.push({ what, isGood: true, told: await work() });
    } catch (error) {
      checks.push({ what, isGood: false, told: (error as Error).message });
    }
  };
  const { DATA_DIR } = context.config;
  await check('Node.js', () => {
    const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
    if (major < 20 || (major === 20 && minor < 19)) throw new Error(`${process.versions.node}, нужен 20.19 или новее`);
    return process.versions.node;
  });
  await check('Папка данных', async () => {
    const probe = join(DATA_DIR, `.probe-${process.pid}`);
    await mkdir(DATA_DIR, { recursive: true });
    await writeFile(probe, 'x');
    await rm(probe);
    const disk = await statfs(DATA_DIR);
    const free = (disk.bavail * disk.bsize) / 2 ** 30;
    if (free < 1) throw new Error(`${DATA_DIR}: свободно ${free.toFixed(1)} ГБ, нужно не меньше 1 ГБ`);
    return `${DATA_DIR}, свободно ${free.toFixed(0)} ГБ`;
  });
  await check('Описания досок', () => {
    const count = loadBoards().length;
    return `${count} ${agree(count, 'доска', 'доски', 'досок')}`;
  });
  await check('База данных', async () => {
    const db = await context.db();
    return `PostgreSQL ${db.version}${db.embedded ? ', встроенная' : ''}`;
  });
  await check('Очередь прогонов', () => examineQueue(context));
  await check('Почта', () => examineMail(context));
  await check('Файлы фидов', async () => {
    const db = await context.db();
    let count = 0;
    for (const cabinet of await listCabinets(db)) {
      const edition = await currentEdition(db, cabinet);
      if (!edition) continue;
      const folder = editionFolder(DATA_DIR, cabinet.agencyId, cabinet.id);
      for (const kind of ['xml', 'xml.gz'] as const) {
        const size = statSync(editionPath(folder, edition.sha256, kind), { throwIfNoEntry: false })?.size;
        if (size !== (kind === 'xml' ? edition.bytes : edition.gzipBytes)) {
          const what = size === undefined ? 'нет файла фида' : 'повреждён файл фида';
          throw new Error(`${what} ${cabinet.board}; выполните publish --board ${cabinet.board}`);
        }
      }
      count++;
    }
    return `${count} на месте`;
  });
  await check('Адрес фидов', () => {
    if (context.config.PUBLIC_URL === undefined)
      return `${servingUrl(DATA_DIR) ?? context.publicUrl('')} (снаружи не виден; задайте PUBLIC_URL)`;
    return context.config.PUBLIC_URL;
  });
  return checks;
}
