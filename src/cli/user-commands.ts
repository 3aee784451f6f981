import type { Command } from 'commander';
import { Refusal } from '../domain/fault.ts';
import { ROLES, type Role } from '../domain/people.ts';
import { defaultScope, type Grant, grantLabel, SCOPES } from '../domain/rights.ts';
import { agree, formatNumber } from '../domain/text.ts';
import { newInvitation } from '../server/invitations.ts';
import { listGrants, proveHeld, setGrants } from '../store/access.ts';
import { listBranches, listDepartments, listEmployees, resolveAgency } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import { hasSignIns, INVITATION_DAYS, listSignIns, putOut } from '../store/sign-in.ts';
import type { Action } from './declaring.ts';
import { EXIT } from './exit.ts';
import { actorOf, giverOf, oneEmployee } from './naming.ts';
import { oneBranch, oneDepartment } from './units.ts';

interface Asked {
  readonly by?: string;
  readonly agency?: string;
}

export function userCommands(program: Command, action: Action): void {
  const users = program
    .command('users')
    .summary('вход в приложение и права')
    .description('Кто входит в приложение: приглашения, сеансы, права.');

  users
    .command('list')
    .description('Показывает, кто входит в приложение, под каким именем и с какими правами.')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: Asked) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const signIns = await listSignIns(db.pool, agency.id);
        const grants = await listGrants(db.pool, agency.id);
        const labels = await labelsOf(db, agency.id);
        const people = (await listEmployees(db, agency.id)).map(({ id, name }) => ({
          id,
          name,
          login: signIns.get(id)?.login ?? null,
          hasSecondFactor: signIns.get(id)?.hasSecondFactor ?? false,
          rights: (grants.get(id) ?? []).map(labels),
        }));
        context.print({ users: people }, () =>
          people.length === 0
            ? 'Сотрудников ещё нет.'
            : people
                .map(({ id, name, login, hasSecondFactor, rights }) =>
                  [
                    `#${id}`,
                    name,
                    login === null ? 'не входит' : `входит как ${login}`,
                    ...(hasSecondFactor ? ['второй фактор'] : []),
                    rights.join('; '),
                  ].join('  '),
                )
                .join('\n'),
        );
        if (people.some(({ login }) => login === null))
          context.say('Дальше: users invite <сотрудник> даст ссылку для входа.');
        return EXIT.done;
      }),
    );

  users
    .command('invite')
    .summary('дать ссылку для входа')
    .description(
      `Даёт ссылку, по которой сотрудник один раз выбирает имя для входа и пароль; она же сбрасывает забытый пароль. Действует ${INVITATION_DAYS} дней, прежняя ссылка гаснет. Без сотрудника: ссылка первого администратора, пока никто не входит.`,
    )
    .argument('[сотрудник]', 'имя или фамилия, почта, #номер')
    .option('--by <сотрудник>', 'кто приглашает')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, name: string | undefined, options: Asked) => {
        const db = await context.db();
        const now = context.clock();
        if (name === undefined) {
          if (await hasSignIns(db.pool))
            throw new Refusal('employee-missing', 'Назовите, кого пригласить: users invite <сотрудник>.', EXIT.usage);
          const url = context.address(await newInvitation(db, null, 'командная строка', now));
          context.print({ url }, url);
          context.say(`По этой ссылке войдёт первый администратор, один раз, ${INVITATION_DAYS} дней.`);
          return EXIT.done;
        }
        const agency = await resolveAgency(db, options.agency);
        const actor = await actorOf(db, agency.id, options.by, 'invitations');
        const person = await oneEmployee(db, agency.id, name);
        const held = (await listGrants(db.pool, agency.id)).get(person.id) ?? [];
        await proveHeld(db.pool, agency.id, person.id, held, await giverOf(db, agency.id, actor));
        const whom = { agencyId: agency.id, employeeId: person.id };
        const url = context.address(await newInvitation(db, whom, actor.name, now));
        context.print({ id: person.id, name: person.name, url }, url);
        context.say(`Ссылка для сотрудника ${person.name}: один раз, ${INVITATION_DAYS} дней. Передайте её лично.`);
        return EXIT.done;
      }),
    );

  users
    .command('end-sessions')
    .description('Заканчивает все сеансы сотрудника: он войдёт заново.')
    .argument('<сотрудник>', 'имя или фамилия, почта, #номер')
    .option('--by <сотрудник>', 'кто заканчивает')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, name: string, options: Asked) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const actor = await actorOf(db, agency.id, options.by, 'invitations');
        const person = await oneEmployee(db, agency.id, name);
        const ended = await putOut(db, agency.id, person.id, actor.name, context.clock());
        context.print(
          { id: person.id, name: person.name, ended },
          ended === 0
            ? `${person.name}: открытых сеансов не было.`
            : `${person.name}: ${agree(ended, 'закончен', 'закончены', 'закончено')} ${formatNumber(ended)} ${agree(ended, 'сеанс', 'сеанса', 'сеансов')}.`,
        );
        return EXIT.done;
      }),
    );

  users
    .command('rights')
    .summary('права сотрудника')
    .description(
      'Даёт сотруднику ровно эти права вместо прежних; без прав показывает нынешние. Право — роль и где она действует: agent, adSpecialist, manager@Центр, manager@Центр/Новостройки, adSpecialist@agency, agent@own. Роль без места: агент отвечает за своё, остальные за всё агентство.',
    )
    .argument('<сотрудник>', 'имя или фамилия, почта, #номер')
    .argument('[права...]', `роль или роль@место; роли: ${ROLES.join(', ')}`)
    .option('--by <сотрудник>', 'кто даёт')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, name: string, wanted: string[], options: Asked) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const person = await oneEmployee(db, agency.id, name);
        if (wanted.length > 0) {
          const actor = await actorOf(db, agency.id, options.by, 'roles');
          const grants: Grant[] = [];
          for (const text of wanted) grants.push(await grantNamed(db, agency.id, text));
          const giver = await giverOf(db, agency.id, actor);
          await setGrants(db, agency.id, person.id, grants, giver, context.clock());
        }
        const grants = (await listGrants(db.pool, agency.id)).get(person.id) ?? [];
        const labels = await labelsOf(db, agency.id);
        context.print(
          { id: person.id, name: person.name, rights: grants.map((grant) => ({ ...grant, label: labels(grant) })) },
          () => `${person.name}: ${grants.map(labels).join('; ')}.`,
        );
        return EXIT.done;
      }),
    );
}

