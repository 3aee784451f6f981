import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadBoards } from '../../src/boards/catalogue.ts';
import {
  compileNorms,
  describeNorm,
  type Norm,
  type NormScope,
  type NormWish,
  normFrom,
  patternProblem,
  readNorm,
} from '../../src/boards/norms.ts';
import { factsOf } from '../../src/domain/facts.ts';
import { Fault, Refusal } from '../../src/domain/fault.ts';
import type { Listing } from '../../src/domain/listing.ts';

const boards = loadBoards();
const cian = boards.find(({ id }) => id === 'cian')!;
const avito = boards.find(({ id }) => id === 'avito')!;

const flat = (more: Partial<Listing> = {}): Listing => ({ externalId: 'A-1', kind: 'flat', deal: 'sale', ...more });
const photos = (count: number) =>
  Array.from({ length: count }, (_, at) => ({ url: `https://dom-u-reki.example/${at}.jpg` }));
const row = (norm: Pick<Norm, 'code' | 'boards'> & { rule: unknown }, id = 1) => ({
  ...norm,
  id,
  by: 'Анна Белова',
  createdAt: new Date('2026-11-21T09:00:00Z'),
});
const notices = (norms: readonly Norm[], listing: Listing, board = cian) =>
  compileNorms(norms.map(row), board).check(listing, factsOf(listing));
const says = (wish: NormWish, listing: Listing, scope: NormScope = {}) =>
  notices([normFrom(wish, scope)], listing).map(({ message }) => message.replaceAll('\u00a0', ' '));

const rule = (more: object = {}) => ({
  code: 'floor-known',
  must: { required: ['floor'] },
  severity: 'blocking',
  field: 'floor',
  message: 'Этаж: не заполнено.',
  ...more,
});
const problemsIn = (input: unknown): string => {
  try {
    readNorm(input);
    return '';
  } catch (error) {
    expect(error).toBeInstanceOf(Refusal);
    return (error as Refusal).message;
  }
};

