import { describe, expect, it } from 'vitest';
import { AGENCY_DEFAULTS } from '../../src/domain/settings.ts';
import { isPermitting, stageRefusal } from '../../src/domain/stage.ts';

const stages = [
  { name: 'Новый', effect: 'not-yet', changedBy: 'manager' },
  { name: 'Осмотр', effect: 'not-yet' },
  { name: 'В рекламе', effect: 'permits' },
  { name: 'Торг', effect: 'permits' },
  { name: 'Залог', effect: 'withdraws', changedBy: 'admin' },
  { name: 'Сделка', effect: 'withdraws', changedBy: 'adSpecialist' },
] as const;
const market = { ...AGENCY_DEFAULTS.market, stages: [...stages] };
const strict = { ...market, requiresStage: true };
const bare = { ...AGENCY_DEFAULTS.market, requiresStage: true };

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
    ['by a detour over a stage that does not permit', 'Осмотр', 'В рекламе', strict, 'agent', 'stage-guarded'],
    ['… which a specialist may not either', 'Осмотр', 'В рекламе', strict, 'adSpecialist', 'stage-guarded'],
    ['… the manager may', 'Осмотр', 'В рекламе', strict, 'manager', undefined],
    ['back from a deal that fell through', 'Сделка', 'В рекламе', strict, 'adSpecialist', 'stage-guarded'],
    ['over a stage where none is demanded', 'Осмотр', 'В рекламе', market, 'agent', undefined],
    ['from one that permits to another', 'В рекламе', 'Торг', strict, 'agent', undefined],
    ['off the boards', 'В рекламе', 'Сделка', strict, 'agent', undefined],
    ['… and by no stage at all', 'В рекламе', null, strict, 'agent', undefined],
    ['to no stage, which permits nothing there', 'Осмотр', null, strict, 'agent', undefined],
    ['any stage where none is declared but one is demanded', null, 'Любая', bare, 'agent', 'stage-guarded'],
    ['a stage guarded more strictly than consent', 'Залог', 'В рекламе', strict, 'manager', 'stage-guarded'],
    ['… which its role leaves', 'Залог', 'В рекламе', strict, 'admin', undefined],
  ] as const)('%s', (_, from, to, settings, role, code) => {
    expect(stageRefusal(from, to, settings, role)?.code).toBe(code);
  });

  it('names who may', () => {
    expect(stageRefusal('Осмотр', 'В рекламе', strict, 'agent')?.message).toBe(
      'Поставить стадию, которая разрешает рекламу, может руководитель или администратор, а не агент.',
    );
    expect(stageRefusal('Залог', 'В рекламе', strict, 'agent')?.message).toBe(
      'Снять объект со стадии «Залог» может администратор, а не агент.',
    );
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
