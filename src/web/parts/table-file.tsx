import { Alert, Anchor, FileInput, Group, List, Select, SimpleGrid, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useEffect, useState } from 'react';
import type { Peek } from '../../contracts/accounts.ts';
import { api, type Query } from '../api.ts';
import { counted } from '../words.ts';
import { DayInput } from './day-field.tsx';
import { ProblemAlert } from './problem.tsx';
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
  // What is guessed is a beginning; whatever a person changes stays.
  useEffect(() => {
    if (guess) setColumns(guess.columns);
  }, [guess]);
  const query: Query = { ...reading, ...columns, onDay: columns.day ? null : onDay, name: file?.name };
  return {
    ...{ file, bytes, peek, columns, onDay, setOnDay, query },
    /** Other words or another file, and what was tried is not known any more. */
    key: JSON.stringify([query, file?.size, file?.lastModified]),
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

interface TriedProps {
  readonly title: string;
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
export function Tried({ title, isPartly, before, bad, badRows, after, note }: TriedProps) {
  return (
    <Alert role="status" color={isPartly ? 'money' : 'ok'} variant="light" title={title}>
      <List size="sm">
        {before}
        {bad > 0 && <List.Item>Не поняты: {counted(bad, 'строка', 'строки', 'строк')}.</List.Item>}
        <Lines rows={badRows} count={bad} tell={({ reasons }) => `: ${reasons.join('; ')}.`} />
        {after}
      </List>
      <Text size="sm" mt={4}>
        Пока ничего не загружено. {note}
      </Text>
    </Alert>
  );
}

interface LinesProps<Row> {
  readonly rows: readonly Row[];
  /** How many there are; more than the server told. */
  readonly count?: number;
  /** After «Строка 5». */
  readonly tell: (row: Row) => string;
}

/** The lines of a file of which there is something to tell: the first of them, the others at a click. */
export function Lines<Row extends { readonly line: number }>({ rows, count = rows.length, tell }: LinesProps<Row>) {
  const [isWhole, setIsWhole] = useState(false);
  const shown = isWhole ? rows : rows.slice(0, TOLD);
  return (
    <>
      {shown.map((row) => (
        <List.Item key={row.line}>
          Строка {row.line}
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
