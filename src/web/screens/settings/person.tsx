import {
  ActionIcon,
  Alert,
  Anchor,
  Button,
  Drawer,
  Group,
  MultiSelect,
  Select,
  Stack,
  TagsInput,
  Text,
  TextInput,
  Title,
} from '@mantine/core';
import { type UseFormReturnType, useForm } from '@mantine/form';
import { useMediaQuery } from '@mantine/hooks';
import { IconPlus, IconTrash } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import type {
  Branch,
  Branches,
  CrmGroups,
  Departments,
  Invitation,
  Person,
  PersonChange,
} from '../../../contracts/people.ts';
import { FIXER_LABELS, ROLES, type Role, SCOPE_LABELS, type Scope } from '../../../contracts/words.ts';
import { api } from '../../api.ts';
import { confirm } from '../../parts/confirm.tsx';
import { ProblemAlert, setFieldErrors, showDone } from '../../parts/problem.tsx';
import { Loaded } from '../../parts/states.tsx';
import { ToCopy } from '../../parts/to-copy.tsx';
import { refresh, useApi } from '../../query.ts';
import { moment, objects } from '../../words.ts';
import classes from './person.module.css';
import { PersonSelect } from './person-select.tsx';

export interface PersonValues {
  name: string;
  phones: string[];
  email: string;
  branchId: number | null;
  departmentId: number | null;
  groupIds: number[];
}

interface Units {
  readonly branches: readonly Branch[];
  readonly departments: Departments['data'];
  readonly groups: CrmGroups['data'];
}

/** Where one can work. */
export function useUnits(): Units {
  const branches = useApi<Branches>('/branches');
  const departments = useApi<Departments>('/departments');
  const groups = useApi<CrmGroups>('/crm-groups');
  return {
    branches: branches.data?.data ?? [],
    departments: departments.data?.data ?? [],
    groups: groups.data?.data ?? [],
  };
}

const option = ({ id, name }: { readonly id: number; readonly name: string }) => ({ value: String(id), label: name });
const numberOf = (value: string | null) => (value === null || value === '' ? null : Number(value));
const textOf = (value: number | null) => (value === null ? null : String(value));

/** What a person is, in fields. */
export function PersonFields({ form, mayPhones }: { form: UseFormReturnType<PersonValues>; mayPhones: boolean }) {
  const { branches, departments, groups } = useUnits();
  const { branchId, departmentId, groupIds } = form.values;
  return (
    <>
      <TextInput label="Имя" required maxLength={200} data-autofocus {...form.getInputProps('name')} />
      <Group grow align="start">
        <Select
          label="Филиал"
          placeholder="вне филиалов"
          clearable
          value={textOf(branchId)}
          onChange={(value) => form.setValues({ branchId: numberOf(value), departmentId: null })}
          error={form.errors.branchId}
          data={branches.map(option)}
        />
        <Select
          label="Отдел"
          placeholder="вне отделов"
          clearable
          disabled={branchId === null}
          value={textOf(departmentId)}
          onChange={(value) => form.setFieldValue('departmentId', numberOf(value))}
          error={form.errors.departmentId}
          data={departments.filter((one) => one.branchId === branchId).map(option)}
        />
      </Group>
      <TagsInput
        label="Телефоны"
        description={
          mayPhones
            ? 'Первый стоит в объявлениях. По телефону и почте находятся объекты сотрудника в загрузке.'
            : 'Телефоны вам не видны, менять их может тот, кто их видит.'
        }
        disabled={!mayPhones}
        acceptValueOnBlur
        maxTags={10}
        {...form.getInputProps('phones')}
      />
      <TextInput label="Почта" type="email" maxLength={200} {...form.getInputProps('email')} />
      {groups.length > 0 && (
        <MultiSelect
          label="Группы CRM"
          value={groupIds.map(String)}
          onChange={(values) => form.setFieldValue('groupIds', values.map(Number))}
          data={groups.map(option)}
        />
      )}
    </>
  );
}

