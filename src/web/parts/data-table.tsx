import { Button, Checkbox, Skeleton } from '@mantine/core';
import { IconArrowDown, IconArrowsSort, IconArrowUp } from '@tabler/icons-react';
import { defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual';
import { type CSSProperties, type ReactNode, useCallback, useEffect, useRef, useState } from 'react';
import { useHotkeys } from '../hotkeys.ts';
import { agree, formatNumber } from '../words.ts';
import classes from './data-table.module.css';
import type { Selection } from './selection.ts';

export interface Column<Row> {
  readonly id: string;
  /** The heading; where it is a picture, `name` is what a reader of the screen hears. */
  readonly head: ReactNode;
  readonly name?: string;
  readonly cell: (row: Row) => ReactNode;
  /** A CSS width, `120px`; without one the column takes what is left. */
  readonly width?: string;
  readonly align?: 'start' | 'center' | 'end';
  /** The word of the sort in the address: a click on the heading sets it, another turns it round. */
  readonly sort?: string;
  /** What names the row for a reader of the screen. */
  readonly isRowHeader?: boolean;
}

interface DataTableProps<Row, Key extends string | number> {
  /** Names the table. */
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => Key;
  /** «1042, Ленина 12»: in the names of its tick and its row. */
  readonly nameOf: (row: Row) => string;
  /** All that the filter finds, where not all is loaded. */
  readonly total?: number;
  readonly rowHeight?: number;
  /** `changedAt`, or `-changedAt` from the last to the first. */
  readonly sort?: string;
  readonly onSort?: (sort: string) => void;
  readonly selection?: Selection<Key>;
  /** The buttons of the bar that comes when something is ticked. */
  readonly bulk?: ReactNode;
  /** Enter, or a click on the row where there is no button. */
  readonly onOpen?: (row: Row) => void;
  /** The row that moves by `j` and `k`. */
  readonly onActive?: (row: Row) => void;
  readonly hasMore?: boolean;
  readonly onMore?: () => void;
  readonly toneOf?: (row: Row) => 'error' | 'money' | 'dim' | undefined;
  readonly empty?: ReactNode;
  readonly isLoading?: boolean;
}

/** As the stylesheet has it. */
const HEAD_HEIGHT = 38;
/** A column without a width is never narrower. */
const FREE_WIDTH = '220px';
/** Rows below what is seen, so that scrolling shows no holes. */
const OVERSCAN = 12;

/**
 * A list to work in: a real table with a heading that stays, only the rows that are seen are drawn, and everything can
 * be done by keys. It fills what is left of the page.
 */
export function DataTable<Row, Key extends string | number = number>(props: DataTableProps<Row, Key>) {
  const { label, columns, rows, keyOf, nameOf, total = rows.length, rowHeight = 44, selection, bulk } = props;
  const { sort, onSort, onOpen, onActive, hasMore = false, onMore, toneOf, empty, isLoading = false } = props;
  const scroller = useRef<HTMLElement>(null);
  const [activeIndex, setActiveIndex] = useState(-1);
  /** The row where the range of Shift begins: it may stand elsewhere by then, for lists are read anew by themselves. */
  const anchor = useRef<Key | null>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: OVERSCAN,
    getItemKey: (index) => keyOf(rows[index]!),
    // The heading lies over the first rows and pushes the last ones down.
    scrollPaddingEnd: HEAD_HEIGHT + 6,
    // The active row keeps the focus even when it is scrolled away.
    rangeExtractor: useCallback(
      (range: Parameters<typeof defaultRangeExtractor>[0]) => {
        const seen = defaultRangeExtractor(range);
        const isSeen = activeIndex < 0 || activeIndex >= range.count || seen.includes(activeIndex);
        return isSeen ? seen : [...seen, activeIndex].sort((a, b) => a - b);
      },
      [activeIndex],
    ),
  });
  const items = virtual.getVirtualItems();
  const lastSeen = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && lastSeen >= rows.length - OVERSCAN) onMore?.();
  }, [hasMore, lastSeen, rows.length, onMore]);

  const move = (index: number) => {
    const next = Math.max(0, Math.min(rows.length - 1, index));
    const row = rows[next];
    if (!row) return;
    setActiveIndex(next);
    virtual.scrollToIndex(next);
    onActive?.(row);
    // The row may only now come to the page.
    requestAnimationFrame(() => {
      scroller.current?.querySelector<HTMLElement>(`tr[data-index="${next}"]`)?.focus({ preventScroll: true });
    });
  };
  const tick = (index: number, isRange: boolean) => {
    const row = rows[index];
    if (!row || !selection) return;
    const isOn = !selection.has(keyOf(row));
    const begun = isRange ? rows.findIndex((one) => keyOf(one) === anchor.current) : -1;
    const from = begun < 0 ? index : begun;
    const range = rows.slice(Math.min(from, index), Math.max(from, index) + 1);
    selection.set(range.map(keyOf), isRange ? true : isOn);
    anchor.current = keyOf(row);
  };
  const active = rows[activeIndex];
  useHotkeys('Список', [
    { keys: 'j', words: 'Следующая строка', run: () => move(activeIndex + 1), repeats: true },
    { keys: 'k', words: 'Предыдущая строка', run: () => move(activeIndex - 1), repeats: true },
    { keys: 'down', words: 'Следующая строка', run: () => move(activeIndex + 1), repeats: true },
    { keys: 'up', words: 'Предыдущая строка', run: () => move(activeIndex - 1), repeats: true },
    ...(onOpen ? [{ keys: 'enter', words: 'Открыть', run: () => active && onOpen(active) }] : []),
    ...(selection
      ? [
          { keys: 'x', words: 'Отметить строку', run: () => tick(activeIndex, false) },
          { keys: 'shift+x', words: 'Отметить до этой строки', run: () => tick(activeIndex, true) },
          { keys: 'mod+a', words: 'Отметить всё загруженное', run: () => selection.set(rows.map(keyOf), true) },
          { keys: 'esc', words: 'Снять выделение', run: selection.clear },
        ]
      : []),
  ]);

  const count = selection?.count(total) ?? 0;
  // The bar of deeds takes the place of the last rows, and the active one may be among them.
  const hasBar = count > 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: only the bar's coming and going moves rows
  useEffect(() => {
    if (activeIndex >= 0) virtual.scrollToIndex(activeIndex);
  }, [hasBar]);
  const isPageTicked = rows.length > 0 && selection !== undefined && rows.every((row) => selection.has(keyOf(row)));
  const width = columns.length + (selection ? 1 : 0);
  if (rows.length === 0 && !isLoading) return <>{empty}</>;
  const widths = [...(selection ? ['40px'] : []), ...columns.map((column) => column.width ?? FREE_WIDTH)];
  const minWidth = `calc(${widths.join(' + ')})`;
  return (
    <div className={classes.frame} data-fills>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys */}
      <section className={classes.scroller} ref={scroller} tabIndex={0} aria-label={label}>
        <table className={classes.table} style={{ minWidth }} aria-rowcount={total + 1} aria-busy={isLoading}>
          <caption className="heard">{label}</caption>
          <colgroup>
            {selection && <col style={{ width: 40 }} />}
            {columns.map((column) => (
              <col key={column.id} style={column.width ? { width: column.width } : undefined} />
            ))}
          </colgroup>
          <thead>
            <tr aria-rowindex={1}>
              {selection && (
                <th scope="col" className={classes.tick}>
                  <Checkbox
                    size="xs"
                    aria-label="Выбрать всё загруженное"
                    checked={isPageTicked}
                    indeterminate={count > 0 && !isPageTicked}
                    onChange={(event) => selection.set(rows.map(keyOf), event.currentTarget.checked)}
                  />
                </th>
              )}
              {columns.map((column) => (
                <Head key={column.id} column={column} sort={sort} onSort={onSort} />
              ))}
            </tr>
          </thead>
          <tbody>
            {isLoading && rows.length === 0 && <Waiting width={width} rowHeight={rowHeight} />}
            {items.map((item, order) => {
              const row = rows[item.index]!;
              const gap = item.start - (order === 0 ? 0 : items[order - 1]!.end);
              const isTicked = selection?.has(keyOf(row)) ?? false;
              return (
                <Gapped key={item.key} gap={gap} width={width}>
                  <tr
                    className={classes.row}
                    ref={virtual.measureElement}
                    data-index={item.index}
                    data-active={item.index === activeIndex || undefined}
                    data-ticked={isTicked || undefined}
                    data-tone={toneOf?.(row)}
                    data-opens={onOpen ? true : undefined}
                    aria-rowindex={item.index + 2}
                    tabIndex={-1}
                    style={{ height: rowHeight }}
                    onFocus={() => setActiveIndex(item.index)}
                    onClick={(event) => {
                      if (isOwnClick(event)) return;
                      setActiveIndex(item.index);
                      onOpen?.(row);
                    }}
                  >
                    {selection && (
                      <td className={classes.tick}>
                        <Checkbox
                          size="xs"
                          aria-label={`Выбрать: ${nameOf(row)}`}
                          checked={isTicked}
                          onClick={(event) => tick(item.index, event.shiftKey)}
                          onChange={() => {}}
                        />
                      </td>
                    )}
                    {columns.map((column) => (
                      <Cell key={column.id} column={column} row={row} />
                    ))}
                  </tr>
                </Gapped>
              );
            })}
            <Gap height={virtual.getTotalSize() - (items.at(-1)?.end ?? 0)} width={width} />
          </tbody>
        </table>
      </section>
      {selection && hasBar && (
        <div className={classes.bar} role="toolbar" aria-label="Действия с выбранным">
          <span aria-live="polite">
            {agree(count, 'Выбран', 'Выбраны', 'Выбрано')} {formatNumber(count)}
          </span>
          {count < total && (
            <Button size="compact-sm" variant="subtle" onClick={selection.selectAll}>
              выбрать все {formatNumber(total)} по фильтру
            </Button>
          )}
          <div className={classes.bulk}>{bulk}</div>
          <Button size="compact-sm" variant="subtle" onClick={selection.clear} aria-keyshortcuts="Escape">
            Снять выделение
          </Button>
        </div>
      )}
    </div>
  );
}

