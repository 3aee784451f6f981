import { Button, Group, Menu, Modal, NativeSelect, Stack, Text, Textarea } from '@mantine/core';
import {
  IconBan,
  IconCheck,
  IconChevronDown,
  IconFlag,
  IconHome,
  IconPhone,
  IconPlayerPause,
  IconShieldOff,
  IconTextSpellcheck,
} from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import type { BoardStanding, ListingCard } from '../../../contracts/listing.ts';
import type { Bulk } from '../../../contracts/listings.ts';
import { api } from '../../api.ts';
import { askReason, confirm } from '../../parts/confirm.tsx';
import { DayInput } from '../../parts/day-field.tsx';
import { ProblemAlert, showDone } from '../../parts/problem.tsx';
import { showUndo } from '../../parts/undo.tsx';
import { moment, today } from '../../words.ts';
import { refreshCard } from './boards.tsx';
import { allFields } from './draft.ts';

/** What may be done to the listing besides correcting it. */

const CALLS = [
  { value: 'not-rented', label: 'Ещё не сдан: перезвонить позже', ofSale: 'Ещё продаётся: перезвонить позже' },
  { value: 'no-answer', label: 'Не ответили', ofSale: 'Не ответили' },
  { value: 'busy', label: 'Занято', ofSale: 'Занято' },
  // What is sold is told by the status.
  { value: 'rented', label: 'Сдан', ofSale: null },
] as const;

const EXCEPTIONS = [
  { value: 'norms', label: 'Нормы агентства' },
  { value: 'fresh', label: 'Актуальность' },
  { value: 'duplicate', label: 'Не дубль' },
] as const;

type Dialog = 'pause' | 'exception' | 'reserve';

interface Sent {
  readonly path: string;
  readonly body?: object;
  readonly method?: 'POST' | 'DELETE';
}

/** Sends a deed and asks anew for everything about the listing. */
function useDeed(listingId: number) {
  return useMutation({
    mutationFn: ({ path, body, method = 'POST' }: Sent) => api.send<unknown>(method, path, body),
    onSuccess: () => refreshCard(listingId),
  });
}

