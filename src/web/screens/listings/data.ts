import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useRef } from 'react';
import type {
  BoardColumn,
  ListingChoices,
  ListingsPage,
  ListingsTotal,
  ListingWords,
  View,
} from '../../../contracts/listings.ts';
import { api, type Query } from '../../api.ts';
import { queryClient, useApi } from '../../query.ts';

/** What the screen asks for. */

const LIST = 'objects';
const PAGE = 50;
/** While others work, what is shown is asked for again at most this often. */
const FRESH_MS = 5_000;

/** The pages that are loaded and how many there are; kept fresh while somebody looks. */
export function useListings(words: ListingWords, sort: string, columns: readonly number[] | null) {
  const asked = { ...words, sort, column: columns ?? undefined } as Query;
  const list = useInfiniteQuery({
    queryKey: [LIST, 'pages', asked],
    queryFn: ({ pageParam, signal }) =>
      api.get<ListingsPage>('/listings', { ...asked, limit: PAGE, after: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: ({ page }) => page.next,
    enabled: columns !== null,
    placeholderData: keepPreviousData,
  });
  const total = useQuery({
    queryKey: [LIST, 'total', words],
    queryFn: ({ signal }) => api.get<ListingsTotal>('/listings/total', words as Query, signal),
    placeholderData: keepPreviousData,
  });
  useFreshness();
  return { list, total, rows: useMemo(() => list.data?.pages.flatMap(({ data }) => data) ?? [], [list.data]) };
}

/** After a deed of one's own: at once. */
export const refreshListings = (): Promise<void> => queryClient.invalidateQueries({ queryKey: [LIST] });

/**
 * The server tells that listings have changed by making everything under `/listings` stale. Many pages may be loaded
 * here, so they are asked for again with a pause in between, and not for every event.
 */
function useFreshness(): void {
  const { dataUpdatedAt } = useQuery({
    queryKey: ['listings', 'changed'],
    queryFn: () => Date.now(),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const last = useRef(Date.now());
  const known = useRef(0);
  useEffect(() => {
    const isFirst = known.current === 0;
    known.current = dataUpdatedAt;
    if (isFirst || dataUpdatedAt === 0) return;
    const timer = setTimeout(
      () => {
        last.current = Date.now();
        void refreshListings();
      },
      Math.max(0, last.current + FRESH_MS - Date.now()),
    );
    return () => clearTimeout(timer);
  }, [dataUpdatedAt]);
}

export const useBoards = () => useApi<{ data: BoardColumn[] }>('/boards', undefined, { staleTime: 60_000 });
export const useChoices = () => useApi<ListingChoices>('/listings/choices', undefined, { staleTime: 60_000 });
export const useViews = () => useApi<{ data: View[] }>('/views', { screen: 'listings' });

const COLUMNS = 'vygruzka.listings.hidden';

/** Columns this browser does not show. */
export function rememberedColumns(): readonly string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(COLUMNS) ?? '[]');
    return Array.isArray(kept) ? kept.filter((one) => typeof one === 'string') : [];
  } catch {
    return [];
  }
}

export const rememberColumns = (hidden: readonly string[]): void =>
  localStorage.setItem(COLUMNS, JSON.stringify(hidden));

/** The same function while the values are the same. */
export const useStable = <T>(value: T): T => {
  const text = JSON.stringify(value);
  return useMemo(() => JSON.parse(text) as T, [text]);
};

export const useMore = (query: {
  readonly isFetchingNextPage: boolean;
  readonly fetchNextPage: () => Promise<unknown>;
}) => {
  const { isFetchingNextPage, fetchNextPage } = query;
  return useCallback(() => {
    if (!isFetchingNextPage) void fetchNextPage();
  }, [isFetchingNextPage, fetchNextPage]);
};