/** One person: what is known, rights, the way in, and leaving. */
export function PersonDrawer({ id, onClose }: { id: number | null; onClose: () => void }) {
  const isPhone = useMediaQuery('(max-width: 48em)') ?? false;
  const query = useApi<Person>(`/people/${id}`, undefined, { enabled: id !== null });
  return (
    <Drawer
      opened={id !== null}
      onClose={onClose}
      position="right"
      size={isPhone ? '100%' : 560}
      title={query.data?.name ?? 'Сотрудник'}
    >
      {id !== null && (
        <Loaded query={query}>
          {(person) => (
            <Stack gap="xl">
              <About key={`about ${person.version}`} person={person} />
              <Rights key={`rights ${person.version}`} person={person} />
              <WayIn person={person} />
              <Listings person={person} />
              <Leaving person={person} />
            </Stack>
          )}
        </Loaded>
      )}
    </Drawer>
  );
}

const told = () => refresh('/people', '/branches', '/departments', '/crm-groups', '/start');
const versionOf = ({ version }: Person) => ({ ifMatch: `"${version}"` });

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section>
      <Title order={3} mb="sm">
        {title}
      </Title>
      {children}
    </section>
  );
}

function About({ person }: { person: Person }) {
  const initialValues: PersonValues = {
    name: person.name,
    phones: person.phones,
    email: person.email ?? '',
    branchId: person.branch?.id ?? null,
    departmentId: person.department?.id ?? null,
    groupIds: person.groups.map(({ id }) => id),
  };
  const form = useForm<PersonValues>({
    initialValues,
    validate: { name: (value) => (value.trim() === '' ? 'Имя: не указано.' : null) },
  });
  const save = useMutation({
    mutationFn: (values: PersonValues) => {
      const changed = Object.fromEntries(
        Object.entries({ ...values, email: values.email.trim() || null }).filter(([key]) =>
          form.isDirty(key as keyof PersonValues),
        ),
      ) as PersonChange;
      // A department belongs to its branch: the two go together.
      const places = 'branchId' in changed || 'departmentId' in changed;
      const body = places ? { ...changed, branchId: values.branchId, departmentId: values.departmentId } : changed;
      return api.send<Person>('PATCH', `/people/${person.id}`, body, versionOf(person));
    },
    meta: { isTold: true },
    onSuccess: async () => {
      await told();
      showDone('Сохранено');
    },
    onError: (error) => setFieldErrors(form, error),
  });
  if (!person.may.edit) {
    return (
      <dl className={classes.facts}>
        <dt>Где</dt>
        <dd>{[person.branch?.name, person.department?.name].filter(Boolean).join(' · ') || 'вне филиалов'}</dd>
        <dt>Телефоны</dt>
        <dd>{person.phones.join(', ') || 'нет'}</dd>
        <dt>Почта</dt>
        <dd>{person.email ?? 'нет'}</dd>
      </dl>
    );
  }
  return (
    <form onSubmit={form.onSubmit((values) => save.mutate(values))}>
      <Stack gap="sm">
        <ProblemAlert error={save.error} onRetry={() => void told()} />
        <PersonFields form={form} mayPhones={person.may.phones} />
        <Group>
          <Button type="submit" variant="default" loading={save.isPending} disabled={!form.isDirty()}>
            Сохранить
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

interface Row {
  readonly key: number;
  readonly role: Role;
  /** `own`, `agency`, `branch:1`, `department:2` */
  readonly where: string;
}

const whereOf = ({ scope, branchId, departmentId }: Person['grants'][number]) =>
  scope === 'branch' ? `branch:${branchId}` : scope === 'department' ? `department:${departmentId}` : scope;

function Rights({ person }: { person: Person }) {
  const { branches, departments } = useUnits();
  const [rows, setRows] = useState<readonly Row[]>(
    person.grants.map((grant, key) => ({ key, role: grant.role, where: whereOf(grant) })),
  );
  const isChanged =
    JSON.stringify(rows.map(({ role, where }) => [role, where])) !==
    JSON.stringify(person.grants.map((grant) => [grant.role, whereOf(grant)]));
  const save = useMutation({
    mutationFn: () => {
      const grants = rows.map(({ role, where }) => {
        const [scope, id] = where.split(':') as [Scope, string | undefined];
        return {
          role,
          scope,
          branchId: scope === 'branch' ? Number(id) : null,
          departmentId: scope === 'department' ? Number(id) : null,
        };
      });
      return api.send('PUT', `/people/${person.id}/grants`, { grants }, versionOf(person));
    },
    meta: { isTold: true },
    onSuccess: async () => {
      await told();
      showDone('Права изменены. Сотрудник войдёт заново.');
    },
  });
  if (!person.may.roles)
    return (
      <Part title="Права">
        <Text size="sm">{person.grants.map(({ label }) => label).join('; ')}</Text>
      </Part>
    );
  const put = (key: number, part: Partial<Row>) =>
    setRows(rows.map((row) => (row.key === key ? { ...row, ...part } : row)));
  const places = [
    {
      group: 'Охват',
      items: (['own', 'agency'] as const).map((scope) => ({ value: scope, label: SCOPE_LABELS[scope] })),
    },
    { group: 'Филиал', items: branches.map(({ id, name }) => ({ value: `branch:${id}`, label: `филиал «${name}»` })) },
    {
      group: 'Отдел',
      items: departments.map(({ id, name }) => ({ value: `department:${id}`, label: `отдел «${name}»` })),
    },
  ];
  return (
    <Part title="Права">
      <Stack gap="sm">
        <ProblemAlert error={save.error} onRetry={() => void told()} />
        {rows.map(({ key, role, where }, index) => (
          <Group key={key} gap="xs" wrap="nowrap">
            <Select
              aria-label={`Роль ${index + 1}`}
              allowDeselect={false}
              flex={1}
              value={role}
              onChange={(next) => put(key, { role: next as Role })}
              data={ROLES.map((one) => ({ value: one, label: FIXER_LABELS[one] }))}
            />
            <Select
              aria-label={`Где действует роль ${index + 1}`}
              allowDeselect={false}
              searchable
              flex={1}
              value={where}
              onChange={(next) => put(key, { where: next! })}
              data={places}
            />
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={`Убрать роль ${index + 1}: ${FIXER_LABELS[role]}`}
              disabled={rows.length === 1}
              onClick={() => setRows(rows.filter((row) => row.key !== key))}
            >
              <IconTrash size={16} />
            </ActionIcon>
          </Group>
        ))}
        <Group>
          <Button
            size="xs"
            variant="subtle"
            leftSection={<IconPlus size={14} />}
            onClick={() =>
              setRows([...rows, { key: Math.max(0, ...rows.map(({ key }) => key)) + 1, role: 'agent', where: 'own' }])
            }
          >
            Ещё роль
          </Button>
          <Button variant="default" disabled={!isChanged} loading={save.isPending} onClick={() => save.mutate()}>
            Сохранить права
          </Button>
        </Group>
        <Text size="sm" c="dimmed">
          Что может каждая роль:{' '}
          <Anchor component={Link} to="/settings/rights" size="sm" underline="always">
            права ролей
          </Anchor>
          .
        </Text>
      </Stack>
    </Part>
  );
}

function WayIn({ person }: { person: Person }) {
  const invite = useMutation({
    mutationFn: () => api.send<Invitation>('POST', `/people/${person.id}/invitation`),
    onSuccess: told,
  });
  const putOut = useMutation({
    mutationFn: () => api.send<{ ended: number }>('DELETE', `/people/${person.id}/sessions`),
    onSuccess: async () => {
      await told();
      showDone('Сеансы закончены: сотрудник войдёт заново');
    },
  });
  const ask = async () => {
    if (person.login === null) return invite.mutate();
    const isSure = await confirm({
      title: 'Сбросить пароль?',
      words: `По новой ссылке ${person.name} выберет новый пароль. Второй фактор придётся включить заново.`,
      action: 'Дать ссылку',
    });
    if (isSure) invite.mutate();
  };
  const state =
    person.login === null
      ? person.invitedUntil === null
        ? 'Ещё не входит.'
        : `Приглашён: ссылка действует до ${moment(person.invitedUntil)}.`
      : [
          `Входит как ${person.login}`,
          person.hasSecondFactor ? 'второй фактор включён' : 'без второго фактора',
          ...(person.seenAt === null ? [] : [`был ${moment(person.seenAt)}`]),
        ].join(', ');
  return (
    <Part title="Вход">
      <Stack gap="sm">
        <Text size="sm">{state}</Text>
        {invite.data && (
          <Alert color="money" variant="light" title="Передайте ссылку лично">
            <Text size="sm" mb="xs">
              Она открывается один раз, до {moment(invite.data.until)}, и больше не показывается.
            </Text>
            <ToCopy label="Ссылка для входа" value={invite.data.url} />
          </Alert>
        )}
        {person.may.invite && (
          <Group gap="sm">
            <Button variant="default" loading={invite.isPending} onClick={() => void ask()}>
              {person.login !== null ? 'Сбросить пароль' : person.invitedUntil !== null ? 'Новая ссылка' : 'Пригласить'}
            </Button>
            {person.login !== null && (
              <Button variant="subtle" loading={putOut.isPending} onClick={() => putOut.mutate()}>
                Закончить сеансы
              </Button>
            )}
          </Group>
        )}
      </Stack>
    </Part>
  );
}

function Listings({ person }: { person: Person }) {
  const [toId, setToId] = useState<number | null>(null);
  const give = useMutation({
    mutationFn: () => api.send<{ listings: number }>('POST', `/people/${person.id}/hand-over`, { toId }),
    onSuccess: async ({ listings }) => {
      await Promise.all([told(), refresh('/listings')]);
      setToId(null);
      showDone(`Передано: ${objects(listings)}`);
    },
  });
  return (
    <Part title="Объекты">
      {person.listings === 0 ? (
        <Text size="sm" c="dimmed">
          За сотрудником нет объектов в работе.
        </Text>
      ) : (
        <Stack gap="sm">
          <Anchor component={Link} to="/listings" search={{ employee: String(person.id) } as never} size="sm">
            {objects(person.listings)}
          </Anchor>
          {person.may.edit && (
            <Group gap="sm" align="end">
              <PersonSelect
                label="Передать все другому"
                description="Номер в объявлениях сменится, оповещения уйдут новому ответственному"
                placeholder="Кому"
                flex={1}
                except={person.id}
                value={toId}
                onChange={setToId}
              />
              <Button variant="default" disabled={toId === null} loading={give.isPending} onClick={() => give.mutate()}>
                Передать
              </Button>
            </Group>
          )}
        </Stack>
      )}
    </Part>
  );
}

function Leaving({ person }: { person: Person }) {
  const change = useMutation({
    mutationFn: (isActive: boolean) =>
      api.send<Person>('PATCH', `/people/${person.id}`, { isActive }, versionOf(person)),
    onSuccess: async ({ isActive, name }) => {
      await told();
      showDone(isActive ? `${name} снова работает` : `${name} больше не входит`);
    },
  });
  if (!person.may.dismiss) return null;
  const ask = async () => {
    const isSure = await confirm({
      title: `${person.name} больше не работает?`,
      words:
        person.listings === 0
          ? 'Сеансы закончатся, войти будет нельзя.'
          : `Сеансы закончатся, войти будет нельзя. За сотрудником останется ${objects(person.listings)}: передайте их другому.`,
      action: 'Больше не работает',
      isDanger: true,
    });
    if (isSure) change.mutate(false);
  };
  return (
    <Group>
      {person.isActive ? (
        <Button variant="light" color="error" loading={change.isPending} onClick={() => void ask()}>
          Больше не работает
        </Button>
      ) : (
        <Button variant="default" loading={change.isPending} onClick={() => change.mutate(true)}>
          Вернуть на работу
        </Button>
      )}
    </Group>
  );
}
