import { Table } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import type { ReactNode } from 'react';
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

interface FactTableProps {
  /** Of the names of the rows. */
  readonly head: string;
  readonly columns: readonly { readonly head: string; readonly isNumber?: boolean }[];
  readonly rows: readonly FactRow[];
  /** Narrower than so many pixels it moves sideways inside its own box. */
  readonly minWidth: number;
  /** Many columns: they stand closer to each other. */
  readonly isDense?: boolean;
}

/** A table to read; on a telephone every row is a card with all that it says, and nothing moves sideways. */
export function FactTable({ head, columns, rows, minWidth, isDense = false }: FactTableProps) {
  const isPhone = useMediaQuery('(max-width: 48em)') ?? false;
  if (isPhone)
    return (
      <ul className={classes.cards}>
        {rows.map(({ key, name, hint, cells, look }) => (
          <li key={key} className={classes.card} data-look={look}>
            <div className={classes.name} title={hint}>
              {name}
            </div>
            <dl className={classes.facts}>
              {columns.map(
                ({ head }, at) =>
                  cells[at] !== null && (
                    <div key={head}>
                      <dt>{head}</dt>
                      <dd>{cells[at]}</dd>
                    </div>
                  ),
              )}
            </dl>
          </li>
        ))}
      </ul>
    );
  return (
    <Table.ScrollContainer minWidth={minWidth} scrollAreaProps={{ type: 'auto' }}>
      <Table {...(isDense && { horizontalSpacing: 6, fz: 13 })}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{head}</Table.Th>
            {columns.map(({ head, isNumber }) => (
              <Table.Th key={head} {...(isNumber && { ta: 'right' })}>
                {head}
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
