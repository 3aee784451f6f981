import { Button, Menu, MultiSelect, SegmentedControl, Text } from '@mantine/core';
import { IconAlertTriangle, IconDownload, IconPencil, IconRss } from '@tabler/icons-react';
import type { Advice, DiagnosisRow, Diagnostics, FeedTrouble } from '../../contracts/diagnostics.ts';
import { addressOf, type Query } from '../api.ts';
import { OUTCOME_LOOKS, OutcomeChip } from '../parts/outcome-chip.tsx';
import { Page } from '../parts/page.tsx';
import { Empty, Loaded } from '../parts/states.tsx';
import { Way, WayButton } from '../parts/way.tsx';
import { useApi } from '../query.ts';
import { listOf, oneOf, useAddress } from '../router.tsx';
import { useMay } from '../session.ts';
import { cabinetName, counted, day, formatNumber, objects } from '../words.ts';
import classes from './diagnostics/diagnostics.module.css';
import { History } from './diagnostics/history.tsx';

const VIEWS = ['objects', 'feeds', 'advice'] as const;
type View = (typeof VIEWS)[number];

interface Filter {
  readonly board: readonly string[];
  readonly cabinet: readonly string[];
  readonly branch: readonly string[];
  readonly fixer: readonly string[];
}

/** «Диагностика»: everything that keeps marks off the boards, with a way to the listings and to the cure. */
export default function DiagnosticsScreen() {
  const [{ view, ...filter }, change] = useAddress((raw) => ({
    board: listOf(raw.board),
    cabinet: listOf(raw.cabinet),
    branch: listOf(raw.branch),
    fixer: listOf(raw.fixer),
    view: VIEWS.find((one) => one === oneOf(raw.view)) ?? ('objects' as View),
  }));
  const query = queryOf(filter);
  const diagnostics = useApi<Diagnostics>('/diagnostics', query);
  return (
    <Page
      title="Диагностика"
      words="Что мешает отмеченным объектам выйти, по решениям последних сборок."
      actions={<Download query={query} />}
    >
      <Loaded query={diagnostics}>
        {(told) => (
          <>
            <Filters filter={filter} told={told} change={change} />
            <SegmentedControl
              aria-label="Что показать"
              value={view}
              onChange={(value) => change({ view: value === 'objects' ? undefined : value }, { replace: true })}
              data={[
                { value: 'objects', label: `Объекты (${formatNumber(stoppedCount(told))})` },
                ...(told.feeds.length > 0 ? [{ value: 'feeds', label: `Фиды (${told.feeds.length})` }] : []),
                { value: 'advice', label: 'Советы' },
              ]}
            />
            {view === 'feeds' && told.feeds.length > 0 ? (
              <FeedTroubles troubles={told.feeds} />
            ) : view === 'advice' ? (
              <AdviceView filter={filter} told={told} />
            ) : (
              <>
                <Sums told={told} />
                <History query={queryOf({ ...filter, fixer: [] })} />
                <Rows told={told} filter={filter} onReset={() => change(NOTHING)} />
              </>
            )}
          </>
        )}
      </Loaded>
    </Page>
  );
}

const NOTHING = { board: undefined, cabinet: undefined, branch: undefined, fixer: undefined };

/** What stands in a query only if it is asked for: the server tells an empty list from none. */
function queryOf(filter: Filter): Query {
  return Object.fromEntries(Object.entries(filter).filter(([, values]) => values.length > 0));
}

const stoppedCount = ({ outcomes, marks }: Diagnostics) =>
  marks - (outcomes.find(({ outcome }) => outcome === 'published')?.marks ?? 0);

