import {
  Alert,
  Anchor,
  Button,
  Fieldset,
  FileInput,
  Group,
  List,
  Modal,
  type ModalProps,
  Select,
  SimpleGrid,
  Stack,
  Table,
  Text,
} from '@mantine/core';
import { useIsMutating, useMutation, useQuery } from '@tanstack/react-query';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import type { Peek } from '../../contracts/accounts.ts';
import { capital, placeTold } from '../../contracts/words.ts';
import { api, type Query } from '../api.ts';
import { counted } from '../words.ts';
import { DayInput } from './day-field.tsx';
import { ProblemAlert, showProblem } from './problem.tsx';
import classes from './table-file.module.css';

/** A table that a person gives: the file, how it is read, what its columns mean, and what of it was not understood. */

const ENCODINGS = [
  { value: 'utf-8', label: 'UTF-8' },
  { value: 'windows-1251', label: 'windows-1251' },
];
const DELIMITERS = [
  { value: 'semicolon', label: 'точка с запятой' },
  { value: 'comma', label: 'запятая' },
  { value: 'tab', label: 'табуляция' },
];

interface Reading {
  readonly encoding?: string;
  readonly delimiter?: string;
  readonly rows?: string;
}

/** @param path where it is sent; its beginning is looked at under `peek` there */
export function useTableFile(path: string) {
  const [file, setFile] = useState<File | null>(null);
  const [reading, setReading] = useState<Reading>({});
  const [columns, setColumns] = useState<Readonly<Record<string, string>>>({});
  const [onDay, setOnDay] = useState<string | null>(null);
  // A blob of a kind of its own: whatever the browser takes a file of that name for, we take its bytes.
  const bytes = () => new Blob([file!], { type: 'application/octet-stream' });
  const peek = useQuery<Peek, Error>({
    queryKey: ['peek', path, file?.name, file?.size, file?.lastModified, reading],
    queryFn: () => api.send('POST', `${path}/peek`, bytes(), { query: { ...reading } }),
    enabled: file !== null,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const guess = peek.data?.guess;
  const read = JSON.stringify([file?.name, file?.size, file?.lastModified, reading]);
  const guessedOf = useRef<string>(undefined);
  // What is guessed is a beginning; whatever a person changes stays, wherever the same file is sent then.
  useEffect(() => {
    if (!guess || guessedOf.current === read) return;
    guessedOf.current = read;
    setColumns(guess.columns);
  }, [guess, read]);
  const query: Query = { ...reading, ...columns, onDay: columns.day ? null : onDay, name: file?.name };
  return {
    ...{ file, bytes, peek, columns, onDay, setOnDay, query },
    /** Other words, another file or another place, and what was tried is not known any more. */
    key: JSON.stringify([path, query, file?.size, file?.lastModified]),
    path,
    give: (next: File | null) => {
      setFile(next);
      setReading({});
    },
    read: (how: Reading) => setReading((was) => ({ ...was, ...how })),
    set: (role: string, column: string | null) =>
      setColumns(({ [role]: _, ...others }) => (column === null ? others : { ...others, [role]: column })),
  };
}

export type TableFile = ReturnType<typeof useTableFile>;

/** Its columns, for a choice among them. */
export const columnsOf = ({ peek }: TableFile): string[] => [
  ...new Set(peek.data?.columns.filter((name) => name !== '') ?? []),
];

const LOADING = ['load-table'];

/**
 * Sends a table: first for a trial, which holds as long as the words it was tried with, then for good.
 * @param more what is said of it besides
 * @param onLoaded when it is loaded for good
 */
export function useTableLoad<Answer extends { readonly isTrial: boolean }>(
  table: TableFile,
  more: Query,
  onLoaded: (answer: Answer) => void,
) {
  const wanted = table.key + JSON.stringify(more);
  const [tried, setTried] = useState<{ readonly wanted: string; readonly answer: Answer } | null>(null);
  const isHere = useRef(true);
  useEffect(() => {
    isHere.current = true;
    return () => {
      isHere.current = false;
    };
  }, []);
  const send = (isTrial: boolean) =>
    api.send<Answer>('POST', table.path, table.bytes(), {
      query: { ...table.query, ...more, trial: isTrial || undefined },
    });
  const check = useMutation({
    mutationFn: (_: string) => send(true),
    meta: { isTold: true },
    onSuccess: (answer, wanted) => setTried({ wanted, answer }),
  });
  const load = useMutation({
    mutationKey: LOADING,
    mutationFn: () => send(false),
    meta: { isTold: true },
    onSuccess: onLoaded,
    // Whoever went to another screen meanwhile has no alert before them.
    onError: (error) => isHere.current || showProblem(error),
  });
  return {
    trial: tried?.wanted === wanted ? tried.answer : null,
    error: load.error ?? check.error,
    isChecking: check.isPending,
    isLoading: load.isPending,
    check: () => {
      load.reset();
      check.mutate(wanted);
    },
    load: () => {
      check.reset();
      load.mutate();
    },
  };
}

/** The dialog of a table. While it is being loaded nothing closes it: closing would not take it back. */
export function TableModal({ onClose, children, ...props }: Omit<ModalProps, 'size' | 'closeButtonProps'>) {
  const isLoading = useIsMutating({ mutationKey: LOADING }) > 0;
  return (
    <Modal
      {...props}
      size="xl"
      onClose={() => {
        if (!isLoading) onClose();
      }}
      closeButtonProps={{ disabled: isLoading }}
    >
      {children}
    </Modal>
  );
}

interface TableFormProps {
  readonly table: TableFile;
  readonly send: Omit<ReturnType<typeof useTableLoad>, 'trial'>;
  /** What is told of the table. */
  readonly fields: ReactNode;
  /** What was understood; null: it was not tried with these words yet. */
  readonly tried: ReactNode;
  /** «Загрузить 5 списаний»; null: there is nothing to load. */
  readonly loads: string | null;
  readonly onCancel: () => void;
}

/** What is told of a table, what was understood, and the buttons: it is loaded only after a trial. */
export function TableForm({ table, send, fields, tried, loads, onCancel }: TableFormProps) {
  const { isChecking, isLoading } = send;
  const isPending = isChecking || isLoading;
  const pressed = useRef<HTMLButtonElement>(null);
  // A button that waits cannot have the focus; afterwards it has it again, so that the keyboard keeps its place.
  useEffect(() => {
    if (!isPending && document.activeElement === document.body) pressed.current?.focus();
  }, [isPending]);
  return (
    <Stack gap="md">
      <Fieldset m={0} variant="unstyled" aria-label="Файл и его столбцы" disabled={isLoading}>
        <Stack gap="md">{fields}</Stack>
      </Fieldset>
      <ProblemAlert error={send.error} />
      {tried}
      <Group justify="flex-end">
        <Button variant="default" disabled={isLoading} onClick={onCancel}>
          Отмена
        </Button>
        <Button
          variant={loads === null ? 'filled' : 'default'}
          disabled={!table.peek.data || isLoading}
          loading={isChecking}
          onClick={(event) => {
            pressed.current = event.currentTarget;
            send.check();
          }}
        >
          Проверить
        </Button>
        {loads !== null && (
          <Button
            disabled={isChecking}
            loading={isLoading}
            onClick={(event) => {
              pressed.current = event.currentTarget;
              send.load();
            }}
          >
            {loads}
          </Button>
        )}
      </Group>
    </Stack>
  );
}

interface TableFileFieldsProps {
  readonly label: string;
  readonly table: TableFile;
  /** Beside how it is read. */
  readonly beside?: ReactNode;
  readonly onColumn?: () => void;
}

/** The file and what is said of it; below the file only when it can be read. */
export function TableFileFields({ label, table, beside, onColumn }: TableFileFieldsProps) {
  const { file, peek, columns, onDay } = table;
  return (
    <>
      <FileInput
        label={label}
        description="CSV или JSON. Книгу Excel сохраните как «CSV UTF-8»."
        placeholder="Выберите файл"
        accept=".csv,.txt,.tsv,.json,text/csv,application/json"
        clearable
        data-autofocus
        value={file}
        onChange={table.give}
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
              onChange={(encoding) => encoding && table.read({ encoding })}
            />
            {peek.data.format === 'csv' && (
              <Select
                label="Столбцы разделяет"
                data={DELIMITERS}
                allowDeselect={false}
                value={peek.data.delimiter}
                onChange={(delimiter) => delimiter && table.read({ delimiter })}
              />
            )}
            {peek.data.lists.length > 1 && (
              <Select
                label="Список записей"
                data={[...peek.data.lists]}
                value={(table.query.rows as string | undefined) ?? peek.data.lists[0]!}
                allowDeselect={false}
                onChange={(rows) => rows && table.read({ rows })}
              />
            )}
            {beside}
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
                data={columnsOf(table)}
                value={columns[role] ?? null}
                onChange={(column) => {
                  table.set(role, column);
                  onColumn?.();
                }}
              />
            ))}
            {!columns.day && (
              <DayInput
                label="День всех строк"
                description="Если дня в файле нет"
                value={onDay}
                onChange={table.setOnDay}
              />
            )}
          </SimpleGrid>
        </>
      )}
    </>
  );
}

