import { DateInput, type DateInputProps, DatePickerInput, type DatePickerInputProps } from '@mantine/dates';
import 'dayjs/locale/ru';
import '@mantine/dates/styles.layer.css';
import { isDay } from '../words.ts';

/** Days are `YYYY-MM-DD` everywhere; the calendar is heavy, so only screens that need it load this. */

interface DayInputProps extends Omit<DateInputProps, 'value' | 'onChange'> {
  readonly value: string | null;
  readonly onChange: (day: string | null) => void;
}

/** A day, typed «21.11.2026» or picked. */
export function DayInput({ value, onChange, ...props }: DayInputProps) {
  return (
    <DateInput
      locale="ru"
      valueFormat="DD.MM.YYYY"
      placeholder="дд.мм.гггг"
      dateParser={parse}
      {...CALENDAR_NAMES}
      {...props}
      value={value}
      onChange={(day) => onChange(day)}
    />
  );
}

/** «21.11.26», «21.11.2026», «21.11»: as people write; null when it is none of them. */
function parse(text: string): string | null {
  const found = /^(\d{1,2})[.\-/ ](\d{1,2})(?:[.\-/ ](\d{2}|\d{4}))?$/.exec(text.trim());
  if (!found) return null;
  const [, day, month, year = String(new Date().getFullYear())] = found;
  const iso = `${year.length === 2 ? `20${year}` : year}-${month!.padStart(2, '0')}-${day!.padStart(2, '0')}`;
  return isDay(iso) ? iso : null;
}

export type Period = readonly [from: string | null, to: string | null];

interface PeriodInputProps extends Omit<DatePickerInputProps<'range'>, 'value' | 'onChange' | 'type'> {
  readonly value: Period;
  readonly onChange: (period: Period) => void;
}

/** Two days, both included. */
export function PeriodInput({ value, onChange, ...props }: PeriodInputProps) {
  return (
    <DatePickerInput
      type="range"
      locale="ru"
      valueFormat="DD.MM.YYYY"
      allowSingleDateInRange
      {...CALENDAR_NAMES}
      {...props}
      value={[...value]}
      onChange={onChange}
    />
  );
}

const CALENDAR_NAMES = {
  ariaLabels: {
    monthLevelControl: 'Выбрать месяц',
    yearLevelControl: 'Выбрать год',
    nextMonth: 'Следующий месяц',
    previousMonth: 'Предыдущий месяц',
    nextYear: 'Следующий год',
    previousYear: 'Предыдущий год',
    nextDecade: 'Следующее десятилетие',
    previousDecade: 'Предыдущее десятилетие',
  },
} as const;
