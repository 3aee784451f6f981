import { Button, NumberInput, SegmentedControl, Select, Text, Textarea, TextInput } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { type KeyboardEvent, type ReactNode, useRef, useState } from 'react';
import type { Fill, FillField } from '../../../contracts/diagnostics.ts';
import type { ListingCard } from '../../../contracts/listing.ts';
import { api, ProblemError } from '../../api.ts';
import { MoneyInput } from '../../parts/fields.tsx';
import { Page } from '../../parts/page.tsx';
import { Broken, Empty, Skeletons } from '../../parts/states.tsx';
import { Way } from '../../parts/way.tsx';
import { keyOf, refresh } from '../../query.ts';
import { listOf, oneOf, useAddress } from '../../router.tsx';
import { formatNumber, objects } from '../../words.ts';
import classes from './diagnostics.module.css';

type FillRow = Fill['rows'][number];

/** Fills one missing value in many listings: a line each, saved as it is left. */
export default function FillScreen() {
  const [{ code, board, cabinet, branch }] = useAddress((raw) => ({
    code: oneOf(raw.code) ?? '',
    board: listOf(raw.board),
    cabinet: listOf(raw.cabinet),
    branch: listOf(raw.branch),
  }));
  const query = Object.fromEntries(
    Object.entries({ board, cabinet, branch }).filter(([, values]) => values.length > 0),
  );
  const fill = useInfiniteQuery({
    // Without a notice in the address there is nothing to ask for.
    enabled: code !== '',
    queryKey: [...keyOf('/diagnostics/fill'), code, query],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      api.get<Fill>('/diagnostics/fill', { ...query, code, after: pageParam }, signal),
    getNextPageParam: ({ page }) => page.next ?? undefined,
    // What is being filled must not change under the hands.
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
  });
  const [saved, setSaved] = useState<ReadonlySet<number>>(new Set());
  const first = fill.data?.pages[0];
  const rows = fill.data?.pages.flatMap((page) => page.rows) ?? [];
  const total = first?.page.total ?? rows.length;
  return (
    <Page
      title={first ? `Заполнить: ${first.field.label}` : 'Заполнить'}
      back={{ to: '/diagnostics', words: 'К диагностике' }}
      words={first && <>{first.sentence}</>}
      aside={
        first && (
          <Text size="sm" c="dimmed" aria-live="polite">
            Заполнено {formatNumber(saved.size)} из {formatNumber(total)}
          </Text>
        )
      }
    >
      {code === '' ? (
        <Empty
          title="Что заполнить?"
          words="Выберите замечание в диагностике: там, где значения не хватает, есть кнопка «Заполнить»."
          action={{ words: 'К диагностике', to: '/diagnostics' }}
        />
      ) : fill.error && !first ? (
        <Broken error={fill.error} onRetry={() => void fill.refetch()} />
      ) : !first ? (
        <Skeletons />
      ) : rows.length === 0 ? (
        <Empty
          kind="done"
          title="Заполнять нечего"
          words="Такого замечания ни у одного вашего объекта нет."
          action={{ words: 'К диагностике', to: '/diagnostics' }}
        />
      ) : (
        <>
          <Text size="sm" c="dimmed">
            Tab или Enter сохраняет строку и ведёт к следующей, Ctrl Enter открывает объект. Объект выйдет со следующей
            сборкой фида.
          </Text>
          <Grid field={first.field} rows={rows} onSaved={(listing) => setSaved((was) => new Set(was).add(listing))} />
          {fill.hasNextPage && (
            <Button
              variant="default"
              loading={fill.isFetchingNextPage}
              onClick={() => void fill.fetchNextPage()}
              style={{ alignSelf: 'center' }}
            >
              Ещё {objects(total - rows.length)}
            </Button>
          )}
        </>
      )}
    </Page>
  );
}

interface GridProps {
  readonly field: FillField;
  readonly rows: readonly FillRow[];
  readonly onSaved: (listing: number) => void;
}

