import { Button, Text } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import {
  type CSSProperties,
  Fragment,
  type KeyboardEvent,
  type MouseEvent,
  type PointerEvent,
  useRef,
  useState,
} from 'react';
import type { Phones } from '../../../contracts/phones.ts';
import classes from './phones.module.css';

/** Days of the week that is shown (0 Monday … 6 Sunday, both included) and minutes, somebody picked. */
export interface Picked {
  readonly days: readonly number[];
  readonly fromMinute: number;
  readonly toMinute: number;
}

interface Cell {
  readonly day: number;
  readonly hour: number;
}

interface WeekProps {
  readonly phones: Phones;
  /** undefined: only to look at. */
  readonly onPick: ((picked: Picked) => void) | undefined;
}

const HOURS = Array.from({ length: 24 }, (_, hour) => hour);
const clock = (minute: number) =>
  `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;

const between = (one: number, other: number) => [Math.min(one, other), Math.max(one, other)] as const;

/** What lies between two corners. */
function picked(one: Cell, other: Cell): Picked {
  const [first, last] = between(one.day, other.day);
  const [from, to] = between(one.hour, other.hour);
  return {
    days: Array.from({ length: last - first + 1 }, (_, index) => first + index),
    fromMinute: from * 60,
    toMinute: (to + 1) * 60,
  };
}

const isIn = ({ days, fromMinute, toMinute }: Picked, { day, hour }: Cell) =>
  days.includes(day) && hour * 60 >= fromMinute && hour * 60 < toMinute;

/**
 * The week as a grid of days and hours: the blocks say who answers, the thin bars beside them are the lines behind.
 * Days and hours are picked by drawing over them, or by arrows with Shift and Enter.
 */
export function WeekGrid({ phones: { days, lanes, view }, onPick }: WeekProps) {
  const grid = useRef<HTMLTableElement>(null);
  const [active, setActive] = useState<Cell>({ day: 0, hour: 9 });
  const [anchor, setAnchor] = useState<Cell | null>(null);
  const [isDrawing, setIsDrawing] = useState(false);
  const selection = anchor && picked(anchor, active);

  const go = (cell: Cell, isExtending: boolean) => {
    const next = { day: Math.max(0, Math.min(6, cell.day)), hour: Math.max(0, Math.min(23, cell.hour)) };
    setAnchor(isExtending ? (anchor ?? active) : null);
    setActive(next);
    grid.current?.querySelector<HTMLElement>(`[data-cell="${next.day}-${next.hour}"]`)?.focus();
  };
  const finish = (end: Cell) => {
    setIsDrawing(false);
    onPick?.(picked(anchor ?? end, end));
    setAnchor(null);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const { day, hour } = active;
    const moves: Readonly<Record<string, Cell>> = {
      ArrowLeft: { day: day - 1, hour },
      ArrowRight: { day: day + 1, hour },
      ArrowUp: { day, hour: hour - 1 },
      ArrowDown: { day, hour: hour + 1 },
      Home: { day: 0, hour },
      End: { day: 6, hour },
      PageUp: { day, hour: hour - 6 },
      PageDown: { day, hour: hour + 6 },
    };
    const move = moves[event.key];
    if (move) go(move, event.shiftKey);
    else if (event.key === 'Enter' || event.key === ' ') finish(active);
    else if (event.key === 'Escape' && anchor) setAnchor(null);
    else return;
    event.preventDefault();
  };
  const begin = (event: PointerEvent) => {
    const cell = cellAt(event.target);
    // A finger scrolls; its tap picks one hour.
    if (!cell || !onPick || event.button !== 0 || event.pointerType === 'touch') return;
    setActive(cell);
    setAnchor(cell);
    setIsDrawing(true);
  };
  const tap = (event: MouseEvent) => {
    const cell = cellAt(event.target);
    const { pointerType } = event.nativeEvent as unknown as globalThis.PointerEvent;
    if (cell && pointerType === 'touch') onPick?.(picked(cell, cell));
  };

  return (
    <div className={classes.scroll}>
      <div className={classes.week}>
        <table
          ref={grid}
          // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: cells are picked, as in a spreadsheet
          role="grid"
          aria-label="Кто отвечает на звонки, по дням и часам"
          aria-multiselectable={onPick !== undefined}
          aria-readonly={onPick === undefined}
          className={classes.grid}
          onKeyDown={onKeyDown}
          onPointerDown={begin}
          onPointerOver={(event) => {
            const cell = isDrawing && cellAt(event.target);
            if (cell) setActive(cell);
          }}
          onPointerUp={(event) => {
            const cell = isDrawing && cellAt(event.target);
            if (cell) finish(cell);
          }}
          onPointerLeave={() => {
            if (isDrawing) setAnchor(null);
            setIsDrawing(false);
          }}
          onClick={tap}
        >
          <thead>
            <tr>
              <th scope="col" className={classes.corner}>
                <span className="heard">Час</span>
              </th>
              {days.map(({ day, label }) => (
                <th key={day} scope="col" data-today={day === view.today || undefined}>
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {HOURS.map((hour) => (
              <tr key={hour}>
                <th scope="row">{clock(hour * 60)}</th>
                {days.map(({ day: date, label, spans }, day) => {
                  const cell = { day, hour };
                  const isPicked = selection !== null && isIn(selection, cell);
                  const told = spans
                    .filter(({ from, to }) => from < hour * 60 + 60 && to > hour * 60)
                    .map((span) => span.told)
                    .join('; ');
                  return (
                    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: in a grid a cell is a gridcell
                    <td
                      key={date}
                      data-cell={`${day}-${hour}`}
                      tabIndex={active.day === day && active.hour === hour ? 0 : -1}
                      aria-selected={isPicked}
                      aria-label={`${label}, ${clock(hour * 60)}. ${told}`}
                      title={told}
                      onFocus={() => !isDrawing && setActive(cell)}
                    />
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
        <div aria-hidden className={classes.blocks}>
          {days.map(({ day, spans }, index) => (
            <Fragment key={day}>
              {spans.map(({ from, to, lineId }) => {
                const line = lanes.find((lane) => lane.line.id === lineId)?.line;
                return (
                  line && (
                    <div
                      key={from}
                      className={classes.block}
                      data-kind={line.kind}
                      style={{ ...placed(index, from, to), '--lanes': lanes.length } as CSSProperties}
                    >
                      <b>{line.phoneText}</b>
                      {line.kind !== 'own' && <span>{line.kindLabel}</span>}
                    </div>
                  )
                );
              })}
              {lanes.map(
                ({ line, days: on }, at) =>
                  on.includes(day) && (
                    <div
                      key={line.id}
                      className={classes.lane}
                      data-kind={line.kind}
                      style={{ ...placed(index, line.fromMinute, line.toMinute), '--lane': at } as CSSProperties}
                    />
                  ),
              )}
              {selection?.days.includes(index) && (
                <div className={classes.drawn} style={placed(index, selection.fromMinute, selection.toMinute)} />
              )}
              {day === view.today && <div className={classes.now} style={placed(index, view.minute, view.minute)} />}
            </Fragment>
          ))}
        </div>
      </div>
    </div>
  );
}

/** Which cell an event is about. */
function cellAt(target: EventTarget): Cell | undefined {
  const found = (target as Element).closest<HTMLElement>('[data-cell]')?.dataset.cell?.split('-').map(Number);
  return found && { day: found[0]!, hour: found[1]! };
}

const placed = (day: number, from: number, to: number) =>
  ({ '--day': day, '--from': from / 60, '--hours': (to - from) / 60 }) as CSSProperties;

/** The same week in words, day by day. */
export function WeekList({ phones: { days, view }, onPick }: WeekProps) {
  return (
    <ul className={classes.days}>
      {days.map(({ day, label, spans }, index) => (
        <li key={day} className={classes.dayRow}>
          <Text fw={600} size="sm" className={classes.dayName!} data-today={day === view.today || undefined}>
            {label}
            {day === view.today && ', сегодня'}
          </Text>
          <ul className={classes.spans}>
            {spans.map(({ from, told }) => (
              <li key={from}>{told}</li>
            ))}
          </ul>
          {onPick && (
            <Button
              size="xs"
              variant="subtle"
              leftSection={<IconPlus size={14} />}
              aria-label={`Добавить номер: ${label}`}
              onClick={() => onPick({ days: [index], fromMinute: 540, toMinute: 1260 })}
            >
              Номер
            </Button>
          )}
        </li>
      ))}
    </ul>
  );
}
