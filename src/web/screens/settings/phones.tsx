import {
  ActionIcon,
  Alert,
  Button,
  Group,
  List,
  Modal,
  SegmentedControl,
  Select,
  Table,
  Text,
  TextInput,
} from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import {
  IconAlertTriangle,
  IconChevronLeft,
  IconChevronRight,
  IconPencil,
  IconPhone,
  IconPlus,
  IconTrash,
} from '@tabler/icons-react';
import { keepPreviousData, useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import type { PhoneAt, PhoneLineAnswer, Phones as PhonesAnswer } from '../../../contracts/phones.ts';
import { api } from '../../api.ts';
import { Page, Sheet } from '../../parts/page.tsx';
import { Broken, Loaded } from '../../parts/states.tsx';
import { showUndo } from '../../parts/undo.tsx';
import { refresh, useApi } from '../../query.ts';
import { oneOf, useAddress } from '../../router.tsx';
import { useMay } from '../../session.ts';
import { day as dayWords, moment } from '../../words.ts';
import { bodyOf, LineForm, type LineStart, startOf } from './phone-line.tsx';
import { WeekGrid, WeekList } from './phone-week.tsx';
import classes from './phones.module.css';

/** Which number stands in the advertisements through a week; a weekend is set up here in a minute. */
export default function Phones() {
  const [filter, change] = useAddress((raw) => ({
    unit: oneOf(raw.unit),
    board: oneOf(raw.board),
    day: oneOf(raw.day),
    as: oneOf(raw.as),
  }));
  const { as, ...query } = filter;
  const answer = useApi<PhonesAnswer>('/phones', query, { placeholderData: keepPreviousData });
  const isPhone = useMediaQuery('(max-width: 48em)') ?? false;
  const [editing, setEditing] = useState<LineStart | null>(null);
  const mayChange = useMay()('phones');
  const isGrid = (as ?? (isPhone ? 'list' : 'grid')) === 'grid';
  return (
    <Page
      title="Телефоны"
      back={{ to: '/settings', words: 'К настройкам' }}
      words="Какой номер стоит в объявлении. Дежурство на даты важнее недельной строки, ближняя к агенту — важнее дальней."
      actions={
        mayChange &&
        answer.data && (
          <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing(startOf(answer.data))}>
            Строка
          </Button>
        )
      }
    >
      <Loaded query={answer}>
        {(phones) => (
          <>
            <Group gap="sm" align="end">
              <Select
                label="Чьи объявления"
                searchable
                allowDeselect={false}
                w={{ base: '100%', xs: 260 }}
                value={phones.view.unit}
                onChange={(unit) => change({ unit: unit === 'agency' ? undefined : unit })}
                data={grouped(phones.units)}
              />
              <Select
                label="Доска"
                allowDeselect={false}
                w={200}
                value={phones.view.board}
                onChange={(board) => change({ board: board ?? undefined })}
                data={phones.boards.map(({ id, name }) => ({ value: id, label: name }))}
              />
              <Group gap={4}>
                <ActionIcon
                  variant="default"
                  size="lg"
                  aria-label="Предыдущая неделя"
                  onClick={() => change({ day: shifted(phones.view.from, -7) })}
                >
                  <IconChevronLeft size={18} />
                </ActionIcon>
                <Button variant="default" onClick={() => change({ day: undefined })}>
                  Эта неделя
                </Button>
                <ActionIcon
                  variant="default"
                  size="lg"
                  aria-label="Следующая неделя"
                  onClick={() => change({ day: shifted(phones.view.from, 7) })}
                >
                  <IconChevronRight size={18} />
                </ActionIcon>
              </Group>
              <SegmentedControl
                aria-label="Как показать"
                value={isGrid ? 'grid' : 'list'}
                onChange={(next) => change({ as: next }, { replace: true })}
                data={[
                  { value: 'grid', label: 'Сетка' },
                  { value: 'list', label: 'Списком' },
                ]}
              />
            </Group>
            <Conflicts phones={phones} onEdit={(line) => setEditing(startOf(phones, { line }))} />
            <Sheet
              title={`${dayWords(phones.view.from)} – ${dayWords(phones.view.to)}`}
              aside={
                <Text size="sm" c="dimmed">
                  {isGrid && mayChange ? 'Выделите дни и часы, чтобы добавить номер' : ''}
                </Text>
              }
            >
              {isGrid ? (
                <WeekGrid
                  phones={phones}
                  onPick={mayChange ? (picked) => setEditing(startOf(phones, picked)) : undefined}
                />
              ) : (
                <WeekList
                  phones={phones}
                  onPick={mayChange ? (picked) => setEditing(startOf(phones, picked)) : undefined}
                />
              )}
            </Sheet>
            <Lines phones={phones} onEdit={(line) => setEditing(startOf(phones, { line }))} />
            <Ask phones={phones} />
            <Modal
              opened={editing !== null}
              onClose={() => setEditing(null)}
              title={editing?.line ? `Строка ${editing.line.id}` : 'Какой номер поставить'}
              size="lg"
            >
              {editing && (
                <LineForm
                  key={editing.line?.id ?? 'new'}
                  phones={phones}
                  start={editing}
                  onEdit={(line) => setEditing(startOf(phones, { line }))}
                  onDone={() => setEditing(null)}
                />
              )}
            </Modal>
          </>
        )}
      </Loaded>
    </Page>
  );
}

