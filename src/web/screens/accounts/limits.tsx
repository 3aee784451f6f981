import { Button, Group, Modal, NumberInput, Select, Stack, Switch, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import type { AccountChangeWish, AccountPage } from '../../../contracts/accounts.ts';
import { api } from '../../api.ts';
import { MoneyInput } from '../../parts/fields.tsx';
import { ProblemAlert, showDone } from '../../parts/problem.tsx';
import { refresh } from '../../query.ts';

/** The last day that every month has. */
const MONTHLY_ON_MAX = 28;

/** Overdraft, limits and the top-up that comes by itself once a month. */
export function Limits({ account, etag, onClose }: { account: AccountPage; etag: string | null; onClose: () => void }) {
  const [overdraft, setOverdraft] = useState<number | null>(account.overdraftKopecks || null);
  const [dayLimit, setDayLimit] = useState(account.dayLimitKopecks);
  const [monthLimit, setMonthLimit] = useState(account.monthLimitKopecks);
  const [isMonthly, setIsMonthly] = useState(account.monthly !== null);
  const [sum, setSum] = useState<number | null>(account.monthly?.kopecks ?? null);
  const [on, setOn] = useState<number | string>(account.monthly?.on ?? 1);
  const [fromId, setFromId] = useState(account.monthly?.fromId ?? null);
  const save = useMutation({
    mutationFn: () =>
      api.send(
        'PATCH',
        `/accounts/${account.id}`,
        {
          overdraftKopecks: overdraft ?? 0,
          dayLimitKopecks: dayLimit,
          monthLimitKopecks: monthLimit,
          monthly: isMonthly ? { kopecks: sum ?? 0, on: Number(on), fromId } : null,
        } satisfies AccountChangeWish,
        { ifMatch: etag },
      ),
    meta: { isTold: true },
    onSuccess: () => {
      showDone('Лимиты сохранены');
      onClose();
      void refresh('/accounts');
    },
  });
  return (
    <Modal opened onClose={onClose} title={`Лимиты: ${account.name}`}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <Stack gap="md">
          <MoneyInput
            label="Овердрафт"
            description="Насколько счёт может уйти в минус. Пусто — не может."
            data-autofocus
            value={overdraft}
            onChange={setOverdraft}
          />
          <Group grow align="flex-start">
            <MoneyInput
              label="В день не больше"
              description="Пусто — без лимита"
              value={dayLimit}
              onChange={setDayLimit}
            />
            <MoneyInput
              label="В месяц не больше"
              description="Пусто — без лимита"
              value={monthLimit}
              onChange={setMonthLimit}
            />
          </Group>
          <Switch
            label="Пополнять каждый месяц"
            checked={isMonthly}
            onChange={(event) => setIsMonthly(event.currentTarget.checked)}
          />
          {isMonthly && (
            <>
              <Group grow align="flex-start">
                <MoneyInput label="Сумма" required value={sum} onChange={setSum} />
                <NumberInput
                  label="Какого числа"
                  required
                  min={1}
                  max={MONTHLY_ON_MAX}
                  allowDecimal={false}
                  value={on}
                  onChange={setOn}
                />
              </Group>
              <Select
                label="Откуда"
                data={[
                  { value: '', label: 'извне' },
                  ...account.others.map((one) => ({ value: String(one.id), label: `со счёта: ${one.name}` })),
                ]}
                value={fromId === null ? '' : String(fromId)}
                onChange={(value) => setFromId(value ? Number(value) : null)}
              />
              <Text size="xs" c="dimmed">
                Если день этого месяца уже прошёл, пополнение проведётся сразу. За прошлые месяцы не проводится.
              </Text>
            </>
          )}
          <ProblemAlert error={save.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Отмена
            </Button>
            <Button type="submit" loading={save.isPending} disabled={isMonthly && !sum}>
              Сохранить
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
