import {
  Anchor,
  Drawer,
  Group,
  MultiSelect,
  Progress,
  SegmentedControl,
  Select,
  Table,
  Text,
  useComputedColorScheme,
} from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { BoardColumn } from '../../../contracts/listings.ts';
import type { MoneyMembers, MoneyReport, MoneyRow } from '../../../contracts/money-report.ts';
import {
  MONEY_GROUPING_LABELS,
  MONEY_GROUPINGS,
  type MoneyGrouping,
  STEP_LABELS,
  STEPS,
  type Step,
} from '../../../contracts/words.ts';
import { addressOf, type Query } from '../../api.ts';
import { Page, Sheet } from '../../parts/page.tsx';
import { Empty, Loaded, Skeletons } from '../../parts/states.tsx';
import { useApi } from '../../query.ts';
import { listOf, oneAmong, oneOf, useAddress } from '../../router.tsx';
import { formatNumber, money, objects } from '../../words.ts';
import { ListingName, ReportFiles, Whose } from './parts.tsx';
import { ReportPeriod } from './period.tsx';
import { ReportTabs } from './tabs.tsx';

/** «Расходы»: what the boards cost and what came of it; the address keeps every choice. */

export default function Money() {
  const [words, change] = useAddress((raw) => ({
    from: oneOf(raw.from),
    until: oneOf(raw.until),
    step: oneAmong<Step>(STEPS, raw.step, 'week'),
    by: oneAmong<MoneyGrouping>(MONEY_GROUPINGS, raw.by, 'board'),
    board: listOf(raw.board),
    branch: listOf(raw.branch),
    department: listOf(raw.department),
    employee: listOf(raw.employee),
  }));
  const { from, until, step, by, ...lists } = words;
  const query: Query = {
    ...(from && { from }),
    ...(until && { until }),
    ...{ step, by },
    ...Object.fromEntries(Object.entries(lists).filter(([, chosen]) => chosen.length > 0)),
  };
  const report = useApi<MoneyReport>('/reports/money', query, { placeholderData: (last) => last });
  const boards = useApi<{ data: BoardColumn[] }>('/boards', undefined, { staleTime: 60_000 });
  const [opened, setOpened] = useState<MoneyRow | null>(null);
  const scheme = useComputedColorScheme('light');
  const named = new Map((boards.data?.data ?? []).map(({ board, boardName }) => [board, boardName]));
  return (
    <Page
      title="Расходы"
      words="Сколько потрачено на досках, чьи это объекты, сколько стоит день в фиде и звонок."
      actions={
        <Group gap="xs">
          <ReportFiles address="/reports/money" query={query} kinds={['xlsx', 'csv']} />
        </Group>
      }
    >
      <ReportTabs here="/reports/money" />
      <Group gap="sm" align="end" role="search">
        <ReportPeriod
          from={from ?? report.data?.from ?? null}
          until={until ?? report.data?.until ?? null}
          onChange={change}
        />
        <Select
          label="Разбивка"
          w={230}
          allowDeselect={false}
          value={by}
          onChange={(next) => next !== null && change({ by: next })}
          data={MONEY_GROUPINGS.map((value) => ({ value, label: MONEY_GROUPING_LABELS[value] }))}
        />
        <div>
          <Text size="sm" fw={500} id="money-step">
            Шаг графика
          </Text>
          <SegmentedControl
            aria-labelledby="money-step"
            value={step}
            onChange={(next) => change({ step: next })}
            data={STEPS.map((value) => ({ value, label: STEP_LABELS[value] }))}
          />
        </div>
        <MultiSelect
          label="Доски"
          w={{ base: '100%', xs: 240 }}
          placeholder={words.board.length === 0 ? 'все' : ''}
          clearable
          value={[...words.board]}
          onChange={(board) => change({ board })}
          data={[...named].map(([value, label]) => ({ value, label }))}
        />
        <Whose words={lists} change={change} />
      </Group>
      <Loaded query={report} skeleton={<Skeletons rows={3} height={200} />}>
        {(answer) =>
          answer.rows.length === 0 ? (
            <Empty
              title="За эти дни ничего не потрачено"
              words="Здесь будут списания за размещения, дни в фиде и то, что сэкономлено. Выберите другой период или уберите фильтр."
            />
          ) : (
            <>
              <Totals totals={answer.totals} known={answer.known} />
              <Sheet>
                <img
                  src={addressOf('/reports/money.svg', { ...query, theme: scheme })}
                  alt="Расходы по шагам; итоги тех же групп в таблице ниже"
                  style={{ width: '100%', height: 'auto' }}
                />
              </Sheet>
              <Sheet title={`Расходы ${MONEY_GROUPING_LABELS[answer.by]}`}>
                <Rows answer={answer} onOpen={setOpened} />
              </Sheet>
              <Sheet title="Как это посчитано">
                {answer.notes.map((note) => (
                  <Text key={note} size="sm" c="dimmed" mb={4}>
                    {note}
                  </Text>
                ))}
              </Sheet>
            </>
          )
        }
      </Loaded>
      <Drawer
        opened={opened !== null}
        onClose={() => setOpened(null)}
        position="right"
        size={620}
        title={opened && `${opened.name}: ${money(opened.spentKopecks)}`}
      >
        {opened && <Behind row={opened} query={query} />}
      </Drawer>
    </Page>
  );
}

