import { Button, Group } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { RawAddress } from '../../router.tsx';
import { useMay } from '../../session.ts';

/** The words of an address that every report understands. */
const COMMON = ['from', 'until', 'branch', 'department', 'employee'] as const;

/** One line for each report, with the words that it shares with others; what another breaks down by is its own. */
const REPORTS = [
  { to: '/reports', label: 'Выгрузка', deed: 'see-listings', shares: [...COMMON, 'step', 'board', 'group'] },
  { to: '/reports/money', label: 'Расходы', deed: 'see-accounts', shares: [...COMMON, 'step', 'board'] },
  { to: '/reports/work', label: 'Работа', deed: 'see-listings', shares: [...COMMON, 'group'] },
] as const;

export type ReportPath = (typeof REPORTS)[number]['to'];

/** From one report to another, with as much of what is chosen as that one understands. */
export function ReportTabs({ here }: { here: ReportPath }) {
  const may = useMay();
  return (
    <Group component="nav" aria-label="Отчёты" gap="xs">
      {REPORTS.filter(({ deed }) => may(deed)).map(({ to, label, shares }) => (
        <Button
          key={to}
          component={Link}
          to={to as never}
          search={((words: RawAddress) => Object.fromEntries(shares.map((name) => [name, words[name]]))) as never}
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
