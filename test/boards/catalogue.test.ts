import { describe, expect, test } from 'vitest';
import { loadBoards, readBoards, UNCONFIRMED } from '../../src/boards/catalogue.ts';
import { CODECS } from '../../src/boards/formats/index.ts';
import { Fault } from '../../src/domain/fault.ts';

const boards = loadBoards();

/** The smallest honest board, to be spoilt in one place by each test. */
const small = () => ({
  id: 'primer',
  name: 'Пример',
  nameDative: 'Примеру',
  nameGenitive: 'Примера',
  family: 'yandex',
  status: { text: 'Жива.', source: 'help', checkedOn: '2026-11-20' },
  sources: [
    { key: 'help', title: 'Пример, справка, 2026', date: '2026', grade: 'official' },
    { key: 'rumour', title: 'Слухи о Примере, 2026', date: '2026', grade: 'low' },
  ],
  rules: [
    {
      code: 'description-short',
      must: { properties: { facts: { properties: { descriptionChars: { minimum: 15 } } } } },
      severity: 'blocking',
      field: 'description',
      message: '{label}: {facts.descriptionChars|знак|знака|знаков}. {nameDative} нужно от 15.',
      source: 'help',
      checkedOn: '2026-11-20',
    },
  ],
});
type Small = ReturnType<typeof small> & Record<string, unknown>;

const files = (...contents: { id: string }[]) =>
  new Map(contents.map((content) => [`${content.id}.json`, JSON.stringify(content)]));

/** What the loader says about a small board after somebody has spoilt it. */
function problemsOf(spoil: (board: Small) => void): string {
  const board = small() as Small;
  spoil(board);
  try {
    readBoards(files(board));
  } catch (fault) {
    expect(fault).toBeInstanceOf(Fault);
    expect((fault as Fault).code).toBe('board-rules-invalid');
    return (fault as Fault).message;
  }
  return '';
}

describe('the catalogue', () => {
  test('holds at least fifteen boards, each alive by a dated source', () => {
    expect(boards.length).toBeGreaterThanOrEqual(15);
    expect(new Set(boards.map(({ id }) => id)).size).toBe(boards.length);
    for (const { status } of boards) {
      expect(status.text).toMatch(/[а-яё].*\.$/i);
      expect(status.source.title).not.toBe('');
      expect(Number(status.source.date.slice(0, 4))).toBeGreaterThanOrEqual(2020);
      expect(status.checkedOn).toMatch(/^20\d\d-\d\d-\d\d$/);
    }
  });

  test('every rule cites a source with a date, and a doubtful one advises and says so', () => {
    for (const board of boards) {
      expect(board.rules.length).toBeGreaterThan(10);
      for (const rule of board.rules) {
        expect(rule.code.startsWith(`${board.id}/`)).toBe(true);
        expect(rule.source.title).toMatch(/[а-яё]/i);
        expect(rule.source.date).toMatch(/^20\d\d/);
        expect(rule.checkedOn).toMatch(/^20\d\d-\d\d-\d\d$/);
        if (rule.source.grade === 'low') expect([rule.code, rule.severity]).toEqual([rule.code, 'advisory']);
        if (['low', 'code'].includes(rule.source.grade) && rule.severity === 'advisory') {
          expect(rule.message.toLowerCase()).toContain(UNCONFIRMED);
        }
      }
    }
  });

  test('no source is a path or a nameless key', () => {
    for (const source of boards.flatMap((board) => board.sources))
      expect(source.title).not.toMatch(/[/\\]|\.md|\bref\b/);
  });

  test('a field of one family is a field that the family’s table has', () => {
    for (const board of boards) {
      for (const rule of board.rules) {
        const family = rule.families?.[0] ?? board.family;
        const known = new Set(CODECS[family].rows.flatMap((row) => row.fields));
        if (rule.field.startsWith('own:')) expect([rule.code, known.has(rule.field)]).toEqual([rule.code, true]);
        for (const key of ownKeys([rule.when, rule.must]))
          expect([rule.code, key, known.has(`own:${key}`)]).toEqual([rule.code, key, true]);
      }
    }
  });

  test('the tags that a board reads beside its format are tags that the codecs write', () => {
    const written = new Set(
      Object.values(CODECS).flatMap((codec) => codec.rows.flatMap((row) => row.elements.map(({ path }) => path))),
    );
    for (const tag of boards.flatMap((board) => board.quirks.extraTags ?? [])) expect(written).toContain(tag);
  });

  test('a board of several families checks each by its own rules', () => {
    const several = boards.filter(({ families }) => families.length > 1);
    expect(several.length).toBeGreaterThan(0);
    for (const board of several) {
      for (const family of board.families) {
        expect(board.rules.filter((rule) => rule.families?.includes(family)).length).toBeGreaterThan(10);
      }
    }
  });

  test('a folder is read once', () => expect(loadBoards()).toBe(boards));
});

