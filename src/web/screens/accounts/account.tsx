import { Anchor, Button, Table, Text } from '@mantine/core';
import { IconAdjustments, IconArrowsExchange, IconWallet } from '@tabler/icons-react';
import { useParams } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import type { AccountForecastAnswer, AccountPage } from '../../../contracts/accounts.ts';
import { Page, Sheet } from '../../parts/page.tsx';
import { Loaded, Skeletons } from '../../parts/states.tsx';
import { useApi, useApiWithTag } from '../../query.ts';
import { counted, day, momentNear, money, objects, roubles } from '../../words.ts';
import classes from './accounts.module.css';
import { Ledger } from './ledger.tsx';
import { Limits } from './limits.tsx';
import { Correct, Move } from './move.tsx';
import { Spark } from './spark.tsx';
import { CabinetLink, CoverTold, ListingLink } from './told.tsx';
import { TopUp } from './top-up.tsx';

type Dialog = 'top-up' | 'move' | 'correct' | 'limits';

/** One account: what it stands at, who waits for its money, what comes, and every transfer. */
export default function AccountScreen() {
  const { id } = useParams({ strict: false }) as { id: string };
  const query = useApiWithTag<AccountPage>(`/accounts/${id}`);
  const [dialog, setDialog] = useState<Dialog | null>(null);
  const account = query.data?.data;
  const close = () => setDialog(null);
  return (
    <Page
      title={account ? account.name : 'Счёт'}
      words={account && placeOf(account)}
      back={{ to: '/accounts', words: 'Все счета' }}
      actions={account && <Actions account={account} open={setDialog} />}
    >
      <Loaded query={query}>
        {({ data, etag }) => (
          <>
            <div className={classes.split}>
              <Standing account={data} />
              {data.cover && <Foretold id={data.id} />}
            </div>
            {data.waiting.marks > 0 && <Waiting account={data} />}
            <Ledger account={data} />
            {dialog === 'top-up' && <TopUp accounts={[data]} accountId={data.id} onClose={close} />}
            {dialog === 'move' && <Move accounts={[data, ...data.others]} fromId={data.id} onClose={close} />}
            {dialog === 'correct' && <Correct account={data} onClose={close} />}
            {dialog === 'limits' && <Limits account={data} etag={etag} onClose={close} />}
          </>
        )}
      </Loaded>
    </Page>
  );
}

/** «сотрудник, филиал Центр»; a unit's name says it already. */
const placeOf = ({ kind, kindLabel, branch }: AccountPage) =>
  kind === 'employee' ? [kindLabel, branch && `филиал ${branch}`].filter(Boolean).join(', ') : undefined;

function Actions({ account: { may, others }, open }: { account: AccountPage; open: (dialog: Dialog) => void }) {
  return (
    <>
      {may.back && (
        <Button variant="default" onClick={() => open('correct')}>
          Исправить баланс
        </Button>
      )}
      {may.limits && (
        <Button
          variant="default"
          leftSection={<IconAdjustments size={16} aria-hidden />}
          onClick={() => open('limits')}
        >
          Лимиты
        </Button>
      )}
      {may.money && others.length > 0 && (
        <Button
          variant="default"
          leftSection={<IconArrowsExchange size={16} aria-hidden />}
          onClick={() => open('move')}
        >
          Перевести
        </Button>
      )}
      {may.money && (
        <Button leftSection={<IconWallet size={16} aria-hidden />} onClick={() => open('top-up')}>
          Пополнить
        </Button>
      )}
    </>
  );
}

function Standing({ account }: { account: AccountPage }) {
  const { balanceKopecks, heldKopecks, availableKopecks, overdraftKopecks, dayLimitKopecks, monthLimitKopecks } =
    account;
  const { daySpentKopecks, monthSpentKopecks, monthly, monthlyFrom, cover } = account;
  const ofLimit = (spent: number, limit: number | null) =>
    limit === null ? money(spent) : `${money(spent)} из ${money(limit)}`;
  return (
    <Sheet title={cover ? 'Доступно' : 'Остаток'}>
      <div className={classes.big}>{money(cover ? availableKopecks : balanceKopecks)}</div>
      <dl className={classes.facts}>
        {cover && (
          <>
            <dt>Остаток</dt>
            <dd>{money(balanceKopecks)}</dd>
            <dt>Удержано</dt>
            <dd>{money(heldKopecks)}</dd>
          </>
        )}
        {overdraftKopecks > 0 && (
          <>
            <dt>Овердрафт</dt>
            <dd>{money(overdraftKopecks)}</dd>
          </>
        )}
        {cover && (
          <>
            <dt>Потрачено сегодня</dt>
            <dd>{ofLimit(daySpentKopecks, dayLimitKopecks)}</dd>
            <dt>Потрачено за месяц</dt>
            <dd>{ofLimit(monthSpentKopecks, monthLimitKopecks)}</dd>
          </>
        )}
        {monthly && (
          <>
            <dt>Каждый месяц, {monthly.on}-го числа</dt>
            <dd>
              +{money(monthly.kopecks)} {monthlyFrom === null ? 'извне' : `со счёта «${monthlyFrom}»`}
            </dd>
          </>
        )}
      </dl>
      <Spark days={account.days} isWide />
      {account.days.length > 0 && (
        <Text size="xs" c="dimmed">
          30 дней
        </Text>
      )}
    </Sheet>
  );
}

