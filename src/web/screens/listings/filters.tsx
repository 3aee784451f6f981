import { ActionIcon, Badge, Button, Group, Stack, Text } from '@mantine/core';
import { IconFilter, IconX } from '@tabler/icons-react';
import { useState } from 'react';
import type { BoardColumn, ListingChoices, ListingsTotal, ListingWords } from '../../../contracts/listings.ts';
import { MoneyInput, SearchInput } from '../../parts/fields.tsx';
import { Dropdown, type Option, Several } from '../../parts/several.tsx';
import { useSession } from '../../session.ts';
import { counted } from '../../words.ts';
import { countOf, FILTER_WORDS } from './address.ts';
import classes from './listings.module.css';

/** What narrows the list; every choice stands in the address. */

type Change = (patch: Record<string, unknown>) => void;

interface FiltersProps {
  readonly words: ListingWords;
  readonly change: Change;
  readonly boards: readonly BoardColumn[];
  readonly choices: ListingChoices | undefined;
  readonly total: ListingsTotal | undefined;
  readonly isPhone: boolean;
}

const STOPPED = ['blocked', 'returned', 'stale', 'unfunded'] as const;

export function Filters({ words, change, boards, choices, total, isPhone }: FiltersProps) {
  const [isOpen, setIsOpen] = useState(false);
  const count = countOf(words) + (words.board || words.cabinet ? 1 : 0);
  const search = (
    <SearchInput
      label="Адрес, номер, заголовок"
      value={words.q ?? ''}
      onChange={(q) => change({ q: q || undefined })}
      {...(isPhone && { w: '100%' })}
    />
  );
  const all = <All words={words} change={change} boards={boards} choices={choices} />;
  return (
    <div className={classes.filters}>
      {isPhone ? (
        <Group gap="xs" wrap="nowrap">
          {search}
          <Button
            variant="default"
            flex="none"
            leftSection={<IconFilter size={16} aria-hidden />}
            aria-expanded={isOpen}
            onClick={() => setIsOpen(!isOpen)}
          >
            {count > 0 ? String(count) : 'Фильтр'}
            {count > 0 && <span className="heard"> условий в фильтре</span>}
          </Button>
        </Group>
      ) : (
        search
      )}
      {(!isPhone || isOpen) && all}
      {words.code && <Condition words={`Замечание ${words.code}`} onClear={() => change({ code: undefined })} />}
      {count > 0 && (
        <Button variant="subtle" size="compact-sm" onClick={() => change(nothing())}>
          Сбросить фильтр
        </Button>
      )}
      <Stopped words={words} total={total} change={change} />
    </div>
  );
}

/** Every word of the filter taken out of the address. */
export const nothing = (): Record<string, undefined> =>
  Object.fromEntries(FILTER_WORDS.map((name) => [name, undefined]));

/** «7 объектов не выходят — показать». */
function Stopped({ words, total, change }: Pick<FiltersProps, 'words' | 'total' | 'change'>) {
  if (!total || total.stopped === 0 || words.outcome) return null;
  const { stopped } = total;
  return (
    <Text size="sm" component="div" className={classes.stopped!}>
      {counted(stopped, 'объект не выходит', 'объекта не выходят', 'объектов не выходят')}{' '}
      <Button variant="subtle" size="compact-sm" onClick={() => change({ outcome: [...STOPPED] })}>
        показать
      </Button>
    </Text>
  );
}

function Condition({ words, onClear }: { words: string; onClear: () => void }) {
  return (
    <Badge
      variant="light"
      color="gray"
      size="lg"
      tt="none"
      c="var(--mantine-color-text)"
      rightSection={
        <ActionIcon size="xs" variant="transparent" color="gray" aria-label={`Убрать: ${words}`} onClick={onClear}>
          <IconX size={12} />
        </ActionIcon>
      }
    >
      {words}
    </Badge>
  );
}

