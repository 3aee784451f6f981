import { Anchor, Button, Drawer, Group, SegmentedControl, Select, Text, TextInput } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconDownload, IconFilter } from '@tabler/icons-react';
import { keepPreviousData, type UseQueryResult } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import type { ReportChoices, ReportListing } from '../../../contracts/export-report.ts';
import { STEP_LABELS, STEPS, type Step } from '../../../contracts/words.ts';
import { addressOf, ProblemError, type Query } from '../../api.ts';
import { FactTable } from '../../parts/fact-table.tsx';
import { Page } from '../../parts/page.tsx';
import { Several } from '../../parts/several.tsx';
import { Broken, Empty, Loaded, Skeletons } from '../../parts/states.tsx';
import { useApi } from '../../query.ts';
import { listOf, oneOf, type RawAddress, useAddress } from '../../router.tsx';
import { counted as countedOf, dayShort, formatNumber, isDay, objects } from '../../words.ts';
import { ReportPeriod } from './period.tsx';
import { isAbout } from './search.ts';
import { type ReportPath, ReportTabs } from './tabs.tsx';

/** What all reports have in common: their head with days, files and whose listings they count, and the listings behind a number. */

/**
 * The choices of a report, as the address keeps them; what is not chosen is not asked.
 * @param read those that this report alone has
 */
export const useReportWords = <Own extends Query>(read: (raw: RawAddress) => Own) =>
  useAddress((raw) => ({
    from: oneOf(raw.from),
    until: oneOf(raw.until),
    branch: listOf(raw.branch),
    department: listOf(raw.department),
    employee: listOf(raw.employee),
    ...read(raw),
  }));

/**
 * The report that the words ask for. Until it is there the last one stands, and whatever is opened from that is asked
 * for with that one's words.
 * @returns the report, and the words of the one that stands
 */
export function useReport<Answer>(path: string, words: Query): [UseQueryResult<Answer, Error>, Query] {
  const report = useApi<Answer>(path, words, { placeholderData: keepPreviousData as never });
  const [asked, setAsked] = useState(words);
  if (!report.isPlaceholderData && JSON.stringify(asked) !== JSON.stringify(words)) setAsked(words);
  return [report, asked];
}

/**
 * What was clicked in a report; when another report stands in its place («Назад», another step), nothing is.
 * @param asked as {@link useReport} returns it
 */
export function useOpened<T>(asked: Query): [T | null, (what: T | null) => void] {
  const [opened, setOpened] = useState<{ readonly what: T; readonly asked: Query } | null>(null);
  return [opened?.asked === asked ? opened.what : null, (what) => setOpened(what && { what, asked })];
}

const FILES = { xlsx: 'Excel', csv: 'CSV', png: 'Картинка' } as const;

const WHOSE = [
  { name: 'branch', of: 'branches', label: 'Филиал' },
  { name: 'department', of: 'departments', label: 'Отдел' },
  { name: 'employee', of: 'employees', label: 'Сотрудник' },
  { name: 'group', of: 'groups', label: 'Группа CRM' },
] as const;

/** What makes a report tell of less than all. */
const NARROWING = [...WHOSE.map(({ name }) => name), 'board', 'cabinet'] as const;

interface Words extends Query {
  readonly from: string | undefined;
  readonly until: string | undefined;
}

interface ReportPageProps<Answer> {
  readonly here: ReportPath;
  readonly title: string;
  readonly about: string;
  /** Of its files, without an ending. */
  readonly path: string;
  readonly files: readonly (keyof typeof FILES)[];
  /** Beside the files. */
  readonly actions?: ReactNode;
  readonly words: Words;
  readonly change: (patch: Record<string, unknown>) => void;
  /** Between the days and whose listings are counted. */
  readonly choices: ReactNode;
  readonly report: UseQueryResult<Answer, Error>;
  readonly children: (answer: Answer) => ReactNode;
  readonly below?: ReactNode;
}

