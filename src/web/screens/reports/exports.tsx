import {
  Alert,
  Anchor,
  type ComboboxData,
  Drawer,
  Group,
  MultiSelect,
  NumberInput,
  SegmentedControl,
  Select,
  Table,
  Text,
  Title,
  UnstyledButton,
  useComputedColorScheme,
} from '@mantine/core';
import { type MouseEvent, useState } from 'react';
import type { Changes, ExportReport, Members, ReportChoices } from '../../../contracts/export-report.ts';
import type { BoardColumn } from '../../../contracts/listings.ts';
import {
  GROUPING_LABELS,
  GROUPINGS,
  type Grouping,
  PICTURE,
  pictureHeight,
  pointedAt,
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
import { listOf, oneAmong, oneOf, useAddress } from '../../router.tsx';

import { counted, formatNumber, objects } from '../../words.ts';
import { ByMailButton, ByMailList } from './by-mail.tsx';
import classes from './exports.module.css';
import { ListingName, ReportFiles, Whose } from './parts.tsx';
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
    step: oneAmong<Step>(STEPS, raw.step, 'week'),
    minShare: oneOf(raw.minShare),
    board: listOf(raw.board),
    cabinet: listOf(raw.cabinet),
    branch: listOf(raw.branch),
    department: listOf(raw.department),
    employee: listOf(raw.employee),
    group: listOf(raw.group),
    by: oneAmong<Grouping>(GROUPINGS, raw.by, 'none'),
  }));
  const query: Query = {
    ...(words.from && { from: words.from }),
    ...(words.until && { until: words.until }),
    step: words.step,
    ...(words.minShare && { minShare: words.minShare }),
    ...Object.fromEntries(LISTS.filter((name) => words[name].length > 0).map((name) => [name, [...words[name]]])),
    by: words.by,
  };
  const report = useApi<ExportReport>('/reports/exports', query, { placeholderData: (last) => last });
  const boards = useApi<{ data: BoardColumn[] }>('/boards', undefined, { staleTime: 60_000 });
  const [place, setPlace] = useState<Place | null>(null);
  const [why, setWhy] = useState<Place | null>(null);
  const scheme = useComputedColorScheme('light');
  const shown = report.data;
  const choices = useApi<ReportChoices>('/reports/choices', undefined, { staleTime: 60_000 });
  const sources = sourcesOf(choices.data?.boards ?? [], boards.data?.data ?? []);
  return (
    <Page
      title="График выгрузки"
      words="Сколько объектов отмечено, выгружено, остановлено ошибками и осталось без денег, шаг за шагом."
      actions={
        <Group gap="xs">
          <ReportFiles address="/reports/exports" query={query} kinds={['xlsx', 'csv', 'png']} />
          <ByMailButton query={query} />
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
          label={`Доски или фиды, до ${SOURCES_MAX}`}
          w={{ base: '100%', xs: 320 }}
          maxValues={SOURCES_MAX}
          placeholder={words.board.length + words.cabinet.length === 0 ? 'первые из подключённых' : ''}
          clearable
          value={[...words.board.map((id) => `board:${id}`), ...words.cabinet.map((id) => `cabinet:${id}`)]}
          onChange={(ids) => change({ board: idsOf(ids, 'board:'), cabinet: idsOf(ids, 'cabinet:') })}
          data={sources}
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
        <Whose words={words} change={change} />
      </Group>
      <Loaded query={report} skeleton={<Skeletons rows={3} height={200} />}>
        {(answer) => (
          <>
            <Sheet>
              <Picture
                address={addressOf('/reports/exports.svg', { ...query, theme: scheme })}
                answer={answer}
                onOpen={setPlace}
              />
              <Text size="sm" c="dimmed">
                Один объект считается на доске за шаг один раз. Он засчитан, если был в состоянии не меньше{' '}
                {answer.minShare} % дней шага, но хотя бы один день; в шаге может не попасть ни в один столбец.
                Сотрудник, который перешёл, считается там, где был в тот день; группы CRM – по сегодняшнему составу.
                {answer.steps.some(({ isUnfinished }) => isUnfinished) && ' Звёздочка: шаг не завершён.'}
              </Text>
            </Sheet>
            {answer.sources.map((source) => (
              <Sheet key={source.id} title={source.note === null ? source.title : `${source.title}: ${source.note}`}>
                <Numbers answer={answer} source={source} onOpen={setPlace} onWhy={setWhy} />
              </Sheet>
            ))}
          </>
        )}
      </Loaded>
      <ByMailList />
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

const LISTS = ['board', 'cabinet', 'branch', 'department', 'employee', 'group'] as const;
const idsOf = (ids: readonly string[], prefix: string): string[] =>
  ids.filter((id) => id.startsWith(prefix)).map((id) => id.slice(prefix.length));

/** Boards, and the single feeds of those that have several. */
function sourcesOf(boards: ReportChoices['boards'], columns: readonly BoardColumn[]): ComboboxData {
  const single = columns.filter(({ board }) => columns.filter((one) => one.board === board).length > 1);
  return [
    { group: 'Доски', items: boards.map(({ id, name }) => ({ value: `board:${id}`, label: name })) },
    ...(single.length > 0
      ? [{ group: 'Отдельные фиды', items: single.map(({ id, title }) => ({ value: `cabinet:${id}`, label: title })) }]
      : []),
  ];
}

interface PictureProps {
  readonly address: string;
  readonly answer: ExportReport;
  readonly onOpen: (place: Place) => void;
}

/** The picture of the server; a column that is pointed at tells its number, and opens what is behind it. */
function Picture({ address, answer, onOpen }: PictureProps) {
  const { sources, steps } = answer;
  const [told, setTold] = useState('');
  const placeOf = (event: MouseEvent): (Place & { readonly count: number }) | null => {
    const box = event.currentTarget.getBoundingClientRect();
    const scale = PICTURE.width / box.width;
    const point = { x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale };
    const found = pointedAt(point, sources.length, steps.length);
    if (!found) return null;
    const [source, step] = [sources[found.source]!, steps[found.step]!];
    const { series } = found;
    const count = source.steps[found.step]!.total[series];
    return { at: step.from, source: source.id, sourceTitle: source.title, label: step.label, series, count };
  };
  return (
    // Its columns are in the table below for whoever has no mouse.
    <UnstyledButton
      tabIndex={-1}
      w="100%"
      title={told}
      aria-label="График выгрузки: столбец открывает свои объекты; те же числа в таблице ниже"
      onMouseMove={(event) => {
        const place = placeOf(event);
        setTold(place ? `${place.label}, ${SERIES_LABELS[place.series]}: ${formatNumber(place.count)}` : '');
      }}
      onClick={(event) => {
        const place = placeOf(event);
        if (place && place.count > 0) onOpen(place);
      }}
    >
      <img
        src={address}
        width={PICTURE.width}
        height={pictureHeight(sources.length)}
        alt="График выгрузки"
        className={classes.picture}
      />
    </UnstyledButton>
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
                <Table.Th
                  scope="row"
                  className={classes.days!}
                  title={`нужно ${counted(needed, 'день', 'дня', 'дней')}`}
                >
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
function Behind({ place: { at, source, series, of }, query }: { place: Place; query: Query }) {
  const asked = { ...query, at, source, series, ...(of !== undefined && { of }) };
  return <MemberList address="/reports/exports/members" query={asked} />;
}

function MemberList({ address, query }: { address: string; query: Query }) {
  const members = useApi<Members>(address, query);
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
              {data.map(({ outcomes, now, reason, ...listing }) => (
                <Table.Tr key={listing.id}>
                  <Table.Td>
                    <ListingName listing={listing} />
                  </Table.Td>
                  <Table.Td className={classes.days!}>
                    {outcomes.map(({ label, days }) => (
                      <div key={label}>
                        {label} {days}
                      </div>
                    ))}
                  </Table.Td>
                  <Table.Td>
                    {listing.isSeen ? (now ?? 'не отмечен') : '–'}
                    {reason && (
                      <Text size="xs" c="dimmed">
                        {reason}
                      </Text>
                    )}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </>
      )}
    </Loaded>
  );
}

/** Why the step has more or fewer published listings than the one before; a bar opens its listings. */
function Why({ place: { at, source }, query }: { place: Place; query: Query }) {
  const [open, setOpen] = useState<{ readonly reason: string; readonly way: 'left' | 'came' } | null>(null);
  const asked = { ...query, at, source };
  const changes = useApi<Changes>('/reports/exports/changes', asked);
  return (
    <Loaded query={changes}>
      {(answer) => (
        <>
          <Alert color="blue" mb="sm">
            Выгружено {signed(answer.difference)}: {answer.after} к {answer.before}.
          </Alert>
          <Waterfall changes={answer} onOpen={(reason, way) => setOpen({ reason, way })} />
          {open && (
            <>
              <Title order={3} mt="md" mb="xs">
                {open.way === 'left' ? 'Ушли:' : 'Пришли, раньше:'}{' '}
                {answer.reasons.find(({ reason }) => reason === open.reason)?.label}
              </Title>
              <MemberList address="/reports/exports/changes/members" query={{ ...asked, ...open }} />
            </>
          )}
        </>
      )}
    </Loaded>
  );
}

interface WaterfallProps {
  readonly changes: Changes;
  readonly onOpen: (reason: string, way: 'left' | 'came') => void;
}

/** From the number of one step to that of the next, reason by reason. */
function Waterfall({ changes: { before, after, start, difference, reasons }, onOpen }: WaterfallProps) {
  const ways = { left: 'ушли:', came: 'пришли, раньше:' } as const;
  const moves = (['left', 'came'] as const).flatMap((way) =>
    reasons.filter((one) => one[way] > 0).map(({ reason, label, [way]: count }) => ({ way, reason, label, count })),
  );
  let level = start;
  const bars = moves.map((move) => {
    const from = level;
    level += move.way === 'came' ? move.count : -move.count;
    return { ...move, low: Math.min(from, level), high: Math.max(from, level) };
  });
  // What all have in common is left out, so that the differences are seen.
  const least = Math.min(start, start + difference, ...bars.map(({ low }) => low));
  const most = Math.max(start, ...bars.map(({ high }) => high));
  const floor = Math.max(0, least - (most - least) * 0.15);
  const part = (value: number) => `${((value - floor) / Math.max(1, most - floor)) * 100}%`;
  const whole = (label: string, value: number) => (
    <div className={classes.step}>
      <span>{label}</span>
      <span className={classes.track}>
        <span className={classes.whole} style={{ left: 0, width: part(value) }} />
      </span>
      <span className={classes.count}>{formatNumber(value)}</span>
    </div>
  );
  return (
    <div className={classes.waterfall}>
      {whole(`Было, ${before}`, start)}
      {bars.map(({ way, reason, label, count, low, high }) => (
        <div key={`${reason} ${way}`} className={classes.step}>
          <span>
            <span className={classes.way}>{ways[way]}</span> {label}
          </span>
          <span className={classes.track}>
            <span className={classes[way]} style={{ left: part(low), width: `calc(${part(high)} - ${part(low)})` }} />
          </span>
          <Anchor
            component="button"
            type="button"
            size="sm"
            className={classes.count!}
            aria-label={`${signed(way === 'came' ? count : -count)}, ${ways[way]} ${label}`}
            onClick={() => onOpen(reason, way)}
          >
            {signed(way === 'came' ? count : -count)}
          </Anchor>
        </div>
      ))}
      {whole(`Стало, ${after}`, start + difference)}
    </div>
  );
}
