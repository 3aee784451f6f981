import { Anchor } from '@mantine/core';
import type { ExportReport } from '../../../contracts/export-report.ts';
import { SERIES, SERIES_LABELS, type Series } from '../../../contracts/words.ts';
import { type FactRow, FactTable } from '../../parts/fact-table.tsx';
import { counted, formatNumber } from '../../words.ts';
import type { Place } from './behind.tsx';
import { percent, signed } from './report.tsx';

interface NumbersProps {
  readonly answer: ExportReport;
  readonly source: ExportReport['sources'][number];
  readonly onOpen: (place: Place) => void;
  readonly onWhy: (place: Place) => void;
}

const COLUMNS = [...SERIES.map((series) => SERIES_LABELS[series]), 'доля', 'к прошлому шагу'].map((head) => ({
  head,
  isNumber: true,
}));

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
  const why = (at: number, change: number | null) =>
    change === null ? (
      <span title={at === 0 ? 'шага раньше в отчёте нет' : 'записи нет'}>–</span>
    ) : (
      // As many as before need not be the same ones.
      <Anchor
        component="button"
        type="button"
        size="sm"
        aria-label={`${signed(change)}: почему, ${steps[at]!.label}`}
        onClick={() => onWhy({ at: steps[at]!.from, label: steps[at]!.label, series: 'published', ...of })}
      >
        {signed(change)}
      </Anchor>
    );
  const rows = steps.flatMap(({ from, label, needed }, at): FactRow[] => {
    const { total, byGroup } = source.steps[at]!;
    const before = at === 0 ? null : source.steps[at - 1]!.total;
    const change = total && before ? total.published - before.published : null;
    return [
      {
        key: from,
        name: label,
        hint: `нужно ${counted(needed, 'день', 'дня', 'дней')}`,
        cells: [
          ...SERIES.map((series) => (total ? cell(at, series, total[series]) : UNKNOWN)),
          total ? percent(total.published, total.marked) : '–',
          why(at, change),
        ],
      },
      ...byGroup.flatMap((counts, group): FactRow[] =>
        counts.marked === 0
          ? []
          : [
              {
                key: `${from} ${groups[group]!.id}`,
                name: groups[group]!.name,
                look: 'within',
                cells: [
                  ...SERIES.map((series) => cell(at, series, counts[series], groups[group])),
                  percent(counts.published, counts.marked),
                  null,
                ],
              },
            ],
      ),
    ];
  });
  return <FactTable head="Шаг" columns={COLUMNS} rows={rows} minWidth={640} isInTime />;
}
