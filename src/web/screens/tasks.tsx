import { ActionIcon, Badge, Button, Group, SegmentedControl, Stack, Text, Tooltip } from '@mantine/core';
import { IconCheck } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import type { Task, Tasks } from '../../contracts/tasks.ts';
import { api } from '../api.ts';
import { Page } from '../parts/page.tsx';
import { Empty, Loaded } from '../parts/states.tsx';
import { refresh, useApi } from '../query.ts';
import { oneOf, useAddress } from '../router.tsx';
import { momentNear } from '../words.ts';
import classes from './tasks.module.css';

const VIEWS = [
  { value: 'asked', label: 'Ждут вас' },
  { value: 'told', label: 'К сведению' },
] as const;

/** The bell: what waits for this person. A task goes by itself when its cause is gone. */
export default function TasksScreen() {
  const [{ view }, change] = useAddress((raw) => ({ view: oneOf(raw.view) === 'told' ? 'told' : 'asked' }));
  const tasks = useApi<Tasks>('/tasks');
  return (
    <Page
      title="Уведомления"
      width="read"
      words="Задача уходит сама, когда её причины больше нет."
      actions={
        <SegmentedControl
          aria-label="Что показать"
          value={view}
          onChange={(value) => change({ view: value === 'asked' ? undefined : value }, { replace: true })}
          data={[...VIEWS]}
        />
      }
    >
      <Loaded query={tasks}>
        {({ data }) => {
          const shown = data.filter(({ isTold }) => isTold === (view === 'told'));
          return shown.length === 0 ? (
            <Empty
              kind="done"
              title={view === 'told' ? 'Новостей нет' : 'Ничего не ждёт'}
              words={
                view === 'told'
                  ? 'Здесь то, о чём достаточно знать.'
                  : 'Когда что-то понадобится от вас, оно появится здесь.'
              }
            />
          ) : (
            <Groups tasks={shown} />
          );
        }}
      </Loaded>
    </Page>
  );
}

/** Of one kind together, in the order in which the newest of each came. */
function Groups({ tasks }: { tasks: readonly Task[] }) {
  const kinds = new Map<string, Task[]>();
  for (const task of tasks) kinds.set(task.label, [...(kinds.get(task.label) ?? []), task]);
  return (
    <Stack gap="lg">
      {[...kinds].map(([label, of]) => (
        <section key={label} aria-label={label}>
          <Group gap="xs" mb={6}>
            <Text component="h2" fw={600} size="md">
              {label}
            </Text>
            <Badge variant="light" color="gray" c="var(--mantine-color-text)">
              {of.length}
            </Badge>
          </Group>
          <ul className={classes.list}>
            {of.map((task) => (
              <Row key={task.key} task={task} />
            ))}
          </ul>
        </section>
      ))}
    </Stack>
  );
}

function Row({ task }: { task: Task }) {
  const navigate = useNavigate();
  const done = useMutation({
    mutationFn: () => api.send('POST', `/tasks/${task.id}/done`),
    onSuccess: () => refresh('/tasks', '/waiting'),
  });
  return (
    <li className={classes.row}>
      <div className={classes.words}>
        <Text size="sm">{task.text}</Text>
        <Text size="xs" c="dimmed">
          {[task.at === null ? null : momentNear(task.at), task.isMine ? null : 'всем с этой ролью']
            .filter(Boolean)
            .join(' · ')}
        </Text>
      </div>
      <Group gap="xs" wrap="nowrap">
        <Button
          component="a"
          href={task.href}
          size="xs"
          variant="default"
          onClick={(event) => {
            event.preventDefault();
            void navigate({ href: task.href });
          }}
        >
          {task.action}
        </Button>
        {task.isTold && task.isMine && task.id !== null && (
          <Tooltip label="Принято к сведению">
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={`Принято к сведению: ${task.text}`}
              loading={done.isPending}
              onClick={() => done.mutate()}
            >
              <IconCheck size={16} />
            </ActionIcon>
          </Tooltip>
        )}
      </Group>
    </li>
  );
}