/** Keys of family fields that a schema names. */
function ownKeys(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  if (Array.isArray(schema)) return schema.flatMap(ownKeys);
  const found: string[] = [];
  for (const [key, value] of Object.entries(schema)) {
    if (key === 'boardFields') {
      for (const own of Object.values(
        (value as { properties?: Record<string, { required?: string[]; properties?: object }> }).properties ?? {},
      )) {
        found.push(...(own.required ?? []), ...Object.keys(own.properties ?? {}));
      }
    } else found.push(...ownKeys(value));
  }
  return found;
}

describe('adding a board', () => {
  test('is one file', () => {
    const [board] = readBoards(files(small()));
    expect(board).toMatchObject({ id: 'primer', family: 'yandex', families: ['yandex'], quirks: {} });
    expect(board!.rules.map(({ code, label, fixedBy }) => [code, label, fixedBy])).toEqual([
      ['primer/description-short', 'Описание', 'agent'],
    ]);
  });

  test('takes over a shared set, less what it is excepted from', () => {
    const set = {
      id: '_common',
      title: 'Общее',
      family: 'yandex',
      sources: [{ key: 'code', title: 'Рабочая выгрузка, 2026', date: '2026', grade: 'code' }],
      required: [{ fields: ['floor', 'areaM2'], kinds: ['flat'], source: 'code', checkedOn: '2026-11-20' }],
    };
    const board = {
      ...small(),
      inherits: ['_common'],
      except: [{ code: 'floor-missing', why: 'Доска обходится без этажа.', source: 'help', checkedOn: '2026-11-20' }],
    };
    const [made] = readBoards(files(set, board));
    expect(made!.rules.map(({ code, families }) => [code, families])).toEqual([
      ['primer/area-missing', ['yandex']],
      ['primer/description-short', undefined],
    ]);
  });

  test('shorthand for required fields makes codes and sentences', () => {
    const board = {
      ...small(),
      rules: [],
      labels: { 'own:yandex-building-id': 'Номер новостройки' },
      required: [
        { fields: ['floorsTotal', 'own:yandex-building-id'], source: 'help', checkedOn: '2026-11-20' },
        { fields: ['latitude'], severity: 'advisory', source: 'help', checkedOn: '2026-11-20' },
        {
          fields: ['metro'],
          severity: 'advisory',
          source: 'rumour',
          checkedOn: '2026-11-20',
          why: 'Так найдут быстрее.',
        },
      ],
    };
    expect(readBoards(files(board))[0]!.rules.map(({ code, label, message }) => [code, label, message])).toEqual([
      ['primer/floors-total-missing', 'Этажей в доме', '{label}: не заполнено. Требует {name}: {offers}.'],
      ['primer/yandex-building-id-missing', 'Номер новостройки', '{label}: не заполнено. Требует {name}: {offers}.'],
      ['primer/latitude-missing', 'Широта', '{label}: не заполнено. {name} советует заполнить: {offers}.'],
      [
        'primer/metro-missing',
        'Метро',
        '{label}: не заполнено. По непроверенным данным, требует {name}: {offers}. Так найдут быстрее.',
      ],
    ]);
  });

  test('a changed rule, quirk or name changes the version; the same file does not', () => {
    const version = (change: object) => readBoards(files({ ...small(), ...change }))[0]!.rulesVersion;
    const plain = version({});
    expect(version({})).toBe(plain);
    const rule = { ...small().rules[0]!, severity: 'advisory' };
    const others = [
      version({ rules: [rule] }),
      version({ name: 'Образец' }),
      version({ quirks: { photosMax: 20 }, quirkSources: { photosMax: ['help'] } }),
    ];
    expect(new Set([plain, ...others]).size).toBe(4);
  });
});

