import {
  ActionIcon,
  Alert,
  Button,
  Group,
  Modal,
  NumberInput,
  Select,
  Stack,
  Switch,
  Table,
  Text,
  TextInput,
} from '@mantine/core';
import {
  IconAlertTriangle,
  IconArrowUp,
  IconCheck,
  IconClock,
  IconHistory,
  IconPlus,
  IconTrash,
} from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { PriceLine, TariffAnswer, TariffsAnswer, TariffTerms, TariffTrial } from '../../../contracts/tariffs.ts';
import { api } from '../../api.ts';
import { Chip } from '../../parts/chip.tsx';
import { DayInput } from '../../parts/day-field.tsx';
import { MoneyInput } from '../../parts/fields.tsx';
import { Page, Sheet } from '../../parts/page.tsx';
import { ProblemAlert, showDone } from '../../parts/problem.tsx';
import { Empty, Loaded } from '../../parts/states.tsx';
import { refresh, useApi } from '../../query.ts';
import { day, formatNumber, money, objects } from '../../words.ts';
import { CabinetPicker, OfCabinet, useCabinets } from './cabinet-picker.tsx';
import classes from './settings.module.css';

/** What adverts cost: what holds, what will, what did; and a new one from a day to come. */
export default function Tariffs() {
  const cabinets = useCabinets();
  return (
    <Page
      title="Тарифы"
      back={{ to: '/settings', words: 'К настройкам' }}
      words="Цена дня известна с его начала, поэтому новый тариф действует не раньше завтрашнего дня и ничего не меняет в прошлом."
      actions={<CabinetPicker cabinets={cabinets} />}
    >
      <OfCabinet cabinets={cabinets}>{({ id }) => <OfOne key={id} id={id} />}</OfCabinet>
    </Page>
  );
}

const LOOKS = {
  current: { tone: 'ok', icon: IconCheck },
  coming: { tone: 'waiting', icon: IconClock },
  past: { tone: 'neutral', icon: IconHistory },
  replaced: { tone: 'neutral', icon: IconTrash },
} as const;

function OfOne({ id }: { id: number }) {
  const query = useApi<TariffsAnswer>(`/cabinets/${id}/tariffs`);
  const [isOpen, setIsOpen] = useState(false);
  return (
    <Loaded query={query}>
      {(answer) => {
        const last = answer.data.find(({ state }) => state === 'coming' || state === 'current');
        return (
          <>
            {answer.data.length === 0 ? (
              <Empty
                title="Тарифа нет, размещение бесплатно"
                words="Запишите, сколько стоит день объекта, и деньги начнут считаться с завтрашнего дня."
                action={
                  answer.cabinet.may.tariffs ? { words: 'Записать тариф', onClick: () => setIsOpen(true) } : undefined
                }
              />
            ) : (
              <Sheet
                title={answer.cabinet.title}
                aside={
                  answer.cabinet.may.tariffs && (
                    <Button leftSection={<IconPlus size={16} />} onClick={() => setIsOpen(true)}>
                      Новый тариф
                    </Button>
                  )
                }
              >
                <ul className={classes.links}>
                  {answer.data.map((tariff) => (
                    <TariffRow key={tariff.id} tariff={tariff} />
                  ))}
                </ul>
              </Sheet>
            )}
            <Modal opened={isOpen} onClose={() => setIsOpen(false)} title="Новый тариф" size={1120}>
              <Editor answer={answer} begin={last?.terms ?? null} onDone={() => setIsOpen(false)} />
            </Modal>
          </>
        );
      }}
    </Loaded>
  );
}

function TariffRow({ tariff }: { tariff: TariffAnswer }) {
  const { state, stateLabel, validFrom, until, by, lines, id } = tariff;
  return (
    <li className={classes.link}>
      <div className={classes.words}>
        <Group gap="sm" mb={4}>
          <Chip {...LOOKS[state]} words={stateLabel} />
          <Text size="sm" fw={600}>
            с {day(validFrom)}
            {until && ` по ${day(until)}`}
          </Text>
          <Text size="xs" c="dimmed">
            № {id}, {by}
          </Text>
        </Group>
        {lines.map((line) => (
          <Text key={line} size="sm" {...(state === 'current' || state === 'coming' ? {} : { c: 'dimmed' })}>
            {line}
          </Text>
        ))}
      </div>
    </li>
  );
}

// ---------------------------------------------------------------------------------------------------------------------

