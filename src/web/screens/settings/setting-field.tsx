import {
  ActionIcon,
  Button,
  Group,
  Input,
  NumberInput,
  Select,
  Switch,
  Table,
  TagsInput,
  Text,
  TextInput,
  UnstyledButton,
} from '@mantine/core';
import { IconArrowUp, IconPlus, IconTrash } from '@tabler/icons-react';
import type { FormField, FormSetting } from '../../../contracts/settings.ts';
import { agree, formatNumber } from '../../words.ts';
import { ClockInput, clockOf } from './clock-input.tsx';
import { type Draft, isSame } from './draft.tsx';
import classes from './settings.module.css';

/** Settings as the server describes them: each with its words, its kind of field and what is usual. */

interface SettingsFieldsProps {
  readonly settings: readonly FormSetting[];
  readonly draft: Draft;
  readonly isReadOnly: boolean;
}

export function SettingsFields({ settings, draft, isReadOnly }: SettingsFieldsProps) {
  return (
    <div className={classes.fields}>
      {settings
        .filter(({ kind }) => kind !== 'special')
        .map((setting) => (
          <SettingField
            key={setting.path}
            setting={setting}
            value={draft.valueOf(setting)}
            onChange={(value) => draft.set(setting, value)}
            isReadOnly={isReadOnly}
          />
        ))}
    </div>
  );
}

interface SettingFieldProps {
  readonly setting: FormSetting;
  readonly value: unknown;
  readonly onChange: (value: unknown) => void;
  readonly isReadOnly: boolean;
}

export function SettingField({ setting, value, onChange, isReadOnly }: SettingFieldProps) {
  const isUsual = isSame(value, setting.usual);
  return (
    <div>
      <Entry field={setting} value={value} onChange={onChange} isReadOnly={isReadOnly} />
      {!isUsual && (
        <div className={classes.usual}>
          Обычно: {toldValue(setting, setting.usual)}
          {!isReadOnly && (
            <>
              {' · '}
              <UnstyledButton
                c="var(--mantine-color-anchor)"
                fz="xs"
                td="underline"
                onClick={() => onChange(setting.usual)}
                aria-label={`${setting.label}: вернуть обычное`}
              >
                вернуть
              </UnstyledButton>
            </>
          )}
        </div>
      )}
    </div>
  );
}

/** A value in words. */
export function toldValue({ kind, choices, unit, empty }: FormField, value: unknown): string {
  if (value === null || value === undefined) return empty ?? 'пусто';
  if (kind === 'switch') return value ? 'да' : 'нет';
  if (kind === 'choice') return choices?.find((one) => one.value === value)?.label ?? String(value);
  if (typeof value === 'number') return `${formatNumber(value)}${unit ? `\u00a0${agree(value, ...unit)}` : ''}`;
  if (!Array.isArray(value)) return String(value);
  if (value.length === 0) return 'пусто';
  return kind === 'clocks' ? value.join(', ') : `строк: ${formatNumber(value.length)}`;
}

interface EntryProps {
  readonly field: FormField;
  readonly value: unknown;
  readonly onChange: (value: unknown) => void;
  readonly isReadOnly: boolean;
  /** In a cell: the heading of the column names it, and here it is only heard. */
  readonly name?: string;
}

function Entry({ field, value, onChange, isReadOnly, name }: EntryProps) {
  const { kind, label, about, empty, choices, unit, minimum, maximum, isWhole } = field;
  const words = name ? { 'aria-label': name } : { label, description: about };
  const mayBeEmpty = empty !== null;
  switch (kind) {
    case 'switch':
      return (
        <Switch
          {...words}
          disabled={isReadOnly}
          checked={value === true}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
      );
    case 'number':
      return (
        <NumberInput
          {...words}
          disabled={isReadOnly}
          value={typeof value === 'number' ? value : ''}
          placeholder={empty ?? undefined}
          min={minimum ?? undefined}
          max={maximum ?? undefined}
          clampBehavior="none"
          allowDecimal={!isWhole}
          decimalSeparator=","
          thousandSeparator={'\u00a0'}
          suffix={unit && typeof value === 'number' ? `\u00a0${agree(value, ...unit)}` : ''}
          error={numberError(field, value)}
          styles={{ wrapper: { maxWidth: name ? 140 : 260 } }}
          hideControls={name !== undefined}
          onChange={(next) => {
            if (typeof next === 'number') onChange(next);
            else if (next === '') onChange(null);
          }}
        />
      );
    case 'choice':
      return (
        <Select
          {...words}
          disabled={isReadOnly}
          allowDeselect={false}
          searchable={(choices?.length ?? 0) > 12}
          styles={{ wrapper: { maxWidth: name ? 220 : 420 } }}
          value={typeof value === 'string' ? value : ''}
          data={[...(mayBeEmpty ? [{ value: '', label: empty }] : []), ...(choices ?? []).map((one) => ({ ...one }))]}
          onChange={(next) => onChange(next === '' || next === null ? null : next)}
        />
      );
    case 'clock':
      return (
        <ClockInput
          {...words}
          disabled={isReadOnly}
          styles={{ wrapper: { maxWidth: 140 } }}
          value={String(value ?? '')}
          onChange={onChange}
        />
      );
    case 'clocks':
      return <Clocks {...{ field, value, onChange, isReadOnly }} />;
    case 'lines':
      return <Lines {...{ field, value, onChange, isReadOnly }} />;
    default:
      return (
        <TextInput
          {...words}
          disabled={isReadOnly}
          value={String(value ?? '')}
          placeholder={empty ?? undefined}
          onChange={(event) => {
            const next = event.currentTarget.value;
            onChange(next === '' && mayBeEmpty ? null : next);
          }}
        />
      );
  }
}

