import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Column, csvText, type Row } from '../../src/domain/csv.ts';

const COLUMNS: Column[] = [
  { header: 'Объект', kind: 'text', width: 20 },
  { header: 'Сумма', kind: 'kopecks', width: 10 },
  { header: 'День', kind: 'day', width: 10 },
  { header: 'Штук', kind: 'count', width: 10 },
];

async function written(rows: Row[], columns = COLUMNS): Promise<string> {
  let text = '';
  for await (const part of csvText(columns, rows)) text += part;
  return text;
}
const cell = async (value: Row[number], column = 0) =>
  (await written([[value]], [COLUMNS[column]!])).split('\r\n').slice(1, -1).join('\r\n');

describe('CSV for a Russian Excel', () => {
  it('begins with the byte order mark, has semicolons, commas and Russian days', async () => {
    const text = await written([
      ['A-7', 123450, '2026-11-20', 3],
      ['Всего', -1205, null, 0],
      [null, 100_000_000_000_001, 'Всего', null],
    ]);
    expect(text).toBe(
      '\ufeffОбъект;Сумма;День;Штук\r\nA-7;1234,50;20.11.2026;3\r\nВсего;-12,05;;0\r\n;1000000000000,01;Всего;\r\n',
    );
  });

  it.each([
    ['=1+1', "'=1+1"],
    ['+7 900', "'+7 900"],
    ['-5', "'-5"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1', "'\t=1"],
    ['\r=1', `"'\r=1"`],
    ['＝1', "'＝1"],
    ['=HYPERLINK("http://x";"y")', `"'=HYPERLINK(""http://x"";""y"")"`],
    ['a=1', 'a=1'],
    ['1;2', '"1;2"'],
    ['он сказал «"да"»', '"он сказал «""да""»"'],
    ['две\nстроки', '"две\nстроки"'],
    ['', ''],
  ])('%j', async (given, expected) => {
    expect(await cell(given)).toBe(expected);
  });

  it('reads back what was written, whatever it is, and no cell is a formula', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 4 }), async (texts) => {
        const columns = texts.map((_, index): Column => ({ header: `к${index}`, kind: 'text', width: 5 }));
        const read = readCsv((await written([texts], columns)).slice(1))[1]!;
        for (const [index, text] of texts.entries()) {
          expect(read[index]!.replace(/^'(?=[=+\-@\t\r\n＝＋－＠])/, '')).toBe(text);
          expect(read[index]!).not.toMatch(/^[=+\-@\t\r\n]/);
        }
      }),
    );
  });
});

/** RFC 4180 with semicolons, by the letter. */
function readCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  let at = 0;
  while (at < text.length) {
    let value = '';
    if (text[at] === '"') {
      for (at++; ; at++) {
        if (text[at] !== '"') value += text[at];
        else if (text[at + 1] === '"') value += text[at++];
        else break;
      }
      at++;
    } else while (at < text.length && text[at] !== ';' && !text.startsWith('\r\n', at)) value += text[at++];
    rows.at(-1)!.push(value);
    if (text[at] === ';') {
      at++;
      if (at === text.length || text.startsWith('\r\n', at)) rows.at(-1)!.push('');
    }
    if (text.startsWith('\r\n', at)) {
      at += 2;
      if (at < text.length) rows.push([]);
    }
  }
  return rows;
}
