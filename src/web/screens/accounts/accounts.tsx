import { Alert, Anchor, Button, Group, Menu, Text } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconArrowsExchange, IconDownload, IconPlus, IconTargetArrow, IconWallet } from '@tabler/icons-react';
import { Link, useNavigate } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import type { Account, AccountNode, AccountTree, CabinetSumsList } from '../../../contracts/accounts.ts';
import { addressOf } from '../../api.ts';
import { useHotkeys } from '../../hotkeys.ts';
import { useFetchLater } from '../../late.tsx';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { Page, Sheet } from '../../parts/page.tsx';
import { Empty, Loaded } from '../../parts/states.tsx';
import { useApi } from '../../query.ts';
import { useMay } from '../../session.ts';
import { day, objects, roubles } from '../../words.ts';
import classes from './accounts.module.css';
import { Spark } from './spark.tsx';
import { CoverTold, days } from './told.tsx';

const loadTopUp = () => import('./top-up.tsx');
const loadMove = () => import('./move.tsx');
const loadOpen = () => import('./open.tsx');
const TopUp = lazy(async () => ({ default: (await loadTopUp()).TopUp }));
const Move = lazy(async () => ({ default: (await loadMove()).Move }));
const OpenAccounts = lazy(async () => ({ default: (await loadOpen()).OpenAccounts }));
const LATER = [loadTopUp, loadMove, loadOpen];

type Dialog = { readonly what: 'top-up' | 'move' | 'open'; readonly id: number | null };

/** Who has how much, what it costs, until when it lasts, and who waits. */
export default function AccountsScreen() {
  useFetchLater(LATER);
  // While the covers are foretold anew, they are asked for again.
  const tree = useApi<AccountTree>('/accounts', undefined, {
    refetchInterval: ({ state }) => (state.data?.forecast.isStale ? 2_000 : false),
  });
  const [dialog, setDialog] = useState<Dialog | null>(null);
  const isNarrow = useMediaQuery('(max-width: 64em)');
  const payable = (tree.data?.data ?? []).flatMap(({ account }) => (account?.may.money ? [account] : []));
  const open = (what: Dialog['what'], id: number | null = null) => setDialog({ what, id });
  useHotkeys('Счета', payable.length > 0 ? [{ keys: 'p', words: 'Пополнить', run: () => open('top-up') }] : []);
  const isOwn = tree.data?.isOwn ?? false;
  return (
    <Page
      title={isOwn ? 'Мои счета' : 'Счета'}
      words={
        tree.data?.forecast.at && !isOwn && tree.data.totals.accounts > 0 ? <Totals tree={tree.data} /> : undefined
      }
      actions={tree.data && <Actions tree={tree.data} payable={payable.length} open={open} />}
    >
      <Loaded query={tree} longWords="Считаем, на сколько хватит денег.">
        {(told) => (
          <>
            {told.payer && (
              <Alert color={told.payer.state === 'short' ? 'error' : 'brand'} variant="light">
                За ваши объекты платит {told.payer.name}: {told.payer.label}.
              </Alert>
            )}
            {told.totals.accounts === 0 ? (
              <Empty
                title={isOwn ? 'Своего счёта у вас нет' : 'Счетов пока нет'}
                words={
                  isOwn
                    ? told.payer
                      ? 'Ваши объекты оплачиваются с общего счёта.'
                      : 'Платить за ваши объекты пока некому: попросите администратора открыть счёт.'
                    : 'Откройте счёт агентству или филиалу и пополните его: без денег платные доски объекты не возьмут.'
                }
                action={told.may.open ? { words: 'Открыть счёт', onClick: () => open('open') } : undefined}
              />
            ) : isNarrow || isOwn ? (
              <Cards nodes={told.data} open={open} />
            ) : (
              <Tree nodes={told.data} open={open} />
            )}
            {told.may.reconcile && <Cabinets />}
          </>
        )}
      </Loaded>
      <Suspense>
        {dialog?.what === 'top-up' && (
          <TopUp accounts={payable} accountId={dialog.id} onClose={() => setDialog(null)} />
        )}
        {dialog?.what === 'move' && <Move accounts={payable} fromId={dialog.id} onClose={() => setDialog(null)} />}
        {dialog?.what === 'open' && <OpenAccounts onClose={() => setDialog(null)} />}
      </Suspense>
    </Page>
  );
}

