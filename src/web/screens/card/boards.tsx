import { Accordion, Alert, Button, Group, List, Skeleton, Text } from '@mantine/core';
import { IconArrowRight, IconCode } from '@tabler/icons-react';
import { keepPreviousData, type UseQueryResult, useQueries } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import type { BoardStanding, ListingCheck, ListingGates } from '../../../contracts/listing.ts';
import { api } from '../../api.ts';
import { GateLadder } from '../../parts/gate-ladder.tsx';
import { noticeCount } from '../../parts/notices.tsx';
import { OutcomeChip } from '../../parts/outcome-chip.tsx';
import { Empty, Loaded } from '../../parts/states.tsx';
import { queryClient, refresh } from '../../query.ts';
import { day, moment, money } from '../../words.ts';
import classes from './card.module.css';

/**
 * Apart from what every event about listings asks anew: these answers cost something, and hang on this listing, whose
 * version is in their keys, and on runs, which are not so frequent.
 */
const gatesKey = (listingId: number) => ['gates', String(listingId)] as const;
export const checkKey = (listingId: number) => ['check', String(listingId)] as const;
export const ASK_AGAIN_MS = 60_000;

/** After a deed: everything about the listing is asked for again. */
export async function refreshCard(listingId: number): Promise<void> {
  await Promise.all([
    refresh(`/listings/${listingId}`),
    queryClient.invalidateQueries({ queryKey: gatesKey(listingId) }),
    queryClient.invalidateQueries({ queryKey: checkKey(listingId) }),
  ]);
}

/** One board's answer, and whether it has come. */
export type Told = UseQueryResult<BoardStanding | undefined, Error>;

/**
 * What every board says, asked one by one: where many marks compete for few places an answer takes a while, and the
 * others need not wait for it.
 */
export function useBoards(
  listingId: number,
  cabinetIds: readonly number[],
  etag: string | null,
): ReadonlyMap<number, Told> {
  const queries = useQueries({
    queries: cabinetIds.map((cabinet) => ({
      queryKey: [...gatesKey(listingId), cabinet, etag],
      queryFn: async ({ signal }: { signal: AbortSignal }) =>
        (await api.get<ListingGates>(`/listings/${listingId}/gates`, { cabinet }, signal)).data[0],
      placeholderData: keepPreviousData,
      refetchInterval: ASK_AGAIN_MS,
    })),
  });
  return new Map(cabinetIds.map((id, at) => [id, queries[at]!]));
}

interface BoardsProps {
  /** Which boards there are; what would be said of what is typed. */
  readonly check: ListingCheck;
  readonly isDirty: boolean;
  readonly told: ReadonlyMap<number, Told>;
  /** The board whose ladder is open from the start. */
  readonly wanted: string | null;
  readonly onPreview: (board: BoardStanding) => void;
  /** Buttons of one board: mark, term, pause. */
  readonly deedsOf: (board: BoardStanding) => ReactNode;
}

/** Every board with the ladder, the cost, and what is there now. */
export function Boards({ check, isDirty, told, wanted, onPreview, deedsOf }: BoardsProps) {
  const [open, setOpen] = useState<string[]>(() => {
    const first = check.boards.find(({ board, isMarked, firstClosed }) =>
      wanted === null ? isMarked && firstClosed !== null : board === wanted,
    );
    return first ? [String(first.cabinetId)] : [];
  });
  if (check.boards.length === 0)
    return <Empty title="Досок пока нет" words="Администратор заводит кабинет доски в настройках." />;
  return (
    <Accordion multiple value={open} onChange={setOpen} chevronPosition="left" classNames={{ item: classes.board! }}>
      {check.boards.map((would) => {
        const query = told.get(would.cabinetId);
        const board = query?.data;
        return (
          <Accordion.Item key={would.cabinetId} value={String(would.cabinetId)}>
            <Accordion.Control>
              <div className={classes.boardHead}>
                <span className={classes.boardName}>{nameOf(would, board, check)}</span>
                {board ? (
                  <OutcomeChip outcome={board.outcome} label={board.label} isEditWaiting={board.isEditWaiting} />
                ) : (
                  <Skeleton height={22} width={110} radius="xl" />
                )}
              </div>
              {board && isDirty && <After board={board} would={would} />}
            </Accordion.Control>
            <Accordion.Panel>
              {query && (
                <Loaded query={query} longWords="Считаем очередь и деньги этой доски.">
                  {(one) => one && <BoardBody board={one} onPreview={onPreview} deeds={deedsOf(one)} />}
                </Loaded>
              )}
            </Accordion.Panel>
          </Accordion.Item>
        );
      })}
    </Accordion>
  );
}

