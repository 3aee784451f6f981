import { Button, Drawer, Popover } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useNavigate, useRouterState } from '@tanstack/react-router';
import { lazy, useEffect, useMemo, useState } from 'react';
import type { BoardColumn, ListingRow } from '../../../contracts/listings.ts';
import { useHotkeys } from '../../hotkeys.ts';
import { Late, useFetchLater } from '../../late.tsx';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { Keys } from '../../parts/keys.tsx';
import { Page } from '../../parts/page.tsx';
import { useSelection } from '../../parts/selection.ts';
import { Broken, Empty, Skeletons } from '../../parts/states.tsx';
import { useAddress } from '../../router.tsx';
import { useMay } from '../../session.ts';
import { formatNumber, momentNear, roubles } from '../../words.ts';
import { countOf, DEFAULT_SORT, HIDE_NOTHING, readAddress, selectionOf } from './address.ts';
import type { BulkDialog } from './bulk.tsx';
import { Cards, priceOf, Thumb } from './cards.tsx';
import { CellButton, CellTells } from './cell.tsx';
import { rememberColumns, rememberedColumns, useBoards, useChoices, useListings, useMore, useStable } from './data.ts';
import { useDeed } from './deeds.tsx';
import { Filters, nothing } from './filters.tsx';
import classes from './listings.module.css';
import { ColumnsMenu, Views } from './views.tsx';

const loadBulk = () => import('./bulk.tsx');
const BulkDialogs = lazy(async () => ({ default: (await loadBulk()).BulkDialogs }));
const LATER = [loadBulk];

/** The cell whose popover is open. */
interface Opened {
  readonly listingId: number;
  readonly cabinetId: number;
  readonly anchor: DOMRect;
  /** Gets the focus back. */
  readonly from: HTMLElement;
}

/** Columns besides the boards that one may do without. */
const OTHERS = [
  { id: 'price', name: 'Цена' },
  { id: 'employee', name: 'Ответственный' },
  { id: 'day', name: 'В день' },
  { id: 'changed', name: 'Изменён' },
] as const;
/** The first boards have a key each. */
const BOARD_KEYS = 5;

