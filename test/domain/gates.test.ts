import { describe, expect, it } from 'vitest';
import { decide, OUTCOME_LABELS, OUTCOMES } from '../../src/domain/gates.ts';
import type { Notice } from '../../src/domain/notice.ts';

const listing = { kind: 'flat', deal: 'sale' } as const;
const notice = (severity: Notice['severity'], message: string, fixedBy: Notice['fixedBy'] = 'agent'): Notice => ({
  code: 'cian/floor-missing',
  severity,
  field: 'floor',
  label: 'Этаж',
  message,
  fixedBy,
  source: 'справка',
  checkedOn: '2026-11-20',
});

describe('the gates', () => {
  it.each([
    ['published', null, [], null, [true, true, true, true]],
    ['published', null, [notice('advisory', 'Мало фото.')], null, [true, true, true, true]],
    [
      'blocked',
      null,
      [notice('advisory', 'Мало фото.'), notice('blocking', 'Этаж: не заполнено.', 'adSpecialist')],
      'Этаж: не заполнено.',
      [true, true, false, null],
    ],
    [
      'off-market',
      '2026-11-20',
      [notice('blocking', 'Этаж: не заполнено.')],
      'Объекта нет в выгрузке источника с 20.11.2026. Верните его в CRM или снимите отметку.',
      [true, false, null, null],
    ],
  ] as const)('answer %s with the first closed gate', (outcome, goneOn, notices, reason, open) => {
    const decision = decide({ listing, goneOn, notices });
    expect([decision.outcome, decision.reason, decision.gates.map((gate) => gate.open)]).toEqual([
      outcome,
      reason,
      open,
    ]);
    // One reason and one fixer for whatever is not published; later gates tell nothing yet.
    expect(decision.fixedBy === null).toBe(decision.outcome === 'published');
    for (const gate of decision.gates) if (gate.open === null) expect(gate.reason).toBeNull();
  });

  it('stops at the mark when nobody asked for the board', () => {
    const { gates } = decide({ listing, isMarked: false, goneOn: null, notices: [] });
    expect(gates.map((gate) => gate.open)).toEqual([false, null, null, null]);
    expect(gates[0]!.reason).toBe('Не отмечен на выгрузку.');
  });

  it('names who fixes the first blocking notice', () => {
    expect(
      decide({ listing, goneOn: null, notices: [notice('blocking', 'Раз.', 'admin'), notice('blocking', 'Два.')] }),
    ).toMatchObject({ fixedBy: 'admin', reason: 'Раз. Два.' });
  });

  it('has a Russian word for every outcome', () => {
    for (const outcome of OUTCOMES) expect(OUTCOME_LABELS[outcome]).toMatch(/^[а-яё ]+$/);
  });
});
