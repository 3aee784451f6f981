import { Anchor, Group, SimpleGrid, Table, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import {
  AGE_BUCKETS,
  capital,
  GROUPING_LABELS,
  toldMinutes,
  WORK_GROUPINGS,
  WORK_WORDS,
  type WorkFigure,
  type WorkGrouping,
} from '../../../contracts/words.ts';
import type { Figures, WorkMembers, WorkReport } from '../../../contracts/work-report.ts';
import { FactTable } from '../../parts/fact-table.tsx';
import { Sheet } from '../../parts/page.tsx';
import { listOf, oneAmong } from '../../router.tsx';
import { dayFull, formatNumber, momentFull, objects } from '../../words.ts';
import { Beside, Breakdown, Listings, percent, ReportPage, useOpened, useReport, useReportWords } from './report.tsx';

/** «Отчёты», «Работа»: how fast contents are approved, what is returned, what lies too long; the address keeps every choice. */

/** A number that was clicked. */
interface Place {
  readonly words: string;
  readonly figure: WorkFigure;
  readonly reason?: string;
  readonly bucket?: number;
  readonly of?: number;
  readonly agent?: number;
}

/** What is counted by decision: a listing may be there more than once. */
const ONE_EACH: ReadonlySet<WorkFigure> = new Set(['decided', 'accepted', 'trusted', 'approved', 'returned']);

type Open = (place: Place) => void;

export default function WorkReportScreen() {
  const [words, change] = useReportWords((raw) => ({
    by: oneAmong<WorkGrouping>(WORK_GROUPINGS, raw.by, 'none'),
    group: listOf(raw.group),
  }));
  const [report, asked] = useReport<WorkReport>('/reports/work', words);
  const [place, setPlace] = useOpened<Place>(asked);
  return (
    <ReportPage
      here="/reports/work"
      title="Работа с объектами"
      about="Сколько ждут одобрения, что и кому возвращают, что лежит в очереди, не подтверждено и ниже нормы."
      path="/reports/work"
      files={['xlsx', 'csv']}
      {...{ words, change, report }}
      choices={<Breakdown all={WORK_GROUPINGS} labels={GROUPING_LABELS} value={words.by} change={change} />}
      below={
        <Beside of={place} onClose={() => setPlace(null)} title={({ words }) => words}>
          {({ words: _, ...place }) => (
            <Listings<WorkMembers['data'][number]>
              address="/reports/work/members"
              query={{ ...asked, ...place }}
              counted={(total) => (ONE_EACH.has(place.figure) ? `Решений: ${formatNumber(total)}` : objects(total))}
              columns={[
                {
                  head: 'Что с ним',
                  cell: ({ at, told }) => (
                    <>
                      {told}
                      {at && (
                        <Text size="xs" c="dimmed">
                          {momentFull(at)}
                        </Text>
                      )}
                    </>
                  ),
                },
              ]}
            />
          )}
        </Beside>
      }
    >
      {(answer) => <Numbers answer={answer} onOpen={setPlace} />}
    </ReportPage>
  );
}

function Numbers({ answer, onOpen }: { answer: WorkReport; onOpen: Open }) {
  const { total, groups, agents, owners, by } = answer;
  return (
    <>
      <Sheet title={`За период ${dayFull(answer.from)}–${dayFull(answer.until)}`}>
        <Decided figures={total} onOpen={onOpen} />
        <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="lg" mt="lg">
          <Approval figures={total} onOpen={onOpen} />
          <Figure of="returns">
            <Count count={total.returns.count} place={{ figure: 'returned', words: 'Возвраты' }} onOpen={onOpen} />
          </Figure>
          <First figures={total} onOpen={onOpen} />
        </SimpleGrid>
      </Sheet>
      <Sheet title="Сейчас" aside={<Text size="sm">{momentFull(answer.at)}</Text>}>
        <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="lg">
          <Queue figures={total} onOpen={onOpen} />
          <Figure of="stale">
            <Part
              count={total.stale.count}
              of={total.stale.of}
              place={{ figure: 'stale', words: WORK_WORDS.stale.title }}
              ofPlace={{ figure: 'marked', words: 'Отмечены и на рынке' }}
              onOpen={onOpen}
            />
          </Figure>
          <Norms figures={total} onOpen={onOpen} />
        </SimpleGrid>
      </Sheet>
      {by !== 'none' && <Groups groups={groups} by={by} onOpen={onOpen} />}
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
        <Sheet title="Возвраты по причинам">
          <Reasons figures={total} onOpen={onOpen} />
        </Sheet>
        <Sheet title="Возвраты по агентам">
          <Agents agents={agents} onOpen={onOpen} />
        </Sheet>
      </SimpleGrid>
      <Text size="sm" c="dimmed">
        {WORK_WORDS.owners.title}. {WORK_WORDS.owners.definition}
        {owners.decided > 0 &&
          ` Решений модератора за период ${formatNumber(owners.decided)}, ответственный того дня записан у ${formatNumber(owners.recorded)}.`}
      </Text>
    </>
  );
}

/** A number with what it is, in a sentence. */
function Figure({ of, children }: { of: keyof typeof WORK_WORDS; children: ReactNode }) {
  const { title, definition } = WORK_WORDS[of];
  return (
    <section aria-label={title}>
      <Text fw={600}>{title}</Text>
      <div>{children}</div>
      <Text size="xs" c="dimmed" mt={4}>
        {definition}
      </Text>
    </section>
  );
}

interface CountProps {
  readonly count: number;
  readonly place: Place;
  readonly onOpen: Open;
  readonly size?: 'xl' | 'sm';
}

/** A number that opens its listings. */
function Count({ count, place, onOpen, size = 'xl' }: CountProps) {
  const look = { size, fw: size === 'xl' ? 600 : 400 };
  if (count === 0)
    return (
      <Text span {...look}>
        0
      </Text>
    );
  return (
    <Anchor
      component="button"
      type="button"
      {...look}
      aria-label={`${formatNumber(count)}: ${place.words}`}
      onClick={() => onOpen(place)}
    >
      {formatNumber(count)}
    </Anchor>
  );
}

interface PartProps {
  readonly count: number;
  readonly of: number;
  readonly place: Place;
  readonly ofPlace: Place;
  readonly onOpen: Open;
  readonly size?: 'xl' | 'sm';
}

/** «12 %: 6 из 50» */
function Part({ count, of, place, ofPlace, onOpen, size = 'xl' }: PartProps) {
  return (
    <>
      <Text span size={size} fw={size === 'xl' ? 600 : 400}>
        {percent(count, of)}
      </Text>{' '}
      <Text span size="sm">
        <Count count={count} place={place} onOpen={onOpen} size="sm" /> из{' '}
        <Count count={of} place={ofPlace} onOpen={onOpen} size="sm" />
      </Text>
    </>
  );
}

const time = (minutes: number | null) => (minutes === null ? '–' : toldMinutes(minutes));

/** Whose parts all the tables add up to, and what is not in it. */
function Decided({ figures: { decided, returns }, onOpen }: { figures: Figures; onOpen: Open }) {
  const words = WORK_WORDS.decided.title;
  const unseen = [
    { count: decided.accepted, figure: 'accepted', words: 'Принято при включении модерации' },
    { count: decided.trusted, figure: 'trusted', words: 'Одобрено по доверию' },
  ] as const;
  return (
    <Figure of="decided">
      <Count count={decided.count} place={{ figure: 'decided', words }} onOpen={onOpen} />{' '}
      {decided.count > 0 && (
        <Text span size="sm">
          одобрено {formatNumber(decided.approved)}, возвращено {formatNumber(returns.count)}
        </Text>
      )}
      {unseen
        .filter(({ count }) => count > 0)
        .map(({ count, ...place }) => (
          <Text key={place.figure} size="sm">
            Кроме них, без просмотра. {place.words}: <Count count={count} place={place} onOpen={onOpen} size="sm" />
          </Text>
        ))}
    </Figure>
  );
}

function Approval({ figures: { approval }, onOpen }: { figures: Figures; onOpen: Open }) {
  return (
    <Figure of="approval">
      <Text span size="xl" fw={600}>
        {time(approval.medianMinutes)}
      </Text>{' '}
      <Text span size="sm">
        {approval.count > 0 && <>медиана, 90&nbsp;% не дольше {time(approval.p90Minutes)}, </>}одобрений{' '}
        <Count
          count={approval.count}
          place={{ figure: 'approved', words: WORK_WORDS.approval.title }}
          onOpen={onOpen}
          size="sm"
        />
        {approval.unmeasured > 0 && `, ещё ${formatNumber(approval.unmeasured)} ждать не успели`}
      </Text>
    </Figure>
  );
}

function First({ figures: { first }, onOpen }: { figures: Figures; onOpen: Open }) {
  return (
    <Figure of="first">
      <Part
        count={first.right}
        of={first.count}
        place={{ figure: 'first-right', words: 'Одобрены с первого раза' }}
        ofPlace={{ figure: 'first', words: 'Первые решения' }}
        onOpen={onOpen}
      />
      {first.corrected > 0 && <Text size="sm">из них поправил сам модератор: {formatNumber(first.corrected)}</Text>}
    </Figure>
  );
}

function Queue({ figures: { queue }, onOpen }: { figures: Figures; onOpen: Open }) {
  return (
    <Figure of="queue">
      <Count count={queue.count} place={{ figure: 'queue', words: WORK_WORDS.queue.title }} onOpen={onOpen} />{' '}
      {queue.count > 0 && (
        <>
          <Text span size="sm">
            в очереди{queue.putAside > 0 && `, из неё отложено ${formatNumber(queue.putAside)}`}
          </Text>
          <Waiting of="ready" ages={queue.ready} figure="queue-ready" onOpen={onOpen} />
          <Waiting of="stopped" ages={queue.stopped} figure="queue-stopped" onOpen={onOpen} />
          <Text size="sm" mt={8}>
            Вся очередь по возрасту:
          </Text>
          <Group gap="md" component="ul" p={0} my={4} style={{ listStyle: 'none', rowGap: 0 }}>
            {AGE_BUCKETS.map(({ label }, bucket) => (
              <Text key={label} component="li" size="sm">
                {label}:{' '}
                <Count
                  count={queue.buckets[bucket]!}
                  place={{ figure: 'queue', bucket, words: `В очереди ${label}` }}
                  onOpen={onOpen}
                  size="sm"
                />
              </Text>
            ))}
          </Group>
        </>
      )}
    </Figure>
  );
}

interface WaitingProps {
  readonly of: 'ready' | 'stopped';
  readonly ages: Figures['queue']['ready'];
  readonly figure: WorkFigure;
  readonly onOpen: Open;
}

/** A part of the queue, with its own ages. */
function Waiting({ of, ages, figure, onOpen }: WaitingProps) {
  const { title, definition } = WORK_WORDS[of];
  return (
    <div>
      <Text size="sm" mt={8}>
        {title}: <Count count={ages.count} place={{ figure, words: title }} onOpen={onOpen} size="sm" />
        {ages.count > 0 && `, старейший ${time(ages.oldestMinutes)}, медиана ${time(ages.medianMinutes)}`}
      </Text>
      <Text size="xs" c="dimmed">
        {definition}
      </Text>
    </div>
  );
}

const PHOTOS = { figure: 'photos', words: 'Фотографии ниже нормы' } as const;
const TEXTS = { figure: 'texts', words: 'Тексты ниже нормы' } as const;
const JUDGED = { figure: 'judged', words: 'Отмечены и проверены' } as const;

function Norms({ figures: { norms }, onOpen }: { figures: Figures; onOpen: Open }) {
  return (
    <Figure of="norms">
      <div>
        фото: <Part count={norms.photos} of={norms.of} place={PHOTOS} ofPlace={JUDGED} onOpen={onOpen} />
      </div>
      <div>
        тексты: <Part count={norms.texts} of={norms.of} place={TEXTS} ofPlace={JUDGED} onOpen={onOpen} />
      </div>
    </Figure>
  );
}

const GROUP_COLUMNS = [
  'До одобрения, медиана',
  '90\u00a0%',
  'Одобрений',
  'Возвратов',
  'С первого раза',
  'В очереди',
  'Только модератора',
  'Старейший из них',
  'Не подтв. в срок',
  'Фото ниже нормы',
  'Тексты ниже нормы',
].map((head) => ({ head, isNumber: true }));

function Groups({ groups, by, onOpen }: { groups: WorkReport['groups']; by: WorkGrouping; onOpen: Open }) {
  return (
    <Sheet title={capital(GROUPING_LABELS[by])}>
      <FactTable
        head="Группа"
        columns={GROUP_COLUMNS}
        rows={groups.map(({ id, name, figures: { approval, returns, first, queue, stale, norms } }) => {
          const at = (place: Place): Place => ({ ...place, of: id, words: `${place.words}, ${name}` });
          const number = (count: number, place: Place) => (
            <Count count={count} place={at(place)} onOpen={onOpen} size="sm" />
          );
          const part = (count: number, of: number, place: Place, ofPlace: Place) => (
            <Part count={count} of={of} place={at(place)} ofPlace={at(ofPlace)} onOpen={onOpen} size="sm" />
          );
          return {
            key: String(id),
            name,
            isLong: true,
            cells: [
              time(approval.medianMinutes),
              time(approval.p90Minutes),
              number(approval.count, { figure: 'approved', words: WORK_WORDS.approval.title }),
              number(returns.count, { figure: 'returned', words: 'Возвраты' }),
              part(
                first.right,
                first.count,
                { figure: 'first-right', words: 'Одобрены с первого раза' },
                { figure: 'first', words: 'Первые решения' },
              ),
              number(queue.count, { figure: 'queue', words: WORK_WORDS.queue.title }),
              number(queue.ready.count, { figure: 'queue-ready', words: WORK_WORDS.ready.title }),
              time(queue.ready.oldestMinutes),
              part(
                stale.count,
                stale.of,
                { figure: 'stale', words: WORK_WORDS.stale.title },
                { figure: 'marked', words: 'Отмечены и на рынке' },
              ),
              part(norms.photos, norms.of, PHOTOS, JUDGED),
              part(norms.texts, norms.of, TEXTS, JUDGED),
            ],
          };
        })}
        minWidth={1000}
      />
    </Sheet>
  );
}

function Reasons({ figures: { returns }, onOpen }: { figures: Figures; onOpen: Open }) {
  if (returns.byReason.length === 0) return <Text size="sm">За период ничего не возвращали.</Text>;
  return (
    <Table>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Причина</Table.Th>
          <Table.Th ta="right">Возвратов</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {returns.byReason.map(({ code, text, count }) => (
          <Table.Tr key={code}>
            <Table.Td>{text}</Table.Td>
            <Table.Td ta="right">
              <Count
                count={count}
                place={{ figure: 'returned', reason: code, words: `Возвраты: ${text}` }}
                onOpen={onOpen}
                size="sm"
              />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

const AGENT_COLUMNS = ['Решений', 'Возвратов', 'С первого раза'].map((head) => ({ head, isNumber: true }));

function Agents({ agents, onOpen }: { agents: WorkReport['agents']; onOpen: Open }) {
  if (agents.length === 0) return <Text size="sm">За период никто ничего не решал.</Text>;
  return (
    <FactTable
      head="Агент"
      columns={AGENT_COLUMNS}
      rows={agents.map(({ id, name, decided, returned, first, right }) => {
        const at = (figure: WorkFigure, words: string): Place => ({ figure, agent: id, words: `${words}: ${name}` });
        return {
          key: String(id),
          name,
          isLong: true,
          cells: [
            <Count
              key="decided"
              count={decided}
              place={at('decided', WORK_WORDS.decided.title)}
              onOpen={onOpen}
              size="sm"
            />,
            <Count key="returned" count={returned} place={at('returned', 'Возвраты')} onOpen={onOpen} size="sm" />,
            <Part
              key="first"
              count={right}
              of={first}
              place={at('first-right', 'Одобрены с первого раза')}
              ofPlace={at('first', 'Первые решения')}
              onOpen={onOpen}
              size="sm"
            />,
          ],
        };
      })}
      minWidth={420}
    />
  );
}
