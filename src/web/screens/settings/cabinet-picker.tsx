import { Select } from '@mantine/core';
import type { ReactNode } from 'react';
import type { BoardsAnswer, CabinetLine } from '../../../contracts/settings.ts';
import { Empty, Loaded } from '../../parts/states.tsx';
import { useApi } from '../../query.ts';
import { oneOf, useAddress } from '../../router.tsx';

/** Which cabinet a page is about: `?cabinet=7`, the first one where nobody chose. */
export function useCabinets() {
  const query = useApi<BoardsAnswer>('/settings/boards');
  const [{ cabinet }, change] = useAddress((raw) => ({ cabinet: Number(oneOf(raw.cabinet)) || null }));
  const all = query.data?.data.flatMap(({ cabinets }) => cabinets) ?? [];
  const chosen = all.find(({ id }) => id === cabinet) ?? all[0];
  return { query, all, chosen, choose: (id: number) => change({ cabinet: id }, { replace: true }) };
}
type Cabinets = ReturnType<typeof useCabinets>;

export function CabinetPicker({ cabinets: { all, chosen, choose } }: { cabinets: Cabinets }) {
  if (!chosen) return null;
  return (
    <Select
      aria-label="Кабинет"
      allowDeselect={false}
      searchable={all.length > 8}
      w={260}
      value={String(chosen.id)}
      data={all.map(({ id, title }) => ({ value: String(id), label: title }))}
      onChange={(next) => next && choose(Number(next))}
    />
  );
}

/** The page of the chosen cabinet, or what to do when there is none. */
export function OfCabinet({
  cabinets: { query, chosen },
  children,
}: {
  cabinets: Cabinets;
  children: (cabinet: CabinetLine) => ReactNode;
}) {
  return (
    <Loaded query={query}>
      {() =>
        chosen ? (
          children(chosen)
        ) : (
          <Empty
            title="Кабинетов ещё нет"
            words="Заведите кабинет на доске или отметьте на неё первый объект."
            action={{ words: 'К доскам', to: '/settings/boards' }}
          />
        )
      }
    </Loaded>
  );
}
