import { Button, Group, Modal, SegmentedControl, Select, Stack, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import type { MoneyDone } from '../../../contracts/accounts.ts';
import { api, newKey } from '../../api.ts';
import { MoneyInput } from '../../parts/fields.tsx';
import { ProblemAlert, showDone } from '../../parts/problem.tsx';
import { refresh } from '../../query.ts';
import { money } from '../../words.ts';

interface Choice {
  readonly id: number;
  readonly name: string;
}

/** Money from one account to another. */
export function Move({
  accounts,
  fromId: given,
  onClose,
}: {
  accounts: readonly Choice[];
  fromId: number | null;
  onClose: () => void;
}) {
  const [fromId, setFromId] = useState(given);
  const [toId, setToId] = useState<number | null>(null);
  const [kopecks, setKopecks] = useState<number | null>(null);
  const [reason, setReason] = useState('');
  // biome-ignore lint/correctness/useExhaustiveDependencies: another sum is another intention
  const idempotencyKey = useMemo(newKey, [fromId, toId, kopecks, reason]);
  const body = { fromId, toId, kopecks, ...(reason.trim() && { reason: reason.trim() }) };
  const move = useMutation({
    mutationFn: () => api.send<MoneyDone>('POST', '/accounts/move', body, { idempotencyKey }),
    meta: { isTold: true },
    onSuccess: ({ kopecks: moved, accounts: after }) => {
      showDone(
        `Переведено ${money(moved)}. ${after.map((one) => `${one.name}: ${money(one.balanceKopecks)}`).join('. ')}`,
      );
      onClose();
      void refresh('/accounts');
    },
  });
  const choices = (without: number | null) =>
    accounts.filter(({ id }) => id !== without).map((one) => ({ value: String(one.id), label: one.name }));
  const isWhole = fromId !== null && toId !== null && kopecks !== null && kopecks > 0;
  return (
    <Modal opened onClose={onClose} title="Перевести деньги">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (isWhole) move.mutate();
        }}
      >
        <Stack gap="md">
          <Select
            label="Откуда"
            searchable
            required
            data={choices(toId)}
            value={fromId === null ? null : String(fromId)}
            onChange={(value) => setFromId(value === null ? null : Number(value))}
          />
          <Select
            label="Куда"
            searchable
            required
            data-autofocus
            data={choices(fromId)}
            value={toId === null ? null : String(toId)}
            onChange={(value) => setToId(value === null ? null : Number(value))}
          />
          <MoneyInput label="Сумма" required value={kopecks} onChange={setKopecks} maw={220} />
          <TextInput
            label="Основание"
            placeholder="перевод"
            maxLength={500}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
          <ProblemAlert error={move.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Отмена
            </Button>
            <Button type="submit" loading={move.isPending} disabled={!isWhole}>
              Перевести
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

/** What was booked wrongly is put right by another entry. */
export function Correct({ account, onClose }: { account: Choice; onClose: () => void }) {
  const [direction, setDirection] = useState<'in' | 'out'>('in');
  const [kopecks, setKopecks] = useState<number | null>(null);
  const [reason, setReason] = useState('');
  // biome-ignore lint/correctness/useExhaustiveDependencies: another sum is another intention
  const idempotencyKey = useMemo(newKey, [direction, kopecks, reason]);
  const correct = useMutation({
    mutationFn: () =>
      api.send<MoneyDone>(
        'POST',
        `/accounts/${account.id}/correct`,
        { kopecks, direction, reason: reason.trim() },
        { idempotencyKey },
      ),
    meta: { isTold: true },
    onSuccess: ({ accounts }) => {
      showDone(`Исправлено. ${accounts.map((one) => `${one.name}: ${money(one.balanceKopecks)}`).join('. ')}`);
      onClose();
      void refresh('/accounts');
    },
  });
  const isWhole = kopecks !== null && kopecks > 0 && reason.trim() !== '';
  return (
    <Modal opened onClose={onClose} title={`Исправить: ${account.name}`}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (isWhole) correct.mutate();
        }}
      >
        <Stack gap="md">
          <SegmentedControl
            aria-label="Зачислить или снять"
            value={direction}
            onChange={(value) => setDirection(value as 'in' | 'out')}
            data={[
              { value: 'in', label: 'Зачислить' },
              { value: 'out', label: 'Снять' },
            ]}
          />
          <MoneyInput label="Сумма" required data-autofocus value={kopecks} onChange={setKopecks} maw={220} />
          <TextInput
            label="Что исправляется"
            description="Прежние записи остаются: исправляет встречная."
            required
            maxLength={500}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
          <ProblemAlert error={correct.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Отмена
            </Button>
            <Button type="submit" loading={correct.isPending} disabled={!isWhole}>
              Провести
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
