import { Kbd, Modal, SimpleGrid, Switch, Text } from '@mantine/core';
import { caps, switchLetters, useHotkeys, useKeysInForce } from './hotkeys.ts';
import classes from './keys-help.module.css';

/** «?»: the keys in force here and now. */
export function KeysHelp({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Клавиши" size="lg">
      {opened && <Body onClose={onClose} />}
    </Modal>
  );
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
                {keys.map((one) => (
                  <div key={one.keys} className={classes.row}>
                    <dt>{one.words}</dt>
                    <dd>
                      {caps(one.keys).map((cap) => (
                        <Kbd key={cap} size="xs">
                          {cap}
                        </Kbd>
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
