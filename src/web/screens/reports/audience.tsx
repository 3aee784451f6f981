import { Button, List, Select, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPhone } from '@tabler/icons-react';
import { useState } from 'react';
import type { AudienceCabinets, LoadedAudienceAnswer } from '../../../contracts/audience.ts';
import { placeTold } from '../../../contracts/words.ts';
import { showDone } from '../../parts/problem.tsx';
import { Empty, Loaded } from '../../parts/states.tsx';
import {
  Lines,
  TableFileFields,
  TableForm,
  TableModal,
  Tried,
  useTableFile,
  useTableLoad,
} from '../../parts/table-file.tsx';
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
      <TableModal opened={isOpen} onClose={dialog.close} title="Просмотры и звонки">
        {isOpen && <Cabinets onDone={dialog.close} />}
      </TableModal>
    </>
  );
}

function Cabinets({ onDone }: { onDone: () => void }) {
  const cabinets = useApi<AudienceCabinets>('/audience');
  return (
    <Loaded query={cabinets}>
      {({ data }) =>
        data.length === 0 ? (
          <Empty title="Загружать некуда" words="В вашей части агентства нет кабинетов на досках." />
        ) : (
          <Calls cabinets={data} onDone={onDone} />
        )
      }
    </Loaded>
  );
}

const days = (count: number) => counted(count, 'день объекта', 'дня объектов', 'дней объектов');

function Calls({ cabinets, onDone }: { cabinets: AudienceCabinets['data']; onDone: () => void }) {
  // Chosen once: a list that comes again in another order sends the file nowhere else.
  const [chosen, setChosen] = useState(String(cabinets[0]!.id));
  const table = useTableFile(`/cabinets/${chosen}/audience`);
  const send = useTableLoad<LoadedAudienceAnswer>(table, {}, ({ added, replaced }) => {
    showDone(`Загружено: ${days(added + replaced)}`);
    onDone();
    void refresh('/reports/money');
  });
  const change = send.trial ? send.trial.added + send.trial.replaced : 0;
  return (
    <TableForm
      {...{ table, send }}
      fields={
        <>
          <Text size="sm">
            Цену звонка отчёт считает из чисел, которые дают доска или телефония: по строке на объявление и день. Пустая
            ячейка – не известно, а не ноль.
          </Text>
          <Select
            label="Кабинет"
            allowDeselect={false}
            searchable={cabinets.length > 8}
            value={chosen}
            data={cabinets.map(({ id, name }) => ({ value: String(id), label: name }))}
            onChange={(id) => id !== null && setChosen(id)}
          />
          <TableFileFields label="Файл с просмотрами и звонками" table={table} />
        </>
      }
      tried={send.trial && <TriedAudience told={send.trial} />}
      loads={change > 0 ? `Загрузить ${days(change)}` : null}
      onCancel={onDone}
    />
  );
}

function TriedAudience({ told }: { told: LoadedAudienceAnswer }) {
  const { format, rows, added, replaced, same, from, until, unknown, unknownRows, repeated, repeatedRows } = told;
  const span = from === null ? 'подходящих строк нет' : `${dayShort(from)} – ${dayShort(until!)}`;
  return (
    <Tried
      title={`Прочитано: ${counted(rows, 'строка', 'строки', 'строк')}, ${span}`}
      format={format}
      isPartly={unknownRows + repeatedRows + told.badRows > 0}
      before={
        <List.Item>
          Новых: {days(added)}; исправлено {formatNumber(replaced)}; без изменений {formatNumber(same)}.
        </List.Item>
      }
      bad={told.badRows}
      badRows={told.bad}
      after={
        <>
          {unknownRows > 0 && (
            <List.Item>Не из этого кабинета: {counted(unknownRows, 'строка', 'строки', 'строк')}.</List.Item>
          )}
          <Lines format={format} rows={unknown} count={unknownRows} tell={({ name }) => `: ${name}.`} />
          {repeatedRows > 0 && (
            <List.Item>
              Объект и день повторены, взята последняя: {counted(repeatedRows, 'строка', 'строки', 'строк')}.
            </List.Item>
          )}
          <Lines
            format={format}
            rows={repeated}
            count={repeatedRows}
            tell={({ name, heldLine }) => `: ${name}, взята ${placeTold(format, heldLine)}.`}
          />
        </>
      }
      note="Повторная загрузка заменяет числа и ничего не удваивает."
    />
  );
}
