import {
  Alert,
  Button,
  Code,
  Group,
  Modal,
  PasswordInput,
  SegmentedControl,
  Stack,
  Switch,
  Table,
  Text,
  useMantineColorScheme,
} from '@mantine/core';
import { useForm } from '@mantine/form';
import { IconShieldCheck, IconShieldOff } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import type { Static } from 'typebox';
import type { SessionRowSchema } from '../../contracts/session.ts';
import { api } from '../api.ts';
import { switchLetters, useKeysInForce } from '../hotkeys.ts';

import { Chip } from '../parts/chip.tsx';
import { CodeInput } from '../parts/code-input.tsx';
import { Page, Sheet } from '../parts/page.tsx';
import { ProblemAlert, setFieldErrors, showDone } from '../parts/problem.tsx';
import { Loaded } from '../parts/states.tsx';
import { refresh, useApi } from '../query.ts';
import { renewSession, useSession } from '../session.ts';
import { momentNear } from '../words.ts';
import classes from './profile.module.css';

type SessionRow = Static<typeof SessionRowSchema>;

export default function Profile() {
  const session = useSession();
  const { person, grants } = session;
  return (
    <Page
      title={person.name}
      width="read"
      words={[`логин ${person.login}`, ...grants.map(({ label }) => label)].join(' · ')}
    >
      {session.secondFactor.isNeeded && !session.secondFactor.isOn && (
        <Alert color="money" variant="light" title="Включите второй фактор">
          Вы распоряжаетесь деньгами или правами: пока второй фактор не включён, эти действия закрыты.
        </Alert>
      )}
      <Look />
      <Password />
      <SecondFactor />
      <Sessions />
    </Page>
  );
}

function Look() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { areLettersOn } = useKeysInForce();
  return (
    <Sheet title="Вид и клавиши">
      <Stack gap="md">
        <SegmentedControl
          aria-label="Тема"
          value={colorScheme}
          onChange={(value) => setColorScheme(value as typeof colorScheme)}
          data={[
            { value: 'auto', label: 'Как в системе' },
            { value: 'light', label: 'Светлая' },
            { value: 'dark', label: 'Тёмная' },
          ]}
          maw={420}
        />
        <Switch
          label="Клавиши из одной буквы"
          description="J, K, X и другие; работают и в русской раскладке, в полях ввода не действуют. Список: клавиша «?»."
          checked={areLettersOn}
          onChange={(event) => switchLetters(event.currentTarget.checked)}
        />
      </Stack>
    </Sheet>
  );
}

const PASSWORD_MIN = 8;

function Password() {
  const form = useForm({
    initialValues: { old: '', password: '', again: '' },
    validate: {
      password: (value) =>
        value.length < PASSWORD_MIN ? `Пароль: ${value.length} из ${PASSWORD_MIN} знаков или больше.` : null,
      again: (value, { password }) => (value === password ? null : 'Пароли не совпадают. Введите тот же ещё раз.'),
    },
  });
  const change = useMutation({
    mutationFn: ({ old, password }: typeof form.values) => api.send('POST', '/session/password', { old, password }),
    meta: { isTold: true },
    onSuccess: async () => {
      form.reset();
      showDone('Пароль изменён, другие сеансы завершены');
      await Promise.all([renewSession(), refresh('/session/all')]);
    },
    onError: (error) => setFieldErrors(form, error),
  });
  const { login } = useSession().person;
  return (
    <Sheet title="Пароль">
      <form onSubmit={form.onSubmit((values) => change.mutate(values))}>
        <Stack gap="sm" maw={420}>
          <ProblemAlert error={change.error} isBrief />
          <input type="hidden" name="username" autoComplete="username" value={login} />
          <PasswordInput
            label="Нынешний пароль"
            autoComplete="current-password"
            required
            {...form.getInputProps('old')}
          />
          <PasswordInput
            label="Новый пароль"
            description={`От ${PASSWORD_MIN} знаков`}
            autoComplete="new-password"
            required
            {...form.getInputProps('password')}
          />
          <PasswordInput
            label="Новый пароль ещё раз"
            autoComplete="new-password"
            required
            {...form.getInputProps('again')}
          />
          <Group>
            <Button type="submit" variant="default" loading={change.isPending}>
              Сменить пароль
            </Button>
          </Group>
        </Stack>
      </form>
    </Sheet>
  );
}

interface Secret {
  readonly secret: string;
  readonly uri: string;
  readonly svg: string;
}

function SecondFactor() {
  const { secondFactor } = useSession();
  const [isEnding, setIsEnding] = useState(false);
  const begin = useMutation({ mutationFn: () => api.send<Secret>('POST', '/session/second-factor') });
  return (
    <Sheet
      title="Второй фактор"
      aside={
        secondFactor.isOn ? (
          <Chip tone="ok" icon={IconShieldCheck} words="включён" />
        ) : (
          <Chip tone={secondFactor.isNeeded ? 'money' : 'neutral'} icon={IconShieldOff} words="выключен" />
        )
      }
    >
      <Text size="sm" mb="sm">
        Кроме пароля вход спросит шесть цифр из приложения на телефоне: подойдёт любое с кодами TOTP, например Яндекс
        Ключ или Google Authenticator.
      </Text>
      {secondFactor.isOn ? (
        <Button variant="default" onClick={() => setIsEnding(true)}>
          Выключить
        </Button>
      ) : (
        <Button loading={begin.isPending} onClick={() => begin.mutate()}>
          Включить
        </Button>
      )}
      <Modal opened={begin.data !== undefined} onClose={begin.reset} title="Подключите приложение">
        {begin.data && <SecretForm secret={begin.data} onDone={begin.reset} />}
      </Modal>
      <Modal opened={isEnding} onClose={() => setIsEnding(false)} title="Выключить второй фактор">
        <OffForm onDone={() => setIsEnding(false)} />
      </Modal>
    </Sheet>
  );
}

