import { Alert, Button, Group, Stack, Text } from '@mantine/core';
import { modals } from '@mantine/modals';
import {
  IconAlertTriangle,
  IconCheck,
  IconClock,
  IconCopy,
  IconHandStop,
  IconLoader,
  IconPlugConnectedX,
  IconRefresh,
} from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import type { Feed, FeedAddress, FeedDifference } from '../../../contracts/feeds.ts';
import { api } from '../../api.ts';
import { Chip } from '../../parts/chip.tsx';
import { askReason, confirm } from '../../parts/confirm.tsx';
import { showDone } from '../../parts/problem.tsx';
import { ToCopy } from '../../parts/to-copy.tsx';
import { Way } from '../../parts/way.tsx';
import { refresh } from '../../query.ts';
import { cabinetName, counted, day, formatNumber, moment, momentNear, objects } from '../../words.ts';
import classes from './feeds.module.css';

/** «3,1 МБ». */
export function sizeWords(bytes: number): string {
  if (bytes < 1024) return counted(bytes, 'байт', 'байта', 'байт');
  const kilo = bytes / 1024;
  if (kilo < 1024) return `${formatNumber(Math.round(kilo))} КБ`;
  return `${formatNumber(Math.round(kilo / 102.4) / 10)} МБ`;
}

/** How it stands with a feed, in a word or two. */
export function FeedChips({ feed }: { feed: Feed }) {
  const { failure, brake, pulls, edition } = feed;
  return (
    <Group gap={6}>
      {failure && <Chip tone="error" icon={IconPlugConnectedX} words="не собирается" />}
      {brake && <Chip tone="money" icon={IconHandStop} words={brake.release ? 'тормоз отпущен' : 'тормоз'} />}
      {pulls.state === 'late' && <Chip tone="error" icon={IconAlertTriangle} words="не забирают" />}
      {pulls.state === 'never' && <Chip tone="error" icon={IconAlertTriangle} words="ни разу не забирали" />}
      {!edition && <Chip tone="neutral" icon={IconClock} words="ещё не собран" />}
      {feed.next.isRunning && <Chip tone="waiting" icon={IconLoader} words="собирается" />}
      {edition && !failure && !brake && (pulls.state === 'fresh' || pulls.state === 'unknown') && (
        <Chip tone="ok" icon={IconCheck} words="в порядке" />
      )}
    </Group>
  );
}

/** When the next edition comes, in a sentence. */
export function nextWords({ next: { dueAt, isRunning, retryAt } }: Feed, now: Date): string {
  if (isRunning) return 'собирается сейчас';
  if (dueAt === null) return 'само ничего не изменится, сборка не нужна';
  if (retryAt !== null && Date.parse(retryAt) > now.getTime()) return `повтор ${moment(retryAt)}`;
  return Date.parse(dueAt) <= now.getTime() ? 'сейчас, как только дойдёт очередь' : moment(dueAt);
}

/** The address with its key hidden, and the way to the whole of it. */
export function FeedAddressLine({ feed }: { feed: Feed }) {
  const copy = useMutation({
    mutationFn: () => api.send<FeedAddress>('POST', `/feeds/${feed.id}/address/copy`),
    onSuccess: async ({ address }) => {
      // Only pages that came by https may write to the clipboard.
      const isCopied = await navigator.clipboard?.writeText(address).then(
        () => true,
        () => false,
      );
      if (isCopied) showDone('Адрес скопирован; запись об этом есть в журнале.');
      else showAddress('Адрес фида', address, null);
    },
  });
  return (
    <div className={classes.line}>
      <span className={classes.address}>{feed.address}</span>
      {feed.may.address && (
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<IconCopy size={14} aria-hidden />}
          loading={copy.isPending}
          onClick={() => copy.mutate()}
          aria-label={`Копировать адрес: ${cabinetName(feed)}`}
        >
          Копировать
        </Button>
      )}
    </div>
  );
}

/** Shows an address to be taken by hand. */
export function showAddress(title: string, address: string, until: string | null): void {
  modals.open({
    title,
    size: 'lg',
    children: (
      <Stack gap="sm">
        {until !== null && (
          <Text size="sm">Укажите новый адрес на доске. Прежний отвечает до {moment(until)}, потом перестанет.</Text>
        )}
        <ToCopy label="Адрес" value={address} isFirst />
      </Stack>
    ),
  });
}

