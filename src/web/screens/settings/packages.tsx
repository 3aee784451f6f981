import { ActionIcon, Anchor, Button, Group, NumberInput, SegmentedControl, Stack, Table, Text } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconPin, IconPinFilled } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { Effect, Package, PackageAnswer, PackageBody, RotationAnswer } from '../../../contracts/settings.ts';
import { type Answer, api } from '../../api.ts';
import { DayInput } from '../../parts/day-field.tsx';
import { Page, Sheet } from '../../parts/page.tsx';
import { ProblemAlert, showDone } from '../../parts/problem.tsx';
import { Loaded } from '../../parts/states.tsx';
import { refresh, useApiWithTag } from '../../query.ts';
import { counted, dayShort, formatNumber, objects } from '../../words.ts';
import { CabinetPicker, OfCabinet, useCabinets } from './cabinet-picker.tsx';
import { useUnsaved } from './draft.tsx';
import { agreed } from './effect.tsx';
import classes from './settings.module.css';

/** How many places a cabinet has, and who gets them in the next two weeks. */
export default function Packages() {
  const cabinets = useCabinets();
  return (
    <Page
      title="Пакеты и ротация"
      back={{ to: '/settings', words: 'К настройкам' }}
      words="Если отмеченных объектов больше, чем мест, они сменяют друг друга. Закреплённый получает место первым."
      actions={<CabinetPicker cabinets={cabinets} />}
    >
      <OfCabinet cabinets={cabinets}>{({ id }) => <OfOne key={id} id={id} />}</OfCabinet>
    </Page>
  );
}

function OfOne({ id }: { id: number }) {
  const query = useApiWithTag<PackageAnswer>(`/cabinets/${id}/package`);
  return <Loaded query={query}>{(answer) => <Editor key={answer.etag} answer={answer} id={id} />}</Loaded>;
}

const KINDS = [
  { value: 'none', label: 'Нет пакета' },
  { value: 'concurrent', label: 'Места одновременно' },
  { value: 'placements', label: 'Размещения за период' },
] as const;
type Kind = (typeof KINDS)[number]['value'];

/** What a package of a kind begins with. */
function packageOf(kind: Kind, today: string): Package | null {
  if (kind === 'none') return null;
  return kind === 'concurrent'
    ? { kind, places: 50 }
    : { kind, placements: 50, from: today, periodDays: 30, termDays: 30 };
}

