import { Anchor, Button, Group, Menu, MultiSelect, Select, Text } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconDownload, IconFilterOff } from '@tabler/icons-react';
import { useInfiniteQuery, useMutation } from '@tanstack/react-query';
import type { AccountPage, Transfer, TransferPage } from '../../../contracts/accounts.ts';
import { addressOf, api, newKey, type Query } from '../../api.ts';
import { askReason } from '../../parts/confirm.tsx';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { PeriodInput } from '../../parts/day-field.tsx';
import { showDone } from '../../parts/problem.tsx';
import { Broken, Empty } from '../../parts/states.tsx';
import { keyOf, refresh } from '../../query.ts';
import { listOf, oneOf, useAddress } from '../../router.tsx';
import { dayShort, momentShort, money } from '../../words.ts';
import classes from './accounts.module.css';
import { CabinetLink, ListingLink } from './told.tsx';

const PAGE = 100;
const isDay = (text: string | undefined) => (text !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(text) ? text : undefined);

/** Every transfer of an account, from the last day back; what is shown stands in the address. */
export function Ledger({ account }: { account: AccountPage }) {
  const [filter, change] = useAddress((raw) => ({
    kind: listOf(raw.kind),
    from: isDay(oneOf(raw.from)),
    until: isDay(oneOf(raw.until)),
    cabinet: oneOf(raw.cabinet),
    listing: oneOf(raw.listing),
  }));
  const isPhone = useMediaQuery('(max-width: 48em)');
  const path = `/accounts/${account.id}/transfers`;
  const query = { ...filter, limit: PAGE };
  const pages = useInfiniteQuery({
    queryKey: keyOf(path, query),
    queryFn: ({ pageParam, signal }) => api.get<TransferPage>(path, { ...query, after: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ page }) => page.next ?? undefined,
  });
  const rows = pages.data?.pages.flatMap(({ data }) => data) ?? [];
  const isFiltered = filter.kind.length > 0 || Boolean(filter.from || filter.until || filter.cabinet || filter.listing);
  const clear = () =>
    change({ kind: undefined, from: undefined, until: undefined, cabinet: undefined, listing: undefined });
  const isTold = rows[0] === undefined || rows[0].balanceKopecks !== null;
  return (
    <>
      <Group gap="sm" align="flex-end">
        <MultiSelect
          label="Операции"
          placeholder={filter.kind.length === 0 ? 'все' : ''}
          w={260}
          data={account.kinds.map(({ kind, label }) => ({ value: kind, label }))}
          value={[...filter.kind]}
          onChange={(kind) => change({ kind })}
        />
        <PeriodInput
          label="За дни"
          placeholder="все"
          clearable
          w={230}
          value={[filter.from ?? null, filter.until ?? null]}
          onChange={([from, until]) => change({ from: from ?? undefined, until: until ?? undefined })}
        />
        <Select
          label="Кабинет"
          placeholder="все"
          clearable
          w={200}
          data={account.cabinets.map(({ id, name }) => ({ value: String(id), label: name }))}
          value={filter.cabinet ?? null}
          onChange={(cabinet) => change({ cabinet: cabinet ?? undefined })}
        />
        {filter.listing && (
          <Button variant="light" onClick={() => change({ listing: undefined })}>
            объект #{filter.listing} ×
          </Button>
        )}
        {isFiltered && (
          <Button variant="subtle" leftSection={<IconFilterOff size={16} aria-hidden />} onClick={clear}>
            Сбросить
          </Button>
        )}
        <Download account={account} period={{ from: filter.from, until: filter.until }} />
      </Group>
      {pages.error && rows.length === 0 ? (
        <Broken error={pages.error} onRetry={() => void pages.refetch()} />
      ) : (
        <DataTable<Transfer, string>
          label={`Движение по счёту: ${account.name}`}
          columns={isPhone ? narrowColumns(isTold) : columnsOf(isTold, (day) => change({ from: day, until: day }))}
          rows={rows}
          keyOf={({ id }) => id}
          nameOf={({ label, day }) => `${label}, ${dayShort(day)}`}
          rowHeight={isPhone ? 76 : 52}
          isLoading={pages.isLoading}
          hasMore={pages.hasNextPage && !pages.isFetchingNextPage}
          onMore={() => void pages.fetchNextPage()}
          empty={
            isFiltered ? (
              <Empty kind="filter" title="Таких переводов нет" action={{ words: 'Сбросить фильтр', onClick: clear }} />
            ) : (
              <Empty title="Переводов пока нет" words="Здесь будет каждое пополнение, удержание, списание и возврат." />
            )
          }
        />
      )}
    </>
  );
}

