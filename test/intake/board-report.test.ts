import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadBoards } from '../../src/boards/catalogue.ts';
import type { ReportedCharge, ReportMapping } from '../../src/domain/board-report.ts';
import { Refusal } from '../../src/domain/fault.ts';
import {
  type Delimiter,
  openReport,
  peekReport,
  type ReportOptions,
  type ReportSummary,
} from '../../src/intake/board-report.ts';

const mapping: ReportMapping = {
  columns: { day: 'Дата', advert: 'Объявление', sum: 'Списано', service: 'Услуга' },
};
const base: ReportOptions = { mapping, zone: 'Europe/Moscow', lastDay: '2026-11-22' };

type Input = string | Uint8Array;
async function* chunks(input: Input, size: number): AsyncGenerator<Uint8Array, void> {
  const bytes = Buffer.from(input as Uint8Array);
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}

async function read(input: Input, options: Partial<ReportOptions> = {}, size = 1_000_000) {
  const report = await openReport(chunks(input, size), { ...base, ...options });
  const charges: ReportedCharge[] = [];
  const bad: string[] = [];
  for await (const item of report.items) {
    if ('charge' in item) charges.push(item.charge);
    else bad.push(`${item.line}: ${item.reasons.join('; ')}`);
  }
  const summary: ReportSummary = report.summary();
  return { charges, bad, summary };
}
const adverts = async (input: Input, options: Partial<ReportOptions> = {}, size?: number) =>
  (await read(input, options, size)).charges.map(({ advert }) => advert);

async function refusal(input: Input, options: Partial<ReportOptions> = {}): Promise<Refusal> {
  const thrown = await read(input, options).then(
    ({ charges }) => new Error(`accepted, ${charges.length} charges`),
    (error: unknown) => error,
  );
  if (!(thrown instanceof Refusal)) throw thrown;
  return thrown;
}

/** Windows-1251, which Node reads but does not write. */
const CP1251 = new Map(
  [...new TextDecoder('windows-1251').decode(Uint8Array.from({ length: 256 }, (_, byte) => byte))].map((char, byte) => [
    char,
    byte,
  ]),
);
const windows1251 = (text: string) => Uint8Array.from(text, (char) => CP1251.get(char)!);

const HEAD = 'Дата;Объявление;Списано;Услуга\n';
const PLAIN = `${HEAD}21.11.2026;A-1;1 234,50;Публикация\n`;
const CHARGE: ReportedCharge = {
  day: '2026-11-21',
  time: '',
  advert: 'A-1',
  boardNumber: null,
  listingNumber: null,
  service: 'Публикация',
  kopecks: 123_450,
  operationId: null,
};