function grouped(units: PhonesAnswer['units']) {
  const groups = new Map<string, { value: string; label: string }[]>();
  for (const { value, label, group } of units) groups.set(group, [...(groups.get(group) ?? []), { value, label }]);
  return [...groups].map(([group, items]) => ({ group, items }));
}

function shifted(day: string, by: number): string {
  return new Date(new Date(`${day}T00:00:00Z`).getTime() + by * 86_400_000).toISOString().slice(0, 10);
}

function Conflicts({ phones, onEdit }: { phones: PhonesAnswer; onEdit: (line: PhoneLineAnswer) => void }) {
  const { conflicts, lines } = phones;
  if (conflicts.length === 0) return null;
  return (
    <Alert color="money" variant="light" icon={<IconAlertTriangle size={18} />} title="Что не так в графике">
      <List size="sm" spacing={4}>
        {conflicts.map(({ kind, message, lineIds }) => (
          <List.Item key={`${kind} ${message}`}>
            {message}{' '}
            {lineIds
              .flatMap((id) => lines.filter((line) => line.id === id && line.may.change))
              .map((line) => (
                <Button key={line.id} size="compact-xs" variant="subtle" onClick={() => onEdit(line)}>
                  Строка {line.id}
                </Button>
              ))}
          </List.Item>
        ))}
      </List>
    </Alert>
  );
}

type Shown = 'here' | 'all' | 'over';

