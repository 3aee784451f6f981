import { type ReactNode, Suspense, useEffect, useState } from 'react';

/** What the first picture does without is fetched after it: a dialog must open even where the network is gone. */
const FETCH_AFTER_MS = 3_000;

/** Fetches code that will be wanted, once the screen is there. */
export function useFetchLater(loads: readonly (() => Promise<unknown>)[]): void {
  useEffect(() => {
    const timer = setTimeout(() => {
      // Where it fails it is tried again, and told, when it is wanted.
      for (const load of loads) load().catch(() => undefined);
    }, FETCH_AFTER_MS);
    return () => clearTimeout(timer);
  }, [loads]);
}

interface LateProps {
  readonly opened: boolean;
  readonly children: (opened: boolean) => ReactNode;
}

/** A dialog whose code comes when it is first opened. It is mounted closed, so that it knows where the focus was. */
export function Late({ opened, children }: LateProps) {
  const [wasOpened, setWasOpened] = useState(opened);
  if (opened && !wasOpened) setWasOpened(true);
  return wasOpened ? (
    <Suspense>
      <Settled opened={opened}>{children}</Settled>
    </Suspense>
  ) : null;
}

function Settled({ opened, children }: LateProps) {
  const [isIn, setIsIn] = useState(false);
  useEffect(() => setIsIn(true), []);
  return children(opened && isIn);
}
