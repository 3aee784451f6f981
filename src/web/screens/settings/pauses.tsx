import { Anchor, Button, Group, Modal, SegmentedControl, Select, Stack, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconClock, IconPlayerPause, IconPlus } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { NewPauseBody, OwnCalendar, Pause } from '../../../contracts/calendars.ts';
import type { Effect } from '../../../contracts/settings.ts';
import { api } from '../../api.ts';
import { Chip } from '../../parts/chip.tsx';
import { DayInput } from '../../parts/day-field.tsx';
import { Page } from '../../parts/page.tsx';
import { ProblemAlert, showDone } from '../../parts/problem.tsx';
import { Empty, Loaded } from '../../parts/states.tsx';
import { refresh, useApi } from '../../query.ts';
import { useMay } from '../../session.ts';
import { moment } from '../../words.ts';
import { agreed } from './effect.tsx';
import classes from './settings.module.css';

/** What is stopped by hand, and until when. */
export default function Pauses() {
  const may = useMay();
  const query = useApi<{ data: readonly Pause[] }>('/pauses');
  const [isOpen, dialog] = useDisclosure();
  return (
    <Page
      title="Паузы"
      back={{ to: '/settings', words: 'К настройкам' }}
      words="Пауза всегда с концом и причиной. Объекты уходят из фидов сразу и возвращаются сами."
      actions={
        may('pauses') && (
          <Button leftSection={<IconPlus size={16} />} onClick={dialog.open}>
            Пауза
          </Button>
        )
      }
    >
      <Loaded query={query}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty
              kind="done"
              title="Ничего не остановлено"
              words="Один объект приостанавливают в его карточке или в списке объектов; здесь — кабинет, филиал или всё агентство."
            />
          ) : (
            <ul className={classes.list} aria-label="Паузы">
              {data.map((pause) => (
                <Row key={pause.id} pause={pause} />
              ))}
            </ul>
          )
        }
      </Loaded>
      <Modal opened={isOpen} onClose={dialog.close} title="Новая пауза">
        <NewPause onDone={dialog.close} />
      </Modal>
    </Page>
  );
}

function Row({ pause }: { pause: Pause }) {
  const { id, what, listingId, from, until, isOn, reason, by, may } = pause;
  const end = useMutation({
    mutationFn: () => api.send('POST', `/pauses/${id}/end`),
    onSuccess: async () => {
      showDone('Пауза снята');
      await refresh('/pauses', '/listings');
    },
  });
  return (
    <li className={classes.row}>
      <div className={classes.words}>
        <Text size="sm" fw={600}>
          {listingId === null ? (
            what
          ) : (
            <Anchor component={Link} to={`/listings/${listingId}`} size="sm" fw={600}>
              {what}
            </Anchor>
          )}
        </Text>
        <Text size="sm">
          {reason} <span className="heard">поставил</span>({by})
        </Text>
      </div>
      <Group gap="sm">
        <Chip
          tone={isOn ? 'money' : 'waiting'}
          icon={isOn ? IconPlayerPause : IconClock}
          words={isOn ? `до ${moment(until)}` : `с ${moment(from)} до ${moment(until)}`}
        />
        {may.end && (
          <Button
            size="compact-sm"
            variant="default"
            loading={end.isPending}
            aria-label={`Снять паузу: ${what}`}
            onClick={() => end.mutate()}
          >
            Снять
          </Button>
        )}
      </Group>
    </li>
  );
}

const WHAT = [
  { value: 'cabinet', label: 'Кабинет' },
  { value: 'branch', label: 'Филиал' },
  { value: 'agency', label: 'Всё агентство' },
] as const;
type What = (typeof WHAT)[number]['value'];

function NewPause({ onDone }: { onDone: () => void }) {
  const owners = useApi<{ data: readonly OwnCalendar[] }>('/calendars');
  const [form, setForm] = useState({
    what: 'cabinet' as What,
    of: '',
    from: null as string | null,
    until: null as string | null,
    reason: '',
  });
  const put = (patch: Partial<typeof form>) => setForm((known) => ({ ...known, ...patch }));
  const choices = (owners.data?.data ?? []).filter(({ of }) => of === form.what);
  const isReady = (form.what === 'agency' || form.of !== '') && form.until !== null && form.reason.trim() !== '';
  const add = useMutation({
    meta: { isTold: true },
    mutationFn: async () => {
      const body: NewPauseBody = {
        ...(form.what === 'cabinet' && { cabinetId: Number(form.of) }),
        ...(form.what === 'branch' && { branchId: Number(form.of) }),
        ...(form.from !== null && { from: form.from }),
        until: form.until!,
        reason: form.reason,
      };
      const rehearse = () => api.send<Effect>('POST', '/pauses/rehearse', body);
      const words = await agreed({ title: 'Поставить паузу?', action: 'Поставить', rehearse });
      if (words === null) return null;
      await api.send('POST', '/pauses', body);
      return words;
    },
    onSuccess: async (words) => {
      if (words === null) return;
      showDone(`Пауза поставлена.${words}`);
      await refresh('/pauses', '/listings');
      onDone();
    },
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (isReady) add.mutate();
      }}
    >
      <Stack gap="sm">
        <ProblemAlert error={add.error} />
        <SegmentedControl
          aria-label="Что остановить"
          value={form.what}
          data={[...WHAT]}
          onChange={(what) => put({ what: what as What, of: '' })}
        />
        {form.what !== 'agency' && (
          <Select
            label={form.what === 'cabinet' ? 'Кабинет' : 'Филиал'}
            searchable
            required
            value={form.of === '' ? null : form.of}
            data={choices.map(({ id, name }) => ({ value: String(id), label: name }))}
            nothingFoundMessage="Такого нет в вашей части агентства"
            onChange={(of) => put({ of: of ?? '' })}
          />
        )}
        <Group grow>
          <DayInput
            label="С какого дня"
            placeholder="сразу"
            clearable
            value={form.from}
            onChange={(from) => put({ from })}
          />
          <DayInput
            label="По какой день, включительно"
            required
            value={form.until}
            onChange={(until) => put({ until })}
          />
        </Group>
        <TextInput
          label="Причина"
          description="Её увидят агенты"
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
            Поставить
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
