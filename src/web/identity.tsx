/**
 * Two dialogs over the page. The session ended: the person signs in, and what they were doing goes on. A deed wants
 * to know again who is asking: the password, and the deed is done.
 */
import { Alert, Button, Group, Modal, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, useSyncExternalStore } from 'react';
import type { Session, SignIn } from '../contracts/session.ts';
import { api, employ, ProblemError } from './api.ts';
import { ProblemAlert } from './parts/problem.tsx';
import { enter, renewSession, sessionQuery } from './session.ts';

type Asked = 'sign-in' | 'confirm';

let asked: Asked | null = null;
let answer: ((isDone: boolean) => void) | null = null;
let waiting: Promise<boolean> | null = null;
const listeners = new Set<() => void>();

/** Several requests that fail together are helped by one dialog. */
function raise(what: Asked): Promise<boolean> {
  if (waiting) return waiting;
  asked = what;
  waiting = new Promise<boolean>((resolve) => {
    answer = resolve;
  }).finally(() => {
    asked = null;
    waiting = null;
    for (const listener of listeners) listener();
  });
  for (const listener of listeners) listener();
  return waiting;
}

const done = (isDone: boolean) => answer?.(isDone);

/** Mounted once, by the shell. */
export function Identity() {
  const what = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      employ({ signIn: () => raise('sign-in'), confirm: () => raise('confirm'), renew: renewSession });
      return () => listeners.delete(listener);
    },
    () => asked,
  );
  const { data: session } = useQuery({ ...sessionQuery, enabled: false });
  if (!what || !session) return null;
  return what === 'sign-in' ? <SignInAgain session={session} /> : <ConfirmAgain session={session} />;
}

/** Six digits of the second factor. */
export function CodeInput(props: React.ComponentProps<typeof TextInput>) {
  return (
    <TextInput
      label="Код из приложения"
      description="Шесть цифр из приложения второго фактора"
      inputMode="numeric"
      autoComplete="one-time-code"
      maxLength={6}
      {...props}
    />
  );
}

function SignInAgain({ session }: { session: Session }) {
  const [wantsCode, setWantsCode] = useState(false);
  const form = useForm({ initialValues: { password: '', code: '' } });
  const signIn = useMutation({
    mutationFn: ({ password, code }: { password: string; code: string }) =>
      api.send<Session>('POST', '/session', {
        login: session.person.login,
        password,
        ...(code && { code }),
      } satisfies SignIn),
    meta: { isTold: true },
    onSuccess: (next) => {
      enter(next);
      done(true);
    },
    onError: (error) => {
      if (error instanceof ProblemError && error.code === 'second-factor-needed') setWantsCode(true);
    },
  });
  const isCodeAsked =
    signIn.error instanceof ProblemError && signIn.error.code === 'second-factor-needed' && !form.values.code;
  return (
    <Modal opened onClose={() => done(false)} title="Сеанс закончился" closeOnClickOutside={false}>
      <form onSubmit={form.onSubmit((values) => signIn.mutate(values))}>
        <Stack gap="md">
          <Text size="sm">
            {session.person.name}, войдите снова: страница останется как есть, и то, что вы делали, продолжится.
          </Text>
          {!isCodeAsked && <ProblemAlert error={signIn.error} />}
          <input type="hidden" name="username" autoComplete="username" value={session.person.login} />
          <PasswordInput
            label="Пароль"
            autoComplete="current-password"
            required
            data-autofocus
            {...form.getInputProps('password')}
          />
          {wantsCode && <CodeInput required autoFocus {...form.getInputProps('code')} />}
          <Group justify="space-between">
            <Button component="a" href="/sign-in" variant="subtle">
              Войти другим человеком
            </Button>
            <Button type="submit" loading={signIn.isPending}>
              Войти
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function ConfirmAgain({ session }: { session: Session }) {
  const form = useForm({ initialValues: { password: '', code: '' } });
  const confirm = useMutation({
    mutationFn: ({ password, code }: { password: string; code: string }) =>
      api.send('POST', '/session/confirm', { password, ...(code && { code }) }),
    meta: { isTold: true },
    onSuccess: () => done(true),
  });
  return (
    <Modal opened onClose={() => done(false)} title="Подтвердите, что это вы" closeOnClickOutside={false}>
      <form onSubmit={form.onSubmit((values) => confirm.mutate(values))}>
        <Stack gap="md">
          <Text size="sm">Это действие меняет деньги или права, поэтому пароль нужен ещё раз.</Text>
          <ProblemAlert error={confirm.error} />
          <input type="hidden" name="username" autoComplete="username" value={session.person.login} />
          <PasswordInput
            label="Пароль"
            autoComplete="current-password"
            required
            data-autofocus
            {...form.getInputProps('password')}
          />
          {session.secondFactor.isOn && <CodeInput required {...form.getInputProps('code')} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={() => done(false)}>
              Отмена
            </Button>
            <Button type="submit" loading={confirm.isPending}>
              Подтвердить
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

/** For deeds that are refused until the second factor is on. */
export function SecondFactorReminder({ session }: { session: Session }) {
  if (!session.secondFactor.isNeeded || session.secondFactor.isOn) return null;
  return (
    <Alert color="money" variant="light" title="Включите второй фактор">
      Вы распоряжаетесь деньгами или правами: пока второй фактор не включён, эти действия закрыты.
    </Alert>
  );
}