/** The row opens only where nothing in it was pressed, and no text was picked out. */
function isOwnClick(event: React.MouseEvent): boolean {
  const isOnControl = (event.target as Element).closest('a, button, input, label, [role=button], [role=menuitem]');
  return isOnControl !== null || (window.getSelection()?.toString() ?? '') !== '';
}

function Gapped({ gap, width, children }: { gap: number; width: number; children: ReactNode }) {
  return (
    <>
      <Gap height={gap} width={width} />
      {children}
    </>
  );
}

/** Stands for the rows that are not drawn. */
function Gap({ height, width }: { height: number; width: number }) {
  return height > 0 ? (
    <tr aria-hidden className={classes.gap}>
      <td colSpan={width} style={{ height }} />
    </tr>
  ) : null;
}

const alignOf = (align: Column<unknown>['align']): CSSProperties | undefined => align && { textAlign: align };

function Cell<Row>({ column, row }: { column: Column<Row>; row: Row }) {
  const style = alignOf(column.align);
  return column.isRowHeader ? (
    <th scope="row" style={style}>
      {column.cell(row)}
    </th>
  ) : (
    <td style={style}>{column.cell(row)}</td>
  );
}

function Head<Row>({
  column,
  sort,
  onSort,
}: {
  column: Column<Row>;
  sort: string | undefined;
  onSort: ((sort: string) => void) | undefined;
}) {
  const { head, name, align } = column;
  const word = column.sort;
  const heard = name && <span className="heard">{name}</span>;
  const shown = name ? <span aria-hidden>{head}</span> : head;
  if (!word || !onSort) {
    return (
      <th scope="col" style={alignOf(align)}>
        {shown}
        {heard}
      </th>
    );
  }
  const isDown = sort === `-${word}`;
  const isUp = sort === word;
  const Icon = isDown ? IconArrowDown : isUp ? IconArrowUp : IconArrowsSort;
  return (
    <th scope="col" style={alignOf(align)} aria-sort={isDown ? 'descending' : isUp ? 'ascending' : undefined}>
      <button type="button" className={classes.sort} onClick={() => onSort(isDown ? word : `-${word}`)}>
        {shown}
        {heard}
        <Icon size={13} aria-hidden data-on={isDown || isUp || undefined} />
      </button>
    </th>
  );
}

function Waiting({ width, rowHeight }: { width: number; rowHeight: number }) {
  return Array.from({ length: 10 }, (_, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: they are all alike and never move
    <tr key={index} aria-hidden style={{ height: rowHeight }}>
      <td colSpan={width}>
        <Skeleton height={rowHeight / 2} radius="sm" />
      </td>
    </tr>
  ));
}
