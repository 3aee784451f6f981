import type { Fixer } from './notice.ts';

/** What an employee may do. Whoever may more, may the lesser things too; only the moderator's rules are stricter. */
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