/** «Объекты»: listings × boards, each cell with its reason. */
export default function ListingsScreen() {
  const [read, change] = useAddress(readAddress);
  const { words, sort, hidden: named } = useStable(read);
  const navigate = useNavigate();
  const may = useMay();
  const isPhone = useMediaQuery('(max-width: 48em)') ?? false;
  const query = useRouterState({ select: ({ location }) => location.searchStr.replace(/^\?/, '') });
  const [remembered, setRemembered] = useState(rememberedColumns);
  const hidden = named ?? remembered;
  useFetchLater(LATER);
  const boards = useBoards();
  const choices = useChoices();
  const shown = useMemo(
    () =>
      boards.data?.data.filter(
        ({ id, board }) =>
          !hidden.includes(String(id)) &&
          (!words.board || words.board.includes(board)) &&
          (!words.cabinet || words.cabinet.includes(id)),
      ),
    [boards.data, hidden, words],
  );
  const columnIds = useMemo(() => shown?.map(({ id }) => id) ?? null, [shown]);
  const { list, total, rows } = useListings(words, sort, columnIds);
  const onMore = useMore(list);
  const selection = useSelection();
  const [dialog, setDialog] = useState<BulkDialog | null>(null);
  const [opened, setOpened] = useState<Opened | null>(null);
  const [activeId, setActiveId] = useState<number | null>(null);
  const mark = useDeed(() => close());

  const clear = selection.clear;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another filter finds others
  useEffect(() => clear(), [words, clear]);

  const open = (listingId: number, cabinetId: number, from: HTMLElement) =>
    setOpened({ listingId, cabinetId, from, anchor: from.getBoundingClientRect() });
  const close = () => {
    opened?.from.focus({ preventScroll: true });
    setOpened(null);
  };
  const openByKey = (index: number) => {
    const board = shown?.[index];
    if (!board || activeId === null) return;
    const cell = document.querySelector<HTMLElement>(`[data-cell="${activeId}-${board.id}"]`);
    if (cell) open(activeId, board.id, cell);
  };
  const count = selection.count(total.data?.total ?? rows.length);
  useHotkeys('Объекты', [
    ...(shown ?? []).slice(0, BOARD_KEYS).map(({ title }, index) => ({
      keys: String(index + 1),
      words: `Отметить или снять: ${title}`,
      run: () => openByKey(index),
    })),
    ...(may('marks')
      ? [{ keys: 'b', words: 'Отметить выбранные на доски', run: () => count > 0 && setDialog('mark') }]
      : []),
  ]);

  const setFilter = (patch: Record<string, unknown>) => change(patch);
  const hide = (next: string[]) => {
    // In the address as well: a view or a link shows its own columns to everybody.
    if (named !== null) change({ hide: next.length > 0 ? next : HIDE_NOTHING }, { replace: true });
    else {
      rememberColumns(next);
      setRemembered(next);
    }
  };
  const openCard = ({ id }: ListingRow) => void navigate({ to: '/listings/$id', params: { id: String(id) } } as never);

  const row = opened && rows.find(({ id }) => id === opened.listingId);
  const cell = row?.cells.find(({ cabinetId }) => cabinetId === opened?.cabinetId);
  const board = boards.data?.data.find(({ id }) => id === opened?.cabinetId);
  const tells = row && cell && board && (
    <CellTells
      row={row}
      cell={cell}
      board={board}
      isBusy={mark.isPending}
      onMark={(isMarked) =>
        mark.mutate({
          path: isMarked ? '/marks' : '/marks/remove',
          body: { selection: { ids: [row.id] }, cabinets: [board.id] },
        })
      }
    />
  );
  const bulk = (
    <>
      {may('marks') && (
        <>
          <Button
            size="compact-sm"
            onClick={() => setDialog('mark')}
            rightSection={<Keys keys="b" />}
            aria-keyshortcuts="b"
          >
            Отметить на доски…
          </Button>
          <Button size="compact-sm" variant="default" onClick={() => setDialog('unmark')}>
            Снять…
          </Button>
        </>
      )}
      {may('listing-pauses') && (
        <Button size="compact-sm" variant="default" onClick={() => setDialog('pause')}>
          Пауза…
        </Button>
      )}
      {may('terms') && (
        <Button size="compact-sm" variant="default" onClick={() => setDialog('terms')}>
          Срок…
        </Button>
      )}
    </>
  );
  const isNarrowed = countOf(words) > 0 || words.q !== undefined || words.cabinet !== undefined;
  const empty = isNarrowed ? (
    <Empty
      kind="filter"
      title="По фильтру ничего нет"
      words="Уберите одно из условий или поищите другими словами."
      action={{ words: 'Сбросить фильтр', onClick: () => change(nothing()) }}
    />
  ) : (
    <Empty
      title="Объектов пока нет"
      words="Здесь появятся объекты из вашей CRM или из загруженного файла."
      action={may('imports') ? { words: 'Загрузить объекты', to: '/imports' } : undefined}
    />
  );
  const viewQuery = useViewQuery(query, sort, hidden);

  return (
    <Page
      title="Объекты"
      aside={<span className={classes.total}>{total.data ? formatNumber(total.data.total) : ''}</span>}
      actions={
        !isPhone && (
          <>
            <Views query={viewQuery} />
            <ColumnsMenu
              columns={[
                ...(boards.data?.data ?? []).map(({ id, title }) => ({ id: String(id), name: title })),
                ...OTHERS,
              ]}
              hidden={hidden}
              onChange={hide}
            />
          </>
        )
      }
    >
      <Filters
        words={words}
        change={setFilter}
        boards={boards.data?.data ?? []}
        choices={choices.data}
        total={total.data}
        isPhone={isPhone}
      />
      {list.error && rows.length === 0 ? (
        <Broken error={list.error} onRetry={() => void list.refetch()} />
      ) : boards.error ? (
        <Broken error={boards.error} onRetry={() => void boards.refetch()} />
      ) : isPhone ? (
        list.isPending ? (
          <Skeletons rows={5} height={110} />
        ) : rows.length === 0 ? (
          empty
        ) : (
          <Cards
            rows={rows}
            boards={shown ?? []}
            selection={selection}
            total={total.data?.total ?? rows.length}
            bulk={bulk}
            opened={opened && `${opened.listingId}-${opened.cabinetId}`}
            onCell={({ id }, cabinetId, anchor) => open(id, cabinetId, anchor)}
            hasMore={list.hasNextPage}
            onMore={onMore}
          />
        )
      ) : (
        <DataTable
          label="Объекты"
          columns={columnsOf(shown ?? [], hidden, opened, open)}
          rows={rows}
          keyOf={({ id }) => id}
          nameOf={({ id, address, title }) => `${id}, ${address ?? title}`}
          total={total.data?.total ?? rows.length}
          rowHeight={52}
          sort={sort}
          onSort={(next) => change({ sort: next === DEFAULT_SORT ? undefined : next })}
          selection={selection}
          bulk={bulk}
          onOpen={openCard}
          onActive={({ id }) => setActiveId(id)}
          hasMore={list.hasNextPage}
          onMore={onMore}
          toneOf={({ isArchived }) => (isArchived ? 'dim' : undefined)}
          empty={empty}
          isLoading={list.isPending}
        />
      )}
      {isPhone ? (
        <Drawer
          opened={Boolean(tells)}
          onClose={close}
          position="bottom"
          classNames={{ content: classes.drawer! }}
          title={row && `${row.id} · ${row.address ?? row.title}`}
        >
          {tells}
        </Drawer>
      ) : (
        opened &&
        tells && (
          <CellPopover opened={opened} onClose={close} name={`${board.title}, объект ${row.id}`}>
            {tells}
          </CellPopover>
        )
      )}
      <Late opened={dialog !== null}>
        {(opened) => (
          <BulkDialogs
            dialog={opened ? dialog : null}
            selection={selectionOf(selection.selected, words)}
            count={count}
            boards={boards.data?.data ?? []}
            onClose={() => setDialog(null)}
            onDone={selection.clear}
          />
        )}
      </Late>
    </Page>
  );
}

