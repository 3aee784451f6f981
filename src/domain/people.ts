import type { Fixer } from './notice.ts';

/** What an employee is, from the one who may least to the one who may everything: `rights.ts` has the table. */
export const ROLES = ['agent', 'adSpecialist', 'manager', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** Who puts something right, in the nominative. */
export const FIXER_LABELS: Record<Fixer, string> = {
  agent: 'агент',
  adSpecialist: 'специалист по рекламе',
  manager: 'руководитель',
  admin: 'администратор',
  board: 'доска',
};
