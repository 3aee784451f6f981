import { Alert, Anchor, Button, Divider, Group, List, Loader, Stack, Text } from '@mantine/core';
import { IconAlertTriangle, IconArrowRight, IconClock, IconHelp, IconLock, IconSquare } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { BoardColumn, Cell, DryRunAnswer, ListingRow } from '../../../contracts/listings.ts';
import { api } from '../../api.ts';
import { Chip } from '../../parts/chip.tsx';
import { OUTCOME_LOOKS } from '../../parts/outcome-chip.tsx';
import { ProblemAlert } from '../../parts/problem.tsx';
import { day, moment, money } from '../../words.ts';
import classes from './listings.module.css';

/** One listing on one board: the cell, and what is told and done about it. */

/** The sign and the tone of a cell: never colour alone. */
function looksOf(cell: Cell) {
  if (!cell.isMarked) return { icon: IconSquare, tone: 'neutral' as const };
  if (cell.outcome === null) return { icon: IconHelp, tone: 'waiting' as const };
  if (cell.isHeld) return { icon: IconLock, tone: 'money' as const };
  if (cell.isEditWaiting) return { icon: IconAlertTriangle, tone: 'ok' as const };
  // Nothing is in the way, and the board will get it with the next run.
  if (cell.outcome === 'published' && cell.words !== cell.label) return { icon: IconClock, tone: 'waiting' as const };
  return OUTCOME_LOOKS[cell.outcome];
}

export function CellChip({ cell }: { cell: Cell }) {
  const { icon, tone } = looksOf(cell);
  return <Chip tone={tone} icon={icon} words={cell.words} isQuiet={!cell.isMarked} />;
}

interface CellButtonProps {
  readonly row: ListingRow;
  readonly cell: Cell;
  readonly board: BoardColumn;
  /** On a phone the chip carries the board's name, its sign and number tell the rest. */
  readonly withBoard?: boolean;
  readonly isOpen: boolean;
  readonly onOpen: (anchor: HTMLElement) => void;
}

export function CellButton({ row, cell, board, withBoard = false, isOpen, onOpen }: CellButtonProps) {
  const { icon, tone } = looksOf(cell);
  // What is seen stands in the name as it is seen.
  const seen = withBoard && cell.detail ? `${board.title} ${cell.detail}` : board.title;
  return (
    <button
      type="button"
      className={classes.cell}
      data-cell={`${row.id}-${cell.cabinetId}`}
      aria-haspopup="dialog"
      aria-expanded={isOpen}
      aria-label={`${seen}: ${cell.words}. Объект ${row.id}, открыть`}
      title={cell.reason ?? undefined}
      onClick={(event) => onOpen(event.currentTarget)}
    >
      {withBoard ? (
        <Chip
          tone={tone}
          icon={icon}
          words={board.title}
          isQuiet={!cell.isMarked}
          {...(cell.detail && { detail: cell.detail })}
        />
      ) : (
        <CellChip cell={cell} />
      )}
    </button>
  );
}

interface CellTellsProps {
  readonly row: ListingRow;
  readonly cell: Cell;
  readonly board: BoardColumn;
  readonly onMark: (isMarked: boolean) => void;
  readonly isBusy: boolean;
}

/** Why it is or is not there, who puts it right, and the mark with its price before anything is spent. */
export function CellTells({ row, cell, board, onMark, isBusy }: CellTellsProps) {
  const action = cell.isMarked ? 'unmark' : 'mark';
  const dry = useQuery({
    queryKey: ['marks', 'dry-run', row.id, cell.cabinetId, action],
    queryFn: ({ signal }) =>
      api.send<DryRunAnswer>(
        'POST',
        '/marks/dry-run',
        { selection: { ids: [row.id] }, cabinets: [cell.cabinetId], action },
        { signal },
      ),
    enabled: row.may.marks && !(action === 'mark' && row.isForbidden),
    staleTime: 0,
    gcTime: 0,
  });
  return (
    <Stack gap="xs">
      <Group gap="xs" wrap="nowrap">
        <Text fw={600} size="sm">
          {board.title}
        </Text>
        <CellChip cell={cell} />
      </Group>
      <Why cell={cell} row={row} board={board} />
      <Facts cell={cell} />
      <Divider />
      {row.may.marks ? (
        <>
          {action === 'mark' && row.isForbidden ? (
            <Text size="sm">Рекламировать этот объект запрещено, отметить нельзя.</Text>
          ) : (
            <Price dry={dry.data} isAsked={dry.isFetching} error={dry.error} onRetry={() => void dry.refetch()} />
          )}
          <Group gap="xs">
            {!(action === 'mark' && row.isForbidden) && (
              <Button
                size="xs"
                data-autofocus
                variant={action === 'mark' ? 'filled' : 'default'}
                loading={isBusy}
                onClick={() => onMark(!cell.isMarked)}
              >
                {action === 'mark' ? `Отметить на ${board.title}` : 'Снять отметку'}
              </Button>
            )}
            <CardLink row={row} board={board} />
          </Group>
        </>
      ) : (
        <Group gap="xs" justify="space-between">
          <Text size="sm" c="dimmed">
            Отметки этого объекта меняет тот, кто за него отвечает.
          </Text>
          <CardLink row={row} board={board} />
        </Group>
      )}
    </Stack>
  );
}