describe('the encoding', () => {
  const texts: [string, Uint8Array, ReportSummary['encoding']][] = [
    ['UTF-8', Buffer.from(PLAIN), 'utf-8'],
    ['UTF-8 with a mark', Buffer.from(`\ufeff${PLAIN}`), 'utf-8'],
    ['windows-1251', windows1251(PLAIN), 'windows-1251'],
  ];
  it.each(texts)('%s is known by the bytes, however they come', async (_, bytes, encoding) => {
    for (const size of [1, 7, 64, 1_000_000]) {
      const { charges, bad, summary } = await read(bytes, {}, size);
      expect({ charges, bad }).toEqual({ charges: [CHARGE], bad: [] });
      expect(summary).toMatchObject({ encoding, format: 'csv', delimiter: ';', charges: 1, bad: 0, left: 0 });
      expect(summary.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    }
  });

  it('is known late, where Latin letters fill the first pieces, and at the very end', async () => {
    const latin = { columns: { day: 'date', advert: 'id', sum: 'sum', service: 'service' } };
    const start = `date;id;sum;service\n${'2026-11-20;A;1;x\n'.repeat(9000)}`;
    const ends: [string, string, string][] = [
      ['2026-11-21;Б;1;Поднятие в поиске на семь дней подряд\n', 'Б', 'Поднятие в поиске на семь дней подряд'],
      ['2026-11-21;A;1;Б', 'A', 'Б'],
    ];
    for (const [end, advert, service] of ends) {
      for (const encode of [(text: string) => Buffer.from(text), windows1251]) {
        const { charges } = await read(encode(start + end), { mapping: latin });
        expect(charges).toHaveLength(9001);
        expect(charges.at(-1)).toMatchObject({ advert, service });
      }
    }
  });

  it('is taken as it is named', async () => {
    expect(await adverts(windows1251(PLAIN), { encoding: 'windows-1251' })).toEqual(['A-1']);
    const wrong = await refusal(windows1251(PLAIN), { encoding: 'utf-8' });
    expect(wrong).toMatchObject({ code: 'report-encoding', exit: 3 });
    expect(wrong.message).toContain('строка 1');
    expect(await refusal(`\ufeff${PLAIN}`, { encoding: 'windows-1251' })).toMatchObject({ code: 'report-encoding' });
  });

  it('is not mixed: a bad byte further down stops everything and names its line', async () => {
    const torn = Buffer.concat([Buffer.from(PLAIN), Buffer.from([0xcf, 0xf0, 0x3b, 0x0a])]);
    expect((await refusal(torn)).message).toContain('строка 3');
    expect(await refusal(Buffer.from(PLAIN).subarray(0, 20), {})).toBeInstanceOf(Refusal);
  });

  it.each([
    ['a workbook', Buffer.from('PK\x03\x04rest'), 'книга Excel'],
    ['an old workbook', Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 1, 2]), 'книга Excel'],
    ['an archive', gzipSync(PLAIN), 'Это архив'],
    ['UTF-16', Buffer.from(`\ufeff${PLAIN}`, 'utf16le'), 'UTF-16'],
    ['UTF-16 without a mark', Buffer.from('Date;', 'utf16le'), 'UTF-16'],
    ['a picture', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), 'Это не таблица'],
    ['a photograph', Buffer.from('ffd8ffe000104a46494600010101', 'hex'), 'Это не таблица'],
    ['a document', Buffer.from('%PDF-1.7\n%âãÏÓ\n', 'latin1'), 'Это не таблица'],
    ['Russian UTF-16 without a mark', Buffer.from('Дата;', 'utf16le'), 'UTF-16'],
    ['nothing', Buffer.alloc(0), 'Файл пуст'],
    ['blanks', Buffer.from(' \n\n'), 'Файл пуст'],
  ])('%s is refused', async (_, bytes, told) => {
    expect((await refusal(bytes)).message).toContain(told);
  });
});

