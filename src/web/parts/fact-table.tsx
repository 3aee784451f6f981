import { Button, Table } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { formatNumber } from '../words.ts';
import classes from './fact-table.module.css';

export interface FactRow {
  readonly key: string;
  readonly name: ReactNode;
  /** Told of the name to whoever points at it. */
  readonly hint?: string;
  /** By column; null: this row has no such fact. */
  readonly cells: readonly ReactNode[];
  /** `within`: part of the row above it. */
  readonly look?: 'within' | 'total';
  /** The name is more than a word or two: it may take several lines. */
  readonly isLong?: boolean;
}

interface FactColumn {
  readonly head: string;
  readonly isNumber?: boolean;
  /** What stands in it needs no head to be seen, only to be heard; on a card it has the whole width. */
  readonly isDeeds?: boolean;
}

interface FactTableProps {
  /** What the table is about, where no heading says so. */
  readonly label?: string;
  /** Of the names of the rows. */
  readonly head: string;
  readonly columns: readonly FactColumn[];
  readonly rows: readonly FactRow[];
  /** Narrower than so many pixels it moves sideways inside its own box. */
  readonly minWidth: number;
  /** Many columns: they stand closer to each other. */
  readonly isDense?: boolean;
  /** The rows go on in time: among cards the newest comes first, nobody scrolls through months to see yesterday. */
  readonly isInTime?: boolean;
}

/**
 * A table to read; on a telephone every row is a card with all that it says, and nothing moves sideways. Of many cards
 * the first are shown, the others at a click.
 */
export function FactTable(props: FactTableProps) {
  const isPhone = useMediaQuery('(max-width: 48em)') ?? false;
  return isPhone ? <Cards {...props} /> : <Rows {...props} />;
}

/** So many cards are shown at once; the parts of the last row are not cut off from it. */
const CARDS = 20;

function Cards({ label, columns, rows, isInTime = false }: FactTableProps) {
  const [isWhole, setIsWhole] = useState(false);
  const firstMore = useRef<HTMLLIElement>(null);
  // The button that was pressed is gone: the keyboard goes on where it stood.
  useEffect(() => {
    if (isWhole) firstMore.current?.focus();
  }, [isWhole]);
  const { blocks, totals } = blocksOf(rows);
  if (isInTime) blocks.reverse();
  const few = fewOf(blocks);
  const shown = isWhole ? blocks : blocks.slice(0, few);
  const left = blocks.length - shown.length;
  const card = ({ key, name, hint, cells, look }: FactRow, isFirstMore = false) => (
    <li key={key} className={classes.card} data-look={look} {...(isFirstMore && { ref: firstMore, tabIndex: -1 })}>
      <div className={classes.name} title={hint}>
        {name}
      </div>
      <dl className={classes.facts}>
        {columns.map(
          ({ head, isDeeds = false }, at) =>
            cells[at] !== null && (
              <div key={head} {...(isDeeds && { className: classes.deeds })}>
                <dt {...(isDeeds && { className: 'heard' })}>{head}</dt>
                <dd>{cells[at]}</dd>
              </div>
            ),
        )}
      </dl>
    </li>
  );
  return (
    <ul className={classes.cards} aria-label={label}>
      {shown.map((block, at) => block.map((row, part) => card(row, at === few && part === 0)))}
      {left > 0 && (
        <li className={classes.card}>
          <Button variant="default" fullWidth onClick={() => setIsWhole(true)}>
            Показать ещё {formatNumber(left)}
          </Button>
        </li>
      )}
      {totals.map((row) => card(row))}
    </ul>
  );
}

/** The rows with the parts that stand below them; what is told of all of them is apart. */
function blocksOf(rows: readonly FactRow[]): { readonly blocks: FactRow[][]; readonly totals: readonly FactRow[] } {
  const blocks: FactRow[][] = [];
  for (const row of rows.filter(({ look }) => look !== 'total')) {
    if (row.look === 'within' && blocks.length > 0) blocks.at(-1)!.push(row);
    else blocks.push([row]);
  }
  return { blocks, totals: rows.filter(({ look }) => look === 'total') };
}

/** How many rows with all their parts make up so many cards. */
function fewOf(blocks: readonly (readonly FactRow[])[]): number {
  let cards = 0;
  const last = blocks.findIndex((block) => {
    cards += block.length;
    return cards >= CARDS;
  });
  return last === -1 ? blocks.length : last + 1;
}

function Rows({ label, head, columns, rows, minWidth, isDense = false }: FactTableProps) {
  return (
    <Table.ScrollContainer minWidth={minWidth} scrollAreaProps={{ type: 'auto' }}>
      <Table aria-label={label} {...(isDense && { horizontalSpacing: 6, fz: 13 })}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{head}</Table.Th>
            {columns.map(({ head, isNumber, isDeeds }) => (
              <Table.Th key={head} {...(isNumber && { ta: 'right' })}>
                {isDeeds ? <span className="heard">{head}</span> : head}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map(({ key, name, hint, cells, look, isLong = false }) => (
            <Table.Tr key={key} {...(look === 'total' && { fw: 700 })}>
              <Table.Th
                scope="row"
                title={hint}
                {...(look === 'within' && { pl: 'xl' })}
                {...(look !== undefined || isLong ? {} : { style: { whiteSpace: 'nowrap' } })}
                {...((look === 'within' || isLong) && { fw: 400 })}
              >
                {name}
              </Table.Th>
              {columns.map(({ head, isNumber }, at) => (
                <Table.Td key={head} {...(isNumber && { ta: 'right' })}>
                  {cells[at]}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
