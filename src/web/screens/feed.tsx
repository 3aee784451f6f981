import { Alert, Button, Group, SegmentedControl, Text } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState } from 'react';
import type { EditionDetail, Editions, Feed, FeedDifference, Pulls, Runs } from '../../contracts/feeds.ts';
import { OUTCOMES } from '../../contracts/words.ts';
import { api } from '../api.ts';
import { OutcomeChip } from '../parts/outcome-chip.tsx';
import { Page, Sheet } from '../parts/page.tsx';
import { Broken, Empty, Loaded, Skeletons } from '../parts/states.tsx';
import { Way } from '../parts/way.tsx';
import { keyOf, useApi } from '../query.ts';
import { oneOf, useAddress } from '../router.tsx';
import { cabinetName, clock, formatNumber, moment, momentNear, momentShort, now, objects } from '../words.ts';
import { Check } from './feeds/check.tsx';
import classes from './feeds/feeds.module.css';
import {
  BrakeAlert,
  Difference,
  differenceWords,
  FailureAlert,
  FeedAddressLine,
  FeedChips,
  nextWords,
  RotateButton,
  RunButton,
  sizeWords,
  untilWords,
} from './feeds/parts.tsx';

const VIEWS = [
  { value: 'now', label: 'Сейчас' },
  { value: 'editions', label: 'Издания' },
  { value: 'pulls', label: 'Кто забирал' },
  { value: 'runs', label: 'Сборки' },
] as const;
type View = (typeof VIEWS)[number]['value'];