function Totals({ tree: { totals, forecast } }: { tree: AccountTree }) {
  return (
    <>
      Всего {roubles(totals.availableKopecks)} · расход {roubles(totals.dayKopecks)} в день
      {totals.days !== null && ` · в среднем на ${days(totals.days)}`}
      {forecast.isStale && ' · прогноз обновляется'}
    </>
  );
}

function Actions({
  tree,
  payable,
  open,
}: {
  tree: AccountTree;
  payable: number;
  open: (what: Dialog['what']) => void;
}) {
  const may = useMay();
  const file = (ending: string) => addressOf(`/accounts/statement${ending}`);
  return (
    <>
      {may('promotion') && (
        <Button
          component={Link}
          to="/accounts/promotions"
          variant="default"
          leftSection={<IconTargetArrow size={16} aria-hidden />}
        >
          Продвижение
        </Button>
      )}
      {tree.totals.accounts > 0 && (
        <Menu>
          <Menu.Target>
            <Button variant="default" leftSection={<IconDownload size={16} aria-hidden />}>
              Выписка
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Label>По всем счетам за этот месяц</Menu.Label>
            <Menu.Item component="a" href={file('.xlsx')} download>
              Excel
            </Menu.Item>
            <Menu.Item component="a" href={file('.csv')} download>
              CSV
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      )}
      {tree.may.open && (
        <Button variant="default" leftSection={<IconPlus size={16} aria-hidden />} onClick={() => open('open')}>
          Открыть счёт
        </Button>
      )}
      {payable > 1 && (
        <Button
          variant="default"
          leftSection={<IconArrowsExchange size={16} aria-hidden />}
          onClick={() => open('move')}
        >
          Перевести
        </Button>
      )}
      {payable > 0 && (
        <Button leftSection={<IconWallet size={16} aria-hidden />} aria-keyshortcuts="p" onClick={() => open('top-up')}>
          Пополнить
        </Button>
      )}
    </>
  );
}

type Open = (what: Dialog['what'], id: number) => void;

function Waiting({ account }: { account: Account }) {
  const { listings } = account.waiting;
  if (listings === 0)
    return (
      <Text component="span" c="dimmed" inherit>
        никто
      </Text>
    );
  return (
    <Anchor component={Link} to={`/accounts/${account.id}#waiting`} inherit c="money">
      {objects(listings)} →
    </Anchor>
  );
}

function Tree({ nodes, open }: { nodes: readonly AccountNode[]; open: Open }) {
  const navigate = useNavigate();
  const of = (cell: (account: Account) => React.ReactNode) => (node: AccountNode) => node.account && cell(node.account);
  const columns: Column<AccountNode>[] = [
    {
      id: 'name',
      head: 'Счёт',
      isRowHeader: true,
      cell: ({ depth, title, account }) => (
        <span className={classes.name} style={{ paddingInlineStart: depth * 20 }}>
          {account ? (
            <Anchor component={Link} to={`/accounts/${account.id}`} inherit c="inherit">
              {title}
            </Anchor>
          ) : (
            <Text component="span" c="dimmed" inherit>
              {title}
            </Text>
          )}
        </span>
      ),
    },
    {
      id: 'available',
      head: 'Доступно',
      width: '115px',
      align: 'end',
      cell: of(({ availableKopecks, heldKopecks, overdraftKopecks, balanceKopecks }) => (
        <span
          title={`Остаток ${roubles(balanceKopecks)}, удержано ${roubles(heldKopecks)}${overdraftKopecks > 0 ? `, овердрафт ${roubles(overdraftKopecks)}` : ''}`}
        >
          {roubles(availableKopecks)}
        </span>
      )),
    },
    {
      id: 'day',
      head: 'В день',
      width: '95px',
      align: 'end',
      cell: of(({ cover }) => (cover && cover.dayKopecks > 0 ? roubles(cover.dayKopecks) : '')),
    },
    { id: 'cover', head: 'Хватит', width: '190px', cell: of(({ cover }) => <CoverTold cover={cover} />) },
    { id: 'waiting', head: 'Ждут денег', width: '130px', cell: of((account) => <Waiting account={account} />) },
    { id: 'days', head: '30 дней', width: '145px', cell: of((account) => <Spark days={account.days} />) },
    {
      id: 'deeds',
      head: '',
      name: 'Действия',
      width: '120px',
      align: 'end',
      cell: of(
        ({ id, name, may }) =>
          may.money && (
            <Button
              size="compact-sm"
              variant="light"
              aria-label={`Пополнить: ${name}`}
              onClick={() => open('top-up', id)}
            >
              Пополнить
            </Button>
          ),
      ),
    },
  ];
  return (
    <DataTable<AccountNode, string>
      label="Счета"
      columns={columns}
      rows={nodes}
      keyOf={({ account, title }) => (account ? String(account.id) : `unit ${title}`)}
      nameOf={({ title }) => title}
      rowHeight={46}
      onOpen={({ account }) => {
        if (account) void navigate({ href: `/accounts/${account.id}` });
      }}
      toneOf={({ account }) => (account?.cover?.state === 'short' ? 'error' : undefined)}
    />
  );
}

