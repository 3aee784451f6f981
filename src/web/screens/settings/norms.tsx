import {
  Alert,
  Anchor,
  Button,
  Group,
  JsonInput,
  List,
  Modal,
  MultiSelect,
  NumberInput,
  SegmentedControl,
  Select,
  Stack,
  Table,
  Text,
  TextInput,
} from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconAlertTriangle, IconPencil, IconPlus, IconTrash, IconX } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type {
  Exception,
  NewExceptionBody,
  Norm,
  NormBody,
  NormRehearsal,
  NormScopeBody,
  NormsAnswer,
  NormWishBody,
} from '../../../contracts/norms.ts';
import { api, ProblemError } from '../../api.ts';
import { Chip } from '../../parts/chip.tsx';
import { confirm } from '../../parts/confirm.tsx';
import { DayInput } from '../../parts/day-field.tsx';
import { MoneyInput } from '../../parts/fields.tsx';
import { Page, Sheet } from '../../parts/page.tsx';
import { ProblemAlert, showDone } from '../../parts/problem.tsx';
import { Empty, Loaded } from '../../parts/states.tsx';
import { refresh, useApi } from '../../query.ts';
import { useMay } from '../../session.ts';
import { day, formatNumber, objects } from '../../words.ts';
import classes from './settings.module.css';

/** What the agency demands besides the boards; every change is tried on the whole base first. */
export default function Norms() {
  const query = useApi<NormsAnswer>('/norms');
  const [editing, setEditing] = useState<Norm | 'new' | null>(null);
  return (
    <Page
      title="Нормы агентства"
      back={{ to: '/settings', words: 'К настройкам' }}
      words="Объект, который не проходит норму, на доску не выйдет, пока его не исправят или не пропустят исключением."
      actions={
        query.data?.may.norms && (
          <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing('new')}>
            Норма
          </Button>
        )
      }
    >
      <Loaded query={query}>
        {(answer) => (
          <>
            {answer.data.length === 0 ? (
              <Empty
                title="Норм ещё нет"
                words="Агентство ничего не требует сверх досок. Обычно начинают с числа фотографий и длины описания."
                action={answer.may.norms ? { words: 'Добавить норму', onClick: () => setEditing('new') } : undefined}
              />
            ) : (
              <ul className={classes.list} aria-label="Нормы">
                {answer.data.map((norm) => (
                  <Row key={norm.code} norm={norm} mayChange={answer.may.norms} onEdit={() => setEditing(norm)} />
                ))}
              </ul>
            )}
            <Modal
              opened={editing !== null}
              onClose={() => setEditing(null)}
              title={editing === 'new' ? 'Новая норма' : 'Норма'}
              size="lg"
            >
              {editing && (
                <Editor answer={answer} norm={editing === 'new' ? null : editing} onDone={() => setEditing(null)} />
              )}
            </Modal>
          </>
        )}
      </Loaded>
      <Exceptions />
    </Page>
  );
}

function Row({ norm, mayChange, onEdit }: { norm: Norm; mayChange: boolean; onEdit: () => void }) {
  const { code, sentence, severity, severityLabel, stops, by, savedAt } = norm;
  const remove = useMutation({
    mutationFn: async () => {
      const told = await api.send<NormRehearsal>('POST', '/norms/rehearse', { remove: code });
      const isSure = await confirm({
        title: 'Убрать норму?',
        action: 'Убрать',
        isDanger: true,
        words: <Rehearsed rehearsal={told} />,
      });
      if (isSure) await api.send('DELETE', `/norms/${encodeURIComponent(code.replace(/^norm\//, ''))}`);
      return isSure;
    },
    onSuccess: async (isDone) => {
      if (!isDone) return;
      showDone('Норма убрана');
      await refresh('/norms');
    },
  });
  return (
    <li className={classes.row}>
      <div className={classes.words}>
        <Text size="sm">{sentence}</Text>
        <Text size="xs" c="dimmed">
          {code} · {by}, {day(savedAt)}
        </Text>
      </div>
      <Group gap="sm">
        <Chip
          tone={severity === 'blocking' ? 'error' : 'money'}
          icon={severity === 'blocking' ? IconX : IconAlertTriangle}
          words={severityLabel}
        />
        {stops > 0 ? (
          <Anchor component={Link} to="/listings" search={{ code } as never} size="sm">
            {objects(stops)}
          </Anchor>
        ) : (
          <Text size="sm" c="dimmed">
            сейчас никого
          </Text>
        )}
        {mayChange && (
          <>
            <Button size="compact-sm" variant="default" leftSection={<IconPencil size={14} />} onClick={onEdit}>
              Изменить
            </Button>
            <Button
              size="compact-sm"
              variant="subtle"
              color="error"
              leftSection={<IconTrash size={14} />}
              loading={remove.isPending}
              onClick={() => remove.mutate()}
            >
              Убрать
            </Button>
          </>
        )}
      </Group>
    </li>
  );
}

