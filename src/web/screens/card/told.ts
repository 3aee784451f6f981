import type { FormField } from '../../../contracts/listing.ts';
import { formatNumber, money } from '../../words.ts';

const CHARS = 90;

/** A value in a few words, for a line beside a field. */
export function toldValue({ type, unit, choices = [] }: FormField, value: unknown): string {
  if (value === null || value === undefined || value === '') return 'пусто';
  const word = (one: unknown) => choices.find((choice) => choice.value === one)?.label ?? String(one);
  if (typeof value === 'boolean') return value ? 'да' : 'нет';
  if (typeof value === 'number') {
    if (type === 'money') return money(value);
    return unit ? `${formatNumber(value)}\u00a0${unit}` : formatNumber(value);
  }
  if (Array.isArray(value)) {
    if (type === 'photos') return `${value.length} фото`;
    return value
      .map((part) => (typeof part === 'object' && part !== null && 'name' in part ? String(part.name) : word(part)))
      .join(', ');
  }
  if (typeof value === 'object') return JSON.stringify(value).slice(0, CHARS);
  const text = word(value);
  return text.length > CHARS ? `«${text.slice(0, CHARS)}…»` : text;
}