interface Draft {
  readonly lines: readonly PriceLine[];
  readonly rest: number | null;
  readonly hasExcess: boolean;
  readonly excess: readonly PriceLine[];
  readonly excessRest: number | null;
  readonly promotion: TariffTerms['promotion'];
}

const split = (lines: readonly PriceLine[]): [readonly PriceLine[], number | null] => [
  lines.slice(0, -1),
  lines.at(-1)?.kopecks ?? null,
];

function draftOf(terms: TariffTerms | null): Draft {
  const [lines, rest] = split(terms?.lines ?? []);
  const [excess, excessRest] = split(terms?.excess ?? []);
  return {
    lines,
    rest,
    hasExcess: terms !== null && terms.excess !== null,
    excess,
    excessRest,
    promotion: terms?.promotion ?? [],
  };
}

/** null: a price is missing. */
function termsOf({ lines, rest, hasExcess, excess, excessRest, promotion }: Draft): TariffTerms | null {
  if (rest === null || (hasExcess && excessRest === null)) return null;
  return {
    lines: [...lines, { kopecks: rest }],
    excess: hasExcess ? [...excess, { kopecks: excessRest! }] : null,
    promotion,
  };
}

interface EditorProps {
  readonly answer: TariffsAnswer;
  readonly begin: TariffTerms | null;
  readonly onDone: () => void;
}

