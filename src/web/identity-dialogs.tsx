import { Button, Group, Modal, PasswordInput, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { Session, SignIn } from '../contracts/session.ts';
import { api, ProblemError } from './api.ts';
import { CodeInput } from './parts/code-input.tsx';
import { ProblemAlert } from './parts/problem.tsx';
import { enter } from './session.ts';

interface DialogProps {
  readonly session: Session;
  readonly onDone: (isDone: boolean) => void;
}

/** What was typed; the code without blanks, where it was asked for. */
function proofOf(event: FormEvent<HTMLFormElement>): Pick<SignIn, 'password' | 'code'> {
  event.preventDefault();
  const form = new FormData(event.currentTarget);
  const code = String(form.get('code') ?? '').replace(/\s/g, '');
  return { password: String(form.get('password')), ...(code && { code }) };
}

const wantsCode = (error: unknown) => error instanceof ProblemError && error.code === 'second-factor-needed';

export function SignInAgain({ session: { person, secondFactor }, onDone }: DialogProps) {
  const [isCodeShown, setIsCodeShown] = useState(secondFactor.isOn);
  const signIn = useMutation({
    mutationFn: (proof: Pick<SignIn, 'password' | 'code'>) =>
      api.send<Session>('POST', '/session', { login: person.login, ...proof } satisfies SignIn),
    meta: { isTold: true },
    onSuccess: (session) => {
      enter(session);
      onDone(true);
    },
    onError: (error) => {
      if (wantsCode(error)) setIsCodeShown(true);
    },
  });
  return (
    <Modal opened onClose={() => onDone(false)} title="Сеанс закончился" closeOnClickOutside={false}>
      <form onSubmit={(event) => signIn.mutate(proofOf(event))}>
        <Stack gap="md">
          <Text size="sm">
            {person.name}, войдите снова: страница останется как есть, и то, что вы делали, продолжится.
          </Text>
          <ProblemAlert error={signIn.error} isBrief />
          <input type="hidden" autoComplete="username" value={person.login} />
          <PasswordInput label="Пароль" name="password" autoComplete="current-password" required data-autofocus />
          {isCodeShown && <CodeInput />}
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

export function ConfirmAgain({ session: { person, secondFactor }, onDone }: DialogProps) {
  const confirm = useMutation({
    mutationFn: (proof: Pick<SignIn, 'password' | 'code'>) => api.send('POST', '/session/confirm', proof),
    meta: { isTold: true },
    onSuccess: () => onDone(true),
  });
  return (
    <Modal opened onClose={() => onDone(false)} title="Подтвердите, что это вы" closeOnClickOutside={false}>
      <form onSubmit={(event) => confirm.mutate(proofOf(event))}>
        <Stack gap="md">
          <Text size="sm">Это действие меняет деньги или права, поэтому пароль нужен ещё раз.</Text>
          <ProblemAlert error={confirm.error} isBrief />
          <input type="hidden" autoComplete="username" value={person.login} />
          <PasswordInput label="Пароль" name="password" autoComplete="current-password" required data-autofocus />
          {secondFactor.isOn && <CodeInput />}
          <Group justify="flex-end">
            <Button variant="default" onClick={() => onDone(false)}>
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