describe('a broken file is refused', () => {
  test('the small board itself is sound', () => expect(problemsOf(() => {})).toBe(''));

  test.each<[string, (board: Small) => void, string]>([
    [
      'a word nobody knows',
      (board) => (board.colour = 'red'),
      'primer.json: /: must NOT have additional properties: colour',
    ],
    ['another name than the file’s', (board) => (board.name = ''), 'primer.json: /name'],
    ['no source', (board) => (board.rules[0]!.source = 'nobody'), '/rules/0/source: нет источника «nobody»'],
    [
      'a source told twice',
      (board) => (board.sources[1]!.key = 'help'),
      '/sources/1/key: источник «help» описан дважды',
    ],
    ['no such field', (board) => (board.rules[0]!.field = 'florr'), '/rules/0/field: у объекта нет поля «florr»'],
    [
      'a family field without a name',
      (board) => (board.rules[0]!.field = 'own:vas'),
      '/rules/0/field: поля «own:vas» нет в labels',
    ],
    [
      'no such fact',
      (board) =>
        (board.rules[0]!.must = {
          properties: { facts: { properties: { descriptionCars: { minimum: 1 } } } },
        } as never),
      'must/properties/facts/properties/descriptionCars: нет такого поля',
    ],
    [
      'no such field in a condition',
      (board) => Object.assign(board.rules[0]!, { when: { required: ['florr'] } }),
      '/rules/0/when/required: нет такого поля «florr»',
    ],
    [
      'a value the field never has',
      (board) => Object.assign(board.rules[0]!, { when: { properties: { deal: { const: 'rental' } } } }),
      'у поля нет значения «rental»',
    ],
    [
      'a limit that means nothing there',
      (board) => Object.assign(board.rules[0]!, { when: { properties: { title: { maximum: 50 } } } }),
      '«maximum» не подходит к полю вида «string»',
    ],
    [
      'a word JSON Schema does not have',
      (board) => (board.rules[0]!.must = { propertees: {} } as never),
      '/rules/0/must/propertees: слово «propertees» здесь не поддерживается',
    ],
    [
      'a limit that is not a number',
      (board) => Object.assign(board.rules[0]!, { when: { properties: { floor: { maximum: 'пять' } } } }),
      '/rules/0/when',
    ],
    [
      'a bad expression',
      (board) => Object.assign(board.rules[0]!, { when: { properties: { title: { pattern: '(' } } } }),
      'не регулярное выражение',
    ],
    [
      'a comparison with nothing',
      (board) => Object.assign(board.rules[0]!, { when: { properties: { floor: { maximum: { $data: '/florr' } } } } }),
      'нет такого поля «/florr»',
    ],
    [
      'a placeholder nobody can fill',
      (board) => (board.rules[0]!.message = '{label}: {flor}.'),
      'нечем заменить: {flor}',
    ],
    [
      'a value that is not Russian',
      (board) => (board.rules[0]!.message = '{label}: {renovation}.'),
      'значение пишется не по-русски: {renovation}',
    ],
    [
      'two forms of a noun',
      (board) => (board.rules[0]!.message = '{label}: {floor|этаж|этажа}.'),
      'после черты нужны roubles, m2 или три формы слова',
    ],
    [
      'a sentence without its end',
      (board) => (board.rules[0]!.message = 'Описание коротко'),
      'предложение кончается точкой',
    ],
    [
      'a shout',
      (board) => (board.rules[0]!.message = 'Исправьте <Description>!.'),
      'без тегов и восклицательных знаков',
    ],
    ['a foreign sentence', (board) => (board.rules[0]!.message = 'Too short.'), 'предложение пишется по-русски'],
    [
      'the same code twice',
      (board) => board.rules.push(board.rules[0]!),
      '/rules/1/code: код «description-short» уже занят',
    ],
    ['a doubtful rule that blocks', (board) => (board.rules[0]!.source = 'rumour'), 'правило может только советовать'],
    [
      'a doubtful rule that sounds sure',
      (board) => Object.assign(board.rules[0]!, { source: 'rumour', severity: 'advisory' }),
      'в предложении нужны слова «по непроверенным данным»',
    ],
    [
      'a quirk out of thin air',
      (board) => (board.quirks = { photosMax: 10 }),
      '/quirkSources/photosMax: у особенности доски нет источника',
    ],
    ['a set that is not there', (board) => (board.inherits = ['_nobody']), '/inherits: нет файла «_nobody.json»'],
    [
      'a family it does not read',
      (board) => Object.assign(board.rules[0]!, { families: ['cian'] }),
      '/rules/0/families: доска не берёт формат «cian»',
    ],
    [
      'no usual family among its families',
      (board) => (board.families = ['cian']),
      '/families: нет основного формата «yandex»',
    ],
    [
      'an exception from nothing',
      (board) => (board.except = [{ code: 'x-missing', why: 'Просто.', source: 'help', checkedOn: '2026-11-20' }]),
      '/except/0/code',
    ],
  ])('%s', (_, spoil, expected) => expect(problemsOf(spoil)).toContain(expected));

  test('with all its problems at once, and those of the other files', () => {
    const first = { ...small(), id: 'one', rules: [{ ...small().rules[0]!, source: 'nobody', field: 'florr' }] };
    const second = { ...small(), id: 'two', family: 'unknown' };
    const texts = files(first, second).set('three.json', '{ "id": ');
    expect(() => readBoards(texts)).toThrow(
      /замечаний: \d+[\s\S]*one\.json: \/rules\/0\/field[\s\S]*one\.json: \/rules\/0\/source[\s\S]*two\.json: \/family[\s\S]*three\.json: \/: не читается/,
    );
  });
});