/** The first rows of the file, with what each column means. */
function Preview({ peek, columns }: { peek: Peek; columns: TableFile['columns'] }) {
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

type Format = 'csv' | 'json';

interface TriedProps {
  readonly title: string;
  readonly format: Format;
  /** Something in the file will not be taken. */
  readonly isPartly: boolean;
  /** What is told before the lines that are not understood. */
  readonly before?: ReactNode;
  readonly bad: number;
  readonly badRows: readonly { readonly line: number; readonly reasons: readonly string[] }[];
  readonly after?: ReactNode;
  readonly note: string;
}

/** What was understood of a table; nothing is loaded yet. */
export function Tried({ title, format, isPartly, before, bad, badRows, after, note }: TriedProps) {
  return (
    <Alert role="status" color={isPartly ? 'money' : 'ok'} variant="light" title={title}>
      <List size="sm">
        {before}
        {bad > 0 && <List.Item>Не поняты: {counted(bad, 'строка', 'строки', 'строк')}.</List.Item>}
        <Lines format={format} rows={badRows} count={bad} tell={({ reasons }) => `: ${reasons.join('; ')}.`} />
        {after}
      </List>
      <Text size="sm" mt={4}>
        Пока ничего не загружено. {note}
      </Text>
    </Alert>
  );
}

interface LinesProps<Row> {
  readonly format: Format;
  readonly rows: readonly Row[];
  /** How many there are; more than the server told. */
  readonly count?: number;
  /** After «Строка 5». */
  readonly tell: (row: Row) => string;
}

/** The lines of a file of which there is something to tell: the first of them, the others at a click. */
export function Lines<Row extends { readonly line: number }>({
  format,
  rows,
  count = rows.length,
  tell,
}: LinesProps<Row>) {
  const [isWhole, setIsWhole] = useState(false);
  const firstMore = useRef<HTMLLIElement>(null);
  // The button that was pressed is gone: the keyboard goes on where it stood.
  useEffect(() => {
    if (isWhole) firstMore.current?.focus();
  }, [isWhole]);
  const shown = isWhole ? rows : rows.slice(0, TOLD);
  return (
    <>
      {shown.map((row, at) => (
        <List.Item key={row.line} {...(at === TOLD && { ref: firstMore, tabIndex: -1 })}>
          {capital(placeTold(format, row.line))}
          {tell(row)}
        </List.Item>
      ))}
      {rows.length > shown.length && (
        <List.Item>
          <Anchor
            component="button"
            type="button"
            size="sm"
            c="inherit"
            underline="always"
            onClick={() => setIsWhole(true)}
          >
            Показать ещё {counted(rows.length - shown.length, 'строку', 'строки', 'строк')}
          </Anchor>
        </List.Item>
      )}
      {rows.length === shown.length && count > rows.length && (
        <List.Item>… и ещё {counted(count - rows.length, 'строка', 'строки', 'строк')}.</List.Item>
      )}
    </>
  );
}
