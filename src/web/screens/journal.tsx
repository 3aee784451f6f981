import { Anchor, Button, Group, MultiSelect, Select, Text, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconDownload } from '@tabler/icons-react';
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import type { Entry, Journal as JournalPage, JournalWords } from '../../contracts/journal.ts';
import { addressOf, api, type Query } from '../api.ts';
import { PeriodInput } from '../parts/day-field.tsx';
import { Page } from '../parts/page.tsx';
import { Broken, Empty, Skeletons } from '../parts/states.tsx';
import { useApi } from '../query.ts';
import { listOf, oneOf, useAddress } from '../router.tsx';
import { clock, day, today } from '../words.ts';
import classes from './journal.module.css';

/** Who did what, newest first, day by day. */
export default function Journal() {
  const [filter, change] = useAddress((raw) => ({
    who: oneOf(raw.who) ?? '',
    action: listOf(raw.action),
    cabinet: oneOf(raw.cabinet),
    listing: oneOf(raw.listing),
    from: oneOf(raw.from),
    to: oneOf(raw.to),
  }));
  const query: Query = { ...filter };
  const list = useInfiniteQuery({
    queryKey: ['journal', 'pages', query],
    queryFn: ({ pageParam, signal }) => api.get<JournalPage>('/journal', { ...query, after: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: ({ page }) => page.next,
    placeholderData: keepPreviousData,
  });
  const words = useApi<JournalWords>('/journal/words', undefined, { staleTime: Number.POSITIVE_INFINITY });
  const entries = list.data?.pages.flatMap(({ data }) => data) ?? [];
  const isFiltered = Object.values(filter).some((value) => (Array.isArray(value) ? value.length > 0 : Boolean(value)));
  const clear = () =>
    change({
      who: undefined,
      action: undefined,
      cabinet: undefined,
      listing: undefined,
      from: undefined,
      to: undefined,
    });
  return (
    <Page
      title="Журнал"
      words="Кто, что и когда сделал: было → стало."
      actions={
        <Button
          component="a"
          href={addressOf('/journal.csv', query)}
          download
          variant="default"
          leftSection={<IconDownload size={16} />}
        >
          Скачать для Excel
        </Button>
      }
    >
      <Group gap="sm" align="start" role="search">
        <Words label="Кто" value={filter.who} onChange={(who) => change({ who }, { replace: true })} />
        <MultiSelect
          label="Что"
          w={{ base: '100%', xs: 260 }}
          searchable
          clearable
          placeholder={filter.action.length === 0 ? 'любое действие' : ''}
          value={[...filter.action]}
          onChange={(action) => change({ action })}
          data={(words.data?.groups ?? []).map(({ title, actions }) => ({
            group: title,
            items: actions.map(({ action, label }) => ({ value: action, label })),
          }))}
        />
        <Select
          label="Кабинет"
          w={180}
          clearable
          placeholder="любой"
          value={filter.cabinet ?? null}
          onChange={(cabinet) => change({ cabinet: cabinet ?? undefined })}
          data={(words.data?.cabinets ?? []).map(({ id, label }) => ({ value: String(id), label }))}
        />
        <Words
          label="Объект №"
          width={100}
          value={filter.listing ?? ''}
          onChange={(listing) => change({ listing: listing.replace(/\D/g, '') || undefined }, { replace: true })}
        />
        <PeriodInput
          label="Дни"
          w={200}
          clearable
          placeholder="за всё время"
          value={[filter.from ?? null, filter.to ?? null]}
          onChange={([from, to]) => {
            if ((from === null) === (to === null)) change({ from: from ?? undefined, to: to ?? undefined });
          }}
        />
        {isFiltered && (
          <Button variant="subtle" mt={24} onClick={clear}>
            Сбросить
          </Button>
        )}
      </Group>
      {list.error && entries.length === 0 ? (
        <Broken error={list.error} onRetry={() => void list.refetch()} />
      ) : list.isPending ? (
        <Skeletons rows={10} />
      ) : entries.length === 0 ? (
        <Empty
          kind={isFiltered ? 'filter' : 'never'}
          title={isFiltered ? 'По фильтру ничего нет' : 'В журнале пока пусто'}
          {...(isFiltered && { action: { words: 'Сбросить фильтр', onClick: clear } })}
        />
      ) : (
        <Days entries={entries} />
      )}
      {list.hasNextPage && (
        <Group justify="center">
          <Button variant="default" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            Показать ещё
          </Button>
        </Group>
      )}
    </Page>
  );
}

function Words({
  label,
  value,
  onChange,
  width = 150,
}: {
  label: string;
  value: string;
  onChange: (text: string) => void;
  width?: number;
}) {
  const [text, setText] = useState(value);
  const tell = useDebouncedCallback(onChange, 300);
  // «Сбросить» and «назад» change the address past the field.
  useEffect(() => setText(value), [value]);
  return (
    <TextInput
      label={label}
      w={width}
      maxLength={200}
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value);
        tell(event.currentTarget.value);
      }}
    />
  );
}

function Days({ entries }: { entries: readonly Entry[] }) {
  const days = new Map<string, Entry[]>();
  for (const entry of entries) {
    const on = today(new Date(entry.at));
    days.set(on, [...(days.get(on) ?? []), entry]);
  }
  return (
    <div className={classes.scroll}>
      <table className={classes.table} aria-label="Журнал">
        <thead>
          <tr>
            <th scope="col">Время</th>
            <th scope="col">Кто</th>
            <th scope="col">Что</th>
            <th scope="col">Где</th>
          </tr>
        </thead>
        {[...days].map(([on, ofDay]) => (
          <tbody key={on}>
            <tr>
              <th colSpan={4} scope="rowgroup" className={classes.day}>
                {day(on)}
              </th>
            </tr>
            {ofDay.map((entry) => (
              <Row key={entry.id} entry={entry} />
            ))}
          </tbody>
        ))}
      </table>
    </div>
  );
}

function Row({ entry: { at, by, title, lines, listing, cabinet } }: { entry: Entry }) {
  return (
    <tr>
      <td className={classes.time}>{clock(at)}</td>
      <td>{by}</td>
      <td>
        <Text size="sm" fw={600}>
          {title}
        </Text>
        {lines.map((line, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: lines of an entry never move
          <Text key={index} size="sm" className={classes.line!}>
            {line}
          </Text>
        ))}
      </td>
      <td>
        {listing && (
          <Anchor component={Link} to={`/listings/${listing.id}`} size="sm">
            {listing.externalId}
          </Anchor>
        )}
        {listing && cabinet && <br />}
        {cabinet?.label}
      </td>
    </tr>
  );
}
