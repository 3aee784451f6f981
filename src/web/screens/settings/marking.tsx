import { Alert, Button, Group, Modal, MultiSelect, NumberInput, Stack, Switch, Text, TextInput } from '@mantine/core';
import { IconCheck, IconPlus, IconSquareOff } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type {
  MarkingCondition,
  MarkingRuleBody,
  MarkingRuleLine,
  MarkingRulesAnswer,
  MarkingTrial,
} from '../../../contracts/marking.ts';
import { api, ProblemError } from '../../api.ts';
import { Chip } from '../../parts/chip.tsx';
import { confirm } from '../../parts/confirm.tsx';
import { MoneyInput } from '../../parts/fields.tsx';
import { Page, Sheet } from '../../parts/page.tsx';
import { ProblemAlert, showDone } from '../../parts/problem.tsx';
import { Empty, Loaded } from '../../parts/states.tsx';
import { refresh, useApi } from '../../query.ts';
import { counted, formatNumber, listed, objects, roubles } from '../../words.ts';
import classes from './settings.module.css';

/** Which new listings are marked for which cabinets by themselves. */
export default function Marking() {
  const query = useApi<MarkingRulesAnswer>('/marking-rules');
  const [editing, setEditing] = useState<MarkingRuleLine | 'new' | null>(null);
  const apply = useMutation({
    mutationFn: async () => {
      const isSure = await confirm({
        title: 'Отметить по правилам сейчас?',
        words: 'Отметятся объекты, которых правила ещё не касались. Снятое человеком правило не вернёт.',
        action: 'Отметить',
      });
      if (!isSure) return null;
      return api.send<{ cabinets: readonly { name: string; marks: number }[] }>('POST', '/marking-rules/apply');
    },
    onSuccess: async (answer) => {
      if (!answer) return;
      const { cabinets } = answer;
      showDone(
        cabinets.length === 0
          ? 'Отмечать нечего'
          : `Отмечены: ${listed(cabinets.map(({ name, marks }) => `${name} ${formatNumber(marks)}`))}`,
      );
      await refresh('/listings', '/marking-rules', '/settings/boards');
    },
  });
  const may = query.data?.may.rules ?? false;
  return (
    <Page
      title="Правила отметки"
      back={{ to: '/settings', words: 'К настройкам' }}
      words="Правила действуют при каждой загрузке объектов. Снятую человеком отметку они не возвращают."
      actions={
        may && (
          <>
            <Button variant="default" loading={apply.isPending} onClick={() => apply.mutate()}>
              Отметить сейчас
            </Button>
            <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing('new')}>
              Правило
            </Button>
          </>
        )
      }
    >
      <Loaded query={query}>
        {(answer) => (
          <>
            {answer.data.length === 0 ? (
              <Empty
                title="Правил ещё нет"
                words="Без правил объекты отмечают вручную или в кабинеты, которые берут все новые."
                action={may ? { words: 'Добавить правило', onClick: () => setEditing('new') } : undefined}
              />
            ) : (
              <ul className={classes.list} aria-label="Правила отметки">
                {answer.data.map((rule) => (
                  <Row key={rule.id} rule={rule} may={may} onEdit={() => setEditing(rule)} />
                ))}
              </ul>
            )}
            {answer.byDefault.length > 0 && (
              <Sheet title="Берут все новые объекты">
                <Text size="sm">{listed([...answer.byDefault])}. Это настройка самого кабинета.</Text>
              </Sheet>
            )}
            <Modal
              opened={editing !== null}
              onClose={() => setEditing(null)}
              title={editing === 'new' ? 'Новое правило' : 'Правило'}
              size="lg"
            >
              {editing && (
                <Editor answer={answer} rule={editing === 'new' ? null : editing} onDone={() => setEditing(null)} />
              )}
            </Modal>
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Row({ rule, may, onEdit }: { rule: MarkingRuleLine; may: boolean; onEdit: () => void }) {
  const { id, name, sentence, cabinets, termDays, isActive } = rule;
  const remove = useMutation({
    mutationFn: async () => {
      const isSure = await confirm({
        title: `Убрать правило «${name}»?`,
        words: 'Что им отмечено, останется отмеченным.',
        action: 'Убрать',
        isDanger: true,
      });
      if (isSure) await api.send('DELETE', `/marking-rules/${id}`);
    },
    onSuccess: () => refresh('/marking-rules'),
  });
  return (
    <li className={classes.row}>
      <div className={classes.words}>
        <Text size="sm" fw={600}>
          {name}
        </Text>
        <Text size="sm">
          {sentence} → {cabinets.join(', ')}
          {termDays !== null && `, на ${counted(termDays, 'день', 'дня', 'дней')}`}
        </Text>
      </div>
      <Group gap="sm">
        <Chip
          tone={isActive ? 'ok' : 'neutral'}
          icon={isActive ? IconCheck : IconSquareOff}
          words={isActive ? 'действует' : 'не действует'}
        />
        {may && (
          <>
            <Button size="compact-sm" variant="default" aria-label={`Изменить: ${name}`} onClick={onEdit}>
              Изменить
            </Button>
            <Button
              size="compact-sm"
              variant="subtle"
              color="error"
              aria-label={`Убрать: ${name}`}
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

interface EditorProps {
  readonly answer: MarkingRulesAnswer;
  readonly rule: MarkingRuleLine | null;
  readonly onDone: () => void;
}

const FRESH: MarkingRuleBody = { name: '', when: {}, cabinetIds: [], termDays: null, isActive: true };

function Editor({ answer, rule, onDone }: EditorProps) {
  const [form, setForm] = useState<MarkingRuleBody>(rule ? bodyOf(rule) : FRESH);
  const put = (patch: Partial<MarkingRuleBody>) => setForm((known) => ({ ...known, ...patch }));
  const ask = (patch: Partial<Record<keyof MarkingCondition, unknown>>) =>
    put({
      when: Object.fromEntries(
        Object.entries({ ...form.when, ...patch }).filter(
          ([, value]) => value !== null && value !== undefined && !(Array.isArray(value) && value.length === 0),
        ),
      ) as MarkingCondition,
    });
  const isReady = form.name.trim() !== '' && form.cabinetIds.length > 0;
  const trial = useQuery<MarkingTrial, Error>({
    queryKey: ['marking-rules', 'rehearse', form],
    queryFn: ({ signal }) => api.send<MarkingTrial>('POST', '/marking-rules/rehearse', form, { signal }),
    enabled: false,
    gcTime: 0,
  });
  const save = useMutation({
    meta: { isTold: true },
    mutationFn: async () => {
      const isRenamed = rule !== null && rule.name !== form.name.trim();
      await api.send('PUT', '/marking-rules', form, rule && !isRenamed ? { ifMatch: `"${rule.version}"` } : {});
      if (isRenamed) await api.send('DELETE', `/marking-rules/${rule.id}`);
    },
    onSuccess: async () => {
      showDone('Правило сохранено; сработает при следующей загрузке');
      await refresh('/marking-rules');
      onDone();
    },
  });
  const { when } = form;
  const isConflict = save.error instanceof ProblemError && (save.error.status === 412 || save.error.status === 428);
  return (
    <Stack gap="md">
      <TextInput
        label="Название"
        required
        maxLength={100}
        value={form.name}
        onChange={(event) => put({ name: event.currentTarget.value })}
      />
      <Group align="flex-start" grow>
        <MultiSelect
          label="Виды"
          placeholder={when.kinds ? undefined : 'все'}
          clearable
          value={[...(when.kinds ?? [])]}
          data={[...answer.kinds]}
          onChange={(kinds) => ask({ kinds })}
        />
        <MultiSelect
          label="Сделки"
          placeholder={when.deals ? undefined : 'все'}
          clearable
          value={[...(when.deals ?? [])]}
          data={[...answer.deals]}
          onChange={(deals) => ask({ deals })}
        />
        <MultiSelect
          label="Филиалы"
          placeholder={when.branchIds ? undefined : 'все'}
          clearable
          value={(when.branchIds ?? []).map(String)}
          data={answer.branches.map(({ id, name }) => ({ value: String(id), label: name }))}
          onChange={(ids) => ask({ branchIds: ids.map(Number) })}
        />
      </Group>
      <Group grow>
        <MoneyInput
          label="Цена не меньше"
          value={when.priceFromKopecks ?? null}
          onChange={(priceFromKopecks) => ask({ priceFromKopecks })}
        />
        <MoneyInput
          label="Цена не больше"
          value={when.priceToKopecks ?? null}
          onChange={(priceToKopecks) => ask({ priceToKopecks })}
        />
      </Group>
      <MultiSelect
        label="В какие кабинеты отмечать"
        required
        searchable
        value={form.cabinetIds.map(String)}
        data={answer.cabinets.map(({ id, name }) => ({ value: String(id), label: name }))}
        onChange={(ids) => put({ cabinetIds: ids.map(Number) })}
      />
      <Group align="flex-end">
        <NumberInput
          label="Срок размещения, дней"
          placeholder="по настройкам агентства"
          min={1}
          max={3650}
          allowDecimal={false}
          w={240}
          value={form.termDays ?? ''}
          onChange={(days) => put({ termDays: typeof days === 'number' ? days : null })}
        />
        <Switch
          mb={8}
          label="Правило действует"
          checked={form.isActive}
          onChange={(event) => put({ isActive: event.currentTarget.checked })}
        />
      </Group>
      <ProblemAlert
        error={save.error ?? trial.error}
        onRetry={
          isConflict
            ? () => {
                void refresh('/marking-rules');
                onDone();
              }
            : undefined
        }
      />
      {trial.data && !trial.isFetching && <Told trial={trial.data} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={onDone}>
          Отмена
        </Button>
        <Button variant="default" disabled={!isReady} loading={trial.isFetching} onClick={() => void trial.refetch()}>
          Что отметится сейчас
        </Button>
        <Button disabled={!isReady} loading={save.isPending} onClick={() => save.mutate()}>
          Сохранить
        </Button>
      </Group>
    </Stack>
  );
}

const bodyOf = ({ name, when, cabinetIds, termDays, isActive }: MarkingRuleLine): MarkingRuleBody => ({
  name,
  when,
  cabinetIds,
  termDays,
  isActive,
});

function Told({ trial }: { trial: MarkingTrial }) {
  const { marks, published, unfunded, todayKopecks, aheadKopecks, cabinets } = trial;
  if (marks === 0)
    return (
      <Alert color="ok" variant="light" role="status">
        Сейчас правило ничего бы не отметило: подходящие объекты уже отмечены или их нет.
      </Alert>
    );
  return (
    <Alert color="money" variant="light" role="status">
      Отметит {listed(cabinets.map(({ name, marks: count }) => `${name}: ${objects(count)}`))}. Сразу выйдут{' '}
      {formatNumber(published)}
      {unfunded > 0 && `, не хватит денег ${formatNumber(unfunded)}`}. Сегодня спишется {roubles(todayKopecks)}, за 30
      дней {roubles(aheadKopecks)}.
    </Alert>
  );
}