const STOPS = 5;

function Foretold({ id }: { id: number }) {
  const query = useApi<AccountForecastAnswer>(`/accounts/${id}/forecast`);
  return (
    <Sheet title="Прогноз">
      <Loaded query={query} longWords="Играем ближайшие 60 дней." skeleton={<Skeletons rows={4} height={20} />}>
        {({ cover, until, spentKopecks, toppedUpKopecks, leftKopecks, savedKopecks, stops, stopCount }) => (
          <>
            <dl className={classes.facts}>
              <dt>Хватит</dt>
              <dd>
                <CoverTold cover={cover} />
              </dd>
              <dt>Завтрашний день стоит</dt>
              <dd>{money(cover.dayKopecks)}</dd>
              <dt>По {day(until)} потратится</dt>
              <dd>{roubles(spentKopecks)}</dd>
              {toppedUpKopecks > 0 && (
                <>
                  <dt>Пополнится само</dt>
                  <dd>{roubles(toppedUpKopecks)}</dd>
                </>
              )}
              <dt>Останется</dt>
              <dd>{roubles(leftKopecks)}</dd>
              {savedKopecks > 0 && (
                <>
                  <dt>Сэкономлено в этом месяце</dt>
                  <dd>{money(savedKopecks)}</dd>
                </>
              )}
            </dl>
            {stopCount > 0 && (
              <>
                <Text size="sm" fw={600} mt="sm">
                  Остановятся {counted(stopCount, 'отметка', 'отметки', 'отметок')}
                </Text>
                {stops.slice(0, STOPS).map((stop) => (
                  <Text size="sm" key={`${stop.cabinetId}/${stop.listingId}`}>
                    {day(stop.day)}: <ListingLink id={stop.listingId} externalId={stop.externalId} isInText /> ·{' '}
                    <CabinetLink id={stop.cabinetId} name={stop.cabinet} isInText />
                  </Text>
                ))}
                {stopCount > STOPS && (
                  <Text size="sm" c="dimmed">
                    и ещё {counted(stopCount - Math.min(STOPS, stops.length), 'отметка', 'отметки', 'отметок')}
                  </Text>
                )}
              </>
            )}
            <Text size="xs" c="dimmed" mt="sm">
              Учтены сроки, записанные тарифы и ежемесячные пополнения; остальное — как сегодня, без продвижения.
            </Text>
          </>
        )}
      </Loaded>
    </Sheet>
  );
}

function Waiting({ account: { waiting, waitingMarks } }: { account: AccountPage }) {
  // The link from the list leads here, and the list of marks comes after the page.
  useEffect(() => {
    if (location.hash === '#waiting') document.getElementById('waiting')?.scrollIntoView();
  }, []);
  const rest = waiting.marks - waitingMarks.length;
  return (
    <section id="waiting">
      <Sheet title={`Ждут денег: ${objects(waiting.listings)}`}>
        <Table.ScrollContainer minWidth={640} mah={360}>
          <Table aria-label="Ждут денег" stickyHeader>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Объект</Table.Th>
                <Table.Th>Кабинет</Table.Th>
                <Table.Th>Ждёт с</Table.Th>
                <Table.Th>Чего не хватает</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {waitingMarks.map((mark) => (
                <Table.Tr key={`${mark.cabinetId}/${mark.listingId}`}>
                  <Table.Td>
                    <ListingLink id={mark.listingId} externalId={mark.externalId} />
                    {mark.address && (
                      <Text size="xs" c="dimmed">
                        {mark.address}
                      </Text>
                    )}
                  </Table.Td>
                  <Table.Td>{mark.cabinet}</Table.Td>
                  <Table.Td>{momentNear(mark.since)}</Table.Td>
                  <Table.Td>{mark.reason}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
        {rest > 0 && (
          <Text size="sm" c="dimmed" mt="xs">
            и ещё {counted(rest, 'отметка', 'отметки', 'отметок')}:{' '}
            <Anchor href="/listings?outcome=unfunded">все без денег</Anchor>
          </Text>
        )}
      </Sheet>
    </section>
  );
}
