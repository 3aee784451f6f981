import { Button } from '@mantine/core';
import { useState } from 'react';
import type { OutcomeHistory } from '../../../contracts/diagnostics.ts';
import { OUTCOMES, type Outcome } from '../../../contracts/words.ts';
import type { Query } from '../../api.ts';
import { Sheet } from '../../parts/page.tsx';
import { Loaded, Skeletons } from '../../parts/states.tsx';
import { useApi } from '../../query.ts';
import { day, dayShort, formatNumber } from '../../words.ts';
import classes from './diagnostics.module.css';

/** Outcomes told together in the bars, as reports do; the table tells each by itself. */
const SERIES = [
  { id: 'published', words: 'в фиде', tone: '--tone-ok', pattern: null, of: ['published'] },
  { id: 'blocked', words: 'с ошибками', tone: '--tone-error', pattern: 'M0 6L6 0M-1 1L1 -1M5 7L7 5', of: ['blocked'] },
  { id: 'unfunded', words: 'не хватает денег', tone: '--tone-money', pattern: 'M3 0V6', of: ['unfunded'] },
  {
    id: 'rest',
    words: 'ждут: срок, модератор, пауза и другое',
    tone: '--tone-neutral',
    pattern: 'M0 3H6',
    of: OUTCOMES.filter((outcome) => !['published', 'blocked', 'unfunded'].includes(outcome)),
  },
] as const satisfies readonly {
  id: string;
  words: string;
  tone: string;
  pattern: string | null;
  of: readonly Outcome[];
}[];

type Day = OutcomeHistory['days'][number];

const sumOf = ({ counts }: Day, of: readonly Outcome[]) => of.reduce((sum, outcome) => sum + (counts[outcome] ?? 0), 0);
const totalOf = (one: Day) => sumOf(one, OUTCOMES);

/** Thirty days of outcomes: bars to see the turn of things, and the same as a table. */
export function History({ query }: { query: Query }) {
  const history = useApi<OutcomeHistory>('/diagnostics/history', query);
  const [isTable, setIsTable] = useState(false);
  return (
    <Sheet
      title="Итоги по дням"
      aside={
        <Button size="compact-sm" variant="default" aria-pressed={isTable} onClick={() => setIsTable(!isTable)}>
          {isTable ? 'Показать графиком' : 'Показать таблицей'}
        </Button>
      }
    >
      <Loaded query={history} skeleton={<Skeletons rows={1} height={132} />}>
        {({ days, labels }) => (isTable ? <Table days={days} labels={labels} /> : <Bars days={days} />)}
      </Loaded>
    </Sheet>
  );
}

const WIDTH = 900;
const HEIGHT = 132;
const LEFT = 44;
const BOTTOM = 20;

/** On a narrow screen the newest days are seen first. */
const toEnd = (scroller: HTMLElement | null) => {
  if (scroller) scroller.scrollLeft = scroller.scrollWidth;
};

function Bars({ days }: { days: readonly Day[] }) {
  const most = Math.max(1, ...days.map(totalOf));
  const step = (WIDTH - LEFT) / days.length;
  const scale = (HEIGHT - BOTTOM - 8) / most;
  const last = days.at(-1)!;
  const told = SERIES.map(({ words, of }) => `${words} ${formatNumber(sumOf(last, of))}`).join(', ');
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys */}
      <section className={classes.scroll} ref={toEnd} tabIndex={0} aria-label="График итогов">
        <svg
          className={classes.chart}
          viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
          role="img"
          aria-label={`Итоги за ${days.length} дней. Сейчас: ${told}. Числа по дням — в таблице.`}
        >
          <Patterns />
          {[most, most / 2].map((value) => (
            <g key={value}>
              <line
                className={classes.grid}
                x1={LEFT}
                x2={WIDTH}
                y1={HEIGHT - BOTTOM - value * scale}
                y2={HEIGHT - BOTTOM - value * scale}
              />
              <text className={classes.axis} x={LEFT - 6} y={HEIGHT - BOTTOM - value * scale + 4} textAnchor="end">
                {formatNumber(Math.round(value))}
              </text>
            </g>
          ))}
          {days.map((one, index) => {
            let top = HEIGHT - BOTTOM;
            const x = LEFT + index * step;
            return (
              <g key={one.day} opacity={one.isOver ? 1 : 0.75}>
                <title>
                  {`${day(one.day)}${one.isOver ? '' : ', день не кончился'}: ${
                    totalOf(one) === 0
                      ? 'записи нет'
                      : SERIES.map(({ words, of }) => `${words} ${formatNumber(sumOf(one, of))}`).join(', ')
                  }`}
                </title>
                <rect x={x} y={0} width={step} height={HEIGHT - BOTTOM} fill="transparent" />
                {SERIES.map((series) => {
                  const height = sumOf(one, series.of) * scale;
                  top -= height;
                  return height === 0 ? null : (
                    <rect key={series.id} x={x + 2} y={top} width={step - 4} height={height} fill={fillOf(series.id)} />
                  );
                })}
                {(index % 5 === 0 || index === days.length - 1) && (
                  <text className={classes.axis} x={x + step / 2} y={HEIGHT - 5} textAnchor="middle">
                    {dayShort(one.day).slice(0, 5)}
                  </text>
                )}
              </g>
            );
          })}
        </svg>
      </section>
      <ul className={classes.legend}>
        {SERIES.map((series) => (
          <li key={series.id}>
            <svg width={14} height={14} aria-hidden="true">
              <rect width={14} height={14} rx={3} fill={fillOf(series.id)} />
            </svg>
            {series.words}
          </li>
        ))}
      </ul>
    </>
  );
}

const fillOf = (id: string) => `url(#history-${id})`;

/** Not by colour alone: each series has a hatching of its own. */
function Patterns() {
  return (
    <defs>
      {SERIES.map(({ id, tone, pattern }) => (
        <pattern key={id} id={`history-${id}`} width={6} height={6} patternUnits="userSpaceOnUse">
          <rect width={6} height={6} fill={`var(${tone})`} fillOpacity={pattern === null ? 1 : 0.28} />
          {pattern !== null && <path d={pattern} stroke={`var(${tone})`} strokeWidth={1.6} />}
        </pattern>
      ))}
    </defs>
  );
}

function Table({ days, labels }: { days: readonly Day[]; labels: OutcomeHistory['labels'] }) {
  const used = OUTCOMES.filter((outcome) => days.some(({ counts }) => (counts[outcome] ?? 0) > 0));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys
    <section className={classes.wrap} tabIndex={0} aria-label="Итоги по дням, таблица">
      <table className={classes.table}>
        <thead>
          <tr>
            <th scope="col">День</th>
            {used.map((outcome) => (
              <th key={outcome} scope="col" className={classes.number}>
                {labels[outcome]}
              </th>
            ))}
            <th scope="col" className={classes.number}>
              всего
            </th>
          </tr>
        </thead>
        <tbody>
          {days.toReversed().map((one) => (
            <tr key={one.day} className={classes.row}>
              <td data-label="День">
                {day(one.day)}
                {!one.isOver && ' (не кончился)'}
              </td>
              {used.map((outcome) => (
                <td key={outcome} data-label={labels[outcome]} className={classes.number}>
                  {totalOf(one) === 0 ? '–' : formatNumber(one.counts[outcome] ?? 0)}
                </td>
              ))}
              <td data-label="Всего" className={classes.number}>
                {totalOf(one) === 0 ? 'записи нет' : formatNumber(totalOf(one))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
