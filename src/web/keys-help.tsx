import { Kbd, Modal, SimpleGrid, Switch, Text } from '@mantine/core';
import { Fragment } from 'react';
import { caps, type Hotkey, switchLetters, useHotkeys, useKeysInForce } from './hotkeys.ts';
import classes from './keys-help.module.css';

/** «?»: the keys in force here and now. */
export function KeysHelp({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Клавиши" size="lg">
      {opened && <Body onClose={onClose} />}
    </Modal>
  );
}

/** `j` and `↓` do the same: one line. */
function byWords(keys: readonly Hotkey[]): [words: string, ways: string[]][] {
  const found = new Map<string, string[]>();
  for (const one of keys) found.set(one.words, [...(found.get(one.words) ?? []), one.keys]);
  return [...found];
}

function Body({ onClose }: { onClose: () => void }) {
  const { groups, areLettersOn } = useKeysInForce();
  useHotkeys('Окно', [{ keys: '?', words: 'Закрыть', inDialog: true, run: onClose }]);
  return (
    <>
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="xl">
        {groups
          .filter(({ name, keys }) => name !== 'Окно' && keys.length > 0)
          .map(({ name, keys }) => (
            <section key={name}>
              <Text component="h3" size="sm" fw={600} mb={6}>
                {name}
              </Text>
              <dl className={classes.list}>
                {byWords(keys).map(([words, ways]) => (
                  <div key={words} className={classes.row}>
                    <dt>{words}</dt>
                    <dd>
                      {ways.map((way, index) => (
                        <Fragment key={way}>
                          {index > 0 && <span className={classes.or}>или</span>}
                          {caps(way).map((cap) => (
                            <Kbd key={cap} size="xs">
                              {cap}
                            </Kbd>
                          ))}
                        </Fragment>
                      ))}
                    </dd>
                  </div>
                ))}
              </dl>
            </section>
          ))}
      </SimpleGrid>
      <Switch
        mt="lg"
        label="Клавиши из одной буквы"
        description="Работают и в русской раскладке; в полях ввода не действуют"
        checked={areLettersOn}
        onChange={(event) => switchLetters(event.currentTarget.checked)}
      />
    </>
  );
}
