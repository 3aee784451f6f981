import { Alert, Anchor, Button, Group, Modal, SegmentedControl, Stack, Tabs, Text } from '@mantine/core';
import { useDebouncedValue, useMediaQuery } from '@mantine/hooks';
import { IconDeviceFloppy, IconFileDescription } from '@tabler/icons-react';
import { keepPreviousData, useMutation, useQuery } from '@tanstack/react-query';
import { useBlocker, useParams } from '@tanstack/react-router';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { BoardStanding, ListingCard, ListingChanges, ListingCheck } from '../../../contracts/listing.ts';
import { type Answer, api, ProblemError } from '../../api.ts';
import { ariaKeys, useHotkeys } from '../../hotkeys.ts';
import { Chip } from '../../parts/chip.tsx';
import { Keys } from '../../parts/keys.tsx';
import { ModeratorQuestion } from '../../parts/moderator-question.tsx';
import { NoticeSummary, type ToldNotice } from '../../parts/notices.tsx';
import { Page, Sheet } from '../../parts/page.tsx';
import { ProblemAlert } from '../../parts/problem.tsx';
import { Loaded, Skeletons } from '../../parts/states.tsx';
import { showUndo } from '../../parts/undo.tsx';
import { keyOf, queryClient, useApiWithTag } from '../../query.ts';
import { oneOf, useAddress } from '../../router.tsx';
import { clock, counted, listed, moment } from '../../words.ts';
import { ASK_AGAIN_MS, Boards, checkKey, dayCost, ForbiddenNote, refreshCard, useBoards } from './boards.tsx';
import classes from './card.module.css';
import { Conflict } from './conflict.tsx';
import { BoardDeeds, Deeds, Standing } from './deeds.tsx';
import { changedFields, changesOf, type Draft, disputed, inverseOf, isAsSent, useDraft } from './draft.ts';
import { idOf } from './field.tsx';
import { CardForm } from './form.tsx';
import { History } from './history.tsx';
import { noticesOf } from './notices.ts';
import { OwnerReportDialog } from './owner-report.tsx';
import { Photos } from './photos.tsx';
import { Preview } from './preview.tsx';
import { standingLook } from './standing.ts';

/** After a pause in typing the boards are asked. */
const TYPING_MS = 300;

export default function CardScreen() {
  const { id } = useParams({ strict: false }) as { id: string };
  const query = useApiWithTag<ListingCard>(`/listings/${id}`);
  return (
    <Loaded
      query={query}
      skeleton={
        <Page title={`Объект ${id}`}>
          <Skeletons rows={10} />
        </Page>
      }
    >
      {(answer) => <Card key={id} answer={answer} />}
    </Loaded>
  );
}

type Part = 'form' | 'photos' | 'boards' | 'history';
const PARTS: readonly { value: Part; label: string }[] = [
  { value: 'form', label: 'Поля' },
  { value: 'photos', label: 'Фото' },
  { value: 'boards', label: 'Доски' },
  { value: 'history', label: 'История' },
];