/** What the brake keeps and why, and a person's word that the loss is right. */
export function BrakeAlert({ feed }: { feed: Feed }) {
  const release = useMutation({
    mutationFn: (reason: string) => api.send('POST', `/feeds/${feed.id}/brake`, { reason }),
    onSuccess: async () => {
      showDone('Тормоз отпущен: удержанное уйдёт со следующей сборкой.');
      await refresh('/feeds', '/diagnostics', '/tasks', '/waiting');
    },
  });
  const { brake } = feed;
  if (!brake) return null;
  const ask = async () => {
    const reason = await askReason({
      title: `${cabinetName(feed)}: отпустить тормоз?`,
      words: (
        <Text size="sm">
          При следующей сборке {objects(brake.held)} уйдут из фида или сменятся: {brake.causes.join(', ')}. Доска снимет
          их с показа. Вернуть их сможет только исправление причины.
        </Text>
      ),
      action: `Отпустить ${formatNumber(brake.held)}`,
      isDanger: true,
      reason: { label: 'Почему потеря верна', placeholder: 'Закрыли филиал, объекты сняты в CRM', isRequired: true },
    });
    if (reason !== null) release.mutate(reason);
  };
  return (
    <Alert color="money" variant="light" icon={<IconHandStop size={18} />} title="Тормоз держит объекты в фиде">
      <Text size="sm">
        С {moment(brake.since)}: {objects(brake.held)} должны были уйти или смениться из {formatNumber(brake.before)}.
        Причина: {brake.causes.join(', ')}. Доске отдаётся прежнее содержание с сегодняшними телефонами.
      </Text>
      {brake.release ? (
        <Text size="sm" mt={4}>
          Отпустил {brake.release.by}: «{brake.release.reason}». Уйдут со следующей сборкой.
        </Text>
      ) : (
        <Group gap="xs" mt="xs">
          <Way href={`/listings?board=${feed.board}&cabinet=${feed.id}&outcome=published`}>Объекты фида</Way>
          {feed.may.brake && (
            <Button size="compact-sm" color="error" onClick={() => void ask()} loading={release.isPending}>
              Всё верно, отпустить…
            </Button>
          )}
        </Group>
      )}
    </Alert>
  );
}

export function FailureAlert({ feed }: { feed: Feed }) {
  const { failure } = feed;
  if (!failure) return null;
  return (
    <Alert color="error" variant="light" icon={<IconPlugConnectedX size={18} />} title="Фид не собирается">
      <Text size="sm">
        {failure.words} Последний раз {momentNear(failure.at)}. Доске отдаётся прежнее издание.
      </Text>
    </Alert>
  );
}

export function RunButton({ feed }: { feed: Feed }) {
  const run = useMutation({
    mutationFn: () => api.send('POST', `/feeds/${feed.id}/run`),
    onSuccess: async () => {
      showDone('Поставлено в очередь: обычно это несколько секунд.');
      await refresh('/feeds');
    },
  });
  if (!feed.may.run) return null;
  return (
    <Button
      variant="default"
      leftSection={<IconRefresh size={16} aria-hidden />}
      loading={run.isPending}
      disabled={feed.next.isRunning}
      onClick={() => run.mutate()}
    >
      Собрать сейчас
    </Button>
  );
}

export function RotateButton({ feed }: { feed: Feed }) {
  const rotate = useMutation({
    mutationFn: () => api.send<FeedAddress>('POST', `/feeds/${feed.id}/address`),
    onSuccess: async ({ address, previousUntil }) => {
      showAddress('Новый адрес фида', address, previousUntil);
      await refresh('/feeds');
    },
  });
  if (!feed.may.rotate) return null;
  const ask = async () => {
    const isSure = await confirm({
      title: `Сменить адрес фида: ${cabinetName(feed)}?`,
      words:
        'Понадобится указать новый адрес в кабинете доски. Прежний будет отвечать ещё 14 дней, потом доска по нему ничего не получит.',
      action: 'Сменить адрес',
      isDanger: true,
    });
    if (isSure) rotate.mutate();
  };
  return (
    <Button variant="default" loading={rotate.isPending} onClick={() => void ask()}>
      Сменить адрес…
    </Button>
  );
}

/** «+12, изменится 31, уйдёт 4» */
export function differenceWords({ added, removed, changed }: Pick<FeedDifference, 'added' | 'removed' | 'changed'>) {
  return added + removed + changed === 0
    ? 'без изменений'
    : [
        added > 0 && `+${formatNumber(added)}`,
        changed > 0 && `изменится ${formatNumber(changed)}`,
        removed > 0 && `уйдёт ${formatNumber(removed)}`,
      ]
        .filter(Boolean)
        .join(', ');
}

const WHAT = { removed: 'Ушли', added: 'Пришли', changed: 'Изменились' } as const;

/** The listings of a difference with links to their cards. */
export function Difference({ difference }: { difference: FeedDifference }) {
  const kinds = ['removed', 'added', 'changed'] as const;
  return (
    <Stack gap="sm">
      {kinds.map((what) => {
        const named = difference.listings.filter((one) => one.what === what);
        const count = difference[what];
        if (count === 0) return null;
        return (
          <div key={what}>
            <Text size="sm" fw={500}>
              {WHAT[what]}: {objects(count)}
            </Text>
            <ul className={classes.counts}>
              {named.map(({ id, title }) => (
                <li key={id}>
                  <Way href={`/listings/${id}`}>{title}</Way>
                </li>
              ))}
              {count > named.length && (
                <li>
                  <Text size="sm" c="dimmed">
                    и ещё {formatNumber(count - named.length)}
                  </Text>
                </li>
              )}
            </ul>
          </div>
        );
      })}
      {difference.added + difference.removed + difference.changed === 0 && (
        <Text size="sm">Объекты те же до последнего знака.</Text>
      )}
    </Stack>
  );
}

export const untilWords = (until: string): string => `прежний адрес отвечает до ${day(until)}`;
