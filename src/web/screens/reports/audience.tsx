import { Button, Group, List, Modal, Select, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPhone } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import type { AudienceCabinets, LoadedAudienceAnswer } from '../../../contracts/audience.ts';
import { api } from '../../api.ts';
import { ProblemAlert, showDone } from '../../parts/problem.tsx';
import { Empty, Loaded } from '../../parts/states.tsx';
import { Lines, TableFileFields, Tried, useTableFile } from '../../parts/table-file.tsx';
import { refresh, useApi } from '../../query.ts';
import { useMay } from '../../session.ts';
import { counted, dayShort, formatNumber } from '../../words.ts';

/** «Загрузить звонки…»: views and calls from a file, for whoever may; first it is shown what was understood. */
export function AudienceButton() {
  const may = useMay();
  const [isOpen, dialog] = useDisclosure();
  if (!may('reconciliation')) return null;
  return (
    <>
      <Button variant="default" leftSection={<IconPhone size={16} aria-hidden />} onClick={dialog.open}>
        Загрузить звонки…
      </Button>
      <Modal opened={isOpen} onClose={dialog.close} title="Просмотры и звонки" size="xl">
        {isOpen && <Cabinets onDone={dialog.close} />}
      </Modal>
    </>
  );
}

function Cabinets({ onDone }: { onDone: () => void }) {
  const cabinets = useApi<AudienceCabinets>('/audience');
  const [id, setId] = useState<string | null>(null);
  return (
    <Loaded query={cabinets}>
      {({ data }) => {
        const chosen = id ?? String(data[0]?.id ?? '');
        return chosen === '' ? (
          <Empty title="Загружать некуда" words="В вашей части агентства нет кабинетов на досках." />
        ) : (
          <Stack gap="md">
            <Text size="sm">
              Цену звонка отчёт считает из чисел, которые дают доска или телефония: по строке на объявление и день.
              Пустая ячейка – не известно, а не ноль.
            </Text>
            <Select
              label="Кабинет"
              allowDeselect={false}
              searchable={data.length > 8}
              value={chosen}
              data={data.map(({ id, name }) => ({ value: String(id), label: name }))}
              onChange={setId}
            />
            <OfCabinet key={chosen} path={`/cabinets/${chosen}/audience`} onDone={onDone} />
          </Stack>
        );
      }}
    </Loaded>
  );
}

const days = (count: number) => counted(count, 'день объекта', 'дня объектов', 'дней объектов');

function OfCabinet({ path, onDone }: { path: string; onDone: () => void }) {
  const table = useTableFile(path);
  const [tried, setTried] = useState('');
  const send = useMutation({
    mutationFn: (isTrial: boolean) =>
      api.send<LoadedAudienceAnswer>('POST', path, table.bytes(), {
        query: { ...table.query, trial: isTrial || undefined },
      }),
    meta: { isTold: true },
    onSuccess: async ({ isTrial, added, replaced }) => {
      if (isTrial) return;
      showDone(`Загружено: ${days(added + replaced)}`);
      onDone();
      await refresh('/reports/money');
    },
  });
  const trial = tried === table.key && send.data?.isTrial ? send.data : null;
  const change = trial ? trial.added + trial.replaced : 0;
  return (
    <>
      <TableFileFields label="Файл с просмотрами и звонками" table={table} />
      <ProblemAlert error={send.error} />
      {trial && <TriedAudience told={trial} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={onDone}>
          Отмена
        </Button>
        <Button
          variant={change > 0 ? 'default' : 'filled'}
          disabled={!table.peek.data}
          loading={send.isPending && send.variables}
          onClick={() => {
            setTried(table.key);
            send.mutate(true);
          }}
        >
          Проверить
        </Button>
        {change > 0 && (
          <Button loading={send.isPending && !send.variables} onClick={() => send.mutate(false)}>
            Загрузить {days(change)}
          </Button>
        )}
      </Group>
    </>
  );
}

function TriedAudience({ told }: { told: LoadedAudienceAnswer }) {
  const { rows, added, replaced, same, from, until, unknown, unknownRows, repeated, repeatedRows, badRows, bad } = told;
  const span = from === null ? 'подходящих строк нет' : `${dayShort(from)} – ${dayShort(until!)}`;
  return (
    <Tried
      title={`Прочитано: ${counted(rows, 'строка', 'строки', 'строк')}, ${span}`}
      isPartly={unknownRows + repeatedRows + badRows > 0}
      before={
        <List.Item>
          Новых: {days(added)}; исправлено {formatNumber(replaced)}; без изменений {formatNumber(same)}.
        </List.Item>
      }
      bad={badRows}
      badRows={bad}
      after={
        <>
          {unknownRows > 0 && (
            <List.Item>Не из этого кабинета: {counted(unknownRows, 'строка', 'строки', 'строк')}.</List.Item>
          )}
          <Lines rows={unknown} count={unknownRows} tell={({ name }) => `: ${name}.`} />
          {repeatedRows > 0 && (
            <List.Item>
              Объект и день повторены, взята последняя: {counted(repeatedRows, 'строка', 'строки', 'строк')}.
            </List.Item>
          )}
          <Lines
            rows={repeated}
            count={repeatedRows}
            tell={({ name, heldLine }) => `: ${name}, взята строка ${heldLine}.`}
          />
        </>
      }
      note="Повторная загрузка заменяет числа и ничего не удваивает."
    />
  );
}