/** For a phone, and for whoever has only an account or two. */
function Cards({ nodes, open }: { nodes: readonly AccountNode[]; open: Open }) {
  return (
    <div className={classes.cards}>
      {nodes.flatMap(({ account, title }) =>
        account === null
          ? []
          : [
              <Sheet key={account.id}>
                <Group justify="space-between" wrap="nowrap" mb={4}>
                  <Anchor component={Link} to={`/accounts/${account.id}`} fw={600}>
                    {title}
                  </Anchor>
                  {account.may.money && (
                    <Button
                      size="compact-sm"
                      variant="light"
                      aria-label={`Пополнить: ${account.name}`}
                      onClick={() => open('top-up', account.id)}
                    >
                      Пополнить
                    </Button>
                  )}
                </Group>
                <div className={classes.big}>{roubles(account.availableKopecks)}</div>
                <dl className={classes.facts}>
                  <dt>В день</dt>
                  <dd>{roubles(account.cover?.dayKopecks ?? 0)}</dd>
                  <dt>Хватит</dt>
                  <dd>
                    <CoverTold cover={account.cover} />
                  </dd>
                  <dt>Ждут денег</dt>
                  <dd>
                    <Waiting account={account} />
                  </dd>
                </dl>
                <Spark days={account.days} />
              </Sheet>,
            ],
      )}
    </div>
  );
}

/** What the boards say they have charged, beside ours. */
function Cabinets() {
  const query = useApi<CabinetSumsList>('/reconciliation');
  const cabinets = query.data?.data ?? [];
  if (cabinets.length === 0) return null;
  return (
    <Sheet
      title="Кабинеты досок"
      aside={
        <Anchor component={Link} to="/accounts/reconciliation" size="sm">
          Сверка
        </Anchor>
      }
    >
      <Group gap="xs" style={{ columnGap: 32 }}>
        {cabinets.map((one) => (
          <Text key={one.id} size="sm" component="span">
            {one.accountId === null ? (
              one.name
            ) : (
              <Anchor component={Link} to={`/accounts/${one.accountId}`} inherit underline="always">
                {one.name}
              </Anchor>
            )}{' '}
            {one.days > 0 ? (
              <>
                {roubles(one.boardKopecks)} по {day(one.lastOn!)} ·{' '}
                <Anchor component={Link} to={`/accounts/reconciliation?cabinet=${one.id}`} inherit underline="always">
                  разница {one.differenceKopecks > 0 ? '+' : ''}
                  {roubles(one.differenceKopecks)}
                </Anchor>
              </>
            ) : (
              <Text component="span" c="dimmed" inherit>
                отчётов доски нет
              </Text>
            )}
          </Text>
        ))}
      </Group>
    </Sheet>
  );
}
