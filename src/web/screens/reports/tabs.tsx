import { Button, Group } from '@mantine/core';
import { Link } from '@tanstack/react-router';

/** One line for each report. */
const REPORTS = [
  { to: '/reports', label: 'Выгрузка' },
  { to: '/reports/money', label: 'Расходы' },
  { to: '/reports/work', label: 'Работа' },
] as const;

export type ReportPath = (typeof REPORTS)[number]['to'];

/** From one report to another. */
export function ReportTabs({ here }: { here: ReportPath }) {
  return (
    <Group component="nav" aria-label="Отчёты" gap="xs">
      {REPORTS.map(({ to, label }) => (
        <Button
          key={to}
          component={Link}
          to={to as never}
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