function SecretForm({ secret, onDone }: { secret: Secret; onDone: () => void }) {
  const form = useForm({ initialValues: { code: '', password: '' } });
  const confirm = useMutation({
    mutationFn: ({ code, password }: typeof form.values) =>
      api.send('PUT', '/session/second-factor', { secret: secret.secret, code, password }),
    meta: { isTold: true },
    onSuccess: async () => {
      await renewSession();
      showDone('Второй фактор включён');
      onDone();
    },
  });
  return (
    <form onSubmit={form.onSubmit((values) => confirm.mutate(values))}>
      <Stack gap="md">
        <Text size="sm">Откройте приложение, добавьте запись и наведите камеру на картинку.</Text>
        <img className={classes.qr} src={picture(secret.svg)} alt="QR-код для приложения" width={200} height={200} />
        <Text size="sm">
          Или введите ключ руками: <Code>{secret.secret}</Code>
        </Text>
        <ProblemAlert error={confirm.error} isBrief />
        <CodeInput data-autofocus {...form.getInputProps('code')} />
        <PasswordInput
          label="Ваш пароль"
          autoComplete="current-password"
          required
          {...form.getInputProps('password')}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={onDone}>
            Отмена
          </Button>
          <Button type="submit" loading={confirm.isPending}>
            Включить
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

const picture = (svg: string) => `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;

function OffForm({ onDone }: { onDone: () => void }) {
  const form = useForm({ initialValues: { password: '', code: '' } });
  const off = useMutation({
    mutationFn: (values: typeof form.values) => api.send('POST', '/session/second-factor/off', values),
    meta: { isTold: true },
    onSuccess: async () => {
      await renewSession();
      showDone('Второй фактор выключен');
      onDone();
    },
  });
  return (
    <form onSubmit={form.onSubmit((values) => off.mutate(values))}>
      <Stack gap="md">
        <ProblemAlert error={off.error} isBrief />
        <PasswordInput
          label="Ваш пароль"
          autoComplete="current-password"
          required
          data-autofocus
          {...form.getInputProps('password')}
        />
        <CodeInput {...form.getInputProps('code')} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onDone}>
            Отмена
          </Button>
          <Button type="submit" color="error" loading={off.isPending}>
            Выключить
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** In the order they are asked: Edge and Opera call themselves Chrome too, and Chrome calls itself Safari. */
const BROWSERS = [
  ['YaBrowser', 'Яндекс Браузер'],
  ['Edg', 'Edge'],
  ['OPR', 'Opera'],
  ['Firefox', 'Firefox'],
  ['Chrome', 'Chrome'],
  ['Safari', 'Safari'],
] as const;
const SYSTEMS = [
  ['Android', 'Android'],
  ['iPhone', 'iPhone'],
  ['iPad', 'iPad'],
  ['Windows', 'Windows'],
  ['Mac OS', 'macOS'],
  ['Linux', 'Linux'],
] as const;

/** «Chrome, Windows» of what a browser says of itself; what says nothing known stays as it is. */
function deviceOf(userAgent: string): string {
  const named = (names: readonly (readonly [string, string])[]) =>
    names.find(([sign]) => userAgent.includes(sign))?.[1];
  return [named(BROWSERS), named(SYSTEMS)].filter(Boolean).join(', ') || userAgent;
}

function Sessions() {
  const query = useApi<SessionRow[]>('/session/all');
  const end = useMutation({
    mutationFn: (id: string) => api.send('DELETE', `/session/all/${encodeURIComponent(id)}`),
    onSettled: () => refresh('/session/all'),
  });
  const hasOthers = query.data?.some((row) => !row.isThis) ?? false;
  return (
    <Sheet
      title="Сеансы"
      aside={
        hasOthers && (
          <Button
            size="compact-sm"
            variant="default"
            loading={end.isPending && end.variables === 'others'}
            onClick={() => end.mutate('others')}
          >
            Завершить все, кроме этого
          </Button>
        )
      }
    >
      <Loaded query={query}>
        {(rows) => (
          <Table.ScrollContainer minWidth={520}>
            <Table aria-label="Сеансы">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>Устройство</Table.Th>
                  <Table.Th>Адрес</Table.Th>
                  <Table.Th>Вход</Table.Th>
                  <Table.Th>Был активен</Table.Th>
                  <Table.Th>
                    <span className="heard">Действие</span>
                  </Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {rows.map((row) => (
                  <Table.Tr key={row.id} h={44}>
                    <Table.Td title={row.device}>{deviceOf(row.device)}</Table.Td>
                    <Table.Td>{row.address ?? '–'}</Table.Td>
                    <Table.Td>{momentNear(row.since)}</Table.Td>
                    <Table.Td>{row.isThis ? 'этот сеанс' : momentNear(row.seenAt)}</Table.Td>
                    <Table.Td ta="end">
                      {!row.isThis && (
                        <Button
                          size="compact-sm"
                          variant="subtle"
                          aria-label={`Завершить: ${deviceOf(row.device)}`}
                          onClick={() => end.mutate(row.id)}
                        >
                          Завершить
                        </Button>
                      )}
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Loaded>
    </Sheet>
  );
}
