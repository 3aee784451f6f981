import { Alert, Anchor, Badge, Button, Group, Text, Tooltip } from '@mantine/core';
import { useLocalStorage } from '@mantine/hooks';
import { IconEye, IconMessageCheck } from '@tabler/icons-react';
import { lazy, Suspense, useEffect, useRef, useState } from 'react';
import type { Case, ComparedPhoto, Given, PutAside, QueueWords, VerdictBody } from '../../../contracts/moderation.ts';
import { api, newKey, ProblemError } from '../../api.ts';
import { ariaKeys, useHotkeys } from '../../hotkeys.ts';
import { useFetchLater } from '../../late.tsx';
import { Keys } from '../../parts/keys.tsx';
import { showProblem } from '../../parts/problem.tsx';
import { Loaded } from '../../parts/states.tsx';
import { keyOf, queryClient, refresh } from '../../query.ts';
import { lasted, listed, moment, now } from '../../words.ts';
import { type Conflict, casePath, conflictsOf, type OpenCase, useLookers, useOpenCase } from './case.ts';
import { Checks } from './checks.tsx';
import { changesOnPage, Difference, Since, type TextLayout } from './difference.tsx';
import classes from './moderation.module.css';

const loadDialogs = () => import('./dialogs.tsx');
const loadViewer = () => import('./photo-viewer.tsx');
const ReturnDialog = lazy(async () => ({ default: (await loadDialogs()).ReturnDialog }));
const CorrectDialog = lazy(async () => ({ default: (await loadDialogs()).CorrectDialog }));
const PostponeDialog = lazy(async () => ({ default: (await loadDialogs()).PostponeDialog }));
const AskDialog = lazy(async () => ({ default: (await loadDialogs()).AskDialog }));
const ConflictDialog = lazy(async () => ({ default: (await loadDialogs()).ConflictDialog }));
const PhotoViewer = lazy(async () => ({ default: (await loadViewer()).PhotoViewer }));
const LATER = [loadDialogs, loadViewer];

interface Taken {
  readonly seconds: number;
  readonly verdictId?: number;
}

/** Something was decided: the next case is opened before the server has answered. */
export interface Done {
  readonly shown: Case;
  /** «Одобрен», «Возвращён», «Отложен». */
  readonly words: string;
  readonly send: () => Promise<Taken>;
  readonly undo: (taken: Taken) => Promise<unknown>;
  /** @returns true: it has been told beside the case */
  readonly onRefused: (error: unknown) => boolean;
}

interface CaseViewProps {
  readonly id: number;
  readonly words: QueueWords;
  readonly onDone: (done: Done) => void;
}

const HEADING = 'case-heading';

type Dialog = 'return' | 'correct' | 'postpone' | 'ask' | null;

export function CaseView({ id, words, onDone }: CaseViewProps) {
  useFetchLater(LATER);
  const open = useOpenCase(id);
  const [conflict, setConflict] = useState<{ externalId: string; conflicts: readonly Conflict[] } | null>(null);
  const conflictWith = async (before: Case) => {
    const after = await api.get<Case>(casePath(before.id)).catch(() => null);
    if (!after) return;
    queryClient.setQueryData(keyOf(casePath(before.id)), after);
    setConflict({ externalId: before.externalId, conflicts: conflictsOf(before, after) });
  };
  return (
    <>
      {open.shown ? (
        <Shown
          key={id}
          open={open}
          shown={open.shown}
          words={words}
          onDone={onDone}
          onConflict={(before) => void conflictWith(before)}
        />
      ) : (
        <div className={classes.middle}>
          <Loaded query={open.query}>{() => null}</Loaded>
        </div>
      )}
      <Suspense>
        {conflict && (
          <ConflictDialog
            externalId={conflict.externalId}
            conflicts={conflict.conflicts}
            onClose={() => {
              setConflict(null);
              open.accept();
              // After the dialog, which gives the focus back to a button that is gone.
              setTimeout(() => document.getElementById(HEADING)?.focus({ preventScroll: true }), 200);
            }}
          />
        )}
      </Suspense>
    </>
  );
}

