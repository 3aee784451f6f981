import { Tabs, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import type { Effect, SettingsAnswer, SettingsWishBody } from '../../../contracts/settings.ts';
import { type Answer, api } from '../../api.ts';
import { Page, Sheet } from '../../parts/page.tsx';
import { showDone } from '../../parts/problem.tsx';
import { Loaded } from '../../parts/states.tsx';
import { queryClient, refresh, useApiWithTag } from '../../query.ts';
import { oneOf, useAddress } from '../../router.tsx';
import { SaveBar, useDraft } from './draft.tsx';
import { agreed, savedWords } from './effect.tsx';
import { SettingsFields } from './setting-field.tsx';

/** These have screens of their own. */
const ELSEWHERE = ['moderation', 'texts'];

/** What the agency decides for itself, part by part. */
export default function AgencySettings() {
  const query = useApiWithTag<SettingsAnswer>('/settings');
  return (
    <Page title="Настройки агентства" back={{ to: '/settings', words: 'К настройкам' }}>
      <Loaded query={query}>{(answer) => <Editor answer={answer} />}</Loaded>
    </Page>
  );
}

function Editor({ answer: { data, etag } }: { answer: Answer<SettingsAnswer> }) {
  const sections = data.sections.filter(({ id }) => !ELSEWHERE.includes(id));
  const [{ part }, change] = useAddress((raw) => ({
    part: sections.find(({ id }) => id === oneOf(raw.part))?.id ?? sections[0]!.id,
  }));
  const draft = useDraft();
  const shown = sections.find(({ id }) => id === part)!;
  const isReadOnly = !data.may.settings;
  const save = useMutation({
    meta: { isTold: true },
    mutationFn: async () => {
      const wish = draft.wish(sections.flatMap(({ fields }) => fields));
      // Of who comes in how the server asks a proof, so it goes by a door of its own.
      const [safe, guarded] = divided(wish);
      const rehearse = () => api.send<Effect>('POST', '/settings/rehearse', safe);
      const words = hasAny(safe) ? await agreed({ title: 'Сохранить настройки?', rehearse }) : '';
      if (words === null) return null;
      let tag = etag;
      if (hasAny(safe)) tag = (await api.exchange('PATCH', '/settings', safe, { ifMatch: tag })).etag;
      if (hasAny(guarded)) await api.exchange('PATCH', '/settings/access', guarded, { ifMatch: tag });
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
      <Sheet>
        <Tabs
          value={part}
          onChange={(next) => change({ part: next === sections[0]!.id ? undefined : next }, { replace: true })}
        >
          <Tabs.List aria-label="Части настроек" mb="md">
            {sections.map(({ id, label }) => (
              <Tabs.Tab key={id} value={id}>
                {label}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          <Tabs.Panel value={part}>
            {isReadOnly && (
              <Text size="sm" c="dimmed" mb="md">
                Настройки меняет администратор всего агентства; вам они видны.
              </Text>
            )}
            <SettingsFields settings={shown.fields} draft={draft} isReadOnly={isReadOnly} />
          </Tabs.Panel>
        </Tabs>
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
          void queryClient.invalidateQueries({ queryKey: ['settings'] });
        }}
      />
    </>
  );
}

const hasAny = ({ set = {}, reset = [] }: SettingsWishBody) => Object.keys(set).length + reset.length > 0;

function divided({ set = {}, reset = [] }: SettingsWishBody): [SettingsWishBody, SettingsWishBody] {
  const part = (isGuarded: boolean): SettingsWishBody => ({
    set: Object.fromEntries(Object.entries(set).filter(([path]) => path.startsWith('access.') === isGuarded)),
    reset: reset.filter((path) => path.startsWith('access.') === isGuarded),
  });
  return [part(false), part(true)];
}