function Editor({ answer: { data, etag }, id }: { answer: Answer<PackageAnswer>; id: number }) {
  const [pack, setPack] = useState<Package | null>(data.package);
  const [turnDays, setTurnDays] = useState(data.turnDays);
  const isChanged = JSON.stringify([pack, turnDays]) !== JSON.stringify([data.package, data.turnDays]);
  useUnsaved(isChanged);
  const wish: PackageBody = { package: pack, turnDays };
  const isReadOnly = !data.cabinet.may.packages;
  const isPhone = useMediaQuery('(max-width: 48em)') ?? false;
  const save = useMutation({
    meta: { isTold: true },
    mutationFn: async () => {
      const rehearse = () => api.send<Effect>('POST', `/cabinets/${id}/package/rehearse`, wish);
      const words = await agreed({ title: 'Сохранить пакет?', rehearse });
      if (words === null) return null;
      await api.send('PUT', `/cabinets/${id}/package`, wish, { ifMatch: etag });
      return words;
    },
    onSuccess: async (words) => {
      if (words === null) return;
      showDone(`Пакет сохранён.${words}`);
      await refresh(`/cabinets/${id}`, '/settings/boards');
    },
  });
  const number = (
    label: string,
    value: number,
    onChange: (value: number) => void,
    max: number,
    description?: string,
  ) => (
    <NumberInput
      label={label}
      description={description}
      value={value}
      min={0}
      max={max}
      allowDecimal={false}
      thousandSeparator={'\u00a0'}
      disabled={isReadOnly}
      w={220}
      onChange={(next) => typeof next === 'number' && onChange(next)}
    />
  );
  return (
    <>
      <Sheet title="Пакет" aside={<Text size="sm">{data.text}</Text>}>
        <Stack gap="md">
          <ProblemAlert
            error={save.error}
            onRetry={() => {
              save.reset();
              void refresh(`/cabinets/${id}`);
            }}
          />
          <SegmentedControl
            aria-label="Вид пакета"
            disabled={isReadOnly}
            value={pack?.kind ?? 'none'}
            onChange={(kind) => setPack(packageOf(kind as Kind, data.today))}
            data={[...KINDS]}
            orientation={isPhone ? 'vertical' : 'horizontal'}
            style={{ alignSelf: isPhone ? 'stretch' : 'flex-start' }}
          />
          {pack?.kind === 'concurrent' && (
            <Group align="flex-end">
              {number('Мест одновременно', pack.places, (places) => setPack({ ...pack, places }), 1_000_000)}
              {number('Место даётся на, дней', turnDays, setTurnDays, 366)}
            </Group>
          )}
          {pack?.kind === 'placements' && (
            <Group align="flex-end">
              {number(
                'Размещений за период',
                pack.placements,
                (placements) => setPack({ ...pack, placements }),
                1_000_000,
              )}
              {number('Длина периода, дней', pack.periodDays, (periodDays) => setPack({ ...pack, periodDays }), 366)}
              {number('Размещение держится, дней', pack.termDays, (termDays) => setPack({ ...pack, termDays }), 366)}
              <DayInput
                label="Первый день периода"
                disabled={isReadOnly}
                value={pack.from}
                onChange={(from) => from && setPack({ ...pack, from })}
                w={180}
              />
            </Group>
          )}
          {data.period && (
            <Text size="sm" c="dimmed">
              Период {dayShort(data.period.from)}–{dayShort(data.period.until)}: израсходовано{' '}
              {counted(data.used, 'размещение', 'размещения', 'размещений')}.
            </Text>
          )}
          {isReadOnly ? (
            <Text size="sm" c="dimmed">
              Пакет этого кабинета меняет специалист по рекламе всего агентства или его филиала.
            </Text>
          ) : (
            <Group>
              <Button disabled={!isChanged} loading={save.isPending} onClick={() => save.mutate()}>
                Сохранить
              </Button>
              {isChanged && (
                <Button
                  variant="default"
                  onClick={() => {
                    setPack(data.package);
                    setTurnDays(data.turnDays);
                    save.reset();
                  }}
                >
                  Отменить
                </Button>
              )}
            </Group>
          )}
        </Stack>
      </Sheet>
      {pack ? (
        <Rotation id={id} wish={isChanged ? wish : null} isReadOnly={isReadOnly} />
      ) : (
        <Text size="sm" c="dimmed">
          Без пакета очереди нет: на доске все {objects(data.cabinet.published)}, которым больше ничто не мешает.
        </Text>
      )}
    </>
  );
}

/** Fourteen days ahead, by the package as it is written in the form. */
function Rotation({ id, wish, isReadOnly }: { id: number; wish: PackageBody | null; isReadOnly: boolean }) {
  const path = `/cabinets/${id}/rotation`;
  const query = useQuery<RotationAnswer, Error>({
    queryKey: ['cabinets', String(id), 'rotation', wish],
    queryFn: ({ signal }) =>
      wish
        ? api.send<RotationAnswer>('POST', path, wish, { signal })
        : api.get<RotationAnswer>(path, undefined, signal),
    placeholderData: (before) => before,
  });
  return (
    <Sheet
      title="Ближайшие 14 дней"
      aside={
        <Text size="sm" c="dimmed">
          {wish ? 'по пакету, который ещё не сохранён' : 'если ничего не изменится'}
        </Text>
      }
    >
      <Loaded query={query}>
        {(answer) =>
          answer.total === 0 ? (
            <Text size="sm" c="dimmed">
              Ни один объект не претендует на место: все остановлены раньше или ещё не было прогона.
            </Text>
          ) : (
            <Grid answer={answer} id={id} isReadOnly={isReadOnly} />
          )
        }
      </Loaded>
    </Sheet>
  );
}