/** One popover for all cells, where the pressed one is: hundreds of them would be slow. */
function CellPopover({
  opened: { anchor },
  onClose,
  name,
  children,
}: {
  opened: Opened;
  onClose: () => void;
  name: string;
  children: React.ReactNode;
}) {
  const { left, top, width, height } = anchor;
  return (
    <Popover opened onChange={(is) => !is && onClose()} trapFocus width={400} shadow="md" withArrow withRoles={false}>
      <Popover.Target>
        <div className={classes.anchor} style={{ left, top, width, height }} />
      </Popover.Target>
      <Popover.Dropdown role="dialog" aria-label={name}>
        {children}
      </Popover.Dropdown>
    </Popover>
  );
}

/** What a view keeps: the address with the columns in it. */
function useViewQuery(query: string, sort: string, hidden: readonly string[]): string {
  return useMemo(() => {
    const words = new URLSearchParams(query);
    words.delete('hide');
    words.delete('sort');
    if (sort !== DEFAULT_SORT) words.set('sort', sort);
    for (const id of hidden.length > 0 ? hidden : [HIDE_NOTHING]) words.append('hide', id);
    return words.toString();
  }, [query, sort, hidden]);
}

function columnsOf(
  boards: readonly BoardColumn[],
  hidden: readonly string[],
  opened: Opened | null,
  open: (listingId: number, cabinetId: number, from: HTMLElement) => void,
): Column<ListingRow>[] {
  const isShown = ({ id }: { id: string }) => !hidden.includes(id);
  const cellOf = (row: ListingRow, board: BoardColumn) => {
    const cell = row.cells.find(({ cabinetId }) => cabinetId === board.id);
    return (
      cell && (
        <CellButton
          row={row}
          cell={cell}
          board={board}
          isOpen={opened?.listingId === row.id && opened.cabinetId === board.id}
          onOpen={(from) => open(row.id, board.id, from)}
        />
      )
    );
  };
  const others: Column<ListingRow>[] = [
    {
      id: 'price',
      head: 'Цена',
      width: '116px',
      align: 'end',
      sort: 'price',
      cell: (row) => (
        <div className={classes.two}>
          <span>{priceOf(row)}</span>
          {row.pricePer && <span className={classes.dim}>{row.pricePer}</span>}
        </div>
      ),
    },
    {
      id: 'employee',
      head: 'Ответственный',
      width: '150px',
      cell: ({ employee, branch }) => (
        <div className={classes.two}>
          <span>{employee?.name ?? 'не назначен'}</span>
          <span className={classes.dim}>{branch}</span>
        </div>
      ),
    },
  ];
  const last: Column<ListingRow>[] = [
    {
      id: 'day',
      head: 'В день',
      width: '86px',
      align: 'end',
      cell: ({ dayKopecks }) => (dayKopecks > 0 ? roubles(dayKopecks) : '–'),
    },
    {
      id: 'changed',
      head: 'Изменён',
      width: '124px',
      sort: 'changedAt',
      cell: ({ changedAt }) => <span className={classes.dim}>{momentNear(changedAt)}</span>,
    },
  ];
  return [
    {
      id: 'listing',
      head: 'Объект',
      width: '310px',
      isRowHeader: true,
      sort: 'id',
      cell: (row) => (
        <div className={classes.listing}>
          <Thumb row={row} />
          <div className={classes.two}>
            <span className={classes.line}>
              <b>{row.id}</b> {row.title}
            </span>
            <span className={classes.dim}>
              {[row.address, row.status.id !== 'active' && row.status.label, row.isForbidden && 'реклама запрещена']
                .filter(Boolean)
                .join(' · ')}
            </span>
          </div>
        </div>
      ),
    },
    ...others.filter(isShown),
    ...boards.map(
      (board, index): Column<ListingRow> => ({
        id: String(board.id),
        head: board.title,
        width: '178px',
        cell: (row) => cellOf(row, board),
        ...(index < BOARD_KEYS && { name: `${board.title}, клавиша ${index + 1}` }),
      }),
    ),
    ...last.filter(isShown),
  ];
}
