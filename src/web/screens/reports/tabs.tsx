import { Button, Group } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useMay } from '../../session.ts';

/** One line for each report. */
const REPORTS = [
  { to: '/reports', label: 'Выгрузка', deed: 'see-listings' },
  { to: '/reports/money', label: 'Расходы', deed: 'see-accounts' },
  { to: '/reports/work', label: 'Работа', deed: 'see-listings' },
] as const;

export type ReportPath = (typeof REPORTS)[number]['to'];

/** From one report to another. */
export function ReportTabs({ here }: { here: ReportPath }) {
  const may = useMay();
  return (
    <Group component="nav" aria-label="Отчёты" gap="xs">
      {REPORTS.filter(({ deed }) => may(deed)).map(({ to, label }) => (
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
