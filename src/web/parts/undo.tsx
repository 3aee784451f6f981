import { Button, Group, Kbd, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useEffect, useState } from 'react';
import { areLettersOn, useHotkeys } from '../hotkeys.ts';
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

const SECONDS = 10;

/** The last one first: `Z` takes back what was done last. */
const live: { id: string; take: () => void }[] = [];

/** Says what was done and offers to take it back while the bar runs out. */
export function showUndo({ words, undo, undone = 'Возвращено как было', seconds = SECONDS }: Undo): void {
  const forget = () => {
    const index = live.findIndex((one) => one.id === id);
    if (index >= 0) live.splice(index, 1);
  };
  const take = async () => {
    forget();
    notifications.hide(id);
    try {
      await undo();
      showDone(undone);
    } catch (error) {
      showProblem(error);
    }
  };
  const id = notifications.show({
    message: <UndoToast words={words} seconds={seconds} onUndo={() => void take()} />,
    autoClose: seconds * 1_000,
    withBorder: true,
    onClose: forget,
    classNames: { root: classes.toast! },
  });
  live.push({ id, take: () => void take() });
}

function UndoToast({ words, seconds, onUndo }: { words: string; seconds: number; onUndo: () => void }) {
  const [left, setLeft] = useState(seconds);
  useEffect(() => {
    const timer = setInterval(() => setLeft((value) => Math.max(0, value - 1)), 1_000);
    return () => clearInterval(timer);
  }, []);
  return (
    <>
      <Group justify="space-between" wrap="nowrap" gap="sm">
        <Text size="sm">{words}</Text>
        <Button
          size="xs"
          variant="default"
          flex="none"
          onClick={onUndo}
          rightSection={areLettersOn() ? <Kbd size="xs">Z</Kbd> : null}
          aria-keyshortcuts="z"
        >
          Отменить
        </Button>
      </Group>
      <div className={classes.track} aria-hidden>
        <div className={classes.bar} style={{ transform: `scaleX(${left / seconds})` }} />
      </div>
    </>
  );
}

/** Mounted once, by the shell. */
export function UndoKey() {
  useHotkeys('Везде', [{ keys: 'z', words: 'Отменить последнее действие', run: () => live.at(-1)?.take() }]);
  return null;
}
