import { Text } from '@mantine/core';
import { IconFileImport, IconGavel, IconUser } from '@tabler/icons-react';
import type { ListingHistory } from '../../../contracts/listing.ts';
import { OUTCOME_LOOKS } from '../../parts/outcome-chip.tsx';
import { Loaded } from '../../parts/states.tsx';
import { useApi } from '../../query.ts';
import { momentNear } from '../../words.ts';
import classes from './card.module.css';

type Entry = ListingHistory['data'][number];

const SIGNS = { deed: IconUser, verdict: IconGavel, source: IconFileImport } as const;

/** What was done to the listing and what became of it, newest first. */
export function History({ listingId }: { listingId: number }) {
  const query = useApi<ListingHistory>(`/listings/${listingId}/history`);
  return (
    <Loaded query={query}>
      {({ data }) => (
        <ol className={classes.history}>
          {data.map((entry, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: several things happen in one moment
            <Row key={`${entry.at} ${at}`} entry={entry} />
          ))}
        </ol>
      )}
    </Loaded>
  );
}

function Row({ entry: { at, kind, by, title, lines, boardName, outcome } }: { entry: Entry }) {
  const looks = outcome === null ? null : OUTCOME_LOOKS[outcome];
  const Icon = looks?.icon ?? (kind === 'outcome' ? IconUser : SIGNS[kind]);
  return (
    <li className={classes.happening}>
      <span className={classes.happeningSign} data-tone={looks?.tone ?? 'neutral'}>
        <Icon size={15} aria-hidden />
      </span>
      <div>
        <Text size="sm">
          {boardName && `${boardName}: `}
          {title}
        </Text>
        {lines.map((line) => (
          <Text key={line} size="sm" c="dimmed">
            {line}
          </Text>
        ))}
        <Text size="xs" c="dimmed">
          {[momentNear(at), by].filter(Boolean).join(' · ')}
        </Text>
      </div>
    </li>
  );
}