function Download({ account, period }: { account: AccountPage; period: Query }) {
  const file = (ending: string, more: Query = {}) =>
    addressOf(`/accounts/${account.id}/statement${ending}`, { ...period, ...more });
  return (
    <Menu>
      <Menu.Target>
        <Button variant="default" ms="auto" leftSection={<IconDownload size={16} aria-hidden />}>
          Выписка
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{period.from || period.until ? 'За выбранные дни' : 'За этот месяц'}</Menu.Label>
        <Menu.Item component="a" href={file('.xlsx')} download>
          Excel, построчно
        </Menu.Item>
        <Menu.Item component="a" href={file('.xlsx', { by: 'listing' })} download>
          Excel, по объектам
        </Menu.Item>
        <Menu.Item component="a" href={file('.xlsx', { by: 'board' })} download>
          Excel, по доскам
        </Menu.Item>
        <Menu.Item component="a" href={file('.xlsx', { by: 'day' })} download>
          Excel, по дням
        </Menu.Item>
        <Menu.Item component="a" href={file('.csv')} download>
          CSV, построчно
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function sumTold({ balanceChangeKopecks: change, heldChangeKopecks: held, kopecks }: Transfer) {
  if (change === 0)
    return (
      <Text component="span" c="dimmed" inherit>
        ({money(kopecks)})
      </Text>
    );
  return (
    <span className={change > 0 ? classes.in : undefined}>
      {change > 0 ? '+' : ''}
      {money(change)}
      {held !== 0 && <span className="heard">, из удержанных</span>}
    </span>
  );
}

function About({ transfer: { about, listing, cabinet, cabinetId } }: { transfer: Transfer }) {
  if (!listing && !cabinet) return about;
  return (
    <>
      {listing && (
        <>
          <ListingLink id={listing.id} externalId={listing.externalId} />
          {cabinet && ' · '}
        </>
      )}
      {cabinet && cabinetId !== null && <CabinetLink id={cabinetId} name={cabinet} />}
      <Text size="xs" c="dimmed">
        {about}
      </Text>
    </>
  );
}

/** Two columns: what a phone has room for. */
function narrowColumns(isTold: boolean): Column<Transfer>[] {
  return [
    {
      id: 'what',
      head: 'Операция',
      isRowHeader: true,
      cell: (row) => (
        <>
          {dayShort(row.day)} {row.label}
          <Text component="div" size="sm" fw={400}>
            <About transfer={row} />
          </Text>
        </>
      ),
    },
    {
      id: 'sum',
      head: isTold ? 'Сумма, остаток' : 'Сумма',
      width: '130px',
      align: 'end',
      cell: (row) => (
        <>
          {sumTold(row)}
          {row.balanceKopecks !== null && (
            <Text size="xs" c="dimmed">
              {money(row.balanceKopecks)}
            </Text>
          )}
          <Refund transfer={row} />
        </>
      ),
    },
  ];
}

function columnsOf(isTold: boolean, onDay: (day: string) => void): Column<Transfer>[] {
  return [
    {
      id: 'day',
      head: 'За день',
      width: '90px',
      isRowHeader: true,
      cell: ({ day }) => (
        <Anchor
          component="button"
          type="button"
          inherit
          onClick={() => onDay(day)}
          aria-label={`Только за ${dayShort(day)}`}
        >
          {dayShort(day)}
        </Anchor>
      ),
    },
    { id: 'kind', head: 'Операция', width: '150px', cell: ({ label }) => label },
    { id: 'sum', head: 'Сумма', width: '115px', align: 'end', cell: sumTold },
    ...(isTold
      ? [
          {
            id: 'balance',
            head: 'Остаток',
            width: '125px',
            align: 'end' as const,
            cell: ({ balanceKopecks }: Transfer) => money(balanceKopecks!),
          },
          {
            id: 'held',
            head: 'Удержано',
            width: '120px',
            align: 'end' as const,
            cell: ({ heldKopecks }: Transfer) => (heldKopecks === 0 ? '' : money(heldKopecks!)),
          },
        ]
      : []),
    { id: 'about', head: 'За что', cell: (row) => <About transfer={row} /> },
    {
      id: 'by',
      head: 'Основание',
      cell: ({ reason, by, at }) => (
        <>
          <span className={classes.name}>{reason}</span>
          <Text size="xs" c="dimmed">
            {by}, {momentShort(at)}
          </Text>
        </>
      ),
    },
    { id: 'deeds', head: '', name: 'Действия', width: '110px', align: 'end', cell: (row) => <Refund transfer={row} /> },
  ];
}

function Refund({ transfer: { id, kopecks, day, may, isRefunded } }: { transfer: Transfer }) {
  const refund = useMutation({
    mutationFn: (reason: string) =>
      api.send('POST', `/transfers/${encodeURIComponent(id)}/refund`, { reason }, { idempotencyKey: newKey() }),
    onSuccess: () => {
      showDone(`Возвращено ${money(kopecks)}`);
      void refresh('/accounts');
    },
  });
  if (isRefunded)
    return (
      <Text size="xs" c="dimmed">
        возвращено
      </Text>
    );
  if (!may.refund) return null;
  return (
    <Button
      size="compact-sm"
      variant="subtle"
      loading={refund.isPending}
      aria-label={`Вернуть списание за ${dayShort(day)}, ${money(kopecks)}`}
      onClick={async () => {
        const reason = await askReason({
          title: `Вернуть ${money(kopecks)}?`,
          words: 'Списание возвращается целиком и один раз.',
          action: 'Вернуть',
          reason: { label: 'Почему', isRequired: true },
        });
        if (reason) refund.mutate(reason);
      }}
    >
      Вернуть
    </Button>
  );
}
