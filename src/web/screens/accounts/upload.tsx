import { Checkbox, Group, List, Select, TextInput } from '@mantine/core';
import { useEffect, useState } from 'react';
import type { CabinetSums, LoadedReportAnswer } from '../../../contracts/accounts.ts';
import { showDone } from '../../parts/problem.tsx';
import {
  columnsOf,
  Lines,
  TableFileFields,
  TableForm,
  TableModal,
  Tried,
  useTableFile,
  useTableLoad,
} from '../../parts/table-file.tsx';
import { refresh } from '../../query.ts';
import { counted, dayShort, formatNumber, money } from '../../words.ts';

/** A report of a board: the file, what its columns mean, what is understood, and only then it is loaded. */
export function Upload({ cabinet, onClose }: { cabinet: CabinetSums; onClose: () => void }) {
  const path = `/cabinets/${cabinet.id}/reports`;
  const table = useTableFile(path);
  const [shape, setShape] = useState<string | null>(null);
  const [only, setOnly] = useState({ column: '', value: '' });
  const [areNegative, setAreNegative] = useState(false);
  const guess = table.peek.data?.guess;
  useEffect(() => {
    if (guess) setShape(guess.shape);
  }, [guess]);
  const more = {
    shape,
    chargesNegative: areNegative || undefined,
    only: only.column && only.value ? [`${only.column}=${only.value}`] : undefined,
  };
  const send = useTableLoad<LoadedReportAnswer>(table, more, ({ isNew, added, addedKopecks }) => {
    showDone(
      isNew
        ? `Загружено: ${counted(added, 'списание', 'списания', 'списаний')} на ${money(addedKopecks)}`
        : 'Этот файл уже загружен: ничего не изменилось',
    );
    onClose();
    void refresh('/reconciliation', `/cabinets/${cabinet.id}`, '/accounts');
  });
  const { trial } = send;
  const charges = trial?.added ? ` ${counted(trial.added, 'списание', 'списания', 'списаний')}` : '';
  return (
    <TableModal opened onClose={onClose} title={`Отчёт доски: ${cabinet.name}`}>
      <TableForm
        {...{ table, send }}
        fields={
          <>
            <TableFileFields
              label="Файл отчёта о списаниях"
              table={table}
              onColumn={() => setShape(null)}
              beside={
                cabinet.shapes.length > 0 && (
                  <Select
                    label="Известная форма"
                    clearable
                    placeholder="нет"
                    data={cabinet.shapes.map(({ code, title }) => ({ value: code, label: title }))}
                    value={shape}
                    onChange={setShape}
                  />
                )
              }
            />
            {table.peek.data && (
              <>
                <Group gap="sm" align="flex-end" grow>
                  <Select
                    label="Только строки, где"
                    placeholder="все строки"
                    clearable
                    data={columnsOf(table)}
                    value={only.column || null}
                    onChange={(column) => setOnly((was) => ({ ...was, column: column ?? '' }))}
                  />
                  {only.column && (
                    <TextInput
                      label="равно"
                      value={only.value}
                      maxLength={200}
                      onChange={(event) => setOnly({ ...only, value: event.currentTarget.value })}
                    />
                  )}
                </Group>
                <Checkbox
                  label="В файле списания со знаком минус, а возвраты без него"
                  checked={areNegative}
                  onChange={(event) => setAreNegative(event.currentTarget.checked)}
                />
              </>
            )}
          </>
        }
        tried={trial && <TriedReport told={trial} />}
        loads={trial && `Загрузить${charges}`}
        onCancel={onClose}
      />
    </TableModal>
  );
}

/** What was understood. */
function TriedReport({ told }: { told: LoadedReportAnswer }) {
  const { added, addedKopecks, known, from, until, strangers, unaddressed, left, clashing, clashes, ...rest } = told;
  return (
    <Tried
      {...rest}
      isPartly={rest.bad > 0 || clashing > 0}
      title={`Понято: ${counted(added, 'новое списание', 'новых списания', 'новых списаний')} на ${money(addedKopecks)}, ${dayShort(from)} – ${dayShort(until)}`}
      before={
        <>
          {known > 0 && <List.Item>Уже загружены раньше: {formatNumber(known)}.</List.Item>}
          {strangers > 0 && <List.Item>Не из этого кабинета: {formatNumber(strangers)}.</List.Item>}
          {unaddressed > 0 && <List.Item>Без объявления: {formatNumber(unaddressed)}.</List.Item>}
          {left > 0 && <List.Item>Пропущены по условию: {formatNumber(left)}.</List.Item>}
        </>
      }
      after={
        <>
          {clashing > 0 && (
            <List.Item>
              Не загрузятся, номер операции занят: {counted(clashing, 'строка', 'строки', 'строк')}.
            </List.Item>
          )}
          <Lines format={rest.format} rows={clashes} count={clashing} tell={({ text }) => `. ${text}`} />
        </>
      }
      note="Загруженное не изменить и не удалить."
    />
  );
}
