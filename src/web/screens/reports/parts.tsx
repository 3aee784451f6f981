import { Anchor, Button, Group, Text } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import type { ReportChoices, ReportListing } from '../../../contracts/export-report.ts';
import { addressOf, type Query } from '../../api.ts';
import { Several } from '../../parts/several.tsx';
import { useApi } from '../../query.ts';

/** What all reports have in common: their files, whose listings they count, and a listing behind a number. */

const FILES = { xlsx: 'Excel', csv: 'CSV', png: 'Картинка' } as const;

interface FilesProps {
  /** Of the report, without an ending. */
  readonly address: string;
  readonly query: Query;
  readonly kinds: readonly (keyof typeof FILES)[];
}

export function ReportFiles({ address, query, kinds }: FilesProps) {
  return kinds.map((kind) => (
    <Button
      key={kind}
      component="a"
      href={addressOf(`${address}.${kind}`, query)}
      download
      variant="default"
      leftSection={<IconDownload size={16} aria-hidden />}
    >
      {FILES[kind]}
    </Button>
  ));
}

const WHOSE = [
  { name: 'branch', of: 'branches', label: 'Филиал' },
  { name: 'department', of: 'departments', label: 'Отдел' },
  { name: 'employee', of: 'employees', label: 'Сотрудник' },
  { name: 'group', of: 'groups', label: 'Группа CRM' },
] as const;

interface WhoseProps {
  /** As the address has them; a word that is missing is not asked for. */
  readonly words: Partial<Record<(typeof WHOSE)[number]['name'], readonly string[]>>;
  readonly change: (patch: Record<string, readonly string[]>) => void;
}

/** Whose listings the report counts: of whoever had one on a recorded day. */
export function Whose({ words, change }: WhoseProps) {
  const { data } = useApi<ReportChoices>('/reports/choices', undefined, { staleTime: 60_000 });
  if (!data) return null;
  return (
    <Group gap="xs">
      {WHOSE.map(({ name, of, label }) => {
        const chosen = words[name];
        return (
          chosen && (
            <Several
              key={name}
              label={label}
              value={chosen}
              options={data[of].map(({ id, name }) => ({ value: String(id), label: name }))}
              onChange={(ids) => change({ [name]: ids })}
              least={2}
            />
          )
        );
      })}
    </Group>
  );
}

/** A listing behind a number; one that is somebody else's now has no link. */
export function ListingName({ listing: { id, externalId, title, employee, isSeen } }: { listing: ReportListing }) {
  const name = `${externalId} · ${title}`;
  return (
    <>
      {isSeen ? (
        <Anchor component={Link} to="/listings/$id" params={{ id: String(id) } as never} size="sm">
          {name}
        </Anchor>
      ) : (
        name
      )}
      {employee && (
        <Text size="xs" c="dimmed">
          {employee}
        </Text>
      )}
    </>
  );
}
