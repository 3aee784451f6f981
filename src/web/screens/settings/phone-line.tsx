import { Alert, Autocomplete, Button, Chip, Group, Input, Radio, Select, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import type { KeptLine, PhoneLineAnswer, Phones, WantedLineBody } from '../../../contracts/phones.ts';
import { api } from '../../api.ts';
import { PeriodInput } from '../../parts/day-field.tsx';
import { ProblemAlert, showDone } from '../../parts/problem.tsx';
import { showUndo } from '../../parts/undo.tsx';
import { refresh } from '../../query.ts';
import { day as dayWords } from '../../words.ts';
import type { Picked } from './phone-week.tsx';
import classes from './phones.module.css';

/** What the form begins with. */
export interface LineStart {
  /** The line that is changed; null: a new one. */
  readonly line: PhoneLineAnswer | null;
  readonly unit: string;
  /** '' for every board. */
  readonly board: string;
  /** ISO weekdays. */
  readonly weekdays: readonly number[];
  readonly from: string;
  readonly to: string;
  readonly repeat: Repeat;
  readonly period: readonly [string | null, string | null];
  readonly kind: WantedLineBody['kind'];
  readonly phone: string;
  readonly note: string;
}

/** Every week, in the week that is shown only, or between two days. */
type Repeat = 'weekly' | 'once' | 'dates';

const clock = (minute: number) =>
  `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;

/** «9», «09:30», «24:00» in minutes; null: no time of day. */
function minuteOf(text: string): number | null {
  const found = /^(\d{1,2})(?:[:.]([0-5]\d))?$/.exec(text.trim());
  const minute = found ? Number(found[1]) * 60 + Number(found[2] ?? 0) : Number.NaN;
  return minute <= 1440 ? minute : null;
}

const unitOf = ({ scope, scopeId }: Pick<PhoneLineAnswer, 'scope' | 'scopeId'>) =>
  scope === 'agency' ? 'agency' : `${scope}:${scopeId}`;

/** A form for what was picked in the week, for a line that is there, or for the next weekend. */
export function startOf({ view }: Phones, from: Picked | { readonly line: PhoneLineAnswer } = WEEKEND): LineStart {
  if ('line' in from) {
    const { line } = from;
    return {
      line,
      unit: unitOf(line),
      board: line.board ?? '',
      weekdays: line.weekdays,
      from: clock(line.fromMinute),
      to: clock(line.toMinute),
      repeat: line.startsOn === null && line.endsOn === null ? 'weekly' : 'dates',
      period: [line.startsOn, line.endsOn],
      kind: line.kind,
      phone: line.phone === null ? '' : line.phoneText,
      note: line.note ?? '',
    };
  }
  return {
    line: null,
    unit: view.unit,
    board: view.board ?? '',
    weekdays: from.days.map((day) => day + 1),
    from: clock(from.fromMinute),
    to: clock(from.toMinute),
    repeat: 'once',
    period: [null, null],
    kind: 'duty',
    phone: '',
    note: '',
  };
}

const WEEKEND: Picked = { days: [5, 6], fromMinute: 540, toMinute: 1260 };

/** A line as it was, to be made again. */
export function bodyOf(line: PhoneLineAnswer): WantedLineBody {
  const { scope, scopeId, board, weekdays, fromMinute, toMinute, startsOn, endsOn, kind, phone, note } = line;
  return { scope, scopeId, board, weekdays, fromMinute, toMinute, startsOn, endsOn, kind, phone, note };
}

const NAMES = ['пн', 'вт', 'ср', 'чт', 'пт', 'сб', 'вс'] as const;

interface LineFormProps {
  readonly phones: Phones;
  readonly start: LineStart;
  readonly onEdit: (line: PhoneLineAnswer) => void;
  readonly onDone: () => void;
}

/** One line of the timetable. */
export function LineForm({ phones, start, onEdit, onDone }: LineFormProps) {
  const { units, boards, kinds, numbers, days } = phones;
  const [form, setForm] = useState(start);
  const put = (part: Partial<LineStart>) => setForm((was) => ({ ...was, ...part }));
  const { line, unit, board, weekdays, from, to, repeat, period, kind, phone, note } = form;
  const [fromMinute, toMinute] = [minuteOf(from), minuteOf(to)];
  const dates = weekdays.map((weekday) => days[weekday - 1]!.day).sort();
  const isHidden = line !== null && line.kind !== 'own' && line.phone === null;

  const save = useMutation({
    mutationFn: (body: WantedLineBody) =>
      line === null
        ? api.send<KeptLine>('POST', '/phones', body)
        : api.send<KeptLine>('PUT', `/phones/${line.id}`, body),
    meta: { isTold: true },
    onSuccess: async ({ id }) => {
      await refresh('/phones');
      onDone();
      if (line === null)
        showUndo({
          words: 'Номер поставлен',
          undo: async () => {
            await api.send('DELETE', `/phones/${id}`);
            await refresh('/phones');
          },
        });
      else showDone('Строка изменена');
    },
  });

  const submit = () => {
    const [scope, scopeId] = unit.split(':');
    const [startsOn, endsOn] =
      repeat === 'weekly' ? [null, null] : repeat === 'once' ? [dates[0] ?? null, dates.at(-1) ?? null] : period;
    save.mutate({
      scope: scope as WantedLineBody['scope'],
      scopeId: scopeId === undefined ? null : Number(scopeId),
      board: board === '' ? null : board,
      weekdays: [...weekdays],
      // What is no time of day is told by the server with the rest.
      fromMinute: fromMinute ?? 0,
      toMinute: toMinute ?? 0,
      startsOn,
      endsOn,
      kind,
      phone: kind === 'own' || phone.trim() === '' ? null : phone,
      note: note.trim() === '' ? null : note,
    });
  };
  const here = nowHere(phones, form);
  const isTimed = fromMinute !== null && toMinute !== null && fromMinute < toMinute;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (isTimed && weekdays.length > 0) submit();
      }}
    >
      <Stack gap="md">
        <ProblemAlert error={save.error} isBrief />
        {here && (
          <Alert color="waiting" variant="light">
            <Group justify="space-between" gap="sm">
              <Text size="sm">
                Сейчас в это время: {here.phoneText}, {here.whose}, {here.when}
              </Text>
              {here.may.change && (
                <Button size="xs" variant="default" onClick={() => onEdit(here)}>
                  Изменить эту строку
                </Button>
              )}
            </Group>
          </Alert>
        )}
        <Group grow align="start">
          {kind !== 'own' && (
            <Autocomplete
              label="Номер"
              required={!isHidden}
              placeholder={isHidden ? 'скрыт, останется прежним' : '+7 900 000-00-00'}
              data-autofocus
              value={phone}
              onChange={(value) => put({ phone: value })}
              data={numbers.map(({ label }) => label.split(' · ')[0]!)}
              renderOption={({ option }) => numbers.find(({ label }) => label.startsWith(option.value))?.label}
            />
          )}
          <Select
            label="Кто отвечает"
            allowDeselect={false}
            value={kind}
            onChange={(next) => put({ kind: next as LineStart['kind'] })}
            data={kinds.map(({ kind: value, label }) => ({ value, label }))}
          />
        </Group>
        <Input.Wrapper label="Дни" labelElement="div">
          <Chip.Group
            multiple
            value={weekdays.map(String)}
            onChange={(next) => put({ weekdays: next.map(Number).sort() })}
          >
            <div className={classes.weekdays}>
              {NAMES.map((name, index) => (
                <Chip key={name} value={String(index + 1)} size="sm">
                  {name}
                </Chip>
              ))}
            </div>
          </Chip.Group>
        </Input.Wrapper>
        <Group gap="sm" align="start">
          <TextInput
            label="С"
            w={110}
            value={from}
            error={fromMinute === null ? 'например 10:00' : undefined}
            onChange={(event) => put({ from: event.currentTarget.value })}
          />
          <TextInput
            label="До"
            w={110}
            value={to}
            error={
              toMinute === null
                ? 'например 18:00'
                : fromMinute !== null && fromMinute >= toMinute
                  ? 'позже начала; ночь — две строки'
                  : undefined
            }
            onChange={(event) => put({ to: event.currentTarget.value })}
          />
        </Group>
        <Radio.Group label="Как долго" value={repeat} onChange={(next) => put({ repeat: next as Repeat })}>
          <Stack gap={6} mt={6}>
            {line === null && dates.length > 0 && (
              <Radio
                value="once"
                label={
                  dates.length === 1
                    ? `только ${dayWords(dates[0]!)}`
                    : `только ${dayWords(dates[0]!)} – ${dayWords(dates.at(-1)!)}`
                }
              />
            )}
            <Radio value="weekly" label="каждую неделю" />
            <Radio value="dates" label="с одного дня по другой" />
          </Stack>
        </Radio.Group>
        {repeat === 'dates' && (
          <PeriodInput
            label="Дни дежурства"
            value={period}
            onChange={(next) => put({ period: next })}
            clearable
            maw={320}
          />
        )}
        <Group grow align="start">
          <Select
            label="Чьи объявления"
            searchable
            allowDeselect={false}
            value={unit}
            onChange={(next) => put({ unit: next! })}
            data={units.filter(({ may }) => may.change).map(({ value, label }) => ({ value, label }))}
          />
          <Select
            label="Доска"
            allowDeselect={false}
            value={board}
            onChange={(next) => put({ board: next ?? '' })}
            data={[{ value: '', label: 'все доски' }, ...boards.map(({ id, name }) => ({ value: id, label: name }))]}
          />
        </Group>
        <TextInput
          label="Пометка"
          maxLength={200}
          value={note}
          onChange={(event) => put({ note: event.currentTarget.value })}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={onDone}>
            Отмена
          </Button>
          <Button type="submit" loading={save.isPending} disabled={!isTimed || weekdays.length === 0}>
            {line === null ? 'Поставить номер' : 'Сохранить'}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** The line that answers in the first hour that is picked. */
function nowHere({ days, lanes }: Phones, { line, weekdays, from }: LineStart): PhoneLineAnswer | undefined {
  const [first] = weekdays;
  const minute = minuteOf(from);
  if (line !== null || first === undefined || minute === null) return undefined;
  const span = days[first - 1]!.spans.find((one) => one.from <= minute && one.to > minute);
  return lanes.find((lane) => lane.line.id === span?.lineId)?.line;
}
