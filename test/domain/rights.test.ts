import { describe, expect, it } from 'vitest';
import { ROLES } from '../../src/domain/people.ts';
import { DEEDS, type Deed, may, whoMay } from '../../src/domain/rights.ts';

/** The whole law: agent, adSpecialist, manager, admin. */
const LAW: Record<Deed, readonly [boolean, boolean, boolean, boolean]> = {
  marks: [true, true, true, true],
  terms: [true, true, true, true],
  confirmation: [true, true, true, true],
  status: [true, true, true, true],
  stage: [true, true, true, true],
  calls: [true, true, true, true],
  corrections: [true, true, true, true],
  texts: [true, true, true, true],
  'listing-pauses': [true, true, true, true],
  forbidding: [true, true, true, true],
  pauses: [false, true, true, true],
  'foreign-pauses': [false, true, true, true],
  moderation: [false, true, true, true],
  exceptions: [false, true, true, true],
  norms: [false, true, true, true],
  phones: [false, true, true, true],
  calendars: [false, true, true, true],
  packages: [false, true, true, true],
  'marking-rules': [false, true, true, true],
  brake: [false, true, true, true],
  templates: [false, true, true, true],
  promotion: [false, true, true, true],
  reconciliation: [false, true, true, true],
  money: [false, false, true, true],
  'forbid-lift': [false, false, true, true],
  'stage-consent': [false, false, true, true],
  people: [false, false, true, true],
  branches: [false, false, true, true],
  accounts: [false, false, false, true],
  tariffs: [false, false, false, true],
  'money-back': [false, false, false, true],
  settings: [false, false, false, true],
  roles: [false, false, false, true],
  dismissal: [false, false, false, true],
};

const deeds = Object.keys(DEEDS) as Deed[];

describe('who may do what', () => {
  it('has a law for every deed', () => {
    expect(deeds.sort()).toEqual(Object.keys(LAW).sort());
  });

  it.each(deeds)('%s', (deed) => {
    expect(ROLES.map((role) => may(role, deed))).toEqual(LAW[deed]);
  });

  it.each([
    ['settings', 'manager', 'Менять настройки может администратор, а не руководитель.'],
    [
      'people',
      'adSpecialist',
      'Переводить сотрудников может руководитель или администратор, а не специалист по рекламе.',
    ],
    ['brake', 'agent', 'Отпускать тормоз может специалист по рекламе, руководитель или администратор, а не агент.'],
    ['dismissal', 'agent', 'Отмечать, что сотрудник ушёл, может администратор, а не агент.'],
  ] as const)('%s: tells %s who may', (deed, role, sentence) => {
    expect(whoMay(deed, role)).toBe(sentence);
  });

  it.each(deeds)('%s: begins a sentence', (deed) => {
    expect(DEEDS[deed].told).toMatch(/^[А-ЯЁ][а-яё, ]*[а-яё,]$/);
  });
});
