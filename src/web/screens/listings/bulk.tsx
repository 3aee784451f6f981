import {
  Alert,
  Button,
  Checkbox,
  Group,
  List,
  Loader,
  Modal,
  NumberInput,
  SegmentedControl,
  Stack,
  Text,
  TextInput,
} from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { BoardColumn, DryRunAnswer, Selection } from '../../../contracts/listings.ts';
import { api } from '../../api.ts';
import { DayInput } from '../../parts/day-field.tsx';
import { ProblemAlert } from '../../parts/problem.tsx';
import { day, listed, money, objects, today } from '../../words.ts';
import { priceWords } from './cell.tsx';
import { type DeedWish, useDeed } from './deeds.tsx';
import classes from './listings.module.css';

/** What is done to the ticked listings: told first, done after. */

export type BulkDialog = 'mark' | 'unmark' | 'pause' | 'terms';

interface DialogProps {
  readonly dialog: BulkDialog | null;
  readonly selection: Selection;
  readonly count: number;
  readonly boards: readonly BoardColumn[];
  readonly onClose: () => void;
  readonly onDone: () => void;
}

const TITLES: Readonly<Record<BulkDialog, string>> = {
  mark: 'Отметить на доски',
  unmark: 'Снять отметки',
  pause: 'Приостановить',
  terms: 'Срок размещения',
};

export function BulkDialogs({ dialog, onClose, ...props }: DialogProps) {
  return (
    <Modal
      opened={dialog !== null}
      onClose={onClose}
      title={dialog && `${TITLES[dialog]}: ${objects(props.count)}`}
      size={560}
    >
      {dialog && <Body dialog={dialog} onClose={onClose} {...props} />}
    </Modal>
  );
}

type BodyProps = Omit<DialogProps, 'dialog'> & { readonly dialog: BulkDialog };

function Body({ dialog, ...props }: BodyProps) {
  const deed = useDeed(() => {
    props.onDone();
    props.onClose();
  });
  const send = (wish: DeedWish) => deed.mutate(wish);
  const more = { ...props, send, isBusy: deed.isPending };
  if (dialog === 'pause') return <Pause {...more} />;
  if (dialog === 'terms') return <Terms {...more} />;
  return <Marks action={dialog} {...more} />;
}

interface PartProps extends Omit<BodyProps, 'dialog' | 'onDone'> {
  readonly send: (wish: DeedWish) => void;
  readonly isBusy: boolean;
}

function Boards({
  boards,
  value,
  onChange,
}: {
  boards: readonly BoardColumn[];
  value: readonly number[];
  onChange: (value: number[]) => void;
}) {
  return (
    <Checkbox.Group
      label="Доски"
      value={value.map(String)}
      onChange={(next) => onChange(boards.filter(({ id }) => next.includes(String(id))).map(({ id }) => id))}
    >
      <Group gap="md" mt={6}>
        {boards.map(({ id, title }) => (
          <Checkbox key={id} value={String(id)} label={title} />
        ))}
      </Group>
    </Checkbox.Group>
  );
}

