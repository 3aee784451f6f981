import { Button, PasswordInput, Stack, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import type { Session, SignIn as SignInBody } from '../../contracts/session.ts';
import { api, ProblemError } from '../api.ts';
import { CodeInput } from '../parts/code-input.tsx';
import { ProblemAlert } from '../parts/problem.tsx';
import { oneOf, useAddress } from '../router.tsx';
import { enter } from '../session.ts';
import { Door } from './door.tsx';

/** Only inside our own house: `//elsewhere` is another one. */
const isOurs = (next: string | undefined): next is string => next !== undefined && /^\/(?![/\\])/.test(next);

const wantsCode = (error: unknown) => error instanceof ProblemError && error.code === 'second-factor-needed';

export default function SignIn() {
  const navigate = useNavigate();
  const [next] = useAddress((raw) => oneOf(raw.next));
  const [isCodeShown, setIsCodeShown] = useState(false);
  const signIn = useMutation({
    mutationFn: (body: SignInBody) => api.send<Session>('POST', '/session', body),
    meta: { isTold: true },
    onSuccess: (session) => {
      enter(session);
      void navigate({ href: isOurs(next) ? next : '/', replace: true });
    },
    onError: (error) => {
      if (wantsCode(error)) setIsCodeShown(true);
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const code = String(form.get('code') ?? '').replace(/\s/g, '');
    signIn.mutate({
      login: String(form.get('login')).trim(),
      password: String(form.get('password')),
      ...(code && { code }),
    });
  };
  // To be asked for the code is the next step, not a trouble.
  const trouble = wantsCode(signIn.error) && signIn.variables?.code === undefined ? null : signIn.error;
  return (
    <Door title="Вход">
      <form onSubmit={submit}>
        <Stack gap="md">
          <ProblemAlert error={trouble} isBrief />
          <TextInput
            label="Логин"
            name="login"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            required
            withAsterisk={false}
            autoFocus
          />
          <PasswordInput label="Пароль" name="password" autoComplete="current-password" required withAsterisk={false} />
          {isCodeShown && <CodeInput withAsterisk={false} autoFocus />}
          <Button type="submit" size="md" fullWidth loading={signIn.isPending}>
            Войти
          </Button>
        </Stack>
      </form>
    </Door>
  );
}
