import { describe, expect, it } from 'vitest';
import { ROLES } from '../../src/domain/people.ts';
import {
  DEEDS,
  type Deed,
  deedsOf,
  type Grant,
  may,
  mayDo,
  OF_AGENCY,
  type Place,
  reachOf,
  refusalFor,
  whoMay,
} from '../../src/domain/rights.ts';

/** The whole law: agent, adSpecialist, manager, admin. */
const LAW: Record<Deed, readonly [boolean, boolean, boolean, boolean]> = {
  'see-listings': [true, true, true, true],
  'see-phones': [true, true, true, true],
  'see-accounts': [true, true, true, true],
  'see-moderation': [false, true, true, true],
  'see-feeds': [false, true, true, true],
  'see-settings': [false, true, true, true],
  'see-people': [false, false, true, true],
  'see-journal': [false, false, true, true],
  marks: [true, true, true, true],
  terms: [true, true, true, true],
  confirmation: [true, true, true, true],
  status: [true, true, true, true],
  stage: [true, true, true, true],
  calls: [true, true, true, true],
  corrections: [true, true, true, true],
  photos: [true, true, true, true],
  texts: [true, true, true, true],
  'owner-reports': [true, true, true, true],
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
  imports: [false, true, true, true],
  runs: [false, true, true, true],
  'feed-addresses': [false, false, false, true],
  cabinets: [false, false, false, true],
  tokens: [false, false, false, true],
  invitations: [false, false, false, true],
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

describe('how far a right reaches', () => {
  const grant = (role: Grant['role'], scope: Grant['scope'], id: number | null = null): Grant => ({
    role,
    scope,
    branchId: scope === 'branch' ? id : null,
    departmentId: scope === 'department' ? id : null,
  });
  const person = (grants: Grant[], least = {}) => ({ employeeId: 7, grants, least });
  const at = (employeeId: number | null, departmentId: number | null, branchId: number | null): Place => ({
    employeeId,
    departmentId,
    branchId,
  });
  const [own, mates, branch, other] = [at(7, 70, 700), at(8, 70, 700), at(9, 71, 700), at(10, 80, 800)];

  it.each([
    ['own', grant('manager', 'own'), [true, false, false, false, false]],
    ['department', grant('manager', 'department', 70), [true, true, false, false, false]],
    ['branch', grant('manager', 'branch', 700), [true, true, true, false, false]],
    ['agency', grant('manager', 'agency'), [true, true, true, true, true]],
  ] as const)('%s', (_, given, law) => {
    expect([own, mates, branch, other, OF_AGENCY].map((place) => mayDo(person([given]), 'money', place))).toEqual(law);
  });

  it('adds several roles up, each in its own place', () => {
    const both = person([grant('agent', 'own'), grant('manager', 'branch', 800)]);
    expect([own, mates, other].map((place) => mayDo(both, 'marks', place))).toEqual([true, false, true]);
    expect([own, mates, other].map((place) => mayDo(both, 'money', place))).toEqual([false, false, true]);
    expect(reachOf(both, 'marks')).toEqual({ isAll: false, branchIds: [800], departmentIds: [], employeeId: 7 });
    expect(reachOf(both, 'money')).toEqual({ isAll: false, branchIds: [800], departmentIds: [], employeeId: null });
  });

  it('takes a thing of nobody for nobody’s own', () => {
    expect(mayDo(person([grant('agent', 'own')]), 'marks', at(null, null, 700))).toBe(false);
  });

  it('follows the agency’s own table, except where that would give everything away', () => {
    const agent = person([grant('agent', 'own')], { money: 'agent', roles: 'agent', marks: 'manager' });
    expect(['money', 'roles', 'marks'].map((deed) => mayDo(agent, deed as Deed, own))).toEqual([true, false, false]);
    expect(deedsOf(agent)).toContain('money');
    expect(deedsOf(agent)).not.toContain('marks');
  });

  it('says whom to ask, or that the place is another', () => {
    expect(refusalFor(person([grant('agent', 'own')]), 'money')).toBe(
      'Пополнять счета и переводить деньги между ними может руководитель или администратор, а не агент.',
    );
    expect(refusalFor(person([grant('manager', 'branch', 700)]), 'money')).toContain('только в своей части агентства');
  });
});
