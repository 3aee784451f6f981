import {
  ActionIcon,
  Button,
  Group,
  Input,
  MultiSelect,
  NumberInput,
  SegmentedControl,
  Select,
  Stack,
  TagsInput,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core';
import { IconPlus, IconRestore, IconX } from '@tabler/icons-react';
import { memo, type ReactNode, useId } from 'react';
import type { FormField } from '../../../contracts/listing.ts';
import { MoneyInput } from '../../parts/fields.tsx';
import { Notices, type ToldNotice } from '../../parts/notices.tsx';
import { momentNear } from '../../words.ts';
import classes from './card.module.css';
import { isSame } from './draft.ts';
import { toldValue } from './told.ts';

interface CardFieldProps {
  readonly field: FormField;
  /** What was typed, else what holds. */
  readonly value: unknown;
  readonly isChanged: boolean;
  readonly isKept: boolean;
  readonly isReadOnly: boolean;
  readonly fault: string | undefined;
  readonly notices: readonly ToldNotice[];
  readonly counter?: ReactNode;
  readonly onChange: (field: string, value: unknown) => void;
  readonly onKeep: (field: string) => void;
}

export const idOf = (field: string): string => `field-${field}`;

/** One field: the input, what boards say of it, and what the source says where that is something else. */
export const CardField = memo(function CardField(props: CardFieldProps) {
  const { field, value, isChanged, isKept, isReadOnly, fault, notices, counter, onChange, onKeep } = props;
  const isWide = field.type === 'long-text' || field.field === 'title' || field.type === 'metro';
  const isOther = !isSame(value, field.source);
  return (
    <div className={classes.field} data-wide={isWide || undefined} data-changed={isChanged || undefined}>
      <FieldInput
        field={field}
        value={value}
        isReadOnly={isReadOnly || field.isFixed}
        error={fault}
        onChange={(next) => onChange(field.field, next)}
      />
      {counter}
      {notices.length > 0 && (
        <div className={classes.notices}>
          <Notices notices={notices} />
        </div>
      )}
      {isOther && !field.isFixed && field.correction?.isConflict && !isChanged && !isKept ? (
        <Conflict field={field} isReadOnly={isReadOnly} onChange={onChange} onKeep={onKeep} />
      ) : (
        isOther &&
        !field.isFixed && (
          <div className={classes.source}>
            <span>
              В источнике: {toldValue(field, field.source)}
              {field.correction && !isChanged && (
                <>
                  {' '}
                  · {field.correction.by}, {momentNear(field.correction.at)}
                  {isKept && ' · останется исправление'}
                </>
              )}
            </span>
            {!isReadOnly && (
              <Button
                size="compact-xs"
                variant="subtle"
                leftSection={<IconRestore size={14} aria-hidden />}
                aria-label={`Вернуть как в источнике: ${field.label}`}
                onClick={() => onChange(field.field, field.source ?? null)}
              >
                Вернуть как в источнике
              </Button>
            )}
          </div>
        )
      )}
    </div>
  );
});

/** The source has changed after somebody corrected the field: a person chooses. */
function Conflict({
  field,
  isReadOnly,
  onChange,
  onKeep,
}: Pick<CardFieldProps, 'field' | 'isReadOnly' | 'onChange' | 'onKeep'>) {
  return (
    <div className={classes.conflict}>
      <Text size="sm">
        Источник изменился: теперь {toldValue(field, field.source)}. Исправил {field.correction?.by}:{' '}
        {toldValue(field, field.value)}.
      </Text>
      {!isReadOnly && (
        <Group gap={6} mt={4}>
          <Button size="compact-xs" variant="default" onClick={() => onKeep(field.field)}>
            Оставить исправление
          </Button>
          <Button size="compact-xs" variant="default" onClick={() => onChange(field.field, field.source ?? null)}>
            Взять из источника
          </Button>
        </Group>
      )}
    </div>
  );
}

interface FieldInputProps {
  readonly field: FormField;
  readonly value: unknown;
  readonly isReadOnly: boolean;
  readonly error: string | undefined;
  readonly onChange: (value: unknown) => void;
}

const asText = (value: unknown): string => (typeof value === 'string' ? value : '');
const asTexts = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
/** An empty input is an empty field. */
const orNull = (text: string): string | null => (text.trim() === '' ? null : text);

function FieldInput({ field, value, isReadOnly, error, onChange }: FieldInputProps) {
  const { type, label, unit, choices = [], charsMax } = field;
  const common = { id: idOf(field.field), label, error, disabled: isReadOnly } as const;
  switch (type) {
    case 'long-text':
      return (
        <Textarea
          {...common}
          autosize
          minRows={5}
          maxRows={24}
          maxLength={charsMax}
          value={asText(value)}
          onChange={(event) => onChange(orNull(event.currentTarget.value))}
        />
      );
    case 'text':
      return (
        <TextInput
          {...common}
          maxLength={charsMax}
          value={asText(value)}
          onChange={(event) => onChange(orNull(event.currentTarget.value))}
        />
      );
    case 'money':
      return <MoneyInput {...common} value={typeof value === 'number' ? value : null} onChange={onChange} />;
    case 'integer':
    case 'number':
      return (
        <NumberInput
          {...common}
          hideControls
          decimalSeparator=","
          allowDecimal={type === 'number'}
          allowNegative={(field.min ?? 0) < 0}
          rightSection={unit && <span className={classes.unit}>{unit}</span>}
          value={typeof value === 'number' ? value : ''}
          onChange={(next) => onChange(next === '' ? null : Number(next))}
        />
      );
    case 'flag':
      return <Flag {...common} value={value} onChange={onChange} />;
    case 'choice':
      return (
        <Select
          {...common}
          clearable={field.field !== 'kind' && field.field !== 'deal'}
          clearButtonProps={{ 'aria-label': `Очистить: ${label}` }}
          searchable={choices.length > 8}
          placeholder="не указано"
          nothingFoundMessage="Такого нет"
          data={choices.map((choice) => ({ ...choice }))}
          value={typeof value === 'string' ? value : null}
          onChange={onChange}
        />
      );
    case 'choices':
      return (
        <MultiSelect
          {...common}
          clearable
          clearButtonProps={{ 'aria-label': `Очистить: ${label}` }}
          placeholder={asTexts(value).length === 0 ? 'не указано' : ''}
          data={choices.map((choice) => ({ ...choice }))}
          value={asTexts(value)}
          onChange={(next) => onChange(next.length === 0 ? null : next)}
        />
      );
    case 'phones':
    case 'texts':
      return (
        <TagsInput
          {...common}
          placeholder={asTexts(value).length === 0 ? 'не указано' : ''}
          description={type === 'phones' ? 'Главный номер первым; Enter добавляет' : 'Enter добавляет'}
          value={asTexts(value)}
          onChange={(next) => onChange(next.length === 0 ? null : next)}
        />
      );
    case 'metro':
      return <Metro {...common} value={value} onChange={onChange} />;
    default:
      return (
        <Input.Wrapper label={label} id={idOf(field.field)}>
          <Text size="sm" className={classes.fixed!}>
            {typeof value === 'string' ? value : toldValue(field, value)}
          </Text>
        </Input.Wrapper>
      );
  }
}

interface InputProps {
  readonly id: string;
  readonly label: string;
  readonly error: string | undefined;
  readonly disabled: boolean;
  readonly value: unknown;
  readonly onChange: (value: unknown) => void;
}

/** Yes, no, and nobody knows. */
function Flag({ id, label, error, disabled, value, onChange }: InputProps) {
  const labelId = useId();
  return (
    <Input.Wrapper label={label} labelElement="div" labelProps={{ id: labelId }} error={error}>
      <SegmentedControl
        id={id}
        fullWidth
        size="xs"
        disabled={disabled}
        aria-labelledby={labelId}
        data={[
          { value: '', label: 'не указано' },
          { value: 'yes', label: 'да' },
          { value: 'no', label: 'нет' },
        ]}
        value={value === true ? 'yes' : value === false ? 'no' : ''}
        onChange={(next) => onChange(next === '' ? null : next === 'yes')}
      />
    </Input.Wrapper>
  );
}

interface Station {
  readonly name: string;
  readonly walkMinutes?: number;
  readonly transportMinutes?: number;
}

function Metro({ id, label, error, disabled, value, onChange }: InputProps) {
  const stations = (Array.isArray(value) ? value : []) as readonly Station[];
  const put = (next: readonly Station[]) => onChange(next.length === 0 ? null : next);
  const change = (at: number, patch: Partial<Record<keyof Station, unknown>>) => {
    const merged = Object.entries({ ...stations[at]!, ...patch }).filter(([, one]) => one !== '' && one !== null);
    put(stations.with(at, { name: '', ...Object.fromEntries(merged) } as Station));
  };
  return (
    <Input.Wrapper label={label} labelElement="div" error={error}>
      <Stack gap={6}>
        {stations.map((station, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: stations have no other name while they are typed
          <Group key={at} gap={6} wrap="nowrap" align="flex-start">
            <TextInput
              {...(at === 0 && { id })}
              aria-label={`Метро ${at + 1}: станция`}
              placeholder="станция"
              style={{ flex: 1 }}
              disabled={disabled}
              value={station.name}
              onChange={(event) => change(at, { name: event.currentTarget.value })}
            />
            <NumberInput
              aria-label={`Метро ${at + 1}: минут пешком`}
              placeholder="пешком"
              hideControls
              w={92}
              min={0}
              disabled={disabled}
              value={station.walkMinutes ?? ''}
              onChange={(next) => change(at, { walkMinutes: next })}
            />
            <NumberInput
              aria-label={`Метро ${at + 1}: минут на транспорте`}
              placeholder="транспортом"
              hideControls
              w={112}
              min={0}
              disabled={disabled}
              value={station.transportMinutes ?? ''}
              onChange={(next) => change(at, { transportMinutes: next })}
            />
            <ActionIcon
              variant="subtle"
              color="gray"
              size="lg"
              disabled={disabled}
              aria-label={`Убрать метро ${at + 1}`}
              onClick={() => put(stations.toSpliced(at, 1))}
            >
              <IconX size={16} />
            </ActionIcon>
          </Group>
        ))}
        <Button
          {...(stations.length === 0 && { id })}
          size="compact-sm"
          variant="subtle"
          leftSection={<IconPlus size={14} aria-hidden />}
          disabled={disabled}
          style={{ alignSelf: 'flex-start' }}
          onClick={() => put([...stations, { name: '' }])}
        >
          Добавить станцию
        </Button>
      </Stack>
    </Input.Wrapper>
  );
}
