import { Anchor, Group, MultiSelect, Progress, Table, Text, useComputedColorScheme } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { BoardColumn } from '../../../contracts/listings.ts';
import type { MoneyMembers, MoneyReport, MoneyRow } from '../../../contracts/money-report.ts';
import {
  MONEY_GROUPING_LABELS,
  MONEY_GROUPINGS,
  type MoneyGrouping,
  NO_KEY,
  STEPS,
  type Step,
} from '../../../contracts/words.ts';
import { addressOf, type Query } from '../../api.ts';
import { Sheet } from '../../parts/page.tsx';
import { Empty } from '../../parts/states.tsx';
import { useApi } from '../../query.ts';
import { listOf, oneAmong } from '../../router.tsx';
import { formatNumber, money } from '../../words.ts';
import { AudienceButton } from './audience.tsx';
import {
  Beside,
  Breakdown,
  Listings,
  ReportPage,
  StepChoice,
  useOpened,
  useReport,
  useReportWords,
} from './report.tsx';

/** «Расходы»: what the boards cost and what came of it; the address keeps every choice. */
export default function Money() {
  const [words, change] = useReportWords((raw) => ({
    step: oneAmong<Step>(STEPS, raw.step, 'week'),
    by: oneAmong<MoneyGrouping>(MONEY_GROUPINGS, raw.by, 'board'),
    board: listOf(raw.board),
  }));
  const [report, asked] = useReport<MoneyReport>('/reports/money', words);
  const boards = useApi<{ data: BoardColumn[] }>('/boards', undefined, { staleTime: 60_000 });
  const [opened, setOpened] = useOpened<MoneyRow>(asked);
  const scheme = useComputedColorScheme('light');
  const named = new Map((boards.data?.data ?? []).map(({ board, boardName }) => [board, boardName]));
  return (
    <ReportPage
      here="/reports/money"
      title="Расходы"
      about="Сколько потрачено на досках, чьи это объекты, сколько стоит день в фиде и звонок."
      path="/reports/money"
      files={['xlsx', 'csv', 'png']}
      actions={<AudienceButton />}
      {...{ words, change, report }}
      choices={
        <>
          <Breakdown all={MONEY_GROUPINGS} labels={MONEY_GROUPING_LABELS} value={words.by} change={change} />
          <StepChoice label="Шаг графика" value={words.step} change={change} />
          <MultiSelect
            label="Доски"
            w={{ base: '100%', xs: 240 }}
            placeholder={words.board.length === 0 ? 'все' : ''}
            clearable
            value={[...words.board]}
            onChange={(board) => change({ board })}
            data={[...named].map(([value, label]) => ({ value, label }))}
          />
        </>
      }
      below={
        <Beside
          of={opened}
          onClose={() => setOpened(null)}
          title={({ name, spentKopecks }) => `${name}: ${money(spentKopecks)}`}
        >
          {(row) => <Behind row={row} query={asked} />}
        </Beside>
      }
    >
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
                src={addressOf('/reports/money.svg', { ...asked, theme: scheme })}
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
    </ReportPage>
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
                {by === 'account' && row.id !== NO_KEY ? (
                  <Anchor
                    component={Link}
                    to="/accounts/$id"
                    params={{ id: row.id } as never}
                    search={{ from: answer.from, until: answer.until } as never}
                    size="sm"
                  >
                    {row.name}
                  </Anchor>
                ) : !row.hasListings ? (
                  row.name
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
  return (
    <Listings<MoneyMembers['data'][number]>
      address="/reports/money/members"
      query={{ ...query, of: row.id }}
      shown="самые дорогие"
      columns={[
        { head: 'потрачено', isNumber: true, cell: ({ spentKopecks }) => money(spentKopecks) },
        ...(row.days === null
          ? []
          : [
              { head: 'дней', isNumber: true, cell: ({ days }: { days: number | null }) => count(days) },
              { head: 'звонки', isNumber: true, cell: ({ calls }: { calls: number | null }) => count(calls) },
            ]),
      ]}
    />
  );
}