describe('the usual norms', () => {
  test.each<[NormWish, Partial<Listing>, string[]]>([
    [{ kind: 'photos', min: 5 }, { photos: photos(3) }, ['Фотографий: 3. Агентству нужно не меньше 5.']],
    [{ kind: 'photos', min: 5 }, {}, ['Фотографий: 0. Агентству нужно не меньше 5.']],
    [{ kind: 'photos', min: 5 }, { photos: photos(5) }, []],
    // A plan is not a photograph.
    [
      { kind: 'photos', min: 2 },
      { photos: [...photos(1), { url: 'https://dom-u-reki.example/plan.png', isPlan: true }] },
      ['Фотографий: 1. Агентству нужно не меньше 2.'],
    ],
    [
      { kind: 'text', min: 200, max: 850 },
      { description: 'я'.repeat(120) },
      ['Описание: 120 знаков. Агентству нужно от 200 до 850.'],
    ],
    [
      { kind: 'text', min: 200 },
      { description: 'я'.repeat(101) },
      ['Описание: 101 знак. Агентству нужно не меньше 200.'],
    ],
    [
      { kind: 'text', max: 850 },
      { description: 'я'.repeat(1851) },
      ['Описание: 1851 знак. Агентству нужно не больше 850.'],
    ],
    [{ kind: 'text', min: 200, max: 850 }, { description: 'я'.repeat(850) }, []],
    [{ kind: 'required', field: 'renovation' }, {}, ['Ремонт: не заполнено. Требует агентство: продажа квартир.']],
    [{ kind: 'required', field: 'renovation' }, { renovation: 'euro' }, []],
    // `false` is a value.
    [{ kind: 'required', field: 'isStudio' }, { isStudio: false }, []],
    [
      { kind: 'limit', field: 'commissionPercent', max: 6 },
      { commissionPercent: 8.5 },
      ['Комиссия с клиента: 8,5 %. Агентству нужно не больше 6 %.'],
    ],
    [{ kind: 'limit', field: 'commissionPercent', max: 6 }, { commissionPercent: 6 }, []],
    // Nothing there is nothing over the limit.
    [{ kind: 'limit', field: 'commissionPercent', max: 6 }, {}, []],
    [
      { kind: 'limit', field: 'priceKopecks', min: 100_000_000, max: 2_000_000_000 },
      { priceKopecks: 2_500_000_000 },
      ['Цена: 25 000 000 ₽. Агентству нужно от 1 000 000 ₽ до 20 000 000 ₽.'],
    ],
    [
      { kind: 'limit', field: 'priceKopecks', max: 2_000_000_000 },
      { priceKopecks: 2_500_000_000, currency: 'USD' },
      [],
    ],
    [{ kind: 'limit', field: 'priceKopecks', min: 100_000_000 }, { priceKopecks: 90_000_00, priceUnit: 'm2' }, []],
    [
      { kind: 'limit', field: 'areaM2', min: 15 },
      { areaM2: 12.5 },
      ['Общая площадь: 12,5 м². Агентству нужно не меньше 15 м².'],
    ],
    [{ kind: 'limit', field: 'roomsCount', max: 5 }, { roomsCount: 7 }, ['Комнат: 7. Агентству нужно не больше 5.']],
  ])('%j', (wish, more, sentences) => {
    expect(says(wish, flat(more))).toEqual(sentences);
  });

  test('speak of their own kinds, deals and boards only', () => {
    const wish = { kind: 'photos', min: 5 } as const;
    const house: Listing = { externalId: 'A-2', kind: 'house', deal: 'sale' };
    expect(says(wish, house, { kinds: ['flat'] })).toEqual([]);
    expect(says(wish, house, { kinds: ['flat', 'house'] })).toHaveLength(1);
    expect(says(wish, house, { deals: ['rent'] })).toEqual([]);
    const norm = normFrom(wish, { boards: ['avito'] });
    expect(notices([norm], house, cian)).toEqual([]);
    expect(notices([norm], house, avito)).toHaveLength(1);
  });

  test('have a code for every scope, so that one does not replace another', () => {
    const code = (scope: NormScope) => normFrom({ kind: 'photos', min: 5 }, scope).code;
    expect(code({})).toBe('norm/photos-min');
    expect(code({ deals: ['sale'], kinds: ['house', 'flat'], boards: ['cian', 'avito'] })).toBe(
      'norm/photos-min-avito-cian-flat-house-sale',
    );
    expect(code({ kinds: ['flat', 'house'] })).toBe(code({ kinds: ['house', 'flat'] }));
    expect(code({ boards: boards.map(({ id }) => id) })).toMatch(/^norm\/photos-min-[0-9a-f]{8}$/);
    expect(normFrom({ kind: 'limit', field: 'priceKopecks', max: 1 }).code).toBe('norm/price-limit');
    expect(normFrom({ kind: 'required', field: 'areaM2' }).code).toBe('norm/area-missing');
  });

  test.each<[NormWish, string]>([
    [{ kind: 'photos', min: 0 }, 'Фотографий можно требовать от 1 до 500.'],
    [{ kind: 'photos', min: 2.5 }, 'Фотографий можно требовать от 1 до 500.'],
    [{ kind: 'text' }, 'Длина описания: укажите нижнюю или верхнюю границу.'],
    [{ kind: 'text', min: 850, max: 200 }, 'Длина описания: нижняя граница больше верхней.'],
    [{ kind: 'required', field: 'remont' }, 'У объекта нет поля «remont».'],
    [{ kind: 'required', field: 'constructor' }, 'У объекта нет поля «constructor».'],
    [
      { kind: 'limit', field: 'address', min: 3, max: 2 },
      'Поле «Адрес» не число, его нельзя ограничить. Предел: нижняя граница больше верхней.',
    ],
    [{ kind: 'limit', field: 'floor', max: Number.NaN }, 'Предел: граница должна быть числом.'],
  ])('%j is refused', (wish, message) => {
    expect(() => normFrom(wish)).toThrow(new Refusal('norm-wrong', message, 2));
  });

  test('are told in one line', () => {
    const nameOf = (id: string) => boards.find((board) => board.id === id)!.name;
    expect(describeNorm(normFrom({ kind: 'photos', min: 5 }), nameOf)).toBe(
      'Все доски. Фотографий: … Агентству нужно не меньше 5.',
    );
    const scope = { boards: ['cian'], kinds: ['flat'], deals: ['rent'], severity: 'advisory' } as const;
    expect(describeNorm(normFrom({ kind: 'limit', field: 'commissionPercent', max: 50 }, scope), nameOf)).toBe(
      'Циан; квартиры; аренда. Комиссия с клиента: … %. Агентству нужно не больше 50 %. Только советует.',
    );
  });
});

