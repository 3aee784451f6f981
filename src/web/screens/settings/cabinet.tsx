import { Anchor, Button, Group, Select, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import type { BoardsAnswer, CabinetLine, CabinetSettingsAnswer, Effect } from '../../../contracts/settings.ts';
import { type Answer, api } from '../../api.ts';
import { Page, Sheet } from '../../parts/page.tsx';
import { ProblemAlert, showDone } from '../../parts/problem.tsx';
import { Loaded } from '../../parts/states.tsx';
import { refresh, useApi, useApiWithTag } from '../../query.ts';
import { formatNumber } from '../../words.ts';
import { FAMILIES } from './boards.tsx';
import { SaveBar, useDraft } from './draft.tsx';
import { agreed, savedWords } from './effect.tsx';
import { SettingsFields } from './setting-field.tsx';
import classes from './settings.module.css';

/** Set on screens of their own. */
const ELSEWHERE = ['moderation', 'package', 'turnDays'];

/** One cabinet: what it is, and what it decides otherwise than the agency. */
export default function Cabinet() {
  const { id } = useParams({ strict: false }) as { id: string };
  const query = useApiWithTag<CabinetSettingsAnswer>(`/cabinets/${id}/settings`);
  const cabinet = query.data?.data.cabinet;
  return (
    <Page
      title={cabinet?.title ?? 'Кабинет'}
      back={{ to: '/settings/boards', words: 'К кабинетам' }}
      words={cabinet && `${cabinet.boardName}, ${FAMILIES[cabinet.family]}, адрес «${cabinet.slug}»`}
      width="read"
    >
      <Loaded query={query}>
        {(answer) => (
          <>
            <About cabinet={answer.data.cabinet} />
            {answer.data.cabinet.may.cabinets && (
              <Naming key={answer.data.cabinet.version} cabinet={answer.data.cabinet} />
            )}
            <Editor answer={answer} id={id} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function About({ cabinet }: { cabinet: CabinetLine }) {
  const { id, board, marks, published, price, package: pack, moderation, hours } = cabinet;
  const link = (to: string, words: string, search?: object) => (
    <Anchor component={Link} to={to} {...(search && { search: search as never })} size="sm" underline="always">
      {words}
    </Anchor>
  );
  return (
    <Sheet>
      <dl className={classes.facts}>
        <dt>Объекты</dt>
        <dd>
          {link('/listings', `отмечены ${formatNumber(marks)}`, { cabinet: id })}, в фиде {formatNumber(published)}
        </dd>
        <dt>Требования</dt>
        <dd>{link(`/settings/boards/${board}`, 'что требует доска')}</dd>
        <dt>Цена</dt>
        <dd>{link('/settings/tariffs', price, { cabinet: id })}</dd>
        <dt>Пакет</dt>
        <dd>{link('/settings/packages', pack, { cabinet: id })}</dd>
        <dt>Модерация</dt>
        <dd>{link('/settings/moderation', moderation)}</dd>
        <dt>Рабочее время</dt>
        <dd>{link('/settings/calendars', hours)}</dd>
        <dt>Фид</dt>
        <dd>{link(`/feeds/${id}`, 'издания, забирания, адрес')}</dd>
      </dl>
    </Sheet>
  );
}

function Naming({ cabinet }: { cabinet: CabinetLine }) {
  const boards = useApi<BoardsAnswer>('/settings/boards');
  const [name, setName] = useState(cabinet.name);
  const [branch, setBranch] = useState(String(cabinet.branch?.id ?? ''));
  const save = useMutation({
    meta: { isTold: true },
    mutationFn: () =>
      api.send(
        'PATCH',
        `/cabinets/${cabinet.id}`,
        { name, branchId: branch === '' ? null : Number(branch) },
        {
          ifMatch: `"${cabinet.version}"`,
        },
      ),
    onSuccess: async () => {
      showDone('Кабинет изменён');
      await refresh('/cabinets', '/settings/boards', '/boards');
    },
  });
  const isChanged = name.trim() !== cabinet.name || branch !== String(cabinet.branch?.id ?? '');
  const branches = [
    ...(boards.data?.branches ?? []),
    ...(cabinet.branch && !boards.data?.branches.some(({ id }) => id === cabinet.branch!.id) ? [cabinet.branch] : []),
  ];
  return (
    <Sheet title="Название и филиал">
      <Stack gap="sm" maw={480}>
        <ProblemAlert error={save.error} onRetry={() => void refresh('/cabinets')} />
        <TextInput
          label="Название"
          value={name}
          maxLength={200}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Select
          label="Филиал"
          description="По его времени считаются дни, сроки и часы списания"
          allowDeselect={false}
          value={branch}
          onChange={(next) => setBranch(next ?? '')}
          data={[
            { value: '', label: 'Всё агентство' },
            ...branches.map(({ id, name: label }) => ({ value: String(id), label })),
          ]}
        />
        <Group>
          <Button
            variant="default"
            disabled={!isChanged || name.trim() === ''}
            loading={save.isPending}
            onClick={() => save.mutate()}
          >
            Сохранить
          </Button>
        </Group>
      </Stack>
    </Sheet>
  );
}

function Editor({ answer: { data, etag }, id }: { answer: Answer<CabinetSettingsAnswer>; id: string }) {
  const draft = useDraft();
  const fields = data.fields.filter(({ path }) => !ELSEWHERE.includes(path));
  const save = useMutation({
    meta: { isTold: true },
    mutationFn: async () => {
      const wish = draft.wish(data.fields);
      const rehearse = () => api.send<Effect>('POST', `/cabinets/${id}/settings/rehearse`, wish);
      const words = await agreed({ title: 'Сохранить настройки кабинета?', rehearse });
      if (words === null) return null;
      await api.send('PATCH', `/cabinets/${id}/settings`, wish, { ifMatch: etag });
      return savedWords(draft.count) + words;
    },
    onSuccess: async (words) => {
      if (words === null) return;
      showDone(words);
      await refresh(`/cabinets/${id}`, '/settings/boards');
      draft.clear();
    },
  });
  return (
    <>
      <Sheet title="Настройки кабинета">
        {!data.cabinet.may.settings && (
          <Text size="sm" c="dimmed" mb="md">
            Настройки меняет администратор; вам они видны.
          </Text>
        )}
        <SettingsFields settings={fields} draft={draft} isReadOnly={!data.cabinet.may.settings} />
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
          void refresh(`/cabinets/${id}`);
        }}
      />
    </>
  );
}
