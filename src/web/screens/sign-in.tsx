import { Button, PasswordInput, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useMutation } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import type { Session, SignIn as SignInBody } from '../../contracts/session.ts';
import { api, ProblemError } from '../api.ts';
import { CodeInput } from '../identity.tsx';
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
  const form = useForm({ initialValues: { login: '', password: '', code: '' } });
  const signIn = useMutation({
    mutationFn: ({ login, password, code }: typeof form.values) =>
      api.send<Session>('POST', '/session', {
        login: login.trim(),
        password,
        ...(code && { code: code.replace(/\s/g, '') }),
      } satisfies SignInBody),
    meta: { isTold: true },
    onSuccess: (session) => {
      enter(session);
      void navigate({ href: isOurs(next) ? next : '/', replace: true });
    },
    onError: (error) => {
      if (wantsCode(error)) setIsCodeShown(true);
    },
  });
  // To be asked for the code is the next step, not a trouble.
  const trouble = wantsCode(signIn.error) && signIn.variables?.code === '' ? null : signIn.error;
  return (
    <Door title="Вход">
      <form onSubmit={form.onSubmit((values) => signIn.mutate(values))}>
        <Stack gap="md">
          <ProblemAlert error={trouble} />
          <TextInput
            label="Логин"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            required
            autoFocus
            {...form.getInputProps('login')}
          />
          <PasswordInput label="Пароль" autoComplete="current-password" required {...form.getInputProps('password')} />
          {isCodeShown && <CodeInput required autoFocus {...form.getInputProps('code')} />}
          <Button type="submit" size="md" fullWidth loading={signIn.isPending}>
            Войти
          </Button>
        </Stack>
      </form>
    </Door>
  );
}
