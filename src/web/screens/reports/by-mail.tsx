import { Alert, Button, Group, Modal, NumberInput, Select, Stack, Text } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useDisclosure } from '@mantine/hooks';
import { IconMail } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import type { NewSubscription, Subscription, Subscriptions } from '../../../contracts/report-mail.ts';
import {
  GROUPING_LABELS,
  MAIL_WEEKS_MAX,
  MAIL_WEEKS_USUAL,
  ON_WEEKDAYS,
  STEP_LABELS,
} from '../../../contracts/words.ts';
import { api, type Query } from '../../api.ts';
import { confirm } from '../../parts/confirm.tsx';
import { FactTable } from '../../parts/fact-table.tsx';
import { Sheet } from '../../parts/page.tsx';
import { ProblemAlert, setFieldErrors, showDone } from '../../parts/problem.tsx';
import { Loaded } from '../../parts/states.tsx';
import { refresh, useApi } from '../../query.ts';
import { ClockInput } from '../settings/clock-input.tsx';

/** The report by e-mail: the button with its dialog, and what comes already. */

const PATH = '/reports/subscriptions';
const useSubscriptions = () => useApi<Subscriptions>(PATH);

const OFF = 'Почта не настроена: администратору нужно задать SMTP_URL. Подписаться можно, письма пойдут потом.';
const UNLINKED = 'В письмах не будет ссылки на отчёт: администратор не задал PUBLIC_URL.';

/** @param query the choices of the screen; its days do not matter, a letter covers the last whole weeks */
export function ByMailButton({ query }: { query: Query }) {
  const [isOpen, dialog] = useDisclosure();
  return (
    <>
      <Button variant="default" leftSection={<IconMail size={16} />} onClick={dialog.open}>
        Присылать по почте…
      </Button>
      <Modal opened={isOpen} onClose={dialog.close} title="Присылать график по почте">
        <Wish query={query} onDone={dialog.close} />
      </Modal>
    </>
  );
}

/** What the screen asks by, as the letter will: without days, numbers as numbers. */
function mailedQuery({ from: _, until: __, ...query }: Query): NewSubscription['query'] {
  const numbers = new Set(['minShare', 'cabinet', 'branch', 'department', 'employee', 'group']);
  const lists = new Set(['board', 'cabinet', 'branch', 'department', 'employee', 'group']);
  return Object.fromEntries(
    Object.entries(query).flatMap(([name, value]) => {
      const all = (Array.isArray(value) ? value : [value]).filter((one) => one != null && one !== '');
      const read = numbers.has(name) ? all.map(Number) : all;
      return read.length === 0 ? [] : [[name, lists.has(name) ? read : read[0]]];
    }),
  );
}

