import { ActionIcon, Anchor, Button, Group, Modal, Stack, Switch, Text, TextInput } from '@mantine/core';
import { IconDoor, IconDoorOff, IconPlus, IconTrash } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { Calendar, CalendarBody, OwnCalendar } from '../../../contracts/calendars.ts';
import type { Effect } from '../../../contracts/settings.ts';
import { api, ProblemError } from '../../api.ts';
import { Chip } from '../../parts/chip.tsx';
import { PeriodInput } from '../../parts/day-field.tsx';
import { Page } from '../../parts/page.tsx';
import { ProblemAlert, showDone } from '../../parts/problem.tsx';
import { Empty, Loaded } from '../../parts/states.tsx';
import { refresh, useApi } from '../../query.ts';
import { counted, zoneWords } from '../../words.ts';
import { ClockInput } from './clock-input.tsx';
import { agreed } from './effect.tsx';
import classes from './settings.module.css';

/** Working days and hours: outside of them nothing of the branch or cabinet is on the boards. */
export default function Calendars() {
  const query = useApi<{ data: readonly OwnCalendar[] }>('/calendars');
  const [editing, setEditing] = useState<OwnCalendar | null>(null);
  return (
    <Page
      title="Рабочее время"
      back={{ to: '/settings', words: 'К настройкам' }}
      words={
        <>
          Вне рабочего времени филиала или кабинета его объектов на досках нет. Остановить что-то разово —{' '}
          <Anchor component={Link} to="/settings/pauses" size="sm" underline="always">
            паузы
          </Anchor>
          .
        </>
      }
    >
      <Loaded query={query}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty
              title="Ни филиалов, ни кабинетов ещё нет"
              words="Время задают филиалу или кабинету."
              action={{ words: 'К доскам', to: '/settings/boards' }}
            />
          ) : (
            <>
              <ul className={classes.list} aria-label="Рабочее время">
                {data.map((own) => (
                  <Row key={`${own.of} ${own.id}`} own={own} onEdit={() => setEditing(own)} />
                ))}
              </ul>
              <Modal
                opened={editing !== null}
                onClose={() => setEditing(null)}
                title={editing && `Рабочее время: ${editing.name}`}
                size="lg"
              >
                {editing && <Editor own={editing} onDone={() => setEditing(null)} />}
              </Modal>
            </>
          )
        }
      </Loaded>
    </Page>
  );
}

function Row({ own, onEdit }: { own: OwnCalendar; onEdit: () => void }) {
  const { of, name, zone, text, state, isOpen, calendar, may } = own;
  const special = calendar?.special.length ?? 0;
  return (
    <li className={classes.row}>
      <div className={classes.words}>
        <Text size="sm" fw={600}>
          {of === 'branch' ? `Филиал «${name}»` : name}
        </Text>
        <Text size="sm">
          {text}
          {special > 0 && `; особых дней: ${counted(special, 'запись', 'записи', 'записей')}`}
        </Text>
        <Text size="xs" c="dimmed">
          {zoneWords(zone)}
        </Text>
      </div>
      <Group gap="sm">
        {calendar && <Chip tone={isOpen ? 'ok' : 'neutral'} icon={isOpen ? IconDoor : IconDoorOff} words={state} />}
        {may.calendars && (
          <Button size="compact-sm" variant="default" aria-label={`Изменить: ${name}`} onClick={onEdit}>
            Изменить
          </Button>
        )}
      </Group>
    </li>
  );
}

const DAYS = ['пн', 'вт', 'ср', 'чт', 'пт', 'сб', 'вс'] as const;
const FULL_DAYS = ['Понедельник', 'Вторник', 'Среда', 'Четверг', 'Пятница', 'Суббота', 'Воскресенье'] as const;
type Hours = Calendar['week'][number];
type Special = Calendar['special'][number];

const USUAL: Calendar = {
  week: [...Array.from({ length: 5 }, (): Hours => [[540, 1200]]), [], []],
  special: [],
};

