import { Anchor, Button, CopyButton, Group, List, Select, Table, Text, Title } from '@mantine/core';
import { IconCheck, IconCopy, IconDownload, IconUpload } from '@tabler/icons-react';
import { useState } from 'react';
import type { CabinetSums, CabinetSumsList, ReconciliationAnswer, ReportList } from '../../../contracts/accounts.ts';
import { addressOf } from '../../api.ts';
import { PeriodInput } from '../../parts/day-field.tsx';
import { Page, Sheet } from '../../parts/page.tsx';
import { Empty, Loaded } from '../../parts/states.tsx';
import { useApi } from '../../query.ts';
import { oneOf, useAddress } from '../../router.tsx';
import { counted, day, dayShort, momentShort, money } from '../../words.ts';
import classes from './accounts.module.css';
import { ListingLink } from './told.tsx';
import { Upload } from './upload.tsx';

interface Period {
  readonly from: string | undefined;
  readonly until: string | undefined;
}

const signed = (kopecks: number) => `${kopecks > 0 ? '+' : ''}${money(kopecks)}`;
const isDay = (text: string | undefined) => (text !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(text) ? text : undefined);

/** What we planned and charged beside what the boards charged, and words for their support. */
export default function ReconciliationScreen() {
  const [filter, change] = useAddress((raw) => ({
    cabinet: oneOf(raw.cabinet),
    from: isDay(oneOf(raw.from)),
    until: isDay(oneOf(raw.until)),
  }));
  const period = { from: filter.from, until: filter.until };
  const cabinets = useApi<CabinetSumsList>('/reconciliation', period);
  const [isUploading, setIsUploading] = useState(false);
  const all = cabinets.data?.data ?? [];
  const chosen =
    all.find(({ id }) => String(id) === filter.cabinet) ?? all.find(({ reports }) => reports > 0) ?? all[0];
  return (
    <Page
      title="Сверка с досками"
      back={{ to: '/accounts', words: 'Счета' }}
      words="План, наши списания и списания досок из их отчётов, по дням и объектам."
      actions={
        chosen && (
          <Button leftSection={<IconUpload size={16} aria-hidden />} onClick={() => setIsUploading(true)}>
            Загрузить отчёт
          </Button>
        )
      }
    >
      <Group gap="sm" align="flex-end">
        <Select
          label="Кабинет"
          w={260}
          allowDeselect={false}
          data={all.map(({ id, name }) => ({ value: String(id), label: name }))}
          value={chosen ? String(chosen.id) : null}
          onChange={(cabinet) => change({ cabinet: cabinet ?? undefined })}
        />
        <PeriodInput
          label="Дни"
          placeholder="с начала месяца"
          clearable
          w={240}
          value={[filter.from ?? null, filter.until ?? null]}
          onChange={([from, until]) => change({ from: from ?? undefined, until: until ?? undefined })}
        />
      </Group>
      <Loaded query={cabinets}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty title="Кабинетов нет" words="Кабинет доски появляется с первой отметкой или в настройках." />
          ) : (
            <>
              <Cabinets cabinets={data} chosen={chosen?.id} onChoose={(id) => change({ cabinet: String(id) })} />
              {chosen && <Compared cabinet={chosen} period={period} onUpload={() => setIsUploading(true)} />}
              {chosen && <Reports cabinet={chosen} />}
            </>
          )
        }
      </Loaded>
      {chosen && isUploading && <Upload cabinet={chosen} onClose={() => setIsUploading(false)} />}
    </Page>
  );
}

