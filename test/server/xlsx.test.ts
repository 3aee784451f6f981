import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { readXlsx } from 'hucre/xlsx';
import { describe, expect, it } from 'vitest';
import type { Column, Row } from '../../src/domain/csv.ts';
import { xlsxBytes } from '../../src/server/xlsx.ts';

const COLUMNS: Column[] = [
  { header: 'Объект', kind: 'text', width: 20 },
  { header: 'Сумма', kind: 'kopecks', width: 10 },
  { header: 'День', kind: 'day', width: 10 },
  { header: 'Штук', kind: 'count', width: 10 },
];

async function readBack(rows: Row[], rowsPerSheet?: number) {
  return (await readXlsx(await buffer(xlsxBytes('Выписка', COLUMNS, rows, rowsPerSheet)))).sheets;
}

describe('a workbook', () => {
  it('has a header, numbers that are numbers, days that are days, and texts that are no formulas', async () => {
    const [sheet] = await readBack([
      ['A-7 «Дом»', 123450, '2026-11-20', 3],
      ['=1+1', -1205, 'Всего', null],
      [null, null, null, 0],
    ]);
    expect(sheet!.name).toBe('Выписка');
    expect(sheet!.rows).toEqual([
      ['Объект', 'Сумма', 'День', 'Штук'],
      ['A-7 «Дом»', 1234.5, new Date('2026-11-20T00:00:00Z'), 3],
      ['=1+1', -12.05, 'Всего', null],
      [null, null, null, 0],
    ]);
    expect([...(sheet!.cells?.values() ?? [])].some((cell) => cell.formula !== undefined)).toBe(false);
  });

  it('goes on on the next sheet under the same header', async () => {
    const sheets = await readBack(
      [1, 2, 3, 4, 5].map((count): Row => [`${count}`, count * 100, null, count]),
      3,
    );
    expect(sheets.map(({ rows }) => rows.map((row) => row[0]))).toEqual([
      ['Объект', '1', '2'],
      ['Объект', '3', '4'],
      ['Объект', '5'],
    ]);
  });

  it('takes whatever text there is', async () => {
    const long = 'я'.repeat(40_000);
    const [sheet] = await readBack(['_x0041_', '<&>"\'', 'а\u0001б\ud800', long].map((text): Row => [text]));
    expect(sheet!.rows.slice(1).map(([text]) => text)).toEqual(['_x0041_', '<&>"\'', 'аб', long.slice(0, 32_767)]);
  });

  it('is exact to the kopeck', async () => {
    const sums = fc.integer({ min: -999_999_999_999_999, max: 999_999_999_999_999 });
    await fc.assert(
      fc.asyncProperty(fc.array(sums, { minLength: 1, maxLength: 200 }), async (all) => {
        const [sheet] = await readBack(all.map((kopecks): Row => [null, kopecks]));
        const read = sheet!.rows.slice(1).map((row) => row[1] as number);
        // As a person types it: at most two digits of kopecks, none of them an accident of the machine.
        for (const value of read) expect(String(value)).toMatch(/^-?\d+(\.\d{1,2})?$/);
        expect(
          read.map((value) =>
            Number(
              String(value).replace(/^(-?\d+)(?:\.(\d{1,2}))?$/, (_, whole, rest = '') => whole + rest.padEnd(2, '0')),
            ),
          ),
        ).toEqual(all);
      }),
      { numRuns: 30 },
    );
  });

  it('writes a sum beyond the digits of Excel as a text', async () => {
    const [sheet] = await readBack([[null, 9_007_199_254_740_991]]);
    expect(sheet!.rows[1]![1]).toBe('90071992547409.91');
  });
});
