import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkFormula, parseFormula, roundTo } from '../../src/domain/formula.ts';

const VALUES: Readonly<Record<string, number>> = { priceKopecks: 1_145_000_000, areaM2: 50, zero: 0 };

function computed(text: string): number | null {
  const parsed = parseFormula(text);
  return 'problem' in parsed ? null : parsed.compute((name) => VALUES[name] ?? null);
}

describe('a formula', () => {
  it.each([
    ['1 + 2 * 3', 7],
    ['(1 + 2) * 3', 9],
    ['10 - 3 - 2', 5],
    ['100 / 10 / 2', 5],
    ['-2 * -3', 6],
    ['--2', 2],
    ['0.1 + 0.2', 0.3],
    ['1.005 * 1', 1.005],
    ['priceKopecks / 100 / areaM2', 229_000],
    ['priceKopecks * 6 / 100', 68_700_000],
    ['round(priceKopecks / 7)', 163_571_429],
    ['round(2.5)', 3],
    ['round(-2.5)', -3],
    ['round(1.005, 2)', 1.01],
    ['round(-0.4)', 0],
    ['min(3, 1, 2)', 1],
    ['max(areaM2, 60)', 60],
    ['min(areaM2)', 50],
    [' areaM2 ', 50],
    ['zero', 0],
  ])('%s is %d', (text, value) => {
    expect(computed(text)).toBe(value);
  });

  it.each([
    '1 / 0',
    '0 / 0',
    'areaM2 / zero',
    '1 / (areaM2 - 50)',
    'nothing',
    'nothing + 1',
    'min(1, nothing)',
    'round(nothing)',
    'round(1, 0.5)',
    'round(1, 40)',
    'constructor',
    'toString',
    '__proto__',
    '',
    '1 +',
    `${'9'.repeat(400)} * 1`,
  ])('%j is not computed', (text) => {
    expect(computed(text)).toBeNull();
  });

  it.each([
    ['', 'Формула пуста.'],
    ['1 +', 'Формула оборвана.'],
    ['(1', 'Не закрыта скобка.'],
    ['1)', 'Лишнее: «)».'],
    ['2,5', 'Лишнее: «,». Дробная часть числа отделяется точкой.'],
    ['1 1', 'Лишнее: «1».'],
    ['* 2', 'Знак «*» здесь не годится.'],
    ['2 × 2', 'Лишнее: «×».'],
    ['eval(1)', 'Функции «eval» нет. Можно: round, min, max.'],
    ['constructor(1)', 'Функции «constructor» нет. Можно: round, min, max.'],
    ['round(1, 2, 3)', 'У функции «round» не больше 2 значений; дробная часть числа отделяется точкой.'],
    ['areaM2.constructor', 'Лишнее: «.».'],
    ['metres * 2', 'Поля «metres» в формуле нет.'],
    ['1+'.repeat(400), 'Формула длиннее 500 знаков.'],
  ])('%j: %s', (text, sentence) => {
    expect(checkFormula(text, ['areaM2'])).toEqual([sentence]);
  });

  it('names all the unknown fields, and none of the known', () => {
    expect(checkFormula('areaM2 * a + b - a', ['areaM2'])).toEqual([
      'Поля «a» в формуле нет.',
      'Поля «b» в формуле нет.',
    ]);
    expect(checkFormula('round(areaM2, 1)', ['areaM2'])).toEqual([]);
  });

  it('gives nothing where the digits that people see are beyond all numbers', () => {
    const parsed = parseFormula('areaM2');
    expect('compute' in parsed && parsed.compute(() => Number.MAX_VALUE)).toBeNull();
  });

  it('never throws and never gives anything but a finite number or null', () => {
    const piece = fc.constantFrom(
      ...['+', '-', '*', '/', '(', ')', ',', ' ', 'round(', 'min(', 'max(', 'areaM2', 'zero', 'nothing', '0', '2.5'],
    );
    const wild = fc.oneof(
      fc.string({ maxLength: 60, unit: 'binary' }),
      fc.array(piece, { maxLength: 25 }).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(wild, fc.double(), (text, value) => {
        const parsed = parseFormula(text);
        if ('problem' in parsed) return /^[А-Я].*\.$/su.test(parsed.problem);
        const result = parsed.compute((name) => (name === 'areaM2' ? value : name === 'zero' ? 0 : null));
        return result === null || (Number.isFinite(result) && !Object.is(result, -0));
      }),
      { numRuns: 3000 },
    );
  });

  it('agrees with arithmetic', () => {
    const tree = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        fc.integer({ min: 0, max: 99 }).map(String),
        fc.tuple(tie('node'), fc.constantFrom('+', '-', '*'), tie('node')).map(([a, sign, b]) => `(${a} ${sign} ${b})`),
      ),
    })).node as fc.Arbitrary<string>;
    fc.assert(
      fc.property(tree, (text) => {
        // biome-ignore lint/security/noGlobalEval: the judge in a test, over what the test itself has written
        const expected = eval(text) as number;
        return !Number.isSafeInteger(expected) || computed(text) === expected + 0;
      }),
    );
  });
});

describe('rounding', () => {
  it.each([
    [2.675, 2, 2.68],
    [1e21, 2, 1e21],
    [1e-7, 3, 0],
    [123_456.5, 0, 123_457],
    [-1.25, 1, -1.3],
  ])('%d to %i digits is %d', (value, digits, expected) => {
    expect(roundTo(value, digits)).toBe(expected);
  });
});
