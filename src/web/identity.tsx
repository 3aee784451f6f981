/**
 * Two dialogs over the page. The session ended: the person signs in, and what they were doing goes on. A deed wants
 * to know again who is asking: the password, and the deed is done.
 */
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useSyncExternalStore } from 'react';
import { employ } from './api.ts';
import { renewSession, sessionQuery } from './session.ts';

type Asked = 'sign-in' | 'confirm';

let asked: Asked | null = null;
let answer: ((isDone: boolean) => void) | null = null;
let waiting: Promise<boolean> | null = null;
const listeners = new Set<() => void>();

function ask(what: Asked | null): void {
  asked = what;
  for (const listener of listeners) listener();
}

/** Several requests that fail together are helped by one dialog. */
function raise(what: Asked): Promise<boolean> {
  if (waiting) return waiting;
  const focused = document.activeElement;
  waiting = new Promise<boolean>((resolve) => {
    answer = resolve;
  }).finally(() => {
    waiting = null;
    ask(null);
    if (focused instanceof HTMLElement) focused.focus();
  });
  ask(what);
  return waiting;
}

const done = (isDone: boolean): void => answer?.(isDone);

export const loadIdentityDialogs = () => import('./identity-dialogs.tsx');
const SignInAgain = lazy(async () => ({ default: (await loadIdentityDialogs()).SignInAgain }));
const ConfirmAgain = lazy(async () => ({ default: (await loadIdentityDialogs()).ConfirmAgain }));

function listen(listener: () => void): () => void {
  listeners.add(listener);
  employ({ signIn: () => raise('sign-in'), confirm: () => raise('confirm'), renew: renewSession });
  return () => listeners.delete(listener);
}

/** Mounted once, by the shell. */
export function Identity() {
  const what = useSyncExternalStore(listen, () => asked);
  const { data: session } = useQuery({ ...sessionQuery, enabled: false });
  if (!what || !session) return null;
  const Dialog = what === 'sign-in' ? SignInAgain : ConfirmAgain;
  return (
    <Suspense>
      <Dialog session={session} onDone={done} />
    </Suspense>
  );
}
