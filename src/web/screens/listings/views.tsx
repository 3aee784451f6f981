import { ActionIcon, Button, Checkbox, Group, Menu, Popover, Stack, Text, TextInput } from '@mantine/core';
import { IconBookmark, IconChevronDown, IconColumns3, IconTrash } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import type { View } from '../../../contracts/listings.ts';
import { api } from '../../api.ts';
import { showDone } from '../../parts/problem.tsx';
import { refresh } from '../../query.ts';
import { useViews } from './data.ts';
import classes from './listings.module.css';

/** Views that people keep: filter, sort and columns under a name. */
export function Views({ query }: { query: string }) {
  const views = useViews();
  const navigate = useNavigate();
  const [name, setName] = useState('');
  const [isShared, setIsShared] = useState(false);
  const [isOpen, setIsOpen] = useState(false);
  const all = views.data?.data ?? [];
  const current = all.find((view) => view.query === query);
  const save = useMutation({
    mutationFn: () => api.send<View>('POST', '/views', { screen: 'listings', name: name.trim(), query, isShared }),
    onSuccess: async ({ name: saved }) => {
      await refresh('/views');
      showDone(`Вид «${saved}» сохранён`);
      setIsOpen(false);
      setName('');
    },
  });
  const remove = useMutation({
    mutationFn: ({ id }: View) => api.send('DELETE', `/views/${id}`),
    onSuccess: () => refresh('/views'),
  });
  return (
    <Popover opened={isOpen} onChange={setIsOpen} trapFocus position="bottom-end" shadow="md" width={320}>
      <Popover.Target>
        <Button
          size="xs"
          variant={current ? 'light' : 'default'}
          leftSection={<IconBookmark size={15} aria-hidden />}
          rightSection={<IconChevronDown size={14} aria-hidden />}
          aria-expanded={isOpen}
          onClick={() => setIsOpen(!isOpen)}
        >
          {current?.name ?? 'Виды'}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Сохранённые виды">
        {all.length === 0 ? (
          <Text size="sm" c="dimmed">
            Настройте фильтр, порядок и столбцы и сохраните их под именем.
          </Text>
        ) : (
          <ul className={classes.views}>
            {all.map((view) => (
              <li key={view.id}>
                <Button
                  size="compact-sm"
                  variant="subtle"
                  color="gray"
                  className={classes.view!}
                  aria-current={view === current}
                  onClick={() => {
                    setIsOpen(false);
                    void navigate({ href: `/listings?${view.query}` });
                  }}
                >
                  {view.name}
                  {!view.isOwn && (
                    <Text span size="xs" c="dimmed" ml={6}>
                      {view.by}
                    </Text>
                  )}
                </Button>
                {view.isOwn && (
                  <ActionIcon
                    variant="subtle"
                    color="gray"
                    aria-label={`Удалить вид «${view.name}»`}
                    onClick={() => remove.mutate(view)}
                  >
                    <IconTrash size={15} />
                  </ActionIcon>
                )}
              </li>
            ))}
          </ul>
        )}
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (name.trim() !== '') save.mutate();
          }}
        >
          <Stack gap="xs" mt="sm">
            <TextInput
              size="xs"
              label="Сохранить нынешний под именем"
              maxLength={100}
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
            />
            <Group justify="space-between">
              <Checkbox
                size="xs"
                label="Показывать всем"
                checked={isShared}
                onChange={(event) => setIsShared(event.currentTarget.checked)}
              />
              <Button size="xs" type="submit" loading={save.isPending} disabled={name.trim() === ''}>
                Сохранить
              </Button>
            </Group>
          </Stack>
        </form>
      </Popover.Dropdown>
    </Popover>
  );
}

interface ColumnsMenuProps {
  readonly columns: readonly { readonly id: string; readonly name: string }[];
  readonly hidden: readonly string[];
  readonly onChange: (hidden: string[]) => void;
}

/** Which columns are shown. */
export function ColumnsMenu({ columns, hidden, onChange }: ColumnsMenuProps) {
  return (
    <Menu closeOnItemClick={false} position="bottom-end" width={230}>
      <Menu.Target>
        <Button size="xs" variant="default" leftSection={<IconColumns3 size={15} aria-hidden />}>
          Столбцы
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {columns.map(({ id, name }) => {
          const isShown = !hidden.includes(id);
          return (
            <Menu.Item
              key={id}
              role="menuitemcheckbox"
              aria-checked={isShown}
              leftSection={<Checkbox size="xs" checked={isShown} readOnly tabIndex={-1} aria-hidden />}
              onClick={() => onChange(isShown ? [...hidden, id] : hidden.filter((one) => one !== id))}
            >
              {name}
            </Menu.Item>
          );
        })}
      </Menu.Dropdown>
    </Menu>
  );
}