const clockTold = (minute: number) =>
  `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
const minuteOf = (clock: string) => {
  const [hour = 0, minute = 0] = clock.split(':').map(Number);
  return hour * 60 + minute;
};

function Editor({ own, onDone }: { own: OwnCalendar; onDone: () => void }) {
  const [calendar, setCalendar] = useState<Calendar | null>(own.calendar);
  const root = `/${own.of === 'branch' ? 'branches' : 'cabinets'}/${own.id}/calendar`;
  const save = useMutation({
    meta: { isTold: true },
    mutationFn: async () => {
      const body: CalendarBody = { calendar };
      const rehearse = () => api.send<Effect>('POST', `${root}/rehearse`, body);
      const words = await agreed({ title: 'Прямо сейчас это изменит доски', rehearse });
      if (words === null) return null;
      await api.send('PUT', root, body, { ifMatch: `"${own.version}"` });
      return words;
    },
    onSuccess: async (words) => {
      if (words === null) return;
      showDone(`Рабочее время сохранено.${words}`);
      await refresh('/calendars', '/settings/boards', '/cabinets');
      onDone();
    },
  });
  const setHours = (index: number, hours: Hours) =>
    calendar && setCalendar({ ...calendar, week: calendar.week.map((known, at) => (at === index ? hours : known)) });
  const setSpecial = (special: Special[]) => calendar && setCalendar({ ...calendar, special });
  return (
    <Stack gap="md">
      <Switch
        label="Работа идёт всегда"
        checked={calendar === null}
        onChange={(event) => setCalendar(event.currentTarget.checked ? null : (own.calendar ?? USUAL))}
      />
      {calendar && (
        <>
          <fieldset className={classes.days}>
            <legend className="heard">Неделя</legend>
            {calendar.week.map((hours, index) => (
              <DayHours
                key={DAYS[index]}
                name={DAYS[index]!}
                fullName={FULL_DAYS[index]!}
                hours={hours}
                onChange={(next) => setHours(index, next)}
              />
            ))}
          </fieldset>
          <Text size="sm" fw={600}>
            Праздники и особые дни
          </Text>
          {calendar.special.map((special, index) => (
            <SpecialDays
              // biome-ignore lint/suspicious/noArrayIndexKey: lines have no name of their own
              key={index}
              special={special}
              onChange={(next) => setSpecial(calendar.special.map((known, at) => (at === index ? next : known)))}
              onRemove={() => setSpecial(calendar.special.filter((_, at) => at !== index))}
            />
          ))}
          <Group>
            <Button
              size="compact-sm"
              variant="default"
              leftSection={<IconPlus size={14} />}
              onClick={() => setSpecial([...calendar.special, { from: '', to: '', hours: [], note: '' }])}
            >
              Добавить дни
            </Button>
          </Group>
        </>
      )}
      <ProblemAlert
        error={save.error}
        onRetry={
          save.error instanceof ProblemError && save.error.status === 412
            ? () => {
                void refresh('/calendars');
                onDone();
              }
            : undefined
        }
      />
      <Group justify="flex-end">
        <Button variant="default" onClick={onDone}>
          Отмена
        </Button>
        <Button
          loading={save.isPending}
          disabled={calendar?.special.some(({ from, note }) => from === '' || note.trim() === '')}
          onClick={() => save.mutate()}
        >
          Сохранить
        </Button>
      </Group>
    </Stack>
  );
}

interface DayHoursProps {
  readonly name: string;
  readonly fullName: string;
  readonly hours: Hours;
  readonly onChange: (hours: Hours) => void;
}

function DayHours({ name, fullName, hours, onChange }: DayHoursProps) {
  return (
    <div className={classes.day}>
      <Switch
        label={<span className={classes.dayName}>{name}</span>}
        aria-label={`${fullName}: рабочий день`}
        checked={hours.length > 0}
        onChange={(event) => onChange(event.currentTarget.checked ? [[540, 1200]] : [])}
      />
      <Spans name={fullName} hours={hours} onChange={onChange} />
      {hours.length === 0 && (
        <Text size="sm" c="dimmed">
          выходной
        </Text>
      )}
    </div>
  );
}

const SPANS_MAX = 5;

function Spans({ name, hours, onChange }: { name: string; hours: Hours; onChange: (hours: Hours) => void }) {
  const put = (index: number, end: 0 | 1, clock: string) =>
    onChange(
      hours.map((span, at): [number, number] =>
        at === index ? (end === 0 ? [minuteOf(clock), span[1]] : [span[0], minuteOf(clock)]) : [span[0], span[1]],
      ),
    );
  return (
    <>
      {hours.map(([from, to], index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: spans have no name of their own
        <Group key={index} gap={4} wrap="nowrap">
          <ClockInput
            size="xs"
            w={64}
            aria-label={`${name}: с, промежуток ${index + 1}`}
            value={clockTold(from)}
            onChange={(clock) => put(index, 0, clock)}
          />
          <span aria-hidden>–</span>
          <ClockInput
            size="xs"
            w={64}
            isEnd
            aria-label={`${name}: до, промежуток ${index + 1}`}
            value={clockTold(to)}
            onChange={(clock) => put(index, 1, clock)}
          />
          {hours.length > 1 && (
            <ActionIcon
              size="sm"
              variant="subtle"
              color="gray"
              aria-label={`${name}: убрать промежуток ${index + 1}`}
              onClick={() => onChange(hours.filter((_, at) => at !== index))}
            >
              <IconTrash size={14} />
            </ActionIcon>
          )}
        </Group>
      ))}
      {hours.length > 0 && hours.length < SPANS_MAX && (
        <ActionIcon
          size="sm"
          variant="subtle"
          color="gray"
          aria-label={`${name}: добавить промежуток`}
          onClick={() => {
            const last = hours.at(-1)![1];
            const from = Math.min(1380, last + 60);
            onChange([...hours, [from, Math.min(1440, from + 60)]]);
          }}
        >
          <IconPlus size={14} />
        </ActionIcon>
      )}
    </>
  );
}

interface SpecialDaysProps {
  readonly special: Special;
  readonly onChange: (special: Special) => void;
  readonly onRemove: () => void;
}

function SpecialDays({ special, onChange, onRemove }: SpecialDaysProps) {
  const { from, to, hours, note } = special;
  const name = note || 'Особые дни';
  return (
    <Group align="flex-end" gap="sm">
      <PeriodInput
        label="Дни"
        w={220}
        value={[from || null, to || null]}
        onChange={([first, last]) => onChange({ ...special, from: first ?? '', to: last ?? first ?? '' })}
      />
      <TextInput
        label="Что за дни"
        placeholder="Новый год"
        maxLength={200}
        w={180}
        value={note}
        onChange={(event) => onChange({ ...special, note: event.currentTarget.value })}
      />
      <Group gap="sm" mih={36}>
        <Switch
          label="работаем"
          aria-label={`${name}: работаем`}
          checked={hours.length > 0}
          onChange={(event) => onChange({ ...special, hours: event.currentTarget.checked ? [[600, 960]] : [] })}
        />
        <Spans name={name} hours={hours} onChange={(next) => onChange({ ...special, hours: next })} />
      </Group>
      <ActionIcon variant="subtle" color="gray" mb={4} aria-label={`${name}: убрать`} onClick={onRemove}>
        <IconTrash size={16} />
      </ActionIcon>
    </Group>
  );
}