/** One feed: how it stands, what changed from edition to edition, who took it, how it was made. */
export default function FeedScreen() {
  const { id } = useParams({ strict: false }) as { id: string };
  const feed = useApi<Feed>(`/feeds/${id}`);
  const [{ view }, change] = useAddress((raw) => ({
    view: VIEWS.find(({ value }) => value === oneOf(raw.view))?.value ?? ('now' as View),
  }));
  const told = feed.data;
  return (
    <Page
      title={told ? cabinetName(told) : 'Фид'}
      back={{ to: '/feeds', words: 'К фидам' }}
      aside={told && <FeedChips feed={told} />}
      actions={
        told && (
          <>
            <RunButton feed={told} />
            <RotateButton feed={told} />
          </>
        )
      }
    >
      <Loaded query={feed}>
        {(of) => (
          <>
            <SegmentedControl
              aria-label="Что показать"
              value={view}
              onChange={(value) => change({ view: value === 'now' ? undefined : value }, { replace: true })}
              data={[...VIEWS]}
              style={{ alignSelf: 'flex-start', maxWidth: '100%', overflowX: 'auto' }}
            />
            {view === 'editions' ? (
              <EditionList feed={of} />
            ) : view === 'pulls' ? (
              <PullList feed={of} />
            ) : view === 'runs' ? (
              <RunList feed={of} />
            ) : (
              <Now feed={of} />
            )}
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Now({ feed }: { feed: Feed }) {
  const { edition, pulls, marks, messages } = feed;
  return (
    <>
      <FailureAlert feed={feed} />
      <BrakeAlert feed={feed} />
      {messages.map(({ text, at }) => (
        <Alert key={`${at} ${text}`} color="waiting" variant="light" title={momentNear(at)}>
          <Text size="sm">{text}</Text>
        </Alert>
      ))}
      <Sheet title="Что отдаётся">
        <dl className={classes.facts}>
          <dt>Адрес</dt>
          <dd>
            <FeedAddressLine feed={feed} />
            {feed.previousUntil !== null && (
              <Text size="sm" c="dimmed" mt={4}>
                {untilWords(feed.previousUntil)};{' '}
                {feed.byPreviousAt === null
                  ? 'по нему больше никто не приходит'
                  : `по нему приходили ${momentNear(feed.byPreviousAt)} — укажите новый на доске`}
              </Text>
            )}
          </dd>
          <dt>Издание</dt>
          <dd>
            {edition
              ? `№ ${edition.id}, ${moment(edition.publishedAt)}: ${objects(edition.offers)}, ${sizeWords(edition.bytes)}, сжатым ${sizeWords(edition.gzipBytes)}; каждое объявление проверено схемой при сборке`
              : 'ещё не собрано'}
          </dd>
          <dt>Отметки</dt>
          <dd className={classes.line}>
            {OUTCOMES.filter((outcome) => (marks.counts[outcome] ?? 0) > 0).map((outcome) => (
              <Way key={outcome} href={`/listings?board=${feed.board}&cabinet=${feed.id}&outcome=${outcome}`}>
                <OutcomeChip outcome={outcome} detail={formatNumber(marks.counts[outcome]!)} />
              </Way>
            ))}
            {marks.undecided > 0 && (
              <OutcomeChip outcome={null} label="ждут сборки" detail={formatNumber(marks.undecided)} />
            )}
            {marks.total === 0 && 'ничего не отмечено'}
          </dd>
          <dt>Доска</dt>
          <dd>
            {pulls.words}
            {pulls.lastAt !== null &&
              `; последний раз ${momentNear(pulls.lastAt)}, за сутки ${formatNumber(pulls.lastDay)}`}
          </dd>
          <dt>Следующая сборка</dt>
          <dd>
            {nextWords(feed, now())}
            <Next feed={feed} />
          </dd>
        </dl>
      </Sheet>
      <Check feed={feed} />
    </>
  );
}

/** What the next edition would change: played through when somebody wants to know. */
function Next({ feed }: { feed: Feed }) {
  const [isAsked, setIsAsked] = useState(false);
  const next = useApi<{ difference: FeedDifference | null }>(`/feeds/${feed.id}/next`, undefined, { enabled: isAsked });
  if (!isAsked)
    return (
      <div>
        <Button size="compact-sm" variant="subtle" onClick={() => setIsAsked(true)}>
          Что изменится
        </Button>
      </div>
    );
  return (
    <Loaded query={next} skeleton={<Skeletons rows={1} height={22} />} longWords="Проигрываем сборку, ничего не меняя.">
      {({ difference }) =>
        difference ? (
          <>
            <Text size="sm" my={4}>
              {differenceWords(difference)}
            </Text>
            <Difference difference={difference} />
          </>
        ) : (
          <Text size="sm" c="dimmed">
            Для такого большого фида заранее не считается.
          </Text>
        )
      }
    </Loaded>
  );
}

function EditionList({ feed }: { feed: Feed }) {
  const [open, setOpen] = useState<number | null>(null);
  const path = `/feeds/${feed.id}/editions`;
  const editions = useInfiniteQuery({
    queryKey: keyOf(path),
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) => api.get<Editions>(path, { after: pageParam }, signal),
    getNextPageParam: ({ page }) => page.next ?? undefined,
  });
  if (!editions.data)
    return editions.error ? (
      <Broken error={editions.error} onRetry={() => void editions.refetch()} />
    ) : (
      <Skeletons rows={5} />
    );
  const rows = editions.data.pages.flatMap(({ data }) => data);
  if (rows.length === 0) return <Empty title="Изданий ещё нет" words="Первое появится после сборки фида." />;
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys */}
      <section className={classes.wrap} tabIndex={0} aria-label="Издания">
        <table className={classes.table}>
          <thead>
            <tr>
              <th scope="col">Издание</th>
              <th scope="col">Когда</th>
              <th scope="col" className={classes.number}>
                Объекты
              </th>
              <th scope="col" className={classes.number}>
                Пришло
              </th>
              <th scope="col" className={classes.number}>
                Ушло
              </th>
              <th scope="col" className={classes.number}>
                Размер
              </th>
              <th scope="col">
                <span className="heard">Разница</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((edition) => (
              <EditionRow
                key={edition.id}
                feed={feed}
                edition={edition}
                isOpen={open === edition.id}
                onToggle={() => setOpen(open === edition.id ? null : edition.id)}
              />
            ))}
          </tbody>
        </table>
      </section>
      {editions.hasNextPage && (
        <Group justify="center">
          <Button variant="default" loading={editions.isFetchingNextPage} onClick={() => void editions.fetchNextPage()}>
            Раньше
          </Button>
        </Group>
      )}
    </>
  );
}

function EditionRow({
  feed,
  edition,
  isOpen,
  onToggle,
}: {
  feed: Feed;
  edition: Editions['data'][number];
  isOpen: boolean;
  onToggle: () => void;
}) {
  const signed = (count: number | null, sign: string) =>
    count === null ? '–' : count === 0 ? '0' : `${sign}${formatNumber(count)}`;
  return (
    <>
      <tr>
        <td>
          № {edition.id}
          {edition.isServed && (
            <Text size="xs" c="dimmed">
              отдаётся сейчас
            </Text>
          )}
        </td>
        <td>{momentShort(edition.publishedAt)}</td>
        <td className={classes.number}>{formatNumber(edition.offers)}</td>
        <td className={classes.number}>{signed(edition.added, '+')}</td>
        <td className={classes.number}>{signed(edition.removed, '−')}</td>
        <td className={classes.number}>{sizeWords(edition.bytes)}</td>
        <td>
          <Button
            size="compact-sm"
            variant="default"
            aria-expanded={isOpen}
            aria-label={`${isOpen ? 'Свернуть' : 'Чем отличается'} издание ${edition.id}`}
            onClick={onToggle}
          >
            {isOpen ? 'Свернуть' : 'Чем отличается'}
          </Button>
        </td>
      </tr>
      {isOpen && (
        <tr>
          <td colSpan={7}>
            <EditionDifference feed={feed} edition={edition.id} />
          </td>
        </tr>
      )}
    </>
  );
}

