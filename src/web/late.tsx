import { type ReactNode, Suspense, useEffect, useState } from 'react';

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
