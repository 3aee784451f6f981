import { Anchor, Badge, Button, Group, Modal, Select, Stack, Table, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useDisclosure } from '@mantine/hooks';
import { IconPlus } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import type { BoardLine, BoardsAnswer, CabinetLine, NewCabinetBody } from '../../../contracts/settings.ts';
import { api } from '../../api.ts';
import { SearchInput } from '../../parts/fields.tsx';
import { Page, Sheet } from '../../parts/page.tsx';
import { ProblemAlert, setFieldErrors, showDone } from '../../parts/problem.tsx';
import { Empty, Loaded } from '../../parts/states.tsx';
import { refresh, useApi } from '../../query.ts';
import { oneOf, useAddress } from '../../router.tsx';
import { counted, day, formatNumber } from '../../words.ts';
import classes from './settings.module.css';

const rules = (count: number) => counted(count, 'требование', 'требования', 'требований');

/** Boards we know, with the agency's cabinets. */
export default function Boards() {
  const query = useApi<BoardsAnswer>('/settings/boards');
  const [{ q }, change] = useAddress((raw) => ({ q: oneOf(raw.q) ?? '' }));
  const [isOpen, dialog] = useDisclosure();
  return (
    <Page
      title="Доски и кабинеты"
      back={{ to: '/settings', words: 'К настройкам' }}
      words="Кабинет — место агентства на доске: свой фид, свои цены, свой пакет."
      actions={
        <>
          <SearchInput label="Найти доску" value={q} onChange={(next) => change({ q: next }, { replace: true })} />
          {query.data?.may.cabinets && (
            <Button leftSection={<IconPlus size={16} />} onClick={dialog.open}>
              Кабинет
            </Button>
          )}
        </>
      }
    >
      <Loaded query={query}>
        {(answer) => {
          const found = answer.data.filter(({ name, id }) => `${name} ${id}`.toLowerCase().includes(q.toLowerCase()));
          const used = found.filter(({ cabinets }) => cabinets.length > 0);
          const others = found.filter(({ cabinets }) => cabinets.length === 0);
          return (
            <>
              {found.length === 0 && (
                <Empty
                  kind="filter"
                  title="Такой доски нет"
                  words={`По слову «${q}» ничего не нашлось.`}
                  action={{ words: 'Сбросить', onClick: () => change({ q: undefined }, { replace: true }) }}
                />
              )}
              {used.length > 0 && <Used boards={used} />}
              {others.length > 0 && <Others boards={others} isFirst={used.length === 0} />}
              <Modal opened={isOpen} onClose={dialog.close} title="Новый кабинет">
                <NewCabinet answer={answer} onDone={dialog.close} />
              </Modal>
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}

/** Every cabinet there is, board by board. */
function Used({ boards }: { boards: readonly BoardLine[] }) {
  return (
    <Sheet>
      <div className={classes.scroll}>
        <Table aria-label="Кабинеты" miw={960} verticalSpacing="sm">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Кабинет</Table.Th>
              <Table.Th>Требования</Table.Th>
              <Table.Th ta="end">Отмечены</Table.Th>
              <Table.Th ta="end">В фиде</Table.Th>
              <Table.Th>Цена</Table.Th>
              <Table.Th>Пакет</Table.Th>
              <Table.Th>Модерация</Table.Th>
              <Table.Th>Часы</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {boards.flatMap((board) =>
              board.cabinets.map((cabinet) => <CabinetRow key={cabinet.id} board={board} cabinet={cabinet} />),
            )}
          </Table.Tbody>
        </Table>
      </div>
    </Sheet>
  );
}

function CabinetRow({ board, cabinet }: { board: BoardLine; cabinet: CabinetLine }) {
  const { id, title, branch, marks, published, price, package: pack, moderation, hours } = cabinet;
  return (
    <Table.Tr>
      <Table.Th scope="row">
        <Anchor component={Link} to={`/settings/cabinets/${id}`} size="sm">
          {title}
        </Anchor>
        {branch && (
          <Text size="xs" c="dimmed" fw={400}>
            филиал «{branch.name}»
          </Text>
        )}
      </Table.Th>
      <Table.Td>
        <Anchor
          component={Link}
          to={`/settings/boards/${board.id}`}
          size="sm"
          aria-label={`${formatNumber(board.rules)}: требования, ${board.name}`}
        >
          {formatNumber(board.rules)}
        </Anchor>
        <Text size="xs" c="dimmed">
          сверено {day(board.checkedOn)}
        </Text>
      </Table.Td>
      <Table.Td ta="end">{formatNumber(marks)}</Table.Td>
      <Table.Td ta="end">{formatNumber(published)}</Table.Td>
      <Table.Td>
        <Anchor component={Link} to="/settings/tariffs" search={{ cabinet: id } as never} size="sm">
          {price}
        </Anchor>
      </Table.Td>
      <Table.Td>
        <Anchor component={Link} to="/settings/packages" search={{ cabinet: id } as never} size="sm">
          {pack}
        </Anchor>
      </Table.Td>
      <Table.Td>{moderation}</Table.Td>
      <Table.Td>{hours}</Table.Td>
    </Table.Tr>
  );
}

function Others({ boards, isFirst }: { boards: readonly BoardLine[]; isFirst: boolean }) {
  return (
    <Sheet title={isFirst ? 'Доски' : 'Ещё умеем'}>
      <ul className={classes.links}>
        {boards.map(({ id, name, rules: count, status, families }) => (
          <li key={id}>
            <Link to="/settings/boards/$board" params={{ board: id }} className={classes.link!}>
              <span className={classes.words}>
                <Text component="span" display="block" fw={600} size="sm">
                  {name}{' '}
                  {families.map((family) => (
                    <Badge
                      key={family}
                      variant="light"
                      color="gray"
                      c="var(--mantine-color-text)"
                      size="sm"
                      mr={4}
                      tt="none"
                    >
                      {FAMILIES[family]}
                    </Badge>
                  ))}
                </Text>
                <Text component="span" display="block" size="sm" c="dimmed">
                  {rules(count)}. {status}
                </Text>
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </Sheet>
  );
}

/** Formats by the boards they come from. */
export const FAMILIES = { avito: 'формат Авито', cian: 'формат Циана', yandex: 'формат Яндекса' } as const;

const SLUG = /^[a-z0-9-]{1,40}$/;

function NewCabinet({ answer, onDone }: { answer: BoardsAnswer; onDone: () => void }) {
  const navigate = useNavigate();
  const first = answer.data.find(({ cabinets }) => cabinets.length === 0) ?? answer.data[0]!;
  const form = useForm({
    initialValues: { board: first.id, slug: 'main', name: '', family: '', branch: '' },
    validate: {
      slug: (value) => (SLUG.test(value) ? null : 'Латинские буквы, цифры и дефис: это часть адреса фида.'),
    },
  });
  const board = answer.data.find(({ id }) => id === form.values.board)!;
  const make = useMutation({
    meta: { isTold: true },
    mutationFn: ({ slug, name, family, branch }: typeof form.values) =>
      api.send<CabinetLine>('POST', '/cabinets', {
        board: board.id,
        slug,
        ...(name.trim() !== '' && { name }),
        ...(family !== '' && { family: family as NewCabinetBody['family'] }),
        ...(branch !== '' && { branchId: Number(branch) }),
      } satisfies NewCabinetBody),
    onError: (error) => setFieldErrors(form, error),
    onSuccess: async (cabinet) => {
      await refresh('/settings/boards', '/boards');
      showDone(`Кабинет заведён: ${cabinet.title}`);
      onDone();
      void navigate({ to: `/settings/cabinets/${cabinet.id}` });
    },
  });
  return (
    <form onSubmit={form.onSubmit((values) => make.mutate(values))}>
      <Stack gap="sm">
        <ProblemAlert error={make.error} />
        <Select
          label="Доска"
          searchable
          allowDeselect={false}
          data={answer.data.map(({ id, name }) => ({ value: id, label: name }))}
          {...form.getInputProps('board')}
        />
        <TextInput
          label="Имя для адреса фида"
          description="Латиницей; потом не меняется. Обычно main, второй кабинет доски — например, centr"
          required
          {...form.getInputProps('slug')}
        />
        <TextInput
          label="Название"
          description="Как кабинет называют люди; пусто — как доску"
          maxLength={200}
          {...form.getInputProps('name')}
        />
        {board.families.length > 1 && (
          <Select
            label="Формат фида"
            description="Доска берёт несколько; если не знаете, оставьте обычный"
            data={[
              { value: '', label: `Обычный: ${FAMILIES[board.family]}` },
              ...board.families.map((family) => ({ value: family, label: FAMILIES[family] })),
            ]}
            allowDeselect={false}
            {...form.getInputProps('family')}
          />
        )}
        {answer.branches.length > 0 && (
          <Select
            label="Филиал"
            description="По его времени считаются дни и сроки"
            allowDeselect={false}
            data={[
              { value: '', label: 'Всё агентство' },
              ...answer.branches.map(({ id, name }) => ({ value: String(id), label: name })),
            ]}
            {...form.getInputProps('branch')}
          />
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onDone}>
            Отмена
          </Button>
          <Button type="submit" loading={make.isPending}>
            Завести
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
