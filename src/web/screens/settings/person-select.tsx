import { Select, type SelectProps } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData } from '@tanstack/react-query';
import { useState } from 'react';
import type { People } from '../../../contracts/people.ts';
import { useApi } from '../../query.ts';

interface PersonSelectProps extends Omit<SelectProps, 'value' | 'onChange' | 'data' | 'searchValue'> {
  readonly value?: number | null;
  readonly onChange?: (id: number | null) => void;
  /** Whose name is known before the list is there. */
  readonly known?: { readonly id: number; readonly name: string };
  readonly except?: number;
}

/** Somebody who works here, found by name, login, e-mail or phone. */
export function PersonSelect({ value = null, onChange, known, except, ...props }: PersonSelectProps) {
  const [text, setText] = useState('');
  const [q] = useDebouncedValue(text, 250);
  const { data, isFetching } = useApi<People>(
    '/people',
    { q: q === known?.name ? '' : q, state: 'working', limit: 30 },
    { placeholderData: keepPreviousData },
  );
  const found = (data?.data ?? []).map(({ id, name, branch }) => ({
    value: String(id),
    label: branch ? `${name} · ${branch.name}` : name,
  }));
  const mine = known && !found.some((one) => one.value === String(known.id)) ? [known] : [];
  return (
    <Select
      searchable
      nothingFoundMessage={isFetching ? 'Ищем…' : 'Никого не нашлось'}
      {...props}
      value={value === null ? null : String(value)}
      onChange={(next) => onChange?.(next === null ? null : Number(next))}
      onSearchChange={setText}
      // The server has looked already, by more than the name.
      filter={({ options }) => options}
      data={[...mine.map(({ id, name }) => ({ value: String(id), label: name })), ...found].filter(
        (one) => one.value !== String(except),
      )}
    />
  );
}
