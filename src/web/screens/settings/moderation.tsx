import { Alert, Button, Group, Modal, NumberInput, Select, Stack, Switch, Table, Text } from '@mantine/core';
import { IconShieldCheck, IconShieldOff } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type {
  Effect,
  FieldPolicy,
  FormSetting,
  ModerationAnswer,
  SwitchBody,
  SwitchEffect,
} from '../../../contracts/settings.ts';
import { type Answer, api } from '../../api.ts';
import { Chip } from '../../parts/chip.tsx';
import { SearchInput } from '../../parts/fields.tsx';
import { Page, Sheet } from '../../parts/page.tsx';
import { ProblemAlert, showDone } from '../../parts/problem.tsx';
import { Loaded, Skeletons } from '../../parts/states.tsx';
import { refresh, useApiWithTag } from '../../query.ts';
import { objects } from '../../words.ts';
import { type Draft, SaveBar, useDraft } from './draft.tsx';
import { agreed, EffectTold, savedWords } from './effect.tsx';
import { SettingField, SettingsFields } from './setting-field.tsx';
import classes from './settings.module.css';

/** Who looks at what before it goes out. */
export default function ModerationSettings() {
  const query = useApiWithTag<ModerationAnswer>('/settings/moderation');
  return (
    <Page
      title="Модерация"
      back={{ to: '/settings', words: 'К настройкам' }}
      words="Одобрение хранит то, что одобрили: вернёте прежний текст — объект снова одобрен."
    >
      <Loaded query={query}>
        {(answer) => (
          <>
            <Switches answer={answer.data} />
            <Editor answer={answer} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

interface Target {
  readonly path: string;
  readonly title: string;
  readonly mode: SwitchBody['mode'];
}

const state = (mode: 'on' | 'off') => (
  <Chip
    tone={mode === 'on' ? 'ok' : 'neutral'}
    icon={mode === 'on' ? IconShieldCheck : IconShieldOff}
    words={mode === 'on' ? 'включена' : 'выключена'}
  />
);

function Switches({ answer }: { answer: ModerationAnswer }) {
  const [target, setTarget] = useState<Target | null>(null);
  const button = (path: string, where: string, mode: 'on' | 'off') => {
    const next = mode === 'on' ? 'off' : 'on';
    const words = next === 'on' ? 'Включить' : 'Выключить';
    return (
      <Button
        size="compact-sm"
        variant="default"
        aria-label={`${words} модерацию: ${where}`}
        onClick={() => setTarget({ path, mode: next, title: `${words} модерацию: ${where}?` })}
      >
        {words}
      </Button>
    );
  };
  return (
    <Sheet title="Где включена">
      <div className={classes.scroll}>
        <Table aria-label="Где включена модерация">
          <Table.Tbody>
            <Table.Tr>
              <Table.Th scope="row">Всё агентство</Table.Th>
              <Table.Td>{state(answer.mode)}</Table.Td>
              <Table.Td ta="end">
                {answer.may.moderation && button('/settings/moderation', 'всё агентство', answer.mode)}
              </Table.Td>
            </Table.Tr>
            {answer.cabinets.map(({ id, title, own, mode, may }) => (
              <Table.Tr key={id}>
                <Table.Th scope="row" fw={400}>
                  {title}
                </Table.Th>
                <Table.Td>
                  <Group gap="xs">
                    {state(mode)}
                    {own === null && (
                      <Text size="xs" c="dimmed">
                        как в агентстве
                      </Text>
                    )}
                  </Group>
                </Table.Td>
                <Table.Td ta="end">{may && button(`/cabinets/${id}/moderation`, title, mode)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
      <Modal opened={target !== null} onClose={() => setTarget(null)} title={target?.title} size="lg">
        {target && <Turning target={target} onDone={() => setTarget(null)} />}
      </Modal>
    </Sheet>
  );
}

function Turning({ target: { path, mode }, onDone }: { target: Target; onDone: () => void }) {
  const [acceptsCurrent, setAccepts] = useState(true);
  const wish: SwitchBody = mode === 'on' ? { mode, acceptsCurrent } : { mode };
  const effect = useQuery<SwitchEffect, Error>({
    queryKey: ['settings', 'moderation', 'rehearse', path, wish],
    queryFn: ({ signal }) => api.send<SwitchEffect>('POST', `${path}/rehearse`, wish, { signal }),
    gcTime: 0,
  });
  const turn = useMutation({
    meta: { isTold: true },
    mutationFn: () => api.send('PUT', path, wish),
    onSuccess: async () => {
      showDone(mode === 'on' ? 'Модерация включена' : 'Модерация выключена');
      await refresh('/settings', '/cabinets', '/moderation');
      onDone();
    },
  });
  return (
    <Stack gap="md">
      {mode === 'on' && (
        <Switch
          label="Принять как есть то, что уже стоит на досках"
          description="Иначе всё придётся проверить заново, а до проверки объекты уйдут с досок"
          checked={acceptsCurrent}
          onChange={(event) => setAccepts(event.currentTarget.checked)}
        />
      )}
      <ProblemAlert error={turn.error ?? effect.error} />
      {effect.data ? (
        <>
          {mode === 'on' && acceptsCurrent && (
            <Alert color="ok" variant="light">
              {effect.data.accepted > 0
                ? `Одобрим как есть ${objects(effect.data.accepted)}: они останутся на досках. `
                : 'По объектам, которые уже проверяют в других кабинетах, решения остаются какие есть. '}
              Новые объекты и правки будут ждать проверки.
            </Alert>
          )}
          <EffectTold effect={effect.data} />
        </>
      ) : (
        !effect.error && <Skeletons rows={3} />
      )}
      <Group justify="flex-end">
        <Button variant="default" onClick={onDone}>
          Отмена
        </Button>
        <Button disabled={!effect.data} loading={turn.isPending} onClick={() => turn.mutate()}>
          {mode === 'on' ? 'Включить' : 'Выключить'}
        </Button>
      </Group>
    </Stack>
  );
}

// ---------------------------------------------------------------------------------------------------------------------

type Policy = Readonly<Record<string, FieldPolicy>>;

function Editor({ answer: { data, etag } }: { answer: Answer<ModerationAnswer> }) {
  const draft = useDraft();
  const isReadOnly = !data.may.settings;
  const save = useMutation({
    meta: { isTold: true },
    mutationFn: async () => {
      const wish = draft.wish([...data.fields, data.reasons, data.policySetting]);
      const rehearse = () => api.send<Effect>('POST', '/settings/rehearse', wish);
      const words = await agreed({ title: 'Сохранить правила модерации?', rehearse });
      if (words === null) return null;
      await api.send('PATCH', '/settings', wish, { ifMatch: etag });
      return savedWords(draft.count) + words;
    },
    onSuccess: async (words) => {
      if (words === null) return;
      showDone(words);
      await refresh('/settings');
      draft.clear();
    },
  });
  return (
    <>
      <Sheet title="Правила">
        {isReadOnly && (
          <Text size="sm" c="dimmed" mb="md">
            Правила меняет администратор всего агентства; вам они видны.
          </Text>
        )}
        <SettingsFields settings={data.fields} draft={draft} isReadOnly={isReadOnly} />
      </Sheet>
      <PolicyTable lines={data.policy} setting={data.policySetting} draft={draft} isReadOnly={isReadOnly} />
      <Sheet>
        <SettingField
          setting={data.reasons}
          value={draft.valueOf(data.reasons)}
          onChange={(value) => draft.set(data.reasons, value)}
          isReadOnly={isReadOnly}
        />
      </Sheet>
      <SaveBar
        count={draft.count}
        isSaving={save.isPending}
        error={save.error}
        onSave={() => save.mutate()}
        onClear={() => {
          draft.clear();
          save.reset();
        }}
        onReload={() => {
          save.reset();
          void refresh('/settings/moderation');
        }}
      />
    </>
  );
}

interface PolicyTableProps {
  readonly lines: ModerationAnswer['policy'];
  readonly setting: FormSetting;
  readonly draft: Draft;
  readonly isReadOnly: boolean;
}

function PolicyTable({ lines, setting, draft, isReadOnly }: PolicyTableProps) {
  const [q, setQ] = useState('');
  const policy = draft.valueOf(setting) as Policy;
  const put = (field: string, next: FieldPolicy) => {
    const { [field]: _, ...rest } = policy;
    draft.set(setting, next === 'look' ? rest : { ...rest, [field]: next });
  };
  const isPassing = (field: string) => policy[field] !== undefined;
  const shown = lines
    .filter(({ label }) => label.toLowerCase().includes(q.toLowerCase()))
    .sort((a, b) => Number(isPassing(b.field)) - Number(isPassing(a.field)));
  return (
    <Sheet
      title="Что проходит без проверки"
      aside={<SearchInput label="Найти поле" value={q} onChange={setQ} w={240} />}
    >
      <Text size="sm" c="dimmed" mb="sm">
        Изменение поля «проверять» останавливает объект до проверки; «пропускать» — нет. Число можно пропускать в
        пределах процентов от одобренного.
      </Text>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys */}
      <section className={classes.scroll} style={{ maxHeight: 420 }} tabIndex={0} aria-label="Поля и проверка">
        <Table aria-label="Что проходит без проверки" verticalSpacing={6} stickyHeader>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Поле</Table.Th>
              <Table.Th>Изменение</Table.Th>
              <Table.Th>Дешевле или меньше до</Table.Th>
              <Table.Th>Дороже или больше до</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {shown.map(({ field, label, isNumber }) => {
              const own = policy[field] ?? 'look';
              const bounds = typeof own === 'object' ? own : null;
              const percent = (name: 'downPercent' | 'upPercent', words: string) => (
                <Table.Td>
                  {bounds && (
                    <NumberInput
                      aria-label={`${label}: ${words}`}
                      w={110}
                      min={0}
                      max={name === 'downPercent' ? 100 : 1000}
                      suffix={'\u00a0%'}
                      decimalSeparator=","
                      hideControls
                      placeholder="нельзя"
                      disabled={isReadOnly}
                      value={bounds[name] ?? ''}
                      onChange={(next) => {
                        const { [name]: _, ...rest } = bounds;
                        put(field, typeof next === 'number' ? { ...rest, [name]: next } : rest);
                      }}
                    />
                  )}
                </Table.Td>
              );
              return (
                <Table.Tr key={field}>
                  <Table.Th scope="row" fw={400}>
                    {label}
                  </Table.Th>
                  <Table.Td>
                    <Select
                      aria-label={`${label}: изменение`}
                      allowDeselect={false}
                      disabled={isReadOnly}
                      w={200}
                      value={bounds ? 'bounds' : (own as string)}
                      data={[
                        { value: 'look', label: 'проверять' },
                        { value: 'pass', label: 'пропускать' },
                        ...(isNumber ? [{ value: 'bounds', label: 'в пределах' }] : []),
                      ]}
                      onChange={(next) =>
                        next && put(field, next === 'bounds' ? { downPercent: 5 } : (next as 'look' | 'pass'))
                      }
                    />
                  </Table.Td>
                  {percent('downPercent', 'насколько меньше')}
                  {percent('upPercent', 'насколько больше')}
                </Table.Tr>
              );
            })}
          </Table.Tbody>
        </Table>
      </section>
    </Sheet>
  );
}
