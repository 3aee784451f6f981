import { Button, Group, MultiSelect, SegmentedControl, Select, Text } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { type InfiniteData, useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type {
  BulkAnswer,
  Case,
  ChangeFilter,
  QueuePage,
  QueueRow,
  QueueState,
  QueueWords,
} from '../../../contracts/moderation.ts';
import { addressOf, api, newKey, type Query } from '../../api.ts';
import { useHotkeys } from '../../hotkeys.ts';
import { useIsLive } from '../../live.ts';
import { confirm } from '../../parts/confirm.tsx';
import { Page } from '../../parts/page.tsx';
import { showProblem } from '../../parts/problem.tsx';
import { useSelection } from '../../parts/selection.ts';
import { Empty, Loaded } from '../../parts/states.tsx';
import { showUndo } from '../../parts/undo.tsx';
import { keyOf, refresh } from '../../query.ts';
import { listOf, oneOf, type RawAddress, useAddress } from '../../router.tsx';
import { clock, counted, objects, roubles } from '../../words.ts';
import { casePath, usePrefetch } from './case.ts';
import { CaseView, type Done } from './case-view.tsx';
import classes from './moderation.module.css';
import { BulkBar, QUEUE_ID, Queue } from './queue.tsx';

const PAGE = 50;

const CHANGE_LABELS: Readonly<Record<ChangeFilter, string>> = {
  'price-only': 'Только цена',
  'photo-order-only': 'Только порядок фото',
  text: 'С правкой текста',
};
const BULK_OF: Partial<Record<ChangeFilter, 'price' | 'photo-order'>> = {
  'price-only': 'price',
  'photo-order-only': 'photo-order',
};

const STATES: readonly QueueState[] = ['new', 'edit', 'postponed'];

function readWords(raw: RawAddress): QueueWords {
  const numbers = (value: RawAddress[string]) => listOf(value).map(Number).filter(Number.isInteger);
  const state = STATES.find((one) => one === oneOf(raw.state));
  const change = (Object.keys(CHANGE_LABELS) as ChangeFilter[]).find((one) => one === oneOf(raw.change));
  const [board, employee, branch] = [[...listOf(raw.board)], numbers(raw.employee), numbers(raw.branch)];
  return {
    ...(state && { state }),
    ...(change && { change }),
    ...(board.length > 0 && { board }),
    ...(employee.length > 0 && { employee }),
    ...(branch.length > 0 && { branch }),
  };
}

/** A page of the queue as if cases had been decided. */
function withoutCases(page: QueuePage, ids: readonly number[]): QueuePage {
  const data = page.data.filter(({ id }) => !ids.includes(id));
  return { ...page, data, page: { ...page.page, total: page.page.total - (page.data.length - data.length) } };
}

type Pages = InfiniteData<QueuePage, string | null>;

/** «Модерация»: the queue, the difference, the checks; all of it by keyboard. */
export default function ModerationScreen() {
  const { id: named } = useParams({ strict: false }) as { id?: string };
  const openId = named === undefined ? null : Number(named);
  const [read, change] = useAddress(readWords);
  const asked = JSON.stringify(read);
  const words = useMemo(() => JSON.parse(asked) as QueueWords, [asked]);
  const client = useQueryClient();
  const navigate = useNavigate();
  const isPhone = useMediaQuery('(max-width: 48em)') ?? false;
  const isLive = useIsLive();
  const [said, say] = useState('');
  const selection = useSelection();
  const queueKey = useMemo(() => ['moderation', 'queue', words], [words]);
  const onTheWay = useRef<Set<number>>(new Set());
  const queue = useInfiniteQuery({
    queryKey: queueKey,
    queryFn: async ({ pageParam, signal }) => {
      // A verdict that was on its way when this was asked may or may not be in the answer: its case is not shown again.
      const unsure = [...onTheWay.current];
      const page = await api.get<QueuePage>(
        '/moderation',
        { ...words, limit: PAGE, after: pageParam } as Query,
        signal,
      );
      return withoutCases(page, [...unsure, ...onTheWay.current]);
    },
    initialPageParam: null as string | null,
    getNextPageParam: ({ page }) => page.next,
  });
  const first = queue.data?.pages[0];
  const rows = useMemo(() => queue.data?.pages.flatMap(({ data }) => data) ?? [], [queue.data]);
  const total = first?.page.total ?? 0;
  const bulkKind = words.change && BULK_OF[words.change];
  const at = rows.findIndex(({ id }) => id === openId);

  const go = useCallback(
    (id: number | null, isReplacing = false) =>
      void navigate({
        to: id === null ? '/moderation' : '/moderation/$id',
        ...(id !== null && { params: { id: String(id) } }),
        search: words,
        replace: isReplacing,
      } as never),
    [navigate, words],
  );

  /** The case after a place, skipping those that others have open. */
  const following = (place: number, without: number | null): number | null => {
    const rest = [...rows.slice(place + 1), ...rows.slice(0, Math.max(0, place))].filter(({ id }) => id !== without);
    return (rest.find(({ lookers }) => lookers.length === 0) ?? rest[0])?.id ?? null;
  };
  usePrefetch([openId === null ? (rows[0]?.id ?? null) : following(at, openId)]);

  // The first case opens by itself where there is room beside the queue.
  const firstId = rows[0]?.id ?? null;
  useEffect(() => {
    if (openId === null && firstId !== null && !isPhone) go(firstId, true);
  }, [openId, firstId, isPhone, go]);

  const selectionClear = selection.clear;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another filter, another list
  useEffect(() => selectionClear(), [asked, selectionClear]);

  const step = (by: 1 | -1) => {
    const next = rows[at + by] ?? (at < 0 ? rows[0] : undefined);
    if (next) go(next.id);
  };
  useHotkeys('Модерация', [
    { keys: 'j', words: 'Следующий объект', repeats: true, run: () => step(1) },
    { keys: 'k', words: 'Предыдущий объект', repeats: true, run: () => step(-1) },
    ...(bulkKind
      ? [
          {
            keys: 'x',
            words: 'Выбрать объект',
            run: () => {
              const row = rows[at];
              if (row?.bulk?.refusal === null) selection.set([row.id], !selection.has(row.id));
            },
          },
        ]
      : []),
  ]);

  /** Takes a decided case out of what is shown, before the server has said so. */
  const forget = (ids: readonly number[]) => {
    // An answer that is under way knows nothing of it.
    void client.cancelQueries({ queryKey: queueKey });
    client.setQueryData<Pages>(
      queueKey,
      (old) =>
        old && {
          ...old,
          // The number of all is told by the first page.
          pages: old.pages.map((page, at) => ({
            ...withoutCases(page, ids),
            page: {
              ...page.page,
              total:
                at === 0
                  ? Math.max(0, page.page.total - ids.filter((id) => rows.some((row) => row.id === id)).length)
                  : page.page.total,
            },
          })),
        },
    );
  };

  /** The next case opens at once; when the server says no, the case comes back with the reason. */
  const decided = ({ shown, words: deed, send, undo, onRefused }: Done) => {
    const { id, externalId } = shown;
    const wasThere = at >= 0;
    const next = following(at, id);
    forget([id]);
    go(next);
    const left = Math.max(0, total - (wasThere ? 1 : 0));
    say(`${deed} ${externalId}. ${left === 0 ? 'Очередь пуста' : `Осталось ${left}`}`);
    onTheWay.current.add(id);
    void send()
      .finally(() => onTheWay.current.delete(id))
      .then((given) => {
        showUndo({
          words: `${deed} ${externalId}. ${left === 0 ? 'Очередь пуста.' : `Осталось ${left}.`}`,
          seconds: given.seconds,
          undone: `${externalId} снова в очереди`,
          undo: async () => {
            await undo(given);
            // As it is now: the version that was seen has had a verdict since.
            await client.fetchQuery({ queryKey: keyOf(casePath(id)), queryFn: () => api.get<Case>(casePath(id)) });
            go(id);
            await refresh('/moderation', '/waiting');
          },
        });
        return refresh('/moderation', '/waiting');
      })
      .catch((error: unknown) => {
        void refresh('/moderation');
        go(id);
        if (!onRefused(error)) showProblem(error);
      });
  };

  const [isBusy, setBusy] = useState(false);
  const approveTogether = async (picked: readonly QueueRow[]) => {
    if (!bulkKind) return;
    const isSure = await confirm({
      title: `Одобрить ${objects(picked.length)}?`,
      words: (
        <ul className={classes.skim}>
          {picked.map(({ id, externalId, heading, bulk }) => (
            <li key={id}>
              {externalId} · {heading}: {bulk?.words}
            </li>
          ))}
        </ul>
      ),
      action: `Одобрить ${picked.length}`,
    });
    if (!isSure) return;
    setBusy(true);
    try {
      const { data, undoSeconds } = await api.send<BulkAnswer>(
        'POST',
        '/moderation/bulk',
        { change: bulkKind, listings: picked.map(({ id, bulk }) => ({ id, version: bulk!.version })) },
        { idempotencyKey: newKey() },
      );
      const done = data.filter(({ verdictId }) => verdictId !== null);
      const refused = data.filter(({ refusal }) => refusal !== null);
      selection.clear();
      forget(done.map(({ id }) => id));
      const told = `Одобрено ${objects(done.length)}${refused.length > 0 ? `, не одобрено ${refused.length}: ${refused[0]!.refusal}` : ''}`;
      say(told);
      showUndo({
        words: told,
        seconds: undoSeconds,
        undone: 'Объекты снова в очереди',
        undo: async () => {
          const verdicts = done.map(({ id, verdictId }) => ({ id, verdict: verdictId }));
          await api.send('POST', '/moderation/bulk/undo', { verdicts });
          await refresh('/moderation');
        },
      });
      await refresh('/moderation', '/waiting');
      const rest = rows.find(({ id }) => !done.some((one) => one.id === id));
      if (done.some(({ id }) => id === openId)) go(rest?.id ?? null, true);
      else document.getElementById(QUEUE_ID)?.focus();
    } catch (error) {
      showProblem(error);
    } finally {
      setBusy(false);
    }
  };

  const isFiltered = asked !== '{}';
  const isCaseAlone = isPhone && openId !== null;
  return (
    <Page
      title="Модерация"
      aside={
        <Text size="sm" c="dimmed" component="span">
          {first && first.idleKopecks > 0 && `простаивает ${roubles(first.idleKopecks)} в день · `}
          {isLive ? 'обновляется само' : 'обновляется при открытии'}
        </Text>
      }
      {...(isCaseAlone && { back: { to: '/moderation', words: 'К очереди' } })}
      actions={
        isCaseAlone ? undefined : first && <Filters page={first} words={words} change={change} isPhone={isPhone} />
      }
    >
      <div role="status" aria-live="polite" className="heard">
        {said}
      </div>
      <div className={classes.columns} data-fills data-case={openId !== null || undefined}>
        {!isCaseAlone && (
          <div className={classes.left}>
            <Loaded query={queue}>
              {() =>
                rows.length === 0 ? (
                  openId === null || isPhone ? null : (
                    <Text size="sm" c="dimmed" p="sm">
                      В очереди больше ничего нет.
                    </Text>
                  )
                ) : (
                  <Queue
                    rows={rows}
                    openId={openId}
                    search={addressOf('', words as Query).replace('/api/v1', '')}
                    selection={bulkKind ? selection : null}
                    hasMore={queue.hasNextPage}
                    onMore={() => void queue.fetchNextPage()}
                    onOpen={go}
                  />
                )
              }
            </Loaded>
            {bulkKind && rows.length > 0 ? (
              <BulkBar
                words={CHANGE_LABELS[words.change!]}
                rows={rows}
                selection={selection}
                isBusy={isBusy}
                onApprove={(picked) => void approveTogether(picked)}
              />
            ) : (
              first && <BulkHint page={first} change={change} />
            )}
          </div>
        )}
        {openId === null ? (
          first &&
          rows.length === 0 && <Nothing page={first} isFiltered={isFiltered} onReset={() => change(NO_WORDS)} />
        ) : (
          <CaseView key="case" id={openId} words={words} onDone={decided} />
        )}
      </div>
    </Page>
  );
}

const NO_WORDS = { state: undefined, change: undefined, board: undefined, employee: undefined, branch: undefined };

/** «Очередь пуста. За сегодня: одобрено 41, возвращено 6. Следующий фид в 15:00». */
function Nothing({ page, isFiltered, onReset }: { page: QueuePage; isFiltered: boolean; onReset: () => void }) {
  const { approved, returned, nextRunAt } = page.today;
  if (isFiltered)
    return (
      <Empty
        kind="filter"
        title="По фильтру ничего нет"
        words="В очереди есть другие объекты, или она пуста."
        action={{ words: 'Сбросить фильтр', onClick: onReset }}
      />
    );
  return (
    <Empty
      kind="done"
      title="Очередь пуста"
      words={`За сегодня: одобрено ${approved}, возвращено ${returned}.${nextRunAt === null ? '' : ` Следующий фид в ${clock(nextRunAt)}.`}`}
    />
  );
}

/** Where several cases of one kind wait, they may be approved together. */
function BulkHint({ page, change }: { page: QueuePage; change: (patch: Record<string, unknown>) => void }) {
  const kinds = (['price-only', 'photo-order-only'] as const).filter((kind) => page.counts[kind] > 1);
  if (kinds.length === 0) return null;
  return (
    <Group gap="xs" p="xs">
      {kinds.map((kind) => (
        <Button
          key={kind}
          size="compact-sm"
          variant="subtle"
          onClick={() => change({ change: kind, state: undefined })}
        >
          {CHANGE_LABELS[kind]}: {counted(page.counts[kind], 'объект', 'объекта', 'объектов')} списком
        </Button>
      ))}
    </Group>
  );
}

interface FiltersProps {
  readonly page: QueuePage;
  readonly words: QueueWords;
  readonly change: (patch: Record<string, unknown>, how?: { replace?: boolean }) => void;
  readonly isPhone: boolean;
}

function Filters({ page, words, change, isPhone }: FiltersProps) {
  const { counts, agents, boards, branches } = page;
  const [isOpen, setOpen] = useState(false);
  const texts = (ids: readonly number[] | undefined) => (ids ?? []).map(String);
  const picked = Object.keys(words).filter((word) => word !== 'state').length;
  return (
    <>
      <SegmentedControl
        aria-label="Что показать"
        value={words.state ?? 'all'}
        onChange={(value) => change({ state: value === 'all' ? undefined : value }, { replace: true })}
        data={[
          { value: 'all', label: `Ждут ${counts.new + counts.edit}` },
          { value: 'new', label: `Новые ${counts.new}` },
          { value: 'edit', label: `Правки ${counts.edit}` },
          { value: 'postponed', label: `Отложены ${counts.postponed}` },
        ]}
      />
      {isPhone && (
        <Button variant="default" size="xs" aria-expanded={isOpen} onClick={() => setOpen((was) => !was)}>
          Фильтр{picked > 0 && `: ${picked}`}
        </Button>
      )}
      {(!isPhone || isOpen) && (
        <>
          <Select
            aria-label="Вид правки"
            placeholder="Любая правка"
            clearable
            w={200}
            value={words.change ?? null}
            onChange={(value) => change({ change: value ?? undefined }, { replace: true })}
            data={(Object.keys(CHANGE_LABELS) as ChangeFilter[]).map((kind) => ({
              value: kind,
              label: `${CHANGE_LABELS[kind]} ${counts[kind]}`,
            }))}
          />
          {(agents.length > 1 || words.employee) && (
            <MultiSelect
              aria-label="Агенты"
              placeholder={words.employee ? '' : 'Все агенты'}
              searchable
              clearable
              w={190}
              value={texts(words.employee)}
              onChange={(value) => change({ employee: value }, { replace: true })}
              data={agents.map(({ id, name, count }) => ({ value: String(id), label: `${name} ${count}` }))}
            />
          )}
          {(branches.length > 1 || words.branch) && (
            <MultiSelect
              aria-label="Филиалы"
              placeholder={words.branch ? '' : 'Все филиалы'}
              clearable
              w={170}
              value={texts(words.branch)}
              onChange={(value) => change({ branch: value }, { replace: true })}
              data={branches.map(({ id, name }) => ({ value: String(id), label: name }))}
            />
          )}
          {(boards.length > 1 || words.board) && (
            <MultiSelect
              aria-label="Доски"
              placeholder={words.board ? '' : 'Все доски'}
              clearable
              w={170}
              value={words.board ?? []}
              onChange={(value) => change({ board: value }, { replace: true })}
              data={boards.map(({ id, name }) => ({ value: id, label: name }))}
            />
          )}
        </>
      )}
    </>
  );
}
