/**
 * What changes on the server is asked for again where it is shown. A tab that nobody looks at holds no connection:
 * browsers allow six to one server, and agents open many tabs. Coming back to it asks anew anyway.
 */
import { useEffect, useSyncExternalStore } from 'react';
import { queryClient, refresh } from './query.ts';

/** Events come in bursts while a run goes; each resource is asked for at most this often. */
const PAUSE_MS = 1_000;

const listeners = new Set<() => void>();
let isOn = false;

function tell(value: boolean): void {
  isOn = value;
  for (const listener of listeners) listener();
}

/** Is what is shown kept fresh by the server just now? */
export const useIsLive = (): boolean =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => isOn,
  );

/** What a kind of change touches, where it is more than the resource of the same name. */
const RESOURCES: Readonly<Record<string, readonly string[]>> = {
  listings: ['/listings', '/notices', '/moderation'],
  feeds: ['/feeds', '/diagnostics', '/listings'],
  money: ['/accounts', '/promotions', '/reconciliation'],
};

/** Numbers of the rail and the bell hang on everything. */
const ALWAYS = '/waiting';

const resourcesOf = (kind: string): readonly string[] => [...(RESOURCES[kind] ?? [`/${kind}`]), ALWAYS];

/** Mounted once by the shell. Where events do not come, pages are simply as fresh as they were asked for. */
export function useLive(): void {
  useEffect(() => {
    let source: EventSource | null = null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const waiting = new Set<string>();
    const flush = () => {
      timer = undefined;
      const kinds = [...waiting];
      waiting.clear();
      // Something may have been missed: everything but who is signed in.
      if (kinds.includes('all'))
        void queryClient.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'session' });
      else void refresh(...new Set(kinds.flatMap(resourcesOf)));
    };
    const close = () => {
      source?.close();
      source = null;
      tell(false);
    };
    const follow = () => {
      if (document.hidden) return close();
      if (source) return;
      source = new EventSource('/api/v1/events');
      source.onopen = () => tell(true);
      // The browser tries again by itself, unless the server said no.
      source.onerror = () => tell(false);
      source.addEventListener('changed', (event: MessageEvent<string>) => {
        waiting.add((JSON.parse(event.data) as { kind: string }).kind);
        timer ??= setTimeout(flush, PAUSE_MS);
      });
    };
    follow();
    document.addEventListener('visibilitychange', follow);
    return () => {
      document.removeEventListener('visibilitychange', follow);
      clearTimeout(timer);
      close();
    };
  }, []);
}
