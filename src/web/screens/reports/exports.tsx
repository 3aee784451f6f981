import {
  Alert,
  Anchor,
  Button,
  Drawer,
  Group,
  MultiSelect,
  NumberInput,
  SegmentedControl,
  Select,
  Table,
  Text,
  useComputedColorScheme,
} from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { Changes, ExportReport, Members } from '../../../contracts/export-report.ts';
import type { BoardColumn } from '../../../contracts/listings.ts';
import {
  GROUPING_LABELS,
  GROUPINGS,
  type Grouping,
  SERIES,
  SERIES_LABELS,
  type Series,
  SHARE_USUAL,
  SOURCES_MAX,
  STEP_LABELS,
  STEPS,
  type Step,
} from '../../../contracts/words.ts';
import { addressOf, type Query } from '../../api.ts';
import { Page, Sheet } from '../../parts/page.tsx';
import { Loaded, Skeletons } from '../../parts/states.tsx';
import { useApi } from '../../query.ts';
import { listOf, oneOf, useAddress } from '../../router.tsx';
import { counted, formatNumber, objects } from '../../words.ts';
import { ReportPeriod } from './period.tsx';
import { ReportTabs } from './tabs.tsx';

/** «Отчёты»: the export chart; the address keeps every choice. */

interface Place {
  readonly at: string;
  readonly source: string;
  readonly sourceTitle: string;
  readonly label: string;
  readonly series: Series;
  readonly of?: number;
  readonly group?: string;
}

export default function Reports() {
  const [words, change] = useAddress((raw) => ({
    from: oneOf(raw.from),
    until: oneOf(raw.until),
    step: (STEPS as readonly string[]).includes(oneOf(raw.step) ?? '') ? (oneOf(raw.step) as Step) : 'week',
    minShare: oneOf(raw.minShare),
    board: listOf(raw.board),
    by: (GROUPINGS as readonly string[]).includes(oneOf(raw.by) ?? '') ? (oneOf(raw.by) as Grouping) : 'none',
  }));
  const query: Query = {
    ...(words.from && { from: words.from }),
    ...(words.until && { until: words.until }),
    step: words.step,
    ...(words.minShare && { minShare: words.minShare }),
    ...(words.board.length > 0 && { board: [...words.board] }),
    by: words.by,
  };
  const report = useApi<ExportReport>('/reports/exports', query, { placeholderData: (last) => last });
  const boards = useApi<{ data: BoardColumn[] }>('/boards', undefined, { staleTime: 60_000 });
  const [place, setPlace] = useState<Place | null>(null);
  const [why, setWhy] = useState<Place | null>(null);
  const scheme = useComputedColorScheme('light');
  const shown = report.data;
  const choices = new Map((boards.data?.data ?? []).map(({ board, boardName }) => [board, boardName]));
  return (
    <Page
      title="График выгрузки"
      words="Сколько объектов отмечено, выгружено, остановлено ошибками и осталось без денег, шаг за шагом."
      actions={
        <Group gap="xs">
          {(['xlsx', 'csv', 'png'] as const).map((kind) => (
            <Button
              key={kind}
              component="a"
              href={addressOf(`/reports/exports.${kind}`, query)}
              download
              variant="default"
              leftSection={<IconDownload size={16} />}
            >
              {{ xlsx: 'Excel', csv: 'CSV', png: 'Картинка' }[kind]}
            </Button>
          ))}
        </Group>
      }
    >
      <ReportTabs here="/reports" />
      <Group gap="sm" align="end" role="search">
        <ReportPeriod
          from={words.from ?? shown?.from ?? null}
          until={words.until ?? shown?.until ?? null}
          onChange={change}
        />
        <MultiSelect
          label={`Доски, до ${SOURCES_MAX}`}
          w={{ base: '100%', xs: 320 }}
          maxValues={SOURCES_MAX}
          placeholder={words.board.length === 0 ? 'первые из подключённых' : ''}
          clearable
          value={[...words.board]}
          onChange={(board) => change({ board })}
          data={[...choices].map(([value, label]) => ({ value, label }))}
        />
        <div>
          <Text size="sm" fw={500} id="report-step">
            Шаг
          </Text>
          <SegmentedControl
            aria-labelledby="report-step"
            value={words.step}
            onChange={(step) => change({ step })}
            data={STEPS.map((step) => ({ value: step, label: STEP_LABELS[step] }))}
          />
        </div>
        <NumberInput
          label="Мин. доля дней, %"
          w={140}
          min={0}
          max={100}
          allowDecimal={false}
          value={Number(words.minShare ?? SHARE_USUAL)}
          onChange={(share) => typeof share === 'number' && change({ minShare: String(share) }, { replace: true })}
        />
        <Select
          label="Разбивка"
          w={190}
          allowDeselect={false}
          value={words.by}
          onChange={(by) => by !== null && change({ by })}
          data={GROUPINGS.map((by) => ({ value: by, label: GROUPING_LABELS[by] }))}
        />
      </Group>
      <Loaded query={report} skeleton={<Skeletons rows={3} height={200} />}>
        {(answer) => (
          <>
            <Sheet>
              <img
                src={addressOf('/reports/exports.svg', { ...query, theme: scheme })}
                alt="График выгрузки; те же числа в таблице ниже"
                style={{ width: '100%', height: 'auto' }}
              />
              <Text size="sm" c="dimmed">
                Один объект считается на доске за шаг один раз. Он засчитан, если был в состоянии не меньше{' '}
                {answer.minShare} % дней шага, но хотя бы один день; в шаге может не попасть ни в один столбец.
                Сотрудник, который перешёл, считается там, где был в тот день.
                {answer.steps.some(({ isUnfinished }) => isUnfinished) && ' Звёздочка: шаг не завершён.'}
              </Text>
            </Sheet>
            {answer.sources.map((source) => (
              <Sheet key={source.id} title={source.title}>
                <Numbers answer={answer} source={source} onOpen={setPlace} onWhy={setWhy} />
              </Sheet>
            ))}
          </>
        )}
      </Loaded>
      <Drawer
        opened={place !== null}
        onClose={() => setPlace(null)}
        position="right"
        size={620}
        title={
          place &&
          `${place.sourceTitle}, ${place.label}: ${SERIES_LABELS[place.series]}${place.group ? `, ${place.group}` : ''}`
        }
      >
        {place && <Behind place={place} query={query} />}
      </Drawer>
      <Drawer
        opened={why !== null}
        onClose={() => setWhy(null)}
        position="right"
        size={520}
        title={why && `${why.sourceTitle}: почему изменилось за ${why.label}`}
      >
        {why && <Why place={why} query={query} />}
      </Drawer>
    </Page>
  );
}