describe('CSV', () => {
  it.each<[string, Delimiter]>([
    ['semicolons', ';'],
    ['commas', ','],
    ['tabs', '\t'],
  ])('is told apart by %s, and line ends of any kind', async (_, delimiter) => {
    const line = (cells: string[]) => cells.map((cell) => `"${cell}"`).join(delimiter);
    const rows = [
      ['Дата', 'Объявление', 'Списано', 'Услуга'],
      ['21.11.2026', 'A-1', '1 234,50', 'Публикация'],
    ];
    for (const end of ['\n', '\r\n', '\r']) {
      const text = rows.map(line).join(end) + end;
      for (const size of [1, 1_000_000]) {
        const { charges, summary } = await read(text, {}, size);
        expect(charges).toEqual([CHARGE]);
        expect(summary.delimiter).toBe(delimiter);
      }
    }
  });

  it('finds the titles below the report’s own head, whatever their case and blanks', async () => {
    const text = `Отчёт;за ноябрь\n;\n"дата";ОБЪЯВЛЕНИЕ;" Списано ";Услуга;Прочее\n21.11.2026;A-1;5;x;y\n`;
    const { charges, bad, summary } = await read(text);
    expect([charges.length, bad]).toEqual([1, []]);
    expect(summary.columns).toEqual(['дата', 'ОБЪЯВЛЕНИЕ', 'Списано', 'Услуга', 'Прочее']);
    const broken = '"Дата\nсписания";Объявление;Списано;Услуга\n21.11.2026;A-1;5;x\n';
    expect(await adverts(broken, { mapping: { columns: { ...mapping.columns, day: 'дата списания' } } })).toEqual([
      'A-1',
    ]);
  });

  it('tells which columns are not there and which are', async () => {
    const { code, exit, message } = await refusal('Дата;ID;Списано\n21.11.2026;1;5\n');
    expect({ code, exit }).toEqual({ code: 'report-columns', exit: 2 });
    expect(message).toContain('нет столбцов: «Объявление», «Услуга». Есть: «Дата», «ID», «Списано».');
    expect((await refusal('Дата;Объявление;Списано;Услуга;Списано\n')).message).toContain(
      '«Списано» в файле несколько',
    );
  });

  it('takes a quote inside a cell for a letter, and a line break inside quotes for a line break', async () => {
    const text = `${HEAD}21.11.2026;ООО "Ромашка";5;"Под""нятие;\nв поиске"\n21.11.2026;"A" B;5;x\n`;
    const { charges, bad } = await read(text);
    expect(bad).toEqual([]);
    expect(charges.map(({ advert, service }) => [advert, service])).toEqual([
      ['ООО "Ромашка"', 'Под"нятие;\nв поиске'],
      ['"A" B', 'x'],
    ]);
  });

  it('tells bad rows by their lines and reads the others', async () => {
    const text = [
      HEAD.trim(),
      '21.11.2026;A-1;5;x',
      'Итого;;5;',
      '',
      ';;;',
      '21.11.2026;"A\n2";много;x',
      '21.11.2026;A-3',
      '21.11.2026;A-4;5;x;лишнее',
      '21.11.2026;A-5;5;x;',
      '01.12.2026;A-6;5;x',
      '',
    ].join('\r\n');
    const { charges, bad, summary } = await read(text);
    expect(charges.map(({ advert }) => advert)).toEqual(['A-1', 'A-5']);
    expect(bad).toEqual([
      '3: день «Итого» не читается, нужно 21.11.2026 или 2026-11-21',
      '6: сумма «много» не читается',
      '8: столбцов только 2 из 4',
      '9: столбцов 5, а в строке заголовков 4',
      '11: день 01.12.2026 ещё не наступил',
    ]);
    expect(summary).toMatchObject({ charges: 2, bad: 5 });
  });

  it('says where a quote was never closed, and keeps what stood before it', async () => {
    const { charges, bad } = await read(`${PLAIN}21.11.2026;"A-2;5;x\n21.11.2026;A-3;5;x\n`);
    expect(charges).toEqual([CHARGE]);
    expect(bad).toEqual(['3: кавычка в этой строке открыта и не закрыта, отсюда и до конца файл не прочитан']);
    const late = await read(`${HEAD}${'21.11.2026;A;5;x\n'.repeat(3000)}21.11.2026;"A;5;x\n`);
    expect([late.charges.length, late.bad.length]).toEqual([3000, 1]);
    const endless = await read(`${PLAIN}21.11.2026;"A-2;5;x\n${'21.11.2026;A-3;5;x\n'.repeat(60_000)}`);
    expect([endless.charges.length, endless.bad.length]).toEqual([1, 1]);
  });

  it('leaves out what is not asked for', async () => {
    const only = [{ column: 'Услуга', values: ['Публикация'] }];
    const { charges, bad, summary } = await read(`${PLAIN}вчера;;;Пополнение\n`, { mapping: { ...mapping, only } });
    expect([charges, bad, summary.left]).toEqual([[CHARGE], [], 1]);
  });

  it('passes on what the source throws', async () => {
    async function* torn() {
      yield Buffer.from(PLAIN);
      yield Buffer.from('21.11.2026;A-2;5;x\n'.repeat(9000));
      throw new Error('диск');
    }
    const report = openReport(torn(), base).then(async ({ items }) => {
      for await (const _ of items);
    });
    await expect(report).rejects.toThrow('диск');
  });

  it('reads back whatever was written, whatever the cells, the chunks and the encoding', async () => {
    const letters = fc.string({ unit: fc.constantFrom(...'aZ09 ;,\t"\'\n«»№—ЯёюЭ=+-'), maxLength: 12 });
    const row = fc.record({
      day: fc.integer({ min: 1, max: 21 }),
      advert: letters,
      service: letters,
      kopecks: fc.integer({ min: -10_000_000, max: 10_000_000 }),
      other: letters,
    });
    const written = (kopecks: number) => {
      const digits = String(Math.abs(kopecks)).padStart(3, '0');
      const sum = `${digits.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, ' ')},${digits.slice(-2)}`;
      return kopecks < 0 ? `-${sum}` : sum;
    };
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { maxLength: 8 }),
        fc.constantFrom<Delimiter>(';', ',', '\t'),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        fc.integer({ min: 1, max: 200 }),
        async (rows, delimiter, end, isOld, size) => {
          const cells = rows.map(({ day, advert, service, kopecks, other }) => [
            `${String(day).padStart(2, '0')}.11.2026`,
            advert,
            other,
            written(kopecks),
            service,
          ]);
          const quoted = (cell: string) =>
            /["\n]/.test(cell) || cell.includes(delimiter) ? `"${cell.replaceAll('"', '""')}"` : cell;
          const text = [['Дата', 'Объявление', 'Прочее', 'Списано', 'Услуга'], ...cells]
            .map((line) => line.map(quoted).join(delimiter))
            .join(end);
          const { charges, bad } = await read(isOld ? windows1251(text) : text, {}, size);
          expect(bad).toEqual([]);
          expect(charges.map(({ day, advert, service, kopecks }) => [day, advert, service, kopecks])).toEqual(
            rows.map(({ day, advert, service, kopecks }) => [
              `2026-11-${String(day).padStart(2, '0')}`,
              advert.trim() === '' ? null : advert.trim(),
              service.trim(),
              kopecks,
            ]),
          );
        },
      ),
      { seed: 7, numRuns: 300 },
    );
  });
});