describe('compiled norms', () => {
  test('give whole notices, the blocking ones first', () => {
    const advice = normFrom({ kind: 'photos', min: 5 }, { severity: 'advisory' });
    const found = notices([advice, normFrom({ kind: 'required', field: 'renovation' })], flat());
    expect(found).toEqual([
      {
        code: 'norm/renovation-missing',
        severity: 'blocking',
        field: 'renovation',
        label: 'Ремонт',
        message: 'Ремонт: не заполнено. Требует агентство: продажа квартир.',
        fixedBy: 'agent',
        source: 'норма агентства',
        checkedOn: '2026-11-21',
      },
      expect.objectContaining({ code: 'norm/photos-min', severity: 'advisory', actual: 0 }),
    ]);
  });

  test('have a key that changes with what they say to this board and with nothing else', () => {
    const five = row(normFrom({ kind: 'photos', min: 5 }));
    const key = (...rows: ReturnType<typeof row>[]) => compileNorms(rows, cian).key;
    const text = row(normFrom({ kind: 'text', min: 200 }), 2);
    expect(key(five, text)).toBe(key(text, five));
    expect(key({ ...five, id: 77, by: 'Пётр', createdAt: new Date(0) })).toBe(key(five));
    // The database gives a rule's words back in its own order.
    expect(key({ ...five, rule: Object.fromEntries(Object.entries(five.rule as object).reverse()) })).toBe(key(five));
    expect(key(row(normFrom({ kind: 'photos', min: 6 })))).not.toBe(key(five));
    expect(key(five, text)).not.toBe(key(five));
    expect(key(row(normFrom({ kind: 'photos', min: 5 }, { boards: ['avito'] })))).toBe(key());
  });

  test('are not silently fewer: a stored norm that cannot be read stops the run', () => {
    expect(() => compileNorms([row({ code: 'norm/x', boards: null, rule: { must: true } })], cian)).toThrow(Fault);
    expect(() => compileNorms([row({ code: 'norm/x', boards: ['avito'], rule: {} })], cian)).not.toThrow();
  });
});

describe('a rule written by a person', () => {
  test('is taken with its code, bare or whole, and judges', () => {
    expect(readNorm(rule()).code).toBe('norm/floor-known');
    expect(readNorm(rule({ code: 'norm/floor-known' }))).toEqual(readNorm(rule()));
    const { code, rule: proved } = readNorm(
      rule({
        when: { properties: { kind: { const: 'flat' } } },
        must: { properties: { title: { pattern: '^\\d{1,2}-к' } } },
        field: 'title',
        message: 'Заголовок «{title}»: агентству нужно начало вида 2-к.',
      }),
    );
    const check = (title: string) => notices([{ code, rule: proved, boards: null }], flat({ title }));
    expect(check('2-к квартира')).toEqual([]);
    expect(check('Квартира')[0]!.message).toBe('Заголовок «Квартира»: агентству нужно начало вида 2-к.');
  });

  test('is told all its problems at once, in Russian', () => {
    const message = problemsIn(
      rule({
        field: 'flor',
        message: 'Fill the floor!',
        when: { properties: { kind: { const: 'castle' } }, $ref: '#' },
        must: { properties: { description: { pattern: '(a+)+$' }, floor: { minimum: '3' } } },
      }),
    );
    expect(message.split('\n')).toEqual([
      'Норма не принята, замечаний: 7.',
      '— /field: у объекта нет поля «flor»',
      '— /message: предложение кончается точкой',
      '— /message: без тегов и восклицательных знаков',
      '— /message: предложение пишется по-русски',
      '— /when/properties/kind/const: у поля нет значения «castle»',
      '— /when/$ref: слово «$ref» здесь не поддерживается',
      '— /must/properties/description/pattern: повтор скобок в норме не разрешён',
    ]);
    expect(problemsIn(rule({ must: { properties: { floor: { minimum: '3' } } } }))).toContain(
      '/must/properties/floor/minimum: здесь нужно значение вида number',
    );
  });

  test.each<[string, unknown, string]>([
    ['not an object', [], 'нужно одно правило в фигурных скобках'],
    ['nothing', null, 'нужно одно правило'],
    ['no words', {}, 'нет обязательного «must»'],
    ['a foreign word', rule({ families: ['cian'] }), 'лишнее слово «families»'],
    ['a wrong severity', rule({ severity: 'fatal' }), '/severity: можно: blocking, advisory'],
    ['an empty list', rule({ kinds: [] }), '/kinds: не должно быть пустым'],
    ['an unknown kind', rule({ kinds: ['castle'] }), '/kinds/0: можно: flat'],
    ['a code with blanks', rule({ code: 'Мой код' }), '/code: не подходит под образец'],
    ['a field of one board without a name', rule({ field: 'own:JKSchema/Id' }), '/label: у поля одной доски'],
    ['a placeholder of nothing', rule({ message: 'Этаж: {flor}.' }), '/message: нечем заменить: {flor}'],
    [
      'a pattern out of the data',
      rule({ must: { properties: { title: { pattern: { $data: '/address' } } } } }),
      'нужна строка',
    ],
    ['a half-written condition', rule({ must: { if: { required: ['floor'] } } }), '/must: схема не собирается'],
    [
      'values that are not a list',
      rule({ must: { properties: { renovation: { enum: 5 } } } }),
      '«enum» здесь не поддерж',
    ],
    [
      'a step of nothing',
      rule({ must: { properties: { floor: { multipleOf: 0 } } } }),
      '/must/properties/floor/multipleOf',
    ],
    ['a book', rule({ must: { properties: { title: { const: 'я'.repeat(30_000) } } } }), 'правило длиннее'],
    ['a well', rule({ must: JSON.parse(`${'{"not":'.repeat(5000)}true${'}'.repeat(5000)}`) }), 'вложено глубже'],
  ])('%s is refused', (_, input, part) => {
    expect(problemsIn(input)).toContain(part);
  });

  test('whatever is written is either refused in words or can judge', () => {
    const word = fc.constantFrom(
      'properties',
      'required',
      'not',
      'allOf',
      'enum',
      'const',
      'pattern',
      'minimum',
      'items',
    );
    const schema = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 4 },
        fc.boolean(),
        fc.integer(),
        fc.constantFrom('floor', 'title', '^я+'),
        fc.array(tie('any'), { maxLength: 2 }),
        fc.dictionary(fc.oneof(word, fc.constantFrom('floor', 'title', 'facts', '__proto__', '$data')), tie('any'), {
          maxKeys: 3,
        }),
      ),
    })).any;
    fc.assert(
      fc.property(schema, (must) => {
        const input = JSON.parse(JSON.stringify(rule({ must }))) as unknown;
        if (problemsIn(input) !== '') return;
        expect(notices([{ ...readNorm(input), boards: null }], flat({ title: 'яяя', floor: 3 })).length).toBeLessThan(
          2,
        );
      }),
      { numRuns: 500 },
    );
  });
});

