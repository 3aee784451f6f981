import { Button, Group, Kbd, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { areLettersOn, useHotkeys } from '../hotkeys.ts';
import { counted } from '../words.ts';
import { showDone, showProblem } from './problem.tsx';
import classes from './undo.module.css';

interface Undo {
  /** What was done: «Сняты 3 отметки». */
  readonly words: string;
  readonly undo: () => Promise<unknown>;
  /** Said when it is taken back. */
  readonly undone?: string;
  readonly seconds?: number;
}

interface Live {
  readonly id: number;
  readonly words: string;
  readonly seconds: number;
  /** By the browser's clock. */
  readonly endsAt: number;
  readonly take: () => Promise<void>;
}

const SECONDS = 10;
const TOAST = 'undo';

/** What can be taken back just now, the last one last. */
let live: readonly Live[] = [];
let serial = 0;
const watchers = new Set<() => void>();

/** One toast, however much is done in ten seconds: a pile of them would lie over the work. */
function change(next: readonly Live[]): void {
  const was = live.length;
  live = next;
  for (const watcher of watchers) watcher();
  if (was === 0 && next.length > 0)
    notifications.show({
      id: TOAST,
      message: <UndoToast />,
      autoClose: false,
      withBorder: true,
      onClose: () => change([]),
      classNames: { root: classes.toast! },
    });
  else if (was > 0 && next.length === 0) notifications.hide(TOAST);
}

/** Says what was done and offers to take it back while the bar runs out; what was done before it waits behind. */
export function showUndo({ words, undo, undone = 'Возвращено как было', seconds = SECONDS }: Undo): void {
  const id = ++serial;
  const forget = () => {
    clearTimeout(timer);
    if (live.some((one) => one.id === id)) change(live.filter((one) => one.id !== id));
  };
  const timer = setTimeout(forget, seconds * 1_000);
  const take = async () => {
    forget();
    try {
      await undo();
      showDone(undone);
    } catch (error) {
      showProblem(error);
    }
  };
  change([...live, { id, words, seconds, endsAt: Date.now() + seconds * 1_000, take }]);
}

const useLiveUndo = () =>
  useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => live,
  );

function UndoToast() {
  const all = useLiveUndo();
  const last = all.at(-1);
  if (!last) return null;
  return (
    <>
      <Group justify="space-between" wrap="nowrap" gap="sm">
        <div>
          <Text size="sm">{last.words}</Text>
          {all.length > 1 && (
            <Text size="xs" c="dimmed">
              До этого ещё {counted(all.length - 1, 'действие', 'действия', 'действий')}
            </Text>
          )}
        </div>
        <Button
          size="xs"
          variant="default"
          flex="none"
          onClick={() => void last.take()}
          rightSection={areLettersOn() ? <Kbd size="xs">Z</Kbd> : null}
          aria-keyshortcuts="z"
        >
          Отменить
        </Button>
      </Group>
      <TimeLeft key={last.id} {...last} />
    </>
  );
}

function TimeLeft({ seconds, endsAt }: Live) {
  const [left, setLeft] = useState(() => (endsAt - Date.now()) / 1_000);
  useEffect(() => {
    const timer = setInterval(() => setLeft((endsAt - Date.now()) / 1_000), 1_000);
    return () => clearInterval(timer);
  }, [endsAt]);
  return (
    <div className={classes.track} aria-hidden>
      <div className={classes.bar} style={{ transform: `scaleX(${Math.max(0, left) / seconds})` }} />
    </div>
  );
}

/** Mounted once, by the shell. */
export function UndoKey() {
  useHotkeys('Везде', [{ keys: 'z', words: 'Отменить последнее действие', run: () => void live.at(-1)?.take() }]);
  return null;
}