describe('JSON', () => {
  const fields = { columns: { day: 'date', boardNumber: 'offer.id', sum: 'amount', service: 'type' } };
  const rows = [
    { date: '2026-11-21T21:30:00Z', offer: { id: 123_456_789 }, amount: 1234.5, type: 'DebitObject' },
    { date: '2026-11-21', offer: null, amount: '-7,00', type: null },
  ];

  it('finds the rows by their fields, or where it is told', async () => {
    const text = JSON.stringify({ operationId: 'x', pages: [{ n: 1 }], result: { operations: rows } });
    for (const way of [undefined, 'result.operations']) {
      const { charges, bad, summary } = await read(text, { mapping: { ...fields, ...(way && { rows: way }) } });
      expect(bad).toEqual([]);
      expect(charges).toMatchObject([
        { day: '2026-11-22', boardNumber: '123456789', kopecks: 123_450, service: 'DebitObject' },
        { day: '2026-11-21', boardNumber: null, kopecks: -700, service: '' },
      ]);
      expect(summary).toMatchObject({ format: 'json', delimiter: null, charges: 2 });
    }
    expect((await read(JSON.stringify(rows), { mapping: fields })).charges).toHaveLength(2);
  });

  it('tells bad records by their number', async () => {
    const bad = [...rows, { date: 'x', offer: { id: 1 }, amount: 0.123, type: 'y' }, { amount: [1] }, 5];
    expect((await read(JSON.stringify(bad), { mapping: fields })).bad).toEqual([
      '3: день «x» не читается, нужно 21.11.2026 или 2026-11-21; сумма «0.123» не читается',
      '4: в поле «amount» не текст и не число',
      '5: день не указан; сумма не указана',
    ]);
  });

  it.each([
    ['{"a": [', 'не читается как JSON'],
    ['{"a": 1}', 'нет списка записей'],
    ['{"a": [{"x": 1}], "b": [{"y": 1}]}', 'несколько списков: «a», «b»'],
    ['[{"x": 1}]', 'нет полей: «date», «offer.id», «amount», «type». Есть: «x»'],
  ])('%s is refused', async (text, told) => {
    expect((await refusal(text, { mapping: fields })).message).toContain(told);
  });

  it('takes the shape of Avito’s fees from its board file: roubles or placements', async () => {
    const shape = loadBoards()
      .find(({ id }) => id === 'avito')!
      .reports.find(({ code }) => code === 'fees')!;
    const fees = [
      { ad_id: 'A-1', avito_id: 4_242_424_242, fees_type: 'single', fees_amount: 120 },
      { ad_id: null, avito_id: 4_242_424_243, fees_type: 'package', fees_amount: 1, fees_package_id: 5 },
    ];
    const { columns, placements } = shape;
    const { charges, bad } = await read(JSON.stringify({ fees }), {
      mapping: { columns, ...(placements && { placements }), day: '2026-11-20' },
    });
    expect(bad).toEqual([]);
    expect(charges).toMatchObject([
      { day: '2026-11-20', advert: 'A-1', boardNumber: '4242424242', kopecks: 12_000, service: 'single' },
      { advert: null, boardNumber: '4242424243', kopecks: 0, service: 'package (размещений: 1)' },
    ]);
    expect(shape.source.grade).toBe('official');
  });
});

