import {
  Alert,
  Button,
  Checkbox,
  FileInput,
  Group,
  List,
  Modal,
  Select,
  SimpleGrid,
  Stack,
  Table,
  Text,
  TextInput,
} from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { CabinetSums, LoadedReportAnswer, Peek } from '../../../contracts/accounts.ts';
import { api, type Query } from '../../api.ts';
import { DayInput } from '../../parts/day-field.tsx';
import { ProblemAlert, showDone } from '../../parts/problem.tsx';
import { refresh } from '../../query.ts';
import { counted, dayShort, formatNumber, money } from '../../words.ts';
import classes from './accounts.module.css';

const ENCODINGS = [
  { value: 'utf-8', label: 'UTF-8' },
  { value: 'windows-1251', label: 'windows-1251' },
];
const DELIMITERS = [
  { value: 'semicolon', label: 'точка с запятой' },
  { value: 'comma', label: 'запятая' },
  { value: 'tab', label: 'табуляция' },
];

type Columns = Readonly<Record<string, string>>;

/** A report of a board: the file, what its columns mean, what is understood, and only then it is loaded. */
export function Upload({ cabinet, onClose }: { cabinet: CabinetSums; onClose: () => void }) {
  const [file, setFile] = useState<File | null>(null);
  const [encoding, setEncoding] = useState<string | null>(null);
  const [delimiter, setDelimiter] = useState<string | null>(null);
  const [rows, setRows] = useState<string | null>(null);
  const [columns, setColumns] = useState<Columns>({});
  const [shape, setShape] = useState<string | null>(null);
  const [onDay, setOnDay] = useState<string | null>(null);
  const [only, setOnly] = useState({ column: '', value: '' });
  const [areNegative, setAreNegative] = useState(false);
  // A blob of a kind of its own: whatever the browser takes a file of that name for, we take its bytes.
  const bytes = () => new Blob([file!], { type: 'application/octet-stream' });
  const reading: Query = { encoding, delimiter, rows };
  const path = `/cabinets/${cabinet.id}/reports`;
  const peek = useQuery<Peek, Error>({
    queryKey: ['peek', cabinet.id, file?.name, file?.size, file?.lastModified, encoding, delimiter, rows],
    queryFn: () => api.send('POST', `${path}/peek`, bytes(), { query: reading }),
    enabled: file !== null,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const guess = peek.data?.guess;
  // What is guessed is a beginning; whatever a person changes stays.
  useEffect(() => {
    if (!guess) return;
    setColumns(guess.columns);
    setShape(guess.shape);
  }, [guess]);
  const query = (isTrial: boolean): Query => ({
    ...reading,
    ...columns,
    shape,
    onDay,
    name: file?.name,
    chargesNegative: areNegative || undefined,
    only: only.column && only.value ? [`${only.column}=${only.value}`] : undefined,
    trial: isTrial || undefined,
  });
  const send = useMutation({
    mutationFn: (isTrial: boolean) => api.send<LoadedReportAnswer>('POST', path, bytes(), { query: query(isTrial) }),
    meta: { isTold: true },
    onSuccess: (answer) => {
      if (answer.isTrial) return;
      showDone(
        answer.isNew
          ? `Загружено: ${counted(answer.added, 'списание', 'списания', 'списаний')} на ${money(answer.addedKopecks)}`
          : 'Этот файл уже загружен: ничего не изменилось',
      );
      onClose();
      void refresh('/reconciliation', `/cabinets/${cabinet.id}`, '/accounts');
    },
  });
  // What was tried was tried with these words only.
  const wanted = JSON.stringify([query(false), file?.name, file?.lastModified]);
  const [tried, setTried] = useState('');
  const trial = tried === wanted && send.data?.isTrial ? send.data : null;
  const set = (role: string, column: string | null) => {
    setShape(null);
    setColumns(({ [role]: _, ...others }) => (column === null ? others : { ...others, [role]: column }));
  };
  return (
    <Modal opened onClose={onClose} title={`Отчёт доски: ${cabinet.name}`} size="xl">
      <Stack gap="md">
        <FileInput
          label="Файл отчёта о списаниях"
          description="CSV или JSON. Книгу Excel сохраните как «CSV UTF-8»."
          placeholder="Выберите файл"
          accept=".csv,.txt,.tsv,.json,text/csv,application/json"
          clearable
          data-autofocus
          value={file}
          onChange={(next) => {
            setFile(next);
            setEncoding(null);
            setDelimiter(null);
            setRows(null);
          }}
        />
        <ProblemAlert error={peek.error} />
        {peek.data && (
          <>
            <Group gap="sm" grow>
              <Select
                label="Кодировка"
                data={ENCODINGS}
                allowDeselect={false}
                value={peek.data.encoding}
                onChange={setEncoding}
              />
              {peek.data.format === 'csv' && (
                <Select
                  label="Столбцы разделяет"
                  data={DELIMITERS}
                  allowDeselect={false}
                  value={peek.data.delimiter}
                  onChange={setDelimiter}
                />
              )}
              {peek.data.lists.length > 1 && (
                <Select
                  label="Список записей"
                  data={[...peek.data.lists]}
                  value={rows ?? peek.data.lists[0]!}
                  allowDeselect={false}
                  onChange={setRows}
                />
              )}
              {cabinet.shapes.length > 0 && (
                <Select
                  label="Известная форма"
                  clearable
                  placeholder="нет"
                  data={cabinet.shapes.map(({ code, title }) => ({ value: code, label: title }))}
                  value={shape}
                  onChange={setShape}
                />
              )}
            </Group>
            <Preview peek={peek.data} columns={columns} />
            <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm">
              {peek.data.roles.map(({ role, label }) => (
                <Select
                  key={role}
                  label={label}
                  placeholder="нет такого столбца"
                  clearable
                  searchable
                  data={[...new Set(peek.data.columns.filter((name) => name !== ''))]}
                  value={columns[role] ?? null}
                  onChange={(column) => set(role, column)}
                />
              ))}
              {!columns.day && (
                <DayInput
                  label="День всех строк"
                  description="Если дня в файле нет"
                  value={onDay}
                  onChange={setOnDay}
                />
              )}
            </SimpleGrid>
            <Group gap="sm" align="flex-end" grow>
              <Select
                label="Только строки, где"
                placeholder="все строки"
                clearable
                data={[...new Set(peek.data.columns.filter((name) => name !== ''))]}
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
        <ProblemAlert error={send.error} />
        {trial && <Tried told={trial} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Отмена
          </Button>
          <Button
            variant={trial ? 'default' : 'filled'}
            disabled={!peek.data}
            loading={send.isPending && send.variables}
            onClick={() => {
              setTried(wanted);
              send.mutate(true);
            }}
          >
            Проверить
          </Button>
          {trial && (
            <Button loading={send.isPending && !send.variables} onClick={() => send.mutate(false)}>
              {trial.added > 0 ? `Загрузить ${counted(trial.added, 'списание', 'списания', 'списаний')}` : 'Загрузить'}
            </Button>
          )}
        </Group>
      </Stack>
    </Modal>
  );
}

/** The first rows of the file, with what each column means. */
function Preview({ peek, columns }: { peek: Peek; columns: Columns }) {
  const meaning = new Map(
    Object.entries(columns).map(([role, column]) => [column, peek.roles.find((one) => one.role === role)?.label]),
  );
  return (
    <Table.ScrollContainer minWidth={480}>
      <Table aria-label="Начало файла" className={classes.preview!} withTableBorder>
        <Table.Thead>
          <Table.Tr>
            {peek.columns.map((name, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: two columns may have one name
              <Table.Th key={index} scope="col">
                {name || '–'}
                <Text size="xs" c={meaning.get(name) ? 'ok' : 'dimmed'}>
                  {meaning.get(name) ?? 'не берётся'}
                </Text>
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {peek.rows.map((cells, row) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the rows of a file never move
            <Table.Tr key={row}>
              {cells.map((cell, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: neither do its cells
                <Table.Td key={index} title={cell}>
                  {cell}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

const TOLD = 8;

/** What was understood; nothing is loaded yet. */
function Tried({ told }: { told: LoadedReportAnswer }) {
  const { added, addedKopecks, known, from, until, strangers, unaddressed, left, bad, badRows, clashing, clashes } =
    told;
  return (
    <Alert
      role="status"
      color={bad > 0 || clashing > 0 ? 'money' : 'ok'}
      variant="light"
      title={`Понято: ${counted(added, 'новое списание', 'новых списания', 'новых списаний')} на ${money(addedKopecks)}, ${dayShort(from)} – ${dayShort(until)}`}
    >
      <List size="sm">
        {known > 0 && <List.Item>Уже загружены раньше: {formatNumber(known)}.</List.Item>}
        {strangers > 0 && <List.Item>Не из этого кабинета: {formatNumber(strangers)}.</List.Item>}
        {unaddressed > 0 && <List.Item>Без объявления: {formatNumber(unaddressed)}.</List.Item>}
        {left > 0 && <List.Item>Пропущены по условию: {formatNumber(left)}.</List.Item>}
        {bad > 0 && <List.Item>Не поняты: {counted(bad, 'строка', 'строки', 'строк')}.</List.Item>}
        {badRows.slice(0, TOLD).map(({ line, reasons }) => (
          <List.Item key={`bad ${line}`}>
            Строка {line}: {reasons.join('; ')}.
          </List.Item>
        ))}
        {clashing > 0 && (
          <List.Item>Не загрузятся, номер операции занят: {counted(clashing, 'строка', 'строки', 'строк')}.</List.Item>
        )}
        {clashes.slice(0, TOLD).map(({ line, text }) => (
          <List.Item key={`clash ${line}`}>
            Строка {line}. {text}
          </List.Item>
        ))}
      </List>
      <Text size="sm" mt={4}>
        Пока ничего не загружено. Загруженное не изменить и не удалить.
      </Text>
    </Alert>
  );
}
