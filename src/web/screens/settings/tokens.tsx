import { Alert, Anchor, Button, Checkbox, Group, Modal, Stack, Table, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useDisclosure } from '@mantine/hooks';
import { IconPlus } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import type { MadeToken, Token, Tokens as TokensAnswer } from '../../../contracts/tokens.ts';
import { api } from '../../api.ts';
import { confirm } from '../../parts/confirm.tsx';
import { Page, Sheet } from '../../parts/page.tsx';
import { ProblemAlert, setFieldErrors, showDone } from '../../parts/problem.tsx';
import { Empty, Loaded } from '../../parts/states.tsx';
import { ToCopy } from '../../parts/to-copy.tsx';
import { refresh, useApi } from '../../query.ts';
import { useSession } from '../../session.ts';
import { moment, momentNear } from '../../words.ts';
import { PersonSelect } from './person-select.tsx';

/** Keys for programs. */
export default function Tokens() {
  const query = useApi<TokensAnswer>('/tokens');
  const [isOpen, dialog] = useDisclosure();
  return (
    <Page
      title="Ключи API"
      back={{ to: '/settings', words: 'К настройкам' }}
      words={
        <>
          Программа с ключом может не больше, чем его сотрудник, и только то, что ключу дано. Описание API:{' '}
          <Anchor href="/api/docs" size="sm" underline="always">
            /api/docs
          </Anchor>
          .
        </>
      }
      actions={
        <Button leftSection={<IconPlus size={16} />} onClick={dialog.open}>
          Ключ
        </Button>
      }
    >
      <Loaded query={query}>
        {({ data, scopes }) => (
          <>
            {data.length === 0 ? (
              <Empty
                title="Ключей ещё нет"
                words="Ключ нужен, чтобы CRM сама присылала объекты и забирала замечания."
                action={{ words: 'Выдать ключ', onClick: dialog.open }}
              />
            ) : (
              <Sheet>
                <Rows tokens={data} labels={new Map(scopes.map(({ scope, label }) => [scope, label]))} />
              </Sheet>
            )}
            <Modal opened={isOpen} onClose={dialog.close} title="Новый ключ API" size="lg">
              <NewToken scopes={scopes} onDone={dialog.close} />
            </Modal>
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Rows({ tokens, labels }: { tokens: readonly Token[]; labels: ReadonlyMap<string, string> }) {
  const revoke = useMutation({
    mutationFn: ({ id }: Token) => api.send('DELETE', `/tokens/${id}`),
    onSuccess: async (_, { name }) => {
      await refresh('/tokens');
      showDone(`Ключ «${name}» отозван`);
    },
  });
  const ask = async (token: Token) => {
    const isSure = await confirm({
      title: `Отозвать ключ «${token.name}»?`,
      words: 'Программа с этим ключом сразу перестанет работать. Вернуть ключ нельзя, можно выдать новый.',
      action: 'Отозвать',
      isDanger: true,
    });
    if (isSure) revoke.mutate(token);
  };
  return (
    <Table.ScrollContainer minWidth={760}>
      <Table aria-label="Ключи API" verticalSpacing="sm">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Ключ</Table.Th>
            <Table.Th>Чьи права</Table.Th>
            <Table.Th>Что может</Table.Th>
            <Table.Th>Выдан</Table.Th>
            <Table.Th>Последний раз</Table.Th>
            <Table.Th>
              <span className="heard">Действие</span>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {tokens.map((token) => (
            <Table.Tr key={token.id}>
              <Table.Th scope="row">{token.name}</Table.Th>
              <Table.Td>
                {token.employee.name}
                {!token.employee.isActive && (
                  <Text size="sm" c="var(--tone-error)">
                    ушёл: ключ не работает
                  </Text>
                )}
              </Table.Td>
              <Table.Td>{token.scopes.map((scope) => labels.get(scope) ?? scope).join('; ')}</Table.Td>
              <Table.Td title={token.by}>{moment(token.createdAt)}</Table.Td>
              <Table.Td>{token.lastUsedAt === null ? 'ни разу' : momentNear(token.lastUsedAt)}</Table.Td>
              <Table.Td ta="end">
                <Button
                  size="compact-sm"
                  variant="subtle"
                  color="error"
                  aria-label={`Отозвать: ${token.name}`}
                  onClick={() => void ask(token)}
                >
                  Отозвать
                </Button>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function NewToken({ scopes, onDone }: { scopes: TokensAnswer['scopes']; onDone: () => void }) {
  const { person } = useSession();
  const [made, setMade] = useState<MadeToken | null>(null);
  const form = useForm({
    initialValues: { name: '', employeeId: person.id as number | null, scopes: [] as string[] },
    validate: {
      name: (value) => (value.trim() === '' ? 'Назовите программу, например CRM.' : null),
      employeeId: (value) => (value === null ? 'Выберите, чьи права у ключа.' : null),
      scopes: (value) => (value.length === 0 ? 'Выберите хотя бы одно.' : null),
    },
  });
  const make = useMutation({
    mutationFn: (values: typeof form.values) => api.send<MadeToken>('POST', '/tokens', values),
    meta: { isTold: true },
    onSuccess: async (token) => {
      setMade(token);
      await refresh('/tokens');
    },
    onError: (error) => setFieldErrors(form, error),
  });
  if (made) return <Shown token={made.token} onDone={onDone} />;
  return (
    <form onSubmit={form.onSubmit((values) => make.mutate(values))}>
      <Stack gap="md">
        <ProblemAlert error={make.error} />
        <TextInput
          label="Для чего"
          placeholder="CRM"
          required
          maxLength={100}
          data-autofocus
          {...form.getInputProps('name')}
        />
        <PersonSelect
          label="Чьи права"
          description="Ключ видит и меняет то же, что этот сотрудник, и его имя стоит в журнале"
          known={{ id: person.id, name: person.name }}
          {...form.getInputProps('employeeId')}
        />
        <Checkbox.Group label="Что может" required {...form.getInputProps('scopes')}>
          <Stack gap="xs" mt="xs">
            {scopes.map(({ scope, label }) => (
              <Checkbox key={scope} value={scope} label={label} />
            ))}
          </Stack>
        </Checkbox.Group>
        <Group justify="flex-end">
          <Button variant="default" onClick={onDone}>
            Отмена
          </Button>
          <Button type="submit" loading={make.isPending}>
            Выдать
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Shown({ token, onDone }: { token: string; onDone: () => void }) {
  return (
    <Stack gap="md">
      <Alert color="money" variant="light" title="Скопируйте ключ сейчас">
        Больше он нигде не показывается. Потеряли — отзовите и выдайте новый.
      </Alert>
      <ToCopy label="Ключ" value={token} isFirst />
      <Group justify="flex-end">
        <Button onClick={onDone}>Готово</Button>
      </Group>
    </Stack>
  );
}
