import { Button, PasswordInput, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useMutation } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import type { Session } from '../../contracts/session.ts';
import { api } from '../api.ts';
import { ProblemAlert, setFieldErrors } from '../parts/problem.tsx';
import { Loaded } from '../parts/states.tsx';
import { useApi } from '../query.ts';
import { enter } from '../session.ts';
import { Door } from './door.tsx';

interface Welcome {
  readonly kind: 'first' | 'invitation';
  readonly name?: string;
  readonly agency?: string;
  /** The login the person has already: the link only sets a new password. */
  readonly login?: string | null;
}

const PASSWORD_MIN = 8;

export default function WelcomeScreen() {
  const { token } = useParams({ strict: false }) as { token: string };
  const path = `/welcome/${encodeURIComponent(token)}`;
  const query = useApi<Welcome>(path, undefined, { staleTime: Number.POSITIVE_INFINITY });
  const { data } = query;
  const isFirst = data?.kind === 'first';
  return (
    <Door
      title={isFirst ? 'Первый администратор' : 'Приглашение'}
      words={
        isFirst
          ? 'Назовите агентство и себя. Остальных сотрудников вы пригласите сами.'
          : data?.name &&
            `${data.name}, придумайте логин и пароль${data.agency ? ` для агентства «${data.agency}»` : ''}.`
      }
    >
      <Loaded query={query}>{(welcome) => <Form path={path} welcome={welcome} />}</Loaded>
    </Door>
  );
}

function Form({ path, welcome: { kind, login: known } }: { path: string; welcome: Welcome }) {
  const isFirst = kind === 'first';
  const navigate = useNavigate();
  const form = useForm({
    initialValues: { agency: '', name: '', login: known ?? '', password: '', again: '' },
    validate: {
      password: (value) =>
        value.length < PASSWORD_MIN ? `Пароль: ${value.length} из ${PASSWORD_MIN} знаков или больше.` : null,
      again: (value, { password }) => (value === password ? null : 'Пароли не совпадают. Введите тот же ещё раз.'),
    },
    validateInputOnBlur: true,
  });
  const accept = useMutation({
    mutationFn: ({ agency, name, login, password }: typeof form.values) =>
      api.send<Session>('POST', path, {
        login: login.trim(),
        password,
        ...(isFirst && { agency: agency.trim(), name: name.trim() }),
      }),
    meta: { isTold: true },
    onSuccess: (session) => {
      enter(session);
      void navigate({ to: '/', replace: true });
    },
    onError: (error) => setFieldErrors(form, error),
  });
  return (
    <form onSubmit={form.onSubmit((values) => accept.mutate(values))}>
      <Stack gap="md">
        <ProblemAlert error={accept.error} />
        {isFirst && (
          <>
            <TextInput
              label="Агентство"
              placeholder="Дом у реки"
              required
              autoFocus
              maxLength={200}
              {...form.getInputProps('agency')}
            />
            <TextInput
              label="Фамилия и имя"
              autoComplete="name"
              required
              maxLength={200}
              {...form.getInputProps('name')}
            />
          </>
        )}
        <TextInput
          label="Логин"
          description="Им вы будете входить"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          required
          minLength={2}
          maxLength={200}
          {...form.getInputProps('login')}
        />
        <PasswordInput
          label="Пароль"
          description={`От ${PASSWORD_MIN} знаков`}
          autoComplete="new-password"
          required
          {...form.getInputProps('password')}
        />
        <PasswordInput label="Пароль ещё раз" autoComplete="new-password" required {...form.getInputProps('again')} />
        <Button type="submit" size="md" fullWidth loading={accept.isPending}>
          Начать работу
        </Button>
      </Stack>
    </form>
  );
}
