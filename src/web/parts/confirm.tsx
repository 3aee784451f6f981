import { Button, Group, Stack, Text, Textarea } from '@mantine/core';
import { modals } from '@mantine/modals';
import { type ReactNode, useState } from 'react';

interface Asking {
  readonly title: string;
  /** What will happen, with numbers. */
  readonly words?: ReactNode;
  /** The word on the button: a verb, «Снять 24». */
  readonly action: string;
  readonly isDanger?: boolean;
  /** Asks for a reason, which goes to the journal. */
  readonly reason?: { readonly label: string; readonly placeholder?: string; readonly isRequired?: boolean };
}

function Question({
  asking: { words, action, isDanger, reason },
  close,
}: {
  asking: Asking;
  close: (answer: string | null) => void;
}) {
  const [text, setText] = useState('');
  const isMissing = reason?.isRequired === true && text.trim() === '';
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (!isMissing) close(text.trim());
      }}
    >
      <Stack gap="md">
        {typeof words === 'string' ? <Text size="sm">{words}</Text> : words}
        {reason && (
          <Textarea
            label={reason.label}
            placeholder={reason.placeholder}
            required={reason.isRequired ?? false}
            autosize
            minRows={2}
            maxLength={500}
            data-autofocus
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
          />
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={() => close(null)}>
            Отмена
          </Button>
          <Button
            type="submit"
            color={isDanger ? 'error' : 'brand'}
            disabled={isMissing}
            data-autofocus={reason ? undefined : true}
          >
            {action}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** Asks before a deed that cannot be taken back. null: no; else the reason, empty where none was asked. */
export function askReason(asking: Asking): Promise<string | null> {
  return new Promise((resolve) => {
    const id = modals.open({
      title: asking.title,
      onClose: () => resolve(null),
      children: (
        <Question
          asking={asking}
          close={(answer) => {
            resolve(answer);
            modals.close(id);
          }}
        />
      ),
    });
  });
}

/** `if (await confirm({ title: 'Снять 24 отметки?', action: 'Снять 24' })) …` */
export const confirm = async (asking: Asking): Promise<boolean> => (await askReason(asking)) !== null;
