import { Group, Progress, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import type { Bulk } from '../../../contracts/listings.ts';
import { api, newKey } from '../../api.ts';
import { showProblem } from '../../parts/problem.tsx';
import { showUndo } from '../../parts/undo.tsx';
import { objects } from '../../words.ts';
import { refreshListings } from './data.ts';

/** Deeds over listings: sent, told of while they go on, and taken back. */

export interface DeedWish {
  readonly path: '/marks' | '/marks/remove' | '/listings/terms' | '/listings/pause';
  readonly body: object;
}

export function useDeed(onDone?: () => void) {
  return useMutation({
    mutationFn: ({ path, body }: DeedWish) => api.send<Bulk>('POST', path, body, { idempotencyKey: newKey() }),
    onSuccess: (bulk) => {
      onDone?.();
      if (bulk.isFinished) tellDone(bulk);
      else follow(bulk);
    },
  });
}

/** What was done, with the way back. */
function tellDone(bulk: Bulk): void {
  void refreshListings();
  const left = bulk.leftOut.map(({ words }) => words).join('; ');
  const words = `${bulk.words}.${left && ` Не тронуто: ${left}.`}`;
  if (bulk.error) showProblem(new Error(bulk.error));
  if (bulk.undoUntil === null) {
    notifications.show({ message: words, color: bulk.changed > 0 ? 'ok' : 'gray', autoClose: 6_000 });
    return;
  }
  showUndo({
    words,
    undo: async () => {
      await api.send('POST', `/undo/${bulk.id}`, {});
      await refreshListings();
    },
  });
}

/** A long deed goes on by itself, whatever page is open; a bar in the corner tells how far it is. */
function follow(bulk: Bulk): void {
  const id = notifications.show({
    message: (
      <Following
        bulk={bulk}
        onEnd={(ended) => {
          notifications.hide(id);
          tellDone(ended);
        }}
      />
    ),
    autoClose: false,
    withBorder: true,
  });
}

function Following({ bulk, onEnd }: { bulk: Bulk; onEnd: (ended: Bulk) => void }) {
  const { data = bulk } = useQuery({
    queryKey: ['bulk', bulk.id],
    queryFn: ({ signal }) => api.get<Bulk>(`/bulk/${bulk.id}`, undefined, signal),
    refetchInterval: 700,
    initialData: bulk,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: told once, when it is over
  useEffect(() => {
    if (data.isFinished) onEnd(data);
  }, [data.isFinished]);
  const percent = Math.round((data.done / Math.max(1, data.total)) * 100);
  return (
    <>
      <Group justify="space-between" gap="sm">
        <Text size="sm">Меняем отметки: {objects(data.total)}</Text>
        <Text size="sm" c="dimmed">
          {percent} %
        </Text>
      </Group>
      <Progress value={percent} size="sm" mt={6} aria-label={`Сделано ${percent} %`} />
      <Text size="xs" c="dimmed" mt={4}>
        Страницу можно закрыть: дело идёт само.
      </Text>
    </>
  );
}
