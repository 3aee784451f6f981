/**
 * What the server said, kept. A key begins with the resource (`['listings', 1042, 'gates']`), so that an event of the
 * server («listings changed») finds everything that hangs on it.
 */
import { MutationCache, QueryClient, type UseQueryOptions, type UseQueryResult, useQuery } from '@tanstack/react-query';
import { type Answer, api, ProblemError, type Query } from './api.ts';
import { showProblem } from './parts/problem.tsx';

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      // What the server refused it will refuse again; only silence is worth another try.
      retry: (count, error) => error instanceof ProblemError && error.isOffline && count < 2,
      retryDelay: (attempt) => 1_000 * 2 ** attempt,
    },
    mutations: { retry: false },
  },
  mutationCache: new MutationCache({
    // `meta: { isTold: true }`: the screen tells it itself, beside the field for one.
    onError: (error, _variables, _context, mutation) => {
      if (mutation.meta?.isTold !== true) showProblem(error);
    },
  }),
});

/** `/listings/1042/gates` as `['listings', '1042', 'gates', query]`. */
export const keyOf = (path: string, query?: Query): unknown[] => [
  ...path.split('/').filter((word) => word !== ''),
  ...(query ? [query] : []),
];

type Options<T> = Omit<UseQueryOptions<T, Error>, 'queryKey' | 'queryFn'>;

/** Asks and keeps: `useApi<ListingPage>('/listings', { board: 'cian' })`. */
export function useApi<T>(path: string, query?: Query, options: Options<T> = {}): UseQueryResult<T, Error> {
  return useQuery<T, Error>({
    ...options,
    queryKey: keyOf(path, query),
    queryFn: ({ signal }) => api.get<T>(path, query, signal),
  });
}

/** The same with the `etag`, for what will be changed. */
export function useApiWithTag<T>(
  path: string,
  query?: Query,
  options: Options<Answer<T>> = {},
): UseQueryResult<Answer<T>, Error> {
  return useQuery<Answer<T>, Error>({
    ...options,
    queryKey: [...keyOf(path, query), 'etag'],
    queryFn: ({ signal }) => api.read<T>(path, query, signal),
  });
}

/** Everything of these resources is asked for again where it is shown. */
export async function refresh(...paths: string[]): Promise<void> {
  await Promise.all(paths.map((path) => queryClient.invalidateQueries({ queryKey: keyOf(path) })));
}