/** The lines themselves: those that make this week, or all of them. */
function Lines({ phones, onEdit }: { phones: PhonesAnswer; onEdit: (line: PhoneLineAnswer) => void }) {
  const [shown, setShown] = useState<Shown>('here');
  const remove = useMutation({
    mutationFn: ({ id }: PhoneLineAnswer) => api.send('DELETE', `/phones/${id}`),
    onSuccess: async (_, line) => {
      await refresh('/phones');
      // A number that was hidden cannot be put back by whoever did not see it.
      const isWhole = line.kind === 'own' || line.phone !== null;
      if (isWhole)
        showUndo({
          words: `Убрана строка: ${line.phoneText}, ${line.when}`,
          undo: async () => {
            await api.send('POST', '/phones', bodyOf(line));
            await refresh('/phones');
          },
        });
    },
  });
  const rows =
    shown === 'here'
      ? phones.lanes.map(({ line }) => line)
      : phones.lines.filter(({ isOver }) => isOver === (shown === 'over'));
  return (
    <Sheet
      title="Строки графика"
      aside={
        <SegmentedControl
          aria-label="Какие строки"
          size="xs"
          value={shown}
          onChange={(next) => setShown(next as Shown)}
          data={[
            { value: 'here', label: 'На этой неделе здесь' },
            { value: 'all', label: 'Весь график' },
            { value: 'over', label: 'Прошедшие' },
          ]}
        />
      }
    >
      {rows.length === 0 ? (
        <Text size="sm" c="dimmed">
          {shown === 'here'
            ? 'Строк нет: стоят номера объектов и агентов.'
            : shown === 'all'
              ? 'График пуст.'
              : 'Прошедших дежурств нет.'}
        </Text>
      ) : (
        <Table.ScrollContainer minWidth={720}>
          <Table aria-label="Строки графика">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Номер</Table.Th>
                <Table.Th>Чей</Table.Th>
                <Table.Th>Доска</Table.Th>
                <Table.Th>Когда</Table.Th>
                <Table.Th>Пометка</Table.Th>
                <Table.Th>
                  <span className="heard">Действия</span>
                </Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {rows.map((line) => (
                <Table.Tr key={line.id}>
                  <Table.Th scope="row" fw={400}>
                    <span className={classes.kind} data-kind={line.kind} aria-hidden />
                    {line.phoneText}
                    {line.kind !== 'own' && (
                      <Text span size="sm" c="dimmed">
                        {' '}
                        {line.kindLabel}
                      </Text>
                    )}
                  </Table.Th>
                  <Table.Td>{line.whose}</Table.Td>
                  <Table.Td>{line.boardName}</Table.Td>
                  <Table.Td>
                    {line.when}
                    {line.dates !== '' && `, ${line.dates}`}
                  </Table.Td>
                  <Table.Td>{line.note}</Table.Td>
                  <Table.Td>
                    {line.may.change && (
                      <Group gap={4} wrap="nowrap" justify="flex-end">
                        <ActionIcon
                          variant="subtle"
                          aria-label={`Изменить строку ${line.id}`}
                          onClick={() => onEdit(line)}
                        >
                          <IconPencil size={16} />
                        </ActionIcon>
                        <ActionIcon
                          variant="subtle"
                          color="error"
                          aria-label={`Убрать строку ${line.id}`}
                          onClick={() => remove.mutate(line)}
                        >
                          <IconTrash size={16} />
                        </ActionIcon>
                      </Group>
                    )}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Sheet>
  );
}

const WEEKDAYS = ['пн', 'вт', 'ср', 'чт', 'пт', 'сб', 'вс'] as const;

/** «Какой номер выйдет в субботу в 12:00 на Циане у этого объекта» */
function Ask({ phones }: { phones: PhonesAnswer }) {
  const [listing, setListing] = useState('');
  const [weekday, setWeekday] = useState<string>('сб');
  const [time, setTime] = useState('12:00');
  const [asked, setAsked] = useState<{ listing: string; at: string; board: string | null } | null>(null);
  const [board, setBoard] = useState<string | null>(null);
  const answer = useApi<PhoneAt>('/phones/at', asked ?? undefined, { enabled: asked !== null, retry: false });
  return (
    <Sheet title="Какой номер выйдет">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (listing.trim() !== '') setAsked({ listing: listing.trim(), at: `${weekday} ${time}`, board });
        }}
      >
        <Group gap="sm" align="end">
          <TextInput
            label="Объект"
            placeholder="номер"
            w={140}
            value={listing}
            onChange={(event) => setListing(event.currentTarget.value)}
          />
          <Select
            label="Доска"
            placeholder="где отмечен"
            clearable
            w={180}
            value={board}
            onChange={setBoard}
            data={phones.boards.map(({ id, name }) => ({ value: id, label: name }))}
          />
          <Select
            label="День"
            allowDeselect={false}
            w={90}
            value={weekday}
            onChange={(next) => setWeekday(next!)}
            data={[...WEEKDAYS]}
          />
          <TextInput label="Время" w={90} value={time} onChange={(event) => setTime(event.currentTarget.value)} />
          <Button type="submit" variant="default" leftSection={<IconPhone size={16} />} loading={answer.isFetching}>
            Узнать
          </Button>
        </Group>
      </form>
      <div aria-live="polite">
        {answer.error && asked ? (
          <Broken error={answer.error} />
        ) : (
          answer.data && (
            <>
              <Text size="sm" mt="md">
                Объект {answer.data.listing.externalId}, {answer.data.told}
                {answer.data.branch && `, филиал «${answer.data.branch}»`}
                {answer.data.employee && `, ${answer.data.employee}`}:
              </Text>
              <List size="sm" mt="xs">
                {answer.data.boards.map(({ board: id, name, told, changesAt }) => (
                  <List.Item key={id}>
                    <b>{name}</b>: {told}
                    {changesAt && `. Может смениться ${moment(changesAt)}`}
                  </List.Item>
                ))}
              </List>
            </>
          )
        )}
      </div>
    </Sheet>
  );
}
