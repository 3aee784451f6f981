import { Text } from '@mantine/core';
import type { Members } from '../../../contracts/export-report.ts';
import type { Series } from '../../../contracts/words.ts';
import type { Query } from '../../api.ts';
import classes from './exports.module.css';
import { Listings } from './report.tsx';

/** A column of the export chart that was clicked. */
export interface Place {
  readonly at: string;
  readonly source: string;
  readonly sourceTitle: string;
  readonly label: string;
  readonly series: Series;
  readonly of?: number;
  readonly group?: string;
}

interface BehindProps {
  readonly address: string;
  readonly query: Query;
  /** Whose days are told, where it is not the step of the number. */
  readonly step?: string;
}

/** The listings behind a number of the export chart, with how long they were what, and why. */
export function Behind({ address, query, step }: BehindProps) {
  return (
    <Listings<Members['data'][number]>
      address={address}
      query={query}
      columns={[
        {
          head: step === undefined ? 'Дней в шаге' : `Дней в шаге ${step}`,
          cell: ({ outcomes }) =>
            // Not marked on any of them.
            outcomes.length === 0
              ? '–'
              : outcomes.map(({ label, days, reasons }) => (
                  <div key={label}>
                    <span className={classes.days}>
                      {label} {days}
                    </span>
                    {reasons.map((reason) => (
                      <Text key={reason} size="xs" c="dimmed">
                        {reason}
                      </Text>
                    ))}
                  </div>
                )),
        },
        {
          head: 'Сейчас',
          cell: ({ isSeen, now, reason }) => (
            <>
              {isSeen ? (now ?? 'не отмечен') : '–'}
              {reason && (
                <Text size="xs" c="dimmed">
                  {reason}
                </Text>
              )}
            </>
          ),
        },
      ]}
    />
  );
}