// ---------------------------------------------------------------------------------------------------------------------

const KINDS = [
  { value: 'photos', label: 'Фотографии' },
  { value: 'text', label: 'Длина описания' },
  { value: 'required', label: 'Обязательное поле' },
  { value: 'limit', label: 'Предел поля' },
  { value: 'rule', label: 'Правило JSON' },
] as const;
type Kind = (typeof KINDS)[number]['value'];

interface Form {
  readonly kind: Kind;
  readonly min: number | null;
  readonly max: number | null;
  readonly field: string;
  readonly rule: string;
  readonly boards: string[];
  readonly kinds: string[];
  readonly deals: string[];
  readonly severity: 'blocking' | 'advisory';
}

const EXAMPLE = `{
  "code": "floor-not-first",
  "kinds": ["flat"],
  "must": { "properties": { "floor": { "minimum": 2 } } },
  "severity": "blocking",
  "field": "floor",
  "message": "{label}: {floor}. Первый этаж не рекламируем."
}`;

const FRESH: Form = {
  kind: 'photos',
  min: 5,
  max: null,
  field: '',
  rule: EXAMPLE,
  boards: [],
  kinds: [],
  deals: [],
  severity: 'blocking',
};

function formOf({ form, rule, boards }: Norm): Form {
  if (!form) return { ...FRESH, kind: 'rule', rule: JSON.stringify(rule, null, 2), boards: [...(boards ?? [])] };
  const { wish, scope } = form;
  return {
    ...FRESH,
    kind: wish.kind,
    min: 'min' in wish ? (wish.min ?? null) : null,
    max: 'max' in wish ? (wish.max ?? null) : null,
    field: 'field' in wish ? wish.field : '',
    boards: [...(scope.boards ?? [])],
    kinds: [...(scope.kinds ?? [])],
    deals: [...(scope.deals ?? [])],
    severity: scope.severity ?? 'blocking',
  };
}

/** What is asked of the server; null: the form is not filled in. */
function bodyOf({ kind, min, max, field, rule, boards, kinds, deals, severity }: Form): NormBody | null {
  const scope: NormScopeBody = {
    ...(boards.length > 0 && { boards }),
    ...(kinds.length > 0 && { kinds: kinds as NonNullable<NormScopeBody['kinds']> }),
    ...(deals.length > 0 && { deals: deals as NonNullable<NormScopeBody['deals']> }),
    severity,
  };
  const bounds = { ...(min !== null && { min }), ...(max !== null && { max }) };
  if (kind === 'rule') {
    try {
      return { rule: JSON.parse(rule) as unknown, boards: boards.length > 0 ? boards : null };
    } catch {
      return null;
    }
  }
  if (kind === 'photos') return min === null ? null : { wish: { kind, min }, scope };
  if (kind === 'text') return min === null && max === null ? null : { wish: { kind, ...bounds }, scope };
  if (field === '') return null;
  if (kind === 'required') return { wish: { kind, field }, scope };
  return min === null && max === null ? null : { wish: { kind, field, ...bounds } satisfies NormWishBody, scope };
}

interface EditorProps {
  readonly answer: NormsAnswer;
  readonly norm: Norm | null;
  readonly onDone: () => void;
}

