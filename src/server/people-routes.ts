import { createHash } from 'node:crypto';
import Type from 'typebox';
import { readPhone } from '../boards/formats/phone.ts';
import {
  BranchChangeSchema,
  BranchesSchema,
  CrmGroupsSchema,
  DepartmentsSchema,
  GrantsSchema,
  HandOverSchema,
  InvitationSchema,
  NamedSchema,
  NewBranchSchema,
  NewDepartmentSchema,
  NewPersonSchema,
  PeopleQuery,
  PeopleSchema,
  type Person,
  PersonChangeSchema,
  PersonSchema,
  RightChangeSchema,
  type Rights,
  RightsSchema,
} from '../contracts/people.ts';
import { Refusal } from '../domain/fault.ts';
import { FIXER_LABELS, ROLES } from '../domain/people.ts';
import { maskPhone } from '../domain/phones.ts';
import {
  type BranchOf,
  DEED_GROUPS,
  DEEDS,
  FIXED,
  type Grant,
  grantLabel,
  holds,
  leastFor,
  mayAs,
  mayDo,
  OF_AGENCY,
  type Place,
  REACH_ALL,
  type Reach,
  reachOf,
} from '../domain/rights.ts';
import { type Caller, listGrants, placeOf, proveHeld, setGrants } from '../store/access.ts';
import {
  addBranch,
  addEmployee,
  changeEmployee,
  listBranches,
  listDepartments,
  setBranchZone,
} from '../store/agencies.ts';
import {
  addCrmGroup,
  addDepartment,
  handOver,
  listCrmGroups,
  listPeople,
  type PersonRow,
  renameUnit,
} from '../store/people.ts';
import { agencyFrame, changeAgencySettings } from '../store/settings.ts';
import { INVITATION_DAYS, putOut } from '../store/sign-in.ts';
import type { Api, Ask } from './api.ts';
import { cursorOf, readCursor } from './cursor.ts';
import { newInvitation } from './invitations.ts';
import { HttpProblem, notFound } from './problems.ts';

/** Who works in the agency, where, with which rights, and who lets them in. */

const Id = Type.Object({ id: Type.Integer() });
const Made = Type.Object({ id: Type.Integer() });
const PAGE = 50;

