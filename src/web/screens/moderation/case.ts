import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { Case } from '../../../contracts/moderation.ts';
import { api } from '../../api.ts';
import { keyOf, useApi } from '../../query.ts';

/** One open case: what is shown stays as it was read until the moderator agrees to see what has changed. */

export const casePath = (id: number): string => `/moderation/${id}`;

export interface OpenCase {
  /** What the moderator has before his eyes. */
  readonly shown: Case | null;
  /** What lies on the server now, where that is something else. */
  readonly newer: Case | null;
  readonly query: ReturnType<typeof useApi<Case>>;
  /** Shows what lies on the server now. */
  readonly accept: () => void;
}

export function useOpenCase(id: number): OpenCase {
  const query = useApi<Case>(casePath(id));
  const [held, hold] = useState<Case | null>(null);
  const { data } = query;
  const isMine = data?.id === id;
  // The same content with other lookers, another answer: nothing to agree to.
  if (isMine && data !== held && (held?.id !== id || held.version === data.version)) hold(data);
  const shown = held?.id === id ? held : isMine ? data : null;
  return {
    shown,
    newer: isMine && shown !== null && data.version !== shown.version ? data : null,
    query,
    accept: () => data && hold(data),
  };
}

/** Reads cases before they are opened, so that the next one is there at once. */
export function usePrefetch(ids: readonly (number | null)[]): void {
  const client = useQueryClient();
  const wanted = ids.filter((id) => id !== null).join(',');
  useEffect(() => {
    for (const id of wanted === '' ? [] : wanted.split(',')) {
      const path = casePath(Number(id));
      void client
        .fetchQuery({ queryKey: keyOf(path), queryFn: ({ signal }) => api.get<Case>(path, undefined, signal) })
        .then(({ photos }) => {
          for (const { thumb } of photos.after.slice(0, 8)) new Image().src = thumb;
        })
        // It will be asked for again when it is opened, and its trouble told then.
        .catch(() => {});
    }
  }, [client, wanted]);
}

/** Not yet for somebody who only goes past. */
const LOOK_AFTER_MS = 800;
const LOOK_AGAIN_MS = 25_000;

/** Says that the case is open here, and hears who else has it. */
export function useLookers(id: number, known: Case['lookers']): Case['lookers'] {
  const [heard, hear] = useState<{ id: number; lookers: Case['lookers'] } | null>(null);
  useEffect(() => {
    let hasLooked = false;
    const look = () => {
      if (document.hidden) return;
      hasLooked = true;
      void api
        .send<{ lookers: Case['lookers'] }>('POST', `${casePath(id)}/look`)
        .then(({ lookers }) => hear({ id, lookers }))
        .catch(() => {});
    };
    const first = setTimeout(look, LOOK_AFTER_MS);
    const again = setInterval(look, LOOK_AGAIN_MS);
    return () => {
      clearTimeout(first);
      clearInterval(again);
      if (hasLooked) void api.send('DELETE', `${casePath(id)}/look`).catch(() => {});
    };
  }, [id]);
  return heard?.id === id ? heard.lookers : known;
}

/** What differs between two readings of one case, in words. */
export interface Conflict {
  readonly label: string;
  readonly before: string;
  readonly after: string;
}

export function conflictsOf(before: Case, after: Case): Conflict[] {
  const was = new Map(before.content.map((one) => [one.field, one]));
  const is = new Map(after.content.map((one) => [one.field, one]));
  const found: Conflict[] = [];
  for (const field of new Set([...was.keys(), ...is.keys()])) {
    const one = was.get(field);
    const other = is.get(field);
    const hasNewPhotos =
      field === 'photos' &&
      before.photos.after.map(({ thumb }) => thumb).join() !== after.photos.after.map(({ thumb }) => thumb).join();
    if (one?.text === other?.text && !hasNewPhotos) continue;
    found.push({
      label: (other ?? one)!.label,
      before: one?.text ?? 'пусто',
      after: hasNewPhotos && one?.text === other?.text ? `${other!.text}, другие` : (other?.text ?? 'пусто'),
    });
  }
  return found;
}
