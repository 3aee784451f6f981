import { Alert, Anchor, Button, Group, List, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconAlertTriangle } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { ProblemError } from '../api.ts';

/** What went wrong, told where it happened or in a corner. */

interface Told {
  readonly title: string;
  readonly detail: string;
  readonly errors: readonly string[];
  readonly code: string;
  /** For the administrator: by it the line in the log is found. */
  readonly requestId: string;
}

/** The words of a problem; whatever else was thrown is a mistake of ours, told as one. */
export function tellProblem(error: unknown): Told {
  if (error instanceof ProblemError) {
    const { title, detail, errors = [], requestId, code } = error.problem;
    // One fault alone is told by the detail itself.
    const faults = errors.map((one) => one.detail).filter((one) => !detail.includes(one));
    return { title, detail, errors: faults, code, requestId };
  }
  console.error(error);
  return {
    title: 'Не получилось',
    detail: 'Страница не смогла это сделать. Обновите её; если не поможет, сообщите администратору.',
    errors: [],
    code: '',
    requestId: '',
  };
}

function Words({ told, isBrief = false, children }: { told: Told; isBrief?: boolean; children?: ReactNode }) {
  return (
    <>
      <Text size="sm">{told.detail}</Text>
      {told.errors.length > 0 && (
        <List size="sm" mt={4}>
          {told.errors.map((one) => (
            <List.Item key={one}>{one}</List.Item>
          ))}
        </List>
      )}
      {told.code === 'second-factor-missing' && (
        <Anchor href="/profile" size="sm">
          Включить второй фактор
        </Anchor>
      )}
      {(children || (told.requestId && !isBrief)) && (
        <Group gap="sm" mt="xs">
          {children}
          {told.requestId && !isBrief && (
            <Text size="xs" c="dimmed">
              код {told.requestId}
            </Text>
          )}
        </Group>
      )}
    </>
  );
}

interface ProblemAlertProps {
  readonly error: unknown;
  readonly onRetry?: (() => void) | undefined;
  /** Only what happened: for a wrong password there is nothing to look up in a log. */
  readonly isBrief?: boolean;
}

/** A problem in its place: above a form, instead of a list. */
export function ProblemAlert({ error, onRetry, isBrief = false }: ProblemAlertProps) {
  if (!error) return null;
  const told = tellProblem(error);
  return (
    <Alert
      role="alert"
      color="error"
      variant="light"
      icon={<IconAlertTriangle size={18} />}
      title={isBrief ? undefined : told.title}
    >
      <Words told={told} isBrief={isBrief}>
        {onRetry && (
          <Button size="xs" variant="default" onClick={onRetry}>
            Повторить
          </Button>
        )}
      </Words>
    </Alert>
  );
}

/** A problem in the corner: for a deed that has no place of its own on the page. */
export function showProblem(error: unknown, onRetry?: () => void): void {
  const told = tellProblem(error);
  const id = notifications.show({
    color: 'error',
    icon: <IconAlertTriangle size={18} />,
    title: told.title,
    autoClose: 12_000,
    role: 'alert',
    message: (
      <Words told={told}>
        {onRetry && (
          <Anchor
            component="button"
            type="button"
            size="sm"
            onClick={() => {
              notifications.hide(id);
              onRetry();
            }}
          >
            Повторить
          </Anchor>
        )}
      </Words>
    ),
  });
}

/** It is done: said briefly. */
export function showDone(words: string): void {
  notifications.show({ color: 'ok', message: words, autoClose: 5_000 });
}

/**
 * The faults of a request beside the fields of a Mantine form: `#/price` becomes `price`, `#/places/0` `places.0`.
 * @returns whether there was any, so that the rest is told above the form
 */
export function setFieldErrors(
  form: { setErrors: (errors: Record<string, ReactNode>) => void },
  error: unknown,
): boolean {
  if (!(error instanceof ProblemError)) return false;
  const errors = Object.fromEntries(
    (error.problem.errors ?? [])
      .filter((one) => one.pointer.startsWith('#/'))
      .map((one) => [one.pointer.slice(2).replaceAll('/', '.'), one.detail]),
  );
  form.setErrors(errors);
  return Object.keys(errors).length > 0;
}
