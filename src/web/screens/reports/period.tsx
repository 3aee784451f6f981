import { Select } from '@mantine/core';
import { useState } from 'react';
import { PERIOD_DAYS_MAX } from '../../../contracts/words.ts';
import { PeriodInput } from '../../parts/day-field.tsx';
import { today } from '../../words.ts';

const DAY_MS = 86_400_000;
/** A day that lies so many days before another. */
const before = (day: string, days: number) => new Date(Date.parse(day) - days * DAY_MS).toISOString().slice(0, 10);

interface ReportPeriodProps {
  readonly from: string | null;
  readonly until: string | null;
  readonly onChange: (period: { readonly from: string; readonly until: string }) => void;
}

/** The days of a report: two of a calendar, or a length up to yesterday. */
export function ReportPeriod({ from, until, onChange }: ReportPeriodProps) {
  const [draft, setDraft] = useState<readonly [string | null, string | null] | null>(null);
  return (
    <>
      <PeriodInput
        label={`Период, до ${PERIOD_DAYS_MAX} дней`}
        w={230}
        value={draft ?? [from, until]}
        maxDate={today()}
        // Of a period that is being picked, days too far from its first one cannot be its last.
        excludeDate={(day) =>
          draft?.[0] != null &&
          draft[1] === null &&
          Math.abs(Date.parse(day) - Date.parse(draft[0])) > (PERIOD_DAYS_MAX - 1) * DAY_MS
        }
        onChange={(period) => {
          const [first, last] = period;
          if (first !== null && last !== null) {
            setDraft(null);
            onChange({ from: first, until: last });
          } else setDraft(period);
        }}
      />
      <Select
        label="Быстро"
        w={150}
        placeholder="период"
        value={null}
        data={[
          { value: '28', label: '4 недели' },
          { value: '91', label: '13 недель' },
          { value: String(PERIOD_DAYS_MAX), label: `${PERIOD_DAYS_MAX} дней` },
        ]}
        onChange={(days) => {
          const end = before(today(), 1);
          if (days !== null) onChange({ from: before(end, Number(days) - 1), until: end });
        }}
      />
    </>
  );
}
