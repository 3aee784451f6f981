import { TextInput, type TextInputProps } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import { readRoubles } from '../../contracts/words.ts';
import { areLettersOn, useHotkeys } from '../hotkeys.ts';
import { money } from '../words.ts';

interface MoneyInputProps extends Omit<TextInputProps, 'value' | 'onChange' | 'defaultValue'> {
  /** Kopecks; null: empty. */
  readonly value: number | null;
  readonly onChange: (kopecks: number | null) => void;
}

const plain = (kopecks: number | null) => (kopecks === null ? '' : money(kopecks).replace(/\u00a0?₽$/, ''));

/** A sum of roubles, «12 400,50», kept in kopecks; what is no sum is told when the field is left. */
export function MoneyInput({ value, onChange, error, onBlur, ...props }: MoneyInputProps) {
  const [text, setText] = useState(plain(value));
  const [isWrong, setIsWrong] = useState(false);
  const known = useRef(value);
  useEffect(() => {
    if (known.current === value) return;
    known.current = value;
    setText(plain(value));
  }, [value]);
  const take = (next: string) => {
    setText(next);
    setIsWrong(false);
    known.current = next.trim() === '' ? null : (readRoubles(next) ?? null);
    onChange(known.current);
  };
  return (
    <TextInput
      {...props}
      inputMode="decimal"
      rightSection="₽"
      value={text}
      error={isWrong ? 'Сумма в рублях, копейки через запятую: 1 234,50.' : error}
      onChange={(event) => take(event.currentTarget.value)}
      onBlur={(event) => {
        const read = readRoubles(text);
        setIsWrong(text.trim() !== '' && read === undefined);
        if (read !== undefined) setText(plain(read));
        onBlur?.(event);
      }}
    />
  );
}

interface SearchInputProps extends Omit<TextInputProps, 'value' | 'onChange'> {
  readonly value: string;
  /** After a pause in typing. */
  readonly onChange: (value: string) => void;
  readonly label: string;
}

/** The screen's own search: `/` goes there, Esc clears and leaves. */
export function SearchInput({ value, onChange, label, ...props }: SearchInputProps) {
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(value);
  const [settled] = useDebouncedValue(text, 250);
  const told = useRef(value);
  useEffect(() => {
    if (settled === told.current) return;
    told.current = settled;
    onChange(settled);
  }, [settled, onChange]);
  useEffect(() => {
    if (value === told.current) return;
    told.current = value;
    setText(value);
  }, [value]);
  useHotkeys('Список', [
    {
      keys: '/',
      words: 'Поиск',
      run: () => {
        input.current?.focus();
        input.current?.select();
      },
    },
  ]);
  return (
    <TextInput
      ref={input}
      type="search"
      aria-label={label}
      placeholder={areLettersOn() ? `${label}  /` : label}
      leftSection={<IconSearch size={16} aria-hidden />}
      w={300}
      {...props}
      value={text}
      onChange={(event) => setText(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        setText('');
        event.currentTarget.blur();
      }}
    />
  );
}