export function peopleRoutes(api: Api): void {
  api.define({
    method: 'GET',
    url: '/people',
    summary: 'Сотрудники, их права и вход',
    policy: { deed: 'see-people', token: 'settings:read' },
    query: PeopleQuery,
    answer: PeopleSchema,
    handler: async (ask) => {
      const { db, agencyId, caller, query, now } = ask;
      const { after, limit = PAGE, branch, department, group, role, q, state } = query;
      const [name, id] = after === undefined ? [] : readCursor(after, ['string', 'number']);
      const { rows, total } = await listPeople(
        db.pool,
        agencyId,
        {
          reach: reachOf(caller, 'see-people'),
          limit: limit + 1,
          ...(q !== undefined && q.trim() !== '' && { q }),
          ...(branch && { branchIds: branch }),
          ...(department && { departmentIds: department }),
          ...(group && { groupIds: group }),
          ...(role && { roles: role }),
          ...(state && { state }),
          ...(name !== undefined && id !== undefined && { after: { name, id } }),
        },
        now,
      );
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      const tell = await teller(ask);
      return {
        data: page.map(tell),
        page: { next: rows.length > limit ? cursorOf([last!.name, last!.id]) : null, total },
      };
    },
  });

  api.define({
    method: 'GET',
    url: '/people/:id',
    summary: 'Один сотрудник',
    policy: { deed: 'see-people', of: 'employee', token: 'settings:read' },
    params: Id,
    answer: PersonSchema,
    isVersioned: true,
    handler: (ask) => person(ask, ask.params.id),
  });

  api.define({
    method: 'POST',
    url: '/people',
    summary: 'Добавить сотрудника',
    policy: { deed: 'people', token: 'settings:write' },
    body: NewPersonSchema,
    answer: PersonSchema,
    handler: async (ask) => {
      const { db, agencyId, body, by, now } = ask;
      const { name, email, branchId = null, departmentId = null, groupIds = [] } = body;
      await proveAt(ask, branchId, departmentId);
      const id = await addEmployee(
        db,
        agencyId,
        {
          name: name.trim(),
          phones: readPhones(body.phones ?? []),
          email: email ?? undefined,
          branchId: branchId ?? undefined,
          departmentId: departmentId ?? undefined,
          groupIds,
        },
        { by, at: now },
      );
      return person(ask, id, REACH_ALL);
    },
  });

  api.define({
    method: 'PATCH',
    url: '/people/:id',
    summary: 'Изменить сотрудника: имя, телефоны, почту, филиал, отдел, группы; отметить, что ушёл',
    policy: { deed: 'see-people', of: 'employee', token: 'settings:write' },
    params: Id,
    body: PersonChangeSchema,
    answer: PersonSchema,
    isVersioned: true,
    handler: async (ask) => {
      const { db, agencyId, caller, by, body, params, place, now } = ask;
      const { isActive, phones, name, ...rest } = body;
      ask.match((await person(ask, params.id)).version);
      if (isActive !== undefined) ask.prove('dismissal', place!);
      if (Object.keys(body).some((key) => key !== 'isActive')) ask.prove('people', place!);
      // What stands there hidden would be written over.
      if (phones) ask.prove('see-phones', place!);
      if (rest.branchId !== undefined || rest.departmentId !== undefined)
        await proveAt(ask, rest.branchId === undefined ? place!.branchId : rest.branchId, rest.departmentId ?? null);
      const change = {
        ...rest,
        ...(isActive !== undefined && { isActive }),
        ...(name !== undefined && { name: name.trim() }),
        ...(phones && { phones: readPhones(phones) }),
      };
      await changeEmployee(db, agencyId, params.id, change, { name: by, person: caller }, now);
      return person(ask, params.id, REACH_ALL);
    },
  });

  api.define({
    method: 'PUT',
    url: '/people/:id/grants',
    summary: 'Дать сотруднику ровно эти права; он войдёт заново',
    policy: { deed: 'roles', of: 'employee', token: null, needsProof: true },
    params: Id,
    body: GrantsSchema,
    answer: PersonSchema,
    isVersioned: true,
    handler: async (ask) => {
      const { db, agencyId, caller, by, body, params, now } = ask;
      const before = await person(ask, params.id);
      if (!before.isActive) throw new Refusal('employee-left', `${before.name} уже не работает: сначала верните.`);
      ask.match(before.version);
      await setGrants(db, agencyId, params.id, body.grants.map(plainGrant), { name: by, person: caller }, now);
      return person(ask, params.id, REACH_ALL);
    },
  });

  api.define({
    method: 'POST',
    url: '/people/:id/invitation',
    summary: 'Ссылка, по которой сотрудник один раз выбирает имя для входа и пароль; прежняя гаснет',
    policy: { deed: 'invitations', of: 'employee', token: null, needsProof: true },
    params: Id,
    answer: InvitationSchema,
    handler: async ({ db, agencyId, caller, by, params, now, options, request }) => {
      const grants = (await listGrants(db.pool, agencyId)).get(params.id);
      if (!grants) throw new Refusal('employee-left', 'Этот сотрудник уже не работает: приглашать некого.');
      await proveHeld(db.pool, agencyId, params.id, grants, { name: by, person: caller });
      const path = await newInvitation(db, { agencyId, employeeId: params.id }, by, now);
      return {
        url: `${options.publicUrl ?? `${request.protocol}://${request.host}`}${path}`,
        until: new Date(now.getTime() + INVITATION_DAYS * 86_400_000).toISOString(),
      };
    },
  });

  api.define({
    method: 'DELETE',
    url: '/people/:id/sessions',
    summary: 'Закончить все сеансы сотрудника',
    policy: { deed: 'invitations', of: 'employee', token: null },
    params: Id,
    answer: Type.Object({ ended: Type.Integer() }),
    handler: async ({ db, agencyId, by, params, now }) => ({ ended: await putOut(db, agencyId, params.id, by, now) }),
  });

  api.define({
    method: 'POST',
    url: '/people/:id/hand-over',
    summary: 'Передать объекты сотрудника другому: все или названные',
    policy: { deed: 'people', of: 'employee', token: 'settings:write' },
    params: Id,
    body: HandOverSchema,
    answer: Type.Object({ listings: Type.Integer() }),
    handler: async (ask) => {
      const { db, agencyId, body, params, by, now } = ask;
      const heir = await placeOf(db.pool, agencyId, 'employee', body.toId);
      if (!heir || !mayDo(ask.caller, 'see-people', heir))
        throw notFound('Такого сотрудника нет, или он не в вашей части агентства.');
      ask.prove('people', heir);
      const within = reachOf(ask.caller, 'people');
      const whom = { fromId: params.id, toId: body.toId, listingIds: body.listingIds ?? null, within };
      return { listings: await handOver(db, agencyId, whom, by, now) };
    },
  });

  unitRoutes(api);
  rightsRoutes(api);
}