/** First what would be and what it would cost; nothing is spent by asking. */
function Marks({ action, selection, boards, onClose, send, isBusy }: PartProps & { action: 'mark' | 'unmark' }) {
  const [chosen, setChosen] = useState<number[]>(boards.length === 1 ? [boards[0]!.id] : []);
  const dry = useQuery({
    queryKey: ['marks', 'dry-run', action, selection, chosen],
    queryFn: ({ signal }) =>
      api.send<DryRunAnswer>('POST', '/marks/dry-run', { selection, cabinets: chosen, action }, { signal }),
    enabled: chosen.length > 0,
    staleTime: 0,
    gcTime: 0,
  });
  const told = dry.data;
  const path = action === 'mark' ? '/marks' : '/marks/remove';
  const go = (onlyPassing: boolean) =>
    send({ path, body: { selection, cabinets: chosen, ...(onlyPassing && { onlyPassing: true }) } });
  return (
    <Stack gap="md">
      <Boards boards={boards} value={chosen} onChange={setChosen} />
      {dry.error ? (
        <ProblemAlert error={dry.error} onRetry={() => void dry.refetch()} />
      ) : told ? (
        <Told told={told} isAsked={dry.isFetching} />
      ) : (
        <Text component="div" size="sm" c="dimmed" role="status" mih={22}>
          {chosen.length === 0 ? (
            'Выберите доску: покажем, что пройдёт и сколько спишется. Пока ничего не меняется.'
          ) : (
            <Group gap={8}>
              <Loader size={14} /> Проверяем каждый объект и считаем деньги
            </Group>
          )}
        </Text>
      )}
      <Group justify="flex-end" gap="xs">
        <Button variant="default" onClick={onClose}>
          Отмена
        </Button>
        {action === 'unmark' ? (
          <Button color="error" disabled={!told || told.marks === 0} loading={isBusy} onClick={() => go(false)}>
            Снять {told ? told.marks : ''}
          </Button>
        ) : (
          <>
            {told && told.passing < told.marks && (
              <Button variant="default" loading={isBusy} onClick={() => go(false)}>
                Отметить все {told.marks}, ошибки исправлю
              </Button>
            )}
            <Button disabled={!told || told.passing === 0} loading={isBusy} onClick={() => go(true)}>
              Отметить {told ? told.passing : ''}
            </Button>
          </>
        )}
      </Group>
    </Stack>
  );
}

const PASSES: Readonly<Record<string, string>> = {
  published: 'пройдут',
  blocked: 'с ошибками',
  unfunded: 'не хватит денег',
};

function Told({ told, isAsked }: { told: DryRunAnswer; isAsked: boolean }) {
  return (
    <Stack gap="xs" aria-busy={isAsked} aria-live="polite">
      {told.cabinets.map(({ id, title, marks, same, outcomes }) => (
        <div key={id} className={classes.told}>
          <Text size="sm">
            <b>{title}</b>, {objects(marks)}
            {told.action === 'mark' && outcomes.length > 0 && ': '}
            {told.action === 'mark' &&
              outcomes.map(({ outcome, label, count }, at) => (
                <span key={outcome}>
                  {at > 0 && ', '}
                  {outcome === 'published' ? (
                    <b>
                      {count} {PASSES[outcome]}
                    </b>
                  ) : (
                    `${count} ${PASSES[outcome] ?? label}`
                  )}
                </span>
              ))}
            .
            {same > 0 && (
              <Text span size="sm" c="dimmed">
                {' '}
                {told.action === 'mark' ? 'Уже отмечены' : 'Не отмечены'}: {same}.
              </Text>
            )}
          </Text>
          <List size="xs" c="dimmed" mt={4} spacing={2}>
            {outcomes
              .filter(({ outcome }) => outcome !== 'published')
              .flatMap(({ outcome, examples }) =>
                examples.map(({ listingId, reason }) => (
                  <List.Item key={`${outcome} ${reason}`}>
                    #{listingId}: {reason}
                  </List.Item>
                )),
              )}
          </List>
        </div>
      ))}
      {told.leftOut.length > 0 && (
        <Text size="sm" c="dimmed">
          Не войдут: {told.leftOut.map(({ words }) => words).join('; ')}.
        </Text>
      )}
      <Text size="sm">{moneyWords(told)}</Text>
      {told.accounts.map((account) => (
        <Account key={account.id} account={account} coverDays={told.coverDays} />
      ))}
    </Stack>
  );
}

function moneyWords(told: DryRunAnswer): string {
  if (told.action === 'unmark') return priceWords(told);
  if (told.kopecks === 0 && told.aheadKopecks === 0)
    return told.passing > 0 ? 'Выйдут с ближайшей сборкой, бесплатно.' : 'Пока не спишется ничего.';
  return `Сегодня спишется ${money(told.kopecks)}, за ${told.aheadDays} дней ${money(told.aheadKopecks)}.`;
}