interface ShownProps {
  readonly open: OpenCase;
  readonly shown: Case;
  readonly words: QueueWords;
  readonly onDone: (done: Done) => void;
  readonly onConflict: (before: Case) => void;
}

function Shown({ open, shown, words, onDone, onConflict }: ShownProps) {
  const [dialog, setDialog] = useState<Dialog>(null);
  const [isAll, setAll] = useState(false);
  const [layout, setLayout] = useLocalStorage<TextLayout>({ key: 'vygruzka.moderation.text', defaultValue: 'line' });
  const [photo, setPhoto] = useState<ComparedPhoto | null>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const body = useRef<HTMLDivElement>(null);
  const lookers = useLookers(shown.id, shown.lookers);
  const { may } = shown;
  const close = () => setDialog(null);

  // The reading goes on with the new case, wherever the focus was. After the shell, which would take it to the page.
  useEffect(() => {
    const frame = requestAnimationFrame(() => heading.current?.focus({ preventScroll: true }));
    return () => cancelAnimationFrame(frame);
  }, []);

  const onRefused = (error: unknown): boolean => {
    if (!(error instanceof ProblemError) || error.status !== 412) return false;
    onConflict(shown);
    return true;
  };

  const give = (verdict: VerdictBody, deed: string) => {
    const idempotencyKey = newKey();
    onDone({
      shown,
      words: deed,
      onRefused,
      send: async () => {
        const given = await api.send<Given>(
          'POST',
          `${casePath(shown.id)}/verdict`,
          { ...verdict, queue: words },
          { ifMatch: `"${shown.version}"`, idempotencyKey },
        );
        const left = Math.floor((new Date(given.effectiveAt).getTime() - now().getTime()) / 1_000);
        return { verdictId: given.verdictId, seconds: Math.min(given.undoSeconds, Math.max(1, left)) };
      },
      undo: ({ verdictId }) => api.send('POST', `${casePath(shown.id)}/undo`, { verdict: verdictId }),
    });
  };
  const putAside = (path: 'postpone' | 'ask', payload: object, deed: string) =>
    onDone({
      shown,
      words: deed,
      onRefused,
      send: async () => {
        await api.send<PutAside>('POST', `${casePath(shown.id)}/${path}`, { ...payload, queue: words });
        return { seconds: 10 };
      },
      undo: () => api.send('DELETE', `${casePath(shown.id)}/postpone`),
    });

  const isChanged = open.newer !== null;
  const approveRefusal = isChanged
    ? 'Объект изменился, пока вы смотрели: сначала посмотрите, что именно.'
    : (may.approveRefusal ?? (shown.isWaiting ? null : 'Проверять нечего: всё уже решено.'));
  const approve = () => {
    if (isChanged) onConflict(shown);
    else if (approveRefusal === null) give({ verdict: 'approved' }, 'Одобрен');
    else showProblem(new ProblemError(refusal(approveRefusal)));
  };
  const begin = (which: Dialog, isAllowed: boolean) => () => {
    if (isChanged) onConflict(shown);
    else if (isAllowed) setDialog(which);
  };
  const toChange = (step: 1 | -1) => {
    const changes = changesOnPage(body.current);
    const at = changes.findIndex((one) => one.contains(document.activeElement));
    const next = changes[at < 0 ? (step > 0 ? 0 : changes.length - 1) : at + step];
    next?.focus();
    next?.scrollIntoView({ block: 'nearest' });
  };
  const firstPhoto =
    shown.photos.after.find(({ fate, isMoved }) => fate !== 'same' || isMoved) ?? shown.photos.after[0] ?? null;
  useHotkeys('Модерация', [
    { keys: 'a', words: 'Одобрить', run: approve },
    { keys: 'r', words: 'Вернуть, дальше 1–9', run: begin('return', may.decide) },
    { keys: 'e', words: 'Исправить и одобрить', run: begin('correct', may.correct) },
    { keys: 'h', words: 'Отложить', run: begin('postpone', may.decide) },
    { keys: 'c', words: 'Спросить агента', run: begin('ask', may.decide) },
    { keys: '[', words: 'К предыдущему отличию', repeats: true, run: () => toChange(-1) },
    { keys: ']', words: 'К следующему отличию', repeats: true, run: () => toChange(1) },
    { keys: 'd', words: 'Всё или только отличия', run: () => setAll((was) => !was) },
    { keys: 'space', words: 'Фото крупно', run: () => setPhoto(firstPhoto) },
  ]);

  return (
    <>
      <article className={classes.middle} aria-labelledby={HEADING}>
        <div className={classes.scroll} ref={body}>
          <header className={classes.caseHead}>
            <h2 id={HEADING} className={classes.caseTitle} tabIndex={-1} ref={heading}>
              {shown.externalId} · {shown.heading}
            </h2>
            <Text size="sm">
              {[shown.address, shown.agent?.name ?? 'без ответственного', shown.branch].filter(Boolean).join(' · ')}{' '}
              <Anchor href={`/listings/${shown.id}`} size="sm" underline="always">
                Карточка
              </Anchor>
            </Text>
            <Group gap="xs" justify="space-between">
              <Since shown={shown} />
              {!shown.isNew && (
                <Button
                  size="compact-sm"
                  variant="subtle"
                  onClick={() => setAll((was) => !was)}
                  aria-pressed={isAll}
                  aria-keyshortcuts={ariaKeys('d')}
                  rightSection={<Keys keys="d" />}
                >
                  {isAll ? 'Только отличия' : 'Показать всё'}
                </Button>
              )}
            </Group>
            {shown.isSample && <Badge variant="light">Выборка: доверенный агент</Badge>}
            {lookers.length > 0 && (
              <p className={classes.note} data-tone="waiting">
                <IconEye size={16} aria-hidden />
                {lookers.length === 1 ? 'Смотрит' : 'Смотрят'}{' '}
                {listed(lookers.map(({ name, since }) => `${name}, ${lasted(since)}`))}
              </p>
            )}
            {shown.postponed && shown.postponed.answer !== null && (
              <p className={classes.note} data-tone="ok">
                <IconMessageCheck size={16} aria-hidden />
                <span>
                  {shown.postponed.by} спрашивает: {shown.postponed.question} <br />
                  Агент ответил: {shown.postponed.answer}
                </span>
              </p>
            )}
            {shown.postponed && shown.postponed.answer === null && !shown.postponed.isOver && (
              <PutAsideNote shown={shown} />
            )}
            {shown.returned && (
              <p className={classes.note} data-tone="money">
                <span>
                  Возвращал {shown.returned.by}, {moment(shown.returned.at)}: {shown.returned.texts.join(' ')}
                </span>
              </p>
            )}
            {!shown.isWaiting && (
              <p className={classes.note} data-tone="neutral">
                {shown.history[0] && !shown.history[0].isUndone
                  ? `Уже решено: ${shown.history[0].label}, ${shown.history[0].by}, ${moment(shown.history[0].at)}.`
                  : 'Этот объект модератора не ждёт.'}
              </p>
            )}
            {open.newer && (
              <Alert color="money" role="alert" title="Объект изменился, пока вы смотрели">
                <Button size="xs" variant="default" onClick={() => onConflict(shown)}>
                  Показать, что именно
                </Button>
              </Alert>
            )}
          </header>
          <Difference shown={shown} isAll={isAll} layout={layout} onLayout={setLayout} onPhoto={setPhoto} />
        </div>
        <div className={classes.verdict} role="toolbar" aria-label="Решение">
          <VerdictButton keys="a" words="Одобрить" isMain refusal={approveRefusal} onClick={approve} />
          <VerdictButton
            keys="r"
            words="Вернуть"
            refusal={may.decide ? null : may.approveRefusal}
            onClick={begin('return', may.decide)}
          />
          <VerdictButton
            keys="e"
            words="Исправить"
            refusal={may.correct ? may.approveRefusal : 'Исправлять этот объект вам нельзя.'}
            onClick={begin('correct', may.correct && may.approveRefusal === null)}
          />
          <VerdictButton
            keys="h"
            words="Отложить"
            refusal={may.decide ? null : may.approveRefusal}
            onClick={begin('postpone', may.decide)}
          />
          <VerdictButton
            keys="c"
            words="Спросить"
            refusal={may.decide ? null : may.approveRefusal}
            onClick={begin('ask', may.decide)}
          />
        </div>
      </article>
      <Checks shown={shown} />
      <Suspense>
        {photo && <PhotoViewer photos={shown.photos} photo={photo} onPhoto={setPhoto} onClose={() => setPhoto(null)} />}
        {dialog === 'return' && (
          <ReturnDialog
            shown={shown}
            onClose={close}
            onReturn={(reasons, note) =>
              give({ verdict: 'returned', reasons, ...(note !== '' && { note }) }, 'Возвращён')
            }
          />
        )}
        {dialog === 'correct' && (
          <CorrectDialog
            shown={shown}
            onClose={close}
            onCorrect={(corrections) => give({ verdict: 'approved', corrections }, 'Исправлен и одобрен')}
          />
        )}
        {dialog === 'postpone' && (
          <PostponeDialog
            shown={shown}
            onClose={close}
            onPostpone={(until) => putAside('postpone', { until: until.toISOString() }, 'Отложен')}
          />
        )}
        {dialog === 'ask' && (
          <AskDialog
            shown={shown}
            onClose={close}
            onAsk={(question) => putAside('ask', { question }, 'Вопрос задан:')}
          />
        )}
      </Suspense>
    </>
  );
}