/** Somebody may be put there by this caller. */
async function proveAt(
  { db, agencyId, prove }: Ask<unknown, unknown, unknown>,
  branchId: number | null,
  departmentId: number | null,
): Promise<void> {
  const found = departmentId === null ? undefined : await placeOf(db.pool, agencyId, 'department', departmentId);
  prove('people', { employeeId: null, departmentId, branchId: branchId ?? found?.branchId ?? null });
}

/** All that are wrong are told together. @throws Refusal `bad-phone` */
function readPhones(texts: readonly string[]): string[] {
  const wanted = texts.map((text) => text.trim()).filter((text) => text !== '');
  const wrong = wanted.filter((text) => readPhone(text) === undefined);
  if (wrong.length > 0)
    throw new Refusal(
      'bad-phone',
      wrong.map((text) => `Телефон «${text.slice(0, 40)}»: по такому номеру нельзя позвонить.`).join(' '),
      2,
    );
  return [...new Set(wanted.map((text) => readPhone(text)!))];
}

const plainGrant = ({ role, scope, branchId, departmentId }: Grant): Grant => ({
  role,
  scope,
  branchId: scope === 'branch' ? branchId : null,
  departmentId: scope === 'department' ? departmentId : null,
});

/** @param reach after a change everything: the caller may have moved somebody out of sight, and is told so once. */
async function person(
  ask: Ask<unknown, unknown, unknown>,
  id: number,
  reach: Reach = reachOf(ask.caller, 'see-people'),
): Promise<Person> {
  const { rows } = await listPeople(ask.db.pool, ask.agencyId, { reach, ids: [id], limit: 1 }, ask.now);
  if (!rows[0]) throw notFound();
  return (await teller(ask))(rows[0]);
}

async function teller({ db, agencyId, caller }: Ask<unknown, unknown, unknown>): Promise<(row: PersonRow) => Person> {
  const branches = new Map((await listBranches(db.pool, agencyId)).map(({ id, name }) => [id, name]));
  const departments = new Map((await listDepartments(db.pool, agencyId)).map((row) => [row.id, row]));
  const branchOf: BranchOf = (id) => departments.get(id)?.branchId ?? null;
  const nameIn = (names: ReadonlyMap<number, string>, id: number | null) =>
    id === null ? null : (names.get(id) ?? null);
  const departmentNames = new Map([...departments].map(([id, { name }]) => [id, name]));
  return (row) => {
    const { id, name, phones, email, isActive, branchId, branch, departmentId, department, groups, grants } = row;
    const place: Place = { employeeId: id, branchId, departmentId };
    const seesPhones = id === caller.employeeId || mayDo(caller, 'see-phones', place);
    const isWithin = grants.every((grant) => holds(caller, grant, place, branchOf));
    return {
      id,
      name,
      phones: seesPhones ? [...phones] : phones.map(maskPhone),
      email,
      isActive,
      branch: branchId === null ? null : { id: branchId, name: branch! },
      department: departmentId === null ? null : { id: departmentId, name: department! },
      groups: [...groups],
      grants: grants.map((grant) => ({
        ...grant,
        label: grantLabel(grant, nameIn(branches, grant.branchId), nameIn(departmentNames, grant.departmentId)),
      })),
      login: row.login,
      hasSecondFactor: row.hasSecondFactor,
      invitedUntil: row.invitedUntil?.toISOString() ?? null,
      seenAt: row.seenAt?.toISOString() ?? null,
      listings: row.listings,
      may: {
        edit: mayDo(caller, 'people', place),
        phones: mayDo(caller, 'people', place) && seesPhones,
        roles: isActive && isWithin && mayDo(caller, 'roles', place),
        invite: isActive && isWithin && mayDo(caller, 'invitations', place),
        dismiss: isWithin && mayDo(caller, 'dismissal', place),
      },
      version: createHash('sha256')
        .update(JSON.stringify([name, phones, email, isActive, branchId, departmentId, groups, grants]))
        .digest('base64url')
        .slice(0, 22),
    };
  };
}