function numberError({ minimum, maximum, empty }: FormField, value: unknown): string | null {
  if (value === null && empty === null) return 'Нужно число.';
  if (typeof value !== 'number') return null;
  if (minimum !== null && value < minimum) return `Не меньше ${formatNumber(minimum)}.`;
  return maximum !== null && value > maximum ? `Не больше ${formatNumber(maximum)}.` : null;
}

/** Hours of the day, typed one after the other: «09:00». */
function Clocks({ field, value, onChange, isReadOnly }: EntryProps) {
  const clocks = Array.isArray(value) ? (value as string[]) : [];
  const own = field.empty !== null && value === null;
  return (
    <div>
      {field.empty !== null && (
        <Switch
          mb={6}
          label={`${field.label}: ${field.empty}`}
          disabled={isReadOnly}
          checked={own}
          onChange={(event) => onChange(event.currentTarget.checked ? null : [])}
        />
      )}
      {!own && (
        <TagsInput
          label={field.label}
          description={field.about}
          placeholder={clocks.length === 0 ? 'в любое время; например 09:00' : 'ещё час'}
          disabled={isReadOnly}
          value={clocks}
          splitChars={[',', ' ', ';']}
          isDuplicate={(one, all) => all.includes(clockOf(one) ?? one)}
          onChange={(next) =>
            onChange(
              next
                .map((one) => clockOf(one))
                .filter((one) => one !== undefined)
                .sort(),
            )
          }
        />
      )}
    </div>
  );
}

type Line = Readonly<Record<string, unknown>>;

/** A list whose lines have parts: a table to write in. The order matters, so a line can be moved up. */
function Lines({ field, value, onChange, isReadOnly }: EntryProps) {
  const lines = Array.isArray(value) ? (value as Line[]) : [];
  const nameOf = (part: FormField) => part.path.split('.').at(-1)!;
  const put = (index: number, part: FormField, next: unknown) =>
    onChange(lines.map((line, at) => (at === index ? withPart(line, part, nameOf(part), next) : line)));
  return (
    <Input.Wrapper label={field.label} description={field.about} labelElement="div">
      {lines.length > 0 && (
        <div className={classes.scroll}>
          <Table aria-label={field.label} mt={6} withTableBorder verticalSpacing={6}>
            <Table.Thead>
              <Table.Tr>
                {field.parts.map((part) => (
                  <Table.Th key={part.path} title={part.about}>
                    {part.label}
                  </Table.Th>
                ))}
                {!isReadOnly && (
                  <Table.Th>
                    <span className="heard">Строка</span>
                  </Table.Th>
                )}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {lines.map((line, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: lines have no name of their own
                <Table.Tr key={index}>
                  {field.parts.map((part) => (
                    <Table.Td key={part.path}>
                      <Entry
                        field={part}
                        name={`${part.label}, строка ${index + 1}`}
                        value={line[nameOf(part)] ?? null}
                        onChange={(next) => put(index, part, next)}
                        isReadOnly={isReadOnly}
                      />
                    </Table.Td>
                  ))}
                  {!isReadOnly && (
                    <Table.Td>
                      <Group gap={2} wrap="nowrap">
                        <ActionIcon
                          variant="subtle"
                          color="gray"
                          aria-label={`Строка ${index + 1}: выше`}
                          disabled={index === 0}
                          onClick={() => onChange(moved(lines, index))}
                        >
                          <IconArrowUp size={16} />
                        </ActionIcon>
                        <ActionIcon
                          variant="subtle"
                          color="gray"
                          aria-label={`Строка ${index + 1}: убрать`}
                          onClick={() => onChange(lines.filter((_, at) => at !== index))}
                        >
                          <IconTrash size={16} />
                        </ActionIcon>
                      </Group>
                    </Table.Td>
                  )}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
      )}
      {lines.length === 0 && (
        <Text size="sm" c="dimmed" mt={4}>
          Строк нет.
        </Text>
      )}
      {!isReadOnly && (
        <Button
          mt={8}
          size="compact-sm"
          variant="default"
          leftSection={<IconPlus size={14} />}
          onClick={() => onChange([...lines, newLine(field.parts, nameOf)])}
        >
          Добавить строку
        </Button>
      )}
    </Input.Wrapper>
  );
}

function withPart(line: Line, { isOptional }: FormField, name: string, next: unknown): Line {
  const { [name]: _, ...rest } = line;
  return next === null && isOptional ? rest : { ...line, [name]: next };
}

const newLine = (parts: readonly FormField[], nameOf: (part: FormField) => string): Line =>
  Object.fromEntries(parts.filter(({ isOptional }) => !isOptional).map((part) => [nameOf(part), firstOf(part)]));

function firstOf({ kind, choices, empty, minimum }: FormField): unknown {
  if (empty !== null) return null;
  if (kind === 'choice') return choices?.[0]?.value ?? '';
  return kind === 'number' ? (minimum ?? 0) : '';
}

const moved = (lines: readonly Line[], index: number): Line[] =>
  lines.map((line, at) => (at === index - 1 ? lines[index]! : at === index ? lines[index - 1]! : line));