function Card({ answer }: { answer: Answer<ListingCard> }) {
  const draft = useDraft();
  const [base, setBase] = useState(answer);
  const { data: card } = base;
  const path = `/listings/${card.id}`;
  const changes = useMemo(() => changesOf(card, draft), [card, draft]);
  const count = changedFields(changes).length;
  const isDirty = count > 0;
  // What others change elsewhere joins in. Where somebody types into the very field, the version they looked at stays:
  // else they would save over what they have not seen.
  const isOvertaken = useMemo(
    () => isDirty && answer.etag !== base.etag && disputed(base.data, answer.data, draft).length > 0,
    [isDirty, answer, base, draft],
  );
  useEffect(() => {
    if (!isOvertaken) setBase(answer);
  }, [answer, isOvertaken]);

  const check = useCheck(card.id, changes, answer.etag);
  const told = useBoards(
    card.id,
    useMemo(() => check?.boards.map(({ cabinetId }) => cabinetId) ?? [], [check]),
    answer.etag,
  );
  const notices = useMemo(() => noticesOf(check), [check]);
  const [wanted, setWanted] = useWantedField();
  const [conflict, setConflict] = useState<Answer<ListingCard> | null>(null);
  const [previewed, setPreviewed] = useState<BoardStanding | null>(null);
  const [isForOwner, setIsForOwner] = useState(false);
  const [{ part, board }, change] = useAddress((raw) => ({
    part: PARTS.find(({ value }) => value === oneOf(raw.part))?.value ?? null,
    board: oneOf(raw.board) ?? null,
  }));
  const isNarrow = useMediaQuery('(max-width: 68em)');

  const save = useMutation({
    mutationFn: ({ wish, over }: { wish: ListingChanges; over: Answer<ListingCard> }) =>
      api.exchange<ListingCard>('PATCH', path, wish, { ifMatch: over.etag }),
    meta: { isTold: true },
    onSuccess: (saved, { wish, over }) => {
      const words = `Сохранено: ${counted(changedFields(wish).length, 'поле', 'поля', 'полей')}`;
      const back = inverseOf(over.data, wish);
      // What was typed while it was being saved stays.
      draft.forget(changedFields(wish).filter((field) => isAsSent(draft, wish, field)));
      setBase(saved);
      setConflict(null);
      queryClient.setQueryData([...keyOf(path), 'etag'], saved);
      void refreshCard(card.id);
      showUndo({
        words,
        undone: 'Поля стоят как раньше',
        undo: async () => {
          await api.send('PATCH', path, back, { ifMatch: saved.etag });
          await refreshCard(card.id);
        },
      });
    },
    onError: async (error) => {
      if (!(error instanceof ProblemError) || error.status !== 412) return;
      const now = await api.read<ListingCard>(path);
      if (disputed(base.data, now.data, draft).length > 0) setConflict(now);
      else save.mutate({ wish: changesOf(now.data, draft), over: now });
    },
  });
  const submit = () => {
    if (!isDirty || save.isPending) return;
    if (isOvertaken) setConflict(answer);
    else save.mutate({ wish: changes, over: base });
  };
  useHotkeys('Карточка', [{ keys: 'mod+s', words: 'Сохранить', inField: true, run: submit }]);

  const open = useCallback(
    (field: string) => {
      if (isNarrow) change({ part: undefined }, { replace: true });
      setWanted(field);
    },
    [isNarrow, change, setWanted],
  );
  const isReadOnly = card.may.corrections !== true;
  const shown: Part = part ?? 'form';
  const side: Part = part === 'history' ? 'history' : 'boards';
  const form = (
    <>
      <Summary notices={notices} check={check} onOpen={open} />
      <CardForm card={card} draft={draft} check={check} notices={notices} isReadOnly={isReadOnly} wanted={wanted} />
    </>
  );
  const photos = <Photos listingId={card.id} isReadOnly={card.may.photos !== true} />;
  const boards = check ? (
    <Boards
      check={check}
      isDirty={isDirty}
      told={told}
      wanted={board}
      onPreview={setPreviewed}
      deedsOf={(one) => <BoardDeeds card={card} board={one} />}
    />
  ) : (
    <Skeletons rows={4} />
  );
  const history = <History listingId={card.id} />;

  return (
    <Page
      title={`${card.id} · ${card.title}`}
      back={{ to: '/listings', words: 'К объектам' }}
      aside={<Status card={card} />}
      words={<Words card={card} cost={dayCost(told)} />}
      actions={
        <>
          {card.may['owner-reports'] && (
            <Button
              variant="default"
              leftSection={<IconFileDescription size={17} aria-hidden />}
              onClick={() => setIsForOwner(true)}
            >
              Отчёт собственнику
            </Button>
          )}
          <Deeds card={card} />
          {!isReadOnly && (
            <Button
              leftSection={<IconDeviceFloppy size={17} aria-hidden />}
              rightSection={isNarrow ? undefined : <Keys keys="mod+s" />}
              aria-keyshortcuts={ariaKeys('mod+s')}
              disabled={!isDirty}
              loading={save.isPending}
              onClick={submit}
            >
              Сохранить
            </Button>
          )}
        </>
      }
    >
      <ForbiddenNote reason={card.forbiddenReason} />
      {card.source.goneAt && (
        <Alert color="money" variant="light">
          В источнике «{card.source.name}» объекта нет с {moment(card.source.goneAt)}: на досках его тоже не будет.
        </Alert>
      )}
      {card.conflicts > 0 && (
        <Alert color="waiting" variant="light">
          Источник изменил {counted(card.conflicts, 'поле', 'поля', 'полей')} после исправления: у{' '}
          {card.conflicts === 1 ? 'него' : 'них'} выберите, что оставить.
        </Alert>
      )}
      <Standing card={card} />
      {isOvertaken && !conflict && (
        <Alert color="waiting" variant="light" role="status">
          Объект изменился, пока вы правили. Ваши правки целы.{' '}
          <Anchor component="button" type="button" size="sm" onClick={() => setConflict(answer)}>
            Показать, что именно
          </Anchor>
        </Alert>
      )}
      <ModeratorQuestion listingId={card.id} />
      {save.error && !conflict && <ProblemAlert error={save.error} onRetry={isDirty ? submit : undefined} />}
      {isNarrow ? (
        <>
          <SegmentedControl
            fullWidth
            aria-label="Часть карточки"
            value={shown}
            onChange={(value) => change({ part: value === 'form' ? undefined : value }, { replace: true })}
            data={PARTS.map((one) => ({ ...one }))}
          />
          {/* What is typed stays where it is while another part is looked at. */}
          <Stack gap="md" style={shown === 'form' ? undefined : { display: 'none' }}>
            {form}
          </Stack>
          {shown === 'photos' && photos}
          {shown === 'boards' && boards}
          {shown === 'history' && <Sheet>{history}</Sheet>}
        </>
      ) : (
        <div className={classes.columns}>
          <Stack gap="md" className={classes.main!}>
            {form}
            {photos}
          </Stack>
          <aside className={classes.side} aria-label="Доски и история">
            <Tabs
              value={side}
              keepMounted={false}
              onChange={(value) => change({ part: value === 'boards' ? undefined : value }, { replace: true })}
            >
              <Tabs.List>
                <Tabs.Tab value="boards">Доски</Tabs.Tab>
                <Tabs.Tab value="history">История</Tabs.Tab>
              </Tabs.List>
              <Tabs.Panel value="boards" pt="xs">
                {boards}
              </Tabs.Panel>
              <Tabs.Panel value="history" pt="sm">
                {history}
              </Tabs.Panel>
            </Tabs>
          </aside>
        </div>
      )}
      {isDirty && <SaveBar count={count} isPending={save.isPending} onSave={submit} onForget={() => draft.forget()} />}
      <OwnerReportDialog listingId={card.id} isOpen={isForOwner} onClose={() => setIsForOwner(false)} />
      <Preview listingId={card.id} board={previewed} isDirty={isDirty} onClose={() => setPreviewed(null)} />
      <Conflict
        after={conflict?.data ?? null}
        before={card}
        draft={draft}
        isSaving={save.isPending}
        onMine={() => conflict && save.mutate({ wish: changesOf(conflict.data, draft), over: conflict })}
        onTheirs={(fields) => {
          draft.forget(fields);
          if (conflict) setBase(conflict);
          setConflict(null);
        }}
        onClose={() => setConflict(null)}
      />
      <Leaving draft={draft} isDirty={isDirty} />
    </Page>
  );
}

