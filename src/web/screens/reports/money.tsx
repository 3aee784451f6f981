import { Anchor, Group, MultiSelect, Progress, Text, useComputedColorScheme } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
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
import { FactTable } from '../../parts/fact-table.tsx';
import { Sheet } from '../../parts/page.tsx';
import { Empty } from '../../parts/states.tsx';
import { useApi } from '../../query.ts';
import { listOf, oneAmong } from '../../router.tsx';
import { formatNumber, money } from '../../words.ts';
import { AudienceButton } from './audience.tsx';
import classes from './exports.module.css';
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
              {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys */}
              <section className={classes.sideways} tabIndex={0} aria-label="График расходов">
                <img
                  src={addressOf('/reports/money.svg', { ...asked, theme: scheme })}
                  alt="Расходы по шагам; итоги тех же групп в таблице ниже"
                  className={classes.picture}
                />
              </section>
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
  // What is rare has a column only where there is any of it.
  const any = (name: 'waivedKopecks' | 'correctedKopecks') => rows.some((row) => row[name] !== 0);
  type Told = readonly [head: string, cell: (one: MoneyReport['totals']) => ReactNode];
  const where = (isThere: boolean, ...told: Told[]) => (isThere ? told : []);
  const columns: readonly Told[] = [
    ['потрачено', (one) => money(one.spentKopecks)],
    ['доля', (one) => <Share of={one.spentKopecks} all={totals.spentKopecks} />],
    ...where(
      hasDays,
      ['дней в фиде', (one) => count(one.days)],
      ['цена дня', (one) => sum(one.dayKopecks)],
      ['просмотры', (one) => count(one.views)],
      ['звонки', (one) => count(one.calls)],
      ['цена звонка', (one) => sum(one.callKopecks)],
    ),
    ['паузы сберегли', (one) => money(one.savedByPausesKopecks)],
    ['снятие сберегло', (one) => money(one.savedByLeavingKopecks)],
    ...where(any('waivedKopecks'), ['не взято', (one) => money(one.waivedKopecks)]),
    ...where(any('correctedKopecks'), ['встречные записи', (one) => money(one.correctedKopecks)]),
  ];
  const cellsOf = (one: MoneyReport['totals']) => columns.map(([, cell]) => cell(one));
  const named = (row: MoneyRow) =>
    by === 'account' && row.id !== NO_KEY ? (
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
    );
  return (
    <FactTable
      head="Группа"
      columns={columns.map(([head]) => ({ head, isNumber: head !== 'доля' }))}
      rows={[
        ...rows.map((row) => ({ key: row.id, name: named(row), cells: cellsOf(row), isLong: true })),
        { key: 'all', name: 'Всего', cells: cellsOf(totals), look: 'total' },
      ]}
      minWidth={900}
      isDense
    />
  );
}

function Share({ of, all }: { of: number; all: number }) {
  if (all <= 0 || of < 0) return '–';
  const share = (of / all) * 100;
  return (
    <Group gap={6} wrap="nowrap">
      <Progress value={share} w={40} aria-hidden />
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
