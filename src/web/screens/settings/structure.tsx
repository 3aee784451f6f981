import { ActionIcon, Anchor, Button, Group, Modal, Select, Stack, Text, TextInput } from '@mantine/core';
import { IconPencil, IconPlus } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { Branches, CrmGroups, Departments } from '../../../contracts/people.ts';
import { api } from '../../api.ts';
import { Page, Sheet } from '../../parts/page.tsx';
import { ProblemAlert, showDone } from '../../parts/problem.tsx';
import { Empty, Loaded } from '../../parts/states.tsx';
import { refresh, useApi } from '../../query.ts';
import { useMay } from '../../session.ts';
import { counted, ZONES, zoneWords } from '../../words.ts';
import classes from './settings.module.css';

const people = (count: number) => counted(count, 'сотрудник', 'сотрудника', 'сотрудников');

/** What is being named: a new unit, or one that is there. */
interface Naming {
  readonly title: string;
  readonly method: 'POST' | 'PATCH';
  readonly path: string;
  readonly name: string;
  /** Of a branch: its own zone, null for the agency's. */
  readonly zone?: string | null;
  readonly more?: Readonly<Record<string, unknown>>;
}

/** Branches with their departments, and groups of the CRM. */
export default function Structure() {
  const branches = useApi<Branches>('/branches');
  const departments = useApi<Departments>('/departments');
  const groups = useApi<CrmGroups>('/crm-groups');
  const mayChange = useMay()('branches');
  const [naming, setNaming] = useState<Naming | null>(null);
  const open = (one: Naming) => setNaming(one);
  const addBranch: Naming = { title: 'Новый филиал', method: 'POST', path: '/branches', name: '', zone: null };
  return (
    <Page
      title="Филиалы и отделы"
      back={{ to: '/settings', words: 'К настройкам' }}
      words="По филиалу считаются часы, права, счета и телефоны."
      actions={
        mayChange && (
          <Button leftSection={<IconPlus size={16} />} onClick={() => open(addBranch)}>
            Филиал
          </Button>
        )
      }
    >
      <Loaded query={branches}>
        {({ data, agencyZone }) =>
          data.length === 0 ? (
            <Empty
              title="Филиалов ещё нет"
              words="Агентству из одного офиса достаточно одного филиала."
              action={mayChange ? { words: 'Открыть филиал', onClick: () => open(addBranch) } : undefined}
            />
          ) : (
            <ul className={classes.list}>
              {data.map(({ id, name, zone, timeZone, employees }) => (
                <li key={id} className={classes.row}>
                  <div className={classes.words}>
                    <Text fw={600}>
                      <Anchor component={Link} to="/settings/people" search={{ branch: String(id) } as never} inherit>
                        {name}
                      </Anchor>
                    </Text>
                    <Text size="sm" c="dimmed">
                      {people(employees)} · {zoneWords(zone)}
                      {timeZone === null && zone === agencyZone ? ', как агентство' : ''}
                    </Text>
                    <ul className={classes.links}>
                      {(departments.data?.data ?? [])
                        .filter(({ branchId }) => branchId === id)
                        .map((department) => (
                          <li key={department.id}>
                            <Group gap="xs" py={2}>
                              <Text size="sm">
                                {department.name}, {people(department.employees)}
                              </Text>
                              {mayChange && (
                                <Rename
                                  name={department.name}
                                  onClick={() =>
                                    open({
                                      title: 'Переименовать отдел',
                                      method: 'PATCH',
                                      path: `/departments/${department.id}`,
                                      name: department.name,
                                    })
                                  }
                                />
                              )}
                            </Group>
                          </li>
                        ))}
                    </ul>
                  </div>
                  {mayChange && (
                    <Group gap="xs">
                      <Button
                        size="xs"
                        variant="default"
                        leftSection={<IconPlus size={14} />}
                        aria-label={`Добавить отдел: ${name}`}
                        onClick={() =>
                          open({
                            title: `Новый отдел филиала «${name}»`,
                            method: 'POST',
                            path: '/departments',
                            name: '',
                            more: { branchId: id },
                          })
                        }
                      >
                        Отдел
                      </Button>
                      <Rename
                        name={name}
                        onClick={() =>
                          open({
                            title: `Филиал «${name}»`,
                            method: 'PATCH',
                            path: `/branches/${id}`,
                            name,
                            zone: timeZone ?? agencyZone,
                          })
                        }
                      />
                    </Group>
                  )}
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
      <Sheet
        title="Группы CRM"
        aside={
          mayChange && (
            <Button
              size="xs"
              variant="default"
              leftSection={<IconPlus size={14} />}
              onClick={() => open({ title: 'Новая группа CRM', method: 'POST', path: '/crm-groups', name: '' })}
            >
              Группа
            </Button>
          )
        }
      >
        <Loaded query={groups}>
          {({ data }) =>
            data.length === 0 ? (
              <Text size="sm" c="dimmed">
                Группы нужны, чтобы отчёты собирались по группам сотрудников, как в CRM.
              </Text>
            ) : (
              <ul className={classes.links}>
                {data.map(({ id, name, employees }) => (
                  <li key={id}>
                    <Group gap="xs" py={2}>
                      <Text size="sm">
                        {name}, {people(employees)}
                      </Text>
                      {mayChange && (
                        <Rename
                          name={name}
                          onClick={() =>
                            open({ title: 'Переименовать группу', method: 'PATCH', path: `/crm-groups/${id}`, name })
                          }
                        />
                      )}
                    </Group>
                  </li>
                ))}
              </ul>
            )
          }
        </Loaded>
      </Sheet>
      <Modal opened={naming !== null} onClose={() => setNaming(null)} title={naming?.title}>
        {naming && <NameForm naming={naming} onDone={() => setNaming(null)} />}
      </Modal>
    </Page>
  );
}

const Rename = ({ name, onClick }: { name: string; onClick: () => void }) => (
  <ActionIcon variant="subtle" aria-label={`Изменить: ${name}`} onClick={onClick}>
    <IconPencil size={16} />
  </ActionIcon>
);

function NameForm({ naming, onDone }: { naming: Naming; onDone: () => void }) {
  const { method, path, more } = naming;
  const [name, setName] = useState(naming.name);
  const [zone, setZone] = useState<string | null>(naming.zone ?? null);
  const save = useMutation({
    mutationFn: () =>
      api.send(method, path, {
        ...more,
        name,
        // A zone that was not touched stays what it was: of its own, or the agency's.
        ...(naming.zone !== undefined && zone !== naming.zone && zone !== null && { timeZone: zone }),
      }),
    meta: { isTold: true },
    onSuccess: async () => {
      await refresh('/branches', '/departments', '/crm-groups', '/people');
      showDone(method === 'POST' ? `Добавлено: ${name}` : 'Сохранено');
      onDone();
    },
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (name.trim() !== '') save.mutate();
      }}
    >
      <Stack gap="md">
        <ProblemAlert error={save.error} />
        <TextInput
          label="Название"
          required
          maxLength={200}
          data-autofocus
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        {naming.zone !== undefined && (
          <Select
            label="Часовой пояс"
            description="По нему считаются рабочие часы, телефоны и сроки филиала"
            placeholder="Как у агентства"
            searchable
            value={zone}
            onChange={setZone}
            data={ZONES.map((one) => ({ value: one, label: zoneWords(one) }))}
          />
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onDone}>
            Отмена
          </Button>
          <Button type="submit" loading={save.isPending} disabled={name.trim() === ''}>
            Сохранить
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