export function Deeds({ card }: { card: ListingCard }) {
  const { may, id, status, stage, forbiddenReason } = card;
  const deed = useDeed(id);
  const [dialog, setDialog] = useState<Dialog | null>(null);
  const act = (name: string, words: string, body?: object) =>
    deed.mutate({ path: `/listings/${id}/${name}`, ...(body && { body }) }, { onSuccess: () => showDone(words) });
  const isSale = allFields(card).find(({ field }) => field === 'deal')?.value === 'sale';
  const isOnMarket = status.value === 'active' || status.value === 'reserved';

  const forbid = async () => {
    const reason = await askReason({
      title: 'Запретить рекламу?',
      words: 'Объект уйдёт со всех досок, и никакая отметка его не вернёт, пока запрет не снимут.',
      action: 'Запретить',
      isDanger: true,
      reason: { label: 'Причина', placeholder: 'собственник против рекламы', isRequired: true },
    });
    if (reason !== null) act('forbid', 'Реклама запрещена', { reason });
  };
  const rewrite = async () => {
    const isSure = await confirm({
      title: 'Написать описание заново?',
      words: 'Нынешнее описание заменит автотекст по шаблону. Вернуть прежнее можно из истории источника.',
      action: 'Написать',
    });
    if (isSure) act('text', 'Описание написано заново', { isForced: true });
  };

  return (
    <>
      <Menu width={300}>
        <Menu.Target>
          <Button variant="default" rightSection={<IconChevronDown size={15} aria-hidden />}>
            Действия
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {may.confirmation && isOnMarket && (
            <Menu.Item leftSection={<IconCheck size={16} />} onClick={() => act('confirm', 'Подтверждено: актуален')}>
              Подтвердить: актуален
            </Menu.Item>
          )}
          {may.status && (
            <>
              <Menu.Label>Статус: {status.label}</Menu.Label>
              {status.choices
                .filter(({ value }) => value !== status.value)
                .map(({ value, label }) => (
                  <Menu.Item
                    key={value}
                    leftSection={<IconHome size={16} />}
                    onClick={() =>
                      value === 'reserved' ? setDialog('reserve') : act('status', `Статус: ${label}`, { status: value })
                    }
                  >
                    {value === 'reserved' ? `${label}…` : label}
                  </Menu.Item>
                ))}
            </>
          )}
          {may.stage && stage.choices.length > 1 && (
            <>
              <Menu.Label>Стадия сделки: {stage.value ?? 'без стадии'}</Menu.Label>
              {stage.choices
                .filter(({ value }) => value !== stage.value)
                .map(({ value, label, refusal }) => (
                  <Menu.Item
                    key={label}
                    leftSection={<IconFlag size={16} />}
                    disabled={refusal !== null}
                    title={refusal ?? undefined}
                    onClick={() => act('stage', `Стадия: ${label}`, { stage: value })}
                  >
                    {label}
                  </Menu.Item>
                ))}
            </>
          )}
          {may.calls && isOnMarket && (
            <>
              <Menu.Label>Позвонил собственнику</Menu.Label>
              {CALLS.map(({ value, label, ofSale }) => {
                const words = isSale ? ofSale : label;
                return (
                  words && (
                    <Menu.Item
                      key={value}
                      leftSection={<IconPhone size={16} />}
                      onClick={() => act('call', 'Звонок отмечен', { result: value })}
                    >
                      {words}
                    </Menu.Item>
                  )
                );
              })}
            </>
          )}
          <Menu.Divider />
          {may.texts && (
            <Menu.Item leftSection={<IconTextSpellcheck size={16} />} onClick={() => void rewrite()}>
              Написать автотекст
            </Menu.Item>
          )}
          {may['listing-pauses'] && (
            <Menu.Item leftSection={<IconPlayerPause size={16} />} onClick={() => setDialog('pause')}>
              Приостановить…
            </Menu.Item>
          )}
          {may.exceptions && (
            <Menu.Item leftSection={<IconShieldOff size={16} />} onClick={() => setDialog('exception')}>
              Дать исключение…
            </Menu.Item>
          )}
          {may.forbidding && forbiddenReason === null && (
            <Menu.Item color="error" leftSection={<IconBan size={16} />} onClick={() => void forbid()}>
              Запретить рекламу…
            </Menu.Item>
          )}
          {may['forbid-lift'] && forbiddenReason !== null && (
            <Menu.Item leftSection={<IconBan size={16} />} onClick={() => act('allow', 'Запрет рекламы снят')}>
              Снять запрет рекламы
            </Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
      <PauseDialog opened={dialog === 'pause'} listingId={id} onClose={() => setDialog(null)} />
      <ExceptionDialog opened={dialog === 'exception'} listingId={id} onClose={() => setDialog(null)} />
      <ReserveDialog opened={dialog === 'reserve'} listingId={id} onClose={() => setDialog(null)} />
    </>
  );
}

interface DialogProps {
  readonly opened: boolean;
  readonly listingId: number;
  readonly onClose: () => void;
}

/** Pauses and exceptions that hold, each with a way to end it. */
export function Standing({ card }: { card: ListingCard }) {
  const deed = useDeed(card.id);
  if (card.pauses.length === 0 && card.exceptions.length === 0) return null;
  return (
    <Stack gap={6}>
      {card.pauses.map((pause) => (
        <Group key={pause.id} gap="xs" justify="space-between" wrap="nowrap">
          <Text size="sm">
            Пауза{pause.boardName && ` на ${pause.boardName}`} до {moment(pause.until)}: {pause.reason} ({pause.by})
          </Text>
          {pause.mayEnd && (
            <Button
              size="compact-xs"
              variant="default"
              loading={deed.isPending}
              onClick={() => deed.mutate({ path: `/pauses/${pause.id}/end` })}
            >
              Снять паузу
            </Button>
          )}
        </Group>
      ))}
      {card.exceptions.map((one) => (
        <Group key={one.id} gap="xs" justify="space-between" wrap="nowrap">
          <Text size="sm">
            Исключение, {one.label}: по {one.until.split('-').reverse().join('.')}, {one.reason} ({one.by})
          </Text>
          {card.may.exceptions && (
            <Button
              size="compact-xs"
              variant="default"
              loading={deed.isPending}
              onClick={() => deed.mutate({ path: `/exceptions/${one.id}`, method: 'DELETE' })}
            >
              Отозвать
            </Button>
          )}
        </Group>
      ))}
    </Stack>
  );
}

/** What a deed over marks did, and back again. */
function offerUndo({ id, words, undoUntil, changed, leftOut }: Bulk, listingId: number): void {
  if (undoUntil === null || changed === 0) {
    showDone([words, ...leftOut.map((one) => one.words)].join('. '));
    return;
  }
  showUndo({
    words,
    undo: async () => {
      await api.send('POST', `/undo/${id}`);
      await refreshCard(listingId);
    },
  });
}

/** Mark, unmark, term and pause of one board. */
export function BoardDeeds({ card, board }: { card: ListingCard; board: BoardStanding }) {
  const { may, id } = card;
  const [dialog, setDialog] = useState<'pause' | 'term' | null>(null);
  const change = useMutation({
    mutationFn: () =>
      api.send<Bulk>('POST', board.isMarked ? '/marks/remove' : '/marks', {
        selection: { ids: [id] },
        cabinets: [board.cabinetId],
      }),
    onSuccess: async (bulk) => {
      await refreshCard(id);
      offerUndo(bulk, id);
    },
  });
  return (
    <>
      {may.marks && (
        <Button
          size="compact-sm"
          variant={board.isMarked ? 'default' : 'filled'}
          loading={change.isPending}
          aria-label={board.isMarked ? `Снять с доски ${board.boardName}` : `Отметить на доску ${board.boardName}`}
          onClick={() => change.mutate()}
        >
          {board.isMarked ? 'Снять' : 'Отметить'}
        </Button>
      )}
      {may.terms && board.isMarked && (
        <Button
          size="compact-sm"
          variant="default"
          aria-label={`Срок размещения, ${board.boardName}`}
          onClick={() => setDialog('term')}
        >
          Срок…
        </Button>
      )}
      {may['listing-pauses'] && board.isMarked && (
        <Button
          size="compact-sm"
          variant="default"
          aria-label={`Пауза, ${board.boardName}`}
          onClick={() => setDialog('pause')}
        >
          Пауза…
        </Button>
      )}
      <PauseDialog opened={dialog === 'pause'} listingId={id} board={board} onClose={() => setDialog(null)} />
      <TermDialog opened={dialog === 'term'} listingId={id} board={board} onClose={() => setDialog(null)} />
    </>
  );
}

function TermDialog({ opened, listingId, onClose, board }: DialogProps & { board: BoardStanding }) {
  const [startsOn, setStartsOn] = useState(board.startsOn);
  const [endsOn, setEndsOn] = useState(board.endsOn);
  const save = useMutation({
    mutationFn: () =>
      api.send<Bulk>('POST', '/listings/terms', {
        selection: { ids: [listingId] },
        cabinets: [board.cabinetId],
        term: { ...(startsOn !== null && { startsOn }), endsOn },
      }),
    meta: { isTold: true },
    onSuccess: async (bulk) => {
      await refreshCard(listingId);
      offerUndo(bulk, listingId);
      onClose();
    },
  });
  return (
    <Modal opened={opened} onClose={onClose} title={`Срок размещения: ${board.boardName}`}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <Stack gap="md">
          <ProblemAlert error={save.error} />
          <Group grow align="flex-start">
            <DayInput label="Первый день" value={startsOn} onChange={setStartsOn} />
            <DayInput
              label="Последний день"
              description="Пусто: без конца"
              clearable
              value={endsOn}
              onChange={setEndsOn}
              data-autofocus
            />
          </Group>
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Отмена
            </Button>
            <Button type="submit" loading={save.isPending}>
              Сохранить срок
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

/** A pause of one board is asked from the board's own panel. */
function PauseDialog({ opened, listingId, onClose, board }: DialogProps & { board?: BoardStanding }) {
  const [until, setUntil] = useState<string | null>(null);
  const [hour, setHour] = useState('09:00');
  const [reason, setReason] = useState('');
  const pause = useMutation({
    mutationFn: () =>
      api.send<Bulk>('POST', '/listings/pause', {
        selection: { ids: [listingId] },
        // The browser's clock is where the person is; the server keeps the moment.
        until: new Date(`${until}T${hour}`).toISOString(),
        reason,
        ...(board && { cabinets: [board.cabinetId] }),
      }),
    meta: { isTold: true },
    onSuccess: async (bulk) => {
      await refreshCard(listingId);
      offerUndo(bulk, listingId);
      onClose();
    },
  });
  return (
    <Modal opened={opened} onClose={onClose} title={board ? `Пауза: ${board.boardName}` : 'Пауза на всех досках'}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (until !== null && reason.trim() !== '') pause.mutate();
        }}
      >
        <Stack gap="md">
          <ProblemAlert error={pause.error} />
          <Group grow align="flex-start">
            <DayInput
              label="До какого дня"
              required
              minDate={today()}
              value={until}
              onChange={setUntil}
              data-autofocus
            />
            <NativeSelect
              label="Время"
              value={hour}
              onChange={(event) => setHour(event.currentTarget.value)}
              data={Array.from({ length: 24 }, (_, at) => `${String(at).padStart(2, '0')}:00`)}
            />
          </Group>
          <Textarea
            label="Причина"
            description="Её увидит агент"
            required
            autosize
            maxLength={500}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Отмена
            </Button>
            <Button type="submit" loading={pause.isPending} disabled={until === null || reason.trim() === ''}>
              Приостановить
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function ExceptionDialog({ opened, listingId, onClose }: DialogProps) {
  const [gate, setGate] = useState<string>('norms');
  const [until, setUntil] = useState<string | null>(null);
  const [reason, setReason] = useState('');
  const give = useMutation({
    mutationFn: () => api.send('POST', '/exceptions', { listingId, gate, until, reason }),
    meta: { isTold: true },
    onSuccess: async () => {
      await refreshCard(listingId);
      showDone('Исключение дано');
      onClose();
    },
  });
  return (
    <Modal opened={opened} onClose={onClose} title="Исключение для объекта">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (until !== null && reason.trim() !== '') give.mutate();
        }}
      >
        <Stack gap="md">
          <Text size="sm">Требования доски, деньги и модератора исключением не обходят.</Text>
          <ProblemAlert error={give.error} />
          <NativeSelect
            label="Мимо чего пропустить"
            value={gate}
            onChange={(event) => setGate(event.currentTarget.value)}
            data={EXCEPTIONS.map((one) => ({ ...one }))}
          />
          <DayInput label="Последний день" required minDate={today()} value={until} onChange={setUntil} />
          <Textarea
            label="Причина"
            required
            autosize
            maxLength={500}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Отмена
            </Button>
            <Button type="submit" loading={give.isPending} disabled={until === null || reason.trim() === ''}>
              Дать исключение
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function ReserveDialog({ opened, listingId, onClose }: DialogProps) {
  const [until, setUntil] = useState<string | null>(null);
  const reserve = useMutation({
    mutationFn: () => api.send('POST', `/listings/${listingId}/status`, { status: 'reserved', reservedUntil: until }),
    meta: { isTold: true },
    onSuccess: async () => {
      await refreshCard(listingId);
      showDone('Статус: забронирован');
      onClose();
    },
  });
  return (
    <Modal opened={opened} onClose={onClose} title="Забронирован">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          reserve.mutate();
        }}
      >
        <Stack gap="md">
          <ProblemAlert error={reserve.error} />
          <DayInput
            label="Последний день брони"
            description="На следующий день объект сам станет свободным; пусто — без срока"
            clearable
            minDate={today()}
            value={until}
            onChange={setUntil}
            data-autofocus
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Отмена
            </Button>
            <Button type="submit" loading={reserve.isPending}>
              Забронировать
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
