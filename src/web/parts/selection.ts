import { useCallback, useMemo, useState } from 'react';

/** What is ticked: some rows, or everything the filter finds but a few. */
export type Selected<Key extends string | number = number> =
  | { readonly kind: 'some'; readonly keys: readonly Key[] }
  | { readonly kind: 'all'; readonly except: readonly Key[] };

export interface Selection<Key extends string | number = number> {
  readonly selected: Selected<Key>;
  readonly has: (key: Key) => boolean;
  /** How many, where the filter finds `total`. */
  readonly count: (total: number) => number;
  readonly set: (keys: readonly Key[], isOn: boolean) => void;
  readonly selectAll: () => void;
  readonly clear: () => void;
}

const NONE = { kind: 'some', keys: [] } as const;

/** The state of a selection; a screen clears it when its filter changes. */
export function useSelection<Key extends string | number = number>(): Selection<Key> {
  const [selected, setSelected] = useState<Selected<Key>>(NONE);
  const set = useCallback((keys: readonly Key[], isOn: boolean) => {
    setSelected((was) => {
      const isAll = was.kind === 'all';
      const listed = new Set<Key>(isAll ? was.except : was.keys);
      for (const key of keys) {
        if (isOn !== isAll) listed.add(key);
        else listed.delete(key);
      }
      return isAll ? { kind: 'all', except: [...listed] } : { kind: 'some', keys: [...listed] };
    });
  }, []);
  const selectAll = useCallback(() => setSelected({ kind: 'all', except: [] }), []);
  const clear = useCallback(() => setSelected(NONE), []);
  return useMemo(() => {
    const listed = new Set<Key>(selected.kind === 'all' ? selected.except : selected.keys);
    return {
      selected,
      has: (key) => listed.has(key) !== (selected.kind === 'all'),
      count: (total) => (selected.kind === 'all' ? Math.max(0, total - listed.size) : listed.size),
      set,
      selectAll,
      clear,
    };
  }, [selected, set, selectAll, clear]);
}
