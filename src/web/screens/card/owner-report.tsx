import { Alert, Anchor, Button, Group, Modal, NumberInput, Stack, Table, Text } from '@mantine/core';
import { IconDownload, IconLink } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import type { MadeOwnerLink, OwnerLinks } from '../../../contracts/owner-report.ts';
import { OWNER_LINK_DAYS, OWNER_LINK_DAYS_MAX } from '../../../contracts/words.ts';
import { addressOf, api } from '../../api.ts';
import { confirm } from '../../parts/confirm.tsx';
import { ProblemAlert, showDone } from '../../parts/problem.tsx';
import { Loaded, Skeletons } from '../../parts/states.tsx';
import { ToCopy } from '../../parts/to-copy.tsx';
import { refresh, useApi } from '../../query.ts';
import { moment } from '../../words.ts';

/** «Отчёт собственнику»: a link for the owner, the links that hold, and the same as a file. */
export function OwnerReportDialog({
  listingId,
  isOpen,
  onClose,
}: {
  listingId: number;
  isOpen: boolean;
  onClose: () => void;
}) {
  return (
    <Modal opened={isOpen} onClose={onClose} size="lg" title="Отчёт собственнику">
      {isOpen && <Content listingId={listingId} />}
    </Modal>
  );
}

function Content({ listingId }: { listingId: number }) {
  const path = `/listings/${listingId}/owner-links`;
  const links = useApi<OwnerLinks>(path);
  const [days, setDays] = useState<number | ''>(OWNER_LINK_DAYS);
  const make = useMutation({
    mutationFn: () => api.send<MadeOwnerLink>('POST', path, { days }),
    meta: { isTold: true },
    onSuccess: () => refresh(path),
  });
  const revoke = useMutation({
    mutationFn: (id: string) => api.send('DELETE', `${path}/${id}`),
    onSuccess: async (_, id) => {
      if (make.data?.id === id) make.reset();
      showDone('Ссылка отозвана');
      await refresh(path);
    },
  });
  const askRevoke = async (id: string) => {
    const isSure = await confirm({
      title: 'Отозвать ссылку?',
      words: 'Кто откроет её теперь, увидит, что она больше не действует.',
      action: 'Отозвать',
      isDanger: true,
    });
    if (isSure) revoke.mutate(id);
  };
  return (
    <Stack gap="md">
      <Text size="sm">
        Собственник увидит, где и сколько дней размещали объект, когда площадки забирали файл, просмотры и звонки, если
        они известны, и что мешает сейчас. Расходов агентства, телефонов и внутренних заметок в отчёте нет.
      </Text>
      <Group align="end" gap="sm">
        <NumberInput
          label="Ссылка действует, дней"
          w={190}
          min={1}
          max={OWNER_LINK_DAYS_MAX}
          allowDecimal={false}
          value={days}
          onChange={(value) => setDays(typeof value === 'number' ? value : '')}
        />
        <Button
          leftSection={<IconLink size={16} aria-hidden />}
          loading={make.isPending}
          disabled={days === ''}
          onClick={() => make.mutate()}
        >
          Дать ссылку
        </Button>
        <Button
          component="a"
          href={addressOf(`/listings/${listingId}/owner-report.pdf`)}
          download
          variant="default"
          leftSection={<IconDownload size={16} aria-hidden />}
        >
          Скачать PDF
        </Button>
      </Group>
      {make.error && <ProblemAlert error={make.error} />}
      {make.data && (
        <Alert color="blue" variant="light" role="status">
          <ToCopy label="Новая ссылка" value={make.data.url} />
          <Text size="sm" mt="xs">
            Скопируйте её сейчас: больше этот адрес нигде не показывается.{' '}
            <Anchor href={make.data.url} target="_blank" rel="noreferrer noopener" size="sm" underline="always">
              Посмотреть, что увидит собственник
            </Anchor>
          </Text>
        </Alert>
      )}
      <Loaded query={links} skeleton={<Skeletons rows={2} />}>
        {({ data }) =>
          data.length === 0 ? (
            <Text size="sm" c="dimmed">
              Действующих ссылок нет.
            </Text>
          ) : (
            <Table.ScrollContainer minWidth={480}>
              <Table>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>Дана</Table.Th>
                    <Table.Th>Действует до</Table.Th>
                    <Table.Th>Страницу запрашивали</Table.Th>
                    <Table.Th>
                      <span className="heard">Что можно сделать</span>
                    </Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {data.map(({ id, by, createdAt, expiresAt, lastSeenAt }) => (
                    <Table.Tr key={id}>
                      <Table.Td>
                        {moment(createdAt)}
                        <Text size="xs" c="dimmed">
                          {by}
                        </Text>
                      </Table.Td>
                      <Table.Td>{moment(expiresAt)}</Table.Td>
                      <Table.Td>{lastSeenAt === null ? 'ещё нет' : moment(lastSeenAt)}</Table.Td>
                      <Table.Td ta="right">
                        <Button
                          size="compact-sm"
                          variant="subtle"
                          color="red"
                          aria-label={`Отозвать ссылку от ${moment(createdAt)}`}
                          onClick={() => void askRevoke(id)}
                        >
                          Отозвать
                        </Button>
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )
        }
      </Loaded>
    </Stack>
  );
}