const sum = (kopecks: number | null) => (kopecks === null ? '–' : money(kopecks));
const count = (value: number | null) => (value === null ? '–' : formatNumber(value));

function Totals({ totals, known }: Pick<MoneyReport, 'totals' | 'known'>) {
  const { spentKopecks, refundedKopecks, correctedKopecks, waivedKopecks, callKopecks, calls } = totals;
  const saved = totals.savedByPausesKopecks + totals.savedByLeavingKopecks;
  const facts: readonly (readonly [string, string, string?])[] = [
    [
      'Потрачено',
      money(spentKopecks),
      refundedKopecks > 0 ? `возвращено ${money(refundedKopecks)}, уже вычтено` : undefined,
    ],
    ['День объекта в фиде', sum(totals.dayKopecks), totals.days === null ? undefined : `дней ${count(totals.days)}`],
    [
      'Звонок',
      sum(callKopecks),
      calls === null
        ? 'звонки не известны'
        : `звонков ${count(calls)}, известны по ${known.calls} из ${known.cabinets} кабинетов`,
    ],
    [
      'Сэкономлено',
      money(saved),
      `паузами ${money(totals.savedByPausesKopecks)}, снятием ${money(totals.savedByLeavingKopecks)}`,
    ],
    ...(waivedKopecks > 0 ? [['Не взято', money(waivedKopecks), 'показано, платить было нечем'] as const] : []),
    ...(correctedKopecks === 0
      ? []
      : [['Встречные записи', money(correctedKopecks), 'исправления счетов, в потраченное не входят'] as const]),
  ];
  return (
    <Group component="dl" gap="xl" align="start" my={0}>
      {facts.map(([name, value, aside]) => (
        <div key={name}>
          <Text component="dt" size="sm" c="dimmed">
            {name}
          </Text>
          <Text component="dd" m={0} fw={700} size="lg">
            {value}
          </Text>
          {aside && (
            <Text component="dd" m={0} size="xs" c="dimmed">
              {aside}
            </Text>
          )}
        </div>
      ))}
    </Group>
  );
}

