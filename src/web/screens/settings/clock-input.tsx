import { TextInput, type TextInputProps } from '@mantine/core';
import { useEffect, useState } from 'react';

interface ClockInputProps extends Omit<TextInputProps, 'value' | 'onChange'> {
  /** «09:30». */
  readonly value: string;
  readonly onChange: (clock: string) => void;
  /** The end of a day may be 24:00. */
  readonly isEnd?: boolean;
}

/** A time of day by the clock of 24 hours, whatever the browser's own language is: «9», «930» and «9:30» are read. */
export function ClockInput({ value, onChange, isEnd = false, ...props }: ClockInputProps) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const read = clockOf(text, isEnd);
  return (
    <TextInput
      inputMode="numeric"
      placeholder="чч:мм"
      maxLength={5}
      {...props}
      value={text}
      error={read === undefined ? 'чч:мм' : props.error}
      onChange={(event) => {
        const next = event.currentTarget.value;
        setText(next);
        // Half a time is none yet; a whole one is taken at once.
        if (/^\d{1,2}:\d{2}$/.test(next)) take(next);
      }}
      onBlur={() => take(text)}
    />
  );

  function take(written: string): void {
    const clock = clockOf(written, isEnd);
    if (clock === undefined) return;
    setText(clock);
    if (clock !== value) onChange(clock);
  }
}

/** «9», «9:30», «930», «0930» as «09:30»; undefined when it is no time of day. */
export function clockOf(text: string, isEnd = false): string | undefined {
  const found = /^(\d{1,2})(?:[:.]?([0-5]\d))?$/.exec(text.trim());
  if (!found) return undefined;
  const hour = Number(found[1]);
  const minute = found[2] ?? '00';
  const isWithin = hour < 24 || (isEnd && hour === 24 && minute === '00');
  return isWithin ? `${String(hour).padStart(2, '0')}:${minute}` : undefined;
}
