import { Modal, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconArrowRight, IconKeyboard, IconSearch, type TablerIcon } from '@tabler/icons-react';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useId, useState } from 'react';
import { useHotkeys } from './hotkeys.ts';
import classes from './palette.module.css';
import { FINDERS } from './palette-finders.ts';
import { Keys } from './parts/keys.tsx';
import type { RailEntry } from './rail.ts';
import { useSession } from './session.ts';

/** Something to choose in the palette. */
export interface Choice {
  readonly id: string;
  readonly words: string;
  /** A second line: the address, the person. */
  readonly more?: string;
  readonly icon?: TablerIcon;
  readonly keys?: string;
  /** Where it leads, or what it does. */
  readonly href?: string;
  readonly run?: () => void;
}

interface PaletteProps {
  readonly opened: boolean;
  readonly onClose: () => void;
  readonly rail: readonly RailEntry[];
  readonly onHelp: () => void;
}

/** Ctrl K: go anywhere, find anything. */
export function Palette({ opened, onClose, ...rest }: PaletteProps) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      withCloseButton={false}
      padding={0}
      size={600}
      yOffset="12vh"
      attributes={{ content: { 'aria-label': 'Найти или перейти' } }}
    >
      {opened && <Body onClose={onClose} {...rest} />}
    </Modal>
  );
}

function Body({ onClose, rail, onHelp }: Omit<PaletteProps, 'opened'>) {
  const [text, setText] = useState('');
  const [picked, setPicked] = useState(0);
  const navigate = useNavigate();
  const session = useSession();
  const listId = useId();
  const wanted = text.trim();
  const [settled] = useDebouncedValue(wanted, 200);
  const found = useQuery({
    queryKey: ['palette', settled],
    queryFn: async ({ signal }) =>
      (await Promise.all(FINDERS.map((find) => find(settled, session, signal)))).flat() satisfies readonly Choice[],
    enabled: settled.length > 1 && FINDERS.length > 0,
    placeholderData: keepPreviousData,
  });
  useHotkeys('Окно', [{ keys: 'mod+k', words: 'Закрыть', inDialog: true, inField: true, run: onClose }]);

  const places: Choice[] = [
    ...rail.map(({ to, words, icon, keys }) => ({ id: to, words, icon, href: to, ...(keys && { keys }) })),
    { id: '/profile', words: 'Профиль и вход', href: '/profile' },
    { id: 'keys', words: 'Клавиши', icon: IconKeyboard, keys: '?', run: onHelp },
  ];
  const choices: Choice[] = [
    ...places.filter(({ words }) => words.toLowerCase().includes(wanted.toLowerCase())),
    ...(wanted.length > 1 ? (found.data ?? []) : []),
  ];
  const index = Math.min(picked, Math.max(0, choices.length - 1));
  const choose = (choice: Choice | undefined) => {
    if (!choice) return;
    onClose();
    if (choice.run) choice.run();
    else if (choice.href) void navigate({ href: choice.href });
  };

  return (
    <>
      <TextInput
        size="md"
        variant="unstyled"
        className={classes.input!}
        leftSection={<IconSearch size={18} aria-hidden />}
        placeholder={FINDERS.length > 0 ? 'Раздел, адрес, номер объекта' : 'Раздел'}
        aria-label="Найти или перейти"
        role="combobox"
        aria-expanded
        aria-controls={listId}
        aria-activedescendant={choices[index] ? `${listId}-${index}` : undefined}
        autoComplete="off"
        data-autofocus
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setPicked(0);
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter') choose(choices[index]);
          else if (event.key === 'ArrowDown') setPicked((index + 1) % Math.max(1, choices.length));
          else if (event.key === 'ArrowUp') setPicked((index - 1 + choices.length) % Math.max(1, choices.length));
          else return;
          event.preventDefault();
        }}
      />
      <div className={classes.list} id={listId} role="listbox" aria-label="Найденное">
        {choices.map((choice, order) => {
          const Icon = choice.icon ?? IconArrowRight;
          return (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the field above
            <div
              key={choice.id}
              id={`${listId}-${order}`}
              role="option"
              tabIndex={-1}
              aria-selected={order === index}
              className={classes.choice}
              ref={(element) => {
                if (order === index) element?.scrollIntoView({ block: 'nearest' });
              }}
              onMouseMove={() => setPicked(order)}
              onClick={() => choose(choice)}
            >
              <Icon size={17} stroke={1.7} aria-hidden />
              <span className={classes.words}>
                {choice.words}
                {choice.more && <span className={classes.more}>{choice.more}</span>}
              </span>
              {choice.keys && <Keys keys={choice.keys} />}
            </div>
          );
        })}
      </div>
      {choices.length === 0 && (
        <p className={classes.none} role="status">
          {found.isFetching ? 'Ищем.' : `По запросу «${wanted}» ничего нет.`}
        </p>
      )}
    </>
  );
}
