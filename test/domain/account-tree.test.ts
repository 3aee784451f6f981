import { expect, it } from 'vitest';
import { accountTree, type TreeAccount } from '../../src/domain/account-tree.ts';

const account = (kind: TreeAccount['kind'], name: string, more: Partial<TreeAccount> = {}): TreeAccount => ({
  ...{ kind, name, ownerId: null, isActive: true, branchId: null, branch: null, departmentId: null, department: null },
  ...more,
});
const centre = { branchId: 1, branch: 'Центр' };
const rent = { departmentId: 2, department: 'Аренда' };

it('goes down from the agency, with units that have no account where somebody below has one', () => {
  const accounts = [
    account('bank', 'внешний счёт'),
    account('employee', 'Яна', { ownerId: 9, ...centre, ...rent }),
    account('employee', 'Анна', { ownerId: 8, ...centre, isActive: false }),
    account('employee', 'Борис', { ownerId: 7 }),
    account('branch', 'филиал Центр', { ownerId: 1, ...centre }),
  ];
  const told = accountTree(accounts).map(({ depth, title, account: of }) => `${depth} ${title}${of ? '' : ' –'}`);
  expect(told).toEqual([
    '0 агентство –',
    '1 филиал Центр',
    '2 отдел Аренда –',
    '3 Яна',
    '2 Анна (ушёл)',
    '1 Борис',
    '1 внешний счёт: внешний счёт',
  ]);
  expect(accountTree([account('agency', 'агентство')])).toMatchObject([{ depth: 0, account: { kind: 'agency' } }]);
});