/** The screen of a report: what is chosen above, what came of it below. */
export function ReportPage<Answer extends { readonly from: string; readonly until: string }>({
  here,
  title,
  about,
  path,
  files,
  actions,
  words,
  change,
  choices,
  report,
  children,
  below,
}: ReportPageProps<Answer>) {
  const isPhone = useMediaQuery('(max-width: 48em)') ?? false;
  const [isOpen, setIsOpen] = useState(false);
  const picked = NARROWING.reduce((sum, name) => sum + listOf(words[name] as readonly string[] | undefined).length, 0);
  // Without an answer the days of the last one stay, where the address names none.
  const [told, setTold] = useState<Pick<Answer, 'from' | 'until'> | null>(null);
  if (report.data && told !== report.data) setTold(report.data);
  const isNamed = words.from !== undefined || words.until !== undefined;
  const days = report.data ?? (isNamed ? null : told);
  const wrong = wrongDays(report.error, words);
  return (
    <Page
      title={title}
      words={about}
      actions={
        <Group gap="xs">
          {files.map((kind) => (
            <Button
              key={kind}
              component="a"
              href={addressOf(`${path}.${kind}`, words)}
              download
              variant="default"
              leftSection={<IconDownload size={16} aria-hidden />}
            >
              {FILES[kind]}
            </Button>
          ))}
          {actions}
        </Group>
      }
    >
      <ReportTabs here={here} />
      {isPhone && (
        <Group gap="xs">
          <Button
            variant="default"
            leftSection={<IconFilter size={16} aria-hidden />}
            aria-expanded={isOpen}
            onClick={() => setIsOpen(!isOpen)}
          >
            Отбор
          </Button>
          {report.data && (
            <Text size="sm">
              {dayShort(report.data.from)} – {dayShort(report.data.until)}
              {picked > 0 && `, ${countedOf(picked, 'условие', 'условия', 'условий')}`}
            </Text>
          )}
        </Group>
      )}
      <Group gap="sm" align="end" role="search" display={isPhone && !isOpen ? 'none' : undefined}>
        <ReportPeriod
          from={words.from ?? days?.from ?? null}
          until={words.until ?? days?.until ?? null}
          onChange={(days) => change({ ...days })}
        />
        {choices}
        <Whose words={words} change={change} />
      </Group>
      {wrong ? (
        <Broken error={wrong} />
      ) : (
        <Loaded query={report} skeleton={<Skeletons rows={3} height={200} />}>
          {children}
        </Loaded>
      )}
      {below}
    </Page>
  );
}

/** The server's no to days that are none, in the words of the screen; null: it said something else, or nothing. */
function wrongDays(error: Error | null, { from, until }: Words): ProblemError | null {
  if (!(error instanceof ProblemError) || ![400, 422].includes(error.status)) return null;
  const wrong = [
    { name: 'Первый', day: from },
    { name: 'Последний', day: until },
  ].filter(({ day }) => day !== undefined && !isDay(day));
  if (wrong.length === 0) return null;
  const told = wrong.map(({ name, day }) => `${name} день отчёта – не дата: «${day}».`);
  return new ProblemError({ ...error.problem, detail: [...told, 'Выберите период.'].join(' '), errors: [] });
}

/** Whose listings the report counts: of whoever had one on a recorded day. A word that is missing is not asked for. */
function Whose({ words, change }: Pick<ReportPageProps<unknown>, 'words' | 'change'>) {
  const { data } = useApi<ReportChoices>('/reports/choices', undefined, { staleTime: 60_000 });
  if (!data) return null;
  return (
    <Group gap="xs">
      {WHOSE.filter(({ name }) => words[name] !== undefined).map(({ name, of, label }) => (
        <Several
          key={name}
          label={label}
          value={words[name] as readonly string[]}
          options={data[of].map(({ id, name }) => ({ value: String(id), label: name }))}
          onChange={(ids) => change({ [name]: ids })}
          least={2}
        />
      ))}
    </Group>
  );
}

interface BreakdownProps<T extends string> {
  readonly all: readonly T[];
  readonly labels: Readonly<Record<T, string>>;
  readonly value: T;
  readonly change: (patch: { readonly by: string }) => void;
}

/** By what the report is broken down. */
export function Breakdown<T extends string>({ all, labels, value, change }: BreakdownProps<T>) {
  return (
    <Select
      label="Разбивка"
      w={230}
      allowDeselect={false}
      value={value}
      onChange={(by) => by !== null && change({ by })}
      data={all.map((by) => ({ value: by, label: labels[by] }))}
    />
  );
}

interface StepChoiceProps {
  readonly label: string;
  readonly value: Step;
  readonly change: (patch: { readonly step: string }) => void;
}

