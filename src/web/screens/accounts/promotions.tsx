import { Alert, Button, Group, Modal, Select, Stack, Switch, Text } from '@mantine/core';
import { useDebouncedValue, useMediaQuery } from '@mantine/hooks';
import { IconPlus } from '@tabler/icons-react';
import { useInfiniteQuery, useMutation, useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import type {
  Promotion,
  PromotionLevels,
  PromotionPage,
  PromotionPrice,
  PromotionWish,
} from '../../../contracts/accounts.ts';
import type { BoardColumn, ListingsPage } from '../../../contracts/listings.ts';
import { api, newKey } from '../../api.ts';
import { confirm } from '../../parts/confirm.tsx';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { DayInput } from '../../parts/day-field.tsx';
import { Page } from '../../parts/page.tsx';
import { ProblemAlert, showDone } from '../../parts/problem.tsx';
import { Broken, Empty } from '../../parts/states.tsx';
import { keyOf, refresh, useApi } from '../../query.ts';
import { oneOf, useAddress } from '../../router.tsx';
import { useMay } from '../../session.ts';
import { day, dayShort, momentShort, money } from '../../words.ts';
import { CabinetLink, days, ListingLink } from './told.tsx';

const PAGE = 100;

/** Paid levels of the boards: who has them, and orders. */
export default function PromotionsScreen() {
  const may = useMay();
  const isPhone = useMediaQuery('(max-width: 48em)');
  const [filter, change] = useAddress((raw) => ({
    all: oneOf(raw.all) === 'true',
    listing: oneOf(raw.listing),
    cabinet: oneOf(raw.cabinet),
  }));
  const [isOrdering, setIsOrdering] = useState(false);
  const query = { all: filter.all || undefined, listing: filter.listing, cabinet: filter.cabinet, limit: PAGE };
  const pages = useInfiniteQuery({
    queryKey: keyOf('/promotions', query),
    queryFn: ({ pageParam, signal }) => api.get<PromotionPage>('/promotions', { ...query, after: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ page }) => page.next ?? undefined,
  });
  const rows = pages.data?.pages.flatMap(({ data }) => data) ?? [];
  const order = may('promotion') && (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setIsOrdering(true)}>
      Заказать
    </Button>
  );
  return (
    <Page
      title="Продвижение"
      back={{ to: '/accounts', words: 'Счета' }}
      words="Деньги удерживаются при заказе и списываются с первым изданием, в котором есть объект."
      actions={order}
    >
      <Switch
        label="Показать закончившиеся и отменённые"
        checked={filter.all}
        onChange={(event) => change({ all: event.currentTarget.checked || undefined })}
      />
      {pages.error && rows.length === 0 ? (
        <Broken error={pages.error} onRetry={() => void pages.refetch()} />
      ) : (
        <DataTable<Promotion>
          label="Продвижение"
          columns={isPhone ? NARROW : COLUMNS}
          rows={rows}
          total={pages.data?.pages[0]?.page.total ?? rows.length}
          keyOf={({ id }) => id}
          nameOf={({ id, listing }) => `№ ${id}, ${listing.externalId}`}
          rowHeight={isPhone ? 88 : 52}
          isLoading={pages.isLoading}
          hasMore={pages.hasNextPage && !pages.isFetchingNextPage}
          onMore={() => void pages.fetchNextPage()}
          empty={
            <Empty
              title={filter.all ? 'Продвижение не заказывали' : 'Сейчас ничего не заказано и не идёт'}
              words="Платные уровни и цены задаются тарифом кабинета."
            />
          }
        />
      )}
      {isOrdering && <Order given={filter} onClose={() => setIsOrdering(false)} />}
    </Page>
  );
}

