import { queryOptions, useQuery, useSuspenseQuery } from '@tanstack/react-query';
import type { Session } from '../contracts/session.ts';
import type { Deed } from '../contracts/words.ts';
import { api, ProblemError, rememberCsrf } from './api.ts';
import { queryClient } from './query.ts';
import { tellTimeIn } from './words.ts';

/** Who is signed in; null: nobody. */
export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: async (): Promise<Session | null> => {
    try {
      return begin(await api.get<Session>('/session'));
    } catch (error) {
      if (error instanceof ProblemError && error.status === 401) return begin(null);
      throw error;
    }
  },
  staleTime: 5 * 60_000,
});

function begin(session: Session | null): Session | null {
  rememberCsrf(session?.csrf ?? null);
  if (session) tellTimeIn(session.agency.timeZone, session.now);
  return session;
}

/** After signing in: what another person saw is forgotten. */
export function enter(session: Session): void {
  const before = queryClient.getQueryData(sessionQuery.queryKey);
  if (before?.person.id !== session.person.id) queryClient.clear();
  queryClient.setQueryData(sessionQuery.queryKey, begin(session));
}

/** Signs out and forgets everything by loading the page anew. */
export async function leave(): Promise<void> {
  await api.send('DELETE', '/session');
  location.assign('/sign-in');
}

export async function renewSession(): Promise<void> {
  const before = queryClient.getQueryData(sessionQuery.queryKey);
  const after = await queryClient.fetchQuery({ ...sessionQuery, staleTime: 0 });
  // Somebody else signed in in another tab: nothing of the page is theirs.
  if (before && after && before.person.id !== after.person.id) location.reload();
}

/** Inside the shell, where somebody is signed in. */
export function useSession(): Session {
  const { data } = useSuspenseQuery(sessionQuery);
  if (!data) throw new Error('nobody is signed in, and yet the shell is shown');
  return data;
}

/** May the person do this somewhere? The server asks again, for the very thing. */
export function useMay(): (deed: Deed) => boolean {
  const { data } = useQuery(sessionQuery);
  return (deed) => data?.may.includes(deed) ?? false;
}