// ---------------------------------------------------------------- units

function unitRoutes(api: Api): void {
  // Whoever is signed in chooses among them: in filters, in forms.
  const read = { deed: 'signed-in', token: 'settings:read' } as const;
  const add = { deed: 'branches', of: 'agency', token: 'settings:write' } as const;

  api.define({
    method: 'GET',
    url: '/branches',
    summary: 'Филиалы',
    policy: read,
    answer: BranchesSchema,
    handler: async ({ db, agencyId }) => ({
      data: (await listBranches(db.pool, agencyId)).map(({ id, name, timeZone, zone, employees }) => ({
        id,
        name,
        timeZone,
        zone,
        employees,
      })),
      agencyZone: (await agencyFrame(db, agencyId)).timeZone,
    }),
  });

  api.define({
    method: 'POST',
    url: '/branches',
    summary: 'Открыть филиал',
    policy: add,
    body: NewBranchSchema,
    answer: Made,
    handler: async ({ db, agencyId, body, by, now }) => {
      const timeZone = body.timeZone == null ? null : readZone(body.timeZone);
      return { id: await addBranch(db, agencyId, { name: body.name.trim(), timeZone }, by, now) };
    },
  });

  api.define({
    method: 'PATCH',
    url: '/branches/:id',
    summary: 'Переименовать филиал или сменить его время',
    policy: { deed: 'branches', of: 'branch', token: 'settings:write' },
    params: Id,
    body: BranchChangeSchema,
    handler: async ({ db, agencyId, params, body, by, now }) => {
      const zone = body.timeZone === undefined ? undefined : readZone(body.timeZone);
      if (body.name !== undefined) await renameUnit(db, agencyId, 'branch', params.id, body.name.trim(), by, now);
      if (zone !== undefined) await setBranchZone(db, agencyId, params.id, zone, by, now);
    },
  });

  api.define({
    method: 'GET',
    url: '/departments',
    summary: 'Отделы',
    policy: read,
    answer: DepartmentsSchema,
    handler: async ({ db, agencyId }) => ({
      data: (await listDepartments(db.pool, agencyId)).map(({ id, name, branchId, employees }) => ({
        id,
        name,
        branchId,
        employees,
      })),
    }),
  });

  api.define({
    method: 'POST',
    url: '/departments',
    summary: 'Открыть отдел филиала',
    policy: { deed: 'branches', token: 'settings:write' },
    body: NewDepartmentSchema,
    answer: Made,
    handler: async ({ db, agencyId, body, by, now, prove }) => {
      prove('branches', { ...OF_AGENCY, branchId: body.branchId });
      return { id: await addDepartment(db, agencyId, { ...body, name: body.name.trim() }, by, now) };
    },
  });

  api.define({
    method: 'PATCH',
    url: '/departments/:id',
    summary: 'Переименовать отдел',
    policy: { deed: 'branches', of: 'department', token: 'settings:write' },
    params: Id,
    body: NamedSchema,
    handler: ({ db, agencyId, params, body, by, now }) =>
      renameUnit(db, agencyId, 'department', params.id, body.name.trim(), by, now),
  });

  api.define({
    method: 'GET',
    url: '/crm-groups',
    summary: 'Группы CRM',
    policy: read,
    answer: CrmGroupsSchema,
    handler: async ({ db, agencyId }) => ({ data: await listCrmGroups(db.pool, agencyId) }),
  });

  api.define({
    method: 'POST',
    url: '/crm-groups',
    summary: 'Добавить группу CRM',
    policy: add,
    body: NamedSchema,
    answer: Made,
    handler: async ({ db, agencyId, body, by, now }) => ({
      id: await addCrmGroup(db, agencyId, body.name.trim(), by, now),
    }),
  });

  api.define({
    method: 'PATCH',
    url: '/crm-groups/:id',
    summary: 'Переименовать группу CRM',
    policy: add,
    params: Id,
    body: NamedSchema,
    handler: ({ db, agencyId, params, body, by, now }) =>
      renameUnit(db, agencyId, 'group', params.id, body.name.trim(), by, now),
  });
}

