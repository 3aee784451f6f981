import { Button, Group, Modal, Stack, Table, Text } from '@mantine/core';
import type { ListingCard } from '../../../contracts/listing.ts';
import classes from './card.module.css';
import { type Draft, differences, disputed } from './draft.ts';
import { toldValue } from './told.ts';

interface ConflictProps {
  /** null: closed. */
  readonly after: ListingCard | null;
  readonly before: ListingCard;
  readonly draft: Draft;
  readonly isSaving: boolean;
  /** Save what I typed over it. */
  readonly onMine: () => void;
  /** Take theirs where both were changed, and keep the rest of mine. */
  readonly onTheirs: (fields: readonly string[]) => void;
  readonly onClose: () => void;
}

/** Somebody changed the listing meanwhile: what exactly, and what now. */
export function Conflict({ after, before, draft, isSaving, onMine, onTheirs, onClose }: ConflictProps) {
  const changed = after ? differences(before, after) : [];
  const both = after ? disputed(before, after, draft) : [];
  return (
    <Modal opened={after !== null} onClose={onClose} size="lg" title="Объект изменился, пока вы правили">
      <Stack gap="md">
        <Table.ScrollContainer minWidth={420}>
          <Table aria-label="Что изменилось">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Поле</Table.Th>
                <Table.Th>Было</Table.Th>
                <Table.Th>Стало</Table.Th>
                <Table.Th>У вас</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {changed.map(([was, is]) => (
                <Table.Tr key={is.field}>
                  <Table.Th scope="row">{is.label}</Table.Th>
                  <Table.Td>{toldValue(was, was.value)}</Table.Td>
                  <Table.Td>{toldValue(is, is.value)}</Table.Td>
                  <Table.Td className={classes.mine!}>
                    {draft.values.has(is.field) ? toldValue(is, draft.values.get(is.field)) : '–'}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
        <Text size="sm">Одни и те же поля изменили и вы, и другие: решите, чьё останется.</Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Посмотреть ещё
          </Button>
          <Button variant="default" onClick={() => onTheirs(both)}>
            Взять их значения
          </Button>
          <Button loading={isSaving} onClick={onMine} data-autofocus>
            Сохранить мои поверх
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
