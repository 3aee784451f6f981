import { Button, Checkbox, Popover, ScrollArea, Stack, Text, TextInput } from '@mantine/core';
import { IconChevronDown } from '@tabler/icons-react';
import { type ReactNode, useState } from 'react';

/** Conditions of a list or a report: one button each, what is chosen stands on it. */

export interface Option {
  readonly value: string;
  readonly label: string;
}

/** More than this are searched through. */
const MANY = 9;

interface SeveralProps {
  readonly label: string;
  readonly value: readonly string[];
  readonly options: readonly Option[];
  readonly onChange: (value: string[]) => void;
  /** With fewer options there is nothing to choose. */
  readonly least?: number;
}

/** A condition of several values: «Сделка: продажа +1 ▾». */
export function Several({ label, value, options, onChange, least = 1 }: SeveralProps) {
  const [text, setText] = useState('');
  if (options.length < least && value.length === 0) return null;
  // What stands in the address and is not among the options is shown too: it narrows, and must be possible to take off.
  const strange = value.filter((one) => !options.some((option) => option.value === one));
  const all = [
    ...options,
    ...strange.map((one) => ({ value: one, label: /^\d+$/.test(one) ? `№${one}` : `«${one}»` })),
  ];
  const chosen = all.filter((one) => value.includes(one.value));
  const shown = all.filter((one) => one.label.toLowerCase().includes(text.trim().toLowerCase()));
  const told = chosen.length > 0 ? `: ${chosen[0]!.label}${chosen.length > 1 ? ` +${chosen.length - 1}` : ''}` : '';
  return (
    <Dropdown label={label} told={told} onClose={() => setText('')}>
      {all.length > MANY && (
        <TextInput
          size="xs"
          mb="xs"
          placeholder="Найти"
          aria-label={`${label}: найти`}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
      )}
      <ScrollArea.Autosize mah={300} viewportProps={{ tabIndex: 0, 'aria-label': label, role: 'group' } as never}>
        <Stack gap={8} p={2}>
          {shown.map((one) => (
            <Checkbox
              key={one.value}
              size="xs"
              label={one.label}
              checked={value.includes(one.value)}
              onChange={(event) =>
                onChange(
                  event.currentTarget.checked ? [...value, one.value] : value.filter((other) => other !== one.value),
                )
              }
            />
          ))}
          {shown.length === 0 && (
            <Text size="sm" c="dimmed">
              Такого нет
            </Text>
          )}
        </Stack>
      </ScrollArea.Autosize>
    </Dropdown>
  );
}

/** A button that opens what a condition consists of. */
export function Dropdown({
  label,
  told,
  onClose,
  children,
}: {
  label: string;
  told: string;
  onClose?: () => void;
  children: ReactNode;
}) {
  return (
    <Popover trapFocus position="bottom-start" shadow="md" {...(onClose && { onClose })}>
      <Popover.Target>
        <Button
          size="xs"
          variant={told ? 'light' : 'default'}
          rightSection={<IconChevronDown size={14} aria-hidden />}
          maw={260}
        >
          {label}
          {told}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label={label}>{children}</Popover.Dropdown>
    </Popover>
  );
}
