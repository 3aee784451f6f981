import { Select, Table, Text } from '@mantine/core';
import { IconLock } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import type { RightChange, Rights as RightsAnswer } from '../../../contracts/people.ts';
import type { Role } from '../../../contracts/words.ts';
import { api } from '../../api.ts';
import { Page, Sheet } from '../../parts/page.tsx';
import { Loaded } from '../../parts/states.tsx';
import { showUndo } from '../../parts/undo.tsx';
import { queryClient, useApi } from '../../query.ts';
import { counted } from '../../words.ts';

const save = (change: RightChange) => api.send<RightsAnswer>('PUT', '/rights', change);
const show = (answer: RightsAnswer) => queryClient.setQueryData(['rights'], answer);

/** Which role may do what: the agency's own table over the usual one. */
export default function Rights() {
  const query = useApi<RightsAnswer>('/rights');
  return (
    <Page
      title="Права ролей"
      back={{ to: '/settings', words: 'К настройкам' }}
      words="С какой роли действие доступно; старшие роли могут то же. Где именно — решают права каждого сотрудника: своё, отдел, филиал или всё агентство."
    >
      <Loaded query={query}>{(answer) => <Tables answer={answer} />}</Loaded>
    </Page>
  );
}

function Tables({ answer: { roles, groups, may } }: { answer: RightsAnswer }) {
  const change = useMutation({
    mutationFn: ({ deed, least }: RightChange & { was: RightChange['least']; label: string }) => save({ deed, least }),
    onSuccess: (answer, { deed, was, label }) => {
      show(answer);
      showUndo({
        words: `Изменено: ${label}`,
        undo: async () => show(await save({ deed, least: was })),
      });
    },
  });
  const labelOf = (role: Role) => roles.find((one) => one.role === role)!.label;
  const orMore = (role: Role) => (role === 'admin' ? labelOf(role) : `${labelOf(role)} и старше`);
  return groups.map(({ title, deeds }) => (
    <Sheet key={title} title={title}>
      <Table.ScrollContainer minWidth={560}>
        <Table aria-label={title}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Действие</Table.Th>
              <Table.Th w={340}>Кто может</Table.Th>
              <Table.Th w={160} ta="end">
                Сейчас могут
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {deeds.map(({ deed, label, least, usual, isFixed, people }) => (
              <Table.Tr key={deed}>
                <Table.Th scope="row" fw={400}>
                  {label}
                </Table.Th>
                <Table.Td>
                  {isFixed || !may.change ? (
                    <Text size="sm" c={isFixed ? 'dimmed' : undefined}>
                      {isFixed && <IconLock size={14} aria-hidden />} {orMore(least)}
                      {isFixed && <span className="heard">, не меняется</span>}
                    </Text>
                  ) : (
                    <Select
                      aria-label={`Кто может: ${label}`}
                      size="xs"
                      allowDeselect={false}
                      disabled={change.isPending}
                      value={least}
                      onChange={(next) => {
                        if (next !== null && next !== least)
                          change.mutate({ deed, least: next as Role, was: least, label });
                      }}
                      data={roles.map(({ role }) => ({
                        value: role,
                        label: role === usual ? `${orMore(role)} (обычно)` : orMore(role),
                      }))}
                    />
                  )}
                </Table.Td>
                <Table.Td ta="end">{counted(people, 'человек', 'человека', 'человек')}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Sheet>
  ));
}