function Wish({ query, onDone }: { query: Query; onDone: () => void }) {
  const subscriptions = useSubscriptions();
  const form = useForm({
    initialValues: { weekday: '1', at: '09:00', weeks: MAIL_WEEKS_USUAL as number | string },
    validate: {
      weeks: (value) => (typeof value === 'number' ? null : `От 1 до ${MAIL_WEEKS_MAX}.`),
    },
  });
  const wished = mailedQuery(query);
  const make = useMutation({
    mutationFn: ({ weekday, at, weeks }: typeof form.values) => {
      const [hour = 0, minute = 0] = at.split(':').map(Number);
      return api.send('POST', PATH, {
        weekday: Number(weekday),
        atMinute: hour * 60 + minute,
        weeks: Number(weeks),
        query: wished,
      } satisfies NewSubscription);
    },
    meta: { isTold: true },
    onSuccess: async () => {
      await refresh(PATH);
      showDone('График будет приходить по почте');
      onDone();
    },
    onError: (error) => setFieldErrors(form, error),
  });
  const { email, isSetUp = true, hasLinks = true } = subscriptions.data ?? {};
  return (
    <form onSubmit={form.onSubmit((values) => make.mutate(values))}>
      <Stack gap="md">
        <ProblemAlert error={make.error} />
        <Text size="sm">
          Раз в неделю придёт письмо с графиком, таблицей и ссылкой{email ? ` на ${email}` : ''}: {wishWords(wished)}.
        </Text>
        {email === null && (
          <Alert color="money" variant="light">
            Ваша почта не указана: её впишет руководитель в «Люди и права».
          </Alert>
        )}
        {!isSetUp && (
          <Alert color="money" variant="light">
            {OFF}
          </Alert>
        )}
        {isSetUp && !hasLinks && (
          <Alert color="money" variant="light">
            {UNLINKED}
          </Alert>
        )}
        <Select
          label="Когда"
          allowDeselect={false}
          data={ON_WEEKDAYS.map((label, at) => ({ value: String(at + 1), label }))}
          {...form.getInputProps('weekday')}
        />
        <Group grow align="start">
          <ClockInput
            label="Во сколько"
            description="по часам вашего филиала"
            value={form.values.at}
            onChange={(at) => form.setFieldValue('at', at)}
          />
          <NumberInput
            label="За сколько недель"
            description={`целых, до ${MAIL_WEEKS_MAX}`}
            min={1}
            max={MAIL_WEEKS_MAX}
            allowDecimal={false}
            {...form.getInputProps('weeks')}
          />
        </Group>
        <Group justify="flex-end">
          <Button variant="default" onClick={onDone}>
            Отмена
          </Button>
          <Button type="submit" loading={make.isPending}>
            Присылать
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/**
 * «шаг – неделя, по филиалам, досок 2, с отбором: филиал «Центр»»
 * @param whose whose listings alone it counts; absent: it stands on the screen
 */
function wishWords(
  { step = 'week', by = 'none', board, cabinet, ...units }: NewSubscription['query'],
  whose?: string | null,
): string {
  const narrowed = [units.branch, units.department, units.employee, units.group].some((ids) => ids !== undefined);
  return [
    `шаг – ${STEP_LABELS[step]}`,
    GROUPING_LABELS[by],
    board || cabinet ? `досок и фидов ${(board?.length ?? 0) + (cabinet?.length ?? 0)}` : 'первые доски',
    ...(narrowed ? [whose ? `с отбором: ${whose}` : 'с отбором'] : []),
  ].join(', ');
}

/** One of several that come to the same person. */
const whichOf = ({ told, narrowed }: Subscription) => (narrowed === null ? told : `${told}, с отбором: ${narrowed}`);

/** What comes by e-mail already; nothing, nothing is shown. */
export function ByMailList() {
  const subscriptions = useSubscriptions();
  if (subscriptions.data?.data.length === 0) return null;
  return (
    <Loaded query={subscriptions}>
      {({ data, isSetUp, hasLinks }) => (
        <Sheet title="По почте">
          {!isSetUp && (
            <Alert color="money" variant="light" mb="sm">
              {OFF}
            </Alert>
          )}
          {isSetUp && !hasLinks && (
            <Alert color="money" variant="light" mb="sm">
              {UNLINKED}
            </Alert>
          )}
          <Rows rows={data} isSetUp={isSetUp} />
        </Sheet>
      )}
    </Loaded>
  );
}

function Rows({ rows, isSetUp }: { rows: readonly Subscription[]; isSetUp: boolean }) {
  const send = useMutation({
    mutationFn: ({ id }: Subscription) => api.send('POST', `${PATH}/${id}/send`),
    onSuccess: async (_, { email }) => {
      await refresh(PATH);
      showDone(`Письмо написано и уйдёт на ${email} в течение минуты`);
    },
  });
  const end = useMutation({
    mutationFn: ({ id }: Subscription) => api.send('DELETE', `${PATH}/${id}`),
    onSuccess: async () => {
      await refresh(PATH);
      showDone('График больше не приходит по почте');
    },
  });
  const ask = async (row: Subscription) => {
    const isSure = await confirm({
      title: 'Больше не присылать?',
      words: `${row.isMine ? 'Вам' : row.employee.name}: ${whichOf(row)}. Письмо, которое ещё ждёт, тоже не уйдёт.`,
      action: 'Не присылать',
      isDanger: true,
    });
    if (isSure) end.mutate(row);
  };
  return (
    <FactTable
      label="Отчёты по почте"
      head="Кому"
      columns={COLUMNS}
      rows={rows.map((row) => ({
        key: String(row.id),
        isLong: true,
        name: (
          <>
            {row.isMine ? 'мне' : row.employee.name}
            <Text size="xs" c="dimmed">
              {row.email ?? 'почта не указана'}
            </Text>
          </>
        ),
        cells: [
          <div key="told">
            {row.told}
            <Text size="xs" c="dimmed">
              {wishWords(row.query, row.narrowed)}
            </Text>
          </div>,
          isSetUp ? row.next : 'когда настроят почту',
          letterWords(row.letter),
          <Group key="deeds" gap={4} justify="flex-end" wrap="nowrap">
            <Button
              size="compact-sm"
              variant="subtle"
              disabled={!isSetUp}
              loading={send.isPending && send.variables.id === row.id}
              aria-label={`Прислать сейчас: ${row.employee.name}, ${whichOf(row)}`}
              onClick={() => send.mutate(row)}
            >
              Прислать сейчас
            </Button>
            <Button
              size="compact-sm"
              variant="subtle"
              color="error"
              aria-label={`Не присылать: ${row.employee.name}, ${whichOf(row)}`}
              onClick={() => void ask(row)}
            >
              Не присылать
            </Button>
          </Group>,
        ],
      }))}
      minWidth={720}
    />
  );
}

const COLUMNS = [
  { head: 'Что и когда' },
  { head: 'Следующее' },
  { head: 'Последнее письмо' },
  { head: 'Действия', isDeeds: true },
];

function letterWords(letter: Subscription['letter']): string {
  if (letter === null) return 'ещё не было';
  if (letter.state === 'sent') return `ушло ${letter.at}`;
  if (letter.state === 'failed') return `не ушло: ${letter.error}`;
  return letter.error === null ? 'ждёт отправки' : `ждёт отправки: ${letter.error}`;
}
