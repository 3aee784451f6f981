import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { textDifference } from '../../src/server/text-difference.ts';

/** Removed words in square brackets, added ones in curly ones. */
const told = (before: string, after: string) =>
  textDifference(before, after)
    .parts.map(({ kind, text }) => (kind === 'same' ? text : kind === 'added' ? `{${text}}` : `[${text}]`))
    .join('');

describe('the difference of two texts', () => {
  it.each([
    ['Сделан ремонт.', 'Сделан евроремонт.', 'Сделан [ремонт]{евроремонт}.'],
    ['Уютная квартира у метро', 'Тёплая квартира у метро', '[Уютная]{Тёплая} квартира у метро'],
    ['Дом у реки', 'Дом у большой реки', 'Дом у {большой }реки'],
    ['Рядом парк, школа, сад.', 'Рядом школа, сад.', 'Рядом [парк, ]школа, сад.'],
    ['Трёхкомнатная', 'Двухкомнатная', '[Трёхкомнатная]{Двухкомнатная}'],
    ['ипотека', 'Ипотека', '[ипотека]{Ипотека}'],
    ['елка', 'ёлка', '[елка]{ёлка}'],
    ['цена 9 900 000', 'цена 9 800 000', 'цена 9 [900]{800} 000'],
    ['кирпично-монолитный дом', 'монолитный дом', '[кирпично-]монолитный дом'],
    ['', 'Новый текст', '{Новый текст}'],
    ['Старый текст', '', '[Старый текст]'],
    ['', '', ''],
    ['Тот же', 'Тот же', 'Тот же'],
  ])('«%s» → «%s»', (before, after, difference) => {
    expect(told(before, after)).toBe(difference);
  });

  it('counts the words that came and went', () => {
    expect(textDifference('Уютная квартира у метро.', 'Тёплая, светлая квартира у метро.')).toMatchObject({
      added: 2,
      removed: 1,
    });
  });

  it('tells texts that have little in common as a whole, and soon', () => {
    const words = (of: string) => Array.from({ length: 3_000 }, (_, at) => `${of}${at}`).join(' ');
    const { parts, added, removed } = textDifference(words('было'), words('стало'));
    expect(parts.map(({ kind }) => kind)).toEqual(['removed', 'added']);
    expect([added, removed]).toEqual([3_000, 3_000]);
  });

  const word = fc.constantFrom(
    'ремонт',
    'евроремонт',
    'ёлка',
    'Дом',
    'у',
    'реки',
    '9,8',
    'млн',
    '—',
    'и',
    'кв.м',
    '🏠',
    'ремонта',
  );
  const text = fc.array(word, { maxLength: 12 }).map((words) => words.join(' '));
  const blankless = (value: string) => value.replace(/\s+/g, '');

  it('keeps every word of both texts whole and in its order', () => {
    fc.assert(
      fc.property(text, text, (before, after) => {
        const { parts } = textDifference(before, after);
        const without = (kind: string) =>
          parts
            .filter((part) => part.kind !== kind)
            .map((part) => part.text)
            .join('');
        expect(blankless(without('removed'))).toBe(blankless(after));
        expect(blankless(without('added'))).toBe(blankless(before));
        // No part begins or ends in the middle of a word.
        const isLetter = (sign: string | undefined) => /[\p{L}\p{N}]/u.test(sign ?? '');
        for (const kind of ['added', 'removed'] as const) {
          const side = parts.filter((part) => part.kind !== (kind === 'added' ? 'removed' : 'added'));
          for (const [at, part] of side.entries()) {
            const next = side[at + 1];
            if (next) expect(isLetter(part.text.at(-1)) && isLetter(next.text[0])).toBe(false);
          }
        }
      }),
    );
  });
});
