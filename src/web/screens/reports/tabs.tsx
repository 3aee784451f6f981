import { Button, Group } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { RawAddress } from '../../router.tsx';
import { useMay } from '../../session.ts';

/**
 * What goes along from report to report. A report asks only for what it understands, and keeps the rest for the way
 * back; what it breaks down by is its own.
 */
const SHARED = [
  ...['from', 'until', 'branch', 'department', 'employee', 'group'],
  ...['step', 'minShare', 'board', 'cabinet'],
];

/** One line for each report. */
const REPORTS = [
  { to: '/reports', label: 'Выгрузка', deed: 'see-listings' },
  { to: '/reports/money', label: 'Расходы', deed: 'see-accounts' },
  { to: '/reports/work', label: 'Работа', deed: 'see-listings' },
] as const;

export type ReportPath = (typeof REPORTS)[number]['to'];

/** From one report to another, with what is chosen. */
export function ReportTabs({ here }: { here: ReportPath }) {
  const may = useMay();
  return (
    <Group component="nav" aria-label="Отчёты" gap="xs">
      {REPORTS.filter(({ deed }) => may(deed)).map(({ to, label }) => (
        <Button
          key={to}
          component={Link}
          to={to as never}
          search={((words: RawAddress) => Object.fromEntries(SHARED.map((name) => [name, words[name]]))) as never}
          size="compact-md"
          variant={to === here ? 'light' : 'subtle'}
          aria-current={to === here ? 'page' : undefined}
        >
          {label}
        </Button>
      ))}
    </Group>
  );
}
