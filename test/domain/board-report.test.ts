import { describe, expect, it } from 'vitest';
import {
  guessColumns,
  mappingFaults,
  type ReportMapping,
  readColumns,
  readReportDay,
  readRow,
  readSum,
} from '../../src/domain/board-report.ts';

describe('which column is what', () => {
  it('is told in words, and names of columns may have commas and equals signs', () => {
    expect(readColumns('день=Дата, Объявление = ID,сумма=Сумма, руб.,услуга=a=b')).toEqual({
      columns: { day: 'Дата', advert: 'ID', sum: 'Сумма, руб.', service: 'a=b' },
      faults: [],
    });
  });

  it.each([
    ['дата=Дата', '«дата=Дата»: нужно слово=столбец'],
    ['Дата', 'нужно слово=столбец'],
    ['день=A,цена=B', '«цена»: такого слова нет, есть: день, объявление'],
    ['день=', '«день»: после знака = нужно название столбца.'],
    ['день=A,день=B', '«день» названо дважды.'],
  ])('%s is refused', (text, told) => {
    expect(readColumns(text).faults.join(' ')).toContain(told);
  });

  it.each([
    [
      ['Дата', 'Номер во внешнем фиде', 'Услуга', 'Списано, руб.', 'Остаток'],
      { day: 'Дата', advert: 'Номер во внешнем фиде', service: 'Услуга', sum: 'Списано, руб.' },
    ],
    [
      ['operation_id', 'date', 'offerId', 'amount'],
      { day: 'date', sum: 'amount', boardNumber: 'offerId', operation: 'operation_id' },
    ],
    // What is not sure is left to a person.
    [['Колонка 1', 'Разное', ''], {}],
  ])('is guessed by its name where that is plain: %j', (titles, expected) => {
    expect(guessColumns(titles)).toEqual(expected);
  });

  it('needs a day, a sum and an advert, and tells all that is missing', () => {
    expect(mappingFaults({ columns: {} })).toHaveLength(3);
    expect(mappingFaults({ columns: { sum: 'c', boardNumber: 'b' }, day: '2026-11-21' })).toEqual([]);
    expect(mappingFaults({ columns: { sum: 'c', advert: 'b', day: 'd' }, day: '2026-11-21' })).toEqual([
      'День назван и столбцом, и один на все строки: оставьте одно.',
    ]);
  });
});

it.each([
  ['120', 12_000],
  ['1 234,50', 123_450],
  ['1\u00a0234.5 ₽', 123_450],
  ['-120,00', -12_000],
  ['− 120', -12_000],
  ['–0,01', -1],
  ['+5', 500],
  ['-0', 0],
  ['', undefined],
  ['--5', undefined],
  ['1,234.50', undefined],
  ['1.234', undefined],
  ['1e3', undefined],
  ['бесплатно', undefined],
])('the sum «%s» is %s kopecks', (text, kopecks) => {
  expect(readSum(text)).toBe(kopecks);
});

it.each([
  ['21.11.2026', '2026-11-21', ''],
  ['2026-11-21', '2026-11-21', ''],
  ['21.11.2026 9:05', '2026-11-21', '09:05:00'],
  ['21.11.2026, 09:05:07', '2026-11-21', '09:05:07'],
  ['2026-11-21T09:05:07.250', '2026-11-21', '09:05:07.25'],
  // A moment: in Omsk it is the next day.
  ['2026-11-21T19:00:00Z', '2026-11-22', '2026-11-21T19:00:00Z'],
  ['2026-11-21T20:59:59.999+03:00', '2026-11-21', '2026-11-21T17:59:59.999Z'],
  ['2026-11-21 21:00:00 +0300', '2026-11-22', '2026-11-21T18:00:00Z'],
])('«%s» is the day %s', (text, day, time) => {
  expect(readReportDay(text, 'Asia/Omsk')).toEqual({ day, time });
});

it.each([
  '',
  '31.02.2026',
  '21.11.26',
  '2026-11-21T25:00',
  'вчера',
  '2026-13-01',
  '2026-11-21T10:00+99:00',
])('«%s» is no day', (text) => {
  expect(readReportDay(text, 'Europe/Moscow')).toBeUndefined();
});

describe('a row', () => {
  const place = { zone: 'Europe/Moscow', lastDay: '2026-11-22' };
  const mapping: ReportMapping = {
    columns: { day: 'd', advert: 'a', listing: 'l', sum: 's', service: 'u', operation: 'o' },
  };
  const read = (cells: Record<string, string>, more: Partial<ReportMapping> = {}) =>
    readRow((column) => cells[column] ?? '', { ...mapping, ...more }, place);
  const good = { d: '21.11.2026', a: 'A-1', s: '120', u: 'Публикация' };

  it('says what was charged', () => {
    expect(read({ ...good, l: '#12', o: '77' })).toEqual({
      charge: {
        day: '2026-11-21',
        time: '',
        advert: 'A-1',
        boardNumber: null,
        listingNumber: 12,
        service: 'Публикация',
        kopecks: 12_000,
        operationId: '77',
      },
    });
  });

  it('may be of no advert', () => {
    expect(read({ ...good, a: '' })).toMatchObject({ charge: { advert: null } });
  });

  it('tells all that is wrong with it at once', () => {
    expect(read({ d: 'вчера', a: 'x'.repeat(201), s: 'много', l: 'двенадцать' })).toEqual({
      reasons: [
        'день «вчера» не читается, нужно 21.11.2026 или 2026-11-21',
        'сумма «много» не читается',
        '«двенадцать» — не наш номер объекта',
        expect.stringContaining('длиннее 200 знаков'),
      ],
    });
    expect(read({})).toEqual({ reasons: ['день не указан', 'сумма не указана'] });
  });

  it('has no day that has not come and none of long ago', () => {
    expect(read({ ...good, d: '22.11.2026' })).toHaveProperty('charge');
    expect(read({ ...good, d: '23.11.2026' })).toEqual({ reasons: ['день 23.11.2026 ещё не наступил'] });
    expect(read({ ...good, d: '21.11.1926' })).toEqual({ reasons: ['день 21.11.1926 слишком давний'] });
  });

  it('can be left out by a column, its faults with it', () => {
    const only = [{ column: 'u', values: ['Публикация', 'Поднятие'] }];
    expect(read({ ...good, s: '?', u: 'Пополнение' }, { only })).toEqual({ left: true });
    expect(read(good, { only })).toHaveProperty('charge');
  });

  it('counts charges below zero where the file does so', () => {
    expect(read({ ...good, s: '-120' }, { areChargesNegative: true })).toMatchObject({ charge: { kopecks: 12_000 } });
    expect(read({ ...good, s: '30' }, { areChargesNegative: true })).toMatchObject({ charge: { kopecks: -3_000 } });
  });

  it('of a package costs placements, not roubles', () => {
    const placements = { column: 'u', value: 'package' };
    expect(read({ ...good, s: '1', u: 'package' }, { placements })).toMatchObject({
      charge: { kopecks: 0, service: 'package (размещений: 1)' },
    });
    expect(read({ ...good, s: '1.5', u: 'package' }, { placements })).toEqual({
      reasons: ['«1.5» — не число размещений'],
    });
    expect(read({ ...good, s: '1.5', u: 'single' }, { placements })).toMatchObject({ charge: { kopecks: 150 } });
  });
});