const COLUMNS: Column<Promotion>[] = [
  {
    id: 'listing',
    head: 'Объект',
    width: '120px',
    isRowHeader: true,
    cell: ({ listing }) => <ListingLink id={listing.id} externalId={listing.externalId} />,
  },
  {
    id: 'cabinet',
    head: 'Кабинет',
    width: '150px',
    cell: ({ cabinetId, cabinetName }) => <CabinetLink id={cabinetId} name={cabinetName} />,
  },
  { id: 'level', head: 'Уровень', cell: ({ levelLabel }) => levelLabel },
  {
    id: 'term',
    head: 'Дни',
    width: '160px',
    cell: ({ startedOn, fromOn, untilOn, days: count }) => (
      <>
        {dayShort(startedOn ?? fromOn)} – {dayShort(untilOn)}
        <Text size="xs" c="dimmed">
          {days(count)}
        </Text>
      </>
    ),
  },
  {
    id: 'price',
    head: 'Цена',
    width: '130px',
    align: 'end',
    cell: ({ kopecks, account }) => (
      <>
        {kopecks === 0 ? 'бесплатно' : money(kopecks)}
        {account && (
          <Text size="xs" c="dimmed" truncate>
            {account}
          </Text>
        )}
      </>
    ),
  },
  {
    id: 'state',
    head: 'Состояние',
    width: '150px',
    cell: ({ stateLabel, isLate }) => (isLate ? `${stateLabel}, ждёт объект в фиде` : stateLabel),
  },
  {
    id: 'by',
    head: 'Заказал',
    width: '140px',
    cell: ({ by, at }) => (
      <>
        {by}
        <Text size="xs" c="dimmed">
          {momentShort(at)}
        </Text>
      </>
    ),
  },
  { id: 'deeds', head: '', name: 'Действия', width: '110px', align: 'end', cell: (row) => <Cancel promotion={row} /> },
];

/** Two columns: what a phone has room for. */
const NARROW: Column<Promotion>[] = [
  {
    id: 'what',
    head: 'Объект',
    isRowHeader: true,
    cell: ({ listing, cabinetId, cabinetName, levelLabel, startedOn, fromOn, untilOn }) => (
      <>
        <ListingLink id={listing.id} externalId={listing.externalId} /> ·{' '}
        <CabinetLink id={cabinetId} name={cabinetName} />
        <Text size="sm" fw={400}>
          {levelLabel}
        </Text>
        <Text size="xs" c="dimmed">
          {dayShort(startedOn ?? fromOn)} – {dayShort(untilOn)}
        </Text>
      </>
    ),
  },
  {
    id: 'state',
    head: 'Состояние',
    width: '120px',
    align: 'end',
    cell: (row) => (
      <>
        {row.kopecks === 0 ? 'бесплатно' : money(row.kopecks)}
        <Text size="xs" c="dimmed">
          {row.stateLabel}
        </Text>
        <Cancel promotion={row} />
      </>
    ),
  },
];

function Cancel({ promotion: { id, may, kopecks, listing, levelLabel } }: { promotion: Promotion }) {
  const cancel = useMutation({
    mutationFn: () => api.send('DELETE', `/promotions/${id}`),
    onSuccess: () => {
      showDone(`Отменено, ${money(kopecks)} снова на счёте`);
      void refresh('/promotions', '/accounts');
    },
  });
  if (!may.cancel) return null;
  return (
    <Button
      size="compact-sm"
      variant="subtle"
      loading={cancel.isPending}
      aria-label={`Отменить: ${levelLabel}, ${listing.externalId}`}
      onClick={async () => {
        const isSure = await confirm({
          title: `Отменить «${levelLabel}»?`,
          words: `${money(kopecks)} вернутся на счёт.`,
          action: 'Отменить заказ',
        });
        if (isSure) cancel.mutate();
      }}
    >
      Отменить
    </Button>
  );
}

