import { Button, Text } from '@mantine/core';
import { useBlocker } from '@tanstack/react-router';
import { useState } from 'react';
import type { FormSetting, SettingsWishBody } from '../../../contracts/settings.ts';
import { ariaKeys, useHotkeys } from '../../hotkeys.ts';
import { confirm } from '../../parts/confirm.tsx';
import { Keys } from '../../parts/keys.tsx';
import { ProblemAlert } from '../../parts/problem.tsx';
import { counted } from '../../words.ts';
import classes from './settings.module.css';

/** What the person has changed on a page of settings and not saved yet. */

/** Whatever the order of the keys. */
export const isSame = (one: unknown, other: unknown): boolean =>
  JSON.stringify(one, inOrder) === JSON.stringify(other, inOrder);

const inOrder = (_: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;

export interface Draft {
  readonly count: number;
  valueOf(setting: FormSetting): unknown;
  set(setting: FormSetting, value: unknown): void;
  clear(): void;
  /** As the server wants it: what is usual again is reset. */
  wish(settings: readonly FormSetting[]): SettingsWishBody;
}

export function useDraft(): Draft {
  const [draft, setDraft] = useState<Readonly<Record<string, unknown>>>({});
  return {
    count: Object.keys(draft).length,
    valueOf: ({ path, value }) => (path in draft ? draft[path] : value),
    set: ({ path, value: known }, value) =>
      setDraft(({ [path]: _, ...rest }) => (isSame(known, value) ? rest : { ...rest, [path]: value })),
    clear: () => setDraft({}),
    wish: (settings) => {
      const usual = new Map(settings.map((setting) => [setting.path, setting.usual]));
      const changed = Object.entries(draft);
      return {
        set: Object.fromEntries(changed.filter(([path, value]) => !isSame(usual.get(path), value))),
        reset: changed.filter(([path, value]) => isSame(usual.get(path), value)).map(([path]) => path),
      };
    },
  };
}

/** Nobody leaves a page with changes by oversight. */
export function useUnsaved(isUnsaved: boolean): void {
  useBlocker({
    shouldBlockFn: async ({ current, next }) => {
      if (!isUnsaved || current.pathname === next.pathname) return false;
      return !(await confirm({
        title: 'Уйти без сохранения?',
        words: 'Изменения на этой странице пропадут.',
        action: 'Уйти',
        isDanger: true,
      }));
    },
    enableBeforeUnload: () => isUnsaved,
  });
}

interface SaveBarProps {
  /** How many changes; the bar is there only when there are any. */
  readonly count: number;
  readonly isSaving: boolean;
  readonly error: unknown;
  readonly onSave: () => void;
  readonly onClear: () => void;
  /** Shows what stands there now, where somebody else was faster. */
  readonly onReload?: () => void;
}

/** At the foot of a page of settings. */
export function SaveBar({ count, isSaving, error, onSave, onClear, onReload }: SaveBarProps) {
  useUnsaved(count > 0);
  useHotkeys('Настройки', [
    { keys: 'mod+s', words: 'Сохранить', inField: true, run: () => count > 0 && !isSaving && onSave() },
  ]);
  return (
    <>
      <ProblemAlert error={error} onRetry={onReload} />
      {count > 0 && (
        <section className={classes.bar} aria-label="Несохранённые изменения">
          <Text size="sm" aria-live="polite">
            Не сохранено: {counted(count, 'изменение', 'изменения', 'изменений')}
          </Text>
          <Button variant="default" onClick={onClear} disabled={isSaving}>
            Отменить
          </Button>
          <Button
            onClick={onSave}
            loading={isSaving}
            aria-keyshortcuts={ariaKeys('mod+s')}
            rightSection={<Keys keys="mod+s" />}
          >
            Сохранить
          </Button>
        </section>
      )}
    </>
  );
}
