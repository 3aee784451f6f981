import { Anchor, Table } from '@mantine/core';
import type { ExportReport } from '../../../contracts/export-report.ts';
import { SERIES, SERIES_LABELS, type Series } from '../../../contracts/words.ts';
import { counted, formatNumber } from '../../words.ts';
import type { Place } from './behind.tsx';
import classes from './exports.module.css';
import { percent, signed } from './report.tsx';

interface NumbersProps {
  readonly answer: ExportReport;
  readonly source: ExportReport['sources'][number];
  readonly onOpen: (place: Place) => void;
  readonly onWhy: (place: Place) => void;
}

const UNKNOWN = <span title="записи нет">–</span>;

/** The numbers of a board, each of them the way to its listings. */
export function Numbers({ answer: { steps, groups }, source, onOpen, onWhy }: NumbersProps) {
  const of = { source: source.id, sourceTitle: source.title };
  const cell = (step: number, series: Series, count: number, group?: ExportReport['groups'][number]) => {
    const { from: at, label } = steps[step]!;
    return count === 0 ? (
      '0'
    ) : (
      <Anchor
        component="button"
        type="button"
        size="sm"
        aria-label={`${formatNumber(count)}: ${SERIES_LABELS[series]}, ${label}${group ? `, ${group.name}` : ''}`}
        onClick={() => onOpen({ at, label, series, ...of, ...(group && { of: group.id, group: group.name }) })}
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
            const before = at === 0 ? null : source.steps[at - 1]!.total;
            const change = total && before ? total.published - before.published : null;
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
                    {total ? cell(at, series, total[series]) : UNKNOWN}
                  </Table.Td>
                ))}
                <Table.Td ta="right">{total ? percent(total.published, total.marked) : '–'}</Table.Td>
                <Table.Td ta="right">
                  {change === null ? (
                    <span title={at === 0 ? 'шага раньше в отчёте нет' : 'записи нет'}>–</span>
                  ) : (
                    // As many as before need not be the same ones.
                    <Anchor
                      component="button"
                      type="button"
                      size="sm"
                      aria-label={`${signed(change)}: почему, ${label}`}
                      onClick={() => onWhy({ at: from, label, series: 'published', ...of })}
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
                        <Table.Td ta="right">{percent(counts.published, counts.marked)}</Table.Td>
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