/** @throws HttpProblem `bad-zone` */
function readZone(text: string): string {
  try {
    return new Intl.DateTimeFormat('ru', { timeZone: text }).resolvedOptions().timeZone;
  } catch {
    throw new HttpProblem(422, 'bad-zone', `«${text.slice(0, 60)}» — не часовой пояс. Пример: Asia/Yekaterinburg.`, {
      errors: [{ pointer: '#/timeZone', detail: 'Такого пояса нет.' }],
    });
  }
}

// ---------------------------------------------------------------- rights by deed

function rightsRoutes(api: Api): void {
  api.define({
    method: 'GET',
    url: '/rights',
    summary: 'Какая роль что может в этом агентстве',
    policy: { deed: 'see-settings', token: 'settings:read' },
    answer: RightsSchema,
    handler: rights,
  });

  api.define({
    method: 'PUT',
    url: '/rights',
    summary: 'С какой роли действие доступно; null — как обычно',
    policy: { deed: 'settings', of: 'agency', token: null, needsProof: true },
    body: RightChangeSchema,
    answer: RightsSchema,
    handler: async (ask) => {
      const { db, agencyId, body, by, now, caller } = ask;
      const { deed, least } = body;
      if (FIXED.includes(deed))
        throw new Refusal(
          'right-fixed',
          `«${told(deed)}» остаётся за администратором: кто раздаёт права, тот раздаёт всё.`,
        );
      const before = (await agencyFrame(db, agencyId)).own.rights?.[deed] ?? null;
      const after = least === DEEDS[deed].least ? null : least;
      if (before !== after) {
        const facts = { path: `rights.${deed}`, before, after };
        await changeAgencySettings(
          db,
          agencyId,
          (own) => {
            const { [deed]: _, ...rest } = own.rights ?? {};
            return { ...own, rights: after === null ? rest : { ...rest, [deed]: after } };
          },
          { by, action: 'settings-set', facts },
          now,
        );
      }
      // The caller came in under the old table.
      const next = { ...caller.least };
      if (after === null) delete next[deed];
      else next[deed] = after;
      return rights({ ...ask, caller: { ...caller, least: next } });
    },
  });
}

/** «Подтверждать, что объекты актуальны» */
const told = (deed: keyof typeof DEEDS) => DEEDS[deed].told.replace(/,$/, '');

async function rights({
  db,
  agencyId,
  caller,
}: Pick<Ask<unknown, unknown, unknown>, 'db' | 'agencyId'> & { caller: Caller }): Promise<Rights> {
  const { least } = caller;
  const people = [...(await listGrants(db.pool, agencyId)).values()];
  return {
    roles: ROLES.map((role) => ({ role, label: FIXER_LABELS[role] })),
    groups: DEED_GROUPS.map(({ title, deeds }) => ({
      title,
      deeds: deeds.map((deed) => ({
        deed,
        label: told(deed),
        least: leastFor(deed, least),
        usual: DEEDS[deed].least,
        isFixed: FIXED.includes(deed),
        people: people.filter((grants) => grants.some(({ role }) => mayAs(role, leastFor(deed, least)))).length,
      })),
    })),
    may: { change: mayDo(caller, 'settings', OF_AGENCY) },
  };
}
