import { Button, Group, Modal, Select, Stack } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useDisclosure } from '@mantine/hooks';
import { IconCheck, IconDoorExit, IconMailForward, IconPlus, IconUserOff } from '@tabler/icons-react';
import { keepPreviousData, useInfiniteQuery, useMutation } from '@tanstack/react-query';
import type { NewPerson, People as PeoplePage, Person } from '../../../contracts/people.ts';
import { FIXER_LABELS, ROLES } from '../../../contracts/words.ts';
import { api } from '../../api.ts';
import { Chip } from '../../parts/chip.tsx';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { SearchInput } from '../../parts/fields.tsx';
import { Page } from '../../parts/page.tsx';
import { ProblemAlert, setFieldErrors, showDone } from '../../parts/problem.tsx';
import { Broken, Empty } from '../../parts/states.tsx';
import { refresh } from '../../query.ts';
import { oneOf, useAddress } from '../../router.tsx';
import { useMay } from '../../session.ts';
import { counted, formatNumber, momentNear } from '../../words.ts';
import { PersonDrawer, PersonFields, type PersonValues, useUnits } from './person.tsx';

const STATES = [
  { value: 'working', label: 'Работают' },
  { value: 'outside', label: 'Ещё не входили' },
  { value: 'left', label: 'Ушли' },
] as const;

/** Who works here, where, with which rights, and who comes in. */
export default function People() {
  const may = useMay();
  const [filter, change] = useAddress((raw) => ({
    q: oneOf(raw.q) ?? '',
    branch: oneOf(raw.branch),
    role: oneOf(raw.role),
    state: oneOf(raw.state) ?? 'working',
    person: oneOf(raw.person),
  }));
  const { person, ...query } = filter;
  const list = useInfiniteQuery({
    queryKey: ['people', 'pages', query],
    queryFn: ({ pageParam, signal }) => api.get<PeoplePage>('/people', { ...query, after: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: ({ page }) => page.next,
    placeholderData: keepPreviousData,
  });
  const { branches } = useUnits();
  const [isAdding, adding] = useDisclosure();
  const rows = list.data?.pages.flatMap(({ data }) => data) ?? [];
  const total = list.data?.pages[0]?.page.total ?? rows.length;
  const open = (id: number | undefined) => change({ person: id }, { replace: true });
  return (
    <Page
      title="Люди"
      back={{ to: '/settings', words: 'К настройкам' }}
      words={list.data && counted(total, 'сотрудник', 'сотрудника', 'сотрудников')}
      actions={
        may('people') && (
          <Button leftSection={<IconPlus size={16} />} onClick={adding.open}>
            Сотрудник
          </Button>
        )
      }
    >
      <Group gap="sm" role="search">
        <SearchInput label="Имя, почта, телефон" value={filter.q} onChange={(q) => change({ q }, { replace: true })} />
        <Select
          aria-label="Филиал"
          placeholder="Филиал: любой"
          clearable
          w={190}
          value={filter.branch ?? null}
          onChange={(branch) => change({ branch: branch ?? undefined })}
          data={branches.map(({ id, name }) => ({ value: String(id), label: name }))}
        />
        <Select
          aria-label="Роль"
          placeholder="Роль: любая"
          clearable
          w={220}
          value={filter.role ?? null}
          onChange={(role) => change({ role: role ?? undefined })}
          data={ROLES.map((role) => ({ value: role, label: FIXER_LABELS[role] }))}
        />
        <Select
          aria-label="Кто"
          allowDeselect={false}
          w={180}
          value={filter.state}
          onChange={(state) => change({ state: state === 'working' ? undefined : state })}
          data={[...STATES]}
        />
      </Group>
      {list.error && rows.length === 0 ? (
        <Broken error={list.error} onRetry={() => void list.refetch()} />
      ) : (
        <DataTable
          label="Сотрудники"
          columns={COLUMNS}
          rows={rows}
          keyOf={({ id }) => id}
          nameOf={({ name }) => name}
          total={total}
          rowHeight={52}
          onOpen={({ id }) => open(id)}
          toneOf={({ isActive }) => (isActive ? undefined : 'dim')}
          hasMore={list.hasNextPage}
          onMore={() => void list.fetchNextPage()}
          isLoading={list.isPending}
          empty={
            <Empty
              kind="filter"
              title="Никого не нашлось"
              action={{
                words: 'Сбросить фильтр',
                onClick: () => change({ q: undefined, branch: undefined, role: undefined, state: undefined }),
              }}
            />
          }
        />
      )}
      <PersonDrawer id={person === undefined ? null : Number(person)} onClose={() => open(undefined)} />
      <Modal opened={isAdding} onClose={adding.close} title="Новый сотрудник" size="lg">
        <NewPersonForm
          onDone={(made) => {
            adding.close();
            if (made) open(made.id);
          }}
        />
      </Modal>
    </Page>
  );
}

const COLUMNS: readonly Column<Person>[] = [
  { id: 'name', head: 'Сотрудник', width: '180px', isRowHeader: true, cell: ({ name }) => name },
  { id: 'rights', head: 'Права', cell: ({ grants }) => grants.map(({ label }) => label).join('; ') },
  {
    id: 'place',
    head: 'Филиал и отдел',
    width: '240px',
    cell: ({ branch, department }) => [branch?.name, department?.name].filter(Boolean).join(' · ') || 'вне филиалов',
  },
  { id: 'in', head: 'Вход', width: '230px', cell: (person) => <Entry person={person} /> },
  {
    id: 'listings',
    head: 'Объекты',
    width: '90px',
    align: 'end',
    cell: ({ listings }) => formatNumber(listings),
  },
];

/** How the person comes in. */
function Entry({ person }: { person: Person }) {
  if (!person.isActive) return <Chip tone="neutral" icon={IconDoorExit} words="ушёл" />;
  if (person.login !== null)
    return (
      <Chip
        tone="ok"
        icon={IconCheck}
        words={person.login}
        {...(person.seenAt !== null && { detail: momentNear(person.seenAt) })}
      />
    );
  if (person.invitedUntil !== null) return <Chip tone="waiting" icon={IconMailForward} words="приглашён" />;
  return <Chip tone="neutral" icon={IconUserOff} words="не входит" isQuiet />;
}

function NewPersonForm({ onDone }: { onDone: (made: Person | null) => void }) {
  const form = useForm<PersonValues>({
    initialValues: { name: '', phones: [], email: '', branchId: null, departmentId: null, groupIds: [] },
    validate: { name: (value) => (value.trim() === '' ? 'Имя: не указано.' : null) },
  });
  const add = useMutation({
    mutationFn: ({ email, ...values }: PersonValues) => {
      const body: NewPerson = { ...values, ...(email.trim() !== '' && { email: email.trim() }) };
      return api.send<Person>('POST', '/people', body);
    },
    meta: { isTold: true },
    onSuccess: async (made) => {
      await refresh('/people', '/branches', '/departments', '/crm-groups', '/start');
      showDone(`Добавлен: ${made.name}. Теперь пригласите.`);
      onDone(made);
    },
    onError: (error) => setFieldErrors(form, error),
  });
  return (
    <form onSubmit={form.onSubmit((values) => add.mutate(values))}>
      <Stack gap="md">
        <ProblemAlert error={add.error} />
        <PersonFields form={form} mayPhones />
        <Group justify="flex-end">
          <Button variant="default" onClick={() => onDone(null)}>
            Отмена
          </Button>
          <Button type="submit" loading={add.isPending}>
            Добавить
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