function All({ words, change, boards, choices }: Pick<FiltersProps, 'words' | 'change' | 'boards' | 'choices'>) {
  const { person } = useSession();
  const options = (list: readonly { id: string | number; label?: string; name?: string }[] | undefined): Option[] =>
    (list ?? []).map(({ id, label, name }) => ({ value: String(id), label: label ?? name ?? '' }));
  const people = options(choices?.employees);
  const isMe = people.some(({ value }) => value === String(person.id));
  const marked = words.marked === undefined ? [] : [`marked-${words.marked}`];
  return (
    <>
      {people.length > 1 && (
        <Several
          label="Сотрудник"
          value={[...(words.unassigned ? ['none'] : []), ...(words.employee ?? []).map(String)]}
          options={[
            ...(isMe ? [{ value: String(person.id), label: 'Мои' }] : []),
            { value: 'none', label: 'Без ответственного' },
            ...people.filter(({ value }) => value !== String(person.id)),
          ]}
          onChange={(value) =>
            change({
              employee: value.filter((one) => one !== 'none'),
              unassigned: value.includes('none') ? 'true' : undefined,
            })
          }
        />
      )}
      <Several
        label="Сделка"
        value={words.deal ?? []}
        options={options(choices?.deals)}
        onChange={(deal) => change({ deal })}
      />
      <Several
        label="Вид"
        value={words.kind ?? []}
        options={options(choices?.kinds)}
        onChange={(kind) => change({ kind })}
      />
      <Several
        label="Статус"
        value={[
          ...(words.status ?? []),
          ...(words.stale ? ['stale'] : []),
          ...(words.archived ? ['archived-only'] : []),
        ]}
        options={[
          ...options(choices?.statuses).filter(({ value }) => value !== 'archived'),
          { value: 'stale', label: 'не подтверждены в срок' },
          { value: 'archived-only', label: 'в архиве' },
        ]}
        onChange={(value) =>
          change({
            status: value.filter((one) => one !== 'stale' && one !== 'archived-only'),
            stale: value.includes('stale') ? 'true' : undefined,
            archived: value.includes('archived-only') ? 'true' : undefined,
          })
        }
      />
      <Several
        label="Доска"
        value={(words.cabinet ?? boards.filter(({ board }) => words.board?.includes(board)).map(({ id }) => id)).map(
          String,
        )}
        options={boards.map(({ id, title }) => ({ value: String(id), label: title }))}
        onChange={(value) => change({ cabinet: value, board: undefined })}
      />
      <Several
        label="Выгрузка"
        value={[...marked, ...(words.outcome ?? [])]}
        options={[
          { value: 'marked-yes', label: 'отмечены' },
          { value: 'marked-no', label: 'не отмечены' },
          ...options(choices?.outcomes),
        ]}
        onChange={(value) => {
          const outcome = value.filter((one) => !one.startsWith('marked-'));
          // One of the two at most: the newer choice.
          const asked = value.filter((one) => one.startsWith('marked-') && !marked.includes(one))[0];
          const kept = value.find((one) => marked.includes(one));
          change({ outcome, marked: (asked ?? kept)?.replace('marked-', '') });
        }}
      />
      <Several
        label="Филиал"
        value={(words.branch ?? []).map(String)}
        options={options(choices?.branches)}
        onChange={(branch) => change({ branch })}
        least={2}
      />
      <Several
        label="Отдел"
        value={(words.department ?? []).map(String)}
        options={options(choices?.departments)}
        onChange={(department) => change({ department })}
        least={2}
      />
      <Price words={words} change={change} />
    </>
  );
}

function Price({ words, change }: Pick<FiltersProps, 'words' | 'change'>) {
  const { priceFromKopecks: from, priceToKopecks: to } = words;
  const roubles = (kopecks: number) => `${Math.round(kopecks / 100_000_00) / 10} млн`;
  const told =
    from === undefined && to === undefined
      ? ''
      : `: ${[from !== undefined && `от ${roubles(from)}`, to !== undefined && `до ${roubles(to)}`].filter(Boolean).join(' ')}`;
  return (
    <Dropdown label="Цена" told={told}>
      <Stack gap="xs" w={200}>
        <MoneyInput
          label="От"
          size="xs"
          value={from ?? null}
          onChange={(kopecks) => change({ priceFromKopecks: kopecks ?? undefined })}
        />
        <MoneyInput
          label="До"
          size="xs"
          value={to ?? null}
          onChange={(kopecks) => change({ priceToKopecks: kopecks ?? undefined })}
        />
      </Stack>
    </Dropdown>
  );
}