function CardLink({ row, board }: { row: ListingRow; board: BoardColumn }) {
  return (
    <Button
      size="xs"
      variant="subtle"
      component={Link}
      to="/listings/$id"
      params={{ id: String(row.id) } as never}
      search={{ board: board.board } as never}
      rightSection={<IconArrowRight size={14} aria-hidden />}
    >
      Карточка
    </Button>
  );
}

function Why({ cell, row, board }: Pick<CellTellsProps, 'cell' | 'row' | 'board'>) {
  if (!cell.isMarked) return null;
  const { reason, fix, fixedByName, opensAt, notices } = cell;
  if (reason === null && notices.length === 0)
    return (
      <Text size="sm" c="dimmed">
        {cell.isUndecided
          ? 'Своих препятствий нет. Хватит ли места и денег, решит ближайшая сборка.'
          : cell.isEditWaiting
            ? 'На доске прежний одобренный вариант; правка ждёт модератора.'
            : cell.words === cell.label
              ? 'Препятствий нет: объект в фиде.'
              : 'Препятствий нет: объект войдёт в фид.'}
      </Text>
    );
  return (
    <>
      {notices.length > 0 ? (
        <List size="sm" spacing={4} className={classes.notices!}>
          {notices.map(({ code, field, message }) => (
            <List.Item key={`${code} ${field}`}>
              <Anchor
                component={Link}
                to="/listings/$id"
                params={{ id: String(row.id) } as never}
                search={{ board: board.board, field } as never}
                size="sm"
              >
                {message}
              </Anchor>
            </List.Item>
          ))}
        </List>
      ) : (
        <Text size="sm">{reason}</Text>
      )}
      {(fix || fixedByName) && (
        <Text size="sm" c="dimmed">
          {[fix, fixedByName && `Исправляет ${fixedByName}.`].filter(Boolean).join(' ')}
        </Text>
      )}
      {opensAt && (
        <Text size="sm" c="dimmed">
          Откроется сам: {moment(opensAt)}.
        </Text>
      )}
    </>
  );
}

function Facts({ cell }: { cell: Cell }) {
  const { startsOn, endsOn, cost, isPinned } = cell;
  const facts = [
    endsOn ? `Срок до ${day(endsOn)}` : startsOn ? `Срок с ${day(startsOn)}, без конца` : null,
    isPinned && 'Закреплён в пакете',
    cost &&
      `${cost.isPlacement ? 'Размещение' : 'День'} ${money(cost.kopecks)}${cost.account ? `, счёт «${cost.account}»` : ''}${
        cost.state === 'charged' ? ': списано' : cost.state === 'held' ? ': удержано' : ''
      }`,
  ].filter((one) => typeof one === 'string');
  return facts.length === 0 ? null : (
    <Text size="xs" c="dimmed">
      {facts.join(' · ')}
    </Text>
  );
}

interface PriceProps {
  readonly dry: DryRunAnswer | undefined;
  readonly isAsked: boolean;
  readonly error: unknown;
  readonly onRetry: () => void;
}

/** What the click would cost, before it. */
function Price({ dry, isAsked, error, onRetry }: PriceProps) {
  if (error) return <ProblemAlert error={error} onRetry={onRetry} />;
  if (!dry)
    return (
      <Group gap={6} mih={24} role="status">
        <Loader size={14} />
        <Text size="sm" c="dimmed">
          Считаем, что будет
        </Text>
      </Group>
    );
  const [cabinet] = dry.cabinets;
  const other = cabinet?.outcomes.find(({ outcome }) => outcome !== 'published');
  return (
    <div aria-busy={isAsked} aria-live="polite">
      {dry.action === 'mark' && other && (
        <Alert color={other.outcome === 'unfunded' ? 'money' : 'error'} variant="light" p="xs" mb={6}>
          <Text size="sm">Не выйдет сразу: {other.examples[0]?.reason ?? other.label}</Text>
        </Alert>
      )}
      <Text size="sm">{priceWords(dry)}</Text>
    </div>
  );
}

/** «Выйдет с ближайшей сборкой. Сегодня спишется 70 ₽, за 30 дней 2 100 ₽.» */
export function priceWords({ action, passing, kopecks, aheadKopecks, aheadDays }: DryRunAnswer): string {
  if (action === 'unmark') {
    if (kopecks === 0 && aheadKopecks === 0) return 'Уйдёт из фида с ближайшей сборкой.';
    const freed = kopecks > 0 ? `сегодня освободится ${money(kopecks)}, ` : '';
    return `Уйдёт из фида с ближайшей сборкой: ${freed}за ${aheadDays} дней не спишется ${money(aheadKopecks)}.`;
  }
  if (passing === 0) return 'Пока не спишется ничего.';
  if (kopecks === 0 && aheadKopecks === 0) return 'Выйдет с ближайшей сборкой, бесплатно.';
  return `Выйдет с ближайшей сборкой. Сегодня спишется ${money(kopecks)}, за ${aheadDays} дней ${money(aheadKopecks)}.`;
}