function Editor({ answer, norm, onDone }: EditorProps) {
  const [form, setForm] = useState<Form>(norm ? formOf(norm) : FRESH);
  const put = (patch: Partial<Form>) => setForm((known) => ({ ...known, ...patch }));
  const body = bodyOf(form);
  const trial = useQuery<NormRehearsal, Error>({
    queryKey: ['norms', 'rehearse', body],
    queryFn: ({ signal }) => api.send<NormRehearsal>('POST', '/norms/rehearse', { norm: body }, { signal }),
    enabled: false,
    gcTime: 0,
  });
  const save = useMutation({
    meta: { isTold: true },
    mutationFn: async () => {
      const { code } = trial.data!;
      const isSame = norm?.code === code;
      await api.send('PUT', '/norms', body!, isSame ? { ifMatch: `"${norm.version}"` } : {});
      // For other boards or kinds it is another norm; the one that was opened goes.
      if (norm && !isSame) await api.send('DELETE', `/norms/${encodeURIComponent(norm.code.replace(/^norm\//, ''))}`);
    },
    onSuccess: async () => {
      showDone('Норма сохранена');
      await refresh('/norms');
      onDone();
    },
  });
  const told = trial.isFetching ? undefined : trial.data;
  return (
    <Stack gap="md">
      <Select
        label="Чего требует"
        allowDeselect={false}
        data={[...KINDS]}
        value={form.kind}
        onChange={(kind) => put({ ...firstOf(kind as Kind), kind: kind as Kind })}
      />
      <Demand form={form} answer={answer} put={put} />
      <Scope form={form} answer={answer} put={put} />
      <ProblemAlert
        error={save.error ?? trial.error}
        onRetry={
          save.error instanceof ProblemError && save.error.status === 412
            ? () => {
                void refresh('/norms');
                onDone();
              }
            : undefined
        }
      />
      {told && <Rehearsed rehearsal={told} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={onDone}>
          Отмена
        </Button>
        <Button
          variant={told ? 'default' : 'filled'}
          disabled={body === null}
          loading={trial.isFetching}
          onClick={() => void trial.refetch()}
        >
          Проверить на всех объектах
        </Button>
        <Button disabled={!told} loading={save.isPending} onClick={() => save.mutate()}>
          Сохранить
        </Button>
      </Group>
    </Stack>
  );
}

const firstOf = (kind: Kind): Partial<Form> =>
  kind === 'photos' ? { min: 5, max: null } : kind === 'text' ? { min: 200, max: 850 } : { min: null, max: null };

interface PartProps {
  readonly form: Form;
  readonly answer: NormsAnswer;
  readonly put: (patch: Partial<Form>) => void;
}

function Demand({ form, answer, put }: PartProps) {
  const { kind, min, max, field, rule } = form;
  const bound = (label: string, value: number | null, name: 'min' | 'max') => (
    <NumberInput
      label={label}
      value={value ?? ''}
      min={0}
      thousandSeparator={'\u00a0'}
      decimalSeparator=","
      w={180}
      onChange={(next) => put({ [name]: typeof next === 'number' ? next : null })}
    />
  );
  const known = answer.fields.find((one) => one.field === field);
  switch (kind) {
    case 'photos':
      return bound('Фотографий не меньше', min, 'min');
    case 'text':
      return (
        <Group>
          {bound('Знаков от', min, 'min')}
          {bound('до', max, 'max')}
        </Group>
      );
    case 'rule':
      return (
        <JsonInput
          label="Правило"
          description="В виде правила доски: code, must (JSON Schema над полями объекта и facts), field, message"
          validationError="Это не JSON."
          formatOnBlur
          autosize
          minRows={8}
          maxRows={20}
          value={rule}
          onChange={(next) => put({ rule: next })}
        />
      );
    default:
      return (
        <Group align="flex-end">
          <Select
            label="Поле"
            searchable
            placeholder="Начните писать: этаж, ремонт, цена"
            w={300}
            value={field === '' ? null : field}
            data={answer.fields
              .filter(({ isNumber }) => kind === 'required' || isNumber)
              .map(({ field: value, label }) => ({ value, label }))}
            onChange={(next) => put({ field: next ?? '' })}
          />
          {kind === 'limit' &&
            (known?.isMoney ? (
              <>
                <MoneyInput label="Не меньше" value={min} onChange={(next) => put({ min: next })} w={180} />
                <MoneyInput label="Не больше" value={max} onChange={(next) => put({ max: next })} w={180} />
              </>
            ) : (
              <>
                {bound('Не меньше', min, 'min')}
                {bound('Не больше', max, 'max')}
              </>
            ))}
        </Group>
      );
  }
}

function Scope({ form, answer, put }: PartProps) {
  const { kind, boards, kinds, deals, severity } = form;
  const sorted = [...answer.boards].sort((a, b) => Number(b.isUsed) - Number(a.isUsed));
  return (
    <>
      <Group align="flex-start" grow preventGrowOverflow={false}>
        <MultiSelect
          label="Доски"
          placeholder={boards.length === 0 ? 'все' : undefined}
          searchable
          clearable
          value={boards}
          data={sorted.map(({ id, name }) => ({ value: id, label: name }))}
          onChange={(next) => put({ boards: next })}
        />
        {kind !== 'rule' && (
          <>
            <MultiSelect
              label="Виды"
              placeholder={kinds.length === 0 ? 'все' : undefined}
              clearable
              value={kinds}
              data={[...answer.kinds]}
              onChange={(next) => put({ kinds: next })}
            />
            <MultiSelect
              label="Сделки"
              placeholder={deals.length === 0 ? 'все' : undefined}
              clearable
              value={deals}
              data={[...answer.deals]}
              onChange={(next) => put({ deals: next })}
            />
          </>
        )}
      </Group>
      {kind !== 'rule' && (
        <SegmentedControl
          aria-label="Строгость"
          value={severity}
          onChange={(next) => put({ severity: next as Form['severity'] })}
          data={[
            { value: 'blocking', label: 'Не выпускать на доску' },
            { value: 'advisory', label: 'Только советовать' },
          ]}
        />
      )}
    </>
  );
}

/** What the norm would do, by board, with the first listings. */
function Rehearsed({ rehearsal }: { rehearsal: NormRehearsal }) {
  const { sentence, boards, changed, examples, change } = rehearsal;
  const touched = boards.filter(
    ({ blocks, frees, alreadyBlocked, alreadyStopped }) => blocks + frees + alreadyBlocked + alreadyStopped > 0,
  );
  return (
    <Stack gap="xs">
      <Text size="sm">{sentence}</Text>
      <Alert color={changed > 0 ? 'money' : 'ok'} variant="light" role="status">
        {changed === 0
          ? 'На досках ничего не изменится.'
          : `${change === 'removed' ? 'Освободит' : 'Заденет'} ${objects(changed)}.`}
      </Alert>
      {touched.length > 0 && (
        <div className={classes.scroll}>
          <Table aria-label="По доскам" withTableBorder>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Доска</Table.Th>
                <Table.Th ta="end">Остановит</Table.Th>
                <Table.Th ta="end">из них в фиде</Table.Th>
                <Table.Th ta="end">Пропустит</Table.Th>
                <Table.Th ta="end">Уже стоят</Table.Th>
                <Table.Th ta="end">Отметок</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {touched.map((one) => (
                <Table.Tr key={one.board}>
                  <Table.Th scope="row" fw={400}>
                    {one.name}
                  </Table.Th>
                  {[one.blocks, one.leave, one.frees, one.alreadyBlocked + one.alreadyStopped, one.marks].map(
                    (count, index) => (
                      // biome-ignore lint/suspicious/noArrayIndexKey: the columns never move
                      <Table.Td key={index} ta="end">
                        {count === 0 ? '–' : formatNumber(count)}
                      </Table.Td>
                    ),
                  )}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
      )}
      {examples.length > 0 && (
        <details>
          <Text component="summary" size="sm" style={{ cursor: 'pointer' }}>
            {examples.length < changed ? `Первые ${formatNumber(examples.length)}` : 'Какие именно'}
          </Text>
          <List size="sm" mt={6} spacing={4}>
            {examples.map((one) => (
              <List.Item key={one.listingId}>
                <Anchor component={Link} to={`/listings/${one.listingId}`} size="sm" underline="always">
                  {one.externalId}
                </Anchor>
                , {one.agent ?? 'без ответственного'}; {one.boards.join(', ')}; сейчас {one.outcome}. {one.words}
              </List.Item>
            ))}
          </List>
        </details>
      )}
    </Stack>
  );
}

// ---------------------------------------------------------------------------------------------------------------------

function Exceptions() {
  const may = useMay();
  const query = useApi<{ data: readonly Exception[] }>('/exceptions');
  const [isOpen, dialog] = useDisclosure();
  return (
    <Sheet
      title="Исключения"
      aside={
        may('exceptions') && (
          <Button size="compact-sm" variant="default" onClick={dialog.open}>
            Пропустить объект
          </Button>
        )
      }
    >
      <Loaded query={query}>
        {({ data }) =>
          data.length === 0 ? (
            <Text size="sm" c="dimmed">
              Исключений нет. Исключение пропускает один объект мимо норм, актуальности или проверки на дубль до
              названного дня.
            </Text>
          ) : (
            <div className={classes.scroll}>
              <Table aria-label="Исключения" miw={640}>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>Объект</Table.Th>
                    <Table.Th>Мимо чего</Table.Th>
                    <Table.Th>По какой день</Table.Th>
                    <Table.Th>Почему</Table.Th>
                    <Table.Th>
                      <span className="heard">Действие</span>
                    </Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {data.map((exception) => (
                    <ExceptionRow key={exception.id} exception={exception} />
                  ))}
                </Table.Tbody>
              </Table>
            </div>
          )
        }
      </Loaded>
      <Modal opened={isOpen} onClose={dialog.close} title="Пропустить объект">
        <NewException onDone={dialog.close} />
      </Modal>
    </Sheet>
  );
}

function ExceptionRow({ exception }: { exception: Exception }) {
  const { id, listingId, externalId, what, until, reason, by, may } = exception;
  const revoke = useMutation({
    mutationFn: () => api.send('DELETE', `/exceptions/${id}`),
    onSuccess: async () => {
      showDone('Исключение отозвано');
      await refresh('/exceptions');
    },
  });
  return (
    <Table.Tr>
      <Table.Th scope="row" fw={400}>
        <Anchor component={Link} to={`/listings/${listingId}`} size="sm">
          {externalId}
        </Anchor>
      </Table.Th>
      <Table.Td>{what}</Table.Td>
      <Table.Td>{day(until)} включительно</Table.Td>
      <Table.Td>
        {reason}
        <Text size="xs" c="dimmed">
          {by}
        </Text>
      </Table.Td>
      <Table.Td ta="end">
        {may.revoke && (
          <Button
            size="compact-sm"
            variant="subtle"
            loading={revoke.isPending}
            aria-label={`Отозвать исключение объекта ${externalId}`}
            onClick={() => revoke.mutate()}
          >
            Отозвать
          </Button>
        )}
      </Table.Td>
    </Table.Tr>
  );
}

const GATES = [
  { value: 'norms', label: 'Нормы агентства' },
  { value: 'fresh', label: 'Актуальность' },
  { value: 'duplicate', label: 'Проверка на дубль' },
];

function NewException({ onDone }: { onDone: () => void }) {
  const [form, setForm] = useState({ listing: '', gate: 'norms', reason: '', until: null as string | null });
  const put = (patch: Partial<typeof form>) => setForm((known) => ({ ...known, ...patch }));
  const listingId = Number(form.listing.replace(/^#/, ''));
  const add = useMutation({
    meta: { isTold: true },
    mutationFn: () =>
      api.send('POST', '/exceptions', {
        listingId,
        gate: form.gate,
        reason: form.reason,
        until: form.until!,
      } satisfies NewExceptionBody),
    onSuccess: async () => {
      showDone('Объект пропущен');
      await refresh('/exceptions');
      onDone();
    },
  });
  const isReady = Number.isSafeInteger(listingId) && listingId > 0 && form.reason.trim() !== '' && form.until !== null;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (isReady) add.mutate();
      }}
    >
      <Stack gap="sm">
        <ProblemAlert error={add.error} />
        <TextInput
          label="Номер объекта"
          description="Наш номер, как в адресе карточки"
          required
          inputMode="numeric"
          value={form.listing}
          onChange={(event) => put({ listing: event.currentTarget.value })}
        />
        <Select
          label="Мимо чего"
          allowDeselect={false}
          data={GATES}
          value={form.gate}
          onChange={(gate) => put({ gate: gate ?? 'norms' })}
        />
        <DayInput label="Последний день" required value={form.until} onChange={(until) => put({ until })} />
        <TextInput
          label="Причина"
          required
          maxLength={500}
          value={form.reason}
          onChange={(event) => put({ reason: event.currentTarget.value })}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={onDone}>
            Отмена
          </Button>
          <Button type="submit" disabled={!isReady} loading={add.isPending}>
            Пропустить
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