function Grid({ field, rows, onSaved }: GridProps) {
  const body = useRef<HTMLTableSectionElement>(null);
  const goOn = (from: HTMLElement) => {
    const inputs = [...(body.current?.querySelectorAll<HTMLElement>('[data-fill]') ?? [])];
    const own = from.closest<HTMLElement>('[data-fill]');
    const next = own ? inputs[inputs.indexOf(own) + 1] : undefined;
    (next?.querySelector<HTMLElement>('input, textarea, button') ?? from).focus();
  };
  return (
    <div className={classes.wrap}>
      <table className={classes.table}>
        <caption className="heard">{`Объекты без значения: ${field.label}`}</caption>
        <thead>
          <tr>
            <th scope="col">Объект</th>
            <th scope="col" className={classes.value}>
              {field.label}
              {field.unit && `, ${field.unit}`}
            </th>
            <th scope="col" className={classes.state}>
              <span className="heard">Состояние</span>
            </th>
          </tr>
        </thead>
        <tbody ref={body}>
          {rows.map((row) => (
            <FillLine key={row.listing} field={field} row={row} onSaved={onSaved} onNext={goOn} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

type State = { readonly kind: 'idle' | 'saving' | 'saved' } | { readonly kind: 'failed'; readonly words: string };

function FillLine({
  field,
  row,
  onSaved,
  onNext,
}: {
  field: FillField;
  row: FillRow;
  onSaved: (listing: number) => void;
  onNext: (from: HTMLElement) => void;
}) {
  const [value, setValue] = useState<unknown>(row.current ?? null);
  const [state, setState] = useState<State>({ kind: 'idle' });
  /** What lies on the server as far as it is known here. */
  const known = useRef({ version: row.version, value: (row.current ?? null) as unknown });
  const isSaving = useRef(false);

  const save = async (next: unknown) => {
    if (isSaving.current || JSON.stringify(next) === JSON.stringify(known.current.value) || next === null) return;
    isSaving.current = true;
    setState({ kind: 'saving' });
    try {
      const card = await api.send<ListingCard>(
        'PATCH',
        `/listings/${row.listing}`,
        { set: { [field.field]: next } },
        { ifMatch: `"${known.current.version}"` },
      );
      known.current = { version: card.version, value: next };
      setState({ kind: 'saved' });
      onSaved(row.listing);
      void refresh('/listings');
    } catch (error) {
      await failed(error);
    } finally {
      isSaving.current = false;
    }
  };
  /** Somebody was quicker: what they wrote is shown, and the next try is over it. */
  const failed = async (error: unknown) => {
    if (error instanceof ProblemError && error.status === 412) {
      const { data } = await api.read<ListingCard>(`/listings/${row.listing}`).catch(() => ({ data: null }));
      if (data) {
        const there = data.groups.flatMap(({ fields }) => fields).find((one) => one.field === field.field);
        known.current = { version: data.version, value: there?.value ?? null };
        const isSame = JSON.stringify(there?.value ?? null) === JSON.stringify(row.current ?? null);
        setState({
          kind: 'failed',
          words: isSame
            ? 'Объект изменился, пока вы заполняли. Ваш ответ цел: сохраните ещё раз.'
            : `Уже заполнили: «${String(there?.value)}». Если нужно ваше, сохраните ещё раз.`,
        });
        return;
      }
    }
    setState({
      kind: 'failed',
      words: error instanceof ProblemError ? error.problem.detail : 'Сохранить не удалось, повторите.',
    });
  };
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    if (event.key !== 'Enter' || event.defaultPrevented) return;
    if (event.ctrlKey || event.metaKey) {
      window.open(`/listings/${row.listing}`, '_blank');
      return;
    }
    if (field.type === 'long-text' && !event.shiftKey) return;
    event.preventDefault();
    void save(value);
    onNext(event.target as HTMLElement);
  };
  const name = `${field.label}: ${row.title}`;
  return (
    <tr className={classes.row}>
      <td>
        {/* Tab leads from line to line; Ctrl Enter opens the listing. */}
        <Way href={`/listings/${row.listing}`} tabIndex={-1}>
          {row.title}
        </Way>
        <Text size="xs" c="dimmed">
          № {row.externalId}
          {row.employee && ` · ${row.employee}`}
        </Text>
      </td>
      <td
        className={classes.value}
        data-fill
        onKeyDown={onKeyDown}
        onBlur={(event) => {
          if (!event.currentTarget.contains(event.relatedTarget)) void save(value);
        }}
      >
        <FillInput
          field={field}
          name={name}
          value={value}
          error={state.kind === 'failed' ? state.words : undefined}
          onChange={(next, isWhole) => {
            setValue(next);
            if (isWhole) void save(next);
          }}
        />
      </td>
      <td className={classes.state} data-state={state.kind} aria-live="polite">
        {state.kind === 'saved' ? '✓ сохранено' : state.kind === 'saving' ? 'сохраняется' : ''}
        {state.kind === 'failed' && (
          <Button size="compact-xs" variant="default" onClick={() => void save(value)}>
            Повторить
          </Button>
        )}
      </td>
    </tr>
  );
}

interface FillInputProps {
  readonly field: FillField;
  readonly name: string;
  readonly value: unknown;
  readonly error: ReactNode;
  /** `isWhole`: a choice is an answer by itself, nothing more will be typed. */
  readonly onChange: (value: unknown, isWhole: boolean) => void;
}

const orNull = (text: string) => (text.trim() === '' ? null : text);

function FillInput({ field, name, value, error, onChange }: FillInputProps) {
  const common = { 'aria-label': name, error, size: 'sm' } as const;
  switch (field.type) {
    case 'long-text':
      return (
        <Textarea
          {...common}
          autosize
          minRows={2}
          maxRows={10}
          maxLength={field.charsMax}
          value={typeof value === 'string' ? value : ''}
          onChange={(event) => onChange(orNull(event.currentTarget.value), false)}
        />
      );
    case 'money':
      return (
        <MoneyInput
          {...common}
          value={typeof value === 'number' ? value : null}
          onChange={(next) => onChange(next, false)}
        />
      );
    case 'integer':
    case 'number':
      return (
        <NumberInput
          {...common}
          hideControls
          decimalSeparator=","
          allowDecimal={field.type === 'number'}
          allowNegative={(field.min ?? 0) < 0}
          value={typeof value === 'number' ? value : ''}
          onChange={(next) => onChange(next === '' ? null : Number(next), false)}
        />
      );
    case 'flag':
      return (
        <SegmentedControl
          size="xs"
          aria-label={name}
          data={[
            { value: 'yes', label: 'да' },
            { value: 'no', label: 'нет' },
          ]}
          value={value === true ? 'yes' : value === false ? 'no' : ''}
          onChange={(next) => onChange(next === 'yes', true)}
        />
      );
    case 'choice':
      return (
        <Select
          {...common}
          placeholder="выберите"
          searchable={(field.choices?.length ?? 0) > 8}
          nothingFoundMessage="Такого нет"
          data={field.choices ?? []}
          value={typeof value === 'string' ? value : null}
          onChange={(next) => next !== null && onChange(next, true)}
        />
      );
    default:
      return (
        <TextInput
          {...common}
          maxLength={field.charsMax}
          value={typeof value === 'string' ? value : ''}
          onChange={(event) => onChange(orNull(event.currentTarget.value), false)}
        />
      );
  }
}
