import { Alert, Anchor, List, Stack, Table, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import type { Effect } from '../../../contracts/settings.ts';
import { confirm } from '../../parts/confirm.tsx';
import { counted, formatNumber, roubles } from '../../words.ts';

/** What a change would do, told before it is saved. */

const marks = (count: number) => counted(count, 'отметку', 'отметки', 'отметок');

const isNothing = ({ isFelt, moved, aheadBeforeKopecks, aheadAfterKopecks }: Effect) =>
  !isFelt || (moved === 0 && aheadBeforeKopecks === aheadAfterKopecks);

interface Trial {
  readonly title: string;
  readonly rehearse: () => Promise<Effect>;
  readonly action?: string;
}

/**
 * Tries a change; asks only where something on the boards would be otherwise.
 * @returns null: the person thought better of it; else what is to be said besides «сохранено»
 */
export async function agreed({ title, rehearse, action = 'Сохранить' }: Trial): Promise<string | null> {
  const effect = await rehearse();
  if (!effect.isFelt) return '';
  if (isNothing(effect)) return ' На досках сейчас ничего не изменится.';
  return (await confirm({ title, action, words: <EffectTold effect={effect} /> })) ? '' : null;
}

/** The cabinets that are touched, the first of the marks, and the money. */
export function EffectTold({ effect }: { effect: Effect }) {
  const { cabinets, moved, examples, aheadBeforeKopecks, aheadAfterKopecks } = effect;
  const held = cabinets.reduce((sum, one) => sum + one.held, 0);
  const touched = cabinets.filter(({ leave, held: kept, come, otherwise }) => leave + kept + come + otherwise > 0);
  return (
    <Stack gap="sm">
      <Text size="sm" fw={600}>
        {moved === 0 ? 'На досках ничего не изменится.' : `Заденет ${marks(moved)}.`}
      </Text>
      {touched.length > 0 && (
        <Table aria-label="Что изменится по кабинетам" withTableBorder>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Кабинет</Table.Th>
              <Table.Th ta="end">Уйдут</Table.Th>
              <Table.Th ta="end">Выйдут</Table.Th>
              <Table.Th ta="end">Удержит тормоз</Table.Th>
              <Table.Th ta="end">Другая причина</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {touched.map((one) => (
              <Table.Tr key={one.id}>
                <Table.Th scope="row" fw={400}>
                  {one.name}
                </Table.Th>
                {[one.leave, one.come, one.held, one.otherwise].map((count, index) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: the columns never move
                  <Table.Td key={index} ta="end">
                    {count === 0 ? '–' : formatNumber(count)}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      {held > 0 && (
        <Alert color="money" variant="light" icon={<IconAlertTriangle size={18} />}>
          Тормоз оставит {counted(held, 'объект', 'объекта', 'объектов')} в фидах, пока вы не согласитесь с потерей в
          разделе «Фиды».
        </Alert>
      )}
      {aheadBeforeKopecks !== aheadAfterKopecks && (
        <Text size="sm">
          Размещение за 30 дней: {roubles(aheadAfterKopecks)} вместо {roubles(aheadBeforeKopecks)}.
        </Text>
      )}
      {examples.length > 0 && (
        <details>
          <Text component="summary" size="sm" style={{ cursor: 'pointer' }}>
            {examples.length < moved ? `Первые ${formatNumber(examples.length)}` : 'Какие именно'}
          </Text>
          <List size="sm" mt={6} spacing={4}>
            {examples.map((one) => (
              <List.Item key={`${one.cabinet} ${one.listingId}`}>
                <Anchor component={Link} to={`/listings/${one.listingId}`} size="sm" underline="always">
                  {one.externalId}
                </Anchor>
                , {one.cabinet}: {one.from} → {one.to}
                {one.reason && <Text size="xs">{one.reason}</Text>}
              </List.Item>
            ))}
          </List>
        </details>
      )}
    </Stack>
  );
}

/** «Сохранено 3 изменения.» */
export const savedWords = (count: number): string =>
  `Сохранено ${counted(count, 'изменение', 'изменения', 'изменений')}.`;