/** The price is told before anything is ordered. */
function Order({
  given,
  onClose,
}: {
  given: { readonly listing: string | undefined; readonly cabinet: string | undefined };
  onClose: () => void;
}) {
  const [cabinetId, setCabinetId] = useState(given.cabinet ?? null);
  const [listingId, setListingId] = useState(given.listing ?? null);
  const [text, setText] = useState('');
  const [level, setLevel] = useState<string | null>(null);
  const [term, setTerm] = useState<string | null>(null);
  const [from, setFrom] = useState<string | null>(null);
  /** The label of the chosen one, which the field shows and which is no search. */
  const [chosen, setChosen] = useState('');
  const [settled] = useDebouncedValue(text, 250);
  const cabinets = useApi<{ data: readonly BoardColumn[] }>('/boards');
  const listings = useApi<ListingsPage>(
    '/listings',
    { cabinet: cabinetId, column: cabinetId, marked: 'yes', q: settled === chosen ? '' : settled, limit: 20 },
    { enabled: cabinetId !== null },
  );
  const levels = useApi<PromotionLevels>(`/cabinets/${cabinetId}/promotion-levels`, undefined, {
    enabled: cabinetId !== null,
  });
  const sold = (levels.data?.data ?? []).filter(({ prices }) => prices.length > 0);
  const prices = sold.find(({ code }) => code === level)?.prices ?? [];
  const wish: PromotionWish | null =
    cabinetId !== null && listingId !== null && level !== null && term !== null
      ? {
          cabinetId: Number(cabinetId),
          listingId: Number(listingId),
          level,
          days: Number(term),
          ...(from && { from }),
        }
      : null;
  const price = useQuery<PromotionPrice, Error>({
    queryKey: ['promotions', 'price', wish],
    queryFn: ({ signal }) => api.send('POST', '/promotions/dry-run', wish, { signal }),
    enabled: wish !== null,
    retry: false,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another wish is another intention
  const idempotencyKey = useMemo(newKey, [JSON.stringify(wish)]);
  const order = useMutation({
    mutationFn: () => api.send<Promotion>('POST', '/promotions', wish, { idempotencyKey }),
    meta: { isTold: true },
    onSuccess: ({ id, levelLabel }) => {
      showDone(`Заказано: ${levelLabel}, № ${id}`);
      onClose();
      void refresh('/promotions', '/accounts');
    },
  });
  return (
    <Modal opened onClose={onClose} title="Заказать продвижение">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (wish && price.data) order.mutate();
        }}
      >
        <Stack gap="md">
          <Select
            label="Кабинет"
            required
            data-autofocus
            data={(cabinets.data?.data ?? []).map(({ id, title }) => ({ value: String(id), label: title }))}
            value={cabinetId}
            onChange={(next) => {
              setCabinetId(next);
              setLevel(null);
              setTerm(null);
            }}
          />
          <Select
            label="Объект"
            description="Отмеченный в этом кабинете"
            placeholder="номер или адрес"
            required
            searchable
            disabled={cabinetId === null}
            data={(listings.data?.data ?? []).map(({ id, externalId, address }) => ({
              value: String(id),
              label: address ? `${externalId}, ${address}` : externalId,
            }))}
            filter={({ options }) => options}
            searchValue={text}
            onSearchChange={setText}
            value={listingId}
            onChange={(next, option) => {
              setListingId(next);
              setChosen(option?.label ?? '');
            }}
          />
          <Select
            label="Уровень"
            required
            disabled={sold.length === 0}
            placeholder={levels.data && sold.length === 0 ? 'в тарифе кабинета цен продвижения нет' : ''}
            data={sold.map(({ code, label }) => ({ value: code, label }))}
            value={level}
            onChange={(next) => {
              setLevel(next);
              const terms = sold.find(({ code }) => code === next)?.prices ?? [];
              setTerm(terms.length === 1 ? String(terms[0]!.days) : null);
            }}
          />
          <Group grow align="flex-start">
            <Select
              label="На сколько"
              required
              disabled={prices.length === 0}
              data={prices.map((one) => ({
                value: String(one.days),
                label: `${days(one.days)}, ${money(one.kopecks)}`,
              }))}
              value={term}
              onChange={setTerm}
            />
            <DayInput label="С какого дня" placeholder="сегодня" clearable value={from} onChange={setFrom} />
          </Group>
          {wish && price.data && (
            <Alert color="brand" variant="light" role="status">
              {price.data.levelLabel}, {day(price.data.fromOn)} – {day(price.data.untilOn)}:{' '}
              {price.data.kopecks === 0 ? 'бесплатно' : money(price.data.kopecks)}.
              {price.data.account &&
                ` Удержится на счёте «${price.data.account.name}»${price.data.account.availableKopecks === null ? '' : `, доступно ${money(price.data.account.availableKopecks)}`}.`}
            </Alert>
          )}
          <ProblemAlert error={order.error ?? price.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Отмена
            </Button>
            <Button type="submit" loading={order.isPending} disabled={!wish || !price.data}>
              Заказать{price.data && wish && price.data.kopecks > 0 ? ` за ${money(price.data.kopecks)}` : ''}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
