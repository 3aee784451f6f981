import { Button, CopyButton, Group, TextInput } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';

interface ToCopyProps {
  readonly label: string;
  readonly value: string;
  /** It stands first in a dialog. */
  readonly isFirst?: boolean;
}

/** A word to be taken away: a key, a link. By hand, too: only pages that came by https may write to the clipboard. */
export function ToCopy({ label, value, isFirst = false }: ToCopyProps) {
  return (
    <Group align="end" gap="sm">
      <TextInput
        label={label}
        readOnly
        value={value}
        style={{ flex: 1, minWidth: 220 }}
        onFocus={(event) => event.currentTarget.select()}
        data-autofocus={isFirst || undefined}
      />
      <CopyButton value={value}>
        {({ copied, copy }) => (
          <Button
            variant="default"
            leftSection={copied ? <IconCheck size={16} aria-hidden /> : <IconCopy size={16} aria-hidden />}
            onClick={copy}
          >
            {copied ? 'Скопировано' : 'Скопировать'}
          </Button>
        )}
      </CopyButton>
    </Group>
  );
}