interface BoardBodyProps {
  readonly board: BoardStanding;
  readonly onPreview: (board: BoardStanding) => void;
  readonly deeds: ReactNode;
}

function BoardBody({ board, onPreview, deeds }: BoardBodyProps) {
  return (
    <>
      <Facts board={board} />
      <GateLadder gates={board.gates} />
      {board.remarks.map((remark) => (
        <Text key={remark} size="sm" c="dimmed" mt={4}>
          {remark}
        </Text>
      ))}
      <Group gap={6} mt="sm">
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<IconCode size={15} aria-hidden />}
          aria-label={`Что уйдёт: XML, ${board.boardName}`}
          onClick={() => onPreview(board)}
        >
          Что уйдёт: XML
        </Button>
        {deeds}
      </Group>
    </>
  );
}

type Would = ListingCheck['boards'][number];

/** The board, and the cabinet's name where the agency has several there. */
const nameOf = (would: Would, board: BoardStanding | undefined, { boards }: ListingCheck): string =>
  board && boards.some((other) => other.board === would.board && other.cabinetId !== would.cabinetId)
    ? `${would.boardName}, ${board.cabinetName}`
    : would.boardName;

function Facts({ board }: { board: BoardStanding }) {
  const { startsOn, endsOn, cost, since, isHeld, boardOfferId, notices } = board;
  const count = noticeCount(notices);
  const facts = [
    since && `Так с ${moment(since)}`,
    board.isEditWaiting && 'На доске прежняя одобренная версия: новая выйдет после проверки',
    isHeld && 'Держит тормоз фида',
    startsOn && `Размещение с ${day(startsOn)}`,
    endsOn && `Размещение по ${day(endsOn)}`,
    cost?.text,
    count && `Замечания: ${count}`,
    boardOfferId && `Номер на доске: ${boardOfferId}`,
  ].filter((fact): fact is string => typeof fact === 'string' && fact !== '');
  if (facts.length === 0) return null;
  return (
    <List size="sm" mb="sm" spacing={2} listStyleType="none">
      {facts.map((fact) => (
        <List.Item key={fact}>{fact}</List.Item>
      ))}
    </List>
  );
}

/** What saving would change in the answer. */
function After({ board, would }: { board: BoardStanding; would: Would }) {
  if (!board.isMarked) return null;
  const is = board.gates.find(({ state }) => state === 'closed');
  const isOwn = is === undefined || !['duplicate', 'place', 'edition'].includes(is.gate);
  const same = (is?.closing?.reason ?? null) === (would.firstClosed?.closing?.reason ?? null);
  if (same || (would.firstClosed === null && !isOwn)) return null;
  return (
    <Text size="xs" className={classes.after!} data-good={would.firstClosed === null || undefined}>
      <IconArrowRight size={13} aria-hidden /> После сохранения:{' '}
      {would.firstClosed?.closing?.reason ?? 'содержание доску устраивает'}
    </Text>
  );
}

/** Money that the listing costs today, all boards together; null: nothing, or nobody knows yet. */
export function dayCost(told: ReadonlyMap<number, Told>): string | null {
  const kopecks = [...told.values()].reduce((sum, { data }) => {
    const isPaid = data?.isMarked === true && data.outcome === 'published';
    return sum + (isPaid ? (data.cost?.kopecks ?? 0) : 0);
  }, 0);
  return kopecks === 0 ? null : money(kopecks);
}

/** Nothing goes out while nobody may advertise it. */
export function ForbiddenNote({ reason }: { reason: string | null }) {
  return reason === null ? null : (
    <Alert color="error" variant="light" title="Рекламировать запрещено">
      {reason}
    </Alert>
  );
}
