import { Button, Group, Modal, MultiSelect, Stack } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import type { Candidates } from '../../../contracts/accounts.ts';
import { api } from '../../api.ts';
import { ProblemAlert, showDone } from '../../parts/problem.tsx';
import { Loaded } from '../../parts/states.tsx';
import { refresh, useApi } from '../../query.ts';
import { counted } from '../../words.ts';

/** Opens accounts for whoever has none. */
export function OpenAccounts({ onClose }: { onClose: () => void }) {
  const query = useApi<Candidates>('/accounts/candidates');
  const [chosen, setChosen] = useState<string[]>([]);
  const open = useMutation({
    mutationFn: () => {
      const owners = chosen.map((key) => {
        const [kind, id] = key.split(':');
        return { kind, ownerId: id ? Number(id) : null };
      });
      return api.send<{ opened: number }>('POST', '/accounts', { owners });
    },
    meta: { isTold: true },
    onSuccess: ({ opened }) => {
      showDone(`Открыто: ${counted(opened, 'счёт', 'счёта', 'счетов')}`);
      onClose();
      void refresh('/accounts');
    },
  });
  return (
    <Modal opened onClose={onClose} title="Открыть счёт">
      <Loaded query={query}>
        {({ data }) => {
          const groups = [...new Set(data.map(({ kindLabel }) => kindLabel))];
          return (
            <Stack gap="md">
              <MultiSelect
                label="Кому"
                description="За объект платит первый счёт, который есть: сотрудника, отдела, филиала, агентства."
                placeholder={data.length === 0 ? 'у всех уже есть' : 'имя, филиал или отдел'}
                searchable
                data-autofocus
                data={groups.map((group) => ({
                  group,
                  items: data
                    .filter(({ kindLabel }) => kindLabel === group)
                    .map(({ kind, ownerId, name, branch }) => ({
                      value: `${kind}:${ownerId ?? ''}`,
                      label: branch ? `${name}, ${branch}` : name,
                    })),
                }))}
                value={chosen}
                onChange={setChosen}
              />
              <ProblemAlert error={open.error} />
              <Group justify="flex-end">
                <Button variant="default" onClick={onClose}>
                  Отмена
                </Button>
                <Button loading={open.isPending} disabled={chosen.length === 0} onClick={() => open.mutate()}>
                  Открыть
                </Button>
              </Group>
            </Stack>
          );
        }}
      </Loaded>
    </Modal>
  );
}