function Rows({ answer, onOpen }: { answer: MoneyReport; onOpen: (row: MoneyRow) => void }) {
  const { rows, totals, by } = answer;
  const hasDays = totals.days !== null;
  const line = (one: MoneyReport['totals']) => (
    <>
      <Table.Td ta="right">{money(one.spentKopecks)}</Table.Td>
      <Table.Td>
        <Share of={one.spentKopecks} all={totals.spentKopecks} />
      </Table.Td>
      {hasDays && (
        <>
          <Table.Td ta="right">{count(one.days)}</Table.Td>
          <Table.Td ta="right">{sum(one.dayKopecks)}</Table.Td>
          <Table.Td ta="right">{count(one.views)}</Table.Td>
          <Table.Td ta="right">{count(one.calls)}</Table.Td>
          <Table.Td ta="right">{sum(one.callKopecks)}</Table.Td>
        </>
      )}
      <Table.Td ta="right">{money(one.savedByPausesKopecks)}</Table.Td>
      <Table.Td ta="right">{money(one.savedByLeavingKopecks)}</Table.Td>
      <Table.Td ta="right">{money(one.waivedKopecks)}</Table.Td>
      <Table.Td ta="right">{money(one.correctedKopecks)}</Table.Td>
    </>
  );
  return (
    <Table.ScrollContainer minWidth={980}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Группа</Table.Th>
            <Table.Th ta="right">потрачено</Table.Th>
            <Table.Th>доля</Table.Th>
            {hasDays && (
              <>
                <Table.Th ta="right">дней в фиде</Table.Th>
                <Table.Th ta="right">цена дня</Table.Th>
                <Table.Th ta="right">просмотры</Table.Th>
                <Table.Th ta="right">звонки</Table.Th>
                <Table.Th ta="right">цена звонка</Table.Th>
              </>
            )}
            <Table.Th ta="right">сбережено паузами</Table.Th>
            <Table.Th ta="right">сбережено снятием</Table.Th>
            <Table.Th ta="right">не взято</Table.Th>
            <Table.Th ta="right">встречные записи</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row) => (
            <Table.Tr key={row.id}>
              <Table.Th scope="row" fw={400}>
                {by === 'account' && row.id !== '' ? (
                  <Anchor
                    component={Link}
                    to="/accounts/$id"
                    params={{ id: row.id } as never}
                    search={{ from: answer.from, until: answer.until } as never}
                    size="sm"
                  >
                    {row.name}
                  </Anchor>
                ) : (
                  <Anchor component="button" type="button" size="sm" ta="left" onClick={() => onOpen(row)}>
                    {row.name}
                  </Anchor>
                )}
              </Table.Th>
              {line(row)}
            </Table.Tr>
          ))}
          <Table.Tr fw={700}>
            <Table.Th scope="row">Всего</Table.Th>
            {line(totals)}
          </Table.Tr>
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Share({ of, all }: { of: number; all: number }) {
  if (all <= 0 || of < 0) return '–';
  const share = (of / all) * 100;
  return (
    <Group gap={6} wrap="nowrap">
      <Progress value={share} w={70} aria-hidden />
      <Text size="xs">{share > 0 && share < 1 ? '<1' : Math.round(share)}&nbsp;%</Text>
    </Group>
  );
}

/** The listings behind a row. */
function Behind({ row, query }: { row: MoneyRow; query: Query }) {
  const members = useApi<MoneyMembers>('/reports/money/members', { ...query, of: row.id });
  return (
    <Loaded query={members}>
      {({ total, data }) => (
        <>
          <Text size="sm" mb="sm">
            {objects(total)}
            {data.length < total && `, показаны самые дорогие ${formatNumber(data.length)}`}
          </Text>
          <Table.ScrollContainer minWidth={440}>
            <Table>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>Объект</Table.Th>
                  <Table.Th ta="right">потрачено</Table.Th>
                  {row.days !== null && <Table.Th ta="right">дней</Table.Th>}
                  {row.days !== null && <Table.Th ta="right">звонки</Table.Th>}
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {data.map(({ spentKopecks, days, calls, ...listing }) => (
                  <Table.Tr key={listing.id}>
                    <Table.Td>
                      <ListingName listing={listing} />
                    </Table.Td>
                    <Table.Td ta="right">{money(spentKopecks)}</Table.Td>
                    {row.days !== null && <Table.Td ta="right">{count(days)}</Table.Td>}
                    {row.days !== null && <Table.Td ta="right">{count(calls)}</Table.Td>}
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        </>
      )}
    </Loaded>
  );
}