function Account({ account, coverDays }: { account: DryRunAnswer['accounts'][number]; coverDays: number }) {
  const { name, availableKopecks, leftKopecks, missingKopecks, endsOn } = account;
  const parts = [
    availableKopecks !== null && `на счёте «${name}» ${money(availableKopecks)}`,
    leftKopecks !== null && `останется ${money(leftKopecks)}`,
    leftKopecks !== null && (endsOn ? `хватит до ${day(endsOn)}` : `хватит больше чем на ${coverDays} дней`),
  ].filter((one) => typeof one === 'string');
  if (missingKopecks > 0)
    return (
      <Alert color="money" variant="light" p="xs">
        <Text size="sm">
          Счёту «{name}» не хватит {money(missingKopecks)}
          {parts.length > 0 ? `: ${parts.join(', ')}.` : '.'}
        </Text>
      </Alert>
    );
  if (parts.length === 0) return null;
  const text = parts.join(', ');
  return (
    <Text size="sm" c="dimmed">
      {text[0]!.toUpperCase()}
      {text.slice(1)}.
    </Text>
  );
}

const PAUSES = [
  { value: '1', label: 'Сегодня' },
  { value: '3', label: '3 дня' },
  { value: '7', label: 'Неделя' },
  { value: 'day', label: 'По день' },
] as const;

function Pause({ selection, boards, onClose, send, isBusy }: PartProps) {
  const [kind, setKind] = useState<string>('3');
  const [until, setUntil] = useState<string | null>(null);
  const [reason, setReason] = useState('');
  const [chosen, setChosen] = useState<number[]>([]);
  const on = kind === 'day' ? until : dayAfter(today(), Number(kind) - 1);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (!on || reason.trim() === '') return;
        const body = { selection, until: on, reason: reason.trim(), ...(chosen.length > 0 && { cabinets: chosen }) };
        send({ path: '/listings/pause', body });
      }}
    >
      <Stack gap="md">
        <SegmentedControl aria-label="До когда" value={kind} onChange={setKind} data={[...PAUSES]} />
        {kind === 'day' && (
          <DayInput label="Последний день паузы" value={until} onChange={setUntil} required minDate={today()} />
        )}
        <TextInput
          label="Причина: её увидят все"
          placeholder="показы, ремонт, собственник в отъезде"
          required
          maxLength={500}
          data-autofocus
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        <Boards boards={boards} value={chosen} onChange={setChosen} />
        <Text size="sm" c="dimmed">
          {chosen.length === 0
            ? 'Без выбора — на всех досках.'
            : `Только: ${listed(boards.filter(({ id }) => chosen.includes(id)).map(({ title }) => title))}.`}{' '}
          {on && `Объекты уйдут из фидов с ближайшей сборкой и вернутся ${day(dayAfter(on, 1))}.`}
        </Text>
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Отмена
          </Button>
          <Button type="submit" loading={isBusy} disabled={!on || reason.trim() === ''}>
            Приостановить
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function dayAfter(of: string, days: number): string {
  const date = new Date(`${of}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() + days);
  return date.toISOString().slice(0, 10);
}

function Terms({ selection, boards, onClose, send, isBusy }: PartProps) {
  const [kind, setKind] = useState<string>('days');
  const [days, setDays] = useState<number | string>(30);
  const [until, setUntil] = useState<string | null>(null);
  const [chosen, setChosen] = useState<number[]>([]);
  const term =
    kind === 'days'
      ? Number(days) > 0
        ? { days: Number(days) }
        : null
      : kind === 'open'
        ? { endsOn: null }
        : until && { endsOn: until };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (term)
          send({ path: '/listings/terms', body: { selection, term, ...(chosen.length > 0 && { cabinets: chosen }) } });
      }}
    >
      <Stack gap="md">
        <SegmentedControl
          aria-label="Срок"
          value={kind}
          onChange={setKind}
          data={[
            { value: 'days', label: 'Дней с сегодня' },
            { value: 'day', label: 'До дня' },
            { value: 'open', label: 'Без конца' },
          ]}
        />
        {kind === 'days' && (
          <NumberInput label="Дней, сегодня считая" min={1} max={3650} value={days} onChange={setDays} data-autofocus />
        )}
        {kind === 'day' && (
          <DayInput label="Последний день" value={until} onChange={setUntil} required minDate={today()} />
        )}
        <Boards boards={boards} value={chosen} onChange={setChosen} />
        <Text size="sm" c="dimmed">
          {chosen.length === 0 ? 'Без выбора — у отметок на всех досках.' : 'Только у отметок на выбранных досках.'}
        </Text>
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Отмена
          </Button>
          <Button type="submit" loading={isBusy} disabled={!term}>
            Изменить срок
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
