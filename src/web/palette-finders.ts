import type { ListingsPage } from '../contracts/listings.ts';
import type { Session } from '../contracts/session.ts';
import { api } from './api.ts';
import type { Choice } from './palette.tsx';

/** Finds things of one kind by what was typed; at most a handful. */
export type Finder = (text: string, session: Session, signal: AbortSignal) => Promise<readonly Choice[]>;

const listings: Finder = async (text, { may }, signal) => {
  if (!may.includes('see-listings')) return [];
  const found = await api.get<ListingsPage>('/listings', { q: text, limit: 6, cells: 'no' }, signal);
  return found.data.map(({ id, title, address }) => ({
    id: `listing-${id}`,
    words: `${id}. ${title}`,
    ...(address && { more: address }),
    href: `/listings/${id}`,
  }));
};

/** What the palette looks through besides the screens themselves. */
export const FINDERS: readonly Finder[] = [listings];
