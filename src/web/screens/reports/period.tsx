import { Select } from '@mantine/core';
import { useState } from 'react';
import { PERIOD_DAYS_MAX } from '../../../contracts/words.ts';
import { PeriodInput } from '../../parts/day-field.tsx';
import { isDay, today } from '../../words.ts';
import { quickPeriods, type ReportDays } from './quick.ts';

const DAY_MS = 86_400_000;

interface ReportPeriodProps {
  /** As the address has them: what is no day is shown as none, in a field that is wrong. */
  readonly from: string | null;
  readonly until: string | null;
  readonly onChange: (period: ReportDays) => void;
}

/** The days of a report: two of a calendar, or a period by its name. */
export function ReportPeriod({ from, until, onChange }: ReportPeriodProps) {
  const [draft, setDraft] = useState<readonly [string | null, string | null] | null>(null);
  const bad = [from, until].some((day) => day !== null && !isDay(day));
  const shown = (day: string | null) => (day !== null && isDay(day) ? day : null);
  // A period has its first day first: without it the other one says nothing.
  const held = [shown(from), shown(from) && shown(until)] as const;
  const quick = quickPeriods(today());
  return (
    <>
      <PeriodInput
        label={`Период, до ${PERIOD_DAYS_MAX} дней`}
        w={230}
        value={draft ?? held}
        placeholder="дд.мм.гггг – дд.мм.гггг"
        error={bad && draft === null}
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
        data={quick.map(({ label }) => label)}
        onChange={(name) => {
          const found = quick.find(({ label }) => label === name);
          if (!found) return;
          // What was being picked is dropped.
          setDraft(null);
          onChange({ from: found.from, until: found.until });
        }}
      />
    </>
  );
}