function Download({ query }: { query: Query }) {
  return (
    <Menu>
      <Menu.Target>
        <Button variant="default" leftSection={<IconDownload size={16} aria-hidden />}>
          Скачать всё
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {(
          [
            ['xlsx', 'Excel'],
            ['csv', 'CSV'],
          ] as const
        ).map(([format, words]) => (
          <Menu.Item
            key={format}
            component="a"
            href={addressOf('/diagnostics/download', { ...query, format })}
            download
          >
            {words}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

interface FiltersProps {
  readonly filter: Filter;
  readonly told: Diagnostics;
  readonly change: (patch: Record<string, unknown>, how?: { replace?: boolean }) => void;
}

function Filters({ filter, told: { filters }, change }: FiltersProps) {
  const cabinets = filters.cabinets.filter(({ board }) => filter.board.length === 0 || filter.board.includes(board));
  const one = (name: keyof Filter, label: string, data: readonly { value: string; label: string }[]) =>
    data.length > 1 && (
      <MultiSelect
        label={label}
        placeholder={filter[name].length === 0 ? 'все' : ''}
        data={[...data]}
        value={[...filter[name]]}
        onChange={(value) => change({ [name]: value }, { replace: true })}
        clearable
        clearButtonProps={{ 'aria-label': `Очистить: ${label}` }}
        miw={170}
        maw={320}
      />
    );
  return (
    <div className={classes.filters}>
      {one(
        'board',
        'Доска',
        filters.boards.map(({ id, name }) => ({ value: id, label: name })),
      )}
      {cabinets.length > filters.boards.length &&
        one(
          'cabinet',
          'Кабинет',
          cabinets.map((cabinet) => ({ value: String(cabinet.id), label: cabinetName(cabinet) })),
        )}
      {one(
        'branch',
        'Филиал',
        filters.branches.map(({ id, name }) => ({ value: String(id), label: name })),
      )}
      {one(
        'fixer',
        'Кто исправляет',
        filters.fixers.map(({ id, label }) => ({ value: id, label })),
      )}
    </div>
  );
}

/** All marks, each in one place. */
function Sums({ told }: { told: Diagnostics }) {
  return (
    <div className={classes.sums}>
      <Text size="sm" c="dimmed">
        {counted(told.marks, 'отметка', 'отметки', 'отметок')}:
      </Text>
      {told.outcomes.map(({ outcome, label, marks, change }) => (
        <span key={label} className={classes.sum}>
          <OutcomeChip outcome={outcome} label={label} detail={formatNumber(marks)} />
          <Change by={change} isGood={outcome === 'published'} />
        </span>
      ))}
      {told.yesterday !== null && (
        <Text size="sm" c="dimmed">
          ▲▼ — перемены с конца {day(told.yesterday)}
        </Text>
      )}
    </div>
  );
}

function Change({ by, isGood = false }: { by: number | null; isGood?: boolean }) {
  if (by === null || by === 0) return null;
  const way = by > 0 === isGood ? 'better' : 'worse';
  return (
    <span className={classes.change} data-way={way}>
      <span aria-hidden>
        {by > 0 ? '▲' : '▼'}
        {formatNumber(Math.abs(by))}
      </span>
      <span className="heard">
        {by > 0 ? 'больше' : 'меньше'} вчерашнего на {formatNumber(Math.abs(by))}
      </span>
    </span>
  );
}

function Rows({ told, filter, onReset }: { told: Diagnostics; filter: Filter; onReset: () => void }) {
  const may = useMay();
  const { rows, marks } = told;
  if (rows.length === 0) {
    const isNarrowed = Object.values(filter).some((values) => values.length > 0);
    if (marks === 0 && !isNarrowed)
      return (
        <Empty
          title="Отметок пока нет"
          words="Отметьте объекты на доски, и здесь станет видно, что мешает им выйти."
          action={{ words: 'К объектам', to: '/listings' }}
        />
      );
    if (stoppedCount(told) > 0 || (marks === 0 && isNarrowed))
      return (
        <Empty kind="filter" title="По фильтру ничего нет" action={{ words: 'Сбросить фильтр', onClick: onReset }} />
      );
    return <Empty kind="done" title="Всё в фидах" words={`Отмечено ${objects(marks)}, и ничто не мешает.`} />;
  }
  const notices = rows.filter(({ code }) => code !== null);
  const blocked = told.outcomes.find(({ outcome }) => outcome === 'blocked')?.marks ?? 0;
  const isAll = filter.fixer.length === 0;
  return (
    <div className={classes.wrap}>
      <table className={classes.table}>
        <caption className="heard">Что мешает и скольким объектам</caption>
        <thead>
          <tr>
            <th scope="col">Что мешает</th>
            <th scope="col">Доска</th>
            <th scope="col" className={classes.number}>
              Объекты
            </th>
            <th scope="col" className={classes.number} title="У скольких объектов это первая причина">
              Первая причина
            </th>
            <th scope="col">
              <span className="heard">Действия</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row key={row.key} row={row} mayFill={may('corrections')} />
          ))}
        </tbody>
        {isAll && notices.length > 0 && (
          <tfoot>
            <tr>
              <td colSpan={5}>
                С ошибками {objects(blocked)}; первых причин столько же. По столбцу «Объекты» сумма больше, если у
                одного объекта несколько замечаний.
              </td>
            </tr>
          </tfoot>
        )}
      </table>
    </div>
  );
}

function Row({ row, mayFill }: { row: DiagnosisRow; mayFill: boolean }) {
  const { cabinet, outcome, code, label, message, isExample, fixedByLabel, marks, decides, only, change, rule } = row;
  const looks = outcome === null ? null : OUTCOME_LOOKS[outcome];
  const Icon = looks?.icon ?? IconAlertTriangle;
  return (
    <tr className={classes.row} data-gone={marks === 0 || undefined}>
      <td>
        <div className={classes.what}>
          <span className={classes.sign} data-tone={looks?.tone ?? 'neutral'}>
            <Icon size={18} aria-hidden />
          </span>
          <div>
            <Text size="sm" fw={500}>
              {code === null ? label : isExample ? label : message}
            </Text>
            {message !== null && (code === null || isExample) && (
              <Text size="sm">
                {isExample && 'например: '}
                {message}
              </Text>
            )}
            <div className={classes.small}>
              {code !== null && rule !== null && (
                <Way href={rule} size="xs" aria-label={`Требование ${code}: ${label}`}>
                  {code}
                </Way>
              )}
              {fixedByLabel !== null && <span>исправляет {fixedByLabel}</span>}
              {code !== null && only > 0 && only < marks && <span>у {objects(only)} это единственное</span>}
            </div>
          </div>
        </div>
      </td>
      <td data-label="Доска">
        {cabinet.boardName}
        {cabinet.name !== cabinet.boardName && (
          <Text size="xs" c="dimmed">
            {cabinet.name}
          </Text>
        )}
      </td>
      <td className={classes.number} data-label="Объекты">
        {formatNumber(marks)}
        <Change by={change} />
      </td>
      <td className={classes.number} data-label="Первая причина">
        {code === null ? '–' : formatNumber(decides)}
      </td>
      <td>
        <div className={classes.actions}>
          {marks > 0 && (
            <WayButton
              href={row.listings}
              size="compact-sm"
              aria-label={`Показать ${objects(marks)}: ${label}, ${cabinet.boardName}`}
            >
              Показать
            </WayButton>
          )}
          {marks > 0 && row.canFill && code !== null && mayFill && (
            <WayButton
              href={`/diagnostics/fill?code=${encodeURIComponent(code)}&cabinet=${cabinet.id}`}
              size="compact-sm"
              variant="filled"
              leftSection={<IconPencil size={14} aria-hidden />}
              aria-label={`Заполнить: ${label}, ${cabinet.boardName}`}
            >
              Заполнить
            </WayButton>
          )}
        </div>
      </td>
    </tr>
  );
}

function FeedTroubles({ troubles }: { troubles: readonly FeedTrouble[] }) {
  return (
    <ul className={classes.list}>
      {troubles.map(({ feed, name, kind, words }) => (
        <li key={`${feed} ${kind}`} className={classes.trouble}>
          <div className={classes.what}>
            <span className={classes.sign} data-tone="error">
              <IconRss size={18} aria-hidden />
            </span>
            <div>
              <Text size="sm" fw={500}>
                {name}
              </Text>
              <Text size="sm">{words}</Text>
            </div>
          </div>
          <WayButton href={`/feeds/${feed}`} size="xs" aria-label={`Разобраться: ${name}`}>
            Разобраться
          </WayButton>
        </li>
      ))}
    </ul>
  );
}

/** Notices that stop nobody: asked for one cabinet at a time, because the runs do not keep them. */
function AdviceView({ filter, told }: { filter: Filter; told: Diagnostics }) {
  const cabinets = told.filters.cabinets.filter(
    ({ id, board }) =>
      (filter.board.length === 0 || filter.board.includes(board)) &&
      (filter.cabinet.length === 0 || filter.cabinet.includes(String(id))),
  );
  const [{ of }, change] = useAddress((raw) => ({ of: oneOf(raw.of) }));
  const chosen = cabinets.find(({ id }) => String(id) === of) ?? cabinets[0];
  const advice = useApi<Advice>(
    '/diagnostics/advice',
    { cabinet: chosen?.id, ...(filter.branch.length > 0 && { branch: filter.branch }) },
    { enabled: chosen !== undefined, staleTime: 60_000 },
  );
  if (!chosen) return <Empty title="Кабинетов досок ещё нет" />;
  return (
    <>
      <SegmentedControl
        aria-label="Кабинет"
        value={String(chosen.id)}
        onChange={(value) => change({ of: value }, { replace: true })}
        data={cabinets.map((cabinet) => ({ value: String(cabinet.id), label: cabinetName(cabinet) }))}
        style={{ alignSelf: 'flex-start', maxWidth: '100%', overflowX: 'auto' }}
      />
      <Loaded query={advice} longWords="Спрашиваем доску о каждом объекте, это несколько секунд.">
        {({ rows, looked, marks }) =>
          rows.length === 0 ? (
            <Empty kind="done" title="Советов нет" words={`Проверено ${objects(looked)}.`} />
          ) : (
            <>
              <Text size="sm" c="dimmed">
                Советы никого не держат: объект выходит, но его могут показать хуже.{' '}
                {looked < marks
                  ? `Посчитано по первым ${formatNumber(looked)} отметкам из ${formatNumber(marks)}.`
                  : `Проверено ${counted(marks, 'отметка', 'отметки', 'отметок')}, это все.`}
              </Text>
              <ul className={classes.list}>
                {rows.map((row) => (
                  <li key={row.code} className={classes.trouble}>
                    <div className={classes.what}>
                      <span className={classes.sign} data-tone="money">
                        <IconAlertTriangle size={18} aria-hidden />
                      </span>
                      <div>
                        <Text size="sm">
                          {row.isExample && 'например: '}
                          {row.message}
                        </Text>
                        <div className={classes.small}>
                          {row.rule !== null && (
                            <Way href={row.rule} size="xs">
                              {row.code}
                            </Way>
                          )}
                          <span>исправляет {row.fixedByLabel}</span>
                        </div>
                        <details>
                          <summary>{objects(row.marks)}</summary>
                          <ul>
                            {row.listings.map(({ id, title }) => (
                              <li key={id}>
                                <Way href={`/listings/${id}`}>{title}</Way>
                              </li>
                            ))}
                            {row.marks > row.listings.length && (
                              <li>и ещё {formatNumber(row.marks - row.listings.length)}</li>
                            )}
                          </ul>
                        </details>
                      </div>
                    </div>
                  </li>
                ))}
              </ul>
            </>
          )
        }
      </Loaded>
    </>
  );
}