describe('a regular expression in a norm', () => {
  test.each([
    '(a+)+$',
    '(a|a)*',
    '(?:ab){2,}',
    '(я)?',
    '(?=a)b',
    '(?<!a)b',
    '(a)\\1',
    '(?<n>a)\\k<n>',
    'a+',
    '^a+b+',
    '^a|b+',
    'a{2,}',
    'a?'.repeat(30),
    '(a|a)'.repeat(40),
    `${'a{0,40}'.repeat(4)}b`,
    'я'.repeat(201),
  ])('%# is refused', (pattern) => {
    expect(patternProblem(pattern)).toBeDefined();
  });

  test.each([
    '^\\d{4}-\\d{2}-\\d{2}$',
    '^[1-9]-к',
    '(студия|квартира|апартаменты)',
    'торг|без торга',
    '^[А-ЯЁ].*\\.$',
    '[+*?(){}]',
    '\\(\\d{3}\\)',
    '\\p{Lu}{3}',
    'собственник.{0,30}звон',
  ])('%s may stand', (pattern) => {
    expect(patternProblem(pattern)).toBeUndefined();
    expect(() => readNorm(rule({ must: { properties: { description: { pattern } } } }))).not.toThrow();
  });

  test('that may stand is quick over the longest description', () => {
    const atom = fc.constantFrom('a', '.', '[ab]', '(a|b)', '(a|aa)', '[^b]');
    const piece = fc
      .tuple(atom, fc.constantFrom('', '', '?', '{0,9}', '{0,99}', '{50}', '*', '+', '{3,}'))
      .map(([what, times]) => what + times);
    const pattern = fc
      .tuple(fc.constantFrom('', '^'), fc.array(piece, { minLength: 1, maxLength: 12 }))
      .map(([start, pieces]) => `${start}${pieces.join('')}Z`);
    const text = 'a'.repeat(100_000);
    fc.assert(
      fc.property(pattern, (tried) => {
        fc.pre(patternProblem(tried) === undefined);
        const expression = new RegExp(tried, 'u');
        const from = performance.now();
        expect(expression.test(text)).toBe(false);
        expect(performance.now() - from).toBeLessThan(5000);
      }),
      { numRuns: 40 },
    );
  }, 60_000);
});