/** What boards would say of what is typed; the words of before stay until the new ones come. */
function useCheck(listingId: number, changes: ListingChanges, etag: string | null): ListingCheck | undefined {
  const [settled] = useDebouncedValue(changes, TYPING_MS);
  const { data } = useQuery({
    queryKey: [...checkKey(listingId), settled, etag],
    queryFn: ({ signal }) => api.send<ListingCheck>('POST', `/listings/${listingId}/check`, settled, { signal }),
    placeholderData: keepPreviousData,
    refetchInterval: ASK_AGAIN_MS,
  });
  return data;
}

/** The field that somebody wants to see: from a link («#description»), or from the list of what is wrong. */
function useWantedField(): [string | null, (field: string) => void] {
  const [wanted, setWanted] = useState<{ field: string; at: number } | null>(() => {
    const field = decodeURIComponent(location.hash.slice(1));
    return field === '' ? null : { field, at: 0 };
  });
  const done = useRef<typeof wanted>(null);
  // Its group may only now come to the page, so it is looked for after every drawing.
  useEffect(() => {
    if (!wanted || done.current === wanted) return;
    const frame = requestAnimationFrame(() => {
      const target = document.getElementById(idOf(wanted.field));
      if (!target) return;
      done.current = wanted;
      // `scrollIntoView` would move the whole page too.
      const main = document.getElementById('main');
      main?.scrollBy({ top: target.getBoundingClientRect().top - main.clientHeight / 3 });
      const input = target.matches('input, textarea, button')
        ? target
        : target.querySelector<HTMLElement>('input, button');
      (input ?? target).focus({ preventScroll: true });
    });
    return () => cancelAnimationFrame(frame);
  });
  return [wanted?.field ?? null, useCallback((field) => setWanted({ field, at: Date.now() }), [])];
}

