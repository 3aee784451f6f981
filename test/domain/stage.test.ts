import { describe, expect, it } from 'vitest';
import { AGENCY_DEFAULTS } from '../../src/domain/settings.ts';
import { isPermitting, stageRefusal } from '../../src/domain/stage.ts';

const stages = [
  { name: 'Новый', effect: 'not-yet', changedBy: 'manager' },
  { name: 'В рекламе', effect: 'permits' },
  { name: 'Сделка', effect: 'withdraws', changedBy: 'adSpecialist' },
] as const;
const market = { ...AGENCY_DEFAULTS.market, stages: [...stages] };
const strict = { ...market, requiresStage: true };

describe('stages of a deal', () => {
  it.each([
    ['an agent gives the first stage', null, 'Новый', market, 'agent', undefined],
    ['an agent leaves a free stage', 'В рекламе', 'Сделка', market, 'agent', undefined],
    ['an agent leaves a guarded stage', 'Новый', 'В рекламе', market, 'agent', 'stage-guarded'],
    ['… by dropping it', 'Новый', null, market, 'agent', 'stage-guarded'],
    ['the named role leaves it', 'Новый', 'В рекламе', market, 'manager', undefined],
    ['whoever may more does too', 'Сделка', 'В рекламе', market, 'admin', undefined],
    ['a stage nobody declared', null, 'Рекллама', market, 'admin', 'stage-unknown'],
    ['any stage where none is declared', null, 'Любая', AGENCY_DEFAULTS.market, 'agent', undefined],
    ['out of a stage that is declared no more', 'Старая', 'В рекламе', market, 'agent', undefined],
    ['straight to the boards without consent', null, 'В рекламе', strict, 'agent', 'stage-guarded'],
    ['… which the manager may', null, 'В рекламе', strict, 'manager', undefined],
    ['on the way there', null, 'Новый', strict, 'agent', undefined],
  ] as const)('%s', (_, from, to, settings, role, code) => {
    expect(stageRefusal(from, to, settings, role)?.code).toBe(code);
  });

  it.each([
    [null, market, true],
    [null, strict, false],
    ['Новый', market, false],
    ['В рекламе', strict, true],
    ['Сделка', market, false],
    ['Неизвестная', strict, true],
  ] as const)('%s permits or not', (stage, settings, may) => {
    expect(isPermitting(stage, settings)).toBe(may);
  });
});