function Cabinets({
  cabinets,
  chosen,
  onChoose,
}: {
  cabinets: readonly CabinetSums[];
  chosen: number | undefined;
  onChoose: (id: number) => void;
}) {
  return (
    <Sheet title="Кабинеты">
      <Table.ScrollContainer minWidth={620}>
        <Table aria-label="Кабинеты">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Кабинет</Table.Th>
              <Table.Th ta="end">Доска</Table.Th>
              <Table.Th ta="end">Мы</Table.Th>
              <Table.Th ta="end">Разница</Table.Th>
              <Table.Th>Отчёты</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {cabinets.map((one) => (
              <Table.Tr key={one.id} aria-current={one.id === chosen || undefined}>
                <Table.Th scope="row" fw={one.id === chosen ? 600 : 400}>
                  <Anchor component="button" type="button" inherit onClick={() => onChoose(one.id)}>
                    {one.name}
                  </Anchor>
                </Table.Th>
                <Table.Td ta="end">{one.days > 0 ? money(one.boardKopecks) : '–'}</Table.Td>
                <Table.Td ta="end">{one.days > 0 ? money(one.oursKopecks) : '–'}</Table.Td>
                <Table.Td ta="end">{one.days > 0 ? signed(one.differenceKopecks) : '–'}</Table.Td>
                <Table.Td>
                  {one.days > 0
                    ? `${counted(one.days, 'день', 'дня', 'дней')}, по ${day(one.lastOn!)}`
                    : one.reports > 0
                      ? 'за эти дни нет'
                      : 'не загружали'}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Text size="xs" c="dimmed" mt="xs">
        Суммы — за дни, которые отчёт доски охватывает целиком.
      </Text>
    </Sheet>
  );
}

function Compared({ cabinet, period, onUpload }: { cabinet: CabinetSums; period: Period; onUpload: () => void }) {
  const query = useApi<ReconciliationAnswer>(`/cabinets/${cabinet.id}/reconciliation`, { ...period });
  if (cabinet.reports === 0)
    return (
      <Empty
        title={`${cabinet.name}: отчётов доски ещё нет`}
        words="Скачайте отчёт о списаниях в кабинете доски и загрузите его, CSV или JSON: сверка покажет разницу по дням и объектам."
        action={{ words: 'Загрузить отчёт', onClick: onUpload }}
      />
    );
  return (
    <Loaded query={query} longWords="Сверяем день за днём.">
      {(told) => (
        <>
          <div className={classes.split}>
            <Sums told={told} />
            <Days told={told} />
          </div>
          {told.lists.map((list) => (
            <Findings key={list.list} list={list} />
          ))}
          <Rows told={told} file={addressOf(`/cabinets/${cabinet.id}/reconciliation.csv`, { ...period })} />
        </>
      )}
    </Loaded>
  );
}

function Sums({ told: { covered, totals, uncovered, unrecorded, period } }: { told: ReconciliationAnswer }) {
  const lines = [
    ['План', 'plannedKopecks'],
    ['Списано нами', 'chargedKopecks'],
    ['Удержано нами', 'heldKopecks'],
    ['Не взято: платить было некому', 'waivedKopecks'],
    ['Списано доской', 'boardKopecks'],
    ['из них за чужие объявления', 'strangersKopecks'],
    ['из них без объявления', 'unaddressedKopecks'],
  ] as const;
  return (
    <Sheet title={`${day(period.from)} – ${day(period.until)}`}>
      <Table aria-label="Итоги">
        <Table.Thead>
          <Table.Tr>
            <Table.Th />
            <Table.Th ta="end">Всего</Table.Th>
            <Table.Th ta="end">{counted(covered.days, 'день', 'дня', 'дней')} с отчётом</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {lines
            .filter(([, key], index) => index < 2 || key === 'boardKopecks' || totals[key] !== 0)
            .map(([label, key]) => (
              <Table.Tr key={key}>
                <Table.Th scope="row" fw={400}>
                  {label}
                </Table.Th>
                <Table.Td ta="end">{money(totals[key])}</Table.Td>
                <Table.Td ta="end">{money(covered[key])}</Table.Td>
              </Table.Tr>
            ))}
          <Table.Tr>
            <Table.Th scope="row">Разница: доска минус мы</Table.Th>
            <Table.Td />
            <Table.Td ta="end" fw={600}>
              {signed(covered.differenceKopecks)}
            </Table.Td>
          </Table.Tr>
        </Table.Tbody>
      </Table>
      {uncovered && (
        <Text size="sm" c="dimmed" mt="xs">
          Без отчёта доски за весь день: {uncovered}.
        </Text>
      )}
      {unrecorded && (
        <Text size="sm" c="dimmed" mt="xs">
          Неизвестно, что было в фиде: {unrecorded}.
        </Text>
      )}
    </Sheet>
  );
}

function Days({ told: { days } }: { told: ReconciliationAnswer }) {
  return (
    <Sheet title="По дням">
      <Table.ScrollContainer minWidth={320} mah={320}>
        <Table aria-label="По дням" stickyHeader>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>День</Table.Th>
              <Table.Th ta="end">Мы</Table.Th>
              <Table.Th ta="end">Доска</Table.Th>
              <Table.Th ta="end">Разница</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {days.toReversed().map((one) => (
              <Table.Tr key={one.day}>
                <Table.Th scope="row" fw={400}>
                  {dayShort(one.day)}
                </Table.Th>
                <Table.Td ta="end">{money(one.oursKopecks)}</Table.Td>
                <Table.Td ta="end">{one.isReported ? money(one.boardKopecks) : 'нет отчёта'}</Table.Td>
                <Table.Td ta="end">{one.differenceKopecks === null ? '–' : signed(one.differenceKopecks)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Sheet>
  );
}

const SENTENCES = 10;

function Findings({ list }: { list: ReconciliationAnswer['lists'][number] }) {
  const [isWhole, setIsWhole] = useState(false);
  const { label, count, claimKopecks, findings } = list;
  if (count === 0)
    return (
      <Sheet>
        <Group gap="xs">
          <IconCheck size={18} aria-hidden color="var(--tone-ok)" />
          <Text size="sm">{label}: нет</Text>
        </Group>
      </Sheet>
    );
  const shown = isWhole ? findings : findings.slice(0, SENTENCES);
  return (
    <Sheet
      title={`${label}: ${counted(count, 'объявление', 'объявления', 'объявлений')}`}
      aside={
        <Group gap="sm">
          {claimKopecks > 0 && <Text size="sm">вернуть {money(claimKopecks)}</Text>}
          <CopyButton value={findings.map(({ sentence }) => sentence).join('\n')}>
            {({ copied, copy }) => (
              <Button
                size="compact-sm"
                variant="light"
                leftSection={copied ? <IconCheck size={14} aria-hidden /> : <IconCopy size={14} aria-hidden />}
                onClick={copy}
              >
                {copied ? 'Скопировано' : 'Скопировать для поддержки'}
              </Button>
            )}
          </CopyButton>
        </Group>
      }
    >
      <List size="sm" spacing={6}>
        {shown.map(({ advert, sentence, listingId, externalId }) => (
          <List.Item key={advert} className={classes.sentence!}>
            {sentence}{' '}
            {listingId !== null && (
              <ListingLink id={listingId} externalId={`объект ${externalId ?? `#${listingId}`}`} isInText />
            )}
          </List.Item>
        ))}
      </List>
      {findings.length > shown.length && (
        <Button size="compact-sm" variant="subtle" mt="xs" onClick={() => setIsWhole(true)}>
          Показать все {counted(findings.length, 'фразу', 'фразы', 'фраз')}
        </Button>
      )}
    </Sheet>
  );
}

function Rows({ told: { rows, rowCount }, file }: { told: ReconciliationAnswer; file: string }) {
  const sum = (kopecks: number | null) => (kopecks === null ? '–' : money(kopecks));
  return (
    <Sheet
      title={rowCount === 0 ? 'Всё сходится' : `Где не сходится: ${counted(rowCount, 'строка', 'строки', 'строк')}`}
      aside={
        <Button
          component="a"
          href={file}
          download
          size="compact-sm"
          variant="default"
          leftSection={<IconDownload size={14} aria-hidden />}
        >
          Все строки, CSV
        </Button>
      }
    >
      {rows.length > 0 && (
        <Table.ScrollContainer minWidth={820} mah={480}>
          <Table aria-label="Где не сходится" stickyHeader>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>День</Table.Th>
                <Table.Th>Объявление</Table.Th>
                <Table.Th>Итог дня</Table.Th>
                <Table.Th ta="end">План</Table.Th>
                <Table.Th ta="end">Списали</Table.Th>
                <Table.Th ta="end">Доска</Table.Th>
                <Table.Th ta="end">Разница</Table.Th>
                <Table.Th>Замечание</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {rows.map((row) => (
                <Table.Tr key={`${row.day}/${row.advert}`}>
                  <Table.Td>{dayShort(row.day)}</Table.Td>
                  <Table.Td>
                    {row.listingId === null ? row.advert : <ListingLink id={row.listingId} externalId={row.advert} />}
                  </Table.Td>
                  <Table.Td>{row.outcomeLabel ?? '–'}</Table.Td>
                  <Table.Td ta="end">{sum(row.plannedKopecks)}</Table.Td>
                  <Table.Td ta="end">{money(row.chargedKopecks + row.heldKopecks)}</Table.Td>
                  <Table.Td ta="end">{money(row.boardKopecks)}</Table.Td>
                  <Table.Td ta="end">{sum(row.differenceKopecks)}</Table.Td>
                  <Table.Td>{row.lists.map(({ label }) => label.toLowerCase()).join(', ')}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {rowCount > rows.length && (
        <Text size="sm" c="dimmed" mt="xs">
          Показаны {counted(rows.length, 'строка', 'строки', 'строк')}; все — в файле.
        </Text>
      )}
    </Sheet>
  );
}

function Reports({ cabinet }: { cabinet: CabinetSums }) {
  const query = useApi<ReportList>(`/cabinets/${cabinet.id}/reports`);
  if (cabinet.reports === 0) return null;
  return (
    <Sheet>
      <Title order={2} mb="xs">
        Загруженные отчёты
      </Title>
      <Loaded query={query}>
        {({ data }) => (
          <Table.ScrollContainer minWidth={620}>
            <Table aria-label="Загруженные отчёты">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>Файл</Table.Th>
                  <Table.Th>Дни</Table.Th>
                  <Table.Th ta="end">Списаний</Table.Th>
                  <Table.Th ta="end">Сумма</Table.Th>
                  <Table.Th>Загрузил</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {data.toReversed().map((report) => (
                  <Table.Tr key={report.id}>
                    <Table.Th scope="row" fw={400}>
                      № {report.id} {report.name}
                    </Table.Th>
                    <Table.Td>
                      {report.from === report.until
                        ? dayShort(report.from)
                        : `${dayShort(report.from)} – ${dayShort(report.until)}`}
                    </Table.Td>
                    <Table.Td ta="end">
                      {report.rows}
                      {report.known > 0 && ` (известны ${report.known})`}
                    </Table.Td>
                    <Table.Td ta="end">{money(report.kopecks)}</Table.Td>
                    <Table.Td>
                      {report.by}, {momentShort(report.at)}
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Loaded>
    </Sheet>
  );
}