interface NumbersProps {
  readonly answer: ExportReport;
  readonly source: ExportReport['sources'][number];
  readonly onOpen: (place: Place) => void;
  readonly onWhy: (place: Place) => void;
}

function Numbers({ answer: { steps, groups }, source, onOpen, onWhy }: NumbersProps) {
  const cell = (
    step: number,
    series: Series,
    count: number,
    group?: { readonly id: number; readonly name: string },
  ) => {
    const place = {
      at: steps[step]!.from,
      source: source.id,
      sourceTitle: source.title,
      label: steps[step]!.label,
      series,
    };
    return count === 0 ? (
      '0'
    ) : (
      <Anchor
        component="button"
        type="button"
        size="sm"
        aria-label={`${formatNumber(count)}: ${SERIES_LABELS[series]}, ${steps[step]!.label}${group ? `, ${group.name}` : ''}`}
        onClick={() => onOpen({ ...place, ...(group && { of: group.id, group: group.name }) })}
      >
        {formatNumber(count)}
      </Anchor>
    );
  };
  return (
    <Table.ScrollContainer minWidth={640}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Шаг</Table.Th>
            {SERIES.map((series) => (
              <Table.Th key={series} ta="right">
                {SERIES_LABELS[series]}
              </Table.Th>
            ))}
            <Table.Th ta="right">доля</Table.Th>
            <Table.Th ta="right">к прошлому шагу</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {steps.flatMap(({ from, label, needed }, at) => {
            const { total, byGroup } = source.steps[at]!;
            const change = at === 0 ? null : total.published - source.steps[at - 1]!.total.published;
            return [
              <Table.Tr key={from}>
                <Table.Th scope="row" title={`нужно ${counted(needed, 'день', 'дня', 'дней')}`}>
                  {label}
                </Table.Th>
                {SERIES.map((series) => (
                  <Table.Td key={series} ta="right">
                    {cell(at, series, total[series])}
                  </Table.Td>
                ))}
                <Table.Td ta="right">
                  {total.marked === 0 ? '–' : `${Math.round((total.published / total.marked) * 100)}\u00a0%`}
                </Table.Td>
                <Table.Td ta="right">
                  {change === null || change === 0 ? (
                    '–'
                  ) : (
                    <Anchor
                      component="button"
                      type="button"
                      size="sm"
                      aria-label={`${signed(change)}: почему, ${label}`}
                      onClick={() =>
                        onWhy({ at: from, source: source.id, sourceTitle: source.title, label, series: 'published' })
                      }
                    >
                      {signed(change)}
                    </Anchor>
                  )}
                </Table.Td>
              </Table.Tr>,
              ...byGroup.flatMap((counts, group) =>
                counts.marked === 0
                  ? []
                  : [
                      <Table.Tr key={`${from} ${groups[group]!.id}`}>
                        <Table.Td pl="xl">{groups[group]!.name}</Table.Td>
                        {SERIES.map((series) => (
                          <Table.Td key={series} ta="right">
                            {cell(at, series, counts[series], groups[group])}
                          </Table.Td>
                        ))}
                        <Table.Td ta="right">{`${Math.round((counts.published / counts.marked) * 100)}\u00a0%`}</Table.Td>
                        <Table.Td />
                      </Table.Tr>,
                    ],
              ),
            ];
          })}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

const signed = (change: number) => `${change > 0 ? '+' : '−'}${formatNumber(Math.abs(change))}`;

/** The listings behind a number. */
function Behind({ place, query }: { place: Place; query: Query }) {
  const { at, source, series, of } = place;
  const members = useApi<Members>('/reports/exports/members', {
    ...query,
    at,
    source,
    series,
    ...(of !== undefined && { of }),
  });
  return (
    <Loaded query={members}>
      {({ total, data }) => (
        <>
          <Text size="sm" mb="sm">
            {objects(total)}
            {data.length < total && `, показаны первые ${formatNumber(data.length)}`}
          </Text>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Объект</Table.Th>
                <Table.Th>Дней в шаге</Table.Th>
                <Table.Th>Сейчас</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {data.map(({ id, externalId, title, employee, isSeen, days, now }) => (
                <Table.Tr key={id}>
                  <Table.Td>
                    {isSeen ? (
                      <Anchor component={Link} to="/listings/$id" params={{ id: String(id) } as never} size="sm">
                        {externalId} · {title}
                      </Anchor>
                    ) : (
                      `${externalId} · ${title}`
                    )}
                    {employee && (
                      <Text size="xs" c="dimmed">
                        {employee}
                      </Text>
                    )}
                  </Table.Td>
                  <Table.Td>{toldDays(days)}</Table.Td>
                  <Table.Td>{isSeen ? (now ?? 'не отмечен') : '–'}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </>
      )}
    </Loaded>
  );
}

const SHORT: Record<Series, string> = {
  marked: 'отмечен',
  published: 'в фиде',
  blocked: 'с ошибками',
  unfunded: 'без денег',
};

const toldDays = (days: Members['data'][number]['days']) =>
  SERIES.filter((series) => days[series] > 0)
    .map((series) => `${SHORT[series]} ${days[series]}`)
    .join(', ');

/** Why the step has more or fewer published listings than the one before. */
function Why({ place: { at, source }, query }: { place: Place; query: Query }) {
  const changes = useApi<Changes>('/reports/exports/changes', { ...query, at, source });
  return (
    <Loaded query={changes}>
      {({ before: was, after, difference, reasons }) => (
        <>
          <Alert color="blue" mb="sm">
            Выгружено {signed(difference)}: {after} к {was}.
          </Alert>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Причина</Table.Th>
                <Table.Th ta="right">ушло</Table.Th>
                <Table.Th ta="right">пришло</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {reasons.map(({ reason, label, left, came }) => (
                <Table.Tr key={reason}>
                  <Table.Td>{label}</Table.Td>
                  <Table.Td ta="right">{left === 0 ? '–' : `−${formatNumber(left)}`}</Table.Td>
                  <Table.Td ta="right">{came === 0 ? '–' : `+${formatNumber(came)}`}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </>
      )}
    </Loaded>
  );
}