function Editor({ answer, begin, onDone }: EditorProps) {
  const { cabinet, earliest, unitLabel, isPackaged } = answer;
  const [draft, setDraft] = useState(() => draftOf(begin));
  const [validFrom, setValidFrom] = useState<string | null>(earliest);
  const put = (patch: Partial<Draft>) => setDraft((known) => ({ ...known, ...patch }));
  const terms = termsOf(draft);
  const trial = useQuery<TariffTrial, Error>({
    queryKey: ['cabinets', String(cabinet.id), 'tariffs', 'try', terms],
    queryFn: ({ signal }) =>
      api.send<TariffTrial>('POST', `/cabinets/${cabinet.id}/tariffs/try`, { terms }, { signal }),
    enabled: terms !== null,
    placeholderData: (before) => before,
    retry: false,
  });
  const save = useMutation({
    meta: { isTold: true },
    mutationFn: () => api.send('POST', `/cabinets/${cabinet.id}/tariffs`, { validFrom, terms }),
    onSuccess: async () => {
      showDone(`Тариф записан с ${day(validFrom!)}`);
      await refresh(`/cabinets/${cabinet.id}`, '/settings/boards');
      onDone();
    },
  });
  return (
    <Stack gap="md">
      <DayInput
        label="Первый день"
        description={`Не раньше ${day(earliest)}`}
        required
        minDate={earliest}
        value={validFrom}
        onChange={setValidFrom}
        w={200}
      />
      <PriceTable
        title={`Цены ${unitLabel}`}
        lines={draft.lines}
        rest={draft.rest}
        counts={trial.data?.listings ?? []}
        answer={answer}
        onLines={(lines) => put({ lines })}
        onRest={(rest) => put({ rest })}
      />
      {isPackaged && (
        <Switch
          label="Продавать сверх пакета"
          description="Без этого объекты, которым не хватило места, ждут очереди"
          checked={draft.hasExcess}
          onChange={(event) => put({ hasExcess: event.currentTarget.checked })}
        />
      )}
      {draft.hasExcess && (
        <PriceTable
          title={`Сверх пакета, ${unitLabel}`}
          lines={draft.excess}
          rest={draft.excessRest}
          counts={[]}
          answer={answer}
          onLines={(excess) => put({ excess })}
          onRest={(excessRest) => put({ excessRest })}
        />
      )}
      <Promotion draft={draft} answer={answer} put={put} />
      <ProblemAlert error={save.error ?? trial.error} />
      {trial.data && !trial.error && <Told trial={trial.data} unitLabel={unitLabel} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={onDone}>
          Отмена
        </Button>
        <Button
          disabled={terms === null || validFrom === null || trial.error !== null}
          loading={save.isPending}
          onClick={() => save.mutate()}
        >
          Записать тариф
        </Button>
      </Group>
    </Stack>
  );
}

function Told({ trial, unitLabel }: { trial: TariffTrial; unitLabel: string }) {
  const { marks, changed, nowKopecks, thenKopecks, unknownRegions } = trial;
  return (
    <Stack gap="xs">
      <Alert color={changed > 0 ? 'money' : 'ok'} variant="light" role="status">
        {marks === 0
          ? 'В кабинете ничего не отмечено: считать пока не на чём.'
          : `Все ${objects(marks)} стоили бы ${money(thenKopecks)} ${unitLabel} вместо ${money(nowKopecks)}; цена изменится у ${formatNumber(changed)}.`}
      </Alert>
      {unknownRegions.length > 0 && (
        <Alert color="money" variant="light" icon={<IconAlertTriangle size={18} />}>
          Объектов с регионом {unknownRegions.map((region) => `«${region}»`).join(', ')} нет: такая строка никому не
          подойдёт.
        </Alert>
      )}
    </Stack>
  );
}

interface PriceTableProps {
  readonly title: string;
  readonly lines: readonly PriceLine[];
  readonly rest: number | null;
  readonly counts: readonly number[];
  readonly answer: TariffsAnswer;
  readonly onLines: (lines: readonly PriceLine[]) => void;
  readonly onRest: (rest: number | null) => void;
}

/** Lines are tried from the top; the last one is for whatever no other fits. */
function PriceTable({ title, lines, rest, counts, answer, onLines, onRest }: PriceTableProps) {
  const put = (index: number, patch: Partial<Record<keyof PriceLine, unknown>>) =>
    onLines(lines.map((line, at) => (at === index ? cleaned({ ...line, ...patch }) : line)));
  const all = { value: '', label: 'все' };
  return (
    <div>
      <Text size="sm" fw={600} mb={4}>
        {title}
      </Text>
      <div className={classes.scroll}>
        <Table aria-label={title} withTableBorder verticalSpacing={6} miw={960}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Вид</Table.Th>
              <Table.Th>Сделка</Table.Th>
              <Table.Th>Регион</Table.Th>
              <Table.Th>Цена объекта от</Table.Th>
              <Table.Th>до</Table.Th>
              <Table.Th>Стоит</Table.Th>
              <Table.Th ta="end">Объектов</Table.Th>
              <Table.Th>
                <span className="heard">Строка</span>
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {lines.map((line, index) => {
              const named = (what: string) => `${what}, строка ${index + 1}`;
              return (
                // biome-ignore lint/suspicious/noArrayIndexKey: lines have no name of their own
                <Table.Tr key={index}>
                  <Table.Td>
                    <Select
                      aria-label={named('Вид')}
                      allowDeselect={false}
                      value={line.kind ?? ''}
                      data={[all, ...answer.kinds]}
                      onChange={(kind) => put(index, { kind })}
                    />
                  </Table.Td>
                  <Table.Td>
                    <Select
                      aria-label={named('Сделка')}
                      allowDeselect={false}
                      value={line.deal ?? ''}
                      data={[all, ...answer.deals]}
                      onChange={(deal) => put(index, { deal })}
                    />
                  </Table.Td>
                  <Table.Td>
                    <Select
                      aria-label={named('Регион')}
                      allowDeselect={false}
                      searchable
                      value={line.region ?? ''}
                      data={[all, ...regions(answer.regions, line.region)]}
                      onChange={(region) => put(index, { region })}
                    />
                  </Table.Td>
                  <Table.Td>
                    <MoneyInput
                      aria-label={named('Цена объекта от')}
                      value={line.priceFrom ?? null}
                      onChange={(priceFrom) => put(index, { priceFrom })}
                    />
                  </Table.Td>
                  <Table.Td>
                    <MoneyInput
                      aria-label={named('Цена объекта до')}
                      value={line.priceBelow ?? null}
                      onChange={(priceBelow) => put(index, { priceBelow })}
                    />
                  </Table.Td>
                  <Table.Td>
                    <MoneyInput
                      aria-label={named('Стоит')}
                      w={120}
                      value={line.kopecks}
                      onChange={(kopecks) => put(index, { kopecks: kopecks ?? 0 })}
                    />
                  </Table.Td>
                  <Table.Td ta="end">{counts[index] === undefined ? '' : formatNumber(counts[index]!)}</Table.Td>
                  <Table.Td>
                    <Group gap={2} wrap="nowrap">
                      <ActionIcon
                        variant="subtle"
                        color="gray"
                        disabled={index === 0}
                        aria-label={`Строка ${index + 1}: выше`}
                        onClick={() => onLines(raised(lines, index))}
                      >
                        <IconArrowUp size={16} />
                      </ActionIcon>
                      <ActionIcon
                        variant="subtle"
                        color="gray"
                        aria-label={`Строка ${index + 1}: убрать`}
                        onClick={() => onLines(lines.filter((_, at) => at !== index))}
                      >
                        <IconTrash size={16} />
                      </ActionIcon>
                    </Group>
                  </Table.Td>
                </Table.Tr>
              );
            })}
            <Table.Tr>
              <Table.Td colSpan={5}>{lines.length === 0 ? 'Любой объект' : 'Остальные'}</Table.Td>
              <Table.Td>
                <MoneyInput
                  aria-label={lines.length === 0 ? 'Стоит любой объект' : 'Стоят остальные'}
                  w={120}
                  value={rest}
                  onChange={onRest}
                />
              </Table.Td>
              <Table.Td ta="end">
                {counts[lines.length] === undefined ? '' : formatNumber(counts[lines.length]!)}
              </Table.Td>
              <Table.Td />
            </Table.Tr>
          </Table.Tbody>
        </Table>
      </div>
      <Button
        mt={8}
        size="compact-sm"
        variant="default"
        leftSection={<IconPlus size={14} />}
        onClick={() => onLines([...lines, { kopecks: rest ?? 0 }])}
      >
        Добавить строку
      </Button>
    </div>
  );
}

/** What is not named asks nothing. */
const cleaned = (line: Partial<Record<keyof PriceLine, unknown>>): PriceLine =>
  Object.fromEntries(
    Object.entries(line).filter(([, value]) => value !== null && value !== ''),
  ) as unknown as PriceLine;

const raised = (lines: readonly PriceLine[], index: number) =>
  lines.map((line, at) => (at === index - 1 ? lines[index]! : at === index ? lines[index - 1]! : line));

/** With the one that stands there, though no listing has it any more. */
const regions = (known: readonly string[], own: string | undefined) =>
  own === undefined || known.includes(own) ? [...known] : [own, ...known];

function Promotion({
  draft,
  answer,
  put,
}: {
  draft: Draft;
  answer: TariffsAnswer;
  put: (patch: Partial<Draft>) => void;
}) {
  const { promotion } = draft;
  const { levels } = answer;
  const change = (index: number, patch: Partial<TariffTerms['promotion'][number]>) =>
    put({ promotion: promotion.map((line, at) => (at === index ? { ...line, ...patch } : line)) });
  const first = levels[0];
  return (
    <div>
      <Text size="sm" fw={600} mb={4}>
        Продвижение
      </Text>
      <Stack gap="xs">
        {promotion.map((line, index) => {
          const fixed = levels.find(({ code }) => code === line.level)?.days ?? null;
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: lines have no name of their own
            <Group key={index} gap="sm">
              {levels.length > 0 ? (
                <Select
                  aria-label={`Уровень, строка ${index + 1}`}
                  allowDeselect={false}
                  value={line.level}
                  data={levels.map(({ code, label }) => ({ value: code, label }))}
                  onChange={(level) =>
                    level &&
                    change(index, { level, days: levels.find(({ code }) => code === level)?.days ?? line.days })
                  }
                />
              ) : (
                <TextInput
                  aria-label={`Уровень, строка ${index + 1}`}
                  value={line.level}
                  onChange={(event) => change(index, { level: event.currentTarget.value })}
                />
              )}
              <NumberInput
                aria-label={`Дней, строка ${index + 1}`}
                w={120}
                min={1}
                max={366}
                allowDecimal={false}
                disabled={fixed !== null}
                suffix={' дн.'}
                value={line.days}
                onChange={(days) => typeof days === 'number' && change(index, { days })}
              />
              <MoneyInput
                aria-label={`Цена, строка ${index + 1}`}
                w={140}
                value={line.kopecks}
                onChange={(kopecks) => change(index, { kopecks: kopecks ?? 0 })}
              />
              <ActionIcon
                variant="subtle"
                color="gray"
                aria-label={`Продвижение, строка ${index + 1}: убрать`}
                onClick={() => put({ promotion: promotion.filter((_, at) => at !== index) })}
              >
                <IconTrash size={16} />
              </ActionIcon>
            </Group>
          );
        })}
        <Group>
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<IconPlus size={14} />}
            onClick={() =>
              put({ promotion: [...promotion, { level: first?.code ?? '', days: first?.days ?? 7, kopecks: 0 }] })
            }
          >
            Добавить уровень
          </Button>
        </Group>
      </Stack>
    </div>
  );
}