export function StepChoice({ label, value, change }: StepChoiceProps) {
  return (
    <div>
      <Text size="sm" fw={500} id="report-step">
        {label}
      </Text>
      <SegmentedControl
        aria-labelledby="report-step"
        value={value}
        onChange={(step) => change({ step })}
        data={STEPS.map((step) => ({ value: step, label: STEP_LABELS[step] }))}
      />
    </div>
  );
}

interface BesideProps<T> {
  /** What was clicked; null: nothing. */
  readonly of: T | null;
  readonly title: (of: T) => string;
  readonly onClose: () => void;
  readonly size?: number;
  readonly children: (of: T) => ReactNode;
}

/** What stands behind a number, beside the report. */
export function Beside<T>({ of, title, onClose, size = 620, children }: BesideProps<T>) {
  return (
    <Drawer opened={of !== null} onClose={onClose} position="right" size={size} title={of && title(of)}>
      {of && children(of)}
    </Drawer>
  );
}

interface ListingsProps<Row> {
  readonly address: string;
  readonly query: Query;
  /** What else is told of a listing. */
  readonly columns: readonly {
    readonly head: string;
    readonly isNumber?: boolean;
    readonly cell: (row: Row) => ReactNode;
  }[];
  /** Which ones of more are shown. */
  readonly shown?: string;
  readonly counted?: (total: number) => string;
}

type ListingRow = ReportListing & { readonly at?: string | null };

/** The listings behind a number. One that is somebody else's now has no link. */
export function Listings<Row extends ListingRow>(props: ListingsProps<Row>) {
  // Another number has a list of its own: nothing that was typed about the last one holds for it.
  return <ListingsOf key={JSON.stringify([props.address, props.query])} {...props} />;
}

function ListingsOf<Row extends ListingRow>({
  address,
  query,
  columns,
  shown = 'первые',
  counted = objects,
}: ListingsProps<Row>) {
  const members = useApi<{ readonly total: number; readonly data: readonly Row[] }>(address, query);
  const [text, setText] = useState('');
  return (
    <Loaded query={members}>
      {({ total, data }) => {
        if (data.length === 0)
          return <Empty title="Пока читали, список опустел" words="Закройте его и обновите отчёт." />;
        const hasSearch = data.length > MANY;
        // A list that has grown short since shows all it has: what cannot be seen does not filter.
        const wanted = hasSearch ? text : '';
        const found = data.filter((row) => isAbout(row, wanted));
        return (
          <>
            <Text size="sm" mb="sm">
              {counted(total)}
              {data.length < total && `, показаны ${shown} ${formatNumber(data.length)}`}
            </Text>
            {hasSearch && (
              <TextInput
                type="search"
                mb="sm"
                label="Найти среди показанных"
                description="Номер, адрес или сотрудник"
                value={text}
                onChange={(event) => setText(event.currentTarget.value)}
              />
            )}
            <Text size="sm" role="status" {...(found.length > 0 && { className: 'heard' })}>
              {wanted.trim() !== '' && (found.length === 0 ? 'Такого среди них нет' : `Найдено: ${found.length}`)}
            </Text>
            {found.length > 0 && (
              <FactTable
                head="Объект"
                columns={columns}
                rows={found.map((row) => ({
                  key: `${row.id} ${row.at}`,
                  name: <ListingName listing={row} />,
                  cells: columns.map(({ cell }) => cell(row)),
                  isLong: true,
                }))}
                minWidth={columns.length > 1 ? 440 : 300}
              />
            )}
          </>
        );
      }}
    </Loaded>
  );
}

/** More than this are searched through. */
const MANY = 9;

function ListingName({ listing: { id, externalId, title, employee, isSeen } }: { listing: ReportListing }) {
  const name = `${externalId} · ${title}`;
  return (
    <>
      {isSeen ? (
        <Anchor component={Link} to="/listings/$id" params={{ id: String(id) } as never} size="sm">
          {name}
        </Anchor>
      ) : (
        name
      )}
      {employee && (
        <Text size="xs" c="dimmed">
          {employee}
        </Text>
      )}
    </>
  );
}

/** «12 %» */
export const percent = (count: number, of: number): string =>
  of === 0 ? '–' : `${Math.round((count / of) * 100)}\u00a0%`;

/** «+3», «−1», «0» */
export const signed = (change: number): string =>
  `${change > 0 ? '+' : change < 0 ? '−' : ''}${formatNumber(Math.abs(change))}`;
