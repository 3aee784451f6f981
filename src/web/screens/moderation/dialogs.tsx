import {
  Button,
  Checkbox,
  Group,
  Modal,
  NativeSelect,
  NumberInput,
  Radio,
  SegmentedControl,
  Stack,
  Table,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core';
import { useState } from 'react';
import type { Case, Editable, VerdictBody } from '../../../contracts/moderation.ts';
import { ariaKeys, useHotkeys } from '../../hotkeys.ts';
import { MoneyInput } from '../../parts/fields.tsx';
import { Keys } from '../../parts/keys.tsx';
import { clock, now, today } from '../../words.ts';
import type { Conflict } from './case.ts';
import classes from './moderation.module.css';

/** The dialogs of a case. Each has its own keys; digits work on every layout. */

interface DialogProps {
  readonly shown: Case;
  readonly onClose: () => void;
}

type Reasons = NonNullable<VerdictBody['reasons']>;

/** «Вернуть»: reasons by the digits, to a field, with words; Enter sends. */
export function ReturnDialog({
  shown,
  onClose,
  onReturn,
}: DialogProps & { onReturn: (reasons: Reasons, note: string) => void }) {
  const [picked, pick] = useState<readonly string[]>([]);
  const [words, setWords] = useState<Readonly<Record<string, { field?: string; note?: string }>>>({});
  const [note, setNote] = useState('');
  const toggle = (code: string) =>
    pick((was) => (was.includes(code) ? was.filter((one) => one !== code) : [...was, code]));
  const send = () => {
    if (picked.length === 0) return;
    onReturn(
      picked.map((code) => {
        const { field, note: own } = words[code] ?? {};
        return { code, ...(field && { field }), ...(own?.trim() && { note: own.trim() }) };
      }),
      note.trim(),
    );
  };
  useHotkeys('Вернуть', [
    ...shown.reasons.slice(0, 9).map(({ code, text }, index) => ({
      keys: String(index + 1),
      words: text,
      inDialog: true,
      run: () => toggle(code),
    })),
    { keys: 'enter', words: 'Вернуть', inDialog: true, run: send },
    { keys: 'mod+enter', words: 'Вернуть из поля', inDialog: true, inField: true, run: send },
  ]);
  const say = (code: string, patch: { field?: string; note?: string }) =>
    setWords((was) => ({ ...was, [code]: { ...was[code], ...patch } }));
  return (
    <Modal opened onClose={onClose} title={`Вернуть ${shown.externalId} агенту`} size="lg">
      <Stack gap="sm">
        <fieldset className={classes.reasons}>
          <legend className={classes.legend}>Что исправить</legend>
          {shown.reasons.map(({ code, text, field, fieldLabel }, index) => (
            <div key={code} className={classes.reason}>
              <Checkbox
                checked={picked.includes(code)}
                onChange={() => toggle(code)}
                data-autofocus={index === 0 || undefined}
                aria-keyshortcuts={index < 9 ? String(index + 1) : undefined}
                label={
                  <span className={classes.reasonLabel}>
                    {index < 9 && <Keys keys={String(index + 1)} />}
                    <span>
                      {text}
                      {fieldLabel && <span className={classes.dim}> {fieldLabel}</span>}
                    </span>
                  </span>
                }
              />
              {picked.includes(code) && (
                <Group gap="xs" ml={28} mt={4} wrap="nowrap" align="flex-end">
                  <NativeSelect
                    size="xs"
                    label="К полю"
                    value={words[code]?.field ?? field ?? ''}
                    onChange={(event) => say(code, { field: event.currentTarget.value })}
                    data={[{ value: '', label: 'ко всему объекту' }, ...fieldChoices(shown, field, fieldLabel)]}
                  />
                  <TextInput
                    size="xs"
                    label="Своими словами"
                    className={classes.grow!}
                    maxLength={1000}
                    value={words[code]?.note ?? ''}
                    onChange={(event) => say(code, { note: event.currentTarget.value })}
                  />
                </Group>
              )}
            </div>
          ))}
        </fieldset>
        <Textarea
          label="Ещё для агента"
          autosize
          minRows={2}
          maxLength={2000}
          value={note}
          onChange={(event) => setNote(event.currentTarget.value)}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Отмена
          </Button>
          <Button
            color="error"
            disabled={picked.length === 0}
            onClick={send}
            rightSection={<Keys keys="enter" />}
            aria-keyshortcuts={ariaKeys('mod+enter')}
          >
            Вернуть
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

/** The fields a reason may be about: its own, what changed, and the rest of what is there. */
function fieldChoices({ content }: Case, own: string | null, ownLabel: string | null) {
  const choices = content.map(({ field, label }) => ({ value: field, label }));
  return own === null || choices.some(({ value }) => value === own)
    ? choices
    : [{ value: own, label: ownLabel ?? own }, ...choices];
}

/** «Исправить и одобрить» in one step. */
export function CorrectDialog({
  shown,
  onClose,
  onCorrect,
}: DialogProps & { onCorrect: (values: Record<string, unknown>) => void }) {
  const [values, setValues] = useState<Readonly<Record<string, Editable['value']>>>({});
  // What changed last is what is wrong most often.
  const first = [...shown.texts, ...(shown.price ? [shown.price] : []), ...shown.fields][0]?.field ?? 'description';
  const changed = shown.editable.filter(({ field, value }) => field in values && values[field] !== value);
  const send = () => {
    if (changed.length > 0) onCorrect(Object.fromEntries(changed.map(({ field }) => [field, values[field]])));
  };
  useHotkeys('Исправить', [
    { keys: 'mod+enter', words: 'Исправить и одобрить', inDialog: true, inField: true, run: send },
  ]);
  return (
    <Modal opened onClose={onClose} title={`Исправить ${shown.externalId} и одобрить`} size="xl">
      <Stack gap="sm">
        {shown.editable.map((one) => (
          <Input
            key={one.field}
            of={one}
            isFirst={one.field === first}
            value={one.field in values ? values[one.field]! : one.value}
            onChange={(value) => setValues((was) => ({ ...was, [one.field]: value }))}
          />
        ))}
        <Text size="xs" c="dimmed">
          Исправление ляжет поверх источника и переживёт загрузки; автором будете вы.
        </Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Отмена
          </Button>
          <Button
            disabled={changed.length === 0}
            onClick={send}
            rightSection={<Keys keys="mod+enter" />}
            aria-keyshortcuts={ariaKeys('mod+enter')}
          >
            Исправить и одобрить
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

interface InputProps {
  readonly of: Editable;
  readonly isFirst: boolean;
  readonly value: Editable['value'];
  readonly onChange: (value: Editable['value']) => void;
}

function Input({ of: { label, input, choices }, isFirst, value, onChange }: InputProps) {
  const focus = isFirst ? { 'data-autofocus': true } : {};
  const orNull = (text: string) => (text === '' ? null : text);
  switch (input) {
    case 'long':
      return (
        <Textarea
          label={label}
          autosize
          minRows={6}
          maxRows={18}
          value={typeof value === 'string' ? value : ''}
          onChange={(event) => onChange(orNull(event.currentTarget.value))}
          {...focus}
        />
      );
    case 'money':
      return (
        <MoneyInput label={label} value={typeof value === 'number' ? value : null} onChange={onChange} {...focus} />
      );
    case 'number':
      return (
        <NumberInput
          label={label}
          decimalSeparator=","
          value={typeof value === 'number' ? value : ''}
          onChange={(next) => onChange(typeof next === 'number' ? next : null)}
          {...focus}
        />
      );
    case 'flag':
      return (
        <div>
          <Text size="sm" fw={500} component="span" id={`flag-${label}`}>
            {label}
          </Text>
          <div>
            <SegmentedControl
              aria-labelledby={`flag-${label}`}
              size="xs"
              value={value === null ? '' : String(value)}
              onChange={(next) => onChange(next === '' ? null : next === 'true')}
              data={[
                { value: '', label: 'не указано' },
                { value: 'true', label: 'да' },
                { value: 'false', label: 'нет' },
              ]}
            />
          </div>
        </div>
      );
    case 'choice':
      return (
        <NativeSelect
          label={label}
          value={typeof value === 'string' ? value : ''}
          onChange={(event) => onChange(orNull(event.currentTarget.value))}
          data={[{ value: '', label: 'не указано' }, ...choices]}
          {...focus}
        />
      );
    default:
      return (
        <TextInput
          label={label}
          value={typeof value === 'string' ? value : ''}
          onChange={(event) => onChange(orNull(event.currentTarget.value))}
          {...focus}
        />
      );
  }
}

/** Until when, by the digits. */
function moments(): { label: string; until: Date }[] {
  const at = now();
  const [hour = 0, minute = 0] = clock(at).split(':').map(Number);
  const later = (hours: number) => new Date(at.getTime() + hours * 3_600_000);
  const nineIn = (days: number) => later(days * 24 + 9 - hour - minute / 60);
  const weekday = new Date(`${today(at)}T00:00:00Z`).getUTCDay();
  return [
    { label: 'На час', until: later(1) },
    { label: 'На три часа', until: later(3) },
    { label: 'До завтра, 9:00', until: nineIn(1) },
    { label: 'До понедельника, 9:00', until: nineIn((8 - weekday) % 7 || 7) },
  ];
}

/** «Отложить». */
export function PostponeDialog({ shown, onClose, onPostpone }: DialogProps & { onPostpone: (until: Date) => void }) {
  const [choices] = useState(moments);
  const [picked, pick] = useState(0);
  const send = (index = picked) => onPostpone(choices[index]!.until);
  useHotkeys('Отложить', [
    ...choices.map(({ label }, index) => ({
      keys: String(index + 1),
      words: label,
      inDialog: true,
      run: () => send(index),
    })),
    { keys: 'enter', words: 'Отложить', inDialog: true, run: () => send() },
  ]);
  return (
    <Modal opened onClose={onClose} title={`Отложить ${shown.externalId}`}>
      <Stack gap="sm">
        <Radio.Group label="Вернётся в очередь" value={String(picked)} onChange={(value) => pick(Number(value))}>
          <Stack gap={6} mt={6}>
            {choices.map(({ label }, index) => (
              <Radio
                key={label}
                value={String(index)}
                data-autofocus={index === 0 || undefined}
                label={
                  <span className={classes.reasonLabel}>
                    <Keys keys={String(index + 1)} /> {label}
                  </span>
                }
              />
            ))}
          </Stack>
        </Radio.Group>
        <Text size="xs" c="dimmed">
          Если агент исправит объект, он вернётся раньше.
        </Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Отмена
          </Button>
          <Button onClick={() => send()} rightSection={<Keys keys="enter" />}>
            Отложить
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

/** «Спросить»: to whoever is responsible for the listing. */
export function AskDialog({ shown, onClose, onAsk }: DialogProps & { onAsk: (question: string) => void }) {
  const [question, setQuestion] = useState('');
  const send = () => {
    if (question.trim() !== '') onAsk(question.trim());
  };
  useHotkeys('Спросить', [{ keys: 'mod+enter', words: 'Спросить', inDialog: true, inField: true, run: send }]);
  return (
    <Modal opened onClose={onClose} title={`Спросить об объекте ${shown.externalId}`}>
      <Stack gap="sm">
        <Textarea
          label={shown.agent ? `Вопрос, его получит ${shown.agent.name}` : 'Вопрос, его получит руководитель'}
          autosize
          minRows={3}
          maxLength={1000}
          data-autofocus
          value={question}
          onChange={(event) => setQuestion(event.currentTarget.value)}
        />
        <Text size="xs" c="dimmed">
          Объект отложен до ответа, но не дольше суток.
        </Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Отмена
          </Button>
          <Button
            disabled={question.trim() === ''}
            onClick={send}
            rightSection={<Keys keys="mod+enter" />}
            aria-keyshortcuts={ariaKeys('mod+enter')}
          >
            Спросить
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

/** «Объявление изменилось, пока вы смотрели»: what exactly. */
export function ConflictDialog({
  externalId,
  conflicts,
  onClose,
}: {
  externalId: string;
  conflicts: readonly Conflict[];
  onClose: () => void;
}) {
  return (
    <Modal opened onClose={onClose} title={`${externalId} изменился, пока вы смотрели`} size="lg">
      <Stack gap="sm">
        {conflicts.length === 0 ? (
          <Text size="sm">Содержание прежнее; изменилось только то, что о нём решали.</Text>
        ) : (
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Поле</Table.Th>
                <Table.Th>Вы видели</Table.Th>
                <Table.Th>Сейчас</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {conflicts.map(({ label, before, after }) => (
                <Table.Tr key={label}>
                  <Table.Th scope="row">{label}</Table.Th>
                  <Table.Td className={classes.wrap!}>{before}</Table.Td>
                  <Table.Td className={classes.wrap!}>{after}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )}
        <Text size="sm">Ничего не решено и не опубликовано. Посмотрите на новый вариант и решите снова.</Text>
        <Group justify="flex-end">
          <Button onClick={onClose} data-autofocus>
            Смотреть новый вариант
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