/** Rights in words, with the names of the units. */
async function labelsOf(db: Database, agencyId: number): Promise<(grant: Grant) => string> {
  const branches = new Map((await listBranches(db.pool, agencyId)).map(({ id, name }) => [id, name]));
  const departments = new Map((await listDepartments(db.pool, agencyId)).map(({ id, name }) => [id, name]));
  return (grant) =>
    grantLabel(
      grant,
      grant.branchId === null ? null : (branches.get(grant.branchId) ?? null),
      grant.departmentId === null ? null : (departments.get(grant.departmentId) ?? null),
    );
}

/** «manager@Центр/Новостройки» @throws Refusal `role-unknown`, `branch-unknown`, `department-unknown` */
async function grantNamed(db: Database, agencyId: number, text: string): Promise<Grant> {
  const [role, ...rest] = text.split('@');
  const where = rest.join('@');
  if (!(ROLES as readonly string[]).includes(role!))
    throw new Refusal('role-unknown', `Роли «${role!.slice(0, 60)}» нет. Можно: ${ROLES.join(', ')}.`, EXIT.usage);
  const nowhere = { role: role as Role, branchId: null, departmentId: null };
  if (where === '') return { ...nowhere, scope: defaultScope(role as Role) };
  const scope = SCOPES.find((one) => one === where);
  if (scope === 'own' || scope === 'agency') return { ...nowhere, scope };
  const [branchName, ...departmentName] = where.split('/');
  const branch = await oneBranch(db, agencyId, branchName!);
  if (departmentName.length === 0) return { ...nowhere, scope: 'branch', branchId: branch.id };
  const { id } = await oneDepartment(db, agencyId, branch, departmentName.join('/'));
  return { ...nowhere, scope: 'department', departmentId: id };
}