const refusal = (detail: string): ProblemError['problem'] => ({
  type: '/problems/not-now',
  title: 'Сейчас нельзя',
  status: 409,
  detail,
  instance: '',
  code: 'not-now',
  requestId: '',
});

/** A case that is put aside, and a way to take it up now. */
function PutAsideNote({ shown }: { shown: Case }) {
  const { until, by, question } = shown.postponed!;
  const [isBusy, setBusy] = useState(false);
  const resume = async () => {
    setBusy(true);
    try {
      await api.send('DELETE', `${casePath(shown.id)}/postpone`);
      await refresh('/moderation');
    } catch (error) {
      showProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <p className={classes.note} data-tone="waiting">
      <span>
        {question === null
          ? `Отложено до ${moment(until)}, ${by}.`
          : `${by} спрашивает агента: ${question} Ответа ждём до ${moment(until)}.`}{' '}
        <Button size="compact-xs" variant="default" loading={isBusy} onClick={() => void resume()}>
          Вернуть в очередь
        </Button>
      </span>
    </p>
  );
}

interface VerdictButtonProps {
  readonly keys: string;
  readonly words: string;
  readonly isMain?: boolean;
  /** Why it cannot be done; the button says so. */
  readonly refusal: string | null;
  readonly onClick: () => void;
}

function VerdictButton({ keys, words, isMain = false, refusal: why, onClick }: VerdictButtonProps) {
  return (
    <Tooltip label={why} disabled={why === null}>
      <Button
        variant={isMain ? 'filled' : 'default'}
        px={9}
        data-disabled={why !== null || undefined}
        aria-disabled={why !== null || undefined}
        onClick={(event) => (why === null ? onClick() : event.preventDefault())}
        rightSection={<Keys keys={keys} />}
        aria-keyshortcuts={ariaKeys(keys)}
      >
        {words}
      </Button>
    </Tooltip>
  );
}
