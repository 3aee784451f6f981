import { Checkbox, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useRef } from 'react';
import type { BoardColumn, ListingRow } from '../../../contracts/listings.ts';
import type { Selection } from '../../parts/selection.ts';
import { agree, formatNumber, roubles } from '../../words.ts';
import { CellButton } from './cell.tsx';
import classes from './listings.module.css';

interface CardsProps {
  readonly rows: readonly ListingRow[];
  readonly boards: readonly BoardColumn[];
  readonly selection: Selection;
  readonly total: number;
  readonly bulk: ReactNode;
  readonly opened: string | null;
  readonly onCell: (row: ListingRow, cabinetId: number, anchor: HTMLElement) => void;
  readonly hasMore: boolean;
  readonly onMore: () => void;
}

const OVERSCAN = 6;

/** The list at phone width: agents stand in stairwells. */
export function Cards({ rows, boards, selection, total, bulk, opened, onCell, hasMore, onMore }: CardsProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 128,
    overscan: OVERSCAN,
    getItemKey: (index) => rows[index]!.id,
  });
  const items = virtual.getVirtualItems();
  const lastSeen = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && lastSeen >= rows.length - OVERSCAN) onMore();
  }, [hasMore, lastSeen, rows.length, onMore]);
  const count = selection.count(total);
  return (
    <div className={classes.cards} data-fills>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys */}
      <section className={classes.cardsScroller} ref={scroller} tabIndex={0} aria-label="Объекты">
        <ul className={classes.cardList} style={{ height: virtual.getTotalSize() }}>
          {items.map((item) => {
            const row = rows[item.index]!;
            return (
              <li
                key={row.id}
                className={classes.cardPlace}
                data-index={item.index}
                ref={virtual.measureElement}
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <div className={classes.card} data-ticked={selection.has(row.id) || undefined}>
                  <div className={classes.cardHead}>
                    <Checkbox
                      aria-label={`Выбрать: ${row.id}, ${row.address ?? row.title}`}
                      checked={selection.has(row.id)}
                      onChange={(event) => selection.set([row.id], event.currentTarget.checked)}
                    />
                    <Thumb row={row} />
                    <Link to="/listings/$id" params={{ id: String(row.id) } as never} className={classes.cardLink!}>
                      <b>{row.id}</b> {row.title}
                      <Text size="xs" c="dimmed" component="span" display="block">
                        {row.address}
                      </Text>
                      <span>{[priceOf(row), row.pricePer].filter(Boolean).join(' ')}</span>
                    </Link>
                  </div>
                  <div className={classes.chips}>
                    {row.cells.map((cell) => {
                      const board = boards.find(({ id }) => id === cell.cabinetId);
                      return board ? (
                        <CellButton
                          key={cell.cabinetId}
                          row={row}
                          cell={cell}
                          board={board}
                          withBoard
                          isOpen={opened === `${row.id}-${cell.cabinetId}`}
                          onOpen={(anchor) => onCell(row, cell.cabinetId, anchor)}
                        />
                      ) : null;
                    })}
                  </div>
                </div>
              </li>
            );
          })}
        </ul>
      </section>
      {count > 0 && (
        <div className={classes.cardsBar} role="toolbar" aria-label="Действия с выбранным">
          <Text size="sm" aria-live="polite">
            {agree(count, 'Выбран', 'Выбраны', 'Выбрано')} {formatNumber(count)}
          </Text>
          {bulk}
        </div>
      )}
    </div>
  );
}

const MILLION = 100_000_000;

/** «9,8 млн ₽», «45 000 ₽». */
export function priceOf({ priceKopecks }: ListingRow): string {
  if (priceKopecks === null) return 'без цены';
  const isRound = priceKopecks >= MILLION && priceKopecks % (MILLION / 100) === 0;
  return isRound ? `${formatNumber(priceKopecks / MILLION)}\u00a0млн\u00a0₽` : roubles(priceKopecks);
}

export function Thumb({ row }: { row: ListingRow }) {
  return row.thumb === null ? (
    <span className={classes.thumb} aria-hidden />
  ) : (
    <img className={classes.thumb} src={row.thumb} alt="" loading="lazy" width={44} height={33} />
  );
}
