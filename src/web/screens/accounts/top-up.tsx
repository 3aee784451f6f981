import { Alert, Button, Group, List, Loader, Modal, Select, Stack, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconCircleCheck } from '@tabler/icons-react';
import { keepPreviousData, useMutation, useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import type { MoneyDone, TopUpEffect } from '../../../contracts/accounts.ts';
import { api, newKey } from '../../api.ts';
import { MoneyInput } from '../../parts/fields.tsx';
import { ProblemAlert } from '../../parts/problem.tsx';
import { refresh } from '../../query.ts';
import { agree, clock, counted, money, objects } from '../../words.ts';
import { CabinetLink, coverSentence, coverWords, ListingLink } from './told.tsx';

interface Choice {
  readonly id: number;
  readonly name: string;
}

interface TopUpProps {
  /** Accounts that may be topped up. */
  readonly accounts: readonly Choice[];
  readonly accountId: number | null;
  readonly onClose: () => void;
}

/** Money from outside: what it does is shown before it is done. */
export function TopUp({ accounts, accountId: given, onClose }: TopUpProps) {
  const [accountId, setAccountId] = useState(given ?? (accounts.length === 1 ? accounts[0]!.id : null));
  const [kopecks, setKopecks] = useState<number | null>(null);
  const [reason, setReason] = useState('');
  const [isPaid, setIsPaid] = useState(false);
  const [settled] = useDebouncedValue(kopecks ?? 0, 400);
  const body = { kopecks: kopecks ?? 0, ...(reason.trim() && { reason: reason.trim() }) };
  // One intention, one key: pressed twice it is still one top-up.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another sum is another intention
  const idempotencyKey = useMemo(newKey, [accountId, kopecks, reason]);
  const effect = useQuery<TopUpEffect, Error>({
    // Not under «accounts»: what was told stays told when the money has come.
    queryKey: ['top-up', accountId, settled],
    queryFn: ({ signal }) =>
      api.send('POST', `/accounts/${accountId}/top-up/dry-run`, { kopecks: settled }, { signal }),
    enabled: accountId !== null && !isPaid,
    gcTime: 0,
    placeholderData: keepPreviousData,
  });
  const pay = useMutation({
    mutationFn: () => api.send<MoneyDone>('POST', `/accounts/${accountId}/top-up`, body, { idempotencyKey }),
    meta: { isTold: true },
    onSuccess: () => {
      setIsPaid(true);
      void refresh('/accounts', '/listings');
    },
  });
  const name = accounts.find(({ id }) => id === accountId)?.name;
  const isTold = effect.data?.kopecks === (kopecks ?? 0);
  if (pay.data)
    return (
      <Modal opened onClose={onClose} title={`Пополнен: ${name}`} size="lg">
        <Done done={pay.data} effect={isTold ? effect.data : undefined} onClose={onClose} />
      </Modal>
    );
  return (
    <Modal opened onClose={onClose} title={given === null || !name ? 'Пополнить счёт' : `Пополнить: ${name}`} size="lg">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (accountId !== null && body.kopecks > 0) pay.mutate();
        }}
      >
        <Stack gap="md">
          {given === null && (
            <Select
              label="Счёт"
              placeholder="Выберите счёт"
              searchable
              required
              data={accounts.map((one) => ({ value: String(one.id), label: one.name }))}
              value={accountId === null ? null : String(accountId)}
              onChange={(value) => setAccountId(value === null ? null : Number(value))}
            />
          )}
          <MoneyInput label="Сумма" required data-autofocus value={kopecks} onChange={setKopecks} maw={220} />
          {accountId !== null && (
            <div aria-live="polite">
              {effect.data ? (
                <Effect
                  effect={effect.data}
                  isWaiting={!isTold || effect.isFetching}
                  onTake={(needed) => setKopecks(needed)}
                />
              ) : (
                effect.isFetching && (
                  <Group gap="xs">
                    <Loader size="xs" />
                    <Text size="sm">Считаем, что изменится.</Text>
                  </Group>
                )
              )}
              <ProblemAlert error={effect.error} onRetry={() => void effect.refetch()} />
            </div>
          )}
          <TextInput
            label="Основание"
            placeholder="пополнение"
            maxLength={500}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
          <ProblemAlert error={pay.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Отмена
            </Button>
            <Button type="submit" loading={pay.isPending} disabled={accountId === null || body.kopecks <= 0}>
              {body.kopecks > 0 ? `Пополнить на ${money(body.kopecks)}` : 'Пополнить'}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function Effect({
  effect,
  isWaiting,
  onTake,
}: {
  effect: TopUpEffect;
  isWaiting: boolean;
  onTake: (kopecks: number) => void;
}) {
  const { kopecks, before, after, goOut, giveWay, neededKopecks, missingKopecks } = effect;
  return (
    <Alert
      color={kopecks > 0 && goOut.listings > 0 ? 'ok' : 'brand'}
      variant="light"
      style={{ opacity: isWaiting ? 0.6 : 1 }}
    >
      {kopecks === 0 ? (
        <Text size="sm">
          Сейчас: {before.state === 'free' ? 'платить не за что' : `хватит: ${coverWords(before)}`}.
        </Text>
      ) : (
        <Text size="sm" fw={600}>
          {goOut.listings > 0
            ? `${agree(goOut.listings, 'Выйдет', 'Выйдут', 'Выйдут')} ещё ${objects(goOut.listings)}. `
            : 'Больше объектов не выйдет. '}
          {after.coverDays === 0 ? 'На всех не хватит уже сегодня.' : coverSentence(after)}
          {before.endsOn !== after.endsOn && before.coverDays !== 0 && ` Сейчас ${coverWords(before)}.`}
        </Text>
      )}
      {kopecks > 0 && goOut.data.length > 0 && <Marks goOut={goOut} />}
      {giveWay > 0 && (
        <Text size="sm" mt={4}>
          {counted(giveWay, 'объект уступит', 'объекта уступят', 'объектов уступят')} им место в пакете.
        </Text>
      )}
      {kopecks === 0 && neededKopecks > 0 && (
        <Group gap="xs" mt={6}>
          <Text size="sm">Чтобы деньги не останавливали никого, не хватает {money(neededKopecks)}.</Text>
          <Button size="compact-sm" variant="light" onClick={() => onTake(neededKopecks)}>
            Взять эту сумму
          </Button>
        </Group>
      )}
      {kopecks > 0 && missingKopecks > 0 && (
        <Text size="sm" mt={4}>
          На остальных не хватит ещё {money(missingKopecks)}.
        </Text>
      )}
    </Alert>
  );
}

const SHOWN = 8;

function Marks({ goOut }: { goOut: TopUpEffect['goOut'] }) {
  const rest = goOut.marks - Math.min(SHOWN, goOut.data.length);
  return (
    <List size="sm" mt={6} spacing={2}>
      {goOut.data.slice(0, SHOWN).map(({ listingId, externalId, cabinetId, cabinet, kopecks, runAt }) => (
        <List.Item key={`${cabinetId}/${listingId}`}>
          <ListingLink id={listingId} externalId={externalId} isInText /> ·{' '}
          <CabinetLink id={cabinetId} name={cabinet} isInText />: {money(kopecks)} сегодня, сборка в {clock(runAt)}
        </List.Item>
      ))}
      {rest > 0 && <List.Item>и ещё {counted(rest, 'отметка', 'отметки', 'отметок')}</List.Item>}
    </List>
  );
}

function Done({
  done: { accounts, kopecks, isNew, runAt },
  effect,
  onClose,
}: {
  done: MoneyDone;
  effect: TopUpEffect | undefined;
  onClose: () => void;
}) {
  return (
    <Stack gap="sm" role="status">
      <Group gap="xs" wrap="nowrap">
        <IconCircleCheck size={20} aria-hidden color="var(--tone-ok)" />
        <Text>
          {isNew ? `Проведено ${money(kopecks)}.` : `Эти ${money(kopecks)} уже были проведены раньше.`}{' '}
          {accounts.map((one) => `${one.name}: доступно ${money(one.availableKopecks)}.`).join(' ')}
        </Text>
      </Group>
      {effect && (
        <Text size="sm">
          {coverSentence(effect.after)}{' '}
          {effect.goOut.listings > 0
            ? `Выходят ${objects(effect.goOut.listings)}:`
            : runAt === null
              ? ''
              : `Ближайшая сборка в ${clock(runAt)}.`}
        </Text>
      )}
      {effect && effect.goOut.data.length > 0 && <Marks goOut={effect.goOut} />}
      <Group justify="flex-end">
        <Button autoFocus onClick={onClose}>
          Закрыть
        </Button>
      </Group>
    </Stack>
  );
}
