import { Text } from '@mantine/core';
import type { Feed, Feeds } from '../../contracts/feeds.ts';
import { Page, Sheet } from '../parts/page.tsx';
import { Empty, Loaded } from '../parts/states.tsx';
import { Way, WayButton } from '../parts/way.tsx';
import { useApi } from '../query.ts';
import { useMay } from '../session.ts';
import { cabinetName, formatNumber, momentNear, now, objects } from '../words.ts';
import classes from './feeds/feeds.module.css';
import {
  BrakeAlert,
  FailureAlert,
  FeedAddressLine,
  FeedChips,
  nextWords,
  sizeWords,
  untilWords,
} from './feeds/parts.tsx';

/** «Фиды»: one sheet for each, those that need somebody first. */
export default function FeedsScreen() {
  const feeds = useApi<Feeds>('/feeds');
  const may = useMay();
  return (
    <Page
      title="Фиды"
      words="Что отдаётся доскам и кто это забирает."
      actions={may('imports') && <WayButton href="/imports">Загрузки</WayButton>}
    >
      <Loaded query={feeds}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty
              title="Фидов ещё нет"
              words="Фид появляется вместе с кабинетом доски. Заведите кабинет и отметьте объекты."
            />
          ) : (
            data
              .toSorted((a, b) => Number(needsSomebody(b)) - Number(needsSomebody(a)))
              .map((feed) => <FeedSheet key={feed.id} feed={feed} />)
          )
        }
      </Loaded>
    </Page>
  );
}

const needsSomebody = ({ failure, brake, pulls }: Feed) =>
  failure !== null || (brake !== null && !brake.release) || pulls.state === 'late' || pulls.state === 'never';

function FeedSheet({ feed }: { feed: Feed }) {
  const { edition, pulls, marks } = feed;
  return (
    <Sheet>
      <div className={classes.feed}>
        <div className={classes.head}>
          <Text component="h2" size="md" fw={600}>
            <Way href={`/feeds/${feed.id}`} size="md" fw={600}>
              {cabinetName(feed)}
            </Way>
            {feed.branch && (
              <Text span size="sm" c="dimmed">
                {' '}
                · филиал {feed.branch}
              </Text>
            )}
          </Text>
          <FeedChips feed={feed} />
        </div>
        <FeedAddressLine feed={feed} />
        <FailureAlert feed={feed} />
        <BrakeAlert feed={feed} />
        <Text size="sm">
          {edition
            ? `Издание № ${edition.id}, ${momentNear(edition.publishedAt)}: ${objects(edition.offers)} из ${formatNumber(marks.total)} отмеченных, ${sizeWords(edition.bytes)} (сжатым ${sizeWords(edition.gzipBytes)}), схема проверена при сборке.`
            : `Отмечено ${objects(marks.total)}, издания ещё нет.`}
        </Text>
        <Text size="sm">
          Доска: {pulls.words}
          {pulls.lastAt !== null && ` · последний раз ${momentNear(pulls.lastAt)}`}
          {feed.previousUntil !== null &&
            ` · ${untilWords(feed.previousUntil)}${feed.byPreviousAt === null ? '' : `, по нему приходили ${momentNear(feed.byPreviousAt)}`}`}
        </Text>
        <Text size="sm" c="dimmed">
          Следующая сборка: {nextWords(feed, now())}
        </Text>
      </div>
    </Sheet>
  );
}