it('is refused before the file is touched when the mapping lacks something', async () => {
  expect(await refusal(PLAIN, { mapping: { columns: { day: 'Дата' } } })).toMatchObject({
    code: 'report-mapping',
    exit: 2,
  });
});

describe('a file of which nothing is known yet', () => {
  const peek = (input: Input, given: Parameters<typeof peekReport>[1] = {}) => peekReport(chunks(input, 1000), given);

  it('shows its titles and first rows, whatever stands above them and separates them', async () => {
    const text = 'Отчёт;;\nза ноябрь;;\n\nДата;Объявление;Списано\n21.11.2026;A-1;1,50\n22.11.2026;A-2\n';
    const expected = {
      format: 'csv',
      delimiter: ';',
      lists: [],
      columns: ['Дата', 'Объявление', 'Списано'],
      rows: [
        ['21.11.2026', 'A-1', '1,50'],
        ['22.11.2026', 'A-2', ''],
      ],
    };
    expect(await peek(text)).toEqual({ ...expected, encoding: 'utf-8' });
    expect(await peek(windows1251(text))).toEqual({ ...expected, encoding: 'windows-1251' });
    const commas = 'date,advert,"sum"\n2026-11-21,A-1,"1,50"\n';
    expect(await peek(commas)).toMatchObject({ delimiter: ',', columns: ['date', 'advert', 'sum'] });
    expect(await peek(commas, { delimiter: ';' })).toMatchObject({ columns: ['date,advert,"sum"'] });
  });

  it('shows the longest list of JSON, or the one that is asked for', async () => {
    const text = JSON.stringify({
      pages: [{ page: 1 }],
      result: {
        operations: [
          { id: 1, sum: 5 },
          { id: 2, sum: 7, note: null },
        ],
      },
    });
    expect(await peek(text)).toEqual({
      format: 'json',
      encoding: 'utf-8',
      delimiter: null,
      lists: ['result.operations', 'pages'],
      columns: ['id', 'sum', 'note'],
      rows: [
        ['1', '5', ''],
        ['2', '7', ''],
      ],
    });
    expect(await peek(text, { rows: 'pages' })).toMatchObject({ columns: ['page'], rows: [['1']] });
    for (const nothing of ['', ' \n', '{}', 'PK\x03\x04']) await expect(peek(nothing)).rejects.toThrow(Refusal);
  });
});