function EditionDifference({ feed, edition }: { feed: Feed; edition: number }) {
  const detail = useApi<EditionDetail>(`/feeds/${feed.id}/editions/${edition}`, undefined, {
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <Loaded query={detail}>
      {({ before, difference }) =>
        difference ? (
          <>
            <Text size="sm" c="dimmed" mb={4}>
              {before ? `По сравнению с изданием № ${before.id}, ${momentNear(before.publishedAt)}` : 'Первое издание'}
            </Text>
            <Difference difference={difference} />
          </>
        ) : (
          <Text size="sm" c="dimmed">
            Файлы одного из двух изданий уже не хранятся: сравнить нечего.
          </Text>
        )
      }
    </Loaded>
  );
}

function PullList({ feed }: { feed: Feed }) {
  const pulls = useApi<Pulls>(`/feeds/${feed.id}/pulls`, { limit: 100 });
  return (
    <Loaded query={pulls}>
      {({ data }) =>
        data.length === 0 ? (
          <Empty
            title="Фид ещё никто не забирал"
            words="Скопируйте адрес и укажите его в кабинете доски: обычно она приходит в тот же день."
          />
        ) : (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys
          <section className={classes.wrap} tabIndex={0} aria-label="Кто забирал фид">
            <table className={classes.table}>
              <thead>
                <tr>
                  <th scope="col">Когда</th>
                  <th scope="col">Кто</th>
                  <th scope="col">Ответ</th>
                  <th scope="col" className={classes.number}>
                    Издание
                  </th>
                  <th scope="col" className={classes.number}>
                    Размер
                  </th>
                </tr>
              </thead>
              <tbody>
                {data.map((pull, index) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: two robots may come in one millisecond
                  <tr key={`${pull.at} ${index}`}>
                    <td>{momentNear(pull.at)}</td>
                    <td>
                      {pull.robot ?? 'не назвался'}
                      <Text size="xs" c="dimmed">
                        {pull.from}
                        {pull.isPrevious && ' · по прежнему адресу'}
                      </Text>
                    </td>
                    <td>
                      {pull.status} {PULL_WORDS[pull.status] ?? ''}
                      {pull.method === 'HEAD' && ' (только заголовки)'}
                    </td>
                    <td className={classes.number}>{pull.edition === null ? '–' : `№ ${pull.edition}`}</td>
                    <td className={classes.number}>
                      {pull.bytes === 0 ? '–' : `${sizeWords(pull.bytes)}${pull.isPacked ? ', gzip' : ''}`}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        )
      }
    </Loaded>
  );
}

const PULL_WORDS: Readonly<Record<number, string>> = {
  200: 'забрали',
  206: 'забрали часть',
  304: 'не изменился',
  410: 'адрес заменён',
  416: 'просили не ту часть',
  503: 'ещё не собран',
};

function RunList({ feed }: { feed: Feed }) {
  const runs = useApi<Runs>(`/feeds/${feed.id}/runs`, { limit: 50 });
  return (
    <Loaded query={runs}>
      {({ data }) =>
        data.length === 0 ? (
          <Empty title="Сборок ещё не было" words="Фид собирается сам, когда что-то меняется." />
        ) : (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys
          <section className={classes.wrap} tabIndex={0} aria-label="Сборки">
            <table className={classes.table}>
              <thead>
                <tr>
                  <th scope="col">Когда</th>
                  <th scope="col">Почему</th>
                  <th scope="col">Чем кончилась</th>
                  <th scope="col" className={classes.number}>
                    Объекты
                  </th>
                  <th scope="col" className={classes.number}>
                    Новых итогов
                  </th>
                </tr>
              </thead>
              <tbody>
                {data.map((run) => (
                  <tr key={run.id}>
                    <td>
                      {momentNear(run.startedAt)}
                      {run.finishedAt && (
                        <Text size="xs" c="dimmed">
                          до {clock(run.finishedAt)}
                        </Text>
                      )}
                    </td>
                    <td>{run.cause === 'person' ? 'вручную' : 'по расписанию'}</td>
                    <td>
                      {run.label}
                      {run.error && (
                        <Text size="sm" c="var(--tone-error)">
                          {run.error}
                        </Text>
                      )}
                    </td>
                    <td className={classes.number}>{run.offers === null ? '–' : formatNumber(run.offers)}</td>
                    <td className={classes.number}>{run.changed === null ? '–' : formatNumber(run.changed)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        )
      }
    </Loaded>
  );
}