interface SummaryProps {
  readonly notices: readonly ToldNotice[];
  readonly check: ListingCheck | undefined;
  readonly onOpen: (field: string) => void;
}

/** «Исправьте 2 поля, чтобы объект вышел на Циан»: only what stops it. */
function Summary({ notices, check, onOpen }: SummaryProps) {
  const stopping = notices.filter(({ severity }) => severity === 'blocking');
  if (!check || stopping.length === 0) return null;
  const fields = new Set(stopping.map(({ field }) => field)).size;
  const boards = check.boards.filter(
    ({ isMarked, notices: own }) => isMarked && own.some(({ severity }) => severity === 'blocking'),
  );
  return (
    <NoticeSummary
      title={`Исправьте ${counted(fields, 'поле', 'поля', 'полей')}, чтобы объект вышел: ${listed(boards.map(({ boardName }) => boardName))}`}
      notices={stopping}
      onOpen={({ field }) => onOpen(field)}
    />
  );
}

function Words({ card, cost }: { card: ListingCard; cost: string | null }) {
  const facts = [
    card.kindLabel,
    card.stage.value && `стадия «${card.stage.value}»`,
    card.responsible ? card.responsible.name : 'ответственного нет',
    card.branch && `филиал «${card.branch.name}»`,
    `№ в источнике «${card.source.name}»: ${card.externalId}`,
    cost && `сегодня ${cost}`,
    `подтверждён ${moment(card.freshAt)}`,
    card.callBackAt && `перезвонить ${moment(card.callBackAt)}`,
  ];
  return <div className={classes.facts}>{facts.filter(Boolean).join(' · ')}</div>;
}

/** Where the property stands on the market. */
function Status({ card: { status } }: { card: ListingCard }) {
  const { tone, icon } = standingLook(status.value);
  const until = status.reservedUntil?.split('-').reverse().join('.');
  return <Chip tone={tone} icon={icon} words={status.label} {...(until && { detail: `до ${until}` })} />;
}

interface SaveBarProps {
  readonly count: number;
  readonly isPending: boolean;
  readonly onSave: () => void;
  readonly onForget: () => void;
}

function SaveBar({ count, isPending, onSave, onForget }: SaveBarProps) {
  const [since] = useState(() => Date.now());
  return (
    <div className={classes.saveBar} role="status">
      <Text size="sm">
        Не сохранено: {counted(count, 'поле', 'поля', 'полей')}, с {clock(since)}
      </Text>
      <Group gap="xs">
        <Button size="xs" variant="subtle" color="gray" c="dimmed" onClick={onForget}>
          Отменить изменения
        </Button>
        <Button size="xs" loading={isPending} onClick={onSave}>
          Сохранить
        </Button>
      </Group>
    </div>
  );
}

/** Going away with something unsaved is asked about. */
function Leaving({ draft, isDirty }: { draft: Draft; isDirty: boolean }) {
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) => isDirty && current.pathname !== next.pathname,
    enableBeforeUnload: () => isDirty,
    withResolver: true,
  });
  const isAsking = blocker.status === 'blocked';
  return (
    <Modal opened={isAsking} onClose={() => blocker.reset?.()} title="Уйти без сохранения?">
      <Stack gap="md">
        <Text size="sm">То, что вы набрали и не сохранили, пропадёт.</Text>
        <Group justify="flex-end">
          <Button
            variant="default"
            onClick={() => {
              draft.forget();
              blocker.proceed?.();
            }}
          >
            Уйти
          </Button>
          <Button data-autofocus onClick={() => blocker.reset?.()}>
            Остаться
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
