import { describe, expect, it } from 'vitest';
import { readTariff, type SoldLevel } from '../../src/boards/tariffs.ts';
import { Refusal } from '../../src/domain/fault.ts';

/** What a person is told about a tariff, line by line. */
function refused(input: unknown, levels: readonly SoldLevel[] = []): string[] {
  try {
    readTariff(input, levels);
  } catch (error) {
    if (error instanceof Refusal && error.code === 'tariff-wrong') return error.message.split('\n');
    throw error;
  }
  return [];
}

describe('a tariff that a person wrote', () => {
  it('may leave out what it does not sell', () => {
    const lines = [{ kind: 'flat', kopecks: 4500 }, { kopecks: 0 }];
    expect(readTariff({ lines }, [])).toEqual({ lines, excess: null, promotion: [] });
    const whole = { lines, excess: lines, promotion: [{ level: 'up', days: 7, kopecks: 1 }] };
    expect(readTariff(whole, [])).toEqual(whole);
  });

  it('is told everything that is wrong with its shape, and where', () => {
    const wrong = {
      lines: [{ kopecks: 45.5 }, { kind: 'квартира', kopecks: -1 }, { price: 5 }],
      excess: [{ kopecks: '60' }],
      promotion: [{ level: '', days: 0, kopecks: 2e12 }],
      tax: 1,
    };
    const [head, ...told] = refused(wrong);
    expect(head).toBe('Тариф не принят, замечаний: 10.');
    expect(told.sort()).toEqual([
      '— /excess/0/kopecks: здесь нужно значение вида integer',
      '— /lines/0/kopecks: здесь нужно значение вида integer',
      '— /lines/1/kind: можно: flat, room, bed, house, land, garage, commercial',
      '— /lines/1/kopecks: не меньше 0',
      '— /lines/2: лишнее слово «price»',
      '— /lines/2: нет обязательного «kopecks»',
      '— /promotion/0/days: не меньше 1',
      '— /promotion/0/kopecks: не больше 1000000000000',
      '— /promotion/0/level: не должно быть пустым',
      '— лишнее слово «tax»',
    ]);
  });

  it.each<[unknown, string]>([
    [[], '— нужен один тариф в фигурных скобках'],
    [null, '— нужен один тариф в фигурных скобках'],
    [{}, '— нет обязательного «lines»'],
    [{ lines: [] }, '— /lines: не должно быть пустым'],
    [{ lines: [{ kopecks: 1 }], excess: [] }, '— /excess: не должно быть пустым'],
    [{ lines: [{ kopecks: 1 }], excess: 5 }, '— /excess: здесь нужно значение вида array'],
    [
      { lines: [{ kind: 'flat', kopecks: 1 }] },
      '— Цены: последняя строка должна быть без условий, иначе часть объектов останется без цены.',
    ],
  ])('%j', (input, told) => {
    expect(refused(input)).toEqual(['Тариф не принят, замечаний: 1.', told]);
  });

  it('promotes by the levels of the board only, and for as long as they last', () => {
    const promotion = [
      { level: 'up', days: 7, kopecks: 1 },
      { level: 'x2_7', days: 7, kopecks: 1 },
      { level: 'x2_7', days: 1, kopecks: 1 },
      { level: 'top', days: 30, kopecks: 1 },
    ];
    const levels = [
      { code: 'x2_7', days: 7 },
      { code: 'top', days: null },
    ];
    expect(refused({ lines: [{ kopecks: 1 }], promotion }, levels)).toEqual([
      'Тариф не принят, замечаний: 2.',
      '— Продвижения «up» у доски нет. Можно: x2_7, top.',
      '— Продвижение «x2_7» у доски длится 7 дн., а не 1.',
    ]);
    expect(refused({ lines: [{ kopecks: 1 }], promotion }, [])).toEqual([]);
  });

  it('is told the beginning of a long list', () => {
    const told = refused({ lines: Array.from({ length: 200 }, () => ({})) });
    expect(told).toHaveLength(22);
    expect(told[0]).toBe('Тариф не принят, замечаний: 200.');
    expect(told.at(-1)).toBe('— …');
  });
});
