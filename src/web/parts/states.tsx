import { Button, Skeleton, Stack, Text, Title } from '@mantine/core';
import { IconCircleCheck, IconInbox, IconLock, IconPlugConnectedX, IconSearchOff } from '@tabler/icons-react';
import type { UseQueryResult } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useEffect, useState } from 'react';
import { ProblemError } from '../api.ts';
import { clock } from '../words.ts';
import { tellProblem } from './problem.tsx';
import classes from './states.module.css';

/** What a screen shows when it has nothing to show: a title, one line, one button; no apologies, no jokes. */

interface StateProps {
  readonly title: string;
  readonly words?: ReactNode;
  /** One button: a deed, or a way. */
  readonly action?: { readonly words: string; readonly onClick?: () => void; readonly to?: string } | undefined;
}

function State({ title, words, action, icon, isAlert }: StateProps & { icon: ReactNode; isAlert?: boolean }) {
  return (
    <div className={classes.state} role={isAlert ? 'alert' : undefined}>
      <div className={classes.icon} aria-hidden>
        {icon}
      </div>
      <Title order={2}>{title}</Title>
      {words && (
        <Text component="div" size="sm" c="dimmed" maw={460}>
          {words}
        </Text>
      )}
      {action?.to && (
        <Button component={Link} to={action.to} mt="xs">
          {action.words}
        </Button>
      )}
      {action?.onClick && (
        <Button onClick={action.onClick} mt="xs">
          {action.words}
        </Button>
      )}
    </div>
  );
}

/** `never`: there was never anything. `filter`: the filter finds nothing. `done`: all work is done. */
export function Empty({ kind = 'never', ...state }: StateProps & { kind?: 'never' | 'filter' | 'done' }) {
  const Icon = kind === 'done' ? IconCircleCheck : kind === 'filter' ? IconSearchOff : IconInbox;
  return <State {...state} icon={<Icon size={30} stroke={1.5} />} />;
}

/** It could not be shown: the words of the server, and another try. */
export function Broken({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  if (error instanceof ProblemError && error.status === 403) {
    return <NoRight title={error.problem.title} words={error.problem.detail} />;
  }
  const { title, detail, requestId } = tellProblem(error);
  return (
    <State
      isAlert
      icon={<IconPlugConnectedX size={30} stroke={1.5} />}
      title={title}
      words={
        <>
          {detail}
          {requestId && ` Код ${requestId}.`}
        </>
      }
      action={onRetry && { words: 'Повторить', onClick: onRetry }}
    />
  );
}

/** «Пополнять счёт может руководитель филиала: Смирнова О.» and a way to ask. */
export function NoRight(state: StateProps) {
  return <State {...state} icon={<IconLock size={30} stroke={1.5} />} />;
}

/** Grey bars of the height of what comes; they appear only when it takes a while. */
export function Skeletons({ rows = 8, height = 40 }: { rows?: number; height?: number }) {
  return (
    <Stack gap={6} className={classes.late!} aria-hidden>
      {Array.from({ length: rows }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are all alike and never move
        <Skeleton key={index} height={height} radius="sm" />
      ))}
    </Stack>
  );
}

/** After five seconds it is told what takes so long, and may be stopped. */
export function Waiting({ words, onCancel }: { words: string; onCancel?: () => void }) {
  const [isLong, setIsLong] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setIsLong(true), 5_000);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div role="status">
      {isLong && (
        <Text size="sm" c="dimmed">
          {words}{' '}
          {onCancel && (
            <Button size="compact-sm" variant="subtle" onClick={onCancel}>
              Отмена
            </Button>
          )}
        </Text>
      )}
    </div>
  );
}

interface LoadedProps<T> {
  readonly query: UseQueryResult<T, Error>;
  readonly children: (data: T) => ReactNode;
  readonly skeleton?: ReactNode;
  /** Said when it takes more than five seconds. */
  readonly longWords?: string;
}

/**
 * Shows what was asked for: grey bars while it comes, the trouble if it does not, and when only a refresh failed the
 * old data with a line that says how old they are.
 */
export function Loaded<T>({ query, children, skeleton, longWords = 'Ещё загружается.' }: LoadedProps<T>) {
  const { data, error, refetch, dataUpdatedAt } = query;
  if (data !== undefined) {
    return (
      <>
        {error && (
          <div className={classes.stale} role="status">
            Данные на {clock(dataUpdatedAt)}. Обновить не удалось: {tellProblem(error).detail}{' '}
            <Button size="compact-sm" variant="subtle" onClick={() => void refetch()}>
              Повторить
            </Button>
          </div>
        )}
        {children(data)}
      </>
    );
  }
  if (error) return <Broken error={error} onRetry={() => void refetch()} />;
  return (
    <div aria-busy="true">
      <Waiting words={longWords} />
      {skeleton ?? <Skeletons />}
    </div>
  );
}