function Grid({
  answer: { days, listings, total },
  id,
  isReadOnly,
}: {
  answer: RotationAnswer;
  id: number;
  isReadOnly: boolean;
}) {
  return (
    <Stack gap="sm">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys */}
      <section className={classes.scroll} tabIndex={0} aria-label="Кто на доске в какой день">
        <table className={classes.grid}>
          <caption className="heard">Кто на доске в какой день</caption>
          <thead>
            <tr>
              <th scope="col">Объект</th>
              {days.map(({ day }) => (
                <th key={day} scope="col">
                  {dayShort(day).slice(0, 5)}
                </th>
              ))}
            </tr>
            <tr>
              <th scope="row">На доске</th>
              {days.map(({ day, placed }) => (
                <td key={day}>{formatNumber(placed)}</td>
              ))}
            </tr>
            <tr>
              <th scope="row">Ждут места</th>
              {days.map(({ day, waiting }) => (
                <td key={day}>{formatNumber(waiting)}</td>
              ))}
            </tr>
          </thead>
          <tbody>
            {listings.map((listing) => (
              <tr key={listing.listingId}>
                <th scope="row">
                  <Group gap={4} wrap="nowrap">
                    <Pin id={id} listing={listing} isReadOnly={isReadOnly} />
                    <Anchor component={Link} to={`/listings/${listing.listingId}`} size="sm">
                      {listing.externalId}
                    </Anchor>
                  </Group>
                </th>
                {[...listing.shown].map((sign, index) => (
                  <td
                    key={days[index]!.day}
                    data-shown={sign === '1' || undefined}
                    data-waits={sign === '0' || undefined}
                  >
                    <span aria-hidden>{sign === '1' ? '✓' : '·'}</span>
                    <span className="heard">{sign === '1' ? 'на доске' : 'ждёт'}</span>
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {listings.length < total && (
        <Text size="sm" c="dimmed">
          Показаны первые {formatNumber(listings.length)} из {objects(total)}.
        </Text>
      )}
      <Changes days={days} />
    </Stack>
  );
}

type Listed = RotationAnswer['listings'][number];

function Pin({ id, listing, isReadOnly }: { id: number; listing: Listed; isReadOnly: boolean }) {
  const { listingId, externalId, isPinned } = listing;
  const turn = useMutation({
    mutationFn: () => api.send(isPinned ? 'DELETE' : 'PUT', `/cabinets/${id}/pins/${listingId}`),
    onSuccess: () => refresh(`/cabinets/${id}/rotation`),
  });
  if (isReadOnly) return isPinned ? <IconPinFilled size={14} aria-label="Закреплён" /> : null;
  return (
    <ActionIcon
      size="sm"
      variant="subtle"
      color={isPinned ? 'brand' : 'gray'}
      aria-pressed={isPinned}
      aria-label={`Закрепить ${externalId}`}
      loading={turn.isPending}
      onClick={() => turn.mutate()}
    >
      {isPinned ? <IconPinFilled size={14} /> : <IconPin size={14} />}
    </ActionIcon>
  );
}

/** Day by day who comes and who goes, and why. */
function Changes({ days }: { days: RotationAnswer['days'] }) {
  const moving = days.filter(({ enters, leaves }) => enters.length + leaves.length > 0);
  if (moving.length === 0) return null;
  return (
    <details>
      <Text component="summary" size="sm" style={{ cursor: 'pointer' }}>
        Кто придёт и кто уступит
      </Text>
      <Table aria-label="Кто придёт и кто уступит" mt="xs">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>День</Table.Th>
            <Table.Th>Займут место</Table.Th>
            <Table.Th>Уступят</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {moving.map(({ day, enters, leaves }) => (
            <Table.Tr key={day}>
              <Table.Th scope="row" fw={400}>
                {dayShort(day)}
              </Table.Th>
              <Table.Td>{told(enters.map(({ externalId, why }) => `${externalId} (${why})`))}</Table.Td>
              <Table.Td>{told(leaves.map(({ externalId }) => externalId))}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </details>
  );
}

const NAMES = 10;
function told(names: readonly string[]): string {
  if (names.length === 0) return '–';
  const rest = names.length - NAMES;
  return `${names.slice(0, NAMES).join(', ')}${rest > 0 ? ` и ещё ${formatNumber(rest)}` : ''}`;
}
